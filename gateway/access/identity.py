# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who is signed in: by password and code, by an identity provider, or by a client certificate.

Passwords are kept as argon2id only, tokens as SHA-256 only. Who is unknown costs as much time as
who mistypes, so that names cannot be found by the clock. A code counts once (RFC 6238 §5.2).

Two kinds of sign-in exist besides the ordinary one: a *restricted* one may only enrol a second
device, and `resolve` does not know it; a certificate has no session and is asked for each time.
"""

import asyncio
import hashlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address, ip_address
from typing import Final, Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.access import recorders, totp
from gateway.access.certificates import METHOD as BY_CERTIFICATE
from gateway.access.certificates import MOST_WORKSTATION_CHARS, Certificates
from gateway.access.lockout import LockLimits, Lockout
from gateway.access.policy import regime_of
from gateway.access.totp import Enrolment
from gateway.model.access import RECORDER_METHODS, Actor, Regime
from gateway.model.audit import LedgerEvent, LedgerReceipt, Operation
from gateway.model.errors import LedgerError, SecondFactorNeededError, StoreError
from gateway.model.identifiers import uuid7
from gateway.model.registry import Registry, Role, User
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

MOST_PASSWORD_CHARS: Final = 1_024
"""Longer ones are refused unread, before they cost anything."""
MOST_NAME_CHARS: Final = 64
"""The longest id of a user (`model.identifiers.ID_FORM`)."""
MOST_ACR_CHARS: Final = 200


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
    """Wrong passwords or codes of one name from one address before the first lock."""
    address_failures: int = 30
    """Wrong ones from one address, whatever the name: a room shares one address."""
    code_failures: int = 5
    """Wrong codes of one person from anywhere: who tries them knows the password."""
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
    restricted: bool = False
    """It may do one thing: enrol a second device."""


_Proof = tuple[str, ...]
"""What the registry held when somebody proved who they are; a change ends the sign-in."""


@dataclass(slots=True)
class _Session:
    actor: Actor
    proofs: tuple[_Proof, ...] = field(repr=False)
    """One; two while a second device is being taken over."""
    began_s: float
    seen_s: float
    restricted: bool = False
    enrolling: str = field(default="", repr=False)
    """Secret that was shown and not confirmed yet."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How somebody came in."""

    method: str
    source_ip: str
    acr: str = ""
    workstation: str = ""
    restricted: bool = False


_Key = tuple[str, str]
"""Name and place; an empty name counts for the whole place."""
_BY_PASSWORD: Final = "password"  # noqa: S105 - the name of a method, not a password
_BY_PROVIDER: Final = "oidc"
_BY_SOCKET: Final = "peercred"
MFA: Final = "mfa"
"""`Actor.acr` of password and code."""

SetTotp = Callable[[str, str], Awaitable[None]]
"""Stores a user's secret; `gateway.registry.store.RegistryStore.set_totp` is one."""
KeepStep = Callable[[str, int], Awaitable[None]]
"""Stores a user's newest step of time; `RegistryStore.keep_totp_step` is one."""


def hash_password(password: str) -> str:
    """Return the argon2id hash in PHC form (RFC 9106, second recommended option)."""
    return PasswordHasher().hash(password)


class Spent:
    """Which codes of second devices were used: the newest step of time of each user."""

    def __init__(
        self, steps: Mapping[str, int] | None = None, keep: KeepStep | None = None
    ) -> None:
        """Begin with what a former process knew; `keep` makes a step outlast this one."""
        self._steps = dict(steps or {})
        self._keep = keep

    def is_new(self, user: str, step: int, utc_s: int) -> bool:
        """Return whether no code of this step, or of a later one, was taken.

        What was taken in a future that a wrong clock made up locks nobody out: only that very step
        stays used.
        """
        last = self._steps.get(user, -1)
        if last > utc_s // totp.STEP_S + totp.TOLERANCE_STEPS:
            return step != last
        return step > last

    async def spend(self, user: str, step: int) -> None:
        """Remember a step, at once and then durably; LedgerError if it is not durable."""
        self._steps[user] = step
        if self._keep is not None:
            try:
                await self._keep(user, step)
            except StoreError as error:
                raise LedgerError(f"code not remembered: {error}") from error


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
        set_totp: SetTotp | None = None,
    ) -> None:
        """`hasher` decides only how dear it is to verify an unknown name.

        Without `set_totp` nobody can enrol a second device.
        """
        self._registry = registry
        self._clock = clock
        self._ledger = ledger
        self._limits = limits or SignInLimits()
        self._hasher = hasher or PasswordHasher()
        self._set_totp = set_totp
        self._dummy = self._hasher.hash(secrets.token_urlsafe(16))
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()
        self._digests: dict[str, bytes] = {}
        """Where a session's id is found."""
        bounds = LockLimits(
            self._limits.first_lock_s,
            self._limits.most_lock_s,
            self._limits.forget_s,
            self._limits.most_remembered,
        )
        self._failures: Lockout[_Key] = Lockout(clock, bounds)
        self._wrong_codes: Lockout[str] = Lockout(clock, bounds)
        """By user, so that a guesser's other addresses do not push these out."""
        self.spent = Spent()
        """Replaced before the first sign-in where used codes outlast the process."""
        self._turn = asyncio.Semaphore(self._limits.verifying_at_once)
        self._verifying = 0
        self._certificates = Certificates(registry)
        self.by_certificate = self._certificates.actor

    async def sign_in(
        self, user: str, password: str, source_ip: str, code: str = "", workstation: str = ""
    ) -> SignIn | None:
        """Return a sign-in, or None for any reason; the reason stands in the ledger only.

        SecondFactorNeededError if the password is right and a code is due. LedgerError if the
        ledger cannot be written: nobody signs in unseen (B-06).
        """
        keys = _keys(user, source_ip)
        known = await self._prove(user, password, source_ip, keys)
        if known is None:
            return None
        if known.totp_secret and not await self._takes(known, code, keys, source_ip):
            return None
        self._failures.forgive(keys[0])
        has_code = bool(known.totp_secret)
        way = _Way(
            _BY_PASSWORD,
            source_ip,
            acr=MFA if has_code else "",
            workstation=workstation,
            restricted=known.second_factor and not has_code,
        )
        return await self._begin(known, way)

    async def _prove(
        self, user: str, password: str, source_ip: str, keys: tuple[_Key, _Key]
    ) -> User | None:
        """Return whose password it is, None for any reason; failures are counted and written."""
        if any(self._failures.is_locked(key) for key in keys):
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
        if any(self._failures.is_locked(key) for key in keys):
            return None  # guesses beside this one have locked it meanwhile
        return known

    async def recognise(self, user: str, password: str, source_ip: str) -> User | None:
        """Return the machine whose password it is, without a sign-in; None for any reason.

        LedgerError if a failure cannot be written down.
        """
        keys = _keys(user, source_ip)
        known = await self._prove(user, password, source_ip, keys)
        if known is None or known.role is not Role.MACHINE:
            return None
        if known.second_factor or known.totp_secret:
            return None  # a machine has no second device: this is somebody's account
        self._failures.forgive(keys[0])
        return known

    def is_locked(self, user: str, source_ip: str) -> bool:
        """Return whether nobody can prove from there that he is this user, for a while."""
        return any(self._failures.is_locked(key) for key in _keys(user, source_ip))

    async def note_failure(self, user: str, source_ip: str) -> None:
        """Count a wrong proof that somebody else looked at, and write it down."""
        known = self._registry().users.get(user)
        await self._failed(known, _keys(user, source_ip), source_ip)

    async def _takes(self, user: User, code: str, keys: tuple[_Key, _Key], source_ip: str) -> bool:
        """Take a code, once; a wrong one counts as a wrong password does, and by itself."""
        if self._wrong_codes.is_locked(user.id):
            log.info("codes-locked", extra={"source_ip": source_ip})
            return False
        if not code:
            raise SecondFactorNeededError
        if await self._spend(user.id, user.totp_secret, code):
            self._wrong_codes.forgive(user.id)
            return True
        await self._failed(user, keys, source_ip, error="wrong-code")
        return False

    async def _spend(self, user: str, secret: str, code: str) -> bool:
        """Return whether a code is good and newer than the last that was taken; then it is.

        LedgerError: that it was used cannot be remembered, so it is not taken.
        """
        utc_s = self._clock.now().utc_us // 1_000_000
        step = totp.step_of(secret, code, utc_s)
        if step is None or not self.spent.is_new(user, step, utc_s):
            return False
        await self.spent.spend(user, step)
        return True

    async def sign_in_by_provider(
        self, subject: str, acr: str, source_ip: str, *, strong: bool = False
    ) -> SignIn | None:
        """Return a sign-in for an account of an identity provider, `issuer|sub`.

        None if no account of the registry, or more than one, is bound to it; nothing is made up.
        SecondFactorNeededError if the account needs one and the provider did not ask for it.
        """
        users = self._registry().users.values()
        found = [one for one in users if one.oidc_subject and one.oidc_subject == subject]
        user = found[0] if len(found) == 1 else None
        if user is None or not user.enabled:
            await self._refused(user, "account-unusable" if user else "unknown-subject", source_ip)
            return None
        if user.second_factor and not strong:
            await self._refused(user, "second-factor-missing", source_ip)
            raise SecondFactorNeededError
        return await self._begin(user, _Way(_BY_PROVIDER, source_ip, acr=acr[:MOST_ACR_CHARS]))

    async def refuse_provider(self, error: str, source_ip: str) -> None:
        """Write down that an identity provider's answer was not taken; `error` is a code."""
        await self._refused(None, error, source_ip)

    async def _refused(self, user: User | None, error: str, source_ip: str) -> None:
        event = _event("auth.fail", user)
        await self._ledger.append(
            replace(event, result="denied", error=error, src_ip=source_ip, auth_method=_BY_PROVIDER)
        )

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

    async def _failed(
        self, user: User | None, keys: tuple[_Key, _Key], source_ip: str, error: str = ""
    ) -> None:
        """Count a failure and write it down; a lock gets an entry of its own."""
        most = (self._limits.failures, self._limits.address_failures)
        locks = [self._failures.count(key, bound) for key, bound in zip(keys, most, strict=True)]
        event = _event("auth.fail", user)
        if error and user is not None:
            locks.append(self._wrong_codes.count(user.id, self._limits.code_failures))
            event = replace(event, event="mfa.fail", error=error)
        event = replace(event, result="denied", src_ip=source_ip, auth_method=_BY_PASSWORD)
        await self._ledger.append(event)
        if any(locks):
            await self._ledger.append(replace(event, event="auth.lock"))

    async def _begin(self, user: User, way: _Way) -> SignIn:
        now = self._clock.now()
        session = uuid7(now.utc_us, secrets.token_bytes(10))
        actor = Actor(
            user.id,
            user.name,
            user.role,
            user.organisation,
            session,
            way.method,
            way.source_ip,
            acr=way.acr,
            workstation=way.workstation[:MOST_WORKSTATION_CHARS],
        )
        event = _session_event("auth.login", actor)
        await self._ledger.append(replace(event, error="enrol-only" if way.restricted else ""))
        token = secrets.token_urlsafe(32)
        self._make_room(user.id)
        digest = _digest(token)
        proofs = (_proof(user, way.method),)
        self._sessions[digest] = _Session(
            actor, proofs, now.monotonic_s, now.monotonic_s, way.restricted
        )
        self._digests[session] = digest
        return SignIn(token, actor, way.restricted)

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
        """Return who holds a token; None if it is unknown, over, or the account has changed.

        Asking keeps nothing awake, `seen` does. A restricted sign-in is nobody here.
        """
        session = self._session(token)
        return session.actor if session is not None and not session.restricted else None

    def resolve_enrolling(self, token: str) -> Actor | None:
        """Return who holds a token, also of a sign-in that may only enrol a second device."""
        session = self._session(token)
        return session.actor if session is not None else None

    def seen(self, token: str) -> None:
        """Note that a person did something: the idle time starts anew."""
        session = self._session(token)
        if session is not None:
            session.seen_s = self._clock.monotonic_s()
            self._sessions.move_to_end(_digest(token))

    def _session(self, token: str) -> _Session | None:
        digest = _digest(token)
        session = self._sessions.get(digest)
        if session is None:
            return None
        if self._over(session) or not self._still(session):
            self._drop(digest)
            return None
        return session

    def is_signed_in(self, actor: Actor) -> bool:
        """Return whether the sign-in behind an actor lasts; nothing counts as a request of theirs.

        True for local administrators, who never signed in here.
        """
        if actor.method == _BY_SOCKET:
            return True
        if actor.method == BY_CERTIFICATE:
            return self._certificates.is_still(actor)
        if actor.method in RECORDER_METHODS:
            return recorders.is_still(actor, self._registry())
        session = self._sessions.get(self._digests.get(actor.session, b""))
        return (
            session is not None
            and not session.restricted
            and not self._over(session)
            and self._still(session)
        )

    def _still(self, session: _Session) -> bool:
        """Return whether the account is what it was at sign-in."""
        user, actor = self._registry().users.get(session.actor.id), session.actor
        return (
            user is not None
            and user.enabled
            and (user.role, user.organisation) == (actor.role, actor.organisation)
            and _proof(user, actor.method) in session.proofs
            and (session.restricted or _is_enough(user, actor))
        )

    def enrol(self, token: str, box: str) -> Enrolment | None:
        """Return a fresh secret to be confirmed; None if this sign-in cannot enrol a device.

        Whoever has a second device already keeps it until an administrator takes it away: a
        stolen session must not replace it. Each call forgets what the one before has shown.
        """
        session = self._session(token)
        if session is None or session.actor.method != _BY_PASSWORD or self._set_totp is None:
            return None
        user = self._registry().users[session.actor.id]
        if user.totp_secret:
            return None
        session.enrolling = totp.new_secret()
        return totp.enrolment(session.enrolling, user.id, box)

    async def confirm(self, token: str, code: str) -> SignIn | None:
        """Take over the secret that was shown, proved by a code; None if the code is wrong.

        A restricted sign-in becomes a full one under a new token; the account's other sign-ins
        end. LedgerError or StoreError: the device was not taken over.
        """
        session = self._session(token)
        if session is None or not session.enrolling or self._set_totp is None:
            return None
        actor, secret = session.actor, session.enrolling
        user = self._registry().users[actor.id]
        keys = ((user.id, _place(actor.source_ip)), ("", _place(actor.source_ip)))
        if self._wrong_codes.is_locked(user.id) or user.totp_secret:
            return None
        if not await self._spend(user.id, secret, code):
            await self._failed(user, keys, actor.source_ip, error="wrong-code")
            return None
        session.enrolling = ""
        await self._ledger.append(_session_event("mfa.enrol", actor))
        proof = _proof(replace(user, totp_secret=secret), actor.method)
        session.proofs = (*session.proofs, proof)
        await self._set_totp(user.id, secret)
        session.proofs = (proof,)
        return self._raise(token, session)

    def _raise(self, token: str, session: _Session) -> SignIn | None:
        """Mark a sign-in as one with both proofs; what was restricted gets a new token."""
        digest = _digest(token)
        if self._sessions.get(digest) is not session:
            return None  # signed out meanwhile
        session.actor = replace(session.actor, acr=MFA)
        self._wrong_codes.forgive(session.actor.id)
        if session.restricted:
            session.restricted = False
            del self._sessions[digest]
            token = secrets.token_urlsafe(32)
            digest = _digest(token)
            self._sessions[digest] = session
            self._digests[session.actor.session] = digest
        session.seen_s = self._clock.monotonic_s()
        return SignIn(token, session.actor)

    async def sign_out(self, token: str) -> None:
        """End a sign-in; harmless if there is none. LedgerError after it has ended all the same."""
        session = self._drop(_digest(token))
        if session is not None:
            await self._ledger.append(_session_event("auth.logout", session.actor))


def _keys(user: str, source_ip: str) -> tuple[_Key, _Key]:
    """Return under what failures of a name from an address count."""
    place = _place(source_ip)
    return (user[:MOST_NAME_CHARS], place), ("", place)


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


def _proof(user: User, method: str) -> _Proof:
    """Return what of an account a sign-in rests on."""
    if method == _BY_PROVIDER:
        return (user.oidc_subject,)
    return (user.password_hash, user.totp_secret)


def _is_enough(user: User, actor: Actor) -> bool:
    """Return whether a sign-in by password has what the account asks for by now."""
    return actor.method != _BY_PASSWORD or actor.acr == MFA or not user.second_factor


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
        acr=actor.acr,
        session_id=actor.session,
        src_ip=actor.source_ip,
        workstation=actor.workstation,
    )
