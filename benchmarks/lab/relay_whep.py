# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Just enough HTTP for a relay under measurement to answer offers: POST in, answer out.

Ours and aiortc's stand behind the same few lines, so that no web framework is in their memory.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from gateway.model.errors import PeerError

MOST_BYTES = 64 << 10
Answer = Callable[[str], Awaitable[str]]
"""From offer to answer; PeerError if there is none."""


async def _serve(
    answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            offer = await reader.readexactly(length_of(head))
            try:
                status, body = "201 Created", await answer(offer.decode())
            except PeerError as error:
                status, body = "503 Service Unavailable", str(error)
            coded = body.encode()
            head = (
                f"HTTP/1.1 {status}\r\nContent-Type: application/sdp\r\nLocation: /session\r\n"
                f"Content-Length: {len(coded)}\r\n\r\n"
            ).encode()
            writer.write(head + coded)
            await writer.drain()


def length_of(head: bytes) -> int:
    """Return how long a request's body is; 0 where it does not say or says nonsense."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return min(MOST_BYTES, int(value))
    return 0


@asynccontextmanager
async def whep(address: str, port: int, answer: Answer) -> AsyncIterator[int]:
    """Serve offers until left; yields the port, a free one for 0."""
    open_now: set[asyncio.StreamWriter] = set()
    idle = asyncio.Condition()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        try:
            await _serve(answer, reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            open_now.discard(writer)
            async with idle:
                idle.notify_all()

    server = await asyncio.start_server(serve, address, port)
    async with server:
        yield int(server.sockets[0].getsockname()[1])
        for writer in open_now:
            writer.close()
        async with idle:
            await idle.wait_for(lambda: not open_now)
