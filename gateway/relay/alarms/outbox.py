# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Alarms on disk, and whom they must still reach. An alarm exists once `raise_alarm` returned.

Life of an alarm, kept in `alarms.db`:

    OPEN --end--> ENDED --close--> CLOSED      a cause that ends, then an operator's verdict
    OPEN --close--> CLOSED                     a verdict while it lasts; its end is told later
    expire(now) ends what nobody ended and closes what nobody closed

    take: the first person who answers; a verdict is an answer as well. Until then, an alarm with
    a plan goes on to its next recipients (`escalate`), whether its cause lasts or not.

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
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
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
    Delivery,
)
from gateway.model.alarm import DeliveryState as State
from gateway.model.alarm_times import AlarmTimes, TimesQuery
from gateway.model.errors import DiskFullError, PeerError, StoreError
from gateway.model.feedback import Feedback, FeedbackQuery
from gateway.model.holdup import is_hidden
from gateway.model.registry import Recipient
from gateway.model.room import SEPARATOR
from gateway.model.time import Moment
from gateway.relay.alarms import book_rows, feedback, times
from gateway.relay.alarms.ballast import Ballast
from gateway.relay.alarms.book_rows import (
    Answer,
    BookFullError,
    Fresh,
    Outgoing,
    Person,
    Quota,
    Stage,
    Step,
)
from gateway.relay.alarms.escalation import Deadlines, goes_on, is_unanswered
from gateway.runtime.clock import Clock
from gateway.runtime.store import Store, open_store
from gateway.wire.onvif_mqtt import Phase

log = logging.getLogger(__name__)

__all__ = ["Bounds", "FellBehindError", "Outbox", "Outgoing", "Subscription", "open_outbox"]

T = TypeVar("T")
_Found = TypeVar("_Found", AlarmRecord, AlarmRecord | None)

MOST_LIVING = 10_000
"""Alarms that are returned at once."""
MOST_SHOWN = 2_000
"""Alarms that are not closed, of one reader's; a person works through some dozen."""
RECENT = 200
"""Closed alarms that are in memory after a start, so that a refusal can say *closed*."""
NEVER = 3
"""Rank of an alarm that does not leave memory."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """When an alarm ends or closes by itself, and how much is kept in memory."""

    close_ended_s: float = 600.0
    """An ended alarm nobody judged is closed, and with it what it disclosed."""
    end_open_s: float = 1800.0
    """An open alarm without activity for this long is ended and closed: its rule died."""
    kept: int = 2000
    """Alarms in memory; closed ones go first, then the oldest of the least severe ended, then
    those of the open. What nothing on site may show does not go while that is so."""
    changes: int = 256
    """Changes that may wait for one subscriber."""
    close_unanswered_s: float = 8 * 3600.0
    """An ended alarm that went to everybody and that nobody answered stays open for a shift."""
    keep_s: float = 180 * 86_400.0
    """What is over, and everybody has, leaves the disk after this."""
    most: int = 200_000
    """Alarms on disk, about 1 KiB each."""
    ballast_bytes: int = 0
    """Kept back for acknowledgements on a full disk; 0: nothing."""


@dataclass(frozen=True, slots=True)
class BookStatus:
    """What an operator is told of the book."""

    problem: str
    """Why new alarms are refused; empty while they are taken."""
    refused: int
    """Alarms for which there was no room; they are tried again."""
    dropped: int
    """Undelivered alarms of low severity that more urgent ones pushed out."""


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

    def rank(self) -> tuple[int, int]:
        """Lower goes first when memory is short, NEVER does not."""
        severity = self.record.alarm.severity
        if _settled(self.record):
            return 0, 0
        if _is_kept_from_site(self.record):
            return NEVER, severity
        return (2 if self.record.state is AlarmState.OPEN else 1), severity


@dataclass(slots=True)
class _Memory:
    """What `get` answers from."""

    kept: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)
    incomplete: bool = False
    """A living alarm had to leave, or a caller was cancelled: `expire` looks at the disk."""

    def trim(self, most: int) -> None:
        """Forget down to `most` alarms, but none of which the site must not hear."""
        while len(self.kept) > most:
            alarm_id, gone = min(self.kept.items(), key=lambda item: item[1].rank())
            if gone.rank()[0] == NEVER:
                return
            self.incomplete |= not _settled(gone.record)
            del self.kept[alarm_id]


class Outbox:
    """All alarms of this box; made by `open_outbox`, used on one loop."""

    def __init__(self, store: Store, clock: Clock, bounds: Bounds) -> None:
        self._store = store
        self._clock = clock
        self._bounds = bounds
        self._quota = Quota(bounds.most)
        self._ballast = Ballast(store.path.with_suffix(".ballast"), bounds.ballast_bytes)
        self._deadlines = Deadlines()
        self._refused = 0
        self._problem = ""
        self._memory = _Memory()
        self._subscriptions: set[Subscription] = set()
        self._waiting = 0
        self._pending: set[str] = set()
        """Alarms that a recipient has not got, when it was last looked."""

    async def raise_alarm(
        self,
        alarm: Alarm,
        *,
        recipients: Sequence[Recipient],
        act: str,
        key: str = "",
        near: Collection[str] = (),
        plan: Sequence[Stage] = (),
    ) -> AlarmRecord:
        """Store an alarm with one delivery per recipient, durably; StoreError if the disk refuses.

        A recipient without a broker reads this box's own console: its delivery is done at once.
        An id that is already stored changes nothing and returns what is stored. With a `key`, a
        living alarm of the same key is repeated instead: that one is returned, by its own id.
        `near`: cameras whose alarms may be of the same incident. `plan`: who hears later unless
        somebody answers (`escalation.stages`). Cancelling does not take the alarm back.
        """
        now = self._clock.now()
        record = AlarmRecord(
            alarm,
            AlarmState.OPEN,
            stored_utc_us=now.utc_us,
            act=act,
            recipients=tuple(recipient.id for recipient in recipients),
        )
        rows = tuple((one.id, not one.broker) for one in recipients)
        fresh = Fresh(record, rows, key, frozenset((alarm.camera, *near)), tuple(plan))
        stored = await self._change(
            lambda db: book_rows.insert(db, fresh, self._quota, now), fresh=True
        )
        if stored.alarm.id != alarm.id:
            self.touch(stored.alarm.id)
        elif not all(at_home for _, at_home in rows):
            self._pending.add(alarm.id)
        return stored

    async def adopt(
        self,
        alarm: Alarm,
        *,
        recipients: Sequence[str],
        act: str,
        ended_utc_us: int = 0,
        near: Collection[str] = (),
    ) -> Adopted | None:
        """Take over an alarm that another box raised, or its end; durable when it returns.

        Whoever hears of it reads it here: it is on its way to nobody. The same again changes
        nothing and is told to nobody; an end takes over the raising that it overtook. None if the
        id is that of an alarm of another camera. StoreError if the disk refuses.
        """
        now = self._clock.now()
        record = AlarmRecord(
            alarm, AlarmState.OPEN, now.utc_us, act=act, recipients=tuple(recipients)
        )
        rows = tuple((one, True) for one in recipients)
        fresh = Fresh(record, rows, near=frozenset((alarm.camera, *near)))
        try:
            adopted = await self._write(
                lambda db: book_rows.adopt(db, fresh, ended_utc_us, self._quota, now), fresh=True
            )
        except (BookFullError, DiskFullError) as error:
            self._note_refused(error)
            raise
        except asyncio.CancelledError:
            self._memory.incomplete = True  # it is committed all the same
            raise
        self._problem = ""
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
        return await self._change(lambda db: book_rows.end(db, alarm_id, at.utc_us, now))

    async def take(
        self, alarm_id: str, by: str, *, organisation: str = "", at_utc_us: int = 0
    ) -> AlarmRecord | None:
        """Note who answers an alarm; None if the id is unknown. The first counts: look who it is.

        From then on it goes on to nobody else. One that is closed is taken no more. `at_utc_us`:
        when, if not now. `organisation`: whose answer it is, for `times`.
        """
        now, person = self._clock.now(), Person(by, organisation, at_utc_us)
        return await self._change(lambda db: book_rows.take(db, alarm_id, person, now))

    async def close(
        self,
        alarm_id: str,
        by: str,
        verdict: AlarmVerdict,
        *,
        organisation: str = "",
        at_utc_us: int = 0,
    ) -> AlarmRecord | None:
        """Note an operator's verdict; None if the id is unknown.

        The first verdict stays. One that comes after the alarm closed by itself is still noted.
        It is an answer, if there was none.
        """
        now, person = self._clock.now(), Person(by, organisation, at_utc_us)
        return await self._change(lambda db: book_rows.close(db, alarm_id, person, verdict, now))

    async def follow(self, alarm_id: str, told: Answer) -> AlarmRecord | None:
        """Let an adopted alarm show what the box that raised it says of its answer."""
        now = self._clock.now()
        return await self._change(lambda db: book_rows.follow(db, alarm_id, told, now))

    async def tell(self, alarm_id: str, recipients: Sequence[Recipient]) -> AlarmRecord | None:
        """Tell further recipients, durably, answered or not; None if the id is unknown.

        What they have changes nothing. Recipients that come after the end get that as well.
        """
        now = self._clock.now()
        rows = [(one.id, not one.broker) for one in recipients]
        record = await self._change(lambda db: book_rows.tell(db, alarm_id, rows, now))
        if record is not None and not all(at_home for _, at_home in rows):
            self._pending.add(alarm_id)
        return record

    # ---- escalation

    def overdue(self) -> list[tuple[str, int]]:
        """Return the alarms that go on now, and the stage of each that is due; oldest first."""
        return self._deadlines.due(self._clock.now())

    async def escalate(
        self, alarm_id: str, step: int, recipients: Sequence[Recipient]
    ) -> tuple[AlarmRecord, tuple[str, ...]] | None:
        """Tell further recipients, durably with the next deadline; return the record and who.

        None if somebody answered meanwhile, or if the stage was taken before: again changes
        nothing. Recipients that come after the end get that as well.
        """
        now = self._clock.now()
        rows = [(one.id, not one.broker) for one in recipients]
        try:
            done = await self._write(lambda db: book_rows.escalate(db, alarm_id, step, rows, now))
        except asyncio.CancelledError:
            self._memory.incomplete = True  # it is committed all the same
            raise
        if done is None:
            self._deadlines.drop(alarm_id)  # or it goes on at another time, as the disk says
            for record in await self._records(" where a.id=?", (alarm_id,)):
                self._remember(record)
            return None
        if not all(at_home for _, at_home in rows):
            self._pending.add(alarm_id)
        self._remember(done[0])
        return done

    async def accounted(self, alarm_id: str, step: int) -> None:
        """Note that the ledger has the steps of an alarm up to this one."""
        await self._write(lambda db: book_rows.accounted(db, alarm_id, step))

    async def unaccounted(self) -> list[Step]:
        """Return the steps after which the process died before the ledger had them."""
        now = self._clock.now()
        return await self._store.read(lambda db: book_rows.unaccounted(db, now))

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
            await self._change(
                partial(book_rows.expire, alarm_id=record.alarm.id, now=now, holds=_holds(record))
            )
            for record in due
        ]

    def _bound_s(self, record: AlarmRecord) -> float:
        """Return after how long without activity something happens to it by itself."""
        if _settled(record):
            return math.inf
        if record.state is not AlarmState.ENDED:
            return self._bounds.end_open_s
        if goes_on(record):
            return math.inf
        return self._bounds.close_unanswered_s if _waits(record) else self._bounds.close_ended_s

    async def _recall(self, now: Moment) -> list[AlarmRecord]:
        """Bring what lives on disk back to memory; return what is due and finds no room there."""
        due: list[AlarmRecord] = []
        await self._load_deadlines()
        await self._load_hidden(now)
        for record in await self._records(book_rows.LIVING, (self._bounds.kept,)):
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
        bounds = self._bounds
        most_s = max(bounds.close_ended_s, bounds.end_open_s, bounds.close_unanswered_s)
        return min(max((now.utc_us - since_us) / 1e6, 0.0), most_s)

    def get(self, alarm_id: str) -> AlarmRecord | None:
        """Return a living or recent alarm from memory; None if it is unknown or long closed."""
        kept = self._memory.kept.get(alarm_id)
        return kept.record if kept else None

    def living(self) -> int:
        """Return how many alarms are not closed."""
        return sum(not _settled(kept.record) for kept in self._memory.kept.values())

    def hidden(self) -> list[AlarmRecord]:
        """Return the alarms of this box that nothing on site may show now, whatever raised them."""
        return [
            kept.record for kept in self._memory.kept.values() if _is_kept_from_site(kept.record)
        ]

    async def recent(self, limit: int) -> list[AlarmRecord]:
        """Return the newest alarms, newest first."""
        return await self._records(" order by n desc limit ?", (limit,))

    async def shown(
        self, organisation: str, cameras: Collection[str], closed: int
    ) -> list[AlarmRecord]:
        """Return the alarms of a recipient or of some cameras, newest first, however old.

        All that are not closed (of more than MOST_SHOWN the most severe) and the newest `closed`
        ones: what others have pushes none out. Whether somebody may see each is not asked here.
        """
        values = {
            "who": organisation,
            "quoted": json.dumps(organisation),
            "cameras": json.dumps(sorted(cameras)),
            "living": MOST_SHOWN,
            "closed": closed,
        }
        found = await self._records(book_rows.SHOWN, values)
        over = [one.alarm.id for one in found if one.state is AlarmState.CLOSED][closed:]
        return [one for one in found if one.alarm.id not in set(over)]

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
        self,
        recipient: str,
        states: Sequence[State],
        *,
        after: int = -1,
        limit: int,
        without: Collection[int] = (),
    ) -> list[Outgoing]:
        """Return undelivered messages of a recipient, the most severe first, then the newest.

        The messages of one alarm stay in their order: its end waits while its raising is refused.
        `without`: those that are on their way.
        Those with `seq <= after` are left out.
        """
        picked = ",".join(f"'{one.value}'" for one in State if one in states)
        where = (
            f"d.recipient=? and d.seq>? and d.state in ({picked})"  # noqa: S608 - our own words
            f" and d.seq not in (select value from json_each(?)){book_rows.IN_ORDER}"
            " order by d.severity desc, d.n desc, d.seq limit ?"
        )
        values = (recipient, after, json.dumps(list(without)), limit)
        return await self._outgoing(where, values)

    async def refused(self, recipient: str, *, after: int = -1, limit: int) -> list[Outgoing]:
        """Return what a recipient refused, with `seq > after`, in the order of creation."""
        where = (
            f"d.recipient=? and d.seq>? and d.state=?{book_rows.IN_ORDER} order by d.seq limit ?"
        )
        return await self._outgoing(where, (recipient, after, State.REFUSED.value, limit))

    async def lasting(self, recipient: str, limit: int) -> list[Outgoing]:
        """Return the raisings that a recipient has and whose cause goes on, the gravest first."""
        now = self._clock.now()
        return await self._store.read(lambda db: book_rows.lasting(db, recipient, limit, now))

    def know(self, recipients: Collection[str]) -> None:
        """Take the recipients of the registry: what waits for others keeps no alarm on disk.

        It waits on: who is entered again gets what is still here.
        """
        self._quota.known = json.dumps(sorted(recipients))

    async def again(self, seqs: Sequence[int]) -> list[Outgoing]:
        """Return those of the given messages that are still undelivered, as they stand now."""
        where = "d.seq in (select value from json_each(?)) and d.state<>? order by d.seq"
        return await self._outgoing(where, (json.dumps(list(seqs)), State.DELIVERED.value))

    async def _outgoing(self, where: str, values: tuple[object, ...]) -> list[Outgoing]:
        now = self._clock.now()
        return await self._store.read(lambda db: book_rows.outgoing(db, where, values, now))

    async def mark(self, seq: int, state: State, *, problem: str = "") -> None:
        """Note one attempt and what came of it; never undoes a delivery."""
        now_us = self._clock.now().utc_us
        await self._write(lambda db: book_rows.mark(db, seq, state, problem, now_us))

    async def acknowledge(
        self, recipient: str, phase: Phase, alarm_ids: Sequence[str]
    ) -> list[int]:
        """Mark as delivered what a recipient's inbox has on disk; return the messages' seqs.

        Ids that were never sent to this recipient are ignored.
        """
        now_us = self._clock.now().utc_us
        return await self._write(
            lambda db: book_rows.acknowledge(db, recipient, phase, alarm_ids, now_us)
        )

    async def requeue(self, recipient: str) -> int:
        """Make what was refused wait again, since the recipient takes messages now."""
        sql = "update delivery set state=? where recipient=? and state=?"
        values = (State.WAITING.value, recipient, State.REFUSED.value)
        return await self._write(lambda db: db.execute(sql, values).rowcount)

    async def prove(self) -> None:
        """Run a write and count what waits: returns while the disk thread makes progress."""
        known = self._quota.known
        self._waiting = await self._store.write(lambda db: book_rows.count_waiting(db, known))
        pending = await self._store.read(lambda db: book_rows.pending(db, known))
        for alarm_id in self._pending - pending:
            if (kept := self._memory.kept.get(alarm_id)) is not None:
                self._announce(kept.record)
        self._pending = set(pending)

    def waiting(self) -> int:
        """Return how many deliveries were not confirmed when `prove` last ran.

        Without those that nothing on site may show, and those to whom the registry forgot.
        """
        return self._waiting

    def is_delivered(self, alarm_id: str) -> bool:
        """Return whether every recipient has an alarm; seconds late, and told as a change."""
        return alarm_id not in self._pending

    # ---- figures and room

    async def times(self, query: TimesQuery) -> AlarmTimes:
        """Return how long alarms of a period took at each stage; no person is named (B-45)."""
        return await self._store.read(lambda db: times.measure(db, query))

    async def verdicts(self, query: FeedbackQuery) -> Feedback:
        """Return what was said of each rule's alarms of a period; no person is named."""
        return await self._store.read(lambda db: feedback.measure(db, query))

    def status(self) -> BookStatus:
        """Return a snapshot."""
        return BookStatus(self._problem, self._refused, self._quota.dropped)

    async def pushed_out(self) -> list[AlarmRecord]:
        """Return, once, the undelivered alarms that gave way to others; none that is still here."""
        gone = [self._quota.gone.popleft() for _ in range(len(self._quota.gone))]
        found = [await self._records(" where a.id=?", (one.alarm.id,)) for one in gone]
        return [one for one, here in zip(gone, found, strict=True) if not here]

    async def tidy(self) -> int:
        """Delete what is over for longer than it is kept; return how many alarms, a few at once.

        Space kept back for a full disk is made anew. Call it now and then, again while it returns
        something; StoreError if the disk refuses.
        """
        if not await asyncio.to_thread(self._ballast.restore) and self._bounds.ballast_bytes:
            log.warning("ballast-out", extra={"store": str(self._store.path)})
        before_us = self._clock.now().utc_us - int(self._bounds.keep_s * 1e6)
        return await self._write(lambda db: book_rows.prune(db, before_us, self._quota))

    async def _write(self, job: Callable[[sqlite3.Connection], T], *, fresh: bool = False) -> T:
        """Commit; on a full disk once more, with the space that was kept back for it.

        What is `fresh` (a new alarm) leaves the rest of that space to acknowledgements.
        """
        try:
            return await self._store.write(self._sparing(job) if fresh else job)
        except DiskFullError:
            self._quota.rows = self._quota.most  # what was deleted may be here again: count
            if not await asyncio.to_thread(self._ballast.release):
                raise
            await self._store.write(lambda db: book_rows.relieve(db, self._quota))
            return await self._store.write(job)

    def _sparing(self, job: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
        def spared(db: sqlite3.Connection) -> T:
            if self._ballast.is_scarce():
                raise DiskFullError(
                    f"{self._store.path}: the disk is full, what is left is for acknowledgements"
                )
            return job(db)

        return spared

    # ---- memory

    async def _change(
        self, job: Callable[[sqlite3.Connection], _Found], *, fresh: bool = False
    ) -> _Found:
        """Commit, then remember and announce."""
        try:
            record = await self._write(job, fresh=fresh)
        except (BookFullError, DiskFullError) as error:
            if fresh:
                self._note_refused(error)
            raise
        except asyncio.CancelledError:
            self._memory.incomplete = True  # it is committed all the same
            raise
        if fresh:
            self._problem = ""
        if record is not None:
            self._remember(record)
        return record

    def _note_refused(self, error: StoreError) -> None:
        self._refused += 1
        self._problem = str(error)

    def _remember(self, record: AlarmRecord) -> None:
        self._deadlines.note(record, self._clock.now())
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
        self._announce(record)
        log.info(
            "alarm",
            extra={
                "alarm": record.alarm.id,
                "camera": record.alarm.camera,
                "state": record.state.value,
            },
        )

    def _announce(self, record: AlarmRecord) -> None:
        for subscription in self._subscriptions:
            subscription.offer(record)

    async def _load(self) -> None:
        """Fetch what lives and what is recent."""
        now = self._clock.now()
        await self._load_deadlines()
        self._quota.rows = await self._store.read(book_rows.count)
        self._pending = set(await self._store.read(book_rows.pending))
        found = await self._records(book_rows.LIVING_OR_RECENT, (RECENT, self._bounds.kept))
        self._memory.incomplete = len(found) >= self._bounds.kept
        for record in sorted(found, key=lambda one: one.stored_utc_us):
            active_s = now.monotonic_s - self._age_s(record, now)
            self._memory.kept[record.alarm.id] = _Kept(record, active_s)
        await self._load_hidden(now)

    async def _load_hidden(self, now: Moment) -> None:
        """Fetch what nothing on site may show, however much else lives."""
        for record in await self._records(book_rows.HIDDEN, (MOST_LIVING,)):
            if _is_kept_from_site(record) and record.alarm.id not in self._memory.kept:
                active_s = now.monotonic_s - self._age_s(record, now)
                self._memory.kept[record.alarm.id] = _Kept(record, active_s)

    async def _load_deadlines(self) -> None:
        """Read from disk who goes on when: what memory let go of goes on as well."""
        now = self._clock.now()
        clause = " where a.escalates_utc_us<>0 order by a.escalates_utc_us limit ?"
        for record in await self._records(clause, (MOST_LIVING,)):
            self._deadlines.note(record, now)

    async def _records(
        self, where: str, values: tuple[object, ...] | Mapping[str, object]
    ) -> list[AlarmRecord]:
        now = self._clock.now()
        return await self._store.read(
            lambda db: [
                book_rows.to_record(row, now)
                for row in db.execute(book_rows.SELECT + where, values)
            ]
        )


@asynccontextmanager
async def open_outbox(
    path: Path, *, clock: Clock, bounds: Bounds | None = None
) -> AsyncIterator[Outbox]:
    """Open `alarms.db`; what was on its way when the last process died waits again."""
    async with open_store(path, book_rows.SCHEMA) as store:
        outbox = Outbox(store, clock, bounds or Bounds())
        await store.write(book_rows.migrate)
        await store.write(book_rows.reset)
        await outbox._load()  # noqa: SLF001 - same module
        yield outbox


def _settled(record: AlarmRecord) -> bool:
    """Return whether nothing can happen to it by itself any more."""
    return record.state is AlarmState.CLOSED and record.ended_utc_us != 0


def _holds(record: AlarmRecord) -> bool:
    """Return whether it must not close by itself yet: others are told, or were, and none answered.

    One whose end was told before closes now; its bound has passed.
    """
    if goes_on(record):
        return True
    return _waits(record) and record.state is AlarmState.OPEN


def _waits(record: AlarmRecord) -> bool:
    """Return whether somebody is still to answer: its ladder runs, here or at its edge, or did."""
    return bool(record.escalates_utc_us) or is_unanswered(record)


def _is_kept_from_site(record: AlarmRecord) -> bool:
    """Return whether nothing on site may show it: one of this box that is silent and not closed."""
    return is_hidden(record) and SEPARATOR not in record.alarm.camera
