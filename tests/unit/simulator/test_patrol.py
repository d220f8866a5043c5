# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from gateway.console.reports import ReportBody
from gateway.model.errors import PeerError
from gateway.simulator import patrol


@asynccontextmanager
async def console(*statuses):
    """A console that answers as told; yields its URL and what was asked of it."""
    asked, left = [], list(statuses)

    async def serve(reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            )  # fmt: skip
            asked.append((head.decode(), json.loads(await reader.readexactly(length))))
            body = json.dumps({"token": "T", "number": "IN-2026-000001"}).encode()
            writer.write(
                b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (left.pop(0), len(body), body)
            )
            if not left:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def test_a_patrol_signs_in_reports_and_has_its_number():
    """With a key that makes a second sending harmless; what it sends is what the console takes."""
    async with console(201, 201) as (url, asked):
        assert await patrol.report(url, "istituto", "parola") == "IN-2026-000001"
    (_, login), (head, body) = asked
    assert (login["user"], login["password"]) == ("istituto", "parola")
    assert "authorization: bearer t\r\n" in head.lower()
    assert "idempotency-key: " in head.lower()
    assert ReportBody(**body).kind == "persone-o-veicoli-sospetti"


async def test_a_console_that_refuses_is_named():
    """Not listed, or nobody there: the words say where."""
    async with console(201, 403) as (url, _):
        with pytest.raises(PeerError, match="403"):
            await patrol.report(url, "istituto", "parola")
    with pytest.raises(PeerError, match=r"http://127\.0\.0\.1:1"):
        await patrol.report("http://127.0.0.1:1", "istituto", "parola")
