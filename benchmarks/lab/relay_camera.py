# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The camera of the relay's benchmark: `benchmarks.lab.relay_camera PORT COPIES FOLDER`.

Serves /0/main, /0/sub, /1/main, … over RTSP as `benchmarks.lab.counted` does, all in step. Servers
that cannot pull get the first main stream as plain RTP over UDP. Orders, one JSON object a line:

{"feed": PORT}    send plain RTP to this port of loopback, besides
{"unfeed": PORT}  send no more there

Prints {"port", "began_s"} once it serves: picture n is taken at `began_s` + n / FPS, monotonic.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.lab.counted import Cameras
from benchmarks.lab.process import say
from gateway.model.media import AccessUnit
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout, Reader
from gateway.simulator.rtsp_server import serve
from gateway.wire import rtp
from gateway.wire.packetize import payloads

FEED_PAYLOAD_TYPE, FEED_SSRC = 96, 0x5641_5243
PAYLOAD_BYTES = 1188
"""As our own sender cuts its payloads, so that all relays send packets of one size."""
_BURST = 24
"""Datagrams at once: a key picture at one go would not fit a receiver's default buffer."""
_PAUSE_S = 0.001
_MOST_WAITING = 128
"""Pictures: what is kept since the last key picture, and some seconds."""


def packets(
    nals: Sequence[bytes], pts_90k: int, sequence: int, most_bytes: int = PAYLOAD_BYTES
) -> list[bytes]:
    """Return one picture as RTP packets, the first of which is number `sequence`."""
    parts = cut(nals, most_bytes)
    made: list[bytes] = []
    for index, payload in enumerate(parts):
        ends, number = index == len(parts) - 1, sequence + index & 0xFFFF
        packet = rtp.RtpPacket(
            FEED_PAYLOAD_TYPE, ends, number, pts_90k & 0xFFFFFFFF, FEED_SSRC, payload
        )
        made.append(packet.serialise())
    return made


def cut(nals: Sequence[bytes], most_bytes: int = PAYLOAD_BYTES) -> list[bytes]:
    """Return the payloads of one picture."""
    moment = SystemClock().now()
    return payloads(AccessUnit(0, False, tuple(nals), moment, moment), most_bytes)


class Feed:
    """Plain RTP to one port, from its own task, for as long as it is asked for."""

    def __init__(self, fanout: Fanout, port: int) -> None:
        self._fanout = fanout
        self._to = ("127.0.0.1", port)

    async def run(self) -> None:
        """Send until cancelled."""
        reader = Reader("feed", _MOST_WAITING)
        sequence = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            self._fanout.join(reader, from_kept=True)
            try:
                while True:
                    unit = await reader.receive()
                    made = packets(unit.nals, unit.pts_90k, sequence)
                    sequence = sequence + len(made) & 0xFFFF
                    await self._send(sender, made)
            finally:
                self._fanout.leave(reader)

    async def _send(self, sender: socket.socket, made: Sequence[bytes]) -> None:
        for index, packet in enumerate(made):
            if index and index % _BURST == 0:
                await asyncio.sleep(_PAUSE_S)
            try:
                sender.sendto(packet, self._to)
            except (BlockingIOError, ConnectionRefusedError):
                continue  # nobody there yet


class Feeds:
    """Who gets plain RTP now."""

    def __init__(self, fanout: Fanout, group: asyncio.TaskGroup) -> None:
        self._fanout = fanout
        self._group = group
        self._running: dict[int, asyncio.Task[None]] = {}

    def obey(self, order: dict[str, int]) -> dict[str, object]:
        """Begin or end one."""
        match order:
            case {"feed": port}:
                self._running[port] = self._group.create_task(Feed(self._fanout, port).run())
            case {"unfeed": port}:
                self._running.pop(port).cancel()
        return {"feeds": list(self._running)}

    def end(self) -> None:
        """End all."""
        for task in self._running.values():
            task.cancel()


async def main(port: int, copies: int, folder: Path) -> None:
    """Serve until standard input ends."""
    clock, cameras = SystemClock(), Cameras(copies, folder)
    mounts = cameras.mounts()
    async with (
        asyncio.TaskGroup() as group,
        serve("127.0.0.1", port, mounts, credentials=None, clock=clock) as bound,
    ):
        began_s = clock.monotonic_s()
        playing = group.create_task(cameras.play(clock, began_s))
        feeds = Feeds(mounts["0/main"].fanout, group)
        say({"port": bound, "began_s": began_s})
        while line := await asyncio.to_thread(sys.stdin.readline):
            say(feeds.obey(json.loads(line)))
        feeds.end()
        playing.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
