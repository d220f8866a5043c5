# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The log of who looked: appended durably, signed with every batch, closed again after a crash.

While the main database refuses, entries go to the spare (see `gateway.audit.spare`) for a bounded
time; after that, and when the spare refuses too, LedgerError: no picture leaves (D.5.6).
"""

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit import segments, tables
from gateway.audit.catalogue import CATALOGUE
from gateway.audit.entry import Draft, LedgerEntry, draft
from gateway.audit.segments import EXPIRED, Erasure, Predicate, Rotation
from gateway.audit.spare import Spare
from gateway.audit.tables import Cosigned, LedgerHead, Row, Signer, Stamp
from gateway.model.audit import LedgerEvent, LedgerReceipt
from gateway.model.errors import InvariantError, LedgerError, StoreError, WireError
from gateway.model.time import ClockQuality
from gateway.runtime.clock import Clock
from gateway.runtime.store import Store, open_store
from gateway.wire.merkle import Frontier

log = logging.getLogger(__name__)

ANSWER_S: Final = 10.0
"""An append that takes longer is refused: a disk that hangs has failed. It may still land."""
SPARE_S: Final = 900.0
"""How long the spare stands in: enough to make room on a disk, too short to forget about it."""
SPARE_ENTRIES: Final = 10_000
"""The same bound in entries: a shift of a busy room, about 8 MB."""
RETRY_S: Final = 1.0
"""How often the main database is tried again while the spare stands in."""
MOST_WAITING: Final = 4_096
"""Appends that may wait at once; below the store's own bound, so that it never refuses early."""
MOST_ENTRIES: Final = 1_000
"""Entries that one `entries` call returns."""
MOST_ROTATIONS: Final = 100
"""Prefixes that one `rotate` call drops; what is left waits for the next night."""

T = TypeVar("T")
Offset = Callable[[], int]
"""Our clock minus true time in milliseconds; 0: not known."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the log's retention did."""

    rotations: tuple[Rotation, ...] = ()
    erased: int = 0
    """Entries whose personal values went before the entries themselves."""


@dataclass(frozen=True, slots=True)
class Extension:
    """What a witness is asked to cosign."""

    note: str
    """The newest checkpoint."""
    size: int
    first: int
    """What it cosigned last; 0: nothing."""
    proof: tuple[bytes, ...]
    """That the log of `size` entries continues the one of `first` (RFC 6962 §2.1.2)."""


class Ledger:
    """One log; made by `open_ledger`."""

    def __init__(
        self, store: Store, signer: Signer, clock: Clock, spare: Spare | None, offset: Offset
    ) -> None:
        self._store = store
        self._signer = signer
        self._clock = clock
        self._spare = spare
        self._offset = offset
        self._upkeep = asyncio.Lock()
        """One rotation or erasure at a time: what was planned must still be so."""
        self._software = _software()
        self._head = LedgerHead(0, b"", "")
        self._tips: dict[int, bytes] = {}
        """Root by size of what this process wrote and of the newest that it knows on disk."""
        self._waiting = 0
        self._settled = asyncio.Event()
        self._settled.set()
        self._one_spill = asyncio.Lock()
        self._spilling = False
        self._spilled_since_s = 0.0
        self._tried_s = 0.0

    @property
    def spilling(self) -> bool:
        """Return whether entries go to the spare file now."""
        return self._spilling

    async def prove(self) -> None:
        """Run an empty transaction: returns while the disk thread makes progress, else raises."""
        async with asyncio.timeout(ANSWER_S):
            await self._store.write(lambda _: None)

    async def append(self, event: LedgerEvent) -> LedgerReceipt:
        """Write one entry; returns once it is on disk. See `append_many`."""
        (receipt,) = await self.append_many((event,))
        return receipt

    async def append_many(self, events: Sequence[LedgerEvent]) -> list[LedgerReceipt]:
        """Write entries in order, all or none, signed together; returns once they are on disk.

        LedgerError if neither the database nor the spare takes them; InvariantError for a code
        that is not in the catalogue. Cancelling does not take them back.
        """
        for event in events:
            if event.event not in CATALOGUE:
                raise InvariantError(f"ledger: {event.event!r} is not in the catalogue of events")
        return await self._enter(events)

    async def _enter(self, events: Sequence[LedgerEvent]) -> list[LedgerReceipt]:
        if not events:
            return []
        if self._waiting >= MOST_WAITING:
            raise LedgerError(f"{self._store.path}: {self._waiting} entries wait for the disk")
        drafts = [self._ready(event) for event in events]
        self._entered()
        try:
            async with asyncio.timeout(ANSWER_S):
                return await asyncio.shield(self._append(drafts))
        except TimeoutError as error:
            raise LedgerError(f"{self._store.path}: no answer within {ANSWER_S:.0f} s") from error

    def _ready(self, event: LedgerEvent) -> Draft:
        now, offset_ms = self._clock.now(), self._offset()
        return draft(event, now, self._software, os.urandom, offset_ms)

    async def _append(self, drafts: list[Draft]) -> list[LedgerReceipt]:
        """Write to the database, or to the spare; runs to its end even if nobody waits."""
        try:
            if not self._spilling:
                try:
                    return await self._to_main(drafts)
                except LedgerError as error:
                    self._begin_spilling(str(error))
        finally:
            self._left()
        return await self._to_spare(drafts)

    def _entered(self) -> None:
        self._waiting += 1
        self._settled.clear()

    def _left(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._settled.set()

    async def _to_main(self, drafts: list[Draft]) -> list[LedgerReceipt]:
        job = partial(tables.insert_drafts, drafts=drafts, signer=self._signer)
        head = await self._write(job)
        return _receipts(drafts, head.size - len(drafts))

    async def _write(self, job: "partial[LedgerHead]") -> LedgerHead:
        """Run a job that moves the head; LedgerError if the database refuses."""
        try:
            head = await self._store.write(partial(self._continue, job))
        except (StoreError, sqlite3.Error) as error:
            raise LedgerError(str(error)) from error
        if head.size > self._head.size:
            self._head = head
            for size in [one for one in tuple(self._tips) if one < head.size]:
                del self._tips[size]
        return head

    def _continue(self, job: "partial[LedgerHead]", db: sqlite3.Connection) -> LedgerHead:
        """Run a job on the store's thread, only where this process left the log.

        Somebody with the file in hand can rewrite it while we run; whoever went on from there
        would sign the forgery.
        """
        found = tables.read_frontier(db)
        if self._tips.get(found.size) != found.root():
            raise LedgerError(f"{self._store.path}: was changed by somebody else while in use")
        head = job(db)
        self._tips[head.size] = head.root
        return head

    def _begin_spilling(self, problem: str) -> None:
        if self._spare is None:
            raise LedgerError(problem)
        self._tried_s = self._clock.monotonic_s()
        if not self._spilling:
            self._spilling = True
            self._spilled_since_s = self._tried_s
            log.error("ledger-spills", extra={"problem": problem, "spare": str(self._spare.path)})

    async def _to_spare(self, drafts: list[Draft]) -> list[LedgerReceipt]:
        """Write to the spare, in turn, after everything that was on its way to the database."""
        async with self._one_spill:
            await self._settled.wait()
            if self._spilling and self._clock.monotonic_s() - self._tried_s >= RETRY_S:
                await self._try_merge()
            if not self._spilling:
                try:
                    return await self._to_main(drafts)
                except LedgerError as error:
                    self._begin_spilling(str(error))
                    await self._settled.wait()
            spare = self._spare_or_refuse(len(drafts))
            first = self._head.size + len(spare)
            rows = [_spilled_row(one, first + at) for at, one in enumerate(drafts)]
            await asyncio.to_thread(spare.append, first, self._head.root, rows)
            return _receipts(drafts, first)

    def _spare_or_refuse(self, more: int) -> Spare:
        spare = self._spare
        if spare is None:
            raise LedgerError(f"{self._store.path}: not writable, and there is no spare")
        spilled_s = self._clock.monotonic_s() - self._spilled_since_s
        if spilled_s > SPARE_S:
            raise LedgerError(f"{self._store.path}: not writable for {spilled_s:.0f} s")
        if len(spare) + more > SPARE_ENTRIES:
            raise LedgerError(f"{spare.path}: spare ledger is full ({SPARE_ENTRIES} entries)")
        return spare

    async def _try_merge(self) -> None:
        """Bring the spare's rows into the database and leave it behind, if the database writes."""
        self._tried_s = self._clock.monotonic_s()
        try:
            await self._merge()
        except LedgerError as error:
            log.warning("ledger-merge-fails", extra={"problem": str(error)})
        else:
            self._spilling = False

    async def _merge(self) -> None:
        spare = self._spare
        if spare is None:
            return
        if rows := spare.rows:
            job = partial(tables.insert_rows, first=spare.first, rows=rows, signer=self._signer)
            await self._write(job)
            log.info("ledger-merged", extra={"entries": len(rows), "spare": str(spare.path)})
        await self._clear(spare)

    async def _clear(self, spare: Spare) -> None:
        """Remove a spare file whose rows are in the database; one that stays does no harm."""
        try:
            await asyncio.to_thread(spare.clear)
        except LedgerError as error:
            log.warning("ledger-spare-stays", extra={"problem": str(error)})

    def head(self) -> LedgerHead:
        """Return how far the database reaches; what is in the spare counts once it is merged."""
        return self._head

    def checkpoint(self) -> str:
        """Return the newest signed checkpoint, empty before the first entry."""
        return self._head.checkpoint_note

    async def entries(self, after: int = -1, limit: int = 100) -> list[LedgerEntry]:
        """Return entries above `after`, oldest first, with the personal values still kept.

        At most MOST_ENTRIES. LedgerError if the database cannot be read.
        """
        most = max(0, min(limit, MOST_ENTRIES))
        try:
            return await self._store.read(partial(tables.read_entries, after=after, limit=most))
        except StoreError as error:
            raise LedgerError(str(error)) from error

    async def _begin(self) -> None:
        """Check the head, merge what a spare holds, close what a crash left open."""
        read = partial(tables.read_head, signer=self._signer)
        try:
            self._head = await self._store.write(read)
            self._tips = {self._head.size: self._head.root}
        except LedgerError as error:
            raise LedgerError(f"{self._store.path}: {error}") from error
        except (StoreError, sqlite3.Error) as error:
            raise LedgerError(str(error)) from error
        if self._spare is not None:
            await self._merge_leftover(self._spare)
        await self.close_open_after_crash()

    async def _merge_leftover(self, spare: Spare) -> None:
        """Merge what an earlier process left, unless it was merged just before it died."""
        await asyncio.to_thread(spare.load)
        if not len(spare):
            return
        if spare.first == self._head.size:
            self._begin_spilling("an earlier process left a spare ledger")
            await self._try_merge()
            return
        stored = await self._store.read(partial(tables.read_header, seq=spare.first))
        if stored != spare.rows[0].header:
            raise LedgerError(f"{spare.path}: continues another ledger than {self._store.path}")
        await self._clear(spare)

    async def close_open_after_crash(self) -> list[LedgerReceipt]:
        """Write a closing entry for everything that is still open; done when a ledger is opened.

        The result is `error`, the error `crash`; what was transferred is not known.
        """
        try:
            left = await self._store.read(tables.read_unclosed)
        except StoreError as error:
            raise LedgerError(str(error)) from error
        return await self._enter([_crash_closing(entry) for entry in left])

    # retention -----------------------------------------------------------------------------------

    async def rotate(self) -> Kept:
        """Drop what is past its term, then erase values past theirs in what is left (D.4).

        Each step is one transaction and one entry that tells of it. Nothing happens while our
        clock is not known to be right. LedgerError if the log is not what was signed, or refuses.
        """
        now = self._clock.now()
        if now.quality is ClockQuality.UNSYNCHRONISED:
            return Kept()
        rotations: list[Rotation] = []
        erased = 0
        async with self._upkeep:
            plan = partial(segments.plan_rotation, now_us=now.utc_us, signer=self._signer)
            while len(rotations) < MOST_ROTATIONS:
                if (rotation := await self._read(plan)) is None:
                    break
                await self._aside(
                    partial(
                        segments.rotate,
                        rotation=rotation,
                        ready=self._ready,
                        now_us=now.utc_us,
                        signer=self._signer,
                    )
                )
                rotations.append(rotation)
            while (gone := await self._read(partial(segments.plan_expiry, now_us=now.utc_us))).seqs:
                await self._erase(gone, EXPIRED)
                erased += len(gone.seqs)
        if rotations or erased:
            await self._scrub()
        return Kept(tuple(rotations), erased)

    async def erase(self, predicate: Predicate, why: LedgerEvent) -> Erasure:
        """Erase the personal values of the entries that `predicate` means; the log still verifies.

        `why` is the `log.erase` entry of who asks; place, count and time range are filled in.
        Values under the LED stay for their five years and are counted as kept. LedgerError if
        the log cannot be read or written; then nothing was erased.
        """
        now_us = self._clock.now().utc_us
        async with self._upkeep:
            plan = partial(segments.plan_request, predicate=predicate, now_us=now_us)
            erasure = await self._read(plan)
            if erasure.seqs:
                await self._erase(erasure, why)
                await self._scrub()
        return erasure

    async def _erase(self, erasure: Erasure, why: LedgerEvent) -> None:
        job = partial(
            segments.erase, erasure=erasure, why=why, ready=self._ready, signer=self._signer
        )
        await self._aside(job)

    async def _aside(self, job: "partial[LedgerHead]") -> None:
        """Run a job that moves the head and is no append; never beside a spare with places given.

        LedgerError while the spare stands in. Cancelling does not take it back.
        """

        async def run() -> None:
            try:
                await self._write(job)
            finally:
                self._left()

        if self._spilling:
            raise LedgerError(f"{self._store.path}: the spare stands in")
        self._entered()
        await asyncio.shield(run())

    async def _scrub(self) -> None:
        """Have what was deleted leave the write-ahead file, too; a busy reader may delay that."""
        try:
            await asyncio.to_thread(_truncate_log, self._store.path)
        except sqlite3.Error as error:
            log.warning("ledger-not-scrubbed", extra={"problem": str(error)})

    # what others vouch for -----------------------------------------------------------------------

    async def extension(self, first: int) -> Extension:
        """Return the newest checkpoint with the proof that it continues that of `first` entries.

        LedgerError if there is no checkpoint, or `first` lies in a segment that was dropped and no
        witness cosigned that size last.
        """
        return await self._read(partial(_extension, first=first))

    async def keep_cosignature(self, one: Cosigned) -> None:
        """Keep a witness's line that the caller has checked; LedgerError if it cannot be."""
        await self._note(partial(tables.insert_cosignature, one=one))

    async def keep_token(self, one: Stamp) -> None:
        """Keep an authority's token that the caller has checked; LedgerError if it cannot be."""
        await self._note(partial(tables.insert_token, one=one))

    async def cosignatures(self) -> list[Cosigned]:
        """Return the newest cosignature of each witness."""
        return await self._read(tables.read_newest_cosignatures)

    async def newest_token(self) -> Stamp | None:
        """Return the newest token."""
        return await self._read(tables.read_newest_token)

    async def _read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._store.read(job)
        except StoreError as error:
            raise LedgerError(str(error)) from error

    async def _note(self, job: Callable[[sqlite3.Connection], None]) -> None:
        try:
            await self._store.write(job)
        except (StoreError, sqlite3.Error) as error:
            raise LedgerError(str(error)) from error

    async def _end(self) -> None:
        """Wait for what is under way, then try once more to empty the spare."""
        await self._settled.wait()
        async with self._one_spill:
            if self._spilling:
                await self._try_merge()


def _receipts(drafts: Sequence[Draft], first: int) -> list[LedgerReceipt]:
    return [LedgerReceipt(first + at, one.id, one.at.utc_us) for at, one in enumerate(drafts)]


def _spilled_row(one: Draft, seq: int) -> Row:
    header = one.header(seq, spilled=True)
    return Row(header, one.openings, one.event.opens, one.event.closes)


def _crash_closing(entry: LedgerEntry) -> LedgerEvent:
    """Return the entry that ends `entry`: `live.open` is followed by `live.close`."""
    return replace(
        entry.event,
        event=f"{entry.event.event.removesuffix('.open')}.close",
        result="error",
        error="crash",
        opens=False,
        closes=entry.seq,
    )


def _extension(db: sqlite3.Connection, first: int) -> Extension:
    """Read checkpoint and proof from one state of the log."""
    db.execute("begin")
    row = db.execute("select size, note from checkpoint order by size desc limit 1").fetchone()
    if row is None:
        raise LedgerError("ledger: no checkpoint yet")
    size, note = row
    return Extension(note, size, first, tuple(segments.prove_consistency(db, first, size)))


def _truncate_log(path: Path) -> None:
    """Move the write-ahead file into the database and cut it to nothing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("pragma busy_timeout = 5000")
        db.execute("pragma wal_checkpoint(truncate)")


def _software() -> str:
    try:
        return version("varco")
    except PackageNotFoundError:
        return "source"  # run from a checkout that was never installed


@asynccontextmanager
async def open_ledger(
    path: Path,
    *,
    origin: str,
    key: Ed25519PrivateKey,
    clock: Clock,
    spare: Path | None = None,
    offset: Offset = int,
) -> AsyncIterator[Ledger]:
    """Open (or create) the log named `origin`, whose checkpoints `key` signs.

    `spare`: file of the second sink, best on another disk. `offset`: asked at every entry for our
    clock minus true time in milliseconds, 0 while that is not known. LedgerError if the file
    cannot be used, was signed by another key, or does not end where its newest checkpoint says.
    """
    async with AsyncExitStack() as stack:
        try:
            signer = Signer(origin, key)
            signer.sign(Frontier())
            store = await stack.enter_async_context(open_store(path, tables.SCHEMA))
            ledger = Ledger(store, signer, clock, Spare(spare) if spare else None, offset)
            await ledger._begin()  # noqa: SLF001 - same module
        except LedgerError:
            raise
        except (StoreError, WireError) as error:
            raise LedgerError(f"{path}: {error}") from error
        try:
            yield ledger
        finally:
            await asyncio.shield(ledger._end())  # noqa: SLF001 - same module
