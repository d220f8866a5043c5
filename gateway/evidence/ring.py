# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The last seconds of one camera, coded, in memory only; nothing of it ever reaches a disk.

It exists only where an act allows it (`ActScope.retention_before_s`). Pictures leave it as whole
groups from a key unit on, since nothing else can be decoded.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from gateway.model.errors import InvariantError
from gateway.model.media import AccessUnit
from gateway.model.time import Moment
from gateway.runtime.clock import Clock, SystemClock
from gateway.runtime.fanout import Fanout, Reader

MOST_SECONDS = 30.0
"""No unit is kept longer, whatever the configuration and the camera's key interval (issue: main
job); so a ring of 30 s covers 30 s minus one key interval."""
SWEEP_S = 1.0
"""How often the ring of a silent camera is looked at."""


@dataclass(frozen=True, slots=True)
class RingStatistics:
    """What a ring holds now."""

    units: int
    kept_bytes: int
    groups: int


@dataclass(slots=True)
class _Group:
    """A key unit and what follows it."""

    units: list[AccessUnit] = field(default_factory=list)
    size_bytes: int = 0


class Ring:
    """Keeps `seconds` of units, whole groups, within `most_bytes`.

    The oldest group goes when the next one began at least `seconds` ago, so that a cut of
    `seconds` always finds its key unit; or when it is older than MOST_SECONDS; or when the bytes
    do not suffice. A single group larger than `most_bytes` is dropped whole. Age is counted from
    when we received a unit: a camera with a wrong clock keeps nothing longer.
    """

    def __init__(self, seconds: float, most_bytes: int, *, clock: Clock | None = None) -> None:
        """`seconds` within 0..30; 0 keeps nothing. InvariantError otherwise."""
        if not 0 <= seconds <= MOST_SECONDS or most_bytes < 0:
            raise InvariantError(f"ring of {seconds} s and {most_bytes} bytes (0..30 s allowed)")
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._clock = clock or SystemClock()
        self._groups: deque[_Group] = deque()
        self._bytes = 0

    def offer(self, unit: AccessUnit) -> None:
        """Take a unit; never waits. Units before the first key unit are not kept."""
        if self._seconds == 0:
            return
        if unit.is_key:
            self._groups.append(_Group())
        if not self._groups:
            return
        group = self._groups[-1]
        group.units.append(unit)
        group.size_bytes += unit.size_bytes()
        self._bytes += unit.size_bytes()
        while self._bytes > self._most_bytes:
            self._drop_oldest()
        self.expire(unit.received.monotonic_s)

    def expire(self, now_s: float) -> None:
        """Forget what is too old at `now_s` (monotonic)."""
        while self._groups and self._is_old(now_s):
            self._drop_oldest()

    def _is_old(self, now_s: float) -> bool:
        oldest = self._groups[0].units
        if now_s - oldest[0].received.monotonic_s > MOST_SECONDS:
            return True
        following = self._groups[1].units[0] if len(self._groups) > 1 else oldest[-1]
        return now_s - following.received.monotonic_s >= self._seconds

    def _drop_oldest(self) -> None:
        self._bytes -= self._groups.popleft().size_bytes

    def cut(self, since: Moment, until: Moment) -> tuple[AccessUnit, ...]:
        """Return the units captured up to `until`, from the key unit at or before `since`.

        If nothing kept is that old, it begins with the oldest key unit; empty if nothing was
        captured up to `until`.
        """
        groups = list(self._groups)
        first = 0
        for index, group in enumerate(groups):
            if group.units[0].captured.monotonic_s <= since.monotonic_s:
                first = index
        found: list[AccessUnit] = []
        for group in groups[first:]:
            for unit in group.units:
                if unit.captured.monotonic_s > until.monotonic_s:
                    return tuple(found)
                found.append(unit)
        return tuple(found)

    def clear(self) -> None:
        """Forget everything, for example when the act ends."""
        self._groups.clear()
        self._bytes = 0

    def oldest(self) -> AccessUnit | None:
        """Return the oldest unit, None if nothing is held."""
        return self._groups[0].units[0] if self._groups else None

    def statistics(self) -> RingStatistics:
        """Return what is held."""
        return RingStatistics(
            sum(len(group.units) for group in self._groups), self._bytes, len(self._groups)
        )

    async def run(self, fanout: Fanout) -> None:
        """Keep what the camera sends until cancelled; then forget everything."""
        reader = Reader("ring")
        fanout.join(reader, from_kept=True)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._sweep())
                while True:
                    self.offer(await reader.receive())
        finally:
            fanout.leave(reader)
            self.clear()

    async def _sweep(self) -> None:
        while True:
            await self._clock.sleep(SWEEP_S)
            self.expire(self._clock.monotonic_s())
