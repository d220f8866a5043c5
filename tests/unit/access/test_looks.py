# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Looks that go on: shifts, reconfirmation, emergencies, and second persons."""

from dataclasses import replace

import pytest

from gateway.access.gate import Gate, Surroundings
from gateway.access.policy import GLASS_S, GRANT_S, INCIDENT_S
from gateway.access.second import LASTS_S, MOST_EACH, Seconds
from gateway.access.shifts import Shifts
from gateway.model.access import (
    ACT_ENDED,
    BREAK_GLASS,
    UNCONFIRMED,
    Grant,
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


async def test_the_first_look_under_an_order_opens_the_shift(box):
    """Its order is written once; looks last as long as the shift and are not asked about."""
    one = await box.gate.open(wish())
    two = await box.gate.open(wish())
    assert box.journal.names() == ["shift.open", "live.open", "live.open"]
    assert one.expires == two.expires == box.shifts.of(one.request.actor).until
    assert await box.gate.prolong(one) is None
    box.clock.advance(4 * 3600)
    assert box.gate.check(one).allowed


async def test_another_order_is_refused_while_a_shift_is_open(box):
    """One sign-in, one order; closing the shift darkens what was opened under it."""
    grant = await box.gate.open(wish())
    refused = await box.gate.open(wish(case="OdS 5"))
    assert refused.refusal is Refusal.NO_SHIFT
    await box.shifts.close(grant.request.actor)
    assert box.gate.check(grant).refusal is Refusal.NO_SHIFT
    assert isinstance(await box.gate.open(wish(case="OdS 5")), Grant)
    assert box.journal.names().count("shift.close") == 1


async def test_a_refused_look_opens_no_shift(box):
    """Only what is allowed otherwise starts a shift; a dead ledger starts none."""
    assert not (await box.gate.open(wish("banco"))).allowed
    assert box.journal.names() == ["live.deny"]
    box.journal.refuses = True
    assert (await box.gate.open(wish())).refusal is Refusal.LEDGER
    assert box.shifts.of(actor()) is None


async def test_a_shift_ends_by_itself_and_with_its_sign_in(box):
    """After its hours, and at the next sweep after a sign-out, with an entry each."""
    await box.shifts.open(actor(), "OdS 4", 99)
    box.clock.advance(12 * 3600)
    assert box.shifts.of(actor()) is None
    await box.shifts.sweep()
    await box.shifts.open(actor(), "OdS 5")
    box.there = False
    await box.gate.sweep()
    closed = [one for one in box.journal.events if one.event == "shift.close"]
    assert [(one.closes, one.error) for one in closed] == [(0, "expired"), (2, "signed-out")]


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


BERTA = replace(actor(), id="berta", session="s2", method="password")


def test_a_second_person_agrees_once_to_exactly_this():
    """Somebody else of the same house, within five minutes, for this request of this sign-in."""
    clock = FakeClock(1.0, NOW.utc_us)
    seconds = Seconds(clock)
    code = seconds.ask(wish()).code
    assert seconds.use(code, wish()) == ""
    strangers = (actor(), replace(BERTA, organisation="sala-cc"), replace(BERTA, role=Role.MACHINE))
    assert not any(seconds.agree(code, one) for one in strangers)
    assert seconds.about(code, BERTA) == wish()
    assert seconds.agree(code.lower(), BERTA)
    assert not seconds.agree(code, replace(BERTA, id="carla"))
    others = (wish("banco"), wish(case="x"), wish(**GLASS), wish(who=replace(actor(), session="y")))
    assert [seconds.use(code, one) for one in others] == [""] * 4
    assert seconds.use(code, wish()) == "berta"
    assert seconds.use(code, wish()) == ""
    old = seconds.ask(wish()).code
    seconds.agree(old, BERTA)
    clock.advance(LASTS_S)
    assert seconds.use(old, wish()) == ""


def test_the_certificate_of_a_desk_is_no_second_person():
    """Whoever asked could drop the cookie and go on as the account of the desk's certificate."""
    seconds = Seconds(FakeClock(1.0, NOW.utc_us))
    code = seconds.ask(wish()).code
    desk = replace(BERTA, id="banco-2", method="certificate", certificate_sha256="ab" * 32)
    assert seconds.about(code, desk) is None
    assert not seconds.agree(code, desk)
    assert seconds.agree(code, BERTA)


def test_codes_that_wait_are_few():
    """One person's codes are bounded; the oldest gives way."""
    seconds = Seconds(FakeClock(1.0, NOW.utc_us))
    codes = [seconds.ask(wish()).code for _ in range(MOST_EACH + 1)]
    assert [seconds.agree(code, BERTA) for code in codes] == [False] + [True] * MOST_EACH
