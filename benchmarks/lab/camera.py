# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cameras in one process: `python -m benchmarks.lab.camera PORT STREAMS FILE`.

Serves /0 … /STREAMS-1 in real time, each at another phase, so that they do not come in step.
Prints one JSON line with port and monotonic time once it serves; ends with its standard input.
"""

import asyncio
import sys
from pathlib import Path

from benchmarks.lab import pictures
from benchmarks.lab.process import say
from gateway.model.media import AccessUnit
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from gateway.simulator.rtsp_server import Mount, serve

LATE_S = 0.5
"""A process that was stopped goes on from now; it does not hurry through what was missed."""


async def play(fanout: Fanout, source: list[pictures.Picture], phase: float) -> None:
    """Publish in real time for ever; `phase` in 0..1 shifts where the scene and the beat begin."""
    clock = SystemClock()
    period_s = 1 / pictures.FPS
    index = int(phase * len(source)) // pictures.GOP * pictures.GOP
    due_s = clock.monotonic_s() + phase * period_s
    pts_90k = 0
    while True:
        await clock.sleep(max(0.0, due_s - clock.monotonic_s()))
        picture, now = source[index % len(source)], clock.now()
        fanout.publish(AccessUnit(pts_90k, pictures.is_key(picture), picture, now, now))
        index += 1
        behind_s = now.monotonic_s - due_s
        skipped = int(behind_s / period_s) if behind_s > LATE_S else 0
        pts_90k += (1 + skipped) * 90_000 // pictures.FPS
        due_s += (1 + skipped) * period_s


async def main(port: int, streams: int, path: Path) -> None:
    """Serve until standard input ends."""
    source = pictures.load(path)
    sets = pictures.parameter_sets(source[0])
    fanouts = [Fanout() for _ in range(streams)]
    mounts = {str(number): Mount(fanout, sets) for number, fanout in enumerate(fanouts)}
    clock = SystemClock()
    async with (
        asyncio.TaskGroup() as group,
        serve("127.0.0.1", port, mounts, credentials=None, clock=clock) as bound,
    ):
        tasks = [
            group.create_task(play(fanout, source, number / streams))
            for number, fanout in enumerate(fanouts)
        ]
        say({"port": bound, "ready_s": clock.monotonic_s()})
        await asyncio.to_thread(sys.stdin.read)
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
