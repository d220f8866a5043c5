# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Pictures that leave the box: JPEG and MP4, masks burned in. Runs in a child."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from numpy.typing import NDArray

from gateway.codec.decode import TIME_BASE, Picture, every_picture, last_picture, rows
from gateway.codec.jpeg import StillRequest
from gateway.codec.mask import Masker, raster
from gateway.codec.mp4 import write_mp4
from gateway.codec.mux import ClipRequest
from gateway.codec.protocol import Polygon
from gateway.model.alarm import Box
from gateway.model.errors import WireError
from gateway.model.media import AccessUnit, Codec
from gateway.model.time import Moment
from gateway.wire.annex_b import split_annex_b

_JPEG_QUALITY = 85
_MARGIN_PX = 3
_LINES = (((0, 0, 0), 4), ((0, 220, 255), 2))
"""Blue, green, red and width of what a box is drawn with, one over the other."""
_GOP = 50
_ENCODER = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23", "threads": "1"}


def render_still(payload: bytes) -> bytes:
    """Answer a StillRequest with a JPEG."""
    request = StillRequest.unpack(payload)
    frame = last_picture(request.units).frame
    if request.masks:
        frame = Masker(request.masks).burn(frame)
    width_px = min(frame.width, max(16, request.width_px))
    height_px = max(1, round(frame.height * width_px / frame.width))
    try:
        made = frame.reformat(width_px, height_px, "bgr24").to_ndarray()
        pixels = np.asarray(made, dtype=np.uint8)
        _draw(pixels, request.boxes, request.masks)
        written, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    except (av.FFmpegError, ValueError, cv2.error) as error:
        raise WireError(f"picture cannot be converted: {error}") from error
    if not written:
        raise WireError("picture cannot be written as JPEG")
    return bytes(jpeg)


def _draw(pixels: NDArray[np.uint8], boxes: Sequence[Box], masks: Sequence[Polygon]) -> None:
    """Draw boxes into shape (height, width, 3), uint8; none shows what a mask hides.

    A line stands beside the box, not on what it is about, and is seen on light and on dark.
    """
    if not boxes:
        return
    height_px, width_px = pixels.shape[:2]
    drawn = pixels.copy()
    for box in boxes:
        begin = (int(box.left * width_px) - _MARGIN_PX, int(box.top * height_px) - _MARGIN_PX)
        end = (int(box.right * width_px) + _MARGIN_PX, int(box.bottom * height_px) + _MARGIN_PX)
        for colour, thick_px in _LINES:
            cv2.rectangle(drawn, begin, end, colour, thick_px)
    shown = raster(masks, width_px, height_px, margin_px=1) == 0
    pixels[shown] = drawn[shown]


def render_clip(payload: bytes) -> bytes:
    """Answer a ClipRequest with an MP4 that every browser plays: H.264.

    The camera's own bytes stay if they are H.264 and nothing is masked.
    """
    request = ClipRequest.unpack(payload)
    if not request.masks and all(unit.codec is Codec.H264 for unit in request.units):
        return write_mp4(request.units)
    return write_mp4(_coded_anew(request.units, request.masks))


def _coded_anew(units: Sequence[AccessUnit], masks: Sequence[Polygon]) -> list[AccessUnit]:
    """Return the units decoded, masked and coded as H.264 without reordering."""
    masker = Masker(masks)
    begin = next((at for at, unit in enumerate(units) if unit.is_key), len(units))
    pictures = every_picture(units[begin:])
    moment = units[0].captured if units else Moment(0.0, 0)
    return list(encode(((p, masker.burn(p.frame)) for p in pictures), moment))


def encode(frames: Iterable[tuple[Picture, VideoFrame]], moment: Moment) -> Iterator[AccessUnit]:
    """Yield H.264 units, all marked as captured at `moment`, with the pictures' times.

    Pictures of another size than the first, or out of order, are left out; so are the last column
    and row of odd sizes, which 4:2:0 does not have.
    """
    encoder: VideoCodecContext | None = None
    last: int | None = None
    for picture, given in frames:
        frame = even(given)
        if encoder is None:
            encoder = _open_encoder(frame)
        if (frame.width, frame.height) != (encoder.width, encoder.height):
            continue
        if last is not None and picture.pts_90k <= last:
            continue
        last = picture.pts_90k
        frame.pts, frame.time_base = picture.pts_90k, TIME_BASE
        frame.pict_type = PictureType.NONE
        for packet in encoder.encode(frame):
            yield _unit(packet, moment)
    if encoder is not None:
        for packet in encoder.encode(None):
            yield _unit(packet, moment)


def even(frame: VideoFrame) -> VideoFrame:
    """Return a yuv420p picture without an odd last column and row."""
    width_px, height_px = frame.width & ~1, frame.height & ~1
    if (width_px, height_px) == (frame.width, frame.height):
        return frame
    copy = VideoFrame(width_px, height_px, "yuv420p")
    copy.colorspace, copy.color_range = frame.colorspace, frame.color_range
    for source, target in zip(frame.planes, copy.planes, strict=True):
        into = rows(target)[: target.height, : target.width]
        into[:] = rows(source)[: target.height, : target.width]
    return copy


def _open_encoder(frame: VideoFrame) -> VideoCodecContext:
    """Return a libx264 context for pictures like this one."""
    encoder = VideoCodecContext.create("libx264", "w")
    encoder.width, encoder.height = frame.width, frame.height
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = TIME_BASE
    encoder.gop_size = _GOP
    encoder.thread_count = 1
    encoder.color_range, encoder.colorspace = frame.color_range, frame.colorspace
    encoder.options = dict(_ENCODER)
    return encoder


def _unit(packet: "av.Packet[Any]", moment: Moment) -> AccessUnit:
    """Return an encoder's packet as a unit; only its pts and its bytes matter from here on."""
    nals = tuple(split_annex_b(bytes(packet)))
    return AccessUnit(packet.pts or 0, packet.is_keyframe, nals, moment, moment)
