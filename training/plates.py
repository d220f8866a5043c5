# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Draw synthetic number plates, gray, with what stands around the number and must not be read.

Bands with stars and letters, year discs, province and department codes, shields, seals,
inspection stickers, screws, and dealers' frames with lettering. Every sign that counts is
remembered with its place, so that a net can be shown where it is.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from training.glyphs import HEIGHT_PX, Face
from training.layouts import (
    ALPHABET,
    LETTERS,
    PROVINCES,
    Layout,
    choose,
    label,
    spell,
)

Gray = npt.NDArray[np.uint8]
ONE_PX, TWO_PX = 80, 124
"""Height of the plate's own picture, frame not included: one line, two lines."""
GRAYS = {
    "white": (185, 255),
    "silver": (120, 200),
    "yellow": (140, 215),
    "black": (5, 60),
    "red": (45, 105),
    "green": (50, 110),
    "blue": (35, 105),
    "ink": (0, 65),
    "light": (185, 255),
    "band": (35, 110),
}
_DARK = ("black", "red", "green", "blue")


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign to be read: its class (index into ``ALPHABET``), centre (px) and line 0 or 1."""

    kind: int
    x: float
    y: float
    line: int


@dataclass(slots=True)
class Plate:
    """A drawn plate: picture, text, signs, and the plate's own box in it (x0, y0, x1, y1)."""

    picture: Gray
    text: str
    signs: list[Sign]
    box: tuple[int, int, int, int]
    two: bool
    country: str


@dataclass(slots=True)
class Pen:
    """Where a plate is being drawn and with what."""

    board: Gray
    dice: random.Random
    face: Face
    small: Face
    ground: int
    ink: int
    bold: int = 0
    relief: int = 0
    signs: list[Sign] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Line:
    """A line's place: left, top, right and height of its signs (px), its number, its style."""

    left: float
    top: float
    right: float
    height: float
    number: int
    aspect: float
    gap: float
    cell: bool


class Printer:
    """Draws plates, the same ones for the same seed, layouts and faces."""

    def __init__(
        self, of: tuple[Layout, ...], faces: Sequence[Face], seed: int, two: float = 0.27
    ) -> None:
        self.dice = random.Random(seed)
        self._layouts, self._faces, self._two = of, faces, two

    def plate(self, only: str = "", text: str = "") -> Plate:
        """Draw a plate of any country, or of one; ``text`` is written instead of a drawn one."""
        dice = self.dice
        two = dice.random() < self._two and not text
        fit = tuple(one for one in self._layouts if not only or one.country == only)
        layout = choose(fit, two, dice)
        pattern = dice.choice(layout.two if two else layout.one)
        lines = (text,) if text else spell(pattern, dice)
        pen = self._pen(layout, lines)
        if two:
            _two_lines(pen, layout, lines)
        else:
            _one_line(pen, layout, lines[0])
        _wear(pen)
        picture, at = _framed(pen, layout)
        height, width = pen.board.shape
        signs = [Sign(s.kind, s.x + at[0], s.y + at[1], s.line) for s in pen.signs]
        box = (at[0], at[1], at[0] + width, at[1] + height)
        return Plate(picture, label(lines), signs, box, two, layout.country)

    def _pen(self, layout: Layout, lines: tuple[str, ...]) -> Pen:
        dice = self.dice
        colour = dice.choice(layout.ground)
        ground = shade(dice, colour)
        ink = shade(dice, "light" if colour in _DARK else dice.choice(layout.inks))
        if dice.random() < 0.06 and colour not in _DARK:
            ground, ink = shade(dice, "light"), shade(dice, "ink")  # as an infrared lamp shows it
        if abs(ground - ink) < 70:
            ink = max(0, ground - 120) if ground > 120 else min(255, ground + 120)
        two = len(lines) == 2
        if two:
            width = round(TWO_PX * dice.uniform(1.05, 1.75))
        else:
            short = len(label(lines)) <= 5 and dice.random() < 0.4
            width = round(ONE_PX * (dice.uniform(2.6, 4.0) if short else dice.uniform(3.9, 5.1)))
        board = np.full((TWO_PX if two else ONE_PX, width), ground, np.uint8)
        face, small = dice.choice(self._faces), dice.choice(self._faces)
        bold = dice.choice((0, 0, 0, 0, 0, 0, 2, -1))
        return Pen(board, dice, face, small, ground, ink, bold, dice.choice((0, 0, 0, 1, -1)))


def shade(dice: random.Random, colour: str) -> int:
    """Return a gray (0..255) that a camera may show for a colour's name."""
    low, high = GRAYS["ink" if colour == "black_ink" else colour]
    return dice.randint(low, high)


def _one_line(pen: Pen, layout: Layout, text: str) -> None:
    dice, (height, width) = pen.dice, pen.board.shape
    _rim(pen, layout)
    left, right = 4.0, width - 4.0
    band = height * dice.uniform(0.34, 0.50)
    if layout.left is not None and dice.random() >= layout.free:
        _band(pen, (2, 2, round(band), height - 2), layout.left, dice.random() < 0.85)
        left = band + 2
    if layout.right and dice.random() < 0.8:
        wide = band * dice.uniform(0.85, 1.1)
        _right_band(pen, (round(width - wide), 2, width - 2, height - 2), layout.right)
        right = width - wide - 2
    if layout.sign and dice.random() < 0.8:
        left += _country_sign(pen, left, layout.sign)
    elif dice.random() < 0.06:
        left += _country_sign(pen, left, dice.choice(("", "I", "F", "H", "CZ", "SLO")))
    tall = height * (dice.uniform(0.56, 0.84) if dice.random() < 0.9 else dice.uniform(0.42, 0.56))
    top = (height - tall) / 2 + dice.uniform(-0.06, 0.08) * height * (0.84 - tall / height + 0.1)
    style = _style(dice)
    margin = height * dice.uniform(0.02, 0.16)
    _write(pen, text, Line(left + margin, top, right - margin, tall, 0, *style))
    if layout.above or dice.random() < 0.03:
        _words(pen, (round(left), 3, round(right), max(9, round(top) - 2)), pen.ink)


def _two_lines(pen: Pen, layout: Layout, lines: tuple[str, ...]) -> None:
    dice, (height, width) = pen.dice, pen.board.shape
    _rim(pen, layout)
    lefts, rights = [4.0, 4.0], [width - 4.0, width - 4.0]
    tall = height * dice.uniform(0.33, 0.45)
    tops = (height * dice.uniform(0.03, 0.48 - tall / height), height * dice.uniform(0.505, 0.54))
    if layout.left is not None and dice.random() >= layout.free:
        wide = width * dice.uniform(0.12, 0.19)
        lower = dice.random() < 0.2
        full = dice.random() < 0.12
        y0 = 2 if full or not lower else height // 2
        y1 = height - 2 if full or lower else round(height * dice.uniform(0.42, 0.52))
        _band(pen, (2, y0, round(wide), y1), layout.left, dice.random() < 0.8)
        for line in (0, 1):
            if full or line == int(lower):
                lefts[line] = wide + 2
    if layout.right and dice.random() < 0.75:
        wide = width * dice.uniform(0.10, 0.18)
        box = (round(width - wide), 2, width - 2, round(height * dice.uniform(0.42, 0.52)))
        _right_band(pen, box, layout.right)
        rights[0] = width - wide - 2
    if dice.random() < 0.15:
        box = (round(width * 0.8), 4, width - 5, round(height * 0.46))
        _sticker(pen, box)
        rights[0] = min(rights[0], box[0] - 2)
    style = (dice.uniform(0.42, 0.74), *_style(dice)[1:])
    margin = width * dice.uniform(0.01, 0.06)
    for line, text in enumerate(lines):
        place = Line(lefts[line] + margin, tops[line], rights[line] - margin, tall, line, *style)
        _write(pen, text, place)
    if dice.random() < 0.06:
        _words(pen, (6, round(height * 0.94), width - 6, height - 1), pen.ink)


def _style(dice: random.Random) -> tuple[float, float, bool]:
    return dice.uniform(0.42, 0.66), dice.uniform(0.06, 0.24), dice.random() < 0.5


def _write(pen: Pen, text: str, line: Line) -> None:
    """Write a line, squeezed if it is too long, and remember where its signs are."""
    widths = [_advance(pen, sign, line) for sign in text]
    total = sum(widths) + line.gap * line.height * max(0, len(text) - 1)
    room = line.right - line.left
    squeeze = min(1.0, room / max(1.0, total))
    spare = max(0.0, room - total * squeeze)
    spread = pen.dice.random() < 0.35 and len(text) > 3
    step = line.gap * line.height * squeeze
    if spread:
        extra = spare * pen.dice.uniform(0.5, 1.0) / (len(text) - 1)
        extra = min(extra, line.height * 0.25)
        step += extra
        spare -= extra * (len(text) - 1)
    x = line.left + spare * pen.dice.choice((0.5, 0.5, 0.5, 0.0, 1.0, pen.dice.random()))
    for sign, advance in zip(text, widths, strict=True):
        wide = advance * squeeze
        _place(pen, sign, (x, wide), line)
        x += wide + step


def _advance(pen: Pen, sign: str, line: Line) -> float:
    """Return how wide a sign or separator is drawn, px."""
    height, dice = line.height, pen.dice
    if sign in " _-.=*:":
        low, high = {
            " ": (0.10, 0.42),
            "_": (0.5, 1.0),
            "-": (0.16, 0.34),
            ".": (0.10, 0.2),
            "=": (0.3, 0.45),
            "*": (0.28, 0.6),
            ":": (0.2, 0.42),
        }[sign]
        return height * dice.uniform(low, high)
    mask = pen.face.glyph(sign)
    natural = float(mask.shape[1] / HEIGHT_PX)
    usual = max(0.3, float(pen.face.glyph("H").shape[1] / HEIGHT_PX))
    wide = height * line.aspect * min(1.5, natural / usual)
    if line.cell:
        return height * line.aspect if natural / usual < 1.1 else wide
    return wide * (0.75 if sign.islower() else 1.0)


def _place(pen: Pen, sign: str, across: tuple[float, float], line: Line) -> None:
    x, wide = across
    middle = (x + wide / 2, line.top + line.height / 2)
    if sign in " _":
        return
    if sign in "-.=":
        _bar(pen, sign, middle, wide, line.height)
        return
    if sign in "*:":
        _between(pen, sign, middle, wide, line.height)
        return
    mask = pen.face.glyph(sign)
    natural = mask.shape[1] / HEIGHT_PX * line.aspect
    natural /= max(0.3, pen.face.glyph("H").shape[1] / HEIGHT_PX)
    drawn = min(wide, max(3.0, natural * line.height)) if line.cell else wide
    tall = line.height * (0.76 if sign.islower() else 1.0)
    box = (middle[0] - drawn / 2, line.top + line.height - tall, drawn, tall)
    _stamp(pen, mask, box, pen.ink, pen.bold)
    kind = ALPHABET.index(sign.upper())
    pen.signs.append(Sign(kind, middle[0], middle[1], line.number))


def _stamp(
    pen: Pen, mask: Gray, box: tuple[float, float, float, float], ink: int, bold: int = 0
) -> None:
    """Press a mask into the board; ``box`` is left, top, width, height."""
    wide, tall = max(2, round(box[2])), max(3, round(box[3]))
    cut = cv2.resize(mask, (wide, tall), interpolation=cv2.INTER_AREA)
    if bold > 0:
        cut = cv2.dilate(cut, np.ones((bold, bold), np.uint8))
    elif bold < 0:
        cut = cv2.erode(cut, np.ones((1 - bold, 1 - bold), np.uint8))
    x, y = round(box[0]), round(box[1])
    if pen.relief and tall > 20:
        _blend(pen.board, cut, (x + 1, y + 1), ink + pen.relief * 60 if pen.relief else ink)
    _blend(pen.board, cut, (x, y), ink)


def _blend(board: Gray, cut: npt.NDArray[np.generic], at: tuple[int, int], ink: int) -> None:
    x, y = max(0, at[0]), max(0, at[1])
    cut = cut[y - at[1] :, x - at[0] :]
    part = board[y : y + cut.shape[0], x : x + cut.shape[1]]
    if part.size:
        alpha = cut[: part.shape[0], : part.shape[1]].astype(np.float32) / 255.0
        part[:] = (part + (min(255, max(0, ink)) - part.astype(np.float32)) * alpha).astype(
            np.uint8
        )


def _bar(pen: Pen, sign: str, middle: tuple[float, float], wide: float, tall: float) -> None:
    thick = max(1.0, tall * pen.dice.uniform(0.04, 0.09))
    half = wide / 2 if sign != "." else thick
    shifts = (-tall * 0.1, tall * 0.1) if sign == "=" else (pen.dice.uniform(-0.05, 0.1) * tall,)
    for shift in shifts:
        low = (round(middle[0] - half), round(middle[1] + shift - thick))
        high = (round(middle[0] + half), round(middle[1] + shift + thick))
        if sign == "." and pen.dice.random() < 0.5:
            cv2.circle(pen.board, low, max(1, round(thick)), pen.ink, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(pen.board, low, high, pen.ink, -1)


def _between(pen: Pen, sign: str, middle: tuple[float, float], wide: float, tall: float) -> None:
    """Draw what stands between groups: a shield or sticker, or two above each other."""
    dice, half = pen.dice, wide / 2
    if sign == "*" and dice.random() < 0.75:
        shift = dice.uniform(-0.25, 0.25) * tall
        high = half * dice.uniform(0.9, 1.4)
        emblem(pen, (middle[0], middle[1] + shift), half * dice.uniform(0.75, 1.0), high)
        if dice.random() < 0.2:
            _bar(pen, "-", (middle[0], middle[1] + 0.1 * tall), wide, tall)
        if dice.random() < 0.12:
            words = "".join(dice.choice(LETTERS) for _ in range(dice.randint(2, 8)))
            y = round(middle[1] + shift + high + 1)
            _small(pen, words, (round(middle[0] - half), y, round(middle[0] + half), y + 5))
        return
    reach = tall * dice.uniform(0.16, 0.3)
    for way in (-1, 1):
        if dice.random() < 0.9:
            radius = min(half, reach) * dice.uniform(0.65, 1.0)
            emblem(pen, (middle[0], middle[1] + way * reach), radius, radius, round_only=True)
    if dice.random() < 0.25:
        _bar(pen, "-", middle, wide, tall)


def emblem(
    pen: Pen, at: tuple[float, float], half: float, high: float, round_only: bool = False
) -> None:
    """Draw something like a shield, seal, sticker or flag of half size ``half`` x ``high``."""
    dice, board = pen.dice, pen.board
    x, y, w, h = round(at[0]), round(at[1]), max(2, round(half)), max(2, round(high))
    tone = dice.randint(0, 255)
    kind = 0 if round_only else dice.randrange(5)
    if kind <= 1:
        cv2.ellipse(
            board, (x, y), (w, h), 0, 0, 360, tone, dice.choice((1, 2, -1, -1)), cv2.LINE_AA
        )
        inner = (max(1, w * 2 // 3), max(1, h * 2 // 3))
        if dice.random() < 0.7:
            fill = dice.choice((1, -1))
            cv2.ellipse(board, (x, y), inner, 0, 0, 360, dice.randint(0, 255), fill, cv2.LINE_AA)
    elif kind <= 3:
        shape = np.array([[x - w, y - h], [x + w, y - h], [x + w, y], [x, y + h], [x - w, y]])
        cv2.fillPoly(board, [shape], tone, cv2.LINE_AA)
        if dice.random() < 0.6:
            cv2.polylines(board, [shape], True, pen.ink, 1, cv2.LINE_AA)
    else:
        cv2.rectangle(board, (x - w, y - h), (x + w, y + h), tone, dice.choice((1, -1, -1)))
    _inside(pen, (x, y), w, h)


def _inside(pen: Pen, at: tuple[int, int], w: int, h: int) -> None:
    dice, (x, y) = pen.dice, at
    tone = dice.randint(0, 255)
    chance = dice.random()
    if chance < 0.14:
        light = dice.randint(170, 255)
        thick = max(1, w // 2)
        cv2.line(pen.board, (x - w, y - h // 6), (x + w, y - h // 6), light, thick)
        cv2.line(pen.board, (x, y - h), (x, y + h), light, thick)
    elif chance < 0.28:
        cv2.line(pen.board, (x - w // 2, y - h // 4), (x + w // 2, y - h // 4), tone, 1)
        cv2.line(pen.board, (x, y - h // 2), (x, y + h // 2), tone, max(1, w // 6))
    elif chance < 0.45:
        cv2.rectangle(pen.board, (x - w // 2, y - h // 2), (x, y + h // 3), tone, -1)
    elif chance < 0.65:
        box = (x - w * 2 // 3, y - h // 2, x + w * 2 // 3, y + h // 2)
        text = "".join(dice.choice(ALPHABET) for _ in range(dice.randint(1, 2)))
        _small(pen, text, box, tone)
    elif chance < 0.85:
        for _ in range(dice.randint(2, 5)):
            spot = (x + dice.randint(-w, w) // 2, y + dice.randint(-h, h) // 2)
            cv2.circle(pen.board, spot, max(1, w // 5), dice.randint(0, 255), -1)


def _small(pen: Pen, text: str, box: tuple[int, int, int, int], ink: int | None = None) -> None:
    """Letter a box (x0, y0, x1, y1) with signs that are not to be read."""
    x0, y0, x1, y1 = box
    tall, room = y1 - y0, x1 - x0
    if tall < 4 or room < 3 or not text:
        return
    masks = [pen.small.glyph(sign) for sign in text]
    natural = [mask.shape[1] / HEIGHT_PX * tall for mask in masks]
    scale = min(1.0, room / (sum(natural) + 0.2 * tall * (len(text) - 1)))
    x = x0 + max(0.0, (room - scale * (sum(natural) + 0.2 * tall * (len(text) - 1))) / 2)
    for mask, wide in zip(masks, natural, strict=True):
        stamp = cv2.resize(mask, (max(1, round(wide * scale)), tall), interpolation=cv2.INTER_AREA)
        _blend(pen.board, stamp, (round(x), y0), pen.ink if ink is None else ink)
        x += (wide + 0.2 * tall) * scale


def _words(pen: Pen, box: tuple[int, int, int, int], ink: int) -> None:
    """Letter a strip with invented words, numbers and bars, as dealers do."""
    dice = pen.dice
    x0, y0, x1, y1 = box
    tall = max(3, round((y1 - y0) * dice.uniform(0.5, 0.9)))
    x = x0 + dice.uniform(0.0, 0.4) * (x1 - x0)
    top = y0 + (y1 - y0 - tall) // 2
    capitals = dice.random() < 0.7
    while x < x1 - 2 * tall and dice.random() < 0.9:
        pool = LETTERS if dice.random() < 0.7 else ALPHABET[:10] + ".-/"
        word = "".join(dice.choice(pool) for _ in range(dice.randint(2, 10)))
        word = "".join(sign for sign in word if sign in ALPHABET)
        wide = min(x1 - x, len(word) * tall * dice.uniform(0.5, 0.9))
        if word:
            _small(
                pen,
                word if capitals or pen.small.font is None else word.lower(),
                (round(x), top, round(x + wide), top + tall),
                ink,
            )
        x += wide + tall * dice.uniform(0.4, 1.5)


def _rim(pen: Pen, layout: Layout) -> None:
    dice, (height, width) = pen.dice, pen.board.shape
    if layout.edges and dice.random() < 0.8:
        tone = shade(dice, layout.edges)
        thick = dice.randint(1, 3)
        if dice.random() < 0.5:
            cv2.rectangle(pen.board, (0, 0), (width - 1, height - 1), tone, thick)
        else:
            pen.board[:thick] = tone
            pen.board[-thick:] = tone
    elif dice.random() < 0.7:
        inset = dice.randint(0, 3)
        tone = pen.ink if dice.random() < 0.75 else dice.randint(0, 255)
        corner = (width - 1 - inset, height - 1 - inset)
        cv2.rectangle(pen.board, (inset, inset), corner, tone, dice.randint(1, 3))


def _band(pen: Pen, box: tuple[int, int, int, int], country: str, stars: bool) -> None:
    """Fill a blue band with a ring of stars, or a flag, and the country's letters."""
    dice = pen.dice
    x0, y0, x1, y1 = box
    tone = shade(dice, "band") if dice.random() < 0.88 else dice.randint(20, 200)
    light = dice.randint(190, 255) if tone < 140 else dice.randint(0, 60)
    pen.board[y0:y1, x0:x1] = tone
    wide, high = x1 - x0, y1 - y0
    centre = (x0 + wide / 2, y0 + high * dice.uniform(0.26, 0.36))
    radius = wide * dice.uniform(0.24, 0.36)
    if stars:
        yellow = dice.randint(150, 235)
        for star in range(12):
            angle = star * np.pi / 6
            spot = (
                round(centre[0] + radius * float(np.sin(angle))),
                round(centre[1] - radius * float(np.cos(angle))),
            )
            cv2.circle(pen.board, spot, 1 if wide < 34 else 2, yellow, -1)
    elif dice.random() < 0.6:
        for part in range(3):
            y = round(centre[1] - radius + part * radius * 2 / 3)
            one, other = (round(x0 + wide * 0.2), y), (round(x1 - wide * 0.2), y + 5)
            cv2.rectangle(pen.board, one, other, dice.randint(0, 255), -1)
    letters = country or dice.choice(("", "", "I", "D", "F", "SK", "RUS", "AND"))
    tall = high * dice.uniform(0.16, 0.3)
    low = y0 + high * dice.uniform(0.6, 0.68)
    pad = wide * dice.uniform(0.08, 0.25)
    place = (round(x0 + pad), round(low), round(x1 - pad), round(min(y1 - 2, low + tall)))
    if dice.random() < 0.94:
        _small(pen, letters, place, light)


def _right_band(pen: Pen, box: tuple[int, int, int, int], kind: str) -> None:
    """Draw the right band: year and province, department, year and month, or only colour."""
    dice = pen.dice
    x0, y0, x1, y1 = box
    wide, high = x1 - x0, y1 - y0
    tone = shade(dice, "yellow" if kind == "p" else "red" if kind == "red" else "band")
    light = dice.randint(190, 255) if tone < 140 else dice.randint(0, 60)
    pen.board[y0:y1, x0:x1] = tone
    if kind in {"blue", "red"} or dice.random() < 0.12:
        return
    pad = round(wide * dice.uniform(0.1, 0.25))
    upper = (x0 + pad, round(y0 + high * 0.14), x1 - pad, round(y0 + high * 0.38))
    lower = (x0 + pad, round(y0 + high * 0.62), x1 - pad, round(y0 + high * 0.86))
    number = f"{dice.randrange(100):02d}"
    if kind == "it":
        if dice.random() < 0.75:
            middle = ((x0 + x1) // 2, (upper[1] + upper[3]) // 2)
            radius = max(3, round(wide * dice.uniform(0.32, 0.44)))
            yellow = dice.randint(150, 235)
            cv2.circle(pen.board, middle, radius, yellow, dice.choice((1, 1, 2, -1)), cv2.LINE_AA)
            size = round(radius * dice.uniform(0.5, 0.75))
            place = (middle[0] - size, middle[1] - size, middle[0] + size, middle[1] + size)
            _small(pen, number, place, light if dice.random() < 0.5 else yellow)
        if dice.random() < 0.85:
            _small(pen, dice.choice(PROVINCES), lower, light)
    elif kind == "f":
        emblem(
            pen,
            ((x0 + x1) / 2, (upper[1] + upper[3]) / 2),
            wide * dice.uniform(0.2, 0.36),
            wide * dice.uniform(0.2, 0.4),
        )
        _small(pen, dice.choice((number, number, "2A", "974")), lower, light)
    else:
        _small(pen, number, upper, light)
        _small(pen, f"{dice.randint(1, 12):02d}", lower, light)


def _country_sign(pen: Pen, left: float, country: str) -> float:
    """Draw a shield, flag or oval with a country's letters; return the room it takes."""
    dice, height = pen.dice, pen.board.shape[0]
    wide = height * dice.uniform(0.18, 0.36)
    x = left + wide / 2 + 2
    if dice.random() < 0.85:
        emblem(pen, (x, height * dice.uniform(0.28, 0.42)), wide / 2, wide * 0.6)
    if dice.random() < 0.85:
        y = round(height * dice.uniform(0.58, 0.68))
        tall = round(height * dice.uniform(0.12, 0.2))
        _small(pen, country, (round(left + 1), y, round(left + wide + 3), y + tall))
    return float(wide + 4)


def _sticker(pen: Pen, box: tuple[int, int, int, int]) -> None:
    """Draw an inspection or toll sticker with a number on it."""
    dice = pen.dice
    x0, y0, x1, y1 = box
    tone = dice.randint(0, 255)
    cv2.rectangle(pen.board, (x0, y0), (x1, y1), tone, -1)
    text = "".join(dice.choice(ALPHABET[:10]) for _ in range(2))
    inset = max(1, (x1 - x0) // 5)
    ink = 255 - tone if abs(255 - 2 * tone) > 60 else 255
    _small(pen, text, (x0 + inset, y0 + inset, x1 - inset, y0 + (y1 - y0) * 2 // 3), ink)


def _wear(pen: Pen) -> None:
    """Add screws, caps, dirt and scratches."""
    dice, (height, width) = pen.dice, pen.board.shape
    for _ in range(dice.choice((0, 0, 1, 2, 2, 4))):
        x = dice.choice((dice.randrange(width), width // 5, width * 4 // 5))
        spot = (x, dice.choice((height // 9, height - height // 9, height // 2)))
        radius = dice.randint(1, 4)
        cv2.circle(pen.board, spot, radius, dice.randint(20, 230), -1, cv2.LINE_AA)
        if dice.random() < 0.4:
            cv2.circle(pen.board, spot, radius + 1, dice.randint(0, 120), 1, cv2.LINE_AA)
    if dice.random() < 0.12:
        for _ in range(dice.randint(3, 25)):
            spot = (dice.randrange(width), dice.randrange(height))
            cv2.circle(pen.board, spot, dice.choice((1, 1, 2, 3)), dice.randint(20, 200), -1)
    if dice.random() < 0.06:
        tone = dice.randint(40, 160)
        rows = round(height * dice.uniform(0.1, 0.4))
        part = pen.board[-rows:]
        fade = np.linspace(0, dice.uniform(0.2, 0.7), rows, dtype=np.float32)[:, None]
        part[:] = (part * (1 - fade) + tone * fade).astype(np.uint8)


def _framed(pen: Pen, layout: Layout) -> tuple[Gray, tuple[int, int]]:
    """Put the plate into its holder; return the picture and where the plate is in it."""
    del layout
    dice, (height, width) = pen.dice, pen.board.shape
    body = dice.randint(5, 235)
    if dice.random() < 0.35:
        return pen.board, (0, 0)
    side, top, foot = dice.randint(1, 6), dice.randint(1, 7), dice.randint(2, 8)
    if dice.random() < 0.6:
        foot = dice.randint(8, 22)
    if dice.random() < 0.12:
        top = dice.randint(8, 18)
    tone = dice.randint(0, 70) if dice.random() < 0.7 else body
    holder = np.full((height + top + foot, width + 2 * side), tone, np.uint8)
    holder[top : top + height, side : side + width] = pen.board
    ink = dice.randint(150, 255) if tone < 120 else dice.randint(0, 60)
    outer = Pen(holder, dice, pen.face, pen.small, tone, ink)
    if dice.random() < 0.25:
        strip = (
            round(width * 0.05),
            top + height + 1,
            round(width * 0.95),
            top + height + foot - 2,
        )
        holder[strip[1] : strip[3], strip[0] : strip[2]] = dice.randint(60, 255)
        outer.ink = dice.randint(0, 60)
    if foot > 7:
        _words(outer, (side, top + height + 1, width, top + height + foot - 1), outer.ink)
    if top > 7:
        _words(outer, (side, 1, width, top - 1), ink)
    return holder, (side, top)
