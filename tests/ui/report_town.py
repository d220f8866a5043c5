# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The small town with an institute on the list, a second room, and real reports."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date

from gateway.assembly.reports import ReportDesk, ReportParts
from gateway.model.registry import Force, Institute, Recipient, RecipientKind, Role, User
from gateway.room.reports import open_reports
from tests.ui.incident_town import PINO, QUESTURA, Entries
from tests.ui.town import INSTITUTE, ROOM

CAPITAL = ((10.12, 44.02), (10.16, 44.02), (10.16, 44.06), (10.12, 44.06))
INSIDE, OUTSIDE = (44.03035, 10.12975), (44.2, 10.0)
CENTRAL = User("centrale", "Centrale Apuania", Role.MACHINE, INSTITUTE)


def listed(**more):
    """An institute on the list for years, with a certificate."""
    return replace(
        Institute(
            "apuania", "Istituto Apuania Vigilanza", INSTITUTE, "3/2026", date(2026, 1, 10),
            date(2020, 1, 1), date(2099, 12, 31), "EN50518-0417", date(2099, 12, 31),
            "Centrale operativa, tel. 0585 000000",
        ),
        **more,
    )  # fmt: skip


def with_reports(registry, institute=None):
    """The town's registry with an institute, and rooms that the table of reports knows."""
    one = institute or listed()
    pl = replace(registry.recipients[ROOM], force=Force.LOCAL)
    ps = Recipient(
        QUESTURA, "Sala operativa Questura", RecipientKind.ROOM, force=Force.QUESTURA,
        territory=CAPITAL,
    )  # fmt: skip
    return replace(
        registry,
        recipients=registry.recipients | {ROOM: pl, QUESTURA: ps},
        users=registry.users | {PINO.id: PINO, CENTRAL.id: CENTRAL},
        institutes={one.id: one},
    )


@asynccontextmanager
async def reports_of(town, place, **more):
    """Give a town its reports; yields desk and book."""
    town.registry = with_reports(town.registry)
    async with open_reports(place, clock=town.clock) as book:
        town.reports = ReportDesk(
            ReportParts(
                book, lambda: town.registry, Entries(town.ledger), town.clock, town.notices,
                180, **more,
            )
        )  # fmt: skip
        yield town.reports, book
