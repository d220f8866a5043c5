# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.runtime.names: real threads, a resolver that hangs until it is let go."""

import asyncio
import socket
import threading

import pytest

from gateway.runtime import names


@pytest.fixture
def resolver(monkeypatch):
    """A resolver that answers numbers at once, and names when it is told to."""
    real, release, asked = socket.getaddrinfo, threading.Event(), []

    def look_up(host, *rest):
        if host[0].isdigit():
            return real(host, *rest)
        asked.append(host)
        release.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield release, asked
    release.set()


def run(main):
    with asyncio.Runner(loop_factory=names.Loop) as runner:
        runner.run(main())


def test_names_that_nobody_resolves_hold_up_no_other_thread(resolver):
    """Forty look-ups hang; the threads that disk and passwords use are free."""
    release, _ = resolver

    async def main():
        loop = asyncio.get_running_loop()
        hanging = [
            asyncio.ensure_future(loop.getaddrinfo(f"cam{number}.invalid", 554))
            for number in range(40)
        ]
        async with asyncio.timeout(30):
            assert await asyncio.to_thread(lambda: "free") == "free"
        assert not any(one.done() for one in hanging)
        release.set()
        found = await asyncio.gather(*hanging, return_exceptions=True)
        assert {type(one) for one in found} == {socket.gaierror}

    run(main)


def test_one_name_is_looked_up_once_however_many_wait_or_leave(resolver):
    """Callers that give up and come again do not queue up behind a resolver that hangs."""
    release, asked = resolver

    async def main():
        loop = asyncio.get_running_loop()
        for _ in range(5):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await loop.getaddrinfo("cam.invalid", 554)
        assert asked == ["cam.invalid"]
        last = asyncio.ensure_future(loop.getaddrinfo("cam.invalid", 554))
        await asyncio.to_thread(release.set)
        with pytest.raises(socket.gaierror):
            await last
        with pytest.raises(socket.gaierror):
            await loop.getaddrinfo("cam.invalid", 554)
        assert asked == ["cam.invalid"] * 2

    run(main)


def test_connections_to_numbers_and_names_go_through_it(resolver):
    """What asyncio itself looks up is looked up here, and found."""

    async def main():
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()

    run(main)
