# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a local administrator with a database tool could do to a ledger: always to a copy of it."""

import sqlite3
from contextlib import closing
from pathlib import Path


def copied(path: Path, folder: Path) -> Path:
    """Copy a ledger that is in use; return the copy's path (blocks)."""
    copy = folder / "ledger.db"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def flip(copy: Path, seq: int | None = None) -> int:
    """Flip one bit of an entry, the middle one unless told; return its number (blocks)."""
    with closing(sqlite3.connect(copy)) as target:
        triggers = target.execute("select name from sqlite_master where type='trigger'")
        for (name,) in triggers.fetchall():
            target.execute(f'drop trigger "{name}"')
        if seq is None:
            (size,) = target.execute("select count(*) from entry").fetchone()
            seq = size // 2
        (header,) = target.execute("select header from entry where seq=?", (seq,)).fetchone()
        flipped = bytearray(header)
        flipped[len(flipped) // 2] ^= 1
        target.execute("update entry set header=? where seq=?", (bytes(flipped), seq))
        target.commit()
    return seq
