# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The life of a passage, from geometry alone: a plate comes, crosses the trigger line, is gone.

What is followed is the plate itself, so it must be seen before the line and after it. Each
crossing is told once: when the plate is gone, or a moment after it crossed, whatever comes first.
Who turns back over the line before that has not passed. Pure; no picture and no text is here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.analytics.geometry import area, beside, contains, meets, overlap
from gateway.analytics.plates.mates import Mates
from gateway.analytics.plates.request import Lane
from gateway.model.alarm import Box
from gateway.model.registry import Direction, Point


@dataclass(frozen=True, slots=True)
class PassageOptions:
    """Bounds of a passage; times in seconds of the camera."""

    gone_s: float = 0.4
    """Not seen for so long, and in `gone_pictures`, a plate is gone."""
    gone_pictures: int = 3
    settle_s: float = 0.6
    """So long after it crossed a passage is told even while its plate is still seen."""
    hysteresis: float = 0.004
    """A plate is beyond the line from this distance on, in fractions of the picture."""
    together_s: float = 0.1
    """Nearer in time, in one lane and way, two crossings are one: at 36 m/s a car takes longer."""
    least_overlap: float = 0.1
    reach: float = 1.6
    """Without overlap, a plate moves at most so many of its widths off where it is expected."""
    alike: float = 0.4
    """Smallest ratio of two areas that may be the same plate."""
    most_tracks: int = 16


@dataclass(frozen=True, slots=True)
class Crossing:
    """A track went over the line of a lane."""

    lane: int
    way: Direction
    at_90k: int


@dataclass(slots=True)
class _Side:
    """Where a track is with respect to one lane's line."""

    point: Point
    """Where it was last seen clearly on one side."""
    beyond: bool
    """It was side B."""
    pending: Crossing | None = None
    """Crossed, and not told yet."""


@dataclass(slots=True)
class _Track:
    id: int
    box: Box
    seen_90k: int
    velocity: Point = (0.0, 0.0)
    """Of its middle, in fractions a second."""
    missed: int = 0
    hits: int = 1
    sides: dict[int, _Side] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """One passage that is decided, of a track."""

    track: int
    crossing: Crossing
    mates: tuple[int, ...] = ()
    """Other tracks on the same vehicle, living or gone with this picture."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one picture did."""

    tracks: tuple[int | None, ...]
    """Of each box that was given; None where it lies in no lane, or doubles another."""
    told: tuple[Told, ...]
    gone: tuple[int, ...]
    """Tracks that are forgotten; whatever was read of them may go."""


class Passages:
    """The plates of one camera's lanes, from picture to picture."""

    def __init__(
        self, lanes: Sequence[Lane], aspect: float = 9 / 16, options: PassageOptions | None = None
    ) -> None:
        """`aspect`: height of the picture over its width."""
        self._lanes = tuple(lanes)
        self._aspect = aspect
        self._options = options or PassageOptions()
        self._tracks: list[_Track] = []
        self._mates = Mates(aspect)
        self._next_id = 1
        self._last: dict[tuple[int, Direction], int] = {}
        """Time of the last crossing that was told, by lane and way."""

    @property
    def open(self) -> int:
        """Return how many plates are followed."""
        return len(self._tracks)

    def step(self, at_90k: int, boxes: Sequence[Box]) -> Step:
        """Take the boxes of one picture, the surest first; `at_90k` never runs back."""
        wanted = self._wanted(boxes)
        assigned = self._associate(wanted, boxes, at_90k)
        seen: set[int] = set()
        tracks: list[int | None] = [None] * len(boxes)
        for number in wanted:
            track = assigned.get(number)
            if track is None:
                track = self._begin(boxes[number], at_90k)
            else:
                self._follow(track, boxes[number], at_90k)
            if track is not None:
                tracks[number] = track.id
                seen.add(track.id)
        for track in self._tracks:
            track.missed = 0 if track.id in seen else track.missed + 1
        self._mates.see({track.id: track.box for track in self._tracks if track.id in seen})
        return self._decided(tuple(tracks), at_90k)

    def finish(self, at_90k: int) -> Step:
        """Decide what is open: nothing more comes."""
        return self._decided((), at_90k, all_gone=True)

    def _decided(
        self, tracks: tuple[int | None, ...], at_90k: int, *, all_gone: bool = False
    ) -> Step:
        told: list[Told] = []
        gone = [one for one in self._tracks if all_gone or self._is_gone(one, at_90k)]
        settle_90k = self._options.settle_s * 90_000
        for track in self._tracks:
            for side in track.sides.values():
                crossing = side.pending
                if crossing is None:
                    continue
                if track in gone or at_90k - crossing.at_90k >= settle_90k:
                    side.pending = None
                    if self._is_new(crossing):
                        told.append(Told(track.id, crossing, self._mates.of(track.id)))
        self._tracks = [one for one in self._tracks if one not in gone]
        for track in gone:
            self._mates.forget(track.id)
        told.sort(key=lambda one: one.crossing.at_90k)
        return Step(tracks, tuple(told), tuple(one.id for one in gone))

    def _is_new(self, crossing: Crossing) -> bool:
        """Return whether a crossing counts and was not told of another track already."""
        wanted = self._lanes[crossing.lane].direction
        if wanted not in (Direction.BOTH, crossing.way):
            return False
        key = (crossing.lane, crossing.way)
        last = self._last.get(key)
        if last is not None and abs(crossing.at_90k - last) < self._options.together_s * 90_000:
            return False
        self._last[key] = crossing.at_90k
        return True

    def _is_gone(self, track: _Track, at_90k: int) -> bool:
        unseen_s = (at_90k - track.seen_90k) / 90_000
        if track.missed < self._options.gone_pictures:
            return unseen_s > 3 * self._options.gone_s
        return unseen_s >= self._options.gone_s

    def _wanted(self, boxes: Sequence[Box]) -> list[int]:
        """Return the numbers of boxes in a lane that double no surer one."""
        kept: list[int] = []
        for number, box in enumerate(boxes):
            in_lane = any(contains(lane.polygon, _middle(box)) for lane in self._lanes)
            if in_lane and not any(_doubles(box, boxes[other]) for other in kept):
                kept.append(number)
        return kept

    def _associate(
        self, wanted: Sequence[int], boxes: Sequence[Box], at_90k: int
    ) -> dict[int, _Track]:
        """Return the track of each box that continues one, the best pairs first."""
        pairs = []
        for track in self._tracks:
            expected = self._expected(track, at_90k)
            for number in wanted:
                score = self._score(expected, boxes[number], track.missed)
                if score > 0:
                    pairs.append((score, track.hits, -number, track))
        pairs.sort(key=lambda one: one[:3], reverse=True)
        taken: dict[int, _Track] = {}
        used: set[int] = set()
        for _, _, minus, track in pairs:
            if -minus not in taken and track.id not in used:
                taken[-minus] = track
                used.add(track.id)
        return taken

    def _expected(self, track: _Track, at_90k: int) -> Box:
        ahead_s = min((at_90k - track.seen_90k) / 90_000, 0.5)
        x, y = track.velocity[0] * ahead_s, track.velocity[1] * ahead_s
        box = track.box
        return Box(box.left + x, box.top + y, box.right + x, box.bottom + y)

    def _score(self, expected: Box, box: Box, missed: int) -> float:
        """Return 0 for no match, else more for better; plates move far and change size slowly."""
        options = self._options
        one, other = area(expected), area(box)
        if min(one, other) < options.alike * max(one, other):
            return 0.0
        if (shared := overlap(expected, box)) >= options.least_overlap:
            return 1.0 + shared
        (ax, ay), (bx, by) = _middle(expected), _middle(box)
        width = max(expected.right - expected.left, box.right - box.left)
        reach = options.reach * width * (1 + 0.25 * min(missed, 4))
        far = math.hypot(ax - bx, (ay - by) * self._aspect)
        return max(0.0, 1.0 - far / reach)

    def _begin(self, box: Box, at_90k: int) -> _Track | None:
        if len(self._tracks) >= self._options.most_tracks:
            return None
        track = _Track(self._next_id, box, at_90k)
        self._next_id += 1
        self._tracks.append(track)
        self._cross(track, at_90k)
        return track

    def _follow(self, track: _Track, box: Box, at_90k: int) -> None:
        step_s = max((at_90k - track.seen_90k) / 90_000, 1e-3)
        (ax, ay), (bx, by) = _middle(track.box), _middle(box)
        share = 1.0 if track.hits == 1 else 0.6
        track.velocity = (
            track.velocity[0] + share * ((bx - ax) / step_s - track.velocity[0]),
            track.velocity[1] + share * ((by - ay) / step_s - track.velocity[1]),
        )
        track.box, track.seen_90k = box, at_90k
        track.hits += 1
        self._cross(track, at_90k)

    def _cross(self, track: _Track, at_90k: int) -> None:
        """Note on which side of each line a track is, and that it went over one."""
        point = _middle(track.box)
        for number, lane in enumerate(self._lanes):
            away = beside(lane.line, point)
            if abs(away) < self._options.hysteresis:
                continue
            beyond = away > 0
            side = track.sides.get(number)
            if side is None:
                track.sides[number] = _Side(point, beyond)
                continue
            if beyond != side.beyond and meets(lane.line, side.point, point):
                way = Direction.AB if beyond else Direction.BA
                back = side.pending is not None and side.pending.way is not way
                side.pending = None if back else Crossing(number, way, at_90k)
            side.point, side.beyond = point, beyond


def _middle(box: Box) -> Point:
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2


_DOUBLE = 0.3
_WITHIN = 0.6


def _doubles(box: Box, surer: Box) -> bool:
    """Return whether a box is the same plate as a surer one, or a part of it."""
    shared = overlap(box, surer)
    if shared > _DOUBLE:
        return True
    if shared <= 0:
        return False
    both = shared * (area(box) + area(surer)) / (1 + shared)
    return both > _WITHIN * min(area(box), area(surer))
