# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What `varco` commands do to a running box: import, export, reload, passwords."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.access.identity import hash_password
from gateway.assembly.acts import held_entries
from gateway.assembly.changes import account as account_changes
from gateway.assembly.journal import Journal
from gateway.config.load import changes, diff, load
from gateway.config.options import Options
from gateway.console.services import ExportFormat
from gateway.model.access import Actor, Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import GatewayError
from gateway.registry.approvers import approves, has_proof
from gateway.registry.control import apply_text, export
from gateway.registry.seed import RegistryChange
from gateway.registry.store import RegistryStore
from gateway.runtime.documents import decode

_WHERE = {"application/geo+json": "request.geojson", "text/csv": "request.csv"}
"""How messages name what was sent, by its type."""


class ControlDesk:
    """The commands, each with its entry in the ledger, also where it fails."""

    def __init__(
        self,
        registry: RegistryStore,
        journal: Journal,
        config: tuple[Path, Options],
        replan: Callable[[], Awaitable[Sequence[str]]],
    ) -> None:
        """`config`: file and what was read from it; `replan` re-reads credentials and plans."""
        self._registry = registry
        self._journal = journal
        self._path, self._started_with = config
        self._options = self._started_with
        self._replan = replan

    async def apply(
        self, document: bytes, content_type: str, *, replace: bool, by: Actor
    ) -> RegistryChange:
        """Import a registry document; the entry names the version that it made."""
        where = _WHERE.get(content_type, "request.toml")
        async with self._accounted(_Deed("config.change", by, "registry")) as deed:
            text = decode(document, where)
            change = await apply_text(self._registry, text, where=where, by=by.id, replace=replace)
            deed.thing = f"registry/{change.version}"
            deed.words = f"+{len(change.added)} ~{len(change.changed)} -{len(change.removed)}"
            if change.held:
                deed.words = f"held {change.held}"
                await self._account_held(change.held, by)
        await account_changes(self._registry, self._journal, change, by)
        return change

    async def _account_held(self, held_id: str, by: Actor) -> None:
        """Write down that a change waits, and whose assessment it outdates."""
        for one in await self._registry.held():
            if one.id == held_id:
                for entry in held_entries(one, by):
                    await self._journal.account(entry)

    def export(self, form: ExportFormat) -> bytes:
        """Return the registry as TOML, or its cameras in the form asked for."""
        _, text = export(self._registry.current(), form.value)
        return text.encode()

    async def reload(self, *, by: Actor) -> Sequence[str]:
        """Read file and credentials again, take over what can be, name what needs a restart."""
        async with self._accounted(_Deed("config.change", by, "gateway.toml")) as deed:
            fresh = load(self._path)
            deed.words = ",".join(changes(self._options, fresh))[:200]
            self._options = fresh
            logging.getLogger().setLevel(fresh.log.level.value.upper())
            touched = await self._replan()
        return (
            *(f"{key}: needs a restart" for key in diff(self._started_with, fresh)),
            *(f"camera {camera}: changed" for camera in touched),
        )

    async def set_password(self, user_id: str, password: str, *, by: Actor) -> None:
        """Give a local account a new password."""
        words = self._reset_words(user_id)
        async with self._accounted(_Deed("user.role", by, f"user/{user_id}", f"password{words}")):
            hashed = await asyncio.to_thread(hash_password, password)
            await self._registry.set_password(user_id, hashed)

    async def reset_totp(self, user_id: str, *, by: Actor) -> None:
        """Take the second device away from an account; its sign-ins made with it end."""
        words = self._reset_words(user_id)
        async with self._accounted(_Deed("user.role", by, f"user/{user_id}", f"totp-reset{words}")):
            await self._registry.set_totp(user_id, "")

    def _reset_words(self, user_id: str) -> str:
        """Return capital letters where somebody who can approve gets another proof of identity."""
        registry = self._registry.current()
        user = registry.users.get(user_id)
        if user is None or not has_proof(user) or not approves(user, registry):
            return ""
        return f": CHI APPROVA PER {user.organisation.upper()} HA UN'ALTRA PROVA D'IDENTITÀ"

    @asynccontextmanager
    async def _accounted(self, deed: "_Deed") -> AsyncIterator["_Deed"]:
        """Write down a command once it is done, or that it failed."""
        try:
            yield deed
        except GatewayError as error:
            await self._journal.account(self._entry(deed, type(error).__name__))
            raise
        await self._journal.account(self._entry(deed, ""))

    def _entry(self, deed: "_Deed", error: str) -> LedgerEvent:
        by = deed.by
        return LedgerEvent(
            event=deed.event,
            operation=Operation.NONE,
            regime=Regime.GDPR,
            result="error" if error else "ok",
            error=error,
            actor_id=by.id,
            actor_type="human",
            role=by.role.value,
            org=by.organisation,
            auth_method=by.method,
            object_type="configuration",
            object_id=deed.thing,
            reason_text=deed.words,
            channel="control-socket",
            policy_version=self._registry.current().version,
        )


@dataclass(slots=True)
class _Deed:
    """One command on its way into the ledger."""

    event: str
    by: Actor
    thing: str
    words: str = ""
