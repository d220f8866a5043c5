# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A part of a decoded picture in colour. Runs in a child."""

from dataclasses import dataclass

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from gateway.codec.decode import rows

_PLAIN = ("yuv420p", "yuvj420p")
Colour = NDArray[np.uint8]
"""Shape (height, width, 3), uint8: blue, green, red."""


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of a picture in pixels, all four even."""

    left: int
    top: int
    right: int
    bottom: int


def part_of(frame: VideoFrame, box: tuple[float, float, float, float]) -> Part:
    """Return the even rectangle around a box (left, top, right, bottom, in fractions)."""
    width, height = frame.width & ~1, frame.height & ~1
    left, top = int(box[0] * width) & ~1, int(box[1] * height) & ~1
    right, bottom = int(box[2] * width + 1.999) & ~1, int(box[3] * height + 1.999) & ~1
    return Part(left, top, max(left + 2, min(right, width)), max(top + 2, min(bottom, height)))


def colour(frame: VideoFrame, part: Part) -> Colour:
    """Return a part of a picture, a new array; BT.601, as nearly all cameras code it.

    Cheaper than converting the whole picture and cutting: a lane is often a third of it.
    """
    if frame.format.name not in _PLAIN:
        frame = frame.reformat(format="yuv420p")
    high, wide = part.bottom - part.top, part.right - part.left
    planar: NDArray[np.uint8] = np.empty((high * 3 // 2, wide), np.uint8)
    planar[:high] = rows(frame.planes[0])[part.top : part.bottom, part.left : part.right]
    half = planar[high:].reshape(2, high // 2, wide // 2)
    for number in (0, 1):
        plane = rows(frame.planes[number + 1])
        half[number] = plane[part.top // 2 : part.bottom // 2, part.left // 2 : part.right // 2]
    made = cv2.cvtColor(planar, cv2.COLOR_YUV2BGR_I420).astype(np.uint8, copy=False)
    planar.fill(0)
    return made
