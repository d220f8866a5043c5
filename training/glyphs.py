# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Faces that plates are lettered with: fonts of the cache, and strokes of our own.

A glyph is a mask, uint8 (96, w): 255 is ink, tight around the sign. Strokes need OpenCV alone and
are drawn in many widths and weights, for no free font is the one of Italian or German plates.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.uint8]
Point = tuple[float, float]
HEIGHT_PX = 96


@dataclass(slots=True)
class Face:
    """A set of signs in one style."""

    name: str
    font: Path | None = None
    width: float = 0.5
    weight: float = 0.14
    """Strokes only: width of a sign and of a stroke as a part of its height."""
    square: float = 0.0
    """Strokes only: 0 draws round bowls, 1 nearly square ones."""
    masks: dict[str, Mask] = field(default_factory=dict, repr=False)

    def glyph(self, sign: str) -> Mask:
        """Return the mask of a sign; a small letter falls back to the capital in strokes."""
        if sign not in self.masks:
            self.masks[sign] = _tight(
                self._stroked(sign.upper()) if self.font is None else _lettered(self.font, sign)
            )
        return self.masks[sign]

    def _stroked(self, sign: str) -> Mask:
        thick = self.weight * HEIGHT_PX
        span = max(4.0, self.width * HEIGHT_PX - thick)
        size = round(HEIGHT_PX * 1.2 + thick)
        board = np.zeros((size, round(max(size, span + 4 * thick))), np.uint8)
        for line in strokes()[sign]:
            points = np.array([self._bend(point) for point in line]) * (span, HEIGHT_PX - thick)
            bits = np.round((points + thick) * 16).astype(np.int32)
            cv2.polylines(board, [bits], False, 255, max(2, round(thick)), cv2.LINE_AA, 4)
        return board

    def _bend(self, point: Point) -> Point:
        x, y = point
        if self.square and 0.02 < x < 0.98:
            x = 0.5 + (x - 0.5) * (1 - 0.25 * self.square * (2 * abs(x - 0.5)))
        return x, y


def faces(fonts: Sequence[Path], seed: int = 0, stroked: int = 48) -> tuple[Face, ...]:
    """Return a face for each font file and ``stroked`` faces of strokes, the same each time."""
    dice = random.Random(seed)
    own = [
        Face(
            f"strokes {number}",
            width=dice.uniform(0.40, 0.62),
            weight=dice.uniform(0.10, 0.18),
            square=dice.choice((0.0, 0.0, 0.5, 1.0)),
        )
        for number in range(stroked)
    ]
    return (*own, *(Face(font.stem, font) for font in fonts))


def _lettered(font: Path, sign: str) -> Mask:
    from PIL import Image, ImageDraw  # noqa: PLC0415  the training extra only

    board = Image.new("L", (240, 200), 0)
    ImageDraw.Draw(board).text((50, 30), sign, font=_font(font), fill=255)
    return np.asarray(board, np.uint8)


@cache
def _font(font: Path):  # type: ignore[no-untyped-def] # noqa: ANN202  Pillow may be missing
    from PIL import ImageFont  # noqa: PLC0415

    return ImageFont.truetype(str(font), 110)


def _tight(board: Mask) -> Mask:
    rows, columns = np.nonzero(board > 60)
    if not len(rows):
        return np.zeros((HEIGHT_PX, 10), np.uint8)
    cut = board[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    width = max(6, round(cut.shape[1] * HEIGHT_PX / cut.shape[0]))
    return cv2.resize(cut, (width, HEIGHT_PX), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _arc(centre: Point, radius: Point, start: float, end: float) -> tuple[Point, ...]:
    turn = np.deg2rad(np.linspace(start, end, 15))
    return tuple(
        (float(centre[0] + radius[0] * np.cos(a)), float(centre[1] + radius[1] * np.sin(a)))
        for a in turn
    )


def _bowl(top: float, foot: float) -> tuple[Point, ...]:
    middle, radius = (top + foot) / 2, (foot - top) / 2
    return (0.0, top), *_arc((0.6, middle), (0.4, radius), -90, 90), (0.0, foot)


@cache
def strokes() -> dict[str, tuple[tuple[Point, ...], ...]]:
    """Return each sign as lines in a unit square, x to the right, y down."""
    left, right = ((0.0, 0.0), (0.0, 1.0)), ((1.0, 0.0), (1.0, 1.0))
    ring = (*_arc((0.5, 0.26), (0.5, 0.26), 180, 360), *_arc((0.5, 0.74), (0.5, 0.26), 0, 180))
    ring = (*ring, ring[0])
    round_ = (*_arc((0.5, 0.36), (0.5, 0.36), 180, 360), *_arc((0.5, 0.64), (0.5, 0.36), 0, 180))
    round_ = (*round_, round_[0])
    sickle = (
        *_arc((0.5, 0.26), (0.5, 0.26), -12, -180),
        *_arc((0.5, 0.74), (0.5, 0.26), 180, 12),
    )
    letters = {
        "A": (((0.0, 1.0), (0.5, 0.0), (1.0, 1.0)), ((0.17, 0.68), (0.83, 0.68))),
        "B": (left, _bowl(0.0, 0.48), _bowl(0.48, 1.0)),
        "C": (sickle,),
        "D": (
            left,
            (
                (0.0, 0.0),
                (0.5, 0.0),
                *_arc((0.5, 0.3), (0.5, 0.3), -90, 0),
                *_arc((0.5, 0.7), (0.5, 0.3), 0, 90),
                (0.0, 1.0),
            ),
        ),
        "E": (((1.0, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, 1.0)), ((0.0, 0.48), (0.85, 0.48))),
        "F": (((1.0, 0.0), (0.0, 0.0), (0.0, 1.0)), ((0.0, 0.48), (0.85, 0.48))),
        "G": ((*sickle, (1.0, 0.56), (0.58, 0.56)),),
        "H": (left, right, ((0.0, 0.48), (1.0, 0.48))),
        "I": (((0.0, 0.0), (0.0, 1.0)),),
        "J": (((0.9, 0.0), *_arc((0.45, 0.74), (0.45, 0.26), 0, 165)),),
        "K": (left, ((0.95, 0.0), (0.0, 0.6)), ((0.36, 0.38), (1.0, 1.0))),
        "L": (((0.0, 0.0), (0.0, 1.0), (0.95, 1.0)),),
        "M": (((0.0, 1.0), (0.0, 0.0), (0.5, 0.6), (1.0, 0.0), (1.0, 1.0)),),
        "N": (((0.0, 1.0), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0)),),
        "O": (round_,),
        "P": (left, _bowl(0.0, 0.54)),
        "Q": (round_, ((0.6, 0.75), (1.0, 1.0))),
        "R": (left, _bowl(0.0, 0.52), ((0.5, 0.52), (1.0, 1.0))),
        "S": (
            (
                *_arc((0.5, 0.25), (0.48, 0.25), -20, -180),
                *_arc((0.5, 0.27), (0.48, 0.22), 180, 90)[1:-1],
                *_arc((0.5, 0.73), (0.5, 0.24), -90, 90),
                *_arc((0.5, 0.75), (0.5, 0.25), 90, 160),
            ),
        ),
        "T": (((0.0, 0.0), (1.0, 0.0)), ((0.5, 0.0), (0.5, 1.0))),
        "U": (((0.0, 0.0), *_arc((0.5, 0.72), (0.5, 0.28), 180, 0), (1.0, 0.0)),),
        "V": (((0.0, 0.0), (0.5, 1.0), (1.0, 0.0)),),
        "W": (((0.0, 0.0), (0.24, 1.0), (0.5, 0.3), (0.76, 1.0), (1.0, 0.0)),),
        "X": (((0.0, 0.0), (1.0, 1.0)), ((1.0, 0.0), (0.0, 1.0))),
        "Y": (((0.0, 0.0), (0.5, 0.5), (1.0, 0.0)), ((0.5, 0.5), (0.5, 1.0))),
        "Z": (((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)),),
    }
    return letters | _digits(ring)


def _digits(ring: tuple[Point, ...]) -> dict[str, tuple[tuple[Point, ...], ...]]:
    narrow = tuple((0.5 + (x - 0.5) * 0.88, y) for x, y in ring)
    return {
        "0": (narrow,),
        "1": (((0.0, 0.22), (0.42, 0.0), (0.42, 1.0)),),
        "2": (
            (
                *_arc((0.5, 0.27), (0.48, 0.27), 190, 360),
                *_arc((0.5, 0.3), (0.48, 0.2), 0, 40),
                (0.0, 1.0),
                (1.0, 1.0),
            ),
        ),
        "3": (
            (
                *_arc((0.47, 0.24), (0.46, 0.24), 195, 450),
                *_arc((0.47, 0.735), (0.5, 0.265), -90, 165),
            ),
        ),
        "4": (((0.7, 1.0), (0.7, 0.0), (0.0, 0.72), (1.0, 0.72)),),
        "5": (
            (
                (0.9, 0.0),
                (0.12, 0.0),
                (0.06, 0.46),
                *_arc((0.48, 0.69), (0.5, 0.31), -125, 155),
            ),
        ),
        "6": (
            _arc((0.5, 0.69), (0.48, 0.31), 0, 360),
            ((0.02, 0.69), *_arc((0.55, 0.3), (0.53, 0.3), 180, 305)),
        ),
        "7": (((0.0, 0.0), (1.0, 0.0), (0.35, 1.0)),),
        "8": (_arc((0.5, 0.235), (0.44, 0.235), 0, 360), _arc((0.5, 0.735), (0.5, 0.265), 0, 360)),
        "9": (
            _arc((0.5, 0.31), (0.48, 0.31), 0, 360),
            ((0.98, 0.31), *_arc((0.45, 0.7), (0.53, 0.3), 0, 125)),
        ),
    }
