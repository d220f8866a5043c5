# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.h265."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire.bits import unescape
from gateway.wire.h265 import H265Depacketizer, ParameterSets, parse_sps
from gateway.wire.packetize import fragment_h265
from tests.goldens import packets
from tests.rtp_camera import Camera, feed

CAPTURE = packets("gstreamer-x265-320x180.rtp")
OPEN_GOP = packets("gstreamer-x265-open-gop.rtp")
SOURCE = [one.nals for one in feed(H265Depacketizer(96), CAPTURE)]
VPS, SPS, PPS = SOURCE[0][:3]


def payloads(nals, most_bytes):
    return [one for run in fragment_h265(nals, most_bytes) for one in run]


def nal(kind, body=b"\x80picture"):
    """Return a NAL unit of the base layer; the first bit of a slice says that it begins."""
    return bytes((kind << 1, 1)) + body


IDR, CRA, BLA, TRAIL, RASL, RADL = (nal(kind) for kind in (19, 21, 16, 1, 8, 6))
REST = nal(1, b"\x20more")
SETS = (VPS, SPS, PPS)


def kinds(picture):
    return [one[0] >> 1 & 63 for one in picture.nals]


def joined(*pictures):
    """Return the depacketizer and what it makes of these pictures."""
    camera, depacketizer = Camera(), H265Depacketizer(96, SETS)
    sent = [one for nals in pictures for one in camera.payloads(payloads(nals, 300))]
    return depacketizer, feed(depacketizer, sent)


def test_a_capture_of_gstreamer_becomes_pictures():
    """Twelve pictures, two of them keys that begin with VPS, SPS and PPS, across both wraps."""
    depacketizer = H265Depacketizer(96)
    arrived = feed(depacketizer, CAPTURE)
    assert [one.is_key for one in arrived] == [number % 6 == 0 for number in range(12)]
    assert [one.pts_90k - arrived[0].pts_90k for one in arrived] == [3600 * n for n in range(12)]
    assert arrived[-1].pts_90k > 2**32
    assert all(kinds(one)[:3] == [32, 33, 34] for one in arrived if one.is_key)
    assert depacketizer.size_px == (320, 180)
    assert depacketizer.damaged_units == depacketizer.lost_packets == 0


def test_leading_pictures_are_dropped_where_the_stream_is_joined():
    """Joined at a CRA, its RASL pictures are dropped; passed by, they are shown."""
    whole = feed(H265Depacketizer(96), OPEN_GOP)
    cra = next(number for number, one in enumerate(whole) if 21 in kinds(one))
    leading = [number for number, one in enumerate(whole) if kinds(one)[0] in (8, 9)]
    assert leading, "the capture has an open GOP"
    second = next(n for n, one in enumerate(whole) if n > cra and 21 in kinds(one))
    joins = [one for one in OPEN_GOP if timestamp(one) not in early(whole[:cra])]
    depacketizer = H265Depacketizer(96, whole[0].nals[:3])
    arrived = feed(depacketizer, joins)
    gone = [number for number in leading if cra < number < second]
    kept = [one for number, one in enumerate(whole) if number >= cra and number not in gone]
    assert [one.nals for one in arrived] == [one.nals for one in kept]
    assert depacketizer.skipped_units == len(gone) > 0


def timestamp(packet):
    return int.from_bytes(packet[4:8], "big")


def early(pictures):
    return {one.timestamp for one in pictures}


@pytest.mark.parametrize(
    ("before", "key", "leading", "shown"),
    [
        ([], CRA, RASL, False),
        ([], CRA, RADL, True),
        ([], IDR, RADL, True),
        ([[IDR], [TRAIL]], CRA, RASL, True),
        ([[IDR], [TRAIL]], BLA, RASL, False),
        ([[IDR], [TRAIL, nal(36, b"")]], CRA, RASL, False),
        ([[IDR], [TRAIL, nal(36, b"")], [IDR]], CRA, RASL, True),
    ],
    ids=["joined", "decodable", "idr", "passed-by", "broken-link", "end", "end-long-ago"],
)
def test_leading_pictures_by_what_came_before(before, key, leading, shown):
    """RASL pictures need what came before their key picture, RADL pictures do not."""
    camera, depacketizer = Camera(), H265Depacketizer(96, SETS)
    sent = []
    for nals in [*before, [key], [leading], [TRAIL]]:
        sent += camera.payloads(nals)
    arrived = feed(depacketizer, sent)
    assert len(arrived) == len(before) + 2 + shown
    assert any(leading in one.nals for one in arrived) == shown


@pytest.mark.parametrize("kind", range(16, 22))
def test_every_irap_picture_is_a_key_picture(kind):
    """BLA, IDR and CRA: decoding may start there."""
    _, (picture,) = joined([nal(kind)])
    assert picture.is_key
    assert picture.nals == (*SETS, nal(kind))


def test_a_second_beginning_is_another_picture():
    """first_slice_segment_in_pic_flag ends a picture when neither marker nor time does."""
    camera, depacketizer = Camera(), H265Depacketizer(96, SETS)
    sent = [camera.packet(one) for one in (IDR, REST, TRAIL, REST, nal(35, b"\x50"), TRAIL)]
    arrived = feed(depacketizer, sent)
    assert [one.nals[-2:] for one in arrived] == [(IDR, REST), (TRAIL, REST)]


def test_markers_inside_a_picture_are_ignored_once_noticed():
    """As in H.264: from the next key picture on the pictures are whole."""
    camera, depacketizer = Camera(), H265Depacketizer(96, SETS)
    sent = []
    for first in (IDR, TRAIL, IDR, TRAIL, TRAIL):
        sent += [camera.packet(first, marker=True), camera.packet(REST, marker=True)]
        camera.timestamp += 3600
    arrived = feed(depacketizer, sent)
    assert [one.nals[-2:] for one in arrived[-2:]] == [(IDR, REST), (TRAIL, REST)]


def test_other_layers_are_left_out():
    """Units of an enhancement layer never reach a decoder."""
    other = bytes((1 << 1, 1 | 1 << 3)) + b"\x80layer"
    high = bytes((1 << 1 | 1, 1)) + b"\x80layer"
    _, (picture,) = joined([IDR, other, high])
    assert picture.nals == (*SETS, IDR)


def test_the_extension_of_a_paci_is_skipped():
    """The payload inside counts, here a fragment whose unit is put together (RFC 7798 §4.4.4)."""
    camera, depacketizer = Camera(), H265Depacketizer(96, SETS)
    first, *rest = payloads([nal(19, b"\x80" + bytes(range(200)))], 100)

    def paci(payload, extension=b"\xaa\xbb\xcc"):
        fields = (payload[0] >> 1 & 63) << 9 | len(extension) << 4 | 8
        head = bytes((50 << 1, payload[1])) + fields.to_bytes(2, "big")
        return head + extension + payload[2:]

    arrived = feed(depacketizer, camera.payloads([paci(first), paci(rest[0], b""), *rest[1:]]))
    assert [one.nals for one in arrived] == [(*SETS, nal(19, b"\x80" + bytes(range(200))))]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"\x02", "payload of 1 byte"),
        (b"\x60\x01\x00\x09\x02", "truncated NAL unit: AP names 9 bytes, 1 are left"),
        (b"\x62\x01\x81", "truncated NAL unit: FU of 3 bytes"),
        (b"\x62\x01\x01middle", "without a beginning"),
        (b"\x64\x01\x00", "payload type 50 is not supported"),
        (b"\x64\x01\x64\x00x", "payload type 50 is not supported"),
        (b"\x68\x01x", "payload type 52 is not supported"),
    ],
)
def test_a_damaged_payload_costs_its_picture_and_is_explained(payload, words):
    """The picture and what may refer to it are dropped; the next key picture is fine."""
    camera, depacketizer = Camera(), H265Depacketizer(96, SETS)
    sent = [*camera.payloads([IDR]), camera.packet(TRAIL), camera.packet(payload, marker=True)]
    camera.timestamp += 3600
    arrived = feed(depacketizer, sent + camera.payloads([TRAIL]))
    assert [one.is_key for one in arrived] == [True]
    assert words in depacketizer.problem
    assert (depacketizer.damaged_units, depacketizer.skipped_units) == (1, 1)
    assert len(feed(depacketizer, camera.payloads([IDR]))) == 1


@given(most_bytes=st.integers(40, 1500))
@settings(max_examples=25)
def test_pictures_survive_the_way_through_packets(most_bytes):
    """Whatever the fragment size, every picture arrives with exactly its NAL units."""
    camera, depacketizer = Camera(), H265Depacketizer(96)
    buffer = bytearray(2000)
    arrived = []
    for nals in SOURCE:
        for packet in camera.payloads(payloads(nals, most_bytes)):
            buffer[: len(packet)] = packet
            arrived += depacketizer.receive(memoryview(buffer)[: len(packet)])
            buffer[:] = bytes(2000)
    assert [one.nals for one in arrived] == SOURCE
    assert depacketizer.problem == ""


def test_sets_that_change_wait_for_the_next_key_picture():
    """A new SPS in the middle of a group reaches decoders with the key picture behind it."""
    other = VPS, feed(H265Depacketizer(96), OPEN_GOP)[0].nals[1], PPS
    _, arrived = joined([*SETS, IDR], [other[1], TRAIL], [IDR])
    assert [one.nals for one in arrived] == [(*SETS, IDR), (TRAIL,), (*other, IDR)]


class BitWriter:
    """Writes what an SPS is made of (H.265 §7.3.2.2.1, §9.2)."""

    def __init__(self):
        self.text = ""

    def u(self, count, value):
        self.text += f"{value:0{count}b}" if count else ""

    def ue(self, value):
        code = f"{value + 1:b}"
        self.text += "0" * (len(code) - 1) + code

    def nal(self, kind):
        text = self.text + "1"
        text += "0" * (-len(text) % 8)
        out = bytearray()
        for octet in int(text, 2).to_bytes(len(text) // 8, "big"):
            if out[-2:] == b"\0\0" and octet <= 3:
                out.append(3)
            out.append(octet)
        return bytes((kind << 1, 1)) + bytes(out)


@given(
    layers=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=6),
    chroma=st.integers(0, 3),
    size=st.tuples(st.integers(1, 8192), st.integers(1, 8192)),
    crop=st.none() | st.tuples(*[st.integers(0, 40)] * 4),
)
def test_the_size_of_any_sps_is_read(layers, chroma, size, crop):
    """Temporal layers, chroma formats and the conformance window, as H.265 writes them."""
    writer = BitWriter()
    writer.u(4, 0)
    writer.u(3, len(layers))
    writer.u(1, 1)
    writer.u(8, 0x21)
    writer.u(80, 0x60000000900000000000)
    writer.u(8, 93)
    for profile, level in layers:
        writer.u(1, profile)
        writer.u(1, level)
    writer.u(2 * (8 - len(layers)) if layers else 0, 0)
    for profile, level in layers:
        writer.u(88 * profile, 5)
        writer.u(8 * level, 60)
    writer.ue(2)
    writer.ue(chroma)
    if chroma == 3:
        writer.u(1, 0)
    writer.ue(size[0])
    writer.ue(size[1])
    writer.u(1, crop is not None)
    width, height = size
    for value in crop or ():
        writer.ue(value)
    if crop:
        width -= (crop[0] + crop[1]) * (2 if chroma in (1, 2) else 1)
        height -= (crop[2] + crop[3]) * (2 if chroma == 1 else 1)
    made = writer.nal(33)
    assert b"\0\0\1" not in unescape(made[:2]) + made[2:]
    if width <= 0 or height <= 0:
        with pytest.raises(WireError, match="crops"):
            parse_sps(made)
        return
    found = parse_sps(made)
    assert (found.id, found.profile, found.level) == (2, 1, 93)
    assert (found.width_px, found.height_px) == (width, height)


@pytest.mark.parametrize(
    "made",
    [b"", PPS, SPS[:9], b"\x42\x01\x0f" + bytes(40), b"\x42\x01" + bytes(40), SPS + bytes(5000)],
)
def test_broken_sps_are_refused(made):
    """Empty, of another type, cut short, eight layers, endless codes, larger than any real one."""
    with pytest.raises(WireError):
        parse_sps(made)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_size_or_a_wire_error(data):
    """No input escapes the error tree, and no side is longer than level 6.2 allows."""
    try:
        found = parse_sps(b"\x42\x01" + data)
    except WireError:
        return
    assert 0 < found.width_px <= 16_888
    assert 0 < found.height_px <= 16_888


def test_sets_are_kept_by_kind_and_number():
    """Nothing is in force without all three kinds; the order is the decoder's."""
    sets = ParameterSets()
    for one in (PPS, SPS):
        sets.learn(one)
    assert sets.in_force() == ()
    sets.learn(VPS)
    assert sets.in_force() == SETS
    assert sets.size_px == (320, 180)
    with pytest.raises(WireError, match="cut short"):
        sets.learn(b"\x44\x01")


@given(st.lists(st.binary(max_size=30), max_size=40))
def test_no_payloads_whatsoever_make_it_raise_or_emit_nonsense(payloads):
    """Any payloads give pictures of non-empty units, key ones with the sets first."""
    camera, depacketizer = Camera(), H265Depacketizer(96, SETS)
    for payload in payloads:
        for picture in depacketizer.receive(camera.packet(payload, marker=True)):
            assert all(len(one) > 1 for one in picture.nals)
            assert not picture.is_key or kinds(picture)[:3] == [32, 33, 34]
        camera.timestamp += 3600
