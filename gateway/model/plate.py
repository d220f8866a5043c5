# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Plates as they are read and sought (A-09, D.9); no repr and no log has the text of one."""

from dataclasses import dataclass, field
from enum import Enum

from gateway.model.alarm import Box
from gateway.model.time import Moment

MOST_SIGNS = 12
"""Letters and digits of the longest plate that is read."""
MOST_ALTERNATIVES = 8


class Passing(Enum):
    """Which way a vehicle passed a gate (A-09): a gate says it of every passage."""

    IN = "entrata"
    OUT = "uscita"


class ListKind(Enum):
    """Where an entry of a hot list comes from (B-33, D.9)."""

    STOLEN = "A1"
    NO_INSPECTION = "A2"
    REPORTED = "C"
    """Reported by an office."""
    LOCAL = "locale"
    """Entered here, by two people, for at most ninety days."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another text that the same marks may be."""

    text: str = field(repr=False)
    probability: float
    """0..1, of this text."""


@dataclass(frozen=True, slots=True)
class PlateRead:
    """What readers made of one plate, over one picture or a whole passage."""

    text: str = field(repr=False)
    """Letters A-Z and digits without blanks, upper case; empty: nothing could be read."""
    confidence: float
    """0..1, of the whole text."""
    signs: tuple[float, ...] = ()
    """Confidence of each sign of `text`, 0..1."""
    alternatives: tuple[Alternative, ...] = field(default=(), repr=False)
    """Less likely texts, most likely first, at most MOST_ALTERNATIVES."""
    country: str = ""
    """ISO 3166-1 alpha-2; empty if it could not be told."""
    plate_type: str = "Normal"
    """In the words of ONVIF (B-48)."""
    certain: bool = False
    """Two independent readers agree and the grammar allows it; else a person has to look."""
    pictures: int = 1
    """In how many it was read."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A vehicle passed a gate; nothing of it is kept unless its plate is sought."""

    id: int
    """Of its gate, since the gate was opened."""
    camera: str
    zone: str
    lane: str
    passing: Passing
    crossed: Moment
    """Capture time of the picture in which it crossed the trigger line."""
    read: PlateRead
    box: Box
    """Of the plate, in the best picture."""
    height_px: float = 0.0
    """Of the plate, in the best picture."""
