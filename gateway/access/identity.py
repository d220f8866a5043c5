# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Local users: passwords, sign-ins and what stops guessing.

Passwords are kept as argon2id only, tokens as SHA-256 only. Who is unknown costs as much time as
who mistypes, so that names cannot be found by the clock.
"""

import asyncio
import hashlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address, ip_address
from typing import Final, Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.access.policy import regime_of
from gateway.model.access import Actor, Regime
from gateway.model.audit import LedgerEvent, LedgerReceipt, Operation
from gateway.model.identifiers import uuid7
from gateway.model.registry import Registry, User
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

MOST_PASSWORD_CHARS: Final = 1_024
"""Longer ones are refused unread, before they cost anything."""
MOST_NAME_CHARS: Final = 64
"""The longest id of a user (`model.identifiers.ID_FORM`)."""


class Journal(Protocol):
    """Where entries go; `gateway.audit.ledger.Ledger` is one."""

    async def append(self, event: LedgerEvent) -> LedgerReceipt:
        """Write one entry; returns once it is on disk, LedgerError if it cannot be."""
        ...


@dataclass(frozen=True, slots=True)
class SignInLimits:
    """Bounds on sign-ins; times in seconds."""

    absolute_s: float = 43_200.0
    """A shift of 12 hours."""
    idle_s: float = 3_600.0
    """Without a request for this long, the sign-in is over."""
    most_sessions: int = 512
    """On this box; then the one idle longest gives way."""
    most_per_user: int = 8
    failures: int = 5
    """Wrong passwords of one name from one address before the first lock."""
    address_failures: int = 30
    """Wrong passwords from one address, whatever the name: a room shares one address."""
    first_lock_s: float = 30.0
    """Doubles with each further failure."""
    most_lock_s: float = 3_600.0
    forget_s: float = 86_400.0
    """Failures older than this count no more."""
    most_remembered: int = 4_096
    """Names and addresses whose failures are counted; the oldest gives way."""
    most_verifying: int = 16
    """Sign-ins under way at once; more are turned away, each costs 64 MiB and 50 ms."""
    verifying_at_once: int = 2


@dataclass(frozen=True, slots=True)
class SignIn:
    """A fresh sign-in."""

    token: str = field(repr=False)
    """The secret; it exists here and at the browser only."""
    actor: Actor


@dataclass(slots=True)
class _Session:
    actor: Actor
    password_hash: str = field(repr=False)
    """A changed password ends the sign-ins made with the old one."""
    began_s: float
    seen_s: float


@dataclass(slots=True)
class _Failures:
    count: int
    last_s: float
    locked_until_s: float


_Key = tuple[str, str]
"""Name and place; an empty name counts for the whole place."""
_BY_PASSWORD: Final = "password"  # noqa: S105 - the name of a method, not a password


def hash_password(password: str) -> str:
    """Return the argon2id hash in PHC form (RFC 9106, second recommended option)."""
    return PasswordHasher().hash(password)


class Accounts:
    """Who is signed in."""

    hash_password = staticmethod(hash_password)

    def __init__(
        self,
        registry: Callable[[], Registry],
        clock: Clock,
        ledger: Journal,
        *,
        limits: SignInLimits | None = None,
        hasher: PasswordHasher | None = None,
    ) -> None:
        """`hasher` decides only how dear it is to verify an unknown name."""
        self._registry = registry
        self._clock = clock
        self._ledger = ledger
        self._limits = limits or SignInLimits()
        self._hasher = hasher or PasswordHasher()
        self._dummy = self._hasher.hash(secrets.token_urlsafe(16))
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()
        self._digests: dict[str, bytes] = {}
        """Where a session's id is found."""
        self._failures: OrderedDict[_Key, _Failures] = OrderedDict()
        self._turn = asyncio.Semaphore(self._limits.verifying_at_once)
        self._verifying = 0

    async def sign_in(self, user: str, password: str, source_ip: str) -> SignIn | None:
        """Return a sign-in, or None for any reason; the reason stands in the ledger only.

        LedgerError if the ledger cannot be written: nobody signs in unseen (B-06).
        """
        place = _place(source_ip)
        keys = ((user[:MOST_NAME_CHARS], place), ("", place))
        if any(self._locked(key) for key in keys):
            log.info("sign-in-locked", extra={"source_ip": source_ip})
            return None
        if self._verifying >= self._limits.most_verifying or len(password) > MOST_PASSWORD_CHARS:
            log.warning("sign-in-turned-away", extra={"source_ip": source_ip})
            return None
        known = self._registry().users.get(user)
        if known is None or not await self._is_right(known, password):
            if known is None:
                await self._verify(self._dummy, password)
            await self._failed(known, keys, source_ip)
            return None
        if any(self._locked(key) for key in keys):
            return None  # guesses beside this one have locked it meanwhile
        self._failures.pop(keys[0], None)
        return await self._begin(known, source_ip)

    async def _is_right(self, user: User, password: str) -> bool:
        """Verify a known user's password; without a usable account, at the same price."""
        usable = user.enabled and bool(user.password_hash)
        right = await self._verify(user.password_hash if usable else self._dummy, password)
        return usable and right

    async def _verify(self, phc: str, password: str) -> bool:
        """Verify off the loop, a few at a time."""
        self._verifying += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(self._verify_now, phc, password)
        finally:
            self._verifying -= 1

    def _verify_now(self, phc: str, password: str) -> bool:
        try:
            return bool(self._hasher.verify(phc, password.encode("utf-8", "replace")))
        except (VerificationError, InvalidHashError):
            return False

    def _locked(self, key: _Key) -> bool:
        failures = self._failures.get(key)
        return failures is not None and self._clock.monotonic_s() < failures.locked_until_s

    async def _failed(self, user: User | None, keys: tuple[_Key, _Key], source_ip: str) -> None:
        """Count a failure and write it down; a lock gets an entry of its own."""
        most = (self._limits.failures, self._limits.address_failures)
        locks = [self._count(key, bound) for key, bound in zip(keys, most, strict=True)]
        event = replace(
            _event("auth.fail", user), result="denied", src_ip=source_ip, auth_method="password"
        )
        await self._ledger.append(event)
        if any(locks):
            await self._ledger.append(replace(event, event="auth.lock"))

    def _count(self, key: _Key, bound: int) -> bool:
        """Count one failure; return whether it locks."""
        now_s = self._clock.monotonic_s()
        failures = self._failures.pop(key, None)
        if failures is None or now_s - failures.last_s > self._limits.forget_s:
            failures = _Failures(0, now_s, 0.0)
        failures.count += 1
        failures.last_s = now_s
        over = failures.count - bound
        if over >= 0:
            lock_s = self._limits.first_lock_s * 2 ** min(over, 16)
            failures.locked_until_s = now_s + min(lock_s, self._limits.most_lock_s)
        self._failures[key] = failures
        while len(self._failures) > self._limits.most_remembered:
            self._failures.popitem(last=False)
        return over >= 0

    async def _begin(self, user: User, source_ip: str) -> SignIn:
        now = self._clock.now()
        session = uuid7(now.utc_us, secrets.token_bytes(10))
        actor = Actor(
            user.id, user.name, user.role, user.organisation, session, _BY_PASSWORD, source_ip
        )
        await self._ledger.append(_session_event("auth.login", actor))
        token = secrets.token_urlsafe(32)
        self._make_room(user.id)
        digest = _digest(token)
        self._sessions[digest] = _Session(
            actor, user.password_hash, now.monotonic_s, now.monotonic_s
        )
        self._digests[session] = digest
        return SignIn(token, actor)

    def _make_room(self, user: str) -> None:
        """Drop what has ended, then whatever was idle longest, to stay below the bounds."""
        for digest in [one for one, session in self._sessions.items() if self._over(session)]:
            self._drop(digest)
        own = [one for one, session in self._sessions.items() if session.actor.id == user]
        for digest in own[: max(0, len(own) - self._limits.most_per_user + 1)]:
            self._drop(digest)
        while len(self._sessions) >= self._limits.most_sessions:
            self._drop(next(iter(self._sessions)))

    def _drop(self, digest: bytes) -> _Session | None:
        """Forget a sign-in; return what it was."""
        session = self._sessions.pop(digest, None)
        if session is not None:
            self._digests.pop(session.actor.session, None)
        return session

    def _over(self, session: _Session) -> bool:
        now_s = self._clock.monotonic_s()
        return (
            now_s - session.began_s >= self._limits.absolute_s
            or now_s - session.seen_s >= self._limits.idle_s
        )

    def resolve(self, token: str) -> Actor | None:
        """Return who holds a token; None if it is unknown, over, or the account has changed."""
        digest = _digest(token)
        session = self._sessions.get(digest)
        if session is None:
            return None
        if self._over(session) or not self._still(session):
            self._drop(digest)
            return None
        session.seen_s = self._clock.monotonic_s()
        self._sessions.move_to_end(digest)
        return session.actor

    def is_signed_in(self, actor: Actor) -> bool:
        """Return whether the sign-in behind an actor lasts; nothing counts as a request of theirs.

        True for whoever never signed in here: machines and local administrators.
        """
        if actor.method != _BY_PASSWORD:
            return True
        session = self._sessions.get(self._digests.get(actor.session, b""))
        return session is not None and not self._over(session) and self._still(session)

    def _still(self, session: _Session) -> bool:
        """Return whether the account is what it was at sign-in."""
        user, actor = self._registry().users.get(session.actor.id), session.actor
        return (
            user is not None
            and user.enabled
            and (user.role, user.organisation) == (actor.role, actor.organisation)
            and secrets.compare_digest(user.password_hash, session.password_hash)
        )

    async def sign_out(self, token: str) -> None:
        """End a sign-in; harmless if there is none. LedgerError after it has ended all the same."""
        session = self._drop(_digest(token))
        if session is not None:
            await self._ledger.append(_session_event("auth.logout", session.actor))


def _place(source_ip: str) -> str:
    """Return what failures are counted by: an address, for IPv6 its /64, which one host owns."""
    try:
        address = ip_address(source_ip.partition("%")[0])
    except ValueError:
        return source_ip
    if not isinstance(address, IPv6Address):
        return source_ip
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return address.packed[:8].hex()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _event(event: str, user: User | None) -> LedgerEvent:
    """Return an entry about an account; what a stranger typed as a name may be a password."""
    if user is None:
        return LedgerEvent(event, Operation.NONE, Regime.GDPR, error="unknown-user")
    return LedgerEvent(
        event,
        Operation.NONE,
        regime_of(user.role),
        error="wrong-password" if user.enabled and user.password_hash else "account-unusable",
        actor_id=user.id,
        actor_type="human",
        org=user.organisation,
        role=user.role.value,
    )


def _session_event(event: str, actor: Actor) -> LedgerEvent:
    return LedgerEvent(
        event,
        Operation.NONE,
        regime_of(actor.role),
        actor_id=actor.id,
        actor_type="human",
        org=actor.organisation,
        role=actor.role.value,
        auth_method=actor.method,
        session_id=actor.session,
        src_ip=actor.source_ip,
    )
