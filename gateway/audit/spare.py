# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The second sink: where entries go while the main database refuses (D.5.6).

A JSONL file on another path. Each line names the SHA-256 of the line before it, the first one the
root of the ledger that it continues, and is synced before anybody hears of it. The headers carry
their final places already, so that a merge only has to copy them.
"""

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import rfc8785

from gateway.audit.entry import Opening
from gateway.audit.tables import Row
from gateway.model.errors import LedgerError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Spilled:
    """What a spare file holds."""

    first: int
    """Place of the first row in the log."""
    rows: tuple[Row, ...]
    whole_bytes: int
    """Length of the file up to its last whole line."""
    chain: str
    """What the next line must name as its predecessor, in hex."""


class Spare:
    """One spare file, in append order; every call blocks on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: list[Row] = []
        self._first = 0
        self._chain = ""
        self._bytes = 0

    @property
    def first(self) -> int:
        """Place of the first row in the log; only meaningful while there are rows."""
        return self._first

    @property
    def rows(self) -> Sequence[Row]:
        """What waits to be merged, oldest first."""
        return tuple(self._rows)

    def __len__(self) -> int:
        """Return how many rows wait."""
        return len(self._rows)

    def load(self) -> None:
        """Read what an earlier process left; LedgerError if its lines do not chain.

        A last line without its newline was never acknowledged to anybody and is dropped.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise LedgerError(f"{self.path}: {error.strerror}") from error
        if spilled := read(data, str(self.path)):
            self._rows = list(spilled.rows)
            self._first, self._chain = spilled.first, spilled.chain
            self._bytes = spilled.whole_bytes

    def append(self, first: int, root: bytes, rows: Sequence[Row]) -> None:
        """Write rows at the places from `first` on, synced; LedgerError if this sink fails too.

        `root` is the root of the main ledger, named by the first line.
        """
        start = first if not self._rows else self._first
        chain = self._chain if self._rows else root.hex()
        lines: list[bytes] = []
        for at, row in enumerate(rows):
            line = _line(first + at, chain, row)
            chain = sha256(line).hexdigest()
            lines.append(line + b"\n")
        data = b"".join(lines)
        try:
            _write(self.path, self._bytes, data)
        except OSError as error:
            self._take_back()
            raise LedgerError(f"{self.path}: spare ledger: {error.strerror}") from error
        self._first, self._chain = start, chain
        self._rows.extend(rows)
        self._bytes += len(data)

    def _take_back(self) -> None:
        """Cut off what a refused write left, so that no later process takes it for an entry."""
        try:
            os.truncate(self.path, self._bytes)
        except OSError:
            log.warning("spare-left-torn", extra={"spare": str(self.path)})

    def clear(self) -> None:
        """Forget everything after a merge; LedgerError if the file cannot be removed.

        Even then it is forgotten here: the next row overwrites the file, and a new process finds
        its rows in the ledger.
        """
        self._rows, self._bytes = [], 0
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise LedgerError(f"{self.path}: spare ledger: {error.strerror}") from error


def read(data: bytes, where: str) -> Spilled | None:
    """Return what the bytes of a spare file hold, None if nothing; LedgerError if edited."""
    whole, _, _ = data.rpartition(b"\n")
    rows: list[Row] = []
    first, chain = 0, ""
    for number, line in enumerate(whole.split(b"\n") if whole else (), start=1):
        try:
            record = json.loads(line)
            header = json.loads(record["header"])
            if not rows:
                first, chain = header["seq"], record["prev"]
            if record["prev"] != chain or header["seq"] != first + len(rows):
                raise LedgerError(f"{where}: line {number} does not continue the one before it")
            rows.append(_row(record, header))
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerError(f"{where}: line {number} is not a ledger entry") from error
        chain = sha256(line).hexdigest()
    return Spilled(first, tuple(rows), len(whole) + 1, chain) if rows else None


def _line(seq: int, chain: str, row: Row) -> bytes:
    return rfc8785.dumps(
        {
            "seq": seq,
            "prev": chain,
            "header": row.header.decode(),
            "opened": [[one.field, one.salt.hex(), one.value] for one in row.openings],
        }
    )


def _row(record: dict[str, Any], header: dict[str, Any]) -> Row:
    openings = tuple(
        Opening(field, bytes.fromhex(salt), value) for field, salt, value in record["opened"]
    )
    opens, closes = header.get("opens", False), header.get("closes", -1)
    return Row(record["header"].encode(), openings, opens, closes)


def _write(path: Path, at: int, data: bytes) -> None:
    """Put `data` at byte `at`, cutting off whatever a failed write left there, and sync it."""
    fresh = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(descriptor, at)
        view = memoryview(data)
        while view:
            written = os.pwrite(descriptor, view, at)
            view, at = view[written:], at + written
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if fresh:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
