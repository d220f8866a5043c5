# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What is done to a camera, and what weather, lamps and evenings do."""

from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.incident import Ended, Raised
from gateway.analytics.tamper import TamperState, decide, expire
from gateway.model.alarm import Condition
from gateway.model.registry import WHOLE_PICTURE, Analytic, ArmedHours, Zone
from tests.unit.analytics.seen import START, healthy, seen, told

ZONE = Zone("z", "Z", "c", WHOLE_PICTURE, Analytic.TAMPER, dwell_s=4.0, off_after_s=10.0)
COVERED = healthy(edges=0.03, contrast=6.0, sharpness=0.05, shift=1.0)
DEFOCUSED = healthy(edges=0.3, sharpness=0.15)
MOVED = healthy(edges=0.1, shift=0.2)
LOST = healthy(edges=0.1, shift=1.0)
FROZEN = healthy(change=0.0)
DARK = healthy(edges=0.05, luma=6.0, contrast=3.0, sharpness=0.02, noise=0.5)
INFRARED = healthy(edges=0.35, luma=80.0, contrast=35.0, shift=0.0, sharpness=0.8)


def story(*parts: tuple[Condition, int]):
    """Return one condition a second, twenty healthy ones first."""
    each = [healthy()] * 20 + [one for one, seconds in parts for _ in range(seconds)]
    return [seen(s - 20, still=one) for s, one in enumerate(each)]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([(COVERED, 20)], [(4.0, "Raised")], id="covered"),
        pytest.param([(DEFOCUSED, 20)], [(4.0, "Raised")], id="defocused"),
        pytest.param([(MOVED, 20)], [(4.0, "Raised")], id="moved a little"),
        pytest.param([(LOST, 20)], [(4.0, "Raised")], id="turned away"),
        pytest.param([(FROZEN, 20)], [(4.0, "Raised")], id="frozen"),
        pytest.param([(DARK, 20)], [(4.0, "Raised")], id="lights out"),
        pytest.param([(COVERED, 3), (healthy(), 20)], [], id="a hand that passes"),
        pytest.param(
            [(COVERED, 8), (healthy(), 30)], [(4.0, "Raised"), (17.0, "Ended")], id="uncovered"
        ),
        pytest.param(
            [(COVERED, 8), (healthy(), 5), (DEFOCUSED, 8)], [(4.0, "Raised")], id="fumbles on"
        ),
        pytest.param([(COVERED, 2), (MOVED, 10)], [(4.0, "Raised")], id="covered, then turned"),
        pytest.param([(healthy(luma=60.0, edges=0.8), 60)], [], id="a step of light"),
        pytest.param([(healthy(edges=0.7, contrast=25.0, sharpness=0.6), 60)], [], id="rain"),
        pytest.param([(DARK, 2), (INFRARED, 60)], [], id="the infrared filter"),
        pytest.param(
            [(healthy(luma=float(level), edges=0.9), 15) for level in range(110, 9, -10)]
            + [(replace(DARK, edges=0.9, sharpness=0.9), 60)],
            [],
            id="an evening",
        ),
    ],
)
def test_stories(parts, expected) -> None:
    """Each thing that is done to a camera gives one alarm; what nature does gives none."""
    assert told(decide, TamperState(), ZONE, story(*parts)) == expected


@pytest.mark.parametrize(
    ("condition", "word"),
    [
        (COVERED, "coperta"), (DEFOCUSED, "sfocata"), (MOVED, "spostata"), (FROZEN, "ferma"),
        (DARK, "buia"),
    ],
)  # fmt: skip
def test_it_says_how(condition: Condition, word: str) -> None:
    """The alarm names what was done."""
    state, events = TamperState(), []
    for one in story((condition, 8)):
        state, event = decide(state, one, ZONE, one.captured)
        events += [event] if event else []
    assert [event.why.detail for event in events if isinstance(event, Raised) and event.why] == [
        word
    ]


def test_before_anything_is_known() -> None:
    """A camera that is covered when the box starts has no usual picture to be told from."""
    assert told(decide, TamperState(), ZONE, [seen(s, still=COVERED) for s in range(30)]) == []


def test_a_picture_that_never_changed_is_not_frozen() -> None:
    """A source without noise (a drawing, a test picture) says nothing by standing still."""
    quiet = [seen(s, still=healthy(change=0.0)) for s in range(60)]
    assert told(decide, TamperState(), ZONE, quiet) == []


def test_only_while_armed() -> None:
    """What is done before counts once the zone is armed, if it is still so."""
    zone = replace(ZONE, armed=(ArmedHours(time(13, 0, 10), time(14)),))
    assert told(decide, TamperState(), zone, story((COVERED, 20))) == [(10.0, "Raised")]


def test_silence() -> None:
    """Without observations it is over; what is usual is remembered."""
    state = TamperState()
    for one in story((COVERED, 8)):
        state, _ = decide(state, one, ZONE, one.captured)
    after, event = expire(state, ZONE, START.shifted(20))
    assert event == Ended("z", START.shifted(20))
    assert (after.usual, after.raised) == (state.usual, False)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([healthy(), COVERED, DEFOCUSED, MOVED, FROZEN, DARK, INFRARED]),
            st.integers(1, 20),
        ),
        max_size=20,
    )
)
def test_never_two_alarms_for_one_incident(parts) -> None:
    """However it is fumbled with: alarms and ends alternate."""
    events = told(decide, TamperState(), ZONE, story(*parts))
    assert [what for _, what in events] == (["Raised", "Ended"] * len(events))[: len(events)]
