# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Access units cut into RTP payloads once, shared by all viewers of a camera."""

from dataclasses import dataclass

from gateway.model.media import AccessUnit, Codec
from gateway.wire.packetize import fragment, fragment_h265

MOST_SEGMENTS = 48
"""Packets per UDP_SEGMENT call: the kernel takes 64, and 64 KiB in all."""
MOST_PAYLOAD_BYTES = 1188
"""With RTP header, tag and RTX number below 1232 bytes: whatever carries IPv6 carries that."""
REORDERED_UNITS = 3
"""Units shown before one that came earlier: fewer may be a clock's slip."""
_IN_ORDER_UNITS = 250
"""So many in order forget such slips."""
_STEP_BACK_90K = 90_000
_LEAP_90K = 2 * 90_000
"""How far a camera's clock may run ahead of arrival before it counts as a new origin."""


@dataclass(frozen=True, slots=True)
class PacketizedUnit:
    """One picture ready to be sent; the payloads are never copied per viewer."""

    index: int
    """Canonical number of its first packet in the camera's stream."""
    time_90k: int
    """Its place on the camera's continuous timeline."""
    is_key: bool
    runs: tuple[tuple[bytes, ...], ...]
    """Payloads of equal size (the last of a run may be shorter), at most 48 in a run."""
    count: int
    size_bytes: int
    captured_s: float
    """Monotonic."""
    codec: Codec = Codec.H264

    def payload(self, number: int) -> bytes:
        """Return the payload of packet `number`, 0 ≤ number < count."""
        for run in self.runs:
            if number < len(run):
                return run[number]
            number -= len(run)
        raise IndexError(number)


class Packetizer:
    """Numbers a camera's packets and keeps its timeline continuous over reconnects."""

    def __init__(self) -> None:
        self._index = 0
        self._time_90k = 0
        self._last: AccessUnit | None = None
        self._steps_back = 0
        self._in_order = 0

    @property
    def reorders(self) -> bool:
        """Whether pictures come in another order than they are to be shown in (B-frames).

        Players of live pictures show each as it comes: those would jump to and fro.
        """
        return self._steps_back >= REORDERED_UNITS

    def packetize(self, unit: AccessUnit) -> PacketizedUnit | None:
        """Return the unit in packets; None if it holds nothing that is sent."""
        if unit.codec is Codec.JPEG:
            return None  # browsers take none: the gateway asks for another rendition
        cut = fragment_h265 if unit.codec is Codec.H265 else fragment
        runs = [
            tuple(run[at : at + MOST_SEGMENTS])
            for run in cut(unit.nals, MOST_PAYLOAD_BYTES)
            for at in range(0, len(run), MOST_SEGMENTS)
        ]
        if not runs:
            return None
        step_90k = self._step_90k(unit)
        self._note_order(step_90k)
        self._time_90k += step_90k
        self._last = unit
        count = sum(map(len, runs))
        size_bytes = sum(len(payload) for run in runs for payload in run)
        packetized = PacketizedUnit(
            self._index,
            self._time_90k,
            unit.is_key,
            tuple(runs),
            count,
            size_bytes,
            unit.captured.monotonic_s,
            unit.codec,
        )
        self._index += count
        return packetized

    def _note_order(self, step_90k: int) -> None:
        if step_90k < 0:
            self._steps_back += 1
            self._in_order = 0
        elif self._in_order >= _IN_ORDER_UNITS:
            self._steps_back = 0
        else:
            self._in_order += 1

    def _step_90k(self, unit: AccessUnit) -> int:
        """Return the time since the last unit: the camera's, unless its clock started anew."""
        if self._last is None:
            return 0
        step = unit.pts_90k - self._last.pts_90k
        waited_s = unit.received.monotonic_s - self._last.received.monotonic_s
        waited_90k = max(1, round(90_000 * waited_s))
        if step < -_STEP_BACK_90K or step > waited_90k + _LEAP_90K:
            return waited_90k
        return step
