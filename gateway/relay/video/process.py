# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The gateway's side of the media process: starts it, feeds it, leases sessions, counts ends.

Only a Grant opens a session, and each session's end is reported exactly once, whoever ends it:
the peer, the gateway, an expired lease or the death of the process.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

import gateway
from gateway.model.access import Grant
from gateway.model.errors import ConfigError, PeerError, WireError
from gateway.model.media import AccessUnit, Codec, StreamKind
from gateway.model.time import Moment
from gateway.relay.video import link
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout, Reader
from gateway.runtime.supervise import Policy, supervise
from gateway.wire import sdp_offer
from gateway.wire.frames import Frame, FrameReceiver
from gateway.wire.sdp_offer import OfferError

__all__ = [
    "NOT_VALID",
    "MediaOptions",
    "MediaProcess",
    "OfferError",
    "SessionEnd",
    "SessionInfo",
    "WhepAnswer",
]

log = logging.getLogger(__name__)

START_S = 15.0
"""From exec to HELLO; Python with aiortc needs about one second."""
ANSWER_S = 2.0
"""For OPENED; longer means a stuck process."""
SILENCE_S = 5.0
"""Without STATE (sent each second) the process is stuck: it is killed and started anew."""
LEAVE_S = 2.0
"""For goodbyes when we stop."""
MOST_PER_PERSON = 64
"""Sessions of one viewer at once: a wall of 36, and pages that are being reloaded."""
_MOST_UNITS = 4096
_MOST_BYTES = 24 << 20
"""What waits for the link per camera: the kept GOP (8 MiB) and some seconds more."""
_LINK_BUFFER_BYTES = 1 << 20
_READ_BYTES = 64 << 10
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "VIRTUAL_ENV")
"""What the process inherits; secrets may stand in the environment and must not."""
_RESTART = Policy(first_s=0.1, most_s=5.0, crashes=3)
_SPS = 7
_NAL_TYPE = 0x1F
_DIED = "media-process-ended"
NOT_VALID = "grant-not-valid"
"""Reason of a session whose Grant the gate no longer upholds."""
_EXPIRED = "grant-expired"


@dataclass(frozen=True, slots=True)
class MediaOptions:
    """Where viewers reach the media process."""

    bind: tuple[str, int]
    """Host and UDP port; `::` serves IPv4 too, port 0 takes a free one."""
    candidates: tuple[str, ...]
    """IP addresses that browsers are told, best first."""
    command: tuple[str, ...] = (sys.executable, "-m", "gateway", "media")
    log_level: str = "info"
    """Of the media process; as `[log].level`."""


@dataclass(frozen=True, slots=True)
class WhepAnswer:
    """What a WHEP server replies."""

    session: str
    """Unguessable; the last part of the resource's URL."""
    sdp: str = field(repr=False)
    etag: str
    """With its quotes (RFC 9110 §8.8.3); changes with the ICE session."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One session as the gateway knows it; counters are at most a second old."""

    session: str
    grant: Grant
    opened: Moment
    connected: bool
    bytes: int
    frames: int


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """The end of one session, told exactly once."""

    session: str
    grant: Grant
    reason: str
    duration_ms: int
    """From the answer to the end, on the gateway's monotonic clock."""
    bytes: int
    """UDP payload sent to the peer; after a crash, as of the last second."""
    frames: int


OnEnd = Callable[[SessionEnd], None]


@dataclass(slots=True)
class _Session:
    """A session that the media process confirmed."""

    name: str
    grant: Grant
    stream: str
    """Which rendition of which camera, as the media process knows it."""
    opened: Moment
    closing: str = ""
    """Why we asked for its end."""
    connected: bool = False
    bytes: int = 0
    frames: int = 0


@dataclass(slots=True)
class _Feed:
    """One camera's units on their way to the media process."""

    fanout: Fanout
    task: asyncio.Task[None]
    sessions: set[str]


class _Life:
    """One media process from exec to death."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tasks: asyncio.TaskGroup
    ) -> None:
        self.reader = reader
        self.fingerprint: tuple[str, str] | None = None
        self.waiting: dict[str, asyncio.Future[None]] = {}
        self._writer = writer
        self.left = False
        self._tasks = tasks
        self._turn = asyncio.Lock()
        self._feeds: dict[str, _Feed] = {}

    def tell(self, frame: bytes) -> None:
        """Queue a small frame; a process that reads nothing is killed before this piles up."""
        if not (self.left or self._writer.is_closing()):
            self._writer.write(frame)

    def leave(self) -> None:
        """Let the process see the end of the link; it says goodbye to its peers."""
        self.left = True
        if not self._writer.is_closing():
            self._writer.write_eof()

    def watch(self, camera: str, fanout: Fanout, session: str) -> None:
        """Feed a camera as long as some session wants it."""
        feed = self._feeds.get(camera)
        if feed is not None and feed.fanout is not fanout:  # the camera was set up anew
            feed.task.cancel()
        if feed is None or feed.fanout is not fanout:
            task = self._tasks.create_task(self._feed(camera, fanout))
            self._feeds[camera] = _Feed(fanout, task, set() if feed is None else feed.sessions)
        self._feeds[camera].sessions.add(session)

    def unwatch(self, camera: str, session: str) -> None:
        """Stop feeding a camera that nobody watches any more."""
        feed = self._feeds.get(camera)
        if feed is None:
            return
        feed.sessions.discard(session)
        if not feed.sessions:
            feed.task.cancel()
            del self._feeds[camera]
            self.tell(link.forget(camera))

    async def _feed(self, camera: str, fanout: Fanout) -> None:
        """Carry units over until cancelled; when the link is slow, the reader skips to a key."""
        reader = Reader(f"media:{camera}", _MOST_UNITS, _MOST_BYTES)
        fanout.join(reader, from_kept=True)
        try:
            while True:
                unit = await reader.receive()
                if unit.codec is Codec.H264:
                    await self._carry(link.unit(camera, unit))
        finally:
            fanout.leave(reader)

    async def _carry(self, frame: bytes) -> None:
        async with self._turn:
            try:
                self.tell(frame)
                await self._writer.drain()
            except ConnectionError as error:
                raise PeerError(f"media process: {error}") from error


class MediaProcess:
    """Opens and closes sessions; made by `open_media`."""

    def __init__(
        self, options: MediaOptions, udp: socket.socket, clock: Clock, on_end: OnEnd
    ) -> None:
        self.port: int = udp.getsockname()[1]
        self._options = options
        self._udp = udp
        self._clock = clock
        self._on_end = on_end
        self._life: _Life | None = None
        self._ready = asyncio.Event()
        self._sessions: dict[str, _Session] = {}
        self._opening: Counter[str] = Counter()
        """Sessions by viewer that wait for the media process's word."""
        self._child: asyncio.subprocess.Process | None = None
        self._starts = 0

    async def open(
        self, grant: Grant, offer_sdp: str, fanout: Fanout, kind: StreamKind = StreamKind.MAIN
    ) -> WhepAnswer:
        """Answer a WHEP offer for the grant's camera; `kind` says what comes through `fanout`.

        OfferError for an offer that cannot be answered, PeerError if the media process is not
        there; then no session was opened and no end is reported. Cancelling opens none either.
        """
        kept = fanout.kept()
        offer = sdp_offer.read(offer_sdp, _profile_idc(kept))
        life = self._life
        if life is None or life.fingerprint is None:
            raise PeerError("media process is not running")
        viewer = grant.request.actor.id
        if self._open_of(viewer) >= MOST_PER_PERSON:
            raise PeerError(f"{MOST_PER_PERSON} sessions of one viewer are open")
        terms = _terms(offer, _stream(grant.camera, kind), from_kept=bool(kept))
        self._opening[viewer] += 1
        try:
            await self._announce(life, terms, fanout)
        finally:
            self._opening[viewer] -= 1
            self._opening += Counter()  # forget zeros
        if self._life is not life:
            raise PeerError("media process ended")
        session = _Session(terms.session, grant, terms.camera, self._clock.now())
        self._sessions[terms.session] = session
        sdp = sdp_offer.answer(
            offer,
            sdp_offer.AnswerTerms(
                terms.ufrag,
                terms.password,
                life.fingerprint,
                terms.ssrc,
                terms.rtx_ssrc,
                terms.cname,
                self._options.candidates,
                self.port,
            ),
        )
        return WhepAnswer(terms.session, sdp, f'"{terms.ufrag}"')

    def _open_of(self, viewer: str) -> int:
        running = sum(one.grant.request.actor.id == viewer for one in self._sessions.values())
        return running + self._opening[viewer]

    async def _announce(self, life: _Life, terms: link.OpenSession, fanout: Fanout) -> None:
        """Have the media process confirm a session, or leave no trace of it."""
        confirmed = life.waiting[terms.session] = asyncio.get_running_loop().create_future()
        life.watch(terms.camera, fanout, terms.session)
        life.tell(link.open_session(terms))
        try:
            async with asyncio.timeout(ANSWER_S):
                await confirmed
        except BaseException as error:
            life.tell(link.close(terms.session, "abandoned"))
            if self._life is life:
                life.unwatch(terms.camera, terms.session)
            if isinstance(error, TimeoutError):
                raise PeerError(f"media process does not answer within {ANSWER_S} s") from error
            raise
        finally:
            life.waiting.pop(terms.session, None)

    def close(self, session: str, reason: str) -> bool:
        """End a session; its end is reported once the media process has said its last counters.

        Return False if there is no such session.
        """
        found = self._sessions.get(session)
        if found is None:
            return False
        found.closing = found.closing or reason
        if self._life is not None:
            self._life.tell(link.close(session, found.closing))
        return True

    def regrant(self, grant: Grant) -> bool:
        """Let a running session go on under its look's next Grant; nothing else changes.

        Return False if no session runs under that look.
        """
        for session in self._sessions.values():
            if session.grant.id == grant.id:
                session.grant = grant
                return True
        return False

    def follow(self, fanout: Callable[[str, StreamKind], Fanout | None]) -> None:
        """Have the sessions that run read on where `fanout` says their pictures come now.

        Call it when cameras were set up anew: no session keeps a fan-out that nobody fills.
        """
        if self._life is None:
            return
        for session in self._sessions.values():
            camera = session.grant.camera
            kind = StreamKind.MAIN if session.stream == camera else StreamKind.SUB
            if (there := fanout(camera, kind)) is not None:
                self._life.watch(session.stream, there, session.name)

    def sessions(self) -> tuple[SessionInfo, ...]:
        """Return what is open now."""
        return tuple(
            SessionInfo(one.name, one.grant, one.opened, one.connected, one.bytes, one.frames)
            for one in self._sessions.values()
        )

    async def keep(self, is_valid: Callable[[Grant], bool]) -> NoReturn:
        """Each second renew the leases whose grant `is_valid`, and close the others."""
        while True:
            self.renew(is_valid)
            await self._clock.sleep(link.RENEW_S)

    def renew(self, is_valid: Callable[[Grant], bool]) -> None:
        """Do one round of `keep`; a Grant past its time is not valid whatever is said."""
        now_s = self._clock.monotonic_s()
        valid: list[str] = []
        for session in self._sessions.values():
            if session.closing:
                continue
            if session.grant.expires.monotonic_s <= now_s:
                self.close(session.name, _EXPIRED)
            elif not is_valid(session.grant):
                self.close(session.name, NOT_VALID)
            else:
                valid.append(session.name)
        if self._life is not None and valid:
            self._life.tell(link.renew(valid))

    async def ready(self, timeout_s: float) -> None:
        """Wait until a media process is there; PeerError if that takes too long."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError as error:
            raise PeerError(f"media process not ready within {timeout_s} s") from error

    @property
    def restarts(self) -> int:
        """How often a media process was started after the first."""
        return max(0, self._starts - 1)

    @property
    def pid(self) -> int | None:
        """Process id of the running media process."""
        return None if self._child is None else self._child.pid

    # the process ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep a media process alive until cancelled."""
        await supervise("media", self._live, clock=self._clock, policy=_RESTART)

    async def _live(self) -> None:
        """Start one media process and serve it until it ends; always PeerError."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._starts += 1
            self._child = child = await self._start(theirs)
        try:
            reader, writer = await asyncio.open_connection(sock=ours)
            writer.transport.set_write_buffer_limits(high=_LINK_BUFFER_BYTES)
            try:
                async with asyncio.TaskGroup() as tasks:
                    await self._serve(_Life(reader, writer, tasks))
            finally:
                writer.transport.abort()  # what still waits is for a process that is gone
        finally:
            await _reap(child)

    async def _start(self, theirs: socket.socket) -> asyncio.subprocess.Process:
        numbers = (self._udp.fileno(), theirs.fileno())
        command = (
            *self._options.command,
            *("--fd", str(numbers[0]), "--link-fd", str(numbers[1])),
            *("--log-level", self._options.log_level),
        )
        try:
            return await asyncio.create_subprocess_exec(
                *command,
                pass_fds=numbers,
                stdin=asyncio.subprocess.DEVNULL,
                env=_environment(),
            )
        except OSError as error:
            raise PeerError(f"media process {command[0]}: {error}") from error

    async def _serve(self, life: _Life) -> NoReturn:
        receiver = FrameReceiver()
        bound_s = START_S
        try:
            while True:
                data = await _read(life.reader, bound_s)
                for frame in receiver.receive(data):
                    self._on_frame(life, frame)
                if life.fingerprint is not None:
                    bound_s = SILENCE_S
        except asyncio.CancelledError:
            await self._part(life, receiver)
            raise
        finally:
            self._bury(life)

    async def _part(self, life: _Life, receiver: FrameReceiver) -> None:
        """Let the process say goodbye, and take its last counters."""
        life.leave()
        with contextlib.suppress(PeerError, TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                while True:
                    data = await _read(life.reader, LEAVE_S)
                    for frame in receiver.receive(data):
                        self._on_frame(life, frame)

    def _bury(self, life: _Life) -> None:
        """Report what ended with the process."""
        self._life = None
        self._ready.clear()
        for future in life.waiting.values():
            if not future.done():
                future.set_exception(PeerError("media process ended"))
        for session in list(self._sessions.values()):
            self._ended(session, session.closing or (link.LEAVING if life.left else _DIED))

    def _on_frame(self, life: _Life, frame: Frame) -> None:
        match frame.kind:
            case link.Kind.HELLO:
                algorithm, digest = link.read_texts(frame.payload)
                life.fingerprint = (algorithm, digest)
                self._life = life
                self._ready.set()
                log.info("media-ready", extra={"port": self.port})
            case link.Kind.OPENED:
                future = life.waiting.get(link.read_text(frame.payload))
                if future is not None and not future.done():
                    future.set_result(None)
            case link.Kind.STATE:
                self._note(link.read_state(frame.payload))
            case link.Kind.ENDED:
                self._on_ended(life, link.read_ended(frame.payload))
            case _:
                raise WireError(f"media process sent a frame of kind {frame.kind}")

    def _note(self, states: list[link.SessionState]) -> None:
        for state in states:
            session = self._sessions.get(state.session)
            if session is not None:
                session.connected = state.connected
                session.bytes, session.frames = state.bytes, state.frames

    def _on_ended(self, life: _Life, end: link.Ended) -> None:
        future = life.waiting.get(end.session)
        if future is not None and not future.done():
            future.set_exception(PeerError(f"media process refused the session: {end.reason}"))
        session = self._sessions.get(end.session)
        if session is not None:
            session.bytes, session.frames = end.bytes, end.frames
            life.unwatch(session.stream, session.name)
            self._ended(session, session.closing or end.reason)

    def _ended(self, session: _Session, reason: str) -> None:
        del self._sessions[session.name]
        spent_s = self._clock.monotonic_s() - session.opened.monotonic_s
        self._on_end(
            SessionEnd(
                session.name,
                session.grant,
                reason,
                round(1000 * spent_s),
                session.bytes,
                session.frames,
            )
        )


async def _read(reader: asyncio.StreamReader, bound_s: float) -> bytes:
    """Return what came; PeerError at the end of the link or after `bound_s` of silence."""
    try:
        async with asyncio.timeout(bound_s):
            data = await reader.read(_READ_BYTES)
    except TimeoutError as error:
        raise PeerError(f"media process silent for {bound_s} s") from error
    except ConnectionError as error:
        raise PeerError(f"media process: {error}") from error
    if not data:
        raise PeerError("media process ended")
    return data


def _environment() -> dict[str, str]:
    """Return what the process needs and nothing that it must not know."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return {**kept, "PYTHONPATH": str(Path(gateway.__file__).resolve().parent.parent)}


async def _reap(child: asyncio.subprocess.Process) -> None:
    """Make sure that the process is gone."""
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S / 4):
                await child.wait()
    finally:  # also when we are cancelled meanwhile
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


def _stream(camera: str, kind: StreamKind) -> str:
    """Return the name of a rendition on the link; the main one's is the camera's."""
    return camera if kind is StreamKind.MAIN else f"{camera}/{kind.value}"


def _terms(offer: sdp_offer.Offer, stream: str, *, from_kept: bool) -> link.OpenSession:
    """Draw what only this session knows."""
    ssrc = 1 + secrets.randbelow((1 << 32) - 2)
    return link.OpenSession(
        session=secrets.token_urlsafe(18),
        camera=stream,
        ufrag=secrets.token_hex(4),
        password=secrets.token_hex(16),
        remote_ufrag=offer.ufrag,
        fingerprints=offer.fingerprints,
        ssrc=ssrc,
        payload_type=offer.format.payload_type,
        rtx_ssrc=ssrc + 1,
        rtx_payload_type=offer.format.rtx_payload_type,
        cname=secrets.token_hex(8),
        from_kept=from_kept,
    )


def _profile_idc(kept: tuple[AccessUnit, ...]) -> int | None:
    """Return the H.264 profile of the kept key unit, if there is one."""
    nals = kept[0].nals if kept else ()
    return next((nal[1] for nal in nals if nal[0] & _NAL_TYPE == _SPS and len(nal) > 1), None)


@asynccontextmanager
async def open_media(
    options: MediaOptions, *, clock: Clock, on_end: OnEnd
) -> AsyncIterator[MediaProcess]:
    """Bind the UDP port and keep a media process; yields once it is ready.

    On leaving, every session ends and is reported. ConfigError if the port cannot be bound or a
    candidate is no address, PeerError if the process does not come up.
    """
    for host in options.candidates or ("",):
        try:
            ip_address(host)
        except ValueError as error:
            raise ConfigError("media", "candidates", f"{host!r} is no IP address") from error
    with _bound(options.bind) as udp:
        media = MediaProcess(options, udp, clock, on_end)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(media.run())
            try:
                await media.ready(START_S)
                yield media
            finally:
                task.cancel()


def _bound(bind: tuple[str, int]) -> socket.socket:
    host, port = bind
    try:
        is_ipv6 = ip_address(host).version == 6  # noqa: PLR2004 - the protocol's number
        udp = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
    except (OSError, ValueError) as error:
        raise ConfigError("media", "bind", f"{host}: {error}") from error
    try:
        if is_ipv6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        udp.bind(bind)
    except OSError as error:
        udp.close()
        raise ConfigError("media", "bind", f"{host} port {port}: {error}") from error
    return udp
