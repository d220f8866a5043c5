# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How much of a risk area is looked at."""

import random
from dataclasses import replace
from math import cos, hypot, pi, radians

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.registry import RiskArea
from gateway.registry.coverage import MOST_GAPS, coverage
from gateway.registry.polygon import METRES_PER_DEGREE, counterclockwise
from gateway.registry.sight import bearing_deg, distance_m, off_axis_deg, range_m
from tests.unit.registry.worlds import floats, small, triangles

BANCO = small().cameras["banco"]
ORIGIN = (10.0, 44.0)
EAST = METRES_PER_DEGREE * cos(radians(44.0))


def place(east, north):
    """Return longitude and latitude so many metres from ORIGIN."""
    return ORIGIN[0] + east / EAST, ORIGIN[1] + north / METRES_PER_DEGREE


def camera(name, east, north, azimuth, angle, reach):
    """Return a camera whose range is `reach`."""
    longitude, latitude = place(east, north)
    bare = replace(BANCO, id=name, latitude=latitude, longitude=longitude, azimuth_deg=azimuth)
    bare = replace(bare, field_of_view_deg=angle, target_width_m=1.0)
    return replace(bare, target_width_m=reach / range_m(bare))


def square(metres, name="piazza", **more):
    corners = ((0, 0), (metres, 0), (metres, metres), (0, metres))
    return RiskArea(name, name, tuple(place(*corner) for corner in corners), **more)


def inside(polygon, x, y):
    """Even-odd rule, written for this test."""
    odd = False
    for (ax, ay), (bx, by) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            odd = not odd
    return odd


def by_chance(area, cameras, points, seed=1):
    """Return the covered share by throwing darts, with distances on the sphere."""
    chance = random.Random(seed)
    (west, east), (south, north) = ((min(a), max(a)) for a in zip(*area.polygon, strict=True))
    hits = seen = 0
    while hits < points:
        x, y = chance.uniform(west, east), chance.uniform(south, north)
        if not inside(area.polygon, x, y):
            continue
        hits += 1
        seen += any(
            distance_m(c.latitude, c.longitude, y, x) <= range_m(c)
            and off_axis_deg(c, bearing_deg(c.latitude, c.longitude, y, x))
            <= c.field_of_view_deg / 2
            for c in cameras
        )
    return seen / points


def test_nothing_is_covered_by_nobody():
    """The whole area is one gap, with its size in square metres."""
    (found,) = coverage([], [square(100)])
    assert (found.share, found.cameras) == (0.0, ())
    assert found.area_m2 == pytest.approx(10_000, rel=1e-3)
    (gap,) = found.gaps
    assert gap.area_m2 == pytest.approx(10_000, rel=1e-3)
    assert (gap.longitude, gap.latitude) == pytest.approx(place(50, 50), abs=6e-4)


@pytest.mark.parametrize(
    ("angle", "azimuth", "metres2"),
    [
        (360, 0, pi * 400),
        (180, 90, pi * 200),
        (90, 45, pi * 100),
        (60, 350, pi * 400 / 6),
        (270, 200, pi * 300),
        (10, 0, pi * 400 / 36),
    ],
)
def test_a_sector_in_the_middle_has_the_area_of_geometry(angle, azimuth, metres2):
    """Angle times radius squared, halved, for any angle."""
    (found,) = coverage([camera("a", 50, 50, azimuth, angle, 20)], [square(100)])
    assert found.share * found.area_m2 == pytest.approx(metres2, rel=0.01)
    assert found.cameras == ("a",)


def test_two_cameras_that_see_the_same_count_once():
    """Overlaps are not added up."""
    one, other = camera("a", 50, 50, 0, 90, 30), camera("b", 50, 50, 0, 90, 30)
    alone, both = coverage([one], [square(100)])[0], coverage([one, other], [square(100)])[0]
    assert both.share == pytest.approx(alone.share)
    assert both.cameras == ("a", "b")


def test_a_wall_of_view_leaves_two_gaps_and_the_larger_comes_first():
    """Gaps that do not touch are told apart, each with a point inside it."""
    cameras = [camera(f"c{i}", 40, 20 * i, 0, 360, 15) for i in range(-1, 7)]
    (found,) = coverage(cameras, [square(100)])
    first, second = found.gaps
    assert first.area_m2 > second.area_m2 > 1000
    assert first.longitude > place(56, 0)[0]
    assert second.longitude < place(25, 0)[0]
    covered = found.share * found.area_m2
    assert covered + first.area_m2 + second.area_m2 == pytest.approx(found.area_m2, rel=0.005)


def test_a_camera_outside_that_looks_in_counts_and_one_that_looks_away_does_not():
    """What matters is where it looks, not where it hangs."""
    cameras = [camera("in", -10, 50, 90, 60, 60), camera("out", -10, 50, 270, 60, 60)]
    (found,) = coverage(cameras, [square(100)])
    assert found.cameras == ("in",)
    assert found.share > 0.1


def test_areas_come_by_priority_and_unplaced_cameras_do_not_count():
    """What is most at risk is read first."""
    nowhere = replace(BANCO, latitude=0.0, longitude=0.0, field_of_view_deg=360.0)
    areas = [square(50, "b"), square(50, "a"), square(50, "z", priority=5)]
    assert [one.area for one in coverage([nowhere], areas)] == ["z", "a", "b"]


@settings(max_examples=25, deadline=None)
@given(
    triangles(),
    st.lists(
        st.tuples(
            floats(-20, 120), floats(-20, 120), floats(0, 360), floats(5, 360), floats(5, 80)
        ),
        max_size=5,
    ),
)
def test_the_share_is_that_of_thrown_darts(corners, views):
    """Against an oracle that shares nothing with strips and intervals."""
    shape = counterclockwise(tuple(place(100 * x, 100 * y) for x, y in corners))
    area = RiskArea("a", "A", shape)
    cameras = [camera(f"c{i}", *view) for i, view in enumerate(views)]
    (found,) = coverage(cameras, [area])
    assert found.share == pytest.approx(by_chance(area, cameras, 3000), abs=0.045)
    assert 0 <= found.share <= 1
    assert len(found.gaps) <= MOST_GAPS
    for gap in found.gaps:
        assert inside(shape, gap.longitude, gap.latitude)
        assert not any(
            distance_m(c.latitude, c.longitude, gap.latitude, gap.longitude) < range_m(c) - 0.01
            and off_axis_deg(c, bearing_deg(c.latitude, c.longitude, gap.latitude, gap.longitude))
            < c.field_of_view_deg / 2 - 0.1
            for c in cameras
        )


def test_one_camera_more_never_covers_less():
    """Adding a camera can only help."""
    chance = random.Random(7)
    cameras = []
    share = 0.0
    for i in range(12):
        cameras.append(
            camera(
                f"c{i}",
                *(chance.uniform(0, 200) for _ in "xy"),
                chance.uniform(0, 360),
                chance.uniform(20, 200),
                40,
            )
        )
        (found,) = coverage(cameras, [square(200)])
        assert found.share >= share - 1e-9
        share = found.share
    assert hypot(share, 0) > 0.2
