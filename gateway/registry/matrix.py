# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a change of the access matrix (A-20) opens wider: pure functions.

A line is as wide as before if one of the lines in force covers it whole; lines that cover it only
together do not count, which errs towards asking. Which lines are built in is the caller's to say:
a role with lines of its own in the registry is ruled by those alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import time

from gateway.model.registry import ArmedHours, Permit, Registry
from gateway.registry.widening import Widening, Wider

_DAY_S = 86_400
Span = tuple[int, int]
"""Seconds of the day, the second is not in it."""


def opened(before: Registry, after: Registry, built_in: Sequence[Permit]) -> Iterator[Widening]:
    """Yield each line that gives a role more than any one line before gave it."""
    if before.permits == after.permits:
        return
    was = before.permits_in_force(built_in)
    for line in after.permits_in_force(built_in):
        if any(covers(one, line) for one in was):
            continue
        text_it = f"matrice degli accessi: la riga «{line.id}» dà di più a {line.role.value}"
        text_en = f"access matrix: line “{line.id}” gives {line.role.value} more"
        for camera in line.cameras or ("",):
            yield Widening(
                Wider.PERMIT, camera, f"{line.id} {_shape(line)}", 0, 1, (),
                _concerned(line, camera, after), text_it, text_en,
            )  # fmt: skip


def _shape(line: Permit) -> str:
    """Return what a line gives, so that who approved one has not approved another."""
    return str(replace(line, id=""))


def _concerned(line: Permit, camera: str, after: Registry) -> tuple[str, ...]:
    """Return the controllers whose cameras a line is about; all, if it names none."""
    if camera:
        return (after.sites[after.cameras[camera].site].controller,)
    return line.controllers or tuple(after.controllers)


def covers(old: Permit, new: Permit) -> bool:
    """Return whether everything that `new` gives was given by `old` already."""
    sets = (
        (old.actions, new.actions),
        (old.purposes, new.purposes),
        (old.organisations, new.organisations),
        (old.controllers, new.controllers),
        (old.cameras, new.cameras),
    )
    return (
        old.role is new.role
        and all(_holds(whole, part) for whole, part in sets)
        and covers_hours(old.hours, new.hours)
        and (new.four_eyes or not old.four_eyes)
        and old.act in ("", new.act)
    )


def _holds(whole: tuple[str, ...], part: tuple[str, ...]) -> bool:
    """Return whether a set holds another; an empty one stands for everything."""
    return not whole or (bool(part) and set(part) <= set(whole))


def covers_hours(old: Sequence[ArmedHours], new: Sequence[ArmedHours]) -> bool:
    """Return whether hours hold others, span by span; none at all: around the clock."""
    whole = _joined(span for one in old for span in _spans(one)) if old else [(0, _DAY_S)]
    parts = [span for one in new for span in _spans(one)] if new else [(0, _DAY_S)]
    return all(any(a <= since and until <= b for a, b in whole) for since, until in parts)


def _spans(hours: ArmedHours) -> tuple[Span, ...]:
    since, until = _second(hours.since), _second(hours.until)
    if since < until:
        return ((since, until),)
    return tuple(span for span in ((since, _DAY_S), (0, until)) if span[0] < span[1])


def _second(clock: time) -> int:
    return clock.hour * 3600 + clock.minute * 60 + clock.second


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans that touch as one."""
    found: list[Span] = []
    for since, until in sorted(spans):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return found
