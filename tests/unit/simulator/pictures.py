# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Coded units back to pictures, and how much of what moves the truth explains."""

import av
import cv2
import numpy as np

from gateway.simulator.paint import HEIGHT, WIDTH
from gateway.wire.units import unpack_many


def decoded(packed):
    """Return the luma planes of packed units."""
    context = av.CodecContext.create("h264", "r")
    frames = []
    for unit in unpack_many(packed):
        frames += context.decode(av.Packet(unit.coded()))
    return [frame.to_ndarray()[:HEIGHT] for frame in frames + context.decode(None)]


def grey(picture):
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(int)


def box_px(box):
    return (
        round(box.left * WIDTH), round(box.top * HEIGHT),
        round(box.right * WIDTH), round(box.bottom * HEIGHT),
    )  # fmt: skip


def explained(one, other, boxes, level, margin_px):
    """Return the share of the pixels that change by more than a level that boxes cover."""
    changed = np.abs(grey(one) - grey(other)) > level
    changed[:36] = False
    changed[-16:, :256] = False
    total = changed.sum()
    for box in boxes:
        left, top, right, bottom = box_px(box)
        changed[
            max(0, top - margin_px) : bottom + margin_px,
            max(0, left - margin_px) : right + margin_px,
        ] = False
    return 1 - changed.sum() / max(1, total), int(total)
