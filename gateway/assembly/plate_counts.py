# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How many vehicles passed a gate in an hour, in memory only; small figures are not told (A-29).

Told are hours that are over: a figure that grows while one looks tells of single vehicles. Of one
gate and hour these are two figures and their sum. A figure below k is withheld, and with it the
other one, since the sum would give it away; the sum stays if it is not small itself. No vehicle
has a name in here: there is nothing to join.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Final

from gateway.model.hit import GateHour
from gateway.model.plate import Passing
from gateway.model.time import Moment

HOUR_US: Final = 3_600_000_000
KEPT_HOURS: Final = 48
GRACE_US: Final = 60_000_000
"""A passage is counted in its hour although it is read a little after the hour's end."""
MOST_CELLS: Final = 100_000
"""Gates × hours × directions in memory; beyond it the oldest hours go."""


class GateCounts:
    """Counts passages; nothing of it is ever written."""

    def __init__(self, k: int, now: Callable[[], Moment]) -> None:
        """`k`: least figure that is told."""
        self._k = k
        self._now = now
        self._cells: Counter[tuple[str, int, Passing]] = Counter()

    def note(self, zone: str, passing: Passing, crossed: Moment) -> None:
        """Count one passage; one that lies in an hour that may have been told is let go."""
        now_us = self._now().utc_us
        hour = min(crossed.utc_us, now_us) // HOUR_US  # a camera whose clock is ahead
        if hour < (now_us - GRACE_US) // HOUR_US:
            return
        if (zone, hour, passing) not in self._cells:
            self._forget(hour - KEPT_HOURS)
        self._cells[zone, hour, passing] += 1
        while len(self._cells) > MOST_CELLS:
            self._forget(min(one for _, one, _ in self._cells) + 1)

    def told(self, gates: Mapping[str, Collection[Passing]]) -> list[GateHour]:
        """Return what may be told of gates, by the directions each counts, newest hour first."""
        over = (self._now().utc_us - GRACE_US) // HOUR_US
        self._forget(over - KEPT_HOURS)
        known = {(zone, hour) for zone, hour, _ in self._cells if zone in gates and hour < over}
        return [
            self._cell(zone, hour, gates[zone]) for zone, hour in sorted(known, key=_newest_first)
        ]

    def _cell(self, zone: str, hour: int, counted: Collection[Passing]) -> GateHour:
        figures = {one: self._cells[zone, hour, one] for one in Passing if one in counted}
        total = sum(figures.values())
        shown = bool(figures) and min(figures.values()) >= self._k
        inward, outward = (figures.get(one) if shown else None for one in (Passing.IN, Passing.OUT))
        begin_us, known = hour * HOUR_US, total if total >= self._k else None
        return GateHour(zone, begin_us, inward, outward, known)

    def _forget(self, before: int) -> None:
        for key in [one for one in self._cells if one[1] < before]:
            del self._cells[key]


def _newest_first(key: tuple[str, int]) -> tuple[int, str]:
    return -key[1], key[0]
