# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A spec as pictures: each can be had at any time, alone, and is the same every time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from benchmarks.scenes.canvas import Canvas, Cutout, Plane, from_rgb, plane
from benchmarks.scenes.grounds import ground, scaled
from benchmarks.scenes.moving import Actor, Where, lay_with_shadow
from benchmarks.scenes.spec import Disturb, Light, Spec
from benchmarks.scenes.tampering import frozen, tamper
from benchmarks.scenes.weather import Weather, chance
from gateway.model.alarm import Box

_SPARE_PX = 64
"""By so much the field of noise is larger than the picture."""
_FULL_PX = 1920
"""Width at which a sensor's noise is stated; smaller pictures average it away as cameras do."""
_LEAST_SHARE = 0.25
"""So much of a thing must be inside the picture for it to be seen."""
_NIGHT_NOISE = 1.6
_OSD_BEGINS = datetime(2026, 11, 23, 2, 0, 0)  # noqa: DTZ001 - digits in a picture, no instant


@dataclass(frozen=True, slots=True)
class Sight:
    """One thing in one picture."""

    event: int
    """Its position in the spec."""
    box: Box
    """What can be seen of it, clipped to the picture; what hides it is not taken off."""
    x_m: float
    z_m: float


class Film:
    """The pictures of a spec in one size."""

    def __init__(self, spec: Spec, size_px: tuple[int, int], cache: Path) -> None:
        """`cache`: where backgrounds are kept."""
        self.spec = spec
        self.size_px = size_px
        self.ground = ground(spec.ground, cache)
        lens = scaled(self.ground.lens, size_px)
        self._actors = [Actor(event, lens, size_px) for event in spec.events]
        self._weather = Weather(self.ground, spec.disturbances, spec.light, spec.seed, size_px)
        self._base = from_rgb(self.ground.picture).scaled(size_px)
        night = _NIGHT_NOISE if spec.light is Light.NIGHT else 1.0
        self._noise = _noise(size_px, spec.noise.value * night, spec.seed)

    def picture(self, number: int) -> tuple[Canvas, tuple[Sight, ...]]:
        """Return a picture and what is seen in it."""
        spec = self.spec
        shown = frozen(spec.tamperings, number, spec.fps)
        second = shown / spec.fps
        canvas = self._base.copy()
        self._weather.stir(canvas, second)
        sights = self._lay_actors(canvas, second)
        self._weather.lay_trees(canvas, second)
        self._weather.light(second).lay(canvas)
        self._weather.fall(canvas, second, shown)
        tamper(canvas, spec.tamperings, second)
        self._weather.shake(canvas, second)
        self._grain(canvas, shown)
        if spec.osd:
            _burn_clock(canvas, second)
        return canvas, sights

    def is_stirred(self, second: float) -> bool:
        """Return whether anything of the spec is going on at a second."""
        return any(actor.where(second) for actor in self._actors) or any(
            self._weather.on(kind, second) for kind in Disturb
        )

    def _lay_actors(self, canvas: Canvas, second: float) -> tuple[Sight, ...]:
        """Lay whoever is there, the farthest first."""
        there: list[tuple[int, Where, Cutout]] = []
        for number, actor in enumerate(self._actors):
            where = actor.where(second)
            cutout = actor.draw(where) if where else None
            if where is not None and cutout is not None:
                there.append((number, where, cutout))
        sights: list[Sight] = []
        for number, where, cutout in sorted(there, key=lambda one: -one[1].z_m):
            lay_with_shadow(canvas, cutout)
            box = _clipped(cutout, self.size_px)
            if box is not None:
                sights.append(Sight(number, box, where.x_m, where.z_m))
        return tuple(sights)

    def _grain(self, canvas: Canvas, number: int) -> None:
        """Add the sensor's noise."""
        width, height = self.size_px
        x, y = (int(_SPARE_PX * chance(self.spec.seed, k, number)) for k in (67, 73))
        part = self._noise[y : y + height, x : x + width]
        cv2.addWeighted(canvas.luma, 1.0, part, 1.0, -128.0, canvas.luma)


def _clipped(cutout: Cutout, size_px: tuple[int, int]) -> Box | None:
    """Return the visible part of a thing in fractions; None if too little is inside."""
    found = cutout.box_px()
    if found is None:
        return None
    (left, top, right, bottom), (width, height) = found, size_px
    whole = (right - left) * (bottom - top)
    left, top, right, bottom = max(0, left), max(0, top), min(width, right), min(height, bottom)
    if right <= left or bottom <= top or (right - left) * (bottom - top) < _LEAST_SHARE * whole:
        return None
    return Box(left / width, top / height, right / width, bottom / height)


@lru_cache(maxsize=8)
def _noise(size_px: tuple[int, int], sigma: float, seed: int) -> Plane:
    """Return noise around 128, as a sensor's of 1080p looks in that size."""
    share = max(1.0, _FULL_PX / size_px[0])
    wide, high = (one + _SPARE_PX for one in size_px)
    rng = np.random.default_rng((seed, 79))
    fine = rng.standard_normal((round(high * share), round(wide * share)), np.float32)
    soft = np.asarray(cv2.GaussianBlur(fine, (0, 0), 0.6), np.float32)
    soft *= np.float32(sigma / soft.std())
    field = cv2.resize(soft, (wide, high), interpolation=cv2.INTER_AREA)
    return plane(np.clip(np.round(field + 128), 0, 255))


def _burn_clock(canvas: Canvas, second: float) -> None:
    """Write date and time as cameras do."""
    text = f"{_OSD_BEGINS + timedelta(seconds=int(second)):%d-%m-%Y %H:%M:%S}"
    scale = canvas.size_px[0] / 1600
    at = (round(20 * scale), round(44 * scale))
    for colour, thick in ((16.0, 5), (235.0, 2)):
        width = max(1, round(thick * scale))
        cv2.putText(canvas.luma, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (colour,), width)
