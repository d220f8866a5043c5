# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What is really in the pictures of the simulated town: exact, since we painted it."""

import json
from dataclasses import asdict, dataclass
from enum import Enum
from itertools import pairwise

from gateway.model.alarm import Box
from gateway.model.errors import WireError


class Kind(Enum):
    """What moves."""

    CAR = "auto"
    WALKER = "pedone"
    INTRUDER = "intruso"


class Direction(Enum):
    """Of a passage, seen from the town (A-09)."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class PlateSeen:
    """A plate in one picture; its box may reach over the picture's edge before clipping."""

    text: str
    direction: Direction
    box: Box
    height_px: float
    """Of the plate itself, mean of its two sides."""
    whole: bool
    """All of it lies inside the picture and nothing hides it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One moving thing in one picture, clipped to the picture."""

    kind: Kind
    name: str
    """The same over all pictures of a clip."""
    box: Box
    plate: PlateSeen | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """One car's way through the gate, as far as its plate can be read."""

    plate: str
    direction: Direction
    first: int
    """First and last index of the pictures in which the plate is whole and high enough; a
    passage that goes over the end of the loop has first > last."""
    last: int
    most_height_px: float


@dataclass(frozen=True, slots=True)
class Truth:
    """Of one clip: what is seen in each of its pictures."""

    pictures: tuple[tuple[Seen, ...], ...]

    def passages(self, least_height_px: float = 16.0) -> tuple[Passage, ...]:
        """Return the passages whose plate was whole and at least that high, by first picture."""
        sights: dict[tuple[str, Direction], list[tuple[int, float]]] = {}
        for index, picture in enumerate(self.pictures):
            for seen in picture:
                plate = seen.plate
                if plate is not None and plate.whole and plate.height_px >= least_height_px:
                    known = sights.setdefault((plate.text, plate.direction), [])
                    known.append((index, plate.height_px))
        found = [
            Passage(text, direction, *_span([i for i, _ in known]), max(h for _, h in known))
            for (text, direction), known in sights.items()
        ]
        return tuple(sorted(found, key=lambda passage: passage.first))


def _span(indices: list[int]) -> tuple[int, int]:
    """Return first and last of a run that may go over the end of the loop."""
    for before, after in pairwise(indices):
        if after != before + 1:
            return after, before
    return indices[0], indices[-1]


def to_json(truth: Truth) -> bytes:
    """Return the truth as JSON; `from_json` is its inverse."""
    pictures = [[_plain(seen) for seen in picture] for picture in truth.pictures]
    return json.dumps({"pictures": pictures}, separators=(",", ":")).encode()


def _plain(seen: Seen) -> dict[str, object]:
    fields = asdict(seen)
    fields["kind"] = seen.kind.value
    if seen.plate is not None:
        fields["plate"]["direction"] = seen.plate.direction.value
    return fields


def from_json(data: bytes) -> Truth:
    """Return the truth that `to_json` wrote; WireError for anything else."""
    try:
        pictures = json.loads(data)["pictures"]
        return Truth(tuple(tuple(_seen(one) for one in picture) for picture in pictures))
    except (ValueError, KeyError, TypeError) as error:
        raise WireError(f"not the truth of a clip: {error!r}") from error


def _seen(fields: dict[str, object]) -> Seen:
    match fields:
        case {"kind": str(kind), "name": str(name), "box": dict(box), "plate": plate}:
            known = _plate(plate) if isinstance(plate, dict) else None
            return Seen(Kind(kind), name, Box(**box), known)
    raise ValueError("a seen thing lacks a field")


def _plate(fields: dict[str, object]) -> PlateSeen:
    match fields:
        case {
            "text": str(text),
            "direction": str(direction),
            "box": dict(box),
            "height_px": float(height_px),
            "whole": bool(whole),
        }:
            return PlateSeen(text, Direction(direction), Box(**box), height_px, whole)
    raise ValueError("a plate lacks a field")
