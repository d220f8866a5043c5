# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Time as a value: when something happened on both clocks, and how far UTC can be believed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final
from zoneinfo import ZoneInfo

ROME: Final = ZoneInfo("Europe/Rome")
"""Where acts end at midnight, schools open and people read the clock."""


class ClockQuality(Enum):
    """How well the box knows UTC (requirement B-57)."""

    SYNCHRONISED = "synchronised"
    UNSYNCHRONISED = "unsynchronised"
    EXERCISE = "exercise"
    """A simulator's clock: never evidence."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant, on the monotonic clock and in UTC."""

    monotonic_s: float
    """Seconds since an arbitrary origin of this boot; for durations, never stored on disk."""
    utc_us: int
    """Microseconds since 1970-01-01T00:00:00Z."""
    quality: ClockQuality = ClockQuality.SYNCHRONISED

    def shifted(self, seconds: float) -> "Moment":
        """Return the instant `seconds` later (earlier if negative) on both clocks."""
        return Moment(
            self.monotonic_s + seconds, self.utc_us + round(seconds * 1_000_000), self.quality
        )

    def utc(self) -> datetime:
        """Return the instant as an aware UTC datetime."""
        return datetime.fromtimestamp(self.utc_us // 1_000_000, UTC).replace(
            microsecond=self.utc_us % 1_000_000
        )

    def iso(self) -> str:
        """Return RFC 3339 UTC with milliseconds, for example 2026-11-22T14:00:00.250Z."""
        return self.utc().isoformat(timespec="milliseconds").replace("+00:00", "Z")
