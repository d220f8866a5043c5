# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A patrol of the vigilance institute that reports what it sees, as its phone does (A-14)."""

from typing import Final
from uuid import uuid4

import httpx

from gateway.model.errors import PeerError
from gateway.simulator.person import signed_in

SIGHT: Final = {
    "kind": "persone-o-veicoli-sospetti",
    "text": "Esercitazione: due persone provano le saracinesche.",
    "place": "Via della Torre 4, Roccamare",
    "latitude": 44.0352,
    "longitude": 10.1407,
}


async def report(url: str, user: str, password: str) -> str:
    """Send a report in an account's name and return its number; PeerError says why not."""
    try:
        async with signed_in(url, user, password) as client:
            headers = {"Idempotency-Key": str(uuid4())}
            sent = await client.post("/api/reports", json=SIGHT, headers=headers)
            return str(sent.raise_for_status().json()["number"])
    except httpx.HTTPError as error:
        raise PeerError(f"{url}: {error}") from error
