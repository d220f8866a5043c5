# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Days and hours as the law and the schools count them: Europe/Rome, Italian holidays; pure."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from gateway.model.holidays import holidays
from gateway.model.registry import ArmedHours, Site
from gateway.model.time import ROME, Moment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rome(now: Moment) -> datetime:
    """Return the wall clock in Rome."""
    return now.utc().astimezone(ROME)


def today(now: Moment) -> date:
    """Return the day in Rome."""
    return rome(now).date()


@lru_cache(maxsize=4096)
def begin_us(day: date) -> int:
    """Return when a day begins in Rome, microseconds since 1970-01-01T00:00:00Z."""
    midnight = datetime.combine(day, time(), ROME)
    return (midnight.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def end_us(day: date) -> int:
    """Return when a day ends (24:00) in Rome, microseconds since 1970-01-01T00:00:00Z."""
    return begin_us(day + timedelta(days=1)) if day < date.max else begin_us(day)


def at_us(day: date, clock: time) -> int:
    """Return when it is so late in Rome, microseconds UTC; the first of hours that come twice."""
    local = datetime.combine(day, clock, ROME)
    return (local.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def within(spans: tuple[ArmedHours, ...], now: Moment) -> bool:
    """Return whether it is one of these hours in Rome; no span: always.

    `since` is inside, `until` is not; `until` before `since` goes over midnight; equal ones mean
    the whole day.
    """
    if not spans:
        return True
    clock = rome(now).time()
    return any(
        span.since <= clock < span.until
        if span.since < span.until
        else clock >= span.since or clock < span.until
        for span in spans
    )


def has_people(site: Site, now: Moment) -> bool:
    """Return whether people must be expected inside (A-40); always, where no hours were given."""
    if not site.opening:
        return True
    local = rome(now)
    day = local.date()
    if day in site.closed_days or day in holidays(day.year):
        return False
    clock = local.time()
    return any(
        day.isoweekday() in span.days and span.since <= clock < span.until for span in site.opening
    )
