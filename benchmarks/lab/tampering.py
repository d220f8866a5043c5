# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What somebody with the ledger's file in hand can do to it, one kind of change per function.

Each changes a copy in place and returns False if, by chance, it changed nothing.
"""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.wire import checkpoint
from gateway.wire.checkpoint import Checkpoint
from gateway.wire.merkle import Frontier, leaf_hash


@dataclass(frozen=True, slots=True)
class Target:
    """A closed ledger and what its writer and its witness hold."""

    path: Path
    origin: str
    key: Ed25519PrivateKey
    held: str
    """The newest checkpoint, as a witness keeps it."""
    size: int
    witnessed: tuple[str, ...] = ()
    """Every checkpoint that was signed, as witnesses keep them; all of the log is below them."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One kind of tampering."""

    name: str
    change: Callable[["Scene"], bool]
    needs_witness: bool = False
    """It cannot be told from the file alone: the verifier gets a checkpoint held elsewhere."""


class Scene:
    """A copy of the target, opened without its triggers."""

    def __init__(self, target: Target, db: sqlite3.Connection, draw: random.Random) -> None:
        self.target = target
        self.db = db
        self.draw = draw
        self.size = target.size

    def run(self, sql: str, *values: object) -> bool:
        """Run one statement; return whether it changed a row."""
        return self.db.execute(sql, values).rowcount > 0

    def cell(self, column: str, seq: int) -> bytes:
        """Return one cell of an entry."""
        row = self.db.execute(f"select {column} from entry where seq = ?", (seq,)).fetchone()
        return bytes(row[0])

    def any(self, least: int = 0, end: int | None = None) -> int:
        """Return a sequence number."""
        return self.draw.randrange(least, self.size if end is None else end)

    def flipped(self, value: bytes) -> bytes:
        """Return the value with one bit of one byte changed."""
        at = self.draw.randrange(len(value))
        return value[:at] + bytes([value[at] ^ 1 << self.draw.randrange(8)]) + value[at + 1 :]


def tamper(target: Target, mutation: Mutation, draw: random.Random) -> bool:
    """Apply one kind of change to the file at `target.path`."""
    with closing(sqlite3.connect(target.path, isolation_level=None)) as db:
        triggers = db.execute("select name from sqlite_master where type = 'trigger'").fetchall()
        for (name,) in triggers:
            db.execute(f"drop trigger {name}")
        db.execute("begin")
        changed = mutation.change(Scene(target, db, draw))
        db.execute("commit")
    return changed


def edit_header(scene: Scene) -> bool:
    """Flip one bit of what is hashed."""
    seq = scene.any()
    return scene.run(
        "update entry set header = ? where seq = ?", scene.flipped(scene.cell("header", seq)), seq
    )


def edit_header_and_leaf(scene: Scene) -> bool:
    """Write another result, with a leaf hash that fits."""
    seq = scene.any()
    header = scene.cell("header", seq).replace(b'"result":"ok"', b'"result":"no"')
    return scene.run(
        "update entry set header = ?, leaf = ? where seq = ?", header, leaf_hash(header), seq
    )


def edit_leaf(scene: Scene) -> bool:
    """Flip one bit of a leaf hash."""
    seq = scene.any()
    return scene.run(
        "update entry set leaf = ? where seq = ?", scene.flipped(scene.cell("leaf", seq)), seq
    )


def no_entry(scene: Scene) -> bool:
    """Write something that is no entry, with a leaf hash that fits."""
    seq = scene.any()
    return scene.run(
        "update entry set header = ?, leaf = ? where seq = ?", b"[]", leaf_hash(b"[]"), seq
    )


def delete_one(scene: Scene) -> bool:
    """Take an entry out, with its values."""
    seq = scene.any()
    scene.run("delete from opened where seq = ?", seq)
    return scene.run("delete from entry where seq = ?", seq)


def delete_range(scene: Scene) -> bool:
    """Take some entries out, in a row."""
    first = scene.any(0, scene.size - 8)
    scene.run("delete from opened where seq between ? and ?", first, first + 6)
    return scene.run("delete from entry where seq between ? and ?", first, first + 6)


def delete_and_close_up(scene: Scene) -> bool:
    """Take an entry out and move up what follows."""
    gap = scene.any(0, scene.size - 1)
    for table in ("opened", "entry"):
        scene.run(f"delete from {table} where seq = ?", gap)
        for seq in range(gap + 1, scene.size):
            scene.run(f"update {table} set seq = ? where seq = ?", seq - 1, seq)
    return True


def swap(scene: Scene) -> bool:
    """Let two entries change places, with their values."""
    one = scene.any(0, scene.size - 1)
    other = scene.any(one + 1)
    for table in ("opened", "entry"):
        for before, after in ((one, 1 << 40), (other, one), (1 << 40, other)):
            scene.run(f"update {table} set seq = ? where seq = ?", after, before)
    return True


def insert_last(scene: Scene) -> bool:
    """Add an entry at the end."""
    header = scene.cell("header", scene.size - 1)
    header = header.replace(b'"seq":%d' % (scene.size - 1), b'"seq":%d' % scene.size)
    return scene.run("insert into entry values(?, ?, ?)", scene.size, header, leaf_hash(header))


def insert_between(scene: Scene) -> bool:
    """Put the copy of an entry after it and move what follows."""
    at = scene.any()
    header = scene.cell("header", at)
    for table in ("opened", "entry"):
        for seq in range(scene.size - 1, at, -1):
            scene.run(f"update {table} set seq = ? where seq = ?", seq + 1, seq)
    return scene.run("insert into entry values(?, ?, ?)", at + 1, header, leaf_hash(header))


def insert_below(scene: Scene) -> bool:
    """Add an entry with a number that never was."""
    header = scene.cell("header", 0)
    return scene.run("insert into entry values(?, ?, ?)", -1, header, leaf_hash(header))


def replay(scene: Scene) -> bool:
    """Write an entry over another."""
    one = scene.any(0, scene.size - 1)
    other = scene.any(one + 1)
    header = scene.cell("header", other)
    return scene.run(
        "update entry set header = ?, leaf = ? where seq = ?", header, leaf_hash(header), one
    )


def cut_entries(scene: Scene) -> bool:
    """Cut the tail off, leaving its checkpoints."""
    seq = scene.any()
    scene.run("delete from opened where seq >= ?", seq)
    return scene.run("delete from entry where seq >= ?", seq)


def cut_all(scene: Scene) -> bool:
    """Cut the tail off with its checkpoints, as if it had never been."""
    cut_entries(scene)
    (left,) = scene.db.execute("select count(*) from entry").fetchone()
    return scene.run("delete from checkpoint where size > ?", left)


def drop_checkpoints(scene: Scene) -> bool:
    """Take the newest checkpoints out."""
    return scene.run("delete from checkpoint where size > ?", scene.any())


def drop_all_checkpoints(scene: Scene) -> bool:
    """Take every checkpoint out."""
    return scene.run("delete from checkpoint")


def _a_size(scene: Scene) -> tuple[int, str]:
    found = scene.db.execute("select size, note from checkpoint").fetchall()
    size, note = scene.draw.choice(found)
    return int(size), str(note)


def forge_signature(scene: Scene) -> bool:
    """Sign a true checkpoint with another key."""
    size, note = _a_size(scene)
    forged = checkpoint.sign(checkpoint.parse(note), Ed25519PrivateKey.generate())
    return scene.run("update checkpoint set note = ? where size = ?", forged, size)


def forge_root(scene: Scene) -> bool:
    """Put another root over the true signature."""
    size, note = _a_size(scene)
    lines = note.split("\n")
    lines[2] = ("B" if lines[2][0] == "A" else "A") + lines[2][1:]
    return scene.run("update checkpoint set note = ? where size = ?", "\n".join(lines), size)


def foreign_checkpoint(scene: Scene) -> bool:
    """Put in a checkpoint of another log by the same key."""
    size, note = _a_size(scene)
    body = checkpoint.parse(note)
    foreign = checkpoint.sign(Checkpoint("altrove.example/log", size, body.root), scene.target.key)
    return scene.run("update checkpoint set note = ? where size = ?", foreign, size)


def moved_checkpoint(scene: Scene) -> bool:
    """Put a true checkpoint under another size."""
    size, _ = _a_size(scene)
    other, note = _a_size(scene)
    sql = "update checkpoint set note = ? where size = ?"
    return other != size and scene.run(sql, note, size)


def broken_checkpoint(scene: Scene) -> bool:
    """Put garbage in place of a checkpoint."""
    size, _ = _a_size(scene)
    return scene.run("update checkpoint set note = ? where size = ?", "—\n", size)


def change_value(scene: Scene) -> bool:
    """Name another person beside a commitment."""
    sql = "update opened set value = value || 'x' where seq = ? and field = 'actor_id'"
    return scene.run(sql, scene.any())


def change_salt(scene: Scene) -> bool:
    """Put another salt beside the commitments."""
    salt = scene.draw.randbytes(16)
    return scene.run("update opened set salt = ? where seq = ?", salt, scene.any())


def swap_persons(scene: Scene) -> bool:
    """Let the persons of two entries change places."""
    sql = "update opened set seq = ? where seq = ? and field = 'actor_id'"
    one = scene.any(0, scene.size - 1)
    other = scene.any(one + 1)
    return all(
        scene.run(sql, after, before)
        for before, after in ((one, 1 << 40), (other, one), (1 << 40, other))
    )


def stray_value(scene: Scene) -> bool:
    """Add a value for an entry that does not exist."""
    return scene.run("insert into opened values(?, 'actor_id', x'00', 'anna')", scene.size + 5)


def rewrite(scene: Scene) -> bool:
    """Change an entry and sign everything anew, as whoever stole the key can."""
    return _sign_anew(scene, scene.target.key)


def rechain(scene: Scene) -> bool:
    """Change an entry and make leaves and roots fit, signed with a key of one's own."""
    return _sign_anew(scene, Ed25519PrivateKey.generate())


def regrow(scene: Scene) -> bool:
    """Cut the tail off and write other entries in its place, signed with the stolen key."""
    first = scene.any(1)
    for seq in range(first, scene.size):
        header = scene.cell("header", seq).replace(b'"role":"', b'"role":"x')
        scene.run(
            "update entry set header = ?, leaf = ? where seq = ?", header, leaf_hash(header), seq
        )
        scene.run("delete from opened where seq = ?", seq)
    return _sign_all(scene, scene.target.key)


def _sign_anew(scene: Scene, key: Ed25519PrivateKey) -> bool:
    seq = scene.any()
    header = scene.cell("header", seq).replace(b'"result":"ok"', b'"result":"no"')
    scene.run("update entry set header = ?, leaf = ? where seq = ?", header, leaf_hash(header), seq)
    return _sign_all(scene, key)


def _sign_all(scene: Scene, key: Ed25519PrivateKey) -> bool:
    """Sign the checkpoints anew that the leaves, as they are now, do not fit."""
    frontier = Frontier()
    sizes = dict(scene.db.execute("select size, note from checkpoint").fetchall())
    for number in range(scene.size):
        frontier = frontier.append(scene.cell("leaf", number))
        note = sizes.get(frontier.size)
        if note is not None and checkpoint.parse(note).root != frontier.root():
            signed = Checkpoint(scene.target.origin, frontier.size, frontier.root())
            forged = checkpoint.sign(signed, key)
            scene.run("update checkpoint set note = ? where size = ?", forged, frontier.size)
    return True


def first_difference(original: Path, tampered: Path) -> int | None:
    """Return the first entry that is not as it was, told by comparing the files; None if none.

    Values beside the commitments belong to their entry; one that is gone is erasure, no tampering.
    """
    with closing(sqlite3.connect(original)) as one, closing(sqlite3.connect(tampered)) as other:
        entries = "select seq, header, leaf from entry"
        before, after = (set(db.execute(entries).fetchall()) for db in (one, other))
        changed = {row[0] for row in before ^ after}
        values = "select seq, field, salt, value from opened"
        opened, reopened = (set(db.execute(values).fetchall()) for db in (one, other))
        changed |= {row[0] for row in reopened - opened}
    return min(changed, default=None)


MUTATIONS = (
    Mutation("header bit", edit_header),
    Mutation("header and leaf", edit_header_and_leaf),
    Mutation("leaf bit", edit_leaf),
    Mutation("no entry", no_entry),
    Mutation("deleted entry", delete_one),
    Mutation("deleted range", delete_range),
    Mutation("deleted, gap closed", delete_and_close_up),
    Mutation("swapped entries", swap),
    Mutation("inserted at the end", insert_last),
    Mutation("inserted between", insert_between),
    Mutation("inserted below zero", insert_below),
    Mutation("replayed entry", replay),
    Mutation("tail cut", cut_entries),
    Mutation("tail cut with checkpoints", cut_all, needs_witness=True),
    Mutation("newest checkpoints gone", drop_checkpoints),
    Mutation("all checkpoints gone", drop_all_checkpoints),
    Mutation("checkpoint by another key", forge_signature),
    Mutation("checkpoint with another root", forge_root),
    Mutation("checkpoint of another log", foreign_checkpoint),
    Mutation("checkpoint of another size", moved_checkpoint),
    Mutation("checkpoint of garbage", broken_checkpoint),
    Mutation("person changed", change_value),
    Mutation("salt changed", change_salt),
    Mutation("persons swapped", swap_persons),
    Mutation("value for no entry", stray_value),
    Mutation("rewritten with the stolen key", rewrite, needs_witness=True),
    Mutation("rewritten with another key", rechain),
    Mutation("tail regrown with the stolen key", regrow, needs_witness=True),
)
