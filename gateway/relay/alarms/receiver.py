# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Hear alarm panels by SIA DC-09 over TCP (B-46); an ACK says that the event is on disk.

Who may report is a list of accounts, each with its key. A stranger, a wrong key and what is damaged
get no answer: nothing is told to whoever does not belong here. A clock too far from ours gets a NAK
with our time, a code that nobody knows a DUH. What is sent again with its number is acknowledged
again and told once. An account that is silent for longer than it may be is an event of its own
(`YC`), which ends when it is heard again.

Memory is bounded: by the accounts of the list, by connections, and by what one may send.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from gateway.model.errors import StoreError, WireError
from gateway.model.panel import PanelEvent, Qualifier
from gateway.relay.alarms.dc09_line import padding
from gateway.relay.alarms.sia_codes import codes
from gateway.runtime.clock import Clock
from gateway.runtime.tally import Tally
from gateway.wire import dc09
from gateway.wire.dc09 import Content, Frame, Token

log = logging.getLogger(__name__)

SILENCE: Final = "YC"
"""SIA: communications fail."""
READ_BYTES: Final = 4096
_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Account:
    """Who may report."""

    account: str
    """3 to 16 hexadecimal digits, upper case."""
    key: bytes | None = field(default=None, repr=False)
    """None: in clear."""
    supervision_s: float = 0.0
    """Silent for so long, its line has failed; 0: nobody watches it."""


@dataclass(frozen=True, slots=True)
class ReceiverBounds:
    """How much is taken from whom."""

    connections: int = 128
    strangers: int = 32
    """Connections that have proved nothing yet; the oldest gives way to a new one."""
    each: int = 4
    """Connections of one account; the oldest gives way to a new one."""
    first_s: float = 30.0
    """So long a stranger has to prove something."""
    idle_s: float = 3600.0
    """So long a panel may keep a connection without a word."""
    strikes: int = 5
    """Messages that are refused before the connection is closed."""
    repeats: int = 64
    """Messages of one account that are remembered."""
    repeat_s: float = 600.0
    """So long the same number with the same content, time of the event included, is the same
    message."""
    undated_s: float = 90.0
    """Without that time: so long, and only until something else of the account was taken."""
    past_s: float = 86_400.0
    """A time of an event that lies farther back is a clock that was never set."""
    tick_s: float = 1.0


OnEvent = Callable[[PanelEvent], Awaitable[None]]
"""Makes an event durable; StoreError if the disk refuses."""
OnRefused = Callable[[str, str, str], None]
"""Hears of account, peer and problem; never waits."""


@dataclass(slots=True)
class _State:
    """What is known of an account."""

    heard_s: float
    """Monotonic."""
    silent: bool | None = None
    """None: not known since the start, so that its first word ends what an earlier start began."""
    problem: str = ""
    seen: deque[tuple[int, bytes, float]] = field(default_factory=deque)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """What an operator is told about a panel's line."""

    account: str
    online: bool
    """Heard within its bound; of an account without one: heard at all."""
    silent_s: float
    problem: str


class _RefusedError(Exception):
    """A message is not answered."""


class Receiver:
    """The receiving side; `serve` and `watch` run until cancelled."""

    def __init__(
        self,
        accounts: Callable[[], Mapping[str, Account]],
        on_event: OnEvent,
        on_refused: OnRefused,
        *,
        clock: Clock,
        bounds: ReceiverBounds | None = None,
    ) -> None:
        """`accounts`: by account without leading zeros, as they are now (see `bare`)."""
        self._accounts = accounts
        self._on_event = on_event
        self._on_refused = on_refused
        self._clock = clock
        self._bounds = bounds or ReceiverBounds()
        self._states: dict[str, _State] = {}
        self._tally = Tally(log, clock)
        self._writers: set[asyncio.StreamWriter] = set()
        self._strangers: OrderedDict[asyncio.StreamWriter, None] = OrderedDict()
        self._owners: dict[asyncio.StreamWriter, str] = {}
        """Account by connection that proved it, oldest first."""

    async def serve(self, host: str, port: int, ready: Callable[[int], None] | None = None) -> None:
        """Listen until cancelled; OSError if the address cannot be used."""
        server = await asyncio.start_server(self._connection, host, port, limit=READ_BYTES)
        if ready is not None:
            ready(server.sockets[0].getsockname()[1])
        try:
            await server.serve_forever()
        finally:
            server.close()
            for writer in tuple(self._writers):
                writer.close()

    def statuses(self) -> tuple[AccountStatus, ...]:
        """Return the state of every account of the list."""
        now_s = self._clock.monotonic_s()
        found = []
        for name, account in sorted(self._accounts().items()):
            state = self._states.get(name)
            silent_s = now_s - state.heard_s if state else 0.0
            online = state is not None and state.silent is False
            found.append(
                AccountStatus(account.account, online, silent_s, state.problem if state else "")
            )
        return tuple(found)

    # supervision ----------------------------------------------------------------------------

    async def watch(self) -> None:
        """Notice accounts that fall silent, until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(self._bounds.tick_s)

    async def look(self) -> None:
        """Tell of each account that is silent for longer than it may be; once, until it speaks."""
        known = self._accounts()
        for gone in self._states.keys() - known.keys():
            del self._states[gone]
        for name, account in known.items():
            state = self._state(name)
            async with state.turn:
                silent_s = self._clock.monotonic_s() - state.heard_s
                if not account.supervision_s or state.silent or silent_s < account.supervision_s:
                    continue
                text = f"nessun segnale da {silent_s:.0f} s"
                if await self._tell(self._line_event(account, Qualifier.NEW, text)):
                    state.silent = True

    async def _heard(self, account: Account, state: _State) -> bool:
        """Note a sign of life; False if the disk refuses that the line is there again."""
        state.heard_s = self._clock.monotonic_s()
        state.problem = ""
        if (
            account.supervision_s
            and state.silent is not False
            and not await self._tell(self._line_event(account, Qualifier.RESTORE, ""))
        ):
            return False
        state.silent = False
        return True

    def _line_event(self, account: Account, qualifier: Qualifier, text: str) -> PanelEvent:
        now_us = self._clock.now().utc_us
        return PanelEvent(account.account, SILENCE, qualifier, now_us, text=text)

    async def _tell(self, event: PanelEvent) -> bool:
        try:
            await self._on_event(event)
        except StoreError as error:
            self._tally.note("panel-not-stored", account=event.account, problem=str(error))
            return False
        return True

    # connections ----------------------------------------------------------------------------

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = str((writer.get_extra_info("peername") or ("?",))[0])
        with self._counted(writer) as room:
            if room:
                await self._converse(reader, writer, peer)
        writer.close()

    @contextmanager
    def _counted(self, writer: asyncio.StreamWriter) -> Iterator[bool]:
        """Count a connection; False if there are too many."""
        if len(self._writers) >= self._bounds.connections:
            self._tally.note("panel-connections-full")
            yield False
            return
        if len(self._strangers) >= self._bounds.strangers:
            oldest, _ = self._strangers.popitem(last=False)
            oldest.close()
        self._writers.add(writer)
        self._strangers[writer] = None
        try:
            yield True
        finally:
            self._writers.discard(writer)
            self._strangers.pop(writer, None)
            self._owners.pop(writer, None)

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str
    ) -> None:
        cutter, strikes = dc09.FrameReader(), 0
        try:
            while strikes < self._bounds.strikes:
                stranger = writer in self._strangers
                bound_s = self._bounds.first_s if stranger else self._bounds.idle_s
                async with asyncio.timeout(bound_s):
                    data = await reader.read(READ_BYTES)
                if not data:
                    return
                for frame in cutter.receive(data):
                    said = await self._answered(frame, peer)
                    if said is None:
                        strikes += 1
                        continue
                    token, reply = said
                    if token is Token.NAK:
                        strikes += 1  # an old recording gets one too: it proves nobody
                    else:
                        self._proven(writer, frame)
                    writer.write(reply)
                    async with asyncio.timeout(self._bounds.first_s):
                        await writer.drain()
        except WireError as error:
            self._on_refused("", peer, str(error))
        except (TimeoutError, OSError):
            return

    def _proven(self, writer: asyncio.StreamWriter, frame: bytes) -> None:
        """Note whose a connection is; the oldest of an account gives way to a new one.

        So what is heard on the network and sent again at once takes no other panel's place.
        """
        self._strangers.pop(writer, None)
        name = bare(dc09.parse(frame).account)
        if self._owners.get(writer) == name:
            return
        own = [one for one, account in self._owners.items() if account == name]
        if len(own) >= self._bounds.each:
            own[0].close()
            del self._owners[own[0]]
        self._owners[writer] = name

    # messages -------------------------------------------------------------------------------

    async def answer(self, data: bytes, peer: str) -> bytes | None:
        """Return the answer to a frame without LF and CR; None: it gets none."""
        said = await self._answered(data, peer)
        return said[1] if said is not None else None

    async def _answered(self, data: bytes, peer: str) -> tuple[Token, bytes] | None:
        """Return the answer to a frame and what it is; None: it gets none."""
        account = ""
        try:
            frame = dc09.parse(data)
            account = frame.account
            known = self._known(frame)
            content = dc09.parse_content(dc09.open_body(frame, known.key), padded=frame.encrypted)
        except (WireError, _RefusedError) as error:
            self._on_refused(account, peer, str(error))
            return None
        state = self._state(bare(known.account))
        async with state.turn:
            token = await self._take(frame, content, known, state)
        if token is None:
            return None
        now_us = self._clock.now().utc_us
        return token, dc09.answer(token, frame, now_us, key=known.key, padding=padding())

    def _known(self, frame: Frame) -> Account:
        """Return who a frame comes from, if it comes as it must."""
        known = self._accounts().get(bare(frame.account)) if frame.account else None
        if known is None:
            raise _RefusedError("unknown account")
        if known.key is not None and not frame.encrypted:
            raise _RefusedError("in clear, and the account has a key")
        return known

    def _state(self, name: str) -> _State:
        if name not in self._states:
            self._states[name] = _State(self._clock.monotonic_s())
        return self._states[name]

    async def _take(
        self, frame: Frame, content: Content, known: Account, state: _State
    ) -> Token | None:
        """Do what a message asks; return the answer, None while the disk refuses it."""
        if content.utc_us is not None:
            late_s = (self._clock.now().utc_us - content.utc_us) / _US
            if not -dc09.MOST_EARLY_S <= late_s <= dc09.MOST_LATE_S:
                ahead = "behind" if late_s > 0 else "ahead of"
                state.problem = f"its clock is {abs(late_s):.0f} s {ahead} ours"
                self._tally.note("panel-clock", account=known.account, problem=state.problem)
                return Token.NAK
        if not await self._heard(known, state):
            return None
        if frame.token is Token.NULL:
            return Token.ACK
        mark = (frame.sequence, _digest(content))
        if self._is_repeat(state, mark, dated="H" in dict(content.extended)):
            return Token.ACK
        try:
            events = self._events(frame, content, known)
        except WireError as error:
            state.problem = f"not understood: {error}"
            self._on_refused(known.account, "", state.problem)
            return Token.DUH
        for event in events:
            if not await self._tell(event):
                return None
        state.seen.append((*mark, self._clock.monotonic_s()))
        return Token.ACK

    def _is_repeat(self, state: _State, mark: tuple[int, bytes], *, dated: bool) -> bool:
        """Return whether a message was taken before: its sender did not hear our answer.

        A panel that is switched on anew counts from the start: the same number, zone and code may
        be another burglary. Rather told twice than never.
        """
        now_s = self._clock.monotonic_s()
        while state.seen and (
            len(state.seen) > self._bounds.repeats
            or state.seen[0][2] < now_s - self._bounds.repeat_s
        ):
            state.seen.popleft()
        if dated:
            return any(mark == one[:2] for one in state.seen)
        last = state.seen[-1] if state.seen else None
        if last is None or mark != last[:2] or now_s - last[2] > self._bounds.undated_s:
            return False
        state.seen[-1] = (*mark, now_s)
        return True

    def _events(self, frame: Frame, content: Content, known: Account) -> list[PanelEvent]:
        """Return what a message says; WireError for what this table does not know."""
        extended = dict(content.extended)
        utc_us = self._when(content, extended)
        text = dc09.printable(extended.get("I", ""))
        if frame.token is Token.CID:
            one = dc09.parse_cid(content.data)
            meaning = codes().meaning_cid(one.code, one.qualifier)
            if meaning is None:
                raise WireError(f"Contact ID {one.code}")
            code, qualifier = meaning
            return [PanelEvent(known.account, code.sia, qualifier, utc_us, _zone(one.zone), text)]
        if frame.token is not Token.SIA:
            raise WireError("an unknown protocol")
        events, strange = [], ""
        for said in dc09.parse_sia(content.data):
            meaning = codes().meaning(said.code)
            if meaning is None:
                strange = strange or said.code
                continue
            code, qualifier = meaning
            zone = _zone(said.zone)
            events.append(
                PanelEvent(known.account, code.sia, qualifier, utc_us, zone, said.text or text)
            )
        if strange:
            if not events:
                raise WireError(f"SIA code {strange}")
            # what is known must not wait for what nobody knows
            self._on_refused(
                known.account, "", f"not understood, beside others: SIA code {strange}"
            )
        return events

    def _when(self, content: Content, extended: Mapping[str, str]) -> int:
        """Return when it happened; the future and what is long past are not believed."""
        now_us = self._clock.now().utc_us
        sent_us = min(content.utc_us or now_us, now_us)
        try:
            said_us = dc09.parse_time(extended["H"])
        except (KeyError, WireError):
            return sent_us
        return min(said_us, now_us) if said_us >= now_us - self._bounds.past_s * _US else sent_us


def bare(account: str) -> str:
    """Return an account as it is compared: panels fill up with zeros as they like."""
    return account.upper().lstrip("0")


def _zone(text: str) -> str:
    """Return a zone without leading zeros; empty for none."""
    return text.lstrip("0")


def _digest(content: Content) -> bytes:
    """Return what is the same in each repetition of a message: all but the time of sending."""
    return hashlib.sha256(repr((content.data, content.extended)).encode()).digest()
