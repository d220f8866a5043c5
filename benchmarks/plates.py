# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How well plates are read, how often what is certain is wrong, and what reading costs.

Photographs and crops through finder, both readers and the vote, beside stock rapidocr (PP-OCRv6) by
turns; synthetic gate passages through the handler of a gate's child as coded units; a toll gate's
film labelled by eye; films without legible plates. Whatever weights lie in the package are measured
(or those of --models). Seeds of the passages are not those that anything was developed on.
"""

import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.lab import plate_passages, tollgate
from benchmarks.lab.figures import (
    ROOT,
    Figure,
    Report,
    median,
    parser,
    percentile,
    plan_of,
    ratio,
    rounded,
    written,
)
from benchmarks.lab.plate_passages import Result, Voted
from benchmarks.lab.plate_peers import Answer, Stock
from benchmarks.scenes.passages import PassageFilm, Still, Weather, spec_of
from benchmarks.scenes.plate_faces import Hand, plain
from gateway.analytics.plates import evaluate, models, sighting, vote
from gateway.analytics.plates.evaluate import Judged, Sample, Score, Tools
from gateway.analytics.plates.find import boxed, find
from gateway.analytics.plates.grammar import load as load_grammar
from gateway.codec.colour import Colour

DATA = ROOT.parent / "shared" / "data"
PARTS = ("photographs", "crops", "passages", "stills", "cost", "video", "quiet")
REPORT_SEED, DEVELOP_SEED = 90_211, 7
STILL_HEIGHTS_PX = (40, 22)


@dataclass(frozen=True, slots=True)
class Load:
    """How much of everything."""

    passages: int
    stills: int
    """For each height."""
    photographs: int
    """At most, of each folder; 0: all."""
    cost: int
    """Pictures whose cost is measured."""
    every: int
    """Of the films, one picture in so many."""


QUICK = Load(16, 16, 16, 12, 12)
FULL = Load(1200, 400, 0, 60, 1)


@dataclass(slots=True)
class Against:
    """Ours and the peer's on the same samples, by turns."""

    ours: list[Judged] = field(default_factory=list)
    theirs: list[Answer] = field(default_factory=list)
    """Empty, or one for each of ours."""

    def peer_right(self) -> int:
        """Return how many the peer read."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return sum(evaluate.same(one.sample.text, told.text) for one, told in pairs)


@dataclass(slots=True)
class Found:
    """Everything that was measured."""

    eu: Against = field(default_factory=Against)
    two_line: Against = field(default_factory=Against)
    crops: Against = field(default_factory=Against)
    passages: list[Result] = field(default_factory=list)
    stills: dict[int, list[bool]] = field(default_factory=dict)
    fast_ms: list[float] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    video: list[Voted] | None = None
    quiet: list[Voted] = field(default_factory=list)
    quiet_hours: float = 0.0
    weights_mb: float | None = None
    second_mb: float | None = None
    skipped: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bench:
    """What all parts need."""

    options: "Options"
    load: Load
    tools: Tools
    peer: Stock | None
    found: Found


@dataclass(frozen=True, slots=True)
class Options:
    """Of the command line."""

    data: Path
    two_line: Path
    crops: Path | None
    video: Path
    models: str
    seed: int
    workers: int


def main() -> int:
    """Measure, print, write."""
    cv2.setNumThreads(1)
    asked = _parser().parse_args()
    plan = plan_of(asked)
    options = Options(
        asked.data, asked.two_line, asked.crops, asked.video, asked.models, asked.seed,
        asked.workers,
    )  # fmt: skip
    load, found = (QUICK if plan.quick else FULL), Found()
    bench = Bench(options, load, _tools(options.models, found), _peer(found), found)
    parts: dict[str, Callable[[Bench], None]] = {
        "photographs": photographs, "crops": crops, "passages": passages, "stills": stills,
        "cost": cost, "video": video, "quiet": quiet,
    }  # fmt: skip
    for name in PARTS:
        if name not in asked.parts:
            found.skipped.append(f"{name}: not asked for")
            continue
        say(f"{name} …")
        parts[name](bench)
    report(Report("plates", plan, 1), bench)
    return 0


def _parser() -> ArgumentParser:
    plates, folder = DATA / "plates", Path
    made = parser("plates", __doc__)
    add = made.add_argument
    add("--data", type=folder, default=plates / "eu", help="photographs: file x y w h text")
    add("--two-line", type=folder, default=plates / "two_line", help="crops: country_text.jpg")
    add("--crops", type=folder, help="crops with crops.tsv: file, text, country")
    add("--video", type=folder, default=plates / "tollgate_cars.mp4", help="the toll gate's film")
    add("--models", default="", help="another folder of nets with weights.json")
    add("--seed", type=int, default=REPORT_SEED, help="of passages; figures use their own")
    add("--workers", type=int, default=len(os.sched_getaffinity(0)), help="for passages")
    add("--parts", nargs="+", choices=PARTS, default=PARTS, help="measure only these")
    return made


def say(words: str) -> None:
    """Tell who waits how far it is."""
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


class Steps:
    """Says at most every ten seconds how far it is."""

    def __init__(self, what: str) -> None:
        self._what, self._said_s = what, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Note that `done` of `total` are over; a total of 0 is not known."""
        if time.monotonic() - self._said_s >= 10.0:
            self._said_s = time.monotonic()
            say(f"  {self._what}: {done}{f' of {total}' if total else ''}")


def _tools(folder: str, found: Found) -> Tools:
    where = Path(folder) if folder else models.WEIGHTS
    second = models.installed_second()
    if second is None:
        found.skipped.append("second reader: rapidocr is not installed; nothing is certain")
    found.weights_mb = sum(path.stat().st_size for path in where.glob("*.onnx")) / 1e6
    found.second_mb = second.stat().st_size / 1e6 if second else None
    return Tools(models.load(where, second), load_grammar())


def _peer(found: Found) -> Stock | None:
    try:
        return Stock()
    except ImportError as error:
        found.skipped.append(f"peer rapidocr: {error}")
        return None


# photographs and crops -------------------------------------------------------------------------


def photographs(bench: Bench) -> None:
    """Read photographs of cars, and crops of plates with two lines."""
    _folder(bench, bench.options.data, bench.found.eu, "photographs")
    _folder(bench, bench.options.two_line, bench.found.two_line, "two-line crops")


def crops(bench: Bench) -> None:
    """Read crops of many countries, if there are any."""
    if bench.options.crops is None:
        bench.found.skipped.append("crops: no folder was named (--crops)")
        return
    _folder(bench, bench.options.crops, bench.found.crops, "crops")


def _folder(bench: Bench, folder: Path, into: Against, what: str) -> None:
    """Let both read a folder, the one that begins by turns."""
    if not folder.is_dir():
        bench.found.skipped.append(f"{what}: {folder.name} is not at hand")
        return
    every = evaluate.samples(folder)
    most, steps = bench.load.photographs, Steps(what)
    some = every[:: max(1, len(every) // most)][:most] if most else every
    for number, sample in enumerate(some):
        if number % 2:
            _theirs(bench, sample, into)
        into.ours.append(evaluate.judge(bench.tools, sample))
        if number % 2 == 0:
            _theirs(bench, sample, into)
        steps(number + 1, len(some))


def _theirs(bench: Bench, sample: Sample, into: Against) -> None:
    if bench.peer is not None:
        box = sample.box
        corners = (box[0], box[1], box[0] + box[2], box[1] + box[3]) if box else None
        into.theirs.append(bench.peer.on(evaluate.picture(sample.file), corners))


# passages and stills ---------------------------------------------------------------------------


def passages(bench: Bench) -> None:
    """Play synthetic passages."""
    options = bench.options
    bench.found.passages = plate_passages.all_of(
        options.seed, bench.load.passages, options.models, options.workers, Steps("passages")
    )


def stills(bench: Bench) -> None:
    """Read single pictures of Italian plates at given heights, by day and night and in rain."""
    for height_px in STILL_HEIGHTS_PX:
        right: list[bool] = []
        number, steps = 0, Steps(f"stills of {height_px} px")
        while len(right) < bench.load.stills:
            spec = spec_of(bench.options.seed + height_px, number)
            number += 1
            if spec.country != "IT":
                continue
            spec = replace(spec, height_px=float(height_px))
            right.append(_is_read(bench.tools, PassageFilm(spec).still(0, 0.0), spec.text))
            steps(len(right), bench.load.stills)
        bench.found.stills[height_px] = right


def _is_read(tools: Tools, still: Still, text: str) -> bool:
    """Return whether a plate is found and read in one picture."""
    (left, top), (right, bottom) = still.quad.min(axis=0), still.quad.max(axis=0)
    truth = boxed((float(left), float(top), float(right), float(bottom)))
    near = [
        one
        for one in sighting.look(tools.models, still.picture)
        if evaluate.overlap(one.found, truth) >= evaluate.SAME_PLACE
    ]
    if not near:
        return False
    seen = sighting.escalate(tools.models, near[0])
    read = vote.vote((seen,), tools.grammar, tools.models.countries)
    return evaluate.same(read.text, plain(text))


# cost ------------------------------------------------------------------------------------------


def cost(bench: Bench) -> None:
    """Measure the fast path on whole pictures of 1280 x 720, and the vote at a passage's end."""
    tools = bench.tools
    for picture in _street(bench.load.cost, bench.options.seed):
        begun_s = time.process_time()
        looks = [
            sighting.look_at(tools.models, picture, one) for one in find(tools.models, picture)
        ]
        bench.found.fast_ms.append((time.process_time() - begun_s) * 1000)
        if looks:
            begun_s = time.process_time()
            best = sighting.escalate(tools.models, looks[0])
            vote.vote((best,), tools.grammar, tools.models.countries)
            bench.found.late_ms.append((time.process_time() - begun_s) * 1000)


def _street(count: int, seed: int) -> Iterator[Colour]:
    """Yield pictures of roads: by dash-cam where they are at hand, else synthetic ones."""
    files = sorted((DATA / "plates" / "dashcam_ro").glob("*.jpg"))
    for number in range(count):
        if files and number % 2:
            yield evaluate.picture(files[number // 2 % len(files)])
        else:
            yield PassageFilm(spec_of(seed + 3, number)).still(0, 0.0).picture


# films -----------------------------------------------------------------------------------------


def video(bench: Bench) -> None:
    """Read the toll gate's film."""
    path = bench.options.video
    if not path.is_file():
        bench.found.skipped.append(f"video: {path.name} is not at hand")
        return
    every = max(1, bench.load.every // 4)
    bench.found.video = _watched(bench, _film(path, every), tollgate.FPS / every, "video")


def quiet(bench: Bench) -> None:
    """Count what is read where no plate is legible."""
    every, found = bench.load.every, bench.found
    for path in sorted((DATA / "motion").glob("*.mp4")):
        with av.open(str(path)) as container:
            rate = float(container.streams.video[0].average_rate or 10)
        count = 0

        def counted(pictures: Iterator[Colour]) -> Iterator[Colour]:
            nonlocal count
            for picture in pictures:
                count += 1
                yield picture

        found.quiet += _watched(bench, counted(_film(path, every)), rate / every, path.stem)
        found.quiet_hours += count * every / rate / 3600
    for folder in (DATA / "motion" / "cdnet_highway" / "input", DATA / "motion" / "ground_720p_a"):
        files = sorted(folder.glob("*.jpg"))[::every]
        if files:
            pictures = (evaluate.picture(path) for path in files)
            found.quiet += _watched(bench, pictures, _FOLDER_FPS / every, folder.parent.name)
            found.quiet_hours += len(files) * every / _FOLDER_FPS / 3600
    if not found.quiet_hours:
        found.skipped.append("quiet: no film without plates is at hand")


_FOLDER_FPS = 25.0


def _film(path: Path, every: int) -> Iterator[Colour]:
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % every == 0:
                yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def _watched(bench: Bench, pictures: Iterator[Colour], fps: float, what: str) -> list[Voted]:
    steps = Steps(what)
    nets = plate_passages.eyes(bench.options.models)
    return plate_passages.film_of(pictures, fps, nets, lambda done: steps(done, 0))


# what is said ----------------------------------------------------------------------------------


def report(made: Report, bench: Bench) -> None:
    """Say it all."""
    found = bench.found
    made.figures = {
        "images": len(found.eu.ours),
        "eu": _frames_figures(found.eu),
        "two_line": _crop_figures(found.two_line),
        "crops": _many_figures(found.crops),
        "passages": _passage_figures(found.passages),
        "synthetic_italian": _still_figures(found.stills),
        "cpu_ms_per_frame_720p": rounded(median(found.fast_ms), 1),
        "cpu_ms_per_frame_720p_p95": rounded(percentile(found.fast_ms, 95), 1),
        "cpu_ms_per_passage": rounded(median(_late(found)), 1),
        "cpu_ms_per_passage_p95": rounded(percentile(_late(found), 95), 1),
        "cpu_ms_per_escalated_picture": rounded(median(found.late_ms), 1),
        "weights_mb": rounded(found.weights_mb, 2),
        "second_reader_mb_before_pruning": rounded(found.second_mb, 2),
        "video": _video_figures(found.video),
        "quiet": _quiet_figures(found),
        "peer": {
            name: _peer_figures(one)
            for name, one in (
                ("eu", found.eu), ("two_line", found.two_line), ("crops", found.crops)
            )
        },
    }  # fmt: skip
    made.rows = _rows(found, made.figures)
    made.skipped, made.not_like_for_like = found.skipped, _remarks()
    made.publish()


def _late(found: Found) -> list[float]:
    return [one.late_ms for one in found.passages if one.told]


def interval(right: int, n: int) -> Figure:
    """Return the bounds of a share (Wilson, 95 %); None of nothing."""
    return [round(bound, 4) for bound in evaluate.wilson(right, n)] if n else None


def share(right: int, n: int) -> float | None:
    """Return a share; None of nothing."""
    return round(right / n, 4) if n else None


def _read(score: Score) -> dict[str, Figure]:
    if not score.n:
        return {"exact": None, "exact_strict": None, "exact_interval": None, "cer": None}
    return {
        "exact": round(score.exact, 4),
        "exact_strict": round(score.exact_strict, 4),
        "exact_interval": [round(score.exact_low, 4), round(score.exact_high, 4)],
        "cer": round(score.cer, 4),
        "own_reader_alone": round(score.first_exact, 4),
        "second_reader_alone": round(score.second_exact, 4),
        "certain": score.certain,
        "certain_wrong": score.certain_wrong,
    }


def _frames_figures(one: Against) -> dict[str, Figure]:
    score = evaluate.score(one.ours)
    bounds = (score.recall_low, score.recall_high)
    recall = None if score.recall is None else round(score.recall, 4)
    known = [None if bound is None else round(bound, 4) for bound in bounds]
    return {
        **_read(score),
        "detect_recall": recall,
        "detect_recall_interval": list[Figure](known) if recall is not None else None,
    }


def _crop_figures(one: Against) -> dict[str, Figure]:
    return {"images": len(one.ours), **_read(evaluate.score(one.ours))}


def _many_figures(one: Against) -> dict[str, Figure]:
    countries = evaluate.by_country(one.ours)
    italian = countries.get("IT")
    if not one.ours:
        return {"images": None, "exact": None, "it_exact": None, "by_country": None}
    return {
        **_crop_figures(one),
        "it_exact": round(italian.exact, 4) if italian else None,
        "it_exact_interval": [round(italian.exact_low, 4), round(italian.exact_high, 4)]
        if italian
        else None,
        "by_country": {
            name: {"images": score.n, "exact": round(score.exact, 4)}
            for name, score in countries.items()
        },
    }


def _passage_figures(played: Sequence[Result]) -> dict[str, Figure]:
    certain = sum(one.certain for one in played)
    wrong = sum(one.certain_wrong for one in played)
    return {
        "n": len(played),
        **_right(played),
        "certain": certain,
        "certain_wrong": share(wrong, certain),
        "certain_wrong_n": wrong,
        "certain_wrong_interval": interval(wrong, certain),
        "certain_share": share(sum(one.certain > 0 for one in played), len(played)),
        "missed": sum(one.told == 0 for one in played),
        "told_twice": sum(one.told > 1 for one in played),
        "by_condition": {
            name: {"n": len(some), **_right(some)} for name, some in conditions(played).items()
        },
    }


def _right(played: Sequence[Result]) -> dict[str, Figure]:
    right = sum(one.right for one in played)
    return {"exact": share(right, len(played)), "exact_interval": interval(right, len(played))}


def conditions(played: Sequence[Result]) -> dict[str, list[Result]]:
    """Return passages by light, speed, angle, height and country; each in several."""
    tests: dict[str, Callable[[Result], bool]] = {
        "day": lambda one: one.weather is Weather.DAY,
        "night": lambda one: one.weather is Weather.NIGHT,
        "rain": lambda one: one.weather is Weather.RAIN,
        "30-60 km/h": lambda one: one.speed_kmh < 60,
        "60-90 km/h": lambda one: one.speed_kmh >= 60,
        "aside up to 12°": lambda one: abs(one.yaw_deg) < 12,
        "aside 12-30°": lambda one: abs(one.yaw_deg) >= 12,
        "22-30 px": lambda one: one.height_px < 30,
        "30-60 px": lambda one: one.height_px >= 30,
        "Italian": lambda one: one.country == "IT",
        "foreign": lambda one: one.country != "IT",
    }
    return {name: [one for one in played if test(one)] for name, test in tests.items()}


def _still_figures(stills_: dict[int, list[bool]]) -> dict[str, Figure]:
    return {
        f"{height_px}_px": {
            "images": len(right),
            "exact": share(sum(right), len(right)),
            "exact_interval": interval(sum(right), len(right)),
        }
        for height_px, right in stills_.items()
    }


def _video_figures(voted: list[Voted] | None) -> Figure:
    if voted is None:
        return None
    texts = {one.read.text for one in voted if one.read.text}
    known = {one.text for one in tollgate.SHOWN}
    lane = [one.text for one in tollgate.SHOWN if one.in_lane]
    false = [one.read for one in voted if one.read.text and one.read.text not in known]
    return {
        "passages": len(lane),
        "read": sum(text in texts for text in lane),
        "beside": len(known) - len(lane),
        "beside_read": len(texts & known) - sum(text in texts for text in lane),
        "distinct": len(texts),
        "false": len(false),
        "false_certain": sum(one.certain for one in false),
    }


def _quiet_figures(found: Found) -> dict[str, Figure]:
    texts = [one.read for one in found.quiet if one.read.text]
    certain = sum(one.certain for one in texts)
    hours = found.quiet_hours
    return {
        "hours": rounded(hours or None, 4),
        "reads": len(texts) if hours else None,
        "certain": certain if hours else None,
        "false_per_hour": rounded(len(texts) / hours, 2) if hours else None,
        "false_certain_per_hour": rounded(certain / hours, 2) if hours else None,
    }


def _peer_figures(one: Against) -> Figure:
    if not one.theirs:
        return None
    ours = median([judged.cpu_ms for judged in one.ours])
    theirs = median([told.cpu_ms for told in one.theirs])
    return {
        "exact": share(one.peer_right(), len(one.theirs)),
        "exact_interval": interval(one.peer_right(), len(one.theirs)),
        "cpu_ms": rounded(theirs, 1),
        "ours_cpu_ms": rounded(ours, 1),
        "ratio_cpu": rounded(ratio(theirs, ours), 2),
    }


def _rows(found: Found, figures: dict[str, Figure]) -> list[tuple[str, str]]:
    """Return the table for people."""
    made: list[tuple[str, str]] = []
    for name, one in (("photographs", found.eu), ("two-line crops", found.two_line),
                      ("crops of many countries", found.crops)):  # fmt: skip
        made.append((f"{name}: exact", _scored(one)))
        made.append(("    stock rapidocr", _peer_words(one)))
    made += _passage_rows(found.passages)
    for height_px, right in found.stills.items():
        made.append((f"one picture, {height_px} px, Italian", _of(sum(right), len(right))))
    made += [
        ("CPU of a 720p picture", f"{written(median(found.fast_ms), 'ms', 1)} (median)"),
        ("CPU at a passage's end", f"{written(median(_late(found)), 'ms', 1)} (median)"),
        ("our weights", written(found.weights_mb, "MB")),
        ("toll gate", _named(figures["video"], ("read", "passages", "false", "false_certain"))),
        ("without plates", _named(figures["quiet"], ("hours", "reads", "certain"))),
    ]
    return made


def _passage_rows(played: Sequence[Result]) -> list[tuple[str, str]]:
    certain = sum(one.certain for one in played)
    wrong = sum(one.certain_wrong for one in played)
    rows = [
        ("passages right", _of(sum(one.right for one in played), len(played))),
        ("    certain and wrong", _of(wrong, certain)),
    ]
    for name, some in conditions(played).items():
        rows.append((f"    {name}", _of(sum(one.right for one in some), len(some))))
    return rows


def _scored(one: Against) -> str:
    right = sum(evaluate.same(each.read.text, each.sample.text) for each in one.ours)
    recall = evaluate.score(one.ours).recall
    found = "" if recall is None else f", found {recall:.1%}"
    return f"{_of(right, len(one.ours))}{found}"


def _peer_words(one: Against) -> str:
    if not one.theirs:
        return "not measured"
    told = median([each.cpu_ms for each in one.theirs])
    ours = median([each.cpu_ms for each in one.ours])
    times = f"{written(told, 'ms', 0)} against {written(ours, 'ms', 0)}"
    return f"{_of(one.peer_right(), len(one.theirs))}, {times}"


def _of(right: int, n: int) -> str:
    if not n:
        return "not measured"
    low, high = evaluate.wilson(right, n)
    return f"{right} of {n}: {right / n:.1%} ({low:.1%} to {high:.1%})"


def _named(figures: Figure, names: Sequence[str]) -> str:
    if not isinstance(figures, dict):
        return "not measured"
    return ", ".join(f"{name} {figures[name]}" for name in names)


def _remarks() -> list[str]:
    """Return what is not the same on both sides, or not as in the field."""
    hands = ", ".join(one.value for one in Hand)
    return [
        "passages are synthetic (benchmarks/scenes/passages): flat cut-outs of cars, one-line"
        f" plates in {hands}; the readers were trained on synthetic plates by another generator",
        "two-line crops and photographs are web pictures, mostly Slovak and Czech",
        "stock rapidocr is helped: only what it reads on the plate's true place is counted, and it"
        " reads the whole photograph at its own size; ours finds at 640 px",
        "the toll gate's plates are Vietnamese: the grammar does not know them",
        "films without plates are short; parked and passing cars are in them, too small to read",
        "CPU time of one thread; passages are played with every picture searched, a busy box skips",
    ]


if __name__ == "__main__":
    sys.exit(main())
