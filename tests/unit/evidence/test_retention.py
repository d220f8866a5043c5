# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.evidence.retention: pure rules, then a disk through restarts and clock jumps."""

import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.evidence.retention import (
    FUTURE_S,
    Copy,
    Now,
    Rules,
    age_s,
    due,
    ends_utc_us,
    in_force,
    receipts,
)
from gateway.evidence.stills import Origin, Stills
from gateway.model.registry import Hold
from gateway.model.retention import CopyClass
from gateway.model.time import ClockQuality
from tests.fakes import EPOCH_US, FakeClock

H = 3600
DAY_H = 24.0
COPY = Copy("a.jpg", CopyClass.INCIDENT, "cam", "comune", EPOCH_US, True, 0, "run", 168.0, 10)
HOLD = Hold("h", "7/2026", "comune", ("cam",), EPOCH_US - 10, EPOCH_US + 10, date(2026, 9, 30), "x")


def now(hours, *, run="run", believed=True, utc_us=None, running_s=10_000, lost=False):
    counted = round(hours * H * 1e6)
    return Now(utc_us or EPOCH_US + counted, counted, run, believed, running_s, lost)


@pytest.mark.parametrize(
    ("rules", "hours", "over"),
    [
        (Rules(DAY_H * H, {"cam": 72.0}), 71.99, False),
        (Rules(DAY_H * H, {"cam": 72.0}), 72.0, True),
        (Rules(DAY_H * H, {}, {"comune": 48.0}), 48.0, True),
        (Rules(DAY_H * H, {}, {"comune": 48.0}), 47.9, False),
        (Rules(DAY_H * H), 24.0, True),
        (Rules(DAY_H * H, {"cam": 999.0}), 168.0, True),
    ],
)
def test_a_copy_goes_when_its_term_is_over(rules, hours, over):
    """The camera's ceiling counts, else its controller's, else the shortest; and what was told."""
    assert bool(due([COPY], rules, now(hours))) is over


def test_what_was_told_at_the_time_stays_the_most():
    """A controller that keeps longer from now on does not keep longer what is there."""
    rules = Rules(DAY_H * H, {"cam": 168.0})
    assert due([replace(COPY, most_h=24.0)], rules, now(24))
    assert not due([COPY], rules, now(24))


def test_an_unconfirmed_alarms_picture_has_the_boxs_own_term():
    """A still goes after the box's hours even where its controller may keep longer."""
    rules = Rules(12 * H, {"cam": 72.0})
    still = replace(COPY, kind=CopyClass.STILL)
    assert due([still, COPY], rules, now(12)) == (still,)


def test_hour_23_and_a_hold_preserve():
    """A request at hour 23 of a 24 h retention keeps the copy beyond it (D.8), until it ends."""
    copy = replace(COPY, most_h=24.0)
    rules = Rules(DAY_H * H, {"cam": 24.0}, holds=(HOLD,))
    assert not due([copy], rules, now(23))
    assert not due([copy], rules, now(30))
    assert due([copy], replace(rules, holds=()), now(30))
    after = Now(ends_utc_us(HOLD.until), round(1000 * H * 1e6), "run", True, 10_000)
    assert due([copy], rules, after)
    assert not due([copy], rules, replace(after, utc_us=after.utc_us - 1))


@pytest.mark.parametrize(
    "other",
    [
        replace(HOLD, controller="altro"),
        replace(HOLD, cameras=("cam-2",)),
        replace(HOLD, from_utc_us=EPOCH_US + 1),
        replace(HOLD, to_utc_us=EPOCH_US - 1),
    ],
)
def test_a_hold_of_something_else_keeps_nothing(other):
    """Another controller, camera or span is not held."""
    rules = Rules(DAY_H * H, {"cam": 24.0}, holds=(other,))
    assert due([COPY], rules, now(25))


def test_a_hold_without_cameras_is_for_all_of_its_controllers():
    """No camera named means each of them."""
    rules = Rules(DAY_H * H, {"cam": 24.0}, holds=(replace(HOLD, cameras=()),))
    assert not due([COPY], rules, now(25))


def test_a_hold_ends_at_midnight_in_rome_on_the_day_the_hour_is_repeated():
    """On 25 October the day has 25 hours; the hold ends at 24:00 Rome, 23:00 UTC."""
    assert ends_utc_us(date(2026, 10, 24)) == _us(2026, 10, 24, 22)
    assert ends_utc_us(date(2026, 10, 25)) == _us(2026, 10, 25, 23)


def _us(*when):
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 1_000_000


def test_terms_are_of_real_hours_when_the_hour_is_repeated():
    """Twenty-four hours over the change of 25 October are twenty-four hours."""
    taken = _us(2026, 10, 24, 23)
    copy = replace(COPY, captured_utc_us=taken, most_h=24.0, run="earlier")
    rules = Rules(DAY_H * H, {"cam": 24.0})
    assert not due([copy], rules, now(23.9, utc_us=taken + round(23.9 * H * 1e6)))
    assert due([copy], rules, now(24, utc_us=taken + 24 * H * 10**6))


def test_a_hold_does_not_end_by_a_clock_that_nobody_vouches_for():
    """What a judge asked for is not lost to a wrong clock."""
    late = Now(ends_utc_us(HOLD.until) + 1, 0, "run", False, 0)
    assert in_force(HOLD, late)
    assert not in_force(HOLD, replace(late, believed=True))


def test_ages_of_what_an_earlier_run_left():
    """The larger of counted time and UTC; without a believed capture time the count alone."""
    old = replace(COPY, run="earlier")
    assert age_s(old, now(1, utc_us=EPOCH_US + 5 * H * 10**6)) == 5 * H
    assert age_s(old, now(5, utc_us=EPOCH_US + 1)) == 5 * H
    undated = replace(old, believed=False)
    assert age_s(undated, now(1, utc_us=EPOCH_US + 5 * H * 10**6)) == H
    assert age_s(replace(old, counted_us=-1), now(1)) == H
    assert age_s(replace(undated, counted_us=-1), now(1)) == float("inf")


def test_nobody_knows_the_age_under_a_clock_that_is_behind():
    """Then it goes: at once by a believed clock, else when the clock had time to be put right."""
    old = replace(COPY, run="earlier")
    back = now(1, utc_us=EPOCH_US - round((FUTURE_S + 1) * 1e6))
    rules = Rules(DAY_H * H, {"cam": 24.0})
    assert due([old], rules, back)
    assert not due([old], rules, replace(back, believed=False, running_s=239))
    assert due([old], rules, replace(back, believed=False, running_s=240))
    assert due([old], rules, now(1, lost=True))


def test_a_receipt_has_counts_and_a_span_only():
    """One line per class and controller, no name in it."""
    later = replace(COPY, name="b.jpg", captured_utc_us=EPOCH_US + 5, size_bytes=7)
    other = replace(COPY, controller="scuola")
    (one, two) = receipts([later, COPY, other])
    assert (one.controller, one.copies, one.size_bytes) == ("comune", 2, 17)
    assert (one.from_utc_us, one.to_utc_us) == (EPOCH_US, EPOCH_US + 5)
    assert (two.controller, two.copies) == ("scuola", 1)
    assert "jpg" not in repr(one)


class Box(RuleBasedStateMachine):
    """A box through restarts, time off and clock jumps; the truth is kept beside."""

    TERM_S = 24 * H

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        # two days before the change of the hour
        self.clock = FakeClock(utc_us=_us(2026, 10, 23, 12))
        self.truth_s = 0.0
        self.taken = {}
        self.right = True
        self.trusted = True
        self.held = set()
        self.start()

    def start(self):
        self.stills = Stills(
            self.folder / "stills",
            self.clock,
            origin_of=lambda _: Origin("cam", "comune", self.clock.now()),
            rules=lambda: Rules(self.TERM_S, {"cam": 24.0}, holds=self.holds()),
        )

    def holds(self):
        return tuple(
            replace(HOLD, id=name, from_utc_us=at, to_utc_us=at + 1, until=date(2027, 12, 31))
            for name, at in self.held
        )

    @rule()
    def picture(self):
        name = f"al-{len(self.taken)}"
        self.stills.save(name, b"\xff\xd8" + name.encode())
        self.taken[name] = (self.truth_s, self.clock.utc_us)
        self.pass_(1)

    @rule(which=st.integers(0, 10**6))
    def hold(self, which):
        present = sorted(path.stem for path in (self.folder / "stills").glob("*.jpg"))
        if present:
            name = present[which % len(present)]
            self.held.add((name, self.taken[name][1]))

    @rule(minutes=st.integers(1, 26 * 60))
    def runs(self, minutes):
        for _ in range(0, minutes, 360):
            self.stills.sweep()
            self.pass_(min(minutes, 360) * 60)
        self.pass_(60)
        self.stills.sweep()

    def pass_(self, seconds):
        self.truth_s += seconds
        self.clock.advance(seconds)

    @rule(off_h=st.integers(0, 50))
    def restarts(self, off_h):
        self.truth_s += off_h * H
        self.clock.utc_us += off_h * H * 10**6
        self.clock.time_s = 5.0
        self.start()

    @rule(hours=st.integers(-40, 40))
    def clock_jumps(self, hours):
        self.clock.utc_us += hours * H * 10**6
        self.clock.quality = ClockQuality.UNSYNCHRONISED if hours else ClockQuality.SYNCHRONISED
        self.trusted = False

    @rule()
    def clock_is_put_right(self):
        self.clock.utc_us = _us(2026, 10, 23, 12) + round(self.truth_s * 1e6)
        self.clock.quality = ClockQuality.SYNCHRONISED

    @invariant()
    def nothing_outlives_its_term(self):
        if not hasattr(self, "stills"):
            return
        self.stills.sweep()
        present = {path.stem for path in (self.folder / "stills").glob("*.jpg")}
        spans = {at for _, at in self.held}
        held = {name for name, (_, at) in self.taken.items() if spans & {at, at - 1}}
        ages = {name: self.truth_s - at for name, (at, _) in self.taken.items()}
        right = self.clock.quality is ClockQuality.SYNCHRONISED
        if right:
            too_old = {name for name in present - held if ages[name] >= self.TERM_S}
            assert not too_old
        if self.trusted:
            young = {name for name, age in ages.items() if age < self.TERM_S}
            assert young <= present
        if self.trusted:
            assert held <= present

    def teardown(self):
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)


Box.TestCase.settings = settings(max_examples=50, stateful_step_count=16, deadline=None)
TestBox = Box.TestCase
