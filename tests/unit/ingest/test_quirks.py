# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.quirks: every oddity in the table is replayed from its golden."""

import importlib

import cv2
import numpy as np
import pytest

from gateway.ingest.quirks import DEFAULT, RECONNECT, table
from gateway.model.time import Moment
from gateway.wire import multipart, rtcp, sdp
from gateway.wire.capture import CaptureClock
from gateway.wire.h264 import H264Depacketizer
from gateway.wire.multipart import MultipartReceiver, boundary_of
from tests.goldens import FOLDER, golden, packets, pictures

QUIRKS = tuple(table())
COLOURS = ((30, 40, 200), (40, 200, 30), (200, 60, 20))
"""Blue, green, red of the three pictures in every multipart golden."""
NOW = Moment(500.0, 1_795_348_800_000_000)


def test_a_returning_camera_is_tried_again_soon_enough():
    """The longest silence between two SYNs leaves the rest of 2 s for handshake and picture."""
    refused_s = RECONNECT.most_s * (1 + RECONNECT.jitter)
    unanswered_s = DEFAULT.handshake_s - 1.0 + 0.1
    assert RECONNECT.from_begin
    assert max(refused_s, unanswered_s) <= 1.3


def test_refused_credentials_are_tried_ever_more_rarely():
    """Cameras lock accounts after three to seven wrong tries within minutes."""
    assert RECONNECT.refused_s == (30.0, 120.0, 600.0, 1800.0)


@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda one: one.name)
def test_every_oddity_has_a_name_a_place_and_an_example(quirk):
    """The table names a module that exists and a golden that is there."""
    assert importlib.import_module(quirk.where)
    assert quirk.what
    assert (FOLDER / quirk.golden).exists(), "record one"


def test_names_are_unique():
    """A log line or a page that names an oddity means one."""
    assert len({one.name for one in QUIRKS}) == len(QUIRKS)


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize("name", multipart.QUIRKS)
def test_motion_jpeg_arrives_whole_however_it_is_wrapped(name, step):
    """All three pictures with their colours, in whatever pieces the stream comes."""
    head, _, body = golden(f"quirk-{name}.multipart").partition(b"\r\n\r\n")
    receiver = MultipartReceiver(boundary_of(head.decode().removeprefix("Content-Type: ")) or "")
    found = []
    for at in range(0, len(body), step):
        found += receiver.receive(body[at : at + step])
    assert len(found) == 3
    assert receiver.lost == 0
    for jpeg, colour in zip(found, COLOURS, strict=True):
        pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert np.abs(pixels.reshape(-1, 3).mean(0) - colour).max() < 4
        assert jpeg.endswith(b"\xff\xd9")


@pytest.mark.parametrize(
    ("name", "source", "least"),
    [
        ("marker-inside-picture", "x264-320x180-slices.h264", 9),
        ("sets-with-own-timestamp", "x264-320x180.h264", 29),
    ],
)
def test_odd_packets_give_the_pictures_that_were_coded(name, source, least):
    """NAL units of each picture as encoded, key pictures with their parameter sets in front."""
    coded = pictures(source)
    depacketizer = H264Depacketizer(96)
    found = [
        picture
        for packet in packets(f"quirk-{name}.rtp")
        for picture in depacketizer.receive(packet)
    ]
    assert len(found) >= least
    assert found[0].is_key
    for picture in found[1:]:  # the first may be cut short by the marker that is not yet known
        assert tuple(nal for nal in picture.nals if nal[0] & 31 != 6) in [
            tuple(nal for nal in one if nal[0] & 31 != 6) for one in coded
        ]


def test_parameter_sets_in_the_sdp_that_make_no_sense_are_left_out():
    """The track is taken; what could be read of the sets is no set."""
    track = sdp.choose(sdp.parse(golden("quirk-broken-sprop.sdp"))).video
    assert track.payload_type == 96
    assert not H264Depacketizer(96, track.parameter_sets).sets.in_force()


def test_a_clock_that_is_years_off_dates_pictures_on_ours():
    """A camera in the year 2000: its picture is as old as it is, the difference is told."""
    (report,) = rtcp.parse(golden("quirk-clock-wrong-by-years.rtcp"))
    capture = CaptureClock()
    capture.report(report, NOW)
    captured = capture.captured(report.timestamp + 90_000, NOW.shifted(1.25))
    assert captured.monotonic_s == pytest.approx(501.0, abs=1e-3)
    assert capture.offset_s == pytest.approx(947_315_713 - 1_795_348_800, abs=1e-3)


def test_a_clock_that_is_not_told_leaves_the_time_of_reception():
    """NTP time 0 is no time."""
    (report,) = rtcp.parse(golden("quirk-clock-untold.rtcp"))
    capture = CaptureClock()
    capture.report(report, NOW)
    assert capture.captured(report.timestamp, NOW) == NOW
    assert capture.offset_s is None
