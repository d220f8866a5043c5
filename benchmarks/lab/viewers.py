# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Browsers of a room in one process: `python -m benchmarks.lab.viewers`, one JSON order a line.

{"look": PATH, "many": N}   N viewers with real ICE and DTLS whose media the kernel drops before it
                            wakes anybody: they cost next to nothing, and how many packets each was
                            given is what its socket says it dropped
{"watch": PATH, "began_s"}  one viewer that decodes every picture and tells how old it was; answers
                            once the first picture is there
{"ages": true}              what it has seen since the last question: [seen at, age] of each picture
{"count": true}             packets given to each cheap viewer
{"close": true}             end all of them

First of all: {"url": "http://…", "token": "…", "address": "…"}. Times are seconds, monotonic.
"""

import asyncio
import contextlib
import ctypes
import json
import socket
import struct
import sys
import time
from typing import Any

import aioice.ice
import httpx
import numpy as np
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from numpy.typing import NDArray

from benchmarks.lab.counted import age_s
from benchmarks.lab.process import say
from gateway.model.errors import PeerError
from gateway.simulator.whep_viewer import WhepViewer

_SO_ATTACH_FILTER, _SO_MEMINFO = 26, 55
_MEMINFO_DROPS = 8
_FILTER = [(0x30, 0, 0, 8), (0x35, 0, 2, 128), (0x35, 1, 0, 192), (6, 0, 0, 0), (6, 0, 0, 0xFFFF)]
"""Classic BPF: a datagram whose first byte is 128..191, RTP and RTCP, is dropped (RFC 7983)."""
_CONNECTED_S = 30.0
_PICTURE_S = 60.0


class CheapViewer:
    """One session whose media never wakes this process."""

    def __init__(self) -> None:
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connected = asyncio.Event()
        self._sockets: list[socket.socket] = []
        self._resource = ""

    async def open(self, client: httpx.AsyncClient, path: str) -> None:
        """Offer, post, connect; PeerError if refused or not connected in time."""
        peer = self._peer
        peer.on("connectionstatechange", self._changed)
        transceiver = peer.addTransceiver("video", direction="recvonly")
        able = RTCRtpReceiver.getCapabilities("video")
        known = [one for one in able.codecs if one.name in {"H264", "rtx"}] if able else []
        transceiver.setCodecPreferences(known)
        await peer.setLocalDescription(await peer.createOffer())
        self._deafen(transceiver.receiver.transport.transport)
        headers = {"Content-Type": "application/sdp"}
        reply = await client.post(path, content=peer.localDescription.sdp, headers=headers)
        if reply.status_code != httpx.codes.CREATED:
            raise PeerError(f"WHEP {reply.status_code}: {reply.text[:300]}")
        self._resource = reply.headers["location"]
        await peer.setRemoteDescription(RTCSessionDescription(reply.text, "answer"))
        async with asyncio.timeout(_CONNECTED_S):
            await self._connected.wait()

    def _changed(self) -> None:
        if self._peer.connectionState == "connected":
            self._connected.set()

    def _deafen(self, ice: Any) -> None:  # noqa: ANN401 - aiortc's own
        program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *o) for o in _FILTER))
        attached = struct.pack("HL", len(_FILTER), ctypes.addressof(program))
        for protocol in ice._connection._protocols:  # noqa: SLF001 - has no public name
            handle = protocol.transport.get_extra_info("socket").fileno()
            own = socket.socket(fileno=socket.dup(handle))
            own.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attached)
            self._sockets.append(own)

    def given(self) -> int:
        """Return how many packets of media the kernel dropped for it."""
        return sum(_drops(one) for one in self._sockets)

    async def close(self, client: httpx.AsyncClient) -> None:
        """End the session."""
        if self._resource:
            with contextlib.suppress(httpx.HTTPError):
                await client.delete(self._resource)
        for one in self._sockets:
            one.close()
        await self._peer.close()


def _drops(one: socket.socket) -> int:
    words = struct.unpack("9I", one.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))
    return int(words[_MEMINFO_DROPS])


def luma_of(frame: Any) -> NDArray[np.uint8]:  # noqa: ANN401 - the decoder's own
    """Return a decoded picture's brightness as it lies in memory, limited range.

    Converting 1080p to grey costs three times what decoding it does: the pictures since the last
    key picture, which all come at once, would be late because of how they are looked at.
    """
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


class Room:
    """Everybody who looks from this process."""

    def __init__(self, client: httpx.AsyncClient, tasks: asyncio.TaskGroup) -> None:
        self._client = client
        self._tasks = tasks
        self._cheap: list[CheapViewer] = []
        self._watching: asyncio.Task[None] | None = None
        self._ages: list[tuple[float, float | None]] = []

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do one thing; return what there is to tell."""
        try:
            return await self._obey(order)
        except (PeerError, httpx.HTTPError, TimeoutError) as error:
            return {"error": str(error) or type(error).__name__}

    async def _obey(self, order: dict[str, Any]) -> dict[str, Any]:
        match order:
            case {"look": path, "many": many}:
                for _ in range(many):
                    self._cheap.append(one := CheapViewer())
                    await one.open(self._client, path)
            case {"watch": path, "began_s": began_s}:
                return await self._watch(path, began_s)
            case {"ages": _}:
                ages, self._ages = self._ages, []
                return {"ages": ages}
            case {"close": _}:
                await self.close()
        return {"given": [one.given() for one in self._cheap]}

    async def _watch(self, path: str, began_s: float) -> dict[str, Any]:
        self._ages.clear()
        asked_s = time.monotonic()
        first: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._watching = self._tasks.create_task(self._see(path, began_s, first))
        seen_s = await first
        return {"asked_s": asked_s, "first_s": seen_s - asked_s, "ages": self._ages[:1]}

    async def _see(self, path: str, began_s: float, first: "asyncio.Future[float]") -> None:
        """Note every picture until the session ends; a new one is not asked for."""
        try:
            async with WhepViewer(self._client, path) as viewer:
                while True:
                    luma = luma_of(await viewer.frame(_PICTURE_S))
                    seen_s = time.monotonic()
                    self._ages.append((seen_s, age_s(luma, began_s, seen_s)))
                    if not first.done():
                        first.set_result(seen_s)
        except PeerError as error:
            if not first.done():
                first.set_exception(error)

    async def close(self) -> None:
        """End every session."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        for one in self._cheap:
            await one.close(self._client)
        self._cheap.clear()


async def main() -> None:
    """Obey until standard input ends."""
    told = json.loads(await asyncio.to_thread(sys.stdin.readline))
    address = told["address"]
    aioice.ice.get_host_addresses = lambda **_: [address]
    headers = {"Authorization": f"Bearer {told['token']}"}
    async with (
        httpx.AsyncClient(base_url=told["url"], headers=headers, timeout=_CONNECTED_S) as client,
        asyncio.TaskGroup() as tasks,
    ):
        room = Room(client, tasks)
        say({"ready": True})
        while line := await asyncio.to_thread(sys.stdin.readline):
            say(await room.obey(json.loads(line)))
        await room.close()


if __name__ == "__main__":
    asyncio.run(main())
