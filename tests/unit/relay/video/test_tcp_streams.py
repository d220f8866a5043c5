# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""TCP peers on real sockets, strangers among them."""

import asyncio
import socket
from contextlib import ExitStack, contextmanager

import pytest

from gateway.relay.video import tcp_streams
from gateway.relay.video.tcp_streams import MARK, TcpStreams
from gateway.wire.ice_tcp import FrameSplitter, framed
from tests.whep_parts import until


class Door:
    """Streams on loopback; what they hear is kept."""

    def __init__(self, stack):
        self.stack = stack
        self.heard = []
        self.listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=100))
        self.streams = TcpStreams(self.listener, lambda data, at: self.heard.append((data, at)))
        self.streams.attach(asyncio.get_running_loop())
        stack.callback(self.streams.close)

    def dial(self):
        sock = socket.create_connection(self.listener.getsockname(), timeout=10)
        return self.stack.enter_context(sock)

    async def friend(self):
        """A peer that proved itself; its socket and address."""
        sock = self.dial()
        sock.sendall(framed([b"hello"], 1))
        await until(lambda: any(data == b"hello" for data, _ in self.heard))
        (address,) = [at for data, at in self.heard if data == b"hello"]
        self.heard.clear()
        self.streams.prove(address)
        return sock, address


@contextmanager
def door():
    with ExitStack() as stack:
        yield Door(stack)


def is_closed(sock):
    """Whether the other end closed, looking without waiting."""
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


async def test_frames_come_with_an_address_of_their_own():
    """Each frame is heard with the peer's address, which is like no UDP peer's."""
    with door() as at:
        sock = at.dial()
        sock.sendall(framed([b"one", b"two"], 1))
        await until(lambda: len(at.heard) == 2)
        assert [data for data, _ in at.heard] == [b"one", b"two"]
        address = at.heard[0][1]
        assert address[:2] == sock.getsockname()
        assert address[2] == MARK
        assert at.streams.send(framed([b"answer"], 1), address, is_train=False)
        assert sock.recv(99) == b"\0\6answer"


async def test_a_slow_peer_waits_and_loses_nothing():
    """Whole frames only: what does not fit waits, then the next train is refused, until drained."""
    with door() as at:
        sock, address = await at.friend()
        train, sent = framed([b"x" * 1000] * 40, 1), 0
        while at.streams.send(train, address, is_train=True):
            sent += 1
            assert sent < 10_000
        assert at.streams.send(framed([b"report"], 1), address, is_train=False)
        splitter, got = FrameSplitter(), []
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(30):
            while b"report" not in got:
                got += splitter.receive(await loop.sock_recv(sock, 1 << 20))
        assert got == [b"x" * 1000] * 40 * sent + [b"report"]
        assert at.streams.send(train, address, is_train=True)


async def test_what_must_not_be_shown_any_more_does_not_wait(monkeypatch):
    """Frames stay whole: what has begun is finished, the rest is gone, what comes after is sent."""
    with door() as here:
        sock, address = await here.friend()
        old, gone = framed([b"old" * 300] * 30, 1), framed([b"gone" * 200] * 30, 1)
        while not here.streams._proved[address].waiting:
            assert here.streams.send(old, address, is_train=True)
        for _ in range(5):
            assert here.streams.send(gone, address, is_train=True)
        here.streams.drop(address)
        here.streams.drop(("127.0.0.1", 1, MARK, 99))
        assert here.streams.send(framed([b"new"], 1), address, is_train=True)
        loop, splitter, came = asyncio.get_running_loop(), FrameSplitter(), []
        sock.setblocking(False)
        async with asyncio.timeout(30):
            while b"new" not in came:
                came += splitter.receive(await loop.sock_recv(sock, 65536))
        assert set(came) == {b"old" * 300, b"new"}
        await until(lambda: not here.streams._proved[address].waiting)
        assert not here.streams._proved[address].ends


async def test_an_oversized_frame_ends_the_connection():
    """Who is no ICE peer is cut off."""
    with door() as at:
        sock = at.dial()
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        await until(lambda: is_closed(sock))
        await until(lambda: len(at.streams) == 0)
        assert at.heard == []


async def test_strangers_are_few_and_leave_soon():
    """Of many silent connections the oldest go, all go after ten seconds, and friends stay."""
    with door() as at:
        friend, address = await at.friend()
        strangers = [at.dial() for _ in range(tcp_streams.MOST_UNPROVED + 10)]

        async def accepted(count):
            async with asyncio.timeout(30):
                while at.streams._serial < count:
                    at.streams.tick()
                    await asyncio.sleep(0)

        await accepted(1 + len(strangers))
        assert len(at.streams) == 1 + tcp_streams.MOST_UNPROVED
        assert all(is_closed(one) for one in strangers[:5])
        for _ in range(tcp_streams.UNPROVED_TICKS + 1):
            at.streams.tick()
        assert len(at.streams) == 1
        assert at.streams.send(framed([b"still"], 1), address, is_train=False)
        assert friend.recv(99) == b"\0\5still"


async def test_connecting_is_bounded_per_tick():
    """No more are taken in a tick than allowed; the next tick takes the next."""
    with door() as at:
        for _ in range(tcp_streams.ACCEPTS_PER_TICK + 5):
            at.dial()
        await until(lambda: len(at.streams) == tcp_streams.ACCEPTS_PER_TICK)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(at.streams) == tcp_streams.ACCEPTS_PER_TICK
        at.streams.tick()
        await until(lambda: len(at.streams) == tcp_streams.ACCEPTS_PER_TICK + 5)


async def test_reading_is_bounded_per_tick():
    """A peer that floods is read again in the next tick only."""
    with door() as at:
        sock, _ = await at.friend()
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                sock.send(framed([b"f" * 1000] * 100, 1))
        (stream,) = at.streams._proved.values()
        await until(lambda: stream.paused)
        heard = len(at.heard)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(at.heard) == heard
        at.streams.tick()
        await until(lambda: len(at.heard) > heard)


async def test_nobody_there():
    """Sending to a peer that left is told apart from a full buffer."""
    with door() as at:
        sock, address = await at.friend()
        sock.close()
        await until(lambda: len(at.streams) == 0)
        assert at.streams.send(b"", address, is_train=True) is None
        at.streams.part(address)  # harmless
