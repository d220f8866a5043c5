# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The watchdog is pinged only while every essential part makes progress.

A loop that still turns proves nothing: a hung disk thread or a media process that no longer
answers would go unseen. Each essential part therefore beats after real work.
"""

import logging
from collections.abc import Awaitable, Callable

from gateway.ops.notify import Notifier
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)


class Progress:
    """When each named part last got something done."""

    def __init__(self, clock: Clock, bound_s: float = 10.0) -> None:
        """`bound_s`: a part silent for longer is stale."""
        self._clock = clock
        self._bound_s = bound_s
        self._beats_s: dict[str, float] = {}

    def beat(self, part: str) -> None:
        """Note that `part` made progress now."""
        self._beats_s[part] = self._clock.monotonic_s()

    def stale(self) -> tuple[str, ...]:
        """Return the parts that have been silent for too long, by name."""
        since_s = self._clock.monotonic_s() - self._bound_s
        return tuple(sorted(part for part, at_s in self._beats_s.items() if at_s < since_s))


async def exercise(
    part: str, work: Callable[[], Awaitable[object]], progress: Progress, *, clock: Clock
) -> None:
    """Do `work` every two seconds and beat after it, until cancelled; its errors propagate."""
    progress.beat(part)
    while True:
        await work()
        progress.beat(part)
        await clock.sleep(2.0)


async def watch(progress: Progress, notifier: Notifier, *, clock: Clock) -> None:
    """Ping the service manager while nothing is stale, until cancelled."""
    pause_s = notifier.watchdog_s / 4 if notifier.watchdog_s else 5.0
    complained: tuple[str, ...] = ()
    while True:
        stale = progress.stale()
        if not stale:
            notifier.watchdog()
        elif stale != complained:
            log.error("no-progress", extra={"parts": ",".join(stale)})
        complained = stale
        await clock.sleep(pause_s)
