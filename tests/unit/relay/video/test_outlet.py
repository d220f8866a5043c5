# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.relay.video.outlet, over real sockets."""

import asyncio

import pytest

from gateway.model.errors import PeerError
from gateway.relay.video.outlet import LEAST_QUEUE_BYTES, UNASKED, Outlet, PlainPipe, not_sent, tune
from tests.rtsp_line import CLOCK, sockets


async def read(sock, count):
    """Read so many bytes."""
    loop, data = asyncio.get_running_loop(), b""
    while len(data) < count:
        data += await loop.sock_recv(sock, 65_536)
    return data


async def test_what_a_reader_does_not_take_waits_here_and_arrives_in_order():
    """The kernel keeps little; `on_room` tells when the rest has gone."""
    ours, theirs = await sockets(send_bytes=8192, receive_bytes=4096)
    roomy = asyncio.Event()
    outlet = Outlet(PlainPipe(ours), roomy.set, CLOCK.monotonic_s)
    tune(ours)
    wanted = bytes(range(256)) * 1000
    assert not outlet.write(wanted)
    assert not outlet.is_clear
    assert not outlet.write(b"last words")
    async with asyncio.timeout(30):
        got = await read(theirs, len(wanted) + 10)
        await roomy.wait()
    assert got == wanted + b"last words"
    assert outlet.is_clear
    assert outlet.error is None
    outlet.close()
    ours.close()
    theirs.close()


async def test_what_is_taken_at_once_needs_nobody_to_wait():
    """A wide line never calls back."""
    ours, theirs = await sockets()
    outlet = Outlet(PlainPipe(ours), pytest.fail, CLOCK.monotonic_s)
    assert outlet.write(b"a picture")
    assert outlet.is_clear
    assert await read(theirs, 9) == b"a picture"
    assert not_sent(ours) == 0
    ours.close()
    theirs.close()


async def test_a_broken_connection_is_told_and_takes_nothing_more():
    """The error stays; nothing is raised into whoever publishes."""
    ours, theirs = await sockets()
    outlet = Outlet(PlainPipe(ours), lambda: None, CLOCK.monotonic_s)
    theirs.close()
    async with asyncio.timeout(30):
        while outlet.error is None:
            outlet.write(b"x" * 1000)
            await asyncio.sleep(0.01)
    assert not outlet.write(b"x")
    ours.close()


async def test_a_pipe_that_cannot_seal_is_a_broken_connection():
    """As TLS after its end."""

    class Broken(PlainPipe):
        def seal(self, data):
            raise PeerError("TLS ended")

    ours, theirs = await sockets()
    outlet = Outlet(Broken(ours), lambda: None, CLOCK.monotonic_s)
    assert not outlet.write(b"x")
    assert str(outlet.error) == "TLS ended"
    ours.close()
    theirs.close()


async def test_a_slow_line_gets_a_short_queue():
    """What waits in the kernel is a fraction of a second of what the line carries."""
    ours, theirs = await sockets(send_bytes=65_536, receive_bytes=4096)
    outlet = Outlet(PlainPipe(ours), lambda: None, CLOCK.monotonic_s)
    loop, began = asyncio.get_running_loop(), outlet.queue_bytes
    async with asyncio.timeout(60):
        while outlet.queue_bytes > (LEAST_QUEUE_BYTES + began) / 2:
            if outlet.is_clear:
                outlet.write(bytes(16_000))
            await loop.sock_recv(theirs, 512)
            await asyncio.sleep(0.02)
    outlet.close()
    ours.close()
    theirs.close()


async def test_a_plain_pipe_ends_like_a_sealed_one():
    """Its end is an error of the peer, told once all is read."""
    ours, theirs = await sockets()
    pipe = PlainPipe(ours)
    assert pipe.unseal(b"") == b""
    assert pipe.unseal(b"x") == b"x"
    pipe.end_of_stream()
    with pytest.raises(PeerError):
        pipe.unseal(b"")
    pipe.close()
    theirs.close()


async def test_a_line_that_takes_everything_is_asked_now_and_then(monkeypatch):
    """The kernel is asked what waits after one write of four; a busy one after each."""
    ours, theirs = await sockets()
    asked, waits = [], [0]
    monkeypatch.setattr(
        "gateway.relay.video.outlet.not_sent", lambda _: asked.append(None) or waits[0]
    )
    outlet = Outlet(PlainPipe(ours), lambda: None, CLOCK.monotonic_s)
    for _ in range(2 * (UNASKED + 1)):
        assert outlet.write(b"picture")
    assert len(asked) == 2
    waits[0] = 1
    for _ in range(UNASKED + 3):
        outlet.write(b"picture")
    assert len(asked) == 2 + UNASKED + 3
    assert outlet.portion_bytes == outlet.queue_bytes
    waits[0] = outlet.queue_bytes
    assert not outlet.write(b"picture")
    assert not outlet.is_clear
    outlet.close()
    ours.close()
    theirs.close()
