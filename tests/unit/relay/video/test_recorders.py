# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.relay.video.recorders: who is let in, and how many."""

import asyncio
import contextlib
import socket

import pytest

from gateway.model.errors import RefusedError
from gateway.relay.video import recorders
from gateway.relay.video.recorders import RecorderDoor, Recorders
from gateway.relay.video.rtsp_server import Terms
from gateway.relay.video.thin import LineBudget
from tests.certificates import Certificate
from tests.rtsp_line import CLOCK


async def nothing(path, user):
    raise RefusedError("not-offered", "niente")


@contextlib.asynccontextmanager
async def door(tls=None):
    """An open door behind which there is nothing; yields port and the recorders."""
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    terms = Terms(CLOCK, nothing, LineBudget())
    made = Recorders(RecorderDoor(sock, tls, lambda _: terms, CLOCK))
    running = asyncio.ensure_future(made.run())
    try:
        yield sock.getsockname()[1], made
    finally:
        running.cancel()
        await asyncio.wait({running})
        sock.close()


async def ask(port, text=b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"):
    """Return what is answered, and the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    async with asyncio.timeout(30):
        return await reader.read(500), writer


async def test_a_program_is_answered_and_forgotten_when_it_goes():
    """Its place is free again."""
    async with door() as (port, made):
        answer, writer = await ask(port)
        assert answer.startswith(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n")
        assert len(made) == 1
        writer.close()
        async with asyncio.timeout(30):
            while len(made):
                await asyncio.sleep(0.01)


async def test_one_too_many_is_turned_away(monkeypatch):
    """Those who are in stay in."""
    monkeypatch.setattr(recorders, "MOST_PER_ADDRESS", 1)
    async with door() as (port, made):
        _, first = await ask(port)
        answer, second = await ask(port)
        assert answer == b""
        assert len(made) == 1
        first.close()
        second.close()


async def test_who_speaks_no_tls_is_let_go(tmp_path):
    """Its garbage ends its own connection and no other."""
    tls = Certificate(tmp_path, "127.0.0.1").server()
    async with door(tls) as (port, made):
        with contextlib.suppress(ConnectionError):
            answer, writer = await ask(port)
            assert b"RTSP" not in answer
            writer.close()
        async with asyncio.timeout(30):
            while len(made):
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("word", [b"DESCRIBE", b"SETUP"])
async def test_what_is_not_offered_is_refused_in_words(word):
    """And the connection ends."""
    async with door() as (port, _):
        text = word + b" rtsp://h/gate RTSP/1.0\r\nCSeq: 7\r\n\r\n"
        answer, writer = await ask(port, text)
        assert answer.startswith(b"RTSP/1.0 403 not-offered: niente\r\nCSeq: 7\r\n")
        writer.close()
