# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The picture of an alarm, whatever way it comes: by real children, so that pixels are judged."""

import asyncio
import io
from dataclasses import dataclass, field, replace

import av
import numpy as np
import pytest

from gateway.assembly.pictures import MOST_SOUGHT, Pictures, Snapshot, no_snapshot
from gateway.assembly.plans import CameraPlan
from gateway.codec.pool import open_pool
from gateway.model.errors import PeerError
from gateway.model.media import Codec
from gateway.model.registry import Mask, MaskPlace, empty_registry
from gateway.runtime.clock import SystemClock
from tests.footage import scene
from tests.unit.assembly.parts import JPEG, FakePool, until

LEFT = ((0.0, 0.0), (0.25, 0.0), (0.25, 1.0), (0.0, 1.0))
MASKS = {place: Mask("m", "uno", LEFT, place) for place in MaskPlace}


@dataclass
class Post:
    """A camera that gives what it is told to give."""

    unit: object = None
    plan: CameraPlan = field(default_factory=lambda: CameraPlan("uno", None, False, act="patto"))
    asked: list = field(default_factory=list)
    held: asyncio.Event | None = None

    async def key_unit(self, name, bound_s):
        self.asked.append(name)
        if self.held is not None:
            await self.held.wait()
        if self.unit is None:
            raise PeerError("nobody answers")
        return self.unit


def pictures(post, pool, snap=no_snapshot, *masks):
    known = replace(empty_registry(), masks={one.id: one for one in masks})
    return Pictures(pool, lambda: known, {"uno": post}.get, snap, SystemClock())


def snapping(jpeg, stream_px):
    async def snap(camera):
        return Snapshot(jpeg, stream_px)

    return snap


def shown(jpeg):
    with av.open(io.BytesIO(jpeg)) as file:
        (frame,) = file.decode(video=0)
    return frame.to_ndarray(format="rgb24").astype(int)


def bright(codec=Codec.H264):
    return scene(1, gop=1, codec=codec)[0]


async def test_an_idle_camera_is_pulled_and_its_picture_is_masked():
    """The key unit that came, with what must not be seen in black."""
    post = Post(bright())
    async with open_pool(1, clock=SystemClock()) as pool:
        jpeg = await pictures(post, pool, no_snapshot, MASKS[MaskPlace.GATEWAY]).still(
            "uno", (), "a1"
        )
    assert post.asked == ["a1"]
    picture = shown(jpeg)
    width = picture.shape[1]
    assert picture[:, : width // 5].mean() < 12
    assert picture[:, width // 2 :].mean() > 40


@pytest.mark.parametrize("place", list(MaskPlace))
async def test_where_no_stream_comes_the_devices_own_still_is_taken_under_every_mask(place):
    """Also under those that the camera burns into its streams; the rest is to be seen."""
    unit = bright(Codec.JPEG)
    (jpeg,) = unit.nals
    height, width = shown(jpeg).shape[:2]
    async with open_pool(1, clock=SystemClock()) as pool:
        snap = snapping(jpeg, (width * 4, height * 4))
        made = shown(await pictures(Post(), pool, snap, MASKS[place]).still("uno", (), "a1"))
    truth = shown(jpeg)
    edge = int(0.3 * made.shape[1])
    hidden = slice(0, int(0.2 * made.shape[1]))
    assert truth[:, hidden].std() > 5
    assert made[:, hidden].max() < 24
    assert np.abs(made[:, edge:].mean() - truth[:, edge:].mean()) < 6


async def test_a_still_of_another_shape_is_not_kept_where_there_are_masks():
    """It shows another view: the masks would hide something else."""
    (jpeg,) = bright(Codec.JPEG).nals
    height, width = shown(jpeg).shape[:2]
    for shape in ((height, width), (0, 0)):
        made = pictures(Post(), FakePool(), snapping(jpeg, shape), MASKS[MaskPlace.GATEWAY])
        with pytest.raises(PeerError, match="another view"):
            await made.still("uno", (), "a1")
    free = pictures(Post(), FakePool(), snapping(jpeg, (0, 0)))
    assert await free.still("uno", (), "a1") == JPEG


async def test_what_a_device_sends_instead_of_a_picture_is_refused_by_the_child():
    """Rubbish that begins like a JPEG makes no still and harms nobody."""
    async with open_pool(1, clock=SystemClock()) as pool:
        made = pictures(Post(), pool, snapping(b"\xff\xd8\xff" + b"\0" * 500, (1920, 1080)))
        with pytest.raises(PeerError, match="nobody answers; "):
            await made.still("uno", (), "a1")
        made = pictures(Post(bright()), pool)
        assert shown(await made.still("uno", (), "a2")).mean() > 20


async def test_nothing_is_pulled_once_no_act_allows_it():
    """The act ended, or the camera left, while the alarm was on its way."""
    post = Post(bright(), CameraPlan("uno", None, False))
    for camera in ("uno", "due"):
        with pytest.raises(PeerError, match="not guarded"):
            await pictures(post, FakePool()).still(camera, (), "a1")
    assert not post.asked


async def test_a_detector_that_blinks_asks_for_few_pictures_at_once():
    """Then as many again; what was seen already is never refused."""
    post = Post(bright(), held=asyncio.Event())
    made = pictures(post, FakePool())
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(made.still("uno", (), str(n))) for n in range(MOST_SOUGHT)]
        await until(lambda: len(post.asked) == MOST_SOUGHT, what="all wait")
        with pytest.raises(PeerError, match="already"):
            await made.still("uno", (), "one-too-many")
        assert await made.still("uno", [bright()], "seen") == JPEG
        post.held.set()
    assert all(one.result() == JPEG for one in running)
    assert not made._sought
