# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Two people of the room who put a plate on the list of those that are sought (A-49, D.9)."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import httpx

from gateway.model.errors import PeerError
from gateway.simulator.person import signed_in

ASKS, APPROVES = "operatore", "responsabile"
"""Their accounts; nobody approves what they asked for themselves."""
KEPT_DAYS: Final = 30
_WHY: Final = {
    "purpose": "servizio",
    "case": "ESERCITAZIONE 1",
    "reason": "esercitazione: veicolo cercato",
}


async def seek(url: str, passwords: Mapping[str, str], plate: str, today: date) -> str:
    """Have a plate sought and return the id of its entry; PeerError says why not.

    One that stands on the list already stays as it is.
    """
    wish = _WHY | {
        "plate": plate,
        "country": "IT",
        "act": "Esercitazione 1/2026",
        "requester": "Sala operativa di Roccamare",
        "until": str(today + timedelta(days=KEPT_DAYS)),
        "label": "Auto dell'esercitazione",
    }
    try:
        async with signed_in(url, ASKS, passwords[ASKS]) as client:
            known = await client.post(
                "/api/hotlists/lookup", json=_WHY | {"plate": plate, "country": "IT"}
            )
            entries = known.raise_for_status().json()
            if not entries:
                entries = [
                    (await client.post("/api/hotlists/entries", json=wish))
                    .raise_for_status().json()
                ]  # fmt: skip
        entry = str(entries[0]["id"])
        if entries[0]["state"] == "in-attesa":
            async with signed_in(url, APPROVES, passwords[APPROVES]) as client:
                path = f"/api/hotlists/entries/{entry}/approve"
                (await client.post(path, json=_WHY)).raise_for_status()
    except httpx.HTTPError as error:
        raise PeerError(f"{url}: {error}") from error
    return entry
