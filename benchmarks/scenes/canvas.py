# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A picture as encoders take it: luma and halved chroma, limited range."""

from dataclasses import dataclass

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.simulator.paint import Picture, Sprite

Plane = NDArray[np.uint8]
"""Shape (height, width), uint8, 16..235 where it is luma."""
_GREY = 128


@dataclass(slots=True)
class Canvas:
    """One picture that is being composed; its sides are even."""

    luma: Plane
    blue: Plane
    """Cb, half as wide and high."""
    red: Plane
    """Cr."""

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        return self.luma.shape[1], self.luma.shape[0]

    def copy(self) -> "Canvas":
        """Return a canvas with planes of its own."""
        return Canvas(self.luma.copy(), self.blue.copy(), self.red.copy())

    def grey(self) -> None:
        """Take the colours away."""
        self.blue.fill(_GREY)
        self.red.fill(_GREY)

    def scaled(self, size_px: tuple[int, int]) -> "Canvas":
        """Return the picture in another size; smaller by areas, larger smoothly."""
        if size_px == self.size_px:
            return self
        smaller = size_px[0] < self.size_px[0]
        way = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        half = size_px[0] // 2, size_px[1] // 2
        return Canvas(
            plane(cv2.resize(self.luma, size_px, interpolation=way)),
            plane(cv2.resize(self.blue, half, interpolation=way)),
            plane(cv2.resize(self.red, half, interpolation=way)),
        )

    def frame(self) -> av.VideoFrame:
        """Return what an encoder takes."""
        stacked = np.concatenate([one.reshape(-1) for one in (self.luma, self.blue, self.red)])
        width, height = self.size_px
        return av.VideoFrame.from_ndarray(stacked.reshape(height * 3 // 2, width), "yuv420p")

    def rgb(self) -> Picture:
        """Return it as people look at it, uint8, shape (height, width, 3)."""
        width, height = self.size_px
        stacked = np.concatenate([one.reshape(-1) for one in (self.luma, self.blue, self.red)])
        tall = stacked.reshape(height * 3 // 2, width)
        return plane(cv2.cvtColor(tall, cv2.COLOR_YUV2RGB_I420))


def plane(array: "cv2.typing.MatLike") -> Plane:
    """Return what cv2 answered as what it is."""
    return np.asarray(array, np.uint8)


def from_rgb(picture: Picture) -> Canvas:
    """Return an RGB picture (even sides) as a canvas."""
    height, width = picture.shape[0] & ~1, picture.shape[1] & ~1
    tall = plane(cv2.cvtColor(picture[:height, :width], cv2.COLOR_RGB2YUV_I420))
    quarter = width * height // 4
    rest = tall[height:].reshape(-1)
    shape = (height // 2, width // 2)
    return Canvas(
        tall[:height].copy(),
        rest[:quarter].reshape(shape).copy(),
        rest[quarter:].reshape(shape).copy(),
    )


@dataclass(frozen=True, slots=True)
class Cutout:
    """A thing to be laid on canvases, with even corners."""

    canvas: Canvas
    share: NDArray[np.uint8]
    """Shape of its luma, 255 where it is solid."""
    left: int
    top: int

    @classmethod
    def of(cls, sprite: Sprite) -> "Cutout":
        """Return a sprite, padded to even corners and sides."""
        height, width = sprite.mask.shape
        left, top = sprite.left & ~1, sprite.top & ~1
        before = (sprite.top - top, sprite.left - left)
        after = ((height + before[0]) % 2, (width + before[1]) % 2)
        around = ((before[0], after[0]), (before[1], after[1]))
        picture = np.pad(sprite.picture, (*around, (0, 0)), mode="edge")
        share = np.pad(np.round(sprite.mask * 255).astype(np.uint8), around)
        return cls(from_rgb(picture), share, left, top)

    def box_px(self) -> tuple[int, int, int, int] | None:
        """Return left, top, right, bottom of what is solid; None if nothing is."""
        solid = self.share > 127
        rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
        if not rows.size:
            return None
        return (
            self.left + int(columns[0]),
            self.top + int(rows[0]),
            self.left + int(columns[-1]) + 1,
            self.top + int(rows[-1]) + 1,
        )


def lay(canvas: Canvas, cutout: Cutout) -> None:
    """Lay a thing over a canvas; what lies outside is cut off."""
    width, height = canvas.size_px
    rows, columns = cutout.share.shape
    x0, y0 = max(0, cutout.left), max(0, cutout.top)
    x1, y1 = min(width, cutout.left + columns), min(height, cutout.top + rows)
    if x1 <= x0 or y1 <= y0:
        return
    inner = (slice(y0 - cutout.top, y1 - cutout.top), slice(x0 - cutout.left, x1 - cutout.left))
    outer = (slice(y0, y1), slice(x0, x1))
    share = cutout.share[inner]
    mixed(canvas.luma[outer], cutout.canvas.luma[inner], share)
    halved = share[::2, ::2]
    for below, above in ((canvas.blue, cutout.canvas.blue), (canvas.red, cutout.canvas.red)):
        mixed(below[_half(outer)], above[_half(inner)], halved)


def mixed(below: Plane, above: Plane, share: NDArray[np.uint8]) -> None:
    """Mix `above` into `below`, in place, as far as `share` (255: wholly) says."""
    weight = share.astype(np.float32) * np.float32(1 / 255)
    below[:] = (below + (above.astype(np.float32) - below) * weight + 0.5).astype(np.uint8)


def _half(where: tuple[slice, slice]) -> tuple[slice, slice]:
    rows, columns = where
    return slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)
