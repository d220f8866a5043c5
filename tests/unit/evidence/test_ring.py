# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.evidence.ring."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.evidence.ring import MOST_SECONDS, Ring
from gateway.model.errors import InvariantError
from gateway.model.media import AccessUnit
from gateway.model.time import Moment
from gateway.runtime.fanout import Fanout
from tests.fakes import FakeClock


def unit(at_s, *, key=False, size=10, captured_s=None):
    received = Moment(at_s, round(at_s * 1e6))
    captured = received if captured_s is None else Moment(captured_s, round(captured_s * 1e6))
    return AccessUnit(round(at_s * 90_000), key, (b"x" * size,), captured, received)


def moment(at_s):
    return Moment(at_s, round(at_s * 1e6))


def filled(ring, seconds, gop=5):
    """Offer one unit a second, every `gop`-th a key unit."""
    units = [unit(float(i), key=i % gop == 0) for i in range(seconds)]
    for one in units:
        ring.offer(one)
    return units


def test_cut_begins_at_the_key_unit_before():
    """A cut begins with the key unit at or before its start and ends at its end."""
    ring = Ring(20, 10_000)
    units = filled(ring, 20)
    assert ring.cut(moment(7.5), moment(12.2)) == tuple(units[5:13])
    assert ring.cut(moment(10), moment(10)) == (units[10],)


def test_cut_of_what_is_gone_begins_with_what_is_left():
    """A start older than the ring gives the whole ring; an end older than it gives nothing."""
    ring = Ring(10, 10_000)
    units = filled(ring, 40)
    cut = ring.cut(moment(0), moment(100))
    assert cut[0].is_key
    assert cut[-1] == units[-1]
    assert ring.cut(moment(0), moment(3)) == ()


def test_promised_seconds_are_always_covered():
    """With key units every five seconds, the last ten seconds are there at any instant."""
    ring = Ring(10, 10_000)
    for i in range(100):
        ring.offer(unit(float(i), key=i % 5 == 0))
        if i >= 10:
            assert ring.cut(moment(i - 10), moment(i))[0].captured.monotonic_s <= i - 10


def test_bytes_are_bounded_by_whole_groups():
    """When the bytes do not suffice, the oldest group goes whole."""
    ring = Ring(30, 100)
    units = filled(ring, 12)
    assert ring.cut(moment(0), moment(99)) == tuple(units[5:])
    assert ring.statistics().kept_bytes == 70


def test_group_larger_than_the_ring_is_not_kept():
    """One group that alone passes the bound is dropped, and the next one is kept."""
    ring = Ring(30, 35)
    filled(ring, 5)
    assert ring.statistics().units == 0
    ring.offer(unit(5.0, key=True))
    assert ring.statistics().units == 1


def test_silent_camera_is_forgotten():
    """A camera that stops sending leaves nothing behind once the seconds have passed."""
    ring = Ring(10, 10_000)
    filled(ring, 8)
    ring.expire(16.9)
    assert ring.statistics().units == 3
    ring.expire(17.0)
    assert ring.statistics().units == 0


def test_nothing_is_older_than_thirty_seconds():
    """A camera without new key units cannot make the ring keep more than the legal bound."""
    ring = Ring(30, 10**6)
    ring.offer(unit(0.0, key=True))
    for i in range(1, 31):
        ring.offer(unit(float(i)))
    assert ring.statistics().units == 31
    ring.offer(unit(30.5))
    assert ring.statistics().units == 0


def test_wrong_camera_clock_keeps_nothing_longer():
    """Age counts from reception, whatever capture time the camera claims."""
    ring = Ring(10, 10_000)
    ring.offer(unit(0.0, key=True, captured_s=9999.0))
    ring.offer(unit(5.0, key=True))
    ring.offer(unit(15.0, key=True))
    assert [u.received.monotonic_s for u in ring.cut(moment(0), moment(99))] == [5.0, 15.0]


def test_zero_seconds_keep_nothing():
    """Where no act allows it, nothing is kept."""
    ring = Ring(0, 10_000)
    filled(ring, 5)
    assert ring.statistics().units == 0


@pytest.mark.parametrize("seconds", [-1, 30.1])
def test_more_than_allowed_is_a_bug(seconds):
    """A ring beyond thirty seconds cannot be made."""
    with pytest.raises(InvariantError):
        Ring(seconds, 1)


class WaitingClock(FakeClock):
    """Sleeps until the test lets it go."""

    def __init__(self):
        super().__init__(monotonic_s=0.0)
        self.go = asyncio.Event()

    async def sleep(self, seconds):
        await self.go.wait()
        self.go.clear()


async def test_run_fills_sweeps_and_forgets():
    """While it runs it follows the camera and the clock; cancelled, it leaves nothing behind."""
    clock = WaitingClock()
    ring = Ring(10, 10_000, clock=clock)
    fanout = Fanout()
    fanout.publish(unit(0.0, key=True))

    async def holds(count):
        async with asyncio.timeout(30):
            while ring.statistics().units != count:
                await asyncio.sleep(0)

    task = asyncio.create_task(ring.run(fanout))
    await holds(1)
    fanout.publish(unit(1.0))
    await holds(2)
    clock.time_s = 20.0
    clock.go.set()
    await holds(0)
    fanout.publish(unit(20.0, key=True))
    await holds(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ring.statistics().units == 0
    assert not fanout.wanted()


class RingMachine(RuleBasedStateMachine):
    """Compares a ring with the plain list of all units ever offered."""

    def __init__(self):
        super().__init__()
        self.ring = Ring(10, 2000)
        self.now_s = 0.0
        self.all = []

    @rule(
        step_s=st.floats(0, 8), key=st.booleans(), size=st.integers(1, 900), skew=st.floats(-2, 2)
    )
    def offer(self, step_s, key, size, skew):
        self.now_s += step_s
        one = unit(self.now_s, key=key, size=size, captured_s=self.now_s + skew)
        one = replace(one, pts_90k=len(self.all))
        self.all.append(one)
        self.ring.offer(one)

    @rule(step_s=st.floats(0, 40))
    def silence(self, step_s):
        self.now_s += step_s
        self.ring.expire(self.now_s)

    @invariant()
    def bounded(self):
        held = self.ring.cut(moment(-99), moment(self.now_s + 99))
        assert sum(u.size_bytes() for u in held) == self.ring.statistics().kept_bytes <= 2000
        assert len(held) == self.ring.statistics().units
        assert all(self.now_s - u.received.monotonic_s <= MOST_SECONDS for u in held)
        if held:
            first = held[0].pts_90k
            assert held == tuple(self.all[first:])
            assert held[0].is_key

    @precondition(lambda self: self.all)
    @rule(back_s=st.floats(0, 20), length_s=st.floats(0, 20))
    def cut(self, back_s, length_s):
        since, until = moment(self.now_s - back_s), moment(self.now_s - back_s + length_s)
        found = self.ring.cut(since, until)
        if not found:
            return
        assert found[0].is_key
        first = found[0].pts_90k
        assert found == tuple(self.all[first : first + len(found)])
        assert all(u.captured.monotonic_s <= until.monotonic_s for u in found)
        later = [u for u in self.all[first + 1 :] if u.is_key]
        assert not any(u.captured.monotonic_s <= since.monotonic_s for u in later)


RingMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestRingMachine = RingMachine.TestCase
