# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The one place that makes a Grant, and only after the ledger holds the entry.

Refusals are written too. If the ledger cannot be written, the answer is no (D.5.6).
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from gateway.access import policy, sentences
from gateway.model.access import AccessRequest, Action, Actor, Grant, Purpose, Verdict
from gateway.model.alarm import AlarmRecord
from gateway.model.audit import LedgerEvent, LedgerReceipt, Operation
from gateway.model.errors import LedgerError
from gateway.model.identifiers import uuid7
from gateway.model.registry import Registry, Role
from gateway.model.time import Moment
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

LATE_S: Final = 60.0
"""How long after its end a look may be reported closed; then `sweep` closes it by itself."""


class Journal(Protocol):
    """Where entries go; `gateway.audit.ledger.Ledger` is one."""

    async def append(self, event: LedgerEvent) -> LedgerReceipt:
        """Write one entry; returns once it is on disk, LedgerError if it cannot be."""
        ...


@dataclass(frozen=True, slots=True)
class _Words:
    """How an action stands in the ledger (D.3)."""

    granted: str
    denied: str
    closed: str
    """Empty: the action is over at once."""
    operation: Operation
    channel: str


_EVENTS: Final = {
    Action.LIVE: _Words("live.open", "live.deny", "live.close", Operation.CONSULTATION, "webrtc"),
    Action.SNAPSHOT: _Words("live.snapshot", "live.deny", "", Operation.CONSULTATION, "jpeg"),
    Action.PLAYBACK: _Words(
        "playback.open", "playback.deny", "playback.close", Operation.CONSULTATION, "mp4"
    ),
    Action.LOG_READ: _Words("log.read", "log.deny", "", Operation.CONSULTATION, "json"),
    Action.CONFIGURE: _Words("config.change", "config.deny", "", Operation.MODIFICATION, ""),
    Action.INSPECT: _Words("camera.inspect", "camera.deny", "", Operation.NONE, ""),
}
_BY_ALARM: Final = {Purpose.ALARM, Purpose.INCIDENT}
"""Purposes whose case may be an alarm's id."""


@dataclass(slots=True)
class _Wish:
    """What became of one `open`, for the case that whoever asked is gone by then."""

    grant: Grant | None = None
    abandoned: bool = False


class Gate:
    """Decides, writes down, and hands out Grants."""

    def __init__(
        self,
        ledger: Journal,
        registry: Callable[[], Registry],
        alarms: Callable[[str], AlarmRecord | None],
        clock: Clock,
        *,
        live_masked: bool = False,
        signed_in: Callable[[Actor], bool] = lambda _: True,
    ) -> None:
        """`alarms` returns the record of an alarm id; `live_masked`: see `policy.decide`.

        `signed_in`: whether somebody's sign-in still lasts; a Grant does not outlive it.
        """
        self._ledger = ledger
        self._registry = registry
        self._alarms = alarms
        self._clock = clock
        self._live_masked = live_masked
        self._signed_in = signed_in
        self._valid: dict[str, Grant] = {}
        self._unclosed: dict[str, Grant] = {}

    def preview(self, request: AccessRequest) -> Verdict:
        """Return what `open` would answer now; writes nothing, gives no key to anything."""
        return self._decide(request, self._clock.now())

    async def open(self, request: AccessRequest) -> Grant | Verdict:
        """Return a Grant whose entry is on disk, or the Verdict that says why not.

        Cancelling does not take the entry back; a look that nobody waits for is closed again.
        """
        wish = _Wish()
        try:
            return await asyncio.shield(self._open(request, wish))
        except asyncio.CancelledError:
            wish.abandoned = True
            if wish.grant is not None:
                await asyncio.shield(self._abandon(wish.grant))
            raise

    async def _open(self, request: AccessRequest, wish: _Wish) -> Grant | Verdict:
        now = self._clock.now()
        verdict = self._decide(request, now)
        try:
            receipt = await self._ledger.append(self._entry(request, verdict))
        except LedgerError as error:
            log.error("gate-closed", extra={"camera": request.camera, "problem": str(error)})  # noqa: TRY400 - the trace says nothing more
            return policy.refuse(sentences.ledger(), verdict.registry_version, verdict.regime)
        if not verdict.allowed or verdict.expires is None:
            return verdict
        grant = Grant(
            uuid7(now.utc_us, secrets.token_bytes(10)),
            request,
            verdict.act,
            verdict.regime,
            now,
            verdict.expires,
            receipt.seq,
        )
        self._remember(grant, now)
        wish.grant = grant
        if wish.abandoned:
            await self._abandon(grant)
        return grant

    def _decide(self, request: AccessRequest, now: Moment) -> Verdict:
        alarm = self._alarms(request.case.strip()) if request.purpose in _BY_ALARM else None
        return policy.decide(request, self._registry(), alarm, now, live_masked=self._live_masked)

    def _remember(self, grant: Grant, now: Moment) -> None:
        for old in [one for one in self._valid.values() if _has_ended(one, now)]:
            del self._valid[old.id]
        self._valid[grant.id] = grant
        if _EVENTS[grant.request.action].closed:
            self._unclosed[grant.id] = grant

    def check(self, grant: Grant) -> Verdict:
        """Return whether a Grant still holds: made here, not ended or revoked, still decided so.

        Everything is asked again: the sign-in, the act, the registry, the alarm. Cheap, never
        waits.
        """
        now = self._clock.now()
        verdict = self._decide(grant.request, now)
        ended = self._valid.get(grant.id) != grant or _has_ended(grant, now)
        if ended or not self._signed_in(grant.request.actor):
            return policy.refuse(sentences.grant_ended(), verdict.registry_version, verdict.regime)
        return replace(verdict, expires=grant.expires) if verdict.allowed else verdict

    def revoke(self, grant_id: str) -> None:
        """Make a Grant invalid from now on; harmless if there is none. `close` is still owed."""
        self._valid.pop(grant_id, None)

    async def close(
        self,
        grant: Grant,
        *,
        reason: str,
        duration_ms: int = 0,
        bytes: int = 0,  # noqa: A002 - the word of D.2
        frames: int = 0,
    ) -> None:
        """End a Grant and write what was looked at, once; later calls do nothing.

        `reason` is a code, not a sentence. LedgerError if it cannot be written: the Grant is dead
        all the same, and calling again writes the entry.
        """
        self.revoke(grant.id)
        if self._unclosed.pop(grant.id, None) is None:
            return
        opened = self._entry(grant.request, None)
        event = replace(
            opened,
            event=_EVENTS[grant.request.action].closed,
            regime=grant.regime,
            error=reason,
            legal_basis_id=grant.act,
            opens=False,
            closes=grant.ledger_seq,
            duration_ms=duration_ms,
            bytes=bytes,
            frames=frames,
        )
        try:
            await self._ledger.append(event)
        except LedgerError:
            self._unclosed[grant.id] = grant
            raise

    async def sweep(self) -> None:
        """Close what ended more than LATE_S ago and was never reported; call it each minute."""
        limit = self._clock.now().shifted(-LATE_S)
        for grant in [one for one in self._unclosed.values() if _has_ended(one, limit)]:
            await self.close(grant, reason="expired")

    async def _abandon(self, grant: Grant) -> None:
        """Close a look whose asker went away before the answer; a failure waits for `sweep`."""
        try:
            await self.close(grant, reason="abandoned")
        except LedgerError as error:
            log.warning("close-fails", extra={"camera": grant.camera, "problem": str(error)})

    def _entry(self, request: AccessRequest, verdict: Verdict | None) -> LedgerEvent:
        """Return the entry of an answer; without a Verdict, what open and close share."""
        actor, registry = request.actor, self._registry()
        words = _EVENTS[request.action]
        camera = registry.cameras.get(request.camera)
        controller = registry.controller_of(camera).id if camera else ""
        is_shared = bool(controller) and actor.organisation != controller
        refused = verdict is not None and not verdict.allowed
        return LedgerEvent(
            event=words.denied if refused else words.granted,
            operation=Operation.NONE if refused else words.operation,
            regime=policy.regime_of(actor.role),
            result="denied" if refused else "ok",
            error=verdict.refusal.value if verdict and verdict.refusal else "",
            actor_id=actor.id,
            actor_type="device" if actor.role is Role.MACHINE else "human",
            org=actor.organisation,
            role=actor.role.value,
            auth_method=actor.method,
            session_id=actor.session,
            src_ip=actor.source_ip,
            client_cert_fp=actor.certificate_sha256,
            object_type="camera" if request.camera else "ledger",
            object_id=request.camera,
            controller=controller,
            purpose_code=request.purpose.value if request.purpose else "",
            legal_basis_id=verdict.act if verdict else "",
            case_ref=request.case,
            reason_text=request.reason,
            recipient_org=actor.organisation if is_shared and not refused else "",
            channel=words.channel,
            policy_version=registry.version,
            opens=bool(words.closed) and not refused,
        )


def _has_ended(grant: Grant, now: Moment) -> bool:
    return now.monotonic_s >= grant.expires.monotonic_s
