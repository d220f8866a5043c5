# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The gates of this box: one per camera whose plates an act in force has read (A-09, D.9).

A gate follows its camera's plan: it is gone within a replan of the end of its act. One that fails
is started again and disturbs no other.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from gateway.analytics.calendar import is_armed
from gateway.analytics.geometry import contains
from gateway.analytics.plates.gate import Gate, GateChild, GateOptions, GateStatistics
from gateway.analytics.plates.request import PlatePicture
from gateway.codec.protocol import Polygon
from gateway.config.options import PlateOptions
from gateway.model.alarm import Box, Observation
from gateway.model.errors import PeerError
from gateway.model.plate import Passage
from gateway.model.registry import Point, Zone
from gateway.ops.health import GatesSnapshot
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout
from gateway.runtime.supervise import Policy, supervise

POLICY = Policy(first_s=0.5, most_s=30.0)


class Child(GateChild, Protocol):
    """The part of a pool that is needed here."""

    def leave(self, affinity: str) -> None:
        """Forget a camera; a child without any ends."""
        ...


@dataclass(frozen=True, slots=True)
class GateParts:
    """What gates are run with."""

    pool: Child
    main: Callable[[str], Fanout | None]
    """The main stream of a camera."""
    masks: Callable[[str], Sequence[Polygon]]
    """What of a camera nobody may see now."""
    on_passage: Callable[[Passage], Awaitable[None]]
    clock: Clock
    options: GateOptions = field(default_factory=GateOptions)
    k_threshold: int = 10
    """Passages are told in steps of so many: no figure moves with one car."""


@dataclass(slots=True)
class _Guarded:
    gate: Gate
    task: asyncio.Task[None]


def gate_options(plates: PlateOptions) -> GateOptions:
    """Return the bounds of gates that the configuration gives."""
    return GateOptions(timeout_s=float(plates.timeout_s), passages=plates.passages)


class Gates:
    """All gates, kept equal to the plans."""

    def __init__(self, parts: GateParts, tasks: asyncio.TaskGroup) -> None:
        self._parts = parts
        self._tasks = tasks
        self._gates: dict[str, _Guarded] = {}
        self._ids = itertools.count(1)
        self._ended = _Sums()
        """Of gates that were closed or replaced: a counter never falls."""

    def reconcile(self, wanted: Mapping[str, tuple[Zone, ...]]) -> tuple[str, ...]:
        """Open, change and close gates so that they read `wanted`; return the cameras touched."""
        touched = []
        for camera in [one for one in self._gates if not wanted.get(one)]:
            self._close(camera)
            self._parts.pool.leave(camera)
            touched.append(camera)
        for camera, zones in wanted.items():
            known = self._gates.get(camera)
            if not zones or (known is not None and known.gate.zones == zones):
                continue
            if known is not None:
                self._close(camera)
            self._open(camera, zones)
            touched.append(camera)
        return tuple(touched)

    def _open(self, camera: str, zones: tuple[Zone, ...]) -> None:
        parts = self._parts
        main = parts.main(camera)
        if main is None:
            return
        gate = Gate(
            camera, zones, main, parts.pool, clock=parts.clock, on_passage=parts.on_passage,
            is_open=lambda zone: is_armed(zone, parts.clock.now()),
            next_id=partial(next, self._ids), options=parts.options,
        )  # fmt: skip
        name = f"gate:{camera}"
        work = supervise(name, gate.run, clock=parts.clock, policy=POLICY)
        self._gates[camera] = _Guarded(gate, self._tasks.create_task(work, name=name))

    def _close(self, camera: str) -> None:
        one = self._gates.pop(camera)
        one.task.cancel()
        self._ended.add(one.gate.statistics())

    def observe(self, observation: Observation) -> None:
        """Wake the gate of a camera in which something is, or stirs, in a lane."""
        one = self._gates.get(observation.camera)
        if one is not None and _concerns(one.gate.zones, observation):
            one.gate.wake(observation.captured)

    def wake(self, camera: str) -> None:
        """Wake a camera's gate whatever its watch sees: somebody else knows of a car."""
        if camera in self._gates:
            self._gates[camera].gate.wake()

    async def picture(self, passage: Passage) -> PlatePicture:
        """Return the best picture of a passage that was just handed on, once; masks covered.

        PeerError if it is not there any more.
        """
        one = self._gates.get(passage.camera)
        if one is None:
            raise PeerError(f"camera {passage.camera} has no gate any more")
        return await one.gate.picture(passage.id, self._parts.masks(passage.camera))

    def statistics(self) -> tuple[tuple[str, GateStatistics], ...]:
        """Return how each gate stands, by camera."""
        return tuple((camera, one.gate.statistics()) for camera, one in sorted(self._gates.items()))

    @property
    def problems(self) -> tuple[str, ...]:
        """Return one line for each gate that does not read."""
        return tuple(
            f"gate {camera}: {one.gate.problem}"
            for camera, one in sorted(self._gates.items())
            if one.gate.problem
        )

    def snapshot(self) -> GatesSnapshot:
        """Return all gates together: no camera, lane or vehicle can be told from it."""
        sums = _Sums(*self._ended.values())
        for _, said in self.statistics():
            sums.add(said)
        k = self._parts.k_threshold
        sums.passages, sums.unread = sums.passages // k * k, sums.unread // k * k
        open_, awake = len(self._gates), sum(one.gate.is_awake for one in self._gates.values())
        return GatesSnapshot(open_, awake, *sums.values())


@dataclass(slots=True)
class _Sums:
    """Counters of all gates since the process began, in the order of GatesSnapshot."""

    passages: int = 0
    unread: int = 0
    looked: int = 0
    skipped: int = 0
    failures: int = 0
    cost_s: float = 0.0

    def add(self, one: GateStatistics) -> None:
        """Add one gate's."""
        self.passages += one.passages
        self.unread += one.unread
        self.looked += one.looked
        self.skipped += one.skipped
        self.failures += one.failures
        self.cost_s += one.cost_s

    def values(self) -> tuple[int, int, int, int, int, float]:
        """Return them in order."""
        return (
            self.passages, self.unread, self.looked, self.skipped, self.failures, self.cost_s,
        )  # fmt: skip


def _concerns(zones: Sequence[Zone], seen: Observation) -> bool:
    """Return whether something is or stirs in a lane, or nobody can tell."""
    if seen.scene_changed or {zone.id for zone in zones}.intersection(seen.occupied):
        return True
    boxes = (*seen.boxes, *(track.box for track in seen.tracks))
    return any(_meets(zone.polygon, box) for zone in zones for box in boxes)


def _meets(polygon: Sequence[Point], box: Box) -> bool:
    """Return whether a box and a polygon have a corner or the middle in each other."""
    middle = ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
    corners = (
        middle, (box.left, box.top), (box.right, box.top), (box.right, box.bottom),
        (box.left, box.bottom), (middle[0], box.bottom),
    )  # fmt: skip
    if any(contains(polygon, one) for one in corners):
        return True
    return any(box.left <= x <= box.right and box.top <= y <= box.bottom for x, y in polygon)
