# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Reports of vigilance institutes, "Mille occhi sulla città" (A-14..A-16, B-29, B-30).

Every report is numbered, in or out, and every passage of it is written down: "Ogni notizia, sia in
entrata che in uscita, sarà debitamente annotata … e registrata informaticamente". No picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

MOST_REPORT_TEXT: Final = 500
"""Characters: what somebody types with a thumb; a phone call says the rest."""
MOST_PLACE: Final = 200
MOST_ANSWER: Final = 1_000
MOST_RECIPIENTS: Final = 4
MOST_PASSAGES: Final = 60
"""Of one report: it can be passed around, but not for ever."""


class ReportClass(Enum):
    """The five classes of A-15."""

    CRIME = "reato"
    ROAD = "sicurezza-stradale"
    URBAN = "sicurezza-urbana"
    HARDSHIP = "disagio"
    DECAY = "degrado"


@dataclass(frozen=True, slots=True)
class ReportKind:
    """One of the ten kinds of B-29."""

    code: str
    of: ReportClass
    it: str
    en: str
    incident: str
    """Code of `gateway/room/kinds.toml` under which another room hears of it."""


_CRIME, _ROAD, _URBAN = ReportClass.CRIME, ReportClass.ROAD, ReportClass.URBAN
_HARDSHIP, _DECAY = ReportClass.HARDSHIP, ReportClass.DECAY
_KINDS: Final = (
    ReportKind("reato-imminente", _CRIME, "Reato imminente", "Crime about to happen", "reato"),
    ReportKind(
        "fuga-dal-luogo-del-reato",
        _CRIME,
        "Fuga dal luogo di un reato",
        "Flight from a crime scene",
        "fuga-dal-luogo-del-reato",
    ),
    ReportKind(
        "persone-o-veicoli-sospetti",
        _CRIME,
        "Persone o veicoli sospetti",
        "Suspect persons or vehicles",
        "persone-o-veicoli-sospetti",
    ),
    ReportKind(
        "veicolo-rubato-o-abbandonato",
        _CRIME,
        "Veicolo rubato o abbandonato",
        "Stolen or abandoned vehicle",
        "veicolo-rubato-o-abbandonato",
    ),
    ReportKind(
        "ostacolo-sulla-strada",
        _ROAD,
        "Ostacolo sulla strada",
        "Obstacle on the road",
        "ostacolo-sulla-strada",
    ),
    ReportKind(
        "interruzione-di-energia",
        _URBAN,
        "Interruzione di energia",
        "Outage of energy supply",
        "interruzione-di-servizi",
    ),
    ReportKind(
        "persona-in-difficolta",
        _HARDSHIP,
        "Bambino, anziano o persona confusa",
        "Child, elderly or confused person",
        "persona-in-difficolta",
    ),
    ReportKind(
        "allontanamento-da-struttura",
        _HARDSHIP,
        "Allontanamento da una struttura di cura",
        "Person who left a hospital or home",
        "allontanamento-da-struttura",
    ),
    ReportKind("disagio-sociale", _HARDSHIP, "Situazione di disagio", "Social hardship", "disagio"),
    ReportKind("degrado-urbano", _DECAY, "Degrado urbano", "Urban decay", "degrado"),
)
KINDS: Final[Mapping[str, ReportKind]] = MappingProxyType({one.code: one for one in _KINDS})
"""By code, in the order in which people are offered them."""


class Direction(Enum):
    """Whether a report comes to the rooms or goes to an institute; prefix of its number."""

    IN = "IN"
    OUT = "OUT"


class ReportState(Enum):
    """Life of a report."""

    RECEIVED = "ricevuta"
    """Numbered and on disk; nobody was told yet."""
    ROUTED = "instradata"
    ACKNOWLEDGED = "presa-in-carico"
    CLOSED = "chiusa"


class Passage(Enum):
    """What can happen to a report; none of it is ever changed or taken back."""

    RECEIVED = "received"
    ROUTED = "routed"
    """detail: the rooms, comma-separated, and `|` the line of the table"""
    ACKNOWLEDGED = "acknowledged"
    ANSWERED = "answered"
    """detail: number of the answer"""
    CLOSED = "closed"
    """detail: outcome"""


STATES: Final[Mapping[Passage, ReportState]] = MappingProxyType(
    {
        Passage.RECEIVED: ReportState.RECEIVED,
        Passage.ROUTED: ReportState.ROUTED,
        Passage.ACKNOWLEDGED: ReportState.ACKNOWLEDGED,
        Passage.CLOSED: ReportState.CLOSED,
    }
)
"""State after a passage; an answer changes none."""


class ReportOutcome(Enum):
    """How a report ended."""

    DEALT_WITH = "gestita"
    UNFOUNDED = "infondata"
    ELSEWHERE = "trattata-altrove"
    EXERCISE = "esercitazione"


@dataclass(frozen=True, slots=True)
class ReportWords:
    """What a report says; personal, and gone when its time is over."""

    text: str = ""
    place: str = ""
    """Street, as somebody wrote it."""
    latitude: float | None = None
    longitude: float | None = None
    """Degrees, WGS 84; both or neither."""
    accuracy_m: float = 0.0
    """As the device says; 0: not known."""
    seen_utc_us: int = 0
    """When it was written, as the sender's clock had it; 0: when it was sent."""

    def spoken(self) -> str:
        """Return position and text in one line, for the ledger's personal fields."""
        at = "" if self.latitude is None else f"{self.latitude:.5f},{self.longitude:.5f}"
        return " · ".join(filter(None, (at, self.place, " ".join(self.text.split()))))


@dataclass(frozen=True, slots=True)
class ReportDraft:
    """A report before it has a number."""

    kind: str
    words: ReportWords
    urgent: bool = False
    """Somebody has to call 112 now: the form says so, and nothing calls by itself."""
    economic: bool = False
    """Concerns economic and financial offences."""
    exercise: bool = False


@dataclass(frozen=True, slots=True)
class Sender:
    """Who did something to a report."""

    organisation: str
    role: str = ""
    actor: str = ""
    """Pseudonymous id; empty where another room acted."""


@dataclass(frozen=True, slots=True)
class ReportPassage:
    """One line of a report's journal."""

    number: int
    """From 1."""
    utc_us: int
    what: Passage
    by: Sender
    detail: str = ""
    """Codes and ids alone, never what somebody said."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Where a report goes."""

    recipients: tuple[str, ...]
    line: str
    """Of the table; empty: a person passed it on."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report after everything that happened to it."""

    id: str
    """UUIDv7."""
    direction: Direction
    year: int
    """Europe/Rome."""
    place: int
    """In its direction and year, from 1, without gaps."""
    institute: str
    """Organisation that sent it, or to which it goes."""
    kind: str
    sent_utc_us: int
    state: ReportState
    recipients: tuple[str, ...]
    """Rooms that may read it; of an answer the institute."""
    words: ReportWords | None
    """None once its time was over."""
    urgent: bool = False
    economic: bool = False
    exercise: bool = False
    answers: str = ""
    """Id of the report that this one answers."""
    line: str = ""
    incident: str = ""
    """Incident by which another room hears of it."""
    passages: tuple[ReportPassage, ...] = ()

    @property
    def number(self) -> str:
        """Return what people call it: IN-2026-000001."""
        return number_of(self.direction, self.year, self.place)

    @property
    def is_open(self) -> bool:
        """Return whether it still goes on."""
        return self.state is not ReportState.CLOSED

    @property
    def holder(self) -> str:
        """Return the organisation that deals with it now; empty: nobody does."""
        taken = self.last(Passage.ACKNOWLEDGED)
        held = self.state is ReportState.ACKNOWLEDGED and taken is not None
        return taken.by.organisation if held and taken is not None else ""

    def last(self, what: Passage) -> ReportPassage | None:
        """Return the newest passage of a kind, if there is one."""
        return next((one for one in reversed(self.passages) if one.what is what), None)


@dataclass(frozen=True, slots=True)
class Span:
    """Part of the register: from inclusive, to exclusive, microseconds UTC; 0: no bound."""

    from_utc_us: int = 0
    to_utc_us: int = 0


def number_of(direction: Direction, year: int, place: int) -> str:
    """Return the number of a report; more than six digits grow."""
    return f"{direction.value}-{year}-{place:06d}"


def routed(recipients: Sequence[str], line: str) -> str:
    """Return the detail of a ROUTED passage."""
    return f"{','.join(recipients)}|{line}"


def routing(detail: str) -> Routing:
    """Return what `routed` wrote."""
    who, _, line = detail.partition("|")
    return Routing(tuple(one for one in who.split(",") if one), line)
