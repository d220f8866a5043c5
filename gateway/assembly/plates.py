# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From a vehicle that passed a gate to people: counted, compared, forgotten, or a hit (A-09, D.9).

A passage whose plate nobody seeks leaves a figure in memory and nothing else. A hit is on disk
before anybody hears of it, sealed; then it is an alarm like any other, with the same id.

    TO_VERIFY --confirm--> CONFIRMED        not certain: only then does anything leave the box
    WAITING   --confirm--> CONFIRMED        certain: rooms were told at once
    any       --discard, or 24 h without a word--> deleted, and the ledger says so
    CONFIRMED --its controller's term--> deleted

A verdict on the alarm is the decision, wherever it is given: here, or by a room over its line.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import dataclass, replace
from typing import Final, Protocol

from gateway.assembly.alarm_ways import Way, way_of
from gateway.assembly.alarms import alarm_event, hearers
from gateway.assembly.journal import Journal
from gateway.assembly.plans import Basis
from gateway.assembly.plate_book import HitBook
from gateway.assembly.plate_counts import GateCounts
from gateway.assembly.plate_seal import (
    Sealer,
    close_picture,
    close_secret,
    open_picture,
    open_secret,
)
from gateway.model.access import Action, Grant, Regime
from gateway.model.alarm import Alarm, AlarmRecord, AlarmVerdict
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import PeerError, StoreError, WireError
from gateway.model.hit import (
    RULE_HIT,
    SEVERITIES,
    GateHour,
    Hit,
    HitSecret,
    HitState,
    OpenHit,
    PlatePictures,
    read_detail,
    why_of,
)
from gateway.model.identifiers import uuid7
from gateway.model.plate import ListKind, Passage, Passing, PlateRead
from gateway.model.registry import Direction, RecipientKind, Registry, Zone
from gateway.model.retention import ceiling_h
from gateway.model.time import ClockQuality, Moment
from gateway.relay.alarms.outbox import FellBehindError, Outbox
from gateway.runtime.clock import Clock
from gateway.runtime.tally import Tally
from gateway.wire.onvif_mqtt import PlateHit, may_have_plates

log = logging.getLogger(__name__)

SAME_S: Final = 60.0
"""The same entry at the same gate within this time is the same incident."""
UNDECIDED_S: Final = 24 * 3_600.0
"""A hit on which nobody said a word is deleted (D.4)."""
TICK_S: Final = 2.0
MOST_DUE: Final = 256
"""Hits that wait in memory for a disk that refuses; the oldest gives way, and is counted."""
DISCARDING: Final = frozenset({AlarmVerdict.FALSE, AlarmVerdict.EXERCISE})


class Match(Protocol):
    """An entry of a hot list that a read fits."""

    @property
    def entry(self) -> str:
        """Its id."""
        ...

    @property
    def kind(self) -> ListKind:
        """Of its list."""
        ...

    @property
    def text(self) -> str:
        """The plate as it stands on the list."""
        ...

    @property
    def exact(self) -> bool:
        """False: it was found through an alternative of the read."""
        ...

    @property
    def needs_person(self) -> bool:
        """Whether a person has to compare it whatever the readers say."""
        ...

    @property
    def reason(self) -> str:
        """Why it is sought."""
        ...


class Lists(Sealer, Protocol):
    """The hot lists of this box."""

    def match(self, read: PlateRead, now: Moment) -> Match | None:
        """Return the entry that a read fits, in memory; None: nobody seeks it."""
        ...


async def no_pictures(_passage: Passage) -> PlatePictures | None:
    """Return no pictures: where nothing of a passage was kept for them."""
    return None


@dataclass(frozen=True, slots=True)
class PlateParts:
    """What the desk asks and writes to."""

    book: HitBook
    outbox: Outbox
    journal: Journal
    registry: Callable[[], Registry]
    lists: Lists | None
    """None: nothing is sought here."""
    basis: Callable[[str], Basis | None]
    """Under which act plates are read at a camera now; None: the camera is none of ours."""
    clock: Clock
    spawn: Callable[[Coroutine[None, None, None]], object]
    exercise: bool = False
    k: int = 10
    pictures: Callable[[Passage], Awaitable[PlatePictures | None]] = no_pictures
    changed: Callable[[], None] = lambda: None
    """Told when there may be something to bring to a room."""


@dataclass(frozen=True, slots=True)
class _Due:
    """A hit that the disk has not taken yet."""

    hit: Hit
    secret: bytes


class PlateDesk:
    """One for a box; `keep` runs until cancelled."""

    def __init__(self, parts: PlateParts) -> None:
        self._p = parts
        self.k = parts.k
        self.counts = GateCounts(parts.k, parts.clock.now)
        self._due: dict[str, _Due] = {}
        self._lately: dict[tuple[str, str], float] = {}
        """When an entry last crossed a gate, monotonic."""
        self._turn = asyncio.Lock()
        self._tally = Tally(log, parts.clock)
        self._disk = ""
        """Why the disk refused a hit; empty while it takes them."""
        self._foreign = ""
        """Why hits that are kept cannot be opened here; empty if all can."""

    # passages ------------------------------------------------------------------------------------

    async def passed(self, passage: Passage) -> None:
        """Take a finished passage; a hit is on disk and told when it returns.

        Never raises for a disk that refuses: the hit is tried again at every tick.
        """
        p = self._p
        self.counts.note(passage.zone, passage.passing, passage.crossed)
        if p.lists is None or not passage.read.text:
            return
        match = p.lists.match(passage.read, p.clock.now())
        if match is None or await self._is_repeat(passage, match):
            return
        basis = p.basis(passage.camera)
        if basis is None or not basis.act:  # the act ended while it passed
            return
        hit = _hit_of(passage, match, basis.act, p.clock.now())
        try:
            due = _Due(hit, close_secret(p.lists, _secret(passage, match), hit.id))
        except StoreError as error:
            self._refused(error)
            return
        while len(self._due) >= MOST_DUE:
            self._due.pop(next(iter(self._due)))
            self._tally.note("hit-dropped", camera=hit.camera)
        self._due[hit.id] = due
        made = asyncio.get_running_loop().create_future()
        p.spawn(self._fetch(passage, made))  # at once: the child keeps it for seconds
        await self._stored(hit.id)
        p.spawn(self._picture(made, hit.id))

    async def _is_repeat(self, passage: Passage, match: Match) -> bool:
        """Return whether the entry crossed this gate a moment ago, also before a restart."""
        key, now_s = (passage.zone, match.entry), passage.crossed.monotonic_s
        for old in [one for one, at_s in self._lately.items() if abs(now_s - at_s) > SAME_S]:
            del self._lately[old]
        known = key in self._lately
        self._lately[key] = now_s
        if known:
            return True
        try:
            last_us = await self._p.book.last(*key)
        except StoreError:
            return False
        return bool(last_us) and abs(passage.crossed.utc_us - last_us) <= SAME_S * 1e6

    async def _stored(self, hit_id: str) -> None:
        """Keep and tell a hit; what the disk refuses waits for the next tick."""
        due = self._due.get(hit_id)
        if due is None:
            return
        try:
            async with self._turn:
                if await self._p.book.put(due.hit, due.secret):
                    log.info("hit", extra={"alarm": hit_id, "camera": due.hit.camera})
                self._due.pop(hit_id, None)
                await self._tell(due.hit)
            self._disk = ""
        except StoreError as error:
            self._refused(error)

    def _refused(self, error: StoreError) -> None:
        self._disk = str(error)
        self._tally.note("hit-not-stored", problem=str(error))

    async def _fetch(self, passage: Passage, made: "asyncio.Future[PlatePictures | None]") -> None:
        """Ask for the pictures of a passage; without any the hit stands all the same."""
        pictures = None
        try:
            pictures = await self._p.pictures(passage)
        except (PeerError, WireError) as error:
            log.warning("no-plate-picture", extra={"problem": str(error)})
        finally:
            made.set_result(pictures)

    async def _picture(self, made: "asyncio.Future[PlatePictures | None]", hit_id: str) -> None:
        """Add the pictures to a hit, sealed."""
        pictures, lists = await made, self._p.lists
        if pictures is None or lists is None:
            return
        try:
            context, crop = (
                close_picture(lists, jpeg, f"{hit_id}/{name}") if jpeg else b""
                for name, jpeg in (("context", pictures.context), ("crop", pictures.crop))
            )
            await self._p.book.keep_pictures(hit_id, context, crop)
        except StoreError as error:
            log.warning("plate-picture-not-kept", extra={"alarm": hit_id, "problem": str(error)})

    async def keep_foreign(self, told: PlateHit, record: AlarmRecord) -> None:
        """Keep a plate that an edge brought, sealed, until somebody has decided on its alarm.

        StoreError if the disk refuses, or this room has no key to seal it with.
        """
        lists = self._p.lists
        if lists is None:
            raise StoreError("this room has no key for plates")
        kind, passing, lane, _ = read_detail(record.alarm.why.detail if record.alarm.why else "")
        hit = Hit(
            told.hit, record.alarm.camera, record.alarm.zone, lane, passing, "", kind,
            told.country, told.likelihood, True, told.at_utc_us, HitState.WAITING,
            told.plate_type, act=record.act, severity=record.alarm.severity,
        )  # fmt: skip
        secret = close_secret(lists, HitSecret(told.plate), hit.id)
        if await self._p.book.put(hit, secret, told=True):
            await self._p.journal.account(self._event("lpr.hit", Operation.COLLECTION, hit))
            await self.settle(hit.id)

    # telling -------------------------------------------------------------------------------------

    async def _tell(self, hit: Hit) -> None:
        """Raise the alarm of a hit, or tell it to those who may hear now; again changes nothing."""
        p = self._p
        alarm = _alarm_of(hit, p.clock.now(), exercise=p.exercise)
        way = self._way(alarm, hit)
        known = await p.outbox.find(hit.id)
        record = await p.outbox.raise_alarm(
            alarm, recipients=way.recipients, act=hit.act, near=way.near, plan=way.plan
        )
        if known is None:
            await p.journal.account(alarm_event("alarm.raise", record, p.registry()))
            await p.journal.account(self._event("lpr.hit", Operation.COLLECTION, hit))
        elif hit.state is HitState.CONFIRMED:
            record = await p.outbox.tell(hit.id, way.recipients) or record
        await self._address(record, hit)
        await p.book.told(hit.id)

    def _way(self, alarm: Alarm, hit: Hit) -> Way:
        """Return who hears now: of what is not certain, only rooms that work at this console."""
        p, registry = self._p, self._p.registry()
        basis = p.basis(hit.camera)
        hearing = hearers(hit.camera, basis.recipients if basis else (), registry)
        if hit.state is HitState.TO_VERIFY:
            home = [one for one in hearing if not one.broker and one.kind is RecipientKind.ROOM]
            return replace(way_of(alarm, home, registry), recipients=tuple(home), plan=())
        return way_of(alarm, hearing, registry)

    async def _address(self, record: AlarmRecord, hit: Hit) -> None:
        """Have the plate follow its alarm to every room that got it over a broker or a line."""
        if hit.state is HitState.TO_VERIFY:
            return
        known = self._p.registry().recipients
        rooms = [known[one] for one in record.recipients if one in known]
        wanted = [one.id for one in rooms if one.broker and may_have_plates(one)]
        if wanted and await self._p.book.address(hit.id, wanted):
            self._p.changed()

    # what a person asks --------------------------------------------------------------------------

    async def hits(self) -> list[Hit]:
        """Return the hits that are kept, the newest first."""
        return await self._p.book.all()

    async def find(self, hit_id: str) -> Hit | None:
        """Return a hit; None if there is none (any more)."""
        return await self._p.book.get(hit_id)

    async def open(self, hit_id: str, grant: Grant) -> OpenHit | None:
        """Return what a Grant for plates opens; None if there is nothing, or it is for another."""
        hit = await self._p.book.get(hit_id)
        kept = await self._p.book.kept(hit_id)
        request, lists = grant.request, self._p.lists
        is_right = request.action is Action.PLATES and hit is not None
        lasts = grant.expires.monotonic_s > self._p.clock.monotonic_s()
        if hit is None or kept is None or lists is None or not (is_right and lasts):
            return None
        if request.camera != hit.camera:
            return None
        context, crop = (
            open_picture(lists, sealed, f"{hit_id}/{name}") if sealed else b""
            for name, sealed in (("context", kept.context), ("crop", kept.crop))
        )
        return OpenHit(open_secret(lists, kept.secret, hit_id), PlatePictures(context, crop))

    def told_counts(self, zones: Collection[str]) -> list[GateHour]:
        """Return the figures of gates that may be told (A-29)."""
        known = self._p.registry().zones
        gates = {one: counted(known[one]) for one in zones if one in known}
        return self.counts.told(gates)

    async def settle(self, hit_id: str) -> None:
        """Do now what a verdict on the alarm demands; `keep` would do it in a moment."""
        record = await self._p.outbox.find(hit_id)
        if record is not None:
            await self.noted(record)

    # decisions -----------------------------------------------------------------------------------

    async def confirm(self, hit_id: str, by: str) -> bool:
        """Confirm a hit that is not certain, so that rooms elsewhere hear of it.

        False if nobody elsewhere would hear, or there is nothing to confirm: then the verdict on
        the alarm is the decision. The first counts.
        """
        hit = await self._p.book.get(hit_id)
        if hit is None or hit.state is not HitState.TO_VERIFY or not self._is_elsewhere(hit):
            return False
        await self._p.outbox.take(hit_id, by)
        return await self._confirmed(hit_id, by)

    def _is_elsewhere(self, hit: Hit) -> bool:
        basis = self._p.basis(hit.camera)
        hearing = hearers(hit.camera, basis.recipients if basis else (), self._p.registry())
        return any(one.broker for one in hearing)

    async def _confirmed(self, hit_id: str, by: str) -> bool:
        async with self._turn:
            hit = await self._p.book.confirm(hit_id, by, self._p.clock.now().utc_us)
            if hit is None:
                return False
            event = self._event("lpr.ack", Operation.CONSULTATION, hit)
            await self._p.journal.account(self._by(event, by))
            if not hit.certain:
                await self._tell(hit)
        return True

    async def _discarded(self, hit: Hit, by: str, error: str = "") -> None:
        """Delete what tells the plate; the ledger says that it is gone."""
        async with self._turn:
            if await self._p.book.drop(hit.id):
                log.info("hit-discarded", extra={"alarm": hit.id})
                event = self._event("lpr.discard", Operation.DELETION, hit)
                await self._p.journal.account(self._by(replace(event, error=error), by))

    async def noted(self, record: AlarmRecord) -> None:
        """Follow what became of an alarm; every alarm may be given."""
        if record.alarm.rule != RULE_HIT:
            return
        hit = await self._p.book.get(record.alarm.id)
        if hit is None:
            return
        if record.verdict in DISCARDING:
            await self._discarded(hit, record.closed_by)
        elif record.verdict is AlarmVerdict.CONFIRMED and hit.state is not HitState.CONFIRMED:
            await self._confirmed(hit.id, record.closed_by)
        else:
            await self._address(record, hit)

    # time ----------------------------------------------------------------------------------------

    @property
    def problem(self) -> str:
        """Why hits are not kept, or cannot be opened; empty while all is well."""
        return self._disk or self._foreign

    async def vouch(self) -> None:
        """See whether the hits that are kept open with this box's key, and say so if not."""
        lists, book = self._p.lists, self._p.book
        hits = await book.all() if lists is not None else []
        closed = 0
        for hit in hits:
            kept = await book.kept(hit.id)
            if kept is None or lists is None:
                continue
            try:
                open_secret(lists, kept.secret, hit.id)
            except StoreError:
                closed += 1
        self._foreign = (
            f"hits.db: {closed} of {len(hits)} hits are of another deployment, or plates.key was "
            "changed without plates.former_key: restore the key, or move the file away"
            if closed
            else ""
        )

    async def keep(self) -> None:
        """Follow alarms and let go what is over, until cancelled."""
        await self._contained(self.vouch())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            while True:
                await self._contained(self._sweep())
                await self._p.clock.sleep(TICK_S)

    async def _follow(self) -> None:
        async with self._p.outbox.changes() as changes:
            await self._contained(self.recover())
            while True:
                try:
                    record = await changes.receive()
                except FellBehindError:
                    await self._contained(self.recover())
                else:
                    await self._contained(self.noted(record))

    async def _contained(self, work: Coroutine[None, None, None]) -> None:
        """Await work; a disk that refuses is a problem to be told, and the next tick tries."""
        try:
            await work
        except StoreError as error:
            self._refused(error)

    async def recover(self) -> None:
        """Finish what a crash, or too many changes at once, left undone."""
        for hit in await self._p.book.untold():
            await self._tell(hit)
        for hit in await self._p.book.all():
            record = await self._p.outbox.find(hit.id)
            if record is not None:
                await self.noted(record)

    async def _sweep(self) -> None:
        for hit_id in tuple(self._due):
            await self._stored(hit_id)
        now = self._p.clock.now()
        for hit in await self._p.book.all():
            age_s = (now.utc_us - hit.crossed_utc_us) / 1e6
            if age_s >= SAME_S:
                await self._end(hit, now)
            if age_s >= self._term_s(hit):
                await self._discarded(hit, "", "expired")
        if self._foreign:
            await self.vouch()

    async def _end(self, hit: Hit, now: Moment) -> None:
        record = await self._p.outbox.find(hit.id)
        if record is not None and not record.ended_utc_us and hit.entry:
            await self._p.outbox.end(hit.id, now)

    def _term_s(self, hit: Hit) -> float:
        """Return how long a hit is kept; a confirmed one as long as the picture of an incident."""
        if hit.state is not HitState.CONFIRMED:
            return UNDECIDED_S
        registry = self._p.registry()
        camera = registry.cameras.get(hit.camera)
        if camera is None:
            return UNDECIDED_S
        hours = ceiling_h(registry.controller_of(camera), registry.sites[camera.site])
        return hours * 3_600.0

    # the ledger ----------------------------------------------------------------------------------

    def _event(self, code: str, operation: Operation, hit: Hit) -> LedgerEvent:
        """Return an entry about a hit: the entry of the list, never the plate."""
        registry = self._p.registry()
        camera = registry.cameras.get(hit.camera)
        return LedgerEvent(
            code,
            operation,
            Regime.LED,
            object_type="hotlist-entry",
            object_id=hit.entry or hit.id,
            case_ref=hit.id,
            controller=registry.controller_of(camera).id if camera else "",
            zone=hit.zone,
            camera=hit.camera,
            legal_basis_id=hit.act,
            policy_version=registry.version,
        )

    def _by(self, event: LedgerEvent, by: str) -> LedgerEvent:
        if not by:
            return event
        user = self._p.registry().users.get(by)
        role, org = (user.role.value, user.organisation) if user is not None else ("", "")
        return replace(event, actor_id=by, actor_type="human", role=role, org=org)


def counted(zone: Zone) -> frozenset[Passing]:
    """Return the directions that a gate reads, as the city sees them."""
    if Direction.BOTH in (zone.direction, zone.inbound):
        return frozenset(Passing)
    return frozenset({Passing.IN if zone.direction is zone.inbound else Passing.OUT})


def _hit_of(passage: Passage, match: Match, act: str, now: Moment) -> Hit:
    read = passage.read
    certain = read.certain and match.exact and not match.needs_person
    return Hit(
        uuid7(now.utc_us, os.urandom(10)),
        passage.camera,
        passage.zone,
        passage.lane,
        passage.passing,
        match.entry,
        match.kind,
        read.country,
        read.confidence,
        certain,
        passage.crossed.utc_us,
        HitState.WAITING if certain else HitState.TO_VERIFY,
        read.plate_type,
        match.exact,
        act,
        SEVERITIES[match.kind],
        passage.box,
    )


def _secret(passage: Passage, match: Match) -> HitSecret:
    read = passage.read
    others = tuple((one.text, one.probability) for one in read.alternatives)
    return HitSecret(read.text, match.text, others, read.signs, match.reason)


def _alarm_of(hit: Hit, now: Moment, *, exercise: bool) -> Alarm:
    ago_s = (now.utc_us - hit.crossed_utc_us) / 1e6
    crossed = Moment(now.monotonic_s - ago_s, hit.crossed_utc_us, ClockQuality.SYNCHRONISED)
    return Alarm(
        hit.id,
        hit.camera,
        hit.zone,
        RULE_HIT,
        hit.severity,
        crossed,
        (hit.box,) if hit.box else (),
        exercise,
        why=why_of(hit),
    )
