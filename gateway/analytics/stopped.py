# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Something as large as a vehicle stands in a zone during armed hours. Pure.

What stands becomes background after a while and is followed no more. Therefore what was seen to
stop and then vanished on the spot counts as still there until something moves in its place, for a
bounded time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.analytics.calendar import is_armed
from gateway.analytics.geometry import apart, area, inside, overlap
from gateway.analytics.incident import (
    UNSETTLED_S,
    Incident,
    RuleEvent,
    between_s,
    caused,
    not_caused,
    why_of,
)
from gateway.analytics.incident import expire as expire_incident
from gateway.model.alarm import MOST_TRACKS, Box, Kind, Observation, Track
from gateway.model.registry import Point, Zone
from gateway.model.time import Moment

DWELL_S = 60.0
"""Where a zone says nothing."""
LEAST_AREA = 0.004
"""Share of the picture that a vehicle covers at least, where nobody names or measures it."""
LEAST_RATIO = 0.75
"""Width against height in picture elements: who stands is upright, what is parked is not."""
PICTURE_RATIO = 16 / 9
VEHICLE_M = (0.9, 4.5)
"""Heights of vehicles, a sports car to an articulated lorry."""
STOOD_S = 2.0
"""What stood for less and vanished was passing."""
SAME = 0.4
"""Overlap of two boxes that are the same thing."""
DRIVES_OFF = 0.25
"""Overlap of what moves with what stood there."""
NUDGE = 0.015
"""A foot that moves by less than this share of the picture still stands."""
GHOST_S = 900.0
"""What vanished on the spot counts as there for so long at most, or four dwells."""


@dataclass(frozen=True, slots=True)
class Parked:
    """One thing that stands."""

    track: Track
    """As it was last seen."""
    since: Moment
    seen: Moment


@dataclass(frozen=True, slots=True)
class StoppedState(Incident):
    """What one zone's rule remembers."""

    parked: tuple[Parked, ...] = ()


def decide(
    state: StoppedState, observation: Observation, zone: Zone, now: Moment
) -> tuple[StoppedState, RuleEvent | None]:
    """Return the next state, and what begins or ends with this observation.

    Time that passed before the zone was armed does not count. `now`: when we heard of it.
    """
    state = replace(state, heard=now)
    at = observation.captured
    if observation.scene_changed:
        return not_caused(state, zone, at, UNSETTLED_S)
    if not is_armed(zone, at):
        return not_caused(replace(state, parked=()), zone, at)
    parked = _parked(state.parked, observation.tracks, zone, at)
    state = replace(state, parked=parked)
    dwell_s = zone.dwell_s or DWELL_S
    offending = [one for one in parked if between_s(one.since, at) >= dwell_s]
    if not offending:
        return not_caused(state, zone, at)
    first = min(offending, key=lambda one: one.since.monotonic_s)
    why = why_of(zone, first.track, between_s(first.since, at))
    return caused(state, zone, at, why, tuple(one.track.box for one in offending))


def expire(state: StoppedState, zone: Zone, now: Moment) -> tuple[StoppedState, RuleEvent | None]:
    """Return the next state when no observation has come; call it every second or so."""
    return expire_incident(state, zone, now, StoppedState())


def is_vehicle(track: Track) -> bool:
    """Return whether something may be a vehicle: by its class, its metres, else by its shape."""
    if track.kind is not Kind.MOVING:
        return track.kind is Kind.VEHICLE
    box = track.box
    ratio = PICTURE_RATIO * (box.right - box.left) / max(box.bottom - box.top, 1e-6)
    least_m, most_m = VEHICLE_M
    fits = least_m <= track.metres <= most_m if track.metres else area(box) >= LEAST_AREA
    return fits and ratio >= LEAST_RATIO


def _parked(
    known: Sequence[Parked], tracks: Sequence[Track], zone: Zone, at: Moment
) -> tuple[Parked, ...]:
    """Return what stands now, with what vanished while it stood; the earliest first."""
    standing = [one for one in inside(zone, tracks) if is_vehicle(one) or _is_named(zone, one)]
    left = {one.id: one for one in tracks}
    most_s = max(GHOST_S, 4 * (zone.dwell_s or DWELL_S))
    found: list[Parked] = []
    used: set[int] = set()
    for one in known:
        track = _goes_on(one, standing, used)
        if track is not None:
            used.add(track.id)
            found.append(Parked(track, one.since, at))
        elif one.track.id not in left and _haunts(one, tracks, at, most_s):
            found.append(one)
    fresh = [one for one in standing if one.id not in used and one.still_s > 0]
    found += [Parked(one, at, at) for one in fresh]
    return tuple(found[:MOST_TRACKS])


def _is_named(zone: Zone, track: Track) -> bool:
    """Return whether the zone is about a class by name, so that its shape does not matter."""
    return track.kind is not Kind.MOVING and track.kind in zone.classes


def _goes_on(one: Parked, standing: Sequence[Track], used: set[int]) -> Track | None:
    """Return what a parked thing is called now, if it still stands."""
    for track in standing:
        if track.id in used:
            continue
        is_same = track.id == one.track.id
        if is_same and (track.still_s > 0 or _stays(one.track.foot, track.foot)):
            return track
        if not is_same and track.still_s > 0 and overlap(track.box, one.track.box) >= SAME:
            return track
    return None


def _stays(before: Point, after: Point) -> bool:
    return apart(before, after) < NUDGE


def _haunts(one: Parked, tracks: Sequence[Track], at: Moment, most_s: float) -> bool:
    """Return whether what is followed no more is thought to stand there still."""
    stood_s, gone_s = between_s(one.since, one.seen), between_s(one.seen, at)
    if stood_s < STOOD_S or not 0 <= gone_s <= most_s:
        return False
    moving = [track.box for track in tracks if track.still_s <= 0]
    return not any(_covers(box, one.track.box) for box in moving)


def _covers(moving: Box, stood: Box) -> bool:
    """Return whether what moves is about as large as what stood there, and in its place."""
    return overlap(moving, stood) >= DRIVES_OFF
