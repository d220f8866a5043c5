# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the tracks of one camera are, by what a detector said of them in a few pictures. Pure.

A detector is asked while a track is new, not for every picture: some votes, and it has its name.
Nothing that it overlooked is dropped: a track without a name stays a *movimento*, which counts.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gateway.analytics.detect import Detection
from gateway.analytics.geometry import area
from gateway.model.alarm import Box, Kind, Track

ENOUGH = 3
"""Pictures in which it was named, after which nobody is asked again ..."""
IN_VAIN = 6
"""... or in which it was looked for."""
AGAIN_S = 0.3
"""Between two pictures of one track, in the camera's seconds."""
COVERED = 0.5
"""Share of a track's box that lies in what was detected: motion often shows but a part of it."""
MOST_TRACKS = 64


@dataclass(slots=True)
class _Votes:
    weights: dict[Kind, float] = field(default_factory=dict)
    named: int = 0
    asked: int = 0
    asked_s: float = -1e9


class Naming:
    """The names of one camera's tracks."""

    def __init__(self) -> None:
        self._votes: OrderedDict[int, _Votes] = OrderedDict()

    def settled(self, at_s: float) -> tuple[int, ...]:
        """Return the tracks that nobody needs a picture of now, at most MOST_TRACKS."""
        return tuple(
            number
            for number, one in self._votes.items()
            if one.named >= ENOUGH or one.asked >= IN_VAIN or 0 <= at_s - one.asked_s < AGAIN_S
        )

    def learn(self, tracks: Sequence[Track], found: Sequence[Detection], at_s: float) -> None:
        """Take what a detector found in the picture in which `tracks` were seen."""
        for track in tracks:
            votes = self._votes.setdefault(track.id, _Votes())
            self._votes.move_to_end(track.id)
            votes.asked += 1
            votes.asked_s = at_s
            best = max(found, key=lambda one: _fit(track.box, one), default=None)
            if best is not None and _fit(track.box, best) > 0:
                votes.named += 1
                more = votes.weights.get(best.kind, 0.0) + best.confidence
                votes.weights[best.kind] = more
        while len(self._votes) > MOST_TRACKS:
            self._votes.popitem(last=False)

    def named(self, track: Track) -> Track:
        """Return a track with its name, if it has one; its confidence is then the name's."""
        votes = self._votes.get(track.id)
        if votes is None or not votes.weights:
            return track
        kind = max(votes.weights, key=lambda one: votes.weights[one])
        return replace(track, kind=kind, confidence=min(1.0, votes.weights[kind] / votes.named))


def _fit(box: Box, one: Detection) -> float:
    """Return how well a detection explains a track's box; 0: it is something else."""
    width = min(box.right, one.box.right) - max(box.left, one.box.left)
    height = min(box.bottom, one.box.bottom) - max(box.top, one.box.top)
    common = max(width, 0.0) * max(height, 0.0)
    own, other = area(box), area(one.box)
    if common <= 0 or common < COVERED * min(own, other):
        return 0.0
    return one.confidence * common / (own + other - common)
