# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""People who walk: jointed figures seen from the side, without faces."""

from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.simulator.paint import Colour, Picture, Point, Sprite, darken, lay, mix

_OVERSAMPLE = 3
_SKINS: tuple[Colour, ...] = ((224, 184, 152), (198, 150, 116), (142, 98, 72), (236, 200, 172))
_STRIDE = 0.82
"""Length of a full double step in body heights."""


class Extra(Enum):
    """What a figure wears or carries."""

    NONE = "none"
    HAT = "hat"
    BAG = "bag"
    DRESS = "dress"
    HOOD = "hood"


@dataclass(frozen=True, slots=True)
class Look:
    """Clothes of one figure."""

    top: Colour
    legs: Colour
    shoes: Colour = (40, 36, 36)
    skin: Colour = _SKINS[0]
    hair: Colour = (60, 44, 34)
    extra: Extra = Extra.NONE


@dataclass(frozen=True, slots=True)
class Pose:
    """How a figure stands: all in one picture."""

    phase: float
    """Of the walk, in double steps."""
    heading: int
    """1: to the right, -1: to the left."""
    stride: float = 1.0
    """0 stands, 1 walks."""
    reach: float = 0.0
    """0: the front arm swings; 1: it is stretched forward."""
    bend: float = 0.0
    """Forward lean in radians."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure ready to be laid; `hand` is the front hand, in pixels of the picture."""

    sprite: Sprite
    hand: Point
    box: tuple[float, float, float, float]


def walk_phase(distance: float) -> float:
    """Return the phase after walking so many body heights."""
    return distance / _STRIDE


def random_look(rng: np.random.Generator) -> Look:
    """Draw clothes for a walker."""
    tops: tuple[Colour, ...] = (
        (196, 62, 54), (58, 92, 150), (232, 226, 214), (88, 128, 96), (238, 188, 72),
        (122, 84, 136), (60, 64, 72), (226, 140, 116), (96, 156, 172),
    )  # fmt: skip
    legs: tuple[Colour, ...] = ((46, 58, 88), (58, 54, 52), (150, 132, 106), (86, 88, 96))
    hairs: tuple[Colour, ...] = ((52, 38, 30), (110, 78, 48), (176, 170, 164), (30, 26, 26))
    extras = (Extra.NONE, Extra.BAG, Extra.HAT, Extra.DRESS)
    return Look(
        tops[int(rng.integers(len(tops)))],
        legs[int(rng.integers(len(legs)))],
        skin=_SKINS[int(rng.integers(len(_SKINS)))],
        hair=hairs[int(rng.integers(len(hairs)))],
        extra=extras[int(rng.integers(len(extras)))],
    )


class _Body:
    """A drawing of one figure; heights are body heights, x forwards, y up from the ground."""

    def __init__(self, height_px: float, look: Look, pose: Pose, light: float) -> None:
        self.scale = height_px * _OVERSAMPLE
        self.look, self.pose, self.light = look, pose, light
        self.width, self.rows = int(self.scale * 0.95), int(self.scale * 1.12)
        self.picture = np.zeros((self.rows, self.width, 4), np.uint8)

    def at(self, point: Point) -> Point:
        x = self.width / 2 + self.pose.heading * point[0] * self.scale
        return x, self.rows - (0.04 + point[1]) * self.scale

    def _colour(self, colour: Colour) -> tuple[float, float, float, float]:
        red, green, blue = mix((0, 0, 0), colour, self.light)
        return red, green, blue, 255

    def limb(self, points: list[Point], colour: Colour, width: float) -> None:
        flat = np.round(np.array([self.at(p) for p in points]) * 16).astype(np.int32)
        thick = max(1, round(width * self.scale))
        cv2.polylines(self.picture, [flat], False, self._colour(colour), thick, cv2.LINE_8, 4)
        for point in flat[[0, -1]]:
            where = (int(point[0]), int(point[1]))
            cv2.circle(self.picture, where, thick * 8, self._colour(colour), -1, cv2.LINE_8, 4)

    def area(self, points: list[Point], colour: Colour) -> None:
        flat = np.round(np.array([self.at(p) for p in points]) * 16).astype(np.int32)
        cv2.fillPoly(self.picture, [flat], self._colour(colour), cv2.LINE_8, 4)

    def ball(self, centre: Point, size: Point, colour: Colour) -> None:
        x, y = self.at(centre)
        axes = (max(1, round(size[0] * self.scale)), max(1, round(size[1] * self.scale)))
        cv2.ellipse(self.picture, (round(x), round(y)), axes, 0, 0, 360, self._colour(colour), -1)


def draw_figure(
    foot: Point, height_px: float, look: Look, pose: Pose, light: float = 1.0
) -> Figure:
    """Return a figure that stands on a point of the picture."""
    body = _Body(height_px, look, pose, light)
    hip, neck = _trunk_line(pose)
    swing = np.sin(2 * np.pi * pose.phase) * pose.stride
    _leg(body, hip, pose.phase + 0.5, far=True)
    _arm(body, neck, swing, far=True)
    _leg(body, hip, pose.phase, far=False)
    _trunk(body, hip, neck)
    _head(body, neck)
    hand = _arm(body, neck, -swing, far=False)
    return _finish(body, foot, hand)


def _trunk_line(pose: Pose) -> tuple[Point, Point]:
    bob = 0.012 * np.cos(4 * np.pi * pose.phase) * pose.stride
    hip = (0.0, 0.50 + float(bob))
    return hip, (0.30 * float(np.sin(pose.bend + 0.04)), hip[1] + 0.31 * float(np.cos(pose.bend)))


def _leg(body: _Body, hip: Point, phase: float, *, far: bool) -> None:
    pose, turn = body.pose, 2 * np.pi * phase
    thigh = 0.46 * np.sin(turn) * pose.stride
    bend = (0.12 + 0.78 * max(0.0, np.cos(turn)) ** 2) * pose.stride
    knee = (hip[0] + 0.245 * np.sin(thigh), hip[1] - 0.245 * np.cos(thigh))
    shin = thigh - bend
    ankle = (knee[0] + 0.235 * np.sin(shin), knee[1] - 0.235 * np.cos(shin))
    shade = 0.72 if far else 1.0
    bare = body.look.extra is Extra.DRESS
    cloth = mix((0, 0, 0), body.look.skin if bare else body.look.legs, shade)
    body.limb([hip, knee], cloth, 0.105)
    body.limb([knee, ankle], cloth, 0.08)
    toe = (ankle[0] + 0.085 * np.cos(shin * 0.6), ankle[1] - 0.012 + 0.06 * np.sin(shin * 0.6))
    body.limb([ankle, toe], mix((0, 0, 0), body.look.shoes, shade), 0.048)


def _trunk(body: _Body, hip: Point, neck: Point) -> None:
    look = body.look
    if look.extra is Extra.DRESS:
        hem = 0.16 + 0.03 * float(np.sin(4 * np.pi * body.pose.phase))
        body.area(
            [(hip[0] - 0.05, hip[1] + 0.1), (hip[0] + 0.05, hip[1] + 0.1),
             (hip[0] + hem - 0.02, hip[1] - 0.2), (hip[0] - hem, hip[1] - 0.2)],
            look.top,
        )  # fmt: skip
    chest = (neck[0] * 0.85 + hip[0] * 0.15, neck[1] - 0.06)
    body.limb([hip, chest], look.top, 0.165)
    body.limb([(hip[0] - 0.035, hip[1] + 0.03), (chest[0] - 0.045, chest[1])],
              mix(look.top, (255, 246, 226), 0.18), 0.05)  # fmt: skip
    body.limb([(chest[0], chest[1]), (neck[0], neck[1] - 0.01)], look.top, 0.12)
    if look.extra is Extra.BAG:
        bag: Colour = (126, 78, 48)
        body.limb([(neck[0] - 0.02, neck[1]), (hip[0] + 0.03, hip[1] + 0.08)], bag, 0.02)
        body.area(
            [(hip[0] - 0.06, hip[1] + 0.1), (hip[0] + 0.10, hip[1] + 0.1),
             (hip[0] + 0.09, hip[1] - 0.03), (hip[0] - 0.05, hip[1] - 0.03)],
            bag,
        )  # fmt: skip


def _head(body: _Body, neck: Point) -> None:
    """Draw a head without any feature of a face."""
    look = body.look
    lean = 0.10 * np.sin(body.pose.bend)
    centre = (neck[0] + 0.012 + float(lean), neck[1] + 0.105)
    body.limb([(neck[0], neck[1] - 0.01), centre], look.skin, 0.05)
    if look.extra is Extra.HOOD:
        body.ball(centre, (0.072, 0.088), look.top)
        body.ball((centre[0] + 0.026, centre[1] - 0.008), (0.042, 0.06), (12, 12, 14))
        body.limb([(centre[0] - 0.03, centre[1] - 0.06), (neck[0], neck[1])], look.top, 0.11)
        return
    body.ball(centre, (0.057, 0.073), look.skin)
    body.ball((centre[0] - 0.014, centre[1] + 0.022), (0.056, 0.058), look.hair)
    if look.extra is Extra.HAT:
        straw: Colour = (216, 190, 140)
        body.limb([(centre[0] - 0.10, centre[1] + 0.04), (centre[0] + 0.11, centre[1] + 0.03)],
                  straw, 0.024)  # fmt: skip
        body.ball((centre[0], centre[1] + 0.06), (0.055, 0.036), straw)


def _arm(body: _Body, neck: Point, swing: float, *, far: bool) -> Point:
    """Draw an arm and return where its hand is."""
    shoulder = (neck[0] - 0.005, neck[1] - 0.045)
    reach = 0.0 if far else body.pose.reach
    upper = 0.42 * swing * (1 - reach) + 0.95 * reach
    fore = upper + 0.18 + 0.22 * max(0.0, swing) + 0.35 * reach
    elbow = (shoulder[0] + 0.165 * np.sin(upper), shoulder[1] - 0.165 * np.cos(upper))
    hand = (elbow[0] + 0.155 * np.sin(fore), elbow[1] - 0.155 * np.cos(fore))
    cloth = mix((0, 0, 0), body.look.top, 0.66 if far else 0.86)
    body.limb([shoulder, elbow], cloth, 0.068)
    body.limb([elbow, hand], cloth, 0.054)
    skin = (20, 20, 22) if body.look.extra is Extra.HOOD else body.look.skin
    body.ball((float(hand[0]), float(hand[1])), (0.026, 0.03), skin)
    return float(hand[0]), float(hand[1])


def _finish(body: _Body, foot: Point, hand: Point) -> Figure:
    size = (body.width // _OVERSAMPLE, body.rows // _OVERSAMPLE)
    small = cv2.resize(body.picture, size, interpolation=cv2.INTER_AREA)
    mask = small[..., 3].astype(np.float32) / np.float32(255)
    solid = small[..., :3] / np.maximum(mask, np.float32(1e-3))[..., None]
    left = round(foot[0] - size[0] / 2)
    top = round(foot[1] - size[1] * (1 - 0.04 / 1.12))
    rows, columns = np.flatnonzero(mask.max(axis=1) > 0), np.flatnonzero(mask.max(axis=0) > 0)
    box = (
        float(left + columns[0]), float(top + rows[0]),
        float(left + columns[-1] + 1), float(top + rows[-1] + 1),
    )  # fmt: skip
    x, y = body.at(hand)
    picture = np.clip(solid, 0, 255).astype(np.uint8)
    sprite = Sprite(picture, mask, left, top)
    return Figure(sprite, (left + x / _OVERSAMPLE, top + y / _OVERSAMPLE), box)


def cast_shadow(picture: Picture, figure: Figure, drift: Point, least: float = 0.5) -> None:
    """Lay a figure's shadow on the ground.

    `drift`: x and upward y, in pixels, by which one pixel of height throws its shadow.
    """
    sprite = figure.sprite
    height, width = sprite.mask.shape
    ground = height * (1 - 0.04 / 1.12)
    shift = max(0.0, -drift[0] * height)
    matrix: NDArray[np.float32] = np.array(
        [[1, -drift[0], drift[0] * ground + shift], [0, drift[1], 0]], np.float32
    )
    size = (round(width + abs(drift[0]) * height), max(2, round(height * drift[1]) + 2))
    mask = cv2.GaussianBlur(cv2.warpAffine(sprite.mask, matrix, size), (0, 0), 0.8)
    top = round(sprite.top + ground - ground * drift[1])
    darken(picture, mask.astype(np.float32), round(sprite.left - shift), top, least)


def lay_figure(picture: Picture, figure: Figure, share: float = 1.0) -> None:
    """Lay a figure over a picture; `share` below 1 lets the picture shine through."""
    sprite = figure.sprite
    mask = sprite.mask if share >= 1 else sprite.mask * np.float32(share)
    lay(picture, Sprite(sprite.picture, mask, sprite.left, sprite.top))
