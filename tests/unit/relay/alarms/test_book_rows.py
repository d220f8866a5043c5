# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.book_rows: an older file, the order of sending, steps, room."""

import asyncio
import os
import sqlite3
from contextlib import closing

import pytest

from gateway.model.alarm import Alarm, AlarmState, AlarmVerdict
from gateway.model.alarm import DeliveryState as State
from gateway.model.errors import DiskFullError, StoreError
from gateway.model.identifiers import uuid7
from gateway.model.panel import panel_zone
from gateway.model.registry import Recipient, RecipientKind
from gateway.relay.alarms import book_rows
from gateway.relay.alarms.book_rows import Answer, BookFullError
from gateway.relay.alarms.outbox import Bounds, open_outbox
from gateway.wire.onvif_mqtt import Phase
from tests.fakes import FakeClock

DESK = Recipient("sala-pl", "Sala", RecipientKind.ROOM)
ROOM = Recipient("questura", "Questura", RecipientKind.ROOM, broker="b", inbox=True)
INSTITUTE = Recipient("istituto", "Istituto", RecipientKind.INSTITUTE, broker="b")
LIVE = (State.WAITING, State.SENT)
PLAN = ((60.0, ("questura",)), (120.0, ("istituto",)), (300.0, ()))


def alarm(clock, camera="cam-1", **changes):
    now = clock.now()
    values = {
        "id": uuid7(now.utc_us, os.urandom(10)), "camera": camera, "zone": "banco",
        "rule": "intrusione", "severity": 3, "raised": now,
    }  # fmt: skip
    return Alarm(**values | changes)


async def raised(outbox, clock, recipients=(ROOM,), *, plan=(), key="", near=(), **changes):
    return await outbox.raise_alarm(
        alarm(clock, **changes), recipients=recipients, act="patto", plan=plan, key=key, near=near
    )


async def settled(outbox, clock, recipients=(ROOM,), **changes):
    """Raise an alarm that is over; what its recipients have is theirs to say."""
    record = await raised(outbox, clock, recipients, **changes)
    await outbox.close(record.alarm.id, "m-rossi", AlarmVerdict.FALSE)
    return await outbox.end(record.alarm.id, clock.now())


async def deliver(outbox, record, recipient="questura"):
    for phase in Phase:
        await outbox.acknowledge(recipient, phase, [record.alarm.id])


async def told(outbox, record, phase=Phase.RAISED):
    return {one.recipient: one.state for one in await outbox.deliveries(record.alarm.id, phase)}


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def outbox(tmp_path, clock):
    async with open_outbox(tmp_path / "alarms.db", clock=clock) as opened:
        yield opened


async def test_a_file_of_the_previous_version_opens_and_goes_on(tmp_path, clock):
    """Its alarms are there, what waits is sent, and everything new works with them."""
    path = tmp_path / "alarms.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(book_rows.SCHEMA)
        db.execute(
            "insert into alarm(id, camera, zone, rule, severity, exercise, boxes, raised_utc_us,"
            " clock, act, recipients, state, stored_utc_us, verdict) values('old', 'cam-1', 'z',"
            " 'intrusione', 5, 0, '[]', 7, 'synchronised', 'a', '[\"questura\"]', 'aperto', 8,"
            " 'nessuno')"
        )
        db.execute(
            "insert into delivery(alarm, recipient, phase, subject, state)"
            " values('old', 'questura', 'Raised', 's', 'inviato')"
        )
        db.commit()
    for _ in range(2):
        async with open_outbox(path, clock=clock) as outbox:
            late = await raised(outbox, clock)
            old = await outbox.find("old")
            assert (old.group, old.repeats, old.alarm.also, old.taken_utc_us) == ("old", 0, (), 0)
            due = await outbox.due("questura", LIVE, limit=1)
            assert [one.record.alarm.id for one in due] == ["old"]  # its severity was taken over
    async with open_outbox(path, clock=clock) as outbox:
        assert (await outbox.take("old", "m-rossi")).taken_by == "m-rossi"
        await outbox.end("old", clock.now())
        assert await told(outbox, old, Phase.ENDED) == {"questura": State.WAITING}
        assert await outbox.find(late.alarm.id) is not None


async def test_what_an_alarm_opens_and_that_it_is_silent_survive_the_disk(tmp_path, clock):
    """Also the answer, the incident and the deadline, as they were."""
    path = tmp_path / "alarms.db"
    async with open_outbox(path, clock=clock) as outbox:
        record = await raised(
            outbox, clock, (DESK,), also=("cam-2", "cam-3"), silent=True, plan=PLAN
        )
        first = await raised(outbox, clock, (DESK,))
        other = await raised(outbox, clock, (DESK,), near=("cam-1",), camera="cam-2")
        await outbox.take(other.alarm.id, "m-rossi")
    async with open_outbox(path, clock=clock) as outbox:
        assert outbox.get(record.alarm.id) == record
        assert record.escalates_to == ("questura",)
        assert outbox.get(other.alarm.id).taken_by == "m-rossi"
        assert outbox.get(other.alarm.id).group == first.alarm.id


async def test_the_most_severe_goes_first_then_the_newest(outbox, clock):
    """Of one alarm the raising goes before its end; what is on its way is left out."""
    ids = {}
    for name, severity in (("a", 2), ("b", 5), ("c", 2), ("d", 5)):
        ids[(await raised(outbox, clock, severity=severity)).alarm.id] = name
        clock.advance(1)
    await outbox.end(next(iter(ids)), clock.now())
    due = await outbox.due("questura", LIVE, limit=9)
    order = [(ids[one.record.alarm.id], one.phase) for one in due]
    both = [("a", Phase.RAISED), ("a", Phase.ENDED)]
    assert order == [("d", Phase.RAISED), ("b", Phase.RAISED), ("c", Phase.RAISED), *both]
    rest = await outbox.due("questura", LIVE, limit=9, without=[one.seq for one in due[:3]])
    assert [one.seq for one in rest] == [one.seq for one in due[3:]]
    await outbox.mark(due[4].seq, State.REFUSED, problem="0x99 payload format invalid")
    assert [one.seq for one in await outbox.refused("questura", limit=9)] == [due[4].seq]
    assert len(await outbox.due("questura", LIVE, limit=9)) == 4


async def test_the_order_needs_no_sorting(outbox, clock, tmp_path):
    """The index serves it: a backlog of a day is not read for each window."""
    await raised(outbox, clock)
    with closing(sqlite3.connect(tmp_path / "alarms.db")) as db:
        rows = db.execute(
            "explain query plan select d.seq from delivery d join alarm a on a.id=d.alarm"
            " where d.recipient='questura' and d.seq>-1 and d.state in ('in-coda','inviato')"
            " and d.seq not in (select value from json_each('[]'))"
            " order by d.severity desc, d.n desc, d.seq limit 1"
        ).fetchall()
    plan = " ".join(row[3] for row in rows)
    assert "delivery_urgent" in plan
    assert "TEMP B-TREE" not in plan


async def test_the_first_answer_counts_and_a_verdict_is_one(outbox, clock):
    """Who and when; a second person changes nothing, and what is closed is taken no more."""
    record = await raised(outbox, clock, plan=PLAN)
    clock.advance(5)
    taken = await outbox.take(record.alarm.id, "m-rossi")
    assert (taken.taken_by, taken.taken_utc_us) == ("m-rossi", clock.utc_us)
    assert (taken.escalates_utc_us, taken.escalates_to) == (0, ())
    clock.advance(5)
    assert (await outbox.take(record.alarm.id, "altra")).taken_by == "m-rossi"
    judged = await outbox.close(record.alarm.id, "altra", AlarmVerdict.CONFIRMED)
    assert (judged.taken_by, judged.closed_by) == ("m-rossi", "altra")
    other = await raised(outbox, clock)
    judged = await outbox.close(other.alarm.id, "altra", AlarmVerdict.FALSE)
    assert (judged.taken_by, judged.taken_utc_us) == ("altra", clock.utc_us)
    assert await outbox.take("nobody", "x") is None
    assert outbox.overdue() == []


async def test_an_answer_from_elsewhere_keeps_its_time_within_reason(outbox, clock):
    """Neither before the alarm was stored nor in the future."""
    for said_us, kept_us in ((3, 0), (10**17, 9_000_000), (None, 4_000_000)):
        record = await raised(outbox, clock)
        clock.advance(9)
        at_us = record.stored_utc_us + 4_000_000 if said_us is None else said_us
        taken = await outbox.take(record.alarm.id, "questura:x", at_utc_us=at_us)
        assert taken.taken_utc_us == record.stored_utc_us + kept_us


async def test_escalation_is_one_transaction_with_its_deliveries(outbox, clock):
    """Step, deadline and rows together; the same step again does nothing."""
    record = await raised(outbox, clock, (DESK,), plan=PLAN)
    id_ = record.alarm.id
    assert record.escalates_utc_us == record.stored_utc_us + 60_000_000
    after, added = await outbox.escalate(id_, 0, [ROOM, DESK])
    assert added == ("questura",)
    assert (after.step, after.recipients) == (1, ("sala-pl", "questura"))
    assert after.escalates_to == ("istituto",)
    assert after.escalates_utc_us == record.stored_utc_us + 120_000_000
    assert await told(outbox, record) == {"sala-pl": State.DELIVERED, "questura": State.WAITING}
    assert await outbox.escalate(id_, 0, [INSTITUTE]) is None
    assert await outbox.escalate("nobody", 0, [INSTITUTE]) is None
    await outbox.take(id_, "m-rossi")
    assert await outbox.escalate(id_, 1, [INSTITUTE]) is None
    assert outbox.get(id_).recipients == ("sala-pl", "questura")


async def test_who_hears_later_hears_of_the_end_too(outbox, clock):
    """Whether it comes before or after the escalation."""
    early = await raised(outbox, clock, (DESK,), plan=PLAN)
    await outbox.end(early.alarm.id, clock.now())
    late = await raised(outbox, clock, (DESK,), plan=PLAN)
    for one in (early, late):
        await outbox.escalate(one.alarm.id, 0, [ROOM])
    await outbox.end(late.alarm.id, clock.now())
    for one in (early, late):
        assert (await told(outbox, one, Phase.ENDED))["questura"] is State.WAITING


async def test_a_repeated_cause_is_the_same_alarm_while_it_lives(outbox, clock):
    """One row that counts; after its end the next one is new, and other keys are others."""
    first = await raised(outbox, clock, key="dc09/1A2B/3")
    again = await raised(outbox, clock, key="dc09/1A2B/3")
    assert (again.alarm.id, again.repeats) == (first.alarm.id, 1)
    assert outbox.get(first.alarm.id).repeats == 1
    assert (await raised(outbox, clock, key="dc09/1A2B/4")).alarm.id != first.alarm.id
    assert len(await outbox.recent(9)) == 2
    await outbox.end(first.alarm.id, clock.now())
    assert (await raised(outbox, clock, key="dc09/1A2B/3")).repeats == 0


async def test_a_new_cause_is_no_repeat_of_what_nobody_can_answer(outbox, clock):
    """Not of an exercise, of one that nobody was told of, or of one that nobody answered."""
    training = await raised(outbox, clock, key="k", exercise=True)
    paused = await raised(outbox, clock, (), key="k")
    assert paused.alarm.id != training.alarm.id
    assert (await raised(outbox, clock, (), key="k")).alarm.id == paused.alarm.id
    heard = await raised(outbox, clock, key="k", plan=((60.0, ()),))
    assert heard.alarm.id not in (training.alarm.id, paused.alarm.id)
    assert (await raised(outbox, clock, key="k")).alarm.id == heard.alarm.id
    clock.advance(60)
    await outbox.escalate(heard.alarm.id, 0, [])
    anew = await raised(outbox, clock, key="k", plan=((60.0, ()),))
    assert anew.alarm.id != heard.alarm.id
    await outbox.escalate(anew.alarm.id, 0, [])
    await outbox.take(anew.alarm.id, "m-rossi")
    assert (await raised(outbox, clock, key="k")).alarm.id == anew.alarm.id


async def test_a_second_press_on_a_holdup_that_somebody_took_is_a_new_call(outbox, clock):
    """Delivered and with a deadline of its own; one that nobody took is repeated, as before.

    Who took the first may have left it, and nobody on site can say it a second way.
    """
    told = {"key": "rapina/banco", "silent": True, "rule": "rapina", "plan": ((180.0, ()),)}
    first = await raised(outbox, clock, **told)
    assert (await raised(outbox, clock, **told)).repeats == 1
    await deliver(outbox, first)
    await outbox.take(first.alarm.id, "m-rossi")
    clock.advance(90)
    second = await raised(outbox, clock, **told)
    assert second.alarm.id != first.alarm.id
    (due,) = await outbox.due("questura", LIVE, limit=9)
    assert (due.record.alarm.id, due.phase) == (second.alarm.id, Phase.RAISED)
    assert (await raised(outbox, clock, **told)).alarm.id == second.alarm.id
    clock.advance(180)
    assert outbox.overdue() == [(second.alarm.id, 0)]
    assert [one.alarm.id for one in outbox.hidden()] == [first.alarm.id, second.alarm.id]
    loud = await raised(outbox, clock, key="dc09/3")
    await outbox.take(loud.alarm.id, "m-rossi")
    assert (await raised(outbox, clock, key="dc09/3")).alarm.id == loud.alarm.id


async def test_a_panels_holdup_without_a_channel_is_taken_while_a_step_waits(outbox, clock):
    """No centre is asked of it; one of a channel waits for its centre's word all the same."""
    call = {"silent": True, "rule": "rapina", "plan": PLAN}
    panel = await raised(outbox, clock, zone=panel_zone("centralina", "3"), **call)
    taken = await outbox.take(panel.alarm.id, "m-rossi", organisation="questura")
    assert (taken.taken_by, taken.escalates_utc_us) == ("m-rossi", 0)
    channel = await raised(outbox, clock, **call)
    waits = await outbox.take(channel.alarm.id, "m-rossi", organisation="questura")
    assert (waits.taken_by, waits.escalates_to) == ("", ("questura",))
    assert outbox.overdue() == []
    clock.advance(60)
    assert outbox.overdue() == [(channel.alarm.id, 0)]


@pytest.mark.parametrize("find", ["due", "refused"])
async def test_an_end_waits_while_its_raising_is_refused(outbox, clock, find):
    """Else the raising came after the end, and the recipient showed it for ever."""
    record = await raised(outbox, clock)
    await outbox.end(record.alarm.id, clock.now())

    async def found():
        if find == "due":
            some = await outbox.due("questura", LIVE, limit=9)
        else:
            some = await outbox.refused("questura", limit=9)
        return [one.phase for one in some]

    first, last = await outbox.due("questura", LIVE, limit=9)
    await outbox.mark(first.seq, State.REFUSED)
    if find == "refused":
        await outbox.mark(last.seq, State.REFUSED)
    assert await found() == ([Phase.RAISED] if find == "refused" else [])
    await outbox.mark(first.seq, State.DELIVERED)
    assert await found() == [Phase.ENDED]


async def test_a_step_whose_caller_was_cancelled_leaves_its_next_deadline(outbox, clock):
    """A centre's line that breaks in the middle of its word must not end the ladder."""
    record = await raised(outbox, clock, plan=PLAN)
    rows = [("questura", False)]
    await outbox._store.write(  # committed, and nobody is there to remember it
        lambda db: book_rows.escalate(db, record.alarm.id, 0, rows, clock.now())
    )
    clock.advance(60)
    ((_, step),) = outbox.overdue()
    assert await outbox.escalate(record.alarm.id, step, [ROOM]) is None
    assert outbox.overdue() == []
    assert outbox.get(record.alarm.id).step == 1
    clock.advance(60)
    assert outbox.overdue() == [(record.alarm.id, 1)]


async def test_a_cancelled_step_is_looked_for_on_disk(outbox, clock):
    """What it committed is known at the next sweep, before anything is due."""
    record = await raised(outbox, clock, plan=PLAN)
    task = asyncio.create_task(outbox.escalate(record.alarm.id, 0, [ROOM]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await outbox._store.write(lambda db: None)
    await outbox.expire(clock.now())
    assert outbox.get(record.alarm.id).step == 1


async def test_a_full_book_of_a_room_is_told(tmp_path, clock):
    """What an edge brings and cannot be adopted is counted and shown, until it can be."""
    bounds = Bounds(most=1)
    async with open_outbox(tmp_path / "alarms.db", clock=clock, bounds=bounds) as outbox:
        await raised(outbox, clock)
        with pytest.raises(BookFullError):
            await outbox.adopt(alarm(clock, "nord.x"), recipients=["sala"], act="")
        assert (outbox.status().refused, "full" in outbox.status().problem) == (1, True)


async def test_what_was_pushed_out_is_named_once_if_it_is_really_gone(tmp_path, clock):
    """A transaction that the disk took back pushed nobody out."""
    bounds = Bounds(most=2)
    async with open_outbox(tmp_path / "alarms.db", clock=clock, bounds=bounds) as outbox:
        kept = await settled(outbox, clock, severity=4)
        minor = await settled(outbox, clock, severity=2)
        await raised(outbox, clock, severity=5)
        outbox._quota.gone.append(kept)
        assert [one.alarm.id for one in await outbox.pushed_out()] == [minor.alarm.id]
        assert await outbox.pushed_out() == []


async def test_neighbours_within_a_minute_share_an_incident(outbox, clock):
    """A third one joins through the second; later, elsewhere or in training it is alone."""
    near = ("cam-1", "cam-2")
    first = await raised(outbox, clock, near=near)
    clock.advance(50)
    second = await raised(outbox, clock, near=near, camera="cam-2")
    clock.advance(50)
    third = await raised(outbox, clock, near=near)
    far = await raised(outbox, clock, near=("cam-9",), camera="cam-9")
    training = await raised(outbox, clock, near=near, exercise=True)
    clock.advance(61)
    late = await raised(outbox, clock, near=near)
    call_for_help = await raised(outbox, clock, near=near, silent=True)
    assert {first.group, second.group, third.group} == {first.alarm.id}
    for one in (far, training, late, call_for_help):
        assert one.group == one.alarm.id


async def test_an_adopted_alarm_shows_what_its_box_says(outbox, clock):
    """When it goes on, then that somebody answers; it is not ours to escalate."""
    far = alarm(clock, camera="nord.piazza")
    await outbox.adopt(far, recipients=["sala-pl"], act="")
    await outbox.follow(far.id, Answer(0, "nord", clock.utc_us + 5, 1))
    record = outbox.get(far.id)
    assert (record.escalates_utc_us, record.step) == (clock.utc_us + 5, 1)
    clock.advance(100)
    assert outbox.overdue() == []
    assert await outbox.escalate(far.id, 1, [ROOM]) is None
    await outbox.follow(far.id, Answer(clock.utc_us - 1, "nord", 0, 1))
    record = outbox.get(far.id)
    assert (record.taken_by, record.taken_utc_us) == ("nord", clock.utc_us - 1)
    await outbox.follow(far.id, Answer(clock.utc_us, "sud", 0, 1))
    assert outbox.get(far.id).taken_by == "nord"


async def test_what_everybody_has_leaves_after_its_time(tmp_path, clock):
    """Never what a recipient still waits for, and never what lives."""
    bounds = Bounds(keep_s=1000.0)
    async with open_outbox(tmp_path / "alarms.db", clock=clock, bounds=bounds) as outbox:
        done = await settled(outbox, clock)
        await deliver(outbox, done)
        owed = await settled(outbox, clock)
        clock.advance(1001)
        fresh = await settled(outbox, clock, (DESK,))
        living = await raised(outbox, clock, (DESK,))
        assert await outbox.tidy() == 1
        assert await outbox.tidy() == 0
        left = {one.alarm.id for one in await outbox.recent(9)}
        assert left == {one.alarm.id for one in (owed, fresh, living)}


async def test_a_full_book_lets_go_what_everybody_has_before_anything_else(tmp_path, clock):
    """Then what is over and not urgent; a critical one that waits goes for nobody."""
    bounds = Bounds(most=3)
    async with open_outbox(tmp_path / "alarms.db", clock=clock, bounds=bounds) as outbox:
        urgent = await settled(outbox, clock, severity=4)
        minor = await settled(outbox, clock, severity=2)
        done = await settled(outbox, clock, severity=5)
        await deliver(outbox, done)
        third = await raised(outbox, clock, severity=1)
        assert await outbox.find(done.alarm.id) is None or outbox.status().dropped == 0
        with pytest.raises(BookFullError, match="full"):
            await raised(outbox, clock, severity=1)
        status = outbox.status()
        assert (status.refused, status.dropped) == (1, 0)
        assert "full" in status.problem
        assert isinstance(BookFullError("x"), StoreError)
        last = await raised(outbox, clock, severity=5)
        assert (outbox.status().problem, outbox.status().dropped) == ("", 1)
        left = {one.alarm.id for one in await outbox.recent(9)}
        assert left == {one.alarm.id for one in (urgent, third, last)}
        assert minor.alarm.id not in left
        await outbox.end(third.alarm.id, clock.now())
        await outbox.close(third.alarm.id, "m-rossi", AlarmVerdict.FALSE)
        await raised(outbox, clock, severity=5)
        with pytest.raises(BookFullError):  # what is left is critical
            await raised(outbox, clock, severity=5)
        assert await outbox.find(urgent.alarm.id) is not None


class Reserve:
    """Space kept back, told by the size that the database may have."""

    def __init__(self, outbox):
        self.outbox, self.is_out, self.scarce = outbox, False, False

    def release(self):
        if self.is_out:
            return False
        self.is_out = True
        self.outbox._store._connection.execute("pragma max_page_count=100000")
        return True

    def restore(self):
        return not self.is_out

    def is_scarce(self):
        return self.scarce


async def test_a_full_disk_still_takes_acknowledgements(outbox, clock):
    """The space kept back is given for them once; what is left of it is not for new alarms."""
    records = [await raised(outbox, clock) for _ in range(40)]
    reserve = outbox._ballast = Reserve(outbox)
    await outbox._store.write(
        lambda db: db.execute(
            f"pragma max_page_count={db.execute('pragma page_count').fetchone()[0]}"
        )
    )
    while not reserve.is_out:
        records.append(await raised(outbox, clock, boxes=()))
        await outbox.mark(len(records), State.WAITING, problem="x" * 300)
    reserve.scarce = True
    with pytest.raises(DiskFullError, match="acknowledgements"):
        await raised(outbox, clock)
    assert outbox.status().refused == 1
    assert await outbox.acknowledge("questura", Phase.RAISED, [records[0].alarm.id])
    assert (await outbox.take(records[1].alarm.id, "m-rossi")).taken_by == "m-rossi"
    reserve.scarce = False
    assert (await raised(outbox, clock)).state is AlarmState.OPEN
    assert outbox.status().problem == ""


async def test_whether_everybody_has_it_is_told(outbox, clock):
    """At once no, and as a change once the last one has it."""
    here = await raised(outbox, clock, (DESK,))
    record = await raised(outbox, clock)
    assert outbox.is_delivered(here.alarm.id)
    assert not outbox.is_delivered(record.alarm.id)
    async with outbox.changes() as changes:
        await deliver(outbox, record)
        await outbox.prove()
        assert (await changes.receive()).alarm.id == record.alarm.id
    assert outbox.is_delivered(record.alarm.id)


async def test_who_left_the_registry_keeps_no_alarm_on_disk(tmp_path, clock):
    """It goes in its time, counts as waiting no more, and waits on for who is entered again."""
    async with open_outbox(tmp_path / "a.db", clock=clock, bounds=Bounds(keep_s=60)) as outbox:
        record = await settled(outbox, clock, (ROOM, INSTITUTE))
        await deliver(outbox, record, INSTITUTE.id)
        clock.advance(61)
        outbox.know([ROOM.id, INSTITUTE.id])
        assert await outbox.tidy() == 0
        await outbox.prove()
        assert (outbox.waiting(), outbox.is_delivered(record.alarm.id)) == (2, False)
        outbox.know([INSTITUTE.id])
        await outbox.prove()
        assert (outbox.waiting(), outbox.is_delivered(record.alarm.id)) == (0, True)
        assert len(await outbox.due(ROOM.id, LIVE, limit=9)) == 2
        assert await outbox.tidy() == 1


async def test_a_full_book_makes_room_by_who_left_the_registry_first(tmp_path, clock):
    """An alarm that only they lack goes before one that somebody still waits for."""
    async with open_outbox(tmp_path / "a.db", clock=clock, bounds=Bounds(most=2)) as outbox:
        owed = await settled(outbox, clock, (INSTITUTE,))
        left = await settled(outbox, clock, (ROOM,))
        outbox.know([INSTITUTE.id])
        await raised(outbox, clock, (INSTITUTE,))
        assert await told(outbox, left) == {}
        assert await told(outbox, owed) == {INSTITUTE.id: State.WAITING}
        assert outbox.status().dropped == 0


async def test_what_waits_does_not_tell_of_a_silent_alarm_that_lives(outbox, clock):
    """The figure is the site's; once it is closed it counts like any other."""
    record = await raised(outbox, clock, silent=True)
    await outbox.prove()
    assert outbox.waiting() == 0
    assert not outbox.is_delivered(record.alarm.id)
    await outbox.close(record.alarm.id, "m-rossi", AlarmVerdict.CONFIRMED)
    await outbox.prove()
    assert outbox.waiting() == 1


async def test_steps_of_earlier_versions_count_as_written(tmp_path, clock):
    """An upgrade fills the ledger with no old entries."""
    path = tmp_path / "alarms.db"
    async with open_outbox(path, clock=clock) as outbox:
        record = await raised(outbox, clock, (DESK,), plan=PLAN)
        await outbox.escalate(record.alarm.id, 0, [ROOM])
        assert [one.told for one in await outbox.unaccounted()] == [("questura",)]
    with closing(sqlite3.connect(path)) as db:
        db.execute("alter table alarm drop column accounted")
        db.commit()
    async with open_outbox(path, clock=clock) as outbox:
        assert await outbox.unaccounted() == []
