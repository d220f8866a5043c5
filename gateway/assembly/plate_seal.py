# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a hit tells of a plate, as it lies on the disk: encrypted by the hot lists' keys (D.9)."""

import base64
import binascii
import json
from dataclasses import asdict
from typing import Protocol

from gateway.model.errors import StoreError
from gateway.model.hit import HitSecret


class Sealer(Protocol):
    """Encrypts text under the key of the deployment; StoreError without one."""

    def seal(self, text: str, about: str) -> bytes:
        """Return the text encrypted, bound to what it is about."""
        ...

    def unseal(self, sealed: bytes, about: str) -> str:
        """Return what was sealed; StoreError if it does not open."""
        ...


def close_secret(sealer: Sealer, secret: HitSecret, about: str) -> bytes:
    """Return a secret encrypted; `about`: id of its hit."""
    return sealer.seal(json.dumps(asdict(secret)), f"{about}/text")


def open_secret(sealer: Sealer, sealed: bytes, about: str) -> HitSecret:
    """Return what `close_secret` encrypted; StoreError, which tells nothing of it, else."""
    try:
        body = json.loads(sealer.unseal(sealed, f"{about}/text"))
        alternatives = tuple((str(text), float(share)) for text, share in body["alternatives"])
        signs = tuple(map(float, body["signs"]))
        return HitSecret(
            str(body["text"]), str(body["listed"]), alternatives, signs, str(body["reason"])
        )
    except (ValueError, KeyError, TypeError):
        raise StoreError(f"hit {about}: what was kept of it cannot be read") from None


def close_picture(sealer: Sealer, jpeg: bytes, about: str) -> bytes:
    """Return a picture encrypted."""
    return sealer.seal(base64.b64encode(jpeg).decode(), f"{about}/picture")


def open_picture(sealer: Sealer, sealed: bytes, about: str) -> bytes:
    """Return a picture; StoreError if it does not open."""
    try:
        return base64.b64decode(sealer.unseal(sealed, f"{about}/picture"), validate=True)
    except binascii.Error:
        raise StoreError(f"hit {about}: its picture cannot be read") from None
