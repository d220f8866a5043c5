# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A wire that can be pulled, for machines without namespaces: TCP connections passed on.

While it is pulled nothing passes and nobody is told, as when a router loses its line.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

_CHUNK_BYTES = 65_536
_CONNECT_S = 5.0


class Wire:
    """Passes connections on from a port of its own; made by `open_wire`."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.port = 0
        self._target = target
        self._whole = asyncio.Event()
        self._whole.set()
        self._lines: set[asyncio.Task[None]] = set()

    def pull(self) -> None:
        """Let nothing through from now on."""
        self._whole.clear()

    def plug(self) -> None:
        """Let new connections through; what stood while it was pulled is lost."""
        for line in self._lines:
            line.cancel()
        self._whole.set()

    async def close(self) -> None:
        """End every connection, and return when they are ended."""
        self.plug()
        if self._lines:
            await asyncio.wait(self._lines)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on until an end closes it or the wire is put back."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this in one
        self._lines.add(task)
        try:
            await self._whole.wait()
            async with asyncio.timeout(_CONNECT_S):
                there, back = await asyncio.open_connection(*self._target)
            try:
                async with asyncio.TaskGroup() as ways:
                    ways.create_task(self._pass(reader, back))
                    ways.create_task(self._pass(there, writer))
            finally:
                back.close()
        except* (OSError, TimeoutError, _OverError):
            pass  # one end or the other is gone; both are closed
        finally:
            self._lines.discard(task)
            writer.close()

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> NoReturn:
        while data := await source.read(_CHUNK_BYTES):
            await self._whole.wait()
            target.write(data)
            await target.drain()
        raise _OverError


class _OverError(Exception):
    """An end closed its half."""


@asynccontextmanager
async def open_wire(target: tuple[str, int]) -> AsyncIterator[Wire]:
    """Open a wire to a port of loopback; yields Wire, whose own port is on loopback, too."""
    wire = Wire(target)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.port = int(server.sockets[0].getsockname()[1])
    try:
        yield wire
    finally:
        server.close()
        await wire.close()
