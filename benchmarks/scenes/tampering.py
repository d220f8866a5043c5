# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What is done to a camera: covered, put out of focus, turned away, blinded."""

from collections.abc import Sequence
from math import floor

import cv2
import numpy as np

from benchmarks.scenes.canvas import Canvas, plane
from benchmarks.scenes.spec import Tamper, Tampering
from benchmarks.scenes.weather import ramp, shift

_SETS_IN_S = {
    Tamper.COVERED: 0.8,
    Tamper.DEFOCUSED: 1.0,
    Tamper.MOVED: 1.2,
    Tamper.DARK: 0.4,
    Tamper.FROZEN: 0.0,
}
_BLUR = 0.0065
"""Of the picture's width, when it is wholly out of focus."""
_TURN = 0.42
"""Of the picture's width, by which it is turned away."""


def frozen(tamperings: Sequence[Tampering], number: int, fps: int) -> int:
    """Return which picture is shown instead of a number: the same while it is frozen."""
    for one in tamperings:
        if one.kind is Tamper.FROZEN and one.begin_s <= number / fps < one.end_s:
            return floor(one.begin_s * fps)
    return number


def tamper(canvas: Canvas, tamperings: Sequence[Tampering], second: float) -> None:
    """Do to a picture what is done at a second of the clip."""
    for one in tamperings:
        share = ramp(second, one.begin_s, one.begin_s + _SETS_IN_S[one.kind])
        if second < one.begin_s or second >= one.end_s or share <= 0:
            continue
        width = canvas.size_px[0]
        if one.kind is Tamper.MOVED:
            shift(canvas, -_TURN * width * share, 0.08 * width * share)
        elif one.kind is Tamper.DEFOCUSED:
            sigma = max(0.3, _BLUR * width * share)
            canvas.luma = plane(cv2.GaussianBlur(canvas.luma, (0, 0), sigma))
        elif one.kind is Tamper.DARK:
            gain = 1 - 0.97 * share
            canvas.luma = plane(cv2.convertScaleAbs(canvas.luma, alpha=gain, beta=16 * (1 - gain)))
            canvas.grey()
        elif one.kind is Tamper.COVERED:
            _cover(canvas, share)


def _cover(canvas: Canvas, share: float) -> None:
    """Pull a dark cloth down before the lens."""
    width, height = canvas.size_px
    rows = round(height * share) & ~1
    rng = np.random.default_rng(71)
    folds = rng.uniform(30, 52, (5, 9)).astype(np.float32)
    cloth = cv2.resize(folds, (width, height), interpolation=cv2.INTER_CUBIC)
    canvas.luma[:rows] = np.clip(cloth[height - rows :], 16, 235).astype(np.uint8)
    for chroma in (canvas.blue, canvas.red):
        chroma[: rows // 2] = 128
