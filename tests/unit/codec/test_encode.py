# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.codec.encode, judged by decoding with another instance of FFmpeg."""

import av
import cv2
import numpy as np
import pytest

from gateway.codec.encode import Encoder
from gateway.model.errors import InvariantError

WIDTH, HEIGHT, FPS, GOP = 320, 192, 10, 5
SPS, PPS, IDR, SLICE = 7, 8, 5, 1


def picture(number):
    """A smooth scene with a square that moves."""
    columns = np.linspace(30, 220, WIDTH, dtype=np.uint8)
    rgb = np.repeat(np.repeat(columns[None, :, None], HEIGHT, 0), 3, 2)
    rgb[60:100, 10 + 12 * number : 50 + 12 * number] = (220, 30, 40)
    return np.ascontiguousarray(rgb)


def encode(count, kbps=800):
    encoder = Encoder(WIDTH, HEIGHT, FPS, GOP, kbps)
    units = [unit for k in range(count) for unit in encoder.encode(picture(k))]
    return units + encoder.flush()


def decode(units):
    context = av.CodecContext.create("h264", "r")
    frames = []
    for nals in units:
        frames += context.decode(av.Packet(b"".join(b"\0\0\0\1" + nal for nal in nals)))
    return frames + context.decode(None)


def kinds(nals):
    return [nal[0] & 0x1F for nal in nals]


def test_each_picture_comes_out_at_once():
    """Zero delay: the access unit of a picture is there before the next picture goes in."""
    encoder = Encoder(WIDTH, HEIGHT, FPS, GOP, 800)
    assert [len(encoder.encode(picture(k))) for k in range(7)] == [1] * 7
    assert encoder.flush() == []


def test_key_units_stand_at_the_gop_and_carry_the_parameter_sets():
    """Every GOP begins with SPS, PPS, IDR; nothing else is there but one slice per picture."""
    units = encode(12)
    for number, nals in enumerate(units):
        assert kinds(nals) == ([SPS, PPS, IDR] if number % GOP == 0 else [SLICE])
    assert len({unit[:2] for unit in units[::GOP]}) == 1


def test_the_same_pictures_give_the_same_bytes():
    """Two encoders of the same parameters agree to the byte."""
    assert encode(8) == encode(8)


def test_what_is_decoded_looks_like_what_was_encoded():
    """Colours survive BT.709 limited range, and the stream says that it is that."""
    frames = decode(encode(6))
    assert len(frames) == 6
    shown = frames[5].to_ndarray(format="rgb24", src_colorspace="ITU709", dst_colorspace="ITU709")
    error = np.abs(shown.astype(int) - picture(5).astype(int))
    assert error.mean() < 3
    red = shown[80, 10 + 60 + 20].astype(int)
    assert np.abs(red - (220, 30, 40)).max() < 16
    assert (frames[0].colorspace, frames[0].color_range) == (1, 1)


def test_a_stream_can_be_joined_at_any_key_unit():
    """GOPs of two encoders follow each other in any order and decode without a flaw."""
    first, second = encode(10), encode(10)
    joined = second[GOP:] + first[:GOP] + first[GOP:]
    frames = decode(joined)
    assert len(frames) == 15
    assert not any(frame.is_corrupt for frame in frames)
    again = frames[5].to_ndarray(format="gray")
    assert (again == decode(first)[0].to_ndarray(format="gray")).all()


def test_the_bitrate_is_a_cap():
    """Noise that would need megabits is held near the rate that was asked for."""
    rng = np.random.default_rng(1)
    encoder = Encoder(WIDTH, HEIGHT, FPS, GOP, 300)
    size = 0
    for _ in range(40):
        noise = rng.integers(0, 255, (HEIGHT // 4, WIDTH // 4, 3), dtype=np.uint8)
        rough = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        size += sum(len(nal) for unit in encoder.encode(rough) for nal in unit)
    assert size * 8 / 4 < 300_000 * 1.5


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH, 3), np.float32)],
)
def test_a_wrong_array_is_our_bug(wrong):
    """Shape and type are checked before x264 sees the picture."""
    with pytest.raises(InvariantError, match="expected"):
        Encoder(WIDTH, HEIGHT, FPS, GOP, 800).encode(wrong)
