# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Alarms on a disk whose power is cut: `python -m benchmarks.lab.power FOLDER CUTS SEED [lies]`.

The real outbox, again and again, each time until the power goes at a random write or sync. What it
had promised must be in what is left, with a delivery for each alarm. Prints one JSON line. A
process of its own, because it changes what `sqlite3` opens.
"""

import asyncio
import os
import random
import shutil
import sqlite3
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lab.killing_box import recipient
from benchmarks.lab.power_disk import Disk, DiskError
from benchmarks.lab.process import say
from gateway.model.alarm import Alarm
from gateway.model.errors import StoreError
from gateway.model.identifiers import uuid7
from gateway.relay.alarms.outbox import Outbox, open_outbox
from gateway.runtime.clock import SystemClock
from gateway.wire.onvif_mqtt import Phase

AT_ONCE = 3
"""Alarms that may share a commit."""
MOST_OPERATIONS = 900
"""Until the cut: several checkpoints; a commit takes a handful."""
CLOCK = SystemClock()


@dataclass(slots=True)
class Fallen:
    """What many cuts did."""

    cuts: int = 0
    alarms: int = 0
    """Promised before the cut of their disk."""
    lost: int = 0
    broken: int = 0
    """Databases that SQLite finds damaged, or that lack a delivery."""


class _Raiser:
    """Raises alarms and hears them acknowledged until the disk refuses."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.promised: list[str] = []

    async def run(self) -> None:
        """Return when the power is gone."""
        async with asyncio.TaskGroup() as tasks:
            acknowledging = tasks.create_task(self._acknowledge())
            async with asyncio.TaskGroup() as raising:
                for number in range(AT_ONCE):
                    raising.create_task(self._raise(number))
            # it writes nothing where all is acknowledged, and would never hear of the cut
            acknowledging.cancel()

    async def _raise(self, number: int) -> None:
        with suppress(StoreError):
            while True:
                now = CLOCK.now()
                id_ = uuid7(now.utc_us, os.urandom(10))
                alarm = Alarm(id_, f"camera-{number}", "zona", "intrusione", 3, now, exercise=True)
                await self._outbox.raise_alarm(alarm, recipients=[recipient()], act="prova")
                self.promised.append(id_)

    async def _acknowledge(self) -> None:
        to = recipient().id
        with suppress(StoreError):
            while True:
                await asyncio.sleep(0.01)
                await self._outbox.acknowledge(to, Phase.RAISED, self.promised[-4:-2])


async def fall(disk: Disk, folder: Path, seed: int) -> list[str]:
    """Raise alarms until the power goes; return the promised ones. `disk` has the image."""
    path = folder / "alarms.db"
    disk.use()
    try:
        before = disk.operations
        async with open_outbox(path, clock=CLOCK) as outbox:
            if disk.operations == before:
                raise DiskError("SQLite does not use what is registered")
            raiser = _Raiser(outbox)
            disk.cut_after(random.Random(seed).randrange(5, MOST_OPERATIONS), seed)
            await raiser.run()
    finally:
        disk.leave()
    return raiser.promised


def judge(folder: Path, image: dict[str, bytes], promised: list[str], found: Fallen) -> None:
    """Open what is left as the next start would, and count."""
    for name, content in image.items():
        (folder / name).write_bytes(content)
    found.cuts += 1
    found.alarms += len(promised)
    try:
        rows, whole = asyncio.run(_reopened(folder / "alarms.db"))
    except (StoreError, sqlite3.Error):
        rows, whole = set(), False
    found.broken += not whole
    found.lost += len(set(promised) - rows)


async def _reopened(path: Path) -> tuple[set[str], bool]:
    """Return the alarms that have their delivery, and whether all is well."""
    async with open_outbox(path, clock=CLOCK):
        with closing(sqlite3.connect(path)) as db:
            sound = db.execute("pragma integrity_check").fetchone()[0] == "ok"
            alarms = {row[0] for row in db.execute("select id from alarm")}
            sql = "select alarm from delivery where phase=?"
            told = {row[0] for row in db.execute(sql, (Phase.RAISED.value,))}
    return alarms & told, sound and alarms == told


def main(folder: Path, cuts: int, seed: int, *, lies: bool = False) -> None:
    """Cut the power so often."""
    found = Fallen()
    try:
        disk = Disk()
        disk.lies = lies
        for number in range(cuts):
            running, after = folder / "running", folder / "after"
            for one in (running, after):
                one.mkdir(parents=True)
            promised = asyncio.run(fall(disk, running, seed + number))
            judge(after, disk.image(), promised, found)
            for one in (running, after):
                shutil.rmtree(one)
    except DiskError as error:
        say({"skipped": str(error)})
        return
    say({"cuts": found.cuts, "alarms": found.alarms, "lost": found.lost, "broken": found.broken})


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), lies="lies" in sys.argv[4:])
