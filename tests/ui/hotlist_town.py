# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The small town with hot lists on a real disk, behind the real gate."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date

from gateway.access.gate import Gate
from gateway.assembly.hotlists import HotListDesk, HotListParts
from gateway.model.registry import Analytic, Role, User
from gateway.registry.entities import flatten
from gateway.registry.hotlists import HotListSetup, open_hotlists
from gateway.registry.seed import Seed
from gateway.registry.store import open_registry
from tests.ui.incident_town import Entries
from tests.ui.town import GATE, ROOM
from tests.unit.registry.hotlist_parts import KEYS, SOURCES

BERTA = User("berta", "Berta Fini", Role.PL_OPERATOR, ROOM)


def with_plates(registry, *, last=date(2099, 12, 31)):
    """The town's registry with an act that has plates read at the gate, and a colleague."""
    act = registry.acts["patto-2026"]
    public = replace(act.scopes[0], cameras=(GATE,), analytics=(Analytic.PLATES,))
    act = replace(
        act, valid_until=last, dpia_date=date(2026, 1, 1), scopes=(*act.scopes, public)
    )  # fmt: skip
    return replace(
        registry,
        acts=registry.acts | {act.id: act},
        users=registry.users | {BERTA.id: BERTA},
    )


@asynccontextmanager
async def hotlists_of(town, folder, *, last=date(2099, 12, 31), setup=None):
    """Give a town its hot lists; yields them."""
    town.registry = with_plates(town.registry, last=last)
    async with open_registry(folder / "registry.db", clock=town.clock) as store:
        kinds = {"user", "controller", "recipient"}
        people = {key: one for key, one in flatten(town.registry).items() if key[0] in kinds}
        await store.apply(Seed("town", people), by="seed")
        journal = Entries(town.ledger)
        town.gate = Gate(journal, lambda: town.registry, lambda _: None, town.clock)
        lists = await open_hotlists(store, town.clock, setup or HotListSetup(KEYS, sources=SOURCES))
        town.hotlists = HotListDesk(
            HotListParts(lists, store, journal, town.gate.check, town.clock)
        )
        town.rights = town.gate
        yield town.hotlists
