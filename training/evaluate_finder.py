# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How many plates a finder finds and how many it makes up, with Wilson intervals.

``python -m training.evaluate_finder FOLDER --data ../shared/data`` prints a table; ``--sheet``
writes a picture of the detections to be looked at.
"""

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import numpy.typing as npt

from gateway.analytics.plates import models
from gateway.analytics.plates.find import Found, find

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in px."""
Picture = npt.NDArray[np.uint8]
SAME = 0.5
"""Intersection over union from which a detection is the plate."""
_TILE_PX = (320, 240)


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture and the plates in it; `open` when it may show others that nobody marked."""

    name: str
    picture: Picture
    plates: tuple[Box, ...]
    open: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """What came of one set."""

    name: str
    pictures: int
    plates: int
    found: int
    false: int
    cpu_ms: float
    """Per picture, resizing and decoding included."""


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    if not count:
        return 0.0, 1.0
    z, share = 1.96, right / count
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    whole = 1 + z * z / count
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def overlap(one: Box, other: Box) -> float:
    """Return intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, wide) * max(0.0, tall)
    area = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return common / (area - common) if area > common else 0.0


def photographs(folder: Path) -> Iterator[Sample]:
    """Yield the photographs of OpenALPR-EU's form: a line `file x y w h text` beside each."""
    for path in sorted(folder.glob("*.txt")):
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line]
        boxes = []
        for line in lines:
            x, y, w, h = (float(part) for part in line[1:5])
            boxes.append((x, y, x + w, y + h))
        if lines:
            yield Sample(path.stem, _read(folder / lines[0][0]), tuple(boxes))


def frames(folder: Path) -> Iterator[Sample]:
    """Yield the frames of a folder with Pascal VOC boxes beside them."""
    for path in sorted(folder.glob("*.xml")):
        boxes = []
        for found in ElementTree.parse(path).getroot().iter("bndbox"):
            left, top, right, foot = (
                float(found.findtext(key) or "nan") for key in ("xmin", "ymin", "xmax", "ymax")
            )
            boxes.append((left, top, right, foot))
        yield Sample(path.stem, _read(path.with_suffix(".jpg")), tuple(boxes))


def film(path: Path, every: int, limit: int = 60) -> Iterator[Sample]:
    """Yield pictures of a film or of a folder of pictures, which nobody marked."""
    if path.is_dir():
        for one in sorted(path.glob("*.jpg"))[::every][:limit]:
            yield Sample(one.stem, _read(one), (), open=True)
        return
    capture, number, given = cv2.VideoCapture(str(path)), 0, 0
    while given < limit:
        ok, picture = capture.read()
        if not ok:
            break
        if number % every == 0:
            given += 1
            yield Sample(f"{path.stem} {number}", picture.astype(np.uint8), (), open=True)
        number += 1
    capture.release()


def _read(path: Path) -> Picture:
    picture = cv2.imread(str(path))
    if picture is None:
        raise FileNotFoundError(path)
    return picture.astype(np.uint8)


def judge(plates: Sequence[Box], found: Sequence[Found]) -> tuple[int, int]:
    """Return how many plates were found, and how many findings are none of them."""
    left, right = list(plates), 0
    false = 0
    for one in found:
        shares = [overlap(one.box, box) for box in left]
        if shares and max(shares) >= SAME:
            left.pop(int(np.argmax(shares)))
            right += 1
        elif not any(overlap(one.box, box) > 0.2 for box in plates):
            false += 1
    return right, false


def measure(
    tools: models.Models, name: str, samples: Iterator[Sample], sheet: list[Picture]
) -> Score:
    """Run the finder over a set; add a drawn picture of each to `sheet`."""
    pictures = plates = right = false = 0
    spent = 0.0
    for sample in samples:
        began = time.process_time()
        found = find(tools, sample.picture)
        spent += time.process_time() - began
        hits, wrong = judge(sample.plates, found)
        pictures, plates = pictures + 1, plates + len(sample.plates)
        right, false = right + hits, false + wrong
        sheet.append(_drawn(sample, found))
    return Score(name, pictures, plates, right, false, 1000 * spent / max(1, pictures))


def _drawn(sample: Sample, found: Sequence[Found]) -> Picture:
    """Return a small copy with the truth in red and what was found in green."""
    scale = min(_TILE_PX[0] / sample.picture.shape[1], _TILE_PX[1] / sample.picture.shape[0])
    small = cv2.resize(sample.picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for left, top, right, foot in sample.plates:
        corner = (int(left * scale), int(top * scale))
        cv2.rectangle(small, corner, (int(right * scale), int(foot * scale)), (0, 0, 255), 1)
    for one in found:
        cv2.polylines(small, [np.round(one.quad * scale).astype(np.int32)], True, (0, 255, 0), 1)
        at = (int(one.box[0] * scale), max(8, int(one.box[1] * scale) - 2))
        cv2.putText(small, f"{one.score:.2f}", at, 0, 0.35, (0, 255, 255), 1)
    tile = np.zeros((_TILE_PX[1], _TILE_PX[0], 3), np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small
    return tile


def sets(data: Path) -> dict[str, Iterator[Sample]]:
    """Return the sets that a finder is judged on."""
    cam = list(frames(data / "plates" / "dashcam_ro"))
    day = [one for one in cam if one.name.startswith("day")]
    motion = data / "motion"
    return {
        "OpenALPR-EU": photographs(data / "plates" / "eu"),
        "dash-cam, dusk": iter(day),
        "dash-cam, night": iter([one for one in cam if one not in day]),
        "toll gate": film(data / "plates" / "tollgate_cars.mp4", 8),
        "car park": film(motion / "intel_car-detection.mp4", 10),
        "hall": film(motion / "intel_one-by-one-person.mp4", 10),
        "highway": film(motion / "cdnet_highway" / "input", 40),
        "ground 720p": film(motion / "ground_720p_a", 8),
    }


def row(score: Score) -> str:
    """Return a line of the table."""
    low, high = wilson(score.found, score.plates)
    part = 100 * score.found / max(1, score.plates)
    recall = f"{part:5.1f} % ({100 * low:.1f}-{100 * high:.1f})" if score.plates else "-"
    false = score.false / max(1, score.pictures)
    return (
        f"{score.name:18} {score.pictures:4} {score.plates:4} {recall:24} {score.false:4} "
        f"{false:6.3f} {score.cpu_ms:6.1f}"
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="weights.json and the nets")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--threshold", type=float, default=0.0)
    parser.add_argument("--sheet", type=Path, help="folder for pictures of what was found")
    parser.add_argument("--only", default="", help="sets whose name holds this")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    options = models.ModelOptions(finder_threshold=given.threshold)
    tools = models.load(given.folder, None, options)
    print(f"{'set':18} pics plts {'recall at IoU 0.5':24} made up /pict  CPU ms")
    for name, samples in sets(given.data).items():
        if given.only in name:
            sheet: list[Picture] = []
            print(row(measure(tools, name, samples, sheet)), flush=True)
            if given.sheet is not None:
                _hang_up(sheet, given.sheet / f"{name.replace(' ', '-')}.png")


def _hang_up(tiles: list[Picture], path: Path, across: int = 6) -> None:
    tiles = tiles + [np.zeros_like(tiles[0])] * (-len(tiles) % across)
    rows = [np.hstack(tiles[at : at + across]) for at in range(0, len(tiles), across)]
    cv2.imwrite(str(path), np.vstack(rows))


if __name__ == "__main__":
    main()
