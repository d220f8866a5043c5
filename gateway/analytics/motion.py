# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What moves: an adaptive median of a small luma picture, blind to changes of the whole light.

The median climbs or falls towards the picture by a bounded number of levels a second (after
McFarlane and Schofield 1995), slower where something moves; a second median of the differences
is each cell's noise. The median difference of all cells is taken off first, so that a cloud or
an exposure step moves nothing; a camera that shakes is laid over its background. A body hides the
ground's texture or makes one where there was none: where neither is seen (lamps, beams, shadows),
nothing moves. The ground's texture is remembered by itself, because a median between two lights
draws edges that nobody sees. What is in one picture alone fell past (rain). What moves again and
again without going anywhere (`quieten`) raises the threshold of its blocks for minutes. Pure:
time enters as the step from the last picture.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.model.alarm import Box

Grid = NDArray[np.uint8]
"""Shape (rows, columns), uint8."""
Texture = NDArray[np.float32]
"""Shape (rows, columns) of the grid, or some of its cells: what is finer than five cells."""
Unlit = Callable[[tuple[slice, slice], NDArray[np.bool_]], Grid | None]
"""Gets a rectangle of the grid and the moving cells in it, a mask; returns what of them, 255, is
more than light, or None if it is no light at all."""
Blocks = NDArray[np.float32]
"""Shape (rows, columns) of 8 x 8 cells, float32."""

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
    sway_after_s: float = 1.5
    """Motion that goes nowhere for so long within about a minute makes a block less sensitive,"""
    sway_rise: float = 20.0
    """by so many levels a second,"""
    sway_most: float = 40.0
    """by at most so many,"""
    sway_fall: float = 0.06
    """and back by so many a second."""
    alike_light: float = 0.75
    """Texture that correlates so well with the background's is the background in another light."""
    least_alike: float = 0.45
    """Noise lowers that, but not below this."""
    least_texture: float = 2.0
    """Standard deviation, in levels, below which texture says nothing."""
    most_light: float = 0.15
    """Where more of a region shows another texture than the ground's, it is no light."""
    texture_s: float = 5.0
    """The ground's texture follows what is seen within such a time."""
    confirm_s: float = 0.17
    """Pictures no further apart confirm each other: nobody gets clear of where he was meanwhile."""
    shake_share: float = 0.03
    """If more than this moves, the whole picture may have been shifted."""
    most_shake: float = 8.0
    """Cells by which a shifted picture is laid back."""
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
    returned: Grid | None = field(default=None, repr=False, compare=False)
    """The same, 255 where what had been taken in has gone and the ground is seen again."""


class MotionModel:
    """One camera's background. Feed pictures in order of time."""

    def __init__(self, options: MotionOptions | None = None) -> None:
        self._options = options or MotionOptions()
        self._median: Grid | None = None
        self._noise: Grid = np.zeros((0, 0), np.uint8)
        self._age: Grid = np.zeros((0, 0), np.uint8)
        """How long each cell has been moving; 240 is `taken_in_s`."""
        self._before: Grid = np.zeros((0, 0), np.uint8)
        """What was background before something was taken in; meaningful where `_taken`."""
        self._taken: Grid = np.zeros((0, 0), np.uint8)
        self._heat: Blocks = np.zeros((0, 0), np.float32)
        """Seconds of motion that went nowhere, by block, fading within about a minute."""
        self._sway: Blocks = np.zeros((0, 0), np.float32)
        """Levels by which each block is less sensitive."""
        self._was_futile: NDArray[np.bool_] = np.zeros((0, 0), np.bool_)
        """Blocks in which the picture before moved so; rain falls in the same block but once."""
        self._last: Grid = np.zeros((0, 0), np.uint8)
        """The last difference."""
        self._ground: Texture = np.zeros((0, 0), np.float32)
        """The background's texture, which light leaves alone."""
        self._unseen_s = 0.0
        """Since the ground's texture last followed."""
        self._moved: Grid = np.zeros((0, 0), np.uint8)
        """What moved in the picture before, large or small, light or not."""
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
        share = cv2.countNonZero(moving) / moving.size
        if self.warm and share > self._options.shake_share:
            small, difference, moving, share = self._steadied(small, difference, moving, share)
        jumped = abs(offset - self._offset) > self._options.scene_offset
        if jumped or share > self._options.scene_share:
            return self._learn(small, scene_changed=True)
        self._offset = offset
        if not self.warm:
            cv2.accumulateWeighted(_texture(small), self._ground, _LEARNT)
            self._noise = _grid(cv2.addWeighted(self._noise, 0.7, difference, 0.3, 0))
            self._median = _grid(cv2.addWeighted(self._median, 0.5, small, 0.5, 0))
            return Motion((), 0.0, scene_changed=False, warm=False, moving=np.zeros_like(moving))
        moving, returned = self._uncovered(small, moving, offset)
        before = self._confirming(moving, elapsed_s)
        kept, boxes = regions(moving, self._options.least_cells, self._unlit(small), before)
        self._follow(small, difference, moving, elapsed_s)
        self._remember(small, kept, elapsed_s)
        self._last = difference
        share = cv2.countNonZero(kept) / kept.size
        return Motion(boxes, share, scene_changed=False, warm=True, moving=kept, returned=returned)

    def quieten(self, moving: Grid, elapsed_s: float) -> None:
        """Learn from motion that goes nowhere; call it after each `step`.

        `moving`: shape (rows, columns), uint8, 255 where the last picture moved and nothing that
        travels explains it.
        """
        options = self._options
        elapsed_s = min(max(elapsed_s, 0.0), 1.0)
        self._heat *= np.float32(1 - elapsed_s / 60)
        self._sway -= np.float32(options.sway_fall * elapsed_s)
        np.maximum(self._sway, 0, out=self._sway)
        if not cv2.countNonZero(moving) or self._last.shape != moving.shape:
            self._was_futile = np.zeros(self._heat.shape, np.bool_)
            return
        levels = cv2.dilate(cv2.bitwise_and(self._last, moving), _BLOCK_AROUND)
        levels = levels[_BLOCK // 2 :: _BLOCK, _BLOCK // 2 :: _BLOCK]
        again = (levels > 0) & self._was_futile
        self._was_futile = levels > 0
        self._heat += np.float32(elapsed_s) * again
        goal = np.minimum(levels.astype(np.float32), options.sway_most)
        rise = np.clip(goal - self._sway, 0, options.sway_rise * elapsed_s)
        self._sway += np.where(self._heat >= options.sway_after_s, rise, 0).astype(np.float32)

    def unrest(self, box: Box) -> float:
        """Return for how many of the last seconds motion in a box went nowhere, at its middle."""
        blocks = self._heat[cells(box, self._heat.shape)]
        return float(np.mean(blocks)) if blocks.size else 0.0

    def clear(self, box: Box) -> None:
        """Forget that something in a box went nowhere: it does go somewhere."""
        self._heat[cells(box, self._heat.shape)] = 0

    def _learn(self, small: Grid, *, scene_changed: bool) -> Motion:
        """Take this picture as the background."""
        self._median = small.copy()
        self._noise = np.full_like(small, 3)
        self._ground, self._moved = _texture(small), np.zeros((0, 0), np.uint8)
        self._age = np.zeros_like(small)
        self._taken, self._before = np.zeros_like(small), small.copy()
        blocks = small[_BLOCK // 2 :: _BLOCK, _BLOCK // 2 :: _BLOCK].shape
        if self._sway.shape != blocks:
            self._heat, self._sway = np.zeros(blocks, np.float32), np.zeros(blocks, np.float32)
        self._was_futile = np.zeros(blocks, np.bool_)
        self._last = np.zeros_like(small)
        self._offset = 0
        self._pictures = 1
        self._age_s = 0.0
        nothing = np.zeros_like(small)
        return Motion((), 0.0, scene_changed=scene_changed, warm=False, moving=nothing)

    def _steadied(
        self, small: Grid, difference: Grid, moving: Grid, share: float
    ) -> tuple[Grid, Grid, Grid, float]:
        """Return the same four for the picture laid over its background, if that explains much."""
        median = self._median
        assert median is not None  # noqa: S101 - `step` has learnt one
        (x, y), _ = cv2.phaseCorrelate(_coarse(median), _coarse(small))
        x, y = 2 * x, 2 * y
        if not _LEAST_SHAKE < math.hypot(x, y) <= self._options.most_shake:
            return small, difference, moving, share
        back = np.array([[1, 0, -x], [0, 1, -y]], np.float32)
        size = (small.shape[1], small.shape[0])
        laid = _grid(cv2.warpAffine(small, back, size, borderMode=cv2.BORDER_REPLICATE))
        laid_difference, _ = self._difference(laid, median)
        laid_moving = self._moving(laid_difference)
        laid_share = cv2.countNonZero(laid_moving) / moving.size
        if laid_share > share / 2:
            return small, difference, moving, share
        return laid, laid_difference, laid_moving, laid_share

    def _uncovered(self, small: Grid, moving: Grid, offset: int) -> tuple[Grid, Grid | None]:
        """Return what moves without what was taken in and has left, and where that was.

        Without it, each vehicle that leaves its place leaves a ghost for a minute.
        """
        candidates = cv2.bitwise_and(moving, self._taken)
        if not cv2.countNonZero(candidates):
            return moving, None
        seen = _shifted(small, -offset)
        differs = cv2.absdiff(seen, self._before)
        _, same = cv2.threshold(differs, self._options.threshold, 255, cv2.THRESH_BINARY_INV)
        returned = _grid(cv2.bitwise_and(same, candidates))
        # its outline was never quite taken in, and goes with it
        returned = _grid(cv2.bitwise_and(cv2.dilate(returned, _NEAR), moving))
        where = returned > 0
        median = self._median
        assert median is not None  # noqa: S101 - `step` has learnt one
        median[where] = seen[where]
        self._taken[where] = 0
        self._age[where] = 0
        return _grid(cv2.bitwise_and(moving, cv2.bitwise_not(returned))), returned

    def _confirming(self, moving: Grid, elapsed_s: float) -> Grid | None:
        """Return 255 near what moved in the picture before; None if that was too long ago."""
        before, self._moved = self._moved, moving
        if elapsed_s > self._options.confirm_s or before.shape != moving.shape:
            return None
        return _grid(cv2.dilate(before, _NEAR))

    def _remember(self, small: Grid, kept: Grid, elapsed_s: float) -> None:
        """Let the ground's texture follow now and then, where nothing stands before it."""
        self._unseen_s += elapsed_s
        if self._unseen_s < _TEXTURE_EVERY_S:
            return
        weight = 1 - math.exp(-self._unseen_s / self._options.texture_s)
        cv2.accumulateWeighted(_texture(small), self._ground, weight, cv2.bitwise_not(kept))
        self._unseen_s = 0.0

    def _unlit(self, small: Grid) -> "Unlit":
        """Return what takes from a moving region the ground that is only lit otherwise.

        Who carries the light stands in it: of a region that is light as a whole the figure stays.
        """
        options = self._options

        def unlit(where: tuple[slice, slice], moving: NDArray[np.bool_]) -> Grid | None:
            around, inner = _widened(where, small.shape)
            here, there = _texture(small[around]), self._ground[around]
            cells_here, cells_there = here[inner][moving], there[inner][moving]
            if _is_body(cells_here, cells_there, options.least_texture):
                return None
            figure = _figure(here, there, options.least_texture)[inner]
            figure[~moving] = 0
            share = cv2.countNonZero(figure) / max(1, cells_here.size)
            noise = self._noise[where][moving]
            if share <= options.most_light or self._is_light(cells_here, cells_there, noise):
                return figure
            return None

        return unlit

    def _is_light(self, here: Texture, there: Texture, noise: Grid) -> bool:
        """Return whether cells show the texture of the background."""
        options = self._options
        spread = float(np.sqrt(np.mean(there * there)))
        if spread < options.least_texture:
            return False
        both = float(np.sqrt(np.sum(here * here) * np.sum(there * there)))
        grain = _GRAIN * float(np.mean(noise))
        limit = options.alike_light * spread / math.hypot(spread, grain)
        limit = max(limit, options.least_alike)
        return both > 0 and float(np.sum(here * there)) / both > limit

    @staticmethod
    def _difference(small: Grid, median: Grid) -> tuple[Grid, int]:
        """Return |picture - background| without the change of the whole light, and that change."""
        sample = small[::8, ::8].astype(np.int16) - median[::8, ::8]
        offset = int(np.median(sample))
        return _grid(cv2.absdiff(_shifted(small, -offset), median)), offset

    def _moving(self, difference: Grid) -> Grid:
        """Return 255 where something moves: weak cells count only beside strong ones."""
        options = self._options
        limit = cv2.addWeighted(
            self._noise, options.noise_gain, self._noise, 0.0, float(options.threshold)
        )
        if self._sway.any():
            size = (limit.shape[1], limit.shape[0])
            sway = cv2.resize(self._sway, size, interpolation=cv2.INTER_LINEAR)
            limit = cv2.add(limit, sway.astype(np.uint8))
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
        fresh = (moving > 0) & (self._age == 0) & (self._taken == 0)
        self._before[fresh] = median[fresh]
        step = np.full_like(moving, ticks)
        older = cv2.add(self._age, cv2.bitwise_and(step, moving))
        self._age = _grid(cv2.subtract(older, cv2.bitwise_and(step, cv2.bitwise_not(moving))))
        taken = self._age >= _AGE_FULL
        self._age[taken] = 0
        self._taken[taken] = 255
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
_BLOCK = 8
"""Cells on a side of the blocks in which sensitivity is learnt."""
_BLOCK_AROUND = np.ones((_BLOCK + 1, _BLOCK + 1), np.uint8)
_LEAST_SHAKE = 0.25
_LOCAL = 7
"""Cells on a side of the window in which a figure's texture is told from the ground's."""
_LOCAL_REST = 0.35
"""Share of a window's texture that the ground's, lit otherwise, must leave unexplained."""
_BODY_ALIKE = 0.3
"""Texture that correlates less with the ground's is a body's, as a whole."""
_TEXTURE_EVERY_S = 0.4
_MOST_GAIN = 3.0
"""By how much light makes texture stronger, or weaker."""
_LEARNT = 0.3
"""Weight of each of the first pictures in the ground's texture."""
_CONFIRMED = 0.2
"""Share of a region that must lie where something moved just before."""
_FIGURE = 2
"""A figure in a light is of at least so many of the smallest regions."""
_GRAIN = 1.5
"""Standard deviation of noise over its median, about."""


def shrink(luma: NDArray[np.uint8]) -> Grid:
    """Return the picture on the grid, slightly blurred; by stride first, which costs nothing."""
    height, width = luma.shape
    columns = min(WIDTH, width)
    rows = max(1, round(height * columns / width))
    stride = max(1, width // (2 * columns))
    coarse = luma[::stride, ::stride]
    small = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return _grid(cv2.GaussianBlur(small, (3, 3), 0))


def cells(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the part of a grid of `shape` (rows, columns) that a box touches."""
    rows, columns = shape
    down = slice(int(box.top * rows), math.ceil(box.bottom * rows))
    return down, slice(int(box.left * columns), math.ceil(box.right * columns))


def regions(
    moving: Grid, least_cells: int, unlit: Unlit | None = None, before: Grid | None = None
) -> tuple[Grid, tuple[Box, ...]]:
    """Return the regions of at least `least_cells`, and their boxes, largest first.

    `before`: shape of `moving`, 255 where each must lie with a share of its cells; None: anywhere.
    """
    labels, table = _components(moving, least_cells)
    kept = np.zeros_like(moving)
    boxes: list[tuple[int, Box]] = []
    for label, (left, top, width, height, area) in table:
        where = (slice(top, top + height), slice(left, left + width))
        inside = labels[where] == label
        if before is not None and np.mean(before[where][inside]) < 255 * _CONFIRMED:
            continue
        figure = unlit(where, inside) if unlit is not None else None
        if figure is None:
            kept[where][inside] = 255
            boxes.append((area, _box_in(moving, left, top, width, height)))
            continue
        pieces, parts = _components(figure, _FIGURE * least_cells)
        for piece, (x, y, wide, high, size) in parts:
            kept[where][pieces == piece] = 255
            boxes.append((size, _box_in(moving, left + x, top + y, wide, high)))
    boxes.sort(key=lambda one: -one[0])
    return _grid(cv2.bitwise_and(kept, moving)), tuple(box for _, box in boxes[:MOST_BOXES])


Part = tuple[int, tuple[int, int, int, int, int]]
"""A label, and its left, top, width, height and area in cells."""


def _components(moving: Grid, least_cells: int) -> tuple[NDArray[np.int32], list[Part]]:
    """Return the labels of a grid, and the regions that are large enough, largest first."""
    joined = cv2.morphologyEx(moving, cv2.MORPH_CLOSE, _CLOSE)
    count, labels, table, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    areas = table[1:count, cv2.CC_STAT_AREA]
    large = np.flatnonzero(areas >= least_cells) + 1
    order = large[np.argsort(-areas[large - 1], kind="stable")][:MOST_BOXES]
    parts: list[Part] = []
    for label in order:
        left, top, width, height, area = (int(value) for value in table[label])
        parts.append((int(label), (left, top, width, height, area)))
    return labels.astype(np.int32, copy=False), parts


def _box_in(grid: Grid, left: int, top: int, width: int, height: int) -> Box:
    rows, columns = grid.shape
    return Box(left / columns, top / rows, (left + width) / columns, (top + height) / rows)


def _is_body(here: Texture, there: Texture, least_texture: float) -> bool:
    """Return whether cells have so little of the ground's texture that no window need be asked."""
    seen, known, both = (
        float(np.dot(a, b)) for a, b in ((here, here), (there, there), (here, there))
    )
    plain = here.size * least_texture**2
    return both < _BODY_ALIKE * math.sqrt(seen * known) and max(seen, known) > 2 * plain


def _figure(here: Texture, there: Texture, least_texture: float) -> Grid:
    """Return 255 where, in a small window, the ground's texture does not explain what is seen.

    The texture may be stronger or weaker than the ground's, as light makes it, within a bound; what
    is left over then is compared with all that is there.
    """
    size = (_LOCAL, _LOCAL)
    both = cv2.blur(here * there, size)
    seen, known = cv2.blur(here * here, size), cv2.blur(there * there, size)
    gain = np.clip(both / (known + 1e-3), 1 / _MOST_GAIN, _MOST_GAIN)
    lit = gain * gain * known
    rest = seen - 2 * gain * both + lit
    limit = least_texture**2 + _LOCAL_REST * np.maximum(seen, lit)
    return _grid(cv2.medianBlur(np.where(rest > limit, np.uint8(255), np.uint8(0)), 3))


def _widened(
    where: tuple[slice, slice], shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return a rectangle with the cells that its windows reach, and where it lies in that."""
    reach = _LOCAL // 2 + 2
    top, left = (max(0, part.start - reach) for part in where)
    rows, columns = (
        slice(p.start - at, p.stop - at) for p, at in zip(where, (top, left), strict=True)
    )
    bottom, right = (min(most, p.stop + reach) for p, most in zip(where, shape, strict=True))
    return (slice(top, bottom), slice(left, right)), (rows, columns)


def _texture(cells: Grid) -> NDArray[np.float32]:
    """Return what is finer than about five cells."""
    values = cells.astype(np.float32)
    smooth: NDArray[np.float32] = cv2.blur(values, (5, 5)).astype(np.float32, copy=False)
    return values - smooth


def _coarse(grid: Grid) -> NDArray[np.float32]:
    """Return every second cell, without the mean, for the search of a shift."""
    values = grid[::2, ::2].astype(np.float32)
    values -= values.mean()
    return values


def _grid(array: NDArray[Any]) -> Grid:
    """Return what cv2 answered as what it is: its operations on uint8 give uint8."""
    return array.astype(np.uint8, copy=False)


def _shifted(grid: Grid, levels: int) -> Grid:
    """Return a grid lighter by so many levels, or darker."""
    if levels > 0:
        return _grid(cv2.add(grid, np.full_like(grid, levels)))
    return _grid(cv2.subtract(grid, np.full_like(grid, -levels))) if levels else grid


def _towards(grid: Grid, target: Grid, levels: int, where: Grid) -> Grid:
    """Return `grid` moved towards `target` by at most `levels`, where `where` is 255."""
    most = np.full_like(grid, levels)
    up = cv2.bitwise_and(cv2.min(cv2.subtract(target, grid), most), where)
    down = cv2.bitwise_and(cv2.min(cv2.subtract(grid, target), most), where)
    return _grid(cv2.subtract(cv2.add(grid, up), down))
