# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio
from dataclasses import replace

from gateway.assembly.cameras import IDLE_AFTER_S, Cameras, Parts
from gateway.assembly.plans import CameraPlan
from gateway.codec.protocol import Kind
from gateway.ingest.camera import CameraSource
from gateway.model.media import StreamState
from gateway.model.registry import Zone
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Reader
from tests.unit.assembly.parts import FakePool, until
from tests.virtual_camera import USERS, virtual_camera

SHAPE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
ZONE = Zone("z", "Z", "uno", SHAPE)


class FastClock(SystemClock):
    """The real clock of a world in which nobody waits long: sleeps are cut short."""

    def __init__(self, most_s):
        super().__init__()
        self._most_s = most_s
        self._ahead_s = 0.0

    def monotonic_s(self):
        return super().monotonic_s() + self._ahead_s

    async def sleep(self, seconds):
        await super().sleep(min(seconds, self._most_s))

    def jump(self, seconds):
        self._ahead_s += seconds


class Street:
    """Cameras on a real RTSP server, and what they are to do."""

    def __init__(self, tasks, clock=None):
        self.pool = FakePool()
        self.seen = []
        self.clock = clock or SystemClock()
        self.cameras = Cameras(Parts(self.clock, self.pool, self._see, 4 << 20), tasks)
        self._tasks = tasks

    async def _see(self, observation):
        self.seen.append(observation)

    def follow(self, *plans):
        return self.cameras.reconcile({one.camera: one for one in plans})

    def status(self, camera="uno"):
        return self.cameras.post(camera).status()

    async def live(self, *names):
        for name in names:
            await until(lambda n=name: self.status(n).state is StreamState.LIVE, what=name)

    def close(self):
        self.follow()


def plan(id_, port, **more):
    source = CameraSource(id_, f"rtsp://127.0.0.1:{port}/live", "admin", "s3cret")
    return CameraPlan(id_, source, more.pop("continuous", True), **more)


async def test_zones_change_without_touching_a_stream_or_a_neighbour():
    """The watch starts anew, the connection stays; only that camera is named as touched."""
    async with virtual_camera(credentials=USERS) as port, asyncio.TaskGroup() as tasks:
        street = Street(tasks)
        first, second = plan("uno", port), plan("due", port)
        assert street.follow(first, second) == ("due", "uno")
        await street.live("uno", "due")
        assert street.follow(replace(first, zones=(ZONE,)), second) == ("uno",)
        await until(lambda: Kind.LOOK in street.pool.kinds(), what="zones are watched")
        units = street.status().units
        await until(lambda: street.status().units > units + 5, what="pictures go on")
        assert [street.status(n).connects for n in ("uno", "due")] == [1, 1]
        assert street.follow(replace(first, zones=(ZONE,)), second) == ()
        street.close()


async def test_a_changed_address_reconnects_that_camera_only():
    """Readers of the camera stay and get pictures of the new address."""
    async with (
        virtual_camera(credentials=USERS) as port,
        virtual_camera(credentials=USERS) as other,
        asyncio.TaskGroup() as tasks,
    ):
        street = Street(tasks)
        street.follow(plan("uno", port), plan("due", port))
        await street.live("uno", "due")
        reader, neighbour = Reader("viewer"), street.cameras.post("due")._feed
        street.cameras.post("uno").fanout.join(reader)
        assert street.follow(plan("uno", other), plan("due", port)) == ("uno",)
        await street.live("uno")
        while reader.receive_nowait():
            pass
        await reader.receive()
        assert street.cameras.post("due")._feed is neighbour
        assert street.status("due").connects == 1
        street.close()


async def test_without_a_reader_an_on_demand_camera_is_left_alone():
    """Pulled when somebody reads, left a while after nobody does, counters kept."""
    async with virtual_camera(credentials=USERS) as port, asyncio.TaskGroup() as tasks:
        clock = FastClock(0.05)
        street = Street(tasks, clock)
        street.follow(plan("uno", port, continuous=False))
        post = street.cameras.post("uno")
        await asyncio.sleep(0.2)
        assert (street.status().state, street.status().connects) == (StreamState.IDLE, 0)
        reader = Reader("viewer")
        post.fanout.join(reader)
        await street.live("uno")
        clock.jump(IDLE_AFTER_S + 1)
        await asyncio.sleep(0.2)
        assert street.status().state is not StreamState.IDLE
        post.fanout.leave(reader)
        clock.jump(IDLE_AFTER_S + 1)
        await until(lambda: street.status().state is StreamState.IDLE, what="left")
        units = street.status().units
        assert units > 0
        assert not post.fanout.kept()
        await asyncio.sleep(0.3)
        assert street.status().units == units
        street.close()


async def test_continuous_reception_is_switched_without_a_new_connection():
    """A viewer's stream becomes continuous and back; nobody notices."""
    async with virtual_camera(credentials=USERS) as port, asyncio.TaskGroup() as tasks:
        clock = FastClock(0.05)
        street = Street(tasks, clock)
        street.follow(plan("uno", port))
        await street.live("uno")
        street.follow(plan("uno", port, continuous=False))

        def left():
            clock.jump(1.0)
            return street.status().state is StreamState.IDLE

        await until(left, what="left")
        street.follow(plan("uno", port))
        await street.live("uno")
        connects = street.status().connects
        reader = Reader("viewer")
        street.cameras.post("uno").fanout.join(reader)
        street.follow(plan("uno", port, continuous=False))
        street.follow(plan("uno", port))
        await asyncio.sleep(0.2)
        assert street.status().connects == connects
        street.close()


async def test_the_ring_begins_and_ends_with_the_plan_and_leaves_the_watch_alone():
    """Seconds are kept only while the plan says so; then they are forgotten at once."""
    async with virtual_camera(credentials=USERS) as port, asyncio.TaskGroup() as tasks:
        street = Street(tasks)
        with_zone = plan("uno", port, zones=(ZONE,))
        street.follow(with_zone)
        await street.live("uno")
        post = street.cameras.post("uno")
        watching = post._running["watch"]
        street.follow(replace(with_zone, ring_s=10.0))
        ring = post.ring
        await until(lambda: ring.statistics().units > 3, what="kept")
        street.follow(with_zone)
        assert post.ring is None
        await until(lambda: ring.statistics().units == 0, what="forgotten")
        assert post._running["watch"] is watching
        street.close()


async def test_a_camera_that_cannot_be_opened_says_why_and_comes_back():
    """Its fan-out outlives the problem, so that a viewer's session gets pictures again."""
    async with virtual_camera(credentials=USERS) as port, asyncio.TaskGroup() as tasks:
        street = Street(tasks)
        broken = CameraPlan("uno", None, True, problem="camera uno: credential: no such file")
        street.follow(broken, plan("due", port))
        await street.live("due")
        assert street.status().state is StreamState.REFUSED
        assert "no such file" in street.status().problem
        assert street.status().since is not None
        assert dict(street.cameras.statuses())["uno"].problem
        reader = Reader("viewer")
        street.cameras.post("uno").fanout.join(reader)
        street.follow(plan("uno", port), plan("due", port))
        await reader.receive()
        assert street.status().problem == ""
        street.follow(broken, plan("due", port))
        assert street.status().state is StreamState.REFUSED
        assert street.status("due").connects == 1
        street.close()


async def test_a_camera_that_left_the_registry_is_closed():
    """No task of it is left."""
    async with virtual_camera(credentials=USERS) as port, asyncio.TaskGroup() as tasks:
        street = Street(tasks)
        street.follow(plan("uno", port, zones=(ZONE,), ring_s=5.0))
        await street.live("uno")
        post = street.cameras.post("uno")
        assert street.follow() == ("uno",)
        await until(lambda: not post.fanout.wanted(), what="nobody reads")
        assert street.cameras.post("uno") is None
        assert street.cameras.statuses() == ()
        await until(lambda: all(t.done() for t in post._running.values()), what="tasks ended")
