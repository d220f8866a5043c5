# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The exercise's vigilance central station: takes SIA DC-09 and writes down what it was told.

For the exercise only: it takes all that its key opens, and never looks at a clock.
"""

import asyncio
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gateway.model.errors import WireError
from gateway.runtime.clock import Clock
from gateway.wire import dc09
from gateway.wire.dc09 import Token

READ_BYTES: Final = 4096
PADDING_CHARS: Final = 15


class CentralStation:
    """Takes the messages of one key; each is a line of `told`: account, data, blocks."""

    def __init__(self, key: bytes, told: Path, clock: Clock) -> None:
        self._key = key
        self._told = told
        self._clock = clock

    async def serve(
        self, host: str, port: int, on_ready: Callable[[int], None] = lambda _: None
    ) -> None:
        """Listen until cancelled; OSError if the address cannot be used."""
        server = await asyncio.start_server(self._converse, host, port, limit=READ_BYTES)
        async with server:
            on_ready(server.sockets[0].getsockname()[1])
            await server.serve_forever()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cutter = dc09.FrameReader()
        try:
            while data := await reader.read(READ_BYTES):
                for frame in cutter.receive(data):
                    writer.write(self.answer(frame))
                await writer.drain()
        except (OSError, WireError):
            return  # who is not understood is answered by nobody
        finally:
            writer.close()

    def answer(self, data: bytes) -> bytes:
        """Write a message down and return its acknowledgement; WireError if it is none of ours."""
        frame = dc09.parse(data)
        content = dc09.parse_content(dc09.open_body(frame, self._key), padded=frame.encrypted)
        if frame.token is not Token.NULL:
            told = {"account": frame.account, "data": content.data} | dict(content.extended)
            with self._told.open("a", encoding="utf-8") as file:
                file.write(json.dumps(told) + "\n")
        now_us = self._clock.now().utc_us
        padding = secrets.token_hex(PADDING_CHARS)[:PADDING_CHARS]
        return dc09.answer(Token.ACK, frame, now_us, key=self._key, padding=padding)
