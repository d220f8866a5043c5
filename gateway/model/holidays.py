# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The public holidays of Italy; pure."""

from datetime import date, timedelta
from functools import lru_cache

_FIXED = (
    (1, 1), (1, 6), (4, 25), (5, 1), (6, 2), (8, 15), (11, 1), (12, 8), (12, 25), (12, 26),
)  # fmt: skip
"""Month and day of the holidays of L. 260/1949 and its changes."""
_FRANCIS_SINCE = 2026
"""From this year 4 October is a holiday again (L. 151/2025)."""


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, ch. 8)."""
    golden, century, rest = year % 19, year // 100, year % 100
    moon = (19 * golden + century - century // 4 - (8 * century + 13) // 25 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return date(year, month, day + 1)


@lru_cache(maxsize=64)
def holidays(year: int) -> frozenset[date]:
    """Return the public holidays of Italy in a year, Easter Monday among them, Sundays aside."""
    days = {date(year, month, day) for month, day in _FIXED}
    days |= {easter(year), easter(year) + timedelta(days=1)}
    if year >= _FRANCIS_SINCE:
        days.add(date(year, 10, 4))
    return frozenset(days)
