# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Canvases to access units as cameras code them: no B pictures, parameter sets at each key unit."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.codec.context import ThreadType
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from benchmarks.scenes.canvas import Canvas
from benchmarks.scenes.spec import VARIABLE_GOP, Coding, Rate
from gateway.model.errors import InvariantError
from gateway.model.media import Codec
from gateway.wire.annex_b import split_annex_b

Nals = tuple[bytes, ...]
CRF = {Codec.H264: 26, Codec.H265: 27}
_NEVER = 100_000
_LIBRARY = {Codec.H264: "libx264", Codec.H265: "libx265"}
_UNWANTED = {Codec.H264: frozenset({6, 9}), Codec.H265: frozenset({35, 39, 40})}
"""SEI and access unit delimiters."""


def key_numbers(coding: Coding, pictures: int, seed: int) -> Iterator[int]:
    """Yield the numbers of the key pictures; of a variable GOP as smart codecs place them."""
    rng = np.random.default_rng((seed, 83))
    number = 0
    while number < pictures:
        yield number
        number += coding.gop if coding.gop != VARIABLE_GOP else int(rng.choice((25, 50, 100, 250)))


class Coder:
    """One encoder, one thread; key pictures are where it is told."""

    def __init__(self, coding: Coding, fps: int) -> None:
        self._codec = coding.codec
        self._number = 0
        context = av.CodecContext.create(_LIBRARY[coding.codec], "w")
        if not isinstance(context, VideoCodecContext):
            raise InvariantError(f"{_LIBRARY[coding.codec]} is not a video encoder here")
        context.width, context.height = coding.size_px
        context.pix_fmt = "yuv420p"
        context.framerate, context.time_base = Fraction(fps), Fraction(1, fps)
        context.gop_size, context.max_b_frames = _NEVER, 0
        context.thread_count, context.thread_type = 1, ThreadType.NONE
        words = f"vbv-maxrate={coding.kbps}:vbv-bufsize={coding.kbps}"
        if coding.rate is Rate.CBR:
            context.bit_rate = 1000 * coding.kbps
        else:
            words += f":crf={CRF[coding.codec]}"
        context.options = _options(coding.codec, words)
        self._context = context

    def code(self, canvas: Canvas, *, key: bool) -> list[Nals]:
        """Return the units that this picture completes."""
        frame = canvas.frame()
        frame.pts, frame.time_base = self._number, self._context.time_base
        frame.pict_type = PictureType.I if key else PictureType.P
        self._number += 1
        return self._units(self._context.encode(frame))

    def flush(self) -> list[Nals]:
        """Return what is still inside."""
        return self._units(self._context.encode(None))

    def _units(self, packets: Iterable["av.Packet[av.VideoStream]"]) -> list[Nals]:
        return [
            tuple(nal for nal in split_annex_b(bytes(packet)) if not self._is_unwanted(nal))
            for packet in packets
        ]

    def _is_unwanted(self, nal: bytes) -> bool:
        kind = nal[0] & 31 if self._codec is Codec.H264 else nal[0] >> 1 & 63
        return kind in _UNWANTED[self._codec]


def _options(codec: Codec, words: str) -> dict[str, str]:
    common = f"keyint={_NEVER}:min-keyint=1:scenecut=0:bframes=0:ref=1:repeat-headers=1:{words}"
    if codec is Codec.H264:
        params = f"{common}:annexb=1:threads=1:sliced-threads=0:rc-lookahead=0:open-gop=0"
        return {
            "preset": "superfast", "tune": "zerolatency", "profile": "high", "forced-idr": "1",
            "x264-params": params,
        }  # fmt: skip
    params = f"{common}:pools=none:frame-threads=1:rc-lookahead=0:open-gop=0:log-level=error"
    return {
        "preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1", "x265-params": params,
    }  # fmt: skip
