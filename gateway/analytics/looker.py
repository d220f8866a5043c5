# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Answers LOOK requests: decode, motion, tracks, zones. Runs in a child, keeps what it learnt.

One decoder serves the key units of all cameras; a camera has its own only while it is awake.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.analytics.look import MOST_SIGHTS, Feed, LookReply, LookRequest, Sight
from gateway.analytics.motion import Grid, Motion, MotionModel, cells
from gateway.analytics.reference import Reference
from gateway.analytics.tracks import Known, Region, Tracker
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
_SHOWN_PX, _QUALITY = 640, 85
"""Longer side and quality of what a detector sees."""
CALM_S = 0.6
"""Where motion lately went nowhere for longer, what is new must go somewhere to count."""
_FLUENT_S = 0.45
"""Pictures further apart do not tell what goes somewhere from what only sways."""


@dataclass(slots=True)
class _Camera:
    """What is known of one camera."""

    model: MotionModel = field(default_factory=MotionModel)
    tracker: Tracker = field(default_factory=Tracker)
    earlier: Tracker | None = None
    """The tracks before the last key unit that was looked at alone, in case of AGAIN."""
    reference: Reference = field(default_factory=Reference)
    decoder: Decoder | None = None
    judged_90k: int | None = None
    zones: Sequence[Polygon] = ()
    grid: ZoneGrid | None = None


class Looker:
    """The handler of LOOK requests; one per child."""

    def __init__(self, spent_s: Callable[[], float] = time.thread_time) -> None:
        """`spent_s`: CPU seconds that this process has used."""
        self._spent_s = spent_s
        self._cameras: OrderedDict[str, _Camera] = OrderedDict()
        self._key_decoders: dict[Codec, Decoder] = {}
        self._errors = 0
        self._pictures = 0

    def look(self, payload: bytes) -> bytes:
        """Answer a packed LookRequest with a packed LookReply."""
        begun_s = self._spent_s()
        request = LookRequest.unpack(payload)
        camera = self._camera(request.camera)
        if list(camera.zones) != list(request.zones):
            camera.zones, camera.grid = request.zones, None
        self._errors = self._pictures = 0
        sights: list[Sight] = []
        wanted: Picture | None = None
        for picture in self._decode(camera, request):
            self._pictures += 1
            if len(sights) < MOST_SIGHTS and _is_due(camera, picture.pts_90k):
                sights.append(_judge(camera, picture))
                wanted = picture if _is_asked(request, sights[-1]) else wanted
        shown, shown_90k = (b"", 0) if wanted is None else (_jpeg(wanted), wanted.pts_90k)
        cost_s = self._spent_s() - begun_s
        reply = LookReply(
            self._errors, self._pictures, tuple(sights), cost_s, shown, shown_90k
        )  # fmt: skip
        return reply.pack()

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
                    camera.earlier = camera.tracker.copy()
                    yield from self._decode_key(unit)
            return
        if request.feed in {Feed.START, Feed.AGAIN} and camera.decoder is not None:
            camera.decoder.restart()
        if request.feed is Feed.AGAIN and request.units:
            camera.judged_90k = request.units[0].pts_90k
            camera.tracker = camera.tracker if camera.earlier is None else camera.earlier
            camera.earlier = None
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


def _is_asked(request: LookRequest, sight: Sight) -> bool:
    """Return whether a detector is to see a picture: it has a track that is not settled."""
    if request.settled is None:
        return False
    return any(track.id not in request.settled for track in sight.tracks)


def _jpeg(picture: Picture) -> bytes:
    """Return a picture as a small JPEG, in colour."""
    frame = picture.frame
    share = min(1.0, _SHOWN_PX / max(frame.width, frame.height))
    size = {"width": round(frame.width * share), "height": round(frame.height * share)}
    pixels = frame.reformat(format="bgr24", **size).to_ndarray()
    done, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(jpeg) if done else b""


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
    """Return the tracks, whether anything moves that has not long stood, and the zones.

    Of pictures that lie far apart nobody can say what goes somewhere: there all motion counts.
    """
    if camera.grid is None or camera.grid.shape != motion.moving.shape:
        rows, columns = motion.moving.shape
        camera.grid, camera.tracker = (
            ZoneGrid(camera.zones, (rows, columns)),
            Tracker(rows / columns),
        )
    if motion.scene_changed:
        camera.tracker.forget()
    if (returned := motion.returned) is not None:
        camera.tracker.uncover(lambda box: _share(returned, box))
    seen = camera.tracker.step([Region(box) for box in motion.boxes], at_s, camera.model.unrest)
    going = motion.moving
    if elapsed_s <= _FLUENT_S:
        going = _going(camera.model, motion.moving, seen, at_s)
        camera.model.quieten(np.where(going > 0, np.uint8(0), motion.moving), elapsed_s)
    stirs = any(
        known.stirs(at_s) or elapsed_s > _FLUENT_S for known in seen if not known.stood(at_s)
    )
    return camera.tracker.tracks(seen, at_s), stirs, camera.grid.occupied(going)


def _going(model: MotionModel, moving: Grid, seen: Sequence[Known], at_s: float) -> Grid:
    """Return 255 where what moves goes somewhere, and tell the model of what now does.

    What is new where it was calm counts before it has gone far: of somebody in the dark only
    pieces are seen, now here, now there.
    """
    going = np.zeros_like(moving)
    for known in seen:
        if known.is_plausible or (known.persists(at_s) and model.unrest(known.box) < CALM_S):
            where = cells(known.box, moving.shape)
            going[where] = moving[where]
            if known.is_news:
                model.clear(known.box)
                known.is_news = False
    return going


def _condition(camera: _Camera, picture: Picture, plane: NDArray[np.uint8]) -> Condition | None:
    """Return what the reference says of a key picture, if the one before is not too close."""
    if not picture.frame.key_frame or not camera.reference.is_due(picture.pts_90k):
        return None
    return camera.reference.compare(plane, picture.pts_90k)


def _share(grid: Grid, box: Box) -> float:
    """Return the share of a box in which a grid is not zero."""
    part = grid[cells(box, grid.shape)]
    return float(np.count_nonzero(part)) / max(part.size, 1)
