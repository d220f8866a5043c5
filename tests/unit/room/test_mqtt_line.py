# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.room.mqtt_line; with both boxes in tests/unit/assembly/test_room_alarms.py."""

import asyncio
from dataclasses import replace

import pytest

from gateway.model.errors import PeerError, RefusedError, WireError
from gateway.model.registry import Recipient, RecipientKind
from gateway.model.room import Reply
from gateway.room.mqtt_line import (
    ACKS,
    BUSY,
    MOST_ACKS,
    NOT_AUTHORISED,
    NOT_YET,
    PLATE,
    TAKEN,
    LineBroker,
    message_of,
)
from gateway.runtime.clock import SystemClock
from gateway.wire.onvif_mqtt import (
    Message,
    PlateHit,
    PlateLabel,
    Received,
    event_topic,
    health_topic,
    parse_plate,
    plate_message,
)
from tests.line_pair import Pair

TOPIC = event_topic("varco/a/b", "piazza", "intrusione", "centro")


class Room:
    """Answers `alarm` with what it is told to."""

    def __init__(self, pair):
        self.taken = []
        self.error = None
        pair.room.handlers = {"alarm": self.alarm}

    async def alarm(self, peer, body, _blob):
        if self.error is not None:
            raise self.error
        self.taken.append((peer.id, body["topic"], body["payload"]))
        return Reply()


async def test_a_plate_goes_by_its_own_kind_under_the_name_that_the_room_knows(street):
    """The room takes it apart from alarms; the box has another name there."""
    pair, broker, room = street
    broker.names = lambda: ("box-1", "varco-nord")
    taken = []

    async def plate(_peer, body, _blob):
        taken.append(parse_plate(body["topic"], body["payload"].encode()))
        return Reply()

    pair.room.handlers = {PLATE: plate}
    hit = PlateHit(
        "019b0000-0000-7000-8000-000000000001", "box-1", "piazza", "targa-cercata", 1_000_000,
        0.9, "ZQ417XV", "IT", PlateLabel.WANTED,
    )  # fmt: skip
    recipient = Recipient("questura", "Questura", RecipientKind.ROOM)
    async with broker.connect("c", will=None) as line:
        assert await line.publish(plate_message("varco/a/b", hit, recipient)) == TAKEN
    assert taken == [("varco/a/b", replace(hit, box="varco-nord"))]
    assert room.taken == []


@pytest.fixture
def street():
    pair = Pair()
    broker = LineBroker("questura", pair.edge, pair.edge.is_up, SystemClock())
    pair.edge.handlers = {ACKS: broker.acks}
    return pair, broker, Room(pair)


async def test_reason_codes_say_what_the_courier_is_to_do(street):
    """Taken; again soon, for what passes; again seldom, for what a person must change."""
    pair, broker, room = street
    async with broker.connect("c", will=None) as line:
        assert await line.subscribe("x") == TAKEN
        assert await line.publish(Message(TOPIC, b'{"a":1}')) == TAKEN
        assert room.taken == [("varco-nord", TOPIC, '{"a":1}')]
        room.error = RefusedError(NOT_YET, "disk")
        assert await line.publish(Message(TOPIC, b"{}")) == BUSY
        room.error = RefusedError("not-offered", "no")
        assert await line.publish(Message(TOPIC, b"{}")) == NOT_AUTHORISED
        room.error = None
        pair.edge.lose_answers = 1
        assert await line.publish(Message(TOPIC, b"{}")) == BUSY
        pair.cut()
        with pytest.raises(PeerError):
            await line.publish(Message(TOPIC, b"{}"))


async def test_health_stays_at_home(street):
    """The line tells of itself."""
    pair, broker, room = street
    async with broker.connect("c", will=Message("w", b"")) as line:
        assert await line.publish(Message(health_topic("varco/a/b", "box"), b"{}")) == TAKEN
    assert (room.taken, pair.edge.said) == ([], [])


async def test_it_waits_for_the_line_and_says_when_it_falls(street):
    """Nothing is tried on a line that does not stand; whoever listens hears of its end."""
    pair, broker, _ = street
    pair.cut()

    async def listen():
        async with broker.connect("c", will=None) as line:
            await line.receive(9)

    task = asyncio.create_task(listen())
    await asyncio.sleep(0)
    assert not task.done()
    pair.mend()
    async with asyncio.timeout(30):
        while not broker._listening:
            await asyncio.sleep(0.01)
        pair.cut()
        with pytest.raises(PeerError, match="questura"):
            await task


async def test_acknowledgements_come_in_order_and_are_bounded(street):
    """At most so many wait; the oldest give way, and a strange one harms nobody."""
    pair, broker, _ = street
    async with broker.connect("c", will=None) as line:
        pair.room.tell(ACKS, {"topic": 7, "payload": ""})
        pair.room.tell(ACKS, {"topic": "t", "payload": "first"})
        async with asyncio.timeout(30):
            assert await line.receive(9) == [Received("t", b"first")]
        for n in range(MOST_ACKS + 5):
            line.offer(Received("t", str(n).encode()))
        found = await line.receive(MOST_ACKS * 2)
        assert (len(found), found[0].payload) == (MOST_ACKS, b"5")


@pytest.mark.parametrize(
    "body", [{}, {"topic": "t"}, {"topic": 1, "payload": "x"}, {"topic": "t", "payload": "\ud800"}]
)
def test_a_message_has_topic_and_text(body):
    """Anything else is refused."""
    with pytest.raises(WireError):
        message_of(body)
