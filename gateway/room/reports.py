# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Where a room keeps the reports of vigilance institutes (A-14, B-29): numbered without gaps.

Number, words, first passages, parties and the key by which a client repeats itself are one
transaction. Passages are only ever added. What a report says goes when its time is over; its
number and its passages stay: a register with holes would be none.
"""

import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gateway.model.errors import StateError
from gateway.model.identifiers import uuid7
from gateway.model.incident import Once
from gateway.model.report import (
    MOST_PASSAGES,
    STATES,
    Direction,
    Passage,
    Report,
    ReportDraft,
    ReportOutcome,
    ReportPassage,
    ReportState,
    ReportWords,
    Routing,
    Sender,
    Span,
    routed,
)
from gateway.model.time import ROME
from gateway.room.postgres import PostgresOptions
from gateway.room.store import Database, RoomStore, open_room_store
from gateway.runtime.clock import Clock

SCHEMA: Final = """
create table if not exists report(
  id text not null primary key, direction text not null, year bigint not null,
  place bigint not null, institute text not null, kind text not null, urgent bigint not null,
  economic bigint not null, exercise bigint not null, sent_utc_us bigint not null,
  state text not null, recipients text not null, line text not null,
  answers text not null default '', incident text not null default '');
create unique index if not exists report_number on report(direction, year, place);
create index if not exists report_sent on report(sent_utc_us);
create table if not exists report_party(
  organisation text not null, report text not null, primary key(organisation, report));
create table if not exists report_words(
  report text not null primary key, sent_utc_us bigint not null, body text not null);
create index if not exists report_words_sent on report_words(sent_utc_us);
create table if not exists report_passage(
  report text not null, number bigint not null, utc_us bigint not null, what text not null,
  organisation text not null, role text not null, actor text not null, detail text not null,
  primary key(report, number));
create table if not exists report_once(
  scope text not null, key text not null, sha256 text not null, report text not null,
  utc_us bigint not null, primary key(scope, key));
create trigger if not exists report_passage_stands before update on report_passage
  begin select raise(abort, 'passages of reports are only added'); end;
create trigger if not exists report_passage_stays before delete on report_passage
  begin select raise(abort, 'passages of reports are only added'); end;
"""
"""Of SQLite; on PostgreSQL its owner makes these tables and gives no right to change passages."""

MOST_OPEN: Final = 5_000
"""Reports that nobody has closed; a province has some dozen a night."""
MOST_OPEN_OF_ONE: Final = 500
"""Of one institute: who floods a room keeps nobody else out."""
MOST_LISTED: Final = 500
KEYS_KEPT_US: Final = 48 * 3_600_000_000

_COLUMNS: Final = (
    "id, direction, year, place, institute, kind, urgent, economic, exercise, sent_utc_us, state,"
    " recipients, line, answers, incident"
)
_OF_PARTY: Final = "id in (select report from report_party where organisation=?)"
_NEWEST_CLOSED: Final = (
    f"select id from report where {_OF_PARTY} and state=?"  # noqa: S608 - words of ours
    " order by sent_utc_us desc, id desc limit ?"
)


@dataclass(frozen=True, slots=True)
class Written:
    """What a request did."""

    report: Report
    is_new: bool
    """False: the same request came before, or nothing had to change."""


class ReportBook:
    """The reports; made by `open_reports`."""

    def __init__(self, store: RoomStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    # writing ------------------------------------------------------------------------------

    async def receive(
        self, draft: ReportDraft, by: Sender, routing: Routing, once: Once | None = None
    ) -> Written:
        """Write down a report of an institute for its rooms, numbered; durable when it returns.

        StateError `key-reused`: another report had this key; `full`: too many are open.
        """

        def job(db: Database) -> Written:
            if (known := _again(db, once)) is not None:
                return Written(known, is_new=False)
            _room_for_one(db, by.organisation)
            made = self._begun(db, Direction.IN, draft, by.organisation)
            made = replace(made, recipients=routing.recipients, line=routing.line)
            _insert(db, made)
            _step(db, made, Passage.RECEIVED, by, now_us=made.sent_utc_us)
            detail = routed(routing.recipients, routing.line)
            _step(db, made, Passage.ROUTED, Sender(""), detail, now_us=made.sent_utc_us)
            return Written(self._kept(db, made.id, once), is_new=True)

        return await self._store.write(job)

    async def answer(
        self, report: str, made_id: str, draft: ReportDraft, by: Sender, once: Once | None = None
    ) -> Written:
        """Write down what a room tells the institute of a report; durable when it returns.

        `made_id`: from `new_id`, under which the ledger has it already.
        """

        def job(db: Database) -> Written:
            if (known := _again(db, once)) is not None:
                return Written(known, is_new=False)
            about = _known(db, report, Direction.IN)
            if len(about.passages) >= MOST_PASSAGES:
                raise StateError("full")
            made = self._begun(db, Direction.OUT, draft, about.institute)
            made = replace(made, id=made_id, recipients=(about.institute,), answers=about.id)
            _insert(db, made, by.organisation)
            _step(db, made, Passage.RECEIVED, by, now_us=made.sent_utc_us)
            detail = routed(made.recipients, "")
            _step(db, made, Passage.ROUTED, by, detail, now_us=made.sent_utc_us)
            if about.state in (ReportState.RECEIVED, ReportState.ROUTED):
                _step(db, about, Passage.ACKNOWLEDGED, by, now_us=made.sent_utc_us)
            about = _known(db, report, Direction.IN)
            _step(db, about, Passage.ANSWERED, by, made.number, now_us=made.sent_utc_us)
            return Written(self._kept(db, made.id, once), is_new=True)

        return await self._store.write(job)

    async def acknowledge(self, report: str, by: Sender) -> Written:
        """Note that an organisation deals with a report, or has read an answer.

        Again by the same organisation: nothing changes. StateError `taken` names another one.
        """

        def job(db: Database) -> Written:
            found = _known(db, report)
            _free_for(found, by)
            if found.holder:
                return Written(found, is_new=False)
            if not found.is_open:
                raise StateError("closed")
            _step(db, found, Passage.ACKNOWLEDGED, by, now_us=self._now_us())
            return Written(_known(db, report), is_new=True)

        return await self._store.write(job)

    async def close(self, report: str, outcome: ReportOutcome, by: Sender) -> Written:
        """End a report; again: nothing changes. StateError `taken`: another one deals with it."""

        def job(db: Database) -> Written:
            found = _known(db, report)
            if not found.is_open:
                return Written(found, is_new=False)
            _free_for(found, by)
            _step(db, found, Passage.CLOSED, by, outcome.value, now_us=self._now_us())
            return Written(_known(db, report), is_new=True)

        return await self._store.write(job)

    async def pass_on(self, report: str, recipient: str, by: Sender) -> Written:
        """Give a report to another room; who had it may still read it.

        StateError `taken` names another organisation that deals with it.
        """

        def job(db: Database) -> Written:
            found = _known(db, report, Direction.IN)
            if not found.is_open:
                raise StateError("closed")
            _free_for(found, by)
            if found.recipients == (recipient,):
                return Written(found, is_new=False)
            if len(found.passages) >= MOST_PASSAGES:
                raise StateError("full")
            detail = routed((recipient,), "")
            _step(db, found, Passage.ROUTED, by, detail, now_us=self._now_us())
            db.execute(
                "update report set recipients=?, line='', incident='' where id=?",
                (recipient, found.id),
            )
            _join(db, found.id, recipient)
            return Written(_known(db, report), is_new=True)

        return await self._store.write(job)

    async def recall(self, once: Once) -> Report | None:
        """Return the report of a request that comes again; None: it is new. See `receive`."""
        return await self._store.read(lambda db: _again(db, once))

    async def told_by(self, report: str, incident: str) -> None:
        """Note the incident by which another room hears of a report."""
        await self._store.write(
            lambda db: db.execute("update report set incident=? where id=?", (incident, report))
        )

    # reading ------------------------------------------------------------------------------

    async def get(self, report: str) -> Report | None:
        """Return one with its passages."""
        return await self._store.read(lambda db: _read(db, report))

    async def parties(self, report: str) -> frozenset[str]:
        """Return the organisations that may read one."""

        def job(db: Database) -> frozenset[str]:
            rows = db.execute("select organisation from report_party where report=?", (report,))
            return frozenset(row[0] for row in rows.fetchall())

        return await self._store.read(job)

    async def listed(
        self, organisation: str, *, is_open: bool | None = None, limit: int = MOST_LISTED
    ) -> list[Report]:
        """Return those that an organisation may read, the newest first.

        `limit` is for those that are closed: one that goes on is never left out.
        """
        where, args = " and state<>?", list[object]([ReportState.CLOSED.value])
        newest: list[object] = [organisation, ReportState.CLOSED.value, limit]
        if is_open is None:
            where, args = f" and (state<>? or id in ({_NEWEST_CLOSED}))", [*args, *newest]
        elif not is_open:
            where, args = f" and id in ({_NEWEST_CLOSED})", newest
        return await self._selected(organisation, where, args, "sent_utc_us desc, id desc")

    async def register(self, organisation: str, span: Span, limit: int) -> list[Report]:
        """Return part of an organisation's register, the oldest first."""
        where, args = "", list[object]()
        if span.from_utc_us:
            where, args = " and sent_utc_us>=?", [span.from_utc_us]
        if span.to_utc_us:
            where, args = f"{where} and sent_utc_us<?", [*args, span.to_utc_us]
        return await self._selected(organisation, where, args, f"sent_utc_us, id limit {limit:d}")

    async def _selected(
        self, organisation: str, where: str, args: Sequence[object], order: str
    ) -> list[Report]:
        sql = f"select id from report where {_OF_PARTY}{where} order by {order}"  # noqa: S608 - words of ours

        def job(db: Database) -> list[Report]:
            rows = db.execute(sql, (organisation, *args)).fetchall()
            return [found for (id_,) in rows if (found := _read(db, id_)) is not None]

        return await self._store.read(job)

    async def told_elsewhere(self, limit: int = MOST_LISTED) -> list[Report]:
        """Return those that go on and of which another room hears by an incident."""

        def job(db: Database) -> list[Report]:
            rows = db.execute(
                "select id from report where incident<>'' and state<>? order by id limit ?",
                (ReportState.CLOSED.value, limit),
            ).fetchall()
            return [found for (id_,) in rows if (found := _read(db, id_)) is not None]

        return await self._store.read(job)

    async def untold(self, organisations: Sequence[str], limit: int = MOST_LISTED) -> list[Report]:
        """Return those of some rooms that nobody has taken and no incident tells of yet."""
        marks = ",".join("?" for _ in organisations)
        sql = (
            "select id from report where incident='' and direction='IN' and state=? and id in"  # noqa: S608 - marks of ours
            f" (select report from report_party where organisation in ({marks}))"
            " order by id limit ?"
        )

        def job(db: Database) -> list[Report]:
            rows = db.execute(sql, (ReportState.ROUTED.value, *organisations, limit)).fetchall()
            return [found for (id_,) in rows if (found := _read(db, id_)) is not None]

        return await self._store.read(job)

    async def sweep(self, before_utc_us: int) -> int:
        """Forget what reports sent before an instant say; return how many. Old keys go, too."""
        stale = self._now_us() - KEYS_KEPT_US

        def job(db: Database) -> int:
            db.execute("delete from report_once where utc_us<?", (stale,))
            return db.execute(
                "delete from report_words where sent_utc_us<?", (before_utc_us,)
            ).rowcount

        return await self._store.write(job)

    # parts --------------------------------------------------------------------------------

    def _begun(
        self, db: Database, direction: Direction, draft: ReportDraft, institute: str
    ) -> Report:
        now_us = self._now_us()
        year = datetime.fromtimestamp(now_us / 1e6, UTC).astimezone(ROME).year
        (last,) = db.execute(
            "select coalesce(max(place), 0) from report where direction=? and year=?",
            (direction.value, year),
        ).fetchone()
        return Report(
            self.new_id(), direction, year, int(last) + 1, institute,
            draft.kind, now_us, ReportState.RECEIVED, (), draft.words, draft.urgent,
            draft.economic, draft.exercise,
        )  # fmt: skip

    def _kept(self, db: Database, report: str, once: Once | None) -> Report:
        """Return what was written, after noting the key by which it may be asked for again."""
        if once is not None:
            db.execute(
                "insert into report_once(scope, key, sha256, report, utc_us) values(?,?,?,?,?)",
                (once.scope, once.key, once.sha256, report, self._now_us()),
            )
        return _known(db, report)

    def new_id(self) -> str:
        """Return an id that nothing else has."""
        return uuid7(self._now_us(), secrets.token_bytes(10))

    def _now_us(self) -> int:
        return self._clock.now().utc_us


@asynccontextmanager
async def open_reports(where: Path | PostgresOptions, *, clock: Clock) -> AsyncIterator[ReportBook]:
    """Open `reports.db`, or the tables of PostgreSQL."""
    async with open_room_store(where, SCHEMA) as store:
        yield ReportBook(store, clock)


# jobs --------------------------------------------------------------------------------------


def _again(db: Database, once: Once | None) -> Report | None:
    """Return the report of a request that comes again; StateError if another one had the key."""
    if once is None:
        return None
    row = db.execute(
        "select sha256, report from report_once where scope=? and key=?", (once.scope, once.key)
    ).fetchone()
    if row is None:
        return None
    if row[0] != once.sha256:
        raise StateError("key-reused")
    return _known(db, row[1])


def _free_for(found: Report, by: Sender) -> None:
    """See that no other organisation deals with a report; StateError `taken` names it."""
    if found.holder not in ("", by.organisation):
        raise StateError("taken", found.holder)


def _room_for_one(db: Database, institute: str) -> None:
    for where, args, most in (
        ("", (), MOST_OPEN),
        (" and institute=?", (institute,), MOST_OPEN_OF_ONE),
    ):
        sql = f"select count(*) from report where direction='IN' and state<>?{where}"  # noqa: S608 - words of ours
        (count,) = db.execute(sql, (ReportState.CLOSED.value, *args)).fetchone()
        if int(count) >= most:
            raise StateError("full")


def _insert(db: Database, made: Report, *others: str) -> None:
    db.execute(
        f"insert into report({_COLUMNS}) values(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            made.id, made.direction.value, made.year, made.place, made.institute, made.kind,
            int(made.urgent), int(made.economic), int(made.exercise), made.sent_utc_us,
            made.state.value, ",".join(made.recipients), made.line, made.answers, made.incident,
        ),
    )  # fmt: skip
    body = json.dumps(asdict(made.words), ensure_ascii=False) if made.words else "{}"
    db.execute(
        "insert into report_words(report, sent_utc_us, body) values(?,?,?)",
        (made.id, made.sent_utc_us, body),
    )
    for one in dict.fromkeys((made.institute, *made.recipients, *others)):
        _join(db, made.id, one)


def _join(db: Database, report: str, organisation: str) -> None:
    db.execute(
        "insert into report_party(organisation, report) values(?,?)"
        " on conflict (organisation, report) do nothing",
        (organisation, report),
    )


def _step(
    db: Database, report: Report, what: Passage, by: Sender, detail: str = "", *, now_us: int
) -> None:
    """Add a passage, and the state that follows from it."""
    (last,) = db.execute(
        "select coalesce(max(number), 0) from report_passage where report=?", (report.id,)
    ).fetchone()
    db.execute(
        "insert into report_passage(report, number, utc_us, what, organisation, role, actor,"
        " detail) values(?,?,?,?,?,?,?,?)",
        (
            report.id, int(last) + 1, now_us, what.value, by.organisation, by.role, by.actor,
            detail,
        ),
    )  # fmt: skip
    if (state := STATES.get(what)) is not None:
        db.execute("update report set state=? where id=?", (state.value, report.id))


def _known(db: Database, report: str, direction: Direction | None = None) -> Report:
    found = _read(db, report)
    if found is None or direction not in (None, found.direction):
        raise StateError("unknown")
    return found


def _read(db: Database, report: str) -> Report | None:
    row = db.execute(
        f"select {_COLUMNS} from report where id=?",  # noqa: S608 - names of ours
        (report,),
    ).fetchone()
    if row is None:
        return None
    words = db.execute("select body from report_words where report=?", (report,)).fetchone()
    passages = db.execute(
        "select number, utc_us, what, organisation, role, actor, detail from report_passage"
        " where report=? order by number",
        (report,),
    ).fetchall()
    return _report_of(row, words, passages)


def _report_of(row: Sequence[Any], words: Any, passages: Sequence[Any]) -> Report:  # noqa: ANN401 - rows as drivers have them
    return Report(
        id=row[0],
        direction=Direction(row[1]),
        year=int(row[2]),
        place=int(row[3]),
        institute=row[4],
        kind=row[5],
        sent_utc_us=int(row[9]),
        state=ReportState(row[10]),
        recipients=tuple(one for one in row[11].split(",") if one),
        words=None if words is None else ReportWords(**json.loads(words[0])),
        urgent=bool(row[6]),
        economic=bool(row[7]),
        exercise=bool(row[8]),
        answers=row[13],
        line=row[12],
        incident=row[14],
        passages=tuple(
            ReportPassage(int(one[0]), int(one[1]), Passage(one[2]), Sender(*one[3:6]), one[6])
            for one in passages
        ),
    )
