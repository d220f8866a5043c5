# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Rules over a recording: what would have alarmed, by the watch, child and rules of a box.

Nothing is raised, told or kept. The recording is looked at as a camera's stream would be, key
pictures alone while nothing stirs, so that what a box would miss is missed here as well.
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.analytics import rulebook
from gateway.analytics.incident import Ended, Incident, Raised, RuleEvent
from gateway.analytics.watch import Caller, Watch, WatchStatistics
from gateway.codec.jpeg import still
from gateway.ingest.replayed import replayed
from gateway.model.alarm import Observation
from gateway.model.errors import PeerError
from gateway.model.media import AccessUnit
from gateway.model.registry import Analytic, Mask, Zone
from gateway.model.time import Moment
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout

MOST_ALARMS = 500
"""What comes after is counted alone: rules that raise more have to be changed anyway."""
STILL_PX = 480
_TICK_S = 1.0
_MOST_KEPT = 1200
_MOST_KEPT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What is looked for, and what nobody may see."""

    camera: str
    zones: tuple[Zone, ...]
    masks: tuple[Mask, ...] = ()

    @property
    def unseen(self) -> tuple[Zone, ...]:
        """Return the zones whose rule no picture decides."""
        return tuple(one for one in self.zones if one.analytic is Analytic.LOSS)


@dataclass(frozen=True, slots=True)
class Would:
    """An alarm that would have been raised."""

    zone: Zone
    event: Raised
    at_s: float
    """Since the recording's begin."""
    mode: str
    """Of the watch when it was decided."""
    jpeg: bytes = b""
    """Masked, boxes drawn; empty if no picture could be made of it."""
    ended_s: float | None = None
    """None: it lasts to the end."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a recording."""

    alarms: tuple[Would, ...]
    more: int
    """Alarms beyond MOST_ALARMS."""
    length_s: float
    moving: tuple[float, ...]
    """Largest share of the picture that moved in each second, 0..1; 0 where nobody looked."""
    watch: WatchStatistics


class _Run:
    """One recording on its way through the rules."""

    def __init__(self, plan: ReplayPlan, pool: Caller, clock: Clock, begin: Moment) -> None:
        self._plan = plan
        self._pool = pool
        self._begin = begin
        self._states: dict[str, Incident] = {}
        self._kept: deque[AccessUnit] = deque()
        self._kept_bytes = 0
        self._ticked_s = begin.monotonic_s
        self._more = 0
        self._alarms: list[Would] = []
        self._moving: list[float] = []
        self._watch = Watch(
            plan.camera, plan.zones, Fanout(), pool, clock=clock, on_observation=self._observe
        )
        self._last = begin

    async def take(self, unit: AccessUnit) -> None:
        """Use one unit; what it raises has its picture when this returns."""
        self._keep(unit)
        self._last = unit.captured
        await self._watch.take(unit)
        if unit.captured.monotonic_s - self._ticked_s >= _TICK_S:
            self._ticked_s = unit.captured.monotonic_s
            for zone in self._plan.zones:
                state = self._states.get(zone.id, rulebook.first(zone))
                self._states[zone.id], event = rulebook.expire(state, zone, unit.captured)
                await self._note(zone, event)

    async def finish(self) -> Replayed:
        """Look at what waits, and return what came of it all."""
        await self._watch.finish()
        length_s = self._since(self._last)
        return Replayed(
            tuple(self._alarms), self._more, length_s, tuple(self._moving), self._watch.statistics()
        )

    async def _observe(self, observation: Observation) -> None:
        second = max(0, int(self._since(observation.captured)))
        self._moving += [0.0] * (second + 1 - len(self._moving))
        self._moving[second] = max(self._moving[second], observation.moving_fraction)
        for zone in self._plan.zones:
            before = self._states.get(zone.id, rulebook.first(zone))
            now = observation.captured
            self._states[zone.id], event = rulebook.decide(before, observation, zone, now)
            await self._note(zone, event)

    async def _note(self, zone: Zone, event: RuleEvent | None) -> None:
        if isinstance(event, Ended):
            ended_s = self._since(event.at)
            for at in range(len(self._alarms) - 1, -1, -1):
                one = self._alarms[at]
                if one.zone.id == zone.id and one.ended_s is None:
                    self._alarms[at] = replace(one, ended_s=ended_s)
                    return
        elif isinstance(event, Raised):
            if len(self._alarms) >= MOST_ALARMS:
                self._more += 1
                return
            mode, at_s = self._watch.statistics().mode.value, self._since(event.captured)
            self._alarms.append(Would(zone, event, at_s, mode, await self._picture(event)))

    async def _picture(self, event: Raised) -> bytes:
        """Return the picture that decided; none is no reason to stop."""
        units = _upto(self._kept, event.captured)
        try:
            return await still(
                self._pool, units, self._plan.masks, width_px=STILL_PX, boxes=event.boxes
            )
        except PeerError:
            return b""

    def _keep(self, unit: AccessUnit) -> None:
        """Keep the last units for a picture: two GOPs, as far as they are no longer than sane."""
        self._kept.append(unit)
        self._kept_bytes += unit.size_bytes()
        while len(self._kept) > _MOST_KEPT or self._kept_bytes > _MOST_KEPT_BYTES:
            self._kept_bytes -= self._kept.popleft().size_bytes()
        keys = [at for at, one in enumerate(self._kept) if one.is_key] if unit.is_key else []
        for _ in range(keys[-3] if len(keys) > 2 else 0):  # noqa: PLR2004 - two whole GOPs
            self._kept_bytes -= self._kept.popleft().size_bytes()

    def _since(self, at: Moment) -> float:
        return round(at.monotonic_s - self._begin.monotonic_s, 3)


async def replay(
    path: Path,
    plan: ReplayPlan,
    *,
    pool: Caller,
    clock: Clock,
    begin: Moment,
    on_progress: Callable[[int, float], None],
) -> Replayed:
    """Return what would have alarmed in a recording whose first picture was taken at `begin`.

    `on_progress` is told the bytes that were used so far and the seconds that they show. PeerError
    if the file cannot be read or the children are gone; cancelling ends what was started here.
    """
    run, used_bytes = _Run(plan, pool, clock, begin), 0
    async with aclosing(replayed(path, begin)) as units:
        async for unit in units:
            await run.take(unit)
            used_bytes += unit.size_bytes()
            on_progress(used_bytes, unit.captured.monotonic_s - begin.monotonic_s)
    return await run.finish()


def _upto(kept: Sequence[AccessUnit], captured: Moment) -> list[AccessUnit]:
    """Return the units from the last key unit before a picture up to that picture."""
    upto = [one for one in kept if one.captured.monotonic_s <= captured.monotonic_s]
    begin = max((at for at, one in enumerate(upto) if one.is_key), default=0)
    return upto[begin:]
