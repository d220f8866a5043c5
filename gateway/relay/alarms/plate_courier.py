# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Bring plates that hit a list to one room (B-48): no line stands while there is nothing to bring.

The alarm of a hit goes the way of every alarm (`gateway.relay.alarms.delivery`) and tells no plate.
This brings the plate beside it: QoS 1, never retained, forgotten by the broker after five minutes,
under the id of the alarm, by which a recipient knows it again. It is repeated until the broker had
a subscriber to give it to, or the room on its line has committed it.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.model.errors import StoreError
from gateway.model.registry import Recipient
from gateway.relay.alarms.delivery import LINE_POLICY, Broker, Line
from gateway.runtime.clock import Clock
from gateway.runtime.supervise import Policy, supervise
from gateway.runtime.tally import Tally
from gateway.wire.mqtt_reasons import Conduct, on_message, words
from gateway.wire.onvif_mqtt import (
    MOST_PLATE_EXPIRY_S,
    PlateHit,
    check_prefix,
    plate_message,
)

log = logging.getLogger(__name__)

LOOK_S: Final = 60.0
"""How often it is looked although nobody rang."""


class Parcels(Protocol):
    """What waits for recipients. StoreError if the disk refuses."""

    async def waiting(self, recipient: str) -> Sequence[PlateHit]:
        """Return what a recipient has not got."""
        ...

    async def sent(self, hit: str, recipient: str) -> None:
        """Note that it has it."""
        ...

    async def refused(self, hit: str, recipient: str, problem: str) -> None:
        """Note why it has not."""
        ...


@dataclass(frozen=True, slots=True)
class PlatePace:
    """How hard to try; in seconds."""

    first_s: float = 3.0
    most_s: float = 60.0
    """Between two tries of what nobody took."""
    expiry_s: int = MOST_PLATE_EXPIRY_S
    redial: Policy = LINE_POLICY


class PlateCourier:
    """Brings hits to one recipient; `run` until cancelled."""

    def __init__(
        self,
        recipient: Recipient,
        broker: Broker,
        parcels: Parcels,
        *,
        box: str,
        clock: Clock,
        pace: PlatePace | None = None,
    ) -> None:
        """`box`: id of this box; ConfigError if the recipient's topic prefix cannot be used."""
        self._recipient = recipient
        self._broker = broker
        self._parcels = parcels
        self._clock = clock
        self._pace = pace or PlatePace()
        self._prefix = recipient.topic_prefix or f"varco/{box}/{recipient.id}"
        check_prefix(self._prefix, where=f"recipient {recipient.id}")
        self._bell = asyncio.Event()
        self._bell.set()
        self._tally = Tally(log, clock)
        self.problem = ""
        """What the broker refused last; empty if all is well. It tells no plate."""

    def ring(self) -> None:
        """Say that there may be something to bring; never waits."""
        self._bell.set()

    async def run(self) -> None:
        """Bring what there is, for ever; a line that broke is dialled again."""
        name = f"plates:{self._recipient.id}"
        await supervise(name, self._attempt, clock=self._clock, policy=self._pace.redial)

    async def _attempt(self) -> None:
        wait_s = self._pace.first_s
        while True:
            self._bell.clear()
            left = await self._round()
            if not left:
                wait_s, self.problem = self._pace.first_s, ""
            await self._rest(min(wait_s, LOOK_S) if left else LOOK_S)
            if left:
                wait_s = min(2 * wait_s, self._pace.most_s)

    async def _rest(self, seconds: float) -> None:
        """Wait until somebody rings, no longer than `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        except TimeoutError:
            return

    async def _round(self) -> bool:
        """Bring what waits, if anything does; return whether something is left."""
        if not await self._waiting():
            return False
        async with self._broker.connect(f"{self._recipient.id}-targhe", will=None) as line:
            for hit in await self._waiting():  # after the dialling: what was discarded is gone
                await self._bring(line, hit)
        return bool(await self._waiting())

    async def _waiting(self) -> Sequence[PlateHit]:
        try:
            return await self._parcels.waiting(self._recipient.id)
        except StoreError as error:
            self._tally.note("plates-not-read", problem=str(error))
            return ()

    async def _bring(self, line: Line, hit: PlateHit) -> None:
        pace = self._pace
        message = plate_message(self._prefix, hit, self._recipient, expiry_s=pace.expiry_s)
        code = await line.publish(message)
        conduct = on_message(code)
        try:
            if conduct is Conduct.DONE:
                await self._parcels.sent(hit.hit, self._recipient.id)
                return
            self.problem = words(code)
            await self._parcels.refused(hit.hit, self._recipient.id, self.problem)
        except StoreError as error:  # rather twice than never: the id tells
            self._tally.note("plate-not-noted", problem=str(error))
        self._tally.note("plate-not-taken", recipient=self._recipient.id, problem=words(code))
