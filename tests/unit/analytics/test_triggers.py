# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.analytics.triggers: tables of stories, and arbitrary ones."""

from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.incident import Ended, Raised
from gateway.analytics.triggers import (
    MOST_PROPERTIES,
    SETTLE_S,
    TriggerState,
    decide,
    expire,
    stirs,
)
from gateway.model.event import CameraEvent, PropertyOperation
from gateway.model.registry import ArmedHours, Trigger
from gateway.model.time import Moment

MOTION = "RuleEngine/CellMotionDetector/Motion"
TRIGGER = Trigger("t", "Movimento", "c", MOTION, off_after_s=30.0)
START = Moment(500.0, 1_795_348_800_000_000)  # 2026-11-22 13:00 in Rome
OPERATIONS = {
    "I": PropertyOperation.INITIALIZED,
    "C": PropertyOperation.CHANGED,
    "D": PropertyOperation.DELETED,
    "N": PropertyOperation.NONE,
}


def event(at_s=0.0, value="true", operation="C", *, topic=MOTION, rule="r1", name="IsMotion"):
    """Return what the camera says `at_s` after the start; no value: no data."""
    data = ((name, value),) if value else ()
    source = (("VideoSourceToken", "vs0"), ("Rule", rule))
    moment = START.shifted(at_s)
    return CameraEvent(topic, OPERATIONS[operation], source, (), data, 0, moment)


def play(story, trigger=TRIGGER):
    """Return when what began and ended; a story is (seconds, event fields); time passes between."""
    state, found = TriggerState(), []
    story = [(at_s, dict(fields) if fields is not None else None) for at_s, fields in story]
    last_s = story[-1][0]
    ticks = [(tick / 2, None) for tick in range(int(2 * last_s) + 1)]
    for at_s, fields in sorted(story + ticks, key=lambda step: (step[0], step[1] is None)):
        if fields is None:
            state, result = expire(state, trigger, START.shifted(at_s))
        else:
            state, result = decide(state, event(at_s, **fields), trigger)
        if isinstance(result, Raised):
            assert (result.zone, result.captured) == ("t", START.shifted(at_s))
            found.append((at_s, "Raised"))
        elif isinstance(result, Ended):
            assert result.zone == "t"
            found.append((result.at.monotonic_s - START.monotonic_s, "Ended"))
    return found


ON, OFF = {}, {"value": "false"}
INITIAL = {"operation": "I"}


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        pytest.param(
            [(1, ON), (5, OFF), (20, None)], [(1, "Raised"), (5, "Ended")], id="on and off"
        ),
        pytest.param([(1, OFF), (20, None)], [], id="an off alone is nothing"),
        pytest.param(
            [(1, INITIAL), (8, OFF), (20, None)],
            [(1, "Raised"), (8, "Ended")],
            id="on when we came",
        ),
        pytest.param(
            [(1, {"operation": "I", "value": "false"}), (20, None)], [], id="off when we came"
        ),
        pytest.param(
            [(1, ON), (3, ON), (9, ON), (12, OFF), (20, None)],
            [(1, "Raised"), (12, "Ended")],
            id="repetition is one alarm",
        ),
        pytest.param(
            [(1, ON), (60, None)], [(1, "Raised"), (31, "Ended")], id="the off never comes"
        ),
        pytest.param(
            [(1, ON), (20, ON), (45, ON), (90, None)],
            [(1, "Raised"), (75, "Ended")],
            id="each repetition extends",
        ),
        pytest.param(
            [(1, ON), (20, INITIAL), (90, None)],
            [(1, "Raised"), (50, "Ended")],
            id="a confirmation extends",
        ),
        pytest.param(
            [(1, ON), (60, INITIAL), (120, INITIAL), (180, None)],
            [(1, "Raised"), (31, "Ended")],
            id="a state that is told again after the end is no news",
        ),
        pytest.param(
            [(1, ON), (60, ON), (100, None)],
            [(1, "Raised"), (31, "Ended"), (60, "Raised"), (90, "Ended")],
            id="a change after the end is",
        ),
        pytest.param(
            [(1, ON), (5, OFF), (40, INITIAL), (80, None)],
            [(1, "Raised"), (5, "Ended"), (40, "Raised"), (70, "Ended")],
            id="and so is a state that was off in between",
        ),
        pytest.param(
            [(1, ON), (3, OFF), (4, ON), (6, OFF), (7, ON), (9, OFF), (30, None)],
            [(1, "Raised"), (9, "Ended")],
            id="a blinking detector is one incident",
        ),
        pytest.param(
            [(1, ON), (3, OFF), (3.5, OFF), (4, OFF), (30, None)],
            [(1, "Raised"), (3, "Ended")],
            id="the first off counts",
        ),
        pytest.param(
            [(1, ON), (5, {"operation": "D", "value": ""}), (20, None)],
            [(1, "Raised"), (5, "Ended")],
            id="deleted is off",
        ),
        pytest.param(
            [(1, ON), (2, {"rule": "r2"}), (5, OFF), (9, {"rule": "r2", "value": "0"}), (20, None)],
            [(1, "Raised"), (9, "Ended")],
            id="two rules of one camera are one incident until both are over",
        ),
        pytest.param(
            [(1, {"topic": "VideoSource/MotionAlarm", "name": "State"}), (60, None)],
            [(1, "Raised"), (31, "Ended")],
            id="another camera's name for the same topic",
        ),
        pytest.param([(1, {"topic": "Other/Topic"}), (20, None)], [], id="another topic"),
        pytest.param(
            [(1, {"value": "", "operation": "N"}), (60, None)],
            [(1, "Raised"), (31, "Ended")],
            id="an occurrence",
        ),
        pytest.param(
            [(1, {"name": "ObjectId", "value": "0"}), (60, None)],
            [(1, "Raised"), (31, "Ended")],
            id="an id that is zero is no off",
        ),
        pytest.param(
            [(1, {"name": "ObjectId", "value": "26080", "operation": "I"}), (60, None)],
            [],
            id="a number that is told at subscription is no alarm",
        ),
    ],
)
def test_stories(story, expected):
    """Each story gives exactly these alarms, at these times."""
    assert play(story) == expected


@pytest.mark.parametrize(
    ("name", "value", "on"),
    [
        ("IsMotion", "true", True),
        ("IsMotion", "TRUE", True),
        ("State", "1", True),
        ("LogicalState", "active", True),
        ("LogicalState", "inactive", False),
        ("active", "0", False),
        ("Relay", "on", True),
        ("Relay", "off", False),
        ("IsInside", "0", False),
        ("motion", "0", False),
    ],
)
def test_words_for_on_and_off(name, value, on):
    """Whatever boolean a camera writes, without being told which item it is."""
    assert bool(play([(1, {"name": name, "value": value}), (2, None)])) is on


@pytest.mark.parametrize(
    ("data", "raised"),
    [
        ((("Level", "7"), ("IsMotion", "false")), True),
        ((("LEVEL", "0"), ("IsMotion", "true")), False),
        ((("Level", "0.0"),), False),
        ((("Level", "true"),), True),
        ((("Level", "high"),), False),
        ((("IsMotion", "true"),), False),
        ((), False),
    ],
)
def test_the_item_that_a_trigger_names_decides_alone(data, raised):
    """Other items are not looked at; a number says whether it is zero; nonsense says nothing."""
    trigger = replace(TRIGGER, item="Level")
    state, result = decide(TriggerState(), replace(event(), data=data), trigger)
    assert isinstance(result, Raised) is raised
    assert state.raised is raised


def test_only_the_source_of_the_trigger_counts():
    """Every item that the trigger names must be there; a key serves as well as a source."""
    trigger = replace(TRIGGER, source=(("videosourcetoken", "vs0"), ("Rule", "r2")))
    assert decide(TriggerState(), event(rule="r1"), trigger)[1] is None
    assert isinstance(decide(TriggerState(), event(rule="r2"), trigger)[1], Raised)
    keyed = replace(event(), source=(("VideoSourceToken", "vs0"),), key=(("Rule", "r2"),))
    assert isinstance(decide(TriggerState(), keyed, trigger)[1], Raised)


NIGHT = replace(TRIGGER, armed=(ArmedHours(time(13, 1), time(14, 0)),))


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        pytest.param([(1, ON), (50, None)], [], id="not armed"),
        pytest.param([(1, ON), (61, ON), (64, OFF), (80, None)], [(61, "Raised"), (64, "Ended")]),
        pytest.param(
            [(1, ON), (61, INITIAL), (64, OFF), (80, None)], [(61, "Raised"), (64, "Ended")]
        ),
    ],
)
def test_armed_hours(story, expected):
    """Before 13:01 nothing is an alarm; what goes on after it is one, also if only confirmed."""
    assert play(story, NIGHT) == expected


def test_the_end_of_armed_hours_ends_an_incident_that_goes_on():
    """After 13:01 repetitions no longer extend; it ends like one that nobody repeats."""
    until = replace(TRIGGER, armed=(ArmedHours(time(12, 0), time(13, 1)),))
    story = [(50, ON), (58, ON), (65, ON), (75, ON), (85, ON), (120, None)]
    assert play(story, until) == [(50, "Raised"), (88, "Ended")]


def test_memory_is_bounded():
    """A camera that invents sources fills nothing."""
    state = TriggerState()
    for number in range(3 * MOST_PROPERTIES):
        state, _ = decide(state, event(number, rule=f"r{number}"), TRIGGER)
    assert len(state.properties) == MOST_PROPERTIES


def test_nothing_happens_while_nothing_is_raised():
    """`expire` of a fresh state changes nothing."""
    assert expire(TriggerState(), TRIGGER, START) == (TriggerState(), None)


steps = st.tuples(
    st.floats(0, 40),
    st.sampled_from(["true", "false", "1", "", "x"]),
    st.sampled_from("ICDN"),
    st.sampled_from(["r1", "r2"]),
)


@given(st.lists(steps, max_size=40))
def test_alarms_alternate_and_always_end(story):
    """Whatever the camera says: raised, ended, raised ...; and over after silence."""
    state, found, now_s = TriggerState(), [], 0.0
    for gap_s, value, operation, rule in story:
        now_s += gap_s
        state, first = expire(state, TRIGGER, START.shifted(now_s))
        state, second = decide(state, event(now_s, value, operation, rule=rule), TRIGGER)
        found += [type(one) for one in (first, second) if one is not None]
    state, last = expire(state, TRIGGER, START.shifted(now_s + TRIGGER.off_after_s + SETTLE_S))
    found += [type(last)] if last is not None else []
    assert not state.raised
    assert found == [Raised, Ended] * (len(found) // 2)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"value": "false"}, False),
        ({"operation": "D"}, False),
        ({"topic": "VideoSource/MotionAlarm", "name": "State"}, True),
        ({"topic": "Device/Trigger/DigitalInput", "name": "LogicalState"}, False),
    ],
)
def test_a_camera_says_that_something_moves(fields, expected):
    """Only its own movement, while it goes on, is a reason to look closer."""
    assert stirs(event(**fields)) is expected
