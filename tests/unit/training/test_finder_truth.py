# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the finder's cells are told: the plate's corners, from each of its own cells."""

import numpy as np

from training.finder_truth import CELL_PX, CELLS, truth
from training.scenes import SIDE_PX, Scene

_BLANK = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
_QUAD = np.array([[41, 60], [139, 66], [137, 90], [40, 83]], np.float32)
_SMALL = np.array([[171, 171], [195, 171], [195, 178], [171, 178]], np.float32)


def test_every_cell_of_a_plate_leads_to_its_corners() -> None:
    """Cell centre plus eight times the told offset is the plate's corner, for all its cells."""
    made = truth([Scene(_BLANK, (_QUAD,), ())])
    rows, columns = np.nonzero(made.yes[0])
    assert len(rows) > 3
    for row, column in zip(rows, columns, strict=True):
        centre = (np.array([column, row]) + 0.5) * CELL_PX
        told = made.corners[0, :, row, column].reshape(4, 2)
        assert np.allclose(centre + told * CELL_PX, _QUAD, atol=1e-3)
        assert (_QUAD.min(axis=0) < centre).all()
        assert (centre < _QUAD.max(axis=0)).all()
    assert np.allclose(made.tall[0][rows, columns] * CELL_PX, 23.5, atol=0.5)


def test_the_smallest_plate_has_a_cell_and_weighs_as_one() -> None:
    """A plate lower than a cell is still told to one; one of many cells counts less per cell."""
    made = truth([Scene(_BLANK, (_QUAD, _SMALL), ())])
    at = (int(_SMALL[:, 1].mean() // CELL_PX), int(_SMALL[:, 0].mean() // CELL_PX))
    assert made.yes[0][at] == 1
    large = made.yes[0].copy()
    large[at[0] - 1 : at[0] + 2, at[1] - 1 : at[1] + 2] = 0
    assert made.weight[0][large > 0].max() < made.weight[0][at]


def test_what_is_ignored_weighs_nothing_and_says_no() -> None:
    """An ignored plate is neither a plate nor ground; far from it, ground counts fully."""
    made = truth([Scene(_BLANK, (), (_QUAD,))])
    assert made.yes.sum() == 0
    inside = made.weight[0][60 // CELL_PX : 90 // CELL_PX, 41 // CELL_PX : 137 // CELL_PX]
    assert (inside == 0).all()
    assert made.weight[0][CELLS - 1, CELLS - 1] == 1


def test_the_rest_of_a_plate_is_not_ground() -> None:
    """Cells on a plate's ends neither answer for it nor count as ground."""
    made = truth([Scene(_BLANK, (_QUAD,), ())])
    row = int(75 // CELL_PX)
    assert made.yes[0][row, 48 // CELL_PX] == 0
    assert made.weight[0][row, 48 // CELL_PX] == 0
