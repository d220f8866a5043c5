# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Alarms that nobody answers go on to the next, and the book of alarms is kept tidy (ADR 29)."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from gateway.access.holdup import still_called
from gateway.access.policy import acts_for
from gateway.assembly.alarms import alarm_event, analytic_of, hearers
from gateway.assembly.journal import Journal
from gateway.model.alarm import AlarmRecord
from gateway.model.errors import StoreError
from gateway.model.holdup import is_holdup
from gateway.model.registry import Recipient, Registry
from gateway.relay.alarms.book_rows import Step
from gateway.relay.alarms.outbox import Outbox
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

TICK_S: Final = 1.0
TIDY_S: Final = 3_600.0
MOST_SWEEPS: Final = 20
"""Transactions of one tidying; what is left waits for the next."""


@dataclass(frozen=True, slots=True)
class EscalatorParts:
    """What it works with."""

    outbox: Outbox
    journal: Journal
    registry: Callable[[], Registry]
    clock: Clock


class Escalator:
    """One task for all alarms of this box; deadlines are on disk, so that a restart loses none."""

    def __init__(self, parts: EscalatorParts) -> None:
        self._parts = parts
        self._tidied_s = float("-inf")
        self._caught_up = False
        self.problem = ""
        """Why the disk refused a step; empty while it takes them."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what a person has to correct, one line each."""
        status = self._parts.outbox.status()
        dropped = (f"{status.dropped} undelivered alarms of low severity gave way to others",)
        return (
            *((f"alarms: {status.problem}",) if status.problem else ()),
            *(dropped if status.dropped else ()),
        )

    async def keep(self) -> NoReturn:
        """Go on with what is due, each second, until cancelled; a full disk is asked again."""
        while True:
            try:
                await self._catch_up()
                await self.step()
                await self._tidy()
                self.problem = ""
            except StoreError as error:
                if str(error) != self.problem:
                    log.error("escalation-not-stored", extra={"problem": str(error)})  # noqa: TRY400 - the trace says nothing more
                self.problem = str(error)
            await self._parts.clock.sleep(TICK_S)

    async def step(self) -> None:
        """Go on with every alarm whose time has come; StoreError if the disk refuses."""
        for alarm_id, number in self._parts.outbox.overdue():
            await self._go_on(alarm_id, number)
        for gone in await self._parts.outbox.pushed_out():
            log.warning("alarm-dropped", extra={"alarm": gone.alarm.id})
            await self._account("alarm.drop", gone, gone.recipients)

    async def _go_on(self, alarm_id: str, number: int) -> None:
        outbox = self._parts.outbox
        record = await outbox.find(alarm_id)
        if record is None:
            return
        is_last = not record.escalates_to
        done = await outbox.escalate(alarm_id, number, self._next(record))
        if done is not None:
            await self._tell(Step(*done, is_last))

    async def _catch_up(self) -> None:
        """Write down, once, what was done before the last process died and is in no ledger.

        One that died between the entry and its mark has it twice: rather twice than never.
        """
        if self._caught_up:
            return
        for one in await self._parts.outbox.unaccounted():
            await self._tell(one)
        self._caught_up = True

    async def _tell(self, done: Step) -> None:
        """Log a step that is on disk, and write it down."""
        record = done.record
        alarm_id = record.alarm.id
        if done.is_last:
            log.warning("alarm-unanswered", extra={"alarm": alarm_id})
            await self._account("alarm.unanswered", record, record.recipients)
        elif done.told:
            log.info("alarm-escalated", extra={"alarm": alarm_id, "step": record.step})
            await self._account("alarm.escalate", record, done.told)
        else:
            log.warning("alarm-escalates-to-nobody", extra={"alarm": alarm_id})
        await self._parts.outbox.accounted(alarm_id, record.step)

    def _next(self, record: AlarmRecord) -> list[Recipient]:
        """Return who hears now: whom the plan names and an act in force still does."""
        registry, camera = self._parts.registry(), record.alarm.camera
        if is_holdup(record) and record.alarm.zone in registry.holdups:
            called = still_called(record, registry, self._parts.clock.now())
            return [registry.recipients[one] for one in called]
        analytic = analytic_of(record.alarm)
        named = acts_for(registry, camera, analytic, self._parts.clock.now()).recipients
        still = [one for one in record.escalates_to if one in named]
        return hearers(camera, still, registry)

    async def _account(self, event: str, record: AlarmRecord, told: tuple[str, ...]) -> None:
        entry = alarm_event(event, record, self._parts.registry())
        entry = replace(entry, recipient_id=",".join(told), reason_text=f"step {record.step}")
        await self._parts.journal.account(entry)

    async def _tidy(self) -> None:
        """Let go what is over for long enough, once an hour."""
        now_s = self._parts.clock.monotonic_s()
        if now_s - self._tidied_s < TIDY_S:
            return
        gone = 0
        for _ in range(MOST_SWEEPS):
            some = await self._parts.outbox.tidy()
            gone += some
            if not some:
                break
        self._tidied_s = now_s
        if gone:
            log.info("alarms-pruned", extra={"alarms": gone})
