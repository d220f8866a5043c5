# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A camera whose pictures say which they are, and what else a test needs to watch it."""

import asyncio
import sys
from contextlib import asynccontextmanager

import av
import numpy as np

from gateway.model.access import AccessRequest, Action, Actor, Grant, Purpose, Regime
from gateway.model.media import AccessUnit, Codec
from gateway.model.registry import Role
from gateway.relay.video.process import MediaOptions, Source, open_media
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout

WIDTH_PX, HEIGHT_PX, FPS = 320, 240, 25
CELL_PX = 40
COMMAND = (sys.executable, "-m", "gateway", "media")


def luma(index):
    """Picture `index`: eight cells on top hold its number, a ramp below moves with it."""
    ramp = (np.arange(WIDTH_PX)[None, :] + np.arange(HEIGHT_PX)[:, None] + 2 * index) % 256
    picture = (64 + ramp // 2).astype(np.uint8)
    for bit in range(8):
        picture[:CELL_PX, bit * CELL_PX : (bit + 1) * CELL_PX] = 220 if index >> bit & 1 else 30
    return picture


def number(picture):
    """Read which picture this is (modulo 256) from its luma."""
    means = [
        picture[8 : CELL_PX - 8, bit * CELL_PX + 8 : (bit + 1) * CELL_PX - 8].mean()
        for bit in range(8)
    ]
    return sum(1 << bit for bit, mean in enumerate(means) if mean > 125)


def difference(picture):
    """Return number and mean absolute difference to the source picture of that number."""
    index = number(picture)
    return index, np.abs(picture.astype(int) - luma(index)).mean()


def encode(count=256, gop=25):
    """Encode pictures 0..count-1; return NAL unit tuples, no B-frames, parameter sets inside."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
    context.framerate, context.gop_size, context.bit_rate = FPS, gop, 1_500_000
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "x264-params": "scenecut=0:repeat-headers=1",
    }
    coded = []
    for index in range(count):
        frame = av.VideoFrame(WIDTH_PX, HEIGHT_PX, "yuv420p")
        frame.planes[0].update(luma(index).tobytes())
        for plane in frame.planes[1:]:
            plane.update(b"\x80" * plane.buffer_size)
        frame.pts = index
        coded += [_nals(bytes(packet)) for packet in context.encode(frame)]
    coded += [_nals(bytes(packet)) for packet in context.encode(None)]
    return coded


def _nals(annex_b):
    parts = annex_b.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    return tuple(part for part in parts if part)


class PatternCamera:
    """Publishes the coded pictures again and again at their own pace."""

    def __init__(self, coded):
        self.fanout = Fanout()
        self.source = Source("piazza", Codec.H264, self.fanout)
        self.published = 0
        self._coded = coded

    def publish(self):
        nals = self._coded[self.published % len(self._coded)]
        is_key = any(nal[0] & 31 == 5 for nal in nals)
        now = SystemClock().now()
        pts = self.published * 90_000 // FPS
        self.fanout.publish(AccessUnit(pts, is_key, nals, now, now))
        self.published += 1

    async def run(self):
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.publish()
            due += 1 / FPS
            await asyncio.sleep(max(0, due - loop.time()))


def grant(camera="piazza", expires_s=3600.0, identifier="g1"):
    """A Grant as the gate would make it."""
    actor = Actor("u1", "Operatrice", Role.PL_OPERATOR, "comune", "s1", "password")
    request = AccessRequest(actor, Action.LIVE, camera, Purpose.SERVICE, "OS-1")
    now = SystemClock().now()
    return Grant(identifier, request, "patto-1", Regime.GDPR, now, now.shifted(expires_s), 1)


@asynccontextmanager
async def playing(coded, *, bind=("127.0.0.1", 0), candidates=("127.0.0.1",), is_valid=None):
    """A media process with a running camera and renewed leases; yields media, camera, ends."""
    ends = []
    options = MediaOptions(bind, candidates, COMMAND)
    camera = PatternCamera(coded)
    async with (
        open_media(options, clock=SystemClock(), on_end=ends.append) as media,
        asyncio.TaskGroup() as tasks,
    ):
        running = [
            tasks.create_task(camera.run()),
            tasks.create_task(media.keep(is_valid or (lambda _: True))),
        ]
        try:
            yield media, camera, ends
        finally:
            for task in running:
                task.cancel()


async def until(condition, timeout_s=30.0):
    """Wait until `condition()` is true, looking every 10 ms."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)
