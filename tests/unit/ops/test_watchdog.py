# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio

import pytest

from gateway.model.errors import StoreError
from gateway.ops.watchdog import Progress, exercise, watch
from tests.fakes import FakeClock


class Recorder:
    """A notifier that writes down when it was pinged."""

    watchdog_s = 20.0

    def __init__(self, clock):
        self.clock = clock
        self.pings = []

    def watchdog(self):
        self.pings.append(self.clock.monotonic_s())


async def run_for(coroutine, clock, seconds):
    task = asyncio.create_task(coroutine)
    until = clock.monotonic_s() + seconds
    while clock.monotonic_s() < until and not task.done():
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return task


async def test_pings_stop_when_one_part_stalls_and_resume_with_it():
    """One silent part is enough to let the service manager restart us."""
    clock = FakeClock()
    progress, recorder = Progress(clock, bound_s=10), Recorder(clock)
    progress.beat("ledger")
    await run_for(watch(progress, recorder, clock=clock), clock, 60)
    assert recorder.pings == [1000, 1005, 1010]
    assert progress.stale() == ("ledger",)
    progress.beat("ledger")
    await run_for(watch(progress, recorder, clock=clock), clock, 5)
    assert len(recorder.pings) == 4


async def test_exercise_beats_only_after_work():
    """Work that hangs makes its part stale even though the loop turns."""
    clock = FakeClock()
    progress = Progress(clock, bound_s=10)
    hang = asyncio.Event()
    task = asyncio.create_task(exercise("disk", hang.wait, progress, clock=clock))
    await asyncio.sleep(0)
    clock.advance(11)
    assert progress.stale() == ("disk",)
    hang.set()
    while progress.stale():
        await asyncio.sleep(0)
    task.cancel()


async def test_failing_work_ends_the_task():
    """An essential part that fails must end the process, not be swallowed here."""

    async def fail():
        raise StoreError("disk")

    with pytest.raises(StoreError):
        await exercise("disk", fail, Progress(FakeClock()), clock=FakeClock())
