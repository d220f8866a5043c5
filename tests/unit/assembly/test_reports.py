# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Reports between an institute, the ledger and rooms, one of them at the other end of a line."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date

import pytest

from gateway.assembly.reports import BURST, DAY_US, REFUSALS, ReportDesk, ReportParts
from gateway.model.errors import LedgerError, StateError
from gateway.model.incident import Close, Once, Outcome, Take
from gateway.model.registry import Force, Role
from gateway.model.report import (
    Passage,
    ReportDraft,
    ReportOutcome,
    ReportState,
    ReportWords,
    Span,
)
from gateway.room.reports import open_reports
from tests.fakes import FakeClock
from tests.ui.report_town import listed
from tests.unit.assembly.incident_parts import (
    ANNA,
    INSTITUTE,
    PINO,
    PL,
    QUESTURA,
    actor,
    house,
    municipal,
    two_rooms,
)
from tests.unit.assembly.parts import until

IVO = actor("ivo", INSTITUTE, Role.INSTITUTE_OPERATOR)
WORDS = ReportWords("Due persone con passamontagna", "Via Roma 1", 44.03035, 10.12975)
DRAFT = ReportDraft("persone-o-veicoli-sospetti", WORDS, urgent=True)
DECAY = ReportDraft("degrado-urbano", ReportWords("Lampione rotto", "Via Roma 1"))


def with_institute(registry, **more):
    """Rooms that the table knows, and an institute on the list."""
    forces = {PL: Force.LOCAL, QUESTURA: Force.QUESTURA}
    recipients = {
        id_: replace(one, force=forces.get(id_, Force.OTHER))
        for id_, one in registry.recipients.items()
    }
    return replace(registry, recipients=recipients, institutes={"apuania": listed(**more)})


@asynccontextmanager
async def desk_of(one, folder, rooms=None):
    """Give a room its reports."""
    one.registry = with_institute(one.registry)
    time = FakeClock()
    async with open_reports(folder / "reports.db", clock=time) as book:
        parts = ReportParts(
            book, lambda: one.registry, one.journal, time, one.notices, 180, False, rooms
        )
        made = ReportDesk(parts)
        made.time = time
        yield made


@asynccontextmanager
async def alone(folder):
    """One room whose recipients are all at this box."""
    async with house(folder, municipal()) as pl, desk_of(pl, folder) as desk:
        yield pl, desk


async def test_every_passage_is_in_the_ledger_and_words_are_not_plain(tmp_path):
    """In, routed, acknowledged, answered, closed, exported; text and place only as commitments."""
    async with alone(tmp_path) as (pl, desk):
        made = await desk.send(DECAY, by=IVO)
        await desk.acknowledge(made.id, by=ANNA)
        await desk.acknowledge(made.id, by=ANNA)
        desk.time.advance(1)
        await desk.answer(made.id, "Grazie, squadra avvisata", by=ANNA)
        await desk.close(made.id, ReportOutcome.DEALT_WITH, by=ANNA)
        found = await desk.register(ANNA, Span(), "verifica semestrale")
        assert await pl.codes() == [
            "report.in", "report.route", "report.ack", "report.out", "report.close",
            "report.export",
        ]  # fmt: skip
        assert [one.number for one in found] == [
            made.number, made.number.replace("IN", "OUT"),
        ]  # fmt: skip
        entries = await pl.ledger.entries(-1, 100)
        assert entries[0].event.reason_text == "Via Roma 1 · Lampione rotto"
        assert entries[0].event.case_ref == made.number
        assert entries[1].event.recipient_org == PL
        assert (entries[5].event.reason_text, entries[5].event.count) == ("verifica semestrale", 2)
        headers = b"".join(one.header for one in entries)
        for word in (b"Lampione", b"Via Roma", b"squadra", made.number.encode(), b"semestrale"):
            assert word not in headers


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"listed_until": date(2021, 1, 1)}, "institute-no-longer-listed"),
        ({"certificate_until": date(2021, 1, 1)}, "institute-certificate-expired"),
        ({"enabled": False}, "institute-disabled"),
    ],
)
async def test_removal_from_the_list_ends_it_at_once(tmp_path, more, why):
    """Nothing is written but the refusal; what was sent before can still be read."""
    async with alone(tmp_path) as (pl, desk):
        made = await desk.send(DECAY, by=IVO)
        pl.registry = with_institute(pl.registry, **more)
        assert desk.bar(IVO) == why
        with pytest.raises(StateError, match=why):
            await desk.send(DRAFT, by=IVO)
        (refused,) = await pl.entries("report.refuse")
        assert (refused.result, refused.error, refused.org) == ("denied", why, INSTITUTE)
        assert [one.id for one in await desk.listed(IVO)] == [made.id]


async def test_a_flood_is_refused_and_does_not_fill_the_ledger(tmp_path):
    """So many at once, then one now and then; refusals are counted, not repeated."""
    async with alone(tmp_path) as (pl, desk):
        for _ in range(BURST):
            await desk.send(DECAY, by=IVO)
        for _ in range(3 * REFUSALS):
            with pytest.raises(StateError, match="too-many"):
                await desk.send(DECAY, by=IVO)
        assert len(await pl.entries("report.refuse")) <= REFUSALS + 1
        desk.time.advance(120.0)
        await desk.send(DECAY, by=IVO)


async def test_rooms_and_institutes_know_only_their_own(tmp_path):
    """Another room, another institute and the wrong direction get nothing."""
    async with alone(tmp_path) as (_, desk):
        made = await desk.send(DECAY, by=IVO)
        assert await desk.get(made.id, PINO) is None
        assert await desk.get(made.id, actor("x", "altro", Role.INSTITUTE_OPERATOR)) is None
        with pytest.raises(StateError, match="unknown"):
            await desk.acknowledge(made.id, by=PINO)
        with pytest.raises(StateError, match="not-yours"):
            await desk.acknowledge(made.id, by=IVO)
        assert desk.bar(ANNA) == "role-may-not"
        out = await desk.answer(made.id, "Sì", by=ANNA)
        with pytest.raises(StateError, match="not-yours"):
            await desk.answer(out.id, "no", by=IVO)
        with pytest.raises(StateError, match="organisation"):
            await desk.pass_on(made.id, INSTITUTE, by=ANNA)
        await desk.pass_on(made.id, QUESTURA, by=ANNA)
        assert (await desk.acknowledge(made.id, by=PINO)).state is ReportState.ACKNOWLEDGED


async def test_a_dark_ledger_takes_reports_and_lets_no_answer_out(tmp_path):
    """The report stands and its entry is owed; an answer without an entry is refused."""
    async with alone(tmp_path) as (pl, desk):
        write = pl.ledger.append

        async def refuse(event):
            raise LedgerError("disk full")

        pl.ledger.append = refuse
        made = await desk.send(DECAY, by=IVO)
        with pytest.raises(LedgerError):
            await desk.answer(made.id, "Arriviamo", by=ANNA)
        assert len(await desk.listed(IVO)) == 1
        pl.ledger.append = write
        await pl.journal.settle()
        codes = await pl.codes()
        assert [one for one in codes if one.startswith("report")] == ["report.in", "report.route"]


async def test_the_same_key_gives_the_same_number(tmp_path):
    """Also after the institute went from the list: its receipt is its receipt."""
    once = Once("istituto/ivo send", "k1", "aa")
    async with alone(tmp_path) as (pl, desk):
        made = await desk.send(DECAY, by=IVO, once=once)
        pl.registry = with_institute(pl.registry, enabled=False)
        assert await desk.send(DECAY, by=IVO, once=once) == made
        assert await pl.codes() == ["report.in", "report.route"]
        assert len(await desk.listed(ANNA)) == 1


async def test_words_are_forgotten_and_the_ledger_says_how_many(tmp_path):
    """After the days of the configuration, and only once."""
    async with alone(tmp_path) as (pl, desk):
        made = await desk.send(DECAY, by=IVO)
        await desk.forget()
        assert (await desk.get(made.id, ANNA)).words == DECAY.words
        desk.time.advance(181 * DAY_US / 1e6)
        await desk.forget()
        await desk.forget()
        assert (await desk.get(made.id, ANNA)).words is None
        (deleted,) = await pl.entries("retention.delete")
        assert (deleted.object_type, deleted.count) == ("report", 1)


async def test_another_room_hears_over_the_line_and_its_answer_comes_back(tmp_path):
    """An incident with kind, place and words; taking and closing it there counts here."""
    async with two_rooms(tmp_path) as (pl, ps, _), desk_of(pl, tmp_path, pl.desk) as desk:
        made = await desk.send(DRAFT, by=IVO)
        assert made.recipients == (QUESTURA,)
        await desk.look()
        await desk.look()
        (there,) = await until(lambda: ps.desk.listed(PINO), what="the incident at the Questura")
        assert made.number in there.title
        assert (there.kind, there.priority) == ("persone-o-veicoli-sospetti", 5)
        assert (there.latitude, there.address) == (WORDS.latitude, WORDS.place)

        def said():
            found = ps.desk.get(there.id, PINO)
            return found.messages if found else ()

        (message,) = await until(said, what="the words at the Questura")
        assert WORDS.text in message.text
        await until(lambda: _done(ps, there.id, Take()), what="taking")

        async def state(wanted):
            await desk.look()
            return (await desk.get(made.id, IVO)).state is wanted

        await until(lambda: state(ReportState.ACKNOWLEDGED), what="acknowledged here")
        await until(lambda: _done(ps, there.id, Close(Outcome.RESOLVED)), what="closing")
        await until(lambda: state(ReportState.CLOSED), what="closed here")
        done = await desk.get(made.id, IVO)
        assert done.last(Passage.ACKNOWLEDGED).by.organisation == QUESTURA
        assert done.last(Passage.CLOSED).detail == ReportOutcome.DEALT_WITH.value
        assert len(pl.desk.listed(ANNA)) == 1


async def _done(room, incident, command):
    """Carry a command out as soon as the room may: handing over has to arrive first."""
    try:
        await room.desk.change(incident, command, by=PINO)
    except StateError:
        return False
    return True
