# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Where a room keeps its incidents: every change is an event on disk before anybody hears of it.

The events are the truth; what stands in memory is their sum. With each event go, in the same
transaction, the copies that other rooms and webhooks are owed, and the key by which a client
repeats its request.
"""

import asyncio
import json
import secrets
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from gateway.model.errors import StateError
from gateway.model.identifiers import uuid7
from gateway.model.incident import (
    Author,
    Body,
    Change,
    Draft,
    Incident,
    IncidentEvent,
    Once,
    fold,
)
from gateway.room.postgres import PostgresOptions
from gateway.room.store import Database, RoomStore, open_room_store
from gateway.runtime.clock import Clock

SCHEMA: Final = """
create table if not exists incident(
  id text not null primary key, home text not null, is_open bigint not null,
  opened_utc_us bigint not null);
create index if not exists incident_opened on incident(opened_utc_us);
create table if not exists incident_event(
  id text not null primary key, incident text not null, number bigint not null,
  clock bigint not null, utc_us bigint not null, kind text not null,
  organisation text not null, role text not null, actor text not null, name text not null,
  room text not null, body text not null, void bigint not null default 0);
create unique index if not exists incident_event_number on incident_event(incident, number);
create table if not exists incident_owed(
  taker text not null, event text not null, place bigint not null, incident text not null,
  payload text not null, attempts bigint not null default 0, due_utc_us bigint not null default 0,
  primary key(taker, event));
create index if not exists incident_owed_place on incident_owed(taker, place);
create table if not exists incident_closed(
  incident text not null primary key, seen_utc_us bigint not null);
create table if not exists incident_once(
  scope text not null, key text not null, sha256 text not null, incident text not null,
  utc_us bigint not null, answer text not null default '', primary key(scope, key));
"""
"""SQL of both stores; on PostgreSQL its owner makes these tables."""

MOST_OPEN: Final = 1_000
"""Incidents that are open at once; a province has some hundred."""
MOST_REMEMBERED: Final = 2_000
"""Incidents in memory: all that are open, then the newest."""
MOST_EVENTS: Final = 2_000
"""Of one incident: a long night of writing; what is past it is refused, but for the closing."""
LAST_EVENTS: Final = 50
"""Of those, kept free for the closing, receipts and taking back."""
MOST_LEAP: Final = 10_000
"""How far ahead of ours another room's count may be; else it could win every difference."""
MOST_FORGOTTEN: Final = 200
"""Incidents that one sweep lets go."""
KEYS_KEPT_US: Final = 48 * 3_600_000_000
"""How long a client may repeat a request by its key."""

_TABLES: Final = (
    ("incident_owed", "incident"),
    ("incident_once", "incident"),
    ("incident_event", "incident"),
    ("incident_closed", "incident"),
    ("incident", "id"),
)
"""Where an incident stands, and the column that names it."""
_LATE: Final = frozenset({Change.CLOSED, Change.RECEIPT, Change.UNSHARED})


@dataclass(frozen=True, slots=True)
class Owed:
    """One event that somebody outside is to have."""

    taker: str
    """`room:ID` or `hook:NAME`."""
    event: str
    place: int
    incident: str
    payload: str
    """What a webhook is told, as it was then; empty for a room."""
    attempts: int
    due_utc_us: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a change did."""

    incident: Incident
    events: tuple[IncidentEvent, ...]
    """Those that are new here; none if everything was known."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What became of a request that comes again."""

    incident: str
    answer: str
    """As it was given; empty if the box went down between the change and the answer."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change as whoever owes copies of it sees it."""

    before: Incident | None
    after: Incident
    new: tuple[IncidentEvent, ...]
    journal: tuple[IncidentEvent, ...]
    """All events, the new ones included, by number."""


WITHDRAWN: Final = ""
"""In place of an event's id: what the taker is still owed of the incident is owed no more. Of one
that was never told of it nothing that follows is owed, either."""
Owing = Callable[[Step], Iterable[tuple[str, str, str]]]
"""Returns taker, event id (or WITHDRAWN) and payload of each copy that is owed, in order."""


def nothing_owed(_: Step) -> Iterable[tuple[str, str, str]]:
    """Owe nobody anything."""
    return ()


class IncidentBook:
    """The incidents; made by `open_incidents`."""

    def __init__(self, store: RoomStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._kept: OrderedDict[str, Incident] = OrderedDict()
        """By id, the newest last."""
        self._running: set[tuple[str, str]] = set()
        self._bell = asyncio.Event()

    async def load(self) -> None:
        """Read what is open, and the newest of the rest."""

        def job(db: Database) -> list[Incident]:
            rows = db.execute(
                "select id, home from incident order by is_open desc, opened_utc_us desc limit ?",
                (MOST_REMEMBERED,),
            ).fetchall()
            found = (_sum(db, incident, home) for incident, home in reversed(rows))
            return [one for one in found if one is not None]

        for one in await self._store.read(job):
            self._kept[one.id] = one

    def get(self, incident: str) -> Incident | None:
        """Return one that is open, or was of late."""
        return self._kept.get(incident)

    async def find(self, incident: str) -> Incident | None:
        """Return one that is kept, also if it is no longer in memory; StoreError: unreadable."""
        found = self._kept.get(incident)
        return found or await self._store.read(lambda db: _read(db, incident))

    def listed(self) -> tuple[Incident, ...]:
        """Return all in memory, the newest first."""
        return tuple(sorted(self._kept.values(), key=lambda one: one.id, reverse=True))

    def kept(self) -> tuple[Incident, ...]:
        """Return all in memory, in no order."""
        return tuple(self._kept.values())

    async def journal(self, incident: str) -> list[IncidentEvent]:
        """Return every event of an incident by its number."""
        return await self._store.read(lambda db: _events(db, incident))

    # changes ------------------------------------------------------------------------------

    async def open(
        self, incident: str, drafts: Sequence[Draft], by: Author, *,
        owing: Owing = nothing_owed, once: Once | None = None,
    ) -> Recorded:  # fmt: skip
        """Open an incident with an id from `new_id`; durable when it returns.

        StateError `full`: too many are open.
        """

        def job(db: Database) -> Recorded:
            _room_for_one(db)
            events = self._written(drafts, by, incident, 0)
            return _put(db, (incident, ""), events, owing, once, self._now_us())

        return self._remember(await self._store.write(job))

    async def change(
        self,
        incident: str,
        make: Callable[[Incident], Sequence[Draft]],
        by: Author,
        *,
        owing: Owing = nothing_owed,
        once: Once | None = None,
    ) -> Recorded:
        """Make drafts from what is known now and write them down; durable when it returns.

        `make` runs beside the loop and may raise StateError, which changes nothing; so does
        StateError `unknown` and `full`.
        """

        def job(db: Database) -> Recorded:
            found = _read(db, incident)
            if found is None:
                raise StateError("unknown")
            drafts = make(found)
            most = MOST_EVENTS if all(one.kind in _LATE for one in drafts) else (
                MOST_EVENTS - LAST_EVENTS
            )  # fmt: skip
            if found.events + len(drafts) > most:
                raise StateError("full")
            events = self._written(drafts, by, incident, _clock_of(db, incident))
            return _put(db, (incident, found.home), events, owing, once, self._now_us())

        return self._remember(await self._store.write(job))

    async def take_in(
        self,
        incident: str,
        room: str,
        check: Callable[[Incident | None], Sequence[IncidentEvent]],
        *,
        owing: Owing = nothing_owed,
        then: Callable[[Incident, Sequence[IncidentEvent]], tuple[Author, Sequence[Draft]]],
    ) -> Recorded:
        """Write down what another room tells; durable when it returns, known events change nothing.

        `check` gets what is known, returns the events that the room may write, or raises
        StateError. `then` adds events of ours in the same transaction: receipts.
        """

        def job(db: Database) -> Recorded:
            found = _read(db, incident)
            told = [replace(one, room=room) for one in check(found)]
            if found is None:
                _room_for_one(db)
            fresh = [one for one in told if _is_new(db, one)]
            self._bound(db, found, fresh)
            home = room if found is None else found.home
            recorded = _put(db, (incident, home), fresh, owing, None, self._now_us())
            by, drafts = then(recorded.incident, recorded.events)
            own = self._written(drafts, by, incident, _clock_of(db, incident))
            if not own:
                return recorded
            added = _put(db, (incident, home), own, owing, None, self._now_us())
            return Recorded(added.incident, (*recorded.events, *added.events))

        return self._remember(await self._store.write(job))

    def _bound(self, db: Database, found: Incident | None, fresh: Sequence[IncidentEvent]) -> None:
        """Refuse what would let one room fill the disk or win every difference."""
        known = found.events if found is not None else 0
        if known + len(fresh) > MOST_EVENTS:
            raise StateError("full")
        ahead = _clock_of(db, fresh[0].incident) + MOST_LEAP if fresh else 0
        if any(one.clock > ahead for one in fresh):
            raise StateError("clock")

    def _written(
        self, drafts: Sequence[Draft], by: Author, incident: str, clock: int
    ) -> list[IncidentEvent]:
        now_us = self._now_us()
        return [
            IncidentEvent(self.new_id(), incident, clock + at, now_us, one.kind, by, one.body)
            for at, one in enumerate(drafts, 1)
        ]

    def _remember(self, recorded: Recorded) -> Recorded:
        incident = recorded.incident
        self._kept[incident.id] = incident
        if len(self._kept) > MOST_REMEMBERED:
            closed = next((one.id for one in self._kept.values() if not one.is_open), None)
            if closed is not None:
                del self._kept[closed]
        if recorded.events:
            self._bell.set()
            self._bell = asyncio.Event()
        return recorded

    def bell(self) -> asyncio.Event:
        """Return what is set when something new is owed; ask before looking what is."""
        return self._bell

    # what is owed -------------------------------------------------------------------------

    async def waiting(self, taker: str, limit: int) -> list[tuple[Owed, IncidentEvent]]:
        """Return what one taker is owed, the oldest first."""

        def job(db: Database) -> list[tuple[Owed, IncidentEvent]]:
            rows = db.execute(
                "select taker, event, place, incident, payload, attempts, due_utc_us"
                " from incident_owed where taker=? order by place limit ?",
                (taker, limit),
            ).fetchall()
            owed = [Owed(*row) for row in rows]
            return [(one, event) for one in owed if (event := _event(db, one.event)) is not None]

        return await self._store.read(job)

    async def heads(self, taker: str, limit: int) -> list[Owed]:
        """Return the oldest that one taker is owed of each incident, the earliest due first."""

        def job(db: Database) -> list[Owed]:
            rows = db.execute(
                "select taker, event, place, incident, payload, attempts, due_utc_us"
                " from incident_owed where taker=? and place in"
                " (select min(place) from incident_owed where taker=? group by incident)"
                " order by due_utc_us, place limit ?",
                (taker, taker, limit),
            ).fetchall()
            return [Owed(*row) for row in rows]

        return await self._store.read(job)

    async def owes(self, incident: str) -> dict[str, int]:
        """Return how many events each taker is still owed of an incident."""
        rows = await self._store.read(
            lambda db: db.execute(
                "select taker, count(*) from incident_owed where incident=? group by taker",
                (incident,),
            ).fetchall()
        )
        return {taker: int(count) for taker, count in rows}

    async def telling(self, taker: str, events: Iterable[str]) -> bool:
        """Note that a taker is about to be told; False if it is owed one of them no more."""
        return await self._attempt(taker, events, 1)

    async def untold(self, taker: str, events: Iterable[str]) -> None:
        """Note that it was not: nothing was sent."""
        await self._attempt(taker, events, -1)

    async def _attempt(self, taker: str, events: Iterable[str], more: int) -> bool:
        ids = list(events)

        def job(db: Database) -> bool:
            done = [
                db.execute(
                    "update incident_owed set attempts=attempts+? where taker=? and event=?",
                    (more, taker, one),
                ).rowcount
                for one in ids
            ]
            return all(done)

        return await self._store.write(job)

    async def settle(self, taker: str, events: Iterable[str]) -> None:
        """Note that a taker has them."""
        ids = list(events)

        def job(db: Database) -> None:
            for one in ids:
                db.execute("delete from incident_owed where taker=? and event=?", (taker, one))

        await self._store.write(job)

    async def void(self, incident: str, events: Iterable[str]) -> None:
        """Note that events of ours were not taken by the room that opened the incident."""
        ids = list(events)

        def job(db: Database) -> Incident | None:
            for one in ids:
                db.execute("update incident_event set void=1 where id=? and room=''", (one,))
            found = _read(db, incident)
            if found is not None:
                db.execute(
                    "update incident set is_open=? where id=?", (int(found.is_open), incident)
                )
            return found

        found = await self._store.write(job)
        if found is not None:
            self._remember(Recorded(found, ()))

    async def postpone(self, taker: str, event: str, due_utc_us: int) -> None:
        """Try again later; the following ones of the incident wait behind it."""

        def job(db: Database) -> None:
            db.execute(
                "update incident_owed set attempts=attempts+1, due_utc_us=?"
                " where taker=? and event=?",
                (due_utc_us, taker, event),
            )

        await self._store.write(job)

    async def forget_takers(self, known: Iterable[str], prefix: str) -> None:
        """Drop what is owed to takers of one sort that nobody configures any more."""
        keep = set(known)

        def job(db: Database) -> None:
            rows = db.execute("select distinct taker from incident_owed").fetchall()
            for (taker,) in rows:
                if taker.startswith(prefix) and taker not in keep:
                    db.execute("delete from incident_owed where taker=?", (taker,))

        await self._store.write(job)

    # keys ---------------------------------------------------------------------------------

    async def recall(self, once: Once) -> Recalled | None:
        """Return what became of a request with this key; None: it is new, and now runs.

        StateError `key-reused` for another body, `key-running` while the first still runs. What
        is new has to be `finish`ed, whatever comes of it.
        """
        place = (once.scope, once.key)
        if place in self._running:
            raise StateError("key-running")
        self._running.add(place)
        try:
            row = await self._store.read(
                lambda db: db.execute(
                    "select sha256, incident, answer from incident_once where scope=? and key=?",
                    place,
                ).fetchone()
            )
        except BaseException:
            self._running.discard(place)
            raise
        if row is None:
            return None
        self._running.discard(place)
        if row[0] != once.sha256:
            raise StateError("key-reused")
        return Recalled(row[1], row[2])

    async def finish(self, once: Once, answer: str) -> None:
        """Keep the answer of a request that ran; empty: it failed and may be tried again."""
        self._running.discard((once.scope, once.key))
        if not answer:
            return

        def job(db: Database) -> None:
            db.execute(
                "update incident_once set answer=? where scope=? and key=?",
                (answer, once.scope, once.key),
            )

        await self._store.write(job)

    async def sweep(self) -> None:
        """Forget keys whose time is over."""
        before = self._now_us() - KEYS_KEPT_US

        def job(db: Database) -> None:
            db.execute("delete from incident_once where utc_us<?", (before,))

        await self._store.write(job)

    async def forget(self, kept_us: int) -> Counter[str]:
        """Let incidents go that we have known as closed for so long; return how many of whom.

        Our own clock counts: no other room ends or stretches the term by the times it writes.
        """
        now_us = self._now_us()

        def job(db: Database) -> list[tuple[str, str]]:
            _note_closed(db, now_us)
            rows = db.execute(
                "select incident from incident_closed where seen_utc_us<? limit ?",
                (now_us - kept_us, MOST_FORGOTTEN),
            ).fetchall()
            return [(incident, _let_go(db, incident)) for (incident,) in rows]

        gone = await self._store.write(job)
        for incident, _ in gone:
            self._kept.pop(incident, None)
        return Counter(organisation for _, organisation in gone)

    def _now_us(self) -> int:
        return self._clock.now().utc_us

    def new_id(self) -> str:
        """Return an id that nothing else has."""
        return uuid7(self._now_us(), secrets.token_bytes(10))


@asynccontextmanager
async def open_incidents(
    where: Path | PostgresOptions, *, clock: Clock
) -> AsyncIterator[IncidentBook]:
    """Open `incidents.db`, or the tables of PostgreSQL."""
    async with open_room_store(where, SCHEMA) as store:
        book = IncidentBook(store, clock)
        await book.load()
        yield book


# jobs --------------------------------------------------------------------------------------

_COLUMNS: Final = (
    "id, incident, clock, utc_us, kind, organisation, role, actor, name, body, room, number, void"
)


def _put(
    db: Database,
    which: tuple[str, str],
    events: Sequence[IncidentEvent],
    owing: Owing,
    once: Once | None,
    now_us: int,
) -> Recorded:
    """Write events of an incident (id, home), what is owed for them, and the key."""
    incident, home = which
    before = _read(db, incident)
    number = _count(db, incident)
    numbered = [replace(one, number=number + at) for at, one in enumerate(events, 1)]
    for event in numbered:
        _insert(db, event)
    journal = _events(db, incident)
    after = fold(journal, home)
    if after is None:
        raise StateError("unknown")
    db.execute(
        "insert into incident(id, home, is_open, opened_utc_us) values(?,?,?,?)"
        " on conflict (id) do update set is_open=excluded.is_open",
        (after.id, home, int(after.is_open), after.opened_utc_us),
    )
    if numbered:
        _owe(db, after.id, owing(Step(before, after, tuple(numbered), tuple(journal))))
    if once is not None:
        db.execute(
            "insert into incident_once(scope, key, sha256, incident, utc_us) values(?,?,?,?,?)",
            (once.scope, once.key, once.sha256, after.id, now_us),
        )
    return Recorded(after, tuple(numbered))


def _owe(db: Database, incident: str, owed: Iterable[tuple[str, str, str]]) -> None:
    (last,) = db.execute("select coalesce(max(place), 0) from incident_owed").fetchone()
    unaware: set[str] = set()
    for at, (taker, event, payload) in enumerate(owed, int(last) + 1):
        if event == WITHDRAWN:
            if not _withdraw(db, taker, incident):
                unaware.add(taker)
            continue
        if taker in unaware:
            continue
        db.execute(
            "insert into incident_owed(taker, event, place, incident, payload) values(?,?,?,?,?)"
            " on conflict (taker, event) do nothing",
            (taker, event, at, incident, payload),
        )


def _withdraw(db: Database, taker: str, incident: str) -> bool:
    """Drop what a taker is still owed of an incident; return whether it may have heard of it."""
    rows = db.execute(
        "select e.kind, o.attempts from incident_owed o join incident_event e on e.id=o.event"
        " where o.taker=? and o.incident=?",
        (taker, incident),
    ).fetchall()
    db.execute("delete from incident_owed where taker=? and incident=?", (taker, incident))
    was_told = any(kind == Change.UNSHARED.value for kind, _ in rows)
    return was_told or not any(kind == Change.OPENED.value and tried <= 0 for kind, tried in rows)


def _insert(db: Database, event: IncidentEvent) -> None:
    by = event.author
    body = json.dumps(dict(event.body), ensure_ascii=False, separators=(",", ":"))
    db.execute(
        f"insert into incident_event({_COLUMNS}) values(?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            event.id, event.incident, event.clock, event.utc_us, event.kind.value,
            by.organisation, by.role, by.actor, by.name, body, event.room, event.number,
            int(event.void),
        ),
    )  # fmt: skip


def _note_closed(db: Database, now_us: int) -> None:
    """Note which incidents are closed, and since when we know it."""
    db.execute(
        "delete from incident_closed where incident in (select id from incident where is_open=1)"
    )
    db.execute(
        "insert into incident_closed(incident, seen_utc_us) select id, ? from incident"
        " where is_open=0 and id not in (select incident from incident_closed)",
        (now_us,),
    )


def _let_go(db: Database, incident: str) -> str:
    """Delete all of an incident; return the organisation that opened it."""
    found = _read(db, incident)
    for table, column in _TABLES:
        db.execute(f"delete from {table} where {column}=?", (incident,))  # noqa: S608 - ours
    return found.opened_by if found is not None else ""


def _room_for_one(db: Database) -> None:
    (count,) = db.execute("select count(*) from incident where is_open=1").fetchone()
    if int(count) >= MOST_OPEN:
        raise StateError("full")


def _is_new(db: Database, event: IncidentEvent) -> bool:
    """Return whether an event is not here yet; StateError for an id of something else."""
    row = db.execute("select incident, room from incident_event where id=?", (event.id,)).fetchone()
    if row is None:
        return True
    if (row[0], row[1]) != (event.incident, event.room):
        raise StateError("not-yours")
    return False


def _count(db: Database, incident: str) -> int:
    (count,) = db.execute(
        "select coalesce(max(number), 0) from incident_event where incident=?", (incident,)
    ).fetchone()
    return int(count)


def _clock_of(db: Database, incident: str) -> int:
    (clock,) = db.execute(
        "select coalesce(max(clock), 0) from incident_event where incident=?", (incident,)
    ).fetchone()
    return int(clock)


def _read(db: Database, incident: str) -> Incident | None:
    row = db.execute("select home from incident where id=?", (incident,)).fetchone()
    return None if row is None else _sum(db, incident, row[0])


def _sum(db: Database, incident: str, home: str) -> Incident | None:
    return fold(_events(db, incident), home)


def _events(db: Database, incident: str) -> list[IncidentEvent]:
    rows = db.execute(
        f"select {_COLUMNS} from incident_event where incident=? order by number",  # noqa: S608 - names of ours
        (incident,),
    ).fetchall()
    return [_event_of(row) for row in rows]


def _event(db: Database, event: str) -> IncidentEvent | None:
    row = db.execute(
        f"select {_COLUMNS} from incident_event where id=?",  # noqa: S608 - names of ours
        (event,),
    ).fetchone()
    return None if row is None else _event_of(row)


def _event_of(row: Sequence[Any]) -> IncidentEvent:
    id_, incident, clock, utc_us, kind, organisation, role, actor, name, body, room, number = row[
        :12
    ]
    author = Author(organisation, role, actor, name)
    read: Body = json.loads(body)
    return IncidentEvent(
        id_, incident, int(clock), int(utc_us), Change(kind), author, read, room, int(number),
        bool(row[12]),
    )  # fmt: skip
