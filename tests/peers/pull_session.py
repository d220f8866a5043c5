# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A puller for tests, to be run inside a network of its own: `… pull_session URL TRANSPORT FILE`.

Prints a JSON line for each change of state, and answers each line of input with one of figures.
At the end of the input the units are written to FILE (pickle): is_key, NAL units, received.
"""

import asyncio
import dataclasses
import json
import pickle
import sys
from pathlib import Path

from gateway.ingest.camera import CameraFeed
from gateway.ingest.source import StreamSource
from gateway.model.registry import Transport
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout, Reader


async def main(url, transport, path):
    """Pull until standard input ends."""
    clock, fanout = SystemClock(), Fanout()
    reader = Reader("test", most_units=100_000, most_bytes=1 << 30)
    fanout.join(reader)

    def say(kind, **fields):
        print(json.dumps({"kind": kind, "at_s": clock.monotonic_s(), **fields}), flush=True)

    source = StreamSource(
        "gate", url, user="admin", password="s3cret", transport=Transport(transport)
    )
    feed = CameraFeed(
        source,
        fanout,
        clock=clock,
        on_change=lambda _, status: say("state", state=status.state.value, problem=status.problem),
    )
    running = asyncio.create_task(feed.run())
    while await asyncio.to_thread(sys.stdin.readline):
        figures = dataclasses.asdict(feed.statistics())
        figures["codec"] = None
        say("figures", units=feed.status().units, **figures)
    running.cancel()
    units = []
    while unit := reader.receive_nowait():
        units.append((unit.is_key, unit.nals, unit.received.monotonic_s))
    path.write_bytes(pickle.dumps(units))


asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
