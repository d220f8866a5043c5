# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Alarms over an edge's own line to a room, in the words of MQTT: no broker stands between.

A courier (`gateway.relay.alarms.delivery`) finds here what it finds at a broker. Each message is
one `alarm` call, whose answer comes after the room has committed it; the acknowledgements of the
room's inbox come as `acks`. What the room refuses is a reason code, and its words are logged.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from gateway.model.errors import PeerError, RefusedError, WireError
from gateway.model.room import Caller, LinePeer, Reply
from gateway.runtime.clock import Clock
from gateway.runtime.tally import Tally
from gateway.wire.onvif_mqtt import (
    EVENT,
    LICENSE_PLATE,
    Message,
    Received,
    ack_topic,
    event_payload,
    parse_event,
    parse_plate,
    plate_payload,
)

log = logging.getLogger(__name__)

ALARM: Final = "alarm"
PLATE: Final = "plate"
"""A plate that hit a list, beside the alarm of the same id."""
ACKS: Final = "acks"

NOT_YET: Final = "not-yet"
"""The room cannot take it now: its disk refuses, or it has not heard our offer yet."""
TAKEN: Final = 0x00
BUSY: Final = 0x83
"""MQTT 5 §2.4: implementation specific error; the courier tries again soon."""
NOT_AUTHORISED: Final = 0x87
"""A person has to change something; the courier tries again seldom."""

ANSWER_S: Final = 20.0
"""A commit on a slow disk behind a window of others, over a line by radio."""
LOOK_S: Final = 0.25
"""How soon a line that stands again is used, and one that fell is left."""
MOST_ACKS: Final = 1_024
"""Acknowledgements that wait for the courier; the oldest gives way and its alarm is repeated."""


class LineBroker:
    """What a courier dials for a recipient whose broker is `line:NAME`."""

    def __init__(self, name: str, caller: Caller, is_up: Callable[[], bool], clock: Clock) -> None:
        """`name` of the line, for people; `is_up`: whether it stands now."""
        self._name = name
        self._caller = caller
        self._is_up = is_up
        self._clock = clock
        self._tally = Tally(log, clock)
        self._listening: set[LineBrokerLine] = set()
        self.names: Callable[[], tuple[str, str]] | None = None
        """What the couriers call this box, and what the room calls it; None: the same."""

    @asynccontextmanager
    async def connect(
        self, client: str, *, will: Message | None
    ) -> AsyncIterator["LineBrokerLine"]:
        """Wait until the line stands, however long; then be on it until the block ends.

        There is no last will: the room sees by itself that a line fell.
        """
        del will
        while not self._is_up():
            await self._clock.sleep(LOOK_S)
        line = LineBrokerLine(client, self)
        self._listening.add(line)
        try:
            yield line
        finally:
            self._listening.discard(line)

    async def acks(self, peer: LinePeer, body: Mapping[str, Any], blob: bytes) -> Reply:
        """Take acknowledgements of the room: the handler of `acks`."""
        del peer, blob
        message = message_of(body)
        own, theirs = self.names() if self.names is not None else ("", "")
        prefix, mark, box = message.topic.rpartition("/ack/")
        if mark and own != theirs and box == theirs:
            message = Received(ack_topic(prefix, own), message.payload)
        for line in self._listening:
            line.offer(message)
        return Reply()

    async def hand_over(self, message: Message) -> int:
        """Bring one message to the room; return a reason code. PeerError once the line fell."""
        if f"/{EVENT}/" not in message.topic:
            return TAKEN  # health: the line tells of itself
        kind = PLATE if f"/{LICENSE_PLATE}/" in message.topic else ALARM
        body = {"topic": message.topic, "payload": self._named(message, kind).decode()}
        try:
            await self._caller.call(kind, body, within_s=ANSWER_S)
        except RefusedError as error:
            self._tally.note("alarm-refused-by-room", line=self._name, problem=str(error))
            return BUSY if error.code == NOT_YET else NOT_AUTHORISED
        except PeerError:
            if self._is_up():  # it stands, and the answer is late: this one is asked again
                self._tally.note("alarm-unanswered", line=self._name)
                return BUSY
            raise
        return TAKEN

    def _named(self, message: Message, kind: str) -> bytes:
        """Return the payload with the name that the room knows us by."""
        own, theirs = self.names() if self.names is not None else ("", "")
        if own == theirs:
            return message.payload
        if kind == PLATE:
            _, hit = parse_plate(message.topic, message.payload)
            return plate_payload(replace(hit, box=theirs))
        _, notice = parse_event(message.topic, message.payload)
        return event_payload(replace(notice, box=theirs))

    async def fall(self) -> None:
        """Return when the line does not stand any more."""
        while self._is_up():
            await self._clock.sleep(LOOK_S)

    @property
    def name(self) -> str:
        """Return the line's name."""
        return self._name


class LineBrokerLine:
    """The line for one courier, as long as it stands."""

    def __init__(self, client: str, broker: LineBroker) -> None:
        self.client = client
        self._broker = broker
        self._waiting: deque[Received] = deque(maxlen=MOST_ACKS)
        self._ready = asyncio.Event()

    def offer(self, message: Received) -> None:
        """Let the courier have a message; never waits."""
        self._waiting.append(message)
        self._ready.set()

    async def publish(self, message: Message) -> int:
        """Hand over; return the reason code once the room has it on disk, or why it has not."""
        return await self._broker.hand_over(message)

    async def subscribe(self, topic: str) -> int:
        """Return success: what the room acknowledges comes by itself."""
        del topic
        return TAKEN

    async def receive(self, most: int) -> list[Received]:
        """Wait for acknowledgements, at most `most`; PeerError once the line fell."""
        if not self._waiting:
            self._ready.clear()
            await self._until_ready()
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    async def _until_ready(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            fallen = tasks.create_task(self._broker.fall())
            ready = tasks.create_task(self._ready.wait())
            await asyncio.wait((fallen, ready), return_when=asyncio.FIRST_COMPLETED)
            fallen.cancel()
            ready.cancel()
        if not self._waiting:
            raise PeerError(f"line {self._broker.name}: interrupted")


def message_of(body: Mapping[str, Any]) -> Received:
    """Return the message in a call's body; WireError for anything else."""
    topic, payload = body.get("topic"), body.get("payload")
    if not isinstance(topic, str) or not isinstance(payload, str):
        raise WireError("line: a message without topic or payload")
    try:
        return Received(topic, payload.encode())
    except UnicodeEncodeError as error:
        raise WireError("line: a message that is no text") from error
