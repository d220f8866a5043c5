# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From coded units to luma planes."""

from dataclasses import replace

import av
import numpy as np
import pytest

from gateway.codec.decode import Decoder, last_picture, luma
from gateway.model.errors import WireError
from gateway.model.media import Codec
from tests.footage import MOTION, open_gop, rgb, scene, units_of


@pytest.mark.parametrize("codec", list(Codec))
def test_each_unit_gives_its_picture_at_once(codec: Codec) -> None:
    """Without reordering, every unit gives one picture with its own time and the right pixels."""
    units = scene(5, gop=10, codec=codec)
    decoder = Decoder(codec)
    for number, unit in enumerate(units):
        pictures = list(decoder.decode([unit]))
        assert [picture.pts_90k for picture in pictures] == [3600 * number]
        truth = rgb(number, size=(320, 240), visitor=False)
        grey = truth.astype(float) @ (0.257, 0.504, 0.098) + 16
        if codec is Codec.JPEG:
            grey = truth.astype(float) @ (0.299, 0.587, 0.114)  # full range
        error = np.abs(luma(pictures[0].frame).astype(float) - grey).mean()
        assert error < 12, error
    assert decoder.errors == 0


def test_reordered_pictures_come_in_order_of_presentation() -> None:
    """Real footage with B-frames: every picture comes once, in rising time."""
    units = units_of(MOTION / "intel_one-by-one-person.mp4", 60)
    decoder = Decoder(Codec.H264)
    times = [picture.pts_90k for picture in decoder.decode(units)]
    times += [picture.pts_90k for picture in decoder.drain()]
    assert [unit.pts_90k for unit in units] != sorted(unit.pts_90k for unit in units)
    assert times == sorted(unit.pts_90k for unit in units)


SMPTE = ((255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255))
"""The first bars of GStreamer's test picture."""


def test_a_capture_of_gstreamer_shows_the_test_picture() -> None:
    """H.265 from another encoder, through packets: the bars have their colours."""
    shown = last_picture(open_gop()).frame.to_ndarray(format="rgb24")
    assert shown.shape == (180, 320, 3)
    for bar, colour in enumerate(SMPTE):
        assert np.abs(shown[60, 20 + 46 * bar].astype(int) - colour).max() < 12


def test_what_leads_the_key_unit_at_which_it_begins_is_not_shown() -> None:
    """Joined in the middle of an open GOP of H.265, and with H.264 that does as if."""
    units = open_gop()
    at = [number for number, unit in enumerate(units) if unit.is_key][1]
    decoder = Decoder(Codec.H265)
    times = [p.pts_90k for p in (*decoder.decode(units[at:]), *decoder.drain())]
    assert times == sorted(u.pts_90k for u in units[at:] if u.pts_90k >= units[at].pts_90k)
    plain = scene(6, gop=6)
    early = [plain[0], replace(plain[1], pts_90k=-3600), *plain[2:]]
    decoder = Decoder(Codec.H264)
    for _ in range(2):
        assert -3600 not in [p.pts_90k for p in decoder.decode(early)]
        decoder.restart()


def test_the_last_picture_is_that_of_the_last_codec() -> None:
    """A camera that was set to another codec: the still is what it shows now."""
    units = scene(3, gop=3) + scene(4, gop=4, codec=Codec.JPEG, light=90)
    brightness = luma(last_picture(units).frame).mean()
    assert brightness > luma(last_picture(units[:3]).frame).mean() + 50


def test_luma_is_a_view_without_the_padding() -> None:
    """The luma plane of a picture whose rows are padded has the picture's shape, uncopied."""
    frame = av.VideoFrame(50, 30, "yuv420p")
    stride = frame.planes[0].line_size
    assert stride > 50
    memory = np.frombuffer(frame.planes[0], np.uint8).reshape(-1, stride)
    memory[:] = 255
    memory[:30, :50] = 7
    view = luma(frame)
    assert view.shape == (30, 50)
    assert (view == 7).all()
    assert np.shares_memory(view, memory)


def test_ten_bits_become_eight() -> None:
    """A format with more than eight bits a sample is converted, not misread."""
    frame = av.VideoFrame(64, 64, "yuv420p10le")
    np.frombuffer(frame.planes[0], np.uint16)[:] = 400
    assert luma(frame).dtype == np.uint8
    assert np.abs(luma(frame).astype(int) - 100).max() <= 1


def test_broken_units_are_counted() -> None:
    """Garbage between good units is counted and the next key unit decodes again."""
    units = scene(6, gop=3)
    garbage = replace(units[1], nals=(b"\x67garbage", b"\x41" + bytes(range(200))))
    decoder = Decoder(Codec.H264)
    list(decoder.decode([units[0], garbage]))
    assert decoder.errors == 1
    decoder.restart()
    assert [p.pts_90k for p in decoder.decode(units[3:])] == [10800, 14400, 18000]


def test_a_bomb_is_refused() -> None:
    """A parameter set that claims 16384 × 16384 pixels yields no picture and no such memory."""
    bomb = bytes.fromhex("67640034ac2b4008001000101000000300100000030320f1832a")
    unit = scene(1, gop=1)[0]
    decoder = Decoder(Codec.H264)
    assert list(decoder.decode([replace(unit, nals=(bomb, *unit.nals[1:]))])) == []


def test_nothing_to_decode_says_so() -> None:
    """Units without a key unit have no last picture."""
    with pytest.raises(WireError, match="no picture"):
        last_picture(scene(3, gop=3)[1:])
