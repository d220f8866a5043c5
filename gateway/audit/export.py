# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The ledger as files for somebody else (D.6): a folder, or a zip if the name ends in `.zip`.

`entries.jsonl` has one line per entry: the exact header, its leaf hash, and what is still kept
behind its commitments. `checkpoint.txt`, `key.txt` and `manifest.json` (SHA-256 of each file) go
with it. It contains personal data; whoever calls this writes `log.export` first.
"""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import rfc8785

from gateway.model.errors import StoreError
from gateway.wire.checkpoint import VerifierKey

FORMAT = "varco-ledger-export-1"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    path: Path
    entries: int
    manifest_sha256: str
    """Names the whole export: the manifest holds the hashes of its other files."""


def export(ledger: Path, destination: Path, key: VerifierKey) -> Exported:
    """Write an export of one consistent state; the daemon may go on writing.

    StoreError if the ledger cannot be read, or the destination exists or cannot be written.
    """
    if destination.exists():
        raise StoreError(f"{destination}: exists already")
    try:
        with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".export-") as scratch:
            folder = Path(scratch) / "ledger"
            folder.mkdir()
            exported = _fill(ledger, folder, key)
            if destination.suffix == ".zip":
                packed = Path(shutil.make_archive(str(folder), "zip", scratch, folder.name))
                packed.rename(destination)
            else:
                folder.rename(destination)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{destination}: ledger export: {error}") from error
    return Exported(destination, *exported)


def _fill(ledger: Path, folder: Path, key: VerifierKey) -> tuple[int, str]:
    """Write the files; return the number of entries and the manifest's hash."""
    uri = f"{ledger.absolute().as_uri()}?mode=ro"
    count = 0
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
        db.execute("begin")
        row = db.execute("select note from checkpoint order by size desc limit 1").fetchone()
        with (folder / "entries.jsonl").open("wb") as lines:
            for count, line in enumerate(_lines(db), start=1):  # noqa: B007 - the last one counts
                lines.write(line + b"\n")
    (folder / "checkpoint.txt").write_text(row[0] if row else "", encoding="utf-8")
    (folder / "key.txt").write_text(key.vkey() + "\n", encoding="utf-8")
    manifest = {
        "format": FORMAT,
        "origin": key.origin,
        "entries": count,
        "files": {
            one.name: sha256(one.read_bytes()).hexdigest() for one in sorted(folder.iterdir())
        },
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    return count, sha256(text.encode()).hexdigest()


def _lines(db: sqlite3.Connection) -> Iterator[bytes]:
    rows = db.execute(
        "select entry.seq, header, leaf, field, salt, value from entry"
        " left join opened on opened.seq = entry.seq order by entry.seq, field"
    )
    for _, group in groupby(rows, key=itemgetter(0)):
        of_one = list(group)
        _, header, leaf, *_ = of_one[0]
        opened = {
            field: {"salt": salt.hex(), "value": value}
            for *_, field, salt, value in of_one
            if field is not None
        }
        yield rfc8785.dumps({"header": header.decode(), "leaf": leaf.hex(), "opened": opened})
