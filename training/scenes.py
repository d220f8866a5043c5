# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Pictures with plates in them, and with much that only looks like one, for the finder.

Grounds are drawn (walls, roads, stripes), taken from free photographs without plates, or are
streets with the simulator's cars. Plates are pasted in true perspective. Lettering, signs,
stickers, grilles, lamps and a camera's own time stamp are drawn as what must not be found.
Pictures are BGR, uint8; points are (x, y) px.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from gateway.simulator import cars
from gateway.simulator.perspective import Lens
from training.clutter import Clutter
from training.plates import Plate

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Quad = npt.NDArray[np.float32]
"""Shape (4, 2), px, clockwise from the plate's own top left."""
SIDE_PX = 224
_LEAST_TALL_PX = 5.0
"""Lower plates are neither shown nor denied to the net."""
_LEAST_INSIDE = 0.72
"""A plate cut more by the picture's edge is ignored likewise."""
_LEAST_CONTRAST = 5.0
"""Standard deviation of a plate's grays below which nobody could say what it is."""
_SMALL = 1.5
"""Above 1: more small plates than large ones."""
_STREET_PX = (960, 540)


@dataclass(frozen=True, slots=True)
class Scene:
    """A square picture (SIDE_PX), the plates in it, and those that do not count either way."""

    picture: Picture
    quads: tuple[Quad, ...]
    ignored: tuple[Quad, ...]


@dataclass(slots=True)
class _Work:
    board: Floats
    quads: list[Quad] = field(default_factory=list)


class Painter:
    """Paints scenes; the same ones for the same seed, plates and photographs."""

    def __init__(
        self, seed: int, plates: Callable[[], Plate], photos: Sequence[Picture] = ()
    ) -> None:
        self.dice = random.Random(seed)
        self._noise = np.random.default_rng(seed)
        self._plates, self._photos = plates, photos
        self._clutter = Clutter(self.dice)
        self._streets: list[tuple[Picture, tuple[Quad, ...]]] = []

    def scene(self) -> Scene:
        """Paint the next scene."""
        dice = self.dice
        work = self._ground()
        for _ in range(dice.choice((0, 0, 1, 1, 2, 3, 4))):
            self._clutter.add(work.board, work.quads)
        for _ in range(dice.choice((0, 1, 1, 2, 2, 3, 4))):
            self._paste(work)
        for _ in range(dice.choice((0, 1, 1, 2, 3))):
            self._clutter.add(work.board, work.quads)
        picture = self._photograph(work.board)
        shown = [
            _counts(quad) and _contrast(picture, quad) >= _LEAST_CONTRAST for quad in work.quads
        ]
        pairs = list(zip(work.quads, shown, strict=True))
        return Scene(
            picture,
            tuple(quad for quad, yes in pairs if yes),
            tuple(q for q, yes in pairs if not yes),
        )

    def _ground(self) -> _Work:
        chance = self.dice.random()
        if self._photos and chance < 0.5:
            photo = self.dice.choice(self._photos)
            board, _ = self._cut(photo, ())
            return _Work(board[:, ::-1].copy() if self.dice.random() < 0.5 else board)
        if chance < 0.75:
            if len(self._streets) < 24 or self.dice.random() < 0.06:
                self._streets = [*self._streets[-47:], self._street()]
            return _Work(*self._cut(*self.dice.choice(self._streets)))
        return _Work(self._drawn())

    def _cut(self, picture: Picture, quads: Sequence[Quad]) -> tuple[Floats, list[Quad]]:
        """Cut a square of any size, mostly around a plate, and bring it to SIDE_PX."""
        dice, (height, width) = self.dice, picture.shape[:2]
        side = min(width, height, SIDE_PX / math.exp(dice.uniform(math.log(0.4), math.log(2.6))))
        x, y = dice.uniform(0, width - side), dice.uniform(0, height - side)
        if quads and dice.random() < 0.8:
            middle = dice.choice(quads).mean(axis=0)
            x = float(np.clip(middle[0] - side * dice.uniform(0.1, 0.9), 0, width - side))
            y = float(np.clip(middle[1] - side * dice.uniform(0.1, 0.9), 0, height - side))
        at, size = (int(x), int(y)), max(8, int(side))
        part = picture[at[1] : at[1] + size, at[0] : at[0] + size]
        way = cv2.INTER_AREA if size > SIDE_PX else cv2.INTER_LINEAR
        board = cv2.resize(part, (SIDE_PX, SIDE_PX), interpolation=way).astype(np.float32)
        moved = [((quad - at) * (SIDE_PX / size)).astype(np.float32) for quad in quads]
        return board, [quad for quad in moved if _inside(quad) > 0]

    def _street(self) -> tuple[Picture, tuple[Quad, ...]]:
        """Draw two to four of the simulator's cars with plates on a drawn ground."""
        dice, (width, height) = self.dice, _STREET_PX
        lens = Lens(
            dice.uniform(700, 1900), dice.uniform(1.0, 6.5), dice.uniform(0.02, 0.28),
            (width / 2, height / 2),
        )  # fmt: skip
        ground = cv2.resize(self._drawn(), _STREET_PX)
        if self._photos and dice.random() < 0.6:
            ground = cv2.resize(dice.choice(self._photos), _STREET_PX).astype(np.float32)
        picture = np.clip(ground[..., ::-1], 0, 255).astype(np.uint8).copy()
        quads: list[Quad] = []
        for far in sorted((dice.uniform(6, 30) for _ in range(dice.randint(2, 4))), reverse=True):
            plate = self._plates()
            if plate.two:
                continue
            x0, y0, x1, y1 = plate.box
            texture = self._coloured(plate)[y0:y1, x0:x1, ::-1]
            body = dice.choice(cars.BODIES)
            red, green, blue = (float(dice.randint(15, 240)) for _ in range(3))
            facing = dice.choice(tuple(cars.Facing))
            paint = (red, green, blue)
            car = cars.Car(body, paint, facing, texture.astype(np.uint8), body is cars.VAN)
            at = (dice.uniform(-0.3, 0.3) * far, far)
            drawn = cars.draw_car(picture, lens, cars.build_car(car), at, dice.uniform(0.4, 1.0))
            left, top, right, foot = drawn.box
            quads = [q for q in quads if not _meets(q, (left, top, right, foot))]
            quads.append(drawn.plate.astype(np.float32))
        return picture[..., ::-1].copy(), tuple(quads)

    def _drawn(self) -> Floats:
        """Draw a ground: a slope of light, large and small shapes, a texture, perhaps stripes."""
        dice, side = self.dice, SIDE_PX
        low, high = (np.array([dice.uniform(10, 235) for _ in range(3)]) for _ in range(2))
        if dice.random() < 0.7:
            low, high = low.mean() + (low - low.mean()) / 4, high.mean() + (high - high.mean()) / 4
        slope = np.linspace(0, 1, side, dtype=np.float32)[:, None, None]
        board = np.broadcast_to(low + (high - low) * slope, (side, side, 3)).astype(np.float32)
        board = np.ascontiguousarray(board)
        for _ in range(dice.randint(0, 9)):
            tone = tuple(dice.uniform(0, 255) for _ in range(3))
            one = (dice.randint(-40, side), dice.randint(-40, side))
            two = (one[0] + dice.randint(10, 240), one[1] + dice.randint(6, 160))
            kind = dice.random()
            if kind < 0.6:
                cv2.rectangle(board, one, two, tone, dice.choice((-1, -1, 1, 3)))
            elif kind < 0.8:
                cv2.line(board, one, two, tone, dice.randint(1, 9), cv2.LINE_AA)
            else:
                cv2.circle(board, one, dice.randint(4, 70), tone, dice.choice((-1, 2)), cv2.LINE_AA)
        if dice.random() < 0.35:
            self._clutter.stripes(board)
        size = dice.choice((6, 24, 96, side))
        grain = self._noise.standard_normal((size, size, 1)).astype(np.float32)
        board += cv2.resize(grain, (side, side))[..., None] * dice.uniform(2, 22)
        return board

    def _coloured(self, plate: Plate) -> Picture:
        """Give a gray plate its colours: bands blue, the ground sometimes yellow or tinted."""
        dice, gray = self.dice, plate.picture.astype(np.float32)
        board = np.repeat(gray[..., None], 3, axis=2)
        x0, y0, x1, y1 = plate.box
        part = board[y0:y1, x0:x1]
        if dice.random() < 0.14:
            part *= np.array([dice.uniform(0.1, 0.4), dice.uniform(0.75, 0.9), 1.1], np.float32)
        elif dice.random() < 0.06:
            part *= np.array([dice.uniform(0.4, 1.4) for _ in range(3)], np.float32)
        band = max(4, round((x1 - x0) * 0.105))
        blue = np.array([2.3, 1.0, 0.35], np.float32)
        if dice.random() < 0.85:
            for columns in (part[:, :band], part[:, -band:]):
                dark = (columns[..., 1] > 28) & (columns[..., 1] < 115)
                if dark.mean() > 0.35:
                    columns[dark] = columns[dark] * blue + (25, 0, 0)
        return np.clip(board, 0, 255).astype(np.uint8)

    def _paste(self, work: _Work) -> None:
        """Paste one plate where it meets no other, sometimes on the end of a drawn car."""
        dice, plate = self.dice, self._plates()
        x0, y0, x1, y1 = plate.box
        low, high = (18, 115) if plate.two else (24, 205)
        share = dice.random() ** _SMALL
        wide = math.exp(math.log(low) + share * math.log(high / low))
        at = (dice.uniform(0, SIDE_PX), dice.uniform(0, SIDE_PX))
        hung = self._hung((x1 - x0, y1 - y0), wide)
        quad = (hung.reshape(-1, 2) + at).astype(np.float32)
        if _inside(quad) < 0.5 and dice.random() < 0.85:
            return
        box = (*quad.min(axis=0), *quad.max(axis=0))
        if any(_meets(other, box, 6) for other in work.quads):
            return
        if dice.random() < 0.55 and not work.quads:
            self._clutter.body(work.board, quad)
        self._press(work.board, self._coloured(plate), plate.box, quad)
        work.quads = [other for other in work.quads if not _meets(other, box)] + [quad]

    def _hung(self, size: tuple[int, int], wide: float) -> Quad:
        """Return a plate's corners around the origin, turned in space and seen by a lens."""
        dice = self.dice
        half = np.array([wide / 2, wide / 2 * size[1] / size[0]])
        flat = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        hard = dice.random() < 0.35
        yaw = math.radians(float(np.clip(dice.gauss(0, 38 if hard else 14), -68, 68)))
        pitch = math.radians(float(np.clip(dice.gauss(8, 18 if hard else 9), -45, 50)))
        roll = math.radians(float(np.clip(dice.gauss(0, 13 if hard else 3.5), -40, 40)))
        x, y = flat[:, 0], flat[:, 1]
        x, depth = x * math.cos(yaw), x * math.sin(yaw)
        y, depth = y * math.cos(pitch), depth + y * math.sin(pitch)
        depth = depth + np.abs(flat[:, 0]).max() * 2 * dice.uniform(2.5, 16)
        zoom = depth.mean() / depth
        x, y = x * zoom, y * zoom
        cos, sin = math.cos(roll), math.sin(roll)
        shear = math.tan(pitch) * math.sin(yaw) * dice.uniform(0.3, 1.0)
        y = y + x * shear
        return np.stack([x * cos - y * sin, x * sin + y * cos], axis=1).astype(np.float32)

    def _press(
        self, board: Floats, picture: Picture, box: tuple[int, int, int, int], quad: Quad
    ) -> None:
        """Warp a plate and its holder so that the plate's own box lies on `quad`."""
        dice, (height, width) = self.dice, picture.shape[:2]
        span = float(np.ptp(quad[:, 0])) / (box[2] - box[0])
        shrink = min(1.0, max(0.08, span * 1.3))
        small = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        scale = np.array([small.shape[1] / width, small.shape[0] / height], np.float32)
        x0, y0, x1, y1 = box
        source = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32) * scale
        matrix = cv2.getPerspectiveTransform(source, quad)
        size = (board.shape[1], board.shape[0])
        over = cv2.warpPerspective(small, matrix, size).astype(np.float32)
        full = np.full(small.shape[:2], 255, np.uint8)
        share = cv2.warpPerspective(full, matrix, size).astype(np.float32)[..., None] / 255
        covered = share[..., 0] > 0.5
        around = float(board[covered].mean()) if covered.any() else 120.0
        light = dice.uniform(0.35, 1.05) * (0.55 + around / 255)
        if dice.random() < 0.12:
            light = dice.uniform(1.0, 1.7)  # a plate that throws the light back
        over = over * light + dice.uniform(-5, 25)
        if dice.random() < 0.2:
            ramp = np.linspace(dice.uniform(0.3, 1), dice.uniform(0.3, 1), size[0])
            over *= ramp[None, :, None].astype(np.float32)
        board[:] = board * (1 - share) + over * share

    def _photograph(self, board: Floats) -> Picture:
        """Return what a camera makes of it: light, colour, blur, grain, compression."""
        dice = self.dice
        kind = dice.random()
        if kind < 0.28:
            board = self._night(board)
        if kind < 0.08 or dice.random() < 0.22:
            board = np.repeat(board.mean(axis=2, keepdims=True), 3, axis=2)
        elif dice.random() < 0.6:
            tint = np.array([dice.gauss(1, 0.16) for _ in range(3)], np.float32)
            board = board * np.clip(tint, 0.4, 1.6)
        board = board * dice.uniform(0.55, 1.4) + dice.uniform(-25, 25)
        if dice.random() < 0.35:
            board = _floats(cv2.GaussianBlur(board, (0, 0), dice.uniform(0.4, 1.6)))
        if dice.random() < 0.12:
            board = _floats(cv2.filter2D(board, -1, _smear(dice)))
        if dice.random() < 0.5:
            grain = self._noise.standard_normal(board.shape, np.float32)
            board = board + grain * dice.uniform(1, 12)
        picture = np.clip(board, 0, 255).astype(np.uint8)
        if dice.random() < 0.45:
            quality = [cv2.IMWRITE_JPEG_QUALITY, dice.randint(25, 90)]
            again = cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_COLOR)
            picture = np.asarray(again, np.uint8)
        return np.ascontiguousarray(picture)

    def _night(self, board: Floats) -> Floats:
        """Darken, and let lamps shine."""
        dice, side = self.dice, SIDE_PX
        board = board * dice.uniform(0.15, 0.6)
        cast = np.array([dice.uniform(0.5, 1.2), dice.uniform(0.4, 1.0), dice.uniform(0.8, 1.5)])
        board = board * cast.astype(np.float32)
        rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
        for _ in range(dice.randint(0, 4)):
            x, y, reach = dice.uniform(0, side), dice.uniform(0, side), dice.uniform(3, 30)
            glow = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * reach * reach))
            hue = np.array([dice.uniform(20, 255), dice.uniform(60, 255), 255], np.float32)
            board = board + glow[..., None] * hue * dice.uniform(0.5, 1.6)
        return board


def _floats(picture: npt.NDArray[np.generic]) -> Floats:
    return np.asarray(picture, np.float32)


def _smear(dice: random.Random) -> Floats:
    """Return the kernel of a movement during the exposure."""
    size = dice.randint(3, 8)
    kernel = np.zeros((size, size), np.float32)
    kernel[size // 2] = 1
    angle = dice.choice((0.0, 0.0, 90.0, dice.uniform(0, 180)))
    turn = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), angle, 1)
    kernel = cv2.warpAffine(kernel, turn, (size, size)).astype(np.float32)
    return np.asarray(kernel / max(1e-3, float(kernel.sum())), np.float32)


def _inside(quad: Quad) -> float:
    """Return which part of a plate's box lies inside the picture, 0..1."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    area = float(np.prod(np.maximum(high - low, 1e-3)))
    return float(np.prod(np.maximum(np.minimum(high, SIDE_PX) - np.maximum(low, 0), 0))) / area


def _counts(quad: Quad) -> bool:
    sides = np.linalg.norm(quad[[0, 1]] - quad[[3, 2]], axis=1)
    return float(sides.mean()) >= _LEAST_TALL_PX and _inside(quad) >= _LEAST_INSIDE


def _contrast(picture: Picture, quad: Quad) -> float:
    """Return the standard deviation of the gray values in a plate's box."""
    (x0, y0), (x1, y1) = np.clip(quad.min(axis=0), 0, None), quad.max(axis=0)
    part = picture[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1]
    return float(part.mean(axis=2).std()) if part.size else 0.0


def _meets(quad: Quad, box: Sequence[float], margin: float = 0.0) -> bool:
    """Whether a plate's box overlaps another box (left, top, right, bottom)."""
    left, top = quad.min(axis=0) - margin
    right, foot = quad.max(axis=0) + margin
    return bool(left < box[2] and right > box[0] and top < box[3] and foot > box[1])
