# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A central station whose answers a test writes, for both sides of SIA DC-09."""

import asyncio
from contextlib import asynccontextmanager

from gateway.wire import dc09
from gateway.wire.dc09 import Sender, Token

PAD = "K3J5H6G7F8D9S0A"
KEY = b"AAAAAAAAAAAAAAAA"


class ScriptedStation:
    """Answers what `answer` makes of each frame; keeps what came, in clear."""

    def __init__(self, clock, key=None):
        self.clock = clock
        self.key = key
        self.frames = []
        """Token, sequence and content of every message but NULL."""
        self.nulls = 0
        self.port = 0
        self.answer = self.ack
        self._open = set()

    def ack(self, frame, content):
        return dc09.answer(Token.ACK, frame, self.clock.now().utc_us, key=self.key, padding=PAD)

    async def _serve(self, reader, writer):
        cutter = dc09.FrameReader()
        self._open.add(writer)
        try:
            while data := await reader.read(4096):
                for line in cutter.receive(data):
                    frame = dc09.parse(line)
                    body = dc09.open_body(frame, self.key)
                    content = dc09.parse_content(body, padded=frame.encrypted)
                    if frame.token is Token.NULL:
                        self.nulls += 1
                    else:
                        self.frames.append((frame.token, frame.sequence, content))
                    reply = self.answer(frame, content)
                    if reply is None:
                        return
                    writer.write(reply)
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    @asynccontextmanager
    async def open(self, port=0):
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in tuple(self._open):
                writer.close()
            async with asyncio.timeout(20):
                while self._open:
                    await asyncio.sleep(0.001)


class Dialler:
    """A panel: sends what a test says and returns the answer."""

    def __init__(self, reader, writer, sender):
        self.reader, self.writer, self.sender = reader, writer, sender

    async def say(self, token, sequence, content):
        frame = dc09.message(token, self.sender, sequence, content, padding=PAD)
        return await self.raw(frame)

    async def raw(self, data, bound_s=20.0):
        self.writer.write(data)
        async with asyncio.timeout(bound_s):
            got = await self.reader.readuntil(b"\r")
        return dc09.parse(got.strip())


@asynccontextmanager
async def dialled(port, account="1A2B", key=None):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Dialler(reader, writer, Sender(account, key=key))
    finally:
        writer.close()
