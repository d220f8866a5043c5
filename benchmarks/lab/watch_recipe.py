# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The usual recipe on real streams: `benchmarks.lab.watch_recipe URL WIDTH HEIGHT STREAMS`.

One ffmpeg per camera (`benchmarks.lab.recipe`), one thread per camera that reads its pipe. Prints
`{}` once all were started; answers `count`. Ends with its standard input.
"""

import os
import subprocess
import sys
import threading
import time

import cv2
import numpy as np

from benchmarks.lab.process import cpu_ms, rss_mb, say
from benchmarks.lab.recipe import FPS, RecipeMotion, command


class Camera:
    """One ffmpeg and what reads from it."""

    def __init__(self, url: str, size_px: tuple[int, int]) -> None:
        self._size = size_px
        self._process = subprocess.Popen(
            command(url, size_px), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.pid = self._process.pid
        self.pictures = 0
        self.moved = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        width, height = self._size
        pipe, motion = self._process.stdout, RecipeMotion()
        if pipe is None:
            return
        while data := pipe.read(width * height * 3 // 2):
            if len(data) < width * height:
                return
            luma = np.frombuffer(data, np.uint8, width * height).reshape(height, width)
            self.moved += bool(motion.step(luma))
            self.pictures += 1

    def end(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


def main(url: str, size_px: tuple[int, int], streams: int) -> None:
    """Answer until standard input ends."""
    cv2.setNumThreads(1)
    cameras = [Camera(f"{url}/{number}", size_px) for number in range(streams)]
    say({})
    own = os.getpid()
    try:
        while line := sys.stdin.readline():
            if line.strip() == "count":
                pids = [own, *(one.pid for one in cameras)]
                say(
                    {
                        "at_s": time.monotonic(),
                        "cpu_ms": sum(cpu_ms(pid) for pid in pids),
                        "rss_mb": sum(rss_mb(pid) for pid in pids),
                        "live": sum(one.pictures > 0 for one in cameras),
                        "units": sum(one.pictures for one in cameras) * 25 // FPS,
                        "moved": sum(one.moved for one in cameras),
                    }
                )
    finally:
        for one in cameras:
            one.end()


if __name__ == "__main__":
    main(sys.argv[1], (int(sys.argv[2]), int(sys.argv[3])), int(sys.argv[4]))
