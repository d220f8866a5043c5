# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The console before the real gate: shifts, second persons and looks are the product's own."""

from contextlib import asynccontextmanager
from dataclasses import replace

from gateway.access.gate import Gate, Surroundings
from gateway.access.second import Seconds
from gateway.access.shifts import Shifts
from gateway.console.app import build_app
from gateway.console.listener import bind_tcp
from gateway.model.registry import Role, User
from tests.ui.town import ROOM
from tests.unit.access.test_gate import Journal
from tests.unit.console.conftest import Site, serving

OFFER = {"Content-Type": "application/sdp"}
SDP = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\n"


class Looks:
    """Looks whose one session is Anna's."""

    def __init__(self):
        self.confirmed = []
        self.answer = None

    async def confirm(self, session, actor):
        self.confirmed.append((session, actor.id))
        return self.answer


def real_services(town):
    """The town's services with the real gate, and Berta as Anna's colleague."""
    act = town.registry.acts["patto-2026"]
    dated = replace(act, dpia_date=act.valid_from)  # so that public cameras may be looked at
    town.registry = replace(town.registry, acts={act.id: dated})
    town.registry = replace(
        town.registry,
        users=town.registry.users | {"berta": User("berta", "B", Role.PL_OPERATOR, ROOM)},
    )
    journal, clock = Journal(), town.clock
    shifts = Shifts(journal, clock)
    gate = Gate(journal, lambda: town.registry, town.alarms.get, clock, Surroundings(shifts=shifts))
    town.journal, town.looks = journal, Looks()
    return replace(
        town.services(),
        gate=gate,
        rights=gate,
        shifts=shifts,
        seconds=Seconds(clock),
        looks=town.looks,
    )


@asynccontextmanager
async def real_desk(town):
    """Serve the console with the real gate behind it."""
    services = real_services(town)
    bound = bind_tcp("127.0.0.1", 0)
    port = bound.getsockname()[1]
    town.notices = services.notices
    async with serving(build_app(services), [bound]):
        yield Site(town, f"http://127.0.0.1:{port}")
