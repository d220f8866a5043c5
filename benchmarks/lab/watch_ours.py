# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Our watch on real streams: `benchmarks.lab.watch_ours URL WORKERS ZONE STREAMS`.

Pulls URL/0 … URL/STREAMS-1 over RTSP/TCP with our client, watches each with the real children and
lets the intrusion rule decide. Prints `{}` once the children are ready; answers `count`.
"""

import asyncio
import json
import logging
import os
import sys

from benchmarks.lab.process import cpu_ms, rss_mb, say
from gateway.analytics import rulebook
from gateway.analytics.incident import Incident, Raised
from gateway.analytics.watch import Watch
from gateway.codec.pool import Pool, PoolOptions, open_pool
from gateway.ingest.camera import CameraFeed
from gateway.ingest.source import StreamSource
from gateway.model.alarm import Observation
from gateway.model.registry import Zone
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout

START_S = 120.0


class Post:
    """One camera: feed, watch, rule."""

    def __init__(self, number: int, url: str, zone: Zone, pool: Pool) -> None:
        clock = SystemClock()
        fanout = Fanout()
        source = StreamSource(str(number), f"{url}/{number}")
        self.feed = CameraFeed(source, fanout, clock=clock, on_change=lambda *_: None)
        self.watch = Watch(
            str(number), (zone,), fanout, pool, clock=clock, on_observation=self._take
        )
        self.alarms = 0
        self._zone, self._clock = zone, clock
        self._state: Incident | None = None

    async def _take(self, observation: Observation) -> None:
        now = self._clock.now()
        self._state, event = rulebook.decide(self._state, observation, self._zone, now)
        self.alarms += isinstance(event, Raised)


def counts(posts: list[Post], pool: Pool) -> dict[str, object]:
    """Return what was used and done so far, of all cameras together."""
    pids = [os.getpid(), *pool.statistics().pids]
    seen = [post.watch.statistics() for post in posts]
    return {
        "at_s": SystemClock().monotonic_s(),
        "cpu_ms": sum(cpu_ms(pid) for pid in pids),
        "rss_mb": sum(rss_mb(pid) for pid in pids),
        "live": sum(post.feed.status().state.value == "live" for post in posts),
        "units": sum(one.units for one in seen),
        "decoded": sum(one.decoded_units for one in seen),
        "wakes": sum(one.wakes for one in seen),
        "lost": sum(one.lost_units for one in seen),
        "failures": sum(one.failures for one in seen),
        "alarms": sum(post.alarms for post in posts),
    }


async def main(url: str, workers: int, polygon: str, streams: int) -> None:
    """Answer until standard input ends."""
    logging.getLogger("gateway").setLevel(logging.ERROR)
    corners = tuple((float(x), float(y)) for x, y in json.loads(polygon))
    options = PoolOptions(spares=0, start_s=START_S)
    async with (
        open_pool(workers, clock=SystemClock(), options=options) as pool,
        asyncio.TaskGroup() as group,
    ):
        posts = [
            Post(number, url, Zone("ground", "ground", str(number), corners), pool)
            for number in range(streams)
        ]
        running = [
            group.create_task(work()) for post in posts for work in (post.feed.run, post.watch.run)
        ]
        say({})
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line.strip() == "count":
                say(counts(posts, pool))
        for task in running:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
