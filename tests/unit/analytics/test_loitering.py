# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who stays, who passes, and a passage that is never empty."""

from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.incident import Ended, Raised
from gateway.analytics.loitering import LoiteringState, decide, expire
from gateway.model.registry import Analytic, ArmedHours, Zone
from tests.unit.analytics.seen import START, seen, told, track

SQUARE = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
ZONE = Zone("z", "Z", "c", SQUARE, Analytic.LOITERING, dwell_s=30.0, off_after_s=10.0)
NOON = ArmedHours(time(13, 0, 20), time(14))
"""Armed twenty seconds after START."""


def stay(until_s: int, ids=lambda _: (1,), x: float = 0.5, begin_s: int = 0):
    return [seen(s, [track(i, x, 0.5) for i in ids(s)]) for s in range(begin_s, until_s)]


@pytest.mark.parametrize(
    ("zone", "story", "expected"),
    [
        pytest.param(ZONE, stay(29), [], id="not long enough"),
        pytest.param(
            ZONE,
            [*stay(90), seen(95), seen(99)],
            [(30.0, "Raised"), (99.0, "Ended")],
            id="stays",
        ),
        pytest.param(ZONE, stay(60, x=0.9), [], id="outside"),
        pytest.param(
            ZONE,
            [
                seen(s, [track(s // 5, 0.25 + 0.1 * (s % 5), 0.3 + 0.3 * (s // 5 % 2))])
                for s in range(120)
            ],
            [],
            id="a passage that is never empty",
        ),
        pytest.param(
            ZONE, stay(60, lambda s: (1 + s // 12,)), [(30.0, "Raised")], id="ids that change"
        ),
        pytest.param(
            ZONE,
            [
                one
                for one in stay(40)
                if int(one.pts_90k) == 0 and one.captured.monotonic_s % 3 != 1
            ],
            [(30.0, "Raised")],
            id="pictures that are missing",
        ),
        pytest.param(
            ZONE,
            [*stay(20), *stay(30, x=0.9, begin_s=20), *stay(55, begin_s=30)],
            [],
            id="went out for longer than a blink",
        ),
        pytest.param(
            ZONE,
            [
                *stay(60),
                *stay(120, lambda _: (1, 2), begin_s=60),
                *stay(160, lambda _: (2,), begin_s=120),
            ],
            [(30.0, "Raised")],
            id="a second one while the first is there",
        ),
        pytest.param(
            replace(ZONE, armed=(NOON,)), stay(60), [(50.0, "Raised")], id="counts only while armed"
        ),
    ],
)
def test_stories(zone: Zone, story, expected) -> None:
    """Each stay gives exactly these alarms, at these times."""
    assert told(decide, LoiteringState(), zone, story) == expected


def test_it_says_why() -> None:
    """The alarm names who stays longest, for how long, and shows everybody who stays too long."""
    state, event = LoiteringState(), None
    for one in [*stay(5), *stay(32, lambda _: (1, 2), begin_s=5)]:
        state, said = decide(state, one, ZONE, one.captured)
        event = event or said
    assert isinstance(event, Raised)
    assert event.why is not None
    assert (event.why.rule, event.why.track, event.why.seconds) == ("stazionamento", 1, 30.0)
    assert event.boxes == (track(1, 0.5, 0.5).box,)


def test_a_new_scene_and_silence() -> None:
    """While a scene is learnt an incident goes on for a bounded time; silence ends it too."""
    state = LoiteringState(raised=True, present=START, heard=START)
    assert decide(state, seen(39, new=True), ZONE, START)[1] is None
    assert isinstance(decide(state, seen(40, new=True), ZONE, START)[1], Ended)
    assert expire(state, ZONE, START.shifted(10))[1] == Ended("z", START.shifted(10))


@given(st.lists(st.tuples(st.floats(0.1, 20.0), st.sets(st.integers(1, 4))), max_size=60))
def test_never_two_alarms_for_one_incident(steps) -> None:
    """Whoever comes and goes: alarms and ends alternate, and no alarm comes before its dwell."""
    at_s, story = 0.0, []
    for step_s, ids in steps:
        at_s += step_s
        story.append(seen(at_s, [track(i, 0.2 + 0.15 * i, 0.5) for i in ids]))
    events = told(decide, LoiteringState(), ZONE, story)
    assert [what for _, what in events] == (["Raised", "Ended"] * len(events))[: len(events)]
    assert all(when >= ZONE.dwell_s for when, _ in events)
