# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.relay.video.pace."""

import pytest

from gateway.relay.video.pace import (
    BURST_BYTES,
    FAR_BYTES_S,
    HOLD_S,
    LEAST_BYTES_S,
    LOST_AT_ONCE,
    NEAR_BYTES_S,
    QUEUE_S,
    Pace,
)

STEP_S = 0.004


def sent(pace, seconds, begins_s=0.0):
    """Send 1200 bytes whenever that is allowed; return how many that were."""
    count = 0
    for step in range(round(seconds / STEP_S) + 1):
        while pace.allows(begins_s + step * STEP_S):
            pace.take(1200)
            count += 1200
    return count


def test_a_burst_goes_out_at_once_and_the_rest_at_the_rate():
    """A far peer gets 64 KiB, then 5 Mbit/s; one next door more than any picture needs."""
    far = sent(Pace(), 0.5)
    assert far == pytest.approx(BURST_BYTES + 0.5 * FAR_BYTES_S, abs=2400)
    near = sent(Pace(near=True), 0.5)
    assert near == pytest.approx(BURST_BYTES + 0.5 * NEAR_BYTES_S, rel=0.01)


def test_a_held_up_loop_makes_good_for_little():
    """After a second's pause no second's bytes go out in one go."""
    pace = Pace(near=True)
    sent(pace, 0.0)
    assert sent(pace, 0.0, begins_s=1.0) < 0.05 * NEAR_BYTES_S


def test_many_lost_slow_it_down_once_and_a_few_do_not():
    """A full queue is answered at once, its echo half a second later not again; noise never."""
    pace = Pace()
    pace.lost(LOST_AT_ONCE - 1, 1.0)
    assert pace.rate == FAR_BYTES_S
    pace = Pace(near=True)
    pace.lost(LOST_AT_ONCE, 1.0)
    assert pace.rate == NEAR_BYTES_S / 4
    assert not pace.allows(1.0)
    pace.lost(LOST_AT_ONCE, 1.0 + HOLD_S / 2)
    assert pace.rate == NEAR_BYTES_S / 4
    for round_number in range(20):
        pace.lost(LOST_AT_ONCE, 5.0 + round_number)
    assert pace.rate == LEAST_BYTES_S


def test_reports_raise_it_only_if_it_was_used_and_all_arrived():
    """A report of a line that carried nothing proves nothing; a grown round trip lowers it."""
    pace = Pace()
    pace.reported(0.04, 0.0, 1.0)
    assert pace.rate == FAR_BYTES_S
    pace.take(1200)
    pace.reported(0.04, 0.1, 2.0)
    assert pace.rate == FAR_BYTES_S
    pace.take(1200)
    pace.reported(0.05, 0.0, 3.0)
    assert pace.rate == 2 * FAR_BYTES_S
    pace.reported(0.041 + QUEUE_S, 0.0, 4.0)
    assert pace.rate == FAR_BYTES_S / 2


def test_how_long_a_catch_up_takes():
    """What goes out at once takes no time; what grows faster than the rate never ends."""
    pace = Pace()
    assert pace.takes_s(BURST_BYTES, 10 * FAR_BYTES_S) == 0
    assert pace.takes_s(BURST_BYTES + FAR_BYTES_S, FAR_BYTES_S / 2) == pytest.approx(2.0)
    assert pace.takes_s(BURST_BYTES + 1, FAR_BYTES_S) == float("inf")
