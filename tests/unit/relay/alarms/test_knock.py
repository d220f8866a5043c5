# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.knock: seldom, in turn, and never pushed away."""

from types import SimpleNamespace

import pytest

from gateway.model.alarm import Alarm
from gateway.model.alarm import DeliveryState as State
from gateway.model.identifiers import uuid7
from gateway.model.registry import Recipient, RecipientKind
from gateway.relay.alarms.knock import Knocks
from gateway.relay.alarms.outbox import open_outbox
from tests.fakes import FakeClock

INSTITUTE = Recipient("istituto", "Istituto", RecipientKind.INSTITUTE, broker="b")
PACE = SimpleNamespace(refused_first_s=60.0, refused_most_s=100.0, probes=2)


@pytest.fixture
async def desk(tmp_path):
    clock = FakeClock()
    async with open_outbox(tmp_path / "alarms.db", clock=clock) as outbox:
        yield SimpleNamespace(
            outbox=outbox, clock=clock, knocks=Knocks(INSTITUTE.id, outbox, clock, PACE)
        )


async def park(desk, count):
    """Raise alarms that the recipient refuses; return their rows."""
    for number in range(count):
        now = desk.clock.now()
        one = Alarm(
            uuid7(now.utc_us, bytes([number] * 10)), "cam", f"z{number}", "intrusione", 3, now
        )
        await desk.outbox.raise_alarm(one, recipients=[INSTITUTE], act="patto")
    rows = await desk.outbox.due(INSTITUTE.id, (State.WAITING,), limit=count)
    for row in rows:
        await desk.outbox.mark(row.seq, State.REFUSED, problem="no")
        desk.knocks.refused()
    return sorted(row.seq for row in rows)


async def seqs(desk, after_s=0.0):
    desk.clock.time_s += after_s
    return [one.seq for one in await desk.knocks.due()]


async def test_a_few_are_tried_in_turn_and_ever_more_seldom(desk):
    """None hides the others; the wait doubles up to its bound."""
    a, b, c, d, e = await park(desk, 5)
    assert await seqs(desk) == [a, b]
    assert await seqs(desk, 59.0) == []
    assert await seqs(desk, 1.0) == [c, d]
    assert await seqs(desk, 99.0) == []
    assert await seqs(desk, 1.0) == [e]
    assert await seqs(desk, 100.0) == [a, b]


async def test_the_first_refusal_waits_its_time_and_later_ones_delay_nothing(desk):
    """Where nothing was owed, a refusal is not repeated at once; a stream of them starves none."""
    assert await seqs(desk) == []
    desk.clock.time_s += 59.0
    (one,) = await park(desk, 1)
    assert await seqs(desk, 1.0) == []
    for _ in range(58):
        desk.knocks.refused()
        assert await seqs(desk, 1.0) == []
    assert await seqs(desk, 1.0) == [one]


async def test_one_that_is_taken_lets_all_follow(desk):
    """They wait as new ones do, and the next refusal begins with the first wait."""
    rows = await park(desk, 4)
    assert len(await seqs(desk)) == 2
    assert await desk.knocks.taken() == 4
    waiting = await desk.outbox.due(INSTITUTE.id, (State.WAITING,), limit=9)
    assert sorted(one.seq for one in waiting) == rows
    assert await seqs(desk, 60.0) == []
    (again, *_) = await park(desk, 1)
    assert again in await seqs(desk, 60.0)


async def test_a_new_line_begins_with_a_try(desk):
    """Somebody may have changed something; the wait is the first one again."""
    rows = await park(desk, 2)
    for after_s in (0.0, 60.0, 100.0):
        assert len(await seqs(desk, after_s)) == 2
    desk.knocks.begin()
    assert await seqs(desk) == rows
    assert await seqs(desk, 60.0) == rows
