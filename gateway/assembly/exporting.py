# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Entries on their way out: made into one file that nobody else can open, and accounted for.

The file has no name on disk: when the last reader lets go of it, it is gone.
"""

import hashlib
import re
import secrets
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from gateway.audit import administrators, ocsf, report, search, table, wording
from gateway.audit.entry import LedgerEntry
from gateway.audit.export import Keys, export_zip
from gateway.audit.report import Cover, Proof
from gateway.audit.verify import VerifyReport
from gateway.console.services import Box, ExportWish
from gateway.console.views import discreet
from gateway.model.access import Actor
from gateway.model.audit import ExportForm, LedgerQuery
from gateway.model.errors import StoreError
from gateway.model.registry import Registry

_SUFFIXES: Final = {
    ExportForm.PACKAGE: ("zip", "application/zip"),
    ExportForm.TABLE: ("csv", "text/csv; charset=utf-8"),
    ExportForm.MONITORS: ("ocsf.jsonl", "application/x-ndjson"),
    ExportForm.REPORT: ("html", "text/html; charset=utf-8"),
    ExportForm.ADMINISTRATORS: ("html", "text/html; charset=utf-8"),
}


@dataclass(frozen=True, slots=True)
class ExportFile:
    """An export that is ready to be sent."""

    file: BinaryIO
    """At its beginning; whoever sends it closes it."""
    name: str
    content_type: str
    bytes: int
    entries: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ExportMaker:
    """What every export needs to know. Everything here blocks; call it on a thread."""

    path: Path
    keys: Keys
    registry: Registry
    box: Box
    made: datetime
    size: int
    """Entries that count: those that were there when it was asked for."""
    verified: VerifyReport | None = None
    """For pages: what verification found just now."""
    vouched: tuple[str, ...] = ()

    def make(self, wish: ExportWish, by: Actor, aim: str) -> ExportFile:
        """Return the file; StoreError if ledger or disk fail."""
        try:
            return self._made(wish, by, aim)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self.path}: ledger export: {error}") from error

    def _made(self, wish: ExportWish, by: Actor, aim: str) -> ExportFile:
        suffix, content_type = _SUFFIXES[wish.form]
        file: BinaryIO = tempfile.TemporaryFile(dir=self.path.parent)  # noqa: SIM115 - closed by whoever sends it
        try:
            if wish.form is ExportForm.PACKAGE:
                entries = export_zip(self.path, file, self.keys, wish.query).entries
            else:
                entries = self._write(file, wish, (by, aim))
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # it is a BinaryIO
            long = file.tell()
            file.seek(0)
        except BaseException:
            file.close()
            raise
        name = f"varco-registro-{self.box.name}-{self.size}.{suffix}"
        safe = re.sub(r"[^A-Za-z0-9.-]+", "-", name)
        return ExportFile(file, safe, content_type, long, entries, digest)

    def _write(self, file: BinaryIO, wish: ExportWish, why: tuple[Actor, str]) -> int:
        """Write a table, lines or a page; return how many entries it is about."""
        query = wish.query
        counted = _Counted()
        entries = counted.of(self._readable(query))
        if wish.form is ExportForm.TABLE:
            file.writelines(table.table(entries, self.registry, bom=wish.bom))
            return counted.count
        if wish.form is ExportForm.MONITORS:
            file.writelines(ocsf.lines(entries, secrets.token_bytes(ocsf.KEY_BYTES)))
            return counted.count
        cover, proof = self._cover(query, why), self._proof()
        if wish.form is ExportForm.REPORT:
            page = report.report(entries, self.registry, cover, proof)
        else:
            page = administrators.report(entries, self.registry, cover, proof, wish.year)
        file.write(page.encode("utf-8", "replace"))
        return counted.count

    def _readable(self, query: LedgerQuery) -> Iterator[LedgerEntry]:
        """Return matching entries as the readers of one organisation see them on a page, too."""
        for entry in search.read(self.path, query, self.size):
            event = discreet(entry.event, self.registry, query.organisation)
            yield entry if event is entry.event else replace(entry, event=event)

    def _cover(self, query: LedgerQuery, why: tuple[Actor, str]) -> Cover:
        by, aim = why
        since = _day(query.from_utc_us) if query.from_utc_us else "dall'inizio"
        until = _day(query.to_utc_us - 1) if query.to_utc_us else _day_of(self.made)
        camera = wording.camera(self.registry, query.camera) if query.camera else ""
        filters = (
            ("Persona", query.person),
            ("Telecamera", camera),
            ("Caso", query.case),
            ("Evento", query.event),
        )
        return Cover(
            box=self.box.name,
            scope=wording.organisation(self.registry, query.organisation),
            asked_by=f"{by.name}, {wording.ROLES.get(by.role.value, by.role.value)}",
            aim=aim,
            made=self.made,
            period=f"{since} – {until}",
            filters=tuple(one for one in filters if one[1]),
            exercise=self.box.exercise,
        )

    def _proof(self) -> Proof:
        found = self.verified
        if found is None:
            return Proof(ok=False, size=0, root="", problem="non verificato")
        problem = found.findings[0].problem if found.findings else ""
        return Proof(found.ok, found.size, found.root.hex(), problem, self.vouched)


class _Counted:
    """Counts entries on their way."""

    def __init__(self) -> None:
        self.count = 0

    def of(self, entries: Iterable[LedgerEntry]) -> Iterable[LedgerEntry]:
        """Pass entries on."""
        for entry in entries:
            self.count += 1
            yield entry


def _day(utc_us: int) -> str:
    return _day_of(wording.moment(utc_us))


def _day_of(when: datetime) -> str:
    return when.strftime("%d/%m/%Y")
