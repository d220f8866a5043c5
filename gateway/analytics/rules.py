# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Intrusion in a zone during armed hours: one incident, one alarm. Pure.

All durations are of the pictures' capture times on the monotonic clock, so that late analysis
changes nothing; only `expire` uses the present, because then no picture comes.
"""

from dataclasses import dataclass, replace

from gateway.model.alarm import Box, Observation
from gateway.model.registry import ArmedHours, Zone
from gateway.model.time import ROME, Moment

DROPOUT_S = 0.5
"""Presence that is missed for no longer than this goes on; a detector blinks."""
UNSETTLED_S = 30.0
"""A scene that is being learnt says neither presence nor absence, but not for ever."""
SILENCE_S = 10.0
"""Without any observation for this long, what was present counts as gone."""


@dataclass(frozen=True, slots=True)
class RuleState:
    """What one zone's rule remembers."""

    raised: bool = False
    """An incident is going on."""
    since: Moment | None = None
    """First observation of the presence that goes on; None if nothing is present."""
    present: Moment | None = None
    """Last observation with presence."""
    sightings: int = 0
    """Observations with presence since `since`."""
    heard: Moment | None = None
    """When, on our clock, the last observation came."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An incident begins."""

    zone: str
    captured: Moment
    """Of the picture that decided it."""
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The incident is over."""

    zone: str
    at: Moment


RuleEvent = Raised | Ended


def decide(
    state: RuleState, observation: Observation, zone: Zone, now: Moment
) -> tuple[RuleState, RuleEvent | None]:
    """Return the next state, and what begins or ends with this observation.

    Presence must be seen in two observations in a row that lie `on_after_s` or more apart;
    on key units alone the second one is a GOP later. `now`: when we heard of it.
    """
    state = replace(state, heard=now)
    at = observation.captured
    if observation.scene_changed:
        return _unsettled(state, zone, at)
    if zone.id in observation.occupied and is_armed(zone.armed, at):
        return _present(state, observation, zone)
    return _absent(state, zone, at)


def expire(state: RuleState, zone: Zone, now: Moment) -> tuple[RuleState, RuleEvent | None]:
    """Return the next state when no observation has come; call it every second or so."""
    if state.heard is None:
        return state, None
    silent_s = _between_s(state.heard, now)
    if silent_s < max(SILENCE_S, zone.off_after_s):
        return state, None
    return _end(state, zone, now) if state.raised else (RuleState(), None)


def is_armed(spans: tuple[ArmedHours, ...], at: Moment) -> bool:
    """Return whether a moment lies in one of the spans, by the wall clock of Europe/Rome.

    No span: always. `since` is inside, `until` is not; `until` before `since` goes over
    midnight; equal ones mean the whole day.
    """
    if not spans:
        return True
    local = at.utc().astimezone(ROME).time()
    return any(
        span.since <= local < span.until
        if span.since < span.until
        else local >= span.since or local < span.until
        for span in spans
    )


def _present(
    state: RuleState, observation: Observation, zone: Zone
) -> tuple[RuleState, RuleEvent | None]:
    """Something is in the zone: it may have been there long enough."""
    at = observation.captured
    if state.since is None or state.since.monotonic_s > at.monotonic_s:
        state = replace(state, since=at, present=at, sightings=1)
    else:
        state = replace(state, present=at, sightings=state.sightings + 1)
    since = state.since
    if state.raised or since is None:
        return state, None
    seen_s = _between_s(since, at)
    if state.sightings < 2 or seen_s < zone.on_after_s:  # noqa: PLR2004 - twice is not a flicker
        return state, None
    return replace(state, raised=True), Raised(zone.id, at, observation.boxes)


def _absent(state: RuleState, zone: Zone, at: Moment) -> tuple[RuleState, RuleEvent | None]:
    """Nothing is in the zone: it may have been gone long enough."""
    if state.present is None:
        return state, None
    gone_s = abs(_between_s(state.present, at))
    if gone_s > DROPOUT_S:
        state = replace(state, since=None, sightings=0)
    if not state.raised:
        return (state if gone_s <= DROPOUT_S else replace(state, present=None)), None
    return _end(state, zone, at) if gone_s >= zone.off_after_s else (state, None)


def _unsettled(state: RuleState, zone: Zone, at: Moment) -> tuple[RuleState, RuleEvent | None]:
    """Nothing is known: an incident goes on for a bounded time."""
    if not state.raised or state.present is None:
        return state, None
    gone_s = abs(_between_s(state.present, at))
    return _end(state, zone, at) if gone_s >= zone.off_after_s + UNSETTLED_S else (state, None)


def _between_s(earlier: Moment, later: Moment) -> float:
    """Return the seconds between two moments, to the microsecond: 0.1 + 0.3 s is 0.4 s."""
    return round(later.monotonic_s - earlier.monotonic_s, 6)


def _end(state: RuleState, zone: Zone, at: Moment) -> tuple[RuleState, RuleEvent]:
    return RuleState(heard=state.heard), Ended(zone.id, at)
