# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How long alarms take from the picture to the operator, per recipient (B-45).

t_event (the picture) → t_disk → t_sent → t_delivered → t_operator (somebody answers) → verdict.
Exact times of single alarms are not told, and no person is named.
"""

import json
import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.model.alarm_times import (
    AlarmTimes,
    Answers,
    Percentiles,
    RecipientTimes,
    TimesQuery,
)

WITHIN_S: Final = (30, 60, 90, 180)
"""EN 50518: a hold-up is answered in 30 s (80 %) and 60 s (98.5 %), others in 90 s and 180 s."""
HOLDUP: Final = 5
MOST_ROWS: Final = 200_000
SHARES: Final = (50, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class _Row:
    """One delivery of one alarm; microseconds UTC, 0: not yet."""

    recipient: str
    severity: int
    raised: int
    stored: int
    sent: int
    delivered: int
    taken: int
    taken_org: str
    judged: int
    alarm: str


_SQL = (
    "select d.recipient, a.severity, a.raised_utc_us, a.stored_utc_us, d.sent_utc_us,"
    " d.delivered_utc_us, a.taken_utc_us, a.taken_org,"
    " iif(a.verdict='nessuno', 0, a.closed_utc_us), a.id"
    " from alarm a join delivery d on d.alarm=a.id and d.phase='Raised'"
    " where a.raised_utc_us>=? and a.raised_utc_us<? and a.exercise=?"
    " and (?='' or d.recipient=?)"
    " and (? is null or a.camera in (select value from json_each(?)))"
    " order by a.raised_utc_us desc limit ?"
)


def measure(db: sqlite3.Connection, query: TimesQuery) -> AlarmTimes:
    """Return the figures of a period; runs on a thread of the store."""
    cameras = None if query.cameras is None else json.dumps(query.cameras)
    found = db.execute(
        _SQL,
        (
            query.from_utc_us,
            query.to_utc_us,
            int(query.exercise),
            query.recipient,
            query.recipient,
            cameras,
            cameras,
            MOST_ROWS + 1,
        ),
    ).fetchall()
    rows = [_Row(*row) for row in found[:MOST_ROWS]]
    own: dict[str, list[_Row]] = {}
    for row in rows:
        own.setdefault(row.recipient, []).append(row)
    alarms = {row.alarm: row for row in rows}
    return AlarmTimes(
        alarms=len(alarms),
        to_disk=percentiles([_gap_s(one.raised, one.stored) for one in alarms.values()]),
        recipients=tuple(_of(recipient, own[recipient]) for recipient in sorted(own)),
        truncated=len(found) > MOST_ROWS,
    )


def _of(recipient: str, rows: Sequence[_Row]) -> RecipientTimes:
    done = [one for one in rows if one.delivered]
    judged = [one for one in rows if one.judged and one.taken and one.taken_org == recipient]
    return RecipientTimes(
        recipient,
        alarms=len(rows),
        delivered=len(done),
        to_sent=percentiles([_gap_s(one.stored, one.sent) for one in rows if one.sent]),
        to_delivered=percentiles([_gap_s(one.raised, one.delivered) for one in done]),
        holdups=_answers(recipient, [one for one in done if one.severity >= HOLDUP]),
        others=_answers(recipient, [one for one in done if one.severity < HOLDUP]),
        to_verdict=percentiles([_gap_s(one.taken, one.judged) for one in judged]),
    )


def _answers(recipient: str, rows: Sequence[_Row]) -> Answers:
    """Return how a recipient answers; what another one answered first is neither way."""
    asked = [one for one in rows if not one.taken or one.taken_org == recipient]
    answered = [_gap_s(one.delivered, one.taken) for one in asked if one.taken]
    within = tuple(
        (bound_s, sum(one <= bound_s for one in answered) / len(asked))
        for bound_s in WITHIN_S
        if asked
    )
    return Answers(len(asked), len(answered), percentiles(answered), within)


def _gap_s(begin_us: int, end_us: int) -> float:
    """Return seconds, never below 0: a clock may have been set between the two."""
    return max(0, end_us - begin_us) / 1e6


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """Return p50, p90, p95 and p99 by nearest rank."""
    if not seconds:
        return Percentiles()
    ordered = sorted(seconds)
    ranks = (ordered[math.ceil(share / 100 * len(ordered)) - 1] for share in SHARES)
    return Percentiles(len(ordered), *ranks)
