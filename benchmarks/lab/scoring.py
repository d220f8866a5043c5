# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What an analysis is worth: its alarms beside the truth of composed and of labelled footage. Pure.

An event counts for as long as it stands in the guarded zone. It is found if an intrusion was raised
from a picture taken meanwhile, or within a second afterwards; whatever else was raised is false.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.lab.recipe import RecipeMotion
from benchmarks.lab.replaying import Seen
from benchmarks.scenes.canvas import Plane, plane
from benchmarks.scenes.spec import Spec, Tamper
from benchmarks.scenes.truth import Truth
from gateway.analytics.motion import MotionModel
from gateway.model.registry import Analytic

SHORT_S, LONG_S = 1.0, 3.0
"""An event of less than the first is none; from the second on it is a long one."""
_BEFORE_S, _AFTER_S = 0.2, 1.0
_FRINGE_S = 2.0
"""Around an event that can be seen, outside of the zone too, an alarm is not false."""
FIRST_LABELLED = 470
_SHADOW, _OUTSIDE, _UNKNOWN, _MOVING = 50, 85, 170, 255
"""CDnet's labels."""


@dataclass(slots=True)
class Score:
    """Of some clips together."""

    long: list[bool] = field(default_factory=list)
    """Of each event of at least 3 s: whether it was found."""
    short: list[bool] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    wake_s: list[float] = field(default_factory=list)
    """From the begin of an event to the newest picture looked at when motion was seen in it."""
    alarm_s: list[float] = field(default_factory=list)
    stray: int = 0
    """Alarms beside all events."""
    tamper_false: int = 0

    def add(self, truth: Truth, seen: Seen) -> None:
        """Add what was made of one clip."""
        raised = [one for one in seen.alarms if one.analytic is Analytic.INTRUSION]
        self.tamper_false += sum(one.analytic is Analytic.TAMPER for one in seen.alarms)
        for one in truth.happenings:
            span = one.inside(truth.zone, truth.fps)
            if span is None or span[1] - span[0] < SHORT_S:
                continue
            begin_s, end_s = span[0] - _BEFORE_S, span[1] + _AFTER_S
            found = [told for told in raised if begin_s <= told.captured_s <= end_s]
            (self.long if span[1] - span[0] >= LONG_S else self.short).append(bool(found))
            if found:
                self.alarm_s.append(max(0.0, found[0].known_s - span[0]))
            else:
                lasted_s = span[1] - span[0]
                self.missed.append(f"{one.name} {one.shape.value} {one.act.value} {lasted_s:.1f} s")
            woken = [known for at_s, known in seen.stirs_s if begin_s <= at_s <= end_s]
            if woken:
                self.wake_s.append(max(0.0, min(woken) - span[0]))
        self.stray += sum(not _is_expected(truth, told.captured_s) for told in raised)


def _is_expected(truth: Truth, second: float) -> bool:
    return any(
        one.begin_s - _FRINGE_S <= second <= one.end_s + _FRINGE_S for one in truth.happenings
    )


def share(found: Sequence[bool]) -> float | None:
    """Return how many of some were found, 0..1; None of none."""
    return sum(found) / len(found) if found else None


@dataclass(frozen=True, slots=True)
class Tampered:
    """What became of one tampering."""

    kind: Tamper
    found_s: float | None
    """Seconds of film from its begin until it was known; None: never."""
    said: str
    """The word of the alarm."""
    early: int
    """Alarms of the same rule before anything was done."""


def tampered(spec: Spec, seen: Seen) -> Tampered:
    """Return how a clip's first tampering was found."""
    done = spec.tamperings[0]
    raised = [one for one in seen.alarms if one.analytic is Analytic.TAMPER]
    after = [one for one in raised if one.captured_s >= done.begin_s]
    found_s = after[0].known_s - done.begin_s if after else None
    said = after[0].detail if after else ""
    return Tampered(done.kind, found_s, said, len(raised) - len(after))


# pixels of labelled footage --------------------------------------------------------------------


@dataclass(slots=True)
class Pixels:
    """Pixels that were said to move, rightly and not, and those that were passed over."""

    right: int = 0
    wrong: int = 0
    passed: int = 0

    def add(self, mask: Plane, label: Plane) -> None:
        """Compare one picture; both uint8 of one shape, `label` with CDnet's values."""
        counts = (label != _OUTSIDE) & (label != _UNKNOWN)
        moving, said = label == _MOVING, mask > 0
        self.right += int((said & moving & counts).sum())
        self.wrong += int((said & ~moving & counts).sum())
        self.passed += int((~said & moving & counts).sum())

    @property
    def fmeasure(self) -> float:
        """Harmonic mean of precision and recall."""
        whole = 2 * self.right + self.wrong + self.passed
        return 2 * self.right / whole if whole else 0.0


def highway(folder: Path) -> tuple[Pixels, Pixels]:
    """Return the pixels of CDnet's sequence: by our model alone, and by the recipe's."""
    ours, recipe = MotionModel(), RecipeMotion()
    found = Pixels(), Pixels()
    for number, luma, label in _labelled(folder):
        mine = ours.step(luma).moving
        if number % 6 == 0:
            recipe.step(luma)
        if number < FIRST_LABELLED or label is None:
            continue
        found[0].add(_sized(mine, label), label)
        if number % 6 == 0:
            found[1].add(_sized(recipe.mask, label), label)
    return found


def _labelled(folder: Path) -> Iterator[tuple[int, Plane, Plane | None]]:
    for picture in sorted((folder / "input").glob("*.jpg")):
        number = int("".join(filter(str.isdigit, picture.stem)))
        label = folder / "groundtruth" / f"gt{number:06d}.png"
        yield number, _grey(picture), _grey(label) if number >= FIRST_LABELLED else None


def _grey(path: Path) -> Plane:
    found = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if found is None:
        raise FileNotFoundError(path)
    return plane(found)


def _sized(mask: NDArray[np.uint8], like: Plane) -> Plane:
    size = (like.shape[1], like.shape[0])
    return plane(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST))


def united(scores: Iterable[Score]) -> Score:
    """Return several scores as one."""
    whole = Score()
    for one in scores:
        whole.long += one.long
        whole.short += one.short
        whole.missed += one.missed
        whole.wake_s += one.wake_s
        whole.alarm_s += one.alarm_s
        whole.stray += one.stray
        whole.tamper_false += one.tamper_false
    return whole
