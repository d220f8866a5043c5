# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The gateway's side of a still."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from gateway.codec.jpeg import StillRequest, still
from gateway.codec.pool import open_pool
from gateway.model.alarm import Box
from gateway.model.errors import WireError
from gateway.model.registry import Mask
from gateway.runtime.clock import SystemClock
from tests.footage import scene

LOWER = Mask("m", "c", ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)))


async def test_a_still_comes_masked_from_a_caged_child() -> None:
    """The JPEG has the width asked for; below the mask's edge it is black, above it is not."""
    units = scene(6, gop=6)
    async with open_pool(1, clock=SystemClock()) as pool:
        jpeg = await still(pool, units, [LOWER], width_px=160)
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert pixels.shape == (120, 160)
    assert pixels[64:].max() < 24
    assert pixels[:56].mean() > 60


async def test_a_still_of_nothing_is_refused() -> None:
    """Without a key unit there is no still, and the reason is told."""
    async with open_pool(1, clock=SystemClock()) as pool:
        with pytest.raises(WireError, match="no picture"):
            await still(pool, scene(3, gop=3)[1:], [])


async def test_a_lying_child_is_not_believed() -> None:
    """An answer that is no JPEG is refused by the gateway's side."""

    class Liar:
        async def call(self, *_: object, **__: object) -> bytes:
            return b"<html>"

    with pytest.raises(WireError, match="JPEG"):
        await still(Liar(), scene(1, gop=1), [])


def test_a_request_comes_back() -> None:
    """Masks, width, boxes and units survive the pipe; a box that is none does not."""
    request = StillRequest([[(0.0, 0.5), (1.0, 0.5), (0.5, 1.0)]], 640, scene(2, gop=2))
    assert StillRequest.unpack(request.pack()) == replace(request, boxes=[])
    boxed = replace(request, boxes=[Box(0.25, 0.5, 0.75, 1.0)])
    assert StillRequest.unpack(boxed.pack()) == boxed
    with pytest.raises(WireError, match="impossible box"):
        StillRequest.unpack(replace(request, boxes=[Box(0.5, 0.0, 0.25, 1.0)]).pack())
