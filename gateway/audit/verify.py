# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Does this file still say what was written? Reads only; the daemon may write meanwhile.

Proved, by the hash tree under signed checkpoints: no entry was edited, moved, inserted or taken
out below the newest checkpoint. Not provable from the file alone: that its tail was not cut off
together with its checkpoints, or that the holder of the key did not write it anew. For that,
compare with a checkpoint that somebody else holds (`held`).
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.audit.entry import Opening
from gateway.model.errors import WireError
from gateway.wire import checkpoint as notes
from gateway.wire.checkpoint import Checkpoint
from gateway.wire.merkle import EMPTY_ROOT, Frontier, leaf_hash

MOST_FINDINGS = 1_000
"""Then counting goes on, but nothing more is listed."""
MOST_SIGNATURES = 1_000
"""Signatures checked in a first pass, besides the newest one and those that do not fit; each costs
0.1 ms. The newest one vouches for all roots before it. If anything is wrong, all are checked."""
MOST_VALUE_BYTES = 16 << 20
"""A header has about 1 KiB; what a hostile file holds instead must not fill the memory."""
_NUMBERS = {"entry": "seq", "opened": "seq", "checkpoint": "size"}
"""Tables that count as evidence, and what numbers their rows."""
NOWHERE = -1
"""Sequence number of a finding that belongs to no entry."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    seq: int
    """First entry concerned; NOWHERE if none is."""
    problem: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What verification found."""

    ok: bool
    size: int
    """Entries present."""
    root: bytes
    """Root over the entries as they stand; empty if that cannot be told."""
    findings: tuple[Finding, ...]
    """In order of entries; at most MOST_FINDINGS."""
    missing: tuple[tuple[int, int], ...] = ()
    """Ranges of absent entries, first and last."""
    origin: str = ""
    """The log's name, from its newest checkpoint."""
    checkpoints: int = 0
    """Signed checkpoints in the file."""
    problems: int = 0
    """How many there are, listed or not."""

    @property
    def first_bad(self) -> int | None:
        """Return the first entry that is wrong; None if none is named."""
        named = [finding.seq for finding in self.findings if finding.seq != NOWHERE]
        return min(named, default=None)


def verify(path: Path, public_key: bytes, held: str | None = None) -> VerifyReport:
    """Check a ledger file against its public key (32 bytes) and a checkpoint held elsewhere.

    Never raises for what the file contains: what cannot be read is a finding.
    """
    audit = _pass(path, _Audit(public_key, held))
    if audit.problems and audit.unchecked:
        audit = _pass(path, _Audit(public_key, held, most_signatures=audit.checkpoints))
    return audit.report()


def _pass(path: Path, audit: "_Audit") -> "_Audit":
    if not path.is_file():
        audit.find(NOWHERE, f"{path}: no such file")
        return audit
    try:
        with closing(_open(path)) as db:
            db.execute("begin")
            audit.run(db)
    except (sqlite3.Error, OverflowError, UnicodeDecodeError, MemoryError) as error:
        audit.find(audit.expected, f"{path}: cannot be read: {error}")
    return audit


def _open(path: Path) -> sqlite3.Connection:
    """Open for reading, also from a medium that cannot be written, with no log beside it."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    db = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        db.execute("select 1 from sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db.close()
        if path.with_name(path.name + "-wal").exists():
            raise
        db = sqlite3.connect(f"{uri}&immutable=1", uri=True, isolation_level=None)
    db.text_factory = bytes
    db.execute("pragma trusted_schema = off")
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_VALUE_BYTES)
    return db


@dataclass
class _Audit:
    """One pass over a file."""

    public: bytes
    held_note: str | None
    most_signatures: int = MOST_SIGNATURES
    unchecked: int = 0
    """Checkpoints whose root fits and whose signature nobody looked at."""
    expected: int = 0
    """The entry that comes next; everything below was seen or reported missing."""
    count: int = 0
    candidates: list[Frontier] = field(default_factory=lambda: [Frontier()])
    """Trees that the entries so far may form; empty once no tree fits any more."""
    proved: int = 0
    """Entries below this one stand under a checkpoint that fits."""
    findings: list[Finding] = field(default_factory=list)
    missing: list[tuple[int, int]] = field(default_factory=list)
    problems: int = 0
    origin: str = ""
    checkpoints: int = 0
    signatures: int = 0
    held: Checkpoint | None = None
    newest_size: int = 0

    def find(self, seq: int, problem: str) -> None:
        """Write down one problem."""
        self.problems += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(seq, problem))

    def report(self) -> VerifyReport:
        """Return what was found."""
        return VerifyReport(
            not self.problems,
            self.count,
            self.candidates[0].root() if self.candidates else b"",
            tuple(sorted(self.findings, key=lambda one: one.seq)),
            tuple(self.missing),
            self.origin,
            self.checkpoints,
            self.problems,
        )

    def run(self, db: sqlite3.Connection) -> None:
        """Walk through entries, openings and checkpoints side by side."""
        self._check_schema(db)
        self._read_newest(db)
        self._read_held()
        openings = _Grouped(db.execute(_in_order("opened", "seq, field, salt, value")))
        checkpoints = _Grouped(db.execute(_in_order("checkpoint", "size, note")))
        for seq, header, leaf in db.execute(_in_order("entry", "seq, header, leaf")):
            if seq < 0:
                self.find(0, f"an entry numbered {seq}: reordered")
                continue
            if seq != self.expected:
                self._gap(seq, checkpoints, openings)
            self.count += 1
            self._entry(seq, header, leaf, openings.take(seq))
            self.expected = seq + 1
            self._compare(checkpoints.take(self.expected))
        for row in openings.rest():
            self.find(row[0], f"a value for entry {row[0]}, which does not exist")
        self._end([row for row in checkpoints.rest() if row[0] != 0])

    def _check_schema(self, db: sqlite3.Connection) -> None:
        """Insist on plain tables, since a view computes what it likes, and on whole numbers."""
        for table, number in _NUMBERS.items():
            plain = "select 1 from sqlite_master where name = ? and type = 'table' and rootpage > 0"
            if db.execute(plain, (table,)).fetchone() is None:
                raise sqlite3.DatabaseError(f"{table} is no table")
            odd = f"select count(*) from {table} where typeof({number}) <> 'integer'"  # noqa: S608 - our own words
            if (count := db.execute(odd).fetchone()[0]) > 0:
                self.find(NOWHERE, f"{count} rows of {table} without a number")

    def _read_newest(self, db: sqlite3.Connection) -> None:
        (self.checkpoints,) = db.execute("select count(*) from checkpoint").fetchone()
        row = db.execute(_in_order("checkpoint", "size, note") + " desc limit 1").fetchone()
        if row is None:
            return
        self.newest_size = row[0]
        try:
            self.origin = notes.verify(_text(row[1]), self.public).origin
        except WireError:
            return  # a finding as soon as its turn comes

    def _read_held(self) -> None:
        if self.held_note is None:
            return
        try:
            self.held = notes.verify(self.held_note, self.public, self.origin or None)
        except WireError as error:
            self.find(NOWHERE, f"held checkpoint: {error}")

    def _gap(self, seq: int, checkpoints: "_Grouped", openings: "_Grouped") -> None:
        last = seq - 1
        self.missing.append((self.expected, last))
        self.find(self.expected, f"entries {self.expected} to {last} are missing")
        self.candidates = []
        checkpoints.skip_to(seq)
        openings.skip_to(seq)

    def _entry(self, seq: int, header: object, leaf: object, opened: "list[_Row]") -> None:
        if not isinstance(header, bytes) or not isinstance(leaf, bytes):
            self.find(seq, f"entry {seq} is not of bytes")
            self.candidates = []
            return
        computed = leaf_hash(header)
        leaves = [computed]
        if computed != leaf:
            self.find(seq, f"entry {seq} was edited: its header does not give its leaf hash")
            leaves.append(leaf)
        self.candidates = [tree.append(one) for tree in self.candidates for one in leaves][:4]
        try:
            record = json.loads(header)
            number, committed = record["seq"], record.get("commit", {})
            commitments = dict(committed)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.find(seq, f"entry {seq} is not a ledger entry")
            return
        if number != seq:
            self.find(seq, f"entry {seq} calls itself {number}: reordered")
        for row in opened:
            self._value(seq, row, commitments)

    def _value(self, seq: int, row: "_Row", commitments: dict[str, object]) -> None:
        name, value = _text(row[1]), _text(row[3])
        salt = row[2] if isinstance(row[2], bytes) else b""
        if commitments.get(name) != Opening(name, salt, value).commitment():
            self.find(seq, f"entry {seq}: the value kept for {name} is not the one committed to")

    def _compare(self, rows: "list[_Row]") -> None:
        """Hold the tree so far against what was signed at this size, and what is held."""
        for row in rows:
            signed = self._signed(row)
            if signed is not None and self.candidates:
                self._narrow(signed, "signed checkpoint")
        if self.held is not None and self.held.size == self.expected and self.candidates:
            self._narrow(self.held, "held checkpoint")

    def _signed(self, row: "_Row") -> Checkpoint | None:
        """Return a stored checkpoint if it may be believed."""
        size, note = row[0], _text(row[1])
        self.signatures += 1
        try:
            signed = notes.parse(note)
            fits = any(tree.root() == signed.root for tree in self.candidates)
            if fits and size != self.newest_size and self.signatures > self.most_signatures:
                self.unchecked += 1
            else:
                notes.verify(note, self.public, self.origin or None)
        except WireError as error:
            self.find(max(0, size - 1), f"checkpoint of {size} entries: {error}")
            return None
        if signed.size != size:
            self.find(max(0, size - 1), f"checkpoint of {size} entries: it says {signed.size}")
            return None
        return signed

    def _narrow(self, signed: Checkpoint, what: str) -> None:
        fitting = [tree for tree in self.candidates if tree.root() == signed.root]
        if not fitting:
            last = signed.size - 1
            first = 0 if what.startswith("held") else self.proved
            span = f"entry {last}" if first == last else f"entries {first} to {last}"
            self.find(first, f"{span}: not what the {what} of {signed.size} entries says")
        else:
            self.proved = signed.size
        self.candidates = fitting

    def _end(self, beyond: "list[_Row]") -> None:
        """Look at what the checkpoints promise past the last entry, and what none covers."""
        sizes = [signed.size for row in beyond if (signed := self._signed(row)) is not None]
        promised = max(sizes, default=0)
        if promised > self.expected:
            self._cut(promised, "signed checkpoint")
        if self.held is not None and self.held.size > max(self.expected, promised):
            self._cut(self.held.size, "held checkpoint")
        if self.held is not None and self.held.size == 0 and self.held.root != EMPTY_ROOT:
            self.find(NOWHERE, "held checkpoint: no entries, but not the empty root")
        if self.candidates and self.proved < self.expected:
            last = self.expected - 1
            self.find(
                self.proved, f"entries {self.proved} to {last}: no signed checkpoint covers them"
            )

    def _cut(self, promised: int, what: str) -> None:
        last = promised - 1
        self.missing.append((self.expected, last))
        self.find(
            self.expected, f"truncated: entries {self.expected} to {last} of the {what} are missing"
        )


_Row = tuple[Any, ...]
"""First the number that rows are grouped by."""


class _Grouped:
    """Rows in ascending order of their first column, taken group by group."""

    def __init__(self, rows: Iterator[_Row]) -> None:
        self._rows = rows
        self._next = next(rows, None)
        self._stray: list[_Row] = []

    def take(self, number: int) -> list[_Row]:
        """Return the rows of one group; smaller ones are kept for `rest`."""
        self._pass(number, self._stray)
        taken: list[_Row] = []
        self._pass(number + 1, taken)
        return taken

    def skip_to(self, number: int) -> None:
        """Drop rows below `number`: what they belong to was reported missing."""
        self._pass(number, [])

    def rest(self) -> list[_Row]:
        """Return all rows that no group claimed."""
        return [*self._stray, *([self._next] if self._next else []), *self._rows]

    def _pass(self, number: int, onto: list[_Row]) -> None:
        while self._next is not None and self._next[0] < number:
            onto.append(self._next)
            self._next = next(self._rows, None)


def _in_order(table: str, columns: str) -> str:
    """Return the query of a table's numbered rows in their order."""
    number = _NUMBERS[table]
    return f"select {columns} from {table} where typeof({number}) = 'integer' order by {number}"  # noqa: S608 - our own words


def _text(value: object) -> str:
    """Return a database text; bytes that are no UTF-8 show as replacement characters."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
