# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Keys from text."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from gateway.audit.keys import generate_key, load_key, public_bytes, public_vkey
from gateway.model.errors import ConfigError
from gateway.wire.checkpoint import parse_vkey
from tests.unit.audit.logbook import KEY

SEED = bytes(range(32))


def pem(key, encryption):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


@pytest.mark.parametrize(
    "text",
    [
        SEED.hex(),
        f"\n{SEED.hex().upper()} \n",
        base64.b64encode(SEED).decode(),
        pem(KEY, NoEncryption()),
    ],
)
def test_all_forms_give_the_same_key(text):
    """Seed in hex or base64, or PEM: the same key."""
    assert public_bytes(load_key(text, where="x")) == public_bytes(KEY)


def test_a_new_key_can_be_loaded():
    """What is generated loads, differs each time, and has a public form."""
    one, two = (load_key(generate_key(), where="x") for _ in range(2))
    assert public_bytes(one) != public_bytes(two)
    key = parse_vkey(public_vkey("massa.example/varco", one))
    assert (key.origin, key.public) == ("massa.example/varco", public_bytes(one))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        SEED[:31].hex(),
        base64.b64encode(SEED + b"x").decode(),
        "ключ",
        "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----",
        pem(KEY, BestAvailableEncryption(b"hunter2")),
        pem(generate_private_key(SECP256R1()), NoEncryption()),
    ],
)
def test_what_is_no_key(text):
    """Anything else is a ConfigError that names the place and does not quote the text."""
    with pytest.raises(ConfigError, match=r"gateway\.toml: ledger\.key") as caught:
        load_key(text, where="gateway.toml", key="ledger.key")
    assert "hunter2" not in str(caught.value)
