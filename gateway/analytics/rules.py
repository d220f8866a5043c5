# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Intrusion in a zone during armed hours: one incident, one alarm. Pure.

All durations are of the pictures' capture times on the monotonic clock, so that late analysis
changes nothing; only `expire` uses the present, because then no picture comes.
"""

from dataclasses import dataclass, replace

from gateway.analytics import calendar
from gateway.analytics.geometry import counts, inside
from gateway.analytics.incident import (
    UNSETTLED_S,
    Ended,
    Incident,
    Raised,
    RuleEvent,
    between_s,
    why_of,
)
from gateway.analytics.incident import expire as expire_incident
from gateway.model.alarm import Observation, Track, Why
from gateway.model.registry import ArmedHours, Zone
from gateway.model.time import ROME, Moment

DROPOUT_S = 0.5
"""Presence that is missed for no longer than this goes on; a detector blinks."""


@dataclass(frozen=True, slots=True)
class RuleState(Incident):
    """What one zone's rule remembers."""

    since: Moment | None = None
    """First observation of the presence that goes on; None if nothing is present."""
    sightings: int = 0
    """Observations with presence since `since`."""


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
    if is_occupied(observation, zone) and calendar.is_armed(zone, at):
        return _present(state, observation, zone)
    return _absent(state, zone, at)


def expire(state: RuleState, zone: Zone, now: Moment) -> tuple[RuleState, RuleEvent | None]:
    """Return the next state when no observation has come; call it every second or so."""
    return expire_incident(state, zone, now, RuleState())


def is_armed(spans: tuple[ArmedHours, ...], at: Moment) -> bool:
    """Return whether a moment lies in one of the spans, by the wall clock of Europe/Rome.

    No span: always. `since` is inside, `until` is not; `until` before `since` goes over
    midnight; equal ones mean the whole day.
    """
    return calendar.within(spans, at.utc().astimezone(ROME).time())


def is_occupied(observation: Observation, zone: Zone) -> bool:
    """Return whether something that counts moves in the zone.

    Where tracks are told and all that stand in it are of other classes or sizes, nothing does.
    """
    if zone.id not in observation.occupied:
        return False
    others = [one for one in observation.tracks if not counts(zone, one)]
    return not others or bool(inside(zone, observation.tracks))


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
    seen_s = between_s(since, at)
    if state.sightings < 2 or seen_s < zone.on_after_s:  # noqa: PLR2004 - twice is not a flicker
        return state, None
    tracks = inside(zone, observation.tracks)
    boxes = tuple(one.box for one in tracks) or observation.boxes
    return replace(state, raised=True), Raised(zone.id, at, boxes, _why(zone, tracks, seen_s))


def _why(zone: Zone, tracks: tuple[Track, ...], seen_s: float) -> Why:
    """Return what decided: the track that is surest, where there is one."""
    if not tracks:
        return Why(zone.analytic.value, seconds=seen_s)
    one = max(tracks, key=lambda track: track.confidence)
    return why_of(zone, one, seen_s)


def _absent(state: RuleState, zone: Zone, at: Moment) -> tuple[RuleState, RuleEvent | None]:
    """Nothing is in the zone: it may have been gone long enough."""
    if state.present is None:
        return state, None
    gone_s = abs(between_s(state.present, at))
    if gone_s > DROPOUT_S:
        state = replace(state, since=None, sightings=0)
    if not state.raised:
        return (state if gone_s <= DROPOUT_S else replace(state, present=None)), None
    return _end(state, zone, at) if gone_s >= zone.off_after_s else (state, None)


def _unsettled(state: RuleState, zone: Zone, at: Moment) -> tuple[RuleState, RuleEvent | None]:
    """Nothing is known: an incident goes on for a bounded time."""
    if not state.raised or state.present is None:
        return state, None
    gone_s = abs(between_s(state.present, at))
    return _end(state, zone, at) if gone_s >= zone.off_after_s + UNSETTLED_S else (state, None)


def _end(state: RuleState, zone: Zone, at: Moment) -> tuple[RuleState, RuleEvent]:
    return RuleState(heard=state.heard), Ended(zone.id, at)
