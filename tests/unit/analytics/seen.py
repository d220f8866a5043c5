# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Observations to test rules with, told as stories."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from gateway.analytics.incident import Incident, Raised, RuleEvent
from gateway.model.alarm import Box, Condition, Kind, Observation, Track
from gateway.model.registry import Zone
from gateway.model.time import Moment

START = Moment(500.0, 1_795_348_800_000_000)
"""22 November 2026, 12:00 UTC: a Sunday."""
S = TypeVar("S", bound=Incident)


def track(
    id_: int, x: float, y: float, *, size: float = 0.1, still_s: float = 0.0, wide: bool = False
) -> Track:
    """Return a track whose foot is at (x, y): upright, or as wide as a car."""
    half = size if wide else size / 8
    box = Box(max(0.0, x - half), max(0.0, y - size), min(1.0, x + half), y)
    return Track(id_, box, Kind.MOVING, 0.9, 9.0, still_s, (x, y), ((x, y),))


def seen(
    at_s: float, tracks: Iterable[Track] = (), still: Condition | None = None, *, new: bool = False
) -> Observation:
    """Return what one picture showed `at_s` after START; `new`: the scene is being learnt."""
    return Observation("c", START.shifted(at_s), 0, (), (), 0.0, new, tuple(tracks), still)


def told(
    decide: Callable[[S, Observation, Zone, Moment], tuple[S, RuleEvent | None]],
    state: S,
    zone: Zone,
    story: Iterable[Observation],
) -> list[tuple[float, str]]:
    """Return the events of a story: seconds after START, and the name of each."""
    found: list[tuple[float, str]] = []
    for one in story:
        state, event = decide(state, one, zone, one.captured)
        if event is not None:
            at = event.captured if isinstance(event, Raised) else event.at
            found.append((round(at.monotonic_s - START.monotonic_s, 3), type(event).__name__))
    return found


def healthy(**more: float) -> Condition:
    """Return the condition of a picture with which nothing is wrong, but for `more`."""
    return replace(Condition(0.95, 120.0, 2.0, 0.1, 1.0, 45.0, 0.0, 0.8), **more)
