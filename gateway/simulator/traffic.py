# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which cars drive through the exercise's fast lanes: drawn anew for each run, from a number.

Who knows the number knows every plate, so the plates of those whom nobody seeks need to stand in
no memory but that of the painter and of the searcher: processes of their own (D.9).
"""

from typing import Final

import numpy as np

from gateway.simulator.plates import plate_text
from gateway.simulator.scene_lanes import ABREAST

SOUGHT: Final = "GA417XV"
"""The plate on the exercise's list; no painter draws it for another car."""
_LEAST_APART: Final = 3
"""Signs in which every other plate differs from the sought one: no misread leads there."""


def plates(seed: int, count: int) -> list[str]:
    """Return the plates of `count` cars in their order: all different, one of them SOUGHT."""
    rng = np.random.default_rng(seed)
    at = int(count * rng.uniform(0.3, 0.7))
    drawn: dict[str, None] = {}
    while len(drawn) < count - 1:
        text = plate_text(rng)
        if sum(a != b for a, b in zip(text, SOUGHT, strict=True)) >= _LEAST_APART:
            drawn[text] = None
    others = list(drawn)
    return [*others[:at], SOUGHT, *others[at:]]


def others(seed: int, count: int) -> list[str]:
    """Return the plates that nobody seeks."""
    return [one for one in plates(seed, count) if one != SOUGHT]


def rows(texts: list[str]) -> list[tuple[str, ...]]:
    """Return the cars that drive side by side, row after row; the last one may be shorter."""
    return [tuple(texts[at : at + ABREAST]) for at in range(0, len(texts), ABREAST)]
