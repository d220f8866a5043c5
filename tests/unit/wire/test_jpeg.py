# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.jpeg."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire import jfif, jpeg
from gateway.wire.jpeg import MAIN, JpegDepacketizer
from gateway.wire.packetize import fragment_jpeg
from tests.footage import rgb
from tests.goldens import packets
from tests.rtp_camera import Camera, feed

SMPTE = ((236, 236, 236), (236, 237, 13), (14, 238, 238), (14, 239, 15), (238, 13, 237))
"""The first bars of GStreamer's test picture."""


def shown(data):
    """Return the pixels of a JPEG, RGB."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)


def coded(number=0, *, size=(160, 80), quality=92, **options):
    choices = [cv2.IMWRITE_JPEG_QUALITY, quality]
    for name, value in options.items():
        choices += [getattr(cv2, f"IMWRITE_JPEG_{name.upper()}"), value]
    pixels = rgb(number, size=size, visitor=False)
    return bytes(cv2.imencode(".jpg", pixels, choices)[1])


@pytest.mark.parametrize(
    ("name", "count"), [("gstreamer-jpeg-320x240.rtp", 3), ("gstreamer-jpeg-422.rtp", 2)]
)
def test_captures_of_gstreamer_show_the_test_picture(name, count):
    """4:2:0 and 4:2:2: every picture is a whole file with the bars where they belong."""
    depacketizer = JpegDepacketizer(26)
    arrived = feed(depacketizer, packets(name))
    assert len(arrived) == depacketizer.pictures == count
    assert [one.pts_90k - arrived[0].pts_90k for one in arrived] == [9000 * n for n in range(count)]
    for one in arrived:
        assert one.is_key
        pixels = shown(one.nals[0])
        assert pixels.shape == (240, 320, 3)
        for bar, colour in enumerate(SMPTE):
            assert np.abs(pixels[60, 20 + 46 * bar].astype(int) - colour).max() < 6
    assert (depacketizer.size_px, depacketizer.problem) == ((320, 240), "")


@pytest.mark.parametrize("options", [{}, {"rst_interval": 4}, {"sampling_factor": 0x211111}])
@given(most_bytes=st.integers(300, 2000))
@settings(max_examples=10)
def test_pictures_survive_the_way_through_packets(options, most_bytes):
    """Whatever the fragment size, restart markers or sampling: the same pixels arrive."""
    camera, depacketizer = Camera(), JpegDepacketizer(96)
    files = [coded(number, **options) for number in range(3)]
    buffer, arrived = bytearray(2100), []
    for data in files:
        for packet in camera.payloads(fragment_jpeg(data, most_bytes)):
            buffer[: len(packet)] = packet
            arrived += depacketizer.receive(memoryview(buffer)[: len(packet)])
            buffer[:] = bytes(2100)
    for one, data in zip(arrived, files, strict=True):
        assert np.array_equal(shown(one.nals[0]), shown(data))


@given(
    lost=st.sets(st.integers(0, 40), max_size=6),
    doubled=st.sets(st.integers(0, 40), max_size=3),
    swapped=st.sets(st.integers(0, 40), max_size=3),
)
@settings(max_examples=60)
def test_a_loss_costs_the_picture_that_it_hits(lost, doubled, swapped):
    """Every picture that arrives is one that was sent; each loss was counted."""
    camera, depacketizer = Camera(), JpegDepacketizer(96)
    files = [coded(number) for number in range(4)]
    truth = [jfif.parse(data).scan for data in files]
    sent = [one for data in files for one in camera.payloads(fragment_jpeg(data, 900))]
    came = [p for n, p in enumerate(sent) if n not in lost for _ in range(1 + (n in doubled))]
    for at in swapped:
        came[at : at + 2] = came[at : at + 2][::-1]
    arrived = [jfif.parse(one.nals[0]).scan for one in feed(depacketizer, came)]
    assert [one for one in truth if one in arrived] == arrived
    if len(arrived) < 4 and came[-1] == sent[-1] and came[0] == sent[0]:
        assert depacketizer.lost_packets


def main(at, kind=1, quality=50, width=20, height=10, extra=b""):
    return MAIN.pack(at, kind, quality, width, height) + extra


def test_tables_by_quality_are_the_formula_s():
    """Q below 100: no tables in the packets, those of RFC 2435 §4.2 in the file."""
    file = jfif.parse(coded(quality=30))
    camera, depacketizer = Camera(), JpegDepacketizer(96)
    (picture,) = feed(depacketizer, camera.payloads([main(0, quality=30) + file.scan]))
    assert np.array_equal(shown(picture.nals[0]), shown(coded(quality=30)))


def test_tables_that_came_once_are_kept_for_their_quality():
    """A length of 0 means the tables that came before with this Q (§3.1.8)."""
    file = jfif.parse(coded())
    tables = file.tables[0] + file.tables[1]
    first = main(0, quality=200, extra=b"\0\0\0\x80" + tables) + file.scan
    again = main(0, quality=200, extra=b"\0\0\0\0") + file.scan
    other = main(0, quality=201, extra=b"\0\0\0\0") + file.scan
    camera, depacketizer = Camera(), JpegDepacketizer(96)
    one, two = feed(depacketizer, camera.payloads([first]) + camera.payloads([again]))
    assert np.array_equal(shown(one.nals[0]), shown(coded()))
    assert one.nals == two.nals
    assert feed(depacketizer, camera.payloads([other])) == []
    assert "tables for quality 201 never came" in depacketizer.problem


def extended(packet, extension, identity=0xFFD8):
    """Return a packet with a header extension."""
    content = extension + b"\xff" * (-len(extension) % 4)
    head = identity.to_bytes(2, "big") + (len(content) // 4).to_bytes(2, "big")
    return bytes((packet[0] | 0x10,)) + packet[1:12] + head + content + packet[12:]


@pytest.mark.parametrize("replay", [False, True])
def test_large_pictures_bring_their_frame_in_the_extension(replay):
    """ONVIF: SOF and DQT in the packet's extension, alone or behind the replay header."""
    data = coded(size=(2560, 64))
    file = jfif.parse(data)
    segments = jfif.header(file.frame, file.tables, 0)[2:]
    extra = b"".join(
        jfif.segment(marker, segments[begin:end])
        for marker, begin, end in jfif.segments(segments)
        if marker in (jfif.SOF0, jfif.DQT)
    )
    if replay:
        extra += b"\xff" * (-len(extra) % 4)
        nested = b"\xff\xd8" + (len(extra) // 4).to_bytes(2, "big") + extra
        extra, identity = bytes(12) + nested, 0xABAC
    else:
        identity = 0xFFD8
    camera, depacketizer = Camera(), JpegDepacketizer(96)
    first, *rest = camera.payloads(fragment_jpeg(data, 1000))
    (picture,) = feed(depacketizer, [extended(first, extra, identity), *rest])
    assert np.array_equal(shown(picture.nals[0]), shown(data))
    assert depacketizer.size_px == (2560, 64)


@pytest.mark.parametrize("octets", [(0, 0), (0, 8), (2560 // 8 & 0xFF, 8)])
def test_large_pictures_take_the_size_of_the_sdp(octets):
    """Zeros, or what is left of a number that does not fit into its octet."""
    data = coded(size=(2560, 64))
    scan = jfif.parse(data).scan
    camera, depacketizer = Camera(), JpegDepacketizer(96, (2560, 64))
    width, height = octets
    head = main(0, quality=92, width=width, height=height)
    (picture,) = feed(depacketizer, camera.payloads([head + scan]))
    assert np.array_equal(shown(picture.nals[0]), shown(data))


def test_a_picture_without_a_size_is_explained():
    """Beyond 2040 pixels, and nothing says how large."""
    camera, depacketizer = Camera(), JpegDepacketizer(96)
    assert feed(depacketizer, camera.payloads([main(0, width=0) + b"scan"])) == []
    assert depacketizer.problem == "JPEG larger than 2040 pixels, and nothing says how large"
    assert depacketizer.damaged_units == 1


def test_a_resolution_that_changes_is_followed():
    """The SDP's size no longer counts when the packets say something else."""
    data = coded(size=(320, 160))
    camera, depacketizer = Camera(), JpegDepacketizer(96, (160, 80))
    (picture,) = feed(depacketizer, camera.payloads(fragment_jpeg(data)))
    assert shown(picture.nals[0]).shape == (160, 320, 3)
    assert depacketizer.size_px == (320, 160)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"\0\0\0", "packet of 3 bytes"),
        (main(0, kind=2) + b"x", "type 2 is not supported"),
        (main(0, kind=200) + b"x", "type 200 is not supported"),
        (main(0, quality=0) + b"x", "reserved quality 0"),
        (main(0, quality=110) + b"x", "reserved quality 110"),
        (main(0, quality=255) + b"\0\0", "tables cut short"),
        (main(0, quality=255) + b"\0\0\0\0", "quality 255 never came"),
        (main(0, quality=255) + b"\0\0\0\x09abc", "tables of 9 bytes"),
        (main(0, quality=255) + b"\0\0\0\x80abc", "tables of 128 bytes"),
        (main(1 << 24) + b"x", "interlaced"),
        (main(7) + b"x", "without its beginning"),
    ],
)
def test_a_damaged_payload_costs_its_picture_and_is_explained(payload, words):
    """The next picture is fine."""
    good = fragment_jpeg(coded())
    camera, depacketizer = Camera(), JpegDepacketizer(96)
    arrived = feed(depacketizer, camera.payloads([payload]) + camera.payloads(good))
    assert len(arrived) == 1
    assert depacketizer.damaged_units == 1
    assert words in depacketizer.problem


def test_fragments_that_do_not_follow_are_not_joined():
    """A gap between offsets, and a fragment of another shape."""
    for second in (main(9) + b"y", main(1, quality=51) + b"y"):
        camera, depacketizer = Camera(), JpegDepacketizer(96)
        assert feed(depacketizer, camera.payloads([main(0) + b"x", second])) == []
        assert depacketizer.damaged_units == 1


def test_a_new_beginning_ends_a_picture_without_marker():
    """A camera that never sets the marker still gives pictures, one late."""
    camera, depacketizer = Camera(), JpegDepacketizer(96)
    parts = fragment_jpeg(coded())
    sent = [one for _ in range(3) for one in camera.payloads(parts, marker=False, step=0)]
    assert len(feed(depacketizer, sent)) == 2
    camera.timestamp += 1
    assert len(feed(depacketizer, camera.payloads(parts))) == 2


def test_a_picture_beyond_the_bound_is_dropped(monkeypatch):
    """Endless fragments do not grow memory."""
    monkeypatch.setattr(jpeg, "MOST_PICTURE_BYTES", 5000)
    camera, depacketizer = Camera(), JpegDepacketizer(96)
    for at in range(0, 40_000, 1000):
        depacketizer.receive(camera.packet(main(at) + bytes(1000)))
        assert len(depacketizer._scan or b"") <= 6000
    assert "larger than 5000 bytes" in depacketizer.problem


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 2, 4, 1 << 24]),
            st.sampled_from([0, 1, 2, 64, 65, 130]),
            st.sampled_from([0, 50, 128, 255]),
            st.binary(max_size=30),
            st.booleans(),
            st.binary(max_size=12) | st.none(),
        ),
        max_size=20,
    )
)
def test_no_packets_whatsoever_make_it_raise(stream):
    """Any headers, contents and extensions give whole files or a counted problem."""
    camera, depacketizer = Camera(), JpegDepacketizer(96)
    for at, kind, quality, content, marker, extension in stream:
        packet = camera.packet(main(at, kind, quality) + content, marker=marker)
        sent = packet if extension is None else extended(packet, extension)
        for one in depacketizer.receive(sent):
            assert one.nals[0].startswith(jfif.SOI)
            assert one.nals[0].endswith(jfif.EOI)
            jfif.parse(one.nals[0])
