# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Coded pictures for tests: small scenes with exact truth, and real footage where it is at hand."""

import functools
import io
import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from gateway.model.media import AccessUnit, Codec
from gateway.model.time import Moment
from gateway.wire.annex_b import split_annex_b
from gateway.wire.h265 import H265Depacketizer
from tests.goldens import packets

MOTION = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "motion"
NOON_US = 1_795_348_800_000_000
"""2026-11-22T12:00:00Z."""


def need(path: Path) -> Path:
    """Return a path that must exist: fails where CI=true, skips elsewhere."""
    if not path.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{path} is missing")
        pytest.skip(f"{path} is missing")
    return path


def moment(pts_90k: int) -> Moment:
    """Return when a picture of this time was taken."""
    return Moment(1000 + pts_90k / 90_000, NOON_US + pts_90k * 100 // 9)


def rgb(number: int, *, size: tuple[int, int], visitor: bool, light: int = 0) -> np.ndarray:
    """Return a textured picture (height, width, 3); a visitor is a white block that walks."""
    width, height = size
    texture = np.random.default_rng(7).integers(60, 120, (height // 8, width // 8, 3), np.uint8)
    pixels = texture.repeat(8, 0).repeat(8, 1).astype(np.int16) + light
    noise = np.random.default_rng(number).integers(-3, 4, pixels.shape)
    pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    if visitor:
        left = 8 + 4 * number % (width - 60)
        pixels[height // 3 : height // 3 + 64, left : left + 40] = 235
    return pixels


@functools.lru_cache(maxsize=64)
def _coded(
    pictures: int,
    gop: int,
    visits: tuple[int, int],
    size: tuple[int, int],
    codec: Codec,
    light: int,
) -> tuple[AccessUnit, ...]:
    """Return the units of `scene`, coded once per test run."""
    if codec is Codec.JPEG:
        return tuple(
            _jpeg(rgb(number, size=size, visitor=number in range(*visits), light=light), number)
            for number in range(pictures)
        )
    name = "libx264" if codec is Codec.H264 else "libx265"
    encoder = av.CodecContext.create(name, "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base, encoder.thread_count = "yuv420p", Fraction(1, 90_000), 1
    encoder.framerate = Fraction(25)
    encoder.gop_size = gop
    encoder.options = (
        {"preset": "ultrafast", "tune": "zerolatency", "crf": "18", "sc_threshold": "0"}
        if codec is Codec.H264
        else {"x265-params": "bframes=0:repeat-headers=1:log-level=none:pools=1:scenecut=0"}
    )
    packets = []
    for number in range(pictures):
        pixels = rgb(number, size=size, visitor=number in range(*visits), light=light)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = 3600 * number, Fraction(1, 90_000)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return tuple(_unit(bytes(packet), packet.pts, packet.is_keyframe, codec) for packet in packets)


def _jpeg(pixels: np.ndarray, number: int) -> AccessUnit:
    """Return a picture as a JFIF file of its own."""
    written, data = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert written
    at = moment(3600 * number)
    return AccessUnit(3600 * number, True, (bytes(data),), at, at, Codec.JPEG)


def scene(
    pictures: int,
    *,
    gop: int,
    visits: range = range(0),
    size: tuple[int, int] = (320, 240),
    codec: Codec = Codec.H264,
    light: int = 0,
) -> list[AccessUnit]:
    """Return 25 pictures a second; in those numbered in `visits` a visitor walks.

    Of JPEG every picture is a key unit, whatever `gop` says.
    """
    return list(_coded(pictures, gop, (visits.start, visits.stop), size, codec, light))


def _unit(data: bytes, pts_90k: int, key: bool, codec: Codec) -> AccessUnit:
    at = moment(pts_90k)
    return AccessUnit(pts_90k, key, tuple(split_annex_b(data)), at, at, codec)


def units_of(path: Path, most: int | None = None) -> list[AccessUnit]:
    """Return the units of an H.264 MP4 in decoding order."""
    return list(itertools.islice(_units_of(need(path)), most))


def _units_of(path: Path) -> Iterator[AccessUnit]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        to_annex_b = BitStreamFilterContext("h264_mp4toannexb", stream)
        for packet in container.demux(stream):
            if packet.pts is None:
                continue
            for changed in to_annex_b.filter(packet):
                pts_90k = int(changed.pts * stream.time_base * 90_000)
                yield _unit(bytes(changed), pts_90k, changed.is_keyframe, Codec.H264)


def open_gop() -> list[AccessUnit]:
    """Return GStreamer's H.265 with B-frames and an open GOP, 25 pictures a second."""
    depacketizer = H265Depacketizer(96)
    return [
        AccessUnit(one.pts_90k, one.is_key, one.nals, moment(0), moment(0), Codec.H265)
        for packet in packets("gstreamer-x265-open-gop.rtp")
        for one in depacketizer.receive(packet)
    ]


def later(units: list[AccessUnit], pts_90k: int) -> list[AccessUnit]:
    """Return the units as if taken later."""
    return [
        replace(
            unit,
            pts_90k=unit.pts_90k + pts_90k,
            captured=moment(unit.pts_90k + pts_90k),
            received=moment(unit.pts_90k + pts_90k),
        )
        for unit in units
    ]


def decoded(units: list[AccessUnit]) -> list[np.ndarray]:
    """Return the pictures as rgb24, with a decoder of its own."""
    names = {Codec.H264: "h264", Codec.H265: "hevc", Codec.JPEG: "mjpeg"}
    decoder = av.CodecContext.create(names[units[0].codec], "r")
    frames = [frame for unit in units for frame in decoder.decode(av.Packet(unit.coded()))]
    return [frame.to_ndarray(format="rgb24") for frame in [*frames, *decoder.decode(None)]]


def mp4_frames(data: bytes) -> list[av.VideoFrame]:
    """Return the pictures of an MP4."""
    with av.open(io.BytesIO(data)) as container:
        return list(container.decode(video=0))
