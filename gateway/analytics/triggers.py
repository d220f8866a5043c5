# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""When an event that the camera itself reports is an alarm: one incident, one alarm. Pure.

Durations are of our own clock when events came; the camera's clock is not believed. Cameras blink,
repeat themselves and forget to say that it is over (pain 12), hence three rules: what comes back
soon after an end is the same incident; a state that is neither repeated nor confirmed for
`off_after_s` counts as off; and a state that was already told does not raise a second alarm when a
new subscription tells it again.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from gateway.analytics.incident import Ended, Raised, RuleEvent
from gateway.analytics.rules import is_armed
from gateway.model.event import CameraEvent, Item, PropertyOperation
from gateway.model.registry import Trigger
from gateway.model.time import Moment
from gateway.wire.onvif_events import canonical_topic

SETTLE_S = 2.0
"""An explicit end counts after this long; a detector that blinks begins no new incident."""
MOST_PROPERTIES = 64
"""Remembered per trigger (a camera has one per rule or contact), the last heard ones."""

_ON: Final = frozenset({"true", "on", "active", "yes"})
_OFF: Final = frozenset({"false", "off", "inactive", "no"})
_STATE_NAME = re.compile(
    r"is[A-Z_]|(?:.*(?:state|active|alarm|motion|tamper|triggered|detected|inside|open|value))\Z",
    re.IGNORECASE,
)
"""Items in which `0` and `1` are a boolean; in others (ids, counts) they are numbers."""

Identity = tuple[str, tuple[Item, ...], tuple[Item, ...]]
"""Topic, source and key: what makes a property the same one (ONVIF Core, properties)."""


@dataclass(frozen=True, slots=True)
class Property:
    """What a camera last said of one of its properties, or of one kind of occurrence."""

    identity: Identity
    on: bool
    at: Moment
    """When it was said or confirmed."""
    told: bool = False
    """It belongs to an alarm already; telling it again after the end is no news."""


@dataclass(frozen=True, slots=True)
class TriggerState:
    """What one trigger remembers."""

    raised: bool = False
    properties: tuple[Property, ...] = ()
    """Longest unheard first."""
    over: Moment | None = None
    """When the last property was switched off while an alarm goes on."""


_MOVEMENT = ("ruleengine/", "videosource/motionalarm")
"""Topics under which cameras tell movement: their own analytics, and the old plain alarm."""


def decide(
    state: TriggerState, event: CameraEvent, trigger: Trigger
) -> tuple[TriggerState, RuleEvent | None]:
    """Return the next state, and what begins or ends with this event.

    `zone` of the result is the trigger's id. Of an explicit end the `Ended` follows from
    `expire`, `SETTLE_S` later, with the time at which the camera said it.
    """
    if not _concerns(event, trigger):
        return state, None
    present = _presence(event, trigger.item)
    if present is None:
        return state, None
    identity = (canonical_topic(event.topic), event.source, event.key)
    known = next((one for one in state.properties if one.identity == identity), None)
    if not present:
        return _switched_off(state, identity, trigger, event.received)
    return _switched_on(state, Property(identity, True, event.received), known, event, trigger)


def expire(
    state: TriggerState, trigger: Trigger, now: Moment
) -> tuple[TriggerState, RuleEvent | None]:
    """Return the next state as time passes; call it every second or so."""
    if not state.raised or any(_is_fresh(one, trigger, now) for one in state.properties):
        return state, None
    if state.over is not None:
        if _between_s(state.over, now) < SETTLE_S:
            return state, None
        return replace(state, raised=False, over=None), Ended(trigger.id, state.over)
    return replace(state, raised=False), Ended(trigger.id, now)


def stirs(event: CameraEvent) -> bool:
    """Return whether the camera itself says that something moves now: a reason to look closer."""
    about = canonical_topic(event.topic)
    return about.startswith(_MOVEMENT) and _presence(event, "") is True


def _concerns(event: CameraEvent, trigger: Trigger) -> bool:
    """Return whether topic and source are the trigger's; sources may be given as keys."""
    if canonical_topic(event.topic) != canonical_topic(trigger.topic):
        return False
    given = {(name.casefold(), value) for name, value in (*event.source, *event.key)}
    return all((name.casefold(), value) in given for name, value in trigger.source)


def _presence(event: CameraEvent, item: str) -> bool | None:
    """Return whether the event says on or off; None if it says neither.

    Without a boolean an event is an occurrence and says on, unless it only tells a state that
    was there before (Initialized): a counter that is told at subscription is no alarm.
    """
    if event.operation is PropertyOperation.DELETED:
        return False
    if item:
        values = [value for name, value in event.data if name.casefold() == item.casefold()]
        return _chosen(values[0]) if values else None
    for name, value in event.data:
        word = _boolean(name, value)
        if word is not None:
            return word
    return None if event.operation is PropertyOperation.INITIALIZED else True


def _boolean(name: str, value: str) -> bool | None:
    """Return what an item says if it is a boolean."""
    word = value.casefold()
    if word in _ON or word in _OFF:
        return word in _ON
    return word == "1" if word in {"0", "1"} and _STATE_NAME.match(name) else None


def _chosen(value: str) -> bool | None:
    """Return what an item says that the trigger names; a number says whether it is zero."""
    word = value.casefold()
    if word in _ON or word in _OFF:
        return word in _ON
    try:
        return float(word) != 0
    except ValueError:
        return None


def _switched_on(
    state: TriggerState,
    new: Property,
    known: Property | None,
    event: CameraEvent,
    trigger: Trigger,
) -> tuple[TriggerState, RuleEvent | None]:
    """Begin an incident, let it go on, or note that it was only told again."""
    told = known is not None and known.on and known.told
    if told and not state.raised and event.operation is PropertyOperation.INITIALIZED:
        return state, None
    if not is_armed(trigger.armed, new.at):
        return (state if state.raised else _remember(state, new)), None
    next_state = replace(_remember(state, replace(new, told=True)), over=None)
    if state.raised:
        return next_state, None
    return replace(next_state, raised=True), Raised(trigger.id, new.at, ())


def _switched_off(
    state: TriggerState, identity: Identity, trigger: Trigger, at: Moment
) -> tuple[TriggerState, RuleEvent | None]:
    """Note the end of a property; if it was the last one, the incident ends soon."""
    state = _remember(state, Property(identity, False, at))
    if state.raised and not any(_is_fresh(one, trigger, at) for one in state.properties):
        state = replace(state, over=state.over or at)
    return state, None


def _remember(state: TriggerState, new: Property) -> TriggerState:
    others = [one for one in state.properties if one.identity != new.identity]
    return replace(state, properties=(*others, new)[-MOST_PROPERTIES:])


def _is_fresh(one: Property, trigger: Trigger, now: Moment) -> bool:
    return one.on and one.told and _between_s(one.at, now) < trigger.off_after_s


def _between_s(earlier: Moment, later: Moment) -> float:
    """Return the seconds between two moments, to the microsecond."""
    return round(later.monotonic_s - earlier.monotonic_s, 6)
