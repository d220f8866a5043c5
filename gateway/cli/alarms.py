# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco alarms`: how long alarms took to the operator (B-45), and how right they were.

Read from the book of alarms on this machine; no person and no single alarm is told.
"""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from gateway.cli.speech import Say
from gateway.config.load import load
from gateway.model.alarm_times import AlarmTimes, Answers, Percentiles, TimesQuery
from gateway.model.errors import ConfigError, StoreError
from gateway.model.feedback import FeedbackQuery, RuleVerdicts
from gateway.model.feedback import precision as how_right
from gateway.model.time import ROME
from gateway.relay.alarms import feedback
from gateway.relay.alarms.times import measure

FILE = "alarms.db"
_NONE = "–"

T = TypeVar("T")


def times(config: Path, period: tuple[str, str], say: Say, *, as_json: bool = False) -> int:
    """Print the figures of a period; ConfigError for a day that is none, StoreError."""
    options, (begin_us, end_us) = load(config), _period(period)
    query = TimesQuery(begin_us, end_us, exercise=options.box.exercise)
    found = _measured(options.box.state_dir / FILE, lambda db: measure(db, query))
    if as_json:
        print(json.dumps(asdict(found)))
        return 0
    _print(found, say)
    return 0


def precision(config: Path, period: tuple[str, str], say: Say, *, as_json: bool = False) -> int:
    """Print how right each rule was in a period; errors as of `times`."""
    options, (begin_us, end_us) = load(config), _period(period)
    query = FeedbackQuery(begin_us, end_us, exercise=options.box.exercise)
    found = _measured(options.box.state_dir / FILE, lambda db: feedback.measure(db, query))
    if as_json:
        print(json.dumps(asdict(found), default=str))
        return 0
    for one in found.rules:
        print(f"{one.rule} {one.camera} {one.zone}: {_right(one, say)}")
    if not found.rules:
        print(say("nessun allarme", "no alarm"))
    return 0


def _right(one: RuleVerdicts, say: Say) -> str:
    known = how_right(one.confirmed, one.false)
    open_ = say(f"{one.unjudged} senza esito", f"{one.unjudged} without a verdict")
    if known is None:
        return open_
    words = say(
        f"{one.confirmed} veri su {known.judged}", f"{one.confirmed} right of {known.judged}"
    )
    return f"{words}, {known.share:.0%} ({known.least:.0%}–{known.most:.0%}); {open_}"


def _period(period: tuple[str, str]) -> tuple[int, int]:
    """Return two days, both included, in microseconds UTC."""
    begin, end = (_day(text, name) for text, name in zip(period, ("--from", "--to"), strict=True))
    after = datetime.combine((end + timedelta(days=1)).date(), end.timetz())
    return _us(begin), _us(after)


def _measured(path: Path, measured: Callable[[sqlite3.Connection], T]) -> T:
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
            return measured(db)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error


def _day(text: str, name: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=ROME)
    except ValueError as error:
        raise ConfigError("varco alarms", name, "is not a day", "write 2026-01-31") from error


def _us(when: datetime) -> int:
    return int(when.timestamp()) * 1_000_000


def _print(found: AlarmTimes, say: Say) -> None:
    print(say(f"allarmi: {found.alarms}", f"alarms: {found.alarms}"))
    if found.truncated:
        print(say("  troppi: solo i più recenti", "  too many: the newest alone"))
    print(f"  {say('fino al disco', 'to the disk')}: {_words(found.to_disk)}")
    for one in found.recipients:
        delivered = say("consegnati", "delivered")
        print(f"{one.recipient}: {one.alarms}, {delivered} {one.delivered}")
        print(f"  {say('fino alla consegna', 'to the delivery')}: {_words(one.to_delivered)}")
        print(f"  {say('risposta, rapine', 'answer, hold-ups')}: {_answer(one.holdups, say)}")
        print(f"  {say('risposta, altri', 'answer, others')}: {_answer(one.others, say)}")
        print(f"  {say('dalla risposta all’esito', 'answer to verdict')}: {_words(one.to_verdict)}")


def _words(one: Percentiles) -> str:
    if not one.count:
        return _NONE
    return f"p50 {one.p50_s:.1f}  p90 {one.p90_s:.1f}  p95 {one.p95_s:.1f}  p99 {one.p99_s:.1f} s"


def _answer(one: Answers, say: Say) -> str:
    if not one.asked:
        return _NONE
    within = ", ".join(f"≤ {bound_s} s {share:.1%}" for bound_s, share in one.within)
    return f"{one.answered} {say('di', 'of')} {one.asked}; {within}; {_words(one.seconds)}"
