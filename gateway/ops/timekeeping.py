# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How well our own clock is known, as the kernel or systemd-timesyncd tells it (B-57).

adjtimex(2) is only read. Where it is refused (a sandbox without the clock calls, such as our own
unit) the mark of systemd-timesyncd counts; where neither says anything, nothing is changed.
"""

import ctypes
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.model.time import ClockQuality
from gateway.ops.clockwatch import BLOCK_S
from gateway.runtime.clock import SystemClock

log = logging.getLogger(__name__)

LOOK_S: Final = 16.0
"""How often the clock is looked at."""
TIMESYNC: Final = Path("/run/systemd/timesync")
"""Of systemd-timesyncd; `synchronized` is in it from the first answer of a server on."""
_UNSYNCHRONISED: Final = 0x0040
"""STA_UNSYNC."""
_NANOSECONDS: Final = 0x2000
"""STA_NANO: `offset` is in nanoseconds, else in microseconds."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of our clock."""

    synchronised: bool
    offset_ms: int = 0
    """Our clock minus true time; 0: not known."""


class Timex(ctypes.Structure):
    """struct timex of adjtimex(2); `modes` = 0 reads."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),
    )


def judge(status: int, offset: int, maxerror_us: int) -> Kept:
    """Return what the kernel's numbers mean: an error that blocks evidence is no synchrony."""
    if status & _UNSYNCHRONISED or maxerror_us > BLOCK_S * 1_000_000:
        return Kept(synchronised=False)
    per_ms = 1_000_000 if status & _NANOSECONDS else 1_000
    return Kept(synchronised=True, offset_ms=-round(offset / per_ms))  # it is what is still to add


def read(timesync: Path = TIMESYNC) -> Kept | None:
    """Return what is known of our clock now; None: nobody tells."""
    timex = Timex()
    try:
        told = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        told = -1  # another system
    if told >= 0:
        return judge(timex.status, timex.offset, timex.maxerror)
    return marked(timesync)


def marked(timesync: Path) -> Kept | None:
    """Return what systemd-timesyncd says; None if it does not run."""
    if not timesync.is_dir():
        return None
    return Kept(synchronised=(timesync / "synchronized").exists())


class Timekeeper:
    """Keeps the quality of a clock true; that of an exercise stays one."""

    def __init__(self, clock: SystemClock, look: Callable[[], Kept | None] = read) -> None:
        self._clock = clock
        self._look = look
        self._offset_ms = 0
        self.look()

    def offset_ms(self) -> int:
        """Return our clock minus true time as far as it is known; 0: not known."""
        return self._offset_ms

    def look(self) -> None:
        """Look once; microseconds."""
        kept = self._look()
        if kept is None or self._clock.quality is ClockQuality.EXERCISE:
            return
        self._offset_ms = kept.offset_ms
        quality = ClockQuality.SYNCHRONISED if kept.synchronised else ClockQuality.UNSYNCHRONISED
        if quality is not self._clock.quality:
            log.warning("clock-quality", extra={"quality": quality.value})
            self._clock.quality = quality

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self._clock.sleep(LOOK_S)
            self.look()
