# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Gates follow the plans, wake with the watch, and one that fails disturbs no other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import time

import pytest

from gateway.analytics.plates.gate import GateOptions
from gateway.assembly.gates import GateParts, Gates, gate_options
from gateway.codec.pool import Pool, PoolOptions, open_pool
from gateway.config.options import PlateOptions
from gateway.model.alarm import Box, Observation
from gateway.model.errors import PeerError
from gateway.model.media import AccessUnit
from gateway.model.plate import Passage, Passing
from gateway.model.registry import ArmedHours
from gateway.model.time import Moment
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from tests.unit.analytics.plates.blocks import Car, film
from tests.unit.analytics.plates.test_gate import COMMAND, LEFT, RIGHT

A, B = "AB123CD", "FX987ZY"
IN_LANE = Box(0.1, 0.2, 0.3, 0.4)


def seen(
    camera: str, *boxes: Box, occupied: tuple[str, ...] = (), at: Moment | None = None
) -> Observation:
    return Observation(camera, at or Moment(0.0, 0), 0, boxes, occupied, 0.1)


class Town:
    """Two cameras, their main streams, and a desk."""

    def __init__(self, pool: Pool, tasks: asyncio.TaskGroup) -> None:
        self.fanouts = {"nord": Fanout(), "sud": Fanout()}
        self.passages: list[Passage] = []
        self.failing: set[str] = set()
        self.come = asyncio.Event()
        parts = GateParts(
            pool, self.fanouts.get, lambda _: [], self.passed, SystemClock(),
            GateOptions(quiet_s=1.0), k_threshold=2,
        )  # fmt: skip
        self.gates = Gates(parts, tasks)

    async def passed(self, passage: Passage) -> None:
        if passage.camera in self.failing:
            self.failing.discard(passage.camera)
            raise PeerError("the desk is not there")
        self.passages.append(passage)
        self.come.set()

    async def play(self, camera: str, units: list[AccessUnit], wakes: bool = True) -> None:
        """Publish a stream, a little at a time; its watch sees a box in the lane early on."""
        for number, unit in enumerate(units):
            if wakes and number == 10:
                self.gates.observe(seen(camera, IN_LANE, at=unit.captured))
            self.fanouts[camera].publish(unit)
            await asyncio.sleep(0)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.02)


@asynccontextmanager
async def town() -> AsyncIterator[Town]:
    options = PoolOptions(command=COMMAND, spares=0, gates=1, restart_s=0.0)
    async with open_pool(0, clock=SystemClock(), options=options) as pool:
        async with asyncio.TaskGroup() as tasks:
            made = Town(pool, tasks)
            yield made
            made.gates.reconcile({})
        assert pool.statistics().pids == () or not made.gates.statistics()


def lanes(camera: str):
    return tuple(replace(zone, camera=camera) for zone in (LEFT, RIGHT))


async def test_a_gate_reads_while_it_is_in_the_plan_and_no_longer() -> None:
    """Opened by a plan, closed by the end of its act: then nothing is read, its child is gone."""
    async with town() as one:
        assert one.gates.reconcile({"nord": lanes("nord"), "sud": ()}) == ("nord",)
        assert one.gates.reconcile({"nord": lanes("nord")}) == ()
        await one.until(one.fanouts["nord"].readers)
        await one.play("nord", film([Car(A, 12, 50, x=0.25)], 200))
        await one.until(lambda: one.passages)
        (passage,) = one.passages
        assert (passage.camera, passage.read.text, passage.passing) == ("nord", A, Passing.IN)
        assert one.gates.reconcile({"nord": ()}) == ("nord",)
        await one.until(lambda: not one.fanouts["nord"].readers())
        await one.play("nord", film([Car(B, 12, 50, x=0.25)], 100, first_90k=90_000_000))
        assert one.gates.statistics() == ()
        with pytest.raises(PeerError, match="no gate any more"):
            await one.gates.picture(passage)
    assert len(one.passages) == 1


async def test_only_what_is_in_a_lane_wakes_its_camera() -> None:
    """A box beside the lanes, or of another camera, costs nothing."""
    async with town() as one:
        narrow = replace(LEFT, camera="nord", polygon=((0.0, 0.0), (0.3, 0.0), (0.3, 1.0)))
        one.gates.reconcile({"nord": (narrow,)})
        await one.until(one.fanouts["nord"].readers)
        one.gates.observe(seen("nord", Box(0.6, 0.6, 0.9, 0.9)))
        one.gates.observe(seen("sud", IN_LANE))
        await one.play("nord", film([Car(A, 2, 20)], 30), wakes=False)
        ((_, said),) = one.gates.statistics()
        assert (said.decoded_units, said.awake) == (0, False)
        units = film([], 10, first_90k=9_000_000)
        one.gates.observe(seen("nord", occupied=("sinistra",), at=units[0].captured))
        await one.play("nord", units, wakes=False)
        await one.until(lambda: one.gates.snapshot().awake)


async def test_a_gate_that_fails_disturbs_no_other_and_comes_back() -> None:
    """Its supervisor starts it again; the other camera's passages all come."""
    async with town() as one:
        one.gates.reconcile({name: lanes(name) for name in ("nord", "sud")})
        await one.until(lambda: all(each.readers() for each in one.fanouts.values()))
        one.failing.add("nord")
        async with asyncio.TaskGroup() as both:
            for name, text in (("nord", A), ("sud", B)):
                both.create_task(one.play(name, film([Car(text, 12, 50, x=0.25)], 200)))
        await one.until(lambda: one.passages)
        assert [p.camera for p in one.passages] == ["sud"]
        await one.until(lambda: not one.failing and not one.fanouts["nord"].readers())
        await one.until(one.fanouts["nord"].readers)
        again = film([Car(A, 12, 50, x=0.25)], 200, first_90k=90_000_000)
        await one.play("nord", again)
        await one.until(lambda: len(one.passages) == 2)
        assert one.passages[1].camera == "nord"


async def test_no_figure_moves_with_one_car() -> None:
    """Passages are told in steps of the threshold, all gates together; no text has a place."""
    async with town() as one:
        one.gates.reconcile({"nord": lanes("nord")})
        await one.until(one.fanouts["nord"].readers)
        await one.play("nord", film([Car(A, 12, 50, x=0.25)], 100))
        await one.until(lambda: len(one.passages) == 1)
        assert (one.gates.snapshot().open, one.gates.snapshot().passages) == (1, 0)
        more = film([Car(B, 12, 50, x=0.25)], 100, first_90k=1_800_000)
        await one.play("nord", more)
        await one.until(lambda: len(one.passages) == 2)
        assert one.gates.snapshot().passages == 2
        one.gates.reconcile({})
        said = one.gates.snapshot()
        assert (said.open, said.passages) == (0, 2)
        assert said.cost_s > 0


async def test_outside_its_hours_a_lane_is_not_read() -> None:
    """The schedule of the zone holds for the gate."""
    async with town() as one:
        now = SystemClock().now()
        hour = now.utc_us // 3_600_000_000 % 24
        never = ArmedHours(time((hour + 6) % 24), time((hour + 7) % 24))
        zone = replace(LEFT, camera="nord", armed=(never,))
        one.gates.reconcile({"nord": (zone,)})
        await one.until(one.fanouts["nord"].readers)
        await one.play("nord", film([Car(A, 12, 20, x=0.25)], 40))
        ((_, said),) = one.gates.statistics()
        assert said.decoded_units == 0


def test_the_configuration_reaches_the_gate() -> None:
    """How long a child may take, and after how many passages it is replaced."""
    made = gate_options(PlateOptions(timeout_s=7, passages=55))
    assert (made.timeout_s, made.passages) == (7.0, 55)
