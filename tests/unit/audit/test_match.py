# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room's log against an edge's: pairs, what only one knows, and what they tell differently."""

from dataclasses import replace

import pytest

from gateway.audit.entry import LedgerEntry
from gateway.audit.match import match, named
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation

ORIGIN = "varco/sala"
T0 = 1_790_000_000_000_000
ROOM = LedgerEvent(
    "live.open",
    Operation.CONSULTATION,
    Regime.LED,
    actor_id="op-1",
    org="sala-pl",
    role="pl.operator",
    object_type="camera",
    object_id="nord.piazza",
    purpose_code="servizio",
    case_ref="OdS 4",
    reason_text="pattuglia",
    channel="webrtc",
    opens=True,
)
EDGE = replace(
    ROOM, actor_id="sala:op-1", object_id="piazza", channel="line", session_id=f"g@{ORIGIN}#7"
)


def entry(seq, event, after_s=0.0, erased=()):
    utc_us = T0 + round(after_s * 1e6)
    return LedgerEntry(seq, f"id-{seq}", utc_us, 0, "synchronised", "0", event, erased, False, b"")


def closing(seq, closes, after_s=10.0, **more):
    event = replace(ROOM, event="live.close", opens=False, closes=closes, **more)
    return entry(seq, event, after_s)


def test_a_look_that_both_know_is_a_pair():
    """The edge names the entry; everything else agrees."""
    found = match([entry(7, ROOM), closing(8, 7)], [entry(3, EDGE, 0.2)], ORIGIN)
    assert found.ok
    assert [(one.room.seq, [e.seq for e in one.edges]) for one in found.pairs] == [(7, [3])]


def test_a_look_that_was_cut_has_several_entries_at_the_edge():
    """One look of the room, two of the edge: before the cut and after it."""
    edge = [entry(3, EDGE, 0.2), entry(9, EDGE, 120)]
    found = match([entry(7, ROOM), closing(8, 7, 200)], edge, ORIGIN)
    assert found.ok
    assert len(found.pairs[0].edges) == 2


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"actor_id": "sala:op-2"}, "person"),
        ({"purpose_code": "intervento"}, "purpose"),
        ({"case_ref": "OdS 5"}, "case"),
        ({"reason_text": ""}, "reason"),
        ({"object_id": "banco"}, "camera"),
        ({"role": "ps.operator"}, "role"),
        ({"org": "carabinieri"}, "organisation"),
        ({"event": "live.snapshot"}, "kind"),
    ],
)
def test_what_they_tell_differently_is_named(change, name):
    """Each field by itself."""
    found = match([entry(7, ROOM)], [entry(3, replace(EDGE, **change))], ORIGIN)
    assert not found.ok
    assert [one.name for one in found.pairs[0].differences] == [name]


@pytest.mark.parametrize(("after_s", "ok"), [(-61, False), (-59, True), (69, True), (71, False)])
def test_time_has_a_tolerance(after_s, ok):
    """Not before the look began, not after it ended."""
    room = [entry(7, ROOM), closing(8, 7, 10)]
    found = match(room, [entry(3, EDGE, after_s)], ORIGIN)
    assert found.ok is ok


def test_what_was_erased_is_not_compared():
    """A person's data are gone at one end: the rest still has to agree."""
    gone = replace(EDGE, actor_id="", case_ref="", reason_text="")
    erased = ("actor_id", "case_ref", "reason_text")
    assert match([entry(7, ROOM)], [entry(3, gone, 0, erased)], ORIGIN).ok
    assert not match([entry(7, ROOM)], [entry(3, gone)], ORIGIN).ok


def test_what_only_the_edge_knows_is_found():
    """A room that hides a look cannot hide the edge's entry."""
    found = match([], [entry(3, EDGE)], ORIGIN)
    assert not found.ok
    assert [one.seq for one in found.only_edge] == [3]


def test_what_only_the_room_knows_is_found():
    """An edge that hides an entry, and a picture that was shown."""
    shown = [entry(7, ROOM), closing(8, 7, frames=10, bytes=100)]
    assert [one.seq for one in match(shown, [], ORIGIN, "nord").only_room] == [7]
    assert not match([entry(7, ROOM)], [], ORIGIN).ok
    dark = match([entry(7, ROOM), closing(8, 7)], [], ORIGIN)
    assert (dark.ok, dark.empty) == (True, 1)


def test_what_the_edge_refused_is_no_difference():
    """It says so itself; but a room that showed something all the same is found out."""
    no = replace(EDGE, event="live.deny", result="denied", error="paused-by-owner")
    found = match([entry(7, ROOM), closing(8, 7)], [entry(3, no)], ORIGIN)
    assert (found.ok, found.refused) == (True, 1)
    shown = [entry(7, ROOM), closing(8, 7, frames=3, bytes=30)]
    assert not match(shown, [entry(3, no)], ORIGIN).ok


def test_others_are_counted_and_nothing_else():
    """Looks of another room, of another edge, at the room's own cameras."""
    sud = replace(ROOM, object_id="sud.piazza")
    own = replace(ROOM, object_id="piazza")
    other = replace(EDGE, session_id="g@varco/questura#7")
    found = match(
        [entry(7, ROOM), entry(8, sud), entry(9, own)], [entry(3, EDGE), entry(4, other)], ORIGIN
    )
    assert (found.ok, len(found.pairs), found.others) == (True, 1, 2)
    assert match([entry(8, sud)], [], ORIGIN, "nord").ok


@pytest.mark.parametrize(
    ("session", "seq"),
    [
        ("g@varco/sala#7", 7),
        ("a@b@varco/sala#7", None),
        ("g@varco/altra#7", None),
        ("g#7", None),
        ("g@varco/sala#", None),
        ("g@varco/sala#-7", None),
        ("g@varco/sala#" + "9" * 40, None),
        ("", None),
    ],
)
def test_a_session_names_an_entry(session, seq):
    """Of this room's log, or none."""
    assert named(session, ORIGIN) == seq
