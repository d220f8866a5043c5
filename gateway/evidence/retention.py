# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which copies have to go now (B-01..B-03, D.4). Pure: the clock and the disk are elsewhere.

A copy goes when its age has reached its term, unless a hold asks for it. Age is told by counted
time (`gateway.evidence.elapsed`), which no jump of UTC moves while we run; for a copy that an
earlier run left, the larger of counted time and of the difference in UTC counts.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from gateway.model.registry import Hold
from gateway.model.retention import PRIVATE_H, CopyClass
from gateway.model.time import ROME

FUTURE_S = 300.0
"""Dated further ahead of now than this, a copy was written under a clock that was wrong."""
GRACE_S = 240.0
"""So long a copy of unknown age waits for our clock to be put right; with the sweep it is gone
within five minutes (B-01)."""
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Now:
    """An instant, as far as ages are concerned."""

    utc_us: int
    counted_us: int
    """Counted time: never steps back, goes on over restarts."""
    run: str
    """Names this run of the process."""
    believed: bool
    """Our UTC is known to be right."""
    running_s: float
    """Since this run began."""
    lost: bool = False
    """UTC is behind what an earlier run saw: nobody knows how long we were off."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of pictures that we keep."""

    name: str
    kind: CopyClass
    camera: str
    """Empty: not known."""
    controller: str
    """Owner of the camera when the picture was taken; empty: not known."""
    captured_utc_us: int
    believed: bool
    """UTC was known to be right when the picture was taken."""
    counted_us: int
    """Counted time when it was kept; -1: not known."""
    run: str
    """Which run of the process kept it."""
    most_h: float = PRIVATE_H
    """Ceiling when it was kept: what people were told then stays true."""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for copies; made from one version of the registry."""

    still_s: float
    """Term of an alarm's picture that nobody confirmed."""
    cameras: Mapping[str, float] = field(default_factory=dict)
    """Ceiling in hours by camera."""
    controllers: Mapping[str, float] = field(default_factory=dict)
    """Ceiling in hours by controller, for cameras that are gone."""
    holds: tuple[Hold, ...] = ()


def due(copies: Iterable[Copy], rules: Rules, now: Now) -> tuple[Copy, ...]:
    """Return the copies that have to go."""
    holds = tuple(one for one in rules.holds if in_force(one, now))
    return tuple(
        one
        for one in copies
        if age_s(one, now) >= term_s(one, rules) and not any(matches(hold, one) for hold in holds)
    )


def term_s(copy: Copy, rules: Rules) -> float:
    """Return how long a copy is kept, in seconds, where no hold asks for it."""
    ceiling_h = rules.cameras.get(copy.camera)
    if ceiling_h is None:
        ceiling_h = rules.controllers.get(copy.controller, PRIVATE_H)
    most_s = min(ceiling_h, copy.most_h) * HOUR_S
    return min(most_s, rules.still_s) if copy.kind is CopyClass.STILL else most_s


def age_s(copy: Copy, now: Now) -> float:
    """Return how old a copy is at least; infinite where nobody can tell any more."""
    counted_s = (now.counted_us - copy.counted_us) / 1e6
    known = 0 <= copy.counted_us <= now.counted_us
    if copy.run == now.run:
        return counted_s if known else math.inf
    dated_s = (now.utc_us - copy.captured_utc_us) / 1e6
    if now.lost or (copy.believed and dated_s < -FUTURE_S):
        waits = not now.believed and now.running_s < GRACE_S
        return counted_s if waits and known else math.inf
    if not copy.believed:
        return counted_s if known else math.inf
    return max(dated_s, counted_s) if known else max(dated_s, 0.0)


def in_force(hold: Hold, now: Now) -> bool:
    """Return whether a hold stands; it ends at 24:00 Rome of its last day, by a believed clock.

    What a judge asked for is not lost to a clock that nobody vouches for.
    """
    return not now.believed or now.utc_us < ends_utc_us(hold.until)


def ends_utc_us(last_day: date) -> int:
    """Return 24:00 Europe/Rome of a day, in microseconds UTC."""
    midnight = datetime.combine(last_day + timedelta(days=1), time(), ROME)
    return int(midnight.timestamp()) * 1_000_000


def matches(hold: Hold, copy: Copy) -> bool:
    """Return whether a hold asks for a copy: its controller, its cameras, its span."""
    return (
        hold.controller == copy.controller
        and (not hold.cameras or copy.camera in hold.cameras)
        and hold.from_utc_us <= copy.captured_utc_us <= hold.to_utc_us
    )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was deleted, as the ledger is told: counts and a span, never a name of a file."""

    kind: CopyClass
    controller: str
    copies: int
    size_bytes: int
    from_utc_us: int
    to_utc_us: int


def receipts(gone: Iterable[Copy]) -> tuple[Receipt, ...]:
    """Return one receipt per class and controller."""
    sorted_out: dict[tuple[str, str], list[Copy]] = {}
    for one in gone:
        sorted_out.setdefault((one.kind.value, one.controller), []).append(one)
    return tuple(
        Receipt(
            some[0].kind,
            controller,
            len(some),
            sum(one.size_bytes for one in some),
            min(one.captured_utc_us for one in some),
            max(one.captured_utc_us for one in some),
        )
        for (_, controller), some in sorted(sorted_out.items())
    )
