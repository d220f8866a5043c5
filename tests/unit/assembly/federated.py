# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room and an edge with gates of their own, joined by a line that can be cut."""

import asyncio
import json
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.access.gate import Gate, Surroundings
from gateway.assembly.federation import EdgeFederation, EdgeParts, Room
from gateway.assembly.room_federation import RoomFederation, RoomParts
from gateway.model.access import Grant
from gateway.model.audit import LedgerReceipt
from gateway.model.errors import LedgerError, PeerError
from gateway.model.media import StreamKind, StreamState, StreamStatus
from gateway.model.registry import Edge
from gateway.model.room import LinePeer
from gateway.room.assertions import Asserter, RoomTrust
from gateway.room.offers import Offers
from gateway.runtime.fanout import Fanout
from tests.fakes import FakeClock
from tests.unit.access.town import NOW, SHOP_ACT, SQUARE_ACT, actor, alarm, registry, wish
from tests.unit.assembly.exits import exits_of

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ROOM = LinePeer("sala", "Sala PL", "c" * 64)
EDGE = LinePeer("nord", "Edge Nord", "a" * 64)
SHOP_ALWAYS = replace(
    SHOP_ACT, scopes=(replace(SHOP_ACT.scopes[0], disclosure=SQUARE_ACT.scopes[0].disclosure),)
)


class Ledger:
    """Entries in memory; `refuses` makes it dark."""

    def __init__(self):
        self.events = []
        self.refuses = False

    async def append(self, event):
        await asyncio.sleep(0)
        if self.refuses:
            raise LedgerError("disk full")
        self.events.append(event)
        return LedgerReceipt(len(self.events) - 1, "id", 0)

    async def account(self, event):
        await self.append(event)

    def told(self):
        return [(one.event, one.error) for one in self.events]


@dataclass
class Plan:
    camera: str
    sub: object = None


class Post:
    """A camera with two fan-outs and counters that a test moves."""

    def __init__(self, camera):
        self.plan = Plan(camera)
        self.state = StreamState.LIVE
        self.units = 0
        self._fanouts = {kind: Fanout() for kind in StreamKind}

    def rendition(self, kind):
        return kind if kind is StreamKind.MAIN or self.plan.sub else StreamKind.MAIN

    def fanout(self, kind):
        return self._fanouts[self.rendition(kind)]

    def status(self, kind=None):
        return StreamStatus(
            self.state, "rtsp://192.0.2.9: no", units=self.units, received_bytes=self.units * 100
        )


class Line:
    """Carries questions from one end to the other, as JSON, while it is up."""

    def __init__(self, peer, handlers):
        self.peer, self.handlers = peer, handlers
        self.up = True
        self.said = []
        self._tells = set()

    async def call(self, kind, body, blob=b"", *, within_s=10.0):
        if not self.up:
            raise PeerError("line: down")
        self.said.append((kind, body))
        return await self.handlers()[kind](self.peer, json.loads(json.dumps(body)), blob)

    def tell(self, kind, body):
        if not self.up:
            return False
        self.said.append((kind, body))
        task = asyncio.get_running_loop().create_task(
            self.handlers()[kind](self.peer, json.loads(json.dumps(body)), b"")
        )
        self._tells.add(task)
        task.add_done_callback(self._tells.discard)
        return True

    async def quiet(self):
        """Return once everything that was told has been heard."""
        while self._tells:
            await asyncio.gather(*self._tells)


@dataclass
class Session:
    session: str
    grant: Grant


@dataclass
class World:
    """Both ends on one clock, the room's UTC ahead by `ahead_us`."""

    folder: object
    ahead_us: int = 0
    terms: dict = field(default_factory=dict)
    """What the owner's `[[uplink]]` says of the room, beside its recipient."""
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW.monotonic_s, NOW.utc_us))

    def __post_init__(self):
        self.edge_town = registry(SQUARE_ACT, SHOP_ALWAYS)
        self.alarms = {}
        self.posts = {one: Post(one) for one in self.edge_town.cameras}
        self.down, self.up = Line(ROOM, self.edge_handlers), Line(EDGE, self.room_handlers)
        self.key = KEY
        self.edge_starts()
        self.room_starts()

    def edge_starts(self):
        """An edge begins anew; nothing of its memory is left."""
        self.edge_ledger = Ledger()
        around = Surroundings(vouched=self.vouched)
        self.edge_gate = Gate(
            self.edge_ledger, lambda: self.edge_town, self.alarms.get, self.clock, around
        )
        room = Room("questura", "sala-pl", self.up, self.trust, **self.terms)
        parts = EdgeParts(
            "Edge Nord", False, self.edge_gate, lambda: self.edge_town,
            self.edge_ledger.account, self.posts.get,
            exits_of(self.posts.get, lambda: self.edge_town, self.clock), self.clock,
        )  # fmt: skip
        self.edge = EdgeFederation(parts, (room,))

    def room_starts(self):
        """A room begins anew, with the offers that it kept."""
        stored = registry()
        self.room_town = replace(
            stored, edges={"nord": Edge("nord", "Edge Nord", "a" * 64, ("sala-pl",))}
        )
        self.room_clock = FakeClock(NOW.monotonic_s, NOW.utc_us + self.ahead_us)
        self.room_clock.time_s = self.clock.time_s
        self.room_ledger = Ledger()
        self.sessions = {}
        self.ended, self.refusals = [], []
        self.offers = Offers(lambda: self.room_town, self.folder, self.room_clock)
        self.room_gate = Gate(
            self.room_ledger, self.offers.current, self.alarms.get, self.room_clock
        )
        self.asserter = Asserter("sala", "varco/sala", KEY, self.room_clock)
        self.room = RoomFederation(
            RoomParts(
                self.asserter, self.offers, lambda _: self.down, self.looks_here,
                self.end, self.changed, self.room_clock, self.refused,
            )
        )  # fmt: skip

    def trust(self):
        return RoomTrust("sala", "nord", self.key.public_key().public_bytes_raw(), self.ahead_us)

    def edge_handlers(self):
        return self.edge.handlers("questura")

    def room_handlers(self):
        return self.room.handlers()

    def vouched(self, who):
        return self.edge.vouched(who)

    def looks_here(self):
        return tuple(self.sessions.values())

    async def changed(self):
        pass

    async def refused(self, *about):
        self.refusals.append(about)

    async def end(self, session, reason):
        one = self.sessions.pop(session)
        self.ended.append((session, reason))
        await self.room_gate.close(one.grant, reason=reason)

    def advance(self, seconds):
        self.clock.advance(seconds)
        self.room_clock.advance(seconds)

    def cut(self):
        self.down.up = self.up.up = False
        self.room.line_down(EDGE)

    def join(self):
        self.down.up = self.up.up = True
        self.edge.greeted("questura")
        self.room.line_up(EDGE)

    async def settle(self):
        """Let both ends do what is due, and what was told be heard."""
        await self.down.quiet()
        async with asyncio.TaskGroup() as tasks:
            self.room.tick(tasks)
        await self.edge.tick()
        await self.up.quiet()
        await self.down.quiet()

    async def offered(self):
        """Bring the line up, with the edge's offer on it."""
        self.join()
        assert await self.edge.tell("questura")

    async def look(self, camera="nord.piazza", **more):
        """Look as an operator does: the room's gate, the edge, then a session."""
        grant = await self.room_gate.open(wish(camera, who=actor(method="oidc"), **more))
        assert isinstance(grant, Grant), grant
        await self.room.begin(grant)
        self.sessions[f"s-{grant.id}"] = Session(f"s-{grant.id}", grant)
        self.room.began(grant)
        return grant

    def flows(self, camera="piazza"):
        side = self.edge._sides["questura"]
        return self.edge.may_flow(side, camera)

    def looks(self):
        return len(self.edge.looks("questura"))


def raise_alarm(world, camera="banco", id_="al-1"):
    world.alarms[id_] = alarm(camera, id_=id_)
