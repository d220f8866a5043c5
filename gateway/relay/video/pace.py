# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How fast a peer is brought up to date: one budget for all that one session catches up with.

What is live goes out as it comes; only replays of kept units are paced. Nobody tells how much a
line takes, and news of a full queue come when it is too late. So a peer next door (its first answer
was there at once) is sent as much as any local network takes, any other begins as if its line
carried little: more is tried when its reports say that all arrives, and less when packets are
asked for again or the round trip has grown.
"""

NEAR_S = 0.05
"""Whoever answers within this, handshake and all, has no mobile link: those take longer."""
BURST_BYTES = 64 << 10
"""Goes out at once: a key picture, or a whole GOP of a small stream."""
NEAR_BYTES_S = 16 << 20
"""134 Mbit/s: a GOP of 8 MiB is through in half a second, a usual one at once."""
FAR_BYTES_S = 640 << 10
"""5 Mbit/s."""
LEAST_BYTES_S = 256 << 10
"""2 Mbit/s: below, a replay would never end; the small stream is for such lines."""
HOLD_S = 0.5
"""After a loss the rate stays for so long: that is how late news of the next loss may be."""
LOST_AT_ONCE = 8
"""So many packets asked for in one report are a full queue, not noise on the air."""
LOSSES = 0.05
"""Share of packets lost below which more may be tried."""
QUEUE_S = 0.2
"""A round trip longer than the shortest by this means a queue of our own making."""
_MOST_STEP_S = 0.02
"""A loop that was held up may make good for so long."""


class Pace:
    """Bytes that may go out now; pure of clocks."""

    def __init__(self, *, near: bool = False) -> None:
        self.rate = float(NEAR_BYTES_S if near else FAR_BYTES_S)
        """Bytes a second."""
        self._tokens = float(BURST_BYTES)
        self._filled_s: float | None = None
        self._held_until_s = float("-inf")
        self._shortest_s: float | None = None
        self._was_used = False

    def allows(self, now_s: float) -> bool:
        """Return whether something may go out, of any size."""
        if self._filled_s is not None and now_s > self._filled_s:
            most = max(float(BURST_BYTES), self.rate * _MOST_STEP_S)
            self._tokens = min(most, self._tokens + self.rate * (now_s - self._filled_s))
        self._filled_s = now_s
        return self._tokens > 0

    def take(self, count: int) -> None:
        """Note that `count` bytes went out."""
        self._tokens -= count
        self._was_used = True

    def lost(self, count: int, now_s: float) -> None:
        """Note that the peer asked for `count` packets again."""
        if count >= LOST_AT_ONCE:
            self._slow_down(now_s)

    def reported(self, round_trip_s: float, fraction_lost: float, now_s: float) -> None:
        """Note what the peer's report says of the way; what was used and is clean may be more."""
        if self._shortest_s is None or round_trip_s < self._shortest_s:
            self._shortest_s = round_trip_s
        if round_trip_s - self._shortest_s > QUEUE_S:
            self._slow_down(now_s)
        elif self._was_used and fraction_lost < LOSSES and now_s >= self._held_until_s:
            self.rate = min(2 * self.rate, float(NEAR_BYTES_S))
        self._was_used = False

    def _slow_down(self, now_s: float) -> None:
        if now_s >= self._held_until_s:
            self.rate = max(self.rate / 4, float(LEAST_BYTES_S))
            self._tokens = min(self._tokens, 0.0)
            self._held_until_s = now_s + HOLD_S

    def takes_s(self, count: int, more_bytes_s: float) -> float:
        """Return how long catching up with `count` bytes takes while `more_bytes_s` join them."""
        left = max(0.0, count - max(0.0, self._tokens))
        spare = self.rate - more_bytes_s
        return 0.0 if not left else left / spare if spare > 0 else float("inf")
