# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Somebody of the town who signs in at a console, as a browser does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx

TIMEOUT_S: Final = 20.0


@asynccontextmanager
async def signed_in(url: str, user: str, password: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of an account; httpx.HTTPError if it is not let in."""
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S) as client:
        login = {"user": user, "password": password, "bearer": True}
        session = (await client.post("/api/session", json=login)).raise_for_status().json()
        client.headers["Authorization"] = f"Bearer {session['token']}"
        yield client
