# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One track stays in a zone for long during armed hours: one incident, one alarm. Pure.

What counts is how long one and the same stays, not how long somebody is there: a passage that is
never empty raises nothing. Such a rule does not exist where people live who have no home (A-43).
"""

from dataclasses import dataclass, replace

from gateway.analytics.calendar import is_armed
from gateway.analytics.geometry import inside
from gateway.analytics.incident import (
    UNSETTLED_S,
    Followed,
    Incident,
    RuleEvent,
    between_s,
    caused,
    follow,
    not_caused,
    why_of,
)
from gateway.analytics.incident import expire as expire_incident
from gateway.model.alarm import Observation
from gateway.model.registry import Zone
from gateway.model.time import Moment

DWELL_S = 30.0
"""Where a zone says nothing."""


@dataclass(frozen=True, slots=True)
class LoiteringState(Incident):
    """What one zone's rule remembers."""

    entered: tuple[Followed[Moment], ...] = ()
    """Since when each track is inside, while armed."""


def decide(
    state: LoiteringState, observation: Observation, zone: Zone, now: Moment
) -> tuple[LoiteringState, RuleEvent | None]:
    """Return the next state, and what begins or ends with this observation.

    Time that passed before the zone was armed does not count. `now`: when we heard of it.
    """
    state = replace(state, heard=now)
    at = observation.captured
    if observation.scene_changed:
        return not_caused(state, zone, at, UNSETTLED_S)
    if not is_armed(zone, at):
        return not_caused(replace(state, entered=()), zone, at)
    tracks = inside(zone, observation.tracks)
    entered = follow(state.entered, tracks, at, lambda _: at)
    state = replace(state, entered=entered)
    stays = {one.id: between_s(one.value, at) for one in entered}
    dwell_s = zone.dwell_s or DWELL_S
    offending = sorted(
        (one for one in tracks if stays.get(one.id, 0.0) >= dwell_s), key=lambda one: -stays[one.id]
    )
    if not offending:
        return not_caused(state, zone, at)
    first = offending[0]
    why = why_of(zone, first, stays[first.id])
    return caused(state, zone, at, why, tuple(one.box for one in offending))


def expire(
    state: LoiteringState, zone: Zone, now: Moment
) -> tuple[LoiteringState, RuleEvent | None]:
    """Return the next state when no observation has come; call it every second or so."""
    return expire_incident(state, zone, now, LoiteringState())
