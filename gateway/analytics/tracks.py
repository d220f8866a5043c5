# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Moving regions to tracks: association by overlap and prediction, plausibility by travel. Pure.

Foliage, flicker, rain and insects move too, but they go nowhere, or nobody could go so: a track
counts (`is_plausible`) once it has travelled a share of its own size on a straight enough way, at a
speed that bodies and vehicles have. It keeps that while it lives, so that who stands still stays.
"""

import itertools
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from gateway.model.alarm import MOST_PATH, MOST_TRACKS, Box, Kind, Track

_YOUNG_S = 4.0
_STEADY_HITS = 3
_FLICKER_S = 0.3
STANDS_S = 4.0
"""What has stood for so long keeps nobody awake."""


@dataclass(frozen=True, slots=True)
class Region:
    """Something that moves in one picture, and what a detector says of it, if there is one."""

    box: Box
    kind: Kind = Kind.MOVING
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class TrackOptions:
    """How regions are joined; lengths in widths of the picture, times in the camera's seconds."""

    gap_s: float = 1.2
    """So long a track is remembered without a region: behind a post, or missed."""
    gap_still_s: float = 6.0
    """What stood still before it vanished, vanished into the background."""
    most_parked_s: float = 4 * 3600.0
    least_score: float = 0.15
    least_hits: int = 4
    least_hit_share: float = 0.7
    least_s: float = 0.3
    travel_share: float = 0.6
    """Travel that is plausible, as a share of the root of the box's area ..."""
    travel_least: float = 0.02
    """... and at least this."""
    unrest_weight: float = 2.0
    """By so much more for each second of motion there that went nowhere."""
    straight_share: float = 0.6
    """Net travel over the way gone; who only sways has little."""
    most_speed: float = 1.8
    """Widths a second; faster is an insect at the lens, or light."""
    most_area: float = 0.45
    """Share of the picture; larger is light, or the camera itself."""
    still_share: float = 0.15
    """Who stays within this share of its size stands still."""
    window_s: float = 2.0
    step_s: float = 0.2


@dataclass(slots=True)
class Known:
    """One track's inside."""

    id: int
    region: Region
    since_s: float
    last_s: float
    pictures: int = 1
    """Pictures since it began, and in how many of them it was seen."""
    hits: int = 1
    velocity: tuple[float, float] = (0.0, 0.0)
    is_plausible: bool = False
    is_news: bool = False
    """It became plausible, and nobody has taken note yet."""
    doubt: float = 1.0
    """How many times farther it has to go, for the unrest where it began."""
    is_parked: bool = False
    """It stood so long that it is background now; it stays until the ground is seen again."""
    anchor: tuple[float, float] = (0.0, 0.0)
    anchor_s: float = 0.0
    path: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=MOST_PATH))
    way: deque[tuple[float, float, float]] = field(default_factory=deque)
    """Time and centre, a few a second, of the last seconds."""

    @property
    def box(self) -> Box:
        """Where it was seen last."""
        return self.region.box

    def still_s(self, at_s: float) -> float:
        """Return for how long it has stood."""
        return max(0.0, at_s - self.anchor_s)

    def stirs(self, at_s: float) -> bool:
        """Return whether it is worth looking at: it goes somewhere, or is seen steadily so far."""
        young = at_s - self.since_s < _YOUNG_S
        steady = self.hits >= _STEADY_HITS and 2 * self.hits > self.pictures
        return self.is_plausible or (young and steady)

    def persists(self, at_s: float) -> bool:
        """Return whether it is worth looking at, and no flicker."""
        return at_s - self.since_s >= _FLICKER_S and self.stirs(at_s)

    def stood(self, at_s: float) -> bool:
        """Return whether it has stood so long that it is no news; true of what is parked."""
        return self.is_parked or self.still_s(at_s) >= STANDS_S


class Tracker:
    """The tracks of one camera. Feed regions in order of time."""

    def __init__(self, aspect: float = 9 / 16, options: TrackOptions | None = None) -> None:
        """`aspect`: height of the picture over its width."""
        self._aspect = aspect
        self._options = options or TrackOptions()
        self._known: list[Known] = []
        self._next_id = 1

    def step(
        self,
        regions: Sequence[Region],
        at_s: float,
        unrest: Callable[[Box], float] = lambda _: 0.0,
    ) -> tuple[Known, ...]:
        """Return what is seen in this picture: the same object for the same thing.

        `at_s`: the picture's time in seconds; after a step back only what has stood is known.
        `unrest`: seconds for which motion in a box lately went nowhere; there more is asked.
        """
        self._known = [one for one in self._known if one.last_s <= at_s or one.stood(at_s)]
        for known in self._known:
            stood_s = known.last_s - known.anchor_s
            known.is_parked = known.is_parked or (known.is_plausible and stood_s > _PARKS_S)
        self._known = [one for one in self._known if self._is_kept(one, at_s)]
        taken = self._associate(regions, at_s)
        seen = []
        for number, known in enumerate(self._known):
            known.pictures += 1
            parts = [regions[part] for part, whose in taken.items() if whose == number]
            if parts:
                self._follow(known, _joined(parts), at_s)
                if not known.is_plausible and self._is_plausible(known):
                    known.is_plausible = known.is_news = True
                seen.append(known)
            elif known.is_parked:
                seen.append(known)
        fresh = [region for part, region in enumerate(regions) if part not in taken]
        free = MOST_TRACKS - len(self._known)
        begun = [self._begin(one, at_s, unrest(one.box)) for one in fresh[:free]]
        self._known += begun
        return (*seen, *begun)

    def copy(self) -> "Tracker":
        """Return one that goes on from here by itself."""
        other = Tracker(self._aspect, self._options)
        other._next_id = self._next_id
        other._known = [
            replace(one, path=one.path.copy(), way=one.way.copy()) for one in self._known
        ]
        return other

    def forget(self) -> None:
        """Begin anew: another scene."""
        self._known.clear()

    def uncover(self, share: Callable[[Box], float]) -> None:
        """Forget what was parked where the ground is seen again, by its share of a box."""
        self._known = [
            one for one in self._known if not (one.is_parked and share(one.box) >= _GONE)
        ]

    def tracks(self, seen: Sequence[Known], at_s: float) -> tuple[Track, ...]:
        """Return the plausible ones as everybody else sees them."""
        return tuple(self._track(one, at_s) for one in seen if one.is_plausible)

    def _associate(self, regions: Sequence[Region], at_s: float) -> dict[int, int]:
        """Return the number of the known track for each region that belongs to one, best first."""
        scores = []
        for number, known in enumerate(self._known):
            expected = self._expected(known, at_s)
            for part, region in enumerate(regions):
                score, is_part = self._score(expected, region.box)
                if score >= self._options.least_score:
                    scores.append((score, -known.hits, part, number, is_part))
        taken: dict[int, int] = {}
        for _score, _hits, part, number, is_part in sorted(scores, key=lambda one: (-one[0], one)):
            if part not in taken and (is_part or number not in taken.values()):
                taken[part] = number
        return taken

    def _expected(self, known: Known, at_s: float) -> Box:
        """Return where a track's box should be by now, if it goes on for at most a second."""
        ahead_s = min(at_s - known.last_s, 1.0)
        x, y = (speed * ahead_s for speed in known.velocity)
        box = known.box
        return Box(box.left + x, box.top + y, box.right + x, box.bottom + y)

    def _score(self, expected: Box, box: Box) -> tuple[float, bool]:
        """Return how well a region fits 0..1, and whether it is but a part of the track."""
        common = _common(expected, box)
        if common > 0:
            whole = _area(expected) + _area(box) - common
            part = common / _area(box)
            return max(common / whole, part / 2), part > _PART
        (ax, ay), (bx, by) = self._centre(expected), self._centre(box)
        reach = math.sqrt(max(_area(expected), _area(box)) * self._aspect)
        alike = min(_area(expected), _area(box)) / max(_area(expected), _area(box))
        far = math.hypot(ax - bx, ay - by) / (2.5 * reach)
        return (0.4 * (1 - far) if alike > _ALIKE else 0.0), False

    def _begin(self, region: Region, at_s: float, unrest_s: float) -> Known:
        known = Known(self._next_id, region, at_s, at_s, anchor=_middle(region.box), anchor_s=at_s)
        known.doubt = 1 + self._options.unrest_weight * unrest_s
        self._next_id += 1
        self._remember(known, at_s)
        return known

    def _follow(self, known: Known, region: Region, at_s: float) -> None:
        """Take a track's region of this picture."""
        step_s = max(at_s - known.last_s, 1e-3)
        before, now = _middle(known.box), _middle(region.box)
        blend = min(1.0, 0.35 + step_s / 2)
        known.velocity = (
            known.velocity[0] + blend * ((now[0] - before[0]) / step_s - known.velocity[0]),
            known.velocity[1] + blend * ((now[1] - before[1]) / step_s - known.velocity[1]),
        )
        is_named = region.kind is not Kind.MOVING or known.region.kind is Kind.MOVING
        named = region if is_named else known.region
        known.region = Region(region.box, named.kind, named.confidence)
        known.hits += 1
        known.last_s = at_s
        self._remember(known, at_s)

    def _remember(self, known: Known, at_s: float) -> None:
        """Note where it is, and whether it has left where it stood."""
        foot = _foot(known.box)
        known.path.append(foot)
        size = math.sqrt(_area(known.box) * self._aspect)
        reach = self._options.still_share * size + 0.004
        (x, y), (from_x, from_y) = _middle(known.box), known.anchor
        if math.hypot(x - from_x, (y - from_y) * self._aspect) > reach:
            known.anchor, known.anchor_s = (x, y), at_s
        if not known.way or at_s - known.way[-1][0] >= self._options.step_s:
            known.way.append((at_s, *self._centre(known.box)))
        while known.way[0][0] < at_s - self._options.window_s:
            known.way.popleft()

    def _is_plausible(self, known: Known) -> bool:
        """Return whether a body or a vehicle may move so."""
        options, age_s = self._options, known.last_s - known.since_s
        often = known.hits >= options.least_hit_share * known.pictures
        if known.hits < options.least_hits or age_s < options.least_s or not often:
            return False
        if _area(known.box) > options.most_area:
            return False
        way = [(x, y) for _, x, y in known.way]
        way.append(self._centre(known.box))
        net = math.dist(way[0], way[-1])
        gone = sum(math.dist(a, b) for a, b in itertools.pairwise(way))
        size = math.sqrt(_area(known.box) * self._aspect)
        far = net >= known.doubt * max(options.travel_least, options.travel_share * size)
        speed = net / max(known.last_s - known.way[0][0], 0.04)
        return far and net >= options.straight_share * gone and speed <= options.most_speed

    def _is_kept(self, known: Known, at_s: float) -> bool:
        """Return whether a track may still come back."""
        stood = known.is_plausible and known.still_s(known.last_s) > self._options.gap_s
        if known.is_parked:
            return at_s - known.last_s <= self._options.most_parked_s
        gap_s = self._options.gap_still_s if stood else self._options.gap_s
        return at_s - known.last_s <= gap_s

    def _track(self, known: Known, at_s: float) -> Track:
        still_s = known.still_s(at_s)
        return Track(
            id=known.id,
            box=known.box,
            kind=known.region.kind,
            confidence=min(1.0, known.region.confidence * known.hits / known.pictures),
            seen_s=at_s - known.since_s,
            still_s=still_s if still_s >= _STANDS_S else 0.0,
            foot=known.path[-1],
            path=tuple(known.path),
        )

    def _centre(self, box: Box) -> tuple[float, float]:
        """Return the middle of a box in widths of the picture."""
        x, y = _middle(box)
        return x, y * self._aspect


_PART = 0.7
"""A region that lies in a track's box with this share of its area is a part of it."""
_ALIKE = 0.3
_STANDS_S = 1.0
_PARKS_S = 30.0
_GONE = 0.3


def _joined(parts: Sequence[Region]) -> Region:
    """Return the region around all parts of one thing; the largest says what it is."""
    if len(parts) == 1:
        return parts[0]
    boxes = [part.box for part in parts]
    around = Box(
        min(one.left for one in boxes),
        min(one.top for one in boxes),
        max(one.right for one in boxes),
        max(one.bottom for one in boxes),
    )
    largest = max(parts, key=lambda part: _area(part.box))
    return Region(around, largest.kind, largest.confidence)


def _common(one: Box, other: Box) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(width, 0.0) * max(height, 0.0)


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def _middle(box: Box) -> tuple[float, float]:
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2


def _foot(box: Box) -> tuple[float, float]:
    return (box.left + box.right) / 2, box.bottom
