# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room that enrols edges over real TLS on loopback, and its parts for tests."""

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager

from gateway.model.registry import Edge
from gateway.room.authority import open_authority
from gateway.room.enrolment import Enrolment, EnrolmentParts, RoomWord
from gateway.room.invitations import FILE, Invitations
from gateway.runtime.sealed import Sealed, server_context
from gateway.wire.uplink import ALPN_ENROL
from tests.fakes import FakeClock

NOW = 1_790_000_000_000_000
"""Some day of 2026, UTC in microseconds."""


class Room:
    """A room's registry of edges, its authority and its door; `notes` is what its log was told."""

    def __init__(self, folder, edges=("varco-nord",), room="sala", clock=None):
        self.clock = clock or FakeClock(utc_us=NOW)
        now = self.clock.now().utc_us
        self.edges = {one: Edge(one, one.title(), organisations=("sala-ps",)) for one in edges}
        self.notes = []
        self.addresses = ("127.0.0.1:1",)
        self.authority = open_authority(folder, room, now)
        self.authority.furnish(("127.0.0.1:1",), room, now)
        self.parts = EnrolmentParts(
            self.authority,
            Invitations(folder / FILE),
            self.clock,
            lambda: RoomWord(room, "Sala", self.addresses, {"witness": "sala+0+x"}),
            self.edges.get,
            self.admit,
            self.note,
        )
        self.enrolment = Enrolment(self.parts)

    async def admit(self, edge, by):
        self.edges[edge.id] = edge

    async def note(self, edge, problem, address):
        self.notes.append((edge, problem))

    @asynccontextmanager
    async def door(self):
        """Listen; what comes is served as the room's reception does."""
        files = self.authority.server_file, self.authority.server_file, self.authority.ca_file
        context = server_context(*files, [ALPN_ENROL])
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            self.addresses = (f"127.0.0.1:{listening.getsockname()[1]}",)

            async def serve(plain):
                with contextlib.suppress(Exception):
                    await self.enrolment.serve(await Sealed.accept(plain, context, within_s=20))

            async def accept():
                async with asyncio.TaskGroup() as tasks:
                    while True:
                        plain, _ = await loop.sock_accept(listening)
                        tasks.create_task(serve(plain))

            task = asyncio.create_task(accept())
            try:
                yield self
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
