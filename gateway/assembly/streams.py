# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One rendition of a camera: its fan-out, and the feed that fills it while somebody needs it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from gateway.ingest.camera import CameraFeed
from gateway.ingest.pace import Pace
from gateway.ingest.sessions import Budget, Claim, Priority
from gateway.ingest.source import StreamSource
from gateway.model.errors import PeerError
from gateway.model.media import MetadataDocument, StreamKind, StreamState, StreamStatus
from gateway.model.time import Moment
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout

IDLE_AFTER_S = 10.0
"""A stream that nobody needs any more is kept this long: operators go back and forth.

One that comes over a line is not: the edge sends nothing that nobody is said to look at, and keeps
its own camera so long itself.
"""
POLL_S = 0.1
"""How often a stream that is about to go idle, or stands in line, is looked at."""

GOOD_S = 30.0
"""A session that lived this long was a success, however it ended."""
MOST_FAILURES = 3
"""After so many failed attempts in a row a stream pushes others out no more often than ..."""
DISPLACE_S = 60.0
"""... this; sessions that are free it may try, and for an incident there is no such bound."""

STILL = "still:"
_LASTING = ("ring", "watch:", "gate:")
_OWN = (*_LASTING, STILL)
"""How the names begin under which our own readers join a fan-out; all others are viewers."""
FAILING = frozenset(
    {
        StreamState.STALLED,
        StreamState.UNREACHABLE,
        StreamState.UNSUPPORTED,
        StreamState.REFUSED,
    }
)
"""Pictures should come, and do not."""

Run = Callable[[Coroutine[None, None, None] | None], None]
"""Replaces the stream's task; None: by nothing."""


class StreamPost:
    """Pulls one stream into one fan-out, which outlives every feed."""

    def __init__(
        self, need: Callable[[], Priority | None], run: Run, clock: Clock, pace: Pace | None
    ) -> None:
        """`need` says what the stream is needed for now, None for nothing."""
        self._feed: CameraFeed | None = None
        self._turned = asyncio.Event()
        """Set when readers or the plan changed."""
        self.fanout = Fanout(on_readers=self._turn)
        self._need = need
        self._run = run
        self._clock = clock
        self._pace = pace
        self._source: StreamSource | None = None
        self._budget: Budget | None = None
        self._idle_since: Moment | None = clock.now()
        self._waits_since: Moment | None = None
        """In line for a session of the device since then."""
        self._claim: Claim | None = None
        self._row = 0
        """Failed attempts in a row."""
        self._pushed_s = -DISPLACE_S
        """When it was last granted a session for which it might have pushed somebody out."""

    @property
    def is_kept(self) -> bool:
        """Return whether we read it ourselves: the ring, the watch."""
        return any(name.startswith(_OWN) for name in self.fanout.readers())

    @property
    def is_held(self) -> bool:
        """Return whether we read it for as long as the plan stands, a still's moment aside."""
        return any(name.startswith(_LASTING) for name in self.fanout.readers())

    @property
    def is_viewed(self) -> bool:
        """Return whether somebody else reads it."""
        return any(not name.startswith(_OWN) for name in self.fanout.readers())

    def _turn(self) -> None:
        self._turned.set()
        in_a_hurry = self.is_viewed or any(one.startswith(STILL) for one in self.fanout.readers())
        if self._feed is not None and in_a_hurry:
            self._feed.hurry()

    def follow(
        self,
        source: StreamSource | None,
        budget: Budget | None,
        on_document: Callable[[MetadataDocument], None],
    ) -> None:
        """Go over to another source; the same source goes on untouched."""
        self._turned.set()
        if source == self._source and budget is self._budget:
            return
        self._source, self._budget = source, budget
        self._idle_since, self._waits_since = self._clock.now(), None
        self._row, self._pushed_s = 0, -DISPLACE_S
        self._feed, self._claim = None, None
        if source is None:
            self._run(None)
            return
        self._feed = CameraFeed(
            source,
            self.fanout,
            clock=self._clock,
            on_change=lambda *_: None,
            on_document=on_document,
            pace=self._pace,
        )
        if budget is not None:
            self._feed.admit = partial(self._session, self._feed, budget)
        self._run(self._pull_while_needed(self._feed, budget))

    def status(self) -> StreamStatus:
        """Return the state; IDLE while nobody needs it or there is no such stream."""
        if self._feed is None:
            return StreamStatus(StreamState.IDLE, since=self._idle_since)
        status = self._feed.status()
        if self._is_waiting(status) and self._budget is not None:
            words = self._budget.limit.words
            return replace(
                status, state=StreamState.UNREACHABLE, problem=words, since=self._waits_since
            )
        if self._idle_since is not None:
            return replace(status, state=StreamState.IDLE, problem="", since=self._idle_since)
        return status

    def _is_waiting(self, status: StreamStatus) -> bool:
        """Return whether it stands in line, or was pushed out and is on its way there."""
        if self._waits_since is None:
            return False
        if self._claim is not None and not self._claim.timid:
            return True
        return status.state not in FAILING

    async def _pull_while_needed(self, feed: CameraFeed, budget: Budget | None) -> None:
        """Pull while somebody needs it, and a session can be had; until cancelled."""
        while True:
            await self._until_needed()
            async with asyncio.TaskGroup() as tasks:
                pulling = tasks.create_task(self._run_feed(feed))
                await (self._until_idle() if budget is None else self._until_over(budget))
                pulling.cancel()
            if self._need() is None:
                self._waits_since = None
            if self._waits_since is None:
                self._idle_since = self._clock.now()

    async def _until_needed(self) -> None:
        while self._need() is None:
            self._turned.clear()
            await self._turned.wait()

    async def _run_feed(self, feed: CameraFeed) -> None:
        self._idle_since = None  # from here on the feed says how it is, not before
        await feed.run()

    @asynccontextmanager
    async def _session(self, feed: CameraFeed, budget: Budget) -> AsyncIterator[None]:
        """Hold one of the device's sessions for one attempt; others have it while this waits."""
        priority = self._need() or Priority.IDLE
        async with budget.claim(feed.source.camera, priority, timid=self._is_timid()) as claim:
            self._claim = claim
            try:
                if not claim.granted.is_set():
                    self._waits_since = self._waits_since or self._clock.now()
                await claim.granted.wait()
                self._waits_since = None
                if not claim.timid:
                    self._pushed_s = self._clock.monotonic_s()
                granted_s = self._clock.monotonic_s()
                try:
                    yield
                except PeerError:
                    self._count(self._clock.monotonic_s() - granted_s, feed)
                    raise
            finally:
                if self._claim is claim:
                    self._claim = None

    def _count(self, lived_s: float, feed: CameraFeed) -> None:
        """Note how an attempt ended that the camera ended."""
        is_good = lived_s >= GOOD_S and feed.statistics().received_bytes > 0
        self._row = 0 if is_good else self._row + 1

    def _is_timid(self) -> bool:
        """Return whether it must not push anybody out now: it did, and then nothing came of it."""
        if self._row < MOST_FAILURES:
            return False
        return self._clock.monotonic_s() - self._pushed_s < DISPLACE_S

    async def _until_idle(self) -> None:
        """Return when nobody has needed it for a while; no timer runs while somebody does."""
        over_line = self._source is not None and self._source.dial is not None
        needed_s = self._clock.monotonic_s()
        while True:
            if self._need() is not None:
                self._turned.clear()
                await self._turned.wait()
                needed_s = self._clock.monotonic_s()
            elif over_line or self._clock.monotonic_s() - needed_s >= IDLE_AFTER_S:
                return
            else:
                await self._clock.sleep(POLL_S)

    async def _until_over(self, budget: Budget) -> None:
        """Return then too, but at once if it stood in line or its session must be given up."""
        needed_s = self._clock.monotonic_s()
        while self._clock.monotonic_s() - needed_s < IDLE_AFTER_S:
            priority, claim = self._need(), self._claim
            if priority is not None:
                needed_s = self._clock.monotonic_s()
            if claim is not None:
                if claim.revoked.is_set():
                    self._waits_since = self._clock.now()
                    return
                budget.weigh(claim, priority or Priority.IDLE, timid=self._is_timid())
                if priority is None and not claim.granted.is_set():
                    break
            await self._clock.sleep(POLL_S)
        self._waits_since = None


_GRAVITY = (
    StreamState.IDLE,
    StreamState.LIVE,
    StreamState.CONNECTING,
    StreamState.STALLED,
    StreamState.UNREACHABLE,
    StreamState.UNSUPPORTED,
    StreamState.REFUSED,
)
"""The graver one of a camera's streams is the camera's state."""


def joined(main: StreamStatus, sub: StreamStatus, problem: str = "") -> StreamStatus:
    """Return a camera's state: the graver of those streams that are needed, counters added up.

    `problem`: what else a person should correct; it shows even while pictures come.
    """
    kind = max((main, sub), key=lambda one: _GRAVITY.index(one.state))
    shape = sub if main.state is StreamState.IDLE and sub.state is not StreamState.IDLE else main
    words = f"{StreamKind.SUB.value} stream: {kind.problem}" if kind is sub and kind.problem else ""
    return replace(
        shape,
        state=kind.state,
        problem="; ".join(filter(None, (words or kind.problem, problem))),
        since=kind.since,
        units=main.units + sub.units,
        key_units=main.key_units + sub.key_units,
        received_bytes=main.received_bytes + sub.received_bytes,
        lost_packets=main.lost_packets + sub.lost_packets,
        connects=main.connects + sub.connects,
        stalls=main.stalls + sub.stalls,
    )
