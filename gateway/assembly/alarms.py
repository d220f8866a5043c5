# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From an observation or a camera's own event to an alarm that is safe on disk, told, and seen."""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace

from gateway.analytics import loss, rulebook, triggers
from gateway.analytics.incident import Ended, Incident, Raised, RuleEvent
from gateway.analytics.loss import LossState
from gateway.analytics.triggers import Property, TriggerState
from gateway.assembly.alarm_ways import way_of
from gateway.assembly.cameras import CameraPost
from gateway.assembly.journal import Journal
from gateway.assembly.pictures import Pictures, Snap, no_snapshot
from gateway.codec.jpeg import Caller
from gateway.evidence.stills import Stills
from gateway.model.access import Regime
from gateway.model.alarm import Alarm, AlarmRecord, Observation
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import PeerError, StoreError
from gateway.model.event import CameraEvent
from gateway.model.hit import RULE_HIT
from gateway.model.holdup import is_holdup
from gateway.model.identifiers import uuid7
from gateway.model.media import AccessUnit, StreamKind
from gateway.model.panel import is_panel_alarm
from gateway.model.registry import Analytic, Recipient, Registry, Trigger, Zone
from gateway.model.room import SEPARATOR
from gateway.model.time import Moment
from gateway.relay.alarms.outbox import Outbox
from gateway.runtime.clock import Clock
from gateway.runtime.tally import Tally
from gateway.wire.onvif_events import canonical_topic

log = logging.getLogger(__name__)

TICK_S = 1.0
ADOPTED_S = 30.0
"""After a start a camera needs some time until it can confirm an incident that goes on."""
REFUSED_S = 30.0
"""So long a disk counts as refusing after it last did, if nothing was stored since."""
MOST_ADOPTED = 2_000
"""As many alarms as the outbox keeps in memory."""
EVENT_RULE = "evento"
"""Rule of alarms that a camera's own event raised; their zone is the trigger's id."""
MOST_EVENTS = 64
"""Events of one camera that wait to be judged; the oldest gives way, and is counted."""
MOST_DUE = 64
"""Alarms of one zone that wait for the disk; the oldest gives way, and is counted."""
MOST_DUE_PICTURES = 16
"""Of incidents that are over, all zones together; the oldest beyond it get no still."""


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
    snap: Snap = no_snapshot
    """Asks a camera's device for a still."""


@dataclass(slots=True, eq=False)
class _Due:
    """An alarm on its way to the disk; its id makes a second try harmless."""

    alarm: Alarm
    act: str
    recipients: tuple[str, ...]
    seen: tuple[AccessUnit, ...]
    """The pictures up to the one that decided."""
    pictured: bool = True
    """A still is made; False where its pictures could not be kept as long as that."""
    ended: Moment | None = None
    """When its incident ended, if that was before the disk took it."""


class AlarmDesk:
    """Runs the rules of every zone and every trigger; one incident, one alarm.

    Zones and triggers are named alike in here: a zone by its id, a trigger by `evento/` and its id.

    A disk that refuses ends nothing: what could not be stored is tried again at every tick, and
    `problem` says so meanwhile (ADR 7: the cause is outside the box).
    """

    def __init__(
        self, parts: DeskParts, spawn: Callable[[Coroutine[None, None, None]], object]
    ) -> None:
        """`spawn` starts a task that may outlive a call (a still is made after the alarm)."""
        self._parts = parts
        self._spawn = spawn
        self._pictures = Pictures(parts.pool, parts.registry, parts.post, parts.snap, parts.clock)
        self._states: dict[str, Incident] = {}
        self._trigger_states: dict[str, TriggerState] = {}
        self._events: dict[str, deque[CameraEvent]] = {}
        """Waiting, by camera; only what a trigger of the camera's plan is about."""
        self._heard = asyncio.Event()
        self._open: dict[str, str] = {}
        """Alarm of the incident that goes on, by zone."""
        self._due: dict[str, deque[_Due]] = {}
        """Alarms that the disk has not taken yet, by zone, oldest first; all but the newest are
        over."""
        self.lost = 0
        """Alarms that gave way to newer ones while the disk refused, since the start."""
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
            name = _name(record.alarm)
            if is_foreign(record.alarm) or is_holdup(record) or is_panel_alarm(record.alarm):
                continue
            if record.alarm.rule == RULE_HIT:  # the desk of plates ends it
                continue
            if record.ended_utc_us == 0 and name not in self._open:
                self._open[name] = record.alarm.id
                if record.alarm.rule == EVENT_RULE:
                    unheard = Property(("", (), ()), on=True, at=now, told=True)
                    self._trigger_states[name] = TriggerState(True, (unheard,))
                else:
                    heard = now.shifted(ADOPTED_S)
                    zone = self._parts.registry().zones.get(name)
                    told = Incident(raised=True, present=now, heard=heard)
                    self._states[name] = rulebook.adopted(zone, now, heard) if zone else told
                log.info("alarm-adopted", extra={"alarm": record.alarm.id, "zone": name})

    async def observe(self, observation: Observation) -> None:
        """Let every zone of the camera decide; returns once what was raised is on disk."""
        post = self._parts.post(observation.camera)
        if post is None:
            return
        now = self._parts.clock.now()
        for zone in post.plan.looked_at:
            before = self._states.get(zone.id, rulebook.first(zone))
            state, event = rulebook.decide(before, observation, zone, now)
            self._states[zone.id] = state
            if zone.id in self._open and state.present == observation.captured:
                self._parts.outbox.touch(self._open[zone.id])
            if not await self._follow(zone.id, event, zone, post):
                self._states[zone.id] = before

    async def _miss(self, now: Moment) -> None:
        """Let every zone decide that is about pictures which do not come."""
        for known in self._parts.registry().zones.values():
            if known.analytic is not Analytic.LOSS:
                continue
            post = self._parts.post(known.camera)
            zone = (
                next((one for one in post.plan.zones if one.id == known.id), None) if post else None
            )
            if post is None or zone is None:
                continue
            state = self._states.get(zone.id)
            before = state if isinstance(state, LossState) else LossState()
            stream = post.status(post.watched).state
            self._states[zone.id], event = loss.decide(before, stream, zone, now)
            if not await self._follow(zone.id, event, zone, post):
                self._states[zone.id] = before

    def hear(self, camera: str, event: CameraEvent) -> None:
        """Take an event that a camera reports; never waits. `listen` judges it."""
        post = self._parts.post(camera)
        if post is not None and triggers.stirs(event):
            post.wake()
        if post is None or not any(_is_about(event, one) for one in post.plan.triggers):
            return
        waiting = self._events.setdefault(camera, deque(maxlen=MOST_EVENTS))
        if len(waiting) == MOST_EVENTS:
            self._tally.note("event-dropped", camera=camera)
        waiting.append(event)
        self._heard.set()

    async def listen(self) -> None:
        """Judge events in their order, camera by camera, until cancelled."""
        while True:
            await self._heard.wait()
            self._heard.clear()
            while self._events:
                camera = next(iter(self._events))
                waiting = self._events.pop(camera)
                while waiting:
                    await self.judge(camera, waiting.popleft())

    async def judge(self, camera: str, event: CameraEvent) -> None:
        """Let every trigger of the camera decide; returns once what was raised is on disk."""
        post = self._parts.post(camera)
        if post is None:
            return
        for trigger in post.plan.triggers:
            name = f"{EVENT_RULE}/{trigger.id}"
            before = self._trigger_states.get(name, TriggerState())
            state, decided = triggers.decide(before, event, trigger)
            self._trigger_states[name] = state
            if name in self._open and state != before:
                self._parts.outbox.touch(self._open[name])
            if not await self._follow(name, decided, trigger, post):
                self._trigger_states[name] = before

    async def _follow(
        self, name: str, event: RuleEvent | None, what: Zone | Trigger, post: CameraPost
    ) -> bool:
        """Do what a rule decided; False if the disk refuses to end an alarm."""
        if isinstance(event, Raised):
            self._queue(name, self._alarm(event, what, post), event.captured)
            await self._stored(self._raise(name))
        elif isinstance(event, Ended):
            return await self._stored(self._end(name, event.at))
        return True

    def _queue(self, name: str, due: _Due, at: Moment) -> None:
        """Have an alarm wait for the disk behind those of its zone that are over."""
        self._over(name, at)
        waiting = self._due.setdefault(name, deque())
        if len(waiting) == MOST_DUE:
            gone = waiting.popleft()
            self.lost += 1
            self._tally.note("alarm-dropped", alarm=gone.alarm.id, zone=name)
        waiting.append(due)
        over = [one for queue in self._due.values() for one in queue if one.ended and one.seen]
        for one in sorted(over, key=lambda one: one.alarm.id)[:-MOST_DUE_PICTURES]:
            one.seen, one.pictured = (), False

    def _over(self, name: str, at: Moment) -> bool:
        """Note that the newest incident of a zone is over; False if the disk has its alarm."""
        waiting = self._due.get(name)
        if not waiting:
            return False
        waiting[-1].ended = waiting[-1].ended or at
        return True

    async def tick(self) -> None:
        """End what stopped being seen, close what outlived its bound, until cancelled."""
        while True:
            await self._miss(self._parts.clock.now())
            await self._stored(self._sweep(self._parts.clock.now()))
            await self._parts.clock.sleep(TICK_S)

    async def _sweep(self, now: Moment) -> None:
        over: dict[str, Moment] = {}
        for zone_id in tuple(self._states):
            self._expire(zone_id, now)
        for name in tuple(self._trigger_states):
            if (at := self._expire_trigger(name, now)) is not None:
                over[name] = at
        for name in tuple(self._due):
            if not self._is_raised(name):
                self._over(name, over.get(name, now))
            await self._raise(name)
        for name in tuple(self._open):
            if not self._is_raised(name):
                await self._end(name, over.get(name, now))
        for record in await self._parts.outbox.expire(now):
            await self._account("alarm.close", record, error="expired")

    def _expire(self, zone_id: str, now: Moment) -> None:
        """Let the rule forget an incident of which nothing is heard any more."""
        zone = self._parts.registry().zones.get(zone_id)
        if zone is None or self._parts.post(zone.camera) is None:
            del self._states[zone_id]
        else:
            self._states[zone_id], _ = rulebook.expire(self._states[zone_id], zone, now)

    def _expire_trigger(self, name: str, now: Moment) -> Moment | None:
        """Let a trigger forget what is over; return when its incident ended, if it did now."""
        trigger = self._parts.registry().triggers.get(name.partition("/")[2])
        if trigger is None or self._parts.post(trigger.camera) is None:
            del self._trigger_states[name]
            return None
        state, event = triggers.expire(self._trigger_states[name], trigger, now)
        self._trigger_states[name] = state
        return event.at if isinstance(event, Ended) else None

    def _is_raised(self, name: str) -> bool:
        zone, trigger = self._states.get(name), self._trigger_states.get(name)
        return any(state is not None and state.raised for state in (zone, trigger))

    async def _stored(self, change: Coroutine[None, None, None]) -> bool:
        """Await a change of alarms; False, with the problem kept, if the disk refuses it."""
        try:
            await change
        except StoreError as error:
            self._refused = (str(error), self._parts.clock.monotonic_s())
            self._tally.note("alarm-not-stored", problem=str(error))
            return False
        return True

    def _alarm(self, event: Raised, what: Zone | Trigger, post: CameraPost) -> _Due:
        alarm = Alarm(
            id=uuid7(self._parts.clock.now().utc_us, os.urandom(10)),
            camera=what.camera,
            zone=what.id,
            rule=what.analytic.value if isinstance(what, Zone) else EVENT_RULE,
            severity=what.severity,
            raised=event.captured,
            boxes=event.boxes,
            exercise=self._parts.exercise,
            why=replace(event.why, mode=post.watch_mode) if event.why else None,
        )
        analytic = what.analytic if isinstance(what, Zone) else Analytic.INTRUSION
        basis = post.plan.basis(analytic)
        return _Due(alarm, basis.act, basis.recipients, _pictures(post, event.captured))

    async def _raise(self, name: str) -> None:
        """Make what is due durable, oldest first; a still follows while it is on its way."""
        stored: list[AlarmRecord] = []
        try:
            async with self._turn:
                while waiting := self._due.get(name):
                    due = waiting[0]
                    if self._open.get(name) != due.alarm.id:
                        stored.append(await self._store(name, due))
                    if due.ended is not None:
                        await self._close(name, due.alarm.id, due.ended)
                    if waiting[0] is due:  # else it gave way meanwhile
                        waiting.popleft()
                self._due.pop(name, None)
        finally:
            for record in stored:
                await self._account("alarm.raise", record)

    async def _store(self, name: str, due: _Due) -> AlarmRecord:
        """Make an alarm durable; what is made of it afterwards is begun."""
        if (before := self._open.get(name)) is not None:  # its end was refused
            await self._close(name, before, due.alarm.raised)
        registry = self._parts.registry()
        hearing = hearers(due.alarm.camera, due.recipients, registry)
        way = way_of(due.alarm, hearing, registry)
        record = await self._parts.outbox.raise_alarm(
            due.alarm, recipients=way.recipients, act=due.act, near=way.near, plan=way.plan
        )
        self._open[name] = due.alarm.id
        self._refused = ("", 0.0)
        alarm = due.alarm
        log.info("alarm-raised", extra={"alarm": alarm.id, "camera": alarm.camera, "zone": name})
        self._spawn(self._parts.hold(alarm))
        if due.pictured:
            self._spawn(self._picture(alarm, due.seen))
        return record

    async def _end(self, name: str, at: Moment) -> None:
        """End the incident of a zone; an alarm that is not stored yet ends once it is."""
        if not self._over(name, at) and (alarm_id := self._open.get(name)) is not None:
            await self._close(name, alarm_id, at)

    async def _close(self, name: str, alarm_id: str, at: Moment) -> None:
        await self._parts.outbox.end(alarm_id, at)
        if self._open.get(name) == alarm_id:
            del self._open[name]
        log.info("alarm-ended", extra={"alarm": alarm_id, "zone": name})

    async def _picture(self, alarm: Alarm, units: Sequence[AccessUnit]) -> None:
        """Make and keep the still; without one the alarm stands all the same."""
        try:
            jpeg = await self._pictures.still(alarm.camera, units, alarm.id, alarm.boxes)
            await asyncio.to_thread(self._parts.stills.save, alarm.id, jpeg)
        except (PeerError, StoreError) as error:
            log.warning("no-still", extra={"alarm": alarm.id, "problem": str(error)})

    async def _account(self, event: str, record: AlarmRecord, *, error: str = "") -> None:
        entry = alarm_event(event, record, self._parts.registry())
        await self._parts.journal.account(replace(entry, error=error))


def hearers(camera: str, planned: Sequence[str], registry: Registry) -> list[Recipient]:
    """Return who hears of an alarm now, by a registry that may be newer than the plan.

    Nobody, while the owner withholds the camera: the alarm stays in the house.
    """
    known = registry.cameras.get(camera)
    if known is not None and registry.is_paused(known):
        return []
    return [registry.recipients[one] for one in planned if one in registry.recipients]


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
        camera=record.alarm.camera,
        legal_basis_id=record.act,
        recipient_id=",".join(record.recipients),
        policy_version=registry.version,
    )


def _pictures(post: CameraPost, captured: Moment) -> tuple[AccessUnit, ...]:
    """Return the units up to the picture that decided: from the ring, else what is still kept."""
    if post.ring is not None and (units := post.ring.cut(captured, captured)):
        return units
    kept = [post.fanout(kind).kept() for kind in StreamKind]
    for units in kept:
        if upto := tuple(one for one in units if one.captured.monotonic_s <= captured.monotonic_s):
            return upto
    return next((units[:1] for units in kept if units), ())


def is_foreign(alarm: Alarm) -> bool:
    """Return whether no rule of this box raised it: an edge did, or a line that fell."""
    return not alarm.camera or SEPARATOR in alarm.camera


def analytic_of(alarm: Alarm) -> Analytic:
    """Return the analysis that an alarm rests on; events and panels share that of intrusion."""
    if is_panel_alarm(alarm):  # which call a rule of theirs as we call one of ours
        return Analytic.INTRUSION
    if alarm.rule == RULE_HIT:
        return Analytic.PLATES
    known = {one.value: one for one in Analytic}
    return known.get(alarm.rule, Analytic.INTRUSION)


def _name(alarm: Alarm) -> str:
    """Return the name under which a desk knows what raised an alarm."""
    return f"{EVENT_RULE}/{alarm.zone}" if alarm.rule == EVENT_RULE else alarm.zone


def _is_about(event: CameraEvent, trigger: Trigger) -> bool:
    """Return whether a trigger may want an event; `triggers.decide` looks closer."""
    return canonical_topic(event.topic) == canonical_topic(trigger.topic)
