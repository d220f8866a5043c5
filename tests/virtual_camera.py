# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A virtual camera for tests: a golden stream, looped in real time from our own RTSP server.

Run as a program (`python -m tests.virtual_camera PORT`) it is a camera that can be killed or
stopped; it prints `ready PORT`.
"""

import asyncio
import sys
from contextlib import asynccontextmanager

from gateway.model.media import AccessUnit
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from gateway.simulator.rtsp_server import Mount, Service, serve
from tests.goldens import is_key, pictures

USERS = {"admin": "s3cret"}
LATENCY_S = 0.05
"""How long before sending a picture counts as captured."""


async def loop_golden(fanout, name, clock, *, rate_hz=25.0):
    """Publish the pictures of a golden for ever; timestamps go on across loops."""
    source = pictures(name)
    began_s = clock.monotonic_s()
    index = 0
    while True:
        nals = source[index % len(source)]
        now = clock.now()
        captured = now.shifted(-LATENCY_S)
        pts_90k = round(90_000 * (now.monotonic_s - began_s))
        fanout.publish(AccessUnit(pts_90k, is_key(nals), nals, captured, now))
        index += 1
        await clock.sleep(max(0.0, began_s + index / rate_hz - clock.monotonic_s()))


@asynccontextmanager
async def virtual_camera(
    port=0,
    *,
    name="x264-320x180.h264",
    credentials=None,
    host="127.0.0.1",
    service=None,
    documents=None,
):
    """Serve one golden at /live, with `documents` beside it if given; yields the port."""
    clock, fanout = SystemClock(), Fanout()
    sets = tuple(nal for nal in pictures(name)[0] if nal[0] & 31 in (7, 8))
    mounts = {"live": Mount(fanout, sets, documents=documents)}
    service = service or Service()
    task = asyncio.create_task(loop_golden(fanout, name, clock))
    try:
        async with serve(
            host, port, mounts, credentials=credentials, clock=clock, service=service
        ) as bound:
            yield bound
    finally:
        task.cancel()


async def main():
    """Serve until killed; a second argument names another golden."""
    name = sys.argv[2] if len(sys.argv) > 2 else "x264-320x180.h264"
    async with virtual_camera(int(sys.argv[1]), credentials=USERS, name=name) as port:
        print("ready", port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
