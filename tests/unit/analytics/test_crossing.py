# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A line, its two sides, and who only walks along it."""

from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.crossing import CrossingState, decide, expire
from gateway.analytics.incident import Ended, Raised
from gateway.model.registry import WHOLE_PICTURE, Analytic, ArmedHours, Direction, Zone
from tests.unit.analytics.seen import START, seen, told, track

LINE = Zone(
    "z", "Z", "c", WHOLE_PICTURE, Analytic.CROSSING,
    line=((0.2, 0.5), (0.8, 0.5)), direction=Direction.AB, off_after_s=10.0,
)  # fmt: skip
DOWN = [0.3, 0.4, 0.48, 0.505, 0.53, 0.6, 0.7]


def walk(ys: list[float], x: float = 0.5, id_: int = 1, begin_s: float = 0.0, step_s: float = 0.2):
    return [seen(begin_s + i * step_s, [track(id_, x, y)]) for i, y in enumerate(ys)]


@pytest.mark.parametrize(
    ("zone", "story", "expected"),
    [
        pytest.param(LINE, walk(DOWN), [(0.8, "Raised")], id="from A to B"),
        pytest.param(LINE, walk(DOWN[::-1]), [], id="the other way"),
        pytest.param(
            replace(LINE, direction=Direction.BA), walk(DOWN[::-1]), [(0.8, "Raised")], id="B to A"
        ),
        pytest.param(
            replace(LINE, direction=Direction.BOTH), walk(DOWN[::-1]), [(0.8, "Raised")], id="both"
        ),
        pytest.param(LINE, walk(DOWN, x=0.1), [], id="beside the line"),
        pytest.param(LINE, walk([0.3, 0.7], step_s=4.0), [(4.0, "Raised")], id="key units alone"),
        pytest.param(LINE, walk([0.495, 0.505] * 20), [], id="jitter on the line"),
        pytest.param(LINE, walk([*DOWN, *DOWN[::-1], *DOWN]), [(0.8, "Raised")], id="who dithers"),
        pytest.param(
            LINE,
            [*walk(DOWN), *walk(DOWN, id_=2, begin_s=5.0), seen(20.0)],
            [(0.8, "Raised"), (20.0, "Ended")],
            id="who follows is of the same incident",
        ),
        pytest.param(
            LINE,
            [*walk(DOWN), seen(12.0), *walk(DOWN, id_=2, begin_s=13.0)],
            [(0.8, "Raised"), (12.0, "Ended"), (13.8, "Raised")],
            id="who comes later is of another",
        ),
        pytest.param(
            LINE,
            [*walk([0.3, 0.4, 0.46]), *walk([0.52, 0.6], id_=9, begin_s=0.6)],
            [(0.6, "Raised")],
            id="a track that changes its id at the line",
        ),
        pytest.param(
            LINE,
            [seen(0, [replace(track(1, 0.5, 0.55), path=((0.5, 0.4), (0.5, 0.55)))])],
            [(0.0, "Raised")],
            id="told only after it crossed",
        ),
        pytest.param(
            replace(LINE, on_after_s=20.0), walk(DOWN), [], id="seen for too short a time"
        ),
        pytest.param(
            replace(LINE, armed=(ArmedHours(time(22), time(6)),)), walk(DOWN), [], id="not armed"
        ),
    ],
)
def test_stories(zone: Zone, story, expected) -> None:
    """Each way across, along and back gives exactly these alarms."""
    assert told(decide, CrossingState(), zone, story) == expected


def test_it_says_why() -> None:
    """The alarm names the track, its box, and which way it went."""
    state, event = CrossingState(), None
    for one in walk(DOWN):
        state, said = decide(state, one, LINE, one.captured)
        event = event or said
    assert isinstance(event, Raised)
    assert event.why is not None
    assert (event.why.rule, event.why.track, event.why.detail) == ("attraversamento", 1, "ab")
    assert len(event.boxes) == 1


def test_a_new_scene_and_silence() -> None:
    """While a scene is learnt an incident goes on for a bounded time; silence ends it too."""
    state = CrossingState(raised=True, present=START, heard=START)
    going, event = decide(state, seen(39, new=True), LINE, START.shifted(39))
    assert event is None
    assert isinstance(decide(going, seen(40, new=True), LINE, START.shifted(40))[1], Ended)
    assert expire(state, LINE, START.shifted(10)) == (
        CrossingState(),
        Ended("z", START.shifted(10)),
    )


@given(st.lists(st.tuples(st.floats(0.05, 5.0), st.floats(0, 1), st.integers(1, 3)), max_size=40))
def test_never_two_alarms_for_one_incident(steps) -> None:
    """Whatever moves how: alarms and ends alternate, and an end comes no sooner than its bound."""
    at_s, story = 0.0, []
    for step_s, y, id_ in steps:
        at_s += step_s
        story.append(seen(at_s, [track(id_, 0.5, y)]))
    events = told(decide, CrossingState(), replace(LINE, direction=Direction.BOTH), story)
    assert [what for _, what in events] == (["Raised", "Ended"] * len(events))[: len(events)]
    pairs = zip(events[::2], events[1::2], strict=False)
    assert all(end - begin >= LINE.off_after_s for (begin, _), (end, _) in pairs)
