# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What watching costs: our watch and the usual recipe, on the same real RTSP streams.

One server process plays streams with a stated share of activity; arms pull them, one at a time or
side by side, and their CPU time is read from the kernel: of every process that an arm needs.
"""

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lab import process
from benchmarks.lab.process import Child, ChildError
from benchmarks.scenes import catalogue
from benchmarks.scenes.compose import compose
from benchmarks.scenes.spec import MAIN, SUB
from gateway.model.registry import Point
from gateway.wire.units import pack_many

OURS, RECIPE = "ours", "recipe"
RECIPE_PX = {"main": (1280, 720), "sub": (640, 360)}
"""What the recipe scales to: its usual size for the main stream, the sub stream as it is."""
LEAST_SHARE = 0.95
"""A row counts only if so many of the pictures due were looked at or passed over knowingly."""
SETTLE_S = 10.0
"""Models are learnt, and ours has gone back to key pictures."""
_LIVE_S = 60.0
_FPS = 25


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to watch one rendition."""

    kind: str
    rendition: str
    activity: int
    """Per cent."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What an arm used in one window."""

    cpu_ms: float
    """Per stream-second."""
    share: float
    """Of the pictures due that came."""
    mb_per_stream: float
    duty: float | None
    """Share of all pictures that were decoded; None: all are."""
    failures: int = 0

    @property
    def counts(self) -> bool:
        """Whether it kept up."""
        return self.share >= LEAST_SHARE


@dataclass(frozen=True, slots=True)
class Stage:
    """A server that plays, and what its streams show."""

    port: int
    zone: Sequence[Point]
    streams: int


@contextmanager
def stage(cache: Path, folder: Path, streams: int) -> Iterator[Stage]:
    """Compose the streams, serve them for as long as the context lasts."""
    clip = compose(catalogue.load(catalogue.REPORT, MAIN, SUB), cache)
    files = [folder / "main", folder / "sub"]
    for path, units in zip(files, (clip.main, clip.sub), strict=True):
        path.write_bytes(pack_many(units))
    words = (str(streams), *map(str, files))
    with process.child("benchmarks.lab.scene_camera", *words) as server:
        yield Stage(server.read()["port"], clip.truth.zone, streams)


def missing() -> str:
    """Return why the recipe cannot be run here; empty: it can."""
    return "" if shutil.which("ffmpeg") else "the recipe: there is no ffmpeg"


def measure(
    made: Stage, arms: Sequence[Arm], streams: int, window_s: float
) -> dict[Arm, Cost]:  # fmt: skip
    """Return what the arms used, side by side in one window; ChildError if one does not live."""
    with ExitStack() as stack:
        children = {arm: stack.enter_context(_started(made, arm, streams)) for arm in arms}
        for child in children.values():
            child.read(_LIVE_S * 2)
        for arm, child in children.items():
            _wait_live(arm, child, streams)
        time.sleep(SETTLE_S)
        before = {arm: child.ask("count") for arm, child in children.items()}
        time.sleep(window_s)
        after = {arm: child.ask("count") for arm, child in children.items()}
    return {arm: cost(before[arm], after[arm], streams) for arm in arms}


def _started(made: Stage, arm: Arm, streams: int) -> AbstractContextManager[Child]:
    url = f"rtsp://127.0.0.1:{made.port}/{arm.activity}/{arm.rendition}"
    if arm.kind == OURS:
        words = (url, "1", json.dumps(list(made.zone)), str(streams))
        return process.child("benchmarks.lab.watch_ours", *words)
    width, height = RECIPE_PX[arm.rendition]
    words = (url, str(width), str(height), str(streams))
    return process.child("benchmarks.lab.watch_recipe", *words)


def _wait_live(arm: Arm, child: Child, streams: int) -> None:
    until_s = time.monotonic() + _LIVE_S
    while child.ask("count")["live"] < streams:
        if time.monotonic() > until_s:
            raise ChildError(f"{arm.kind} on {arm.rendition}: not all of {streams} streams came")
        time.sleep(0.25)


def cost(before: dict[str, float], after: dict[str, float], streams: int) -> Cost:
    """Return what lies between two counts of an arm."""
    spent = {name: after[name] - before[name] for name in after}
    due = spent["at_s"] * streams
    came = spent["units"] / _FPS
    return Cost(
        spent["cpu_ms"] / due,
        came / due,
        after["rss_mb"] / streams,
        spent["decoded"] / spent["units"] if "decoded" in spent and spent["units"] else None,
        int(spent.get("failures", 0) + spent.get("lost", 0)),
    )
