# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""An edge and a room of real parts, with a line in memory between them that can be cut."""

import asyncio
import os
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from gateway.assembly.couriers import LINE_PACE
from gateway.assembly.journal import Journal
from gateway.assembly.room_alarms import EdgeAlarms, EdgeParts, RoomAlarms, RoomParts
from gateway.model.alarm import Alarm
from gateway.model.identifiers import uuid7
from gateway.model.registry import AreaKind, Disclosure, Edge, Recipient, RecipientKind, SiteKind
from gateway.model.room import Offer, OfferedAct, OfferedCamera
from gateway.relay.alarms.delivery import Courier
from gateway.relay.alarms.outbox import open_outbox
from gateway.room import alarms as room_alarms
from gateway.room import answers as room_answers
from gateway.room import inbox as room_inbox
from gateway.room import witnesses as room_witnesses
from gateway.room.mqtt_line import ACKS, LineBroker
from gateway.room.store import open_room_store
from gateway.runtime.clock import SystemClock
from tests.line_pair import Pair
from tests.unit.access.town import registry
from tests.unit.audit.logbook import opened

EDGE = "varco-nord"
ROOM = "sala"
SCHEMA = room_inbox.SCHEMA + room_alarms.SCHEMA + room_answers.SCHEMA + room_witnesses.SCHEMA
QUICK = replace(LINE_PACE, first_s=0.2, most_s=1.0, refused_first_s=0.5, tick_s=0.02)
ACT = OfferedAct("patto", "Patto", "1", 0, 1 << 52, Disclosure.ALWAYS)
ENROLLED = Edge(EDGE, "Varco nord", "a" * 64, ("sala-pl",))


def camera(id_="piazza"):
    return OfferedCamera(
        id_, id_.title(), "sito", "Sito", SiteKind.SQUARE, "comune", "Comune",
        AreaKind.PUBLIC, (ACT,),
    )  # fmt: skip


def offer(*cameras, exercise=False):
    return Offer(EDGE, "Varco nord", 1, tuple(map(camera, cameras or ("piazza",))), exercise)


def alarm(camera="piazza", zone="centro", n=0, **more):
    now = SystemClock().now()
    id_ = uuid7(now.utc_us + n * 1000, os.urandom(10))
    return Alarm(id_, camera, zone, "intrusione", 3, now, **more)


@dataclass
class Boxes:
    """Both ends; `offers` and `edges` are what the room knows of its edges."""

    pair: Pair
    edge_outbox: object
    room_outbox: object
    edge_ledger: object
    room_ledger: object
    desk: RoomAlarms
    ear: EdgeAlarms
    broker: LineBroker
    recipient: Recipient
    offers: dict
    edges: dict
    clock: object

    def courier(self, **more):
        return Courier(
            self.recipient, self.broker, self.edge_outbox, box=EDGE, clock=self.clock,
            pace=replace(QUICK, **more),
        )  # fmt: skip

    async def raise_one(self, **more):
        made = alarm(**more)
        await self.edge_outbox.raise_alarm(made, recipients=[self.recipient], act="patto")
        return made

    async def shown(self, limit=50_000):
        return await self.room_outbox.recent(limit)

    async def entries(self, side, *codes):
        ledger = self.room_ledger if side == ROOM else self.edge_ledger
        found = [one.event for one in await ledger.entries(-1, 5_000)]
        return [one for one in found if one.event in codes] if codes else found


@asynccontextmanager
async def boxes(folder, *, pair=None, inbox=True, clock=None, run=True):
    """Open both; the room's desk runs unless told otherwise."""
    clock, pair = clock or SystemClock(), pair or Pair(EDGE, ROOM)
    recipient = Recipient("questura", "Questura", RecipientKind.ROOM, "line:questura", "", inbox)
    offers, edges = {EDGE: offer()}, {EDGE: ENROLLED}
    for name in (EDGE, ROOM):
        (folder / name).mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        here, there = folder / EDGE, folder / ROOM
        edge_ledger = await enter(opened(here / "ledger.db", clock))
        room_ledger = await enter(opened(there / "ledger.db", clock))
        edge_outbox = await enter(open_outbox(here / "alarms.db", clock=clock))
        room_outbox = await enter(open_outbox(there / "alarms.db", clock=clock))
        store = await enter(open_room_store(there / "room.db", SCHEMA))
        parts = RoomParts(
            store, room_outbox, Journal(room_ledger, clock),
            lambda: replace(registry(), edges=edges), offers.get, lambda _: pair.room,
            pair.room.is_up, clock,
        )  # fmt: skip
        desk = RoomAlarms(parts)
        ear = EdgeAlarms(EdgeParts(edge_outbox, Journal(edge_ledger, clock), registry, "questura"))
        broker = LineBroker("questura", pair.edge, pair.edge.is_up, clock)
        pair.room.handlers = desk.handlers()
        pair.edge.handlers = {**ear.handlers(), ACKS: broker.acks}
        made = Boxes(
            pair, edge_outbox, room_outbox, edge_ledger, room_ledger, desk, ear, broker,
            recipient, offers, edges, clock,
        )  # fmt: skip
        task = asyncio.create_task(desk.keep()) if run else None
        try:
            yield made
        finally:
            if task is not None:
                task.cancel()
                await asyncio.wait([task])


@asynccontextmanager
async def running(coroutine):
    """Run something beside the block; its own failure is the test's."""
    task = asyncio.create_task(coroutine)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
