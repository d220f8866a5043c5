# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Privacy masks: what lies in the polygon is replaced before anything is coded again."""

from collections.abc import Sequence

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from gateway.codec.decode import rows
from gateway.codec.protocol import Polygon

FILL = (16, 128, 128)
"""Y, U, V of what covers a mask: black."""
_FRACTION_BITS = 4


def raster(
    polygons: Sequence[Polygon], width_px: int, height_px: int, margin_px: int = 0
) -> NDArray[np.uint8]:
    """Return shape (height, width), uint8, 255 inside any of the polygons, else 0.

    Every pixel that a polygon touches is inside; `margin_px` widens it further.
    """
    grid: NDArray[np.uint8] = np.zeros((height_px, width_px), np.uint8)
    scale = np.array([width_px, height_px], np.float64) * (1 << _FRACTION_BITS)
    half = 1 << (_FRACTION_BITS - 1)
    for polygon in polygons:
        corners = np.rint(np.array(polygon, np.float64) * scale - half).astype(np.int32)
        cv2.fillPoly(grid, [corners], 255, shift=_FRACTION_BITS)
    if margin_px:
        kernel = np.ones((2 * margin_px + 1, 2 * margin_px + 1), np.uint8)
        grid = cv2.dilate(grid, kernel).astype(np.uint8, copy=False)
    return grid


class Masker:
    """Burns polygons into pictures; the rasters are kept for the last picture size."""

    def __init__(self, polygons: Sequence[Polygon]) -> None:
        """`polygons` in fractions of the picture."""
        self._polygons = polygons
        self._size = (0, 0)
        self._inside: tuple[NDArray[np.bool_], ...] = ()

    def burn(self, frame: VideoFrame) -> VideoFrame:
        """Return a yuv420p copy in which all three planes are filled inside the polygons.

        The given frame stays as it is: the decoder may still need it as a reference.
        """
        if (frame.width, frame.height) != self._size:
            self._fit(frame.width, frame.height)
        even = frame.reformat(format="yuv420p") if frame.format.name != "yuv420p" else frame
        copy = VideoFrame(frame.width, frame.height, "yuv420p")
        copy.colorspace, copy.color_range = even.colorspace, even.color_range
        for source, target, inside, fill in zip(
            even.planes, copy.planes, self._inside, FILL, strict=True
        ):
            height, width = inside.shape
            into = rows(target)[:height, :width]
            into[:] = rows(source)[:height, :width]
            into[inside] = fill
        return copy

    def _fit(self, width_px: int, height_px: int) -> None:
        """Rasterise for one picture size; a chroma pixel is inside if any of its four is."""
        whole = raster(self._polygons, width_px, height_px, margin_px=1)
        padded = np.pad(whole, ((0, height_px % 2), (0, width_px % 2)))
        high, wide = padded.shape
        chroma = padded.reshape(high // 2, 2, wide // 2, 2).max(axis=(1, 3)) > 0
        self._inside = (whole > 0, chroma, chroma)
        self._size = (width_px, height_px)
