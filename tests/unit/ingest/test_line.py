# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.line, on real sockets."""

import asyncio
import socket

import pytest

from gateway.ingest.line import (
    MOST_UNREAD_BYTES,
    Line,
    SealedLine,
    addresses,
    dial,
    is_literal,
    is_off_limits,
)
from gateway.runtime.shelf import Shelf
from tests.rtsp_line import Ends


class Reader:
    """Takes everything."""

    def __init__(self):
        self.buffer, self.seen, self.errors = bytearray(4096), b"", []

    def space(self):
        return memoryview(self.buffer)

    def received(self, count):
        self.seen += self.buffer[:count]

    def lost(self, error):
        self.errors.append(error)


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


class Pair:
    """A line and its far end."""

    async def __aenter__(self):
        server = socket.create_server(("127.0.0.1", 0))
        near = await dial([(socket.AF_INET, server.getsockname())], 2.0)
        self.far, _ = server.accept()
        server.close()
        self.far.setblocking(False)
        self.shelf = Shelf(asyncio.get_running_loop())
        self.reader = Reader()
        self.line = Line(near, "rtsp://camera:554")
        self.line.attach(self.shelf, self.reader)
        return self

    async def __aexit__(self, *_):
        self.line.close()
        self.far.close()
        assert len(self.shelf) == 0


async def test_bytes_go_both_ways():
    """What is sent arrives, what comes is taken, also more than one buffer at once."""
    async with Pair() as pair:
        pair.line.send(b"hello")
        await until(lambda: pair.far.recv(10) == b"hello")
        pair.far.send(b"z" * 20_000)
        await until(lambda: pair.reader.seen == b"z" * 20_000)


async def test_what_the_peer_does_not_read_waits_within_a_bound():
    """It is sent once the peer reads; beyond the bound the peer is given up."""
    async with Pair() as pair:
        pair.line._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        size = 0
        while not pair.line._unsent:
            pair.line.send(b"a" * 10_000)
            size += 10_000
        got = 0

        def read():
            nonlocal got
            try:
                got += len(pair.far.recv(1 << 20))
            except BlockingIOError:
                return False
            return got == size

        await until(read)
        for _ in range(20 + 6_000_000 // 10_000):
            pair.line.send(b"b" * 10_000)
        assert "reads no answer" in str(pair.reader.errors[0])
        assert len(pair.line._unsent) <= MOST_UNREAD_BYTES + 10_000
        assert len(pair.shelf) == 0


@pytest.mark.parametrize("polite", [True, False])
async def test_a_peer_that_leaves_is_told_and_not_watched_any_more(polite):
    """Closed and reset connections end the line once; nothing spins on a dead socket."""
    async with Pair() as pair:
        if not polite:
            linger = b"\1\0\0\0\0\0\0\0"
            pair.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        pair.far.close()
        await until(lambda: pair.reader.errors)
        words = " closed the connection" + ("" if polite else " (Connection reset by peer)")
        assert str(pair.reader.errors[0]) == f"rtsp://camera:554{words}"
        assert len(pair.shelf) == 0


async def test_the_last_words_arrive_although_much_was_not_read():
    """Closing over unread bytes does not take back what was said before."""
    async with Pair() as pair:
        pair.far.setblocking(False)
        pair.far.send(b"v" * 50_000)
        pair.line.send(b"TEARDOWN")
        pair.line.close()
        assert pair.far.recv(100) == b"TEARDOWN"


async def test_a_silent_address_is_left_in_time_and_an_open_one_is_tried_next():
    """Of several addresses the first that answers is taken."""
    server = socket.create_server(("127.0.0.1", 0))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refused = (socket.AF_INET, closed.getsockname())
        sock = await dial([refused, (socket.AF_INET, server.getsockname())], 2.0)
        sock.close()
        with pytest.raises(ConnectionRefusedError):
            await dial([refused], 2.0)
    server.close()


async def test_numbers_are_not_looked_up():
    """IPv4, IPv6, and a name."""
    assert await addresses("192.0.2.1", 554) == [(socket.AF_INET, ("192.0.2.1", 554))]
    assert (await addresses("2001:db8::1", 1))[0][0] is socket.AF_INET6
    assert await addresses("localhost", 554)
    with pytest.raises(OSError, match=r"."):
        await addresses("camera.invalid", 554)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "169.254.169.254",
        "fe80::1%lo",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
        "fd00:ec2::254",
        "100.100.100.200",
        "nonsense",
    ],
)
def test_this_machine_the_link_and_secrets_of_clouds_are_off_limits(address):
    """In every spelling."""
    assert is_off_limits(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.64", "2001:db8:0:1::1", "fd12::1"])
def test_cameras_live_in_private_networks(address):
    """Those are not off limits."""
    assert not is_off_limits(address) or address.startswith("2001:db8")
    assert is_literal(address)
    assert not is_literal("camera.example")


async def test_a_sealed_line_goes_on_where_somebody_else_shook_hands(tmp_path):
    """What is sent arrives, what comes is read, and the end is told."""
    edge, room = await Ends(tmp_path).pair()
    reader, line, shelf = (
        Reader(),
        SealedLine(room, "line piazza"),
        Shelf(asyncio.get_running_loop()),
    )
    line.attach(shelf, reader)
    line.send(b"DESCRIBE")
    async with asyncio.timeout(30):
        assert await edge.read() == b"DESCRIBE"
    await edge.write(b"RTSP/1.0 200 OK")
    await until(lambda: reader.seen == b"RTSP/1.0 200 OK")
    assert line.tls.startswith("TLSv1.3")
    edge.close()
    await until(lambda: reader.errors)
    assert "line piazza closed the connection" in str(reader.errors[0])
    line.close()
    room.close()
