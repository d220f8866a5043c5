# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Privacy masks between our picture fractions and ONVIF's coordinates, and what a device allows."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.ingest.onvif_model import CameraMask, MaskKind
from gateway.model.errors import PeerError
from gateway.model.registry import Point

LEAST_POINTS = 3
RECTANGLE_POINTS = 4
MOST_DRIFT = 0.02
"""Of the picture's side: devices round to their own grid (pixels of a small overlay)."""

Color = tuple[float, float, float]
BLACK: Color = (16.0, 128.0, 128.0)
"""YCbCr, the default colour space of tt:Color."""


@dataclass(frozen=True, slots=True)
class MaskLimits:
    """What a device's masks can be (GetMaskOptions, Media2 §5.3.9)."""

    most: int
    points: int
    kinds: tuple[MaskKind, ...]
    rectangle_only: bool = False
    colors: tuple[Color, ...] = ()
    """Those on offer; none means any."""


def to_onvif(polygon: Sequence[Point]) -> tuple[Point, ...]:
    """Return picture fractions (0..1, y down) as ONVIF has them (-1..1, y up)."""
    return tuple((2 * x - 1, 1 - 2 * y) for x, y in polygon)


def from_onvif(polygon: Sequence[Point]) -> tuple[Point, ...]:
    """Return ONVIF's coordinates as picture fractions; what lies outside is cut to the picture."""
    return tuple((_unit((x + 1) / 2), _unit((1 - y) / 2)) for x, y in polygon)


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))


def check(masks: Sequence[CameraMask], limits: MaskLimits) -> None:
    """Refuse what the device cannot show; PeerError in words for the installer."""
    if len(masks) > limits.most:
        raise PeerError(f"shows at most {limits.most} masks, {len(masks)} are wanted")
    for index, mask in enumerate(masks, 1):
        problem = _problem(mask, limits)
        if problem:
            raise PeerError(f"mask {index} cannot be put into the camera: {problem}")


def _problem(mask: CameraMask, limits: MaskLimits) -> str:
    points = len(mask.polygon)
    if points < LEAST_POINTS or not all(0 <= x <= 1 and 0 <= y <= 1 for x, y in mask.polygon):
        return "a mask is three or more points inside the picture"
    if limits.rectangle_only and not is_rectangle(mask.polygon):
        return "the camera takes only rectangles with upright sides"
    if points > limits.points:
        return f"{points} corners, the camera takes at most {limits.points}"
    if mask.kind not in limits.kinds:
        offered = ", ".join(kind.value for kind in limits.kinds) or "none that we know"
        return f"kind {mask.kind.value} is not on offer ({offered})"
    return ""


def is_rectangle(polygon: Sequence[Point]) -> bool:
    """Return whether a polygon is a rectangle with upright sides."""
    if len(set(polygon)) != RECTANGLE_POINTS or len(polygon) != RECTANGLE_POINTS:
        return False
    sides = zip(polygon, (*polygon[1:], polygon[0]), strict=True)
    return all((ax == bx) != (ay == by) for (ax, ay), (bx, by) in sides)


def same(wanted: CameraMask, found: CameraMask) -> bool:
    """Return whether a device kept a mask as it was set, up to its grid and starting corner."""
    if wanted.enabled != found.enabled or wanted.kind is not found.kind:
        return False
    ours, theirs = list(wanted.polygon), list(found.polygon)
    if len(ours) != len(theirs):
        return False
    turns = (theirs[start:] + theirs[:start] for start in range(len(theirs)))
    return any(_near(ours, turn) or _near(ours, turn[::-1]) for turn in turns)


def _near(ours: Sequence[Point], theirs: Sequence[Point]) -> bool:
    return all(
        abs(ax - bx) <= MOST_DRIFT and abs(ay - by) <= MOST_DRIFT
        for (ax, ay), (bx, by) in zip(ours, theirs, strict=True)
    )
