# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The LOOK request and its answer, both ends; light, the gateway process reads it too."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from gateway.codec.protocol import Cursor, Pen, Polygon
from gateway.model.alarm import Box
from gateway.model.errors import WireError
from gateway.model.media import AccessUnit
from gateway.wire import units as wire_units

MOST_BOXES = 32
MOST_SIGHTS = 1024
_UNSETTLED = 1


class Feed(IntEnum):
    """How the units of a request join those of the request before."""

    KEYS = 0
    """Each is a key unit and decoded on its own."""
    START = 1
    """They begin with a key unit; what came before is forgotten, the motion model stays."""
    FOLLOW = 2
    """They follow the last unit of the request before without a gap."""


@dataclass(frozen=True, slots=True)
class LookRequest:
    """What a child is told about one camera."""

    camera: str
    feed: Feed
    zones: Sequence[Polygon]
    """Polygons of the guarded zones; the answer names them by position."""
    units: Sequence[AccessUnit]

    def pack(self) -> bytes:
        """Return the request as bytes."""
        pen = Pen().text(self.camera).fields("B", self.feed).polygons(self.zones)
        return pen.rest(wire_units.pack_many(list(self.units))).bytes()

    @classmethod
    def unpack(cls, data: bytes) -> "LookRequest":
        """Return what `pack` wrote; WireError for anything else."""
        cursor = Cursor(data)
        camera, feed = cursor.text(), cursor.count("B", max(Feed), "as feed")
        zones = cursor.polygons()
        return cls(camera, Feed(feed), zones, wire_units.unpack_many(cursor.rest()))


@dataclass(frozen=True, slots=True)
class Sight:
    """What one picture showed, in the child's terms."""

    pts_90k: int
    fraction: float
    unsettled: bool
    """The model is learning the scene (anew); nothing is said to move."""
    boxes: tuple[Box, ...]
    occupied: tuple[int, ...]
    """Positions of the zones in which something moves."""


@dataclass(frozen=True, slots=True)
class LookReply:
    """What a child answers; read as untrusted bytes."""

    decode_errors: int
    """Units that could not be decoded in this request."""
    pictures: int
    """Pictures decoded; fewer are judged."""
    sights: tuple[Sight, ...]

    def pack(self) -> bytes:
        """Return the answer as bytes."""
        pen = Pen().fields("IIH", self.decode_errors, self.pictures, len(self.sights))
        for sight in self.sights:
            flags = _UNSETTLED if sight.unsettled else 0
            pen.fields("qfBBB", sight.pts_90k, sight.fraction, flags, *_counts(sight))
            for box in sight.boxes:
                pen.fields("4f", box.left, box.top, box.right, box.bottom)
            pen.fields(f"{len(sight.occupied)}B", *sight.occupied)
        return pen.bytes()

    @classmethod
    def unpack(cls, data: bytes, zones: int) -> "LookReply":
        """Return what `pack` wrote about `zones` zones; WireError for anything else."""
        cursor = Cursor(data)
        errors, pictures = cursor.whole("I"), cursor.whole("I")
        count = cursor.count("H", MOST_SIGHTS, "sights")
        sights = tuple(_sight(cursor, zones) for _ in range(count))
        cursor.end()
        return cls(errors, pictures, sights)


def _counts(sight: Sight) -> tuple[int, int]:
    return len(sight.boxes), len(sight.occupied)


def _sight(cursor: Cursor, zones: int) -> Sight:
    """Return one sight whose numbers are all possible."""
    pts_90k, fraction, flags = cursor.whole("q"), cursor.fields("f")[0], cursor.whole("B")
    boxes = cursor.count("B", MOST_BOXES, "boxes")
    occupied = cursor.count("B", zones, "occupied zones")
    read = tuple(_box(cursor) for _ in range(boxes))
    positions = tuple(int(value) for value in cursor.fields(f"{occupied}B"))
    if not 0.0 <= fraction <= 1.0:
        raise WireError(f"{fraction} of the picture moves (0..1)")
    if any(position >= zones for position in positions):
        raise WireError(f"zones {positions}, there are {zones}")
    return Sight(pts_90k, fraction, bool(flags & _UNSETTLED), read, positions)


def _box(cursor: Cursor) -> Box:
    left, top, right, bottom = cursor.fields("4f")
    if not (0.0 <= left < right <= 1.0 and 0.0 <= top < bottom <= 1.0):
        raise WireError(f"impossible box {left}, {top}, {right}, {bottom}")
    return Box(left, top, right, bottom)
