# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""RTSP over TCP, UDP or TLS: bytes in, access units out, as cheap per packet as it gets."""

import asyncio
import logging
import secrets
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.ingest import line, tls
from gateway.ingest.call import Call, CallStatistics
from gateway.ingest.quirks import DEFAULT, Patience
from gateway.ingest.source import SessionStatistics, Sink, StreamSource
from gateway.ingest.stall import StallError, StallWatch
from gateway.model.errors import ConfigError, PeerError, WireError
from gateway.model.media import StreamKind
from gateway.model.registry import Transport
from gateway.runtime import shelf
from gateway.runtime.clock import Clock
from gateway.runtime.sealed import reason_of
from gateway.wire.digest import Credentials
from gateway.wire.rtsp import MOST_REDIRECTS, MovedError, RtspClient, RtspUrl, Wishes, parse_url

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What differs between kinds of cameras."""

    patience: Patience = DEFAULT


def address(source: StreamSource) -> RtspUrl:
    """Return the parts of a source's URL; ConfigError if it cannot be used as it is written."""
    where = f"camera {source.camera}"
    if source.dial is not None:
        return _on_line(source)
    try:
        url = parse_url(source.url)
    except WireError as error:
        advice = "write rtsp://host[:port]/path, and user and password apart"
        raise ConfigError(where, "url", str(error), advice) from None
    if url.is_tls and source.transport is Transport.UDP:
        problem = "UDP with rtsps:// would send the pictures in clear"
        raise ConfigError(where, "transport", problem, "write tcp: pictures then come inside TLS")
    return url


def _on_line(source: StreamSource) -> RtspUrl:
    """Return what is asked for over a line; no name that could ever be resolved (RFC 6761)."""
    host, camera = f"{source.host}.line.invalid", urlsplit(source.url).path.strip("/")
    kind = StreamKind.SUB if source.kind is StreamKind.SUB else StreamKind.MAIN
    return RtspUrl(host, 0, f"rtsp://{host}/{camera}/{kind.value}", name=source.peer)


class RtspSession:
    """One attempt to pull a stream, redirects included."""

    def __init__(
        self,
        source: StreamSource,
        sink: Sink,
        *,
        clock: Clock,
        options: Options = Options(),
    ) -> None:
        """Nothing is opened before `run`; ConfigError if the source cannot be used."""
        self._source = source
        self._sink = sink
        self._clock = clock
        self._patience = options.patience
        self._url = address(source)
        self._credentials = Credentials(source.user, source.password) if source.user else None
        self._call: Call | None = None
        self._received_bytes = 0
        self._watch = StallWatch(source.least_stall_s)

    async def run(self) -> None:
        """Connect, agree, publish; always raises. Cancelling tears the session down."""
        url = self._url
        for _ in range(MOST_REDIRECTS + 1):
            try:
                await self._once(url)
            except MovedError as moved:
                fields = {"camera": self._source.camera, "problem": str(moved)}
                log.info("camera-redirect", extra=fields)
                url = moved.target
        raise PeerError(f"{self._url.peer} redirects in a circle")

    @property
    def fps(self) -> float:
        """Pictures a second, smoothed; 0 until known."""
        return self._watch.fps

    def statistics(self) -> SessionStatistics:
        """Return a snapshot; O(1)."""
        call = self._call
        if call is None:
            return SessionStatistics(received_bytes=self._received_bytes)
        found: CallStatistics = call.statistics()
        return SessionStatistics(
            received_bytes=self._received_bytes + found.received_bytes,
            lost_packets=found.lost_packets,
            reordered_packets=found.reordered_packets,
            lost_units=found.lost_units,
            problem=found.problem,
            codec=found.codec,
            size_px=found.size_px,
            clock_offset_s=call.capture.offset_s,
            clock_drift_ppm=call.capture.drift_ppm,
            documents=found.documents,
            server=call.client.server,
            authentication=call.client.authentication,
            tls=call.line.tls,
            transport=found.transport,
            parameter_sets=found.parameter_sets,
        )

    async def _once(self, url: RtspUrl) -> None:
        """Live through one connection."""
        if self._call is not None:
            self._received_bytes += self._call.statistics().received_bytes
        async with self._opened(url) as opened:
            call = Call(opened, url.peer, self._clock, self._sink, self._watch)
            call.begin(self._client(url, call), shelf.of_loop(), self._played)
            self._call = call
            try:
                await self._agree(call, url)
                await self._attend(call, url.peer)
            finally:
                call.close()

    def _client(self, url: RtspUrl, call: Call) -> RtspClient:
        source = self._source
        wishes = Wishes(
            source.transport,
            source.wants_metadata,
            (self._url.host, *source.hosts),
            call.line.peer_address,
            None if url.is_tls or source.dial else call.open_ports,
            source.manners,
            pipelined=source.dial is not None,
        )
        return RtspClient(url, self._credentials, lambda: secrets.token_hex(16), wishes)

    @asynccontextmanager
    async def _opened(self, url: RtspUrl) -> AsyncIterator[line.Line]:
        """Connect, in TLS if the URL says so; PeerError with the reason."""
        peer = url.peer
        if self._source.dial is not None:
            sealed = await self._source.dial()
            try:
                yield line.SealedLine(sealed, peer)
            finally:
                sealed.close()
            return
        bound_s = min(self._patience.handshake_s, self._source.connect_s)
        try:
            async with asyncio.timeout(bound_s):
                found = await line.addresses(url.host, url.port)
            self._check(url, found)
            sock = await line.dial(found, bound_s)
        except TimeoutError:
            raise PeerError(f"{peer} is unreachable: no answer within {bound_s:g} s") from None
        except OSError as error:
            reason = reason_of(error)
            raise PeerError(f"{peer} is unreachable: {reason}") from None
        try:
            yield line.Line(sock, peer) if not url.is_tls else await self._sealed(sock, url)
        finally:
            sock.close()

    def _check(self, url: RtspUrl, found: list[line.Address]) -> None:
        """Let no redirect lead to this machine or its secrets, whatever its name resolves to."""
        if url.host == self._url.host or line.is_literal(url.host):
            return  # a person wrote that very address
        for _, where in found:
            if line.is_off_limits(str(where[0])):
                raise PeerError(f"{self._url.peer} redirects to {where[0]}: never followed there")

    async def _sealed(self, sock: socket.socket, url: RtspUrl) -> line.Line:
        """Agree on keys; PeerError that tells what an installer needs to pin the certificate."""
        source, peer = self._source, url.peer
        made = line.TlsLine(sock, peer, tls.context(source.trust), url.host)
        try:
            async with asyncio.timeout(source.connect_s):
                await made.shake_hands(source.trust)
        except ssl.SSLCertVerificationError as error:
            seen = await tls.seen(url.host, url.port)
            raise tls.refusal(error, peer, seen) from None
        except ssl.SSLError as error:
            raise tls.refusal(error, peer, "") from None
        except TimeoutError:
            raise PeerError(f"{peer} agrees on no TLS within {source.connect_s:g} s") from None
        except OSError as error:
            reason = reason_of(error)
            raise PeerError(f"{peer} ends the connection while agreeing on TLS: {reason}") from None
        return made

    async def _agree(self, call: Call, url: RtspUrl) -> None:
        """Agree on a stream; PeerError `connect_s` after the connection stood at the latest."""
        bound_s = self._source.connect_s
        await asyncio.wait(
            {call.playing, call.ended}, timeout=bound_s, return_when=asyncio.FIRST_COMPLETED
        )
        if call.ended.done():
            call.ended.result()
        if not call.playing.done():
            raise PeerError(f"{url.peer} does not answer RTSP within {bound_s:g} s")
        if call.client.remark:
            fields = {"camera": self._source.camera, "problem": call.client.remark}
            log.info("camera-remark", extra=fields)

    def _played(self) -> None:
        """Wait for pictures from now on."""
        self._watch.begin(self._clock.monotonic_s(), self._patience.first_picture_s)
        self._sink.on_playing()

    async def _attend(self, call: Call, peer: str) -> None:
        """Keep a playing session alive until it ends, which always raises."""
        patience, clock, watch = self._patience, self._clock, self._watch
        now_s = clock.monotonic_s()
        call.unit_s = max(call.unit_s, now_s)
        every_s = call.client.session_s / 2
        keep_alive_s, report_s = now_s + every_s, now_s + patience.report_every_s
        while True:
            if now_s >= watch.deadline_s:
                bound = f"{watch.bound_s:.3g} s"
                raise StallError(f"{peer}: no picture for {bound}{call.complaint()}")
            if now_s >= call.unit_s + patience.key_picture_s:
                bound = f"{patience.key_picture_s:g} s"
                raise StallError(f"{peer}: no usable key picture for {bound}{call.complaint()}")
            if now_s >= keep_alive_s:
                call.send(call.client.keep_alive())
                keep_alive_s = now_s + every_s
            if now_s >= report_s:
                call.send_reports(now_s)
                report_s = now_s + patience.report_every_s
            keyless_s = call.unit_s + patience.key_picture_s
            wait_s = min(watch.deadline_s, keyless_s, keep_alive_s, report_s) - now_s
            await asyncio.wait({call.ended}, timeout=max(0.0, wait_s))
            if call.ended.done():
                call.ended.result()
            now_s = clock.monotonic_s()
