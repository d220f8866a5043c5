# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who may send reports: day by day, and not a day longer."""

from dataclasses import replace
from datetime import date

import pytest

from gateway.model.registry import Institute, empty_registry
from gateway.room.institutes import Bar, bar_of, institute_of

ONE = Institute(
    "apuania", "Apuania", "istituto", "3/2026", date(2026, 1, 1), date(2026, 2, 1),
    date(2026, 6, 30), "EN-1", date(2026, 5, 31), "tel.",
)  # fmt: skip


def registry(**more):
    one = replace(ONE, **more)
    return replace(empty_registry(), institutes={one.id: one})


@pytest.mark.parametrize(
    ("more", "day", "bar"),
    [
        ({}, date(2026, 2, 1), None),
        ({}, date(2026, 1, 31), Bar.NOT_LISTED_YET),
        ({}, date(2026, 5, 31), None),
        ({}, date(2026, 6, 1), Bar.CERTIFICATE),
        ({"certificate_until": date(2027, 1, 1)}, date(2026, 6, 30), None),
        ({"certificate_until": date(2027, 1, 1)}, date(2026, 7, 1), Bar.NO_LONGER_LISTED),
        ({"certificate": ""}, date(2026, 3, 1), Bar.CERTIFICATE),
        ({"enabled": False}, date(2026, 3, 1), Bar.DISABLED),
        ({"organisation": "altro"}, date(2026, 3, 1), Bar.UNKNOWN),
    ],
)
def test_an_institute_may_send_while_listed_and_certified(more, day, bar):
    """First and last days count; the day after does not."""
    assert bar_of(registry(**more), "istituto", day) is bar


def test_the_entry_is_found_by_organisation():
    """Not by the entry's own id."""
    assert institute_of(registry(), "istituto") == ONE
    assert institute_of(registry(), "apuania") is None
