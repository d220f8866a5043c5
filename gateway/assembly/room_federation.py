# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Federated Grants at a room: its edges' cameras on its map, its Grants asserted to them (ADR 24).

A look at an edge's camera begins when both gates have said yes. While it goes on it is asserted
anew every 20 s; when it ends the edge is told, and if that gets lost the assertion runs out.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn, Protocol

from gateway.access import sentences
from gateway.model.access import Grant, Refusal, Verdict
from gateway.model.errors import PeerError, RefusedError, StoreError, WireError
from gateway.model.media import StreamState, StreamStatus
from gateway.model.registry import Registry
from gateway.model.room import Caller, Handler, LinePeer, Reply, at_edge
from gateway.room.assertions import Asserter
from gateway.room.offers import OFTEN, Offers
from gateway.runtime.clock import Clock
from gateway.runtime.tally import Tally
from gateway.wire.assertion import clean

log = logging.getLogger(__name__)

TICK_S: Final = 0.5
RENEW_S: Final = 20.0
"""Three assertions in a row have to get lost before the edge goes dark."""
AGAIN_S: Final = 2.0
"""After a failed attempt."""
OPEN_S: Final = 6.0
"""How long a viewer waits for the edge's answer."""
WAIT_S: Final = 300.0
"""A look waits this long for a line that broke; then it ends, and is asked for again."""
MOST_REDUCED: Final = 1_000
_PASSING: Final = frozenset({"busy", "too-often", "not-yet", "expired"})
"""Codes after which a look waits: asked again a little later, the edge may say yes."""


NoteRefused = Callable[[str, str, str], Awaitable[None]]
"""Edge, what it was about, and a code; keeps itself to a bound."""


class Look(Protocol):
    """A running session, as far as this file needs it."""

    @property
    def session(self) -> str:
        """Its name."""
        ...

    @property
    def grant(self) -> Grant:
        """The newest Grant of the look."""
        ...


@dataclass(frozen=True, slots=True)
class RoomParts:
    """What asserting works with."""

    asserter: Asserter
    offers: Offers
    caller: Callable[[str], Caller]
    """The line of an edge, stable over reconnects."""
    looks: Callable[[], Iterable[Look]]
    """What runs now."""
    end: Callable[[str, str], Awaitable[None]]
    """Ends a session with a code."""
    changed: Callable[[], Awaitable[object]]
    """Has the box follow the registry anew."""
    clock: Clock
    refused: NoteRefused | None = None
    """Writes down an offer that no honest edge makes."""


@dataclass(slots=True)
class _Asserted:
    """One look at an edge's camera."""

    grant: Grant
    good_s: float
    """When the edge last said yes."""
    tried_s: float
    """When it was last asked."""
    is_open: bool = False
    """Its session runs: what has none any more is over."""
    is_busy: bool = False
    is_kept: bool = False
    """Looked after by whoever began it, with `over`: not a session of the console's."""


class RoomFederation:
    """What this room knows of its edges' cameras, and says to them about its people."""

    def __init__(self, parts: RoomParts) -> None:
        self._p = parts
        self._held: dict[str, _Asserted] = {}
        self._reduced: dict[str, str] = {}
        """By camera, why its small stream is sent."""
        self._turned = asyncio.Event()
        self._tally = Tally(log, parts.clock)
        self._seen = -1
        self._unsaved: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # the overlay ---------------------------------------------------------------------------

    def current(self) -> Registry:
        """Return the registry with what edges offer."""
        return self._p.offers.current()

    def handlers(self) -> Mapping[str, Handler]:
        """Return what this room answers its edges."""
        return {"offer": self._offer, "revoke": self._revoke, "reduced": self._note_reduced}

    async def _offer(self, peer: LinePeer, body: Mapping[str, Any], _: bytes) -> Reply:
        try:
            offer = self._p.offers.receive(peer.id, body)
        except (WireError, RefusedError) as error:
            self._tally.note("offer-refused", edge=peer.id, problem=str(error))
            code = error.code if isinstance(error, RefusedError) else "malformed"
            if self._p.refused is not None and code != OFTEN:
                await self._p.refused(peer.id, "", code)
            raise
        if offer is not None:
            self._unsaved.add(peer.id)
            self._turned.set()
        return Reply()

    def line_up(self, peer: LinePeer) -> None:
        """Note that an edge's line stands: looks that waited are asserted at once."""
        self._p.offers.up(peer.id, is_up=True)
        for held in self._held.values():
            if at_edge(held.grant.camera)[0] == peer.id:
                held.tried_s = float("-inf")
        self._turned.set()

    def line_down(self, peer: LinePeer) -> None:
        """Note that it broke: its cameras stay on the map, as out of reach."""
        self._p.offers.up(peer.id, is_up=False)

    def status(self, camera: str, own: StreamStatus | None) -> StreamStatus | None:
        """Return the state of a camera as pages show it; an edge's own word while nobody looks."""
        edge, _ = at_edge(camera)
        if not edge or own is None:
            return own
        if not self._p.offers.is_up(edge):
            words = "la linea con la sede è interrotta"
            return replace(own, state=StreamState.UNREACHABLE, problem=words)
        told = self._p.offers.offered(camera)
        if told is None or not told.state or own.state is not StreamState.IDLE:
            return own
        return replace(own, state=StreamState(told.state), problem=told.problem)

    async def _note_reduced(self, peer: LinePeer, body: Mapping[str, Any], _: bytes) -> Reply:
        name, is_reduced, reason = body.get("camera"), body.get("reduced"), body.get("reason", "")
        if not isinstance(name, str) or not isinstance(is_reduced, bool):
            raise WireError("reduced: no camera")
        camera = f"{peer.id}.{name}"
        self._reduced.pop(camera, None)
        if is_reduced and self._p.offers.offered(camera) and len(self._reduced) < MOST_REDUCED:
            self._reduced[camera] = clean(reason) if isinstance(reason, str) else ""
        return Reply()

    def reduced(self, edge: str) -> tuple[str, ...]:
        """Return the cameras of an edge whose small stream is sent because its line is slow."""
        return tuple(sorted(one for one in self._reduced if at_edge(one)[0] == edge))

    # assertions ----------------------------------------------------------------------------

    def assertion_for(self, grant: Grant) -> str:
        """Return a fresh token; RefusedError if the camera is no edge's."""
        return self._p.asserter.assertion_for(grant)

    async def begin(self, grant: Grant, *, kept: bool = False) -> None:
        """Return once the edge has released a camera for a look; at once for a camera of our own.

        RefusedError with the edge's code and words, PeerError while the line is down. `kept`:
        the caller will say `over`; otherwise the look is over when its session is. Cancelling
        takes the assertion back.
        """
        if not at_edge(grant.camera)[0]:
            return
        now_s = self._p.clock.monotonic_s()
        self._held[grant.id] = held = _Asserted(grant, now_s, now_s, is_kept=kept)
        try:
            await self._assert(held)
        except BaseException:
            self.over(grant.id, "abandoned")
            raise

    def began(self, grant: Grant) -> None:
        """Note that a look's session runs."""
        held = self._held.get(grant.id)
        if held is not None:
            held.is_open = True

    def renewed(self, grant: Grant) -> None:
        """Note the next Grant of a look that its beginner looks after."""
        held = self._held.get(grant.id)
        if held is not None:
            held.grant = grant

    def over(self, grant_id: str, reason: str) -> None:
        """Tell the edge that a look has ended; harmless if it knows, or never knew."""
        held = self._held.pop(grant_id, None)
        if held is None:
            return
        self._p.asserter.forget(grant_id)
        edge, _ = at_edge(held.grant.camera)
        self._p.caller(edge).tell("release", {"grant": grant_id, "reason": reason})

    async def _assert(self, held: _Asserted) -> None:
        edge, _ = at_edge(held.grant.camera)
        token = self._p.asserter.assertion_for(held.grant)
        held.tried_s = self._p.clock.monotonic_s()
        await self._p.caller(edge).call("assert", {"assertion": token}, within_s=OPEN_S)
        held.good_s = self._p.clock.monotonic_s()

    async def _revoke(self, peer: LinePeer, body: Mapping[str, Any], _: bytes) -> Reply:
        """End the look that an edge has ended; it knows of no other edge's."""
        name, reason, text = body.get("grant"), body.get("reason"), body.get("text", "")
        if not isinstance(name, str) or not isinstance(reason, str):
            raise WireError("revoke: no grant")
        held = self._held.get(name)
        if held is not None and at_edge(held.grant.camera)[0] == peer.id:
            words = clean(text) if isinstance(text, str) else ""
            await self._end(held, RefusedError(clean(reason, 64), words))
        return Reply()

    async def _end(self, held: _Asserted, error: RefusedError) -> None:
        """Turn a look dark because of an edge."""
        grant = held.grant
        code = refusal_of(error).value
        log.info("edge-ends-look", extra={"camera": grant.camera, "code": error.code})
        self._held.pop(grant.id, None)
        self._p.asserter.forget(grant.id)
        for look in tuple(self._p.looks()):
            if look.grant.id == grant.id:
                await self._p.end(look.session, code)

    def holds(self, grant_id: str) -> bool:
        """Return whether a look goes on as far as the edge is concerned."""
        return grant_id in self._held

    # time ----------------------------------------------------------------------------------

    async def keep(self) -> NoReturn:
        """Renew, end and follow until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            while True:
                self.tick(tasks)
                await self._p.clock.sleep(TICK_S)

    def tick(self, tasks: asyncio.TaskGroup) -> None:
        """Look once at every look; what has to wait for an edge is done in `tasks`."""
        now_s = self._p.clock.monotonic_s()
        running = {look.grant.id: look for look in self._p.looks()}
        for name, held in tuple(self._held.items()):
            look = running.get(name)
            if look is not None:
                held.is_open, held.grant = True, look.grant
            elif held.is_open and not held.is_kept:
                self.over(name, "closed")
                continue
            since_s = now_s - held.tried_s
            due = since_s >= (RENEW_S if held.good_s >= held.tried_s else AGAIN_S)
            if due and not held.is_busy:
                held.is_busy = True
                tasks.create_task(self._renew(held))

    async def _renew(self, held: _Asserted) -> None:
        """Assert a look anew; the edge's no ends it, a broken line lets it wait for a while."""
        try:
            await self._assert(held)
        except PeerError as error:
            if isinstance(error, RefusedError) and error.code not in _PASSING:
                if self.holds(held.grant.id):
                    await self._end(held, error)
                return
            waited_s = self._p.clock.monotonic_s() - held.good_s
            if waited_s >= WAIT_S and self._held.get(held.grant.id) is held:
                await self._end(held, RefusedError(Refusal.LINE.value))
        finally:
            held.is_busy = False

    async def _follow(self) -> NoReturn:
        """Have the box follow its edges' offers, and keep them on disk."""
        offers = self._p.offers
        while True:
            await self._turned.wait()
            self._turned.clear()
            await asyncio.to_thread(offers.prune)
            if offers.version != self._seen:
                self._seen = offers.version
                await self._p.changed()
            while self._unsaved:
                edge = self._unsaved.pop()
                try:
                    await asyncio.to_thread(offers.save, edge)
                except StoreError as error:
                    log.warning("offer-not-kept", extra={"edge": edge, "problem": str(error)})


def refusal_of(error: RefusedError) -> Refusal:
    """Return an edge's code as one of ours, so that people read it in their own words."""
    with suppress(ValueError):
        return Refusal(error.code)
    return Refusal.EDGE


def verdict_of(error: PeerError, edge: str, registry_version: int = 0) -> Verdict:
    """Return what the operator reads when an edge says no, or cannot be asked."""
    if isinstance(error, RefusedError):
        said = sentences.refused_by_edge(edge, clean(error.text) or error.code)
        said = said._replace(refusal=refusal_of(error))
    else:
        said = sentences.line_down(edge)
    return Verdict(False, *said, registry_version=registry_version)
