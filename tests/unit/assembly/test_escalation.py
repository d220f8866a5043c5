# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.escalation: from room to room to institute, over restarts."""

import os
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date

import pytest

from gateway.assembly import escalation as module
from gateway.assembly.alarm_ways import way_of
from gateway.assembly.alarms import hearers
from gateway.assembly.escalation import Escalator, EscalatorParts
from gateway.model.alarm import Alarm, AlarmState, AlarmVerdict
from gateway.model.alarm import DeliveryState as State
from gateway.model.errors import StoreError
from gateway.model.holdup import RULE
from gateway.model.identifiers import uuid7
from gateway.model.panel import panel_zone
from gateway.model.registry import Escalation, EscalationStep, Recipient, RecipientKind, SiteState
from gateway.relay.alarms import book_rows
from gateway.relay.alarms.outbox import open_outbox
from gateway.wire.onvif_mqtt import Phase
from tests.fakes import FakeClock
from tests.unit.registry.worlds import small

IN_FORCE = {
    "valid_from": date(2020, 1, 1),
    "valid_until": date(2040, 1, 1),
    "dpia": "D-1",
    "dpia_date": date(2019, 1, 1),
}


class Book:
    """A ledger in memory."""

    def __init__(self):
        self.entries = []

    async def account(self, event):
        self.entries.append(event)

    @property
    def events(self):
        return [(one.event, one.recipient_id) for one in self.entries]


def world(named=("sala", "questura", "istituto")):
    """Return a registry with three recipients of an act and a ladder over them."""
    base = small()
    recipients = base.recipients | {
        "questura": Recipient("questura", "Questura", RecipientKind.ROOM, broker="b", inbox=True),
        "istituto": Recipient("istituto", "Istituto", RecipientKind.INSTITUTE, broker="b"),
    }
    acts = {
        id_: replace(
            act, scopes=tuple(replace(one, recipients=tuple(named)) for one in act.scopes),
            **IN_FORCE,
        )
        for id_, act in base.acts.items()
    }  # fmt: skip
    steps = (
        EscalationStep(0, ("sala",)),
        EscalationStep(60, ("questura",)),
        EscalationStep(120, ("istituto",)),
    )
    ladder = Escalation("notte", steps=steps)
    sites = {id_: replace(one, state=SiteState.ACTIVE) for id_, one in base.sites.items()}
    return replace(
        base, sites=sites, recipients=recipients, acts=acts, escalations={"notte": ladder}
    )


class Street:
    """An outbox and its escalator, closed and opened at will."""

    def __init__(self, path):
        self.path, self.clock, self.book = path, FakeClock(), Book()
        self.registry = world()

    @asynccontextmanager
    async def open(self):
        async with open_outbox(self.path / "alarms.db", clock=self.clock) as outbox:
            self.outbox = outbox
            parts = EscalatorParts(outbox, self.book, lambda: self.registry, self.clock)
            self.escalator = Escalator(parts)
            yield self

    async def raised(self):
        now = self.clock.now()
        id_ = uuid7(now.utc_us, os.urandom(10))
        alarm = Alarm(id_, "banco", "dietro", "intrusione", 3, now)
        hearing = hearers("banco", ("sala", "questura", "istituto"), self.registry)
        way = way_of(alarm, hearing, self.registry)
        await self.outbox.raise_alarm(
            alarm, recipients=way.recipients, act="patto", near=way.near, plan=way.plan
        )
        return id_

    async def after(self, seconds):
        self.clock.advance(seconds)
        await self.escalator.step()

    def who(self, id_):
        return self.outbox.get(id_).recipients


@pytest.fixture
async def street(tmp_path):
    async with Street(tmp_path).open() as opened:
        yield opened


async def test_it_goes_from_room_to_room_to_institute_until_nobody_is_left(street):
    """Each at its time, each with an entry; then that nobody answered, and it stays open."""
    id_ = await street.raised()
    assert street.who(id_) == ("sala",)
    await street.after(59)
    assert street.who(id_) == ("sala",)
    await street.after(1)
    assert street.who(id_) == ("sala", "questura")
    await street.after(60)
    assert street.who(id_) == ("sala", "questura", "istituto")
    await street.after(179)
    assert street.book.events == [("alarm.escalate", "questura"), ("alarm.escalate", "istituto")]
    await street.after(1)
    assert street.book.events[2:] == [("alarm.unanswered", "sala,questura,istituto")]
    await street.outbox.end(id_, street.clock.now())
    await street.after(3600)
    assert await street.outbox.expire(street.clock.now()) == []
    assert street.outbox.get(id_).state is AlarmState.ENDED
    assert len(street.book.events) == 3
    await street.after(8 * 3600)
    (closed,) = await street.outbox.expire(street.clock.now())
    assert (closed.state, closed.taken_utc_us) == (AlarmState.CLOSED, 0)


@pytest.mark.parametrize("answer", ["take", "verdict"])
async def test_an_answer_stops_it(street, answer):
    """Whether somebody takes it or judges it at once; the end of its cause does not."""
    id_ = await street.raised()
    await street.outbox.end(id_, street.clock.now())
    await street.after(60)
    assert street.who(id_) == ("sala", "questura")
    phases = {one.recipient for one in await street.outbox.deliveries(id_, Phase.ENDED)}
    assert phases == {"sala", "questura"}
    if answer == "take":
        await street.outbox.take(id_, "verdi")
    else:
        await street.outbox.close(id_, "verdi", AlarmVerdict.FALSE)
    await street.after(9999)
    assert street.who(id_) == ("sala", "questura")
    assert len(street.book.events) == 1


async def test_an_alarm_that_goes_on_is_not_closed_by_itself(street):
    """Its bound of ten minutes waits for the last step."""
    street.registry = replace(
        street.registry,
        escalations={
            "x": Escalation(
                "x", steps=(EscalationStep(0, ("sala",)), EscalationStep(900, ("questura",)))
            )
        },
    )
    id_ = await street.raised()
    await street.outbox.end(id_, street.clock.now())
    await street.after(700)
    assert await street.outbox.expire(street.clock.now()) == []
    await street.after(200)
    assert street.who(id_) == ("sala", "istituto", "questura")


async def test_a_restart_in_the_middle_loses_no_step(tmp_path):
    """Deadlines are on disk: what fell due meanwhile is done at once, and once."""
    street = Street(tmp_path)
    async with street.open():
        id_ = await street.raised()
        await street.after(60)
    street.clock.advance(70)
    street.clock.time_s = 3.0  # another boot
    async with street.open():
        await street.escalator.step()
        await street.escalator.step()
        assert street.who(id_) == ("sala", "questura", "istituto")
        sent = {one.recipient: one.state for one in await street.outbox.deliveries(id_)}
        assert sent == {
            "sala": State.DELIVERED, "questura": State.WAITING, "istituto": State.WAITING
        }  # fmt: skip
    assert street.book.events == [("alarm.escalate", "questura"), ("alarm.escalate", "istituto")]


async def test_whom_the_act_names_no_more_does_not_hear(street):
    """The act is asked when the step is due, not when the alarm was raised; the next goes on."""
    id_ = await street.raised()
    street.registry = world(named=("sala", "istituto"))
    await street.after(60)
    assert (street.who(id_), street.book.events) == (("sala",), [])
    await street.after(60)
    assert street.who(id_) == ("sala", "istituto")


async def test_what_gave_way_undelivered_is_in_the_ledger(street):
    """Once, with whom it never reached."""
    id_ = await street.raised()
    await street.outbox.close(id_, "verdi", AlarmVerdict.FALSE)
    await street.outbox.end(id_, street.clock.now())
    gone = street.outbox.get(id_)
    await street.outbox._store.write(lambda db: book_rows._delete(db, [id_], street.outbox._quota))
    street.outbox._quota.gone.append(gone)
    await street.after(1)
    await street.after(1)
    assert street.book.events == [("alarm.drop", "sala")]


async def test_a_panels_silent_alarm_without_a_channel_goes_on(street):
    """Nobody's hold-up channel: whom the act of its camera names is asked next."""
    now = street.clock.now()
    alarm = Alarm(uuid7(now.utc_us, os.urandom(10)), "banco", panel_zone("p1", "3"), "rapina", 5,
                  now, silent=True)  # fmt: skip
    way = way_of(alarm, hearers("banco", ("sala", "questura", "istituto"), street.registry),
                 street.registry)  # fmt: skip
    await street.outbox.raise_alarm(alarm, recipients=way.recipients, act="patto", plan=way.plan)
    await street.after(60)
    assert street.who(alarm.id) == ("sala", "questura")


async def test_a_disk_that_refuses_is_asked_again(street, monkeypatch):
    """The task goes on, says why, and nothing is lost."""
    id_ = await street.raised()
    street.clock.advance(60)
    real, problems = street.outbox.escalate, [StoreError("disk full")]

    async def escalate(*args):
        if problems:
            raise problems.pop()
        return await real(*args)

    class Enough(Exception):  # noqa: N818
        pass

    said = []

    async def sleep(_seconds):
        said.append(street.escalator.problem)
        if len(said) == 2:
            raise Enough

    monkeypatch.setattr(street.outbox, "escalate", escalate)
    monkeypatch.setattr(street.clock, "sleep", sleep)
    with pytest.raises(Enough):
        await street.escalator.keep()
    assert said == ["disk full", ""]
    assert street.who(id_) == ("sala", "questura")


async def test_the_book_is_tidied_now_and_then_and_its_troubles_are_told(street, monkeypatch):
    """Once an hour; a full book and what it dropped are shown to a person."""
    calls = []

    async def tidy():
        calls.append(1)
        return 0

    monkeypatch.setattr(street.outbox, "tidy", tidy)
    for _ in range(3):
        await street.escalator._tidy()
    street.clock.advance(module.TIDY_S)
    await street.escalator._tidy()
    assert len(calls) == 2
    assert street.escalator.problems == ()
    street.outbox._problem, street.outbox._quota.dropped = "full", 3
    assert len(street.escalator.problems) == 2


async def test_a_panels_holdup_without_a_channel_climbs_its_ladder(street):
    """It is silent and called as a hold-up, but no channel says whom it calls: the act does."""
    now = street.clock.now()
    id_ = uuid7(now.utc_us, os.urandom(10))
    alarm = Alarm(id_, "banco", "panel/centralina/3", RULE, 5, now, silent=True)
    hearing = hearers("banco", ("sala", "questura", "istituto"), street.registry)
    way = way_of(alarm, hearing, street.registry)
    await street.outbox.raise_alarm(
        alarm, recipients=way.recipients, act="patto", near=way.near, plan=way.plan
    )
    await street.after(60)
    assert street.who(id_) == ("sala", "questura")


async def test_a_step_whose_entry_a_crash_ate_is_written_at_the_next_start(tmp_path):
    """Each step with whom it told, the last one too, and once: a third start writes nothing."""
    street = Street(tmp_path)
    async with street.open():
        id_ = await street.raised()
        for step, named in enumerate((("questura",), ("istituto",), ())):
            told = [street.registry.recipients[one] for one in named]
            assert await street.outbox.escalate(id_, step, told) is not None  # and then the crash
            if step == 0:
                await street.outbox.accounted(id_, 1)
    for _ in range(2):
        async with street.open():
            await street.escalator._catch_up()
    assert street.book.events == [
        ("alarm.escalate", "istituto"), ("alarm.unanswered", "sala,questura,istituto"),
    ]  # fmt: skip
    assert [one.reason_text for one in street.book.entries] == ["step 2", "step 3"]


async def test_what_was_written_is_not_written_again(tmp_path):
    """A start after an ordinary evening adds nothing to the ledger."""
    street = Street(tmp_path)
    async with street.open():
        await street.raised()
        for _ in range(3):
            await street.after(180)
    known = list(street.book.events)
    assert len(known) == 3
    async with street.open():
        await street.escalator._catch_up()
    assert street.book.events == known


async def test_without_a_ladder_it_is_said_too_that_nobody_answered(street):
    """In the ledger and on the alarm, which waits for a shift."""
    street.registry = replace(street.registry, escalations={})
    id_ = await street.raised()
    await street.outbox.end(id_, street.clock.now())
    await street.after(179)
    assert street.book.events == []
    await street.after(1)
    assert street.book.events == [("alarm.unanswered", "sala,questura,istituto")]
    await street.after(7200)
    assert await street.outbox.expire(street.clock.now()) == []
    record = street.outbox.get(id_)
    assert (record.state, record.step, record.taken_by) == (AlarmState.ENDED, 1, "")
    await street.after(3600 * 6)
    (closed,) = await street.outbox.expire(street.clock.now())
    assert (closed.state, closed.verdict) == (AlarmState.CLOSED, AlarmVerdict.NONE)
