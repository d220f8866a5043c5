# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Hot lists of a running box: opened with their key, changed under Grants, told to the ledger.

No entry of the ledger, no log line and no error has a plate: an entry of a list is its id.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from gateway.access import policy
from gateway.assembly.journal import Journal, signed
from gateway.config.options import Options
from gateway.config.secrets import resolve
from gateway.model.access import Action, Actor, Grant, Regime, Verdict
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import ConfigError, StateError, StoreError
from gateway.model.hotlist import Delivered, HotEntry, HotList, LocalWish
from gateway.registry.hotlist_import import parse_source
from gateway.registry.hotlist_keys import HotListKeys, parse_key
from gateway.registry.hotlists import HotLists, HotListSetup, bar_of, open_hotlists
from gateway.registry.store import RegistryStore
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

Told = TypeVar("Told")

SWEEP_S: Final = 30.0
"""How soon what is over is deleted; it matches nothing from its very end on."""
SOURCE_KIND: Final = "locale"


async def hotlists_of(
    options: Options, where: str, registry: RegistryStore, clock: Clock
) -> HotLists:
    """Return the lists of a box; ConfigError for a key or a source that is none.

    A key that is not the one of the lists is no such error: the box works, without them, and
    `problem` says so.
    """
    plates = options.plates
    sources = {
        one.name: parse_source(one.name, one.key, one.lists, where=where) for one in plates.sources
    }
    if len(sources) < len(plates.sources):
        raise ConfigError(where, "plates.source", "a name is used twice", "write another name")
    setup = HotListSetup(
        _keys(plates.key, where, "plates.key"),
        _keys(plates.former_key, where, "plates.former_key"),
        sources,
    )
    return await open_hotlists(registry, clock, setup)


def _keys(reference: str, where: str, key: str) -> HotListKeys | None:
    if not reference:
        return None
    return parse_key(resolve(reference, where=where, key=key), where=where, key=key)


@dataclass(frozen=True, slots=True)
class HotListParts:
    """What the desk works with."""

    lists: HotLists
    registry: RegistryStore
    journal: Journal
    check: Callable[[Grant], Verdict]
    """`Gate.check`."""
    clock: Clock


class HotListDesk:
    """What people see of the lists and do with them; each deed under a Grant of its own."""

    def __init__(self, parts: HotListParts) -> None:
        self._p = parts
        self.lists = parts.lists
        self._sweeping = ""

    @property
    def problems(self) -> tuple[str, ...]:
        """Why nothing is matched, or what is over is not deleted; for health."""
        told = (self.lists.problem, self._sweeping)
        return tuple(f"plates: {one}" for one in told if one)

    @property
    def problem(self) -> str:
        """Why nothing is matched; empty while it is."""
        return self.lists.problem

    @property
    def sources(self) -> Sequence[tuple[str, Sequence[str]]]:
        """Who may deliver which kinds, by name."""
        return tuple(
            (name, tuple(sorted(kind.value for kind in one.lists)))
            for name, one in sorted(self.lists.sources.items())
        )

    async def delivered(self) -> Sequence[HotList]:
        """Return the lists of offices, without what they hold."""
        return await self.lists.lists()

    async def local(self) -> Sequence[HotEntry]:
        """Return the entries of our own, without plates, those that wait first."""
        return await self.lists.local()

    async def entry(self, id_: str) -> HotEntry | None:
        """Return one entry, without its plate; None: there is none (any more)."""
        try:
            return await self.lists.entry(id_)
        except StateError:
            return None

    def bar(self, entry: HotEntry, actor: Actor) -> str:
        """Return why somebody may not approve an entry as a person; empty: it is another one."""
        return bar_of(entry, actor.id, self._p.registry.current())

    # deeds -----------------------------------------------------------------------------------

    async def add(self, wish: LocalWish, grant: Grant) -> HotEntry:
        """Enter a plate that then waits for a second person; its id is the Grant's object."""
        by = self._held(grant, Action.HOTLIST_ADD)
        return await self._accounted(
            grant, self.lists.ask(wish, by=by.id, id_=grant.request.object)
        )

    async def approve(self, grant: Grant) -> HotEntry:
        """Put the Grant's entry into force; StateError says why this person may not."""
        by = self._held(grant, Action.HOTLIST_APPROVE)
        return await self._accounted(grant, self.lists.approve(grant.request.object, by=by.id))

    async def reject(self, grant: Grant) -> HotEntry:
        """Delete the Grant's entry, which waits."""
        by = self._held(grant, Action.HOTLIST)
        gone = await self._accounted(grant, self.lists.reject(grant.request.object))
        await self._p.journal.account(
            replace(
                _entry("hotlist.reject", Operation.DELETION, by), object_id=gone.id,
                case_ref=grant.request.case, reason_text=grant.request.reason,
            )
        )  # fmt: skip
        return gone

    async def remove(self, grant: Grant) -> HotEntry:
        """Delete the Grant's entry."""
        self._held(grant, Action.HOTLIST)
        return await self._accounted(grant, self.lists.remove(grant.request.object))

    async def deliver(self, document: bytes, signature: bytes, grant: Grant) -> Delivered:
        """Take a signed list over; a second entry says what came of it."""
        by = self._held(grant, Action.HOTLIST_IMPORT)
        done = await self._accounted(
            grant, self.lists.deliver(document, signature, by=by.id),
            hashlib.sha256(document).hexdigest(),
        )  # fmt: skip
        entry = _entry("hotlist.change", Operation.MODIFICATION, by)
        made = done.hotlist
        await self._p.journal.account(
            replace(
                entry, object_id=f"{made.source}/{made.kind.value}", content_hash=made.sha256,
                count=done.added, legal_basis_id=grant.act,
                reason_text=f"n. {made.sequence}: +{done.added} -{done.removed}",
            )
        )  # fmt: skip
        return done

    async def reveal(self, grant: Grant) -> str:
        """Return the plate of the Grant's entry."""
        self._held(grant, Action.HOTLIST_OPEN)
        return await self.lists.reveal(grant.request.object, grant)

    async def find(self, plate: str, country: str, grant: Grant) -> Sequence[HotEntry]:
        """Return the entries of a plate."""
        self._held(grant, Action.HOTLIST_OPEN)
        return await self.lists.find(plate, country, grant)

    def _held(self, grant: Grant, action: Action) -> Actor:
        """Return whose Grant it is, if it still holds and is for this."""
        verdict = self._p.check(grant)
        if not verdict.allowed or grant.request.action is not action:
            raise StateError("grant", verdict.text_en)
        return grant.request.actor

    async def _accounted(self, grant: Grant, deed: Awaitable[Told], content_hash: str = "") -> Told:
        """Do it; where it comes to nothing an entry says so, and why, without a plate."""
        try:
            return await deed
        except (ConfigError, StateError, StoreError) as error:
            event = _entry(_NAMES[grant.request.action], Operation.NONE, grant.request.actor)
            why = error.code if isinstance(error, StateError) else "not-usable"
            if isinstance(error, StoreError):
                why = "not-writable"
            await self._p.journal.account(
                replace(
                    event, result="error", error=why, object_id=grant.request.object,
                    content_hash=content_hash,
                )
            )  # fmt: skip
            raise

    # what runs -------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Delete what is over and tell the ledger, until cancelled."""
        while True:
            try:
                await self.sweep()
                self._sweeping = ""
            except StoreError as error:
                self._sweeping = str(error)
            await self._p.clock.sleep(SWEEP_S)

    async def sweep(self) -> None:
        """Delete what is over once."""
        for source, kind, count in await self.lists.expire():
            event = LedgerEvent(
                "hotlist.expire", Operation.DELETION, Regime.LED, object_type="hotlist",
                object_id=f"{source or SOURCE_KIND}/{kind.value}", count=count,
            )  # fmt: skip
            await self._p.journal.account(event)


_NAMES: Final = {
    Action.HOTLIST_ADD: "hotlist.add",
    Action.HOTLIST_APPROVE: "hotlist.approve",
    Action.HOTLIST_IMPORT: "hotlist.import",
    Action.HOTLIST: "hotlist.delete",
}


def _entry(code: str, operation: Operation, by: Actor) -> LedgerEvent:
    event = LedgerEvent(code, operation, policy.regime_of(by.role), object_type="hotlist")
    return signed(event, by)
