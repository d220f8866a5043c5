# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which rule decides for which zone: one table. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from gateway.analytics import crossing, loitering, rules, stopped, tamper
from gateway.analytics.crossing import CrossingState
from gateway.analytics.incident import Ended, Incident, RuleEvent
from gateway.analytics.loitering import LoiteringState
from gateway.analytics.loss import LossState
from gateway.analytics.rules import RuleState
from gateway.analytics.stopped import StoppedState
from gateway.analytics.tamper import TamperState
from gateway.model.alarm import Observation
from gateway.model.registry import Analytic, Zone
from gateway.model.time import Moment

S = TypeVar("S", bound=Incident)


@dataclass(frozen=True, slots=True)
class Rule(Generic[S]):
    """What decides from pictures, and what it remembers before the first one."""

    first: S
    decide: Callable[[S, Observation, Zone, Moment], tuple[S, RuleEvent | None]]
    expire: Callable[[S, Zone, Moment], tuple[S, RuleEvent | None]]


RULES: Final[Mapping[Analytic, Rule[Any]]] = {
    Analytic.INTRUSION: Rule(RuleState(), rules.decide, rules.expire),
    Analytic.CROSSING: Rule(CrossingState(), crossing.decide, crossing.expire),
    Analytic.LOITERING: Rule(LoiteringState(), loitering.decide, loitering.expire),
    Analytic.STOPPED: Rule(StoppedState(), stopped.decide, stopped.expire),
    Analytic.TAMPER: Rule(TamperState(), tamper.decide, tamper.expire),
}
"""Of what is seen. A loss of pictures is decided without any (`gateway.analytics.loss`)."""


def first(zone: Zone) -> Incident:
    """Return what a zone's rule remembers before anything was heard."""
    if zone.analytic is Analytic.LOSS:
        return LossState()
    rule = RULES.get(zone.analytic)
    return rule.first if rule else Incident()


def adopted(zone: Zone, now: Moment, heard: Moment) -> Incident:
    """Return the state of an incident that another process left going on."""
    return replace(first(zone), raised=True, present=now, heard=heard)


def decide(
    state: Incident | None, observation: Observation, zone: Zone, now: Moment
) -> tuple[Incident, RuleEvent | None]:
    """Return a zone's next state, and what begins or ends with this observation.

    A state that belongs to another rule (the zone was changed) is let go.
    """
    rule = RULES.get(zone.analytic)
    if rule is None:
        return _own(state, zone), None
    return rule.decide(_own(state, zone), observation, zone, now)


def expire(state: Incident, zone: Zone, now: Moment) -> tuple[Incident, RuleEvent | None]:
    """Return a zone's next state when no observation has come; call it every second or so."""
    rule = RULES.get(zone.analytic)
    own = _own(state, zone)
    if own is not state and state.raised:
        return own, Ended(zone.id, now)
    return (own, None) if rule is None else rule.expire(own, zone, now)


def _own(state: Incident | None, zone: Zone) -> Incident:
    mine = first(zone)
    return state if state is not None and type(state) is type(mine) else mine
