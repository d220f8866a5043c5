# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Still and clip of an edge's alarm, fetched over its line in parts, kept in memory alone.

The room asks with an assertion of its own Grant. The edge answers under a Grant of its own gate,
asked again before each part, so that a picture stops half-way when somebody revokes it. What is
not fetched to its end is forgotten soon. Where the line has a budget, what pictures take comes out
of it as what a stream takes does.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from gateway.console.problem import RefusedError as LookRefusedError
from gateway.model.access import Action, Grant, Purpose, Verdict
from gateway.model.alarm import AlarmRecord
from gateway.model.errors import PeerError, RefusedError, StoreError, WireError
from gateway.model.room import Caller, Handler, LinePeer, Reply, at_edge
from gateway.relay.video.thin import LineBudget
from gateway.room.mqtt_line import NOT_YET
from gateway.runtime.clock import Clock
from gateway.wire.uplink import MOST_BLOB_BYTES

STILL: Final = "still"
CLIP: Final = "clip"
RELEASE: Final = "release"
ACTIONS: Final = {STILL: Action.SNAPSHOT, CLIP: Action.PLAYBACK}
MOST_BYTES: Final = {STILL: 4 << 20, CLIP: 16 << 20}
"""A picture of 4K has 2 MiB, thirteen seconds at 8 Mbit/s have 13."""
MOST_FETCHED: Final = 4
"""Fetched at once: at most 64 MiB of memory."""
MOST_LENT: Final = 4
"""Held at an edge for one room; the oldest gives way."""
LENT_S: Final = 60.0
"""After the last question for it."""
PART_TIME_S: Final = 0.5
"""So long a part may take of a line with a budget, were it alone on it."""
LEAST_PART_BYTES: Final = 8 << 10
FIRST_S: Final = 30.0
"""A clip is made while the room waits."""
PART_S: Final = 15.0
TICKET_BYTES: Final = 16
_BY_ALARM: Final = frozenset({Purpose.ALARM, Purpose.INCIDENT})
"""Purposes whose case may be an alarm's id."""


# the room's side ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FarParts:
    """What fetching works with."""

    caller: Callable[[str], Caller]
    assertion_for: Callable[[Grant], str]
    """This room's word for an edge that the Grant holds."""
    check: Callable[[Grant], Verdict]


class FarPictures:
    """Fetches pictures of alarms from the edges that raised them."""

    def __init__(self, parts: FarParts) -> None:
        self._parts = parts
        self._slots = asyncio.Semaphore(MOST_FETCHED)

    async def still(self, grant: Grant, alarm: AlarmRecord) -> bytes:
        """Return the JPEG; empty if the edge keeps none (any more).

        PeerError: the line is down, or the edge refuses (RefusedError).
        """
        return await self._fetch(STILL, grant, alarm)

    async def clip(self, grant: Grant, alarm: AlarmRecord) -> bytes:
        """Return the seconds before as MP4; like `still`."""
        return await self._fetch(CLIP, grant, alarm)

    async def _fetch(self, kind: str, grant: Grant, alarm: AlarmRecord) -> bytes:
        edge, _ = at_edge(alarm.alarm.camera)
        if not edge or grant.camera not in alarm.alarm.cameras:
            return b""
        caller = self._parts.caller(edge)
        async with self._slots:
            try:
                data = await self._parts_of(kind, grant, alarm.alarm.id, caller)
            finally:
                caller.tell(RELEASE, {"grant": grant.id, "reason": "delivered"})
        verdict = self._parts.check(grant)
        if not verdict.allowed:
            raise LookRefusedError(verdict)
        return data

    async def _parts_of(self, kind: str, grant: Grant, alarm: str, caller: Caller) -> bytes:
        asked: dict[str, Any] = {"alarm": alarm, "assertion": self._parts.assertion_for(grant)}
        reply = await caller.call(kind, asked | {"offset": 0}, within_s=FIRST_S)
        size, ticket = _size(reply, MOST_BYTES[kind]), reply.body.get("ticket")
        data = bytearray(reply.blob)
        while len(data) < size:
            if not reply.blob or not isinstance(ticket, str) or len(ticket) > 4 * TICKET_BYTES:
                raise WireError(f"line: a {kind} that ends at {len(data)} of {size} bytes")
            more = {"alarm": alarm, "ticket": ticket, "offset": len(data)}
            reply = await caller.call(kind, more, within_s=PART_S)
            data += reply.blob
        if len(data) != size:
            raise WireError(f"line: a {kind} of {len(data)} bytes, not {size}")
        return bytes(data)


def _size(reply: Reply, most: int) -> int:
    size = reply.body.get("size")
    if type(size) is not int or not 0 <= size <= most:
        raise WireError("line: a picture of a strange size")
    return size


# the edge's side ----------------------------------------------------------------------------


class _Stills(Protocol):
    def get(self, alarm_id: str, grant: Grant) -> bytes | None:
        """Return the JPEG; None if there is none (any more)."""
        ...


class _Clips(Protocol):
    async def clip(self, grant: Grant, alarm: AlarmRecord) -> bytes:
        """Return the seconds before; empty if nothing is kept."""
        ...


@dataclass(frozen=True, slots=True)
class LentParts:
    """What lending works with."""

    release: Callable[[str, LinePeer], Awaitable[Grant]]
    """Our own gate's Grant for an assertion of this room; RefusedError with a code."""
    check: Callable[[Grant], Verdict]
    alarm: Callable[[str], Awaitable[AlarmRecord | None]]
    stills: _Stills
    clips: _Clips
    clock: Clock
    budget: LineBudget = field(default_factory=LineBudget)
    """What goes over the line together with its streams."""


@dataclass(slots=True)
class _Lent:
    """A picture on its way to a room."""

    room: str
    grant: Grant
    alarm: str
    data: bytes
    until_s: float


class LentPictures:
    """Answers one room's questions for pictures of alarms."""

    def __init__(self, parts: LentParts) -> None:
        self._parts = parts
        self._lent: dict[str, _Lent] = {}
        self._paying = asyncio.Lock()
        rate = parts.budget.rate
        most = int(rate * PART_TIME_S) if rate else MOST_BLOB_BYTES
        self._part_bytes = min(MOST_BLOB_BYTES, max(LEAST_PART_BYTES, most))

    def handlers(self) -> dict[str, Handler]:
        """Return what the room may ask here."""
        return {STILL: self._handler(STILL), CLIP: self._handler(CLIP)}

    def held_bytes(self) -> int:
        """Return how much memory pictures on their way take."""
        return sum(len(one.data) for one in self._lent.values())

    def _handler(self, kind: str) -> Handler:
        async def answer(peer: LinePeer, body: Mapping[str, Any], blob: bytes) -> Reply:
            del blob
            return await self._answer(kind, peer, body)

        return answer

    async def _answer(self, kind: str, peer: LinePeer, body: Mapping[str, Any]) -> Reply:
        alarm, offset, ticket = body.get("alarm"), body.get("offset"), body.get("ticket")
        if not isinstance(alarm, str) or type(offset) is not int or offset < 0:
            raise WireError(f"{kind}: without an alarm or an offset")
        self._forget()
        if ticket is None:
            return await self._first(kind, peer, alarm, body.get("assertion"))
        lent = self._lent.get(ticket) if isinstance(ticket, str) else None
        if lent is None or lent.room != peer.id or lent.alarm != alarm:
            raise RefusedError("over", "this picture is not on its way any more")
        part = lent.data[offset : offset + self._part_bytes]
        lent.until_s = self._until_s()
        await self._pay(len(part))
        self._insist(lent.grant)
        more = offset + len(part) < len(lent.data)
        if not more:
            self._lent.pop(str(ticket), None)
        return Reply({"size": len(lent.data), "more": more}, part)

    async def _pay(self, count: int) -> None:
        """Wait until the line's budget has brought in what a part takes; one after the other."""
        budget, clock = self._parts.budget, self._parts.clock
        async with self._paying:
            share = budget.join()
            share.tokens = 0.0  # what a stream begins with would be another's
            try:
                share.take(count)
                while (wait_s := share.wait_s(clock.monotonic_s())) > 0:
                    await clock.sleep(wait_s)
            finally:
                budget.leave(share)

    async def _first(self, kind: str, peer: LinePeer, alarm: str, assertion: object) -> Reply:
        """Ask our own gate, make the picture, and send the first of it."""
        if not isinstance(assertion, str):
            raise WireError(f"{kind}: without an assertion")
        grant = await self._parts.release(assertion, peer)
        try:
            record = await self._parts.alarm(alarm)
            if record is None or not await self._is_for(grant, record):
                raise RefusedError("unknown-alarm", "no alarm of this camera")
            if grant.request.action is not ACTIONS[kind]:
                raise RefusedError("another-action", f"this assertion is not for a {kind}")
            data = await self._made(kind, grant, record)
        except StoreError as error:
            raise RefusedError(NOT_YET, "this box cannot read it now") from error
        except LookRefusedError as error:
            raise RefusedError(_code(error.verdict), error.verdict.text_it) from error
        part = data[: self._part_bytes]
        await self._pay(len(part))
        self._insist(grant)
        body: dict[str, Any] = {"size": len(data), "more": len(data) > len(part)}
        if body["more"]:
            body["ticket"] = self._lend(peer.id, grant, alarm, data)
        return Reply(body, part)

    async def _is_for(self, grant: Grant, record: AlarmRecord) -> bool:
        """Return whether a Grant is for this alarm: another alarm is no reason to see it.

        It has to be one that this room was sent.
        """
        if grant.camera not in record.alarm.cameras:
            return False
        request = grant.request
        if request.actor.organisation not in record.recipients:
            return False
        case = request.case.strip()
        if case == record.alarm.id or request.purpose not in _BY_ALARM:
            return True
        return await self._parts.alarm(case) is None

    async def _made(self, kind: str, grant: Grant, record: AlarmRecord) -> bytes:
        if kind == STILL:
            name = record.alarm.picture(grant.camera)
            found = await asyncio.to_thread(self._parts.stills.get, name, grant)
            data = found or b""
        else:
            data = await self._parts.clips.clip(grant, record)
        if len(data) > MOST_BYTES[kind]:
            raise PeerError(f"{kind}: {len(data)} bytes are too many for the line")
        return data

    def _lend(self, room: str, grant: Grant, alarm: str, data: bytes) -> str:
        while len(self._lent) >= MOST_LENT:
            del self._lent[next(iter(self._lent))]
        ticket = secrets.token_urlsafe(TICKET_BYTES)
        self._lent[ticket] = _Lent(room, grant, alarm, data, self._until_s())
        return ticket

    def _until_s(self) -> float:
        return self._parts.clock.monotonic_s() + LENT_S

    def _insist(self, grant: Grant) -> None:
        verdict = self._parts.check(grant)
        if not verdict.allowed:
            raise RefusedError(_code(verdict), verdict.text_it)

    def _forget(self) -> None:
        """Let go what nobody fetched to its end."""
        now_s = self._parts.clock.monotonic_s()
        for ticket, lent in tuple(self._lent.items()):
            if lent.until_s <= now_s:
                del self._lent[ticket]


def _code(verdict: Verdict) -> str:
    return verdict.refusal.value if verdict.refusal else "refused"
