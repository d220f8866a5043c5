# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The log, or an extract of it, as files that verify without us (D.6): a zip, or a folder.

`entries.jsonl` has one line per entry: the exact header, its leaf hash, what is still kept behind
its commitments and, in an extract, the proof that the entry stands under the newest checkpoint.
With it go checkpoints with their cosignatures, time stamps, keys, a manifest (SHA-256 of each
file) and the verifier itself. It contains personal data; whoever calls this writes `log.export`
first.
"""

import hashlib
import json
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from gateway.audit import tables
from gateway.audit.search import every, open_reading
from gateway.audit.segments import read_start
from gateway.model.audit import LedgerQuery
from gateway.model.errors import LedgerError, StoreError, WireError
from gateway.wire.checkpoint import VerifierKey
from gateway.wire.merkle import Frontier, consistency_path, inclusion_path, node_hash

FORMAT: Final = "varco-ledger-export-2"
VERIFIER: Final = "varco_verify.py"
_TOP: Final = "registro-varco"
"""Folder in the zip."""
_BLOCK_BYTES: Final = 1 << 20
_EPOCH_OF_ZIP: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    entries: int
    size: int
    """Of the log at the checkpoint of the export."""
    sha256: str
    """Of the file; of the manifest if the export is a folder."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Whose signatures an export carries."""

    log: VerifierKey
    witnesses: tuple[str, ...] = ()
    """Public keys, `name+hash+base64`; those that came with an export prove nothing by itself."""


def export_zip(ledger: Path, file: BinaryIO, keys: Keys, query: LedgerQuery) -> Exported:
    """Write an export of one consistent state into an open file; the daemon may go on writing.

    StoreError if the ledger cannot be read or the file cannot be written.
    """
    try:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            count, size, _ = _fill(ledger, _Zip(packed), keys, query)
        file.seek(0)
        digest = hashlib.sha256()
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
        file.seek(0)
    except (OSError, sqlite3.Error, WireError) as error:
        raise StoreError(f"ledger export: {error}") from error
    return Exported(count, size, digest.hexdigest())


def export_folder(ledger: Path, folder: Path, keys: Keys, query: LedgerQuery) -> Exported:
    """Write an export as a folder that does not exist yet; StoreError as for a zip."""
    try:
        folder.mkdir(mode=0o700)
        count, size, manifest = _fill(ledger, _Folder(folder), keys, query)
    except (OSError, sqlite3.Error, WireError) as error:
        raise StoreError(f"{folder}: ledger export: {error}") from error
    return Exported(count, size, manifest)


class _Package(Protocol):
    """Where files go, one after the other."""

    def write(self, name: str, blocks: Iterable[bytes]) -> str:
        """Write one file; return its SHA-256."""
        ...


class _Zip:
    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed

    def write(self, name: str, blocks: Iterable[bytes]) -> str:
        """Write one file; return its SHA-256."""
        info = zipfile.ZipInfo(f"{_TOP}/{name}", _EPOCH_OF_ZIP)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        digest = hashlib.sha256()
        with self._packed.open(info, "w", force_zip64=True) as file:
            for block in blocks:
                digest.update(block)
                file.write(block)
        return digest.hexdigest()


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, blocks: Iterable[bytes]) -> str:
        """Write one file; return its SHA-256."""
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        digest = hashlib.sha256()
        with path.open("xb") as file:
            for block in blocks:
                digest.update(block)
                file.write(block)
        return digest.hexdigest()


def _fill(ledger: Path, package: _Package, keys: Keys, query: LedgerQuery) -> tuple[int, int, str]:
    """Write all files; return entries, size of the log, and the manifest's hash."""
    with closing(open_reading(ledger)) as db:
        db.execute("begin")
        row = db.execute("select size, note from checkpoint order by size desc limit 1").fetchone()
        size, newest = row or (0, "")
        witness = _Witness(db, size)
        prover = None if query.is_whole else _prover(db, query, size, witness)
        counted = _Counted()
        lines = counted.of(_lines(db, query, size, prover))
        files = {"entries.jsonl": package.write("entries.jsonl", lines)}
        small = {
            "checkpoint.txt": newest + "".join(f"{one}\n" for one in witness.lines_of(size)),
            "checkpoints.jsonl": witness.jsonl(prover),
            "key.txt": f"{keys.log.vkey()}\n",
            "witnesses.txt": "".join(f"{one}\n" for one in keys.witnesses),
            "LEGGIMI.txt": _readme(),
            VERIFIER: verifier(),
        }
        for name, text in small.items():
            files[name] = package.write(name, [text.encode()])
        for stamp in witness.stamps:
            name = f"tokens/{stamp.size}-{stamp.utc_us}.tsr"
            files[name] = package.write(name, [stamp.der])
        manifest = _manifest(keys, query, counted.count, size, read_start(db)) | {"files": files}
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    return counted.count, size, package.write("manifest.json", [text.encode()])


def _manifest(
    keys: Keys, query: LedgerQuery, entries: int, size: int, start: Frontier
) -> dict[str, object]:
    asked = {
        "person": query.person,
        "camera": query.camera,
        "case": query.case,
        "event": query.event,
        "from_utc_us": query.from_utc_us,
        "to_utc_us": query.to_utc_us,
        "organisation": query.organisation,
    }
    manifest: dict[str, object] = {
        "format": FORMAT,
        "kind": "full" if query.is_whole else "extract",
        "origin": keys.log.origin,
        "size": size,
        "entries": entries,
        "filters": {name: value for name, value in asked.items() if value},
    }
    if start.size:
        manifest["start"] = {"size": start.size, "peaks": [one.hex() for one in start.peaks]}
    return manifest


class _Counted:
    """Counts lines on their way."""

    def __init__(self) -> None:
        self.count = 0

    def of(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Pass lines on."""
        for line in lines:
            self.count += 1
            yield line


def _lines(
    db: sqlite3.Connection, query: LedgerQuery, size: int, prover: "Prover | None"
) -> Iterator[bytes]:
    """Return the lines of all matches below a size, with proofs if there is a prover."""
    for seq in every(db, query, size):
        header, leaf = db.execute("select header, leaf from entry where seq = ?", (seq,)).fetchone()
        kept = db.execute(
            "select field, salt, value from opened where seq = ? order by field", (seq,)
        )
        record: dict[str, object] = {
            "seq": seq,
            "header": header.decode("utf-8", "surrogateescape"),
            "leaf": leaf.hex(),
            "opened": {name: {"salt": salt.hex(), "value": value} for name, salt, value in kept},
        }
        if prover is not None:
            record["proof"] = [one.hex() for one in inclusion_path(seq, size, prover.node)]
        yield (
            json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode(
                "utf-8", "surrogateescape"
            )
            + b"\n"
        )


class _Witness:
    """What others said about the log: cosignatures and time stamps, the newest of each."""

    def __init__(self, db: sqlite3.Connection, size: int) -> None:
        cosigned = [one for one in tables.read_newest_cosignatures(db) if one.size <= size]
        stamp = tables.read_newest_token(db)
        self.stamps = [stamp] if stamp is not None and stamp.size <= size else []
        self.cosigned = cosigned
        start = read_start(db).size
        sizes = {size, start, *(one.size for one in cosigned)} | {one.size for one in self.stamps}
        rows = (
            db.execute("select size, note from checkpoint where size = ?", (one,)).fetchone()
            for one in sorted(sizes - {0})
        )
        self.notes: dict[int, str] = dict(row for row in rows if row is not None)
        self.size, self.start = size, start

    def lines_of(self, size: int) -> list[str]:
        """Return the cosignatures of one checkpoint."""
        return [one.line for one in self.cosigned if one.size == size]

    def older(self) -> list[int]:
        """Return the sizes of checkpoints to which the newest one can be shown consistent."""
        return [one for one in self.notes if max(1, self.start) <= one < self.size]

    def jsonl(self, prover: "Prover | None") -> str:
        """Return the checkpoints, one JSON line each."""
        lines = []
        for size, note in self.notes.items():
            record: dict[str, object] = {"size": size, "note": note}
            if mine := [one for one in self.cosigned if one.size == size]:
                record["cosignatures"] = [
                    {"witness": one.witness, "line": one.line} for one in mine
                ]
            if prover is not None and size in self.older():
                path = consistency_path(size, self.size, prover.node)
                record["consistency"] = [one.hex() for one in path]
            lines.append(json.dumps(record, ensure_ascii=False) + "\n")
        return "".join(lines)


def _prover(db: sqlite3.Connection, query: LedgerQuery, size: int, witness: _Witness) -> "Prover":
    """Return what knows every node that the proofs of an extract need; one pass over the log."""
    prover = Prover(read_start(db), size)
    for seq in every(db, query, size):
        inclusion_path(seq, size, prover.want)
    for older in witness.older():
        consistency_path(older, size, prover.want)
    leaves = db.execute(
        "select leaf from entry where seq >= ? and seq < ? order by seq", (prover.start.size, size)
    )
    prover.compute(leaf for (leaf,) in leaves)
    return prover


@dataclass
class Prover:
    """Subtree roots that are wanted, computed in one pass over the leaves after `start`."""

    start: Frontier
    size: int
    _known: dict[tuple[int, int], bytes | None] = field(default_factory=dict)

    def want(self, low: int, high: int) -> bytes:
        """Ask for a root; returns nothing of use yet."""
        if (high - low) & (high - low - 1):  # ragged: at the right edge
            middle = _middle(low, high)
            self.want(low, middle)
            self.want(middle, high)
        else:
            self._known[low, high] = None
        return b""

    def compute(self, leaves: Iterable[bytes]) -> None:
        """Hash all leaves; LedgerError if there are not as many as the size says."""
        stack: list[tuple[int, int, bytes]] = []
        at = 0
        for peak in self.start.peaks:
            wide = 1 << ((self.start.size - at).bit_length() - 1)
            self._push(stack, (at, at + wide, peak))
            at += wide
        for leaf in leaves:
            self._push(stack, (at, at + 1, leaf))
            at += 1
        if at != self.size:
            raise LedgerError(f"ledger: {at} entries, the checkpoint says {self.size}")

    def _push(self, stack: list[tuple[int, int, bytes]], node: tuple[int, int, bytes]) -> None:
        while True:
            low, high, value = node
            if (low, high) in self._known:
                self._known[low, high] = value
            wide = high - low
            if not stack or stack[-1][1] - stack[-1][0] != wide or (low // wide) % 2 == 0:
                stack.append(node)
                return
            left, _, hashed = stack.pop()
            node = (left, high, node_hash(hashed, value))

    def node(self, low: int, high: int) -> bytes:
        """Return a root that was wanted; LedgerError if it lies in what was dropped."""
        if (high - low) & (high - low - 1):
            middle = _middle(low, high)
            return node_hash(self.node(low, middle), self.node(middle, high))
        value = self._known.get((low, high))
        if value is None:
            raise LedgerError(f"ledger: no proof over entries {low} to {high - 1}")
        return value


def _middle(low: int, high: int) -> int:
    return low + (1 << ((high - low - 1).bit_length() - 1))


def verifier() -> str:
    """Return the source of the stand-alone verifier."""
    return resources.files("gateway.audit").joinpath(VERIFIER).read_text("utf-8")


def _readme() -> str:
    """Return the verifier's first page: what it proves and what not."""
    page = verifier().split('"""', 2)[1]
    return f"{page.strip()}\n"
