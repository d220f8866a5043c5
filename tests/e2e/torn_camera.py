# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A camera whose fragmented NAL units all lack their end; prints `ready PORT`.

Run as `python -m tests.e2e.torn_camera PORT`.
"""

import asyncio
import sys

from gateway.simulator import rtsp_server
from gateway.wire.packetize import fragment
from tests.virtual_camera import virtual_camera


def torn(unit, most_bytes):
    """Return payloads without the last fragment of each unit that was fragmented."""
    runs = fragment(unit.nals, most_bytes)
    return [part for run in runs for part in (run[:-1] if len(run) > 1 else run)]


async def main():
    """Serve until killed."""
    rtsp_server.payloads = torn
    rtsp_server.MOST_PAYLOAD_BYTES = 200
    async with virtual_camera(int(sys.argv[1])) as port:
        print("ready", port, flush=True)
        await asyncio.Event().wait()


asyncio.run(main())
