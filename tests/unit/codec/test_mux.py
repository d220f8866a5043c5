# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The gateway's side of a clip."""

import pytest

from gateway.codec.mux import ClipRequest, clip
from gateway.codec.pool import open_pool
from gateway.model.errors import WireError
from gateway.model.registry import Mask
from gateway.runtime.clock import SystemClock
from tests.footage import mp4_frames, scene

LOWER = Mask("m", "c", ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)))


@pytest.mark.parametrize("masks", [[], [LOWER]])
async def test_a_clip_comes_from_a_caged_child(masks: list[Mask]) -> None:
    """All pictures are in the MP4; with a mask its half is black in each, without in none."""
    async with open_pool(1, clock=SystemClock()) as pool:
        frames = mp4_frames(await clip(pool, scene(6, gop=6), masks))
    assert len(frames) == 6
    for frame in frames:
        lower = frame.to_ndarray(format="gray")[124:]
        assert bool(lower.max() < 24) is bool(masks)


async def test_a_clip_of_nothing_is_refused() -> None:
    """Without a key unit there is no clip, masked or not."""
    async with open_pool(1, clock=SystemClock()) as pool:
        for masks in ([], [LOWER]):
            with pytest.raises(WireError, match="key unit"):
                await clip(pool, scene(3, gop=3)[1:], masks)


async def test_a_lying_child_is_not_believed() -> None:
    """An answer that is no MP4 is refused by the gateway's side."""

    class Liar:
        async def call(self, *_: object, **__: object) -> bytes:
            return b"<html>"

    with pytest.raises(WireError, match="MP4"):
        await clip(Liar(), scene(1, gop=1), [])


def test_a_request_comes_back() -> None:
    """Masks and units survive the pipe."""
    request = ClipRequest([[(0.0, 0.5), (1.0, 0.5), (0.5, 1.0)]], scene(2, gop=2))
    assert ClipRequest.unpack(request.pack()) == request
