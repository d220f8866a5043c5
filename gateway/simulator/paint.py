# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Brushes of the simulated town, and the marks burned into every picture of it.

Pictures are RGB, uint8, height x width x 3; colours are (red, green, blue) in 0..255; points are
(x, y) in pixels, y downwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Mask = NDArray[np.floating[Any]]
"""Shape (height, width), 0..1."""
Colour = tuple[float, float, float]
Point = tuple[float, float]

WIDTH, HEIGHT = 1280, 720

STRIP_BITS = 16
STRIP_BLOCK_PX = 16
"""At 1280 x 720; the strip is 256 x 16 px in the bottom left corner, H.264 macroblocks exactly."""
MOST_FRAME_INDEX = (1 << 12) - 1
_CHECK_SEED = 0b1010
"""So that neither all black nor all white blocks are a valid strip."""
_LEAST_PX = (160, 90)
_BLACK_BELOW, _WHITE_ABOVE = 90, 165

BANNER_TEXT = "ESERCITAZIONE"
BANNER_PX = 34
_AMBER: Colour = (255, 190, 40)
_FIXED_POINT_BITS = 4


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour `share` (0..1) of the way from `first` to `second`."""
    a, b, c = (one + (other - one) * share for one, other in zip(first, second, strict=True))
    return a, b, c


def canvas(width: int = WIDTH, height: int = HEIGHT, colour: Colour = (0, 0, 0)) -> Picture:
    """Return a picture of one colour."""
    return np.full((height, width, 3), np.clip(colour, 0, 255), np.uint8)


def fixed(points: Sequence[Point] | NDArray[np.float64]) -> NDArray[np.int32]:
    """Return points as OpenCV's fixed point numbers (`shift=4`)."""
    scale = 1 << _FIXED_POINT_BITS
    return np.round(np.asarray(points, np.float64) * scale).astype(np.int32).reshape(-1, 1, 2)


def fill(picture: Picture, points: Sequence[Point] | NDArray[np.float64], colour: Colour) -> None:
    """Fill a polygon with smooth edges."""
    cv2.fillPoly(picture, [fixed(points)], colour, cv2.LINE_AA, _FIXED_POINT_BITS)


def stroke(
    picture: Picture, points: Sequence[Point] | NDArray[np.float64], colour: Colour, width_px: float
) -> None:
    """Draw an open line with round ends."""
    width = max(1, round(width_px))
    cv2.polylines(picture, [fixed(points)], False, colour, width, cv2.LINE_AA, _FIXED_POINT_BITS)


def rectangle(picture: Picture, box: tuple[float, float, float, float], colour: Colour) -> None:
    """Fill left, top, right, bottom."""
    left, top, right, bottom = box
    fill(picture, [(left, top), (right, top), (right, bottom), (left, bottom)], colour)


def disc(picture: Picture, centre: Point, radius_px: float, colour: Colour) -> None:
    """Fill a circle."""
    scale = 1 << _FIXED_POINT_BITS
    at = (round(centre[0] * scale), round(centre[1] * scale))
    cv2.circle(
        picture, at, max(1, round(radius_px * scale)), colour, -1, cv2.LINE_AA, _FIXED_POINT_BITS
    )


def vertical(width: int, height: int, stops: Sequence[tuple[float, Colour]]) -> Picture:
    """Return a gradient downwards; stops are (0..1, colour) in rising order."""
    at = [stop for stop, _ in stops]
    rows = np.linspace(0, 1, height)
    column = np.stack([np.interp(rows, at, [c[k] for _, c in stops]) for k in range(3)], axis=1)
    return np.repeat(column[:, None, :], width, axis=1).round().astype(np.uint8)


def cloud_noise(rng: np.random.Generator, shape: tuple[int, int], coarse: int, fine: int) -> Mask:
    """Return smooth noise around 0, about -1..1: octaves from `coarse` to `fine` pixels."""
    height, width = shape
    noise = np.zeros(shape, np.float32)
    weight, size = 1.0, coarse
    while size >= fine:
        small = rng.standard_normal((height // size + 2, width // size + 2)).astype(np.float32)
        noise += weight * cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        weight, size = weight * 0.6, size // 2
    return (noise / max(1e-6, 2.2 * float(noise.std()))).astype(np.float32)


def shade(picture: Picture, light: Mask) -> Picture:
    """Multiply by a mask (height, width) or (height, width, 3); 1 leaves as it is."""
    factor = light.reshape(*picture.shape[:2], -1)
    return np.asarray(np.clip(picture * factor, 0, 255), np.uint8)


def blend(below: Picture, above: Picture, mask: Mask) -> Picture:
    """Lay `above` over `below` where the mask is 1."""
    share = mask[..., None]
    return np.asarray(below * (1 - share) + above * share + 0.5, np.uint8)


def soft(shape: tuple[int, int], points: Sequence[Point], blur_px: float) -> Mask:
    """Return a blurred polygon as a mask."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [fixed(points)], 255, cv2.LINE_AA, _FIXED_POINT_BITS)
    smooth = cv2.GaussianBlur(mask, (0, 0), blur_px) if blur_px > 0 else mask
    return (smooth / 255.0).astype(np.float32)


def glow(shape: tuple[int, int], centre: Point, radius: Point, power: float = 2.0) -> Mask:
    """Return light falling off from a centre: 1 there, one half at `radius` (x and y)."""
    rows = (np.arange(shape[0], dtype=np.float32)[:, None] - centre[1]) / radius[1]
    columns = (np.arange(shape[1], dtype=np.float32)[None, :] - centre[0]) / radius[0]
    return (1 / (1 + (rows * rows + columns * columns) ** (power / 2))).astype(np.float32)


def add_light(picture: Picture, mask: Mask, colour: Colour) -> Picture:
    """Add coloured light where the mask says."""
    light = mask[..., None] * np.asarray(colour, np.float32)
    return np.clip(picture + light, 0, 255).astype(np.uint8)


def texture(
    picture: Picture, rng: np.random.Generator, amount: float, coarse: int = 64, fine: int = 2
) -> Picture:
    """Make a surface uneven by about `amount` (share of its brightness)."""
    noise = cloud_noise(rng, (picture.shape[0], picture.shape[1]), coarse, fine)
    return shade(picture, 1 + amount * noise)


def vignette(picture: Picture, strength: float) -> Picture:
    """Darken the corners as a lens does."""
    height, width = picture.shape[:2]
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    return shade(picture, 1 - strength * (rows * rows + columns * columns) / 2)


def text(picture: Picture, words: str, at: Point, size_px: int, colour: Colour) -> int:
    """Write bold words with their baseline at a point; return the x where they end."""
    where = (round(at[0]), round(at[1]))
    end, _ = cv2.putText(picture, words, where, colour, cv2.FontFace("sans"), size_px, 700)
    return int(end[0])


def text_width(words: str, size_px: int) -> int:
    """Return how wide `text` would write."""
    nowhere = np.zeros((1, 1, 3), np.uint8)
    return text(nowhere, words, (0, 0), size_px, (0, 0, 0))


@dataclass(frozen=True, slots=True)
class Sprite:
    """A picture with a mask, and where its top left corner lies."""

    picture: Picture
    mask: Mask
    left: int
    top: int


def lay(picture: Picture, sprite: Sprite) -> None:
    """Lay a sprite over a picture; what lies outside is cut off."""
    height, width = sprite.mask.shape
    left, top = max(0, sprite.left), max(0, sprite.top)
    right = min(picture.shape[1], sprite.left + width)
    bottom = min(picture.shape[0], sprite.top + height)
    if right <= left or bottom <= top:
        return
    rows = slice(top - sprite.top, bottom - sprite.top)
    columns = slice(left - sprite.left, right - sprite.left)
    below = picture[top:bottom, left:right]
    share = sprite.mask[rows, columns, None]
    below[:] = (below * (1 - share) + sprite.picture[rows, columns] * share + 0.5).astype(np.uint8)


def darken(picture: Picture, mask: Mask, left: int, top: int, least: float) -> None:
    """Cast a shadow: where the mask is 1 the picture keeps `least` of its brightness."""
    height, width = mask.shape
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(picture.shape[1], left + width), min(picture.shape[0], top + height)
    if x1 <= x0 or y1 <= y0:
        return
    part = mask[y0 - top : y1 - top, x0 - left : x1 - left, None]
    below = picture[y0:y1, x0:x1]
    below[:] = (below * (1 - (1 - least) * part) + 0.5).astype(np.uint8)


class Grain:
    """Sensor noise: a short bank of it, so that a loop as long as its multiple is seamless."""

    def __init__(self, sigma: float, seed: int, pictures: int = 5) -> None:
        """`sigma`: standard deviation in levels of 8 bits, the same in all channels."""
        rng = np.random.default_rng(seed)
        self._bank: list[tuple[Picture, Picture]] = []
        for _ in range(pictures):
            noise = rng.standard_normal((HEIGHT, WIDTH)).astype(np.float32) * sigma
            levels = np.repeat(np.round(noise)[..., None], 3, axis=2)
            more, less = np.clip(levels, 0, 255), np.clip(-levels, 0, 255)
            self._bank.append((more.astype(np.uint8), less.astype(np.uint8)))

    def add(self, picture: Picture, index: int) -> Picture:
        """Return the picture of that index with its noise."""
        more, less = self._bank[index % len(self._bank)]
        cv2.add(picture, more, picture)
        cv2.subtract(picture, less, picture)
        return picture


class Marks:
    """What is burned into each picture: the camera's name, *ESERCITAZIONE*, the frame index.

    The strip: 16 blocks from the left, black or white. Twelve bits of the index, highest first,
    then four check bits (the three groups of four bits and 0b1010, all xor'ed).
    """

    def __init__(self, name: str) -> None:
        """`name` is written at the top left."""
        self._banner = _banner(name)

    def burn(self, picture: Picture, index: int) -> None:
        """Burn the marks into a 1280 x 720 picture; `index` in 0..4095."""
        picture[:BANNER_PX] = self._banner
        bits = _strip_bits(index)
        row = np.repeat(np.asarray(bits, np.uint8) * 255, STRIP_BLOCK_PX)
        picture[HEIGHT - STRIP_BLOCK_PX :, : row.size] = row[None, :, None]


def _strip_bits(index: int) -> list[int]:
    value = index << 4 | _check(index)
    return [value >> bit & 1 for bit in reversed(range(STRIP_BITS))]


def _check(index: int) -> int:
    return (index ^ index >> 4 ^ index >> 8) & 0xF ^ _CHECK_SEED


def _banner(name: str) -> Picture:
    band = canvas(WIDTH, BANNER_PX, (16, 17, 20))
    step = 44
    for x in range(-BANNER_PX, WIDTH + step, step):
        edge = [(x, 6), (x + step / 2, 6), (x + step / 2 - 6, 0), (x - 6 + 12, 0)]
        fill(band, [(px - 6, py) for px, py in edge], _AMBER)
        foot = [(px, BANNER_PX - py) for px, py in edge]
        fill(band, foot, _AMBER)
    band[5:29] = (16, 17, 20)
    x = text(band, name.upper(), (14, 24), 17, (245, 245, 245)) + 40
    while x < WIDTH:
        x = text(band, BANNER_TEXT, (x, 24), 17, _AMBER) + 46
    return band


def read_frame_index(luma: NDArray[np.uint8]) -> int | None:
    """Return the frame index of the strip, or None if there is no legible one.

    `luma`: uint8, shape (height, width), full or limited range, any size of at least 160 x 90
    with the whole picture in it.
    """
    height, width = luma.shape
    if height < _LEAST_PX[1] or width < _LEAST_PX[0]:
        return None
    block_x, block_y = width * STRIP_BLOCK_PX / WIDTH, height * STRIP_BLOCK_PX / HEIGHT
    rows = luma[round(height - 0.7 * block_y) - 1 : round(height - 0.3 * block_y)]
    value = 0
    for bit in range(STRIP_BITS):
        middle = (bit + 0.5) * block_x
        left = int(middle - 0.2 * block_x)
        level = float(rows[:, left : max(left + 1, round(middle + 0.2 * block_x))].mean())
        if _BLACK_BELOW < level < _WHITE_ABOVE:
            return None
        value = value << 1 | (level >= _WHITE_ABOVE)
    index = value >> 4
    return index if value & 0xF == _check(index) else None
