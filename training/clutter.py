# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the finder must not take for a plate: lettering, signs, stickers, grilles, lamps, stamps.

Nothing here has a plate's own look (a light board, four to nine capitals and digits, one line):
what does is drawn by ``plates`` and counts as one.
"""

import random
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Tone = tuple[float, float, float]
_LOWER = "abcdefghilmnoprstuvz"
_UPPER = _LOWER.upper()
_BRANDS = ("TURBO", "TDI", "GTI", "16V", "4x4", "hybrid", "diesel", "sport", "1.9 TDI", "V6")
_SHOPS = ("BAR", "PIZZERIA", "FARMACIA", "TABACCHI", "Market", "OUTLET", "Hotel", "SALDI", "CASA")
_ROAD = ("STOP", "50", "30", "ZTL", "P", "70", "VARCO ATTIVO", "BUS", "TAXI", "USCITA", "130")
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_PLAIN,
)  # fmt: skip
_FACES = ("sans", "serif", "italic")


class Clutter:
    """Draws things into a board (H, W, 3 float32 BGR 0..255), never over a plate."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._faces = [cv2.FontFace(name) for name in _FACES]

    def add(self, board: Floats, quads: Sequence[Floats]) -> None:
        """Draw one thing somewhere, if it covers none of the plates."""
        dice, (height, width) = self._dice, board.shape[:2]
        kinds = (
            self._board, self._board, self._lettering, self._lettering, self._sticker,
            self._grille, self._lamp, self._road_sign, self._house_number, self._stamp, self._blank,
        )  # fmt: skip
        wide = round(width * dice.uniform(0.08, 0.9) ** 1.3) + 8
        tall = max(6, round(wide * dice.uniform(0.12, 0.8)))
        x, y = dice.randint(-wide // 4, width - wide // 2), dice.randint(-4, height - tall // 2)
        for quad in quads:
            left, top = quad.min(axis=0) - 4
            right, foot = quad.max(axis=0) + 4
            if left < x + wide and right > x and top < y + tall and foot > y:
                return
        piece = np.zeros((tall, wide, 3), np.float32)
        x0, y0 = max(0, x), max(0, y)
        part = board[y0 : y + tall, x0 : x + wide]
        if not part.size:
            return
        inner = piece[y0 - y :, x0 - x :][: part.shape[0], : part.shape[1]]
        inner[:] = part
        dice.choice(kinds)(piece)
        if dice.random() < 0.25:
            piece = cv2.GaussianBlur(piece, (0, 0), dice.uniform(0.5, 2.0))
            inner = piece[y0 - y :, x0 - x :][: part.shape[0], : part.shape[1]]
        part[:] = inner

    def stripes(self, board: Floats) -> None:
        """Draw bars over the whole board: a fence, a zebra crossing, a shutter."""
        dice, side = self._dice, board.shape[0]
        step, tone = dice.randint(6, 60), self._tone()
        fill = max(1, round(step * dice.uniform(0.15, 0.7)))
        for at in range(dice.randint(0, step), side, step):
            part = board[:, at : at + fill] if dice.random() < 0.5 else board[at : at + fill]
            part[:] = part * 0.3 + np.array(tone, np.float32) * 0.7

    def body(self, board: Floats, quad: Floats) -> None:
        """Draw the end of a car around where a plate will hang: paint, lamps, grille, badges."""
        dice = self._dice
        middle, side = quad.mean(axis=0), quad[1] - quad[0]
        wide = float(np.linalg.norm(side))
        turn = float(np.degrees(np.arctan2(side[1], side[0])))
        full = (round(wide * dice.uniform(2.6, 3.8)), round(wide * dice.uniform(1.2, 2.2)))
        car = np.full((max(8, full[1]), max(8, full[0]), 3), self._tone(), np.float32)
        foot = round(car.shape[0] * dice.uniform(0.3, 0.8))
        car *= np.linspace(1.15, 0.65, car.shape[0], dtype=np.float32)[:, None, None]
        if dice.random() < 0.6:
            car[foot:] = car[foot:] * dice.uniform(0.1, 0.9)
        self._ends(car, wide)
        size = (car.shape[1], car.shape[0])
        matrix = cv2.getRotationMatrix2D((size[0] / 2, foot), -turn, 1.0)
        matrix[:, 2] += middle - (size[0] / 2, foot)
        reach = (board.shape[1], board.shape[0])
        over = cv2.warpAffine(car, matrix, reach)
        share = cv2.warpAffine(np.ones(car.shape[:2], np.float32), matrix, reach)[..., None]
        board[:] = board * (1 - share) + over * share

    def _ends(self, car: Floats, wide: float) -> None:
        """Furnish a car's end: two lamps, a grille or a lid's line, badges, a recess."""
        dice, (height, width) = self._dice, car.shape[:2]
        lamp = (max(3, round(wide * dice.uniform(0.3, 0.7))), max(3, round(wide * 0.28)))
        y = round(height * dice.uniform(0.05, 0.45))
        tone = dice.choice(((30.0, 30.0, 190.0), (210.0, 215.0, 220.0), (40.0, 90.0, 200.0)))
        for left in (0, width - lamp[0]):
            part = car[y : y + lamp[1], left : left + lamp[0]]
            part[:] = np.array(tone, np.float32) * dice.uniform(0.5, 1.2)
            part[part.shape[0] // 2 :] *= dice.uniform(0.5, 1.3)
        if dice.random() < 0.5:
            x, tall = round(width * 0.3), max(3, round(wide * dice.uniform(0.15, 0.45)))
            self._grille(car[y : y + tall, x : width - x])
        for _ in range(dice.randint(0, 3)):
            w, h = max(10, round(wide * dice.uniform(0.25, 0.8))), max(6, round(wide * 0.16))
            x = dice.randint(0, max(0, width - w))
            top = dice.randint(0, max(0, height - h))
            self._badge(car[top : top + h, x : x + w])
        if dice.random() < 0.4:
            w, h = round(wide * dice.uniform(1.1, 1.6)), round(wide * dice.uniform(0.25, 0.5))
            x, top = (width - w) // 2, max(0, round(height * 0.5) - h // 2)
            car[top : top + h, max(0, x) : x + w] *= dice.uniform(0.3, 1.3)

    def _tone(self) -> Tone:
        dice = self._dice
        gray = dice.uniform(0, 255)
        if dice.random() < 0.5:
            return (gray, gray, gray)
        return (dice.uniform(0, 255), dice.uniform(0, 255), dice.uniform(0, 255))

    def _words(self) -> str:
        dice = self._dice
        kind = dice.random()
        if kind < 0.3:
            letters = dice.choice((_LOWER, _UPPER))
            return "".join(dice.choice(letters) for _ in range(dice.randint(3, 14)))
        if kind < 0.5:
            return dice.choice(_SHOPS)
        if kind < 0.62:
            return dice.choice(_BRANDS)
        if kind < 0.78:  # a telephone number or an address on the web
            if dice.random() < 0.4:
                name = "".join(dice.choice(_LOWER) for _ in range(dice.randint(4, 9)))
                return f"www.{name}.it"
            return " ".join(str(dice.randint(100, 9999)) for _ in range(3))
        return " ".join(
            "".join(dice.choice(_UPPER) for _ in range(dice.randint(2, 8)))
            for _ in range(dice.randint(2, 3))
        )

    def _write(self, piece: Floats, words: str, tone: Tone, fill: float = 0.85) -> None:
        """Write words as large as the piece allows, in any of OpenCV's fonts."""
        dice, (height, width) = self._dice, piece.shape[:2]
        if height < 5 or width < 8:
            return
        board = np.zeros((60, 44 * max(1, len(words)) + 20, 3), np.uint8)
        white = (255, 255, 255)
        if dice.random() < 0.65:
            face, weight = dice.choice(self._faces), dice.choice((400, 600, 800))
            cv2.putText(board, words, (5, 46), white, face, 40, weight)
        else:
            font, thick = dice.choice(_FONTS), dice.randint(1, 5)
            cv2.putText(board, words, (5, 46), font, 1.4, white, thick, cv2.LINE_AA)
        ink = board[..., 0]
        columns, rows = np.flatnonzero(ink.max(axis=0)), np.flatnonzero(ink.max(axis=1))
        if not columns.size:
            return
        ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        scale = min(width * fill / ink.shape[1], height * fill / ink.shape[0])
        size = (max(2, round(ink.shape[1] * scale)), max(2, round(ink.shape[0] * scale)))
        mask = cv2.resize(ink, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        x, y = (width - size[0]) // 2, (height - size[1]) // 2
        part = piece[y : y + size[1], x : x + size[0]]
        part[:] += (np.array(tone, np.float32) - part) * mask[..., None]

    def _board(self, piece: Floats) -> None:
        """Draw a shop's board or a poster: several lines, or one long one."""
        dice = self._dice
        piece[:] = self._tone()
        if dice.random() < 0.4:
            cv2.rectangle(piece, (0, 0), (piece.shape[1] - 1, piece.shape[0] - 1), self._tone(), 2)
        lines = dice.randint(1, 4)
        tall = piece.shape[0] // lines
        tone = self._tone()
        for line in range(lines):
            self._write(piece[line * tall : (line + 1) * tall], self._words(), tone)

    def _lettering(self, piece: Floats) -> None:
        """Letter whatever is there: a lorry's side, a T-shirt, a wall."""
        tone = self._tone()
        for line in range(lines := self._dice.choice((1, 1, 1, 2, 3))):
            tall = piece.shape[0] // lines
            self._write(piece[line * tall : (line + 1) * tall], self._words(), tone, 0.95)

    def _badge(self, piece: Floats) -> None:
        tone = self._tone()
        if self._dice.random() < 0.7:
            word = self._dice.choice(_BRANDS) if self._dice.random() < 0.5 else self._words()
            self._write(piece, word, tone)
        else:
            self._sticker(piece)

    def _sticker(self, piece: Floats) -> None:
        """Draw a round or oval sticker with one to three signs."""
        dice, (height, width) = self._dice, piece.shape[:2]
        half = (max(2, min(width, round(height * dice.uniform(1, 1.7))) // 2 - 1), height // 2 - 1)
        middle = (width // 2, height // 2)
        axes = (half[0], max(2, half[1]))
        cv2.ellipse(piece, middle, axes, 0, 0, 360, self._tone(), -1, cv2.LINE_AA)
        cv2.ellipse(piece, middle, axes, 0, 0, 360, self._tone(), 1, cv2.LINE_AA)
        word = dice.choice(("I", "SK", "CZ", "D", "P", "F", "SLO", "90", "80", "A", "BIO"))
        w, h = round(half[0] * 0.7), round(half[1] * 0.7)
        inner = piece[middle[1] - h : middle[1] + h, middle[0] - w : middle[0] + w]
        self._write(inner, word, self._tone(), 0.95)

    def _grille(self, piece: Floats) -> None:
        """Draw bars, straight or crossed, as grilles, vents and gratings have."""
        dice, (height, width) = self._dice, piece.shape[:2]
        dark, light = self._tone(), self._tone()
        if dice.random() < 0.7:
            piece[:] = np.array(dark, np.float32) * 0.3
        step = max(2, round(min(height, width) * dice.uniform(0.08, 0.4)))
        thick = max(1, round(step * dice.uniform(0.2, 0.6)))
        way = dice.randint(0, 2)
        for at in range(0, height if way != 1 else 0, step):
            cv2.line(piece, (0, at), (width, at), light, thick)
        for at in range(0, width if way != 0 else 0, step):
            cv2.line(piece, (at, 0), (at, height), light, thick)

    def _lamp(self, piece: Floats) -> None:
        """Draw a lamp: a bright shape with a darker rim and a line or two in it."""
        dice, (height, width) = self._dice, piece.shape[:2]
        bright = tuple(dice.uniform(150, 255) for _ in range(3))
        piece[:] = np.array(bright, np.float32) * dice.uniform(0.6, 1.0)
        cv2.rectangle(piece, (0, 0), (width - 1, height - 1), self._tone(), dice.randint(1, 3))
        for _ in range(dice.randint(0, 3)):
            at = dice.randint(0, width)
            cv2.line(piece, (at, 0), (at, height), self._tone(), dice.randint(1, 3))

    def _road_sign(self, piece: Floats) -> None:
        """Draw a round, three-cornered or square road sign with a word or a bar."""
        dice, (height, width) = self._dice, piece.shape[:2]
        half = max(3, min(height, width) // 2 - 1)
        x, y = width // 2, height // 2
        rim = dice.choice(((30, 30, 200), (190, 90, 20), (40, 140, 40), (30, 200, 240)))
        face = dice.choice(((245, 245, 245), rim, (20, 210, 250)))
        kind = dice.randint(0, 2)
        if kind == 0:
            cv2.circle(piece, (x, y), half, rim, -1, cv2.LINE_AA)
            cv2.circle(piece, (x, y), max(1, round(half * 0.75)), face, -1, cv2.LINE_AA)
        elif kind == 1:
            shape = np.array([[x, y - half], [x + half, y + half], [x - half, y + half]])
            cv2.fillPoly(piece, [shape], rim, cv2.LINE_AA)
        else:
            cv2.rectangle(piece, (x - half, y - half), (x + half, y + half), rim, -1)
        room = max(2, round(half * 0.6))
        inner = piece[y - room : y + room, x - room : x + room]
        self._write(inner, dice.choice(_ROAD), dice.choice(((0, 0, 0), (255, 255, 255))), 0.95)

    def _house_number(self, piece: Floats) -> None:
        """Draw a tile with one to three digits."""
        dice, (height, width) = self._dice, piece.shape[:2]
        wide = min(width, round(height * dice.uniform(0.8, 1.4)))
        tile = piece[:, :wide]
        tile[:] = dice.choice(((240, 240, 240), (170, 60, 20), (30, 30, 30)))
        number = str(dice.randint(1, 199)) + dice.choice(("", "", "", "b", "A"))
        self._write(tile, number, self._tone(), 0.7)

    def _stamp(self, piece: Floats) -> None:
        """Burn in what cameras burn in: date, time, a name."""
        dice = self._dice
        day = f"{dice.randint(1, 31):02d}/{dice.randint(1, 12):02d}/20{dice.randint(10, 29)}"
        time = f"{dice.randint(0, 23):02d}:{dice.randint(0, 59):02d}:{dice.randint(0, 59):02d}"
        words = dice.choice((f"{day} {time}", time, day, f"CAM {dice.randint(1, 16):02d}"))
        tone: Tone = (255.0, 255.0, 255.0)
        if dice.random() < 0.4:
            piece[:] = 0
        elif dice.random() < 0.3:
            tone = (0.0, 255.0, 255.0)
        rows = max(6, min(piece.shape[0], round(piece.shape[1] * 0.12)))
        self._write(piece[:rows], words, tone, 0.95)

    def _blank(self, piece: Floats) -> None:
        """Draw a light board with nothing on it, or with lines and a picture."""
        dice, (height, width) = self._dice, piece.shape[:2]
        rows = max(5, min(height, round(width * dice.uniform(0.18, 0.6))))
        tile = piece[:rows]
        light = dice.uniform(150, 255)
        tile[:] = light
        cv2.rectangle(tile, (0, 0), (width - 1, rows - 1), self._tone(), dice.randint(1, 3))
        for _ in range(dice.choice((0, 0, 1, 3))):
            at = dice.randint(0, rows)
            cv2.line(tile, (0, at), (width, at), self._tone(), dice.randint(1, 3))
