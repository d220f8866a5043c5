# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""When a stream counts as stalled: no picture for max(two intervals, two seconds)."""

from gateway.model.errors import PeerError

SMOOTHING = 8
"""An interval counts for an eighth, so that one late picture does not widen the bound."""
LONGEST_INTERVAL_S = 30.0
"""Time-lapse cameras; whoever sends less often is watched with this."""


class StallError(PeerError):
    """The session stands, but no picture comes."""


class StallWatch:
    """Measures the distance of pictures and says when the next one is overdue."""

    def __init__(self, least_s: float) -> None:
        """`least_s`: the bound of streams with more than a picture in least_s / 2 seconds."""
        self._least_s = least_s
        self._interval_s = 0.0
        self._picture_s: float | None = None
        self._patience_s = 0.0

    def begin(self, now_s: float, patience_s: float) -> None:
        """Start waiting for the first picture, at most `patience_s` seconds."""
        self._picture_s = now_s
        self._interval_s = 0.0
        self._patience_s = patience_s

    def picture(self, now_s: float) -> None:
        """Note that a whole picture came."""
        if self._picture_s is not None and not self._patience_s:
            interval_s = min(now_s - self._picture_s, LONGEST_INTERVAL_S)
            known_s = self._interval_s
            change_s = (interval_s - known_s) / SMOOTHING if known_s else interval_s
            self._interval_s = known_s + change_s
        self._patience_s = 0.0
        self._picture_s = now_s

    @property
    def bound_s(self) -> float:
        """How long without a picture is a stall."""
        return self._patience_s or max(2 * self._interval_s, self._least_s)

    @property
    def deadline_s(self) -> float:
        """Monotonic time at which the stream is stalled if no picture comes before."""
        return (self._picture_s or 0.0) + self.bound_s

    @property
    def fps(self) -> float:
        """Pictures a second, smoothed; 0 until known."""
        return 1 / self._interval_s if self._interval_s > 0 else 0.0
