# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.rtsp_server, over real sockets."""

import asyncio
import contextlib

import pytest

from gateway.model.errors import BusyError
from gateway.model.media import AccessUnit
from gateway.model.time import Moment
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from gateway.simulator.rtsp_server import (
    MOST_STUCK_S,
    MOST_WAITING_BYTES,
    Mount,
    Service,
    serve,
)
from gateway.wire import rtcp
from gateway.wire.capture import CaptureClock
from gateway.wire.h264 import H264Depacketizer
from gateway.wire.rtsp import Media, RtspClient, RtspReceiver, Step, parse_url
from tests.fakes import FakeClock
from tests.goldens import is_key, pictures

SOURCE = pictures("x264-320x180.h264")
SETS = tuple(SOURCE[0][:2])


def coded(index, clock, *, size_bytes=0):
    """One picture of the golden, optionally blown up with an opaque slice."""
    nals = SOURCE[index % len(SOURCE)]
    if size_bytes:
        nals = (*nals[:-1], nals[-1] + bytes(size_bytes))
    now = clock.now()
    return AccessUnit(index * 3600, is_key(nals), nals, now, now)


class Player:
    """A client that reads when told to."""

    def __init__(self, reader, writer, url):
        self.reader, self.writer = reader, writer
        self.client = RtspClient(parse_url(url), None, lambda: "")
        self.receiver = RtspReceiver()
        self.depacketizer = H264Depacketizer(96, SETS)
        self.pictures = []
        self.reports = []

    @classmethod
    async def connect(cls, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        player = cls(reader, writer, f"rtsp://127.0.0.1:{port}/gate")
        writer.write(player.client.start())
        return player

    async def until(self, condition):
        """Read until something is true."""
        async with asyncio.timeout(30):
            while not condition():
                data = await self.reader.read(65_536)
                assert data, "the server closed the connection"
                for event in self.receiver.receive(data):
                    self.take(event)

    def take(self, event):
        if not isinstance(event, Media):
            self.writer.write(self.client.receive(event))
            return
        for channel, packet in event.frames:
            if channel == self.client.rtp_channel:
                self.pictures += self.depacketizer.receive(packet)
            else:
                self.reports += rtcp.parse(packet)

    async def play(self):
        await self.until(lambda: self.client.step is Step.PLAYING)

    async def close(self):
        self.writer.close()
        await self.writer.wait_closed()


def opened(clock=None):
    fanout = Fanout()
    mounts = {"gate": Mount(fanout, SETS)}
    clock = clock or SystemClock()
    return fanout, clock, serve("127.0.0.1", 0, mounts, credentials=None, clock=clock)


async def test_a_client_starts_at_the_kept_key_unit():
    """Who joins in the middle of a GOP gets it from its key picture on, then what follows."""
    fanout, clock, serving = opened()
    for index in range(14):
        fanout.publish(coded(index, clock))
    async with serving as port:
        player = await Player.connect(port)
        await player.play()
        for index in range(14, 17):
            fanout.publish(coded(index, clock))
        await player.until(lambda: len(player.pictures) == 7)
        assert [picture.nals for picture in player.pictures] == SOURCE[10:17]
        assert [picture.timestamp for picture in player.pictures[:2]] == [36_000, 39_600]
        await player.close()


async def test_sender_reports_tie_timestamps_to_capture_times():
    """One report before the first picture and one a second; they give the capture time back."""
    fake = FakeClock()
    fanout, _, serving = opened(fake)
    async with serving as port:
        player = await Player.connect(port)
        await player.play()
        captured = {}
        for index in range(60):
            unit = coded(index, fake)
            captured[index * 3600] = unit.captured
            fanout.publish(unit)
            fake.advance(0.04)
        await player.until(lambda: len(player.pictures) == 60)
        senders = [one for one in player.reports if isinstance(one, rtcp.RtcpSenderReport)]
        assert len(senders) == 3
        assert senders[0].packets == 0
        assert senders[2].packets > senders[1].packets > 0
        capture = CaptureClock()
        capture.report(senders[0], Moment(1000.0, fake.utc_us))
        late = Moment(fake.time_s, fake.utc_us)
        for picture in player.pictures:
            found = capture.captured(picture.timestamp, late)
            assert abs(found.monotonic_s - captured[picture.timestamp].monotonic_s) < 1e-4
        await player.close()


async def test_a_slow_client_is_skipped_to_a_key_unit_and_memory_is_bounded():
    """While it does not read, little waits for it; then it goes on with a key picture."""
    fanout, clock, serving = opened()
    async with serving as port:
        player = await Player.connect(port)
        await player.play()
        (sender,) = fanout._readers
        for index in range(200):
            fanout.publish(coded(index, clock, size_bytes=200_000))
            assert sender._out.waiting_bytes() <= MOST_WAITING_BYTES + 300_000
        dropped = sender.statistics().dropped
        assert dropped > 100
        assert sender.statistics().delivered + dropped == 200
        await player.until(lambda: len(player.pictures) == 200 - dropped)
        fanout.publish(coded(201, clock))
        fanout.publish(coded(210, clock))
        await player.until(lambda: len(player.pictures) == 201 - dropped)
        assert player.pictures[-1].timestamp == 210 * 3600
        assert player.pictures[-1].is_key
        assert player.depacketizer.lost_packets == 0
        await player.close()


async def test_a_client_that_takes_nothing_is_cut():
    """After half a minute without any progress the connection ends."""
    fake = FakeClock()
    fanout, _, serving = opened(fake)
    async with serving as port:
        player = await Player.connect(port)
        await player.play()
        for index in range(100):
            fanout.publish(coded(index, fake, size_bytes=200_000))
        fake.advance(MOST_STUCK_S + 1)
        fanout.publish(coded(100, fake))
        async with asyncio.timeout(30):
            while fanout.wanted():
                await asyncio.sleep(0.005)
        player.writer.close()


async def test_leaving_ends_the_reader():
    """TEARDOWN and a lost connection both leave the fan-out."""
    fanout, _, serving = opened()
    async with serving as port:
        for polite in (True, False):
            player = await Player.connect(port)
            await player.play()
            assert fanout.wanted()
            if polite:
                player.writer.write(player.client.tear_down())
            else:
                player.writer.transport.abort()
            async with asyncio.timeout(30):
                while fanout.wanted():
                    await asyncio.sleep(0.005)
            player.writer.close()


async def test_leaving_the_block_cuts_everybody():
    """No connection and no listener outlives the server."""
    fanout, _, serving = opened()
    async with serving as port:
        player = await Player.connect(port)
        await player.play()
    async with asyncio.timeout(30):
        with pytest.raises(AssertionError, match="closed"):
            await player.until(lambda: False)
    player.writer.close()
    assert not fanout.wanted()
    with pytest.raises(OSError, match=str(port)):
        await asyncio.open_connection("127.0.0.1", port)


async def test_garbage_ends_only_its_connection():
    """Who does not speak RTSP is cut; the others play on."""
    fanout, clock, serving = opened()
    async with serving as port:
        player = await Player.connect(port)
        await player.play()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        fanout.publish(coded(0, clock))
        await player.until(lambda: len(player.pictures) == 1)
        await player.close()


async def test_one_session_too_many_is_refused_until_one_leaves():
    """A recorder's limit: 453 or 503 to the next SETUP, and room again after a TEARDOWN."""
    for refusal in (453, 503):
        service = Service(most_sessions=1, refusal=refusal)
        mounts = {"gate": Mount(Fanout(), SETS)}
        clock = SystemClock()
        async with serve(
            "127.0.0.1", 0, mounts, credentials=None, clock=clock, service=service
        ) as port:
            first = await Player.connect(port)
            await first.play()
            second = await Player.connect(port)
            with pytest.raises(BusyError, match=str(refusal)):
                await second.play()
            await second.close()
            await first.close()
            third = await Player.connect(port)
            async with asyncio.timeout(30):
                while True:
                    try:
                        await third.play()
                        break
                    except BusyError:
                        await third.close()
                        third = await Player.connect(port)
            await third.close()


async def test_a_mount_can_have_users_of_its_own():
    """The others stay open to everybody."""
    mounts = {
        "gate": Mount(Fanout(), SETS),
        "vault": Mount(Fanout(), SETS, credentials={"u": "p"}),
    }
    async with serve("127.0.0.1", 0, mounts, credentials=None, clock=SystemClock()) as port:
        player = await Player.connect(port)
        await player.play()
        await player.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"DESCRIBE rtsp://h/vault RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        assert (await reader.readline()).startswith(b"RTSP/1.0 401")
        writer.close()
        await writer.wait_closed()
