# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A part of a picture has the colours that the whole picture has there."""

import numpy as np
import pytest
from av.video.frame import VideoFrame

from gateway.codec.colour import Part, colour, part_of


def painted(form: str = "yuv420p", size: tuple[int, int] = (130, 98)) -> VideoFrame:
    """Return red above, green below left, blue below right."""
    wide, high = size
    pixels = np.zeros((high, wide, 3), np.uint8)
    pixels[: high // 2] = (20, 30, 220)
    pixels[high // 2 :, : wide // 2] = (30, 200, 40)
    pixels[high // 2 :, wide // 2 :] = (210, 40, 30)
    return VideoFrame.from_ndarray(pixels, "bgr24").reformat(format=form)


@pytest.mark.parametrize("form", ["yuv420p", "yuvj420p", "yuv422p", "yuv420p10le"])
def test_a_part_has_its_colours(form: str) -> None:
    """Blue, green, red, in the formats that cameras send."""
    frame = painted(form)
    part = part_of(frame, (0.6, 0.6, 0.95, 0.95))
    pixels = colour(frame, part)
    assert pixels.shape == (part.bottom - part.top, part.right - part.left, 3)
    blue, green, red = pixels.reshape(-1, 3).mean(axis=0)
    assert blue > 180
    assert max(green, red) < 80
    top = colour(frame, Part(0, 0, 128, 40)).reshape(-1, 3).mean(axis=0)
    assert top[2] > 180
    assert max(top[0], top[1]) < 80


def test_parts_are_even_and_inside() -> None:
    """Whatever the box, also of a picture with an odd last row."""
    frame = painted(size=(131, 99))
    for box in ((0.0, 0.0, 1.0, 1.0), (0.99, 0.99, 1.0, 1.0), (0.3, 0.31, 0.3, 0.31)):
        part = part_of(frame, box)
        assert all(value % 2 == 0 for value in (part.left, part.top, part.right, part.bottom))
        assert 0 <= part.left < part.right <= 130
        assert 0 <= part.top < part.bottom <= 98
        assert colour(frame, part).size
