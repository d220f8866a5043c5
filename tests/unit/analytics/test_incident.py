# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What all rules share: beginnings, ends, silence, and tracks that change their names."""

from gateway.analytics.incident import (
    HANDOVER_S,
    SILENCE_S,
    Ended,
    Incident,
    Raised,
    caused,
    expire,
    follow,
    not_caused,
)
from gateway.model.alarm import MOST_TRACKS, Why
from gateway.model.registry import Zone
from tests.unit.analytics.seen import START, track

ZONE = Zone("z", "Z", "c", ((0, 0), (1, 0), (1, 1)), off_after_s=20.0)
WHY = Why("stazionamento")


def test_one_incident_one_alarm() -> None:
    """A cause that goes on, or comes back in time, raises nothing a second time."""
    state, first = caused(Incident(), ZONE, START, WHY, ())
    assert first == Raised("z", START, (), WHY)
    state, event = not_caused(state, ZONE, START.shifted(19))
    assert event is None
    state, event = caused(state, ZONE, START.shifted(19.5), WHY, ())
    assert event is None
    state, event = not_caused(state, ZONE, START.shifted(39.5))
    assert event == Ended("z", START.shifted(39.5))
    assert not state.raised


def test_silence_ends_it_but_not_at_once() -> None:
    """Without observations for the longer of both bounds it is over; before, nothing changes."""
    state = Incident(True, START, START)
    assert expire(state, ZONE, START.shifted(SILENCE_S + 1), Incident()) == (state, None)
    gone = START.shifted(20.0)
    assert expire(state, ZONE, gone, Incident()) == (Incident(), Ended("z", gone))
    assert expire(Incident(heard=START), ZONE, gone, Incident()) == (Incident(), None)
    assert expire(Incident(), ZONE, gone, Incident()) == (Incident(), None)


def test_a_track_that_gets_another_id_is_remembered() -> None:
    """What was lost beside it a moment ago is what it is; farther away or later it is new."""

    def begin(_: object) -> str:
        return "new"

    first = follow((), [track(1, 0.5, 0.5)], START, lambda _: "old")
    soon, late = START.shifted(1), START.shifted(HANDOVER_S + 1)
    near, far = track(2, 0.53, 0.5), track(2, 0.8, 0.5)
    assert [one.value for one in follow(first, [near], soon, begin)] == ["old"]
    assert [one.value for one in follow(first, [far], soon, begin)] == ["new", "old"]
    assert [one.value for one in follow(first, [near], late, begin)] == ["new"]
    two = follow(first, [near, track(3, 0.52, 0.5)], soon, begin)
    assert [one.value for one in two] == ["old", "new"]


def test_memory_is_bounded() -> None:
    """However many tracks a child tells, and however often their ids change."""
    known = follow((), [track(i, 0.5, 0.5) for i in range(500)], START, lambda _: 0)
    for step in range(1, 5):
        many = [track(1000 * step + i, 0.1 + 0.2 * step, 0.5) for i in range(500)]
        known = follow(known, many, START.shifted(step / 10), lambda _: 0)
    assert len(known) <= 2 * MOST_TRACKS
