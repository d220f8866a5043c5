# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The one picture of an alarm: what was seen, else what can still be had of the camera.

A camera whose own event raised the alarm may not be pulled at all. Then its main stream is opened
for one key picture; if that does not come, the device is asked for a still (ONVIF). Whatever way a
picture comes, no byte of it is kept before masks are burned in by a child.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from gateway.assembly.cameras import CameraPost
from gateway.assembly.viewing import with_masks_in_force
from gateway.codec.jpeg import Caller, still
from gateway.ingest.http_mjpeg import size_px
from gateway.model.alarm import Box
from gateway.model.errors import PeerError
from gateway.model.media import AccessUnit, Codec
from gateway.model.registry import Mask, Registry
from gateway.runtime.clock import Clock

STILL_WIDTH_PX = 640
"""Enough to see what it is about; main-stream detail needs a live Grant (D.10)."""
PULL_S = 20.0
"""For so long a camera that nobody pulled is pulled for a picture."""
MOST_SOUGHT = 4
"""Pictures of one camera that are looked for at once: a detector that blinks asks for many."""
SAME_SHAPE = 0.03
"""Masks are fractions of the stream's picture: a still of another shape shows another view."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A still that a device took itself."""

    jpeg: bytes
    stream_px: tuple[int, int]
    """What its main stream is like; (0, 0) if that is not known."""


Snap = Callable[[str], Awaitable[Snapshot]]
"""Asks the device of a camera for a still; PeerError."""


async def no_snapshot(camera: str) -> Snapshot:
    """Have no device to ask."""
    raise PeerError(f"camera {camera}: no device can be asked for a still")


@dataclass(frozen=True, slots=True)
class Pictures:
    """Makes stills."""

    pool: Caller
    registry: Callable[[], Registry]
    """As everybody must see it who lets pictures out: with the masks in force."""
    post: Callable[[str], CameraPost | None]
    snap: Snap
    clock: Clock
    _sought: Counter[str] = field(default_factory=Counter)

    async def still(
        self, camera: str, seen: Sequence[AccessUnit], why: str, boxes: Sequence[Box] = ()
    ) -> bytes:
        """Return a JPEG with masks burned in; PeerError, with every reason, if there is none.

        `seen`: pictures that are there already, up to the one that is wanted; if there are any,
        no other is looked for. `why` names the wish, an alarm's id. `boxes` are drawn into what
        was seen; in a picture of another moment they would lie.
        """
        if seen:
            return await self._masked(seen, lambda: self.registry().masks_of(camera), boxes)
        if self._sought[camera] >= MOST_SOUGHT:
            raise PeerError(f"camera {camera}: {MOST_SOUGHT} pictures are looked for already")
        self._sought[camera] += 1
        try:
            return await self._find(camera, why)
        finally:
            self._sought[camera] -= 1
            if not self._sought[camera]:
                del self._sought[camera]

    async def _find(self, camera: str, why: str) -> bytes:
        problems: list[str] = []
        for way in (self._from_stream, self._from_device):
            try:
                return await way(camera, why)
            except PeerError as error:
                problems.append(str(error))
        raise PeerError("; ".join(problems))

    async def _from_stream(self, camera: str, why: str) -> bytes:
        unit = await self._allowed(camera).key_unit(why, PULL_S)
        return await self._masked((unit,), lambda: self.registry().masks_of(camera))

    async def _from_device(self, camera: str, _: str) -> bytes:
        """Make a still of the device's own, under every mask.

        Also under those that the camera burns in: that they are in its stills is not known.
        """

        def masks() -> tuple[Mask, ...]:
            known = sorted(self.registry().masks.items())
            return tuple(mask for _, mask in known if mask.camera == camera)

        self._allowed(camera)
        taken = await self.snap(camera)
        if masks() and not _same_shape(size_px(taken.jpeg), taken.stream_px):
            raise PeerError("the device's still shows another view than its stream: masks differ")
        now = self.clock.now()
        unit = AccessUnit(0, True, (taken.jpeg,), now, now, Codec.JPEG)
        return await self._masked((unit,), masks)

    def _allowed(self, camera: str) -> CameraPost:
        """Return the camera's post; PeerError if no act is in force for it any more."""
        post = self.post(camera)
        if post is None or not post.plan.act:
            raise PeerError(f"camera {camera}: it is not guarded any more")
        return post

    async def _masked(
        self,
        units: Sequence[AccessUnit],
        masks: Callable[[], tuple[Mask, ...]],
        boxes: Sequence[Box] = (),
    ) -> bytes:
        return await with_masks_in_force(
            masks,
            lambda burned: still(self.pool, units, burned, width_px=STILL_WIDTH_PX, boxes=boxes),
        )


def _same_shape(one: tuple[int, int] | None, other: tuple[int, int]) -> bool:
    """Return whether two pictures have the same shape; False if one is not known."""
    if one is None or 0 in (*one, *other):
        return False
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1) <= SAME_SHAPE
