# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.pictures: what H.264 and H.265 have in common."""

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire import pictures
from gateway.wire.h264 import H264Depacketizer
from gateway.wire.h265 import H265Depacketizer
from gateway.wire.packetize import fragment, fragment_h265
from gateway.wire.rtp import RtpPacket
from tests import goldens
from tests.goldens import packets
from tests.rtp_camera import Camera, feed

H264 = goldens.pictures("x264-320x180-slices.h264")
H265 = [one.nals for one in feed(H265Depacketizer(96), packets("gstreamer-x265-320x180.rtp"))]


def in_packets(source, most_bytes):
    """Return the packets of all pictures, with the depacketizer that takes them."""
    camera = Camera()
    if source is H264:
        return H264Depacketizer(96), [p for n in source for p in camera.picture(n, most_bytes)]
    payloads = [[*chain(*fragment_h265(nals, most_bytes))] for nals in source]
    return H265Depacketizer(96), [p for one in payloads for p in camera.payloads(one)]


@pytest.mark.parametrize("source", [H264, H265], ids=["h264", "h265"])
@given(
    most_bytes=st.integers(60, 900),
    events=st.lists(st.tuples(st.sampled_from(["lose", "double", "swap"]), st.integers(0, 400))),
)
@settings(max_examples=80)
def test_whatever_the_network_does_what_arrives_is_whole(source, most_bytes, events):
    """Lost, doubled and swapped packets: each picture is one that was sent, in order, decodable.

    What is missing was counted.
    """
    depacketizer, sent = in_packets(source, most_bytes)
    came = list(sent)
    for event, at in events:
        place = at % max(1, len(came) - 1)
        if event == "lose":
            del came[place : place + 1]
        elif event == "double":
            came.insert(place, came[place])
        else:
            came[place : place + 2] = came[place : place + 2][::-1]
    arrived = feed(depacketizer, came)
    keys = [one.is_key for one in feed(in_packets(source, most_bytes)[0], sent)]
    numbers = [source.index(one.nals) for one in arrived]
    for before, number in zip([-1, *numbers], numbers, strict=False):
        assert keys[number] or before == number - 1
    if len(arrived) < len(source) and (came[0], came[-1]) == (sent[0], sent[-1]):
        assert depacketizer.lost_packets


@pytest.mark.parametrize(
    ("source", "make", "sets"), [(H264, H264Depacketizer, 2), (H265, H265Depacketizer, 3)]
)
def test_it_is_told_where_the_parameter_sets_come_from(source, make, sets):
    """From the SDP, from the stream, or from both; half a set in the SDP is none."""

    def played(nals, told):
        depacketizer = make(96, told)
        cut = fragment_h265 if make is H265Depacketizer else fragment
        parts = [*chain(*cut(nals))]
        pictures = feed(depacketizer, Camera().payloads(parts))
        return depacketizer.parameter_sets, len(pictures)

    key = source[0]
    assert make(96).parameter_sets == ""
    assert played(key, ()) == ("in-band", 1)
    assert played(key, key[: sets - 1]) == ("in-band", 1)
    assert played(key, key[:sets]) == ("both", 1)
    assert played(key[sets:], key[:sets]) == ("SDP", 1)
    assert played(key[sets:], ()) == ("", 0)


@pytest.mark.parametrize("make", [H264Depacketizer, H265Depacketizer])
@given(
    st.lists(
        st.builds(
            lambda marker, sequence, time, payload: RtpPacket(
                96, marker, sequence, time, 7, payload
            ).serialise(),
            st.booleans(),
            st.integers(0, 12),
            st.integers(0, 3),
            st.binary(max_size=20),
        ),
        max_size=60,
    )
)
def test_memory_is_bounded_whatever_comes(make, stream):
    """No picture under construction outgrows its bound."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "MOST_UNIT_BYTES", 40)
        patch.setattr(pictures, "MOST_UNIT_NALS", 4)
        depacketizer = make(96)
        for packet in stream:
            depacketizer.receive(packet)
            assert len(depacketizer._nals) <= 4
            assert sum(map(len, depacketizer._nals)) <= 40
            assert len(depacketizer._fragments or b"") <= 60


def test_sets_are_in_force_once_there_is_one_of_each_kind():
    """Both codecs: nothing before, all of them kind by kind afterwards."""
    for make, source in ((H264Depacketizer, H264), (H265Depacketizer, H265)):
        *first, last = source[0][: 2 if make is H264Depacketizer else 3]
        sets = make(96).sets
        for nal in first:
            sets.learn(nal)
        assert sets.in_force() == ()
        assert not sets.learn(last)
        assert sets.in_force() == (*first, last)
        assert not sets.learn(last), "the same again changes nothing"


def test_fragments_are_as_small_as_one_byte():
    """The smallest payload that the packetizers are asked for still carries a picture."""
    nals = (b"\x67\x42\x00\x1e", b"\x68\xce", b"\x65" + bytes(range(128, 200)))
    camera, depacketizer = Camera(), H264Depacketizer(96)
    payloads = [one for run in fragment(nals, 8) for one in run]
    feed(depacketizer, camera.payloads(payloads))
    assert depacketizer.pictures == 1
