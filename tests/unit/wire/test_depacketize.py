# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.depacketize."""

from dataclasses import replace

import numpy as np
import pytest

from gateway.model.media import Codec
from gateway.wire import sdp
from gateway.wire.depacketize import depacketizer
from gateway.wire.packetize import payloads
from gateway.wire.sdp import VideoTrack
from tests.footage import decoded, later, scene
from tests.rtp_camera import Camera, feed


@pytest.mark.parametrize("codec", list(Codec))
def test_what_is_described_and_packetized_arrives(codec):
    """The way through SDP and packets gives the units back, whatever the codec."""
    units = scene(6, gop=3, codec=codec, size=(320, 240))
    body = sdp.describe(
        units[0].nals[:3] if codec is not Codec.JPEG else (),
        name="gate",
        payload_type=96,
        control="track0",
        codec=codec,
    )
    joined = depacketizer(sdp.choose(sdp.parse(body)).video)
    camera = Camera(timestamp=0)
    packets = [packet for unit in units for packet in camera.payloads(payloads(unit))]
    arrived = feed(joined, packets)
    assert [one.pts_90k for one in arrived] == [unit.pts_90k for unit in units]
    assert [one.is_key for one in arrived] == [unit.is_key for unit in units]
    if codec is not Codec.JPEG:
        assert [one.nals for one in arrived] == [unit.nals for unit in units]
    assert (joined.codec, joined.size_px, joined.pictures) == (codec, (320, 240), 6)
    assert (joined.lost_packets, joined.damaged_units, joined.skipped_units) == (0, 0, 0)
    assert joined.problem == ""


@pytest.mark.parametrize("codec", list(Codec))
def test_any_packet_is_survived(codec):
    """Nothing raises, everything is counted or explained."""
    joined = depacketizer(VideoTrack(96, codec, "", ()))
    assert feed(joined, [b"", b"\x80", bytes(12), b"\xff" * 40]) == []
    assert joined.problem


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_a_resolution_that_changes_early_spoils_no_picture(codec):
    """New sets with the old numbers in the middle of a group: every picture decodes all the same.

    Until the next key picture they are the old pictures, from then on the new ones.
    """
    count = 2 if codec is Codec.H264 else 3
    old = scene(6, gop=6, codec=codec)
    new = later(scene(6, gop=6, codec=codec, size=(160, 128)), 6 * 3600)
    nals = [unit.nals for unit in (*old, *new)]
    nals[3] = (*new[0].nals[:count], *nals[3])
    joined = depacketizer(VideoTrack(96, codec, "", ()))
    camera, arrived = Camera(timestamp=0), []
    for unit, one in zip((*old, *new), nals, strict=True):
        for packet in camera.payloads(payloads(replace(unit, nals=one))):
            arrived += [
                replace(unit, nals=picture.nals, is_key=picture.is_key)
                for picture in joined.receive(packet)
            ]
    shown = decoded(arrived)
    assert [picture.shape for picture in shown] == [(240, 320, 3)] * 6 + [(128, 160, 3)] * 6
    for picture, truth in zip(shown, decoded(old) + decoded(new), strict=True):
        assert np.array_equal(picture, truth)
    assert joined.size_px == (160, 128)
