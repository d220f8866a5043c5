# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Backgrounds: where a scene plays, how its camera looks at it, what in it can be moved by wind.

The town's are painted by `gateway.simulator` and freed of people and cars by a median over time,
the yard is painted here, the real ones are medians of the shared footage's frames, enlarged.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import radians
from pathlib import Path

import cv2
import numpy as np

from benchmarks.scenes.canvas import plane
from gateway.model.registry import Point
from gateway.simulator import paint
from gateway.simulator.greenery import crown
from gateway.simulator.paint import Picture, Sprite
from gateway.simulator.perspective import Lens, Points
from gateway.simulator.scene_gate import Gate
from gateway.simulator.scene_pharmacy import Room
from gateway.simulator.scene_square import Square

WIDTH, HEIGHT = paint.WIDTH, paint.HEIGHT
FOOTAGE = Path(__file__).parents[3] / "shared" / "data" / "motion"
_SAMPLES = 15
"""Pictures of which the median is taken."""
_MARKS_PX = 16
"""The town's pictures bear their number in a strip of this height at the bottom."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A place, 1280 x 720; points and rectangles are fractions of the picture."""

    picture: Picture
    lens: Lens
    zone: tuple[Point, ...]
    """The guarded ground."""
    reach_m: tuple[float, float]
    """Nearest and farthest distance at which anything moves."""
    trees: tuple[Sprite, ...] = ()
    """Crowns, in pixels; they stand before everything."""
    water: tuple[float, float, float, float] | None = None
    """Left, top, right, bottom of what ripples when it is wet."""
    lamp: Point = (0.5, 0.1)
    """What flickers or is switched."""


@dataclass(frozen=True, slots=True)
class Place:
    """How a ground is made."""

    paint: Callable[[], Picture]
    lens: Lens
    zone: tuple[Point, ...]
    reach_m: tuple[float, float]
    crowns: tuple[tuple[float, float, float], ...] = ()
    """x, y and width of crowns, fractions of the picture's width and height."""
    water: tuple[float, float, float, float] | None = None
    lamp: Point = (0.5, 0.1)
    source: Path | None = None
    """Footage without which there is no such ground."""


def _square() -> Picture:
    scene = Square()
    return _without_marks(_median(_drawn(scene, scene.frames)))


def _gate() -> Picture:
    scene = Gate()
    return _without_marks(_median(_drawn(scene, scene.frames)))


def _drawn(scene: Square | Gate, frames: int) -> Iterator[Picture]:
    for number in range(_SAMPLES):
        yield scene.draw(number * frames // _SAMPLES)[0]


def _pharmacy() -> Picture:
    return Room().lit


def _without_marks(picture: Picture) -> Picture:
    """Return the picture with what the exercise burns in painted over."""
    top, bottom = paint.BANNER_PX, HEIGHT - _MARKS_PX
    picture[:top] = cv2.flip(picture[top : 2 * top], 0)
    picture[bottom:] = cv2.flip(picture[bottom - _MARKS_PX : bottom], 0)
    return picture


def _yard() -> Picture:
    """Paint a courtyard: wall, gate, asphalt with lines, a kerb."""
    rng = np.random.default_rng(41)
    sky = [(0.0, (150, 176, 206)), (0.3, (206, 216, 222))]
    picture = paint.vertical(WIDTH, HEIGHT, [(at, colour) for at, colour in sky])
    lens = _YARD
    horizon = int(lens.horizon_px())
    asphalt = paint.texture(paint.canvas(WIDTH, HEIGHT, (112, 112, 116)), rng, 0.10, 96, 2)
    picture[horizon:] = asphalt[horizon:]
    far, high = 34.0, 3.2

    def at(x: float, y: float, z: float) -> tuple[float, float]:
        column, row = lens.project(np.array([[x, y, z]]))[0]
        return float(column), float(row)

    wall = paint.texture(paint.canvas(900, 120, (176, 158, 134)), rng, 0.16, 48, 2)
    corners = np.array([at(-24, high, far), at(24, high, far), at(24, 0, far), at(-24, 0, far)])
    _hung(picture, wall, corners)
    for left in (-16.0, 6.0):
        door = [at(left, 2.4, far), at(left + 3, 2.4, far), at(left + 3, 0, far), at(left, 0, far)]
        paint.fill(picture, door, (72, 82, 78))
        for bar in range(1, 6):
            x = left + bar * 0.5
            paint.stroke(picture, [at(x, 2.4, far), at(x, 0, far)], (116, 126, 120), 2)
    for number in range(7):
        x = -9.0 + 3 * number
        paint.stroke(picture, [at(x, 0, 12), at(x, 0, 17)], (214, 212, 200), 3)
    for side in (-1, 1):
        kerb = [at(side * 14.0, 0, z) for z in (6.0, 12.0, 20.0, far)]
        paint.stroke(picture, kerb, (168, 166, 160), 6)
    return paint.vignette(picture, 0.25)


def _hung(picture: Picture, surface: Picture, corners: Points) -> None:
    """Lay a flat surface between four corners, clockwise from the top left."""
    height, width = surface.shape[:2]
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    warped = plane(cv2.warpPerspective(surface, matrix, (WIDTH, HEIGHT)))
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], (255,))
    picture[mask > 0] = warped[mask > 0]


def _median(pictures: Iterator[Picture]) -> Picture:
    return np.asarray(np.median(np.stack(list(pictures)), axis=0), np.uint8)


def _still(pattern: str) -> Callable[[], Picture]:
    """Return what takes the median of numbered frames."""

    def load() -> Picture:
        files = sorted(FOOTAGE.glob(pattern))
        chosen = files[:: max(1, len(files) // (3 * _SAMPLES))]
        return _enlarged(_median(_read(one) for one in chosen))

    return load


def _read(path: Path) -> Picture:
    """Return a picture file as RGB."""
    return np.ascontiguousarray(plane(np.asarray(cv2.imread(str(path))))[..., ::-1])


def _film(name: str) -> Callable[[], Picture]:
    """Return what takes the median of a film's frames."""

    def load() -> Picture:
        film = cv2.VideoCapture(str(FOOTAGE / name))
        count = int(film.get(cv2.CAP_PROP_FRAME_COUNT))
        kept: list[Picture] = []
        for number in range(count):
            if not film.grab():
                break
            if number % max(1, count // (3 * _SAMPLES)) == 0:
                kept.append(plane(film.retrieve()[1])[..., ::-1])
        film.release()
        return _enlarged(_median(iter(kept)))

    return load


def _enlarged(picture: Picture) -> Picture:
    """Return the middle of a picture as 1280 x 720."""
    height, width = picture.shape[:2]
    wide, high = min(width, height * 16 // 9), min(height, width * 9 // 16)
    x, y = (width - wide) // 2, (height - high) // 2
    part = np.ascontiguousarray(picture[y : y + high, x : x + wide])
    return plane(cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))


_YARD = Lens(900.0, 4.0, radians(12.0))
_WHOLE = ((0.01, 0.42), (0.99, 0.42), (0.99, 0.98), (0.01, 0.98))
PLACES = {
    "square": Place(
        _square,
        Lens(1080.0, 6.5, radians(9.5)),
        _WHOLE,
        (14.0, 36.0),
        crowns=((0.13, 0.52, 0.15), (0.90, 0.48, 0.13)),
        water=(0.42, 0.66, 0.60, 0.76),
        lamp=(0.25, 0.25),
    ),
    "gate": Place(
        _gate,
        Lens(1900.0, 3.0, radians(6.2)),
        ((0.01, 0.52), (0.99, 0.52), (0.99, 0.98), (0.01, 0.98)),
        (12.0, 30.0),
        crowns=((0.08, 0.30, 0.22),),
        water=(0.60, 0.86, 0.85, 0.95),
        lamp=(0.50, 0.30),
    ),
    "pharmacy": Place(
        _pharmacy,
        Lens(800.0, 2.75, radians(13.0)),
        ((0.01, 0.45), (0.99, 0.45), (0.99, 0.98), (0.01, 0.98)),
        (4.0, 7.0),
        lamp=(0.40, 0.05),
    ),
    "yard": Place(
        _yard,
        _YARD,
        _WHOLE,
        (7.0, 28.0),
        crowns=((0.07, 0.40, 0.20), (0.95, 0.38, 0.16)),
        water=(0.55, 0.80, 0.80, 0.92),
        lamp=(0.65, 0.22),
    ),
    "highway": Place(
        _still("cdnet_highway/input/*.jpg"),
        Lens(1500.0, 7.0, radians(14.0)),
        ((0.05, 0.25), (0.95, 0.25), (0.95, 0.98), (0.05, 0.98)),
        (14.0, 40.0),
        crowns=((0.06, 0.30, 0.18),),
        source=FOOTAGE / "cdnet_highway",
    ),
    "car-park": Place(
        _film("intel_car-detection.mp4"),
        Lens(1000.0, 7.0, radians(20.0)),
        ((0.01, 0.20), (0.99, 0.20), (0.99, 0.98), (0.01, 0.98)),
        (9.0, 26.0),
        crowns=((0.92, 0.24, 0.18),),
        source=FOOTAGE / "intel_car-detection.mp4",
    ),
    "street": Place(
        _still("ground_720p_a/*.jpg"),
        Lens(1400.0, 6.0, radians(12.0)),
        ((0.01, 0.30), (0.99, 0.30), (0.99, 0.98), (0.01, 0.98)),
        (14.0, 40.0),
        crowns=((0.10, 0.22, 0.20),),
        source=FOOTAGE / "ground_720p_a",
    ),
}
NAMES = tuple(PLACES)
PAINTED = tuple(name for name, place in PLACES.items() if place.source is None)


def present() -> tuple[str, ...]:
    """Return the grounds that can be had here: all painted ones, and real ones with footage."""
    return tuple(
        name for name, place in PLACES.items() if place.source is None or place.source.exists()
    )


@lru_cache(maxsize=8)
def ground(name: str, cache: Path) -> Ground:
    """Return a ground, made once and kept as PNG in a folder; KeyError for an unknown name.

    FileNotFoundError if it needs footage that is not there.
    """
    place = PLACES[name]
    if place.source is not None and not place.source.exists():
        raise FileNotFoundError(f"ground {name} is made from {place.source}")
    kept = cache / f"ground-{name}.png"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_name(f".{kept.name}.{id(place)}.png")
        cv2.imwrite(str(fresh), place.paint()[..., ::-1])
        fresh.replace(kept)
    picture = _read(kept)
    return Ground(
        picture, place.lens, place.zone, place.reach_m, _trees(place), place.water, place.lamp
    )


def _trees(place: Place) -> tuple[Sprite, ...]:
    rng = np.random.default_rng(43)
    return tuple(
        crown(rng, (x * WIDTH, y * HEIGHT), (wide * WIDTH, 0.9 * wide * WIDTH), 0.22 * wide * WIDTH)
        for x, y, wide in place.crowns
    )


def scaled(lens: Lens, size_px: tuple[int, int]) -> Lens:
    """Return the lens for pictures of another size than 1280 x 720."""
    share = size_px[0] / WIDTH
    return Lens(
        lens.focal_px * share,
        lens.height_m,
        lens.pitch_rad,
        (lens.centre_px[0] * share, lens.centre_px[1] * share),
    )
