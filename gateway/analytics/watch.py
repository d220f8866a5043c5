# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One camera watched cheaply: key units while nothing stirs, everything while something does.

Decoding is the bill (docs/design): a quiet camera costs one key unit per GOP. When one stirs, the
GOP before it is looked at after all, so that who came between two key units is seen coming. What
is over before the second is not seen; therefore a camera whose GOP is long, or whose rules need
every step, is decoded whole, and the statistics say so (ADR 39).
"""

import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from gateway.analytics.budget import Budget, Effort
from gateway.analytics.detect import DetectReply
from gateway.analytics.look import Feed, LookReply, LookRequest, Sight
from gateway.analytics.naming import Naming
from gateway.codec.protocol import Kind
from gateway.model.alarm import Observation
from gateway.model.errors import PeerError
from gateway.model.media import AccessUnit, Codec
from gateway.model.registry import Analytic, Zone
from gateway.model.time import Moment
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout, Reader
from gateway.runtime.tally import Tally

log = logging.getLogger(__name__)

_SENT_KEPT = 1024
"""Units whose capture time is remembered until their picture comes back."""
_GOPS_KEPT = 3
_GOP_SANE_S = 60.0
_LONG_AGO_90K = -(1 << 60)
_LEAST_CORNERS = 3
"""A rule about the whole picture has no polygon."""
_JPEG_EVERY_90K = 45_000
"""Of JPEG, where every picture is a key unit, two a second are looked at while it is quiet."""


class Caller(Protocol):
    """The part of a pool that is needed here."""

    async def call(self, affinity: str, kind: int, payload: bytes, *, timeout_s: float) -> bytes:
        """Have a child answer one request."""
        ...


class WatchMode(Enum):
    """What is decoded."""

    KEYS = "key-units"
    ALL = "everything-while-it-stirs"
    FULL = "everything-because-the-gop-is-long"
    RULE = "everything-because-of-a-rule"
    KEYS_ONLY = "key-units-alone-by-budget"
    SPARSE = "a-key-unit-now-and-then-by-budget"


_WHOLE = frozenset({WatchMode.FULL, WatchMode.RULE})
_QUIET = frozenset({WatchMode.KEYS, WatchMode.KEYS_ONLY, WatchMode.SPARSE})
_NEEDS_ALL = frozenset({Analytic.CROSSING})
"""Rules about single steps: a line is crossed between two pictures."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """Bounds of a watch, in seconds of the camera's time unless said otherwise."""

    quiet_s: float = 5.0
    """Without motion for this long, back to key units."""
    longest_gop_s: float = 2.5
    batch_s: float = 0.15
    """Units of this span go to the child together."""
    most_batch: int = 64
    timeout_s: float = 5.0
    """Our clock; a child that takes longer is killed."""
    most_wait_s: float = 60.0
    """Our clock; longest pause after failures in a row (a stream that kills every child)."""
    most_gop_units: int = 600
    """A longer GOP is not kept; decoding then begins at the next key unit."""
    probe_s: float = 1.2
    """Without anything steady for this long, back to key units, where waking was in vain before."""
    vain_wakes: int = 3
    """So many wakes in a row that led to no track were in vain."""
    sparse_s: float = 8.0
    """Least time between two key units that are looked at, where the budget allows no more."""
    detect_s: float = 2.0
    """Our clock; a detector that takes longer is not waited for."""
    unnamed_s: float = 10.0
    """Our clock; so long nobody asks a detector that did not answer."""
    needs_all: bool = False
    """Every picture is looked at: what passes a gate may have come and gone between two keys."""


@dataclass(frozen=True, slots=True)
class WatchStatistics:
    """Counters since the watch began."""

    mode: WatchMode
    gop_s: float
    """The longest of the last GOPs; 0 until one was measured."""
    units: int
    decoded_units: int
    """Sent to a child; the rest cost nothing."""
    observations: int
    wakes: int
    decode_errors: int
    failures: int
    """Requests that a child did not answer; the model is learnt anew after each."""
    lost_units: int
    """Came and were not looked at, because we or the pool were too slow or a child failed."""
    cost_s: float = 0.0
    """CPU seconds of the children."""


class Watch:
    """Reads a fan-out, sends what is needed to the pool, reports what it sees."""

    def __init__(  # noqa: PLR0913 - six of them are the camera's surroundings
        self,
        camera_id: str,
        zones: Sequence[Zone],
        fanout: Fanout,
        pool: Caller,
        *,
        clock: Clock,
        on_observation: Callable[[Observation], Awaitable[None]],
        options: WatchOptions | None = None,
        budget: Budget | None = None,
        detector: Caller | None = None,
    ) -> None:
        """`on_observation` is awaited for every judged picture, in order of capture.

        `budget` is told what this camera costs, and says what it may do; it has joined already.
        `detector`: children that name what moves, where there are any.
        """
        self._detector = detector
        self._naming = Naming()
        self._unnamed_until_s = -1e9
        self._camera = camera_id
        guarded = [zone for zone in zones if len(zone.polygon) >= _LEAST_CORNERS]
        self._zone_ids = tuple(zone.id for zone in guarded)
        self._polygons = tuple(zone.polygon for zone in guarded)
        self._needs_all = any(zone.analytic in _NEEDS_ALL for zone in zones)
        self._budget = budget
        self._fanout = fanout
        self._pool = pool
        self._clock = clock
        self._on_observation = on_observation
        self._options = options or WatchOptions()
        self._needs_all |= self._options.needs_all
        self._tally = Tally(log, clock)
        self._mode = WatchMode.KEYS
        self._gop: list[AccessUnit] = []
        """Units since the last key unit while only key units are decoded."""
        self._pending: list[AccessUnit] = []
        self._feed = Feed.START
        self._wants_key = True
        self._key_90k: int | None = None
        self._gops_s: deque[float] = deque(maxlen=_GOPS_KEPT)
        self._sent: OrderedDict[int, Moment] = OrderedDict()
        self._looked_90k: int | None = None
        self._stirred_90k = 0
        self._woken = False
        self._cost_s = 0.0
        self._vain = 0
        """Wakes in a row that led to no track."""
        self._unit_90k = 0
        self._interval_90k = 0
        self._row = 0
        self._not_before_s = -1e9
        self._units = self._decoded = self._observations = self._wakes = 0
        self._errors = self._failures = self._lost = 0

    def statistics(self) -> WatchStatistics:
        """Return a snapshot."""
        return WatchStatistics(
            self._mode,
            max(self._gops_s, default=0.0),
            self._units,
            self._decoded,
            self._observations,
            self._wakes,
            self._errors,
            self._failures,
            self._lost,
            self._cost_s,
        )

    def wake(self) -> None:
        """Look at everything from the last key unit on: somebody else says that it stirs."""
        self._woken = True

    async def run(self) -> None:
        """Watch until cancelled; cancelling leaves the fan-out and loses nothing else."""
        reader = Reader(f"watch:{self._camera}", most_units=300)
        self._fanout.join(reader, from_kept=True)
        dropped = 0
        try:
            while True:
                unit = await reader.receive()
                now_dropped = reader.statistics().dropped
                if now_dropped != dropped:
                    self._break_off(now_dropped - dropped)
                    dropped = now_dropped
                await self._take(unit)
        finally:
            self._fanout.leave(reader)

    async def take(self, unit: AccessUnit) -> None:
        """Use one unit and wait until it was looked at: for recordings, in place of `run`."""
        await self._take(unit)

    async def finish(self) -> None:
        """Look at what a recording that ended left waiting."""
        await self._send()

    async def _take(self, unit: AccessUnit) -> None:
        """Use one unit as the mode demands."""
        self._units += 1
        self._measure(unit)
        if self._wants_key and not unit.is_key:
            self._lost += 1
            return
        if self._clock.monotonic_s() < self._not_before_s:
            self._break_off(1)
            return
        self._wants_key = False
        if self._mode in _QUIET:
            await self._take_quiet(unit)
        else:
            await self._take_all(unit)

    async def _take_quiet(self, unit: AccessUnit) -> None:
        """Look at a key unit; keep the others in case that they are needed."""
        if not unit.is_key:
            if len(self._gop) < self._options.most_gop_units:
                self._gop.append(unit)
            if self._woken:
                self._begin_all()
            return
        before, self._gop = self._gop, [unit]
        since_90k = None if self._looked_90k is None else unit.pts_90k - self._looked_90k
        least_90k = _JPEG_EVERY_90K if unit.codec is Codec.JPEG else 0
        if self._mode is WatchMode.SPARSE:
            least_90k = round(self._options.sparse_s * 90_000)
        if since_90k is not None and 0 <= since_90k < least_90k and not self._woken:
            return
        self._looked_90k = unit.pts_90k
        sights = await self._look(Feed.KEYS, [unit])
        stirs = any(sight.stirs or sight.unsettled for sight in sights or ())
        if sights is None or not (self._woken or (stirs and self._mode is WatchMode.KEYS)):
            await self._report_all(sights or ())
            return
        unsettled = any(sight.unsettled for sight in sights)
        probes = self._vain >= self._options.vain_wakes
        again = not unsettled and not probes and await self._look_again(before)
        if not again:  # of one picture nobody can say what goes somewhere: those that follow do
            await self._report_all([replace(sight, occupied=()) for sight in sights])
        if self._gop:
            self._begin_all()
            self._feed = Feed.FOLLOW if again else Feed.START

    async def _look_again(self, units: Sequence[AccessUnit]) -> bool:
        """Look at a whole GOP that was passed over; False if it is not there, or is lost."""
        whole = 0 < len(units) < self._options.most_gop_units and units[0].is_key
        if not whole or units[0].codec is Codec.JPEG:
            return False
        feed, most = Feed.AGAIN, self._options.most_batch
        for at in range(0, len(units), most):
            sights = await self._look(feed, units[at : at + most])
            if sights is None:
                return False
            await self._report_all(sights)
            feed = Feed.FOLLOW
        return True

    def _begin_all(self) -> None:
        """Decode everything, because something stirs."""
        self._woken = False
        self._wakes += 1
        self._vain += 1
        self._enter(WatchMode.ALL)

    async def _take_all(self, unit: AccessUnit) -> None:
        """Collect units and send them in small batches."""
        probes = self._vain >= self._options.vain_wakes
        quiet_s = self._options.probe_s if probes else self._options.quiet_s
        quiet = abs(unit.pts_90k - self._stirred_90k) > quiet_s * 90_000
        if self._woken:
            self._woken, self._stirred_90k, quiet = False, unit.pts_90k, False
        if self._mode is WatchMode.ALL and unit.is_key and quiet:
            await self._send()
            self._enter(self._allowed(WatchMode.KEYS))
            await self._take_quiet(unit)
            return
        if self._mode is WatchMode.ALL and probes and quiet:
            await self._send()
            self._enter(self._allowed(WatchMode.KEYS))
            self._gop = []
            return
        self._pending.append(unit)
        with_next_90k = unit.pts_90k - self._pending[0].pts_90k + self._interval_90k
        due = not 0 <= with_next_90k < self._options.batch_s * 90_000
        if due or len(self._pending) >= self._options.most_batch:
            await self._send()

    async def _send(self) -> None:
        """Send what was collected."""
        units, self._pending = self._pending, []
        sights = await self._look(self._feed, units) if units else None
        if sights is not None:
            self._feed = Feed.FOLLOW
            await self._report_all(sights)

    def _enter(self, mode: WatchMode) -> None:
        """Change the mode; decoding everything begins with the GOP that was kept."""
        if self._mode in _QUIET and mode not in _QUIET:
            self._pending, self._gop = self._gop, []
            self._feed = Feed.START
            self._stirred_90k = self._key_90k or 0
            if not self._pending or len(self._pending) >= self._options.most_gop_units:
                self._break_off(len(self._pending))
        self._say(mode)

    def _measure(self, unit: AccessUnit) -> None:
        """Measure the GOP, and decode everything where it is long."""
        self._interval_90k = max(0, unit.pts_90k - self._unit_90k)
        self._unit_90k = unit.pts_90k
        since_s = 0.0 if self._key_90k is None else (unit.pts_90k - self._key_90k) / 90_000
        if unit.is_key:
            if 0 < since_s < _GOP_SANE_S:
                self._gops_s.append(since_s)
            self._key_90k = unit.pts_90k
        longest_s = max(since_s, *self._gops_s) if self._gops_s else since_s
        is_long = self._options.longest_gop_s < longest_s < _GOP_SANE_S
        self._adapt(is_long, unit)

    def _adapt(self, is_long: bool, unit: AccessUnit) -> None:
        """Go over to what stream, rules and budget ask for; down again only at a key unit."""
        wanted = WatchMode.KEYS
        if self._needs_all or is_long:
            wanted = WatchMode.FULL if is_long else WatchMode.RULE
        wanted = self._allowed(wanted)
        if wanted in _WHOLE:
            if self._mode not in _WHOLE:
                self._enter(wanted)
            elif self._mode is not wanted:
                self._say(wanted)
        elif unit.is_key and self._mode in _WHOLE:
            self._say(WatchMode.ALL)
        elif self._mode in _QUIET and self._mode is not wanted:
            self._say(wanted)
        elif unit.is_key and self._mode is WatchMode.ALL and wanted is not WatchMode.KEYS:
            self._stirred_90k = _LONG_AGO_90K

    def _allowed(self, wanted: WatchMode) -> WatchMode:
        """Return what the budget leaves of a wish."""
        effort = Effort.FULL
        if self._budget is not None:
            effort = self._budget.effort(self._camera, self._clock.monotonic_s())
        if effort is Effort.FULL:
            return wanted
        if effort is Effort.WAKING:
            return WatchMode.KEYS
        return WatchMode.KEYS_ONLY if effort is Effort.KEYS else WatchMode.SPARSE

    def _say(self, mode: WatchMode) -> None:
        self._mode = mode
        log.info("watch-mode", extra={"camera": self._camera, "mode": mode.value})

    def _break_off(self, lost_units: int) -> None:
        """Begin anew at the next key unit."""
        self._lost += lost_units + len(self._pending)
        self._pending, self._gop = [], []
        self._feed = Feed.START
        self._wants_key = True

    async def _look(self, feed: Feed, units: Sequence[AccessUnit]) -> tuple[Sight, ...] | None:
        """Send units to the camera's child and return what it saw; None if it could not."""
        for unit in units:
            self._sent[unit.pts_90k] = unit.captured
        while len(self._sent) > _SENT_KEPT:
            self._sent.popitem(last=False)
        settled = self._settled(units)
        payload = LookRequest(self._camera, feed, self._polygons, units, settled).pack()
        timeout_s = self._options.timeout_s
        try:
            data = await self._pool.call(self._camera, Kind.LOOK, payload, timeout_s=timeout_s)
            reply = LookReply.unpack(data, len(self._polygons))
        except PeerError as error:
            self._fail(error, len(units))
            return None
        self._row = 0
        self._decoded += len(units)
        self._errors += reply.decode_errors
        self._spend(reply.cost_s)
        if reply.picture:
            await self._name(reply)
        return reply.sights

    def _spend(self, cost_s: float) -> None:
        """Note CPU seconds of a child."""
        self._cost_s += cost_s
        if self._budget is not None:
            self._budget.spend(self._camera, cost_s)

    def _settled(self, units: Sequence[AccessUnit]) -> tuple[int, ...] | None:
        """Return the tracks of which no picture is needed; None while nobody would look at it."""
        rests = self._clock.monotonic_s() < self._unnamed_until_s
        if self._detector is None or rests or not units:
            return None
        return self._naming.settled(units[-1].pts_90k / 90_000)

    async def _name(self, reply: LookReply) -> None:
        """Have a detector say what moves; without an answer it stays a movement."""
        shown = [one for one in reply.sights if one.pts_90k == reply.picture_90k]
        if self._detector is None or not shown:
            return
        bound_s = self._options.detect_s
        try:
            data = await self._detector.call("", Kind.DETECT, reply.picture, timeout_s=bound_s)
            found = DetectReply.unpack(data)
        except PeerError as error:
            self._tally.note("detect-failed", camera=self._camera, problem=str(error))
            self._unnamed_until_s = self._clock.monotonic_s() + self._options.unnamed_s
            return
        self._spend(found.cost_s)
        self._naming.learn(shown[0].tracks, found.detections, shown[0].pts_90k / 90_000)

    def _fail(self, error: PeerError, units: int) -> None:
        """Count a request that was not answered, and wait longer after each in a row."""
        self._failures += 1
        self._tally.note("look-failed", camera=self._camera, problem=str(error))
        wait_s = min(0.25 * 2**self._row, self._options.most_wait_s) if self._row else 0.0
        self._row = min(self._row + 1, 16)
        self._not_before_s = self._clock.monotonic_s() + wait_s
        self._break_off(units)

    async def _report_all(self, sights: Sequence[Sight]) -> None:
        for sight in sights:
            await self._report(sight)

    async def _report(self, sight: Sight) -> None:
        """Hand on what one picture showed; a picture that we never sent is not believed."""
        captured = self._sent.get(sight.pts_90k)
        if captured is None:
            self._errors += 1
            return
        if sight.stirs or sight.unsettled:
            self._stirred_90k = sight.pts_90k
        if sight.tracks:
            self._vain = 0
        self._observations += 1
        occupied = tuple(self._zone_ids[position] for position in sight.occupied)
        await self._on_observation(
            Observation(
                camera=self._camera,
                captured=captured,
                pts_90k=sight.pts_90k,
                boxes=sight.boxes,
                occupied=occupied,
                moving_fraction=sight.fraction,
                scene_changed=sight.unsettled,
                tracks=tuple(self._naming.named(track) for track in sight.tracks),
                still=sight.still,
            )
        )
