# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The ledger's file: its tables, and the jobs that run on them inside one transaction."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.entry import Draft, LedgerEntry, Opening, read_entry
from gateway.model.errors import InvariantError, LedgerError, WireError
from gateway.wire import checkpoint as notes
from gateway.wire.checkpoint import Checkpoint
from gateway.wire.merkle import Frontier, leaf_hash, root_of

SCHEMA = """
create table if not exists entry(
  seq integer primary key, header blob not null, leaf blob not null) strict;
create table if not exists opened(
  seq integer not null, field text not null, salt blob not null, value text not null,
  primary key(seq, field)) strict, without rowid;
create table if not exists checkpoint(size integer primary key, note text not null) strict;
create table if not exists frontier(
  id integer primary key check(id = 1), size integer not null, peaks blob not null) strict;
create table if not exists unclosed(seq integer primary key) strict;
create table if not exists node(idx integer primary key, hash blob not null) strict;
create table if not exists segment(
  size integer primary key, first integer not null, peaks blob not null,
  from_utc_us integer not null, to_utc_us integer not null, dropped_utc_us integer not null) strict;
create table if not exists cosignature(
  size integer not null, witness text not null, utc_s integer not null, line text not null,
  primary key(size, witness)) strict, without rowid;
create table if not exists token(
  size integer not null, utc_us integer not null, der blob not null,
  primary key(size, utc_us)) strict;
create table if not exists bridge(
  witness text not null, size integer not null, low integer not null, high integer not null,
  hash blob not null, primary key(witness, low, high)) strict, without rowid;

create trigger if not exists entry_gap before insert on entry
  when new.seq <> (select coalesce(max(seq) + 1, 0) from entry)
  begin select raise(abort, 'ledger: sequence numbers have no gap'); end;
create trigger if not exists entry_update before update on entry
  begin select raise(abort, 'ledger: append only'); end;
drop trigger if exists entry_delete;
create trigger entry_delete before delete on entry
  when old.seq >= (select coalesce(max(size), 0) from segment)
  begin select raise(abort, 'ledger: append only'); end;
create trigger if not exists opened_update before update on opened
  begin select raise(abort, 'ledger: append only'); end;
create trigger if not exists checkpoint_update before update on checkpoint
  begin select raise(abort, 'ledger: append only'); end;
drop trigger if exists checkpoint_delete;
create trigger checkpoint_delete before delete on checkpoint
  when old.size >= (select coalesce(max(size), 0) from segment)
    or old.size in (select size from segment)
  begin select raise(abort, 'ledger: append only'); end;
create trigger if not exists segment_insert before insert on segment
  when new.size <= (select coalesce(max(size), 0) from segment)
    or new.size not in (select size from checkpoint)
    or new.size > (select coalesce(max(seq), -1) from entry)
  begin select raise(abort, 'ledger: a segment ends at a checkpoint below the last entry'); end;
create trigger if not exists segment_update before update on segment
  begin select raise(abort, 'ledger: append only'); end;
create trigger if not exists segment_delete before delete on segment
  begin select raise(abort, 'ledger: append only'); end;
pragma secure_delete = on;
"""
"""`opened` may be deleted from (erasure); entries and checkpoints only below a segment's end
(ADR 16). `frontier`, `unclosed`, `node` and `bridge` are the writer's notes, and the verifier does
not believe them. What is deleted is overwritten with zeros."""
NODE_LEAVES = 256
"""Leaves under one row of `node`; kept so that a proof reads hundreds of hashes, not millions."""


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """How far the log reaches."""

    size: int
    root: bytes
    checkpoint_note: str
    """The newest signed checkpoint (C2SP); covers exactly `size` entries, empty for none."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as it is inserted."""

    header: bytes
    openings: tuple[Opening, ...]
    opens: bool
    closes: int


@dataclass(frozen=True)
class Signer:
    """Who signs, and as which log."""

    origin: str
    key: Ed25519PrivateKey

    def sign(self, frontier: Frontier) -> str:
        """Return the checkpoint of a frontier."""
        return notes.sign(Checkpoint(self.origin, frontier.size, frontier.root()), self.key)

    @cached_property
    def public(self) -> bytes:
        """Ed25519 public key, 32 bytes."""
        return self.key.public_key().public_bytes_raw()


def row_of(draft: Draft, seq: int) -> Row:
    """Return the row of a draft at its place."""
    return Row(draft.header(seq), draft.openings, draft.event.opens, draft.event.closes)


def insert_drafts(db: sqlite3.Connection, drafts: Sequence[Draft], signer: Signer) -> LedgerHead:
    """Append drafts at the end and sign; one batch, one checkpoint."""
    frontier = read_frontier(db)
    rows = [row_of(draft, frontier.size + at) for at, draft in enumerate(drafts)]
    return _insert(db, frontier, rows, signer)


def insert_rows(
    db: sqlite3.Connection, first: int, rows: Sequence[Row], signer: Signer
) -> LedgerHead:
    """Append rows whose headers already carry their places, from `first` on, and sign."""
    frontier = read_frontier(db)
    if frontier.size != first:
        raise InvariantError(f"ledger of {frontier.size} entries, rows begin at {first}")
    return _insert(db, frontier, rows, signer)


def _insert(
    db: sqlite3.Connection, frontier: Frontier, rows: Sequence[Row], signer: Signer
) -> LedgerHead:
    for row in rows:
        seq, leaf = frontier.size, leaf_hash(row.header)
        db.execute("insert into entry values(?, ?, ?)", (seq, row.header, leaf))
        values = [(seq, one.field, one.salt, one.value) for one in row.openings]
        db.executemany("insert into opened values(?, ?, ?, ?)", values)
        if row.opens:
            db.execute("insert into unclosed values(?)", (seq,))
        if row.closes >= 0:
            db.execute("delete from unclosed where seq = ?", (row.closes,))
        frontier = frontier.append(leaf)
        if frontier.size % NODE_LEAVES == 0:
            _keep_node(db, frontier.size // NODE_LEAVES - 1)
    note = signer.sign(frontier)
    db.execute("insert into checkpoint values(?, ?)", (frontier.size, note))
    db.execute("insert or replace into frontier values(1, ?, ?)", (frontier.size, frontier.pack()))
    return LedgerHead(frontier.size, frontier.root(), note)


def _keep_node(db: sqlite3.Connection, index: int) -> None:
    """Keep the root of a complete subtree for later proofs."""
    first = index * NODE_LEAVES
    leaves = read_leaves(db, first, first + NODE_LEAVES)
    if len(leaves) == NODE_LEAVES:
        db.execute("insert or replace into node values(?, ?)", (index, root_of(leaves)))


def read_leaves(db: sqlite3.Connection, first: int, end: int) -> list[bytes]:
    """Return the leaf hashes that are there, from one entry up to, without, another."""
    rows = db.execute(
        "select leaf from entry where seq >= ? and seq < ? order by seq", (first, end)
    )
    return [leaf for (leaf,) in rows]


def read_frontier(db: sqlite3.Connection) -> Frontier:
    """Return where the log ends; LedgerError if the writer's note is unreadable."""
    row = db.execute("select size, peaks from frontier").fetchone()
    try:
        return Frontier.unpack(*row) if row else Frontier()
    except WireError as error:
        raise LedgerError(f"ledger: {error}") from error


def read_head(db: sqlite3.Connection, signer: Signer) -> LedgerHead:
    """Return the head after checking that it is the one that `signer` signed last.

    LedgerError otherwise: a writer that went on would sign somebody else's history.
    """
    frontier = read_frontier(db)
    (last,) = db.execute("select coalesce(max(seq), -1) from entry").fetchone()
    if last != frontier.size - 1:
        raise LedgerError(f"ledger: ends with entry {last}, {frontier.size} were written")
    row = db.execute("select note from checkpoint order by size desc limit 1").fetchone()
    if row is None:
        if frontier.size:
            raise LedgerError(f"ledger: {frontier.size} entries and no checkpoint")
        return LedgerHead(0, frontier.root(), "")
    try:
        checkpoint = notes.verify(row[0], signer.public, signer.origin)
    except WireError as error:
        raise LedgerError(f"ledger: newest {error}") from error
    if (checkpoint.size, checkpoint.root) != (frontier.size, frontier.root()):
        raise LedgerError(f"ledger: newest checkpoint ({checkpoint.size}) is not of these entries")
    return LedgerHead(frontier.size, checkpoint.root, row[0])


def read_unclosed(db: sqlite3.Connection) -> list[LedgerEntry]:
    """Return the entries that opened something which no entry has closed, oldest first."""
    rows = db.execute("select seq from unclosed order by seq").fetchall()
    return [entry for (seq,) in rows for entry in read_entries(db, seq - 1, 1)]


def read_entries(db: sqlite3.Connection, after: int, limit: int) -> list[LedgerEntry]:
    """Return up to `limit` entries with a sequence number above `after` (-1: from the start)."""
    rows = db.execute(
        "select seq, header from entry where seq > ? order by seq limit ?", (after, limit)
    ).fetchall()
    values: dict[int, dict[str, str]] = {seq: {} for seq, _ in rows}
    if rows:
        kept = db.execute(
            "select seq, field, value from opened where seq between ? and ?",
            (rows[0][0], rows[-1][0]),
        )
        for seq, field, value in kept:
            values.setdefault(seq, {})[field] = value
    return [read_entry(header, values[seq]) for seq, header in rows]


def read_header(db: sqlite3.Connection, seq: int) -> bytes | None:
    """Return the stored header of one entry."""
    row = db.execute("select header from entry where seq = ?", (seq,)).fetchone()
    return row[0] if row else None


def read_checkpoint(db: sqlite3.Connection, size: int) -> str:
    """Return the note of a size; LedgerError if no batch ended there."""
    row = db.execute("select note from checkpoint where size = ?", (size,)).fetchone()
    if row is None:
        raise LedgerError(f"ledger: no checkpoint of {size} entries")
    return str(row[0])


@dataclass(frozen=True, slots=True)
class Cosigned:
    """One witness's word on one checkpoint."""

    size: int
    witness: str
    utc_s: int
    line: str
    """C2SP signature line, without its newline."""


def insert_cosignature(db: sqlite3.Connection, one: Cosigned) -> None:
    """Keep a cosignature; of one checkpoint and one witness only the newest."""
    values = (one.size, one.witness, one.utc_s, one.line)
    db.execute("insert or replace into cosignature values(?, ?, ?, ?)", values)


def read_cosignatures(db: sqlite3.Connection) -> list[Cosigned]:
    """Return every cosignature, by size and witness."""
    rows = db.execute("select size, witness, utc_s, line from cosignature order by size, witness")
    return [Cosigned(*row) for row in rows]


def read_newest_cosignatures(db: sqlite3.Connection) -> list[Cosigned]:
    """Return the newest cosignature of each witness."""
    rows = db.execute(
        "select size, witness, max(utc_s), line from cosignature group by witness order by witness"
    )
    return [Cosigned(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Stamp:
    """One token of a time-stamping authority on one checkpoint."""

    size: int
    utc_us: int
    der: bytes
    """The whole RFC 3161 response."""


def insert_token(db: sqlite3.Connection, one: Stamp) -> None:
    """Keep a token."""
    values = (one.size, one.utc_us, one.der)
    db.execute("insert or replace into token values(?, ?, ?)", values)


def read_tokens(db: sqlite3.Connection) -> list[Stamp]:
    """Return every token, by size and time."""
    rows = db.execute("select size, utc_us, der from token order by size, utc_us")
    return [Stamp(*row) for row in rows]


def read_newest_token(db: sqlite3.Connection) -> Stamp | None:
    """Return the token whose time is newest."""
    sql = "select size, utc_us, der from token order by utc_us desc limit 1"
    row = db.execute(sql).fetchone()
    return Stamp(*row) if row else None
