# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.stall."""

import pytest

from gateway.ingest.stall import LONGEST_INTERVAL_S, StallWatch


def watched(interval_s, pictures=40, least_s=2.0):
    watch = StallWatch(least_s)
    watch.begin(100.0, 5.0)
    for index in range(pictures):
        watch.picture(100.0 + index * interval_s)
    return watch


def test_the_first_picture_is_waited_for_longer():
    """Encoders that start on demand get their time, once."""
    watch = StallWatch(2.0)
    watch.begin(100.0, 5.0)
    assert watch.deadline_s == 105.0
    watch.picture(104.0)
    assert watch.deadline_s == 106.0


@pytest.mark.parametrize(
    ("interval_s", "bound_s"),
    [(0.04, 2.0), (1.0, 2.0), (2.0, 4.0), (500.0, 2 * LONGEST_INTERVAL_S)],
)
def test_a_stall_is_two_intervals_but_at_least_two_seconds(interval_s, bound_s):
    """Slow streams are given time, and none for ever."""
    assert watched(interval_s).bound_s == pytest.approx(bound_s)


def test_a_late_picture_does_not_widen_the_bound_much():
    """One gap of ten seconds in a stream of 25 a second."""
    watch = watched(0.04)
    watch.picture(112.0)
    assert watch.bound_s < 3.0


def test_the_rate_is_known_after_two_pictures():
    """Pictures a second, zero before."""
    assert StallWatch(2.0).fps == 0
    assert watched(0.04).fps == pytest.approx(25)
