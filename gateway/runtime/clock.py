# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Time as a parameter: the only module that touches the real clocks."""

import asyncio
import time
from typing import Protocol

from gateway.model.time import ClockQuality, Moment


class Clock(Protocol):
    """Where every wait and every timestamp comes from; tests bring their own."""

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary origin; never steps."""
        ...

    def now(self) -> Moment:
        """Return this instant on both clocks."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellable at once."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def __init__(self, quality: ClockQuality = ClockQuality.SYNCHRONISED) -> None:
        self.quality = quality
        """Set by whoever watches the time service."""

    def monotonic_s(self) -> float:
        """Seconds from CLOCK_MONOTONIC; the same origin in all processes of one boot."""
        return time.monotonic()

    def now(self) -> Moment:
        """Return this instant from CLOCK_MONOTONIC and CLOCK_REALTIME."""
        return Moment(time.monotonic(), time.time_ns() // 1000, self.quality)

    async def sleep(self, seconds: float) -> None:
        """Wait on the running loop."""
        await asyncio.sleep(seconds)
