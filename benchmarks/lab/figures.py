# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From measurements to one JSON object and one table for people."""

import argparse
import json
import math
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]

Figure = int | float | str | bool | list["Figure"] | dict[str, "Figure"] | None
Row = tuple[str, str]
"""What a person reads: a name, and a value with its unit."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the command line asked for."""

    quick: bool
    json: Path | None
    extra: argparse.Namespace


@dataclass(slots=True)
class Report:
    """Everything that one benchmark has to say."""

    name: str
    plan: Plan
    rounds: int
    figures: dict[str, Figure] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    not_like_for_like: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Figure]:
        """Return the JSON object (evidence: keys that every benchmark has, then its own)."""
        return {
            "benchmark": self.name,
            "commit": commit(),
            "machine": machine(),
            "rounds": self.rounds,
            "quick": self.plan.quick,
            "not_like_for_like": list[Figure](self.not_like_for_like),
            "skipped": list[Figure](self.skipped),
            **self.figures,
        }

    def publish(self) -> None:
        """Print the table and write the JSON object where it was asked for."""
        document = self.document()
        print(table(f"{self.name} ({'quick' if self.plan.quick else 'full'})", self.rows))
        for line in self.not_like_for_like:
            print(f"  not like for like: {line}")
        for line in self.skipped:
            print(f"  skipped: {line}")
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        if self.plan.json is None:
            print(text, end="")
        else:
            self.plan.json.write_text(text, encoding="utf-8")


def parser(name: str, purpose: str | None) -> argparse.ArgumentParser:
    """Return the command line that all benchmarks share."""
    made = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=purpose)
    made.add_argument("--quick", action="store_true", help="at most 90 s: fewer rounds")
    made.add_argument("--json", type=Path, metavar="FILE", help="where the JSON object goes")
    return made


def plan_of(options: argparse.Namespace) -> Plan:
    """Return what was asked for."""
    return Plan(options.quick, options.json, options)


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the nearest-rank percentile; None of nothing."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


def median(values: Sequence[float]) -> float | None:
    """Return the median; None of nothing."""
    if not values:
        return None
    ranked = sorted(values)
    middle = len(ranked) // 2
    return ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2


def rounded(value: float | None, digits: int = 3) -> float | None:
    """Return a figure without digits that mean nothing."""
    return None if value is None else round(value, digits)


def written(value: float | None, unit: str, digits: int = 2) -> str:
    """Return a figure as people read it."""
    return "not measured" if value is None else f"{value:,.{digits}f} {unit}".rstrip()


def table(title: str, rows: Sequence[Row]) -> str:
    """Return an aligned table."""
    width = max((len(name) for name, _ in rows), default=0)
    lines = [title, "-" * len(title), *(f"{name:<{width}}  {value}" for name, value in rows)]
    return "\n".join(lines)


def commit() -> str:
    """Return the commit that was measured, marked if files differ from it."""
    try:
        name = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=normal")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{name}-dirty" if changed else name


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def machine() -> dict[str, Figure]:
    """Return what it ran on, and how busy that was with other things when asked."""
    return {
        "cpu": _named("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_1_min": round(os.getloadavg()[0], 2),
    }


def _named(path: str, name: str) -> str:
    """Return the first value of `name : value` in a file of /proc."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in pairs if key.strip() == name), "")


def filesystem(path: Path) -> str:
    """Return the type of the file system that holds `path`, "" if it cannot be told."""
    best, kind = "", ""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    for line in mounts:
        _, point, name, *_ = line.split(" ")
        inside = path.resolve().is_relative_to(point)
        if inside and len(point) >= len(best):
            best, kind = point, name
    return kind


def ratio(theirs: float | None, ours: float | None) -> float | None:
    """Return how many times cheaper ours is; None if one of the two is missing."""
    return theirs / ours if theirs is not None and ours else None


def flat(document: Mapping[str, Figure], prefix: str = "") -> dict[str, Figure]:
    """Return nested objects as `outer.inner`, the way the list of evidence names them."""
    out: dict[str, Figure] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            out |= flat(value, f"{prefix}{key}.")
        else:
            out[prefix + key] = value
    return out
