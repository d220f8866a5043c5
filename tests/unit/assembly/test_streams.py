# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio
from contextlib import asynccontextmanager

import pytest

from gateway.assembly.streams import DISPLACE_S, MOST_FAILURES, StreamPost, joined
from gateway.ingest.sessions import Budget, Priority, SessionLimit
from gateway.ingest.source import StreamSource
from gateway.model.errors import PeerError
from gateway.model.media import StreamState, StreamStatus
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Reader
from tests.unit.assembly.parts import until
from tests.unit.assembly.test_cameras import FastClock
from tests.virtual_camera import USERS, virtual_camera

IDLE = StreamStatus(StreamState.IDLE)


def live(**more):
    return StreamStatus(StreamState.LIVE, **more)


@pytest.mark.parametrize(
    ("main", "sub", "state", "problem"),
    [
        (IDLE, IDLE, StreamState.IDLE, ""),
        (live(), IDLE, StreamState.LIVE, ""),
        (IDLE, live(), StreamState.LIVE, ""),
        (live(), StreamStatus(StreamState.STALLED, "x"), StreamState.STALLED, "sub stream: x"),
        (StreamStatus(StreamState.REFUSED, "y"), live(), StreamState.REFUSED, "y"),
        (
            StreamStatus(StreamState.STALLED, "y"),
            StreamStatus(StreamState.UNREACHABLE, "x"),
            StreamState.UNREACHABLE,
            "sub stream: x",
        ),
    ],
)
def test_a_camera_is_as_well_as_the_worse_of_its_needed_streams(main, sub, state, problem):
    """An idle stream says nothing against the other."""
    found = joined(main, sub)
    assert (found.state, found.problem) == (state, problem)


def test_the_shape_is_that_of_what_is_pulled_and_counters_only_grow():
    """Whichever stream is in use, a counter never goes back."""
    main = StreamStatus(StreamState.IDLE, width_px=1920, units=100, connects=2, stalls=1)
    sub = live(width_px=640, units=7, connects=1)
    found = joined(main, sub, "la maschera non c'è")
    assert (found.width_px, found.units, found.connects, found.stalls) == (640, 107, 3, 1)
    assert found.problem == "la maschera non c'è"
    assert joined(live(width_px=1920), sub).width_px == 1920


class Place:
    """A stream with its surroundings in the open."""

    def __init__(self, tasks, clock=None, need=None):
        self.need = need
        self.tasks = tasks
        self.task = None
        self.post = StreamPost(lambda: self.need, self.run, clock or SystemClock(), None)

    def run(self, work):
        if self.task is not None:
            self.task.cancel()
        self.task = self.tasks.create_task(work) if work is not None else None

    def follow(self, port, budget=None):
        source = StreamSource(
            "uno", f"rtsp://127.0.0.1:{port}/live", user="admin", password="s3cret"
        )
        self.post.follow(source, budget, lambda _: None)


async def test_a_reader_wakes_the_stream_at_once_and_nothing_polls_meanwhile():
    """No timer runs for a stream that nobody needs: hundreds of them cost nothing."""
    async with virtual_camera(credentials=USERS) as port, asyncio.TaskGroup() as tasks:
        place = Place(tasks)
        place.follow(port)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        mine = [one for one in loop._scheduled if "StreamPost" in repr(one) and not one.cancelled()]
        assert not mine
        assert place.post.status().state is StreamState.IDLE
        reader = Reader("media:uno")
        place.need = Priority.WALL
        place.post.fanout.join(reader)
        await reader.receive()
        assert place.post.is_viewed
        assert not place.post.is_kept
        place.run(None)


async def test_who_waits_for_a_session_and_is_not_needed_any_more_leaves_the_line():
    """The reason is gone with the wish, and the place in the line, too."""
    async with virtual_camera(credentials=USERS) as port, asyncio.TaskGroup() as tasks:
        budget = Budget(SessionLimit("nvr", "NVR", 1))
        async with budget.claim("other", Priority.GUARD):
            place = Place(tasks)
            place.need = Priority.WALL
            place.follow(port, budget)
            await until(lambda: "limit of 1" in place.post.status().problem, what="waits")
            place.need = None
            await until(lambda: place.post.status().state is StreamState.IDLE, what="left")
            assert len(budget._claims) == 1
        place.need = Priority.WALL
        place.post.follow(place.post._source, budget, lambda _: None)
        await until(lambda: place.post.status().state is StreamState.LIVE, what="lives")
        place.run(None)


@asynccontextmanager
async def door_that_slams():
    """Somebody is there, and hangs up at once; yields the port and how often it was called."""
    called = []

    async def slam(reader, writer):
        if await reader.read(1):
            called.append(1)
        writer.transport.abort()

    server = await asyncio.start_server(slam, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], called


async def test_what_does_not_come_up_leaves_its_session_to_others_and_pushes_them_seldom():
    """A guarded camera fails again and again: the wall plays on, but for an incident."""
    async with (
        virtual_camera(credentials=USERS) as port,
        door_that_slams() as (slammed, called),
        asyncio.TaskGroup() as tasks,
    ):
        clock, budget = FastClock(0.05), Budget(SessionLimit("nvr", "NVR", 1))
        failing = Place(tasks, clock, Priority.GUARD)
        failing.follow(slammed, budget)
        await until(lambda: len(called) >= 2, what="it fails")
        wall = Place(tasks, clock, Priority.WALL)
        wall.follow(port, budget)
        await until(lambda: len(budget._claims) == 2 and failing.post._claim.timid, what="timid")
        await until(lambda: wall.post.status().state is StreamState.LIVE, what="the wall plays")
        tried, connects = len(called), wall.post.status().connects
        await asyncio.sleep(1.5)
        assert wall.post.status().state is StreamState.LIVE
        assert (len(called), wall.post.status().connects) == (tried, connects)
        assert "limit" not in failing.post.status().problem
        failing.need = Priority.INCIDENT
        await until(lambda: len(called) > tried + 1, what="an incident is tried at any time")
        for place in (failing, wall):
            place.run(None)


async def test_after_failures_somebody_is_pushed_out_once_a_minute_and_no_sooner():
    """The one who plays is asked to go only when the minute is over."""
    async with door_that_slams() as (slammed, _), asyncio.TaskGroup() as tasks:
        clock, budget = FastClock(0.05), Budget(SessionLimit("nvr", "NVR", 1))
        failing = Place(tasks, clock, Priority.GUARD)
        failing.follow(slammed, budget)
        await until(lambda: failing.post._row >= MOST_FAILURES, what="it fails")
        async with budget.claim("wall", Priority.WALL) as wall:
            await until(lambda: failing.post._claim is not None, what="it stands in line")
            await until(wall.granted.is_set, what="the wall has the session")
            await asyncio.sleep(0.5)
            assert not wall.revoked.is_set()
            clock.jump(DISPLACE_S + 1)
            await until(wall.revoked.is_set, what="once a minute")
        failing.run(None)


async def test_who_is_not_there_takes_no_session_at_all():
    """A dead camera is knocked at without one; what matters less plays on, undisturbed."""
    async with virtual_camera(credentials=USERS) as port, asyncio.TaskGroup() as tasks:
        clock, budget = FastClock(0.05), Budget(SessionLimit("nvr", "NVR", 1))
        wall = Place(tasks, clock, Priority.WALL)
        wall.follow(port, budget)
        await until(lambda: wall.post.status().state is StreamState.LIVE, what="the wall plays")
        dead = Place(tasks, clock, Priority.GUARD)
        dead.follow(1, budget)
        await until(lambda: "unreachable" in dead.post.status().problem, what="dead")
        await asyncio.sleep(0.5)
        assert wall.post.status().connects == 1
        assert len(budget._claims) == 1
        for place in (dead, wall):
            place.run(None)


async def test_who_is_pushed_out_and_not_needed_any_more_is_idle():
    """It does not say for ever that it waits for a session."""
    async with virtual_camera(credentials=USERS) as port, asyncio.TaskGroup() as tasks:
        budget = Budget(SessionLimit("nvr", "NVR", 1))
        wall = Place(tasks, FastClock(0.05), Priority.WALL)
        wall.follow(port, budget)
        await until(lambda: wall.post.status().state is StreamState.LIVE, what="the wall plays")
        wall.need = None
        async with budget.claim("other", Priority.GUARD):
            await until(lambda: wall.post.status().state is StreamState.IDLE, what="idle")
            assert len(budget._claims) == 1
        wall.run(None)


class Edge:
    """A box whose line is down; counts how often it is wanted."""

    def __init__(self):
        self.dials = 0

    async def __call__(self):
        self.dials += 1
        raise PeerError("line nord: the line is down")


async def test_over_a_line_nobody_is_dialled_for_nobody():
    """At once idle without a problem when the last one leaves: the edge would send nothing."""
    async with asyncio.TaskGroup() as tasks:
        place, edge = Place(tasks), Edge()
        place.post.follow(StreamSource("uno", "line://nord/uno", dial=edge), None, lambda _: None)
        reader = Reader("media:uno")
        for turn in range(1, 4):
            place.need = Priority.WALL
            place.post.fanout.join(reader)
            await until(lambda least=turn: edge.dials >= least, what="is dialled")
            await until(lambda: place.post.status().problem, what="the line is down")
            place.need = None
            place.post.fanout.leave(reader)
            for _ in range(10):
                await asyncio.sleep(0)
            status = place.post.status()
            assert (status.state, status.problem) == (StreamState.IDLE, "")
        place.run(None)
