# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.call: every transport against our own server, over real sockets."""

import asyncio
import contextlib
import socket

import pytest

from gateway.ingest.rtsp import RtspSession
from gateway.ingest.source import Sink, StreamSource, Trust
from gateway.model.errors import PeerError
from gateway.model.media import Codec, MetadataDocument
from gateway.model.registry import Transport
from gateway.runtime import shelf
from gateway.runtime.clock import SystemClock
from gateway.simulator.rtsp_server import Documents, Service
from gateway.wire import rtcp
from tests.certificates import Certificate
from tests.goldens import pictures
from tests.virtual_camera import USERS, virtual_camera

NAME = "x264-320x180.h264"
DOCUMENT = b'<?xml version="1.0"?><tt:MetadataStream xmlns:tt="x">' + b"y" * 4000 + b"</tt:z>"


async def until(condition, within_s=30.0):
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


class Pulled:
    """A session and all that it published."""

    def __init__(self, url, **source):
        self.units, self.documents = [], []
        sink = Sink(self.units.append, self.documents.append, lambda: None)
        made = StreamSource("gate", url, user="admin", password="s3cret", **source)
        self.session = RtspSession(made, sink, clock=SystemClock())

    @property
    def now(self):
        return self.session.statistics()


@contextlib.asynccontextmanager
async def pulling(url, **source):
    """Pull until the block ends; nothing of ours is open afterwards."""
    pulled = Pulled(url, **source)
    task = asyncio.create_task(pulled.session.run())
    try:
        yield pulled
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert len(shelf.of_loop()) == 0


def are_whole(units):
    """Return whether the units are those of the golden, in order, key first."""
    source = pictures(NAME)
    first = source.index(units[0].nals)
    return units[0].is_key and all(
        unit.nals == source[(first + offset) % len(source)] for offset, unit in enumerate(units)
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("transport", list(Transport))
async def test_pictures_come_whole_over_tcp_and_udp(transport, host):
    """Both families, both transports: what was encoded, and a status that says how it came."""
    where = f"[{host}]" if ":" in host else host
    async with (
        virtual_camera(host=host, credentials=USERS) as port,
        pulling(f"rtsp://{where}:{port}/live", transport=transport) as pulled,
    ):
        await until(lambda: len(pulled.units) >= 60)
        now = pulled.now
    assert are_whole(pulled.units)
    assert now.transport == f"RTP/{transport.name}"
    assert (now.codec, now.size_px, now.authentication) == (
        Codec.H264,
        (320, 180),
        "Digest SHA-256",
    )
    assert now.lost_packets == 0
    assert now.received_bytes > sum(unit.size_bytes() for unit in pulled.units)
    assert abs(now.clock_offset_s) < 0.5


@pytest.mark.parametrize("pinned", [True, False])
async def test_pictures_come_whole_inside_tls(tmp_path, pinned):
    """RTSPS with a pin, and with an authority's file; the status names protocol and cipher."""
    certificate = Certificate(tmp_path, "127.0.0.1")
    trust = Trust(sha256=certificate.sha256) if pinned else Trust(certificate.certificate_file)
    service = Service(tls=certificate.server())
    async with (
        virtual_camera(credentials=USERS, service=service) as port,
        pulling(f"rtsps://127.0.0.1:{port}/live", trust=trust) as pulled,
    ):
        await until(lambda: len(pulled.units) >= 60)
        assert pulled.now.tls.startswith("TLSv1.3 ")
    assert are_whole(pulled.units)


async def test_a_certificate_that_is_not_trusted_ends_it_before_a_word_of_rtsp(tmp_path):
    """Unknown or not the pinned one: the fingerprint is told, and the camera was asked nothing."""
    certificate = Certificate(tmp_path, "127.0.0.1")
    heard = []

    async def listen(reader, writer):
        with contextlib.suppress(ConnectionError, OSError):
            heard.append(await reader.read(1))
        writer.transport.abort()

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=certificate.server())
    url = f"rtsps://127.0.0.1:{server.sockets[0].getsockname()[1]}/live"
    async with server:
        for trust in (Trust(), Trust(sha256="0" * 64)):
            with pytest.raises(PeerError, match=certificate.sha256):
                await Pulled(url, trust=trust).session.run()
    assert b"".join(heard) == b""
    assert len(shelf.of_loop()) == 0


async def test_clear_text_where_tls_was_expected_is_told():
    """A port that speaks RTSP in clear: no TLS agreed on."""
    async with virtual_camera(credentials=USERS) as port:
        with pytest.raises(PeerError, match="TLS"):
            await Pulled(f"rtsps://127.0.0.1:{port}/live").session.run()


@pytest.mark.parametrize("transport", list(Transport))
async def test_metadata_comes_beside_the_pictures(transport):
    """Documents arrive whole, with their capture time, over either transport."""
    documents = Documents()
    async with (
        virtual_camera(credentials=USERS, documents=documents) as port,
        pulling(
            f"rtsp://127.0.0.1:{port}/live", transport=transport, wants_metadata=True
        ) as pulled,
    ):
        await until(lambda: len(pulled.units) >= 5)
        for _ in range(3):
            now = SystemClock().now()
            documents.publish(MetadataDocument(DOCUMENT, now, now))
        await until(lambda: len(pulled.documents) == 3)
        assert pulled.now.documents == 3
    assert all(one.data == DOCUMENT for one in pulled.documents)
    for one in pulled.documents:
        assert 0 <= one.received.monotonic_s - one.captured.monotonic_s < 1


@pytest.mark.parametrize("wanted", list(Transport))
async def test_a_refused_transport_is_replaced_and_said(wanted):
    """A server that speaks only the other one: pictures come, and the status says why."""
    service = Service(udp=wanted is Transport.TCP, tcp=wanted is Transport.UDP)
    async with (
        virtual_camera(credentials=USERS, service=service) as port,
        pulling(f"rtsp://127.0.0.1:{port}/live", transport=wanted) as pulled,
    ):
        await until(lambda: len(pulled.units) >= 10)
        assert pulled.now.transport != f"RTP/{wanted.name}"
        assert f"{wanted.name} refused (461)" in pulled.now.problem
    assert are_whole(pulled.units)


async def test_packets_of_strangers_are_dropped_and_counted():
    """Another address sends a picture to our port: nobody looks at it."""
    async with (
        virtual_camera(credentials=USERS) as port,
        pulling(f"rtsp://127.0.0.1:{port}/live", transport=Transport.UDP) as pulled,
    ):
        await until(lambda: pulled.units)
        ports = pulled.session._call._ports[0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.2", 0))
            for _ in range(5):
                stranger.sendto(b"\x80\x60" + bytes(30), ("127.0.0.1", ports.port))
        await until(lambda: ports.foreign == 5)
        count = len(pulled.units)
        await until(lambda: len(pulled.units) > count + 10)
        assert pulled.now.lost_packets == 0
    assert are_whole(pulled.units)


async def test_a_lost_packet_costs_pictures_until_the_next_key_and_is_reported():
    """Nothing damaged is published; the loss is counted and told to the camera."""
    async with (
        virtual_camera(credentials=USERS) as port,
        pulling(f"rtsp://127.0.0.1:{port}/live", transport=Transport.UDP) as pulled,
    ):
        await until(lambda: len(pulled.units) > 12)
        ports = pulled.session._call._ports[0]
        take, dropped = ports.media._take, []

        def lossy(packets):
            if not dropped and len(packets) > 0:
                dropped.append(packets[0])
                packets = packets[1:]
            take(packets)

        ports.media._take = lossy
        await until(lambda: pulled.now.lost_packets == 1)
        await until(lambda: pulled.units[-1].is_key)
        assert ports.window.lost == 1
        assert ports.reception.report(0.0).lost == 1
        assert all(unit.nals in pictures(NAME) for unit in pulled.units)


async def test_over_udp_neither_another_port_nor_a_goodbye_ends_the_stream():
    """The camera's address with another port is a stranger; its own BYE is left to the watch."""
    async with (
        virtual_camera(credentials=USERS) as port,
        pulling(f"rtsp://127.0.0.1:{port}/live", transport=Transport.UDP) as pulled,
    ):
        await until(lambda: pulled.units)
        call = pulled.session._call
        ports, lane = call._ports[0], call.client.lanes[0]
        assert ports.media.peer_port == lane.server_rtp > 0
        assert ports.control.peer_port == lane.server_rtcp == lane.server_rtp + 1
        bye = rtcp.serialise([rtcp.RtcpBye((call._video.ssrc,))])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.sendto(b"\x80\x60" + bytes(30), ("127.0.0.1", ports.port))
            stranger.sendto(bye, ("127.0.0.1", ports.port + 1))
            await until(lambda: ports.foreign == 2)
            ports.control.peer_port = stranger.getsockname()[1]
            before = ports.control.received_bytes
            stranger.sendto(bye, ("127.0.0.1", ports.port + 1))
            await until(lambda: ports.control.received_bytes >= before + len(bye))
        count = len(pulled.units)
        await until(lambda: len(pulled.units) > count + 10)
        assert not call.ended.done()
    assert are_whole(pulled.units)
