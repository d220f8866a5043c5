# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A whole picture against what the camera usually shows. Runs in a child.

Edges are compared by contrast, not by level, so that light and cloud change little; what is left
of them by chance in a noisy picture is taken off. The reference follows the evening, not a hand.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.model.alarm import Condition

EVERY_90K = 90_000
"""Pictures closer together than this (1 s) are not compared."""
_SIZE = (320, 180)
"""Width and height in which pictures are compared."""
_HALF = (160, 90)
_NOISE_MOST = 512
"""Side of the middle part on which noise is measured."""
_EDGE = 0.22
"""Contrast of an edge: gradient against local light."""
_FLOOR = 24.0
"""Levels that are added to the local light, so that the dark has no edges of noise."""
_LEAST_EDGES = 120
"""Fewer elements of the reference say nothing."""
_FOLLOWS = 0.5
"""With as many edges left the reference goes on learning."""
_LEARN_90K = 60 * 90_000
"""Time constant of the reference."""
_ADOPT_90K = 1800 * 90_000
"""A view that stays other for so long is the view."""
_PEAK = 0.06
"""Phase correlation below which two pictures are not of one view."""
_FULL_NOISE = 12.0
"""Noise, in levels, of a sensor at its highest gain."""
_CROSS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""Immerkær, Fast Noise Variance Estimation (1996): answers to noise, hardly to structure."""
_CROSS_NORM = 6.0 * math.sqrt(2 / math.pi)
"""Mean absolute answer of the kernel to noise of one level (Immerkær, eq. 4)."""
_STRUCTURE = 4.0
"""Answers of more than so many medians are structure, not noise."""

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Reference:
    """What one camera usually shows."""

    def __init__(self) -> None:
        self._edges: Floats | None = None
        """Share of the time in which each element was an edge; shape _SIZE, float32, 0..1."""
        self._contour: Floats | None = None
        """Mean contrast, shape _HALF, float32."""
        self._energy = 0.0
        self._last: Floats | None = None
        self._last_90k = 0
        self._foreign_90k: int | None = None
        """Since when the view is another one."""

    def is_due(self, pts_90k: int) -> bool:
        """Return whether a picture is far enough from the one before to be compared."""
        return self._last is None or abs(pts_90k - self._last_90k) >= EVERY_90K

    def compare(self, luma: Grey, pts_90k: int) -> Condition:
        """Return the condition of a picture, and learn from it.

        `luma`: shape (height, width), uint8, any size from 16 elements a side.
        """
        small = np.asarray(cv2.resize(luma, _SIZE, interpolation=cv2.INTER_AREA), np.float32)
        noise = _noise(luma)
        contour = _contrast(small)
        present = (contour > _EDGE).astype(np.uint8)
        step_90k = abs(pts_90k - self._last_90k) if self._last is not None else 0
        change = 255.0 if self._last is None else float(np.mean(np.abs(small - self._last)))
        self._last, self._last_90k = small, pts_90k
        energy = float(np.mean(np.square(contour)))
        edges, shift = self._against(present, contour)
        sharpness = min(energy / self._energy, 4.0) if self._energy > 0 else 1.0
        self._learn(present, contour, energy, edges, step_90k, pts_90k)
        light = float(np.mean(small))
        gain = min(noise / _FULL_NOISE, 1.0) * (1.0 - light / 255.0)
        contrast = float(np.std(small))
        return Condition(edges, light, noise, gain, sharpness, contrast, shift, change)

    def _against(self, present: Grey, contour: Floats) -> tuple[float, float]:
        """Return the share of edges that are left, less chance, and how far the view moved."""
        if self._edges is None or self._contour is None:
            return 1.0, 0.0
        wanted = self._edges > 0.5  # noqa: PLR2004 - an edge most of the time
        count = int(np.count_nonzero(wanted))
        if count < _LEAST_EDGES:
            return 1.0, 0.0
        near = cv2.dilate(present, np.ones((3, 3), np.uint8))
        by_chance = float(np.mean(near))
        left = float(np.count_nonzero(near[wanted])) / count
        share = max(0.0, (left - by_chance) / max(1.0 - by_chance, 1e-3))
        return min(share, 1.0), _moved(self._contour, contour)

    def _learn(
        self,
        present: Grey,
        contour: Floats,
        energy: float,
        edges: float,
        step_90k: int,
        at_90k: int,
    ) -> None:
        """Follow slow changes; take over another view only after a long time."""
        half = _halved(contour)
        floats = present.astype(np.float32)
        if self._edges is None or self._contour is None or self._is_adopted(edges, at_90k):
            self._edges, self._contour, self._energy = floats, half, energy
            self._foreign_90k = None
            return
        if edges < _FOLLOWS:
            return
        rate = min(max(step_90k / _LEARN_90K, 0.0), 0.5)
        self._edges += rate * (floats - self._edges)
        self._contour += rate * (half - self._contour)
        self._energy += rate * (energy - self._energy)

    def _is_adopted(self, edges: float, at_90k: int) -> bool:
        if edges >= _FOLLOWS:
            self._foreign_90k = None
            return False
        if self._foreign_90k is None or at_90k < self._foreign_90k:
            self._foreign_90k = at_90k
        return at_90k - self._foreign_90k >= _ADOPT_90K


def _moved(usual: Floats, contour: Floats) -> float:
    """Return how far the view moved, in widths; 1 if it is no longer recognised."""
    window = cv2.createHanningWindow(_HALF, cv2.CV_32F)
    (x, y), peak = cv2.phaseCorrelate(usual, _halved(contour), window)
    return 1.0 if peak < _PEAK else min(math.hypot(x, y) / _HALF[0], 1.0)


def _halved(contour: Floats) -> Floats:
    return np.asarray(cv2.resize(contour, _HALF, interpolation=cv2.INTER_AREA), np.float32)


def _contrast(small: Floats) -> Floats:
    """Return the gradient against local light: shape as given, float32, 0 and more."""
    smooth = cv2.GaussianBlur(small, (5, 5), 0)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3)
    light = cv2.blur(smooth, (15, 15)) + _FLOOR
    return np.asarray(cv2.magnitude(across, down) / light, dtype=np.float32)


def _noise(luma: Grey) -> float:
    """Return the standard deviation of the noise in the middle of a picture, in levels."""
    height, width = luma.shape
    top, left = max(0, (height - _NOISE_MOST) // 2), max(0, (width - _NOISE_MOST) // 2)
    middle = luma[top : top + _NOISE_MOST, left : left + _NOISE_MOST].astype(np.float32)
    answer = np.abs(cv2.filter2D(middle, cv2.CV_32F, _CROSS))
    most = _STRUCTURE * float(np.median(answer)) + 1.0
    return float(np.mean(np.minimum(answer, most))) / _CROSS_NORM
