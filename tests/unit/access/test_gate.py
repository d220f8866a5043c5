# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The gate: first the entry on disk, then the Grant; and what ends a Grant."""

import asyncio
import itertools
from dataclasses import replace
from datetime import date

import pytest

from gateway.access.gate import LATE_S, Gate, Surroundings
from gateway.access.policy import GRANT_S
from gateway.access.shifts import Shifts
from gateway.model.access import Action, Grant, Purpose, Refusal, Regime, Verdict
from gateway.model.alarm import AlarmState
from gateway.model.audit import LedgerReceipt, Operation
from gateway.model.errors import LedgerError
from gateway.model.registry import Role, SiteState
from gateway.model.room import ASSERTION
from tests.fakes import FakeClock
from tests.unit.access.town import (
    NOW,
    SHOP_ACT,
    SQUARE_ACT,
    actor,
    alarm,
    registry,
    wish,
    with_site,
)


class Journal:
    """A ledger in memory that can be slow or refuse."""

    def __init__(self):
        self.events = []
        self.refuses = False
        self.hold = asyncio.Event()
        self.hold.set()
        self.asked = asyncio.Event()

    async def append(self, event):
        self.asked.set()
        await self.hold.wait()
        if self.refuses:
            raise LedgerError("disk full")
        self.events.append(event)
        return LedgerReceipt(len(self.events) - 1, "id", 0)

    def names(self):
        return [one.event for one in self.events]


class Box:
    """A gate with everything that it asks."""

    def __init__(self):
        self.clock = FakeClock(NOW.monotonic_s, NOW.utc_us)
        self.journal = Journal()
        self.registry = registry()
        self.alarms = {"al-1": alarm()}
        self.gate = Gate(self.journal, lambda: self.registry, self.alarms.get, self.clock)


@pytest.fixture
async def box():
    return Box()


ALARM_WISH = wish("banco", Purpose.ALARM, "al-1", reason="rapina in corso")


async def test_the_entry_comes_before_the_grant(box):
    """While the ledger has not answered, there is no Grant."""
    box.journal.hold.clear()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(box.gate.open(ALARM_WISH))
        await box.journal.asked.wait()
        assert not task.done()
        box.journal.hold.set()
    grant = task.result()
    assert isinstance(grant, Grant)
    assert (grant.camera, grant.act, grant.ledger_seq) == ("banco", "accordo-farmacia", 0)
    assert (grant.regime, grant.expires) == (Regime.LED, NOW.shifted(GRANT_S))
    assert box.gate.check(grant).allowed


async def test_the_entry_says_who_what_why(box):
    """The opening entry carries actor, camera, purpose, case, act, recipient and version."""
    await box.gate.open(
        replace(ALARM_WISH, actor=actor(source_ip="192.0.2.7", certificate_sha256="ab"))
    )
    (event,) = box.journal.events
    assert (event.event, event.result, event.opens) == ("live.open", "ok", True)
    assert (event.operation, event.regime) == (Operation.CONSULTATION, Regime.LED)
    assert (event.actor_id, event.actor_type, event.org) == ("anna", "human", "sala-pl")
    assert (event.src_ip, event.client_cert_fp) == ("192.0.2.7", "ab")
    assert (event.object_type, event.object_id, event.controller) == ("camera", "banco", "farmacia")
    assert (event.purpose_code, event.case_ref) == ("allarme", "al-1")
    assert (event.legal_basis_id, event.reason_text) == ("accordo-farmacia", "rapina in corso")
    assert (event.recipient_org, event.policy_version) == ("sala-pl", 5)


@pytest.mark.parametrize(
    ("request_", "event", "opens"),
    [
        (ALARM_WISH, "live.open", True),
        (replace(ALARM_WISH, action=Action.SNAPSHOT), "live.snapshot", False),
        (replace(ALARM_WISH, action=Action.PLAYBACK), "playback.open", True),
        (
            wish("", Purpose.LEGALITY, "", actor(Role.DPO, "comune"), action=Action.LOG_READ),
            "log.read",
            False,
        ),
        (
            wish("", Purpose.INSTALLATION, "", actor(Role.SYSADMIN), action=Action.CONFIGURE),
            "config.change",
            False,
        ),
        (
            wish("banco", Purpose.INSTALLATION, "", actor(Role.SYSADMIN), action=Action.INSPECT),
            "camera.inspect",
            False,
        ),
    ],
)
async def test_each_action_has_its_event(box, request_, event, opens):
    """Events carry the codes of D.3, and only what lasts is opened."""
    assert isinstance(await box.gate.open(request_), Grant)
    assert [(one.event, one.opens) for one in box.journal.events] == [(event, opens)]


@pytest.mark.parametrize(
    ("action", "event"),
    [
        (Action.LIVE, "live.deny"),
        (Action.SNAPSHOT, "live.deny"),
        (Action.PLAYBACK, "playback.deny"),
        (Action.LOG_READ, "log.deny"),
        (Action.CONFIGURE, "config.deny"),
        (Action.INSPECT, "camera.deny"),
    ],
)
async def test_refusals_are_written_too(box, action, event):
    """A refusal is in the ledger with its code before anybody is told."""
    verdict = await box.gate.open(wish(purpose=None, who=actor(Role.OWNER), action=action))
    assert isinstance(verdict, Verdict)
    (entry,) = box.journal.events
    assert (entry.event, entry.result, entry.opens) == (event, "denied", False)
    assert (entry.error, entry.operation) == (verdict.refusal.value, Operation.NONE)
    assert entry.recipient_org == ""


@pytest.mark.parametrize("request_", [ALARM_WISH, wish(purpose=None)])
async def test_no_ledger_no_grant(box, request_):
    """If the entry cannot be written the answer is no, whatever it would have been."""
    box.journal.refuses = True
    verdict = await box.gate.open(request_)
    assert (verdict.allowed, verdict.refusal) == (False, Refusal.LEDGER)


async def test_preview_writes_nothing(box):
    """Asking what would be answered leaves no trace and gives no key."""
    assert box.gate.preview(ALARM_WISH).allowed
    assert box.gate.preview(wish("banco")).refusal is Refusal.ONLY_ON_ALARM
    assert box.journal.events == []


async def test_a_grant_made_elsewhere_opens_nothing(box):
    """Only what this gate made is valid, and only unchanged."""
    grant = await box.gate.open(ALARM_WISH)
    for forged in (
        replace(grant, id="other"),
        replace(grant, expires=grant.expires.shifted(9999)),
        replace(grant, request=replace(grant.request, camera="piazza")),
    ):
        assert not box.gate.check(forged).allowed
    assert box.gate.check(grant).allowed


def close_alarm(box):
    box.alarms["al-1"] = alarm(state=AlarmState.CLOSED)


def withdraw(box):
    box.registry = replace(box.registry, acts={SQUARE_ACT.id: SQUARE_ACT})


def suspend(box):
    box.registry = with_site(box.registry, "negozio", state=SiteState.SUSPENDED)


def shorten(box):
    act = replace(SHOP_ACT, valid_until=date(2026, 6, 14))
    box.registry = registry(act)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (close_alarm, Refusal.ALARM_CLOSED),
        (withdraw, Refusal.NO_ACT),
        (shorten, Refusal.ACT_EXPIRED),
        (suspend, Refusal.SITE_NOT_ACTIVE),
        (lambda box: box.alarms.clear(), Refusal.CASE_MISSING),
        (lambda box: box.clock.advance(GRANT_S), Refusal.GRANT_ENDED),
    ],
)
async def test_what_ends_a_grant(box, change, refusal):
    """A closed alarm, a lost or shortened act, or time itself ends a Grant at the next check."""
    grant = await box.gate.open(ALARM_WISH)
    assert box.gate.check(grant).allowed
    change(box)
    assert box.gate.check(grant).refusal is refusal


async def test_a_grant_ends_with_its_act(box):
    """Opened ten minutes before midnight of the last day, it lasts ten minutes."""
    box.clock = FakeClock(50.0, 1_782_856_200_000_000)  # 2026-06-30 21:50 UTC, 23:50 in Rome
    gate = Gate(box.journal, lambda: box.registry, box.alarms.get, box.clock)
    grant = await gate.open(wish())
    assert grant.expires == box.clock.now().shifted(600)
    box.clock.advance(599.9)
    assert gate.check(grant).allowed
    box.clock.advance(0.1)
    assert not gate.check(grant).allowed


async def test_revocation(box):
    """A revoked Grant is invalid at once; its closing entry is still written."""
    grant = await box.gate.open(ALARM_WISH)
    box.gate.revoke(grant.id)
    box.gate.revoke("unknown")
    assert box.gate.check(grant).refusal is Refusal.GRANT_ENDED
    await box.gate.close(grant, reason="revoked")
    assert box.journal.names() == ["live.open", "live.close"]


async def test_closing_is_written_once(box):
    """The closing entry names the opening one and what was transferred, once."""
    grant = await box.gate.open(ALARM_WISH)
    for _ in range(2):
        await box.gate.close(grant, reason="viewer-left", duration_ms=5000, bytes=123, frames=75)
    opened, closed = box.journal.events
    assert (closed.event, closed.closes, closed.opens) == ("live.close", grant.ledger_seq, False)
    assert (closed.error, closed.duration_ms, closed.bytes, closed.frames) == (
        "viewer-left",
        5000,
        123,
        75,
    )
    assert (closed.actor_id, closed.case_ref) == (opened.actor_id, opened.case_ref)
    assert closed.legal_basis_id == opened.legal_basis_id == "accordo-farmacia"
    assert not box.gate.check(grant).allowed


async def test_a_snapshot_needs_no_closing(box):
    """What is over at once gets no second entry."""
    grant = await box.gate.open(replace(ALARM_WISH, action=Action.SNAPSHOT))
    await box.gate.close(grant, reason="done")
    assert box.journal.names() == ["live.snapshot"]


async def test_a_closing_that_fails_can_be_repeated(box):
    """If the ledger refuses the closing, the Grant is dead all the same and closing works later."""
    grant = await box.gate.open(ALARM_WISH)
    box.journal.refuses = True
    with pytest.raises(LedgerError):
        await box.gate.close(grant, reason="viewer-left")
    assert not box.gate.check(grant).allowed
    box.journal.refuses = False
    await box.gate.close(grant, reason="viewer-left")
    assert box.journal.names() == ["live.open", "live.close"]


@pytest.mark.parametrize("turns", range(8))
async def test_nobody_waits_any_more(box, turns):
    """A look whose asker is gone before the answer is closed again, whenever that happens."""
    box.journal.hold.clear()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(box.gate.open(ALARM_WISH))
        await box.journal.asked.wait()
        box.journal.hold.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        cancelled = task.cancel()
        for _ in itertools.takewhile(lambda _: not task.done(), range(100)):
            await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    if task.cancelled():
        assert box.journal.names() == ["live.open", "live.close"]
        assert box.journal.events[1].error == "abandoned"
    else:
        assert not cancelled or isinstance(task.result(), Grant)
        assert box.journal.names() == ["live.open"]


async def test_the_sweep_closes_what_nobody_reported(box):
    """A look that ended a minute ago and was never closed is closed by itself."""
    await box.gate.open(ALARM_WISH)
    box.clock.advance(GRANT_S + LATE_S - 1)
    await box.gate.sweep()
    assert box.journal.names() == ["live.open"]
    box.clock.advance(1)
    await box.gate.sweep()
    await box.gate.sweep()
    assert box.journal.names() == ["live.open", "live.close"]
    assert box.journal.events[1].error == "expired"


async def test_a_grant_does_not_outlive_the_sign_in():
    """Who signs out, or whose password is changed, looks no longer."""
    box = Box()
    there = {"anna"}
    box.gate = Gate(
        box.journal,
        lambda: box.registry,
        box.alarms.get,
        box.clock,
        signed_in=lambda who: who.id in there,
    )
    grant = await box.gate.open(ALARM_WISH)
    assert box.gate.check(grant).allowed
    there.clear()
    assert box.gate.check(grant).refusal is Refusal.GRANT_ENDED


async def test_a_rooms_people_are_vouched_for_by_their_room():
    """No sign-in and no shift here: an assertion stands for both, as long as it holds."""
    box = Box()
    vouched = {"g-1"}
    around = Surroundings(
        signed_in=lambda _: True,
        shifts=Shifts(box.journal, box.clock),
        vouched=lambda who: who.session in vouched,
    )
    box.gate = Gate(box.journal, lambda: box.registry, box.alarms.get, box.clock, around)
    who = replace(actor(method=ASSERTION), id="sala:anna", session="g-1")
    grant = await box.gate.open(wish("piazza", who=who))
    assert box.gate.check(grant).allowed
    assert box.journal.names() == ["live.open"]  # no shift was opened for it
    assert (box.journal.events[0].channel, box.journal.events[0].session_id) == ("line", "g-1")
    vouched.clear()
    assert box.gate.check(grant).refusal is Refusal.GRANT_ENDED
    await box.gate.close(grant, reason="assertion-expired")
    assert box.journal.events[-1].channel == "line"


async def test_nobody_is_vouched_for_where_no_room_is():
    """A box without uplinks believes no assertion."""
    box = Box()
    grant = await box.gate.open(wish("piazza", who=actor(method=ASSERTION)))
    assert box.gate.check(grant).refusal is Refusal.GRANT_ENDED
