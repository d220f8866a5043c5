# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Wind, water, rain, light, insects and a shaken pole: what moves and is nothing.

Light is two coarse fields, a gain and a glow, that all lamps and clouds write into; they are laid
over the picture once. Everything follows from a seed and the time in seconds.
"""

from dataclasses import dataclass, field
from math import cos, floor, pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes.canvas import Canvas, Cutout, Plane, lay, plane
from benchmarks.scenes.grounds import WIDTH, Ground
from benchmarks.scenes.spec import Disturb, Disturbance, Light
from gateway.simulator.paint import Sprite

Field = NDArray[np.float32]
"""Shape (36, 64), float32."""
_ROWS, _COLUMNS = 36, 64
_BLACK = 16.0
_FLASH_S = 0.6
"""So long a camera's exposure takes to settle when infrared goes on or off."""
_RAINS = 12


def wobble(second: float, seed: int) -> float:
    """Return a smooth number about -1..1, as good as random over minutes."""
    rng = np.random.default_rng((seed, 11))
    speeds, phases = rng.uniform(0.4, 2.6, 4), rng.uniform(0, 2 * pi, 4)
    return float(np.sin(2 * pi * speeds * second + phases).sum() / 2.2)


def chance(*numbers: int) -> float:
    """Return a number in 0..1 that follows from some whole numbers and looks random."""
    return float(np.random.default_rng(numbers).random())


def ramp(second: float, begin_s: float, end_s: float) -> float:
    """Return 0 before the begin, 1 after the end, smooth between."""
    share = min(1.0, max(0.0, (second - begin_s) / max(1e-6, end_s - begin_s)))
    return share * share * (3 - 2 * share)


@dataclass(slots=True)
class Lighting:
    """What the light of one picture is like."""

    gain: Field = field(default_factory=lambda: np.ones((_ROWS, _COLUMNS), np.float32))
    glow: Field = field(default_factory=lambda: np.zeros((_ROWS, _COLUMNS), np.float32))
    colour: float = 1.0
    """0: grey."""

    def lay(self, canvas: Canvas) -> None:
        """Lay it over a picture."""
        if (self.gain != 1).any() or self.glow.any():
            offset = self.glow + np.float32(_BLACK) * (1 - self.gain)
            size = canvas.size_px
            gain = cv2.resize(self.gain, size, interpolation=cv2.INTER_LINEAR)
            lit = cv2.multiply(canvas.luma, gain, dtype=cv2.CV_32F)
            more = cv2.resize(offset.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
            canvas.luma = plane(cv2.add(lit, more, dtype=cv2.CV_8U))
        if self.colour <= 0:
            canvas.grey()
        elif self.colour < 1:
            for chroma in (canvas.blue, canvas.red):
                cv2.addWeighted(chroma, self.colour, chroma, 0, 128 * (1 - self.colour), chroma)


_X = (np.arange(_COLUMNS, dtype=np.float32)[None, :] + 0.5) / _COLUMNS
_Y = (np.arange(_ROWS, dtype=np.float32)[:, None] + 0.5) / _ROWS


def spot(x: float, y: float, wide: float, high: float) -> Field:
    """Return light around a point, 1 there; fractions of the picture."""
    return np.exp(-(((_X - x) / wide) ** 2) - ((_Y - y) / high) ** 2).astype(np.float32)


def lighting(light: Light, infrared: bool) -> Lighting:
    """Return how a scene is lit when nothing happens."""
    made = Lighting()
    if infrared:
        made.gain = (0.28 + 0.62 * spot(0.5, 0.55, 0.42, 0.55)).astype(np.float32)
        made.colour = 0.0
    elif light is not Light.DAY:
        made.gain *= np.float32(0.5)
        made.colour = 0.6
    return made


class Weather:
    """All disturbances of one clip, for pictures of one size."""

    def __init__(
        self, ground: Ground, wanted: tuple[Disturbance, ...], light: Light, seed: int,
        size_px: tuple[int, int],
    ) -> None:  # fmt: skip
        self._ground, self._wanted, self._light, self._seed = ground, wanted, light, seed
        self._size = size_px
        kinds = {one.kind for one in wanted}
        share = size_px[0] / WIDTH
        self.trees = [Tree(one, share, seed + number) for number, one in enumerate(ground.trees)]
        self._rains = _rains(seed, size_px) if Disturb.RAIN in kinds else []
        self._ripples = Ripples(ground.water, size_px, seed) if ground.water else None
        self._insects = [one for part in wanted for one in _insects(part, seed)]

    def on(self, kind: Disturb, second: float) -> float:
        """Return how strong a disturbance is at a moment; 0: it is not."""
        strengths = [
            one.strength for one in self._wanted
            if one.kind is kind and one.begin_s <= second < one.end_s
        ]  # fmt: skip
        return max(strengths, default=0.0)

    def stir(self, canvas: Canvas, second: float) -> None:
        """Move what lies behind people: water."""
        strength = self.on(Disturb.WATER, second)
        if strength and self._ripples is not None:
            self._ripples.lay(canvas, second, strength)

    def lay_trees(self, canvas: Canvas, second: float) -> None:
        """Lay the crowns before everything, as the wind holds them."""
        strength = self.on(Disturb.FOLIAGE, second)
        for number, tree in enumerate(self.trees):
            if strength:
                gust = 0.3 + 0.7 * max(0.0, wobble(second / 6, self._seed + 31))
                swing = wobble(second, self._seed + number)
                other = wobble(second * 1.7, self._seed + 97 + number)
                lay(canvas, tree.held(strength * gust * swing, strength * gust * other))
            else:
                lay(canvas, tree.cutout)

    def light(self, second: float) -> Lighting:
        """Return the light of a moment."""
        infrared = (self._light is Light.NIGHT) != bool(self.on(Disturb.IR_SWITCH, second))
        made = lighting(self._light, infrared)
        self._clouds(made, second)
        self._lamps(made, second)
        self._cars(made, second)
        for one in self._wanted:
            if one.kind is Disturb.IR_SWITCH:
                for at_s in (one.begin_s, one.end_s):
                    if 0 <= second - at_s < _FLASH_S:
                        made.gain *= np.float32(1 + 0.7 * (1 - (second - at_s) / _FLASH_S))
        return made

    def _clouds(self, made: Lighting, second: float) -> None:
        """Let the shadow of a cloud pass, with a soft edge, and the whole light sink a little."""
        strength = self.on(Disturb.CLOUD, second)
        if not strength:
            return
        begin_s = min(one.begin_s for one in self._wanted if one.kind is Disturb.CLOUD)
        turn = (second - begin_s) / 18.0
        edge = 2.4 * (turn - floor(turn)) - 0.7
        inside = 1 / (1 + np.exp(np.clip((np.abs(_X + 0.2 * _Y - edge) - 0.45) / 0.07, -40, 40)))
        whole = 0.12 * (0.5 - 0.5 * cos(2 * pi * turn))
        made.gain *= (1 - strength * (0.30 * inside + whole)).astype(np.float32)

    def _lamps(self, made: Lighting, second: float) -> None:
        """Let a lamp fail, mains beat with the shutter, and somebody switch the light."""
        x, y = self._ground.lamp
        strength = self.on(Disturb.FLICKER, second)
        if strength:
            burst = chance(self._seed, 3, floor(second / 2)) < 0.6
            lit = burst and chance(self._seed, 5, floor(second * 11)) < 0.5
            made.glow += np.float32(55 * strength * lit) * spot(x, y + 0.12, 0.16, 0.25)
            beat = sin(2 * pi * 1.7 * second) + 0.6 * sin(2 * pi * 6.1 * second)
            made.gain *= np.float32(1 + 0.012 * strength * beat)
        for one in self._wanted:
            if one.kind is Disturb.LIGHT_STEP:
                on = ramp(second, one.begin_s, one.begin_s + 0.15)
                on -= ramp(second, one.end_s, one.end_s + 0.15)
                more = 0.30 + 0.45 * spot(x, y + 0.1, 0.35, 0.5)
                made.gain *= (1 + one.strength * on * more).astype(np.float32)

    def _cars(self, made: Lighting, second: float) -> None:
        """Let the beams of cars that are not seen sweep over the scene."""
        strength = self.on(Disturb.HEADLIGHTS, second)
        if not strength:
            return
        turn = second / 9.0
        number, share = floor(turn), (turn - floor(turn)) * 9.0 / 2.8
        if share >= 1:
            return
        side = 1 if chance(self._seed, 17, number) < 0.5 else -1
        x = 0.5 + side * (share * 1.5 - 0.75)
        y = 0.30 + 0.25 * chance(self._seed, 19, number)
        bright = 105 * strength * sin(pi * share)
        beam = spot(x, y, 0.10, 0.12) + np.float32(0.5) * spot(x + 0.05 * side, y + 0.3, 0.18, 0.1)
        made.glow += np.float32(bright) * beam
        made.gain *= np.float32(1 + 0.05 * strength * sin(pi * share))

    def fall(self, canvas: Canvas, second: float, number: int) -> None:
        """Let rain and insects pass before the lens."""
        night = self._light is not Light.DAY
        strength = self.on(Disturb.RAIN, second)
        if strength:
            layer = self._rains[floor(_RAINS * chance(self._seed, 23, number))]
            width, height = self._size
            x = floor((layer.shape[1] - width) * chance(self._seed, 29, number))
            y = floor((layer.shape[0] - height) * chance(self._seed, 37, number))
            drops = layer[y : y + height, x : x + width]
            share = strength * (1.0 if night else 0.5)
            cv2.addWeighted(canvas.luma, 1.0, drops, share, 0.0, canvas.luma)
        for insect in self._insects:
            insect.lay(canvas, second)

    def shake(self, canvas: Canvas, second: float) -> None:
        """Let the pole sway."""
        strength = self.on(Disturb.SHAKE, second)
        if not strength:
            return
        gust = max(0.15, wobble(second / 5, self._seed + 41))
        reach = 0.0022 * canvas.size_px[0] * strength * gust
        shift(canvas, reach * wobble(2 * second, self._seed + 5),
              0.7 * reach * wobble(2 * second, self._seed + 6))  # fmt: skip


def shift(canvas: Canvas, right_px: float, down_px: float) -> None:
    """Shift a picture; what comes in at the edges is mirrored."""
    for name, share in (("luma", 1.0), ("blue", 0.5), ("red", 0.5)):
        old: Plane = getattr(canvas, name)
        matrix = np.array([[1, 0, right_px * share], [0, 1, down_px * share]], np.float32)
        size = (old.shape[1], old.shape[0])
        moved = cv2.warpAffine(old, matrix, size, borderMode=cv2.BORDER_REFLECT)
        setattr(canvas, name, plane(moved))


class Tree:
    """A crown whose twigs go their own ways."""

    def __init__(self, sprite: Sprite, share: float, seed: int) -> None:
        height, width = sprite.mask.shape
        size = (max(2, round(width * share)), max(2, round(height * share)))
        picture = plane(cv2.resize(sprite.picture, size, interpolation=cv2.INTER_AREA))
        mask = cv2.resize(sprite.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        left, top = round(sprite.left * share), round(sprite.top * share)
        self.cutout = Cutout.of(Sprite(picture, np.asarray(mask, np.float32), left, top))
        rows, columns = self.cutout.share.shape
        rng = np.random.default_rng((seed, 13))
        self._reach = 0.022 * columns
        grid = np.meshgrid(np.arange(columns), np.arange(rows))
        self._x, self._y = (one.astype(np.float32) for one in grid)
        self._ways = [_smooth(rng, (rows, columns), 7) for _ in range(4)]

    def held(self, one: float, other: float) -> Cutout:
        """Return the crown as two swings (about -1..1) hold it."""
        a, b, c, d = self._ways
        x = self._x + np.float32(self._reach) * (np.float32(one) * (a + 1) + np.float32(other) * b)
        y = self._y + np.float32(0.6 * self._reach) * (np.float32(one) * c + np.float32(other) * d)
        luma = plane(cv2.remap(self.cutout.canvas.luma, x, y, cv2.INTER_LINEAR,
                               borderMode=cv2.BORDER_REFLECT))  # fmt: skip
        share = plane(cv2.remap(self.cutout.share, x, y, cv2.INTER_LINEAR))
        old = self.cutout
        moved = Canvas(luma, old.canvas.blue, old.canvas.red)
        return Cutout(moved, share, old.left, old.top)


def _smooth(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> NDArray[np.float32]:
    """Return a smooth random field, about -1..1."""
    coarse = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.float32)


class Ripples:
    """Water in a part of the picture: two fields of glints that pass through each other."""

    def __init__(
        self, where: tuple[float, float, float, float], size_px: tuple[int, int], seed: int
    ) -> None:
        width, height = size_px
        left, top, right, bottom = where
        self._rows = slice(round(top * height), round(bottom * height))
        self._columns = slice(round(left * width), round(right * width))
        rows, columns = (one.stop - one.start for one in (self._rows, self._columns))
        self._shape = (rows, columns)
        rng = np.random.default_rng((seed, 53))
        self._fields = [_smooth(rng, (2 * rows, 2 * columns), 24) for _ in range(2)]
        oval = np.zeros(self._shape, np.uint8)
        centre, axes = (columns // 2, rows // 2), (columns // 2, rows // 2)
        cv2.ellipse(oval, centre, axes, 0, 0, 360, 255, -1)
        soft = cv2.GaussianBlur(oval, (0, 0), max(1.0, rows / 16))
        self._share = np.asarray(soft, np.float32) / np.float32(255)

    def lay(self, canvas: Canvas, second: float, strength: float) -> None:
        """Lay the water of a moment."""
        rows, columns = self._shape
        parts = []
        for number, (across, down) in enumerate(((0.21, 0.13), (-0.17, 0.19))):
            x = floor(columns * (across * second % 1.0))
            y = floor(rows * (down * second % 1.0))
            parts.append(self._fields[number][y : y + rows, x : x + columns])
        glints = np.float32(34 * strength) * parts[0] * parts[1] * 2 * self._share
        part = canvas.luma[self._rows, self._columns]
        part[:] = np.clip(part + glints, _BLACK, 235).astype(np.uint8)


def _rains(seed: int, size_px: tuple[int, int]) -> list[Plane]:
    """Return layers of streaks, larger than the picture."""
    width, height = size_px[0] * 5 // 4, size_px[1] * 5 // 4
    layers: list[Plane] = []
    for number in range(_RAINS):
        rng = np.random.default_rng((seed, 59, number))
        layer = np.zeros((height, width), np.uint8)
        for _ in range(260):
            x, y = rng.uniform(0, width), rng.uniform(-0.05, 1) * height
            near = rng.uniform(0.3, 1.0) ** 2
            reach = (0.02 + 0.07 * near) * height
            ends = (round(x), round(y)), (round(x + 0.12 * reach), round(y + reach))
            thick = max(1, round(near * size_px[0] / 700))
            cv2.line(layer, *ends, float(30 + 60 * near), thick, cv2.LINE_AA)
        layers.append(plane(cv2.GaussianBlur(layer, (0, 0), max(0.5, size_px[0] / 1600))))
    return layers


@dataclass(frozen=True, slots=True)
class Insect:
    """A bright blot that flies close by; fractions of the picture's width and seconds."""

    begin_s: float
    lasts_s: float
    from_x: float
    from_y: float
    by_x: float
    by_y: float
    radius: float
    bright: float
    turns: float
    """How often it circles while it is there; 0: it flies past."""

    def lay(self, canvas: Canvas, second: float) -> None:
        """Lay it where it is; nothing if it is not there."""
        share = (second - self.begin_s) / self.lasts_s
        if not 0 <= share < 1:
            return
        width, height = canvas.size_px
        angle = 2 * pi * self.turns * share
        circle = 0.12 if self.turns else 0.0
        x = (self.from_x + self.by_x * share + circle * sin(angle)) * width
        y = (self.from_y + self.by_y * share) * height + circle * cos(1.3 * angle) * width
        radius = self.radius * width
        half = max(2, round(2.5 * radius))
        x0, y0 = max(0, round(x) - half), max(0, round(y) - half)
        x1, y1 = min(width, round(x) + half), min(height, round(y) + half)
        if x1 <= x0 or y1 <= y0:
            return
        columns = (np.arange(x0, x1, dtype=np.float32) - x)[None, :] / radius
        rows = (np.arange(y0, y1, dtype=np.float32) - y)[:, None] / (0.7 * radius)
        blot = np.float32(self.bright) * np.exp(-(columns**2 + rows**2))
        part = canvas.luma[y0:y1, x0:x1]
        part[:] = np.clip(part + blot, 0, 250).astype(np.uint8)


def _insects(part: Disturbance, seed: int) -> list[Insect]:
    """Return all insects of a disturbance: most fly past, every fifth circles before the lens."""
    if part.kind is not Disturb.INSECTS:
        return []
    rng = np.random.default_rng((seed, 61))
    made: list[Insect] = []
    second = part.begin_s
    while second < part.end_s:
        circles = rng.random() < 0.2
        lasts_s = float(rng.uniform(2.0, 5.0) if circles else rng.uniform(0.25, 0.9))
        made.append(
            Insect(
                second, lasts_s, float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.1, 0.9)),
                float(rng.uniform(-1.0, 1.0)) * (0.2 if circles else 1.0),
                float(rng.uniform(-0.6, 0.6)) * (0.2 if circles else 1.0),
                float(rng.uniform(0.006, 0.03)), float(rng.uniform(60, 150)),
                lasts_s * 0.8 if circles else 0.0,
            )
        )  # fmt: skip
        second += float(rng.exponential(5.0 / max(0.05, part.strength)))
    return made
