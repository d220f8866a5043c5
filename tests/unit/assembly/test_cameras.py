# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio
from dataclasses import replace

import pytest

from gateway.analytics.look import LookReply, LookRequest, Sight
from gateway.assembly.cameras import Cameras, Parts
from gateway.assembly.lookout import BACK_S, BLIND_S
from gateway.assembly.plans import CameraPlan
from gateway.assembly.steady import Looks, SteadyCameras
from gateway.assembly.streams import IDLE_AFTER_S, STILL
from gateway.codec.protocol import Kind
from gateway.ingest.sessions import Priority, SessionLimit
from gateway.ingest.source import StreamSource
from gateway.model.alarm import Box
from gateway.model.errors import PeerError
from gateway.model.media import MetadataDocument, StreamKind, StreamState
from gateway.model.registry import Trigger, Zone
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

    def __init__(self, tasks, clock=None, **more):
        self.pool = FakePool()
        self.seen = []
        self.clock = clock or SystemClock()
        self.cameras = Cameras(Parts(self.clock, self.pool, self._see, 4 << 20, **more), tasks)
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


def stream(id_, port, kind=StreamKind.MAIN):
    return StreamSource(id_, f"rtsp://127.0.0.1:{port}/live", kind, "admin", "s3cret")


def plan(id_, port, **more):
    source = stream(id_, port)
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
        reader, neighbour = (
            Reader("viewer"),
            street.cameras.post("due")._streams[StreamKind.MAIN]._feed,
        )
        street.cameras.post("uno").fanout(StreamKind.MAIN).join(reader)
        assert street.follow(plan("uno", other), plan("due", port)) == ("uno",)
        await street.live("uno")
        while reader.receive_nowait():
            pass
        await reader.receive()
        assert street.cameras.post("due")._streams[StreamKind.MAIN]._feed is neighbour
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
        post.fanout(StreamKind.MAIN).join(reader)
        await street.live("uno")
        clock.jump(IDLE_AFTER_S + 1)
        await asyncio.sleep(0.2)
        assert street.status().state is not StreamState.IDLE
        post.fanout(StreamKind.MAIN).leave(reader)

        def left():
            clock.jump(1.0)
            return street.status().state is StreamState.IDLE

        await until(left, what="left")
        units = street.status().units
        assert units > 0
        assert not post.fanout(StreamKind.MAIN).kept()
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
        await until(lambda: street.status().connects == 2, what="connected again")
        reader = Reader("viewer")
        street.cameras.post("uno").fanout(StreamKind.MAIN).join(reader)
        street.follow(plan("uno", port, continuous=False))
        street.follow(plan("uno", port))
        await asyncio.sleep(0.2)
        assert street.status().connects == 2
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
        street.cameras.post("uno").fanout(StreamKind.MAIN).join(reader)
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
        await until(lambda: not post.fanout(StreamKind.MAIN).wanted(), what="nobody reads")
        assert street.cameras.post("uno") is None
        assert street.cameras.statuses() == ()
        await until(lambda: all(t.done() for t in post._running.values()), what="tasks ended")


def both(id_, main_port, sub_port, **more):
    return plan(id_, main_port, sub=stream(id_, sub_port, StreamKind.SUB), **more)


async def test_a_guarded_camera_without_a_ring_costs_its_small_stream_only():
    """No viewer, no continuous reception, no seconds before: the main stream is never opened."""
    async with (
        virtual_camera(credentials=USERS) as main,
        virtual_camera(credentials=USERS) as sub,
        asyncio.TaskGroup() as tasks,
    ):
        street = Street(tasks)
        street.follow(both("uno", main, sub, continuous=False, zones=(ZONE,)))
        await until(lambda: Kind.LOOK in street.pool.kinds(), what="the small stream is watched")
        post = street.cameras.post("uno")
        assert post.status(StreamKind.SUB).state is StreamState.LIVE
        main_status = post.status(StreamKind.MAIN)
        assert (main_status.state, main_status.connects) == (StreamState.IDLE, 0)
        assert street.status().state is StreamState.LIVE
        assert not post.fanout(StreamKind.MAIN).wanted()
        street.close()


async def test_the_seconds_before_and_continuous_reception_are_of_the_main_stream():
    """The ring fills from the main stream while the watch reads the small one."""
    async with (
        virtual_camera(credentials=USERS) as main,
        virtual_camera(credentials=USERS) as sub,
        asyncio.TaskGroup() as tasks,
    ):
        street = Street(tasks)
        street.follow(both("uno", main, sub, continuous=False, zones=(ZONE,), ring_s=5.0))
        post = street.cameras.post("uno")
        await until(lambda: post.ring.statistics().units > 3, what="the ring fills")
        await until(lambda: Kind.LOOK in street.pool.kinds(), what="watched")
        assert post.fanout(StreamKind.MAIN).readers() == {"ring"}
        assert post.fanout(StreamKind.SUB).readers() == {"watch:uno"}
        await until(lambda: street.status().connects == 2, what="one session each")
        street.close()


async def test_a_viewer_of_one_stream_does_not_open_the_other():
    """A wall costs the small stream, an incident the main one."""
    async with (
        virtual_camera(credentials=USERS) as main,
        virtual_camera(credentials=USERS) as sub,
        asyncio.TaskGroup() as tasks,
    ):
        street = Street(tasks)
        street.follow(both("uno", main, sub, continuous=False))
        post = street.cameras.post("uno")
        reader = Reader("media:uno/sub")
        post.fanout(StreamKind.SUB).join(reader)
        await reader.receive()
        assert post.status(StreamKind.MAIN).connects == 0
        incident = Reader("media:uno")
        post.fanout(StreamKind.MAIN).join(incident)
        await incident.receive()
        for kind in StreamKind:
            await until(lambda k=kind: post.status(k).connects == 1, what=kind.value)
        street.close()


async def test_a_small_stream_that_comes_and_goes_leaves_the_main_one_alone():
    """The watch moves to where pictures come; what used to be the sub stream is served by main."""
    async with (
        virtual_camera(credentials=USERS) as main,
        virtual_camera(credentials=USERS) as sub,
        asyncio.TaskGroup() as tasks,
    ):
        street = Street(tasks)
        alone = plan("uno", main, zones=(ZONE,))
        street.follow(alone)
        await street.live("uno")
        post = street.cameras.post("uno")
        assert post.fanout(StreamKind.SUB) is post.fanout(StreamKind.MAIN)
        street.follow(both("uno", main, sub, zones=(ZONE,)))
        small = post.fanout(StreamKind.SUB)
        await until(lambda: small.readers() == {"watch:uno"}, what="the watch reads it")
        await until(
            lambda: post.status(StreamKind.SUB).state is StreamState.LIVE, what="small stream"
        )
        street.follow(alone)
        await until(lambda: not small.wanted(), what="nobody reads a dead fan-out")
        assert post.fanout(StreamKind.MAIN).readers() == {"watch:uno"}
        assert post.status(StreamKind.MAIN).connects == 1
        street.close()


async def test_the_graver_of_the_streams_that_are_needed_is_the_cameras_state():
    """The watch is blind although the main stream lives: the camera is not well, and says why."""
    async with virtual_camera(credentials=USERS) as main, asyncio.TaskGroup() as tasks:
        street = Street(tasks)
        street.follow(both("uno", main, 1, zones=(ZONE,)))
        post = street.cameras.post("uno")
        await until(
            lambda: post.status(StreamKind.MAIN).state is StreamState.LIVE, what="main lives"
        )
        await until(lambda: street.status().state is StreamState.UNREACHABLE, what="it shows")
        assert street.status().problem.startswith("sub stream: ")
        street.follow(both("uno", main, 1))
        await until(lambda: street.status().state is StreamState.LIVE, what="not needed any more")
        street.close()


LIMIT = SessionLimit("nvr", "NVR", 1)


async def test_what_matters_more_takes_the_recorders_session_and_gives_it_back():
    """One session: continuous reception gives way to an incident and says so; then it is back."""
    urgent = set()
    async with virtual_camera(credentials=USERS) as port, asyncio.TaskGroup() as tasks:
        clock = FastClock(0.02)
        street = Street(tasks, clock, urgent=urgent.__contains__)
        street.follow(
            plan("uno", port, limit=LIMIT), plan("due", port, continuous=False, limit=LIMIT)
        )
        await street.live("uno")
        reader, due = Reader("media:due"), street.cameras.post("due")
        due.fanout(StreamKind.MAIN).join(reader)
        await until(lambda: "limit of 1" in street.status("due").problem, what="a wall waits")
        assert street.status("due").state is StreamState.UNREACHABLE
        assert street.status("uno").state is StreamState.LIVE
        urgent.add("due")
        await street.live("due")
        assert street.status("uno").problem == "limit of 1 sessions of recorder NVR reached"
        urgent.discard("due")
        due.fanout(StreamKind.MAIN).leave(reader)
        await street.live("uno")

        def left():
            clock.jump(1.0)
            return street.status("due").state is StreamState.IDLE

        await until(left, what="the viewer's stream is idle")
        street.close()


async def test_events_in_the_stream_are_handed_on_only_while_the_plan_listens():
    """Without a legal basis nothing that a camera says is read."""
    heard = []
    async with virtual_camera(credentials=USERS) as port, asyncio.TaskGroup() as tasks:
        street = Street(tasks, on_document=lambda camera, document: heard.append(camera))
        source = replace(stream("uno", port), wants_metadata=True)
        quiet = CameraPlan("uno", source, False)
        trigger = Trigger("t", "T", "uno", "RuleEngine/CellMotionDetector/Motion")
        street.follow(quiet)
        post = street.cameras.post("uno")
        now = SystemClock().now()
        post._heard(StreamKind.MAIN, MetadataDocument(b"<x/>", now, now))
        assert not heard
        assert post._need(StreamKind.MAIN) is None
        street.follow(replace(quiet, triggers=(trigger,)))
        assert post._need(StreamKind.MAIN) is Priority.GUARD
        post._heard(StreamKind.MAIN, MetadataDocument(b"<x/>", now, now))
        assert heard == ["uno"]
        street.close()


class SeeingPool(FakePool):
    """A child that sees somebody in the first zone of every picture."""

    async def call(self, affinity, kind, payload, *, timeout_s):
        answer = await super().call(affinity, kind, payload, timeout_s=timeout_s)
        if kind != Kind.LOOK:
            return answer
        units = LookRequest.unpack(payload).units
        somebody = (Box(0.1, 0.1, 0.2, 0.2),)
        sights = tuple(Sight(one.pts_90k, 0.1, False, somebody, (0,)) for one in units)
        return LookReply(0, len(units), sights).pack()


async def test_a_watch_goes_over_to_the_main_stream_and_back():
    """The small stream dies: the main one is pulled and watched, said and logged; then let go."""
    async with virtual_camera(credentials=USERS) as main, asyncio.TaskGroup() as tasks:
        clock = FastClock(0.05)
        street = Street(tasks, clock)
        street.pool = pool = SeeingPool()
        street.cameras = Cameras(Parts(clock, pool, street._see, 4 << 20), tasks)
        async with virtual_camera(credentials=USERS) as sub:
            street.follow(both("uno", main, sub, continuous=False, zones=(ZONE,)))
            post = street.cameras.post("uno")
            await until(lambda: street.seen, what="watched")
            assert (post.watched, post.status(StreamKind.MAIN).connects) == (StreamKind.SUB, 0)
        await until(lambda: street.status().state is not StreamState.LIVE, what="it dies")
        assert post.lost().startswith("sub stream: ")

        def watched(kind, step_s):
            clock.jump(step_s)
            return post.watched is kind

        await until(lambda: watched(StreamKind.MAIN, BLIND_S / 4), what="goes over")
        street.seen.clear()
        await until(lambda: street.seen, what="somebody is seen in the main stream")
        assert post.fanout(StreamKind.MAIN).readers() == {"watch:uno"}
        assert street.status().state is StreamState.LIVE
        assert "main stream is watched in place of the sub stream" in street.status().problem
        async with virtual_camera(sub, credentials=USERS):
            await until(
                lambda: post.status(StreamKind.SUB).state is StreamState.LIVE, what="it is back"
            )
            assert post.watched is StreamKind.MAIN
            await until(lambda: watched(StreamKind.SUB, BACK_S / 10), what="goes back")
            small = post.fanout(StreamKind.SUB)
            await until(lambda: small.readers() == {"watch:uno"}, what="the small one is read")

            def let_go():
                clock.jump(1.0)
                return post.status(StreamKind.MAIN).state is StreamState.IDLE

            await until(let_go, what="main is let go")
            street.seen.clear()
            await until(lambda: street.seen, what="somebody is seen in the small stream")
            assert (street.status().state, street.status().problem) == (StreamState.LIVE, "")
            assert post.lost() == ""
            street.close()


async def test_another_zone_does_not_send_the_watch_back_to_a_dead_stream():
    """The choice is kept as long as the streams are the same; a new address begins anew."""
    async with virtual_camera(credentials=USERS) as main, asyncio.TaskGroup() as tasks:
        clock = FastClock(0.05)
        street = Street(tasks, clock)
        guarded = both("uno", main, 1, continuous=False, zones=(ZONE,))
        street.follow(guarded)
        post = street.cameras.post("uno")

        def over():
            clock.jump(2.0)
            return post.watched is StreamKind.MAIN

        await until(over, what="goes over")
        street.follow(replace(guarded, zones=(replace(ZONE, id="y"),)))
        assert post.watched is StreamKind.MAIN
        await until(lambda: post.fanout(StreamKind.MAIN).readers() == {"watch:uno"}, what="watched")
        street.follow(replace(guarded, sub=stream("uno", 2, StreamKind.SUB)))
        assert post.watched is StreamKind.SUB
        street.close()


async def test_events_in_the_stream_are_heard_from_the_watched_one_alone():
    """Both renditions tell the same: nothing is heard twice."""
    heard = []
    async with virtual_camera(credentials=USERS) as port, asyncio.TaskGroup() as tasks:
        street = Street(tasks, on_document=lambda camera, document: heard.append(camera))
        main, sub = (
            replace(stream("uno", port, kind), wants_metadata=True)
            for kind in (StreamKind.MAIN, StreamKind.SUB)
        )
        trigger = Trigger("t", "T", "uno", "RuleEngine/CellMotionDetector/Motion")
        street.follow(CameraPlan("uno", main, True, sub=sub, triggers=(trigger,)))
        post, now = street.cameras.post("uno"), SystemClock().now()
        post._heard(StreamKind.MAIN, MetadataDocument(b"<x/>", now, now))
        assert not heard
        post._heard(StreamKind.SUB, MetadataDocument(b"<x/>", now, now))
        assert heard == ["uno"]
        street.close()


async def test_an_idle_camera_is_pulled_for_one_key_picture_and_left_again():
    """The wish counts like the guard of a zone; a stream that does not come is told in words."""
    async with virtual_camera(credentials=USERS) as port, asyncio.TaskGroup() as tasks:
        street = Street(tasks)
        street.follow(plan("uno", port, continuous=False), plan("due", 1, continuous=False))
        post = street.cameras.post("uno")
        wish = asyncio.create_task(post.key_unit("a1", 10.0))
        await until(lambda: post.fanout(StreamKind.MAIN).wanted(), what="wanted")
        assert post._need(StreamKind.MAIN) is Priority.GUARD
        unit = await wish
        assert unit.is_key
        assert not post.fanout(StreamKind.MAIN).wanted()
        with pytest.raises(PeerError, match=r"within 0\.5 s: .*unreachable"):
            await street.cameras.post("due").key_unit("a2", 0.5)
        street.follow(CameraPlan("uno", None, True, problem="camera uno: no such file"))
        with pytest.raises(PeerError, match="no such file"):
            await post.key_unit("a3", 0.5)
        street.close()


async def test_a_strangers_look_during_a_hold_up_moves_nothing_that_is_told_on_site():
    """Neither the other stream of a camera that is kept, nor a still of one that is not."""
    async with (
        virtual_camera(credentials=USERS) as main,
        virtual_camera(credentials=USERS) as sub,
        asyncio.TaskGroup() as tasks,
    ):
        street, nobody = Street(tasks), Looks({}, frozenset(), 0)
        kept = both("uno", main, sub, continuous=False, ring_s=30.0)
        street.follow(kept, plan("due", main, continuous=False))
        opened = []
        told = SteadyCameras(street.cameras.posts, lambda: opened, lambda: nobody, street.clock)
        await until(lambda: told.status("uno").state is StreamState.LIVE, what="the ring's stream")
        calm = told.status("uno"), told.status("due")
        opened += ["uno", "due"]
        uno, due = (street.cameras.post(one) for one in ("uno", "due"))
        wall, still = Reader("media:uno/sub"), Reader(f"{STILL}al-1")
        uno.fanout(StreamKind.SUB).join(wall)
        due.fanout(StreamKind.MAIN).join(still)
        await wall.receive()
        await still.receive()
        assert (street.status("uno").connects, street.status("due").connects) == (2, 1)
        now = told.status("uno"), told.status("due")
        assert now[1] == calm[1]
        assert (now[0].connects, now[0].since, now[0].state) == (1, calm[0].since, calm[0].state)
        assert now[0].units == uno.status(StreamKind.MAIN).units
        assert [told.streams(one) for one in ("uno", "due")] == [1, 0]
        street.close()
