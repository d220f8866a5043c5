# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.rtp."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire import rtp
from gateway.wire.rtp import RtpPacket, TimestampUnwrapper, parse

PACKETS = st.builds(
    RtpPacket,
    st.integers(0, 127),
    st.booleans(),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=64),
)


@given(PACKETS)
def test_parse_undoes_serialise(packet: RtpPacket):
    """Every packet survives the way through bytes."""
    assert parse(packet.serialise()) == packet


def test_extension_sources_and_padding_are_cut_away():
    """A packet with everything optional yields just its payload (ONVIF replay header)."""
    head = bytes([0x80 | 0x20 | 0x10 | 2, 0x80 | 96]) + bytes([0, 7, 0, 0, 0, 9, 0, 0, 0, 5])
    extension = bytes.fromhex("abac0003") + bytes(12)
    data = head + bytes(8) + extension + b"payload" + b"\0\0\3"
    assert parse(data) == RtpPacket(96, True, 7, 9, 5, b"payload")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x80" * 11, "11 bytes"),
        (b"\x40" + bytes(11), "version 1"),
        (b"\x90" + bytes(13), "extension"),
        (b"\x90" + bytes(11) + b"\0\0\xff\xff", "exceed"),
        (b"\xa0" + bytes(12), "padding of length 0"),
        (b"\xa0" + bytes(11) + b"\x05", "exceed"),
        (b"\x8f" + bytes(20), "exceed"),
    ],
)
def test_impossible_headers_are_refused(data: bytes, words: str):
    """Each way in which a header can promise more than there is says so."""
    with pytest.raises(WireError, match=words):
        parse(data)


@given(st.integers(0, 0xFFFFFFFF), st.lists(st.integers(-(2**31), 2**31 - 1), max_size=30))
def test_unwrapped_time_follows_any_step_below_half_the_range(start: int, steps: list[int]):
    """The unwrapped number moves exactly as far as the true time did."""
    unwrapper = TimestampUnwrapper()
    true = start
    assert unwrapper.unwrap(true) == start
    for step in steps:
        true += step
        assert unwrapper.unwrap(true & 0xFFFFFFFF) == true


@given(st.binary(max_size=60))
def test_any_bytes_give_a_packet_or_a_wire_error(data: bytes):
    """No input escapes the error tree."""
    try:
        packet = parse(data)
    except WireError:
        return
    assert len(packet.payload) <= len(data) - 12


def test_playout_delay_is_one_octet_form_in_hundredths():
    """RFC 8285 §4.2: 0xBEDE, one word; number and length, then least and most of 12 bits."""
    found = rtp.playout_delay(5, 0.15)
    assert found == b"\xbe\xde\0\1\x52" + (15 << 12 | 0xFFF).to_bytes(3, "big")
    assert rtp.playout_delay(14, 1e6)[5:] == b"\xff\xff\xff"
    packet = bytes((rtp.EXTENDED, 96)) + bytes(10) + found + b"payload"
    assert rtp.parse(packet).payload == b"payload"
