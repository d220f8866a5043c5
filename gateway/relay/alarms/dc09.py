# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Tell a vigilance central station by SIA DC-09 (B-46): one message at a time, each acknowledged.

Out of the same outbox as every other courier. A message keeps its number whatever happens, since
the number comes from its row: sent again after a broken line or a start, the station knows it. The
first receiver is used while it answers; the second is the way around, and the first is tried again
now and then. What the station does not take (DUH) is parked, shown, and tried again seldom.

What a message says: the code, the zone's number, when it happened, and ids of rule, camera and
zone. Never a plate, a person or a picture.
"""

import asyncio
import logging
from collections import OrderedDict
from typing import Final

from gateway.model.alarm import DeliveryState as State
from gateway.model.errors import ConfigError, PeerError, StoreError
from gateway.model.identifiers import ID_FORM
from gateway.model.registry import Recipient
from gateway.model.room import SEPARATOR
from gateway.relay.alarms.dc09_line import Link, Station, StationPace, connected
from gateway.relay.alarms.delivery import CourierStatus, follow, tick
from gateway.relay.alarms.knock import Knocks
from gateway.relay.alarms.outbox import Outbox, Outgoing
from gateway.relay.alarms.sia_codes import codes
from gateway.runtime.clock import Clock
from gateway.runtime.supervise import leaves, supervise
from gateway.runtime.tally import Tally
from gateway.wire import dc09
from gateway.wire.dc09 import Content, Token
from gateway.wire.onvif_mqtt import Phase

log = logging.getLogger(__name__)

EXERCISE: Final = "RX"
"""Manual test: an exercise rings nobody (A-33)."""
BATCH: Final = 16
"""Few at once: what is graver and comes meanwhile goes first."""
MOST_REFUSALS: Final = 256


class Dc09Courier:
    """Delivers to one recipient; `run` until cancelled."""

    def __init__(
        self,
        recipient: Recipient,
        station: Station,
        outbox: Outbox,
        *,
        clock: Clock,
        pace: StationPace | None = None,
    ) -> None:
        """ConfigError if a central station cannot be told what this recipient is to be told."""
        if recipient.inbox:
            where = f"recipient {recipient.id}"
            raise ConfigError(where, "inbox", "a central station has none", "write inbox = false")
        self._recipient = recipient
        self._station = station
        self._outbox = outbox
        self._clock = clock
        self._pace = pace or StationPace()
        self._tally = Tally(log, clock)
        self._wake = asyncio.Event()
        self._receiver = 0
        self._online = False
        self._since = clock.now()
        self._problem = ""
        self._warning = ""
        self._refusals: OrderedDict[int, str] = OrderedDict()
        """Problems by row; the newest is shown."""
        self._in_flight = 0
        self._knocks = Knocks(recipient.id, outbox, clock, self._pace)

    async def run(self) -> None:
        """Keep a line and deliver over it, for ever; a broken one is dialled again."""
        name = f"courier:{self._recipient.id}"
        await supervise(name, self._attempt, clock=self._clock, policy=self._pace.redial)

    def status(self) -> CourierStatus:
        """Return a snapshot."""
        refusal = next(reversed(self._refusals.values()), "")
        problem = self._problem or refusal or self._warning
        return CourierStatus(
            self._recipient.id, self._online, self._since, problem, self._in_flight
        )

    async def _attempt(self) -> None:
        """Use one receiver until it fails, or until it is time for the first one again."""
        at = self._receiver
        self._receiver = (at + 1) % len(self._station.receivers)  # whatever happens to this one
        try:
            async with (
                connected(self._station, at, self._clock, self._pace) as link,
                asyncio.TaskGroup() as tasks,
            ):
                waking = (
                    follow(self._outbox, self._wake),
                    tick(self._clock, self._pace.tick_s, self._wake),
                )
                beside = [tasks.create_task(one) for one in (link.listen(), *waking)]
                await self._work(link, at)
                for task in beside:
                    task.cancel()
        except* (PeerError, StoreError) as group:
            self._problem = str(next(leaves(group)))
            raise
        finally:
            self._turn(online=False)

    def _turn(self, *, online: bool) -> None:
        if online is not self._online:
            self._online = online
            self._since = self._clock.now()
            log.info("line", extra={"recipient": self._recipient.id, "online": online})

    async def _work(self, link: Link, at: int) -> None:
        """Deliver, and say that we are there; returns when the first receiver's turn has come."""
        home_s = self._clock.monotonic_s() + self._pace.home_s
        self._knocks.begin()
        self._warning = ""
        while True:
            self._wake.clear()
            link.check()
            await self._supervise(link)
            busy = await self._deliver(link)
            await self._knock(link)
            if at and self._clock.monotonic_s() >= home_s:
                return
            if not busy:
                await self._wake.wait()

    async def _supervise(self, link: Link) -> None:
        """Say that we are there, if nothing else said so for too long."""
        every_s = self._station.supervision_s
        if every_s and self._clock.monotonic_s() - link.spoke_s >= every_s:
            verdict = await link.exchange(Token.NULL, 0, None)
            self._heard(link, "" if verdict.taken else f"supervision: {verdict.problem}")

    def _heard(self, link: Link, warning: str = "") -> None:
        self._problem = ""
        self._warning = warning or link.warning
        self._turn(online=True)

    async def _deliver(self, link: Link) -> bool:
        """Send what waits, the gravest first; whether there was anything."""
        states = (State.WAITING, State.SENT)
        waiting = await self._outbox.due(self._recipient.id, states, limit=BATCH)
        refused: set[str] = set()
        try:
            for done, one in enumerate(waiting):
                self._in_flight = len(waiting) - done
                if one.record.alarm.id in refused:
                    continue  # its end does not overtake it
                if not await self._tell(link, one):
                    refused.add(one.record.alarm.id)
        finally:
            self._in_flight = 0
        return bool(waiting)

    async def _knock(self, link: Link) -> None:
        """Try a few of the refused again."""
        for one in await self._knocks.due():
            if await self._tell(link, one):
                self._refusals.clear()
                await self._knocks.taken()
                self._wake.set()
                return

    async def _tell(self, link: Link, one: Outgoing) -> bool:
        """Send one message and note what came of it; whether the station took it."""
        try:
            content = self._content(one)
        except (ValueError, OverflowError, OSError) as error:  # it alone cannot be written
            problem = f"cannot be written: {error}"[:400]
            await self._mark(one, State.REFUSED, problem)
            self._refuse(one, problem)
            return False
        if content is None:
            await self._mark(one, State.DELIVERED, "")
            return True
        try:
            verdict = await link.exchange(self._station.token, sequence_of(one.seq), content)
        except PeerError as error:
            await self._mark(one, State.SENT, str(error))
            raise
        self._heard(link)
        await self._mark(one, State.DELIVERED if verdict.taken else State.REFUSED, verdict.problem)
        if not verdict.taken:
            self._refuse(one, verdict.problem)
        return verdict.taken

    def _refuse(self, one: Outgoing, problem: str) -> None:
        self._refusals[one.seq] = problem
        self._refusals.move_to_end(one.seq)
        while len(self._refusals) > MOST_REFUSALS:
            self._refusals.popitem(last=False)
        self._knocks.refused()
        self._tally.note(
            "alarm-refused",
            recipient=self._recipient.id,
            alarm=one.record.alarm.id,
            problem=problem,
        )

    async def _mark(self, one: Outgoing, state: State, problem: str) -> None:
        """Note an attempt; PeerError if the disk refuses, so that nothing spins: sent again."""
        try:
            await self._outbox.mark(one.seq, state, problem=problem)
        except StoreError as error:
            self._tally.note("delivery-not-noted", problem=str(error))
            raise PeerError(f"not noted: {error}") from None

    def _content(self, one: Outgoing) -> Content | None:
        """Return what a message says; None if there is no code for it."""
        alarm, is_new = one.record.alarm, one.phase is Phase.RAISED
        if alarm.exercise and not is_new:
            return None
        table = codes()
        code = table.telling(alarm.rule, alarm.severity)
        if alarm.exercise:
            code = table.by_sia[EXERCISE]
        zones = self._station.zones
        zone = zones.get(alarm.zone, zones.get(alarm.camera, 0))
        at_us = alarm.raised.utc_us if is_new else one.record.ended_utc_us
        happened = ("H", dc09.format_time(at_us)[1:])
        if self._station.token is Token.CID:
            return Content(dc09.format_cid(code.events[0], zone, is_new=is_new), (happened,))
        if not (is_new or code.restores):
            return None
        told = dc09.format_sia(code.sia if is_new else code.restores[0], zone)
        words = ["ESERCITAZIONE"] if alarm.exercise else []
        words += [word(alarm.rule), word(alarm.camera), word(alarm.zone)]
        return Content(told, (happened, ("I", " ".join(filter(None, words)))))


def sequence_of(seq: int) -> int:
    """Return the number of a row's message, 1 to 9999; of 9999 rows each another."""
    return (seq - 1) % dc09.MOST_SEQUENCE + 1


def word(value: str) -> str:
    """Return an id, or nothing: what is not made of ids is for nobody outside."""
    return value if all(ID_FORM.match(one) for one in value.split(SEPARATOR)) else ""
