# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The room's end: one listener for lines, pictures and enrolment; who is who by certificate.

Whoever cannot prove who it is gets nothing but a handshake, and not many of those, unless an edge
is known at the same address. Whoever leaves
the registry, is disabled or gets another certificate is cut off within two seconds.
"""

import asyncio
import logging
import socket
import ssl
from collections import ChainMap, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, NoReturn

from cryptography.x509 import load_der_x509_certificate

from gateway.model.errors import (
    ConfigError,
    CredentialError,
    DownError,
    PeerError,
    RefusedError,
    WireError,
)
from gateway.model.registry import Edge
from gateway.model.room import (
    MOST_LINE_STREAMS,
    Handler,
    LinePeer,
    LineState,
    LineStatus,
    Reply,
)
from gateway.room.dial import BRING, HEARTBEAT, dict_of
from gateway.room.knocks import Knocks, Refusal, Refusals, host_of
from gateway.room.line import HELLO, Bounds, Line
from gateway.room.pool import MediaPool
from gateway.runtime.clock import Clock
from gateway.runtime.sealed import Sealed, address_of, readable, reason_of
from gateway.runtime.supervise import contained
from gateway.wire.uplink import ALPN_ENROL, ALPN_LINE, ALPN_MEDIA, Frame, encode

log = logging.getLogger(__name__)

HELLO_FIELDS = ("edge", "name", "software", "origin", "vkey")
MOST_TEXT = 400
REACH_S = 60.0
"""Whoever wants pictures over a line that broke is told that it is down so often."""
MOST_STATES = 64
"""Entries of a heartbeat that are kept."""
MOST_ACCEPTED = 32
"""In one go, before others get their turn."""
BUGS_S = 600.0
_MIXED = {
    True: "questa sala è reale, la sede è in esercitazione (box.exercise): "
    "this room is real, the edge is one of an exercise",
    False: "questa sala è in esercitazione, la sede è reale (box.exercise): "
    "this room is one of an exercise, the edge is real",
}
"""What an edge reads, by whether it is one of an exercise: alarms of one are no alarms (A-33)."""
MOST_BUGS = 3
"""Of ours that one edge's lines brought out in `BUGS_S`: then it is not listened to so long."""


@dataclass(frozen=True, slots=True)
class Doorstep:
    """Bounds of the listener; times in seconds."""

    handshake_s: float = 5.0
    most_half_open: int = 128
    """Handshakes at a time; one more ends the oldest."""
    most_half_open_each: int = 32
    """Of one address."""
    most_spares: int = 16
    """Connections of one edge on which nothing is asked yet."""
    most_media: int = MOST_LINE_STREAMS
    """Connections of one edge that carry pictures."""
    most_ungreeted: int = 4
    """Lines of one edge that have not said who they are."""
    media_s: float = 5.0
    """What somebody waits for a connection for pictures."""
    spare_s: float = 60.0
    """Spares beyond the first go after so long."""
    most_enrolling: int = 4
    enrol_s: float = 30.0
    look_s: float = 1.0
    """How often the registry is looked at: nobody stays longer than two seconds."""
    say_no_s: float = 2.0
    """For an edge that is refused to hear why."""
    full_s: float = 0.2
    """Pause when the process has no descriptor left."""


@dataclass(frozen=True, slots=True)
class ReceptionParts:
    """What the room's end works with; callables are asked anew each time."""

    listener: socket.socket
    """Bound and listening."""
    context: Callable[[], ssl.SSLContext]
    edges: Callable[[], Mapping[str, Edge]]
    """Of the registry, by id."""
    greeting: Callable[[], Mapping[str, Any]]
    """What `hello` is answered with, besides the time."""
    refused: Callable[[Refusal], Awaitable[None]]
    """Told one refusal after the other, not too many."""
    clock: Clock
    enrol: Callable[[Sealed], Awaitable[None]] | None = None
    """Serves one connection for enrolment; closed after it returns."""
    recognise: Callable[[str], Awaitable[str]] | None = None
    """Returns the edge that is given a certificate just now and uses it already; empty: none. The
    registry has it afterwards."""
    exercise: bool = False
    """Whether this room is one of an exercise: then its edges are, too, and else none is."""
    bounds: Bounds = field(default_factory=Bounds)
    doorstep: Doorstep = field(default_factory=Doorstep)


@dataclass(slots=True)
class _Known:
    """What is remembered of an edge from line to line."""

    pool: MediaPool
    line: Line | None = None
    """Greeted."""
    ungreeted: list[Line] = field(default_factory=list)
    expires_utc_us: int = 0
    stands: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while there is a line."""
    problem: str = ""
    since_utc_us: int = 0
    heard_utc_us: int = 0
    dials: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    hello: Mapping[str, Any] = field(default_factory=dict)
    states: Mapping[str, Any] = field(default_factory=dict)
    bugs_s: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_BUGS))

    def lines(self) -> tuple[Line, ...]:
        return (*self.ungreeted, *((self.line,) if self.line else ()))


class _AwayError(PeerError):
    """Somebody is sent away; never leaves this file."""

    def __init__(self, reason: str, text: str, edge: str = "") -> None:
        super().__init__(text)
        self.reason, self.edge = reason, edge


@dataclass(frozen=True, slots=True)
class EdgeCaller:
    """One edge's end for those who ask it, line after line."""

    reception: "Reception"
    edge: str

    async def call(
        self, kind: str, body: Mapping[str, Any], blob: bytes = b"", *, within_s: float = 10.0
    ) -> Reply:
        """Ask the edge; DownError while its line is down."""
        line = self.reception.standing(self.edge)
        return await line.call(kind, body, blob, within_s=within_s)

    def tell(self, kind: str, body: Mapping[str, Any]) -> bool:
        """Remark; False while the line is down."""
        try:
            return self.reception.standing(self.edge).tell(kind, body)
        except PeerError:
            return False


class Reception:
    """All lines of a room."""

    def __init__(self, parts: ReceptionParts, handlers: Mapping[str, Handler]) -> None:
        """Accept nobody yet; `handlers` may grow later."""
        self.on_up: list[Callable[[LinePeer], None]] = []
        """Called when an edge was greeted, also if its last line still stood; must not wait."""
        self.on_down: list[Callable[[LinePeer], None]] = []
        self.reduced: Callable[[str], tuple[str, ...]] = lambda _: ()
        """Cameras of an edge whose small stream comes, for `lines`."""
        self._p = parts
        self._handlers = dict_of(handlers)
        self._known: dict[str, _Known] = {}
        self._half_open: dict[asyncio.Task[None], str] = {}
        self._enrolling = 0
        self._since_utc_us = parts.clock.now().utc_us
        self._knocks = Knocks()
        self._refusals = Refusals(parts.refused)

    # What others ask.

    def caller(self, edge: str) -> EdgeCaller:
        """Return an edge's end; it may be down, and up again."""
        return EdgeCaller(self, edge)

    def standing(self, edge: str) -> Line:
        """Return the line of an edge; DownError while it is down."""
        known = self._known.get(edge)
        if known is None or known.line is None:
            why = f": {known.problem}" if known is not None and known.problem else ""
            raise DownError(f"the line of edge {edge} is down{why}")
        return known.line

    def peer(self, edge: str) -> LinePeer:
        """Return who is at the other end; PeerError while the line is down."""
        return self.standing(edge).peer

    def hello(self, edge: str) -> Mapping[str, Any]:
        """Return what the edge said of itself last; empty before."""
        known = self._known.get(edge)
        return known.hello if known else MappingProxyType({})

    def states(self, edge: str) -> Mapping[str, Any]:
        """Return what its last heartbeat carried; unchecked, and bounded in size only."""
        known = self._known.get(edge)
        return known.states if known else MappingProxyType({})

    @property
    def refusals(self) -> int:
        """How many were sent away."""
        return self._refusals.count

    def lines(self) -> tuple[LineStatus, ...]:
        """Return how the line of every edge of the registry stands."""
        return tuple(self._status(edge) for edge in self._p.edges().values())

    def _status(self, edge: Edge) -> LineStatus:
        known = self._known.get(edge.id)
        if known is None:
            state = LineState.DOWN if edge.certificate_sha256 else LineState.NOT_ENROLLED
            return LineStatus(edge.id, state, since_utc_us=self._since_utc_us)
        line = known.line
        return LineStatus(
            peer=edge.id,
            state=self._state(edge, line),
            problem=known.problem,
            since_utc_us=known.since_utc_us,
            heard_utc_us=line.heard_utc_us if line else known.heard_utc_us,
            round_trip_ms=line.timing.round_trip_ms if line else 0.0,
            clock_offset_ms=line.timing.clock_offset_ms if line else 0.0,
            address=line.peer.address if line else "",
            dials=known.dials,
            sent_bytes=known.sent_bytes + (line.sealed.sent_bytes if line else 0),
            received_bytes=known.received_bytes + (line.sealed.received_bytes if line else 0),
            streams=known.pool.taken,
            reduced=self.reduced(edge.id),
        )

    def _state(self, edge: Edge, line: Line | None) -> LineState:
        if not edge.certificate_sha256:
            return LineState.NOT_ENROLLED
        if not edge.enabled:
            return LineState.REFUSED
        if line is None:
            return LineState.DOWN
        silent = line.silent_s > 2 * self._p.bounds.ping_s
        return LineState.SILENT if silent else LineState.UP

    async def media(self, edge: str) -> Sealed:
        """Return a connection on which the edge awaits RTSP; whoever takes it closes it.

        PeerError: the line is down, it carries as many as it may, or none came in time. It is cut
        when the edge's line ends.
        """
        line = self.standing(edge)
        return await self._known[edge].pool.take(
            lambda wanted: line.tell(BRING, {"n": wanted}), self._p.doorstep.media_s
        )

    async def reach(self, edge: str) -> Sealed:
        """Return a connection as `media` does, once the edge's line stands, if it does soon.

        Nobody redials a line that is down: whoever waits here goes on when the edge is back.
        """
        known = self._known.get(edge)
        if known is not None and known.line is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(REACH_S):
                    await known.stands.wait()
        return await self.media(edge)

    # The door.

    async def run(self) -> None:
        """Receive whoever comes until cancelled; the listener stays with its owner."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._accept(tasks))
                tasks.create_task(self._look())
                tasks.create_task(self._refusals.run())
        finally:
            for known in self._known.values():
                known.pool.hang_up("the room closes")

    async def _accept(self, tasks: asyncio.TaskGroup) -> NoReturn:
        while True:
            await readable(self._p.listener)
            try:
                for _ in range(MOST_ACCEPTED):
                    self._let_in(*self._p.listener.accept(), tasks)
            except (BlockingIOError, ConnectionAbortedError):
                continue
            except OSError as error:
                log.warning("no-accept", extra={"problem": reason_of(error)})
                await self._p.clock.sleep(self._p.doorstep.full_s)

    def _let_in(self, sock: socket.socket, address: object, tasks: asyncio.TaskGroup) -> None:
        """Begin a handshake; the oldest gives way if there are too many."""
        where = address_of(address)
        host = host_of(where)
        if not self._may_enter(host):
            sock.close()
            return
        if len(self._half_open) >= self._p.doorstep.most_half_open:
            oldest = next(iter(self._half_open))
            oldest.cancel()
            del self._half_open[oldest]
        task = tasks.create_task(self._receive(sock, where))
        self._half_open[task] = host
        task.add_done_callback(self._entered)
        task.add_done_callback(partial(_close_cancelled, sock))

    def _may_enter(self, host: str) -> bool:
        """Return whether a handshake may begin: strangers do not shut out the edge beside them."""
        if not self._knocks.may_knock(host, self._p.clock.monotonic_s()):
            return False
        mine = sum(one == host for one in self._half_open.values())
        return mine < self._p.doorstep.most_half_open_each

    def _entered(self, task: asyncio.Task[None]) -> None:
        self._half_open.pop(task, None)

    def _refuse(self, refusal: Refusal) -> None:
        now_s = self._p.clock.monotonic_s()
        self._knocks.failed(host_of(refusal.address), now_s)
        self._refusals.note(refusal, now_s)
        fields = {"address": refusal.address, "reason": refusal.reason, "problem": refusal.text}
        log.debug("line-refused", extra=fields)

    async def _receive(self, sock: socket.socket, where: str) -> None:
        """Shake hands, then do what the protocol says, until it ends."""
        try:
            sealed = await self._shaken(sock)
        except CredentialError as error:
            self._refuse(Refusal(where, "certificate", str(error)))
            return
        except PeerError as error:
            self._refuse(Refusal(where, "handshake", str(error)))
            return
        try:
            work = await self._work(sealed)
            if (task := asyncio.current_task()) is not None:
                self._entered(task)
            await work()
        except _AwayError as away:
            sha256 = sealed.peer_sha256
            self._refuse(Refusal(where, away.reason, str(away), sha256, away.edge))
            if sha256 and sealed.alpn == ALPN_LINE:
                await self._say_no(sealed, away)
            sealed.close()
        except BaseException:
            sealed.close()
            raise

    async def _shaken(self, sock: socket.socket) -> Sealed:
        try:
            context = self._p.context()
        except ConfigError as error:
            sock.close()
            raise PeerError(str(error)) from None
        return await Sealed.accept(sock, context, within_s=self._p.doorstep.handshake_s)

    async def _work(self, sealed: Sealed) -> Callable[[], Awaitable[None]]:
        """Return what is to be done on a connection; _AwayError if nothing is."""
        alpn = sealed.alpn
        if alpn == ALPN_ENROL and self._p.enrol is not None:
            if self._enrolling >= self._p.doorstep.most_enrolling:
                raise _AwayError("flood", "too many enrol at a time")
            return partial(self._enrol, sealed, self._p.enrol)
        if alpn not in (ALPN_LINE, ALPN_MEDIA):
            raise _AwayError("alpn", f"it speaks {alpn or 'nothing'} that we know")
        edge = await self._identify(sealed)
        if alpn == ALPN_LINE:
            return partial(self._line, sealed, edge)
        return partial(self._media, sealed, edge)

    def _of(self, sha256: str) -> Edge | None:
        edges = self._p.edges().values()
        return next((one for one in edges if one.certificate_sha256 == sha256), None)

    async def _identify(self, sealed: Sealed) -> Edge:
        """Return whose certificate it is; _AwayError if nobody's. Its address is known then."""
        sha256, now_s = sealed.peer_sha256, self._p.clock.monotonic_s()
        if not sha256:
            raise _AwayError("certificate", "it shows no certificate")
        edge = self._of(sha256)
        if edge is None and self._p.recognise is not None and await self._p.recognise(sha256):
            edge = self._of(sha256)
        if edge is None:
            raise _AwayError("unknown", "its certificate belongs to no edge of this room")
        if not edge.enabled:
            raise _AwayError("disabled", f"edge {edge.id} is disabled", edge.id)
        bugs_s = known.bugs_s if (known := self._known.get(edge.id)) is not None else ()
        if sum(now_s - one < BUGS_S for one in bugs_s) >= MOST_BUGS:
            raise _AwayError("bugs", f"edge {edge.id} brought out faults of this room", edge.id)
        self._knocks.welcomed(host_of(sealed.peer_address), now_s)
        return edge

    async def _say_no(self, sealed: Sealed, away: _AwayError) -> None:
        """Answer its hello, so that people at the edge read why."""
        answer = Frame(HELLO, answers=1, error=(away.reason, str(away)))
        try:
            async with asyncio.timeout(self._p.doorstep.say_no_s):
                await sealed.read()
                await sealed.write(encode(answer))
        except (PeerError, TimeoutError):
            log.debug("not-told", extra={"address": sealed.peer_address})

    async def _enrol(self, sealed: Sealed, serve: Callable[[Sealed], Awaitable[None]]) -> None:
        self._enrolling += 1
        try:
            async with asyncio.timeout(self._p.doorstep.enrol_s):
                await contained("enrol", lambda: serve(sealed))
        except TimeoutError:
            self._refuse(Refusal(sealed.peer_address, "enrol", "took too long"))
        finally:
            self._enrolling -= 1
            sealed.close()

    async def _media(self, sealed: Sealed, edge: Edge) -> None:
        """Keep a connection until somebody wants a picture."""
        known = self._known.get(edge.id)
        if known is None or known.line is None:
            sealed.close()  # its line has just ended; it dials anew
        else:
            known.pool.add(sealed)

    # Lines.

    def _remembered(self, edge: str) -> _Known:
        known = self._known.get(edge)
        if known is None:
            door = self._p.doorstep
            pool = MediaPool(
                edge, self._p.clock, most_spares=door.most_spares, most_taken=door.most_media
            )
            known = self._known[edge] = _Known(pool, since_utc_us=self._since_utc_us)
        return known

    async def _line(self, sealed: Sealed, edge: Edge) -> None:
        known, clock = self._remembered(edge.id), self._p.clock
        peer = LinePeer(edge.id, edge.name, sealed.peer_sha256, sealed.peer_address)
        line = Line(sealed, peer, clock, self._p.bounds)
        while len(known.ungreeted) >= self._p.doorstep.most_ungreeted:
            known.ungreeted.pop(0).end(PeerError("others of this edge came after it"))
        known.ungreeted.append(line)
        known.dials += 1
        own: dict[str, Handler] = {
            HELLO: partial(self._hello, known, line),
            HEARTBEAT: partial(self._heartbeat, known),
        }
        task = f"line of edge {edge.id}"
        if not await contained(
            task, lambda: self._lived(known, line, ChainMap(own, self._handlers))
        ):
            known.bugs_s.append(clock.monotonic_s())

    async def _lived(self, known: _Known, line: Line, handlers: ChainMap[str, Handler]) -> None:
        problem = "a fault of this room"
        try:
            await line.run(handlers)
        except PeerError as error:
            problem = str(error)
            raise
        finally:
            self._ended(known, line, problem)

    def _ended(self, known: _Known, line: Line, problem: str) -> None:
        if line in known.ungreeted:
            known.ungreeted.remove(line)
        known.sent_bytes += line.sealed.sent_bytes
        known.received_bytes += line.sealed.received_bytes
        if known.line is not line:
            return
        known.line, known.problem = None, problem
        known.stands.clear()
        known.heard_utc_us, known.since_utc_us = line.heard_utc_us, self._p.clock.now().utc_us
        known.pool.hang_up("its line is down")
        log.info("line-down", extra={"edge": line.peer.id, "problem": problem})
        for told in self.on_down:
            told(line.peer)

    async def _hello(
        self, known: _Known, line: Line, peer: LinePeer, body: Mapping[str, Any], blob: bytes
    ) -> Reply:
        """Greet an edge that is who its certificate says."""
        del blob
        told = {name: body.get(name, "") for name in HELLO_FIELDS}
        if body.get("v") != 1 or not all(_is_text(one) for one in told.values()):
            raise WireError(f"edge {peer.id}: a hello of another version")
        exercise = body.get("exercise") is True
        if told["edge"] != peer.id:
            text = f"the certificate is that of {peer.id}, not of {told['edge']}"
            raise self._sent_away(peer, "edge-id", text)
        if exercise is not self._p.exercise:
            raise self._sent_away(peer, "exercise", _MIXED[exercise])
        if line not in known.ungreeted:
            raise RefusedError("greeted", "once is enough")
        known.hello = MappingProxyType({**told, "exercise": exercise})
        self._up(known, line)
        reply = {"utc_us": self._p.clock.now().utc_us}
        return Reply({**self._p.greeting(), **reply})

    def _sent_away(self, peer: LinePeer, reason: str, text: str) -> RefusedError:
        """Note a refusal; return what the edge is told."""
        self._refuse(Refusal(peer.address, reason, text, peer.certificate_sha256, peer.id))
        return RefusedError(reason, text)

    def _up(self, known: _Known, line: Line) -> None:
        """Let this line be the edge's, instead of one that may be stale."""
        known.ungreeted.remove(line)
        before, known.line = known.line, line
        known.pool.hang_up("its line was dialled anew")
        known.problem, known.since_utc_us = "", self._p.clock.now().utc_us
        known.expires_utc_us = expiry_utc_us(line.sealed.peer_der)
        if before is not None:
            before.end(PeerError("the edge has dialled anew"))
        known.stands.set()
        log.info("line-up", extra={"edge": line.peer.id, "address": line.peer.address})
        line.greet(line.peer)
        line.ping()
        for told in self.on_up:
            told(line.peer)

    async def _heartbeat(
        self, known: _Known, peer: LinePeer, body: Mapping[str, Any], blob: bytes
    ) -> Reply:
        del blob
        self._knocks.welcomed(host_of(peer.address), self._p.clock.monotonic_s())
        states = body.get("states")
        if isinstance(states, dict) and len(states) <= MOST_STATES:
            known.states = MappingProxyType(states)
        return Reply({"utc_us": self._p.clock.now().utc_us})

    # Who may stay.

    async def _look(self) -> NoReturn:
        """Cut off who may not stay, every second."""
        while True:
            await self._p.clock.sleep(self._p.doorstep.look_s)
            edges, now_us = self._p.edges(), self._p.clock.now().utc_us
            for edge, known in list(self._known.items()):
                known.pool.trim(self._p.doorstep.spare_s)
                for line in known.lines():
                    problem = _objection(edges.get(edge), line.peer.certificate_sha256)
                    if not problem and line is known.line and now_us > known.expires_utc_us:
                        problem = "its certificate has expired"
                    if problem:
                        known.pool.hang_up(problem)
                        line.end(CredentialError(problem))
                if edge not in edges and not known.lines():
                    del self._known[edge]


def _close_cancelled(sock: socket.socket, task: asyncio.Task[None]) -> None:
    """Close the socket of a task that may have been cancelled before it began."""
    if task.cancelled():
        sock.close()


def _objection(edge: Edge | None, sha256: str) -> str:
    """Return why a line may not stay; empty if it may."""
    if edge is None:
        return "the edge is no longer in the registry"
    if not edge.enabled:
        return "the edge is disabled"
    return "" if edge.certificate_sha256 == sha256 else "the edge has another certificate now"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MOST_TEXT and (value.isprintable() or not value)


def expiry_utc_us(der: bytes) -> int:
    """Return when a certificate ends."""
    return round(load_der_x509_certificate(der).not_valid_after_utc.timestamp() * 1_000_000)
