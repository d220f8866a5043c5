# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Entries that match a query, page by page, on any connection to the log's file.

One call looks at a bounded number of entries, so that a page may be short although there is more.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.audit import tables
from gateway.audit.entry import LedgerEntry
from gateway.model.audit import LedgerQuery

MOST_LOOKED_AT: Final = 100_000
"""Entries that one page looks at: about 0.2 s on a mini PC."""
_BLOCK: Final = 500
_SAYS: Final = "json_extract(cast(header as text), '$.{}')"


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Entries found, oldest first, and where to go on."""

    entries: tuple[LedgerEntry, ...]
    older: int | None
    """Entries below this one were not looked at; None if there are none."""
    newer: int | None
    """Entries above this one were not looked at; None if there are none."""


def open_reading(path: Path) -> sqlite3.Connection:
    """Open the log's file for reading beside its writer."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


def forward(db: sqlite3.Connection, query: LedgerQuery, after: int, limit: int) -> LedgerPage:
    """Return the oldest matches above `after`."""
    first, last = _bounds(db)
    low, high = max(after + 1, first), min(max(after + 1, first) + MOST_LOOKED_AT - 1, last)
    found = _matches(db, query, (low, high), limit, "asc")
    end = found[-1] if len(found) == limit else high
    older = low if low > first else None
    return LedgerPage(_entries(db, found), older, end if end < last else None)


def backward(
    db: sqlite3.Connection, query: LedgerQuery, before: int | None, limit: int
) -> LedgerPage:
    """Return the newest matches below `before`, of all if it is None."""
    first, last = _bounds(db)
    high = last if before is None else min(before - 1, last)
    low = max(first, high - MOST_LOOKED_AT + 1)
    found = _matches(db, query, (low, high), limit, "desc")
    end = found[-1] if len(found) == limit else low
    older = end if end > first and high >= first else None
    return LedgerPage(_entries(db, found[::-1]), older, high if high < last else None)


def every(db: sqlite3.Connection, query: LedgerQuery, size: int) -> Iterator[int]:
    """Return the numbers of all matches below `size`, in their order."""
    where, values = _where(query, (0, size - 1))
    for (seq,) in db.execute(f"select seq from entry where {where} order by seq", values):  # noqa: S608 - our own words
        yield seq


def read(path: Path, query: LedgerQuery, size: int) -> Iterator[LedgerEntry]:
    """Return all matches below `size` with the values still kept; closes the file at its end."""
    with closing(open_reading(path)) as db:
        db.execute("begin")
        block: list[int] = []
        for seq in every(db, query, size):
            block.append(seq)
            if len(block) == _BLOCK:
                yield from _entries(db, block)
                block = []
        yield from _entries(db, block)


def _bounds(db: sqlite3.Connection) -> tuple[int, int]:
    low, high = db.execute(
        "select (select min(seq) from entry), (select max(seq) from entry)"
    ).fetchone()
    return low or 0, -1 if high is None else high


def _matches(
    db: sqlite3.Connection, query: LedgerQuery, span: tuple[int, int], limit: int, order: str
) -> list[int]:
    where, values = _where(query, span)
    sql = f"select seq from entry where {where} order by seq {order} limit ?"  # noqa: S608 - our own words
    return [seq for (seq,) in db.execute(sql, (*values, limit))]


def _where(query: LedgerQuery, span: tuple[int, int]) -> tuple[str, list[int | str]]:
    """Return SQL that is true for what a query means, with its values."""
    terms, values = ["seq between ? and ?"], list[int | str](span)

    def must(sql: str, *given: int | str) -> None:
        terms.append(sql)
        values.extend(given)

    kept = (
        "seq in (select seq from opened where field in ({}) and value = ? and seq between ? and ?)"
    )
    if query.person:
        must(kept.format("'actor_id', 'delegated_by'"), query.person, *span)
    if query.case:
        must(kept.format("'case_ref'"), query.case, *span)
    if query.camera:
        either = f"{_SAYS.format('object_id')} = ? or {_SAYS.format('camera')} = ?"
        must(f"({either})", query.camera, query.camera)
    if query.event.endswith("."):
        must(f"substr({_SAYS.format('event')}, 1, ?) = ?", len(query.event), query.event)
    elif query.event:
        must(f"{_SAYS.format('event')} = ?", query.event)
    if query.from_utc_us:
        must(f"{_SAYS.format('ts_utc_us')} >= ?", query.from_utc_us)
    if query.to_utc_us:
        must(f"{_SAYS.format('ts_utc_us')} < ?", query.to_utc_us)
    if query.organisation:
        own = f"({_SAYS.format('controller')} = ? or {_SAYS.format('org')} = ?)"
        must(own, query.organisation, query.organisation)
    return " and ".join(terms), values


def _entries(db: sqlite3.Connection, seqs: Sequence[int]) -> tuple[LedgerEntry, ...]:
    return tuple(one for seq in seqs for one in tables.read_entries(db, seq - 1, 1))
