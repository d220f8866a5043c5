# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Hits: a plate that stands on a hot list passed a gate, and a person has to look (A-09, B-25)."""

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from gateway.model.alarm import Box, Why
from gateway.model.plate import ListKind, Passing

RULE_HIT: Final = "targa-cercata"
"""Rule of the alarm of a hit; it has the hit's id."""

SEVERITIES: Final = {
    ListKind.STOLEN: 4,
    ListKind.REPORTED: 4,
    ListKind.LOCAL: 3,
    ListKind.NO_INSPECTION: 2,
}
"""Of the alarm, by the kind of list."""


_WORDS: Final = re.compile(r"\w+")


class HitState(Enum):
    """Whether somebody has looked; a discarded hit is deleted and has no state."""

    TO_VERIFY = "da-verificare"
    """Not certain: nothing of it leaves the box before a person has confirmed it."""
    WAITING = "in-attesa"
    """Certain: rooms have been told, and a person still has to decide."""
    CONFIRMED = "confermato"


@dataclass(frozen=True, slots=True)
class Hit:
    """What is kept of a hit in clear; nothing of it tells the plate."""

    id: str
    """UUIDv7; the alarm has the same."""
    camera: str
    zone: str
    lane: str
    passing: Passing | None
    """None: the box that read it did not say."""
    entry: str
    """Id of the entry of the hot list; empty at a room, whose edge has the list."""
    kind: ListKind | None
    country: str
    """ISO 3166-1 alpha-2; empty if it could not be told."""
    likelihood: float
    """0..1, of the whole reading."""
    certain: bool
    """Two readers agreed, and the text itself stands on the list."""
    crossed_utc_us: int
    """Capture time of the picture in which it crossed the line."""
    state: HitState
    plate_type: str = "Normal"
    exact: bool = True
    """False: it was found through an alternative of the reading."""
    act: str = ""
    severity: int = 3
    box: Box | None = None
    """Of the plate, in the best picture."""
    by: str = ""
    """Who confirmed it."""
    decided_utc_us: int = 0


@dataclass(frozen=True, slots=True)
class HitSecret:
    """What only a Grant opens."""

    text: str = field(repr=False)
    """As it was read."""
    listed: str = field(default="", repr=False)
    """As it stands on the list; empty at a room."""
    alternatives: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    """Other readings with their probability, the likeliest first."""
    signs: tuple[float, ...] = ()
    """Confidence of each sign of `text`."""
    reason: str = field(default="", repr=False)
    """Why it is sought, as the list says."""


@dataclass(frozen=True, slots=True)
class PlatePictures:
    """JPEG pictures of a passage, masks and all other plates covered."""

    context: bytes = field(repr=False)
    crop: bytes = field(repr=False)
    """Of the plate."""


@dataclass(frozen=True, slots=True)
class OpenHit:
    """What a Grant opens of a hit."""

    secret: HitSecret
    pictures: PlatePictures
    """Empty where none came."""


@dataclass(frozen=True, slots=True)
class GateHour:
    """What is told of one gate and one hour that is over; None: withheld, or not counted there."""

    zone: str
    from_utc_us: int
    inward: int | None
    outward: int | None
    total: int | None


def why_of(hit: Hit) -> Why:
    """Return why, for the alarm: kind of list, direction and lane; no plate."""
    kind = hit.kind.value if hit.kind else ""
    passing = hit.passing.value if hit.passing else ""
    lane = "-".join(_WORDS.findall(hit.lane))[:24]
    sure = "" if hit.certain else "da-verificare"
    detail = f"{kind}/{passing}/{lane}/{sure}"
    return Why(RULE_HIT, confidence=hit.likelihood, detail=detail)


def read_detail(detail: str) -> tuple[ListKind | None, Passing | None, str, bool]:
    """Return kind of list, direction, lane and whether it was certain, as `why_of` wrote them."""
    kind, passing, lane, sure = (*detail.split("/"), "", "", "", "")[:4]
    return (
        next((one for one in ListKind if one.value == kind), None),
        next((one for one in Passing if one.value == passing), None),
        lane,
        not sure,
    )
