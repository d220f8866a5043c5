# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A WHEP viewer that decodes: it asserts pixels, it does not count packets."""

import asyncio
from dataclasses import dataclass
from typing import Protocol, Self, cast

import httpx
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from numpy.typing import NDArray

from gateway.model.errors import PeerError


class _Grey(Protocol):
    """A decoded picture, as far as it is needed here; av itself stays in codec."""

    def to_ndarray(self, *, format: str) -> NDArray[np.uint8]:  # noqa: A002 - av's word
        """Return the picture, shape (height, width)."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """One decoded picture."""

    luma: NDArray[np.uint8]
    """Shape (height, width)."""
    at_s: float
    """Seconds after the viewer began to ask for it."""


class WhepViewer:
    """One session; use as `async with`. The clock is the event loop's."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        """`url`: WHEP endpoint with purpose and case; the client carries the identity."""
        self._client = client
        self._url = url
        self._peer = RTCPeerConnection()
        self._track: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
        self.resource = ""
        """Path of the session, once there is one."""
        self._began_s = 0.0

    async def __aenter__(self) -> Self:
        """Offer, post, take the answer; PeerError with status and reason if refused."""
        self._began_s = asyncio.get_running_loop().time()
        try:
            await self._connect()
        except BaseException:
            await self._peer.close()
            raise
        return self

    async def _connect(self) -> None:
        self._peer.on("track", self._on_track)
        self._peer.addTransceiver("video", direction="recvonly")
        await self._peer.setLocalDescription(await self._peer.createOffer())
        reply = await self._client.post(
            self._url,
            content=self._peer.localDescription.sdp,
            headers={"Content-Type": "application/sdp"},
        )
        if reply.status_code != httpx.codes.CREATED:
            raise PeerError(f"WHEP {reply.status_code}: {reply.text[:300]}")
        self.resource = reply.headers["location"]
        await self._peer.setRemoteDescription(RTCSessionDescription(reply.text, "answer"))

    def _on_track(self, track: MediaStreamTrack) -> None:
        if not self._track.done():
            self._track.set_result(track)

    async def frame(self, timeout_s: float) -> object:
        """Return the next decoded frame as the decoder gives it; PeerError as `picture`."""
        try:
            async with asyncio.timeout(timeout_s):
                return await (await self._track).recv()
        except (TimeoutError, OSError) as error:
            raise PeerError(f"no picture within {timeout_s:.1f} s") from error
        except MediaStreamError as error:
            raise PeerError("the track ended") from error

    async def picture(self, timeout_s: float) -> Seen:
        """Return the next decoded picture; PeerError if none comes in time or the track ended."""
        frame = await self.frame(timeout_s)
        plane = cast("_Grey", frame).to_ndarray(format="gray")
        return Seen(plane, asyncio.get_running_loop().time() - self._began_s)

    async def __aexit__(self, *_: object) -> None:
        """Delete the session and close."""
        if self.resource:
            await self._client.delete(self.resource)
        await self._peer.close()
