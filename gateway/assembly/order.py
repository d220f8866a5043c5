# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Whether a camera sends pictures in another order than they are to be shown in (B-frames).

Live players show each as it comes. The media process refuses such a stream by the same measure;
here it is noticed as soon, so that another rendition is at hand before the refusal.
"""

from typing import Final

from gateway.relay.video.packets import REORDERED_UNITS

FORGOTTEN_UNITS: Final = 750
"""So many in order, half a minute, mean that the camera was set up anew."""
_NEW_CLOCK_90K: Final = 90_000
"""A step back of more is a clock that began anew."""


class Order:
    """What was seen of one stream."""

    def __init__(self) -> None:
        self._last_90k: int | None = None
        self._steps_back = 0
        self._in_order = 0

    def begin(self) -> None:
        """Take the next picture as the first of another reading: it may be an older one."""
        self._last_90k = None

    def note(self, pts_90k: int) -> None:
        """Take the time of the next picture that came; cheap, since every picture is noted."""
        last_90k, self._last_90k = self._last_90k, pts_90k
        if last_90k is not None and last_90k - _NEW_CLOCK_90K <= pts_90k < last_90k:
            self._steps_back += 1
            self._in_order = 0
        elif self._steps_back:
            self._in_order += 1
            if self._in_order >= FORGOTTEN_UNITS:
                self._steps_back = 0

    @property
    def is_reordered(self) -> bool:
        """Whether pictures come in another order; fewer steps back may be a clock's slip."""
        return self._steps_back >= REORDERED_UNITS
