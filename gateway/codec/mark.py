# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A line of text in the picture: who looks, and when it was taken. Runs in a child."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from gateway.codec.decode import rows

_ROME = ZoneInfo("Europe/Rome")  # read before the cage closes
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE, _BLACK = 235, 16
_FAINT = 0.22
"""How strong the line in the middle is: it costs no detail, and cannot be cut off."""
_HEIGHT_SHARE = 1 / 45
_LETTER_PX = 22
"""Height of a capital at scale 1."""


class Marker:
    """Writes one text with the time; the letters are drawn once a second."""

    def __init__(self, text: str) -> None:
        """`text`: ASCII, other characters become question marks."""
        self._text = text.encode("ascii", "replace").decode()
        self._key: tuple[str, int, int] = ("", 0, 0)
        self._ink: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._edge: NDArray[np.float32] = self._ink

    def write(self, frame: VideoFrame, utc_us: int) -> None:
        """Write into a picture's own luma; nobody else may need it as a reference."""
        taken = datetime.fromtimestamp(utc_us // 1_000_000, UTC).astimezone(_ROME)
        line = f"{self._text} {taken:%Y-%m-%d %H:%M:%S}".strip()
        if self._key != (line, frame.width, frame.height):
            self._key = (line, frame.width, frame.height)
            self._draw(line, frame.width, frame.height)
        high, wide = self._ink.shape
        luma = rows(frame.planes[0])[: frame.height, : frame.width]
        for top, share in ((frame.height - high, 1.0), ((frame.height - high) // 2, _FAINT)):
            place = luma[top : top + high, :wide]
            below = place.astype(np.float32)
            drawn = below + (_BLACK - below) * (self._edge * share)
            place[:] = (drawn + (_WHITE - drawn) * (self._ink * share)).astype(np.uint8)

    def _draw(self, line: str, width_px: int, height_px: int) -> None:
        """Draw the letters and the edge around them, as shares of 0..1."""
        scale = max(0.3, height_px * _HEIGHT_SHARE / _LETTER_PX)
        (wide, _), _ = cv2.getTextSize(line, _FONT, scale, 1)
        scale *= min(1.0, (width_px - 8) / max(1, wide))
        (wide, tall), below = cv2.getTextSize(line, _FONT, scale, 1)
        shape = (min(height_px, tall + below + 6), min(width_px, wide + 8))
        ink, edge = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        at = (4, tall + 2)
        cv2.putText(edge, line, at, _FONT, scale, 255, 3, cv2.LINE_AA)
        cv2.putText(ink, line, at, _FONT, scale, 255, 1, cv2.LINE_AA)
        self._ink, self._edge = (one.astype(np.float32) / np.float32(255) for one in (ink, edge))
