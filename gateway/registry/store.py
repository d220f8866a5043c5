# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The registry on disk: every version kept, the one in force in memory.

A version is what changed in it; the registry at version n is the newest row of each entity up
to n. Password hashes and second factors stand beside, unversioned: an old one must not survive
its change.
"""

import asyncio
import dataclasses
import json
import logging
import re
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.model.errors import ConfigError, ConfigErrors, InvariantError, StoreError
from gateway.model.identifiers import uuid7
from gateway.model.registry import Edge, Permit, Registry, User
from gateway.registry import held, hotlist_table
from gateway.registry.approvers import binding, existing, founders, held_approvers, orphaned
from gateway.registry.entities import (
    GOVERNED,
    Entity,
    Governed,
    Key,
    assemble,
    decode,
    disagreements,
    encode,
    flatten,
    key_of,
)
from gateway.registry.held import Approval, HeldChange, HeldState, Judgement
from gateway.registry.matrix import opened
from gateway.registry.seed import RegistryChange, Seed, compare, merge, parse_seed
from gateway.registry.seed_text import to_toml
from gateway.registry.states import movements
from gateway.registry.widening import Form, Widening, remembered, widenings
from gateway.runtime.clock import Clock
from gateway.runtime.store import Job, Store, open_store

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
create table if not exists totp (
  user text primary key,
  secret text not null
) strict, without rowid;
create table if not exists totp_step (
  user text primary key,
  step integer not null
) strict, without rowid;
create table if not exists mark (
  said text primary key
) strict, without rowid;
create table if not exists founder (
  user text primary key,
  organisation text not null,
  utc_us integer not null
) strict, without rowid;
create table if not exists orphan (
  organisation text primary key
) strict, without rowid;
"""
"""`entity.body` is null in the version that removed the entity."""


FOUNDER_US = 30 * 86_400 * 1_000_000
"""How long it is shown that an approver was entered about whom nobody was asked."""
TOTP_FORM = re.compile(r"[A-Z2-7]{16,128}=*")
"""Base32, at least 80 bits (RFC 4226 R6 asks for 128 and recommends 160)."""


@dataclass(frozen=True, slots=True)
class RegistryVersion:
    """Who changed what, when, and from which text."""

    utc_us: int
    by: str
    source: str
    change: RegistryChange


class RegistryStore:
    """One registry.db; made by `open_registry`."""

    def __init__(
        self, store: Store, clock: Clock, begun: "_Begun", built_in: Sequence[Permit] = ()
    ) -> None:
        self._store = store
        self.store = store
        """The one writer of the file, for what else is kept in it."""
        self._clock = clock
        self._current = begun.current
        self._removed = begun.removed
        self._founders = begun.founders
        self._orphans = begun.orphans
        self._built_in = built_in
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
        version. What opens a camera wider is held: the change says under which id, and nothing
        of the seed is in force. ConfigErrors (nothing is changed) if a reference would lead
        nowhere or a site's state does not follow.
        """
        async with self._one_at_a_time:
            after = self._merged(seed, remove=replace)
            found = self._widenings(after)
            if found:
                return await self._hold(seed, found, by=by, remove=replace)
            return await self._take_over(after, by=by, source=seed.where)

    def _merged(self, seed: Seed, *, remove: bool) -> Registry:
        before = self._current
        after = merge(before, seed, remove=remove, now=self._clock.now())
        if before.version:
            place = lambda key: seed.places.get(key, seed.where)  # noqa: E731 - of this call
            if faults := movements(before, after, place):
                raise ConfigErrors(faults)
        return after

    def _widenings(self, after: Registry) -> tuple[Widening, ...]:
        """Return what is opened wider, and who could approve more; nothing on an empty box."""
        before = self._current
        if not before.version:
            return ()
        return (
            *widenings(before, self._removed, after),
            *opened(before, after, self._built_in),
            *held_approvers(before, after),
        )

    def founders(self) -> tuple[tuple[str, str], ...]:
        """Return approvers entered lately without anybody to ask: user and organisation, by id."""
        since = self._clock.now().utc_us - FOUNDER_US
        return tuple(
            (user, organisation)
            for user, (organisation, utc_us) in sorted(self._founders.items())
            if utc_us > since
        )

    def orphans(self) -> tuple[str, ...]:
        """Return the organisations whose last approver went, until they have one again, by id."""
        now = self._current
        there = now.controllers.keys() | now.recipients.keys()
        return tuple(one for one in sorted(self._orphans & there) if not existing(one, now))

    async def _take_over(self, after: Registry, *, by: str, source: str) -> RegistryChange:
        """Make what was merged the version in force, if anything differs."""
        before = self._current
        change = compare(before, after)
        if change.empty:
            return change
        change = dataclasses.replace(change, version=before.version + 1)
        now = self._clock.now().utc_us
        entry = RegistryVersion(now, by, source, self._with_founders(change, after, now))
        await self._write(entry, flatten(after))
        _log_change(change)
        return entry.change

    def _with_founders(
        self, change: RegistryChange, after: Registry, utc_us: int
    ) -> RegistryChange:
        """Return a change with the approvers about whom nobody could be asked, noted."""
        new = founders(self._current, after)
        if new:
            log.warning("registry-approver-not-approved", extra={"count": len(new)})
            self._founders |= {one.id: (one.organisation, utc_us) for one in new}
        left = self._left_alone(after)
        return dataclasses.replace(change, founders=tuple(one.id for one in new), orphans=left)

    def _left_alone(self, after: Registry) -> tuple[str, ...]:
        """Return the organisations that lose their last approver, noted."""
        left = orphaned(self._current, after) if self._current.version else ()
        if left:
            log.warning("registry-last-approver-gone", extra={"count": len(left)})
            self._orphans |= set(left)
        return left

    async def _write(self, entry: RegistryVersion, after: Mapping[Key, Entity]) -> None:
        """Write a version and take it over, also if the caller is cancelled meanwhile."""
        await self._keep(lambda connection: _insert(connection, entry, after))

    async def set_password(self, user_id: str, phc_hash: str) -> None:
        """Set a user's password hash (argon2id in PHC form); "" takes the password away."""
        async with self._one_at_a_time:
            if user_id not in self._current.users:
                advice = "write the id of a user in the registry"
                raise ConfigError("registry", f"user[{user_id}]", "there is no such user", advice)
            if phc_hash and not phc_hash.startswith("$argon2id$"):
                raise ConfigError("registry", f"user[{user_id}]", "is not an argon2id hash")
            users = dict(self._current.users)
            users[user_id] = dataclasses.replace(users[user_id], password_hash=phc_hash)
            left = self._left_alone(dataclasses.replace(self._current, users=users))

            def job(connection: sqlite3.Connection) -> None:
                _insert_hash(connection, user_id, phc_hash)
                _insert_orphans(connection, left)

            await self._keep(job)

    async def set_totp(self, user_id: str, secret: str) -> None:
        """Set a user's second factor (base32 of RFC 4648, RFC 6238); "" takes it away."""
        async with self._one_at_a_time:
            if user_id not in self._current.users:
                advice = "write the id of a user in the registry"
                raise ConfigError("registry", f"user[{user_id}]", "there is no such user", advice)
            if secret and not TOTP_FORM.fullmatch(secret):
                raise ConfigError("registry", f"user[{user_id}]", "is not a base32 secret")
            await self._keep(lambda connection: _insert_totp(connection, user_id, secret))

    async def totp_steps(self) -> dict[str, int]:
        """Return the newest step of time of which each user's code was taken (RFC 6238 §5.2)."""
        return await self._store.read(
            lambda connection: dict(connection.execute("select user, step from totp_step"))
        )

    async def keep_totp_step(self, user_id: str, step: int) -> None:
        """Remember that step, durably: no version, and no secret. StoreError: the disk refuses."""

        def job(connection: sqlite3.Connection) -> None:
            sql = "insert or replace into totp_step values (?, ?)"
            connection.execute(sql, (user_id, step))

        await self._store.write(job)

    async def enter(self, entity: Governed, *, by: str) -> RegistryChange:
        """Enter an extension, a pause or a hold in the name of the user `by`; durable on return.

        ConfigError if its id is used already, ConfigErrors if a reference leads nowhere.
        """
        key = key_of(entity)
        if key[0] not in GOVERNED:
            raise InvariantError(f"{key[0]} is changed with a document")
        async with self._one_at_a_time:
            entities = flatten(self._current)
            if key in entities:
                advice = "enter another one"
                raise ConfigError("registry", f"{key[0]}[{key[1]}]", "is there already", advice)
            return await self._put(entities | {key: entity}, by=by)

    async def withdraw(self, kind: str, id_: str, *, by: str) -> RegistryChange:
        """Take back what `enter` entered; ConfigError if it is not there."""
        if kind not in GOVERNED:
            raise InvariantError(f"{kind} is changed with a document")
        async with self._one_at_a_time:
            entities = flatten(self._current)
            if (kind, id_) not in entities:
                raise ConfigError("registry", f"{kind}[{id_}]", "is not there", "look again")
            del entities[kind, id_]
            return await self._put(entities, by=by)

    async def admit(self, edge: Edge, *, by: str) -> RegistryChange:
        """Enter an edge, or change one, in the name of the user `by`; durable on return.

        Its certificate comes from here alone (see `seed.merge`). ConfigErrors if a reference
        leads nowhere.
        """
        async with self._one_at_a_time:
            entities = flatten(self._current)
            if entities.get(key_of(edge)) == edge:
                return RegistryChange(self._current.version)
            return await self._put(entities | {key_of(edge): edge}, by=by)

    async def _put(self, entities: Mapping[Key, Entity], *, by: str) -> RegistryChange:
        """Make a version of what a person entered."""
        if faults := disagreements(entities, lambda _: "registry"):
            raise ConfigErrors(faults)
        before = self._current
        change = compare(before, assemble(before.version + 1, entities))
        entry = RegistryVersion(self._clock.now().utc_us, by, "entered", change)
        await self._write(entry, entities)
        return change

    async def _keep(self, job: Job[None]) -> None:
        """Write and take over what is on disk then, also if the caller is cancelled meanwhile."""

        def both(connection: sqlite3.Connection) -> Registry:
            job(connection)
            return _read(connection)

        write = self._store.write(both)
        writing = asyncio.create_task(write)  # noqa: TID251 - waited for right here
        writing.add_done_callback(self._take)
        try:
            await asyncio.shield(writing)
        finally:
            await asyncio.wait((writing,))  # a cancelled write still happens

    def _take(self, written: asyncio.Future[Registry]) -> None:
        if not written.cancelled() and written.exception() is None:
            self._publish(written.result())

    async def _hold(
        self, seed: Seed, found: tuple[Widening, ...], *, by: str, remove: bool
    ) -> RegistryChange:
        """Keep a seed until two people approve it; the same seed again is not kept twice."""
        waiting = [one for one in await self.held() if one.is_waiting]
        text = seed.text or to_toml(assemble(0, seed.entities))
        for one in waiting:
            if (one.text, one.remove) == (text, remove):
                return RegistryChange(self._current.version, held=one.id)
        if len(waiting) >= held.MOST_WAITING:
            problem = f"{len(waiting)} changes wait for approval already"
            raise ConfigError(seed.where, "", problem, "have them approved or rejected first")
        now = self._clock.now().utc_us
        id_ = uuid7(now, secrets.token_bytes(10))
        one = HeldChange(id_, now, by, seed.where, text, remove, found)
        await self._keep(lambda connection: held.insert(connection, one))
        log.warning("registry-held", extra={"held": id_, "widenings": len(found)})
        return RegistryChange(self._current.version, held=id_)

    async def held(self) -> tuple[HeldChange, ...]:
        """Return the held changes, those that wait and the newest that are decided."""
        return await self._store.read(held.load)

    async def approve(self, held_id: str, *, by: str, reason: str) -> Judgement:
        """Approve a held change in the name of the user `by`; the last approval applies it.

        It is judged by the registry in force: where it would open more than what was approved,
        the approvals fall and this one does not count. ConfigError if it is not waiting, if
        this person may not, or (nothing changes) if it can no longer be applied.
        """
        async with self._one_at_a_time:
            one = await self._waiting(held_id)
            user = held.judge(one, self._current, by)
            seed = parse_seed(one.text, one.source)
            after = self._merged(seed, remove=one.remove)
            found = self._widenings(after)
            if not all(wide.within(one.widenings) for wide in found):
                grown = dataclasses.replace(one, widenings=found, approvals=())
                await self._keep(lambda connection: held.regrow(connection, grown))
                return Judgement(grown, None, has_grown=True)
            mark = Approval(user.id, self._clock.now().utc_us, reason)
            agreed = dataclasses.replace(one, approvals=(*one.approvals, mark))
            if not held.is_agreed(agreed, self._current):
                await self._keep(lambda connection: held.agree(connection, held_id, mark))
                return Judgement(agreed, None)
            done = dataclasses.replace(agreed, state=HeldState.APPROVED)
            return Judgement(done, await self._apply_held(done, after, mark))

    async def _apply_held(self, one: HeldChange, after: Registry, mark: Approval) -> RegistryChange:
        """Take over an approved change and its end in one transaction."""
        before = self._current
        change = compare(before, after)
        people = ", ".join(approval.by for approval in one.approvals)
        source = f"{one.source} (held {one.id}, approved by {people})"
        change = dataclasses.replace(change, version=before.version + (not change.empty))
        change = self._with_founders(change, after, mark.utc_us)
        entry = RegistryVersion(mark.utc_us, one.by, source, change)

        def job(connection: sqlite3.Connection) -> None:
            if not change.empty:
                _insert(connection, entry, flatten(after))
            held.agree(connection, one.id, mark)
            held.decide(connection, one.id, HeldState.APPROVED, mark)

        await self._keep(job)
        _log_change(change)
        return change

    async def reject(self, held_id: str, *, by: str, reason: str) -> HeldChange:
        """Refuse a held change; its assessments are no longer stale. ConfigError as `approve`."""
        async with self._one_at_a_time:
            one = await self._waiting(held_id)
            if by != one.by:
                held.judge(one, self._current, by)
            mark = Approval(by, self._clock.now().utc_us, reason)
            await self._keep(lambda c: held.decide(c, held_id, HeldState.REJECTED, mark))
            return dataclasses.replace(one, state=HeldState.REJECTED)

    async def expire_held(self) -> tuple[HeldChange, ...]:
        """End held changes that nobody approved in time; return them."""
        async with self._one_at_a_time:
            now = self._clock.now().utc_us
            over = [one for one in await self.held() if one.is_waiting and one.is_over(now)]
            mark = Approval("", now, "")

            def job(connection: sqlite3.Connection) -> None:
                for one in over:
                    held.decide(connection, one.id, HeldState.EXPIRED, mark)

            if over:
                await self._keep(job)
            return tuple(dataclasses.replace(one, state=HeldState.EXPIRED) for one in over)

    async def _waiting(self, held_id: str) -> HeldChange:
        for one in await self.held():
            if one.id == held_id and one.is_waiting:
                return one
        raise ConfigError("registry", f"held[{held_id}]", "does not wait for approval")

    async def marks(self) -> frozenset[str]:
        """Return what was said once and must not be said again (warnings of acts)."""
        return await self._store.read(_marks)

    async def mark(self, said: Iterable[str], *, forget: Iterable[str] = ()) -> None:
        """Remember, durably, that these were said, and that those may be said again."""
        rows, gone = [(one,) for one in said], [(one,) for one in forget]

        def job(connection: sqlite3.Connection) -> None:
            connection.executemany("delete from mark where said = ?", gone)
            connection.executemany("insert or ignore into mark values (?)", rows)

        await self._store.write(job)

    def _forget(self, before: Registry, after: Registry) -> None:
        """Keep the forms of cameras and addresses that go; let go those that come back."""
        if (before.cameras, before.devices) != (after.cameras, after.devices):
            self._removed = remembered(self._removed, before, after)

    def _publish(self, registry: Registry) -> None:
        if registry == self._current:
            return
        self._forget(self._current, registry)
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
async def open_registry(
    path: Path, *, clock: Clock, built_in: Sequence[Permit] = ()
) -> AsyncIterator[RegistryStore]:
    """Open (or create) a registry; StoreError if the file cannot be used or read.

    `built_in`: the lines of the access matrix of roles for which the registry has none.
    """
    async with open_store(path, SCHEMA + held.SCHEMA + hotlist_table.SCHEMA) as store:
        try:
            begun = _Begun(
                await store.read(_read),
                await store.read(_removed),
                await store.read(_founders),
                await store.read(_orphans),
            )
        except ValueError as error:
            raise StoreError(f"{path}: {error}") from error
        yield RegistryStore(store, clock, begun, built_in)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a registry's file holds when it is opened."""

    current: Registry
    removed: dict[str, Form]
    founders: dict[str, tuple[str, int]]
    """By user: organisation and time in microseconds UTC."""
    orphans: frozenset[str]
    """Organisations whose last approver went once."""


def _insert(
    connection: sqlite3.Connection, entry: RegistryVersion, after: Mapping[Key, Entity]
) -> None:
    change = entry.change
    diff = {"added": change.added, "changed": change.changed, "removed": change.removed}
    _bind_anew(connection, tuple(_bound_anew(connection, change, after)))
    for id_ in change.founders:
        user = after["user", id_]
        assert isinstance(user, User)  # noqa: S101 - a founder is a user of this version
        row = (id_, user.organisation, entry.utc_us)
        connection.execute("insert or replace into founder values (?, ?, ?)", row)
    _insert_orphans(connection, change.orphans)
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
            connection.execute("delete from totp where user = ?", (id_,))
            connection.execute("delete from totp_step where user = ?", (id_,))
    connection.executemany("insert into entity values (?, ?, ?, ?)", rows)


def _bind_anew(connection: sqlite3.Connection, users: Sequence[str]) -> None:
    """Keep accounts that could be somebody else's from now on out of all that waits."""
    held.bind_anew(connection, users)
    hotlist_table.bind_anew(connection, users)


def _bound_anew(
    connection: sqlite3.Connection, change: RegistryChange, after: Mapping[Key, Entity]
) -> Iterator[str]:
    """Yield the accounts that a version makes, or that somebody else could use from it on."""
    for name in (*change.added, *change.changed):
        kind, _, id_ = name.partition("/")
        user = after[kind, id_]
        if not isinstance(user, User):
            continue
        row = connection.execute(
            "select body from entity where kind = 'user' and id = ? order by version desc limit 1",
            (id_,),
        ).fetchone()
        was = decode("user", row[0]) if row is not None and row[0] is not None else None
        if not isinstance(was, User) or binding(was) != binding(user):
            yield id_


def _insert_orphans(connection: sqlite3.Connection, organisations: Iterable[str]) -> None:
    rows = [(one,) for one in organisations]
    connection.executemany("insert or ignore into orphan values (?)", rows)


def _insert_hash(connection: sqlite3.Connection, user_id: str, phc_hash: str) -> None:
    _bind_anew(connection, (user_id,))
    if phc_hash:
        connection.execute("insert or replace into password values (?, ?)", (user_id, phc_hash))
    else:
        connection.execute("delete from password where user = ?", (user_id,))


def _insert_totp(connection: sqlite3.Connection, user_id: str, secret: str) -> None:
    _bind_anew(connection, (user_id,))
    if secret:
        connection.execute("insert or replace into totp values (?, ?)", (user_id, secret))
    else:
        connection.execute("delete from totp where user = ?", (user_id,))


def _read(connection: sqlite3.Connection) -> Registry:
    """Return the newest version with passwords and second factors."""
    (version,) = connection.execute("select coalesce(max(number), 0) from version").fetchone()
    registry = _at(connection, version)
    users = dict(registry.users)
    for id_, phc_hash in connection.execute("select user, hash from password"):
        if id_ in users:
            users[id_] = dataclasses.replace(users[id_], password_hash=phc_hash)
    for id_, secret in connection.execute("select user, secret from totp"):
        if id_ in users:
            users[id_] = dataclasses.replace(users[id_], totp_secret=secret)
    stale = held.stale(connection, registry.acts)
    return dataclasses.replace(registry, users=users, stale=stale)


def _removed(connection: sqlite3.Connection) -> dict[str, Form]:
    """Return how open each removed camera, and each address given up, was before it went."""
    places = (
        "coalesce(json_extract(body, '$.url'), '') || ' '"
        " || coalesce(json_extract(body, '$.sub_url'), '') || ' '"
        " || coalesce(json_extract(body, '$.device'), '') || ' '"
        " || coalesce(json_extract(body, '$.channel'), '')"
    )
    moved = connection.execute(
        "select distinct version from ("  # noqa: S608 - our own words
        f" select version, body, {places} as place, lag({places})"
        " over (partition by kind, id order by version) as was"
        " from entity where kind in ('camera', 'device'))"
        " where was is not null and (body is null or place <> was) order by version"
    ).fetchall()
    found: dict[str, Form] = {}
    for (version,) in moved:
        found = remembered(found, _at(connection, version - 1), _at(connection, version))
    (newest,) = connection.execute("select coalesce(max(number), 0) from version").fetchone()
    current = _at(connection, newest)
    return remembered(found, current, current)


def _founders(connection: sqlite3.Connection) -> dict[str, tuple[str, int]]:
    rows = connection.execute("select user, organisation, utc_us from founder")
    return {user: (organisation, utc_us) for user, organisation, utc_us in rows}


def _orphans(connection: sqlite3.Connection) -> frozenset[str]:
    return frozenset(one for (one,) in connection.execute("select organisation from orphan"))


def _marks(connection: sqlite3.Connection) -> frozenset[str]:
    return frozenset(said for (said,) in connection.execute("select said from mark"))


def _log_change(change: RegistryChange) -> None:
    log.info(
        "registry-changed",
        extra={
            "version": change.version,
            "added": len(change.added),
            "changed": len(change.changed),
            "removed": len(change.removed),
        },
    )


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
