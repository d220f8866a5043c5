# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which followed boxes sit on one vehicle: what stays beside a plate wherever that goes.

A taxi's sign, a model's badge or a firm's name look like plates to a small finder. A vehicle shows
one plate to one side, so of such mates one counts; which one is decided by what they say.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from gateway.model.alarm import Box


@dataclass(frozen=True, slots=True)
class MateOptions:
    """Bounds, in widths of the wider of two boxes."""

    across: float = 3.0
    down: float = 2.5
    """Two cars in a jam are farther apart, also seen from a low mast."""
    drift: float = 1.5
    """How much the way from one to the other may change; what is passed by does not come along."""
    least: int = 3
    """Pictures in which two were seen together."""
    share: float = 0.6
    """Of those, near each other in at least so many."""


class Mates:
    """Counts, of each two tracks, the pictures that show both, and those that show them near."""

    def __init__(self, aspect: float, options: MateOptions | None = None) -> None:
        """`aspect`: height of the picture over its width."""
        self._aspect = aspect
        self._options = options or MateOptions()
        self._seen: Counter[tuple[int, int]] = Counter()
        self._near: Counter[tuple[int, int]] = Counter()
        self._first: dict[tuple[int, int], tuple[float, float]] = {}
        """From one to the other in the first picture, in widths."""

    def see(self, boxes: Mapping[int, Box]) -> None:
        """Note where each track was seen in one picture."""
        for one, two in combinations(sorted(boxes), 2):
            self._seen[one, two] += 1
            across, down = self._between(boxes[one], boxes[two])
            x, y = self._first.setdefault((one, two), (across, down))
            options = self._options
            if (
                abs(across) <= options.across
                and abs(down) <= options.down
                and math.hypot(across - x, down - y) <= options.drift
            ):
                self._near[one, two] += 1

    def of(self, track: int) -> tuple[int, ...]:
        """Return the mates of a track, those with most pictures first."""
        options = self._options
        found = [
            (near, two if one == track else one)
            for (one, two), near in self._near.items()
            if track in (one, two)
            and near >= options.least
            and near >= options.share * self._seen[one, two]
        ]
        return tuple(other for _, other in sorted(found, key=lambda item: (-item[0], item[1])))

    def forget(self, track: int) -> None:
        """Drop what is known of a track."""
        for pair in [one for one in self._seen if track in one]:
            del self._seen[pair], self._near[pair], self._first[pair]

    def _between(self, one: Box, two: Box) -> tuple[float, float]:
        """Return the way from one box to another, across and down, in widths of the wider."""
        width = max(one.right - one.left, two.right - two.left)
        across = (two.left + two.right - one.left - one.right) / 2
        down = (two.top + two.bottom - one.top - one.bottom) / 2 * self._aspect
        return across / width, down / width
