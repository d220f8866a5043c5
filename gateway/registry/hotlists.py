# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Hot lists: which plates are sought, by whom, on which act, until when (A-49, D.9).

Stored are an HMAC and a sealed original; `match` works in memory on digests. Who may do what is
the gate's matter; that two people stand behind a local entry is asked here.
"""

import asyncio
import hashlib
import logging
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.model.access import Action, Grant
from gateway.model.errors import ConfigError, StateError, StoreError, WireError
from gateway.model.hotlist import Delivered, EntryState, HotEntry, HotList, LocalWish
from gateway.model.plate import ListKind, PlateRead
from gateway.model.registry import Registry, User
from gateway.model.time import Moment
from gateway.registry import hotlist_table as table
from gateway.registry.hotlist_import import (
    DAY_US,
    DeliveredEntry,
    Delivery,
    ListSource,
    read_delivery,
)
from gateway.registry.hotlist_keys import HotListKeys
from gateway.registry.hotlist_match import HotIndex, HotMatch
from gateway.registry.hotlist_table import Sealed
from gateway.registry.hotlist_text import country_code, normal
from gateway.registry.store import RegistryStore
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

MOST_LOCAL_DAYS: Final = 90
MOST_LOCAL: Final = 2_000
MOST_WAITING: Final = 64
LEAST_REASON: Final = 5
NO_KEY: Final = "[plates] key is missing: no list of plates is kept or matched"
OTHER_KEY: Final = (
    "[plates] key is not the key under which the lists were written: give that one back, or write"
    " it as former_key to have them written anew"
)


@dataclass(frozen=True, slots=True)
class HotListSetup:
    """With what lists are kept."""

    keys: HotListKeys | None
    """None: no key is configured, and no list is kept."""
    former: HotListKeys | None = None
    """The key before this one: what was written under it is written anew."""
    sources: Mapping[str, ListSource] = field(default_factory=dict)


class HotLists:
    """The hot lists of one box; made by `open_hotlists`."""

    def __init__(self, registry: RegistryStore, clock: Clock, setup: HotListSetup) -> None:
        self._registry = registry
        self._store = registry.store
        self._clock = clock
        self._setup = setup
        self._lock = asyncio.Lock()
        self._index: HotIndex | None = None
        self.problem = ""
        """Why nothing is matched; empty while it is."""
        self.epoch = 0
        """Number of the key in use."""

    @property
    def sources(self) -> Mapping[str, ListSource]:
        """Who may deliver, by name."""
        return self._setup.sources

    async def open(self) -> None:
        """Take the key over, or say in `problem` why it cannot be used. StoreError: the disk."""
        keys, former = self._setup.keys, self._setup.former
        number, tells = await self._store.read(table.epoch)
        if keys is None:
            held = await self._store.read(table.holds_any)
            self.problem = NO_KEY if held or self._setup.sources else ""
            return
        if tells not in ("", keys.check):
            if former is None or tells != former.check:
                self.problem = OTHER_KEY
                log.error("hotlists-closed", extra={"epoch": number})
                return
            await self.rekey(former, keys)
        elif not tells:
            now = self._clock.now().utc_us
            await self._store.write(lambda c: table.next_epoch(c, keys.check, now))
        self.epoch = (await self._store.read(table.epoch))[0]
        await self._reload()

    async def rekey(self, former: HotListKeys, keys: HotListKeys) -> int:
        """Write every plate anew under another key, in one transaction; return how many.

        StoreError, and nothing is changed, if one does not open with the former key.
        """
        now = self._clock.now().utc_us

        def job(connection: sqlite3.Connection) -> int:
            fresh: list[tuple[int, Sealed]] = []
            for number, country, old in table.every_sealed(connection):
                try:
                    text = former.unseal(old.sealed, old.digest)
                except WireError as error:
                    raise StoreError(f"{self._store.path}: hot list entry: {error}") from error
                fresh.append((number, _sealed(keys, country, text)))
            table.reseal(connection, fresh)
            table.next_epoch(connection, keys.check, now)
            return len(fresh)

        count = await self._store.write(job)
        log.warning("hotlists-rekeyed", extra={"entries": count})
        return count

    # matching --------------------------------------------------------------------------------

    def match(self, read: PlateRead, now: Moment) -> HotMatch | None:
        """Return the entry that a read is on now; None: it is not sought, or nothing is matched.

        In memory, without the disk and without waiting; nothing of the read is kept.
        """
        return self._index.match(read, now) if self._index is not None else None

    def __len__(self) -> int:
        """Return how many entries are matched, those to come included."""
        return len(self._index) if self._index is not None else 0

    def seal(self, text: str, about: str) -> bytes:
        """Return a text sealed under this box's key, bound to what it is about."""
        return self._keys().seal(text, about.encode())

    def unseal(self, sealed: bytes, about: str) -> str:
        """Return what `seal` sealed, also under the former key; StoreError if it does not open."""
        keys, former = self._keys(), self._setup.former
        try:
            return keys.unseal(sealed, about.encode())
        except WireError as error:
            if former is not None:
                try:
                    return former.unseal(sealed, about.encode())
                except WireError:
                    pass
            raise StoreError(f"{self._store.path}: {error}") from error

    # what people see -------------------------------------------------------------------------

    async def lists(self) -> tuple[HotList, ...]:
        """Return the delivered lists, without what they hold."""
        return await self._store.read(table.lists)

    async def local(self) -> tuple[HotEntry, ...]:
        """Return what was entered here, without plates, those that wait first."""
        return await self._store.read(table.local)

    async def entry(self, id_: str) -> HotEntry | None:
        """Return one entry, without its plate; None: there is none (any more)."""
        number = _number(id_)
        return await self._store.read(lambda c: table.one(c, number))

    async def reveal(self, id_: str, grant: Grant) -> str:
        """Return the plate of an entry to whom a Grant for this very entry was given.

        The Grant's entry stands in the ledger by then. StateError `unknown`, `grant`.
        """
        request = grant.request
        if request.action is not Action.HOTLIST_OPEN or request.object != id_:
            raise StateError("grant", "the Grant is for something else")
        keys, number = self._keys(), _number(id_)
        plate = await self._store.read(lambda c: table.sealed(c, number))
        if plate is None:
            raise StateError("unknown")
        try:
            return keys.unseal(plate.sealed, plate.digest)
        except WireError as error:
            raise StoreError(f"{self._store.path}: hot list entry {id_}: {error}") from error

    async def find(self, plate: str, country: str, grant: Grant) -> tuple[HotEntry, ...]:
        """Return the entries of a plate, as it is written; WireError if it is none."""
        if grant.request.action is not Action.HOTLIST_OPEN:
            raise StateError("grant", "the Grant is for something else")
        keys, text = self._keys(), normal(plate)
        digests = {keys.digest(one, text) for one in (country_code(country), "")}
        return await self._store.read(lambda c: table.with_digests(c, digests))

    # lists of others -------------------------------------------------------------------------

    async def deliver(self, document: bytes, signature: bytes, *, by: str) -> Delivered:
        """Take a signed list over, whole or as changes; durable and matched on return.

        StateError: `old` for what is not newer than what is there, `base` for changes to another
        list, or as `read_delivery`; then nothing changes. CPU work of some seconds for 100,000
        entries is done on another thread.
        """
        keys = self._keys()
        now_us, sources = self._clock.now().utc_us, self._setup.sources

        def read() -> tuple[Delivery, list[tuple[HotEntry, Sealed]]]:
            found = read_delivery(document, signature, sources, now_us)
            fresh = [
                (_delivered(found, one, now_us), _sealed(keys, one.country, one.text))
                for one in found.entries
                if not one.removed
            ]
            return found, fresh

        found, fresh = await asyncio.to_thread(read)
        gone = None
        if not found.is_whole:
            gone = {keys.digest(one.country, one.text) for one in found.entries}
        made = HotList(
            found.source, found.kind, found.sequence, found.issued_us, now_us,
            hashlib.sha256(document).hexdigest(), found.act, found.reason, found.requester, by,
        )  # fmt: skip

        def write(connection: sqlite3.Connection) -> int:
            _is_newer(found, *table.latest(connection, found.source, found.kind)[1:])
            number = table.put_list(connection, made)
            removed = table.drop(connection, number, gone)
            table.insert(connection, number, fresh)
            return removed

        async with self._lock:
            removed = await self._store.write(write)
            await self._reload()
        return Delivered(made, len(fresh), removed, found.over)

    # entries of our own ----------------------------------------------------------------------

    async def ask(self, wish: LocalWish, *, by: str, id_: str) -> HotEntry:
        """Enter a plate in the name of the user `by`; it waits for somebody else's approval.

        `id_`: from `new_entry_id`. ConfigError names what is wrong with the wish; never the plate.
        """
        keys, now_us = self._keys(), self._clock.now().utc_us
        text, country = _checked(wish, now_us)
        user = self._user(by)
        made = HotEntry(
            _number(id_), ListKind.LOCAL, country, now_us, wish.until_us, wish.label.strip(),
            wish.reason.strip(), wish.act.strip(), wish.case.strip(), wish.requester.strip(),
            user.organisation, now_us, by, 0, "", EntryState.WAITING,
        )  # fmt: skip
        plate = _sealed(keys, country, text)

        def job(connection: sqlite3.Connection) -> None:
            there = table.local(connection)
            if len(there) >= MOST_LOCAL or _waiting(there) >= MOST_WAITING:
                raise StateError("full", "have what waits approved or rejected first")
            table.insert(connection, None, [(made, plate)])

        async with self._lock:
            await self._store.write(job)
        return made

    async def approve(self, id_: str, *, by: str) -> HotEntry:
        """Put a local entry into force in the name of a second person. StateError: why not."""
        number, now_us = _number(id_), self._clock.now().utc_us
        registry = self._registry.current()

        def job(connection: sqlite3.Connection) -> HotEntry:
            one = _still_waiting(table.one(connection, number), now_us)
            if bar := bar_of(one, by, registry):
                raise StateError(bar)
            table.approve(connection, number, by, now_us)
            return replace(one, state=EntryState.IN_FORCE, approved_by=by, approved_us=now_us)

        async with self._lock:
            done = await self._store.write(job)
            await self._reload()
        return done

    async def reject(self, id_: str) -> HotEntry:
        """Delete a local entry that waits. StateError `unknown`, `not-waiting`."""
        return await self._delete(id_, waiting=True)

    async def remove(self, id_: str) -> HotEntry:
        """Delete an entry, also one of a delivered list. StateError `unknown`."""
        return await self._delete(id_, waiting=False)

    async def _delete(self, id_: str, *, waiting: bool) -> HotEntry:
        number = _number(id_)

        def job(connection: sqlite3.Connection) -> HotEntry:
            one = table.one(connection, number)
            if one is None:
                raise StateError("unknown")
            if waiting and one.state is not EntryState.WAITING:
                raise StateError("not-waiting")
            table.delete(connection, number)
            return one

        async with self._lock:
            gone = await self._store.write(job)
            await self._reload()
        return gone

    async def expire(self) -> tuple[tuple[str, ListKind, int], ...]:
        """Delete what is over; return source, kind and how many. It matched nothing any more."""
        now_us = self._clock.now().utc_us
        async with self._lock:
            gone = await self._store.write(lambda c: table.expire(c, now_us))
            if gone:
                await self._reload()
        return tuple((source, ListKind(kind), count) for source, kind, count in gone)

    # within ----------------------------------------------------------------------------------

    async def _reload(self) -> None:
        keys = self._setup.keys
        if keys is None or self.problem:
            return
        self._index = await self._store.read(lambda c: HotIndex(keys, table.sought(c)))

    def _keys(self) -> HotListKeys:
        if self._setup.keys is None or self.problem:
            raise StoreError(f"{self._store.path}: {self.problem or NO_KEY}")
        return self._setup.keys

    def _user(self, id_: str) -> User:
        user = self._registry.current().users.get(id_)
        if user is None or not user.enabled:
            raise StateError("person", "an account of this box is needed")
        return user


async def open_hotlists(registry: RegistryStore, clock: Clock, setup: HotListSetup) -> HotLists:
    """Return the hot lists of a registry; `problem` says if they cannot be used."""
    made = HotLists(registry, clock, setup)
    await made.open()
    return made


def bar_of(entry: HotEntry, by: str, registry: Registry) -> str:
    """Return why a person may not approve an entry; empty: this person may (D.9, B-25).

    Never who asked, under whatever account or over whatever channel, and nobody whose account was
    made or bound anew since.
    """
    user, asker = registry.users.get(by), registry.users.get(entry.added_by)
    if user is None or not user.enabled:
        return "person"
    if user.id == entry.added_by or (asker is not None and _is_same(user, asker)):
        return "same-person"
    return "newcomer" if user.id in entry.newcomers else ""


def _is_same(one: User, other: User) -> bool:
    """Return whether two accounts are one person's, as far as a registry can tell."""
    return any(
        mine and mine == theirs
        for mine, theirs in (
            (one.certificate_sha256, other.certificate_sha256),
            (one.oidc_subject, other.oidc_subject),
            (" ".join(one.name.casefold().split()), " ".join(other.name.casefold().split())),
        )
    )


def _still_waiting(one: HotEntry | None, now_us: int) -> HotEntry:
    if one is None or one.until_us <= now_us:
        raise StateError("unknown")
    if one.state is not EntryState.WAITING:
        raise StateError("not-waiting")
    return one


def _waiting(entries: tuple[HotEntry, ...]) -> int:
    return sum(one.state is EntryState.WAITING for one in entries)


def _checked(wish: LocalWish, now_us: int) -> tuple[str, str]:
    """Return text and country of a wish in normal form."""
    for key, value in (("case", wish.case), ("act", wish.act), ("requester", wish.requester)):
        if not value.strip():
            raise ConfigError("request", key, "is missing")
    if len(wish.reason.strip()) < LEAST_REASON:
        raise ConfigError("request", "reason", f"has less than {LEAST_REASON} signs")
    if not now_us < wish.until_us <= now_us + MOST_LOCAL_DAYS * DAY_US:
        problem = f"is not within the next {MOST_LOCAL_DAYS} days"
        raise ConfigError("request", "expires", problem, "enter it again when it is over")
    try:
        text = normal(wish.plate)
    except WireError as error:
        raise ConfigError("request", "plate", str(error)) from None
    try:
        return text, country_code(wish.country)
    except WireError as error:
        raise ConfigError("request", "country", str(error)) from None


def _is_newer(found: Delivery, sequence: int, issued_us: int) -> None:
    """Refuse what is older than what is there, and changes to another list than it is."""
    if found.sequence <= sequence or found.issued_us < issued_us:
        raise StateError("old", f"sequence {found.sequence} is not newer than {sequence}")
    if not found.is_whole and found.base != sequence:
        raise StateError("base", f"these are changes to {found.base}, the list is {sequence}")


def _delivered(found: Delivery, one: DeliveredEntry, now_us: int) -> HotEntry:
    return HotEntry(
        secrets.randbits(53), found.kind, one.country, one.from_us, one.until_us, one.label,
        one.reason, "", "", "", "", now_us, "", 0, "", EntryState.IN_FORCE,
    )  # fmt: skip


def _sealed(keys: HotListKeys, country: str, text: str) -> Sealed:
    digest = keys.digest(country, text)
    return Sealed(digest, keys.seal(text, digest))


def _number(id_: str) -> int:
    """Return the number behind an id; StateError `unknown` for what is none."""
    try:
        number = int(id_, 16) if len(id_) == 14 else -1  # noqa: PLR2004 - as `entry_id` writes it
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 53:
        raise StateError("unknown")
    return number
