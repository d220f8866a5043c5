# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Where plates are in a picture: four corners each, from our finder or from a user's own."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.analytics.plates.models import Finder, Form, Models, Tensor

Picture = NDArray[np.uint8]
"""(H, W, 3) BGR or (H, W) gray."""
Corners = NDArray[np.float32]
"""(..., 4, 2) float32, px of the picture: top left, top right, bottom right, bottom left."""

MOST_FOUND = 8
OVERLAP = 0.4
"""Of two that share more than this (IoU), the surer one stays."""
EDGE_SHARE = 0.02
"""A plate that comes nearer to the picture's edge than this share of its width may be cut by it."""
LEAST_PX = 5
"""A lower plate cannot be read by anybody."""
_STRIDE = 8
_PAD = 16
_GRAY = 114.0
_CENTRE, _SPREAD = 0.45, 0.25


@dataclass(frozen=True, slots=True)
class Found:
    """A plate in a picture."""

    quad: Corners
    """(4, 2) float32 px."""
    score: float
    """0..1, as the finder says."""
    cut: bool = False
    """The picture's edge may cut it: what is read is never certain."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom in px."""
        (left, top), (right, bottom) = self.quad.min(0), self.quad.max(0)
        return float(left), float(top), float(right), float(bottom)

    @property
    def height_px(self) -> float:
        """Return the mean length of its left and right side."""
        sides = np.linalg.norm(self.quad[[0, 1]] - self.quad[[3, 2]], axis=1)
        return float(sides.mean())


def boxed(box: tuple[float, float, float, float], score: float = 1.0) -> Found:
    """Return left, top, right, bottom in px as something found."""
    left, top, right, bottom = box
    quad = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    return Found(quad, score)


def find(models: Models, picture: Picture) -> tuple[Found, ...]:
    """Return the plates of a uint8 picture, the surest first; none in a picture without pixels."""
    if picture.ndim not in (2, 3) or min(picture.shape[:2]) < LEAST_PX:
        return ()
    colour = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if picture.ndim == 2 else picture  # noqa: PLR2004
    tensor, scale = _tensor(models.finder, np.asarray(colour, np.uint8))
    output = models.finder.net.run(tensor)[0]
    quads, scores = _decoded(models.finder, output)
    high, wide = colour.shape[:2]
    kept = _surest(quads / scale, scores)
    found = (_found(quad, score, (wide, high)) for quad, score in kept)
    return tuple(one for one in found if one is not None)[:MOST_FOUND]


def _tensor(finder: Finder, picture: NDArray[np.uint8]) -> tuple[Tensor, float]:
    """Return the net's input (1, 3, H, W) and how many of its pixels are one of the picture."""
    high, wide = picture.shape[:2]
    fixed = finder.net.shape[2:]
    scale = finder.long_px / max(high, wide)
    if min(fixed) > 0:
        scale = min(fixed[0] / high, fixed[1] / wide)
    size = max(1, round(wide * scale)), max(1, round(high * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(picture, size, interpolation=way)
    room = fixed if min(fixed) > 0 else tuple(-(-side // _PAD) * _PAD for side in size[::-1])
    canvas = np.full((*room, 3), _GRAY, np.float32)
    canvas[: size[1], : size[0]] = small
    if finder.form in (Form.BOXES, Form.QUADS):
        canvas = (canvas / 255 - _CENTRE) / _SPREAD
    else:
        canvas = canvas[:, :, ::-1] / 255  # YOLO: RGB, 0..1
    return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], np.float32), scale


def _decoded(finder: Finder, output: Tensor) -> tuple[Corners, NDArray[np.float32]]:
    """Return the candidates (N, 4, 2) in px of the input and their scores (N,)."""
    if finder.form in (Form.BOXES, Form.QUADS):
        return _cells(output[0], finder.threshold)
    rows = output[0] if finder.form is Form.CORNERS else output[0].T
    scores = rows[:, 4] if finder.form is Form.CORNERS else rows[:, 4:].max(1)
    rows, scores = rows[scores >= finder.threshold], scores[scores >= finder.threshold]
    if finder.form is Form.CENTRES:
        half = rows[:, 2:4] / 2
        rows = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], 1)
    return rows[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2), scores


def _cells(output: Tensor, threshold: float) -> tuple[Corners, NDArray[np.float32]]:
    """Decode a map (5 or 9, H/8, W/8) of our own finders."""
    scores = 1 / (1 + np.exp(-np.clip(output[0], -30, 30)))
    rows, columns = np.nonzero(scores >= threshold)
    told = output[1:, rows, columns].T
    centre = np.stack([columns, rows], 1) * _STRIDE + _STRIDE / 2
    if len(output) == 5:  # noqa: PLR2004 - a logit and four distances
        away = np.logaddexp(0, told) * _STRIDE
        first, last = centre - away[:, :2], centre + away[:, 2:]
        sides = np.concatenate([first, last], 1)
        quads = sides[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    else:
        quads = centre[:, None] + told.reshape(-1, 4, 2) * _STRIDE
    return quads.astype(np.float32), scores[rows, columns].astype(np.float32)


def _surest(quads: Corners, scores: NDArray[np.float32]) -> list[tuple[Corners, float]]:
    """Return one of each heap of overlapping candidates: their mean, weighted by score."""
    lows, highs = quads.min(1), quads.max(1)
    left = np.argsort(-scores, kind="stable")[: MOST_FOUND * 64]
    kept: list[tuple[Corners, float]] = []
    while len(left) and len(kept) < MOST_FOUND:
        top = left[0]
        share = np.minimum(highs[left], highs[top]) - np.maximum(lows[left], lows[top])
        common = np.prod(np.maximum(share, 0), axis=1)
        areas = np.prod(highs - lows, axis=1)
        overlap = common / np.maximum(areas[left] + areas[top] - common, 1e-6)
        same = left[(overlap > OVERLAP) | (left == top)]
        weight = scores[same] ** 2
        mean = (quads[same] * weight[:, None, None]).sum(0) / max(float(weight.sum()), 1e-9)
        kept.append((mean.astype(np.float32), float(scores[top])))
        left = left[~((overlap > OVERLAP) | (left == top))]
    return kept


def _found(quad: Corners, score: float, size: tuple[int, int]) -> Found | None:
    """Return a candidate as something found, None if nobody could read it."""
    if not np.isfinite(quad).all():
        return None
    low, high = quad.min(0), quad.max(0)
    near = EDGE_SHARE * float(high[0] - low[0]) + 1
    cut = bool((low < near).any() or (high > np.array(size) - 1 - near).any())
    one = Found(quad, score, cut)
    return one if one.height_px >= LEAST_PX and high[0] > 0 and high[1] > 0 else None
