# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A box that only raises alarms: `benchmarks.lab.killing_box FOLDER HOST PORT RATE TOTAL`.

The real outbox, courier and MQTT line, at RATE alarms a second (0: as fast as the disk takes them)
until the file `promised` of FOLDER has TOTAL of them. An id gets there after `raise_alarm` has
returned it and not before, so that whoever kills this process knows what it owes. Each turn of the
line is a row of `line`: monotonic seconds, and 1 or 0. Started anew it goes on.
"""

import asyncio
import os
import sys
from pathlib import Path

from benchmarks.lab.killing import BOX, PREFIX, RECIPIENT, lines_of
from gateway.model.alarm import Alarm
from gateway.model.identifiers import uuid7
from gateway.model.registry import Recipient, RecipientKind
from gateway.relay.alarms.delivery import Courier
from gateway.relay.alarms.mqtt import BrokerOptions, MqttBroker
from gateway.relay.alarms.outbox import Outbox, open_outbox
from gateway.runtime.clock import SystemClock

AT_ONCE = 128
"""Alarms that wait for the disk together when there is no rate."""
LOOK_S = 0.02
CAMERAS = 50
CLOCK = SystemClock()


def recipient() -> Recipient:
    """Return the room that everything goes to."""
    return Recipient(
        RECIPIENT, "Sala", RecipientKind.ROOM, broker="b", topic_prefix=PREFIX, inbox=True
    )


class Raiser:
    """Raises one alarm after the other, each of another camera."""

    def __init__(self, outbox: Outbox, promised: Path, total: int) -> None:
        self._outbox = outbox
        self._handle = os.open(promised, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        self._left = max(0, total - len(lines_of(promised)))
        self._number = 0

    async def run(self, rate: float) -> None:
        """Raise what is left."""
        began_s, begun = CLOCK.monotonic_s(), 0
        async with asyncio.TaskGroup() as tasks:
            workers = [tasks.create_task(self._worker()) for _ in range(0 if rate else AT_ONCE)]
            while not workers and self._left:
                due = int((CLOCK.monotonic_s() - began_s) * rate) - begun
                for _ in range(min(due, self._left)):
                    self._left -= 1
                    begun += 1
                    tasks.create_task(self._one())
                await asyncio.sleep(LOOK_S)

    async def _worker(self) -> None:
        while self._left > 0:
            self._left -= 1
            await self._one()

    async def _one(self) -> None:
        self._number += 1
        now = CLOCK.now()
        camera = f"camera-{self._number % CAMERAS}"
        id_ = uuid7(now.utc_us, os.urandom(10))
        alarm = Alarm(id_, camera, "zona", "intrusione", 1 + self._number % 5, now, exercise=True)
        await self._outbox.raise_alarm(alarm, recipients=[recipient()], act="prova")
        os.write(self._handle, f"{id_}\n".encode())


async def follow(courier: Courier, path: Path) -> None:
    """Write down each turn of the line."""
    online = False
    with path.open("a", encoding="ascii") as file:
        while True:
            if courier.status().online is not online:
                online = not online
                print(CLOCK.monotonic_s(), int(online), file=file, flush=True)
            await asyncio.sleep(LOOK_S)


async def main(folder: Path, address: tuple[str, int], rate: float, total: int) -> None:
    """Raise and deliver until killed."""
    options = BrokerOptions("prova", *address, client_id=BOX)
    async with open_outbox(folder / "alarms.db", clock=CLOCK) as outbox:
        courier = Courier(recipient(), MqttBroker(options), outbox, box=BOX, clock=CLOCK)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(courier.run())
            tasks.create_task(follow(courier, folder / "line"))
            tasks.create_task(Raiser(outbox, folder / "promised", total).run(rate))


if __name__ == "__main__":
    asyncio.run(
        main(Path(sys.argv[1]), (sys.argv[2], int(sys.argv[3])), float(sys.argv[4]),
             int(sys.argv[5]))
    )  # fmt: skip
