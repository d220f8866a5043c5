# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Where a room keeps the alarms that boxes send: on disk first, acknowledged after, shown once.

The alarm's id is the primary key, so a message that comes again changes nothing but a counter,
and is acknowledged again, since the box did not hear the first time.
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.model.errors import PeerError, StoreError, WireError
from gateway.room.postgres import PostgresOptions
from gateway.room.store import Database, RoomStore, open_room_store
from gateway.runtime.clock import Clock
from gateway.runtime.supervise import Policy, supervise
from gateway.runtime.tally import Tally
from gateway.wire.onvif_mqtt import (
    MOST_IDS,
    Acknowledgement,
    AlarmNotice,
    Message,
    Phase,
    Received,
    ack_payload,
    ack_topic,
    event_filter,
    parse_event,
)

log = logging.getLogger(__name__)

SCHEMA = """
create table if not exists inbox(
  id text not null primary key,
  prefix text not null, box text not null,
  camera text not null, rule text not null, zone text not null,
  severity bigint not null, exercise bigint not null,
  raised_utc_us bigint not null, received_utc_us bigint not null,
  ended_utc_us bigint not null default 0,
  copies bigint not null default 0
);
create index if not exists inbox_received on inbox(received_utc_us);
"""

LINE_POLICY = Policy(first_s=0.5, most_s=15.0)
EXPIRY_S = 300
"""An acknowledgement that nobody fetched for this long is repeated with the alarm."""
FAILURE = 0x80
"""MQTT 5 §2.4: reason codes from here on are failures."""


class Line(Protocol):
    """A connection to a broker, as this file needs it; PeerError once it broke."""

    async def publish(self, message: Message) -> int:
        """Publish with QoS 1; return the reason code of the broker's answer."""
        ...

    async def subscribe(self, topic: str) -> int:
        """Subscribe with QoS 1; return the reason code of the broker's answer."""
        ...

    async def receive(self, most: int) -> list[Received]:
        """Wait for messages; at least one, at most `most`."""
        ...


class Broker(Protocol):
    """Where lines come from."""

    def connect(self, client: str, *, will: Message | None) -> AbstractAsyncContextManager[Line]:
        """Open a line; `client` makes the client id unique."""
        ...


@dataclass(frozen=True, slots=True)
class InboxAlarm:
    """One alarm of some box; times in microseconds UTC."""

    id: str
    box: str
    camera: str
    rule: str
    zone: str
    severity: int
    exercise: bool
    raised_utc_us: int
    """By the box's clock."""
    received_utc_us: int
    """By ours."""
    ended_utc_us: int
    """0 while it lasts."""


class Inbox:
    """The alarms that came in; made by `open_inbox`."""

    def __init__(self, store: RoomStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._tally = Tally(log, clock)

    async def take(self, notices: Sequence[tuple[str, AlarmNotice]]) -> list[InboxAlarm]:
        """Store notices with the prefix they came under; return the alarms that are new or ended.

        Durable when it returns; StoreError if the disk refuses, then nothing may be acknowledged.
        """
        now_us = self._clock.now().utc_us

        def job(db: Database) -> list[InboxAlarm]:
            changed = [n.alarm for prefix, n in notices if _put(db, prefix, n, now_us)]
            return [_get(db, alarm_id) for alarm_id in dict.fromkeys(changed)]

        return await self._store.write(job)

    async def prune(self, before_utc_us: int) -> None:
        """Forget what came in before a time: the box that sent it was told so long ago."""
        sql = "delete from inbox where received_utc_us<?"
        await self._store.write(lambda db: db.execute(sql, (before_utc_us,)))

    async def get(self, alarm_id: str) -> InboxAlarm | None:
        """Return one alarm; None if none of that id came in."""
        row = await self._store.read(
            lambda db: db.execute(_SELECT + " where id=?", (alarm_id,)).fetchone()
        )
        return _alarm(row) if row else None

    async def recent(self, limit: int) -> list[InboxAlarm]:
        """Return the newest alarms, newest first."""
        rows = await self._store.read(
            lambda db: db.execute(
                _SELECT + " order by received_utc_us desc, id desc limit ?", (limit,)
            ).fetchall()
        )
        return [_alarm(row) for row in rows]

    async def copies(self) -> int:
        """Return how many messages came more than once."""
        row = await self._store.read(
            lambda db: db.execute("select coalesce(sum(copies), 0) from inbox").fetchone()
        )
        return int(row[0])

    async def run(
        self,
        broker: Broker,
        *,
        prefix: str,
        on_alarm: Callable[[InboxAlarm], None] = lambda _: None,
    ) -> None:
        """Receive, store and acknowledge until cancelled.

        `prefix` may hold `+` as a level, for example `varco/+/sala-pl`. `on_alarm` is called once
        when an alarm is new and once when it ended; it must not wait.
        """

        async def attempt() -> None:
            async with broker.connect("inbox", will=None) as line:
                code = await line.subscribe(event_filter(prefix))
                if code >= FAILURE:
                    raise PeerError(f"inbox {prefix}: subscription refused (0x{code:02X})")
                log.info("inbox-listens", extra={"prefix": prefix})
                while True:
                    await self._answer(line, await line.receive(MOST_IDS), on_alarm)

        await supervise(f"inbox:{prefix}", attempt, clock=self._clock, policy=LINE_POLICY)

    async def _answer(
        self, line: Line, batch: Sequence[Received], on_alarm: Callable[[InboxAlarm], None]
    ) -> None:
        """Commit a batch, then acknowledge it to each box."""
        notices: list[tuple[str, AlarmNotice]] = []
        for message in batch:
            if not message.payload:
                continue  # zero bytes: a property was deleted (B-47)
            try:
                notices.append(parse_event(message.topic, message.payload))
            except WireError as error:
                self._tally.note("alarm-unreadable", problem=str(error))
        if not notices:
            return
        try:
            changed = await self.take(notices)
        except StoreError as error:  # not acknowledged, so the boxes will repeat it
            self._tally.note("alarm-not-stored", problem=str(error))
            return
        for alarm in changed:  # before the acknowledgement, which the line may not survive
            on_alarm(alarm)
        for topic, ack in _acknowledgements(notices).items():
            code = await line.publish(Message(topic, ack_payload(ack), expiry_s=EXPIRY_S))
            if code >= FAILURE:
                self._tally.note("ack-refused", topic=topic, problem=f"0x{code:02X}")


@asynccontextmanager
async def open_inbox(path: Path | PostgresOptions, *, clock: Clock) -> AsyncIterator[Inbox]:
    """Open `inbox.db`."""
    async with open_room_store(path, SCHEMA) as store:
        yield Inbox(store, clock)


def _acknowledgements(notices: Sequence[tuple[str, AlarmNotice]]) -> dict[str, Acknowledgement]:
    """Return what to tell each box, by topic; ids without repeats, in order."""
    ids: dict[str, dict[Phase, dict[str, None]]] = {}
    for prefix, notice in notices:
        phases = ids.setdefault(ack_topic(prefix, notice.box), {phase: {} for phase in Phase})
        phases[notice.phase][notice.alarm] = None
    return {
        topic: Acknowledgement(tuple(phases[Phase.RAISED]), tuple(phases[Phase.ENDED]))
        for topic, phases in ids.items()
    }


_SELECT = (
    "select id, box, camera, rule, zone, severity, exercise, raised_utc_us, received_utc_us,"
    " ended_utc_us from inbox"
)


def _put(db: Database, prefix: str, notice: AlarmNotice, now_us: int) -> bool:
    """Store one notice; return whether it told anything new. Either phase may come first."""
    ended_us = max(notice.at_utc_us, 1) if notice.phase is Phase.ENDED else 0
    inserted = db.execute(
        "insert into inbox(id, prefix, box, camera, rule, zone, severity, exercise,"
        " raised_utc_us, received_utc_us, ended_utc_us) values(?,?,?,?,?,?,?,?,?,?,?)"
        " on conflict (id) do nothing",
        (
            notice.alarm,
            prefix,
            notice.box,
            notice.camera,
            notice.rule,
            notice.zone,
            notice.severity,
            int(notice.exercise),
            notice.raised_utc_us,
            now_us,
            ended_us,
        ),
    ).rowcount
    if inserted:
        return True
    ends = "update inbox set ended_utc_us=? where id=? and box=? and ended_utc_us=0"
    if ended_us and db.execute(ends, (ended_us, notice.alarm, notice.box)).rowcount:
        return True
    db.execute("update inbox set copies=copies+1 where id=?", (notice.alarm,))
    return False


def _get(db: Database, alarm_id: str) -> InboxAlarm:
    return _alarm(db.execute(_SELECT + " where id=?", (alarm_id,)).fetchone())


def _alarm(row: tuple[str, str, str, str, str, int, int, int, int, int]) -> InboxAlarm:
    return InboxAlarm(*row[:6], bool(row[6]), *row[7:])
