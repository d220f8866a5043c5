# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From `revoke` to a dark screen: a real gate, ledger, media process and decoding viewers."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.lab import town
from gateway.access.gate import Gate
from gateway.audit.ledger import open_ledger
from gateway.codec.encode import Encoder
from gateway.model.access import Grant
from gateway.model.errors import PeerError
from gateway.model.media import AccessUnit
from gateway.relay.video.process import MediaOptions, MediaProcess, SessionEnd, open_media
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout

FPS = 25
FIRST_PICTURE_S = 20.0
DARK_S = 10.0
"""Not dark after so long is dark never."""
QUIET_MEDIA = (sys.executable, "-m", "gateway", "media", "--log-level", "WARNING")
QUIET_S = 1.0
"""Without a picture for so long it is dark."""


@dataclass(slots=True)
class Look:
    """One viewer's session."""

    grant: Grant
    session: str
    peer: RTCPeerConnection
    last_s: float = 0.0
    """When a picture was last decoded."""
    ended_s: float = 0.0
    """When the media process said that it had stopped sending."""


class Room:
    """A gate, a media process and one camera."""

    def __init__(self, gate: Gate, media: MediaProcess, fanout: Fanout, clock: Clock) -> None:
        self.gate = gate
        self.media = media
        self.fanout = fanout
        self.clock = clock
        self.looks: dict[str, Look] = {}

    def on_end(self, end: SessionEnd) -> None:
        """Note when a session's end was reported."""
        look = self.looks.get(end.session)
        if look is not None:
            look.ended_s = self.clock.monotonic_s()

    async def open(self, camera: str, tasks: asyncio.TaskGroup) -> Look:
        """Ask the gate, then look until a picture is decoded."""
        grant = await self.gate.open(town.look(camera))
        if not isinstance(grant, Grant):
            raise PeerError(f"refused: {grant.text_en}")
        peer = RTCPeerConnection()
        tracks: list[MediaStreamTrack] = []
        peer.on("track", tracks.append)
        peer.addTransceiver("video", direction="recvonly")
        await peer.setLocalDescription(await peer.createOffer())
        answer = await self.media.open(grant, peer.localDescription.sdp, self.fanout)
        look = self.looks[answer.session] = Look(grant, answer.session, peer)
        await peer.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
        tasks.create_task(self._watch(look, tracks[0]))
        async with asyncio.timeout(FIRST_PICTURE_S):
            while not look.last_s:
                await self.clock.sleep(0.02)
        return look

    async def _watch(self, look: Look, track: MediaStreamTrack) -> None:
        """Decode until the track ends."""
        try:
            while True:
                await track.recv()
                look.last_s = self.clock.monotonic_s()
        except MediaStreamError:
            return

    async def revoke(self, look: Look, wait_s: float) -> float | None:
        """Revoke a Grant after `wait_s`; return how long pictures went on, None if for ever."""
        await self.clock.sleep(wait_s)
        self.gate.revoke(look.grant.id)
        revoked_s = self.clock.monotonic_s()
        while self.clock.monotonic_s() < revoked_s + DARK_S:
            quiet_s = self.clock.monotonic_s() - look.last_s
            if look.ended_s and quiet_s > QUIET_S:
                await self.gate.close(look.grant, reason="revoked")
                return max(look.last_s, look.ended_s) - revoked_s
            await self.clock.sleep(0.02)
        return None


async def measure(folder: Path, clock: Clock, rounds: int, viewers: int) -> list[float | None]:
    """Return the times from `revoke` to dark, of `rounds` times `viewers` sessions."""
    draw = random.Random(2)
    found: list[float | None] = []
    async with _room(folder, clock) as (room, camera), asyncio.TaskGroup() as tasks:
        for _ in range(rounds):
            looks = [await room.open(camera, tasks) for _ in range(viewers)]
            waits = [draw.uniform(0.0, 2.0) for _ in looks]
            async with asyncio.TaskGroup() as revoking:
                ends = [
                    revoking.create_task(room.revoke(look, wait_s))
                    for look, wait_s in zip(looks, waits, strict=True)
                ]
            found += [end.result() for end in ends]
            for look in looks:
                await look.peer.close()
    return found


@asynccontextmanager
async def _room(folder: Path, clock: Clock) -> AsyncIterator[tuple[Room, str]]:
    registry = town.town(clock.now())
    key = Ed25519PrivateKey.generate()
    options = MediaOptions(("127.0.0.1", 0), ("127.0.0.1",), QUIET_MEDIA)
    fanout = Fanout()
    rooms: list[Room] = []

    def on_end(end: SessionEnd) -> None:
        for room in rooms:
            room.on_end(end)

    async with (
        open_ledger(folder / "revoke.db", origin="bench/varco", key=key, clock=clock) as ledger,
        open_media(options, clock=clock, on_end=on_end) as media,
        asyncio.TaskGroup() as tasks,
    ):
        gate = Gate(ledger, lambda: registry, lambda _: None, clock)
        rooms.append(Room(gate, media, fanout, clock))
        running = [
            tasks.create_task(_play(fanout, clock)),
            tasks.create_task(media.keep(lambda grant: gate.check(grant).allowed)),
        ]
        try:
            yield rooms[0], town.first_camera(registry)
        finally:
            for task in running:
                task.cancel()


async def _play(fanout: Fanout, clock: Clock) -> None:
    """Publish a small moving picture in real time."""
    encoder = Encoder(320, 240, FPS, FPS, 500)
    draw = np.random.default_rng(3)
    still = draw.integers(0, 255, (240, 320, 3), np.uint8)
    scene = [np.roll(still, 4 * number, axis=1) for number in range(2 * FPS)]
    coded = [unit for picture in scene for unit in encoder.encode(picture)]
    began_s, index = clock.monotonic_s(), 0
    while True:
        nals, now = coded[index % len(coded)], clock.now()
        is_key = any(nal[0] & 31 == 5 for nal in nals)
        fanout.publish(AccessUnit(index * 90_000 // FPS, is_key, nals, now, now))
        index += 1
        await clock.sleep(max(0.0, began_s + index / FPS - clock.monotonic_s()))
