# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Incidents (*interventi*): what an operations room deals with, and what rooms tell each other.

An incident is the sum of its events: two rooms that hold the same events hold the same incident,
in whatever order they came (ADR 26). `fold` is that sum.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

MOST_TITLE: Final = 120
MOST_TEXT: Final = 1_000
"""Characters of a message."""
MOST_CAMERAS: Final = 64
MOST_ALARMS: Final = 64
MOST_PARTIES: Final = 16
MOST_READ_AT_ONCE: Final = 200

Body = Mapping[str, object]
"""What an event carries; plain JSON, its keys depend on the kind (see Change)."""


class IncidentState(Enum):
    """Life of an incident."""

    OPEN = "aperto"
    TAKEN = "preso-in-carico"
    HANDED_OVER = "passato"
    """Another organisation is to deal with it, and has not said yet that it does."""
    CLOSED = "chiuso"
    """For good: what comes later is kept, and changes nothing."""


class Outcome(Enum):
    """How an incident ended."""

    RESOLVED = "risolto"
    UNFOUNDED = "infondato"
    NOTHING_FOUND = "nulla-riscontrato"
    ELSEWHERE = "trattato-altrove"
    EXERCISE = "esercitazione"


class Change(Enum):
    """Kinds of event, and the keys of their bodies."""

    OPENED = "opened"
    """title, kind, priority, latitude, longitude, address, exercise"""
    UPDATED = "updated"
    """those of OPENED that change"""
    TAKEN = "taken"
    HANDED_OVER = "handed-over"
    """to: organisation"""
    CLOSED = "closed"
    """outcome, note"""
    CAMERA_ATTACHED = "camera-attached"
    """camera, name"""
    CAMERA_DETACHED = "camera-detached"
    """camera"""
    ALARM_ATTACHED = "alarm-attached"
    """alarm"""
    ALARM_DETACHED = "alarm-detached"
    """alarm"""
    SHARED = "shared"
    """with: organisation"""
    UNSHARED = "unshared"
    """with: organisation"""
    MESSAGE = "message"
    """text"""
    RECEIPT = "receipt"
    """state: delivered or read; messages: ids of the events"""


AFTER_CLOSING: Final = frozenset({Change.MESSAGE, Change.RECEIPT})
"""What still counts once an incident is closed: words that were on their way."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who did something, as the incident's journal keeps it."""

    organisation: str
    role: str = ""
    actor: str = ""
    """Pseudonymous id; empty for a machine, and for people of other rooms."""
    name: str = ""
    """For people of the same organisation."""


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One change; immutable, known by its id wherever it goes."""

    id: str
    """UUIDv7."""
    incident: str
    clock: int
    """Lamport's: higher than that of everything its author knew (order = clock, then id)."""
    utc_us: int
    """By the clock of the room that wrote it."""
    kind: Change
    author: Author
    body: Body = field(default_factory=dict)
    room: str = ""
    """Id of the other room from which it came; empty: written here."""
    number: int = 0
    """In this room's journal of the incident, from 1; 0: not written down yet."""
    void: bool = False
    """The room that opened the incident did not take it: it stands here, and changes nothing."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A change before it has an id and a number."""

    kind: Change
    body: Body = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """A word between rooms (A-30)."""

    id: str
    utc_us: int
    author: Author
    text: str
    delivered: Mapping[str, int] = field(default_factory=dict)
    """By organisation, when it had it, microseconds UTC."""
    read: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident after everything that is known of it."""

    id: str
    """UUIDv7."""
    home: str
    """Id of the other room that opened it; empty: ours."""
    title: str
    kind: str
    """Code of `gateway/room/kinds.toml`."""
    priority: int
    """1 (low) .. 5 (now)."""
    state: IncidentState
    opened_by: str
    """Organisation."""
    responsible: str
    """Organisation that deals with it."""
    opened_utc_us: int
    changed_utc_us: int
    clock: int
    events: int
    latitude: float | None = None
    longitude: float | None = None
    address: str = ""
    exercise: bool = False
    closed_utc_us: int = 0
    outcome: str = ""
    note: str = ""
    shared_with: tuple[str, ...] = ()
    cameras: Mapping[str, str] = field(default_factory=dict)
    """Name by id, in the order of attaching."""
    alarms: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()

    @property
    def is_open(self) -> bool:
        """Return whether it still goes on."""
        return self.state is not IncidentState.CLOSED

    @property
    def parties(self) -> frozenset[str]:
        """Return the organisations that may know of it."""
        return frozenset((self.opened_by, self.responsible, *self.shared_with))

    def unread(self, organisation: str) -> int:
        """Return how many messages of others an organisation has not read."""
        return sum(
            one.author.organisation != organisation and organisation not in one.read
            for one in self.messages
        )


@dataclass(frozen=True, slots=True)
class IncidentCase:
    """An incident as the gate asks about it."""

    id: str
    is_open: bool
    parties: frozenset[str]
    cameras: frozenset[str]
    alarmed: frozenset[str] = frozenset()
    """Cameras of which an alarm that is still open is attached."""


# commands ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Open:
    """Open an incident."""

    title: str
    kind: str
    priority: int = 3
    latitude: float | None = None
    longitude: float | None = None
    address: str = ""
    exercise: bool = False
    cameras: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """Change what is known of it; None: as it is."""

    title: str | None = None
    kind: str | None = None
    priority: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Take:
    """Say that one's own organisation deals with it."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Let another organisation deal with it."""

    to: str


@dataclass(frozen=True, slots=True)
class Close:
    """End it."""

    outcome: Outcome
    note: str = ""


@dataclass(frozen=True, slots=True)
class Attach:
    """Add cameras and alarms."""

    cameras: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detach:
    """Take one camera or one alarm away."""

    camera: str = ""
    alarm: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """Let another organisation know of it."""

    organisation: str


@dataclass(frozen=True, slots=True)
class Unshare:
    """Take that back."""

    organisation: str


@dataclass(frozen=True, slots=True)
class Say:
    """Send a message to all who know of it."""

    text: str


@dataclass(frozen=True, slots=True)
class Read:
    """Note that one's own organisation has read all messages up to one."""

    upto: str


Command = Open | Update | Take | HandOver | Close | Attach | Detach | Share | Unshare | Say | Read


@dataclass(frozen=True, slots=True)
class Once:
    """The key by which a client repeats a request without repeating its effect."""

    scope: str
    """Account and path: nobody meets another's keys."""
    key: str
    sha256: str
    """Of the request's body."""


# the sum -----------------------------------------------------------------------------------


def in_order(events: Iterable[IncidentEvent]) -> list[IncidentEvent]:
    """Return the events that count, in the order that every room agrees on."""
    return sorted((one for one in events if not one.void), key=lambda one: (one.clock, one.id))


def fold(events: Iterable[IncidentEvent], home: str = "") -> Incident | None:
    """Return the incident that events make; None without the one that opened it.

    The order of the argument does not matter. Of two changes to one thing the later in
    `in_order` stands; whatever comes after the closing, but words and receipts, stands in the
    journal alone.
    """
    sum_: _Sum | None = None
    count, changed_us = 0, 0
    for event in in_order(events):
        count += 1
        if sum_ is None:
            if event.kind is Change.OPENED:
                sum_ = _Sum(event)
                changed_us = event.utc_us
            continue
        if sum_.state is IncidentState.CLOSED and event.kind not in AFTER_CLOSING:
            continue
        _STEPS[event.kind](sum_, event)
        sum_.clock = event.clock
        changed_us = max(changed_us, event.utc_us)
    return None if sum_ is None else sum_.incident(home, count, changed_us)


class _Sum:
    """An incident while it is being added up."""

    def __init__(self, opened: IncidentEvent) -> None:
        self.opened = opened
        self.clock = opened.clock
        self.state = IncidentState.OPEN
        self.responsible = opened.author.organisation
        self.facts: dict[str, object] = dict(opened.body)
        self.closed: IncidentEvent | None = None
        self.shared: dict[str, None] = {}
        self.cameras: dict[str, str] = {}
        self.alarms: dict[str, None] = {}
        self.messages: dict[str, IncidentEvent] = {}
        self.receipts: dict[tuple[str, str], dict[str, int]] = {}

    def incident(self, home: str, count: int, changed_us: int) -> Incident:
        facts, opened, closed = self.facts, self.opened, self.closed
        return Incident(
            id=opened.incident,
            home=home,
            title=text_of(facts, "title"),
            kind=text_of(facts, "kind"),
            priority=whole_of(facts, "priority", 3),
            state=self.state,
            opened_by=opened.author.organisation,
            responsible=self.responsible,
            opened_utc_us=opened.utc_us,
            changed_utc_us=changed_us,
            clock=self.clock,
            events=count,
            latitude=number_of(facts, "latitude"),
            longitude=number_of(facts, "longitude"),
            address=text_of(facts, "address"),
            exercise=facts.get("exercise") is True,
            closed_utc_us=closed.utc_us if closed else 0,
            outcome=text_of(closed.body, "outcome") if closed else "",
            note=text_of(closed.body, "note") if closed else "",
            shared_with=tuple(self.shared),
            cameras=dict(self.cameras),
            alarms=tuple(self.alarms),
            messages=tuple(self._message(one) for one in self.messages.values()),
        )

    def _message(self, event: IncidentEvent) -> Message:
        delivered = self.receipts.get((event.id, "delivered"), {})
        read = self.receipts.get((event.id, "read"), {})
        return Message(
            event.id, event.utc_us, event.author, text_of(event.body, "text"),
            {**read, **delivered}, read,
        )  # fmt: skip


def _opened_again(_: _Sum, __: IncidentEvent) -> None:
    """Nothing is opened twice."""


def _updated(sum_: _Sum, event: IncidentEvent) -> None:
    sum_.facts.update(event.body)


def _taken(sum_: _Sum, event: IncidentEvent) -> None:
    sum_.state = IncidentState.TAKEN
    sum_.responsible = event.author.organisation


def _handed_over(sum_: _Sum, event: IncidentEvent) -> None:
    to = text_of(event.body, "to")
    sum_.state = IncidentState.HANDED_OVER
    sum_.responsible = to
    if to != sum_.opened.author.organisation:
        sum_.shared[to] = None


def _closed(sum_: _Sum, event: IncidentEvent) -> None:
    sum_.state = IncidentState.CLOSED
    sum_.closed = event


def _camera_attached(sum_: _Sum, event: IncidentEvent) -> None:
    sum_.cameras[text_of(event.body, "camera")] = text_of(event.body, "name")


def _camera_detached(sum_: _Sum, event: IncidentEvent) -> None:
    sum_.cameras.pop(text_of(event.body, "camera"), None)


def _alarm_attached(sum_: _Sum, event: IncidentEvent) -> None:
    sum_.alarms[text_of(event.body, "alarm")] = None


def _alarm_detached(sum_: _Sum, event: IncidentEvent) -> None:
    sum_.alarms.pop(text_of(event.body, "alarm"), None)


def _shared(sum_: _Sum, event: IncidentEvent) -> None:
    sum_.shared[text_of(event.body, "with")] = None


def _unshared(sum_: _Sum, event: IncidentEvent) -> None:
    """Whoever no longer knows of it no longer deals with it, either."""
    gone = text_of(event.body, "with")
    sum_.shared.pop(gone, None)
    if sum_.responsible == gone:
        sum_.responsible = sum_.opened.author.organisation
        sum_.state = IncidentState.OPEN


def _message(sum_: _Sum, event: IncidentEvent) -> None:
    sum_.messages[event.id] = event


def _receipt(sum_: _Sum, event: IncidentEvent) -> None:
    named = event.body.get("messages")
    for one in named if isinstance(named, list | tuple) else ():
        of = sum_.receipts.setdefault((str(one), text_of(event.body, "state")), {})
        of.setdefault(event.author.organisation, event.utc_us)


_STEPS: Final = {
    Change.OPENED: _opened_again,
    Change.UPDATED: _updated,
    Change.TAKEN: _taken,
    Change.HANDED_OVER: _handed_over,
    Change.CLOSED: _closed,
    Change.CAMERA_ATTACHED: _camera_attached,
    Change.CAMERA_DETACHED: _camera_detached,
    Change.ALARM_ATTACHED: _alarm_attached,
    Change.ALARM_DETACHED: _alarm_detached,
    Change.SHARED: _shared,
    Change.UNSHARED: _unshared,
    Change.MESSAGE: _message,
    Change.RECEIPT: _receipt,
}


def text_of(body: Body, key: str) -> str:
    """Return a text of an event's body; empty if there is none."""
    value = body.get(key)
    return value if isinstance(value, str) else ""


def whole_of(body: Body, key: str, default: int = 0) -> int:
    """Return a whole number of an event's body."""
    value = body.get(key)
    return value if type(value) is int else default


def number_of(body: Body, key: str) -> float | None:
    """Return a number of an event's body; None if there is none."""
    value = body.get(key)
    return float(value) if isinstance(value, int | float) and type(value) is not bool else None
