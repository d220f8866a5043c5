# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What one side of the link writes the other reads; nonsense is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.model.media import Codec
from gateway.relay.video import link
from gateway.wire.frames import FrameReceiver
from tests.fakes import unit

ICE = link.Credentials("u", "p4ssw0rd", "r")
TERMS = link.OpenSession(
    "s",
    ICE,
    (("sha-256", "AB"),),
    "c",
    (
        link.Slot("0", 1, 2, (link.SlotFormat(Codec.H264, 96, None),)),
        link.Slot(
            "1",
            3,
            4,
            (link.SlotFormat(Codec.H264, 96, 97), link.SlotFormat(Codec.H265, 98, 99)),
        ),
    ),
    60.0,
)
PLAY = link.Play("s", "1", 7, "piazza/sub", Codec.H265, True)
STATE = link.SlotState(7, "piazza", True, 1, 2, 3, 4, 5, 0.5, 0.01, None, 0.04)


def only(data):
    (frame,) = FrameReceiver().receive(data)
    return frame.kind, frame.payload


@pytest.mark.parametrize(
    ("frame", "kind", "read", "value"),
    [
        (link.open_session(TERMS), link.Kind.OPEN, link.read_open, TERMS),
        (link.unit("è", unit(3)), link.Kind.UNIT, link.read_unit, ("è", unit(3))),
        (link.play(PLAY), link.Kind.PLAY, link.read_play, PLAY),
        (link.stop(7, "gone"), link.Kind.STOP, link.read_stop, (7, "gone")),
        (link.renew([1, 2]), link.Kind.RENEW, link.read_looks, [1, 2]),
        (link.restart("a", ICE), link.Kind.RESTART, link.read_restart, ("a", ICE)),
        (link.close("a", "gone"), link.Kind.CLOSE, link.read_texts, ["a", "gone"]),
        (link.forget("piazza"), link.Kind.FORGET, link.read_text, "piazza"),
        (link.hello(("sha-256", "AB")), link.Kind.HELLO, link.read_texts, ["sha-256", "AB"]),
        (link.wanted("piazza"), link.Kind.WANTED, link.read_text, "piazza"),
        (link.opened("a"), link.Kind.OPENED, link.read_text, "a"),
        (
            link.stopped(link.Stopped(7, "r", 1, 2)),
            link.Kind.STOPPED,
            link.read_stopped,
            link.Stopped(7, "r", 1, 2),
        ),
        (
            link.ended(link.Ended("a", "r")),
            link.Kind.ENDED,
            link.read_ended,
            link.Ended("a", "r"),
        ),
        (link.state([STATE]), link.Kind.STATE, link.read_state, [STATE]),
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
    link.read_play,
    link.read_stop,
    link.read_stopped,
    link.read_restart,
    link.read_looks,
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
    assert read in (link.read_texts, link.read_text, link.read_looks), value


def test_secrets_are_not_shown():
    """Printing a session's terms does not show its password."""
    assert "p4ssw0rd" not in repr(TERMS)
