# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room as witness of its edges' logs, over the line that stands anyway: C2SP `add-checkpoint`.

Here are the words and the two memories: at the edge the room's key, at the room each edge's key
and how far its log was. Signing is `gateway.audit`'s; the two are joined by the assembly.

A key is pinned when it is heard first and never follows a change by itself: an edge's at its
enrolment (`Edge.ledger_vkey`) or else with its first `hello`, the room's with the first `hello`
that is answered. A person lets a new one in: by enrolling anew, or by removing the edge's file.
"""

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.model.errors import RefusedError, StoreError, WireError
from gateway.model.room import Caller
from gateway.room.store import Database, RoomStore
from gateway.wire.checkpoint import MOST_NOTE_CHARS, VerifierKey, decode, parse_vkey
from gateway.wire.cosignature import MOST_LINE_CHARS, WitnessKey, parse_witness_key
from gateway.wire.merkle import HASH_BYTES

CHECKPOINT: Final = "checkpoint"
BEHIND: Final = "behind"
"""Refusal whose text is the size that the witness knows."""
FORK: Final = "fork"
"""Refusal of a log that does not continue what the witness saw."""
WITNESS_FILE: Final = "witness.vkey"
"""In the folder of a line: the pinned key of the room."""
MOST_PROOF: Final = 64
MOST_REQUEST_CHARS: Final = MOST_NOTE_CHARS + MOST_PROOF * 64
ANSWER_S: Final = 15.0
_MOST_SIZE_DIGITS: Final = 19

SCHEMA: Final = """
create table if not exists edge_log(edge text not null primary key, vkey text not null);
"""


# the words ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """What a log asks of a witness."""

    first: int
    """Size from which the proof leads; 0 for a log that the witness may not know."""
    proof: tuple[bytes, ...]
    note: str


def request_text(first: int, proof: Sequence[bytes], note: str) -> str:
    """Return the body of C2SP `add-checkpoint`; `parse_request` is its inverse."""
    lines = [f"old {first}", *(base64.b64encode(one).decode() for one in proof)]
    return "\n".join(lines) + "\n\n" + note


def parse_request(text: object) -> Request:
    """Return what is asked; WireError for anything else. The note is not looked at."""
    if not isinstance(text, str) or len(text) > MOST_REQUEST_CHARS:
        raise WireError("checkpoint: no request, or one that is too long")
    head, gap, note = text.partition("\n\n")
    first, *proof = head.split("\n")
    word, _, size = first.partition(" ")
    if not gap or word != "old" or not _is_size(size) or len(proof) > MOST_PROOF:
        raise WireError("checkpoint: not an add-checkpoint")
    try:
        hashes = tuple(map(decode, proof))
    except (WireError, binascii.Error) as error:
        raise WireError("checkpoint: not a proof") from error
    if any(len(one) != HASH_BYTES for one in hashes):
        raise WireError("checkpoint: not a proof")
    return Request(int(size), hashes, note)


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_SIZE_DIGITS


async def ask(caller: Caller, first: int, proof: Sequence[bytes], note: str) -> str:
    """Return the room's signature line for a checkpoint, unchecked.

    RefusedError with the code BEHIND or FORK, or another; PeerError: the line is down or slow.
    """
    body = {"request": request_text(first, proof, note)}
    reply = await caller.call(CHECKPOINT, body, within_s=ANSWER_S)
    line = reply.body.get("line")
    if not isinstance(line, str) or len(line) > MOST_LINE_CHARS:
        raise WireError("checkpoint: an answer without a cosignature")
    return line


def size_of(error: RefusedError) -> int:
    """Return what a witness that is BEHIND knows; WireError if it does not say."""
    if not _is_size(error.text):
        raise WireError("checkpoint: a witness that knows another size and does not say which")
    return int(error.text)


# the edge's memory --------------------------------------------------------------------------


class RoomKey:
    """The key by which an edge knows a room's cosignatures, pinned in a file."""

    def __init__(self, path: Path) -> None:
        """Read the file if there is one; one that holds no key is a problem, and stays."""
        self._path = path
        self.key: WitnessKey | None = None
        """None until the room has said hello once."""
        self.problem = ""
        """Why what the room says of itself is not believed; empty if all is well."""
        self._spoilt = ""
        try:
            self.key = parse_witness_key(path.read_text())
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError, WireError) as error:
            self._spoilt = f"{path}: {error}; remove it if the room's key is to be learnt anew"
            self.problem = self._spoilt

    def hear(self, hello: Mapping[str, Any], enrolled: str = "") -> None:
        """Take the room's answer to `hello`: pin its key, or find that it is another one.

        `enrolled`: the vkey that the enrolment told, if it did; it is pinned then, not this one.
        Blocks on the disk when a key is pinned; StoreError if it cannot be.
        """
        if self._spoilt:
            return
        try:
            if self.key is None and enrolled:
                self._pin(parse_witness_key(enrolled))
            told = parse_witness_key(str(hello.get("witness_key", ""))[:MOST_LINE_CHARS])
        except WireError as error:
            self.problem = f"{error}: this room does not witness the log"
            return
        if self.key is None:
            self._pin(told)
        if self.key != told:
            self.problem = (
                f"the room's witness key has changed: {told.vkey()} is not the one in {self._path};"
                " its word does not count until a person removes that file"
            )
        else:
            self.problem = ""

    def _pin(self, key: WitnessKey) -> None:
        part = self._path.with_name(f"{self._path.name}.part")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(key.vkey() + "\n")
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}") from error
        self.key = key


# the room's memory --------------------------------------------------------------------------


class EdgeLogs:
    """Which log is whose, for edges whose enrolment did not say: pinned with the first hello."""

    def __init__(self, store: RoomStore) -> None:
        """`store` has the table of SCHEMA."""
        self._store = store

    async def pinned(self, edge: str, told: str) -> VerifierKey:
        """Return the key of an edge's log; `told` becomes it if there is none yet.

        WireError if neither is one; StoreError if it cannot be kept.
        """
        fresh = parse_vkey(told).vkey() if told else ""

        def job(db: Database) -> str:
            if fresh:
                db.execute(
                    "insert into edge_log(edge, vkey) values(?,?) on conflict (edge) do nothing",
                    (edge, fresh),
                )
            row = db.execute("select vkey from edge_log where edge=?", (edge,)).fetchone()
            return str(row[0]) if row else ""

        return parse_vkey(await self._store.write(job))

    async def forget(self, edge: str) -> None:
        """Let the next hello pin anew: the edge left, or was enrolled again."""
        await self._store.write(lambda db: db.execute("delete from edge_log where edge=?", (edge,)))
