# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A feed under test, all that it published, and the pixels in it."""

import asyncio
import contextlib
import hashlib

import av

from gateway.ingest.camera import CameraFeed
from gateway.ingest.source import StreamSource
from gateway.model.media import Codec
from gateway.model.registry import Transport
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout, Reader
from tests.peers.gst_process import PASSWORD, USER

DECODERS = {Codec.H264: "h264", Codec.H265: "hevc", Codec.JPEG: "mjpeg"}
HOW = {
    "tcp": {"transport": Transport.TCP},
    "udp": {"transport": Transport.UDP},
    "tls": {"scheme": "rtsps"},
}
"""What a source says to be pulled in this way."""
PATIENCE_S = 40.0
"""For anything to happen at all, on machines that do much else at the same time."""

PROMPT_S = 15.0
"""What takes 3 s at most on a machine of its own. The waits behind it are held to their bounds in
tests/unit, with a clock of their own."""


class Pulled:
    """A feed and all that it published."""

    def __init__(self, port, path, *, user=USER, password=PASSWORD, scheme="rtsp", **source):
        self.fanout = Fanout()
        self.reader = Reader("test", most_units=10_000, most_bytes=1 << 30)
        self.fanout.join(self.reader)
        self.documents = []
        self.feed = CameraFeed(
            StreamSource(
                path, f"{scheme}://127.0.0.1:{port}/{path}", user=user, password=password, **source
            ),
            self.fanout,
            clock=SystemClock(),
            on_change=lambda camera, status: None,
            on_document=self.documents.append,
        )

    def units(self):
        """Return what came since the last call."""
        out = []
        while unit := self.reader.receive_nowait():
            out.append(unit)
        return out


@contextlib.asynccontextmanager
async def pulling(*pulled):
    """Run the feeds."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.feed.run()) for one in pulled]
        yield
        for task in tasks:
            task.cancel()


async def until(condition, within_s=PATIENCE_S):
    """Wait for what has no event of its own."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


def pixels(frame):
    """Return a fingerprint of all three planes."""
    return hashlib.sha256(frame.to_ndarray(format="yuv420p").tobytes()).hexdigest()


def frames(units):
    """Decode access units, one packet each."""
    decoder = av.CodecContext.create(DECODERS[units[0].codec], "r")
    out = []
    for unit in units:
        out += decoder.decode(av.Packet(unit.coded()))
    return out + decoder.decode(None)


def decoded(units):
    """Return a fingerprint per picture."""
    return [pixels(frame) for frame in frames(units)]


def groups(units):
    """Return the units, cut before each key unit: what can be decoded on its own."""
    out = []
    for unit in units:
        if unit.is_key:
            out.append([])
        out[-1].append(unit)
    return out
