# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Whom a hold-up may call, by the acts in force: a pure function, deny by default.

A hold-up opens all cameras of its shop at once; so only who is named by acts for *each* of them
hears of it. What may be looked at is decided for each camera by itself, when somebody looks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.access import calendar
from gateway.model.alarm import AlarmRecord
from gateway.model.registry import Act, ActScope, Disclosure, Holdup, Registry
from gateway.model.time import Moment


@dataclass(frozen=True, slots=True)
class HoldupBasis:
    """Who is called now, and on which act."""

    act: str
    """Of those in force that name the first camera, the one that ends last; empty: none."""
    rooms: tuple[str, ...]
    centre: str
    """Monitoring centre that is asked first; empty: nobody is."""
    withheld: tuple[str, ...]
    """Recipients of the channel that no act in force names for each of its cameras."""
    before_s: dict[str, float]
    """Seconds before the alarm that may be kept, by camera."""


def holdup_basis(holdup: Holdup, registry: Registry, now: Moment) -> HoldupBasis:
    """Return whom `holdup` may call at `now`, and what may be kept of each camera."""
    lines = {camera: tuple(_lines(camera, registry, now)) for camera in holdup.cameras}
    named = [{one for _, scope in found for one in scope.recipients} for found in lines.values()]
    everywhere = set.intersection(*named) if named else set()
    asked = tuple(filter(None, (*holdup.recipients, holdup.verify)))
    rooms = tuple(one for one in holdup.recipients if one in everywhere)
    centre = holdup.verify if holdup.verify in everywhere else ""
    called = {*rooms, centre} - {""}
    acts = [act for found in lines.values() for act, scope in found if called & {*scope.recipients}]
    before_s = {
        camera: max((s.retention_before_s for _, s in found if called & {*s.recipients}), default=0)
        for camera, found in lines.items()
    }
    return HoldupBasis(
        act=max(acts, key=lambda one: _term(one, registry)[1]).id if acts else "",
        rooms=rooms,
        centre=centre,
        withheld=tuple(one for one in asked if one not in everywhere),
        before_s=before_s,
    )


def still_called(record: AlarmRecord, registry: Registry, now: Moment) -> tuple[str, ...]:
    """Return whom the plan of a hold-up calls next and acts in force still name.

    A pause of the owner's does not keep a hold-up from the rooms that its own people call; what
    may be looked at is decided apart (ADR 32).
    """
    holdup = registry.holdups.get(record.alarm.zone)
    if holdup is None:
        return ()
    rooms = holdup_basis(holdup, registry, now).rooms
    return tuple(one for one in record.escalates_to if one in rooms)


def _lines(camera: str, registry: Registry, now: Moment) -> Iterator[tuple[Act, ActScope]]:
    """Yield the scopes in force that name a camera, not those of incidents: nobody has one yet."""
    for act in registry.acts.values():
        since_us, until_us = _term(act, registry)
        if since_us <= now.utc_us < until_us:
            for scope in act.scopes:
                if camera in scope.cameras and scope.disclosure is not Disclosure.ON_INCIDENT:
                    yield act, scope


def _term(act: Act, registry: Registry) -> tuple[int, int]:
    last, clock = registry.last_day(act), registry.end_time(act)
    until_us = calendar.end_us(last) if clock is None else calendar.at_us(last, clock)
    return calendar.begin_us(act.valid_from), until_us
