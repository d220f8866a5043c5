# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Hold-ups (Video-Allarme Antirapina, A-13, B-26; ADR 32): from a press to rooms that look.

A press becomes one silent alarm of severity 5 that opens all cameras of its shop. With a monitoring
centre it goes there first; the rooms are the next stage of the alarm's own plan, in the same
database and transaction, so that nothing but an answer *false* keeps it from them: no crash, no
silence. Nothing on site shows it while it lives; a contact that is released does not end it.
"""

import asyncio
import hashlib
import logging
import os
import secrets
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from gateway.access.holdup import HoldupBasis, holdup_basis, still_called
from gateway.analytics import triggers
from gateway.analytics.incident import Raised
from gateway.analytics.triggers import TriggerState
from gateway.assembly.cameras import CameraPost
from gateway.assembly.holdup_book import Answered, Device, HoldupBook
from gateway.assembly.holdup_refusals import Refusals
from gateway.assembly.holdup_report import HoldupReport, ReportParts, report
from gateway.assembly.journal import Journal, signed
from gateway.assembly.pictures import Pictures
from gateway.evidence.stills import Stills
from gateway.model.access import Actor, Regime
from gateway.model.alarm import Alarm, AlarmRecord, AlarmState, AlarmVerdict
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import PeerError, StoreError
from gateway.model.event import CameraEvent
from gateway.model.holdup import (
    RULE,
    SEVERITY,
    HoldupSource,
    Press,
    Verification,
    is_holdup,
)
from gateway.model.identifiers import uuid7
from gateway.model.media import AccessUnit, StreamKind
from gateway.model.panel import PanelEvent, Qualifier
from gateway.model.registry import Holdup, Panel, Registry
from gateway.relay.alarms.book_rows import Stage
from gateway.relay.alarms.escalation import ANSWER_S
from gateway.relay.alarms.outbox import Outbox
from gateway.runtime.clock import Clock
from gateway.runtime.tally import Tally

log = logging.getLogger(__name__)

CODES: Final = frozenset({"HA", "PA"})
"""SIA codes of a panel that are hold-ups: hold-up and panic alarm."""
TICK_S: Final = 0.5
"""How soon a disk that refused is tried again."""
MOST_DUE: Final = 256
"""Presses that wait for the disk; beyond it the oldest gives way, and is counted."""
MOST_PRESSES: Final = 10
"""Of one device in ..."""
PRESSES_S: Final = 60.0
"""... so many seconds; what comes beyond repeats an alarm that lives already, or is a defect."""
STORED_S: Final = 5.0
"""So long a press waits at most for the disk before it is answered; it is tried on."""


@dataclass(frozen=True, slots=True)
class HoldupParts:
    """What the desk works with."""

    outbox: Outbox
    book: HoldupBook
    journal: Journal
    registry: Callable[[], Registry]
    post: Callable[[str], CameraPost | None]
    pictures: Pictures
    stills: Stills
    hold: Callable[[Alarm], Coroutine[None, None, None]]
    """Keeps the seconds before, of every camera of an alarm."""
    clock: Clock
    exercise: bool = False


@dataclass(frozen=True, slots=True)
class Cause:
    """What set a channel off."""

    source: HoldupSource
    device: str = ""
    by: Actor | None = None
    """Of a test: who made it."""


@dataclass(frozen=True, slots=True)
class _Due:
    """A press on its way to the disk; a second try finds the alarm of the first."""

    alarm: Alarm
    cause: Cause
    stored: asyncio.Event
    """Set once the disk has it."""


class HoldupDesk:
    """Takes presses and answers; `keep` runs until cancelled."""

    def __init__(
        self, parts: HoldupParts, spawn: Callable[[Coroutine[None, None, None]], object]
    ) -> None:
        self._p = parts
        self._spawn = spawn
        self._states: dict[tuple[str, str], TriggerState] = {}
        """Of contacts, by channel and trigger."""
        self._due: deque[_Due] = deque()
        self._pressed: dict[tuple[str, str], deque[float]] = {}
        self._refusals = Refusals(parts.clock)
        self._turn = asyncio.Lock()
        self._tally = Tally(log, parts.clock)
        self.refused = 0
        """Presses with a wrong token, since the start."""
        self.lost = 0
        """Presses that gave way to newer ones while the disk refused, since the start; the box
        says how many with those of other alarms, so that nothing tells of a press."""
        self._problem = ""

    @property
    def problem(self) -> str:
        """Return why the disk refuses a hold-up; empty while none waits."""
        return self._problem if self._due else ""

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what a person has to correct: channels that call nobody, or not everybody."""
        found = []
        for one in self._p.registry().holdups.values():
            basis = self._basis(one)
            if not basis.rooms:
                found.append(f"hold-up {one.id}: no act in force lets it call a room")
            elif basis.withheld:
                left = ", ".join(basis.withheld)
                found.append(f"hold-up {one.id}: no act in force names {left} for all its cameras")
        return tuple(found)

    def hidden(self) -> int:
        """Return how many alarms nothing on site may show."""
        return len(self._p.outbox.hidden())

    def opened(self) -> frozenset[str]:
        """Return the cameras that somebody may look at because of such an alarm."""
        return frozenset(camera for one in self._p.outbox.hidden() for camera in one.alarm.cameras)

    def hides(self, camera: str, utc_us: int) -> bool:
        """Return whether a look at a camera would tell the shop of a hold-up that lives."""
        return any(
            camera in one.alarm.cameras
            and utc_us >= one.stored_utc_us  # before, nobody could look because of it
            for one in self._p.outbox.hidden()
        )

    async def report(self, from_utc_us: int, to_utc_us: int) -> HoldupReport:
        """Return what the channels did in a period; StoreError if the disk refuses."""
        parts = ReportParts(self._p.book, self._p.outbox, self._p.registry)
        return await report(parts, from_utc_us, to_utc_us)

    # what sets it off ----------------------------------------------------------------------------

    async def press(self, holdup: str, token: str, source_ip: str) -> None:
        """Take a press of a device; durable when it returns, and it shows to nobody who asks.

        A disk that refuses for STORED_S is tried on afterwards. Cancelling takes nothing back.
        """
        known = self._p.book.token(token_hash(token))
        if known is None or known.holdup != holdup:
            self.refused += 1
            self._refuse(source_ip, "token")
        elif not self._may_press(known):
            self._refuse(f"{known.holdup}/{known.name}", "too-often")
        else:
            stored = asyncio.Event()
            cause = Cause(HoldupSource.BUTTON, known.name)
            self._spawn(self._trigger(holdup, cause, stored))
            with suppress(TimeoutError):
                async with asyncio.timeout(STORED_S):
                    await stored.wait()

    def hear(self, camera: str, event: CameraEvent) -> None:
        """Take an event that a camera or a recorder reports; never waits."""
        post = self._p.post(camera)
        for contact in post.plan.contacts if post is not None else ():
            for holdup in self._p.registry().holdups.values():
                if contact.id not in holdup.contacts:
                    continue
                key = holdup.id, contact.id
                state, decided = triggers.decide(
                    self._states.get(key, TriggerState()), event, contact
                )
                self._states[key] = state
                if isinstance(decided, Raised):
                    cause = Cause(HoldupSource.CONTACT, contact.id)
                    if self._may_press(Device(holdup.id, contact.id)):
                        self._spawn(self._trigger(holdup.id, cause))

    async def on_panel(self, panel: Panel, event: PanelEvent) -> bool:
        """Take a hold-up or panic signal of a panel; durable once True, False: none of ours.

        StoreError if the disk refuses: the receiver must not acknowledge. A restore ends nothing.
        """
        if event.code not in CODES or panel.holdup not in self._p.registry().holdups:
            return False
        if event.qualifier is Qualifier.NEW:
            cause = Cause(HoldupSource.PANEL, panel.id)
            await self._raise(self._alarm(panel.holdup, exercise=False), cause)
        return True

    async def heard(self, holdup: str, topic: str) -> None:
        """Take a message of the shop's broker."""
        if self._may_press(Device(holdup, topic)):
            await self._trigger(holdup, Cause(HoldupSource.MQTT, topic))

    async def test(self, holdup: str, by: Actor) -> AlarmRecord | None:
        """Set a channel off as an exercise; None: there is none. StoreError: the disk refuses."""
        if holdup not in self._p.registry().holdups:
            return None
        cause = Cause(HoldupSource.TEST, by=by)
        return await self._raise(self._alarm(holdup, exercise=True), cause)

    def _may_press(self, device: Device) -> bool:
        """Count a press of a device, within its rate."""
        now_s = self._p.clock.monotonic_s()
        key = device.holdup, device.name
        times = self._pressed.setdefault(key, deque(maxlen=MOST_PRESSES))
        if len(times) == MOST_PRESSES and now_s - times[0] < PRESSES_S:
            return False
        times.append(now_s)
        return True

    def _refuse(self, source: str, code: str) -> None:
        """Count a refusal; few entries a minute say it, for all sources together."""
        if count := self._refusals.note(source, code):
            entry = _entry("holdup.refuse", Operation.NONE, result="denied", error=code)
            self._spawn(self._p.journal.account(replace(entry, src_ip=source, count=count)))

    # the alarm -----------------------------------------------------------------------------------

    async def _trigger(
        self, holdup: str, cause: Cause, stored: asyncio.Event | None = None
    ) -> None:
        """Raise the alarm; one that the disk refuses is tried again until it takes it.

        `stored` is set then, or once there is nothing to be stored.
        """
        stored = stored or asyncio.Event()
        if holdup not in self._p.registry().holdups:
            stored.set()
            return
        due = _Due(self._alarm(holdup, exercise=False), cause, stored)
        try:
            await self._raise(due.alarm, cause)
            stored.set()
        except StoreError as error:
            self._problem = str(error)
            self._tally.note("holdup-not-stored", problem=str(error))
            if len(self._due) == MOST_DUE:
                self._due.popleft()
                self.lost += 1
                self._tally.note("holdup-dropped", holdup=holdup)
            self._due.append(due)

    def _alarm(self, holdup_id: str, *, exercise: bool) -> Alarm:
        holdup, now = self._p.registry().holdups[holdup_id], self._p.clock.now()
        first, *others = holdup.cameras
        return Alarm(
            uuid7(now.utc_us, os.urandom(10)), camera=first, zone=holdup.id, rule=RULE,
            severity=SEVERITY, raised=now, exercise=exercise or self._p.exercise,
            also=tuple(others), silent=True,
        )  # fmt: skip

    def _basis(self, holdup: Holdup) -> HoldupBasis:
        return holdup_basis(holdup, self._p.registry(), self._p.clock.now())

    async def _raise(self, alarm: Alarm, cause: Cause) -> AlarmRecord | None:
        """Store one alarm, or that it was asked for again while it lives; durable when it returns.

        A test repeats no alarm and an alarm no test.
        """
        registry = self._p.registry()
        holdup = registry.holdups.get(alarm.zone)
        if holdup is None:  # it left while the disk refused
            return None
        basis = self._basis(holdup)
        called, plan = stages(basis, holdup.verify_s)
        kind = "prova" if alarm.exercise else RULE
        async with self._turn:
            record = await self._p.outbox.raise_alarm(
                alarm, recipients=[registry.recipients[one] for one in called], act=basis.act,
                key=f"{kind}/{holdup.id}", plan=plan,
            )  # fmt: skip
        if is_new := record.alarm.id == alarm.id:
            self._spawn(self._p.hold(alarm))
            for camera in alarm.cameras:
                self._spawn(self._picture(alarm, camera))
        self._spawn(self._account(record, cause, basis, is_new=is_new))
        return record

    async def _account(
        self, record: AlarmRecord, cause: Cause, basis: HoldupBasis, *, is_new: bool
    ) -> None:
        alarm, now_us = record.alarm, self._p.clock.now().utc_us
        log.info("holdup", extra={"alarm": alarm.id, "source": cause.source.value})
        press = Press(alarm.zone, alarm.id, cause.source, cause.device, now_us, alarm.exercise)
        try:
            await self._p.book.note(press)
        except StoreError as error:  # the report lacks it; the alarm is on its way
            self._tally.note("press-not-noted", problem=str(error))
        entry = self._about("holdup.trigger", Operation.COMMUNICATION, record)
        source = f"{cause.source.value} {cause.device}".strip()
        entry = replace(entry, reason_text=source, flags="" if is_new else "repeat")
        await self._p.journal.account(signed(entry, cause.by) if cause.by else entry)
        if is_new and basis.withheld:
            refused = self._about("holdup.refuse", Operation.NONE, record)
            left = ",".join(basis.withheld)
            await self._p.journal.account(
                replace(refused, result="denied", error="no-act", recipient_id=left)
            )

    async def _picture(self, alarm: Alarm, camera: str) -> None:
        """Keep the first picture of a camera; without one the alarm stands all the same."""
        try:
            seen = _seen(self._p.post(camera), alarm)
            jpeg = await self._p.pictures.still(camera, seen, alarm.picture(camera))
            await asyncio.to_thread(self._p.stills.save, alarm.picture(camera), jpeg)
        except (PeerError, StoreError) as error:
            log.warning("no-still", extra={"alarm": alarm.id, "problem": str(error)})

    def _about(self, event: str, operation: Operation, record: AlarmRecord) -> LedgerEvent:
        registry, alarm = self._p.registry(), record.alarm
        camera = registry.cameras.get(alarm.camera)
        return replace(
            _entry(event, operation), object_type="alarm", object_id=alarm.id,
            controller=registry.controller_of(camera).id if camera else "", zone=alarm.zone,
            camera=",".join(alarm.cameras), legal_basis_id=record.act,
            recipient_id=",".join(record.recipients), policy_version=registry.version,
        )  # fmt: skip

    # the monitoring centre -----------------------------------------------------------------------

    def asks(self, record: AlarmRecord, organisation: str) -> bool:
        """Return whether a hold-up waits for what this organisation, the centre, says of it."""
        if not is_holdup(record) or record.state is AlarmState.CLOSED or record.step:
            return False
        holdup = self._p.registry().holdups.get(record.alarm.zone)
        waits = bool(record.escalates_utc_us) and bool(record.escalates_to)
        return holdup is not None and waits and bool(organisation) and organisation == holdup.verify

    async def answer(
        self, record: AlarmRecord, verdict: AlarmVerdict, by: str, organisation: str
    ) -> bool:
        """Take the centre's word: *confirmed* calls the rooms now, anything else closes it.

        False if nobody asks this organisation (any more): its word is one like everybody's.
        StoreError if the disk refuses.
        """
        if not self.asks(record, organisation):
            return False
        outbox, registry = self._p.outbox, self._p.registry()
        if verdict is AlarmVerdict.CONFIRMED:
            called = still_called(record, registry, self._p.clock.now())
            named = [registry.recipients[one] for one in called]
            done = await outbox.escalate(record.alarm.id, record.step, named)
            if done is None:
                return False  # the time was over, or somebody else was quicker
            now, state = done[0], Verification.CONFIRMED
        else:
            closed = await outbox.close(record.alarm.id, by, verdict, organisation=organisation)
            now, state = closed or record, Verification.FALSE
        await self._note_answer(now, state, verdict, (by, organisation))
        with suppress(StoreError):  # then it is written twice
            await outbox.accounted(record.alarm.id, now.step)
        return True

    async def _note_answer(
        self, record: AlarmRecord, state: Verification, verdict: AlarmVerdict, by: tuple[str, str]
    ) -> None:
        said = Answered(state, by[0], self._p.clock.now().utc_us)
        try:
            await self._p.book.answered(record.alarm.id, said)
        except StoreError as error:
            self._tally.note("answer-not-noted", problem=str(error))
        codes = [("holdup.verify", Operation.CONSULTATION)]
        if state is Verification.CONFIRMED:
            codes.append(("holdup.forward", Operation.COMMUNICATION))
        for code, operation in codes:
            entry = self._about(code, operation, record)
            entry = replace(entry, actor_id=by[0], actor_type="human", org=by[1])
            await self._p.journal.account(replace(entry, reason_text=verdict.value))

    # devices -------------------------------------------------------------------------------------

    async def make_token(self, holdup: str, device: str, by: Actor) -> str | None:
        """Give a device of a channel a token, shown once; None: no such channel, or too many.

        What the device had before counts no more.
        """
        if holdup not in self._p.registry().holdups:
            return None
        token = secrets.token_urlsafe(32)
        made = Device(holdup, device)
        if not await self._p.book.put_token(token_hash(token), made, self._p.clock.now().utc_us):
            return None
        await self._note_token(made, "token", by)
        return token

    async def revoke_token(self, holdup: str, device: str, by: Actor) -> bool:
        """Take a device's token back; False if it has none."""
        gone = await self._p.book.drop_token(Device(holdup, device))
        if gone:
            await self._note_token(Device(holdup, device), "token revoked", by)
        return gone

    def devices(self, holdup: str) -> Sequence[str]:
        """Return the devices of a channel that hold a token."""
        return self._p.book.devices(holdup)

    async def _note_token(self, device: Device, words: str, by: Actor) -> None:
        entry = replace(
            _entry("config.change", Operation.NONE), object_type="configuration",
            object_id=f"holdup/{device.holdup}", reason_text=f"{words}: {device.name}",
            channel="control-socket",
        )  # fmt: skip
        await self._p.journal.account(signed(entry, by))

    # time ----------------------------------------------------------------------------------------

    async def keep(self) -> NoReturn:
        """Try again what the disk refused and let contacts forget, until cancelled."""
        while True:
            await self.step()
            await self._p.clock.sleep(TICK_S)

    async def step(self) -> None:
        """Do one round."""
        while self._due:
            due = self._due[0]
            try:
                await self._raise(due.alarm, due.cause)
            except StoreError as error:
                self._problem = str(error)
                break
            if self._due[0] is due:  # else it gave way meanwhile
                self._due.popleft()
            due.stored.set()
        registry, now = self._p.registry(), self._p.clock.now()
        for key, state in tuple(self._states.items()):
            trigger = registry.triggers.get(key[1])
            if trigger is None or key[0] not in registry.holdups:
                del self._states[key]
            else:
                self._states[key], _ = triggers.expire(state, trigger, now)
        for pressed in [one for one in self._pressed if one[0] not in registry.holdups]:
            del self._pressed[pressed]

    def confirm(self, alarm_id: str) -> bool:
        """Keep every picture of a confirmed alarm for its controller's term; blocks.

        False if there is none. StoreError if the disk refuses.
        """
        record = self._p.outbox.get(alarm_id)
        alarm = record.alarm if record is not None else None
        names = map(alarm.picture, alarm.cameras) if alarm is not None else (alarm_id,)
        kept = [self._p.stills.confirm(one) for one in names]
        return any(kept)


def stages(basis: HoldupBasis, verify_s: float) -> tuple[tuple[str, ...], tuple[Stage, ...]]:
    """Return who is called at once, and who when nobody answered.

    A centre that is alone is called, and that nobody answered is said in time either way.
    """
    if basis.centre and basis.rooms:
        return (basis.centre,), ((verify_s, basis.rooms), (verify_s + ANSWER_S, ()))
    called = basis.rooms or tuple(filter(None, (basis.centre,)))
    return called, ((ANSWER_S, ()),) if called else ()


def token_hash(token: str) -> str:
    """Return what is kept of a token: 256 random bits need no salt and no stretching."""
    return hashlib.sha256(token.encode()).hexdigest()


def _entry(event: str, operation: Operation, *, result: str = "ok", error: str = "") -> LedgerEvent:
    return LedgerEvent(
        event, operation, Regime.GDPR, result=result, error=error, actor_type="device"
    )


def _seen(post: CameraPost | None, alarm: Alarm) -> tuple[AccessUnit, ...]:
    """Return the pictures up to the press; empty: one is looked for."""
    if post is None:
        return ()
    if post.ring is not None and (units := post.ring.cut(alarm.raised, alarm.raised)):
        return units
    kept = [post.fanout(kind).kept() for kind in StreamKind]
    return next((units[:1] for units in kept if units), ())
