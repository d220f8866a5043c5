# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""When a zone is armed: by the wall clock of Europe/Rome, weekday and holiday. Pure.

A moment is asked about, never a span of the local clock: of the night in which an hour comes twice
both are armed, and of the one in which an hour is left out nothing is missing.
"""

from datetime import date, datetime, time, timedelta

from gateway.model.holidays import holidays
from gateway.model.registry import ArmedHours, Holidays, WeekHours, Zone
from gateway.model.time import ROME, Moment

EVERY_YEAR = 1
"""A feast of this year comes back in each."""
_DAY = timedelta(days=1)


def is_armed(zone: Zone, at: Moment) -> bool:
    """Return whether a zone is armed at a moment.

    On a holiday `zone.holidays` decides, where it says anything. Else it is armed in its daily
    spans and in those of the weekday; without any of them always.
    """
    local = at.utc().astimezone(ROME)
    if zone.holidays is not Holidays.AS_WEEKDAYS and is_holiday(local.date(), zone.feasts):
        return zone.holidays is Holidays.ALWAYS
    if not zone.armed and not zone.week:
        return True
    clock = local.time()
    daily = bool(zone.armed) and within(zone.armed, clock)
    return daily or any(_in_week(span, local) for span in zone.week)


def is_holiday(day: date, feasts: tuple[date, ...] = ()) -> bool:
    """Return whether a day is a public holiday or one of a site's own; Sundays alone are none."""
    own = (day, date(EVERY_YEAR, day.month, day.day)) if _is_yearly(day) else (day,)
    return day in holidays(day.year) or any(one in feasts for one in own)


def within(spans: tuple[ArmedHours, ...], clock: time) -> bool:
    """Return whether a wall clock lies in one of the spans; no span: always.

    `since` is inside, `until` is not; `until` before `since` goes over midnight; equal ones mean
    the whole day.
    """
    return not spans or any(_between(span.since, span.until, clock) for span in spans)


def _is_yearly(day: date) -> bool:
    return (day.month, day.day) != (2, 29)


def _in_week(span: WeekHours, local: datetime) -> bool:
    """Return whether a span of weekdays holds; a night belongs to the day on which it begins."""
    clock = local.time()
    today, before = local.isoweekday() in span.days, (local - _DAY).isoweekday() in span.days
    if span.since < span.until:
        return today and span.since <= clock < span.until
    return (today and clock >= span.since) or (before and clock < span.until)


def _between(since: time, until: time, clock: time) -> bool:
    if since < until:
        return since <= clock < until
    return clock >= since or clock < until
