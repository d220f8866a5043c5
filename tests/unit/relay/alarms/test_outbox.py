# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.outbox."""

import asyncio
import os
import resource
import signal
import sqlite3
import tempfile
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from gateway.model.alarm import Alarm, AlarmState, AlarmVerdict, Box
from gateway.model.alarm import DeliveryState as State
from gateway.model.errors import StoreError
from gateway.model.identifiers import uuid7
from gateway.model.registry import Recipient, RecipientKind
from gateway.model.time import ClockQuality
from gateway.relay.alarms.book_rows import Answer
from gateway.relay.alarms.outbox import Bounds, FellBehindError, open_outbox
from gateway.wire.onvif_mqtt import Phase
from tests.fakes import FakeClock

CONSOLE = Recipient("sala-pl", "Sala", RecipientKind.ROOM)
INSTITUTE = Recipient("istituto", "Istituto", RecipientKind.INSTITUTE, broker="b")
ROOM = Recipient("questura", "Questura", RecipientKind.ROOM, broker="b", inbox=True)
ALL = (State.WAITING, State.SENT, State.REFUSED)
BOUNDS = Bounds(close_ended_s=600, end_open_s=1800)


def alarm(clock, zone="banco", **changes):
    now = clock.now()
    values = {
        "id": uuid7(now.utc_us, os.urandom(10)),
        "camera": "cam-1",
        "zone": zone,
        "rule": "intrusione",
        "severity": 3,
        "raised": now,
        "boxes": (Box(0.1, 0.2, 0.3, 0.4),),
    }
    return Alarm(**values | changes)


async def raise_one(outbox, clock, recipients=(INSTITUTE,), **changes):
    made = alarm(clock, **changes)
    return await outbox.raise_alarm(made, recipients=recipients, act="patto-1")


async def test_further_recipients_are_told_of_an_alarm_that_was_answered(tmp_path, clock):
    """With its end, if that has come; again adds nothing, and nobody is told twice."""
    async with open_outbox(tmp_path / "alarms.db", clock=clock) as outbox:
        record = await raise_one(outbox, clock, recipients=(CONSOLE,))
        await outbox.take(record.alarm.id, "anna")
        await outbox.end(record.alarm.id, clock.now())
        for _ in range(2):
            told = await outbox.tell(record.alarm.id, (CONSOLE, ROOM))
            assert told.recipients == ("sala-pl", "questura")
            assert [one.phase for one in await outbox.due("questura", ALL, limit=9)] == [
                Phase.RAISED, Phase.ENDED,
            ]  # fmt: skip
        assert not outbox.is_delivered(record.alarm.id)
        assert await outbox.tell("unknown", (ROOM,)) is None


async def states(outbox, record, phase=Phase.RAISED):
    return {one.recipient: one.state for one in await outbox.deliveries(record.alarm.id, phase)}


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def outbox(tmp_path, clock):
    async with open_outbox(tmp_path / "alarms.db", clock=clock) as opened:
        yield opened


async def test_raised_alarm_is_on_disk_with_its_deliveries(outbox, clock, tmp_path):
    """When raise_alarm returns, another process finds the alarm and one delivery each."""
    record = await raise_one(outbox, clock, (INSTITUTE, ROOM))
    with closing(sqlite3.connect(tmp_path / "alarms.db")) as db:
        assert db.execute("select id from alarm").fetchall() == [(record.alarm.id,)]
        rows = db.execute("select recipient, state from delivery order by seq").fetchall()
    assert rows == [("istituto", "in-coda"), ("questura", "in-coda")]
    assert outbox.get(record.alarm.id) is record
    assert record.recipients == ("istituto", "questura")


async def test_console_of_this_box_has_it_at_once(outbox, clock):
    """A recipient without a broker has the alarm, and its end, when they are stored."""
    record = await raise_one(outbox, clock, (CONSOLE, INSTITUTE))
    assert await states(outbox, record) == {"sala-pl": State.DELIVERED, "istituto": State.WAITING}
    await outbox.end(record.alarm.id, clock.now())
    assert await states(outbox, record, Phase.ENDED) == {
        "sala-pl": State.DELIVERED,
        "istituto": State.WAITING,
    }
    assert not await outbox.due("sala-pl", ALL, limit=9)


async def test_same_alarm_twice_is_one(outbox, clock):
    """Raising an id again changes nothing and tells nobody."""
    made = alarm(clock)
    first = await outbox.raise_alarm(made, recipients=[INSTITUTE], act="a")
    async with outbox.changes() as changes:
        again = await outbox.raise_alarm(made, recipients=[INSTITUTE, ROOM], act="b")
        await raise_one(outbox, clock)
        assert (await changes.receive()).alarm.id != made.id
    assert again.recipients == first.recipients == ("istituto",)
    assert outbox.get(made.id) is first
    assert len(await outbox.deliveries(made.id)) == 1


async def test_life_from_open_to_closed(outbox, clock):
    """Open, ended, closed: each step keeps its time, and the verdict its author."""
    record = await raise_one(outbox, clock)
    assert record.state is AlarmState.OPEN
    clock.advance(5)
    ended = await outbox.end(record.alarm.id, clock.now())
    assert (ended.state, ended.ended_utc_us) == (AlarmState.ENDED, clock.utc_us)
    clock.advance(5)
    closed = await outbox.close(record.alarm.id, "mrossi", AlarmVerdict.CONFIRMED)
    assert (closed.state, closed.closed_utc_us) == (AlarmState.CLOSED, clock.utc_us)
    assert (closed.closed_by, closed.verdict) == ("mrossi", AlarmVerdict.CONFIRMED)
    later = await outbox.close(record.alarm.id, "altri", AlarmVerdict.FALSE)
    assert later.closed_by == "mrossi"
    assert await outbox.recent(9) == [closed]


async def test_verdict_before_the_end_keeps_it_closed(outbox, clock):
    """An alarm closed while it lasts stays closed, and its end is still told once."""
    record = await raise_one(outbox, clock)
    await outbox.close(record.alarm.id, "mrossi", AlarmVerdict.FALSE)
    assert await states(outbox, record, Phase.ENDED) == {}
    await outbox.end(record.alarm.id, clock.now())
    again = await outbox.end(record.alarm.id, clock.now().shifted(9))
    assert again.state is AlarmState.CLOSED
    assert again.ended_utc_us == clock.utc_us
    assert await states(outbox, record, Phase.ENDED) == {"istituto": State.WAITING}


async def test_unknown_alarm_is_none(outbox, clock):
    """Ending or closing what does not exist says so and writes nothing."""
    assert await outbox.end("nobody", clock.now()) is None
    assert await outbox.close("nobody", "x", AlarmVerdict.FALSE) is None
    assert outbox.get("nobody") is None
    assert await outbox.recent(9) == []


async def test_ended_alarm_closes_by_itself(outbox, clock):
    """Ten minutes after its end an alarm nobody judged is closed; a verdict may still come."""
    record = await raise_one(outbox, clock)
    clock.advance(100)
    await outbox.end(record.alarm.id, clock.now())
    clock.advance(599)
    assert await outbox.expire(clock.now()) == []
    clock.advance(1)
    (closed,) = await outbox.expire(clock.now())
    assert (closed.state, closed.verdict, closed.closed_by) == (
        AlarmState.CLOSED,
        AlarmVerdict.NONE,
        "",
    )
    assert await outbox.expire(clock.now().shifted(9999)) == []
    clock.advance(50)
    judged = await outbox.close(record.alarm.id, "mrossi", AlarmVerdict.CONFIRMED)
    assert judged.verdict is AlarmVerdict.CONFIRMED
    assert judged.closed_utc_us == closed.closed_utc_us


async def test_open_alarm_always_ends(outbox, clock):
    """An alarm whose end never came is ended and closed half an hour after its last activity."""
    record = await raise_one(outbox, clock)
    clock.advance(1700)
    outbox.touch(record.alarm.id)
    clock.advance(1799)
    assert await outbox.expire(clock.now()) == []
    clock.advance(1)
    (closed,) = await outbox.expire(clock.now())
    assert closed.state is AlarmState.CLOSED
    assert closed.ended_utc_us == closed.closed_utc_us == clock.utc_us
    assert await states(outbox, record, Phase.ENDED) == {"istituto": State.WAITING}


@pytest.mark.parametrize("jump_s", [-(10**7), 0, 10**7])
async def test_restart_and_clock_jump_cannot_keep_it_open(tmp_path, clock, jump_s):
    """After a restart with any clock an open alarm closes within its bound."""
    path = tmp_path / "alarms.db"
    async with open_outbox(path, clock=clock, bounds=BOUNDS) as outbox:
        record = await raise_one(outbox, clock)
    clock.time_s = 5.0  # another boot
    clock.utc_us += jump_s * 1_000_000
    async with open_outbox(path, clock=clock, bounds=BOUNDS) as outbox:
        assert outbox.get(record.alarm.id).state is AlarmState.OPEN
        clock.advance(1800)
        (closed,) = await outbox.expire(clock.now())
        assert closed.alarm.id == record.alarm.id


async def test_restart_forgets_nothing_undelivered(tmp_path, clock):
    """What was waiting, sent or refused when the process died is due again, newest first."""
    path = tmp_path / "alarms.db"
    async with open_outbox(path, clock=clock) as outbox:
        records = [await raise_one(outbox, clock) for _ in range(4)]
        seqs = sorted(one.seq for one in await outbox.due("istituto", ALL, limit=9))
        await outbox.mark(seqs[0], State.DELIVERED)
        await outbox.mark(seqs[1], State.SENT)
        await outbox.mark(seqs[2], State.REFUSED, problem="0x87 not authorized")
    async with open_outbox(path, clock=clock) as outbox:
        due = await outbox.due("istituto", ALL, limit=9)
        assert [(one.seq, one.state) for one in due] == [
            (seqs[3], State.WAITING),
            (seqs[2], State.REFUSED),
            (seqs[1], State.WAITING),
        ]
        assert due[2].record.alarm == records[1].alarm
        assert outbox.get(records[0].alarm.id) == records[0]


async def test_stored_alarm_is_the_same_alarm(tmp_path):
    """Every field survives the disk, the exercise mark and the clock's quality included."""
    clock = FakeClock(quality=ClockQuality.EXERCISE)
    path = tmp_path / "alarms.db"
    async with open_outbox(path, clock=clock) as outbox:
        record = await raise_one(outbox, clock, exercise=True, severity=5)
    clock.advance(7)
    async with open_outbox(path, clock=clock) as outbox:
        assert outbox.get(record.alarm.id) == record
        assert await outbox.recent(1) == [record]


async def test_delivery_keeps_times_and_attempts(outbox, clock):
    """Attempts are counted, the first sending and the delivery keep their time, for good."""
    record = await raise_one(outbox, clock)
    (one,) = await outbox.due("istituto", ALL, limit=9)
    sent_us = clock.utc_us
    await outbox.mark(one.seq, State.WAITING, problem="0x10 no matching subscribers")
    clock.advance(3)
    await outbox.mark(one.seq, State.DELIVERED)
    await outbox.mark(one.seq, State.REFUSED, problem="too late")
    (delivery,) = await outbox.deliveries(record.alarm.id)
    assert delivery.state is State.DELIVERED
    assert (delivery.attempts, delivery.problem) == (2, "")
    assert (delivery.sent_utc_us, delivery.delivered_utc_us) == (sent_us, clock.utc_us)


async def test_acknowledgement_counts_for_its_sender_only(outbox, clock):
    """An acknowledgement delivers exactly the named phase at the recipient that sent it."""
    record = await raise_one(outbox, clock, (INSTITUTE, ROOM))
    await outbox.end(record.alarm.id, clock.now())
    assert len(await outbox.acknowledge("questura", Phase.RAISED, [record.alarm.id, "x"])) == 1
    assert await outbox.acknowledge("questura", Phase.RAISED, [record.alarm.id]) == []
    assert await states(outbox, record) == {"istituto": State.WAITING, "questura": State.DELIVERED}
    assert (await states(outbox, record, Phase.ENDED))["questura"] is State.WAITING


async def test_only_the_newest_message_of_a_zone_is_newest(outbox, clock):
    """A repetition of an older state of a zone is known as such; other zones do not matter."""
    first = await raise_one(outbox, clock)
    await raise_one(outbox, clock, zone="retro")
    (other, only) = await outbox.due("istituto", ALL, limit=9)
    assert (only.newest, other.newest) == (True, True)
    await outbox.end(first.alarm.id, clock.now())
    again = await outbox.again([only.seq])
    assert [one.newest for one in again] == [False]
    assert [one.newest for one in await outbox.due("istituto", ALL, limit=9)] == [
        True,
        False,
        True,
    ]


async def test_refused_is_requeued_for_one_recipient(outbox, clock):
    """What one recipient's broker takes again waits again; another's refusals stay."""
    await raise_one(outbox, clock, (INSTITUTE, ROOM))
    for recipient in ("istituto", "questura"):
        (one,) = await outbox.due(recipient, ALL, limit=9)
        await outbox.mark(one.seq, State.REFUSED, problem="0x87")
    assert await outbox.requeue("istituto") == 1
    assert len(await outbox.due("istituto", (State.WAITING,), limit=9)) == 1
    assert len(await outbox.due("questura", (State.REFUSED,), limit=9)) == 1


async def test_subscriber_that_fell_behind_is_told_to_reload(tmp_path, clock):
    """A full subscription drops what it has, says so once, and goes on with what comes later."""
    async with (
        open_outbox(tmp_path / "a.db", clock=clock, bounds=Bounds(changes=2)) as outbox,
        outbox.changes() as changes,
    ):
        for _ in range(3):
            await raise_one(outbox, clock)
        with pytest.raises(FellBehindError, match="reload"):
            await changes.receive()
        late = await raise_one(outbox, clock)
        assert await changes.receive() == late


async def test_changes_of_one_alarm_become_the_last(outbox, clock):
    """A slow reader sees the present state of an alarm, not each step."""
    async with outbox.changes() as changes:
        record = await raise_one(outbox, clock)
        ended = await outbox.end(record.alarm.id, clock.now())
        assert await changes.receive() == ended
        waiting = asyncio.ensure_future(changes.receive())
        await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()


async def test_memory_is_bounded_and_keeps_what_lives(tmp_path, clock):
    """Beyond the bound closed alarms leave memory first; living ones that left still expire."""
    bounds = Bounds(kept=3)
    async with open_outbox(tmp_path / "a.db", clock=clock, bounds=bounds) as outbox:
        done = await raise_one(outbox, clock)
        await outbox.end(done.alarm.id, clock.now())
        await outbox.close(done.alarm.id, "x", AlarmVerdict.FALSE)
        living = [await raise_one(outbox, clock) for _ in range(5)]
        assert outbox.get(done.alarm.id) is None
        assert sum(outbox.get(one.alarm.id) is not None for one in living) == 3
        clock.advance(1800)
        for _ in range(3):
            await outbox.expire(clock.now())
        assert {one.state for one in await outbox.recent(9)} == {AlarmState.CLOSED}


async def test_cancelled_caller_loses_no_alarm(outbox, clock):
    """An alarm whose raising was cancelled half-way is stored, and known after the next sweep."""
    made = alarm(clock)
    task = asyncio.ensure_future(outbox.raise_alarm(made, recipients=[INSTITUTE], act="a"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await raise_one(outbox, clock)  # behind it in the same queue
    await outbox.expire(clock.now())
    assert outbox.get(made.id).state is AlarmState.OPEN


@contextmanager
def full_disk(path, room_bytes):
    """No file of this process grows beyond the database's size and a little."""
    most = max(one.stat().st_size for one in path.parent.iterdir()) + room_bytes
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


async def test_full_disk_refuses_and_keeps_what_it_has(tmp_path, clock):
    """On a full disk an alarm is refused with the file's name; earlier ones stay deliverable."""
    path = tmp_path / "alarms.db"
    async with open_outbox(path, clock=clock) as outbox:
        early = await raise_one(outbox, clock)
        with full_disk(path, 20_000):
            refused = alarm(clock, boxes=(Box(0.1, 0.2, 0.3, 0.4),) * 5000)
            with pytest.raises(StoreError, match=str(path)):
                await outbox.raise_alarm(refused, recipients=[INSTITUTE], act="a")
            assert outbox.get(refused.id) is None
            assert [one.record for one in await outbox.due("istituto", ALL, limit=9)] == [early]
        later = await raise_one(outbox, clock)
    async with open_outbox(path, clock=clock) as outbox:
        assert set(await outbox.recent(9)) == {early, later}


class LifeMachine(RuleBasedStateMachine):
    """Compares an outbox, restarted at will, with a plain dictionary."""

    alarms = Bundle("alarms")

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FakeClock()
        self.model = {}
        self.told = set()
        self.active_s = {}
        self.delivered = set()
        self.open()

    def open(self):
        self.stack = AsyncExitStack()
        path = Path(self.folder.name) / "alarms.db"
        opening = open_outbox(path, clock=self.clock, bounds=BOUNDS)
        self.outbox = self.do(self.stack.enter_async_context(opening))

    def do(self, awaitable):
        async def wrapped():
            return await awaitable

        return self.runner.run(wrapped())

    def teardown(self):
        self.do(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    @rule(target=alarms)
    def raised(self):
        record = self.do(raise_one(self.outbox, self.clock))
        self.model[record.alarm.id] = [AlarmState.OPEN, AlarmVerdict.NONE]
        self.active_s[record.alarm.id] = self.clock.time_s
        return record.alarm.id

    @rule(one=alarms)
    def ended(self, one):
        self.do(self.outbox.end(one, self.clock.now()))
        if one not in self.told:
            self.told.add(one)
            if self.model[one][0] is AlarmState.OPEN:
                self.model[one][0] = AlarmState.ENDED
                self.active_s[one] = self.clock.time_s

    @rule(one=alarms, verdict=st.sampled_from([AlarmVerdict.CONFIRMED, AlarmVerdict.FALSE]))
    def closed(self, one, verdict):
        self.do(self.outbox.close(one, "x", verdict))
        if self.model[one][1] is AlarmVerdict.NONE:
            self.model[one][1] = verdict
            if self.model[one][0] is not AlarmState.CLOSED:
                self.active_s[one] = self.clock.time_s
            self.model[one][0] = AlarmState.CLOSED

    @rule(seconds=st.integers(0, 2000))
    def time_passes(self, seconds):
        self.clock.advance(seconds)
        self.do(self.outbox.expire(self.clock.now()))
        for one, (state, _) in self.model.items():
            age_s = self.clock.time_s - self.active_s[one]
            bound_s = 600 if state is AlarmState.ENDED else 1800
            settled = state is AlarmState.CLOSED and one in self.told
            if not settled and age_s >= bound_s:
                self.model[one][0] = AlarmState.CLOSED
                self.told.add(one)

    @rule(one=alarms, phase=st.sampled_from(Phase))
    def acknowledged(self, one, phase):
        self.do(self.outbox.acknowledge("istituto", phase, [one]))
        if phase is Phase.RAISED or one in self.told:
            self.delivered.add((one, phase))

    @rule()
    def restarted(self):
        self.do(self.stack.aclose())
        for one in self.model:  # what only memory knew: a verdict moves no time on disk
            record = self.record_on_disk(one)
            since_us = record[0] or record[1]
            self.active_s[one] = self.clock.time_s - (self.clock.utc_us - since_us) / 1e6
        self.open()

    def record_on_disk(self, one):
        with closing(sqlite3.connect(Path(self.folder.name) / "alarms.db")) as db:
            sql = "select ended_utc_us, stored_utc_us from alarm where id=?"
            return db.execute(sql, (one,)).fetchone()

    @invariant()
    def agrees(self):
        records = {one.alarm.id: one for one in self.do(self.outbox.recent(999))}
        assert {one: [r.state, r.verdict] for one, r in records.items()} == self.model
        assert {one for one, r in records.items() if r.ended_utc_us} == self.told
        for one, record in records.items():
            assert self.outbox.get(one) == record
        owed = {(one, Phase.RAISED) for one in self.model} | {
            (one, Phase.ENDED) for one in self.told
        }
        due = self.do(self.outbox.due("istituto", ALL, limit=999))
        assert {(one.record.alarm.id, one.phase) for one in due} == owed - self.delivered


LifeMachine.TestCase.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
TestLifeMachine = LifeMachine.TestCase


async def test_what_waits_is_counted_over_all_recipients(outbox, clock):
    """Confirmed deliveries do not count, refused ones still do."""
    await raise_one(outbox, clock, (CONSOLE, INSTITUTE, ROOM))
    await outbox.prove()
    assert outbox.waiting() == 2
    (one,) = await outbox.due("istituto", ALL, limit=9)
    await outbox.mark(one.seq, State.DELIVERED)
    (other,) = await outbox.due("questura", ALL, limit=9)
    await outbox.mark(other.seq, State.REFUSED, problem="0x87")
    await outbox.prove()
    assert outbox.waiting() == 1


async def test_an_alarm_of_another_box_is_adopted_once(tmp_path, clock):
    """Told once, on its way to nobody; its end once; another camera's id is none of it."""
    async with open_outbox(tmp_path / "alarms.db", clock=clock) as outbox:
        far = alarm(clock, camera="nord.piazza")
        async with outbox.changes() as changes:
            first = await outbox.adopt(far, recipients=["sala-pl", "questura"], act="nord.patto")
            again = await outbox.adopt(far, recipients=["sala-pl"], act="")
            assert (first.is_new, first.changed) == (True, True)
            assert (again.is_new, again.changed) == (False, False)
            assert again.record.recipients == ("sala-pl", "questura")
            assert (await changes.receive()).state is AlarmState.OPEN
            for _ in range(2):
                ended = await outbox.adopt(far, recipients=["sala-pl"], act="", ended_utc_us=7)
            assert (ended.is_new, ended.changed, ended.record.ended_utc_us) == (False, False, 7)
            assert (await changes.receive()).state is AlarmState.ENDED
            assert not changes._waiting
        other = alarm(clock, id=far.id, camera="sud.piazza")
        assert await outbox.adopt(other, recipients=[], act="", ended_utc_us=9) is None
        late = alarm(clock, camera="nord.piazza")
        both = await outbox.adopt(late, recipients=["sala-pl"], act="", ended_utc_us=8)
        assert (both.is_new, both.changed, both.record.state) == (True, True, AlarmState.ENDED)
        for one in ("sala-pl", "questura"):
            assert await outbox.due(one, ALL, limit=9) == []
            assert await states(outbox, ended.record) == dict.fromkeys(
                ("sala-pl", "questura"), State.DELIVERED
            )
        assert [one.alarm.id for one in await outbox.living_of("nord.*")] == [far.id, late.id]
        assert await outbox.living_of("sud.*") == []
        await outbox.close(far.id, "anna", AlarmVerdict.FALSE)
        assert [one.alarm.id for one in await outbox.living_of("*.*")] == [late.id]


async def test_an_alarm_is_found_however_old_it_is(tmp_path, clock):
    """Also one that memory has let go; one that never was is none."""
    small = Bounds(kept=2)
    async with open_outbox(tmp_path / "alarms.db", clock=clock, bounds=small) as outbox:
        first = await raise_one(outbox, clock)
        for _ in range(5):
            await raise_one(outbox, clock)
        await outbox.close(first.alarm.id, "anna", AlarmVerdict.FALSE)
        assert (await outbox.find(first.alarm.id)).closed_by == "anna"
        assert await outbox.find("none") is None


async def test_what_the_site_must_not_hear_of_stays_in_memory_however_much_is_newer(
    tmp_path, clock
):
    """Over a flood, a restart and a caller that was cancelled; else the silence would end.

    An edge's silent alarm is not ours to be silent about; a closed one ends the silence.
    """
    bounds, path = Bounds(kept=3), tmp_path / "a.db"
    async with open_outbox(path, clock=clock, bounds=bounds) as outbox:
        press = await raise_one(outbox, clock, rule="rapina", severity=5, silent=True)
        for _ in range(9):
            await raise_one(outbox, clock, severity=5)
        assert outbox.get(press.alarm.id) == press
        assert [one.alarm.id for one in outbox.hidden()] == [press.alarm.id]
        more = [await raise_one(outbox, clock, severity=5, silent=True) for _ in range(4)]
        assert len(outbox.hidden()) == 5
        for one in more:
            await outbox.close(one.alarm.id, "pino", AlarmVerdict.FALSE)
        far = alarm(clock, camera="nord.banco", silent=True)
        await outbox.adopt(far, recipients=["sala-pl"], act="")
    async with open_outbox(path, clock=clock, bounds=bounds) as outbox:
        assert [one.alarm.id for one in outbox.hidden()] == [press.alarm.id]
        del outbox._memory.kept[press.alarm.id]  # as if its raising had been cancelled half-way
        outbox._memory.incomplete = True
        await outbox.expire(clock.now())
        assert [one.alarm.id for one in outbox.hidden()] == [press.alarm.id]
        await outbox.close(press.alarm.id, "pino", AlarmVerdict.FALSE)
        assert outbox.hidden() == []


async def test_a_severe_alarm_outlives_a_flood_of_lesser_ones_in_memory(tmp_path, clock):
    """Memory is what the gate asks whether an alarm opens a camera."""
    path, bounds = tmp_path / "a.db", Bounds(kept=3)
    async with open_outbox(path, clock=clock, bounds=bounds) as outbox:
        grave = await raise_one(outbox, clock, severity=5)
        for _ in range(5):
            await raise_one(outbox, clock, severity=2)
        assert outbox.get(grave.alarm.id) == grave
    async with open_outbox(path, clock=clock, bounds=bounds) as outbox:
        assert outbox.get(grave.alarm.id) is not None


async def test_what_concerns_a_reader_is_read_whatever_others_have(tmp_path, clock):
    """All that waits, by recipient or camera, and the newest closed ones; each once."""
    async with open_outbox(tmp_path / "a.db", clock=clock) as outbox:
        old = [await raise_one(outbox, clock, (CONSOLE,)) for _ in range(3)]
        own = await raise_one(outbox, clock, (), camera="mia")
        alone = await raise_one(outbox, clock, (), camera="mia")
        both = await raise_one(outbox, clock, (CONSOLE,), camera="mia")
        for one in (*old, alone, both):
            await outbox.close(one.alarm.id, "anna", AlarmVerdict.FALSE)
        waiting = await raise_one(outbox, clock, (CONSOLE,))
        for _ in range(5):
            other = await raise_one(outbox, clock, (ROOM,))
        await outbox.close(other.alarm.id, "pino", AlarmVerdict.FALSE)

        async def ids(*asked):
            return [one.alarm.id for one in await outbox.shown(*asked)]

        assert await ids("sala-pl", ["mia"], 2) == [
            one.alarm.id for one in (waiting, both, alone, own)
        ]
        assert await ids("sala-pl", ["mia"], 3) == [
            one.alarm.id for one in (waiting, both, alone, own, old[2])
        ]
        assert await ids("sala-pl", [], 0) == [waiting.alarm.id]
        assert await ids("nessuno", ["mia"], 9) == [one.alarm.id for one in (both, alone, own)]
        assert await ids("sala", [], 9) == []
        await outbox.tell(other.alarm.id, [CONSOLE])
        assert (await ids("sala-pl", [], 1))[0] == other.alarm.id


async def test_a_far_alarm_whose_ladder_runs_at_its_edge_stays_open_for_a_shift(tmp_path, clock):
    """Ten minutes after its end the edge may still be telling others; eight hours bound it.

    The edge that is never heard again ends nothing sooner, and keeps nothing open for ever.
    """
    async with open_outbox(tmp_path / "a.db", clock=clock) as outbox:
        ended, lasts = alarm(clock, camera="nord.uno"), alarm(clock, camera="nord.due")
        for far in (ended, lasts):
            await outbox.adopt(far, recipients=["sala-pl"], act="")
            await outbox.follow(far.id, Answer(0, "nord", clock.utc_us + 3_600_000_000, 0))
        await outbox.end(ended.id, clock.now())
        clock.advance(1800)
        (changed,) = await outbox.expire(clock.now())
        assert (changed.alarm.id, changed.state) == (lasts.id, AlarmState.ENDED)
        clock.advance(8 * 3600 - 1801)
        assert await outbox.expire(clock.now()) == []
        clock.advance(1)
        (closed,) = await outbox.expire(clock.now())
        assert (closed.alarm.id, closed.state) == (ended.id, AlarmState.CLOSED)
        clock.advance(1800)
        (closed,) = await outbox.expire(clock.now())
        assert (closed.alarm.id, closed.state) == (lasts.id, AlarmState.CLOSED)
