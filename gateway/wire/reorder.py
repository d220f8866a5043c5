# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""RTP over UDP put back into order (bounded in packets and time), and what a report says of it."""

from gateway.wire import rtp
from gateway.wire.rtcp import ReceptionReport

MOST_PACKETS = 64
"""Held behind a gap: about 90 kB, six pictures of 3 Mbit/s."""
MOST_S = 0.06
"""A gap is a loss after so long: more than a switch reorders, less than two pictures."""
MOST_DROPOUT = 3000
"""RFC 3550 A.1: what is farther ahead is a restart of the numbering, not a loss."""
MOST_MISORDER = 100
"""RFC 3550 A.1: what is farther behind is one, too."""
_SEQUENCES = 1 << 16


class ReorderWindow:
    """Gives packets out in order; never raises.

    What waits behind a gap is held at most `most_packets` and `most_s` long; then the gap is
    a loss. What comes twice, or after its loss was declared, is dropped.
    """

    def __init__(self, most_packets: int = MOST_PACKETS, most_s: float = MOST_S) -> None:
        self.reordered = 0
        """Came after one with a later number, and in time."""
        self.lost = 0
        """Gaps that did not close in time."""
        self.dropped = 0
        """Doubled, or too late."""
        self._most_packets = most_packets
        self._most_s = most_s
        self._ssrc = -1
        self._next = 0
        self._held: dict[int, bytes] = {}
        self._since_s = 0.0

    def receive(self, packet: bytes, now_s: float) -> list[bytes]:
        """Take a packet; return those that may go on, in order."""
        if len(packet) < rtp.HEADER.size:
            return [packet]  # whoever reads it says what is wrong
        sequence = packet[2] << 8 | packet[3]
        ssrc = int.from_bytes(packet[8:12], "big")
        if ssrc != self._ssrc:
            out = self._restart(sequence, ssrc)
            self._next = sequence + 1 & 0xFFFF
            out.append(packet)
            return out
        if sequence == self._next:
            self._next = sequence + 1 & 0xFFFF
            if not self._held:
                return [packet]
            self.reordered += 1
            return [packet, *self._following(now_s)]
        return self._out_of_order(packet, sequence, now_s)

    def deadline(self) -> float | None:
        """Return when `expire` has something to do."""
        return self._since_s + self._most_s if self._held else None

    def expire(self, now_s: float) -> list[bytes]:
        """Declare gaps lost that were open too long; return what waited behind them."""
        out: list[bytes] = []
        while self._held and now_s >= self._since_s + self._most_s:
            out += self._give_up(now_s)
        return out

    def _out_of_order(self, packet: bytes, sequence: int, now_s: float) -> list[bytes]:
        ahead = sequence - self._next & 0xFFFF
        if ahead >= _SEQUENCES - MOST_MISORDER or sequence in self._held:
            self.dropped += 1
            return []
        if ahead > MOST_DROPOUT:
            out = self._restart(sequence, self._ssrc)
            self._next = sequence + 1 & 0xFFFF
            out.append(packet)
            return out
        if not self._held:
            self._since_s = now_s
        elif ahead < max(number - self._next & 0xFFFF for number in self._held):
            self.reordered += 1
        self._held[sequence] = packet
        out = self.expire(now_s)
        while len(self._held) > self._most_packets:
            out += self._give_up(now_s)
        return out

    def _restart(self, sequence: int, ssrc: int) -> list[bytes]:
        """Give out what waits: what follows is numbered anew."""
        out = [self._held[number] for number in self._in_order()]
        self._held.clear()
        self._next, self._ssrc = sequence, ssrc
        return out

    def _in_order(self) -> list[int]:
        return sorted(self._held, key=lambda number: number - self._next & 0xFFFF)

    def _give_up(self, now_s: float) -> list[bytes]:
        """Declare the first gap lost."""
        first = self._in_order()[0]
        self.lost += first - self._next & 0xFFFF
        self._next = first
        return self._following(now_s)

    def _following(self, now_s: float) -> list[bytes]:
        """Return what waited and is in order now."""
        out: list[bytes] = []
        while (packet := self._held.pop(self._next, None)) is not None:
            out.append(packet)
            self._next = self._next + 1 & 0xFFFF
        self._since_s = now_s
        return out


class Reception:
    """What a receiver report says of one source (RFC 3550 §6.4.1, A.3, A.8)."""

    def __init__(self, clock_hz: int = 90_000) -> None:
        self._clock_hz = clock_hz
        self._last_sr = 0
        self._last_sr_s = 0.0
        self._begin(-1, 0)

    def _begin(self, ssrc: int, sequence: int) -> None:
        self.ssrc = ssrc
        self._base = self._highest = sequence
        self._cycles = 0
        self._received = 0
        self._told = (0, 0)
        self._transit: float | None = None
        self._jitter = 0.0

    def receive(self, packet: bytes, now_s: float) -> None:
        """Account for a packet as it came, before it was put into order."""
        if len(packet) < rtp.HEADER.size:
            return
        _, _, sequence, timestamp, ssrc = rtp.HEADER.unpack_from(packet)
        if ssrc != self.ssrc:
            self._begin(ssrc, sequence)
        ahead = sequence - self._highest & 0xFFFF
        if ahead < _SEQUENCES - MOST_MISORDER:
            if sequence < self._highest:
                self._cycles += _SEQUENCES
            self._highest = sequence
        self._received += 1
        transit = now_s * self._clock_hz - timestamp
        if self._transit is not None:
            change = abs(transit - self._transit)
            if change < self._clock_hz:  # a wrap of the timestamp or a clock that was set
                self._jitter += (change - self._jitter) / 16
        self._transit = transit

    def sender_report(self, ntp: int, now_s: float) -> None:
        """Note when a sender report came."""
        self._last_sr, self._last_sr_s = ntp >> 16 & 0xFFFFFFFF, now_s

    def report(self, now_s: float) -> ReceptionReport | None:
        """Return the block for the next report; None before any packet."""
        if self.ssrc < 0:
            return None
        highest = self._cycles + self._highest
        expected = highest - self._base + 1
        lost = expected - self._received
        before_expected, before_received = self._told
        due, came = expected - before_expected, self._received - before_received
        self._told = (expected, self._received)
        fraction = 256 * (due - came) // due if due > 0 and due > came else 0
        delay = round(65_536 * (now_s - self._last_sr_s)) if self._last_sr else 0
        return ReceptionReport(
            self.ssrc,
            min(fraction, 255),
            max(-0x800000, min(lost, 0x7FFFFF)),
            highest & 0xFFFFFFFF,
            round(self._jitter),
            self._last_sr,
            delay & 0xFFFFFFFF,
        )
