# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One control connection between an edge and a room while it stands; both ends are alike.

Either end asks and remarks. What comes is handled in the order in which it came, several at a
time. Of blobs (pictures) one at a time is under way: no alarm waits behind more. Whoever says
nothing for a while is asked whether it is there; nothing grows without a bound.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, NoReturn

from gateway.model.errors import (
    BusyError,
    CredentialError,
    GatewayError,
    InvariantError,
    PeerError,
    RefusedError,
    WireError,
)
from gateway.model.room import Handler, LinePeer, Reply
from gateway.room.assertions import AHEAD_S
from gateway.runtime.clock import Clock
from gateway.runtime.sealed import RECORD_BYTES, Sealed
from gateway.wire.uplink import Frame, FrameDecoder, encode

log = logging.getLogger(__name__)

LAST_WORDS_S = 0.5
LANDING_STALLS = 4
"""A blob is four records: so many times `Bounds.stall_s` it may take to arrive."""
HELLO = "hello"
PING = "ping"
BUSY, UNAVAILABLE, WIRE, UNKNOWN = "busy", "unavailable", "wire", "unknown-kind"
"""Codes of refusals that are not a handler's own."""


class SilentError(PeerError):
    """Nothing was heard for too long: this way leads nowhere now, another may."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long and how much; times in seconds."""

    ping_s: float = 2.5
    """So long nothing was heard: ask whether anybody is there."""
    dead_s: float = 6.5
    """So long nothing was heard: the line is over, 7.5 s after the last byte at the latest.

    People are to know within 10 s, and a loaded machine looks late: hence no closer to it.
    """
    look_s: float = 0.5
    """How often that is looked at."""
    stall_s: float = 10.0
    """A peer that takes no record of 16 KiB in this time does not read."""
    measure_s: float = 30.0
    """The delay is measured at least so often, also on a busy line."""
    hello_s: float = 10.0
    """A line on which nobody was greeted in this time is over."""
    most_calls: int = 64
    """Questions of ours without an answer; more wait."""
    most_handled: int = 32
    """Of theirs at work."""
    most_waiting: int = 256
    """Of theirs that wait; a question more is told `busy`, a remark more ends the line."""
    soft_bytes: int = 256 << 10
    """Unsent; with more, questions and answers wait."""
    hard_bytes: int = 4 << 20
    """Unsent; with more, the line is over."""
    frames_a_second: float = 400.0
    """What we read in the long run; who sends more is read more slowly."""
    burst: float = 2000.0


@dataclass(frozen=True, slots=True)
class LineCounts:
    """What went over one line, since it stands."""

    asked: int
    answered: int
    handled: int
    refused: int
    """Questions of theirs that were told no."""
    late: int
    """Answers that nobody waited for any more."""
    sent_bytes: int
    received_bytes: int


class Line:
    """One connection, from its handshake to its end; `run` is its life."""

    def __init__(
        self, sealed: Sealed, peer: LinePeer, clock: Clock, bounds: Bounds | None = None
    ) -> None:
        """Own `sealed` from now on; `peer` is replaced by `greet`."""
        self.peer = peer
        self.bounds = bounds = bounds or Bounds()
        self.timing = Timing()
        self.heard_utc_us = clock.now().utc_us
        self._sealed, self._clock = sealed, clock
        self._heard_s = self._pinged_s = clock.monotonic_s()
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[Frame | None]] = {}
        self._pings: dict[int, float] = {}
        self._slots = asyncio.Semaphore(bounds.most_calls)
        self._unsent: deque[bytes] = deque()
        self._blob_turn, self._landed = asyncio.Lock(), asyncio.Event()
        self._landing = 0
        """Number of the ping that follows the blob under way; 0: none is."""
        self._unsent_bytes = 0
        self._to_send, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()
        self._greeted = asyncio.Event()
        self._over: asyncio.Future[PeerError] = asyncio.get_running_loop().create_future()
        self._problem = ""
        self._waiting: deque[Frame] = deque()
        self._running = 0
        self._handlers: Mapping[str, Handler] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._counts = dict.fromkeys(("asked", "answered", "handled", "refused", "late"), 0)

    @property
    def sealed(self) -> Sealed:
        """The connection, for its addresses and certificates."""
        return self._sealed

    @property
    def problem(self) -> str:
        """Why it is over; empty while it stands."""
        return self._problem

    @property
    def silent_s(self) -> float:
        """How long nothing was heard."""
        return self._clock.monotonic_s() - self._heard_s

    def counts(self) -> LineCounts:
        """Return what went over it."""
        sealed = self._sealed
        return LineCounts(
            **self._counts, sent_bytes=sealed.sent_bytes, received_bytes=sealed.received_bytes
        )

    def greet(self, peer: LinePeer) -> None:
        """Note who is there: from now on its questions are answered."""
        self.peer = peer
        self._greeted.set()

    def end(self, problem: PeerError) -> None:
        """Have `run` end with `problem`; the first one counts."""
        if not self._over.done():
            self._over.set_result(problem)

    async def run(self, handlers: Mapping[str, Handler]) -> NoReturn:
        """Live until the connection ends: PeerError, CredentialError if our certificate is refused.

        `handlers` is looked up at each question, so that it may change. Errors of a handler are
        told to the asker; its bugs end the line and are raised, in a group. Cancelling closes it.
        """
        self._handlers = handlers
        problem: PeerError = self._gone()
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for part in (self._read(), self._write(), self._watch(), self._ends()):
                    tasks.create_task(part)
        except* PeerError as group:
            problem = foremost(group)
        finally:
            self._tasks = None
            self._bury(str(problem))
        raise problem

    async def call(
        self, kind: str, body: Mapping[str, Any], blob: bytes = b"", *, within_s: float = 10.0
    ) -> Reply:
        """Ask; see `gateway.model.room.Caller`. BusyError: the other end has too much to do.

        Cancelling forgets the question; the other end may have done what was asked.
        """
        number = next(self._numbers)
        data = encode(Frame(kind, body, blob, number))
        answer: asyncio.Future[Frame | None] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(within_s), self._slots:
                self._asked[number] = answer
                await self._put(data, heavy=bool(blob))
                self._counts["asked"] += 1
                frame = await answer
        except TimeoutError:
            said = f"line {self.peer.id}: no answer to {kind} in {within_s:g} s"
            raise PeerError(said) from None
        finally:
            self._asked.pop(number, None)
        if frame is None:
            raise self._gone()
        if frame.error is not None:
            raise _refusal(kind, frame.error)
        return Reply(frame.body, frame.blob)

    def tell(self, kind: str, body: Mapping[str, Any]) -> bool:
        """Remark; False if the line is over. Never waits."""
        if self._problem or self._over.done():
            return False
        self._post(encode(Frame(kind, body)))
        return True

    def _gone(self) -> PeerError:
        return PeerError(f"line {self.peer.id}: {self._problem or 'over'}")

    def _bury(self, problem: str) -> None:
        """Let nobody wait for what cannot come."""
        self._problem = problem
        for answer in self._asked.values():
            if not answer.done():
                answer.set_result(None)
        self._room.set()
        self._unsent.clear()
        self._landed.set()
        self._waiting.clear()
        self._sealed.close()

    async def _ends(self) -> None:
        raise await asyncio.shield(self._over)

    # What goes out.

    async def _put(self, data: bytes, *, heavy: bool = False) -> None:
        """Queue a frame once there is room; `heavy`: it has a blob, and those go one at a time.

        The ping behind a blob is answered when the other end has read it. Until then none follows:
        an alarm finds one blob before it on the way at most, whatever the way is and buffers.
        """
        if not heavy:
            await self._queue(data)
            return
        async with self._blob_turn:
            await self._queue(data)
            self._landing = next(self._numbers)
            self._landed.clear()
            self._post(encode(Frame(PING, number=self._landing)))
            try:
                async with asyncio.timeout(LANDING_STALLS * self.bounds.stall_s):
                    await self._landed.wait()
            except TimeoutError:
                self.end(PeerError(f"line {self.peer.id}: it does not read"))

    async def _queue(self, data: bytes) -> None:
        while not self._room.is_set():
            await self._room.wait()
        self._post(data)

    def _post(self, data: bytes) -> None:
        """Queue a frame now."""
        if self._problem:
            raise self._gone()
        self._unsent.append(data)
        self._unsent_bytes += len(data)
        self._to_send.set()
        if self._unsent_bytes > self.bounds.soft_bytes:
            self._room.clear()
        if self._unsent_bytes > self.bounds.hard_bytes:
            self.end(PeerError(f"line {self.peer.id}: it reads too slowly"))

    async def _write(self) -> None:
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            while self._unsent:
                data = self._unsent.popleft()
                for at in range(0, len(data), RECORD_BYTES):
                    await self._send(data[at : at + RECORD_BYTES])
                self._unsent_bytes -= len(data)
                if self._unsent_bytes <= self.bounds.soft_bytes:
                    self._room.set()

    async def _send(self, record: bytes) -> None:
        try:
            async with asyncio.timeout(self.bounds.stall_s):
                await self._sealed.write(record)
        except TimeoutError:
            raise PeerError(f"line {self.peer.id}: it does not read") from None
        except PeerError:
            await self._clock.sleep(LAST_WORDS_S)  # who reads may find out why
            raise

    # What comes in.

    async def _read(self) -> None:
        decoder, pace = FrameDecoder(), _Pace(self.bounds, self._clock)
        while True:
            data = await self._sealed.read()
            self._heard_s = self._clock.monotonic_s()
            self.heard_utc_us = self._clock.now().utc_us
            frames = decoder.receive(data)
            for frame in frames:
                self._take(frame)
            await self._clock.sleep(pace.owed_s(len(frames)))  # also: others get their turn

    def _take(self, frame: Frame) -> None:
        if frame.answers:
            self._answered(frame)
        elif frame.kind == PING:
            if frame.number:
                now = {"utc_us": self._clock.now().utc_us}
                self._post(encode(Frame(PING, now, answers=frame.number)))
        elif len(self._waiting) < self.bounds.most_waiting:
            self._waiting.append(frame)
            self._handle_more()
        elif frame.number:
            self._counts["refused"] += 1
            self._post(encode(Frame(frame.kind, answers=frame.number, error=(BUSY, ""))))
        else:
            raise WireError(f"line {self.peer.id}: it remarks more than anybody can hear")

    def _answered(self, frame: Frame) -> None:
        if frame.answers == self._landing:
            self._landed.set()
            return
        sent_s = self._pings.pop(frame.answers, None)
        if sent_s is not None:
            self._measured(sent_s, frame.body.get("utc_us"))
            return
        asked = self._asked.get(frame.answers)
        if asked is None or asked.done():
            self._counts["late"] += 1
            return
        self._counts["answered"] += 1
        asked.set_result(frame)

    def _handle_more(self) -> None:
        while self._waiting and self._running < self.bounds.most_handled and self._tasks:
            self._running += 1
            self._tasks.create_task(self._handle(self._waiting.popleft()))

    async def _handle(self, frame: Frame) -> None:
        if frame.kind != HELLO:
            await self._greeted.wait()
        reply, heavy = await self._reply(frame)
        if frame.number:
            await self._put(reply, heavy=heavy)
        self._running -= 1
        self._handle_more()

    async def _reply(self, frame: Frame) -> tuple[bytes, bool]:
        """Return the answer, and whether it has a blob; only bugs are raised."""
        handler = self._handlers.get(frame.kind)
        try:
            if handler is None:
                raise RefusedError(UNKNOWN, frame.kind)  # noqa: TRY301 - told as any refusal
            reply = await handler(self.peer, frame.body, frame.blob)
            self._counts["handled"] += 1
            said = Frame(frame.kind, reply.body, reply.blob, answers=frame.number)
            return encode(said), bool(reply.blob)
        except RefusedError as refusal:
            error = (refusal.code, refusal.text)
        except WireError as problem:
            error = (WIRE, str(problem))
        except InvariantError:
            raise
        except GatewayError as problem:  # what is wrong with us is not theirs to know
            error = (UNAVAILABLE, "")
            log.warning("line-unavailable", extra={"kind": frame.kind, "problem": str(problem)})
        self._counts["refused"] += 1
        error = (error[0][:64], error[1][:400])
        return encode(Frame(frame.kind, answers=frame.number, error=error)), False

    # Whether anybody is there.

    async def _watch(self) -> None:
        bounds, clock = self.bounds, self._clock
        began_s = looked_s = clock.monotonic_s()
        while True:
            await clock.sleep(bounds.look_s)
            now_s = clock.monotonic_s()
            if now_s - looked_s > bounds.look_s + bounds.ping_s / 2:  # it was us who slept
                self._heard_s = max(self._heard_s, now_s - bounds.ping_s)
            looked_s = now_s
            silent_s = now_s - self._heard_s
            if silent_s >= bounds.dead_s:
                raise SilentError(f"line {self.peer.id}: nothing heard for {silent_s:.0f} s")
            if not self._greeted.is_set() and now_s - began_s > bounds.hello_s:
                raise PeerError(f"line {self.peer.id}: no greeting in {bounds.hello_s:g} s")
            if now_s - self._pinged_s >= (
                bounds.ping_s if silent_s >= bounds.ping_s else bounds.measure_s
            ):
                self.ping()

    def ping(self) -> None:
        """Measure the delay and the other clock now."""
        number = next(self._numbers)
        self._pinged_s = self._pings[number] = self._clock.monotonic_s()
        while len(self._pings) > Timing.KEPT:
            del self._pings[next(iter(self._pings))]
        self._post(encode(Frame(PING, number=number)))

    def _measured(self, sent_s: float, theirs: object) -> None:
        trip_s = self._clock.monotonic_s() - sent_s
        if type(theirs) is int and 0 < theirs < 1 << 53:
            middle_us = self._clock.now().utc_us - round(trip_s * 500_000)
            self.timing.note(trip_s * 1000, (theirs - middle_us) / 1000)


class Timing:
    """Delay and difference of the clocks; the quickest of the last answers is believed."""

    KEPT = 8

    def __init__(self) -> None:
        self._last: deque[tuple[float, float]] = deque(maxlen=self.KEPT)

    def note(self, round_trip_ms: float, offset_ms: float) -> None:
        """Take one measurement; if a clock was set since the last ones, they count no more.

        An answer is wrong by half its own delay at most: what differs by more was no delay.
        """
        if self._last and abs(offset_ms - self._last[-1][1]) > self._unsure(round_trip_ms):
            self._last.clear()
        self._last.append((round_trip_ms, offset_ms))

    def _unsure(self, round_trip_ms: float) -> float:
        """Return by how many milliseconds two honest answers may differ, and no look suffers."""
        return AHEAD_S * 1000 + (round_trip_ms + self._last[-1][0]) / 2

    @property
    def round_trip_ms(self) -> float:
        """The last one; 0 before the first."""
        return self._last[-1][0] if self._last else 0.0

    @property
    def clock_offset_ms(self) -> float:
        """Their UTC minus ours, off by half the quickest delay at most; 0 before the first."""
        return min(self._last)[1] if self._last else 0.0


class _Pace:
    """How long to wait before more is read."""

    def __init__(self, bounds: Bounds, clock: Clock) -> None:
        self._bounds, self._clock = bounds, clock
        self._left, self._seen_s = bounds.burst, clock.monotonic_s()

    def owed_s(self, frames: int) -> float:
        """Take `frames` off the allowance; return the wait that makes up for what is missing."""
        bounds, now_s = self._bounds, self._clock.monotonic_s()
        grown = self._left + (now_s - self._seen_s) * bounds.frames_a_second
        self._left, self._seen_s = min(bounds.burst, grown) - frames, now_s
        return min(1.0, max(0.0, -self._left / bounds.frames_a_second))


def _refusal(kind: str, error: tuple[str, str]) -> PeerError:
    code, text = error
    if code == BUSY:
        return BusyError(f"{kind}: the other end has too much to do")
    if code == UNAVAILABLE:
        return PeerError(f"{kind}: the other end cannot now")
    return RefusedError(code, text)


def foremost(group: BaseExceptionGroup[BaseException]) -> PeerError:
    """Return what says most of a group of PeerErrors: a refused certificate, then the first."""
    leaves: list[PeerError] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            leaves.append(foremost(error))
        elif isinstance(error, PeerError):
            leaves.append(error)
    return next((one for one in leaves if isinstance(one, CredentialError)), leaves[0])
