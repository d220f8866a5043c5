# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How acts stand on a day, and what they switch on."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from gateway.assembly.standing import ActState, Standing, resolutions, standing
from gateway.model.registry import Extension, Pause
from gateway.model.time import ClockQuality, Moment
from gateway.registry.entities import assemble
from gateway.registry.seed import parse_seed
from tests.unit.registry.worlds import SEED

ROME = ZoneInfo("Europe/Rome")
UNASSESSED = SEED.replace("approvato", "attivo")
DPIA = 'title = "Patto"\ndpia = "DPIA 3"\ndpia_date = 2025-11-30\n'
ACTIVE = UNASSESSED.replace('title = "Patto"\n', DPIA)


def rome(year, month, day, hour=12, minute=0, *, early_us=0):
    at = datetime(year, month, day, hour, minute, tzinfo=ROME).astimezone(UTC)
    return Moment(0.0, int(at.timestamp()) * 1_000_000 - early_us, ClockQuality.SYNCHRONISED)


def world(text=ACTIVE):
    return assemble(1, parse_seed(text, "s").entities)


def stands(registry, now):
    return standing(registry, registry.acts["patto"], now)


@pytest.mark.parametrize(
    ("now", "state", "days_left", "level"),
    [
        (rome(2025, 12, 31, 23, 59), ActState.FUTURE, 730, None),
        (rome(2026, 1, 1, 0), ActState.IN_FORCE, 729, None),
        (rome(2027, 10, 1), ActState.IN_FORCE, 91, None),
        (rome(2027, 10, 2), ActState.IN_FORCE, 90, 90),
        (rome(2027, 11, 30), ActState.IN_FORCE, 31, 90),
        (rome(2027, 12, 1), ActState.ENDING, 30, 30),
        (rome(2027, 12, 23), ActState.ENDING, 8, 30),
        (rome(2027, 12, 24), ActState.ENDING, 7, 7),
        (rome(2028, 1, 1, 0, early_us=1), ActState.ENDING, 0, 7),
        (rome(2028, 1, 1, 0), ActState.ENDED, -1, 0),
        (rome(2028, 1, 10), ActState.ENDED, -10, 0),
    ],
)
def test_an_act_from_before_its_first_day_to_after_its_last(now, state, days_left, level):
    """Days and warnings turn at midnight in Rome."""
    one = stands(world(), now)
    assert (one.state, one.days_left, one.level) == (state, days_left, level)


def test_an_act_that_has_not_begun_warns_of_nothing():
    """However short it is going to be."""
    act = world().acts["patto"]
    assert Standing(act, ActState.FUTURE, 5).level is None
    assert Standing(act, ActState.ENDING, 5).level == 7


def test_an_act_that_ends_at_an_hour_is_over_on_its_last_day():
    """And one day is counted as gone although the day is not."""
    made = world()
    act = replace(made.acts["patto"], until_time=time(14, 30))
    made = replace(made, acts={"patto": act})
    assert stands(made, rome(2027, 12, 31, 14, 29)).state is ActState.ENDING
    ended = stands(made, rome(2027, 12, 31, 14, 30))
    assert (ended.state, ended.days_left, ended.level) == (ActState.ENDED, -1, 0)


def test_an_extension_carries_an_act_over_its_last_day():
    """It is told from one in force by its own days; its hour counts no more."""
    made = world()
    act = replace(made.acts["patto"], until_time=time(14, 30))
    longer = Extension("p1", "patto", date(2028, 1, 20), "dpo", date(2027, 12, 1), "firma")
    made = replace(made, acts={"patto": act}, extensions={"p1": longer})
    assert stands(made, rome(2027, 12, 31, 15)).state is ActState.ENDING
    carried = stands(made, rome(2028, 1, 1, 0))
    assert (carried.state, carried.days_left, carried.level) == (ActState.EXTENDED, 19, 30)
    assert stands(made, rome(2028, 1, 21, 0)).state is ActState.ENDED


def resolved(registry, now):
    return {(one.camera, one.what, one.recipient): one for one in resolutions(registry, now)}


LIVE, INTRUSION, PLATES = (("banco", what, "sala") for what in ("live", "intrusione", "targhe"))


def test_what_an_act_gives_is_on_and_what_it_does_not_name_is_off():
    """Each thing of each camera for each recipient, with the act or with the reason."""
    found = resolved(world(), rome(2026, 9, 20))
    assert set(found) == {LIVE, INTRUSION, PLATES}
    assert (found[LIVE].on, found[LIVE].act) == (True, "patto")
    assert "only during an alarm" in found[LIVE].reason_en
    assert found[INTRUSION].on
    assert (found[INTRUSION].act, found[INTRUSION].reason_it) == ("patto", "")
    assert not found[PLATES].on
    assert found[PLATES].act == ""
    assert "«targhe»" in found[PLATES].reason_it


@pytest.mark.parametrize(
    ("text", "now", "why"),
    [
        (ACTIVE, rome(2028, 1, 1, 0), "expired on 2027-12-31"),
        (ACTIVE, rome(2025, 12, 31), "enters into force on 2026-01-01"),
        (ACTIVE.replace('"attivo"', '"sospeso"'), rome(2026, 9, 20), "in state “sospeso”"),
        (UNASSESSED, rome(2026, 9, 20), "(DPIA)"),
    ],
)
def test_nothing_is_on_without_an_act_in_force(text, now, why):
    """Live pictures and analysis are off for the same reason, and it is said."""
    found = resolved(world(text), now)
    for key in (LIVE, INTRUSION):
        assert not found[key].on
        assert why in found[key].reason_en


def test_text_without_pictures_leaves_the_analysis_on():
    """An institute is told in words: its alarms come, its pictures do not."""
    found = resolved(world(ACTIVE.replace('"su-allarme"', '"solo-testo"')), rome(2026, 9, 20))
    assert (found[LIVE].on, found[LIVE].act) == (False, "patto")
    assert "as text, without pictures" in found[LIVE].reason_en
    assert found[INTRUSION].on


def test_the_owners_switch_turns_everything_off():
    """While it stands, whatever the act says."""
    pause = Pause("stop", "farmacia", (), "titolare", 0)
    found = resolved(replace(world(), pauses={"stop": pause}), rome(2026, 9, 20))
    assert {one.on for one in found.values()} == {False}
    assert "has paused" in found[LIVE].reason_en


def test_of_two_acts_that_give_an_analysis_the_last_to_end_is_named():
    """It is the one on which the analysis goes on."""
    made = world()
    later = replace(made.acts["patto"], id="accordo", valid_until=date(2028, 6, 30))
    made = replace(made, acts={"patto": made.acts["patto"], "accordo": later})
    assert resolved(made, rome(2026, 9, 20))[INTRUSION].act == "accordo"
