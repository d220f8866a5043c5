# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The life of each camera: pulled, watched, its last seconds kept; changed without disturbing.

A camera has two renditions. MAIN serves viewers of an incident, continuous reception, the ring and
stills; SUB serves walls and the watch, for which a small picture is enough. Each is pulled once,
by itself, and only while somebody needs it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from gateway.analytics.budget import Budget, Importance
from gateway.analytics.calendar import is_armed
from gateway.analytics.watch import Caller, Watch, WatchOptions
from gateway.assembly.lookout import Lookout
from gateway.assembly.plans import CameraPlan
from gateway.assembly.streams import FAILING, STILL, StreamPost, joined
from gateway.evidence.ring import Ring
from gateway.ingest.pace import Pace
from gateway.ingest.sessions import Budgets, Priority
from gateway.model.alarm import Observation
from gateway.model.errors import PeerError
from gateway.model.media import (
    AccessUnit,
    MetadataDocument,
    StreamKind,
    StreamState,
    StreamStatus,
)
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout, Reader
from gateway.runtime.supervise import Policy, supervise

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often it is asked whether the watched stream is the right one."""
WATCH_POLICY = Policy(first_s=0.2, most_s=5.0)


Shown = Callable[[StreamKind, StreamStatus], StreamStatus]
"""Takes the state of a camera's stream, and returns what is to be seen of it."""


def _nobody(_: str) -> bool:
    return False


def _unheard(_: str, __: MetadataDocument) -> None:
    return


@dataclass(frozen=True, slots=True)
class Parts:
    """What every camera shares."""

    clock: Clock
    pool: Caller
    """Where pictures are looked at."""
    on_observation: Callable[[Observation], Awaitable[None]]
    ring_most_bytes: int
    on_document: Callable[[str, MetadataDocument], None] = _unheard
    """Takes what comes in a camera's metadata track; must not wait."""
    urgent: Callable[[str], bool] = _nobody
    """Whether somebody looks at a camera because of an alarm or an incident."""
    budgets: Budgets = field(default_factory=Budgets)
    pace: Pace | None = None
    """Who may begin when, in the whole box."""
    budget: Budget | None = None
    """What looking may cost in the whole box; None: no bound."""
    detector: Caller | None = None
    """Where what moves gets a name; None: nowhere."""


class CameraPost:
    """One camera's tasks, and the fan-outs that outlive them."""

    def __init__(self, first: CameraPlan, parts: Parts, tasks: asyncio.TaskGroup) -> None:
        """Start pulling, keeping and looking as `first` says, in `tasks`."""
        self.plan = first
        self.ring: Ring | None = None
        self._parts = parts
        self._tasks = tasks
        self._planned = parts.clock.now()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._watching: Watch | None = None
        self._lookout: Lookout | None = None
        """Where there is a choice of what is watched."""
        self._streams = {
            kind: StreamPost(
                partial(self._need, kind), self._run_stream(kind), parts.clock, parts.pace
            )
            for kind in StreamKind
        }
        self._choose()
        self._pull()
        self._keep()
        self._watch()

    def fanout(self, kind: StreamKind) -> Fanout:
        """Return where a rendition's pictures come; the main one's where there is no other."""
        return self._streams[self.rendition(kind)].fanout

    def rendition(self, kind: StreamKind) -> StreamKind:
        """Return the rendition that serves a wish."""
        return kind if self.plan.source(kind) is not None else StreamKind.MAIN

    def status(
        self, kind: StreamKind | None = None, shown: Shown = lambda _, status: status
    ) -> StreamStatus:
        """Return the state of one stream, or of what is needed of the camera.

        IDLE while nobody needs it; REFUSED with the problem where a person has to act first.
        `shown` turns the state of each stream into the one that counts for the camera.
        """
        if self.plan.main is None:
            return StreamStatus(StreamState.REFUSED, self.plan.problem, self._planned)
        if kind is not None:
            return self._streams[self.rendition(kind)].status()
        kinds = StreamKind.MAIN, StreamKind.SUB
        main, sub = (shown(one, self._needed_status(one)) for one in kinds)
        return joined(main, sub, "; ".join(filter(None, (self._stands_in(), self.plan.problem))))

    @property
    def watched(self) -> StreamKind:
        """Return the rendition that is looked at and listened to now."""
        return self._lookout.kind if self._lookout is not None else self.plan.watched

    def lost(self) -> str:
        """Return why pictures that somebody needs do not come, one line; empty while they do."""
        if self.plan.main is None:
            return self.plan.problem
        said = {kind: self._streams[kind].status() for kind in StreamKind}
        return "; ".join(
            f"{kind.value} stream: {status.problem or status.state.value}"
            for kind, status in said.items()
            if status.state in FAILING and self._need(kind) is not None
        )

    def stays(self, kind: StreamKind) -> bool:
        """Return whether a rendition is pulled whoever looks, and whoever asks for a still."""
        plan, stream = self.plan, self._streams[kind]
        is_due = (plan.listens or plan.is_tied) and kind is self.watched
        is_main = kind is StreamKind.MAIN
        return stream.is_held or is_due or (plan.continuous if is_main else self._is_spared())

    def streams(self) -> int:
        """Return how many of its streams come now."""
        return sum(one.status().state is StreamState.LIVE for one in self._streams.values())

    def _is_spared(self) -> bool:
        """Return whether the main stream is watched because the small one fails."""
        return self._lookout is not None and self.watched is not self.plan.watched

    def _stands_in(self) -> str:
        """Return, while another stream than planned is watched, that it is, and why."""
        if not self._is_spared():
            return ""
        sub = self._streams[StreamKind.SUB].status()
        why = sub.problem or ("lives again" if sub.state is StreamState.LIVE else sub.state.value)
        return f"the main stream is watched in place of the sub stream: {why}"

    def _needed_status(self, kind: StreamKind) -> StreamStatus:
        """Return a stream's state; how a stream fails that nobody needs any more is no matter."""
        stream = self._streams[kind]
        status = stream.status()
        is_tried = kind is StreamKind.SUB and self._is_spared() and not stream.is_viewed
        if status.state is StreamState.LIVE or (self._need(kind) is not None and not is_tried):
            return status
        return replace(status, state=StreamState.IDLE, problem="")

    def gop_s(self) -> float:
        """Return the distance of the watched stream's key pictures; 0 while not known."""
        return self._watching.statistics().gop_s if self._watching else 0.0

    @property
    def watch_mode(self) -> str:
        """Return what of the watched stream is decoded, in a word; empty while nothing is."""
        return self._watching.statistics().mode.value if self._watching else ""

    def wake(self) -> None:
        """Look at everything for a while: the camera itself says that something stirs."""
        if self._watching is not None:
            self._watching.wake()

    def _importance(self) -> Importance:
        """Return how important it is now that this camera is looked at."""
        zones, now = self.plan.watched_zones, self._parts.clock.now()
        return Importance(
            urgent=self._parts.urgent(self.plan.camera),
            severity=max((zone.severity for zone in zones), default=0),
            armed=any(is_armed(zone, now) for zone in zones),
        )

    def _leave_budget(self) -> None:
        if self._parts.budget is not None:
            self._parts.budget.leave(self.plan.camera)

    def change(self, plan: CameraPlan) -> None:
        """Go over to another plan; what is the same in both goes on untouched."""
        watched = self.watched
        before, self.plan = self.plan, plan
        if plan.problem != before.problem:
            self._planned = self._parts.clock.now()
        if (plan.sub, _watches(plan)) != (before.sub, _watches(before)):
            self._choose()
        self._pull()
        if plan.ring_s != before.ring_s:
            self._keep()
        if (plan.zones, plan.gates, self.watched) != (before.zones, before.gates, watched):
            self._watch()

    def stop(self) -> None:
        """End all tasks of a camera that is no longer in the registry."""
        for task in self._running.values():
            task.cancel()
        self._leave_budget()

    def _run(self, name: str, work: Coroutine[None, None, None] | None) -> None:
        """Replace the task of that name; None: by nothing."""
        before = self._running.pop(name, None)
        if before is not None:
            before.cancel()
        if work is not None:
            task = self._tasks.create_task(work, name=f"{name}:{self.plan.camera}")
            self._running[name] = task

    def _run_stream(self, kind: StreamKind) -> Callable[[Coroutine[None, None, None] | None], None]:
        return lambda work: self._run(f"pull-{kind.value}", work)

    def _pull(self) -> None:
        """Have each stream follow the plan; one that did not change is only asked who needs it."""
        budget = self._parts.budgets.of(self.plan.limit)
        for kind, stream in self._streams.items():
            stream.follow(self.plan.source(kind), budget, partial(self._heard, kind))

    def _heard(self, kind: StreamKind, document: MetadataDocument) -> None:
        """Hand on what the watched stream says; the other one says the same."""
        if self.plan.listens and kind is self.watched:
            self._parts.on_document(self.plan.camera, document)

    def _need(self, kind: StreamKind) -> Priority | None:
        """Return what a rendition is needed for; None: for nothing."""
        plan, stream = self.plan, self._streams[kind]
        is_main = kind is StreamKind.MAIN
        if is_main and stream.is_viewed and self._parts.urgent(plan.camera):
            return Priority.INCIDENT
        is_due = (plan.listens or plan.is_tied) and kind is self.watched
        if stream.is_kept or is_due:
            return Priority.GUARD
        if is_main and plan.continuous:
            return Priority.CONTINUOUS
        is_tried = not is_main and self._is_spared()
        return Priority.WALL if stream.is_viewed or is_tried else None

    def _choose(self) -> None:
        """Begin with the small stream, and see to it that the watch is not blind in it."""
        self._lookout = None
        if self.plan.sub is not None and _watches(self.plan):
            self._lookout = Lookout(self._parts.clock.monotonic_s())
        self._run("lookout", self._look_out(self._lookout) if self._lookout else None)

    async def _look_out(self, lookout: Lookout) -> None:
        """Watch where pictures come, until cancelled."""
        clock = self._parts.clock
        while True:
            await clock.sleep(LOOK_S)
            main, sub = (self._streams[kind].status() for kind in (StreamKind.MAIN, StreamKind.SUB))
            if lookout.look(main.state, sub.state, clock.monotonic_s()):
                fields = {"camera": self.plan.camera, "stream": lookout.kind.value}
                log.warning("watched-stream", extra={**fields, "problem": self._stands_in()})
                self._watch()
                self._pull()

    async def key_unit(self, name: str, bound_s: float) -> AccessUnit:
        """Return the next key unit of the main stream, pulled for it; PeerError if none comes.

        `name` says whose it is among the readers.
        """
        if self.plan.main is None:
            raise PeerError(self.plan.problem)
        reader, main = Reader(STILL + name), self._streams[StreamKind.MAIN].fanout
        main.join(reader)
        try:
            async with asyncio.timeout(bound_s):
                return await reader.receive()
        except TimeoutError:
            status = self.status(StreamKind.MAIN)
            why = status.problem or status.state.value
            raise PeerError(f"no picture came within {bound_s:g} s: {why}") from None
        finally:
            main.leave(reader)

    def _keep(self) -> None:
        """Keep the last seconds of the main stream, as far as the plan goes."""
        plan, parts = self.plan, self._parts
        self.ring = None
        if plan.ring_s > 0:
            self.ring = Ring(plan.ring_s, parts.ring_most_bytes, clock=parts.clock)
        main = self._streams[StreamKind.MAIN].fanout
        self._run("ring", self.ring.run(main) if self.ring else None)

    def _watch(self) -> None:
        """Watch the zones of the plan, in the small rendition where there is one."""
        plan, parts = self.plan, self._parts
        if not plan.watched_zones:
            self._watching = None
            self._run("watch", None)
            self._leave_budget()
            return
        if parts.budget is not None:
            parts.budget.join(plan.camera, self._importance)
        self._watching = watch = Watch(
            plan.camera,
            plan.watched_zones,
            self.fanout(self.watched),
            parts.pool,
            clock=parts.clock,
            on_observation=parts.on_observation,
            options=WatchOptions(needs_all=bool(plan.gates) and self.watched is StreamKind.SUB),
            budget=parts.budget,
            detector=parts.detector,
        )
        name = f"watch:{plan.camera}"
        self._run("watch", supervise(name, watch.run, clock=parts.clock, policy=WATCH_POLICY))


def _watches(plan: CameraPlan) -> bool:
    """Return whether anything depends on the watched stream."""
    return bool(plan.zones) or bool(plan.gates) or plan.listens


class Cameras:
    """All posts, kept equal to the plans."""

    def __init__(self, parts: Parts, tasks: asyncio.TaskGroup) -> None:
        self._parts = parts
        self._tasks = tasks
        self._posts: dict[str, CameraPost] = {}

    @property
    def budget(self) -> Budget | None:
        """What looking at pictures may cost; None: no bound."""
        return self._parts.budget

    @property
    def budgets(self) -> Budgets:
        """Sessions of the devices, which whoever opens one more has to ask for."""
        return self._parts.budgets

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
        self.budgets.keep({plan.limit.device for plan in plans.values() if plan.limit})
        return tuple(sorted(touched))

    def post(self, camera: str) -> CameraPost | None:
        """Return a camera's post."""
        return self._posts.get(camera)

    def posts(self) -> tuple[tuple[str, CameraPost], ...]:
        """Return every camera's post with its id."""
        return tuple(self._posts.items())

    def statuses(self) -> tuple[tuple[str, StreamStatus], ...]:
        """Return the state of every camera, by id."""
        return tuple((camera, self._posts[camera].status()) for camera in sorted(self._posts))
