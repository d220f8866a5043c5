# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Frames of a line: what is written is read, what is strange ends the connection."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire.uplink import (
    MOST_BLOB_BYTES,
    MOST_FRAME_BYTES,
    MOST_HEAD_BYTES,
    Frame,
    FrameDecoder,
    encode,
)

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NUMBER = st.integers(0, 2**53 - 1)
FRAMES = st.builds(
    Frame,
    st.text("abcdefghijklmnopqrstuvwxyz-_?.019", min_size=1, max_size=40),
    st.dictionaries(TEXT, JSON, max_size=4),
    st.binary(max_size=200),
    NUMBER,
    NUMBER,
    st.none() | st.tuples(st.just("no"), st.just("not today")),
)


def raw(head, blob=b""):
    """Return the bytes of a frame with any head."""
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return (2 + len(text) + len(blob)).to_bytes(4) + len(text).to_bytes(2) + text + blob


@given(st.lists(FRAMES, max_size=4), st.integers(1, 50))
def test_what_is_written_is_read_however_it_is_cut(frames, step):
    """Frames come out as they went in, also when bytes come in pieces."""
    data, decoder = b"".join(map(encode, frames)), FrameDecoder()
    found = []
    for at in range(0, len(data), step):
        found += decoder.receive(data[at : at + step])
    assert found == frames


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"no json",
        b"[1]",
        b'"text"',
        b'{"k": ',
        b"[" * 30_000,
        {"b": {}},
        {"k": ""},
        {"k": "x" * 41},
        {"k": "two words"},
        {"k": "UPPER"},
        {"k": "caffè"},
        {"k": 3},
        {"k": "a", "b": []},
        {"k": "a", "n": -1},
        {"k": "a", "n": 2**53},
        {"k": "a", "n": True},
        {"k": "a", "n": 1.0},
        {"k": "a", "a": "1"},
        {"k": "a", "e": "no"},
        {"k": "a", "e": ["no"]},
        {"k": "a", "e": ["no", 3]},
        b'{"k": "a", "b": {"x": NaN}}',
        b'{"k": "a", "b": {"x": -Infinity}}',
        b'{"k": "a", "b": {"x": 1e999}}',
        b'{"k": "a", "b": {"x": "\\ud800"}}',
        b'{"k": "a", "b": {"\\udfff": 1}}',
        b'{"k": "a", "b": {"x": "\xff"}}',
    ],
)
def test_strange_heads_are_errors_of_one_line(head):
    """Whatever a head is that no valid end sends, WireError says so and can be logged."""
    with pytest.raises(WireError) as caught:
        FrameDecoder().receive(raw(head))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("size", [0, 1, 2, MOST_FRAME_BYTES + 1, 2**32 - 1])
def test_lengths_that_cannot_be_are_refused_before_anything_is_kept(size):
    """A length of nonsense ends the connection with its first four bytes."""
    with pytest.raises(WireError):
        FrameDecoder().receive(size.to_bytes(4))


def test_a_head_longer_than_its_frame():
    """The inner length may not lead outside."""
    with pytest.raises(WireError):
        FrameDecoder().receive(b"\0\0\0\x04\xff\xff{}")


def test_surrogate_pairs_are_text():
    """Escapes of a whole character are fine: only half of one is not."""
    (frame,) = FrameDecoder().receive(raw(b'{"k": "a", "b": {"x": "\\ud83d\\ude00"}}'))
    assert frame.body == {"x": "\N{GRINNING FACE}"}


def test_refusals_are_cut_to_a_line():
    """Code and text of a refusal are bounded and printable, whatever the other end says."""
    (frame,) = FrameDecoder().receive(raw({"k": "a", "e": ["c" * 100, "x\ny\x1b[0m" * 200]}))
    code, text = frame.error
    assert (len(code), len(text)) == (64, 400)
    assert text.isprintable()


def test_frames_larger_than_a_peer_takes_are_not_written():
    """Head and blob have bounds of their own, and a frame within both is always taken."""
    with pytest.raises(WireError):
        encode(Frame("a", {"x": "y" * MOST_HEAD_BYTES}))
    with pytest.raises(WireError):
        encode(Frame("a", {}, b"x" * (MOST_BLOB_BYTES + 1)))
    most = Frame("a", {"x": "y" * (MOST_HEAD_BYTES - 100)}, b"x" * MOST_BLOB_BYTES)
    assert FrameDecoder().receive(encode(most)) == [most]


def test_numbers_that_are_none_are_not_written():
    """What we could not read ourselves is our bug."""
    with pytest.raises(ValueError, match="JSON"):
        encode(Frame("a", {"x": float("nan")}))
