# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Polygons that one can be inside or outside of: on the picture, and on the ground."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from math import cos, radians

from gateway.model.registry import Point

LEAST_POINTS = 3
MOST_POINTS = 64
"""A shape drawn by hand on a picture; also bounds the comparison of all pairs of sides."""
LEAST_AREA = 1e-5
"""Of the picture: about 4 x 5 px at 1080p; smaller is a slip of the hand."""

MOST_GROUND_POINTS = 256
LEAST_GROUND_M2 = 1.0
MOST_GROUND_DEG = 2.0
"""A province; what is larger has its coordinates wrong, and a plane no longer holds it."""
METRES_PER_DEGREE = 111_195.0
"""Of latitude, on a sphere of 6371 km."""


def fault(polygon: tuple[Point, ...]) -> str:
    """Return what is wrong with a polygon, or "" for a simple one inside the picture."""
    if not LEAST_POINTS <= len(polygon) <= MOST_POINTS:
        return f"has {len(polygon)} points"
    if any(not (0 <= x <= 1 and 0 <= y <= 1) for x, y in polygon):
        return "leaves the picture"
    if len(set(polygon)) < len(polygon):
        return "uses a point twice"
    if _crosses_itself(polygon):
        return "crosses itself"
    if abs(_area(polygon)) < LEAST_AREA:
        return "has no area"
    return ""


def ground_fault(polygon: tuple[Point, ...]) -> tuple[str, str]:
    """Return problem and advice of a polygon on the ground (longitude, latitude), or two ""."""
    corners = f"write {LEAST_POINTS} to {MOST_GROUND_POINTS} corners as [longitude, latitude]"
    if not LEAST_POINTS <= len(polygon) <= MOST_GROUND_POINTS:
        return f"has {len(polygon)} corners", corners
    if any(not (abs(x) <= 180 and abs(y) <= 90) for x, y in polygon):  # noqa: PLR2004 - degrees
        return "leaves the earth", f"{corners} in degrees"
    if _crosses_antimeridian(polygon):
        return "crosses the antimeridian", "draw one area on each side of longitude 180"
    if any(max(axis) - min(axis) > MOST_GROUND_DEG for axis in zip(*polygon, strict=True)):
        return f"is wider than {MOST_GROUND_DEG:g} degrees", f"{corners}, longitude first"
    if len(set(polygon)) < len(polygon):
        return "uses a corner twice", "remove one of the two; the area closes by itself"
    if _crosses_itself(polygon):
        return "crosses itself", "write the corners in the order in which one walks around"
    middle = radians(sum(y for _, y in polygon) / len(polygon))
    if abs(_area(polygon)) * METRES_PER_DEGREE**2 * cos(middle) < LEAST_GROUND_M2:
        return "has no area", "write corners that enclose at least a square metre"
    return "", ""


def covers(outer: tuple[Point, ...], inner: tuple[Point, ...]) -> bool:
    """Return whether a simple polygon holds another whole, borders included; exact.

    `outer` has no holes, so it holds what its border holds: each side of `inner`, cut where it
    meets `outer`, lies inside piece by piece.
    """
    if outer == inner:
        return True
    big, small = _exact(outer), _exact(inner)
    return all(_holds_side(big, side) for side in _sides(small))


_Exact = tuple[Fraction, Fraction]
_Side = tuple[_Exact, _Exact]


def _exact(polygon: tuple[Point, ...]) -> list[_Exact]:
    return [(Fraction(x), Fraction(y)) for x, y in polygon]


def _sides(polygon: list[_Exact]) -> list[_Side]:
    return list(zip(polygon, polygon[1:] + polygon[:1], strict=True))


def _holds_side(polygon: list[_Exact], side: _Side) -> bool:
    (ax, ay), (bx, by) = side
    cuts = {Fraction(0), Fraction(1)}
    for other in _sides(polygon):
        cuts.update(_meetings(side, other))
    ordered = sorted(cuts)
    middles = ((one + two) / 2 for one, two in pairwise(ordered))
    places = (*ordered, *middles)
    return all(_holds_point(polygon, (ax + (bx - ax) * t, ay + (by - ay) * t)) for t in places)


def _meetings(side: _Side, other: _Side) -> Iterator[Fraction]:
    """Yield where on `side` (0..1) it meets `other`, ends of a shared stretch included."""
    (ax, ay), (bx, by) = side
    dx, dy = bx - ax, by - ay
    (cx, cy), (ex, ey) = other
    turn = dx * (ey - cy) - dy * (ex - cx)
    if turn:
        along = ((cx - ax) * (ey - cy) - (cy - ay) * (ex - cx)) / turn
        beside = ((cx - ax) * dy - (cy - ay) * dx) / turn
        if 0 <= along <= 1 and 0 <= beside <= 1:
            yield along
    elif (cx - ax) * dy == (cy - ay) * dx:
        square = dx * dx + dy * dy
        for x, y in other:
            along = ((x - ax) * dx + (y - ay) * dy) / square
            if 0 <= along <= 1:
                yield along


def _holds_point(polygon: list[_Exact], point: _Exact) -> bool:
    """Return whether a point is inside or on the border (crossing number)."""
    x, y = point
    inside = False
    for (ax, ay), (bx, by) in _sides(polygon):
        turn = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        within = min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by)
        if turn == 0 and within:
            return True
        if (ay > y) != (by > y):
            inside ^= (turn > 0) == (by > ay)
    return inside


def _crosses_antimeridian(polygon: tuple[Point, ...]) -> bool:
    """Return whether a side would be shorter the other way round the earth (RFC 7946 §3.1.9)."""
    pairs = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return any(abs(ax - bx) > 180 for (ax, _), (bx, _) in pairs)  # noqa: PLR2004 - degrees


def counterclockwise(polygon: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return the polygon from the same corner, turning as RFC 7946 §3.1.6 wants exterior rings."""
    return polygon if _area(polygon) > 0 else (polygon[0], *polygon[:0:-1])


def _area(polygon: tuple[Point, ...]) -> float:
    pairs = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs) / 2


def _crosses_itself(polygon: tuple[Point, ...]) -> bool:
    """Return whether two sides meet that are not neighbours.

    Neighbours that fold back onto each other make a third side touch one of them, or, in a
    triangle, leave no area. Sides are compared from left to right while they can still meet.
    """
    count = len(polygon)
    corners = [(i, polygon[i], polygon[(i + 1) % count]) for i in range(count)]
    sides = sorted((min(a[0], b[0]), max(a[0], b[0]), i, a, b) for i, a, b in corners)
    for index, (_, right, i, a, b) in enumerate(sides):
        for left, _, j, c, d in sides[index + 1 :]:
            if left > right:
                break
            neighbours = abs(i - j) in (1, count - 1)
            if not neighbours and _touch(a, b, c, d):
                return True
    return False


def _turn(a: Point, b: Point, c: Point) -> float:
    """Return > 0 if a -> b -> c turns one way, < 0 the other, 0 if it is straight."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _touch(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Return whether the closed segments ab and cd have a point in common."""
    abc, abd, cda, cdb = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if abc * abd < 0 and cda * cdb < 0:
        return True
    return (
        (abc == 0 and _within(a, b, c))
        or (abd == 0 and _within(a, b, d))
        or (cda == 0 and _within(c, d, a))
        or (cdb == 0 and _within(c, d, b))
    )


def _within(a: Point, b: Point, p: Point) -> bool:
    """Return whether p, known to be on the line ab, lies between them."""
    return min(a[0], b[0]) <= p[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= p[1] <= max(a[1], b[1])
