# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cameras of an edge in a process of their own: every picture says which one it is, and somebody
comes in when the test says so.

Usage: python -m tests.peers.rooms_camera NAME…; serves /NAME/main and /NAME/sub on loopback, prints
one JSON line with the port, then answers each line on stdin, the name of a camera in which somebody
walks for three seconds, with `{}`.
"""

import asyncio
import functools
import sys
from fractions import Fraction

import av
import numpy as np

from benchmarks.lab.counted import mark
from benchmarks.lab.process import say
from gateway.model.media import AccessUnit
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from gateway.simulator.paint import read_frame_index
from gateway.simulator.rtsp_server import Mount, serve
from tests.whep_parts import _nals

FPS = GOP = 25
CALM, VISIT = range(50), range(100, 175)
"""Numbers of the pictures of both loops."""
MAIN_PX, SUB_PX = (640, 368), (320, 184)
MOST_DIFFERENCE = 10.0
"""Of grey values on average: coding and colour conversion, and nothing else."""


@functools.cache
def _scenery():
    """Return a texture, and a bank of the sensor's noise."""
    draw = np.random.default_rng(7)
    width, height = MAIN_PX
    texture = draw.integers(60, 120, (height // 8, width // 8)).repeat(8, 0).repeat(8, 1)
    return texture, [draw.integers(-3, 4, (height, width)) for _ in range(5)]


@functools.lru_cache(maxsize=512)
def luma(number, size, light):
    """Return picture `number` of a camera, grey; cameras differ in their light."""
    texture, noise = _scenery()
    grey = (texture + noise[number % len(noise)] + light).astype(np.uint8)
    if number in VISIT:
        left, top = 8 + 4 * (number - VISIT.start), MAIN_PX[1] // 3
        grey[top : top + 90, left : left + 60] = 235
    grey = grey if size == MAIN_PX else grey[::2, ::2].copy()
    mark(grey, number)
    return grey


def coded(numbers, size, light):
    """Return the pictures coded, in NAL units."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.framerate, encoder.gop_size = "yuv420p", FPS, GOP
    encoder.time_base, encoder.thread_count = Fraction(1, FPS), 1
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "crf": "20",
        "x264-params": "scenecut=0:repeat-headers=1",
    }
    packets = []
    for index, number in enumerate(numbers):
        frame = av.VideoFrame.from_ndarray(luma(number, size, light), format="gray")
        frame = frame.reformat(format="yuv420p")
        frame.pts = index
        packets += encoder.encode(frame)
    return [_nals(bytes(packet)) for packet in [*packets, *encoder.encode(None)]]


def light_of(index):
    """Return how much brighter the camera at this place of the command line is."""
    return 25 * index


def difference(grey, light):
    """Return number and mean absolute difference to the picture of that number; None: illegible."""
    number = read_frame_index(grey)
    if number is None or not (number in CALM or number in VISIT):
        return None
    height, width = grey.shape
    return number, np.abs(grey.astype(int) - luma(number, (width, height), light)).mean()


class Camera:
    """One view: two streams of the same pictures."""

    def __init__(self, light):
        self.fanouts = Fanout(), Fanout()
        self._clips = {
            numbers: [coded(numbers, size, light) for size in (MAIN_PX, SUB_PX)]
            for numbers in (CALM, VISIT)
        }
        self.visited = False

    def mounts(self, name):
        streams = zip(("main", "sub"), self.fanouts, self._clips[CALM], strict=True)
        return {f"{name}/{kind}": Mount(fanout, units[0][:2]) for kind, fanout, units in streams}

    async def run(self, clock):
        began_s, number, playing, at = clock.monotonic_s(), 0, CALM, 0
        while True:
            if at % GOP == 0:
                if self.visited:
                    playing, at, self.visited = VISIT, 0, False
                elif at >= len(playing):
                    playing, at = CALM, 0
            now, pts = clock.now(), number * 90_000 // FPS
            for fanout, units in zip(self.fanouts, self._clips[playing], strict=True):
                fanout.publish(AccessUnit(pts, at % GOP == 0, units[at], now, now))
            number, at = number + 1, at + 1
            await clock.sleep(max(0.0, began_s + number / FPS - clock.monotonic_s()))


async def main(names):
    """Serve until stdin ends."""
    clock = SystemClock()
    cameras = {name: Camera(light_of(index)) for index, name in enumerate(names)}
    mounts = {}
    for name, one in cameras.items():
        mounts |= one.mounts(name)
    async with (
        asyncio.TaskGroup() as tasks,
        serve("127.0.0.1", 0, mounts, credentials=None, clock=clock) as port,
    ):
        running = [tasks.create_task(one.run(clock)) for one in cameras.values()]
        say({"port": port})
        while line := await asyncio.to_thread(sys.stdin.readline):
            cameras[line.strip()].visited = True
            say({})
        for task in running:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
