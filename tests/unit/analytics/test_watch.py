# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Key units while quiet, everything while it stirs: real units, a real Looker, a real child."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from gateway.analytics.budget import Budget, Effort
from gateway.analytics.incident import Ended, Raised
from gateway.analytics.look import Feed, LookRequest
from gateway.analytics.looker import Looker
from gateway.analytics.rules import RuleState, decide
from gateway.analytics.watch import Watch, WatchMode
from gateway.codec.pool import PoolBusyError, PoolOptions, open_pool
from gateway.model.alarm import Observation
from gateway.model.errors import PeerError
from gateway.model.media import AccessUnit, Codec
from gateway.model.registry import Analytic, Zone
from gateway.model.time import Moment
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from tests.footage import MOTION, later, scene, units_of

WHOLE = Zone("all", "Tutto", "cam", ((0, 0), (1, 0), (1, 1), (0, 1)))
LEFT = Zone("left", "Sinistra", "cam", ((0, 0), (0.5, 0), (0.5, 1), (0, 1)))


@dataclass
class Here:
    """A pool without processes: a Looker, and a list of what it was asked."""

    looker: Looker = field(default_factory=Looker)
    asked: list[LookRequest] = field(default_factory=list)
    problems: list[PeerError | None] = field(default_factory=list)

    async def call(self, affinity: str, kind: int, payload: bytes, *, timeout_s: float) -> bytes:
        request = LookRequest.unpack(payload)
        assert affinity == request.camera
        self.asked.append(request)
        await asyncio.sleep(0)
        if self.problems and (problem := self.problems.pop(0)):
            self.looker = Looker()
            raise problem
        return self.looker.look(payload)

    def sent(self) -> list[int]:
        """Return the numbers of the pictures that were sent."""
        return [unit.pts_90k // 3600 for request in self.asked for unit in request.units]


@dataclass
class HandClock:
    """A clock that stands still until told."""

    at_s: float = 0.0

    def monotonic_s(self) -> float:
        return self.at_s

    def now(self) -> Moment:
        return Moment(self.at_s, round(self.at_s * 1e6))

    async def sleep(self, seconds: float) -> None:
        self.at_s += seconds


class Granted(Budget):
    """A budget whose word is given, and which keeps what it was told."""

    def __init__(self, effort: Effort) -> None:
        super().__init__(1.0)
        self.granted, self.spent = effort, 0.0

    def effort(self, camera: str, now_s: float) -> Effort:
        return self.granted

    def spend(self, camera: str, cpu_s: float) -> None:
        self.spent += cpu_s


@dataclass
class Bench:
    """A watch that runs, and what it reported."""

    watch: Watch
    fanout: Fanout
    seen: list[Observation]

    async def play(self, units: Sequence[AccessUnit]) -> None:
        """Publish units one by one, each after the one before was used."""
        for unit in units:
            before = self.watch.statistics().units
            self.fanout.publish(unit)
            await until(lambda before=before: self.watch.statistics().units > before)
            for _ in range(4):  # `units` counts what was begun; let it finish
                await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; fails after thirty seconds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def watching(
    pool: object, *zones: Zone, clock: object = None, budget: Budget | None = None
) -> AsyncIterator[Bench]:
    """Run a watch on a fan-out."""
    fanout, seen = Fanout(), []

    async def keep(observation: Observation) -> None:
        seen.append(observation)

    clock = clock or SystemClock()
    watch = Watch(
        "cam", zones or (WHOLE,), fanout, pool, clock=clock, on_observation=keep, budget=budget
    )
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watch.run())
        await until(fanout.wanted)
        yield Bench(watch, fanout, seen)
        task.cancel()
    assert not fanout.wanted()


async def test_a_quiet_camera_costs_one_key_unit_per_gop() -> None:
    """After it has learnt the scene and five quiet seconds, only key units are decoded."""
    pool = Here()
    async with watching(pool) as bench:
        await bench.play(scene(500, gop=25))
        statistics = bench.watch.statistics()
    assert statistics.mode is WatchMode.KEYS
    assert statistics.gop_s == 1.0
    settled = [number for number in pool.sent() if number >= 250]
    assert settled == list(range(250, 500, 25))
    assert statistics.observations == len(bench.seen)
    assert not any(observation.boxes for observation in bench.seen)


async def test_a_stir_wakes_it_and_quiet_puts_it_to_sleep() -> None:
    """A visitor in a key unit: everything from there is decoded, until five seconds of quiet."""
    pool = Here()
    async with watching(pool, LEFT) as bench:
        await bench.play(scene(700, gop=25, visits=range(330, 366)))
        statistics = bench.watch.statistics()
    sent = pool.sent()
    first = sent.index(350, sent.index(325))
    again = sent[first + 1 : first + 26]
    assert again == list(range(325, 350)), "the GOP that was passed over is looked at after all"
    awake = [number for number in sent[first + 26 :] if number < 500]
    assert awake == list(range(350, 500)), "nothing of the stir is missed"
    assert [number for number in sent if number >= 550] == list(range(550, 700, 25))
    assert statistics.wakes >= 1
    visited = [o for o in bench.seen if o.boxes]
    assert {o.pts_90k // 3600 for o in visited} <= set(range(330, 371))
    assert any(o.occupied == ("left",) for o in visited)


async def test_observations_carry_the_capture_time_of_their_picture() -> None:
    """Each observation tells when its own picture was taken, not when it was looked at."""
    units = scene(60, gop=25)
    captured = {unit.pts_90k: unit.captured for unit in units}
    async with watching(Here()) as bench:
        await bench.play(units)
    assert len(bench.seen) > 5
    assert all(captured[o.pts_90k] == o.captured for o in bench.seen)


async def test_batches_are_small() -> None:
    """While awake no unit waits for more than 0.15 s of video for its batch to fill."""
    pool = Here()
    async with watching(pool) as bench:
        await bench.play(scene(60, gop=25))
    batches = [request for request in pool.asked if request.feed is not Feed.KEYS]
    assert {len(batch.units) for batch in batches[1:-1]} == {4}
    assert all(batch.feed is Feed.FOLLOW for batch in batches[1:])


async def test_a_slow_camera_s_units_do_not_wait_for_the_next() -> None:
    """At two pictures a second each is looked at when it comes, not with the one after it."""
    pool = Here()
    units = [later([unit], number * 41_400)[0] for number, unit in enumerate(scene(8, gop=4))]
    async with watching(pool) as bench:
        await bench.play(units)
    assert pool.sent()[-1] == units[-1].pts_90k // 3600
    assert all(len(request.units) == 1 for request in pool.asked[2:])


async def test_a_stream_that_cannot_be_decoded_is_not_awake() -> None:
    """Key units of garbage are no stir: the camera stays on key units and the errors count."""
    pool = Here()
    broken = [replace(unit, nals=(b"\x65" + bytes(50),)) for unit in scene(100, gop=25)]
    async with watching(pool) as bench:
        await bench.play(broken)
        statistics = bench.watch.statistics()
    assert statistics.mode is WatchMode.KEYS
    assert statistics.decode_errors == 4
    assert pool.sent() == [0, 25, 50, 75]


async def test_a_long_gop_is_decoded_whole_and_says_so() -> None:
    """With a GOP of ten seconds everything is decoded, and the statistics name the reason."""
    pool = Here()
    async with watching(pool) as bench:
        await bench.play(scene(600, gop=250))
        statistics = bench.watch.statistics()
    assert statistics.mode is WatchMode.FULL
    assert statistics.gop_s == 10.0
    assert set(range(1, 590)) <= set(pool.sent())


async def test_a_gop_that_becomes_short_lets_it_sleep_again() -> None:
    """After three short GOPs a camera whose GOP was long costs key units again."""
    pool = Here()
    units = scene(300, gop=150) + later(scene(500, gop=25), 300 * 3600)
    async with watching(pool) as bench:
        await bench.play(units)
        assert bench.watch.statistics().mode is WatchMode.KEYS
    assert [n for n in pool.sent() if n >= 700] == [700, 725, 750, 775]


async def test_a_lost_child_costs_a_gop_and_the_camera_goes_on() -> None:
    """After a PeerError the model is learnt anew from the next key unit; the failure counts."""
    pool = Here()
    clock = HandClock()
    async with watching(pool, clock=clock) as bench:
        await bench.play(scene(250, gop=25))
        pool.problems = [PeerError("child look-0 took longer than 5 s")]
        before = len(pool.asked)
        await bench.play(later(scene(50, gop=25), 250 * 3600))
        statistics = bench.watch.statistics()
    assert statistics.failures == 1
    assert [request.units[0].is_key for request in pool.asked[before : before + 2]] == [True, True]
    after = [o for o in bench.seen if o.pts_90k >= 275 * 3600]
    assert after[0].scene_changed, "a new child learns the scene again"


async def test_a_stream_that_kills_every_child_is_asked_less_and_less() -> None:
    """Failures in a row are followed by growing pauses, so that neighbours keep their child."""
    pool = Here(problems=[PeerError("child died")] * 1000)
    clock = HandClock()
    asked = []
    async with watching(pool, clock=clock) as bench:
        for second in range(120):
            clock.at_s = float(second)
            await bench.play(later(scene(1, gop=1), second * 90_000))
            asked.append(len(pool.asked))
    assert asked[:3] == [1, 2, 3]
    assert asked[-1] <= 12
    assert asked[-1] > asked[60], "it never gives up"


async def test_a_busy_pool_is_not_a_bug() -> None:
    """Refused requests lose their units and are counted; the watch goes on."""
    pool = Here(problems=[PoolBusyError("64 wait")])
    async with watching(pool, clock=HandClock()) as bench:
        await bench.play(scene(60, gop=25))
        statistics = bench.watch.statistics()
    assert statistics.failures == 1
    assert statistics.lost_units >= 25
    assert bench.seen


async def test_a_picture_that_was_never_sent_is_not_believed() -> None:
    """A child that reports pictures with times of its own invention is ignored and counted."""
    pool = Here()
    real = pool.looker.look
    invented = scene(1, gop=1)[0]

    def lie(payload: bytes) -> bytes:
        request = LookRequest.unpack(payload)
        units = later([invented], request.units[0].pts_90k + 1)
        return real(LookRequest(request.camera, Feed.KEYS, request.zones, units).pack())

    pool.looker.look = lie
    async with watching(pool) as bench:
        await bench.play(scene(50, gop=25))
        assert bench.watch.statistics().decode_errors > 0
    assert bench.seen == []


async def test_an_overflow_begins_anew_at_a_key_unit() -> None:
    """When units were dropped before the watch, decoding starts at a key unit again."""
    pool = Here()
    units = scene(700, gop=25, visits=range(700))
    async with watching(pool) as bench:
        await bench.play(units[:60])
        for unit in units[60:]:
            bench.fanout.publish(unit)
        await until(lambda: bench.watch.statistics().lost_units > 100)
        await bench.play(later(units[:60], 700 * 3600))
    for before, after in zip(pool.asked, pool.asked[1:], strict=False):
        joined = after.units[0].pts_90k - before.units[-1].pts_90k == 3600
        assert joined or after.units[0].is_key
        assert joined or after.feed is not Feed.FOLLOW


async def test_a_person_who_crosses_raises_one_alarm() -> None:
    """Real footage through a real child: three persons, three alarms, none while it is empty.

    By eye: empty until 6.2 s, persons 6.3-20, 22.7-45 and 50.3-71 s, empty in between.
    """
    units = units_of(MOTION / "intel_one-by-one-person.mp4", 740)
    hall = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.95), (0.1, 0.95))
    zone = Zone("hall", "Atrio", "cam", hall, off_after_s=1.0)
    events, state = [], RuleState()
    async with (
        open_pool(1, clock=SystemClock(), options=PoolOptions(spares=0)) as pool,
        watching(pool, zone) as bench,
    ):
        await bench.play(units)
    for observation in bench.seen:
        state, event = decide(state, observation, zone, observation.captured)
        events += [event] if event else []
    assert [type(event) for event in events] == [Raised, Ended] * 3
    raised = [e.captured.monotonic_s - 1000 for e in events if isinstance(e, Raised)]
    for at_s, came_s in zip(raised, (6.3, 22.7, 50.3), strict=True):
        assert came_s < at_s < came_s + 1.6, raised
    ended = [e.at.monotonic_s - 1000 for e in events if isinstance(e, Ended)]
    for at_s, left_s in zip(ended, (20, 45, 70.5), strict=True):
        assert left_s < at_s < left_s + 5, ended
    empty = [o for o in bench.seen if 1.5 < o.captured.monotonic_s - 1000 < 6]
    assert empty
    assert not any(o.occupied for o in empty)
    assert bench.watch.statistics().failures == 0


async def test_a_killed_child_does_not_stop_the_watch() -> None:
    """SIGKILL of the real child while it watches: observations come again."""
    units = scene(400, gop=25)
    async with (
        open_pool(1, clock=SystemClock(), options=PoolOptions(spares=0)) as pool,
        watching(pool) as bench,
    ):
        await bench.play(units[:100])
        (pid,) = pool.statistics().pids
        os.kill(pid, signal.SIGKILL)
        await bench.play(units[100:])
    assert max(o.pts_90k for o in bench.seen) > 300 * 3600
    assert any(o.scene_changed for o in bench.seen if o.pts_90k > 100 * 3600)


async def test_of_a_quiet_jpeg_camera_two_pictures_a_second_are_looked_at() -> None:
    """Every picture is a key unit there; once it stirs, all of them are sent."""
    here = Here()
    units = scene(360, gop=1, visits=range(310, 360), codec=Codec.JPEG)
    async with watching(here) as bench:
        await bench.play(units[:300])
        assert bench.watch.statistics().mode is WatchMode.KEYS
        sent = [number for number in here.sent() if number >= 200]
        assert 7 <= len(sent) <= 9
        await bench.play(units[300:])
        assert bench.watch.statistics().mode is WatchMode.ALL
    assert len([number for number in here.sent() if number >= 330]) >= 25
    assert any(seen.boxes for seen in bench.seen)


async def test_observations_come_in_order_though_a_gop_was_looked_at_late() -> None:
    """Who came between two key units is seen coming, and no observation goes back in time."""
    async with watching(Here()) as bench:
        await bench.play(scene(500, gop=50, visits=range(330, 385)))
    times = [o.pts_90k for o in bench.seen]
    assert times == sorted(times)
    seen = [o.pts_90k // 3600 for o in bench.seen if o.tracks]
    assert 330 < seen[0] < 350, "long before the key unit that told of it"
    assert len({track.id for o in bench.seen for track in o.tracks}) == 1


async def test_a_line_is_guarded_without_a_pause() -> None:
    """A rule about single steps has everything decided from, and the statistics say why."""
    pool = Here()
    line = replace(WHOLE, analytic=Analytic.CROSSING)
    async with watching(pool, line) as bench:
        await bench.play(scene(250, gop=25))
        assert bench.watch.statistics().mode is WatchMode.RULE
    assert set(range(1, 240)) <= set(pool.sent())


async def test_a_rule_about_the_whole_picture_needs_no_polygon() -> None:
    """Tampering has no polygon; its camera is looked at all the same, with its condition.

    While it is awake only every second picture is judged: one key picture in two at this GOP.
    """
    pool, zone = Here(), Zone("m", "Manomissione", "cam", ())
    async with watching(pool, zone) as bench:
        await bench.play(scene(100, gop=25))
    assert all(not request.zones for request in pool.asked)
    assert [o.pts_90k // 3600 for o in bench.seen if o.still] == [0, 50]


@pytest.mark.parametrize(("effort", "counts"), [(Effort.FULL, False), (Effort.KEYS, True)])
async def test_the_picture_that_wakes_it_occupies_nothing(effort: Effort, counts: bool) -> None:
    """What goes somewhere is told by the pictures that follow; where none may follow, it counts."""
    async with watching(Here(), budget=Granted(effort)) as bench:
        await bench.play(scene(300, gop=25))
        bench.watch._vain = 9  # else the GOP before is looked at in its place
        await bench.play(later(scene(1, gop=1, visits=range(1)), 300 * 3600))
        assert (bench.watch.statistics().mode is WatchMode.ALL) is not counts
    assert bench.seen[-1].boxes
    assert bench.seen[-1].pts_90k == 300 * 3600
    assert bool(bench.seen[-1].occupied) is counts


async def test_a_camera_s_word_wakes_it() -> None:
    """When the camera itself says that something stirs, its GOP is decoded from the start."""
    pool = Here()
    async with watching(pool) as bench:
        await bench.play(scene(310, gop=50))
        asked = len(pool.sent())
        bench.watch.wake()
        await bench.play(scene(330, gop=50)[310:])
        assert bench.watch.statistics().mode is WatchMode.ALL
    assert pool.sent()[asked:][:20] == list(range(300, 320))


async def test_the_budget_says_what_may_be_done() -> None:
    """With less effort a stir wakes nobody, still less only some key units are looked at."""
    units = scene(600, gop=25, visits=range(390, 430))
    expected = {
        Effort.KEYS: (WatchMode.KEYS_ONLY, list(range(0, 600, 25))),
        Effort.SPARSE: (WatchMode.SPARSE, [0, 200, 400]),
    }
    for effort, (mode, keys) in expected.items():
        pool, budget = Here(), Granted(effort)
        async with watching(pool, budget=budget) as bench:
            await bench.play(units)
            statistics = bench.watch.statistics()
        assert (statistics.mode, pool.sent()) == (mode, keys)
        assert budget.spent > 0
        assert budget.spent == statistics.cost_s
        occupied = [o.pts_90k // 3600 for o in bench.seen if o.occupied]
        assert occupied == ([400, 425] if effort is Effort.KEYS else [])


async def test_under_load_a_long_gop_is_not_decoded_whole() -> None:
    """Where the budget only lets it wake, a camera with a long GOP goes back to key units."""
    pool, budget = Here(), Granted(Effort.FULL)
    async with watching(pool, budget=budget) as bench:
        units = scene(600, gop=150)
        await bench.play(units[:320])
        assert bench.watch.statistics().mode is WatchMode.FULL
        budget.granted = Effort.WAKING
        await bench.play(units[320:])
        assert bench.watch.statistics().mode not in {WatchMode.FULL, WatchMode.RULE}
