# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.rtsp: one session against a camera that follows a script."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from gateway.ingest.quirks import Patience
from gateway.ingest.rtsp import RtspSession, StallError, Target, attend, connect
from gateway.model.errors import PeerError, WireError
from gateway.runtime.clock import SystemClock
from gateway.wire import rtcp
from gateway.wire.packetize import fragment
from gateway.wire.rtp import RtpPacket
from gateway.wire.rtsp import Media, RtspReceiver, parse_url
from tests.goldens import pictures

SOURCE = pictures("x264-320x180.h264")
SDP = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
PATIENCE = Patience(first_picture_s=0.4, key_picture_s=0.8, report_every_s=0.1)


def frame(channel, data):
    return bytes((0x24, channel)) + len(data).to_bytes(2, "big") + data


def coded(index, sequence):
    """One picture as interleaved frames; at most a hundred packets."""
    payloads = [payload for run in fragment(SOURCE[index]) for payload in run]
    packets = [
        RtpPacket(96, payload is payloads[-1], sequence + number, index * 3600, 5, payload)
        for number, payload in enumerate(payloads)
    ]
    return b"".join(frame(0, packet.serialise()) for packet in packets)


class Camera:
    """Answers every request with 200 and notes what comes."""

    def __init__(self, on_play=b"", session=b"s1;timeout=60"):
        self.on_play = on_play
        self.session = session
        self.methods = []
        self.reports = []
        self.writers = []

    async def serve_one(self, reader, writer):
        self.writers.append(writer)
        receiver = RtspReceiver()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                for event in receiver.receive(data):
                    self.take(event, writer)
        writer.close()

    def take(self, event, writer):
        if isinstance(event, Media):
            self.reports += [packet for _, view in event.frames for packet in rtcp.parse(view)]
            return
        self.methods.append(event.method)
        body = SDP if event.method == "DESCRIBE" else b""
        head = b"RTSP/1.0 200 OK\r\nCSeq: %s\r\nSession: %s\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % (event.header("cseq").encode(), self.session, len(body)) + body)
        if event.method == "PLAY":
            writer.write(self.on_play)


@contextlib.asynccontextmanager
async def played(camera, stall_s=0.3, patience=PATIENCE):
    """A session with this camera that has just begun to play; yields it and its units."""
    server = await asyncio.start_server(camera.serve_one, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    target = Target(parse_url(f"rtsp://127.0.0.1:{port}/x"), None, stall_s, 2.0, patience)
    units = []
    session = RtspSession(target, SystemClock(), units.append)
    try:
        await connect(session, target)
        yield session, target, units
    finally:
        session.close()
        server.close()
        for writer in camera.writers:
            writer.transport.abort()
        await server.wait_closed()


async def ends(session, target):
    """Attend until the session ends; return the error."""
    with pytest.raises(PeerError) as caught:
        async with asyncio.timeout(10):
            await attend(session, target, SystemClock())
    return caught.value


async def test_a_session_without_any_picture_stalls():
    """The first picture may take longer than later ones, then it is a stall."""
    async with played(Camera()) as (session, target, _):
        clock = SystemClock()
        began_s = clock.monotonic_s()
        error = await ends(session, target)
        assert isinstance(error, StallError)
        assert 0.35 < clock.monotonic_s() - began_s < 2
        assert "no picture for 0.3 s" in str(error)


async def test_a_stall_right_after_the_first_picture_is_noticed_like_any_other():
    """The patience for a first picture ends with the first picture."""
    camera = Camera()
    patient = replace(PATIENCE, first_picture_s=8.0, key_picture_s=20.0)
    async with played(camera, patience=patient) as (session, target, _):
        clock = SystemClock()
        sent = asyncio.Event()

        async def send():
            await asyncio.sleep(0.1)  # attending has begun
            for index in (1, 2):
                camera.writers[0].write(coded(5, index))
            sent.set()

        sending = asyncio.create_task(send())
        began_s = clock.monotonic_s()
        error = await ends(session, target)
        await sending
        assert sent.is_set()
        assert isinstance(error, StallError)
        assert clock.monotonic_s() - began_s < 4


async def test_pictures_without_a_key_picture_do_not_count_as_live_for_ever():
    """Pictures come, but none can be decoded: given up after the bound for key pictures."""
    camera = Camera()
    async with played(camera) as (session, target, units):

        async def send():
            for index in range(1, 1000):
                camera.writers[0].write(coded(1 + index % 8, index))
                await asyncio.sleep(0.05)

        sending = asyncio.create_task(send())
        error = await ends(session, target)
        sending.cancel()
        assert isinstance(error, StallError)
        assert "no usable key picture for 0.8 s" in str(error)
        assert not units
        assert session.depacketizer.skipped_units > 5


async def test_the_session_is_kept_alive_and_reported_to():
    """Keep-alives at half the session time, receiver reports on the RTCP channel."""
    camera = Camera(session=b"s1;timeout=4")
    patient = replace(PATIENCE, key_picture_s=10.0)
    async with played(camera, stall_s=2.6, patience=patient) as (session, target, _):
        await ends(session, target)
        assert camera.methods == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "OPTIONS"]
        receivers = [one for one in camera.reports if isinstance(one, rtcp.RtcpReceiverReport)]
        assert len(receivers) > 5
        assert len({one.ssrc for one in receivers}) == 1


async def test_closing_says_goodbye():
    """The camera is told, so that it can free the session."""
    camera = Camera()
    async with played(camera) as (session, _, _):
        session.close()
        async with asyncio.timeout(5):
            while camera.methods[-1] != "TEARDOWN":
                await asyncio.sleep(0.005)


async def test_frames_on_other_channels_are_counted_and_skipped():
    """A frame of a channel that was not agreed on and broken RTCP do no harm."""
    stray = frame(7, b"metadata") + frame(1, b"\x80\xc8") + coded(0, 1)
    async with played(Camera(stray)) as (session, target, units):
        await ends(session, target)
        assert session.stray_frames == 2
        assert [unit.nals for unit in units] == [SOURCE[0]]


@pytest.mark.parametrize(
    ("last_words", "words", "kind"),
    [
        (frame(1, rtcp.serialise([rtcp.RtcpBye((5,))])), "ended the stream (RTCP BYE)", PeerError),
        (b"TEARDOWN rtsp://x RTSP/1.0\r\nCSeq: 1\r\n\r\n", "ended the session", PeerError),
        (b"\x00\x01\x02\x03\x04", "neither RTSP nor interleaved data", WireError),
    ],
)
async def test_the_camera_can_end_a_session(last_words, words, kind):
    """Goodbye, teardown, and losing the frame borders each end it with a line that says so."""
    camera = Camera()
    async with played(camera) as (session, target, _):
        camera.writers[0].write(coded(0, 1) + last_words)
        error = await ends(session, target)
        assert type(error) is kind
        assert words in str(error)
        assert target.url.peer in str(error)


async def test_a_closed_connection_is_told():
    """The camera hangs up."""
    camera = Camera(coded(0, 1))
    async with played(camera) as (session, target, _):
        camera.writers[0].close()
        assert str(await ends(session, target)) == f"{target.url.peer} closed the connection"


async def test_an_unknown_host_is_told():
    """A name that does not resolve is unreachable, with the resolver's words."""
    target = Target(parse_url("rtsp://camera.invalid/x"), None, 1.0, 5.0)
    session = RtspSession(target, SystemClock(), lambda unit: None)
    with pytest.raises(PeerError, match=r"rtsp://camera\.invalid:554 is unreachable: "):
        await connect(session, target)
    session.close()


async def test_a_camera_that_asks_and_reads_nothing_is_given_up():
    """Answers that nobody takes do not pile up."""

    async def ask(reader, writer):
        questions = b"OPTIONS * RTSP/1.0\r\nCSeq: 11111111111111111111\r\n\r\n" * 1000
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(questions)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(ask, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        target = Target(parse_url(f"rtsp://127.0.0.1:{port}/x"), None, 0.3, 20.0, PATIENCE)
        session = RtspSession(target, SystemClock(), lambda _: None)
        with pytest.raises(PeerError, match="reads no answer"):
            await connect(session, target)
        session.close()
