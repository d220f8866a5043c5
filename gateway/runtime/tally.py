# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Counters that speak at most once a second, so that a flood of one event is one log line."""

import logging
from collections import Counter

from gateway.runtime.clock import Clock


class Tally:
    """Counts named events; `note` logs the first at once and the rest summed up."""

    def __init__(self, log: logging.Logger, clock: Clock, every_s: float = 1.0) -> None:
        self._log = log
        self._clock = clock
        self._every_s = every_s
        self._total: Counter[str] = Counter()
        self._silent: Counter[str] = Counter()
        self._spoken_s: dict[str, float] = {}

    def note(self, event: str, **fields: str | float) -> None:
        """Count `event`; log it unless it was logged less than `every_s` ago."""
        self._total[event] += 1
        now_s = self._clock.monotonic_s()
        spoken_s = self._spoken_s.get(event)
        if spoken_s is not None and now_s - spoken_s < self._every_s:
            self._silent[event] += 1
            return
        self._spoken_s[event] = now_s
        repeats = self._silent.pop(event, 0)
        self._log.warning(event, extra={**fields, "repeats": repeats})

    def statistics(self) -> dict[str, int]:
        """Return how often each event was counted."""
        return dict(self._total)
