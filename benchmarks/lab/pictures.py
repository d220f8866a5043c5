# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A coded stream to serve: 1080p25 H.264 of about 3 Mbit/s, made once and kept in a file."""

import re
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec.context import ThreadType
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

WIDTH_PX, HEIGHT_PX, FPS, GOP = 1920, 1080, 25, 50
TARGET_KBPS = 3600
"""x264 stays below its target over a single GOP: this comes to about 3 Mbit/s."""
PICTURES = 50
NOISE_PX = 64
"""How far the noise can shift: one field of noise serves all pictures."""
_START_CODE = re.compile(rb"\x00\x00+\x01")
_LENGTH = struct.Struct("!I")

Picture = tuple[bytes, ...]
"""NAL units of one picture."""


def make(path: Path, pictures: int = PICTURES) -> int:
    """Encode a moving scene with sensor noise into `path`; return its bit rate in kbit/s."""
    scene, encoder = Scene(), _encoder()
    packets: list[bytes] = []
    for number in range(pictures):
        frame = av.VideoFrame.from_ndarray(scene.picture(number), format="gray")
        frame = frame.reformat(format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        packets += map(bytes, encoder.encode(frame))
    packets += map(bytes, encoder.encode(None))
    coded = [tuple(nal for nal in _START_CODE.split(one) if nal) for one in packets]
    store(path, coded)
    size_bytes = sum(len(nal) for unit in coded for nal in unit)
    return round(8 * size_bytes * FPS / len(coded) / 1000)


def _encoder() -> VideoCodecContext:
    """Return an encoder of its own, so that the product's settings do not move the figures."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
    context.framerate, context.time_base = Fraction(FPS), Fraction(1, FPS)
    context.gop_size, context.max_b_frames = GOP, 0
    context.bit_rate = 1000 * TARGET_KBPS
    context.thread_count, context.thread_type = 1, ThreadType.NONE
    buffer = f"vbv-maxrate={TARGET_KBPS}:vbv-bufsize={TARGET_KBPS}"
    context.options = {
        "preset": "superfast",
        "tune": "zerolatency",
        "x264-params": f"keyint={GOP}:scenecut=0:repeat-headers=1:annexb=1:{buffer}",
    }
    return context


def store(path: Path, coded: list[Picture]) -> None:
    """Write pictures so that `load` reads them."""
    path.write_bytes(b"".join(_packed(unit) for unit in coded))


def load(path: Path) -> list[Picture]:
    """Return the pictures that `make` wrote."""
    raw, at = path.read_bytes(), 0
    pictures: list[Picture] = []
    while at < len(raw):
        (count,) = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size
        nals: list[bytes] = []
        for _ in range(count):
            (length,) = _LENGTH.unpack_from(raw, at)
            at += _LENGTH.size
            nals.append(raw[at : at + length])
            at += length
        pictures.append(tuple(nals))
    return pictures


def is_key(picture: Picture) -> bool:
    """Return whether it holds an IDR slice (ITU-T H.264 Table 7-1)."""
    return any(nal[0] & 31 == 5 for nal in picture)


def parameter_sets(picture: Picture) -> Picture:
    """Return its SPS and PPS."""
    return tuple(nal for nal in picture if nal[0] & 31 in (7, 8))


def _packed(unit: Picture) -> bytes:
    parts = [_LENGTH.pack(len(nal)) + nal for nal in unit]
    return _LENGTH.pack(len(unit)) + b"".join(parts)


class Scene:
    """A textured square with sensor noise, across which three blocks walk."""

    def __init__(self) -> None:
        draw = np.random.default_rng(7)
        coarse = draw.integers(70, 180, (HEIGHT_PX // 8, WIDTH_PX // 8), np.uint8)
        self._texture = coarse.repeat(8, 0).repeat(8, 1)
        shape = (HEIGHT_PX + NOISE_PX, WIDTH_PX + NOISE_PX)
        self._noise = draw.integers(0, 11, shape, np.uint8)

    def picture(self, number: int) -> NDArray[np.uint8]:
        """Return one picture, luma only."""
        down, right = (number * step % NOISE_PX for step in (13, 29))
        luma: NDArray[np.uint8] = (
            self._texture + self._noise[down : down + HEIGHT_PX, right : right + WIDTH_PX]
        )
        for row in range(3):
            left = (60 * row + 12 * number) % (WIDTH_PX - 160)
            luma[200 + 260 * row : 420 + 260 * row, left : left + 120] = 30 + 60 * row
        return luma
