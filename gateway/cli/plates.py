# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco plates read FILE`, `varco plates evaluate DIR`: what the readers see, and how well.

Needs no daemon, keeps nothing and tells nobody. Texts of plates stand on the terminal and in the
page that is asked for, which is readable by its owner alone and is theirs to delete.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.analytics.plates import evaluate as figures
from gateway.analytics.plates import models
from gateway.analytics.plates.evaluate import PICTURES, Judged, Score, Tools
from gateway.analytics.plates.grammar import load as load_grammar
from gateway.cli.plates_film import Seen, read_film, read_picture
from gateway.cli.plates_sheet import drawn, sheet
from gateway.cli.progress import Progress
from gateway.cli.speech import Say
from gateway.model.errors import StoreError
from gateway.runtime.clock import SystemClock

_BAR = 20
_STEP_S = 0.25


@dataclass(frozen=True, slots=True)
class Choice:
    """Which nets, as typed."""

    nets: Path | None = None
    """Folder with weights.json; None: ours."""
    finder: Path | None = None
    """A finder of one's own."""
    second: bool = True

    def tools(self) -> Tools:
        """Return what reads; ConfigError names a file that cannot be used."""
        other = models.installed_second() if self.second else None
        options = models.ModelOptions(finder=self.finder)
        loaded = models.load(self.nets or models.WEIGHTS, other, options)
        return Tools(loaded, load_grammar())


def read(file: Path, choice: Choice, say: Say, *, page: Path | None, as_json: bool) -> int:
    """Print the plates of a picture or a film; ConfigError for a file that is neither."""
    tools = choice.tools()
    if file.suffix.lower() in PICTURES:
        found = read_picture(tools, figures.picture(file))
    else:
        progress = Progress(say, sys.stderr, SystemClock())
        found = read_film(tools, file, shown(progress))
        progress.clear()
    if page is not None and page.suffix.lower() == ".png":
        write(page, drawn(found))
    elif page is not None:
        write(page, sheet(file.name, found, say).encode())
    if as_json:
        print(json.dumps([told(one) for one in found]))
        return 0
    for line in words(found, say):
        print(line)
    if tools.models.second is None:
        print(say("Manca il secondo lettore: nulla è certo.", "No second reader: all uncertain."))
    return 0


def evaluate(folder: Path, choice: Choice, say: Say, *, as_json: bool) -> int:
    """Print how well the labelled plates of a folder are read."""
    progress = Progress(say, sys.stderr, SystemClock())
    judged = figures.evaluate(choice.tools(), folder, shown(progress))
    progress.clear()
    every, parts = figures.score(judged), figures.by_country(judged)
    if as_json:
        more = {name: asdict(one) for name, one in parts.items()}
        print(json.dumps({"all": asdict(every), "by_country": more}))
        return 0
    for line in score_words(judged, every, parts, say):
        print(line)
    return 0


def shown(progress: Progress) -> Callable[[int, int], None]:
    """Return what draws how much is done, a few times a second."""
    clock = SystemClock()
    last_s = clock.monotonic_s() - _STEP_S

    def show(done: int, whole: int) -> None:
        nonlocal last_s
        if clock.monotonic_s() - last_s < _STEP_S:
            return
        last_s = clock.monotonic_s()
        share = min(1.0, done / max(1, whole))
        bar = "█" * round(share * _BAR) + "·" * (_BAR - round(share * _BAR))
        progress.tell(*(f"{bar} {share:4.0%} ({done}/{whole})",) * 2)

    return show


def words(found: Sequence[Seen], say: Say) -> list[str]:
    """Return the table of what was read."""
    if not found:
        return [say("Nessuna targa.", "No plate.")]
    heads = tuple(
        say(*one)
        for one in (
            ("quando", "when"), ("targa", "plate"), ("paese", "country"),
            ("fiducia", "confidence"), ("esito", "result"), ("primo lettore", "first reader"),
            ("secondo lettore", "second reader"), ("alternative", "alternatives"),
        )
    )  # fmt: skip
    rows = [heads, *(_row(one, say) for one in found)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(heads))]
    return [
        "  ".join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _row(one: Seen, say: Say) -> tuple[str, ...]:
    result = say("certa", "certain") if one.read.certain else say("incerta", "uncertain")
    when = f"{one.from_s:.1f} s" if one.from_s is not None else "–"
    return (
        when, one.read.text or "–", one.read.country or "–", f"{one.read.confidence:.0%}", result,
        one.first or "–", one.second or "–",
        ", ".join(other.text for other in one.read.alternatives[:3]) or "–",
    )  # fmt: skip


def told(one: Seen) -> dict[str, object]:
    """Return what `--json` prints of a plate."""
    return {
        "from_s": one.from_s,
        "until_s": one.until_s,
        "box": [round(side, 1) for side in one.box],
        "score": round(one.score, 3),
        "text": one.read.text,
        "certain": one.read.certain,
        "confidence": round(one.read.confidence, 4),
        "signs": [round(sign, 4) for sign in one.read.signs],
        "country": one.read.country,
        "type": one.read.plate_type,
        "pictures": one.read.pictures,
        "first": one.first,
        "second": one.second,
        "alternatives": [
            {"text": other.text, "probability": round(other.probability, 4)}
            for other in one.read.alternatives
        ],
    }


def score_words(
    judged: Sequence[Judged], every: Score, parts: dict[str, Score], say: Say
) -> list[str]:
    """Return the figures for people, line by line."""
    lines = [
        say(f"{every.n} targhe", f"{every.n} plates"),
        _share(say("lette giuste (O/Q=0, I=1)", "read right (O/Q=0, I=1)"), every.exact,
               (every.exact_low, every.exact_high)),
        _share(say("giuste alla lettera", "right to the letter"), every.exact_strict),
        _share(say("primo lettore da solo", "first reader alone"), every.first_exact),
        _share(say("secondo lettore da solo", "second reader alone"), every.second_exact),
        f"  {'CER':<32}{every.cer:8.2%}",
    ]  # fmt: skip
    if every.recall is not None:
        bounds = (every.recall_low or 0.0, every.recall_high or 1.0)
        lines.append(_share(say("trovate (IoU ≥ 0,5)", "found (IoU ≥ 0.5)"), every.recall, bounds))
    lines += [
        f"  {say('certe', 'certain'):<32}{every.certain:8d}",
        f"  {say('certe ma sbagliate', 'certain but wrong'):<32}{every.certain_wrong:8d}",
        f"  {say('CPU per targa', 'CPU per plate'):<32}{every.cpu_ms:5.0f} ms",
    ]
    if len(parts) > 1:
        lines += [
            _share(name or "?", one.exact, (one.exact_low, one.exact_high)) + f"  (n={one.n})"
            for name, one in parts.items()
        ]
    wrong = [one for one in judged if not figures.same(one.read.text, one.sample.text)]
    if wrong:
        lines.append(say("Sbagliate (vero → letto):", "Wrong (true → read):"))
        lines += [
            f"  {one.sample.file.name}: {one.sample.text} → {one.read.text or '–'}" for one in wrong
        ]
    return lines


def _share(name: str, value: float, bounds: tuple[float, float] | None = None) -> str:
    between = f"  [{bounds[0]:.1%} – {bounds[1]:.1%}]" if bounds else ""
    return f"  {name:<32}{value:8.1%}{between}"


def write(path: Path, data: bytes) -> None:
    """Write a file that its owner alone can read; StoreError if it cannot be written."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(number, "wb") as file:
            os.fchmod(number, 0o600)
            file.write(data)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
