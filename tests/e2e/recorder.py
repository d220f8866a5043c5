# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A virtual recorder as a process of its own: killable, and told what to do line by line.

Usage: python -m tests.e2e.recorder HOST PORT RTSP_PORT SESSIONS [MASKS]; prints `ready`, then
answers each line of JSON on stdin with one on stdout, see `_Recorder.do`. PORT is that of ONVIF,
announced by WS-Discovery on loopback too. MASKS `none`: a device that has none.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from dataclasses import replace

from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from gateway.simulator.discovery import Announced, respond
from gateway.simulator.nvr import RecorderChannel, RecorderOptions, Rendition, VirtualRecorder
from gateway.simulator.onvif_device import DeviceOptions
from gateway.simulator.onvif_events import EventOptions, EventService
from gateway.simulator.onvif_media import MaskLimits
from gateway.simulator.rtsp_server import Mount
from tests.e2e.daemon import until
from tests.footage import scene

USER, PASSWORD = "admin", "s3cret-recorder"
NAMES = ("Cancello", "Piazzale", "Carico", "Uffici")
MAIN_PX, SUB_PX = (320, 240), (160, 120)
RATE_HZ = 25
GOP = 25


def light(channel):
    """How much brighter a channel is than nothing: pictures tell which one they are."""
    return 30 * (channel - 1)


def pictures(channel, size):
    """The pictures of a channel, coded; they are played in a loop."""
    return scene(2 * GOP, gop=GOP, size=size, light=light(channel))


class Channel:
    """One input: two streams that loop in real time."""

    def __init__(self, number):
        self.streams = [(Fanout(), pictures(number, size)) for size in (MAIN_PX, SUB_PX)]

    def renditions(self):
        made = [
            Rendition(Mount(fanout, units[0].nals[:2]), size, RATE_HZ, GOP)
            for (fanout, units), size in zip(self.streams, (MAIN_PX, SUB_PX), strict=True)
        ]
        return {"main": made[0], "sub": made[1]}

    async def run(self, clock):
        began_s, number = clock.monotonic_s(), 0
        while True:
            now = clock.now()
            for fanout, units in self.streams:
                unit = units[number % len(units)]
                pts = 90_000 * number // RATE_HZ
                fanout.publish(replace(unit, pts_90k=pts, captured=now, received=now))
            number += 1
            await clock.sleep(max(0.0, began_s + number / RATE_HZ - clock.monotonic_s()))


class _Recorder:
    """The recorder, and what it can be told."""

    def __init__(self, rtsp_port, sessions, masks):
        self.clock = SystemClock()
        self.events = EventService(self.clock, EventOptions(pull_extends=True))
        self.channels = [Channel(number) for number in range(1, len(NAMES) + 1)]
        options = RecorderOptions(
            DeviceOptions(users={USER: PASSWORD}, model="NVR-4", name="registratore"),
            most_sessions=sessions,
            rtsp_port=rtsp_port,
            masks=masks,
        )
        views = [
            RecorderChannel(name, **channel.renditions())
            for name, channel in zip(NAMES, self.channels, strict=True)
        ]
        self.nvr = VirtualRecorder(views, options, self.clock, [self.events])
        self.most_sessions = 0

    def sessions(self):
        """How many clients play now, over all channels."""
        gates = [gate for one in self.nvr._gates.values() for gate in one.values()]
        return sum(len(gate.fanout.readers()) for gate in gates)

    async def count(self):
        while True:
            self.most_sessions = max(self.most_sessions, self.sessions())
            await self.clock.sleep(0.02)

    def do(self, order):
        """Do one thing; return what there is to tell."""
        match order:
            case {"unplug": channel}:
                self.nvr.unplug(channel)
            case {"plug": channel}:
                self.nvr.plug(channel)
            case {"fire": topic, "source": source, "data": data}:
                self.events.fire(topic, source, data)
            case {"forget": _}:
                self.events.forget()
        return {
            "sessions": self.sessions(),
            "most_sessions": self.most_sessions,
            "pull_points": self.events.pull_points,
            "created": self.events.created,
        }


async def serve(host, port, rtsp_port, sessions, masks):
    """Serve until stdin ends."""
    recorder = _Recorder(int(rtsp_port), int(sessions), None if masks == "none" else MaskLimits())
    xaddrs = (f"http://{host}:{port}/onvif/device_service",)
    urn = f"urn:uuid:00000000-0000-4000-8000-{int(port):012d}"
    announced = Announced(urn, xaddrs, "registratore", "NVR-4", "deposito")
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(recorder.nvr.serve(host, int(port)))
        await stack.enter_async_context(respond(announced.answer, host))
        tasks = [recorder.count(), *(one.run(recorder.clock) for one in recorder.channels)]
        running = [asyncio.ensure_future(task) for task in tasks]
        print("ready", flush=True)
        while line := await lines.readline():
            print(json.dumps(recorder.do(json.loads(line))), flush=True)
        for task in running:
            task.cancel()


class Recorder:
    """The process, seen from a test."""

    def __init__(self, host, port, rtsp_port, *, sessions=0, masks=""):
        self.host, self.port, self.rtsp_port = host, port, rtsp_port
        self._words = [host, str(port), str(rtsp_port), str(sessions), masks]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.recorder", *self._words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline().strip() == "ready"
        return self

    def tell(self, **order):
        """Tell it something; return how it is."""
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def fire(self, channel, topic="RuleEngine/CellMotionDetector/Motion", **data):
        source = {
            "VideoSourceConfigurationToken": f"vsc-input-{channel}",
            "Rule": "MyMotionDetectorRule",
        }
        return self.tell(fire=topic, source=source, data=data or {"IsMotion": "true"})

    def subscribed(self, bound_s=20):
        """Wait until somebody listens to its events."""
        until(lambda: self.tell()["pull_points"] == 1, bound_s, "a pull point")

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:6]))
