# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Polygons that have an inside."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.registry.polygon import MOST_POINTS, fault

SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


@pytest.mark.parametrize(
    "polygon",
    [
        SQUARE,
        SQUARE[::-1],
        ((0.0, 0.0), (1.0, 0.0), (0.5, 1.0)),
        ((0.0, 0.0), (1.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.0, 1.0)),
        ((0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 1.0)),
    ],
    ids=["square", "other-way", "triangle", "concave", "corner-of-180-degrees"],
)
def test_simple_polygons_pass(polygon):
    """Either direction, also concave, also with a point on a straight side."""
    assert fault(polygon) == ""


@pytest.mark.parametrize(
    ("polygon", "problem"),
    [
        (SQUARE[:2], "has 2 points"),
        (SQUARE * 17, "has 68 points"),
        (((0.0, 0.0), (1.01, 0.0), (0.5, 1.0)), "leaves the picture"),
        (((0.0, -0.01), (1.0, 0.0), (0.5, 1.0)), "leaves the picture"),
        ((*SQUARE, (0.0, 0.0)), "uses a point twice"),
        ((SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]), "crosses itself"),
        (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.0)), "crosses itself"),
        (((0.0, 0.0), (1.0, 0.0), (0.5, 0.0), (0.5, 1.0)), "crosses itself"),
        (((0.0, 0.0), (1.0, 0.0), (0.9, 0.0), (0.9, 0.5), (0.0, 0.5)), "crosses itself"),
        (((0.0, 0.0), (0.001, 0.0), (0.0, 0.001)), "has no area"),
    ],
)
def test_what_has_no_inside_is_refused(polygon, problem):
    """Each reason has its words."""
    assert fault(polygon) == problem


@given(
    st.integers(3, MOST_POINTS),
    st.floats(0.05, 0.5),
    st.floats(0, 2 * math.pi),
)
def test_every_regular_polygon_passes(count, radius, turn):
    """Whatever its size and direction."""
    angles = [turn + 2 * math.pi * i / count for i in range(count)]
    corners = ((0.5 + radius * math.cos(a), 0.5 + radius * math.sin(a)) for a in angles)
    assert fault(tuple((min(max(x, 0), 1), min(max(y, 0), 1)) for x, y in corners)) == ""


@given(st.permutations(SQUARE))
def test_of_all_orders_of_a_square_only_those_around_it_pass(order):
    """Two thirds of the orders cross."""
    around = SQUARE.index(order[0]) % 2 == SQUARE.index(order[2]) % 2
    assert (fault(tuple(order)) == "") is around


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=8))
def test_the_verdict_does_not_depend_on_where_one_begins(points):
    """A polygon turned by one corner is the same polygon."""
    polygon = tuple(points)
    turned = polygon[1:] + polygon[:1]
    assert (fault(polygon) == "") is (fault(turned) == "")
