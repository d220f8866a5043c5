# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cameras that look at a place."""

import random
from dataclasses import replace
from math import cos, radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.registry.nearest import AT_HAND_M, MARGIN_DEG, Look, nearest, scene
from gateway.registry.polygon import METRES_PER_DEGREE
from gateway.registry.sight import range_m
from tests.unit.registry.worlds import floats, small

BANCO = replace(small().cameras["banco"], azimuth_deg=0.0, field_of_view_deg=60.0)
HERE = (44.0, 10.0)


def at(name, bearing, metres, **more):
    """Return a camera from which HERE lies `metres` away in the direction `bearing`."""
    north, east = metres * cos(radians(bearing)), metres * sin(radians(bearing))
    latitude = HERE[0] - north / METRES_PER_DEGREE
    longitude = HERE[1] - east / METRES_PER_DEGREE / cos(radians(HERE[0]))
    return replace(BANCO, id=name, latitude=latitude, longitude=longitude, **more)


def test_those_that_see_it_come_first_then_those_that_look_there_then_the_near():
    """A camera around the corner is worth less than a farther one that looks."""
    cameras = [
        at("di-spalle", 180, 5),
        at("lontana", 0, 200),
        at("vede", 10, 20),
        at("vede-meglio", 350, 12),
        replace(BANCO, id="senza-posto", latitude=0.0, longitude=0.0),
    ]
    found = nearest(cameras, *HERE)
    assert [(one.camera, one.look) for one in found] == [
        ("vede-meglio", Look.SEES),
        ("vede", Look.SEES),
        ("lontana", Look.TOWARDS),
        ("di-spalle", Look.AWAY),
    ]
    assert found[0].distance_m == pytest.approx(12, rel=1e-3)
    assert found[0].bearing_deg == pytest.approx(350, abs=0.1)
    assert found[0].off_axis_deg == pytest.approx(10, abs=0.1)
    assert [one.camera for one in nearest(cameras, *HERE, most=1)] == ["vede-meglio"]
    assert len(nearest(cameras, *HERE, within_m=50)) == 3


@given(floats(0, 360), floats(AT_HAND_M * 1.1, 1900), floats(0, 360), floats(1, 360))
def test_what_a_camera_has_of_a_place_follows_from_angle_and_range(
    bearing, metres, azimuth, field_of_view
):
    """Seen if within half the field of view (and a margin) and within range; never both ways."""
    camera = at("x", bearing, metres, azimuth_deg=azimuth, field_of_view_deg=field_of_view)
    (found,) = nearest([camera], *HERE)
    assert found.distance_m == pytest.approx(metres, rel=2e-3)
    turn = abs((bearing - azimuth + 180) % 360 - 180)
    assert found.off_axis_deg == pytest.approx(turn, abs=0.2)
    in_view = found.off_axis_deg <= field_of_view / 2 + MARGIN_DEG
    in_range = found.distance_m <= max(range_m(camera), AT_HAND_M)
    assert found.look is (Look.AWAY if not in_view else Look.SEES if in_range else Look.TOWARDS)


@given(st.integers(0, 10**6), st.integers(1, 12))
def test_the_order_does_not_depend_on_the_order_of_the_registry(seed, most):
    """Shuffled cameras give the same list, and fewer give its beginning."""
    chance = random.Random(seed)
    cameras = [
        at(
            f"c{i}",
            chance.uniform(0, 360),
            chance.uniform(0, 300),
            azimuth_deg=chance.uniform(0, 360),
        )
        for i in range(12)
    ]
    whole = nearest(cameras, *HERE, most=12)
    chance.shuffle(cameras)
    assert nearest(cameras, *HERE, most=most) == whole[:most]
    worth = [list(Look).index(one.look) for one in whole]
    assert worth == sorted(worth)


def test_what_nobody_placed_is_near_nothing():
    """Zeroes mean that nobody said where it is, also for whoever asks about that very place."""
    assert nearest([replace(BANCO, latitude=0.0, longitude=0.0)], 0.0, 0.0) == ()


def test_at_the_cameras_own_place_it_sees():
    """No direction can be told there, so none is held against it."""
    (found,) = nearest([at("x", 180, 0.5, target_width_m=0.1)], *HERE)
    assert found.look is Look.SEES


@given(floats(0, 360), floats(1, 120), floats(0.5, 100))
def test_a_camera_sees_its_own_scene(azimuth, field_of_view, width):
    """What it shows lies ahead of it, half its range away."""
    camera = replace(
        BANCO, azimuth_deg=azimuth, field_of_view_deg=field_of_view, target_width_m=width
    )
    (found,) = nearest([camera], *scene(camera), within_m=10_000)
    assert found.look is Look.SEES
    assert found.distance_m == pytest.approx(range_m(camera) / 2, rel=0.01)


def test_a_round_view_shows_its_own_place_and_a_camera_nowhere_shows_none():
    """No direction, no place: nothing is invented."""
    assert scene(replace(BANCO, field_of_view_deg=360.0)) == (BANCO.latitude, BANCO.longitude)
    assert scene(replace(BANCO, latitude=0.0, longitude=0.0)) is None


def test_of_a_thousand_cameras_the_ten_that_matter_come_first():
    """An alarm page asks for this while a person waits: few, sorted, whatever the number."""
    chance = random.Random(1)
    cameras = [at(f"c{i}", chance.uniform(0, 360), chance.uniform(0, 1500)) for i in range(1000)]
    found = nearest(cameras, *HERE)
    assert len(found) == 10
    everybody = nearest(cameras, *HERE, most=1000)
    assert found == everybody[:10]
