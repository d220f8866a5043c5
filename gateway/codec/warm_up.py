# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Make a child use everything once before its cage closes: what loads late could not load then."""

from collections.abc import Callable, Mapping

import numpy as np
from av.video.frame import VideoFrame

from gateway.codec.decode import TIME_BASE, Picture
from gateway.codec.exits import encode
from gateway.codec.jpeg import StillRequest
from gateway.codec.mux import ClipRequest
from gateway.codec.protocol import Kind
from gateway.codec.recode import NEVER, Look, RecodeRequest
from gateway.model.media import AccessUnit
from gateway.model.time import Moment

_SIZE_PX = 64
_TRIANGLE = ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))


def grey_units(pictures: int = 4) -> list[AccessUnit]:
    """Return a tiny H.264 stream, 25 pictures a second, that begins with a key unit."""
    frames = []
    for number in range(pictures):
        pixels = np.full((_SIZE_PX * 3 // 2, _SIZE_PX), 40 * number % 256, np.uint8)
        frame = VideoFrame.from_ndarray(pixels, format="yuv420p")
        frame.pts, frame.time_base = 3600 * number, TIME_BASE
        frames.append((Picture(3600 * number, frame), frame))
    return list(encode(frames, Moment(0.0, 0)))


def warm_up(table: Mapping[int, Callable[[bytes], bytes]], seen: bytes) -> None:
    """Answer one request of each kind; whatever would fail later fails now.

    `seen`: a packed LOOK request, made by the caller because analytics lies above this package.
    """
    units = grey_units()
    table[Kind.LOOK](seen)
    table[Kind.STILL](StillRequest([_TRIANGLE], 32, units).pack())
    table[Kind.CLIP](ClipRequest([], units).pack())
    table[Kind.CLIP](ClipRequest([_TRIANGLE], units).pack())
    look = Look((_TRIANGLE,), "warm", _SIZE_PX // 2)
    table[Kind.RECODE](RecodeRequest(look, True, NEVER, 1, units).pack())
