# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The packets of one RTP stream: whose they are, which are missing, where it began anew."""

from abc import ABC, abstractmethod

from gateway.model.errors import WireError
from gateway.wire import rtp

_MOST_MISORDER = 100
_MOST_DROPOUT = 3000
"""RFC 3550 A.1: what is farther away is a restart of the numbering, not a loss."""


class RtpStream(ABC):
    """Accounts for every packet and hands on those in order; never raises.

    Packets come in the order of the network; `gateway.wire.reorder` mends what UDP mixes up.
    """

    def __init__(self, payload_type: int) -> None:
        self.lost_packets = 0
        self.late_packets = 0
        """Doubled, or behind one that came already."""
        self.foreign_packets = 0
        """Another payload type."""
        self.problem = ""
        """What was wrong last, one line."""
        self._payload_type = payload_type
        self._ssrc = -1
        self._next = 0

    @property
    def ssrc(self) -> int:
        """Whose packets are taken; negative before the first."""
        return self._ssrc

    def _receive(self, packet: bytes | memoryview) -> None:
        """Take a packet of any form; `packet` may be overwritten afterwards."""
        try:
            start, end = rtp.payload_bounds(packet)
        except WireError as error:
            self._damage(str(error))
            return
        _, second, sequence, timestamp, ssrc = rtp.HEADER.unpack_from(packet)
        if second & 0x7F != self._payload_type:
            self.foreign_packets += 1
            self.problem = f"payload type {second & 0x7F} where {self._payload_type} was announced"
            return
        if self._follow(sequence, ssrc):
            payload = bytes(packet[start:end])
            self._accept(packet, payload, timestamp, second >= rtp.MARKER)

    def _follow(self, sequence: int, ssrc: int) -> bool:
        """Account for the packet's number; False if the packet comes too late to be used."""
        if ssrc != self._ssrc:
            if self._ssrc >= 0:
                self._damage(f"stream restarted with SSRC {ssrc:08x}")
            self._ssrc = ssrc
            self._next = sequence
            self._begin()
        gap = sequence - self._next & 0xFFFF
        if gap >= (1 << 16) - _MOST_MISORDER:
            self.late_packets += 1
            return False
        if gap:
            self.lost_packets += gap if gap <= _MOST_DROPOUT else 1
            self._lose(f"{gap} packets lost before sequence {sequence}, SSRC {ssrc:08x}")
        self._next = sequence + 1 & 0xFFFF
        return True

    @abstractmethod
    def _accept(
        self, packet: bytes | memoryview, payload: bytes, timestamp: int, marker: bool
    ) -> None:
        """Take a packet that is in order, and what it carries, maybe nothing."""

    @abstractmethod
    def _begin(self) -> None:
        """Forget what is under construction: a new source begins."""

    @abstractmethod
    def _lose(self, problem: str) -> None:
        """Packets are missing before the one that comes next."""

    @abstractmethod
    def _damage(self, problem: str) -> None:
        """Give up what is under construction."""
