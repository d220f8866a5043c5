# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Webhooks: a dispatch system is told of incidents of its organisation, by signed HTTP POST (A-03).

How they are sent and signed: `gateway.runtime.signed_post`. At least once, in order within one
incident; what is told says that something changed, the rest is read over the API by whoever may.
"""

import asyncio
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from gateway.model.errors import PeerError
from gateway.model.incident import Change, Incident, IncidentEvent
from gateway.room.incidents import IncidentBook, Owed, Owing, Step
from gateway.runtime.clock import Clock
from gateway.runtime.signed_post import post
from gateway.runtime.supervise import Policy, supervise

log = logging.getLogger(__name__)

PREFIX: Final = "hook:"
IDLE_S: Final = 30.0
AT_ONCE: Final = 8
"""Incidents about which one hook is told side by side."""
FIRST_S: Final = 2.0
MOST_S: Final = 900.0
GIVE_UP_US: Final = 3 * 86_400_000_000
"""What nobody took for three days is dropped, with a line in the log."""
LINE: Final = Policy(first_s=1.0, most_s=60.0)
_S: Final = 1_000_000
QUIET: Final = frozenset({Change.RECEIPT})
"""Not told: that somebody has read something."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One address that is told."""

    name: str
    url: str
    organisation: str
    events: tuple[str, ...] = ("*",)
    """Patterns: `incident.*`, `incident.closed`, `message`."""
    secret: str = field(default="", repr=False)
    private: bool = False
    """It may be on this machine or in a private network, and there in clear."""
    ca: Path | None = None
    """Authorities; None: the system's."""

    @property
    def taker(self) -> str:
        """Return its name in the queue."""
        return PREFIX + self.name


@dataclass(slots=True)
class HookState:
    """How one hook is."""

    problem: str = ""
    """Why the last delivery failed; empty if it did not."""
    delivered: int = 0


def event_name(event: IncidentEvent) -> str:
    """Return the name of an event towards webhooks."""
    return "message" if event.kind is Change.MESSAGE else f"incident.{event.kind.value}"


def owed_to_hooks(hooks: Sequence[Hook]) -> Owing:
    """Return what these hooks are owed for a change: events of incidents that are theirs."""

    def owing(step: Step) -> Iterable[tuple[str, str, str]]:
        for hook in hooks:
            known = step.after.parties | (step.before.parties if step.before else frozenset())
            if hook.organisation not in known:
                continue
            for event in step.new:
                name = event_name(event)
                wanted = any(fnmatchcase(name, one) for one in hook.events)
                if wanted and event.kind not in QUIET:
                    yield hook.taker, event.id, payload(hook, step.after, event)

    return owing


def payload(hook: Hook, incident: Incident, event: IncidentEvent) -> str:
    """Return what a hook is told: which incident, what happened, no person and no text.

    Once the organisation no longer knows of the incident, nothing but its number.
    """
    about: dict[str, object] = {"id": incident.id, "state": incident.state.value}
    if hook.organisation in incident.parties:
        about |= {
            "title": incident.title,
            "kind": incident.kind,
            "priority": incident.priority,
            "responsible": incident.responsible,
            "opened_by": incident.opened_by,
            "latitude": incident.latitude,
            "longitude": incident.longitude,
            "address": incident.address,
            "exercise": incident.exercise,
        }
    told = {
        "type": event_name(event),
        "timestamp": event.utc_us // 1000,
        "data": {
            "event": event.id,
            "number": event.number,
            "by": event.author.organisation,
            "incident": about,
        },
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


class Courier:
    """Tells one hook what it is owed."""

    def __init__(self, book: IncidentBook, hook: Hook, clock: Clock) -> None:
        self._book = book
        self._hook = hook
        self._clock = clock
        self.state = HookState()

    async def run(self) -> None:
        """Deliver until cancelled."""
        name = f"webhook:{self._hook.name}"
        await supervise(name, self._attempt, clock=self._clock, policy=LINE)

    async def _attempt(self) -> None:
        while True:
            bell = self._book.bell()
            heads = await self._book.heads(self._hook.taker, AT_ONCE)
            now_us = self._clock.now().utc_us
            due = [one for one in heads if one.due_utc_us <= now_us]
            async with asyncio.TaskGroup() as group:
                for one in due:
                    group.create_task(self._deliver(one))
            if not due:
                next_us = min(
                    (one.due_utc_us for one in heads), default=now_us + round(IDLE_S * _S)
                )
                await self._rest(bell, min(IDLE_S, max(0.05, (next_us - now_us) / _S)))

    async def _rest(self, bell: asyncio.Event, seconds: float) -> None:
        """Wait until something new is owed, or something is due again."""
        try:
            async with asyncio.timeout(seconds):
                await bell.wait()
        except TimeoutError:
            pass

    async def _deliver(self, owed: Owed) -> None:
        now = self._clock.now()
        try:
            await post(self._hook, owed.event, owed.payload.encode(), now.utc_us // _S)
        except PeerError as error:
            await self._failed(owed, str(error), now.utc_us)
            return
        await self._book.settle(self._hook.taker, [owed.event])
        self.state.delivered += 1
        if self.state.problem:
            log.info("webhook-works-again", extra={"hook": self._hook.name})
            self.state.problem = ""

    async def _failed(self, owed: Owed, problem: str, now_us: int) -> None:
        if problem != self.state.problem:
            log.warning("webhook-fails", extra={"hook": self._hook.name, "problem": problem})
            self.state.problem = problem
        if now_us - _made_us(owed.event) > GIVE_UP_US:
            fields = {"hook": self._hook.name, "incident": owed.incident, "event": owed.event}
            log.error("webhook-gives-up", extra=fields)
            await self._book.settle(self._hook.taker, [owed.event])
            return
        wait_s = min(MOST_S, FIRST_S * 2 ** min(owed.attempts, 20))
        await self._book.postpone(self._hook.taker, owed.event, now_us + round(wait_s * _S))


def _made_us(event: str) -> int:
    """Return when an event was made, by its UUIDv7 (RFC 9562 §5.7)."""
    return int(event.replace("-", "")[:12], 16) * 1000
