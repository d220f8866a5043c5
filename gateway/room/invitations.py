# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One-time codes by which an edge is let into a room, and the book of those that are open.

A code is for people: letters and digits of Crockford's alphabet in groups of five, so that it can
be read over the telephone; a checksum tells a slip from a wrong code. Inside:

    1 byte   1, the version
    16 bytes secret
    16 bytes the first half of the SHA-256 of the room authority's certificate
    1 byte   length of the edge's id, then the id
    rest     addresses `host:port`, with commas
    4 bytes  the first of the SHA-256 of everything before

The book keeps a SHA-256 of the secret (it has 128 bits of chance: a slow hash adds nothing), never
the code. An edge has one open invitation; a new one replaces it.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gateway.model.errors import ConfigError, RefusedError
from gateway.model.identifiers import ID_FORM
from gateway.model.room import address_problem
from gateway.room.authority import write_guarded

FILE = "room-invitations.json"
LIFE_US = 24 * 3_600 * 1_000_000
KEPT_US = 7 * 24 * 3_600 * 1_000_000
"""How long it is known that a code was used or is over, so that its holder is told which."""
MOST_OPEN = 64
MOST_KEPT = 256
MOST_TRIES = 3
"""With the right secret and a request that is refused: then the code is void."""
VERSION = 1
SECRET_BYTES = PIN_BYTES = 16
_SUM_BYTES = 4
_HEAD = 1 + SECRET_BYTES + PIN_BYTES + 1
_GROUP = 5
_RFC = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TO_PEOPLE = str.maketrans(_RFC, _CROCKFORD)
_FROM_PEOPLE = str.maketrans(_CROCKFORD, _RFC)
_SLIPS = str.maketrans("OIL", "011")
"""What people read for what stands there."""
MOST_CODE_CHARS = 4_000


@dataclass(frozen=True, slots=True)
class Code:
    """What a code says."""

    secret: bytes
    pin: bytes
    """Of the authority's certificate, see `pin_of`."""
    edge: str
    addresses: tuple[str, ...]


def pin_of(fingerprint: bytes) -> bytes:
    """Return what stands in a code for an authority: 128 bits, as a second preimage needs."""
    return fingerprint[:PIN_BYTES]


def write_code(code: Code) -> str:
    """Return a code as people pass it on."""
    edge = code.edge.encode()
    body = bytes([VERSION]) + code.secret + code.pin + bytes([len(edge)]) + edge
    body += ",".join(code.addresses).encode()
    text = base64.b32encode(body + _sum(body)).decode().rstrip("=").translate(_TO_PEOPLE)
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def read_code(text: str) -> Code:
    """Return what a typed code says; ConfigError without repeating it."""
    bare = re.sub(r"[\s-]", "", text).upper().translate(_SLIPS)
    problem = ConfigError("code", "", "is not a whole invitation", "copy it again, all of it")
    if len(text) > MOST_CODE_CHARS or not re.fullmatch(f"[{_CROCKFORD}]+", bare):
        raise problem
    try:
        data = base64.b32decode(bare.translate(_FROM_PEOPLE) + "=" * (-len(bare) % 8))
    except ValueError:
        raise problem from None
    body, told = data[:-_SUM_BYTES], data[-_SUM_BYTES:]
    if len(body) <= _HEAD or _sum(body) != told:
        raise problem
    if body[0] != VERSION:
        advice = "both ends need the same version of Varco"
        raise ConfigError("code", "", f"is of version {body[0]}", advice)
    secret, pin = body[1 : 1 + SECRET_BYTES], body[1 + SECRET_BYTES : _HEAD - 1]
    end = _HEAD + body[_HEAD - 1]
    try:
        edge, addresses = body[_HEAD:end].decode(), tuple(body[end:].decode().split(","))
    except UnicodeDecodeError:
        raise problem from None
    if not ID_FORM.match(edge) or any(address_problem(one) for one in addresses):
        raise problem
    return Code(secret, pin, edge, addresses)


def _sum(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:_SUM_BYTES]


@dataclass(frozen=True, slots=True)
class Invitation:
    """One entry of the book."""

    edge: str
    digest: str
    """Of the secret."""
    by: str
    until_utc_us: int
    tries: int = 0
    ended: str = ""
    """Why it does not count any more: a code of a refusal; empty while it is open."""


class Invitations:
    """The book, on disk; its methods do file I/O: call them beside the loop, one at a time."""

    def __init__(self, path: Path) -> None:
        """Read it; ConfigError if it cannot be."""
        self._path = path
        self._book = _read(path)

    def open(self, edge: str, by: str, now_utc_us: int) -> tuple[bytes, Invitation]:
        """Return the secret of a new invitation; it replaces the edge's older ones.

        RefusedError `full`: too many wait.
        """
        others = [self._ended(one, "code-replaced") if one.edge == edge else one
                  for one in self._book]  # fmt: skip
        if sum(_is_open(one, now_utc_us) for one in others) >= MOST_OPEN:
            raise RefusedError("full", f"{MOST_OPEN} invitations are open already")
        secret = secrets.token_bytes(SECRET_BYTES)
        made = Invitation(edge, _digest(secret), by, now_utc_us + LIFE_US)
        self._write([*others, made], now_utc_us)
        return secret, made

    def check(self, secret: bytes, edge: str, now_utc_us: int) -> Invitation:
        """Return the invitation of a code that still counts.

        RefusedError `code-unknown`, `code-used`, `code-expired`, `code-replaced`,
        `code-withdrawn`, `code-void`; `name`: the code is another edge's, which costs a try.
        """
        found = self._find(secret)
        if found is None:
            raise RefusedError("code-unknown", "there is no such invitation")
        if found.ended:
            raise RefusedError(found.ended, "this invitation does not count any more")
        if now_utc_us >= found.until_utc_us:
            raise RefusedError("code-expired", "this invitation is over")
        if found.edge != edge:
            self._try(found, now_utc_us)
            raise RefusedError("name", "this invitation is for another edge")
        return found

    def redeem(self, secret: bytes, edge: str, now_utc_us: int) -> Invitation:
        """Use a code up; that it is used stands on disk on return. RefusedError as `check`."""
        found = self.check(secret, edge, now_utc_us)
        used = replace(found, ended="code-used")
        self._write([used if one is found else one for one in self._book], now_utc_us)
        return used

    def charge(self, secret: bytes, now_utc_us: int) -> None:
        """Count a request that was refused although the secret was right."""
        found = self._find(secret)
        if found is not None and not found.ended:
            self._try(found, now_utc_us)

    def withdraw(self, edge: str, now_utc_us: int) -> None:
        """Let no open invitation of an edge count any more."""
        if any(one.edge == edge and not one.ended for one in self._book):
            book = [self._ended(one, "code-withdrawn") if one.edge == edge else one
                    for one in self._book]  # fmt: skip
            self._write(book, now_utc_us)

    def waiting(self, now_utc_us: int) -> tuple[Invitation, ...]:
        """Return those that are open."""
        return tuple(one for one in self._book if _is_open(one, now_utc_us))

    def _find(self, secret: bytes) -> Invitation | None:
        """Look at every entry, however early it is found: the time tells nothing."""
        wanted, found = _digest(secret), None
        for one in self._book:
            if hmac.compare_digest(one.digest, wanted):
                found = one
        return found

    def _try(self, one: Invitation, now_utc_us: int) -> None:
        tried = replace(one, tries=one.tries + 1)
        if tried.tries >= MOST_TRIES:
            tried = self._ended(tried, "code-void")
        self._write([tried if each is one else each for each in self._book], now_utc_us)

    def _ended(self, one: Invitation, why: str) -> Invitation:
        return one if one.ended else replace(one, ended=why)

    def _write(self, book: Sequence[Invitation], now_utc_us: int) -> None:
        kept = [one for one in book if now_utc_us < one.until_utc_us + KEPT_US]
        over = [one for one in kept if not _is_open(one, now_utc_us)]
        for one in over[: max(0, len(kept) - MOST_KEPT)]:
            kept.remove(one)
        write_guarded(self._path, json.dumps([asdict(one) for one in kept], indent=1).encode())
        self._book = kept


def _is_open(one: Invitation, now_utc_us: int) -> bool:
    return not one.ended and now_utc_us < one.until_utc_us


def _digest(secret: bytes) -> str:
    return hashlib.sha256(b"varco-enrol/1\0" + secret).hexdigest()


def _read(path: Path) -> list[Invitation]:
    try:
        rows = json.loads(path.read_bytes())
        return [Invitation(**row) for row in rows]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        advice = "remove it: open invitations are lost, nothing else"
        raise ConfigError(str(path), "", "cannot be read", advice) from error
