# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.relay.video.thin: shares of a line, and when the small rendition goes."""

import pytest

from gateway.relay.video.thin import HOLD_S, MOST_HOLD_S, LineBudget, Rendition


def carried(budget, wishes, seconds, *, packet=1000, step_s=0.01):
    """Return what each share sent that always had as much to send as it wished."""
    shares = [budget.join() for _ in wishes]
    sent, owed, now_s = [0] * len(wishes), [0.0] * len(wishes), 0.0
    while now_s < seconds:
        for number, (share, wish) in enumerate(zip(shares, wishes, strict=True)):
            owed[number] = min(owed[number] + wish * step_s, 20_000)
            while owed[number] >= packet and not share.wait_s(now_s):
                share.take(packet)
                sent[number] += packet
                owed[number] -= packet
        now_s += step_s
    return [one / seconds for one in sent]


def test_a_line_carries_what_it_may_and_no_more():
    """1,000 kbit/s are 125 kB a second, over any length."""
    (alone,) = carried(LineBudget(1000), [1e6], 20)
    assert alone == pytest.approx(125_000, rel=0.03)


def test_streams_get_equal_parts_and_what_others_leave():
    """Who wants little gets it all; the rest is shared by who wants more."""
    little, much, more = carried(LineBudget(1000), [10_000, 1e6, 1e6], 20)
    assert little == pytest.approx(10_000, rel=0.05)
    assert much + more == pytest.approx(115_000, rel=0.05)
    assert min(much, more) > 35_000


def test_without_a_bound_nothing_waits():
    """The kernel then shares by itself."""
    share = LineBudget(0).join()
    share.take(1 << 30)
    assert share.wait_s(0.0) == 0


def test_a_large_packet_is_paid_for_afterwards():
    """It goes out whole, and the next one waits until the line has carried it."""
    budget = LineBudget(80)
    share = budget.join()
    assert not share.wait_s(0.0)
    share.take(28_192)
    assert share.wait_s(0.0) == pytest.approx(2.0, abs=0.1)
    assert share.wait_s(1.0) == pytest.approx(1.0, abs=0.1)
    assert not share.wait_s(2.2)
    budget.leave(share)
    budget.leave(share)
    assert budget.streams == 0


def test_one_hiccup_changes_nothing():
    """A single skip is what networks do; the second within ten seconds is a thin line."""
    rendition = Rendition(has_small=True)
    rendition.late(0.0)
    assert not rendition.wants_small(0.0)
    rendition.late(20.0)
    assert not rendition.wants_small(20.0)
    rendition.late(25.0)
    assert rendition.wants_small(25.0)


def test_the_small_rendition_stays_while_the_line_is_slow_and_a_while_longer():
    """Back only after a quiet time; late pictures begin it anew."""
    rendition = Rendition(has_small=True)
    rendition.late(0.0, heavy=True)
    rendition.switched(1.0, is_small=True)
    assert rendition.wants_small(HOLD_S - 1)
    rendition.late(HOLD_S - 1)
    assert rendition.wants_small(2 * HOLD_S - 2)
    assert not rendition.wants_small(2 * HOLD_S)


def test_each_return_that_fails_doubles_the_wait():
    """A line that is always thin is not asked every quarter of a minute."""
    rendition, now_s, waits = Rendition(has_small=True), 0.0, []
    for _ in range(9):
        rendition.late(now_s, heavy=True)
        rendition.switched(now_s, is_small=True)
        began_s = now_s
        while rendition.wants_small(now_s):
            now_s += 1
        waits.append(now_s - began_s)
        rendition.switched(now_s, is_small=False)
        now_s += 1
    assert waits[:4] == [15, 30, 60, 120]
    assert waits[-1] == MOST_HOLD_S
    now_s += 3600
    rendition.late(now_s, heavy=True)
    assert not rendition.wants_small(now_s + HOLD_S)


def test_without_a_small_rendition_the_line_is_slow_all_the_same():
    """So people hear that few pictures come, and why."""
    rendition = Rendition(has_small=False)
    rendition.late(0.0, heavy=True)
    assert not rendition.wants_small(0.0)
    assert rendition.is_slow(0.0)


def test_a_thin_line_is_remembered_for_the_next_stream():
    """For a minute new streams begin small."""
    budget = LineBudget()
    assert not budget.is_thin(0.0)
    budget.note_thin(10.0)
    assert budget.is_thin(60.0)
    assert not budget.is_thin(71.0)
