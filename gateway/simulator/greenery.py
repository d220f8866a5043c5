# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Trees of the simulated town, and the wind in them."""

import cv2
import numpy as np

from gateway.simulator import paint
from gateway.simulator.paint import Colour, Point, Sprite, mix

_DARK: Colour = (32, 56, 34)
_BRIGHT: Colour = (128, 156, 76)


def crown(
    rng: np.random.Generator,
    centre: Point,
    size: Point,
    scale_px: float,
    fruit: Colour | None = None,
) -> Sprite:
    """Return a crown of leaves around a point; `size` in pixels, `scale_px`: one metre there."""
    width, height = round(size[0]), round(size[1])
    leaves = paint.canvas(width, height, (52, 84, 46))
    mask = np.zeros((height, width, 3), np.uint8)
    for _ in range(950):
        angle, reach = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random())
        at = (
            width / 2 + 0.44 * width * reach * np.cos(angle),
            height / 2 + 0.42 * height * reach * np.sin(angle),
        )
        light = float(np.clip(1.05 - at[1] / height + rng.normal(0, 0.14), 0, 1))
        radius = float(rng.uniform(0.10, 0.26) * scale_px)
        paint.disc(leaves, at, radius, mix(_DARK, _BRIGHT, light))
        paint.disc(mask, at, radius, (255, 255, 255))
        if fruit is not None and rng.random() < _FRUIT_SHARE:
            paint.disc(leaves, at, 0.07 * scale_px, fruit)
    share = cv2.GaussianBlur(mask[..., 0], (0, 0), 0.8).astype(np.float32) / np.float32(255)
    return Sprite(leaves, share, round(centre[0] - width / 2), round(centre[1] - height / 2))


_FRUIT_SHARE = 0.05


def swayed(tree: Sprite, turn: float, number: int) -> Sprite:
    """Return a crown as the wind holds it at a share (0..1) of the loop."""
    height, width = tree.mask.shape
    swing = np.sin(2 * np.pi * (3 * turn + number / 3)) + 0.5 * np.sin(2 * np.pi * 7 * turn)
    amount = width * 0.007 * float(swing)
    matrix = np.array([[1, -2 * amount / height, amount], [0, 1, 0.25 * amount]], np.float32)
    size = (width, height)
    mask = cv2.warpAffine(tree.mask, matrix, size).astype(np.float32)
    leaves = cv2.warpAffine(tree.picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return Sprite(leaves.astype(np.uint8), mask, tree.left, tree.top)
