# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import time

from gateway.model.time import ClockQuality
from gateway.runtime.clock import SystemClock


def test_the_system_clock_reads_the_machine():
    """Both clocks of one Moment lie between two direct readings."""
    before, before_us = time.monotonic(), time.time_ns() // 1000
    now = SystemClock(ClockQuality.EXERCISE).now()
    assert before <= now.monotonic_s <= time.monotonic()
    assert before_us <= now.utc_us <= time.time_ns() // 1000
    assert now.quality is ClockQuality.EXERCISE
