# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Footage through the real watch, the real children and the real rules, faster than it happened.

Time is the footage's own: a picture is captured at its place in the film, and what is known when is
counted by how much of the film the watch had been given. Only the children's time-outs are ours.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from itertools import islice

from typing_extensions import override

from gateway.analytics import rulebook
from gateway.analytics.incident import Incident, Raised
from gateway.analytics.look import LookRequest
from gateway.analytics.watch import Watch, WatchOptions
from gateway.codec.pool import Pool, PoolOptions, open_pool
from gateway.model.alarm import Observation
from gateway.model.media import AccessUnit
from gateway.model.registry import Analytic, Point, Zone
from gateway.model.time import ClockQuality, Moment
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout, Reader

BEGAN_UTC_US = int(datetime(2026, 11, 23, 2, tzinfo=UTC).timestamp()) * 1_000_000
_CHUNK = 50
"""Units given to the watch before it is waited for; its reader keeps 300."""
_POLL_S = 0.0005
_PATIENT_S = 120.0
"""A child that paints nothing itself may wait long on a busy machine."""
CAMERA = "camera"


class Mode(Enum):
    """How a camera is watched."""

    KEYS = "sub stream: key pictures, all while something stirs"
    FULL = "sub stream: every picture"


_OPTIONS = {
    Mode.KEYS: WatchOptions(timeout_s=_PATIENT_S),
    Mode.FULL: WatchOptions(timeout_s=_PATIENT_S, longest_gop_s=0.0),
}


@dataclass(frozen=True, slots=True)
class Told:
    """An alarm; seconds of the film."""

    analytic: Analytic
    captured_s: float
    """When the picture that decided was taken."""
    known_s: float
    """When the newest picture that had been looked at was taken."""
    detail: str = ""


@dataclass(slots=True)
class Seen:
    """What a replay showed."""

    alarms: list[Told] = field(default_factory=list)
    stirs_s: list[tuple[float, float]] = field(default_factory=list)
    """Captured and known, of each picture in which something moved."""
    units: int = 0
    decoded: int = 0
    keys: int = 0
    failures: int = 0
    lost: int = 0

    @property
    def duty(self) -> float:
        """Share of the pictures between key pictures that were decoded."""
        others = self.units - self.keys
        return max(0.0, self.decoded - self.keys) / others if others > 0 else 0.0


def zones_of(polygon: Sequence[Point]) -> tuple[Zone, ...]:
    """Return what guards a camera of the figures: intrusion on its ground, and tampering."""
    return (
        Zone("ground", "ground", CAMERA, tuple(polygon)),
        Zone("picture", "picture", CAMERA, (), Analytic.TAMPER),
    )


async def replay(
    groups: Iterable[Sequence[AccessUnit]], zones: Sequence[Zone], mode: Mode, pool: Pool
) -> Seen:
    """Return what the watch and the rules make of a film; `groups` are given in order."""
    seen = Seen()
    meter = _Meter(pool)
    judge = _Judge(zones, seen, meter)
    tap = _Tap()
    watch = Watch(
        CAMERA, zones, tap, meter, clock=SystemClock(), on_observation=judge.take,
        options=_OPTIONS[mode],
    )  # fmt: skip
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(watch.run())
        await tap.joined.wait()
        for unit in _stamped(groups):
            seen.keys += unit.is_key
            tap.publish(unit)
            if tap.depth() >= _CHUNK:
                await _settled(tap)
        await _settled(tap)
        await meter.idle()
        running.cancel()
    found = watch.statistics()
    seen.units, seen.decoded = found.units, found.decoded_units
    seen.failures, seen.lost = found.failures, found.lost_units
    return seen


def run(groups: Iterable[Sequence[AccessUnit]], polygon: Sequence[Point], mode: Mode) -> Seen:
    """Replay in a loop of its own, with a child of its own."""
    log = logging.getLogger("gateway")
    before = log.level

    async def main() -> Seen:
        options = PoolOptions(spares=0, start_s=_PATIENT_S)
        async with open_pool(1, clock=SystemClock(), options=options) as pool:
            return await replay(groups, zones_of(polygon), mode, pool)

    log.setLevel(logging.ERROR)
    try:
        return asyncio.run(main())
    finally:
        log.setLevel(before)


def moment(second: float) -> Moment:
    """Return a second of the film as an instant."""
    utc_us = BEGAN_UTC_US + round(second * 1_000_000)
    return Moment(1000.0 + second, utc_us, ClockQuality.EXERCISE)


def second(at: Moment) -> float:
    """Return the inverse of `moment`."""
    return at.monotonic_s - 1000.0


def _stamped(groups: Iterable[Sequence[AccessUnit]]) -> Iterator[AccessUnit]:
    for group in groups:
        for unit in group:
            now = moment(unit.pts_90k / 90_000)
            yield replace(unit, captured=now, received=now)


async def _settled(tap: "_Tap") -> None:
    """Wait until the watch has taken everything."""
    while tap.depth():  # noqa: ASYNC110 - a reader tells nobody that it is empty
        await asyncio.sleep(_POLL_S)


class _Tap(Fanout):
    """A fan-out that knows its reader's queue; it keeps nothing."""

    def __init__(self) -> None:
        super().__init__(0)
        self.joined = asyncio.Event()
        self._reader: Reader | None = None

    @override
    def join(self, reader: Reader, *, from_kept: bool = False) -> None:
        super().join(reader, from_kept=from_kept)
        self._reader = reader
        self.joined.set()

    def depth(self) -> int:
        """Return how many units wait."""
        return self._reader.statistics().depth if self._reader else 0


class _Meter:
    """Passes requests on and notes how new the newest picture in them is."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._newest_90k = 0
        self._busy = 0

    @property
    def known_s(self) -> float:
        """Capture time of the newest picture that was looked at."""
        return self._newest_90k / 90_000

    async def call(self, affinity: str, kind: int, payload: bytes, *, timeout_s: float) -> bytes:
        """Have a child answer one request."""
        units = LookRequest.unpack(payload).units
        newest_90k = max((unit.pts_90k for unit in units), default=0)
        self._newest_90k = max(self._newest_90k, newest_90k)
        self._busy += 1
        try:
            return await self._pool.call(affinity, kind, payload, timeout_s=timeout_s)
        finally:
            self._busy -= 1

    async def idle(self) -> None:
        """Wait until nothing is being asked; what was answered has then been told."""
        quiet = 0
        while quiet < 3:
            await asyncio.sleep(_POLL_S)
            quiet = 0 if self._busy else quiet + 1


class _Judge:
    """The rules of one camera."""

    def __init__(self, zones: Sequence[Zone], seen: Seen, meter: _Meter) -> None:
        self._zones, self._seen, self._meter = zones, seen, meter
        self._states: dict[str, Incident] = {}

    async def take(self, observation: Observation) -> None:
        """Let every zone decide."""
        at_s, known_s = second(observation.captured), self._meter.known_s
        if observation.boxes:
            self._seen.stirs_s.append((at_s, known_s))
        for zone in self._zones:
            before = self._states.get(zone.id)
            state, event = rulebook.decide(before, observation, zone, observation.captured)
            self._states[zone.id] = state
            if isinstance(event, Raised):
                detail = event.why.detail if event.why else ""
                told = Told(zone.analytic, second(event.captured), known_s, detail)
                self._seen.alarms.append(told)


def grouped(units: Iterable[AccessUnit], size: int = _CHUNK) -> Iterator[list[AccessUnit]]:
    """Yield units in runs of a size."""
    rest = iter(units)
    while some := list(islice(rest, size)):
        yield some
