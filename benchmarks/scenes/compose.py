# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From a spec to a clip: painted and coded once, kept in a cache outside of the repository.

clip = compose(Spec("prova", "yard", 7, 20.0, events=(…)), default_cache())
clip.main, clip.sub     access units (empty if the spec has no such rendition)
clip.truth              what was to be seen when
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import TextIO

import cv2

from benchmarks.scenes.canvas import Canvas
from benchmarks.scenes.coding import Coder, Nals, key_numbers
from benchmarks.scenes.film import Film, Sight
from benchmarks.scenes.grounds import WIDTH
from benchmarks.scenes.spec import Coding, Spec
from benchmarks.scenes.truth import (
    Camera,
    Happening,
    Seen,
    Span,
    Truth,
    from_json,
    to_json,
)
from gateway.model.errors import WireError
from gateway.model.media import AccessUnit
from gateway.model.time import ClockQuality, Moment
from gateway.wire.units import pack_many, unpack_many

NOWHEN = Moment(0.0, 0, ClockQuality.EXERCISE)
_PICTURE_PX = 1280, 720
"""Size in which a spec without any rendition would be painted."""
_FILES = ("main.bin", "sub.bin", "truth.json")
_MANIFEST = "manifest.json"
_LIBRARIES = ("numpy", "opencv-python-headless", "av")
_DRAWN_BY = ("greenery.py", "masonry.py", "paint.py", "people.py", "perspective.py",
             "scene_gate.py", "scene_pharmacy.py", "scene_square.py", "cars.py")  # fmt: skip
_KEPT_DAYS = 14

Progress = Callable[[float], None]
"""Gets the share that is done, 0..1."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A composed clip; times in its units count from zero, moments mean nothing."""

    spec: Spec
    main: tuple[AccessUnit, ...]
    sub: tuple[AccessUnit, ...]
    """The same pictures, small."""
    truth: Truth


def default_cache() -> Path:
    """Return the folder that all share: `VARCO_SCENES`, else one of the user's cache folder."""
    named = os.environ.get("VARCO_SCENES")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "varco-scenes"


def compose(spec: Spec, folder: Path, progress: Progress = lambda _: None) -> Clip:
    """Return a clip, from the cache in `folder` if it is there unharmed, else made now.

    KeyError for an unknown ground, FileNotFoundError for one whose footage is missing. Takes
    about 10 ms of CPU time a picture at 640 x 360, 50 ms at 1080p with both renditions.
    """
    place = _place(folder, spec)
    clip = _load(place, spec)
    if clip is None:
        clip = _made(spec, folder, progress)
        _save(place, clip)
    progress(1.0)
    return clip


def compose_all(specs: Sequence[Spec], folder: Path, *, workers: int = 1) -> list[Clip]:
    """Return several clips; a bar on standard error tells how far it is if that is a terminal.

    What is missing is made in `workers` processes.
    """
    missing = [one for one in specs if not (_place(folder, one) / _MANIFEST).exists()]
    bar = Bar(sys.stderr, sum(one.pictures for one in missing))
    if workers > 1 and len(missing) > 1:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            jobs = {pool.submit(make, one, folder): one for one in missing}
            for job, one in jobs.items():
                job.result()
                bar.add(one.pictures, one.name)
    clips = [compose(one, folder, bar.within(one) if one in missing else _silent) for one in specs]
    bar.end()
    return clips


def make(spec: Spec, folder: Path) -> None:
    """Have a clip in the cache; runs in a process of its own."""
    cv2.setNumThreads(1)
    compose(spec, folder)


def _silent(_: float) -> None:
    return None


class Bar:
    """One line that fills; silent into a pipe."""

    def __init__(self, stream: TextIO, total: int) -> None:
        """`total`: of whatever is counted."""
        self._stream, self._total = stream, max(1, total)
        self._done = 0.0
        self._begun_s = time.monotonic()
        self._said_s = 0.0
        self._shown = stream.isatty() and total > 0
        self._lock = threading.Lock()

    def add(self, count: float, what: str) -> None:
        """Note that so much more is done."""
        with self._lock:
            self._done = min(self._done + count, self._total)
            now_s = time.monotonic()
            if not self._shown or now_s - self._said_s < 0.2:
                return
            self._said_s = now_s
            share = self._done / self._total
            left_s = (now_s - self._begun_s) * (1 - share) / max(share, 1e-3)
            filled = "█" * round(30 * share)
            line = f"\r\x1b[K{filled:░<30} {share:4.0%} {left_s:5.0f} s left  {what}"
            self._stream.write(line)
            self._stream.flush()

    def within(self, spec: Spec) -> Progress:
        """Return what counts one clip's pictures."""
        before = 0.0

        def tell(share: float) -> None:
            nonlocal before
            self.add((share - before) * spec.pictures, spec.name)
            before = share

        return tell

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


@lru_cache(maxsize=1)
def content_key() -> str:
    """Return what all clips depend on besides their specs, 8 hexadecimal digits."""
    here = Path(__file__).parent
    painters = here.parents[1] / "gateway" / "simulator"
    files = [*sorted(here.glob("*.py")), *(painters / name for name in _DRAWN_BY)]
    state = hashlib.sha256()
    for one in files:
        if one.name not in {"catalogue.py", "reel.py", "__init__.py"}:
            state.update(one.name.encode() + b"\0" + one.read_bytes())
    for library in _LIBRARIES:
        state.update(f"{library} {version(library)}\0".encode())
    return state.hexdigest()[:8]


def _place(folder: Path, spec: Spec) -> Path:
    return folder / f"{spec.name}-{spec.key()}-{content_key()}"


def _made(spec: Spec, folder: Path, progress: Progress) -> Clip:
    """Paint and code it."""
    wanted = [one for one in (spec.main, spec.sub) if one is not None]
    film = Film(spec, wanted[0].size_px if wanted else _PICTURE_PX, folder)
    strips = [_Strip(one, spec) for one in wanted]
    sights: list[tuple[Sight, ...]] = []
    for number in range(spec.pictures):
        canvas, seen = film.picture(number)
        sights.append(seen)
        for strip in strips:
            strip.add(canvas.scaled(strip.coding.size_px), number)
        if number % 25 == 0:
            progress(number / spec.pictures)
    units = [strip.units() for strip in strips]
    main = units[0] if spec.main is not None else ()
    sub = units[-1] if spec.sub is not None else ()
    return Clip(spec, main, sub, truth_of(spec, film, sights))


class _Strip:
    """One rendition that is being coded."""

    def __init__(self, coding: Coding, spec: Spec) -> None:
        self.coding = coding
        self._fps = spec.fps
        self._keys = frozenset(key_numbers(coding, spec.pictures, spec.seed))
        self._coder = Coder(coding, spec.fps)
        self._coded: list[Nals] = []

    def add(self, canvas: Canvas, number: int) -> None:
        self._coded += self._coder.code(canvas, key=number in self._keys)

    def units(self) -> tuple[AccessUnit, ...]:
        coded = [*self._coded, *self._coder.flush()]
        return tuple(
            unit_of(nals, number, self._fps, self.coding, key=number in self._keys)
            for number, nals in enumerate(coded)
        )


def unit_of(nals: Nals, number: int, fps: int, coding: Coding, *, key: bool) -> AccessUnit:
    """Return a picture's access unit, its time counted from picture 0."""
    return AccessUnit(number * 90_000 // fps, key, nals, NOWHEN, NOWHEN, coding.codec)


def truth_of(spec: Spec, film: Film, sights: Sequence[tuple[Sight, ...]]) -> Truth:
    """Return the truth of a clip from what was seen in each of its pictures."""
    lens = film.ground.lens
    return Truth(
        spec.name,
        spec.ground,
        spec.fps,
        spec.pictures,
        Camera(lens.focal_px / WIDTH, lens.height_m, lens.pitch_rad),
        film.ground.zone,
        tuple(_happenings(spec, sights)),
        (
            *(Span(one.kind, one.begin_s, one.end_s) for one in spec.disturbances),
            *(Span(one.kind, one.begin_s, one.end_s) for one in spec.tamperings),
        ),
    )


def _happenings(spec: Spec, sights: Sequence[tuple[Sight, ...]]) -> Iterator[Happening]:
    """Yield the events that could be seen at all."""
    for position, event in enumerate(spec.events):
        seen = tuple(
            Seen(number, one.box, one.x_m, one.z_m)
            for number, some in enumerate(sights)
            for one in some
            if one.event == position
        )
        if seen:
            begin_s, end_s = seen[0].picture / spec.fps, (seen[-1].picture + 1) / spec.fps
            name = f"{spec.name}/{position}"
            yield Happening(
                name, event.shape, event.act, event.speed_m_s, event.distance_m, begin_s, end_s,
                seen,
            )  # fmt: skip


def _load(place: Path, spec: Spec) -> Clip | None:
    """Return the clip of a folder; None if it is not there or any byte of it has changed."""
    try:
        digests = json.loads((place / _MANIFEST).read_bytes())
        parts = [(place / name).read_bytes() for name in _FILES]
        if digests != [_digest(one) for one in parts]:
            return None
        os.utime(place)
        main, sub = (tuple(unpack_many(one)) for one in parts[:2])
        return Clip(spec, main, sub, from_json(parts[2]))
    except (OSError, ValueError, WireError):
        return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _save(place: Path, clip: Clip) -> None:
    """Put a clip in its place at once; if another process was quicker, its clip stays."""
    place.parent.mkdir(parents=True, exist_ok=True)
    parts = [pack_many(clip.main), pack_many(clip.sub), to_json(clip.truth)]
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=place.parent))
    try:
        for name, data in zip(_FILES, parts, strict=True):
            (fresh / name).write_bytes(data)
        (fresh / _MANIFEST).write_text(json.dumps([_digest(one) for one in parts]))
        _clear(place.parent)
        try:
            fresh.rename(place)
        except OSError:
            if _load(place, clip.spec) is None:
                shutil.rmtree(place, ignore_errors=True)
                fresh.rename(place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _clear(folder: Path) -> None:
    """Throw away what nobody has read for two weeks."""
    for old in folder.glob("*-*-*"):
        try:
            stale = time.time() - old.stat().st_mtime > _KEPT_DAYS * 86_400
        except OSError:
            continue
        if stale and old.is_dir():
            shutil.rmtree(old, ignore_errors=True)
