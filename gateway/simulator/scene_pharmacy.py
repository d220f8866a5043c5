# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The pharmacy after closing time: quiet for hours, and once somebody with a torch.

The room is painted twice, by white light and by what comes in from the street at night; a torch
is a soft hole in the night through which the other picture shows.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.model.alarm import Box
from gateway.simulator import paint
from gateway.simulator.masonry import plaster_front
from gateway.simulator.paint import HEIGHT, WIDTH, Colour, Mask, Picture, Point, Sprite, fill, mix
from gateway.simulator.people import (
    Extra,
    Figure,
    Look,
    Pose,
    cast_shadow,
    draw_figure,
    lay_figure,
    walk_phase,
)
from gateway.simulator.perspective import Lens, Points, hang
from gateway.simulator.truth import Kind, Seen

FPS = 15
FRAMES = 180
INTRUSION_INDEX = 2000
"""Frame index of the intrusion's first picture; those of the quiet loop begin with 0."""
GUARDED = ((0.40, 0.50), (0.52, 0.40), (0.86, 0.40), (0.98, 0.97), (0.22, 0.97), (0.22, 0.62))
"""The guarded zone: floor and counter, without the window, the cross and the frame strip."""
_LENS = Lens(800.0, 2.75, float(np.deg2rad(13.0)))
_BACK_M, _SIDE_M, _HIGH_M = 8.5, 5.0, 3.15
_WINDOW = (-4.4, 0.55, 0.9, 2.65)
"""Left, foot, right, top of the shop window, in metres."""
_DOOR = (1.5, 0.0, 2.75, 2.35)
_COUNTER = (-3.5, 0.35, 4.5, 5.15, 1.02)
"""Left, right, near, far, height."""
_TILL_X = -0.75
_CROSS = (-3.45, 2.02)
_CLOTHES = Look((44, 48, 58), (30, 32, 40), (18, 18, 20), extra=Extra.HOOD)
_TALL_M = 1.80
_TORCH: Colour = (255, 240, 206)
_GREEN: Colour = (40, 255, 120)
_HALO_PX = 220

_STEPS: tuple[tuple[float, float, float], ...] = (
    (0.7, 2.2, 8.35),
    (1.2, 2.1, 7.9),
    (4.5, -0.35, 5.75),
    (8.0, -0.35, 5.75),
    (11.0, 2.1, 7.9),
    (11.5, 2.2, 8.35),
)
"""Where the intruder stands: seconds, x, z."""
_SPOTS: tuple[tuple[float, float, float, float, float], ...] = (
    (0.15, 905, 330, 50, 0.0),
    (0.5, 905, 350, 64, 0.7),
    (1.4, 770, 560, 105, 1.0),
    (2.3, 560, 350, 100, 1.0),
    (3.2, 200, 330, 130, 1.0),
    (4.2, 470, 470, 105, 1.0),
    (5.2, 520, 455, 88, 1.0),
    (6.0, 440, 480, 92, 1.0),
    (7.0, 560, 450, 90, 1.0),
    (8.0, 500, 500, 100, 1.0),
    (9.2, 1080, 380, 125, 1.0),
    (10.3, 880, 560, 110, 1.0),
    (11.2, 900, 380, 70, 0.9),
    (11.7, 905, 330, 50, 0.0),
)
"""Where the torch points: seconds, x, y, radius in pixels, strength."""


class Room:
    """The empty pharmacy by white light and by night, and what stands before the intruder."""

    def __init__(self, name: str = "Farmacia della Torre", *, mirrored: bool = False) -> None:
        """`mirrored`: the sign can be read once the picture is turned round."""
        rng = np.random.default_rng(20260303)
        street = _street(rng)
        lit = _walls(rng, _sign(name, mirrored=mirrored))
        _glass(lit, paint.shade(street, np.full(street.shape[:2], 0.8, np.float32)))
        before = lit.copy()
        _counter(lit, rng)
        self.lit = paint.vignette(_polish(lit, before, 0.16), 0.2)
        self.night = _by_night(self.lit, street)
        self.counter = _counter_mask()
        halo = paint.glow((HEIGHT, WIDTH), _cross_at(), (64, 64), 3.0)
        edge = np.float32(1 / (1 + (_HALO_PX / 64) ** 3))
        self.cross = np.maximum(halo - edge, 0) * np.float32(0.45)
        self.grain = paint.Grain(1.2, 13)
        self.marks = paint.Marks(name)

    def still(self, turn: float) -> Picture:
        """Return the room at night at a share (0..1) of the loop: the cross and a lamp blink."""
        picture = self.night.copy()
        _cross(picture, turn, self.cross)
        if (turn * FRAMES / FPS) % 2 < 1:
            paint.disc(picture, _on(_TILL_X + 0.45, 1.07, 4.75), 2.2, (255, 50, 40))
        return picture

    def finish(self, picture: Picture, index: int, number: int) -> Picture:
        """Add noise of picture `index` and burn the marks with frame index `number`."""
        self.grain.add(picture, index)
        self.marks.burn(picture, number)
        return picture


class QuietPharmacy:
    """The scene `farmacia` when nothing happens; a loop of 12 s at 15 pictures a second."""

    fps, frames = FPS, FRAMES

    def __init__(self, room: "Room | None" = None) -> None:
        self._room = room or Room()

    def draw(self, index: int) -> tuple[Picture, tuple[Seen, ...]]:
        """Return the picture of an index in 0..frames-1; nobody is in it."""
        picture = self._room.still(index / FRAMES)
        return self._room.finish(picture, index, index), ()


class Intrusion:
    """The scene `farmacia` when somebody enters, searches the till and leaves; 12 s."""

    fps, frames = FPS, FRAMES

    def __init__(self, room: "Room | None" = None) -> None:
        self._room = room or Room()

    def draw(self, index: int) -> tuple[Picture, tuple[Seen, ...]]:
        """Return the picture of an index in 0..frames-1 and the intruder if inside."""
        time_s = index / FPS
        picture = self._room.still(index / FRAMES)
        _door(picture, time_s)
        x, y, radius, strength = _spot(time_s)
        if strength > 0:
            _shine(picture, self._room.lit, (x, y), radius, strength)
        figure = _intruder(time_s, x)
        if figure is not None:
            front = _before(picture, self._room.counter, figure)
            cast_shadow(picture, figure, (-0.25, 0.22), 0.55)
            lay_figure(picture, figure)
            paint.lay(picture, front)
            _beam(picture, figure.hand, (x, y), radius, strength)
        return self._room.finish(picture, index, INTRUSION_INDEX + index), self.truth(index)

    def truth(self, index: int) -> tuple[Seen, ...]:
        """Return the intruder in the picture of an index, or nothing."""
        time_s = index / FPS
        figure = _intruder(time_s, _spot(time_s)[0])
        if figure is None:
            return ()
        return (Seen(Kind.INTRUDER, "intruso", _clipped(figure.box)),)


def _clipped(box: tuple[float, float, float, float]) -> Box:
    """Return what can be seen of a figure: its legs are behind the counter."""
    left, top, right, bottom = box
    edge = _on(0.0, _COUNTER[4], _COUNTER[3])[1]
    if right < _on(_COUNTER[1], _COUNTER[4], _COUNTER[3])[0]:
        bottom = min(bottom, edge)
    return Box(
        max(left, 0) / WIDTH, max(top, 0) / HEIGHT, min(right, WIDTH) / WIDTH,
        min(bottom, HEIGHT) / HEIGHT,
    )  # fmt: skip


def _project(*points: tuple[float, float, float]) -> Points:
    return _LENS.project(np.array(points, np.float64))


def _on(x: float, y: float, z: float) -> Point:
    point = _project((x, y, z))[0]
    return float(point[0]), float(point[1])


def _upright(x0: float, y0: float, x1: float, y1: float, z: float) -> Points:
    """Return a rectangle that faces us: clockwise from top left."""
    return _project((x0, y1, z), (x1, y1, z), (x1, y0, z), (x0, y0, z))


def _cross_at() -> Point:
    return _on(_CROSS[0], _CROSS[1], _BACK_M + 0.5)


def _street(rng: np.random.Generator) -> Picture:
    """Return what lies beyond the glass at night, 1200 x 520: houses, lamps, wet paving."""
    width, height, ground = 1200, 520, 350
    dusk = [(0.0, (10.0, 15.0, 34.0)), (0.6, (26.0, 32.0, 58.0)), (1.0, (18.0, 20.0, 28.0))]
    street = paint.vertical(width, height, dusk)
    _night_houses(street, rng)
    for lamp in (330.0, 980.0):
        paint.rectangle(street, (lamp - 3, 90, lamp + 3, ground), (24, 26, 30))
        halo = paint.glow((height, width), (lamp, 86), (90, 80), 2.6)
        street = paint.add_light(street, halo, (210, 150, 70))
        paint.disc(street, (lamp, 86), 11, (255, 236, 190))
    _parked(street, 640.0, float(ground + 12))
    above = street[ground - (height - ground) : ground][::-1]
    mirror = cv2.GaussianBlur(above, (0, 0), 2, sigmaY=11)
    ripple = 0.42 + 0.18 * paint.cloud_noise(rng, (height - ground, width), 32, 2)
    wet = mirror * ripple[..., None] + np.array([8, 9, 13])
    street[ground:] = np.clip(np.maximum(street[ground:] * 0.6, wet), 0, 255).astype(np.uint8)
    return street


def _night_houses(street: Picture, rng: np.random.Generator) -> None:
    """Paint four dark fronts side by side, 350 px high, with a few lit windows."""
    wide, high = 306, 350
    plaster: tuple[Colour, ...] = ((150, 110, 84), (160, 136, 100), (140, 104, 90), (150, 128, 108))
    for number, colour in enumerate(plaster):
        left = number * wide
        front = plaster_front(rng, 10.2, 9.4, colour)
        small = cv2.resize(front, (wide, high), interpolation=cv2.INTER_AREA).astype(np.uint8)
        night = paint.shade(small, np.full((high, wide), 0.26, np.float32))
        part = street[:high, left : left + wide]
        part[:] = night[:, : part.shape[1]]
        for _ in range(3):
            x = left + 28 + 74 * int(rng.integers(4))
            y = 36 + 86 * int(rng.integers(3))
            paint.rectangle(street, (x, y, x + 26, y + 44), (255, 196, 104))
            paint.rectangle(street, (x + 12, y, x + 14, y + 44), (120, 84, 44))


def _parked(street: Picture, x: float, y: float) -> None:
    """Paint a small parked car."""
    dark: Colour = (34, 40, 52)
    fill(street, [(x - 100, y), (x - 104, y - 30), (x - 84, y - 42), (x - 50, y - 46),
                  (x - 22, y - 76), (x + 44, y - 76), (x + 78, y - 44), (x + 104, y - 36),
                  (x + 108, y)], dark)  # fmt: skip
    fill(
        street, [(x - 40, y - 47), (x - 18, y - 70), (x + 8, y - 70), (x + 8, y - 47)], (70, 78, 92)
    )
    fill(street, [(x + 14, y - 47), (x + 14, y - 70), (x + 40, y - 70), (x + 64, y - 47)],
         (70, 78, 92))  # fmt: skip
    for wheel in (-62.0, 66.0):
        paint.disc(street, (x + wheel, y), 19, (12, 12, 14))
        paint.disc(street, (x + wheel, y), 9, (86, 90, 98))


def _sign(name: str, *, mirrored: bool) -> Picture:
    sign = paint.canvas(420, 60, (38, 128, 82))
    paint.text(sign, name.upper(), (16, 42), 31, (246, 250, 246))
    return np.ascontiguousarray(sign[:, ::-1]) if mirrored else sign


def _walls(rng: np.random.Generator, sign: Picture) -> Picture:
    """Paint floor, ceiling, walls and shelves by white light."""
    picture = paint.canvas(colour=(226, 228, 224))
    x, z, below = _LENS.ground()
    noise = paint.cloud_noise(rng, (HEIGHT, WIDTH), 64, 4)
    tiles = (np.floor(x / 0.6) + np.floor(z / 0.6)) % 2
    light = np.array([226, 220, 206], np.float32)
    dark = np.array([168, 180, 172], np.float32)
    floor = np.where(tiles[..., None] > 0, light, dark) * (1 + 0.05 * noise[..., None])
    seam = (np.minimum(x % 0.6, z % 0.6) < _SEAM_M)[..., None]
    floor = np.where(seam, floor * 0.8, floor)
    mask = (below & (z < _BACK_M) & (np.abs(x) < _SIDE_M)).astype(np.float32)
    picture = paint.blend(picture, np.clip(floor, 0, 255).astype(np.uint8), mask)
    wall = paint.texture(paint.canvas(600, 200, (232, 234, 228)), rng, 0.03, 64, 4)
    hang(picture, wall, _upright(-_SIDE_M, 0, _SIDE_M, _HIGH_M, _BACK_M))
    fill(picture, _upright(-_SIDE_M, 2.72, _SIDE_M, 2.98, _BACK_M - 0.02), (38, 128, 82))
    hang(picture, sign, _upright(-3.2, 2.74, -0.6, 2.96, _BACK_M - 0.02))
    for side in (-1, 1):
        shelf = _shelves(rng, 5.2, 2.5)
        near, far, at = 3.2, 8.4, side * (_SIDE_M - 0.05)
        corners = _project((at, 2.55, near), (at, 2.55, far), (at, 0.05, far), (at, 0.05, near))
        plain = _project((side * _SIDE_M, _HIGH_M, 1.0), (side * _SIDE_M, _HIGH_M, _BACK_M),
                         (side * _SIDE_M, 0, _BACK_M), (side * _SIDE_M, 0, 1.0))  # fmt: skip
        hang(picture, wall, plain if side < 0 else plain[[1, 0, 3, 2]])
        hang(picture, shelf, corners if side < 0 else corners[[1, 0, 3, 2]])
    hang(picture, _shelves(rng, 1.7, 2.4), _upright(3.05, 0.1, 4.75, 2.5, _BACK_M - 0.3))
    ceiling = _project((-_SIDE_M, _HIGH_M, _BACK_M), (_SIDE_M, _HIGH_M, _BACK_M),
                       (_SIDE_M, _HIGH_M, 3.0), (-_SIDE_M, _HIGH_M, 3.0))  # fmt: skip
    fill(picture, ceiling, (214, 216, 214))
    return picture


_SEAM_M = 0.015


def _shelves(rng: np.random.Generator, wide_m: float, high_m: float) -> Picture:
    """Return shelves full of small boxes, at 100 px to the metre."""
    width, height = round(wide_m * 100), round(high_m * 100)
    shelf = paint.canvas(width, height, (188, 190, 186))
    rows = 6
    for row in range(rows):
        foot = round((row + 1) * height / rows)
        top = round(row * height / rows)
        back = paint.vertical(width, foot - top, [(0, (120, 122, 120)), (1, (172, 174, 172))])
        shelf[top:foot] = back
        x = 4
        while x < width - 14:
            wide, high = int(rng.integers(9, 26)), int(rng.integers(16, 33))
            colour = _BOXES[int(rng.integers(len(_BOXES)))]
            for copy in range(int(rng.integers(1, 4))):
                at = x + copy * (wide + 1)
                box = (at, foot - 5 - high, at + wide, foot - 5)
                paint.rectangle(shelf, box, (246, 247, 245))
                band = foot - 5 - high * float(0.72 if wide % 2 else 0.4)
                paint.rectangle(shelf, (at, band, at + wide, band + high * 0.32), colour)
                paint.rectangle(
                    shelf,
                    (at + wide - 1.5, foot - 5 - high, at + wide, foot - 5),
                    mix(colour, (40, 40, 40), 0.5),
                )
            x += (wide + 1) * 3 + int(rng.integers(2, 12))
        paint.rectangle(shelf, (0, foot - 5, width, foot), (236, 237, 233))
        paint.rectangle(shelf, (0, foot - 1.5, width, foot), (130, 132, 130))
    for post in range(0, width + 1, 104):
        paint.rectangle(shelf, (post - 3, 0, post + 3, height), (224, 225, 221))
    return shelf


_BOXES: tuple[Colour, ...] = (
    (52, 120, 190), (206, 60, 56), (70, 160, 104), (240, 176, 60), (122, 90, 168), (40, 164, 176),
    (230, 120, 150), (90, 98, 112),
)  # fmt: skip


def _glass(picture: Picture, street: Picture) -> None:
    """Put the street behind window and door, with frames before it."""
    left, foot, right, top = _WINDOW
    hang(picture, street[40:470, 60:900], _upright(left, foot, right, top, _BACK_M - 0.01))
    left, foot, right, top = _DOOR
    hang(picture, street[60:520, 860:1090], _upright(left, foot, right, top, _BACK_M - 0.01))
    for opening, posts in ((_WINDOW, (0.0, 0.333, 0.667, 1.0)), (_DOOR, (0.0, 1.0))):
        _frames(picture, opening, posts)
    left, foot, right, _ = _WINDOW
    sill = _project((left, foot, _BACK_M), (right, foot, _BACK_M), (right, foot, _BACK_M - 0.45),
                    (left, foot, _BACK_M - 0.45))  # fmt: skip
    fill(picture, sill, (216, 214, 206))
    fill(picture, _upright(left, 0.0, right, foot, _BACK_M - 0.45), (190, 190, 184))
    for k, colour in enumerate(_BOXES[:6]):
        x = left + 0.5 + k * 0.82
        stand = _upright(x, foot, x + 0.3, foot + 0.42 + 0.1 * (k % 3), _BACK_M - 0.2)
        fill(picture, stand, mix(colour, (250, 250, 250), 0.2))
        fill(picture, _upright(x, foot + 0.1, x + 0.3, foot + 0.22, _BACK_M - 0.2), (250, 250, 248))


def _frames(
    picture: Picture, opening: tuple[float, float, float, float], posts: tuple[float, ...]
) -> None:
    left, foot, right, top = opening
    z, dark = _BACK_M - 0.03, (58, 62, 66)
    for share in posts:
        x = left + share * (right - left)
        fill(picture, _upright(x - 0.04, foot, x + 0.04, top, z), dark)
    fill(picture, _upright(left, top - 0.05, right, top + 0.05, z), dark)
    fill(picture, _upright(left, foot, right, foot + 0.08, z), dark)


def _counter(picture: Picture, rng: np.random.Generator) -> None:
    """Paint the counter, the till and two stands, seen from the staff's side."""
    left, right, near, far, high = _COUNTER
    wood = paint.texture(paint.canvas(385, 80, (198, 160, 116)), rng, 0.06, 64, 2)
    top = _project((left, high, far), (right, high, far), (right, high, near), (left, high, near))
    hang(picture, wood, top)
    front = paint.vertical(385, 102, [(0, (236, 236, 230)), (1, (176, 178, 174))])
    for drawer in range(5):
        across = 6 + drawer * 76
        for row in range(3):
            box = (across, 8 + row * 31, across + 70, 36 + row * 31)
            paint.rectangle(front, box, (222, 223, 218))
            cv2.rectangle(front, (int(box[0]), int(box[1])), (int(box[2]), int(box[3])),
                          (168, 170, 166), 1, cv2.LINE_AA)  # fmt: skip
            grip = (across + 25, 15 + row * 31, across + 45, 19 + row * 31)
            paint.rectangle(front, grip, (120, 124, 124))
    hang(picture, front, _upright(left, 0, right, high, near))
    end = _project((right, high, near), (right, high, far), (right, 0, far), (right, 0, near))
    fill(picture, end, (150, 152, 148))
    _till(picture, high)
    for x, colour in _STANDS:
        stand = _upright(x - 0.17, high, x + 0.17, high + 0.34, 4.9)
        fill(picture, stand, mix(colour, (255, 255, 255), 0.25))
        for row in range(3):
            y = high + 0.03 + 0.1 * row
            fill(picture, _upright(x - 0.14, y, x + 0.14, y + 0.07, 4.88), (248, 248, 246))


_STANDS: tuple[tuple[float, Colour], ...] = ((-2.7, (206, 70, 64)), (-2.1, (58, 132, 190)))
"""x and colour of the stands on the counter."""


def _till(picture: Picture, high: float) -> None:
    """Paint drawer, foot, back and screen of the till on a counter of that height."""
    for half, low, top, z, colour in (
        (0.28, 0.0, 0.12, 4.7, (52, 55, 60)),
        (0.05, 0.1, 0.2, 4.8, (40, 42, 46)),
        (0.24, 0.16, 0.5, 4.75, (38, 40, 44)),
        (0.21, 0.19, 0.47, 4.74, (88, 112, 140)),
    ):
        fill(picture, _upright(_TILL_X - half, high + low, _TILL_X + half, high + top, z), colour)


def _counter_mask() -> Mask:
    left, right, near, far, high = _COUNTER
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    white: Colour = (255, 255, 255)
    fill(
        mask,
        _project((left, high, far), (right, high, far), (right, high, near), (left, high, near)),
        white,
    )
    fill(mask, _upright(left, 0, right, high, near), white)
    fill(
        mask,
        _project((right, high, near), (right, high, far), (right, 0, far), (right, 0, near)),
        white,
    )
    fill(mask, _upright(_TILL_X - 0.28, high, _TILL_X + 0.28, high + 0.12, 4.7), white)
    fill(mask, _upright(_TILL_X - 0.24, high + 0.1, _TILL_X + 0.24, high + 0.5, 4.75), white)
    for x, _ in _STANDS:
        fill(mask, _upright(x - 0.17, high, x + 0.17, high + 0.34, 4.9), white)
    return (mask[..., 0] / np.float32(255)).astype(np.float32)


def _before(picture: Picture, counter: Mask, figure: Figure) -> Sprite:
    """Return the part of the counter that may stand before a figure and its shadow."""
    left, top, right, bottom = (int(edge) for edge in figure.box)
    rows = slice(max(0, top), min(HEIGHT, bottom + 40))
    columns = slice(max(0, left - 120), min(WIDTH, right + 60))
    part = picture[rows, columns].copy()
    return Sprite(part, counter[rows, columns], columns.start, rows.start)


def _polish(picture: Picture, walls: Picture, strength: float) -> Picture:
    """Let the floor mirror the back wall, the more the farther away it is."""
    line = round(_on(0, 0, _BACK_M)[1])
    depth = min(HEIGHT - line, line)
    mirror = cv2.GaussianBlur(walls[line - depth : line][::-1], (0, 0), 2.5, sigmaY=7)
    _, _, below = _LENS.ground()
    x, z, _ = _LENS.ground()
    floor = (below & (z < _BACK_M) & (np.abs(x) < _SIDE_M)).astype(np.float32)
    floor *= 1 - _counter_mask()
    fade = np.linspace(strength, strength * 0.15, depth, dtype=np.float32)[:, None]
    part = np.s_[line : line + depth]
    result = picture.copy()
    share = (floor[part] * fade)[..., None]
    result[part] = np.clip(picture[part] * (1 - share) + mirror * share, 0, 255).astype(np.uint8)
    return result


def _by_night(lit: Picture, street: Picture) -> Picture:
    """Return the room by what comes in from the street: blue dusk, green cross, amber lamp."""
    shape = (HEIGHT, WIDTH)
    cross = paint.glow(shape, _cross_at(), (250, 230), 2.2)
    lamp = paint.soft(shape, _lamplight(), 16) * (1 - _counter_mask())
    door = paint.soft(shape, _doorlight(), 12)
    light = np.empty((*shape, 3), np.float32)
    base = 0.20 + 0.06 * paint.glow(shape, (640, 330), (560, 300))
    for channel, (dusk, green, amber) in enumerate(
        ((0.80, 0.06, 0.46), (0.92, 0.36, 0.32), (1.24, 0.16, 0.14))
    ):
        light[..., channel] = base * dusk + 0.5 * cross * green + 0.62 * (lamp + door) * amber
    night = paint.shade(lit, light)
    _glass_only(night, street)
    walls = night.copy()
    return paint.vignette(_polish(night, walls, 0.42), 0.35)


def _glass_only(night: Picture, street: Picture) -> None:
    """Put the street behind the panes again, as bright as it is; frames and goods stay dark."""
    fresh = night.copy()
    left, foot, right, top = _WINDOW
    hang(fresh, street[40:470, 60:900], _upright(left, foot, right, top, _BACK_M - 0.01))
    left, foot, right, top = _DOOR
    hang(fresh, street[60:520, 860:1090], _upright(left, foot, right, top, _BACK_M - 0.01))
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    width = (_WINDOW[2] - _WINDOW[0]) / 3
    panes = [(_WINDOW[0] + k * width, _WINDOW[1] + 0.75, _WINDOW[0] + (k + 1) * width, _WINDOW[3])
             for k in range(3)]  # fmt: skip
    for pane in (*panes, _DOOR):
        x0, y0, x1, y1 = pane
        inner = _upright(x0 + 0.05, y0 + 0.09, x1 - 0.05, y1 - 0.06, _BACK_M - 0.01)
        fill(mask, inner, (255, 255, 255))
    share = (mask[..., 0] / np.float32(255)).astype(np.float32)
    night[:] = paint.blend(night, fresh, share)


def _lamplight() -> list[Point]:
    """Return where the street lamp throws the window onto the floor."""
    return [_on(-3.6, 0, 7.9), _on(-0.2, 0, 7.9), _on(1.4, 0, 5.6), _on(-2.4, 0, 5.6)]


def _doorlight() -> list[Point]:
    return [_on(1.6, 0, 8.4), _on(2.7, 0, 8.4), _on(3.9, 0, 6.0), _on(2.6, 0, 6.0)]


def _cross(picture: Picture, turn: float, halo: Mask) -> None:
    """Draw the green cross outside; its lamps run from the middle to the tips."""
    x, y = _cross_at()
    rows = slice(max(0, int(y) - _HALO_PX), int(y) + _HALO_PX)
    columns = slice(max(0, int(x) - _HALO_PX), int(x) + _HALO_PX)
    part = picture[rows, columns]
    light = halo[rows, columns, None] * np.asarray(_GREEN, np.float32)
    part[:] = np.clip(part + light, 0, 255).astype(np.uint8)
    arm, bar = 34.0, 12.0
    for half, tall in ((arm, bar), (bar, arm)):
        paint.rectangle(picture, (x - half, y - tall, x + half, y + tall), (10, 92, 48))
    step = int(turn * FRAMES / FPS * 3) % 4
    for ring in range(4):
        bright = 1.0 if ring == step else 0.62
        tone = mix((12, 110, 56), (120, 255, 170), bright)
        reach = 4 + ring * 8.6
        for dx, dy in ((reach, 0.0), (-reach, 0.0), (0.0, reach), (0.0, -reach)):
            for side in (-7.0, 0.0, 7.0):
                at = (x + dx + (side if dx == 0 else 0), y + dy + (side if dy == 0 else 0))
                paint.disc(picture, at, 2.9, tone)


def _eased(time_s: float, keys: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values between keys (rows: seconds, values...), starting and ending softly."""
    k = int(np.clip(np.searchsorted(keys[:, 0], time_s, "right") - 1, 0, len(keys) - 2))
    before, after = keys[k], keys[k + 1]
    share = float(np.clip((time_s - before[0]) / (after[0] - before[0]), 0, 1))
    soft = share * share * (3 - 2 * share)
    return np.asarray(before[1:] + (after[1:] - before[1:]) * soft)


def _spot(time_s: float) -> tuple[float, float, float, float]:
    """Return where the torch points, its radius and strength; the hand trembles a little."""
    x, y, radius, strength = _eased(time_s, np.array(_SPOTS))
    shake = 3.0 * np.sin(time_s * 9.1), 2.0 * np.sin(time_s * 7.3)
    return float(x + shake[0]), float(y + shake[1]), float(radius), float(strength)


def _intruder(time_s: float, aim_x: float) -> Figure | None:
    """Return the intruder, or None while outside."""
    keys = np.array(_STEPS)
    if not keys[0, 0] <= time_s <= keys[-1, 0]:
        return None
    x, z = (float(np.interp(time_s, keys[:, 0], keys[:, k])) for k in (1, 2))
    foot, head = _on(x, 0, z), _on(x, _TALL_M, z)
    walked = float(np.interp(time_s, keys[:, 0], np.cumsum(_lengths(keys))))
    still = keys[2, 0] < time_s < keys[3, 0]
    heading = (-1 if aim_x < foot[0] else 1) if still else (-1 if time_s < keys[3, 0] else 1)
    lean = 0.28 * min(1.0, time_s - keys[2, 0], keys[3, 0] - time_s) if still else 0.06
    pose = Pose(walk_phase(walked / _TALL_M), heading, 0.12 if still else 0.85, 0.8, lean)
    return draw_figure(foot, foot[1] - head[1], _CLOTHES, pose, 0.62)


def _lengths(keys: NDArray[np.float64]) -> NDArray[np.float64]:
    steps = np.hypot(np.diff(keys[:, 1]), np.diff(keys[:, 2]))
    return np.concatenate([[0.0], steps])


def _door(picture: Picture, time_s: float) -> None:
    """Draw the door leaf, swung inwards while somebody passes."""
    opened = float(np.interp(time_s, (0.2, 0.7, 1.3, 2.0, 10.6, 11.0, 11.4, 11.9),
                             (0, 1, 1, 0.12, 0.12, 1, 1, 0)))  # fmt: skip
    if opened <= 0:
        return
    left, foot, right, top = _DOOR
    x = right - (right - left) * (1 - opened * 0.8)
    z = _BACK_M - opened * 0.9
    leaf = _project(
        (right, top, _BACK_M - 0.05), (x, top, z), (x, foot, z), (right, foot, _BACK_M - 0.05)
    )
    glass = picture.copy()
    fill(glass, leaf, (46, 56, 66))
    cv2.addWeighted(glass, 0.55, picture, 0.45, 0, picture)
    cv2.polylines(picture, [paint.fixed(leaf)], True, (30, 33, 36), 4, cv2.LINE_AA, 4)


def _shine(picture: Picture, lit: Picture, at: Point, radius: float, strength: float) -> None:
    """Show the lit room where the torch points, with a bright core and a faint ring."""
    reach = round(3.2 * radius)
    x0, y0 = max(0, round(at[0]) - reach), max(0, round(at[1]) - reach)
    x1, y1 = min(WIDTH, round(at[0]) + reach), min(HEIGHT, round(at[1]) + reach)
    rows = (np.arange(y0, y1, dtype=np.float32)[:, None] - at[1]) / np.float32(radius * 0.86)
    columns = (np.arange(x0, x1, dtype=np.float32)[None, :] - at[0]) / np.float32(radius)
    far = rows * rows + columns * columns
    mask = 0.86 / (1 + far * far * far) + 0.14 / (1 + far * 0.7) * np.clip(1.25 - far / 8, 0, 1)
    share = (mask * strength).astype(np.float32)[..., None]
    warm = lit[y0:y1, x0:x1] * (np.asarray(_TORCH, np.float32) / np.float32(245))
    below = picture[y0:y1, x0:x1]
    below[:] = np.clip(below * (1 - share) + warm * share, 0, 255).astype(np.uint8)


def _beam(picture: Picture, hand: Point, at: Point, radius: float, strength: float) -> None:
    """Draw the torch's light in the dusty air, and its lens."""
    way = np.subtract(at, hand)
    length = float(np.hypot(*way))
    across = np.array([-way[1], way[0]]) / max(length, 1.0)
    tip, spread = np.array(hand), 0.8 * radius
    cone = np.array(
        [tip + 3 * across, at + spread * across, at - spread * across, tip - 3 * across]
    )
    pad = 24
    x0, y0 = np.maximum(np.floor(cone.min(axis=0)).astype(int) - pad, 0)
    x1, y1 = np.minimum(np.ceil(cone.max(axis=0)).astype(int) + pad, (WIDTH, HEIGHT))
    scale = 4
    mask = np.zeros(((y1 - y0) // scale + 1, (x1 - x0) // scale + 1), np.uint8)
    flat = np.round((cone - (x0, y0)) / scale * 16).astype(np.int32)
    cv2.fillConvexPoly(mask, flat, 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(mask, (0, 0), 2.5).astype(np.float32) / np.float32(255)
    rows = np.arange(mask.shape[0], dtype=np.float32)[:, None] * scale + (y0 - hand[1])
    columns = np.arange(mask.shape[1], dtype=np.float32)[None, :] * scale + (x0 - hand[0])
    air = (soft / (1 + np.hypot(rows, columns) / 120)).astype(np.float32)
    big = cv2.resize(air, (int(x1 - x0), int(y1 - y0)), interpolation=cv2.INTER_LINEAR)
    part = picture[y0:y1, x0:x1]
    glare = big[..., None] * (np.asarray(_TORCH, np.float32) * np.float32(0.55 * strength))
    part[:] = np.clip(part + glare, 0, 255).astype(np.uint8)
    paint.disc(picture, hand, 4.5, mix((90, 90, 90), (255, 250, 232), strength))
