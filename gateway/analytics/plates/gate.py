# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One camera's gates: its main stream is decoded only while something is in a lane.

While the lanes are quiet the coded units of the last seconds are kept, and nothing is decoded.
Whoever watches the camera calls `wake`; what was kept goes in first, so that a plate's first
pictures are not lost. A passage is handed on once and forgotten; its text is nowhere else.
"""

import itertools
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from gateway.analytics.plates.request import (
    MOST_LANES,
    Lane,
    Passed,
    PictureRequest,
    PlatePicture,
    PlateReply,
    PlateRequest,
    Run,
)
from gateway.codec.protocol import Kind, Polygon
from gateway.model.errors import PeerError, WireError
from gateway.model.media import AccessUnit
from gateway.model.plate import Passage, Passing
from gateway.model.registry import Direction, Zone
from gateway.model.time import Moment
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout, Reader
from gateway.runtime.tally import Tally

log = logging.getLogger(__name__)

_SENT_KEPT = 2048
"""Units whose capture time is remembered until their picture comes back."""
_SAME_90K = 45_000
"""What is looked at again may cross half a second off; it is the same crossing."""
_PICTURES_KEPT = 64
_SANE_S = 60.0
"""A sign of life that is further ahead of the pictures was given by another clock."""


class GateChild(Protocol):
    """The part of a pool that is needed here."""

    async def call(self, affinity: str, kind: int, payload: bytes, *, timeout_s: float) -> bytes:
        """Have a child answer one request."""
        ...

    def renew(self, affinity: str) -> None:
        """Replace the child of a camera; the new one knows nothing."""
        ...


@dataclass(frozen=True, slots=True)
class GateOptions:
    """Bounds of a gate; seconds of the camera's time unless said otherwise."""

    before_s: float = 1.5
    """Kept before a wake, from a key unit on: so long the watch may take to notice."""
    most_kept: int = 600
    """Units that are kept; a GOP that is longer is cut, and decoding waits for the next."""
    quiet_s: float = 3.0
    """Without a sign of life for this long, and with no plate in sight, nothing is decoded."""
    batch_s: float = 0.15
    """Units of this span go to the child together."""
    most_batch: int = 32
    timeout_s: float = 10.0
    """Our clock; a child that takes longer is killed."""
    most_wait_s: float = 30.0
    """Our clock; longest pause after failures in a row."""
    passages: int = 2_000
    """A child that told so many is replaced, once the lanes are empty."""
    age_s: float = 6 * 3600.0
    """Our clock; or once it is so old."""
    settle_s: float = 6.0
    """Our clock; so long after the last passage no child is replaced: it may be asked for a
    picture."""


@dataclass(frozen=True, slots=True)
class GateStatistics:
    """Counters since the gate was opened; nothing of a vehicle is in them."""

    awake: bool
    wakes: int
    units: int
    """That came."""
    decoded_units: int
    """Sent to the child; the rest cost nothing."""
    pictures: int
    looked: int
    """Pictures that were searched for plates."""
    passages: int
    unread: int
    """Of those, how many had no legible plate."""
    failures: int
    lost_units: int
    decode_errors: int
    renewals: int
    cost_s: float
    """CPU seconds of the child."""
    late_s: float
    """Of those, what deciding passages took."""

    @property
    def skipped(self) -> int:
        """Return how many decoded pictures were not searched, to keep to the budget."""
        return self.pictures - self.looked


@dataclass(slots=True)
class _Counts:
    wakes: int = 0
    units: int = 0
    decoded: int = 0
    pictures: int = 0
    looked: int = 0
    passages: int = 0
    unread: int = 0
    failures: int = 0
    lost: int = 0
    errors: int = 0
    renewals: int = 0
    cost_s: float = 0.0
    late_s: float = 0.0


class _Kept:
    """The last units, from a key unit on, for at least `before_s`."""

    def __init__(self, options: GateOptions) -> None:
        self._units: deque[AccessUnit] = deque()
        self._options = options
        self._is_cut = False

    def add(self, unit: AccessUnit) -> None:
        """Keep one more, and let go what is older than need be."""
        if unit.is_key:
            self._is_cut = False
            if self._units and not 0 < unit.pts_90k - self._units[-1].pts_90k < 10 * 90_000:
                self._units.clear()  # a new session of the camera
        if self._is_cut or (not self._units and not unit.is_key):
            return
        self._units.append(unit)
        before_90k = unit.pts_90k - self._options.before_s * 90_000
        keys = [at for at, one in enumerate(self._units) if one.is_key]
        old = [at for at in keys if self._units[at].pts_90k <= before_90k]
        for _ in range(max(old, default=0)):
            self._units.popleft()
        if len(self._units) > self._options.most_kept:
            self.clear()
            self._is_cut = True

    def units(self) -> list[AccessUnit]:
        """Return them, a key unit first."""
        return list(self._units)

    def clear(self) -> None:
        """Keep nothing: what comes does not follow."""
        self._units.clear()


def lane_of(zone: Zone) -> Lane:
    """Return what a child is told of a zone of analytic PLATES that has a line."""
    return Lane(zone.polygon, zone.line, zone.direction)


class Gate:
    """Reads a camera's main stream, has its plates read around each passage, hands them on."""

    def __init__(  # noqa: PLR0913 - six of them are the camera's surroundings
        self,
        camera: str,
        zones: Sequence[Zone],
        fanout: Fanout,
        child: GateChild,
        *,
        clock: Clock,
        on_passage: Callable[[Passage], Awaitable[None]],
        is_open: Callable[[Zone], bool] = lambda _: True,
        next_id: Callable[[], int] | None = None,
        options: GateOptions | None = None,
    ) -> None:
        """`zones` have a line and say which way leads inwards; `is_open` knows their schedule.

        `on_passage` is awaited for every passage, in the order in which they are decided.
        `next_id` numbers them.
        """
        self._camera = camera
        self._zones = tuple(zones)[:MOST_LANES]
        self._lanes = [lane_of(zone) for zone in self._zones]
        self._fanout = fanout
        self._child = child
        self._clock = clock
        self._on_passage = on_passage
        self._is_open = is_open
        self._next_id = next_id or partial(next, itertools.count(1))
        self._options = options or GateOptions()
        self._tally = Tally(log, clock)
        self._counts = _Counts()
        self._kept = _Kept(self._options)
        self._pending: list[AccessUnit] = []
        self._run = Run.BEGIN
        self._awake = False
        self._woken = False
        self._sign_s = -1e9
        """When something was last seen in a lane: capture time, monotonic."""
        self._sent: OrderedDict[int, Moment] = OrderedDict()
        self._repeats_90k: int | None = None
        """Up to here pictures are looked at a second time."""
        self._crossings: deque[tuple[int, Direction, int]] = deque(maxlen=32)
        self._pictures: OrderedDict[int, int] = OrderedDict()
        """The child's number of each passage that was handed on of late."""
        self.problem = ""
        """Why the last request was not answered, one line; empty once one was."""
        self._row = 0
        self._not_before_s = -1e9
        self._told_s = -1e9
        self._served = 0
        self._child_since_s = clock.monotonic_s()

    @property
    def zones(self) -> tuple[Zone, ...]:
        """Return the lanes that are read."""
        return self._zones

    @property
    def is_awake(self) -> bool:
        """Return whether the main stream is decoded now."""
        return self._awake

    def statistics(self) -> GateStatistics:
        """Return a snapshot."""
        one = self._counts
        return GateStatistics(
            self._awake, one.wakes, one.units, one.decoded, one.pictures, one.looked,
            one.passages, one.unread, one.failures, one.lost, one.errors, one.renewals,
            one.cost_s, one.late_s,
        )  # fmt: skip

    def wake(self, seen: Moment | None = None) -> None:
        """Decode from the kept units on: something is, or may be, in a lane.

        `seen`: when it was captured; None: now. The gate may lag behind, while its child starts.
        """
        self._woken = True
        if seen is not None:
            self._sign_s = max(self._sign_s, seen.monotonic_s)

    async def picture(self, passage: int, masks: Sequence[Polygon]) -> PlatePicture:
        """Return the best picture of a passage that was just handed on; only once.

        PeerError (WireError) if the child has it no more: it keeps one for a few seconds.
        """
        number = self._pictures.pop(passage, None)
        if number is None:
            raise WireError(f"camera {self._camera}: no picture of passage {passage} is kept")
        request = PictureRequest(self._camera, number, masks).pack()
        timeout_s = self._options.timeout_s
        data = await self._child.call(
            self._camera, Kind.PLATE_PICTURE, request, timeout_s=timeout_s
        )
        return PlatePicture.unpack(data)

    async def run(self) -> None:
        """Guard until cancelled; cancelling leaves the fan-out and forgets what is open."""
        self._awake, self._pending, self._run = False, [], Run.BEGIN
        self._kept.clear()
        reader = Reader(f"gate:{self._camera}", most_units=300)
        self._fanout.join(reader, from_kept=True)
        dropped = 0
        try:
            while True:
                unit = await reader.receive()
                now_dropped = reader.statistics().dropped
                if now_dropped != dropped:
                    await self._break_off(now_dropped - dropped)
                    dropped = now_dropped
                await self.take(unit)
        finally:
            self._fanout.leave(reader)

    async def take(self, unit: AccessUnit) -> None:
        """Use one unit, and wait until it was looked at; also for recordings, in place of `run`."""
        self._counts.units += 1
        self._kept.add(unit)
        if self._woken:
            self._woken = False
            self._sign_s = max(self._sign_s, unit.captured.monotonic_s)
            if not self._awake and self._may_wake():
                self._begin()
                return
        if not self._awake:
            self._renew_if_due()
            return
        self._pending.append(unit)
        span_90k = unit.pts_90k - self._pending[0].pts_90k
        due = not 0 <= span_90k < self._options.batch_s * 90_000
        if due or len(self._pending) >= self._options.most_batch:
            await self._send()

    async def finish(self) -> None:
        """Look at what waits and decide what is open: for recordings that end."""
        if self._awake:
            await self._send(last=True)

    def _may_wake(self) -> bool:
        """Return whether any lane is read at this hour, and no child has just failed."""
        if self._clock.monotonic_s() < self._not_before_s:
            self._woken = True
            return False
        return any(map(self._is_open, self._zones))

    def _begin(self) -> None:
        """Wake: all that was kept goes in with the next unit."""
        units = self._kept.units()
        if not units:
            self._woken = True  # the next key unit begins
            return
        self._awake = True
        self._counts.wakes += 1
        self._pending, self._run = units, Run.BEGIN
        self._repeats_90k = self._last_sent()
        log.info("gate-awake", extra={"camera": self._camera})

    def _last_sent(self) -> int | None:
        return next(reversed(self._sent)) if self._sent else None

    async def _send(self, *, last: bool = False) -> None:
        """Send what was collected, in parts that a child answers in time; sleep if all is quiet."""
        units, self._pending = self._pending, []
        most = self._options.most_batch
        parts = [units[at : at + most] for at in range(0, len(units), most)] or [[]]
        reply: PlateReply | None = None
        for part in parts:
            reply = await self._ask(self._run, part)
            if reply is None:
                return
            self._run = Run.FOLLOW
        now_s = units[-1].captured.monotonic_s if units else self._sign_s
        if reply is not None and reply.open:
            self._sign_s = max(self._sign_s, now_s)
        if self._sign_s - now_s > _SANE_S:
            self._sign_s = now_s
        if last or now_s - self._sign_s > self._options.quiet_s:
            await self._sleep()

    async def _sleep(self) -> None:
        """Have the child decide what is open and forget the camera; nothing is decoded after."""
        self._awake = False
        await self._ask(Run.END, [])
        self._pending, self._run = [], Run.BEGIN
        log.info("gate-asleep", extra={"camera": self._camera})

    async def _ask(self, run: Run, units: Sequence[AccessUnit]) -> PlateReply | None:
        """Ask the child once, hand on what passed; None if it could not answer.

        A child that knows nothing of the camera is told what was kept.
        """
        for unit in units:
            self._sent[unit.pts_90k] = unit.captured
        while len(self._sent) > _SENT_KEPT:
            self._sent.popitem(last=False)
        payload = PlateRequest(self._camera, run, self._lanes, units).pack()
        try:
            data = await self._child.call(
                self._camera, Kind.PLATES, payload, timeout_s=self._options.timeout_s
            )
            reply = PlateReply.unpack(data, len(self._lanes))
        except PeerError as error:
            await self._fail(error, len(units))
            return None
        self._row, self.problem = 0, ""
        self._note(reply, len(units))
        if reply.unknown and run is Run.FOLLOW:
            self._again()
            return None
        for one in reply.passed:
            await self._hand_on(one)
        return reply

    def _note(self, reply: PlateReply, units: int) -> None:
        counts = self._counts
        if reply.served < self._served or reply.unknown:
            self._child_since_s = self._clock.monotonic_s()
        self._served = reply.served
        counts.decoded += 0 if reply.unknown else units
        counts.pictures += reply.pictures
        counts.looked += reply.looked
        counts.errors += reply.decode_errors
        counts.cost_s += reply.cost_s
        counts.late_s += reply.late_s

    def _again(self) -> None:
        """Begin anew with what was kept: another child has come."""
        self._pending, self._run = self._kept.units(), Run.BEGIN
        self._repeats_90k = self._last_sent()
        if not self._pending:
            self._awake, self._woken = False, True

    async def _fail(self, error: PeerError, units: int) -> None:
        """Count a request that was not answered; wait longer after each in a row."""
        self._counts.failures += 1
        self.problem = str(error)
        self._tally.note("plates-failed", camera=self._camera, problem=str(error))
        self._row = min(self._row + 1, 16)
        self._pictures.clear()
        self._child_since_s = self._clock.monotonic_s()
        if self._row == 1 and not isinstance(error, WireError):
            self._again()
            return
        wait_s = min(0.25 * 2.0**self._row, self._options.most_wait_s)
        self._not_before_s = self._clock.monotonic_s() + wait_s
        self._counts.lost += units
        self._awake, self._pending, self._run = False, [], Run.BEGIN
        self._kept.clear()
        self._woken = True

    async def _break_off(self, lost_units: int) -> None:
        """Begin anew at the next key unit, after a gap; what crossed before it is told."""
        self._counts.lost += lost_units + len(self._pending)
        self._pending = []
        if self._awake:
            await self._sleep()
            self._woken = True
        self._kept.clear()

    async def _hand_on(self, one: Passed) -> None:
        """Make a passage of what the child told, once; only of a picture that was sent."""
        captured = self._sent.get(one.crossed_90k)
        if captured is None or one.lane >= len(self._zones):
            self._counts.errors += 1
            return
        if self._is_repeated(one):
            return
        self._crossings.append((one.lane, one.way, one.crossed_90k))
        zone = self._zones[one.lane]
        self._told_s = self._clock.monotonic_s()
        if not self._is_open(zone):
            return
        self._counts.passages += 1
        self._counts.unread += not one.read.text
        number = self._next_id()
        self._pictures[number] = one.id
        while len(self._pictures) > _PICTURES_KEPT:
            self._pictures.popitem(last=False)
        passing = Passing.IN if one.way is zone.inbound else Passing.OUT
        await self._on_passage(
            Passage(
                number, self._camera, zone.id, zone.lane, passing, captured, one.read, one.box,
                one.height_px,
            )
        )  # fmt: skip

    def _is_repeated(self, one: Passed) -> bool:
        """Return whether a passage was told before, and its pictures looked at again."""
        if self._repeats_90k is None or one.crossed_90k > self._repeats_90k + _SAME_90K:
            return False
        return any(
            lane == one.lane and way is one.way and abs(at - one.crossed_90k) < _SAME_90K
            for lane, way, at in self._crossings
        )

    def _renew_if_due(self) -> None:
        """Have a child that served for long replaced while nothing is in the lanes."""
        now_s, options = self._clock.monotonic_s(), self._options
        old = self._served > 0 and now_s - self._child_since_s >= options.age_s
        if now_s - self._told_s < options.settle_s or not (old or self._served >= options.passages):
            return
        self._served, self._child_since_s = 0, now_s
        self._counts.renewals += 1
        self._pictures.clear()
        self._child.renew(self._camera)
