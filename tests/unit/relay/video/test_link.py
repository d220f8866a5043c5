# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What one side of the link writes the other reads; nonsense is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.relay.video import link
from gateway.wire.frames import FrameReceiver
from tests.fakes import unit

TERMS = link.OpenSession(
    "s", "piazza", "u", "p", "r", (("sha-256", "AB"),), 1, 96, 2, None, "c", True
)


def only(data):
    (frame,) = FrameReceiver().receive(data)
    return frame.kind, frame.payload


@pytest.mark.parametrize(
    ("frame", "kind", "read", "value"),
    [
        (link.open_session(TERMS), link.Kind.OPEN, link.read_open, TERMS),
        (link.unit("è", unit(3)), link.Kind.UNIT, link.read_unit, ("è", unit(3))),
        (link.renew(["a", "b"]), link.Kind.RENEW, link.read_texts, ["a", "b"]),
        (link.close("a", "gone"), link.Kind.CLOSE, link.read_texts, ["a", "gone"]),
        (link.forget("piazza"), link.Kind.FORGET, link.read_text, "piazza"),
        (link.hello(("sha-256", "AB")), link.Kind.HELLO, link.read_texts, ["sha-256", "AB"]),
        (link.opened("a"), link.Kind.OPENED, link.read_text, "a"),
        (
            link.ended(link.Ended("a", "r", 1, 2)),
            link.Kind.ENDED,
            link.read_ended,
            link.Ended("a", "r", 1, 2),
        ),
        (
            link.state([link.SessionState("a", True, 1, 2)]),
            link.Kind.STATE,
            link.read_state,
            [link.SessionState("a", True, 1, 2)],
        ),
    ],
    ids=lambda value: value.name if isinstance(value, link.Kind) else "",
)
def test_round_trip(frame, kind, read, value):
    """Each kind of frame survives the link."""
    got_kind, payload = only(frame)
    assert got_kind == kind
    assert read(payload) == value


READERS = [
    link.read_open,
    link.read_unit,
    link.read_texts,
    link.read_text,
    link.read_ended,
]


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
@given(payload=st.binary(max_size=60))
def test_nonsense(read, payload):
    """Bytes that no side writes are a WireError or harmless text, never another exception."""
    try:
        value = read(payload)
    except WireError:
        return
    assert read in (link.read_texts, link.read_text), value


def test_secrets_are_not_shown():
    """Printing a session's terms does not show its password."""
    assert "password" not in repr(TERMS)
