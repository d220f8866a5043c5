# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A recorder with four channels behind one address: real ONVIF, real RTSP, one credential."""

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from gateway.ingest.onvif import Wsdls, open_device
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from gateway.simulator.nvr import RecorderChannel, RecorderOptions, Rendition, VirtualRecorder
from gateway.simulator.onvif_device import DeviceOptions
from gateway.simulator.onvif_events import EventService
from gateway.simulator.rtsp_server import Mount
from tests.goldens import pictures
from tests.virtual_camera import USERS, loop_golden

GOLDEN = "x264-320x180.h264"
NAMES = ("Ingresso", "Banco", "Retro", "Parcheggio")


@dataclass
class Recorder:
    """What stands in the cabinet."""

    url: str
    box: VirtualRecorder
    events: EventService
    rtsp_port: int


@asynccontextmanager
async def recorder(*, most_sessions=0, gop=50, **device):
    """Serve four channels with main and sub stream; yields Recorder."""
    clock, fanout = SystemClock(), Fanout()
    sets = tuple(nal for nal in pictures(GOLDEN)[0] if nal[0] & 31 in (7, 8))
    mount = Mount(fanout, sets)
    channels = [
        RecorderChannel(name, Rendition(mount, gop=gop), Rendition(mount, size_px=(640, 360)))
        for name in NAMES
    ]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = RecorderOptions(
        rtsp_port=port,
        device=DeviceOptions(model="NVR-4", users=USERS, **device),
        most_sessions=most_sessions,
    )
    events = EventService(clock)
    box = VirtualRecorder(channels, options, clock, [events])
    task = asyncio.create_task(loop_golden(fanout, GOLDEN, clock))
    try:
        async with box.serve("127.0.0.1") as url:
            yield Recorder(url, box, events, port)
    finally:
        task.cancel()


def opener():
    """Return what the composition root gives a box."""
    return partial(open_device, clock=SystemClock(), wsdls=Wsdls())
