# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.multipart; what is tolerated is replayed in ingest/test_quirks.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire.multipart import MOST_PART_BYTES, MultipartReceiver, boundary_of

JPEG = b"\xff\xd8 a picture \xff\xd9"


def part(body, *headers):
    return b"--b\r\n" + b"".join(h + b"\r\n" for h in headers) + b"\r\n" + body + b"\r\n"


@pytest.mark.parametrize(
    ("stated", "boundary"),
    [
        ("multipart/x-mixed-replace; boundary=frame", "frame"),
        ('Multipart/X-Mixed-Replace;charset=x; Boundary = "a b" ', "a b"),
        ("multipart/x-mixed-replace;boundary=--myboundary", "myboundary"),
        ("multipart/x-mixed-replace", ""),
        ("image/jpeg", None),
        ("", None),
    ],
)
def test_the_boundary_is_read_from_the_content_type(stated, boundary):
    """Quotes and dashes are no part of it; without multipart there is none."""
    assert boundary_of(stated) == boundary


def test_what_is_no_picture_is_counted_and_skipped():
    """Text, an empty part and a truncated picture between two whole ones."""
    stream = (
        part(JPEG, b"Content-Type: image/jpeg")
        + part(b"offline", b"Content-Type: text/plain")
        + part(JPEG[:-2], b"Content-Length: %d" % (len(JPEG) - 2))
        + part(JPEG, b"Content-Length: %d" % len(JPEG))
    )
    receiver = MultipartReceiver("b")
    assert receiver.receive(stream) == [JPEG, JPEG]
    assert (receiver.parts, receiver.lost) == (2, 2)
    assert "is no whole JPEG" in receiver.problem


def test_a_wrong_length_costs_a_picture_and_not_the_stream():
    """Too short by half: the rest is skipped, the next part is found."""
    wrong = part(JPEG, b"Content-Length: %d" % (len(JPEG) // 2))
    receiver = MultipartReceiver("b")
    assert receiver.receive(wrong + part(JPEG, b"Content-Length: %d" % len(JPEG))) == [JPEG]
    assert receiver.lost == 1


@pytest.mark.parametrize(
    "stream",
    [
        part(b"", b"Content-Length: %d" % (MOST_PART_BYTES + 1)),
        b"--b\r\n\r\n" + bytes(MOST_PART_BYTES + 2),
    ],
)
def test_a_part_that_is_too_large_ends_the_stream(stream):
    """Announced or not: nobody fills our memory."""
    with pytest.raises(WireError):
        MultipartReceiver("b").receive(stream)


def test_endless_lines_between_parts_take_no_memory():
    """Ten megabytes without a boundary or a line end are thrown away as they come."""
    receiver = MultipartReceiver("b")
    for _ in range(160):
        assert receiver.receive(bytes(64 << 10)) == []
    assert len(receiver._buffer) < 128 << 10


@given(st.binary(max_size=400), st.integers(1, 50), st.booleans())
def test_any_bytes_give_pictures_or_an_error(data, step, named):
    """Noise behind a real beginning never raises anything else, in whatever pieces."""
    receiver = MultipartReceiver("b" if named else "")
    stream = part(JPEG) + data + b"\r\n" + part(JPEG)
    try:
        for at in range(0, len(stream), step):
            receiver.receive(stream[at : at + step])
    except WireError:
        return
    assert receiver.parts + receiver.lost >= 1


def test_many_small_parts_move_the_buffer_once():
    """What was read is thrown away once per call, however many parts the call completes."""
    moves = []

    class Counting(bytearray):
        def __delitem__(self, key):
            moves.append(key)
            super().__delitem__(key)

    receiver = MultipartReceiver("b")
    receiver._buffer = Counting()
    stream = part(b"x", b"Content-Length: 1") * 5000 + part(JPEG, b"Content-Length: 15") + b"--b"
    found = receiver.receive(stream[:100_001]) + receiver.receive(stream[100_001:])
    assert (len(found), receiver.lost) == (1, 5000)
    assert len(moves) == 2
    assert len(receiver._buffer) < 10
