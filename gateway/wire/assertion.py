# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room's assertion as a signed token: `va1.PAYLOAD.SIGNATURE`, base64url without padding.

The payload is canonical JSON (keys sorted, no blanks, UTF-8) with every field of
`gateway.model.room.Assertion`; the signature is Ed25519 over a domain and the payload's bytes, so
that a signature made for anything else is never one of these. There is no header and no choice of
algorithm. What is not exactly what `sign` writes is refused.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.model.access import Action, Purpose
from gateway.model.errors import WireError
from gateway.model.identifiers import ID_FORM
from gateway.model.registry import Role
from gateway.model.room import Assertion

PREFIX: Final = "va1"
MOST_TOKEN_CHARS: Final = 8_192
MOST_CHARS: Final = 200
"""Of a text: names, case, reason."""
MOST_FLAGS: Final = 8
MOST_VALID_US: Final = 60_000_000
"""No assertion holds for longer than this after it was issued."""
KEY_BYTES: Final = 32
_DOMAIN: Final = b"varco-assertion/1\n"
_MOST_WHOLE: Final = (1 << 53) - 1
_PARTS: Final = 3
_NAMES: Final = ("room", "edge", "camera")
_TEXTS: Final = (
    "actor", "actor_name", "organisation", "case", "reason", "act", "origin", "second",
    "on_behalf_of",
)  # fmt: skip
_NEEDED: Final = ("grant", "actor", "organisation", "origin")
_WHOLES: Final = ("serial", "seq", "issued_utc_us", "expires_utc_us")
_FIELDS: Final = frozenset(
    (*_NAMES, *_TEXTS, *_WHOLES, "grant", "action", "role", "purpose", "flags")
)

E = TypeVar("E", bound=Enum)


def sign(assertion: Assertion, key: Ed25519PrivateKey) -> str:
    """Return the token; WireError if no edge would take it."""
    fields = _plain(assertion)
    _assertion(fields)
    payload = _canonical(fields)
    token = f"{PREFIX}.{_encode(payload)}.{_encode(key.sign(_DOMAIN + payload))}"
    if len(token) > MOST_TOKEN_CHARS:
        raise WireError(f"assertion: {len(token)} characters")
    return token


def verify(token: str, public: bytes) -> Assertion:
    """Return what a room's key (Ed25519, 32 bytes) has signed; WireError if it signed no such.

    The clock, the addressee and the serial are the reader's business.
    """
    if len(token) > MOST_TOKEN_CHARS:
        raise WireError(f"assertion: {len(token)} characters")
    parts = token.split(".")
    if len(parts) != _PARTS or parts[0] != PREFIX:
        raise WireError("assertion: not a token")
    payload, signature = _decode(parts[1]), _decode(parts[2])
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _DOMAIN + payload)
    except (InvalidSignature, ValueError) as error:
        raise WireError("assertion: wrong signature") from error
    return _parse(payload)


def clean(text: str, most: int = MOST_CHARS) -> str:
    """Return a text that people typed as an assertion can carry it: one printable line, cut."""
    return "".join(one if one.isprintable() else " " for one in text[:most]).strip()


def _plain(one: Assertion) -> dict[str, Any]:
    fields: dict[str, Any] = {name: getattr(one, name) for name in _FIELDS}
    for name in ("action", "role", "purpose"):
        fields[name] = fields[name].value
    return fields | {"flags": list(one.flags)}


def _parse(payload: bytes) -> Assertion:
    try:
        fields = json.loads(payload)
        same = isinstance(fields, dict) and _canonical(fields) == payload
    except (ValueError, RecursionError) as error:
        raise WireError("assertion: not JSON") from error
    if not same:
        raise WireError("assertion: not in canonical form")
    return _assertion(fields)


def _assertion(fields: Mapping[str, Any]) -> Assertion:
    if fields.keys() != _FIELDS:
        raise WireError("assertion: fields are missing or unknown")
    for name in _NAMES:
        if not isinstance(fields[name], str) or not ID_FORM.match(fields[name]):
            raise WireError(f"assertion: {name} is not an id")
    for name in (*_TEXTS, "grant"):
        _insist_text(name, fields[name])
    for name in _WHOLES:
        if type(fields[name]) is not int or not 0 <= fields[name] <= _MOST_WHOLE:
            raise WireError(f"assertion: {name} is not a number")
    if fields["serial"] == 0 or not _is_term(fields["issued_utc_us"], fields["expires_utc_us"]):
        raise WireError("assertion: a serial or a term that cannot be")
    made = dict(fields)
    made["action"] = _member(Action, "action", fields["action"])
    made["role"] = _member(Role, "role", fields["role"])
    made["purpose"] = _member(Purpose, "purpose", fields["purpose"])
    made["flags"] = _flags(fields["flags"])
    return Assertion(**made)


def _insist_text(name: str, value: object) -> None:
    if not isinstance(value, str) or len(value) > MOST_CHARS or not value.isprintable():
        raise WireError(f"assertion: {name} is not a line of text")
    if name in _NEEDED and not value:
        raise WireError(f"assertion: {name} is empty")


def _is_term(issued_us: int, expires_us: int) -> bool:
    return 0 < expires_us - issued_us <= MOST_VALID_US


def _member(kind: type[E], name: str, value: object) -> E:
    try:
        return kind(value)
    except ValueError as error:
        raise WireError(f"assertion: {name} is not known") from error


def _flags(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MOST_FLAGS:
        raise WireError("assertion: flags are not a short list")
    for one in value:
        if not isinstance(one, str) or not ID_FORM.match(one):
            raise WireError("assertion: a flag is not a word")
    return tuple(value)


def _canonical(fields: Mapping[str, Any]) -> bytes:
    text = json.dumps(
        fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
    )
    return text.encode()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """Return the bytes of unpadded base64url; WireError for any other spelling of them."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise WireError("assertion: not base64url") from error
    if _encode(data) != text:
        raise WireError("assertion: not base64url")
    return data
