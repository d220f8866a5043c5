# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Our own cameras on the network: the server half of `wire.rtsp` on sockets, fed by fan-outs.

RTP over TCP, over UDP, or inside TLS; video of any codec and, where a mount has some, metadata.
"""

import asyncio
import contextlib
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, cast

from typing_extensions import override

from gateway.model.errors import WireError
from gateway.model.media import AccessUnit, Codec, MetadataDocument
from gateway.model.registry import Transport
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout, Reader, ReaderStatistics
from gateway.wire import rtcp, rtp, sdp
from gateway.wire.digest import Verifier
from gateway.wire.packetize import fragment_metadata, payloads
from gateway.wire.rtsp import (
    DOLLAR,
    MEDIA_CONTROL,
    METADATA_CONTROL,
    Media,
    RtspReceiver,
    RtspServer,
    ServedLane,
    ServerState,
    Terms,
)

PAYLOAD_TYPE = 96
METADATA_PAYLOAD_TYPE = 107
JPEG_PAYLOAD_TYPE = 26
"""RFC 3551 §5."""
MOST_WAITING_BYTES = 2 << 20
"""About 5 s at 3 Mbit/s; a client further behind is skipped to a key unit."""
MOST_STUCK_S = 30.0
"""A client that took nothing for so long is gone."""
REPORT_EVERY_S = 1.0
"""RFC 3550 §6.2 allows more than one in 5 s; pullers tie capture times to these reports."""
MOST_PAYLOAD_BYTES = 1400
MOST_TRIES = 64
"""For a pair of UDP ports."""
SEND_BUFFER_BYTES = 1 << 20
"""A key picture goes out in one burst."""
REALM = "Varco"

Packet = tuple[bytes, bytes]
"""RTP header and payload."""


class Documents:
    """The documents of one metadata track, to everybody who plays it."""

    def __init__(self) -> None:
        self._takers: set[Callable[[MetadataDocument], None]] = set()

    def publish(self, document: MetadataDocument) -> None:
        """Send a document; synchronous."""
        for take in tuple(self._takers):
            take(document)

    def join(self, take: Callable[[MetadataDocument], None]) -> None:
        """Call `take` with each document from now on."""
        self._takers.add(take)

    def leave(self, take: Callable[[MetadataDocument], None]) -> None:
        """Call it no more; harmless if it already left."""
        self._takers.discard(take)


@dataclass(frozen=True, slots=True)
class Mount:
    """What is served under one path."""

    fanout: Fanout
    parameter_sets: tuple[bytes, ...]
    """For the SDP; empty if they only come in band."""
    codec: Codec = Codec.H264
    documents: Documents | None = None
    """A metadata track beside the video."""
    credentials: Mapping[str, str] | None = None
    """Users and passwords of this mount alone; None: those of the server."""

    @property
    def payload_type(self) -> int:
        """Of the video."""
        return JPEG_PAYLOAD_TYPE if self.codec is Codec.JPEG else PAYLOAD_TYPE


@dataclass(frozen=True, slots=True)
class Service:
    """What the server is like."""

    tls: ssl.SSLContext | None = None
    """RTSPS; pictures then never leave TLS."""
    udp: bool = True
    tcp: bool = True
    most_sessions: int = 0
    """Beyond so many a SETUP is refused; 0: no limit."""
    refusal: int = 453
    """Not Enough Bandwidth, or 503 Service Unavailable: cameras differ."""


class _Served:
    """What all connections of one server share."""

    def __init__(
        self,
        mounts: Mapping[str, Mount],
        credentials: Mapping[str, str] | None,
        clock: Clock,
        service: Service,
    ) -> None:
        self.mounts = mounts
        self.clock = clock
        self.service = service
        self.connections: set[_Connection] = set()
        self._secret = secrets.token_bytes(32)
        self._credentials = credentials

    def verifier(self, path: str) -> Verifier | None:
        """Return who may see a path; unknown paths tell a stranger nothing."""
        mount = self.mounts.get(path)
        users = mount.credentials if mount and mount.credentials else self._credentials
        return Verifier(REALM, users, self._secret) if users else None

    def refuses(self) -> int:
        """Return the status for one session too many, or 0."""
        most = self.service.most_sessions
        taken = sum(one.has_session for one in self.connections)
        return self.service.refusal if most and taken >= most else 0


@asynccontextmanager
async def serve(
    host: str,
    port: int,
    mounts: Mapping[str, Mount],
    *,
    credentials: Mapping[str, str] | None,
    clock: Clock,
    service: Service = Service(),
) -> AsyncIterator[int]:
    """Serve `mounts` (paths without slashes around them); yields the bound port.

    `credentials` maps users to passwords (digest, SHA-256 and MD5); None opens to everybody. On
    leaving all connections are cut. `host` may be an IPv6 address.
    """
    served = _Served(mounts, credentials, clock, service)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(served), host, port, ssl=service.tls
    )
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for connection in list(served.connections):
            connection.abort()
        await server.wait_closed()


class _Connection(asyncio.BufferedProtocol):
    """One client's connection."""

    def __init__(self, served: _Served) -> None:
        self._served = served
        self._receiver = RtspReceiver()
        is_udp = served.service.udp and served.service.tls is None
        terms = Terms(
            served.verifier,
            self._open_ports if is_udp else None,
            served.refuses,
            served.service.tcp,
        )
        self._server = RtspServer(self._describe, None, secrets.token_hex(8), terms)
        self._transport: asyncio.Transport | None = None
        self._sender: _Sender | None = None
        self._metadata: _MetadataSender | None = None
        self._mount: Mount | None = None
        self._ports: dict[str, tuple[socket.socket, socket.socket]] = {}

    @property
    def has_session(self) -> bool:
        """Return whether it counts against the server's limit."""
        return self._server.state in (ServerState.READY, ServerState.PLAYING)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._served.connections.add(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._served.connections.discard(self)
        self._leave()

    @override
    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes belong."""
        return self._receiver.space()

    @override
    def buffer_updated(self, nbytes: int) -> None:
        """Answer requests; receiver reports are proof of life, no more."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        try:
            events = self._receiver.received(nbytes)
        except WireError:
            transport.abort()
            return
        for event in events:
            if not isinstance(event, Media):
                transport.write(self._server.receive(event, self._served.clock.monotonic_s()))
                self._follow(transport)

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _describe(self, path: str) -> bytes | None:
        mount = self._served.mounts.get(path)
        if mount is None:
            return None
        metadata = None
        if mount.documents is not None:
            metadata = sdp.MetadataTrack(METADATA_PAYLOAD_TYPE, METADATA_CONTROL)
        return sdp.describe(
            mount.parameter_sets,
            name=path,
            payload_type=mount.payload_type,
            control=MEDIA_CONTROL,
            codec=mount.codec,
            metadata=metadata,
        )

    def _open_ports(self, control: str) -> int:
        """Open a pair of ports on the address that the client reached; 0 if there is none."""
        transport = self._transport
        if transport is None:
            return 0
        self._close_ports(control)
        address = transport.get_extra_info("sockname")[0]
        family = transport.get_extra_info("socket").family
        pair = _open_pair(family, address)
        if pair is None:
            return 0
        self._ports[control] = pair
        return int(pair[0].getsockname()[1])

    def _close_ports(self, control: str) -> None:
        for sock in self._ports.pop(control, ()):
            sock.close()

    def _follow(self, transport: asyncio.Transport) -> None:
        """Begin or end sending as the session's state says."""
        if self._server.state is ServerState.PLAYING and self._sender is None:
            self._play(transport)
        elif self._server.state is ServerState.ENDED:
            self._leave()
            transport.close()

    def _play(self, transport: asyncio.Transport) -> None:
        mount = self._served.mounts.get(self._server.path)
        if mount is None:  # taken away since it was set up
            transport.close()
            return
        self._mount, clock = mount, self._served.clock
        lanes = self._server.lanes
        if METADATA_CONTROL in lanes and mount.documents is not None:
            source = _RtpSource(METADATA_PAYLOAD_TYPE)
            out = self._out(transport, METADATA_CONTROL)
            self._metadata = _MetadataSender(source, out, clock)
            mount.documents.join(self._metadata.take)
        if MEDIA_CONTROL in lanes:
            source = _RtpSource(mount.payload_type)
            self._sender = _Sender(source, self._out(transport, MEDIA_CONTROL), clock)
            self._sender.begin(mount.fanout)

    def _out(self, transport: asyncio.Transport, control: str) -> "_Out":
        lane = self._server.lanes[control]
        if lane.transport is Transport.TCP:
            return _TcpOut(transport, lane.rtp)
        return _UdpOut(transport, self._ports[control], lane)

    def _leave(self) -> None:
        if self._mount is not None:
            if self._sender is not None:
                self._mount.fanout.leave(self._sender)
            if self._metadata is not None and self._mount.documents is not None:
                self._mount.documents.leave(self._metadata.take)
        for control in list(self._ports):
            self._close_ports(control)


def _open_pair(
    family: socket.AddressFamily, address: str
) -> tuple[socket.socket, socket.socket] | None:
    for _ in range(MOST_TRIES):
        pair = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        for sock in pair:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        with contextlib.suppress(OSError):
            pair[0].bind((address, 0))
            port = pair[0].getsockname()[1]
            if port % 2 == 0:
                pair[1].bind((address, port + 1))
                return pair
        for sock in pair:
            sock.close()
    return None


class _Out(Protocol):
    """Where packets go."""

    def is_closing(self) -> bool:
        """Return whether nothing can be sent any more."""
        ...

    def waiting_bytes(self) -> int:
        """Return how much the client has not taken yet."""
        ...

    def send(self, report: bytes, packets: Sequence[Packet]) -> int:
        """Send RTCP (or nothing) and RTP; return how many bytes that is."""
        ...

    def abort(self) -> None:
        """Cut the connection."""
        ...


class _TcpOut:
    """Interleaved with RTSP (RFC 2326 §10.12)."""

    def __init__(self, transport: asyncio.Transport, channel: int) -> None:
        self._transport = transport
        self._channel = channel
        self.is_closing = transport.is_closing
        self.waiting_bytes = transport.get_write_buffer_size
        self.abort = transport.abort

    def send(self, report: bytes, packets: Sequence[Packet]) -> int:
        """Write all of it in one piece."""
        chunks: list[bytes] = []
        if report:
            chunks += (self._head(1, len(report)), report)
        for head, payload in packets:
            chunks += (self._head(0, len(head) + len(payload)), head, payload)
        data = b"".join(chunks)
        self._transport.write(data)
        return len(data)

    def _head(self, offset: int, size_bytes: int) -> bytes:
        return bytes((DOLLAR, self._channel + offset)) + size_bytes.to_bytes(2, "big")


class _UdpOut:
    """A datagram each; what the kernel does not take is lost, as on any network."""

    def __init__(
        self,
        transport: asyncio.Transport,
        pair: tuple[socket.socket, socket.socket],
        lane: ServedLane,
    ) -> None:
        self._rtp, self._rtcp = pair
        address = transport.get_extra_info("peername")[0]
        self._to_rtp, self._to_rtcp = (address, lane.rtp), (address, lane.rtcp)
        self.is_closing = transport.is_closing
        self.abort = transport.abort

    def waiting_bytes(self) -> int:
        """Nothing ever waits."""
        return 0

    def send(self, report: bytes, packets: Sequence[Packet]) -> int:
        """Send what the kernel takes."""
        size_bytes = 0
        with contextlib.suppress(OSError):
            if report:
                self._rtcp.sendto(report, self._to_rtcp)
        for head, payload in packets:
            with contextlib.suppress(OSError):
                size_bytes += self._rtp.sendmsg((head, payload), (), 0, self._to_rtp)
        return size_bytes


class _RtpSource:
    """Numbers the packets of one track."""

    def __init__(self, payload_type: int) -> None:
        self._payload_type = payload_type
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._packets = 0
        self._octets = 0

    def packets(self, parts: Sequence[bytes], timestamp: int) -> list[Packet]:
        """Return packets with these payloads; the last one gets the marker."""
        made: list[Packet] = []
        timestamp, ssrc, sequence = timestamp & 0xFFFFFFFF, self._ssrc, self._sequence
        kind, pack, last = self._payload_type, rtp.HEADER.pack, len(parts) - 1
        for index, payload in enumerate(parts):
            second = kind | rtp.MARKER if index == last else kind
            made.append((pack(rtp.PLAIN, second, sequence, timestamp, ssrc), payload))
            sequence = sequence + 1 & 0xFFFF
        self._sequence = sequence
        self._octets += sum(map(len, parts))
        self._packets += len(parts)
        return made

    def report(self, timestamp: int, utc_us: int) -> bytes:
        """Return a sender report that ties an RTP time to a wall clock time."""
        ntp = rtcp.ntp_from_utc_us(utc_us)
        moment = timestamp & 0xFFFFFFFF
        report = rtcp.RtcpSenderReport(self._ssrc, ntp, moment, self._packets, self._octets)
        return rtcp.serialise([report, rtcp.RtcpDescription(((self._ssrc, REALM),))])


class _MetadataSender:
    """Sends documents as they come; one that a slow client cannot take is left out."""

    def __init__(self, source: _RtpSource, out: _Out, clock: Clock) -> None:
        self._source = source
        self._out = out
        self._clock = clock

    def take(self, document: MetadataDocument) -> None:
        """Send a document with its time."""
        if self._out.is_closing() or self._out.waiting_bytes() > MOST_WAITING_BYTES:
            return
        captured = document.captured
        timestamp = round(90_000 * captured.monotonic_s)
        parts = fragment_metadata(document.data, MOST_PAYLOAD_BYTES)
        report = self._source.report(timestamp, captured.utc_us)
        self._out.send(report, self._source.packets(parts, timestamp))


class _Sender(Reader):
    """A reader without a queue: what is offered is written at once, or skipped to a key unit."""

    def __init__(self, source: _RtpSource, out: _Out, clock: Clock) -> None:
        super().__init__("rtsp-client")
        self._source = source
        self._out = out
        self._clock = clock
        self._report_s = 0.0
        self._moving_s = clock.monotonic_s()
        self._written_bytes = 0
        self._taken_bytes = 0
        self._most_bytes_waiting = MOST_WAITING_BYTES
        self._lacks_key = True
        self._sent_units = 0
        self._skipped_units = 0

    def begin(self, fanout: Fanout) -> None:
        """Join; the kept GOP goes out whole, it is bounded by the fan-out."""
        self._most_bytes_waiting = 1 << 62
        fanout.join(self, from_kept=True)
        self._most_bytes_waiting = MOST_WAITING_BYTES

    @override
    def offer(self, unit: AccessUnit) -> None:
        """Write a unit, or count it as dropped while the client is behind."""
        if self._out.is_closing():
            return
        waiting_bytes = self._out.waiting_bytes()
        now_s = self._clock.monotonic_s()
        taken_bytes = self._written_bytes - waiting_bytes
        if not waiting_bytes or taken_bytes != self._taken_bytes:
            self._moving_s, self._taken_bytes = now_s, taken_bytes
        elif now_s - self._moving_s > MOST_STUCK_S:
            self._out.abort()
            return
        if waiting_bytes > self._most_bytes_waiting:
            self._lacks_key = True
        elif unit.is_key:
            self._lacks_key = False
        if self._lacks_key:
            self._skipped_units += 1
            return
        self._sent_units += 1
        report = b""
        if now_s - self._report_s >= REPORT_EVERY_S:
            self._report_s = now_s
            report = self._report(unit)
        parts = payloads(unit, MOST_PAYLOAD_BYTES)
        self._written_bytes += self._out.send(report, self._source.packets(parts, unit.pts_90k))

    @override
    def statistics(self) -> ReaderStatistics:
        """Return a snapshot of the counters; nothing ever waits here."""
        return ReaderStatistics(self._sent_units, self._skipped_units, 0)

    def _report(self, unit: AccessUnit) -> bytes:
        """Return a sender report for now, extrapolated from when the unit was captured."""
        now = self._clock.now()
        age_s = now.monotonic_s - unit.captured.monotonic_s
        return self._source.report(unit.pts_90k + round(90_000 * age_s), now.utc_us)
