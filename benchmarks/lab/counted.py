# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cameras whose pictures say when they were taken: `benchmarks.lab.counted PORT N FOLDER`.

Every picture bears its number as the exercise's pictures do (`gateway.simulator.paint`), so that
whoever decodes one knows its age without trusting any clock on the way. Serves /0/main, /0/sub, …
on loopback; both renditions show the same pictures. Prints one JSON line with port and `began_s`:
picture number n is taken at `began_s` + n / FPS, monotonic. Ends with its standard input.
"""

import asyncio
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec.context import ThreadType
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from benchmarks.lab import pictures
from benchmarks.lab.pictures import FPS, GOP, Picture
from benchmarks.lab.process import say
from gateway.model.media import AccessUnit
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from gateway.simulator.paint import HEIGHT, STRIP_BITS, STRIP_BLOCK_PX, WIDTH, read_frame_index
from gateway.simulator.rtsp_server import Mount, serve

MAIN_PX, SUB_PX = (1920, 1080), (640, 360)
MAIN_KBPS, SUB_KBPS = 3000, 400
LOOP = 500
"""Pictures in the loop: an age of up to 20 s is told without doubt."""
LOOP_S = LOOP / FPS
LATE_S = 0.5
_START_CODE = re.compile(rb"\x00\x00+\x01")
_CHECK_SEED = 0b1010


def make(folder: Path, count: int = LOOP) -> None:
    """Encode both renditions into `main` and `sub` of a folder; takes some ten seconds."""
    half = -(-count // (2 * GOP)) * GOP
    with ThreadPoolExecutor(2) as threads:
        parts = list(threads.map(_part, (range(half), range(half, count))))
    for index, name in enumerate(("main", "sub")):
        pictures.store(folder / name, [one for part in parts for one in part[index]])


def kbps(path: Path) -> float:
    """Return the bit rate of a rendition, coded bytes alone."""
    found = pictures.load(path)
    return sum(len(nal) for unit in found for nal in unit) * 8 * FPS / len(found) / 1000


def _part(numbers: range) -> tuple[list[Picture], list[Picture]]:
    """Return both renditions of some pictures; the first is a key picture."""
    scene = pictures.Scene()
    made: tuple[list[Picture], list[Picture]] = ([], [])
    encoders = _encoder(MAIN_PX, MAIN_KBPS), _encoder(SUB_PX, SUB_KBPS)
    for number in numbers:
        large = scene.picture(number)
        for encoder, found, luma in zip(
            encoders, made, (large, large[::3, ::3].copy()), strict=True
        ):
            mark(luma, number)
            frame = av.VideoFrame.from_ndarray(luma, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            found.extend(_coded(encoder, frame))
    for encoder, found in zip(encoders, made, strict=True):
        found.extend(_coded(encoder, None))
    return made


def _coded(encoder: VideoCodecContext, frame: av.VideoFrame | None) -> list[Picture]:
    packets = map(bytes, encoder.encode(frame))
    return [tuple(nal for nal in _START_CODE.split(one) if nal) for one in packets]


def mark(luma: NDArray[np.uint8], number: int) -> None:
    """Burn a number, 0..4095, into a picture, where `read_frame_index` looks for it."""
    height, width = luma.shape
    block_x, block_y = width * STRIP_BLOCK_PX / WIDTH, height * STRIP_BLOCK_PX / HEIGHT
    check = (number ^ number >> 4 ^ number >> 8) & 0xF ^ _CHECK_SEED
    value = number << 4 | check
    top = round(height - block_y)
    for bit in range(STRIP_BITS):
        left, right = round(bit * block_x), round((bit + 1) * block_x)
        luma[top:, left:right] = 235 if value >> (STRIP_BITS - 1 - bit) & 1 else 16


def age_s(luma: NDArray[np.uint8], began_s: float, seen_s: float) -> float | None:
    """Return how old a picture was when it was seen, less than a loop; None if it is illegible."""
    number = read_frame_index(luma)
    if number is None:
        return None
    return (seen_s - began_s - number / FPS) % LOOP_S


def _encoder(size: tuple[int, int], kbps: int) -> VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = size
    context.pix_fmt, context.framerate, context.time_base = (
        "yuv420p",
        Fraction(FPS),
        Fraction(1, FPS),
    )
    context.gop_size, context.max_b_frames, context.bit_rate = GOP, 0, 1000 * kbps
    context.thread_count, context.thread_type = 1, ThreadType.NONE
    buffer = f"vbv-maxrate={kbps}:vbv-bufsize={kbps}"
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x264-params": f"keyint={GOP}:scenecut=0:repeat-headers=1:annexb=1:{buffer}",
    }
    return context


class Cameras:
    """Cameras that show the same loop in step."""

    def __init__(self, count: int, folder: Path) -> None:
        self._sources = [pictures.load(folder / name) for name in ("main", "sub")]
        self._fanouts = [[Fanout() for _ in self._sources] for _ in range(count)]

    def mounts(self) -> dict[str, Mount]:
        """Return what is served under which path."""
        return {
            f"{number}/{name}": Mount(fanout, pictures.parameter_sets(source[0]))
            for number, both in enumerate(self._fanouts)
            for name, fanout, source in zip(("main", "sub"), both, self._sources, strict=True)
        }

    async def play(self, clock: SystemClock, began_s: float) -> None:
        """Publish in real time for ever; a process that was stopped goes on from now."""
        number = 0
        while True:
            due_s = began_s + number / FPS
            await clock.sleep(max(0.0, due_s - clock.monotonic_s()))
            now = clock.now()
            if now.monotonic_s - due_s > LATE_S:
                number = int((now.monotonic_s - began_s) * FPS)
                continue
            taken = now.shifted(min(0.0, due_s - now.monotonic_s))
            for index, source in enumerate(self._sources):
                picture = source[number % len(source)]
                key = pictures.is_key(picture)
                unit = AccessUnit(number * 90_000 // FPS, key, picture, taken, now)
                for both in self._fanouts:
                    both[index].publish(unit)
            number += 1


async def main(port: int, count: int, folder: Path) -> None:
    """Serve until standard input ends."""
    clock, cameras = SystemClock(), Cameras(count, folder)
    async with (
        asyncio.TaskGroup() as group,
        serve("127.0.0.1", port, cameras.mounts(), credentials=None, clock=clock) as bound,
    ):
        began_s = clock.monotonic_s()
        playing = group.create_task(cameras.play(clock, began_s))
        say({"port": bound, "began_s": began_s})
        await asyncio.to_thread(sys.stdin.read)
        playing.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
