# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One live stream decoded, masked, marked and coded as H.264, without delay. Runs in a child."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from gateway.codec.decode import TIME_BASE, Decoder, Picture
from gateway.codec.exits import even
from gateway.codec.mark import Marker
from gateway.codec.mask import Masker
from gateway.codec.recode import GOP_90K, Look, Recoded, RecodeRequest
from gateway.model.errors import WireError
from gateway.model.media import AccessUnit, Codec
from gateway.wire.annex_b import split_annex_b

_MOST_INSIDE = 64
"""Units whose pictures may still come: more than any reordering."""
_KEY_EVERY_90K = GOP_90K - 9000
_AUD, _SEI = 9, 6
_KBPS_PER_PIXEL = 1.6e-3
"""About 3.3 Mbit/s at 1080p; the quality factor decides below that."""
_LEAST_KBPS = 400
_X264 = (
    "keyint=infinite:scenecut=0:bframes=0:ref=1:rc-lookahead=0:"
    "repeat-headers=1:annexb=1:threads=1:sliced-threads=0"
)


class LiveEncoder:
    """H.264 that every browser decodes: constrained baseline, a key picture each second."""

    def __init__(self, frame: VideoFrame) -> None:
        """For pictures of this one's size and range."""
        self.size = (frame.width, frame.height)
        kbps = max(_LEAST_KBPS, round(frame.width * frame.height * _KBPS_PER_PIXEL))
        context = VideoCodecContext.create("libx264", "w")
        context.width, context.height = self.size
        context.pix_fmt, context.time_base = "yuv420p", TIME_BASE
        context.thread_count = 1
        context.color_range, context.colorspace = frame.color_range, frame.colorspace
        context.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "crf": "24",
            "forced-idr": "1",
            "x264-params": f"{_X264}:vbv-maxrate={kbps}:vbv-bufsize={kbps}",
        }
        self._context = context
        self._key_90k: int | None = None

    def encode(self, frame: VideoFrame, pts_90k: int) -> Iterator[tuple[bool, tuple[bytes, ...]]]:
        """Yield whether it is a key picture, and its NAL units without delimiters and SEI."""
        due = self._key_90k is None or not 0 <= pts_90k - self._key_90k < _KEY_EVERY_90K
        if due:
            self._key_90k = pts_90k
        frame.pts, frame.time_base = pts_90k, TIME_BASE
        frame.pict_type = PictureType.I if due else PictureType.NONE
        for packet in self._context.encode(frame):
            yield packet.is_keyframe, _nals(packet)


def _nals(packet: "av.Packet[Any]") -> tuple[bytes, ...]:
    return tuple(nal for nal in split_annex_b(bytes(packet)) if nal[0] & 0x1F not in (_AUD, _SEI))


class Recoder:
    """What a child remembers of the stream that it serves."""

    def __init__(self) -> None:
        self._look: Look | None = None
        self._decoder: Decoder | None = None
        self._encoder: LiveEncoder | None = None
        self._masker = Masker(())
        self._marker: Marker | None = None
        self._inside: dict[int, AccessUnit] = {}
        """Units by their time, until their picture comes."""
        self._errors = 0
        self._turn = 0
        self._last_90k: int | None = None

    def recode(self, payload: bytes) -> bytes:
        """Answer a RecodeRequest; WireError if the stream was not begun here."""
        request = RecodeRequest.unpack(payload)
        if request.is_fresh:
            self._begin(request.look)
        elif request.look != self._look:
            raise WireError("not begun")
        try:
            units = list(self._units(request))
        except (av.FFmpegError, ValueError) as error:
            self._look = None
            raise WireError(f"stream cannot be coded anew: {error}") from error
        errors = self._errors + (self._decoder.errors if self._decoder is not None else 0)
        return Recoded(units, errors).pack()

    def _begin(self, look: Look) -> None:
        """Forget the stream; the encoder stays if the pictures are made alike."""
        if self._look != look:
            self._masker = Masker(look.masks)
            self._marker = Marker(look.mark) if look.mark else None
        self._look, self._decoder, self._encoder = look, None, None
        self._inside.clear()
        self._errors, self._turn, self._last_90k = 0, 0, None

    def _units(self, request: RecodeRequest) -> Iterator[AccessUnit]:
        for unit in request.units:
            for picture in self._pictures(unit):
                if picture.pts_90k <= request.after_90k or not self._is_next(picture):
                    continue
                self._turn = (self._turn + 1) % request.every
                if self._turn == 0:
                    yield from self._coded(picture, self._inside.get(picture.pts_90k, unit))

    def _pictures(self, unit: AccessUnit) -> Iterator[Picture]:
        if self._decoder is None or self._decoder.codec is not unit.codec:
            self._errors += self._decoder.errors if self._decoder is not None else 0
            self._decoder = Decoder(unit.codec)
        self._inside[unit.pts_90k] = replace(unit, nals=(), codec=Codec.H264)
        while len(self._inside) > _MOST_INSIDE:
            del self._inside[next(iter(self._inside))]
        yield from self._decoder.decode((unit,))

    def _is_next(self, picture: Picture) -> bool:
        """Return whether a picture follows the last; a long way back is another beginning."""
        last = self._last_90k
        return last is None or not 0 <= last - picture.pts_90k < GOP_90K

    def _coded(self, picture: Picture, of: AccessUnit) -> Iterator[AccessUnit]:
        self._last_90k = picture.pts_90k
        frame = self._masker.burn(picture.frame)
        frame = self._fitted(even(frame))
        if self._marker is not None:
            self._marker.write(frame, of.captured.utc_us)
        if self._encoder is None or self._encoder.size != (frame.width, frame.height):
            self._encoder = LiveEncoder(frame)
        for is_key, nals in self._encoder.encode(frame, picture.pts_90k):
            yield AccessUnit(picture.pts_90k, is_key, nals, of.captured, of.received)

    def _fitted(self, frame: VideoFrame) -> VideoFrame:
        """Return the picture no higher than it may be; after the masks, never before."""
        look = self._look
        if look is None or frame.height <= look.most_height_px:
            return frame
        height_px = max(16, look.most_height_px & ~1)
        width_px = max(16, round(frame.width * height_px / frame.height) & ~1)
        return frame.reformat(width_px, height_px, "yuv420p")
