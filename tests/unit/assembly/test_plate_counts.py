# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from hypothesis import given
from hypothesis import strategies as st

from gateway.assembly import plate_counts
from gateway.assembly.plate_counts import GateCounts
from gateway.model.plate import Passing
from tests.unit.access.town import NOW
from tests.unit.assembly.parts import ManualClock

BOTH, HOUR_S = frozenset(Passing), 3_600


def counted(inward, outward, k=10):
    """Counts of an hour that is over."""
    clock = ManualClock(utc_us=NOW.utc_us)
    made = GateCounts(k, clock.now)
    for passing, times in ((Passing.IN, inward), (Passing.OUT, outward)):
        for _ in range(times):
            made.note("g", passing, clock.now())
    clock.advance(2 * HOUR_S)
    return made


@given(inward=st.integers(0, 40), outward=st.integers(0, 40), k=st.integers(2, 20))
def test_no_small_figure_is_told_nor_can_it_be_worked_out(inward, outward, k):
    """Whatever is told is k at least, and so is every difference of what is told."""
    for hour in counted(inward, outward, k).told({"g": BOTH}):
        told = [one for one in (hour.inward, hour.outward, hour.total) if one is not None]
        assert all(one >= k for one in told)
        if hour.total is not None:
            assert hour.total == inward + outward
            for one in (hour.inward, hour.outward):
                assert one is None or hour.total - one >= k


def test_large_figures_are_told():
    """Two figures and their sum."""
    (hour,) = counted(41, 23).told({"g": BOTH})
    assert (hour.inward, hour.outward, hour.total) == (41, 23, 64)


def test_a_gate_of_one_direction_tells_that_one():
    """That nobody leaves by it is no small figure: it does not count that."""
    (hour,) = counted(41, 0).told({"g": {Passing.IN}})
    assert (hour.inward, hour.outward, hour.total) == (41, None, 41)
    (hour,) = counted(41, 0).told({"g": BOTH})
    assert (hour.inward, hour.outward, hour.total) == (None, None, 41)


def test_the_hour_that_goes_on_is_not_told():
    """A figure that grows by one while one looks tells of one vehicle."""
    clock = ManualClock(utc_us=NOW.utc_us)
    counts = GateCounts(2, clock.now)
    for _ in range(50):
        counts.note("g", Passing.IN, clock.now())
    clock.advance(HOUR_S - 1)
    assert counts.told({"g": BOTH}) == []
    late = clock.now()
    clock.advance(30)  # read a little after the hour's end: it still counts there
    counts.note("g", Passing.IN, late)
    assert counts.told({"g": BOTH}) == []
    clock.advance(60)
    assert counts.told({"g": BOTH})[0].total == 51
    counts.note("g", Passing.IN, late)  # it was told: it does not change any more
    assert counts.told({"g": BOTH})[0].total == 51


def test_a_clock_that_is_ahead_counts_now():
    """A camera of tomorrow fills no hour that is to come."""
    clock = ManualClock(utc_us=NOW.utc_us)
    counts = GateCounts(2, clock.now)
    for _ in range(5):
        counts.note("g", Passing.IN, clock.now().shifted(86_400))
    clock.advance(2 * HOUR_S)
    assert [one.total for one in counts.told({"g": BOTH})] == [5]


def test_what_is_old_or_of_another_gate_is_not_told(monkeypatch):
    """Two days in memory, a bounded number of figures, and only the gates that are asked for."""
    counts = counted(30, 30)
    assert counts.told({"other": BOTH}) == []
    clock = ManualClock(utc_us=NOW.utc_us)
    counts = GateCounts(2, clock.now)
    for _ in range(60):
        for _ in range(3):
            counts.note("g", Passing.IN, clock.now())
        clock.advance(HOUR_S)
    told = counts.told({"g": BOTH})
    assert len(told) == plate_counts.KEPT_HOURS
    assert told[0].from_utc_us > told[-1].from_utc_us
    monkeypatch.setattr(plate_counts, "MOST_CELLS", 10)
    for _ in range(30):
        counts.note("g", Passing.IN, clock.now())
        clock.advance(HOUR_S)
    assert len(counts._cells) <= 11
