# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Turn drawn plates into crops such as a finder cuts out of a camera's picture.

Perspective, small size, loose and tight boxes, car bodies around, lamps and shadows, blur,
noise, JPEG. Every crop comes with the place of every sign in it.
"""

import math
import random
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from training.plates import Gray, Plate

Float = npt.NDArray[np.float32]
CROP_PX = (160, 48)
"""Width and height of what the reader sees."""


@dataclass(frozen=True, slots=True)
class Look:
    """How hard the crops are.

    ``hard`` 0..1 scales blur, noise and smallness; ``heights`` is the range of plate heights
    (px) for one line, doubled for two.
    """

    hard: float = 1.0
    heights: tuple[float, float] = (11.0, 64.0)


@dataclass(frozen=True, slots=True)
class Crop:
    """A crop, uint8 (48, 160), its text, and per sign (kind, x, y, line), x and y in 0..1."""

    picture: Gray
    text: str
    places: tuple[tuple[int, float, float, int], ...]


class Camera:
    """Takes crops of plates, the same ones for the same seed."""

    def __init__(self, seed: int, look: Look | None = None) -> None:
        self.look = look or Look()
        self.dice = random.Random(seed)
        self._grain = np.random.default_rng(seed).standard_normal(1 << 17).astype(np.float32)

    def crop(self, plate: Plate) -> Crop:
        """Photograph a plate and cut it out as a finder would."""
        dice = self.dice
        low, high = self.look.heights
        low += (1 - self.look.hard) * 14
        tall = math.exp(dice.uniform(math.log(low), math.log(high)))
        if plate.two:
            tall = min(110.0, tall * 1.9)
        scene, corners, turn = self._scene(plate, tall)
        spots = [turn @ (sign.x, sign.y, 1.0) for sign in plate.signs]
        across = [float(spot[0] / spot[2]) for spot in spots]
        room = tall * (0.25 if plate.two else 0.5)
        picture, offset = self._cut(
            scene, corners, (min(across) - room, max(across) + room), plate.two
        )
        taken = self._optics(picture, tall * 0.55 if plate.two else tall)
        height, width = taken.shape
        places = [
            (
                sign.kind,
                (x - offset[0]) / width,
                float((spot[1] / spot[2] - offset[1]) / height),
                sign.line,
            )
            for sign, x, spot in zip(plate.signs, across, spots, strict=True)
        ]
        how = dice.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA, cv2.INTER_LINEAR))
        small = cv2.resize(taken, CROP_PX, interpolation=how)
        return Crop(small.astype(np.uint8), plate.text, tuple(places))

    def noise(self, height: int, width: int) -> Float:
        """Return a piece of grain, standard deviation 1."""
        size = height * width
        if size >= self._grain.size:
            return np.resize(self._grain, (height, width))
        start = self.dice.randrange(self._grain.size - size)
        return self._grain[start : start + size].reshape(height, width)

    def _scene(self, plate: Plate, tall: float) -> tuple[Float, Float, npt.NDArray[np.float64]]:
        """Return the scene, the plate's corners in it and the homography from its picture."""
        dice = self.dice
        x0, y0, x1, y1 = plate.box
        height, width = y1 - y0, x1 - x0
        wide = tall * width / height * dice.uniform(0.72, 1.08)
        size = (int(wide * 1.5) + 8, int(tall * 2.4) + 8)
        angle = math.radians(max(-16.0, min(16.0, dice.gauss(0, 3.5))))
        shear = max(-0.3, min(0.3, dice.gauss(0, 0.08)))
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
        corners = square * (wide, tall)
        wobble = np.array([[dice.gauss(0, 1), dice.gauss(0, 1)] for _ in range(4)])
        corners = corners + wobble * (wide * 0.01, tall * 0.03)
        corners[:, 0] += corners[:, 1] * shear
        corners = (corners @ turn.T + (size[0] / 2, size[1] / 2)).astype(np.float32)
        own = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
        full = cv2.getPerspectiveTransform(own, corners.astype(np.float32))
        picture, scale = plate.picture, 1.0
        if tall / height < 0.75:
            scale = tall / height * 1.25
            shape = (
                max(4, round(plate.picture.shape[1] * scale)),
                max(4, round(plate.picture.shape[0] * scale)),
            )
            picture = cv2.resize(picture, shape, interpolation=cv2.INTER_AREA).astype(np.uint8)
        map_ = full @ np.diag(
            [
                plate.picture.shape[1] / picture.shape[1],
                plate.picture.shape[0] / picture.shape[0],
                1,
            ]
        )
        scene = self._body(size)
        warped = cv2.warpPerspective(picture, map_, size, flags=cv2.INTER_LINEAR)
        mask = cv2.warpPerspective(np.full_like(picture, 255), map_, size)
        alpha = mask.astype(np.float32) / 255.0
        return (
            np.asarray(scene * (1 - alpha) + warped * alpha, np.float32),
            np.asarray(corners, np.float32),
            np.asarray(full),
        )

    def _body(self, size: tuple[int, int]) -> Float:
        """Paint something like the car around a plate."""
        dice, (width, height) = self.dice, size
        scene = np.full((height, width), dice.uniform(5, 230), np.float32)
        if dice.random() < 0.7:
            shape = (dice.randint(2, 5), dice.randint(2, 8))
            patch = self.noise(*shape) * dice.uniform(5, 45)
            scene += cv2.resize(patch, size)
        for _ in range(dice.choice((0, 0, 1, 2))):
            y = dice.randrange(height)
            end = (width, y + dice.randint(-3, 3))
            cv2.line(scene, (0, y), end, dice.uniform(0, 255), dice.randint(1, 4))
        if dice.random() < 0.15:
            lettered = np.clip(scene, 0, 255).astype(np.uint8)
            for _ in range(dice.randint(2, 7)):
                spot = (dice.randrange(width), dice.choice((height // 10, height - height // 10)))
                word = dice.choice("ABCEFGHKLMNORSTVX0123456789")
                scale = max(0.2, height / 130)
                cv2.putText(lettered, word, spot, 0, scale, dice.randint(0, 255), 1, cv2.LINE_AA)
            scene = lettered.astype(np.float32)
        return scene

    def _cut(
        self, scene: Float, corners: Float, inner: tuple[float, float], two: bool
    ) -> tuple[Float, tuple[int, int]]:
        """Cut a box with a finder's errors; return it and its upper left corner.

        ``inner`` is how far in from each side nothing that counts is lost: bands are cut away
        now and then.
        """
        dice = self.dice
        x0, y0 = (float(v) for v in corners.min(0))
        x1, y1 = (float(v) for v in corners.max(0))
        wide, tall = x1 - x0, y1 - y0
        loose = dice.random()
        side, over = (0.02, 0.03) if loose < 0.35 else (0.08, 0.2) if loose < 0.75 else (0.16, 0.45)
        if two and loose > 0.5:
            side, over = (0.02, 0.04) if loose < 0.8 else (0.06, 0.08)
        tight = 0.02 if not two else 0.05
        left, right = (dice.uniform(-tight, side) * wide for _ in range(2))
        up, down = (dice.uniform(-0.05, over) * tall for _ in range(2))
        x0, x1 = x0 - left, x1 + right
        if dice.random() < 0.12 and inner[0] > x0:
            x0 = dice.uniform(x0, inner[0])
        if dice.random() < 0.12 and inner[1] < x1:
            x1 = dice.uniform(inner[1], x1)
        low = (max(0, round(x0)), max(0, round(y0 - up)))
        high = (min(scene.shape[1], round(x1)), min(scene.shape[0], round(y1 + down)))
        return scene[low[1] : high[1], low[0] : high[0]], low

    def _optics(self, picture: Float, tall: float) -> Gray:
        dice, hard = self.dice, self.look.hard
        picture = self._light(picture)
        if dice.random() < 0.5 * (0.4 + 0.6 * hard):
            sigma = dice.uniform(0.3, 1.1) * max(0.45, min(2.2, tall / 28))
            picture = cv2.GaussianBlur(picture, (0, 0), sigma).astype(np.float32)
        if dice.random() < 0.12 * hard:
            picture = self._smear(picture, tall)
        if dice.random() < 0.25 and tall > 24:
            picture = self._coarse(picture, tall)
        if dice.random() < 0.6 * (0.4 + 0.6 * hard):
            strength = dice.uniform(0.02, 0.22) if dice.random() < 0.9 else dice.uniform(0.2, 0.5)
            strength *= float(picture.std()) * min(1.0, tall / 26)
            picture = picture + self.noise(*picture.shape) * strength
        done = np.clip(picture, 0, 255).astype(np.uint8)
        if dice.random() < 0.5:
            quality = [cv2.IMWRITE_JPEG_QUALITY, dice.randint(25 if tall > 30 else 50, 92)]
            packed = cv2.imencode(".jpg", done, quality)[1]
            done = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
        return done

    def _light(self, picture: Float) -> Float:
        """Lamps, shadows, over-exposure, poor contrast."""
        dice, (height, width) = self.dice, picture.shape
        if dice.random() < 0.35:
            across = np.linspace(dice.uniform(0.5, 1.1), dice.uniform(0.5, 1.1), width)
            down = np.linspace(dice.uniform(0.6, 1.1), dice.uniform(0.6, 1.1), height)
            picture = picture * (across[None] * down[:, None]).astype(np.float32)
        if dice.random() < 0.14:
            x = dice.randrange(width)
            veil = np.ones((height, width), np.float32)
            lean = dice.randint(-height, height)
            edge = [[0, 0], [x, 0], [x + lean, height], [0, height]]
            if dice.random() < 0.4:
                y = dice.randrange(height)
                edge = [[0, 0], [width, 0], [width, y], [0, max(0, y + dice.randint(-6, 6))]]
            cv2.fillPoly(veil, [np.array(edge)], dice.uniform(0.3, 0.8))
            picture = picture * veil
        if dice.random() < 0.14:
            picture = np.clip((picture - dice.uniform(0, 60)) * dice.uniform(1.2, 2.4), 0, 255)
        if dice.random() < 0.07:
            rows, columns = np.ogrid[:height, :width]
            x, y = dice.randrange(width), dice.randrange(height)
            reach = 2 * (dice.uniform(0.1, 0.5) * height) ** 2
            glare = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / reach)
            picture = picture + (dice.uniform(60, 220) * glare).astype(np.float32)
        mean = float(picture.mean())
        contrast, level = dice.uniform(0.35, 1.2), dice.uniform(0.5, 1.2)
        changed = (picture - mean) * contrast + mean * level + dice.uniform(-15, 25)
        return np.asarray(np.clip(changed, 0, 255), np.float32)

    def _smear(self, picture: Float, tall: float) -> Float:
        dice = self.dice
        size = max(2, round(tall * dice.uniform(0.05, 0.2)))
        kernel = np.zeros((size, size), np.float32)
        kernel[size // 2] = 1 / size
        centre = ((size - 1) / 2, (size - 1) / 2)
        turn = cv2.getRotationMatrix2D(centre, dice.choice((0, 90, dice.uniform(0, 180))), 1)
        kernel = cv2.warpAffine(kernel, turn, (size, size)).astype(np.float32)
        kernel /= max(1e-3, float(kernel.sum()))
        return np.asarray(cv2.filter2D(picture, -1, kernel), np.float32)

    def _coarse(self, picture: Float, tall: float) -> Float:
        """Shrink and enlarge, as thumbnails and zooming cameras do."""
        height, width = picture.shape
        scale = max(14.0 / tall, self.dice.uniform(0.3, 0.9))
        size = (max(8, round(width * scale)), max(5, round(height * scale)))
        small = cv2.resize(picture, size, interpolation=self.dice.choice((0, 1, 3)))
        back = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        return np.asarray(back, np.float32)
