# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The edge's end: dials one room for ever, and keeps connections ready for its pictures.

Nothing ever comes in from outside: the edge dials, through whatever translates its addresses.
"""

import asyncio
import logging
import socket
import ssl
from collections import ChainMap
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import random
from types import MappingProxyType
from typing import Any

from typing_extensions import override

from gateway.model.errors import ConfigError, CredentialError, DownError, PeerError, RefusedError
from gateway.model.identifiers import ID_FORM
from gateway.model.room import (
    MOST_LINE_STREAMS,
    SERVER_NAME,
    Handler,
    LinePeer,
    LineState,
    LineStatus,
    Reply,
    split_address,
)
from gateway.model.time import Moment
from gateway.room.line import HELLO, Bounds, Line, SilentError, foremost
from gateway.runtime.clock import Clock
from gateway.runtime.sealed import Sealed, reason_of, settle
from gateway.runtime.supervise import Policy, contained, supervise
from gateway.wire.uplink import ALPN_LINE, ALPN_MEDIA

log = logging.getLogger(__name__)

BRING, HEARTBEAT = "bring", "heartbeat"
HEARTBEAT_S = (20.0, 180.0)
"""What a room may ask for (B-44)."""
MOST_NAME = 400
"""Characters of what a room calls itself."""
MOST_ADDRESSES = 4
"""Of one name that are tried."""
MOST_SPARES = 16
"""Connections that wait for a picture, or are being made."""
MOST_MEDIA = MOST_LINE_STREAMS


@dataclass(frozen=True, slots=True)
class Patience:
    """Waits of an uplink, in seconds."""

    connect_s: float = 5.0
    """For one address to take the connection, and again for the handshake."""
    hello_s: float = 10.0
    return_s: float = 60.0
    """On a second-best address: how soon the better ones are tried; doubled each time."""
    most_return_s: float = 3600.0
    enrolled_s: float = 5.0
    """How often a box without certificate looks for one."""
    policy: Policy = field(
        default_factory=lambda: Policy(
            first_s=0.5,
            most_s=20.0,
            jitter=0.5,
            reset_after_s=10.0,
            refused_s=(5.0, 15.0, 30.0, 60.0),
        )
    )
    """A line that stood is dialled again at once; a refusal may be taken back in a minute."""


@dataclass(frozen=True, slots=True)
class UplinkParts:
    """What one uplink works with; callables are asked anew each time."""

    name: str
    """As the configuration names the line."""
    addresses: Callable[[], Sequence[str]]
    """`host:port` or `host:port@local-address`, the best first."""
    context: Callable[[str], ssl.SSLContext]
    """Of a protocol; ConfigError while there is no certificate to show."""
    hello: Callable[[], Mapping[str, Any]]
    """Who we are."""
    states: Callable[[], Mapping[str, Any]]
    """What a heartbeat carries."""
    on_media: Callable[[Sealed], Awaitable[None]]
    """Serves one connection on which the room has begun to speak; closed after it returns."""
    clock: Clock
    heartbeat_s: float = 90.0
    """Until the room says otherwise."""
    room: Callable[[], str] = str
    """Id of the room that we enrolled with; empty: it was not told. People of the room stand in
    our log under this name."""
    bounds: Bounds = field(default_factory=Bounds)
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class _Way:
    """A connection that stands, and the address that it took."""

    sealed: Sealed
    address: str


class Uplink:
    """One room; a `gateway.model.room.Caller` that may be down."""

    def __init__(self, parts: UplinkParts, handlers: Mapping[str, Handler]) -> None:
        """Dial nothing yet; `handlers` may grow later."""
        self.name = parts.name
        self.on_up: list[Callable[[LinePeer], None]] = []
        """Called when the room has greeted; must not wait."""
        self.on_down: list[Callable[[LinePeer], None]] = []
        self.on_refused: list[Callable[[str], None]] = []
        """Called with the reason when one end does not accept who the other is; must not wait."""
        self.reduced: Callable[[], tuple[str, ...]] = tuple
        """Cameras whose small stream is sent, for `status`."""
        self._p = parts
        self._handlers = ChainMap[str, Handler]({BRING: self._bring}, dict_of(handlers))
        self._line: Line | None = None
        self._media: _Media | None = None
        self._peer: LinePeer | None = None
        self._greeting: Mapping[str, Any] = MappingProxyType({})
        self._state, self._problem = LineState.CONNECTING, ""
        self._since_utc_us = parts.clock.now().utc_us
        self._heard_utc_us = 0
        self._address = ""
        self._dials = 0
        self._sent = self._received = 0
        self._again = asyncio.Event()
        self._patient = _Woken(parts.clock, self._again)
        self._dead = ""
        """Address on which the last line fell silent: tried last."""
        self._better: _Way | None = None
        self._return_s = parts.patience.return_s

    # What others ask.

    @property
    def peer_id(self) -> str:
        """Id of the room; empty until it greeted for the first time."""
        return self._peer.id if self._peer else ""

    @property
    def peer(self) -> LinePeer | None:
        """The room while the line is up."""
        return self._peer if self._line is not None else None

    @property
    def greeting(self) -> Mapping[str, Any]:
        """What the room answered to `hello` last; empty before."""
        return self._greeting

    def status(self) -> LineStatus:
        """Return how it stands."""
        line, state = self._line, self._state
        if line is not None and line.silent_s > 2 * self._p.bounds.ping_s:
            state = LineState.SILENT
        return LineStatus(
            peer=self.peer_id,
            state=state,
            problem=self._problem,
            since_utc_us=self._since_utc_us,
            heard_utc_us=line.heard_utc_us if line else self._heard_utc_us,
            round_trip_ms=line.timing.round_trip_ms if line else 0.0,
            clock_offset_ms=line.timing.clock_offset_ms if line else 0.0,
            address=self._address,
            dials=self._dials,
            sent_bytes=self._sent + (line.sealed.sent_bytes if line else 0),
            received_bytes=self._received + (line.sealed.received_bytes if line else 0),
            streams=self._media.taken if self._media else 0,
            reduced=self.reduced(),
        )

    async def call(
        self, kind: str, body: Mapping[str, Any], blob: bytes = b"", *, within_s: float = 10.0
    ) -> Reply:
        """Ask the room; DownError while the line is down."""
        if self._line is None:
            raise DownError(f"line {self.name} is down: {self._problem or self._state.value}")
        return await self._line.call(kind, body, blob, within_s=within_s)

    def tell(self, kind: str, body: Mapping[str, Any]) -> bool:
        """Remark; False while the line is down."""
        return self._line is not None and self._line.tell(kind, body)

    def redial(self, reason: str = "dialled again") -> None:
        """Hang up and dial at once: addresses or certificates have changed."""
        self._again.set()
        if self._line is not None:
            self._line.end(PeerError(reason))

    # The line.

    async def run(self) -> None:
        """Keep the line up until cancelled."""
        name, policy = f"line {self.name}", self._p.patience.policy
        try:
            await supervise(name, self._attempt, clock=self._patient, policy=policy)
        finally:
            self._drop_better()

    async def _attempt(self) -> None:
        problem: PeerError | None = None
        try:
            way = await self._way(await self._enrolled())
            self._address = way.address
            await self._live(way)
        except* PeerError as group:
            problem = foremost(group)
        if problem is None:
            return
        refused = isinstance(problem, CredentialError)
        state, before = LineState.REFUSED if refused else LineState.DOWN, self._state
        self._turn(state, str(problem))
        if refused and before is not LineState.REFUSED:
            for told in self.on_refused:
                told(str(problem))
        raise problem

    async def _enrolled(self) -> ssl.SSLContext:
        """Wait until there is a certificate to show."""
        while True:
            try:
                context = self._p.context(ALPN_LINE)
            except ConfigError as error:
                self._turn(LineState.NOT_ENROLLED, str(error))
                await self._patient.sleep(self._p.patience.enrolled_s)
            else:
                if self._state is LineState.NOT_ENROLLED:
                    self._turn(LineState.CONNECTING, "")
                return context

    async def _way(self, context: ssl.SSLContext) -> _Way:
        """Return a connection; the best address first, one that fell silent last."""
        better, self._better = self._better, None
        if better is not None:
            if better.sealed.is_idle():
                return better
            better.sealed.close()
        order = sorted(self._p.addresses(), key=lambda one: one == self._dead)
        self._dead = ""
        problems: list[PeerError] = []
        for address in order:
            self._dials += 1
            try:
                return _Way(await self._open(address, context, ALPN_LINE), address)
            except PeerError as error:
                problems.append(error)
        if not problems:
            raise PeerError(f"line {self.name} has no address to dial")
        kind = type(foremost(ExceptionGroup("addresses", problems)))
        raise kind("; ".join(map(str, problems)))

    async def _open(self, address: str, context: ssl.SSLContext, alpn: str) -> Sealed:
        within_s = self._p.patience.connect_s
        sock = await connect(address, within_s)
        sealed = await Sealed.connect(sock, context, SERVER_NAME, within_s=within_s)
        if sealed.alpn != alpn:
            sealed.close()
            raise PeerError(f"{address} does not speak {alpn}: another service?")
        return sealed

    async def _live(self, way: _Way) -> None:
        """Be up, until the connection ends: PeerError."""
        room = LinePeer(self.name, self.name, way.sealed.peer_sha256, way.sealed.peer_address)
        line = Line(way.sealed, room, self._p.clock, self._p.bounds)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(line.run(self._handlers))
                peer = await self._greet(line)
                self._up(line, peer, _Media(self, way.address, tasks, self._p.clock))
                for part in (self._beat(line), self._look_for_better(line, way)):
                    tasks.create_task(part)
        except* SilentError:
            self._dead = way.address
            raise
        finally:
            self._down(line)

    async def _greet(self, line: Line) -> LinePeer:
        """Say who we are; CredentialError if the room does not want us."""
        hello = {"v": 1, **self._p.hello(), "utc_us": self._p.clock.now().utc_us}
        try:
            reply = await line.call(HELLO, hello, within_s=self._p.patience.hello_s)
        except RefusedError as refusal:
            raise CredentialError(f"the room refuses this box: {refusal}") from None
        room, name = reply.body.get("room"), reply.body.get("name")
        if not isinstance(room, str) or not isinstance(name, str):
            raise PeerError(f"{line.peer.address}: a greeting without a name: no room?")
        if not ID_FORM.match(room) or len(name) > MOST_NAME or not (name.isprintable() or not name):
            raise PeerError(f"{line.peer.address}: a greeting with a strange name")
        if (known := self._p.room()) and room != known:
            raise CredentialError(f"the room says that it is {room}; this line leads to {known}")
        self._greeting = MappingProxyType(dict(reply.body))
        return LinePeer(room, name, line.peer.certificate_sha256, line.peer.address)

    def _up(self, line: Line, peer: LinePeer, media: "_Media") -> None:
        self._line, self._peer, self._media = line, peer, media
        self._turn(LineState.UP, "")
        line.ping()
        log.info("line-up", extra={"line": self.name, "room": peer.id, "address": self._address})
        for told in self.on_up:
            told(peer)
        media.start()
        line.greet(peer)

    def _down(self, line: Line) -> None:
        sealed, was_up = line.sealed, self._line is line
        sealed.close()  # also if it never ran
        self._sent += sealed.sent_bytes
        self._received += sealed.received_bytes
        self._heard_utc_us = line.heard_utc_us
        self._line = self._media = None
        if was_up and self._peer is not None:
            self._turn(LineState.DOWN, line.problem)
            log.info("line-down", extra={"line": self.name, "room": self._peer.id})
            for told in self.on_down:
                told(self._peer)

    def _turn(self, state: LineState, problem: str) -> None:
        if (state, problem) != (self._state, self._problem):
            self._since_utc_us = (
                self._p.clock.now().utc_us if state != self._state else self._since_utc_us
            )
            self._state, self._problem = state, problem

    async def _beat(self, line: Line) -> None:
        """Tell how things are here, as often as the room wants."""
        asked = self._greeting.get("heartbeat_s")
        every_s = float(asked) if isinstance(asked, int | float) else self._p.heartbeat_s
        every_s = min(max(every_s, HEARTBEAT_S[0]), HEARTBEAT_S[1])
        while True:
            beat = {"utc_us": self._p.clock.now().utc_us, "states": dict(self._p.states())}
            try:
                await line.call(HEARTBEAT, beat)
            except PeerError as error:  # whether the line is dead, the line itself knows
                log.warning("heartbeat", extra={"line": self.name, "problem": str(error)})
            await self._p.clock.sleep(every_s)

    async def _look_for_better(self, line: Line, way: _Way) -> None:
        """On a second-best address, go back to a better one as soon as it answers."""
        patience = self._p.patience
        addresses = list(self._p.addresses())
        at = addresses.index(way.address) if way.address in addresses else 0
        if at == 0:
            return
        while True:
            await self._p.clock.sleep(self._return_s)
            self._return_s = min(2 * self._return_s, patience.most_return_s)
            for address in addresses[:at]:
                try:
                    sealed = await self._open(address, self._p.context(ALPN_LINE), ALPN_LINE)
                except (PeerError, ConfigError):
                    continue
                self._drop_better()
                self._better = _Way(sealed, address)
                line.end(PeerError(f"{address} answers again"))
                return

    def _drop_better(self) -> None:
        better, self._better = self._better, None
        if better is not None:
            better.sealed.close()

    # Pictures.

    async def _bring(self, peer: LinePeer, body: Mapping[str, Any], blob: bytes) -> Reply:
        del peer, blob
        wanted = body.get("n")
        if self._media is not None and type(wanted) is int:
            self._media.more(wanted)
        return Reply()

    async def open_media(self, address: str) -> Sealed:
        """Return one more connection to the room, on which it will speak first."""
        return await self._open(address, self._p.context(ALPN_MEDIA), ALPN_MEDIA)

    async def serve(self, sealed: Sealed) -> None:
        """Serve what the room asks for on a connection."""
        await contained(f"media {self.name}", lambda: self._p.on_media(sealed))


class _Media:
    """The connections for pictures of one line: one waits always, more when the room asks."""

    def __init__(
        self, uplink: Uplink, address: str, tasks: asyncio.TaskGroup, clock: Clock
    ) -> None:
        self.taken = 0
        """On which the room speaks."""
        self._clock = clock
        self._uplink, self._address, self._tasks = uplink, address, tasks
        self._waiting = 0
        """That wait, or are being made."""
        self._failures = 0
        self._turned = asyncio.Event()

    def start(self) -> None:
        """Have one wait from now on."""
        self._tasks.create_task(self._keep())

    def more(self, wanted: int) -> None:
        """Make so many more now, as far as may be."""
        room = min(MOST_SPARES, MOST_MEDIA - self.taken) - self._waiting
        for _ in range(min(wanted, room)):
            one = self._one()
            try:
                self._tasks.create_task(one)
            except RuntimeError:  # the line is ending: the room asked a moment too late
                one.close()
                return
            self._waiting += 1

    async def _keep(self) -> None:
        while True:
            self._turned.clear()
            if self._failures:
                wait_s = min(30.0, 0.25 * 2.0 ** min(self._failures, 10))
                await self._clock.sleep(wait_s * (0.5 + random()))  # noqa: S311 - a spread, no secret
            if not self._waiting:
                self.more(1)
            await self._turned.wait()

    async def _one(self) -> None:
        try:
            sealed = await self._made()
        finally:
            self._waiting -= 1
            self._turned.set()
        if sealed is None:
            return
        self.taken += 1
        try:
            await self._uplink.serve(sealed)
        finally:
            self.taken -= 1
            self._turned.set()
            sealed.close()

    async def _made(self) -> Sealed | None:
        """Return a connection once the room speaks on it; None if there is none."""
        sealed: Sealed | None = None
        try:
            sealed = await self._uplink.open_media(self._address)
            self._failures = 0
            await sealed.spoken_to()
        except (PeerError, ConfigError) as error:
            self._failures += 1
            log.info("no-media", extra={"line": self._uplink.name, "problem": str(error)})
            _close(sealed)
            return None
        except BaseException:
            _close(sealed)
            raise
        return sealed


class _Woken(Clock):
    """A clock whose sleeper is woken by an event, which it takes back."""

    def __init__(self, clock: Clock, event: asyncio.Event) -> None:
        self._clock, self._event = clock, event

    @override
    def monotonic_s(self) -> float:
        return self._clock.monotonic_s()

    @override
    def now(self) -> Moment:
        return self._clock.now()

    @override
    async def sleep(self, seconds: float) -> None:
        async with asyncio.TaskGroup() as tasks:
            asleep = tasks.create_task(self._clock.sleep(seconds))
            woken = tasks.create_task(self._event.wait())
            asleep.add_done_callback(lambda _: woken.cancel())
            woken.add_done_callback(lambda _: asleep.cancel())
        self._event.clear()


def _close(sealed: Sealed | None) -> None:
    if sealed is not None:
        sealed.close()


def dict_of(handlers: Mapping[str, Handler]) -> dict[str, Handler]:
    """Return the same dictionary, so that what is added later counts; a copy of another mapping."""
    return handlers if isinstance(handlers, dict) else dict(handlers)


async def connect(address: str, seconds: float) -> socket.socket:
    """Return a connected, non-blocking socket for `host:port` or `host:port@local-address`.

    PeerError names the address; `seconds` is for the look-up and for each place it leads to.
    """
    host, port, local = split_address(address)
    loop, where = asyncio.get_running_loop(), address
    try:
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise PeerError(f"{where}: the name is not looked up in time") from None
    except (OSError, UnicodeError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else "no name"
        raise PeerError(f"{where}: {reason}") from None
    problem = "no address"
    for family, kind, protocol, _, place in found[:MOST_ADDRESSES]:
        sock = socket.socket(family, kind, protocol)
        try:
            settle(sock)
            if local:
                sock.bind((local, 0))
            async with asyncio.timeout(seconds):
                await loop.sock_connect(sock, place)
        except OSError as error:  # TimeoutError is one
            sock.close()
            problem = reason_of(error) if error.errno else "no answer"
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise PeerError(f"{where}: {problem}")
