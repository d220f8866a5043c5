# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Polygons on the motion grid."""

import numpy as np
import pytest

from gateway.analytics.zones import LEAST_CELLS, ZoneGrid

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
CORNER = ((0.9, 0.9), (1.0, 0.9), (1.0, 1.0))


def moving(rows: slice, columns: slice) -> np.ndarray:
    """Return a grid in which one block moves."""
    grid = np.zeros((180, 320), np.uint8)
    grid[rows, columns] = 255
    return grid


@pytest.mark.parametrize(
    ("grid", "expected"),
    [
        (moving(slice(0, 20), slice(0, 20)), (0,)),
        (moving(slice(0, 20), slice(200, 220)), (1,)),
        (moving(slice(0, 20), slice(140, 180)), (0, 1)),
        (moving(slice(170, 178), slice(305, 318)), (1, 2)),
        (moving(slice(0, 0), slice(0, 0)), ()),
        (moving(slice(0, 3), slice(0, 3)), ()),
    ],
)
def test_the_zone_that_something_moves_in(grid: np.ndarray, expected: tuple) -> None:
    """A block occupies the zones that it lies in, both when it straddles; a speck none."""
    assert ZoneGrid([LEFT, RIGHT, CORNER], (180, 320)).occupied(grid) == expected


def test_a_tiny_zone_needs_a_least_number_of_cells() -> None:
    """In a zone of a few dozen cells one noisy cell is not enough."""
    zone = ZoneGrid([CORNER], (180, 320))
    few = moving(slice(170, 171), slice(310, 310 + LEAST_CELLS - 1))
    assert zone.occupied(few) == ()
    assert zone.occupied(moving(slice(168, 180), slice(300, 320))) == (0,)
