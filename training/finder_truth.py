# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What each cell of the finder should answer for a painted scene."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.scenes import SIDE_PX, Quad, Scene

Floats = npt.NDArray[np.float32]
CELL_PX = 8
CELLS = SIDE_PX // CELL_PX
_CORE = 0.16
"""A plate's own cells: those nearer to its middle than this share of its box."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What the cells should answer for N scenes; n cells of 8 px per side.

    `yes` (N, n, n): 1 where a plate's middle is. `weight` (N, n, n): how much the answer counts;
    0 around a plate's middle and on what is ignored, less for each cell of a plate with many.
    `corners` (N, 8, n, n): in cells, from the cell's centre. `tall` (N, n, n): plate, in cells.
    """

    yes: Floats
    weight: Floats
    corners: Floats
    tall: Floats


def truth(scenes: Sequence[Scene]) -> Truth:
    """Return what the cells should answer for some scenes."""
    count = len(scenes)
    made = Truth(
        np.zeros((count, CELLS, CELLS), np.float32),
        np.ones((count, CELLS, CELLS), np.float32),
        np.zeros((count, 8, CELLS, CELLS), np.float32),
        np.ones((count, CELLS, CELLS), np.float32),
    )
    for number, scene in enumerate(scenes):
        for quad in scene.ignored:
            made.weight[number][_cells(quad, 0.5, 4.0)] = 0
        for quad in scene.quads:
            made.weight[number][_cells(quad, 0.5, 2.0)] = 0
        for quad in scene.quads:
            _mark(made, number, quad)
    return made


def _cells(quad: Quad, share: float, margin: float) -> tuple[npt.NDArray[np.intp], ...]:
    """Return the rows and columns of cells within a share of a plate's box around its middle."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    middle, size = (low + high) / 2, high - low
    centres = (np.arange(CELLS) + 0.5) * CELL_PX
    columns = np.abs(centres - middle[0]) <= np.maximum(size[0] * share + margin, 4.01)
    rows = np.abs(centres - middle[1]) <= np.maximum(size[1] * share + margin, 4.01)
    return np.ix_(rows, columns)


def _mark(made: Truth, number: int, quad: Quad) -> None:
    """Mark the cells around the middle of a plate as its own."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    wide = max(float(high[0] - low[0]), 1.0)
    core = _cells(quad, _CORE if wide > 3 * CELL_PX else 0.0, 0.0)
    centres = (np.arange(CELLS) + 0.5) * CELL_PX
    across, down = np.meshgrid(centres, centres)
    made.yes[number][core] = 1
    made.weight[number][core] = 1 / np.sqrt(core[0].size * core[1].size)
    sides = np.linalg.norm(quad[[0, 1]] - quad[[3, 2]], axis=1)
    made.tall[number][core] = max(float(sides.mean()) / CELL_PX, 0.6)
    for corner in range(4):
        for axis, centre in enumerate((across, down)):
            plane = made.corners[number, 2 * corner + axis]
            plane[core] = ((quad[corner, axis] - centre) / CELL_PX)[core]
