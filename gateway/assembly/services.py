# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The console's view of a running box."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from gateway.access.identity import Accounts
from gateway.assembly.alarms import alarm_event
from gateway.assembly.box import Opened, RunningBox
from gateway.assembly.control import ControlDesk
from gateway.assembly.journal import Journal
from gateway.assembly.viewing import Viewing
from gateway.audit.entry import LedgerEntry
from gateway.audit.ledger import Ledger
from gateway.audit.tables import LedgerHead
from gateway.audit.verify import VerifyReport, verify
from gateway.console.services import Services
from gateway.model.alarm import AlarmRecord, AlarmVerdict, Delivery
from gateway.model.media import StreamStatus
from gateway.model.registry import Registry
from gateway.registry import nearest
from gateway.relay.alarms.outbox import FellBehindError, Outbox, Subscription

SIGNED_OUT = "signed-out"
"""Reason of a session whose viewer's sign-in ended."""


class LedgerDesk:
    """The ledger as pages and auditors read it."""

    def __init__(self, ledger: Ledger, path: Path, public_key: bytes) -> None:
        self._ledger = ledger
        self._path = path
        self._public_key = public_key

    async def entries(self, after: int, limit: int) -> Sequence[LedgerEntry]:
        """Return entries with a sequence above `after`."""
        return await self._ledger.entries(after, limit)

    def head(self) -> LedgerHead:
        """Return size, root and newest checkpoint."""
        return self._ledger.head()

    async def verify(self) -> VerifyReport:
        """Verify the file as a stranger would, off the loop."""
        return await asyncio.to_thread(verify, self._path, self._public_key)


class AlarmBook:
    """The alarms as the console reads and closes them; a verdict stands in the ledger, too."""

    def __init__(self, outbox: Outbox, journal: Journal, registry: Callable[[], Registry]) -> None:
        self._outbox = outbox
        self._journal = journal
        self._registry = registry
        self.get = outbox.get
        self.recent = outbox.recent

    async def deliveries(self, alarm_id: str) -> Sequence[Delivery]:
        """Return what became of an alarm at each recipient."""
        return await self._outbox.deliveries(alarm_id)

    async def close(self, alarm_id: str, by: str, verdict: AlarmVerdict) -> None:
        """Close an alarm with the operator's verdict."""
        record = await self._outbox.close(alarm_id, by, verdict)
        if record is not None:
            registry = self._registry()
            event = alarm_event("alarm.close", record, registry)
            actor = registry.users.get(by)
            await self._journal.account(
                replace(
                    event,
                    actor_id=by,
                    actor_type="human",
                    role=actor.role.value if actor else "",
                    org=actor.organisation if actor else "",
                    reason_text=verdict.value,
                )
            )

    @asynccontextmanager
    async def changes(self) -> AsyncIterator["Changes"]:
        """Subscribe to every change from now on."""
        async with self._outbox.changes() as subscription:
            yield Changes(subscription)


class Changes:
    """Changes for one page; being too slow is an answer here, not an error."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    async def receive(self) -> AlarmRecord | None:
        """Wait for the next change; None: some were lost, reload."""
        try:
            return await self._subscription.receive()
        except FellBehindError:
            return None


class Doors:
    """Sign-ins whose end also ends what is being looked at under them."""

    def __init__(self, accounts: Accounts, viewing: Viewing) -> None:
        self._accounts = accounts
        self._viewing = viewing
        self.sign_in = accounts.sign_in
        self.resolve = accounts.resolve

    async def sign_out(self, token: str) -> None:
        """End a sign-in and its sessions; harmless if there is none."""
        actor = self._accounts.resolve(token)
        if actor is not None:
            for one in self._viewing.sessions():
                if one.grant.request.actor.session == actor.session:
                    await self._viewing.close(one.session, SIGNED_OUT)
        await self._accounts.sign_out(token)


def services_of(
    opened: Opened, running: RunningBox, control: ControlDesk, ledger: LedgerDesk
) -> Services:
    """Return what the console needs."""

    def status(camera: str) -> StreamStatus | None:
        post = running.cameras.post(camera)
        return post.status() if post else None

    return Services(
        box=running.box(),
        clock=opened.clock,
        registry=opened.registry.current,
        status=status,
        accounts=Doors(opened.accounts, running.viewing),
        gate=opened.gate,
        alarms=AlarmBook(opened.outbox, opened.journal, opened.registry.current),
        stills=opened.stills,
        clips=running.clips,
        media=running.viewing,
        endings=opened.endings,
        ledger=ledger,
        operations=running.face,
        control=control,
        devices=running.devices.statuses,
        surroundings=nearest,
    )
