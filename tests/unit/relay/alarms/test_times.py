# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.times."""

import pytest

from gateway.model.alarm import AlarmVerdict
from gateway.model.alarm_times import Percentiles, TimesQuery
from gateway.model.registry import Recipient, RecipientKind
from gateway.relay.alarms.outbox import open_outbox
from gateway.relay.alarms.times import percentiles
from gateway.wire.onvif_mqtt import Phase
from tests.fakes import FakeClock
from tests.unit.relay.alarms.test_book_rows import alarm

ROOM = Recipient("questura", "Questura", RecipientKind.ROOM, broker="b", inbox=True)
DESK = Recipient("sala-pl", "Sala", RecipientKind.ROOM)


def test_percentiles_are_values_that_were_measured():
    """Nearest rank: of ten values the ninth is p90; of none all is 0."""
    assert percentiles([float(n) for n in range(10, 0, -1)]) == Percentiles(10, 5, 9, 10, 10)
    assert percentiles([7.0]) == Percentiles(1, 7, 7, 7, 7)
    assert percentiles([]) == Percentiles()


@pytest.fixture
async def book(tmp_path):
    clock = FakeClock()
    async with open_outbox(tmp_path / "alarms.db", clock=clock) as outbox:
        yield outbox, clock


async def lived(book, *, taken_s=0.0, by="", sent_s=1.0, recipients=(ROOM,), **changes):
    """Raise an alarm, deliver it after `sent_s`, answer it `taken_s` after that."""
    outbox, clock = book
    made = alarm(clock, **changes)
    clock.advance(0.5)
    await outbox.raise_alarm(made, recipients=recipients, act="a")
    clock.advance(sent_s)
    await outbox.acknowledge("questura", Phase.RAISED, [made.id])
    if taken_s:
        clock.advance(taken_s)
        await outbox.take(made.id, "persona", organisation=by)
        clock.advance(10)
        await outbox.close(made.id, "persona", AlarmVerdict.FALSE)
    return made


def whole(clock, **values):
    return TimesQuery(0, clock.utc_us + 1, **values)


async def test_each_stage_from_the_picture_to_the_verdict(book):
    """Seconds to the disk, to the delivery, to the answer, to the verdict."""
    await lived(book, taken_s=20, by="questura")
    await lived(book, taken_s=40, by="questura")
    found = await book[0].times(whole(book[1]))
    assert (found.alarms, found.truncated, found.to_disk.p99_s) == (2, False, 0.5)
    (one,) = found.recipients
    assert (one.recipient, one.alarms, one.delivered) == ("questura", 2, 2)
    assert one.to_delivered.p50_s == 1.5
    assert (one.others.asked, one.others.answered) == (2, 2)
    assert (one.others.seconds.p50_s, one.others.seconds.p99_s) == (20, 40)
    assert dict(one.others.within) == {30: 0.5, 60: 1.0, 90: 1.0, 180: 1.0}
    assert one.to_verdict.p99_s == 10
    assert one.holdups.asked == 0


async def test_what_nobody_answered_counts_and_what_another_answered_does_not(book):
    """And hold-ups, which have to be answered sooner, are counted by themselves."""
    await lived(book, taken_s=20, by="questura", severity=5)
    await lived(book, severity=5)
    await lived(book, taken_s=5, by="sala-pl", recipients=(ROOM, DESK), severity=5)
    found = await book[0].times(whole(book[1]))
    room, desk = found.recipients
    assert (room.holdups.asked, room.holdups.answered) == (2, 1)
    assert dict(room.holdups.within)[30] == 0.5
    assert (desk.holdups.asked, desk.holdups.answered) == (1, 1)
    assert found.alarms == 3


async def test_only_what_was_asked_for(book):
    """A recipient's own, a controller's cameras, a period; training by itself."""
    outbox, clock = book
    first = await lived(book, recipients=(ROOM, DESK))
    await lived(book, camera="cam-2")
    await lived(book, exercise=True)
    assert (await outbox.times(whole(clock))).alarms == 2
    own = await outbox.times(whole(clock, recipient="sala-pl"))
    assert [one.recipient for one in own.recipients] == ["sala-pl"]
    assert (await outbox.times(whole(clock, cameras=("cam-2",)))).alarms == 1
    assert (await outbox.times(whole(clock, cameras=()))).alarms == 0
    assert (await outbox.times(whole(clock, exercise=True))).alarms == 1
    until = TimesQuery(0, first.raised.utc_us)
    assert (await outbox.times(until)).alarms == 0


async def test_a_clock_that_was_set_back_gives_no_negative_seconds(book):
    """Nothing is sooner than at once."""
    outbox, clock = book
    made = await lived(book)
    clock.utc_us -= 3_600_000_000
    await outbox.take(made.id, "persona", organisation="questura")
    (one,) = (await outbox.times(TimesQuery(0, made.raised.utc_us + 1))).recipients
    assert one.others.seconds.p99_s == 0.0
