# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The square in the late afternoon: arcades, a striped church, a fountain, people crossing."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.model.alarm import Box
from gateway.simulator import paint
from gateway.simulator.greenery import crown, swayed
from gateway.simulator.masonry import PX_PER_M, plaster_front
from gateway.simulator.paint import HEIGHT, WIDTH, Colour, Mask, Picture, Sprite, fill, mix
from gateway.simulator.people import (
    Figure,
    Look,
    Pose,
    cast_shadow,
    draw_figure,
    lay_figure,
    random_look,
    walk_phase,
)
from gateway.simulator.perspective import Lens, Points, hang
from gateway.simulator.truth import Kind, Seen

FPS = 15
FRAMES = 360
_LOOP_S = FRAMES / FPS
_LENS = Lens(1080.0, 6.5, float(np.deg2rad(9.5)))
_BACK_M = 42.0
_SIDE_M = 17.5
_FOUNTAIN = (1.2, 25.0)
_BASIN_M = 3.1
_SHADOW = (0.55, 0.24)
_WARM: Colour = (255, 222, 170)
_LEAST_PX = 4.0
_FADE_S = 0.5
_SHRUBS = ((-12.6, 30.0), (-12.8, 22.5), (13.4, 33.5), (13.8, 26.0))
"""Trees: x and z of the trunk."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """One person's way over the square, in a straight line."""

    name: str
    look: Look
    height_m: float
    start: tuple[float, float]
    end: tuple[float, float]
    start_s: float
    speed_m_s: float

    def place(self, time_s: float) -> tuple[float, float, float, float] | None:
        """Return x, z, metres walked and how visible (0..1), or None if not on the square."""
        gone_s = (time_s - self.start_s) % _LOOP_S
        way = np.subtract(self.end, self.start)
        length = float(np.hypot(*way))
        walked = gone_s * self.speed_m_s
        if walked >= length:
            return None
        x, z = np.add(self.start, way * (walked / length))
        left_s = (length - walked) / self.speed_m_s
        return float(x), float(z), walked, float(min(1.0, gone_s / _FADE_S, left_s / _FADE_S))


class Square:
    """The scene `piazza`; a loop of 24 s at 15 pictures a second."""

    fps, frames = FPS, FRAMES

    def __init__(self) -> None:
        rng = np.random.default_rng(20260202)
        self._ground = _backdrop(rng)
        self._trees = [_tree(rng, *place) for place in _SHRUBS]
        self._fountain = _fountain()
        self._umbrellas = _umbrellas()
        self._walks = _timetable(rng)
        self._grain = paint.Grain(0.9, 12)
        self._marks = paint.Marks("Piazza Maggiore")

    def draw(self, index: int) -> tuple[Picture, tuple[Seen, ...]]:
        """Return the picture of an index in 0..frames-1 and who is seen in it."""
        picture = self._ground.copy()
        time_s = index / FPS
        layers: list[tuple[float, Sprite | Figure, float]] = []
        seen: list[Seen] = []
        for walk in self._walks:
            place = walk.place(time_s)
            if place is not None:
                figure = _figure(walk, place)
                cast_shadow(picture, figure, _SHADOW, 1 - 0.45 * place[3])
                layers.append((place[1], figure, place[3]))
                box = _clipped(figure.box)
                if box is not None:
                    seen.append(Seen(Kind.WALKER, walk.name, box))
        layers += [
            (place[1], swayed(tree, index / FRAMES, number), 1.0)
            for number, (place, tree) in enumerate(zip(_SHRUBS, self._trees, strict=True))
        ]
        layers.append((_FOUNTAIN[1], self._fountain, 1.0))
        layers += [(z, umbrella, 1.0) for z, umbrella in self._umbrellas]
        for _, layer, share in sorted(layers, key=lambda entry: -entry[0]):
            if isinstance(layer, Figure):
                lay_figure(picture, layer, share)
                continue
            paint.lay(picture, layer)
            if layer is self._fountain:
                _water(picture, index / FRAMES)
        self._grain.add(picture, index)
        self._marks.burn(picture, index)
        return picture, tuple(seen)


def _figure(walk: _Walk, place: tuple[float, float, float, float]) -> Figure:
    x, z, walked, _ = place
    foot, head = _project((x, 0.0, z), (x, walk.height_m, z))
    heading = 1 if walk.end[0] >= walk.start[0] else -1
    phase = walk_phase(walked / walk.height_m)
    pose = Pose(phase, heading)
    return draw_figure((foot[0], foot[1]), float(foot[1] - head[1]), walk.look, pose)


def _clipped(box: tuple[float, float, float, float]) -> Box | None:
    left, right = (min(max(x, 0.0), WIDTH) for x in (box[0], box[2]))
    top, bottom = (min(max(y, 0.0), HEIGHT) for y in (box[1], box[3]))
    if right - left <= _LEAST_PX or bottom - top <= _LEAST_PX:
        return None
    return Box(left / WIDTH, top / HEIGHT, right / WIDTH, bottom / HEIGHT)


def _timetable(rng: np.random.Generator) -> list[_Walk]:
    ways = (
        ((-15.8, 33.0), (15.6, 35.5), 0.0, 1.52),
        ((15.6, 30.5), (-15.8, 29.0), 6.0, 1.5),
        ((-13.0, 18.6), (13.8, 20.4), 3.0, 1.34),
        ((-13.0, 19.2), (13.8, 21.0), 3.35, 1.34),
        ((11.5, 17.6), (-11.5, 19.0), 10.0, 1.42),
        ((-11.0, 15.6), (11.0, 16.6), 15.5, 1.36),
        ((12.0, 18.6), (-11.8, 16.2), 19.0, 1.62),
        ((15.6, 38.2), (-15.8, 37.2), 13.0, 1.5),
        ((-15.8, 27.0), (-1.0, 40.5), 17.0, 1.3),
        ((3.0, 40.5), (15.8, 28.5), 1.0, 1.28),
    )
    return [
        _Walk(f"pedone-{k + 1}", random_look(rng), float(rng.uniform(1.58, 1.86)), *way)
        for k, way in enumerate(ways)
    ]


def _project(*points: tuple[float, float, float]) -> Points:
    return _LENS.project(np.array(points, np.float64))


def _backdrop(rng: np.random.Generator) -> Picture:
    picture = paint.vertical(
        WIDTH, HEIGHT, [(0.0, (104, 152, 206)), (0.14, (190, 208, 220)), (0.28, (246, 226, 196))]
    )
    clouds = np.clip(paint.cloud_noise(rng, (HEIGHT, WIDTH), 256, 8) - 0.15, 0, 1) * 0.8
    picture = paint.blend(picture, paint.canvas(colour=(255, 244, 228)), clouds)
    _campanile(picture, rng)
    _back_row(picture, rng)
    _sides(picture, rng)
    picture = _paving(picture, rng)
    warm = np.array([1.03, 0.995, 0.93], np.float32)
    picture = paint.shade(picture, np.broadcast_to(warm, (HEIGHT, WIDTH, 3)))
    haze = paint.glow((HEIGHT, WIDTH), (120, 60), (620, 330)) * np.float32(0.16)
    return paint.vignette(paint.add_light(picture, haze, _WARM), 0.3)


def _paving(picture: Picture, rng: np.random.Generator) -> Picture:
    """Lay porphyry cobbles in arcs between strips of travertine around the fountain."""
    x, z, below = _LENS.ground()
    noise = paint.cloud_noise(rng, (HEIGHT, WIDTH), 64, 2)
    far_x, far_z = x - _FOUNTAIN[0], z - _FOUNTAIN[1]
    reach, angle = np.hypot(far_x, far_z), np.arctan2(far_z, far_x)
    near = np.clip(1.5 - z / 30, 0, 1)
    joint_r = np.abs((reach / 0.42) % 1 - 0.5) > _JOINT
    joint_a = np.abs((angle * np.maximum(reach, 1) / 0.42 + (reach // 0.42) * 0.5) % 1 - 0.5)
    joints = (joint_r | (joint_a > _JOINT)) * near
    cobble = 152 + 15 * noise - 26 * joints
    cell = np.sin(np.floor(reach / 0.42) * 12.9898 + np.floor(angle * 40) * 78.233) * 43758.5
    cobble += 12 * (cell - np.floor(cell) - 0.5) * near
    surface = np.stack([cobble * 1.05, cobble * 0.965, cobble * 0.87], axis=2)
    ring = np.abs((reach - 3.6) % 5.2 - 2.6) > _STRIP_M
    spoke = np.abs((angle / (np.pi / 8)) % 1 - 0.5) * reach * np.pi / 8 < _SPOKE_M
    strips = ((ring | spoke) & (reach > _BASIN_M + 0.3))[..., None]
    stone = np.stack([214 + 9 * noise, 204 + 9 * noise, 184 + 8 * noise], axis=2)
    surface = np.where(strips, stone, surface)
    dark = _ground_shadow(x, z)
    surface *= 1 - 0.42 * dark[..., None]
    surface *= 1 - 0.10 * np.clip(noise, -1, 1)[..., None]
    mask = (below & (z < _BACK_M) & (np.abs(x) < _SIDE_M)).astype(np.float32)
    return paint.blend(picture, np.clip(surface, 0, 255).astype(np.uint8), mask)


_JOINT, _STRIP_M, _SPOKE_M = 0.40, 2.35, 0.16


def _ground_shadow(x: Mask, z: Mask) -> Mask:
    """Return the long shadow of the houses on the left, and of basin and trees."""
    roof = -_SIDE_M + 6.0 + 0.7 * np.sin(z * 0.9) + 1.2 * (np.floor(z / 6) % 2)
    shade = np.clip((roof - x) / 0.25, 0, 1)
    for place, size in (*((t, 1.7) for t in _SHRUBS), (_FOUNTAIN, 2.6)):
        across, along = x - place[0] - 1.6, z - place[1] - 0.9
        blob = np.exp(-((across / (1.5 * size)) ** 4) - (along / (0.8 * size)) ** 4)
        shade = np.maximum(shade, blob * 0.9)
    foot = np.clip(1 - np.abs(z - _BACK_M) / 1.2, 0, 1) * 0.6
    return np.asarray(np.maximum(shade, foot), np.float32)


def _back_row(picture: Picture, rng: np.random.Generator) -> None:
    """Paint town hall, church and houses at the far side."""
    hall = _town_hall(rng)
    _stand(picture, hall, -17.5, 17.0, 10.6)
    _stand(picture, _church(rng), -0.4, 9.4, 12.2)
    for left, wide, high, colour in (
        (9.0, 4.6, 9.6, (224, 168, 112)),
        (13.6, 4.4, 8.6, (238, 214, 160)),
    ):
        _stand(picture, plaster_front(rng, wide, high, colour), left, wide, high)


def _stand(picture: Picture, front: Picture, left: float, wide: float, high: float) -> None:
    hang(
        picture, front,
        _project((left, high, _BACK_M), (left + wide, high, _BACK_M), (left + wide, 0, _BACK_M),
                 (left, 0, _BACK_M)),
    )  # fmt: skip


def _town_hall(rng: np.random.Generator) -> Picture:
    """Return a palace of brick with an arcade, tall windows and a clock."""
    px, wide, high = PX_PER_M, 17.0, 10.6
    width, height = round(wide * px), round(high * px)
    front = paint.texture(paint.canvas(width, height, (202, 132, 100)), rng, 0.08, 64, 2)
    paint.rectangle(front, (0, height - 4.6 * px, width, height - 4.3 * px), (226, 212, 186))
    for bay in range(6):
        x = (bay + 0.5) * width / 6
        _arcade(front, x, height)
        y = height - 6.6 * px
        paint.rectangle(front, (x - 26, y - 44, x + 26, y + 40), (230, 218, 194))
        paint.disc(front, (x, y - 40), 26, (230, 218, 194))
        paint.rectangle(front, (x - 19, y - 40, x + 19, y + 34), (52, 58, 72))
        paint.disc(front, (x, y - 38), 19, (52, 58, 72))
        fill(front, [(x - 19, y - 40), (x + 19, y - 40), (x - 19, y + 10)], (104, 122, 142))
        paint.rectangle(front, (x - 1.5, y - 56, x + 1.5, y + 34), (226, 214, 190))
    paint.rectangle(front, (0, 0, width, 16), (226, 212, 186))
    for tooth in range(0, width, 20):
        paint.rectangle(front, (tooth, 16, tooth + 11, 26), (226, 212, 186))
    clock = (width / 2, 46.0)
    paint.disc(front, clock, 24, (96, 70, 52))
    paint.disc(front, clock, 20, (246, 240, 224))
    paint.stroke(front, [clock, (clock[0] + 9, clock[1] - 6)], (30, 28, 26), 3)
    paint.stroke(front, [clock, (clock[0] + 3, clock[1] - 16)], (30, 28, 26), 2)
    for pole, colours in (
        (-60.0, ((0, 140, 69), (244, 245, 240), (205, 33, 42))),
        (60.0, ((0, 51, 153), (0, 51, 153), (255, 204, 0))),
    ):
        for stripe, colour in enumerate(colours):
            x = width / 2 + pole + stripe * 8
            fill(front, [(x, 100), (x + 8, 103), (x + 8, 132), (x, 129)], colour)
    return front


def _arcade(front: Picture, x: float, height: int) -> None:
    half, top = 30.0, height - 96.0
    paint.rectangle(front, (x - half - 7, top, x + half + 7, height), (226, 212, 186))
    paint.disc(front, (x, top), half + 7, (226, 212, 186))
    paint.rectangle(front, (x - half, top, x + half, height), (62, 46, 42))
    paint.disc(front, (x, top), half, (62, 46, 42))
    inner = paint.vertical(int(2 * half), 60, [(0, (62, 46, 42)), (1, (122, 92, 72))])
    left = int(x - half)
    front[height - 60 : height, left : left + inner.shape[1]] = inner
    paint.rectangle(front, (x - 12, height - 62, x + 12, height), (44, 34, 34))


def _church(rng: np.random.Generator) -> Picture:
    """Return a Romanesque front of white and green marble, on sky (magenta is not drawn)."""
    px, wide, high = PX_PER_M, 9.4, 12.2
    width, height = round(wide * px), round(high * px)
    front = paint.canvas(width, height, (238, 234, 224))
    for course in range(0, height, 22):
        paint.rectangle(front, (0, course + 14, width, course + 22), (112, 136, 122))
    for x in (0.5, 0.22, 0.78):
        half, top = (34.0, height - 120.0) if x == _MIDDLE else (22.0, height - 96.0)
        paint.rectangle(front, (x * width - half, top, x * width + half, height), (244, 240, 230))
        paint.disc(front, (x * width, top), half, (244, 240, 230))
        paint.rectangle(
            front, (x * width - half + 8, top, x * width + half - 8, height), (86, 54, 36)
        )
        paint.disc(front, (x * width, top), half - 8, (62, 74, 98))
        paint.rectangle(front, (x * width - 1, top, x * width + 1, height), (56, 36, 24))
    rose = (width / 2, 124.0)
    paint.disc(front, rose, 40, (246, 242, 232))
    paint.disc(front, rose, 34, (58, 66, 92))
    for spoke in range(12):
        angle = spoke * np.pi / 6
        tip = (rose[0] + 32 * np.cos(angle), rose[1] + 32 * np.sin(angle))
        paint.stroke(front, [rose, tip], (236, 230, 218), 3)
    paint.disc(front, rose, 10, (236, 230, 218))
    for column in range(11):
        x = (column + 0.5) * width / 11
        paint.rectangle(front, (x - 3, 186, x + 3, 232), (250, 246, 238))
        paint.disc(front, (x + width / 22, 186), 9, (120, 110, 100))
    paint.rectangle(front, (0, 232, width, 240), (250, 246, 238))
    front = paint.texture(front, rng, 0.05, 128, 2)
    paint.rectangle(front, (0, 0, width, 10), (206, 196, 178))
    return front


_MIDDLE = 0.5


def _campanile(picture: Picture, rng: np.random.Generator) -> None:
    """Paint a bell tower behind the houses, and the church's gable."""
    px, wide, high = PX_PER_M, 3.6, 18.0
    width, height = round(wide * px), round(high * px)
    tower = paint.texture(paint.canvas(width, height, (214, 190, 156)), rng, 0.08, 32, 2)
    for y in (150, 330):
        for x in (0.32, 0.68):
            paint.rectangle(tower, (x * width - 12, y, x * width + 12, y + 60), (74, 60, 54))
            paint.disc(tower, (x * width, y), 12, (74, 60, 54))
        paint.rectangle(tower, (0, y + 74, width, y + 80), (236, 222, 196))
    z = _BACK_M + 6
    hang(
        picture, tower,
        _project((10.2, high, z), (10.2 + wide, high, z), (10.2 + wide, 0, z), (10.2, 0, z)),
    )  # fmt: skip
    gable = _project((-0.7, 12.1, _BACK_M), (9.3, 12.1, _BACK_M), (4.3, 15.0, _BACK_M))
    fill(picture, gable, (232, 226, 214))


def _sides(picture: Picture, rng: np.random.Generator) -> None:
    """Paint the houses that close the square left and right."""
    colours: tuple[Colour, ...] = ((214, 148, 104), (236, 206, 150), (206, 160, 128))
    for side in (-1, 1):
        far = _BACK_M
        for number in range(4):
            wide = float(rng.uniform(7.0, 8.6))
            high = float(rng.uniform(8.4, 10.4))
            front = plaster_front(rng, wide, high, colours[(number + (side > 0)) % 3])
            near = far - wide
            x = side * _SIDE_M
            corners = _project((x, high, near), (x, high, far), (x, 0, far), (x, 0, near))
            corners = corners if side < 0 else corners[[1, 0, 3, 2]]
            dim = paint.shade(
                front, np.full(front.shape[:2], 0.72 if side < 0 else 1.0, np.float32)
            )
            hang(picture, dim, corners)
            eave = _project(
                (x, high, near), (x, high, far), (x * 0.97, high, far), (x * 0.97, high, near)
            )
            fill(picture, eave, (120, 72, 54))
            far = near


def _tree(rng: np.random.Generator, x: float, z: float) -> Sprite:
    """Return an orange tree in its pot as one sprite: trunk, pot, crown."""
    foot, middle = _project((x, 0.0, z))[0], _project((x, 2.6, z))[0]
    scale = _LENS.focal_px / z
    leaves = crown(rng, (middle[0], middle[1]), (2.9 * scale, 2.5 * scale), scale, (238, 140, 30))
    width = leaves.mask.shape[1]
    rows = round(foot[1] - leaves.top) + 3
    picture, mask = paint.canvas(width, rows), np.zeros((rows, width), np.float32)
    ink = np.zeros((rows, width, 3), np.uint8)
    base = (width / 2, rows - 3.0)
    for shape, colour in (
        ([(base[0] - 0.05 * scale, 1.0 * scale), (base[0] + 0.05 * scale, 1.0 * scale),
          (base[0] + 0.07 * scale, base[1] - 0.4 * scale),
          (base[0] - 0.07 * scale, base[1] - 0.4 * scale)], (96, 70, 50)),
        ([(base[0] - 0.42 * scale, base[1] - 0.62 * scale),
          (base[0] + 0.42 * scale, base[1] - 0.62 * scale),
          (base[0] + 0.30 * scale, base[1]), (base[0] - 0.30 * scale, base[1])], (186, 104, 66)),
    ):  # fmt: skip
        fill(picture, shape, colour)
        fill(ink, shape, (255, 255, 255))
    mask[:] = ink[..., 0] / np.float32(255)
    rest = Sprite(leaves.picture, leaves.mask, 0, 0)
    paint.lay(picture, rest)
    high = leaves.mask.shape[0]
    part = mask[:high]
    part[:] = np.maximum(part, leaves.mask[: part.shape[0]])
    return Sprite(picture, mask, leaves.left, leaves.top)


def _ring(y: float, radius: float, count: int = 48) -> Points:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    x, z = _FOUNTAIN
    return _LENS.project(
        np.stack([x + radius * np.cos(angles), np.full(count, y), z + radius * np.sin(angles)], 1)
    )


def _drum(picture: Picture, ink: Picture, span: tuple[float, float, float], tone: Colour) -> None:
    """Paint an upright cylinder from y0 to y1 of a radius, shaded from left to right."""
    low_y, high_y, radius = span
    low, high = _ring(low_y, radius), _ring(high_y, radius)
    points = np.concatenate([low, high]).astype(np.float32)
    hull = cv2.convexHull(points).reshape(-1, 2).astype(np.float64)
    fill(ink, hull, (255, 255, 255))
    left, right = float(low[:, 0].min()), float(low[:, 0].max())
    fill(picture, hull, mix(tone, (90, 82, 72), 0.55))
    for step in range(14):
        share = step / 14
        x0, x1 = left + (right - left) * share, left + (right - left) * (share + 1 / 14)
        light = 1.0 - 0.62 * abs(share - 0.25) / 0.75
        inside = [(x0, float(hull[:, 1].min())), (x1, float(hull[:, 1].min())),
                  (x1, float(hull[:, 1].max())), (x0, float(hull[:, 1].max()))]  # fmt: skip
        strip = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillPoly(strip, [paint.fixed(inside)], 255, cv2.LINE_8, 4)
        body = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillPoly(body, [paint.fixed(hull)], 255, cv2.LINE_8, 4)
        picture[(strip & body) > 0] = mix((60, 54, 48), tone, light)
    fill(picture, high, mix(tone, (255, 255, 250), 0.35))
    fill(ink, high, (255, 255, 255))


def _fountain() -> Sprite:
    picture, ink = paint.canvas(), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    marble: Colour = (232, 226, 212)
    _drum(picture, ink, (0.0, 0.22, _BASIN_M + 0.35), (206, 198, 180))
    _drum(picture, ink, (0.22, 0.72, _BASIN_M), marble)
    fill(picture, _ring(0.62, _BASIN_M - 0.28), (58, 104, 118))
    fill(picture, _ring(0.62, _BASIN_M - 0.9), (74, 128, 140))
    _drum(picture, ink, (0.6, 1.75, 0.34), marble)
    _drum(picture, ink, (1.75, 1.98, 1.25), marble)
    fill(picture, _ring(1.95, 1.1), (96, 150, 160))
    _drum(picture, ink, (1.95, 2.7, 0.16), marble)
    rows, columns = np.flatnonzero(ink[..., 0].max(axis=1)), np.flatnonzero(ink[..., 0].max(axis=0))
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    mask = (ink[part][..., 0] / np.float32(255)).astype(np.float32)
    return Sprite(picture[part].copy(), mask, int(columns[0]), int(rows[0]))


def _water(picture: Picture, turn: float) -> None:
    """Draw jets, falling drops and rings on the water at a share (0..1) of the loop."""
    x0, z0 = _FOUNTAIN
    drops: list[tuple[float, float, float]] = []
    for jet in range(10):
        angle = jet * 2 * np.pi / 10
        for drop in range(9):
            fall = (drop / 9 + 40 * turn + jet * 0.37) % 1
            reach = 1.15 + 0.85 * fall
            y = 1.95 + 0.55 * fall - 1.85 * fall**2
            drops.append((x0 + reach * np.cos(angle), y, z0 + reach * np.sin(angle)))
    for drop in range(14):
        rise = (drop / 14 + 40 * turn) % 1
        drops.append((x0 + 0.10 * np.sin(9.0 * drop), 2.7 + 1.5 * rise - 1.4 * rise**2, z0))
    basin = _ring(0.0, _BASIN_M + 0.4)
    top, bottom = int(_project((x0, 4.4, z0))[0, 1]), int(basin[:, 1].max())
    part = picture[top:bottom, int(basin[:, 0].min()) : int(basin[:, 0].max())]
    veil, corner = part.copy(), np.array([int(basin[:, 0].min()), top])
    for point in _LENS.project(np.array(drops)) - corner:
        tail = np.array([[point[0], point[1] - 5], [point[0], point[1] + 3]])
        paint.stroke(veil, tail, (240, 248, 252), 2)
    for ripple in range(3):
        radius = 0.8 + 1.8 * ((ripple / 3 + 20 * turn) % 1)
        cv2.polylines(
            veil,
            [paint.fixed(_ring(0.62, radius) - corner)],
            True,
            (158, 200, 206),
            1,
            cv2.LINE_AA,
            4,
        )
    part[:] = cv2.addWeighted(part, 0.35, veil, 0.65, 0)


def _umbrellas() -> list[tuple[float, Sprite]]:
    """Return the café's umbrellas and tables with the z where they stand."""
    places = ((9.6, 36.5), (12.2, 37.0), (-10.4, 36.2))
    return [(z, _umbrella(x, z, k)) for k, (x, z) in enumerate(places)]


def _umbrella(x: float, z: float, number: int) -> Sprite:
    picture, ink = paint.canvas(), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    cloth: Colour = ((238, 232, 214), (198, 58, 48), (238, 232, 214))[number]
    shapes: list[tuple[NDArray[np.float64], Colour]] = []
    pole = _project((x - 0.04, 2.3, z), (x + 0.04, 2.3, z), (x + 0.04, 0, z), (x - 0.04, 0, z))
    shapes.append((pole, (90, 80, 70)))
    for seat in (-0.8, 0.8):
        chair = _project((x + seat - 0.25, 0.9, z), (x + seat + 0.25, 0.9, z),
                         (x + seat + 0.25, 0, z), (x + seat - 0.25, 0, z))  # fmt: skip
        shapes.append((chair, (96, 66, 46)))
    table = _project((x - 0.55, 0.78, z), (x + 0.55, 0.78, z), (x + 0.5, 0.7, z), (x - 0.5, 0.7, z))
    shapes.append((table, (236, 230, 220)))
    angles = np.linspace(0, 2 * np.pi, 9)
    rim = [(x + 1.5 * np.cos(a), 2.25, z + 1.5 * np.sin(a)) for a in angles]
    order = sorted(range(8), key=lambda k: -(rim[k][2] + rim[k + 1][2]))
    for k in order:
        light = 0.72 + 0.28 * (1 - np.cos(angles[k])) / 2
        panel = _project((x, 2.85, z), rim[k], rim[k + 1])
        shapes.append((panel, mix((40, 30, 24), cloth, light if k % 2 else light * 0.93)))
    for shape, colour in shapes:
        fill(picture, shape, colour)
        fill(ink, shape, (255, 255, 255))
    rows, columns = np.flatnonzero(ink[..., 0].max(axis=1)), np.flatnonzero(ink[..., 0].max(axis=0))
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    mask = (ink[part][..., 0] / np.float32(255)).astype(np.float32)
    return Sprite(picture[part].copy(), mask, int(columns[0]), int(rows[0]))
