# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One incident, one alarm: tables, clocks that change, and arbitrary histories."""

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.incident import SILENCE_S, UNSETTLED_S, Ended, Raised, RuleEvent
from gateway.analytics.rules import RuleState, decide, expire, is_armed
from gateway.model.alarm import Box, Kind, Observation, Track, Why
from gateway.model.registry import ArmedHours, Zone
from gateway.model.time import Moment

ZONE = Zone("z", "Zona", "c", ((0, 0), (1, 0), (1, 1)), on_after_s=0.4, off_after_s=10.0)
START = Moment(500.0, 1_795_348_800_000_000)
BOX = Box(0.1, 0.1, 0.2, 0.2)


def seen(at_s: float, present: bool, *, unsettled: bool = False) -> Observation:
    """Return an observation `at_s` after the start."""
    return Observation(
        camera="c",
        captured=START.shifted(at_s),
        pts_90k=round(at_s * 90_000),
        boxes=(BOX,) if present else (),
        occupied=("z",) if present else (),
        moving_fraction=0.01 if present else 0.0,
        scene_changed=unsettled,
    )


def play(story: list[tuple[float, str]], zone: Zone = ZONE) -> list[tuple[float, str]]:
    """Return when what happened; letters: # present, . absent, ? unsettled, x nothing came."""
    state, found = RuleState(), []
    for at_s, letter in story:
        now = START.shifted(at_s)
        if letter == "x":
            state, event = expire(state, zone, now)
        else:
            observation = seen(at_s, letter == "#", unsettled=letter == "?")
            state, event = decide(state, observation, zone, now)
        if event is not None:
            found.append((at_s, type(event).__name__))
    return found


def every(step_s: float, letters: str) -> list[tuple[float, str]]:
    """Return a story of one letter per step."""
    return [(number * step_s, letter) for number, letter in enumerate(letters)]


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        pytest.param(every(0.1, "....####...."), [], id="too short"),
        pytest.param(every(0.1, "#####"), [(0.4, "Raised")], id="long enough"),
        pytest.param(every(0.1, "##.##"), [(0.4, "Raised")], id="a blink does not matter"),
        pytest.param(every(0.3, "#..#..#"), [], id="a flicker is no presence"),
        pytest.param(every(2.0, "..#..#.."), [], id="one key unit is not enough"),
        pytest.param(every(2.0, "..##"), [(6.0, "Raised")], id="two key units are"),
        pytest.param(
            every(2.0, "##........"), [(2.0, "Raised"), (12.0, "Ended")], id="absence ends it"
        ),
        pytest.param(
            every(2.0, "##....##....##.........."),
            [(2.0, "Raised"), (36.0, "Ended")],
            id="what comes back is the same incident",
        ),
        pytest.param(
            every(2.0, "##.......##"),
            [(2.0, "Raised"), (12.0, "Ended"), (20.0, "Raised")],
            id="what comes later is another",
        ),
        pytest.param(every(1.0, "##" + "?" * 30), [(1.0, "Raised")], id="learning is not absence"),
        pytest.param(
            every(1.0, "##" + "?" * 60),
            [(1.0, "Raised"), (11.0 + UNSETTLED_S, "Ended")],
            id="but not for ever",
        ),
        pytest.param(every(1.0, "????????"), [], id="learning is not presence"),
        pytest.param(
            [(0, "#"), (1, "#"), (5, "x"), (10.9, "x"), (11, "x"), (12, "x")],
            [(1, "Raised"), (11, "Ended")],
            id="silence ends it",
        ),
        pytest.param([(0, "#"), (11, "x"), (11.1, "#")], [], id="silence forgets presence"),
        pytest.param([(0, "x"), (99, "x")], [], id="nothing was ever seen"),
        pytest.param([(100, "#"), (40, "#"), (40.5, "#")], [(40.5, "Raised")], id="clock set back"),
    ],
)
def test_stories(story: list[tuple[float, str]], expected: list[tuple[float, str]]) -> None:
    """Each story of presence and absence gives exactly these alarms, at these times."""
    assert play(story) == [(pytest.approx(at_s), what) for at_s, what in expected]


def test_an_alarm_tells_what_decided_it() -> None:
    """Raised carries the capture time and the boxes of the deciding picture."""
    state, _ = decide(RuleState(), seen(0, True), ZONE, START)
    _, event = decide(state, seen(1, True), ZONE, START.shifted(1.2))
    why = Why("intrusione", seconds=1.0)
    assert event == Raised("z", START.shifted(1), (BOX,), why)


def test_tracks_of_another_class_are_no_intrusion() -> None:
    """A zone about vehicles is silent for a person, and not for what nobody could name."""
    zone = replace(ZONE, classes=(Kind.VEHICLE,), polygon=((0, 0), (1, 0), (1, 1), (0, 1)))

    def told(kind: Kind) -> RuleEvent | None:
        track = Track(7, BOX, kind, 0.8, foot=(0.15, 0.2))
        state, _ = decide(RuleState(), replace(seen(0, True), tracks=(track,)), zone, START)
        return decide(state, replace(seen(1, True), tracks=(track,)), zone, START)[1]

    assert told(Kind.PERSON) is None
    event = told(Kind.MOVING)
    assert isinstance(event, Raised)
    assert event.why is not None
    assert (event.why.track, event.why.kind, event.boxes) == (7, Kind.MOVING, (BOX,))
    assert isinstance(told(Kind.VEHICLE), Raised)


def test_another_zone_s_presence_is_not_ours() -> None:
    """Motion in another zone, or outside all, raises nothing here."""
    elsewhere = replace(seen(0, True), occupied=("other",))
    state = RuleState()
    for at_s in range(5):
        captured = START.shifted(at_s)
        state, event = decide(state, replace(elsewhere, captured=captured), ZONE, captured)
        assert event is None


def test_disarming_ends_an_incident_in_the_usual_way() -> None:
    """When armed hours end, what is still there counts as absent, so the incident ends once."""
    zone = replace(ZONE, armed=(ArmedHours(time(12), time(13, 0, 3)),))
    assert play(every(1.0, "#" * 40), zone) == [(1.0, "Raised"), (12.0, "Ended")]


@pytest.mark.parametrize(
    ("span", "utc", "armed"),
    [
        ((20, 6), "2026-11-22T18:59:59", False),
        ((20, 6), "2026-11-22T19:00:00", True),
        ((20, 6), "2026-11-23T04:59:59", True),
        ((20, 6), "2026-11-23T05:00:00", False),
        ((20, 6), "2026-07-01T18:00:00", True),
        ((20, 6), "2026-07-01T17:59:59", False),
        ((8, 19), "2026-11-22T07:00:00", True),
        ((8, 19), "2026-11-22T18:00:00", False),
        ((0, 0), "2026-11-22T12:00:00", True),
        # the night on which 02:30 comes twice (25 October 2026, clocks go back at 03:00)
        ((2, 3), "2026-10-25T00:30:00", True),
        ((2, 3), "2026-10-25T01:30:00", True),
        ((2, 3), "2026-10-25T02:00:00", False),
        ((22, 3), "2026-10-25T01:59:59", True),
        # and the one on which 02:30 never comes (29 March 2026)
        ((2, 3), "2026-03-29T00:59:59", False),
        ((2, 3), "2026-03-29T01:00:00", False),
        ((22, 6), "2026-03-29T03:59:59", True),
        ((22, 6), "2026-03-29T04:00:00", False),
    ],
)
def test_armed_hours(span: tuple[int, int], utc: str, armed: bool) -> None:
    """Armed hours follow the wall clock in Rome: over midnight, in summer, on nights of change."""
    moment = Moment(0.0, round(datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp() * 1e6))
    assert is_armed((ArmedHours(time(span[0]), time(span[1])),), moment) is armed


def test_no_hours_means_always() -> None:
    """A zone without armed hours is armed around the clock; several spans add up."""
    assert is_armed((), START)
    noon = (ArmedHours(time(1), time(2)), ArmedHours(time(12), time(14)))
    assert is_armed(noon, START)


STEPS = st.lists(
    st.tuples(st.floats(0.01, 20), st.sampled_from("##..?x"), st.booleans()), max_size=80
)
ZONES = st.builds(
    lambda on, off, hours: replace(ZONE, on_after_s=on, off_after_s=off, armed=hours),
    st.floats(0, 5),
    st.floats(0, 30),
    st.sampled_from([(), (ArmedHours(time(13), time(13, 1)),), (ArmedHours(time(20), time(6)),)]),
)


def _histories(
    steps: list[tuple[float, str, bool]], zone: Zone
) -> tuple[RuleState, list[RuleEvent], float]:
    """Play arbitrary steps; True sets the camera's clock back by three seconds."""
    state, events, at_s = RuleState(), [], 0.0
    for step_s, letter, back in steps:
        at_s += step_s
        now = START.shifted(at_s)
        if letter == "x":
            state, event = expire(state, zone, now)
        else:
            observation = seen(at_s - 3 * back, letter == "#", unsettled=letter == "?")
            state, event = decide(state, observation, zone, now)
        events += [event] if event else []
        assert state.raised == bool(events and isinstance(events[-1], Raised))
    return state, events, at_s


@given(STEPS, ZONES)
def test_alarms_begin_and_end_in_turn(steps: list, zone: Zone) -> None:
    """Whatever happens, Raised and Ended alternate, beginning with Raised."""
    _, events, _ = _histories(steps, zone)
    kinds = [Raised, Ended] * len(events)
    assert [type(event) for event in events] == kinds[: len(events)]


@given(STEPS, ZONES)
def test_the_end_always_comes(steps: list, zone: Zone) -> None:
    """After any history absence ends an incident, and so does silence."""
    state, _, at_s = _histories(steps, zone)
    for later_s in (3.0, 4.0 + zone.off_after_s, 8.0 + 2 * zone.off_after_s):
        gone = seen(at_s + later_s, False)
        absent = decide(state, gone, zone, START.shifted(at_s + later_s))[0]
    assert state.raised is False or absent.raised is False
    silent_s = max(SILENCE_S, zone.off_after_s) + 0.001
    assert expire(state, zone, START.shifted(at_s + silent_s))[0].raised is False


@given(STEPS, ZONES)
def test_no_alarm_without_presence_in_armed_hours(steps: list, zone: Zone) -> None:
    """Every alarm is decided by a picture taken while armed."""
    _, events, _ = _histories(steps, zone)
    assert all(is_armed(zone.armed, e.captured) for e in events if isinstance(e, Raised))
