# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The book: durable, numbered, idempotent, bounded."""

import asyncio
from dataclasses import replace

import pytest

from gateway.model.errors import StateError
from gateway.model.incident import Author, Change, Draft, Once
from gateway.room import incidents
from gateway.room.incidents import MOST_LEAP, open_incidents
from tests.fakes import FakeClock
from tests.unit.model.test_incident import FACTS, ID, OPENED, PL, PS, event

OPEN = [Draft(Change.OPENED, FACTS)]
OVER = {"outcome": "risolto"}
ONCE = Once("anna POST /", "k1", "aa")


def say(text="ciao"):
    return lambda _: [Draft(Change.MESSAGE, {"text": text})]


async def opened(book, **more):
    return (await book.open(book.new_id(), OPEN, PL, **more)).incident


def nobody(_incident, _events):
    return Author("sala-pl"), []


async def test_everything_is_there_after_a_restart(place):
    """Incidents, journal, numbers, what is owed."""
    path, clock = place, FakeClock()

    def owing(step):
        return [("room:x", one.id, "") for one in step.new]

    async with open_incidents(path, clock=clock) as book:
        made = await opened(book)
        for n in range(3):
            await book.change(made.id, say(str(n)), PL, owing=owing)
        kept, journal = book.get(made.id), await book.journal(made.id)
    async with open_incidents(path, clock=clock) as book:
        assert book.get(made.id) == kept
        assert await book.journal(made.id) == journal
        assert [one.number for one in journal] == [1, 2, 3, 4]
        assert [one.clock for one in journal] == [1, 2, 3, 4]
        waiting = await book.waiting("room:x", 10)
        assert [event.id for _, event in waiting] == [one.id for one in journal[1:]]
        assert await book.owes(made.id) == {"room:x": 3}
        await book.settle("room:x", [journal[1].id])
        await book.forget_takers([], "room:")
        assert await book.owes(made.id) == {}


async def test_many_at_once_are_numbered_without_gaps(place):
    """Each change sees what was written before it."""
    async with open_incidents(place, clock=FakeClock()) as book:
        made = await opened(book)
        await asyncio.gather(*(book.change(made.id, say(str(n)), PL) for n in range(20)))
        assert [one.number for one in await book.journal(made.id)] == list(range(1, 22))


async def test_what_cannot_be_made_changes_nothing(place):
    """An error of the maker is the caller's; an incident that does not exist is unknown."""
    async with open_incidents(place, clock=FakeClock()) as book:
        made = await opened(book)

        def refuse(_):
            raise StateError("closed")

        with pytest.raises(StateError, match="closed"):
            await book.change(made.id, refuse, PL)
        with pytest.raises(StateError, match="unknown"):
            await book.change(ID, say(), PL)
        assert len(await book.journal(made.id)) == 1
        assert (await book.change(made.id, lambda _: [], PL)).events == ()


async def test_told_twice_is_written_once_and_numbers_are_ours(place):
    """Known ids change nothing; the same id for something else is refused."""
    async with open_incidents(place, clock=FakeClock()) as book:
        said = event(2, Change.MESSAGE, {"text": "uno"}, PS)
        for _ in range(3):
            made = await book.take_in(ID, "linea", lambda _: [said, OPENED], then=nobody)
        assert made.events == ()
        assert (made.incident.home, made.incident.events) == ("linea", 2)
        assert [one.room for one in await book.journal(ID)] == ["linea", "linea"]
        with pytest.raises(StateError, match="not-yours"):
            await book.take_in(ID, "altra", lambda _: [said], then=nobody)
        elsewhere = replace(said, incident=book.new_id())
        with pytest.raises(StateError, match="not-yours"):
            await book.take_in(elsewhere.incident, "linea", lambda _: [elsewhere], then=nobody)


async def test_no_clock_wins_for_ever(place):
    """A room that is far ahead is refused, so that ours can still say the last word."""
    async with open_incidents(place, clock=FakeClock()) as book:
        await book.take_in(ID, "linea", lambda _: [OPENED], then=nobody)
        far = event(2 + MOST_LEAP, Change.UPDATED, {"title": "per sempre"}, PS)
        with pytest.raises(StateError, match="clock"):
            await book.take_in(ID, "linea", lambda _: [far], then=nobody)
        near = replace(far, clock=MOST_LEAP)
        await book.take_in(ID, "linea", lambda _: [near], then=nobody)
        changed = await book.change(ID, lambda _: [Draft(Change.UPDATED, {"title": "nostro"})], PL)
        assert changed.incident.title == "nostro"


async def test_bounds_keep_room_for_the_end(place, monkeypatch):
    """A full incident takes no words, but its closing; so many are open at once."""
    monkeypatch.setattr(incidents, "MOST_EVENTS", 6)
    monkeypatch.setattr(incidents, "LAST_EVENTS", 3)
    monkeypatch.setattr(incidents, "MOST_OPEN", 2)
    async with open_incidents(place, clock=FakeClock()) as book:
        made = await opened(book)
        await book.change(made.id, say(), PL)
        await book.change(made.id, say(), PL)
        with pytest.raises(StateError, match="full"):
            await book.change(made.id, say(), PL)
        await opened(book)
        with pytest.raises(StateError, match="full"):
            await opened(book)
        close = [Draft(Change.CLOSED, {"outcome": "risolto"})]
        assert not (await book.change(made.id, lambda _: close, PL)).incident.is_open
        await opened(book)
        flood = [event(n, Change.MESSAGE, {"text": "x"}, PS, n=n) for n in range(2, 9)]
        with pytest.raises(StateError, match="full"):
            await book.take_in(ID, "linea", lambda _: [OPENED, *flood], then=nobody)


async def test_voided_events_stand_and_do_not_count(place):
    """Only ours can be voided."""
    async with open_incidents(place, clock=FakeClock()) as book:
        await book.take_in(ID, "linea", lambda _: [OPENED], then=nobody)
        close = [Draft(Change.CLOSED, {"outcome": "risolto"})]
        closed = await book.change(ID, lambda _: close, PS)
        assert not book.get(ID).is_open
        await book.void(ID, [closed.events[0].id, OPENED.id])
        assert book.get(ID).is_open
        assert [one.void for one in await book.journal(ID)] == [False, True]
    async with open_incidents(place, clock=FakeClock()) as book:
        assert book.get(ID).is_open


async def test_a_key_is_written_with_the_change(place):
    """After a crash before the answer the incident is found by it; another body is refused."""
    path, clock = place, FakeClock()
    async with open_incidents(path, clock=clock) as book:
        assert await book.recall(ONCE) is None
        with pytest.raises(StateError, match="key-running"):
            await book.recall(ONCE)
        made = await opened(book, once=ONCE)
    async with open_incidents(path, clock=clock) as book:
        found = await book.recall(ONCE)
        assert (found.incident, found.answer) == (made.id, "")
        await book.finish(ONCE, "{}")
        assert (await book.recall(ONCE)).answer == "{}"
        with pytest.raises(StateError, match="key-reused"):
            await book.recall(replace(ONCE, sha256="bb"))
        assert await book.recall(replace(ONCE, scope="bruno POST /")) is None
        clock.advance(49 * 3600)
        await book.sweep()
        assert await book.recall(ONCE) is None


async def test_closed_incidents_go_when_their_time_is_over(place):
    """By our own clock, however a closing is dated; with all that hangs on them; open ones stay."""
    clock, day_us = FakeClock(), 86_400_000_000

    def owing(step):
        return [("hook:x", one.id, "{}") for one in step.new]

    async with open_incidents(place, clock=clock) as book:
        going = await opened(book)
        told = [
            replace(event(1, Change.OPENED, FACTS), utc_us=1),
            replace(event(2, Change.CLOSED, OVER), utc_us=2),
        ]
        await book.take_in(ID, "questura", lambda _: told, then=nobody)
        closed = await opened(book, owing=owing)
        await book.change(closed.id, lambda _: [Draft(Change.CLOSED, OVER)], PL)
        assert await book.forget(10 * day_us) == {}
        assert book.get(ID).state.value == "chiuso"
        clock.advance(9 * 86_400)
        assert await book.forget(10 * day_us) == {}
        clock.advance(2 * 86_400)
        assert await book.forget(10 * day_us) == {"sala-pl": 2}
        assert [one.id for one in book.listed()] == [going.id]
        assert await book.journal(closed.id) == []
        assert await book.owes(closed.id) == {}
        assert await book.forget(10 * day_us) == {}
    async with open_incidents(place, clock=clock) as book:
        assert [one.id for one in book.listed()] == [going.id]


async def test_what_waits_is_told_by_a_bell_and_in_order(place):
    """Heads are the oldest of each incident; a later one waits behind it."""

    def owing(step):
        return [("hook:x", one.id, "{}") for one in step.new]

    clock = FakeClock()
    async with open_incidents(place, clock=clock) as book:
        bell = book.bell()
        one, two = await opened(book, owing=owing), await opened(book, owing=owing)
        assert bell.is_set()
        await book.change(one.id, say(), PL, owing=owing)
        heads = await book.heads("hook:x", 10)
        assert [each.incident for each in heads] == [one.id, two.id]
        await book.postpone("hook:x", heads[0].event, clock.now().utc_us + 5)
        again = await book.heads("hook:x", 10)
        assert [(each.incident, each.attempts) for each in again] == [(two.id, 0), (one.id, 1)]
        await book.settle("hook:x", [heads[0].event])
        assert {each.incident for each in await book.heads("hook:x", 10)} == {one.id, two.id}
