# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which cameras look at a place, the best first (A-04)."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from math import cos, radians, sin

from gateway.model.registry import Camera
from gateway.registry.polygon import METRES_PER_DEGREE
from gateway.registry.sight import (
    WIDEST_DEG,
    bearing_deg,
    distance_m,
    is_placed,
    off_axis_deg,
    range_m,
)

MARGIN_DEG = 5.0
"""Azimuths are read off a map or a phone's compass."""
AT_HAND_M = 2.0
"""So close, the place is the camera's own: its direction cannot be told from its position."""
MOST_M = 2_000.0
"""Farther away no fixed camera shows anything of use."""


class Look(Enum):
    """What a camera has of a place; in the order of their worth."""

    SEES = "vede"
    """In its field of view and within its range."""
    TOWARDS = "guarda-verso"
    """In its field of view, farther than its range."""
    AWAY = "guarda-altrove"
    """Near, but looking elsewhere."""


_WORTH = {look: worth for worth, look in enumerate(Look)}


@dataclass(frozen=True, slots=True)
class Nearby:
    """One camera and the place, on the ground."""

    camera: str
    distance_m: float
    bearing_deg: float
    """From the camera to the place, clockwise from north."""
    off_axis_deg: float
    """Between the middle of its picture and the place, 0 to 180."""
    look: Look


def nearest(
    cameras: Iterable[Camera],
    latitude: float,
    longitude: float,
    most: int = 10,
    within_m: float = MOST_M,
) -> tuple[Nearby, ...]:
    """Return at most `most` cameras within `within_m`: those that see the place come first.

    Then those that look towards it, then those that are merely near; each group by distance.
    Cameras of which nobody said where they are are left out.
    """
    found = _all(cameras, latitude, longitude, within_m)
    return tuple(heapq.nsmallest(most, found, key=_rank))


def _rank(one: Nearby) -> tuple[int, float, str]:
    return _WORTH[one.look], one.distance_m, one.camera


def _all(
    cameras: Iterable[Camera], latitude: float, longitude: float, within_m: float
) -> Iterator[Nearby]:
    band_deg = within_m / METRES_PER_DEGREE * 1.01
    for camera in cameras:
        if abs(camera.latitude - latitude) > band_deg or not is_placed(camera):
            continue
        distance = distance_m(camera.latitude, camera.longitude, latitude, longitude)
        if distance > within_m:
            continue
        bearing = bearing_deg(camera.latitude, camera.longitude, latitude, longitude)
        off_axis = off_axis_deg(camera, bearing)
        yield Nearby(camera.id, distance, bearing, off_axis, _look(camera, distance, off_axis))


def _look(camera: Camera, distance: float, off_axis: float) -> Look:
    if distance > AT_HAND_M and off_axis > camera.field_of_view_deg / 2 + MARGIN_DEG:
        return Look.AWAY
    return Look.SEES if distance <= max(range_m(camera), AT_HAND_M) else Look.TOWARDS


def scene(camera: Camera) -> tuple[float, float] | None:
    """Return latitude and longitude of the middle of what a camera shows, half its range ahead.

    A camera that looks all around shows its own place. None if nobody said where it is.
    """
    if not is_placed(camera):
        return None
    ahead = range_m(camera) / 2 if camera.field_of_view_deg <= WIDEST_DEG else 0.0
    turn = radians(camera.azimuth_deg)
    north = ahead * cos(turn) / METRES_PER_DEGREE
    east = ahead * sin(turn) / METRES_PER_DEGREE / max(cos(radians(camera.latitude)), 1e-6)
    return camera.latitude + north, camera.longitude + east
