# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Real ends of lines over loopback: a room's listener, edges that dial it, a proxy between."""

import asyncio
import contextlib
import socket

from gateway.model.errors import PeerError
from gateway.model.registry import Edge
from gateway.model.room import SERVER_NAME, LinePeer
from gateway.room.dial import Patience, Uplink, UplinkParts
from gateway.room.line import Bounds, Line
from gateway.room.reception import Doorstep, Reception, ReceptionParts
from gateway.runtime.clock import SystemClock
from gateway.runtime.sealed import Sealed, client_context, server_context
from gateway.runtime.supervise import Policy
from gateway.wire.uplink import ALPN_ENROL, ALPN_LINE, ALPN_MEDIA
from tests.certificates import Authority

SOON_S = 30.0
"""So long a slow machine may take; nothing waits it out unless something is broken."""
QUICK = Policy(first_s=0.05, most_s=0.2, jitter=0.0, reset_after_s=0.0, refused_s=(0.1,))
BOUNDS = Bounds(ping_s=0.5, dead_s=3.0, look_s=0.1, stall_s=3.0, hello_s=10.0)
PATIENCE = Patience(connect_s=10.0, return_s=0.3, enrolled_s=0.1, policy=QUICK)
DOORSTEP = Doorstep(handshake_s=10.0, look_s=0.2)
ROOM = {"room": "questura", "name": "Questura", "heartbeat_s": 20}


async def until(condition):
    """Return what `condition` returns once it is true."""
    async with asyncio.timeout(SOON_S):
        while not (found := condition()):
            await asyncio.sleep(0.01)
    return found


def listener(host="127.0.0.1"):
    """Return a bound listening socket on loopback."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server((host, 0), family=family, backlog=128)
    sock.setblocking(False)
    return sock


def address(sock):
    """Return `host:port` of a listening socket."""
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def tcp_pair():
    """Return both ends of a connection over loopback."""
    with listener() as door:
        near = socket.socket()
        near.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(near, door.getsockname())
        far, _ = await loop.sock_accept(door)
        return near, far


class World:
    """One authority, one room's server, and edges."""

    def __init__(self, folder):
        self.authority = Authority(folder)
        self.server = self.authority.issue(SERVER_NAME)
        self.edges = {}
        self.refusals = []

    def server_context(self):
        pem = self.server.file
        protocols = [ALPN_LINE, ALPN_MEDIA, ALPN_ENROL]
        return server_context(pem, pem, self.authority.file, protocols)

    def client_context(self, issued, alpn=ALPN_LINE, ca=None):
        return client_context(issued.file, issued.file, ca or self.authority.file, [alpn])

    def edge(self, name="farmacia", **changes):
        """Enter an edge; return its certificate."""
        issued = self.authority.issue(name)
        given = {"certificate_sha256": issued.sha256, **changes}
        self.edges = {**self.edges, name: Edge(name, name.title(), **given)}
        return issued

    async def pair(self):
        """Return the two ends of a handshaken connection: client, server."""
        near, far = await tcp_pair()
        client = self.client_context(self.authority.issue("x"))
        async with asyncio.TaskGroup() as tasks:
            one = tasks.create_task(Sealed.connect(near, client, SERVER_NAME, within_s=SOON_S))
            two = tasks.create_task(Sealed.accept(far, self.server_context(), within_s=SOON_S))
        return one.result(), two.result()

    async def _refused(self, refusal):
        self.refusals.append(refusal)

    def reception(self, sock, handlers=None, **changes):
        """Return a reception that does not run yet."""
        greeting = changes.pop("greeting", lambda: ROOM)
        given = {"bounds": BOUNDS, "doorstep": DOORSTEP, **changes}
        parts = ReceptionParts(
            listener=sock,
            context=self.server_context,
            edges=lambda: self.edges,
            greeting=greeting,
            refused=self._refused,
            clock=SystemClock(),
            **given,
        )
        return Reception(parts, {} if handlers is None else handlers)

    @contextlib.asynccontextmanager
    async def room(self, handlers=None, *, host="127.0.0.1", **changes):
        """Run a room; gives the reception and its address."""
        with listener(host) as sock:
            made = self.reception(sock, handlers, **changes)
            async with running(made.run()):
                yield made, address(sock)

    def uplink(self, issued, addresses, handlers=None, **changes):
        """Return an uplink that does not run yet; it greets as `farmacia`."""
        known = {
            "edge": "farmacia",
            "ca": None,
            "on_media": _no_media,
            "bounds": BOUNDS,
            "patience": PATIENCE,
            "states": dict,
            "context": lambda alpn: self.client_context(issued, alpn, changes.get("ca")),
        } | changes
        edge, _ = known.pop("edge"), known.pop("ca")
        where = [addresses] if isinstance(addresses, str) else addresses
        parts = UplinkParts(
            name="questura",
            addresses=lambda: where,
            hello=lambda: {"edge": edge, "name": "Farmacia", "software": "test"},
            clock=SystemClock(),
            **known,
        )
        return Uplink(parts, {} if handlers is None else handlers)

    @contextlib.asynccontextmanager
    async def dialled(self, issued, addresses, handlers=None, **changes):
        """Run an uplink."""
        made = self.uplink(issued, addresses, handlers, **changes)
        async with running(made.run()):
            yield made

    async def dial(self, where, issued, alpn=ALPN_LINE, ca=None, context=None):
        """Return a bare connection to a room."""
        host, _, port = where.rpartition(":")
        sock = socket.socket()
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
        context = context or self.client_context(issued, alpn, ca)
        return await Sealed.connect(sock, context, SERVER_NAME, within_s=SOON_S)


async def _no_media(sealed):
    del sealed


@contextlib.asynccontextmanager
async def running(*coroutines):
    """Run coroutines until the block is left; their errors fail the test."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(one) for one in coroutines]
        try:
            yield started
        finally:
            for one in started:
                one.cancel()


@contextlib.asynccontextmanager
async def lines(world, ours=None, theirs=None, bounds=BOUNDS):
    """Give two greeted lines on one connection; how each ended is noted in `ends`."""
    near, far = await world.pair()
    one = Line(near, LinePeer("room", "Room", ""), SystemClock(), bounds)
    two = Line(far, LinePeer("edge", "Edge", ""), SystemClock(), bounds)
    one.greet(one.peer)
    two.greet(two.peer)
    ends = {}

    async def live(name, line, handlers):
        try:
            await line.run({} if handlers is None else handlers)
        except PeerError as error:
            ends[name] = error

    async with running(live("one", one, ours), live("two", two, theirs)):
        yield one, two, ends


class Proxy:
    """Passes bytes on between two ends until it is told to swallow them, or to hang up."""

    def __init__(self, target):
        self.target = target
        self.silent = False
        self.refusing = False
        self.passed = 0
        self._writers = []

    @contextlib.asynccontextmanager
    async def open(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield address(server.sockets[0])
        finally:
            server.close()
            self.hang_up()

    def hang_up(self):
        for one in self._writers:
            one.transport.abort()
        self._writers.clear()

    async def _serve(self, reader, writer):
        if self.refusing:
            writer.transport.abort()
            return
        host, _, port = self.target.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        self._writers += [writer, far_writer]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pass(reader, far_writer))
            tasks.create_task(self._pass(far_reader, writer))

    async def _pass(self, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if not self.silent:
                    self.passed += len(data)
                    writer.write(data)
                    await writer.drain()
        if not self.silent:
            writer.close()
