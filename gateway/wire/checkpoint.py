# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Signed checkpoints of a log: C2SP `tlog-checkpoint` inside a C2SP `signed-note`, Ed25519.

The key's name is the log's origin, as C2SP recommends.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.model.errors import WireError
from gateway.wire.merkle import HASH_BYTES

MOST_NOTE_CHARS = 16_384
"""Far more than a checkpoint with the signatures of every room of a province."""
_ALGORITHM_ED25519 = b"\x01"
_ORIGIN = re.compile(r"[^\s+\x00-\x20\x7f]{1,200}\Z")
"""A key name has no space and no plus sign (C2SP signed-note)."""
_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")
MARK = "\u2014 "
"""An em dash and a space begin every signature line (C2SP signed-note)."""
_VKEY_PARTS = 3
_LEAST_LINES = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log promises: these many entries, under this root."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A log's public key with its name."""

    origin: str
    public: bytes
    """Ed25519, 32 bytes."""

    def id(self) -> bytes:
        """Return the four bytes that announce this key in a signature line."""
        named = self.origin.encode() + b"\n" + _ALGORITHM_ED25519 + self.public
        return sha256(named).digest()[:4]

    def vkey(self) -> str:
        """Return the C2SP form `name+hash+base64`."""
        public = base64.b64encode(_ALGORITHM_ED25519 + self.public).decode()
        return f"{self.origin}+{self.id().hex()}+{public}"


def parse_vkey(text: str) -> VerifierKey:
    """Return the key that `VerifierKey.vkey` wrote; WireError for anything else."""
    parts = text.strip().split("+", 2)
    if len(parts) != _VKEY_PARTS or not _ORIGIN.match(parts[0]):
        raise WireError("not a verifier key (name+hash+base64)")
    public = decode(parts[2])
    if len(public) != 1 + HASH_BYTES or public[:1] != _ALGORITHM_ED25519:
        raise WireError(f"verifier key {parts[0]}: not an Ed25519 key")
    key = VerifierKey(parts[0], public[1:])
    if key.id().hex() != parts[1]:
        raise WireError(f"verifier key {parts[0]}: its hash does not fit")
    return key


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """Return the signed note; WireError if the origin is no key name."""
    if not _ORIGIN.match(checkpoint.origin):
        raise WireError(f"origin {checkpoint.origin!r}: no spaces, no plus sign, 1..200 characters")
    body = checkpoint.body()
    verifier = VerifierKey(checkpoint.origin, key.public_key().public_bytes_raw())
    signature = base64.b64encode(verifier.id() + key.sign(body.encode())).decode()
    return f"{body}\n{MARK}{checkpoint.origin} {signature}\n"


def parse(note: str) -> Checkpoint:
    """Return what a note says without looking at its signatures; WireError if it says nothing."""
    return _read(_halves(note)[0])


def verify(note: str, public: bytes, origin: str | None = None) -> Checkpoint:
    """Return the checkpoint if `public` signed it; WireError otherwise.

    Signatures by others (witnesses) are passed over. Without `origin` the note's own is taken: it
    is part of the key id, so that it cannot be exchanged.
    """
    body, signatures = _halves(note)
    checkpoint = _read(body)
    if origin is not None and checkpoint.origin != origin:
        raise WireError(f"checkpoint of {checkpoint.origin!r}, not of {origin!r}")
    key = VerifierKey(checkpoint.origin, public)
    for line in signatures:
        if not line.startswith(MARK):
            raise WireError("checkpoint: a line that is no signature")
        name, _, coded = line[len(MARK) :].partition(" ")
        raw = decode(coded)
        if name == key.origin and raw[:4] == key.id():
            _check(public, raw[4:], body)
            return checkpoint
    raise WireError(f"checkpoint of {checkpoint.origin}: not signed by this key")


def _check(public: bytes, signature: bytes, body: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, body.encode())
    except (InvalidSignature, ValueError) as error:
        raise WireError("checkpoint: wrong signature") from error


def _halves(note: str) -> tuple[str, list[str]]:
    if len(note) > MOST_NOTE_CHARS or not note.endswith("\n"):
        raise WireError("not a signed note")
    text, gap, signatures = note.rpartition("\n\n")
    if not gap or not signatures:
        raise WireError("not a signed note: no signature")
    try:
        note.encode()
    except UnicodeEncodeError as error:
        raise WireError("not a signed note: not UTF-8") from error
    return text + "\n", signatures[:-1].split("\n")


def body_of(note: str) -> str:
    """Return the text that the signatures of a note are over; WireError if it is none."""
    return _halves(note)[0]


def key_name(text: str) -> str:
    """Return the name of a key or log if it may be one; WireError otherwise."""
    if not _ORIGIN.match(text):
        raise WireError("not a key's name")
    return text


def _read(body: str) -> Checkpoint:
    lines = body[:-1].split("\n")
    if len(lines) < _LEAST_LINES or not _ORIGIN.match(lines[0]) or not _SIZE.match(lines[1]):
        raise WireError("not a checkpoint (origin, size, root)")
    if not all(lines):
        raise WireError("checkpoint with an empty line")
    root = decode(lines[2])
    if len(root) != HASH_BYTES:
        raise WireError(f"checkpoint with a root of {len(root)} bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def decode(text: str) -> bytes:
    """Return canonical base64 decoded; a second spelling of the same bytes is refused."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise WireError("not base64") from error
    if base64.b64encode(data).decode() != text:
        raise WireError("not canonical base64")
    return data
