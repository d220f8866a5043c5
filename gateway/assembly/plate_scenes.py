# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The exercise's scene of the gate: many cars, one sought; then the others are looked for (D.9).

Real are the stream, the watch, the gate, its caged reader with both nets and the vote, the list
that two people made, the hit and its alarm. Hurried is the traffic alone: rows of three, one after
the other, as fast as the gate counts them; a loop in the road wakes the gate, since the watch may
take as long as a whole row. While the gate catches up the camera sends one picture a second.
"""

import asyncio
import json
import logging
import os
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from gateway.assembly.exercise import Outcome, SceneState
from gateway.model.errors import PeerError
from gateway.relay.alarms.mqtt import BrokerOptions, MqttBroker
from gateway.runtime.clock import Clock
from gateway.simulator import leftovers, rush
from gateway.simulator.camera import VirtualCamera
from gateway.simulator.scene_lanes import ABREAST

log = logging.getLogger(__name__)

FORGOTTEN_S: Final = 5.0
"""After the last car nothing of the others is to be found any more."""
AHEAD: Final = 3 * ABREAST
"""Cars on the road that the gate has not counted yet."""
STALL_S: Final = 20.0
"""A car that is not counted within this time is missed; the others go on."""
LOOK_S: Final = 0.1
RETAINED_S: Final = 1.0
"""So long retained messages may take to come."""
SEARCH_S: Final = 120.0
SPARED: Final = frozenset({"units.bin", "sub.bin"})
"""Coded pictures of the town: no text is in them, and no plate of these cars."""


class _Stage(Enum):
    IDLE = 0
    RUNNING = 1
    OVER = 2


@dataclass(frozen=True, slots=True)
class PlateSceneParts:
    """What the scene works with."""

    count: int
    """Cars, the sought one among them."""
    camera: VirtualCamera
    passages: Callable[[], int]
    """How many the gate has counted since it was opened."""
    wake: Callable[[], None]
    """What a loop in the road does as a car comes."""
    seek: Callable[[], Awaitable[object]]
    """Has the plate put on the list; PeerError if nobody can."""
    answers: Callable[[], Awaitable[dict[str, str]]]
    """What the console and the metrics tell now."""
    broker: BrokerOptions
    folder: Path
    """Everything that the town's boxes write."""
    clock: Clock
    spawn: Callable[[Coroutine[None, None, None]], object]
    """Has something done beside everything else."""


class PlateScenes:
    """Two buttons: the cars, and the search."""

    def __init__(self, parts: PlateSceneParts) -> None:
        self._p = parts
        self._stage = _Stage.IDLE
        self._seed = 0
        self._before = self._lost = self._shown = self._counted = 0
        self._over_s = 0.0
        self._problem = ""
        self._ears = 0
        self._deaf = ""
        """Why the broker could not be listened to; empty while it can."""

    # the cars ------------------------------------------------------------------------------------

    async def drive(self) -> Outcome:
        """Begin, and return at once; what was begun goes on by itself."""
        if self._stage is not _Stage.RUNNING:
            self._seed = secrets.randbits(63)
            self._before, self._shown, self._lost = self._p.passages(), 0, 0
            self._stage, self._problem = _Stage.RUNNING, ""
            self._p.spawn(self._driven())
        return Outcome()

    async def _driven(self) -> None:
        p = self._p
        try:
            await p.seek()
            p.camera.held = True
            async with self._ear(), rush.painter(self._seed, p.count) as rows:
                async for row in rows:
                    await self._room_for_more()
                    p.wake()
                    p.camera.show(row)
                    self._shown = min(p.count, self._shown + ABREAST)
                await self._until(lambda: self.passed + self._lost >= p.count)
        except (PeerError, OSError) as error:
            self._problem = str(error)
            log.warning("exercise-cars", extra={"problem": self._problem})
        finally:
            p.camera.held = False
            self._counted = self.passed
            self._over_s = p.clock.monotonic_s()
            self._stage = _Stage.OVER

    @property
    def passed(self) -> int:
        """Return how many the gate has counted of this run."""
        return self._p.passages() - self._before

    async def _room_for_more(self) -> None:
        if not await self._until(lambda: self._shown - self.passed - self._lost < AHEAD):
            self._lost = self._shown - self.passed
        if self._shown >= 2 * AHEAD and not self.passed:
            raise PeerError("the gate counts no car")

    async def _until(self, enough: Callable[[], bool]) -> bool:
        """Wait until it is enough; False once nothing was counted for STALL_S."""
        clock = self._p.clock
        seen, since_s = self.passed, clock.monotonic_s()
        while not enough():
            if self.passed != seen or self._p.camera.waiting:
                seen, since_s = self.passed, clock.monotonic_s()
            elif clock.monotonic_s() - since_s > STALL_S:
                return False
            await clock.sleep(LOOK_S)
        return True

    def driving(self) -> SceneState:
        """Return how far the cars are."""
        if self._stage is _Stage.IDLE:
            return SceneState()
        if self._stage is _Stage.RUNNING:
            done, whole = max(0, min(self.passed, self._p.count)), self._p.count
            return SceneState(True, True, done, whole)
        words = (
            (f"Interrotta: {self._problem}", f"Broken off: {self._problem}")
            if self._problem
            else (
                f"{self._counted} passate. Chi è cercato è in «Riscontri».",
                f"{self._counted} passed. Who is sought is in “Plate hits”.",
            )
        )
        return SceneState(True, False, self._counted, self._p.count, *words)

    # the search ----------------------------------------------------------------------------------

    def searching(self) -> SceneState:
        """Return whether there is anything to look for."""
        return SceneState(self._stage is _Stage.OVER and self._counted > 0)

    async def search(self) -> Outcome:
        """Look for the plates of the others everywhere; return what was found, in words."""
        if not self.searching().enabled:
            return Outcome(
                "Prima devono passare le auto.", "The cars have to pass first."
            )  # fmt: skip
        clock = self._p.clock
        async with self._ear():
            forgotten_s = self._over_s + FORGOTTEN_S - clock.monotonic_s()
            await clock.sleep(max(RETAINED_S, forgotten_s))
        if self._deaf:
            return Outcome(
                f"Il broker non si lascia ascoltare: {self._deaf}",
                f"The broker cannot be listened to: {self._deaf}",
            )
        after_s = clock.monotonic_s() - self._over_s
        told = await self._searched(await self._p.answers())
        return _words(told, self._counted, after_s, self._heard())

    async def _searched(self, answers: dict[str, str]) -> leftovers.Report:
        """Run the search in a process of its own; TimeoutError if it takes longer than SEARCH_S."""
        own = os.getpid()
        processes = {own: leftovers.name_of(own)} | {
            pid: leftovers.name_of(pid) for pid in leftovers.below(own)
        }
        with leftovers.opened(processes) as memories:
            numbers = [one for memory in memories for one in (memory.maps, memory.mem)]
            asked = {
                "seed": self._seed, "count": self._p.count, "folders": [str(self._p.folder)],
                "answers": answers, "spared": sorted(SPARED),
                "memories": [[one.name, one.maps, one.mem] for one in memories],
            }  # fmt: skip
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gateway.simulator.leftovers", pass_fds=numbers,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                async with asyncio.timeout(SEARCH_S):
                    out, _ = await child.communicate(json.dumps(asked).encode())
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
        return leftovers.Report(**json.loads(out))

    # the broker's words --------------------------------------------------------------------------

    @property
    def _notes(self) -> Path:
        return self._p.folder / "broker.txt"

    def _heard(self) -> int:
        return len(self._notes.read_bytes().splitlines()) if self._notes.exists() else 0

    @asynccontextmanager
    async def _ear(self) -> AsyncIterator[None]:
        """Write down all that the broker tells meanwhile, what it keeps first."""
        self._ears += 1
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._listen(f"orecchio-{self._ears}"))
            try:
                yield
            finally:
                listening.cancel()

    async def _listen(self, client: str) -> None:
        try:
            async with MqttBroker(self._p.broker).connect(client, will=None) as line:
                await line.subscribe("#")
                self._deaf = ""
                while True:
                    for message in await line.receive(64):
                        with self._notes.open("ab") as file:
                            file.write(message.topic.encode() + b" " + message.payload + b"\n")
        except PeerError as error:
            self._deaf = str(error)


def _words(report: leftovers.Report, counted: int, after_s: float, heard: int) -> Outcome:
    finds = sum(count for _, count in report.found)
    share = f"{100 * report.left / max(1, report.sought):.1f}"
    size = f"{report.bytes / 1e6:.1f}"
    control = ("è stata trovata", "was found") if report.control else ("NON trovata", "NOT found")
    italian = (
        f"{counted} auto contate. Delle {report.sought} che nessuno cerca: {finds} trovate in "
        f"{report.files} file ({size.replace('.', ',')} MB: stato, registri, log), in {heard} "
        f"messaggi del broker e nelle risposte della console; cercate come testo e come SHA-256. "
        f"Una targa di controllo, messa apposta in un file, {control[0]}. Nella memoria "
        f"scrivibile dei {len(report.memory)} processi, {after_s:.0f} s dopo l'ultima auto: "
        f"{report.left} di {report.sought} ({share.replace('.', ',')} %). Il residuo è misurato, "
        "non promesso nullo: Python non lascia azzerare ogni copia di un testo."
    )
    english = (
        f"{counted} cars counted. Of the {report.sought} that nobody seeks: {finds} found in "
        f"{report.files} files ({size} MB: state, ledgers, logs), in {heard} messages of the "
        f"broker and in the console's answers; looked for as text and as SHA-256. A control "
        f"plate, put into a file on purpose, {control[1]}. In the writable memory of the "
        f"{len(report.memory)} processes, {after_s:.0f} s after the last car: {report.left} of "
        f"{report.sought} ({share} %). The residue is measured, not promised to be zero: Python "
        "does not let every copy of a text be overwritten."
    )
    rows = [f"{count:6d}  {place}" for place, count in (*report.found, *report.memory)]
    return Outcome(italian, english, "\n".join(rows), finds=finds)
