# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Distances and directions on the ground."""

from dataclasses import replace
from math import tan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.registry.sight import (
    EARTH_M,
    bearing_deg,
    distance_m,
    is_placed,
    off_axis_deg,
    range_m,
)
from tests.unit.registry.worlds import floats, small

BANCO = small().cameras["banco"]
places = st.tuples(floats(-89, 89), floats(-180, 180))


@pytest.mark.parametrize(
    ("one", "other", "metres", "bearing"),
    [
        ((0.0, 0.0), (0.0, 1.0), 111_195, 90),
        ((44.0, 10.0), (45.0, 10.0), 111_195, 0),
        ((44.0, 10.0), (43.0, 10.0), 111_195, 180),
        ((0.0, 10.0), (90.0, 10.0), 10_007_557, 0),
        ((45.0, 0.0), (45.0, 180.0), 10_007_557, 0),
        ((0.0, 179.5), (0.0, -179.5), 111_195, 90),
    ],
)
def test_known_distances_and_directions(one, other, metres, bearing):
    """Along meridians and the equator, over the pole and over the date line."""
    assert distance_m(*one, *other) == pytest.approx(metres, rel=2e-3)
    assert bearing_deg(*one, *other) == pytest.approx(bearing, abs=0.3)


@given(places, places)
def test_distance_is_a_metric_and_bearing_an_angle(one, other):
    """The same both ways, never more than half way round, zero to itself."""
    assert distance_m(*one, *other) == pytest.approx(distance_m(*other, *one), rel=1e-9, abs=1e-6)
    assert 0 <= distance_m(*one, *other) <= 3.1416 * EARTH_M
    assert distance_m(*one, *one) == 0
    assert 0 <= bearing_deg(*one, *other) < 360


@given(floats(0, 360), floats(0, 360))
def test_off_axis_does_not_know_where_the_circle_begins(azimuth, bearing):
    """359 and 1 degree are two degrees apart."""
    camera = replace(BANCO, azimuth_deg=azimuth)
    turned = replace(BANCO, azimuth_deg=(azimuth + 90) % 360)
    angle = off_axis_deg(camera, bearing)
    assert 0 <= angle <= 180
    assert off_axis_deg(turned, (bearing + 90) % 360) == pytest.approx(angle, abs=1e-9)
    assert off_axis_deg(replace(BANCO, azimuth_deg=359), 1) == 2


def test_the_range_is_where_the_picture_is_as_wide_as_the_target():
    """Simple trigonometry; without a survey, Full HD at 62.5 px/m (EN 62676-4: observe)."""
    surveyed = replace(BANCO, target_width_m=10, field_of_view_deg=90)
    assert range_m(surveyed) == pytest.approx(5)
    default = replace(BANCO, field_of_view_deg=60)
    assert range_m(default) * 2 * tan(3.14159265 / 6) == pytest.approx(1920 / 62.5)


@given(floats(1, 360), floats(1, 360), st.just(0.0) | floats(0.1, 100))
def test_a_wider_lens_never_reaches_farther(one, other, width):
    """Also for lenses that see all around."""
    narrow, wide = sorted((one, other))
    cameras = [replace(BANCO, target_width_m=width, field_of_view_deg=a) for a in (narrow, wide)]
    assert range_m(cameras[0]) >= range_m(cameras[1]) > 0


def test_nobody_puts_a_camera_off_guinea():
    """Zeroes mean that nobody said where it is."""
    assert is_placed(BANCO)
    assert not is_placed(replace(BANCO, latitude=0.0, longitude=0.0))
    assert is_placed(replace(BANCO, latitude=0.0))
