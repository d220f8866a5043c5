# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Measure a reader on crops: ``python -m training.evaluate_reader reader.onnx --data DIR``.

Three sets: OpenALPR-EU photographs cut by their boxes with a margin, two-line crops whose name
ends in the text, and synthetic Italian plates of 40 and 22 px. The photographs are a development
set: look at the figures to choose between nets, report others.
"""

import argparse
import json
import math
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from training import fonts, glyphs, layouts, photos, plates

_SYNTHETIC_SEED = 20_261_123
_MARGINS = (0.0, 0.12, 0.3)
"""Margins around the box, in heights of it."""
_NAMED = re.compile(r"^crop_[a-z]{1,3}_([a-z0-9-]+?)(?:_close|_front)?$")


@dataclass(frozen=True, slots=True)
class Known:
    """A gray crop and what it says; lines are told apart by nothing."""

    picture: plates.Gray
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """How many were read without a fault."""

    name: str
    right: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval at 95 %."""
        z, n = 1.96, max(1, self.of)
        p = self.right / n
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return middle - half, middle + half


def alike(text: str) -> str:
    """Write O and Q as 0 and I as 1: the truth of OpenALPR-EU does not tell them apart."""
    return text.translate(str.maketrans("OQI", "001"))


class Net:
    """A reader on ONNX Runtime with one thread."""

    def __init__(self, file: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        shape = self._session.get_inputs()[0].shape
        self._size = (int(shape[3]), int(shape[2]))
        self.seconds, self.crops = 0.0, 0

    def read(self, gray: plates.Gray) -> str:
        """Return the greedy reading of a crop."""
        shrinks = gray.shape[1] > self._size[0]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        x = cv2.resize(gray, self._size, interpolation=how).astype(np.float32)
        x = (x - x.mean()) / (x.std() + 8)
        start = time.process_time()
        logits = self._session.run(None, {"x": x[None, None]})[0][0]
        self.seconds += time.process_time() - start
        self.crops += 1
        kinds = logits.argmax(-1)
        kept = kinds[np.insert(kinds[1:] != kinds[:-1], 0, True)]
        return "".join(layouts.ALPHABET[kind] for kind in kept if kind < len(layouts.ALPHABET))


def photographs(folder: Path, margin: float) -> Iterable[Known]:
    """Cut the boxes (``file x y w h text``) of a folder with a margin."""
    for note in sorted(folder.glob("*.txt")):
        file, x, y, w, h, text = note.read_text("utf-8").split()[:6]
        gray = cv2.imread(str(folder / file), cv2.IMREAD_GRAYSCALE)
        if gray is None:
            continue
        m = round(int(h) * margin)
        top, left = max(0, int(y) - m), max(0, int(x) - m)
        cut = gray[top : int(y) + int(h) + m, left : int(x) + int(w) + m]
        yield Known(cut.astype(np.uint8), text)


def two_lines(folder: Path) -> Iterable[Known]:
    """Yield the two-line crops whose name ends in the text."""
    for file in sorted(folder.glob("*.jpg")):
        found = _NAMED.match(file.stem)
        gray = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        if found and gray is not None:
            yield Known(gray.astype(np.uint8), found[1].replace("-", "").upper())


def synthetic(height_px: float, count: int = 400) -> Iterable[Known]:
    """Yield Italian one-line plates of a height, drawn with a seed kept for this."""
    faces = glyphs.faces(fonts.available())
    italian = tuple(
        one for one in layouts.layouts() if one.country == "I" and one.left == "I" and one.one
    )
    printer = plates.Printer(italian, faces, _SYNTHETIC_SEED, two=0.0)
    camera = photos.Camera(_SYNTHETIC_SEED, photos.Look(0.5, (height_px - 7, height_px + 0.01)))
    for _ in range(count):
        crop = camera.crop(printer.plate())
        yield Known(crop.picture, crop.text)


def score(net: Net, name: str, known: Iterable[Known], show: bool) -> Score:
    """Read everything; print what was misread if asked."""
    right = of = 0
    for one in known:
        said = net.read(one.picture)
        of += 1
        right += alike(said) == alike(one.text)
        if show and alike(said) != alike(one.text):
            print(f"  {name}: {one.text} read {said}")
    return Score(name, right, of)


def write_down(net: Path, scores: list[Score]) -> None:
    """Put the figures into the ``weights.json`` beside the net."""
    file = net.with_name("weights.json")
    said = json.loads(file.read_text("utf-8"))
    said["reader"]["measured"] = {
        one.name: {
            "right": one.right,
            "of": one.of,
            "interval_95": [round(bound, 4) for bound in one.interval],
        }
        for one in scores
    } | {"note": "development crops, looked at while the generator was made; O = Q = 0, I = 1"}
    text = json.dumps(said, indent=2, ensure_ascii=False, sort_keys=True)
    file.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("net", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/plates"))
    parser.add_argument("--show", action="store_true", help="print what was misread")
    parser.add_argument("--write", action="store_true", help="into weights.json beside the net")
    given = parser.parse_args()
    net = Net(given.net)
    scores = [
        score(net, f"EU +{margin:.0%}", photographs(given.data / "eu", margin), given.show)
        for margin in _MARGINS
    ]
    scores.append(score(net, "two lines", two_lines(given.data / "two_line"), given.show))
    scores += [score(net, f"Italian {px} px", synthetic(px), False) for px in (40, 22)]
    for one in scores:
        low, high = one.interval
        print(
            f"{one.name:14} {one.right:4}/{one.of:<4} {one.right / max(1, one.of):6.1%}"
            f"  [{low:.1%} .. {high:.1%}]"
        )
    if given.write:
        write_down(given.net, scores)
    print(f"{1000 * net.seconds / max(1, net.crops):.2f} CPU ms a crop")


if __name__ == "__main__":
    main()
