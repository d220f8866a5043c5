# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""RTP packets (RFC 3550 §5.1) and the arithmetic of their wrapping numbers."""

import struct
from dataclasses import dataclass

from gateway.model.errors import WireError

HEADER = struct.Struct("!BBHII")
"""Version/padding/extension/CSRC count, marker/type, sequence, timestamp, SSRC."""
VERSION = 2
MARKER = 0x80
PLAIN = 0x80
"""First octet of a packet without padding, extension and CSRCs."""
EXTENDED = 0x90
"""The same with a header extension."""
HALF_SEQUENCE = 1 << 15
HALF_TIMESTAMP = 1 << 31


PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
"""Name of a header extension: how long a player shall hold pictures back before it shows them."""
MOST_EXTENSION = 14
"""Numbers of one-octet header extensions are 1..14 (RFC 8285 §4.2)."""
_DELAY_UNIT_S = 0.01
_MOST_DELAY = 0xFFF


def playout_delay(number: int, least_s: float) -> bytes:
    """Return a header extension (RFC 8285 §4.2): hold pictures back for `least_s` or longer.

    It is in force until another comes; a player that shows them sooner is late with every repeat.
    """
    least = min(_MOST_DELAY, round(least_s / _DELAY_UNIT_S))
    return struct.pack("!HHI", 0xBEDE, 1, (number << 4 | 2) << 24 | least << 12 | _MOST_DELAY)


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet; CSRCs, header extension and padding are understood but not kept."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    def serialise(self) -> bytes:
        """Return the packet's bytes with a plain 12-byte header."""
        second = self.payload_type | (MARKER if self.marker else 0)
        head = HEADER.pack(PLAIN, second, self.sequence, self.timestamp, self.ssrc)
        return head + self.payload


def parse(data: bytes | memoryview) -> RtpPacket:
    """Return the packet in `data`; WireError if that is no RTP version 2 packet."""
    start, end = payload_bounds(data)
    _, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    return RtpPacket(
        second & 0x7F, second >= MARKER, sequence, timestamp, ssrc, bytes(data[start:end])
    )


def payload_bounds(data: bytes | memoryview) -> tuple[int, int]:
    """Return where the payload begins and ends; WireError if the header does not fit."""
    size_bytes = len(data)
    if size_bytes < HEADER.size:
        raise WireError(f"RTP packet of {size_bytes} bytes (12 needed)")
    first = data[0]
    if first >> 6 != VERSION:
        raise WireError(f"RTP version {first >> 6} (2 expected)")
    start = HEADER.size + 4 * (first & 15)
    if first & 0x10:
        if start + 4 > size_bytes:
            raise WireError(f"RTP extension beyond the packet of {size_bytes} bytes")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = size_bytes
    if first & 0x20:
        end -= data[-1]
        if data[-1] == 0:
            raise WireError("RTP padding of length 0")
    if start > end:
        raise WireError(f"RTP header and padding exceed the packet of {size_bytes} bytes")
    return start, end


class TimestampUnwrapper:
    """Turns 32-bit timestamps into ever larger numbers; may step back (reordering, B-frames)."""

    def __init__(self) -> None:
        self._last: int | None = None

    def unwrap(self, timestamp: int) -> int:
        """Return the number nearest to the last one that is congruent to `timestamp`."""
        if self._last is None:
            self._last = timestamp
        else:
            delta = (timestamp - self._last + HALF_TIMESTAMP & 0xFFFFFFFF) - HALF_TIMESTAMP
            self._last += delta
        return self._last
