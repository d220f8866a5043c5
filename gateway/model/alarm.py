# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What analysis sees, and what it makes of it."""

from dataclasses import dataclass
from enum import Enum

from gateway.model.time import Moment


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in fractions of the picture: left, top, right, bottom in 0..1."""

    left: float
    top: float
    right: float
    bottom: float


class Kind(Enum):
    """What a track is, as far as anybody knows."""

    MOVING = "movimento"
    """Without a model of one's own nobody says more than this."""
    PERSON = "persona"
    VEHICLE = "veicolo"
    TWO_WHEELER = "due-ruote"


MOST_TRACKS = 32
MOST_PATH = 32


@dataclass(frozen=True, slots=True)
class Track:
    """One thing followed from picture to picture; coordinates in fractions of the picture."""

    id: int
    """Of its camera; a new thing gets a new one, none is used twice while the watch lasts."""
    box: Box
    kind: Kind = Kind.MOVING
    confidence: float = 1.0
    """0..1: of the kind where a model said it, else of the association."""
    seen_s: float = 0.0
    """Seconds since it was first seen, by the camera's time."""
    still_s: float = 0.0
    """Seconds for which it has not moved; 0 while it moves."""
    foot: tuple[float, float] = (0.0, 0.0)
    """Where it stands: the middle of the lower edge of its box."""
    path: tuple[tuple[float, float], ...] = ()
    """Its last foot points, oldest first, at most MOST_PATH; the last is `foot`."""
    metres: float = 0.0
    """Its height where the camera is calibrated; 0: not known."""


@dataclass(frozen=True, slots=True)
class Condition:
    """The whole picture against its reference, on key frames; what tamper is decided from."""

    edges: float
    """Share of the reference's edges that are still there, 0..1."""
    luma: float
    """Mean luma, 0..255."""
    noise: float
    """Standard deviation of the noise, in levels of luma."""
    gain: float
    """Guess of the sensor's gain from noise against light, 0 (none) .. 1 (all it has)."""
    sharpness: float = 1.0
    """Gradient energy against the reference's: 1 the same, 0 none."""
    contrast: float = 0.0
    """Standard deviation of luma, in levels; a lens that is covered has hardly any."""
    shift: float = 0.0
    """How far the picture moved against the reference, in fractions of its width."""
    change: float = 1.0
    """Mean absolute difference from the key frame before, in levels; exactly 0 when frozen."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one decoded picture showed; the picture itself stays in the child."""

    camera: str
    captured: Moment
    pts_90k: int
    boxes: tuple[Box, ...]
    """Moving regions, largest first, at most 32."""
    occupied: tuple[str, ...]
    """Ids of the zones in which something moves."""
    moving_fraction: float
    """Share of the picture that moves, 0..1."""
    scene_changed: bool = False
    """So much changed at once (light, PTZ) that the model starts anew; no boxes then."""
    tracks: tuple[Track, ...] = ()
    """What is followed, at most MOST_TRACKS."""
    still: Condition | None = None
    """What the reference says of the whole picture; on key frames, else None."""


@dataclass(frozen=True, slots=True)
class Why:
    """What made a rule decide, as data; people read a sentence that is made from it."""

    rule: str
    """As in the alarm."""
    track: int = 0
    """Id of the track that decided; 0: none did."""
    kind: Kind = Kind.MOVING
    """What the track is, as far as anybody knows."""
    seconds: float = 0.0
    """How long it lasted when it was decided."""
    metres: float = 0.0
    """Height of what decided; 0: the camera is not calibrated."""
    confidence: float = 0.0
    """0..1; 0: nothing said."""
    detail: str = ""
    """A word of the rule: how a camera was tampered with, which way a line was crossed."""
    mode: str = ""
    """Of the watch, what was decoded meanwhile."""


class AlarmState(Enum):
    """What became of the cause, and of the alarm; that somebody answers it lies beside."""

    OPEN = "aperto"
    ENDED = "cessato"
    """What caused it is over; it can still be looked at for a while."""
    CLOSED = "chiuso"
    """An operator gave a verdict, or nobody did within the bound."""


class AlarmVerdict(Enum):
    """What the operator says of it."""

    CONFIRMED = "confermato"
    FALSE = "falso"
    EXERCISE = "esercitazione"
    NONE = "nessuno"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One incident, durable before anybody hears of it."""

    id: str
    """UUIDv7."""
    camera: str
    zone: str
    rule: str
    """What was broken, for example `intrusione`."""
    severity: int
    """1 (information) .. 5 (hold-up)."""
    raised: Moment
    """Capture time of the picture that decided it (t_event)."""
    boxes: tuple[Box, ...] = ()
    exercise: bool = False
    """Training (A-33): marked everywhere, never sent to real rooms."""
    also: tuple[str, ...] = ()
    """Further cameras that the alarm opens: a hold-up opens those of its shop, nothing else."""
    silent: bool = False
    """Nothing on site may show that it was raised (hold-up, B-26)."""
    why: Why | None = None
    """What made it; None where no rule of ours did (a camera's event, a button, a panel)."""

    @property
    def cameras(self) -> tuple[str, ...]:
        """Return the cameras that it opens, its own first."""
        return (self.camera, *self.also)

    def picture(self, camera: str) -> str:
        """Return the name under which its picture of a camera is kept; its own has its id.

        `camera` is one of `cameras`, else ValueError.
        """
        at = self.cameras.index(camera)
        return f"{self.id}-{at}" if at else self.id


@dataclass(frozen=True, slots=True)
class AlarmRecord:
    """An alarm with what became of it; times in microseconds UTC, 0 while unknown."""

    alarm: Alarm
    state: AlarmState
    stored_utc_us: int
    ended_utc_us: int = 0
    closed_utc_us: int = 0
    closed_by: str = ""
    verdict: AlarmVerdict = AlarmVerdict.NONE
    act: str = ""
    """Act under which it was raised and is disclosed."""
    recipients: tuple[str, ...] = ()
    """Whom it was sent to so far; an escalation adds to them."""
    taken_utc_us: int = 0
    """When the first person answered it (t_operator); nothing escalates from then on."""
    taken_by: str = ""
    group: str = ""
    """Id of the first alarm of the incident that this one is part of; its own if it is alone."""
    repeats: int = 0
    """How often its cause was reported again while it lived."""
    step: int = 0
    """Steps of its escalation that were taken."""
    escalates_utc_us: int = 0
    """When it goes on to the next recipients unless somebody answers; 0: never."""
    escalates_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of an alarm of another box."""

    record: AlarmRecord
    is_new: bool
    changed: bool
    """It is new here, or its end is."""


class DeliveryState(Enum):
    """What became of one alarm at one recipient."""

    WAITING = "in-coda"
    SENT = "inviato"
    DELIVERED = "consegnato"
    REFUSED = "rifiutato"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row per alarm and recipient."""

    alarm: str
    recipient: str
    state: DeliveryState
    attempts: int
    sent_utc_us: int = 0
    delivered_utc_us: int = 0
    problem: str = ""
