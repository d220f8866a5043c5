# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Refusals of the viewer; that it decodes is shown wherever pixels are asserted."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gateway.model.errors import PeerError
from gateway.simulator.whep_viewer import WhepViewer


async def test_a_refusal_says_status_and_reason():
    """What the server answers is what the error says, and the offer was a receive-only one."""
    offers = []

    async def refuse(request: Request) -> PlainTextResponse:
        offers.append((request.headers["content-type"], (await request.body()).decode()))
        return PlainTextResponse("only-on-alarm", status_code=403)

    app = Starlette(routes=[Route("/whep/x", refuse, methods=["POST"])])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        with pytest.raises(PeerError, match="WHEP 403: only-on-alarm"):
            async with WhepViewer(client, "/whep/x"):
                pass
    ((kind, offer),) = offers
    assert kind == "application/sdp"
    assert "a=recvonly" in offer
    assert "H264/90000" in offer
