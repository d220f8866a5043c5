# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A wire that can be pulled."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from gateway.simulator.wire import open_wire


@asynccontextmanager
async def echo():
    """Serve an echo on loopback; yields its address."""

    served = []

    async def serve(reader, writer):
        served.append(asyncio.current_task())
        try:
            while data := await reader.read(100):
                writer.write(data)
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()
        if served:
            await asyncio.wait(served)
        await asyncio.sleep(0)  # closing takes a turn of the loop


async def test_what_is_said_while_it_is_pulled_does_not_arrive_and_nobody_is_told():
    async with echo() as address, open_wire(address) as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        wire.pull()
        writer.write(b"two")
        _, late = await asyncio.open_connection("127.0.0.1", wire.port)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await reader.read(1)
        wire.plug()
        assert await reader.read() == b""
        reader, again = await asyncio.open_connection("127.0.0.1", wire.port)
        again.write(b"three")
        assert await reader.readexactly(5) == b"three"
        for one in (writer, late, again):
            one.close()
            await one.wait_closed()


async def test_an_end_that_leaves_takes_the_other_with_it():
    async with echo() as address, open_wire(address) as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()


async def test_nobody_behind_it_is_a_closed_connection():
    async with open_wire(("127.0.0.1", 1)) as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        assert await reader.read() == b""
        writer.close()
