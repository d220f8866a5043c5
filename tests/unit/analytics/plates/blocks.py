# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Plates that need no net: a blue frame, and in it a text as black and white cells.

With them real coded streams, the real child and the real gate are tested to the letter; how well
nets read real plates is measured elsewhere.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from gateway.analytics.plates.gatekeeper import Look, Spot
from gateway.codec.decode import TIME_BASE, Picture
from gateway.codec.exits import encode
from gateway.model.media import AccessUnit
from gateway.model.plate import Alternative, PlateRead
from gateway.model.time import Moment

SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
COLUMNS, ROWS = 7, 7
"""Of cells: six bits of each sign, and one that makes their number even."""
WIDTH, HEIGHT = 640, 360
EVERY_90K = 3600
_BLUE = (220, 40, 20)


def draw(text: str, cell: int = 6) -> NDArray[np.uint8]:
    """Return a plate as BGR; `cell` is the size of a cell in pixels."""
    plate = np.empty(((ROWS + 2) * cell, (COLUMNS + 2) * cell, 3), np.uint8)
    plate[:] = _BLUE
    for column, sign in enumerate(text):
        code = SIGNS.index(sign)
        bits = [code >> row & 1 for row in range(6)]
        for row, bit in enumerate([*bits, sum(bits) % 2]):
            top, left = (row + 1) * cell, (column + 1) * cell
            plate[top : top + cell, left : left + cell] = 255 if bit else 0
    return plate


class BlockEyes:
    """Finds blue frames and reads their cells; each reading is one vote."""

    def find(self, picture: NDArray[np.uint8]) -> Sequence[Spot]:
        """Return each blue frame, the largest first."""
        more = cv2.subtract(picture[..., 0], picture[..., 2])
        blue = ((more > 90) & (picture[..., 0] > 120)).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(blue, connectivity=8)
        found = []
        for left, top, width, height, _ in stats[1:count]:
            if width >= 30 and 0.8 < width / height < 1.4:
                box = (float(left), float(top), float(left + width), float(top + height))
                found.append(Spot(*box, float(min(1.0, width / 200))))
        return sorted(found, key=lambda spot: -spot.score)

    def read(self, picture: NDArray[np.uint8], spot: Spot) -> Look | None:
        """Return the text of a whole plate; None if a cell cannot be told."""
        crop = picture[int(spot.top) : int(spot.bottom), int(spot.left) : int(spot.right)].copy()
        height, width = crop.shape[:2]
        gray = crop.mean(axis=2)
        text = ""
        for column in range(COLUMNS):
            bits = []
            for row in range(ROWS):
                y = int((row + 1.5) * height / (ROWS + 2))
                x = int((column + 1.5) * width / (COLUMNS + 2))
                bits.append(int(gray[y, x] > 128))
            code = sum(bit << row for row, bit in enumerate(bits[:6]))
            if sum(bits) % 2 or code >= len(SIGNS):
                return None
            text += SIGNS[code]
        return Look(bytearray(text.encode()), crop, spot.height)

    def decide(self, looks: Sequence[Look]) -> PlateRead:
        """Return the text that most looks have."""
        votes: dict[str, int] = {}
        for look in looks:
            text = bytes(look.reading).decode()  # type: ignore[call-overload]
            votes[text] = votes.get(text, 0) + 1
        if not votes:
            return PlateRead("", 0.0, pictures=0)
        text = max(votes, key=lambda one: votes[one])
        share = votes[text] / len(looks)
        other = (Alternative(text[:-1] + "B", 0.125),)
        return PlateRead(
            text, share, (share,) * len(text), other, "IT", certain=True, pictures=len(looks)
        )


@dataclass(frozen=True)
class Car:
    """A plate on its way: from picture `first` on, at `x`, from `start` to `end` (fractions)."""

    text: str
    first: int
    pictures: int
    x: float = 0.5
    start: float = 0.1
    end: float = 0.92
    turns: bool = False
    """It goes half of the way and then back."""
    cell: tuple[int, int] = (5, 8)
    """Size of a cell at the upper and at the lower end of the picture."""

    def at(self, number: int) -> tuple[float, float, int] | None:
        """Return middle and cell in a picture; None where it is not there."""
        step = number - self.first
        if not 0 <= step < self.pictures:
            return None
        share = step / max(self.pictures - 1, 1)
        if self.turns:
            share = min(share, 1 - share)
        y = self.start + (self.end - self.start) * share
        return self.x, y, round(self.cell[0] + (self.cell[1] - self.cell[0]) * y)


@functools.cache
def _road() -> NDArray[np.uint8]:
    grain = np.random.default_rng(7).integers(105, 125, (HEIGHT, WIDTH, 1), np.uint8)
    return grain.repeat(3, axis=2)


def paint(cars: Iterable[Car], number: int) -> NDArray[np.uint8]:
    """Return one picture, BGR: a grey road with dark cars."""
    picture = _road().copy()
    for car in cars:
        place = car.at(number)
        if place is None:
            continue
        plate = draw(car.text, place[2])
        high, wide = plate.shape[:2]
        left, top = int(place[0] * WIDTH - wide / 2), int(place[1] * HEIGHT - high / 2)
        cv2.rectangle(
            picture, (left - 20, top - 30), (left + wide + 20, top + high + 8), (40,) * 3, -1
        )
        y0, y1 = max(top, 0), min(top + high, HEIGHT)
        x0, x1 = max(left, 0), min(left + wide, WIDTH)
        if y0 < y1 and x0 < x1:
            picture[y0:y1, x0:x1] = plate[y0 - top : y1 - top, x0 - left : x1 - left]
    return picture


def film(cars: Sequence[Car], pictures: int, first_90k: int = 900_000) -> list[AccessUnit]:
    """Return a coded stream, a key unit every two seconds; captured when its times say."""

    def frames() -> Iterator[tuple[Picture, VideoFrame]]:
        for number in range(pictures):
            frame = VideoFrame.from_ndarray(paint(cars, number), "bgr24").reformat(format="yuv420p")
            frame.pts, frame.time_base = first_90k + EVERY_90K * number, TIME_BASE
            yield Picture(frame.pts, frame), frame

    return [timed(unit) for unit in encode(frames(), Moment(0.0, 0))]


def timed(unit: AccessUnit) -> AccessUnit:
    """Return a unit that was captured at its own time."""
    moment = Moment(unit.pts_90k / 90_000, 1_800_000_000_000_000 + unit.pts_90k * 100 // 9)
    return replace(unit, captured=moment, received=moment)
