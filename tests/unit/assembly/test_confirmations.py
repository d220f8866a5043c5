# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A look is asked about, goes on meanwhile, and ends where nobody answers."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.access.gate import Gate
from gateway.access.policy import GRANT_S
from gateway.assembly.viewing import AGAIN_S, ASK_S, Confirmations, WhepSession
from gateway.console.services import Notices
from gateway.model.access import (
    UNCONFIRMED,
    AccessRequest,
    Action,
    Actor,
    Grant,
    Purpose,
    Refusal,
)
from gateway.model.alarm import Alarm
from gateway.model.registry import Role
from gateway.relay.video.process import SessionEnd
from tests.fakes import FakeClock
from tests.unit.access.test_gate import Journal
from tests.unit.access.town import NOW, actor, alarm, registry, wish
from tests.unit.assembly.parts import ManualClock, entries, running_box, town, until

INCIDENT = wish(purpose=Purpose.INCIDENT, case="INT 9")
ALARM_WISH = wish("banco", Purpose.ALARM, "al-1")
ANNA = Actor("anna", "Anna", Role.PL_OPERATOR, "sala-pl", "s1", "password")
BERTA = replace(ANNA, id="berta", name="Berta")


class Wall:
    """Sessions that only remember under which Grant they run."""

    def __init__(self):
        self.running = {}

    def add(self, name, grant):
        self.running[name] = grant

    def sessions(self):
        return [WhepSession(name, grant, "") for name, grant in self.running.items()]

    def regrant(self, grant):
        self.running = {n: grant if g.id == grant.id else g for n, g in self.running.items()}


class Room:
    def __init__(self):
        self.clock = FakeClock(NOW.monotonic_s, NOW.utc_us)
        self.journal, self.wall, self.notices = Journal(), Wall(), Notices()
        self.town, self.alarms = registry(), {"al-1": alarm()}
        self.gate = Gate(self.journal, lambda: self.town, self.alarms.get, self.clock)
        self.asker = Confirmations(self.gate, self.wall, self.notices, self.clock)
        self.heard = []

    async def look(self, request):
        self.wall.add("s1", await self.gate.open(request))

    async def pass_time(self, seconds):
        """Tick each second as the box does; return for how long the look held."""
        for second in range(round(seconds)):
            self.clock.advance(1)
            await self.asker.tick()
            if not self.gate.check(self.wall.running["s1"]).allowed:
                return second
        return round(seconds)


@pytest.fixture
async def room():
    return Room()


async def test_the_question_comes_at_half_an_hour_and_the_picture_goes_on(room):
    """Once at thirty minutes, again each minute, to this person only; at an hour it is over."""
    await room.look(INCIDENT)
    with room.notices.listen(actor()) as anna:
        assert await room.pass_time(GRANT_S - ASK_S - 1) == GRANT_S - ASK_S - 1
        assert not anna._waiting
        held_s = await room.pass_time(GRANT_S * 2)
        assert GRANT_S - 2 <= held_s <= GRANT_S + ASK_S
        first = json.loads((await anna.receive()).data)
        assert (first["session"], first["camera"], first["by_s"]) == ("s1", "piazza", GRANT_S)
        assert len(anna._waiting) == GRANT_S // AGAIN_S - 1
    assert room.journal.names() == ["live.open", "live.unconfirmed"]


async def test_an_answer_gives_half_an_hour_more(room):
    """Confirmed by its viewer the look is as new; nobody else can confirm it."""
    await room.look(INCIDENT)
    await room.pass_time(GRANT_S)
    assert UNCONFIRMED in room.wall.running["s1"].flags
    stranger = replace(actor(), id="berta")
    assert await room.asker.confirm("s2", actor()) is None
    assert await room.asker.confirm("s1", stranger) is None
    made = await room.asker.confirm("s1", actor())
    assert room.wall.running["s1"] == made
    assert made.flags == ()
    assert await room.pass_time(GRANT_S + 60) == GRANT_S + 60


async def test_an_open_alarm_goes_on_unconfirmed(room):
    """Nobody answers for hours: the picture of the alarm stays, flagged."""
    await room.look(ALARM_WISH)
    assert await room.pass_time(3 * GRANT_S) == 3 * GRANT_S
    assert UNCONFIRMED in room.wall.running["s1"].flags


async def test_what_is_revoked_is_not_kept_by_asking(room):
    """A withdrawn act ends the look at the next check, asked about or not."""
    await room.look(INCIDENT)
    await room.pass_time(GRANT_S)
    room.town = registry(room.town.acts["accordo-farmacia"])
    assert await room.pass_time(10) == 0
    assert (await room.asker.confirm("s1", actor())).refusal is Refusal.NO_ACT


async def test_a_ledger_that_refuses_lets_looks_run_out(room):
    """The round goes on; the look ends when its Grant does."""
    await room.look(INCIDENT)
    room.journal.refuses = True
    assert GRANT_S - 2 <= await room.pass_time(2 * GRANT_S) <= GRANT_S


class Box:
    """A whole running box on a clock that stands still; only pictures and their process are not."""

    def __init__(self, box, opened):
        self.box, self.opened, self.clock = box, opened, opened.clock
        self._rounds = asyncio.Queue()
        self._tick, box.confirmations.tick = box.confirmations.tick, self._counted
        self._close, opened.media.close = opened.media.close, self._ended

    async def _counted(self):
        await self._tick()
        self._rounds.put_nowait(None)

    def _ended(self, session, reason):
        """End a session as the media process does: its end is reported."""
        one = next((one for one in self.opened.media.sessions() if one.session == session), None)
        known = self._close(session, reason)
        if one is not None:
            self.opened.accountant.session_ended(SessionEnd(session, one.grant, reason, 1, 2, 3))
        return known

    async def look(self, purpose, case):
        grant = await self.opened.gate.open(AccessRequest(ANNA, Action.LIVE, "uno", purpose, case))
        assert isinstance(grant, Grant), grant
        return (await self.box.viewing.open(grant, "v=0")).session

    async def pass_time(self, seconds, step=5.0):
        """Let time pass in steps; after each of them the round that asks was done."""
        while seconds > 0:
            self.opened.outbox.touch("al-9")  # what it is about goes on
            self.clock.advance(min(step, seconds))
            seconds -= step
            async with asyncio.timeout(60.0):
                await self._rounds.get()

    def looks(self):
        return {one.session: one.grant for one in self.box.viewing.sessions()}

    async def told(self, event):
        return [one.case_ref for one in await entries(self.opened.ledger, event)]


@asynccontextmanager
async def whole(folder):
    async with running_box(folder, town(folder), clock=ManualClock()) as (box, opened):
        made = Box(box, opened)
        await made.pass_time(1)
        yield made


async def test_a_whole_box_asks_at_half_an_hour_and_takes_the_answer(tmp_path):
    """The picture goes on meanwhile; the answer renews for half an hour, then it asks again."""
    async with whole(tmp_path) as box:
        session = await box.look(Purpose.SERVICE, "OS 1")
        with box.box.notices.listen(ANNA) as anna, box.box.notices.listen(BERTA) as berta:
            await box.pass_time(GRANT_S - ASK_S - 5)
            assert not anna._waiting
            assert await box.told("live.unconfirmed") == []
            await box.pass_time(10, step=1.0)
            async with asyncio.timeout(30):
                notice = await anna.receive()
            assert (notice.event, json.loads(notice.data)["session"]) == ("confirm", session)
            assert not berta._waiting
            assert await box.told("live.unconfirmed") == ["OS 1"]
            assert box.looks()[session].flags == (UNCONFIRMED,)
            assert await box.box.confirmations.confirm(session, BERTA) is None
            assert isinstance(await box.box.confirmations.confirm(session, ANNA), Grant)
            assert await box.told("live.confirm") == ["OS 1"]
            await box.pass_time(GRANT_S - ASK_S - 5)
            assert box.looks()[session].flags == ()
            assert await box.told("live.unconfirmed") == ["OS 1"]
            await box.pass_time(10, step=1.0)
            assert await box.told("live.unconfirmed") == ["OS 1", "OS 1"]
            assert session in box.looks()
        assert await box.told("live.close") == []


async def test_a_whole_box_ends_what_nobody_confirms_but_for_an_open_alarm(tmp_path):
    """An hour after it began the look is over and closed in the ledger; the alarm's goes on."""
    async with whole(tmp_path) as box:
        alarm = Alarm("al-9", "uno", "z", "intrusione", 3, box.clock.now())
        recipients = [box.opened.registry.current().recipients["sala-pl"]]
        await box.opened.outbox.raise_alarm(alarm, recipients=recipients, act="patto")
        service = await box.look(Purpose.SERVICE, "OS 1")
        bound = await box.look(Purpose.ALARM, "al-9")
        await box.pass_time(GRANT_S + ASK_S)
        assert set(box.looks()) == {service, bound}
        assert sorted(await box.told("live.unconfirmed")) == ["OS 1", "al-9"]
        await box.pass_time(GRANT_S - ASK_S)
        await until(lambda: set(box.looks()) == {bound}, what="the one that nobody confirmed ends")
        await until(lambda: box.told("live.close"), what="its end is written")
        (closed,) = await entries(box.opened.ledger, "live.close")
        assert (closed.case_ref, closed.flags) == ("OS 1", UNCONFIRMED)
        await box.pass_time(GRANT_S)
        assert box.looks()[bound].flags == (UNCONFIRMED,)
        assert await box.told("live.close") == ["OS 1"]
        assert (await box.told("live.unconfirmed")).count("al-9") > 1
        assert await box.told("live.confirm") == []
