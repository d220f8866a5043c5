# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From a plate in a picture to upright crops: what lies askew is turned, what leans is set up.

Of one plate several crops are made, since nobody knows beforehand which border a reader wants:
close to the sides, with a margin, and without the coloured bands at the ends.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.analytics.plates.find import Found, Picture

Gray = NDArray[np.uint8]
"""(H, W) uint8."""

LEAST_PX = 5
HIGH_PX = 64
"""Crops are at most so high."""
MOST_WIDE = 12
"""Crops are at most so many times as wide as high."""
LOOSER, WIDER = (0.04, 0.10), (0.14, 0.18)
"""Margins, as shares of width and height; the wider one shows what a finder may have cut off."""
TURNS = np.arange(-15.0, 15.1, 3.0)
"""Degrees that are tried to set a box level."""
FILLS = 0.8
_SMALL_PX = 32
_TURN_GAIN = 1.06
"""A turn must sharpen the lines of text by this much, else nothing is turned."""
BAND_SATURATION = 90
BAND_HUES = (95, 130)
"""Blue, in OpenCV's half degrees."""
BAND_SHARE = 0.45
"""A column belongs to a band if so much of it is blue."""
MOST_BAND = 0.22
"""A band is at most this share of the crop."""


@dataclass(frozen=True, slots=True)
class Crop:
    """An upright picture of one plate, or of what is believed to be one."""

    gray: Gray
    way: str
    """How it was cut: `close`, `loose`, `wide` (and what is beside it), `bare` (no bands)."""
    bands: tuple[bool, bool] = (False, False)
    """Whether a blue band was seen at the left and at the right."""


def rectify(picture: Picture, found: Found) -> tuple[Crop, ...]:
    """Return crops of a plate in a uint8 picture, the most promising first; none if it is too low.

    A slanted quad is trusted; an upright one is a mere box, and the text in it says how it lies.
    """
    if picture.ndim not in (2, 3) or min(picture.shape[:2]) < 1 or found.height_px < LEAST_PX:
        return ()
    if not np.isfinite(found.quad).all():
        return ()
    close = _warped(picture, found, 0.0, 0.0)
    if close is None:
        return ()
    loose = _warped(picture, found, *LOOSER)
    if is_box(found):
        close = level(close)
        loose = None if loose is None else level(loose)
    crops = [_crop(close, "close")]
    if loose is not None:
        crops.append(_crop(loose, "loose"))
    wide = None if _fills(picture, found) else _warped(picture, found, *WIDER)
    if wide is not None:
        crops.append(_crop(level(wide) if is_box(found) else wide, "wide"))
    bare = without_bands(close)
    if bare is not None:
        crops.append(_crop(bare[0], "bare", bare[1]))
    return tuple(crops)


def _fills(picture: Picture, found: Found) -> bool:
    """Return whether it is as good as the whole picture: a crop that somebody made."""
    left, top, right, bottom = found.box
    high, wide = picture.shape[:2]
    return bool((right - left) * (bottom - top) > FILLS * high * wide)


def is_box(found: Found) -> bool:
    """Return whether its sides are parallel to the picture's: nothing is known of how it lies."""
    sides = found.quad - np.roll(found.quad, 1, axis=0)
    return bool((np.abs(sides).min(1) < 1e-3).all())  # noqa: PLR2004 - a thousandth of a pixel


def _crop(picture: Picture, way: str, bands: tuple[bool, bool] = (False, False)) -> Crop:
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture  # noqa: PLR2004
    return Crop(np.ascontiguousarray(gray, np.uint8), way, bands)


def _warped(picture: Picture, found: Found, wide: float, high: float) -> Picture | None:
    """Return the quad, widened by shares of its size, as an upright picture."""
    quad = found.quad.astype(np.float32)
    along, down = _mean(quad[[1, 2]] - quad[[0, 3]]), _mean(quad[[3, 2]] - quad[[0, 1]])
    shift = np.stack([-along * wide - down * high, along * wide - down * high,
                      along * wide + down * high, -along * wide + down * high])  # fmt: skip
    quad = quad + shift.astype(np.float32)
    width, height = float(np.linalg.norm(along)), float(np.linalg.norm(down))
    width, height = width * (1 + 2 * wide), height * (1 + 2 * high)
    if width < LEAST_PX or height < LEAST_PX or width > MOST_WIDE * height:
        return None
    scale = min(1.0, HIGH_PX / height)
    size = max(LEAST_PX, round(width * scale)), max(LEAST_PX, round(height * scale))
    goal = np.array([[0, 0], [size[0], 0], size, [0, size[1]]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad, goal)
    way = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR  # noqa: PLR2004
    out = cv2.warpPerspective(picture, matrix, size, flags=way, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8)


def _mean(sides: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(sides.mean(0), np.float32)


def level(picture: Picture) -> Picture:
    """Return a crop turned so that its lines of text lie level, if a turn makes them sharper."""
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture  # noqa: PLR2004
    high, wide = gray.shape[:2]
    scale = min(1.0, _SMALL_PX / high)
    small = cv2.resize(gray, (max(8, round(wide * scale)), max(8, round(high * scale))))
    strokes = np.abs(cv2.Sobel(small, cv2.CV_32F, 1, 0, ksize=3))
    sharp = {float(turn): _lines(strokes, turn) for turn in TURNS}
    best = max(sharp, key=lambda turn: sharp[turn])
    if sharp[best] <= sharp[0.0] * _TURN_GAIN or best == 0.0:
        return picture
    out = cv2.warpAffine(
        picture, _leaning(best, wide), (wide, high), borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(out, np.uint8)


def _lines(strokes: NDArray[np.float32], turn: float) -> float:
    """Return how much rows differ when the crop is sheared upright by so many degrees."""
    high, wide = strokes.shape[:2]
    turned = cv2.warpAffine(strokes, _leaning(turn, wide), (wide, high))
    rows = turned.mean(1)
    return float(np.square(np.diff(rows)).sum())


def _leaning(turn: float, wide: int) -> NDArray[np.float32]:
    """Return the affine map that takes away a slope of so many degrees, about the middle."""
    slope = float(np.tan(np.deg2rad(turn)))
    return np.array([[1, 0, 0], [-slope, 1, slope * wide / 2]], np.float32)


def without_bands(picture: Picture) -> tuple[Picture, tuple[bool, bool]] | None:
    """Return a colour crop without the blue bands at its ends, and where they were; else None."""
    if picture.ndim != 3 or picture.shape[1] < 4 * LEAST_PX:  # noqa: PLR2004
        return None
    colours = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    low, high = BAND_HUES
    blue = (
        (colours[:, :, 0] >= low) & (colours[:, :, 0] <= high)
        & (colours[:, :, 1] >= BAND_SATURATION) & (colours[:, :, 2] >= 40)  # noqa: PLR2004
    ).mean(0)  # fmt: skip
    wide = picture.shape[1]
    most = int(wide * MOST_BAND)
    first, last = _ends(blue[:most]), _ends(blue[::-1][:most])
    if first == last == 0 or blue.mean() > 2 * MOST_BAND:
        return None
    return picture[:, first : wide - last], (first > 0, last > 0)


def _ends(blue: NDArray[np.float64]) -> int:
    """Return where the last blue column is that touches a run of blue near the end."""
    marked = np.flatnonzero(blue >= BAND_SHARE)
    if not len(marked) or marked[0] > len(blue) // 2:
        return 0
    last = int(marked[0])
    for one, two in pairwise(marked.tolist()):
        if two - one > max(2, len(blue) // 6):
            break
        last = two
    return last + 1 if last - int(marked[0]) >= 2 else 0  # noqa: PLR2004 - wider than a line
