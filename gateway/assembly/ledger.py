# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The ledger as the console reads it: pages, verification, exports."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from gateway.assembly.exporting import ExportFile, ExportMaker
from gateway.audit import tables
from gateway.audit.entry import LedgerEntry
from gateway.audit.export import Keys
from gateway.audit.ledger import Ledger
from gateway.audit.search import LedgerPage, backward, forward, open_reading
from gateway.audit.tables import LedgerHead
from gateway.audit.verify import NO_TRUST, Trust, VerifyReport, verify
from gateway.audit.wording import moment
from gateway.console.services import Box, ExportWish, LedgerPlace, Notices, Vouched, Vouching
from gateway.model.access import Grant
from gateway.model.audit import ExportForm, LedgerEvent, LedgerQuery, LedgerReceipt, Operation
from gateway.model.errors import InvariantError, StoreError
from gateway.model.registry import Registry
from gateway.runtime.clock import Clock
from gateway.wire.checkpoint import VerifierKey

MOST_EXPORTS: Final = 2
"""Exports that are made at once: each reads the whole log."""


@dataclass(frozen=True, slots=True)
class LedgerSurroundings:
    """What exports say about the box around the log."""

    registry: Callable[[], Registry]
    box: Box
    clock: Clock
    origin: str
    witnesses: tuple[str, ...] = ()
    """Public keys, as they are handed to auditors."""
    altered: Callable[[], str] = str
    """What the last verification at the start or at night found wrong; empty: nothing."""


def verified_to(notices: Notices) -> Callable[[LedgerEvent, LedgerReceipt], None]:
    """Return a watcher of the log that tells every page to look again once it was verified."""

    def watch(event: LedgerEvent, receipt: LedgerReceipt) -> None:
        del receipt
        if event.event == "log.verify":
            notices.tell("ledger", {}, to=lambda _: True)

    return watch


class LedgerDesk:
    """The ledger as pages and auditors read it."""

    def __init__(
        self,
        ledger: Ledger,
        path: Path,
        public_key: bytes,
        surroundings: LedgerSurroundings | None = None,
        trust: Trust = NO_TRUST,
    ) -> None:
        """Without `surroundings` nothing can be exported; `trust`: whom verification believes."""
        self._ledger = ledger
        self._path = path
        self._public_key = public_key
        self._surroundings = surroundings
        self._trust = trust
        self._one_export = asyncio.Semaphore(MOST_EXPORTS)

    async def entries(self, after: int, limit: int) -> Sequence[LedgerEntry]:
        """Return entries with a sequence above `after`."""
        return await self._ledger.entries(after, limit)

    def head(self) -> LedgerHead:
        """Return size, root and newest checkpoint."""
        return self._ledger.head()

    async def verify(self) -> VerifyReport:
        """Verify the file as a stranger would, off the loop."""
        return await asyncio.to_thread(self._verify)

    def _verify(self) -> VerifyReport:
        return verify(self._path, self._public_key, None, self._trust)

    async def search(self, query: LedgerQuery, place: LedgerPlace) -> LedgerPage:
        """Return a page of matching entries; StoreError if the file cannot be read."""
        return await asyncio.to_thread(self._search, query, place)

    def _search(self, query: LedgerQuery, place: LedgerPlace) -> LedgerPage:
        try:
            with closing(open_reading(self._path)) as db:
                if place.after is not None:
                    return forward(db, query, place.after, place.limit)
                return backward(db, query, place.before, place.limit)
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error

    async def vouched(self) -> Vouched:
        """Return who outside vouches for the log, and what is known to be wrong with it."""
        vouched = await asyncio.to_thread(self._vouched)
        around = self._surroundings
        return replace(vouched, altered=around.altered()) if around is not None else vouched

    def _vouched(self) -> Vouched:
        try:
            with closing(open_reading(self._path)) as db:
                cosigned = tables.read_newest_cosignatures(db)
                stamp = tables.read_newest_token(db)
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error
        return Vouched(
            tuple(Vouching(one.witness, one.size, one.utc_s * 1_000_000) for one in cosigned),
            Vouching("", stamp.size, stamp.utc_us) if stamp is not None else None,
        )

    async def export(self, wish: ExportWish, grant: Grant) -> ExportFile:
        """Return entries as a file and write what left.

        Two at once; more wait. StoreError, or LedgerError if the entry cannot be written: then
        nothing leaves.
        """
        around = self._surroundings
        if around is None:
            raise InvariantError("an export without surroundings")
        size = self._ledger.head().size
        async with self._one_export:
            maker = ExportMaker(
                self._path,
                Keys(VerifierKey(around.origin, self._public_key), around.witnesses),
                around.registry(),
                around.box,
                moment(around.clock.now().utc_us),
                size,
            )
            made = await asyncio.to_thread(self._make, maker, wish, grant)
        try:
            await self._ledger.append(_exported(grant, made))
        except BaseException:
            made.file.close()
            raise
        return made

    def _make(self, maker: ExportMaker, wish: ExportWish, grant: Grant) -> ExportFile:
        request = grant.request
        if wish.form in (ExportForm.REPORT, ExportForm.ADMINISTRATORS):
            maker = replace(maker, verified=self._verify(), vouched=_in_italian(self._vouched()))
        aim = request.purpose.value if request.purpose else ""
        return maker.make(wish, request.actor, aim)


def _in_italian(vouched: Vouched) -> tuple[str, ...]:
    words = [f"testimone {one.name}" for one in vouched.witnesses]
    every = [*vouched.witnesses]
    if vouched.anchor is not None:
        words.append("marca temporale")
        every.append(vouched.anchor)
    return tuple(
        f"{word}: le prime {one.size} voci, {moment(one.utc_us):%d/%m/%Y %H:%M}"
        for word, one in zip(words, every, strict=True)
    )


def _exported(grant: Grant, made: ExportFile) -> LedgerEvent:
    """Return the entry on what left: how much, and the hash by which it is known again."""
    request = grant.request
    actor = request.actor
    return LedgerEvent(
        event="log.export",
        operation=Operation.COMMUNICATION,
        regime=grant.regime,
        actor_id=actor.id,
        actor_type="human",
        org=actor.organisation,
        role=actor.role.value,
        auth_method=actor.method,
        session_id=actor.session,
        src_ip=actor.source_ip,
        object_type="ledger",
        object_id=made.name,
        purpose_code=request.purpose.value if request.purpose else "",
        case_ref=request.case,
        recipient_org=actor.organisation,
        channel="file",
        bytes=made.bytes,
        count=made.entries,
        content_hash=made.sha256,
        closes=grant.ledger_seq,
    )
