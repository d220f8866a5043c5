# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Access units cut into RTP payloads once, shared by all viewers of a camera."""

from dataclasses import dataclass

from gateway.model.media import AccessUnit
from gateway.wire.packetize import fragment

MOST_SEGMENTS = 48
"""Packets per UDP_SEGMENT call: the kernel takes 64, and 64 KiB in all."""
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

    def packetize(self, unit: AccessUnit) -> PacketizedUnit | None:
        """Return the unit in packets; None if it holds nothing that is sent."""
        runs = [
            tuple(run[at : at + MOST_SEGMENTS])
            for run in fragment(unit.nals)
            for at in range(0, len(run), MOST_SEGMENTS)
        ]
        if not runs:
            return None
        self._time_90k += self._step_90k(unit)
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
        )
        self._index += count
        return packetized

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
