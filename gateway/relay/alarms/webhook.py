# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Tell a web address of alarms by signed POST, out of the same outbox as every other courier.

At least once, and with one id for each phase of an alarm (`webhook-id`: alarm and phase), so that
the receiver tells it once. 2xx is delivered. What the address refuses (4xx) is parked, shown and
tried again seldom; 410 says that it is gone, and is not knocked at again before a start. Everything
else passes: tried again with a growing pause. How it is signed: `gateway.runtime.signed_post`.

What is told: ids of alarm, camera, zone and rule, severity and times. Never a plate, a person or a
picture.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.model.alarm import DeliveryState as State
from gateway.model.errors import ConfigError, PeerError, StoreError
from gateway.model.registry import Recipient
from gateway.relay.alarms.dc09 import word
from gateway.relay.alarms.delivery import CourierStatus, follow, tick
from gateway.relay.alarms.knock import Knocks
from gateway.relay.alarms.outbox import Outbox, Outgoing
from gateway.runtime.clock import Clock
from gateway.runtime.signed_post import StatusError, post
from gateway.runtime.supervise import Policy, leaves, supervise
from gateway.runtime.tally import Tally
from gateway.wire.onvif_mqtt import Phase

log = logging.getLogger(__name__)

POLICY: Final = Policy(first_s=0.5, most_s=15.0)
GONE: Final = 410
PASSING: Final = frozenset({408, 425, 429})
"""Of 4xx: time-out, too early, too many; they go away by themselves."""
REFUSALS: Final = range(400, 500)
_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class AlarmHook:
    """One address that is told."""

    name: str
    url: str
    secret: str = field(repr=False)
    private: bool = False
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class HookPace:
    """How hard to try."""

    at_once: int = 8
    window: int = 256
    """Messages that wait for their next try; beyond it, new ones wait too."""
    first_s: float = 2.0
    most_s: float = 300.0
    refused_first_s: float = 60.0
    refused_most_s: float = 900.0
    probes: int = 4
    tick_s: float = 0.5


@dataclass(slots=True)
class _Pause:
    """When a message is tried again."""

    due_s: float
    wait_s: float
    alarm: str
    """Its id: what follows in the same alarm waits as well."""


class HookCourier:
    """Delivers to one recipient; `run` until cancelled."""

    def __init__(
        self,
        recipient: Recipient,
        hook: AlarmHook,
        outbox: Outbox,
        *,
        box: str,
        clock: Clock,
        pace: HookPace | None = None,
    ) -> None:
        """ConfigError if a web address cannot be told what this recipient is to be told."""
        if recipient.inbox:
            where = f"recipient {recipient.id}"
            raise ConfigError(where, "inbox", "a web address has none", "write inbox = false")
        self._recipient = recipient
        self._hook = hook
        self._outbox = outbox
        self._box = box
        self._clock = clock
        self._pace = pace or HookPace()
        self._tally = Tally(log, clock)
        self._wake = asyncio.Event()
        self._pauses: dict[int, _Pause] = {}
        self._online = False
        self._since = clock.now()
        self._problem = ""
        self._in_flight = 0
        self._knocks = Knocks(recipient.id, outbox, clock, self._pace)
        self._gone = False

    async def run(self) -> None:
        """Deliver, for ever."""
        name = f"courier:{self._recipient.id}"
        await supervise(name, self._attempt, clock=self._clock, policy=POLICY)

    def status(self) -> CourierStatus:
        """Return a snapshot; online: the last POST was taken."""
        return CourierStatus(
            self._recipient.id, self._online, self._since, self._problem, self._in_flight
        )

    async def _attempt(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(follow(self._outbox, self._wake))
                tasks.create_task(tick(self._clock, self._pace.tick_s, self._wake))
                while True:
                    self._wake.clear()
                    if not await self._knock() and not await self._deliver():
                        await self._wake.wait()
        except* StoreError as group:
            self._problem = str(next(leaves(group)))
            raise

    async def _deliver(self) -> bool:
        """Send what is due, a few at once; whether there was anything."""
        resting = self._resting()
        room = min(self._pace.at_once, self._pace.window - len(resting))
        if room <= 0:
            return False
        states = (State.WAITING, State.SENT)
        due = await self._outbox.due(self._recipient.id, states, limit=room, without=resting)
        held = {self._pauses[seq].alarm: self._pauses[seq] for seq in resting}
        for one in due:
            if (pause := held.get(one.record.alarm.id)) is not None:
                self._pauses[one.seq] = pause  # its end does not overtake it
        await self._send([one for one in due if one.record.alarm.id not in held])
        return bool(due)

    def _resting(self) -> list[int]:
        """Return what waits for its next try; forget what nobody asked for again."""
        now_s = self._clock.monotonic_s()
        lost = now_s - 2 * self._pace.most_s
        self._pauses = {seq: one for seq, one in self._pauses.items() if one.due_s > lost}
        return [seq for seq, one in self._pauses.items() if one.due_s > now_s]

    async def _knock(self) -> bool:
        """Try a few of the refused again; whether one was taken."""
        if self._gone or not await self._send(await self._knocks.due()):
            return False
        await self._knocks.taken()
        return True

    async def _send(self, some: Sequence[Outgoing]) -> bool:
        """Send messages side by side, those of one alarm in turn; whether any was taken."""
        by_alarm: dict[str, list[Outgoing]] = {}
        for one in some:
            by_alarm.setdefault(one.record.alarm.id, []).append(one)
        self._in_flight = len(some)
        try:
            async with asyncio.TaskGroup() as group:
                rows = [group.create_task(self._in_turn(row)) for row in by_alarm.values()]
        finally:
            self._in_flight = 0
        return any(task.result() for task in rows)

    async def _in_turn(self, row: Sequence[Outgoing]) -> bool:
        for done, one in enumerate(row):
            if not await self._tell(one):
                return done > 0
        return True

    async def _tell(self, one: Outgoing) -> bool:
        now_us = self._clock.now().utc_us
        try:
            body = payload(one, self._box)
        except (ValueError, OverflowError, OSError) as error:  # it alone cannot be written
            await self._mark(one, State.REFUSED, f"cannot be written: {error}"[:400])
            return False
        try:
            await post(self._hook, delivery_id(one), body, now_us // _US)
        except PeerError as error:
            await self._failed(one, error)
            return False
        self._pauses.pop(one.seq, None)
        self._gone = False
        self._turn(online=True, problem="")
        return await self._mark(one, State.DELIVERED, "")

    async def _failed(self, one: Outgoing, error: PeerError) -> None:
        status = error.status if isinstance(error, StatusError) else 0
        problem = str(error)
        self._turn(online=False, problem=problem)
        if status in REFUSALS and status not in PASSING:
            self._gone = status == GONE
            self._pauses.pop(one.seq, None)
            self._knocks.refused()
            await self._mark(one, State.REFUSED, problem)
            return
        pause = self._pauses.get(one.seq)
        wait_s = self._pace.first_s if pause is None else min(2 * pause.wait_s, self._pace.most_s)
        self._rest(one, wait_s)
        await self._mark(one, State.SENT, problem)

    def _turn(self, *, online: bool, problem: str) -> None:
        if problem and problem != self._problem:
            fields = {"recipient": self._recipient.id, "problem": problem}
            log.warning("webhook-fails", extra=fields)
        self._problem = problem
        if online is not self._online:
            self._online = online
            self._since = self._clock.now()

    async def _mark(self, one: Outgoing, state: State, problem: str) -> bool:
        """Note an attempt; False if the disk refuses: it is told again, later, by the same id."""
        try:
            await self._outbox.mark(one.seq, state, problem=problem)
        except StoreError as error:
            self._tally.note("delivery-not-noted", problem=str(error))
            self._rest(one, self._pace.first_s)
            return False
        return True

    def _rest(self, one: Outgoing, wait_s: float) -> None:
        due_s = self._clock.monotonic_s() + wait_s
        self._pauses[one.seq] = _Pause(due_s, wait_s, one.record.alarm.id)


def delivery_id(one: Outgoing) -> str:
    """Return what is the same each time that this phase of this alarm is told."""
    return f"{one.record.alarm.id}.{one.phase.value.lower()}"


def payload(one: Outgoing, box: str) -> bytes:
    """Return what is told: ids and times."""
    record, alarm = one.record, one.record.alarm
    raised = one.phase is Phase.RAISED
    at_us = alarm.raised.utc_us if raised else record.ended_utc_us
    told = {
        "type": f"alarm.{one.phase.value.lower()}",
        "timestamp": at_us // 1000,
        "data": {
            "alarm": alarm.id,
            "box": box,
            "camera": word(alarm.camera),
            "zone": word(alarm.zone),
            "rule": word(alarm.rule),
            "severity": alarm.severity,
            "exercise": alarm.exercise,
            "raised": _iso(alarm.raised.utc_us),
            "ended": "" if raised else _iso(record.ended_utc_us),
        },
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _iso(utc_us: int) -> str:
    return datetime.fromtimestamp(utc_us / _US, UTC).isoformat(timespec="milliseconds")
