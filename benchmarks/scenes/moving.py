# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""People, vehicles and two-wheelers on flat ground: where they are when, and how they look."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import cos, hypot, pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes.canvas import Canvas, Cutout, lay
from benchmarks.scenes.spec import Act, Event, Shape
from gateway.simulator.paint import Colour, Sprite, mix
from gateway.simulator.people import Look, Pose, draw_figure, random_look, walk_phase
from gateway.simulator.perspective import Lens

_HALF_M = {Shape.PERSON: 0.5, Shape.VEHICLE: 2.4, Shape.TWO_WHEELER: 1.1}
"""Half of what it is long: so far outside the picture it begins."""
_OVERSAMPLE = 2
_MOST_PX = 1400
"""Nothing is drawn larger: what is so near fills the picture."""
_NEARING = 0.55
"""Share of the distance to which a nearing one comes."""
_DEEP = 0.75
"""Share of the half width that a lingering one goes in."""
_SWAY_M = 0.7
_SWAY_S = 6.0
_PAINTS: tuple[Colour, ...] = (
    (206, 208, 210), (40, 42, 48), (150, 32, 34), (58, 84, 128), (122, 124, 128), (228, 226, 218),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Where:
    """Where a thing is: metres on the ground, how far it went, which way it looks."""

    x_m: float
    z_m: float
    gone_m: float
    heading: int
    """1: to the right, -1: to the left."""
    moves: bool


@dataclass(frozen=True, slots=True)
class Way:
    """A path as (second since its begin, x, z), and a place where one goes to and fro."""

    at_s: tuple[float, ...]
    points: tuple[tuple[float, float], ...]
    sways: bool = False

    @property
    def lasts_s(self) -> float:
        """Seconds from its first to its last point."""
        return self.at_s[-1]

    def where(self, second: float) -> Where | None:
        """Return the place after so many seconds; None before and after."""
        if not 0.0 <= second < self.lasts_s:
            return None
        leg = bisect_right(self.at_s, second) - 1
        (x0, z0), (x1, z1) = self.points[leg], self.points[leg + 1]
        span_s = self.at_s[leg + 1] - self.at_s[leg]
        share = (second - self.at_s[leg]) / span_s
        x, z, moves = x0 + (x1 - x0) * share, z0 + (z1 - z0) * share, (x0, z0) != (x1, z1)
        gone_m = sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in self._legs(leg))
        gone_m += hypot(x1 - x0, z1 - z0) * share
        heading = 1 if x1 >= x0 else -1
        if not moves and self.sways:
            turn = 2 * pi * (second - self.at_s[leg]) / _SWAY_S
            x, gone_m = x + _SWAY_M * sin(turn), gone_m + _SWAY_M * abs(sin(turn))
            heading, moves = (1 if cos(turn) >= 0 else -1), True
        return Where(x, z, gone_m, heading, moves)

    def _legs(self, count: int) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
        return zip(self.points[:count], self.points[1 : count + 1], strict=True)


def way(event: Event, lens: Lens, width_px: int) -> Way:
    """Return the path of an event through the pictures of a camera."""
    side = -1.0 if event.from_left else 1.0
    z = event.distance_m
    edge = _edge_m(lens, width_px, z) + _HALF_M[event.shape]
    start = (side * edge, z)
    stops = [start, (-side * edge, z)]
    match event.act:
        case Act.ENTERING:
            inside = side * (edge - event.speed_m_s * event.stay_s / 2)
            stops = [start, (inside, z), start]
        case Act.LINGERING | Act.STOPPING:
            place = (side * (1 - _DEEP) * edge, z)
            stops = [start, place, place, (-side * edge, z)]
        case Act.NEARING:
            near = z * _NEARING
            out = _edge_m(lens, width_px, near) + _HALF_M[event.shape]
            stops = [start, (-side * out, near)]
    at_s = [0.0]
    for (x0, z0), (x1, z1) in pairwise(stops):
        gone_m = hypot(x1 - x0, z1 - z0)
        at_s.append(at_s[-1] + (gone_m / event.speed_m_s if gone_m else event.stay_s))
    return Way(tuple(at_s), tuple(stops), sways=event.act is Act.LINGERING)


def _edge_m(lens: Lens, width_px: int, z_m: float) -> float:
    """Return half of what the camera sees across at a distance on the ground."""
    return width_px / 2 / lens.focal_px * _depth_m(lens, z_m)


def _depth_m(lens: Lens, z_m: float) -> float:
    return z_m * cos(lens.pitch_rad) + lens.height_m * sin(lens.pitch_rad)


class Actor:
    """One event's thing, drawn wherever it is."""

    def __init__(self, event: Event, lens: Lens, size_px: tuple[int, int]) -> None:
        """`lens` is for pictures of this size."""
        self.event = event
        self.way = way(event, lens, size_px[0])
        self._lens = lens
        rng = np.random.default_rng((event.look, 7))
        self._look = random_look(rng)
        self._paint = _PAINTS[int(rng.integers(len(_PAINTS)))]
        self._tall_m = float(rng.uniform(1.58, 1.88))
        self._long_m = float(rng.uniform(3.7, 4.7))

    def where(self, second: float) -> Where | None:
        """Return where it is at a second of the clip."""
        return self.way.where(second - self.event.begin_s)

    def draw(self, where: Where) -> Cutout | None:
        """Return what it looks like there; None if it is too small to be drawn."""
        foot = self._lens.project(np.array([[where.x_m, 0.0, where.z_m]]))[0]
        scale = self._lens.focal_px / _depth_m(self._lens, where.z_m)
        at = (float(foot[0]), float(foot[1]))
        if not 6 <= scale * self._tall_m <= _MOST_PX:
            return None
        if self.event.shape is Shape.PERSON:
            pose = Pose(walk_phase(where.gone_m / self._tall_m), where.heading, float(where.moves))
            return Cutout.of(draw_figure(at, scale * self._tall_m, self._look, pose).sprite)
        if self.event.shape is Shape.VEHICLE:
            drawing = _vehicle(scale, self._long_m, self._paint, where)
        else:
            drawing = _two_wheeler(scale, self._look, self._paint, where)
        return Cutout.of(drawing.sprite(at))


class _Drawing:
    """A thing seen from the side; metres, x along it from its middle, y up from the ground."""

    def __init__(self, scale: float, long_m: float, high_m: float, heading: int) -> None:
        self.scale, self.heading = scale * _OVERSAMPLE, heading
        self.long_m, self.high_m = long_m * 1.08, high_m * 1.06
        shape = (max(2, int(self.high_m * self.scale)), max(2, int(self.long_m * self.scale)), 4)
        self._picture = np.zeros(shape, np.uint8)

    def _at(self, points: list[tuple[float, float]]) -> NDArray[np.int32]:
        rows, columns = self._picture.shape[:2]
        xy = np.array(points, np.float64)
        x = columns / 2 + self.heading * xy[:, 0] * self.scale
        y = rows - xy[:, 1] * self.scale
        return np.round(np.stack([x, y], axis=1) * 16).astype(np.int32)

    def area(self, points: list[tuple[float, float]], colour: Colour) -> None:
        cv2.fillPoly(self._picture, [self._at(points)], (*colour, 255), cv2.LINE_8, 4)

    def line(self, points: list[tuple[float, float]], colour: Colour, wide_m: float) -> None:
        thick = max(1, round(wide_m * self.scale))
        flat = [self._at(points)]
        cv2.polylines(self._picture, flat, False, (*colour, 255), thick, cv2.LINE_8, 4)

    def disc(self, x: float, y: float, radius_m: float, colour: Colour) -> None:
        centre = self._at([(x, y)])[0]
        radius = max(16, round(radius_m * self.scale * 16))
        where = (int(centre[0]), int(centre[1]))
        cv2.circle(self._picture, where, radius, (*colour, 255), -1, cv2.LINE_8, 4)

    def sprite(self, foot: tuple[float, float]) -> Sprite:
        size = (self._picture.shape[1] // _OVERSAMPLE, self._picture.shape[0] // _OVERSAMPLE)
        small = cv2.resize(self._picture, size, interpolation=cv2.INTER_AREA)
        mask = small[..., 3].astype(np.float32) / np.float32(255)
        solid = small[..., :3] / np.maximum(mask, np.float32(1e-3))[..., None]
        picture = np.clip(solid, 0, 255).astype(np.uint8)
        return Sprite(picture, mask, round(foot[0] - size[0] / 2), round(foot[1] - size[1]))


def _vehicle(scale: float, long_m: float, paint: Colour, where: Where) -> _Drawing:
    """Draw a car from the side."""
    made = _Drawing(scale, long_m, 1.5, where.heading)
    half, shade = long_m / 2, mix(paint, (0, 0, 0), 0.35)
    made.area([(-half, 0.28), (-half, 0.86), (-half * 0.62, 0.95), (half * 0.48, 0.95),
               (half * 0.94, 0.78), (half, 0.55), (half, 0.28)], paint)  # fmt: skip
    made.area([(-half * 0.72, 0.93), (-half * 0.52, 1.44), (half * 0.1, 1.46),
               (half * 0.48, 0.93)], paint)  # fmt: skip
    made.area([(-half * 0.58, 0.97), (-half * 0.46, 1.36), (-half * 0.16, 1.38),
               (-half * 0.16, 0.97)], (34, 42, 52))  # fmt: skip
    made.area([(-half * 0.1, 0.97), (-half * 0.1, 1.38), (half * 0.08, 1.38),
               (half * 0.38, 0.97)], (40, 50, 62))  # fmt: skip
    made.area([(-half, 0.28), (-half, 0.42), (half, 0.42), (half, 0.28)], shade)
    for x in (-half * 0.62, half * 0.62):
        made.disc(x, 0.32, 0.32, (22, 22, 24))
        made.disc(x, 0.32, 0.18, (150, 152, 156))
    made.disc(half * 0.93, 0.66, 0.09, (244, 240, 220))
    made.disc(-half * 0.96, 0.72, 0.08, (178, 36, 32))
    return made


def _two_wheeler(scale: float, look: Look, paint: Colour, where: Where) -> _Drawing:
    """Draw somebody on a bicycle from the side."""
    made = _Drawing(scale, 1.8, 1.72, where.heading)
    turn = where.gone_m / 0.9
    for x in (-0.52, 0.52):
        made.disc(x, 0.34, 0.34, (28, 28, 30))
        made.disc(x, 0.34, 0.27, (120, 122, 124))
        spoke = (0.26 * cos(where.gone_m / 0.34), 0.26 * sin(where.gone_m / 0.34))
        made.line([(x - spoke[0], 0.34 - spoke[1]), (x + spoke[0], 0.34 + spoke[1])],
                  (40, 40, 42), 0.03)  # fmt: skip
    crank, seat, bar = (-0.02, 0.32), (-0.22, 0.92), (0.42, 1.02)
    for frame in ([(-0.52, 0.34), seat, crank, (-0.52, 0.34)], [seat, (0.38, 0.86), crank],
                  [(0.52, 0.34), bar]):  # fmt: skip
        made.line(frame, paint, 0.05)
    shoulder, hip = (0.12, 1.42), (-0.2, 0.98)
    for phase, shade in ((pi, 0.7), (0.0, 1.0)):
        angle = 2 * pi * turn + phase
        pedal = (crank[0] + 0.17 * cos(angle), crank[1] + 0.17 * sin(angle))
        knee = ((hip[0] + pedal[0]) / 2 + 0.22, (hip[1] + pedal[1]) / 2 + 0.12)
        made.line([hip, knee, pedal], mix((0, 0, 0), look.legs, shade), 0.12)
    made.line([hip, shoulder], look.top, 0.26)
    made.line([shoulder, (0.32, 1.16), bar], look.top, 0.09)
    made.disc(0.2, 1.6, 0.11, look.hair)
    return made


def lay_with_shadow(canvas: Canvas, cutout: Cutout) -> None:
    """Lay a thing and the soft shadow below its feet."""
    box = cutout.box_px()
    if box is not None:
        lay(canvas, _shadow(box))
    lay(canvas, cutout)


def _shadow(box: tuple[int, int, int, int]) -> Cutout:
    """Return what touches the ground below a box: a soft dark oval around its lower edge."""
    left, top, right, bottom = box
    wide, rows = max(4, right - left), max(2, (bottom - top) // 14)
    shape = ((4 * rows + 1) & ~1, (wide + 4 * rows + 1) & ~1)
    oval = np.zeros(shape, np.uint8)
    centre = (shape[1] // 2, shape[0] // 2)
    cv2.ellipse(oval, centre, (max(1, wide * 2 // 5), rows), 0, 0, 360, (110,), -1)
    soft = np.asarray(cv2.GaussianBlur(oval, (0, 0), max(0.8, rows / 2)), np.uint8)
    half = (shape[0] // 2, shape[1] // 2)
    chroma = (np.full(half, 128, np.uint8) for _ in range(2))
    dark = Canvas(np.full(shape, 20, np.uint8), *chroma)
    x, y = (left + right) // 2 - centre[0], bottom - rows // 2 - centre[1]
    return Cutout(dark, soft, x & ~1, y & ~1)
