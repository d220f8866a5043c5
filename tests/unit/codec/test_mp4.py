# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Units as they are in a fragmented MP4."""

import io
from dataclasses import replace

import av
import numpy as np
import pytest

from gateway.codec.mp4 import read_mp4, write_mp4
from gateway.model.errors import WireError
from gateway.model.media import Codec
from tests.footage import MOTION, decoded, later, mp4_frames, open_gop, scene, units_of


@pytest.mark.parametrize(("codec", "tag"), [(Codec.H264, "avc1"), (Codec.H265, "hvc1")])
def test_pictures_are_the_camera_s_own(codec: Codec, tag: str) -> None:
    """The MP4 holds the same pictures, bit for bit, at the same distances in time."""
    units = later(scene(12, gop=6, codec=codec), 9_000_000_000)
    data = write_mp4(units)
    with av.open(io.BytesIO(data)) as container:
        assert container.streams.video[0].codec_context.codec_tag == tag
    frames = mp4_frames(data)
    assert [round(frame.time * 90_000) for frame in frames] == [3600 * n for n in range(12)]
    for frame, truth in zip(frames, decoded(units), strict=True):
        assert np.array_equal(frame.to_ndarray(format="rgb24"), truth)


def test_it_is_fragmented_and_starts_with_a_movie_header() -> None:
    """A player can begin before the end: ftyp, moov, then moof and mdat for each GOP."""
    data = write_mp4(scene(12, gop=6))
    boxes, at = [], 0
    while at < len(data):
        boxes.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4], "big")
    assert boxes[:2] == [b"ftyp", b"moov"]
    assert boxes[2:6] == [b"moof", b"mdat"] * 2


def test_reordered_pictures_keep_their_order() -> None:
    """Real footage with B-frames plays in order; decoding times never pass presentation."""
    units = units_of(MOTION / "intel_one-by-one-person.mp4", 40)
    data = write_mp4(units)
    times = [frame.time for frame in mp4_frames(data)]
    assert len(times) == 40
    assert times == sorted(times)
    assert np.allclose(np.diff(times), 0.1, atol=0.001)
    with av.open(io.BytesIO(data)) as container:
        packets = [p for p in container.demux(video=0) if p.pts is not None]
    assert all(p.dts <= p.pts for p in packets)


def test_what_precedes_the_first_key_unit_is_left_out() -> None:
    """A cut that begins in the middle of a GOP plays from its first key unit on."""
    assert len(mp4_frames(write_mp4(scene(12, gop=6)[2:]))) == 6


def test_what_leads_the_first_key_unit_is_left_out() -> None:
    """Real H.265 with an open GOP, cut at a CRA: no picture refers to what is not there."""
    units = open_gop()
    at = [number for number, unit in enumerate(units) if unit.is_key][1]
    leading = [unit for unit in units[at:] if unit.pts_90k < units[at].pts_90k]
    assert leading
    data = write_mp4(units[at:])
    with av.open(io.BytesIO(data)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert len(packets) == len(mp4_frames(data)) == len(units[at:]) - len(leading)


def test_jpeg_is_refused() -> None:
    """No browser plays it: it must be coded anew."""
    with pytest.raises(WireError, match="JPEG in MP4 plays nowhere"):
        write_mp4(scene(2, gop=1, codec=Codec.JPEG))


def test_a_stream_that_changes_its_codec_is_cut_there() -> None:
    """A camera that was set from H.264 to H.265: the file holds what one decoder can show."""
    units = scene(6, gop=3) + later(scene(6, gop=3, codec=Codec.H265), 6 * 3600)
    assert len(mp4_frames(write_mp4(units))) == 6


def test_equal_times_do_not_break_it() -> None:
    """A camera that repeats a time stamp still gives a playable file with all pictures."""
    units = scene(6, gop=6)
    units[3] = replace(units[3], pts_90k=units[2].pts_90k)
    assert len(mp4_frames(write_mp4(units))) == 6


@pytest.mark.parametrize("units", [[], scene(4, gop=4)[1:]])
def test_without_a_key_unit_it_is_refused(units: list) -> None:
    """Nothing, or no key unit: no player could start, so no file is made."""
    with pytest.raises(WireError, match="key unit"):
        write_mp4(units)


def test_a_key_unit_of_garbage_is_refused() -> None:
    """A key unit without usable parameter sets is a WireError, not a crash."""
    unit = replace(scene(1, gop=1)[0], nals=(b"\x65" + bytes(300),))
    with pytest.raises(WireError):
        write_mp4([unit])


def test_reading_back_gives_the_same_luma() -> None:
    """What is read is what a decoder of the units shows; other bytes are refused."""
    units = scene(12, gop=6)
    frames = mp4_frames(write_mp4(units))
    shown = [frame.to_ndarray(format="yuv420p")[: frame.height] for frame in frames]
    for one, truth in zip(read_mp4(write_mp4(units)), shown, strict=True):
        assert np.array_equal(one, truth)
    with pytest.raises(WireError):
        read_mp4(b"not a file")
