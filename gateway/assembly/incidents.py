# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Incidents as the box has them: what organisations may know, entries in the ledger, other rooms.

Whatever leaves an organisation is in the ledger before it is on its way; what another room tells
is on disk before it is acknowledged, and in the ledger as soon as that takes entries.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from gateway.access import policy
from gateway.assembly.incident_door import IncidentDoor
from gateway.assembly.journal import Journal, signed
from gateway.assembly.lines import Lines
from gateway.config.options import Options
from gateway.config.secrets import resolve
from gateway.console.services import IncidentFrame, Notices
from gateway.console.visibility import partners_of
from gateway.model.access import Actor, Purpose, Regime
from gateway.model.alarm import AlarmRecord, AlarmState
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import RefusedError, StateError, StoreError
from gateway.model.incident import (
    Attach,
    Author,
    Change,
    Command,
    HandOver,
    Incident,
    IncidentCase,
    IncidentEvent,
    Once,
    Open,
    Share,
    text_of,
)
from gateway.model.registry import RecipientKind, Registry
from gateway.model.room import Caller, Handler, LinePeer, Reply
from gateway.room import partners as rooms
from gateway.room.incident_rules import changing, kinds, leads, opening, shares
from gateway.room.incidents import IncidentBook, Owing, Recorded, Step
from gateway.room.partners import Exchange, Partner
from gateway.room.webhooks import Courier, Hook, owed_to_hooks
from gateway.runtime.clock import Clock
from gateway.wire.incident import KINDS, parse

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""How soon a room that was entered is told what it is owed."""
SWEEP_S: Final = 3_600.0
_DAY_US: Final = 86_400_000_000
_CODES: Final = {
    Change.OPENED: ("incident.open", Operation.COLLECTION),
    Change.SHARED: ("incident.share", Operation.COMMUNICATION),
    Change.HANDED_OVER: ("incident.share", Operation.COMMUNICATION),
    Change.CLOSED: ("incident.close", Operation.NONE),
    Change.MESSAGE: ("message.out", Operation.COMMUNICATION),
}
_CHANGED: Final = ("incident.change", Operation.MODIFICATION)


class IncidentCases:
    """What the gate asks about incidents; answers from memory, never waits."""

    def __init__(self, book: IncidentBook, alarms: Callable[[str], AlarmRecord | None]) -> None:
        self.book = book
        self._alarms = alarms

    def case(self, incident: str) -> IncidentCase | None:
        """Return an incident as the gate asks about it; None: there is none of that id."""
        found = self.book.get(incident)
        if found is None:
            return None
        records = (self._alarms(one) for one in found.alarms)
        alarmed = frozenset(
            one.alarm.camera
            for one in records
            if one is not None and one.state is not AlarmState.CLOSED
        )
        return IncidentCase(
            found.id, found.is_open, found.parties, frozenset(found.cameras), alarmed
        )

    def shows(self, organisation: str, camera: str) -> bool:
        """Return whether an open incident of an organisation has a camera."""
        return any(
            one.is_open and camera in one.cameras and organisation in one.parties
            for one in self.book.kept()
        )


@dataclass(frozen=True, slots=True)
class IncidentParts:
    """What incidents work with."""

    book: IncidentBook
    registry: Callable[[], Registry]
    journal: Journal
    clock: Clock
    alarms: Callable[[str], AlarmRecord | None]
    notices: Notices
    own: str = ""
    """Our organisation towards the rooms that we dial; empty: nothing is shared with them."""
    hooks: tuple[Hook, ...] = ()
    exercise: bool = False
    keep_days: int = 365
    """So long closed incidents stay."""


@dataclass(slots=True)
class _Reach:
    """How other rooms are reached, as far as lines are there."""

    uplinks: dict[str, tuple[str, Caller]] = field(default_factory=dict)
    edges: Callable[[str], Caller] | None = None


class IncidentDesk:
    """Incidents for consoles, machines and other rooms."""

    def __init__(self, parts: IncidentParts) -> None:
        self._p = parts
        self._lines = _Reach()
        self._couriers = [Courier(parts.book, one, parts.clock) for one in parts.hooks]
        self._kept_too_long = ""
        self._door = IncidentDoor(parts.journal, parts.clock)

    # lines --------------------------------------------------------------------------------

    def dial(self, uplink: str, recipient: str, caller: Caller) -> Mapping[str, Handler]:
        """Share incidents with a room that we dial; return what we answer it."""
        self._lines.uplinks[uplink] = (recipient, caller)
        return self._handlers(lambda _: uplink)

    def receive(self, caller: Callable[[str], Caller]) -> Mapping[str, Handler]:
        """Share incidents with rooms that dial us: edges of which a recipient has the name."""
        self._lines.edges = caller
        return self._handlers(lambda peer: peer.id)

    def join(self, lines: Lines, options: Options) -> None:
        """Share incidents over the lines of the box; before they run."""
        for one in options.uplinks:
            answers = self.dial(one.name, one.recipient, lines.uplinks[one.name])
            lines.handlers_edge.setdefault(one.name, {}).update(answers)
        if lines.reception is not None:
            lines.handlers_room.update(self.receive(lines.reception.caller))

    def partners(self) -> tuple[Partner, ...]:
        """Return the other rooms that the registry knows."""
        return tuple(self._partners(self._p.registry()))

    def _partners(self, registry: Registry) -> Iterator[Partner]:
        for name, (recipient, caller) in self._lines.uplinks.items():
            if self._p.own and recipient in registry.recipients:
                yield self._partner(name, recipient, self._p.own, caller, is_edge=False)
        if self._lines.edges is None:
            return
        for edge in registry.edges.values():
            room = registry.recipients.get(edge.id)
            if not edge.enabled or not edge.organisations or room is None:
                continue
            if room.kind is RecipientKind.ROOM:
                own = self._p.own if self._p.own in edge.organisations else edge.organisations[0]
                caller = self._lines.edges(edge.id)
                yield self._partner(edge.id, edge.id, own, caller, is_edge=True)

    def _partner(
        self, name: str, organisation: str, own: str, caller: Caller, *, is_edge: bool
    ) -> Partner:
        return Partner(
            name, organisation, own, is_edge, caller,
            partial(self._shows, organisation), partial(self._reads, organisation), self.name_of,
        )  # fmt: skip

    def _shows(self, organisation: str, camera: str) -> bool:
        return policy.is_shared(organisation, camera, self._p.registry(), self._p.clock.now())

    def _reads(self, organisation: str, alarm: str) -> bool:
        record = self._p.alarms(alarm)
        if record is None:
            return False
        if organisation in record.recipients:
            return True
        registry = self._p.registry()
        camera = registry.cameras.get(record.alarm.camera)
        return camera is not None and registry.controller_of(camera).id == organisation

    def _handlers(self, partner_id: Callable[[LinePeer], str]) -> Mapping[str, Handler]:
        def made(kind: str) -> Handler:
            async def handle(peer: LinePeer, body: Mapping[str, Any], blob: bytes) -> Reply:
                del blob
                return await self._take(kind, partner_id(peer), body)

            return handle

        return {kind: made(kind) for kind in KINDS}

    async def _take(self, kind: str, partner_id: str, body: Mapping[str, Any]) -> Reply:
        """Take what another room tells; RefusedError, WireError, StoreError: not acknowledged."""
        try:
            partner, recorded = await self._recorded(kind, partner_id, body)
        except RefusedError as error:
            await self._door.refused(partner_id, text_of(body, "incident"), error.code)
            raise
        for event in recorded.events:
            if event.room and event.kind is not Change.RECEIPT:
                await self._p.journal.account(_told_entry(recorded.incident, event, partner))
        self._announce(recorded)
        return Reply()

    async def _recorded(
        self, kind: str, partner_id: str, body: Mapping[str, Any]
    ) -> tuple[Partner, Recorded]:
        partner = self._partner_of(partner_id)
        if partner is None:
            raise RefusedError("not-a-room", "the registry has no room of this name")
        incident, told = parse(kind, body)
        if await self._p.book.find(incident) is None:
            self._door.insist_patient(partner_id)
        return partner, await rooms.take(self._p.book, partner, incident, told, self._owing())

    # what runs ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Tell webhooks and other rooms what they are owed, until cancelled."""
        book = self._p.book
        await book.forget_takers([one.taker for one in self._p.hooks], "hook:")
        async with asyncio.TaskGroup() as group:
            for courier in self._couriers:
                group.create_task(courier.run())
            group.create_task(self._sweep())
            group.create_task(self._follow(group))

    async def _follow(self, group: asyncio.TaskGroup) -> None:
        """Have one task for each room that the registry names."""
        running: dict[str, asyncio.Task[None]] = {}
        while True:
            known = {one.id for one in self.partners()}
            for gone in running.keys() - known:
                running.pop(gone).cancel()
            for new in known - running.keys():
                exchange = Exchange(self._p.book, partial(self._partner_of, new), self._p.clock)
                running[new] = group.create_task(exchange.run(new))
            await self._p.clock.sleep(LOOK_S)

    def _partner_of(self, partner: str) -> Partner | None:
        return next((one for one in self.partners() if one.id == partner), None)

    async def _sweep(self) -> None:
        while True:
            try:
                await self._p.book.sweep()
                await self.forget()
            except StoreError as error:  # what stays for another hour is named
                log.warning("incidents-kept", extra={"problem": str(error)})
                self._kept_too_long = f"incidents cannot be deleted: {error}"
            else:
                self._kept_too_long = ""
            await self._p.clock.sleep(SWEEP_S)

    async def forget(self) -> None:
        """Let go what has been closed for long enough; the ledger says how many, of whom."""
        gone = await self._p.book.forget(self._p.keep_days * _DAY_US)
        for organisation, count in sorted(gone.items()):
            receipt = LedgerEvent(
                "retention.delete", Operation.DELETION, Regime.LED, org=organisation,
                object_type="incident", count=count,
                policy_version=self._p.registry().version,
            )  # fmt: skip
            await self._p.journal.account(receipt)

    @property
    def keep_days(self) -> int:
        """So many days after their closing incidents are deleted."""
        return self._p.keep_days

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what a person has to mend: webhooks that take nothing, a disk that refuses."""
        hooks = tuple(one.state.problem for one in self._couriers if one.state.problem)
        return (*hooks, self._kept_too_long) if self._kept_too_long else hooks

    # reading ------------------------------------------------------------------------------

    def listed(self, actor: Actor) -> Sequence[Incident]:
        """Return the incidents that an organisation may know, the newest first."""
        own = actor.organisation
        return [self._seen(one, own) for one in self._p.book.listed() if own in one.parties]

    def get(self, incident: str, actor: Actor) -> Incident | None:
        """Return one in memory as an organisation may know it; None: none of its business."""
        return self._known_to(self._p.book.get(incident), actor.organisation)

    async def find(self, incident: str, actor: Actor) -> Incident | None:
        """Return one as `get` does, also of those that are no longer in memory; StoreError."""
        return self._known_to(await self._p.book.find(incident), actor.organisation)

    def _known_to(self, found: Incident | None, own: str) -> Incident | None:
        return self._seen(found, own) if found is not None and own in found.parties else None

    async def journal(self, incident: str, actor: Actor) -> Sequence[IncidentEvent]:
        """Return the numbered events of an incident, as an organisation may know them."""
        found = await self._p.book.find(incident)
        own = actor.organisation
        if found is None or own not in found.parties:
            return []
        events = await self._p.book.journal(incident)
        return [_discreet(one, own) for one in events if self._tells(one, found, own)]

    def shown(self, actor: Actor) -> frozenset[str]:
        """Return the cameras that open incidents show to an organisation, as far as acts let."""
        own = actor.organisation
        return frozenset(
            camera
            for one in self._p.book.kept()
            if one.is_open and own in one.parties
            for camera in one.cameras
            if self._knows(own, camera, one)
        )

    async def frame(self, incident: Incident, actor: Actor) -> IncidentFrame:
        """Return what the actor may do with one, and what of it has not arrived yet."""
        own, registry = actor.organisation, self._p.registry()
        now = self._p.clock.now()
        owed = await self._p.book.owes(incident.id)
        waiting = {one.organisation: owed.get(one.taker, 0) for one in self.partners()}
        return IncidentFrame(
            leads=leads(incident, own),
            shares=shares(incident, own),
            waiting={key: count for key, count in waiting.items() if count},
            viewers={
                camera: tuple(
                    sorted(
                        one
                        for one in incident.parties
                        if policy.is_shared(one, camera, registry, now)
                    )
                )
                for camera in incident.cameras
            },
        )

    def organisations(self, actor: Actor) -> Mapping[str, str]:
        """Return the rooms with which an organisation may share, by id.

        Those that stand in an act with it, and those at the other end of a line of its own:
        nobody learns here who else is served by this box (A-26).
        """
        registry, own = self._p.registry(), actor.organisation
        known = partners_of(own, registry)
        known |= {one.organisation for one in self._partners(registry) if one.own == own}
        return {
            one.id: one.name
            for one in registry.recipients.values()
            if one.kind is RecipientKind.ROOM and one.id in known - {own}
        }

    def name_of(self, organisation: str) -> str:
        """Return what an organisation is called here."""
        registry = self._p.registry()
        known = registry.recipients.get(organisation) or registry.controllers.get(organisation)
        return known.name if known is not None else organisation.rpartition("/")[2]

    def kinds(self) -> Mapping[str, tuple[str, str, str]]:
        """Return what incidents may be about: class, Italian, English, by code."""
        return {code: (one.of, one.it, one.en) for code, one in kinds().items()}

    def _seen(self, incident: Incident, own: str) -> Incident:
        return replace(
            incident,
            cameras={
                camera: self._camera_name(camera, name)
                for camera, name in incident.cameras.items()
                if self._knows(own, camera, incident)
            },
            alarms=tuple(one for one in incident.alarms if self._reads(own, one)),
            messages=tuple(
                replace(one, author=_author_for(one.author, own)) for one in incident.messages
            ),
        )

    def _camera_name(self, camera: str, told: str) -> str:
        known = self._p.registry().cameras.get(camera)
        return known.name if known is not None else told

    def _knows(self, own: str, camera: str, incident: Incident) -> bool:
        registry = self._p.registry()
        if policy.is_known_to(own, camera, registry):
            return True
        return incident.is_open and policy.may_know_in_incident(own, camera, registry)

    def _tells(self, event: IncidentEvent, incident: Incident, own: str) -> bool:
        if event.kind in (Change.CAMERA_ATTACHED, Change.CAMERA_DETACHED):
            return self._knows(own, text_of(event.body, "camera"), incident)
        if event.kind in (Change.ALARM_ATTACHED, Change.ALARM_DETACHED):
            return self._reads(own, text_of(event.body, "alarm"))
        return True

    # changing -----------------------------------------------------------------------------

    async def open(self, command: Open, *, by: Actor, once: Once | None = None) -> Incident:
        """Open an incident; StateError says why not, LedgerError that nothing may leave."""
        self._require_known(command.cameras, command.alarms, by)
        exercise = command.exercise or self._p.exercise
        drafts = opening(replace(command, exercise=exercise), self._names(command.cameras))
        incident = self._p.book.new_id()
        await self._p.journal.append(_entry(Change.OPENED, incident, by))
        recorded = await self._p.book.open(
            incident, drafts, _author(by), owing=self._owing(), once=once
        )
        self._announce(recorded)
        return self._seen(recorded.incident, by.organisation)

    async def change(
        self, incident: str, command: Command, *, by: Actor, once: Once | None = None
    ) -> Incident:
        """Change an incident; StateError `unknown` also for one of others."""
        found = await self._p.book.find(incident)
        if found is None:
            raise StateError("unknown")
        author, names = _author(by), self._names(getattr(command, "cameras", ()))
        drafts = changing(command, found, author, names)
        self._check(command, by, found)
        for draft in drafts:
            if draft.kind is not Change.RECEIPT:
                await self._p.journal.append(_entry(draft.kind, incident, by, draft.body, found))
        recorded = await self._p.book.change(
            incident,
            lambda now: changing(command, now, author, names),
            author,
            owing=self._owing(),
            once=once,
        )
        self._announce(recorded)
        return self._seen(recorded.incident, by.organisation)

    async def recall(self, once: Once) -> tuple[str, str] | None:
        """Return incident and answer of a request that comes again; see IncidentBook.recall."""
        found = await self._p.book.recall(once)
        return None if found is None else (found.incident, found.answer)

    def finish(self, once: Once, answer: str) -> Awaitable[None]:
        """Keep the answer of a request that ran."""
        return self._p.book.finish(once, answer)

    def _check(self, command: Command, by: Actor, found: Incident) -> None:
        if isinstance(command, Attach):
            self._require_known(command.cameras, command.alarms, by, found)
        elif isinstance(command, Share | HandOver):
            target = command.organisation if isinstance(command, Share) else command.to
            if target not in self.organisations(by) and target not in found.parties:
                raise StateError("organisation", target)

    def _require_known(
        self,
        cameras: Sequence[str],
        alarms: Sequence[str],
        by: Actor,
        found: Incident | None = None,
    ) -> None:
        registry, own = self._p.registry(), by.organisation
        for camera in cameras:
            in_it = found is not None and self._knows(own, camera, found)
            if not policy.is_known_to(own, camera, registry) and not in_it:
                raise StateError("camera", camera)
        for alarm in alarms:
            if not self._reads(own, alarm):
                raise StateError("alarm", alarm)

    def _names(self, cameras: Sequence[str]) -> Mapping[str, str]:
        return {one: self._camera_name(one, one) for one in cameras}

    def _owing(self) -> Owing:
        """Return what rooms and webhooks are owed, as they are known now."""
        to_rooms = rooms.owed_to(self.partners())
        to_hooks = owed_to_hooks(self._p.hooks)

        def owing(step: Step) -> Iterator[tuple[str, str, str]]:
            yield from to_rooms(step)
            yield from to_hooks(step)

        return owing

    def _announce(self, recorded: Recorded) -> None:
        """Tell open pages that an incident changed; they ask for what they may know."""
        if not recorded.events:
            return
        incident = recorded.incident
        told = {
            "id": incident.id,
            "events": incident.events,
            "what": recorded.events[0].kind.value,
            "by": recorded.events[0].author.organisation,
        }
        parties = incident.parties | {
            text_of(one.body, "with") for one in recorded.events if one.kind is Change.UNSHARED
        }
        self._p.notices.tell("incident", told, to=lambda actor: actor.organisation in parties)


def _author(by: Actor) -> Author:
    return Author(by.organisation, by.role.value, by.id, by.name)


def _author_for(author: Author, own: str) -> Author:
    """Return an author as an organisation may know it: others' people stay their own."""
    return author if author.organisation == own else Author(author.organisation, author.role)


def _discreet(event: IncidentEvent, own: str) -> IncidentEvent:
    return replace(event, author=_author_for(event.author, own))


def _entry(
    kind: Change,
    incident: str,
    by: Actor,
    body: Mapping[str, object] | None = None,
    found: Incident | None = None,
) -> LedgerEvent:
    """Return the entry of a change by somebody here; the words of a message are not in it."""
    code, operation = _CODES.get(kind, _CHANGED)
    facts = body or {}
    to = text_of(facts, "with") or text_of(facts, "to")
    if kind is Change.MESSAGE and found is not None:
        to = ",".join(sorted(found.parties - {by.organisation}))
    event = LedgerEvent(
        code,
        operation,
        policy.regime_of(by.role),
        object_type="incident",
        object_id=incident,
        camera=text_of(facts, "camera"),
        purpose_code=Purpose.INCIDENT.value,
        case_ref=incident,
        reason_text=text_of(facts, "outcome") or (kind.value if code == "incident.change" else ""),
        recipient_org=to,
        content_hash=_hash(facts),
    )
    return signed(event, by)


def _told_entry(incident: Incident, event: IncidentEvent, partner: Partner) -> LedgerEvent:
    """Return the entry of what another room told us."""
    code, operation = _CODES.get(event.kind, _CHANGED)
    if event.kind is Change.MESSAGE:
        code, operation = "message.in", Operation.COLLECTION
    return LedgerEvent(
        code,
        operation,
        Regime.LED,
        actor_id=partner.id,
        org=event.author.organisation,
        role=event.author.role,
        auth_method="certificate",
        object_type="incident",
        object_id=incident.id,
        camera=text_of(event.body, "camera"),
        purpose_code=Purpose.INCIDENT.value,
        case_ref=incident.id,
        reason_text=text_of(event.body, "outcome")
        or (event.kind.value if code == "incident.change" else ""),
        recipient_org=partner.own,
        channel="line",
        content_hash=_hash(event.body),
    )


def _hash(body: Mapping[str, object]) -> str:
    text = text_of(body, "text")
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def hooks_of(options: Options, where: str) -> tuple[Hook, ...]:
    """Return the webhooks with their secrets; ConfigError for one that cannot be read."""
    return tuple(
        Hook(
            one.name,
            one.url,
            one.organisation,
            one.events,
            resolve(one.secret, where=where, key=f"webhook[{one.name}].secret"),
            one.private,
            one.ca,
        )
        for one in options.webhooks
        if one.organisation
    )
