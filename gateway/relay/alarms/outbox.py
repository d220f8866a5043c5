# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Alarms on disk, and whom they must still reach. An alarm exists once `raise_alarm` returned.

Life of an alarm, kept in `alarms.db`:

    OPEN --end--> ENDED --close--> CLOSED      a cause that ends, then an operator's verdict
    OPEN --close--> CLOSED                     a verdict while it lasts; its end is told later
    expire(now) ends what nobody ended and closes what nobody closed

Beside the alarm lies one delivery per recipient and phase (raised, ended), written in the same
transaction. A delivery leaves the queue only as DELIVERED; what that means is the courier's
business (`gateway.relay.alarms.delivery`).
"""

import asyncio
import json
import logging
import math
import sqlite3
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from gateway.model.alarm import (
    Adopted,
    Alarm,
    AlarmRecord,
    AlarmState,
    AlarmVerdict,
    Box,
    Delivery,
)
from gateway.model.alarm import DeliveryState as State
from gateway.model.errors import InvariantError, PeerError
from gateway.model.registry import Recipient
from gateway.model.time import ClockQuality, Moment
from gateway.runtime.clock import Clock
from gateway.runtime.store import Store, open_store
from gateway.wire.onvif_mqtt import Phase

log = logging.getLogger(__name__)

_Found = TypeVar("_Found", AlarmRecord, AlarmRecord | None)

SCHEMA = """
create table if not exists alarm(
  n integer primary key autoincrement,
  id text not null unique,
  camera text not null, zone text not null, rule text not null,
  severity integer not null, exercise integer not null, boxes text not null,
  raised_utc_us integer not null, clock text not null,
  act text not null, recipients text not null,
  state text not null, stored_utc_us integer not null,
  ended_utc_us integer not null default 0, closed_utc_us integer not null default 0,
  closed_by text not null default '', verdict text not null
) strict;
create index if not exists alarm_alive on alarm(n) where state <> 'chiuso' or ended_utc_us = 0;
create table if not exists delivery(
  seq integer primary key autoincrement,
  alarm text not null references alarm(id), recipient text not null, phase text not null,
  subject text not null,
  state text not null, attempts integer not null default 0,
  sent_utc_us integer not null default 0, delivered_utc_us integer not null default 0,
  problem text not null default '',
  unique(alarm, recipient, phase)
) strict;
create index if not exists delivery_due on delivery(recipient, seq) where state <> 'consegnato';
create index if not exists delivery_subject on delivery(recipient, subject, seq);
"""


MOST_LIVING = 10_000
"""Alarms that are returned at once."""
RECENT = 200
"""Closed alarms that are in memory after a start, so that a refusal can say *closed*."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """When an alarm ends or closes by itself, and how much is kept in memory."""

    close_ended_s: float = 600.0
    """An ended alarm nobody judged is closed, and with it what it disclosed."""
    end_open_s: float = 1800.0
    """An open alarm without activity for this long is ended and closed: its rule died."""
    kept: int = 2000
    """Alarms in memory; closed ones go first, then the oldest ended, then the oldest open."""
    changes: int = 256
    """Changes that may wait for one subscriber."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message that a recipient has not got yet."""

    seq: int
    """Order of creation; over all recipients."""
    phase: Phase
    record: AlarmRecord
    state: State
    newest: bool
    """No later message to this recipient speaks of the same camera and zone."""


class FellBehindError(PeerError):
    """A subscriber was too slow and missed changes: reload with `Outbox.recent`."""


class Subscription:
    """Changed alarms in order; bounded, see `offer`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: OrderedDict[str, AlarmRecord] = OrderedDict()
        self._overflowed = False
        self._ready = asyncio.Event()

    def offer(self, record: AlarmRecord) -> None:
        """Take a change; never waits.

        Two changes of one alarm become the later one. When `most` alarms wait, all are dropped
        and the subscriber's next `receive` raises FellBehindError.
        """
        self._waiting.pop(record.alarm.id, None)
        if len(self._waiting) >= self._most:
            self._waiting.clear()
            self._overflowed = True
        else:
            self._waiting[record.alarm.id] = record
        self._ready.set()

    async def receive(self) -> AlarmRecord:
        """Wait for the next change; cancelling loses nothing. One task at a time.

        FellBehindError once after an overflow; the subscription then goes on with later changes.
        """
        await self._ready.wait()
        if self._overflowed:
            self._overflowed = False
            self._rest()
            raise FellBehindError(f"more than {self._most} alarm changes waited: reload")
        _, record = self._waiting.popitem(last=False)
        self._rest()
        return record

    def _rest(self) -> None:
        if not self._waiting:
            self._ready.clear()


@dataclass(slots=True)
class _Kept:
    """An alarm in memory."""

    record: AlarmRecord
    active_s: float
    """Monotonic time of its last activity or, once ended, of its end."""

    def rank(self) -> int:
        """Lower goes first when memory is short."""
        if _settled(self.record):
            return 0
        return 2 if self.record.state is AlarmState.OPEN else 1


@dataclass(slots=True)
class _Memory:
    """What `get` answers from."""

    kept: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)
    incomplete: bool = False
    """A living alarm had to leave, or a caller was cancelled: `expire` looks at the disk."""

    def trim(self, most: int) -> None:
        """Forget down to `most` alarms."""
        while len(self.kept) > most:
            alarm_id, gone = min(self.kept.items(), key=lambda item: item[1].rank())
            self.incomplete |= not _settled(gone.record)
            del self.kept[alarm_id]


class Outbox:
    """All alarms of this box; made by `open_outbox`, used on one loop."""

    def __init__(self, store: Store, clock: Clock, bounds: Bounds) -> None:
        self._store = store
        self._clock = clock
        self._bounds = bounds
        self._memory = _Memory()
        self._subscriptions: set[Subscription] = set()
        self._waiting = 0

    async def raise_alarm(
        self, alarm: Alarm, *, recipients: Sequence[Recipient], act: str
    ) -> AlarmRecord:
        """Store an alarm with one delivery per recipient, durably; StoreError if the disk refuses.

        A recipient without a broker reads this box's own console: its delivery is done at once.
        An id that is already stored changes nothing and returns what is stored. Cancelling does
        not take the alarm back.
        """
        now = self._clock.now()
        record = AlarmRecord(
            alarm,
            AlarmState.OPEN,
            stored_utc_us=now.utc_us,
            act=act,
            recipients=tuple(recipient.id for recipient in recipients),
        )
        rows = [(one.id, not one.broker) for one in recipients]
        return await self._change(lambda db: _insert(db, record, rows, now))

    async def adopt(
        self, alarm: Alarm, *, recipients: Sequence[str], act: str, ended_utc_us: int = 0
    ) -> Adopted | None:
        """Take over an alarm that another box raised, or its end; durable when it returns.

        Whoever hears of it reads it here: it is on its way to nobody. The same again changes
        nothing and is told to nobody; an end takes over the raising that it overtook. None if the
        id is that of an alarm of another camera. StoreError if the disk refuses.
        """
        now = self._clock.now()
        fresh = AlarmRecord(
            alarm, AlarmState.OPEN, now.utc_us, act=act, recipients=tuple(recipients)
        )
        try:
            adopted = await self._store.write(lambda db: _adopt(db, fresh, ended_utc_us, now))
        except asyncio.CancelledError:
            self._memory.incomplete = True  # it is committed all the same
            raise
        if adopted is not None and adopted.changed:
            self._remember(adopted.record)
        return adopted

    async def living_of(self, cameras: str) -> list[AlarmRecord]:
        """Return what is not settled of cameras whose ids fit a GLOB pattern, oldest first."""
        clause = (
            " where (a.state <> 'chiuso' or a.ended_utc_us = 0) and a.camera glob ?"
            " order by n limit ?"
        )
        return await self._records(clause, (cameras, MOST_LIVING))

    async def find(self, alarm_id: str) -> AlarmRecord | None:
        """Return an alarm however old it is; None if there never was one of that id."""
        if (kept := self._memory.kept.get(alarm_id)) is not None:
            return kept.record
        return next(iter(await self._records(" where a.id=?", (alarm_id,))), None)

    async def end(self, alarm_id: str, at: Moment) -> AlarmRecord | None:
        """Note that the cause is over and tell every recipient; None if the id is unknown.

        The first end counts. An alarm that was closed before stays closed.
        """
        now = self._clock.now()
        return await self._change(lambda db: _end(db, alarm_id, at.utc_us, now))

    async def close(self, alarm_id: str, by: str, verdict: AlarmVerdict) -> AlarmRecord | None:
        """Note an operator's verdict; None if the id is unknown.

        The first verdict stays. One that comes after the alarm closed by itself is still noted.
        """
        now = self._clock.now()
        return await self._change(lambda db: _close(db, alarm_id, by, verdict, now))

    def touch(self, alarm_id: str) -> None:
        """Note that an alarm's cause is still there, which `expire` respects; never waits."""
        kept = self._memory.kept.get(alarm_id)
        if kept is not None and kept.record.ended_utc_us == 0:
            kept.active_s = self._clock.monotonic_s()

    async def expire(self, now: Moment) -> list[AlarmRecord]:
        """End and close what outlived its bound; return what changed. Call it each few seconds."""
        due = [
            kept.record
            for kept in self._memory.kept.values()
            if now.monotonic_s - kept.active_s >= self._bound_s(kept.record)
        ]
        if self._memory.incomplete:
            self._memory.incomplete = False
            due += await self._recall(now)
        return [
            await self._change(partial(_expire, alarm_id=record.alarm.id, now=now))
            for record in due
        ]

    def _bound_s(self, record: AlarmRecord) -> float:
        """Return after how long without activity something happens to it by itself."""
        if _settled(record):
            return math.inf
        ended = record.state is AlarmState.ENDED
        return self._bounds.close_ended_s if ended else self._bounds.end_open_s

    async def _recall(self, now: Moment) -> list[AlarmRecord]:
        """Bring what lives on disk back to memory; return what is due and finds no room there."""
        due: list[AlarmRecord] = []
        for record in await self._records(_LIVING, (self._bounds.kept,)):
            age_s = self._age_s(record, now)
            if record.alarm.id in self._memory.kept:
                self._remember(record)
            elif len(self._memory.kept) < self._bounds.kept:
                self._memory.kept[record.alarm.id] = _Kept(record, now.monotonic_s - age_s)
            else:
                self._memory.incomplete = True
                due += [record] * (age_s >= self._bound_s(record))
        return due

    def _age_s(self, record: AlarmRecord, now: Moment) -> float:
        """Tell its age from UTC, but never outside 0..the bound, whatever the clock did."""
        since_us = record.ended_utc_us or record.stored_utc_us
        most_s = max(self._bounds.close_ended_s, self._bounds.end_open_s)
        return min(max((now.utc_us - since_us) / 1e6, 0.0), most_s)

    def get(self, alarm_id: str) -> AlarmRecord | None:
        """Return a living or recent alarm from memory; None if it is unknown or long closed."""
        kept = self._memory.kept.get(alarm_id)
        return kept.record if kept else None

    def living(self) -> int:
        """Return how many alarms are not closed."""
        return sum(not _settled(kept.record) for kept in self._memory.kept.values())

    async def recent(self, limit: int) -> list[AlarmRecord]:
        """Return the newest alarms, newest first."""
        return await self._records(" order by n desc limit ?", (limit,))

    async def deliveries(self, alarm_id: str, phase: Phase = Phase.RAISED) -> list[Delivery]:
        """Return what became of an alarm, or of the message of its end, at each recipient."""
        sql = (
            "select alarm, recipient, state, attempts, sent_utc_us, delivered_utc_us, problem"
            " from delivery where alarm=? and phase=? order by seq"
        )
        rows = await self._store.read(
            lambda db: db.execute(sql, (alarm_id, phase.value)).fetchall()
        )
        return [Delivery(row[0], row[1], State(row[2]), *row[3:]) for row in rows]

    @asynccontextmanager
    async def changes(self, most: int | None = None) -> AsyncIterator[Subscription]:
        """Subscribe to every change of an alarm from now on."""
        subscription = Subscription(most or self._bounds.changes)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    # ---- for couriers

    async def due(
        self, recipient: str, states: Sequence[State], *, after: int = -1, limit: int
    ) -> list[Outgoing]:
        """Return undelivered messages of a recipient with `seq > after`, oldest first."""
        where = (
            "d.recipient=? and d.seq>? and d.state in (select value from json_each(?))"
            " order by d.seq limit ?"
        )
        values = (recipient, after, json.dumps([state.value for state in states]), limit)
        return await self._store.read(lambda db: _outgoing(db, where, values, self._clock.now()))

    async def again(self, seqs: Sequence[int]) -> list[Outgoing]:
        """Return those of the given messages that are still undelivered, as they stand now."""
        where = "d.seq in (select value from json_each(?)) and d.state<>? order by d.seq"
        values = (json.dumps(list(seqs)), State.DELIVERED.value)
        return await self._store.read(lambda db: _outgoing(db, where, values, self._clock.now()))

    async def mark(self, seq: int, state: State, *, problem: str = "") -> None:
        """Note one attempt and what came of it; never undoes a delivery."""
        now_us = self._clock.now().utc_us
        await self._store.write(lambda db: _mark(db, seq, state, problem, now_us))

    async def acknowledge(
        self, recipient: str, phase: Phase, alarm_ids: Sequence[str]
    ) -> list[int]:
        """Mark as delivered what a recipient's inbox has on disk; return the messages' seqs.

        Ids that were never sent to this recipient are ignored.
        """
        now_us = self._clock.now().utc_us
        return await self._store.write(
            lambda db: _acknowledge(db, recipient, phase, alarm_ids, now_us)
        )

    async def requeue(self, recipient: str) -> int:
        """Make what was refused wait again, since the recipient takes messages now."""
        sql = "update delivery set state=? where recipient=? and state=?"
        values = (State.WAITING.value, recipient, State.REFUSED.value)
        return await self._store.write(lambda db: db.execute(sql, values).rowcount)

    async def prove(self) -> None:
        """Run a write and count what waits: returns while the disk thread makes progress."""
        sql = "select count(*) from delivery where state<>?"
        done = State.DELIVERED.value
        self._waiting = await self._store.write(lambda db: db.execute(sql, (done,)).fetchone()[0])

    def waiting(self) -> int:
        """Return how many deliveries were not confirmed when `prove` last ran."""
        return self._waiting

    # ---- memory

    async def _change(self, job: Callable[[sqlite3.Connection], _Found]) -> _Found:
        """Commit, then remember and announce."""
        try:
            record = await self._store.write(job)
        except asyncio.CancelledError:
            self._memory.incomplete = True  # it is committed all the same
            raise
        if record is not None:
            self._remember(record)
        return record

    def _remember(self, record: AlarmRecord) -> None:
        known = self._memory.kept.get(record.alarm.id)
        active_s = self._clock.monotonic_s()
        if known is not None:
            record = replace(record, alarm=known.record.alarm)  # with its monotonic time as raised
            if known.record == record:
                return
            if known.record.state is record.state:
                active_s = known.active_s
            del self._memory.kept[record.alarm.id]
        self._memory.kept[record.alarm.id] = _Kept(record, active_s)
        self._memory.trim(self._bounds.kept)
        for subscription in self._subscriptions:
            subscription.offer(record)
        log.info(
            "alarm",
            extra={
                "alarm": record.alarm.id,
                "camera": record.alarm.camera,
                "state": record.state.value,
            },
        )

    async def _load(self) -> None:
        """Fetch what lives and what is recent."""
        now = self._clock.now()
        found = await self._records(_LIVING_OR_RECENT, (RECENT, self._bounds.kept))
        self._memory.incomplete = len(found) >= self._bounds.kept
        for record in reversed(found):
            active_s = now.monotonic_s - self._age_s(record, now)
            self._memory.kept[record.alarm.id] = _Kept(record, active_s)

    async def _records(self, where: str, values: tuple[object, ...]) -> list[AlarmRecord]:
        now = self._clock.now()
        return await self._store.read(
            lambda db: [_record(row, now) for row in db.execute(_SELECT + where, values)]
        )


@asynccontextmanager
async def open_outbox(
    path: Path, *, clock: Clock, bounds: Bounds | None = None
) -> AsyncIterator[Outbox]:
    """Open `alarms.db`; what was on its way when the last process died waits again."""
    async with open_store(path, SCHEMA) as store:
        outbox = Outbox(store, clock, bounds or Bounds())
        await store.write(_reset)
        await outbox._load()  # noqa: SLF001 - same module
        yield outbox


_COLUMNS = (
    "a.id, a.camera, a.zone, a.rule, a.severity, a.exercise, a.boxes, a.raised_utc_us, a.clock,"
    " a.act, a.recipients, a.state, a.stored_utc_us, a.ended_utc_us, a.closed_utc_us,"
    " a.closed_by, a.verdict"
)
_SELECT = f"select {_COLUMNS} from alarm a"  # noqa: S608 - our own words only
_LIVING = " where state <> 'chiuso' or ended_utc_us = 0 order by n limit ?"
_LIVING_OR_RECENT = (
    " where state <> 'chiuso' or ended_utc_us = 0 or n > (select max(n) from alarm) - ?"
    " order by n desc limit ?"
)
_OUTGOING = (
    f"select {_COLUMNS}, d.seq, d.phase, d.state,"  # noqa: S608 - our own words only
    " not exists(select 1 from delivery later where later.recipient=d.recipient"
    " and later.subject=d.subject and later.seq>d.seq)"
    " from delivery d join alarm a on a.id=d.alarm where "
)


def _settled(record: AlarmRecord) -> bool:
    """Return whether nothing can happen to it by itself any more."""
    return record.state is AlarmState.CLOSED and record.ended_utc_us != 0


def _reset(db: sqlite3.Connection) -> None:
    db.execute("update delivery set state=? where state=?", (State.WAITING.value, State.SENT.value))


def _insert(
    db: sqlite3.Connection, record: AlarmRecord, rows: Iterable[tuple[str, bool]], now: Moment
) -> AlarmRecord:
    alarm = record.alarm
    known = _find(db, alarm.id, now)
    if known is not None:
        return known
    boxes = [[box.left, box.top, box.right, box.bottom] for box in alarm.boxes]
    db.execute(
        "insert into alarm(id, camera, zone, rule, severity, exercise, boxes, raised_utc_us, clock,"
        " act, recipients, state, stored_utc_us, verdict) values(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            alarm.id,
            alarm.camera,
            alarm.zone,
            alarm.rule,
            alarm.severity,
            alarm.exercise,
            json.dumps(boxes),
            alarm.raised.utc_us,
            alarm.raised.quality.value,
            record.act,
            json.dumps(record.recipients),
            record.state.value,
            record.stored_utc_us,
            record.verdict.value,
        ),
    )
    for recipient, at_home in rows:
        _queue(db, alarm, recipient, Phase.RAISED, now.utc_us if at_home else 0)
    return record


def _adopt(
    db: sqlite3.Connection, fresh: AlarmRecord, ended_utc_us: int, now: Moment
) -> Adopted | None:
    known = _find(db, fresh.alarm.id, now)
    if known is not None and known.alarm.camera != fresh.alarm.camera:
        return None
    here = ((one, True) for one in fresh.recipients)
    record = known or _insert(db, fresh, here, now)
    if ended_utc_us and not record.ended_utc_us:
        record = _end(db, record.alarm.id, ended_utc_us, now) or record
        return Adopted(record, is_new=known is None, changed=True)
    return Adopted(record, is_new=known is None, changed=known is None)


def _queue(
    db: sqlite3.Connection, alarm: Alarm, recipient: str, phase: Phase, delivered_utc_us: int
) -> None:
    """Add one delivery; done already if `delivered_utc_us` is not 0."""
    state = State.DELIVERED if delivered_utc_us else State.WAITING
    db.execute(
        "insert or ignore into delivery(alarm, recipient, phase, subject, state, sent_utc_us,"
        " delivered_utc_us) values(?,?,?,?,?,?,?)",
        (
            alarm.id,
            recipient,
            phase.value,
            f"{alarm.camera}/{alarm.rule}/{alarm.zone}",
            state.value,
            delivered_utc_us,
            delivered_utc_us,
        ),
    )


def _end(db: sqlite3.Connection, alarm_id: str, at_utc_us: int, now: Moment) -> AlarmRecord | None:
    record = _find(db, alarm_id, now)
    if record is None or record.ended_utc_us:
        return record
    state = AlarmState.CLOSED if record.state is AlarmState.CLOSED else AlarmState.ENDED
    record = replace(record, state=state, ended_utc_us=max(at_utc_us, 1))
    _save(db, record)
    at_home = _at_home(db, alarm_id)
    for recipient in record.recipients:
        done_us = now.utc_us if recipient in at_home else 0
        _queue(db, record.alarm, recipient, Phase.ENDED, done_us)
    return record


def _at_home(db: sqlite3.Connection, alarm_id: str) -> set[str]:
    """Return the recipients whose raising was delivered without ever being tried."""
    rows = db.execute(
        "select recipient from delivery where alarm=? and phase=? and state=? and attempts=0",
        (alarm_id, Phase.RAISED.value, State.DELIVERED.value),
    )
    return {row[0] for row in rows}


def _close(
    db: sqlite3.Connection, alarm_id: str, by: str, verdict: AlarmVerdict, now: Moment
) -> AlarmRecord | None:
    record = _find(db, alarm_id, now)
    if record is None or record.verdict is not AlarmVerdict.NONE:
        return record
    closed_utc_us = record.closed_utc_us or now.utc_us
    record = replace(
        record,
        state=AlarmState.CLOSED,
        closed_utc_us=closed_utc_us,
        closed_by=by,
        verdict=verdict,
    )
    _save(db, record)
    return record


def _expire(db: sqlite3.Connection, alarm_id: str, now: Moment) -> AlarmRecord:
    """End it if nobody did, and close it if nobody did; recipients hear of the end."""
    record = _end(db, alarm_id, now.utc_us, now)
    if record is None:
        raise InvariantError(f"alarm {alarm_id} is in memory but not on disk")
    if record.state is not AlarmState.CLOSED:
        record = replace(record, state=AlarmState.CLOSED, closed_utc_us=now.utc_us)
        _save(db, record)
    return record


def _save(db: sqlite3.Connection, record: AlarmRecord) -> None:
    db.execute(
        "update alarm set state=?, ended_utc_us=?, closed_utc_us=?, closed_by=?, verdict=?"
        " where id=?",
        (
            record.state.value,
            record.ended_utc_us,
            record.closed_utc_us,
            record.closed_by,
            record.verdict.value,
            record.alarm.id,
        ),
    )


def _find(db: sqlite3.Connection, alarm_id: str, now: Moment) -> AlarmRecord | None:
    row = db.execute(_SELECT + " where a.id=?", (alarm_id,)).fetchone()
    return _record(row, now) if row else None


def _record(row: tuple[object, ...], now: Moment) -> AlarmRecord:
    """Return a stored alarm; its raising on this boot's monotonic clock is told from UTC."""
    texts = [str(value) for value in row]
    raised_utc_us = int(texts[7])
    alarm = Alarm(
        id=texts[0],
        camera=texts[1],
        zone=texts[2],
        rule=texts[3],
        severity=int(texts[4]),
        raised=Moment(
            now.monotonic_s - (now.utc_us - raised_utc_us) / 1e6,
            raised_utc_us,
            ClockQuality(texts[8]),
        ),
        boxes=tuple(Box(*corners) for corners in json.loads(texts[6])),
        exercise=texts[5] == "1",
    )
    return AlarmRecord(
        alarm,
        AlarmState(texts[11]),
        stored_utc_us=int(texts[12]),
        ended_utc_us=int(texts[13]),
        closed_utc_us=int(texts[14]),
        closed_by=texts[15],
        verdict=AlarmVerdict(texts[16]),
        act=texts[9],
        recipients=tuple(json.loads(texts[10])),
    )


def _outgoing(
    db: sqlite3.Connection, where: str, values: tuple[object, ...], now: Moment
) -> list[Outgoing]:
    rows = db.execute(_OUTGOING + where, values)
    return [
        Outgoing(row[17], Phase(row[18]), _record(row, now), State(row[19]), bool(row[20]))
        for row in rows
    ]


def _mark(db: sqlite3.Connection, seq: int, state: State, problem: str, now_us: int) -> None:
    db.execute(
        "update delivery set state=?, problem=?, attempts=attempts+1,"
        " sent_utc_us=iif(sent_utc_us=0, ?, sent_utc_us), delivered_utc_us=?"
        " where seq=? and state<>?",
        (
            state.value,
            problem,
            now_us,
            now_us if state is State.DELIVERED else 0,
            seq,
            State.DELIVERED.value,
        ),
    )


def _acknowledge(
    db: sqlite3.Connection, recipient: str, phase: Phase, ids: Sequence[str], now_us: int
) -> list[int]:
    rows = db.execute(
        "update delivery set state=?, delivered_utc_us=?, problem='',"
        " sent_utc_us=iif(sent_utc_us=0, ?, sent_utc_us), attempts=max(attempts, 1)"
        " where recipient=? and phase=? and state<>?"
        " and alarm in (select value from json_each(?)) returning seq",
        (
            State.DELIVERED.value,
            now_us,
            now_us,
            recipient,
            phase.value,
            State.DELIVERED.value,
            json.dumps(list(ids)),
        ),
    ).fetchall()
    return [row[0] for row in rows]
