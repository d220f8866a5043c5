# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What moves: an adaptive median of a small luma picture, blind to changes of the whole light.

The median climbs or falls towards the picture by a bounded number of levels a second (after
McFarlane and Schofield 1995), slower where something moves; a second median of the differences
is each cell's noise. The median difference of all cells is taken off first, so that a cloud or
an exposure step moves nothing. Pure: time enters as the step from the last picture.
"""

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.model.alarm import Box

Grid = NDArray[np.uint8]
"""Shape (rows, columns), uint8."""

WIDTH = 320
"""Columns of the grid; rows follow from the picture's shape."""
MOST_BOXES = 32


@dataclass(frozen=True, slots=True)
class MotionOptions:
    """How the model sees; levels are of 8-bit luma."""

    threshold: int = 14
    """Least difference of something that moves."""
    noise_gain: int = 3
    """Plus so many times the cell's own noise."""
    keep_share: float = 0.5
    """A cell beside a moving one moves already at this share of its threshold (hysteresis)."""
    most_noise: int = 20
    still_rate: float = 12.5
    """Levels a second by which the median follows where nothing moves."""
    faint_rate: float = 1.6
    """Where something moves that differs little: the ghost of a shadow goes within seconds."""
    faint_levels: int = 26
    moving_rate: float = 0.3
    """Where something moves plainly: who lingers and leaves must not leave a ghost."""
    taken_in_s: float = 60.0
    """What moves in and then stands still becomes background after this."""
    noise_rate: float = 3.0
    noise_step: int = 2
    """Most levels by which the noise changes at once, however long ago the last picture was."""
    least_cells: int = 20
    """A smaller region is dropped."""
    scene_share: float = 0.55
    """If more than this moves, the scene itself has changed and is learnt anew."""
    scene_offset: int = 40
    """So does a step of the whole light by more than this since the last picture."""
    warm_pictures: int = 6
    warm_s: float = 0.8
    """Both must have passed before anything is said to move."""


@dataclass(frozen=True, slots=True)
class Motion:
    """What moves in one picture."""

    boxes: tuple[Box, ...]
    """Largest first, at most 32, in fractions of the picture."""
    fraction: float
    """Share of the picture that moves, 0..1."""
    scene_changed: bool
    """The scene was learnt anew with this picture."""
    warm: bool
    """False while the model still learns: then nothing is said to move."""
    moving: Grid = field(repr=False, compare=False)
    """Shape (rows, columns) of the grid, 255 where something moves."""


class MotionModel:
    """One camera's background. Feed pictures in order of time."""

    def __init__(self, options: MotionOptions | None = None) -> None:
        self._options = options or MotionOptions()
        self._median: Grid | None = None
        self._noise: Grid = np.zeros((0, 0), np.uint8)
        self._age: Grid = np.zeros((0, 0), np.uint8)
        """How long each cell has been moving; 240 is `taken_in_s`."""
        self._offset = 0
        self._owed = dict.fromkeys(("still", "faint", "moving", "noise", "age"), 0.0)
        self._pictures = 0
        self._age_s = 0.0

    @property
    def warm(self) -> bool:
        """Whether enough was seen to tell what moves."""
        options = self._options
        return self._pictures >= options.warm_pictures and self._age_s >= options.warm_s

    def step(self, luma: NDArray[np.uint8], elapsed_s: float = 0.04) -> Motion:
        """Return what moves in a luma plane, shape (h, w), uint8, any size and stride.

        `elapsed_s`: time since the picture before; the first picture's is ignored.
        """
        small = shrink(luma)
        if self._median is None or self._median.shape != small.shape:
            return self._learn(small, scene_changed=False)
        self._pictures += 1
        elapsed_s = min(max(elapsed_s, 0.0), 5.0)
        self._age_s += elapsed_s
        difference, offset = self._difference(small, self._median)
        moving = self._moving(difference)
        jumped = abs(offset - self._offset) > self._options.scene_offset
        share = cv2.countNonZero(moving) / moving.size
        if jumped or share > self._options.scene_share:
            return self._learn(small, scene_changed=True)
        self._offset = offset
        if not self.warm:
            self._median = _grid(cv2.addWeighted(self._median, 0.5, small, 0.5, 0))
            return Motion((), 0.0, scene_changed=False, warm=False, moving=np.zeros_like(moving))
        self._follow(small, difference, moving, elapsed_s)
        kept, boxes = regions(moving, self._options.least_cells)
        share = cv2.countNonZero(kept) / kept.size
        return Motion(boxes, share, scene_changed=False, warm=True, moving=kept)

    def _learn(self, small: Grid, *, scene_changed: bool) -> Motion:
        """Take this picture as the background."""
        self._median = small.copy()
        self._noise = np.full_like(small, 3)
        self._age = np.zeros_like(small)
        self._offset = 0
        self._pictures = 1
        self._age_s = 0.0
        nothing = np.zeros_like(small)
        return Motion((), 0.0, scene_changed=scene_changed, warm=False, moving=nothing)

    @staticmethod
    def _difference(small: Grid, median: Grid) -> tuple[Grid, int]:
        """Return |picture - background| without the change of the whole light, and that change."""
        sample = small[::8, ::8].astype(np.int16) - median[::8, ::8]
        offset = int(np.median(sample))
        if offset > 0:
            small = _grid(cv2.subtract(small, np.full_like(small, offset)))
        elif offset < 0:
            small = _grid(cv2.add(small, np.full_like(small, -offset)))
        return _grid(cv2.absdiff(small, median)), offset

    def _moving(self, difference: Grid) -> Grid:
        """Return 255 where something moves: weak cells count only beside strong ones."""
        options = self._options
        limit = cv2.addWeighted(
            self._noise, options.noise_gain, self._noise, 0.0, float(options.threshold)
        )
        strong = cv2.medianBlur(cv2.compare(difference, limit, cv2.CMP_GT), 3)
        low = cv2.convertScaleAbs(limit, alpha=options.keep_share)
        weak = cv2.compare(difference, low, cv2.CMP_GT)
        return _grid(cv2.bitwise_or(strong, cv2.bitwise_and(weak, cv2.dilate(strong, _NEAR))))

    def _follow(self, small: Grid, difference: Grid, moving: Grid, elapsed_s: float) -> None:
        """Let the background and its noise follow the picture."""
        options = self._options
        median = self._median
        assert median is not None  # noqa: S101 - `step` has learnt one
        still = _grid(cv2.bitwise_not(moving))
        levels = self._due("still", options.still_rate, elapsed_s)
        if levels:
            median = _towards(median, small, levels, still)
        levels = self._due("faint", options.faint_rate, elapsed_s)
        if levels:
            faint = np.where(difference < options.faint_levels, moving, np.uint8(0))
            median = _towards(median, small, levels, faint)
        levels = self._due("moving", options.moving_rate, elapsed_s)
        if levels:
            median = _towards(median, small, levels, moving)
        self._median = self._take_in(median, small, moving, elapsed_s)
        levels = min(self._due("noise", options.noise_rate, elapsed_s), options.noise_step)
        if levels:
            noise = _towards(self._noise, difference, levels, still)
            self._noise = np.minimum(noise, options.most_noise)

    def _take_in(self, median: Grid, small: Grid, moving: Grid, elapsed_s: float) -> Grid:
        """Return the background with what has stood in it for long."""
        ticks = self._due("age", _AGE_FULL / self._options.taken_in_s, elapsed_s)
        if not ticks:
            return median
        step = np.full_like(moving, ticks)
        older = cv2.add(self._age, cv2.bitwise_and(step, moving))
        self._age = _grid(cv2.subtract(older, cv2.bitwise_and(step, cv2.bitwise_not(moving))))
        taken = self._age >= _AGE_FULL
        self._age[taken] = 0
        return np.where(taken, small, median)

    def _due(self, what: str, rate: float, elapsed_s: float) -> int:
        """Return the whole levels that are due, and keep the rest for the next picture."""
        owed = self._owed[what] + rate * elapsed_s
        levels = int(owed)
        self._owed[what] = owed - levels
        return min(levels, 255)


_AGE_FULL = 240
_NEAR = np.ones((5, 5), np.uint8)
_CLOSE = np.ones((5, 5), np.uint8)


def shrink(luma: NDArray[np.uint8]) -> Grid:
    """Return the picture on the grid, slightly blurred; by stride first, which costs nothing."""
    height, width = luma.shape
    columns = min(WIDTH, width)
    rows = max(1, round(height * columns / width))
    stride = max(1, width // (2 * columns))
    coarse = luma[::stride, ::stride]
    small = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return _grid(cv2.GaussianBlur(small, (3, 3), 0))


def regions(moving: Grid, least_cells: int) -> tuple[Grid, tuple[Box, ...]]:
    """Return the regions of at least `least_cells`, and their boxes, largest first."""
    joined = cv2.morphologyEx(moving, cv2.MORPH_CLOSE, _CLOSE)
    count, labels, table, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    rows, columns = moving.shape
    areas = table[1:count, cv2.CC_STAT_AREA]
    large = 1 + np.flatnonzero(areas >= least_cells)
    keep = np.zeros(count, np.uint8)
    keep[large] = 255
    order = large[np.argsort(-areas[large - 1], kind="stable")][:MOST_BOXES]
    boxes = []
    for left, top, width, height, _area in table[order]:
        right, bottom = (left + width) / columns, (top + height) / rows
        boxes.append(Box(float(left / columns), float(top / rows), float(right), float(bottom)))
    return _grid(cv2.bitwise_and(keep[labels], moving)), tuple(boxes)


def _grid(array: NDArray[Any]) -> Grid:
    """Return what cv2 answered as what it is: its operations on uint8 give uint8."""
    return array.astype(np.uint8, copy=False)


def _towards(grid: Grid, target: Grid, levels: int, where: Grid) -> Grid:
    """Return `grid` moved towards `target` by at most `levels`, where `where` is 255."""
    most = np.full_like(grid, levels)
    up = cv2.bitwise_and(cv2.min(cv2.subtract(target, grid), most), where)
    down = cv2.bitwise_and(cv2.min(cv2.subtract(grid, target), most), where)
    return _grid(cv2.subtract(cv2.add(grid, up), down))
