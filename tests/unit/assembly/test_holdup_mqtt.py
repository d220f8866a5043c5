# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.holdup_mqtt, over a broker of the test's own."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

from gateway.assembly.holdup_mqtt import HoldupTopics
from gateway.relay.alarms.mqtt import BrokerOptions
from gateway.runtime.clock import SystemClock
from gateway.wire.onvif_mqtt import Received
from tests.unit.access.shop import HOLDUP, shop
from tests.unit.assembly.parts import until

CHANNEL = replace(HOLDUP, broker="negozio", topic="negozio/antirapina")
OPTIONS = {"negozio": BrokerOptions("negozio", "127.0.0.1")}


class Line:
    """Gives what a test put; remembers what was subscribed."""

    def __init__(self, code):
        self.code, self.subscribed, self.queue = code, [], asyncio.Queue()
        self.retained = False

    async def subscribe(self, topic):
        self.subscribed.append(topic)
        return self.code

    async def receive(self, most):
        found = await self.queue.get()
        return [Received(CHANNEL.topic, one, retain=self.retained) for one in found][:most]


class Broker:
    """Always the same line."""

    def __init__(self, code=0):
        self.line, self.left = Line(code), 0

    @asynccontextmanager
    async def connect(self, _client, *, will):
        assert will is None
        try:
            yield self.line
        finally:
            self.left += 1


@asynccontextmanager
async def topics(broker, brokers=OPTIONS):
    heard = []

    async def take(holdup, topic):
        heard.append((holdup, topic))

    async with asyncio.TaskGroup() as tasks:
        made = HoldupTopics(brokers, take, tasks, SystemClock(), lambda _: broker)
        yield made, heard
        made.reconcile(replace(shop(), holdups={}))


async def test_a_message_is_a_press_and_letting_go_is_none():
    """What comes together is one press; a channel that left the registry hears no more."""
    broker = Broker()
    async with topics(broker) as (made, heard):
        made.reconcile(shop(CHANNEL))
        made.reconcile(shop(CHANNEL))
        for payloads in ([b"OFF"], [b"ON", b"1"], [b""], [b"false"], [b"premuto"]):
            broker.line.queue.put_nowait(payloads)
        await until(lambda: len(heard) == 2)
        assert heard == [(CHANNEL.id, CHANNEL.topic)] * 2
        assert broker.line.subscribed == [CHANNEL.topic]
        assert made.problems == ()
    assert broker.left == 1


async def test_what_the_broker_had_kept_is_no_press(caplog):
    """It would be one at every start; it is said, and what comes afterwards counts."""
    broker = Broker()
    async with topics(broker) as (made, heard):
        broker.line.retained = True
        made.reconcile(shop(CHANNEL))
        broker.line.queue.put_nowait([b"1"])
        await until(lambda: made.tally.statistics() == {"holdup-retained": 1})
        broker.line.retained = False
        broker.line.queue.put_nowait([b"1"])
        await until(lambda: heard)
        assert heard == [(CHANNEL.id, CHANNEL.topic)]
    assert [one.message for one in caplog.records].count("holdup-retained") == 1


async def test_what_keeps_a_topic_from_being_heard_is_said():
    """No such broker, and a broker that refuses the subscription."""
    async with topics(Broker(), {}) as (made, _):
        made.reconcile(shop(CHANNEL))
        assert made.problems == (
            f"hold-up {CHANNEL.id}: there is no broker negozio in gateway.toml",
        )
    async with topics(Broker(0x87)) as (made, _):
        made.reconcile(shop(CHANNEL))
        await until(lambda: made.problems)
        assert "not authorized" in made.problems[0]
