# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Plates of several countries in several hands, for measuring readers.

Italian ones have the layout of D.P.R. 495/1992 (two blue bands, I, year disc, province); the others
the plain layout of their country, one line. Widths and weights of the signs vary around the true
ones, since no official face is at hand under a free licence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import cv2
import numpy as np

from gateway.simulator import paint
from gateway.simulator.paint import Picture
from gateway.simulator.plates import DIGITS, LETTERS, draw_plate, plate_text, province, year

PLATE_M = (0.520, 0.110)
PX_PER_M = 640
"""Scale of the texture that a plate is hung into."""
_SIZE_PX = (520, 110)
_BAND_PX = 40
_BLUE, _WHITE, _INK = (16, 62, 168), (244, 245, 242), (18, 18, 22)
_ALL = "ABCDEFGHIJKLMNOPRSTUVWXYZ"
_CONSONANTS = "BCDFGHJKLMNPRSTVWXYZ"


class Hand(Enum):
    """Who draws the signs."""

    STROKES = "strokes"
    """Of the simulated town."""
    SANS = "sans"
    HERSHEY = "hershey"


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a plate is drawn."""

    hand: Hand
    weight: int = 700
    """Of SANS, 400..900; of HERSHEY tenths of a pixel."""
    wide: float = 1.0
    """Width of the signs against the face's own."""


def _pick(rng: np.random.Generator, signs: str, count: int) -> str:
    return "".join(signs[int(one)] for one in rng.integers(len(signs), size=count))


_GRAMMARS: tuple[tuple[str, str, Callable[[np.random.Generator], str]], ...] = (
    ("DE", "D", lambda r: f"{_pick(r, _ALL, 2)} {_pick(r, _ALL, 2)} {_pick(r, DIGITS[1:], 4)}"),
    ("FR", "F", lambda r: f"{_pick(r, LETTERS, 2)}-{_pick(r, DIGITS, 3)}-{_pick(r, LETTERS, 2)}"),
    ("ES", "E", lambda r: f"{_pick(r, DIGITS, 4)} {_pick(r, _CONSONANTS, 3)}"),
    ("RO", "RO", lambda r: f"B {_pick(r, DIGITS[1:], 3)} {_pick(r, LETTERS, 3)}"),
    ("PL", "PL", lambda r: f"W{_pick(r, _CONSONANTS, 1)} {_pick(r, DIGITS[1:], 5)}"),
    ("SK", "SK", lambda r: f"BA {_pick(r, DIGITS, 3)}{_pick(r, LETTERS, 2)}"),
)
_FOREIGN = 0.15


def plate_of(rng: np.random.Generator) -> tuple[str, str, Drawing]:
    """Draw a country, a plate's text (A-Z and digits) and who draws it; most are Italian."""
    if rng.random() < _FOREIGN:
        country, _, make = _GRAMMARS[int(rng.integers(len(_GRAMMARS)))]
        text = make(rng)
        return country, text, _hand(rng, (Hand.SANS, Hand.HERSHEY))
    return "IT", plate_text(rng), _hand(rng, tuple(Hand))


def plain(text: str) -> str:
    """Return a plate's signs alone."""
    return text.replace(" ", "").replace("-", "")


def _hand(rng: np.random.Generator, hands: tuple[Hand, ...]) -> Drawing:
    hand = hands[int(rng.integers(len(hands)))]
    weight = int(rng.integers(560, 860)) if hand is Hand.SANS else int(rng.integers(90, 120))
    return Drawing(hand, weight, float(rng.uniform(0.82, 1.0)))


def draw(drawing: Drawing, text: str, country: str, rng: np.random.Generator) -> Picture:
    """Return a plate as a texture of 520 x 110 px, RGB.

    `text` may have blanks and hyphens where groups end; those of Italy need none.
    """
    if drawing.hand is Hand.STROKES and country == "IT":
        return draw_plate(plain(text))
    plate = paint.canvas(*_SIZE_PX, _WHITE)
    if country == "IT":
        text = f"{text[:2]} {text[2:5]} {text[5:]}"
        _italian_bands(plate, plain(text), right=rng.random() < 0.9)
    else:
        plate[:, :_BAND_PX] = _BLUE
        code = next(code for name, code, _ in _GRAMMARS if name == country)
        paint.text(plate, code, (20 - 8 * len(code), 96), 24, _WHITE)
        _stars(plate)
    _signs(plate, drawing, text, right=country == "IT")
    cv2.rectangle(plate, (0, 0), (519, 109), (40, 40, 44), 3)
    return plate


def _italian_bands(plate: Picture, text: str, *, right: bool) -> None:
    plate[:, :_BAND_PX] = _BLUE
    plate[:, -_BAND_PX:] = _BLUE
    _stars(plate)
    paint.text(plate, "I", (15, 96), 28, _WHITE)
    if right:
        cv2.circle(plate, (500, 28), 14, (255, 214, 30), 1, cv2.LINE_AA)
        paint.text(plate, year(text), (489, 34), 16, (255, 214, 30))
        paint.text(plate, province(text), (484, 92), 20, _WHITE)


def _stars(plate: Picture) -> None:
    for star in range(12):
        angle = star * np.pi / 6
        at = (20 + 12 * float(np.sin(angle)), 34 - 12 * float(np.cos(angle)))
        paint.disc(plate, at, 1.9, (255, 214, 30))


def _signs(plate: Picture, drawing: Drawing, text: str, *, right: bool) -> None:
    """Write the signs between the bands, as high as the rules say (75 mm)."""
    begin, end = _BAND_PX + 8, (_SIZE_PX[0] - _BAND_PX - 6 if right else _SIZE_PX[0] - 10)
    gaps = {" ": 26, "-": 30}
    boxes = [None if one in gaps else _sign(drawing, one) for one in text]
    wanted = [
        gaps[one] if box is None else round(box.shape[1] * drawing.wide) + 9
        for one, box in zip(text, boxes, strict=True)
    ]
    squeeze = min(1.0, (end - begin) / sum(wanted))
    x = begin + ((end - begin) - squeeze * sum(wanted)) / 2
    for one, box, width in zip(text, boxes, wanted, strict=True):
        if box is not None:
            size = (max(2, round((width - 9) * squeeze)), 76)
            share = cv2.resize(box, size, interpolation=cv2.INTER_AREA)[..., None] / np.float32(255)
            part = plate[17:93, round(x) : round(x) + size[0]]
            part[:] = (part * (1 - share) + np.array(_INK) * share).astype(np.uint8)
        elif one == "-":
            plate[52:58, round(x) + 6 : round(x) + 18] = _INK
        x += width * squeeze


@lru_cache(maxsize=4096)
def _sign(drawing: Drawing, sign: str) -> Picture:
    """Return one sign as a share of ink, cut to its own edges."""
    big = paint.canvas(220, 220)
    if drawing.hand is Hand.SANS:
        face = cv2.FontFace("sans")
        cv2.putText(big, sign, (40, 170), (255, 255, 255), face, 150, drawing.weight)
    else:
        thick = round(drawing.weight / 6)
        cv2.putText(
            big, sign, (40, 170), cv2.FONT_HERSHEY_SIMPLEX, 5.0, (255, 255, 255), thick, cv2.LINE_AA
        )
    ink = big[..., 0]
    rows, columns = np.flatnonzero(ink.max(axis=1) > 40), np.flatnonzero(ink.max(axis=0) > 40)
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = 76 / cut.shape[0]
    size = (max(2, round(cut.shape[1] * scale)), 76)
    return np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
