# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Looks that go on: reconfirmation, acts that end meanwhile, and emergencies."""

from dataclasses import replace

import pytest

from gateway.access.gate import Gate, Surroundings
from gateway.access.policy import GLASS_S, GRANT_S, INCIDENT_S
from gateway.access.shifts import Shifts
from gateway.model.access import (
    ACT_ENDED,
    BREAK_GLASS,
    UNCONFIRMED,
    WATERMARK,
    Purpose,
    Refusal,
)
from gateway.model.alarm import AlarmState
from gateway.model.errors import LedgerError
from gateway.model.registry import Role
from tests.fakes import FakeClock
from tests.unit.access.test_gate import Journal
from tests.unit.access.town import NOW, actor, alarm, at, registry, wish

ALARM_WISH = wish("banco", Purpose.ALARM, "al-1")
INCIDENT = wish(purpose=Purpose.INCIDENT, case="INT 9")
GLASS = {"break_glass": True, "reason": "rapina in corso"}


class Box:
    """A gate with shifts and everything that it asks."""

    def __init__(self, now=NOW):
        self.clock = FakeClock(now.monotonic_s, now.utc_us)
        self.journal = Journal()
        self.registry = registry()
        self.alarms = {"al-1": alarm()}
        self.broken = []
        self.there = True
        signed_in = lambda _: self.there  # noqa: E731
        self.shifts = Shifts(self.journal, self.clock, signed_in=signed_in)
        around = Surroundings(
            signed_in=signed_in, shifts=self.shifts, on_break_glass=self.broken.append
        )
        self.gate = Gate(self.journal, lambda: self.registry, self.alarms.get, self.clock, around)


@pytest.fixture
async def box():
    return Box()


async def test_a_look_is_prolonged_once_and_then_ends(box):
    """Unanswered for half an hour it is flagged, for another it is over."""
    grant = await box.gate.open(INCIDENT)
    box.clock.advance(GRANT_S - 5)
    longer = await box.gate.prolong(grant)
    assert longer.flags == (UNCONFIRMED,)
    assert (longer.id, longer.issued) == (grant.id, grant.issued)
    assert box.gate.check(longer).allowed
    assert box.gate.check(grant).allowed  # until the session has changed over
    box.clock.advance(GRANT_S - 5)
    assert await box.gate.prolong(longer) is None
    box.clock.advance(5)
    assert not box.gate.check(longer).allowed
    assert box.journal.names() == ["live.open", "live.unconfirmed"]
    assert box.journal.events[1].flags == UNCONFIRMED
    await box.gate.close(longer, reason="expired")
    assert box.journal.events[-1].flags == UNCONFIRMED


async def test_an_open_alarm_keeps_an_unconfirmed_look(box):
    """As long as the alarm is open nobody loses its picture for want of a click."""
    grant = await box.gate.open(ALARM_WISH)
    for _ in range(4):
        box.clock.advance(GRANT_S - 5)
        grant = await box.gate.prolong(grant)
        assert UNCONFIRMED in grant.flags
    box.alarms["al-1"] = alarm(state=AlarmState.CLOSED)
    assert box.gate.check(grant).refusal is Refusal.ALARM_CLOSED


async def test_a_confirmed_look_has_half_an_hour_again(box):
    """The answer clears the flag and stands in the ledger; clicking again writes nothing."""
    grant = await box.gate.open(INCIDENT)
    assert await box.gate.renew(grant) == grant
    box.clock.advance(GRANT_S - 5)
    longer = await box.gate.prolong(grant)
    box.clock.advance(60)
    fresh = await box.gate.renew(longer)
    assert (fresh.flags, fresh.expires) == ((), box.clock.now().shifted(GRANT_S))
    assert await box.gate.renew(fresh) == fresh
    assert box.journal.names() == ["live.open", "live.unconfirmed", "live.confirm"]
    assert not box.gate.check(replace(fresh, flags=(UNCONFIRMED,))).allowed


async def test_no_ledger_no_longer_look(box):
    """What cannot be written down neither prolongs nor renews; the old Grant runs out."""
    grant = await box.gate.open(INCIDENT)
    box.clock.advance(GRANT_S - 5)
    box.journal.refuses = True
    for way in (box.gate.prolong, box.gate.renew):
        with pytest.raises(LedgerError):
            await way(grant)
    assert box.gate.check(grant).expires == grant.expires
    box.clock.advance(5)
    assert not box.gate.check(grant).allowed


async def test_what_was_revoked_meanwhile_stays_revoked(box):
    """A confirmation that waits for the ledger does not bring a revoked look back."""
    grant = await box.gate.open(INCIDENT)
    box.clock.advance(GRANT_S - 5)
    append = box.journal.append

    async def slow(event):
        box.gate.revoke(grant.id)
        return await append(event)

    box.journal.append = slow
    assert (await box.gate.renew(grant)).refusal is Refusal.GRANT_ENDED
    assert not box.gate.check(grant).allowed


async def test_an_act_that_ends_during_an_alarm_is_marked():
    """The look goes on flagged, says so in the ledger, and ends after four hours."""
    end = at(2027, 1, 31, 23)
    box = Box(end.shifted(-60))
    grant = await box.gate.open(ALARM_WISH)
    assert await box.gate.mark(grant) is None
    box.clock.advance(61)
    marked = await box.gate.mark(grant)
    assert marked.flags == (ACT_ENDED,)
    assert await box.gate.mark(marked) is None
    assert box.journal.events[-1].flags == ACT_ENDED
    while (later := await box.gate.prolong(marked)) is not None and later.expires != marked.expires:
        marked = later
        box.clock.advance(marked.expires.monotonic_s - box.clock.monotonic_s() - 1)
    assert marked.expires.utc_us == end.shifted(INCIDENT_S).utc_us


async def test_a_watermark_that_is_demanded_meanwhile_is_no_missing_answer(box):
    """The look goes on with it under an entry of its own; without it nothing is written."""
    grant = await box.gate.open(INCIDENT)
    plain = box.registry
    box.registry = replace(
        plain,
        acts={
            key: replace(act, scopes=tuple(replace(one, watermark=True) for one in act.scopes))
            for key, act in plain.acts.items()
        },
    )
    marked = await box.gate.mark(grant)
    assert (marked.flags, marked.expires) == ((WATERMARK,), grant.expires)
    assert box.journal.names() == ["live.open", "live.mark"]
    box.registry = plain
    assert await box.gate.mark(marked) is None


async def test_an_emergency_has_two_entries_and_is_told(box):
    """`breakglass.use` beside `live.open`; an hour, never longer."""
    grant = await box.gate.open(wish("banco", **GLASS))
    assert box.journal.names() == ["breakglass.use", "live.open"]
    assert {one.flags for one in box.journal.events} == {BREAK_GLASS}
    assert [one.opens for one in box.journal.events] == [False, True]
    assert box.journal.events[0].reason_text == "rapina in corso"
    assert (grant.expires, box.broken) == (NOW.shifted(GLASS_S), [grant])
    box.clock.advance(GLASS_S - 1)
    assert await box.gate.prolong(grant) is None
    assert await box.gate.renew(grant) == grant
    box.clock.advance(1)
    assert not box.gate.check(grant).allowed


async def test_an_emergency_that_repeats_itself_needs_a_second_person(box):
    """The same person before the same camera within the hour; others and later ones do not."""
    again = wish("banco", Purpose.INCIDENT, "INT 9", **GLASS)
    first = await box.gate.open(again)
    assert first.flags == (BREAK_GLASS,)
    assert box.gate.check(first).allowed, "the look itself goes on"
    await box.gate.close(first, reason="client")
    box.clock.advance(GLASS_S - 1)
    for alone in (again, replace(again, second="anna")):
        assert (await box.gate.open(alone)).refusal is Refusal.FOUR_EYES
    assert box.gate.explain(again).steps[-1].answer == "second-person-needed"
    other = replace(again, actor=replace(again.actor, id="berto"))
    assert (await box.gate.open(other)).flags == (BREAK_GLASS,)
    together = await box.gate.open(replace(again, second="carla"))
    assert together.flags == (BREAK_GLASS,)
    box.clock.advance(GLASS_S)
    assert (await box.gate.open(again)).flags == (BREAK_GLASS,)


async def test_a_refused_emergency_alarms_nobody(box):
    """Neither the owner is told nor is there an entry of its own."""
    await box.gate.open(wish("banco", break_glass=True, reason="boh"))
    assert (box.journal.names(), box.broken) == (["live.deny"], [])


async def test_a_camera_that_nobody_told_of_does_not_exist(box):
    """The answer is that of a camera that is not there; the ledger has the true reason."""
    stranger = actor(organisation="sala-cc")
    hidden = await box.gate.open(wish(who=stranger))
    nowhere = await box.gate.open(wish("nessuna", who=stranger))
    assert hidden.refusal is nowhere.refusal is Refusal.UNKNOWN_CAMERA
    assert hidden.text_it.replace("piazza", "nessuna") == nowhere.text_it
    assert box.journal.events[0].error == "no-act"
    owner = actor(Role.OWNER, "farmacia")
    other = await box.gate.open(wish("piazza", Purpose.OWNER, "", owner))
    assert other.refusal is Refusal.UNKNOWN_CAMERA


async def test_explaining_leaves_no_trace(box):
    """An explanation agrees with the gate and writes nothing."""
    told = box.gate.explain(wish("banco"))
    assert told.verdict.refusal is Refusal.ONLY_ON_ALARM
    assert [one.question for one in told.steps][-1] == "disclosure"
    assert box.gate.explain(wish()).verdict.allowed
    assert box.journal.names() == []
