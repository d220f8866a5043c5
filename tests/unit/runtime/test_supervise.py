# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio

import pytest

from gateway.model.errors import (
    BusyError,
    CredentialError,
    InvariantError,
    PeerError,
    StoreError,
    WireError,
)
from gateway.runtime.supervise import Policy, contained, supervise
from tests.fakes import FakeClock

STEADY = {"first_s": 1, "most_s": 8, "jitter": 0.0}


class Script:
    """An attempt that raises what it is told, in order, then waits for ever."""

    def __init__(self, *raises):
        self.raises = list(raises)
        self.idle = asyncio.Event()

    async def __call__(self):
        if self.raises:
            raise self.raises.pop(0)
        self.idle.set()
        await asyncio.Event().wait()


async def run_until_idle(script, clock, policy, **more):
    async with asyncio.timeout(30), asyncio.TaskGroup() as tg:
        task = tg.create_task(supervise("cam-1", script, clock=clock, policy=policy, **more))
        await script.idle.wait()
        task.cancel()


async def test_peer_errors_are_retried_with_doubling_waits():
    """A peer that stays away is asked ever more rarely, up to the bound."""
    clock = FakeClock()
    await run_until_idle(Script(*[PeerError("refused")] * 5), clock, Policy(**STEADY))
    assert clock.sleeps == [1, 2, 4, 8, 8]


@pytest.mark.parametrize(("drawn", "wait_s"), [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)])
async def test_waits_are_spread(drawn, wait_s):
    """The jitter moves each wait by up to a fifth either way."""
    clock = FakeClock()
    policy = Policy(first_s=1, most_s=8, jitter=0.2)
    await run_until_idle(Script(PeerError("x")), clock, policy, draw=lambda: drawn)
    assert clock.sleeps == [pytest.approx(wait_s)]


async def test_refused_credentials_wait_longer():
    """An account is not knocked on until the camera locks it."""
    clock = FakeClock()
    policy = Policy(**STEADY, refused_s=(30, 120))
    await run_until_idle(Script(CredentialError("401"), WireError("x")), clock, policy)
    assert clock.sleeps == [30, 2]


async def test_a_peer_error_inside_a_task_group_is_retried():
    """Errors of an attempt's own tasks count like its own."""
    clock = FakeClock()
    group = ExceptionGroup("attempt", [PeerError("eof")])
    await run_until_idle(Script(group), clock, Policy(**STEADY))
    assert clock.sleeps == [1]


async def test_bugs_are_retried_within_the_budget_then_propagate():
    """The fourth crash within the window ends the task with the bug itself."""
    clock = FakeClock()
    script = Script(*[IndexError("bug")] * 9)
    with pytest.raises(ExceptionGroup) as e:
        await supervise("cam-1", script, clock=clock, policy=Policy())
    assert e.group_contains(IndexError)
    assert len(clock.sleeps) == 3


async def test_old_crashes_are_forgotten():
    """Crashes that are spread wider than the window never use up the budget."""
    clock = FakeClock()
    policy = Policy(1000, 1000, crash_window_s=600)
    await run_until_idle(Script(*[IndexError("b")] * 9), clock, policy)
    assert len(clock.sleeps) == 9


async def test_a_mixed_group_counts_as_a_bug():
    """A bug is not hidden by a peer error beside it."""
    group = ExceptionGroup("both", [PeerError("eof"), InvariantError("bug")])
    with pytest.raises(ExceptionGroup) as e:
        await supervise("c", Script(group), clock=FakeClock(), policy=Policy(crashes=0))
    assert e.group_contains(InvariantError)


async def test_cancellation_passes_through_at_once():
    """Shutting down never waits for a retry."""
    script = Script()
    task = asyncio.create_task(supervise("c", script, clock=FakeClock(), policy=Policy()))
    await script.idle.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_one_camera_down_does_not_touch_its_neighbour():
    """A neighbour's task lives on while another is retried fifty times."""
    clock = FakeClock()
    dead, fine = Script(*[PeerError("no route")] * 50), Script()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tg:
        both = [
            tg.create_task(supervise(n, s, clock=clock, policy=Policy()))
            for n, s in (("a", dead), ("b", fine))
        ]
        await dead.idle.wait()
        assert fine.idle.is_set()
        assert not both[1].done()
        for task in both:
            task.cancel()


async def test_refusals_wait_ever_longer_and_keep_their_last_bound():
    """30 s, 2 min, 10 min, then half an hour for ever."""
    clock = FakeClock()
    script = Script(*[CredentialError("401")] * 5)
    await run_until_idle(script, clock, Policy(**STEADY))
    assert clock.sleeps == [30, 120, 600, 1800, 1800]


async def test_a_full_peer_is_asked_again_after_a_while():
    """10 s and growing: the sessions of others end in their own time."""
    clock = FakeClock()
    script = Script(*[BusyError("453")] * 3, PeerError("eof"))
    await run_until_idle(script, clock, Policy(**STEADY))
    assert clock.sleeps == [10, 20, 40, 8]


async def test_an_error_may_bring_its_own_least_wait():
    """What the peer asked for is waited, exactly; the other bound stays a least one."""
    clock = FakeClock()
    told, short = BusyError("503"), PeerError("eof")
    told.retry_after_s, short.retry_after_s = 77.0, 0.5
    await run_until_idle(Script(told, short), clock, Policy(**STEADY))
    assert clock.sleeps == [77, 2]


async def test_waits_from_the_begin_make_up_for_slow_attempts():
    """An attempt that took longer than the wait is followed at once, never in a spin."""
    clock = FakeClock()

    class Slow(Script):
        async def __call__(self):
            clock.advance(0.7 if len(self.raises) > 1 else 5.0)
            await super().__call__()

    policy = Policy(first_s=1, most_s=1, jitter=0.0, from_begin=True)
    await run_until_idle(Slow(PeerError("x"), PeerError("x")), clock, policy)
    assert clock.sleeps == [pytest.approx(0.3), 0.05]


async def test_what_repeats_is_told_now_and_then(caplog):
    """A camera that is dead for a day is a few lines, each with how often it was tried."""
    clock = FakeClock()
    policy = Policy(first_s=1, most_s=1, jitter=0.0)
    with caplog.at_level("WARNING"):
        await run_until_idle(Script(*[PeerError("dead")] * 1500, PeerError("x")), clock, policy)
    told = [(record.problem, record.repeats) for record in caplog.records]
    assert told == [("dead", 0), ("dead", 599), ("dead", 599), ("x", 299)]


def test_what_one_peer_began_goes_no_further(caplog):
    """Errors of the peer are normal, a bug is logged and told; neither reaches the neighbours."""

    async def play():
        assert await contained("line of edge x", Script(PeerError("gone")))
        group = ExceptionGroup("line", [WireError("garbage"), PeerError("gone")])
        assert await contained("line of edge x", Script(group))
        assert not caplog.records
        mixed = ExceptionGroup("line", [PeerError("gone"), ZeroDivisionError("ours")])
        assert not await contained("line of edge x", Script(mixed))
        assert not await contained("line of edge x", Script(InvariantError("ours")))
        assert [one.getMessage() for one in caplog.records] == ["bug", "bug"]

    with caplog.at_level("INFO"):
        asyncio.run(play())


async def test_a_disk_that_refuses_is_held_against_no_peer(caplog):
    """A StoreError is neither a bug of ours nor the peer's fault; beside a bug, the bug counts."""
    refused = StoreError("alarms.db: the disk is full")
    assert await contained("line of edge x", Script(refused))
    assert await contained("line of edge x", Script(ExceptionGroup("line", [refused])))
    assert "bug" not in [one.getMessage() for one in caplog.records]
    mixed = ExceptionGroup("line", [refused, ZeroDivisionError("ours")])
    assert not await contained("line of edge x", Script(mixed))


def test_cancelling_what_a_peer_began_is_no_error():
    """A cancellation goes through."""

    async def play():
        waiting = asyncio.create_task(contained("x", Script()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(play())


async def test_a_cancel_that_comes_while_an_attempt_fails_is_heeded():
    """A task group that ends with an error forgets it (CPython #116720); nothing is retried."""
    ending, may_end, attempts = asyncio.Event(), asyncio.Event(), []

    async def slow_to_end():
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            await may_end.wait()

    async def attempt():
        attempts.append(1)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(slow_to_end())
            await asyncio.sleep(0)
            raise PeerError("gone")

    for run in (
        supervise("x", attempt, clock=FakeClock(), policy=Policy()),
        contained("x", attempt),
    ):
        ending.clear()
        may_end.clear()
        attempts.clear()
        task = asyncio.create_task(run)
        await ending.wait()
        task.cancel()
        await asyncio.sleep(0)
        may_end.set()
        await asyncio.wait([task], timeout=20)
        assert (task.cancelled(), len(attempts)) == (True, 1)


async def test_an_attempt_whose_child_fails_at_its_end_is_tried_again():
    """The group that dies of it leaves a cancellation counted that nobody asked for."""
    attempts, third = [], asyncio.Event()

    async def fail():
        await asyncio.sleep(0)
        raise PeerError("gone")

    async def attempt():
        attempts.append(1)
        if len(attempts) == 3:
            third.set()
            await asyncio.Event().wait()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail())

    task = asyncio.create_task(supervise("x", attempt, clock=FakeClock(), policy=Policy()))
    async with asyncio.timeout(30):
        await third.wait()
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


async def test_an_attempt_that_was_cancelled_from_within_is_tried_again():
    """A library that forgets whose cancellation it saw must not end a courier in silence."""
    script, clock = Script(asyncio.CancelledError()), FakeClock()
    await run_until_idle(script, clock, Policy(**STEADY))
    assert clock.sleeps == [1]
    assert await contained("x", Script(asyncio.CancelledError()))


async def test_a_database_that_refuses_is_no_bug_of_ours():
    """Ten refusals in a row end nothing (ADR 7)."""
    script = Script(*[StoreError("disk I/O error")] * 10)
    await run_until_idle(script, FakeClock(), Policy())
    assert script.raises == []
