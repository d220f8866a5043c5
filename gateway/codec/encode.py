# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Pictures to H.264 access units: low delay, fixed GOP, the same bytes for the same pictures."""

from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
from av.codec.context import ThreadType
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

from gateway.model.errors import InvariantError
from gateway.wire.annex_b import split_annex_b

_SEI, _AUD = 6, 9
_BT709 = 1
"""ITU-T H.264 Table E-3 to E-5: primaries, transfer and matrix of HD video."""
_LIMITED = 1
"""`AVCOL_RANGE_MPEG`."""
_QUALITY = 25
"""x264 rate factor; the bitrate only caps it, so quiet pictures stay small."""


class Encoder:
    """One H.264 encoder, High profile, BT.709 limited range, no B-frames, no look-ahead.

    Each group of `gop` pictures begins with SPS, PPS and an IDR picture, so that a stream can be
    cut and joined at any key unit, also with another encoder's of the same parameters.
    `bitrate_kbps` is a cap over about one second. One thread: the same pictures give the same
    bytes.
    """

    def __init__(self, width: int, height: int, fps: int, gop: int, bitrate_kbps: int) -> None:
        """`width`, `height`: even, in pixels; `gop`: distance of key units in pictures."""
        self._shape = (height, width, 3)
        self._next = 0
        self._reformat = VideoReformatter()
        context = av.CodecContext.create("libx264", "w")
        if not isinstance(context, VideoCodecContext):
            raise InvariantError("libx264 is not a video encoder here")
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.framerate, context.time_base = Fraction(fps), Fraction(1, fps)
        context.thread_count, context.thread_type = 1, ThreadType.NONE
        context.gop_size, context.max_b_frames = gop, 0
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _LIMITED
        context.options = {
            "preset": "superfast",
            "tune": "zerolatency",
            "profile": "high",
            "crf": str(_QUALITY),
            "x264-params": ":".join(
                (
                    f"keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:bframes=0:ref=1",
                    f"vbv-maxrate={bitrate_kbps}:vbv-bufsize={bitrate_kbps}",
                    "repeat-headers=1:annexb=1:threads=1:sliced-threads=0:rc-lookahead=0",
                )
            ),
        }
        self._context = context

    def encode(self, rgb: NDArray[np.uint8]) -> list[tuple[bytes, ...]]:
        """Return the access units that this picture (uint8, height x width x 3) completes.

        Each is its NAL units without start codes, in decoding order; SEI and AUD are left out.
        InvariantError for an array of another shape or type.
        """
        if rgb.shape != self._shape or rgb.dtype != np.uint8:
            raise InvariantError(f"picture {rgb.shape} {rgb.dtype}, {self._shape} uint8 expected")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        coded = self._reformat.reformat(
            frame,
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )
        coded.pts, coded.time_base = self._next, self._context.time_base
        self._next += 1
        return self._units(coded)

    def flush(self) -> list[tuple[bytes, ...]]:
        """Return what is still inside; the encoder takes no picture afterwards."""
        return self._units(None)

    def _units(self, frame: av.VideoFrame | None) -> list[tuple[bytes, ...]]:
        try:
            packets = self._context.encode(frame)
        except (FFmpegError, EOFError) as error:
            raise InvariantError(f"libx264: {error}") from error
        return [tuple(_wanted(split_annex_b(bytes(packet)))) for packet in packets]


def _wanted(nals: Iterable[bytes]) -> Iterable[bytes]:
    return (nal for nal in nals if nal[0] & 0x1F not in (_SEI, _AUD))
