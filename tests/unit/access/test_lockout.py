# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Counting failures: locks grow, are forgotten, and stay within their bound."""

from gateway.access.lockout import LockLimits, Lockout
from tests.fakes import FakeClock


def test_the_bound_locks_and_each_further_failure_doubles():
    """The third failure of three locks for the first time, the fourth for twice as long."""
    clock = FakeClock()
    lockout = Lockout(clock, LockLimits(first_lock_s=10.0, most_lock_s=15.0))
    assert [lockout.count("a", 3) for _ in range(3)] == [False, False, True]
    clock.advance(10)
    assert not lockout.is_locked("a")
    assert lockout.count("a", 3)
    clock.advance(14)
    assert lockout.is_locked("a")
    clock.advance(1)
    assert not lockout.is_locked("a")
    assert not lockout.is_locked("b")


def test_old_failures_are_forgotten_and_good_ones_forgiven():
    """A day later, or after a success, the count begins anew."""
    clock = FakeClock()
    lockout = Lockout(clock, LockLimits(forget_s=100.0))
    lockout.count("a", 2)
    clock.advance(101)
    assert not lockout.count("a", 2)
    lockout.forgive("a")
    assert not lockout.count("a", 2)


def test_memory_is_bounded():
    """The oldest key gives way."""
    lockout = Lockout(FakeClock(), LockLimits(most_remembered=3))
    for key in range(10):
        lockout.count(key, 1)
    assert len(lockout) == 3
    assert lockout.is_locked(9)
    assert not lockout.is_locked(0)
