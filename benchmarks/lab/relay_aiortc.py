# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""aiortc as a relay, at its best: `benchmarks.lab.relay_aiortc ADDRESS PORT URL`.

Coded pictures pass through undecoded (`MediaPlayer(decode=False)`); one reader for all viewers.
Prints {} once it answers; ends with its standard input.
"""

import asyncio
import sys

import aioice.ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer, MediaRelay

from benchmarks.lab.process import say
from benchmarks.lab.relay_whep import whep
from gateway.model.errors import PeerError


class Relay:
    """Opens a connection for each offer."""

    def __init__(self, url: str) -> None:
        options = {"rtsp_transport": "tcp"}
        self._player = MediaPlayer(url, options=options, decode=False)
        self._relay = MediaRelay()
        self._peers: set[RTCPeerConnection] = set()

    async def answer(self, offer: str) -> str:
        """Answer an offer; PeerError if the camera shows nothing."""
        source = self._player.video
        if source is None:
            raise PeerError("no pictures")
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.add(peer)
        transceiver = peer.addTransceiver(self._relay.subscribe(source), direction="sendonly")
        able = RTCRtpSender.getCapabilities("video")
        codecs = [one for one in able.codecs if one.name in {"H264", "rtx"}]
        transceiver.setCodecPreferences(codecs)
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return str(peer.localDescription.sdp)


async def main(address: str, port: int, url: str) -> None:
    """Relay until standard input ends."""
    aioice.ice.get_host_addresses = lambda **_: [address]
    relay = await asyncio.to_thread(Relay, url)
    async with whep(address, port, relay.answer):
        say({})
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
