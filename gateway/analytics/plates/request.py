# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the gateway asks the child of a gate, and what that answers; light, both ends read it.

No text of a plate has a repr here, and an error names numbers only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from gateway.codec.protocol import Cursor, Pen, Polygon
from gateway.model.alarm import Box
from gateway.model.errors import WireError
from gateway.model.media import AccessUnit
from gateway.model.plate import MOST_ALTERNATIVES, MOST_SIGNS, Alternative, PlateRead
from gateway.model.registry import Direction, Point
from gateway.wire import units as wire_units

MOST_LANES = 8
"""Of one camera."""
MOST_PASSED = 64
"""Passages in one answer."""
_MOST_COST_S = 600.0
_MOST_HEIGHT_PX = 8192.0
_DIRECTIONS = tuple(Direction)
_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_START = b"\xff\xd8\xff"


class Run(IntEnum):
    """How the units of a request join those of the request before."""

    BEGIN = 0
    """They begin with a key unit; what was followed before is forgotten."""
    FOLLOW = 1
    """They follow the last unit of the request before without a gap."""
    END = 2
    """As FOLLOW, and nothing more comes: what is open is decided, then all is forgotten."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One gate in a picture: where plates are looked for, and where a passage counts."""

    polygon: Polygon
    line: Sequence[Point]
    """Two points; side A lies left of one who looks from the first to the second."""
    direction: Direction = Direction.BOTH
    """Which crossings count."""


@dataclass(frozen=True, slots=True)
class PlateRequest:
    """Units of one gate's camera."""

    camera: str
    run: Run
    lanes: Sequence[Lane]
    """The answer names them by position."""
    units: Sequence[AccessUnit]

    def pack(self) -> bytes:
        """Return the request as bytes."""
        pen = Pen().text(self.camera).fields("BB", self.run, len(self.lanes))
        for lane in self.lanes:
            (ax, ay), (bx, by) = lane.line
            pen.polygon(lane.polygon).fields("4f", ax, ay, bx, by)
            pen.fields("B", _DIRECTIONS.index(lane.direction))
        return pen.rest(wire_units.pack_many(list(self.units))).bytes()

    @classmethod
    def unpack(cls, data: bytes) -> "PlateRequest":
        """Return what `pack` wrote; WireError for anything else."""
        cursor = Cursor(data)
        camera, run = cursor.text(), cursor.count("B", max(Run), "as run")
        lanes = [_lane(cursor) for _ in range(cursor.count("B", MOST_LANES, "lanes"))]
        return cls(camera, Run(run), lanes, wire_units.unpack_many(cursor.rest()))


def _lane(cursor: Cursor) -> Lane:
    polygon = cursor.polygon()
    ax, ay, bx, by = cursor.fields("4f")
    if not all(0.0 <= value <= 1.0 for value in (ax, ay, bx, by)) or (ax, ay) == (bx, by):
        raise WireError("a trigger line leaves the picture, or is a point")
    direction = _DIRECTIONS[cursor.count("B", len(_DIRECTIONS) - 1, "as direction")]
    return Lane(polygon, ((ax, ay), (bx, by)), direction)


@dataclass(frozen=True, slots=True)
class Passed:
    """One passage in the child's terms."""

    id: int
    """Of this child; asks for the picture."""
    lane: int
    """Position in the request."""
    way: Direction
    """AB or BA, never BOTH."""
    crossed_90k: int
    """Time of the picture in which it was first seen beyond the line."""
    read: PlateRead
    box: Box
    """Of the plate, in the best picture."""
    height_px: float


@dataclass(frozen=True, slots=True)
class PlateReply:
    """What the child answers; read as untrusted bytes."""

    unknown: bool
    """It should follow, and knows nothing of this camera: it is new. Nothing was looked at."""
    decode_errors: int
    pictures: int
    """Decoded."""
    looked: int
    """Of those, how many were searched for plates; the others were too many for the budget."""
    open: int
    """Plates that are followed now."""
    served: int
    """Passages that this child has told since it began, of all cameras."""
    passed: tuple[Passed, ...] = field(default=(), repr=False)
    cost_s: float = 0.0
    """CPU seconds that the request took."""
    late_s: float = 0.0
    """Of those, what deciding passages took: the second reader and the vote."""

    def pack(self) -> bytes:
        """Return the answer as bytes."""
        pen = Pen().fields("BIIIHI", self.unknown, self.decode_errors, self.pictures, self.looked,
                           self.open, self.served)  # fmt: skip
        pen.fields("ffB", self.cost_s, self.late_s, len(self.passed))
        for one in self.passed:
            way = _DIRECTIONS.index(one.way)
            pen.fields("QBBqf", one.id, one.lane, way, one.crossed_90k, one.height_px)
            pen.fields("4f", one.box.left, one.box.top, one.box.right, one.box.bottom)
            _write_read(pen, one.read)
        return pen.bytes()

    @classmethod
    def unpack(cls, data: bytes, lanes: int) -> "PlateReply":
        """Return what `pack` wrote about `lanes` lanes; WireError for anything else."""
        cursor = Cursor(data)
        unknown = bool(cursor.count("B", 1, "as flag"))
        errors, pictures, looked = (cursor.whole("I") for _ in range(3))
        followed, served = cursor.whole("H"), cursor.whole("I")
        cost_s, late_s = cursor.fields("ff")
        if not 0.0 <= late_s <= cost_s <= _MOST_COST_S:
            raise WireError(f"a request cost {cost_s} s, of which {late_s} s at its end")
        count = cursor.count("B", MOST_PASSED, "passages")
        passed = tuple(_passed(cursor, lanes) for _ in range(count))
        cursor.end()
        return cls(unknown, errors, pictures, looked, followed, served, passed, cost_s, late_s)


def _passed(cursor: Cursor, lanes: int) -> Passed:
    """Return one passage whose numbers are all possible."""
    id_, lane = cursor.whole("Q"), cursor.whole("B")
    way = _DIRECTIONS[cursor.count("B", 1, "as way")]
    crossed_90k, height_px = cursor.whole("q"), cursor.fields("f")[0]
    box = Box(*cursor.fields("4f"))
    if lane >= lanes:
        raise WireError(f"a passage on lane {lane}, there are {lanes}")
    if not 0.0 <= height_px <= _MOST_HEIGHT_PX:
        raise WireError(f"a plate {height_px} pixels high")
    if not (0.0 <= box.left < box.right <= 1.0 and 0.0 <= box.top < box.bottom <= 1.0):
        raise WireError("a plate's box is impossible")
    return Passed(id_, lane, way, crossed_90k, _read(cursor), box, height_px)


def _write_read(pen: Pen, read: PlateRead) -> None:
    signs = read.signs if len(read.signs) == len(read.text) else (0.0,) * len(read.text)
    pen.text(read.text).fields(f"{len(signs)}f", *signs)
    pen.fields("fB", read.confidence, len(read.alternatives[:MOST_ALTERNATIVES]))
    for one in read.alternatives[:MOST_ALTERNATIVES]:
        pen.text(one.text).fields("f", one.probability)
    pen.text(read.country).text(read.plate_type).fields("BH", read.certain, read.pictures)


def _read(cursor: Cursor) -> PlateRead:
    """Return a read whose numbers are all possible; what it reads is in no error."""
    text = _text(cursor)
    signs = cursor.fields(f"{len(text)}f")
    confidence = cursor.fields("f")[0]
    count = cursor.count("B", MOST_ALTERNATIVES, "alternatives")
    others = tuple(Alternative(_text(cursor), cursor.fields("f")[0]) for _ in range(count))
    country, plate_type = cursor.text(), cursor.text()
    certain, pictures = bool(cursor.count("B", 1, "as flag")), cursor.whole("H")
    likely = (confidence, *signs, *(one.probability for one in others))
    if not all(0.0 <= value <= 1.0 for value in likely):
        raise WireError("a confidence is not in 0..1")
    if len(country) not in (0, 2) or not plate_type.isalnum() or len(plate_type) > MOST_SIGNS * 2:
        raise WireError("a plate is of no country or type")
    return PlateRead(text, confidence, signs, others, country, plate_type, certain, pictures)


def _text(cursor: Cursor) -> str:
    text = cursor.text()
    if len(text) > MOST_SIGNS or not _SIGNS.issuperset(text):
        raise WireError(f"a plate of {len(text)} signs, or of signs that no plate has")
    return text


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """The best picture of a passage is wanted, while the child still has it."""

    camera: str
    passage: int
    masks: Sequence[Polygon]
    width_px: int = 1280
    """Largest width of the picture; a smaller one is not enlarged."""

    def pack(self) -> bytes:
        """Return the request as bytes."""
        pen = Pen().text(self.camera).fields("QH", self.passage, self.width_px)
        return pen.polygons(self.masks).bytes()

    @classmethod
    def unpack(cls, data: bytes) -> "PictureRequest":
        """Return what `pack` wrote; WireError for anything else."""
        cursor = Cursor(data)
        camera, passage, width_px = cursor.text(), cursor.whole("Q"), cursor.whole("H")
        masks = cursor.polygons()
        cursor.end()
        return cls(camera, passage, masks, width_px)


@dataclass(frozen=True, slots=True)
class PlatePicture:
    """Two JPEGs of one passage."""

    context: bytes = field(repr=False)
    """The whole picture; masks and every other plate are covered."""
    crop: bytes = field(repr=False)
    """The plate alone; empty if a mask touches it."""

    def pack(self) -> bytes:
        """Return the answer as bytes."""
        return Pen().fields("I", len(self.context)).rest(self.context).rest(self.crop).bytes()

    @classmethod
    def unpack(cls, data: bytes) -> "PlatePicture":
        """Return what `pack` wrote; WireError for anything else."""
        cursor = Cursor(data)
        length, both = cursor.whole("I"), cursor.rest()
        context, crop = both[:length], both[length:]
        if not context.startswith(_START) or (crop and not crop.startswith(_START)):
            raise WireError("a child answered something that is not a JPEG")
        return cls(context, crop)
