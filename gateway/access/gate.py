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

from gateway.access import explain as explaining
from gateway.access import policy, purposes, sentences
from gateway.access.explain import Explanation
from gateway.access.policy import Look
from gateway.access.shifts import Shifts
from gateway.model.access import (
    BREAK_GLASS,
    RECORDER_METHODS,
    UNCONFIRMED,
    WATERMARK,
    AccessRequest,
    Action,
    Actor,
    Grant,
    Purpose,
    Refusal,
    Verdict,
)
from gateway.model.alarm import AlarmRecord, AlarmState
from gateway.model.audit import LedgerEvent, LedgerReceipt, Operation
from gateway.model.errors import LedgerError
from gateway.model.identifiers import uuid7
from gateway.model.incident import IncidentCase
from gateway.model.registry import Registry, Role
from gateway.model.room import ASSERTION, at_edge
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
    Action.RECORDED: _Words(
        "recorded.open", "recorded.deny", "recorded.close", Operation.CONSULTATION, "mp4"
    ),
    Action.PTZ: _Words("ptz.take", "ptz.deny", "ptz.release", Operation.NONE, "onvif"),
    Action.EXPORT: _Words("clip.export", "clip.deny", "", Operation.COMMUNICATION, "file"),
    Action.PLATES: _Words("lpr.query", "lpr.deny", "", Operation.CONSULTATION, "json"),
    Action.HOTLIST: _Words("hotlist.delete", "hotlist.deny", "", Operation.DELETION, ""),
    Action.HOTLIST_ADD: _Words("hotlist.add", "hotlist.deny", "", Operation.COLLECTION, ""),
    Action.HOTLIST_IMPORT: _Words("hotlist.import", "hotlist.deny", "", Operation.COLLECTION, ""),
    Action.HOTLIST_APPROVE: _Words(
        "hotlist.approve", "hotlist.deny", "", Operation.MODIFICATION, ""
    ),
    Action.HOTLIST_OPEN: _Words("lpr.query", "lpr.deny", "", Operation.CONSULTATION, "json"),
    Action.LOG_EXPORT: _Words("log.export", "log.deny", "", Operation.COMMUNICATION, "file"),
    Action.GOVERN: _Words("policy.change", "policy.deny", "", Operation.MODIFICATION, ""),
}
_GLASS: Final = "breakglass.use"
_CONFIRMED: Final = "live.confirm"
_PROLONGED: Final = "live.prolong"
_UNANSWERED: Final = "live.unconfirmed"
_MARKED: Final = "live.mark"
_BY_ALARM: Final = {Purpose.ALARM, Purpose.INCIDENT}
"""Purposes whose case may be an alarm's id."""
_UNASKED: Final = RECORDER_METHODS | {ASSERTION}
"""How those are known in front of whom nobody is asked here: their looks are prolonged."""
_CHANNELS: Final = {ASSERTION: "line", **dict.fromkeys(RECORDER_METHODS, "rtsp")}
"""Channel by how somebody was known: what goes to a room over its line, or to a recorder."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else a gate works with; every part may be left out."""

    live_masked: bool = False
    """See `policy.decide`."""
    signed_in: Callable[[Actor], bool] = lambda _: True
    """Whether somebody's sign-in still lasts; a Grant does not outlive it."""
    shifts: Shifts | None = None
    """Without them ordinary surveillance needs no shift."""
    incident_s: float = policy.INCIDENT_S
    """See `policy.INCIDENT_S`."""
    vouched: Callable[[Actor], bool] = lambda _: False
    """Whether a room still vouches for one of its people (method ASSERTION): in place of the
    sign-in and of the shift, which are the room's matter."""
    incidents: Callable[[str], IncidentCase | None] = lambda _: None
    """Returns the incident of an id; None: there is none."""
    in_incident: Callable[[str, str], bool] = lambda _organisation, _camera: False
    """Whether an open incident shows a camera to an organisation, as far as acts let it."""
    recorders_assert: bool = False
    """Whether an edge is asked for each recorder's look, as for a person's; else none has any."""
    is_dark: Callable[[], bool] = lambda: False
    """Whether neither the ledger nor its spare takes anything: then no picture leaves (D.5.6)."""
    on_break_glass: Callable[[Grant], None] = lambda _: None
    """Told of each emergency at once, after its entries; must not raise or wait."""


@dataclass(slots=True)
class _Wish:
    """What became of one `open`, for the case that whoever asked is gone by then."""

    grant: Grant | None = None
    abandoned: bool = False


class Gate:
    """Decides, writes down, and hands out Grants."""

    def __init__(  # noqa: PLR0913 - the last two are older spellings of `around`
        self,
        ledger: Journal,
        registry: Callable[[], Registry],
        alarms: Callable[[str], AlarmRecord | None],
        clock: Clock,
        around: Surroundings | None = None,
        *,
        live_masked: bool = False,
        signed_in: Callable[[Actor], bool] = lambda _: True,
    ) -> None:
        """`alarms` returns the record of an alarm id; the rest: see Surroundings."""
        self._ledger = ledger
        self._registry = registry
        self._alarms = alarms
        self._clock = clock
        self._around = around or Surroundings(live_masked, signed_in)
        self._valid: dict[str, Grant] = {}
        self._replaced: dict[str, Grant] = {}
        """By id, what a renewed Grant was before: it holds until its own end."""
        self._unclosed: dict[str, Grant] = {}
        self._renewing: set[str] = set()
        self._broken: dict[tuple[str, str], float] = {}
        """Until when, by person and camera, breaking the glass again needs a second person."""

    @property
    def shifts(self) -> Shifts | None:
        """The shifts that it asks about; None if it asks about none."""
        return self._around.shifts

    def preview(self, request: AccessRequest) -> Verdict:
        """Return what `open` would answer now; writes nothing, gives no key to anything."""
        return self._decide(request, self._clock.now(), self._wished(request))

    def explain(self, request: AccessRequest) -> Explanation:
        """Return why `open` would answer so; writes nothing, gives no key to anything."""
        return explaining.explain(
            request,
            self._registry(),
            self._alarm(request),
            self._clock.now(),
            live_masked=self._around.live_masked,
            look=self._wished(request),
        )

    def knows(self, actor: Actor, camera: str) -> bool:
        """Return whether somebody may know that a camera exists, were it for an incident."""
        registry = self._registry()
        return policy.is_known(actor, camera, registry) or (
            self._around.in_incident(actor.organisation, camera)
            and policy.may_know_in_incident(actor.organisation, camera, registry)
        )

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
        verdict = self._decide(request, now, self._wished(request))
        try:
            if verdict.allowed:
                verdict = await self._on_duty(request, verdict, now)
            if BREAK_GLASS in verdict.flags:
                await self._ledger.append(self._glass(request, verdict))
            receipt = await self._ledger.append(self._entry(request, verdict))
        except LedgerError as error:
            log.error("gate-closed", extra={"camera": request.camera, "problem": str(error)})  # noqa: TRY400 - the trace says nothing more
            return policy.refuse(sentences.ledger(), verdict.registry_version, verdict.regime)
        if not verdict.allowed or verdict.expires is None:
            return self._discreet(request, verdict)
        grant = Grant(
            uuid7(now.utc_us, secrets.token_bytes(10)),
            request,
            verdict.act,
            verdict.regime,
            now,
            verdict.expires,
            receipt.seq,
            verdict.flags,
        )
        self._remember(grant, now)
        wish.grant = grant
        if BREAK_GLASS in grant.flags:
            self._note_broken(request, now)
            self._around.on_break_glass(grant)
        if wish.abandoned:
            await self._abandon(grant)
        return grant

    def _alarm(self, request: AccessRequest) -> AlarmRecord | None:
        return self._alarms(request.case.strip()) if request.purpose in _BY_ALARM else None

    def _decide(self, request: AccessRequest, now: Moment, look: Look) -> Verdict:
        is_recorder = request.actor.method in RECORDER_METHODS
        if is_recorder and at_edge(request.camera)[0] and not self._around.recorders_assert:
            # its pictures are here only while the edge's gate knows who looks (ADR 23, ADR 24)
            registry, regime = self._registry(), policy.regime_of(request.actor.role)
            reason = sentences.unknown_camera(request.camera)
            return policy.refuse(reason, registry.version, regime)
        verdict = policy.decide(
            request,
            self._registry(),
            self._alarm(request),
            now,
            live_masked=self._around.live_masked,
            look=look,
        )
        if _is_stray_machine(request) and verdict.refusal is not Refusal.UNKNOWN_CAMERA:
            reason = sentences.role(request.actor.role.value)
            return policy.refuse(reason, verdict.registry_version, verdict.regime)
        return verdict

    def _is_duty(self, request: AccessRequest) -> bool:
        """Return whether a request belongs to a shift: ordinary surveillance, live."""
        return (
            self._around.shifts is not None
            and request.action is Action.LIVE
            and request.actor.method != ASSERTION
            and request.actor.method not in RECORDER_METHODS
            and not request.break_glass
            and request.purpose is not None
            and purposes.rules()[request.purpose].shift
        )

    def _incident(self, request: AccessRequest) -> IncidentCase | None:
        if request.purpose is not Purpose.INCIDENT:
            return None
        return self._around.incidents(request.case.strip())

    def _wished(self, request: AccessRequest) -> Look:
        """Return what is known of a look that is asked for: the shift that is open, if any."""
        shifts = self._around.shifts
        shift = shifts.of(request.actor) if shifts is not None and self._is_duty(request) else None
        if shift is None:
            incident, broken = self._incident(request), self._has_broken(request)
            return Look(incident_s=self._around.incident_s, incident=incident, broken=broken)
        return Look(None, shift.order, shift.until, self._around.incident_s)

    def _note_broken(self, request: AccessRequest, now: Moment) -> None:
        """Remember an emergency for an hour; what is older goes."""
        now_s = now.monotonic_s
        self._broken = {key: until_s for key, until_s in self._broken.items() if until_s > now_s}
        self._broken[_breaker(request.actor), request.camera] = now_s + policy.GLASS_S

    def _has_broken(self, request: AccessRequest) -> bool:
        until_s = self._broken.get((_breaker(request.actor), request.camera))
        return request.break_glass and until_s is not None and until_s > self._clock.monotonic_s()

    def _begun(self, grant: Grant) -> Look:
        """Return what is known of a look that goes on: without its shift it does not."""
        request, shifts = grant.request, self._around.shifts
        if shifts is None or not self._is_duty(request):
            incident = self._incident(request)
            return Look(grant.issued, None, None, self._around.incident_s, incident)
        shift = shifts.of(request.actor)
        if shift is None:
            return Look(grant.issued, "", None, self._around.incident_s)
        return Look(grant.issued, shift.order, shift.until, self._around.incident_s)

    async def _on_duty(self, request: AccessRequest, verdict: Verdict, now: Moment) -> Verdict:
        """Open the shift of the first look under a service order; it lasts as long as that."""
        shifts = self._around.shifts
        if shifts is None or not self._is_duty(request) or shifts.of(request.actor) is not None:
            return verdict
        shift = await shifts.open(request.actor, request.case)
        if shift is None:  # another window was quicker, with another order
            reason = sentences.no_shift(request.case)
            return policy.refuse(reason, verdict.registry_version, verdict.regime)
        return self._decide(request, now, self._wished(request))

    def _discreet(self, request: AccessRequest, verdict: Verdict) -> Verdict:
        """Return a refusal without telling of a camera that the asker may not know (A-26).

        The ledger has the true reason by now.
        """
        if not request.camera or request.camera not in self._registry().cameras:
            return verdict
        if self.knows(request.actor, request.camera):
            return verdict
        reason = sentences.unknown_camera(request.camera)
        return policy.refuse(reason, verdict.registry_version, verdict.regime)

    def _remember(self, grant: Grant, now: Moment) -> None:
        for old in [one for one in self._valid.values() if _has_ended(one, now)]:
            self.revoke(old.id)
        self._valid[grant.id] = grant
        if _EVENTS[grant.request.action].closed:
            self._unclosed[grant.id] = grant

    def check(self, grant: Grant) -> Verdict:
        """Return whether a Grant still holds: made here, not ended or revoked, still decided so.

        Everything is asked again: the sign-in, the act, the registry, the alarm. Cheap, never
        waits.
        """
        now = self._clock.now()
        verdict = self._decide(grant.request, now, self._begun(grant))
        known = self._valid.get(grant.id) == grant or self._replaced.get(grant.id) == grant
        lasts = known and not _has_ended(grant, now)
        if not lasts or not self._is_there(grant.request.actor):
            return policy.refuse(sentences.grant_ended(), verdict.registry_version, verdict.regime)
        if verdict.allowed and self._around.is_dark():
            return policy.refuse(sentences.ledger(), verdict.registry_version, verdict.regime)
        return verdict._replace(expires=grant.expires) if verdict.allowed else verdict

    def _is_there(self, actor: Actor) -> bool:
        """Return whether somebody is still who was let in."""
        around = self._around
        return around.vouched(actor) if actor.method == ASSERTION else around.signed_in(actor)

    async def renew(self, grant: Grant) -> Grant | Verdict:
        """Return the look's next Grant, because its viewer confirmed it; `live.confirm` on disk.

        `live.prolong` for whom nobody asks here: a recorder, and whoever a room vouches for.

        The Verdict if it no longer holds. One that was confirmed lately, and one in an emergency,
        come back as they are: nothing is written. LedgerError if nothing can be.
        """
        verdict = self.check(grant)
        if not verdict.allowed:
            return verdict
        current = self._valid[grant.id]
        asked = UNCONFIRMED in current.flags
        left_s = current.expires.monotonic_s - self._clock.monotonic_s()
        if BREAK_GLASS in current.flags or not (asked or left_s < policy.GRANT_S / 2):
            return current
        nobody = current.request.actor.method in _UNASKED
        return await self._replace(current, verdict.flags, _PROLONGED if nobody else _CONFIRMED)

    async def prolong(self, grant: Grant) -> Grant | None:
        """Return a Grant under which a look goes on that nobody has confirmed yet, flagged.

        None where it has to end with the old one: a second time, but for an open alarm; in an
        emergency; with its shift or act. `live.unconfirmed` on disk first, LedgerError if it
        cannot be.
        """
        verdict = self.check(grant)
        if not verdict.allowed or BREAK_GLASS in grant.flags or self._is_duty(grant.request):
            return None
        alarm = self._alarm(grant.request)
        incident = self._incident(grant.request)
        is_open = (alarm is not None and alarm.state is not AlarmState.CLOSED) or (
            incident is not None and incident.is_open
        )
        if UNCONFIRMED in self._valid[grant.id].flags and not is_open:
            return None
        flags = (*verdict.flags, UNCONFIRMED)
        made = await self._replace(self._valid[grant.id], flags, _UNANSWERED)
        return made if isinstance(made, Grant) else None

    async def mark(self, grant: Grant) -> Grant | None:
        """Return the Grant with what has become out of the ordinary; None if nothing has.

        An act that ended during an open alarm, or demands a watermark by now: the look goes on
        flagged, and an entry says so.
        """
        verdict = self.check(grant)
        current = self._valid.get(grant.id)
        if current is None or not verdict.allowed or set(verdict.flags) <= set(current.flags):
            return None
        flags = (*verdict.flags, *(one for one in current.flags if one == UNCONFIRMED))
        new = set(verdict.flags) - set(current.flags)
        event = _MARKED if new == {WATERMARK} else _UNANSWERED
        made = await self._replace(current, flags, event, expires=current.expires)
        return made if isinstance(made, Grant) else None

    async def _replace(
        self, grant: Grant, flags: tuple[str, ...], event: str, *, expires: Moment | None = None
    ) -> Grant | Verdict:
        """Write an entry about a look that goes on, then let the next Grant take its place."""
        if grant.id in self._renewing:
            return grant
        self._renewing.add(grant.id)
        try:
            entry = replace(
                self._entry(grant.request, None),
                event=event,
                regime=grant.regime,
                legal_basis_id=grant.act,
                flags=",".join(flags),
                opens=False,
            )
            await self._ledger.append(entry)
        finally:
            self._renewing.discard(grant.id)
        verdict = self._decide(grant.request, self._clock.now(), self._begun(grant))
        if self._valid.get(grant.id) != grant or verdict.expires is None:
            ended = policy.refuse(sentences.grant_ended(), verdict.registry_version, grant.regime)
            return ended if verdict.allowed else verdict
        fresh = replace(grant, expires=expires or verdict.expires, flags=flags)
        self._replaced[grant.id] = grant
        self._valid[grant.id] = fresh
        if grant.id in self._unclosed:
            self._unclosed[grant.id] = fresh
        return fresh

    def revoke(self, grant_id: str) -> None:
        """Make a Grant invalid from now on; harmless if there is none. `close` is still owed."""
        self._valid.pop(grant_id, None)
        self._replaced.pop(grant_id, None)

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
        newest = self._unclosed.pop(grant.id, None)
        if newest is None:
            return
        opened = self._entry(grant.request, None)
        event = replace(
            opened,
            event=_EVENTS[grant.request.action].closed,
            regime=grant.regime,
            error=reason,
            legal_basis_id=grant.act,
            flags=",".join(newest.flags),
            opens=False,
            closes=grant.ledger_seq,
            duration_ms=duration_ms,
            bytes=bytes,
            frames=frames,
        )
        try:
            await self._ledger.append(event)
        except LedgerError:
            self._unclosed[grant.id] = newest
            raise

    async def sweep(self) -> None:
        """Close what ended more than LATE_S ago and was never reported; call it each minute."""
        limit = self._clock.now().shifted(-LATE_S)
        for grant in [one for one in self._unclosed.values() if _has_ended(one, limit)]:
            await self.close(grant, reason="expired")
        if self._around.shifts is not None:
            await self._around.shifts.sweep()

    async def _abandon(self, grant: Grant) -> None:
        """Close a look whose asker went away before the answer; a failure waits for `sweep`."""
        try:
            await self.close(grant, reason="abandoned")
        except LedgerError as error:
            log.warning("close-fails", extra={"camera": grant.camera, "problem": str(error)})

    def _glass(self, request: AccessRequest, verdict: Verdict) -> LedgerEvent:
        """Return the entry of its own that an emergency gets."""
        return replace(self._entry(request, verdict), event=_GLASS, opens=False)

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
            org=actor.stated_organisation or actor.organisation,
            role=actor.role.value,
            auth_method=actor.method,
            acr=actor.acr,
            session_id=actor.session,
            src_ip=actor.source_ip,
            client_cert_fp=actor.certificate_sha256,
            workstation=actor.workstation,
            delegated_by=request.second,
            object_type=_object_type(request),
            object_id=request.camera or request.object,
            controller=controller,
            purpose_code=request.purpose.value if request.purpose else "",
            legal_basis_id=verdict.act if verdict else "",
            case_ref=request.case,
            reason_text=request.reason,
            recipient_org=actor.organisation if is_shared and not refused else "",
            channel=_CHANNELS.get(actor.method, words.channel),
            policy_version=registry.version,
            mask_version=registry.version if camera and registry.masks_of(camera.id) else 0,
            flags=",".join(verdict.flags) if verdict else "",
            opens=bool(words.closed) and not refused,
        )


def _breaker(actor: Actor) -> str:
    """Return who breaks the glass: a person, or a room as a whole, whose people are its word."""
    return f"{actor.id.partition(':')[0]}:" if actor.method == ASSERTION else actor.id


def _is_stray_machine(request: AccessRequest) -> bool:
    """Return whether a machine that is no recorder asks for live pictures (ADR 18).

    A recorder's permit is no dispatch system's: that one has no standing order.
    """
    actor = request.actor
    known = actor.method == ASSERTION or actor.method in RECORDER_METHODS
    return actor.role is Role.MACHINE and request.action is Action.LIVE and not known


def _object_type(request: AccessRequest) -> str:
    if request.camera:
        return "camera"
    return "hotlist" if request.action in policy.HOTLISTS else "ledger"


def _has_ended(grant: Grant, now: Moment) -> bool:
    return now.monotonic_s >= grant.expires.monotonic_s
