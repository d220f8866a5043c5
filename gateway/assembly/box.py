# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One running box: everything open, joined, and kept true to the registry."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway import __version__
from gateway.access.gate import Gate
from gateway.access.identity import Accounts
from gateway.assembly.alarms import AlarmDesk, DeskParts
from gateway.assembly.cameras import Cameras, Parts
from gateway.assembly.couriers import Couriers
from gateway.assembly.face import Face, Gauges
from gateway.assembly.journal import Journal
from gateway.assembly.opening import broker_options
from gateway.assembly.plans import plan
from gateway.assembly.viewing import Accountant, ClipParts, Clips, Viewing
from gateway.audit.ledger import Ledger
from gateway.codec.pool import Pool, PoolStatistics
from gateway.config.options import Options
from gateway.config.secrets import resolve_login
from gateway.console.services import Box, Endings
from gateway.evidence.stills import Stills
from gateway.model.access import Grant
from gateway.model.alarm import Observation
from gateway.model.errors import PeerError, StoreError
from gateway.ops.watchdog import Progress
from gateway.registry.store import RegistryStore
from gateway.relay.alarms.mqtt import BrokerOptions
from gateway.relay.alarms.outbox import Outbox
from gateway.relay.video.process import MediaProcess
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

REPLAN_S = 5.0
"""How soon an act that began or ended shows: analytics stop within a minute (A-47)."""
SETTLE_S = 5.0
SWEEP_S = 30.0
MEDIA_S = 8.0
"""A media process that is away for longer is no progress."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What the composition root has opened, in the order in which it is closed again."""

    options: Options
    config_path: Path
    clock: Clock
    registry: RegistryStore
    ledger: Ledger
    outbox: Outbox
    pool: Pool
    stills: Stills
    accounts: Accounts
    gate: Gate
    endings: Endings
    media: MediaProcess
    journal: Journal
    accountant: Accountant


class RunningBox:
    """The joined parts; its tasks live in the task group that it was given."""

    def __init__(self, opened: Opened, progress: Progress, tasks: asyncio.TaskGroup) -> None:
        """Build and start nothing yet; `start` does."""
        self._o = opened
        self._tasks = tasks
        self.progress = progress
        most_bytes = opened.options.ring.most_mib << 20
        self.cameras = Cameras(Parts(opened.clock, opened.pool, self._observe, most_bytes), tasks)
        self.viewing = Viewing(opened.media, self.cameras.post)
        self.clips = self._clips(most_bytes)
        self.desk = self._desk()
        self.couriers = Couriers(
            opened.outbox, self._brokers(), tasks, box=opened.options.box.id, clock=opened.clock
        )
        self.face = Face(self._gauges(), progress, opened.clock)
        self._unusable: dict[str, str] = {}
        self._sweeping = ""

    def _clips(self, most_bytes: int) -> Clips:
        o = self._o
        return Clips(
            ClipParts(
                o.pool, self.cameras.post, o.registry.current, o.gate.check, o.outbox.get,
                o.clock, most_bytes,
            )
        )  # fmt: skip

    def _desk(self) -> AlarmDesk:
        o = self._o
        parts = DeskParts(
            o.outbox, o.journal, o.stills, o.pool, o.registry.current, self.cameras.post,
            o.clock, o.options.box.exercise, self.clips.hold,
        )  # fmt: skip
        return AlarmDesk(parts, self._tasks.create_task)

    def _brokers(self) -> Mapping[str, BrokerOptions]:
        options = self._o.options
        where = str(self._o.config_path)
        return {
            line.name: broker_options(line, box=options.box.id, where=where)
            for line in options.brokers
        }

    def box(self) -> Box:
        """Return who we are, for the pages."""
        options = self._o.options.box
        return Box(
            name=options.name,
            organisation=options.name,
            version=__version__,
            exercise=options.exercise,
            language=options.language.value,
        )

    async def start(self) -> None:
        """Start the tasks that keep the box true; returns at once."""
        await self.desk.adopt()
        await self.replan()
        for coroutine in (
            self._follow_registry(),
            self.desk.tick(),
            self._o.media.keep(self._still_allowed),
            self._sweep(),
            self._settle(),
        ):
            self._tasks.create_task(coroutine)

    def exercises(self) -> tuple[tuple[str, Callable[[], Awaitable[object]]], ...]:
        """Return real work by which each essential part proves that it makes progress."""
        o = self._o
        return (
            ("ledger", lambda: insist(o.ledger.prove)),
            ("alarms", lambda: insist(o.outbox.prove)),
            ("media", lambda: insist(lambda: o.media.ready(MEDIA_S))),
        )

    async def replan(self) -> Sequence[str]:
        """Make cameras and couriers follow registry, acts and credentials; return who changed."""
        registry, now = self._o.registry.current(), self._o.clock.now()
        most_s = float(self._o.options.ring.most_seconds)
        plans = {
            one.id: plan(one, registry, now, _login, most_s) for one in registry.cameras.values()
        }
        touched = self.cameras.reconcile(plans)
        self.couriers.reconcile(registry)
        unusable = {one.camera: one.problem for one in plans.values() if one.problem}
        for camera in unusable.items() - self._unusable.items():
            log.error("camera-unusable", extra={"camera": camera[0], "problem": camera[1]})
        self._unusable = unusable
        return touched

    async def _observe(self, observation: Observation) -> None:
        await self.desk.observe(observation)

    async def _follow_registry(self) -> None:
        """Replan at every change, and every few seconds for acts that begin or end."""
        seen = self._o.registry.current()
        while True:
            try:
                async with asyncio.timeout(REPLAN_S):
                    seen = await self._o.registry.wait_changed(seen)
            except TimeoutError:
                pass
            await self.replan()

    def _still_allowed(self, grant: Grant) -> bool:
        return self._o.gate.check(grant).allowed

    async def _settle(self) -> None:
        """Write what the ledger is owed and let go what nobody holds, every few seconds."""
        while True:
            await self._o.clock.sleep(SETTLE_S)
            await self._o.journal.settle()
            await self._o.accountant.settle()
            self.clips.sweep()

    async def _sweep(self) -> None:
        """Delete stills and Grants whose time is over, every half minute; a full disk may wait."""
        while True:
            try:
                await asyncio.to_thread(self._o.stills.sweep)
                await self._o.gate.sweep()
                self._sweeping = ""
            except StoreError as error:
                if str(error) != self._sweeping:
                    log.error("sweep-fails", extra={"problem": str(error)})  # noqa: TRY400 - the trace says nothing more
                self._sweeping = str(error)
            await self._o.clock.sleep(SWEEP_S)

    def _failing(self) -> tuple[str, ...]:
        """Return what keeps the box from its duty."""
        parts = (
            ("ledger", self._o.journal.problem),
            ("alarms", self.desk.problem),
            ("sweep", self._sweeping),
        )
        return tuple(f"{part}: not written: {problem}" for part, problem in parts if problem)

    def _gauges(self) -> Gauges:
        o = self._o
        return Gauges(
            cameras=self.cameras.statuses,
            viewers=lambda: len(o.media.sessions()),
            ledger_size=lambda: o.ledger.head().size,
            ledger_spilling=lambda: o.ledger.spilling,
            registry_version=lambda: o.registry.current().version,
            alarms_open=o.outbox.living,
            deliveries_waiting=o.outbox.waiting,
            media_restarts=lambda: o.media.restarts,
            children_restarts=lambda: _replaced(o.pool.statistics()),
            failing=self._failing,
            limping=lambda: self.couriers.problems,
        )


async def insist(work: Callable[[], Awaitable[object]]) -> None:
    """Return once a part has answered; an answer is progress even if it is a refusal.

    A part that hangs never lets this return: it grows stale, and the watchdog ends the process.
    """
    while True:
        try:
            await work()
        except (TimeoutError, PeerError) as error:
            log.warning("no-answer", extra={"problem": str(error) or type(error).__name__})
        except StoreError:
            return  # it is told where it matters; a full disk is no reason to start anew
        else:
            return


def _replaced(children: PoolStatistics) -> int:
    """Return how many children were replaced since the start."""
    return max(0, children.starts - len(children.pids))


def _login(reference: str, camera: str) -> tuple[str, str]:
    return resolve_login(reference, where=f"camera {camera}", key="credential")
