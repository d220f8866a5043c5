# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ops.timekeeping."""

import ctypes

import pytest

from gateway.model.time import ClockQuality
from gateway.ops.timekeeping import Kept, Timekeeper, Timex, judge, marked, read
from gateway.runtime.clock import SystemClock

NANO = 0x2000


@pytest.mark.parametrize(
    ("status", "offset", "maxerror_us", "kept"),
    [
        (NANO | 1, 2_600_000, 40_000, Kept(synchronised=True, offset_ms=-3)),
        (1, -2_600, 40_000, Kept(synchronised=True, offset_ms=3)),
        (NANO, 0, 5_000_000, Kept(synchronised=True)),
        (NANO, 2_600_000, 5_000_001, Kept(synchronised=False)),
        (NANO | 0x40, 2_600_000, 40_000, Kept(synchronised=False)),
    ],
)
def test_what_the_kernel_says(status, offset, maxerror_us, kept):
    """What is still to be added is what we are behind; an error of 5 s is no synchrony."""
    assert judge(status, offset, maxerror_us) == kept


def test_the_kernel_is_asked_without_harm(tmp_path):
    """The struct is as large as the kernel's (208 bytes on 64 bits), and something is told."""
    assert ctypes.sizeof(Timex) >= 208
    told = read(tmp_path / "nobody")
    assert told is None or isinstance(told.synchronised, bool)


def test_where_the_kernel_is_silent_the_service_is_asked(tmp_path):
    """No folder: it does not run; no mark: it has not heard from a server."""
    assert marked(tmp_path / "nobody") is None
    assert marked(tmp_path) == Kept(synchronised=False)
    (tmp_path / "synchronized").touch()
    assert marked(tmp_path) == Kept(synchronised=True)


def test_the_clock_follows(caplog):
    """From the first look on; told once per change; silence changes nothing."""
    now = [Kept(synchronised=False)]
    clock = SystemClock()
    keeper = Timekeeper(clock, lambda: now[0])
    assert (clock.now().quality, keeper.offset_ms()) == (ClockQuality.UNSYNCHRONISED, 0)
    for kept in (Kept(synchronised=True, offset_ms=-7), None, None):
        now[0] = kept
        keeper.look()
        assert (clock.now().quality, keeper.offset_ms()) == (ClockQuality.SYNCHRONISED, -7)
    assert [one.message for one in caplog.records] == ["clock-quality"] * 2


def test_an_exercise_stays_one():
    """Its clock is never evidence, however right it is."""
    clock = SystemClock(ClockQuality.EXERCISE)
    keeper = Timekeeper(clock, lambda: Kept(synchronised=True, offset_ms=-7))
    assert (clock.quality, keeper.offset_ms()) == (ClockQuality.EXERCISE, 0)
