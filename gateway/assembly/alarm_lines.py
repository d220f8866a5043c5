# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Alarms, their pictures and the witnessing of logs, put on the lines of a box: both sides."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from gateway.access.gate import Gate
from gateway.assembly.far_pictures import FarParts, FarPictures, LentParts, LentPictures
from gateway.assembly.federating import Federation
from gateway.assembly.holdup import HoldupDesk
from gateway.assembly.journal import Journal
from gateway.assembly.lines import Lines
from gateway.assembly.room_alarms import (
    EdgeAlarms,
    EdgeParts,
    RoomAlarms,
    RoomParts,
    nobody_asks,
)
from gateway.assembly.room_witness import LineWitness, RoomWitness, WitnessParts, open_witness
from gateway.assembly.viewing import Clips
from gateway.assembly.witnessing import Witnessing
from gateway.audit.witness import Witness, WitnessState
from gateway.config.load import line_folder
from gateway.config.options import Options, UplinkOptions
from gateway.config.secrets import resolve
from gateway.evidence.stills import Stills
from gateway.model.access import Grant
from gateway.model.alarm import AlarmVerdict
from gateway.model.errors import ConfigError, PeerError, RefusedError
from gateway.model.registry import Registry
from gateway.model.room import LINE_ROOM, LinePeer, LineState
from gateway.relay.alarms.outbox import Outbox
from gateway.room import alarms, answers, inbox, witnesses
from gateway.room.dial import Uplink
from gateway.room.enrolment import read_membership
from gateway.room.mqtt_line import ACKS, LineBroker
from gateway.room.plates import KeepPlate
from gateway.room.postgres import PostgresOptions
from gateway.room.reception import Reception
from gateway.room.store import RoomStore, open_room_store
from gateway.room.witnesses import WITNESS_FILE, EdgeLogs, RoomKey
from gateway.runtime.clock import Clock

STORE_FILE: Final = "room.db"
SCHEMA: Final = inbox.SCHEMA + alarms.SCHEMA + answers.SCHEMA + witnesses.SCHEMA
WITNESS: Final = "witness"
"""What an enrolment calls the room's key for checkpoints."""


@dataclass(frozen=True, slots=True)
class RoomKept:
    """What a room has opened for its edges' alarms and logs."""

    store: RoomStore
    witness: WitnessState


def room_place(options: Options, where: str, file: str = STORE_FILE) -> Path | PostgresOptions:
    """Return where a room keeps things: PostgreSQL where `room.store` names one, else a file."""
    if options.room is not None and options.room.store:
        return PostgresOptions(resolve(options.room.store, where=where, key="room.store"))
    return options.box.state_dir / file


def room_store(options: Options, where: str) -> AbstractAsyncContextManager[RoomStore]:
    """Return the store of a room."""
    return open_room_store(room_place(options, where), SCHEMA)


async def room_kept(options: Options, where: str, stack: AsyncExitStack) -> RoomKept | None:
    """Return what a room keeps, None at a box that is none; `stack` closes it.

    LedgerError if its memory of logs is unreadable.
    """
    if options.room is None:
        return None
    state = await asyncio.to_thread(open_witness, options.box.state_dir, options.ledger.origin)
    return RoomKept(await stack.enter_async_context(room_store(options, where)), state)


@dataclass(frozen=True, slots=True)
class Around:
    """What the running box lends."""

    outbox: Outbox
    journal: Journal
    gate: Gate
    stills: Stills
    clips: Clips
    federation: Federation
    witnessing: Witnessing | None
    registry: Callable[[], Registry]
    """With what edges offer."""
    clock: Clock
    spawn: Callable[[Coroutine[None, None, None]], object]
    kept: RoomKept | None = None
    """None: this box is no room."""
    holdups: HoldupDesk | None = None
    """Takes the word of a monitoring centre; without it nobody is asked first."""
    keep_plate: KeepPlate | None = None
    """Keeps a plate that an edge brings; without it this room takes none."""


@dataclass(slots=True)
class _Room:
    """The room's side."""

    desk: RoomAlarms
    witness: RoomWitness
    reception: Reception


@dataclass(slots=True)
class AlarmLines:
    """Both sides; each is there only where the configuration asks for it."""

    options: Options
    lines: Lines
    brokers: dict[str, LineBroker] = field(default_factory=dict)
    """For couriers, by the name of the uplink."""
    far: FarPictures | None = None
    """Pictures of edges' alarms, at a room."""
    _witnesses: dict[str, LineWitness] = field(default_factory=dict)
    _room: _Room | None = None
    _around: Around | None = None

    @classmethod
    def of(cls, options: Options, lines: Lines, clock: Clock) -> "AlarmLines":
        """Make brokers; what needs the running box follows with `join`."""
        made = cls(options, lines)
        for one in options.uplinks:
            uplink = lines.uplinks[one.name]
            folder = line_folder(options.box.state_dir, one.name)
            broker = LineBroker(one.name, uplink, partial(_is_up, uplink), clock)
            broker.names = _Names(options.box.id, folder)
            made.brokers[one.name] = broker
            key = RoomKey(folder / WITNESS_FILE)
            made._witnesses[one.name] = LineWitness(one.name, uplink, key)
        return made

    def join(self, around: Around) -> None:
        """Answer over the lines from now on; before any of them is dialled."""
        self._around = around
        for one in self.options.uplinks:
            self._join_edge(one, around)
        reception = self.lines.reception
        if reception is not None and around.kept is not None:
            self._join_room(reception, around.kept, around)
        if around.witnessing is not None and self._witnesses:
            around.witnessing.also(self._known_witnesses)
        self.lines.on_up.append(self._up)
        self.lines.on_down.append(self._down)

    def _join_edge(self, one: UplinkOptions, around: Around) -> None:
        ear = EdgeAlarms(
            EdgeParts(
                around.outbox, around.journal, around.registry, one.recipient,
                around.holdups.confirm if around.holdups else around.stills.confirm,
                around.holdups.answer if around.holdups else nobody_asks,
            )
        )  # fmt: skip
        lent = LentPictures(
            LentParts(
                partial(_release, around.federation, one.name), around.gate.check,
                around.outbox.find, around.stills, around.clips, around.clock,
                around.federation.budgets[one.name],
            )
        )  # fmt: skip
        own = {**ear.handlers(), **lent.handlers(), ACKS: self.brokers[one.name].acks}
        self.lines.handlers_edge[one.name].update(own)

    def _join_room(self, reception: Reception, kept: RoomKept, around: Around) -> None:
        def is_up(edge: str) -> bool:
            try:
                reception.standing(edge)
            except PeerError:
                return False
            return True

        desk = RoomAlarms(
            RoomParts(
                kept.store, around.outbox, around.journal, around.registry,
                around.federation.offers.of, reception.caller, is_up, around.clock,
                self.options.box.exercise, around.keep_plate,
            )
        )  # fmt: skip
        witness = RoomWitness(
            WitnessParts(
                kept.witness, EdgeLogs(kept.store), around.registry, around.journal, desk,
                around.clock, is_up,
            )
        )  # fmt: skip
        self._room = _Room(desk, witness, reception)
        around.federation.refused = desk.refused
        self.far = FarPictures(
            FarParts(reception.caller, partial(_asserted, around.federation), around.gate.check)
        )
        self.lines.handlers_room.update({**desk.handlers(), **witness.handlers()})
        self.lines.greeting["witness_key"] = witness.vkey

    def tasks(self) -> tuple[Coroutine[None, None, None], ...]:
        """Return what has to run."""
        room = self._room
        return (room.desk.keep(), room.witness.watch()) if room is not None else ()

    @property
    def problem(self) -> str:
        """Return why the disk refuses what a room must keep; empty while it takes it."""
        return self._room.desk.problem if self._room is not None else ""

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what a person has to correct: rooms that could witness our log and do not."""
        unknown = (one for one in self._witnesses.values() if not one.is_known)
        return tuple(f"line {one.line}: {one.memory.problem}" for one in unknown
                     if one.memory.problem)  # fmt: skip

    async def judge(self, alarm_id: str, by: str, verdict: AlarmVerdict) -> None:
        """Keep a verdict on an edge's alarm for its edge; see RoomAlarms."""
        if self._room is not None:
            await self._room.desk.judge(alarm_id, by, verdict)

    async def taken(self, alarm_id: str, by: str) -> None:
        """Keep a person's answer to an edge's alarm for its edge; see RoomAlarms."""
        if self._room is not None:
            await self._room.desk.taken(alarm_id, by)

    def _known_witnesses(self) -> Sequence[Witness]:
        return [one for one in self._witnesses.values() if one.is_known]

    def _up(self, line: str, peer: LinePeer) -> None:
        if self._around is None:
            return
        if line:
            self._around.spawn(self._greeted(line))
        elif self._room is not None:
            self._room.desk.wake()
            hello = self._room.reception.hello(peer.id)
            self._around.spawn(self._room.witness.greeted(peer, hello))

    def _down(self, line: str, peer: LinePeer) -> None:
        del peer
        if not line and self._room is not None:
            self._room.desk.wake()

    async def _greeted(self, line: str) -> None:
        folder = line_folder(self.options.box.state_dir, line)
        try:
            member = await asyncio.to_thread(read_membership, folder)
        except ConfigError:  # the line itself says what is wrong with it
            member = None
        enrolled = member.keys.get(WITNESS, "") if member is not None else ""
        await self._witnesses[line].greeted(self.lines.uplinks[line].greeting, enrolled)


def _is_up(uplink: Uplink) -> bool:
    return uplink.status().state in (LineState.UP, LineState.SILENT)


class _Names:
    """What we call ourselves, and what a room calls us: read anew when we were enrolled anew."""

    def __init__(self, box: str, folder: Path) -> None:
        self._box, self._folder = box, folder
        self._read: tuple[int, str] = (0, box)

    def __call__(self) -> tuple[str, str]:
        try:
            dated = (self._folder / LINE_ROOM).stat().st_mtime_ns
            if dated != self._read[0]:
                member = read_membership(self._folder)
                self._read = (dated, member.edge if member is not None else self._box)
        except (OSError, ConfigError):  # the line itself says what is wrong with it
            return self._box, self._box
        return self._box, self._read[1]


async def _release(federation: Federation, line: str, token: str, peer: LinePeer) -> Grant:
    if federation.edge is None:
        raise RefusedError("not-offered", "this box shows rooms nothing")
    return await federation.edge.release(line, token, peer)


def _asserted(federation: Federation, grant: Grant) -> str:
    if federation.room is None:
        raise PeerError("this box is no room")
    return federation.room.assertion_for(grant)
