# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Does this file still say what was written? Reads only; the daemon may write meanwhile.

Proved, by the hash tree under signed checkpoints: no entry was edited, moved, inserted or taken
out below the newest checkpoint, and nothing was dropped but what the log itself announces. Not
provable from the file alone: that its tail was not cut off together with its checkpoints, or that
the holder of the key did not write it anew. For that, compare with checkpoints that somebody else
holds (`held`), and with what witnesses and time-stamping authorities signed (`trust`).
"""

import base64
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from gateway.audit import timestamp
from gateway.audit.catalogue import TECHNICAL_US
from gateway.audit.entry import commitment
from gateway.model.errors import LedgerError, WireError
from gateway.wire import checkpoint as notes
from gateway.wire import cosignature
from gateway.wire.checkpoint import Checkpoint
from gateway.wire.cosignature import WitnessKey
from gateway.wire.merkle import EMPTY_ROOT, Frontier, leaf_hash

MOST_FINDINGS = 1_000
"""Then counting goes on, but nothing more is listed."""
MOST_SIGNATURES = 1_000
"""Signatures checked in a first pass, besides the newest one and those that do not fit; each costs
0.1 ms. The newest one vouches for all roots before it. If anything is wrong, all are checked."""
MOST_VALUE_BYTES = 16 << 20
"""A header has about 1 KiB; what a hostile file holds instead must not fill the memory."""
MOST_COSIGNATURES = 1_000
"""Of each witness, the newest: one vouches for everything before it."""
MOST_TOKENS = 50
"""The newest; each costs 2 ms."""
_NUMBERS = {"entry": "seq", "opened": "seq", "checkpoint": "size"}
"""Tables that count as evidence, and what numbers their rows."""
_LATER = ("segment", "cosignature", "token")
"""Tables that older files lack."""
NOWHERE = -1
"""Sequence number of a finding that belongs to no entry."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    seq: int
    """First entry concerned; NOWHERE if none is."""
    problem: str
    last: int = NOWHERE
    """Last entry concerned; NOWHERE: only the first, or none."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom the auditor believes, besides the log's own key."""

    witnesses: tuple[WitnessKey, ...] = ()
    tsa_ca: bytes = b""
    """Certificates in PEM form; empty: tokens are passed over."""


NO_TRUST = Trust()


@dataclass(frozen=True, slots=True)
class Witnessed:
    """Up to where a witness saw the log, and when."""

    name: str
    size: int
    utc_s: int


@dataclass(frozen=True, slots=True)
class Stamped:
    """Up to where an authority stamped the log, and when."""

    size: int
    utc_us: int


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
    start: int = 0
    """First entry that is there; those before were dropped at the end of their term."""
    witnessed: tuple["Witnessed", ...] = ()
    """The newest word of each trusted witness."""
    stamped: "Stamped | None" = None
    """The newest token of a trusted authority."""
    exposed: int = 0
    """Entries at the end that only the holder of the key vouches for."""
    end: int = 0
    """One past the number of the last entry that is there."""

    @property
    def first_bad(self) -> int | None:
        """Return the first entry that is wrong; None if none is named."""
        named = [finding.seq for finding in self.findings if finding.seq != NOWHERE]
        return min(named, default=None)


@dataclass(frozen=True, slots=True)
class Span:
    """A period of the log, by numbers of entries, both included."""

    first: int = 0
    last: int | None = None
    """None: to the end, also of what is cut off there."""

    def clipped(self, first: int, last: int) -> tuple[int, int] | None:
        """Return what a range and this one share."""
        low = max(first, self.first)
        high = last if self.last is None else min(last, self.last)
        return (low, high) if low <= high else None


@dataclass(frozen=True, slots=True)
class SpanReport:
    """What verification found that concerns a period."""

    ok: bool
    first_bad: int | None
    findings: tuple[Finding, ...]
    missing: tuple[tuple[int, int], ...]
    outside: int
    """Findings that concern other entries alone."""


def within(report: VerifyReport, span: Span) -> SpanReport:
    """Return what of a report concerns a period.

    What names no entry concerns every period; so does what was found and is not listed.
    """
    ours, bad = [], []
    for one in report.findings:
        shared = span.clipped(one.seq, max(one.seq, one.last))
        if one.seq == NOWHERE or shared is not None:
            ours.append(one)
        if one.seq != NOWHERE and shared is not None:
            bad.append(shared[0])
    unlisted = report.problems - len(report.findings)
    shared_gaps = (span.clipped(*gap) for gap in report.missing)
    return SpanReport(
        not (ours or unlisted),
        min(bad, default=None),
        tuple(ours),
        tuple(gap for gap in shared_gaps if gap is not None),
        len(report.findings) - len(ours),
    )


def first_since(path: Path, utc_us: int) -> int:
    """Return the first entry written at or after a time, or missing right before it.

    LedgerError if the file cannot be read. What an entry says of its time is believed: whether it
    is what was written then is `verify`'s matter.
    """
    first, before = _edge_of(
        path, f"{_TIME} >= ?", "min", utc_us, "max(seq) from entry where seq <"
    )
    return first if before is None else before + 1


def last_before(path: Path, utc_us: int) -> int | None:
    """Return the last entry written before a time, or missing right after it; None: the log's end.

    LedgerError as `first_since`.
    """
    _, after = _edge_of(path, f"{_TIME} < ?", "max", utc_us, "min(seq) from entry where seq >")
    return None if after is None else after - 1


def verify(
    path: Path,
    public_key: bytes,
    held: str | Sequence[str] | None = None,
    trust: Trust = NO_TRUST,
) -> VerifyReport:
    """Check a ledger file against its public key (32 bytes) and checkpoints held elsewhere.

    Never raises for what the file contains: what cannot be read is a finding.
    """
    notes_held = (held,) if isinstance(held, str) else tuple(held or ())
    audit = _pass(path, _Audit(public_key, notes_held, trust))
    if audit.problems and audit.unchecked:
        audit = _pass(path, _Audit(public_key, notes_held, trust, audit.checkpoints))
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


_TIME = (
    "case when json_valid(cast(header as text)) and"
    " json_type(cast(header as text), '$.ts_utc_us') = 'integer'"
    " then json_extract(cast(header as text), '$.ts_utc_us') end"
)


def _edge_of(path: Path, when: str, pick: str, utc_us: int, beside: str) -> tuple[int, int | None]:
    """Return the outermost entry of a time, -1 or the log's size if none is, and its neighbour."""
    found = f"select {pick}(seq), (select max(seq) + 1 from entry) from entry where {when}"  # noqa: S608 - our own words
    try:
        with closing(_open(path)) as db:
            at, size = db.execute(found, (utc_us,)).fetchone()
            if at is None:
                at = (size or 0) if pick == "min" else -1
            return at, db.execute(f"select {beside} ?", (at,)).fetchone()[0]
    except (sqlite3.Error, OverflowError) as error:
        raise LedgerError(f"{path}: cannot be read: {error}") from error


class _Tree:
    """A growing tree, changed in place: `Frontier` without a new object per leaf."""

    __slots__ = ("_root", "peaks", "size")

    def __init__(self, size: int, peaks: list[bytes]) -> None:
        self.size = size
        self.peaks = peaks
        self._root = b""

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        size, peaks = self.size, self.peaks
        self.size += 1
        self._root = b""
        while size & 1:
            leaf = sha256(b"\x01" + peaks.pop() + leaf).digest()
            size >>= 1
        peaks.append(leaf)

    def with_leaf(self, leaf: bytes) -> "_Tree":
        """Return another tree with one more leaf."""
        grown = _Tree(self.size, [*self.peaks])
        grown.append(leaf)
        return grown

    def root(self) -> bytes:
        """Return the root so far."""
        if self._root or not self.peaks:
            return self._root or EMPTY_ROOT
        root = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            root = sha256(b"\x01" + peak + root).digest()
        self._root = root
        return root


@dataclass
class _Audit:
    """One pass over a file."""

    public: bytes
    held_notes: tuple[str, ...]
    trust: Trust
    most_signatures: int = MOST_SIGNATURES
    unchecked: int = 0
    """Checkpoints whose root fits and whose signature nobody looked at."""
    start: int = 0
    """First entry that is there; what was before was dropped."""
    expected: int = 0
    """The entry that comes next; everything below was seen or reported missing."""
    count: int = 0
    candidates: list[_Tree] = field(default_factory=lambda: [_Tree(0, [])])
    """Trees that the entries so far may form; empty once no tree fits any more."""
    proved: int = 0
    """Entries below this one stand under a checkpoint that fits."""
    vouched: int = 0
    """The same under a checkpoint that somebody else vouches for."""
    findings: list[Finding] = field(default_factory=list)
    missing: list[tuple[int, int]] = field(default_factory=list)
    problems: int = 0
    origin: str = ""
    checkpoints: int = 0
    signatures: int = 0
    held: dict[int, list[Checkpoint]] = field(default_factory=dict)
    newest_size: int = 0
    cosigned: dict[int, list[tuple[WitnessKey, str]]] = field(default_factory=dict)
    tokens: dict[int, list[bytes]] = field(default_factory=dict)
    witnessed: dict[str, Witnessed] = field(default_factory=dict)
    stamped: Stamped | None = None
    announced: dict[tuple[str, str], bool] = field(default_factory=dict)
    """By size and root of each rotation that the log tells of: whether it was due."""

    def find(self, seq: int, problem: str, last: int = NOWHERE) -> None:
        """Write down one problem, of one entry or of all up to `last`."""
        self.problems += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(seq, problem, last))

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
            self.start,
            tuple(self.witnessed[name] for name in sorted(self.witnessed)),
            self.stamped,
            max(0, self.expected - max(self.vouched, self.start if self.vouched else 0)),
            self.expected,
        )

    def run(self, db: sqlite3.Connection) -> None:
        """Walk through entries, openings and checkpoints side by side."""
        later = self._check_schema(db)
        self._read_newest(db)
        self._read_held()
        self._read_vouchers(db, later)
        root = self._read_segments(db) if "segment" in later else ""
        openings = _Grouped(db.execute(_in_order("opened", "seq, field, salt, value")))
        checkpoints = _Grouped(db.execute(_in_order("checkpoint", "size, note")))
        checkpoints.skip_to(self.start + 1)
        for seq, header, leaf in db.execute(_in_order("entry", "seq, header, leaf")):
            if seq < self.start:
                self.find(max(0, seq), f"an entry numbered {seq}: reordered, or dropped before")
                continue
            if seq != self.expected:
                self._gap(seq, checkpoints, openings)
            self.count += 1
            self._entry(seq, header, leaf, openings.take(seq))
            self.expected = seq + 1
            self._compare(checkpoints.take(self.expected))
        for row in openings.rest():
            self.find(row[0], f"a value for entry {row[0]}, which does not exist")
        self._due(root)
        self._end([row for row in checkpoints.rest() if row[0] > self.start])

    def _due(self, root: str) -> None:
        """Insist that what was dropped was announced, and had stood for the shortest of terms."""
        if not self.start:
            return
        was_due = self.announced.get((str(self.start), root))
        if was_due is None:
            self._lost("no entry of this log says that they were dropped")
        elif not was_due:
            last = self.start - 1
            self.find(0, f"entries 0 to {last} were dropped before their term", last)

    def _check_schema(self, db: sqlite3.Connection) -> set[str]:
        """Insist on plain tables, since a view computes what it likes, and on whole numbers.

        Return which of the later tables there are.
        """
        plain = "select 1 from sqlite_master where name = ? and type = 'table' and rootpage > 0"
        for table, number in _NUMBERS.items():
            if db.execute(plain, (table,)).fetchone() is None:
                raise sqlite3.DatabaseError(f"{table} is no table")
            odd = f"select count(*) from {table} where typeof({number}) <> 'integer'"  # noqa: S608 - our own words
            if (count := db.execute(odd).fetchone()[0]) > 0:
                self.find(NOWHERE, f"{count} rows of {table} without a number")
        found = {one for one in _LATER if db.execute(plain, (one,)).fetchone() is not None}
        named = db.execute("select name from sqlite_master").fetchall()
        for one in _LATER:
            if one not in found and (one.encode(),) in named:
                raise sqlite3.DatabaseError(f"{one} is no table")
        return found

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
        for note in self.held_notes:
            try:
                one = notes.verify(note, self.public, self.origin or None)
            except WireError as error:
                self.find(NOWHERE, f"held checkpoint: {error}")
            else:
                self.held.setdefault(one.size, []).append(one)

    def _read_vouchers(self, db: sqlite3.Connection, tables: set[str]) -> None:
        """Read what trusted others signed; what nobody trusts is passed over."""
        for key in self.trust.witnesses if "cosignature" in tables else ():
            rows = db.execute(
                "select size, line from cosignature where witness = ?"
                " and typeof(size) = 'integer' order by size desc limit ?",
                (key.name, MOST_COSIGNATURES),
            )
            for size, line in rows:
                self.cosigned.setdefault(size, []).append((key, _text(line)))
        if self.trust.tsa_ca and "token" in tables:
            rows = db.execute(
                "select size, der from token where typeof(size) = 'integer'"
                " order by size desc limit ?",
                (MOST_TOKENS,),
            )
            for size, der in rows:
                self.tokens.setdefault(size, []).append(der if isinstance(der, bytes) else b"")

    def _read_segments(self, db: sqlite3.Connection) -> str:
        """Begin where the newest segment ends; return the root there in hex, empty if nowhere."""
        rows = db.execute(
            "select size, peaks from segment where typeof(size) = 'integer' order by size"
        ).fetchall()
        frontier = Frontier()
        for size, peaks in rows:
            self.start = self.expected = self.proved = size
            try:
                frontier = Frontier.unpack(size, peaks if isinstance(peaks, bytes) else b"")
                self._fits_checkpoint(db, frontier)
            except WireError as error:
                self.candidates = []
                self._lost(str(error))
                return ""
        if rows:
            self.candidates = [_Tree(frontier.size, [*frontier.peaks])]
        return frontier.root().hex()

    def _fits_checkpoint(self, db: sqlite3.Connection, frontier: Frontier) -> None:
        """Insist that a frontier is what was signed at exactly this size; WireError otherwise."""
        size = frontier.size
        row = db.execute("select note from checkpoint where size = ?", (size,)).fetchone()
        if row is None:
            raise WireError(f"no checkpoint of {size} entries")
        note = _text(row[0])
        signed = notes.verify(note, self.public, self.origin or None)
        if (signed.size, signed.root) != (size, frontier.root()):
            raise WireError(f"the frontier of {size} entries is not what was signed")
        for held in self.held.get(size, ()):
            if held.root != signed.root:
                self.find(0, f"the frontier of {size} entries is not the held checkpoint")
            else:
                self.vouched = size
        self._vouch(size, note)

    def _lost(self, why: str) -> None:
        last = self.start - 1
        self.missing.append((0, last))
        self.find(0, f"entries 0 to {last} are missing: {why}", last)

    def _gap(self, seq: int, checkpoints: "_Grouped", openings: "_Grouped") -> None:
        last = seq - 1
        self.missing.append((self.expected, last))
        self.find(self.expected, f"entries {self.expected} to {last} are missing", last)
        self.candidates = []
        checkpoints.skip_to(seq)
        openings.skip_to(seq)

    def _entry(self, seq: int, header: object, leaf: object, opened: "list[_Row]") -> None:
        if not isinstance(header, bytes) or not isinstance(leaf, bytes):
            self.find(seq, f"entry {seq} is not of bytes")
            self.candidates = []
            return
        computed = leaf_hash(header)
        if computed == leaf:
            for tree in self.candidates:
                tree.append(leaf)
            if _is_plain(seq, header, opened):
                return
        else:
            self.find(seq, f"entry {seq} was edited: its header does not give its leaf hash")
            leaves = (computed, leaf)
            grown = [tree.with_leaf(one) for tree in self.candidates for one in leaves]
            self.candidates = grown[:4]
        self._read_entry(seq, header, opened)

    def _read_entry(self, seq: int, header: bytes, opened: "list[_Row]") -> None:
        """Look at an entry thoroughly: it is out of the ordinary, or wrong."""
        try:
            record = json.loads(header)
            number, committed = record["seq"], record.get("commit", {})
            commitments = dict(committed)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.find(seq, f"entry {seq} is not a ledger entry")
            return
        if number != seq:
            self.find(seq, f"entry {seq} calls itself {number}: reordered")
        if record.get("event") == "log.rotate":
            named = (str(record.get("object_id")), str(record.get("content_hash")))
            self.announced[named] = _was_due(record)
        for row in opened:
            self._value(seq, row, commitments)

    def _value(self, seq: int, row: "_Row", commitments: dict[str, object]) -> None:
        name, value = _bytes(row[1]), _bytes(row[3])
        salt = row[2] if isinstance(row[2], bytes) else b""
        shown = _text(row[1])
        if commitments.get(shown) != commitment(name, salt, value):
            self.find(seq, f"entry {seq}: the value kept for {shown} is not the one committed to")

    def _compare(self, rows: "list[_Row]") -> None:
        """Hold the tree so far against what was signed at this size, and what is held."""
        for row in rows:
            signed = self._signed(row)
            if signed is not None and self.candidates:
                self._narrow(signed, "signed checkpoint")
        if self.held:
            for held in self.held.get(self.expected, ()):
                if self.candidates:
                    self._narrow(held, "held checkpoint")

    def _signed(self, row: "_Row") -> Checkpoint | None:
        """Return a stored checkpoint if it may be believed."""
        size, note = row[0], _text(row[1])
        self.signatures += 1
        try:
            signed = self._fitting(size, note)
            if signed is None:
                signed = notes.verify(note, self.public, self.origin or None)
        except WireError as error:
            self.find(max(0, size - 1), f"checkpoint of {size} entries: {error}")
            return None
        if signed.size != size:
            self.find(max(0, size - 1), f"checkpoint of {size} entries: it says {signed.size}")
            return None
        self._vouch(size, note)
        return signed

    def _fitting(self, size: int, note: str) -> Checkpoint | None:
        """Return the checkpoint if it says what the entries are and a later one vouches for it.

        None: its signature must be looked at.
        """
        if size == self.newest_size or self.signatures <= self.most_signatures:
            return None
        for tree in self.candidates:
            root = tree.root()
            coded = base64.b64encode(root).decode()
            if note.startswith(f"{self.origin}\n{size}\n{coded}\n\n\u2014 {self.origin} "):
                self.unchecked += 1
                return Checkpoint(self.origin, size, root)
        return None

    def _vouch(self, size: int, note: str) -> None:
        """Hold a checkpoint against what trusted others signed at its size."""
        for key, line in self.cosigned.pop(size, ()):
            try:
                utc_s = cosignature.check(note, line, key)
            except WireError as error:
                first, last = min(self.vouched, max(0, size - 1)), size - 1
                self.find(first, f"{size} entries: {error}", last)
            else:
                self.witnessed[key.name] = Witnessed(key.name, size, utc_s)
                self.vouched = max(self.vouched, size)
        for der in self.tokens.pop(size, ()):
            try:
                utc_us = timestamp.check(der, note.encode(), self.trust.tsa_ca)
            except WireError as error:
                first, last = min(self.vouched, max(0, size - 1)), size - 1
                self.find(first, f"{size} entries: {error}", last)
            else:
                self.stamped = Stamped(size, utc_us)
                self.vouched = max(self.vouched, size)

    def _narrow(self, signed: Checkpoint, what: str) -> None:
        fitting = [tree for tree in self.candidates if tree.root() == signed.root]
        is_held = what.startswith("held")
        if not fitting:
            last = signed.size - 1
            first = self.vouched if is_held else self.proved
            span = f"entry {last}" if first == last else f"entries {first} to {last}"
            self.find(first, f"{span}: not what the {what} of {signed.size} entries says", last)
        else:
            self.proved = signed.size
            self.vouched = signed.size if is_held else self.vouched
        self.candidates = fitting

    def _end(self, beyond: "list[_Row]") -> None:
        """Look at what the checkpoints promise past the last entry, and what none covers."""
        sizes = [signed.size for row in beyond if (signed := self._signed(row)) is not None]
        promised = max(sizes, default=0)
        if promised > self.expected:
            self._cut(promised, "signed checkpoint")
        held = max(self.held, default=0)
        if held > max(self.expected, promised):
            self._cut(held, "held checkpoint")
        if any(one.root != EMPTY_ROOT for one in self.held.get(0, ())):
            self.find(NOWHERE, "held checkpoint: no entries, but not the empty root")
        for size in sorted({*self.cosigned, *self.tokens}):
            if size > self.start:
                self.find(max(0, size - 1), f"{size} entries: witnessed, but no such checkpoint")
        if self.candidates and self.proved < self.expected:
            last = self.expected - 1
            problem = f"entries {self.proved} to {last}: no signed checkpoint covers them"
            self.find(self.proved, problem, last)

    def _cut(self, promised: int, what: str) -> None:
        last = promised - 1
        self.missing.append((self.expected, last))
        problem = f"truncated: entries {self.expected} to {last} of the {what} are missing"
        self.find(self.expected, problem, last)


def _was_due(record: dict[str, Any]) -> bool:
    """Return whether the newest of what a rotation dropped was past the shortest term."""
    newest, when = record.get("media_to_utc_us"), record.get("ts_utc_us")
    return type(newest) is int and type(when) is int and when - newest >= TECHNICAL_US


def _is_plain(seq: int, header: bytes, opened: "list[_Row]") -> bool:
    """Return whether an entry whose leaf fits shows at a glance to be right.

    Its number and its commitments stand in it literally; a quote inside a text is escaped, so
    that no text can look like them. False only means that it has to be read.
    """
    if b',"seq":%d,' % seq not in header or b'"event":"log.rotate"' in header:
        return False
    for _, name, salt, value in opened:
        try:
            hashed = commitment(name, salt, value).encode()
        except (TypeError, AttributeError):
            return False  # not what we write
        if b'"%s":"%s"' % (name, hashed) not in header:
            return False
    return True


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
        if self._next is None or self._next[0] > number:
            return []
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


def _bytes(value: object) -> bytes:
    """Return a database text as the bytes that it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
