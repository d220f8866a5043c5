# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The DETECT request and its answer, both ends: a small JPEG in, named boxes out; light.

Whoever answers is a child with a net of the user's own (ADR 45). Ours names nobody: there is none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.codec.protocol import Cursor, Pen
from gateway.model.alarm import Box, Kind
from gateway.model.errors import WireError

MOST_DETECTIONS = 64
MOST_JPEG_BYTES = 1 << 20
"""Of a picture 640 px wide, by far."""
_MOST_COST_S = 600.0
_KINDS = tuple(Kind)
_NAMES: Final[Mapping[str, Kind]] = {
    **{kind.value: kind for kind in Kind if kind is not Kind.MOVING},
    **dict.fromkeys(("person", "pedestrian"), Kind.PERSON),
    **dict.fromkeys(("car", "truck", "bus", "van", "vehicle"), Kind.VEHICLE),
    **dict.fromkeys(("bicycle", "motorcycle", "motorbike", "scooter"), Kind.TWO_WHEELER),
}
"""Classes of nets as the field calls them (COCO and the like), and as we do."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing in a picture that a net has a name for."""

    kind: Kind
    confidence: float
    """0..1, as the net says."""
    box: Box


@dataclass(frozen=True, slots=True)
class DetectReply:
    """What a detector answers; read as untrusted bytes."""

    detections: tuple[Detection, ...]
    """Surest first, at most MOST_DETECTIONS."""
    cost_s: float = 0.0
    """CPU seconds that it took."""

    def pack(self) -> bytes:
        """Return the answer as bytes."""
        pen = Pen().fields("fB", self.cost_s, len(self.detections))
        for one in self.detections:
            box = one.box
            pen.fields("Bf", _KINDS.index(one.kind), one.confidence)
            pen.fields("4f", box.left, box.top, box.right, box.bottom)
        return pen.bytes()

    @classmethod
    def unpack(cls, data: bytes) -> "DetectReply":
        """Return what `pack` wrote; WireError for anything else."""
        cursor = Cursor(data)
        cost_s = cursor.fields("f")[0]
        if not 0.0 <= cost_s <= _MOST_COST_S:
            raise WireError(f"a picture cost {cost_s} s")
        count = cursor.count("B", MOST_DETECTIONS, "detections")
        found = tuple(_detection(cursor) for _ in range(count))
        cursor.end()
        return cls(found, cost_s)


def kinds_of(names: Mapping[int, str]) -> dict[int, Kind]:
    """Return what we call each class of a net; those that we have no word for are left out."""
    known = {number: _NAMES.get(name.strip().lower()) for number, name in names.items()}
    return {number: kind for number, kind in known.items() if kind is not None}


def clipped(left: float, top: float, right: float, bottom: float) -> Box | None:
    """Return a box in fractions of the picture, cut at its edges; None if nothing is left."""
    sides = [min(max(float(side), 0.0), 1.0) for side in (left, top, right, bottom)]
    box = Box(*sides)
    return box if box.right - box.left > _LEAST and box.bottom - box.top > _LEAST else None


_LEAST = 1e-4


def _detection(cursor: Cursor) -> Detection:
    kind, confidence = cursor.count("B", len(_KINDS) - 1, "as kind"), cursor.fields("f")[0]
    left, top, right, bottom = cursor.fields("4f")
    inside = 0.0 <= left < right <= 1.0 and 0.0 <= top < bottom <= 1.0
    if not inside or not 0.0 <= confidence <= 1.0:
        raise WireError(f"impossible detection {confidence} at {left}, {top}, {right}, {bottom}")
    return Detection(_KINDS[kind], confidence, Box(left, top, right, bottom))
