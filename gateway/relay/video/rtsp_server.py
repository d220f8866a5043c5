# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""RTSP out of this box: over a connection that an edge dialled, or to a recorder that was let in.

One `Served` for each connection; what may be seen is somebody else's decision (`lease`).
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override

from gateway.model.errors import PeerError, RefusedError, WireError
from gateway.model.media import AccessUnit
from gateway.relay.video.lease import OnReduced, OpenStream, Sent, StreamLease
from gateway.relay.video.outlet import Outlet, Pipe, tune
from gateway.relay.video.sender import Means, Sender
from gateway.relay.video.thin import LineBudget, Share
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout, Reader
from gateway.runtime.sealed import Sealed
from gateway.wire.rtsp import Request, RtspReceiver, ServerState
from gateway.wire.rtsp_serving import (
    LINE_PAYLOAD_BYTES,
    Door,
    Login,
    Serving,
    Step,
    Track,
    Wanted,
    describe,
    payload_type,
)

TICK_S = 0.25
"""How often it is asked whether pictures may still go out."""
FIRST_KEY_S = 8.0
"""A camera that is dialled only now, and the distance of its key pictures."""
STUCK_S = 10.0
"""A client that takes nothing for so long is gone."""
IDLE_S = 20.0
"""A client that is let in and does not play by then is sent away."""
READ_BYTES = 16 << 10
MOST_LOGINS = 3
"""Wrong ones on one connection."""
READER = "rtsp:"
"""How the names begin under which fan-outs are read."""
_STATUS = {"unknown-path": 404, "unsupported": 415}


class TwoWayPipe(Pipe, Protocol):
    """A pipe that is read too."""

    def unseal(self, data: bytes) -> bytes:
        """Return what bytes of the socket say, or nothing yet; PeerError at the end."""
        ...

    def end_of_stream(self) -> None:
        """Note that the socket brought its end; `unseal` raises once all is told."""
        ...

    def close(self) -> None:
        """Close; harmless if it is."""
        ...


LogIn = Callable[[str, str], Awaitable[bool]]
"""Returns whether user and password are right."""
OpenFor = Callable[[str, str], Awaitable[StreamLease]]
"""`OpenStream` with who asks: path and user."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a connection is served."""

    clock: Clock
    open_for: OpenFor
    budget: LineBudget
    on_reduced: OnReduced = lambda *_: None
    most_payload_bytes: int = LINE_PAYLOAD_BYTES
    door: Door | None = None
    log_in: LogIn | None = None
    """Where the door is Basic."""
    on_wrong: Callable[[str], Awaitable[None]] | None = None
    """Where it is Digest: told who was named in a wrong proof."""


class _FirstKey(Reader):
    """A reader that keeps one key unit, and the stream alive."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.key: asyncio.Future[AccessUnit] = asyncio.get_running_loop().create_future()

    @override
    def offer(self, unit: AccessUnit) -> None:
        """Keep the first key unit; never waits."""
        if unit.is_key and not self.key.done():
            self.key.set_result(unit)


class Served:
    """One client's connection, from its first byte to its end."""

    def __init__(self, pipe: TwoWayPipe, terms: Terms) -> None:
        """`pipe` is closed by `run`."""
        self._pipe = pipe
        self._terms = terms
        self._serving = Serving(secrets.token_hex(8), terms.door)
        self._receiver = RtspReceiver()
        self._outlet: Outlet | None = None
        self._lease: StreamLease | None = None
        self._first: AccessUnit | None = None
        self._reader: Reader | None = None
        self._small = False
        self._sender: Sender | None = None
        self._played_s = 0.0
        self._reason = "closed"
        self._refused = False
        self._logins = 0

    @property
    def camera(self) -> str:
        """Id of the camera whose pictures go out; empty before."""
        return self._lease.camera if self._lease else ""

    async def run(self) -> None:
        """Serve until the connection ends, by whichever side; cancelling says goodbye first."""
        tune(self._pipe.sock)
        now_s = self._terms.clock.monotonic_s
        self._outlet = outlet = Outlet(self._pipe, self._room, now_s)
        share = self._terms.budget.join()
        try:
            await self._live(outlet, share)
        except asyncio.CancelledError:
            self._reason = "shutdown"
            raise
        finally:
            self._end(outlet)
            self._terms.budget.leave(share)

    async def _live(self, outlet: Outlet, share: Share) -> None:
        """Talk and watch until either has come to its end."""
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch(outlet), name="rtsp-watch")
            reading = tasks.create_task(self._converse(outlet, share), name="rtsp-read")
            await asyncio.wait({watching, reading}, return_when=asyncio.FIRST_COMPLETED)
            watching.cancel()
            reading.cancel()

    def _room(self) -> None:
        if self._sender is not None:
            self._sender.pump()

    def _end(self, outlet: Outlet) -> None:
        """Give everything back, and say what went out."""
        sender, lease = self._sender, self._lease
        self._sender = self._lease = None
        if lease is not None and self._reader is not None:
            self._source(lease).leave(self._reader)
        units = size_bytes = duration_ms = 0
        if sender is not None:
            units, size_bytes = sender.sent_units, sender.sent_bytes
            duration_ms = round(1000 * (self._terms.clock.monotonic_s() - self._played_s))
            sender.end()
        if lease is not None:
            lease.ended(Sent(size_bytes, units, duration_ms, self._reason))
        outlet.close()
        self._pipe.close()

    # what is watched -------------------------------------------------------------------------

    async def _watch(self, outlet: Outlet) -> None:
        """Return when the connection has to end."""
        clock = self._terms.clock
        began_s = clock.monotonic_s()
        while True:
            now_s = clock.monotonic_s()
            if outlet.error is not None:
                self._reason = "lost"
                return
            if self._lease is not None and not self._lease.still_allowed():
                self._reason = "revoked"
                if self._sender is not None:
                    self._sender.end()
                    outlet.write(self._sender.goodbye())
                return
            if not outlet.is_clear and now_s - outlet.moved_s > STUCK_S:
                self._reason = "stuck"
                return
            if self._sender is None and now_s - began_s > IDLE_S:
                self._reason = "idle"
                return
            if self._sender is not None:
                self._sender.look()
                self._sender.pump()
            await clock.sleep(TICK_S)

    # what is asked ---------------------------------------------------------------------------

    async def _converse(self, outlet: Outlet, share: Share) -> None:
        """Answer requests in their order until the client goes, or is sent away."""
        loop, pipe = asyncio.get_running_loop(), self._pipe
        data = b""
        while True:
            try:
                events = self._receiver.receive(pipe.unseal(data))
            except PeerError:  # it went, or does not speak RTSP
                return
            outlet.write(b"")  # what TLS itself has to answer
            for event in events:
                if isinstance(event, Request):
                    await self._handle(event, outlet, share)
                if self._refused or self._serving.state is ServerState.ENDED:
                    return
            try:
                data = await loop.sock_recv(pipe.sock, READ_BYTES)
            except OSError:
                self._reason = "lost"
                return
            if not data:
                pipe.end_of_stream()

    async def _handle(self, request: Request, outlet: Outlet, share: Share) -> None:
        """Answer one request; find out first what only others know."""
        step = self._serving.receive(request, self._terms.clock.monotonic_s())
        if self._serving.failures > self._logins:
            await self._note_wrong()
        while not isinstance(step, bytes):
            step = await (self._log_in(step) if isinstance(step, Login) else self._open(step))
        outlet.write(step)
        if self._serving.state is ServerState.PLAYING and self._sender is None:
            self._play(outlet, share)

    async def _log_in(self, login: Login) -> Step:
        log_in = self._terms.log_in
        if log_in is not None and await log_in(login.user, login.password):
            return self._serving.admit(login.user)
        self._logins += 1
        self._refused = self._logins >= MOST_LOGINS
        return self._serving.reject()

    async def _note_wrong(self) -> None:
        self._logins = self._serving.failures
        self._refused = self._logins >= MOST_LOGINS
        if self._terms.on_wrong is not None:
            await self._terms.on_wrong(self._serving.claimed)

    async def _open(self, wanted: Wanted) -> bytes:
        """Ask for a path, wait for its first key unit; a client that hears no is sent away."""
        try:
            self._lease = lease = await self._terms.open_for(wanted.path, wanted.user)
            self._first = unit = await self._first_key(lease)
            return self._serving.opened(describe(unit, lease.camera))
        except RefusedError as error:
            status, words = _STATUS.get(error.code, 403), str(error)
        except WireError as error:
            status, words = 415, f"unsupported: {error}"
        except PeerError as error:
            status, words = 503, str(error)
        self._refused, self._reason = True, "refused"
        return self._serving.refuse(status, words)

    def _source(self, lease: StreamLease) -> Fanout:
        """Return which rendition is begun with."""
        small = lease.small if self._small else None
        return small or lease.main

    async def _first_key(self, lease: StreamLease) -> AccessUnit:
        """Return a key unit, pulled for it; the stream is kept until it plays."""
        self._small = self._terms.budget.is_thin(self._terms.clock.monotonic_s())
        self._reader = reader = _FirstKey(READER)
        self._source(lease).join(reader, from_kept=True)
        try:
            async with asyncio.timeout(FIRST_KEY_S):
                return await reader.key
        except TimeoutError:
            raise PeerError(f"no picture within {FIRST_KEY_S:g} s") from None

    def _play(self, outlet: Outlet, share: Share) -> None:
        """Send from the kept key unit on."""
        lease, first, terms = self._lease, self._first, self._terms
        if lease is None or first is None:
            return
        kind = payload_type(first.codec)
        track = Track(kind, self._serving.channel, secrets.randbits(32), terms.most_payload_bytes)
        means = Means(outlet, share, terms.clock, terms.on_reduced, READER)
        self._sender = sender = Sender(lease, track, first.codec, means)
        self._played_s = terms.clock.monotonic_s()
        sender.begin(small=self._small)
        if self._reader is not None:
            self._source(lease).leave(self._reader)
            self._reader = None


class ReverseSession:
    """The pictures of one stream over a connection that this box dialled to a room."""

    def __init__(
        self,
        sealed: Sealed,
        open_stream: OpenStream,
        clock: Clock,
        budget: LineBudget,
        on_reduced: OnReduced = lambda *_: None,
    ) -> None:
        """`budget` is that of the line, shared by all its streams; the room asks first."""

        async def open_for(path: str, _: str) -> StreamLease:
            return await open_stream(path)

        self._served = Served(sealed, Terms(clock, open_for, budget, on_reduced))

    @property
    def camera(self) -> str:
        """Id of the camera whose pictures go out; empty before."""
        return self._served.camera

    async def run(self) -> None:
        """Serve until the connection ends, by whichever side; closes it. Raises no PeerError."""
        await self._served.run()
