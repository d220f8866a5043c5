# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Real pictures for the browser tests: a drawn scene over aiortc's WebRTC and as an MP4."""

import fractions
import io

import av
import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import VideoStreamTrack
from numpy.typing import NDArray

from tests.ui.town import Media

WIDTH, HEIGHT = 640, 360


def picture(number: int) -> NDArray[np.uint8]:
    """Return a night shop with a figure that walks, RGB (360, 640, 3)."""
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rgb[:] = np.linspace(26, 58, HEIGHT).astype(np.uint8)[:, None, None]
    rgb[..., 2] += 14
    rgb[230:] = (52, 46, 40)
    rgb[150:235, 60:330] = (74, 60, 44)
    rgb[150:158, 60:330] = (118, 96, 66)
    for shelf in range(4):
        rgb[40 + shelf * 26 : 44 + shelf * 26, 380:620] = (92, 98, 104)
    rgb[60:240, 20:24] = (30, 140, 90)
    x = 330 + int(180 * np.sin(number / 14))
    rgb[150:290, x : x + 46] = (16, 18, 22)
    rgb[118:152, x + 8 : x + 38] = (150, 118, 96)
    return rgb


class Scene(VideoStreamTrack):
    """The shop at ten pictures a second."""

    async def recv(self) -> av.VideoFrame:
        """Return the next picture in its time."""
        pts, base = await self.next_timestamp()
        frame = av.VideoFrame.from_ndarray(picture(pts // 9000), format="rgb24")
        frame.pts, frame.time_base = pts, base
        return frame


class AiortcMedia(Media):
    """Shows the scene to whoever holds a Grant; ends when the Grant does."""

    def __init__(self) -> None:
        super().__init__()
        self._peers: dict[str, RTCPeerConnection] = {}

    async def answer(self, session: str, offer_sdp: str) -> str:
        """Return an SDP answer that sends the scene."""
        peer = RTCPeerConnection()
        self._peers[session] = peer
        known = "".join(
            line
            for line in offer_sdp.splitlines(keepends=True)
            if not (line.startswith("a=candidate") and ".local" in line)
        )  # aioice keeps its mDNS lock for the first event loop only; the browser finds us anyway
        await peer.setRemoteDescription(RTCSessionDescription(known, "offer"))
        peer.addTrack(Scene())
        await peer.setLocalDescription(await peer.createAnswer())
        return peer.localDescription.sdp

    async def close(self, session: str, reason: str) -> None:
        """Cut the picture."""
        await super().close(session, reason)
        peer = self._peers.pop(session, None)
        if peer is not None:
            await peer.close()

    async def close_all(self) -> None:
        """Cut every picture."""
        for session in list(self._peers):
            await self.close(session, "gateway-gone")


def clip(seconds: int = 4) -> bytes:
    """Return an H.264 MP4 of the scene."""
    buffer = io.BytesIO()
    with av.open(
        buffer, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"}
    ) as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = fractions.Fraction(1, 10)
        for number in range(seconds * 10):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return buffer.getvalue()
