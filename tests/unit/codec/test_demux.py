# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.codec.demux."""

import io
import itertools

import av
import numpy as np
import pytest

from gateway.codec.demux import (
    FORMATS,
    Due,
    for_ever,
    mapped,
    one_pass,
    pack_due,
    unpack_due,
    warm_up,
)
from gateway.codec.mp4 import write_mp4
from gateway.model.errors import WireError
from gateway.model.media import Codec
from tests.footage import decoded, scene


@pytest.fixture(scope="module", params=[Codec.H264, Codec.H265], ids=lambda one: one.value)
def coded(request):
    """Twenty pictures, a key picture each ten."""
    return scene(20, gop=10, visits=range(20), codec=request.param)


def matroska(units):
    """Return the units in another container, with its own framing."""
    out = io.BytesIO()
    with (
        av.open(io.BytesIO(write_mp4(units))) as source,
        av.open(out, "w", format="matroska") as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    return out.getvalue()


@pytest.mark.parametrize(
    "pack", [write_mp4, matroska, lambda units: b"".join(u.coded() for u in units)]
)
def test_every_container_gives_the_pictures_that_went_in(coded, pack):
    """MP4, Matroska, raw: the same pixels in the same order, key pictures with their sets."""
    found = list(one_pass(io.BytesIO(pack(coded))))
    assert len(found) == 20
    assert [one.unit.is_key for one in found] == [unit.is_key for unit in coded]
    assert all(one.unit.codec is coded[0].codec for one in found)
    assert found[0].size_px == (320, 240)
    for ours, theirs in zip(decoded([one.unit for one in found]), decoded(coded), strict=True):
        assert np.array_equal(ours, theirs)
    sets = (7, 8) if coded[0].codec is Codec.H264 else (32, 33, 34)
    for one in found:
        if one.unit.is_key:
            kinds = [
                n[0] & 31 if coded[0].codec is Codec.H264 else n[0] >> 1 & 63 for n in one.unit.nals
            ]
            assert tuple(kinds[: len(sets)]) == sets


def test_times_go_on_across_the_end_of_the_file(coded):
    """Three passes: due and shown times rise by one interval, without a gap or a jump back."""
    found = list(itertools.islice(for_ever(io.BytesIO(write_mp4(coded))), 60))
    assert [one.due_90k for one in found] == [3600 * n for n in range(60)]
    assert [one.unit.pts_90k for one in found] == [3600 * n for n in range(60)]
    assert [n for n, one in enumerate(found) if one.unit.is_key] == [0, 10, 20, 30, 40, 50]


def test_a_unit_survives_the_way_out_of_the_child(coded):
    """What is packed is unpacked; anything else is refused."""
    due = Due(12345, coded[0], (320, 240))
    assert unpack_due(pack_due(due)) == due
    for bad in (b"", b"short", pack_due(due)[:-1]):
        with pytest.raises(WireError):
            unpack_due(bad)


@pytest.mark.parametrize(
    "data", [b"#EXTM3U\n/etc/passwd\n", b"ffconcat version 1.0\nfile /x\n", b"\0" * 999]
)
def test_what_is_no_recording_is_refused(data):
    """Playlists that name other files above all."""
    with pytest.raises(WireError):
        list(one_pass(io.BytesIO(data)))
    assert not {"hls", "concat", "image2"} & set(FORMATS.split(","))


def test_a_file_without_key_pictures_is_refused(coded):
    """It would never show anything, for ever."""
    data = b"".join(unit.coded() for unit in coded[1:10])
    with pytest.raises(WireError):
        next(for_ever(io.BytesIO(data)))


def test_a_file_is_mapped_or_the_reason_told(tmp_path):
    """Absent, a folder, empty: words without the path."""
    file = tmp_path / "clip"
    for make in (lambda: None, file.mkdir, lambda: (file.rmdir(), file.write_bytes(b""))):
        make()
        with pytest.raises(WireError, match="cannot be read: ") as caught:
            mapped(file)
        assert str(tmp_path) not in str(caught.value)
    file.write_bytes(b"data")
    assert mapped(file).read() == b"data"


def test_everything_is_used_once_before_the_cage_closes():
    """Warming up works without a file of anybody's."""
    warm_up()
