# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One look at one plate: found, set upright, read; the second reader is asked later and seldom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from gateway.analytics.plates.find import Found, Picture, find
from gateway.analytics.plates.models import Models
from gateway.analytics.plates.read import Reading, line_count, read, read_second
from gateway.analytics.plates.rectify import Crop, rectify

FAST_WAYS = ("close", "loose")
"""Crops that our reader sees on each picture; of an escalated one it sees all."""
SECOND_WAYS = ("loose", "wide", "close")
"""Crops for the second reader, the most wanted first."""
MOST_SECOND = 2


@dataclass(frozen=True, slots=True)
class Sighting:
    """A plate in one picture, and what was read there."""

    found: Found
    crops: tuple[Crop, ...]
    readings: tuple[Reading, ...]
    """Of our reader."""
    seconds: tuple[Reading, ...] = ()
    """Of the second reader; empty until it was asked."""
    sharpness: float = 0.0
    """How well it can be read, for choosing among the pictures of a passage; larger is better."""


def look(models: Models, picture: Picture) -> tuple[Sighting, ...]:
    """Return the plates of a uint8 picture (H, W, 3) BGR or (H, W), the surest first."""
    return tuple(look_at(models, picture, one) for one in find(models, picture))


def look_at(models: Models, picture: Picture, found: Found) -> Sighting:
    """Return what our reader makes of one place in a picture; no readings if it is too small."""
    crops = rectify(picture, found)
    readings = read(models, (one for one in crops if one.way in FAST_WAYS))
    return Sighting(found, crops, readings, sharpness=_sharpness(crops))


def escalate(models: Models, sighting: Sighting) -> Sighting:
    """Return a sighting read by both readers; by ours alone if there is no second one."""
    left = (one for one in sighting.crops if one.way not in FAST_WAYS)
    readings = (*sighting.readings, *read(models, left))
    by_way = {one.way: one for one in sighting.crops}
    chosen = [by_way[way] for way in SECOND_WAYS if way in by_way][:MOST_SECOND]
    seconds = read_second(models, chosen, rows=line_count(readings))
    return replace(sighting, readings=readings, seconds=seconds)


def _sharpness(crops: Sequence[Crop]) -> float:
    """Return the strength of edges times the height, of the first crop."""
    if not crops:
        return 0.0
    edges = cv2.Laplacian(crops[0].gray, cv2.CV_32F)
    return float(np.sqrt(np.square(edges).mean()) * np.sqrt(crops[0].gray.shape[0]))
