# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing

import pytest

from gateway.model.errors import StoreError
from gateway.runtime.store import (
    COMMITS_PER_CHECKPOINT,
    _Checkpoints,
    carry_over,
    open_store,
)

SCHEMA = "create table if not exists t(k integer primary key, v text not null)"


def put(key, value="x"):
    return lambda c: c.execute("insert into t values(?,?)", (key, value)).lastrowid


def count(connection):
    return connection.execute("select count(*) from t").fetchone()[0]


async def test_what_is_awaited_is_readable_by_others(tmp_path):
    """After write() returns, another connection sees the row."""
    async with open_store(tmp_path / "a.db", SCHEMA) as store:
        assert await store.write(put(1)) == 1
        assert await store.read(count) == 1


async def test_many_writers_share_commits(tmp_path):
    """A thousand concurrent writes all land, each with its own result."""
    async with open_store(tmp_path / "a.db", SCHEMA) as store, asyncio.TaskGroup() as tg:
        tasks = [tg.create_task(store.write(put(k))) for k in range(1000)]
    assert [t.result() for t in tasks] == list(range(1000))
    assert sqlite3.connect(tmp_path / "a.db").execute("select count(*) from t").fetchone() == (
        1000,
    )


async def test_one_failing_job_takes_nobody_along(tmp_path):
    """A duplicate key is its caller's error; jobs of the same commit are kept."""
    async with open_store(tmp_path / "a.db", SCHEMA) as store:
        results = await asyncio.gather(
            store.write(put(1)), store.write(put(1)), store.write(put(2)), return_exceptions=True
        )
        assert isinstance(results[1], sqlite3.IntegrityError)
        assert await store.read(count) == 2


async def test_a_job_that_half_worked_leaves_no_trace(tmp_path):
    """What a job wrote before it raised is rolled back."""

    def half(connection):
        put(5)(connection)
        raise ValueError("no")

    async with open_store(tmp_path / "a.db", SCHEMA) as store:
        with pytest.raises(ValueError, match="no"):
            await store.write(half)
        assert await store.read(count) == 0


async def test_a_directory_is_not_a_database(tmp_path):
    """Opening what cannot be opened names the file."""
    with pytest.raises(StoreError, match=str(tmp_path)):
        async with open_store(tmp_path, SCHEMA):
            pass


async def test_a_refusing_database_is_a_store_error_and_later_writes_work(tmp_path):
    """When the database is full the caller hears it; with room again it goes on."""
    async with open_store(tmp_path / "a.db", SCHEMA) as store:
        pages = await store.write(lambda c: c.execute("pragma page_count").fetchone()[0])
        await store.write(lambda c: c.execute(f"pragma max_page_count={pages}").fetchone())
        with pytest.raises(StoreError, match=r"a\.db.*full"):
            await store.write(put(1, "x" * 100_000))
        await store.write(lambda c: c.execute("pragma max_page_count=100000").fetchone())
        await store.write(put(2))
        assert await store.read(count) == 1


async def test_the_file_is_private(tmp_path):
    """Nobody but the daemon's user reads it."""
    async with open_store(tmp_path / "a.db", SCHEMA):
        assert (tmp_path / "a.db").stat().st_mode & 0o077 == 0


def test_a_killed_process_loses_nothing_that_was_awaited(tmp_path):
    """Every key printed after its write() is in the file after kill -9."""
    code = textwrap.dedent("""
        import asyncio, sys, pathlib
        from gateway.runtime.store import COMMITS_PER_CHECKPOINT, _Checkpoints, open_store
        async def main():
            async with open_store(pathlib.Path(sys.argv[1]), sys.argv[2]) as s:
                for k in range(10**9):
                    await s.write(lambda c: c.execute("insert into t values(?,'x')", (k,)))
                    print(k, flush=True)
        asyncio.run(main())
    """)
    path = tmp_path / "a.db"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(path), SCHEMA], stdout=subprocess.PIPE, text=True
    )
    for line in child.stdout:
        if int(line) >= 50:
            break
    os.kill(child.pid, signal.SIGKILL)
    said = int((child.stdout.read().split() or [line])[-1])
    child.wait()
    child.stdout.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("select max(k) from t").fetchone()[0] >= said
    connection.close()


def carried(path):
    """Return how many rows stand in the database file itself, its log apart."""
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as alone:
        try:
            return alone.execute("select count(*) from t").fetchone()[0]
        except sqlite3.Error:
            return 0  # nothing was carried over yet, or half of it


async def test_the_log_is_carried_over_beside_the_commits(tmp_path):
    """After some commits the file itself holds them, although nobody closed it."""
    path = tmp_path / "a.db"
    async with open_store(path, SCHEMA) as store:
        await store.write(lambda c: c.execute("insert into t values(null, 'a')"))
        assert carried(path) == 0
        async with asyncio.timeout(30):
            while carried(path) < COMMITS_PER_CHECKPOINT:
                await store.write(lambda c: c.execute("insert into t values(null, 'b')"))


async def test_a_log_that_outgrew_its_bound_is_carried_over_by_the_writer(tmp_path, monkeypatch):
    """A checkpoint that never catches up (here: never comes) does not fill the disk."""
    path = tmp_path / "a.db"
    monkeypatch.setattr(_Checkpoints, "ask", lambda self: setattr(self, "is_late", True))
    async with open_store(path, SCHEMA) as store:
        for _ in range(COMMITS_PER_CHECKPOINT + 2):
            await store.write(lambda c: c.execute("insert into t values(null, 'b')"))
        assert carried(path) >= COMMITS_PER_CHECKPOINT


async def test_a_log_that_is_carried_over_whole_still_tells_how_long_it_is(tmp_path):
    """Commits beside a checkpoint keep a log from being begun anew: its length counts."""
    path = tmp_path / "a.db"
    async with open_store(path, SCHEMA) as store:
        await store.write(put(1, "x" * 100_000))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            assert carry_over(other) > 20
            assert carry_over(other) > 20
