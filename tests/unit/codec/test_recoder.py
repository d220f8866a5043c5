# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Live streams coded anew: pixels, times and key pictures are the proof."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from gateway.codec.recode import NEVER, Look, Recoded, RecodeRequest
from gateway.codec.recoder import Recoder
from gateway.model.errors import WireError
from gateway.model.media import Codec
from tests.footage import decoded, rgb, scene

RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
SIZE = (320, 240)


PLAIN = Look()


def live(recoder, units, look=PLAIN, fresh=True, after=NEVER, every=1):
    """Feed units one by one; return what came out."""
    out = []
    for unit in units:
        request = RecodeRequest(look, fresh, after, every, [unit])
        out += Recoded.unpack(recoder.recode(request.pack())).units
        fresh = False
    return out


@pytest.mark.parametrize("codec", list(Codec))
def test_masks_are_burned_in_and_the_rest_moves(codec):
    """Of each codec: black and flat inside, like the source outside; times are the source's."""
    units = scene(8, gop=4, visits=range(8), codec=codec)
    out = live(Recoder(), units, Look((RIGHT,)))
    assert [one.pts_90k for one in out] == [one.pts_90k for one in units]
    assert [one.captured for one in out] == [one.captured for one in units]
    for number, picture in enumerate(decoded(out)):
        assert np.asarray(picture)[:, 160:].max() < 40
        left = np.asarray(picture)[:, :156].astype(int)
        source = rgb(number, size=SIZE, visitor=True)[:, :156].mean(axis=2)
        assert abs(left.mean() - source.mean()) < 12


def test_each_comes_out_before_the_next_goes_in():
    """No picture waits inside: the delay is the work, not a queue."""
    recoder = Recoder()
    for number, unit in enumerate(scene(6, gop=3, codec=Codec.H265)):
        assert len(live(recoder, [unit], fresh=number == 0)) == 1


def test_a_key_picture_each_second_however_long_the_cameras_gop_is():
    """100 pictures after one key unit: never more than a second to the next of ours."""
    out = live(Recoder(), scene(100, gop=100))
    keys = [one.pts_90k for one in out if one.is_key]
    assert keys[0] == 0
    assert len(keys) >= 4
    assert max(b - a for a, b in itertools.pairwise(keys)) <= 90_000
    assert all(one.nals[0][0] & 0x1F == 7 for one in out if one.is_key)  # with its parameters
    assert all((one.nals[0][1], one.codec) == (66, Codec.H264) for one in out if one.is_key)


def test_what_is_late_is_decoded_and_not_shown():
    """`after` hides the past, `every` thins the present; what is shown decodes by itself."""
    units = scene(12, gop=12, visits=range(12))
    out = live(Recoder(), units, after=units[5].pts_90k)
    assert [one.pts_90k for one in out] == [one.pts_90k for one in units[6:]]
    assert out[0].is_key
    assert len(decoded(out)) == 6
    assert len(live(Recoder(), units, every=3)) == 4


def test_a_stream_that_was_not_begun_is_refused():
    """A new child knows nothing, and one that is told of other masks asks for a beginning."""
    units = scene(3, gop=3)
    with pytest.raises(WireError, match="not begun"):
        live(Recoder(), units, fresh=False)
    recoder = Recoder()
    live(recoder, units)
    with pytest.raises(WireError, match="not begun"):
        live(recoder, units, Look((RIGHT,)), fresh=False)


def test_a_camera_that_changes_size_and_codec_goes_on():
    """Each change begins with a key picture of ours of the new size."""
    small = scene(4, gop=4, size=(160, 120), codec=Codec.H265)
    later = [replace(one, pts_90k=one.pts_90k + 900_000) for one in small]
    out = live(Recoder(), [*scene(4, gop=4), *later])
    assert [one.is_key for one in out] == [True, False, False, False] * 2
    assert {np.asarray(one).shape for one in decoded(out[4:])} == {(120, 160, 3)}


def test_a_large_picture_is_made_smaller_after_it_was_masked():
    """No pixel of what is hidden bleeds over the edge on the way to a smaller picture."""
    out = live(Recoder(), scene(3, gop=3, size=(640, 480)), Look((RIGHT,), most_height_px=240))
    for picture in decoded(out):
        assert np.asarray(picture).shape == (240, 320, 3)
        assert np.asarray(picture)[:, 160:].max() < 40


def test_garbage_shows_nothing_and_ends_nothing():
    """Bytes that no decoder takes make no picture; the next key unit does."""
    units = scene(2, gop=1)
    broken = replace(units[0], nals=(b"\x65" + b"\xff" * 60,))
    recoder = Recoder()
    assert live(recoder, [broken]) == []
    assert len(live(recoder, units, fresh=False)) == 2


def test_the_mark_and_the_time_are_in_the_picture():
    """With a mark, the foot of the picture differs from the one without; masks stay black."""
    units = scene(2, gop=2)
    plain = np.asarray(decoded(live(Recoder(), units))[-1]).astype(int)
    marked = np.asarray(decoded(live(Recoder(), units, Look((), "SALA 1a2b")))[-1]).astype(int)
    foot = np.abs(marked - plain)[-14:]
    assert (foot > 60).sum() > 100
    assert np.abs(marked - plain)[20:100].mean() < 4
