# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.feedback: verdicts counted from a real book."""

from datetime import UTC, date, datetime

import pytest

from gateway.model.alarm import AlarmVerdict, Kind, Why
from gateway.model.feedback import FeedbackQuery, WeekVerdicts
from gateway.model.registry import Recipient, RecipientKind
from gateway.relay.alarms.feedback import MOST_RULES, counted
from gateway.relay.alarms.outbox import open_outbox
from tests.fakes import FakeClock
from tests.unit.relay.alarms.test_book_rows import alarm

ROOM = Recipient("questura", "Questura", RecipientKind.ROOM)
DESK = Recipient("sala-pl", "Sala", RecipientKind.ROOM)


@pytest.fixture
async def book(tmp_path):
    clock = FakeClock()
    async with open_outbox(tmp_path / "alarms.db", clock=clock) as outbox:
        yield outbox, clock


async def judged(book, verdict, *, recipients=(ROOM,), **changes):
    outbox, clock = book
    clock.advance(1)
    made = alarm(clock, **changes)
    await outbox.raise_alarm(made, recipients=recipients, act="a")
    if verdict is not AlarmVerdict.NONE:
        await outbox.close(made.id, "persona", verdict)
    return made


async def test_verdicts_are_counted_by_rule_and_camera(book):
    """Exercises and hold-ups in none; of what the asker was told of, or of the own cameras."""
    await judged(book, AlarmVerdict.CONFIRMED)
    await judged(book, AlarmVerdict.FALSE)
    await judged(book, AlarmVerdict.FALSE, recipients=(DESK,))
    await judged(book, AlarmVerdict.NONE)
    await judged(book, AlarmVerdict.EXERCISE)
    await judged(book, AlarmVerdict.CONFIRMED, silent=True)
    await judged(book, AlarmVerdict.FALSE, exercise=True)
    await judged(book, AlarmVerdict.FALSE, camera="cam-2")
    outbox, clock = book
    whole = FeedbackQuery(0, clock.utc_us + 1)
    found = (await outbox.verdicts(whole)).rules
    assert [(one.camera, one.confirmed, one.false, one.unjudged) for one in found] == [
        ("cam-1", 1, 2, 1),
        ("cam-2", 0, 1, 0),
    ]
    mine = FeedbackQuery(0, clock.utc_us + 1, recipient="sala-pl")
    assert [one.false for one in (await outbox.verdicts(mine)).rules] == [1]
    own = FeedbackQuery(0, clock.utc_us + 1, cameras=("cam-2",))
    assert [one.camera for one in (await outbox.verdicts(own)).rules] == ["cam-2"]
    assert (await outbox.verdicts(FeedbackQuery(0, 1))).rules == ()


async def test_why_survives_the_disk(book):
    """Data that a sentence is made of; an alarm without any has none."""
    why = Why("intrusione", 7, Kind.PERSON, 1.25, 1.7, 0.82, mode="key-units")
    with_why, without = (
        await judged(book, AlarmVerdict.NONE, why=why),
        await judged(book, AlarmVerdict.NONE),
    )
    outbox, _ = book
    found = {one.alarm.id: one.alarm.why for one in await outbox.recent(9)}
    assert found == {with_why.id: why, without.id: None}


def hour(*when):
    return int(datetime(*when, tzinfo=UTC).timestamp()) // 3600


def test_weeks_and_hours_are_those_of_the_place():
    """Sunday 23 h UTC is Monday in Rome; in the night of two o'clocks both count as two."""
    rows = [
        ("intrusione", "c", "z", hour(2026, 11, 15, 23), "falso", 2),
        ("intrusione", "c", "z", hour(2026, 11, 15, 22), "confermato", 1),
        ("intrusione", "c", "z", hour(2026, 10, 25, 0), "falso", 1),
        ("intrusione", "c", "z", hour(2026, 10, 25, 1), "falso", 1),
    ]
    (one,) = counted(rows).rules
    assert one.weeks == (
        WeekVerdicts(date(2026, 10, 19), false=2),
        WeekVerdicts(date(2026, 11, 9), confirmed=1),
        WeekVerdicts(date(2026, 11, 16), false=2),
    )
    assert {at: n for at, n in enumerate(one.false_hours) if n} == {0: 2, 2: 2}


def test_too_many_rules_are_said_and_the_worst_stay():
    """Those with few false alarms give way."""
    rows = [("r", "c", f"z{n}", 0, "falso", n + 1) for n in range(MOST_RULES + 5)]
    found = counted(rows)
    assert found.truncated
    assert len(found.rules) == MOST_RULES
    assert found.rules[0].false == MOST_RULES + 5
