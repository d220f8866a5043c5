# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A witness's word on a log's checkpoint: C2SP `tlog-cosignature`, version 1 (Ed25519).

It says: at this time I saw this checkpoint, and it continues every one of this log that I saw.
"""

import base64
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.model.errors import WireError
from gateway.wire import checkpoint as notes
from gateway.wire.checkpoint import MARK, decode, key_name
from gateway.wire.merkle import HASH_BYTES

MOST_LINE_CHARS = 512
"""Mark, a name of at most 200 characters, and 76 bytes in base64."""
_ALGORITHM = b"\x04"
_ID_BYTES = 4
_TIME_BYTES = 8
_SIGNATURE_BYTES = 64
_BYTES = _ID_BYTES + _TIME_BYTES + _SIGNATURE_BYTES
_VKEY_PARTS = 3


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's public key with its name."""

    name: str
    public: bytes
    """Ed25519, 32 bytes."""

    def id(self) -> bytes:
        """Return the four bytes that announce this key in a signature line."""
        named = self.name.encode() + b"\n" + _ALGORITHM + self.public
        return sha256(named).digest()[:_ID_BYTES]

    def vkey(self) -> str:
        """Return the C2SP form `name+hash+base64`."""
        public = base64.b64encode(_ALGORITHM + self.public).decode()
        return f"{self.name}+{self.id().hex()}+{public}"


def parse_witness_key(text: str) -> WitnessKey:
    """Return the key that `WitnessKey.vkey` wrote; WireError for anything else."""
    parts = text.strip().split("+", 2)
    if len(parts) != _VKEY_PARTS:
        raise WireError("not a witness key (name+hash+base64)")
    name, public = key_name(parts[0]), decode(parts[2])
    if len(public) != 1 + HASH_BYTES or public[:1] != _ALGORITHM:
        raise WireError(f"witness key {name}: not an Ed25519 key for cosignatures")
    key = WitnessKey(name, public[1:])
    if key.id().hex() != parts[1]:
        raise WireError(f"witness key {name}: its hash does not fit")
    return key


def cosign(note: str, name: str, key: Ed25519PrivateKey, utc_s: int) -> str:
    """Return the signature line, without its newline; what the note claims is not checked here."""
    own = WitnessKey(key_name(name), key.public_key().public_bytes_raw())
    signature = key.sign(_signed(note, utc_s))
    raw = own.id() + utc_s.to_bytes(_TIME_BYTES, "big") + signature
    return f"{MARK}{name} {base64.b64encode(raw).decode()}"


def check(note: str, line: str, key: WitnessKey) -> int:
    """Return when `key` cosigned the note, in seconds since 1970; WireError if it did not."""
    if len(line) > MOST_LINE_CHARS or not line.startswith(f"{MARK}{key.name} "):
        raise WireError(f"cosignature: not one of {key.name}")
    raw = decode(line[len(MARK) + len(key.name) + 1 :])
    if len(raw) != _BYTES or raw[:_ID_BYTES] != key.id():
        raise WireError(f"cosignature of {key.name}: another key")
    utc_s = int.from_bytes(raw[_ID_BYTES : _ID_BYTES + _TIME_BYTES], "big")
    try:
        public = Ed25519PublicKey.from_public_bytes(key.public)
        public.verify(raw[_ID_BYTES + _TIME_BYTES :], _signed(note, utc_s))
    except (InvalidSignature, ValueError) as error:
        raise WireError(f"cosignature of {key.name}: wrong signature") from error
    return utc_s


def _signed(note: str, utc_s: int) -> bytes:
    return f"cosignature/v1\ntime {utc_s}\n{notes.body_of(note)}".encode()
