# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the reader is taught from: batches of crops with their texts, and each token's class."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from training import fonts, glyphs, layouts, photos, plates

TOKENS = 80
"""40 of the upper row, then 40 of the lower; a plate of one line is read on the upper row."""
CLASSES = len(layouts.ALPHABET) + 1
BLANK = CLASSES - 1
"""The last class is the blank of CTC."""
IGNORED = -100
"""Class of a token that may say what it likes."""
BESIDE = -2
"""``BESIDE - kind``: a token beside a sign's own: that sign or blank, nothing else."""
_REUSED = 2
"""Crops taken of each drawn plate."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Crops uint8 (N, 48, 160), classes of their texts, and each token's class (N, 80)."""

    pictures: npt.NDArray[np.uint8]
    texts: tuple[tuple[int, ...], ...]
    tokens: npt.NDArray[np.int64]


def token_classes(crop: photos.Crop) -> npt.NDArray[np.int64] | None:
    """Return the class wanted of each token, or None if two signs would share one.

    Tokens beside a sign's own may say the same or nothing (``BESIDE``); between two signs they
    are left free (``IGNORED``).
    """
    columns = TOKENS // 2
    wanted = np.full((2, columns), BLANK, np.int64)
    taken: dict[tuple[int, int], int] = {}
    for kind, x, _, line in crop.places:
        column = min(columns - 1, max(0, int(x * columns)))
        if (line, column) in taken:
            return None
        taken[line, column] = kind
    for (line, column), kind in taken.items():
        for beside in (column - 1, column + 1):
            if 0 <= beside < columns:
                free = wanted[line, beside] != BLANK
                wanted[line, beside] = IGNORED if free else BESIDE - kind
    for (line, column), kind in taken.items():
        wanted[line, column] = kind
    return wanted.reshape(-1)


class Feed:
    """Makes batches, the same ones for the same seed."""

    def __init__(self, seed: int, size: int) -> None:
        faces = glyphs.faces(fonts.available())
        self._printer = plates.Printer(layouts.layouts(), faces, seed)
        self._camera = photos.Camera(seed + 1)
        self._size = size
        self._shelf: list[plates.Plate] = []

    def batch(self, hard: float) -> Batch:
        """Return the next batch; ``hard`` 0..1 is the curriculum's step."""
        self._camera.look = replace(self._camera.look, hard=hard)
        pictures: list[plates.Gray] = []
        texts: list[tuple[int, ...]] = []
        tokens: list[npt.NDArray[np.int64]] = []
        while len(pictures) < self._size:
            if not self._shelf:
                drawn = [self._printer.plate() for _ in range(self._size)]
                self._shelf = drawn * _REUSED
            crop = self._camera.crop(self._shelf.pop())
            wanted = token_classes(crop)
            if wanted is None or not crop.text:
                continue
            pictures.append(crop.picture)
            texts.append(tuple(layouts.ALPHABET.index(sign) for sign in crop.text))
            tokens.append(wanted)
        return Batch(np.stack(pictures), tuple(texts), np.stack(tokens))


def decoded(logits: npt.NDArray[np.float32]) -> list[str]:
    """Return the greedy CTC reading of each row of logits (N, T, 37)."""
    out = []
    for kinds in logits.argmax(-1):
        kept = kinds[np.insert(kinds[1:] != kinds[:-1], 0, True)]
        out.append("".join(layouts.ALPHABET[kind] for kind in kept if kind != BLANK))
    return out
