# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Witnesses: others who remember how far a log was, and never sign what does not continue it.

Without them the holder of the key can rewrite the log and cut its tail. `WitnessState` is what a
witness runs (a room, another body); how a checkpoint reaches it is somebody else's matter.
"""

import asyncio
import base64
import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.model.errors import LedgerError, PeerError, WireError
from gateway.wire import checkpoint as notes
from gateway.wire.checkpoint import Checkpoint, VerifierKey
from gateway.wire.cosignature import WitnessKey, cosign
from gateway.wire.merkle import EMPTY_ROOT, HASH_BYTES, proves_consistency

STALE_S = 300
"""A log that does not grow is written down anew this often: when it was cosigned last."""
MOST_PROOF = 64
"""Hashes of a consistency proof over 2^63 entries."""
Extends = tuple[int, Sequence[bytes]]
"""Size that a proof begins with, and the proof."""


class BehindError(PeerError):
    """The witness knows the log at another size than the proof begins with."""

    def __init__(self, name: str, size: int) -> None:
        self.size = size
        """What it cosigned last: a new proof begins there."""
        super().__init__(f"witness {name}: knows {size} entries")


class ForkError(WireError):
    """The checkpoint does not continue what the witness saw: the log was rewritten or cut."""


class Witness(Protocol):
    """Somebody who may cosign; `gateway.audit.authority` and the rooms' lines have these."""

    @property
    def key(self) -> WitnessKey:
        """Return the key that its lines are checked with."""
        ...

    async def cosign(self, note: str, first: int, proof: Sequence[bytes]) -> str:
        """Return a signature line (C2SP `cosignature/v1`, no newline) for a checkpoint.

        `proof` shows that it continues the log of `first` entries, 0 for a log that the witness
        may not know. BehindError: it knows another size; ForkError: it refuses; PeerError: it is
        absent or slow. Cancelling leaves it either way, which is harmless.
        """
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a witness saw one log."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    utc_s: int = field(default=0, compare=False)
    """When it cosigned it last (seconds UTC, at most `STALE_S` ago by the file); 0: not known."""


class WitnessState:
    """What one witness remembers, in one file that is synced before a signature leaves.

    One process at a time. Every call blocks on the disk.
    """

    def __init__(
        self, path: Path, name: str, key: Ed25519PrivateKey, logs: Mapping[str, bytes]
    ) -> None:
        """Read the file; LedgerError if it is there and is not ours: forgetting is no witness.

        `logs`: public key (32 bytes) of each log that it watches, by origin.
        """
        self.key = WitnessKey(name, key.public_key().public_bytes_raw())
        self._path = path
        self._private = key
        self._logs = dict(logs)
        self._one = threading.Lock()
        self._seen = _load(path)
        self._written_s = {name: one.utc_s for name, one in self._seen.items()}
        self._marks = path.with_name(f"{path.name}.logs")
        self._known = _load_marks(self._marks)

    def forgot(self, log: str) -> bool:
        """Return whether a log (by origin, or vkey) was seen once, and its size is gone.

        A second file names the logs, so that the loss of the first one does not look like a start.
        """
        return log in self._known and log not in self._seen

    def seen(self, origin: str) -> Seen:
        """Return how far this witness saw a log (by origin, or vkey); nothing is size 0."""
        return self._seen.get(origin, Seen())

    def add(self, note: str, first: int, proof: Sequence[bytes], utc_s: int) -> str:
        """Return the signature line for a checkpoint that continues what was seen.

        WireError: not signed by a log that it watches; BehindError; ForkError; LedgerError if
        what was seen cannot be made durable.
        """
        origin = notes.parse(note).origin
        public = self._logs.get(origin)
        if public is None:
            raise WireError(f"witness {self.key.name}: does not watch {origin}")
        given = notes.verify(note, public, origin)
        with self._one:  # a caller that gave up waiting leaves its thread here
            return self._add(note, given, origin, (first, proof), utc_s)

    def add_of(self, of: VerifierKey, note: str, ahead: Extends, utc_s: int) -> str:
        """Do the same for a log that is known by its key, whatever name others have given theirs.

        `ahead` is the size from which a proof leads, and the proof. A checkpoint of fewer entries
        than were seen is a fork, whatever it is said to continue: a log does not shrink.
        """
        given = notes.verify(note, of.public, of.origin)
        with self._one:
            seen = self.seen(of.vkey())
            if given.size < seen.size:
                self._insist(given, seen, ())
            return self._add(note, given, of.vkey(), ahead, utc_s)

    def _add(self, note: str, given: Checkpoint, log: str, ahead: Extends, utc_s: int) -> str:
        first, proof = ahead
        seen = self.seen(log)
        if first != seen.size:
            raise BehindError(self.key.name, seen.size)
        self._insist(given, seen, proof)
        new = Seen(given.size, given.root, utc_s)
        if given.size > seen.size or not 0 <= utc_s - self._written_s.get(log, 0) < STALE_S:
            self._remember(log, new)
        self._seen[log] = new
        return cosign(note, self.key.name, self._private, utc_s)

    def _insist(self, given: Checkpoint, seen: Seen, proof: Sequence[bytes]) -> None:
        """Refuse what is smaller than, or no continuation of, what was seen."""
        name = f"witness {self.key.name}: {given.origin}"
        if given.size < seen.size:
            raise ForkError(f"{name}: was cut from {seen.size} entries to {given.size}")
        if any(len(one) != HASH_BYTES for one in proof) or len(proof) > MOST_PROOF:
            raise WireError(f"{name}: not a proof")
        if not proves_consistency(seen.size, given.size, proof, seen.root, given.root):
            raise ForkError(f"{name}: {given.size} entries do not continue the {seen.size} seen")

    def _remember(self, log: str, seen: Seen) -> None:
        wanted = self._seen | {log: seen}
        record = {
            name: {
                "size": one.size,
                "root": base64.b64encode(one.root).decode(),
                "utc_s": one.utc_s,
            }
            for name, one in sorted(wanted.items())
        }
        try:
            _replace(self._path, json.dumps(record, indent=1).encode())
            if log not in self._known:
                known = self._known | {log}
                _replace(self._marks, json.dumps(sorted(known), indent=1).encode())
                self._known = known
        except OSError as error:
            raise LedgerError(f"{self._path}: witness: {error.strerror}") from error
        self._seen = wanted
        self._written_s = {name: one.utc_s for name, one in wanted.items()}


class LocalWitness:
    """A witness in this process: for a body that runs on the same machine, and for tests."""

    def __init__(self, state: WitnessState, utc_s: "_Seconds") -> None:
        self._state = state
        self._utc_s = utc_s
        self._one = asyncio.Lock()

    @property
    def key(self) -> WitnessKey:
        """Return the key that its lines are checked with."""
        return self._state.key

    async def cosign(self, note: str, first: int, proof: Sequence[bytes]) -> str:
        """Ask the state, on a thread; see `Witness`."""
        async with self._one:
            return await asyncio.to_thread(self._state.add, note, first, proof, self._utc_s())


class _Seconds(Protocol):
    def __call__(self) -> int:
        """Return UTC in seconds since 1970."""
        ...


def _load(path: Path) -> dict[str, Seen]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise LedgerError(f"{path}: witness: {error.strerror}") from error
    try:
        return {origin: _seen(one) for origin, one in json.loads(data).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LedgerError(f"{path}: not what a witness wrote: {error!r}") from error


def _load_marks(path: Path) -> frozenset[str]:
    try:
        names = json.loads(path.read_bytes())
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError) as error:
        raise LedgerError(f"{path}: not what a witness wrote: {error!r}") from error
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise LedgerError(f"{path}: not what a witness wrote")
    return frozenset(names)


def _seen(record: Mapping[str, object]) -> Seen:
    size, root = record["size"], base64.b64decode(str(record["root"]), validate=True)
    utc_s = record.get("utc_s", 0)  # files of the first version do not say
    if type(size) is not int or size < 0 or len(root) != HASH_BYTES or type(utc_s) is not int:
        raise ValueError("size, root or utc_s")
    return Seen(size, root, utc_s)


def _replace(path: Path, data: bytes) -> None:
    """Exchange a file's content in one step, durable before this returns."""
    part = path.with_name(f"{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
