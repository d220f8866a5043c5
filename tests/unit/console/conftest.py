# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A real uvicorn server before the small town, and clients that sign in."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest

from gateway.console.app import build_app
from gateway.console.listener import bind_tcp, serve
from tests.ui.town import PASSWORD, Town


@asynccontextmanager
async def serving(app, sockets, tls=None):
    """Serve until the block ends; then the server must have ended within its bound."""
    async with asyncio.TaskGroup() as group:
        server = group.create_task(serve(app, sockets=sockets, tls=tls))
        try:
            yield server
        finally:
            server.cancel()


class Site:
    """The running console."""

    def __init__(self, town, base, app=None):
        self.town = town
        self.base = base
        self.app = app

    def anonymous(self, **options):
        """Return a client without identity."""
        return httpx.AsyncClient(base_url=self.base, **options)

    async def token(self, user):
        """Return a bearer token of a user."""
        async with self.anonymous() as client:
            body = {"user": user, "password": PASSWORD, "bearer": True}
            answer = await client.post("/api/session", json=body)
            return answer.json()["token"]

    @asynccontextmanager
    async def as_user(self, user, **headers):
        """Return a client with that user's bearer token."""
        bearer = {"Authorization": f"Bearer {await self.token(user)}", **headers}
        async with self.anonymous(headers=bearer) as client:
            yield client


@pytest.fixture
def town():
    """Return a fresh town."""
    return Town()


@pytest.fixture
async def site(town):
    """Return the console served over TCP."""
    bound = bind_tcp("127.0.0.1", 0)
    port = bound.getsockname()[1]
    app = build_app(town.services())
    async with serving(app, [bound]):
        yield Site(town, f"http://127.0.0.1:{port}", app)
