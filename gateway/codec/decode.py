# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Coded units to pictures, one thread, hostile bytes expected. Runs in a child."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from gateway.model.errors import WireError
from gateway.model.media import AccessUnit, Codec

TIME_BASE = Fraction(1, 90_000)
MOST_PIXELS = 8192 * 4608
"""A parameter set that claims more is a bomb, not a camera."""

NAMES: dict[Codec, Literal["h264", "hevc", "mjpeg"]] = {
    Codec.H264: "h264",
    Codec.H265: "hevc",
    Codec.JPEG: "mjpeg",
}
"""libavcodec's names; also those of its raw demultiplexers."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded picture; `frame` may be a reference of the next: never write into it."""

    pts_90k: int
    frame: VideoFrame


class Decoder:
    """One stream's decoder. Errors are counted, never raised; a gap needs `restart`.

    What is shown before the key unit at which it begins is not yielded: it refers to what came
    before that (open GOP).
    """

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.errors = 0
        """Units that libavcodec refused since the beginning."""
        self._begins = True
        self._begin_90k: int | None = None
        self._context = VideoCodecContext.create(NAMES[codec], "r")
        self._context.thread_count = 1
        self._context.options = {"max_pixels": str(MOST_PIXELS)}

    def decode(self, units: Iterable[AccessUnit]) -> Iterator[Picture]:
        """Yield the pictures that are complete, in order of presentation."""
        for unit in units:
            if unit.is_key:
                self._begin_90k = unit.pts_90k if self._begins else None
                self._begins = False
            packet = av.Packet(unit.coded())
            packet.pts = unit.pts_90k
            packet.time_base = TIME_BASE
            yield from self._feed(packet)

    def drain(self) -> Iterator[Picture]:
        """Yield what reordering still holds back; then the decoder starts anew."""
        yield from self._feed(None)
        self.restart()

    def restart(self) -> None:
        """Forget all references: the next unit must be a key unit."""
        self._begins = True
        if self._context.is_open:
            self._context.flush_buffers()

    def _feed(self, packet: "av.Packet[Any] | None") -> Iterator[Picture]:
        try:
            frames = self._context.decode(packet)
        except (av.FFmpegError, ValueError):
            self.errors += 1
            return
        for frame in frames:
            if frame.pts is None or frame.is_corrupt:
                continue
            if self._begin_90k is None or frame.pts >= self._begin_90k:
                yield Picture(frame.pts, frame)


def luma(frame: VideoFrame) -> NDArray[np.uint8]:
    """Return the luma plane, shape (height, width), uint8, a view without a copy.

    Formats with more than eight bits are converted first.
    """
    if any(component.bits != 8 for component in frame.format.components):  # noqa: PLR2004
        frame = frame.reformat(format="yuv420p")
    return rows(frame.planes[0])[: frame.height, : frame.width]


def rows(plane: VideoPlane) -> NDArray[np.uint8]:
    """Return a plane's own memory, shape (rows, stride), uint8; both may be larger than it."""
    memory: NDArray[np.uint8] = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]
    return memory.reshape(-1, plane.line_size)


def last_picture(units: Iterable[AccessUnit]) -> Picture:
    """Return the last picture that the units show; WireError if there is none."""
    last: Picture | None = None
    for picture in every_picture(units):
        last = picture
    if last is None:
        raise WireError("no picture can be decoded from these units")
    return last


def every_picture(units: Iterable[AccessUnit]) -> Iterator[Picture]:
    """Yield all pictures of a self-contained run of units (it begins with a key unit)."""
    decoder: Decoder | None = None
    for unit in units:
        if decoder is None or decoder.codec is not unit.codec:
            decoder = Decoder(unit.codec)
        yield from decoder.decode((unit,))
    if decoder is not None:
        yield from decoder.drain()
