# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One peer's copy of one camera's stream: numbering, catch-up, repeats and reports.

Sequence numbers only ever grow, and so do timestamps, whatever is replayed: SRTP refuses a reused
index, and a decoder a step back. Payloads belong to the camera; what is kept per viewer is one
small record per picture.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple, Protocol

from gateway.model.time import Moment
from gateway.relay.video.pace import Pace
from gateway.relay.video.packets import PacketizedUnit
from gateway.relay.video.port import Path
from gateway.relay.video.srtp import Protector, RtpStream
from gateway.wire import rtcp, rtp

HISTORY_PACKETS = 1024
"""About 3 s at 3 Mbit/s; findings §1 asks for at least 512."""
REPEATS_PER_S = 600
"""Bound of what one peer can make us look for; 1 % loss at 8 Mbit/s asks for nine."""
REPEATS_AT_ONCE = 256
"""Bound of what is sent again in one go; it comes back with the share below."""
REPEATS_SHARE = 0.25
"""Repeats per packet sent: more would only fill the queue that loses them."""
USUAL_WAY_S = 0.08
"""The round trip, until a report told."""
LOSSY = 0.004
"""Share of packets asked for again from which on a player had better wait for repeats."""
HELD_LEAST_S, HELD_MOST_S = 0.06, 0.4
"""How long it then holds pictures back: one and a half round trips and what it takes to notice."""
HELD_FOR_S = 30.0
"""So long after the last second with losses."""
KEY_DEBOUNCE_S = 0.5
"""A wish for a key picture is met at most this often; decoders repeat it until one arrives."""
CATCH_UP_STEP_90K = 90
"""Distance of replayed pictures: 1 ms, so that they are decoded but not shown in slow motion."""
REPLAY_BYTES_S = 1 << 20
"""What replays may cost: a long GOP is not shown again every half second, whoever asks."""
_SMALLEST_STEP_90K = 1
_LONGEST_DARK_S = 3600
"""Timestamps that go on over a longer pause would leave the peer's idea of their order behind."""
_HISTORY_SLACK = 64
"""Units trimmed at once."""
_REPORTS = 16
"""Sender reports whose echo still tells a round trip."""
_NTP_FRACTION = 65_536


class Flow(Enum):
    """What a viewer gets."""

    WAITING = auto()
    """Nothing until the next key unit."""
    CATCHING_UP = auto()
    """The kept units, faster than they were taken."""
    LIVE = auto()


_LIVE = Flow.LIVE
"""Found at once; looking up a member of an Enum is a call."""


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
    playout_delay: int = 0
    """Number of the header extension that holds pictures back; 0: the peer knows none."""


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
    jitter_s: float | None = None
    """As the peer last reported."""
    delay_s: float | None = None
    """From the capture of the newest picture to its sending."""


class TrainSender(Protocol):
    """The port, as a viewer needs it."""

    def send_train(self, path: Path, buffers: Sequence[bytes], pieces: int) -> bool:
        """Send equal datagrams; False if the send buffer is full."""
        ...


class _Sent(NamedTuple):
    """What left under which numbers."""

    first: int
    timestamp: int
    unit: PacketizedUnit
    terms: ViewerTerms
    extension: bytes
    """Of the packets of its first run."""


_sent = tuple.__new__
"""Makes one without a function of Python's in between: for each picture and viewer."""


class Viewer:
    """Sends units of a hub to one path; pure of clocks, `now` is an argument."""

    __slots__ = (  # noqa: RUF023 - in the order in which they are set
        "path", "flow", "pace", "_terms", "_port", "_protector", "_next", "_next_repeat",
        "_last_time", "_last_unit", "_last_s", "_offset", "_cursor", "_begins_s", "_replay_time",
        "_replay_step", "_history", "_searches_left", "_repeats_left", "_repeats_counted", "_asked",
        "_asked_s", "_wanted_again", "_wanted_before", "_packets_before", "_held_s",
        "_hold_until_s", "_extension", "_extends_next", "_wish_after_s", "_bytes_again", "_frames",
        "_packets", "_octets", "_repeated", "_overflows", "_fraction_lost", "_jitter_s",
        "_round_trip_s", "_reports",
    )  # fmt: skip
    """More than instances share a table of names for: without it each would have its own."""

    def __init__(
        self,
        terms: ViewerTerms,
        path: Path,
        port: TrainSender,
        protector: Protector,
        pace: Pace | None = None,
    ) -> None:
        """`pace`: shared by all viewers of one session; None: its own."""
        self.path = path
        self.flow = Flow.WAITING
        self.pace = pace or Pace()
        self._terms = terms
        self._port = port
        self._protector = protector
        self._next = terms.first_sequence
        self._next_repeat = terms.first_repeat
        self._last_time: int | None = None
        self._last_unit: PacketizedUnit | None = None
        self._last_s = 0.0
        self._offset: int | None = None
        self._cursor = 0
        self._begins_s = 0.0
        self._replay_time = terms.first_timestamp
        self._replay_step = CATCH_UP_STEP_90K
        self._history: list[_Sent] = []
        self._searches_left = REPEATS_PER_S
        self._repeats_left = float(REPEATS_AT_ONCE)
        self._repeats_counted = 0
        """Packets sent whose share is in it."""
        self._asked: set[int] = set()
        """What was sent again since the last round trip."""
        self._asked_s = 0.0
        self._wanted_again = self._wanted_before = self._packets_before = 0
        self._held_s = 0.0
        self._hold_until_s = float("-inf")
        self._extension = b""
        self._extends_next = False
        self._wish_after_s = float("-inf")
        self._bytes_again = self._frames = self._packets = self._octets = 0
        self._repeated = self._overflows = 0
        self._fraction_lost = 0.0
        self._jitter_s: float | None = None
        self._round_trip_s: float | None = None
        self._reports: deque[tuple[int, float]] = deque(maxlen=_REPORTS)

    # live and catch-up ---------------------------------------------------------------------

    def offer(self, unit: PacketizedUnit, now_s: float) -> None:
        """Send a live unit, or leave it to the catch-up, or skip it until a key unit."""
        if self.flow is not _LIVE:
            if not unit.is_key:
                return
            self.flow = _LIVE
        offset, last_time = self._offset, self._last_time
        if offset is None:
            offset = self._offset = self._following(now_s) - unit.time_90k
        timestamp = unit.time_90k + offset
        if last_time is not None and timestamp <= last_time:
            timestamp = last_time + _SMALLEST_STEP_90K
        self._send(unit, timestamp, now_s)

    def retune(self, stream: RtpStream, repeat: RtpStream | None) -> None:
        """Follow another timeline from its next key unit on; numbers and timestamps go on growing.

        The payload types may be another codec's, the SSRCs are the same.
        """
        self._terms = replace(self._terms, stream=stream, repeat=repeat)
        self.flow = Flow.WAITING
        self._offset = None

    def forget(self) -> None:
        """Send nothing again of what was sent: it must not be shown any more."""
        self._history.clear()

    def rewind(self, kept: Sequence[PacketizedUnit], step_90k: int, begins_s: float) -> None:
        """Begin again at the kept key unit, not before `begins_s`; `kept` is not empty.

        Replayed pictures have timestamps in compressed time, which end before the next live one's;
        that comes `step_90k` after the last that is kept. A live key unit ends the replay.
        """
        self.flow = Flow.CATCHING_UP
        self._cursor = 0
        self._begins_s = begins_s
        self._replay_step = CATCH_UP_STEP_90K
        size_bytes = sum(unit.size_bytes for unit in kept)
        self._wish_after_s = begins_s + max(KEY_DEBOUNCE_S, size_bytes / REPLAY_BYTES_S)
        if self._last_time is None:
            self._replay_time = self._terms.first_timestamp
            return
        if self._offset is None:
            self._offset = self._following(begins_s) - kept[-1].time_90k
        there = kept[-1].time_90k + self._offset
        fitting = (there + step_90k - self._last_time) // (len(kept) + 2)
        step = self._replay_step = min(CATCH_UP_STEP_90K, max(_SMALLEST_STEP_90K, fitting))
        self._replay_time = max(self._last_time + step, there - step * (len(kept) - 1))

    def catch_up(self, kept: Sequence[PacketizedUnit], now_s: float) -> None:
        """Send as much of the kept units as the pace allows; live once the last of them is out."""
        if not kept:
            self.flow = Flow.WAITING
        while self.flow is Flow.CATCHING_UP and now_s >= self._begins_s and self.pace.allows(now_s):
            unit, timestamp = kept[self._cursor], self._replay_time
            if self._last_time is not None and timestamp <= self._last_time:
                timestamp = self._last_time + _SMALLEST_STEP_90K
            if not self._send(unit, timestamp, now_s):
                return
            self.pace.take(unit.size_bytes)
            self._replay_time = timestamp + self._replay_step
            self._cursor += 1
            if self._cursor >= len(kept):
                self.flow = Flow.LIVE
                if self._offset is None:
                    self._offset = timestamp - unit.time_90k

    def _following(self, now_s: float) -> int:
        """Return the timestamp of a picture of now: time goes on over a change of streams."""
        if self._last_time is None:
            return self._terms.first_timestamp
        passed_s = min(max(0.0, now_s - self._last_s), _LONGEST_DARK_S)
        return self._last_time + max(_SMALLEST_STEP_90K, round(90_000 * passed_s))

    def _send(self, unit: PacketizedUnit, timestamp: int, now_s: float) -> bool:
        """Send one unit; False if the send buffer is full, then wait for a key unit.

        What was not sent has its numbers all the same, and can be asked for.
        """
        index, stamp, count = self._next, timestamp & 0xFFFFFFFF, unit.count
        terms, history, extension = self._terms, self._history, b""
        if unit.is_key:
            self._wish_after_s = max(self._wish_after_s, now_s + KEY_DEBOUNCE_S)
        if self._extension and (unit.is_key or self._extends_next):
            extension, self._extends_next = self._extension, False
        history.append(_sent(_Sent, (index, timestamp, unit, terms, extension)))
        if index - history[0][0] > HISTORY_PACKETS + _HISTORY_SLACK * count:
            self._forget_old(index)
        self._last_time, self._last_unit, self._last_s = timestamp, unit, now_s
        self._next = index + count
        protector, stream, left = self._protector, terms.stream, len(unit.runs)
        for run in unit.runs:
            left -= 1
            buffers = protector.protect(
                stream, index, stamp, run, ends_picture=not left, extension=extension
            )
            if not self._port.send_train(self.path, buffers, protector.pieces):
                self.flow = Flow.WAITING
                self._overflows += 1
                return False
            index += len(run)
            extension = b""
        self._frames += 1
        self._packets += count
        self._octets += unit.size_bytes
        return True

    def _forget_old(self, index: int) -> None:
        """Trim the history: what began so long ago is not repeated any more."""
        keep = bisect_right(self._history, (index - HISTORY_PACKETS,)) - 1
        del self._history[: max(0, keep)]

    # feedback ------------------------------------------------------------------------------

    def receive(self, packets: Sequence[rtcp.RtcpPacket], now: Moment) -> bool:
        """Take the peer's feedback; True if it deserves a key picture now."""
        wants_key = False
        ssrc = self._terms.stream.ssrc
        for packet in packets:
            match packet:
                case rtcp.RtcpReceiverReport(reports=()):
                    pass  # before each NACK
                case rtcp.RtcpNack(media=media, sequences=sequences) if media == ssrc:
                    self._lost(sequences, now.monotonic_s)
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
        return wants_key and now.monotonic_s >= self._wish_after_s and self.flow is Flow.LIVE

    def _reported(self, reports: Sequence[rtcp.ReceptionReport], now: Moment) -> None:
        for report in reports:
            if report.ssrc != self._terms.stream.ssrc:
                continue
            self._fraction_lost = report.fraction_lost / 256
            self._jitter_s = report.jitter / 90_000
            for middle, sent_s in self._reports:
                if middle == report.last_sr:
                    spent_s = report.delay_since_sr / _NTP_FRACTION
                    self._round_trip_s = max(0.0, now.monotonic_s - sent_s - spent_s)
                    self.pace.reported(self._round_trip_s, self._fraction_lost, now.monotonic_s)

    def _lost(self, sequences: Sequence[int], now_s: float) -> None:
        """Send again what the peer lacks; what was sent again is on its way for a round trip."""
        way_s = USUAL_WAY_S if self._round_trip_s is None else self._round_trip_s
        if now_s - self._asked_s > way_s:
            self._asked.clear()
            self._asked_s = now_s
        new = [one for one in dict.fromkeys(sequences) if one not in self._asked]
        self._wanted_again += len(new)
        more = REPEATS_SHARE * (self._packets - self._repeats_counted)
        self._repeats_left = min(float(REPEATS_AT_ONCE), self._repeats_left + more)
        self._repeats_counted = self._packets
        self.pace.lost(len(new), now_s)
        for sequence in new:
            self._repeat(sequence)

    def _repeat(self, sequence: int) -> None:
        """Send a packet of the history again; what was never sent costs as much to ask for."""
        if self._searches_left <= 0 or self._repeats_left < 1:
            return
        self._searches_left -= 1
        newest = self._next - 1
        back = (newest - sequence) & 0xFFFF
        index = newest - back
        at = bisect_right(self._history, (index + 1,)) - 1
        if at < 0 or back >= HISTORY_PACKETS:
            return
        first, timestamp, unit, terms, extension = self._history[at]
        number = index - first
        payload, ends, stream = unit.payload(number), number == unit.count - 1, terms.stream
        if terms.repeat is not None:
            stream = terms.repeat
            payload = (index & 0xFFFF).to_bytes(2, "big") + payload
            index = self._next_repeat
            self._next_repeat += 1
        stamp = timestamp & 0xFFFFFFFF
        if extension and number >= len(unit.runs[0]):
            extension = b""
        buffers = self._protector.protect(
            stream, index, stamp, (payload,), ends_picture=ends, extension=extension
        )
        self._repeats_left -= 1
        self._asked.add(sequence)
        if buffers[-1] and self._port.send_train(self.path, buffers, self._protector.pieces):
            self._repeated += 1
            self._bytes_again += len(payload) + self._protector.overhead_bytes

    # reports -------------------------------------------------------------------------------

    def report(self, newest: PacketizedUnit | None, now: Moment) -> list[rtcp.RtcpPacket]:
        """Return sender report and description, and allow repeats for another second.

        `newest`: the camera's last unit; it ties capture time to RTP time.
        """
        self._searches_left = REPEATS_PER_S
        self._hold_back(now.monotonic_s)
        timestamp = self._last_time or self._terms.first_timestamp
        if newest is not None and self._offset is not None and self.flow is Flow.LIVE:
            passed_s = now.monotonic_s - newest.captured_s
            timestamp = newest.time_90k + self._offset + round(90_000 * passed_s)
        ssrc, ntp = self._terms.stream.ssrc, rtcp.ntp_from_utc_us(now.utc_us)
        self._reports.append((ntp >> 16 & 0xFFFFFFFF, now.monotonic_s))
        return [
            rtcp.RtcpSenderReport(
                ssrc,
                ntp,
                timestamp & 0xFFFFFFFF,
                self._packets & 0xFFFFFFFF,
                self._octets & 0xFFFFFFFF,
            ),
            rtcp.RtcpDescription(((ssrc, self._terms.cname),)),
        ]

    def _hold_back(self, now_s: float) -> None:
        """Have the player hold pictures back while packets are lost, so that repeats are in time.

        Players that do not know the round trip (they only receive) do not do so by themselves.
        """
        sent, wanted = (
            self._packets - self._packets_before,
            self._wanted_again - self._wanted_before,
        )
        self._packets_before, self._wanted_before = self._packets, self._wanted_again
        if not self._terms.playout_delay:
            return
        if sent and wanted / sent > LOSSY:
            self._hold_until_s = now_s + HELD_FOR_S
        held_s = 0.0
        if now_s < self._hold_until_s and self._round_trip_s is not None:
            needed_s = HELD_LEAST_S + 1.5 * self._round_trip_s
            held_s = min(HELD_MOST_S, max(self._held_s, needed_s))
        if held_s != self._held_s:
            self._held_s, self._extends_next = held_s, True
            self._extension = rtp.playout_delay(self._terms.playout_delay, held_s)

    def goodbye(self, now: Moment) -> list[rtcp.RtcpPacket]:
        """Return the last report with a BYE for every stream."""
        streams = [self._terms.stream, self._terms.repeat]
        ssrcs = tuple(one.ssrc for one in streams if one is not None)
        return [*self.report(None, now), rtcp.RtcpBye(ssrcs)]

    def statistics(self) -> ViewerStatistics:
        """Return a snapshot of the counters."""
        unit = self._last_unit
        overhead_bytes = self._packets * self._protector.overhead_bytes
        return ViewerStatistics(
            self._octets + overhead_bytes + self._bytes_again,
            self._frames,
            self._packets,
            self._repeated,
            self._overflows,
            self._fraction_lost,
            self._round_trip_s,
            self._jitter_s,
            None if unit is None else max(0.0, self._last_s - unit.captured_s),
        )
