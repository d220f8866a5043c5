# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Days and hours in Rome: changes of clocks, and both ends of every span."""

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from gateway.access import calendar
from gateway.model.registry import ArmedHours, WeekHours
from tests.unit.access.town import at, registry

HOUR_US = 3_600_000_000
SHOP = registry().sites["negozio"]


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 15), 24)],
)
def test_a_day_is_as_long_as_in_rome(day, hours):
    """Twenty-three hours when summer time begins, twenty-five when it ends; no gap between."""
    assert calendar.end_us(day) - calendar.begin_us(day) == hours * HOUR_US
    assert calendar.end_us(day) == calendar.begin_us(day + timedelta(days=1))


def test_midnight_is_that_of_rome():
    """The day changes at 22:00 UTC in summer and at 23:00 in winter."""
    assert calendar.today(at(2026, 6, 15, 21, 59, 59)) == date(2026, 6, 15)
    assert calendar.today(at(2026, 6, 15, 22)) == date(2026, 6, 16)
    assert calendar.today(at(2026, 12, 31, 22, 59, 59)) == date(2026, 12, 31)
    assert calendar.today(at(2026, 12, 31, 23)) == date(2027, 1, 1)
    assert calendar.begin_us(date(2026, 6, 16)) == at(2026, 6, 15, 22).utc_us


def test_an_hour_that_comes_twice_is_its_first():
    """2:30 of the night when the clocks go back is the one in summer time."""
    night = date(2026, 10, 25)
    assert calendar.at_us(night, time(2, 30)) == at(2026, 10, 25, 0, 30).utc_us
    assert calendar.at_us(night, time(3)) == at(2026, 10, 25, 2).utc_us


def test_an_act_without_end_ends_at_the_last_day():
    """The last day that can be written does not overflow."""
    assert calendar.end_us(date.max) == calendar.begin_us(date.max)


@pytest.mark.parametrize(
    ("since", "until", "now", "inside"),
    [
        (time(8), time(14), at(2026, 6, 15, 6), True),
        (time(8), time(14), at(2026, 6, 15, 5, 59, 59), False),
        (time(8), time(14), at(2026, 6, 15, 11, 59, 59), True),
        (time(8), time(14), at(2026, 6, 15, 12), False),
        (time(22), time(6), at(2026, 6, 15, 20), True),
        (time(22), time(6), at(2026, 6, 15, 3, 59, 59), True),
        (time(22), time(6), at(2026, 6, 15, 4), False),
        (time(22), time(6), at(2026, 6, 15, 19, 59, 59), False),
        (time(9), time(9), at(2026, 6, 15, 3), True),
        (time(9), time(9), at(2026, 6, 15, 7), True),
    ],
)
def test_hours_include_their_begin_and_not_their_end(since, until, now, inside):
    """Within the day, over midnight, and all day; as the clocks in Rome show it."""
    assert calendar.within((ArmedHours(since, until),), now) is inside


def test_hours_are_any_of_several_and_none_means_always():
    """Two spans with a break at noon; without spans there is no limit."""
    spans = (ArmedHours(time(8), time(12)), ArmedHours(time(14), time(18)))
    hours = [h for h in range(24) if calendar.within(spans, at(2026, 1, 15, h))]
    assert hours == [7, 8, 9, 10, 13, 14, 15, 16]  # winter: an hour behind Rome
    assert calendar.within((), at(2026, 1, 15, 2))


@pytest.mark.parametrize(
    ("now", "people"),
    [
        (at(2026, 6, 15, 6), True),  # Monday 8:00
        (at(2026, 6, 15, 5, 59, 59), False),
        (at(2026, 6, 15, 12), False),  # 14:00
        (at(2026, 6, 13, 8), False),  # Saturday
        (at(2026, 4, 6, 8), False),  # Easter Monday
        (at(2026, 6, 16, 8), False),  # closed day
        (at(2026, 6, 17, 8), True),
    ],
)
def test_people_are_expected_in_opening_hours(now, people):
    """Not on holidays nor on the site's own closed days; always, where no hours are known."""
    hours = (WeekHours((1, 2, 3, 4, 5), time(8), time(14)),)
    site = replace(SHOP, opening=hours, closed_days=(date(2026, 6, 16),))
    assert calendar.has_people(site, now) is people
    assert calendar.has_people(replace(site, opening=()), now)
