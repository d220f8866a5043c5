# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What all rules of a zone share: one incident, one alarm, and when it is over. Pure.

Durations are of capture times on the monotonic clock, so that late analysis changes nothing; only
`expire` uses the present, because then no picture comes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from gateway.analytics.geometry import apart
from gateway.model.alarm import MOST_TRACKS, Box, Track, Why
from gateway.model.registry import Point, Zone
from gateway.model.time import Moment

UNSETTLED_S = 30.0
"""A scene that is being learnt says neither presence nor absence, but not for ever."""
SILENCE_S = 10.0
"""Without any observation for this long, what was present counts as gone."""
HANDOVER_S = 2.5
"""A track that was lost for no longer may go on under another id."""
HANDOVER = 0.08
"""And no farther away, in fractions of the picture: two strides of somebody near."""


@dataclass(frozen=True, slots=True)
class Incident:
    """What the rule of one zone remembers, whatever it is."""

    raised: bool = False
    """An incident is going on."""
    present: Moment | None = None
    """Last observation of what causes it."""
    heard: Moment | None = None
    """When, on our clock, the last observation came."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An incident begins."""

    zone: str
    captured: Moment
    """Of the picture that decided it."""
    boxes: tuple[Box, ...]
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The incident is over."""

    zone: str
    at: Moment


RuleEvent = Raised | Ended
S = TypeVar("S", bound=Incident)
T = TypeVar("T")


def between_s(earlier: Moment, later: Moment) -> float:
    """Return the seconds between two moments, to the microsecond: 0.1 + 0.3 s is 0.4 s."""
    return round(later.monotonic_s - earlier.monotonic_s, 6)


def why_of(zone: Zone, track: Track, seconds: float, detail: str = "") -> Why:
    """Return that a track decided; `seconds`: how long what the rule asks for had lasted."""
    rule = zone.analytic.value
    return Why(rule, track.id, track.kind, seconds, track.metres, track.confidence, detail)


def caused(
    state: S, zone: Zone, at: Moment, why: Why, boxes: tuple[Box, ...]
) -> tuple[S, RuleEvent | None]:
    """Note the cause of an incident; a new one begins if none is going on."""
    if state.raised:
        return replace(state, present=at), None
    return replace(state, raised=True, present=at), Raised(zone.id, at, boxes, why)


def not_caused(
    state: S, zone: Zone, at: Moment, grace_s: float = 0.0
) -> tuple[S, RuleEvent | None]:
    """Note that nothing causes it now: after `off_after_s` (and `grace_s`) it is over."""
    if not state.raised:
        return state, None
    if state.present is None:
        return replace(state, present=at), None
    if abs(between_s(state.present, at)) < zone.off_after_s + grace_s:
        return state, None
    return replace(state, raised=False, present=None), Ended(zone.id, at)


def expire(state: S, zone: Zone, now: Moment, fresh: S) -> tuple[S, RuleEvent | None]:
    """Return the next state when no observation has come; call it every second or so."""
    if state.heard is None or between_s(state.heard, now) < max(SILENCE_S, zone.off_after_s):
        return state, None
    return fresh, Ended(zone.id, now) if state.raised else None


@dataclass(frozen=True, slots=True)
class Followed(Generic[T]):
    """What a rule remembers of one track."""

    id: int
    foot: Point
    at: Moment
    """When it was last seen."""
    value: T


def follow(
    known: Sequence[Followed[T]],
    tracks: Sequence[Track],
    at: Moment,
    begin: Callable[[Track], T],
) -> tuple[Followed[T], ...]:
    """Return what is remembered of every track, those just lost last; at most 2 × MOST_TRACKS.

    A track with a new id takes over what is remembered of one that was lost beside it: a tracker
    that blinks neither begins a dwell anew nor forgets from where something came.
    """
    seen = {one.id for one in tracks}
    remembered = {one.id: one for one in known}
    lost = [one for one in known if one.id not in seen and 0 <= between_s(one.at, at) <= HANDOVER_S]
    found: list[Followed[T]] = []
    for track in tracks[:MOST_TRACKS]:
        old = remembered.get(track.id) or _heir(lost, track)
        value = begin(track) if old is None else old.value
        found.append(Followed(track.id, track.foot, at, value))
    return (*found, *lost[:MOST_TRACKS])


def _heir(lost: list[Followed[T]], track: Track) -> Followed[T] | None:
    """Take out of the lost ones the one that a new track goes on from."""
    near = [one for one in lost if apart(one.foot, track.foot) <= HANDOVER]
    if not near:
        return None
    nearest = min(near, key=lambda one: apart(one.foot, track.foot))
    lost.remove(nearest)
    return nearest
