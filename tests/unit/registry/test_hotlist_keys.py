# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One secret, two keys: one compares, the other one seals."""

import base64
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.model.errors import ConfigError, WireError
from gateway.registry.hotlist_keys import HotListKeys, parse_key

SECRET = bytes(range(32))


def test_a_digest_is_an_hmac_under_a_derived_key():
    """HMAC-SHA-256 of country|plate (D.9): not the plain hash, not under the secret itself."""
    digest = HotListKeys(SECRET).digest("IT", "AB123CD")
    key = HKDF(hashes.SHA256(), 32, None, b"varco plates: match 1").derive(SECRET)
    assert digest == hmac.digest(key, b"IT|AB123CD", "sha256")
    assert digest != hashlib.sha256(b"IT|AB123CD").digest()
    assert digest != hmac.digest(SECRET, b"IT|AB123CD", "sha256")


def test_another_secret_or_country_is_another_digest():
    """And asking again changes nothing."""
    keys = HotListKeys(SECRET)
    digests = {
        keys.digest("IT", "AB123CD"), keys.digest("", "AB123CD"),
        HotListKeys(SECRET[::-1]).digest("IT", "AB123CD"),
    }  # fmt: skip
    assert len(digests) == 3
    assert keys.digest("IT", "AB123CD") in digests


def test_what_is_sealed_opens_with_this_key_about_this_alone():
    """Sealed twice it looks different; another key, another subject, one bit: nothing opens."""
    keys, other = HotListKeys(SECRET), HotListKeys(SECRET[::-1])
    sealed = keys.seal("AB123CD", b"one")
    assert sealed != keys.seal("AB123CD", b"one")
    assert b"AB123CD" not in sealed
    assert keys.unseal(sealed, b"one") == "AB123CD"
    broken = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for who, what, about in (
        (other, sealed, b"one"),
        (keys, sealed, b"two"),
        (keys, broken, b"one"),
        (keys, b"", b"one"),
    ):  # fmt: skip
        with pytest.raises(WireError):
            who.unseal(what, about)


@pytest.mark.parametrize("text", ["", "x", "not base64!", base64.b64encode(b"short").decode()])
def test_what_is_no_key_is_a_configuration_error_without_it(text):
    """Whoever reads the log learns nothing of a key that was mistyped."""
    with pytest.raises(ConfigError) as caught:
        parse_key(text, where="gateway.toml")
    assert "plates.key" in str(caught.value)
    assert len(text) < 2 or text not in str(caught.value)


def test_a_key_is_base64_of_32_bytes():
    """As `openssl rand -base64 32` writes it, and no repr has it."""
    keys = parse_key(base64.b64encode(SECRET).decode() + "\n", where="gateway.toml")
    assert keys.check == HotListKeys(SECRET).check
    assert SECRET.hex() not in repr(keys)
