# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.model.alarm_times."""

from gateway.model.alarm_times import AlarmTimes, Answers, Percentiles


def test_nothing_is_nought_and_asks_nobody():
    """Without alarms every figure is 0, and there is no share of anything."""
    assert Percentiles() == Percentiles(0, 0.0, 0.0, 0.0, 0.0)
    assert (Answers().asked, Answers().within) == (0, ())
    assert AlarmTimes(0, Percentiles()).recipients == ()
