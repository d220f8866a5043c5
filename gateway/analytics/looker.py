# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Answers LOOK requests: decode, motion, tracks, zones. Runs in a child, keeps what it learnt of a camera.

One decoder serves the key units of all cameras; a camera has its own only while it is awake.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gateway.analytics.condition import Reference
from gateway.analytics.look import MOST_SIGHTS, Feed, LookReply, LookRequest, Sight
from gateway.analytics.motion import Grid, Motion, MotionModel
from gateway.analytics.tracks import Region, Tracker
from gateway.analytics.zones import ZoneGrid
from gateway.codec.decode import Decoder, Picture, luma
from gateway.codec.protocol import Polygon
from gateway.model.alarm import Box, Condition, Track
from gateway.model.media import AccessUnit, Codec

EVERY_90K = 7200
"""Pictures closer together than this (0.08 s) are decoded, but not judged; JPEG not even that."""
_NEW_TIME_90K = 30 * 90_000
"""A picture this much older than the last one belongs to a new session of the camera."""
_MOST_CAMERAS = 256
_FLUENT_S = 0.5
"""Pictures further apart do not tell what goes somewhere from what only sways."""
STANDS_S = 4.0
"""What has stood for so long keeps nobody awake."""
_LEAST_KEYS_90K = 45_000


@dataclass(slots=True)
class _Camera:
    """What is known of one camera."""

    model: MotionModel = field(default_factory=MotionModel)
    tracker: Tracker = field(default_factory=Tracker)
    reference: Reference = field(default_factory=Reference)
    key_90k: int | None = None
    decoder: Decoder | None = None
    judged_90k: int | None = None
    zones: Sequence[Polygon] = ()
    grid: ZoneGrid | None = None


class Looker:
    """The handler of LOOK requests; one per child."""

    def __init__(self) -> None:
        self._cameras: OrderedDict[str, _Camera] = OrderedDict()
        self._key_decoders: dict[Codec, Decoder] = {}
        self._errors = 0
        self._pictures = 0

    def look(self, payload: bytes) -> bytes:
        """Answer a packed LookRequest with a packed LookReply."""
        request = LookRequest.unpack(payload)
        camera = self._camera(request.camera)
        if list(camera.zones) != list(request.zones):
            camera.zones, camera.grid = request.zones, None
        self._errors = self._pictures = 0
        sights: list[Sight] = []
        for picture in self._decode(camera, request):
            self._pictures += 1
            if len(sights) < MOST_SIGHTS and _is_due(camera, picture.pts_90k):
                sights.append(_judge(camera, picture))
        return LookReply(self._errors, self._pictures, tuple(sights)).pack()

    def _camera(self, name: str) -> _Camera:
        """Return a camera's state; the one unseen for longest makes room."""
        camera = self._cameras.setdefault(name, _Camera())
        self._cameras.move_to_end(name)
        if len(self._cameras) > _MOST_CAMERAS:
            self._cameras.popitem(last=False)
        return camera

    def _decode(self, camera: _Camera, request: LookRequest) -> Iterator[Picture]:
        """Yield the pictures of a request."""
        if request.feed is Feed.KEYS:
            camera.decoder = None
            for unit in request.units:
                if _is_wanted(camera, unit):
                    yield from self._decode_key(unit)
            return
        if request.feed in {Feed.START, Feed.AGAIN} and camera.decoder is not None:
            camera.decoder.restart()
        if request.feed is Feed.AGAIN and request.units:
            camera.judged_90k = request.units[0].pts_90k
        for unit in _from_key(request.units) if camera.decoder is None else request.units:
            decoder = camera.decoder
            if decoder is None or decoder.codec is not unit.codec:
                decoder = camera.decoder = Decoder(unit.codec)
            if _is_wanted(camera, unit):
                yield from self._counted(decoder, unit)

    def _decode_key(self, unit: AccessUnit) -> Iterator[Picture]:
        """Yield the picture of one key unit from the decoder that all cameras share."""
        decoder = self._key_decoders.setdefault(unit.codec, Decoder(unit.codec))
        yield from self._counted(decoder, unit)
        yield from decoder.drain()

    def _counted(self, decoder: Decoder, unit: AccessUnit) -> Iterator[Picture]:
        """Decode one unit and count what failed."""
        before = decoder.errors
        yield from decoder.decode((unit,))
        self._errors += decoder.errors - before


def _from_key(units: Sequence[AccessUnit]) -> Iterator[AccessUnit]:
    """Yield the units from the first key unit on."""
    started = False
    for unit in units:
        started = started or unit.is_key
        if started:
            yield unit


def _is_wanted(camera: _Camera, unit: AccessUnit) -> bool:
    """Return whether a unit must be decoded: JPEG that will not be judged need not be."""
    return unit.codec is not Codec.JPEG or _is_due(camera, unit.pts_90k)


def _is_due(camera: _Camera, pts_90k: int) -> bool:
    """Return whether a picture is to be judged: new, and not too close to the last one."""
    if camera.judged_90k is None:
        return True
    step = pts_90k - camera.judged_90k
    return step >= EVERY_90K or step < -_NEW_TIME_90K


def _judge(camera: _Camera, picture: Picture) -> Sight:
    """Return what moves in a picture, what of it goes somewhere, and in which zones."""
    before = picture.pts_90k if camera.judged_90k is None else camera.judged_90k
    camera.judged_90k = picture.pts_90k
    elapsed_s, plane = (picture.pts_90k - before) / 90_000, luma(picture.frame)
    motion = camera.model.step(plane, elapsed_s)
    tracks, stirs, occupied = _followed(camera, motion, picture.pts_90k / 90_000, elapsed_s)
    return Sight(
        picture.pts_90k,
        motion.fraction,
        motion.scene_changed or not motion.warm,
        motion.boxes,
        occupied,
        tracks,
        _condition(camera, picture, plane),
        stirs,
    )


def _followed(
    camera: _Camera, motion: Motion, at_s: float, elapsed_s: float
) -> tuple[tuple[Track, ...], bool, tuple[int, ...]]:
    """Return the tracks, whether anything moves that has not long stood, and the zones."""
    if camera.grid is None or camera.grid.shape != motion.moving.shape:
        camera.grid = ZoneGrid(camera.zones, motion.moving.shape)
        rows, columns = motion.moving.shape
        camera.tracker = Tracker(rows / columns)
    if motion.returned is not None:
        camera.tracker.uncover(lambda box: _share(motion.returned, box))
    seen = camera.tracker.step([Region(box) for box in motion.boxes], at_s)
    going, young = np.zeros_like(motion.moving), np.zeros_like(motion.moving)
    for known in seen:
        cells = _cells(known.box, motion.moving.shape)
        if known.is_plausible:
            going[cells] = motion.moving[cells]
            if known.is_news:
                camera.model.clear(known.box)
                known.is_news = False
    for known in seen:
        if not known.is_plausible:
            cells = _cells(known.box, motion.moving.shape)
            young[cells] = motion.moving[cells] & ~going[cells]
    if elapsed_s <= _FLUENT_S:
        camera.model.quieten(young, elapsed_s)
    stirs = any(known.still_s(at_s) < STANDS_S for known in seen)
    return camera.tracker.tracks(seen, at_s), stirs, camera.grid.occupied(going)


def _condition(camera: _Camera, picture: Picture, plane: NDArray[np.uint8]) -> Condition | None:
    """Return what the reference says of a key picture; those closer than a second are skipped."""
    if not picture.frame.key_frame:
        return None
    since = None if camera.key_90k is None else picture.pts_90k - camera.key_90k
    if since is not None and 0 <= since < _LEAST_KEYS_90K:
        return None
    camera.key_90k = picture.pts_90k
    return camera.reference.compare(plane, 0.0 if since is None else since / 90_000)


def _cells(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    rows, columns = shape
    down = slice(int(box.top * rows), math.ceil(box.bottom * rows))
    return down, slice(int(box.left * columns), math.ceil(box.right * columns))


def _share(grid: Grid, box: Box) -> float:
    """Return the share of a box in which a grid is not zero."""
    part = grid[_cells(box, grid.shape)]
    return float(np.count_nonzero(part)) / max(part.size, 1)
