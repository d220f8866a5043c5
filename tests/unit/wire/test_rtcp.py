# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.rtcp."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire.rtcp import (
    ReceptionReport,
    RtcpBye,
    RtcpDescription,
    RtcpFullIntra,
    RtcpNack,
    RtcpPictureLoss,
    RtcpReceiverReport,
    RtcpSenderReport,
    ntp_from_utc_us,
    parse,
    serialise,
    utc_us_from_ntp,
)

U32 = st.integers(0, 0xFFFFFFFF)
REPORTS = st.lists(
    st.builds(
        ReceptionReport,
        U32,
        st.integers(0, 255),
        st.integers(-(2**23), 2**23 - 1),
        U32,
        U32,
        U32,
        U32,
    ),
    max_size=3,
).map(tuple)
SEQUENCES = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=40, unique=True).map(tuple)
PACKET = st.one_of(
    st.builds(RtcpSenderReport, U32, st.integers(0, 2**64 - 1), U32, U32, U32, REPORTS),
    st.builds(RtcpReceiverReport, U32, REPORTS),
    st.builds(
        RtcpDescription,
        st.lists(st.tuples(U32, st.text(max_size=60)), max_size=3).map(tuple),
    ),
    st.builds(RtcpBye, st.lists(U32, max_size=3).map(tuple), st.text(max_size=60)),
    st.builds(RtcpPictureLoss, U32, U32),
    st.builds(
        RtcpFullIntra,
        U32,
        st.lists(st.tuples(U32, st.integers(0, 255)), max_size=3).map(tuple),
    ),
)


@given(st.lists(PACKET, max_size=4))
def test_compound_packets_survive(packets: list):
    """What is built is read back, in order, whole words each."""
    data = serialise(packets)
    assert len(data) % 4 == 0
    assert parse(data) == packets


@given(SEQUENCES)
def test_a_nack_asks_for_exactly_the_lost_packets(sequences: tuple[int, ...]):
    """Masks pack what is within sixteen and nothing more is asked for."""
    (packet,) = parse(serialise([RtcpNack(1, 2, sequences)]))
    assert isinstance(packet, RtcpNack)
    assert set(packet.sequences) == set(sequences)


def test_a_run_of_seventeen_fits_one_nack_entry():
    """One identifier and a full mask, across the wrap of the sequence number."""
    lost = tuple((65530 + index) & 0xFFFF for index in range(17))
    data = serialise([RtcpNack(1, 2, lost)])
    assert len(data) == 16
    assert parse(data) == [RtcpNack(1, 2, lost)]


def test_what_is_seventeen_after_needs_an_entry_of_its_own():
    """The mask ends at sixteen."""
    data = serialise([RtcpNack(1, 2, (5, 22))])
    assert data[12:].hex() == "0005000000160000"


def test_bytes_of_a_picture_loss_are_those_of_the_rfc():
    """RFC 4585 §6.3.1: format 1, type 206, two words."""
    assert serialise([RtcpPictureLoss(1, 2)]).hex() == "81ce00020000000100000002"


def test_unknown_types_are_skipped_and_padding_removed():
    """A bandwidth estimate and an extended report do not hide the goodbye behind them."""
    remb = bytes.fromhex("8fce0005000000010000000052454d42010bffff00000001")
    extended = bytes.fromhex("80cf000100000001")
    padded_bye = bytes.fromhex("a1cb00020000002a00000004")
    assert parse(remb + extended + padded_bye) == [RtcpBye((42,))]


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\xc8",
        bytes.fromhex("80c80006") + bytes(20),
        bytes.fromhex("81c80006") + bytes(24),
        bytes.fromhex("40c80000"),
        bytes.fromhex("a1cb0001000000ff"),
        bytes.fromhex("82cb000100000001"),
        bytes.fromhex("81ca000100000001"),
        bytes.fromhex("81ca0002000000010140 6162".replace(" ", "")),
        bytes.fromhex("81cd000200000001") + bytes(4),
        bytes.fromhex("81cd0177") + bytes(0x177 * 4),
        bytes.fromhex("81ce000100000001"),
    ],
)
def test_packets_that_promise_more_than_they_hold_are_refused(data: bytes):
    """Short reports, items and feedback, wrong version, and a NACK larger than a frame."""
    with pytest.raises(WireError, match="RTCP"):
        parse(data)


@given(st.binary(max_size=80))
def test_any_bytes_give_packets_or_a_wire_error(data: bytes):
    """No input escapes the error tree."""
    try:
        packets = parse(data)
    except WireError:
        return
    assert len(packets) <= len(data) // 4


@given(st.integers(0, 4_000_000_000_000_000))
def test_ntp_time_survives_to_the_microsecond_beyond_2036(utc_us: int):
    """Both eras convert, exact to one microsecond."""
    assert abs(utc_us_from_ntp(ntp_from_utc_us(utc_us)) - utc_us) <= 1


def test_ntp_of_a_known_instant():
    """Half a second past 2026-11-22T00:00:00Z, which is 4,004,294,400 seconds of NTP."""
    assert ntp_from_utc_us(1_795_305_600_500_000) == 4_004_294_400 << 32 | 1 << 31
