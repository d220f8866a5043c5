# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Reports of vigilance institutes as the box has them: who may, the ledger, other rooms, time.

What comes in is on disk before it is numbered for its sender, and in the ledger as soon as that
takes entries: a dark ledger must not lose a robbery. What goes out is in the ledger first.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final, Protocol

from gateway.access import policy
from gateway.assembly.alarm_lines import room_place
from gateway.assembly.journal import Journal, signed
from gateway.config.options import Options
from gateway.console.services import Notices
from gateway.model.access import Actor, Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import LedgerError, StateError, StoreError
from gateway.model.incident import (
    Command,
    HandOver,
    Incident,
    IncidentState,
    Once,
    Open,
    Outcome,
    Say,
)
from gateway.model.registry import Force, RecipientKind, Registry, Role
from gateway.model.report import (
    KINDS,
    Direction,
    Report,
    ReportDraft,
    ReportOutcome,
    ReportState,
    ReportWords,
    Sender,
    Span,
)
from gateway.model.time import ROME
from gateway.room.institutes import bar_of, institute_of
from gateway.room.partners import Partner
from gateway.room.postgres import PostgresOptions
from gateway.room.report_routes import route
from gateway.room.reports import ReportBook, Written
from gateway.runtime.clock import Clock
from gateway.runtime.tally import Tally

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""How soon a report is told to another room, and its answer is seen."""
SWEEP_S: Final = 3_600.0
DAY_US: Final = 86_400_000_000
BURST: Final = 60
REFILL_S: Final = 2.0
"""Of one institute: sixty reports at once, then one every two seconds."""
REFUSALS: Final = 5
REFUSAL_S: Final = 60.0
"""Of one organisation: entries of refusals; what is between is counted in the next."""
MOST_BUCKETS: Final = 1_000
MOST_REGISTER: Final = 10_000
_OUTCOMES: Final = {
    Outcome.RESOLVED.value: ReportOutcome.DEALT_WITH,
    Outcome.UNFOUNDED.value: ReportOutcome.UNFOUNDED,
    Outcome.NOTHING_FOUND.value: ReportOutcome.UNFOUNDED,
    Outcome.EXERCISE.value: ReportOutcome.EXERCISE,
}


def report_place(options: Options, where: str) -> Path | PostgresOptions:
    """Return where reports are kept: `reports.db`, or the room's PostgreSQL."""
    return room_place(options, where, "reports.db")


class OtherRooms(Protocol):
    """Incidents, by which another room hears of a report; `IncidentDesk` is one."""

    def partners(self) -> tuple[Partner, ...]:
        """Return the other rooms that the registry knows."""
        ...

    def get(self, incident: str, actor: Actor) -> Incident | None:
        """Return one as an organisation may know it."""
        ...

    async def open(self, command: Open, *, by: Actor, once: Once | None = None) -> Incident:
        """Open an incident."""
        ...

    async def change(
        self, incident: str, command: Command, *, by: Actor, once: Once | None = None
    ) -> Incident:
        """Change an incident."""
        ...

    async def recall(self, once: Once) -> tuple[str, str] | None:
        """Return incident and answer of a request that comes again."""
        ...

    def finish(self, once: Once, answer: str) -> Awaitable[None]:
        """Keep the answer of a request that ran."""
        ...


@dataclass(frozen=True, slots=True)
class ReportParts:
    """What reports work with."""

    book: ReportBook
    registry: Callable[[], Registry]
    journal: Journal
    clock: Clock
    notices: Notices
    keep_days: int
    exercise: bool = False
    rooms: OtherRooms | None = None
    """None: every room is at this box."""


class _Bucket:
    """So much at once, then one now and then; what is over is counted."""

    def __init__(self, most: float, each_s: float, now_s: float) -> None:
        self._most, self._each_s = most, each_s
        self._left, self._at_s = most, now_s
        self.over = 0

    def take(self, now_s: float) -> bool:
        self._left = min(self._most, self._left + (now_s - self._at_s) / self._each_s)
        self._at_s = now_s
        if self._left < 1:
            self.over += 1
            return False
        self._left -= 1
        return True


class ReportDesk:
    """Reports for consoles and machines."""

    def __init__(self, parts: ReportParts) -> None:
        self._p = parts
        self._reports: OrderedDict[str, _Bucket] = OrderedDict()
        self._refusals: OrderedDict[str, _Bucket] = OrderedDict()
        self._bell = asyncio.Event()
        self._tally = Tally(log, parts.clock)
        self.problem = ""
        """Why the disk refuses; empty while it does not."""

    # who ----------------------------------------------------------------------------------

    def bar(self, actor: Actor) -> str:
        """Return why somebody may not send reports now; empty: they may."""
        if actor.role not in (Role.INSTITUTE_OPERATOR, Role.MACHINE):
            return "role-may-not"
        found = bar_of(self._p.registry(), actor.organisation, self._today())
        return found.value if found is not None else ""

    def is_institute(self, actor: Actor) -> bool:
        """Return whether somebody belongs to an institute, listed or not."""
        known = self._p.registry().recipients.get(actor.organisation)
        return known is not None and known.kind is RecipientKind.INSTITUTE

    def _today(self) -> date:
        return self._p.clock.now().utc().astimezone(ROME).date()

    # reading ------------------------------------------------------------------------------

    async def listed(
        self, actor: Actor, *, is_open: bool | None = None, limit: int = 200
    ) -> Sequence[Report]:
        """Return the reports of the actor's organisation, the newest first."""
        return await self._p.book.listed(actor.organisation, is_open=is_open, limit=limit)

    async def get(self, report: str, actor: Actor) -> Report | None:
        """Return one; None for what is none of the actor's organisation's business."""
        found = await self._p.book.get(report)
        if found is None or actor.organisation not in await self._p.book.parties(report):
            return None
        return found

    async def register(self, actor: Actor, span: Span, reason: str) -> Sequence[Report]:
        """Return part of the organisation's register once the ledger has the reason."""
        found = await self._p.book.register(actor.organisation, span, MOST_REGISTER)
        entry = _entry("report.export", Operation.CONSULTATION, actor)
        await self._p.journal.append(replace(entry, reason_text=reason, count=len(found)))
        return found

    def name_of(self, organisation: str) -> str:
        """Return what an organisation is called here."""
        known = self._p.registry().recipients.get(organisation)
        return known.name if known is not None else organisation

    def contact_of(self, organisation: str) -> str:
        """Return the one contact point of an institute."""
        found = institute_of(self._p.registry(), organisation)
        return found.contact if found is not None else ""

    def person_of(self, user: str) -> str:
        """Return the name of a user of this box."""
        known = self._p.registry().users.get(user)
        return known.name if known is not None else user

    def rooms(self, actor: Actor) -> Mapping[str, str]:
        """Return the rooms to which somebody can pass a report on, by id.

        One's own, the forces among which the protocol's table chooses, and rooms that stand beside
        one's own in an act or a route: who else has dealings with this box is nobody's business.
        """
        registry, own = self._p.registry(), actor.organisation
        circles = [
            {one for scope in act.scopes for one in scope.recipients}
            for act in registry.acts.values()
        ] + [set(route.recipients) for route in registry.report_routes.values()]
        near = {own}.union(*(circle for circle in circles if own in circle))
        return {
            one.id: one.name
            for _, one in sorted(registry.recipients.items())
            if one.kind is RecipientKind.ROOM and (one.id in near or one.force is not Force.OTHER)
        }

    # writing ------------------------------------------------------------------------------

    async def send(self, draft: ReportDraft, *, by: Actor, once: Once | None = None) -> Report:
        """Take a report; numbered and durable when it returns, StateError says why not."""
        if once is not None and (known := await self._p.book.recall(once)) is not None:
            return known
        if bar := self.bar(by):
            await self._refused(by, bar)
            raise StateError("bar", bar)
        if not self._take(self._reports, by.organisation, BURST, REFILL_S):
            await self._refused(by, "too-many")
            raise StateError("too-many")
        draft = replace(draft, exercise=draft.exercise or self._p.exercise)
        routing = route(draft, self._p.registry())
        written = await self._p.book.receive(draft, _sender(by), routing, once)
        report = written.report
        if written.is_new:
            await self._p.journal.account(_told("report.in", report, by))
            await self._p.journal.account(_routed(report))
            self._announce(report, "received", by.organisation)
            self._bell.set()
        return report

    async def acknowledge(self, report: str, *, by: Actor) -> Report:
        """Say that the actor's organisation deals with a report, or has read an answer."""
        await self._addressed(report, by)
        written = await self._p.book.acknowledge(report, _sender(by))
        await self._account(written, "report.ack", Operation.CONSULTATION, by)
        return written.report

    async def answer(
        self, report: str, text: str, *, by: Actor, once: Once | None = None
    ) -> Report:
        """Answer the institute; in the ledger before it can read it. Returns the answer."""
        if once is not None and (known := await self._p.book.recall(once)) is not None:
            return known
        about = await self._addressed(report, by, Direction.IN)
        made_id = self._p.book.new_id()
        draft = ReportDraft(about.kind, ReportWords(text), exercise=about.exercise)
        entry = _entry("report.out", Operation.COMMUNICATION, by)
        await self._p.journal.append(
            replace(
                entry, object_id=made_id, case_ref=about.number, reason_text=text,
                recipient_org=about.institute, channel="console",
            )
        )  # fmt: skip
        written = await self._p.book.answer(report, made_id, draft, _sender(by), once)
        self._announce(written.report, "answered", by.organisation)
        if about.state in (ReportState.RECEIVED, ReportState.ROUTED):
            await self._p.journal.account(
                _about(_entry("report.ack", Operation.CONSULTATION, by), about)
            )
        return written.report

    async def close(self, report: str, outcome: ReportOutcome, *, by: Actor) -> Report:
        """End a report."""
        await self._addressed(report, by, Direction.IN)
        written = await self._p.book.close(report, outcome, _sender(by))
        await self._account(written, "report.close", Operation.NONE, by, outcome.value)
        return written.report

    async def pass_on(self, report: str, recipient: str, *, by: Actor) -> Report:
        """Give a report to another room; StateError `organisation` for what is none."""
        await self._addressed(report, by, Direction.IN)
        if recipient not in self.rooms(by):
            raise StateError("organisation", recipient)
        written = await self._p.book.pass_on(report, recipient, _sender(by))
        if written.is_new:
            await self._p.journal.account(_routed(written.report, by))
            self._announce(written.report, "routed", by.organisation)
            self._bell.set()
        return written.report

    async def _addressed(
        self, report: str, by: Actor, direction: Direction | None = None
    ) -> Report:
        """Return a report that was given to the actor's organisation; StateError else."""
        found = await self.get(report, by)
        if found is None:
            raise StateError("unknown")
        if by.organisation not in found.recipients or direction not in (None, found.direction):
            raise StateError("not-yours")
        return found

    async def _account(
        self, written: Written, code: str, operation: Operation, by: Actor, why: str = ""
    ) -> None:
        if written.is_new:
            entry = replace(_entry(code, operation, by), reason_text=why)
            await self._p.journal.account(_about(entry, written.report))
            self._announce(written.report, code.removeprefix("report."), by.organisation)

    async def _refused(self, by: Actor, why: str) -> None:
        """Write a refusal down, unless somebody hammers: then the next entry says how many."""
        if not self._take(self._refusals, by.organisation, REFUSALS, REFUSAL_S):
            return
        bucket = self._refusals[by.organisation]
        over, bucket.over = bucket.over, 0
        entry = _entry("report.refuse", Operation.NONE, by)
        await self._p.journal.account(replace(entry, result="denied", error=why, count=over + 1))

    def _take(
        self, buckets: OrderedDict[str, _Bucket], whose: str, most: float, each_s: float
    ) -> bool:
        now_s = self._p.clock.monotonic_s()
        bucket = buckets.setdefault(whose, _Bucket(most, each_s, now_s))
        buckets.move_to_end(whose)
        if len(buckets) > MOST_BUCKETS:
            buckets.popitem(last=False)
        return bucket.take(now_s)

    def _announce(self, report: Report, what: str, by: str) -> None:
        """Tell open pages that something happened; they ask for what they may know."""
        told = {
            "id": report.id, "number": report.number, "kind": report.kind, "what": what, "by": by,
            "urgent": report.urgent, "exercise": report.exercise,
        }  # fmt: skip
        parties = {report.institute, *report.recipients}
        self._p.notices.tell("report", told, to=lambda actor: actor.organisation in parties)

    # what runs ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Tell other rooms, see what they did, and forget in time, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            group.create_task(self._sweep())

    async def _follow(self) -> None:
        while True:
            self._bell.clear()
            await self._tried(self.look())
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._bell.wait()
            except TimeoutError:
                continue

    async def _sweep(self) -> None:
        while True:
            await self._tried(self.forget())
            await self._p.clock.sleep(SWEEP_S)

    async def _tried(self, work: Awaitable[None]) -> None:
        try:
            await work
        except (StoreError, LedgerError) as error:
            self.problem = str(error)
        else:
            self.problem = ""

    async def forget(self) -> None:
        """Drop the words of reports whose time is over; the ledger says how many."""
        before = self._p.clock.now().utc_us - self._p.keep_days * DAY_US
        count = await self._p.book.sweep(before)
        if count:
            event = LedgerEvent(
                "retention.delete", Operation.DELETION, Regime.GDPR, object_type="report",
                count=count,
            )  # fmt: skip
            await self._p.journal.account(event)

    async def look(self) -> None:
        """Tell rooms over their lines what is for them, and note what they did."""
        rooms = self._p.rooms
        if rooms is None:
            return
        partners = {one.organisation: one for one in rooms.partners()}
        if partners:
            for report in await self._p.book.untold(tuple(partners)):
                await self._with(self._tell, rooms, partners, report)
        for report in await self._p.book.told_elsewhere():
            await self._with(self._see, rooms, partners, report)

    async def _with(
        self,
        work: Callable[[OtherRooms, Partner, Report], Awaitable[None]],
        rooms: OtherRooms,
        partners: Mapping[str, Partner],
        report: Report,
    ) -> None:
        """Do it for each of a report's rooms with a line; what cannot be done now waits."""
        for one in report.recipients:
            if one in partners:
                try:
                    await work(rooms, partners[one], report)
                except StateError as error:
                    self._tally.note("report-not-told", report=report.number, problem=str(error))

    async def _tell(self, rooms: OtherRooms, partner: Partner, report: Report) -> None:
        """Open an incident with a room at the other end of a line; again: nothing changes."""
        by, kind = _varco(partner.own), KINDS[report.kind]
        words = report.words or ReportWords()
        once = Once(f"report/{partner.own}", report.id, hashlib.sha256(b"").hexdigest())
        known = await rooms.recall(once)
        if known is not None:
            found = rooms.get(known[0], by)
        else:
            found = None
            try:
                found = await rooms.open(
                    Open(
                        f"Segnalazione {report.number}: {kind.it}", kind.incident,
                        5 if report.urgent else 3, words.latitude, words.longitude, words.place,
                        report.exercise,
                    ),
                    by=by,
                    once=once,
                )  # fmt: skip
            finally:
                await rooms.finish(once, found.id if found is not None else "")
        if found is None:
            return
        if found.responsible != partner.organisation:
            await rooms.change(found.id, HandOver(partner.organisation), by=by)
        if words.text and not found.messages:
            said = f"{report.number}, {self.name_of(report.institute)}: {words.text}"
            await rooms.change(found.id, Say(said), by=by)
        await self._p.book.told_by(report.id, found.id)

    async def _see(self, rooms: OtherRooms, partner: Partner, report: Report) -> None:
        """Note that the other room took or closed what it was told of."""
        incident = rooms.get(report.incident, _varco(partner.own))
        if incident is None or incident.responsible != partner.organisation:
            return
        by = Sender(partner.organisation)
        if report.holder not in ("", partner.organisation):
            return  # another of its rooms deals with it, and ends it
        if incident.state in (IncidentState.TAKEN, IncidentState.CLOSED) and not report.holder:
            written = await self._p.book.acknowledge(report.id, by)
            entry = _service("report.ack", Operation.CONSULTATION, partner.organisation)
            await self._p.journal.account(_about(entry, written.report))
            self._announce(written.report, "ack", partner.organisation)
        if incident.state is IncidentState.CLOSED:
            outcome = _OUTCOMES.get(incident.outcome, ReportOutcome.ELSEWHERE)
            written = await self._p.book.close(report.id, outcome, by)
            entry = _service("report.close", Operation.NONE, partner.organisation)
            entry = replace(entry, reason_text=outcome.value)
            await self._p.journal.account(_about(entry, written.report))
            self._announce(written.report, "close", partner.organisation)


def _sender(by: Actor) -> Sender:
    return Sender(by.organisation, by.role.value, by.id)


def _varco(own: str) -> Actor:
    """Return ourselves, acting for a room of this box: nobody sits there."""
    return Actor("varco", "Varco", Role.MACHINE, own, "reports", "service")


def _entry(code: str, operation: Operation, by: Actor) -> LedgerEvent:
    """Return an entry in somebody's name."""
    made = signed(LedgerEvent(code, operation, policy.regime_of(by.role)), by)
    kind = "device" if by.role is Role.MACHINE else "human"
    return replace(made, actor_type=kind, object_type="report")


def _service(code: str, operation: Operation, org: str) -> LedgerEvent:
    """Return an entry of what happened by itself, or at another room."""
    return LedgerEvent(code, operation, Regime.LED, org=org, object_type="report", channel="line")


def _about(event: LedgerEvent, report: Report) -> LedgerEvent:
    """Return an entry with the report it is about; its number is a personal value, too."""
    return replace(event, object_id=report.id, case_ref=report.number)


def _told(code: str, report: Report, by: Actor) -> LedgerEvent:
    """Return the entry of a report that came in: what it says is committed to, never plain."""
    words = report.words or ReportWords()
    entry = _about(_entry(code, Operation.COLLECTION, by), report)
    return replace(
        entry, reason_text=words.spoken(), recipient_org=_joined(report.recipients),
        channel="machine" if by.role is Role.MACHINE else "console",
    )  # fmt: skip


def _routed(report: Report, by: Actor | None = None) -> LedgerEvent:
    entry = (
        _entry("report.route", Operation.COMMUNICATION, by)
        if by is not None
        else LedgerEvent("report.route", Operation.COMMUNICATION, Regime.LED, object_type="report")
    )
    entry = replace(entry, recipient_org=_joined(report.recipients), reason_text=report.line)
    return _about(entry, report)


def _joined(names: Iterable[str]) -> str:
    return ",".join(names)
