# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The log's own retention (D.4), and proofs over what is left.

Expired entries go only as a prefix that ends at a signed checkpoint; what stays of them is the
frontier of that size, the checkpoint, and an entry `log.rotate` that announces it. Personal values
whose own term ended before that of the entries around them are erased where they stand.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from gateway.audit import tables
from gateway.audit.catalogue import CATALOGUE, TECHNICAL_US, TERM_US, term_us
from gateway.audit.entry import Draft, LedgerEntry
from gateway.audit.tables import NODE_LEAVES, LedgerHead, Signer
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import LedgerError, WireError
from gateway.wire import checkpoint as notes
from gateway.wire.merkle import (
    Frontier,
    Node,
    consistency_path,
    inclusion_path,
    node_hash,
    root_of,
)

MOST_DROPPED = 10_000
"""Entries of one rotation: the writer's thread is busy for about 0.1 s."""
MOST_ERASED = 5_000
"""Entries whose values go in one transaction."""
MOST_BRIDGES = 64
"""Absent witnesses for which proofs are kept; those that cosigned last stay."""
_PAGE = 1_000
_HEADER = "cast(entry.header as text)"

Predicate = Callable[[LedgerEntry], bool]
"""Whether the personal values of an entry are meant; runs on a thread of its own."""
Ready = Callable[[LedgerEvent], Draft]
"""Makes an event ready for the log."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """A prefix that may go."""

    first: int
    size: int
    """Entries from `first` up to, without, this one are dropped; a checkpoint stands here."""
    frontier: Frontier
    from_utc_us: int
    to_utc_us: int
    """Oldest and newest time among them."""

    @property
    def entries(self) -> int:
        """Return how many entries go."""
        return self.size - self.first


@dataclass(frozen=True, slots=True)
class Erasure:
    """Entries whose personal values may go."""

    seqs: tuple[int, ...] = ()
    from_utc_us: int = 0
    to_utc_us: int = 0
    kept: int = 0
    """Entries that were meant but whose term the law does not let anybody shorten (LED)."""


# where the log starts, and proofs -----------------------------------------------------------------


def read_start(db: sqlite3.Connection) -> Frontier:
    """Return the frontier of what was dropped, empty if nothing; LedgerError if unreadable."""
    row = db.execute("select size, peaks from segment order by size desc limit 1").fetchone()
    try:
        return Frontier.unpack(*row) if row else Frontier()
    except WireError as error:
        raise LedgerError(f"ledger: segment: {error}") from error


def prove_inclusion(db: sqlite3.Connection, seq: int, size: int) -> list[bytes]:
    """Return the audit path of an entry in the tree of `size` entries.

    LedgerError if it was dropped, or is not there.
    """
    start = read_start(db)
    if not start.size <= seq < size:
        raise LedgerError(f"ledger: no proof for entry {seq} of {size}, from {start.size} on")
    return inclusion_path(seq, size, _node(db, start))


def prove_consistency(db: sqlite3.Connection, first: int, size: int) -> list[bytes]:
    """Return the proof that the tree of `size` entries continues that of the first `first`.

    LedgerError if that is not there, or lies in a dropped segment and was no witness's last size.
    """
    start = read_start(db)
    if first > size:
        raise LedgerError(f"ledger: no proof from {first} to {size}, from {start.size} on")
    return consistency_path(first, size, _node(db, start))


def _node(db: sqlite3.Connection, start: Frontier) -> Node:
    """Return what knows the root of any aligned subtree that is not inside what was dropped."""
    dropped: dict[tuple[int, int], bytes] = {}
    at = 0
    for bit, peak in zip(_bits(start.size), start.peaks, strict=True):
        dropped[at, at + bit] = peak
        at += bit
    dropped |= {(low, high): hash_ for low, high, hash_ in _bridges(db)}

    def root(low: int, high: int) -> bytes:
        if (known := dropped.get((low, high))) is not None:
            return known
        if high <= start.size:
            raise LedgerError(f"ledger: entries {low} to {high - 1} were dropped")
        if low >= start.size and high - low <= NODE_LEAVES:
            return _root(db, low, high)
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        return node_hash(root(low, middle), root(middle, high))

    return root


def _root(db: sqlite3.Connection, low: int, high: int) -> bytes:
    if high - low == NODE_LEAVES and low % NODE_LEAVES == 0:
        sql = "select hash from node where idx = ?"
        if (row := db.execute(sql, (low // NODE_LEAVES,)).fetchone()) is not None:
            return bytes(row[0])
    leaves = tables.read_leaves(db, low, high)
    if len(leaves) != high - low:
        raise LedgerError(f"ledger: entries {low} to {high - 1} are not all there")
    return root_of(leaves)


def _bits(size: int) -> list[int]:
    """Return the powers of two in `size`, largest first."""
    return [1 << at for at in reversed(range(size.bit_length())) if size >> at & 1]


def _frontier_at(db: sqlite3.Connection, size: int) -> Frontier:
    """Return the frontier of the first `size` entries, at least as many as were dropped."""
    node, at, peaks = _node(db, read_start(db)), 0, []
    for bit in _bits(size):
        peaks.append(node(at, at + bit))
        at += bit
    return Frontier(size, tuple(peaks))


# witnesses that were away ------------------------------------------------------------------------


def _bridges(db: sqlite3.Connection) -> Iterator[tuple[int, int, bytes]]:
    """Yield the subtrees of what was dropped that are kept for witnesses."""
    for low, high, hash_ in db.execute("select low, high, hash from bridge"):
        yield int(low), int(high), bytes(hash_)


def _last_sizes(db: sqlite3.Connection, size: int) -> dict[str, int]:
    """Return what each witness cosigned last where that is about to go, the newest of them."""
    rows = db.execute(
        "select witness, max(size) as last from"
        " (select witness, size from cosignature union all select witness, size from bridge)"
        " group by witness having last < ? order by last desc limit ?",
        (size, MOST_BRIDGES),
    )
    return {str(witness): int(last) for witness, last in rows if last > 0}


def _keep_bridges(db: sqlite3.Connection, size: int) -> None:
    """Keep, before a prefix goes, what proves to absent witnesses that the log continues theirs.

    Those are the perfect subtrees below a witness's last size and from there to the cut, at most
    three for each bit of the log's size; the witness checks them, nobody else believes them.
    """
    node = _node(db, read_start(db))
    rows = [
        (witness, last, low, high, node(low, high))
        for witness, last in _last_sizes(db, size).items()
        for low, high in (*_perfect(0, last), *_perfect(last, size))
    ]
    db.execute("delete from bridge")
    db.executemany("insert into bridge values (?, ?, ?, ?, ?)", rows)


def _perfect(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield the largest aligned subtrees that make up a range, from left to right."""
    while low < high:
        span = 1 << ((high - low).bit_length() - 1)
        if low:
            span = min(span, low & -low)
        yield low, low + span
        low += span


# dropping an expired prefix -----------------------------------------------------------------------


def plan_rotation(db: sqlite3.Connection, now_us: int, signer: Signer) -> Rotation | None:
    """Return the next prefix of which every entry is past its term, None if there is none.

    It ends at a checkpoint, if possible one that a witness has cosigned. Reads only. LedgerError
    if the entries are not what was signed: whoever tampered must not have the rest destroyed.
    """
    start = read_start(db)
    limit = _first_kept(db, start.size, now_us)
    size = _cut(db, start.size, limit)
    if not size:
        return None
    frontier = _frontier_at(db, size)
    try:
        signed = notes.verify(tables.read_checkpoint(db, size), signer.public, signer.origin)
    except WireError as error:
        raise LedgerError(f"ledger: nothing is dropped: {error}") from error
    if (signed.size, signed.root) != (size, frontier.root()):
        raise LedgerError(f"ledger: nothing is dropped: {size} entries are not what was signed")
    return Rotation(start.size, size, frontier, *_times(db, range(start.size, size)))


def _first_kept(db: sqlite3.Connection, start: int, now_us: int) -> int:
    """Return the first entry that is not past its term, or is still open."""
    expired, values = _expired(now_us)
    kept = db.execute(
        f"select seq from entry where seq >= ? and not {expired} order by seq limit 1",  # noqa: S608 - our own words
        (start, *values),
    ).fetchone()
    (last,) = db.execute("select coalesce(max(seq), -1) from entry").fetchone()
    (unclosed,) = db.execute("select min(seq) from unclosed").fetchone()
    limit = kept[0] if kept else last  # the last entry stays, so that the log is never empty
    return int(limit if unclosed is None else min(limit, unclosed))


def _cut(db: sqlite3.Connection, start: int, limit: int) -> int:
    """Return the size at which the log is cut: cosigned if possible, else large; 0 for none."""
    for sql, end in (
        ("select max(size) from cosignature where size > ? and size <= ?", limit),
        ("select max(size) from checkpoint where size > ? and size <= ?", limit),
        ("select min(size) from checkpoint where size > ? and size <= ?", limit),
    ):
        most = min(end, start + MOST_DROPPED) if "max" in sql else end
        if (size := db.execute(sql, (start, most)).fetchone()[0]) is not None:
            return int(size)
    return 0


def rotate(
    db: sqlite3.Connection, rotation: Rotation, ready: Ready, now_us: int, signer: Signer
) -> LedgerHead:
    """Drop a planned prefix and write it down, inside one transaction."""
    if read_start(db).size != rotation.first:
        raise LedgerError("ledger: rotated by somebody else")
    announced = LedgerEvent(
        "log.rotate",
        Operation.DELETION,
        Regime.GDPR,
        object_type="segment",
        object_id=str(rotation.size),
        content_hash=rotation.frontier.root().hex(),
        count=rotation.entries,
        media_from_utc_us=rotation.from_utc_us,
        media_to_utc_us=rotation.to_utc_us,
    )
    size = rotation.size
    _keep_bridges(db, size)
    head = tables.insert_drafts(db, [ready(announced)], signer)
    db.execute(
        "insert into segment values(?, ?, ?, ?, ?, ?)",
        (
            size,
            rotation.first,
            rotation.frontier.pack(),
            rotation.from_utc_us,
            rotation.to_utc_us,
            now_us,
        ),
    )
    ends = "(select size from segment)"
    db.execute("delete from opened where seq < ?", (size,))
    db.execute("delete from entry where seq < ?", (size,))
    for table in ("checkpoint", "cosignature", "token"):
        db.execute(f"delete from {table} where size < ? and size not in {ends}", (size,))  # noqa: S608 - our own words
    db.execute("delete from node where idx < ?", (size // NODE_LEAVES,))
    return head


# erasing values -----------------------------------------------------------------------------------


def plan_expiry(db: sqlite3.Connection, now_us: int) -> Erasure:
    """Return the entries past their term that still have personal values, at most MOST_ERASED."""
    expired, values = _expired(now_us)
    rows = db.execute(
        "select entry.seq from (select distinct seq from opened) as kept"  # noqa: S608 - our own words
        f" join entry on entry.seq = kept.seq where {expired} limit ?",
        (*values, MOST_ERASED),
    ).fetchall()
    seqs = tuple(seq for (seq,) in rows)
    return Erasure(seqs, *_times(db, seqs)) if seqs else Erasure()


def plan_request(db: sqlite3.Connection, predicate: Predicate, now_us: int) -> Erasure:
    """Return the entries that a predicate means; those under the LED only after their term."""
    seqs: list[int] = []
    kept = 0
    for entry in _with_values(db):
        if not predicate(entry):
            continue
        term = term_us(entry.event.event, entry.event.regime)
        if entry.event.regime is Regime.LED and entry.utc_us + term > now_us:
            kept += 1
        else:
            seqs.append(entry.seq)
    return Erasure(tuple(seqs), *_times(db, seqs), kept) if seqs else Erasure(kept=kept)


def _with_values(db: sqlite3.Connection) -> Iterator[LedgerEntry]:
    after = -1
    while page := tables.read_entries(db, after, _PAGE):
        after = page[-1].seq
        yield from (one for one in page if len(one.erased) < _committed(one))


def _committed(entry: LedgerEntry) -> int:
    return len(json.loads(entry.header).get("commit", ()))


def erase(
    db: sqlite3.Connection, erasure: Erasure, why: LedgerEvent, ready: Ready, signer: Signer
) -> LedgerHead:
    """Delete the planned values and write down how many and of when, inside one transaction."""
    listed = json.dumps(erasure.seqs)
    ours = "seq in (select value from json_each(?))"
    (entries,) = db.execute(
        f"select count(distinct seq) from opened where {ours}",  # noqa: S608 - our own words
        (listed,),
    ).fetchone()
    db.execute(f"delete from opened where {ours}", (listed,))  # noqa: S608 - our own words
    done = replace(
        why,
        object_type="values",
        object_id=f"{min(erasure.seqs)}-{max(erasure.seqs)}",
        count=entries,
        media_from_utc_us=erasure.from_utc_us,
        media_to_utc_us=erasure.to_utc_us,
    )
    return tables.insert_drafts(db, [ready(done)], signer)


EXPIRED = LedgerEvent("log.erase", Operation.DELETION, Regime.GDPR, channel="term")
"""Why values go when nobody asks: their term is over."""


def _expired(now_us: int) -> tuple[str, Sequence[int | str]]:
    """Return SQL, with its values, that is true for an entry past its term.

    An entry without a readable time never is.
    """
    technical = [one.code for one in CATALOGUE.values() if one.technical]
    marks = ", ".join("?" * len(technical))
    sql = (
        f"coalesce(json_extract({_HEADER}, '$.ts_utc_us') < case"
        f" when json_extract({_HEADER}, '$.event') in ({marks}) then ?"
        f" when json_extract({_HEADER}, '$.regime') = 'GDPR' then ? else ? end, 0)"
    )
    ends = (now_us - TECHNICAL_US, now_us - TERM_US[Regime.GDPR], now_us - TERM_US[Regime.LED])
    return sql, (*technical, *ends)


def _times(db: sqlite3.Connection, seqs: Sequence[int]) -> tuple[int, int]:
    """Return the oldest and the newest time of some entries."""
    time = f"json_extract({_HEADER}, '$.ts_utc_us')"
    if isinstance(seqs, range):
        where, values = "seq >= ? and seq < ?", (seqs.start, seqs.stop)
        sql = f"select min({time}), max({time}) from entry where {where}"  # noqa: S608 - our own words
        oldest, newest = db.execute(sql, values).fetchone()
    else:
        sql = (
            f"select min({time}), max({time}) from entry"  # noqa: S608 - our own words
            " where seq in (select value from json_each(?))"
        )
        oldest, newest = db.execute(sql, (json.dumps(list(seqs)),)).fetchone()
    return int(oldest or 0), int(newest or 0)
