# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Italian number plates since 1999: AA 000 AA, blue bands, drawn with strokes of our own.

Layout of the long plate of cars: D.P.R. 495/1992, Appendices to Title III, art. 256-257 (as
amended by D.M. 30.12.1998): 520 x 110 mm front, 520 x 110 mm rear, two blue bands, letters
without I O Q U.
"""

import cv2
import numpy as np

from gateway.simulator.paint import Picture, Point, canvas, disc, stroke, text

LETTERS = "ABCDEFGHJKLMNPRSTVWXYZ"
DIGITS = "0123456789"
PLATE_M = (0.520, 0.110)
TEXTURE_PX = (520, 110)
"""One pixel per millimetre."""
_BAND_MM = 40
_BLUE = (16, 62, 168)
_WHITE = (244, 245, 242)
_INK = (18, 18, 22)
_STAR_YELLOW = (255, 214, 30)
_GLYPH_MM = (37.0, 74.0)
_STROKE_MM = 10.0
_GAP_MM, _GROUP_GAP_MM = 13.0, 52.0
_PROVINCES = ("MS", "MS", "LU", "PI", "SP", "FI", "GE", "PR", "RM", "MI")
"""Massa Carrara first, and its neighbours."""

Strokes = tuple[tuple[Point, ...], ...]


def plate_text(rng: np.random.Generator) -> str:
    """Draw a plate number AA000AA of a series that the road knows (first letter C..H)."""
    letters = [LETTERS[int(rng.integers(len(LETTERS)))] for _ in range(3)]
    first = "CDEFGH"[int(rng.integers(6))]
    number = f"{int(rng.integers(1000)):03d}"
    return f"{first}{letters[0]}{number}{letters[1]}{letters[2]}"


def province(plate: str) -> str:
    """Return the province code of a plate; the same each time."""
    return _PROVINCES[sum(plate.encode()) % len(_PROVINCES)]


def year(plate: str) -> str:
    """Return the two digits of the first registration that fits the series."""
    series = max(0, "CDEFGH".find(plate[:1]))
    return f"{3 + 4 * series + max(0, LETTERS.find(plate[1:2])) // 6:02d}"


def draw_plate(plate: str) -> Picture:
    """Return the plate as a texture of 520 x 110 px; signs that no plate bears leave a gap."""
    width, height = TEXTURE_PX
    scale = 2
    big = canvas(width * scale, height * scale, _WHITE)
    _bands(big, plate, scale)
    x = _BAND_MM + 12.0
    for group in (plate[:2], plate[2:5], plate[5:]):
        for sign in group:
            _glyph(big, sign, (x, (height - _GLYPH_MM[1]) / 2), scale)
            x += _GLYPH_MM[0] + _GAP_MM
        x += _GROUP_GAP_MM - _GAP_MM
    _frame(big, scale)
    return cv2.resize(big, TEXTURE_PX, interpolation=cv2.INTER_AREA).astype(np.uint8)


def _bands(big: Picture, plate: str, scale: int) -> None:
    width = big.shape[1]
    band = _BAND_MM * scale
    big[:, :band] = _BLUE
    big[:, width - band :] = _BLUE
    centre = (band / 2, 34.0 * scale)
    for star in range(12):
        angle = star * np.pi / 6
        at = (centre[0] + 12 * scale * np.sin(angle), centre[1] - 12 * scale * np.cos(angle))
        disc(big, at, 1.9 * scale, _STAR_YELLOW)
    text(big, "I", (band / 2 - 6 * scale, 92 * scale), 28 * scale, _WHITE)
    right = width - band / 2
    cv2.circle(
        big, (round(right), 28 * scale), 14 * scale, _STAR_YELLOW, max(1, scale), cv2.LINE_AA
    )
    text(big, year(plate), (right - 12 * scale, 34 * scale), 16 * scale, _STAR_YELLOW)
    text(big, province(plate), (right - 16 * scale, 92 * scale), 20 * scale, _WHITE)


def _frame(big: Picture, scale: int) -> None:
    height, width = big.shape[:2]
    cv2.rectangle(big, (0, 0), (width - 1, height - 1), (40, 40, 44), 3 * scale)


def _glyph(big: Picture, sign: str, at: Point, scale: int) -> None:
    half = _STROKE_MM / 2
    inner = (_GLYPH_MM[0] - _STROKE_MM, _GLYPH_MM[1] - _STROKE_MM)
    for line in _STROKES.get(sign, ()):
        points = [
            ((at[0] + half + x * inner[0]) * scale, (at[1] + half + y * inner[1]) * scale)
            for x, y in line
        ]
        stroke(big, points, _INK, _STROKE_MM * scale)
        for point in (points[0], points[-1]):
            disc(big, point, half * scale, _INK)


def _arc(centre: Point, radius: Point, start_deg: float, end_deg: float) -> tuple[Point, ...]:
    """Points of an ellipse; 0 is right, angles grow clockwise as on a clock face."""
    angles = np.deg2rad(np.linspace(start_deg, end_deg, 15))
    return tuple(
        (float(centre[0] + radius[0] * np.cos(a)), float(centre[1] + radius[1] * np.sin(a)))
        for a in angles
    )


def _round(top: float = 0.26, foot: float = 0.74) -> tuple[Point, ...]:
    """Return the closed outline of a zero: two half circles and two straight sides."""
    up = _arc((0.5, top), (0.5, top), 180, 360)
    down = _arc((0.5, foot), (0.5, 1 - foot), 0, 180)
    return (*up, *down, up[0])


def _bowl(top: float, foot: float) -> tuple[Point, ...]:
    """Return the right half of a letter such as P, from the stem and back."""
    middle, radius = (top + foot) / 2, (foot - top) / 2
    return (0.0, top), *_arc((0.55, middle), (0.45, radius), -90, 90), (0.0, foot)


_LEFT: tuple[Point, ...] = ((0.0, 0.0), (0.0, 1.0))
_RIGHT: tuple[Point, ...] = ((1.0, 0.0), (1.0, 1.0))
_C = (
    *_arc((0.5, 0.26), (0.5, 0.26), -12, -180),
    *_arc((0.5, 0.74), (0.5, 0.26), 180, 12),
)
_S = (
    *_arc((0.5, 0.25), (0.48, 0.25), -20, -180),
    *_arc((0.5, 0.27), (0.48, 0.22), 180, 90)[1:-1],
    *_arc((0.5, 0.73), (0.5, 0.24), -90, 90),
    *_arc((0.5, 0.75), (0.5, 0.25), 90, 160),
)
_STROKES: dict[str, Strokes] = {
    "A": (((0.0, 1.0), (0.5, 0.0), (1.0, 1.0)), ((0.18, 0.68), (0.82, 0.68))),
    "B": (_LEFT, _bowl(0.0, 0.47), _bowl(0.47, 1.0)),
    "C": (_C,),
    "D": (
        _LEFT,
        (
            (0.0, 0.0),
            (0.45, 0.0),
            *_arc((0.45, 0.3), (0.55, 0.3), -90, 0),
            *_arc((0.45, 0.7), (0.55, 0.3), 0, 90),
            (0.0, 1.0),
        ),
    ),
    "E": (((1.0, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, 1.0)), ((0.0, 0.48), (0.85, 0.48))),
    "F": (((1.0, 0.0), (0.0, 0.0), (0.0, 1.0)), ((0.0, 0.48), (0.85, 0.48))),
    "G": ((*_C, (1.0, 0.56), (0.58, 0.56)),),
    "H": (_LEFT, _RIGHT, ((0.0, 0.48), (1.0, 0.48))),
    "J": (((0.9, 0.0), *_arc((0.45, 0.74), (0.45, 0.26), 0, 165)),),
    "K": (_LEFT, ((0.95, 0.0), (0.0, 0.6)), ((0.36, 0.38), (1.0, 1.0))),
    "L": (((0.0, 0.0), (0.0, 1.0), (1.0, 1.0)),),
    "M": (((0.0, 1.0), (0.0, 0.0), (0.5, 0.58), (1.0, 0.0), (1.0, 1.0)),),
    "N": (((0.0, 1.0), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0)),),
    "P": (_LEFT, _bowl(0.0, 0.54)),
    "R": (_LEFT, _bowl(0.0, 0.5), ((0.5, 0.5), (1.0, 1.0))),
    "S": (_S,),
    "T": (((0.0, 0.0), (1.0, 0.0)), ((0.5, 0.0), (0.5, 1.0))),
    "V": (((0.0, 0.0), (0.5, 1.0), (1.0, 0.0)),),
    "W": (((0.0, 0.0), (0.22, 1.0), (0.5, 0.35), (0.78, 1.0), (1.0, 0.0)),),
    "X": (((0.0, 0.0), (1.0, 1.0)), ((1.0, 0.0), (0.0, 1.0))),
    "Y": (((0.0, 0.0), (0.5, 0.5), (1.0, 0.0)), ((0.5, 0.5), (0.5, 1.0))),
    "Z": (((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)),),
    "0": (_round(),),
    "1": (((0.2, 0.22), (0.58, 0.0), (0.58, 1.0)),),
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
        ((0.9, 0.0), (0.12, 0.0), (0.06, 0.46)),
        (
            (0.06, 0.46),
            *_arc((0.48, 0.69), (0.5, 0.31), -125, 155),
        ),
    ),
    "6": (
        (*_arc((0.5, 0.69), (0.48, 0.31), 0, 360),),
        (
            (0.02, 0.69),
            *_arc((0.55, 0.3), (0.53, 0.3), 180, 305),
        ),
    ),
    "7": (((0.0, 0.0), (1.0, 0.0), (0.35, 1.0)),),
    "8": (_arc((0.5, 0.235), (0.44, 0.235), 0, 360), _arc((0.5, 0.735), (0.5, 0.265), 0, 360)),
    "9": (
        (*_arc((0.5, 0.31), (0.48, 0.31), 0, 360),),
        (
            (0.98, 0.31),
            *_arc((0.45, 0.7), (0.53, 0.3), 0, 125),
        ),
    ),
}
