# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.escalation: tables of who hears when."""

from dataclasses import replace

import pytest

from gateway.model.alarm import Alarm, AlarmRecord, AlarmState
from gateway.model.registry import Escalation, EscalationStep
from gateway.relay.alarms.escalation import (
    ANSWER_S,
    Deadlines,
    goes_on,
    is_unanswered,
    policy_for,
    stages,
)
from tests.fakes import FakeClock


def policy(*steps, **values):
    made = tuple(EscalationStep(after_s, tuple(people)) for after_s, people in steps)
    return Escalation(**{"id": "p"} | values, steps=made)


LADDER = policy((0, ["pl"]), (60, ["ps"]), (120, ["ist"]))


@pytest.mark.parametrize(
    ("recipients", "one", "at_once", "later"),
    [
        (["ps", "pl"], None, ("ps", "pl"), ((ANSWER_S, ()),)),
        ([], None, (), ()),
        ([], LADDER, (), ()),
        (["ps", "pl", "ist"], LADDER, ("pl",),
         ((60, ("ps",)), (120, ("ist",)), (120 + ANSWER_S, ()))),
        (["pl"], LADDER, ("pl",), ((ANSWER_S, ()),)),
        (["ist", "ps"], LADDER, ("ps",), ((120, ("ist",)), (120 + ANSWER_S, ()))),
        (["other", "ps"], LADDER, ("other",), ((60, ("ps",)), (60 + ANSWER_S, ()))),
        (["other"], LADDER, ("other",), ((ANSWER_S, ()),)),
        (["pl", "ps"], policy((0, ["pl", "x"]), (60, ["pl", "ps"])), ("pl",),
         ((60, ("ps",)), (60 + ANSWER_S, ()))),
    ],
)  # fmt: skip
def test_who_hears_at_once_and_who_later(recipients, one, at_once, later):
    """Nobody whom the act does not name, nobody twice, and never nobody at all.

    That nobody answered is told in the end, with a policy or without.
    """
    assert stages(recipients, one) == (at_once, later)


def test_the_policy_that_names_the_camera_counts_then_the_more_severe():
    """One for all cameras counts where there is no other."""
    for_all = policy((0, ["x"]), id="all")
    grave = policy((0, ["x"]), id="grave", least_severity=4)
    bank = policy((0, ["x"]), id="bank", cameras=("banca",))
    known = (for_all, grave, bank)
    assert policy_for("banca", 5, known) is bank
    assert policy_for("piazza", 5, known) is grave
    assert policy_for("piazza", 3, known) is for_all
    assert policy_for("piazza", 3, (grave, bank)) is None


def record(clock, after_s=60.0, **changes):
    now = clock.now()
    alarm = Alarm("a", changes.pop("camera", "cam"), "z", "intrusione", 3, now)
    made = AlarmRecord(
        alarm, AlarmState.OPEN, now.utc_us,
        escalates_utc_us=now.utc_us + int(after_s * 1e6), escalates_to=("ps",),
    )  # fmt: skip
    return replace(made, **changes)


def test_a_deadline_is_kept_on_the_monotonic_clock():
    """UTC set back or forward by an hour neither delays nor hurries it."""
    for jump_s in (-3600, 3600):
        clock, deadlines = FakeClock(), Deadlines()
        one = record(clock)
        deadlines.note(one, clock.now())
        clock.utc_us += jump_s * 1_000_000
        deadlines.note(one, clock.now())
        clock.advance(59)
        assert deadlines.due(clock.now()) == []
        clock.advance(1)
        assert deadlines.due(clock.now()) == [("a", 0)]


def test_after_a_start_with_a_wrong_clock_it_waits_its_own_time_at_most():
    """A clock of 1970 does not put it off for years; one of the future makes it due."""
    for jump_s, due_after_s in ((-(10**8), 60), (10**8, 0)):
        clock, deadlines = FakeClock(), Deadlines()
        one = record(clock)
        clock.utc_us += jump_s * 1_000_000
        deadlines.note(one, clock.now())
        clock.advance(due_after_s)
        assert deadlines.due(clock.now()) == [("a", 0)]


def test_an_answer_takes_the_deadline_away_and_the_next_step_sets_another():
    """The oldest deadline comes first."""
    clock, deadlines = FakeClock(), Deadlines()
    one = record(clock)
    deadlines.note(one, clock.now())
    later = replace(one, step=1, escalates_utc_us=one.escalates_utc_us + 60_000_000)
    deadlines.note(later, clock.now())
    other = replace(one, alarm=replace(one.alarm, id="b"))
    deadlines.note(other, clock.now())
    clock.advance(120)
    assert deadlines.due(clock.now()) == [("b", 0), ("a", 1)]
    deadlines.note(replace(later, escalates_utc_us=0, taken_utc_us=1), clock.now())
    deadlines.drop("b")
    assert deadlines.due(clock.now()) == []


def test_utc_set_between_two_steps_neither_hurries_nor_delays_the_second():
    """The next step counts from the one before, on the same clock."""
    for jump_s in (-3600, 3600):
        clock, deadlines = FakeClock(), Deadlines()
        one = record(clock)
        deadlines.note(one, clock.now())
        clock.advance(61)
        clock.utc_us += jump_s * 1_000_000
        later = replace(one, step=1, escalates_utc_us=one.escalates_utc_us + 60_000_000)
        deadlines.note(later, clock.now())
        clock.advance(58)
        assert deadlines.due(clock.now()) == []
        clock.advance(1)
        assert deadlines.due(clock.now()) == [("a", 1)]


def test_only_the_box_that_raised_it_goes_on():
    """What a room adopted shows when it goes on; that nobody answered is told after the last."""
    clock = FakeClock()
    own, far = record(clock), record(clock, camera="nord.piazza")
    assert goes_on(own)
    assert not goes_on(far)
    last = replace(own, step=2, escalates_utc_us=0)
    assert is_unanswered(last)
    assert not is_unanswered(replace(last, taken_utc_us=1))
    assert not is_unanswered(replace(last, step=0))
