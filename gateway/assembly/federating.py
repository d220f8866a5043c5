# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How one box holds both sides of the federation: edge of some rooms, room of some edges."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.access.gate import Gate
from gateway.assembly.cameras import CameraPost
from gateway.assembly.federation import EdgeFederation, EdgeParts, Room
from gateway.assembly.journal import Journal
from gateway.assembly.lines import Lines, key_of
from gateway.assembly.renditions import Renditions
from gateway.assembly.room_federation import NoteRefused, RoomFederation, RoomParts
from gateway.assembly.viewing import Viewing
from gateway.config.load import line_folder
from gateway.config.options import Options, UplinkOptions
from gateway.model.access import Actor
from gateway.model.errors import ConfigError, InvariantError, PeerError
from gateway.model.media import StreamStatus
from gateway.model.registry import Registry
from gateway.model.room import Caller, LinePeer
from gateway.relay.video.rtsp_server import ReverseSession
from gateway.relay.video.thin import LineBudget
from gateway.room.assertions import Asserter, RoomTrust, assertion_key
from gateway.room.dial import Uplink
from gateway.room.enrolment import Membership, read_membership
from gateway.room.offers import Offers
from gateway.runtime.clock import Clock
from gateway.runtime.sealed import Sealed

FOLDER: Final = "offers"


@dataclass(frozen=True, slots=True)
class Joined:
    """What the running box lends both sides."""

    gate: Gate
    journal: Journal
    registry: Callable[[], Registry]
    """What lets pictures out: with masks that no camera confirms as ours."""
    post: Callable[[str], CameraPost | None]
    viewing: Viewing
    renditions: Renditions
    replan: Callable[[], Awaitable[object]]


class Federation:
    """Both sides; each is there only where the configuration asks for it."""

    def __init__(self, options: Options, registry: Callable[[], Registry], clock: Clock) -> None:
        """`registry` is the stored one. Reads nothing yet, see `load`."""
        self._options = options
        self._clock = clock
        self._is_room = options.room is not None
        self._registry = registry
        self._key: Ed25519PrivateKey | None = None
        self.offers = Offers(registry, options.box.state_dir / FOLDER, clock)
        self.budgets: Mapping[str, LineBudget] = {
            one.name: LineBudget(one.most_kbps, pairs=one.pairs) for one in options.uplinks
        }
        """What streams and pictures of each uplink may take together."""
        self.edge: EdgeFederation | None = None
        self.room: RoomFederation | None = None
        self.refused: NoteRefused | None = None
        """Writes down an offer that a room does not take."""

    async def load(self) -> None:
        """Read what edges offered before, and the key; ConfigError if that cannot be used."""
        if self._is_room:
            await asyncio.to_thread(self.offers.load)
            state: Path = self._options.box.state_dir
            self._key = await asyncio.to_thread(assertion_key, state)

    def current(self) -> Registry:
        """Return the stored registry with what edges offer."""
        return self.offers.current() if self._is_room else self._registry()

    def vouched(self, actor: Actor) -> bool:
        """Return whether a room still vouches for one of its people here."""
        return self.edge is not None and self.edge.vouched(actor)

    def status(self, camera: str, own: StreamStatus | None) -> StreamStatus | None:
        """Return the state of a camera as pages show it."""
        return self.room.status(camera, own) if self.room is not None else own

    @property
    def key(self) -> bytes:
        """The public key of this room's assertions, told to edges; empty at none."""
        return self._key.public_key().public_bytes_raw() if self._key is not None else b""

    def join_edge(self, box: Joined, rooms: tuple[Room, ...]) -> EdgeFederation:
        """Make the edge's side; whoever calls runs its `keep`."""
        about = self._options.box
        self.edge = EdgeFederation(
            EdgeParts(
                about.name, about.exercise, box.gate, box.registry,
                box.journal.account, box.post, box.renditions, self._clock,
            ),
            rooms,
        )  # fmt: skip
        return self.edge

    def join_room(self, box: Joined, caller: Callable[[str], Caller]) -> RoomFederation:
        """Make the room's side; whoever calls runs its `keep`."""
        if self._key is None:
            raise InvariantError("federation: joined before it was loaded, or not at a room")
        asserter = Asserter(
            self._options.box.id, self._options.ledger.origin, self._key, self._clock
        )
        self.room = RoomFederation(
            RoomParts(
                asserter, self.offers, caller, box.viewing.sessions, box.viewing.close,
                box.replan, self._clock, self.refused,
            )
        )  # fmt: skip
        box.viewing.federation = self.room
        return self.room

    def join(self, lines: Lines, box: Joined) -> tuple[Coroutine[None, None, None], ...]:
        """Have both sides speak over the lines of the box; return what has to run."""
        sides: list[EdgeFederation | RoomFederation] = []
        if lines.uplinks:
            lines_of = {one.name: one for one in self._options.uplinks}
            rooms = tuple(
                _room(lines.uplinks[name], one, self._options.box.id, self._folder(name))
                for name, one in lines_of.items()
            )
            edge = self.join_edge(box, rooms)
            for name, uplink in lines.uplinks.items():
                lines.handlers_edge[name].update(edge.handlers(name))
                outlet = _Outlet(edge, uplink, self.budgets[name], self._clock)
                lines.on_media[name] = outlet.serve
                uplink.reduced = outlet.reduced
            sides.append(edge)
        if lines.reception is not None:
            room = self.join_room(box, lines.reception.caller)
            lines.handlers_room.update(room.handlers())
            lines.greeting["assertion_key"] = base64.b64encode(self.key).decode()
            lines.reception.reduced = room.reduced
            sides.append(room)
        lines.on_up.append(self._up)
        lines.on_down.append(self._down)
        return tuple(one.keep() for one in sides)

    async def farewell(self) -> None:
        """Close in the ledger what rooms still looked at; after the lines have ended."""
        if self.edge is not None:
            await self.edge.farewell()

    def _folder(self, line: str) -> Path:
        return line_folder(self._options.box.state_dir, line)

    def _up(self, line: str, peer: LinePeer) -> None:
        if line and self.edge is not None:
            self.edge.greeted(line)
        elif not line and self.room is not None:
            self.room.line_up(peer)

    def _down(self, line: str, peer: LinePeer) -> None:
        if not line and self.room is not None:
            self.room.line_down(peer)


class _Outlet:
    """The pictures of one uplink: what they may take together, and which are reduced."""

    def __init__(
        self, edge: EdgeFederation, uplink: Uplink, budget: LineBudget, clock: Clock
    ) -> None:
        self._open = edge.opener(uplink.name)
        self._uplink = uplink
        self._clock = clock
        self._budget = budget
        self._reduced: set[str] = set()

    def reduced(self) -> tuple[str, ...]:
        return tuple(sorted(self._reduced))

    async def serve(self, sealed: Sealed) -> None:
        """Serve one connection on which the room asks for a stream, until it ends."""
        session = ReverseSession(sealed, self._open, self._clock, self._budget, self._note)
        await session.run()

    def _note(self, camera: str, is_reduced: bool, reason: str) -> None:
        (self._reduced.add if is_reduced else self._reduced.discard)(camera)
        body = {"camera": camera, "reduced": is_reduced, "reason": reason}
        self._uplink.tell("reduced", body)


def _room(uplink: Uplink, own: UplinkOptions, box: str, folder: Path) -> Room:
    """Return one uplink as the federation needs it."""
    known: list[RoomTrust] = []
    """What the greeting of `said` told; the clock is asked anew."""
    said: list[Mapping[str, Any]] = []

    def trust() -> RoomTrust:
        greeting = uplink.greeting
        if not said or said[0] is not greeting:
            member = _member(folder)
            pinned = member.keys if member is not None and "assertion" in member.keys else None
            key = key_of(pinned, "assertion") if pinned else key_of(greeting, "assertion_key")
            edge = member.edge if member is not None else box
            known[:] = [RoomTrust(uplink.peer_id, edge, key)]
            said[:] = [greeting]
        return replace(known[0], offset_us=round(uplink.status().clock_offset_ms * 1000))

    return Room(uplink.name, own.recipient, uplink, trust, own.organisations, own.emergency)


def _member(folder: Path) -> Membership | None:
    """Return what the enrolment told of a room; PeerError if it cannot be read."""
    try:
        return read_membership(folder)
    except ConfigError as error:
        raise PeerError(str(error)) from error
