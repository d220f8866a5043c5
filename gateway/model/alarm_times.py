# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How long alarms took at each stage, over a period (B-45); no person and no alarm is named."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TimesQuery:
    """Which alarms."""

    from_utc_us: int
    to_utc_us: int
    """By the time of the picture; up to this, without it."""
    recipient: str = ""
    """Only this one's figures; empty: everybody's."""
    cameras: tuple[str, ...] | None = None
    """Only alarms of these; None: of all."""
    exercise: bool = False
    """Alarms of training instead of real ones."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Seconds; nearest rank. All 0 where there were none."""

    count: int = 0
    p50_s: float = 0.0
    p90_s: float = 0.0
    p95_s: float = 0.0
    p99_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Answers:
    """How soon somebody of a recipient answered what it was brought, from the delivery."""

    asked: int = 0
    """Alarms that were delivered to it and that nobody else answered."""
    answered: int = 0
    seconds: Percentiles = field(default_factory=Percentiles)
    within: tuple[tuple[int, float], ...] = ()
    """Seconds and the share of `asked` that was answered within them, 0..1."""


@dataclass(frozen=True, slots=True)
class RecipientTimes:
    """Figures of one recipient."""

    recipient: str
    alarms: int
    delivered: int
    to_sent: Percentiles
    """From the disk to the first sending."""
    to_delivered: Percentiles
    """From the picture to the delivery."""
    holdups: Answers
    """Severity 5."""
    others: Answers
    to_verdict: Percentiles
    """From the answer to the verdict, of what its people answered."""


@dataclass(frozen=True, slots=True)
class AlarmTimes:
    """Figures of a period."""

    alarms: int
    to_disk: Percentiles
    """From the picture to the disk."""
    recipients: tuple[RecipientTimes, ...] = ()
    truncated: bool = False
    """There were too many: these are the newest."""
