# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room's store in one file: the same jobs as on PostgreSQL (see test_postgres, test_mirror)."""

import pytest

from gateway.model.errors import ConfigError, StoreError
from gateway.room import postgres
from gateway.room.postgres import PostgresOptions
from gateway.room.store import open_room_store

SCHEMA = "create table if not exists thing(id text primary key, n integer not null) strict;"
PUT = "insert into thing(id, n) values(?,?) on conflict (id) do update set n=excluded.n"


async def test_what_a_file_took_is_there_after_it_was_opened_again(tmp_path):
    async with open_room_store(tmp_path / "room.db", SCHEMA) as store:
        assert await store.write(lambda db: db.execute(PUT, ("a", 1)).rowcount) == 1
        await store.write(lambda db: db.execute(PUT, ("a", 2)))
        with pytest.raises(StoreError):
            await store.read(lambda db: db.execute(PUT, ("a", 3)))
    async with open_room_store(tmp_path / "room.db", SCHEMA) as store:
        found = await store.read(lambda db: db.execute("select * from thing").fetchall(), ["x"])
        assert found == [("a", 2)]


async def test_without_the_driver_a_person_is_told_what_to_install(monkeypatch):
    real = __import__

    def without(name, *args, **more):
        if name.startswith("psycopg"):
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr("builtins.__import__", without)
    with pytest.raises(ConfigError, match=r"varco\[postgresql\]"):
        async with open_room_store(PostgresOptions("host=x"), SCHEMA):
            pass
    assert postgres.MOST_WAITING
