# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import logging

from gateway.runtime.tally import Tally
from tests.fakes import FakeClock


def test_a_flood_is_one_line_a_second(caplog):
    """A thousand repeats make two lines, and the second says how many were silent."""
    clock = FakeClock()
    tally = Tally(logging.getLogger("t"), clock)
    for _ in range(1000):
        tally.note("late", camera="a")
    clock.advance(1.5)
    tally.note("late", camera="a")
    assert [r.getMessage() for r in caplog.records] == ["late", "late"]
    assert [r.repeats for r in caplog.records] == [0, 999]
    assert tally.statistics() == {"late": 1001}


def test_events_do_not_silence_each_other(caplog):
    """Two different events in the same second are both heard."""
    tally = Tally(logging.getLogger("t"), FakeClock())
    tally.note("a")
    tally.note("b")
    assert len(caplog.records) == 2
