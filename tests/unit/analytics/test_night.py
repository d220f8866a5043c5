# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How well cameras see by night."""

from dataclasses import replace

import pytest

from gateway.analytics.night import LEAST_SEEN, Grade, Night, is_night, learn, to_csv
from gateway.model.alarm import Condition
from tests.unit.analytics.seen import START, healthy

HOUR_S = 3600.0
MIDNIGHT = START.shifted(11 * HOUR_S)
"""START is 13:00 in Rome."""


def after(still: Condition, count: int = LEAST_SEEN) -> Night:
    night = Night()
    for number in range(count):
        night = learn(night, still, MIDNIGHT.shifted(number))
    return night


@pytest.mark.parametrize(
    ("hours", "night"), [(0, False), (8.99, False), (9, True), (15.99, True), (16, False)]
)
def test_hours(hours: float, night: bool) -> None:
    """From ten to five, by the clock in Rome."""
    assert is_night(START.shifted(hours * HOUR_S)) is night


@pytest.mark.parametrize(
    ("still", "grade"),
    [
        (healthy(luma=90.0, noise=2.0), Grade.GOOD),
        (healthy(luma=90.0, noise=7.0), Grade.POOR),
        (healthy(luma=40.0, noise=2.0), Grade.POOR),
        (healthy(luma=15.0, noise=2.0), Grade.DARK),
    ],
)
def test_grades(still: Condition, grade: Grade) -> None:
    """By light and noise; nothing is said of a camera that was hardly seen, or only by day."""
    assert after(still).grade is grade
    assert after(still, LEAST_SEEN - 1).grade is Grade.UNKNOWN
    assert learn(Night(), still, START) == Night()


def test_means_and_rows() -> None:
    """A flash of light changes little; rows are in the order of ids."""
    night = learn(after(healthy(luma=20.0), 300), healthy(luma=250.0), MIDNIGHT)
    assert night.luma < 21
    assert to_csv({"b": Night(), "a": replace(night, luma=20.0, gain=0.5, noise=2.0)}) == (
        "camera,grade,luma,noise,gain,seen\na,buia,20.0,2.00,0.50,301\nb,non-noto,0.0,0.00,0.00,0\n"
    )
