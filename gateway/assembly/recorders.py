# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Recording programs of recipients at this box: their password, their Grant, their pictures.

Each connection is one look, decided by the gate under the standing order that is configured for the
account, with its own open and close entries (ADR 23).
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from gateway.access.gate import Gate
from gateway.access.identity import Accounts
from gateway.access.recorders import NOBODY_KNOWN, actor_of, is_usable
from gateway.assembly.box import Opened, RunningBox
from gateway.assembly.cameras import CameraPost
from gateway.assembly.opening import named
from gateway.assembly.renditions import Renditions, TranscodesBusyError
from gateway.assembly.room_federation import RoomFederation, verdict_of
from gateway.config.options import VmsAccount, VmsOptions
from gateway.config.secrets import locate, resolve
from gateway.console.listener import bind_tcp, server_tls
from gateway.model.access import WATERMARK, AccessRequest, Action, Grant
from gateway.model.errors import LedgerError, PeerError, RefusedError
from gateway.model.media import Codec, StreamKind
from gateway.model.registry import Registry, User
from gateway.model.room import at_edge
from gateway.relay.video.lease import Sent, StreamLease
from gateway.relay.video.process import NOT_VALID, SessionEnd
from gateway.relay.video.recorders import RecorderDoor, Recorders
from gateway.relay.video.rtsp_server import Terms
from gateway.relay.video.thin import LineBudget
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout
from gateway.wire.digest import Verifier
from gateway.wire.rtsp_serving import COMMON_PAYLOAD_BYTES, Door

log = logging.getLogger(__name__)

REALM: Final = "Varco"
PROVED_S: Final = 600.0
"""A password that was found right is not worked out again for so long: argon2 costs 64 MiB."""
RENEW_S: Final = 60.0
"""Before its Grant would run out a look is renewed, as long as the order stands."""
KINDS: Final = {kind.value: kind for kind in StreamKind}
RECORDED: Final = frozenset(Codec)
"""Recording programs take what cameras send."""


@dataclass(frozen=True, slots=True)
class RecorderParts:
    """What recorders are served with."""

    accounts: Accounts
    gate: Gate
    registry: Callable[[], Registry]
    post: Callable[[str], CameraPost | None]
    on_end: Callable[[SessionEnd], None]
    """Writes the close entry; never raises, never waits."""
    start: Callable[..., object]
    """Starts a coroutine as a task of the box: `TaskGroup.create_task`."""
    clock: Clock
    renditions: Renditions
    """Where live pictures come out, masks burned in."""
    federation: RoomFederation | None = None
    """Asks the edges of this room; None where it has none."""


@dataclass(frozen=True, slots=True)
class _Proved:
    """A password that was found right."""

    print: bytes = field(repr=False)
    password_hash: str = field(repr=False)
    until_s: float


def bind_recorders(options: VmsOptions, where: str) -> tuple[socket.socket, ssl.SSLContext | None]:
    """Bind the door; ConfigError if a certificate, a key or the port cannot be used."""
    tls = None
    if options.tls_certificate is not None:
        key = locate(options.tls_key, where=where, key="vms.tls_key")
        with named(where, "vms.tls_certificate"):
            tls = server_tls(options.tls_certificate, key)
    with named(where, "vms.port"):
        return bind_tcp(options.host, options.port), tls


class RecorderDesk:
    """Decides about recorders."""

    def __init__(self, options: VmsOptions, where: str, parts: RecorderParts) -> None:
        """ConfigError if a password's reference leads nowhere; `where`: the configuration file."""
        self._p = parts
        self._tls = options.tls_certificate is not None
        self._accounts = {one.user: one for one in options.accounts}
        self._secrets = {
            one.user: resolve(one.password, where=where, key="vms.account.password")
            for one in options.accounts
            if one.password
        }
        self._nonce_key = secrets.token_bytes(32)
        self._print_key = secrets.token_bytes(32)
        self._proved: dict[str, _Proved] = {}
        for one in options.accounts:
            if not self._tls and not one.password:
                advice = "without TLS an account of [vms] needs password = a reference"
                log.error("recorder-unusable", extra={"user": one.user, "problem": advice})

    async def run(self, listening: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Serve recorders until cancelled."""
        await Recorders(RecorderDoor(listening, tls, self.terms, self._p.clock)).run()

    def terms(self, address: str) -> Terms:
        """Return how a connection from an address is served."""
        verifier = None if self._tls else Verifier(REALM, self._known(address), self._nonce_key)
        return Terms(
            self._p.clock,
            partial(self._open, address),
            LineBudget(),
            most_payload_bytes=COMMON_PAYLOAD_BYTES,
            door=Door(REALM, verifier),
            log_in=partial(self._log_in, address),
            on_wrong=partial(self._wrong, address),
        )

    # who ---------------------------------------------------------------------------------------

    def _user(self, name: str) -> User | None:
        """Return the account of a recorder that may still be one."""
        user = self._p.registry().users.get(name) if name in self._accounts else None
        return user if user is not None and is_usable(user) else None

    def _known(self, address: str) -> dict[str, str]:
        """Return who may prove himself by Digest from an address, and with what."""
        locked = self._p.accounts.is_locked
        return {
            name: secret
            for name, secret in self._secrets.items()
            if self._user(name) is not None and not locked(name, address)
        }

    async def _wrong(self, address: str, name: str) -> None:
        try:
            await self._p.accounts.note_failure(name, address)
        except LedgerError as error:
            raise PeerError(f"a failure cannot be written down: {error}") from None

    async def _log_in(self, address: str, name: str, password: str) -> bool:
        """Return whether a password is right; the registry's own, or the one configured."""
        user = self._user(name)
        if user is not None and name in self._secrets:
            return await self._is_secret(address, name, password)
        if user is not None and self._is_proved(user, password):
            return True
        try:
            known = await self._p.accounts.recognise(name, password, address)
        except LedgerError:
            return False
        if known is None or user is None:
            return False
        until_s = self._p.clock.monotonic_s() + PROVED_S
        self._proved[name] = _Proved(self._print(password), known.password_hash, until_s)
        return True

    async def _is_secret(self, address: str, name: str, password: str) -> bool:
        if self._p.accounts.is_locked(name, address):
            return False
        if hmac.compare_digest(password.encode(), self._secrets[name].encode()):
            return True
        await self._wrong(address, name)
        return False

    def _print(self, password: str) -> bytes:
        return hmac.new(self._print_key, password.encode(), hashlib.sha256).digest()

    def _is_proved(self, user: User, password: str) -> bool:
        known = self._proved.get(user.id)
        if known is None or known.password_hash != user.password_hash:
            return False
        fresh = self._p.clock.monotonic_s() < known.until_s
        return fresh and hmac.compare_digest(known.print, self._print(password))

    # what --------------------------------------------------------------------------------------

    async def _open(self, address: str, path: str, name: str) -> StreamLease:
        """Return leave to send a camera; RefusedError with the gate's words, PeerError."""
        account, user = self._accounts.get(name), self._user(name)
        if account is None or user is None:
            raise RefusedError("account-unusable", "account non utilizzabile")
        camera, _, word = path.partition("/")
        kind = KINDS.get(word or StreamKind.MAIN.value)
        if kind is None:
            raise RefusedError("unknown-path", "scrivere /TELECAMERA, /TELECAMERA/main o /sub")
        request = self._request(account, user, camera, address)
        made = await self._p.gate.open(request)
        if not isinstance(made, Grant):
            code = made.refusal.value if made.refusal else "refused"
            raise RefusedError(code, made.text_it)
        lease = _Lease(self._p, made, kind)
        if lease.post is None:
            lease.ended(Sent(0, 0, 0, "not-running"))
            raise PeerError(f"camera {camera}: not running")
        try:
            async with self._p.renditions.use(camera, lease.what, made):
                await self._released(lease)
        except TranscodesBusyError:
            lease.ended(Sent(0, 0, 0, "transcodes-busy"))
            raise
        return lease

    async def _released(self, lease: "_Lease") -> None:
        """Return once an edge has released its camera for this look; it is said to be over if not.

        RefusedError with the edge's words; PeerError while its line is down.
        """
        federation, grant = self._p.federation, lease.grant
        if federation is None:
            if at_edge(grant.camera)[0]:  # nobody reads along unknown to the edge
                lease.ended(Sent(0, 0, 0, "refused"))
                raise RefusedError("refused", "questo punto non legge telecamere di altre sedi")
            return
        reason = "never-began"
        try:
            await federation.begin(grant, kept=True)
            reason = ""
        except RefusedError as error:
            verdict = verdict_of(error, at_edge(grant.camera)[0])
            reason = verdict.refusal.value if verdict.refusal else "refused"
            raise RefusedError(reason, verdict.text_it) from error
        finally:
            if reason:
                lease.ended(Sent(0, 0, 0, reason))

    def _request(self, account: VmsAccount, user: User, camera: str, address: str) -> AccessRequest:
        method = "rtsp-basic" if self._tls else "rtsp-digest"
        actor = actor_of(user, address, method, secrets.token_hex(6))
        return AccessRequest(
            actor, Action.LIVE, camera, account.purpose, account.case, NOBODY_KNOWN
        )


class _Lease:
    """One recorder's look, while its Grant holds."""

    def __init__(self, parts: RecorderParts, grant: Grant, kind: StreamKind) -> None:
        self.post = parts.post(grant.camera)
        self._p = parts
        self._grant = grant
        self.what = parts.renditions.choose(grant.camera, kind, RECORDED, grant, in_order=False)
        """Which rendition it gets, from its beginning to its end."""
        self._codec: Codec | None = None
        self._renewing = False
        self._is_far = parts.federation is not None and bool(at_edge(grant.camera)[0])

    @property
    def grant(self) -> Grant:
        """The newest of the look."""
        return self._grant

    @property
    def camera(self) -> str:
        return self._grant.camera

    @property
    def main(self) -> Fanout:
        return self._p.renditions.fanout(self.camera, self.what, self._grant)

    @property
    def small(self) -> None:
        """Nothing stands in: a recorder keeps what it asked for."""
        return

    def still_allowed(self) -> bool:
        left_s = self._grant.expires.monotonic_s - self._p.clock.monotonic_s()
        if left_s < RENEW_S and not self._renewing:
            self._renewing = True
            self._p.start(self._renew(), name=f"renew:{self._grant.id}")
        federation = self._p.federation if self._is_far else None
        if federation is not None and not federation.holds(self._grant.id):
            return False  # the edge has ended it
        codec = self._p.renditions.codec(self.camera, self.what)
        self._codec = self._codec or codec
        if codec is not self._codec:
            return False  # a session has one payload format: it is to be asked for anew
        verdict = self._p.gate.check(self._grant)
        if WATERMARK in verdict.flags and not self.what.mark:
            return False  # its act demands a mark by now: it is to be asked for anew, too
        return self._p.post(self.camera) is self.post and verdict.allowed

    async def _renew(self) -> None:
        """Let the look go on under the same order; where it cannot, it ends with its Grant."""
        try:
            made = await self._p.gate.renew(self._grant)
        except LedgerError as error:
            log.warning("renew-not-written", extra={"problem": str(error)})
        else:
            if isinstance(made, Grant):
                self._grant = made
                if self._p.federation is not None:
                    self._p.federation.renewed(made)
        await self._p.clock.sleep(1.0)
        self._renewing = False

    def ended(self, sent: Sent) -> None:
        reason = NOT_VALID if sent.reason == "revoked" else sent.reason
        grant = self._grant
        if self._p.federation is not None:
            self._p.federation.over(grant.id, reason)
        self._p.on_end(
            SessionEnd(grant.id, grant, reason, sent.duration_ms, sent.bytes, sent.frames)
        )


def recorder_desk(opened: Opened, running: RunningBox, tasks: asyncio.TaskGroup) -> RecorderDesk:
    """Return the desk of a box whose options have a table [vms]."""
    options = opened.options.vms
    assert options is not None  # noqa: S101 - whoever calls has bound its door
    parts = RecorderParts(
        opened.accounts,
        opened.gate,
        opened.masks.entered,
        running.cameras.post,
        opened.accountant.session_ended,
        tasks.create_task,
        opened.clock,
        running.renditions,
        opened.federation.room if opened.federation is not None else None,
    )
    return RecorderDesk(options, str(opened.config_path), parts)
