# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Figures that tell nobody on site of a hold-up: they stand still while one lives (ADR 32).

What a room does because of a silent alarm (looks, entries, bytes over the line) would show in the
metrics that the shop's own monitors read. What grows with every look is coarse besides, so that
standing still for a while looks like any other quarter of an hour.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Generic, TypeVar

from gateway.console.services import LineReport
from gateway.model.room import LineStatus
from gateway.runtime.clock import Clock

T = TypeVar("T")

COARSE_S: Final = 900.0


class Steady(Generic[T]):
    """Reads a figure, but neither while `hides` nor more often than each `every_s`."""

    def __init__(
        self, read: Callable[[], T], hides: Callable[[], object], clock: Clock, every_s: float = 0.0
    ) -> None:
        self._read = read
        self._hides = hides
        self._clock = clock
        self._every_s = every_s
        self._value = read()
        self._read_s = clock.monotonic_s()

    def __call__(self) -> T:
        """Return what it was when it was last read; never waits."""
        now_s = self._clock.monotonic_s()
        if now_s - self._read_s >= self._every_s and not self._hides():
            self._value, self._read_s = self._read(), now_s
        return self._value


class SteadyLines:
    """Lines as they are, but for what pictures over them add: streams and bytes are steady."""

    def __init__(
        self, read: Callable[[], tuple[LineReport, ...]], hides: Callable[[], object], clock: Clock
    ) -> None:
        self._read = read
        self._calm = Steady(read, hides, clock)

    def __call__(self) -> tuple[LineReport, ...]:
        """Return the lines; one that is new during a hold-up tells of no pictures."""
        calm = {(one.id, one.side): one.status for one in self._calm()}
        return tuple(
            replace(one, status=_carrying(one.status, calm.get((one.id, one.side))))
            for one in self._read()
        )


def _carrying(status: LineStatus, calm: LineStatus | None) -> LineStatus:
    """Return a status that says of what it carries what it did before."""
    return replace(
        status,
        streams=calm.streams if calm else 0,
        sent_bytes=calm.sent_bytes if calm else 0,
        received_bytes=calm.received_bytes if calm else 0,
    )
