# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A line that is crossed in a direction during armed hours: one incident, one alarm. Pure.

Side A lies at the left hand of one who stands at the line's first point and looks at its second.
"""

from dataclasses import dataclass, replace

from gateway.analytics.calendar import is_armed
from gateway.analytics.geometry import beside, contains, counts, meets
from gateway.analytics.incident import (
    UNSETTLED_S,
    Followed,
    Incident,
    RuleEvent,
    caused,
    follow,
    not_caused,
    why_of,
)
from gateway.analytics.incident import expire as expire_incident
from gateway.model.alarm import Observation, Track
from gateway.model.registry import Direction, Point, Zone
from gateway.model.time import Moment

MARGIN = 0.012
"""Nearer to the line a foot is on neither side: boxes jitter by this share of the picture."""


@dataclass(frozen=True, slots=True)
class Side:
    """Where a track last was for certain."""

    sign: int = 0
    """-1 on side A, 1 on side B, 0 not known yet."""
    foot: Point = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class CrossingState(Incident):
    """What one line's rule remembers."""

    sides: tuple[Followed[Side], ...] = ()


def decide(
    state: CrossingState, observation: Observation, zone: Zone, now: Moment
) -> tuple[CrossingState, RuleEvent | None]:
    """Return the next state, and what begins or ends with this observation.

    Who follows another, or turns round, within `off_after_s` belongs to the same incident. What
    is seen for less than `on_after_s` has not crossed. `now`: when we heard of it.
    """
    state = replace(state, heard=now)
    at = observation.captured
    if observation.scene_changed:
        return not_caused(state, zone, at, UNSETTLED_S)
    tracks = tuple(one for one in observation.tracks if counts(zone, one))
    sides = follow(state.sides, tracks, at, lambda track: _began(zone, track))
    moved = {track.id: track for track in tracks}
    crossed: tuple[Track, str] | None = None
    after: list[Followed[Side]] = []
    for one in sides:
        track = moved.get(one.id)
        side, way = (one.value, "") if track is None else _step(zone, one.value, track.foot)
        after.append(replace(one, value=side))
        if track is not None and _is_wanted(zone, way, track) and crossed is None:
            crossed = (track, way)
    state = replace(state, sides=tuple(after))
    if crossed is None or not is_armed(zone, at):
        return not_caused(state, zone, at)
    track, way = crossed
    return caused(state, zone, at, why_of(zone, track, track.seen_s, way), (track.box,))


def expire(state: CrossingState, zone: Zone, now: Moment) -> tuple[CrossingState, RuleEvent | None]:
    """Return the next state when no observation has come; call it every second or so."""
    return expire_incident(state, zone, now, CrossingState())


def _began(zone: Zone, track: Track) -> Side:
    """Return where a new track comes from: its path is older than our memory of it."""
    side = Side()
    for foot in track.path[:-1]:
        side, _ = _step(zone, side, foot)
    return side


def _step(zone: Zone, side: Side, foot: Point) -> tuple[Side, str]:
    """Return where a track is now, and which way it crossed; empty if it did not."""
    off = beside(zone.line, foot)
    sign = 0 if abs(off) < MARGIN else (1 if off > 0 else -1)
    if sign == 0:
        return side, ""
    crossed = side.sign == -sign and meets(zone.line, side.foot, foot)
    way = Direction.AB if sign > 0 else Direction.BA
    return Side(sign, foot), way.value if crossed else ""


def _is_wanted(zone: Zone, way: str, track: Track) -> bool:
    """Return whether a crossing is of the zone's direction, place and length."""
    wanted = way and zone.direction in (Direction.BOTH, Direction(way))
    return bool(wanted) and track.seen_s >= zone.on_after_s and contains(zone.polygon, track.foot)
