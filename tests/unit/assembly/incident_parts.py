# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Two operations rooms with real books, ledgers and gates, and a line that can fall."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import date

from gateway.access.gate import Gate, Surroundings
from gateway.assembly.incidents import IncidentCases, IncidentDesk, IncidentParts
from gateway.assembly.journal import Journal
from gateway.audit.ledger import open_ledger
from gateway.console.services import Notices
from gateway.model.access import AccessRequest, Action, Actor, Purpose
from gateway.model.alarm import Alarm, AlarmRecord, AlarmState
from gateway.model.errors import DownError, PeerError, RefusedError, WireError
from gateway.model.identifiers import uuid7
from gateway.model.registry import (
    Act,
    ActScope,
    AreaKind,
    Camera,
    Controller,
    Disclosure,
    Edge,
    Recipient,
    RecipientKind,
    Registry,
    Role,
    Site,
    SiteKind,
    SiteState,
)
from gateway.model.room import LinePeer
from gateway.room.incidents import open_incidents
from gateway.wire.uplink import Frame, FrameDecoder, encode
from tests.fakes import EPOCH_US
from tests.unit.assembly.parts import ShiftedClock
from tests.unit.audit.logbook import KEY, ORIGIN

PL, QUESTURA, ARMA, INSTITUTE = "sala-pl", "questura", "carabinieri", "istituto"
ALARM = uuid7(EPOCH_US, bytes(10))


def actor(who, organisation=PL, role=Role.PL_OPERATOR, method="oidc"):
    """Somebody of a room."""
    return Actor(who, who.title(), role, organisation, f"s-{who}", method)


ANNA, BRUNO = actor("anna"), actor("bruno")
PINO = actor("pino", QUESTURA, Role.PS_OPERATOR)
CARLA = actor("carla", ARMA, Role.PS_OPERATOR)


def scope(cameras, recipients, disclosure=Disclosure.ALWAYS):
    """One line of an act."""
    return ActScope(cameras, recipients, (), disclosure, 0.0)


def act(*scopes, until=date(2030, 12, 31)):
    """An act in force."""
    return Act(
        "patto", "Patto", "7/2026", ("Comune", "Prefettura"), date(2020, 1, 1), until,
        scopes, dpia="DPIA", dpia_date=date(2019, 12, 1),
    )  # fmt: skip


def town(*scopes, prefix="", until=date(2030, 12, 31)):
    """Cameras of a municipality and of a shop; `prefix` as another room has them."""
    names = ("piazza", "varco", "banco")
    cameras = [
        Camera(prefix + one, one.title(), prefix + "centro", "rtsp://a/", AreaKind.PUBLIC)
        for one in names
    ]
    rooms = ((PL, "Sala PL"), (QUESTURA, "Questura"), (ARMA, "Carabinieri"))
    recipients = [Recipient(one, name, RecipientKind.ROOM) for one, name in rooms]
    recipients.append(Recipient(INSTITUTE, "Istituto", RecipientKind.INSTITUTE))
    site = Site(prefix + "centro", "Centro", "comune", SiteKind.SQUARE, SiteState.ACTIVE)
    made = act(*scopes, until=until)
    return Registry(
        1, {"comune": Controller("comune", "Comune")}, {site.id: site},
        {one.id: one for one in cameras}, {}, {}, {one.id: one for one in recipients},
        {made.id: made}, {},
    )  # fmt: skip


def municipal():
    """The registry of the municipal room: the square always, the gate to others in incidents."""
    return town(
        scope(("piazza", "varco"), (PL,)),
        scope(("varco",), (QUESTURA,), Disclosure.ON_INCIDENT),
        scope(("banco",), (PL,), Disclosure.ON_ALARM),
    )


def of_state():
    """The registry of the Questura with what the municipal room, as its edge, offers it."""
    return of_state_with(PL)


def of_state_with(edge):
    """The same with another name of the municipal room's edge."""
    line = scope((f"{edge}.varco",), (QUESTURA,), Disclosure.ON_INCIDENT)
    made = town(line, prefix=f"{edge}.")
    rooms = {edge: Recipient(edge, "Sala PL", RecipientKind.ROOM)}
    return replace(
        made,
        recipients=made.recipients | rooms,
        edges={edge: Edge(edge, "Sala PL", "ab", (QUESTURA,))},
    )


def alarm_at(camera, recipients=(PL,), state=AlarmState.OPEN):
    """The record of an alarm."""
    clock = ShiftedClock()
    what = Alarm(ALARM, camera, "zona", "intrusione", 4, clock.now())
    return AlarmRecord(what, state, EPOCH_US, recipients=recipients)


class House:
    """One room."""

    def __init__(self, book, ledger, clock, registry, hooks=(), own=""):
        self.book = book
        self.ledger = ledger
        self.clock = clock
        self.registry = registry
        self.alarms = {}
        self.journal = Journal(ledger, clock)
        self.notices = Notices()
        self.desk = IncidentDesk(
            IncidentParts(
                book, lambda: self.registry, self.journal, clock, self.alarms.get,
                self.notices, own, hooks,
            )
        )  # fmt: skip
        cases = IncidentCases(book, self.alarms.get)
        around = Surroundings(incidents=cases.case, in_incident=cases.shows)
        self.gate = Gate(self.journal, lambda: self.registry, self.alarms.get, clock, around)

    async def codes(self):
        """Return the codes in the ledger, oldest first."""
        return [one.event.event for one in await self.ledger.entries(-1, 1000)]

    async def entries(self, code):
        """Return the events of one code."""
        found = [one.event for one in await self.ledger.entries(-1, 1000)]
        return [one for one in found if one.event == code]


@asynccontextmanager
async def house(folder, registry, *, hooks=(), own="", clock=None):
    """Open a room in a folder."""
    folder.mkdir(exist_ok=True)
    clock = clock or ShiftedClock()
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(
            open_ledger(folder / "ledger.db", origin=ORIGIN, key=KEY, clock=clock)
        )
        book = await stack.enter_async_context(open_incidents(folder / "incidents.db", clock=clock))
        yield House(book, ledger, clock, registry, hooks, own)


class Line:
    """One direction of a line: real frames, handlers at the other end; it can be cut."""

    def __init__(self, peer):
        self.peer = LinePeer(peer, peer, "ab")
        self.handlers = {}
        self.is_up = True
        self.lose_answers = 0
        """How many answers get lost after the other end has done what was asked."""
        self.asked = []
        self.downs = 0
        """How often somebody asked while it was down."""

    async def call(self, kind, body, blob=b"", *, within_s=10.0):
        if not self.is_up:
            self.downs += 1
            raise DownError("line: down")
        (frame,) = FrameDecoder().receive(encode(Frame(kind, body, blob, number=1)))
        self.asked.append(frame)
        try:
            reply = await self.handlers[kind](self.peer, frame.body, frame.blob)
        except WireError as error:
            raise RefusedError("wire", str(error)) from error
        if self.lose_answers:
            self.lose_answers -= 1
            raise PeerError("line: broke")
        return reply

    def tell(self, kind, body):
        return self.is_up


@asynccontextmanager
async def two_rooms(folder):
    """The municipal room dials the Questura; both run."""
    async with AsyncExitStack() as stack:
        pl = await stack.enter_async_context(house(folder / "pl", municipal(), own=PL))
        ps = await stack.enter_async_context(house(folder / "ps", of_state(), own=QUESTURA))
        up, down = Line(PL), Line("room")
        down.handlers = pl.desk.dial("linea-questura", QUESTURA, up)
        up.handlers = ps.desk.receive(lambda edge: down)
        tasks = [asyncio.create_task(one.desk.run()) for one in (pl, ps)]
        try:
            yield pl, ps, (up, down)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def wish(camera, case, who, purpose=Purpose.INCIDENT, action=Action.LIVE):
    """A wish to look for an incident."""
    return AccessRequest(who, action, camera, purpose, case)
