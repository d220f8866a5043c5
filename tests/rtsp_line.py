# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Two ends of a media connection for tests: real sockets, real TLS, a line of any width."""

import asyncio
import contextlib
import itertools
import socket
from dataclasses import dataclass, field, replace

from gateway.ingest.camera import open_session
from gateway.ingest.source import Sink, StreamSource
from gateway.model.errors import RefusedError
from gateway.model.media import StreamKind
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from gateway.runtime.sealed import Sealed, client_context, server_context
from tests.certificates import Certificate

CLOCK = SystemClock()


@dataclass
class Lease:
    """Leave to send, taken back by hand."""

    main: Fanout
    small: Fanout | None = None
    camera: str = "gate"
    allowed: bool = True
    ends: list = field(default_factory=list)
    asked: int = 0

    def still_allowed(self):
        self.asked += 1
        return self.allowed

    def ended(self, sent):
        self.ends.append(sent)


class Doorman:
    """Opens what it was given, by path."""

    def __init__(self, **leases):
        self.leases = {name.replace("_", "/"): lease for name, lease in leases.items()}
        self.opened = []

    async def __call__(self, path):
        self.opened.append(path)
        lease = self.leases.get(path)
        if lease is None:
            raise RefusedError("not-offered", "camera non offerta")
        return lease


class Encoder:
    """Publishes a scene over and over as a camera does: in real time, time going on."""

    def __init__(self, units, fanout, *, fps=25):
        self.units, self.fanout, self.fps = units, fanout, fps
        self.published = []

    async def run(self):
        """Publish for ever."""
        began_s = CLOCK.monotonic_s()
        for number in itertools.count():
            self.publish(number)
            wait_s = began_s + (number + 1) / self.fps - CLOCK.monotonic_s()
            await asyncio.sleep(max(0, wait_s))

    def publish(self, number, *, ago_s=0.0):
        """Publish one unit, taken now or a while ago."""
        unit, now = self.units[number % len(self.units)], CLOCK.now().shifted(-ago_s)
        step = round(90_000 / self.fps)
        fresh = replace(unit, pts_90k=number * step, captured=now.shifted(-0.05), received=now)
        self.published.append(fresh)
        self.fanout.publish(fresh)


class Room:
    """The pulling end: what came over one session."""

    def __init__(self, dial, *, kind=StreamKind.MAIN, camera="gate"):
        self.units, self.came_s, self.plays = [], [], 0
        url = f"line://piazza/{camera}"
        source = StreamSource(camera, url, kind, connect_s=10.0, least_stall_s=10.0, dial=dial)
        sink = Sink(self._unit, lambda _: None, self._play)
        self.session = open_session(source, sink, clock=CLOCK)

    def _unit(self, unit):
        self.units.append(unit)
        self.came_s.append(CLOCK.monotonic_s())

    def _play(self):
        self.plays += 1

    async def until(self, condition, within_s=30):
        """Wait until something is true of what came."""
        async with asyncio.timeout(within_s):
            while not condition(self.units):
                await asyncio.sleep(0.01)


async def sockets(*, send_bytes=0, receive_bytes=0):
    """Return two ends of one TCP connection over loopback, with buffers as small as asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    if receive_bytes:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    ours = socket.socket()
    ours.setblocking(False)
    if send_bytes:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_bytes)
    loop = asyncio.get_running_loop()
    with listener:
        await loop.sock_connect(ours, listener.getsockname())
        theirs, _ = await loop.sock_accept(listener)
    theirs.setblocking(False)
    return ours, theirs


class Throttle:
    """A line between two sockets that carries so many bytes a second towards the second one."""

    def __init__(self, inner, outer, bytes_per_s):
        self.inner, self.outer, self.rate = inner, outer, bytes_per_s
        self.carried = 0
        self.task = None

    def close(self):
        """Carry nothing more."""
        self.task.cancel()
        self.inner.close()
        self.outer.close()

    async def run(self):
        """Carry both ways until either end goes."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._forth())
            tasks.create_task(self._back())

    async def _forth(self):
        loop, due_s = asyncio.get_running_loop(), CLOCK.monotonic_s()
        with contextlib.suppress(OSError):  # the far end has left, or the test has
            while data := await loop.sock_recv(self.inner, 2048):
                self.carried += len(data)
                await loop.sock_sendall(self.outer, data)
                due_s = max(due_s, CLOCK.monotonic_s() - 0.02) + len(data) / self.rate
                await asyncio.sleep(max(0, due_s - CLOCK.monotonic_s()))
        self.outer.close()

    async def _back(self):
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(self.outer, 4096):
                await loop.sock_sendall(self.inner, data)
        self.inner.close()


class Ends:
    """Makes connected, sealed ends, edge and room, after their handshake."""

    def __init__(self, folder):
        one = Certificate(folder, "room.test")
        files = (one.certificate_file, one.key_file, one.certificate_file)
        self.server = server_context(*files, ["varco-media/1"])
        self.client = client_context(*files, ["varco-media/1"])

    async def shake(self, edge, room):
        """Return both ends sealed: the edge has dialled."""
        async with asyncio.TaskGroup() as tasks:
            theirs = tasks.create_task(Sealed.accept(room, self.server, within_s=10))
            ours = tasks.create_task(Sealed.connect(edge, self.client, "room.test", within_s=10))
        return ours.result(), theirs.result()

    async def pair(self):
        """Return both ends of a line as wide as loopback."""
        return await self.shake(*await sockets())

    async def thin(self, tasks, bytes_per_s):
        """Return both ends of a line that carries so much, and the line."""
        edge, inner = await sockets(send_bytes=16_384, receive_bytes=4096)
        outer, room = await sockets(send_bytes=8192, receive_bytes=8192)
        line = Throttle(inner, outer, 10_000_000)
        line.task = tasks.create_task(line.run())
        ends = await self.shake(edge, room)
        line.rate = bytes_per_s
        return (*ends, line)


def dial_of(sealed):
    """Return what a room dials: this very connection, once."""
    waiting = [sealed]

    async def dial():
        return waiting.pop()

    return dial
