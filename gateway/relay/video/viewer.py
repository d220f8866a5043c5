# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One peer's copy of one camera's stream: numbering, catch-up, repeats and reports.

Sequence numbers only ever grow, and so do timestamps, whatever is replayed: SRTP refuses a reused
index, and a decoder a step back. Payloads belong to the camera; what is kept per viewer is one
small record per picture.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from gateway.model.time import Moment
from gateway.relay.video.packets import PacketizedUnit
from gateway.relay.video.port import Path
from gateway.relay.video.srtp import Protector, RtpStream
from gateway.wire import rtcp

HISTORY_PACKETS = 1024
"""About 3 s at 3 Mbit/s; findings §1 asks for at least 512."""
REPEATS_PER_S = 600
"""Bound of what one peer can make us look for and send again; 1 % loss at 8 Mbit/s asks
for nine."""
KEY_DEBOUNCE_S = 0.5
"""A wish for a key picture is met at most this often; decoders repeat it until one arrives."""
CATCH_UP_STEP_90K = 90
"""Distance of replayed pictures: 1 ms, so that they are decoded but not shown in slow motion."""
_SMALLEST_STEP_90K = 1
_NTP_FRACTION = 65_536


class Flow(Enum):
    """What a viewer gets."""

    WAITING = auto()
    """Nothing until the next key unit."""
    CATCHING_UP = auto()
    """The kept units, faster than they were taken."""
    LIVE = auto()


@dataclass(frozen=True, slots=True)
class ViewerTerms:
    """Numbers agreed in the answer, and where numbering begins."""

    stream: RtpStream
    repeat: RtpStream | None
    """RTX (RFC 4588); None: a repeat is the same packet once more."""
    cname: str
    first_sequence: int
    """Below 2^15, so that the peer's guess of the roll-over counter is right."""
    first_repeat: int
    first_timestamp: int


@dataclass(frozen=True, slots=True)
class ViewerStatistics:
    """Counters since the viewer came."""

    bytes: int
    frames: int
    packets: int
    repeated: int
    overflows: int
    """Times that the send buffer was full and pictures were skipped."""
    fraction_lost: float
    """As the peer last reported, 0..1."""
    round_trip_s: float | None


class TrainSender(Protocol):
    """The port, as a viewer needs it."""

    def send_train(self, path: Path, buffers: Sequence[bytes], pieces: int) -> bool:
        """Send equal datagrams; False if the send buffer is full."""
        ...


@dataclass(frozen=True, slots=True)
class _Sent:
    """What left under which numbers."""

    first: int
    timestamp: int
    unit: PacketizedUnit


class Viewer:
    """Sends units of a hub to one path; pure of clocks, `now` is an argument."""

    def __init__(
        self, terms: ViewerTerms, path: Path, port: TrainSender, protector: Protector
    ) -> None:
        self.path = path
        self.flow = Flow.WAITING
        self._terms = terms
        self._port = port
        self._protector = protector
        self._next = terms.first_sequence
        self._next_repeat = terms.first_repeat
        self._last_time: int | None = None
        self._offset: int | None = None
        self._step_90k = CATCH_UP_STEP_90K
        self._cursor = 0
        self._history: deque[_Sent] = deque()
        self._repeats_left = REPEATS_PER_S
        self._key_sent_s = float("-inf")
        self._bytes = self._frames = self._packets = self._octets = 0
        self._repeated = self._overflows = 0
        self._fraction_lost = 0.0
        self._round_trip_s: float | None = None

    # live and catch-up ---------------------------------------------------------------------

    def offer(self, unit: PacketizedUnit, now_s: float) -> None:
        """Send a live unit, or leave it to the catch-up, or skip it until a key unit."""
        if self.flow is not Flow.LIVE:
            if not unit.is_key:
                return
            self._go_live(unit, self._following())
        timestamp = unit.time_90k + (self._offset or 0)
        if self._last_time is not None and timestamp <= self._last_time:
            timestamp = self._last_time + _SMALLEST_STEP_90K
        self._send(unit, timestamp, now_s)

    def rewind(self, room_90k: int, units: int) -> None:
        """Begin again at the kept key unit.

        `room_90k`: time until the next live unit, into which `units` pictures must fit.
        """
        self.flow = Flow.CATCHING_UP
        self._cursor = 0
        fitting = CATCH_UP_STEP_90K if self._last_time is None else room_90k // (units + 2)
        self._step_90k = min(CATCH_UP_STEP_90K, max(_SMALLEST_STEP_90K, fitting))

    def catch_up(self, kept: Sequence[PacketizedUnit], most_bytes: int, now_s: float) -> None:
        """Send about `most_bytes` of the kept units; live once the last of them is out."""
        if not kept:
            self.flow = Flow.WAITING
        while self.flow is Flow.CATCHING_UP and most_bytes > 0:
            unit = kept[self._cursor]
            timestamp = self._following()
            sent = self._send(unit, timestamp, now_s)
            if not sent:
                return
            most_bytes -= unit.size_bytes
            self._cursor += 1
            if self._cursor >= len(kept):
                self._go_live(unit, timestamp)

    def _following(self) -> int:
        """Return the timestamp of the next picture in compressed time."""
        if self._last_time is None:
            return self._terms.first_timestamp
        return self._last_time + self._step_90k

    def _go_live(self, unit: PacketizedUnit, timestamp: int) -> None:
        """Follow the camera's timeline; the first time tie `unit` to `timestamp`."""
        self.flow = Flow.LIVE
        if self._offset is None:
            self._offset = timestamp - unit.time_90k

    def _send(self, unit: PacketizedUnit, timestamp: int, now_s: float) -> bool:
        """Send one unit; False if the send buffer is full, then wait for a key unit.

        What was not sent has its numbers all the same, and can be asked for.
        """
        self._remember(_Sent(self._next, timestamp, unit))
        self._last_time = timestamp
        if unit.is_key:
            self._key_sent_s = now_s
        index, stamp, last = self._next, timestamp & 0xFFFFFFFF, len(unit.runs) - 1
        self._next += unit.count
        pieces = self._protector.pieces
        for number, run in enumerate(unit.runs):
            buffers = self._protector.protect(
                self._terms.stream, index, stamp, run, ends_picture=number == last
            )
            if not self._port.send_train(self.path, buffers, pieces):
                self.flow = Flow.WAITING
                self._overflows += 1
                return False
            index += len(run)
        self._frames += 1
        self._packets += unit.count
        self._octets += unit.size_bytes
        self._bytes += unit.size_bytes + unit.count * self._protector.overhead_bytes
        return True

    def _remember(self, sent: _Sent) -> None:
        history = self._history
        history.append(sent)
        while len(history) > 1 and sent.first - history[1].first >= HISTORY_PACKETS:
            history.popleft()

    # feedback ------------------------------------------------------------------------------

    def receive(self, packets: Sequence[rtcp.RtcpPacket], now: Moment) -> bool:
        """Take the peer's feedback; True if it deserves a key picture now."""
        wants_key = False
        ssrc = self._terms.stream.ssrc
        for packet in packets:
            match packet:
                case rtcp.RtcpNack(media=media, sequences=sequences) if media == ssrc:
                    for sequence in sequences:
                        self._repeat(sequence)
                case rtcp.RtcpPictureLoss(media=media) if media == ssrc:
                    wants_key = True
                case rtcp.RtcpFullIntra(entries=entries):
                    wants_key |= any(media == ssrc for media, _ in entries)
                case (
                    rtcp.RtcpReceiverReport(reports=reports)
                    | rtcp.RtcpSenderReport(reports=reports)
                ):
                    self._reported(reports, now)
                case _:
                    pass
        due = now.monotonic_s - self._key_sent_s >= KEY_DEBOUNCE_S
        return wants_key and due and self.flow is Flow.LIVE

    def _reported(self, reports: Sequence[rtcp.ReceptionReport], now: Moment) -> None:
        for report in reports:
            if report.ssrc != self._terms.stream.ssrc:
                continue
            self._fraction_lost = report.fraction_lost / 256
            if report.last_sr:
                arrived = rtcp.ntp_from_utc_us(now.utc_us) >> 16 & 0xFFFFFFFF
                spent = arrived - report.last_sr - report.delay_since_sr & 0xFFFFFFFF
                self._round_trip_s = spent / _NTP_FRACTION if spent < 1 << 31 else None

    def _repeat(self, sequence: int) -> None:
        """Send a packet of the history again; what was never sent costs as much to ask for."""
        if self._repeats_left <= 0:
            return
        self._repeats_left -= 1
        index = self._next - 1 - ((self._next - 1 - sequence) & 0xFFFF)
        sent = next((one for one in reversed(self._history) if one.first <= index), None)
        if sent is None or index >= sent.first + sent.unit.count:
            return
        number = index - sent.first
        payload, ends = sent.unit.payload(number), number == sent.unit.count - 1
        stream = self._terms.stream
        if self._terms.repeat is not None:
            stream = self._terms.repeat
            payload = (index & 0xFFFF).to_bytes(2, "big") + payload
            index = self._next_repeat
            self._next_repeat += 1
        stamp = sent.timestamp & 0xFFFFFFFF
        buffers = self._protector.protect(stream, index, stamp, (payload,), ends_picture=ends)
        if buffers[-1] and self._port.send_train(self.path, buffers, self._protector.pieces):
            self._repeated += 1
            self._bytes += len(payload) + self._protector.overhead_bytes

    # reports -------------------------------------------------------------------------------

    def report(self, newest: PacketizedUnit | None, now: Moment) -> list[rtcp.RtcpPacket]:
        """Return sender report and description, and allow repeats for another second.

        `newest`: the camera's last unit; it ties capture time to RTP time.
        """
        self._repeats_left = REPEATS_PER_S
        timestamp = self._last_time or self._terms.first_timestamp
        if newest is not None and self._offset is not None and self.flow is Flow.LIVE:
            passed_s = now.monotonic_s - newest.captured_s
            timestamp = newest.time_90k + self._offset + round(90_000 * passed_s)
        ssrc = self._terms.stream.ssrc
        return [
            rtcp.RtcpSenderReport(
                ssrc,
                rtcp.ntp_from_utc_us(now.utc_us),
                timestamp & 0xFFFFFFFF,
                self._packets & 0xFFFFFFFF,
                self._octets & 0xFFFFFFFF,
            ),
            rtcp.RtcpDescription(((ssrc, self._terms.cname),)),
        ]

    def goodbye(self, now: Moment) -> list[rtcp.RtcpPacket]:
        """Return the last report with a BYE for every stream."""
        streams = [self._terms.stream, self._terms.repeat]
        ssrcs = tuple(one.ssrc for one in streams if one is not None)
        return [*self.report(None, now), rtcp.RtcpBye(ssrcs)]

    def statistics(self) -> ViewerStatistics:
        """Return a snapshot of the counters."""
        return ViewerStatistics(
            self._bytes,
            self._frames,
            self._packets,
            self._repeated,
            self._overflows,
            self._fraction_lost,
            self._round_trip_s,
        )
