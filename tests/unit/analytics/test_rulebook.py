# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which rule decides: one for each analysis, and a zone that changes its own."""

from dataclasses import replace

import pytest

from gateway.analytics import rulebook
from gateway.analytics.incident import Ended, Incident, Raised
from gateway.analytics.loitering import LoiteringState
from gateway.analytics.rules import RuleState
from gateway.model.registry import WHOLE_PICTURE, Analytic, Zone
from tests.unit.analytics.seen import START, healthy, seen, track

ZONE = Zone("z", "Z", "c", WHOLE_PICTURE, line=((0.1, 0.5), (0.9, 0.5)), dwell_s=5.0)
DECIDED = [one for one in Analytic if one not in (Analytic.PLATES, Analytic.LOSS)]
HIDDEN = healthy(edges=0.02, contrast=4.0, sharpness=0.05, shift=1.0)


@pytest.mark.parametrize("analytic", DECIDED)
def test_each_analysis_has_a_rule_that_raises_its_own_alarm(analytic: Analytic) -> None:
    """One story in which everything happens: each rule tells its part of it, once."""
    zone = replace(ZONE, analytic=analytic)
    state: Incident | None = None
    events = []
    for s in range(60):
        y = 0.3 if s < 2 else 0.7
        tracks = [track(1, 0.5, y), track(2, 0.2, 0.9, still_s=s + 1.0, wide=True)]
        one = seen(s, tracks, HIDDEN if s > 30 else healthy())
        state, event = rulebook.decide(state, replace(one, occupied=("z",)), zone, one.captured)
        events += [event] if event else []
    (event,) = [one for one in events if isinstance(one, Raised)]
    assert event.why is not None
    assert event.why.rule == analytic.value


def test_plates_and_losses_are_not_decided_from_pictures() -> None:
    """They are somebody else's; asking does no harm."""
    for analytic in (Analytic.PLATES, Analytic.LOSS):
        zone = replace(ZONE, analytic=analytic)
        state, event = rulebook.decide(None, seen(0, [track(1, 0.5, 0.5)]), zone, START)
        assert (state, event) == (rulebook.first(zone), None)


def test_a_zone_that_changes_its_analysis() -> None:
    """What the old rule remembered is let go, and its incident ends."""
    zone = replace(ZONE, analytic=Analytic.LOITERING)
    old = RuleState(raised=True, present=START, heard=START)
    assert rulebook.decide(old, seen(0), zone, START)[0] == LoiteringState(heard=START)
    assert rulebook.expire(old, zone, START) == (LoiteringState(), Ended("z", START))


def test_an_incident_of_another_process_goes_on() -> None:
    """It is adopted as raised, so that its cause raises nothing again."""
    zone = replace(ZONE, analytic=Analytic.LOITERING)
    state = rulebook.adopted(zone, START, START.shifted(30))
    for s in range(20):
        one = seen(s, [track(1, 0.5, 0.5)])
        state, event = rulebook.decide(state, one, zone, one.captured)
        assert event is None
    assert rulebook.expire(state, zone, START.shifted(60))[1] == Ended("z", START.shifted(60))
