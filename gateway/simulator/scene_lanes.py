# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Three lanes from a gantry: an empty road, and on request rows of cars that come towards it.

A row is hurried: its cars enter in the middle of the picture, drive off it below within a second,
and the next row follows at once. Bodies are painted once; only plates are new in each row.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from gateway.codec.encode import Encoder
from gateway.simulator import cars, paint
from gateway.simulator.paint import HEIGHT, WIDTH, Colour, Picture
from gateway.simulator.perspective import Lens, Points, hang_near
from gateway.simulator.plates import draw_plate
from gateway.simulator.truth import Seen

FPS = 25
FRAMES = 25
ABREAST: Final = 3
"""Cars of one row."""
STEPS: Final = 16
"""Pictures of one row."""
NAME: Final = "Varco Porta Nord, corsie"
LANES: Final = (
    ((0.04, 0.30), (0.355, 0.30), (0.345, 0.93), (0.0, 0.93)),
    ((0.355, 0.30), (0.645, 0.30), (0.655, 0.93), (0.345, 0.93)),
    ((0.645, 0.30), (0.96, 0.30), (1.0, 0.93), (0.655, 0.93)),
)
"""Corners of each lane from the left, fractions of the picture."""
LINES: Final = (
    ((0.02, 0.60), (0.35, 0.60)), ((0.35, 0.60), (0.65, 0.60)), ((0.65, 0.60), (0.98, 0.60)),
)  # fmt: skip
"""Where passages of each lane count; towards the camera is "ab"."""
_LENS: Final = Lens(1900.0, 3.0, float(np.deg2rad(12.0)))
_LANES_M: Final = (-2.1, 0.0, 2.1)
_FAR_M, _NEAR_M = 14.5, 6.4
_EDGE_M, _LINE_M = 3.15, 0.05
_GAP_M, _DASH_M = 3.0, 1.2
_SETS: Final[tuple[tuple[Colour, ...], ...]] = (
    ((198, 26, 32), (178, 182, 186), (30, 64, 130)),
    ((236, 237, 239), (58, 62, 70), (92, 140, 120)),
)
"""Paints of the rows in turn."""
_BITRATE_KBPS: Final = 2_500


class QuietLanes:
    """The scene `corsie` when nobody drives."""

    fps, frames = FPS, FRAMES

    def __init__(self) -> None:
        self._road = _road()
        self._marks = paint.Marks(NAME)

    def draw(self, index: int) -> tuple[Picture, tuple[Seen, ...]]:
        """Return the picture of an index in 0..frames-1; nothing moves in it."""
        picture = self._road.copy()
        self._marks.burn(picture, index)
        return picture, ()


class Rush:
    """Paints and codes rows of cars, for the same stream as QuietLanes."""

    def __init__(self) -> None:
        self._road = _road()
        self._marks = paint.Marks(NAME)
        self._sets = [
            [_model(number, paint_) for number, paint_ in enumerate(one)] for one in _SETS
        ]
        self._painted: dict[tuple[int, int, int], Picture] = {}

    def pictures(self, number: int, texts: Sequence[str]) -> list[Picture]:
        """Return the STEPS pictures of row `number`, of up to ABREAST plates."""
        surfaces = [draw_plate(text) for text in texts]
        models = self._sets[number % len(self._sets)]
        made = []
        for step in range(STEPS):
            picture = self._bodies(number % len(self._sets), step, len(texts)).copy()
            for lane, surface in enumerate(surfaces):
                hang_near(picture, surface, _plate(models[lane], lane, step))
            self._marks.burn(picture, (number * STEPS + step) & paint.MOST_FRAME_INDEX)
            made.append(picture)
        return made

    def coded(self, number: int, texts: Sequence[str]) -> list[tuple[bytes, ...]]:
        """Return the row as the NAL units of STEPS pictures, the first of them a key picture."""
        encoder = Encoder(WIDTH, HEIGHT, FPS, FPS, _BITRATE_KBPS)
        coded = [nals for one in self.pictures(number, texts) for nals in encoder.encode(one)]
        return [*coded, *encoder.flush()]

    def _bodies(self, which: int, step: int, count: int) -> Picture:
        """Return the road with a row on it; painted once."""
        key = which, step, count
        if key not in self._painted:
            picture = self._road.copy()
            for lane in range(count):
                at = (_LANES_M[lane], _place_m(step))
                cars.draw_car(picture, _LENS, self._sets[which][lane], at, 1.0)
            self._painted[key] = picture
        return self._painted[key]


def _model(number: int, colour: Colour) -> cars.CarModel:
    body = (cars.HATCHBACK, cars.SALOON, cars.ESTATE)[number % ABREAST]
    return cars.build_car(cars.Car(body, colour, cars.Facing.FRONT, draw_plate("")))


def _place_m(step: int) -> float:
    """Return how far away the front of a row is."""
    return _FAR_M + (_NEAR_M - _FAR_M) * step / (STEPS - 1)


def _plate(model: cars.CarModel, lane: int, step: int) -> Points:
    return cars.place_car(_LENS, model, (_LANES_M[lane], _place_m(step))).plate


@lru_cache(maxsize=1)
def _road() -> Picture:
    """Return the empty road."""
    rng = np.random.default_rng(31)
    x, z, below = _LENS.ground()
    level = 104.0 + 9.0 * paint.cloud_noise(rng, (HEIGHT, WIDTH), 64, 2)
    for lane in _LANES_M:
        level = level - 8.0 * np.exp(-(((x - lane) / 0.25) ** 2))
    edges = np.abs(np.abs(x) - _EDGE_M) < _LINE_M
    dashes = (np.abs(np.abs(x) - _LANES_M[2] / 2) < _LINE_M) & (z % _GAP_M < _DASH_M)
    level = np.where(edges | dashes, 226.0, level)
    grass = (np.abs(x) > _EDGE_M + 0.3)[..., None]
    tinted = level[..., None] * np.where(grass, [0.92, 1.08, 0.62], [1.0, 0.995, 0.98])
    ground = np.clip(tinted, 0, 255).astype(np.uint8)
    sky = paint.vertical(WIDTH, HEIGHT, [(0.0, (150, 188, 220)), (1.0, (222, 230, 236))])
    return paint.vignette(np.where(below[..., None], ground, sky), 0.15)
