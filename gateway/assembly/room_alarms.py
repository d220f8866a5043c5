# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Alarms between an edge and a room, joined: the room's desk, and the edge's ear for the room.

The room keeps what edges bring as alarms of its own book, so that lists, changes and the gate
know no difference. Beside them it raises alarms about the lines themselves: one that fell, and a
log that does not continue what was seen. Those have no camera; their zone is the edge.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

from gateway.assembly.alarms import alarm_event
from gateway.assembly.journal import Journal
from gateway.assembly.room_witness import RULE_FORK
from gateway.model.access import Regime
from gateway.model.alarm import Alarm, AlarmRecord, AlarmState, AlarmVerdict
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import PeerError, RefusedError, StoreError, WireError
from gateway.model.holdup import is_holdup
from gateway.model.identifiers import ID_FORM, uuid7
from gateway.model.registry import Edge, RecipientKind, Registry
from gateway.model.room import ASSERTION, SEPARATOR, Caller, Handler, LinePeer, Reply, at_edge
from gateway.model.time import Moment
from gateway.relay.alarms.book_rows import Answer
from gateway.relay.alarms.groups import near_cameras
from gateway.relay.alarms.outbox import Outbox
from gateway.room.alarms import (
    MOST_ASKED,
    STATES,
    VERDICT,
    Fate,
    Intake,
    IntakeParts,
    Judgement,
    Offers,
    VerdictQueue,
    answer_row,
    ask_fates,
    fate_row,
    send_verdict,
    verdict_of,
)
from gateway.room.answers import TAKEN, AnswerQueue, send_answer
from gateway.room.inbox import Inbox
from gateway.room.mqtt_line import ALARM, NOT_YET, PLATE
from gateway.room.plates import KeepPlate, PlateIntake, PlateIntakeParts
from gateway.room.store import RoomStore
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

RULE_LINE: Final = "linea-interrotta"
SEVERITIES: Final[Mapping[str, int]] = {RULE_LINE: 3, RULE_FORK: 4}
TICK_S: Final = 0.5
SETTLE_S: Final = 1.0
"""A line that is dialled anew at once, with another address, is no outage."""
START_S: Final = 60.0
"""After a start edges come back within their longest wait; who does not is missing."""
FATES_S: Final = 5.0
"""How often an edge is asked what became of its alarms that still live here."""
PRUNE_S: Final = 3_600.0
KEPT_US: Final = 30 * 86_400_000_000
"""How long the inbox remembers that an alarm came, and the queue a verdict that arrived."""
SAY_AGAIN_S: Final = 60.0
"""A refusal of one kind is one entry of the log in this time, whatever an edge sends."""
MOST_SAID: Final = 1_000


@dataclass(frozen=True, slots=True)
class RoomParts:
    """What the room's desk works with."""

    store: RoomStore
    """With the tables of `room.inbox` and `room.alarms`."""
    outbox: Outbox
    journal: Journal
    registry: Callable[[], Registry]
    """With what edges offer laid over it."""
    offer: Offers
    caller: Callable[[str], Caller]
    is_up: Callable[[str], bool]
    """Whether an edge's line stands now."""
    clock: Clock
    exercise: bool = False
    keep_plate: KeepPlate | None = None
    """Keeps a plate that an edge brings; without it this room takes none."""


class RoomAlarms:
    """The room's side; `keep` runs until cancelled."""

    def __init__(self, parts: RoomParts) -> None:
        self._parts = parts
        self.inbox = Inbox(parts.store, parts.clock)
        self.queue = VerdictQueue(parts.store, parts.clock)
        self.answers = AnswerQueue(parts.store, parts.clock)
        intake = IntakeParts(
            self.inbox, parts.outbox, self._edge, parts.offer,
            parts.caller, parts.clock, self._adopted, self.refused, self._near,
        )  # fmt: skip
        self._intake = Intake(intake)
        self._said: dict[tuple[str, str], float] = {}
        self._standing: dict[tuple[str, str], str] = {}
        """Alarms about lines that go on, by edge and rule."""
        self._recalled = False
        self._down_s: dict[str, float] = {}
        """Since when an edge's line does not stand, seen by us."""
        self._turn = asyncio.Lock()
        self._line_turned, self._queue_turned = asyncio.Event(), asyncio.Event()
        self._asked_s = -FATES_S
        self._pruned_s = float("-inf")
        self._prunes_inbox = True
        self._recovered = False
        self._problems: dict[str, str] = {}
        """Of each of the two rounds, while the disk refuses."""

    def _edge(self, id_: str) -> Edge | None:
        return self._parts.registry().edges.get(id_)

    def handlers(self) -> dict[str, Handler]:
        """Return what edges may ask here."""
        parts = self._parts
        if parts.keep_plate is None:
            return {ALARM: self._intake.alarm}
        plates = PlateIntake(
            PlateIntakeParts(parts.outbox, self._edge, parts.keep_plate, self.refused)
        )
        return {ALARM: self._intake.alarm, PLATE: plates.plate}

    def wake(self, _peer: LinePeer | None = None) -> None:
        """Look at lines and queues at once: one came or went. Never waits."""
        self._line_turned.set()
        self._queue_turned.set()

    @property
    def problem(self) -> str:
        """Return why the disk refused what must be kept; empty while it takes it."""
        return next(filter(None, self._problems.values()), "")

    # what edges bring ----------------------------------------------------------------------------

    def _near(self, camera: str) -> frozenset[str]:
        return near_cameras(camera, self._parts.registry())

    async def _adopted(self, record: AlarmRecord) -> None:
        event = alarm_event("alarm.raise", record, self._parts.registry())
        await self._parts.journal.account(
            replace(event, operation=Operation.COLLECTION, channel="line")
        )

    async def refused(self, edge: str, alarm: str, code: str) -> None:
        """Write down what an edge wanted us to take; one entry a minute says it.

        `alarm`: the id that it gave, or nothing.
        """
        now_s = self._parts.clock.monotonic_s()
        if now_s - self._said.get((edge, code), -SAY_AGAIN_S) < SAY_AGAIN_S:
            return
        if len(self._said) >= MOST_SAID:
            self._said.clear()
        self._said[edge, code] = now_s
        refused = _about(edge, "line.refuse", result="denied", error=code)
        await self._parts.journal.account(replace(refused, case_ref=alarm))

    # verdicts ------------------------------------------------------------------------------------

    async def judge(self, alarm_id: str, by: str, verdict: AlarmVerdict) -> None:
        """Keep a verdict on an edge's alarm for its edge, before our own book has it.

        Does nothing for an alarm of this box. StoreError if the disk refuses: ask again.
        """
        record = await self._parts.outbox.find(alarm_id)
        if record is None or record.verdict is not AlarmVerdict.NONE:
            return
        edge, _ = at_edge(record.alarm.camera)
        if edge:
            await self.queue.put(alarm_id, edge, verdict, by)
            self._queue_turned.set()

    async def taken(self, alarm_id: str, by: str) -> None:
        """Keep a person's answer to an edge's alarm for its edge, before our own book has it.

        Does nothing for an alarm of this box. StoreError if the disk refuses: ask again.
        """
        record = await self._parts.outbox.find(alarm_id)
        if record is None or record.taken_utc_us:
            return
        edge, _ = at_edge(record.alarm.camera)
        if edge:
            await self.answers.put(alarm_id, edge, by)
            self._queue_turned.set()

    async def _recover(self) -> None:
        """Give our own book the answers and verdicts that a crash kept from it."""
        for answer in await self.answers.waiting(MOST_ASKED):
            await self._parts.outbox.take(answer.alarm, answer.by, at_utc_us=answer.utc_us)
        for one in await self.queue.waiting(MOST_ASKED):
            await self._parts.outbox.close(one.alarm, one.by, one.verdict)

    async def _recall(self) -> None:
        """Go on with the alarms about lines that the previous process left, before any other."""
        if self._recalled:
            return
        for record in await self._parts.outbox.living_of(""):
            if not record.ended_utc_us:
                self._standing[record.alarm.zone, record.alarm.rule] = record.alarm.id
        self._recalled = True

    async def _send(self) -> None:
        """Bring what waits to the edges whose lines stand, side by side."""
        waiting: dict[str, list[Any]] = {}
        both: list[Any] = [*await self.answers.waiting(), *await self.queue.waiting()]
        for one in both:
            if self._parts.is_up(one.edge):
                waiting.setdefault(one.edge, []).append(one)
        async with asyncio.TaskGroup() as group:
            for edge, own in waiting.items():
                group.create_task(self._send_to(edge, own))

    async def _send_to(self, edge: str, waiting: list[Any]) -> None:
        try:
            for one in waiting:
                if isinstance(one, Judgement):
                    await send_verdict(self.queue, one, self._parts.caller(edge))
                else:
                    await send_answer(self.answers, one, self._parts.caller(edge))
        except PeerError as error:
            log.info("verdict-waits", extra={"edge": edge, "problem": str(error)})

    # what became of them -------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Ask edges what became of the alarms that live here, and keep those alive that last."""
        living: dict[str, list[str]] = {}
        for record in await self._parts.outbox.living_of(f"*{SEPARATOR}*"):
            edge, _ = at_edge(record.alarm.camera)
            if self._parts.is_up(edge):
                living.setdefault(edge, []).append(record.alarm.id)
        async with asyncio.TaskGroup() as group:
            for edge, ids in living.items():
                group.create_task(self._ask(edge, ids))

    async def _ask(self, edge: str, ids: list[str]) -> None:
        try:
            for at in range(0, len(ids), MOST_ASKED):
                some = ids[at : at + MOST_ASKED]
                for fate in await ask_fates(self._parts.caller(edge), some):
                    await self._apply(edge, fate)
        except PeerError as error:
            log.info("fates-not-told", extra={"edge": edge, "problem": str(error)})

    async def _apply(self, edge: str, fate: Fate) -> None:
        """Let our book follow; the edge is believed about its own alarms alone."""
        record = await self._parts.outbox.find(fate.alarm)
        if record is None or at_edge(record.alarm.camera)[0] != edge:
            return
        now = self._parts.clock.now()
        if fate.known and not fate.ended_utc_us:
            self._parts.outbox.touch(fate.alarm)
        elif not record.ended_utc_us:
            ended_us = fate.ended_utc_us or now.utc_us
            await self._parts.outbox.end(fate.alarm, Moment(now.monotonic_s, ended_us))
        if not record.taken_utc_us:
            await self._follow_answer(edge, record, fate)
        if fate.verdict is not AlarmVerdict.NONE and record.verdict is AlarmVerdict.NONE:
            closed = await self._parts.outbox.close(fate.alarm, edge, fate.verdict)
            if closed is not None:
                event = alarm_event("alarm.close", closed, self._parts.registry())
                await self._parts.journal.account(
                    replace(event, actor_id=edge, actor_type="device", channel="line",
                            reason_text=fate.verdict.value)
                )  # fmt: skip

    async def _follow_answer(self, edge: str, record: AlarmRecord, fate: Fate) -> None:
        """Show that somebody else answers, or when it goes on; whose answer it is is not told."""
        told = (fate.taken_utc_us, fate.escalates_utc_us, fate.step)
        if told == (0, record.escalates_utc_us, record.step):
            return
        after = await self._parts.outbox.follow(fate.alarm, Answer(told[0], edge, *told[1:]))
        if after is not None and after.taken_utc_us and after.taken_by == edge:
            event = alarm_event("alarm.ack", after, self._parts.registry())
            await self._parts.journal.account(
                replace(event, actor_id=edge, actor_type="device", channel="line")
            )

    # the lines themselves ------------------------------------------------------------------------

    async def raise_line(self, edge: str, rule: str, problem: str) -> bool:
        """Raise an alarm about an edge; False if this one goes on. StoreError: the disk refuses."""
        async with self._turn:
            await self._recall()
            if (standing := self._standing.get((edge, rule))) is not None:
                self._parts.outbox.touch(standing)
                return False
            known = self._edge(edge)
            if known is None:
                return False
            now = self._parts.clock.now()
            alarm = Alarm(
                uuid7(now.utc_us, os.urandom(10)), camera="", zone=edge, rule=rule,
                severity=SEVERITIES.get(rule, 3), raised=now, exercise=self._parts.exercise,
            )  # fmt: skip
            made = await self._parts.outbox.adopt(alarm, recipients=known.organisations, act="")
            self._standing[edge, rule] = alarm.id
        log.warning("line-alarm", extra={"edge": edge, "rule": rule, "problem": problem})
        if made is not None:
            event = alarm_event("alarm.raise", made.record, self._parts.registry())
            await self._parts.journal.account(replace(event, reason_text=problem[:200]))
        return True

    async def end_line(self, edge: str, rule: str) -> None:
        """End the alarm about an edge if there is one; StoreError if the disk refuses."""
        async with self._turn:
            await self._recall()
            standing = self._standing.get((edge, rule))
            if standing is not None:
                await self._parts.outbox.end(standing, self._parts.clock.now())
                del self._standing[edge, rule]

    async def _watch(self, began_s: float) -> None:
        """Raise and end alarms about lines that fell."""
        async with self._turn:
            await self._recall()
        now_s = self._parts.clock.monotonic_s()
        edges = {one.id: one for one in self._parts.registry().edges.values() if _is_awaited(one)}
        for edge, rule in tuple(self._standing):
            if edge not in edges or (rule == RULE_LINE and self._parts.is_up(edge)):
                await self.end_line(edge, rule)
            else:
                self._parts.outbox.touch(self._standing[edge, rule])
        for edge in tuple(self._down_s):
            if edge not in edges:
                del self._down_s[edge]
        for edge in edges:
            if self._parts.is_up(edge):
                self._down_s[edge] = -1.0
            elif (since_s := self._down_s.setdefault(edge, began_s + START_S)) < 0:
                self._down_s[edge] = now_s
            elif now_s - since_s >= SETTLE_S:
                await self.raise_line(edge, RULE_LINE, "the line is down")

    # all of it -----------------------------------------------------------------------------------

    async def keep(self) -> NoReturn:
        """Look after lines and queues until cancelled; a disk that refuses is asked again.

        Each by itself: an edge that does not answer must not hide that another one's line broke.
        """
        began_s = self._parts.clock.monotonic_s()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat("queues", self._exchange, self._queue_turned))
            await self._repeat("lines", lambda: self._watch(began_s), self._line_turned)

    async def _repeat(
        self, name: str, once: Callable[[], Awaitable[None]], turned: asyncio.Event
    ) -> NoReturn:
        """Do one kind of round again and again, soon after something happened."""
        while True:
            try:
                await once()
                self._problems[name] = ""
            except* StoreError as group:  # out of a round's own tasks as well
                problem = _first_words(group)
                if problem != self._problems.get(name):
                    log.error("room-alarms-not-stored", extra={"problem": problem})  # noqa: TRY400 - the trace says nothing more
                self._problems[name] = problem
            await self._pause(turned)

    async def _pause(self, turned: asyncio.Event) -> None:
        """Wait for the next turn, until a line has been down for long enough, or for an event."""
        async with asyncio.TaskGroup() as group:
            waits = [
                group.create_task(self._parts.clock.sleep(self._left_s())),
                group.create_task(_until(turned)),
            ]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for one in waits:
                one.cancel()
        turned.clear()

    def _left_s(self) -> float:
        """Return how long nothing is due."""
        now_s = self._parts.clock.monotonic_s()
        dues_s = (since_s + SETTLE_S - now_s for since_s in self._down_s.values() if since_s >= 0)
        return min((TICK_S, *(due_s for due_s in dues_s if due_s > 0)))

    async def _exchange(self) -> None:
        """Bring verdicts, fetch fates."""
        if not self._recovered:
            await self._recover()
            self._recovered = True
        await self._send()
        now_s = self._parts.clock.monotonic_s()
        if now_s - self._asked_s >= FATES_S:
            self._asked_s = now_s
            await self._follow()
        if now_s - self._pruned_s >= PRUNE_S:
            self._pruned_s = now_s
            await self._prune()

    async def _prune(self) -> None:
        """Forget what came in and was answered long ago; our own book goes on knowing it."""
        before_us = self._parts.clock.now().utc_us - KEPT_US
        await self.queue.prune(before_us)
        await self.answers.prune(before_us)
        if not self._prunes_inbox:
            return
        try:
            await self.inbox.prune(before_us)
        except StoreError as error:  # on PostgreSQL its owner drops months, and we may not
            self._prunes_inbox = False
            log.info("inbox-not-pruned", extra={"problem": str(error)})

    async def step(self, began_s: float) -> None:
        """Do one round of each; `began_s`: since when edges have had time to dial, monotonic."""
        await self._watch(began_s)
        await self._exchange()


def _first_words(group: BaseExceptionGroup[StoreError]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)


async def _until(event: asyncio.Event) -> None:
    await event.wait()


def _is_awaited(edge: Edge) -> bool:
    """Return whether an edge should be on its line: enrolled, and not revoked."""
    return edge.enabled and bool(edge.certificate_sha256)


def _about(edge: str, event: str, *, result: str, error: str) -> LedgerEvent:
    return LedgerEvent(
        event, Operation.NONE, Regime.GDPR, result=result, error=error, actor_id=edge,
        actor_type="device", object_type="edge", object_id=edge, channel="line",
    )  # fmt: skip


# the edge's side ------------------------------------------------------------------------------


Answering = Callable[[AlarmRecord, AlarmVerdict, str, str], Awaitable[bool]]
"""Alarm, verdict, who gives it, and which recipient; False: nobody asks that one first."""


async def nobody_asks(
    record: AlarmRecord, verdict: AlarmVerdict, by: str, organisation: str
) -> bool:
    """Leave every verdict what it is."""
    del record, verdict, by, organisation
    return False


@dataclass(frozen=True, slots=True)
class EdgeParts:
    """What a room's word on our alarms changes."""

    outbox: Outbox
    journal: Journal
    registry: Callable[[], Registry]
    recipient: str
    """Which recipient of our registry the room is: it hears of no other's alarms."""
    confirm: Callable[[str], object] = lambda _: None
    """Lets the picture of a confirmed alarm live as long as its controller's term."""
    answer: Answering = nobody_asks
    """Takes the word of a monitoring centre on a hold-up that waits for it (HoldupDesk)."""


class EdgeAlarms:
    """What one room may ask of this edge about alarms that it was sent."""

    def __init__(self, parts: EdgeParts) -> None:
        self._parts = parts
        self._turn = asyncio.Lock()

    def handlers(self) -> dict[str, Handler]:
        """Return what the room may ask here."""
        return {VERDICT: self.verdict, TAKEN: self.taken, STATES: self.states}

    async def _own(self, alarm_id: str) -> AlarmRecord | None:
        """Return an alarm that this room was sent, and no other."""
        record = await self._parts.outbox.find(alarm_id)
        return record if record and self._parts.recipient in record.recipients else None

    async def taken(self, peer: LinePeer, body: Mapping[str, Any], blob: bytes) -> Reply:
        """Note that a person of the room answers an alarm; again changes nothing."""
        del blob
        alarm_id, by, utc_us = body.get("alarm"), body.get("by"), body.get("utc_us", 0)
        if not isinstance(alarm_id, str) or not isinstance(by, str) or not ID_FORM.match(by):
            raise WireError("taken: without an alarm or a person")
        if type(utc_us) is not int or not 0 <= utc_us < 1 << 53:
            raise WireError("taken: a strange time")
        async with self._turn:
            try:
                return await self._take(alarm_id, f"{peer.id}:{by}", utc_us)
            except StoreError as error:
                raise RefusedError(NOT_YET, "this box cannot store it now") from error

    async def _take(self, alarm_id: str, by: str, utc_us: int) -> Reply:
        before = await self._own(alarm_id)
        if before is None:
            raise RefusedError("unknown-alarm", "this room was sent no such alarm")
        recipient = self._parts.recipient
        record = await self._parts.outbox.take(
            alarm_id, by, organisation=recipient, at_utc_us=utc_us
        )
        record = record or before
        if not before.taken_utc_us and record.taken_by == by:
            await self._account(record, by, "alarm.ack")
        return Reply({"taken": record.taken_utc_us})

    async def verdict(self, peer: LinePeer, body: Mapping[str, Any], blob: bytes) -> Reply:
        """Close an alarm with the word of a person of the room; again changes nothing."""
        del blob
        alarm_id, by, verdict = body.get("alarm"), body.get("by"), verdict_of(body.get("verdict"))
        if not isinstance(alarm_id, str) or not isinstance(by, str) or not ID_FORM.match(by):
            raise WireError("verdict: without an alarm or a person")
        if verdict is AlarmVerdict.NONE:
            raise WireError("verdict: none was given")
        async with self._turn:
            try:
                return await self._close(alarm_id, f"{peer.id}:{by}", verdict)
            except StoreError as error:
                raise RefusedError(NOT_YET, "this box cannot store it now") from error

    async def _close(self, alarm_id: str, by: str, verdict: AlarmVerdict) -> Reply:
        before = await self._own(alarm_id)
        if before is None:
            raise RefusedError("unknown-alarm", "this room was sent no such alarm")
        if await self._parts.answer(before, verdict, by, self._parts.recipient):
            return Reply({"verdict": verdict.value})
        if not self._may_close(before):
            raise RefusedError("not-authorised", "an institute's verdict closes no alarm of others")
        recipient = self._parts.recipient
        closed = await self._parts.outbox.close(alarm_id, by, verdict, organisation=recipient)
        record = closed or before
        if before.verdict is AlarmVerdict.NONE:
            await self._account(record, by)
            if record.verdict is AlarmVerdict.CONFIRMED:
                await self._keep_picture(alarm_id)
        return Reply({"verdict": record.verdict.value})

    def _may_close(self, record: AlarmRecord) -> bool:
        """Return whether this room's word is one: an institute's only where no room was called.

        Whatever its own box let its people do, it must not end a call that reached the police.
        """
        known = self._parts.registry().recipients
        kinds = {
            one: known[one].kind if one in known else RecipientKind.ROOM
            for one in (self._parts.recipient, *record.recipients)
        }
        if kinds[self._parts.recipient] is not RecipientKind.INSTITUTE:
            return True
        return is_holdup(record) and set(kinds.values()) == {RecipientKind.INSTITUTE}

    async def _account(self, record: AlarmRecord, by: str, what: str = "alarm.close") -> None:
        event = alarm_event(what, record, self._parts.registry())
        await self._parts.journal.account(
            replace(
                event, actor_id=by, actor_type="human", org=self._parts.recipient,
                auth_method=ASSERTION, channel="line", reason_text=record.verdict.value,
            )
        )  # fmt: skip

    async def _keep_picture(self, alarm_id: str) -> None:
        try:
            await asyncio.to_thread(self._parts.confirm, alarm_id)
        except StoreError as error:
            log.warning("still-not-confirmed", extra={"problem": str(error)})

    async def states(self, peer: LinePeer, body: Mapping[str, Any], blob: bytes) -> Reply:
        """Tell what became of alarms that the room was sent; of any other as if it were none."""
        del peer, blob
        ids = body.get("ids")
        if not isinstance(ids, list) or len(ids) > MOST_ASKED:
            raise WireError("alarms: no list of ids")
        fates: list[Fate] = []
        for alarm_id in ids:
            if not isinstance(alarm_id, str):
                raise WireError("alarms: an id that is none")
            try:
                record = await self._own(alarm_id)
            except StoreError as error:
                raise RefusedError(NOT_YET, "this box cannot store it now") from error
            fates.append(_fate_of(alarm_id, record))
        answers = [answer_row(one) for one in fates if one.known]
        return Reply({"states": [fate_row(one) for one in fates], "answers": answers})


def _fate_of(alarm_id: str, record: AlarmRecord | None) -> Fate:
    if record is None:
        return Fate(alarm_id, False, 0, AlarmVerdict.NONE)
    verdict = record.verdict if record.state is AlarmState.CLOSED else AlarmVerdict.NONE
    return Fate(
        alarm_id,
        True,
        record.ended_utc_us,
        verdict,
        taken_utc_us=record.taken_utc_us,
        escalates_utc_us=record.escalates_utc_us,
        step=record.step,
    )
