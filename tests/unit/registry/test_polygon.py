# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Polygons that have an inside."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.registry.polygon import MOST_POINTS, counterclockwise, covers, fault, ground_fault

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


def ground(*corners):
    """Return corners so many thousandths of a degree from a place in Tuscany."""
    return tuple((10.0 + x / 1000, 44.0 + y / 1000) for x, y in corners)


@pytest.mark.parametrize(
    ("polygon", "problem"),
    [
        (ground((0, 0), (1, 0), (1, 1)), ""),
        (ground((0, 0), (0, 1), (1, 1), (1, 0)), ""),
        (((-180.0, 1.0), (-179.5, 1.0), (-180.0, 1.5)), ""),
        (ground((0, 0), (1, 0)), "has 2 corners"),
        (ground(*((i, i * i) for i in range(257))), "has 257 corners"),
        (((10.0, 44.0), (10.1, 91.0), (10.2, 44.0)), "leaves the earth"),
        (((181.0, 44.0), (180.0, 44.1), (179.9, 44.0)), "leaves the earth"),
        (((179.9, 1.0), (-179.9, 1.0), (179.9, 1.5)), "crosses the antimeridian"),
        (((10.0, 44.0), (13.0, 44.0), (10.0, 44.1)), "is wider than 2 degrees"),
        (((44.0, 10.0), (44.1, 12.1), (44.2, 10.0)), "is wider than 2 degrees"),
        (ground((0, 0), (1, 0), (1, 1), (0, 0)), "uses a corner twice"),
        (ground((0, 0), (1, 1), (1, 0), (0, 1)), "crosses itself"),
        (ground((0, 0), (1, 0), (2, 0)), "has no area"),
        (ground((0, 0), (0.01, 0), (0.005, 0.001)), "has no area"),
    ],
)
def test_areas_on_the_ground_have_an_inside_too(polygon, problem):
    """Each reason has its words and its advice; a good area has neither."""
    found, advice = ground_fault(polygon)
    assert found == problem
    assert bool(advice) is bool(problem)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=8, unique=True))
def test_turning_round_keeps_corners_and_first_corner(points):
    """Only the direction changes, and turning twice is turning once."""
    polygon = tuple(points)
    turned = counterclockwise(polygon)
    assert turned[0] == polygon[0]
    assert turned in (polygon, (polygon[0], *reversed(polygon[1:])))
    assert counterclockwise(turned) == turned or fault(polygon)
    assert counterclockwise(SQUARE) == SQUARE
    assert counterclockwise(SQUARE[::-1]) == (SQUARE[3], SQUARE[0], SQUARE[1], SQUARE[2])


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=4, max_size=9, unique=True))
def test_the_sweep_finds_what_comparing_all_pairs_finds(points):
    """Two sides that are not neighbours meet, or they do not."""
    from gateway.registry import polygon as module

    count = len(points)
    sides = [(points[i], points[(i + 1) % count]) for i in range(count)]
    meets = any(
        module._touch(*sides[i], *sides[j])
        for i in range(count)
        for j in range(i + 2, count)
        if (i, j) != (0, count - 1)
    )
    assert module._crosses_itself(tuple(points)) is meets


def moved(polygon, dx=0.0, dy=0.0, scale=1.0):
    return tuple((x * scale + dx, y * scale + dy) for x, y in polygon)


U_SHAPE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.75, 1.0), (0.75, 0.25), (0.25, 0.25), (0.25, 1.0),
           (0.0, 1.0))  # fmt: skip


@pytest.mark.parametrize(
    ("outer", "inner", "held"),
    [
        (SQUARE, SQUARE[::-1], True),
        (SQUARE, SQUARE[2:] + SQUARE[:2], True),
        (SQUARE, moved(SQUARE, 0.25, 0.25, 0.5), True),
        (SQUARE, moved(SQUARE, 0.5, 0.5, 0.5), True),
        (moved(SQUARE, 0.25, 0.25, 0.5), SQUARE, False),
        (SQUARE, moved(SQUARE, 0.001), False),
        (SQUARE, moved(SQUARE, 2.0), False),
        (U_SHAPE, ((0.1, 0.5), (0.9, 0.5), (0.5, 0.6)), False),
        (U_SHAPE, ((0.0, 0.9), (0.2, 0.0), (0.2, 0.9)), True),
        (U_SHAPE, ((0.25, 1.0), (0.75, 1.0), (0.5, 0.25)), False),
        (U_SHAPE, ((0.0, 1.0), (0.0, 0.0), (1.0, 0.0), (1.0, 1.0)), False),
    ],
)
def test_a_mask_covers_another_only_if_nothing_looks_out(outer, inner, held):
    """Also with concave shapes whose corners are all inside, and borders that touch."""
    assert covers(outer, inner) is held


@given(st.floats(0.1, 1), st.floats(0, 0.5), st.floats(0, 0.5))
def test_covering_is_exact_for_boxes(scale, dx, dy):
    """A box covers another exactly if each side does."""
    inner = moved(SQUARE, dx, dy, scale)
    inside = all(0 <= x <= 1 and 0 <= y <= 1 for x, y in inner)
    assert covers(SQUARE, inner) is inside
