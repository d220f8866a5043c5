# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Composed footage, replayed in worker processes: events, quiet hours, tampering."""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import cv2

from benchmarks.lab import replaying
from benchmarks.lab.replaying import Mode, Seen
from benchmarks.lab.scoring import Score, Tampered, tampered
from benchmarks.scenes.compose import Bar, compose
from benchmarks.scenes.reel import Reel
from benchmarks.scenes.spec import Spec
from gateway.model.registry import Analytic

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """One replay."""

    spec: Spec
    mode: Mode
    folder: Path
    """Where clips and backgrounds are kept."""


@dataclass(slots=True)
class Quiet:
    """What was made of footage in which nothing happened."""

    hours: float = 0.0
    cameras: int = 0
    alarms: list[str] = field(default_factory=list)
    """Camera, ground, second and disturbances of each false alarm."""
    tamper_false: int = 0
    units: int = 0
    extra: int = 0
    """Pictures decoded beyond key pictures."""
    failures: int = 0

    @property
    def per_day(self) -> float | None:
        """False alarms per armed camera and 24 h; None of no footage."""
        return len(self.alarms) * 24 / self.hours if self.hours else None

    @property
    def duty(self) -> float | None:
        """Share of the pictures between key pictures that were decoded for nothing."""
        return self.extra / self.units if self.units else None

    def add(self, other: "Quiet") -> None:
        """Add another camera's footage."""
        self.hours += other.hours
        self.cameras += other.cameras
        self.alarms += other.alarms
        self.tamper_false += other.tamper_false
        self.units += other.units
        self.extra += other.extra
        self.failures += other.failures


def events(job: Job) -> Score:
    """Compose a clip with events and return how they were found."""
    score = Score()
    cv2.setNumThreads(1)
    clip = compose(job.spec, job.folder)
    seen = replaying.run(replaying.grouped(clip.sub), clip.truth.zone, job.mode)
    score.add(clip.truth, seen)
    return score


def quiet(job: Job) -> Quiet:
    """Replay quiet footage and return what was raised."""
    return of_quiet(job.spec, _replayed(job))


def of_quiet(spec: Spec, seen: Seen) -> Quiet:
    """Return what a replay of quiet footage showed."""
    false = [one for one in seen.alarms if one.analytic is not Analytic.TAMPER]
    return Quiet(
        spec.length_s / 3600,
        1,
        [f"{spec.name} {spec.ground} {one.captured_s:.0f} s: {_during(spec, one.captured_s)}"
         for one in false],
        len(seen.alarms) - len(false),
        seen.units - seen.keys,
        max(0, seen.decoded - seen.keys),
        seen.failures,
    )  # fmt: skip


def _during(spec: Spec, second: float) -> str:
    kinds = [
        one.kind.value for one in spec.disturbances if one.begin_s - 2 <= second < one.end_s + 2
    ]
    return "+".join(sorted({*kinds})) or "calm"


def tampering(job: Job) -> Tampered:
    """Replay a clip with a tampering and return how it was found."""
    return tampered(job.spec, _replayed(job))


def benign(job: Job) -> int:
    """Replay a clip that only looks like tampering; return how often it was taken for it."""
    return sum(one.analytic is Analytic.TAMPER for one in _replayed(job).alarms)


def _replayed(job: Job) -> Seen:
    cv2.setNumThreads(1)
    reel = Reel(job.spec, job.folder)
    return replaying.run(reel.groups(), reel.film.ground.zone, job.mode)


def all_of(work: Callable[[Job], T], jobs: Sequence[Job], workers: int) -> Iterator[T]:
    """Yield what the jobs give, as they end; each runs in another process, so many at once."""
    bar = Bar(sys.stderr, len(jobs))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(work, job): job for job in jobs}
        for done in as_completed(waiting):
            bar.add(1, waiting[done].spec.name)
            yield done.result()
    bar.end()
