# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which rendition a viewer's line carries: the large one, or the small one until it is better.

Values and arithmetic; time comes in from outside. `Choice.note` is told once a second what the
viewer's own reports and our sending say, and answers which rendition should go out; `first` says
with which one a new viewer begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.model.media import AccessUnit, StreamKind

LOSS_DOWN = 0.08
"""Share of packets lost on the way above which a line counts as too thin; repeats hide less."""
LOSS_CLEAN = 0.03
"""Below this a line is clean; in between nothing changes."""
BAD_FOR_S = 3.0
"""Bad for so long, and the small rendition goes out; one lost second is no reason."""
QUEUE_DOWN_S = 0.25
"""A round trip longer than the shortest by this means that a queue stands before the line."""
LATE_S = 1.0
"""A picture that leaves us so long after it was taken is as good as lost."""
OVERFLOWS_DOWN = 2
"""Send buffers that were full so often within `BAD_FOR_S` mean the same at once."""
CLEAN_FOR_S = 10.0
"""Clean for so long, and the large rendition is tried; twice as long each time that failed."""
MOST_HOLD_S = 600.0
FAILED_WITHIN_S = 30.0
"""A try has failed if the line is too thin again within this long."""
SHORTEST_FOR_S = 120.0
"""So long the shortest round trip is remembered; a route may change."""

SMALL_FIRST_BYTES = 96 << 10
"""What a line of 4 Mbit/s takes in 0.2 s: with more than this to catch up, begin small."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one second of a viewer's line was like."""

    fraction_lost: float
    """As the peer last reported, 0..1."""
    round_trip_s: float | None
    """As the peer last reported; None until it did."""
    overflows: int
    """Times that our send buffer was full, since the look began."""
    delay_s: float | None
    """From capture to our sending, newest picture; None while nothing goes out."""


def is_growing(line: Line, shortest_s: float) -> bool:
    """Return whether pictures queue up somewhere between the camera and the peer."""
    queued_s = 0.0 if line.round_trip_s is None else line.round_trip_s - shortest_s
    return queued_s > QUEUE_DOWN_S


class Choice:
    """One viewer's choice, with hysteresis; begins with the large rendition unless told."""

    def __init__(self, begin: StreamKind = StreamKind.MAIN) -> None:
        self.kind = begin
        """What should go out."""
        self._hold_s = CLEAN_FOR_S
        self._bad_since_s: float | None = None
        self._clean_since_s: float | None = None
        self._up_s: float | None = None
        self._overflows: list[tuple[float, int]] = []
        self._shortest: list[tuple[float, float]] = []

    def note(self, line: Line, now_s: float) -> StreamKind:
        """Take one second's figures; return which rendition should go out from now on."""
        shortest_s = self._note_round_trip(line, now_s)
        filled = self._note_overflows(line, now_s)
        queues = is_growing(line, shortest_s) or (line.delay_s or 0.0) > LATE_S
        bad = filled > 0 or line.fraction_lost > LOSS_DOWN or queues
        clean = not bad and line.fraction_lost < LOSS_CLEAN
        self._bad_since_s = _since(self._bad_since_s, now_s) if bad else None
        self._clean_since_s = _since(self._clean_since_s, now_s) if clean else None
        if self.kind is StreamKind.MAIN:
            self._consider_down(filled, now_s)
        elif self._clean_since_s is not None and now_s - self._clean_since_s >= self._hold_s:
            self.kind, self._up_s = StreamKind.MAIN, now_s
        return self.kind

    def _consider_down(self, filled: int, now_s: float) -> None:
        is_long = self._bad_since_s is not None and now_s - self._bad_since_s >= BAD_FOR_S
        if not (is_long or filled >= OVERFLOWS_DOWN):
            return
        failed = self._up_s is not None and now_s - self._up_s <= FAILED_WITHIN_S
        self._hold_s = min(2 * self._hold_s, MOST_HOLD_S) if failed else CLEAN_FOR_S
        self.kind = StreamKind.SUB
        self._bad_since_s = self._clean_since_s = None

    def _note_round_trip(self, line: Line, now_s: float) -> float:
        """Return the shortest round trip of late; the newest reports first drop the longer ones."""
        if line.round_trip_s is not None:
            kept = [one for one in self._shortest if one[1] < line.round_trip_s]
            self._shortest = [*kept, (now_s, line.round_trip_s)]
        self._shortest = [one for one in self._shortest if now_s - one[0] <= SHORTEST_FOR_S]
        return self._shortest[0][1] if self._shortest else 0.0

    def _note_overflows(self, line: Line, now_s: float) -> int:
        """Return how often the send buffer was full within `BAD_FOR_S`."""
        self._overflows.append((now_s, line.overflows))
        self._overflows = [one for one in self._overflows if now_s - one[0] <= BAD_FOR_S]
        return line.overflows - self._overflows[0][1]


def _since(begun_s: float | None, now_s: float) -> float:
    return now_s if begun_s is None else begun_s


def first(main: Sequence[AccessUnit], small: Sequence[AccessUnit]) -> StreamKind:
    """Return with which rendition a new viewer begins: the one that is live sooner on a thin line.

    `main`, `small`: what is kept of each since its last key unit; a stream that is not running has
    nothing kept. The small one goes first only if it can be shown at once, and the large one has
    more to catch up than a thin line takes in a moment; a switch follows at a key unit.
    """
    if not small:
        return StreamKind.MAIN
    large_bytes = _size_bytes(main)
    small_bytes = _size_bytes(small)
    if main and (large_bytes <= SMALL_FIRST_BYTES or 2 * small_bytes > large_bytes):
        return StreamKind.MAIN
    return StreamKind.SUB


def lacks_small(main: Sequence[AccessUnit], small: Sequence[AccessUnit]) -> bool:
    """Return whether a new viewer had better begin small, if only the small stream ran.

    `main`, `small`: what is kept of each, as for `first`.
    """
    return not small and _size_bytes(main) > SMALL_FIRST_BYTES


def _size_bytes(kept: Sequence[AccessUnit]) -> int:
    return sum(one.size_bytes() for one in kept)
