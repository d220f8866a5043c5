# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Keys of the hot lists: one secret of the deployment, and what is derived from it (D.9).

A plain hash of a plate is undone in under a minute; an HMAC is not, without its key. What is
stored beside it is sealed under another key.
"""

import base64
import binascii
import hmac
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.model.errors import ConfigError, WireError

KEY_BYTES: Final = 32
ADVICE: Final = "store 32 random bytes as base64: openssl rand -base64 32"
_NONCE_BYTES: Final = 12
_MATCH, _SEAL = b"varco plates: match 1", b"varco plates: seal 1"
_CHECK: Final = b"varco plates: check 1"


class HotListKeys:
    """The keys derived from one secret; no repr, no pickle and no message has any of them."""

    __slots__ = ("_match", "_seal", "check")

    def __init__(self, secret: bytes) -> None:
        """`secret`: 32 random bytes of this deployment."""
        if len(secret) != KEY_BYTES:
            raise ValueError("32 bytes are needed")
        self._match = hmac.new(_derived(secret, _MATCH), digestmod="sha256")
        self._seal = AESGCM(_derived(secret, _SEAL))
        self.check = self._hmac(bytearray(_CHECK)).hex()[:32]
        """Tells whether a database was written with these keys; nothing follows from it."""

    def digest(self, country: str, text: str) -> bytes:
        """Return HMAC-SHA-256 of `country|text` (normal forms); our copy of it is overwritten."""
        buffer = bytearray(f"{country}|{text}", "ascii")
        try:
            return self._hmac(buffer)
        finally:
            buffer[:] = bytes(len(buffer))

    def _hmac(self, buffer: bytearray) -> bytes:
        keyed = self._match.copy()  # the key is hashed once: half the time of a new one
        keyed.update(buffer)
        return keyed.digest()

    def seal(self, text: str, about: bytes) -> bytes:
        """Return a text that only `unseal` with the same `about` gives back (AES-256-GCM)."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._seal.encrypt(nonce, text.encode(), about)

    def unseal(self, sealed: bytes, about: bytes) -> str:
        """Return the text; WireError if it was sealed with another key or about something else."""
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._seal.decrypt(nonce, rest, about).decode()
        except (InvalidTag, ValueError):
            raise WireError("what is sealed does not open with this key") from None


def parse_key(text: str, *, where: str, key: str = "plates.key") -> HotListKeys:
    """Return the keys of a secret in base64; ConfigError, without the secret, if it is none."""
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError(where, key, "the secret is not base64", ADVICE) from None
    if len(secret) != KEY_BYTES:
        raise ConfigError(where, key, f"the secret has {len(secret)} bytes, not 32", ADVICE)
    return HotListKeys(secret)


def _derived(secret: bytes, purpose: bytes) -> bytes:
    """Return 32 bytes by HKDF-SHA-256 (RFC 5869), without salt: the secret is uniform."""
    return HKDF(hashes.SHA256(), KEY_BYTES, None, purpose).derive(secret)
