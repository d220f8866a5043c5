# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A connection to a central station by SIA DC-09: messages, and the answers to them (B-46).

One message is on its way at a time. A station that is told in cipher must answer in cipher, with a
time near ours, or an ACK could be forged. A NAK that tells another time is followed, up to a
bound: our stamps are then the station's, and `warning` says that the clocks differ.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from gateway.model.errors import PeerError, WireError
from gateway.runtime.clock import Clock
from gateway.runtime.supervise import Policy
from gateway.wire import dc09
from gateway.wire.dc09 import Content, Frame, Sender, Token

PADDING_CHARS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
READ_BYTES: Final = 4096
ANSWERS: Final = 16
"""Answers that may wait to be looked at; the oldest give way."""
REDIAL: Final = Policy(first_s=0.5, most_s=15.0)
TAKEN: Final = frozenset({Token.ACK, Token.RSP})
_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Station:
    """Where a central station is, and who we are to it."""

    name: str
    receivers: tuple[tuple[str, int], ...]
    """Host and port; the first one first."""
    sender: Sender
    token: Token = Token.SIA
    """SIA or CID."""
    supervision_s: float = 90.0
    """A NULL message after so long without another; 0: none."""
    zones: Mapping[str, int] = field(default_factory=dict)
    """What the station calls our zones and cameras; 0 is what it hears of others."""


@dataclass(frozen=True, slots=True)
class StationPace:
    """How hard to try."""

    connect_s: float = 10.0
    answer_s: float = 15.0
    tick_s: float = 0.5
    home_s: float = 300.0
    """So long the second receiver is used before the first is tried again."""
    refused_first_s: float = 60.0
    refused_most_s: float = 900.0
    probes: int = 4
    """Refused messages that are tried again at once."""
    most_shift_s: float = 3600.0
    """A station's clock is followed so far; beyond, a person has to set one of the two."""
    most_skew_s: float = 60.0
    """How old an answer in cipher may be, by the time that it tells."""
    redial: Policy = REDIAL


def key_of(text: str) -> bytes:
    """Return the AES key of a secret: 16, 24 or 32 characters, or `hex:` and their digits."""
    if text.startswith("hex:"):
        try:
            key = bytes.fromhex(text.removeprefix("hex:"))
        except ValueError:
            key = b""
    else:
        key = text.encode("latin-1", "replace") if text.isascii() else b""
    if len(key) not in dc09.KEY_CHARS:
        raise ValueError("is no AES key: write 16, 24 or 32 characters, or hex: and their digits")
    return key


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a station answered."""

    token: Token
    problem: str = ""
    shift_us: int | None = None
    """With NAK: how far its clock is ahead of what we told."""

    @property
    def taken(self) -> bool:
        """Return whether it has the message."""
        return self.token in TAKEN


@asynccontextmanager
async def connected(
    station: Station, at: int, clock: Clock, pace: StationPace
) -> AsyncIterator["Link"]:
    """Connect to one receiver of a station; PeerError if it does not answer."""
    host, port = station.receivers[at]
    try:
        async with asyncio.timeout(pace.connect_s):
            reader, writer = await asyncio.open_connection(host, port, limit=READ_BYTES)
    except TimeoutError:
        raise PeerError(f"{host}:{port}: no connection within {pace.connect_s:g} s") from None
    except OSError as error:
        words = (error.strerror or type(error).__name__).lower()
        raise PeerError(f"{host}:{port}: {words}") from None
    try:
        yield Link(station, _Stream(f"{host}:{port}", reader, writer), clock, pace)
    finally:
        writer.close()


class _Stream:
    """Frames in and out; `listen` reads."""

    def __init__(
        self, peer: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.peer = peer
        self._reader = reader
        self._writer = writer
        self._frames: deque[bytes] = deque(maxlen=ANSWERS)
        self._came = asyncio.Event()
        self._over = ""

    async def listen(self) -> None:
        """Read until the other side ends it."""
        cutter = dc09.FrameReader()
        try:
            while data := await self._reader.read(READ_BYTES):
                self._frames += cutter.receive(data)
                self._came.set()
            self._over = "closed by the station"
        except OSError as error:
            self._over = (error.strerror or type(error).__name__).lower()
        except WireError as error:
            self._over = str(error)
        self._came.set()

    def check(self) -> None:
        """Raise PeerError once the connection is over."""
        if self._over:
            raise PeerError(f"{self.peer}: {self._over}")

    async def send(self, frame: bytes) -> None:
        """Write a message; what came before is no answer to it."""
        self._frames.clear()
        self._came.clear()
        self.check()
        try:
            self._writer.write(frame)
            await self._writer.drain()
        except OSError as error:
            words = (error.strerror or type(error).__name__).lower()
            raise PeerError(f"{self.peer}: {words}") from None

    async def receive(self) -> bytes:
        """Wait for the next answer; PeerError once there is none any more."""
        while not self._frames:
            self.check()
            await self._came.wait()
            self._came.clear()
        return self._frames.popleft()


class Link:
    """A connection in use; one `exchange` at a time, while `listen` runs."""

    def __init__(self, station: Station, stream: _Stream, clock: Clock, pace: StationPace) -> None:
        self._station = station
        self._stream = stream
        self._clock = clock
        self._pace = pace
        self._shift_us = 0
        self._unread = ""
        self.spoke_s = clock.monotonic_s() - station.supervision_s
        """When it last answered; a NULL is due at once, so that a wrong account or key shows
        before there is an alarm."""
        self.warning = ""
        """What a person should correct though it works: clocks that differ."""

    async def listen(self) -> None:
        """Read answers until the other side ends it."""
        await self._stream.listen()

    def check(self) -> None:
        """Raise PeerError once the connection is over."""
        self._stream.check()

    async def exchange(self, token: Token, sequence: int, content: Content | None) -> Verdict:
        """Send a message and return the answer; after a NAK once more, by the station's time.

        PeerError if none comes in time, or the connection breaks.
        """
        verdict = await self._ask(token, sequence, content)
        if verdict.token is not Token.NAK or verdict.shift_us is None:
            return verdict
        shift_s = (self._shift_us + verdict.shift_us) / _US
        words = f"its clock is {abs(shift_s):.0f} s {'ahead of' if shift_s > 0 else 'behind'} ours"
        if abs(shift_s) > self._pace.most_shift_s:
            return Verdict(Token.NAK, f"NAK: {words}: set one of the two")
        self._shift_us += verdict.shift_us
        self.warning = f"{words}: set one of the two"
        return await self._ask(token, sequence, content)

    async def _ask(self, token: Token, sequence: int, content: Content | None) -> Verdict:
        utc_us = self._clock.now().utc_us + self._shift_us
        told = content or Content("")
        told = Content(told.data, told.extended, utc_us)
        frame = dc09.message(token, self._station.sender, sequence, told, padding=padding())
        self._unread = ""
        try:
            async with asyncio.timeout(self._pace.answer_s):
                await self._stream.send(frame)
                verdict = await self._answer(token, sequence, utc_us)
        except TimeoutError:
            words = f"no answer{self._unread} within {self._pace.answer_s:g} s"
            raise PeerError(f"{self._stream.peer}: {words}") from None
        self.spoke_s = self._clock.monotonic_s()
        return verdict

    async def _answer(self, token: Token, sequence: int, told_us: int) -> Verdict:
        """Wait for the answer to a message; what is none is passed over."""
        while True:
            try:
                frame = dc09.parse(await self._stream.receive())
                verdict = self._judge(frame, token, sequence, told_us)
            except WireError as error:
                self._unread = f" that holds ({error})"
                continue
            if verdict is not None:
                return verdict

    def _judge(self, frame: Frame, token: Token, sequence: int, told_us: int) -> Verdict | None:
        """Return what an answer means; None if it is none to this message."""
        if frame.token is Token.NAK:
            at_us = dc09.parse_content(frame.body, padded=False).utc_us
            shift = None if at_us is None else at_us - told_us
            return Verdict(Token.NAK, "NAK: it could not read the message", shift)
        if frame.token not in TAKEN | {Token.DUH} or frame.sequence != sequence:
            return None
        sender = self._station.sender
        if frame.account and frame.account.lstrip("0") != sender.account.lstrip("0"):
            raise WireError("it is for another account")
        if frame.token is Token.DUH:
            about = "supervision" if token is Token.NULL else "this event"
            return Verdict(Token.DUH, f"DUH: it does not take {about}")
        if sender.key is not None:
            if not frame.encrypted:
                raise WireError("it is in clear, though it was asked in cipher")
            self._check_age(dc09.open_body(frame, sender.key), told_us)
        return Verdict(frame.token)

    def _check_age(self, body: str, told_us: int) -> None:
        at_us = dc09.parse_content(body, padded=True).utc_us or 0
        skew_s = (at_us - told_us) / _US
        if abs(skew_s) > self._pace.most_skew_s:
            raise WireError(f"it tells a time {skew_s:+.0f} s off")


def padding() -> str:
    """Return what an encrypted message begins with."""
    return "".join(secrets.choice(PADDING_CHARS) for _ in range(dc09.MOST_PADDING))
