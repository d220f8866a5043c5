# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Polygons that one can be inside or outside of."""

from itertools import combinations

from gateway.model.registry import Point

LEAST_POINTS = 3
MOST_POINTS = 64
"""A shape drawn by hand on a picture; also bounds the comparison of all pairs of sides."""
LEAST_AREA = 1e-5
"""Of the picture: about 4 x 5 px at 1080p; smaller is a slip of the hand."""


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


def _area(polygon: tuple[Point, ...]) -> float:
    pairs = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs) / 2


def _crosses_itself(polygon: tuple[Point, ...]) -> bool:
    """Return whether two sides meet that are not neighbours.

    Neighbours that fold back onto each other make a third side touch one of them, or, in a
    triangle, leave no area.
    """
    count = len(polygon)
    sides = [(polygon[i], polygon[(i + 1) % count]) for i in range(count)]
    for (i, one), (j, other) in combinations(enumerate(sides), 2):
        neighbours = j == i + 1 or (i == 0 and j == count - 1)
        if not neighbours and _touch(*one, *other):
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
