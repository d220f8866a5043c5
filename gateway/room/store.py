# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Where a room keeps what it was told: one SQLite file, or PostgreSQL, behind the same jobs.

A job gets something with `execute(sql, args)` and keeps to the SQL that both take: `?` for
arguments, `insert … on conflict …`, no row ids. SQLite makes its tables from `schema`; those of
PostgreSQL were made by its owner (`postgres.sql`).
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from gateway.room.postgres import EVERYBODY, PostgresOptions, open_postgres
from gateway.runtime.store import Store, open_store

T = TypeVar("T")


class Rows(Protocol):
    """What a statement found."""

    @property
    def rowcount(self) -> int:
        """Return how many rows were written."""
        ...

    def fetchone(self) -> Any:  # noqa: ANN401 - as drivers have it
        """Return the next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all rows."""
        ...


class Database(Protocol):
    """What a job works with."""

    def execute(self, sql: str, args: Sequence[Any] = ..., /) -> Rows:
        """Run one statement."""
        ...


Job = Callable[[Database], T]


class RoomStore(Protocol):
    """Durable jobs."""

    async def write(self, job: Job[T]) -> T:
        """Run `job` in a transaction; its result once it is durable, StoreError if it cannot be."""
        ...

    async def read(self, job: Job[T], organisations: Sequence[str] = (EVERYBODY,)) -> T:
        """Run a reading `job` for some organisations; PostgreSQL shows it their rows alone."""
        ...


class FileStore:
    """SQLite: one box, one file; who sees which row is decided by who asks for it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def write(self, job: Job[T]) -> T:
        """See RoomStore."""
        return await self._store.write(job)

    async def read(self, job: Job[T], organisations: Sequence[str] = (EVERYBODY,)) -> T:
        """See RoomStore; rows of all organisations are there to be filtered."""
        del organisations
        return await self._store.read(job)


@asynccontextmanager
async def open_room_store(where: Path | PostgresOptions, schema: str) -> AsyncIterator[RoomStore]:
    """Open the room's store; StoreError if it cannot be used, ConfigError without its driver."""
    if isinstance(where, PostgresOptions):
        async with open_postgres(where) as store:
            yield store
    else:
        async with open_store(where, schema) as file:
            yield FileStore(file)


def name_edges(known: Iterable[tuple[str, str]]) -> Job[None]:
    """Return a job that writes down which organisation may know of which edge (PostgreSQL)."""
    wanted = sorted(set(known))

    def job(db: Database) -> None:
        here = {(edge, one) for edge, one in db.execute(_KNOWN).fetchall()}
        for pair in sorted(here - set(wanted)):
            db.execute("delete from edge_organisation where edge=? and organisation=?", pair)
        for pair in wanted:
            db.execute(
                "insert into edge_organisation(edge, organisation) values(?,?)"
                " on conflict (edge, organisation) do nothing",
                pair,
            )

    return job


_KNOWN = "select edge, organisation from edge_organisation"
