# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The life of each camera: pulled, watched, its last seconds kept; changed without disturbing."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace

from gateway.analytics.watch import Caller, Watch
from gateway.assembly.plans import CameraPlan
from gateway.evidence.ring import Ring
from gateway.ingest.camera import CameraFeed
from gateway.model.alarm import Observation
from gateway.model.media import StreamState, StreamStatus
from gateway.model.time import Moment
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout
from gateway.runtime.supervise import Policy, supervise

IDLE_AFTER_S = 10.0
"""A stream that nobody needs any more is kept this long: operators go back and forth."""
NEED_POLL_S = 0.1
"""How soon a stream that somebody now needs is pulled."""
WATCH_POLICY = Policy(first_s=0.2, most_s=5.0)


@dataclass(frozen=True, slots=True)
class Parts:
    """What every camera shares."""

    clock: Clock
    pool: Caller
    """Where pictures are looked at."""
    on_observation: Callable[[Observation], Awaitable[None]]
    ring_most_bytes: int


class CameraPost:
    """One camera's tasks, and the fan-out that outlives them."""

    def __init__(self, first: CameraPlan, parts: Parts, tasks: asyncio.TaskGroup) -> None:
        """Start pulling, keeping and looking as `first` says, in `tasks`."""
        self.plan = first
        self.fanout = Fanout()
        self.ring: Ring | None = None
        self._parts = parts
        self._tasks = tasks
        self._planned = parts.clock.now()
        self._idle_since: Moment | None = self._planned
        self._turned = asyncio.Event()
        """Set when the plan changed."""
        self._feed: CameraFeed | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._pull()
        self._keep()
        self._watch()

    def status(self) -> StreamStatus:
        """Return the state of the stream.

        IDLE while nobody needs it; REFUSED with the problem where a person has to act first.
        """
        if self._feed is None:
            return StreamStatus(StreamState.REFUSED, self.plan.problem, self._planned)
        status = self._feed.status()
        if self._idle_since is not None:
            return replace(status, state=StreamState.IDLE, problem="", since=self._idle_since)
        return status

    def change(self, plan: CameraPlan) -> None:
        """Go over to another plan; what is the same in both goes on untouched."""
        before, self.plan = self.plan, plan
        self._turned.set()
        if plan.source != before.source or plan.problem != before.problem:
            self._planned = self._parts.clock.now()
            self._pull()
        if plan.ring_s != before.ring_s:
            self._keep()
        if plan.zones != before.zones:
            self._watch()

    def stop(self) -> None:
        """End all tasks of a camera that is no longer in the registry."""
        for task in self._running.values():
            task.cancel()

    def _run(self, name: str, work: Coroutine[None, None, None] | None) -> None:
        """Replace the task of that name; None: by nothing."""
        before = self._running.pop(name, None)
        if before is not None:
            before.cancel()
        if work is not None:
            task = self._tasks.create_task(work, name=f"{name}:{self.plan.camera}")
            self._running[name] = task

    def _pull(self) -> None:
        source, clock = self.plan.source, self._parts.clock
        if source is None:
            self._feed = None
            self._run("pull", None)
            return
        self._feed = CameraFeed(source, self.fanout, clock=clock, on_change=lambda *_: None)
        self._idle_since = clock.now()
        self._run("pull", self._pull_while_needed(self._feed))

    def _keep(self) -> None:
        """Keep the last seconds, as far as the plan goes."""
        plan, parts = self.plan, self._parts
        self.ring = None
        if plan.ring_s > 0:
            self.ring = Ring(plan.ring_s, parts.ring_most_bytes, clock=parts.clock)
        self._run("ring", self.ring.run(self.fanout) if self.ring else None)

    def _watch(self) -> None:
        """Watch the zones of the plan."""
        plan, parts = self.plan, self._parts
        if not plan.zones:
            self._run("watch", None)
            return
        watch = Watch(
            plan.camera,
            plan.zones,
            self.fanout,
            parts.pool,
            clock=parts.clock,
            on_observation=parts.on_observation,
        )
        name = f"watch:{plan.camera}"
        self._run("watch", supervise(name, watch.run, clock=parts.clock, policy=WATCH_POLICY))

    async def _pull_while_needed(self, feed: CameraFeed) -> None:
        """Pull for ever, or only while somebody reads; until cancelled."""
        while True:
            while not (self.plan.continuous or self.fanout.wanted()):
                await self._parts.clock.sleep(NEED_POLL_S)
            self._idle_since = None
            async with asyncio.TaskGroup() as tasks:
                pulling = tasks.create_task(feed.run())
                await self._until_unneeded()
                pulling.cancel()
            self._idle_since = self._parts.clock.now()

    async def _until_unneeded(self) -> None:
        """Return when the plan asks for nothing and nobody has read for a while."""
        clock = self._parts.clock
        needed_s = clock.monotonic_s()
        while clock.monotonic_s() - needed_s < IDLE_AFTER_S:
            while self.plan.continuous:
                self._turned.clear()
                await self._turned.wait()
                needed_s = clock.monotonic_s()
            await clock.sleep(NEED_POLL_S)
            if self.fanout.wanted():
                needed_s = clock.monotonic_s()


class Cameras:
    """All posts, kept equal to the plans."""

    def __init__(self, parts: Parts, tasks: asyncio.TaskGroup) -> None:
        self._parts = parts
        self._tasks = tasks
        self._posts: dict[str, CameraPost] = {}

    def reconcile(self, plans: Mapping[str, CameraPlan]) -> tuple[str, ...]:
        """Start, change and stop posts so that they follow `plans`; return the ids touched."""
        touched: list[str] = []
        for camera in self._posts.keys() - plans.keys():
            self._posts.pop(camera).stop()
            touched.append(camera)
        for camera, plan in plans.items():
            post = self._posts.get(camera)
            if post is None:
                self._posts[camera] = CameraPost(plan, self._parts, self._tasks)
                touched.append(camera)
            elif post.plan != plan:
                post.change(plan)
                touched.append(camera)
        return tuple(sorted(touched))

    def post(self, camera: str) -> CameraPost | None:
        """Return a camera's post."""
        return self._posts.get(camera)

    def statuses(self) -> tuple[tuple[str, StreamStatus], ...]:
        """Return the state of every stream, by camera id."""
        return tuple((camera, self._posts[camera].status()) for camera in sorted(self._posts))
