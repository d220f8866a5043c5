# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Events on the line: what was packed is parsed, anything else is a WireError."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.model.identifiers import uuid7
from gateway.model.incident import Change
from gateway.wire.incident import KINDS, MOST_EVENTS, Told, kind_of, pack, parse
from tests.fakes import EPOCH_US

ID = uuid7(EPOCH_US, bytes(10))
BODIES = {
    Change.OPENED: {"title": "Rapina", "kind": "reato", "priority": 5, "latitude": 44.0,
                    "longitude": 10.0, "address": "Via Roma 1"},
    Change.UPDATED: {"priority": 1},
    Change.TAKEN: {},
    Change.HANDED_OVER: {"to": "peer"},
    Change.CLOSED: {"outcome": "risolto", "note": "una\ndue"},
    Change.CAMERA_ATTACHED: {"camera": "banca.sportello", "name": "Sportello"},
    Change.CAMERA_DETACHED: {"camera": "piazza", "name": ""},
    Change.ALARM_ATTACHED: {"alarm": ID},
    Change.ALARM_DETACHED: {"alarm": ID},
    Change.SHARED: {"with": "other:Carabinieri"},
    Change.UNSHARED: {"with": "peer"},
    Change.MESSAGE: {"text": "Fugge\nverso nord"},
    Change.RECEIPT: {"state": "read", "messages": [ID]},
}  # fmt: skip


def told(kind, body=None):
    return Told(ID, 3, EPOCH_US, kind, "self", "pl.operator", body or BODIES[kind])


@pytest.mark.parametrize("kind", list(Change))
def test_each_kind_of_event_arrives_as_it_was_sent(kind):
    """In the frame of its kind, and in no other."""
    body = json.loads(json.dumps(pack(ID, [told(kind)])))
    assert parse(kind_of(kind), body) == (ID, [told(kind)])
    for other in set(KINDS) - {kind_of(kind)}:
        with pytest.raises(WireError):
            parse(other, body)


BAD = [
    (Change.OPENED, {"title": "Rapina"}),
    (Change.OPENED, {"title": "x" * 121, "kind": "reato"}),
    (Change.OPENED, {"title": "x\n", "kind": "reato"}),
    (Change.OPENED, {"title": "x", "kind": "Reato!"}),
    (Change.OPENED, {"title": "x", "kind": "reato", "priority": 9}),
    (Change.OPENED, {"title": "x", "kind": "reato", "latitude": 91}),
    (Change.OPENED, {"title": "x", "kind": "reato", "latitude": True}),
    (Change.HANDED_OVER, {"to": "questura"}),
    (Change.HANDED_OVER, {"to": "other:"}),
    (Change.CLOSED, {"outcome": "boh"}),
    (Change.CAMERA_ATTACHED, {"camera": "../etc"}),
    (Change.CAMERA_ATTACHED, {"camera": "a.b.c.d"}),
    (Change.ALARM_ATTACHED, {"alarm": "1"}),
    (Change.MESSAGE, {"text": "x" * 1001}),
    (Change.MESSAGE, {"text": "  "}),
    (Change.MESSAGE, {"text": "a\x1b[31m"}),
    (Change.RECEIPT, {"state": "seen", "messages": [ID]}),
    (Change.RECEIPT, {"state": "read", "messages": []}),
    (Change.RECEIPT, {"state": "read", "messages": [ID] * 201}),
]


@pytest.mark.parametrize(("kind", "body"), BAD)
def test_what_no_honest_room_sends_is_refused(kind, body):
    """Lengths, ranges, forms."""
    with pytest.raises(WireError):
        parse(kind_of(kind), pack(ID, [told(kind, body)]))


@pytest.mark.parametrize(
    "change",
    [{"id": "1"}, {"id": ID.upper()}, {"clock": 0}, {"clock": 1.5}, {"clock": True},
     {"utc_us": -1}, {"kind": "x"}, {"who": "questura"}, {"role": "R" * 99}, {"body": []}],
)  # fmt: skip
def test_an_event_has_its_form(change):
    """Id, clock, time, kind, who, role."""
    body = pack(ID, [told(Change.MESSAGE)])
    body["events"][0].update(change)
    with pytest.raises(WireError):
        parse("message", body)


def test_a_frame_has_events_and_not_too_many():
    """One to twenty."""
    for count in (0, MOST_EVENTS + 1):
        with pytest.raises(WireError):
            parse("message", pack(ID, [told(Change.MESSAGE)] * count))
    assert len(parse("message", pack(ID, [told(Change.MESSAGE)] * MOST_EVENTS))[1]) == MOST_EVENTS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(["incident", "events", "x"]), json_values),
)
def test_any_json_is_a_value_or_a_wire_error(kind, body):
    """Nothing else comes out of it."""
    with contextlib.suppress(WireError):
        parse(kind, body)


KEYS = ["title", "kind", "priority", "latitude", "to", "with", "camera", "name", "alarm", "text",
        "state", "messages", "outcome", "note"]  # fmt: skip


@given(st.sampled_from(list(Change)), st.dictionaries(st.sampled_from(KEYS), json_values))
def test_any_body_is_a_value_or_a_wire_error(kind, body):
    """Also in an event whose outside is right."""
    with contextlib.suppress(WireError):
        parse(kind_of(kind), pack(ID, [Told(ID, 1, 1, kind, "self", "", body)]))
