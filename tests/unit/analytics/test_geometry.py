# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Points, lines and boxes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.geometry import apart, area, beside, contains, counts, inside, meets, overlap
from gateway.model.alarm import Box, Kind
from gateway.model.registry import Zone
from tests.unit.analytics.seen import track

SQUARE = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
LINE = ((0.2, 0.5), (0.8, 0.5))
HOOK = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.6, 1.0), (0.6, 0.4), (0.0, 0.4))
inner = st.floats(0.0, 1.0, allow_nan=False)


@pytest.mark.parametrize(
    ("polygon", "point", "is_in"),
    [
        (SQUARE, (0.5, 0.5), True),
        (SQUARE, (0.1, 0.5), False),
        (SQUARE, (0.5, 0.9), False),
        (HOOK, (0.8, 0.9), True),
        (HOOK, (0.3, 0.7), False),
    ],
)
def test_inside_a_polygon(polygon, point, is_in) -> None:
    """Corners that turn inwards too."""
    assert contains(polygon, point) is is_in


@given(inner, inner)
def test_a_square_is_two_comparisons(x: float, y: float) -> None:
    """Away from its edges a square is what its corners say."""
    if min(abs(x - 0.2), abs(x - 0.8), abs(y - 0.2), abs(y - 0.8)) < 1e-9:
        return
    assert contains(SQUARE, (x, y)) is (0.2 < x < 0.8 and 0.2 < y < 0.8)


def test_sides_of_a_line() -> None:
    """Side A is at the left hand of one who looks along it: above, if he looks to the right."""
    assert beside(LINE, (0.5, 0.4)) == pytest.approx(-0.1)
    assert beside(LINE, (0.5, 0.7)) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("start", "end", "crosses"),
    [
        ((0.5, 0.4), (0.5, 0.6), True),
        ((0.1, 0.4), (0.1, 0.6), False),
        ((0.5, 0.1), (0.5, 0.4), False),
        ((0.1, 0.4), (0.4, 0.6), True),
        ((0.9, 0.45), (0.85, 0.6), False),
        ((0.3, 0.5), (0.6, 0.5), False),
    ],
)
def test_ways_across_a_line(start, end, crosses) -> None:
    """Between its two points, not beside them."""
    assert meets(LINE, start, end) is crosses


def test_boxes() -> None:
    """Overlap is of the union; boxes that do not touch have none."""
    one, half = Box(0.0, 0.0, 0.4, 0.4), Box(0.0, 0.0, 0.4, 0.2)
    assert (overlap(one, half), overlap(one, one)) == (pytest.approx(0.5), pytest.approx(1.0))
    assert overlap(one, Box(0.5, 0.5, 0.6, 0.6)) == 0.0
    assert (area(half), apart((0, 0), (0.3, 0.4))) == (pytest.approx(0.08), pytest.approx(0.5))


def test_what_counts() -> None:
    """By class and size where they are known; what is not known always counts."""
    zone = Zone("z", "Z", "c", SQUARE, classes=(Kind.PERSON,), least_m=1.2, most_m=2.3)
    near = track(1, 0.5, 0.5)
    cases = [
        (near, True),
        (replace(near, kind=Kind.VEHICLE), False),
        (replace(near, kind=Kind.PERSON), True),
        (replace(near, kind=Kind.PERSON, metres=0.6), False),
        (replace(near, metres=3.0), False),
        (replace(near, metres=1.8), True),
    ]
    assert [counts(zone, one) for one, _ in cases] == [counted for _, counted in cases]
    assert inside(zone, [near, track(2, 0.1, 0.1)]) == (near,)
