# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.rtsp: one session against a camera that follows a script."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from gateway.ingest.quirks import Patience
from gateway.ingest.rtsp import Options, RtspSession
from gateway.ingest.source import Sink, StreamSource
from gateway.ingest.stall import StallError
from gateway.model.errors import BusyError, ConfigError, CredentialError, PeerError, WireError
from gateway.model.media import Codec
from gateway.model.registry import Transport
from gateway.runtime import shelf
from gateway.runtime.clock import SystemClock
from gateway.wire import rtcp
from gateway.wire.packetize import fragment
from gateway.wire.rtp import RtpPacket
from gateway.wire.rtsp import Media, RtspReceiver
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

    def __init__(self, on_play=b"", session=b"s1;timeout=60", **answers):
        self.on_play = on_play
        self.answers = answers
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
        status, *headers = self.answers.get(event.method, (b"200 OK",))
        head = b"RTSP/1.0 %s\r\nCSeq: %s\r\nSession: %s\r\nContent-Length: %d\r\n"
        writer.write(
            head % (status, event.header("cseq").encode(), self.session, len(body))
            + b"".join(one + b"\r\n" for one in headers)
            + b"\r\n"
            + body
        )
        if event.method == "PLAY":
            writer.write(self.on_play)


class Played:
    """A session and what it made."""

    def __init__(self, source, patience):
        self.units, self.documents, self.plays = [], [], 0
        sink = Sink(self.units.append, self.documents.append, self._play)
        self.session = RtspSession(source, sink, clock=SystemClock(), options=Options(patience))

    def _play(self):
        self.plays += 1

    async def ends(self, within_s=10):
        """Run until the session ends; return the error."""
        with pytest.raises(PeerError) as caught:
            async with asyncio.timeout(within_s):
                await self.session.run()
        return caught.value


@contextlib.asynccontextmanager
async def served(camera, *, least_stall_s=0.3, patience=PATIENCE, host="127.0.0.1", **source):
    """A session that is about to pull from this camera."""
    server = await asyncio.start_server(camera.serve_one, host, 0)
    port = server.sockets[0].getsockname()[1]
    where = f"[{host}]" if ":" in host else host
    url = f"rtsp://{where}:{port}/x"
    made = StreamSource(
        "gate", url, connect_s=2.0, least_stall_s=least_stall_s, **{"user": "", **source}
    )
    try:
        yield Played(made, patience)
    finally:
        server.close()
        for writer in camera.writers:
            writer.transport.abort()
        await server.wait_closed()


async def until(condition, within_s=30.0):
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_session_without_any_picture_stalls():
    """The first picture may take longer than later ones, then it is a stall."""
    async with served(Camera()) as played:
        clock = SystemClock()
        began_s = clock.monotonic_s()
        error = await played.ends()
        assert isinstance(error, StallError)
        assert 0.35 < clock.monotonic_s() - began_s < 2
        assert "no picture for 0.4 s" in str(error)
        assert played.plays == 1


async def test_a_stall_right_after_the_first_picture_is_noticed_like_any_other():
    """The patience for a first picture ends with the first picture."""
    camera = Camera(coded(5, 1) + coded(5, 60))
    patient = replace(PATIENCE, first_picture_s=8.0, key_picture_s=20.0)
    async with served(camera, patience=patient) as played:
        clock = SystemClock()
        began_s = clock.monotonic_s()
        assert isinstance(await played.ends(), StallError)
        assert clock.monotonic_s() - began_s < 4


async def test_pictures_without_a_key_picture_do_not_count_as_live_for_ever():
    """Pictures come, but none can be decoded: given up after the bound for key pictures."""
    camera = Camera()
    async with served(camera) as played:

        async def send():
            await until(lambda: played.plays)
            for index in range(1, 1000):
                camera.writers[0].write(coded(1 + index % 8, index))
                await asyncio.sleep(0.05)

        sending = asyncio.create_task(send())
        error = await played.ends()
        sending.cancel()
        assert isinstance(error, StallError)
        assert "no usable key picture for 0.8 s" in str(error)
        assert not played.units
        assert played.session.statistics().lost_units > 5


async def test_the_session_is_kept_alive_and_reported_to():
    """Keep-alives at half the session time, receiver reports on the RTCP channel."""
    camera = Camera(session=b"s1;timeout=4")
    patient = replace(PATIENCE, key_picture_s=10.0, first_picture_s=2.6)
    async with served(camera, patience=patient) as played:
        await played.ends()
        await until(lambda: camera.methods[-1] == "TEARDOWN")
        assert camera.methods == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "OPTIONS", "TEARDOWN"]
        receivers = [one for one in camera.reports if isinstance(one, rtcp.RtcpReceiverReport)]
        assert len(receivers) > 5
        assert len({one.ssrc for one in receivers}) == 1


async def test_cancelling_says_goodbye_and_leaves_nothing_behind():
    """The camera is told, so that it can free the session; the shelf is empty afterwards."""
    camera = Camera(coded(0, 1))
    async with served(camera, least_stall_s=5.0) as played:
        running = asyncio.create_task(played.session.run())
        await until(lambda: played.units)
        assert len(shelf.of_loop()) == 1
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(shelf.of_loop()) == 0
        await until(lambda: camera.methods[-1] == "TEARDOWN")


async def test_frames_on_other_channels_are_skipped():
    """A frame of a channel that was not agreed on and broken RTCP do no harm."""
    stray = frame(7, b"metadata") + frame(1, b"\x80\xc8") + coded(0, 1)
    async with served(Camera(stray)) as played:
        await played.ends()
        assert [unit.nals for unit in played.units] == [SOURCE[0]]
        assert played.session.statistics().codec is Codec.H264


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
    async with served(Camera(coded(0, 1) + last_words)) as played:
        error = await played.ends()
        assert type(error) is kind
        assert words in str(error)
        assert "rtsp://127.0.0.1:" in str(error)


async def test_a_closed_connection_is_told():
    """The camera hangs up."""
    camera = Camera(coded(0, 1))
    async with served(camera, least_stall_s=3.0) as played:
        running = asyncio.create_task(played.ends())
        await until(lambda: played.units)
        camera.writers[0].close()
        assert str(await running).endswith(" closed the connection")


async def test_an_unknown_host_is_told():
    """A name that does not resolve is unreachable, with the resolver's words."""
    played = Played(StreamSource("gate", "rtsp://camera.invalid/x"), PATIENCE)
    error = await played.ends()
    assert str(error).startswith("rtsp://camera.invalid:554 is unreachable: ")


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
        source = StreamSource("gate", f"rtsp://127.0.0.1:{port}/x", connect_s=20.0)
        error = await Played(source, PATIENCE).ends()
        assert "reads no answer" in str(error)


async def test_a_full_camera_is_busy_and_says_when_to_come_back():
    """453 is not a fault of the stream; Retry-After is heeded."""
    camera = Camera(SETUP=(b"453 Not Enough Bandwidth", b"Retry-After: 7"))
    async with served(camera) as played:
        error = await played.ends()
        assert isinstance(error, BusyError)
        assert error.retry_after_s == 7.0


async def test_a_bug_in_what_takes_the_pictures_is_raised_by_its_own_session():
    """The neighbour on the same shelf plays on."""

    def broken(_):
        raise ZeroDivisionError("bug")

    async with (
        served(Camera(coded(0, 1)), least_stall_s=2.0) as first,
        served(Camera(coded(0, 1)), least_stall_s=2.0) as second,
    ):
        first.session._sink = replace(first.session._sink, on_unit=broken)
        neighbour = asyncio.create_task(second.ends())
        with pytest.raises(ZeroDivisionError):
            await first.session.run()
        assert isinstance(await neighbour, StallError)
        assert second.units


async def test_ipv6_is_an_address_like_any_other():
    """A camera on ::1, over TCP."""
    async with served(Camera(coded(0, 1)), host="::1") as played:
        await played.ends()
        assert len(played.units) == 1


def test_udp_with_tls_is_refused_in_words():
    """The pictures would travel in clear."""
    source = StreamSource("gate", "rtsps://192.0.2.1/", transport=Transport.UDP)
    with pytest.raises(ConfigError, match="in clear"):
        Played(source, PATIENCE)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("rtsp://198.51.100.7/x", "redirects to rtsp://198.51.100.7:554: not followed to another"),
        ("rtsp://169.254.169.254/latest", "not followed to another host"),
        ("http://192.0.2.1/", "cannot be used"),
    ],
)
async def test_redirects_leave_the_allowed_hosts_never(location, words):
    """Another host is named, and nobody calls there."""
    camera = Camera(DESCRIBE=(b"302 Moved", b"Location: " + location.encode()))
    async with served(camera) as played:
        assert words in str(await played.ends())


async def test_an_allowed_name_that_leads_to_this_machine_is_not_followed():
    """Whoever controls a name cannot send us to our own services."""
    camera = Camera(DESCRIBE=(b"302 Moved", b"Location: rtsp://localhost:9/x"))
    async with served(camera, hosts=("localhost",)) as played:
        assert "never followed there" in str(await played.ends())


async def test_a_redirect_to_an_allowed_address_is_a_new_connection():
    """The camera's other half plays; the first connection is closed."""
    other = Camera(coded(0, 1))
    server = await asyncio.start_server(other.serve_one, "::1", 0)
    port = server.sockets[0].getsockname()[1]
    camera = Camera(DESCRIBE=(b"302 Moved", b"Location: rtsp://[::1]:%d/y" % port))
    async with served(camera, hosts=("::1",)) as played:
        assert isinstance(await played.ends(), StallError)
        assert len(played.units) == 1
        assert camera.methods == ["OPTIONS", "DESCRIBE"]
    server.close()
    for writer in other.writers:
        writer.transport.abort()
    await server.wait_closed()


async def test_redirects_in_a_circle_end():
    """Two addresses that send to each other are left after three times."""
    camera = Camera()
    async with served(camera, hosts=("::1",)) as played:
        port = played.session._url.port
        camera.answers["DESCRIBE"] = (b"302 Moved", b"Location: rtsp://127.0.0.1:%d/y" % port)
        assert "in a circle" in str(await played.ends())
        assert camera.methods.count("DESCRIBE") == 4


async def test_a_goodbye_of_another_source_ends_nothing():
    """A BYE counts for the stream that is received, and for no other."""
    bye = frame(1, rtcp.serialise([rtcp.RtcpBye((6,))]))
    async with served(Camera(bye + coded(0, 1) + bye)) as played:
        assert isinstance(await played.ends(), StallError)
        assert len(played.units) == 1


async def test_a_redirect_to_the_same_address_while_playing_begins_anew():
    """A new connection sets everything up again; the old session is torn down."""
    camera = Camera(coded(0, 1))
    async with served(camera, least_stall_s=1.0) as played:
        running = asyncio.create_task(played.ends())
        await until(lambda: played.units)
        url = f"rtsp://127.0.0.1:{played.session._url.port}/y".encode()
        words = b"REDIRECT * RTSP/1.0\r\nCSeq: 1\r\nLocation: %s\r\n\r\n" % url
        camera.writers[0].write(words)
        await until(lambda: played.plays == 2 and len(played.units) == 2)
        await running
    first = ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
    assert [one for one in camera.methods if one in first] == first * 2
    assert "TEARDOWN" in camera.methods


async def test_a_camera_that_has_used_digest_never_gets_the_password_in_clear():
    """A reconnect at which somebody took Digest away ends with words, and sends no password."""
    camera = Camera(OPTIONS=(b"401 No", b'WWW-Authenticate: Digest realm="c", nonce="n"'))
    async with served(camera, user="admin", password="s3cret") as played:
        assert "refuses the user or the password" in str(await played.ends())
        camera.answers["OPTIONS"] = (b"401 No", b'WWW-Authenticate: Basic realm="c"')
        camera.methods.clear()
        error = await Played(played.session._source, PATIENCE).ends()
        assert isinstance(error, CredentialError)
        assert "in clear (Basic) although it has used Digest before" in str(error)
        assert camera.methods == ["OPTIONS"]
