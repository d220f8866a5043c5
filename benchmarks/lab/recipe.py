# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The usual recipe, from its public description: Frigate's.

One ffmpeg per camera decodes everything, keeps five pictures a second, scales them and writes raw
video into a pipe; each picture's luma is made 100 rows high, its contrast is stretched, it is
blurred and compared with a running average; what differs by more than 30 levels and is larger than
ten cells moves. Nothing is copied; where the description leaves something open, the cheaper way.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FPS = 5
ROWS = 100
THRESHOLD = 30
LEAST_CELLS = 10
ALPHA = 0.01
"""Weight of a picture in the average; 0.2 for the first ones."""
_FIRST = 30
_LIGHTNING = 0.8
_STRETCH = (4, 96)
"""Percentiles between which the contrast is stretched."""
_STRETCHED = 50
"""Pictures over which they are averaged."""


def command(url: str, size_px: tuple[int, int]) -> list[str]:
    """Return what decodes one camera into raw video on standard output."""
    return [
        "ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1",
        "-rtsp_transport", "tcp", "-timeout", "10000000", "-i", url, "-an",
        "-vf", f"fps={FPS},scale={size_px[0]}:{size_px[1]}", "-threads", "1",
        "-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:1",
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Region:
    """Something that moves, in cells of the small picture."""

    left: int
    top: int
    width: int
    height: int


class RecipeMotion:
    """One camera's running average."""

    def __init__(self) -> None:
        self._average: NDArray[np.float32] | None = None
        self._pictures = 0
        self._ends: deque[NDArray[np.float64]] = deque(maxlen=_STRETCHED)
        self.mask: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
        """255 where the last picture differed, 100 rows high."""

    def step(self, luma: NDArray[np.uint8]) -> Sequence[Region]:
        """Return what moves in a luma plane, shape (h, w), uint8."""
        columns = round(luma.shape[1] * ROWS / luma.shape[0])
        small = cv2.resize(luma, (columns, ROWS), interpolation=cv2.INTER_LINEAR)
        self._ends.append(np.percentile(small, _STRETCH))
        least, most = (float(one) for one in np.mean(self._ends, axis=0))
        if most > least:
            gain = 255.0 / (most - least)
            small = cv2.convertScaleAbs(np.maximum(small, least) - least, alpha=gain)
        soft = np.asarray(cv2.GaussianBlur(small, (3, 3), 1), np.float32)
        if self._average is None:
            self._average = soft.copy()
        self._pictures += 1
        difference = cv2.absdiff(soft, self._average)
        far = cv2.threshold(difference, THRESHOLD, 255, cv2.THRESH_BINARY)[1]
        mask = np.asarray(cv2.dilate(far.astype(np.uint8), None), np.uint8)  # type: ignore[call-overload]
        self.mask = mask
        alpha = 0.2 if self._pictures < _FIRST else ALPHA
        cv2.accumulateWeighted(soft, self._average, alpha)
        if cv2.countNonZero(mask) > _LIGHTNING * mask.size:
            return ()
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        large = [one for one in outlines if cv2.contourArea(one) > LEAST_CELLS]
        return tuple(Region(*map(int, cv2.boundingRect(one))) for one in large)
