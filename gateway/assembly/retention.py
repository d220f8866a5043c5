# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Copies of pictures go when their term is over, on disk and in memory, and the ledger says so."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from gateway.assembly.journal import Journal, signed
from gateway.console.services import HoldOrder
from gateway.evidence.retention import (
    HOUR_S,
    Copy,
    Now,
    Receipt,
    Rules,
    age_s,
    ends_utc_us,
    in_force,
    matches,
    term_s,
)
from gateway.evidence.stills import Origin, Stills
from gateway.model.access import Actor, Regime
from gateway.model.alarm import AlarmRecord
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import ConfigError
from gateway.model.identifiers import uuid7
from gateway.model.media import AccessUnit
from gateway.model.registry import Controller, Hold, Registry
from gateway.model.retention import BEFORE_H, CopyClass, ceiling_h
from gateway.model.time import ROME
from gateway.ops.health import KeptSnapshot
from gateway.registry.store import RegistryStore
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout

log = logging.getLogger(__name__)

STALE_GOP_S = 60.0
"""A fan-out whose camera has been silent for so long forgets its kept pictures; the longest
distance of key pictures that is common is half of that."""
MOST_HOLD_DAYS = 1830
"""Five years, as long as the log of it is kept (D.4); longer is entered anew."""
LATE_S = 300.0
"""A copy that is older than its term by more than this is a problem that people are told."""
SERVICE = "retention"
"""Who takes back a hold that is over."""


class RulesInForce:
    """Ceilings and holds of the registry in force, made once for each version."""

    def __init__(self, registry: Callable[[], Registry], still_s: float) -> None:
        self._registry = registry
        self._still_s = still_s
        self._made: tuple[Registry, Rules] | None = None

    def __call__(self) -> Rules:
        """Return the rules now."""
        registry = self._registry()
        if self._made is None or self._made[0] is not registry:
            self._made = (registry, rules_of(registry, self._still_s))
        return self._made[1]


def rules_of(registry: Registry, still_s: float) -> Rules:
    """Return what a registry says about copies."""
    sites = registry.sites
    cameras = {
        one.id: float(ceiling_h(registry.controller_of(one), sites[one.site]))
        for one in registry.cameras.values()
    }
    owners = {one.id: float(ceiling_h(one)) for one in registry.controllers.values()}
    return Rules(still_s, cameras, owners, tuple(registry.holds.values()))


def origin_of(record: AlarmRecord | None, registry: Registry, camera_id: str = "") -> Origin | None:
    """Return where a picture of an alarm comes from, with the ceiling that holds for it now.

    `camera_id`: one of the alarm's; empty: its own.
    """
    if record is None:
        return None
    camera_id, raised = camera_id or record.alarm.camera, record.alarm.raised
    camera = registry.cameras.get(camera_id)
    if camera is None:
        return Origin(camera_id, "", raised)
    owner = registry.controller_of(camera)
    most_h = ceiling_h(owner, registry.sites[camera.site])
    return Origin(camera_id, owner.id, raised, float(most_h))


@dataclass(frozen=True, slots=True)
class Kept:
    """Copies of one class of one controller."""

    kind: CopyClass
    controller: str
    keep_h: float
    oldest_utc_us: int = 0
    items: int = 0
    oldest_s: float = 0.0
    """Age of the oldest."""
    late: int = 0
    """How many are older than their term by more than five minutes, and not held."""


@dataclass(frozen=True, slots=True)
class RetentionParts:
    """What the desk asks and writes to."""

    stills: Stills
    registry: RegistryStore
    rules: Callable[[], Rules]
    journal: Journal
    clock: Clock
    fanouts: Callable[[], Iterable[Fanout]]
    """Of every camera and rendition."""
    before: Callable[[], Iterable[tuple[str, AccessUnit]]]
    """Camera and oldest picture of every ring and of every alarm's held seconds."""
    hides: Callable[[str], bool] = lambda _name: False
    """Whether a picture, by its name, would tell the shop of a living hold-up; any thread."""


class RetentionDesk:
    """Sweeps, tells, and takes the orders by which copies are held."""

    def __init__(self, parts: RetentionParts) -> None:
        self._p = parts
        self._kept: tuple[Kept, ...] = ()
        self._turn = asyncio.Lock()
        """Two sweeps at once would count files that the other deletes."""

    async def sweep(self) -> None:
        """Let go what is over everywhere; StoreError if the disk refuses, then the next call tries.

        Holds whose last day is over are taken out of the registry first.
        """
        async with self._turn:
            await self._end_holds()
            self._forget_silent()
            try:
                await asyncio.to_thread(self._p.stills.sweep)
            finally:
                for one in self._p.stills.receipts():
                    copies = {"class": one.kind.value, "copies": one.copies}
                    log.info("copies-deleted", extra=copies)
                    await self._p.journal.account(self._receipt(one))
                self._kept = await asyncio.to_thread(self._measure)

    def _receipt(self, one: Receipt) -> LedgerEvent:
        return LedgerEvent(
            "retention.delete",
            Operation.DELETION,
            Regime.GDPR,
            object_type=one.kind.value,
            controller=one.controller,
            media_from_utc_us=one.from_utc_us,
            media_to_utc_us=one.to_utc_us,
            bytes=one.size_bytes,
            count=one.copies,
            policy_version=self._p.registry.current().version,
        )

    def _forget_silent(self) -> None:
        """Drop the kept pictures of silent cameras: nobody is to see them as live."""
        now_s = self._p.clock.monotonic_s()
        for fanout in self._p.fanouts():
            kept = fanout.kept()
            if kept and now_s - kept[-1].received.monotonic_s > STALE_GOP_S:
                fanout.forget()

    async def _end_holds(self) -> None:
        """Take out of the registry what is over, each with its entry."""
        now = self._p.stills.now()
        for one in tuple(self._p.registry.current().holds.values()):
            if in_force(one, now):
                continue
            try:
                change = await self._p.registry.withdraw("hold", one.id, by=SERVICE)
            except ConfigError:
                continue  # somebody else was quicker
            event = replace(_hold_event("hold.release", one, change.version), error="over")
            await self._p.journal.account(event)

    # what is there ---------------------------------------------------------------------------

    def kept(self) -> Sequence[Kept]:
        """Return every class of every controller, as the last sweep left it."""
        return self._kept

    def snapshots(self) -> tuple[KeptSnapshot, ...]:
        """Return the same for health and metrics."""
        return tuple(
            KeptSnapshot(one.kind.value, one.controller, one.items, one.oldest_s, one.late)
            for one in self._kept
        )

    def _measure(self) -> tuple[Kept, ...]:
        p = self._p
        registry, rules, now = p.registry.current(), p.rules(), p.stills.now()
        found: dict[tuple[CopyClass, str], list[Copy]] = {}
        stills = (one for one in p.stills.copies() if not p.hides(one.name.partition(".")[0]))
        for copy in (*stills, *self._in_memory(registry, now)):
            found.setdefault((copy.kind, copy.controller), []).append(copy)
        known = {
            (kind, one): _term_h(kind, registry.controllers[one], registry, rules)
            for one in registry.controllers
            for kind in CopyClass
        }
        both = sorted(known.keys() | found.keys(), key=lambda key: (key[1], key[0].value))
        return tuple(
            _summary(Kept(*key, known.get(key, 0.0)), found.get(key, ()), rules, now)
            for key in both
        )

    def _in_memory(self, registry: Registry, now: Now) -> Iterable[Copy]:
        """Return what is kept in memory, as if they were files."""
        now_s = self._p.clock.monotonic_s()
        for camera, oldest in self._p.before():
            known = registry.cameras.get(camera)
            age_us = round((now_s - oldest.received.monotonic_s) * 1e6)
            yield Copy(
                name="",
                kind=CopyClass.BEFORE,
                camera=camera,
                controller=registry.controller_of(known).id if known else "",
                captured_utc_us=oldest.captured.utc_us,
                believed=True,
                counted_us=max(0, now.counted_us - age_us),
                run=now.run,
                most_h=BEFORE_H,
            )

    # holds -----------------------------------------------------------------------------------

    async def hold(self, order: HoldOrder, *, by: Actor) -> str:
        """Enter a hold; return its id once it is in force. ConfigError names what is wrong."""
        now = self._p.clock.now()
        _check(order, now.utc_us)
        made = Hold(
            id=uuid7(now.utc_us, os.urandom(10)),
            act=order.act,
            controller=order.controller,
            cameras=order.cameras,
            from_utc_us=order.from_utc_us,
            to_utc_us=order.to_utc_us,
            until=order.until,
            by=by.id,
            reason=order.reason,
        )
        change = await self._p.registry.enter(made, by=by.id)
        await self._p.journal.account(_by(_hold_event("hold.set", made, change.version), by))
        return made.id

    async def release(self, hold: str, *, by: Actor) -> bool:
        """Take a hold back; False if there is none."""
        found = self._p.registry.current().holds.get(hold)
        if found is None:
            return False
        try:
            change = await self._p.registry.withdraw("hold", hold, by=by.id)
        except ConfigError:
            return False
        await self._p.journal.account(_by(_hold_event("hold.release", found, change.version), by))
        return True


def _term_h(kind: CopyClass, owner: Controller, registry: Registry, rules: Rules) -> float:
    """Return the longest term of a controller's cameras for a class."""
    if kind is CopyClass.BEFORE:
        return float(BEFORE_H)
    sites = registry.sites
    own = [
        rules.cameras[one.id]
        for one in registry.cameras.values()
        if sites[one.site].controller == owner.id
    ]
    most_h = max(own, default=rules.controllers[owner.id])
    return min(most_h, rules.still_s / HOUR_S) if kind is CopyClass.STILL else most_h


def _summary(empty: Kept, copies: Sequence[Copy], rules: Rules, now: Now) -> Kept:
    """Return a line with what is kept now."""
    if not copies:
        return empty
    holds = [one for one in rules.holds if in_force(one, now)]
    late = [
        one
        for one in copies
        if age_s(one, now) > term_s(one, rules) + LATE_S
        and not any(matches(hold, one) for hold in holds)
    ]
    oldest = max(copies, key=lambda one: age_s(one, now))
    return replace(
        empty,
        oldest_utc_us=oldest.captured_utc_us,
        items=len(copies),
        oldest_s=min(age_s(oldest, now), now.counted_us / 1e6),
        late=len(late),
    )


def _check(order: HoldOrder, utc_us: int) -> None:
    """ConfigError if a hold makes no sense."""
    if not 0 <= order.from_utc_us < order.to_utc_us:
        raise ConfigError("request", "to", "is not later than from", "write the end of the span")
    if ends_utc_us(order.until) <= utc_us:
        raise ConfigError("request", "until", "is over", "write today or a later day")
    if order.until - _day(utc_us) > timedelta(days=MOST_HOLD_DAYS):
        advice = f"write a day within {MOST_HOLD_DAYS} days"
        raise ConfigError("request", "until", "is too far away", advice)


def _day(utc_us: int) -> date:
    """Return the day in Rome."""
    return datetime.fromtimestamp(utc_us // 1_000_000, UTC).astimezone(ROME).date()


def _hold_event(event: str, hold: Hold, version: int) -> LedgerEvent:
    return LedgerEvent(
        event,
        Operation.NONE,
        Regime.GDPR,
        object_type="hold",
        object_id=hold.id,
        controller=hold.controller,
        media_from_utc_us=hold.from_utc_us,
        media_to_utc_us=hold.to_utc_us,
        case_ref=hold.act,
        reason_text=hold.reason,
        policy_version=version,
    )


def _by(event: LedgerEvent, by: Actor) -> LedgerEvent:
    return replace(signed(event, by), channel="console")
