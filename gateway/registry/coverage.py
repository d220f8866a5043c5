# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How much of each risk area the cameras look at, and where the gaps are (A-10, A-11).

A camera covers the sector of its field of view up to its range (`gateway.registry.sight`). An
area is cut into horizontal strips; on the middle line of a strip, area and sectors are intervals,
whose union is exact. So only the height of a strip limits the accuracy, not the size of sectors
along it. Walls are not known: it is the best that the cameras could do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, inf, radians, sin, sqrt

from gateway.model.registry import Camera, RiskArea
from gateway.registry.polygon import METRES_PER_DEGREE
from gateway.registry.sight import is_placed, range_m

STRIPS = 400
LEAST_GAP = 0.002
"""Of the area; smaller gaps are slivers between sectors."""
MOST_GAPS = 20

Interval = tuple[float, float]
"""Metres east of the area's origin, left < right."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A connected part of an area that no camera covers."""

    latitude: float
    longitude: float
    """A point inside it, in its widest strip."""
    area_m2: float


@dataclass(frozen=True, slots=True)
class AreaCoverage:
    """One risk area."""

    area: str
    area_m2: float
    share: float
    """0 to 1."""
    cameras: tuple[str, ...]
    """Those that cover some of it, by id."""
    gaps: tuple[Gap, ...]
    """The largest first, at most MOST_GAPS."""
    strip_m: float
    """Height of a strip; what is lower may be missed."""


@dataclass(frozen=True, slots=True)
class _Sector:
    """Metres from the area's origin; directions as unit vectors east, north."""

    camera: str
    east: float
    north: float
    range: float
    angle_deg: float
    first: tuple[float, float]
    last: tuple[float, float]
    """Counterclockwise from `first` to `last`."""


@dataclass(slots=True)
class _Piece:
    """An uncovered interval; those of neighbouring strips that touch are one gap."""

    left: float
    right: float
    strip: int
    gap: int


def coverage(cameras: Iterable[Camera], areas: Iterable[RiskArea]) -> tuple[AreaCoverage, ...]:
    """Return the coverage of each area, by priority (the highest first) and id."""
    placed = [camera for camera in cameras if is_placed(camera)]
    ordered = sorted(areas, key=lambda area: (-area.priority, area.id))
    return tuple(_coverage(area, placed) for area in ordered)


def _coverage(area: RiskArea, cameras: Sequence[Camera]) -> AreaCoverage:
    plane = _Plane(area)
    corners = [plane.metres(*corner) for corner in area.polygon]
    south, north = min(y for _, y in corners), max(y for _, y in corners)
    sectors = [s for s in map(plane.sector, cameras) if _may_touch(s, corners)]
    strip_m = (north - south) / STRIPS
    whole = covered = 0.0
    seen: set[str] = set()
    strips: list[list[Interval]] = []
    for number in range(STRIPS):
        y = south + (number + 0.5) * strip_m
        inside = _crossings(corners, y)
        looked_at = [(s.camera, span) for s in sectors for span in _spans(s, y)]
        seen |= {camera for camera, span in looked_at if _meet([span], inside)}
        open_ = _minus(inside, _union([span for _, span in looked_at]))
        whole += _length(inside)
        covered += _length(inside) - _length(open_)
        strips.append(open_)
    return AreaCoverage(
        area.id,
        whole * strip_m,
        min(1.0, max(0.0, covered / whole)) if whole else 0.0,
        tuple(sorted(seen)),
        _gaps(strips, plane, south, strip_m, whole * strip_m),
        strip_m,
    )


class _Plane:
    """Metres east and north of an area's first corner (equirectangular)."""

    def __init__(self, area: RiskArea) -> None:
        self._longitude, self._latitude = area.polygon[0]
        middle = sum(latitude for _, latitude in area.polygon) / len(area.polygon)
        self._metres_east = METRES_PER_DEGREE * max(cos(radians(middle)), 1e-6)

    def metres(self, longitude: float, latitude: float) -> tuple[float, float]:
        return (
            (longitude - self._longitude) * self._metres_east,
            (latitude - self._latitude) * METRES_PER_DEGREE,
        )

    def degrees(self, east: float, north: float) -> tuple[float, float]:
        """Return latitude and longitude."""
        return (
            self._latitude + north / METRES_PER_DEGREE,
            self._longitude + east / self._metres_east,
        )

    def sector(self, camera: Camera) -> _Sector:
        east, north = self.metres(camera.longitude, camera.latitude)
        half = camera.field_of_view_deg / 2
        ends = [radians(camera.azimuth_deg + turn) for turn in (half, -half)]
        first, last = ((sin(end), cos(end)) for end in ends)
        angle = camera.field_of_view_deg
        return _Sector(camera.id, east, north, range_m(camera), angle, first, last)


def _may_touch(sector: _Sector, corners: Sequence[tuple[float, float]]) -> bool:
    """Return whether the square around a sector's circle meets that around the area."""
    return all(
        min(axis) - sector.range <= middle <= max(axis) + sector.range
        for axis, middle in zip(
            zip(*corners, strict=True), (sector.east, sector.north), strict=True
        )
    )


def _crossings(corners: Sequence[tuple[float, float]], y: float) -> list[Interval]:
    """Return where a horizontal line is inside a polygon."""
    found: list[float] = []
    before = corners[-1]
    for corner in corners:
        (ax, ay), (bx, by) = before, corner
        if (ay <= y) != (by <= y):
            found.append(ax + (y - ay) / (by - ay) * (bx - ax))
        before = corner
    found.sort()
    return list(zip(found[::2], found[1::2], strict=True))


def _spans(sector: _Sector, y: float) -> list[Interval]:
    """Return where a horizontal line is inside a sector: at most two intervals."""
    height = y - sector.north
    if abs(height) >= sector.range:
        return []
    half = sqrt(sector.range**2 - height**2)
    disc = [(sector.east - half, sector.east + half)]
    if sector.angle_deg >= 360:  # noqa: PLR2004 - degrees
        return disc
    if sector.angle_deg <= 180:  # noqa: PLR2004 - degrees
        wedge = _wedge(sector.first, sector.last, height)
        return _meet(disc, [(sector.east + left, sector.east + right) for left, right in wedge])
    back = _wedge(sector.last, sector.first, height)
    return _minus(disc, [(sector.east + left, sector.east + right) for left, right in back])


def _wedge(first: tuple[float, float], last: tuple[float, float], height: float) -> list[Interval]:
    """Return where a line is between two directions at most 180 degrees apart, from the apex."""
    left, right = -inf, inf
    for along_x, along_y in ((-first[1], first[0] * height), (last[1], -last[0] * height)):
        # along_x * x + along_y >= 0: to the left of `first`, to the right of `last`
        if abs(along_x) < 1e-12:  # noqa: PLR2004 - parallel to the line
            if along_y < 0:
                return []
        elif along_x > 0:
            left = max(left, -along_y / along_x)
        else:
            right = min(right, -along_y / along_x)
    return [(left, right)] if left < right else []


def _union(spans: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for left, right in sorted(spans):
        if merged and left <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged


def _meet(spans: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    met = ((max(a, c), min(b, d)) for a, b in spans for c, d in others)
    return [(left, right) for left, right in met if left < right]


def _minus(spans: Sequence[Interval], holes: Sequence[Interval]) -> list[Interval]:
    """Return what is left of disjoint spans without disjoint, sorted holes."""
    left_over: list[Interval] = []
    for start, end in spans:
        at = start
        for left, right in holes:
            if right <= at or left >= end:
                continue
            if left > at:
                left_over.append((at, left))
            at = max(at, right)
        if at < end:
            left_over.append((at, end))
    return left_over


def _length(spans: Iterable[Interval]) -> float:
    return sum(right - left for left, right in spans)


def _gaps(
    strips: Sequence[Sequence[Interval]],
    plane: _Plane,
    south: float,
    strip_m: float,
    area_m2: float,
) -> tuple[Gap, ...]:
    """Return what is open, neighbouring intervals joined, the largest first."""
    groups: dict[int, list[_Piece]] = {}
    for piece in _joined(strips):
        groups.setdefault(piece.gap, []).append(piece)
    gaps: list[Gap] = []
    for pieces in groups.values():
        size = sum(piece.right - piece.left for piece in pieces) * strip_m
        if size < LEAST_GAP * area_m2:
            continue
        widest = max(pieces, key=lambda piece: piece.right - piece.left)
        north = south + (widest.strip + 0.5) * strip_m
        gaps.append(Gap(*plane.degrees((widest.left + widest.right) / 2, north), size))
    return tuple(sorted(gaps, key=lambda gap: -gap.area_m2)[:MOST_GAPS])


def _joined(strips: Sequence[Sequence[Interval]]) -> list[_Piece]:
    """Return every open interval with the number of the gap that it belongs to."""
    pieces: list[_Piece] = []
    parents: list[int] = []

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    below: list[_Piece] = []
    for strip, spans in enumerate(strips):
        row: list[_Piece] = []
        for left, right in spans:
            piece = _Piece(left, right, strip, len(parents))
            parents.append(piece.gap)
            for other in below:
                if other.left < right and left < other.right:
                    parents[root(other.gap)] = root(piece.gap)
            row.append(piece)
        pieces += row
        below = row
    for piece in pieces:
        piece.gap = root(piece.gap)
    return pieces
