# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco replay FILE`: runs rules over a recording and draws what would have alarmed.

Needs no daemon, raises nothing and tells nobody. The page holds pictures of people: it is readable
by its owner alone, and is as much theirs to delete as the recording is.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gateway.assembly.plans import with_feasts
from gateway.assembly.replay import Replayed, ReplayPlan
from gateway.assembly.replay import replay as replay_recording
from gateway.cli.progress import Progress
from gateway.cli.replay_sheet import clock_of, sheet, words_of
from gateway.cli.speech import Say
from gateway.codec.pool import open_pool
from gateway.model.errors import ConfigError, PeerError, StoreError
from gateway.model.registry import Analytic, Holidays, Registry, Zone, empty_registry
from gateway.model.time import ClockQuality, Moment
from gateway.registry.seed import merge, read_seed
from gateway.runtime.clock import Clock, SystemClock

WHERE = "varco replay"
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
_BAR = 20


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What was typed."""

    file: Path
    seed: Path | None
    camera: str
    sheet: Path | None
    start: str
    """RFC 3339; empty: not known, and hours do not count."""
    as_json: bool


def replay(request: ReplayRequest, say: Say) -> int:
    """Print what would have alarmed; ConfigError, PeerError for a file that cannot be read."""
    begin, plan = _begin(request.start), _plan(request, say)
    size_bytes = _size(request.file)
    clock = SystemClock()
    progress = Progress(say, sys.stderr, clock)
    progress.tell("avvio", "starting")

    def show(used_bytes: int, shown_s: float) -> None:
        share = min(1.0, used_bytes / size_bytes)
        bar = "█" * round(share * _BAR) + "·" * (_BAR - round(share * _BAR))
        progress.tell(*(f"{bar} {share:4.0%} {clock_of(shown_s)}",) * 2)

    found = asyncio.run(_run(request.file, plan, clock, begin, _paced(clock, show)))
    progress.clear()
    if request.sheet is not None:
        _write(request.sheet, sheet(request.file.name, found, say))
    if request.as_json:
        print(json.dumps(_told(found)))
    else:
        _print(plan, found, say)
    return 0


def _paced(clock: Clock, show: Callable[[int, float], None]) -> Callable[[int, float], None]:
    """Return what shows at most four times a second: a terminal is slower than a recording."""
    last_s = clock.monotonic_s()

    def now_and_then(used_bytes: int, shown_s: float) -> None:
        nonlocal last_s
        if clock.monotonic_s() - last_s >= 0.25:  # noqa: PLR2004 - as often as an eye follows
            last_s = clock.monotonic_s()
            show(used_bytes, shown_s)

    return now_and_then


async def _run(
    path: Path,
    plan: ReplayPlan,
    clock: Clock,
    begin: Moment,
    on_progress: Callable[[int, float], None],
) -> Replayed:
    async with open_pool(1, clock=clock) as pool:
        return await replay_recording(
            path, plan, pool=pool, clock=clock, begin=begin, on_progress=on_progress
        )


def _begin(text: str) -> Moment:
    """Return when the recording begins; of one that nobody dated only spans are true."""
    if not text:
        return Moment(0.0, 0, ClockQuality.EXERCISE)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        advice = "write 2026-11-23T22:00:00+01:00"
        raise ConfigError(WHERE, "--start", f"{text!r} is no time with a zone", advice)
    return Moment(0.0, round(when.timestamp() * 1_000_000), ClockQuality.EXERCISE)


def _plan(request: ReplayRequest, say: Say) -> ReplayPlan:
    if request.seed is None:
        if request.camera:
            raise ConfigError(WHERE, "--camera", "is named without a seed", "add --seed FILE")
        whole = say("tutta l'immagine", "whole picture")
        moves = Zone("intrusione", whole, "file", WHOLE)
        tamper = Zone("manomissione", whole, "file", (), Analytic.TAMPER)
        return ReplayPlan("file", (moves, tamper))
    registry = merge(empty_registry(), read_seed(request.seed))
    camera = _camera(request, registry)
    zones = with_feasts(registry.zones_of(camera), camera, registry)
    if not zones:
        raise ConfigError(str(request.seed), f"camera[{camera}]", "has no zone", "add a [[zone]]")
    if not request.start:
        zones = tuple(map(_always, zones))
    masks = tuple(one for _, one in sorted(registry.masks.items()) if one.camera == camera)
    return ReplayPlan(camera, zones, masks)


def _camera(request: ReplayRequest, registry: Registry) -> str:
    known = sorted(registry.cameras)
    if request.camera in registry.cameras:
        return request.camera
    if not request.camera and len(known) == 1:
        return known[0]
    problem = f"{request.camera!r} is none of its cameras" if request.camera else "is missing"
    raise ConfigError(str(request.seed), "--camera", problem, f"write one of {', '.join(known)}")


def _always(zone: Zone) -> Zone:
    """Return a zone that is armed at all hours: of when it was recorded nothing is known."""
    return replace(zone, armed=(), week=(), holidays=Holidays.AS_WEEKDAYS)


def _size(path: Path) -> int:
    try:
        return max(1, path.stat().st_size)
    except OSError as error:
        raise PeerError(f"{path}: {error.strerror}") from error


def _write(path: Path, text: str) -> None:
    """Write a file that its owner alone can read."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            os.fchmod(number, 0o600)
            file.write(text)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error


def _told(found: Replayed) -> dict[str, object]:
    """Return what `--json` prints."""
    return {
        "length_s": found.length_s,
        "mode": found.watch.mode.value,
        "decoded_units": found.watch.decoded_units,
        "units": found.watch.units,
        "lost_units": found.watch.lost_units,
        "more": found.more,
        "alarms": [
            {
                "at_s": one.at_s,
                "ended_s": one.ended_s,
                "zone": one.zone.id,
                "rule": one.zone.analytic.value,
                "why_it": words_of(one, "it"),
                "why_en": words_of(one, "en"),
                "boxes": [[box.left, box.top, box.right, box.bottom] for box in one.event.boxes],
            }
            for one in found.alarms
        ],
    }


def _print(plan: ReplayPlan, found: Replayed, say: Say) -> None:
    for one in found.alarms:
        words = words_of(one, say("it", "en")) or one.zone.analytic.value
        print(f"{clock_of(one.at_s)}  {words}")
    if found.more:
        print(say(f"e altri {found.more}", f"and {found.more} more"))
    watch, count = found.watch, len(found.alarms) + found.more
    span = clock_of(found.length_s)
    print(say(f"{count} allarmi in {span}", f"{count} alarms in {span}"))
    part = watch.decoded_units / max(1, watch.units)
    print(say(f"decodificato il {part:.0%} dei fotogrammi", f"{part:.0%} of the pictures decoded"))
    if watch.lost_units:
        lost = watch.lost_units
        print(say(f"{lost} fotogrammi non visti", f"{lost} pictures not looked at"))
    for zone in plan.unseen:
        problem = say("non si vede in una registrazione", "cannot be seen in a recording")
        print(f"{zone.id}: {zone.analytic.value} {problem}")
