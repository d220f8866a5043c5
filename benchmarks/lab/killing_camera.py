# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cameras that somebody walks past: `benchmarks.lab.killing_camera COUNT VISITS FOLDER`.

All show the same loop, each at another moment of it; after so many visits the place stays empty.
When the first and the last picture with somebody went out, in microseconds UTC, is a line of
FOLDER/visits: camera, number of the visit, beginning, end. Prints its port; ends with its standard
input. The cameras wait for a word on it before the first visit.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from benchmarks.lab import pictures
from benchmarks.lab.pictures import Picture
from benchmarks.lab.process import say
from gateway.codec.encode import Encoder
from gateway.model.media import AccessUnit
from gateway.runtime.clock import Clock, SystemClock
from gateway.runtime.fanout import Fanout
from gateway.simulator.rtsp_server import Mount, serve

WIDTH_PX, HEIGHT_PX, FPS, GOP, KBPS = 640, 360, 10, 10, 500
VISIT_S: Final = 5
PERIOD_S: Final = 14
"""From one visit to the next of a camera."""
ONCE_SPREAD_S: Final = 8
"""Over so many seconds first visits are spread where there is no second one."""
OFF_AFTER_S: Final = 3.0
"""Of the zone: shorter than nobody is there."""
WALKER_PX: Final = (48, 130)
EMPTY: Final = VISIT_S * FPS
"""First picture of the loop with nobody."""


def film() -> list[Picture]:
    """Return a period: somebody walks through, then nobody is there."""
    draw = np.random.default_rng(5)
    coarse = draw.integers(70, 180, (HEIGHT_PX // 8, WIDTH_PX // 8), np.uint8)
    place = coarse.repeat(8, 0).repeat(8, 1)
    noise = draw.integers(0, 9, (HEIGHT_PX + 32, WIDTH_PX + 32), np.uint8)
    encoder = Encoder(WIDTH_PX, HEIGHT_PX, FPS, GOP, KBPS)
    made: list[Picture] = []
    for number in range(PERIOD_S * FPS):
        luma: NDArray[np.uint8] = (
            place + noise[number % 31 :, number * 7 % 31 :][:HEIGHT_PX, :WIDTH_PX]
        )
        if number < EMPTY:
            _walk(luma, number / EMPTY)
        frame = av.VideoFrame.from_ndarray(luma, format="gray").reformat(format="rgb24")
        made += [tuple(one) for one in encoder.encode(_bytes(frame))]
    return made


def _bytes(frame: av.VideoFrame) -> NDArray[np.uint8]:
    return np.asarray(frame.to_ndarray(), np.uint8)


def _walk(luma: NDArray[np.uint8], share: float) -> None:
    """Put somebody into the picture who has gone so much of the way."""
    width, height = WALKER_PX
    left = round(40 + share * (WIDTH_PX - 80 - width))
    luma[180 : 180 + height, left : left + width] = 25


class Camera:
    """One camera."""

    def __init__(
        self, number: int, count: int, source: list[Picture], spread_s: int = PERIOD_S
    ) -> None:
        self.number, self.fanout = number, Fanout()
        self._source = source
        self._waits = number * spread_s // count
        """Seconds that its first visit comes after its neighbours' first."""

    async def play(self, visits: int, begin: asyncio.Event, truth: Path, clock: Clock) -> None:
        """Publish in real time for ever; nobody walks before `begin`."""
        index, visit, began_us = EMPTY, -1, 0
        due_s, sent = clock.monotonic_s(), 0
        while True:
            await clock.sleep(max(0.0, due_s - clock.monotonic_s()))
            picture, now = self._source[index], clock.now()
            self.fanout.publish(
                AccessUnit(sent * 90_000 // FPS, pictures.is_key(picture), picture, now, now)
            )
            if index == 0:
                visit, began_us = visit + 1, now.utc_us
            elif index == EMPTY - 1:
                with truth.open("a", encoding="ascii") as file:
                    print(self.number, visit, began_us, now.utc_us, file=file)
            due_s, sent = max(due_s + 1 / FPS, clock.monotonic_s() - 1.0), sent + 1
            index = self._next(index + 1, visit, visits, begun=begin.is_set())

    def _next(self, index: int, visit: int, visits: int, *, begun: bool) -> int:
        """Return which picture of the loop comes next; visits begin with a key picture."""
        if visit < 0 and begun and index % FPS == 0:
            self._waits -= 1
            if self._waits < 0:
                return 0
        if index < len(self._source):
            return index
        return 0 if 0 <= visit < visits - 1 else EMPTY


def spread_s(visits: int) -> int:
    """Return over which time the first visits are spread: who comes once waits for nobody."""
    return PERIOD_S if visits > 1 else ONCE_SPREAD_S


async def main(count: int, visits: int, folder: Path) -> None:
    """Serve until standard input ends."""
    source = await asyncio.to_thread(film)
    clock, begin = SystemClock(), asyncio.Event()
    cameras = [Camera(number, count, source, spread_s(visits)) for number in range(count)]
    sets = pictures.parameter_sets(source[0])
    mounts = {
        f"{one.number}/{name}": Mount(one.fanout, sets)
        for one in cameras
        for name in ("main", "sub")
    }
    async with (
        asyncio.TaskGroup() as group,
        serve("127.0.0.1", 0, mounts, credentials=None, clock=clock) as port,
    ):
        tasks = [
            group.create_task(one.play(visits, begin, folder / "visits", clock)) for one in cameras
        ]
        say({"port": port})
        while await asyncio.to_thread(sys.stdin.readline):
            begin.set()
            say({})
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
