# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The key that signs checkpoints: made, read from text, shown as a public key."""

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.model.errors import ConfigError
from gateway.wire.checkpoint import VerifierKey

_SEED_BYTES = 32
_ADVICE = "write a PEM Ed25519 private key, or its 32-byte seed as 64 hex digits or base64"


def load_key(text: str, *, where: str, key: str = "") -> Ed25519PrivateKey:
    """Return the key in `text` (PKCS#8 PEM, or the seed in hex or base64).

    ConfigError names `where` and `key` and never quotes the text.
    """
    text = text.strip()
    if text.startswith("-----BEGIN"):
        return _from_pem(text, where, key)
    seed = _seed(text)
    if seed is None:
        raise ConfigError(where, key, "not an Ed25519 private key", _ADVICE)
    return Ed25519PrivateKey.from_private_bytes(seed)


def _from_pem(text: str, where: str, key: str) -> Ed25519PrivateKey:
    try:
        loaded = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(where, key, "a PEM private key that cannot be read", _ADVICE) from error
    if not isinstance(loaded, Ed25519PrivateKey):
        raise ConfigError(where, key, "a private key of another kind than Ed25519", _ADVICE)
    return loaded


def _seed(text: str) -> bytes | None:
    for decode in (bytes.fromhex, _base64):
        try:
            seed = decode(text)
        except ValueError:
            continue
        if len(seed) == _SEED_BYTES:
            return seed
    return None


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64") from error


def generate_key() -> str:
    """Return a new private key as PKCS#8 PEM; whoever stores it must keep it to the gateway."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the 32 bytes that `audit.verify` wants."""
    return key.public_key().public_bytes_raw()


def public_vkey(origin: str, key: Ed25519PrivateKey) -> str:
    """Return the public key as C2SP `name+hash+base64`, to be handed to auditors."""
    return VerifierKey(origin, public_bytes(key)).vkey()
