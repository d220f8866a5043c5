# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.delivery, against a broker in memory and a clock set by hand."""

import asyncio
import json
import os
from collections import deque
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from gateway.model.alarm import Alarm
from gateway.model.alarm import DeliveryState as State
from gateway.model.errors import ConfigError, PeerError, StoreError
from gateway.model.identifiers import uuid7
from gateway.model.registry import Recipient, RecipientKind
from gateway.model.time import Moment
from gateway.relay.alarms.delivery import PASSING, Courier, Pace, words
from gateway.relay.alarms.outbox import open_outbox
from gateway.wire.onvif_mqtt import Acknowledgement, Phase, Received, ack_payload, parse_event
from tests.fakes import FakeClock

INSTITUTE = Recipient("istituto", "Istituto", RecipientKind.INSTITUTE, broker="b")
ROOM = Recipient("sala", "Sala", RecipientKind.ROOM, broker="b", inbox=True)
ALL = (State.WAITING, State.SENT, State.REFUSED)


class HandClock(FakeClock):
    """Sleepers wake when `advance` passes their time."""

    def __init__(self):
        super().__init__()
        self.sleepers = []

    async def sleep(self, seconds):
        wake = asyncio.Event()
        self.sleepers.append((self.time_s + seconds, wake))
        await wake.wait()

    def advance(self, seconds):
        super().advance(seconds)
        for due_s, wake in self.sleepers:
            if due_s <= self.time_s:
                wake.set()
        self.sleepers = [one for one in self.sleepers if not one[1].is_set()]


class MemoryBroker:
    """Answers publishes with a code, on request not at all, and can break its line."""

    def __init__(self):
        self.code = 0x00
        self.reachable = True
        self.holding = False
        self.held = []
        self.published = []
        self.incoming = deque()
        self.arrived = asyncio.Event()
        self.broken = asyncio.Event()
        self.wills = []

    @asynccontextmanager
    async def connect(self, client, *, will):
        if not self.reachable:
            raise PeerError("broker b (h:1): absent")
        self.wills.append(will)
        self.broken.clear()
        self.incoming.clear()
        yield self

    async def publish(self, message):
        if "/gw/" in message.topic:
            return 0x00
        self.published.append(message)
        if self.holding:
            answer = asyncio.get_running_loop().create_future()
            self.held.append(answer)
            return await answer
        return self.code(message) if callable(self.code) else self.code

    async def subscribe(self, topic):
        return 0x01

    async def receive(self, most):
        while not self.incoming:
            self.arrived.clear()
            waits = [asyncio.ensure_future(e.wait()) for e in (self.arrived, self.broken)]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waits:
                    one.cancel()
            if self.broken.is_set():
                raise PeerError("broker b (h:1): line broke")
        return [self.incoming.popleft() for _ in range(min(most, len(self.incoming)))]

    def send(self, topic, payload):
        self.incoming.append(Received(topic, payload))
        self.arrived.set()

    def alarms(self):
        """Return alarm, phase and retain flag of each publish."""
        found = [(parse_event(m.topic, m.payload)[1], m.retain) for m in self.published]
        return [(notice.alarm, notice.phase, retain) for notice, retain in found]


async def until(condition):
    async with asyncio.timeout(30):
        while True:
            value = condition()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.002)


class Bench:
    """An outbox, a broker, a courier and their clock."""

    def __init__(self, outbox, clock):
        self.outbox = outbox
        self.clock = clock
        self.broker = MemoryBroker()
        self.courier = None

    @asynccontextmanager
    async def courier_for(self, recipient, **pace):
        self.courier = Courier(
            recipient, self.broker, self.outbox, box="box-1", clock=self.clock, pace=Pace(**pace)
        )
        task = asyncio.create_task(self.courier.run())
        try:
            yield self.courier
        finally:
            task.cancel()
            (result,) = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(result, asyncio.CancelledError), result

    async def raise_many(self, count, recipient, zone=None):
        ids = []
        for index in range(count):
            now = self.clock.now()
            made = Alarm(
                uuid7(now.utc_us, os.urandom(10)), "c", zone or f"z{index}", "intrusione", 3, now
            )
            await self.outbox.raise_alarm(made, recipients=[recipient], act="a")
            ids.append(made.id)
        return ids

    async def delivery(self, alarm_id, phase=Phase.RAISED):
        (one,) = await self.outbox.deliveries(alarm_id, phase)
        return one

    async def settled(self):
        """Let everything happen that needs no time: five ticks of nothing new."""
        seen = None
        while seen != (seen := (len(self.broker.published), await self.marks())):
            for _ in range(5):
                self.clock.advance(0)
                await asyncio.sleep(0.005)

    async def marks(self):
        sql = "select total(attempts), group_concat(state) from delivery"
        return await self.outbox._store.read(lambda db: db.execute(sql).fetchone())

    async def pass_time(self, seconds):
        for _ in range(round(seconds * 4)):
            self.clock.advance(0.25)
            await asyncio.sleep(0)
        await self.settled()

    async def advance_until(self, condition, step_s=0.5):
        """Let time pass, slowly enough for the store's thread, until something holds."""

        async def step():
            self.clock.advance(step_s)
            value = condition()
            return await value if asyncio.iscoroutine(value) else value

        await until(step)


@pytest.fixture
async def bench(tmp_path):
    clock = HandClock()
    async with open_outbox(tmp_path / "alarms.db", clock=clock) as outbox:
        yield Bench(outbox, clock)


async def test_window_is_never_passed(bench):
    """No more messages are on their way than the window holds; an answer makes room for one."""
    bench.broker.holding = True
    ids = await bench.raise_many(10, INSTITUTE)
    async with bench.courier_for(INSTITUTE, window=4):
        await until(lambda: len(bench.broker.published) == 4)
        await bench.settled()
        assert [alarm for alarm, _, _ in bench.broker.alarms()] == ids[:-5:-1]
        assert bench.courier.status().in_flight == 4
        bench.broker.held[0].set_result(0x00)
        await until(lambda: len(bench.broker.published) == 5)
        assert (await bench.delivery(ids[-1])).state is State.DELIVERED


async def test_inbox_repeats_with_growing_pause(bench):
    """Without acknowledgement an alarm is repeated after 3, 6, 12 s and so on to 60."""
    bench.courier = None
    (only,) = await bench.raise_many(1, ROOM)
    times = []
    bench.broker.code = lambda _: times.append(bench.clock.time_s) or 0x00
    async with bench.courier_for(ROOM):
        await until(lambda: times)
        await bench.settled()
        assert (await bench.delivery(only)).state is State.SENT
        await bench.advance_until(lambda: len(times) == 8)
    pauses = [later - sooner for sooner, later in pairwise(times)]
    assert all(
        pause >= least for pause, least in zip(pauses, (3, 6, 12, 24, 48, 60, 60), strict=True)
    )
    assert pauses[0] < 6
    assert pauses[6] < 90


async def test_acknowledgement_ends_the_repeating(bench):
    """The room's acknowledgement delivers; strange messages on the line change nothing."""
    first, second = await bench.raise_many(2, ROOM)
    async with bench.courier_for(ROOM):
        await until(lambda: len(bench.broker.published) == 2)
        topic = "varco/box-1/sala/ack/box-1"
        bench.broker.send("varco/box-1/sala/ack/other", ack_payload(Acknowledgement((second,))))
        bench.broker.send(topic, b"\xff")
        bench.broker.send(topic, ack_payload(Acknowledgement((first, first), (second,))))
        await until(lambda: is_delivered(bench, first))
        assert (await bench.delivery(second)).state is State.SENT
        await bench.advance_until(lambda: len(bench.broker.published) >= 4)
        assert {alarm for alarm, _, _ in bench.broker.alarms()[2:]} == {second}


async def counts_as(bench, alarm_id, state):
    return (await bench.delivery(alarm_id)).state is state


async def is_delivered(bench, alarm_id, phase=Phase.RAISED):
    return (await bench.delivery(alarm_id, phase)).state is State.DELIVERED


async def test_only_a_few_late_ones_are_repeated_at_once(bench):
    """Of a late backlog the oldest few are repeated, never the whole of it."""
    ids = await bench.raise_many(40, ROOM)
    async with bench.courier_for(ROOM, probes=4, tick_s=1.0):
        await until(lambda: len(bench.broker.published) == 40)
        await bench.settled()
        bench.broker.holding = True
        bench.clock.advance(3.5)
        await until(lambda: len(bench.broker.published) >= 44)
        await bench.settled()
        assert [alarm for alarm, _, _ in bench.broker.alarms()[40:]] == ids[:4]


async def test_unanswered_message_is_not_repeated_on_the_same_line(bench):
    """While the broker owes its answer, time alone makes no second copy."""
    bench.broker.holding = True
    await bench.raise_many(1, INSTITUTE)
    async with bench.courier_for(INSTITUTE):
        await until(lambda: bench.broker.published)
        await bench.pass_time(30)
        assert len(bench.broker.published) == 1


async def test_end_follows_and_late_repetition_is_not_retained(bench):
    """The end sets the property back, and repeating the raising later does not undo that."""
    (only,) = await bench.raise_many(1, ROOM)
    async with bench.courier_for(ROOM):
        await until(lambda: bench.broker.published)
        await bench.outbox.end(only, bench.clock.now())
        await until(lambda: len(bench.broker.published) == 2)
        await bench.advance_until(lambda: len(bench.broker.published) >= 4)
    assert bench.broker.alarms()[:4] == [
        (only, Phase.RAISED, True),
        (only, Phase.ENDED, True),
        (only, Phase.RAISED, False),
        (only, Phase.ENDED, True),
    ]


async def test_nobody_listening_keeps_it_waiting_until_somebody_does(bench):
    """0x10 is not delivery; the first success brings all that nobody heard at once."""
    bench.broker.code = 0x10
    old = await bench.raise_many(3, INSTITUTE)
    async with bench.courier_for(INSTITUTE):
        await bench.advance_until(lambda: len(bench.broker.published) >= 15)
        assert (await bench.delivery(old[0])).state is State.WAITING
        assert (await bench.delivery(old[0])).problem == "0x10 no matching subscribers"
        bench.broker.code = 0x00
        (new,) = await bench.raise_many(1, INSTITUTE)
        await until(lambda: is_delivered(bench, new))
        before_s = bench.clock.time_s
        for one in old:
            await bench.advance_until(lambda one=one: is_delivered(bench, one), step_s=0.01)
        assert bench.clock.time_s - before_s < 10


async def test_an_end_that_nobody_heard_is_not_repeated_before_its_raising(bench):
    """The raising waits for longer by then; a listener must not learn of the end first."""
    bench.broker.code = 0x10
    (only,) = await bench.raise_many(1, INSTITUTE)
    async with bench.courier_for(INSTITUTE):
        await bench.advance_until(lambda: len(bench.broker.published) >= 4)
        await bench.outbox.end(only, bench.clock.now())
        await bench.advance_until(lambda: bench.broker.alarms()[-1][1] is Phase.ENDED)
        await bench.settled()
        before = len(bench.broker.published)
        bench.broker.code = 0x00
        await bench.advance_until(lambda: is_delivered(bench, only))
        assert bench.broker.alarms()[before][1] is Phase.RAISED
        await bench.settled()
        assert (await bench.delivery(only, Phase.ENDED)).state is State.DELIVERED


async def test_a_disk_that_cannot_be_read_is_no_bug(bench, monkeypatch):
    """The line is made again for as long as it takes: no crash is counted against the box."""
    due, failures = bench.outbox.due, []

    async def refuse(*args, **more):
        if len(failures) < 6:
            failures.append(1)
            raise StoreError("alarms.db: disk I/O error")
        return await due(*args, **more)

    monkeypatch.setattr(bench.outbox, "due", refuse)
    (only,) = await bench.raise_many(1, INSTITUTE)
    async with bench.courier_for(INSTITUTE):
        await bench.advance_until(lambda: is_delivered(bench, only))


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (0x00, State.DELIVERED),
        (0x10, State.WAITING),
        *[(code, State.WAITING) for code in sorted(PASSING)],
        (0x87, State.REFUSED),
        (0x90, State.REFUSED),
        (0x99, State.REFUSED),
        (0xFF, State.REFUSED),
    ],
)
async def test_reason_code_decides(bench, code, state):
    """Only 0x00 is delivery; failures that pass keep waiting, the others are refusals."""
    bench.broker.code = code
    (only,) = await bench.raise_many(1, INSTITUTE)
    async with bench.courier_for(INSTITUTE):

        async def is_written():
            delivery = await bench.delivery(only)
            told = "" if code == 0 else words(code)
            return delivery.state is state and delivery.problem == told

        await until(is_written)
        await bench.settled()
        assert await is_written()


async def test_refused_ones_hide_neither_new_nor_each_other(bench):
    """A refused zone stops no other alarm, is tried seldom, and follows once it is allowed."""
    allowed = set()

    def judge(message):
        zone = message.topic.rsplit("/", 1)[1]
        return 0x00 if zone in allowed else 0x87

    bench.broker.code = judge
    refused = await bench.raise_many(6, INSTITUTE)
    allowed.add("fine")
    async with bench.courier_for(INSTITUTE, probes=2):
        (new,) = await bench.raise_many(1, INSTITUTE, zone="fine")
        await until(lambda: is_delivered(bench, new))
        await bench.settled()
        assert bench.courier.status().problem == "0x87 not authorized"
        assert len(bench.broker.published) <= 9
        await bench.pass_time(1)
        before = len(bench.broker.published)
        await bench.pass_time(50)
        assert len(bench.broker.published) == before
        allowed.update({"z3", "z4", "z5"})
        for one in refused[3:]:
            await bench.advance_until(lambda one=one: is_delivered(bench, one))
        await bench.advance_until(lambda: counts_as(bench, refused[0], State.REFUSED))
        states = [(await bench.delivery(one)).state for one in refused]
    assert states[0] is State.REFUSED
    assert states[3:] == [State.DELIVERED] * 3


async def test_one_success_lets_all_refused_follow(bench):
    """When the broker takes one refused alarm, the others do not wait for their own turn."""
    bench.broker.code = 0x87
    refused = await bench.raise_many(6, INSTITUTE)
    async with bench.courier_for(INSTITUTE, probes=1):
        await until(lambda: counts_as(bench, refused[-1], State.REFUSED))
        bench.broker.code = 0x00

        async def some():
            return any([await is_delivered(bench, one) for one in refused])

        await bench.advance_until(some)
        before_s = bench.clock.time_s
        for one in refused:
            await bench.advance_until(lambda one=one: is_delivered(bench, one), step_s=0.01)
        assert bench.clock.time_s - before_s < 30


async def test_broken_line_is_dialled_again_and_nothing_is_lost(bench):
    """After a break everything undelivered goes out again on the next line."""
    bench.broker.holding = True
    ids = await bench.raise_many(3, INSTITUTE)
    async with bench.courier_for(INSTITUTE):
        await until(lambda: len(bench.broker.published) == 3)
        assert bench.courier.status().online
        bench.broker.reachable = False
        bench.broker.broken.set()
        await until(lambda: not bench.courier.status().online)
        assert bench.courier.status().problem == "broker b (h:1): line broke"
        bench.broker.reachable, bench.broker.holding = True, False
        await until(lambda: bench.clock.advance(1) or bench.courier.status().online)
        for one in ids:
            await until(lambda one=one: is_delivered(bench, one))
        assert bench.courier.status().problem == ""
    will = bench.broker.wills[0]
    assert (will.topic, json.loads(will.payload), will.retain) == (
        "varco/box-1/istituto/gw/box-1/health",
        {"Online": False},
        True,
    )


async def test_full_disk_stops_no_alarm(bench, monkeypatch):
    """If the delivery cannot be noted, the alarm still goes out and is noted later."""
    (only,) = await bench.raise_many(1, INSTITUTE)
    mark = bench.outbox.mark
    failures = []

    async def refuse(seq, state, *, problem=""):
        if len(failures) < 2:
            failures.append(seq)
            raise StoreError("alarms.db: database or disk is full")
        await mark(seq, state, problem=problem)

    monkeypatch.setattr(bench.outbox, "mark", refuse)
    async with bench.courier_for(INSTITUTE):
        await until(lambda: failures)
        await bench.advance_until(lambda: is_delivered(bench, only))
    assert len(bench.broker.published) == 3


async def test_unusable_prefix_is_refused_at_once(bench):
    """A prefix with a wildcard is a configuration error that names the recipient."""
    bad = Recipient("x", "X", RecipientKind.ROOM, broker="b", topic_prefix="a/#")
    with pytest.raises(ConfigError, match="recipient x: topic_prefix"):
        Courier(bad, bench.broker, bench.outbox, box="box-1", clock=bench.clock)


def empties(bench):
    return [m.topic for m in bench.broker.published if not m.payload]


async def test_a_state_is_deleted_when_its_zone_goes(bench):
    """Zero bytes, retained; what still waits of it is delivered without the flag."""
    kept, gone = await bench.raise_many(2, INSTITUTE)
    async with bench.courier_for(INSTITUTE):
        await until(lambda: len(bench.broker.published) == 2)
        await bench.settled()
        bench.courier.forget(lambda camera, zone: zone != "z1")
        await until(lambda: empties(bench))
        (late,) = await bench.raise_many(1, INSTITUTE, zone="z1")
        await until(lambda: is_delivered(bench, late))
        await bench.settled()
    (deleted,) = [m for m in bench.broker.published if not m.payload]
    assert deleted.topic.endswith("/&c/intrusione/z1")
    assert deleted.retain
    assert not deleted.expiry_s
    (sent,) = [m for m in bench.broker.published if late.encode() in m.payload]
    assert not sent.retain
    assert gone != kept


async def test_a_state_that_cannot_be_deleted_now_is_deleted_later(bench):
    """A full broker, then a broken line; not after the broker forgot it by itself."""
    await bench.raise_many(1, INSTITUTE)
    async with bench.courier_for(INSTITUTE):
        await until(lambda: len(bench.broker.published) == 1)
        await bench.settled()
        bench.broker.code = 0x97
        bench.courier.forget(lambda camera, zone: False)
        await until(lambda: empties(bench))
        bench.broker.reachable = False
        bench.broker.broken.set()
        await until(lambda: not bench.courier.status().online)
        bench.broker.code, tried = 0x00, len(empties(bench))
        bench.broker.reachable = True
        await bench.advance_until(lambda: len(empties(bench)) > tried)
        await bench.settled()
        await bench.pass_time(5)
        assert len(empties(bench)) == tried + 1


async def test_farewell_empties_everything_of_a_recipient_that_goes(bench):
    """States and health, as long as the broker needs; without a trace left it dials nobody."""
    await bench.raise_many(2, INSTITUTE)
    async with bench.courier_for(INSTITUTE) as courier:
        await until(lambda: len(bench.broker.published) == 2)
        await bench.settled()
    greeted = []
    bench.broker.publish = lambda message: note(greeted, message)
    bench.broker.reachable = False
    task = asyncio.create_task(courier.farewell())
    await until(lambda: bench.clock.sleepers)
    bench.broker.reachable = True
    await bench.advance_until(task.done)
    assert [(m.payload, m.retain) for m in greeted] == [(b"", True)] * 3
    assert "varco/box-1/istituto/gw/box-1/health" in {m.topic for m in greeted}
    fresh = Courier(ROOM, bench.broker, bench.outbox, box="box-1", clock=bench.clock)
    await fresh.farewell()
    assert len(greeted) == 3


async def note(greeted, message):
    greeted.append(message)
    return 0x00


async def test_an_urgent_alarm_passes_a_full_window(bench):
    """A hold-up is heard by a room that is behind with everything else."""
    bench.broker.holding = True
    await bench.raise_many(6, ROOM)
    async with bench.courier_for(ROOM, window=4, reserve=2):
        await until(lambda: len(bench.broker.published) == 4)
        now = bench.clock.now()
        urgent = Alarm(uuid7(now.utc_us, os.urandom(10)), "c", "cassa", "rapina", 5, now)
        await bench.outbox.raise_alarm(urgent, recipients=[ROOM], act="a")
        await until(lambda: len(bench.broker.published) == 5)
        await bench.settled()
        assert bench.broker.alarms()[4][0] == urgent.id


async def test_a_full_queue_at_the_broker_is_shown_while_it_lasts(bench):
    """0x97 passes: the alarm waits, a person reads why, and nothing stays of it."""
    bench.broker.code = 0x97
    (only,) = await bench.raise_many(1, INSTITUTE)
    async with bench.courier_for(INSTITUTE):
        await until(lambda: bench.courier.status().problem == "0x97 quota exceeded")
        assert (await bench.delivery(only)).state is State.WAITING
        bench.broker.code = 0x00
        await bench.advance_until(lambda: is_delivered(bench, only))
        await bench.settled()
        assert bench.courier.status().problem == ""


async def test_a_message_that_cannot_be_written_is_parked_and_others_go_on(bench):
    """It is shown with the reason; the line stays up."""
    now = bench.clock.now()
    then = Moment(now.monotonic_s, 1 << 61)
    strange = Alarm(uuid7(now.utc_us, os.urandom(10)), "c", "z", "intrusione", 5, then)
    await bench.outbox.raise_alarm(strange, recipients=[INSTITUTE], act="a")
    (other,) = await bench.raise_many(1, INSTITUTE)
    async with bench.courier_for(INSTITUTE):

        async def both():
            parked = await bench.delivery(strange.id)
            return parked.state is State.REFUSED and await is_delivered(bench, other)

        await bench.advance_until(both)
        assert "cannot be written" in (await bench.delivery(strange.id)).problem
        assert bench.courier.status().online


async def test_a_state_that_lasts_is_said_again_before_the_broker_forgets_it(bench):
    """Whoever subscribes ten minutes into an alarm has it; once it is over nobody says it again."""
    (lasts, over) = await bench.raise_many(2, INSTITUTE)
    async with bench.courier_for(INSTITUTE):
        await until(lambda: is_delivered(bench, lasts))
        await until(lambda: is_delivered(bench, over))
        await bench.outbox.end(over, bench.clock.now())
        await until(lambda: is_delivered(bench, over, Phase.ENDED))
        before = len(bench.broker.published)
        for turn in range(1, 5):
            await bench.advance_until(lambda n=before + turn: len(bench.broker.published) >= n)
        said = bench.broker.alarms()[-4:]
        assert said == [(lasts, Phase.RAISED, True)] * 4
        assert bench.clock.time_s - 1000.0 < 4 * 300
        await bench.outbox.end(lasts, bench.clock.now())
        await until(lambda: is_delivered(bench, lasts, Phase.ENDED))
        before = len(bench.broker.alarms())
        await bench.pass_time(250)
        assert Phase.RAISED not in [phase for _, phase, _ in bench.broker.alarms()[before:]]


async def test_who_has_an_inbox_is_told_once(bench):
    """A room knows by its own disk: nothing is said again on its line."""
    (one,) = await bench.raise_many(1, ROOM)
    async with bench.courier_for(ROOM):
        await until(bench.broker.alarms)
        await bench.outbox.acknowledge(ROOM.id, Phase.RAISED, [one])
        before = len(bench.broker.published)
        await bench.pass_time(250)
        assert len(bench.broker.published) == before
