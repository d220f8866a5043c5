# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a key picture is against its reference: what tamper is decided from. Runs in a child.

The reference is how often each cell is an edge, learnt over minutes: what is always an edge belongs
to the scene, whatever the light. Covering or defocusing a lens kills edges, turning it moves them;
clouds, rain and the infrared switch leave most of them.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.analytics.motion import Grid, shrink
from gateway.model.alarm import Condition

_EDGE = 40
"""Sobel response, in levels, of an edge."""
_ALWAYS = 0.6
"""Share of the key pictures in which a cell of the scene's own edges is one."""
_LEARN_S = 600.0
_FIRST = 8
"""So many key pictures are averaged before the reference forgets slowly."""
_LEAST_EDGES = 50
"""Cells; with fewer the scene has no edges, and none can be missing."""
_NEAR = np.ones((3, 3), np.uint8)
_FINE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""Blind to light and to straight edges (Immerkaer 1996); its response to noise is six times it."""
_CROP = 320
_MOST_STEP = 8


class Reference:
    """What one camera usually shows. Feed key pictures in order of time."""

    def __init__(self) -> None:
        self._often = np.zeros((0, 0), np.float32)
        """Share of the pictures in which each cell is an edge."""
        self._usual = np.zeros((0, 0), np.float32)
        """Mean picture, for the shift."""
        self._energy = 0.0
        self._pictures = 0
        self._before: Grid = np.zeros((0, 0), np.uint8)

    def compare(self, luma: NDArray[np.uint8], elapsed_s: float) -> Condition:
        """Return how a key picture's luma plane, shape (h, w), uint8, is, and learn from it.

        `elapsed_s`: since the key picture before.
        """
        small = shrink(luma)
        edges, energy = _edges(small)
        if self._often.shape != small.shape:
            self._often, self._usual = np.zeros(small.shape, np.float32), small.astype(np.float32)
            self._energy, self._pictures = energy, 0
        sample = np.ascontiguousarray(luma[::4, ::4])
        noise, mean = _noise(luma), float(small.mean())
        condition = Condition(
            edges=self._survival(edges),
            luma=mean,
            noise=noise,
            gain=min(max((noise - 1.5) / 8, 0.0), 1.0) * min(max((140 - mean) / 110, 0.0), 1.0),
            sharpness=min(energy / self._energy, 10.0) if self._energy > 0 else 1.0,
            contrast=float(small.std()),
            shift=self._shift(small),
            change=self._change(sample),
        )
        self._before = sample
        self._learn(small, edges, energy, elapsed_s)
        return condition

    def _survival(self, edges: Grid) -> float:
        """Return the share of the scene's own edges that are there, give or take a cell."""
        own = self._often > _ALWAYS
        count = int(np.count_nonzero(own))
        if self._pictures < 2 or count < _LEAST_EDGES:  # noqa: PLR2004 - one picture says nothing
            return 1.0
        there = cv2.dilate(edges, _NEAR)
        return float(np.count_nonzero(there[own])) / count

    def _shift(self, small: Grid) -> float:
        """Return by how much the picture moved, in its widths; 0 if that cannot be told."""
        if self._pictures < 1:
            return 0.0
        here = small[::2, ::2].astype(np.float32)
        window = cv2.createHanningWindow((here.shape[1], here.shape[0]), cv2.CV_32F)
        (x, y), response = cv2.phaseCorrelate(
            np.ascontiguousarray(self._usual[::2, ::2]), here, window
        )
        far = math.hypot(x, y) / here.shape[1]
        return min(far, 1.0) if response > _SURE and math.isfinite(far) else 0.0

    def _change(self, sample: Grid) -> float:
        if self._before.shape != sample.shape:
            return 1.0
        return float(cv2.absdiff(self._before, sample).mean())

    def _learn(self, small: Grid, edges: Grid, energy: float, elapsed_s: float) -> None:
        """Follow slowly, whatever it is: what stays for long is the scene now."""
        self._pictures += 1
        alpha = max(1 / self._pictures if self._pictures <= _FIRST else 0.0, 0.0)
        alpha = max(alpha, min(max(elapsed_s, 0.0), _MOST_STEP) / _LEARN_S)
        self._often += np.float32(alpha) * ((edges > 0) - self._often)
        self._usual += np.float32(alpha) * (small - self._usual)
        self._energy += alpha * (energy - self._energy)


_SURE = 0.1
"""Least peak of the correlation that is believed."""


def _edges(small: Grid) -> tuple[Grid, float]:
    """Return 255 where there is an edge, and the mean gradient in levels."""
    across = cv2.Sobel(small, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(small, cv2.CV_32F, 0, 1)
    strength = cv2.magnitude(across, down)
    edges = cv2.compare(strength, _EDGE, cv2.CMP_GT).astype(np.uint8, copy=False)
    return edges, float(strength.mean())


def _noise(luma: NDArray[np.uint8]) -> float:
    """Return the standard deviation of the noise in the middle of a picture, in levels."""
    height, width = luma.shape
    top, left = max(0, (height - _CROP) // 2), max(0, (width - _CROP) // 2)
    middle = luma[top : top + _CROP, left : left + _CROP].astype(np.float32)
    fine = cv2.filter2D(middle, cv2.CV_32F, _FINE)[1:-1, 1:-1]
    if fine.size == 0:
        return 0.0
    return float(np.median(np.abs(fine))) / 0.6745 / 6
