# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The rows of `alarms.db`, and what one transaction does to them (ADR 29).

Every function here runs inside one transaction on the store's thread: a process that is killed
leaves an alarm with all its deliveries and its next deadline, or none of them.
"""

import json
import sqlite3
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.model.alarm import (
    Adopted,
    Alarm,
    AlarmRecord,
    AlarmState,
    AlarmVerdict,
    Box,
)
from gateway.model.alarm import DeliveryState as State
from gateway.model.errors import InvariantError, StoreError
from gateway.model.holdup import is_holdup
from gateway.model.panel import is_panel_alarm
from gateway.model.time import ClockQuality, Moment
from gateway.relay.alarms.groups import GROUP_US, Neighbour, group_of
from gateway.wire.onvif_mqtt import Phase
from gateway.wire.why import read_why, why_fields

SCHEMA: Final = """
create table if not exists alarm(
  n integer primary key autoincrement,
  id text not null unique,
  camera text not null, zone text not null, rule text not null,
  severity integer not null, exercise integer not null, boxes text not null,
  raised_utc_us integer not null, clock text not null,
  act text not null, recipients text not null,
  state text not null, stored_utc_us integer not null,
  ended_utc_us integer not null default 0, closed_utc_us integer not null default 0,
  closed_by text not null default '', verdict text not null
) strict;
create index if not exists alarm_alive on alarm(n) where state <> 'chiuso' or ended_utc_us = 0;
create table if not exists delivery(
  seq integer primary key autoincrement,
  alarm text not null references alarm(id), recipient text not null, phase text not null,
  subject text not null,
  state text not null, attempts integer not null default 0,
  sent_utc_us integer not null default 0, delivered_utc_us integer not null default 0,
  problem text not null default '',
  unique(alarm, recipient, phase)
) strict;
create index if not exists delivery_due on delivery(recipient, seq) where state <> 'consegnato';
create index if not exists delivery_subject on delivery(recipient, subject, seq);
"""

ADDED: Final = {
    "alarm": {
        "also": "text not null default '[]'",
        "silent": "integer not null default 0",
        "key": "text not null default ''",
        "incident": "text not null default ''",
        "repeats": "integer not null default 0",
        "plan": "text not null default '[]'",
        "step": "integer not null default 0",
        "escalates_utc_us": "integer not null default 0",
        "taken_utc_us": "integer not null default 0",
        "taken_by": "text not null default ''",
        "taken_org": "text not null default ''",
        "accounted": "integer not null default 0",
        "why": "text not null default ''",
    },
    "delivery": {
        "severity": "integer not null default 3",
        "n": "integer not null default 0",
    },
}
"""Columns that came later, by table: a file of an earlier version gets them when it is opened."""
_INDEXES: Final = (
    "create index if not exists alarm_key on alarm(key) where key <> ''",
    "create index if not exists alarm_escalates on alarm(escalates_utc_us)"
    " where escalates_utc_us <> 0",
    "create index if not exists alarm_raised on alarm(raised_utc_us)",
    "create index if not exists alarm_camera on alarm(camera, raised_utc_us)",
    "create index if not exists delivery_alarm on delivery(recipient, n) where phase='Raised'",
    "create index if not exists delivery_urgent on delivery(recipient, severity desc, n desc, seq)"
    " where state in ('in-coda','inviato')",
)

CRITICAL: Final = 4
"""From this severity on, an alarm that somebody has not got leaves for no other."""
MOST_NEAR: Final = 64
"""Neighbouring cameras that are looked at; two look-ups for each."""
MOST_PENDING: Final = 5_000
MOST_GONE: Final = 1_000
MOST_UNACCOUNTED: Final = 1_000
MOST_PER_SWEEP: Final = 256
"""Alarms deleted in one transaction, so that nobody waits long behind it."""

_COLUMNS = (
    "a.id, a.camera, a.zone, a.rule, a.severity, a.exercise, a.boxes, a.raised_utc_us, a.clock,"
    " a.act, a.recipients, a.state, a.stored_utc_us, a.ended_utc_us, a.closed_utc_us,"
    " a.closed_by, a.verdict, a.also, a.silent, a.incident, a.repeats, a.plan, a.step,"
    " a.escalates_utc_us, a.taken_utc_us, a.taken_by, a.why"
)
_WIDTH = _COLUMNS.count(",") + 1
SELECT: Final = f"select {_COLUMNS} from alarm a"  # noqa: S608 - our own words only
LIVING: Final = " where state <> 'chiuso' or ended_utc_us = 0 order by n limit ?"
LIVING_OR_RECENT: Final = (
    " where state <> 'chiuso' or ended_utc_us = 0 or n > (select max(n) from alarm) - ?"
    " order by state <> 'chiuso' or ended_utc_us = 0 desc, severity desc, n desc limit ?"
)
HIDDEN: Final = (
    " where (state <> 'chiuso' or ended_utc_us = 0) and state <> 'chiuso' and silent=1"
    " order by n limit ?"
)
"""What may be kept from the site (`model.holdup.is_hidden`), of other boxes too."""
SHOWN: Final = (
    " where n in (select n from (select n from alarm where (state <> 'chiuso' or ended_utc_us = 0)"
    " and state <> 'chiuso' and (instr(recipients, :quoted) > 0"
    " or camera in (select value from json_each(:cameras)))"
    " order by severity desc, n desc limit :living)"
    " union select n from (select d.n from delivery d join alarm a on a.n=d.n"
    " where d.recipient=:who and d.phase='Raised' and a.state='chiuso'"
    " order by d.n desc limit :closed)"
    " union select n from (select a.n from json_each(:cameras) c join alarm a on a.camera=c.value"
    " where a.state='chiuso' and a.raised_utc_us >= coalesce((select b.raised_utc_us from alarm b"
    " where b.camera=c.value and b.state='chiuso'"
    " order by b.raised_utc_us desc limit 1 offset :closed), 0)"
    " order by a.n desc limit :closed)) order by n desc"
)
"""What concerns a recipient or cameras: all that is not closed, and the newest closed of each.

No part of it reads what is closed and somebody else's, of which there may be very much.
"""
_OUTGOING = (
    f"select {_COLUMNS}, d.seq, d.phase, d.state,"  # noqa: S608 - our own words only
    " not exists(select 1 from delivery later where later.recipient=d.recipient"
    " and later.subject=d.subject and later.seq>d.seq)"
    " from delivery d join alarm a on a.id=d.alarm where "
)
IN_ORDER: Final = (
    " and not (d.phase='Ended' and exists(select 1 from delivery first where first.alarm=d.alarm"
    " and first.recipient=d.recipient and first.phase='Raised' and first.state='rifiutato'))"
)
"""An end is not told to who refuses the raising: the raising would come last, and stay."""
_WANTED = " and (:known is null or d.recipient in (select value from json_each(:known)))"
"""Whom the registry does not name any more waits for nothing."""
_DONE = (
    "state = 'chiuso' and ended_utc_us <> 0 and not exists("  # noqa: S608 - our own words only
    f"select 1 from delivery d where d.alarm=alarm.id and d.state <> 'consegnato'{_WANTED})"
)

_NEIGHBOURS = (
    "select a.incident, a.raised_utc_us,"
    " coalesce((select f.raised_utc_us from alarm f where f.id=a.incident), a.raised_utc_us)"
    " from alarm a where a.camera=? and a.raised_utc_us between ? and ? and a.exercise=?"
    " and a.silent=0 order by a.raised_utc_us"
)

Stage = tuple[float, tuple[str, ...]]
"""Seconds after the storing, and who hears then; nobody: that no one answered is told."""


class BookFullError(StoreError):
    """As many alarms are kept as may be, and none of them may go for this one."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message that a recipient has not got yet."""

    seq: int
    """Order of creation; over all recipients."""
    phase: Phase
    record: AlarmRecord
    state: State
    newest: bool
    """No later message to this recipient speaks of the same camera and zone."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """An alarm that is to be stored."""

    record: AlarmRecord
    rows: tuple[tuple[str, bool], ...]
    """Recipients that hear at once, and whether they read it here."""
    key: str = ""
    near: frozenset[str] = frozenset()
    """Cameras whose alarms may be of the same incident."""
    plan: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of a plan that was taken."""

    record: AlarmRecord
    """As it is now, but with this step."""
    told: tuple[str, ...]
    is_last: bool
    """Nobody was left to be told."""


@dataclass(slots=True)
class Quota:
    """How many alarms there are; used on the store's thread."""

    most: int
    rows: int = 0
    dropped: int = field(default=0)
    """Undelivered alarms that more urgent ones pushed out."""
    gone: deque[AlarmRecord] = field(default_factory=lambda: deque(maxlen=MOST_GONE))
    """Those whose loss was not written down yet; the newest of very many."""
    known: str | None = None
    """Recipients of the registry, as JSON; None: it was not told yet, and nobody left it."""


# opening ------------------------------------------------------------------------------------


def migrate(db: sqlite3.Connection) -> None:
    """Bring a file of any earlier version to this one; again changes nothing."""
    fill = False
    for table, columns in ADDED.items():
        here = {row[1] for row in db.execute(f"pragma table_info({table})")}
        for name, kind in columns.items():
            if name not in here:
                db.execute(f"alter table {table} add column {name} {kind}")
                fill = True
                if name == "accounted":  # earlier versions wrote all that they could
                    db.execute("update alarm set accounted=step")
    if fill:
        db.execute(
            "update delivery set (severity, n) ="
            " (select a.severity, a.n from alarm a where a.id=delivery.alarm)"
        )
        db.execute("update alarm set incident=id where incident=''")
    for index in _INDEXES:
        db.execute(index)


def reset(db: sqlite3.Connection) -> None:
    """Let what was on its way when the last process died wait again."""
    db.execute("update delivery set state=? where state=?", (State.WAITING.value, State.SENT.value))


# life ---------------------------------------------------------------------------------------


def insert(db: sqlite3.Connection, fresh: Fresh, quota: Quota, now: Moment) -> AlarmRecord:
    """Store an alarm and whom it must reach; one that is known, or repeats one, adds nothing."""
    alarm = fresh.record.alarm
    known = find(db, alarm.id, now)
    if known is not None:
        return known
    if fresh.key and (same := _living_of_key(db, fresh, now)) is not None:
        return _repeat(db, same)
    make_room(db, alarm.severity, quota, now)
    record = replace(fresh.record, group=_group(db, fresh))
    if fresh.plan:
        due_us = record.stored_utc_us + int(fresh.plan[0][0] * 1e6)
        record = replace(record, escalates_utc_us=due_us, escalates_to=fresh.plan[0][1])
    number = _insert_alarm(db, record, fresh)
    quota.rows += 1
    for recipient, at_home in fresh.rows:
        _queue(db, (alarm, number), recipient, Phase.RAISED, now.utc_us if at_home else 0)
    return record


def _insert_alarm(db: sqlite3.Connection, record: AlarmRecord, fresh: Fresh) -> int:
    alarm = record.alarm
    values = {
        "id": alarm.id,
        "camera": alarm.camera,
        "zone": alarm.zone,
        "rule": alarm.rule,
        "severity": alarm.severity,
        "exercise": int(alarm.exercise),
        "boxes": json.dumps([[box.left, box.top, box.right, box.bottom] for box in alarm.boxes]),
        "raised_utc_us": alarm.raised.utc_us,
        "clock": alarm.raised.quality.value,
        "act": record.act,
        "recipients": json.dumps(record.recipients),
        "state": record.state.value,
        "stored_utc_us": record.stored_utc_us,
        "verdict": record.verdict.value,
        "also": json.dumps(alarm.also),
        "silent": int(alarm.silent),
        "why": json.dumps(why_fields(alarm.why)) if alarm.why else "",
        "key": fresh.key,
        "incident": record.group,
        "plan": json.dumps(fresh.plan),
        "escalates_utc_us": record.escalates_utc_us,
    }
    marks = ",".join("?" * len(values))
    sql = f"insert into alarm({','.join(values)}) values({marks})"
    return int(db.execute(sql, tuple(values.values())).lastrowid or 0)


def _living_of_key(db: sqlite3.Connection, fresh: Fresh, now: Moment) -> AlarmRecord | None:
    """Return the alarm that a fresh one repeats: somebody heard of it and may still answer it.

    Never an exercise for an emergency, nor one that nobody answered to the end, nor a silent one
    that somebody answered, who may have left it: nobody on site can say so twice. Nor one that
    nobody was told of if somebody is told of this one.
    """
    where = (
        " where a.key=? and a.key<>'' and a.state='aperto' and a.ended_utc_us=0 and a.exercise=?"
        " and not (a.step<>0 and a.escalates_utc_us=0 and a.taken_utc_us=0)"
        " and not (a.silent<>0 and a.taken_utc_us<>0)"
        " order by a.n desc limit 1"
    )
    row = db.execute(SELECT + where, (fresh.key, int(fresh.record.alarm.exercise))).fetchone()
    same = to_record(row, now) if row else None
    return None if same is not None and fresh.rows and not same.recipients else same


def _repeat(db: sqlite3.Connection, record: AlarmRecord) -> AlarmRecord:
    db.execute("update alarm set repeats=repeats+1 where id=?", (record.alarm.id,))
    return replace(record, repeats=record.repeats + 1)


def _group(db: sqlite3.Connection, fresh: Fresh) -> str:
    """Return the incident that an alarm belongs to: that of a neighbour, else its own.

    A silent one is of no other's: who may not know of it would read its id there (ADR 32).
    """
    alarm = fresh.record.alarm
    if alarm.silent:
        return alarm.id
    raised_us = alarm.raised.utc_us
    rows: list[Sequence[int]] = []
    for camera in sorted(fresh.near)[:MOST_NEAR]:
        values = (camera, raised_us - GROUP_US, raised_us, int(alarm.exercise))
        rows += db.execute(f"{_NEIGHBOURS} desc limit 1", values).fetchall()
        values = (camera, raised_us, raised_us + GROUP_US, int(alarm.exercise))
        rows += db.execute(f"{_NEIGHBOURS} limit 1", values).fetchall()
    near = [Neighbour(str(row[0]), row[1], row[2]) for row in rows]
    return group_of(raised_us, near) or alarm.id


def adopt(
    db: sqlite3.Connection, fresh: Fresh, ended_utc_us: int, quota: Quota, now: Moment
) -> Adopted | None:
    """Take over another box's alarm, or its end; None if the id is another camera's alarm's."""
    known = find(db, fresh.record.alarm.id, now)
    if known is not None and known.alarm.camera != fresh.record.alarm.camera:
        return None
    record = known or insert(db, fresh, quota, now)
    if ended_utc_us and not record.ended_utc_us:
        record = end(db, record.alarm.id, ended_utc_us, now) or record
        return Adopted(record, is_new=known is None, changed=True)
    return Adopted(record, is_new=known is None, changed=known is None)


def _queue(
    db: sqlite3.Connection,
    subject: tuple[Alarm, int],
    recipient: str,
    phase: Phase,
    delivered_utc_us: int,
) -> None:
    """Add one delivery of an alarm and its number; done already if `delivered_utc_us` is not 0."""
    alarm, number = subject
    state = State.DELIVERED if delivered_utc_us else State.WAITING
    db.execute(
        "insert or ignore into delivery(alarm, recipient, phase, subject, state, sent_utc_us,"
        " delivered_utc_us, severity, n) values(?,?,?,?,?,?,?,?,?)",
        (
            alarm.id,
            recipient,
            phase.value,
            f"{alarm.camera}/{alarm.rule}/{alarm.zone}",
            state.value,
            delivered_utc_us,
            delivered_utc_us,
            alarm.severity,
            number,
        ),
    )


def _number(db: sqlite3.Connection, alarm_id: str) -> int:
    return int(db.execute("select n from alarm where id=?", (alarm_id,)).fetchone()[0])


def end(db: sqlite3.Connection, alarm_id: str, at_utc_us: int, now: Moment) -> AlarmRecord | None:
    """Note that the cause is over, and queue that for everybody who was told of it."""
    record = find(db, alarm_id, now)
    if record is None or record.ended_utc_us:
        return record
    state = AlarmState.CLOSED if record.state is AlarmState.CLOSED else AlarmState.ENDED
    record = replace(record, state=state, ended_utc_us=max(at_utc_us, 1))
    save(db, record)
    at_home = _at_home(db, alarm_id)
    subject = (record.alarm, _number(db, alarm_id))
    for recipient in record.recipients:
        done_us = now.utc_us if recipient in at_home else 0
        _queue(db, subject, recipient, Phase.ENDED, done_us)
    return record


def _at_home(db: sqlite3.Connection, alarm_id: str) -> set[str]:
    """Return the recipients whose raising was delivered without ever being tried."""
    rows = db.execute(
        "select recipient from delivery where alarm=? and phase=? and state=? and attempts=0",
        (alarm_id, Phase.RAISED.value, State.DELIVERED.value),
    )
    return {row[0] for row in rows}


@dataclass(frozen=True, slots=True)
class Person:
    """Who answers, and when."""

    id: str
    organisation: str = ""
    """Recipient or controller; for figures of answer times, which name no person."""
    at_utc_us: int = 0
    """0: now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the box that raised an alarm says of who answers it."""

    taken_utc_us: int
    by: str
    escalates_utc_us: int
    step: int


def take(db: sqlite3.Connection, alarm_id: str, by: Person, now: Moment) -> AlarmRecord | None:
    """Note who answers; the first counts, and nothing escalates from then on.

    A hold-up that waits for a centre's word waits on: only that word keeps it from the rooms. A
    panel's has no centre.
    """
    record = find(db, alarm_id, now)
    if record is None or record.taken_utc_us or record.state is AlarmState.CLOSED:
        return record
    of_channel = is_holdup(record) and not is_panel_alarm(record.alarm)
    if of_channel and record.escalates_to:
        return record
    return _answered(db, record, by, now)


def _answered(db: sqlite3.Connection, record: AlarmRecord, by: Person, now: Moment) -> AlarmRecord:
    """Return the record with its first answer; one from elsewhere lies not before the storing."""
    at_us = min(max(by.at_utc_us or now.utc_us, record.stored_utc_us), now.utc_us)
    record = replace(
        record,
        taken_utc_us=max(at_us, 1),
        taken_by=by.id,
        escalates_utc_us=0,
        escalates_to=(),
    )
    save(db, record)
    db.execute("update alarm set taken_org=? where id=?", (by.organisation, record.alarm.id))
    return record


def close(
    db: sqlite3.Connection, alarm_id: str, by: Person, verdict: AlarmVerdict, now: Moment
) -> AlarmRecord | None:
    """Note a verdict; it is an answer as well."""
    record = find(db, alarm_id, now)
    if record is None or record.verdict is not AlarmVerdict.NONE:
        return record
    if not record.taken_utc_us:
        record = _answered(db, record, by, now)
    record = replace(
        record,
        state=AlarmState.CLOSED,
        closed_utc_us=record.closed_utc_us or now.utc_us,
        closed_by=by.id,
        verdict=verdict,
        escalates_utc_us=0,
        escalates_to=(),
    )
    save(db, record)
    return record


def follow(db: sqlite3.Connection, alarm_id: str, told: Answer, now: Moment) -> AlarmRecord | None:
    """Let an adopted alarm show what its box says of its answer."""
    record = find(db, alarm_id, now)
    if record is None or record.state is AlarmState.CLOSED or record.taken_utc_us:
        return record
    if told.taken_utc_us:
        return _answered(db, record, Person(told.by, at_utc_us=told.taken_utc_us), now)
    if (record.escalates_utc_us, record.step) != (told.escalates_utc_us, told.step):
        record = replace(record, escalates_utc_us=told.escalates_utc_us, step=told.step)
        save(db, record)
    return record


def escalate(
    db: sqlite3.Connection,
    alarm_id: str,
    step: int,
    rows: Iterable[tuple[str, bool]],
    now: Moment,
) -> tuple[AlarmRecord, tuple[str, ...]] | None:
    """Go on to the next recipients: their deliveries, the step and the next deadline at once.

    Return the record and who is new; None if the step was taken or nobody waits for it any more.
    """
    record = find(db, alarm_id, now)
    if record is None or record.step != step or not record.escalates_utc_us:
        return None
    plan = _plan(db, alarm_id)
    if step >= len(plan):
        return None
    added = {one: home for one, home in rows if one not in record.recipients}
    later = plan[step + 1] if step + 1 < len(plan) else None
    record = replace(
        record,
        step=step + 1,
        escalates_utc_us=record.stored_utc_us + int(later[0] * 1e6) if later else 0,
        escalates_to=later[1] if later else (),
    )
    return _told(db, record, added, now), tuple(added)


def tell(
    db: sqlite3.Connection, alarm_id: str, rows: Iterable[tuple[str, bool]], now: Moment
) -> AlarmRecord | None:
    """Tell further recipients of an alarm, answered or not; again changes nothing."""
    record = find(db, alarm_id, now)
    if record is None:
        return None
    added = {one: home for one, home in rows if one not in record.recipients}
    return _told(db, record, added, now)


def _told(
    db: sqlite3.Connection, record: AlarmRecord, added: Mapping[str, bool], now: Moment
) -> AlarmRecord:
    """Return the record with further recipients, once their deliveries are queued."""
    record = replace(record, recipients=(*record.recipients, *added))
    save(db, record)
    subject = (record.alarm, _number(db, record.alarm.id))
    phases = (Phase.RAISED, Phase.ENDED) if record.ended_utc_us else (Phase.RAISED,)
    for recipient, at_home in added.items():
        for phase in phases:
            _queue(db, subject, recipient, phase, now.utc_us if at_home else 0)
    return record


def accounted(db: sqlite3.Connection, alarm_id: str, step: int) -> None:
    """Note that the ledger has what was done up to a step."""
    db.execute("update alarm set accounted=max(accounted, ?) where id=?", (step, alarm_id))


def unaccounted(db: sqlite3.Connection, now: Moment) -> list[Step]:
    """Return the steps of our own plans whose entry the ledger may lack, oldest first."""
    where = " where a.step>a.accounted and a.plan<>'[]' order by a.n limit ?"
    rows = db.execute(
        f"{SELECT.replace(' from ', ', a.accounted from ', 1)}{where}", (MOST_UNACCOUNTED,)
    ).fetchall()
    found = []
    for row in rows:
        record, plan = to_record(row, now), _stages(str(row[21]))
        for step in range(int(row[_WIDTH]), min(record.step, len(plan))):
            named = plan[step][1]
            told = tuple(one for one in named if one in record.recipients)
            found.append(Step(replace(record, step=step + 1), told, is_last=not named))
    return found


def _plan(db: sqlite3.Connection, alarm_id: str) -> list[Stage]:
    row = db.execute("select plan from alarm where id=?", (alarm_id,)).fetchone()
    return _stages(str(row[0]))


def _stages(text: str) -> list[Stage]:
    return [(float(after_s), tuple(recipients)) for after_s, recipients in json.loads(text)]


def expire(db: sqlite3.Connection, alarm_id: str, now: Moment, *, holds: bool) -> AlarmRecord:
    """End it if nobody did, and close it unless it `holds`; recipients hear of the end."""
    record = end(db, alarm_id, now.utc_us, now)
    if record is None:
        raise InvariantError(f"alarm {alarm_id} is in memory but not on disk")
    if record.state is not AlarmState.CLOSED and not holds:
        record = replace(record, state=AlarmState.CLOSED, closed_utc_us=now.utc_us)
        save(db, record)
    return record


def save(db: sqlite3.Connection, record: AlarmRecord) -> None:
    """Write what can change of an alarm."""
    db.execute(
        "update alarm set state=?, ended_utc_us=?, closed_utc_us=?, closed_by=?, verdict=?,"
        " recipients=?, step=?, escalates_utc_us=?, taken_utc_us=?, taken_by=? where id=?",
        (
            record.state.value,
            record.ended_utc_us,
            record.closed_utc_us,
            record.closed_by,
            record.verdict.value,
            json.dumps(record.recipients),
            record.step,
            record.escalates_utc_us,
            record.taken_utc_us,
            record.taken_by,
            record.alarm.id,
        ),
    )


def find(db: sqlite3.Connection, alarm_id: str, now: Moment) -> AlarmRecord | None:
    """Return an alarm by its id."""
    row = db.execute(SELECT + " where a.id=?", (alarm_id,)).fetchone()
    return to_record(row, now) if row else None


def to_record(row: Sequence[object], now: Moment) -> AlarmRecord:
    """Return a stored alarm; its raising on this boot's monotonic clock is told from UTC."""
    texts = [str(value) for value in row]
    raised_utc_us = int(texts[7])
    alarm = Alarm(
        id=texts[0],
        camera=texts[1],
        zone=texts[2],
        rule=texts[3],
        severity=int(texts[4]),
        raised=Moment(
            now.monotonic_s - (now.utc_us - raised_utc_us) / 1e6,
            raised_utc_us,
            ClockQuality(texts[8]),
        ),
        boxes=tuple(Box(*corners) for corners in json.loads(texts[6])),
        exercise=texts[5] == "1",
        also=tuple(json.loads(texts[17])),
        silent=texts[18] == "1",
        why=read_why(json.loads(texts[26])) if texts[26] else None,
    )
    step, escalates_utc_us = int(texts[22]), int(texts[23])
    stages = _stages(texts[21]) if escalates_utc_us else []
    return AlarmRecord(
        alarm,
        AlarmState(texts[11]),
        stored_utc_us=int(texts[12]),
        ended_utc_us=int(texts[13]),
        closed_utc_us=int(texts[14]),
        closed_by=texts[15],
        verdict=AlarmVerdict(texts[16]),
        act=texts[9],
        recipients=tuple(json.loads(texts[10])),
        taken_utc_us=int(texts[24]),
        taken_by=texts[25],
        group=texts[19] or texts[0],
        repeats=int(texts[20]),
        step=step,
        escalates_utc_us=escalates_utc_us,
        escalates_to=stages[step][1] if step < len(stages) else (),
    )


# deliveries ---------------------------------------------------------------------------------


def outgoing(
    db: sqlite3.Connection, where: str, values: tuple[object, ...], now: Moment
) -> list[Outgoing]:
    """Return messages that a clause over deliveries (d) and alarms (a) finds."""
    rows = db.execute(_OUTGOING + where, values)
    return [
        Outgoing(
            row[_WIDTH],
            Phase(row[_WIDTH + 1]),
            to_record(row, now),
            State(row[_WIDTH + 2]),
            bool(row[_WIDTH + 3]),
        )
        for row in rows
    ]


def mark(db: sqlite3.Connection, seq: int, state: State, problem: str, now_us: int) -> None:
    """Note one attempt; a delivery is never undone."""
    db.execute(
        "update delivery set state=?, problem=?, attempts=attempts+1,"
        " sent_utc_us=iif(sent_utc_us=0, ?, sent_utc_us), delivered_utc_us=?"
        " where seq=? and state<>?",
        (
            state.value,
            problem,
            now_us,
            now_us if state is State.DELIVERED else 0,
            seq,
            State.DELIVERED.value,
        ),
    )


def acknowledge(
    db: sqlite3.Connection, recipient: str, phase: Phase, ids: Sequence[str], now_us: int
) -> list[int]:
    """Mark as delivered what a recipient's inbox has; return which messages those were."""
    rows = db.execute(
        "update delivery set state=?, delivered_utc_us=?, problem='',"
        " sent_utc_us=iif(sent_utc_us=0, ?, sent_utc_us), attempts=max(attempts, 1)"
        " where recipient=? and phase=? and state<>?"
        " and alarm in (select value from json_each(?)) returning seq",
        (
            State.DELIVERED.value,
            now_us,
            now_us,
            recipient,
            phase.value,
            State.DELIVERED.value,
            json.dumps(list(ids)),
        ),
    ).fetchall()
    return [row[0] for row in rows]


def count_waiting(db: sqlite3.Connection, known: str | None = None) -> int:
    """Return how many messages are not confirmed, without those of silent alarms that live.

    The figure is for the site's own monitors, and nothing on site may show those.
    """
    sql = (
        "select count(*) from delivery d join alarm a on a.id=d.alarm"  # noqa: S608 - our own words only
        f" where d.state <> 'consegnato' and not (a.silent and a.state <> 'chiuso'){_WANTED}"
    )
    return int(db.execute(sql, {"known": known}).fetchone()[0])


def pending(db: sqlite3.Connection, known: str | None = None) -> frozenset[str]:
    """Return the newest alarms that a recipient has not got, at most MOST_PENDING."""
    sql = (
        "select distinct alarm from delivery d where state <> 'consegnato' and phase='Raised'"  # noqa: S608 - our own words only
        f"{_WANTED} order by seq desc limit :most"
    )
    rows = db.execute(sql, {"known": known, "most": MOST_PENDING})
    return frozenset(row[0] for row in rows)


def lasting(db: sqlite3.Connection, recipient: str, limit: int, now: Moment) -> list[Outgoing]:
    """Return what a recipient has of causes that go on, the most severe first."""
    where = (  # over what lives (`alarm_alive`), not over all that a recipient ever got
        "d.recipient=? and d.phase='Raised' and d.state='consegnato' and d.alarm in (select id"
        " from alarm where (state <> 'chiuso' or ended_utc_us = 0) and ended_utc_us=0)"
        " and not exists(select 1 from delivery later where later.recipient=d.recipient"
        " and later.subject=d.subject and later.seq>d.seq)"
        " order by d.severity desc, d.n desc limit ?"
    )
    return outgoing(db, where, (recipient, limit), now)


# room ---------------------------------------------------------------------------------------


def count(db: sqlite3.Connection) -> int:
    """Return how many alarms there are."""
    return int(db.execute("select count(*) from alarm").fetchone()[0])


def make_room(db: sqlite3.Connection, severity: int, quota: Quota, now: Moment) -> None:
    """See that one more alarm may be stored; BookFullError if none of those here may go for it.

    First go the oldest that are over and that everybody has; then, one by one, the least urgent
    that are over, undelivered or not, but never a critical one.
    """
    if quota.rows < quota.most:
        return
    quota.rows = count(db)
    if quota.rows < quota.most:
        return
    if relieve(db, quota):
        return
    row = db.execute(
        "select id from alarm where state='chiuso' and ended_utc_us<>0 and severity<?"
        " order by severity, n limit 1",
        (min(severity, CRITICAL),),
    ).fetchone()
    if row is None:
        raise BookFullError(
            f"the book of alarms is full ({quota.rows}), and recipients still wait for all of them"
        )
    if (gone := find(db, row[0], now)) is not None:
        quota.gone.append(gone)
    _delete(db, [row[0]], quota)
    quota.dropped += 1


def relieve(db: sqlite3.Connection, quota: Quota) -> int:
    """Delete the oldest alarms that are over and that everybody has; return how many."""
    rows = db.execute(
        f"select id from alarm where {_DONE} order by n limit :most",  # noqa: S608 - our own words
        {"known": quota.known, "most": MOST_PER_SWEEP},
    ).fetchall()
    _delete(db, [row[0] for row in rows], quota)
    return len(rows)


def prune(db: sqlite3.Connection, before_utc_us: int, quota: Quota) -> int:
    """Delete alarms closed before a time that everybody has; return how many, a few at once."""
    rows = db.execute(
        f"select id from alarm where closed_utc_us<:before and {_DONE} order by n limit :most",  # noqa: S608 - our own words
        {"before": before_utc_us, "known": quota.known, "most": MOST_PER_SWEEP},
    ).fetchall()
    _delete(db, [row[0] for row in rows], quota)
    return len(rows)


def _delete(db: sqlite3.Connection, ids: Sequence[str], quota: Quota) -> None:
    picked = json.dumps(list(ids))
    db.execute("delete from delivery where alarm in (select value from json_each(?))", (picked,))
    db.execute("delete from alarm where id in (select value from json_each(?))", (picked,))
    quota.rows -= len(ids)
