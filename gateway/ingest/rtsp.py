# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One RTSP session on a socket: bytes in, access units out, as cheap per packet as it gets."""

import asyncio
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from typing_extensions import override

from gateway.ingest.quirks import DEFAULT, Patience
from gateway.model.errors import PeerError, WireError
from gateway.model.media import AccessUnit, Codec
from gateway.model.time import Moment
from gateway.runtime.clock import Clock
from gateway.wire import rtcp
from gateway.wire.capture import CaptureClock
from gateway.wire.digest import Credentials
from gateway.wire.h264 import CodedPicture, H264Depacketizer
from gateway.wire.rtsp import DOLLAR, Media, RtspClient, RtspReceiver, RtspUrl, Step

MOST_UNREAD_BYTES = 64 << 10
"""What a camera may leave unread: thousands of our short messages."""


class StallError(PeerError):
    """The session stands, but no picture comes."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to pull from, and how long to wait."""

    url: RtspUrl
    credentials: Credentials | None
    stall_s: float
    connect_s: float
    patience: Patience = DEFAULT


class RtspSession(asyncio.BufferedProtocol):
    """The connection's protocol: feeds the sans-I/O cores and publishes what they make."""

    def __init__(self, target: Target, clock: Clock, on_unit: Callable[[AccessUnit], None]) -> None:
        """`on_unit` is called for every unit, in order, and must not wait."""
        self.client = RtspClient(target.url, target.credentials, lambda: secrets.token_hex(16))
        self.depacketizer: H264Depacketizer | None = None
        self.capture = CaptureClock()
        self.received_bytes = 0
        self.stray_frames = 0
        """On channels that were not agreed on, or before there was a track."""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Fails when the session cannot go on; done without error once we closed it."""
        self.playing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Succeeds when the camera has agreed to play."""
        self.picture_s = 0.0
        """Monotonic time of the last whole picture, usable or not."""
        self.unit_s = 0.0
        """Monotonic time of the last unit that was published."""
        self._pictures = 0
        self._peer = target.url.peer
        self._clock = clock
        self._on_unit = on_unit
        self._receiver = RtspReceiver()
        self._transport: asyncio.Transport | None = None
        self._ssrc = secrets.randbits(32)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the dialogue."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self.client.start())

    @override
    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the receiver's own buffer: the kernel writes where we parse."""
        return self._receiver.space()

    @override
    def buffer_updated(self, nbytes: int) -> None:
        """Take what came."""
        self.received_bytes += nbytes
        try:
            for event in self._receiver.received(nbytes):
                if isinstance(event, Media):
                    self._take_frames(event.frames)
                else:
                    self.send(self.client.receive(event))
                    self._follow()
        except WireError as error:
            words = str(error)
            self._end(WireError(words if self._peer in words else f"{self._peer}: {words}"))
        except PeerError as error:
            self._end(error)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """End the session: their fault unless it was a bug of ours."""
        if exc is None or isinstance(exc, OSError):
            reason = f" ({_reason(exc)})" if exc else ""
            self._end(PeerError(f"{self._peer} closed the connection{reason}"))
        else:
            self._end(exc)

    def send(self, data: bytes) -> None:
        """Write, if the connection still stands; a camera that reads nothing is given up."""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
            if self._transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
                self._end(PeerError(f"{self._peer} asks and asks and reads no answer"))

    def send_report(self) -> None:
        """Tell the camera that somebody receives (RFC 3550 §6.4.2)."""
        data = rtcp.serialise(
            [
                rtcp.RtcpReceiverReport(self._ssrc),
                rtcp.RtcpDescription(((self._ssrc, "varco"),)),
            ]
        )
        head = bytes((DOLLAR, self.client.rtcp_channel & 0xFF)) + len(data).to_bytes(2, "big")
        self.send(head + data)

    def close(self) -> None:
        """End politely; cameras count their sessions."""
        self.send(self.client.tear_down())
        if self._transport is not None:
            self._transport.close()
        if self.ended.done():
            self.ended.exception()  # another error was raised first
        else:
            self.ended.set_result(None)

    def complaint(self) -> str:
        """Return what was wrong with the stream last, ready to be appended, or nothing."""
        problem = self.depacketizer.problem if self.depacketizer else ""
        return f" (last: {problem})" if problem else ""

    def _end(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)
        if self._transport is not None:
            if self._transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
                self._transport.abort()  # closing would wait for a peer that does not read
            self._transport.close()

    def _follow(self) -> None:
        """Go where the dialogue has gone."""
        track = self.client.track
        if track is not None and self.depacketizer is None:
            self.depacketizer = H264Depacketizer(track.payload_type, track.parameter_sets)
        if self.client.step is Step.PLAYING and not self.playing.done():
            self.playing.set_result(None)

    def _take_frames(self, frames: list[tuple[int, memoryview]]) -> None:
        if self.depacketizer is None:
            self.stray_frames += len(frames)
            return
        take = self.depacketizer.receive
        rtp_channel, rtcp_channel = self.client.rtp_channel, self.client.rtcp_channel
        now: Moment | None = None
        for channel, packet in frames:
            if channel == rtp_channel:
                for picture in take(packet):
                    now = now or self._clock.now()
                    self._publish(picture, now)
            elif channel == rtcp_channel:
                now = now or self._clock.now()
                self._take_report(packet, now)
            else:
                self.stray_frames += 1
        if self.depacketizer.pictures != self._pictures:
            self._pictures = self.depacketizer.pictures
            self.picture_s = self._clock.monotonic_s()

    def _publish(self, picture: CodedPicture, now: Moment) -> None:
        self.unit_s = now.monotonic_s
        captured = self.capture.captured(picture.timestamp, now)
        self._on_unit(
            AccessUnit(picture.pts_90k, picture.is_key, picture.nals, captured, now, Codec.H264)
        )

    def _take_report(self, packet: memoryview, now: Moment) -> None:
        try:
            reports = rtcp.parse(packet)
        except WireError:
            self.stray_frames += 1
            return
        for report in reports:
            if isinstance(report, rtcp.RtcpSenderReport):
                self.capture.report(report, now)
            elif isinstance(report, rtcp.RtcpBye):
                raise PeerError(f"{self._peer} ended the stream (RTCP BYE)")


async def connect(session: RtspSession, target: Target) -> None:
    """Connect and agree on a stream; PeerError `connect_s` after the handshake at the latest."""
    peer = target.url.peer
    handshake_s = min(target.patience.handshake_s, target.connect_s)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(handshake_s):
            await loop.create_connection(lambda: session, target.url.host, target.url.port)
    except TimeoutError:
        raise PeerError(f"{peer} is unreachable: no answer within {handshake_s:g} s") from None
    except OSError as error:
        raise PeerError(f"{peer} is unreachable: {_reason(error)}") from None
    await asyncio.wait(
        {session.playing, session.ended},
        timeout=target.connect_s,
        return_when=asyncio.FIRST_COMPLETED,
    )
    if session.ended.done():
        session.ended.result()
    if not session.playing.done():
        raise PeerError(f"{peer} does not answer RTSP within {target.connect_s:g} s")


def _reason(error: OSError) -> str:
    """Return the system's words; name look-ups bring their own (negative numbers)."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)


async def attend(session: RtspSession, target: Target, clock: Clock) -> None:
    """Keep a playing session alive until it ends, which always raises; StallError if it stalls."""
    peer, patience = target.url.peer, target.patience
    now_s = clock.monotonic_s()
    session.picture_s = now_s + max(0.0, patience.first_picture_s - target.stall_s)
    session.unit_s = now_s
    keep_alive_s = now_s + session.client.session_s / 2
    report_s = now_s + patience.report_every_s
    while True:
        if now_s >= session.picture_s + target.stall_s:
            raise StallError(f"{peer}: no picture for {target.stall_s:g} s{session.complaint()}")
        if now_s >= session.unit_s + patience.key_picture_s:
            bound = f"{patience.key_picture_s:g} s"
            raise StallError(f"{peer}: no usable key picture for {bound}{session.complaint()}")
        if now_s >= keep_alive_s:
            session.send(session.client.keep_alive())
            keep_alive_s = now_s + session.client.session_s / 2
        if now_s >= report_s:
            session.send_report()
            report_s = now_s + patience.report_every_s
        stalled_s = session.picture_s + target.stall_s
        keyless_s = session.unit_s + patience.key_picture_s
        wait_s = min(stalled_s, keyless_s, keep_alive_s, report_s) - now_s
        await asyncio.wait({session.ended}, timeout=wait_s)
        if session.ended.done():
            session.ended.result()
        now_s = clock.monotonic_s()
