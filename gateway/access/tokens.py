# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Short tokens for players (WHEP): one look at one camera, begun within a minute.

A token stands for the sign-in that asked for it and dies with it. Only its SHA-256 is kept, and
not longer than it is good for. The gate decides when the look begins, as for every other one.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from gateway.access.policy import regime_of
from gateway.model.access import Actor, Purpose
from gateway.model.audit import LedgerEvent, LedgerReceipt, Operation
from gateway.model.registry import Registry, Role
from gateway.runtime.clock import Clock

PREFIX: Final = "vw1-"
"""Tells a look's token from a sign-in's at first sight, in a program and in a leak."""


class Journal(Protocol):
    """Where entries go; `gateway.audit.ledger.Ledger` is one."""

    async def append(self, event: LedgerEvent) -> LedgerReceipt:
        """Write one entry; returns once it is on disk, LedgerError if it cannot be."""
        ...


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """Bounds on short tokens."""

    start_s: float = 60.0
    """A look has to begin within it."""
    most: int = 2_048
    """Of the box, waiting or in use; the oldest gives way."""
    most_waiting: int = 64
    """Of one sign-in: a wall. The oldest gives way."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a token is good for."""

    actor: Actor
    camera: str
    purpose: Purpose
    case: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh token."""

    token: str = field(repr=False)
    expires_s: int


@dataclass(frozen=True, slots=True)
class _Kept:
    actor: Actor
    ticket: Ticket | None
    """None once it was redeemed."""
    until_s: float
    """Monotonic; of one that waits."""
    session: str = ""
    """Of the look that a redeemed one began."""


class Tokens:
    """Tokens that wait, and those whose look goes on."""

    def __init__(
        self,
        clock: Clock,
        ledger: Journal,
        registry: Callable[[], Registry],
        signed_in: Callable[[Actor], bool],
        limits: TokenLimits | None = None,
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._registry = registry
        self._signed_in = signed_in
        self._limits = limits or TokenLimits()
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()

    def __len__(self) -> int:
        """Return how many tokens are kept."""
        return len(self._kept)

    async def issue(self, ticket: Ticket) -> Issued:
        """Return a token whose entry is on disk; LedgerError, and no token, if it cannot be."""
        await self._ledger.append(self._entry(ticket))
        token = PREFIX + secrets.token_urlsafe(32)
        self._make_room(ticket.actor.session)
        until_s = self._clock.monotonic_s() + self._limits.start_s
        self._kept[_digest(token)] = _Kept(ticket.actor, ticket, until_s)
        return Issued(token, int(self._limits.start_s))

    async def issue_for(
        self, actor: Actor, camera: str, purpose: Purpose, case: str, reason: str
    ) -> Issued:
        """Return a token for one look."""
        return await self.issue(Ticket(actor, camera, purpose, case, reason))

    def redeem(self, token: str, camera: str) -> Ticket | None:
        """Return what a token is good for, once; None if it is for nothing, or not for this.

        A token that is shown at the wrong camera is spent as well: nobody tries doors with it.
        """
        digest = _digest(token)
        kept = self._kept.get(digest)
        if kept is None or kept.ticket is None:
            return None
        del self._kept[digest]
        late = self._clock.monotonic_s() >= kept.until_s
        if late or kept.ticket.camera != camera or not self._signed_in(kept.actor):
            return None
        return kept.ticket

    def began(self, token: str, actor: Actor, session: str) -> None:
        """Let a redeemed token speak for the session that it began, and for nothing else."""
        self._make_room("")
        self._kept[_digest(token)] = _Kept(actor, None, 0.0, session)

    def holder(self, token: str, session: str) -> Actor | None:
        """Return whose session it is, for the token that began it, while the sign-in lasts."""
        kept = self._kept.get(_digest(token))
        if kept is None or not kept.session or kept.session != session:
            return None
        return kept.actor if self._signed_in(kept.actor) else None

    def _make_room(self, sign_in: str) -> None:
        """Drop what is over, then the oldest of this sign-in, then the oldest of all."""
        now_s = self._clock.monotonic_s()
        for digest, kept in tuple(self._kept.items()):
            late = kept.ticket is not None and now_s >= kept.until_s
            if late or not self._signed_in(kept.actor):
                del self._kept[digest]
        waiting = [
            digest
            for digest, kept in self._kept.items()
            if sign_in and kept.ticket is not None and kept.actor.session == sign_in
        ]
        for digest in waiting[: max(0, len(waiting) - self._limits.most_waiting + 1)]:
            del self._kept[digest]
        while len(self._kept) >= self._limits.most:
            self._kept.popitem(last=False)

    def _entry(self, ticket: Ticket) -> LedgerEvent:
        actor, registry = ticket.actor, self._registry()
        camera = registry.cameras.get(ticket.camera)
        event = LedgerEvent(
            "token.issue",
            Operation.NONE,
            regime_of(actor.role),
            actor_id=actor.id,
            actor_type="device" if actor.role is Role.MACHINE else "human",
            org=actor.organisation,
            role=actor.role.value,
            auth_method=actor.method,
            acr=actor.acr,
            session_id=actor.session,
            src_ip=actor.source_ip,
            client_cert_fp=actor.certificate_sha256,
            workstation=actor.workstation,
        )
        return replace(
            event,
            object_type="camera",
            object_id=ticket.camera,
            controller=registry.controller_of(camera).id if camera else "",
            purpose_code=ticket.purpose.value,
            case_ref=ticket.case,
            reason_text=ticket.reason,
            channel="webrtc",
            policy_version=registry.version,
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
