# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What parks, what waits at a light, and who only stands about."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.incident import Ended, Raised
from gateway.analytics.stopped import StoppedState, decide, expire, is_vehicle
from gateway.model.alarm import Kind
from gateway.model.registry import Analytic, Zone
from tests.unit.analytics.seen import START, seen, told, track

SQUARE = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
ZONE = Zone("z", "Z", "c", SQUARE, Analytic.STOPPED, dwell_s=60.0, off_after_s=10.0)


def car(id_: int = 1, x: float = 0.5, still_s: float = 0.0):
    return track(id_, x, 0.5, still_s=still_s, wide=True)


def parks(until_s: int, begin_s: int = 0, id_: int = 1):
    return [seen(s, [car(id_, still_s=s - begin_s + 1.0)]) for s in range(begin_s, until_s)]


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        pytest.param(parks(59), [], id="not long enough"),
        pytest.param(parks(90), [(60.0, "Raised")], id="stands"),
        pytest.param([seen(s, [car(x=0.2 + s / 200)]) for s in range(100)], [], id="rolls"),
        pytest.param(
            [seen(s, [track(1, 0.5, 0.5, still_s=s + 1.0)]) for s in range(100)],
            [],
            id="somebody who stands",
        ),
        pytest.param(
            [*parks(8), *[seen(s) for s in range(8, 100)]],
            [(60.0, "Raised")],
            id="becomes background where it stands",
        ),
        pytest.param(
            [*parks(8), *[seen(s) for s in range(8, 30)], seen(30, [car(2, 0.52)]),
             *[seen(s) for s in range(31, 120)]],
            [],
            id="drives off before it is due",
        ),
        pytest.param(
            [*parks(8), *[seen(s) for s in range(8, 70)], seen(70, [car(2, 0.52)]),
             *[seen(s) for s in range(71, 90)]],
            [(60.0, "Raised"), (79.0, "Ended")],
            id="drives off afterwards",
        ),
        pytest.param(
            [*parks(20), *parks(90, begin_s=20, id_=5)], [(60.0, "Raised")], id="another id"
        ),
        pytest.param(
            [seen(0, [car(still_s=0.5)]), *[seen(s) for s in range(1, 100)]],
            [],
            id="passed and was lost",
        ),
    ],
)  # fmt: skip
def test_stories(story, expected) -> None:
    """Each stop gives exactly these alarms, at these times."""
    assert told(decide, StoppedState(), ZONE, story) == expected


def test_what_is_a_vehicle() -> None:
    """By name where somebody named it, by metres where they are known, else by its shape."""
    upright = track(1, 0.5, 0.5)
    cases = [
        (car(), True),
        (upright, False),
        (replace(upright, kind=Kind.VEHICLE), True),
        (replace(car(), kind=Kind.PERSON), False),
        (replace(car(), metres=1.5), True),
        (replace(car(), metres=9.0), False),
        (track(1, 0.5, 0.5, size=0.02, wide=True), False),
    ]
    assert [is_vehicle(one) for one, _ in cases] == [counted for _, counted in cases]
    parked = replace(track(1, 0.5, 0.5, still_s=5.0), kind=Kind.TWO_WHEELER)
    story = [seen(s, [parked]) for s in range(70)]
    assert told(decide, StoppedState(), ZONE, story) == []
    named = replace(ZONE, classes=(Kind.TWO_WHEELER,))
    assert told(decide, StoppedState(), named, story) == [(60.0, "Raised")]


def test_it_says_why_and_ends() -> None:
    """The alarm names how long it stood; what vanished on the spot does not stand for ever."""
    state, events = StoppedState(), []
    for one in [*parks(8), *[seen(s) for s in range(8, 1000, 4)]]:
        state, said = decide(state, one, ZONE, one.captured)
        events += [said] if said else []
    assert isinstance(events[0], Raised)
    assert events[0].why is not None
    assert (events[0].why.rule, events[0].why.seconds) == ("veicolo-fermo", 60.0)
    assert isinstance(events[1], Ended)
    going = StoppedState(raised=True, present=START, heard=START)
    assert expire(going, ZONE, START.shifted(10))[1] == Ended("z", START.shifted(10))


@given(st.lists(st.tuples(st.floats(0.1, 30.0), st.booleans(), st.floats(0.2, 0.8)), max_size=50))
def test_never_two_alarms_for_one_incident(steps) -> None:
    """Whatever parks and vanishes: alarms and ends alternate."""
    at_s, story = 0.0, []
    for step_s, stands, x in steps:
        at_s += step_s
        story.append(seen(at_s, [car(1, round(x, 1), still_s=5.0 if stands else 0.0)]))
    events = told(decide, StoppedState(), ZONE, story)
    assert [what for _, what in events] == (["Raised", "Ended"] * len(events))[: len(events)]
    assert all(when >= ZONE.dwell_s for when, _ in events)
