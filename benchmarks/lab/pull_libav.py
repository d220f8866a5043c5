# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""libav's client through PyAV, one demux thread per camera: `… .pull_libav STREAMS`.

Prints `{}` once it is loaded; then answers `pull PORT` and `count`.
"""

import sys
import threading
import time

import av
from av.error import FFmpegError

from benchmarks.lab.process import say


class Counter:
    """What one thread received."""

    def __init__(self) -> None:
        self.units = 0
        self.bytes = 0


def pull(url: str, counter: Counter) -> None:
    """Demux for ever, as a recorder would; an error ends the session, the next begins."""
    while True:
        try:
            with av.open(url, options={"rtsp_transport": "tcp"}, timeout=10.0) as container:
                for packet in container.demux(container.streams.video[0]):
                    counter.units += 1
                    counter.bytes += packet.size
        except FFmpegError:
            time.sleep(0.5)


def main(streams: int) -> None:
    """Answer until standard input ends."""
    counters = [Counter() for _ in range(streams)]
    say({})
    while line := sys.stdin.readline():
        match line.split():
            case ["pull", port]:
                for number, counter in enumerate(counters):
                    given = (f"rtsp://127.0.0.1:{port}/{number}", counter)
                    threading.Thread(target=pull, args=given, daemon=True).start()
                say({})
            case ["count"]:
                say(
                    {
                        "at_s": time.monotonic(),
                        "live": sum(one.units > 0 for one in counters),
                        "units": sum(one.units for one in counters),
                        "bytes": sum(one.bytes for one in counters),
                    }
                )


if __name__ == "__main__":
    main(int(sys.argv[1]))
