# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How well a camera sees by night (A-35): light, noise and gain, as a slow mean. Pure.

It says where a street is dark, for those who plan lamps; it switches none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from enum import Enum

from gateway.model.alarm import Condition
from gateway.model.time import ROME, Moment

BEGINS = time(22)
ENDS = time(5)
"""Europe/Rome: it is dark then on every day of the year but a few of June."""
LEAST_SEEN = 60
"""Conditions without which nothing is said, a minute or two of a night."""
DARK_LUMA = 28.0
DIM_LUMA = 55.0
GOOD_NOISE = 4.0
"""Levels; with more a face at ten metres is lost in it."""
_RATE = 1 / 2000
"""Of a new condition: some nights count, the newest most."""
COLUMNS = ("camera", "grade", "luma", "noise", "gain", "seen")


class Grade(Enum):
    """What a night is like for a camera."""

    UNKNOWN = "non-noto"
    GOOD = "buona"
    POOR = "scarsa"
    DARK = "buia"


@dataclass(frozen=True, slots=True)
class Night:
    """Means of the nights of one camera."""

    seen: int = 0
    luma: float = 0.0
    """0..255."""
    noise: float = 0.0
    """Standard deviation, in levels."""
    gain: float = 0.0
    """0..1."""

    @property
    def grade(self) -> Grade:
        """Return what its nights are like; UNKNOWN before enough was seen."""
        if self.seen < LEAST_SEEN:
            return Grade.UNKNOWN
        if self.luma < DARK_LUMA:
            return Grade.DARK
        return Grade.POOR if self.luma < DIM_LUMA or self.noise > GOOD_NOISE else Grade.GOOD


def is_night(at: Moment) -> bool:
    """Return whether a moment counts, by the wall clock of Europe/Rome."""
    clock = at.utc().astimezone(ROME).time()
    return clock >= BEGINS or clock < ENDS


def learn(night: Night, still: Condition, at: Moment) -> Night:
    """Return the means with one more condition; by day they stay as they are."""
    if not is_night(at):
        return night
    rate = max(_RATE, 1 / (night.seen + 1))
    return Night(
        night.seen + 1,
        night.luma + rate * (still.luma - night.luma),
        night.noise + rate * (still.noise - night.noise),
        night.gain + rate * (still.gain - night.gain),
    )


def to_csv(nights: Mapping[str, Night]) -> str:
    """Return one row per camera by id, with a header; ids need no quotes."""
    rows = [
        f"{camera},{one.grade.value},{one.luma:.1f},{one.noise:.2f},{one.gain:.2f},{one.seen}"
        for camera, one in sorted(nights.items())
    ]
    return "\n".join([",".join(COLUMNS), *rows]) + "\n"
