# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The copy of the log: whole, in step, and not to be fooled by another log."""

import contextlib

import psycopg
import pytest

from gateway.audit.ledger import open_ledger
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import LedgerError, StoreError, WireError
from gateway.room.mirror import SCHEMA, LogRow, Mirror, Source, verify_copy
from gateway.room.postgres import prepare
from gateway.room.store import open_room_store
from tests.fakes import FakeClock
from tests.postgres import DAEMON, OWNER, cluster
from tests.unit.assembly.parts import KEY, ORIGIN

PUBLIC = KEY.public_key().public_bytes_raw()
EVENT = LedgerEvent(
    "live.open", Operation.CONSULTATION, Regime.LED, actor_id="anna", reason_text="x"
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request, tmp_path_factory):
    """Return where the copy goes."""
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("mirror")
        numbers = iter(range(1000))
        yield lambda: folder / f"room{next(numbers)}.db"
        return
    with cluster() as running:
        with psycopg.connect(running.options(OWNER).conninfo, autocommit=True) as db:
            db.execute(f"create role {DAEMON} login")
        numbers = iter(range(1000))

        def fresh():
            name = f"mirror{next(numbers)}"
            with psycopg.connect(running.options(OWNER).conninfo, autocommit=True) as db:
                db.execute(f"create database {name}")
            prepare(running.options(OWNER, name), DAEMON)
            return running.options(DAEMON, name)

        yield fresh


def source(ledger):
    async def rows(after, limit):
        return [LogRow(e.seq, e.utc_us, e.header) for e in await ledger.entries(after, limit)]

    return Source(ORIGIN, rows, lambda: (ledger.head().size, ledger.checkpoint()))


@contextlib.asynccontextmanager
async def mirrored(folder, place):
    """Open a log and its copy; yields (ledger, store, mirror)."""
    clock = FakeClock()
    async with (
        open_ledger(folder / "ledger.db", origin=ORIGIN, key=KEY, clock=clock) as ledger,
        open_room_store(place(), SCHEMA) as store,
    ):
        yield ledger, store, Mirror(store, source(ledger), clock)


async def test_the_copy_alone_proves_the_signed_root(tmp_path, place):
    async with mirrored(tmp_path, place) as (ledger, store, mirror):
        for _ in range(3):
            await ledger.append_many([EVENT] * 3)
            assert await mirror.step() == 3
        assert await mirror.step() == 0
        headers = await store.read(
            lambda db: db.execute("select header from ledger_mirror").fetchall()
        )
        assert not any(b"anna" in bytes(header) for (header,) in headers)
        assert await store.read(lambda db: verify_copy(db, ORIGIN, PUBLIC)) == 9
        with pytest.raises(WireError):
            await store.read(lambda db: verify_copy(db, ORIGIN, bytes(32)))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("sqlite", "update ledger_mirror set header = cast('{}' as blob) where seq = 4"),
        ("sqlite", "delete from ledger_mirror where seq = 4"),
        ("sqlite", "delete from ledger_mirror where seq > 7"),
        ("sqlite", "delete from ledger_mirror_checkpoint"),
    ],
    indirect=["place"],
)
async def test_a_copy_that_was_changed_does_not_verify(tmp_path, place, words):
    """Whoever owns the database can change it; the signed checkpoint shows that."""
    async with mirrored(tmp_path, place) as (ledger, store, mirror):
        await ledger.append_many([EVENT] * 9)
        await mirror.step()
        await store.write(lambda db: db.execute(words))
        with pytest.raises(WireError, match=r"entry [48]|no checkpoint"):
            await store.read(lambda db: verify_copy(db, ORIGIN, PUBLIC))


async def test_a_log_that_was_rewritten_or_cut_is_not_copied_over_the_old_one(tmp_path, place):
    async with mirrored(tmp_path, place) as (ledger, _, mirror):
        await ledger.append_many([EVENT] * 4)
        await mirror.step()
        true = mirror._source

        async def cut(after, limit):
            return [one for one in await true.rows(after, limit) if one.seq < 2]

        async def other(after, limit):
            return [LogRow(one.seq, one.utc_us, b"{}") for one in await true.rows(after, limit)]

        for rows in (cut, other):
            mirror._source = Source(ORIGIN, rows, true.checkpoint)
            with pytest.raises(LedgerError, match="entry 3 is not the one"):
                await mirror.step()
        mirror._source = true
        assert await mirror.step() == 0


async def test_a_copy_that_cannot_be_written_says_so_and_goes_on_later(tmp_path, place):
    async with mirrored(tmp_path, place) as (ledger, _, mirror):
        await ledger.append(EVENT)
        write, failures = mirror._store.write, ["down", "down"]

        async def refusing(job):
            if failures:
                raise StoreError(failures.pop())
            return await write(job)

        mirror._store = type("Store", (), {"read": mirror._store.read, "write": refusing})
        problems = []

        async def sleep(_):
            problems.append(mirror.problem)
            if len(problems) == 3:
                raise EOFError

        mirror._clock = type("Clock", (), {"sleep": staticmethod(sleep)})
        mirror._store.write = staticmethod(refusing)
        with pytest.raises(EOFError):
            await mirror.run()
        assert problems == ["down", "down", ""]
