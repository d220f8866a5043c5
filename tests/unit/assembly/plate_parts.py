# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A desk of plates on real stores with real keys; the lists themselves are a small dictionary."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from gateway.assembly.journal import Journal
from gateway.assembly.plans import Basis
from gateway.assembly.plate_book import open_hit_book
from gateway.assembly.plates import PlateDesk, PlateParts
from gateway.audit.ledger import open_ledger
from gateway.model.alarm import Box
from gateway.model.errors import StoreError, WireError
from gateway.model.hit import PlatePictures
from gateway.model.plate import Alternative, ListKind, Passage, Passing, PlateRead
from gateway.model.registry import Analytic, Direction, Recipient, RecipientKind, Zone
from gateway.model.time import Moment
from gateway.registry.hotlist_keys import HotListKeys
from gateway.relay.alarms.outbox import open_outbox
from tests.unit.access.town import NOW, registry
from tests.unit.assembly.parts import ManualClock
from tests.unit.audit.logbook import KEY, ORIGIN

PLATE, OTHER = "ZQ417XV", "ZQ471XV"
PICTURES = PlatePictures(b"\xff\xd8 context", b"\xff\xd8 crop")
GATE = Zone(
    "varco-nord", "Varco Nord", "piazza", (), Analytic.PLATES,
    line=((0.0, 0.5), (1.0, 0.5)), direction=Direction.BOTH, inbound=Direction.AB, lane="1",
)  # fmt: skip
FAR = Recipient("sala-ps", "Sala PS", RecipientKind.ROOM, broker="b")
SHOP_ROOM = Recipient("istituto-mqtt", "Istituto", RecipientKind.INSTITUTE, broker="b")
EVERYBODY = ("sala-pl", "sala-ps", "istituto-mqtt")


def town():
    """The town with a gate, a room behind a broker and an institute behind one."""
    known = registry()
    return replace(
        known,
        zones={GATE.id: GATE},
        recipients=known.recipients | {FAR.id: FAR, SHOP_ROOM.id: SHOP_ROOM},
    )


@dataclass(frozen=True)
class Match:
    """An entry that a read fits."""

    entry: str = "voce-1"
    kind: ListKind = ListKind.STOLEN
    text: str = field(default=PLATE, repr=False)
    exact: bool = True
    needs_person: bool = False
    reason: str = field(default="denuncia 12/2026", repr=False)


class Lists:
    """Entries by text; sealed with the product's own keys."""

    def __init__(self, entries=None, secret=b"k" * 32):
        self.entries = {PLATE: Match()} if entries is None else entries
        self._keys = HotListKeys(secret)

    def match(self, read, now):
        return self.entries.get(read.text)

    def seal(self, text, about):
        return self._keys.seal(text, about.encode())

    def unseal(self, sealed, about):
        try:
            return self._keys.unseal(sealed, about.encode())
        except WireError as error:
            raise StoreError(str(error)) from error


def read(text=PLATE, *, certain=True):
    """What readers made of a plate."""
    others = (Alternative(OTHER, 0.02),)
    return PlateRead(text, 0.97, (0.99,) * len(text), others, "IT", certain=certain)


def passage(clock, text=PLATE, *, certain=True, passing=Passing.IN, zone="varco-nord", number=1):
    """A vehicle that has just passed."""
    crossed = Moment(clock.monotonic_s(), clock.now().utc_us)
    box = Box(0.4, 0.6, 0.5, 0.64)
    made = read(text, certain=certain)
    return Passage(number, "piazza", zone, "1", passing, crossed, made, box, 38.0)


class World:
    """A desk, and what it works on."""

    def __init__(self, parts, tasks, folder, ledger):
        self.parts, self.tasks, self.folder, self.ledger = parts, tasks, folder, ledger
        self.clock, self.outbox, self.book = parts.clock, parts.outbox, parts.book
        self.desk = PlateDesk(parts)

    async def pass_by(self, *args, **more):
        """Let a vehicle pass; return the hits that are kept then."""
        await self.desk.passed(passage(self.clock, *args, **more))
        return await self.book.all()

    def bytes_on_disk(self):
        """Everything that lies in the state directory."""
        return b"".join(one.read_bytes() for one in self.folder.rglob("*") if one.is_file())


async def pictures(_passage):
    """The gate still has both pictures."""
    return PICTURES


@asynccontextmanager
async def world(folder, *, clock=None, **changes):
    """A desk on real stores, in a state directory of its own."""
    clock = clock or ManualClock(utc_us=NOW.utc_us)
    known = changes.pop("known", None) or town()
    async with (
        open_outbox(folder / "alarms.db", clock=clock) as outbox,
        open_ledger(folder / "ledger.db", origin=ORIGIN, key=KEY, clock=clock) as ledger,
        open_hit_book(folder / "hits.db") as book,
        asyncio.TaskGroup() as tasks,
    ):
        parts = PlateParts(
            book, outbox, Journal(ledger, clock), lambda: known, Lists(),
            lambda _: Basis(Analytic.PLATES, "patto", EVERYBODY), clock, tasks.create_task,
            pictures=pictures,
        )  # fmt: skip
        yield World(replace(parts, **changes), tasks, folder, ledger)
