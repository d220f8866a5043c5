# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Plates of a picture, and of a film: each followed from picture to picture and voted on once."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from gateway.analytics.plates.evaluate import Tools, overlap
from gateway.analytics.plates.find import Picture
from gateway.analytics.plates.read import Reading
from gateway.analytics.plates.sighting import Sighting, escalate, look
from gateway.analytics.plates.vote import vote
from gateway.model.errors import ConfigError
from gateway.model.plate import PlateRead

MOST_ESCALATED = 3
LOST_AFTER_S = 1.0
"""A plate that is not seen for so long has gone."""
LEAST_PICTURES = 2
"""In a film, what is found in fewer pictures is no plate."""
NEAR = 1.5
"""A plate moves at most so many of its own widths between two sightings."""
MOST_READINGS = 24
"""Of one plate, so many sightings take part in the vote: the sharpest."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One plate, of a picture or all through a film."""

    picture: Picture = field(repr=False)
    """The best one, (H, W, 3) uint8 BGR."""
    crop: Picture = field(repr=False)
    box: tuple[float, float, float, float]
    """In that picture, px: left, top, right, bottom."""
    score: float
    first: str = field(repr=False)
    second: str = field(repr=False)
    read: PlateRead
    from_s: float | None = None
    """Since the film's begin; None: of a picture."""
    until_s: float | None = None


@dataclass(slots=True)
class _Track:
    began_s: float
    last_s: float
    sightings: list[Sighting]
    best: Picture
    """The picture of the sharpest sighting."""
    sharpest: Sighting


def read_picture(tools: Tools, picture: Picture) -> tuple[Seen, ...]:
    """Return the plates of a uint8 BGR picture, the surest first."""
    return tuple(_seen(tools, [one], picture, one) for one in look(tools.models, picture))


def read_film(
    tools: Tools, path: Path, on_progress: Callable[[int, int], None] | None = None
) -> tuple[Seen, ...]:
    """Return the plates of a film in order of appearance; ConfigError if it is none."""
    tracks: list[_Track] = []
    done: list[_Track] = []
    for number, (at_s, picture, whole) in enumerate(_pictures(path), 1):
        if on_progress is not None:
            on_progress(number, max(whole, number))
        done += [one for one in tracks if at_s - one.last_s > LOST_AFTER_S]
        tracks = [one for one in tracks if at_s - one.last_s <= LOST_AFTER_S]
        for sighting in look(tools.models, picture):
            _follow(tracks, sighting, picture, at_s)
    kept = [one for one in done + tracks if len(one.sightings) >= LEAST_PICTURES]
    kept.sort(key=lambda one: one.began_s)
    return tuple(
        _seen(tools, one.sightings, one.best, one.sharpest, (one.began_s, one.last_s))
        for one in kept
    )


def _pictures(path: Path) -> Iterator[tuple[float, Picture, int]]:
    """Yield the time in seconds and the picture, and about how many there are."""
    film = cv2.VideoCapture(str(path)) if path.is_file() else None
    if film is None or not film.isOpened():
        raise ConfigError(str(path), "", "is no picture and no film that can be read")
    try:
        rate = film.get(cv2.CAP_PROP_FPS) or 25.0
        whole = int(film.get(cv2.CAP_PROP_FRAME_COUNT))
        number = 0
        while True:
            there, picture = film.read()
            if not there:
                return
            yield number / rate, np.asarray(picture, np.uint8), whole
            number += 1
    finally:
        film.release()


def _follow(tracks: list[_Track], sighting: Sighting, picture: Picture, at_s: float) -> None:
    """Add a sighting to the plate that it belongs to, or begin another."""
    near = [one for one in tracks if one.last_s < at_s and _belongs(one.sightings[-1], sighting)]
    if not near:
        tracks.append(_Track(at_s, at_s, [sighting], picture, sighting))
        return
    track = min(near, key=lambda one: _away(one.sightings[-1], sighting))
    track.last_s = at_s
    track.sightings.append(sighting)
    if sighting.sharpness > track.sharpest.sharpness:
        track.best, track.sharpest = picture, sighting


def _belongs(before: Sighting, now: Sighting) -> bool:
    return overlap(before.found, now.found) > 0 or _away(before, now) < NEAR


def _away(before: Sighting, now: Sighting) -> float:
    """Return the distance of two plates, in widths of the first."""
    left, top, right, bottom = before.found.box
    other = now.found.box
    across = (left + right - other[0] - other[2]) / 2
    down = (top + bottom - other[1] - other[3]) / 2
    return math.hypot(across, down) / max(1.0, right - left)


def _seen(
    tools: Tools,
    sightings: Sequence[Sighting],
    picture: Picture,
    best: Sighting,
    span: tuple[float, float] | None = None,
) -> Seen:
    """Return what all sightings of one plate say; the sharpest ones are read by both readers."""
    ordered = sorted(sightings, key=lambda one: -one.sharpness)[:MOST_READINGS]
    asked = [escalate(tools.models, one) for one in ordered[:MOST_ESCALATED]]
    read = vote((*asked, *ordered[MOST_ESCALATED:]), tools.grammar, tools.models.countries)
    crop = best.crops[0].gray if best.crops else np.zeros((1, 1), np.uint8)
    return Seen(
        picture, crop, best.found.box, best.found.score,
        _surest(asked[0].readings), _surest(asked[0].seconds), read,
        span[0] if span else None, span[1] if span else None,
    )  # fmt: skip


def _surest(readings: Sequence[Reading]) -> str:
    return max(readings, key=lambda one: one.sureness).text if readings else ""
