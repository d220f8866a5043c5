# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Public holidays of Italy, against the almanac and the law."""

from datetime import date

from gateway.model.holidays import easter, holidays


def test_easter_and_holidays() -> None:
    """Easter as the almanac has it; 4 October is a holiday again from 2026."""
    known = {2024: (3, 31), 2025: (4, 20), 2026: (4, 5), 2027: (3, 28), 2038: (4, 25)}
    assert {y: (easter(y).month, easter(y).day) for y in known} == known
    assert date(2026, 4, 6) in holidays(2026)
    assert date(2026, 10, 4) in holidays(2026)
    assert date(2025, 10, 4) not in holidays(2025)


def test_the_holidays_of_a_year() -> None:
    """The twelve of 2025 as the law lists them; patron saints are none."""
    known = {
        date(2025, 1, 1), date(2025, 1, 6), date(2025, 4, 20), date(2025, 4, 21),
        date(2025, 4, 25), date(2025, 5, 1), date(2025, 6, 2), date(2025, 8, 15),
        date(2025, 11, 1), date(2025, 12, 8), date(2025, 12, 25), date(2025, 12, 26),
    }  # fmt: skip
    assert holidays(2025) == known
    assert holidays(2038) >= {date(2038, 4, 25), date(2038, 4, 26)}  # Easter on the 25th
