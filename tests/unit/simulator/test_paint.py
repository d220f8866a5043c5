# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.paint."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.simulator import paint
from gateway.simulator.paint import Grain, Marks, Sprite, canvas, read_frame_index

MARKS = Marks("Prova")


def marked(index, level=120):
    picture = canvas(colour=(level, level, level))
    MARKS.burn(picture, index)
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


@given(st.integers(0, paint.MOST_FRAME_INDEX), st.sampled_from([1280, 960, 640, 320, 160]))
def test_the_strip_tells_the_frame_index_at_any_size(index, width):
    """What was burned is read back, also from a smaller picture and in limited range."""
    luma = cv2.resize(marked(index), (width, width * 9 // 16), interpolation=cv2.INTER_AREA)
    assert read_frame_index(luma) == index
    limited = (16 + luma * (219 / 255)).astype(np.uint8)
    assert read_frame_index(limited) == index


@given(st.integers(0, paint.MOST_FRAME_INDEX), st.integers(0, 15))
def test_one_wrong_block_is_noticed(index, block):
    """The check bits refuse a strip with a block turned over."""
    luma = marked(index)
    part = luma[-16:, block * 16 : block * 16 + 16]
    part[:] = 255 - part
    assert read_frame_index(luma) is None


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_without_strip_has_no_index(level):
    """Black, grey and white pictures are not mistaken for a strip, nor is a tiny one."""
    assert read_frame_index(np.full((720, 1280), level, np.uint8)) is None
    assert read_frame_index(np.full((20, 40), level, np.uint8)) is None


def test_the_banner_says_that_this_is_an_exercise():
    """The top of the picture is repainted whatever was there, with bright words on a dark band."""
    dark, bright = marked(1, 0), marked(1, 255)
    band = np.s_[: paint.BANNER_PX]
    assert (dark[band] == bright[band]).all()
    assert (dark[band] < 40).mean() > 0.4
    words = (dark[8:26] > 150).mean(axis=0) > 0
    assert words[:640].sum() > 150
    assert words[640:].sum() > 150


def test_a_sprite_reaches_over_every_edge():
    """What lies outside is cut off; inside, the mask decides."""
    red = Sprite(canvas(20, 10, (200, 0, 0)), np.ones((10, 20), np.float32), -10, -5)
    picture = canvas(60, 40)
    for left, top in ((-10, -5), (50, 35), (-30, 0), (0, 50), (20, 20)):
        paint.lay(picture, Sprite(red.picture, red.mask, left, top))
    assert (picture[..., 0] == 200).sum() == 10 * 5 + 10 * 5 + 20 * 10


def test_darken_keeps_the_least():
    """A full shadow leaves the told share of the brightness, no shadow leaves it all."""
    picture = canvas(40, 40, (100, 100, 100))
    paint.darken(picture, np.ones((10, 10), np.float32), 35, 35, 0.5)
    assert picture[39, 39, 0] == 50
    assert picture[34, 34, 0] == 100


def test_grain_is_the_same_for_the_same_index_and_fades_out_on_average():
    """Noise repeats with its bank, differs within it and does not change the mean."""
    grain, grey = Grain(2.0, 1, pictures=2), canvas(colour=(128, 128, 128))
    first, second, third = (grain.add(grey.copy(), k) for k in range(3))
    assert (first == third).all()
    assert (first != second).any()
    assert abs(first.mean() - 128) < 0.1
    assert 1.5 < first[..., 0].std() < 2.5


def test_gradient_and_mix_go_from_end_to_end():
    """The first and last rows are the first and last stops."""
    sky = paint.vertical(4, 9, [(0.0, (0, 10, 20)), (1.0, (100, 110, 120))])
    assert tuple(sky[0, 0]) == (0, 10, 20)
    assert tuple(sky[-1, -1]) == (100, 110, 120)
    assert paint.mix((0, 0, 0), (10, 20, 30), 0.5) == (5, 10, 15)


def test_words_are_as_wide_as_told():
    """What text_width promises is what text writes."""
    picture = canvas(400, 60)
    end = paint.text(picture, "ESERCITAZIONE", (10, 40), 30, (255, 255, 255))
    assert end == 10 + paint.text_width("ESERCITAZIONE", 30)
    columns = np.flatnonzero(picture.max(axis=(0, 2)))
    assert 10 <= columns[0] < 20
    assert end - 10 < columns[-1] <= end
