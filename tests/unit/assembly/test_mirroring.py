# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room on a real PostgreSQL: its log arrives there, and rows follow who may know of an edge."""

from dataclasses import replace

import psycopg
import pytest

from gateway.assembly.mirroring import Mirroring, MirrorParts
from gateway.audit.ledger import open_ledger
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.registry import Edge, empty_registry
from gateway.room.mirror import verify_copy
from gateway.room.postgres import prepare
from gateway.room.store import open_room_store
from tests.fakes import FakeClock
from tests.postgres import DAEMON, OWNER, cluster
from tests.unit.assembly.parts import KEY, ORIGIN

EVENT = LedgerEvent("live.open", Operation.CONSULTATION, Regime.LED, actor_id="anna")


@pytest.fixture(scope="module")
def database():
    with cluster() as running:
        with psycopg.connect(running.options(OWNER).conninfo, autocommit=True) as db:
            db.execute(f"create role {DAEMON} login")
        prepare(running.options(OWNER), DAEMON)
        yield running.options(DAEMON)


async def test_the_log_is_copied_and_edges_are_named_as_the_registry_says(database, tmp_path):
    clock = FakeClock()
    edge = Edge("farmacia", "Farmacia", organisations=("polizia", "questura"))
    known = [replace(empty_registry(), edges={"farmacia": edge})]
    public = KEY.public_key().public_bytes_raw()
    async with (
        open_ledger(tmp_path / "ledger.db", origin=ORIGIN, key=KEY, clock=clock) as ledger,
        open_room_store(database, "") as store,
    ):
        made = Mirroring(MirrorParts(store, ledger, ORIGIN, lambda: known[0], clock))
        await ledger.append_many([EVENT] * 7)
        await made.mirror.step()
        assert await store.read(lambda db: verify_copy(db, ORIGIN, public)) == 7
        assert made.problem == ""

        async def named():
            query = "select organisation from edge_organisation order by 1"
            return [one for (one,) in await store.read(lambda db: db.execute(query).fetchall())]

        await made.name()
        assert await named() == ["polizia", "questura"]
        edge = replace(edge, organisations=("questura",))
        known[0] = replace(empty_registry(), edges={"farmacia": edge})
        await made.name()
        assert await named() == ["questura"]
        tasks = made.tasks()
        assert len(tasks) == 2
        for task in tasks:
            task.close()
