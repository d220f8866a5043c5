# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The lines of a box, dialled and received, joined with what goes over them.

Whoever has something to say over a line adds to `handlers_room`, `handlers_edge` and `greeting`
and listens to `on_up` and `on_down` before the tasks start.
"""

import base64
import binascii
import functools
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from gateway import __version__
from gateway.assembly.opening import ledger_key
from gateway.audit.keys import public_vkey
from gateway.config.load import line_folder
from gateway.config.options import Options, UplinkOptions
from gateway.config.secrets import locate
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import ConfigError, PeerError
from gateway.model.registry import Registry
from gateway.model.room import Handler, LinePeer, LineState, LineStatus
from gateway.room.authority import CA_FILE, SERVER_FILE
from gateway.room.dial import Uplink, UplinkParts
from gateway.room.enrolment import read_membership
from gateway.room.knocks import Refusal, host_of
from gateway.room.reception import Reception, ReceptionParts
from gateway.runtime.clock import Clock
from gateway.runtime.sealed import Sealed, client_context, server_context
from gateway.wire.uplink import ALPN_ENROL, ALPN_LINE, ALPN_MEDIA

log = logging.getLogger(__name__)

WORRY_S = 60.0
"""A line that is down for longer limps; shorter ones are what networks do."""
MOST_NAMED = 5
"""Edges that health names one by one."""
ENTRIES, ENTRY_S = 10.0, 60.0
"""Of one line going up and down: so many entries, then one in so long."""

Serve = Callable[[Sealed], Awaitable[None]]
Write = Callable[[LedgerEvent], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class LineParts:
    """What lines are made of, besides the options."""

    registry: Callable[[], Registry]
    """The stored one."""
    write: Write
    """Writes an entry about what has happened; never raises."""
    clock: Clock
    vkey: str = ""
    """C2SP vkey of this box's log."""
    listener: socket.socket | None = None
    """Bound, where the options have a room."""


class Lines:
    """Every line of a box; `tasks` are its life."""

    def __init__(self, options: Options, parts: LineParts) -> None:
        """Dial and accept nobody yet."""
        self.handlers_room: dict[str, Handler] = {}
        """What this box answers its edges, by kind."""
        self.handlers_edge: dict[str, dict[str, Handler]] = {}
        """What it answers the room of an uplink, by the uplink's name and kind."""
        self.on_media: dict[str, Serve] = {}
        """Who serves the pictures of an uplink, by its name."""
        self.greeting: dict[str, Any] = {}
        """What this room tells an edge that says hello."""
        self.states: list[Callable[[], Mapping[str, Any]]] = []
        """What heartbeats carry to rooms: small."""
        self.on_up: list[Callable[[str, LinePeer], None]] = []
        """Called with the uplink's name (empty: an edge came) when a line is up; must not wait."""
        self.on_down: list[Callable[[str, LinePeer], None]] = []
        self.enrol: Serve | None = None
        self.recognise: Callable[[str], Awaitable[str]] | None = None
        """As `ReceptionParts`; without `enrol` nobody enrols."""
        self._o, self._p = options, parts
        self._diary = Diary(parts.write, parts.clock)
        self.uplinks: Mapping[str, Uplink] = {
            one.name: self._uplink(one) for one in options.uplinks
        }
        self.reception = self._reception()

    def tasks(self) -> tuple[Coroutine[None, None, None], ...]:
        """Return what has to run."""
        dialled = tuple(one.run() for one in self.uplinks.values())
        received = (self.reception.run(),) if self.reception is not None else ()
        return (*dialled, *received, self._diary.run())

    def uplink_of(self, recipient: str) -> Uplink | None:
        """Return the line to the room that is a recipient."""
        named = (one.name for one in self._o.uplinks if one.recipient == recipient)
        return self.uplinks.get(next(named, ""))

    def statuses(self) -> tuple[tuple[str, LineStatus], ...]:
        """Return how every line stands, with the uplink's name (empty: an edge's)."""
        dialled = ((name, one.status()) for name, one in self.uplinks.items())
        received = self.reception.lines() if self.reception is not None else ()
        return (*dialled, *(("", one) for one in received))

    def problems(self) -> tuple[str, ...]:
        """Return one line for each that a person should look after."""
        now_us = self._p.clock.now().utc_us
        own, edges = [], []
        for name, status in self.statuses():
            if not _is_worrying(status, now_us):
                continue
            said = f"{status.state.value}" + (f": {status.problem}" if status.problem else "")
            if name:
                own.append(f"line {name}: {said}")
            else:
                edges.append(f"edge {status.peer}: {said}")
        if len(edges) > MOST_NAMED:
            edges[MOST_NAMED:] = [f"{len(edges) - MOST_NAMED} more edges"]
        return (*own, *edges)

    # The lines that we dial.

    def _uplink(self, one: UplinkOptions) -> Uplink:
        box, folder = self._o.box, line_folder(self._o.box.state_dir, one.name)
        where = f"uplink.{one.name}"

        def addresses() -> tuple[str, ...]:
            member = None if one.addresses else read_membership(folder)
            return one.addresses or (member.addresses if member else ())

        def hello() -> Mapping[str, Any]:
            member = read_membership(folder)
            return {
                "edge": member.edge if member else box.id, "name": box.name,
                "software": f"varco/{__version__}", "origin": self._o.ledger.origin,
                "vkey": self._p.vkey, "exercise": box.exercise,
            }  # fmt: skip

        def room() -> str:
            member = read_membership(folder)
            return member.room if member else ""

        def context(alpn: str) -> ssl.SSLContext:
            files = (one.certificate, locate(one.key, where=where, key="key"), one.ca)
            return _client(files, _dated(files), alpn)

        async def serve(sealed: Sealed) -> None:
            if (found := self.on_media.get(one.name)) is not None:
                await found(sealed)

        handlers = self.handlers_edge.setdefault(one.name, {})
        parts = UplinkParts(
            one.name, addresses, context, hello, self._states, serve, self._p.clock,
            float(one.heartbeat_s), room=room,
        )  # fmt: skip
        made = Uplink(parts, handlers)
        made.on_refused.append(lambda _: self._diary.refused(one.name))
        made.on_up.append(partial(self._up, one.name))
        made.on_down.append(partial(self._down, one.name))
        return made

    def _states(self) -> Mapping[str, Any]:
        merged: dict[str, Any] = {}
        for told in self.states:
            merged.update(told())
        return merged

    # The lines that we receive.

    def _reception(self) -> Reception | None:
        room, listener, state = self._o.room, self._p.listener, self._o.box.state_dir
        if room is None or listener is None:
            return None
        self.greeting.update(
            room=self._o.box.id, name=room.name, heartbeat_s=room.heartbeat_s, vkey=self._p.vkey
        )
        files = (state / SERVER_FILE, state / SERVER_FILE, state / CA_FILE)
        parts = ReceptionParts(
            listener=listener,
            context=lambda: _server(files, _dated(files)),
            edges=lambda: self._p.registry().edges,
            greeting=lambda: self.greeting,
            refused=self._refused,
            clock=self._p.clock,
            enrol=self._enrol,
            recognise=self._recognise,
            exercise=self._o.box.exercise,
        )
        made = Reception(parts, self.handlers_room)
        made.on_up.append(partial(self._up, ""))
        made.on_down.append(partial(self._down, ""))
        return made

    async def _enrol(self, sealed: Sealed) -> None:
        if self.enrol is not None:
            await self.enrol(sealed)

    async def _recognise(self, sha256: str) -> str:
        return await self.recognise(sha256) if self.recognise is not None else ""

    async def _refused(self, refusal: Refusal) -> None:
        fields = {"address": refusal.address, "reason": refusal.reason, "edge": refusal.edge}
        log.warning("line-refused", extra={**fields, "problem": refusal.text})
        await self._p.write(
            LedgerEvent(
                "line.refuse",
                Operation.NONE,
                Regime.GDPR,
                result="denied",
                error=refusal.reason,
                actor_type="device",
                src_ip=host_of(refusal.address),
                client_cert_fp=refusal.certificate_sha256,
                object_type="edge",
                object_id=refusal.edge,
                channel="line",
                count=refusal.unsaid + 1,
            )
        )

    # Both.

    def _up(self, line: str, peer: LinePeer) -> None:
        self._diary.note("line.up", line, peer)
        for told in self.on_up:
            told(line, peer)

    def _down(self, line: str, peer: LinePeer) -> None:
        self._diary.note("line.down", line, peer)
        for told in self.on_down:
            told(line, peer)


def lines_of(options: Options, where: str, parts: LineParts) -> Lines:
    """Return the lines of a box; its log's key is told at the other ends."""
    if not options.uplinks and options.room is None:
        return Lines(options, parts)
    key = ledger_key(options, where)
    return Lines(options, replace(parts, vkey=public_vkey(options.ledger.origin, key)))


class Diary:
    """Writes down that lines came and went; one that flaps does not fill the ledger."""

    def __init__(self, write: Write, clock: Clock) -> None:
        self._write, self._clock = write, clock
        self._left: dict[tuple[str, str], tuple[float, float]] = {}
        """Entries that a line may still have, and when that was so."""
        self._due: dict[tuple[str, str], LedgerEvent] = {}
        """The last one that is not written yet, with how many it stands for."""

    def note(self, event: str, line: str, peer: LinePeer) -> None:
        """Take one; never waits."""
        key = (line, peer.id)
        before = self._due.get(key)
        self._due[key] = LedgerEvent(
            event,
            Operation.NONE,
            Regime.GDPR,
            actor_type="device",
            object_type="line" if line else "edge",
            object_id=line or peer.id,
            recipient_id=peer.id if line else "",
            channel="line",
            count=1 + (before.count if before else 0),
        )

    def refused(self, line: str) -> None:
        """Take that a line's two ends do not accept each other; never waits."""
        before = self._due.get((line, ""))
        self._due[line, ""] = LedgerEvent(
            "line.refuse",
            Operation.NONE,
            Regime.GDPR,
            result="denied",
            error="certificate",
            actor_type="device",
            object_type="line",
            object_id=line,
            channel="line",
            count=1 + (before.count if before else 0),
        )

    async def run(self) -> None:
        """Write, until cancelled: every second what may be written."""
        while True:
            await self.step()
            await self._clock.sleep(1.0)

    async def step(self) -> None:
        """Write what may be written now."""
        now_s = self._clock.monotonic_s()
        for key in list(self._due):
            left, at_s = self._left.get(key, (ENTRIES, now_s))
            left = min(ENTRIES, left + (now_s - at_s) / ENTRY_S)
            if left >= 1:
                event = self._due.pop(key)
                await self._write(replace(event, count=0) if event.count == 1 else event)
                left -= 1
            self._left[key] = (left, now_s)


def key_of(greeting: Mapping[str, Any], name: str) -> bytes:
    """Return an Ed25519 public key of a greeting (base64); PeerError if it is none."""
    told = greeting.get(name)
    try:
        key = base64.b64decode(told, validate=True) if isinstance(told, str) else b""
    except binascii.Error:
        key = b""
    if len(key) != 32:  # noqa: PLR2004 - RFC 8032 §5.1.5
        raise PeerError(f"the room tells no {name.replace('_', ' ')}")
    return key


def _is_worrying(status: LineStatus, now_us: int) -> bool:
    if status.state is LineState.REFUSED:
        return True
    if status.state not in (LineState.DOWN, LineState.NOT_ENROLLED, LineState.CONNECTING):
        return False
    return now_us - status.since_utc_us > WORRY_S * 1_000_000


def _dated(files: tuple[Path, Path, Path]) -> tuple[int, ...]:
    """Return when files were changed; ConfigError names one that is not there."""
    found = []
    for path in files:
        try:
            found.append(path.stat().st_mtime_ns)
        except OSError as error:
            problem = f"{path}: {error.strerror}"
            raise ConfigError(str(path), "", problem, "enrol with: varco link join") from None
    return tuple(found)


@functools.lru_cache(maxsize=64)
def _client(files: tuple[Path, Path, Path], dated: tuple[int, ...], alpn: str) -> ssl.SSLContext:
    """Return a context, read anew when a file has changed."""
    del dated
    return client_context(*files, [alpn])


@functools.lru_cache(maxsize=8)
def _server(files: tuple[Path, Path, Path], dated: tuple[int, ...]) -> ssl.SSLContext:
    del dated
    return server_context(*files, [ALPN_LINE, ALPN_MEDIA, ALPN_ENROL])
