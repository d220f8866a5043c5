# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How well plates are read: labelled pictures, what became of each, and figures with intervals.

A folder holds frames, with text files of lines `file x y w h text` (tab-separated, as OpenALPR's
benchmarks have them), or crops, named in `crops.tsv` (file, text, country) or by their own names
(`country_text.jpg`). Texts are compared without blanks and marks, O and Q as 0 and I as 1, unless
said otherwise: many countries write them with the same marks.
"""

import math
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from gateway.analytics.plates.find import Found, Picture, boxed
from gateway.analytics.plates.grammar import Grammar
from gateway.analytics.plates.models import Models
from gateway.analytics.plates.read import Reading
from gateway.analytics.plates.sighting import Sighting, escalate, look, look_at
from gateway.analytics.plates.vote import UNREAD, alike, vote
from gateway.model.errors import ConfigError
from gateway.model.plate import PlateRead

CROPS = "crops.tsv"
PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
SAME_PLACE = 0.5
"""IoU from which on a plate counts as found."""
Z_95 = 1.959964
_FRAME_COLUMNS = 6
_WRAPPINGS = re.compile(r"^crop_|_(?:close|front|rear)$", re.IGNORECASE)
_ALSO = {
    "a": "AT", "b": "BE", "d": "DE", "e": "ES", "f": "FR", "gbj": "JE", "gbm": "IM", "h": "HU",
    "i": "IT", "irl": "IE", "l": "LU", "mne": "ME", "n": "NO", "p": "PT", "s": "SE", "slo": "SI",
    "fl": "LI", "est": "EE", "fin": "FI", "srb": "RS", "m": "MT", "rsm": "SM", "v": "VA",
}  # fmt: skip
"""Distinguishing signs of vehicles that are not the country's code."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled plate."""

    file: Path
    text: str = field(repr=False)
    country: str = ""
    """ISO 3166-1 alpha-2; empty: not told."""
    box: tuple[float, float, float, float] | None = None
    """Left, top, width, height in px; None: the picture is a crop of the plate."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What reads."""

    models: Models
    grammar: Grammar


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one labelled plate."""

    sample: Sample
    read: PlateRead
    found: bool | None
    """Whether the finder found it; None for a crop."""
    first: str = field(repr=False)
    """What our reader saw in its best crop, before any grammar."""
    second: str = field(repr=False)
    """What the second reader saw."""
    cpu_ms: float
    """From the decoded picture to the read, of this process."""


@dataclass(frozen=True, slots=True)
class Score:
    """Figures over some samples; bounds are Wilson's for 95 %."""

    n: int
    exact: float
    """Share of texts right, O and Q as 0, I as 1."""
    exact_low: float
    exact_high: float
    exact_strict: float
    """Share of texts right to the letter."""
    cer: float
    """Edit distance over all signs of the truth, O and Q as 0, I as 1."""
    first_exact: float
    """As `exact`, of our reader alone before any grammar."""
    second_exact: float
    """As `exact`, of the second reader alone."""
    certain: int
    certain_wrong: int
    recall: float | None
    """Share of plates found (IoU of at least one half); None where all samples are crops."""
    recall_low: float | None
    recall_high: float | None
    cpu_ms: float
    """Mean of a sample."""


def plain(text: str) -> str:
    """Return the letters and digits of a text, upper case."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def same(one: str, two: str) -> bool:
    """Return whether two texts are equal, O and Q taken as 0 and I as 1."""
    return alike(plain(one)) == alike(plain(two))


def wilson(right: int, n: int) -> tuple[float, float]:
    """Return the bounds of a share, 95 %, by Wilson's score (1927); (0, 1) of nothing."""
    if n <= 0:
        return 0.0, 1.0
    share, square = right / n, Z_95**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    reach = Z_95 * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def distance(one: str, two: str) -> int:
    """Return the Levenshtein distance."""
    costs = list(range(len(two) + 1))
    for i, sign in enumerate(one, 1):
        before, costs[0] = costs[0], i
        for j, other in enumerate(two, 1):
            before, costs[j] = costs[j], min(
                costs[j] + 1, costs[j - 1] + 1, before + (sign != other)
            )  # fmt: skip
    return costs[-1]


def samples(folder: Path) -> tuple[Sample, ...]:
    """Return the labelled plates of a folder; ConfigError if there is none, or a bad line."""
    if not folder.is_dir():
        raise ConfigError(str(folder), "", "is no folder")
    if (folder / CROPS).is_file():
        found = _listed(folder / CROPS)
    else:
        found = [one for path in sorted(folder.glob("*.txt")) for one in _framed(path)]
    found = found or _named(folder)
    if not found:
        advice = f"add {CROPS}, or text files of lines: file x y w h text"
        raise ConfigError(str(folder), "", "holds no labelled picture", advice)
    return tuple(found)


def _listed(path: Path) -> list[Sample]:
    """Return the crops of a table; a line of titles is passed over."""
    found = []
    for number, line in enumerate(_lines(path), 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip() or line.startswith("#") or cells[0].lower() in {"file", "filename"}:
            continue
        if len(cells) < 2:  # noqa: PLR2004 - file and text
            raise ConfigError(f"{path}:{number}", "", "is no line of file, text, country")
        country = _country(cells[2]) if len(cells) > 2 else ""  # noqa: PLR2004
        found.append(Sample(path.parent / cells[0], plain(cells[1]), country))
    return found


def _framed(path: Path) -> list[Sample]:
    found = []
    for number, line in enumerate(_lines(path), 1):
        cells = line.split()
        if len(cells) < _FRAME_COLUMNS - 1:
            continue
        try:
            left, top, wide, high = (float(cell) for cell in cells[1:5])
        except ValueError as error:
            problem = "is no line of file, x, y, w, h, text"
            raise ConfigError(f"{path}:{number}", "", problem) from error
        text = plain("".join(cells[5:]))
        found.append(Sample(path.parent / cells[0], text, "", (left, top, wide, high)))
    return found


def _named(folder: Path) -> list[Sample]:
    """Return crops whose names are country and text; what has no country in it is passed over."""
    found = []
    for path in sorted(folder.iterdir()):
        name = _WRAPPINGS.sub("", _WRAPPINGS.sub("", path.stem))
        country, _, text = name.partition("_")
        if path.suffix.lower() in PICTURES and text and _country(country):
            found.append(Sample(path, plain(text), _country(country)))
    return found


def _country(text: str) -> str:
    """Return a country's code, of that or of its vehicles' sign; empty if it is neither."""
    word = text.strip().lower()
    if word in _ALSO:
        return _ALSO[word]
    return word.upper() if re.fullmatch(r"[a-z]{2}", word) else ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "", "cannot be read") from error


def picture(path: Path) -> Picture:
    """Return a file's picture, uint8 BGR; ConfigError if it is none."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise ConfigError(str(path), "", f"cannot be read: {error.strerror}") from error
    found = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if found is None:
        raise ConfigError(str(path), "", "is no picture")
    return np.asarray(found, np.uint8)


def crop_sighting(models: Models, pixels: Picture) -> Sighting:
    """Return a crop of one plate as a sighting: all of it, or the plate that stands out in it."""
    high, wide = pixels.shape[:2]
    whole = boxed((0.0, 0.0, float(wide), float(high)))
    return escalate(models, look_at(models, pixels, whole))


def judge(tools: Tools, sample: Sample) -> Judged:
    """Read one sample as a passage's best picture is read; ConfigError if it is no picture."""
    pixels = picture(sample.file)
    began_s = time.process_time()
    found: bool | None = None
    if sample.box is None:
        sighting: Sighting | None = crop_sighting(tools.models, pixels)
    else:
        left, top, wide, high = sample.box
        truth = boxed((left, top, left + wide, top + high))
        sightings = look(tools.models, pixels)
        near = max(sightings, key=lambda one: overlap(one.found, truth), default=None)
        found = near is not None and overlap(near.found, truth) >= SAME_PLACE
        sighting = escalate(tools.models, near) if found and near is not None else None
    read = UNREAD
    if sighting is not None:
        read = vote((sighting,), tools.grammar, tools.models.countries)
    spent_ms = (time.process_time() - began_s) * 1000
    first = _surest(sighting.readings) if sighting else ""
    second = _surest(sighting.seconds) if sighting else ""
    return Judged(sample, read, found, first, second, spent_ms)


def _surest(readings: Sequence[Reading]) -> str:
    return max(readings, key=lambda one: one.sureness).text if readings else ""


def overlap(one: Found, two: Found) -> float:
    """Return the IoU of the upright boxes of two quads."""
    left, top, right, bottom = one.box
    other = two.box
    wide = min(right, other[2]) - max(left, other[0])
    high = min(bottom, other[3]) - max(top, other[1])
    common = max(0.0, wide) * max(0.0, high)
    areas = (right - left) * (bottom - top) + (other[2] - other[0]) * (other[3] - other[1])
    return common / max(areas - common, 1e-6)


def evaluate(
    tools: Tools, folder: Path, on_progress: Callable[[int, int], None] | None = None
) -> tuple[Judged, ...]:
    """Judge every sample of a folder; `on_progress` gets how many are done, of how many."""
    every, judged = samples(folder), []
    for number, sample in enumerate(every, 1):
        judged.append(judge(tools, sample))
        if on_progress is not None:
            on_progress(number, len(every))
    return tuple(judged)


def score(judged: Iterable[Judged]) -> Score:
    """Return the figures over what was judged; zeros and the whole interval of nothing."""
    every = list(judged)
    n = len(every)
    right = sum(same(one.read.text, one.sample.text) for one in every)
    frames = [one.found for one in every if one.found is not None]
    recall = wilson(sum(frames), len(frames)) if frames else (None, None)
    signs = sum(len(one.sample.text) for one in every)
    wrong = sum(distance(alike(one.read.text), alike(one.sample.text)) for one in every)
    low, high = wilson(right, n)
    certain = [one for one in every if one.read.certain]
    return Score(
        n=n,
        exact=right / max(1, n),
        exact_low=low,
        exact_high=high,
        exact_strict=sum(one.read.text == one.sample.text for one in every) / max(1, n),
        cer=wrong / max(1, signs),
        first_exact=sum(same(one.first, one.sample.text) for one in every) / max(1, n),
        second_exact=sum(same(one.second, one.sample.text) for one in every) / max(1, n),
        certain=len(certain),
        certain_wrong=sum(not same(one.read.text, one.sample.text) for one in certain),
        recall=sum(frames) / len(frames) if frames else None,
        recall_low=recall[0],
        recall_high=recall[1],
        cpu_ms=sum(one.cpu_ms for one in every) / max(1, n),
    )


def by_country(judged: Iterable[Judged]) -> dict[str, Score]:
    """Return the figures of each country; those of samples without one under an empty name."""
    parts: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        parts[one.sample.country].append(one)
    return {name: score(part) for name, part in sorted(parts.items())}
