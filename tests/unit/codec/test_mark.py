# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A line of text in the picture."""

import numpy as np
import pytest
from av.video.frame import VideoFrame

from gateway.codec.decode import luma
from gateway.codec.mark import Marker

NOON_US = 1_795_348_800_000_000


def grey(width=640, height=360):
    """Return an even picture."""
    return VideoFrame.from_ndarray(
        np.full((height * 3 // 2, width), 90, np.uint8), format="yuv420p"
    )


def written(text="SALA 1a2b", utc_us=NOON_US, size=(640, 360)):
    """Return the luma of a picture that was marked."""
    frame = grey(*size)
    Marker(text).write(frame, utc_us)
    return luma(frame).copy().astype(int)


def test_text_stands_at_the_foot_and_faintly_in_the_middle():
    """Bright letters with a dark edge below; a faint second line where nobody can cut it off."""
    picture = written()
    foot, middle = picture[-16:], picture[170:190]
    assert foot.max() > 200
    assert foot.min() < 40
    assert 100 < middle.max() < 140
    assert (picture[:150] == 90).all()


def test_other_words_and_other_times_look_different():
    """The mark and the second are both readable: each changes the letters."""
    assert (written() != written("SALA 9f8e")).any()
    assert (written() != written(utc_us=NOON_US + 1_000_000)).any()
    assert (written() == written(utc_us=NOON_US + 900_000)).all()


@pytest.mark.parametrize("size", [(64, 48), (320, 240), (1920, 1080)])
def test_it_fits_any_picture(size):
    """A long text is made smaller, also where no letter can be read any more."""
    assert written("QUESTURA DI UNA CITTÀ DAL NOME LUNGO 1a2b3c4d", size=size).max() > 100
