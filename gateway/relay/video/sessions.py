# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The media process: sessions on one UDP port, fed and leased over one link.

A session lives while its peer's consent is fresh (RFC 7675), it shows something or may wait for
that, and the link is open; what a slot shows, while its own lease is renewed. Nothing here knows
who watches or why: that stays with the gateway.
"""

import asyncio
import gc
import logging
import socket
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import NoReturn

from gateway.model.errors import PeerError, WireError
from gateway.model.media import AccessUnit
from gateway.relay.video import link
from gateway.relay.video.dtls import Certificate, Handshake
from gateway.relay.video.hub import CATCH_UP_EVERY_S, Hub
from gateway.relay.video.pace import NEAR_S, Pace
from gateway.relay.video.port import Address, Path, Port
from gateway.relay.video.slots import Slot, Way
from gateway.relay.video.srtp import Srtcp, SrtpKeys, protector
from gateway.runtime.clock import Clock
from gateway.wire import rtcp, stun
from gateway.wire.frames import Frame, FrameReceiver

log = logging.getLogger(__name__)

CONSENT_S = 30.0
"""After the last valid STUN request (RFC 7675 §5.1)."""
FRESH_S = 10.0
"""A peer whose consent is younger than this keeps its addresses; peers check each 2.5 to 6 s."""
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
    ice: link.Credentials
    slots: tuple[Slot, ...]
    idle_until_s: float
    """When it ends if no slot shows anything until then."""
    consent_until_s: float
    before: link.Credentials | None = None
    """Of the ICE session that a restart replaces; good until the new one has a path."""
    path: Path | None = None
    nominated: bool = False
    addresses: set[Address] = field(default_factory=set)
    checks: OrderedDict[bytes, Address] = field(default_factory=OrderedDict)
    """Where each proved check came from, by its transaction."""
    handshake: Handshake | None = None
    begun_s: float = 0.0
    """When its first check was answered."""
    is_near: bool | None = None
    """Whether its next word was there at once; None until it came."""
    way: Way | None = None
    srtcp: Srtcp | None = None

    def is_dark(self) -> bool:
        """Return whether no slot is to show anything."""
        return all(slot.play is None for slot in self.slots)


class Media:
    """Runs until the link ends; made and run by `serve`."""

    def __init__(
        self,
        sock: socket.socket,
        writer: asyncio.StreamWriter,
        clock: Clock,
        listener: socket.socket | None = None,
    ) -> None:
        self.ignored: Counter[str] = Counter()
        """Datagrams that meant nothing to us, by kind."""
        self._clock = clock
        self._writer = writer
        self._port = Port(sock, self._on_stun, self._on_dtls, self._on_rtcp, listener)
        self._certificate = Certificate()
        self._hubs: dict[str, Hub] = {}
        self._sessions: dict[str, Session] = {}
        self._by_ufrag: dict[str, Session] = {}
        self._by_address: dict[Address, Session] = {}
        self._looks: dict[int, tuple[Session, Slot]] = {}
        self._switching: set[int] = set()
        """Looks that wait for another stream's key unit."""
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
                self._port.attach(loop)
                self._tell(link.hello(self._certificate.fingerprint))
                gc.collect()
                gc.freeze()
                await self._read_link(reader)
        except* LinkClosedError:
            log.info("link-closed", extra={"sessions": len(self._sessions)})
        finally:
            leaving = list(self._sessions.values())
            for session in leaving:
                self._end(session, link.LEAVING)
            for session in leaving:
                await self._close_dtls(session)
            self._port.detach()

    # the link ------------------------------------------------------------------------------

    def _tell(self, frame: bytes) -> None:
        """Write to the gateway, if there still is one: it may only have closed its half."""
        if not self._writer.is_closing():
            self._writer.write(frame)

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
                self._publish(*link.read_unit(frame.payload))
            case link.Kind.OPEN:
                self._open(link.read_open(frame.payload))
            case link.Kind.PLAY:
                self._play(link.read_play(frame.payload))
            case link.Kind.STOP:
                self._stop(*link.read_stop(frame.payload))
            case link.Kind.RENEW:
                self._renew(link.read_looks(frame.payload))
            case link.Kind.CLOSE:
                name, reason = link.read_texts(frame.payload)
                if name in self._sessions:
                    self._finish(self._sessions[name], reason)
            case link.Kind.RESTART:
                self._restart(*link.read_restart(frame.payload))
            case link.Kind.FORGET:
                self._forget(link.read_text(frame.payload))
            case _:
                raise WireError(f"link frame of kind {frame.kind}")

    def _hub(self, stream: str) -> Hub:
        return self._hubs.setdefault(stream, Hub())

    def _forget(self, stream: str) -> None:
        hub = self._hubs.get(stream)
        if hub is None:
            return
        hub.forget()
        if hub.empty():
            del self._hubs[stream]
            return
        for session, slot in self._looks.values():
            if slot.hub() is hub and session.path is not None:
                self._port.drop(session.path.address)

    def _publish(self, stream: str, unit: AccessUnit) -> None:
        self._hub(stream).publish(unit, self._clock.monotonic_s())
        if unit.is_key and self._switching:
            for look in tuple(self._switching):
                session, slot = self._looks[look]
                if slot.play is not None and slot.play.stream == stream:
                    self._show(session, slot)

    def _open(self, terms: link.OpenSession) -> None:
        now_s = self._clock.monotonic_s()
        if len(self._sessions) >= MOST_SESSIONS:
            self._tell(link.ended(link.Ended(terms.session, "too-many-sessions")))
            return
        slots = tuple(Slot(one, terms.cname) for one in terms.slots)
        idle_until_s = now_s + max(terms.idle_s, link.LEASE_S)
        session = Session(terms, terms.ice, slots, idle_until_s, now_s + CONNECT_S)
        self._sessions[terms.session] = session
        self._by_ufrag[terms.ice.ufrag] = session
        self._tell(link.opened(terms.session))

    def _restart(self, name: str, ice: link.Credentials) -> None:
        """Accept checks of a new ICE session; media flow on the old path until it is nominated."""
        session = self._sessions.get(name)
        if session is None:
            return
        if session.before is None:
            session.before = session.ice
        else:  # the one before has the path; what came in between was never nominated
            del self._by_ufrag[session.ice.ufrag]
        session.ice = ice
        self._by_ufrag[ice.ufrag] = session
        for address in list(session.addresses):  # the new ICE session has room for its own
            if session.path is None or address != session.path.address:
                self._leave(session, address)

    # looks ---------------------------------------------------------------------------------

    def _play(self, play: link.Play) -> None:
        """Show something in a slot, or another stream of what it shows."""
        session = self._sessions.get(play.session)
        slots = () if session is None else session.slots
        slot = next((one for one in slots if one.terms.mid == play.mid), None)
        if session is None or slot is None:
            self._tell(link.stopped(link.Stopped(play.look, "no-slot", 0, 0)))
            return
        if slot.play is not None and slot.play.look != play.look:
            self._darken(session, slot, "replaced")
        if not slot.begin(play, self._clock.monotonic_s()):
            self._tell(link.stopped(link.Stopped(play.look, "codec-not-offered", 0, 0)))
            return
        self._looks[play.look] = (session, slot)
        if not play.from_kept:
            self._hub(play.stream).forget()
        self._show(session, slot)

    def _show(self, session: Session, slot: Slot) -> None:
        """Bring what is sent closer to what is asked for, if the peer is there."""
        if session.way is None or slot.play is None:
            return
        slot.show(self._hub(slot.play.stream), session.way, self._clock.monotonic_s())
        self._behind.set()
        if slot.is_behind():
            self._switching.add(slot.play.look)
        else:
            self._switching.discard(slot.play.look)

    def _stop(self, look: int, reason: str) -> None:
        if look in self._looks:
            session, slot = self._looks[look]
            self._darken(session, slot, reason)
            self._retire(session, reason)

    def _renew(self, looks: list[int]) -> None:
        until_s = self._clock.monotonic_s() + link.LEASE_S
        for look in looks:
            if look in self._looks:
                self._looks[look][1].lease_until_s = until_s

    # ends ----------------------------------------------------------------------------------

    def _finish(self, session: Session, reason: str) -> None:
        """End a session and close its DTLS in the background; harmless if ended."""
        if session.terms.session not in self._sessions:
            return
        self._end(session, reason)
        self._tasks.create_task(self._close_dtls(session))

    def _darken(self, session: Session, slot: Slot, reason: str) -> None:
        """Take one look off the air at once and tell the gateway."""
        stopped = slot.end(reason)
        if stopped is None:
            return
        del self._looks[stopped.look]
        self._switching.discard(stopped.look)
        if session.path is not None:  # a slow line would show it for seconds yet
            self._port.drop(session.path.address)
        session.idle_until_s = self._clock.monotonic_s() + session.terms.idle_s
        self._tell(link.stopped(stopped))

    def _retire(self, session: Session, reason: str) -> None:
        """End a session that does not wait for another look."""
        if session.terms.idle_s <= 0 and session.is_dark():
            self._finish(session, reason)

    def _end(self, session: Session, reason: str) -> None:
        """Take a session off the air at once and tell the gateway."""
        name = session.terms.session
        del self._sessions[name]
        for ice in (session.ice, session.before):
            if ice is not None:
                del self._by_ufrag[ice.ufrag]
        now = self._clock.now()
        for slot in session.slots:
            if slot.viewer is not None:
                self._send_rtcp(session, slot.viewer.goodbye(now))
            self._darken(session, slot, reason)
        if session.path is not None:
            self._port.release(session.path)
        log.info("session-ended", extra={"session": name[:8], "reason": reason})
        self._tell(link.ended(link.Ended(name, reason)))

    def _leave(self, session: Session, address: Address) -> None:
        """Take nothing from this address for the session any more."""
        session.addresses.discard(address)
        if self._by_address.get(address) is session:
            del self._by_address[address]
            self._port.part(address)

    async def _close_dtls(self, session: Session) -> None:
        if session.handshake is not None:
            await session.handshake.close()
        for address in list(session.addresses):  # the goodbye may go over one of them
            self._leave(session, address)

    # clocks --------------------------------------------------------------------------------

    async def _tick(self) -> NoReturn:
        while True:
            await self._clock.sleep(TICK_S)
            now_s = self._clock.monotonic_s()
            self._port.tick()
            for stream, known in self._hubs.items():
                if known.wants_key(now_s):
                    self._tell(link.wanted(stream))
            for session, slot in list(self._looks.values()):
                hub = slot.hub()
                reason = hub.refusal(now_s) if hub is not None else None
                if now_s >= slot.lease_until_s:
                    reason = "lease-expired"
                if reason is not None:
                    self._darken(session, slot, reason)
                    self._retire(session, reason)
            for session in list(self._sessions.values()):
                if now_s >= session.consent_until_s:
                    self._finish(session, "peer-silent" if session.path else "never-connected")
                elif now_s >= session.idle_until_s and session.is_dark():
                    self._finish(session, "idle")

    async def _report(self) -> NoReturn:
        """Each second: reports to the peers, and the looks' state to the gateway."""
        while True:
            await self._clock.sleep(link.RENEW_S)
            now = self._clock.now()
            for session, slot in self._looks.values():
                hub = slot.hub()
                if slot.viewer is not None and hub is not None:
                    self._send_rtcp(session, slot.viewer.report(hub.newest(), now))
            self._tell(link.state([slot.state() for _, slot in self._looks.values()]))

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
        ice = _meant(session, request.local_ufrag) if session is not None else None
        if (
            session is None
            or ice is None
            or request.remote_ufrag != ice.remote_ufrag
            or not request.proves(ice.password)
        ):
            self.ignored["stun-unknown"] += 1
            return
        if _is_replayed(session, request.transaction, address):
            self.ignored["stun-replayed"] += 1
            return
        if request.controlled:
            self._port.send(stun.role_conflict(request, ice.password), address)
            return
        if not self._admit(session, address, nominates=request.nominates):
            self.ignored["stun-address"] += 1
            return
        self._port.send(stun.success(request, ice.password, address[0], address[1]), address)
        if session.before is not None and ice is session.ice and request.nominates:
            self._by_ufrag.pop(session.before.ufrag)
            session.before = None
        session.consent_until_s = self._clock.monotonic_s() + CONSENT_S
        if session.handshake is None:
            self._begin(session)

    def _admit(self, session: Session, address: Address, *, nominates: bool) -> bool:
        """Note where a proved peer is; False if it is at too many places, or at another's."""
        owner = self._by_address.get(address, session)
        if owner is not session and self._is_fresh(owner):
            return False  # a peer must not turn another's reports and NACKs to itself
        if address not in session.addresses:
            if len(session.addresses) >= MOST_ADDRESSES:
                return False
            session.addresses.add(address)
        self._by_address[address] = session
        self._port.prove(address)
        if session.path is None:
            session.path = Path(address)
            self._port.direct(session.path)
        elif nominates and session.path.address != address:
            session.path.address, session.path.segments = address, True
            self._port.direct(session.path)
        return True

    def _is_fresh(self, session: Session) -> bool:
        """Return whether a session lives and its peer gave consent a moment ago."""
        if session.terms.session not in self._sessions:
            return False
        return self._clock.monotonic_s() < session.consent_until_s - CONSENT_S + FRESH_S

    def _begin(self, session: Session) -> None:
        def send(datagram: bytes) -> None:
            if session.path is not None:
                self._port.send(datagram, session.path.address)

        def closed() -> None:
            self._finish(session, "peer-closed")

        session.begun_s = self._clock.monotonic_s()
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
            self._connected(session, session.path, keys)

    def _connected(self, session: Session, path: Path, keys: SrtpKeys) -> None:
        session.srtcp = Srtcp(keys)
        pace = Pace(near=bool(session.is_near))
        session.way = Way(path, self._port, protector(keys), pace)
        log.info("session-playing", extra={"profile": keys.profile.name})
        for slot in session.slots:
            self._show(session, slot)
        self._tell(link.state([slot.state() for slot in session.slots if slot.play is not None]))

    def _on_dtls(self, data: bytes, address: Address) -> None:
        session = self._by_address.get(address)
        if session is None or session.handshake is None:
            self.ignored["dtls"] += 1
        else:
            if session.is_near is None:
                session.is_near = self._clock.monotonic_s() - session.begun_s < NEAR_S
            session.handshake.receive(data)

    def _on_rtcp(self, data: bytes, address: Address) -> None:
        session = self._by_address.get(address)
        if session is None or session.srtcp is None:
            self.ignored["rtcp"] += 1
            return
        try:
            packets = rtcp.parse(session.srtcp.unprotect(data))
        except WireError:
            self.ignored["rtcp"] += 1
            return
        now = self._clock.now()
        for slot in session.slots:
            if slot.viewer is not None and slot.viewer.receive(packets, now):
                slot.rewind(now.monotonic_s)
                self._behind.set()

    def _send_rtcp(self, session: Session, packets: list[rtcp.RtcpPacket]) -> None:
        if session.srtcp is not None and session.path is not None:
            data = session.srtcp.protect(rtcp.serialise(packets))
            self._port.send(data, session.path.address)


def _meant(session: Session, ufrag: str) -> link.Credentials | None:
    """Return which of a session's ICE sessions a check means."""
    known = (session.ice, session.before)
    return next((one for one in known if one is not None and one.ufrag == ufrag), None)


def _is_replayed(session: Session, transaction: bytes, address: Address) -> bool:
    """Return whether a check came before from elsewhere; the integrity says nothing of that."""
    first = session.checks.setdefault(transaction, address)
    if len(session.checks) > MOST_CHECKS:
        session.checks.popitem(last=False)
    return first != address


async def serve(
    udp: socket.socket,
    control: socket.socket,
    clock: Clock,
    listener: socket.socket | None = None,
) -> None:
    """Run the media process on inherited sockets (UDP, TCP if any) and one end of the link."""
    reader, writer = await asyncio.open_connection(sock=control)
    try:
        await Media(udp, writer, clock, listener).run(reader)
        writer.write_eof()
        await writer.drain()
    except ConnectionError:
        pass  # the gateway is gone, nobody is left to tell
    finally:
        writer.close()
