# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From crops to readings: for each sign on a plate, how probable each letter and digit is.

Both readers answer in columns (CTC: a sign or nothing); columns are gathered into slots. A slot is
where something may stand; its last class says how probable it is that nothing does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.analytics.plates import second
from gateway.analytics.plates.models import SIGNS, Models, Tensor
from gateway.analytics.plates.rectify import Crop, Gray

NOTHING = len(SIGNS)
"""Class that says: no sign stands here."""
FAINT = 0.04
"""A column counts if a sign is at least so probable in it."""
FLOOR = 1e-6
"""No reader is surer than this: so improbable is at least every sign."""
ROW_SHARE = 0.5
"""Two lines have at least so many signs each, in sum of probabilities."""
LEAST_HIGH_PX = 8
"""A lower crop is not cut into two lines."""

Slots = NDArray[np.float32]
"""(K, 37) float32, each row sums to 1: SIGNS, and NOTHING."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reader sees in one crop."""

    slots: Slots = field(repr=False)
    rows: tuple[int, ...] = field(repr=False)
    """Line of each slot: 0 the upper one or the only one, 1 the lower one."""
    places: tuple[float, ...] = field(repr=False)
    """Where each slot is along its line, 0..1 of the crop's width."""
    way: str
    """Of the crop."""
    countries: NDArray[np.float32] | None = field(default=None, repr=False)
    """(K,) probabilities of `Models.countries`, if the reader tells them."""

    @property
    def text(self) -> str:
        """Return the most probable sign of each slot, without those where nothing is likelier."""
        best = self.slots.argmax(1) if len(self.slots) else []
        return "".join(SIGNS[one] for one in best if one != NOTHING)

    @property
    def sureness(self) -> float:
        """Return how probable the most probable text is, 0..1; 0 if there is none."""
        return float(np.prod(self.slots.max(1))) if self.text else 0.0


def read(models: Models, crops: Iterable[Crop]) -> tuple[Reading, ...]:
    """Return what our own reader sees in each crop, one or two lines."""
    return tuple(_read(models, one) for one in crops)


def _read(models: Models, crop: Crop) -> Reading:
    net = models.reader
    size = (net.shape[3], net.shape[2])
    if min(crop.gray.shape[:2]) < 1:
        return Reading(np.zeros((0, NOTHING + 1), np.float32), (), (), crop.way)
    gray = cv2.resize(crop.gray, size, interpolation=_way(crop.gray, size)).astype(np.float32)
    tensor = (gray - gray.mean()) / (gray.std() + 8)
    outputs = net.run(np.asarray(tensor[None, None], np.float32))
    columns = _softmax(outputs[0][0])
    half = len(columns) // 2
    told = _softmax(outputs[1][0]) if len(outputs) > 1 and len(models.countries) else None
    parts = [_slots(columns[:half]), _slots(columns[half:])]
    return _joined(parts, crop.way, told)


def read_second(models: Models, crops: Iterable[Crop], *, rows: int = 1) -> tuple[Reading, ...]:
    """Return what the second reader sees; of two rows it is shown one after the other.

    Nothing if there is no second reader.
    """
    if models.second is None:
        return ()
    readings = []
    for crop in crops:
        lines = _halves(crop.gray) if rows == 2 else (crop.gray,)  # noqa: PLR2004
        parts = [_second_slots(models, line) for line in lines if min(line.shape[:2]) > 0]
        readings.append(_joined(parts, crop.way, None))
    return tuple(readings)


def _second_slots(models: Models, gray: Gray) -> tuple[Slots, list[float]]:
    if models.second is None:
        return np.zeros((0, NOTHING + 1), np.float32), []
    tensor = second.lines(gray)
    output = models.second.run(tensor)[0][0]
    used = min(1.0, gray.shape[1] * second.HIGH_PX / max(1, gray.shape[0]) / second.WIDE_PX)
    columns = second.fold(_normal(output))
    slots, places = _slots(columns)
    return slots, [min(1.0, place / used) for place in places]


def line_count(readings: Sequence[Reading]) -> int:
    """Return 2 if our reader's readings show signs in two lines, else 1."""
    best = max(readings, key=lambda one: one.sureness, default=None)
    if best is None:
        return 1
    upper = sum(1 - float(slot[NOTHING]) for slot, row in zip(best.slots, best.rows, strict=True)
                if row == 0)  # fmt: skip
    lower = sum(1 - float(slot[NOTHING]) for slot, row in zip(best.slots, best.rows, strict=True)
                if row == 1)  # fmt: skip
    return 2 if min(upper, lower) > ROW_SHARE else 1


def _halves(gray: Gray) -> tuple[Gray, ...]:
    """Return the upper and the lower line of a crop: cut where fewest strokes are."""
    high = gray.shape[0]
    if high < LEAST_HIGH_PX or gray.shape[1] < 1:
        return (gray,)
    strokes = np.abs(cv2.Sobel(gray, cv2.CV_32F, 1, 0, ksize=3)).mean(1)
    smooth = cv2.blur(strokes.reshape(-1, 1), (1, max(1, high // 16) | 1)).ravel()
    first, last = int(high * 0.3), max(int(high * 0.3) + 1, int(high * 0.65))
    cut = first + int(smooth[first:last].argmin())
    over = max(1, high // 32)
    return gray[: cut + over], gray[max(0, cut - over) :]


def _way(gray: Gray, size: tuple[int, int]) -> int:
    return cv2.INTER_AREA if gray.shape[0] > 1.5 * size[1] else cv2.INTER_LINEAR


def _softmax(logits: Tensor) -> Tensor:
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(-1, keepdims=True), np.float32)


def _normal(output: Tensor) -> Tensor:
    """Return probabilities, of a net that answers with them or with logits."""
    sums = output.sum(-1)
    if output.min() >= 0 and np.allclose(sums, 1, atol=1e-2):
        return output
    return _softmax(output)


def _slots(columns: Tensor) -> tuple[Slots, list[float]]:
    """Gather CTC columns (T, 37) into slots: runs of the same sign are one, as CTC says."""
    best, signs = columns.argmax(1), 1 - columns[:, NOTHING]
    slots: list[Tensor] = []
    places: list[float] = []
    at = 0
    while at < len(columns):
        end = at + 1
        if signs[at] < FAINT:
            at = end
            continue
        if best[at] != NOTHING:
            while end < len(columns) and best[end] == best[at]:
                end += 1
        else:  # faint: something may stand here, though nothing is likelier
            while end < len(columns) and best[end] == NOTHING and signs[end] >= FAINT:
                end += 1
        run = columns[at:end]
        beside_sign = best[at] == NOTHING and _beside(best, at, end)
        if not beside_sign:
            slots.append(run[int((1 - run[:, NOTHING]).argmax())])
            places.append((at + end) / 2 / len(columns))
        at = end
    made = np.array(slots, np.float32).reshape(-1, NOTHING + 1)
    return made, places


def _beside(best: NDArray[np.int64], at: int, end: int) -> bool:
    """Return whether a faint run touches a plain sign: it is that sign's rim."""
    return bool((at > 0 and best[at - 1] != NOTHING) or (end < len(best) and best[end] != NOTHING))


def _joined(parts: Sequence[tuple[Slots, list[float]]], way: str, told: Tensor | None) -> Reading:
    slots = np.concatenate([part[0] for part in parts] or [np.zeros((0, NOTHING + 1), np.float32)])
    rows = tuple(row for row, part in enumerate(parts) for _ in part[1])
    places = tuple(place for part in parts for place in part[1])
    soft = np.maximum(slots, FLOOR)
    soft /= np.maximum(soft.sum(1, keepdims=True), 1e-9)
    return Reading(np.asarray(soft, np.float32), rows, places, way, told)
