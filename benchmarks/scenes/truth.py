# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What was to be seen in a clip, exactly, and how it is written down (JSON)."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from benchmarks.scenes.spec import Act, Disturb, Shape, Tamper
from gateway.model.alarm import Box
from gateway.model.errors import WireError
from gateway.model.registry import Point


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing in one picture."""

    picture: int
    box: Box
    x_m: float
    z_m: float

    @property
    def foot(self) -> Point:
        """Where it stands, fractions of the picture."""
        return (self.box.left + self.box.right) / 2, self.box.bottom


@dataclass(frozen=True, slots=True)
class Happening:
    """An event as it was painted."""

    name: str
    """The same for the same event in every rendition."""
    shape: Shape
    act: Act
    speed_m_s: float
    distance_m: float
    begin_s: float
    """When a quarter of it could first be seen; seconds since the first picture."""
    end_s: float
    """When it could last be seen."""
    seen: tuple[Seen, ...]

    @property
    def lasts_s(self) -> float:
        """Seconds for which it could be seen."""
        return self.end_s - self.begin_s

    def inside(self, zone: Sequence[Point], fps: int) -> tuple[float, float] | None:
        """Return when it first and last stood in a zone; None if it never did."""
        numbers = [one.picture for one in self.seen if holds(zone, one.foot)]
        return (numbers[0] / fps, (numbers[-1] + 1) / fps) if numbers else None


@dataclass(frozen=True, slots=True)
class Span:
    """A disturbance or a tampering."""

    kind: Disturb | Tamper
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Camera:
    """How the camera looks at flat ground; metres and radians, focal length in picture widths."""

    focal: float
    height_m: float
    pitch_rad: float


@dataclass(frozen=True, slots=True)
class Truth:
    """Of one clip."""

    name: str
    ground: str
    fps: int
    pictures: int
    camera: Camera
    zone: tuple[Point, ...]
    happenings: tuple[Happening, ...]
    spans: tuple[Span, ...]


def holds(zone: Sequence[Point], point: Point) -> bool:
    """Return whether a polygon holds a point (even-odd)."""
    x, y = point
    inside = False
    for (x0, y0), (x1, y1) in zip(zone, (*zone[1:], zone[0]), strict=True):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            inside = not inside
    return inside


def to_json(truth: Truth) -> bytes:
    """Return the truth as JSON; `from_json` is its inverse. Boxes: left, top, right, bottom."""
    plain = asdict(truth)
    for one, happening in zip(plain["happenings"], truth.happenings, strict=True):
        one["shape"], one["act"] = happening.shape.value, happening.act.value
        one["seen"] = [
            [s.picture, s.box.left, s.box.top, s.box.right, s.box.bottom, s.x_m, s.z_m]
            for s in happening.seen
        ]
    for one, span in zip(plain["spans"], truth.spans, strict=True):
        one["kind"] = span.kind.value
    return json.dumps(plain, separators=(",", ":")).encode()


def from_json(data: bytes) -> Truth:
    """Return the truth that `to_json` wrote; WireError for anything else."""
    try:
        plain = json.loads(data)
        return Truth(
            plain["name"],
            plain["ground"],
            plain["fps"],
            plain["pictures"],
            Camera(**plain["camera"]),
            tuple((x, y) for x, y in plain["zone"]),
            tuple(_happening(one) for one in plain["happenings"]),
            tuple(Span(_kind(one["kind"]), one["begin_s"], one["end_s"]) for one in plain["spans"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise WireError(f"not the truth of a composed clip: {error!r}") from error


def _happening(plain: dict[str, object]) -> Happening:
    match plain:
        case {"seen": list(rows), "shape": str(shape), "act": str(act), "name": str(name), **rest}:
            seen = tuple(Seen(int(r[0]), Box(r[1], r[2], r[3], r[4]), r[5], r[6]) for r in rows)
            numbers = {key: value for key, value in rest.items() if isinstance(value, float | int)}
            return Happening(name, Shape(shape), Act(act), seen=seen, **numbers)
    raise ValueError("a happening lacks a field")


def _kind(name: str) -> Disturb | Tamper:
    return Tamper(name) if name in {one.value for one in Tamper} else Disturb(name)
