# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Walls of the simulated town: squared stone, plastered fronts with shutters."""

import numpy as np

from gateway.simulator import paint
from gateway.simulator.paint import Colour, Picture, mix

PX_PER_M = 30
"""Scale of a front."""
_STOREYS = 3
_SHUT_SHARE = 0.3


def stone_wall(rng: np.random.Generator, width: int, height: int, colour: Colour) -> Picture:
    """Return a wall of squared stones."""
    wall = paint.canvas(width, height, mix(colour, (60, 50, 40), 0.35))
    row = 0
    while row * 14 < height:
        x = -int(rng.integers(24))
        while x < width:
            step = int(rng.integers(18, 34))
            tone = mix(colour, (90, 78, 62), float(rng.uniform(0, 0.38)))
            paint.rectangle(wall, (x + 1, row * 14 + 1, x + step - 1, row * 14 + 13), tone)
            x += step
        row += 1
    return paint.texture(wall, rng, 0.10, 64, 2)


def plaster_front(
    rng: np.random.Generator, wide_m: float, high_m: float, colour: Colour
) -> Picture:
    """Return a front of so many metres, at `PX_PER_M`."""
    width, height = round(wide_m * PX_PER_M), round(high_m * PX_PER_M)
    front = paint.texture(paint.canvas(width, height, colour), rng, 0.05, 128, 4)
    paint.rectangle(front, (0, height - 26, width, height), mix(colour, (110, 100, 92), 0.6))
    columns = max(2, round(wide_m / 2.6))
    for floor in range(_STOREYS):
        y = height - 96 - floor * 86
        for column in range(columns):
            x = (column + 0.5) * width / columns
            if floor == 0 and column % 3 == 1:
                _door(front, x, height)
            else:
                _window(front, (x, y), shut=bool(rng.random() < _SHUT_SHARE))
    paint.rectangle(front, (0, 0, width, 12), mix(colour, (255, 250, 240), 0.5))
    stain = np.clip(paint.cloud_noise(rng, (height, width), 128, 8), 0, 1) * 0.16
    return paint.shade(front, 1 - stain)


def _window(front: Picture, at: tuple[float, float], *, shut: bool) -> None:
    x, y = at
    paint.rectangle(front, (x - 19, y - 26, x + 19, y + 26), (232, 226, 212))
    paint.rectangle(front, (x - 15, y - 22, x + 15, y + 22), (46, 56, 70))
    paint.rectangle(front, (x - 15, y - 22, x + 15, y - 4), (92, 110, 132))
    paint.rectangle(front, (x - 1, y - 22, x + 1, y + 22), (224, 220, 208))
    green = (52, 92, 66)
    leaves = ((x - 15, x - 1), (x + 1, x + 15)) if shut else ((x - 33, x - 17), (x + 17, x + 33))
    for x0, x1 in leaves:
        paint.rectangle(front, (x0, y - 24, x1, y + 24), green)
        for slat in range(6):
            row = y - 21 + slat * 8
            paint.rectangle(front, (x0 + 2, row, x1 - 2, row + 3), mix(green, (0, 0, 0), 0.35))


def _door(front: Picture, x: float, height: int) -> None:
    paint.rectangle(front, (x - 24, height - 88, x + 24, height), (222, 214, 198))
    paint.rectangle(front, (x - 18, height - 80, x + 18, height), (92, 58, 36))
    paint.rectangle(front, (x - 1, height - 80, x + 1, height), (60, 38, 24))
