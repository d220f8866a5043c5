# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Federated Grants at an edge: what it offers its rooms, and what it releases to them (ADR 24).

A picture leaves over a line only while an assertion of that room holds *and* this box's own gate
has made a Grant for it. Assertions run out by themselves; nothing has to arrive for a picture to
go dark.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NoReturn

from gateway.access import policy
from gateway.access.gate import Gate
from gateway.access.offering import has_pictures, offered
from gateway.assembly.cameras import CameraPost
from gateway.assembly.renditions import Renditions
from gateway.assembly.which_stream import as_sent
from gateway.model.access import (
    BREAK_GLASS,
    WATERMARK,
    AccessRequest,
    Action,
    Actor,
    Grant,
    Regime,
    Verdict,
)
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import LedgerError, PeerError, RefusedError, WireError
from gateway.model.media import Codec, StreamKind
from gateway.model.registry import Registry
from gateway.model.room import (
    ASSERTION,
    MOST_LINE_STREAMS,
    Assertion,
    Caller,
    Handler,
    LinePeer,
    Offer,
    OfferedCamera,
    Reply,
)
from gateway.relay.video.lease import OpenStream, Sent, StreamLease
from gateway.room.assertions import RoomTrust, Verifier, insist_sensible, session_of
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout
from gateway.wire.assertion import clean
from gateway.wire.federation import parts_of

log = logging.getLogger(__name__)

TICK_S: Final = 0.5
"""How soon an edge's own change of mind is felt: a pause, an act that ends."""
OFFER_S: Final = 1.0
"""Between two offers, however often something changes."""
OFFER_AGAIN_S: Final = 2.0
OFFER_MOST_S: Final = 300.0
"""What a room did not take is offered again after the first of these, twice as long each time."""
STATES_S: Final = 5.0
"""Between two offers that differ in states alone."""
RECOMPUTE_S: Final = 60.0
"""Acts end by the clock, too."""
WAIT_S: Final = 5.0
"""How long a request for a stream waits for the assertion that is on its way."""
UNASSERTED: Final = "no-assertion"
MOST_GRANTS: Final = 64
"""Looks of one room at a time."""
MOST_STREAMS: Final = MOST_LINE_STREAMS
"""Streams of one line at a time."""
DENIALS: Final = 30
"""Refusals of a room that are written one by one; then one each ..."""
DENIAL_S: Final = 2.0
"""... so many seconds, with the number of those in between."""
MARK_S: Final = 30.0
"""A demand for watermarks that is new reaches a room with the next offer; so long it may take."""
CONFIRM_S: Final = 120.0
"""Before this box's own Grant would run out it is renewed: the room has asked its viewer."""
_US: Final = 1_000_000
_MARK_MISSING: Final = "L'atto chiede la filigrana di chi guarda: la sala non la mette."
_Closing = tuple[Grant, str, int, int, int]
"""The end of a look as the ledger gets it: Grant, reason, milliseconds, bytes, frames."""


@dataclass(frozen=True, slots=True)
class EdgeParts:
    """What releasing works with."""

    name: str
    """Of this box, for people."""
    exercise: bool
    gate: Gate
    registry: Callable[[], Registry]
    write: Callable[[LedgerEvent], Awaitable[object]]
    """Writes an entry about what has happened; never raises."""
    post: Callable[[str], CameraPost | None]
    renditions: Renditions
    """Where live pictures come out, masks burned in."""
    clock: Clock


@dataclass(frozen=True, slots=True)
class Room:
    """One line of this box to a room, as the federation needs it."""

    line: str
    """Name of the uplink."""
    recipient: str
    """Id of the recipient that the room is, in this box's registry."""
    caller: Caller
    trust: Callable[[], RoomTrust]
    """PeerError until the room has greeted."""
    organisations: tuple[str, ...] = ()
    """Besides `recipient`, by the room's ids: whose people it may seat as that recipient."""
    emergency: bool = False
    """Whether it may break the glass here, and is believed about a second person."""


@dataclass(slots=True)
class _Flow:
    """What one rendition of a camera has sent to a room, as far as the camera sent it."""

    leases: int = 0
    seen: tuple[int, int] = (0, 0)
    bytes: int = 0
    frames: int = 0


@dataclass(slots=True)
class _Held:
    """One look of a room."""

    assertion: Assertion
    grant: Grant
    until_s: float
    since_s: float
    before: tuple[int, int]
    """Bytes and frames that had flowed when it began."""
    is_last: bool = False
    """This box's own Grant cannot be renewed beyond its end."""
    unmarked_s: float | None = None
    """Since when a watermark is demanded that the room does not say it writes."""


@dataclass(slots=True)
class _Denials:
    """Keeps a room that asks for what it does not get from filling the ledger."""

    left: float = DENIALS
    at_s: float = 0.0
    unsaid: int = 0

    def may_write(self, now_s: float) -> bool:
        self.left = min(DENIALS, self.left + (now_s - self.at_s) / DENIAL_S)
        self.at_s = now_s
        if self.left < 1:
            self.unsaid += 1
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class _Side:
    """Everything about one room."""

    room: Room
    verifier: Verifier
    held: dict[str, _Held] = field(default_factory=dict)
    """By the room's Grant."""
    opening: set[str] = field(default_factory=set)
    flows: dict[tuple[str, StreamKind], _Flow] = field(default_factory=dict)
    waiting: int = 0
    """Streams that wait for their assertion; they count against the bound already."""
    denials: _Denials = field(default_factory=_Denials)
    refused_s: dict[str, float] = field(default_factory=dict)
    """When a look at a camera was last refused: its stream needs no entry of its own."""
    turned: asyncio.Event = field(default_factory=asyncio.Event)
    sent: Offer | None = None
    """What the room has."""
    sent_s: float = float("-inf")
    version: int = 0
    refused: Offer | None = None
    """What the room did not take."""
    again_s: float = float("-inf")
    """Not offered anew before then."""
    refusals: int = 0
    """In a row."""

    def holds(self, camera: str, now_s: float) -> bool:
        """Return whether live pictures of a camera may flow now."""
        return any(
            one.grant.camera == camera
            and one.until_s > now_s
            and one.assertion.action is Action.LIVE
            for one in self.held.values()
        )

    def streams(self) -> int:
        return sum(one.leases for one in self.flows.values())


class EdgeFederation:
    """What this box shows to the rooms whose lines it dials."""

    def __init__(self, parts: EdgeParts, rooms: tuple[Room, ...]) -> None:
        self._p = parts
        self._sides = {one.line: _Side(one, Verifier(parts.clock)) for one in rooms}
        self._actors: dict[tuple[str, str], _Held] = {}
        """By actor's id and session, for the gate."""
        self._owed: deque[_Closing] = deque()
        """Looks that are dark, and have no closing entry yet."""
        self._plain: tuple[Registry | None, float, dict[str, tuple[OfferedCamera, ...]]] = (
            None, 0.0, {},
        )  # fmt: skip

    def handlers(self, line: str) -> Mapping[str, Handler]:
        """Return what this box answers on a line."""
        side = self._sides[line]

        async def asserted(peer: LinePeer, body: Mapping[str, Any], _: bytes) -> Reply:
            token = body.get("assertion")
            if not isinstance(token, str):
                raise WireError("assert: no assertion")
            grant = await self.release(line, token, peer)
            held = self._actors.get((grant.request.actor.id, grant.request.actor.session))
            until_us = held.assertion.expires_utc_us if held is not None else 0
            return Reply({"release": grant.id, "until_utc_us": until_us})

        async def released(_: LinePeer, body: Mapping[str, Any], __: bytes) -> Reply:
            name = body.get("grant")
            if not isinstance(name, str):
                raise WireError("release: no grant")
            await self._released(side, name, body.get("reason"))
            return Reply()

        async def asked(_: LinePeer, __: Mapping[str, Any], ___: bytes) -> Reply:
            side.sent = side.refused = None
            return Reply()

        return {"assert": asserted, "release": released, "offers?": asked}

    # assertions ----------------------------------------------------------------------------

    async def release(self, line: str, token: str, peer: LinePeer, *, again: bool = False) -> Grant:
        """Return this box's own Grant for what a room asserts; its entry is on disk.

        RefusedError with a code, after an entry about it; PeerError if the room has not greeted.
        `again`: the last token of a look may be shown once more (a picture fetched in parts).
        """
        side = self._sides[line]
        try:
            checked = side.verifier.check(token, self._trust(side, peer), again=again)
        except RefusedError as error:
            await self._deny(side, peer, None, error)
            raise
        assertion = checked.assertion
        if assertion.grant in side.opening:
            raise RefusedError("busy", "La richiesta precedente è ancora in corso.")
        side.opening.add(assertion.grant)
        try:
            return await self._admit(side, peer, assertion, checked.left_s)
        except RefusedError:
            if self._offers(side, assertion.camera):
                side.refused_s[assertion.camera] = self._p.clock.monotonic_s()
            raise
        finally:
            side.opening.discard(assertion.grant)

    def _trust(self, side: _Side, peer: LinePeer) -> RoomTrust:
        return replace(side.room.trust(), room=peer.id)

    async def _admit(
        self, side: _Side, peer: LinePeer, assertion: Assertion, left_s: float
    ) -> Grant:
        until_s = self._p.clock.monotonic_s() + left_s
        held = side.held.get(assertion.grant)
        if held is not None and held.until_s <= self._p.clock.monotonic_s():
            await self._end(side, held, "assertion-expired")
            held = None
        if held is not None:
            await self._renew(side, held, assertion, until_s)
            return held.grant
        try:
            self._insist(side, assertion)
        except RefusedError as error:
            await self._deny(side, peer, assertion, error)
            raise
        return await self._open(side, peer, assertion, until_s)

    def _insist(self, side: _Side, assertion: Assertion) -> None:
        """Refuse what is not offered to this room at all, and more than a room gets."""
        insist_sensible(assertion)
        room = side.room
        if assertion.organisation not in (room.recipient, *room.organisations):
            text = "La sede non concede immagini a questa organizzazione della sala."
            raise RefusedError("wrong-organisation", text)
        offers = {one.id: one for one in self._cameras(room.recipient)}
        camera = offers.get(assertion.camera)
        if camera is None:
            text = "La sede non offre questa telecamera alla sala."
            raise RefusedError("not-offered", text)
        if BREAK_GLASS in assertion.flags and not (room.emergency and has_pictures(camera)):
            text = "La sede non ammette l'accesso in emergenza dalla sala."
            raise RefusedError("no-glass", text)
        if len(side.held) + len(side.opening) > MOST_GRANTS:
            text = f"La sede concede alla sala al più {MOST_GRANTS} visioni insieme."
            raise RefusedError("too-many", text)

    async def _open(
        self, side: _Side, peer: LinePeer, assertion: Assertion, until_s: float
    ) -> Grant:
        """Ask the own gate; what it grants is held for as long as the assertion goes."""
        request = _request(side.room, peer, assertion)
        if _lacks_mark(self._p.gate.preview(request), assertion):
            error = RefusedError("watermark", _MARK_MISSING)
            await self._deny(side, peer, assertion, error)
            raise error
        if not side.denials.may_write(self._p.clock.monotonic_s()):
            # refused lately so often that the gate is not asked to write one more refusal
            verdict = self._p.gate.preview(request)
            if not verdict.allowed:
                raise RefusedError("too-often", "Troppe richieste negate: riprovare più tardi.")
        made = await self._p.gate.open(request)
        if not isinstance(made, Grant):
            code = made.refusal.value if made.refusal else "refused"
            raise RefusedError(code, made.text_it)
        side.denials.left += 1  # it was not a refusal
        now_s = self._p.clock.monotonic_s()
        before = self._counted(side, assertion.camera)
        held = _Held(assertion, made, until_s, now_s, before)
        side.held[assertion.grant] = held
        self._actors[request.actor.id, request.actor.session] = held
        if side.verifier.is_over(assertion.grant):  # while the entry was being written
            await self._end(side, held, "released")
            raise RefusedError("over", "Questa visione è già terminata.")
        side.turned.set()
        return made

    async def _renew(self, side: _Side, held: _Held, assertion: Assertion, until_s: float) -> None:
        """Let a look go on if the own gate still says so; RefusedError ends it."""
        gate = self._p.gate
        verdict = gate.check(held.grant)
        if not verdict.allowed:
            code = verdict.refusal.value if verdict.refusal else "refused"
            await self._end(side, held, code)
            raise RefusedError(code, verdict.text_it)
        now_s = self._p.clock.monotonic_s()
        if not _lacks_mark(verdict, assertion):
            held.unmarked_s = None
        elif held.unmarked_s is None:
            held.unmarked_s = now_s
        elif now_s - held.unmarked_s >= MARK_S:
            await self._end(side, held, "watermark")
            raise RefusedError("watermark", _MARK_MISSING)
        held.assertion, held.until_s = assertion, until_s
        held.grant = await gate.mark(held.grant) or held.grant
        left_s = held.grant.expires.monotonic_s - self._p.clock.monotonic_s()
        if left_s < CONFIRM_S and not held.is_last:
            made = await gate.renew(held.grant)
            if isinstance(made, Grant):
                held.is_last = made.expires.monotonic_s <= held.grant.expires.monotonic_s
                held.grant = made

    async def _released(self, side: _Side, name: str, reason: object) -> None:
        """End a look because the room says that nobody looks any more."""
        side.verifier.end(name)
        held = side.held.get(name)
        if held is not None:
            said = clean(reason, 40) if isinstance(reason, str) else ""
            await self._end(side, held, said or "released")

    async def revoke(self, line: str, grant: str, reason: str, text: str = "") -> None:
        """End a look from this side; the room is told. `reason` is a code, `text` is for people."""
        side = self._sides[line]
        _disown(side, grant, reason, text)
        held = side.held.get(grant)
        if held is not None:
            await self._end(side, held, reason)

    async def _end(self, side: _Side, held: _Held, reason: str) -> None:
        """Take a look back at once, then write what it was."""
        await self._close(*self._take(side, held, reason))

    def _take(self, side: _Side, held: _Held, reason: str) -> _Closing:
        """Take a look back; return what has to be written about it."""
        actor = held.grant.request.actor
        side.held.pop(held.assertion.grant, None)
        self._actors.pop((actor.id, actor.session), None)
        self._p.gate.revoke(held.grant.id)
        size, frames = self._counted(side, held.grant.camera)
        duration_ms = round((self._p.clock.monotonic_s() - held.since_s) * 1000)
        return held.grant, reason, duration_ms, size - held.before[0], frames - held.before[1]

    async def _close(self, grant: Grant, reason: str, duration_ms: int, size: int, n: int) -> None:
        try:
            await self._p.gate.close(
                grant, reason=reason, duration_ms=duration_ms, bytes=size, frames=n
            )
        except LedgerError as error:
            log.warning("close-fails", extra={"camera": grant.camera, "problem": str(error)})
            self._owed.append((grant, reason, duration_ms, size, n))

    def vouched(self, actor: Actor) -> bool:
        """Return whether a room's assertion about one of its people holds now; for the gate."""
        held = self._actors.get((actor.id, actor.session))
        return held is not None and held.until_s > self._p.clock.monotonic_s()

    async def _deny(
        self,
        side: _Side,
        peer: LinePeer,
        assertion: Assertion | None,
        error: RefusedError,
        camera: str = "",
    ) -> None:
        """Write a refusal that the gate did not see."""
        if not side.denials.may_write(self._p.clock.monotonic_s()):
            return  # neither the ledger nor the log fills up; the next one says how many
        unsaid, side.denials.unsaid = side.denials.unsaid, 0
        fields = {"line": side.room.line, "room": peer.id, "code": error.code, "unsaid": unsaid}
        log.warning("assertion-refused", extra=fields)
        event = _denial(side.room, peer, assertion)
        event = replace(event, object_id=event.object_id or camera)
        await self._p.write(replace(event, error=error.code, count=unsaid + 1 if unsaid else 0))

    # streams -------------------------------------------------------------------------------

    def opener(self, line: str) -> OpenStream:
        """Return what serves the paths of a line's requests."""

        async def open_stream(path: str) -> StreamLease:
            return await self.open_stream(line, path)

        return open_stream

    async def open_stream(self, line: str, path: str) -> StreamLease:
        """Return leave to send `CAMERA/main` or `CAMERA/sub`; waits a little for its assertion.

        RefusedError, after an entry about it: not offered, not asserted in time, or more than a
        line gets.
        """
        side = self._sides[line]
        camera, _, name = path.partition("/")
        try:
            post, asked = self._stream(side, camera, name)
            side.waiting += 1
            try:
                await self._until_held(side, camera)
            finally:
                side.waiting -= 1
        except RefusedError as error:
            await self._deny_stream(side, camera, error)
            raise
        kind = post.rendition(asked)
        async with self._p.renditions.use(camera, as_sent(kind)):  # or say that no place is left
            pass
        flow = side.flows.setdefault((camera, kind), _Flow())
        self._advance(flow, camera, kind)
        flow.leases += 1
        return _Lease(self, side, post, kind)

    def _stream(self, side: _Side, camera: str, name: str) -> tuple[CameraPost, StreamKind]:
        """Return what a path means; RefusedError if this room gets no such stream now."""
        kinds = {one.value: one for one in StreamKind}
        post = self._p.post(camera)
        if not self._offers(side, camera) or name not in kinds or post is None:
            raise RefusedError("not-offered", "La sede non offre questo flusso alla sala.")
        if side.streams() + side.waiting >= MOST_STREAMS:
            raise RefusedError("too-many", f"Al più {MOST_STREAMS} flussi per linea.")
        return post, kinds[name]

    def _offers(self, side: _Side, camera: str) -> bool:
        return any(one.id == camera for one in self._cameras(side.room.recipient))

    async def _deny_stream(self, side: _Side, camera: str, error: RefusedError) -> None:
        """Write that a room asked for pictures without an assertion; it named nobody.

        It asks for a stream beside the look: where that was refused, the entry is there.
        """
        now_s = self._p.clock.monotonic_s()
        if now_s - side.refused_s.get(camera, -2 * WAIT_S) <= WAIT_S and error.code == UNASSERTED:
            return
        try:
            name = side.room.trust().room
        except PeerError:
            name = side.room.line
        about = camera if self._offers(side, camera) else ""
        await self._deny(side, LinePeer(name, "", ""), None, error, about)

    async def _until_held(self, side: _Side, camera: str) -> None:
        try:
            async with asyncio.timeout(WAIT_S):
                while not side.holds(camera, self._p.clock.monotonic_s()):
                    side.turned.clear()
                    await side.turned.wait()
        except TimeoutError:
            raise RefusedError(UNASSERTED, "Nessuna asserzione valida per il flusso.") from None

    def may_flow(self, side: _Side, camera: str) -> bool:
        """Return whether pictures of a camera may go out on a line now."""
        return side.holds(camera, self._p.clock.monotonic_s())

    def fanout(self, camera: str, kind: StreamKind) -> Fanout:
        """Return where a stream comes as it may leave: masks of this box burned in."""
        return self._p.renditions.fanout(camera, as_sent(kind))

    def codec(self, camera: str, kind: StreamKind) -> Codec | None:
        """Return how a stream leaves now; None: not known yet."""
        return self._p.renditions.codec(camera, as_sent(kind))

    def lease_ended(self, side: _Side, camera: str, kind: StreamKind) -> None:
        """Note that a stream is over."""
        flow = side.flows.get((camera, kind))
        if flow is not None and flow.leases:
            self._advance(flow, camera, kind)
            flow.leases -= 1

    def _advance(self, flow: _Flow, camera: str, kind: StreamKind) -> None:
        """Count what the camera has sent since last time, if it went out."""
        post = self._p.post(camera)
        if post is None:
            return
        status = post.status(kind)
        seen = (status.received_bytes, status.units)
        if flow.leases:
            flow.bytes += max(0, seen[0] - flow.seen[0])
            flow.frames += max(0, seen[1] - flow.seen[1])
        flow.seen = seen

    def _counted(self, side: _Side, camera: str) -> tuple[int, int]:
        """Return bytes and frames of a camera that went out on a line so far."""
        size = frames = 0
        for (name, kind), flow in side.flows.items():
            if name == camera:
                self._advance(flow, camera, kind)
                size, frames = size + flow.bytes, frames + flow.frames
        return size, frames

    # offers --------------------------------------------------------------------------------

    def _cameras(self, recipient: str) -> tuple[OfferedCamera, ...]:
        """Return what a recipient may know, without states; computed once per registry."""
        registry, now = self._p.registry(), self._p.clock.now()
        if self._plain[0] is not registry or now.monotonic_s - self._plain[1] >= RECOMPUTE_S:
            self._plain = (registry, now.monotonic_s, {})
        found = self._plain[2]
        if recipient not in found:
            found[recipient] = offered(registry, recipient, now.utc_us)
        return found[recipient]

    def offer(self, line: str) -> Offer:
        """Return what this box shows to the room of a line now; PeerError before it greeted.

        The words of a problem stay here: they may name addresses of the house.
        """
        side = self._sides[line]
        edge = side.room.trust().edge
        cameras = tuple(
            replace(one, state=post.status().state.value)
            if (post := self._p.post(one.id)) is not None and has_pictures(one)
            else one
            for one in self._cameras(side.room.recipient)
        )
        return Offer(edge, clean(self._p.name) or edge, 0, cameras, self._p.exercise)

    def greeted(self, line: str) -> None:
        """Note that a line stands anew: the room gets everything again."""
        side = self._sides[line]
        side.sent, side.sent_s = None, float("-inf")
        side.refused, side.refusals = None, 0

    async def tell(self, line: str) -> bool:
        """Send the offer if the room does not have it; return whether it has it now."""
        side, now_s = self._sides[line], self._p.clock.monotonic_s()
        try:
            made = self.offer(line)
        except PeerError:
            return False
        if side.sent == made:
            return True
        only_states = side.sent is not None and _stateless(side.sent) == _stateless(made)
        if now_s - side.sent_s < (STATES_S if only_states else OFFER_S):
            return False
        if side.refused == _stateless(made) and now_s < side.again_s:
            return False
        side.sent_s = now_s
        side.version += 1
        try:
            for body in parts_of(replace(made, version=side.version)):
                await side.room.caller.call("offer", body)
        except (RefusedError, WireError) as error:
            self._offer_refused(side, made, str(error))
            return False
        except PeerError:
            return False
        side.sent, side.refused, side.refusals = made, None, 0
        return True

    def _offer_refused(self, side: _Side, made: Offer, problem: str) -> None:
        """Leave a room in peace that does not take an offer, or knows of none; ever longer."""
        wait_s = min(OFFER_AGAIN_S * 2.0**side.refusals, OFFER_MOST_S)
        side.refused, side.refusals = _stateless(made), min(side.refusals + 1, 16)
        side.again_s = self._p.clock.monotonic_s() + wait_s
        fields = {"line": side.room.line, "problem": problem, "again_s": wait_s}
        log.warning("offer-refused", extra=fields)

    # time ----------------------------------------------------------------------------------

    async def keep(self) -> NoReturn:
        """End what has run out or is no longer allowed, and offer what changed, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for line in self._sides:
                tasks.create_task(self._keep_offering(line))
            tasks.create_task(self._keep_writing())
            while True:
                self._sweep()
                await self._p.clock.sleep(TICK_S)

    async def _keep_writing(self) -> NoReturn:
        """Write what the sweeps took back: a slow disk holds up no look's end."""
        while True:
            await self._settle()
            await self._p.clock.sleep(TICK_S)

    async def _keep_offering(self, line: str) -> NoReturn:
        while True:
            await self.tell(line)
            await self._p.clock.sleep(TICK_S)

    async def tick(self) -> None:
        """Look once at every look, and write what has ended."""
        self._sweep()
        await self._settle()

    def _sweep(self) -> None:
        """Take back every look that may not go on, of all rooms, before anything is written."""
        for side in self._sides.values():
            for name, held in tuple(side.held.items()):
                if held.until_s <= self._p.clock.monotonic_s():
                    self._owed.append(self._take(side, held, "assertion-expired"))
                    continue
                verdict = self._p.gate.check(held.grant)
                if not verdict.allowed:
                    code = verdict.refusal.value if verdict.refusal else "refused"
                    _disown(side, name, code, verdict.text_it)
                    self._owed.append(self._take(side, held, code))
            if not side.held and not side.streams():
                side.flows.clear()

    async def _settle(self) -> None:
        """Write the closings that are owed, each once; what fails is owed again."""
        for _ in range(len(self._owed)):
            await self._close(*self._owed.popleft())

    async def farewell(self) -> None:
        """Close every look in the ledger: this box stops. An entry that fails is made at the start.

        Call it when nothing goes out over lines any more.
        """
        for side in self._sides.values():
            for held in tuple(side.held.values()):
                self._owed.append(self._take(side, held, "shutdown"))
        await self._settle()

    def looks(self, line: str) -> tuple[Grant, ...]:
        """Return what a room looks at now, for health and pages."""
        return tuple(one.grant for one in self._sides[line].held.values())


class _Lease:
    """Leave to send one rendition to one room."""

    def __init__(
        self, owner: EdgeFederation, side: _Side, post: CameraPost, kind: StreamKind
    ) -> None:
        self._owner = owner
        self._side = side
        self._post = post
        self._kind = kind
        self._codec: Codec | None = None

    @property
    def camera(self) -> str:
        return self._post.plan.camera

    @property
    def main(self) -> Fanout:
        return self._owner.fanout(self.camera, self._kind)

    @property
    def small(self) -> Fanout | None:
        if self._kind is StreamKind.SUB or self._post.plan.sub is None:
            return None
        return self._owner.fanout(self.camera, StreamKind.SUB)

    def still_allowed(self) -> bool:
        codec = self._owner.codec(self.camera, self._kind)
        self._codec = self._codec or codec
        return codec is self._codec and self._owner.may_flow(self._side, self.camera)

    def ended(self, sent: Sent) -> None:
        self._owner.lease_ended(self._side, self.camera, self._kind)
        log.info(
            "line-stream-ended",
            extra={"camera": self.camera, "line": self._side.room.line, "reason": sent.reason},
        )


def _disown(side: _Side, grant: str, reason: str, text: str) -> None:
    """Tell the room that a look ends, and take no more assertions of it.

    Said before the look is taken back, so that the room stops reading before nothing comes any
    more, and knows why.
    """
    side.room.caller.tell("revoke", {"grant": grant, "reason": reason, "text": text})
    side.verifier.end(grant)


def _stateless(offer: Offer) -> Offer:
    return replace(offer, cameras=tuple(replace(one, state="") for one in offer.cameras))


def _lacks_mark(verdict: Verdict, assertion: Assertion) -> bool:
    """Return whether an act demands a watermark that the room's own Grant does not have."""
    return verdict.allowed and WATERMARK in verdict.flags and WATERMARK not in assertion.flags


def _request(room: Room, peer: LinePeer, assertion: Assertion) -> AccessRequest:
    # nobody here has seen the second person: four eyes are worth what the owner holds of the room
    second = f"{peer.id}:{assertion.second}" if assertion.second and room.emergency else ""
    return AccessRequest(
        _actor(room, peer, assertion),
        assertion.action,
        assertion.camera,
        assertion.purpose,
        assertion.case,
        assertion.reason,
        break_glass=BREAK_GLASS in assertion.flags,
        second=second,
    )


def _actor(room: Room, peer: LinePeer, assertion: Assertion) -> Actor:
    """Return who looks: a person of the room, in this box's own words."""
    return Actor(
        id=f"{peer.id}:{assertion.actor}",
        name=assertion.actor_name,
        role=assertion.role,
        organisation=room.recipient,
        stated_organisation=assertion.organisation,
        session=session_of(assertion),
        method=ASSERTION,
        certificate_sha256=peer.certificate_sha256,
    )


def _denial(room: Room, peer: LinePeer, assertion: Assertion | None) -> LedgerEvent:
    """Return the entry of a refusal; what was not proved is not written as if it were."""
    regime = policy.regime_of(assertion.role) if assertion else Regime.GDPR
    event = LedgerEvent(
        "live.deny",
        Operation.NONE,
        regime,
        result="denied",
        actor_id=f"{peer.id}:",
        org=room.recipient,
        auth_method=ASSERTION,
        client_cert_fp=peer.certificate_sha256,
        object_type="camera",
        channel="line",
    )
    if assertion is None:
        return event
    return replace(
        event,
        actor_id=f"{peer.id}:{assertion.actor}",
        actor_type="human",
        role=assertion.role.value,
        org=assertion.organisation,
        session_id=session_of(assertion),
        object_id=assertion.camera,
        purpose_code=assertion.purpose.value,
        case_ref=assertion.case,
        reason_text=assertion.reason,
    )
