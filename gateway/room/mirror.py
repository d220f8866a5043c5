# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A copy of the box's log in PostgreSQL, where nobody who runs the box can change it.

What is copied holds salted commitments in place of personal values: they can be erased at the
box, and the copy still shows that the log was not rewritten. It is a copy, not the log: behind by
seconds, and nothing waits for it.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from gateway.model.errors import LedgerError, StoreError, WireError
from gateway.room.store import Database, RoomStore
from gateway.runtime.clock import Clock
from gateway.runtime.tally import Tally
from gateway.wire import checkpoint as notes
from gateway.wire.merkle import Frontier, leaf_hash

log = logging.getLogger(__name__)

EVERY_S = 5.0
MOST_AT_ONCE = 500
"""Of the log's entries at a time."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """One entry as the log has it."""

    seq: int
    utc_us: int
    header: bytes
    """The exact bytes that are hashed."""


@dataclass(frozen=True, slots=True)
class Source:
    """The log that is copied."""

    origin: str
    rows: Callable[[int, int], Awaitable[Sequence[LogRow]]]
    """Entries after a sequence number, so many at most, in order."""
    checkpoint: Callable[[], tuple[int, str]]
    """Size and signed note of the newest checkpoint."""


class Mirror:
    """Copies one log for ever; a database that is away is tried again."""

    def __init__(self, store: RoomStore, source: Source, clock: Clock) -> None:
        self._store = store
        self._source = source
        self._clock = clock
        self._tally = Tally(log, clock)
        self._noted = 0
        """Size of the newest checkpoint that we copied."""
        self.problem = ""
        """Why the copy falls behind, one line; empty while it does not."""

    async def run(self) -> NoReturn:
        """Copy what is new every few seconds, until cancelled."""
        while True:
            try:
                while await self.step():
                    pass
                self.problem = ""
            except StoreError as error:
                self.problem = str(error)
                self._tally.note("mirror-behind", problem=self.problem)
            await self._clock.sleep(EVERY_S)

    async def step(self) -> int:
        """Copy the next entries; return how many.

        StoreError if either side refuses, LedgerError if the log is not the one that was copied.
        """
        origin = self._source.origin
        last, header = await self._store.read(lambda db: _last(db, origin))
        size, note = self._source.checkpoint()
        rows = await self._source.rows(last - 1, MOST_AT_ONCE)
        if last >= 0:
            if not rows or rows[0].seq != last or rows[0].header != header:
                raise LedgerError(f"{origin}: entry {last} is not the one that was copied")
            rows = rows[1:]

        is_noted = size == self._noted or (rows[-1].seq if rows else last) + 1 < size

        def job(db: Database) -> None:
            for row in rows:
                db.execute(_ROW, (origin, row.seq, row.utc_us, row.header, leaf_hash(row.header)))
            if note and not is_noted:
                db.execute(_NOTE, (origin, size, note))

        if rows or (note and not is_noted):
            await self._store.write(job)
            self._noted = self._noted if is_noted else size
        return len(rows)


def verify_copy(db: Database, origin: str, public: bytes) -> int:
    """Return how many entries the copy proves: its newest checkpoint, signed, over its leaves.

    WireError with what does not fit. `public`: Ed25519 key of the log, 32 bytes.
    """
    note = db.execute(
        "select note from ledger_mirror_checkpoint where origin=? order by size desc limit 1",
        (origin,),
    ).fetchone()
    if note is None:
        raise WireError(f"{origin}: no checkpoint was copied")
    told = notes.verify(note[0], public, origin)
    frontier = Frontier()
    while frontier.size < told.size:
        rows = db.execute(_LEAVES, (origin, frontier.size, told.size, MOST_AT_ONCE)).fetchall()
        if not rows:
            raise WireError(f"{origin}: entry {frontier.size} is missing")
        for seq, leaf, header in rows:
            if seq != frontier.size or bytes(leaf) != leaf_hash(bytes(header)):
                raise WireError(f"{origin}: entry {frontier.size} is missing or was changed")
            frontier = frontier.append(bytes(leaf))
    if frontier.root() != told.root:
        raise WireError(f"{origin}: {told.size} entries do not make the signed root")
    return told.size


def _last(db: Database, origin: str) -> tuple[int, bytes]:
    """Return the newest entry that was copied, -1 for none."""
    row = db.execute(
        "select seq, header from ledger_mirror where origin=? order by seq desc limit 1", (origin,)
    ).fetchone()
    return (-1, b"") if row is None else (int(row[0]), bytes(row[1]))


_LEAVES = (
    "select seq, leaf, header from ledger_mirror where origin=? and seq >= ? and seq < ?"
    " order by seq limit ?"
)
_ROW = (
    "insert into ledger_mirror(origin, seq, utc_us, header, leaf) values(?,?,?,?,?)"
    " on conflict (origin, seq, utc_us) do nothing"
)
_NOTE = (
    "insert into ledger_mirror_checkpoint(origin, size, note) values(?,?,?)"
    " on conflict (origin, size) do nothing"
)
SCHEMA = """
create table if not exists ledger_mirror(
  origin text not null, seq integer not null, utc_us integer not null,
  header blob not null, leaf blob not null, primary key(origin, seq, utc_us)) strict;
create table if not exists ledger_mirror_checkpoint(
  origin text not null, size integer not null, note text not null,
  primary key(origin, size)) strict;
"""
