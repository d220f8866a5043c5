# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The sum of events: the same in every order, final once closed."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.model.identifiers import uuid7
from gateway.model.incident import Author, Change, IncidentEvent, IncidentState, fold
from tests.fakes import EPOCH_US

ID = uuid7(EPOCH_US, bytes(10))
PL, PS = Author("sala-pl"), Author("questura")
FACTS = {"title": "Rapina", "kind": "reato", "priority": 4}


def event(clock, kind, body=None, by=PL, n=0, **more):
    made = uuid7(EPOCH_US + clock * 1000, bytes([n] * 10))
    return IncidentEvent(made, ID, clock, EPOCH_US + clock, kind, by, body or {}, **more)


OPENED = event(1, Change.OPENED, FACTS)
bodies = st.one_of(
    st.tuples(st.just(Change.UPDATED), st.fixed_dictionaries({"priority": st.integers(1, 5)})),
    st.tuples(
        st.sampled_from([Change.CAMERA_ATTACHED, Change.CAMERA_DETACHED]),
        st.fixed_dictionaries({"camera": st.sampled_from(["a", "b"]), "name": st.just("x")}),
    ),
    st.tuples(
        st.sampled_from([Change.SHARED, Change.UNSHARED]),
        st.fixed_dictionaries({"with": st.sampled_from(["questura", "carabinieri"])}),
    ),
    st.tuples(st.just(Change.HANDED_OVER), st.just({"to": "questura"})),
    st.tuples(st.just(Change.TAKEN), st.just({})),
    st.tuples(st.just(Change.CLOSED), st.just({"outcome": "risolto"})),
    st.tuples(st.just(Change.MESSAGE), st.just({"text": "ciao"})),
)


@given(
    st.lists(st.tuples(st.integers(2, 9), bodies, st.sampled_from([PL, PS])), max_size=12),
    st.randoms(use_true_random=False),
)
def test_the_order_of_arrival_does_not_matter(made, random):
    """Two rooms with the same events have the same incident."""
    events = [OPENED] + [
        event(clock, kind, body, by, n) for n, (clock, (kind, body), by) in enumerate(made, 1)
    ]
    mixed = list(events)
    random.shuffle(mixed)
    assert fold(mixed) == fold(events)


def test_the_later_change_stands():
    """By the clock, then by the id; not by who comes last."""
    one = event(5, Change.UPDATED, {"title": "uno"}, n=1)
    two = event(5, Change.UPDATED, {"title": "due"}, n=2)
    late = event(4, Change.UPDATED, {"title": "tardi", "priority": 1}, n=3)
    found = fold([OPENED, two, one, late])
    assert (found.title, found.priority) == ("due", 1)


def test_closing_is_final_but_words_still_count():
    """What comes after it is kept and changes nothing; messages and receipts are there."""
    said = event(4, Change.MESSAGE, {"text": "tardi"}, PS)
    found = fold([
        OPENED, event(2, Change.CLOSED, {"outcome": "risolto", "note": "ok"}),
        event(3, Change.SHARED, {"with": "questura"}), event(3, Change.TAKEN, by=PS, n=2),
        said, event(5, Change.RECEIPT, {"state": "read", "messages": [said.id]}),
    ])  # fmt: skip
    assert (found.state, found.outcome, found.note) == (IncidentState.CLOSED, "risolto", "ok")
    assert (found.shared_with, found.responsible, found.events) == ((), "sala-pl", 6)
    assert [one.text for one in found.messages] == ["tardi"]
    assert set(found.messages[0].read) == set(found.messages[0].delivered) == {"sala-pl"}


def test_void_events_do_not_count():
    """They stand in the journal alone."""
    found = fold([OPENED, event(2, Change.CLOSED, {"outcome": "risolto"}, void=True)])
    assert found.is_open


def test_whoever_is_shut_out_no_longer_leads():
    """It falls back to who opened it."""
    events = [
        OPENED,
        event(2, Change.HANDED_OVER, {"to": "questura"}),
        event(3, Change.TAKEN, by=PS),
    ]
    assert (fold(events).responsible, fold(events).parties) == ("questura", {"sala-pl", "questura"})
    found = fold([*events, event(4, Change.UNSHARED, {"with": "questura"})])
    assert (found.responsible, found.state) == ("sala-pl", IncidentState.OPEN)
    assert found.parties == {"sala-pl"}


def test_without_the_opening_there_is_nothing():
    """Nor is anything opened twice."""
    assert fold([event(2, Change.MESSAGE, {"text": "x"})]) is None
    again = event(3, Change.OPENED, {"title": "altro"}, PS)
    assert fold([OPENED, again]).title == "Rapina"


def test_unread_is_of_others_and_not_read_by_us():
    """One's own words are never unread."""
    said = event(2, Change.MESSAGE, {"text": "uno"})
    read = event(3, Change.RECEIPT, {"state": "read", "messages": [said.id]}, PS)
    delivered = event(3, Change.RECEIPT, {"state": "delivered", "messages": [said.id]}, PS)
    assert fold([OPENED, said]).unread("sala-pl") == 0
    assert fold([OPENED, said, delivered]).unread("questura") == 1
    assert fold([OPENED, said, read]).unread("questura") == 0
