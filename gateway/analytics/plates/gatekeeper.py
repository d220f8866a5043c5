# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Answers PLATES requests: decode, find, follow, read, decide. Runs in a child of gates.

Of a plate that crossed the line one read leaves, once; its best picture stays for KEEP_S in case
that it is asked for. Everything else is overwritten when its track is gone.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.analytics.plates.forget import wipe
from gateway.analytics.plates.passage import Passages, Told
from gateway.analytics.plates.request import (
    MOST_PASSED,
    Lane,
    Passed,
    PictureRequest,
    PlatePicture,
    PlateReply,
    PlateRequest,
    Run,
)
from gateway.codec.colour import Colour, Part, colour, part_of
from gateway.codec.decode import Decoder, Picture
from gateway.codec.mask import raster
from gateway.model.alarm import Box
from gateway.model.errors import WireError
from gateway.model.media import AccessUnit
from gateway.model.plate import PlateRead
from gateway.model.registry import Direction

KEEP_S = 4.0
"""Best pictures stay so long; the promise is 5 s (D.9), and who asks looks once a second."""
_MOST_CAMERAS = 32
_MOST_LOOKS = 24
"""Readings of one passage; of more the smallest plates give way."""
_MOST_WIDTH_PX = 1280
"""Of the picture that is kept."""
_GROWN = 1.06
"""A picture is better from this ratio of plate heights on."""
_MARGIN = 0.03
"""Around the lanes, so that plates at their edges are found whole."""
_AGAIN_90K = 180_000
"""The same text, lane and way within two seconds is the same passage."""
_STANDING = 5
"""Of a plate that was told already and is still there, one picture in so many is read."""
_LEAST_READS = 3
_MOVED = 0.2
"""Of its height a plate must have moved to be read again, after the first few times."""
_JPEG_QUALITY = 88


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """A plate that was found, in pixels of the picture that was searched."""

    left: float
    top: float
    right: float
    bottom: float
    score: float
    """0..1."""
    found: object = field(default=None, repr=False)
    """What the finder itself knows of it."""

    @property
    def height(self) -> float:
        """Return its height."""
        return self.bottom - self.top


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One plate read in one picture."""

    reading: object = field(repr=False)
    """What `Eyes.decide` takes."""
    crop: NDArray[np.uint8] | None = field(repr=False)
    """The plate, straightened; None if it could not be cut out."""
    strength: float
    """How much it promises; more is better."""


class Eyes(Protocol):
    """Finder, reader and vote, as this handler needs them."""

    def find(self, picture: Colour) -> Sequence[Spot]:
        """Return the plates in a picture, the surest first."""
        ...

    def read(self, picture: Colour, spot: Spot) -> Look | None:
        """Return what one reader makes of one plate; None if it is not fit to be read."""
        ...

    def decide(self, looks: Sequence[Look]) -> PlateRead:
        """Return what a whole passage says; the second reader sees the strongest looks."""
        ...


@dataclass(slots=True)
class _Best:
    """The best picture of a plate so far."""

    picture: Colour
    """All of it, at most _MOST_WIDTH_PX wide."""
    crop: Colour
    box: Box
    others: tuple[Box, ...]
    height_px: float


@dataclass(slots=True)
class _Followed:
    """What was seen of one track."""

    looks: list[Look] = field(default_factory=list)
    best: _Best | None = None
    is_told: bool = False
    told_90k: int = -1 << 62
    """When it, or a mate, was last told."""
    sureness: tuple[bool, float] = (False, 0.0)
    """Of what was told then."""
    seen: int = 0
    reads: int = 0
    read_at: tuple[float, float] = (-1e9, -1e9)
    """Where it was last read, in pixels."""


@dataclass(slots=True)
class _Kept:
    """The best picture of a passage that was told."""

    camera: str
    best: _Best
    until_s: float


@dataclass(slots=True)
class Pace:
    """Which pictures are searched, so that one costs no more than the budget on average."""

    budget_s: float = 0.035
    """CPU seconds for each decoded picture: 25 a second fit on one core, with some air."""
    most_stride: int = 6
    idle_stride: int = 2
    """While nothing is followed a plate that comes has time."""
    _decode_s: float = 0.004
    _look_s: float = 0.0
    _since: int = 1 << 30

    def is_due(self, followed: int) -> bool:
        """Return whether the next picture is searched."""
        self._since += 1
        spare_s = max(self.budget_s - self._decode_s, self.budget_s / 10)
        wanted = -int(-self._look_s // spare_s)
        least = self.idle_stride if followed == 0 else 1
        if self._since < min(max(wanted, least), self.most_stride):
            return False
        self._since = 0
        return True

    def spent(self, decode_s: float, look_s: float | None) -> None:
        """Note what one picture cost; `look_s` if it was searched."""
        self._decode_s += 0.1 * (decode_s - self._decode_s)
        if look_s is not None:
            share = 0.3 if self._look_s else 1.0
            self._look_s += share * (look_s - self._look_s)


@dataclass(slots=True)
class _Camera:
    """What is known of one camera while its gate is awake."""

    lanes: Sequence[Lane]
    passages: Passages | None = None
    decoder: Decoder | None = None
    followed: dict[int, _Followed] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    last_90k: int | None = None
    texts: dict[tuple[int, Direction, int], int] = field(default_factory=dict)
    """When a text was last told, by lane, way and a keyed hash that dies with this process."""


@dataclass(slots=True)
class _Tally:
    """Of one request."""

    errors: int = 0
    pictures: int = 0
    looked: int = 0
    late_s: float = 0.0
    passed: list[Passed] = field(default_factory=list)


class Gatekeeper:
    """The handler of PLATES and PLATE_PICTURE requests; one per child."""

    def __init__(
        self,
        eyes: Eyes,
        now_s: Callable[[], float],
        spent_s: Callable[[], float] = time.process_time,
    ) -> None:
        """`now_s`: a monotonic clock; `spent_s`: CPU seconds of this process."""
        self._eyes = eyes
        self._spent_s = spent_s
        self._now_s = now_s
        self._cameras: OrderedDict[str, _Camera] = OrderedDict()
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._served = 0

    def plates(self, payload: bytes) -> bytes:
        """Answer a packed PlateRequest with a packed PlateReply."""
        begun_s = self._spent_s()
        self.expire()
        request = PlateRequest.unpack(payload)
        tally = _Tally()
        camera = self._camera(request, tally)
        if camera is None:
            return PlateReply(True, 0, 0, 0, 0, self._served).pack()
        for picture, decode_s in self._decode(camera, request, tally):
            self._take(request.camera, camera, picture, decode_s, tally)
        if request.run is Run.END:
            self._end(request.camera, camera, tally)
        followed = camera.passages.open if camera.passages else 0
        return PlateReply(
            False, tally.errors, tally.pictures, tally.looked, followed, self._served,
            tuple(tally.passed[:MOST_PASSED]), self._spent_s() - begun_s, tally.late_s,
        ).pack()  # fmt: skip

    def picture(self, payload: bytes) -> bytes:
        """Answer a packed PictureRequest with a packed PlatePicture; WireError if it is gone."""
        self.expire()
        request = PictureRequest.unpack(payload)
        kept = self._kept.get(request.passage)
        if kept is None or kept.camera != request.camera:
            raise WireError("the picture of this passage is not here any more")
        try:
            return self._rendered(kept.best, request).pack()
        finally:
            self._drop(request.passage)

    def expire(self) -> None:
        """Overwrite pictures whose time is over."""
        now_s = self._now_s()
        for id_ in [one for one, kept in self._kept.items() if kept.until_s <= now_s]:
            self._drop(id_)

    def due_s(self) -> float | None:
        """Return in how many seconds `expire` has work; None: there is nothing to overwrite."""
        if not self._kept:
            return None
        return max(0.0, min(kept.until_s for kept in self._kept.values()) - self._now_s())

    def _drop(self, id_: int) -> None:
        wipe(self._kept.pop(id_).best)

    def _camera(self, request: PlateRequest, tally: _Tally) -> _Camera | None:
        """Return a camera's state; None if it should be known and is not."""
        camera = self._cameras.get(request.camera)
        if request.run is Run.BEGIN:
            if camera is not None:
                same = list(camera.lanes) == list(request.lanes)
                self._end(request.camera, camera, tally if same else _Tally())
            camera = self._cameras[request.camera] = _Camera(request.lanes)
            if len(self._cameras) > _MOST_CAMERAS:
                self._end(*self._cameras.popitem(last=False), _Tally())
        if camera is not None and list(camera.lanes) != list(request.lanes):
            return None
        return camera

    def _decode(
        self, camera: _Camera, request: PlateRequest, tally: _Tally
    ) -> Iterator[tuple[Picture, float]]:
        """Yield each picture with the CPU seconds that it took to decode."""
        for unit in request.units:
            decoder = camera.decoder
            if decoder is None or decoder.codec is not unit.codec:
                if not unit.is_key:
                    continue
                decoder = camera.decoder = Decoder(unit.codec)
            yield from self._timed(decoder, unit, tally)
        if request.run is Run.END and camera.decoder is not None:
            for picture in camera.decoder.drain():
                yield picture, 0.0

    def _timed(
        self, decoder: Decoder, unit: AccessUnit, tally: _Tally
    ) -> Iterator[tuple[Picture, float]]:
        before, begun_s = decoder.errors, self._spent_s()
        pictures = list(decoder.decode((unit,)))
        tally.errors += decoder.errors - before
        for picture in pictures:
            yield picture, (self._spent_s() - begun_s) / len(pictures)

    def _take(
        self, name: str, camera: _Camera, picture: Picture, decode_s: float, tally: _Tally
    ) -> None:
        """Search one picture if it is due, follow and read what is in it."""
        tally.pictures += 1
        passages = camera.passages
        if passages is None:
            aspect = picture.frame.height / picture.frame.width
            passages = camera.passages = Passages(camera.lanes, aspect)
        if camera.last_90k is not None and picture.pts_90k <= camera.last_90k:
            return
        camera.last_90k = picture.pts_90k
        if not camera.pace.is_due(passages.open):
            camera.pace.spent(decode_s, None)
            return
        tally.looked += 1
        begun_s, late_s = self._spent_s(), tally.late_s
        self._look(name, camera, picture, tally)
        look_s = self._spent_s() - begun_s - (tally.late_s - late_s)
        camera.pace.spent(decode_s, look_s)

    def _look(self, name: str, camera: _Camera, picture: Picture, tally: _Tally) -> None:
        if camera.passages is None:
            return
        frame = picture.frame
        part = part_of(frame, _around(camera.lanes))
        pixels = colour(frame, part)
        spots = self._eyes.find(pixels)
        size = (frame.width, frame.height)
        boxes = [_box(spot, part, size) for spot in spots]
        step = camera.passages.step(picture.pts_90k, boxes)
        for number, track in enumerate(step.tracks):
            if track is not None:
                followed = camera.followed.setdefault(track, _Followed())
                self._read(followed, pixels, spots[number])
                if _is_better(followed, spots[number], pixels):
                    self._keep(followed, picture, number, (spots, boxes))
        self._tell(name, camera, step.told, tally)
        for track in step.gone:
            wipe(camera.followed.pop(track, None))
        wipe(pixels)

    def _read(self, followed: _Followed, pixels: Colour, spot: Spot) -> None:
        """Add what one picture says of a plate, unless it says what the last one said.

        What does not move is a sign, or a car in a queue: neither is read again and again.
        """
        followed.seen += 1
        if followed.is_told and followed.seen % _STANDING:
            return
        at = ((spot.left + spot.right) / 2, (spot.top + spot.bottom) / 2)
        moved = max(abs(at[0] - followed.read_at[0]), abs(at[1] - followed.read_at[1]))
        if followed.reads >= _LEAST_READS and moved < _MOVED * spot.height:
            return
        followed.read_at, followed.reads = at, followed.reads + 1
        look = self._eyes.read(pixels, spot)
        if look is None:
            return
        followed.looks.append(look)
        if len(followed.looks) > _MOST_LOOKS:
            looks = followed.looks
            wipe(looks.pop(min(range(len(looks)), key=lambda at: looks[at].strength)))

    def _keep(
        self, followed: _Followed, picture: Picture, number: int,
        seen: tuple[Sequence[Spot], Sequence[Box]],
    ) -> None:  # fmt: skip
        """Keep the picture: it is the best one of this plate so far."""
        frame, (spots, boxes) = picture.frame, seen
        whole = colour(frame, Part(0, 0, frame.width & ~1, frame.height & ~1))
        box = boxes[number]
        crop = _cut(whole, box).copy()
        wide = whole.shape[1]
        if wide > _MOST_WIDTH_PX:
            high = max(1, round(whole.shape[0] * _MOST_WIDTH_PX / wide))
            small = cv2.resize(whole, (_MOST_WIDTH_PX, high), interpolation=cv2.INTER_AREA)
            wipe(whole)
            whole = small.astype(np.uint8, copy=False)
        wipe(followed.best)
        others = tuple(one for at, one in enumerate(boxes) if at != number)
        followed.best = _Best(whole, crop, box, others, spots[number].height)

    def _tell(self, name: str, camera: _Camera, told: Sequence[Told], tally: _Tally) -> None:
        """Decide the passages that are over; each leaves once, and only its best picture stays."""
        for one in told:
            followed = camera.followed.get(one.track)
            if followed is None:
                continue
            begun_s = self._spent_s()
            mates = [camera.followed[id_] for id_ in one.mates if id_ in camera.followed]
            followed, read = self._vehicle(followed, mates, one.crossing.at_90k)
            tally.late_s += self._spent_s() - begun_s
            if followed is None:
                continue
            best, followed.best = followed.best, None
            if best is None or _is_repeated(camera, one, read):
                wipe(best)
                continue
            self._served += 1
            self._kept[self._served] = _Kept(name, best, self._now_s() + KEEP_S)
            crossing = one.crossing
            tally.passed.append(
                Passed(
                    self._served, crossing.lane, crossing.way, crossing.at_90k, read,
                    best.box, best.height_px,
                )
            )  # fmt: skip

    def _vehicle(
        self, crossed: _Followed, mates: Sequence[_Followed], at_90k: int
    ) -> tuple[_Followed | None, PlateRead]:
        """Return what is the plate of a vehicle of which something crossed, and what it says.

        None if that was told before, and of something surer. Mates that are certain by themselves
        are two plates, as of motorcycles side by side: each is told when it crosses.
        """
        before = [one for one in mates if at_90k - one.told_90k <= _AGAIN_90K]
        read = self._decided(crossed, 1 if before else _MOST_LOOKS)
        if read.certain:
            seen = [crossed]
        elif any(one.sureness >= _sureness(read) for one in before):
            return None, read
        else:
            seen = [crossed, *mates]
            for mate in mates:
                other = self._decided(mate, _MOST_LOOKS)
                if _sureness(other) > _sureness(read):
                    crossed, read = mate, other
        for one in seen:
            one.told_90k, one.sureness = at_90k, _sureness(read)
        return crossed, read

    def _decided(self, followed: _Followed, most: int) -> PlateRead:
        """Return what at most so many looks at one plate say; they are overwritten."""
        looks = sorted(followed.looks, key=lambda one: one.strength, reverse=True)[:most]
        read = self._eyes.decide(looks)
        wipe(followed.looks)
        followed.looks.clear()
        followed.is_told = True
        return read

    def _end(self, name: str, camera: _Camera, tally: _Tally) -> None:
        """Decide what is open, and forget the camera."""
        if camera.passages is not None:
            step = camera.passages.finish(camera.last_90k or 0)
            self._tell(name, camera, step.told, tally)
        wipe(camera.followed)
        camera.followed.clear()
        camera.decoder = None
        self._cameras.pop(name, None)

    def _rendered(self, best: _Best, request: PictureRequest) -> PlatePicture:
        """Return both JPEGs; what a mask or another plate covers is filled before anything else."""
        picture, plate = best.picture, best.box
        high, wide = picture.shape[:2]
        whole = Part(0, 0, wide, high)
        found = [_box(spot, whole, (wide, high)) for spot in self._eyes.find(picture)]
        hidden = [_wider(one) for one in (*best.others, *found) if not _same(one, plate)]
        covered = raster([_corners(one) for one in hidden], wide, high)
        covered = np.maximum(covered, raster(request.masks, wide, high, margin_px=1))
        left, top, right, bottom = _pixels(plate, wide, high)
        is_masked = bool(raster(request.masks, wide, high)[top:bottom, left:right].any())
        picture[covered > 0] = 0
        if wide > request.width_px:
            size = (request.width_px, max(1, round(high * request.width_px / wide)))
            made = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            shown = made.astype(np.uint8, copy=False)
        else:
            shown = picture
        return PlatePicture(_jpeg(shown), b"" if is_masked else _jpeg(best.crop))


def _is_better(followed: _Followed, spot: Spot, pixels: Colour) -> bool:
    """Return whether a picture shows a plate better than the best so far: larger, and whole."""
    high, wide = pixels.shape[:2]
    whole = spot.left > 1 and spot.top > 1 and spot.right < wide - 1 and spot.bottom < high - 1
    if followed.best is None:
        return True
    return whole and spot.height > _GROWN * followed.best.height_px


def _sureness(read: PlateRead) -> tuple[bool, float]:
    return read.certain, read.confidence


def _is_repeated(camera: _Camera, told: Told, read: PlateRead) -> bool:
    """Return whether the same text went the same way just before: a track that was lost."""
    crossing = told.crossing
    now_90k = crossing.at_90k
    for key in [key for key, at in camera.texts.items() if abs(now_90k - at) > _AGAIN_90K]:
        del camera.texts[key]
    if not read.text:
        return False
    key = (crossing.lane, crossing.way, hash(read.text))
    if key in camera.texts:
        return True
    camera.texts[key] = now_90k
    return False


def _around(lanes: Sequence[Lane]) -> tuple[float, float, float, float]:
    """Return the rectangle around all lanes, and a little more, in fractions."""
    xs = [x for lane in lanes for x, _ in lane.polygon]
    ys = [y for lane in lanes for _, y in lane.polygon]
    if not xs:
        return 0.0, 0.0, 1.0, 1.0
    return (
        max(0.0, min(xs) - _MARGIN), max(0.0, min(ys) - _MARGIN),
        min(1.0, max(xs) + _MARGIN), min(1.0, max(ys) + _MARGIN),
    )  # fmt: skip


def _box(spot: Spot, part: Part, size: tuple[int, int]) -> Box:
    """Return a spot of a part as a box of the whole picture, in fractions."""
    wide, high = size
    left = min(max((part.left + spot.left) / wide, 0.0), 1.0 - 1 / wide)
    top = min(max((part.top + spot.top) / high, 0.0), 1.0 - 1 / high)
    right = min(max((part.left + spot.right) / wide, left + 1 / wide), 1.0)
    bottom = min(max((part.top + spot.bottom) / high, top + 1 / high), 1.0)
    return Box(left, top, right, bottom)


def _pixels(box: Box, wide: int, high: int) -> tuple[int, int, int, int]:
    left, top = int(box.left * wide), int(box.top * high)
    right = max(left + 1, min(wide, int(box.right * wide + 1)))
    return left, top, right, max(top + 1, min(high, int(box.bottom * high + 1)))


def _cut(picture: Colour, box: Box) -> Colour:
    """Return the part of a picture around a plate, a view."""
    wider = _wider(box)
    left, top, right, bottom = _pixels(wider, picture.shape[1], picture.shape[0])
    return picture[top:bottom, left:right]


def _wider(box: Box) -> Box:
    """Return a box a quarter of its sides larger on each side."""
    across, down = (box.right - box.left) / 4, (box.bottom - box.top) / 4
    return Box(
        max(0.0, box.left - across), max(0.0, box.top - down),
        min(1.0, box.right + across), min(1.0, box.bottom + down),
    )  # fmt: skip


def _same(one: Box, plate: Box) -> bool:
    """Return whether a box is the plate itself, or a part of it."""
    width = min(one.right, plate.right) - max(one.left, plate.left)
    height = min(one.bottom, plate.bottom) - max(one.top, plate.top)
    if width <= 0 or height <= 0:
        return False
    smaller = min((box.right - box.left) * (box.bottom - box.top) for box in (one, plate))
    return width * height > smaller / 2


def _corners(box: Box) -> tuple[tuple[float, float], ...]:
    return (
        (box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom),
    )  # fmt: skip


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    written, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not written:
        raise WireError("picture cannot be written as JPEG")
    return bytes(data)
