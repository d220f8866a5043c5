# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A line that carries less than is to go over it: who may send how much, and which rendition.

Values and arithmetic; time comes in from outside.
"""

from collections import deque

PAIR_S = 0.05
"""A picture waits so long for the next one: a little more than 1/25 s."""
BURST_S = 0.25
"""So much of its rate a stream may send at once."""
LEAST_BURST_BYTES = 8 << 10
"""A packet, however slow the line."""
LATE_TIMES = 2
LATE_WITHIN_S = 10.0
"""A stream that fell behind so often within this long is too much for the line."""
HOLD_S = 15.0
MOST_HOLD_S = 600.0
"""The small rendition stays so long; twice as long each time that going back failed."""
FAILED_WITHIN_S = 30.0
"""Going back has failed if the line is too slow again within this long."""
THIN_FOR_S = 60.0
"""So long after a stream stepped down others of the same line begin with the small rendition."""


class LineBudget:
    """What the streams of one line may send together; each its share, and what others leave."""

    def __init__(self, most_kbps: int = 0, *, pairs: bool = False) -> None:
        """`most_kbps`: 1000 bit/s; 0: whatever the line takes."""
        self.rate = most_kbps * 125.0
        """Bytes a second."""
        self.pairs = pairs and not most_kbps
        """Whether two pictures may go together, the first up to `PAIR_S` later: half the work."""
        self._shares: list[Share] = []
        self._spare = 0.0
        self._filled_s: float | None = None
        self._thin_until_s = float("-inf")

    @property
    def streams(self) -> int:
        """How many share it."""
        return len(self._shares)

    def join(self) -> "Share":
        """Return the share of one more stream; to be given back by `leave`."""
        share = Share(self)
        self._shares.append(share)
        return share

    def leave(self, share: "Share") -> None:
        """Take a share back; harmless if it was."""
        if share in self._shares:
            self._shares.remove(share)

    def note_thin(self, now_s: float) -> None:
        """Note that a stream was too much for the line."""
        self._thin_until_s = now_s + THIN_FOR_S

    def is_thin(self, now_s: float) -> bool:
        """Return whether a new stream had better begin small."""
        return now_s < self._thin_until_s

    def left(self, share: "Share", now_s: float) -> float:
        """Return how many bytes a share may send now; negative: it sent ahead."""
        self._fill(now_s)
        return share.tokens + self._spare

    def take(self, share: "Share", count: int) -> None:
        """Note what a share sent; what goes beyond its own comes out of what others left."""
        own = min(count, max(0.0, share.tokens))
        spare = min(count - own, self._spare)
        self._spare -= spare
        share.tokens -= count - spare

    def _fill(self, now_s: float) -> None:
        """Hand out what has come in since; what overflows a share is anybody's."""
        passed_s = 0.0 if self._filled_s is None else now_s - self._filled_s
        self._filled_s = now_s
        if passed_s <= 0 or not self._shares:
            return
        each = self.rate / len(self._shares)
        most = max(LEAST_BURST_BYTES, each * BURST_S)
        for share in self._shares:
            share.tokens += each * passed_s
            if share.tokens > most:
                self._spare += share.tokens - most
                share.tokens = most
        self._spare = min(self._spare, max(LEAST_BURST_BYTES, self.rate * BURST_S))


class Share:
    """One stream's part of a line."""

    def __init__(self, budget: LineBudget) -> None:
        self.budget = budget
        self.tokens = float(LEAST_BURST_BYTES)
        """Bytes; below zero after a packet that was larger than what was left."""

    def wait_s(self, now_s: float) -> float:
        """Return how long nothing may be sent; 0: something may, of any size."""
        rate = self.budget.rate
        if not rate:
            return 0.0
        left = self.budget.left(self, now_s)
        return 0.0 if left > 0 else (1 - left) * self.budget.streams / rate

    def take(self, count: int) -> None:
        """Note what was sent."""
        if self.budget.rate:
            self.budget.take(self, count)


class Rendition:
    """Which rendition a stream should send, by how often it fell behind; with hysteresis."""

    def __init__(self, *, has_small: bool, is_small: bool = False) -> None:
        self.has_small = has_small
        self.is_small = is_small
        """What goes out now; set by whoever switches, through `switched`."""
        self._lates_s: deque[float] = deque(maxlen=LATE_TIMES)
        self._hold_s = HOLD_S
        self._held_until_s: float | None = None
        self._up_s = float("-inf")

    def late(self, now_s: float, *, heavy: bool = False) -> None:
        """Note that pictures were left out; `heavy`: a key picture alone was too much."""
        self._lates_s.append(now_s)
        is_often = len(self._lates_s) == LATE_TIMES and now_s - self._lates_s[0] <= LATE_WITHIN_S
        if heavy or is_often or self._held_until_s is not None:
            if self._held_until_s is None:
                failed = now_s - self._up_s <= FAILED_WITHIN_S
                self._hold_s = min(2 * self._hold_s, MOST_HOLD_S) if failed else HOLD_S
            self._held_until_s = now_s + self._hold_s

    def is_slow(self, now_s: float) -> bool:
        """Return whether the line counts as too slow for the main rendition."""
        return self._held_until_s is not None and now_s < self._held_until_s

    def wants_small(self, now_s: float) -> bool:
        """Return whether the small rendition should go out."""
        if not self.has_small:
            return False
        return self.is_slow(now_s) if self._held_until_s is not None else self.is_small

    def begin_small(self, now_s: float) -> None:
        """Begin with the small rendition: the line is known to be thin."""
        self._held_until_s = now_s + self._hold_s

    def switched(self, now_s: float, *, is_small: bool) -> None:
        """Note that the other rendition goes out from now on."""
        self.is_small = is_small
        if not is_small:
            self._up_s = now_s
            self._held_until_s = None
            self._lates_s.clear()

    def give_up_small(self) -> None:
        """Note that there is no small rendition after all."""
        self.has_small = False
