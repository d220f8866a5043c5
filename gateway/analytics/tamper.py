# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A camera that is covered, defocused, turned, frozen or in the dark. Pure.

Decided from what `gateway.analytics.reference` says of whole pictures. What the weather, a lamp, a
cloud or the infrared filter do keeps most edges where they were, or is over in a few seconds; a
hand, a bag, a spray or a screwdriver does neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from gateway.analytics.calendar import is_armed
from gateway.analytics.incident import Incident, RuleEvent, between_s, caused, not_caused
from gateway.analytics.incident import expire as expire_incident
from gateway.model.alarm import Condition, Observation, Why
from gateway.model.registry import Zone
from gateway.model.time import Moment

DWELL_S = 4.0
"""Where a zone says nothing: longer than an infrared filter takes to switch."""
LEAST_SEEN = 3
"""Conditions in a row that must agree."""
HEALTHY_EDGES = 0.6
"""With as many edges left nothing is wrong with the view."""
LOST_EDGES = 0.4
COVERED_EDGES = 0.2
COVERED_SHARE = 0.45
"""Contrast that is left of the usual one behind a cover."""
BLUR = 0.4
"""Sharpness that is left of the usual one out of focus."""
SHARP = 0.5
LEAST_SHIFT = 0.012
"""In widths; a view that is found again within less was not moved."""
DARK_LUMA = 18.0
LIT_LUMA = 40.0
"""A picture that was never brighter than this cannot have gone dark."""
DUSK_S = 60.0
"""What takes longer to grow dark is the evening."""
FROZEN = 0.02
"""Mean difference, in levels, of pictures that are the same one."""
LIVELY = 0.12
"""Usual difference of a camera whose pictures can freeze visibly: a sensor has noise."""
LEARNT = 5
"""Healthy conditions until the usual ones are known."""
_RATE = 0.1


class Tamper(Enum):
    """What is wrong; the words are those of the registry and of alarms."""

    COVERED = "coperta"
    DEFOCUSED = "sfocata"
    MOVED = "spostata"
    FROZEN = "ferma"
    DARK = "buia"


@dataclass(frozen=True, slots=True)
class Usual:
    """What a healthy picture of this camera is like, as a slow mean."""

    seen: int = 0
    luma: float = 0.0
    contrast: float = 0.0
    change: float = 0.0


@dataclass(frozen=True, slots=True)
class TamperState(Incident):
    """What one camera's rule remembers."""

    usual: Usual = Usual()
    suspected: Tamper | None = None
    since: Moment | None = None
    """First condition in a row with what is suspected."""
    seen: int = 0
    """Conditions in a row with it."""
    lit: Moment | None = None
    """When the picture was last bright."""


def decide(
    state: TamperState, observation: Observation, zone: Zone, now: Moment
) -> tuple[TamperState, RuleEvent | None]:
    """Return the next state, and what begins or ends with this observation.

    Observations without a condition only tell that the camera lives. While something is wrong what
    is usual is not learnt. `now`: when we heard of it.
    """
    state = replace(state, heard=now)
    still, at = observation.still, observation.captured
    if still is None:
        return state, None
    found = judge(state, still, at)
    if still.luma >= LIT_LUMA:
        state = replace(state, lit=at)
    if found is None:
        return not_caused(_healthy(state, still), zone, at)
    state = _suspect(state, found, at)
    since = state.since or at
    lasted_s = between_s(since, at)
    sure = state.seen >= LEAST_SEEN and lasted_s >= (zone.dwell_s or DWELL_S)
    if state.raised:
        return replace(state, present=at), None
    if not sure or not is_armed(zone, at):
        return state, None
    confidence = round(1.0 - min(still.edges, 1.0), 3)
    why = Why(zone.analytic.value, seconds=lasted_s, confidence=confidence, detail=found.value)
    return caused(state, zone, at, why, ())


def expire(state: TamperState, zone: Zone, now: Moment) -> tuple[TamperState, RuleEvent | None]:
    """Return the next state when no observation has come; call it every second or so."""
    return expire_incident(state, zone, now, TamperState(usual=state.usual))


def judge(state: TamperState, still: Condition, at: Moment) -> Tamper | None:
    """Return what one condition looks like; None: nothing is wrong."""
    if state.usual.seen < LEARNT:
        return None
    checks: Mapping[Tamper, bool] = {
        Tamper.FROZEN: still.change <= FROZEN and state.usual.change >= LIVELY,
        Tamper.DARK: still.luma <= DARK_LUMA and _was_lit(state, at),
        Tamper.COVERED: _is_covered(state.usual, still),
        Tamper.DEFOCUSED: still.edges < HEALTHY_EDGES and still.sharpness <= BLUR,
        Tamper.MOVED: _is_moved(still),
    }
    return next((tamper for tamper, is_so in checks.items() if is_so), None)


def _was_lit(state: TamperState, at: Moment) -> bool:
    """Return whether it went dark at once; what is dark already stays so."""
    if state.suspected is Tamper.DARK:
        return True
    lit = state.lit
    return lit is not None and state.usual.luma >= LIT_LUMA and between_s(lit, at) <= DUSK_S


def _is_covered(usual: Usual, still: Condition) -> bool:
    return still.edges < COVERED_EDGES and still.contrast <= COVERED_SHARE * usual.contrast


def _is_moved(still: Condition) -> bool:
    """Return whether it looks elsewhere: by another light the same view has other edges too."""
    lost = still.edges < LOST_EDGES and still.sharpness > SHARP
    return lost and still.shift > LEAST_SHIFT


def _suspect(state: TamperState, found: Tamper, at: Moment) -> TamperState:
    """Count how long something is wrong; that it looks otherwise meanwhile changes nothing."""
    if state.suspected is None:
        return replace(state, suspected=found, since=at, seen=1)
    return replace(state, suspected=found, seen=state.seen + 1)


def _healthy(state: TamperState, still: Condition) -> TamperState:
    """Learn what is usual from a picture with which nothing is wrong."""
    state = replace(state, suspected=None, since=None, seen=0)
    usual = state.usual
    if still.edges < HEALTHY_EDGES:
        return state
    rate = max(_RATE, 1 / (usual.seen + 1))
    learnt = Usual(
        min(usual.seen + 1, LEARNT),
        usual.luma + rate * (still.luma - usual.luma),
        usual.contrast + rate * (still.contrast - usual.contrast),
        usual.change + rate * (still.change - usual.change),
    )
    return replace(state, usual=learnt)
