# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Two logs of the same looks, a room's and an edge's, held against each other (ADR 24).

An edge's entry names the room's Grant, log and entry in its session, `GRANT@ORIGIN#SEQ`. What
both say of one look has to agree; a look that only one of them knows is a finding.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.audit.entry import LedgerEntry
from gateway.model.room import at_edge
from gateway.wire.assertion import clean

LOOKS: Final = frozenset({"live.open", "live.snapshot", "playback.open"})
CHANNEL: Final = "line"
TOLERANCE_S: Final = 60.0
"""How far two honest clocks may be apart, with the line's delay."""
CASE_CHARS: Final = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """One field about which a pair disagrees."""

    name: str
    """`person`, `organisation`, `purpose`, `case`, `reason`, `camera`, `role`, `kind`, `time`."""
    room: str
    edge: str


@dataclass(frozen=True, slots=True)
class Pair:
    """One look in both logs."""

    room: LedgerEntry
    edges: tuple[LedgerEntry, ...]
    """More than one where the line was cut in between."""
    differences: tuple[Difference, ...] = ()


@dataclass(slots=True)
class Matching:
    """What came of holding two logs against each other."""

    pairs: list[Pair] = field(default_factory=list)
    only_room: list[LedgerEntry] = field(default_factory=list)
    """Pictures that the room says it showed, and the edge knows nothing of."""
    only_edge: list[LedgerEntry] = field(default_factory=list)
    """Pictures that the edge says it released to this room, and the room knows nothing of."""
    refused: int = 0
    """Looks that the edge refused and says so; no picture was shown."""
    empty: int = 0
    """Looks of the room that showed no picture: a line that was down."""
    others: int = 0
    """Looks of other rooms in the edge's log, of other edges in the room's."""

    @property
    def ok(self) -> bool:
        """Return whether both logs tell the same."""
        return not (self.only_room or self.only_edge or any(one.differences for one in self.pairs))


def match(
    room: Iterable[LedgerEntry],
    edge: Iterable[LedgerEntry],
    origin: str,
    edge_id: str = "",
    tolerance_s: float = TOLERANCE_S,
) -> Matching:
    """Hold a room's log (called `origin`) against an edge's.

    `edge_id`: what the room calls the edge; empty: as the pairs say, and where there are none
    every edge's looks count.
    """
    said, found = _Room(room), Matching()
    released, denied = _released(edge, said, origin, found)
    name = edge_id or _usual(said.looks[seq] for seq in released)
    for seq, look in sorted(said.looks.items()):
        edges = tuple(released.get(seq, ()))
        if edges:
            differences = tuple(_differences(look, edges, said.ended(seq), tolerance_s))
            found.pairs.append(Pair(look, edges, differences))
        elif name and at_edge(look.event.object_id)[0] != name:
            found.others += 1
        elif seq in denied and not said.showed(seq):
            found.refused += 1
        elif said.is_empty(seq):
            found.empty += 1
        else:
            found.only_room.append(look)
    return found


def _released(
    edge: Iterable[LedgerEntry], said: "_Room", origin: str, found: Matching
) -> tuple[dict[int, list[LedgerEntry]], set[int]]:
    """Return what an edge released to this room and what it refused, by entry of the room."""
    released: dict[int, list[LedgerEntry]] = {}
    denied: set[int] = set()
    for entry in edge:
        if entry.event.channel != CHANNEL or not _is_look(entry):
            continue
        seq = named(entry.event.session_id, origin)
        if seq is None:
            found.others += entry.event.result == "ok"
        elif entry.event.result != "ok":
            denied.add(seq)
        elif seq in said.looks:
            released.setdefault(seq, []).append(entry)
        else:
            found.only_edge.append(entry)
    return released, denied


def named(session: str, origin: str) -> int | None:
    """Return the entry of a room's log that an edge's session names; None if not of this log."""
    head, mark, number = session.rpartition("#")
    _, at, log = head.partition("@")
    if not (mark and at and log == origin and number.isascii() and number.isdigit()):
        return None
    return int(number) if len(number) < 20 else None  # noqa: PLR2004 - 63 bits


def _is_look(entry: LedgerEntry) -> bool:
    event = entry.event
    return event.event in LOOKS or (event.result == "denied" and event.event.endswith(".deny"))


class _Room:
    """A room's looks at its edges' cameras, with their ends."""

    def __init__(self, entries: Iterable[LedgerEntry]) -> None:
        self.looks: dict[int, LedgerEntry] = {}
        self._ends: dict[int, LedgerEntry] = {}
        for entry in entries:
            event = entry.event
            if event.closes >= 0:
                self._ends[event.closes] = entry
            is_remote = event.channel != CHANNEL and bool(at_edge(event.object_id)[0])
            if event.event in LOOKS and event.result == "ok" and is_remote:
                self.looks[entry.seq] = entry

    def ended(self, seq: int) -> LedgerEntry | None:
        return self._ends.get(seq)

    def is_empty(self, seq: int) -> bool:
        """Return whether a look is closed and showed nothing."""
        return seq in self._ends and not self.showed(seq)

    def showed(self, seq: int) -> bool:
        """Return whether pictures were shown, as far as the look was closed."""
        end = self._ends.get(seq)
        return end is not None and bool(end.event.frames or end.event.bytes)


def _usual(looks: Iterable[LedgerEntry]) -> str:
    names = {at_edge(one.event.object_id)[0] for one in looks}
    return names.pop() if len(names) == 1 else ""


def _differences(
    room: LedgerEntry,
    edges: tuple[LedgerEntry, ...],
    end: LedgerEntry | None,
    tolerance_s: float,
) -> Iterator[Difference]:
    """Yield each thing about which the two disagree; what was erased is not compared."""
    ours = _told(room, at_edge(room.event.object_id)[1])
    for edge in edges:
        theirs = _told(edge, edge.event.object_id)
        theirs["person"] = theirs["person"].partition(":")[2]
        gone = {*room.erased, *edge.erased}
        for name, value in ours.items():
            if _FIELD.get(name) in gone or value == theirs[name]:
                continue
            yield Difference(name, value, theirs[name])
        early_s = (room.utc_us - edge.utc_us) / 1e6
        late_s = (edge.utc_us - end.utc_us) / 1e6 if end is not None else 0.0
        if max(early_s, late_s) > tolerance_s:
            yield Difference("time", str(room.utc_us), str(edge.utc_us))


_FIELD: Final = {"person": "actor_id", "case": "case_ref", "reason": "reason_text"}


def _told(entry: LedgerEntry, camera: str) -> dict[str, str]:
    """Return what an entry says, as an assertion carries it."""
    event = entry.event
    return {
        "kind": event.event,
        "camera": camera,
        "person": clean(event.actor_id),
        "organisation": clean(event.org),
        "role": event.role,
        "purpose": event.purpose_code,
        "case": clean(event.case_ref, CASE_CHARS),
        "reason": clean(event.reason_text),
    }


WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "kind": ("operazione", "kind"),
    "camera": ("telecamera", "camera"),
    "person": ("persona", "person"),
    "organisation": ("organizzazione", "organisation"),
    "role": ("ruolo", "role"),
    "purpose": ("scopo", "purpose"),
    "case": ("caso", "case"),
    "reason": ("motivo", "reason"),
    "time": ("ora", "time"),
}
"""Names of the fields, Italian and English."""
