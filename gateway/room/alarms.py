# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Alarms that edges bring over their lines, and the verdicts that go back.

In: `Intake` commits an alarm to the inbox, then has the room's own book adopt it as an alarm of
the camera `EDGE.CAMERA`, and only then answers. The same message again changes nothing.

Back: a verdict is in `VerdictQueue` before the room's own book has it, so that neither is lost by
whatever comes between; `send_verdicts` repeats it until the edge has answered.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from gateway.model.alarm import Adopted, Alarm, AlarmRecord, AlarmVerdict
from gateway.model.errors import PeerError, RefusedError, StoreError, WireError
from gateway.model.identifiers import ID_FORM
from gateway.model.registry import Edge
from gateway.model.room import Caller, LinePeer, Offer, OfferedCamera, Reply, at_room
from gateway.model.time import ClockQuality, Moment
from gateway.room.inbox import Inbox
from gateway.room.mqtt_line import ACKS, NOT_YET, message_of
from gateway.room.store import Database, RoomStore
from gateway.runtime.clock import Clock
from gateway.runtime.tally import Tally
from gateway.wire.onvif_mqtt import (
    Acknowledgement,
    AlarmNotice,
    Phase,
    ack_payload,
    ack_topic,
    parse_event,
)

log = logging.getLogger(__name__)

VERDICT: Final = "verdict"
STATES: Final = "alarms?"
"""room → edge {ids} → {states: [[id, state, ended_utc_us, verdict], …], answers: [[id,
taken_utc_us, escalates_utc_us, step], …]}: what became of them, and whether somebody answers."""
UNKNOWN: Final = "ignoto"
"""State of an alarm that the edge does not know, or that is not for this room."""
MOST_ASKED: Final = 256
"""Alarms in one question."""
MOST_NEW: Final = 5_000
"""Alarms that an edge may raise in one go: a bad night without its line ..."""
NEW_S: Final = 2.0
"""... and then one in so many seconds; the others wait at the edge."""
FLOOD: Final = "flood"
MOST_SENT: Final = 64
"""Verdicts of one edge in one round."""
VERDICT_S: Final = 20.0

SCHEMA: Final = """
create table if not exists verdict(
  alarm text not null primary key, edge text not null, verdict text not null,
  actor text not null, utc_us bigint not null,
  sent_utc_us bigint not null default 0, problem text not null default ''
);
create index if not exists verdict_waiting on verdict(edge, utc_us) where sent_utc_us = 0;
"""


class Book(Protocol):
    """The room's own alarms, as this file needs them."""

    async def find(self, alarm_id: str) -> AlarmRecord | None:
        """Return an alarm however old it is."""
        ...

    async def adopt(
        self,
        alarm: Alarm,
        *,
        recipients: Sequence[str],
        act: str,
        ended_utc_us: int = 0,
        near: Collection[str] = (),
    ) -> Adopted | None:
        """Take over an alarm or its end, durably; None if the id is another camera's alarm's."""
        ...


Offers = Callable[[str], Offer | None]
"""What an edge offers now; None if it has not said so yet."""


@dataclass(frozen=True, slots=True)
class IntakeParts:
    """What alarms are checked against, and where they go."""

    inbox: Inbox
    book: Book
    edge: Callable[[str], Edge | None]
    """An edge by id, as the registry knows it."""
    offer: Offers
    caller: Callable[[str], Caller]
    clock: Clock
    adopted: Callable[[AlarmRecord], Awaitable[None]]
    """Told of each alarm that is new here, once, after it is on disk."""
    refused: Callable[[str, str, str], Awaitable[None]]
    """Told of edge, alarm and code of what was not taken; no more than a few a minute."""
    near: Callable[[str], Collection[str]] = lambda _: ()
    """Cameras whose alarms may be of the same incident, by a camera's id."""


class Intake:
    """Takes what edges bring; `alarm` is the handler of that kind."""

    def __init__(self, parts: IntakeParts) -> None:
        self._parts = parts
        self._tally = Tally(log, parts.clock)
        self._left: dict[str, tuple[float, float]] = {}
        """By edge, how many new alarms it may raise, and when that was so."""

    async def alarm(self, peer: LinePeer, body: Mapping[str, Any], blob: bytes) -> Reply:
        """Commit one alarm, or its end, and acknowledge it; RefusedError says why not."""
        del blob
        message = message_of(body)
        prefix, notice = parse_event(message.topic, message.payload)
        try:
            await self._take(peer.id, prefix, notice)
        except RefusedError as error:
            fields = {"edge": peer.id, "alarm": notice.alarm, "camera": notice.camera}
            self._tally.note("alarm-not-taken", **fields, problem=str(error))
            if error.code != NOT_YET:
                await self._parts.refused(peer.id, notice.alarm, error.code)
            raise
        ids = {notice.phase: (notice.alarm,)}
        ack = Acknowledgement(ids.get(Phase.RAISED, ()), ids.get(Phase.ENDED, ()))
        answer = {"topic": ack_topic(prefix, peer.id), "payload": ack_payload(ack).decode()}
        self._parts.caller(peer.id).tell(ACKS, answer)
        return Reply()

    async def _take(self, edge_id: str, prefix: str, notice: AlarmNotice) -> None:
        parts = self._parts
        edge = parts.edge(edge_id)
        if edge is None or not edge.enabled:
            raise RefusedError("not-authorised", f"edge {edge_id} is not one of this room")
        if notice.box != edge_id:
            raise RefusedError("not-yours", f"edge {edge_id} brings an alarm of {notice.box}")
        if not ID_FORM.match(notice.camera):
            raise RefusedError("not-offered", f"edge {edge_id}: a camera's id is no id")
        offered = self._offered(edge_id, notice.camera)
        try:
            if offered is None:
                await self._insist_known(edge_id, notice)
            await self._insist_patient(edge_id, notice)
            await parts.inbox.take([(prefix, notice)])
            made = await parts.book.adopt(
                self._alarm(edge_id, notice),
                recipients=edge.organisations,
                act=self._act(edge_id, offered),
                ended_utc_us=max(notice.at_utc_us, 1) if notice.phase is Phase.ENDED else 0,
                near=parts.near(at_room(edge_id, notice.camera)),
            )
        except StoreError as error:
            raise RefusedError(NOT_YET, "this room cannot store it now") from error
        if made is None:
            raise RefusedError("not-yours", f"edge {edge_id}: the id of another alarm")
        if made.is_new:
            await parts.adopted(made.record)

    async def _insist_patient(self, edge: str, notice: AlarmNotice) -> None:
        """Have an edge wait that raises more than anybody could look at; what we have may come."""
        if await self._parts.book.find(notice.alarm) is not None:
            return
        now_s = self._parts.clock.monotonic_s()
        left, at_s = self._left.get(edge, (float(MOST_NEW), now_s))
        left = min(MOST_NEW, left + (now_s - at_s) / NEW_S)
        if left < 1:
            self._left[edge] = (left, now_s)
            await self._parts.refused(edge, notice.alarm, FLOOD)
            raise RefusedError(NOT_YET, f"edge {edge} raises too many alarms")
        self._left[edge] = (left - 1, now_s)

    def _offered(self, edge: str, camera: str) -> OfferedCamera | None:
        """Return what the edge offers under this name."""
        offer = self._parts.offer(edge)
        if offer is None:
            return None
        return next((one for one in offer.cameras if one.id == camera), None)

    async def _insist_known(self, edge: str, notice: AlarmNotice) -> None:
        """Refuse an alarm of a camera that is not offered, unless it is one that we have."""
        camera = at_room(edge, notice.camera)
        known = await self._parts.book.find(notice.alarm)
        if known is not None and known.alarm.camera == camera:
            return
        if self._parts.offer(edge) is None:
            raise RefusedError(NOT_YET, f"edge {edge} has not said yet what it offers")
        raise RefusedError("not-offered", f"camera {camera} is not offered to this room")

    def _act(self, edge: str, offered: OfferedCamera | None) -> str:
        """Return the act under which it is disclosed, as this room names it: one in force."""
        acts = offered.acts if offered is not None else ()
        now_us = self._parts.clock.now().utc_us
        in_force = [one for one in acts if one.from_utc_us <= now_us < one.until_utc_us]
        return at_room(edge, (in_force or acts)[0].id) if acts else ""

    def _alarm(self, edge: str, notice: AlarmNotice) -> Alarm:
        """Return the alarm as one of this room; an exercise stays one, whoever forgets to say."""
        now, offer = self._parts.clock.now(), self._parts.offer(edge)
        raised_us = min(notice.raised_utc_us, now.utc_us)  # an edge whose clock is ahead
        ago_s = (now.utc_us - raised_us) / 1_000_000
        return Alarm(
            id=notice.alarm,
            camera=at_room(edge, notice.camera),
            zone=at_room(edge, notice.zone),
            rule=notice.rule,
            severity=notice.severity,
            raised=Moment(now.monotonic_s - ago_s, raised_us, ClockQuality.UNSYNCHRONISED),
            exercise=notice.exercise or (offer is not None and offer.exercise),
            also=tuple(
                at_room(edge, one)
                for one in notice.also
                if one != notice.camera and self._offered(edge, one) is not None
            ),
            silent=notice.silent,
            why=notice.why,
        )


# verdicts -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person of this room said of an edge's alarm."""

    alarm: str
    edge: str
    verdict: AlarmVerdict
    by: str
    """Id of the person at this room."""
    utc_us: int


class VerdictQueue:
    """Verdicts on their way, and those that arrived; one for each alarm, the first counts."""

    def __init__(self, store: RoomStore, clock: Clock) -> None:
        """`store` has the tables of SCHEMA."""
        self._store = store
        self._clock = clock

    async def put(self, alarm: str, edge: str, verdict: AlarmVerdict, by: str) -> Judgement:
        """Keep a verdict durably; return the one that counts. StoreError if the disk refuses."""
        values = (alarm, edge, verdict.value, by, self._clock.now().utc_us)

        def job(db: Database) -> Judgement:
            db.execute(
                "insert into verdict(alarm, edge, verdict, actor, utc_us) values(?,?,?,?,?)"
                " on conflict (alarm) do nothing",
                values,
            )
            return _judgement(db.execute(f"{_SELECT} where alarm=?", (alarm,)).fetchone())

        return await self._store.write(job)

    async def waiting(self, limit: int = MOST_SENT) -> list[Judgement]:
        """Return what no edge has answered yet, oldest first, at most `limit` of each edge."""
        rows = await self._store.read(
            lambda db: db.execute(
                f"{_SELECT} where sent_utc_us=0 order by edge, utc_us, alarm"
            ).fetchall()
        )
        found: dict[str, list[Judgement]] = {}
        for one in map(_judgement, rows):
            own = found.setdefault(one.edge, [])
            if len(own) < limit:
                own.append(one)
        return [one for own in found.values() for one in own]

    async def prune(self, before_utc_us: int) -> None:
        """Forget verdicts that arrived, or never will, before a time; those that wait stay."""
        sql = "delete from verdict where sent_utc_us<>0 and sent_utc_us<?"
        await self._store.write(lambda db: db.execute(sql, (before_utc_us,)))

    async def settle(self, alarm: str, problem: str = "") -> None:
        """Note that the edge has it, or why it never will."""
        now_us = self._clock.now().utc_us
        sql = "update verdict set sent_utc_us=?, problem=? where alarm=? and sent_utc_us=0"
        await self._store.write(lambda db: db.execute(sql, (now_us, problem[:400], alarm)))


async def send_verdict(queue: VerdictQueue, one: Judgement, caller: Caller) -> str:
    """Bring one verdict to its edge; return why it was refused, or nothing.

    PeerError while the line is down or slow: it stays in the queue. StoreError: it is sent again,
    which is harmless.
    """
    body = {"alarm": one.alarm, "verdict": one.verdict.value, "by": one.by, "utc_us": one.utc_us}
    try:
        await caller.call(VERDICT, body, within_s=VERDICT_S)
    except RefusedError as error:
        if error.code == NOT_YET:
            raise PeerError(str(error)) from error
        log.warning("verdict-refused", extra={"edge": one.edge, "problem": str(error)})
        await queue.settle(one.alarm, str(error))
        return str(error)
    await queue.settle(one.alarm)
    return ""


# what became of them ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fate:
    """What an edge says became of one alarm."""

    alarm: str
    known: bool
    ended_utc_us: int
    verdict: AlarmVerdict
    taken_utc_us: int = 0
    """When somebody answered it, whoever that was."""
    escalates_utc_us: int = 0
    """When it goes on to others unless somebody answers."""
    step: int = 0
    """How often it went on."""


async def ask_fates(caller: Caller, ids: Sequence[str]) -> list[Fate]:
    """Ask an edge for at most MOST_ASKED alarms; PeerError, WireError for a strange answer."""
    reply = await caller.call(STATES, {"ids": list(ids[:MOST_ASKED])})
    rows = reply.body.get("states")
    if not isinstance(rows, list) or len(rows) > MOST_ASKED:
        raise WireError("line: states are not a list")
    answers = _answers(reply.body.get("answers", []))
    asked = frozenset(ids)
    found = [one for one in map(_fate, rows) if one.alarm in asked]
    return [_with_answer(one, answers.get(one.alarm)) for one in found]


def answer_row(fate: Fate) -> list[object]:
    """Return how an edge tells who answers one."""
    return [fate.alarm, fate.taken_utc_us, fate.escalates_utc_us, fate.step]


def _answers(rows: object) -> dict[str, tuple[int, int, int]]:
    """Return answers by alarm; an edge of an earlier version tells none."""
    if not isinstance(rows, list) or len(rows) > MOST_ASKED:
        raise WireError("line: answers are not a list")
    found: dict[str, tuple[int, int, int]] = {}
    for row in rows:
        if not isinstance(row, list) or len(row) != 4 or not isinstance(row[0], str):  # noqa: PLR2004 - as answer_row writes
            raise WireError("line: a strange answer of an alarm")
        if any(type(one) is not int or not 0 <= one < 1 << 53 for one in row[1:]):
            raise WireError("line: a strange answer of an alarm")
        found[row[0]] = (row[1], row[2], row[3])
    return found


def _with_answer(fate: Fate, answer: tuple[int, int, int] | None) -> Fate:
    if answer is None:
        return fate
    taken, escalates, step = answer
    return replace(fate, taken_utc_us=taken, escalates_utc_us=escalates, step=step)


def fate_row(fate: Fate) -> list[object]:
    """Return how an edge tells one."""
    state = "noto" if fate.known else UNKNOWN
    return [fate.alarm, state, fate.ended_utc_us, fate.verdict.value]


def _fate(row: object) -> Fate:
    if not isinstance(row, list) or len(row) != 4:  # noqa: PLR2004 - as fate_row writes
        raise WireError("line: a strange state of an alarm")
    alarm, state, ended_us, verdict = row
    if not isinstance(alarm, str) or type(ended_us) is not int or not 0 <= ended_us < 1 << 53:
        raise WireError("line: a strange state of an alarm")
    return Fate(alarm, state != UNKNOWN, ended_us, verdict_of(verdict))


def verdict_of(value: object) -> AlarmVerdict:
    """Return a verdict of a body; WireError for anything else."""
    try:
        return AlarmVerdict(value)
    except ValueError as error:
        raise WireError(f"line: verdict {json.dumps(str(value)[:40])} is not known") from error


_SELECT = "select alarm, edge, verdict, actor, utc_us from verdict"


def _judgement(row: Sequence[Any]) -> Judgement:
    return Judgement(row[0], row[1], AlarmVerdict(row[2]), row[3], int(row[4]))
