# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Coded pictures into a fragmented MP4 that a browser plays. Runs in a child."""

import io
from collections.abc import Sequence

import av
import numpy as np
from numpy.typing import NDArray

from gateway.codec.decode import NAMES, TIME_BASE, luma
from gateway.model.errors import WireError
from gateway.model.media import AccessUnit, Codec

_FLAGS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
"""Playable from the first fragment on, and by Media Source Extensions."""
_TAGS = {Codec.H264: "avc1", Codec.H265: "hvc1"}
"""Parameter sets in the header: Apple's players want no other form of H.265."""


def write_mp4(units: Sequence[AccessUnit]) -> bytes:
    """Return the units as they are in an MP4; WireError if no player could start.

    Units stand in decoding order and may be presented in another one (B-frames). H.264 plays
    everywhere, H.265 in few browsers; JPEG is refused, since it plays nowhere.
    """
    units = playable(units)
    codec = units[0].codec
    if codec not in _TAGS:
        raise WireError(f"{codec.value} in MP4 plays nowhere")
    name = NAMES[codec]
    out = io.BytesIO()
    try:
        with (
            av.open(io.BytesIO(units[0].coded()), format=name) as probe,
            av.open(out, "w", format="mp4", options=_FLAGS) as container,
        ):
            stream = container.add_stream_from_template(probe.streams.video[0])
            stream.codec_context.codec_tag = _TAGS[codec]
            stream.time_base = TIME_BASE
            for unit, pts, dts in _timed(units):
                packet = av.Packet(unit.coded())
                packet.pts, packet.dts, packet.time_base = pts, dts, TIME_BASE
                packet.is_keyframe = unit.is_key
                packet.stream = stream
                container.mux(packet)
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise WireError(f"units cannot be muxed: {error}") from error
    return out.getvalue()


def playable(units: Sequence[AccessUnit]) -> list[AccessUnit]:
    """Return the units from the first key unit on, of its codec; WireError if there is none.

    What leads it (shown before it, referring to what came before it) is left out.
    """
    begin = next((at for at, unit in enumerate(units) if unit.is_key), None)
    if begin is None:
        raise WireError(f"none of {len(units)} units is a key unit")
    first = units[begin]
    following = next((at for at in range(begin + 1, len(units)) if units[at].is_key), len(units))
    kept = [unit for unit in units[begin:following] if unit.pts_90k >= first.pts_90k]
    return [unit for unit in (*kept, *units[following:]) if unit.codec is first.codec]


def read_mp4(data: bytes) -> list[NDArray[np.uint8]]:
    """Return every picture's luma, shape (height, width), in the order shown; WireError if none."""
    try:
        with av.open(io.BytesIO(data), "r") as container:
            found = [luma(frame).copy() for frame in container.decode(video=0)]
    except (av.FFmpegError, IndexError) as error:
        raise WireError(f"{len(data)} bytes are no playable file: {error}") from error
    if not found:
        raise WireError(f"no picture in {len(data)} bytes")
    return found


def _timed(units: Sequence[AccessUnit]) -> list[tuple[AccessUnit, int, int]]:
    """Return units with pts and dts from zero; dts strictly rises and never passes pts."""
    origin = min(unit.pts_90k for unit in units)
    shown = sorted(unit.pts_90k - origin for unit in units)
    ahead = max(due - (unit.pts_90k - origin) for due, unit in zip(shown, units, strict=True))
    timed = []
    last = -ahead - 1
    for due, unit in zip(shown, units, strict=True):
        dts = max(due - ahead, last + 1)
        timed.append((unit, max(unit.pts_90k - origin, dts), dts))
        last = dts
    return timed
