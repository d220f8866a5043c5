# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Assertions at both ends: a room makes them from its Grants, an edge believes none unchecked.

Nothing here opens anything: what an assertion that is good may see, the edge's own gate decides.
"""

import os
import secrets
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.model.access import Action, Grant, Purpose
from gateway.model.errors import ConfigError, RefusedError, WireError
from gateway.model.registry import Role
from gateway.model.room import Assertion, at_edge
from gateway.runtime.clock import Clock
from gateway.wire.assertion import KEY_BYTES, MOST_VALID_US, clean, sign, verify

KEY_FILE: Final = "assertion.key"
VALID_S: Final = 60.0
MOST_KNOWN: Final = 4_096
"""Grants whose last serial is remembered, per room; a room asks for far fewer in two minutes."""
REMEMBER_S: Final = 120.0
"""How long after the end of an assertion its Grant is remembered: longer than any token lives."""
AHEAD_S: Final = 5.0
"""A room's clock as we know it may be this wrong; a token from further ahead is refused."""
ACTIONS: Final = frozenset({Action.LIVE, Action.SNAPSHOT, Action.PLAYBACK})
"""What a room may do at an edge at all."""
ROLES: Final = frozenset(
    {
        Role.PS_OPERATOR,
        Role.PS_SUPERVISOR,
        Role.PL_OPERATOR,
        Role.INSTITUTE_OPERATOR,
        Role.MACHINE,
    }
)
"""Whom a room may speak for: never an owner or an administrator of the edge."""
PURPOSES: Final = frozenset({Purpose.ALARM, Purpose.INCIDENT, Purpose.SERVICE, Purpose.JUDICIAL})

_LOST: Final = (
    "put it back from the backup; without one, remove it: a new one is made, and every edge has to "
    "be invited and to join again, since it refuses looks signed with another key"
)
_S: Final = 1_000_000
_CASE_CHARS: Final = 100


# at the room -------------------------------------------------------------------------------


def assertion_key(folder: Path) -> Ed25519PrivateKey:
    """Return the room's key for assertions; made once, 0600. Blocks. ConfigError if unusable."""
    path = folder / KEY_FILE
    try:
        if not path.exists():
            part = path.with_suffix(".part")
            part.unlink(missing_ok=True)
            opened = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(opened, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    except (OSError, ValueError) as error:
        problem = f"cannot be used: {error}"
        raise ConfigError(str(path), "", problem, _LOST) from error


class Asserter:
    """Says in the room's name that a person holds a Grant."""

    def __init__(self, room: str, origin: str, key: Ed25519PrivateKey, clock: Clock) -> None:
        """`room` is this box's id, `origin` the name of its log."""
        self._room = room
        self._origin = origin
        self._key = key
        self._clock = clock
        self._serials: OrderedDict[str, int] = OrderedDict()

    @property
    def public(self) -> bytes:
        """The key that edges verify with, Ed25519, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def assertion_for(self, grant: Grant) -> str:
        """Return a fresh token for a Grant on an edge's camera, good for a minute at most.

        RefusedError if the camera is no edge's.
        """
        edge, camera = at_edge(grant.camera)
        if not edge:
            raise RefusedError("not-an-edge", f"camera {grant.camera}: no edge's")
        request, now = grant.request, self._clock.now()
        left_s = min(VALID_S, grant.expires.monotonic_s - now.monotonic_s)
        if left_s <= 0 or request.purpose is None:
            raise RefusedError("grant-ended", f"camera {grant.camera}: the Grant has run out")
        assertion = Assertion(
            grant=grant.id,
            serial=self._next(grant.id),
            room=self._room,
            edge=edge,
            camera=camera,
            action=request.action,
            actor=clean(request.actor.id),
            actor_name=clean(request.actor.name),
            role=request.actor.role,
            organisation=clean(request.actor.organisation),
            purpose=request.purpose,
            case=clean(request.case, _CASE_CHARS),
            reason=clean(request.reason),
            act=clean(at_edge(grant.act)[1]),
            origin=clean(self._origin),
            seq=grant.ledger_seq,
            issued_utc_us=now.utc_us,
            expires_utc_us=now.utc_us + max(1, round(left_s * _S)),
            second=clean(request.second),
            flags=grant.flags,
        )
        try:
            return sign(assertion, self._key)
        except WireError as error:
            raise RefusedError("not-sayable", str(error)) from error

    def forget(self, grant: str) -> None:
        """Let go of a Grant that is over for good."""
        self._serials.pop(grant, None)

    def _next(self, grant: str) -> int:
        """Return the next serial of a Grant; the Grant asserted longest ago gives way."""
        serial = self._serials.pop(grant, 0) + 1
        self._serials[grant] = serial
        while len(self._serials) > MOST_KNOWN:
            self._serials.popitem(last=False)
        return serial


# at the edge -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoomTrust:
    """What an edge knows of the room at the other end of a line, by certificate and greeting."""

    room: str
    """Id, as its certificate proves it."""
    edge: str
    """What the room calls us."""
    key: bytes
    """Of its assertions."""
    offset_us: int = 0
    """Its UTC minus ours."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An assertion that is genuine, ours, fresh and new."""

    assertion: Assertion
    left_s: float
    """How long it holds from now on our own monotonic clock."""


@dataclass(slots=True)
class _Known:
    claim: Assertion
    """What the Grant's first assertion said."""
    serial: int
    until_s: float
    token: str
    is_over: bool = False


class Verifier:
    """What one room has asserted to this edge; remembers serials as long as a token can live."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started_s = clock.monotonic_s()
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def check(self, token: str, trust: RoomTrust, *, again: bool = False) -> Checked:
        """Return what may be believed of a token; RefusedError with a code for everything else.

        Codes: forged, wrong-room, wrong-audience, not-yet, expired, replayed, changed, over,
        too-many. `again`: the very last token of a Grant may be shown once more while it holds.
        """
        try:
            assertion = verify(token, trust.key)
        except WireError as error:
            raise RefusedError("forged", f"L'asserzione non è valida ({error}).") from error
        left_s = self._left_s(assertion, trust)
        known = self._known.get(assertion.grant)
        if known is None:
            self._make_room()
        elif known.is_over:
            raise RefusedError("over", "Questa visione è già terminata presso la sede.")
        elif _claim(assertion) != known.claim:
            raise RefusedError("changed", "L'asserzione non ripete quella con cui è iniziata.")
        elif assertion.serial <= known.serial and not (again and token == known.token):
            raise RefusedError("replayed", "L'asserzione è già stata usata.")
        until_s = self._clock.monotonic_s() + left_s
        self._known[assertion.grant] = _Known(_claim(assertion), assertion.serial, until_s, token)
        self._known.move_to_end(assertion.grant)
        return Checked(assertion, left_s)

    def _left_s(self, assertion: Assertion, trust: RoomTrust) -> float:
        """Return how long it holds; insists on the two ends and on the room's clock."""
        if assertion.room != trust.room:
            raise RefusedError("wrong-room", "L'asserzione è di un'altra sala.")
        if assertion.edge != trust.edge:
            raise RefusedError("wrong-audience", "L'asserzione è per un'altra sede.")
        now = self._clock.now()
        room_us = now.utc_us + trust.offset_us
        if assertion.issued_utc_us > room_us + round(AHEAD_S * _S):
            raise RefusedError("not-yet", "L'asserzione viene dal futuro: orologi discordi.")
        left_us = min(assertion.expires_utc_us - room_us, MOST_VALID_US)
        if left_us <= 0:
            raise RefusedError("expired", "L'asserzione è scaduta.")
        alive_s = now.monotonic_s - self._started_s
        if room_us - assertion.issued_utc_us > round((alive_s + 1.0) * _S):
            # what was shown before a restart is not remembered: it cannot be told from a replay
            raise RefusedError("replayed", "L'asserzione precede l'avvio di questa sede.")
        return left_us / _S

    def end(self, grant: str) -> None:
        """Take no more assertions of a Grant: it was released, or this edge has ended it."""
        known = self._known.get(grant)
        if known is not None:
            known.is_over = True

    def is_over(self, grant: str) -> bool:
        """Return whether no more assertions of a Grant are taken."""
        known = self._known.get(grant)
        return known is not None and known.is_over

    def _make_room(self) -> None:
        now_s = self._clock.monotonic_s()
        while self._known:
            oldest = next(iter(self._known.values()))
            if now_s < oldest.until_s + REMEMBER_S:
                break
            self._known.popitem(last=False)
        if len(self._known) >= MOST_KNOWN:
            raise RefusedError("too-many", "Troppe richieste: la sede non ne accetta altre.")


def _claim(assertion: Assertion) -> Assertion:
    """Return what has to be the same in all assertions of one Grant."""
    return replace(assertion, serial=0, issued_utc_us=0, expires_utc_us=0, flags=())


def insist_sensible(assertion: Assertion) -> None:
    """Refuse what no room may ask of an edge, whatever the edge's acts say."""
    if assertion.action not in ACTIONS:
        raise RefusedError("wrong-action", "Una sala non può compiere questa operazione.")
    if assertion.role not in ROLES:
        raise RefusedError("role-may-not", "Una sala non può parlare per questo ruolo.")
    if assertion.purpose not in PURPOSES:
        raise RefusedError("purpose-not-allowed", "Una sala non può indicare questa finalità.")


def session_of(assertion: Assertion) -> str:
    """Return how an edge's ledger names the look: the room's Grant and the entry of its log."""
    return f"{assertion.grant}@{assertion.origin}#{assertion.seq}"
