# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The one door to all depacketizers: a video track in, pictures out, whatever the codec."""

from typing import ClassVar, Protocol

from gateway.model.media import Codec
from gateway.wire.h264 import H264Depacketizer
from gateway.wire.h265 import H265Depacketizer
from gateway.wire.jpeg import JpegDepacketizer
from gateway.wire.pictures import CodedPicture
from gateway.wire.sdp import VideoTrack


class Depacketizer(Protocol):
    """Joins the RTP packets of one stream to pictures; never raises, counts what is wrong."""

    codec: ClassVar[Codec]
    lost_packets: int
    late_packets: int
    """Doubled, or behind one that came already."""
    foreign_packets: int
    """Another payload type."""
    pictures: int
    """Whole pictures, also those that had to be skipped."""
    damaged_units: int
    skipped_units: int
    """Whole, but a reference may be missing."""
    problem: str
    """What was wrong last, one line."""
    size_px: tuple[int, int]
    """Width and height of the pictures; zeros while unknown."""

    @property
    def ssrc(self) -> int:
        """Whose packets are taken; negative before the first."""
        ...

    def receive(self, packet: bytes | memoryview) -> list[CodedPicture]:
        """Take one RTP packet, return the pictures that it completes (mostly none)."""
        ...


def depacketizer(track: VideoTrack) -> Depacketizer:
    """Return what joins the packets of a track."""
    if track.codec is Codec.H265:
        return H265Depacketizer(track.payload_type, track.parameter_sets)
    if track.codec is Codec.JPEG:
        return JpegDepacketizer(track.payload_type, track.size_px)
    return H264Depacketizer(track.payload_type, track.parameter_sets)
