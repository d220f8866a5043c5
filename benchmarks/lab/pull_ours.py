# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Our client: `python -m benchmarks.lab.pull_ours STREAMS`, one process for all cameras.

Prints `{}` once it is loaded; then answers `pull PORT`, `count` and `events`.
"""

import asyncio
import logging
import sys
import time
from pathlib import Path

from benchmarks.lab.process import say
from gateway.ingest.camera import CameraFeed
from gateway.ingest.source import StreamSource
from gateway.model.media import StreamStatus
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout

NO_KEPT_GOP_BYTES = 0


def _is_socket(link: Path) -> bool:
    try:
        return str(link.readlink()).startswith("socket:")
    except FileNotFoundError:
        return False  # the listing's own


class Puller:
    """All feeds, and when they changed their state."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._clock = SystemClock()
        self._feeds: list[CameraFeed] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._events: list[tuple[float, str, str]] = []

    def pull(self, streams: int, port: int) -> None:
        """Start the feeds."""
        for number in range(streams):
            source = StreamSource(str(number), f"rtsp://127.0.0.1:{port}/{number}")
            fanout = Fanout(NO_KEPT_GOP_BYTES)
            feed = CameraFeed(source, fanout, clock=self._clock, on_change=self._note)
            self._feeds.append(feed)
            self._tasks.append(self._group.create_task(feed.run()))

    def _note(self, camera: str, status: StreamStatus) -> None:
        self._events.append((self._clock.monotonic_s(), camera, status.state.value))

    def counts(self) -> dict[str, object]:
        """Return what came so far."""
        states = [feed.status() for feed in self._feeds]
        return {
            "at_s": self._clock.monotonic_s(),
            "live": sum(one.state.value == "live" for one in states),
            "units": sum(one.units for one in states),
            "bytes": sum(one.received_bytes for one in states),
            "connects": sum(one.connects for one in states),
            "tasks": len(asyncio.all_tasks()),
            "sockets": sum(_is_socket(one) for one in Path("/proc/self/fd").iterdir()),
        }

    def events(self) -> dict[str, object]:
        """Return and forget the changes of state: time, camera, state."""
        found, self._events = self._events, []
        return {"events": found}

    def end(self) -> None:
        """Stop pulling."""
        for task in self._tasks:
            task.cancel()


async def main(streams: int) -> None:
    """Answer until standard input ends."""
    logging.getLogger().addHandler(logging.NullHandler())
    async with asyncio.TaskGroup() as group:
        puller = Puller(group)
        say({})
        while line := await asyncio.to_thread(sys.stdin.readline):
            match line.split():
                case ["pull", port]:
                    puller.pull(streams, int(port))
                    say({"at_s": time.monotonic()})
                case ["count"]:
                    say(puller.counts())
                case ["events"]:
                    say(puller.events())
        puller.end()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
