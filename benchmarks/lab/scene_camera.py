# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cameras with a stated share of activity: `benchmarks.lab.scene_camera STREAMS MAIN SUB`.

MAIN and SUB are files of packed units whose first half is quiet and whose second half is busy, in
whole groups of pictures. Serves /A/main/N and /A/sub/N in real time for each activity A (per cent):
quiet groups in turn, and a busy run once a cycle; the cameras of one activity are spread evenly
over the cycle, so that at any moment about that share of them is busy. What nobody pulls is not
sent. Prints one JSON line with the port once it serves; ends with its standard input.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.lab.process import say
from gateway.model.media import AccessUnit
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from gateway.simulator.rtsp_server import Mount, serve
from gateway.wire.units import unpack_many

ACTIVITIES = (5, 30, 100)
BUSY_GROUPS = 2
"""Groups of a busy run; with the tail of what wakes, the unit that a cycle is made of."""
FPS = 25
_LATE_S = 0.5

Group = Sequence[AccessUnit]


@dataclass(frozen=True, slots=True)
class Source:
    """The groups of one rendition."""

    quiet: tuple[Group, ...]
    busy: tuple[Group, ...]

    @classmethod
    def load(cls, path: Path) -> "Source":
        """Read packed units; the first half of the groups is quiet."""
        return cls.of(unpack_many(path.read_bytes()))

    @classmethod
    def of(cls, units: Sequence[AccessUnit]) -> "Source":
        """Divide units into groups."""
        groups: list[list[AccessUnit]] = []
        for unit in units:
            if unit.is_key:
                groups.append([])
            groups[-1].append(unit)
        half = len(groups) // 2
        return cls(tuple(groups[:half]), tuple(groups[half:]))

    def cycle(self, activity: int) -> list[Group]:
        """Return the groups of one cycle with a busy run of the wanted share (per cent)."""
        if activity >= 100:
            return list(self.busy)
        busy = self.busy[:BUSY_GROUPS]
        count = round(len(busy) * 100 / activity)
        calm = [self.quiet[number % len(self.quiet)] for number in range(count - len(busy))]
        return [*busy, *calm]


class Player:
    """One camera; it waits until somebody pulls it."""

    def __init__(self, groups: Sequence[Group], phase: float) -> None:
        """`phase`: share (0..1) of the cycle at which it begins."""
        self._units = [unit for group in groups for unit in group]
        self._begin = int(phase * len(groups)) * len(groups[0])
        self._phase = phase
        self._asked = asyncio.Event()
        self.fanout = Fanout(on_readers=self._asked.set)
        self.mount = Mount(self.fanout, parameter_sets(groups[0][0]))

    async def play(self) -> None:
        """Publish in real time for ever."""
        clock, period_s = SystemClock(), 1 / FPS
        number, origin_s = 0, clock.monotonic_s() + period_s * self._phase
        while True:
            now = clock.now()
            due_s = origin_s + number * period_s
            if not self.fanout.wanted():
                self._asked.clear()
                await self._asked.wait()
                number += max(0, int((clock.monotonic_s() - due_s) / period_s))
                continue
            if now.monotonic_s < due_s:
                await clock.sleep(due_s - now.monotonic_s)
                now = clock.now()
            elif now.monotonic_s - due_s > _LATE_S:
                number += int((now.monotonic_s - due_s) / period_s)
            unit = self._units[(self._begin + number) % len(self._units)]
            pts_90k = number * 90_000 // FPS
            self.fanout.publish(replace(unit, pts_90k=pts_90k, captured=now, received=now))
            number += 1


def parameter_sets(key: AccessUnit) -> tuple[bytes, ...]:
    """Return SPS and PPS of an H.264 key unit."""
    return tuple(nal for nal in key.nals if nal[0] & 31 in (7, 8))


async def main(streams: int, files: Sequence[Path]) -> None:
    """Serve until standard input ends."""
    sources = [Source.load(path) for path in files]
    players: dict[str, Player] = {}
    for activity in ACTIVITIES:
        for name, source in zip(("main", "sub"), sources, strict=True):
            groups = source.cycle(activity)
            for number in range(streams):
                players[f"{activity}/{name}/{number}"] = Player(groups, number / streams)
    mounts = {path: player.mount for path, player in players.items()}
    async with (
        asyncio.TaskGroup() as group,
        serve("127.0.0.1", 0, mounts, credentials=None, clock=SystemClock()) as bound,
    ):
        playing = [group.create_task(player.play()) for player in players.values()]
        say({"port": bound})
        await asyncio.to_thread(sys.stdin.read)
        for task in playing:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), [Path(sys.argv[2]), Path(sys.argv[3])]))
