# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The registry on disk: every version kept, the one in force in memory.

A version is what changed in it; the registry at version n is the newest row of each entity up
to n. Password hashes stand beside, unversioned: an old one must not survive its change.
"""

import asyncio
import dataclasses
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.model.errors import ConfigError, StoreError
from gateway.model.registry import Registry
from gateway.registry.entities import Entity, Key, assemble, decode, encode, flatten
from gateway.registry.seed import RegistryChange, Seed, compare, merge
from gateway.runtime.clock import Clock
from gateway.runtime.store import Store, open_store

log = logging.getLogger(__name__)

SCHEMA = """
create table if not exists version (
  number integer primary key check (number > 0),
  utc_us integer not null,
  by text not null,
  source text not null,
  change text not null check (json_valid(change))
) strict;
create table if not exists entity (
  version integer not null references version (number),
  kind text not null,
  id text not null,
  body text check (body is null or json_valid(body)),
  primary key (kind, id, version)
) strict, without rowid;
create table if not exists password (
  user text primary key,
  hash text not null
) strict, without rowid;
"""
"""`entity.body` is null in the version that removed the entity."""


@dataclass(frozen=True, slots=True)
class RegistryVersion:
    """Who changed what, when, and from which text."""

    utc_us: int
    by: str
    source: str
    change: RegistryChange


class RegistryStore:
    """One registry.db; made by `open_registry`."""

    def __init__(self, store: Store, clock: Clock, current: Registry) -> None:
        self._store = store
        self._clock = clock
        self._current = current
        self._newer = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    def current(self) -> Registry:
        """Return the version in force."""
        return self._current

    async def wait_changed(self, seen: Registry) -> Registry:
        """Wait until the registry in force is not the object `seen`, then return it.

        A new password counts as a change, under the same version. Cancelling loses nothing.
        """
        while self._current is seen:
            await self._newer.wait()
        return self._current

    async def apply(self, seed: Seed, *, by: str, replace: bool = False) -> RegistryChange:
        """Put the seed's entities into the registry; durable on return.

        With `replace`, what the seed does not name is removed. What is identical makes no new
        version. ConfigErrors (nothing is changed) if a reference would lead nowhere.
        """
        async with self._one_at_a_time:
            before = self._current
            after = merge(before, seed, remove=replace)
            change = compare(before, after)
            if change.empty:
                return change
            change = dataclasses.replace(change, version=before.version + 1)
            entry = RegistryVersion(self._clock.now().utc_us, by, seed.where, change)
            await self._write(entry, flatten(after))
        log.info(
            "registry-changed",
            extra={
                "version": change.version,
                "added": len(change.added),
                "changed": len(change.changed),
                "removed": len(change.removed),
            },
        )
        return change

    async def _write(self, entry: RegistryVersion, after: Mapping[Key, Entity]) -> None:
        """Write a version and take it over, also if the caller is cancelled meanwhile."""
        try:
            await self._store.write(lambda connection: _insert(connection, entry, after))
        finally:
            # A cancelled write still happens; this read queues behind it.
            self._publish(await self._store.write(_read))

    async def set_password(self, user_id: str, phc_hash: str) -> None:
        """Set a user's password hash (argon2id in PHC form); "" takes the password away."""
        async with self._one_at_a_time:
            if user_id not in self._current.users:
                advice = "write the id of a user in the registry"
                raise ConfigError("registry", f"user[{user_id}]", "there is no such user", advice)
            if phc_hash and not phc_hash.startswith("$argon2id$"):
                raise ConfigError("registry", f"user[{user_id}]", "is not an argon2id hash")
            try:
                await self._store.write(
                    lambda connection: _insert_hash(connection, user_id, phc_hash)
                )
            finally:
                self._publish(await self._store.write(_read))

    def _publish(self, registry: Registry) -> None:
        if registry == self._current:
            return
        self._current = registry
        self._newer.set()
        self._newer = asyncio.Event()

    async def at(self, version: int) -> Registry:
        """Return the registry as it was at a version, without passwords; ConfigError if none."""
        if not 0 <= version <= self._current.version:
            advice = f"write 0 to {self._current.version}"
            raise ConfigError("registry", "version", f"there is no version {version}", advice)
        return await self._store.read(lambda connection: _at(connection, version))

    async def versions(self, limit: int = 100) -> tuple[RegistryVersion, ...]:
        """Return the newest versions, newest first."""
        return await self._store.read(lambda connection: _versions(connection, limit))


@asynccontextmanager
async def open_registry(path: Path, *, clock: Clock) -> AsyncIterator[RegistryStore]:
    """Open (or create) a registry; StoreError if the file cannot be used or read."""
    async with open_store(path, SCHEMA) as store:
        try:
            current = await store.read(_read)
        except ValueError as error:
            raise StoreError(f"{path}: {error}") from error
        yield RegistryStore(store, clock, current)


def _insert(
    connection: sqlite3.Connection, entry: RegistryVersion, after: Mapping[Key, Entity]
) -> None:
    change = entry.change
    diff = {"added": change.added, "changed": change.changed, "removed": change.removed}
    connection.execute(
        "insert into version values (?, ?, ?, ?, ?)",
        (change.version, entry.utc_us, entry.by, entry.source, json.dumps(diff)),
    )
    rows: list[tuple[int, str, str, str | None]] = []
    for name in (*change.added, *change.changed):
        kind, _, id_ = name.partition("/")
        rows.append((change.version, kind, id_, encode(after[kind, id_])))
    for name in change.removed:
        kind, _, id_ = name.partition("/")
        rows.append((change.version, kind, id_, None))
        if kind == "user":
            connection.execute("delete from password where user = ?", (id_,))
    connection.executemany("insert into entity values (?, ?, ?, ?)", rows)


def _insert_hash(connection: sqlite3.Connection, user_id: str, phc_hash: str) -> None:
    if phc_hash:
        connection.execute("insert or replace into password values (?, ?)", (user_id, phc_hash))
    else:
        connection.execute("delete from password where user = ?", (user_id,))


def _read(connection: sqlite3.Connection) -> Registry:
    """Return the newest version with passwords."""
    (version,) = connection.execute("select coalesce(max(number), 0) from version").fetchone()
    registry = _at(connection, version)
    users = dict(registry.users)
    for id_, phc_hash in connection.execute("select user, hash from password"):
        if id_ in users:
            users[id_] = dataclasses.replace(users[id_], password_hash=phc_hash)
    return dataclasses.replace(registry, users=users)


def _at(connection: sqlite3.Connection, version: int) -> Registry:
    rows = connection.execute(
        "select kind, id, body, max(version) from entity where version <= ? group by kind, id",
        (version,),
    )
    entities: dict[Key, Entity] = {}
    for kind, id_, body, _ in rows:
        if body is None:
            continue
        try:
            entities[kind, id_] = decode(kind, body)
        except ValueError as error:
            raise ValueError(f"row {kind}/{id_} cannot be read: {_first_line(error)}") from error
    return assemble(version, entities)


def _first_line(error: ValueError) -> str:
    return str(error).partition("\n")[0]


def _versions(connection: sqlite3.Connection, limit: int) -> tuple[RegistryVersion, ...]:
    rows = connection.execute(
        "select number, utc_us, by, source, change from version order by number desc limit ?",
        (limit,),
    )
    return tuple(
        RegistryVersion(utc_us, by, source, _change(number, json.loads(change)))
        for number, utc_us, by, source, change in rows
    )


def _change(version: int, diff: Mapping[str, list[str]]) -> RegistryChange:
    return RegistryChange(
        version, tuple(diff["added"]), tuple(diff["changed"]), tuple(diff["removed"])
    )
