# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Pictures that do not come: one loss, one alarm, however the line flaps. Pure.

A camera that is cut off is no less news in daylight, but whoever wants it only by night arms it so.
"""

from dataclasses import dataclass, replace

from gateway.analytics.calendar import is_armed
from gateway.analytics.incident import Ended, Incident, Raised, RuleEvent, between_s
from gateway.model.alarm import Why
from gateway.model.media import StreamState
from gateway.model.registry import Zone
from gateway.model.time import Moment

DWELL_S = 20.0
"""Where a zone says nothing: longer than a camera takes to start anew its stream."""


@dataclass(frozen=True, slots=True)
class LossState(Incident):
    """What one camera's rule remembers; `present` is when pictures were last missing."""

    since: Moment | None = None
    """Since when they are missing, while armed; None while they come."""


def decide(
    state: LossState, stream: StreamState, zone: Zone, now: Moment
) -> tuple[LossState, RuleEvent | None]:
    """Return the next state, and what begins or ends; call it every second or so.

    A stream that nobody needs is not lost. It is back once it has come for `off_after_s`.
    """
    state = replace(state, heard=now)
    if stream in (StreamState.LIVE, StreamState.IDLE) or not is_armed(zone, now):
        return _comes(replace(state, since=None), zone, now)
    since = state.since or now
    state = replace(state, since=since, present=now)
    lost_s = between_s(since, now)
    if state.raised or lost_s < (zone.dwell_s or DWELL_S):
        return state, None
    why = Why(zone.analytic.value, seconds=lost_s, detail=stream.value)
    return replace(state, raised=True), Raised(zone.id, now, (), why)


def _comes(state: LossState, zone: Zone, now: Moment) -> tuple[LossState, RuleEvent | None]:
    """Pictures come: a loss is over when they have for long enough."""
    if not state.raised:
        return replace(state, present=None), None
    if state.present is not None and between_s(state.present, now) < zone.off_after_s:
        return state, None
    return LossState(heard=now), Ended(zone.id, now)
