# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Masks on the planes of a picture."""

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.decode import rows
from gateway.codec.mask import FILL, Masker, raster

SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))


def white(width: int, height: int, form: str = "yuv420p") -> av.VideoFrame:
    """Return a picture in which no sample has the fill's value."""
    frame = av.VideoFrame(width, height, form)
    for plane in frame.planes:
        np.frombuffer(plane, np.uint8)[:] = 200
    return frame


@pytest.mark.parametrize("size", [(64, 64), (65, 63), (50, 31)])
@pytest.mark.parametrize("form", ["yuv420p", "yuv444p"])
def test_all_three_planes_are_filled(size: tuple[int, int], form: str) -> None:
    """Inside the polygon luma and chroma have the fill's value; far outside nothing changes."""
    width, height = size
    source = white(width, height, form)
    masked = Masker([SQUARE]).burn(source)
    for plane, fill, step in zip(masked.planes, FILL, (1, 2, 2), strict=True):
        high, wide = -(-height // step), -(-width // step)
        samples = rows(plane)[:high, :wide]
        inside = samples[high // 4 : 3 * high // 4, wide // 4 : 3 * wide // 4]
        assert (inside == fill).all()
        assert (samples[: high // 4 - 2] == 200).all()
        assert (samples[:, 3 * wide // 4 + 3 :] == 200).all()


def test_the_decoder_s_picture_is_untouched() -> None:
    """The source stays as it was: the decoder may need it for the next picture."""
    source = white(64, 64)
    Masker([SQUARE]).burn(source)
    assert all((np.frombuffer(plane, np.uint8) == 200).all() for plane in source.planes)


def test_a_new_picture_size_moves_the_mask() -> None:
    """When the stream changes its size, the polygon follows."""
    masker = Masker([SQUARE])
    masker.burn(white(64, 64))
    luma = rows(masker.burn(white(128, 96)).planes[0])[:96, :128]
    assert (luma[24:72, 32:96] == FILL[0]).all()
    assert (luma[:20] == 200).all()


@given(
    st.lists(
        st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32)), min_size=3, max_size=3
    ),
    st.integers(16, 90),
    st.integers(16, 90),
)
def test_every_pixel_centre_inside_is_covered(
    corners: list[tuple[float, float]], width: int, height: int
) -> None:
    """Whatever the triangle, a pixel whose centre lies in it is masked."""
    grid = raster([corners], width, height, margin_px=1)
    (ax, ay), (bx, by), (cx, cy) = corners
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    one = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
    two = (cx - bx) * (y - by) - (cy - by) * (x - bx)
    three = (ax - cx) * (y - cy) - (ay - cy) * (x - cx)
    tiny = 1e-9
    inside = ((one > tiny) & (two > tiny) & (three > tiny)) | (
        (one < -tiny) & (two < -tiny) & (three < -tiny)
    )
    assert (grid[inside] == 255).all()
