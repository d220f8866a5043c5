# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A look is asked about, goes on meanwhile, and ends where nobody answers."""

import json
from dataclasses import replace

import pytest

from gateway.access.gate import Gate
from gateway.access.policy import GRANT_S
from gateway.assembly.viewing import AGAIN_S, ASK_S, Confirmations, WhepSession
from gateway.console.services import Notices
from gateway.model.access import UNCONFIRMED, Purpose, Refusal
from tests.fakes import FakeClock
from tests.unit.access.test_gate import Journal
from tests.unit.access.town import NOW, actor, alarm, registry, wish

INCIDENT = wish(purpose=Purpose.INCIDENT, case="INT 9")
ALARM_WISH = wish("banco", Purpose.ALARM, "al-1")


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
