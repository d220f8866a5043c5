# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What somebody with the ledger's file in hand does to it, at random; some of it with the key.

Every mutation lies below the newest checkpoint. `first_bad` is the first entry that is not what
it was: a verifier that holds every checkpoint names exactly this one.
"""

import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.wire import checkpoint as notes
from gateway.wire.checkpoint import Checkpoint
from gateway.wire.merkle import Frontier, leaf_hash


@dataclass(frozen=True, slots=True)
class Mutation:
    """What was done."""

    kind: str
    first_bad: int


def mutate(path: Path, rng: random.Random, key: Ed25519PrivateKey) -> Mutation:
    """Tamper with a closed ledger of at least 3 entries in place; `key` was stolen."""
    kind = rng.choice(tuple(KINDS))
    return apply(path, rng, key, kind)


def apply(path: Path, rng: random.Random, key: Ed25519PrivateKey, kind: str) -> Mutation:
    """Tamper in one chosen way."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for (name,) in db.execute("select name from sqlite_master where type='trigger'").fetchall():
            db.execute(f"drop trigger {name}")
        db.execute("begin")
        first_bad = KINDS[kind](Scene(db, rng, key))
        db.execute("commit")
    return Mutation(kind, first_bad)


class Scene:
    """An open file, and who holds it."""

    def __init__(self, db: sqlite3.Connection, rng: random.Random, key: Ed25519PrivateKey) -> None:
        self.db, self.rng, self.key = db, rng, key
        first, last = db.execute("select min(seq), max(seq) from entry").fetchone()
        self.seqs = range(first, last + 1)

    def any(self, least: int = 0) -> int:
        """A place in the log, at least so many from its start."""
        return self.rng.randrange(self.seqs.start + least, self.seqs.stop)

    def header(self, seq: int) -> bytes:
        return bytes(self.db.execute("select header from entry where seq=?", (seq,)).fetchone()[0])

    def put(self, seq: int, header: bytes) -> None:
        values = (header, leaf_hash(header), seq)
        self.db.execute("update entry set header=?, leaf=? where seq=?", values)

    def changed(self, header: bytes) -> bytes:
        """Another plausible entry at the same place."""
        record = json.loads(header)
        wish = self.rng.choice(("object_id", "result", "role", "ts_utc_us", "purpose_code"))
        before = record.get(wish)
        record[wish] = before + 1 if isinstance(before, int) else f"{before}-x"
        return json.dumps(record, sort_keys=True, separators=(",", ":")).encode()

    def drop(self, first: int, last: int) -> None:
        for table in ("opened", "entry"):
            self.db.execute(f"delete from {table} where seq between ? and ?", (first, last))

    def sign_anew(self) -> None:
        """Recompute every leaf and sign every checkpoint again, as the holder of the key can."""
        stored = self.db.execute("select size, note from checkpoint order by size").fetchall()
        origin = notes.parse(stored[0][1]).origin
        row = self.db.execute(
            "select size, peaks from segment order by size desc limit 1"
        ).fetchone()
        frontier = Frontier.unpack(*row) if row else Frontier()
        sizes = {size for size, _ in stored}
        for (header,) in self.db.execute("select header from entry order by seq").fetchall():
            frontier = frontier.append(leaf_hash(header))
            if frontier.size in sizes:
                note = notes.sign(Checkpoint(origin, frontier.size, frontier.root()), self.key)
                self.db.execute("update checkpoint set note=? where size=?", (note, frontier.size))
        self.db.execute("delete from checkpoint where size > ?", (frontier.size,))


def edit(scene: Scene) -> int:
    """One bit of one header, its leaf left alone."""
    seq = scene.any()
    header = bytearray(scene.header(seq))
    header[scene.rng.randrange(len(header))] ^= 1 << scene.rng.randrange(8)
    scene.db.execute("update entry set header=? where seq=?", (bytes(header), seq))
    return seq


def rechain(scene: Scene) -> int:
    """Another header with a leaf that fits; checkpoints as they were."""
    seq = scene.any()
    scene.put(seq, scene.changed(scene.header(seq)))
    return seq


def value(scene: Scene) -> int:
    """Another person beside a commitment."""
    rows = scene.db.execute("select seq, field from opened").fetchall()
    seq, field = scene.rng.choice(rows)
    scene.db.execute("update opened set value = value || 'x' where seq=? and field=?", (seq, field))
    return int(seq)


def delete(scene: Scene) -> int:
    """Some entries in a row."""
    first = scene.any()
    scene.drop(first, min(scene.seqs[-1], first + scene.rng.randrange(4)))
    return first


def swap(scene: Scene) -> int:
    """Two entries change places, with their values."""
    one = scene.rng.randrange(scene.seqs.start, scene.seqs.stop - 1)
    other = scene.rng.randrange(one + 1, scene.seqs.stop)
    for table in ("opened", "entry"):
        for before, after in ((one, 1 << 40), (other, one), (1 << 40, other)):
            scene.db.execute(f"update {table} set seq=? where seq=?", (after, before))
    return one


def truncate(scene: Scene) -> int:
    """The tail, with its checkpoints: the file alone looks whole."""
    first = scene.any(1)
    scene.drop(first, scene.seqs[-1])
    scene.db.execute("delete from checkpoint where size > ?", (first,))
    return first


def resign(scene: Scene) -> int:
    """One entry, and everything after it signed anew with the stolen key."""
    seq = scene.any()
    scene.put(seq, scene.changed(scene.header(seq)))
    scene.sign_anew()
    return seq


def close_up(scene: Scene) -> int:
    """One entry out, the rest moved up and renumbered, everything signed anew."""
    gap = scene.rng.randrange(scene.seqs.start, scene.seqs.stop - 1)
    scene.drop(gap, gap)
    for seq in range(gap + 1, scene.seqs.stop):
        header = json.loads(scene.header(seq)) | {"seq": seq - 1}
        text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
        scene.put(seq, text)
        for table in ("opened", "entry"):
            scene.db.execute(f"update {table} set seq=? where seq=?", (seq - 1, seq))
    scene.sign_anew()
    return gap


KINDS: dict[str, Callable[[Scene], int]] = {
    one.__name__: one for one in (edit, rechain, value, delete, swap, truncate, resign, close_up)
}
"""By name."""
