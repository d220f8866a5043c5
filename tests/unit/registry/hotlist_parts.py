# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""An office that delivers lists, and what it delivers."""

import base64
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.model.plate import ListKind
from gateway.registry.hotlist_import import ListSource
from gateway.registry.hotlist_keys import HotListKeys

OFFICE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
PUBLIC = OFFICE.public_key().public_bytes_raw()
SOURCE = ListSource("questura", PUBLIC, frozenset({ListKind.STOLEN, ListKind.REPORTED}))
SOURCES = {"questura": SOURCE}
KEYS = HotListKeys(bytes(range(32)))
OTHER_KEYS = HotListKeys(bytes(range(1, 33)))

HEAD = {
    "format": "varco-hotlist/1",
    "source": "questura",
    "kind": "A1",
    "mode": "whole",
    "sequence": 1,
    "issued": "2026-09-20T10:00:00Z",
    "expires": "2026-10-20T10:00:00Z",
    "act": "prot. 1234/2026",
    "reason": "veicoli rubati",
    "requester": "Questura, Ufficio denunce",
}
DAY = "2026-10-01T00:00:00+01:00"


def as_json(*plates, **more):
    """Return a delivery as JSON; a plate is a text or a dict."""
    entries = [{"plate": one} if isinstance(one, str) else one for one in plates]
    return json.dumps(HEAD | more | {"entries": entries}).encode()


def as_csv(*lines, columns="plate;country;expires;label", **more):
    """Return a delivery as CSV."""
    head = [f"# {key}: {value}" for key, value in (HEAD | more).items()]
    return "\n".join([*head, columns, *lines]).encode()


def signed(document, key=OFFICE):
    """Return document and signature, as `deliver` takes them."""
    return document, base64.b64encode(key.sign(document))
