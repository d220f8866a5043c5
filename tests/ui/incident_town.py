# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The small town with a second operations room, and real incidents between the two."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date

from gateway.assembly.incidents import IncidentDesk, IncidentParts
from gateway.model.access import Actor
from gateway.model.audit import LedgerReceipt
from gateway.model.registry import (
    ActScope,
    Disclosure,
    Recipient,
    RecipientKind,
    Role,
    User,
)
from gateway.room.incidents import open_incidents

QUESTURA = "questura"
PINO = User("pino", "Pino Bassi", Role.PS_OPERATOR, QUESTURA)
MACHINE = Actor("rete", "Nodo remoto", Role.MACHINE, "sala-pl", "m", "certificate")


class Entries:
    """The town's ledger as incidents write to it."""

    def __init__(self, ledger):
        self._ledger = ledger

    async def append(self, event):
        return LedgerReceipt(self._ledger.append(event), "id", 0)

    async def account(self, event):
        self._ledger.append(event)


def with_questura(registry):
    """The town's registry with a room of the State, to which one camera shows in incidents."""
    room = Recipient(QUESTURA, "Sala operativa Questura", RecipientKind.ROOM)
    act = registry.acts["patto-2026"]
    line = ActScope(("piazza-1",), (QUESTURA,), (), Disclosure.ON_INCIDENT)
    return replace(
        registry,
        recipients=registry.recipients | {QUESTURA: room},
        users=registry.users | {PINO.id: PINO},
        acts={act.id: replace(act, scopes=(*act.scopes, line), dpia_date=date(2025, 12, 1))},
    )


@asynccontextmanager
async def incidents_of(town, folder):
    """Give a town its incidents."""
    town.registry = with_questura(town.registry)
    async with open_incidents(folder / "incidents.db", clock=town.clock) as book:
        town.incidents = IncidentDesk(
            IncidentParts(
                book, lambda: town.registry, Entries(town.ledger), town.clock, town.alarms.get,
                town.notices,
            )
        )  # fmt: skip
        yield town.incidents
