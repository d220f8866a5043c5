# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Witnessing over the line: an edge's logs cosigned by its rooms, a room that remembers them.

The room's memory is one file (`state/witness.json`), its key another (`state/witness.key`); a
third (`state/witness.json.logs`) names the logs, so that a memory that vanished is noticed and
said. A log that was cut, rewritten or exchanged for one of another key gets no signature; the
ledger says so (`log.fork`), and an alarm of the room names the edge. So it does for one that has
itself cosigned no more although its line stands: whoever rolled it back may well keep silent.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

from gateway.assembly.journal import Journal
from gateway.audit.keys import generate_key, load_key
from gateway.audit.witness import BehindError, ForkError, WitnessState
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import LedgerError, PeerError, RefusedError, StoreError, WireError
from gateway.model.registry import Registry
from gateway.model.room import Caller, Handler, LinePeer, Reply
from gateway.room.mqtt_line import NOT_YET
from gateway.room.witnesses import (
    BEHIND,
    CHECKPOINT,
    FORK,
    EdgeLogs,
    Request,
    RoomKey,
    ask,
    parse_request,
    size_of,
)
from gateway.runtime.clock import Clock
from gateway.wire.checkpoint import VerifierKey, parse_vkey
from gateway.wire.cosignature import WitnessKey

log = logging.getLogger(__name__)

RULE_FORK: Final = "registro-incoerente"
FORGOTTEN: Final = "memory-lost"
SILENT: Final = "silent"
SILENT_S: Final = 600.0
"""An edge asks every minute: one that did not get a cosignature for so long is named."""
STANDING_S: Final = 300.0
"""And its line stood so long meanwhile, over all its breaks: who was away may ask first."""
LOOK_S: Final = 30.0
STATE_FILE: Final = "witness.json"
KEY_FILE: Final = "witness.key"


class LineWitness:
    """A room that cosigns this edge's log; see `gateway.audit.witness.Witness`."""

    def __init__(self, line: str, caller: Caller, memory: RoomKey) -> None:
        """`line`: its name, for people."""
        self.line = line
        self._caller = caller
        self.memory = memory

    @property
    def is_known(self) -> bool:
        """Return whether the room has told its key yet."""
        return self.memory.key is not None

    @property
    def key(self) -> WitnessKey:
        """Return the pinned key; PeerError while there is none."""
        if self.memory.key is None:
            raise PeerError(f"line {self.line}: the room has not told its witness key yet")
        return self.memory.key

    async def greeted(self, answer: Mapping[str, Any], enrolled: str = "") -> None:
        """Take the room's answer to `hello`, and what the enrolment told of its key, if it did.

        What is wrong with it is said at the next round.
        """
        try:
            await asyncio.to_thread(self.memory.hear, answer, enrolled)
        except StoreError as error:
            self.memory.problem = str(error)
        if self.memory.problem:
            log.error("witness-key", extra={"line": self.line, "problem": self.memory.problem})

    async def cosign(self, note: str, first: int, proof: Sequence[bytes]) -> str:
        """Ask the room; nothing is asked of one whose key has changed."""
        if self.memory.problem:
            raise PeerError(f"line {self.line}: {self.memory.problem}")
        try:
            return await ask(self._caller, first, proof, note)
        except RefusedError as error:
            if error.code == BEHIND:
                raise BehindError(self.key.name, size_of(error)) from error
            if error.code == FORK:
                raise ForkError(f"line {self.line}: {error.text}") from error
            raise


class _Alarms(Protocol):
    async def raise_line(self, edge: str, rule: str, problem: str) -> bool:
        """Raise an alarm about an edge; False if it goes on. StoreError: the disk refuses."""
        ...

    async def end_line(self, edge: str, rule: str) -> None:
        """End it."""
        ...


@dataclass(frozen=True, slots=True)
class WitnessParts:
    """What the room's witness works with."""

    state: WitnessState
    logs: EdgeLogs
    registry: Callable[[], Registry]
    journal: Journal
    alarms: _Alarms
    clock: Clock
    is_up: Callable[[str], bool] = lambda _: False
    """Whether the line of an edge stands."""


@dataclass(slots=True)
class _Heard:
    """When an edge's log was cosigned last, and how long its line stood since."""

    utc_s: float
    stood_s: float = 0.0


class RoomWitness:
    """Cosigns edges' checkpoints."""

    def __init__(self, parts: WitnessParts) -> None:
        self._parts = parts
        self._turns: dict[str, asyncio.Lock] = {}
        self._heard: dict[str, _Heard] = {}

    @property
    def vkey(self) -> str:
        """Return our key, as edges are told it in the answer to `hello`."""
        return self._parts.state.key.vkey()

    def handlers(self) -> dict[str, Handler]:
        """Return what edges may ask here."""
        return {CHECKPOINT: self.checkpoint}

    async def greeted(self, peer: LinePeer, hello: Mapping[str, Any]) -> None:
        """Take an edge's `hello`: pin its log's key, or find that it is another one."""
        told = hello.get("vkey")
        if not isinstance(told, str) or not told:
            return
        try:
            known, fresh = await self._log_of(peer.id, told), parse_vkey(told)
        except WireError as error:
            log.warning("edge-log-unreadable", extra={"edge": peer.id, "problem": str(error)})
            return
        except StoreError as error:
            log.warning("edge-log-not-pinned", extra={"edge": peer.id, "problem": str(error)})
            return
        if known.vkey() != fresh.vkey():
            await self._fork(peer.id, "key-changed", f"its log is now {fresh.origin}, another key")

    async def _log_of(self, edge: str, told: str = "") -> VerifierKey:
        """Return the key of an edge's log: of its enrolment, else what it said first."""
        known = self._parts.registry().edges.get(edge)
        if known is not None and known.ledger_vkey:
            return parse_vkey(known.ledger_vkey)
        return await self._parts.logs.pinned(edge, told)

    async def checkpoint(self, peer: LinePeer, body: Mapping[str, Any], blob: bytes) -> Reply:
        """Cosign a checkpoint that continues what was seen; RefusedError BEHIND or FORK."""
        del blob
        asked = parse_request(body.get("request"))
        async with self._turns.setdefault(peer.id, asyncio.Lock()):
            try:
                known = await self._log_of(peer.id)
                forgot = await self._remembers(peer.id, known)
                line = await self._sign(known, asked)
            except BehindError as error:
                raise RefusedError(BEHIND, str(error.size)) from error
            except ForkError as error:
                await self._fork(peer.id, FORK, str(error))
                raise RefusedError(FORK, str(error)) from error
            except StoreError as error:
                log.warning("witness-not-stored", extra={"problem": str(error)})
                raise RefusedError(NOT_YET, "this room cannot remember it now") from error
            self._heard[peer.id] = _Heard(self._utc_s())
            if not forgot:
                await self._sound(peer.id)
        return Reply({"line": line})

    async def watch(self) -> NoReturn:
        """Look, twice a minute, which edges keep silent; until cancelled."""
        while True:
            await self._parts.clock.sleep(LOOK_S)
            await self.look(LOOK_S)

    async def look(self, since_s: float) -> None:
        """Name the edges that had nothing cosigned for too long; the last look was `since_s` ago.

        Lines that broke in between do not begin the time anew.
        """
        edges = self._parts.registry().edges
        for gone in self._heard.keys() - edges.keys():
            del self._heard[gone]
        for edge in filter(self._parts.is_up, edges):
            heard = self._heard.setdefault(edge, await self._recalled(edge))
            heard.stood_s += since_s
            silent_s = self._utc_s() - heard.utc_s
            if silent_s >= SILENT_S and heard.stood_s >= STANDING_S:
                problem = f"its line stands, its log was not cosigned for {silent_s / 60:.0f} min"
                await self._fork(edge, SILENT, problem)

    async def _recalled(self, edge: str) -> _Heard:
        """Return what we know of an edge when we see it first; of a new one, that it is new."""
        if (heard := self._heard.get(edge)) is not None:
            return heard
        try:
            known = await self._log_of(edge)
        except (WireError, StoreError):
            return _Heard(self._utc_s())
        return _Heard(float(self._parts.state.seen(known.vkey()).utc_s) or self._utc_s())

    def _utc_s(self) -> float:
        return self._parts.clock.now().utc_us / 1_000_000

    async def _remembers(self, edge: str, known: VerifierKey) -> bool:
        """Say, once, that we no longer know how far an edge's log was; return whether so.

        Cosigning begins anew: the edge's older cosignatures still tell an auditor what was.
        """
        forgot = self._parts.state.forgot(known.vkey())
        if forgot:
            problem = f"{STATE_FILE} is gone: how far its log was is not known; compare an export"
            await self._fork(edge, FORGOTTEN, problem)
        return forgot

    async def _sign(self, of: VerifierKey, asked: Request) -> str:
        utc_s = self._parts.clock.now().utc_us // 1_000_000
        ahead = (asked.first, asked.proof)
        return await asyncio.to_thread(self._parts.state.add_of, of, asked.note, ahead, utc_s)

    async def _sound(self, edge: str) -> None:
        try:
            await self._parts.alarms.end_line(edge, RULE_FORK)
        except StoreError as error:  # the next checkpoint ends it
            log.warning("line-alarm-not-ended", extra={"problem": str(error)})

    async def _fork(self, edge: str, code: str, problem: str) -> None:
        """Raise an alarm that goes on until the log is whole again, and write that down."""
        try:
            is_new = await self._parts.alarms.raise_line(edge, RULE_FORK, problem)
        except StoreError as error:  # the next checkpoint raises it
            log.error("log-fork", extra={"edge": edge, "problem": f"{problem}; {error}"})  # noqa: TRY400 - the trace says nothing more
            return
        if is_new:
            log.error("log-fork", extra={"edge": edge, "problem": problem})
            await self._parts.journal.account(
                LedgerEvent(
                    "log.fork", Operation.NONE, Regime.GDPR, result="error", error=code,
                    object_type="edge", object_id=edge, reason_text=problem[:200], channel="line",
                )
            )  # fmt: skip


def open_witness(folder: Path, origin: str) -> WitnessState:
    """Return the witness of this box: its memory and its key, which is made once.

    LedgerError if the memory is there and unreadable: forgetting is no witness. ConfigError for a
    key that is none. Blocks on the disk.
    """
    path = folder / KEY_FILE
    if not path.exists():
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(generate_key())
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            raise LedgerError(f"{path}: {error.strerror}") from error
    key = load_key(path.read_text(), where=str(path))
    return WitnessState(folder / STATE_FILE, f"{origin}/witness", key, {})
