# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.bits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire.bits import BitReader, unescape


def test_emulation_prevention_is_removed_before_reading():
    """Two zeros and a three mean two zeros, wherever they stand (H.264 §7.4.1)."""
    assert unescape(b"\0\0\3\1\0\0\3\0\0\3") == b"\0\0\1\0\0\0\0"
    reader = BitReader(b"\0\0\3\x01\x80\x40\x40")
    assert reader.golomb() == (1 << 23) - 1 + 0x402020


def test_codes_have_the_values_of_the_standard():
    """The first codes of ue(v) and se(v) (H.264 tables 9-2 and 9-3)."""
    text = "10100110010000101"
    data = int(text.ljust(24, "0"), 2).to_bytes(3, "big")
    reader = BitReader(data)
    assert [reader.golomb() for _ in range(5)] == [0, 1, 2, 3, 4]
    reader = BitReader(data)
    assert [reader.signed_golomb() for _ in range(5)] == [0, 1, -1, 2, -2]


@given(st.binary(max_size=20), st.lists(st.integers(0, 40), max_size=12))
def test_reading_beyond_the_end_is_a_wire_error(data, counts):
    """Whatever is read, it is what stands there, or a WireError where nothing does."""
    plain = unescape(data)
    text = "".join(f"{octet:08b}" for octet in plain)
    reader, at = BitReader(data), 0
    for count in counts:
        if at + count > len(text):
            with pytest.raises(WireError, match="cut short"):
                reader.bits(count)
            return
        assert reader.bits(count) == int(text[at : at + count] or "0", 2)
        at += count
