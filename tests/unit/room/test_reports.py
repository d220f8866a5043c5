# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The book of reports on both stores: numbered without gaps, only added to, bounded, forgotten."""

import asyncio
import sqlite3
from datetime import UTC, datetime

import psycopg
import pytest

from gateway.model.errors import StateError, StoreError
from gateway.model.incident import Once
from gateway.model.report import (
    Direction,
    Passage,
    ReportDraft,
    ReportOutcome,
    ReportState,
    ReportWords,
    Routing,
    Sender,
    Span,
)
from gateway.room import reports
from gateway.room.reports import open_reports
from tests.fakes import FakeClock

IVO = Sender("istituto", "vigilanza.operator", "ivo")
ANNA, PINO = Sender("sala-pl", "pl.operator", "anna"), Sender("questura", "ps.operator", "pino")
TO = Routing(("sala-pl", "questura"), "capoluogo")
WORDS = ReportWords("due persone", "Via Roma 1", 44.03, 10.12, 12.0)
DRAFT = ReportDraft("persone-o-veicoli-sospetti", WORDS, urgent=True)
ANSWER = ReportDraft(DRAFT.kind, ReportWords("arriviamo"))


async def sent(book, once=None, by=IVO, draft=DRAFT):
    return (await book.receive(draft, by, TO, once)).report


async def test_the_life_of_a_report(place):
    """Received, routed, acknowledged once, answered, closed; all of it there after a restart."""
    clock = FakeClock()
    async with open_reports(place, clock=clock) as book:
        made = await sent(book)
        clock.advance(1.0)
        assert made.state is ReportState.ROUTED
        assert made.recipients == TO.recipients
        assert (await book.acknowledge(made.id, ANNA)).is_new
        assert not (await book.acknowledge(made.id, ANNA)).is_new
        with pytest.raises(StateError, match="taken: sala-pl"):
            await book.acknowledge(made.id, PINO)
        out = (await book.answer(made.id, book.new_id(), ANSWER, ANNA)).report
        assert (out.direction, out.place, out.recipients) == (Direction.OUT, 1, ("istituto",))
        assert out.answers == made.id
        assert await book.parties(out.id) == {"istituto", "sala-pl"}
        assert (await book.close(made.id, ReportOutcome.DEALT_WITH, ANNA)).is_new
        assert not (await book.close(made.id, ReportOutcome.UNFOUNDED, ANNA)).is_new
        with pytest.raises(StateError, match="closed"):
            await book.pass_on(made.id, "arma", ANNA)
        kept = await book.get(made.id)
    async with open_reports(place, clock=FakeClock()) as book:
        assert await book.get(made.id) == kept
        what = [one.what for one in kept.passages]
        assert what == [
            Passage.RECEIVED, Passage.ROUTED, Passage.ACKNOWLEDGED, Passage.ANSWERED,
            Passage.CLOSED,
        ]  # fmt: skip
        assert [one.number for one in kept.passages] == [1, 2, 3, 4, 5]
        assert kept.words == WORDS
        assert kept.passages[3].detail == out.number
        assert [one.id for one in await book.listed("questura", is_open=True)] == []
        assert [one.id for one in await book.listed("istituto")] == [out.id, made.id]
        assert await book.listed("altra-sala") == []


async def test_numbers_have_no_gaps_whatever_fails(place, monkeypatch):
    """Many at once, some refused: every number of a year once; a new year begins at 1."""
    monkeypatch.setattr(reports, "MOST_OPEN_OF_ONE", 12)
    clock = FakeClock()
    before_midnight = datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC)
    clock.advance(before_midnight.timestamp() - clock.now().utc_us / 1e6)
    async with open_reports(place, clock=clock) as book:
        tries = (sent(book) for _ in range(16))
        done = await asyncio.gather(*tries, return_exceptions=True)
        numbers = sorted(one.number for one in done if not isinstance(one, Exception))
        assert numbers == [f"IN-2026-{n:06d}" for n in range(1, 13)]
        assert {str(one) for one in done if isinstance(one, Exception)} == {"full"}
        clock.advance(1.0)  # midnight in Rome
        other = await sent(book, by=Sender("altro"))
        assert other.number == "IN-2027-000001"


async def test_a_request_that_comes_again_changes_nothing(place):
    """The same key with the same body: the same number; with another body: refused."""
    once = Once("istituto/ivo send", "k1", "aa")
    async with open_reports(place, clock=FakeClock()) as book:
        assert await book.recall(once) is None
        first, again = await asyncio.gather(
            book.receive(DRAFT, IVO, TO, once), book.receive(DRAFT, IVO, TO, once)
        )
        assert (first.is_new, again.is_new) == (True, False)
        assert first.report == again.report
        assert await book.recall(once) == first.report
        with pytest.raises(StateError, match="key-reused"):
            await book.receive(DRAFT, IVO, TO, Once(once.scope, once.key, "bb"))
        other = await book.receive(DRAFT, IVO, TO, Once("istituto/altra send", "k1", "aa"))
        assert other.report.place == 2


async def test_words_go_when_their_time_is_over_and_numbers_stay(place):
    """Text and place are gone, the register has no hole."""
    clock = FakeClock()
    async with open_reports(place, clock=clock) as book:
        old = await sent(book)
        clock.advance(86_400)
        new = await sent(book, Once("s", "k", "a"))
        assert await book.sweep(new.sent_utc_us) == 1
        assert await book.sweep(new.sent_utc_us) == 0
        kept = await book.get(old.id)
        assert kept.words is None
        assert (kept.number, kept.place) == (old.number, 1)
        assert (await book.get(new.id)).words == WORDS
        span = Span(old.sent_utc_us, new.sent_utc_us)
        assert [one.id for one in await book.register("sala-pl", span, 10)] == [old.id]
        assert len(await book.register("sala-pl", Span(), 10)) == 2


async def test_passages_cannot_be_changed(place):
    """Not even by this very process: the store refuses."""
    async with open_reports(place, clock=FakeClock()) as book:
        made = await sent(book)
        for sql in (
            "update report_passage set actor='x'",
            "delete from report_passage where report<>''",
        ):
            with pytest.raises((StoreError, sqlite3.Error, psycopg.Error)):
                await book._store.write(lambda db, sql=sql: db.execute(sql))
        assert (await book.get(made.id)).passages == made.passages


async def test_a_report_is_passed_on_and_told_elsewhere(place):
    """The other room has it then; who had it may still read it; an incident tells of it once."""
    async with open_reports(place, clock=FakeClock()) as book:
        made = await sent(book)
        assert [one.id for one in await book.untold(("questura",))] == [made.id]
        assert await book.untold(("arma",)) == []
        passed = (await book.pass_on(made.id, "arma", ANNA)).report
        assert (passed.recipients, passed.state) == (("arma",), ReportState.ROUTED)
        assert not (await book.pass_on(made.id, "arma", ANNA)).is_new
        assert await book.parties(made.id) == {"istituto", "sala-pl", "questura", "arma"}
        await book.told_by(made.id, "incident-1")
        assert await book.untold(("arma",)) == []
        assert [one.incident for one in await book.told_elsewhere()] == ["incident-1"]
        with pytest.raises(StateError, match="unknown"):
            await book.acknowledge("nothing", ANNA)
        out = (await book.answer(made.id, book.new_id(), ANSWER, ANNA)).report
        with pytest.raises(StateError, match="unknown"):
            await book.pass_on(out.id, "questura", ANNA)


async def test_what_goes_on_is_listed_however_much_is_closed_since(place):
    """Of what is closed the newest, as many as asked; open ones of others push nothing out."""
    clock = FakeClock()
    async with open_reports(place, clock=clock) as book:
        made = []
        for _ in range(7):
            clock.advance(1.0)
            made.append((await sent(book)).id)
        for at in (0, 2, 3, 5, 6):
            await book.close(made[at], ReportOutcome.DEALT_WITH, ANNA)

        async def ids(**asked):
            return [one.id for one in await book.listed("questura", **asked)]

        assert await ids(limit=1) == [made[6], made[4], made[1]]
        assert await ids(limit=3) == [made[6], made[5], made[4], made[3], made[1]]
        assert await ids(limit=1, is_open=True) == [made[4], made[1]]
        assert await ids(limit=2, is_open=False) == [made[6], made[5]]
        assert await book.listed("arma", limit=9) == []


async def test_what_another_organisation_took_is_its_own_to_end(place):
    """Neither passed on nor closed by another that may read it; the holder may, and then it is
    free for whoever gets it."""
    async with open_reports(place, clock=FakeClock()) as book:
        made = await sent(book)
        assert made.holder == ""
        await book.acknowledge(made.id, PINO)
        for work in (
            book.pass_on(made.id, "gdf", ANNA),
            book.close(made.id, ReportOutcome.UNFOUNDED, ANNA),
        ):
            with pytest.raises(StateError, match="taken: questura"):
                await work
        kept = await book.get(made.id)
        assert (kept.holder, kept.recipients) == ("questura", TO.recipients)
        assert (await book.pass_on(made.id, "sala-pl", PINO)).report.holder == ""
        assert (await book.close(made.id, ReportOutcome.DEALT_WITH, ANNA)).is_new
        assert (await book.get(made.id)).holder == ""
        assert not (await book.close(made.id, ReportOutcome.UNFOUNDED, PINO)).is_new
