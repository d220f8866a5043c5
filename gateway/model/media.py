# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What flows from a camera: coded pictures, already reassembled, never decoded here."""

from dataclasses import dataclass
from enum import Enum

from gateway.model.time import Moment


class Codec(Enum):
    """Video codecs by their RTP encoding name (RFC 6184, RFC 7798, RFC 2435)."""

    H264 = "H264"
    H265 = "H265"
    JPEG = "JPEG"
    """Every picture is a key picture and one whole JFIF file."""


class StreamKind(Enum):
    """Which rendition of a camera's view."""

    MAIN = "main"
    """For incidents, gates and evidence."""
    SUB = "sub"
    """Small: for walls and for watching."""


class StreamWish(Enum):
    """Which rendition a viewer wants."""

    AUTO = "auto"
    """The line decides; a wall of several pictures is content with the small ones (B-11)."""
    MAIN = "main"
    SUB = "sub"


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture with everything that a decoder needs at this point."""

    pts_90k: int
    """RTP time in 1/90000 s, unwrapped to more than 32 bits; origin is the camera's own."""
    is_key: bool
    """Decoding may start here; then `nals` begins with the parameter sets in force."""
    nals: tuple[bytes, ...]
    """NAL units without start codes, in decoding order, each at least one byte.

    JPEG has none: there it is one element, the whole JFIF file.
    """
    captured: Moment
    """When the camera took it, mapped to our clocks by RTCP SR; else equal to `received`."""
    received: Moment
    """When its last byte arrived."""
    codec: Codec = Codec.H264

    def size_bytes(self) -> int:
        """Return the sum of the lengths of the NAL units."""
        return sum(map(len, self.nals))

    def coded(self) -> bytes:
        """Return what a decoder takes: NAL units with start codes (Annex B), or the JFIF file."""
        if self.codec is Codec.JPEG:
            return b"".join(self.nals)
        return b"".join(b"\0\0\0\1" + nal for nal in self.nals)


@dataclass(frozen=True, slots=True)
class MetadataDocument:
    """One whole XML document of a camera's metadata track (ONVIF Streaming §5.2.1), unread."""

    data: bytes
    captured: Moment
    received: Moment


class StreamState(Enum):
    """What an installer is told about a camera's stream."""

    IDLE = "idle"
    """Nobody needs it and continuous reception is off."""
    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    """Connected, but no picture has come for longer than the stall bound."""
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    """The camera refuses our credentials."""
    UNSUPPORTED = "unsupported"
    """It answers, but offers nothing that we can use (no video, an unknown codec)."""


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """A snapshot of one camera's stream; counters since the process began."""

    state: StreamState
    problem: str = ""
    """The last error, one line, without credentials; empty while live."""
    since: Moment | None = None
    """When this state was entered."""
    codec: Codec | None = None
    width_px: int = 0
    height_px: int = 0
    units: int = 0
    key_units: int = 0
    received_bytes: int = 0
    lost_packets: int = 0
    connects: int = 0
    clock_offset_s: float | None = None
    """Camera clock minus our UTC, from RTCP SR; None until a report came (B-57)."""
    clock_drift_ppm: float | None = None
    """How much faster the camera's clock runs than ours; None until it was measured."""
    stalls: int = 0
    """How often pictures stopped although the session stood."""
    fps: float = 0.0
    """Pictures a second over the last seconds; 0 until known."""
