# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Answers of the gateway about acts, owners and retention, given at the browser's edge.

They have the shapes of the real endpoints and the awkward content that a small town never shows:
long names, many rows, everything wrong at once. What the endpoints do is tested elsewhere.
"""

import json
import re
from datetime import UTC, datetime, timedelta

from tests.ui.town import GATE, PHARMACY, ROOM, SQUARE


def iso(**ago):
    """Return a moment before now."""
    return (datetime.now(UTC) - timedelta(**ago)).isoformat(timespec="milliseconds")


def day(**ago):
    """Return a day before now."""
    return (datetime.now(UTC) - timedelta(**ago)).date().isoformat()


def act(name, title, days, state, **more):
    """Return one act that ends in so many days."""
    return {
        "id": name,
        "kind": "patto",
        "title": title,
        "number": "12/2026",
        "parties": ["Prefettura", "Comune di Borgo Apuano"],
        "valid_from": day(days=200),
        "valid_until": day(days=-days),
        "last_day": day(days=-days),
        "state": state,
        "days_left": days,
        "dpia": "DPIA 4/2026",
        "dpia_date": day(days=210),
        "dpia_stale": "",
        "document_sha256": "9f2c" * 16,
        "extensions": [],
        "scopes": [
            {
                "cameras": [GATE, SQUARE],
                "recipients": [ROOM],
                "analytics": ["targhe"],
                "disclosure": "sempre",
            }
        ],
    } | more


def acts():
    """Return one act of every state."""
    extension = {
        "until": day(days=-20),
        "by": "sofia",
        "entered": day(days=1),
        "reason": "verbale 44 del comitato provinciale",
    }
    found = [
        act("patto", "Patto per la sicurezza urbana", 212, "in-vigore"),
        act(
            "farmacia",
            "Accordo con la Farmacia Santini",
            20,
            "prorogato",
            kind="accordo",
            extensions=[extension],
        ),
        act(
            "banche",
            "Accordo con gli istituti di credito della piazza",
            5,
            "in-scadenza",
            kind="accordo",
            dpia_stale="È stata chiesta una nuova analisi (targhe) per «Ingresso in città».",
        ),
        act("vecchio", "Patto 2021", -3, "scaduto"),
    ]
    rows = [
        (GATE, "live", True, ""),
        (GATE, "targhe", True, ""),
        (SQUARE, "live", True, ""),
        (PHARMACY, "intrusione", True, ""),
        ("piazza-2", "live", False, "L’atto «Patto 2021» è scaduto."),
        ("scuola-1", "live", False, "Il sito è sospeso."),
    ]
    return {
        "acts": found,
        "warnings": [
            {"act": "banche", "days_left": 5, "level": 7},
            {"act": "farmacia", "days_left": 20, "level": 30},
            {"act": "vecchio", "days_left": -3, "level": 0},
        ],
        "resolutions": [
            {
                "camera": camera,
                "analytic": what,
                "recipient": ROOM,
                "on": on,
                "act": "patto",
                "reason_it": why or "Patto per la sicurezza urbana n. 12/2026",
                "reason_en": why or "Pact no. 12/2026",
            }
            for camera, what, on, why in rows
        ],
    }


def held():
    """Return one change that somebody else asked for and one person approved."""
    widening = {
        "what": "analytic",
        "camera": GATE,
        "act": "patto",
        "text_it": "«Ingresso in città»: nuova analisi, lettura targhe",
        "text_en": "“Ingresso in città”: a new analytic, plate reading",
    }
    longer = widening | {
        "text_it": "Comune di Borgo Apuano: conservazione da 72 a 120 ore",
        "text_en": "Comune di Borgo Apuano: retention from 72 to 120 hours",
    }
    return {
        "held": [
            {
                "id": "m1",
                "by": "admin",
                "utc": iso(hours=3),
                "where": "seed.toml",
                "widenings": [widening, longer],
                "approvals": [{"by": "sofia", "utc": iso(hours=1)}],
                "needed": 2,
                "state": "held",
            }
        ]
    }


def look(days=0.0, **more):
    """Return one look at the owner's camera."""
    return {
        "utc": iso(days=days),
        "until": iso(days=days - 0.001),
        "seconds": 84.0,
        "event": "live.open",
        "organisation": ROOM,
        "organisation_name": "Sala operativa Polizia Locale",
        "role": "pl.operator",
        "purpose": "allarme",
        "case": "0199a5d2-0000-7000-8000-0000c0ffee01",
        "camera": PHARMACY,
        "camera_name": "Banco e ingresso",
        "flags": [],
    } | more


def mine():
    """Return an owner with two cameras, an emergency, and a fortnight of looks."""
    glass = look(0.4, flags=["break-glass"], purpose="intervento", case="INT 2026/118")
    alert = glass | {
        "id": 41,
        "reason": "rissa davanti al banco, persona a terra",
        "acknowledged": "",
    }
    for key in ("until", "seconds", "event"):
        alert.pop(key)
    return {
        "controller": {
            "id": "farmacia",
            "name": "Farmacia Santini",
            "kind": "esercizio",
            "project": None,
        },
        "cameras": [
            {
                "id": PHARMACY,
                "name": "Banco e ingresso",
                "site_name": "Farmacia Santini",
                "paused": False,
            },
            {
                "id": "retro",
                "name": "Retro e magazzino",
                "site_name": "Farmacia Santini",
                "paused": True,
            },
        ],
        "looks": [
            look(until="", seconds=0.0),
            glass,
            *(look(0.7 + (n * n % 17) * 0.8) for n in range(18)),
        ],
        "alerts": [alert],
        "pauses": [
            {
                "id": "p1",
                "cameras": ["retro"],
                "since": iso(hours=5),
                "by": "marco",
                "by_name": "Marco Santini",
                "reason": "inventario",
            }
        ],
        "may_pause": True,
    }


def retention():
    """Return two owners' copies and a hold."""
    row = {
        "controller": "comune",
        "controller_name": "Comune di Borgo Apuano",
        "keep_h": 72.0,
        "reason": "",
        "items": 214,
        "oldest_utc": iso(hours=61),
    }
    return {
        "classes": [
            row | {"name": "fermo-immagine"},
            row | {"name": "intervento", "items": 1, "oldest_utc": iso(hours=3)},
            row
            | {
                "name": "fermo-immagine",
                "controller": "farmacia",
                "controller_name": "Farmacia Santini",
                "keep_h": 24.0,
                "items": 0,
                "oldest_utc": "",
            },
        ],
        "holds": [
            {
                "id": "h1",
                "act": "Decreto 77/2026",
                "controller": "comune",
                "cameras": [SQUARE],
                "from_utc": iso(hours=50),
                "to_utc": iso(hours=48),
                "until": day(days=-60),
                "by": "dora",
                "reason": "rissa del 20 novembre",
                "releasable": True,
            }
        ],
    }


class Answers:
    """What the gateway says to a page, by path; `asked` keeps what the page sent."""

    def __init__(self):
        self.by_path = {
            "/api/acts": acts(),
            "/api/held": held(),
            "/api/mine": mine(),
            "/api/retention": retention(),
        }
        self.asked = []

    async def install(self, page, *paths):
        """Answer for the gateway on these paths, and whatever lies below them."""
        for path in paths:
            await page.route(re.compile(re.escape(path) + r"(/|\?|$)"), self._answer)

    async def _answer(self, route):
        request = route.request
        path = "/" + request.url.split("/", 3)[3].partition("?")[0]
        self.asked.append(
            (request.method, path, request.post_data_json if request.post_data else None)
        )
        found = self.by_path.get(path if request.method == "GET" else f"{request.method} {path}")
        if isinstance(found, tuple):
            status, body = found
            await route.fulfill(
                status=status, content_type="application/problem+json", body=json.dumps(body)
            )
        elif found is None and request.method == "GET":
            await route.continue_()
        elif found is None:
            await route.fulfill(status=204)
        else:
            await route.fulfill(status=200, content_type="application/json", body=json.dumps(found))
