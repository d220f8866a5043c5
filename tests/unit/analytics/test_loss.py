# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Pictures that do not come, a line that flaps, and a stream that nobody needs."""

from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.incident import Raised
from gateway.analytics.loss import LossState, decide
from gateway.model.media import StreamState
from gateway.model.registry import WHOLE_PICTURE, Analytic, ArmedHours, Zone
from tests.unit.analytics.seen import START

ZONE = Zone("z", "Z", "c", WHOLE_PICTURE, Analytic.LOSS, dwell_s=20.0, off_after_s=10.0)
LIVE, GONE, IDLE = StreamState.LIVE, StreamState.UNREACHABLE, StreamState.IDLE


def told(zone: Zone, story):
    state, found = LossState(), []
    for at_s, stream in story:
        state, event = decide(state, stream, zone, START.shifted(at_s))
        if event is not None:
            found.append((at_s, type(event).__name__))
    return found


def each(stream: StreamState, begin_s: int, until_s: int):
    return [(s, stream) for s in range(begin_s, until_s)]


@pytest.mark.parametrize(
    ("zone", "story", "expected"),
    [
        pytest.param(ZONE, [*each(LIVE, 0, 5), *each(GONE, 5, 24)], [], id="starts anew"),
        pytest.param(ZONE, each(GONE, 0, 60), [(20, "Raised")], id="never came"),
        pytest.param(
            ZONE,
            [*each(GONE, 0, 30), *each(LIVE, 30, 45)],
            [(20, "Raised"), (39, "Ended")],
            id="comes back",
        ),
        pytest.param(
            ZONE,
            [(s, LIVE if s % 7 == 0 else GONE) for s in range(30, 200)],
            [],
            id="shows up often enough",
        ),
        pytest.param(
            ZONE,
            [*each(GONE, 0, 30), *[(s, LIVE if s % 7 < 6 else GONE) for s in range(30, 200)]],
            [(20, "Raised")],
            id="flaps after the loss",
        ),
        pytest.param(ZONE, each(IDLE, 0, 60), [], id="nobody needs it"),
        pytest.param(
            replace(ZONE, armed=(ArmedHours(time(13, 0, 30), time(14)),)),
            each(GONE, 0, 60),
            [(50, "Raised")],
            id="counts only while armed",
        ),
    ],
)
def test_stories(zone: Zone, story, expected) -> None:
    """Each loss gives exactly these alarms, at these times."""
    assert told(zone, story) == expected


def test_it_says_why() -> None:
    """The alarm tells for how long, and in which state the stream is."""
    state, _ = decide(LossState(), StreamState.STALLED, ZONE, START)
    _, event = decide(state, StreamState.STALLED, ZONE, START.shifted(21))
    assert isinstance(event, Raised)
    assert event.why is not None
    assert (event.why.rule, event.why.seconds, event.why.detail) == ("perdita-video", 21, "stalled")


@given(st.lists(st.tuples(st.integers(1, 15), st.sampled_from(StreamState)), max_size=60))
def test_never_two_alarms_for_one_incident(steps) -> None:
    """However it flaps: alarms and ends alternate, and an end needs a steady stream."""
    at_s, story = 0, []
    for step_s, stream in steps:
        at_s += step_s
        story.append((at_s, stream))
    events = told(ZONE, story)
    assert [what for _, what in events] == (["Raised", "Ended"] * len(events))[: len(events)]
