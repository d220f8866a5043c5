# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Points, lines and boxes of a picture in fractions of it, y downwards; pure."""

from collections.abc import Sequence

from gateway.model.alarm import Box, Kind, Track
from gateway.model.registry import Point, Zone


def contains(polygon: Sequence[Point], point: Point) -> bool:
    """Return whether a point lies inside a polygon, by the even-odd rule."""
    x, y = point
    inside = False
    last_x, last_y = polygon[-1]
    for at_x, at_y in polygon:
        if (at_y > y) != (last_y > y):
            cut = at_x + (y - at_y) * (last_x - at_x) / (last_y - at_y)
            inside ^= x < cut
        last_x, last_y = at_x, at_y
    return inside


def beside(line: Sequence[Point], point: Point) -> float:
    """Return how far a point lies from the line through two points, in fractions of the picture.

    Negative: on side A, at the left hand of one who looks from the first to the second.
    """
    (ax, ay), (bx, by) = line
    along_x, along_y = bx - ax, by - ay
    length = (along_x**2 + along_y**2) ** 0.5
    return float((along_x * (point[1] - ay) - along_y * (point[0] - ax)) / length)


def meets(line: Sequence[Point], start: Point, end: Point) -> bool:
    """Return whether the way from `start` to `end` goes between the two points of a line."""
    before, after = beside(line, start), beside(line, end)
    if before == after:
        return False
    share = before / (before - after)
    if not 0.0 <= share <= 1.0:
        return False
    at_x, at_y = start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])
    (ax, ay), (bx, by) = line
    along = (at_x - ax) * (bx - ax) + (at_y - ay) * (by - ay)
    return 0.0 <= along <= (bx - ax) ** 2 + (by - ay) ** 2


def apart(one: Point, other: Point) -> float:
    """Return the distance of two points, in fractions of the picture."""
    return float(((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2) ** 0.5)


def overlap(one: Box, other: Box) -> float:
    """Return the intersection of two boxes over their union, 0..1."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (area(one) + area(other) - shared)


def area(box: Box) -> float:
    """Return the share of the picture that a box covers."""
    return (box.right - box.left) * (box.bottom - box.top)


def counts(zone: Zone, track: Track) -> bool:
    """Return whether a track is of a class and size that the zone is about.

    What nobody could name counts as any class, and what nobody could measure as any size: a filter
    that cannot judge must not silence an alarm.
    """
    if zone.classes and track.kind is not Kind.MOVING and track.kind not in zone.classes:
        return False
    if track.metres <= 0:
        return True
    return track.metres >= zone.least_m and not 0 < zone.most_m < track.metres


def inside(zone: Zone, tracks: Sequence[Track]) -> tuple[Track, ...]:
    """Return the tracks that count and stand in the zone."""
    return tuple(one for one in tracks if counts(zone, one) and contains(zone.polygon, one.foot))
