# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The media process: sessions on one UDP port, fed and leased over one link.

A session lives while its lease is renewed, its peer's consent is fresh (RFC 7675) and the link
is open. Nothing here knows who watches or why: that stays with the gateway.
"""

import asyncio
import gc
import logging
import secrets
import socket
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import NoReturn

from gateway.model.errors import PeerError, WireError
from gateway.relay.video import link
from gateway.relay.video.dtls import Certificate, Handshake
from gateway.relay.video.hub import CATCH_UP_EVERY_S, Hub
from gateway.relay.video.port import Address, Path, Port
from gateway.relay.video.srtp import RtpStream, Srtcp, SrtpKeys, protector
from gateway.relay.video.viewer import Viewer, ViewerStatistics, ViewerTerms
from gateway.runtime.clock import Clock
from gateway.wire import rtcp, stun
from gateway.wire.frames import Frame, FrameReceiver

log = logging.getLogger(__name__)

CONSENT_S = 30.0
"""After the last valid STUN request (RFC 7675 §5.1)."""
CONNECT_S = 15.0
"""From the answer to the first valid STUN request, and again for the handshake."""
TICK_S = 0.1
"""How finely leases and consent are watched."""
MOST_ADDRESSES = 8
"""Addresses from which one peer may check: host, reflexive, relayed, on both families."""
MOST_CHECKS = 512
"""Checks remembered per session: some twenty minutes of consent, so that none is replayed from
elsewhere to draw the stream away."""
MOST_SESSIONS = 1000
_READ_BYTES = 256 << 10


class LinkClosedError(PeerError):
    """The gateway closed the link, or went away."""


@dataclass(slots=True)
class Session:
    """One peer from OPEN to ENDED."""

    terms: link.OpenSession
    lease_until_s: float
    consent_until_s: float
    path: Path | None = None
    nominated: bool = False
    addresses: set[Address] = field(default_factory=set)
    checks: OrderedDict[bytes, Address] = field(default_factory=OrderedDict)
    """Where each proved check came from, by its transaction."""
    handshake: Handshake | None = None
    viewer: Viewer | None = None
    srtcp: Srtcp | None = None

    def statistics(self) -> ViewerStatistics | None:
        """Return the viewer's counters, once there is one."""
        return self.viewer.statistics() if self.viewer else None


class Media:
    """Runs until the link ends; made and run by `serve`."""

    def __init__(self, sock: socket.socket, writer: asyncio.StreamWriter, clock: Clock) -> None:
        self.ignored: Counter[str] = Counter()
        """Datagrams that meant nothing to us, by kind."""
        self._clock = clock
        self._writer = writer
        self._port = Port(sock, self._on_stun, self._on_dtls, self._on_rtcp)
        self._certificate = Certificate()
        self._hubs: dict[str, Hub] = {}
        self._sessions: dict[str, Session] = {}
        self._by_ufrag: dict[str, Session] = {}
        self._by_address: dict[Address, Session] = {}
        self._behind = asyncio.Event()
        self._tasks = asyncio.TaskGroup()

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Serve until the gateway closes the link; then say goodbye to every peer."""
        loop = asyncio.get_running_loop()
        try:
            async with self._tasks:
                self._tasks.create_task(self._tick())
                self._tasks.create_task(self._report())
                self._tasks.create_task(self._catch_up())
                loop.add_reader(self._port.fileno(), self._port.readable)
                self._writer.write(link.hello(self._certificate.fingerprint))
                gc.collect()
                gc.freeze()
                await self._read_link(reader)
        except* LinkClosedError:
            log.info("link-closed", extra={"sessions": len(self._sessions)})
        finally:
            loop.remove_reader(self._port.fileno())
            leaving = list(self._sessions.values())
            for session in leaving:
                self._end(session, link.LEAVING)
            for session in leaving:
                await self._close_dtls(session)

    # the link ------------------------------------------------------------------------------

    async def _read_link(self, reader: asyncio.StreamReader) -> NoReturn:
        receiver = FrameReceiver()
        while True:
            try:
                data = await reader.read(_READ_BYTES)
            except ConnectionError as error:
                raise LinkClosedError(str(error)) from error
            if not data:
                raise LinkClosedError("end of the link")
            for frame in receiver.receive(data):
                self._on_frame(frame)

    def _on_frame(self, frame: Frame) -> None:
        match frame.kind:
            case link.Kind.UNIT:
                camera, unit = link.read_unit(frame.payload)
                self._hub(camera).publish(unit, self._clock.monotonic_s())
            case link.Kind.OPEN:
                self._open(link.read_open(frame.payload))
            case link.Kind.RENEW:
                until_s = self._clock.monotonic_s() + link.LEASE_S
                for name in link.read_texts(frame.payload):
                    if name in self._sessions:
                        self._sessions[name].lease_until_s = until_s
            case link.Kind.CLOSE:
                name, reason = link.read_texts(frame.payload)
                if name in self._sessions:
                    self._finish(self._sessions[name], reason)
            case link.Kind.FORGET:
                self._hubs.pop(link.read_text(frame.payload), None)
            case _:
                raise WireError(f"link frame of kind {frame.kind}")

    def _hub(self, camera: str) -> Hub:
        return self._hubs.setdefault(camera, Hub())

    def _open(self, terms: link.OpenSession) -> None:
        now_s = self._clock.monotonic_s()
        if len(self._sessions) >= MOST_SESSIONS:
            self._writer.write(link.ended(link.Ended(terms.session, "too-many-sessions", 0, 0)))
            return
        session = Session(terms, now_s + link.LEASE_S, now_s + CONNECT_S)
        self._sessions[terms.session] = session
        self._by_ufrag[terms.ufrag] = session
        if not terms.from_kept:
            self._hub(terms.camera).forget()
        self._writer.write(link.opened(terms.session))

    # ends ----------------------------------------------------------------------------------

    def _finish(self, session: Session, reason: str) -> None:
        """End a session and close its DTLS in the background; harmless if ended."""
        if session.terms.session not in self._sessions:
            return
        self._end(session, reason)
        self._tasks.create_task(self._close_dtls(session))

    def _end(self, session: Session, reason: str) -> None:
        """Take a session off the air at once and tell the gateway."""
        name = session.terms.session
        del self._sessions[name]
        del self._by_ufrag[session.terms.ufrag]
        for address in session.addresses:
            if self._by_address.get(address) is session:
                del self._by_address[address]
        counted = session.statistics()
        if session.viewer is not None:
            self._send_rtcp(session, session.viewer.goodbye(self._clock.now()))
            if session.terms.camera in self._hubs:
                self._hubs[session.terms.camera].leave(session.viewer)
        sent_bytes, sent_frames = (counted.bytes, counted.frames) if counted else (0, 0)
        log.info("session-ended", extra={"session": name[:8], "reason": reason})
        self._writer.write(link.ended(link.Ended(name, reason, sent_bytes, sent_frames)))

    async def _close_dtls(self, session: Session) -> None:
        if session.handshake is not None:
            await session.handshake.close()

    # clocks --------------------------------------------------------------------------------

    async def _tick(self) -> NoReturn:
        while True:
            await self._clock.sleep(TICK_S)
            now_s = self._clock.monotonic_s()
            for session in list(self._sessions.values()):
                if now_s >= session.lease_until_s:
                    self._finish(session, "lease-expired")
                elif now_s >= session.consent_until_s:
                    self._finish(session, "peer-silent" if session.path else "never-connected")

    async def _report(self) -> NoReturn:
        """Each second: reports to the peers, and the sessions' state to the gateway."""
        while True:
            await self._clock.sleep(link.RENEW_S)
            now = self._clock.now()
            states = []
            for name, session in self._sessions.items():
                viewer, counted = session.viewer, session.statistics()
                if viewer is None or counted is None:
                    states.append(link.SessionState(name, connected=False, bytes=0, frames=0))
                    continue
                newest = self._hub(session.terms.camera).newest()
                self._send_rtcp(session, viewer.report(newest, now))
                states.append(link.SessionState(name, True, counted.bytes, counted.frames))
            self._writer.write(link.state(states))

    async def _catch_up(self) -> NoReturn:
        while True:
            await self._behind.wait()
            await self._clock.sleep(CATCH_UP_EVERY_S)
            now_s = self._clock.monotonic_s()
            behind = [hub for hub in self._hubs.values() if hub.advance(now_s)]
            if not behind:
                self._behind.clear()

    # datagrams -----------------------------------------------------------------------------

    def _on_stun(self, data: bytes, address: Address) -> None:
        try:
            request = stun.receive(data)
        except WireError:
            self.ignored["stun"] += 1
            return
        session = self._by_ufrag.get(request.local_ufrag)
        if (
            session is None
            or request.remote_ufrag != session.terms.remote_ufrag
            or not request.proves(session.terms.password)
        ):
            self.ignored["stun-unknown"] += 1
            return
        if _is_replayed(session, request.transaction, address):
            self.ignored["stun-replayed"] += 1
            return
        password = session.terms.password
        if request.controlled:
            self._port.send(stun.role_conflict(request, password), address)
            return
        if not self._admit(session, address, nominates=request.nominates):
            self.ignored["stun-address"] += 1
            return
        self._port.send(stun.success(request, password, address[0], address[1]), address)
        session.consent_until_s = self._clock.monotonic_s() + CONSENT_S
        if session.handshake is None:
            self._begin(session)

    def _admit(self, session: Session, address: Address, *, nominates: bool) -> bool:
        """Note where a proved peer is; False if it is at too many places."""
        if address not in session.addresses:
            if len(session.addresses) >= MOST_ADDRESSES:
                return False
            session.addresses.add(address)
        self._by_address[address] = session
        if session.path is None:
            session.path = Path(address)
        elif nominates and session.path.address != address:
            session.path.address, session.path.segments = address, True
        return True

    def _begin(self, session: Session) -> None:
        def send(datagram: bytes) -> None:
            if session.path is not None:
                self._port.send(datagram, session.path.address)

        def closed() -> None:
            self._finish(session, "peer-closed")

        session.handshake = Handshake(self._certificate, session.terms.fingerprints, send, closed)
        self._tasks.create_task(self._connect(session, session.handshake))

    async def _connect(self, session: Session, handshake: Handshake) -> None:
        try:
            keys = await handshake.keys(CONNECT_S)
        except PeerError as error:
            log.info("handshake-failed", extra={"problem": str(error)})
            self._finish(session, "handshake-failed")
            return
        if session.terms.session in self._sessions and session.path is not None:
            self._play(session, session.path, keys)

    def _play(self, session: Session, path: Path, keys: SrtpKeys) -> None:
        terms = session.terms
        rtx = terms.rtx_payload_type
        numbers = ViewerTerms(
            RtpStream(terms.ssrc, terms.payload_type),
            None if rtx is None else RtpStream(terms.rtx_ssrc, rtx),
            terms.cname,
            secrets.randbits(15),
            secrets.randbits(15),
            secrets.randbits(31),
        )
        session.srtcp = Srtcp(keys)
        session.viewer = Viewer(numbers, path, self._port, protector(keys))
        log.info("session-playing", extra={"profile": keys.profile.name})
        self._hub(terms.camera).join(session.viewer, self._clock.monotonic_s())
        self._behind.set()

    def _on_dtls(self, data: bytes, address: Address) -> None:
        session = self._by_address.get(address)
        if session is None or session.handshake is None:
            self.ignored["dtls"] += 1
        else:
            session.handshake.receive(data)

    def _on_rtcp(self, data: bytes, address: Address) -> None:
        session = self._by_address.get(address)
        if session is None or session.srtcp is None or session.viewer is None:
            self.ignored["rtcp"] += 1
            return
        try:
            packets = rtcp.parse(session.srtcp.unprotect(data))
        except WireError:
            self.ignored["rtcp"] += 1
            return
        if session.viewer.receive(packets, self._clock.now()):
            hub = self._hub(session.terms.camera)
            hub.rewind(session.viewer, self._clock.monotonic_s())
            self._behind.set()

    def _send_rtcp(self, session: Session, packets: list[rtcp.RtcpPacket]) -> None:
        if session.srtcp is not None and session.path is not None:
            data = session.srtcp.protect(rtcp.serialise(packets))
            self._port.send(data, session.path.address)


def _is_replayed(session: Session, transaction: bytes, address: Address) -> bool:
    """Return whether a check came before from elsewhere; the integrity says nothing of that."""
    first = session.checks.setdefault(transaction, address)
    if len(session.checks) > MOST_CHECKS:
        session.checks.popitem(last=False)
    return first != address


async def serve(udp: socket.socket, control: socket.socket, clock: Clock) -> None:
    """Run the media process on an inherited UDP socket and one end of the link."""
    reader, writer = await asyncio.open_connection(sock=control)
    try:
        await Media(udp, writer, clock).run(reader)
        writer.write_eof()
        await writer.drain()
    except ConnectionError:
        pass  # the gateway is gone, nobody is left to tell
    finally:
        writer.close()
