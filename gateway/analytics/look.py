# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The LOOK request and its answer, both ends; light, the gateway process reads it too."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from gateway.analytics.detect import MOST_JPEG_BYTES
from gateway.codec.protocol import Cursor, Pen, Polygon
from gateway.model.alarm import MOST_PATH, MOST_TRACKS, Box, Condition, Kind, Track
from gateway.model.errors import WireError
from gateway.model.media import AccessUnit
from gateway.wire import units as wire_units

MOST_BOXES = 32
MOST_SIGHTS = 1024
_MOST_COST_S = 600.0
_UNSETTLED, _STIRS, _STILL = 1, 2, 4
_NO_PICTURE = 255
_JPEG = b"\xff\xd8"
_KINDS = tuple(Kind)
_LONG_S = 10 * 86_400.0
_CONDITION: Final = {
    "edges": 1.0,
    "luma": 255.0,
    "noise": 512.0,
    "gain": 1.0,
    "sharpness": 10.0,
    "contrast": 255.0,
    "shift": 1.0,
    "change": 255.0,
}
"""Fields of a Condition in their order, and the most of each; 0 is the least."""


class Feed(IntEnum):
    """How the units of a request join those of the request before."""

    KEYS = 0
    """Each is a key unit and decoded on its own."""
    START = 1
    """They begin with a key unit; what came before is forgotten, the motion model stays."""
    FOLLOW = 2
    """They follow the last unit of the request before without a gap."""
    AGAIN = 3
    """As START, and older than what was judged: between two key units, looked at after all."""


@dataclass(frozen=True, slots=True)
class LookRequest:
    """What a child is told about one camera."""

    camera: str
    feed: Feed
    zones: Sequence[Polygon]
    """Polygons of the guarded zones; the answer names them by position."""
    units: Sequence[AccessUnit]
    settled: Sequence[int] | None = None
    """Tracks that nobody needs a picture of; of any other one is wanted. None: of none."""

    def pack(self) -> bytes:
        """Return the request as bytes."""
        pen = Pen().text(self.camera).fields("B", self.feed).polygons(self.zones)
        settled = self.settled or ()
        pen.fields("B", _NO_PICTURE if self.settled is None else len(settled))
        pen.fields(f"{len(settled)}Q", *settled)
        return pen.rest(wire_units.pack_many(list(self.units))).bytes()

    @classmethod
    def unpack(cls, data: bytes) -> "LookRequest":
        """Return what `pack` wrote; WireError for anything else."""
        cursor = Cursor(data)
        camera, feed = cursor.text(), cursor.count("B", max(Feed), "as feed")
        zones, settled = cursor.polygons(), _settled(cursor)
        units = wire_units.unpack_many(cursor.rest())
        return cls(camera, Feed(feed), zones, units, settled)


@dataclass(frozen=True, slots=True)
class Sight:
    """What one picture showed, in the child's terms."""

    pts_90k: int
    fraction: float
    unsettled: bool
    """The model is learning the scene (anew); nothing is said to move."""
    boxes: tuple[Box, ...]
    occupied: tuple[int, ...]
    """Positions of the zones in which something moves that goes somewhere."""
    tracks: tuple[Track, ...] = ()
    still: Condition | None = None
    """Of key pictures."""
    stirs: bool = False
    """Something moves that has not long stood there: reason to look at everything."""


@dataclass(frozen=True, slots=True)
class LookReply:
    """What a child answers; read as untrusted bytes."""

    decode_errors: int
    """Units that could not be decoded in this request."""
    pictures: int
    """Pictures decoded; fewer are judged."""
    sights: tuple[Sight, ...]
    cost_s: float = 0.0
    """CPU seconds that it took."""
    picture: bytes = field(default=b"", repr=False)
    """A JPEG, where one was wanted and a track is there that is not settled; else empty."""
    picture_90k: int = 0
    """Which of the sights it shows."""

    def pack(self) -> bytes:
        """Return the answer as bytes."""
        pen = Pen().fields("IIH", self.decode_errors, self.pictures, len(self.sights))
        pen.fields("f", self.cost_s)
        for sight in self.sights:
            flags = _UNSETTLED * sight.unsettled | _STIRS * sight.stirs
            flags |= _STILL if sight.still is not None else 0
            pen.fields("qfBBBB", sight.pts_90k, sight.fraction, flags, *_counts(sight))
            for box in sight.boxes:
                pen.fields("4f", box.left, box.top, box.right, box.bottom)
            pen.fields(f"{len(sight.occupied)}B", *sight.occupied)
            for track in sight.tracks:
                _write_track(pen, track)
            if sight.still is not None:
                pen.fields("8f", *(getattr(sight.still, name) for name in _CONDITION))
        return pen.fields("q", self.picture_90k).rest(self.picture).bytes()

    @classmethod
    def unpack(cls, data: bytes, zones: int) -> "LookReply":
        """Return what `pack` wrote about `zones` zones; WireError for anything else."""
        cursor = Cursor(data)
        errors, pictures = cursor.whole("I"), cursor.whole("I")
        count = cursor.count("H", MOST_SIGHTS, "sights")
        cost_s = cursor.fields("f")[0]
        if not 0.0 <= cost_s <= _MOST_COST_S:
            raise WireError(f"a request cost {cost_s} s")
        sights = tuple(_sight(cursor, zones) for _ in range(count))
        picture_90k, picture = cursor.whole("q"), cursor.rest()
        if len(picture) > MOST_JPEG_BYTES or (picture and not picture.startswith(_JPEG)):
            raise WireError(f"{len(picture)} bytes that are no small JPEG")
        return cls(errors, pictures, sights, cost_s, picture, picture_90k)


def _settled(cursor: Cursor) -> tuple[int, ...] | None:
    """Return the tracks that nobody needs a picture of; None if no picture is wanted."""
    count = cursor.whole("B")
    if count == _NO_PICTURE:
        return None
    return tuple(int(number) for number in cursor.fields(f"{count}Q"))


def _counts(sight: Sight) -> tuple[int, int, int]:
    return len(sight.boxes), len(sight.occupied), len(sight.tracks)


def _sight(cursor: Cursor, zones: int) -> Sight:
    """Return one sight whose numbers are all possible."""
    pts_90k, fraction, flags = cursor.whole("q"), cursor.fields("f")[0], cursor.whole("B")
    boxes = cursor.count("B", MOST_BOXES, "boxes")
    occupied = cursor.count("B", zones, "occupied zones")
    tracks = cursor.count("B", MOST_TRACKS, "tracks")
    read = tuple(_box(cursor) for _ in range(boxes))
    positions = tuple(int(value) for value in cursor.fields(f"{occupied}B"))
    followed = tuple(_track(cursor) for _ in range(tracks))
    still = _condition(cursor) if flags & _STILL else None
    if not 0.0 <= fraction <= 1.0:
        raise WireError(f"{fraction} of the picture moves (0..1)")
    if any(position >= zones for position in positions):
        raise WireError(f"zones {positions}, there are {zones}")
    unsettled, stirs = bool(flags & _UNSETTLED), bool(flags & _STIRS)
    return Sight(pts_90k, fraction, unsettled, read, positions, followed, still, stirs)


def _write_track(pen: Pen, track: Track) -> None:
    box, kind = track.box, _KINDS.index(track.kind)
    pen.fields("QB4f", track.id, kind, box.left, box.top, box.right, box.bottom)
    pen.fields("3f", track.confidence, track.seen_s, track.still_s)
    pen.fields("B", len(track.path))
    for x, y in track.path:
        pen.fields("2f", x, y)


def _track(cursor: Cursor) -> Track:
    """Return one track whose numbers are all possible; its foot is where its path ends."""
    number, kind = cursor.whole("Q"), cursor.count("B", len(_KINDS) - 1, "as kind of a track")
    box = _box(cursor)
    confidence, seen_s, still_s = cursor.fields("3f")
    points = cursor.count("B", MOST_PATH, "points of a path")
    values = cursor.fields(f"{2 * points}f")
    if not points or not all(0.0 <= value <= 1.0 for value in (confidence, *values)):
        raise WireError(f"track {number} leaves the picture, or is nowhere")
    if not 0.0 <= still_s <= _LONG_S or not 0.0 <= seen_s <= _LONG_S:
        raise WireError(f"track {number} was seen for {seen_s} s and stood for {still_s} s")
    path = tuple(zip(values[::2], values[1::2], strict=True))
    return Track(number, box, _KINDS[kind], confidence, seen_s, still_s, path[-1], path)


def _condition(cursor: Cursor) -> Condition:
    """Return what the reference said, if every number is possible."""
    values = dict(zip(_CONDITION, cursor.fields("8f"), strict=True))
    for name, value in values.items():
        if not 0.0 <= value <= _CONDITION[name]:
            raise WireError(f"{name} of a picture is {value} (0..{_CONDITION[name]:g})")
    return Condition(**values)


def _box(cursor: Cursor) -> Box:
    left, top, right, bottom = cursor.fields("4f")
    if not (0.0 <= left < right <= 1.0 and 0.0 <= top < bottom <= 1.0):
        raise WireError(f"impossible box {left}, {top}, {right}, {bottom}")
    return Box(left, top, right, bottom)
