# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Whether an alarm gets there, whatever is killed, cut or switched off on its way.

Real processes, killed from outside with SIGKILL at random moments of a seed: a box (outbox,
courier), mosquitto with the configuration that we ship, and a room (inbox); then a whole edge and
a whole room, from the pixels of a camera to an operator's stream. What counts is written down by
whoever is not killed, or on a disk that the killed process does not own any more.
"""

import json
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.lab import killing, killing_pixels, outage
from benchmarks.lab.boxes import BoxError
from benchmarks.lab.figures import Figure, Report, parser, percentile, plan_of, rounded, written
from benchmarks.lab.killing import Outcome, Site, Storm
from benchmarks.lab.killing_pixels import Seen
from benchmarks.lab.network import LabError, lab
from benchmarks.lab.outage import Outage
from benchmarks.lab.process import ChildError

CUT_LATEST_S = 20.0
"""For each power cut, on a machine that does other things too; it takes a third of a second."""
PARTS = ("kills", "backlog", "broker", "link", "power", "pixels")
MEMORY = Path("/dev/shm")
MOST_IN_OPEN = 0.05
"""Share of the incidents that may be told by an alarm that was still open."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much of everything."""

    storm: Storm
    pixels: killing_pixels.Load
    outage: outage.Load
    cuts: int
    """Of the power."""


QUICK = Load(
    Storm(alarms=1_000, kills=10, rate=80, steady_s=3.0),
    killing_pixels.Load(cameras=5, visits=1, kill_s=2.5, room_kills=0),
    outage.Load(backlog=2_000, lte_s=5.0, cut_s=6.0, deaths=1),
    cuts=30,
)
FULL = Load(
    Storm(alarms=20_000, kills=300, rate=100, steady_s=20.0, pause_s=(0.3, 1.6)),
    killing_pixels.Load(cameras=16, visits=13, kill_s=4.0, room_kills=3),
    outage.Load(backlog=12_000, lte_s=30.0, cut_s=15.0, deaths=3),
    cuts=250,
)
LONG = Load(
    Storm(alarms=100_000, kills=1_000, rate=150, steady_s=60.0),
    killing_pixels.Load(cameras=10, visits=60, kill_s=4.0, room_kills=10),
    outage.Load(backlog=30_000, lte_s=120.0, cut_s=15.0, deaths=10),
    cuts=1_000,
)


@dataclass(slots=True)
class Power:
    """What power cuts did to the disk of a box."""

    cuts: int
    alarms: int
    lost: int
    broken: int


@dataclass(slots=True)
class Found:
    """Everything that was measured; None: it was not."""

    storm: Outcome | None = None
    pixels: Seen | None = None
    outage: Outage = field(default_factory=Outage)
    power: Power | None = None
    skipped: list[str] = field(default_factory=list)


def main() -> int:
    """Measure, print, write; 1 if anything was lost."""
    options = _parser().parse_args()
    plan = plan_of(options)
    load = QUICK if plan.quick else LONG if options.long else FULL
    found = Found()
    with tempfile.TemporaryDirectory(prefix="varco-alarms-") as name:
        measure(Path(name), load, found, options.parts)
    report(Report("alarms", plan, 1), load, found)
    return int(lost(found) > 0)


def _parser() -> ArgumentParser:
    made = parser("alarms", __doc__)
    made.add_argument("--long", action="store_true", help="100,000 alarms, 1,000 kills")
    made.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="measure only these")
    return made


def measure(folder: Path, load: Load, found: Found, wanted: Sequence[str]) -> None:
    """Measure one part after the other; one that cannot be run is said, and the next one is."""

    def storm() -> None:
        found.storm = killing.rage(Site(folder / "storm"), load.storm)

    def pixels() -> None:
        with lab() as made:
            found.pixels = killing_pixels.watch(made, folder / "pixels", load.pixels)

    def far() -> None:
        with lab() as made:
            outage.mobile(made, Site(folder / "far"), load.outage, found.outage)

    def power() -> None:
        found.power = cut_power(load.cuts)

    parts: dict[str, Callable[[], None]] = {
        "kills": storm,
        "backlog": lambda: outage.drain(Site(folder / "drain"), load.outage, found.outage),
        "broker": lambda: outage.deaths(Site(folder / "death"), load.outage, found.outage),
        "link": far,
        "power": power,
        "pixels": pixels,
    }
    for name, part in parts.items():
        if name not in wanted:
            found.skipped.append(f"{name}: not asked for")
            continue
        print(f"{time.strftime('%H:%M:%S')} {name} …", file=sys.stderr, flush=True)
        try:
            part()
        except (LabError, BoxError, ChildError) as error:
            found.skipped.append(f"{name}: {_short(str(error))}")


def _short(words: str) -> str:
    """Return the end of what a process said, without frames."""
    lines = [one.strip(" |+-") for one in words.splitlines()]
    said = [one for one in lines if one] or [words]
    return said[0][:200] if len(said) == 1 else f"{said[0][:80]} … {said[-1][:200]}"


def cut_power(cuts: int, *words: str) -> Power:
    """Cut the power so often, in a process of its own; LabError where SQLite cannot be watched."""
    place = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="varco-power-", dir=place) as name:
        command = [sys.executable, "-m", "benchmarks.lab.power", name, str(cuts), "1", *words]
        bound_s = 60 + CUT_LATEST_S * cuts
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False,
                timeout=bound_s,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise LabError(f"{cuts} cuts were not done within {bound_s:g} s") from None
    if done.returncode or not done.stdout:
        raise LabError(f"the process ended with {done.returncode}")
    answer = json.loads(done.stdout)
    if "skipped" in answer:
        raise LabError(answer["skipped"])
    return Power(**answer)


def lost(found: Found) -> int:
    """Return everything that was promised, or seen by a camera, and got nowhere."""
    return (
        (found.storm.lost if found.storm else 0)
        + found.outage.lost
        + (_untold(found.pixels) if found.pixels else 0)
        + (found.power.lost if found.power else 0)
    )


def _untold(seen: Seen) -> int:
    """Return the incidents of which nobody was told.

    An alarm that was still open and unanswered when the next incident began tells of that one too;
    but as a habit it would be none: beyond MOST_IN_OPEN of all it counts as lost.
    """
    most = max(1, int(seen.incidents * MOST_IN_OPEN))
    return seen.lost + max(0, seen.in_open_alarm - most)


def report(made: Report, load: Load, found: Found) -> None:
    """Say it all."""
    storm, pixels, out, power = found.storm, found.pixels, found.outage, found.power
    made.skipped = found.skipped
    made.figures = {
        "alarms": storm.alarms if storm else None,
        "kills": sum(storm.kills.values()) if storm else None,
        "kills_of": dict[str, Figure](storm.kills) if storm else None,
        "seed": load.storm.seed,
        "lost_after_commit": _lost_committed(found),
        "incidents": pixels.incidents if pixels else None,
        "lost_pixel_to_screen": pixels.lost if pixels else None,
        "incidents_in_open_alarm": pixels.in_open_alarm if pixels else None,
        "incidents_with_two_alarms": pixels.twice if pixels else None,
        "alarms_without_incident": pixels.untrue if pixels else None,
        "child_kills": pixels.child_kills if pixels else None,
        "room_kills": pixels.room_kills if pixels else None,
        "screen_s_p50": rounded(percentile(pixels.screen_s, 50)) if pixels else None,
        "screen_s_p95": rounded(percentile(pixels.screen_s, 95)) if pixels else None,
        "shown_twice": _shown_twice(found),
        "duplicates_wire": {
            "steady": rounded(storm.steady_share, 4) if storm else None,
            "storm": rounded(storm.storm_share, 4) if storm else None,
        },
        "settled_s": rounded(storm.settled_s) if storm else None,
        "backlog": out.backlog or None,
        "drain_per_s": rounded(out.drain_per_s, 0),
        "drain_s": rounded(out.drain_s),
        "dead_broker_noticed_s": rounded(max(out.noticed_s, default=None)),
        "lte": {
            "alarms": out.carried,
            "p50_s": rounded(percentile(out.latencies_s, 50)),
            "p99_s": rounded(percentile(out.latencies_s, 99)),
            "duplicates_wire": rounded(out.copies / out.carried, 4) if out.carried else None,
            "cut_s": load.outage.cut_s,
            "cut_noticed_s": rounded(out.cut_noticed_s),
            "caught_up_s": rounded(out.caught_up_s),
        },
        "power_cuts": power.cuts if power else None,
        "power_cut_alarms": power.alarms if power else None,
        "power_cut_lost": power.lost if power else None,
        "power_cut_broken": power.broken if power else None,
    }
    made.rows = rows(load, found)
    made.not_like_for_like = remarks(load, found)
    made.publish()


def rows(load: Load, found: Found) -> list[tuple[str, str]]:
    """Return the table for people."""
    storm, pixels, out, power = found.storm, found.pixels, found.outage, found.power
    killed = _kills(storm.kills) if storm else ""
    return [
        (f"alarms promised under kills{killed}", _count(storm.alarms if storm else None)),
        ("  lost after commit, outages included", _count(_lost_committed(found))),
        ("  shown twice", _count(_shown_twice(found))),
        ("  again on the wire: steady", _share(storm.steady_share if storm else None)),
        ("  again on the wire: in the storm", _share(storm.storm_share if storm else None)),
        ("from pixel to screen: incidents", _count(pixels.incidents if pixels else None)),
        ("  lost", _count(pixels.lost if pixels else None)),
        (
            "  told by an alarm that was still open",
            _count(pixels.in_open_alarm if pixels else None),
        ),
        ("  children killed", _count(pixels.child_kills if pixels else None)),
        ("  first picture → screen, p95", written(percentile(_screen_s(pixels), 95), "s")),
        (f"backlog of {out.backlog}: drained at", written(out.drain_per_s, "/s", 0)),
        ("  all there after the broker's return", written(out.drain_s, "s")),
        ("dead broker noticed, most", written(max(out.noticed_s, default=None), "s")),
        ("mobile link: raised → inbox, p50", written(percentile(out.latencies_s, 50), "s")),
        ("mobile link: raised → inbox, p99", written(percentile(out.latencies_s, 99), "s")),
        (f"  caught up after a cut of {load.outage.cut_s:.0f} s", written(out.caught_up_s, "s")),
        ("power cuts", _count(power.cuts if power else None)),
        ("  alarms committed before them", _count(power.alarms if power else None)),
        ("  lost", _count(power.lost if power else None)),
        ("  databases damaged", _count(power.broken if power else None)),
    ]


def _lost_committed(found: Found) -> int | None:
    return found.storm.lost + found.outage.lost if found.storm else None


def _shown_twice(found: Found) -> int | None:
    if found.storm is None:
        return None
    return found.storm.shown_twice + (found.pixels.shown_twice if found.pixels else 0)


def _kills(kills: Counter[str]) -> str:
    return f", {sum(kills.values())} (" + ", ".join(f"{k} {n}" for k, n in kills.items()) + ")"


def _screen_s(pixels: Seen | None) -> list[float]:
    return pixels.screen_s if pixels else []


def _count(number: int | None) -> str:
    return "not measured" if number is None else f"{number:,}"


def _share(share: float | None) -> str:
    return "not measured" if share is None else f"{share:.1%}"


def remarks(load: Load, found: Found) -> list[str]:
    """Return what is not as in the field."""
    said = [
        "box, broker, room, link and whoever kills them share the same cores",
        "under kills and on the link a small process raises alarms with the real outbox, courier "
        "and inbox: a whole gateway raises them only at the pace of its cameras",
        "the broker has the configuration that we ship, without its TLS, on addresses of the test",
        "SIGKILL leaves the kernel's caches: what a lost power does is measured apart, on a "
        "simulated disk that keeps all, nothing or some sectors of each write that was not synced",
        "the simulated disk does not doubt that a file exists, only what is in it",
        "again on the wire: messages that the inbox has taken more than once, of the alarms that "
        "came meanwhile; the first seconds, before anybody listens, are not counted",
        "alarms come and do not end here: an end is a second message of the same kind",
        "2 % loss of single packets is harsher than LTE, whose radio layer repeats them itself",
        "the camera is drawn: somebody dark walks past a textured wall for five seconds",
        "an incident that began while the last alarm of its camera was open and unanswered counts "
        "as told by that one, and is counted apart; more than one in twenty of them is a loss",
        "drained at: over the time in which the backlog came in; the time until the box dials "
        "again is in the line below",
    ]
    if load is QUICK:
        said.append(
            f"{load.storm.kills} kills, not {FULL.storm.kills}; {load.cuts} power cuts, not "
            f"{FULL.cuts}; the link is cut for {load.outage.cut_s:.0f} s, not "
            f"{FULL.outage.cut_s:.0f}"
        )
    if found.storm and found.storm.never_promised:
        said.append(
            f"{found.storm.never_promised} alarms arrived whose box was killed between its commit "
            "and its promise"
        )
    return said


if __name__ == "__main__":
    sys.exit(main())
