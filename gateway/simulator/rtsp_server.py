# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Our own cameras on the network: the server half of `wire.rtsp` on sockets, fed by fan-outs."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from typing_extensions import override

from gateway.model.errors import WireError
from gateway.model.media import AccessUnit
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout, Reader, ReaderStatistics
from gateway.wire import rtcp, rtp, sdp
from gateway.wire.digest import Verifier
from gateway.wire.packetize import fragment
from gateway.wire.rtsp import DOLLAR, MEDIA_CONTROL, Media, RtspReceiver, RtspServer, ServerState

PAYLOAD_TYPE = 96
MOST_WAITING_BYTES = 2 << 20
"""About 5 s at 3 Mbit/s; a client further behind is skipped to a key unit."""
MOST_STUCK_S = 30.0
"""A client that took nothing for so long is gone."""
REPORT_EVERY_S = 1.0
"""RFC 3550 §6.2 allows more than one in 5 s; pullers tie capture times to these reports."""
MOST_PAYLOAD_BYTES = 1400
REALM = "Varco"


@dataclass(frozen=True, slots=True)
class Mount:
    """What is served under one path."""

    fanout: Fanout
    parameter_sets: tuple[bytes, ...]
    """For the SDP; empty if they only come in band."""


@asynccontextmanager
async def serve(
    host: str,
    port: int,
    mounts: Mapping[str, Mount],
    *,
    credentials: Mapping[str, str] | None,
    clock: Clock,
) -> AsyncIterator[int]:
    """Serve `mounts` (paths without slashes around them); yields the bound port.

    `credentials` maps users to passwords (digest, SHA-256 and MD5); None opens to everybody.
    On leaving all connections are cut.
    """
    verifier = Verifier(REALM, credentials, secrets.token_bytes(32)) if credentials else None
    connections: set[_Connection] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(mounts, verifier, clock, connections), host, port
    )
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for connection in list(connections):
            connection.abort()
        await server.wait_closed()


class _Connection(asyncio.BufferedProtocol):
    """One client's connection."""

    def __init__(
        self,
        mounts: Mapping[str, Mount],
        verifier: Verifier | None,
        clock: Clock,
        connections: "set[_Connection]",
    ) -> None:
        self._mounts = mounts
        self._clock = clock
        self._connections = connections
        self._receiver = RtspReceiver()
        self._server = RtspServer(self._describe, verifier, secrets.token_hex(8))
        self._transport: asyncio.Transport | None = None
        self._sender: _Sender | None = None
        self._mount: Mount | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._connections.discard(self)
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
                transport.write(self._server.receive(event, self._clock.monotonic_s()))
                self._follow(transport)

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _describe(self, path: str) -> bytes | None:
        mount = self._mounts.get(path)
        if mount is None:
            return None
        return sdp.describe(
            mount.parameter_sets, name=path, payload_type=PAYLOAD_TYPE, control=MEDIA_CONTROL
        )

    def _follow(self, transport: asyncio.Transport) -> None:
        """Begin or end sending as the session's state says."""
        if self._server.state is ServerState.PLAYING and self._sender is None:
            self._mount = self._mounts[self._server.path]
            self._sender = _Sender(transport, self._server.rtp_channel, self._clock)
            self._sender.begin(self._mount.fanout)
        elif self._server.state is ServerState.ENDED:
            self._leave()
            transport.close()

    def _leave(self) -> None:
        if self._sender is not None and self._mount is not None:
            self._mount.fanout.leave(self._sender)


class _Sender(Reader):
    """A reader without a queue: what is offered is written at once, or skipped to a key unit."""

    def __init__(self, transport: asyncio.Transport, channel: int, clock: Clock) -> None:
        super().__init__("rtsp-client")
        self._transport = transport
        self._channel = channel
        self._clock = clock
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._packets = 0
        self._octets = 0
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
        if self._transport.is_closing():
            return
        waiting_bytes = self._transport.get_write_buffer_size()
        now_s = self._clock.monotonic_s()
        taken_bytes = self._written_bytes - waiting_bytes
        if not waiting_bytes or taken_bytes != self._taken_bytes:
            self._moving_s, self._taken_bytes = now_s, taken_bytes
        elif now_s - self._moving_s > MOST_STUCK_S:
            self._transport.abort()
            return
        if waiting_bytes > self._most_bytes_waiting:
            self._lacks_key = True
        elif unit.is_key:
            self._lacks_key = False
        if self._lacks_key:
            self._skipped_units += 1
            return
        self._sent_units += 1
        chunks: list[bytes] = []
        if now_s - self._report_s >= REPORT_EVERY_S:
            self._report_s = now_s
            chunks += self._report(unit)
        chunks += self._packets_of(unit)
        data = b"".join(chunks)
        self._written_bytes += len(data)
        self._transport.write(data)

    @override
    def statistics(self) -> ReaderStatistics:
        """Return a snapshot of the counters; nothing ever waits here."""
        return ReaderStatistics(self._sent_units, self._skipped_units, 0)

    def _packets_of(self, unit: AccessUnit) -> list[bytes]:
        payloads = [one for run in fragment(unit.nals, MOST_PAYLOAD_BYTES) for one in run]
        chunks: list[bytes] = []
        timestamp = unit.pts_90k & 0xFFFFFFFF
        last = len(payloads) - 1
        for index, payload in enumerate(payloads):
            second = PAYLOAD_TYPE | (rtp.MARKER if index == last else 0)
            chunks.append(self._frame_head(self._channel, rtp.HEADER.size + len(payload)))
            chunks.append(rtp.HEADER.pack(rtp.PLAIN, second, self._sequence, timestamp, self._ssrc))
            chunks.append(payload)
            self._sequence = self._sequence + 1 & 0xFFFF
            self._octets += len(payload)
        self._packets += len(payloads)
        return chunks

    def _report(self, unit: AccessUnit) -> list[bytes]:
        """Return a sender report for now, extrapolated from when the unit was captured."""
        now = self._clock.now()
        age_s = now.monotonic_s - unit.captured.monotonic_s
        timestamp = unit.pts_90k + round(90_000 * age_s) & 0xFFFFFFFF
        ntp = rtcp.ntp_from_utc_us(now.utc_us)
        report = rtcp.RtcpSenderReport(self._ssrc, ntp, timestamp, self._packets, self._octets)
        data = rtcp.serialise([report, rtcp.RtcpDescription(((self._ssrc, REALM),))])
        return [self._frame_head(self._channel + 1, len(data)), data]

    @staticmethod
    def _frame_head(channel: int, size_bytes: int) -> bytes:
        return bytes((DOLLAR, channel)) + size_bytes.to_bytes(2, "big")
