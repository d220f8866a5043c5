# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Hot lists in registry.db: digests and sealed originals, never a plate (D.9).

What is over, refused or taken back is deleted; that it was there stands in the ledger.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.model.hotlist import EntryState, HotEntry, HotList
from gateway.model.plate import ListKind
from gateway.registry.hotlist_match import Ground, Sought

SCHEMA: Final = """
create table if not exists hotlist_key (
  epoch integer primary key check (epoch > 0),
  tells text not null,
  utc_us integer not null
) strict;
create table if not exists hotlist (
  number integer primary key,
  source text not null,
  kind text not null,
  sequence integer not null,
  issued_us integer not null,
  received_us integer not null,
  sha256 text not null,
  act text not null,
  reason text not null,
  requester text not null,
  by text not null,
  unique (source, kind)
) strict;
create table if not exists hotlist_entry (
  number integer primary key,
  hotlist integer references hotlist (number),
  kind text not null,
  country text not null,
  digest blob not null,
  sealed blob not null,
  from_us integer not null,
  until_us integer not null,
  label text not null,
  reason text not null,
  act text not null,
  case_ref text not null,
  requester text not null,
  organisation text not null,
  added_us integer not null,
  added_by text not null,
  approved_us integer not null,
  approved_by text not null,
  state text not null
) strict;
create index if not exists hotlist_entry_digest on hotlist_entry (digest);
create index if not exists hotlist_entry_list on hotlist_entry (hotlist);
create table if not exists hotlist_newcomer (
  entry integer not null references hotlist_entry (number) on delete cascade,
  user text not null,
  primary key (entry, user)
) strict, without rowid;
"""
"""`hotlist_key.tells` says which key an epoch has and nothing of it; `hotlist_newcomer` names who
was not there, or could have been somebody else, when a local entry was asked for."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is stored of one plate."""

    digest: bytes = field(repr=False)
    sealed: bytes = field(repr=False)


_COLUMNS: Final = (
    "e.number, e.kind, e.country, e.from_us, e.until_us, e.label,"
    " case when e.reason = '' then coalesce(h.reason, '') else e.reason end,"
    " case when e.act = '' then coalesce(h.act, '') else e.act end, e.case_ref,"
    " case when e.requester = '' then coalesce(h.requester, '') else e.requester end,"
    " e.organisation, e.added_us, case when e.added_by = '' then coalesce(h.by, '')"
    " else e.added_by end, e.approved_us, e.approved_by, e.state, coalesce(h.source, '')"
    " from hotlist_entry e left join hotlist h on h.number = e.hotlist"
)


def _entry(row: tuple[object, ...], newcomers: frozenset[str] = frozenset()) -> HotEntry:
    number, kind, country, since, until, label, reason, act, case, requester, org, *rest = row
    added, by, approved, approver, state, source = rest
    return HotEntry(
        int(str(number)), ListKind(kind), str(country), int(str(since)), int(str(until)),
        str(label), str(reason), str(act), str(case), str(requester), str(org), int(str(added)),
        str(by), int(str(approved)), str(approver), EntryState(state), str(source), newcomers,
    )  # fmt: skip


def local(connection: sqlite3.Connection) -> tuple[HotEntry, ...]:
    """Return what was entered here, those that wait first, then by their end."""
    newcomers: dict[int, set[str]] = {}
    for number, user in connection.execute("select entry, user from hotlist_newcomer"):
        newcomers.setdefault(number, set()).add(user)
    rows = connection.execute(
        f"select {_COLUMNS} where e.hotlist is null order by e.state = ? desc, e.until_us",
        (EntryState.WAITING.value,),
    )
    return tuple(_entry(row, frozenset(newcomers.get(row[0], ()))) for row in rows)


def one(connection: sqlite3.Connection, number: int) -> HotEntry | None:
    """Return an entry."""
    names = connection.execute("select user from hotlist_newcomer where entry = ?", (number,))
    newcomers = frozenset(user for (user,) in names)
    row = connection.execute(f"select {_COLUMNS} where e.number = ?", (number,)).fetchone()
    return _entry(row, newcomers) if row is not None else None


def with_digests(connection: sqlite3.Connection, digests: Iterable[bytes]) -> tuple[HotEntry, ...]:
    """Return the entries with one of these digests."""
    found: list[HotEntry] = []
    for digest in digests:
        rows = connection.execute(f"select {_COLUMNS} where e.digest = ?", (digest,))
        found += [_entry(row) for row in rows]
    return tuple(found)


def sealed(connection: sqlite3.Connection, number: int) -> Sealed | None:
    """Return what is stored of an entry's plate."""
    sql = "select digest, sealed from hotlist_entry where number = ?"
    row = connection.execute(sql, (number,)).fetchone()
    return Sealed(*row) if row is not None else None


def every_sealed(connection: sqlite3.Connection) -> Iterator[tuple[int, str, Sealed]]:
    """Yield number, country and what is stored of each plate."""
    sql = "select number, country, digest, sealed from hotlist_entry order by number"
    for number, country, digest, text in connection.execute(sql):
        yield number, country, Sealed(digest, text)


def sought(connection: sqlite3.Connection) -> Iterator[Sought]:
    """Yield what is matched; of what is shared there is one object."""
    grounds: dict[tuple[object, ...], Ground] = {}
    kinds = {kind.value: kind for kind in ListKind}
    rows = connection.execute(
        "select e.number, e.kind, e.country, e.digest, e.from_us, e.until_us,"
        " coalesce(h.source, ''), case when e.act = '' then coalesce(h.act, '') else e.act end,"
        " case when e.reason = '' then coalesce(h.reason, '') else e.reason end, e.case_ref"
        " from hotlist_entry e left join hotlist h on h.number = e.hotlist where e.state = ?",
        (EntryState.IN_FORCE.value,),
    )
    for number, kind, country, digest, since, until, *ground in rows:
        key = tuple(ground)
        shared = grounds.setdefault(key, Ground(*ground))
        yield Sought(number, kinds[kind], country, digest, since, until, shared)


def lists(connection: sqlite3.Connection) -> tuple[HotList, ...]:
    """Return the delivered lists with what they hold."""
    rows = connection.execute(
        "select h.source, h.kind, h.sequence, h.issued_us, h.received_us, h.sha256, h.act,"
        " h.reason, h.requester, h.by, count(e.number), coalesce(min(e.until_us), 0),"
        " coalesce(max(e.until_us), 0)"
        " from hotlist h left join hotlist_entry e on e.hotlist = h.number"
        " group by h.number order by h.source, h.kind"
    )
    return tuple(HotList(row[0], ListKind(row[1]), *row[2:]) for row in rows)


def latest(connection: sqlite3.Connection, source: str, kind: ListKind) -> tuple[int, int, int]:
    """Return number, sequence and date of what a source delivered last; zeros: nothing."""
    sql = "select number, sequence, issued_us from hotlist where source = ? and kind = ?"
    row = connection.execute(sql, (source, kind.value)).fetchone()
    return (row[0], row[1], row[2]) if row is not None else (0, 0, 0)


def put_list(connection: sqlite3.Connection, one: HotList) -> int:
    """Write what a delivery says of its list; return the list's number."""
    connection.execute(
        "insert into hotlist (source, kind, sequence, issued_us, received_us, sha256, act, reason,"
        " requester, by) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (source, kind) do update"
        " set sequence = excluded.sequence, issued_us = excluded.issued_us,"
        " received_us = excluded.received_us, sha256 = excluded.sha256, act = excluded.act,"
        " reason = excluded.reason, requester = excluded.requester, by = excluded.by",
        (
            one.source, one.kind.value, one.sequence, one.issued_us, one.received_us, one.sha256,
            one.act, one.reason, one.requester, one.by,
        ),
    )  # fmt: skip
    return latest(connection, one.source, one.kind)[0]


def drop(connection: sqlite3.Connection, hotlist: int, digests: Iterable[bytes] | None) -> int:
    """Delete entries of a list: these, or all; return how many."""
    if digests is None:
        return connection.execute(
            "delete from hotlist_entry where hotlist = ?", (hotlist,)
        ).rowcount
    sql = "delete from hotlist_entry where hotlist = ? and digest = ?"
    return sum(connection.execute(sql, (hotlist, digest)).rowcount for digest in digests)


def insert(
    connection: sqlite3.Connection,
    hotlist: int | None,
    entries: Iterable[tuple[HotEntry, Sealed]],
) -> None:
    """Write entries; `hotlist` is None for those entered here."""
    connection.executemany(
        "insert into hotlist_entry values"
        " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                e.number, hotlist, e.kind.value, e.country, plate.digest, plate.sealed, e.from_us,
                e.until_us, e.label, e.reason, e.act, e.case, e.requester, e.organisation,
                e.added_us, e.added_by, e.approved_us, e.approved_by, e.state.value,
            )
            for e, plate in entries
        ),
    )  # fmt: skip


def approve(connection: sqlite3.Connection, number: int, by: str, utc_us: int) -> None:
    """Put a waiting entry into force."""
    connection.execute(
        "update hotlist_entry set state = ?, approved_by = ?, approved_us = ? where number = ?",
        (EntryState.IN_FORCE.value, by, utc_us, number),
    )


def delete(connection: sqlite3.Connection, number: int) -> None:
    """Delete an entry."""
    connection.execute("delete from hotlist_entry where number = ?", (number,))


def expire(connection: sqlite3.Connection, now_us: int) -> tuple[tuple[str, str, int], ...]:
    """Delete what is over; return source, kind and how many, by list."""
    gone = connection.execute(
        "select coalesce(h.source, ''), e.kind, count(*) from hotlist_entry e"
        " left join hotlist h on h.number = e.hotlist where e.until_us <= ? group by 1, 2",
        (now_us,),
    ).fetchall()
    if gone:
        connection.execute("delete from hotlist_entry where until_us <= ?", (now_us,))
    return tuple(gone)


def reseal(connection: sqlite3.Connection, plates: Iterable[tuple[int, Sealed]]) -> None:
    """Replace what is stored of plates, under another key."""
    connection.executemany(
        "update hotlist_entry set digest = ?, sealed = ? where number = ?",
        ((plate.digest, plate.sealed, number) for number, plate in plates),
    )


def epoch(connection: sqlite3.Connection) -> tuple[int, str]:
    """Return the newest key's number and what tells it; zero and nothing before the first."""
    row = connection.execute(
        "select epoch, tells from hotlist_key order by epoch desc limit 1"
    ).fetchone()
    return (row[0], row[1]) if row is not None else (0, "")


def next_epoch(connection: sqlite3.Connection, tells: str, utc_us: int) -> None:
    """Begin with another key."""
    number = epoch(connection)[0] + 1
    connection.execute("insert into hotlist_key values (?, ?, ?)", (number, tells, utc_us))


def holds_any(connection: sqlite3.Connection) -> bool:
    """Return whether there is an entry."""
    return connection.execute("select 1 from hotlist_entry limit 1").fetchone() is not None


def bind_anew(connection: sqlite3.Connection, users: Iterable[str]) -> None:
    """Keep accounts that could be somebody else's from now on out of all that waits."""
    connection.executemany(
        "insert or ignore into hotlist_newcomer select number, ? from hotlist_entry"
        " where state = ?",
        [(user, EntryState.WAITING.value) for user in users],
    )
