# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From an observation to an alarm that is safe on disk, told, and seen."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace

from gateway.analytics import rules
from gateway.analytics.rules import Ended, Raised, RuleState
from gateway.assembly.cameras import CameraPost
from gateway.assembly.journal import Journal
from gateway.assembly.viewing import with_masks_in_force
from gateway.codec.jpeg import Caller, still
from gateway.evidence.stills import Stills
from gateway.model.access import Regime
from gateway.model.alarm import Alarm, AlarmRecord, Observation
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import PeerError, StoreError
from gateway.model.identifiers import uuid7
from gateway.model.media import AccessUnit
from gateway.model.registry import Mask, Registry, Zone
from gateway.model.time import Moment
from gateway.relay.alarms.outbox import Outbox
from gateway.runtime.clock import Clock
from gateway.runtime.tally import Tally

log = logging.getLogger(__name__)

STILL_WIDTH_PX = 640
"""Enough to see what it is about; main-stream detail needs a live Grant (D.10)."""
TICK_S = 1.0
ADOPTED_S = 30.0
"""After a start a camera needs some time until it can confirm an incident that goes on."""
REFUSED_S = 30.0
"""So long a disk counts as refusing after it last did, if nothing was stored since."""
MOST_ADOPTED = 2_000
"""As many alarms as the outbox keeps in memory."""


@dataclass(frozen=True, slots=True)
class DeskParts:
    """What the alarm desk writes to and asks."""

    outbox: Outbox
    journal: Journal
    stills: Stills
    pool: Caller
    registry: Callable[[], Registry]
    post: Callable[[str], CameraPost | None]
    clock: Clock
    exercise: bool
    hold: Callable[[Alarm], Coroutine[None, None, None]]
    """Keeps the seconds before an alarm."""


@dataclass(frozen=True, slots=True)
class _Due:
    """An alarm on its way to the disk; its id makes a second try harmless."""

    alarm: Alarm
    act: str
    recipients: tuple[str, ...]
    seen: tuple[AccessUnit, ...]
    """The pictures up to the one that decided."""


class AlarmDesk:
    """Runs the rules of every zone; one incident, one alarm.

    A disk that refuses ends nothing: what could not be stored is tried again at every tick, and
    `problem` says so meanwhile (ADR 7: the cause is outside the box).
    """

    def __init__(
        self, parts: DeskParts, spawn: Callable[[Coroutine[None, None, None]], object]
    ) -> None:
        """`spawn` starts a task that may outlive a call (a still is made after the alarm)."""
        self._parts = parts
        self._spawn = spawn
        self._states: dict[str, RuleState] = {}
        self._open: dict[str, str] = {}
        """Alarm of the incident that goes on, by zone."""
        self._due: dict[str, _Due] = {}
        """Alarms that the disk has not taken yet, by zone."""
        self._turn = asyncio.Lock()
        self._tally = Tally(log, parts.clock)
        self._refused = ("", 0.0)

    @property
    def problem(self) -> str:
        """Why the disk refused an alarm, for as long as it does; else empty."""
        words, at_s = self._refused
        return words if self._parts.clock.monotonic_s() - at_s < REFUSED_S else ""

    async def adopt(self) -> None:
        """Go on with the incidents that the previous process left, so that none is told twice.

        An incident that nothing confirms within ADOPTED_S and the zone's own bound has ended.
        """
        now = self._parts.clock.now()
        for record in await self._parts.outbox.recent(MOST_ADOPTED):
            zone = record.alarm.zone
            if record.ended_utc_us == 0 and zone not in self._open:
                self._open[zone] = record.alarm.id
                heard = now.shifted(ADOPTED_S)
                self._states[zone] = RuleState(raised=True, present=now, heard=heard)
                log.info("alarm-adopted", extra={"alarm": record.alarm.id, "zone": zone})

    async def observe(self, observation: Observation) -> None:
        """Let every zone of the camera decide; returns once what was raised is on disk."""
        post = self._parts.post(observation.camera)
        if post is None:
            return
        now = self._parts.clock.now()
        for zone in post.plan.zones:
            before = self._states.get(zone.id, RuleState())
            state, event = rules.decide(before, observation, zone, now)
            self._states[zone.id] = state
            if zone.id in self._open and zone.id in observation.occupied:
                self._parts.outbox.touch(self._open[zone.id])
            if isinstance(event, Raised):
                self._due[zone.id] = self._alarm(event, zone, post)
                await self._stored(self._raise(zone.id))
            elif isinstance(event, Ended) and not await self._stored(self._end(zone.id, event.at)):
                self._states[zone.id] = before

    async def tick(self) -> None:
        """End what stopped being seen, close what outlived its bound, until cancelled."""
        while True:
            await self._stored(self._sweep(self._parts.clock.now()))
            await self._parts.clock.sleep(TICK_S)

    async def _sweep(self, now: Moment) -> None:
        for zone_id in tuple(self._due):
            await self._raise(zone_id)
        for zone_id in tuple(self._states):
            self._expire(zone_id, now)
        for zone_id in tuple(self._open):
            if not self._states.get(zone_id, RuleState()).raised:
                await self._end(zone_id, now)
        for record in await self._parts.outbox.expire(now):
            await self._account("alarm.close", record, error="expired")

    def _expire(self, zone_id: str, now: Moment) -> None:
        """Let the rule forget an incident of which nothing is heard any more."""
        zone = self._parts.registry().zones.get(zone_id)
        if zone is None or self._parts.post(zone.camera) is None:
            del self._states[zone_id]
        else:
            self._states[zone_id], _ = rules.expire(self._states[zone_id], zone, now)

    async def _stored(self, change: Coroutine[None, None, None]) -> bool:
        """Await a change of alarms; False, with the problem kept, if the disk refuses it."""
        try:
            await change
        except StoreError as error:
            self._refused = (str(error), self._parts.clock.monotonic_s())
            self._tally.note("alarm-not-stored", problem=str(error))
            return False
        return True

    def _alarm(self, event: Raised, zone: Zone, post: CameraPost) -> _Due:
        alarm = Alarm(
            id=uuid7(self._parts.clock.now().utc_us, os.urandom(10)),
            camera=zone.camera,
            zone=zone.id,
            rule=zone.analytic.value,
            severity=zone.severity,
            raised=event.captured,
            boxes=event.boxes,
            exercise=self._parts.exercise,
        )
        return _Due(alarm, post.plan.act, post.plan.recipients, _pictures(post, event.captured))

    async def _raise(self, zone_id: str) -> None:
        """Make the alarm durable first; its still follows while it is already on its way."""
        async with self._turn:
            due = self._due.get(zone_id)
            if due is None:
                return
            known = self._parts.registry().recipients  # may be newer than the plan
            record = await self._parts.outbox.raise_alarm(
                due.alarm,
                recipients=[known[one] for one in due.recipients if one in known],
                act=due.act,
            )
            self._open[zone_id] = due.alarm.id
            del self._due[zone_id]
        self._refused = ("", 0.0)
        alarm = due.alarm
        log.info("alarm-raised", extra={"alarm": alarm.id, "camera": alarm.camera, "zone": zone_id})
        self._spawn(self._parts.hold(alarm))
        self._spawn(self._picture(alarm, due.seen))
        await self._account("alarm.raise", record)

    async def _end(self, zone_id: str, at: Moment) -> None:
        alarm_id = self._open.get(zone_id)
        if alarm_id is not None:
            await self._parts.outbox.end(alarm_id, at)
            self._open.pop(zone_id, None)
            log.info("alarm-ended", extra={"alarm": alarm_id, "zone": zone_id})

    async def _picture(self, alarm: Alarm, units: Sequence[AccessUnit]) -> None:
        """Make and keep the still; without one the alarm stands all the same."""

        def masks() -> tuple[Mask, ...]:
            return self._parts.registry().masks_of(alarm.camera)

        try:
            jpeg = await with_masks_in_force(
                masks, lambda m: still(self._parts.pool, units, m, width_px=STILL_WIDTH_PX)
            )
            await asyncio.to_thread(self._parts.stills.save, alarm.id, jpeg)
        except (PeerError, StoreError) as error:
            log.warning("no-still", extra={"alarm": alarm.id, "problem": str(error)})

    async def _account(self, event: str, record: AlarmRecord, *, error: str = "") -> None:
        entry = alarm_event(event, record, self._parts.registry())
        await self._parts.journal.account(replace(entry, error=error))


def alarm_event(event: str, record: AlarmRecord, registry: Registry) -> LedgerEvent:
    """Return the ledger's entry on what happened to an alarm."""
    camera = registry.cameras.get(record.alarm.camera)
    return LedgerEvent(
        event=event,
        operation=Operation.COMMUNICATION,
        regime=Regime.GDPR,
        object_type="alarm",
        object_id=record.alarm.id,
        controller=registry.controller_of(camera).id if camera else "",
        zone=record.alarm.zone,
        legal_basis_id=record.act,
        recipient_id=",".join(record.recipients),
        policy_version=registry.version,
    )


def _pictures(post: CameraPost, captured: Moment) -> tuple[AccessUnit, ...]:
    """Return the units up to the picture that decided: from the ring, else what is still kept."""
    if post.ring is not None and (units := post.ring.cut(captured, captured)):
        return units
    kept = post.fanout.kept()
    upto = tuple(one for one in kept if one.captured.monotonic_s <= captured.monotonic_s)
    return upto or kept[:1]
