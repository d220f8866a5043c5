# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What operators said of each rule's alarms, week by week, and what may be done about it. Pure.

A suggestion is told to people and carried out by nobody else: what a rule does changes only where
the registry changes, with the approvals that this takes (ADR 42).
"""

import math
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

from gateway.model.registry import Analytic, Zone

HOURS: Final = 24
LEAST_JUDGED: Final = 12
"""With fewer verdicts nothing is suggested: chance alone would."""
POOR: Final = 0.5
"""A rule of which surely fewer than half are right is one that people switch off."""
MOSTLY: Final = 0.6
"""So large a share of the false ones within NARROW_H hours is a matter of those hours."""
NARROW_H: Final = 6
LEAST_ON_S: Final = 1.0
_Z: Final = 1.96
"""Of an interval that holds in 95 of 100 cases."""


@dataclass(frozen=True, slots=True)
class FeedbackQuery:
    """Whose alarms of which time."""

    from_utc_us: int
    to_utc_us: int
    """By the time of the picture; up to this, without it."""
    recipient: str = ""
    """Only alarms that this one was told of; empty: all."""
    cameras: tuple[str, ...] | None = None
    """Only alarms of these; None: of all."""
    exercise: bool = False


@dataclass(frozen=True, slots=True)
class WeekVerdicts:
    """What was said of the alarms of one week; exercises are in none of them."""

    monday: date
    """In Europe/Rome."""
    confirmed: int = 0
    false: int = 0
    unjudged: int = 0
    """Closed by themselves, or still open."""


@dataclass(frozen=True, slots=True)
class RuleVerdicts:
    """What was said of one rule of one camera's zone."""

    rule: str
    camera: str
    zone: str
    weeks: tuple[WeekVerdicts, ...]
    """Oldest first; weeks without alarms are left out."""
    false_hours: tuple[int, ...] = (0,) * HOURS
    """False ones by the hour of the day in Europe/Rome."""

    @property
    def confirmed(self) -> int:
        """Return how many were right."""
        return sum(one.confirmed for one in self.weeks)

    @property
    def false(self) -> int:
        """Return how many were false."""
        return sum(one.false for one in self.weeks)

    @property
    def unjudged(self) -> int:
        """Return of how many nobody said anything."""
        return sum(one.unjudged for one in self.weeks)


@dataclass(frozen=True, slots=True)
class Feedback:
    """What was said in a period, the rule with most false alarms first."""

    rules: tuple[RuleVerdicts, ...] = ()
    truncated: bool = False
    """There were too many rules: those with few alarms are left out."""


@dataclass(frozen=True, slots=True)
class Precision:
    """Share of the judged alarms that were right, and what it may be in truth (Wilson, 95 %)."""

    judged: int
    share: float
    least: float
    most: float


class Advice(Enum):
    """What people may do about a rule."""

    JUDGE = "judge"
    """Most alarms get no verdict: nothing can be learnt from them."""
    HOURS = "hours"
    """The false ones come within few hours: look there, at light, insects, doings."""
    ON_AFTER = "on-after"
    """Presence this short raises it: let it last longer."""
    POLYGON = "polygon"
    """Draw the zone anew, without what always moves."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One advice with the key of the zone that it is about."""

    advice: Advice
    key: str = ""
    now: str = ""
    proposed: str = ""


def precision(confirmed: int, false: int) -> Precision | None:
    """Return the precision of so many verdicts; None without any."""
    judged = confirmed + false
    if judged == 0:
        return None
    share, square = confirmed / judged, _Z * _Z
    middle = (share + square / (2 * judged)) / (1 + square / judged)
    spread = share * (1 - share) / judged + square / (4 * judged * judged)
    half = _Z * math.sqrt(spread) / (1 + square / judged)
    # rounding may not push a bound past the share itself
    least, most = max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))
    return Precision(judged, share, least, most)


def suggestions(found: RuleVerdicts, zone: Zone | None) -> tuple[Suggestion, ...]:
    """Return what may be done about a rule; nothing while too little is known or it is good."""
    told = found.confirmed + found.false
    advice: list[Suggestion] = []
    if found.unjudged >= LEAST_JUDGED and found.unjudged > told:
        advice.append(Suggestion(Advice.JUDGE, now=str(found.unjudged)))
    known = precision(found.confirmed, found.false)
    if known is None or known.judged < LEAST_JUDGED or known.most >= POOR:
        return tuple(advice)
    if (hours := _narrow(found.false_hours)) is not None:
        advice.append(Suggestion(Advice.HOURS, now=f"{hours:02d}–{(hours + NARROW_H) % HOURS:02d}"))
    if zone is not None and zone.analytic is not Analytic.TAMPER:
        advice += _of_zone(zone)
    return tuple(advice)


def _of_zone(zone: Zone) -> list[Suggestion]:
    """Return what the zone's own keys leave room for."""
    advice: list[Suggestion] = []
    if zone.analytic is Analytic.INTRUSION and zone.on_after_s < LEAST_ON_S:
        advice.append(
            Suggestion(Advice.ON_AFTER, "on_after_s", f"{zone.on_after_s:g}", f"{LEAST_ON_S:g}")
        )
    if zone.polygon:
        advice.append(Suggestion(Advice.POLYGON, "polygon"))
    return advice


def _narrow(hours: tuple[int, ...]) -> int | None:
    """Return the hour from which on NARROW_H hours hold most of all; None if none do."""
    total = sum(hours)
    if not total:
        return None
    within = [
        sum(hours[(begin + more) % HOURS] for more in range(NARROW_H)) for begin in range(HOURS)
    ]
    best = max(range(HOURS), key=lambda begin: within[begin])
    return best if within[best] >= MOSTLY * total else None
