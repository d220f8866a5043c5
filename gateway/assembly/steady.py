# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Figures that tell nobody on site of a hold-up: they stand still while one lives (ADR 32).

What a room does because of a silent alarm (looks, entries, bytes over the line) would show in the
metrics that the shop's own monitors read. What grows with every look is coarse besides, so that
standing still for a while looks like any other quarter of an hour. What people on site do
themselves goes on being counted: to look and not to be counted would tell as well.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Generic, Protocol, TypeVar

from gateway.assembly.cameras import Shown
from gateway.assembly.figures import gauged
from gateway.assembly.streams import IDLE_AFTER_S
from gateway.console.services import LineReport
from gateway.model.media import StreamKind, StreamState, StreamStatus
from gateway.model.room import LineStatus
from gateway.model.time import Moment
from gateway.ops.health import LiveSnapshot
from gateway.relay.video.link import SlotState
from gateway.runtime.clock import Clock

T = TypeVar("T")

COARSE_S: Final = 900.0


class Steady(Generic[T]):
    """Reads a figure, but neither while `hides` nor more often than each `every_s`."""

    def __init__(
        self, read: Callable[[], T], hides: Callable[[], object], clock: Clock, every_s: float = 0.0
    ) -> None:
        self._read = read
        self._hides = hides
        self._clock = clock
        self._every_s = every_s
        self._value = read()
        self._read_s = clock.monotonic_s()

    def __call__(self) -> T:
        """Return what it was when it was last read; never waits."""
        now_s = self._clock.monotonic_s()
        if now_s - self._read_s >= self._every_s and not self._hides():
            self._value, self._read_s = self._read(), now_s
        return self._value


class SteadyLines:
    """Lines as they are, but for what pictures over them add: streams and bytes are steady."""

    def __init__(
        self, read: Callable[[], tuple[LineReport, ...]], hides: Callable[[], object], clock: Clock
    ) -> None:
        self._read = read
        self._calm = Steady(read, hides, clock)

    def __call__(self) -> tuple[LineReport, ...]:
        """Return the lines; one that is new during a hold-up tells of no pictures."""
        calm = {(one.id, one.side): one.status for one in self._calm()}
        return tuple(
            replace(one, status=_carrying(one.status, calm.get((one.id, one.side))))
            for one in self._read()
        )


def _carrying(status: LineStatus, calm: LineStatus | None) -> LineStatus:
    """Return a status that says of what it carries what it did before."""
    return replace(
        status,
        streams=calm.streams if calm else 0,
        sent_bytes=calm.sent_bytes if calm else 0,
        received_bytes=calm.received_bytes if calm else 0,
    )


@dataclass(frozen=True, slots=True)
class Looks:
    """Who looks now: people at cameras of their own house, and strangers."""

    own: Mapping[str, SlotState]
    """By the look's name."""
    cameras: frozenset[str]
    """At which people look whose they are."""
    strangers: int
    walls: int = 0
    """Of people of houses that have cameras here."""


class SteadyViewers:
    """Viewers: one's own as they are, strangers as they were."""

    def __init__(
        self, looks: Callable[[], Looks], hides: Callable[[], object], clock: Clock
    ) -> None:
        self._looks = looks
        self._strangers = Steady(lambda: looks().strangers, hides, clock)

    def __call__(self) -> int:
        """Return how many look."""
        return len(self._looks().own) + self._strangers()


class SteadyLive:
    """What viewers get: what strangers get stands still, what one's own get adds to it.

    What a look got after it was read last and before it ended is missing until nothing is hidden.
    """

    def __init__(
        self,
        read: Callable[[], LiveSnapshot],
        looks: Callable[[], Looks],
        hides: Callable[[], object],
    ) -> None:
        self._read = read
        self._looks = looks
        self._hides = hides
        self._calm, self._before = read(), looks()
        self._counted = self._before.own

    def __call__(self) -> LiveSnapshot:
        """Return the figures; never waits."""
        looks = self._looks()
        if not self._hides():
            self._calm, self._before = self._read(), looks
        else:
            self._calm = _grown(self._calm, self._counted, looks.own)
        self._counted = looks.own
        walls = self._calm.walls - self._before.walls + looks.walls
        shown = replace(self._calm, walls=max(0, walls))
        return shown if self._before.strangers else gauged(shown, looks.own.values())


def _grown(
    figures: LiveSnapshot, before: Mapping[str, SlotState], after: Mapping[str, SlotState]
) -> LiveSnapshot:
    """Return counters with what some looks got since they were read last."""

    def more(counter: str) -> int:
        return sum(
            getattr(now, counter) - (getattr(before[name], counter) if name in before else 0)
            for name, now in after.items()
        )

    counters = "bytes", "frames", "packets", "repeated", "overflows"
    return replace(figures, **{one: getattr(figures, one) + more(one) for one in counters})


COUNTERS: Final = (
    "units",
    "key_units",
    "received_bytes",
    "lost_packets",
    "connects",
    "stalls",
)
"""Of a stream, since the process began."""


class Post(Protocol):
    """What is read of a camera: `gateway.assembly.cameras.CameraPost`."""

    def status(self, kind: StreamKind | None = None, shown: Shown = ...) -> StreamStatus:
        """Return the state."""
        ...

    def stays(self, kind: StreamKind) -> bool:
        """Return whether a rendition is pulled whoever looks."""
        ...


class _CalmStream:
    """One stream as it would be if no stranger had begun to look."""

    def __init__(self) -> None:
        self._told = StreamStatus(StreamState.IDLE)
        self._is_looked_at = False
        """Strangers did before anything was hidden, and have not ceased since."""
        self._needed_s = float("-inf")
        self._frozen = False
        self._ahead: dict[str, int] = {}
        """By how much the counters are ahead of what is told."""
        self._back: Moment | None = None
        """When it began to be told again after it had stood still."""

    def show(self, real: StreamStatus, now: Moment, *, hides: bool, needed: bool) -> StreamStatus:
        """Return what is told; `needed`: it would be pulled without strangers as well."""
        is_idle = real.state is StreamState.IDLE
        if needed:
            self._needed_s = now.monotonic_s
        if not hides:
            self._is_looked_at = not is_idle and not needed
            self._frozen, self._ahead, self._back = False, {}, None
            self._told = real
        elif self._is_looked_at or now.monotonic_s - self._needed_s < IDLE_AFTER_S:
            if self._frozen:
                self._thaw(real, now)
            self._is_looked_at = self._is_looked_at and not is_idle
            self._told = self._behind(real)
        else:
            self._freeze(now)
        return self._told

    def _freeze(self, now: Moment) -> None:
        self._frozen = True
        if self._told.state is not StreamState.IDLE:  # nobody on site needs it any more
            self._told = replace(self._told, state=StreamState.IDLE, problem="", since=now, fps=0.0)

    def _thaw(self, real: StreamStatus, now: Moment) -> None:
        self._frozen, self._back = False, now
        self._ahead = {one: getattr(real, one) - getattr(self._told, one) for one in COUNTERS}

    def _behind(self, real: StreamStatus) -> StreamStatus:
        since = real.since
        if self._back is not None and real.state is not StreamState.IDLE:
            since = max(filter(None, (since, self._back)), key=lambda one: one.monotonic_s)
        counted = {one: getattr(real, one) - ahead for one, ahead in self._ahead.items()}
        return replace(real, since=since, **counted)

    @property
    def is_live(self) -> bool:
        """Return whether pictures come, as it was told last."""
        return self._told.state is StreamState.LIVE


class SteadyCameras:
    """Cameras as they would be if no stranger looked because of a hold-up.

    A stream that is kept, watched or looked at by its own people is told as it is, its loss too.
    One that a stranger alone has pulled is told as idle, and what it counts as what it was.
    """

    def __init__(
        self,
        posts: Callable[[], Iterable[tuple[str, Post]]],
        opened: Callable[[], Collection[str]],
        looks: Callable[[], Looks],
        clock: Clock,
    ) -> None:
        """Take `opened`: the cameras of hold-ups that live."""
        self._posts = posts
        self._opened = opened
        self._looks = looks
        self._clock = clock
        self._streams: dict[tuple[str, StreamKind], _CalmStream] = {}

    def __call__(self) -> tuple[tuple[str, StreamStatus], ...]:
        """Return the state of every camera, by id."""
        posts, opened, own = dict(self._posts()), self._opened(), self._looks().cameras
        for gone in [one for one in self._streams if one[0] not in posts]:
            del self._streams[gone]
        return tuple(
            (id_, self._show(id_, posts[id_], hides=id_ in opened, own=id_ in own))
            for id_ in sorted(posts)
        )

    def status(self, camera: str) -> StreamStatus | None:
        """Return a camera's state; None if there is no such camera."""
        return dict(self()).get(camera)

    def streams(self, camera: str) -> int:
        """Return how many of a camera's streams come."""
        self()
        known = (self._streams.get((camera, kind)) for kind in StreamKind)
        return sum(one is not None and one.is_live for one in known)

    def _show(self, id_: str, post: Post, *, hides: bool, own: bool) -> StreamStatus:
        now = self._clock.now()

        def shown(kind: StreamKind, real: StreamStatus) -> StreamStatus:
            stream = self._streams.setdefault((id_, kind), _CalmStream())
            return stream.show(real, now, hides=hides, needed=own or post.stays(kind))

        return post.status(shown=shown)
