# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The console's view of a running box."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from gateway.access.second import Seconds
from gateway.access.tokens import Tokens
from gateway.assembly.alarms import alarm_event
from gateway.assembly.box import Opened, RunningBox
from gateway.assembly.control import ControlDesk
from gateway.assembly.identity import Doors, providers
from gateway.assembly.journal import Journal
from gateway.assembly.ledger import LedgerDesk
from gateway.assembly.turn import turn_servers
from gateway.console.services import Services
from gateway.model.alarm import AlarmRecord, AlarmState, AlarmVerdict, Delivery
from gateway.model.audit import LedgerEvent
from gateway.model.errors import StoreError
from gateway.model.media import StreamStatus
from gateway.model.registry import Registry
from gateway.registry import nearest
from gateway.relay.alarms.outbox import FellBehindError, Outbox, Subscription

log = logging.getLogger(__name__)


Judge = Callable[[str, str, AlarmVerdict], Awaitable[None]]
Taken = Callable[[str, str], Awaitable[None]]


class AlarmBook:
    """The alarms as the console reads and closes them; a verdict stands in the ledger, too."""

    def __init__(
        self,
        outbox: Outbox,
        journal: Journal,
        registry: Callable[[], Registry],
        confirm: Callable[[str], object] = lambda _: None,
        judge: Judge | None = None,
        taken: Taken | None = None,
    ) -> None:
        """`confirm` lets the picture of a confirmed alarm live as long as its controller's term.

        `judge` keeps a verdict on an edge's alarm for its edge, before it counts here; `taken`
        an answer.
        """
        self._confirm = confirm
        self._judge = judge
        self._taken = taken
        self._outbox = outbox
        self._journal = journal
        self._registry = registry
        self.get = outbox.get
        self.find = outbox.find
        self.shown = outbox.shown
        self.recent = outbox.recent
        self.is_delivered = outbox.is_delivered
        self.times = outbox.times
        self.verdicts = outbox.verdicts

    async def deliveries(self, alarm_id: str) -> Sequence[Delivery]:
        """Return what became of an alarm at each recipient."""
        return await self._outbox.deliveries(alarm_id)

    async def take(self, alarm_id: str, by: str) -> AlarmRecord | None:
        """Note who answers; the first one's answer stands in the ledger, and goes to its edge."""
        before = await self._outbox.find(alarm_id)
        if before is None or before.taken_utc_us or before.state is AlarmState.CLOSED:
            return before
        if self._taken is not None:
            await self._taken(alarm_id, by)
        record = await self._outbox.take(alarm_id, by, organisation=self._organisation(by))
        if record is not None and record.taken_by == by:
            event = alarm_event("alarm.ack", record, self._registry())
            await self._journal.account(self._signed(event, by))
        return record

    def _organisation(self, by: str) -> str:
        user = self._registry().users.get(by)
        return user.organisation if user is not None else ""

    def _signed(self, event: LedgerEvent, by: str) -> LedgerEvent:
        """Return an entry in the name of a person of this box."""
        user = self._registry().users.get(by)
        role = user.role.value if user is not None else ""
        org = self._organisation(by)
        return replace(event, actor_id=by, actor_type="human", role=role, org=org)

    async def close(self, alarm_id: str, by: str, verdict: AlarmVerdict) -> None:
        """Close an alarm with the operator's verdict; the first one counts."""
        if self._judge is not None:
            await self._judge(alarm_id, by, verdict)
        record = await self._outbox.close(
            alarm_id, by, verdict, organisation=self._organisation(by)
        )
        if record is not None and (record.closed_by, record.verdict) != (by, verdict):
            return  # somebody else was quicker: theirs counts, and stands in the ledger
        if record is not None and verdict is AlarmVerdict.CONFIRMED:
            try:
                await asyncio.to_thread(self._confirm, alarm_id)
            except StoreError as error:
                log.warning("still-not-confirmed", extra={"problem": str(error)})
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


def _status(opened: Opened, running: RunningBox, camera: str) -> StreamStatus | None:
    """Return a camera's state; of an edge's camera also what the edge says."""
    post, federation = running.cameras.post(camera), opened.federation
    own = post.status() if post else None
    return federation.status(camera, own) if federation else own


class OnSite:
    """Cameras as people on site may see them: nothing tells of a hold-up that lives (ADR 32)."""

    def __init__(self, opened: Opened, running: RunningBox) -> None:
        self._federation, self._calm = opened.federation, running.calm
        self.streams = running.calm.streams

    def status(self, camera: str) -> StreamStatus | None:
        """Return a camera's state; of an edge's camera also what the edge says."""
        own = self._calm.status(camera)
        return self._federation.status(camera, own) if self._federation else own


def _alarms(opened: Opened, running: RunningBox) -> AlarmBook:
    return AlarmBook(
        opened.outbox,
        opened.journal,
        opened.masks.entered,
        running.holdups.confirm,
        running.alarm_lines.judge,
        running.alarm_lines.taken,
    )


def services_of(
    opened: Opened, running: RunningBox, control: ControlDesk, ledger: LedgerDesk
) -> Services:
    """Return what the console needs."""
    return Services(
        box=running.box(),
        clock=opened.clock,
        registry=opened.masks.entered,
        status=partial(_status, opened, running),
        on_site=OnSite(opened, running),
        accounts=Doors(opened.accounts, running.viewing),
        gate=opened.gate,
        alarms=_alarms(opened, running),
        stills=opened.stills,
        clips=running.clips,
        media=running.viewing,
        ice_servers=turn_servers(opened.options.turn, opened.clock, str(opened.config_path)),
        endings=opened.endings,
        ledger=ledger,
        operations=running.face,
        control=control,
        devices=running.devices.statuses,
        surroundings=nearest,
        tokens=Tokens(
            opened.clock, opened.journal, opened.masks.entered, opened.accounts.is_signed_in
        ),
        oidc=providers(opened.options, opened.accounts, opened.clock, str(opened.config_path)),
        retention=running.retention,
        notices=running.notices,
        rights=opened.gate,
        shifts=opened.gate.shifts,
        seconds=Seconds(opened.clock),
        looks=running.confirmations,
        owners=running.owners,
        acts=running.acts,
        far=running.alarm_lines.far,
        reports=running.reports,
        hotlists=running.hotlists,
        plates=running.plates,
        lines=running.edges if opened.options.room or opened.options.uplinks else None,
    )
