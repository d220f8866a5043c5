# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which guarded polygons something moves in. Runs in a child."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.codec.mask import raster
from gateway.codec.protocol import Polygon

LEAST_SHARE = 0.002
"""Share of a zone that must move; a person far away covers about this of a large zone."""
LEAST_CELLS = 12
"""And at least so many cells of the motion grid, whatever the size of the zone."""


class ZoneGrid:
    """Polygons on the motion model's grid."""

    def __init__(self, polygons: Sequence[Polygon], shape: tuple[int, int]) -> None:
        """`shape`: (rows, columns) of the grid on which motion is judged."""
        rows, columns = shape
        self.shape = shape
        self._inside = [raster([polygon], columns, rows) for polygon in polygons]
        self._least = [
            max(LEAST_CELLS, round(LEAST_SHARE * cv2.countNonZero(inside)))
            for inside in self._inside
        ]

    def occupied(self, moving: NDArray[np.uint8]) -> tuple[int, ...]:
        """Return the positions of the polygons in which enough moves.

        `moving`: shape as given, uint8, non-zero where something moves.
        """
        return tuple(
            position
            for position, (inside, least) in enumerate(zip(self._inside, self._least, strict=True))
            if cv2.countNonZero(cv2.bitwise_and(moving, inside)) >= least
        )
