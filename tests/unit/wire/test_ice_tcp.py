# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Frames of ICE-TCP, cut wherever a stream may cut them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire.ice_tcp import MOST_BYTES, FrameSplitter, framed

DATAGRAMS = st.lists(st.binary(max_size=200), max_size=8)


@given(DATAGRAMS, st.lists(st.integers(0, 40), max_size=60))
def test_any_cut_gives_the_same_datagrams(datagrams, cuts):
    """What was framed comes out again, whatever pieces the stream arrives in."""
    stream, splitter, got = framed(datagrams, 1), FrameSplitter(), []
    for cut in [*cuts, len(stream)]:
        got += splitter.receive(stream[:cut])
        stream = stream[cut:]
    assert got == datagrams


def test_pieces_of_a_datagram_share_a_frame():
    """A datagram of several buffers is one frame, with its length in network order (RFC 4571)."""
    assert framed([b"he", b"ad", b"x", b""], 2) == b"\0\4head\0\1x"


def test_a_frame_has_a_bound():
    """More than any datagram of ours ends the connection, before it is kept."""
    FrameSplitter().receive(MOST_BYTES.to_bytes(2, "big"))
    with pytest.raises(WireError, match="2049 bytes"):
        FrameSplitter().receive((MOST_BYTES + 1).to_bytes(2, "big"))
