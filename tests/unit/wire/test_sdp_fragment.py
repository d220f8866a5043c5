# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Trickle ICE fragments as players send them, and our answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import sdp_fragment, sdp_offer
from gateway.wire.sdp_fragment import Fragment, FragmentError

USUAL = (
    "a=ice-ufrag:EsAw\r\n"
    "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"
    "a=mid:0\r\n"
    "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw\r\n"
    "a=candidate:473322822 1 tcp 1518280447 2001:db8::1 9 typ host tcptype active\r\n"
    "a=candidate:1 1 UDP 1 a1b2c3d4.local 9 typ host\r\n"
    "a=end-of-candidates\r\n"
)


def test_candidates_of_a_session():
    """Credentials, mid and candidates are read; mDNS names and TCP are candidates like others."""
    read = sdp_fragment.read(USUAL)
    assert (read.ufrag, read.password, read.mids) == ("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1", ("0",))
    assert len(read.candidates) == 3


def test_the_end_of_candidates_alone():
    """Without credentials it belongs to the running ICE session."""
    assert sdp_fragment.read("a=mid:0\na=end-of-candidates\n") == Fragment("", "", ("0",), ())
    assert sdp_fragment.read("a=candidate:\r\n").candidates == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no attributes"),
        ("m=video 9 x 0\r\n", "no attributes"),
        (USUAL + "nonsense\r\n", "line 9"),
        (USUAL + "x" * 20_000, "characters"),
        (USUAL.replace("typ host generation", "typ"), "candidate"),
        (USUAL + "a=candidate:1 1 UDP 1 192.0.2.9 9 typ host\r\n" * 64, "67 candidates"),
        (USUAL + "a=ice-ufrag:other\r\n", "several ICE sessions"),
        (USUAL.replace("EsAw\r\na=ice-pwd", "a b\r\na=ice-pwd"), "credentials"),
        (USUAL.replace("P2uYro0UCOQ4zxjKXaWCBui1", "x"), "credentials"),
    ],
)
def test_what_is_wrong_is_said(text, problem):
    """Each unreadable fragment is refused with what is wrong."""
    with pytest.raises(FragmentError, match=problem):
        sdp_fragment.read(text)


@given(st.text(max_size=200), st.integers(0, 300), st.integers(0, 300))
def test_any_text(text, start, end):
    """Any text, and any damage to a good fragment, is a Fragment or a FragmentError."""
    for one in (text, USUAL[:start] + text + USUAL[end:]):
        try:
            read = sdp_fragment.read(one)
        except FragmentError:
            continue
        assert len(read.candidates) <= sdp_fragment.MOST_CANDIDATES


def test_our_answer_is_a_fragment():
    """What we answer can be read: our credentials, the mid, every candidate."""
    lines = sdp_offer.candidates(("192.0.2.1", "2001:db8::1"), 8189, tcp=True)
    text = sdp_fragment.answer("ours", "our-password-22-characters", "0", lines)
    read = sdp_fragment.read(text)
    assert (read.ufrag, read.password) == ("ours", "our-password-22-characters")
    assert read.mids == ("0",)
    assert len(read.candidates) == 4
    assert sdp_fragment.read(sdp_fragment.answer("ours", "password", "", lines)).mids == ()
