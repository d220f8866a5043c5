# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Counts failures and locks what fails too often, in bounded memory."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from gateway.runtime.clock import Clock

Key = TypeVar("Key", bound=Hashable)

_MOST_DOUBLINGS: Final = 16


@dataclass(frozen=True, slots=True)
class LockLimits:
    """How long failures lock; times in seconds."""

    first_lock_s: float = 30.0
    """Doubles with each further failure."""
    most_lock_s: float = 3_600.0
    forget_s: float = 86_400.0
    """Failures older than this count no more."""
    most_remembered: int = 4_096
    """The oldest gives way."""


@dataclass(slots=True)
class _Failures:
    count: int
    last_s: float
    locked_until_s: float


class Lockout(Generic[Key]):
    """Failures by key."""

    def __init__(self, clock: Clock, limits: LockLimits) -> None:
        self._clock = clock
        self._limits = limits
        self._failures: OrderedDict[Key, _Failures] = OrderedDict()

    def __len__(self) -> int:
        """Return how many keys have failures."""
        return len(self._failures)

    def is_locked(self, key: Key) -> bool:
        """Return whether a key has to wait."""
        failures = self._failures.get(key)
        return failures is not None and self._clock.monotonic_s() < failures.locked_until_s

    def count(self, key: Key, bound: int) -> bool:
        """Count one failure; return whether it locks, which the `bound`th and each later one do."""
        now_s = self._clock.monotonic_s()
        failures = self._failures.pop(key, None)
        if failures is None or now_s - failures.last_s > self._limits.forget_s:
            failures = _Failures(0, now_s, 0.0)
        failures.count += 1
        failures.last_s = now_s
        over = failures.count - bound
        if over >= 0:
            lock_s = self._limits.first_lock_s * 2 ** min(over, _MOST_DOUBLINGS)
            failures.locked_until_s = now_s + min(lock_s, self._limits.most_lock_s)
        self._failures[key] = failures
        while len(self._failures) > self._limits.most_remembered:
            self._failures.popitem(last=False)
        return over >= 0

    def forgive(self, key: Key) -> None:
        """Start a key's count anew."""
        self._failures.pop(key, None)
