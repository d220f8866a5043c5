# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Synthetic passages through the handler of a gate's child, and films through the same nets.

Passages go the whole way: coded units, decode, find, follow, trigger line, read, vote. Films have
no line that every car crosses, so there each followed plate is voted on once it is gone.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import get_context

import cv2

from benchmarks.scenes.canvas import from_rgb, plane
from benchmarks.scenes.coding import Coder
from benchmarks.scenes.compose import NOWHEN
from benchmarks.scenes.passages import HEIGHT, WIDTH, PassageFilm, PassageSpec, Weather, spec_of
from benchmarks.scenes.plate_faces import plain
from benchmarks.scenes.spec import Coding
from gateway.analytics.plates.eyes import NetEyes, load
from gateway.analytics.plates.gatekeeper import Gatekeeper, Look
from gateway.analytics.plates.passage import Passages
from gateway.analytics.plates.request import Lane, Passed, PlateReply, PlateRequest, Run
from gateway.analytics.plates.vote import alike
from gateway.codec.colour import Colour
from gateway.model.alarm import Box
from gateway.model.media import AccessUnit
from gateway.model.plate import Passing, PlateRead
from gateway.model.registry import Direction

Progress = Callable[[int, int], None]
"""Gets how many are done, and of how many."""
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
LANE = Lane(WHOLE, ((0.0, 0.5), (1.0, 0.5)))
"""All of the picture; cars that come go down over the line."""
WAYS = {Passing.IN: Direction.AB, Passing.OUT: Direction.BA}
"""How they go over the line."""
_NO_LINE = Lane(WHOLE, ((0.0, -5.0), (1.0, -5.0)))
_CODING = Coding((WIDTH, HEIGHT), 6000, gop=25)
_UNHURRIED = 1000.0
"""The gatekeeper's clock runs so much slower than CPU time: every picture is searched, however
loaded the machine."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one passage."""

    number: int
    weather: Weather
    speed_kmh: float
    yaw_deg: float
    height_px: float
    country: str
    pictures: int
    told: int
    """Passages that the gatekeeper told; one is right."""
    right: bool
    """One was told; its text and its way are right."""
    certain: int
    """Of those told, how many were certain."""
    certain_wrong: int
    """Of those, how many with another text."""
    late_ms: float
    """CPU of second reader and vote."""
    truth: str = field(repr=False, default="")
    texts: tuple[str, ...] = field(repr=False, default=())


def all_of(seed: int, count: int, models: str, workers: int, say: Progress) -> list[Result]:
    """Return what became of `count` passages, by number; plays them in `workers` processes."""
    done: list[Result] = []
    step = max(1, min(10, count // (2 * workers)))
    chunks = [range(at, min(at + step, count)) for at in range(0, count, step)]
    seeds, folders = [seed] * len(chunks), [models] * len(chunks)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for some in pool.map(some_of, seeds, chunks, folders):
            done += some
            say(len(done), count)
    return done


def some_of(seed: int, numbers: Sequence[int], models: str) -> list[Result]:
    """Return what became of some passages; runs in a process of its own."""
    cv2.setNumThreads(1)
    return [one_of(spec_of(seed, number), number, eyes(models)) for number in numbers]


@lru_cache(maxsize=1)
def eyes(models: str) -> NetEyes:
    """Return the nets of a folder; empty: ours."""
    return load(models)


def one_of(spec: PassageSpec, number: int, nets: NetEyes) -> Result:
    """Play one passage to a fresh gatekeeper."""
    keeper = Gatekeeper(
        nets, now_s=time.monotonic, spent_s=lambda: time.process_time() / _UNHURRIED
    )
    units, pictures = coded(spec)
    replies = [
        PlateReply.unpack(keeper.plates(PlateRequest("p", run, (LANE,), some).pack()), 1)
        for run, some in ((Run.BEGIN, units), (Run.END, []))
    ]
    told = [passed for reply in replies for passed in reply.passed]
    truth = plain(spec.text)
    certain = [one for one in told if one.read.certain]
    return Result(
        number, spec.weather, spec.speed_kmh, spec.yaw_deg, spec.height_px, spec.country, pictures,
        len(told),
        len(told) == 1 and _is_right(told[0], spec),
        len(certain),
        sum(alike(one.read.text) != alike(truth) for one in certain),
        sum(reply.late_s for reply in replies) * 1000 * _UNHURRIED,
        truth,
        tuple(one.read.text for one in told),
    )  # fmt: skip


def _is_right(passed: Passed, spec: PassageSpec) -> bool:
    way = WAYS[spec.passing]
    return passed.way is way and alike(passed.read.text) == alike(plain(spec.text))


def coded(spec: PassageSpec) -> tuple[list[AccessUnit], int]:
    """Return a passage as a camera codes it, and how many pictures show the plate."""
    film, coder, fps = PassageFilm(spec), Coder(_CODING, round(spec.fps)), round(spec.fps)
    pictures = [film.empty(-1 - number) for number in range(2)][::-1]
    shown = [still.picture for still in film.stills()]
    pictures += shown
    pictures += [film.empty(len(shown) + number) for number in range(fps // 2)]
    units = []
    for number, picture in enumerate(pictures):
        canvas = from_rgb(plane(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)))
        key = number % _CODING.gop == 0
        for nals in coder.code(canvas, key=key):
            pts_90k = number * 90_000 // fps
            units.append(AccessUnit(pts_90k, key, nals, NOWHEN, NOWHEN, _CODING.codec))
    return units, len(shown)


# films ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Voted:
    """One plate that was followed through a film."""

    first: int
    last: int
    """First and last picture."""
    read: PlateRead


def film_of(
    pictures: Iterable[Colour], fps: float, nets: NetEyes, say: Callable[[int], None]
) -> list[Voted]:
    """Return every plate that was followed in a film, voted on; BGR pictures of one size."""
    passages: Passages | None = None
    looks: dict[int, list[Look]] = {}
    spans: dict[int, tuple[int, int]] = {}
    voted: list[Voted] = []
    number = -1
    for number, picture in enumerate(pictures):
        high, wide = picture.shape[:2]
        passages = passages or Passages((_NO_LINE,), high / wide)
        spots = nets.find(picture)
        boxes = [_box((one.left, one.top, one.right, one.bottom), wide, high) for one in spots]
        step = passages.step(round(number * 90_000 / fps), boxes)
        for spot, track in zip(spots, step.tracks, strict=True):
            if track is not None:
                look = nets.read(picture, spot)
                spans[track] = (spans.get(track, (number, 0))[0], number)
                looks.setdefault(track, []).extend([look] if look else [])
        voted += [_voted(looks, spans, track, nets) for track in step.gone if track in spans]
        say(number + 1)
    return voted + [_voted(looks, spans, track, nets) for track in list(spans)]


def _voted(
    looks: dict[int, list[Look]], spans: dict[int, tuple[int, int]], track: int, nets: NetEyes
) -> Voted:
    first, last = spans.pop(track)
    return Voted(first, last, nets.decide(looks.pop(track, [])))


def _box(spot: tuple[float, float, float, float], wide: int, high: int) -> Box:
    left, top = max(0.0, spot[0] / wide), max(0.0, spot[1] / high)
    right, bottom = min(1.0, spot[2] / wide), min(1.0, spot[3] / high)
    return Box(left, top, max(right, left + 1e-4), max(bottom, top + 1e-4))
