# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco store` on a real PostgreSQL, as its administrator types it."""

import psycopg
import pytest

from gateway.audit.keys import public_vkey
from gateway.audit.ledger import open_ledger
from gateway.cli.main import main
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.room.mirror import LogRow, Mirror, Source
from gateway.room.store import open_room_store
from tests.fakes import FakeClock
from tests.postgres import DAEMON, OWNER, cluster
from tests.unit.assembly.parts import KEY, ORIGIN

EVENT = LedgerEvent("live.open", Operation.CONSULTATION, Regime.LED)


@pytest.fixture(scope="module")
def server():
    with cluster() as running:
        yield running


async def copy(folder, where):
    """Write a log and copy it."""
    clock = FakeClock()
    async with (
        open_ledger(folder / "ledger.db", origin=ORIGIN, key=KEY, clock=clock) as ledger,
        open_room_store(where, "") as store,
    ):
        await ledger.append_many([EVENT] * 5)

        async def rows(after, limit):
            return [LogRow(e.seq, e.utc_us, e.header) for e in await ledger.entries(after, limit)]

        checkpoint = lambda: (ledger.head().size, ledger.checkpoint())  # noqa: E731
        await Mirror(store, Source(ORIGIN, rows, checkpoint), clock).step()


async def test_prepare_copy_and_verify(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LANG", "it_IT.UTF-8")
    reference = tmp_path / "owner.secret"
    reference.write_text(server.options(OWNER).conninfo)
    reference.chmod(0o600)
    words = ["store", "init", "--database", f"file:{reference}", "--role", DAEMON]
    assert main(words) == 1
    assert "create role" in capsys.readouterr().err
    with psycopg.connect(server.options(OWNER).conninfo, autocommit=True) as db:
        db.execute(f"create role {DAEMON} login")
    assert main(words) == 0
    await copy(tmp_path, server.options(DAEMON))
    check = [
        "store",
        "verify",
        "--database",
        f"file:{reference}",
        "--key",
        public_vkey(ORIGIN, KEY),
    ]
    capsys.readouterr()
    assert main(check) == 0
    assert f"{ORIGIN}: 5 " in capsys.readouterr().out
    with psycopg.connect(server.options(OWNER).conninfo, autocommit=True) as db:
        db.execute("alter table varco.ledger_mirror disable trigger all")
        db.execute("set search_path = varco")
        db.execute("drop trigger ledger_mirror_kept on ledger_mirror")
        db.execute("delete from ledger_mirror where seq = 2")
    assert main(check) == 1
    assert "entry 2 is missing" in capsys.readouterr().err
