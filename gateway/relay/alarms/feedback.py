# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Verdicts of operators, counted per rule and camera; who gave them is not looked at.

Hold-ups are in no figure: what is told of a silent alarm would tell of it.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from gateway.model.alarm import AlarmVerdict
from gateway.model.feedback import HOURS, Feedback, FeedbackQuery, RuleVerdicts, WeekVerdicts
from gateway.model.time import ROME

MOST_GROUPS: Final = 500_000
"""Hours of rules with a verdict: more than a box has in a year."""
MOST_RULES: Final = 500
_SQL: Final = (
    "select a.rule, a.camera, a.zone, a.raised_utc_us/3600000000, a.verdict, count(*)"
    " from alarm a where a.raised_utc_us>=? and a.raised_utc_us<? and a.exercise=?"
    " and a.silent=0 and a.camera<>'' and a.verdict<>'esercitazione'"
    " and (?='' or ? in (select value from json_each(a.recipients)))"
    " and (? is null or a.camera in (select value from json_each(?)))"
    " group by 1, 2, 3, 4, 5 order by 4 desc limit ?"
)

Row = tuple[str, str, str, int, str, int]
"""Rule, camera, zone, hour since 1970 in UTC, verdict, how many."""


def measure(db: sqlite3.Connection, query: FeedbackQuery) -> Feedback:
    """Return what was said in a period; runs on a thread of the store."""
    cameras = None if query.cameras is None else json.dumps(query.cameras)
    period = (query.from_utc_us, query.to_utc_us, int(query.exercise))
    whose = (query.recipient, query.recipient, cameras, cameras)
    rows = db.execute(_SQL, (*period, *whose, MOST_GROUPS + 1)).fetchall()
    return counted(rows[:MOST_GROUPS], truncated=len(rows) > MOST_GROUPS)


def counted(rows: Iterable[Row], *, truncated: bool = False) -> Feedback:
    """Return rows by rule and week of Europe/Rome, most false ones first."""
    own: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        own[row[:3]].append(row)
    rules = [_rule(key, own[key]) for key in sorted(own)]
    rules.sort(key=lambda one: (-one.false, -one.confirmed - one.unjudged))
    return Feedback(tuple(rules[:MOST_RULES]), truncated or len(rules) > MOST_RULES)


def _rule(key: tuple[str, str, str], rows: Iterable[Row]) -> RuleVerdicts:
    weeks: dict[date, dict[str, int]] = {}
    hours = [0] * HOURS
    for *_, hour, verdict, count in rows:
        # an offset of Europe/Rome is a whole number of hours, so that no hour is in two days
        local = datetime.fromtimestamp(hour * 3600, UTC).astimezone(ROME)
        week = weeks.setdefault(local.date() - timedelta(days=local.weekday()), {})
        week[verdict] = week.get(verdict, 0) + count
        if verdict == AlarmVerdict.FALSE.value:
            hours[local.hour] += count
    return RuleVerdicts(*key, tuple(_week(day, weeks[day]) for day in sorted(weeks)), tuple(hours))


def _week(monday: date, said: dict[str, int]) -> WeekVerdicts:
    return WeekVerdicts(
        monday,
        said.get(AlarmVerdict.CONFIRMED.value, 0),
        said.get(AlarmVerdict.FALSE.value, 0),
        said.get(AlarmVerdict.NONE.value, 0),
    )
