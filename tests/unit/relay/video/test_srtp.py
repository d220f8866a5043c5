# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Our SRTP against libsrtp as the receiver."""

import pylibsrtp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.relay.video.srtp import PROFILES, RtpStream, Srtcp, SrtpKeys, protector
from gateway.wire import rtp

STREAM = RtpStream(0xDEADBEEF, 102)
PAYLOADS = (b"a" * 1188, b"b" * 1188, b"c" * 7)
by_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda one: one.name)


def keys(profile):
    size_bytes = profile.key_bytes + profile.salt_bytes
    return SrtpKeys(profile, bytes(range(size_bytes)), bytes(range(100, 100 + size_bytes)))


def mirrored(one):
    return SrtpKeys(one.profile, one.theirs, one.ours)


def receiver(one):
    policy = pylibsrtp.Policy(
        key=one.ours,
        ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND,
        srtp_profile=one.profile.libsrtp,
    )
    policy.window_size = 1024
    return pylibsrtp.Session(policy)


def packets(sender, index, timestamp=5, payloads=PAYLOADS, ends=True):
    buffers = sender.protect(STREAM, index, timestamp, payloads, ends_picture=ends)
    cut = sender.pieces
    return [b"".join(buffers[at : at + cut]) for at in range(0, len(buffers), cut)]


@by_profile
def test_receiver_reads_packets(profile):
    """libsrtp authenticates each packet; header, payload and marker are right."""
    sender, session = protector(keys(profile)), receiver(keys(profile))
    read = [rtp.parse(session.unprotect(one)) for one in packets(sender, 1000)]
    assert [one.payload for one in read] == list(PAYLOADS)
    assert [one.sequence for one in read] == [1000, 1001, 1002]
    assert [one.marker for one in read] == [False, False, True]
    assert {(one.ssrc, one.payload_type, one.timestamp) for one in read} == {(STREAM.ssrc, 102, 5)}


@by_profile
@pytest.mark.parametrize("extension", [b"", rtp.playout_delay(3, 0.1)], ids=["plain", "extended"])
@pytest.mark.parametrize("first", [65_533, 65_536, 4 * 65_536 - 1])
def test_a_run_goes_on_over_the_end_of_the_sequence_numbers(profile, first, extension):
    """The sequence begins anew within a run: the receiver counts the round, and reads them all."""
    sender, session = protector(keys(profile)), receiver(keys(profile))
    for index in range(0, first, 30_000):  # so that it knows the round
        session.unprotect(packets(sender, index, payloads=(b"before",))[0])
    many = tuple(bytes((number,)) * 1000 for number in range(48))
    buffers = sender.protect(STREAM, first, 9, many, ends_picture=True, extension=extension)
    cut = sender.pieces
    joined = [b"".join(buffers[at : at + cut]) for at in range(0, len(buffers), cut)]
    read = [rtp.parse(session.unprotect(one)) for one in joined]
    assert [one.payload for one in read] == list(many)
    assert [one.sequence for one in read] == [(first + at) % 65_536 for at in range(48)]
    assert [one.marker for one in read] == [False] * 47 + [True]
    assert {(one.ssrc, one.payload_type, one.timestamp) for one in read} == {(STREAM.ssrc, 102, 9)}


@by_profile
def test_overhead_is_what_is_added(profile):
    """Each packet is longer than its payload by the stated overhead."""
    sender = protector(keys(profile))
    sizes = [len(one) for one in packets(sender, 1)]
    assert sizes == [len(one) + sender.overhead_bytes for one in PAYLOADS]


@by_profile
def test_sequence_wraps_around(profile):
    """The roll-over counter follows the index over two wraps of the sequence number."""
    sender, session = protector(keys(profile)), receiver(keys(profile))
    for index in range(32_000, 3 * 65_536, 999):
        for one in packets(sender, index, payloads=(b"x", b"y", b"z")):
            session.unprotect(one)
    wrapped = rtp.parse(
        session.unprotect(packets(sender, 3 * 65_536 + 10_000, payloads=(b"end",))[0])
    )
    assert (wrapped.sequence, wrapped.payload) == (10_000, b"end")


@by_profile
def test_repeat_is_the_same_packet(profile):
    """Protecting an index again yields identical bytes, and the receiver takes them if lost."""
    sender, session = protector(keys(profile)), receiver(keys(profile))
    first = packets(sender, 500, payloads=(b"lost", b"seen"))
    session.unprotect(first[1])
    for index in range(502, 1000):
        session.unprotect(packets(sender, index, payloads=(b"more",))[0])
    again = packets(sender, 500, payloads=(b"lost",), ends=False)
    assert again == first[:1]
    assert rtp.parse(session.unprotect(again[0])).payload == b"lost"
    with pytest.raises(pylibsrtp.Error):
        session.unprotect(again[0])


@by_profile
def test_rtcp_both_ways(profile):
    """What one side protects the other reads, once."""
    ours, theirs = Srtcp(keys(profile)), Srtcp(mirrored(keys(profile)))
    packet = b"\x80\xc9\0\1\0\0\0\7"
    data = ours.protect(packet)
    assert theirs.unprotect(data) == packet
    with pytest.raises(WireError):
        theirs.unprotect(data)
    assert ours.unprotect(theirs.protect(packet)) == packet


@by_profile
@given(data=st.binary(max_size=1600))
def test_forged_rtcp(profile, data):
    """Any bytes that the peer did not protect are a WireError."""
    with pytest.raises(WireError):
        Srtcp(keys(profile)).unprotect(data)


def test_keys_are_not_shown():
    """Printing keys does not show them."""
    text = repr(keys(PROFILES[0]))
    assert "ours" not in text
    assert r"\x01\x02" not in text
