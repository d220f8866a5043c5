# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cars as small solids: shape, paint, glass, lamps and plate, drawn in true perspective.

A car's own frame: x to its left and right, y up, z from its visible end (0) to the other; the end
that is seen is the front of a car that comes and the rear of one that goes.
"""

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.simulator.paint import Colour, Picture, darken, mix
from gateway.simulator.perspective import Lens, Points, hang_near
from gateway.simulator.plates import PLATE_M

_OVERSAMPLE = 2
_SUN = np.array([-0.55, 0.72, -0.42])
"""Unit vector towards the sun: from the left, behind the camera."""
_SHADOW_DRIFT = (0.62, 0.30)
"""x and z by which a point one metre high casts its shadow."""
_GLASS: Colour = (24, 30, 38)
_SKY: Colour = (176, 204, 232)
_RUBBER: Colour = (24, 24, 26)
_MARGIN_PX = 6
_CABIN_Y = 1.1


class Facing(Enum):
    """Which end the camera sees."""

    FRONT = "front"
    REAR = "rear"


@dataclass(frozen=True, slots=True)
class Body:
    """Measures of a body in metres; lengths along z are shares of `length`, from the front."""

    length: float
    width: float
    height: float
    sill: float
    nose: float
    """Height of the bonnet's front edge."""
    belt: float
    """Height of the lower edge of the side windows."""
    bonnet_end: float
    """Where the windscreen begins."""
    roof_front: float
    roof_end: float
    tail: float
    """Where the rear window ends below."""
    deck: float
    """Height of the tail's upper edge."""
    wheel: float = 0.31


HATCHBACK = Body(4.05, 1.76, 1.46, 0.20, 0.78, 0.94, 0.25, 0.42, 0.88, 0.985, 0.98)
CITY_CAR = Body(3.65, 1.66, 1.55, 0.22, 0.86, 1.00, 0.21, 0.35, 0.93, 0.99, 1.02, 0.29)
SALOON = Body(4.65, 1.82, 1.44, 0.19, 0.76, 0.93, 0.27, 0.43, 0.74, 0.88, 1.00, 0.32)
ESTATE = Body(4.60, 1.80, 1.48, 0.19, 0.77, 0.94, 0.26, 0.41, 0.92, 0.985, 0.98, 0.32)
SUV = Body(4.40, 1.86, 1.68, 0.28, 0.98, 1.10, 0.26, 0.40, 0.89, 0.98, 1.10, 0.36)
VAN = Body(5.00, 1.98, 2.20, 0.26, 1.10, 1.22, 0.16, 0.30, 0.985, 0.995, 1.24, 0.34)
BODIES = (HATCHBACK, CITY_CAR, SALOON, ESTATE, SUV, VAN)


@dataclass(frozen=True, slots=True)
class Car:
    """One car; `plate` is its texture."""

    body: Body
    paint: Colour
    facing: Facing
    plate: Picture
    van: bool = False
    """Closed sides and tail."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Where a car came to lie in the picture, in pixels."""

    box: tuple[float, float, float, float]
    """Left, top, right, bottom of its body."""
    plate: Points
    """Corners (4, 2) clockwise from top left."""


Face = tuple[Points, Colour]


@dataclass(frozen=True, slots=True)
class CarModel:
    """A car ready to be drawn anywhere; made by `build_car`."""

    car: Car
    vertices: Points
    """Of all faces, one after the other."""
    faces: tuple[tuple[int, int, Colour], ...]
    """First vertex, one past the last, colour; in the order in which they are painted."""


def build_car(car: Car) -> CarModel:
    """Return the faces of a car, shaded once since it never turns."""
    faces = _faces(car)
    ends = np.cumsum([len(points) for points, _ in faces])
    spans = tuple(
        (int(end) - len(points), int(end), colour)
        for end, (points, colour) in zip(ends, faces, strict=True)
    )
    return CarModel(car, np.concatenate([points for points, _ in faces]), spans)


def place_car(lens: Lens, model: CarModel, at: tuple[float, float]) -> Drawn:
    """Return where `draw_car` would draw it."""
    offset = np.array([at[0], 0.0, at[1]])
    outline = lens.project(model.vertices + offset)
    left, top = outline.min(axis=0)
    right, bottom = outline.max(axis=0)
    plate = lens.project(_plate_corners(model.car) + offset)
    return Drawn((float(left), float(top), float(right), float(bottom)), plate)


def draw_car(
    picture: Picture, lens: Lens, model: CarModel, at: tuple[float, float], light: float
) -> Drawn:
    """Draw a car and its shadow; `at`: x and z of the middle of its visible end, on the ground.

    `light`: 1 in the sun, less in a tunnel.
    """
    car, offset = model.car, np.array([at[0], 0.0, at[1]])
    drawn = place_car(lens, model, at)
    _cast(picture, lens, car, at, light)
    left, top, right, bottom = drawn.box
    x0, y0 = int(np.floor(left)) - _MARGIN_PX, int(np.floor(top)) - _MARGIN_PX
    size = (int(right) - x0 + _MARGIN_PX, int(bottom) - y0 + _MARGIN_PX)
    outline = lens.project(model.vertices + offset)
    big = np.zeros((size[1] * _OVERSAMPLE, size[0] * _OVERSAMPLE, 4), np.uint8)
    corner = np.array([x0, y0])
    flat = np.round((outline - corner) * (_OVERSAMPLE * 16)).astype(np.int32)
    for start, end, colour in model.faces:
        points = flat[start:end]
        if _faces_camera(points):
            red, green, blue = (part * light for part in colour)
            cv2.fillPoly(big, [points], (red, green, blue, 255), 8, 4)
    shine = np.clip(car.plate * np.float32(0.98 * light), 0, 255).astype(np.uint8)
    hang_near(big, shine, (drawn.plate - corner) * _OVERSAMPLE)
    _compose(picture, big, (x0, y0))
    return drawn


def _faces_camera(flat: NDArray[np.int32]) -> bool:
    """Whether a face runs clockwise in the picture (y down)."""
    return cv2.contourArea(flat, oriented=True) > 0


def _compose(picture: Picture, big: Picture, at: tuple[int, int]) -> None:
    """Shrink a coloured, transparent picture and lay it over (it is premultiplied)."""
    size = (big.shape[1] // _OVERSAMPLE, big.shape[0] // _OVERSAMPLE)
    small = cv2.resize(big, size, interpolation=cv2.INTER_AREA)
    x0, y0 = max(0, at[0]), max(0, at[1])
    x1, y1 = min(picture.shape[1], at[0] + size[0]), min(picture.shape[0], at[1] + size[1])
    if x1 <= x0 or y1 <= y0:
        return
    part = small[y0 - at[1] : y1 - at[1], x0 - at[0] : x1 - at[0]]
    below = picture[y0:y1, x0:x1]
    rest = 1 - part[..., 3:].astype(np.float32) / 255
    below[:] = (below * rest + part[..., :3] + 0.5).astype(np.uint8)


def _cast(picture: Picture, lens: Lens, car: Car, at: tuple[float, float], light: float) -> None:
    """Darken the ground: the sun's shadow, and the deeper one below the car."""
    body = car.body
    half, base = body.width / 2, np.array([at[0], 0.0, at[1]])
    drift = np.array([_SHADOW_DRIFT[0], 0.0, _SHADOW_DRIFT[1]])
    foot = np.array([[x, 0.0, z] for x in (-half, half) for z in (0.0, body.length)])
    roof = np.array(
        [[x, 0.0, z * body.length] for x in (-half * 0.75, half * 0.75) for z in (0.2, 0.9)]
    )
    belt = foot + body.belt * drift
    hull = np.concatenate([foot, belt, roof + body.height * drift])
    _darken_hull(picture, lens.project(hull + base), 1 - 0.52 * light)
    _darken_hull(picture, lens.project(foot * np.array([1.02, 1, 1]) + base), 0.45)


def _darken_hull(picture: Picture, points: Points, least: float) -> None:
    """Darken the hull of points with an edge as soft as it is large."""
    x0, y0 = np.floor(points.min(axis=0)).astype(int)
    x1, y1 = np.ceil(points.max(axis=0)).astype(int)
    blur = max(0.8, (x1 - x0) / 90)
    pad = int(3 * blur) + 1
    coarse = max(1, round(blur))
    size = (x1 - x0 + 2 * pad, y1 - y0 + 2 * pad)
    mask = np.zeros((size[1] // coarse + 1, size[0] // coarse + 1), np.uint8)
    hull = cv2.convexHull(((points - [x0 - pad, y0 - pad]) / coarse).astype(np.float32))
    cv2.fillConvexPoly(mask, np.round(hull).astype(np.int32), 255)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.8, blur / coarse))
    full = (mask.shape[1] * coarse, mask.shape[0] * coarse)
    smooth = cv2.resize(soft, full, interpolation=cv2.INTER_LINEAR) if coarse > 1 else soft
    share = smooth.astype(np.float32) / np.float32(255)
    darken(picture, share, int(x0 - pad), int(y0 - pad), least)


def _normal(points: Points) -> Points:
    """Return the unit normal of a flat polygon (Newell), on the side that sees it clockwise."""
    after = np.roll(points, -1, axis=0)
    normal = np.cross(points - points[0], after - points[0]).sum(axis=0)
    length = float(np.linalg.norm(normal))
    return np.asarray(normal / length if length else normal)


def _panel(points: Points, colour: Colour, heart_y: float, gloss: float = 0.25) -> Face:
    """Return a face of the body turned outwards (away from the axis at `heart_y`) and lit.

    Light: the sun, the sky from above, and a gleam of sky on what looks up.
    """
    normal = _normal(points)
    middle = points.mean(axis=0)
    axis = np.array([0.0, heart_y, np.clip(middle[2], 0.8, 2.6)])
    if normal @ (middle - axis) < 0:
        points, normal = points[::-1], -normal
    sun = max(0.0, float(normal @ _SUN))
    sky = 0.5 + 0.5 * float(normal[1])
    base = mix((0, 0, 0), colour, 0.26 + 0.42 * sky + 0.50 * sun)
    gleam = gloss * max(0.0, float(normal[1])) ** 2 + 0.5 * gloss * sun**8
    red, green, blue = mix(base, _SKY, min(0.8, gleam))
    return points, (min(255, red), min(255, green), min(255, blue))


def _plate_corners(car: Car) -> Points:
    half, height = PLATE_M[0] / 2, PLATE_M[1]
    foot = 0.42 if car.facing is Facing.FRONT else _rear_plate_foot(car.body)
    z = -0.03
    return np.array(
        [[-half, foot + height, z], [half, foot + height, z], [half, foot, z], [-half, foot, z]]
    )


def _rear_plate_foot(body: Body) -> float:
    return min(0.78, body.deck - 0.36)


def _faces(car: Car) -> list[Face]:
    """Return all faces from back to front, in the car's own frame with the seen end at z = 0."""
    seen = car.facing is Facing.FRONT
    faces = _wheels(car.body) if seen else _mirrors(car) + _wheels(car.body)
    faces += _lower(car)
    if seen:
        faces += _mirrors(car)
    faces += _cabin(car)
    return faces + (_front(car) if seen else _rear(car))


def _along(car: Car, share: float) -> float:
    """Return z of a share of the length from the front."""
    length = car.body.length
    return share * length if car.facing is Facing.FRONT else (1 - share) * length


def _stations(car: Car) -> list[tuple[float, float, float]]:
    """Return z, half width and upper height of the lower body, from the seen end."""
    body, half = car.body, car.body.width / 2
    profile = (
        (0.0, 0.80, body.nose - 0.10),
        (0.012, 0.88, body.nose),
        (0.04, 0.955, body.nose + 0.02),
        (0.10, 1.0, body.nose + 0.3 * (body.belt - body.nose)),
        (body.bonnet_end, 1.0, body.belt),
        (0.6, 1.0, body.belt + 0.02),
        (body.tail - 0.06, 0.985, body.deck),
        (0.97, 0.95, body.deck - 0.01),
        (0.99, 0.90, body.deck - 0.03),
        (1.0, 0.84, body.deck - 0.10),
    )
    rows = [(_along(car, share), wide * half, top) for share, wide, top in profile]
    return sorted(rows)


def _section(half: float, top: float, sill: float) -> list[tuple[float, float]]:
    """Return half a cross section (x, y) of the lower body from the sill to the middle line."""
    return [
        (half * 0.93, sill),
        (half, sill + 0.14),
        (half, sill + 0.55 * (top - sill)),
        (half * 0.975, top - 0.07),
        (half * 0.90, top),
        (half * 0.45, top + 0.025),
        (0.0, top + 0.03),
    ]


def _lower(car: Car) -> list[Face]:
    """Return the loft of the lower body, the far end first."""
    sill = car.body.sill
    rows = [(z, _section(half, top, sill)) for z, half, top in _stations(car)]
    faces: list[Face] = []
    for (near_z, near), (far_z, far) in reversed(list(pairwise(rows))):
        for k in range(len(near) - 1):
            for side in (1, -1):
                quad = np.array(
                    [
                        [side * near[k][0], near[k][1], near_z],
                        [side * near[k + 1][0], near[k + 1][1], near_z],
                        [side * far[k + 1][0], far[k + 1][1], far_z],
                        [side * far[k][0], far[k][1], far_z],
                    ]
                )
                colour = mix(car.paint, (18, 18, 20), 0.75) if k == 0 else car.paint
                faces.append(_panel(quad, colour, 0.55))
    z, section = rows[0]
    ring = [(-x, y) for x, y in section] + [(x, y) for x, y in reversed(section[:-1])]
    cap = np.array([[x, y, z] for x, y in ring])
    faces.append(_panel(cap, car.paint, 0.55))
    return faces


@dataclass(frozen=True, slots=True)
class _Cabin:
    """Measures of the part above the belt; near is the seen end, lengths are z in metres."""

    low: float
    high: float
    """Half widths at the belt and below the roof."""
    roof: float
    near_foot: tuple[float, float]
    far_foot: tuple[float, float]
    """y and z where the screens begin."""
    near_top: float
    far_top: float


def _cabin(car: Car) -> list[Face]:
    """Return roof, pillars and glass, the far end first."""
    body, half = car.body, car.body.width / 2
    ends = [
        (_along(car, body.bonnet_end), _along(car, body.roof_front), body.belt),
        (_along(car, body.tail), _along(car, body.roof_end), body.deck),
    ]
    (near_low, near_top, near_y), (far_low, far_top, far_y) = sorted(ends)
    cabin = _Cabin(
        half * 0.89,
        half * (0.80 if car.van else 0.66),
        body.height,
        (near_y, near_low),
        (far_y, far_low),
        near_top,
        far_top,
    )
    sides = _cabin_side(car, cabin, -1) + _cabin_side(car, cabin, 1)
    return sides + _roof(car, cabin) + _screen(car, cabin)


_BEVEL_M = 0.07
_INNER = 0.86
"""Half width of the flat roof, as a share of its lower edge's."""


def _cabin_side(car: Car, cabin: _Cabin, side: int) -> list[Face]:
    """Return the windows' side and the roof's rounded edge on the left (-1) or right (1)."""
    x, top = side * cabin.high, cabin.roof - _BEVEL_M
    pane = np.array(
        [
            [side * cabin.low, *cabin.near_foot],
            [x, top, cabin.near_top],
            [x, top, cabin.far_top],
            [side * cabin.low, *cabin.far_foot],
        ]
    )
    edge = np.array(
        [
            [x, top, cabin.near_top],
            [x * _INNER, cabin.roof, cabin.near_top + 0.10],
            [x * _INNER, cabin.roof, cabin.far_top - 0.10],
            [x, top, cabin.far_top],
        ]
    )
    return [
        _panel(pane, car.paint, _CABIN_Y),
        *_side_glass(car, pane, side),
        _panel(edge, car.paint, _CABIN_Y),
    ]


def _roof(car: Car, cabin: _Cabin) -> list[Face]:
    """Return the flat roof and its rounded edge above the seen screen."""
    inner, near, far = cabin.high * _INNER, cabin.near_top + 0.10, cabin.far_top - 0.10
    flat = _quad((-inner, cabin.roof, far), (inner, cabin.roof, near))
    top = cabin.roof - _BEVEL_M
    lip = np.array(
        [
            [-cabin.high, top, cabin.near_top],
            [-inner, cabin.roof, near],
            [inner, cabin.roof, near],
            [cabin.high, top, cabin.near_top],
        ]
    )
    return [_panel(flat, car.paint, _CABIN_Y, 0.45), _panel(lip, car.paint, _CABIN_Y, 0.35)]


def _screen(car: Car, cabin: _Cabin) -> list[Face]:
    """Return windscreen or rear window, or the doors of a van."""
    top = cabin.roof - _BEVEL_M
    screen = np.array(
        [
            [-cabin.high, top, cabin.near_top],
            [cabin.high, top, cabin.near_top],
            [cabin.low, *cabin.near_foot],
            [-cabin.low, *cabin.near_foot],
        ]
    )
    doors = car.van and car.facing is Facing.REAR
    inside = _van_doors(car, screen) if doors else _screen_glass(screen, car.facing)
    return [_panel(screen, car.paint, _CABIN_Y), *inside]


def _quad(first: tuple[float, float, float], last: tuple[float, float, float]) -> Points:
    """Return a level rectangle from its far left to its near right corner."""
    (x0, y0, z0), (x1, y1, z1) = first, last
    return np.array([[x0, y0, z0], [x1, y0, z0], [x1, y1, z1], [x0, y1, z1]])


def _within(quad: Points, u: NDArray[np.float64], v: NDArray[np.float64]) -> Points:
    """Return points at u (0..1 along the first edge) and v (towards the opposite edge)."""
    upper = quad[0] + (quad[1] - quad[0]) * u[:, None]
    lower = quad[3] + (quad[2] - quad[3]) * u[:, None]
    return np.asarray(upper + (lower - upper) * v[:, None])


def _inset(quad: Points, box: tuple[float, float, float, float]) -> Points:
    u0, v0, u1, v1 = box
    return _within(quad, np.array([u0, u1, u1, u0]), np.array([v0, v0, v1, v1]))


def _side_glass(car: Car, pane: Points, side: int) -> list[Face]:
    """Return the windows of a side."""
    low_near, high_near, high_far, low_far = pane
    quad = np.array([high_near, high_far, low_far, low_near])
    spans: tuple[tuple[float, float], ...] = ((0.07, 0.50), (0.54, 0.93))
    if car.van:
        spans = ((0.07, 0.30),) if car.facing is Facing.FRONT else ((0.70, 0.93),)
    faces: list[Face] = []
    for start, end in spans:
        glass = _inset(quad, (start, 0.14, end, 0.93))
        faces.append((glass if side > 0 else glass[::-1], mix(_GLASS, _SKY, 0.10)))
    return faces


def _screen_glass(screen: Points, facing: Facing) -> list[Face]:
    """Return the windscreen or rear window in bands: sky above, dark cabin below."""
    faces: list[Face] = []
    bands = 6
    first, last = (0.06, 0.97) if facing is Facing.FRONT else (0.10, 0.86)
    for band in range(bands):
        v0 = first + (last - first) * band / bands
        v1 = first + (last - first) * (band + 1) / bands
        sky = 0.34 * (1 - band / bands) ** 1.6 + 0.05
        faces.append((_inset(screen, (0.045, v0, 0.955, v1)), mix(_GLASS, _SKY, sky)))
    gleam = _within(
        screen, np.array([0.62, 0.74, 0.60, 0.46]), np.array([first, first, last, last])
    )
    faces.append((gleam, mix(_GLASS, _SKY, 0.30)))
    if facing is Facing.FRONT:
        for seat in (0.30, 0.70):
            rest = _inset(screen, (seat - 0.075, 0.50, seat + 0.075, 0.86))
            faces.append((rest, (14, 16, 20)))
    return faces


def _van_doors(car: Car, screen: Points) -> list[Face]:
    """Return the two small windows and the seam of a van's rear doors."""
    dark = mix(car.paint, (0, 0, 0), 0.55)
    faces: list[Face] = [(_inset(screen, (0.497, 0.03, 0.503, 1.0)), dark)]
    for u in (0.12, 0.55):
        faces.append((_inset(screen, (u, 0.10, u + 0.33, 0.52)), dark))
        faces.append((_inset(screen, (u + 0.01, 0.12, u + 0.32, 0.30)), mix(_GLASS, _SKY, 0.3)))
        faces.append((_inset(screen, (u + 0.01, 0.30, u + 0.32, 0.50)), mix(_GLASS, _SKY, 0.12)))
    return faces


def _mirrors(car: Car) -> list[Face]:
    body, half = car.body, car.body.width / 2
    z = _along(car, body.bonnet_end + 0.08)
    faces: list[Face] = []
    for side in (-1, 1):
        x0, x1 = sorted((side * half * 0.96, side * (half + 0.17)))
        glass = np.array(
            [
                [x0, body.belt + 0.14, z],
                [x1, body.belt + 0.14, z],
                [x1, body.belt, z],
                [x0, body.belt + 0.02, z],
            ]
        )
        seen = car.paint if car.facing is Facing.FRONT else mix(_GLASS, _SKY, 0.35)
        faces.append((glass, mix((0, 0, 0), seen, 0.8)))
    return faces


def _wheels(body: Body) -> list[Face]:
    """Return tyres as discs at the sides and blocks seen from the end."""
    faces: list[Face] = []
    half = body.width / 2 - 0.02
    for z in (body.length * 0.82, body.length * 0.185):
        for side in (-1, 1):
            inner, outer = side * (half - 0.2), side * half
            x0, x1 = sorted((inner, outer))
            block = np.array(
                [
                    [x0, body.wheel * 1.6, z - body.wheel * 0.7],
                    [x1, body.wheel * 1.6, z - body.wheel * 0.7],
                    [x1, 0.0, z - body.wheel * 0.4],
                    [x0, 0.0, z - body.wheel * 0.4],
                ]
            )
            faces.append((block, _RUBBER))
    return faces


def _side_wheels(car: Car) -> list[Face]:
    """Return arches, tyres and rims on both sides; only the seen side survives the culling."""
    body = car.body
    half = body.width / 2
    faces: list[Face] = []
    angles = np.linspace(0, 2 * np.pi, 22, endpoint=False)
    for z in (body.length * 0.82, body.length * 0.185):
        for side in (-1, 1):
            order = angles if side < 0 else angles[::-1]
            for radius, colour, out in (
                (body.wheel * 1.16, (16, 16, 18), 0.004),
                (body.wheel, _RUBBER, 0.008),
                (body.wheel * 0.64, (168, 172, 178), 0.012),
                (body.wheel * 0.20, (60, 62, 66), 0.016),
            ):
                rim = np.stack(
                    [
                        np.full(order.size, side * (half + out)),
                        np.maximum(body.wheel + radius * np.sin(order), 0.0),
                        z + radius * np.cos(order),
                    ],
                    axis=1,
                )
                faces.append((rim, colour))
    return faces


def _patch(car: Car, points: list[tuple[float, float]], out: float = 0.012) -> Points:
    """Return a patch on the seen end: x as a share of the half width, y in metres."""
    rows = _stations(car)
    wide = [half for _, half, _ in rows[:4]]
    deep = [z for z, _, _ in rows[:4]]
    half = car.body.width / 2
    return np.array(
        [[x * half, y, float(np.interp(abs(x) * half, wide, deep)) - out] for x, y in points]
    )


def _mirrored(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(-x, y) for x, y in reversed(points)]


def _front(car: Car) -> list[Face]:
    """Return bumper, grille, lamps and the seat of the plate of a front."""
    body = car.body
    nose, sill = body.nose, body.sill
    top = nose - 0.10
    faces = _side_wheels(car)
    mouth = [(-0.70, sill + 0.20), (0.70, sill + 0.20), (0.62, sill + 0.03), (-0.62, sill + 0.03)]
    faces.append((_patch(car, mouth), (22, 23, 25)))
    grille = [(-0.42, top + 0.01), (0.42, top + 0.01), (0.36, top - 0.12), (-0.36, top - 0.12)]
    faces.append((_patch(car, grille), (20, 21, 23)))
    for bar in (0.03, 0.07):
        line = [
            (-0.41, top - bar + 0.012),
            (0.41, top - bar + 0.012),
            (0.41, top - bar),
            (-0.41, top - bar),
        ]
        faces.append((_patch(car, line, 0.016), (92, 95, 100)))
    badge = [(-0.05, top), (0.05, top), (0.05, top - 0.08), (-0.05, top - 0.08)]
    faces.append((_patch(car, badge, 0.02), (205, 208, 214)))
    lamp = [(0.47, top - 0.01), (0.97, top + 0.07), (0.96, top - 0.05), (0.53, top - 0.14)]
    bulb = [(0.58, top - 0.02), (0.74, top + 0.005), (0.73, top - 0.10), (0.60, top - 0.115)]
    fog = [(0.66, sill + 0.26), (0.82, sill + 0.26), (0.80, sill + 0.19), (0.66, sill + 0.19)]
    for shape, colour in ((lamp, (196, 206, 216)), (bulb, (255, 252, 236)), (fog, (60, 62, 66))):
        faces.append((_patch(car, shape), colour))
        faces.append((_patch(car, _mirrored(shape)), colour))
    faces.append((_plate_seat(car), (26, 27, 30)))
    return faces


def _rear(car: Car) -> list[Face]:
    """Return bumper, tail lamps, third brake lamp and the seat of the plate of a rear."""
    body = car.body
    deck, sill = body.deck, body.sill
    faces = _side_wheels(car)
    apron = [(-0.74, sill + 0.16), (0.74, sill + 0.16), (0.66, sill), (-0.66, sill)]
    faces.append((_patch(car, apron), (26, 27, 29)))
    seam = [(-0.80, sill + 0.36), (0.80, sill + 0.36), (0.80, sill + 0.345), (-0.80, sill + 0.345)]
    faces.append((_patch(car, seam), mix(car.paint, (0, 0, 0), 0.6)))
    recess = _rear_plate_foot(body)
    bay = [
        (-0.38, recess + 0.17),
        (0.38, recess + 0.17),
        (0.34, recess - 0.05),
        (-0.34, recess - 0.05),
    ]
    faces.append((_patch(car, bay), mix(car.paint, (0, 0, 0), 0.45)))
    lamp = [(0.60, deck - 0.10), (0.95, deck - 0.08), (0.96, deck - 0.30), (0.64, deck - 0.28)]
    glass = [(0.64, deck - 0.13), (0.84, deck - 0.12), (0.85, deck - 0.19), (0.66, deck - 0.19)]
    white = [(0.66, deck - 0.21), (0.80, deck - 0.21), (0.80, deck - 0.25), (0.67, deck - 0.25)]
    for shape, colour in ((lamp, (150, 14, 18)), (glass, (226, 40, 36)), (white, (235, 225, 215))):
        faces.append((_patch(car, shape), colour))
        faces.append((_patch(car, _mirrored(shape)), colour))
    badge = [(-0.04, deck - 0.11), (0.04, deck - 0.11), (0.04, deck - 0.17), (-0.04, deck - 0.17)]
    faces.append((_patch(car, badge), (205, 208, 214)))
    faces.append((_plate_seat(car), (26, 27, 30)))
    return faces


def _plate_seat(car: Car) -> Points:
    corners = _plate_corners(car)
    middle = corners.mean(axis=0)
    return np.asarray(middle + (corners - middle) * np.array([1.05, 1.2, 1.0]) + [0, 0, 0.005])
