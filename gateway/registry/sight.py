# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Where a camera looks, on the ground: distances, bearings and how far it tells anything.

A sphere instead of the ellipsoid: 0.3 % off at most, less than cameras are placed by hand. Walls
and heights are not known; what is said here is what the map allows.
"""

from math import asin, atan2, cos, degrees, radians, sin, sqrt, tan

from gateway.model.registry import Camera

EARTH_M = 6_371_008.8
"""Mean radius (IUGG)."""
SCENE_M = 1920 / 62.5
"""Width of a Full HD picture in which EN 62676-4 still allows to observe (62.5 px/m, B-41)."""
WIDEST_DEG = 120.0
"""Beyond, lenses are no longer rectilinear: the range stays as at this angle."""


def is_placed(camera: Camera) -> bool:
    """Return whether somebody said where the camera is; 0, 0 is the sea off Guinea."""
    return (camera.latitude, camera.longitude) != (0.0, 0.0)


def range_m(camera: Camera) -> float:
    """Return how far from the camera its picture is as wide as the target (EN 62676-4).

    Without a survey (`target_width_m` 0) the width at which Full HD still lets one observe.
    """
    width = camera.target_width_m or SCENE_M
    return width / 2 / tan(radians(min(camera.field_of_view_deg, WIDEST_DEG)) / 2)


def distance_m(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> float:
    """Return the great-circle distance (haversine, exact also for small ones)."""
    one, other = radians(latitude), radians(to_latitude)
    across = sin(radians(to_longitude - longitude) / 2)
    along = sin((other - one) / 2)
    h = along * along + cos(one) * cos(other) * across * across
    return 2 * EARTH_M * asin(min(1.0, sqrt(h)))


def bearing_deg(
    latitude: float, longitude: float, to_latitude: float, to_longitude: float
) -> float:
    """Return the initial direction of the great circle, clockwise from north, 0 <= x < 360."""
    one, other = radians(latitude), radians(to_latitude)
    turn = radians(to_longitude - longitude)
    east = sin(turn) * cos(other)
    north = cos(one) * sin(other) - sin(one) * cos(other) * cos(turn)
    return degrees(atan2(east, north)) % 360.0 % 360.0


def off_axis_deg(camera: Camera, bearing: float) -> float:
    """Return the angle between where the camera looks and a bearing, 0 to 180."""
    return abs((bearing - camera.azimuth_deg + 180.0) % 360.0 - 180.0)
