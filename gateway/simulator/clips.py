# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Clips of the simulated town: painted and encoded once, kept in a cache that proves itself."""

import hashlib
import json
import multiprocessing
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from gateway.codec.encode import Encoder
from gateway.model.errors import InvariantError, StoreError, WireError
from gateway.model.media import AccessUnit
from gateway.model.time import ClockQuality, Moment
from gateway.simulator.paint import HEIGHT, WIDTH, Picture
from gateway.simulator.truth import Seen, Truth, from_json, to_json
from gateway.wire.units import pack_many, unpack_many

BITRATE_KBPS = 2500
_LEAST_SUB_KBPS = 200
_PART_GOPS = 3
"""Groups of pictures per piece of work; a piece is also one step of the progress."""
_UNITS, _SUB, _TRUTH, _MANIFEST = "units.bin", "sub.bin", "truth.json", "manifest.json"
_NO_SUB = (0, 0)
_NOWHEN = Moment(0.0, 0, ClockQuality.EXERCISE)
_LIBRARIES = ("numpy", "opencv-python-headless", "av")
_SOURCES = ("gateway.simulator", "gateway.codec")

Progress = Callable[[float, str], None]
"""Gets a share done (0..1, never falling) and what is being painted; called from any thread."""


class Scene(Protocol):
    """What can be painted."""

    @property
    def fps(self) -> int:
        """Pictures a second; also the distance of key units."""
        ...

    @property
    def frames(self) -> int:
        """Length in pictures, a multiple of `fps`."""
        ...

    def draw(self, index: int) -> tuple[Picture, tuple[Seen, ...]]:
        """Return picture `index` and what is in it; the same each time, from any thread."""
        ...


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """A clip to be made."""

    camera: str
    clip: str
    build: Callable[[], Scene]
    """Importable by name: it is called in another process."""
    sub_px: tuple[int, int] = _NO_SUB
    """Width and height of a small rendition beside it; (0, 0): there is none."""

    @property
    def name(self) -> str:
        """Name of the clip's folder, without its key."""
        return f"{self.camera}-{self.clip}"


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip ready to be played; `units[0]` is a key unit, times in them mean nothing."""

    fps: int
    units: tuple[AccessUnit, ...]
    truth: Truth
    sub: tuple[AccessUnit, ...] = ()
    """The same pictures, small; key units where `units` has them. Empty if there is no such."""


def prepare(
    plans: Sequence[ClipPlan], cache: Path, progress: Progress, *, workers: int = 2
) -> dict[str, Clip]:
    """Return the clips by `ClipPlan.name`, from the cache where it holds them unharmed.

    What is missing is painted in `workers` processes. Blocks for up to a minute then: call it
    in a thread. StoreError if the cache cannot be written.
    """
    key = content_key()
    clips: dict[str, Clip] = {}
    for plan in plans:
        clip = _load(_folder(cache, plan, key), plan)
        if clip is not None:
            clips[plan.name] = clip
    missing = [plan for plan in plans if plan.name not in clips]
    if missing:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            clips |= _Studio(missing, cache, key, progress).work(workers)
        except OSError as error:
            raise StoreError(f"{cache}: {error}") from error
    progress(1.0, "")
    return clips


def content_key() -> str:
    """Return what a clip depends on as 16 hex digits: our sources and the libraries' versions."""
    state = hashlib.sha256()
    for package in _SOURCES:
        for source in sorted(files(package).iterdir(), key=lambda entry: entry.name):
            if source.name in _PAINTERS:
                state.update(source.name.encode() + b"\0" + source.read_bytes())
    for library in _LIBRARIES:
        state.update(f"{library} {version(library)}\0".encode())
    return state.hexdigest()[:16]


_PAINTERS = frozenset(
    {
        "cars.py",
        "clips.py",
        "encode.py",
        "greenery.py",
        "masonry.py",
        "paint.py",
        "people.py",
        "perspective.py",
        "plates.py",
        "scene_gate.py",
        "scene_lanes.py",
        "scene_pharmacy.py",
        "scene_port.py",
        "scene_square.py",
        "truth.py",
    }
)


def _folder(cache: Path, plan: ClipPlan, key: str) -> Path:
    return cache / f"{plan.name}-{key}"


def _load(folder: Path, plan: ClipPlan) -> Clip | None:
    """Return the clip of a folder, or None if any of its bytes is missing or changed."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_bytes())
        units, sub, truth = ((folder / name).read_bytes() for name in (_UNITS, _SUB, _TRUTH))
        if manifest["sha256"] != [_digest(one) for one in (units, sub, truth)]:
            return None
        if manifest["sub_px"] != list(plan.sub_px):
            return None
        renditions = (tuple(unpack_many(one)) for one in (units, sub))
        main, small = renditions
        return Clip(int(manifest["fps"]), main, from_json(truth), small)
    except (OSError, ValueError, KeyError, TypeError, WireError):
        return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _save(folder: Path, plan: ClipPlan, clip: Clip) -> None:
    """Put a clip in its place at once, and throw away what older code painted.

    If another process was quicker, its clip stays: it painted the same.
    """
    units, sub, truth = pack_many(clip.units), pack_many(clip.sub), to_json(clip.truth)
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        (fresh / _UNITS).write_bytes(units)
        (fresh / _SUB).write_bytes(sub)
        (fresh / _TRUTH).write_bytes(truth)
        digests = [_digest(one) for one in (units, sub, truth)]
        manifest = {"fps": clip.fps, "sub_px": plan.sub_px, "sha256": digests}
        (fresh / _MANIFEST).write_text(json.dumps(manifest))
        name, _, _ = folder.name.rpartition("-")
        for stale in folder.parent.glob(f"{name}-{'[0-9a-f]' * 16}"):
            shutil.rmtree(stale, ignore_errors=True)
        try:
            fresh.rename(folder)
        except OSError:
            if _load(folder, plan) is None:
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


class _Studio:
    """Paints clips, one process for each thread that asks; each paints whole clips."""

    def __init__(
        self, plans: Sequence[ClipPlan], cache: Path, key: str, progress: Progress
    ) -> None:
        self._waiting = deque(plans)
        self._cache, self._key = cache, key
        self._progress = progress
        self._total, self._done = len(plans), 0.0
        self._lock = threading.Lock()
        self._clips: dict[str, Clip] = {}

    def work(self, workers: int) -> Mapping[str, Clip]:
        with ThreadPoolExecutor(workers) as threads:
            for job in [threads.submit(self._worker) for _ in range(workers)]:
                job.result()
        return self._clips

    def _worker(self) -> None:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as process:
            while self._waiting:
                try:
                    plan = self._waiting.popleft()
                except IndexError:
                    return
                try:
                    clip = self._paint(plan, process)
                except BrokenProcessPool as error:
                    raise InvariantError(f"painting {plan.name}: {error}") from error
                _save(_folder(self._cache, plan, self._key), plan, clip)
                self._clips[plan.name] = clip

    def _paint(self, plan: ClipPlan, process: ProcessPoolExecutor) -> Clip:
        self._step(0.0, plan)
        fps, frames = process.submit(measures, plan.build).result()
        self._step(0.1, plan)
        units: list[AccessUnit] = []
        sub: list[AccessUnit] = []
        pictures: list[tuple[Seen, ...]] = []
        step = _PART_GOPS * fps
        for start in range(0, frames, step):
            stop = min(start + step, frames)
            part = process.submit(paint_part, plan.build, start, stop, plan.sub_px).result()
            units += unpack_many(part.units)
            sub += unpack_many(part.sub)
            pictures += from_json(part.truth).pictures
            self._step(0.9 * (stop - start) / frames, plan)
        return Clip(fps, tuple(units), Truth(tuple(pictures)), tuple(sub))

    def _step(self, share: float, plan: ClipPlan) -> None:
        with self._lock:
            self._done += share
            self._progress(min(0.999, self._done / self._total), plan.name)


@lru_cache(maxsize=1)
def _scene(build: Callable[[], Scene]) -> Scene:
    """Keep the scene that this process paints; the next one takes its place."""
    cv2.setNumThreads(1)
    return build()


def measures(build: Callable[[], Scene]) -> tuple[int, int]:
    """Return pictures a second and length of a scene; runs in a painting process."""
    scene = _scene(build)
    if scene.frames % scene.fps:
        raise InvariantError(f"a scene of {scene.frames} pictures does not end with a group")
    return scene.fps, scene.frames


@dataclass(frozen=True, slots=True)
class Part:
    """Some groups of pictures, as they travel between processes."""

    units: bytes
    sub: bytes
    """Empty without a small rendition."""
    truth: bytes
    """JSON."""


def paint_part(
    build: Callable[[], Scene], start: int, stop: int, sub_px: tuple[int, int] = _NO_SUB
) -> Part:
    """Return some groups of pictures in each rendition; runs in such a process."""
    scene = _scene(build)
    sizes = [(WIDTH, HEIGHT), sub_px] if sub_px != _NO_SUB else [(WIDTH, HEIGHT)]
    encoders = [Encoder(*size, scene.fps, scene.fps, _bitrate_kbps(size)) for size in sizes]
    coded: list[list[tuple[bytes, ...]]] = [[] for _ in sizes]
    pictures: list[tuple[Seen, ...]] = []
    for index in range(start, stop):
        picture, seen = scene.draw(index)
        for size, encoder, made in zip(sizes, encoders, coded, strict=True):
            made.extend(encoder.encode(_scaled(picture, size)))
        pictures.append(seen)
    for encoder, made in zip(encoders, coded, strict=True):
        made.extend(encoder.flush())
    packed = [pack_many(_units(made, scene.fps, start)) for made in coded]
    return Part(packed[0], b"".join(packed[1:]), to_json(Truth(tuple(pictures))))


def _bitrate_kbps(size: tuple[int, int]) -> int:
    """Return the cap of a rendition, by its share of the pixels."""
    share = size[0] * size[1] / (WIDTH * HEIGHT)
    return max(_LEAST_SUB_KBPS, round(BITRATE_KBPS * share))


def _scaled(picture: Picture, size: tuple[int, int]) -> Picture:
    if size == (WIDTH, HEIGHT):
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _units(coded: Sequence[tuple[bytes, ...]], fps: int, start: int) -> list[AccessUnit]:
    """Return access units of coded pictures; the first is number `start`."""
    step = 90_000 // fps
    return [
        AccessUnit((start + k) * step, k % fps == 0, nals, _NOWHEN, _NOWHEN)
        for k, nals in enumerate(coded)
    ]
