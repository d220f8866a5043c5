# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The gateway's side of the media process: starts it, feeds it, leases sessions, counts ends.

Only a Grant begins a look, and each look's end is reported exactly once, whoever ends it: the
peer, the gateway, an expired lease or the death of the process. A session for one camera is one
look; a wall is a session with up to 16 of them, and with none of its own rights.
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
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from typing import NoReturn

import gateway
from gateway.model.access import Grant
from gateway.model.errors import ConfigError, PeerError, WireError
from gateway.model.media import AccessUnit, Codec
from gateway.model.time import Moment
from gateway.relay.video import link
from gateway.relay.video.bound import Sockets, bound
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout, Reader
from gateway.runtime.supervise import Policy, supervise
from gateway.wire import sdp_fragment, sdp_offer
from gateway.wire.frames import Frame, FrameReceiver
from gateway.wire.sdp_fragment import FragmentError
from gateway.wire.sdp_offer import OfferError

__all__ = [
    "NOT_VALID",
    "MediaOptions",
    "MediaProcess",
    "OfferError",
    "SessionEnd",
    "SessionInfo",
    "Source",
    "Totals",
    "WallInfo",
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
"""Looks of one viewer at once, and walls without any: a wall of 36, and pages that are being
reloaded."""
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
REPLACED = "replaced"
"""Reason of a look whose slot shows something else now."""


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
    tcp: bool = True
    """Whether the same port number takes TCP connections as well (RFC 6544)."""


@dataclass(frozen=True, slots=True)
class WhepAnswer:
    """What a WHEP server replies."""

    session: str
    """Unguessable; the last part of the resource's URL."""
    sdp: str = field(repr=False)
    etag: str
    """With its quotes (RFC 9110 §8.8.3); changes with the ICE session."""
    mids: tuple[str, ...] = ()
    """Of the slots, in the order of the offer."""


@dataclass(frozen=True, slots=True)
class Source:
    """One stream, as the media process is fed with it."""

    name: str
    """`camera`, `camera/sub` or another rendition; the same name is the same stream."""
    codec: Codec
    fanout: Fanout


@dataclass(frozen=True, slots=True)
class IceAnswer:
    """What a peer that began a new ICE session must know."""

    sdp: str = field(repr=False)
    """A fragment."""
    etag: str
    """Without quotes."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One look as the gateway knows it; counters are at most a second old."""

    session: str
    """Its name: the session's, or of a wall's tile the session's and a number."""
    grant: Grant
    opened: Moment
    wall: str
    """The session that it is a tile of; empty: it is a session of its own."""
    mid: str
    source: Source
    """What is asked for; `state.stream` is what is sent."""
    takes: frozenset[Codec]
    """What the peer decodes."""
    state: link.SlotState

    @property
    def connected(self) -> bool:
        """Whether the peer is there."""
        return self.state.connected

    @property
    def bytes(self) -> int:
        """UDP payload sent."""
        return self.state.bytes

    @property
    def frames(self) -> int:
        """Pictures sent."""
        return self.state.frames


@dataclass(frozen=True, slots=True)
class WallInfo:
    """A session with several slots; its tiles are looks."""

    session: str
    owner: str
    """Id of the person whose it is."""
    opened: Moment
    mids: tuple[str, ...]
    etag: str
    """Without quotes."""
    sign_in: str = ""
    """Under which its owner opened it."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What left for viewers since the gateway began; nobody is named in it."""

    bytes: int
    frames: int
    packets: int
    repeated: int
    overflows: int


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """The end of one look, told exactly once."""

    session: str
    """Its name, as in SessionInfo."""
    grant: Grant
    reason: str
    duration_ms: int
    """From the answer to the end, on the gateway's monotonic clock."""
    bytes: int
    """UDP payload sent to the peer; after a crash, as of the last second."""
    frames: int
    wall: str = ""
    """The session that it was a tile of, if any."""
    mid: str = ""


OnEnd = Callable[[SessionEnd], None]


@dataclass(slots=True)
class _Session:
    """A session that the media process confirmed."""

    name: str
    owner: str
    is_wall: bool
    terms: link.OpenSession
    opened: Moment
    looks: dict[str, "_Look"] = field(default_factory=dict)
    """What is shown, by mid."""
    sign_in: str = ""

    def slot(self, mid: str) -> link.Slot | None:
        """Return the slot of that mid."""
        return next((one for one in self.terms.slots if one.mid == mid), None)


@dataclass(slots=True)
class _Look:
    """A Grant's pictures in one slot."""

    number: int
    name: str
    session: _Session
    slot: link.Slot
    grant: Grant
    source: Source
    opened: Moment
    state: link.SlotState
    former: Source | None = None
    """What is fed on until a switch has come to its key unit."""
    closing: str = ""
    """Why we asked for its end."""


@dataclass(slots=True)
class _Feed:
    """One stream's units on their way to the media process."""

    source: Source
    task: asyncio.Task[None]
    looks: set[int]


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

    def watch(self, source: Source, look: int) -> None:
        """Feed a stream as long as some look wants it."""
        feed = self._feeds.get(source.name)
        told = (source.fanout, source.codec)
        if feed is None or (feed.source.fanout, feed.source.codec) != told:
            looks = set() if feed is None else feed.looks
            if feed is not None:  # the camera was set up anew
                feed.task.cancel()
            task = self._tasks.create_task(self._feed(source))
            feed = self._feeds[source.name] = _Feed(source, task, looks)
        feed.looks.add(look)

    def unwatch(self, source: Source, look: int) -> None:
        """Stop feeding a stream that nobody watches any more."""
        feed = self._feeds.get(source.name)
        if feed is None:
            return
        feed.looks.discard(look)
        if not feed.looks:
            feed.task.cancel()
            del self._feeds[source.name]
            self.tell(link.forget(source.name))

    def cut(self, stream: str) -> None:
        """Begin to feed a stream anew: what waits for the link must not be shown any more."""
        feed = self._feeds.get(stream)
        if feed is not None:
            feed.task.cancel()
            feed.task = self._tasks.create_task(self._feed(feed.source))
            self.tell(link.forget(stream))

    async def _feed(self, source: Source) -> None:
        """Carry units over until cancelled; when the link is slow, the reader skips to a key."""
        reader = Reader(f"media:{source.name}", _MOST_UNITS, _MOST_BYTES)
        source.fanout.join(reader, from_kept=True)
        try:
            while True:
                unit = await reader.receive()
                if unit.codec is source.codec:
                    await self._carry(link.unit(source.name, unit))
        finally:
            source.fanout.leave(reader)

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
        self, options: MediaOptions, sockets: Sockets, clock: Clock, on_end: OnEnd
    ) -> None:
        self.port: int = sockets.udp.getsockname()[1]
        self.on_wanted: Callable[[str], None] = lambda _: None
        """Told the name of a stream of which a key unit is wanted soon; must not wait."""
        self._options = options
        self._sockets = sockets
        self._clock = clock
        self._on_end = on_end
        self._life: _Life | None = None
        self._ready = asyncio.Event()
        self._sessions: dict[str, _Session] = {}
        self._looks: dict[int, _Look] = {}
        self._past = (0, 0, 0, 0, 0)
        """Sums of the looks that are over."""
        self._numbers = count(1)
        self._opening: Counter[str] = Counter()
        """Sessions by viewer that wait for the media process's word."""
        self._child: asyncio.subprocess.Process | None = None
        self._starts = 0

    async def open(self, grant: Grant, offer_sdp: str, source: Source) -> WhepAnswer:
        """Answer a WHEP offer for the grant's camera with one look at `source`.

        OfferError for an offer that cannot be answered, PeerError if the media process is not
        there; then no session was opened and no end is reported. Cancelling opens none either.
        """
        offer = sdp_offer.read(offer_sdp, _profile_idc(source.fanout.kept()))
        if offer.slots[0].format(source.codec) is None:
            raise OfferError(f"the camera sends {source.codec.value}, which the offer lacks")
        session, answer = await self._open(grant.request.actor.id, offer, is_wall=False)
        self._begin(session, session.terms.slots[0], grant, source)
        return answer

    def offered(self, offer_sdp: str) -> frozenset[Codec]:
        """Return what the first picture of an offer may be coded in; OfferError if in nothing."""
        return frozenset(one.codec for one in sdp_offer.read(offer_sdp).slots[0].formats)

    async def open_wall(self, owner: str, offer_sdp: str, sign_in: str = "") -> WhepAnswer:
        """Answer an offer with a slot for each of its video m-lines; nothing is shown yet.

        It ends by itself when nothing was shown for a minute. `sign_in`: under which its owner
        opened it. Errors as those of `open`.
        """
        offer = sdp_offer.read(offer_sdp, most_slots=link.MOST_SLOTS)
        session, answer = await self._open(owner, offer, is_wall=True)
        session.sign_in = sign_in
        return answer

    async def _open(
        self, owner: str, offer: sdp_offer.Offer, *, is_wall: bool
    ) -> tuple[_Session, WhepAnswer]:
        life = self._life
        if life is None or life.fingerprint is None:
            raise PeerError("media process is not running")
        if self._open_of(owner) >= MOST_PER_PERSON:
            raise PeerError(f"{MOST_PER_PERSON} sessions of one viewer are open")
        terms = _terms(offer, link.WALL_IDLE_S if is_wall else 0.0)
        self._opening[owner] += 1
        try:
            await self._announce(life, terms)
        finally:
            self._opening[owner] -= 1
            self._opening += Counter()  # forget zeros
        if self._life is not life:
            raise PeerError("media process ended")
        session = _Session(terms.session, owner, is_wall, terms, self._clock.now())
        self._sessions[terms.session] = session
        return session, self._answer(life.fingerprint, offer, terms)

    def _answer(
        self, fingerprint: tuple[str, str], offer: sdp_offer.Offer, terms: link.OpenSession
    ) -> WhepAnswer:
        sdp = sdp_offer.answer(
            offer,
            sdp_offer.AnswerTerms(
                terms.ice.ufrag,
                terms.ice.password,
                fingerprint,
                tuple((slot.ssrc, slot.rtx_ssrc) for slot in terms.slots),
                terms.cname,
                self._options.candidates,
                self.port,
                tcp=self._sockets.tcp is not None,
            ),
        )
        mids = tuple(slot.mid for slot in terms.slots)
        return WhepAnswer(terms.session, sdp, f'"{terms.ice.ufrag}"', mids)

    def _open_of(self, owner: str) -> int:
        looks = sum(one.session.owner == owner for one in self._looks.values())
        dark = sum(one.owner == owner and not one.looks for one in self._sessions.values())
        return looks + dark + self._opening[owner]

    async def _announce(self, life: _Life, terms: link.OpenSession) -> None:
        """Have the media process confirm a session, or leave no trace of it."""
        confirmed = life.waiting[terms.session] = asyncio.get_running_loop().create_future()
        life.tell(link.open_session(terms))
        try:
            async with asyncio.timeout(ANSWER_S):
                await confirmed
        except BaseException as error:
            life.tell(link.close(terms.session, "abandoned"))
            if isinstance(error, TimeoutError):
                raise PeerError(f"media process does not answer within {ANSWER_S} s") from error
            raise
        finally:
            life.waiting.pop(terms.session, None)

    # looks ---------------------------------------------------------------------------------

    def play(self, session: str, mid: str, grant: Grant, source: Source) -> str:
        """Begin a look in a wall's slot, in place of what it shows; return the look's name.

        PeerError if there is no such slot or its viewer looks at too much, WireError if the peer
        does not take the codec; then nothing has changed.
        """
        found = self._sessions.get(session)
        slot = found.slot(mid) if found is not None and found.is_wall else None
        if found is None or slot is None:
            raise PeerError("no such session or slot")
        self._insist(slot, source)
        before = found.looks.get(mid)
        if before is None and self._open_of(found.owner) >= MOST_PER_PERSON + (not found.looks):
            raise PeerError(f"{MOST_PER_PERSON} sessions of one viewer are open")
        if before is not None:
            self._stop(before, REPLACED)
        return self._begin(found, slot, grant, source).name

    def _insist(self, slot: link.Slot, source: Source) -> None:
        """Never ask the media process for what a peer does not take."""
        if slot.format(source.codec) is None:
            raise WireError(f"the peer takes no {source.codec.value} here")

    def _begin(self, session: _Session, slot: link.Slot, grant: Grant, source: Source) -> _Look:
        life, number = self._life, next(self._numbers)
        if life is None:
            raise PeerError("media process ended")
        name = f"{session.name}.{number}" if session.is_wall else session.name
        state = link.SlotState(number, source.name, connected=False)
        look = _Look(number, name, session, slot, grant, source, self._clock.now(), state)
        self._looks[number] = session.looks[slot.mid] = look
        life.watch(source, number)
        self._tell(life, look)
        return look

    def _tell(self, life: _Life, look: _Look) -> None:
        source = look.source
        kept = bool(source.fanout.kept())
        session, mid = look.session.name, look.slot.mid
        life.tell(link.play(link.Play(session, mid, look.number, source.name, source.codec, kept)))

    def switch(self, name: str, source: Source) -> bool:
        """Let a look go on with another stream of its camera, from that one's next key unit on.

        Return False if there is no such look; WireError if the peer does not take the codec.
        """
        look, life = self._named(name), self._life
        if look is None or look.closing or life is None:
            return False
        self._insist(look.slot, source)
        if source.name == look.source.name and source.codec is look.source.codec:
            look.source = source
            life.watch(source, look.number)
            return True
        sent = look.former or look.source
        if look.former is not None and look.source.name != source.name:
            life.unwatch(look.source, look.number)
        look.former = None if sent.name == source.name else sent
        look.source = source
        life.watch(source, look.number)
        self._tell(life, look)
        return True

    def _named(self, name: str) -> _Look | None:
        return next((one for one in self._looks.values() if one.name == name), None)

    def _stop(self, look: _Look, reason: str) -> None:
        look.closing = look.closing or reason
        if self._life is not None:
            self._life.tell(link.stop(look.number, look.closing))

    def close(self, name: str, reason: str) -> bool:
        """End a look or a whole session; each look's end is reported with its last counters.

        Return False if there is neither of that name.
        """
        session, look = self._sessions.get(name), self._named(name)
        if session is not None:
            for one in session.looks.values():
                one.closing = one.closing or reason
            if self._life is not None:
                self._life.tell(link.close(name, reason))
        elif look is not None:
            self._stop(look, reason)
        return session is not None or look is not None

    def restart(self, name: str, remote_ufrag: str) -> link.Credentials | None:
        """Begin a new ICE session of a session whose peer did; pictures go on meanwhile.

        Return our new credentials; None if there is no such session.
        """
        session = self._sessions.get(name)
        if session is None or self._life is None:
            return None
        ice = _credentials(remote_ufrag)
        session.terms = replace(session.terms, ice=ice)
        self._life.tell(link.restart(name, ice))
        return ice

    def patch(self, name: str, fragment: str) -> IceAnswer | None:
        """Take a trickled fragment; the answer if it begins a new ICE session, else None.

        FragmentError if it cannot be read, PeerError if there is no such session.
        """
        read = sdp_fragment.read(fragment)
        session = self._sessions.get(name)
        if session is None:
            raise PeerError("no such session")
        if read.ufrag in {"", session.terms.ice.remote_ufrag}:
            return None  # a lite agent learns the peer's addresses from its checks
        if not read.password:
            raise FragmentError("the fragment has new ICE credentials without a password")
        ice = self.restart(name, read.ufrag)
        if ice is None:
            raise PeerError("media process is not running")
        lines = sdp_offer.candidates(
            self._options.candidates, self.port, tcp=self._sockets.tcp is not None
        )
        mid = session.terms.slots[0].mid
        return IceAnswer(sdp_fragment.answer(ice.ufrag, ice.password, mid, lines), ice.ufrag)

    def etag(self, name: str) -> str:
        """Return the entity tag of a session's ICE session, without quotes; empty if gone."""
        session = self._sessions.get(name)
        return session.terms.ice.ufrag if session is not None else ""

    def regrant(self, grant: Grant) -> bool:
        """Let a running look go on under its next Grant; nothing else changes.

        Return False if there is no look under that Grant.
        """
        for look in self._looks.values():
            if look.grant.id == grant.id:
                look.grant = grant
                return True
        return False

    def cut(self, stream: str) -> None:
        """Show nothing more of what a stream has kept or has waiting: its masks have changed."""
        if self._life is not None:
            self._life.cut(stream)

    def sessions(self) -> tuple[SessionInfo, ...]:
        """Return the looks that are open now."""
        return tuple(self._info(one) for one in self._looks.values())

    def _info(self, look: _Look) -> SessionInfo:
        session = look.session
        return SessionInfo(
            look.name,
            look.grant,
            look.opened,
            session.name if session.is_wall else "",
            look.slot.mid,
            look.source,
            frozenset(one.codec for one in look.slot.formats),
            look.state,
        )

    def totals(self) -> Totals:
        """Return what was sent since the start, those counted that run."""
        sums = [self._past, *(_sums(one.state) for one in self._looks.values())]
        return Totals(*map(sum, zip(*sums, strict=True)))

    def takes(self, session: str, mid: str) -> frozenset[Codec]:
        """Return what a wall's peer decodes in a slot; empty if there is no such slot."""
        found = self._sessions.get(session)
        slot = found.slot(mid) if found is not None else None
        return frozenset(one.codec for one in slot.formats) if slot is not None else frozenset()

    def walls(self) -> tuple[WallInfo, ...]:
        """Return the walls that are open now."""
        return tuple(
            WallInfo(
                one.name,
                one.owner,
                one.opened,
                tuple(slot.mid for slot in one.terms.slots),
                one.terms.ice.ufrag,
                one.sign_in,
            )
            for one in self._sessions.values()
            if one.is_wall
        )

    async def keep(self, is_valid: Callable[[Grant], bool]) -> NoReturn:
        """Each second renew the leases whose grant `is_valid`, and close the others."""
        while True:
            self.renew(is_valid)
            await self._clock.sleep(link.RENEW_S)

    def renew(self, is_valid: Callable[[Grant], bool]) -> None:
        """Do one round of `keep`; a Grant past its time is not valid whatever is said."""
        now_s = self._clock.monotonic_s()
        valid: list[int] = []
        for look in self._looks.values():
            if look.closing:
                continue
            if look.grant.expires.monotonic_s <= now_s:
                self._stop(look, _EXPIRED)
            elif not is_valid(look.grant):
                self._stop(look, NOT_VALID)
            else:
                valid.append(look.number)
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
        numbers = [self._sockets.udp.fileno(), theirs.fileno()]
        command = (
            *self._options.command,
            *("--fd", str(numbers[0]), "--link-fd", str(numbers[1])),
            *("--log-level", self._options.log_level),
        )
        if self._sockets.tcp is not None:
            numbers.append(self._sockets.tcp.fileno())
            command = (*command, "--tcp-fd", str(numbers[2]))
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
        self._sessions.clear()
        for look in list(self._looks.values()):
            self._ended(look, look.closing or (link.LEAVING if life.left else _DIED))

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
            case link.Kind.WANTED:
                self.on_wanted(link.read_text(frame.payload))
            case link.Kind.STATE:
                self._note(life, link.read_state(frame.payload))
            case link.Kind.STOPPED:
                self._on_stopped(life, link.read_stopped(frame.payload))
            case link.Kind.ENDED:
                self._on_ended(life, link.read_ended(frame.payload))
            case _:
                raise WireError(f"media process sent a frame of kind {frame.kind}")

    def _note(self, life: _Life, states: list[link.SlotState]) -> None:
        for state in states:
            look = self._looks.get(state.look)
            if look is None:
                continue
            look.state = state
            if look.former is not None and state.stream == look.source.name:
                life.unwatch(look.former, look.number)
                look.former = None

    def _on_stopped(self, life: _Life, end: link.Stopped) -> None:
        look = self._looks.get(end.look)
        if look is None:
            return
        look.state = replace(look.state, bytes=end.bytes, frames=end.frames)
        for source in (look.source, look.former):
            if source is not None:
                life.unwatch(source, look.number)
        self._ended(look, look.closing or end.reason)

    def _on_ended(self, life: _Life, end: link.Ended) -> None:
        future = life.waiting.get(end.session)
        if future is not None and not future.done():
            future.set_exception(PeerError(f"media process refused the session: {end.reason}"))
        self._sessions.pop(end.session, None)

    def _ended(self, look: _Look, reason: str) -> None:
        del self._looks[look.number]
        pairs = zip(self._past, _sums(look.state), strict=True)
        self._past = tuple(a + b for a, b in pairs)  # type: ignore[assignment]  # as many
        if look.session.looks.get(look.slot.mid) is look:
            del look.session.looks[look.slot.mid]
        spent_s = self._clock.monotonic_s() - look.opened.monotonic_s
        self._on_end(
            SessionEnd(
                look.name,
                look.grant,
                reason,
                round(1000 * spent_s),
                look.state.bytes,
                look.state.frames,
                look.session.name if look.session.is_wall else "",
                look.slot.mid,
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


def _terms(offer: sdp_offer.Offer, idle_s: float) -> link.OpenSession:
    """Draw what only this session knows."""
    numbers = secrets.SystemRandom().sample(range(1, 1 << 32), 2 * len(offer.slots))
    return link.OpenSession(
        session=secrets.token_urlsafe(18),
        ice=_credentials(offer.ufrag),
        fingerprints=offer.fingerprints,
        cname=secrets.token_hex(8),
        slots=tuple(
            link.Slot(
                slot.mid,
                numbers[2 * at],
                numbers[2 * at + 1],
                _formats(slot),
                slot.playout_delay,
            )
            for at, slot in enumerate(offer.slots)
        ),
        idle_s=idle_s,
    )


def _sums(state: link.SlotState) -> tuple[int, int, int, int, int]:
    return state.bytes, state.frames, state.packets, state.repeated, state.overflows


def _credentials(remote_ufrag: str) -> link.Credentials:
    return link.Credentials(secrets.token_hex(4), secrets.token_hex(16), remote_ufrag)


def _formats(slot: sdp_offer.Slot) -> tuple[link.SlotFormat, ...]:
    return tuple(
        link.SlotFormat(one.codec, one.payload_type, one.rtx_payload_type) for one in slot.formats
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
    with bound(options.bind, tcp=options.tcp) as sockets:
        media = MediaProcess(options, sockets, clock, on_end)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(media.run())
            try:
                await media.ready(START_S)
                yield media
            finally:
                task.cancel()
