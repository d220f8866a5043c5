# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.person, before a real console."""

import httpx
import pytest

from gateway.console.app import build_app
from gateway.console.listener import bind_tcp
from gateway.simulator.person import signed_in
from tests.ui.town import PASSWORD, Town
from tests.unit.console.conftest import serving


async def test_who_signs_in_is_known_and_who_does_not_is_named():
    """The client carries the sign-in; a wrong password lets nobody in."""
    bound = bind_tcp("127.0.0.1", 0)
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    async with serving(build_app(Town().services()), [bound]):
        async with signed_in(url, "anna", PASSWORD) as client:
            assert (await client.get("/api/session")).json()["user"]["id"] == "anna"
        with pytest.raises(httpx.HTTPStatusError, match="401"):
            async with signed_in(url, "anna", "another"):
                pass
