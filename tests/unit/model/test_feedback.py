# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.model.feedback: figures that know how little they know, advice that follows."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from gateway.model.feedback import (
    HOURS,
    LEAST_JUDGED,
    Advice,
    RuleVerdicts,
    WeekVerdicts,
    precision,
    suggestions,
)
from gateway.model.registry import Analytic, Zone

SHAPE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
ZONE = Zone("retro", "Retro", "banco", SHAPE)


def said(confirmed=0, false=0, unjudged=0, hours=None):
    week = WeekVerdicts(date(2026, 11, 16), confirmed, false, unjudged)
    spread = hours or tuple(false // HOURS + (at < false % HOURS) for at in range(HOURS))
    return RuleVerdicts("intrusione", "banco", "retro", (week,), spread)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_share_lies_within_its_bounds(confirmed, false):
    """Whatever was said, 0..1; of nothing nothing is known."""
    known = precision(confirmed, false)
    if known is None:
        assert confirmed + false == 0
        return
    assert 0 <= known.least <= known.share <= known.most <= 1


def test_few_verdicts_say_little():
    """One of two right may be 9 % or 91 %; of two hundred it is half (Wilson's interval)."""
    few, many = precision(1, 1), precision(100, 100)
    assert (round(few.least, 2), round(few.most, 2)) == (0.09, 0.91)
    assert (round(many.least, 2), round(many.most, 2)) == (0.43, 0.57)


def test_nothing_is_suggested_while_little_is_known_or_all_is_well():
    """Eleven false ones are chance to us; a rule that is mostly right is left alone."""
    assert suggestions(said(false=LEAST_JUDGED - 1), ZONE) == ()
    assert suggestions(said(confirmed=30, false=10), ZONE) == ()


def test_a_poor_rule_is_told_what_its_zone_leaves_room_for():
    """A longer presence, another polygon; what is set already is not suggested again."""
    told = suggestions(said(confirmed=2, false=30), ZONE)
    assert [one.advice for one in told] == [Advice.ON_AFTER, Advice.POLYGON]
    assert (told[0].key, told[0].now, told[0].proposed) == ("on_after_s", "0.4", "1")
    patient = replace(ZONE, on_after_s=2.0)
    assert [one.advice for one in suggestions(said(false=30), patient)] == [Advice.POLYGON]
    tamper = replace(ZONE, analytic=Analytic.TAMPER, polygon=())
    assert suggestions(said(false=30), tamper) == ()
    assert suggestions(said(false=30), None) == ()


def test_false_ones_within_few_hours_are_a_matter_of_those_hours():
    """Also over midnight; spread over the day they are not."""
    night = [0] * HOURS
    night[22], night[23], night[1] = 10, 10, 10
    (first, *_) = suggestions(said(false=30, hours=tuple(night)), ZONE)
    assert first.advice is Advice.HOURS
    begin, end = (int(part) for part in first.now.split("–"))
    assert (end - begin) % HOURS == 6
    assert {22, 23, 1} <= {(begin + more) % HOURS for more in range(6)}


def test_without_verdicts_the_verdicts_are_asked_for():
    """Nothing can be learnt from alarms that nobody judged."""
    assert [one.advice for one in suggestions(said(unjudged=40), ZONE)] == [Advice.JUDGE]
    assert suggestions(said(unjudged=40, confirmed=60), ZONE) == ()
