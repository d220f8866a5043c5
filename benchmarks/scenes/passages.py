# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cars that pass a gate camera at 1280 x 720: seeded, with a truth that is exact.

A camera on a mast looks down at a lane, from the front or aside; a car comes (its front is seen) or
goes (its rear). What it is: plate, drawing of the plate, body, light, weather, speed, exposure,
pictures a second, angle, lens, dirt, lettering beside the plate and noise are drawn from a seed.

What is simplified: a car is the flat cut-out of its visible end, turned and moved in true
perspective; the ground is flat asphalt; at most `MOST_PICTURES` pictures around the trigger line
are made; JPEG stands for the camera's encoder. Plates are one line. Drawings of plates: the strokes
of `gateway.simulator.plates`, OpenCV's own sans face in several weights and widths, and Hershey
strokes; the generator that any reader was trained with has no part in this.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes.plate_faces import PLATE_M, PX_PER_M, Drawing, draw, plate_of
from gateway.model.plate import Passing
from gateway.simulator import cars, paint
from gateway.simulator.paint import Colour, Picture
from gateway.simulator.perspective import Lens, hang

WIDTH, HEIGHT = 1280, 720
MOST_PICTURES = 16
_PLATE_Y_M = 0.55
"""Height of a plate's middle above the ground, about."""
_STRIP_M = 24.0
_GROUND_PX_PER_M = 40
_PAINTS: Final[tuple[Colour, ...]] = (
    (198, 26, 32),
    (178, 182, 186),
    (30, 64, 130),
    (236, 237, 239),
    (24, 25, 28),
    (58, 62, 70),
    (206, 206, 200),
    (120, 96, 70),
)
_WORDS = ("AUTOSALONE", "TRASPORTI", "SERVICE 24H", "TAXI 12", "A DI DA", "GOMME", "4x4", "V6 TDI")
Quad = NDArray[np.float64]
"""Shape (4, 2), pixels, clockwise from the plate's own top left."""


class Weather(Enum):
    """What the light is."""

    DAY = "day"
    NIGHT = "night"
    """Infrared: grey, the plate shines back."""
    RAIN = "rain"


@dataclass(frozen=True, slots=True)
class PassageSpec:
    """One passage: everything that its pictures depend on."""

    seed: tuple[int, int]
    text: str = field(repr=False)
    country: str
    drawing: Drawing
    weather: Weather
    passing: Passing
    """IN: the car comes and its front is seen."""
    speed_kmh: float
    fps: float
    exposure_ms: float
    height_px: float
    """Of the plate at the trigger line."""
    yaw_deg: float
    """Angle between the camera's look and the lane, to the side; negative: from the left."""
    distance_m: float
    mast_m: float


@dataclass(frozen=True, slots=True)
class Still:
    """One picture of a passage."""

    number: int
    at_s: float
    """From the moment at which the plate stands on the trigger line; negative: before."""
    picture: Picture
    """BGR, uint8, shape (720, 1280, 3)."""
    quad: Quad
    height_px: float
    whole: bool
    """All of the plate lies inside the picture."""


def spec_of(seed: int, number: int) -> PassageSpec:
    """Return passage `number` of a series; the same each time."""
    rng = np.random.default_rng((seed, number))
    country, text, drawing = plate_of(rng)
    weather = tuple(Weather)[number % len(Weather)]
    low_ms, high_ms = _EXPOSURES_MS[weather]
    least_deg, most_deg = (12, 30) if rng.random() < _OBLIQUE else (0, 12)
    yaw_deg = float(rng.uniform(least_deg, most_deg)) * float(rng.choice((-1, 1)))
    speed_kmh, height_px = float(rng.uniform(30, 90)), float(rng.uniform(22, 60))
    distance_m, mast_m = float(rng.uniform(8, 20)), float(rng.uniform(3.0, 5.5))
    exposure_ms, fps = float(rng.uniform(low_ms, high_ms)), float(rng.choice(_RATES))
    steep = (mast_m - _PLATE_Y_M) / distance_m
    px_a_s = height_px / PLATE_M[1] * speed_kmh / 3.6 * steep
    if (HEIGHT - height_px) / px_a_s * fps < _LEAST_PICTURES:
        fps = max(_RATES)
    passing = Passing.IN if number // len(Weather) % 2 == 0 else Passing.OUT
    return PassageSpec(
        (seed, number), text, country, drawing, weather, passing, speed_kmh, fps, exposure_ms,
        height_px, yaw_deg, distance_m, mast_m,
    )  # fmt: skip


_RATES = (12.0, 15.0, 18.0, 20.0, 25.0)
_EXPOSURES_MS: Final = {
    Weather.DAY: (0.4, 1.2),
    Weather.NIGHT: (0.5, 1.2),
    Weather.RAIN: (0.8, 2.0),
}
_LEAST_PICTURES = 6
"""Nobody would leave a camera at a rate that shows a plate less often than about this."""
_OBLIQUE = 0.35


@dataclass(frozen=True, slots=True)
class _View:
    """The camera: rotation (3, 3) into its own axes (x right, y down, z ahead), place, focal."""

    turn: NDArray[np.float64]
    place: NDArray[np.float64]
    focal_px: float

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return pixels (n, 2) of metres (n, 3); what is behind is held at 0.3 m."""
        seen = (points - self.place) @ self.turn.T
        depth = np.maximum(seen[:, 2], 0.3)
        return np.stack(
            [
                WIDTH / 2 + self.focal_px * seen[:, 0] / depth,
                HEIGHT / 2 + self.focal_px * seen[:, 1] / depth,
            ],
            axis=1,
        )


def _view(spec: PassageSpec, rng: np.random.Generator) -> _View:
    """Return a camera that looks at the plate on the trigger line (z = 0 there, road along z)."""
    aside = spec.distance_m * np.tan(np.deg2rad(spec.yaw_deg))
    place = np.array([aside, spec.mast_m, -spec.distance_m])
    ahead = np.array([0.0, _PLATE_Y_M, 0.0]) - place
    reach = float(np.linalg.norm(ahead))
    ahead /= reach
    right = np.cross(np.array([0.0, 1.0, 0.0]), ahead)
    right /= np.linalg.norm(right)
    roll = float(np.deg2rad(rng.normal(0, 1.5)))
    down = np.cross(right, ahead)
    turn = np.stack(
        [
            np.cos(roll) * right + np.sin(roll) * down,
            np.cos(roll) * down - np.sin(roll) * right,
            ahead,
        ]
    )
    pitch = np.arcsin(-ahead[1])
    return _View(turn, place, float(spec.height_px * reach / (PLATE_M[1] * np.cos(pitch))))


class PassageFilm:
    """The pictures of one passage."""

    def __init__(self, spec: PassageSpec) -> None:
        """Draw the car and the ground once."""
        self.spec = spec
        rng = np.random.default_rng((*spec.seed, 1))
        self._view = _view(spec, rng)
        self._car = _end_of(spec, rng)
        self._look = _Look(spec, rng)
        self._ground = self._look.on_ground(_ground(self._view, int(rng.integers(6))))
        self._phase = float(rng.random())

    def times(self) -> list[float]:
        """Return when pictures are taken: those that show any of the plate, nearest the line."""
        spec = self.spec
        step, many = 1 / spec.fps, 60
        taken = [(k + self._phase) * step for k in range(-many, many)]
        seen = [at for at in taken if self._is_ahead(at) and _inside(self._quad(at), -0.5)]
        return sorted(sorted(seen, key=abs)[:MOST_PICTURES])

    def empty(self, number: int) -> Picture:
        """Return the road without a car, BGR; `number` only tells noises apart."""
        nowhere = np.full((4, 2), -1000.0)
        return self._look.seen(self._ground.copy(), nowhere, 1000 + number, car=False)

    def stills(self) -> Iterator[Still]:
        """Yield the pictures in order."""
        for number, at_s in enumerate(self.times()):
            yield self.still(number, at_s)

    def still(self, number: int, at_s: float) -> Still:
        """Return one picture."""
        quad = self._quad(at_s)
        sides = np.linalg.norm(quad[[0, 1]] - quad[[3, 2]], axis=1)
        picture = self._look.seen(self._composed(at_s, quad), quad, number)
        whole = _inside(quad, 0.0)
        return Still(number, at_s, picture, quad, float(sides.mean()), whole)

    def _is_ahead(self, at_s: float) -> bool:
        """Whether the plate is still well before the lens."""
        return self._along(at_s) > -self.spec.distance_m + 2.0

    def _along(self, at_s: float) -> float:
        """Return how far behind the trigger line (away from the camera) the plate stands."""
        gone = self.spec.speed_kmh / 3.6 * at_s
        return -gone if self.spec.passing is Passing.IN else gone

    def _corners(self, at_s: float, box: tuple[float, float, float, float]) -> Quad:
        """Return pixels of a rectangle on the car's end: left, bottom, right, top in metres."""
        left, foot, right, top = box
        z = self._along(at_s)
        at = [(left, top, z), (right, top, z), (right, foot, z), (left, foot, z)]
        return self._view.project(np.array(at))

    def _quad(self, at_s: float) -> Quad:
        x, y = self._car.plate_m
        half = (PLATE_M[0] / 2, PLATE_M[1] / 2)
        return self._corners(at_s, (x - half[0], y - half[1], x + half[0], y + half[1]))

    def _composed(self, at_s: float, quad: Quad) -> Picture:
        """Lay the car over the ground, blurred by what it moves while the shutter is open."""
        picture = self._ground.copy()
        texture, place = self._car.texture, self._corners(at_s, self._car.box_m)
        low = np.clip(np.floor(place.min(axis=0)).astype(int) - 8, 0, (WIDTH, HEIGHT))
        high = np.clip(np.ceil(place.max(axis=0)).astype(int) + 8, 0, (WIDTH, HEIGHT))
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        if min(size) < 1:
            return picture
        rows, columns = texture.shape[:2]
        source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
        matrix = cv2.getPerspectiveTransform(source, (place - low).astype(np.float32))
        warped = cv2.warpPerspective(texture, matrix, size, flags=cv2.INTER_LINEAR)
        ahead = self._quad(at_s + self.spec.exposure_ms / 1000)
        warped = _dragged(warped.astype(np.uint8), (ahead - quad).mean(axis=0))
        part = picture[low[1] : high[1], low[0] : high[0]]
        rest = cv2.cvtColor(255 - warped[..., 3], cv2.COLOR_GRAY2RGB)
        below = cv2.multiply(part, rest, scale=1 / 255)
        part[:] = cv2.add(below, np.ascontiguousarray(warped[..., :3]))
        return picture


def _inside(quad: Quad, margin: float) -> bool:
    """Whether a plate is inside the picture; margin -0.5: at least its middle is."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    grow = -margin * (high - low)
    return bool((low + grow >= 0).all() and (high - grow <= (WIDTH, HEIGHT)).all())


def _dragged(picture: Picture, way: NDArray[np.float64]) -> Picture:
    """Return a picture blurred along a straight way in pixels."""
    length = float(np.hypot(*way))
    if length < 0.6:
        return picture
    fine, side = 8, 2 * int(np.ceil(length / 2)) + 3
    kernel = np.zeros((side * fine, side * fine), np.uint8)
    middle = np.array([side * fine / 2, side * fine / 2])
    ends = [(middle + s * way * fine / 2).round().astype(int) for s in (-1, 1)]
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), (255,), fine)
    small = cv2.resize(kernel, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(cv2.filter2D(picture, -1, small / small.sum()), np.uint8)


# the car --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _End:
    """The visible end of a car as a flat texture."""

    texture: Picture
    """RGB and share of cover, uint8, premultiplied."""
    box_m: tuple[float, float, float, float]
    """Left, bottom, right, top; x from the car's middle, y from the ground."""
    plate_m: tuple[float, float]
    """Middle of the plate."""


def _end_of(spec: PassageSpec, rng: np.random.Generator) -> _End:
    """Return the end that is seen, with its plate and what stands beside it."""
    facing = cars.Facing.FRONT if spec.passing is Passing.IN else cars.Facing.REAR
    body, colour = int(rng.integers(len(cars.BODIES))), int(rng.integers(len(_PAINTS)))
    blank = _blank_end(body, colour, facing.value)
    texture = blank.texture.copy()
    night = spec.weather is Weather.NIGHT
    if night:
        texture[..., :3] = _infrared(texture[..., :3], float(rng.uniform(0.15, 0.6)))
    x = (blank.plate_m[0] - blank.box_m[0]) * PX_PER_M
    y = (blank.box_m[3] - blank.plate_m[1]) * PX_PER_M
    _lettering(texture, (x, y), rng, night=night)
    plate = _worn(draw(spec.drawing, spec.text, spec.country, rng), rng)
    if night:
        plate = _infrared(plate, float(rng.uniform(0.75, 1.25)))
    half = (PLATE_M[0] * PX_PER_M / 2, PLATE_M[1] * PX_PER_M / 2)
    holder = _corners_of((x - half[0] - 5, y - half[1] - 5, x + half[0] + 5, y + half[1] + 9))
    tone = float(rng.uniform(10, 60)) * (0.4 if night else 1.0)
    paint.fill(texture, holder, (tone, tone, tone))
    left, top = int(x - half[0]) - 8, int(y - half[1]) - 8
    around = texture[max(0, top) : int(y + half[1]) + 12, max(0, left) : int(x + half[0]) + 10]
    place = _corners_of((x - half[0], y - half[1], x + half[0], y + half[1]))
    hang(around, plate, place - np.array([max(0, left), max(0, top)]))
    around[..., 3] = 255
    return _sized(_End(texture, blank.box_m, blank.plate_m), spec)


def _corners_of(box: tuple[float, float, float, float]) -> NDArray[np.float64]:
    left, top, right, foot = box
    return np.array([[left, top], [right, top], [right, foot], [left, foot]])


def _sized(end: _End, spec: PassageSpec) -> _End:
    """Shrink a texture to about what is seen of it, so that it does not flicker."""
    share = 1.6 * spec.height_px / (PLATE_M[1] * PX_PER_M)
    if share >= 1:
        return end
    rows, columns = end.texture.shape[:2]
    size = (max(8, round(columns * share)), max(8, round(rows * share)))
    small = cv2.resize(end.texture, size, interpolation=cv2.INTER_AREA)
    return _End(np.asarray(small, np.uint8), end.box_m, end.plate_m)


@lru_cache(maxsize=48)
def _blank_end(body: int, colour: int, facing: str) -> _End:
    """Draw a car from far away, straight on; its seat of the plate is empty."""
    away_m = 60.0
    lens = Lens(PX_PER_M * away_m, 0.9, 0.0, (0.0, 0.0))
    empty = np.full((11, 52, 3), 30, np.uint8)
    solid = cars.BODIES[body]
    car = cars.Car(solid, _PAINTS[colour], cars.Facing(facing), empty, solid is cars.VAN)
    model = cars.build_car(car)
    drawn = cars.place_car(lens, model, (0.0, away_m))
    left, top, right, foot = drawn.box
    lens = Lens(lens.focal_px, 0.9, 0.0, (-left, -top))
    size = (int(np.ceil(right - left)), int(np.ceil(foot - top)))
    layers = []
    for ground in (0, 255):
        picture = paint.canvas(*size, (ground,) * 3)
        cars.draw_car(picture, lens, model, (0.0, away_m), 1.0)
        layers.append(picture.astype(np.int16))
    share = 255 - np.abs(layers[1] - layers[0]).mean(axis=2)
    texture = np.dstack([layers[0], share]).clip(0, 255).astype(np.uint8)
    middle = drawn.plate.mean(axis=0)
    scale = 1 / PX_PER_M
    box = (left * scale, 0.9 - foot * scale, right * scale, 0.9 - top * scale)
    return _End(texture, box, (float(middle[0] * scale), float(0.9 - middle[1] * scale)))


def _lettering(
    texture: Picture, plate_px: tuple[float, float], rng: np.random.Generator, *, night: bool
) -> None:
    """Write what a reader must not take for a plate: names, stickers, a dealer's frame."""
    ink = (70.0, 70.0, 70.0) if night else tuple(float(v) for v in rng.integers(0, 255, 3))
    colour: Colour = (ink[0], ink[1], ink[2])
    for _ in range(int(rng.integers(0, 3))):
        word = _WORDS[int(rng.integers(len(_WORDS)))]
        at = (plate_px[0] + rng.uniform(-420, 200), plate_px[1] - rng.uniform(120, 420))
        x, y, size = int(max(0, at[0])), int(max(80, at[1])), int(rng.integers(22, 70))
        around = texture[y - 80 : y + 30, x : x + 700]
        layer = np.ascontiguousarray(around[..., :3])
        paint.text(layer, word, (4, 70), size, colour)
        solid = around[..., 3] > 250
        around[..., :3][solid] = layer[solid]


def _worn(plate: Picture, rng: np.random.Generator) -> Picture:
    """Add screws, dirt and a fade."""
    worn = plate.copy()
    height, width = worn.shape[:2]
    for _ in range(int(rng.integers(0, 4))):
        at = (float(rng.uniform(0.1, 0.9) * width), float(rng.choice((0.1, 0.9)) * height))
        paint.disc(worn, at, float(rng.uniform(2, 5)), (90, 88, 84))
    if rng.random() < 0.5:
        worn = paint.texture(worn, rng, float(rng.uniform(0.02, 0.12)), 64, 4)
    return paint.shade(worn, np.full((height, width), rng.uniform(0.75, 1.0), np.float32))


def _infrared(picture: Picture, gain: float) -> Picture:
    """Return it as a grey picture of that brightness."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) * gain
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


# ground, light and camera ---------------------------------------------------------------------


@lru_cache(maxsize=6)
def _asphalt(look: int) -> Picture:
    """Return a strip of road from above: 24 m along, 12 m across."""
    rng = np.random.default_rng((20261123, look))
    rows, columns = round(_STRIP_M * _GROUND_PX_PER_M), round(_STRIP_M / 2 * _GROUND_PX_PER_M)
    tone = float(rng.uniform(80, 140))
    strip = paint.texture(paint.canvas(columns, rows, (tone, tone, tone * 0.97)), rng, 0.12)
    strip = paint.texture(strip, rng, 0.10, 4, 1)
    for x_m in (-1.9, 1.9):
        x = columns / 2 + x_m * _GROUND_PX_PER_M
        paint.rectangle(strip, (x - 3, 0, x + 3, rows), (222, 222, 216))
    return strip


def _ground(view: _View, look: int) -> Picture:
    """Return what the camera sees without a car."""
    strip = _asphalt(look)
    across, along = _STRIP_M / 4, _STRIP_M / 2
    corners = [(-across, 0, along), (across, 0, along), (across, 0, -along), (-across, 0, -along)]
    near = view.place[2] + 2.0
    corners = [(x, y, max(z, near)) for x, y, z in corners]
    cut = round((along - max(-along, near)) * _GROUND_PX_PER_M)
    strip = strip[: max(2, cut)]
    rows, columns = strip.shape[:2]
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    place = view.project(np.array(corners)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source, place)
    ground = cv2.warpPerspective(
        strip, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(ground, np.uint8)


class _Look:
    """Light, weather, lens and encoder of one passage."""

    def __init__(self, spec: PassageSpec, rng: np.random.Generator) -> None:
        self._spec = spec
        self._seed = spec.seed
        self._gain = float(rng.uniform(0.65, 1.1))
        self._soft_px = float(rng.uniform(0.35, 0.8))
        self._quality = int(rng.integers(60, 92))
        sigma = {Weather.DAY: (1, 3), Weather.NIGHT: (3, 7), Weather.RAIN: (2, 4)}[spec.weather]
        self._sigma = float(rng.uniform(*sigma))
        shaded = spec.weather is Weather.DAY and rng.random() < 0.3
        self._shadow = float(rng.uniform(0.45, 0.75)) if shaded else 1.0
        self._shadow_at = float(rng.uniform(-0.4, 0.4))
        hour = spec.seed[1] % 24
        self._words = f"LETTURA {int(rng.integers(1, 9))}  23-11-2026 {hour:02d}:15:00"
        self._has_words = rng.random() < 0.5

    def on_ground(self, ground: Picture) -> Picture:
        """Return the ground in this light."""
        if self._spec.weather is Weather.NIGHT:
            return _infrared(ground, 0.25)
        return ground

    def seen(self, picture: Picture, quad: Quad, number: int, *, car: bool = True) -> Picture:
        """Return what the camera delivers of what is there, BGR."""
        rng = np.random.default_rng((*self._seed, 2, number))
        if car and self._shadow < 1:
            self._cast(picture, quad)
        if car and self._spec.weather is Weather.NIGHT and self._spec.passing is Passing.IN:
            picture = _lamps(picture, quad, rng)
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), self._soft_px), np.uint8)
        if self._spec.weather is Weather.RAIN:
            picture = _rain(picture, rng)
        gain = self._gain if self._spec.weather is not Weather.NIGHT else 1.0
        noise = _noise(number % 3, self._sigma)
        lit = np.asarray(cv2.addWeighted(picture, gain, noise, 1.0, -128.0), np.uint8)
        if self._has_words:
            paint.text(lit, self._words, (16, 30), 20, (255, 255, 255))
        bgr = cv2.cvtColor(lit, cv2.COLOR_RGB2BGR)
        coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, self._quality])[1]
        decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        if decoded is None:
            raise ValueError("a picture that was just coded cannot be read")
        return np.asarray(decoded, np.uint8)

    def _cast(self, picture: Picture, quad: Quad) -> None:
        """Cast a straight shadow over a part of the plate."""
        middle = quad.mean(axis=0)
        wide = float(np.linalg.norm(quad[1] - quad[0]))
        x = int(np.clip(middle[0] + self._shadow_at * wide, 1, WIDTH - 1))
        picture[:, :x] = (picture[:, :x] * np.float32(self._shadow)).astype(np.uint8)


def _lamps(picture: Picture, quad: Quad, rng: np.random.Generator) -> Picture:
    """Add two glaring head lamps left and right of a plate."""
    middle, wide = quad.mean(axis=0), float(np.linalg.norm(quad[1] - quad[0]))
    power = float(rng.uniform(200, 320))
    glow = np.zeros((HEIGHT // 4, WIDTH // 4), np.float32)
    for side in (-1, 1):
        at = ((middle[0] + side * 1.25 * wide) / 4, (middle[1] - 0.45 * wide) / 4)
        glow += paint.glow(glow.shape, at, (wide * 0.03, wide * 0.03), 2.6)
    light = (power * glow).clip(0, 255).astype(np.uint8)
    full = cv2.resize(light, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.add(picture, cv2.cvtColor(full, cv2.COLOR_GRAY2RGB)), np.uint8)


def _rain(picture: Picture, rng: np.random.Generator) -> Picture:
    """Add falling drops, drops on the glass, and a veil."""
    veil = np.asarray(cv2.addWeighted(picture, 0.82, picture, 0.0, 34.0), np.uint8)
    streaks = np.zeros(veil.shape[:2], np.uint8)
    for x, y in rng.uniform((0, 0), (WIDTH, HEIGHT), (140, 2)):
        length = rng.uniform(12, 46)
        end = (round(x + 0.12 * length), round(y + length))
        cv2.line(streaks, (round(x), round(y)), end, (int(rng.integers(20, 70)),), 1, cv2.LINE_AA)
    veil = cv2.add(veil, cv2.merge([streaks] * 3)).astype(np.uint8)
    for x, y in rng.uniform((0, 0), (WIDTH, HEIGHT), (2, 2)):
        x0, y0 = int(x), int(y)
        part = veil[y0 : y0 + 34, x0 : x0 + 30]
        if min(part.shape[:2]) > 8:
            part[:] = cv2.GaussianBlur(part, (0, 0), 5)
    return veil


def _noise(number: int, sigma: float) -> Picture:
    return _noise_field(number, max(1, round(sigma)))


@lru_cache(maxsize=24)
def _noise_field(number: int, levels: int) -> Picture:
    """Return a sensor's noise around 128; in whole levels, so that few fields are kept."""
    rng = np.random.default_rng((79, number))
    loud = rng.standard_normal((HEIGHT, WIDTH, 3), np.float32) * np.float32(levels) + 128
    return np.clip(np.round(loud), 0, 255).astype(np.uint8)
