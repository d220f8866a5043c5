# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""When a zone is armed: spans, weekdays, holidays, and both nights of the clock."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.calendar import is_armed, is_holiday
from gateway.model.registry import ArmedHours, Holidays, WeekHours, Zone
from gateway.model.time import ROME, Moment

ZONE = Zone("z", "Zona", "c", ((0, 0), (1, 0), (1, 1)))
NIGHT = (ArmedHours(time(22), time(6)),)
WEEKEND = (WeekHours((6, 7), time(0), time(0)),)
FRIDAY_NIGHT = (WeekHours((5,), time(22), time(6)),)
PATRON = (date(1, 10, 4), date(2025, 11, 3))


def rome(*parts: int, fold: int = 0) -> Moment:
    """Return the moment of a wall clock in Rome."""
    return utc(datetime(*parts, tzinfo=ROME, fold=fold).astimezone(UTC))


def utc(at: datetime) -> Moment:
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return Moment(since.total_seconds(), since // timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("more", "at", "armed"),
    [
        ({}, rome(2026, 6, 3, 12), True),
        ({"armed": NIGHT}, rome(2026, 6, 3, 21, 59), False),
        ({"armed": NIGHT}, rome(2026, 6, 3, 22), True),
        ({"armed": NIGHT}, rome(2026, 6, 3, 6), False),
        ({"week": WEEKEND}, rome(2026, 6, 6, 0), True),
        ({"week": WEEKEND}, rome(2026, 6, 7, 23, 59), True),
        ({"week": WEEKEND}, rome(2026, 6, 8, 0), False),
        ({"week": WEEKEND}, rome(2026, 6, 5, 23, 59), False),
        ({"week": FRIDAY_NIGHT}, rome(2026, 6, 6, 5, 59), True),
        ({"week": FRIDAY_NIGHT}, rome(2026, 6, 5, 5, 59), False),
        ({"week": FRIDAY_NIGHT}, rome(2026, 6, 6, 22), False),
        ({"armed": NIGHT, "week": WEEKEND}, rome(2026, 6, 6, 12), True),
        ({"armed": NIGHT, "week": WEEKEND}, rome(2026, 6, 5, 12), False),
        ({"armed": NIGHT, "holidays": Holidays.ALWAYS}, rome(2026, 4, 6, 12), True),
        ({"armed": NIGHT, "holidays": Holidays.AS_WEEKDAYS}, rome(2026, 4, 6, 12), False),
        ({"armed": NIGHT, "holidays": Holidays.NEVER}, rome(2026, 4, 6, 23), False),
        ({"holidays": Holidays.NEVER}, rome(2026, 4, 7, 0), True),
        ({"armed": NIGHT, "holidays": Holidays.ALWAYS}, rome(2031, 10, 4, 12), True),
        ({"armed": NIGHT, "holidays": Holidays.ALWAYS}, rome(2025, 11, 3, 12), True),
        ({"armed": NIGHT, "holidays": Holidays.ALWAYS}, rome(2026, 11, 3, 12), False),
    ],
)
def test_a_zone_is_armed(more: dict[str, object], at: Moment, armed: bool) -> None:
    """Each end of each kind of span, Easter Monday, the patron every year, a closed day once."""
    zone = replace(ZONE, feasts=PATRON, **more)  # type: ignore[arg-type]
    assert is_armed(zone, at) is armed


def test_the_night_that_is_an_hour_longer() -> None:
    """An hour that comes twice is armed twice, one that is left out is missed by nobody."""
    zone = replace(ZONE, armed=(ArmedHours(time(2), time(3)),))
    assert [is_armed(zone, rome(2026, 10, 25, 2, 30, fold=fold)) for fold in (0, 1)] == [True] * 2
    before = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
    minutes = [is_armed(zone, utc(before + timedelta(minutes=one))) for one in range(3)]
    assert minutes == [False] * 3


def test_holidays_of_its_own() -> None:
    """29 February is nobody's patron, and no error either."""
    assert not is_holiday(date(2028, 2, 29), PATRON)
    assert is_holiday(date(2028, 10, 4), PATRON)
    assert not is_holiday(date(2026, 6, 7))


clocks = st.times().map(lambda one: one.replace(microsecond=0, tzinfo=None))
moments = st.integers(0, 3 * 366 * 86_400).map(
    lambda s: utc(datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=s))
)
CHANGES = [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]
around = st.sampled_from(CHANGES).flatmap(
    lambda change: st.integers(-7200, 7200).map(lambda s: utc(change + timedelta(seconds=s)))
)


@given(clocks, clocks, moments | around)
def test_a_span_and_the_rest_of_the_day_share_out_every_moment(
    since: time, until: time, at: Moment
) -> None:
    """Never both, never neither, across every change of the clock."""
    if since == until:
        return
    one = is_armed(replace(ZONE, armed=(ArmedHours(since, until),)), at)
    rest = is_armed(replace(ZONE, armed=(ArmedHours(until, since),)), at)
    assert one is not rest


@given(clocks, clocks, moments | around, st.sets(st.integers(1, 7), min_size=1))
def test_weekdays_share_out_every_moment(
    since: time, until: time, at: Moment, days: set[int]
) -> None:
    """A span on some days and on the others is the span on all; on all it is the daily one."""

    def armed(chosen: set[int]) -> bool:
        span = WeekHours(tuple(sorted(chosen)), since, until)
        return bool(chosen) and is_armed(replace(ZONE, week=(span,)), at)

    every = set(range(1, 8))
    assert (armed(days) or armed(every - days)) is armed(every)
    assert not (armed(days) and armed(every - days))
    assert armed(every) is is_armed(replace(ZONE, armed=(ArmedHours(since, until),)), at)
