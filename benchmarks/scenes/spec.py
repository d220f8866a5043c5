# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a clip is to show: everything that it depends on, as plain data.

Seconds count from the first picture; metres are of the ground below the lens (x to the right of it,
z away from it); sizes are in pixels.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import Enum

from gateway.model.media import Codec


class Shape(Enum):
    """What moves."""

    PERSON = "person"
    VEHICLE = "vehicle"
    TWO_WHEELER = "two-wheeler"


class Act(Enum):
    """How it moves."""

    CROSSING = "crossing"
    """From one edge of the picture to the other, at one distance."""
    ENTERING = "entering"
    """In at one edge and out again there."""
    LINGERING = "lingering"
    """In, to and fro in one place, out at the other edge."""
    STOPPING = "stopping"
    """In, still in one place, out at the other edge."""
    NEARING = "nearing"
    """From edge to edge, coming nearer on the way."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that ought to be noticed."""

    shape: Shape
    act: Act
    begin_s: float
    """When it sets out, just outside the picture."""
    distance_m: float
    """Where it enters."""
    speed_m_s: float
    stay_s: float = 0.0
    """ENTERING: all of its stay; LINGERING and STOPPING: in its place."""
    from_left: bool = True
    look: int = 0
    """Seed of its clothes or paint."""


class Disturb(Enum):
    """What moves in a picture and must wake nobody."""

    FOLIAGE = "foliage"
    WATER = "water"
    RAIN = "rain"
    FLICKER = "flicker"
    CLOUD = "cloud"
    LIGHT_STEP = "light-step"
    IR_SWITCH = "ir-switch"
    HEADLIGHTS = "headlights"
    INSECTS = "insects"
    SHAKE = "shake"


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One of them, for a while."""

    kind: Disturb
    begin_s: float
    end_s: float
    strength: float = 1.0
    """1: as on a bad day."""


class Tamper(Enum):
    """What is done to a camera."""

    COVERED = "covered"
    DEFOCUSED = "defocused"
    MOVED = "moved"
    FROZEN = "frozen"
    """The same picture again and again."""
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Tampering:
    """One of them, from its begin to its end; it sets in within a second or two."""

    kind: Tamper
    begin_s: float
    end_s: float


class Noise(Enum):
    """Standard deviation of a 1080p sensor's noise, in levels of 8 bits."""

    LOW = 1.5
    MIDDLE = 4.0
    HIGH = 8.0


class Light(Enum):
    """How the scene is lit at the beginning."""

    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"
    """Infrared: grey, bright in the middle."""


class Rate(Enum):
    """How an encoder spends its bits."""

    CBR = "cbr"
    VBR = "vbr"
    """Constant quality below a cap."""


VARIABLE_GOP = 0


@dataclass(frozen=True, slots=True)
class Coding:
    """How one rendition is coded."""

    size_px: tuple[int, int]
    kbps: int
    gop: int = 50
    """In pictures; VARIABLE_GOP: stretched and cut as smart codecs do, 25 to 250."""
    codec: Codec = Codec.H264
    rate: Rate = Rate.VBR


MAIN = Coding((1920, 1080), 3000)
SUB = Coding((640, 360), 400)


@dataclass(frozen=True, slots=True)
class Spec:
    """A clip; the same spec gives the same bytes on one machine."""

    name: str
    ground: str
    """One of `grounds.NAMES`."""
    seed: int
    length_s: float
    events: tuple[Event, ...] = ()
    disturbances: tuple[Disturbance, ...] = ()
    tamperings: tuple[Tampering, ...] = ()
    light: Light = Light.DAY
    noise: Noise = Noise.LOW
    fps: int = 25
    main: Coding | None = None
    """None: there is no such rendition."""
    sub: Coding | None = SUB
    osd: bool = False
    """A clock is burned in at the top left."""

    @property
    def pictures(self) -> int:
        """Length in pictures."""
        return round(self.length_s * self.fps)

    def key(self) -> str:
        """Return what stands for all of it, 16 hexadecimal digits."""
        text = json.dumps(asdict(self), sort_keys=True, default=lambda one: one.value)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
