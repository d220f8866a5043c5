# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The city gate by day: a road through an old arch, cars both ways, hills of marble behind."""

from dataclasses import dataclass

import cv2
import numpy as np

from gateway.model.alarm import Box
from gateway.simulator import cars, paint
from gateway.simulator.greenery import crown, swayed
from gateway.simulator.masonry import plaster_front, stone_wall
from gateway.simulator.paint import HEIGHT, WIDTH, Colour, Mask, Picture, Sprite, fill, mix
from gateway.simulator.perspective import Lens, Points, hang
from gateway.simulator.plates import draw_plate, plate_text
from gateway.simulator.truth import Direction, Kind, PlateSeen, Seen

FPS = 25
FRAMES = 500
_LENS = Lens(1900.0, 3.0, float(np.deg2rad(6.2)))
_EDGE_M, _LINE_M, _DASH_M = 3.4, 0.07, 2.6
_JOINT_M, _BLURRED_M, _FIRST_HOUSE_M = 0.05, 40.0, 12.0
_ROAD_M, _KERB_M, _PATH_M = 3.7, 3.95, 5.9
_LANE_M = 1.78
_ARCH_M, _TUNNEL_M = 105.0, 113.0
_OPENING = (3.9, 3.4)
"""Half width, and height where the round arch begins, in metres."""
_WALL_M = 9.4
_FAR_M, _NEAR_M = 138.0, 4.0
_SPEED_M_S = 8.6
_LEAST_BOX_PX = 3.0
_PAINTS: tuple[Colour, ...] = (
    (198, 26, 32),
    (178, 182, 186),
    (30, 64, 130),
    (236, 190, 52),
    (236, 237, 239),
    (92, 140, 120),
    (58, 62, 70),
)
"""Of all cars but the van, those that come in first."""


@dataclass(frozen=True, slots=True)
class _Trip:
    """One car's way; `start_s` after the loop's beginning it stands at the far or near end."""

    name: str
    plate: str
    model: cars.CarModel
    direction: Direction
    start_s: float
    lane_m: float


class Gate:
    """The scene `varco-nord`; a loop of 20 s at 25 pictures a second."""

    fps, frames = FPS, FRAMES

    def __init__(self) -> None:
        rng = np.random.default_rng(20260101)
        self._ground = _backdrop(rng)
        self._opening = _opening_mask()
        self._trees = [_pine(rng, *place) for place in _CROWNS]
        self._trips = _timetable(rng)
        self._grain = paint.Grain(0.9, 11)
        self._marks = paint.Marks("Varco Porta Nord")

    def draw(self, index: int) -> tuple[Picture, tuple[Seen, ...]]:
        """Return the picture of an index in 0..frames-1 and what is seen in it."""
        picture = self._ground.copy()
        for trip, z in self._present(index):
            self._drive(picture, trip, z)
        for number, tree in enumerate(self._trees):
            paint.lay(picture, swayed(tree, index / FRAMES, number))
        self._grain.add(picture, index)
        self._marks.burn(picture, index)
        return picture, self.truth(index)

    def truth(self, index: int) -> tuple[Seen, ...]:
        """Return what is seen in the picture of an index, the farthest first."""
        sights = [_sight(trip, z) for trip, z in self._present(index)]
        return tuple(_hidden([one for one in sights if one is not None]))

    def _present(self, index: int) -> list[tuple[_Trip, float]]:
        """Return who is on the road and how far away, the farthest first."""
        now = [(trip, _place(trip, index)) for trip in self._trips]
        there = [(trip, z) for trip, z in now if _NEAR_M < z < _FAR_M]
        return sorted(there, key=lambda pair: -pair[1])

    def _drive(self, picture: Picture, trip: _Trip, z: float) -> None:
        light = 1.0 if z < _ARCH_M or z > _TUNNEL_M else 0.42
        if z < _ARCH_M:
            cars.draw_car(picture, _LENS, trip.model, (trip.lane_m, z), light)
        else:
            beyond = picture.copy()
            cars.draw_car(beyond, _LENS, trip.model, (trip.lane_m, z), light)
            left, top, right, bottom = self._opening.bounds
            part = np.s_[top:bottom, left:right]
            picture[part] = paint.blend(picture[part], beyond[part], self._opening.mask)


@dataclass(frozen=True, slots=True)
class _Opening:
    mask: Mask
    bounds: tuple[int, int, int, int]


def _timetable(rng: np.random.Generator) -> list[_Trip]:
    trips = []
    starts = {
        Direction.IN: (0.4, 4.6, 9.9, 14.6),
        Direction.OUT: (2.4, 7.6, 12.3, 17.2),
    }
    paints = iter(_PAINTS)
    for direction, times in starts.items():
        for number, start_s in enumerate(times):
            facing = cars.Facing.FRONT if direction is Direction.IN else cars.Facing.REAR
            body = cars.BODIES[(number + (3 if direction is Direction.OUT else 0)) % 6]
            van = body is cars.VAN
            colour: Colour = (232, 233, 235) if van else next(paints)
            plate = plate_text(rng)
            car = cars.Car(body, colour, facing, draw_plate(plate), van)
            lane = -_LANE_M if direction is Direction.IN else _LANE_M
            name = f"auto-{direction.value}-{number + 1}"
            drift = lane + float(rng.uniform(-0.12, 0.12))
            trips.append(_Trip(name, plate, cars.build_car(car), direction, start_s, drift))
    return trips


def _place(trip: _Trip, index: int) -> float:
    """Return how far away the visible end of the car is; beyond the far end if it is not there."""
    gone_s = (index / FPS - trip.start_s) % (FRAMES / FPS)
    if trip.direction is Direction.IN:
        return _FAR_M - 0.1 - gone_s * _SPEED_M_S
    return _NEAR_M + 0.1 + gone_s * _SPEED_M_S


def _sight(trip: _Trip, z: float) -> Seen | None:
    """Return what a car at that distance is, or None if it is too small or outside."""
    drawn = cars.place_car(_LENS, trip.model, (trip.lane_m, z))
    box = _clipped(drawn.box)
    if box is None:
        return None
    corners = drawn.plate
    low, high = corners.min(axis=0), corners.max(axis=0)
    inside = low[0] >= 0 and low[1] >= paint.BANNER_PX
    inside &= high[0] <= WIDTH and high[1] <= HEIGHT - paint.STRIP_BLOCK_PX
    plate_box = _clipped((low[0], low[1], high[0], high[1]), 0.0)
    if plate_box is None:
        return Seen(Kind.CAR, trip.name, box)
    sides = np.linalg.norm(corners[[0, 1]] - corners[[3, 2]], axis=1)
    whole = bool(inside) and z < _ARCH_M
    plate = PlateSeen(trip.plate, trip.direction, plate_box, float(sides.mean()), whole)
    return Seen(Kind.CAR, trip.name, box, plate)


def _clipped(box: tuple[float, float, float, float], least: float = _LEAST_BOX_PX) -> Box | None:
    left, right = (min(max(x, 0.0), WIDTH) for x in (box[0], box[2]))
    top, bottom = (min(max(y, 0.0), HEIGHT) for y in (box[1], box[3]))
    if right - left <= least or bottom - top <= least:
        return None
    return Box(
        float(left / WIDTH), float(top / HEIGHT), float(right / WIDTH), float(bottom / HEIGHT)
    )


def _hidden(seen: list[Seen]) -> list[Seen]:
    """Mark plates that a nearer car (later in the list) covers as not whole."""
    result: list[Seen] = []
    for number, one in enumerate(seen):
        plate = one.plate
        if plate is not None and any(_meet(plate.box, other.box) for other in seen[number + 1 :]):
            plate = PlateSeen(plate.text, plate.direction, plate.box, plate.height_px, whole=False)
            result.append(Seen(one.kind, one.name, one.box, plate))
        else:
            result.append(one)
    return result


def _meet(one: Box, other: Box) -> bool:
    across = one.left < other.right and other.left < one.right
    return across and one.top < other.bottom and other.top < one.bottom


def _project(*points: tuple[float, float, float]) -> Points:
    return _LENS.project(np.array(points, np.float64))


def _backdrop(rng: np.random.Generator) -> Picture:
    picture = _sky_and_hills(rng)
    picture = _earth(picture, rng)
    _arch(picture, rng)
    _houses(picture, rng)
    _garden_wall(picture, rng)
    _street_things(picture)
    return paint.vignette(picture, 0.22)


def _sky_and_hills(rng: np.random.Generator) -> Picture:
    picture = paint.vertical(
        WIDTH, HEIGHT, [(0.0, (92, 148, 214)), (0.16, (168, 202, 232)), (0.3, (222, 232, 238))]
    )
    clouds = np.clip(paint.cloud_noise(rng, (HEIGHT, WIDTH), 256, 8) - 0.1, 0, 1)
    picture = paint.blend(picture, paint.canvas(colour=(250, 250, 250)), clouds)
    horizon = _LENS.horizon_px()
    for height, rough, colour, white in (
        (118, 60, (150, 168, 190), 0.8),
        (84, 44, (122, 146, 150), 0.35),
        (46, 26, (98, 124, 96), 0.0),
    ):
        ridge = paint.cloud_noise(rng, (8, WIDTH), 200, 6)[0] * rough
        tops = horizon - height - ridge
        hill = np.arange(HEIGHT, dtype=np.float32)[:, None] - tops[None, :]
        surface = np.full((HEIGHT, WIDTH, 3), colour, np.float32)
        folds = paint.cloud_noise(rng, (HEIGHT, WIDTH), 96, 4)
        surface *= 1 + 0.14 * folds[..., None]
        quarry = np.clip((paint.cloud_noise(rng, (HEIGHT, WIDTH), 64, 4) - 0.45) * 3, 0, 1)
        quarry *= np.clip(1 - hill / 60, 0, 1) * white
        surface += quarry[..., None] * (np.array([244, 244, 240]) - surface)
        mask = np.clip(hill, 0, 1).astype(np.float32)
        picture = paint.blend(picture, np.clip(surface, 0, 255).astype(np.uint8), mask)
    return picture


def _earth(picture: Picture, rng: np.random.Generator) -> Picture:
    x, z, below = _LENS.ground()
    haze = np.clip((z - 20) / 260, 0, 0.6)[..., None]
    surface = _asphalt(x, z, rng)
    surface = _paving(surface, x, z, rng)
    tall = np.array([204, 214, 220], np.float32)
    surface = surface + (tall - surface) * haze
    shadow = _dapple(x, z)
    surface *= 1 - 0.34 * shadow[..., None]
    mask = below.astype(np.float32)
    return paint.blend(picture, np.clip(surface, 0, 255).astype(np.uint8), mask)


def _asphalt(x: Mask, z: Mask, rng: np.random.Generator) -> Mask:
    fine = rng.standard_normal((HEIGHT, WIDTH)).astype(np.float32)
    worn = cv2.GaussianBlur(fine, (0, 0), 1.2) * 2
    depth = np.clip(12 / np.maximum(z, 6), 0.1, 1.4)
    level = 112 + (5 * fine + 6 * worn) * depth
    for lane in (-_LANE_M, _LANE_M):
        for track in (-0.75, 0.75):
            level += 7 * np.exp(-(((x - lane - track) / 0.28) ** 2))
        level -= 9 * np.exp(-(((x - lane) / 0.22) ** 2))
    level += 5 * np.sin(z * 0.35) * np.cos(x * 0.8)
    surface = np.stack([level, level * 0.995, level * 0.985], axis=2)
    edges = np.abs(np.abs(x) - _EDGE_M) < _LINE_M
    middle = (np.abs(x) < _LINE_M) & (z % 4.5 < _DASH_M)
    stop = (np.abs(z - 82) < 3 * _LINE_M) & (x > -_EDGE_M) & (x < 0)
    worn_paint = np.where(edges | middle | stop, 0.88 + 0.10 * fine * depth, 0)[..., None]
    white = np.array([236, 236, 230], np.float32)
    return np.asarray(surface + (white - surface) * np.clip(worn_paint, 0, 0.95), np.float32)


def _paving(surface: Mask, x: Mask, z: Mask, rng: np.random.Generator) -> Mask:
    noise = paint.cloud_noise(rng, (HEIGHT, WIDTH), 48, 2)[..., None]
    wide = np.abs(x)
    kerb = ((wide > _ROAD_M) & (wide <= _KERB_M))[..., None]
    surface = np.where(kerb, np.array([196, 194, 186]) + 10 * noise, surface)
    stones = np.array([186, 174, 156]) + 9 * noise
    joints = ((wide % 0.6 < _JOINT_M) | (z % 0.9 < 1.6 * _JOINT_M)) & (z < _BLURRED_M)
    path = ((wide > _KERB_M) & (wide <= _PATH_M))[..., None]
    surface = np.where(path, stones - 26 * joints[..., None], surface)
    grass = np.array([116, 138, 76]) * (1 + 0.22 * noise)
    return np.asarray(np.where((wide > _PATH_M)[..., None], grass, surface), np.float32)


def _dapple(x: Mask, z: Mask) -> Mask:
    """Return the shadows of the pines on the left, cast over the road."""
    shade: Mask = np.zeros_like(x)
    rng = np.random.default_rng(5)
    for at_z in (26.0, 46.0, 71.0):
        for _ in range(26):
            along, across = rng.normal(at_z, 2.2), rng.normal(-3.4, 1.7)
            size = rng.uniform(0.35, 0.95)
            blob = np.exp(-(((x - across) / size) ** 2 + ((z - along) / (1.3 * size)) ** 2))
            shade = np.maximum(shade, blob)
    return np.asarray(np.clip(shade * 1.5, 0, 1), np.float32)


def _arch(picture: Picture, rng: np.random.Generator) -> None:
    """Paint the town's gate: a wall with merlons and an opening that one looks through."""
    beyond = picture.copy()
    left, right, px = -15.0, 15.0, 24
    wall = stone_wall(rng, round((right - left) * px), round(_WALL_M * px), (206, 186, 152))
    frame = paint.vertical(wall.shape[1], wall.shape[0], [(0, (255,) * 3), (1, (206,) * 3)])
    wall = paint.shade(wall, frame[..., 0].astype(np.float32) / 255)
    face = _project(
        (left, _WALL_M, _ARCH_M), (right, _WALL_M, _ARCH_M), (right, 0, _ARCH_M), (left, 0, _ARCH_M)
    )
    for step in range(15):
        x = left + 0.4 + 2 * step
        merlon = _project(
            (x, _WALL_M + 1.1, _ARCH_M),
            (x + 1.1, _WALL_M + 1.1, _ARCH_M),
            (x + 1.1, _WALL_M, _ARCH_M),
            (x, _WALL_M, _ARCH_M),
        )
        hang(picture, wall[:40, :40], merlon)
    hang(picture, wall, face)
    outer = _arch_outline(_ARCH_M, 0.45)
    fill(picture, outer, (226, 214, 190))
    opening = _arch_outline(_ARCH_M, 0.0)
    fill(picture, opening, (52, 44, 38))
    shade = paint.soft((HEIGHT, WIDTH), [(p[0], p[1]) for p in _arch_outline(_TUNNEL_M, 0)], 0.4)
    picture[:] = paint.blend(picture, beyond, shade)
    across, depth, _ = _LENS.ground()
    inside = paint.soft((HEIGHT, WIDTH), [(p[0], p[1]) for p in opening], 0.0)
    floor = (depth > _ARCH_M) & (depth < _TUNNEL_M) & (np.abs(across) < _OPENING[0])
    dim = floor * inside
    picture[:] = paint.blend(picture, (beyond * 0.45).astype(np.uint8), dim.astype(np.float32))
    _crest(picture)


def _crest(picture: Picture) -> None:
    """Paint the town's name on a marble slab above the arch."""
    slab = paint.canvas(300, 60, (236, 234, 228))
    width = paint.text_width("ROCCAMARE", 34)
    paint.text(slab, "ROCCAMARE", ((300 - width) / 2, 42), 34, (92, 84, 74))
    y = 8.25
    corners = _project(
        (-2.6, y, _ARCH_M), (2.6, y, _ARCH_M), (2.6, y - 1, _ARCH_M), (-2.6, y - 1, _ARCH_M)
    )
    hang(picture, slab, corners)


def _arch_outline(z: float, more: float) -> Points:
    half, spring = _OPENING[0] + more, _OPENING[1]
    angles = np.linspace(0, np.pi, 25)
    curve = [(half * np.cos(a), spring + half * 0.92 * np.sin(a), z) for a in angles]
    return _project((half, 0.0, z), *curve, (-half, 0.0, z))


def _opening_mask() -> _Opening:
    outline = _arch_outline(_ARCH_M, 0.0)
    low, high = np.floor(outline.min(axis=0)).astype(int), np.ceil(outline.max(axis=0)).astype(int)
    mask = paint.soft((HEIGHT, WIDTH), [(p[0], p[1]) for p in outline], 0.0)
    bounds = (int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)
    return _Opening(mask[bounds[1] : bounds[3], bounds[0] : bounds[2]], bounds)


def _houses(picture: Picture, rng: np.random.Generator) -> None:
    """Paint the row of houses on the right, from the arch towards us."""
    colours: tuple[Colour, ...] = (
        (226, 178, 122),
        (214, 140, 104),
        (232, 206, 150),
        (204, 160, 132),
        (236, 220, 184),
        (222, 168, 96),
        (210, 150, 118),
    )
    z, side = _ARCH_M - 2, 7.6
    number = 0
    while z > _FIRST_HOUSE_M:
        wide = float(rng.uniform(7.5, 10.5))
        high = float(rng.uniform(7.6, 10.0))
        front = plaster_front(rng, wide, high, colours[number % len(colours)])
        near = max(z - wide, 5.0)
        corners = _project((side, high, near), (side, high, z), (side, 0, z), (side, 0, near))
        hang(picture, front[:, ::-1].copy(), corners[[1, 0, 3, 2]])
        eave = _project(
            (side - 0.5, high, near),
            (side - 0.5, high, z),
            (side, high + 0.3, z),
            (side, high + 0.3, near),
        )
        fill(picture, eave, (148, 84, 60))
        z = near - 0.02
        number += 1


def _garden_wall(picture: Picture, rng: np.random.Generator) -> None:
    """Paint the low wall, the hedge and the trunks on the left."""
    side, far, near = -7.0, _ARCH_M - 1, 9.0
    hedge_px = _project(
        (side - 0.4, 3.4, far), (side - 0.4, 3.4, near), (side - 0.4, 0, near), (side - 0.4, 0, far)
    )
    leaves = paint.canvas(900, 100, (70, 104, 58))
    for _ in range(9000):
        x, y = rng.uniform(0, 900), rng.uniform(0, 100)
        tone = mix((46, 76, 42), (128, 156, 84), float(rng.random() * (1.2 - y / 100)))
        paint.disc(leaves, (x, y), float(rng.uniform(1.5, 3.5)), tone)
    for _ in range(120):
        at = (rng.uniform(0, 900), rng.uniform(0, 80))
        paint.disc(leaves, at, 2.4, (222, 96, 150))
    hang(picture, leaves, hedge_px)
    wall = stone_wall(rng, 1400, 42, (196, 184, 164))
    corners = _project((side, 1.3, far), (side, 1.3, near), (side, 0, near), (side, 0, far))
    hang(picture, wall, corners)
    for x, z in _TRUNKS:
        foot, top = _project((x, 0.4, z)), _project((x + 0.35, 6.2, z))
        width = 0.34 * _LENS.focal_px / z
        line = np.concatenate([foot, (foot + top) / 2 + [[width * 0.3, 0]], top])
        paint.stroke(picture, line, (98, 72, 54), width)
        paint.stroke(picture, line - [[width * 0.22, 0]], (142, 108, 82), width * 0.35)


_TRUNKS = ((-8.4, 32.0), (-8.8, 51.0), (-9.2, 76.0))
_CROWNS = tuple((x + 0.4, 7.0, z) for x, z in _TRUNKS)


def _pine(rng: np.random.Generator, x: float, y: float, z: float) -> Sprite:
    centre, scale = _project((x, y, z))[0], _LENS.focal_px / z
    return crown(rng, (centre[0], centre[1]), (7.4 * scale, 3.0 * scale), scale)


def _street_things(picture: Picture) -> None:
    """Paint a lamp post and the sign of the gate."""
    x, z = 5.2, 26.0
    foot, top = _project((x, 0, z))[0], _project((x, 5.4, z))[0]
    paint.stroke(picture, np.array([foot, top]), (46, 52, 50), 0.11 * _LENS.focal_px / z)
    post = _project((4.75, 0.0, 19.0), (4.75, 2.15, 19.0))
    paint.stroke(picture, post, (120, 124, 128), 6)
    sign = paint.canvas(150, 110, (20, 70, 160))
    cv2.rectangle(sign, (3, 3), (146, 106), (250, 250, 250), 3, cv2.LINE_AA)
    paint.text(sign, "VARCO", (31, 46), 30, (250, 250, 250))
    paint.text(sign, "ATTIVO", (28, 86), 30, (250, 250, 250))
    corners = _project((4.35, 2.55, 19), (5.15, 2.55, 19), (5.15, 1.96, 19), (4.35, 1.96, 19))
    hang(picture, sign, corners)
