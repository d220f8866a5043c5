# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A wall of nine in one connection to an independent stack (aiortc), every tile by its pixels."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from gateway.model.media import AccessUnit, Codec
from gateway.relay.video.process import MediaOptions, Source, open_media
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from tests.whep_parts import COMMAND, encode, grant, number, until

pytestmark = pytest.mark.peer
TILES = 9
OF_EACH = 16
"""Pictures of one camera; the upper half of a picture's number says whose it is."""
FPS = 8
SUB = 9
"""Whose numbers the small stream of camera 0 has."""


@pytest.fixture(scope="module")
def coded():
    """Pictures of ten streams; each camera's begin with a key unit."""
    whole = encode(count=OF_EACH * (TILES + 1), gop=OF_EACH)
    return [whole[at : at + OF_EACH] for at in range(0, len(whole), OF_EACH)]


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch):
    """The viewer gathers on loopback, whatever interfaces this machine has."""
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["127.0.0.1"])


class Town:
    """Nine cameras and one small stream, played together."""

    def __init__(self, coded):
        self._coded = coded
        self.fanouts = [Fanout() for _ in coded]

    def source(self, at):
        name = "c0/sub" if at == SUB else f"c{at}"
        return Source(name, Codec.H264, self.fanouts[at])

    async def run(self):
        clock, count = SystemClock(), 0
        while True:
            now = clock.now()
            for fanout, pictures in zip(self.fanouts, self._coded, strict=True):
                nals = pictures[count % OF_EACH]
                is_key = count % OF_EACH == 0
                fanout.publish(AccessUnit(count * 90_000 // FPS, is_key, nals, now, now))
            count += 1
            await clock.sleep(1 / FPS)


class Screen:
    """What each track shows: whose picture, and how many came."""

    def __init__(self, tiles):
        self.shown = [None] * len(tiles)
        self.counts = [0] * len(tiles)
        self._tiles = tiles

    async def watch(self, at):
        with suppress(MediaStreamError):
            while True:
                frame = await self._tiles[at].receiver.track.recv()
                luma = frame.to_ndarray(format="yuv420p")[: frame.height]
                self.shown[at] = number(luma) // OF_EACH
                self.counts[at] += 1


@asynccontextmanager
async def wall(town, is_valid=lambda _: True):
    """A media process, the town, and an aiortc peer with nine tracks; nothing is shown yet."""
    ends = []
    options = MediaOptions(("127.0.0.1", 0), ("127.0.0.1",), COMMAND)
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    tiles = [connection.addTransceiver("video", direction="recvonly") for _ in range(TILES)]
    known = RTCRtpReceiver.getCapabilities("video").codecs
    for one in tiles:
        one.setCodecPreferences([codec for codec in known if codec.name in {"H264", "rtx"}])
    screen = Screen(tiles)
    async with (
        open_media(options, clock=SystemClock(), on_end=ends.append) as media,
        asyncio.TaskGroup() as tasks,
    ):
        running = [tasks.create_task(town.run()), tasks.create_task(media.keep(is_valid))]
        try:
            await connection.setLocalDescription(await connection.createOffer())
            answer = await media.open_wall("u1", connection.localDescription.sdp)
            description = RTCSessionDescription(answer.sdp, "answer")
            await connection.setRemoteDescription(description)
            running += [tasks.create_task(screen.watch(at)) for at in range(TILES)]
            yield media, answer, screen, ends
        finally:
            await connection.close()
            for task in running:
                task.cancel()


async def test_nine_tiles_come_go_and_change_by_themselves(coded):
    """One handshake; each tile its own camera; a revoked one goes dark, the others do not notice.

    Then another camera in a tile, and another stream of the same camera, both without SDP.
    """
    revoked, town = set(), Town(coded)
    is_valid = lambda one: one.id not in revoked  # noqa: E731 - short
    async with wall(town, is_valid) as (media, answer, screen, ends):
        assert len(answer.mids) == TILES
        looks = [
            media.play(answer.session, mid, grant(f"c{at}", identifier=f"g{at}"), town.source(at))
            for at, mid in enumerate(answer.mids)
        ]
        await until(lambda: screen.shown == list(range(TILES)), 60)

        revoked.add("g4")
        await until(lambda: ends)
        assert [(one.grant.id, one.reason) for one in ends] == [("g4", "grant-not-valid")]
        await asyncio.sleep(0)
        dark = screen.counts[4]
        before = list(screen.counts)
        others = [at for at in range(TILES) if at != 4]
        await until(lambda: all(screen.counts[at] > before[at] + 2 * FPS for at in others), 60)
        assert screen.counts[4] <= dark + 3  # what was under way
        assert [screen.shown[at] for at in others] == others

        media.play(answer.session, answer.mids[4], grant("c7", identifier="h"), town.source(7))
        await until(lambda: screen.shown[4] == 7, 60)
        sent = {one.session: one.frames for one in media.sessions()}
        media.switch(looks[0], town.source(SUB))
        await until(lambda: screen.shown[0] == SUB, 60)
        await until(lambda: media.sessions()[0].state.stream == "c0/sub")
        now = next(one for one in media.sessions() if one.session == looks[0])
        assert now.grant.id == "g0"
        assert now.frames > sent[looks[0]]
        await until(lambda: not town.fanouts[0].wanted())

        figures = now.state
        assert figures.packets > 0
        assert figures.delay_s is not None
        assert 0 <= figures.delay_s < 30
        assert len(ends) == 1
    assert {one.reason for one in ends[1:]} <= {"shutdown", "peer-closed"}
    assert len(ends) == TILES + 1
