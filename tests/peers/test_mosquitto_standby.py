# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Two mosquittos as shipped, one recipient: killed, frozen, too small, and back again."""

import asyncio
import os
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.model.alarm import Alarm
from gateway.model.alarm import DeliveryState as State
from gateway.model.identifiers import uuid7
from gateway.model.registry import Recipient, RecipientKind
from gateway.relay.alarms.delivery import Courier, Pace
from gateway.relay.alarms.outbox import open_outbox
from gateway.relay.alarms.standby import StandbyBroker, StandbyPace
from gateway.room.inbox import open_inbox
from gateway.runtime.clock import SystemClock
from gateway.runtime.supervise import Policy
from tests.peers.broker_authority import Authority
from tests.peers.secure_mosquitto import SecureMosquitto

pytestmark = pytest.mark.peer

CLOCK = SystemClock()
PACE = Pace(first_s=0.3, most_s=1.0, tick_s=0.05, redial=Policy(first_s=0.05, most_s=0.2))
BACK = StandbyPace(first_s=0.2, most_s=0.5, settled_s=0.0)
ROOM = Recipient("sala-pl", "Sala", RecipientKind.ROOM, broker="prova", inbox=True)
WHO = ("--box", "box-1", "--room", "sala-pl")


@pytest.fixture(scope="module")
def two(program, tmp_path_factory):
    """The first broker and its standby; the second keeps five messages for who is away."""
    folder = tmp_path_factory.mktemp("due")
    authority = Authority(folder, "ca")
    for name in ("box-1", "sala-pl"):
        authority.issue(name)
    made = []
    for stem, changes in (("primo", {}), ("secondo", {"max_queued_messages": 5})):
        authority.issue("localhost", stem=stem)
        made.append(
            SecureMosquitto(program("mosquitto"), folder, authority, stem=stem, **changes).start(
                *WHO
            )
        )
    yield made
    for one in made:
        one.close()


async def until(condition, timeout_s=30.0):
    async with asyncio.timeout(timeout_s):
        while True:
            value = condition()
            value = await value if asyncio.iscoroutine(value) else value
            if value:
                return value
            await asyncio.sleep(0.02)


class Town:
    """A box and a room with both brokers between them."""

    def __init__(self, outbox, inbox, brokers):
        self.outbox = outbox
        self.inbox = inbox
        self.brokers = brokers
        self.shown = []
        self.raised = []
        each = [one.broker("box-1", connect_s=1.0, beat_s=1) for one in brokers]
        self.standby = StandbyBroker(each, CLOCK, BACK)
        self.courier = Courier(ROOM, self.standby, outbox, box="box-1", clock=CLOCK, pace=PACE)

    def listen(self, tasks, broker):
        there = broker.broker("sala-pl", connect_s=1.0)
        return tasks.create_task(
            self.inbox.run(there, prefix="varco/+/sala-pl", on_alarm=self.shown.append)
        )

    async def raise_many(self, count):
        for _ in range(count):
            now = CLOCK.now()
            made = Alarm(uuid7(now.utc_us, os.urandom(10)), "c", "z", "intrusione", 3, now)
            await self.outbox.raise_alarm(made, recipients=[ROOM], act="a")
            self.raised.append(made.id)

    async def delivered(self):
        states = (State.WAITING, State.SENT, State.REFUSED)
        return not await self.outbox.due(ROOM.id, states, limit=1)

    def is_on(self, broker):
        there = f"localhost:{broker.port}"
        first = broker is self.brokers[0]
        on = self.standby.problem == "" if first else there in self.standby.problem
        return on and self.courier.status().online

    async def all_shown_once(self):
        await until(self.delivered, 60)
        stored = {one.id for one in await self.inbox.recent(10_000)}
        assert set(self.raised) <= stored
        shown = Counter(one.id for one in self.shown)  # states of earlier tests come as well
        assert {shown[one] for one in self.raised} == {1}


@asynccontextmanager
async def town(folder, brokers, *, listening=True):
    async with (
        open_outbox(folder / "alarms.db", clock=CLOCK) as outbox,
        open_inbox(folder / "inbox.db", clock=CLOCK) as inbox,
        asyncio.TaskGroup() as tasks,
    ):
        made = Town(outbox, inbox, brokers)
        running = [tasks.create_task(made.courier.run())]
        if listening:
            running += [made.listen(tasks, one) for one in brokers]
        made.tasks = tasks
        yield made
        for one in (*running, *getattr(made, "later", ())):
            one.cancel()


async def test_killed_with_messages_in_flight_then_back(two, tmp_path):
    """The second takes over at once, the first when it is back; nothing lost, nothing twice."""
    first, second = two
    async with town(tmp_path, two) as here:
        await until(lambda: here.is_on(first))
        await here.raise_many(60)
        first.kill()
        await here.raise_many(60)
        await until(lambda: here.is_on(second))
        await here.raise_many(20)
        await until(here.delivered, 60)
        assert f"broker prova (localhost:{second.port}) stands in: " in here.standby.problem
        assert f"localhost:{first.port}" in here.standby.problem
        first.listen()
        await until(lambda: here.is_on(first), 60)
        await here.raise_many(20)
        await here.all_shown_once()


async def test_a_frozen_broker_is_left(two, tmp_path):
    """It accepts connections and says nothing; alarms go over the second meanwhile."""
    first, second = two
    async with town(tmp_path, two) as here:
        await until(lambda: here.is_on(first))
        first.freeze()
        try:
            await here.raise_many(5)
            await until(lambda: not here.courier.status().online)
            await until(here.delivered, 60)
            assert here.is_on(second)
        finally:
            first.thaw()
        await here.all_shown_once()


async def test_what_a_full_queue_drops_in_silence_is_sent_again(two, tmp_path):
    """mosquitto says success and forgets; only the room's acknowledgement ends an alarm."""
    _, small = two
    prefix = "varco/+/sala-pl"
    away = small.broker("sala-pl")
    async with open_inbox(tmp_path / "first.db", clock=CLOCK) as inbox, asyncio.TaskGroup() as g:
        task = g.create_task(inbox.run(away, prefix=prefix))
        async with small.broker("box-1").connect("look", will=None) as line:
            health = replace(await _heard(line), retain=False)
            await until(lambda: _listens(line, health))
        task.cancel()  # its session stays, with the queue of five
    async with town(tmp_path, [small], listening=False) as here:
        await here.raise_many(40)
        await until(lambda: _all_sent(here))
        here.later = [here.listen(here.tasks, small)]
        await here.all_shown_once()


async def _heard(line):
    from gateway.wire.onvif_mqtt import Message, event_topic

    return Message(event_topic("varco/box-1/sala-pl", "x", "x", "x"), b"", retain=True)


async def _listens(line, message):
    return await line.publish(message) == 0x00


async def _all_sent(here):
    rows = await here.outbox.due(ROOM.id, (State.SENT,), limit=100)
    return len(rows) == len(here.raised)
