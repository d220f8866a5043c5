# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Alarms of one incident: neighbouring cameras of one owner, close in time. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, hypot, radians
from typing import Final

from gateway.model.registry import Camera, Registry

NEAR_M: Final = 60.0
GROUP_US: Final = 60_000_000
"""Two alarms further apart than a minute are not taken for one incident ..."""
LONGEST_US: Final = 15 * 60_000_000
"""... and no chain of them goes on for longer than this: a new row gets a new look."""
_M_PER_DEGREE: Final = 111_195.0
"""Mean length of a degree of latitude on a sphere of 6371 km."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An alarm of a neighbouring camera."""

    group: str
    raised_utc_us: int
    began_utc_us: int
    """When the first alarm of its group was raised."""


def group_of(raised_utc_us: int, neighbours: Sequence[Neighbour]) -> str:
    """Return the group of the neighbour closest in time; empty: none is close enough."""
    close = [
        one
        for one in neighbours
        if one.group
        and abs(one.raised_utc_us - raised_utc_us) <= GROUP_US
        and raised_utc_us - one.began_utc_us <= LONGEST_US
    ]
    if not close:
        return ""
    return min(close, key=lambda one: (abs(one.raised_utc_us - raised_utc_us), one.group)).group


def near_cameras(camera_id: str, registry: Registry) -> frozenset[str]:
    """Return a camera and those of the same owner at its site or within NEAR_M of it."""
    camera = registry.cameras.get(camera_id)
    if camera is None:
        return frozenset((camera_id,)) if camera_id else frozenset()
    owner = _owner(camera, registry)
    return frozenset(
        one.id
        for one in registry.cameras.values()
        if _owner(one, registry) == owner
        and (one.site == camera.site or _distance_m(one, camera) <= NEAR_M)
    )


def _owner(camera: Camera, registry: Registry) -> str:
    site = registry.sites.get(camera.site)
    return site.controller if site is not None else ""


def _distance_m(one: Camera, other: Camera) -> float:
    """Return metres between two cameras; infinite unless both were surveyed."""
    if not (one.latitude or one.longitude) or not (other.latitude or other.longitude):
        return float("inf")
    north = (one.latitude - other.latitude) * _M_PER_DEGREE
    east = (one.longitude - other.longitude) * _M_PER_DEGREE * cos(radians(one.latitude))
    return hypot(north, east)
