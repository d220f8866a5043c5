# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""To which rooms a report goes: a table of data (B-30), before it that of the registry. Pure."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Final

from gateway.model.errors import InvariantError
from gateway.model.registry import Force, Recipient, RecipientKind, Registry, ReportRoute
from gateway.model.report import KINDS, MOST_RECIPIENTS, ReportClass, ReportDraft, Routing

FILE: Final = "report_routes.toml"
NOBODY: Final = "nessuna-regola"
"""Line of the table where none leads to a room: then every room of the registry gets it, rather
than nobody."""
_KEYS: Final = {"id", "kinds", "economic", "force", "inside"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table that comes with Varco."""

    id: str
    force: Force
    kinds: tuple[str, ...] = ()
    economic: bool = False
    inside: bool = False
    """Only to a room whose territory holds the report."""


@cache
def lines() -> tuple[Line, ...]:
    """Return the table that comes with Varco, in its order."""
    text = resources.files("gateway.room").joinpath(FILE).read_text("utf-8")
    return read_lines(text)


def read_lines(text: str) -> tuple[Line, ...]:
    """Return the lines of a table; InvariantError names the line that is wrong."""
    known = {*KINDS, *(one.value for one in ReportClass)}
    made = []
    for at, row in enumerate(tomllib.loads(text).get("route", ()), 1):
        name = row.get("id", f"#{at}")
        wrong = sorted(set(row) - _KEYS) or sorted(set(row.get("kinds", ())) - known)
        if wrong or row.get("force") not in {one.value for one in Force}:
            problem = ", ".join(wrong) or f"force {row.get('force')}"
            raise InvariantError(f"{FILE}: route[{name}]: {problem} is unknown")
        made.append(
            Line(
                name, Force(row["force"]), tuple(row.get("kinds", ())),
                row.get("economic") is True, row.get("inside") is True,
            )
        )  # fmt: skip
    return tuple(made)


def route(draft: ReportDraft, registry: Registry) -> Routing:
    """Return the rooms that get a report, and the line by which; no recipients: there is no room.

    Without coordinates no territory holds a report: lines and rooms that need one do not count.
    """
    for one in sorted(registry.report_routes.values(), key=lambda row: (row.order, row.id)):
        if _fits(draft, one.kinds, economic=one.economic) and _is_there(draft, one):
            return Routing(one.recipients, one.id)
    rooms = [
        one
        for _, one in sorted(registry.recipients.items())
        if one.kind is RecipientKind.ROOM
    ]  # fmt: skip
    for line in lines():
        if _fits(draft, line.kinds, economic=line.economic):
            found = tuple(_competent(draft, line, rooms))
            if found:
                return Routing(found[:MOST_RECIPIENTS], line.id)
    return Routing(tuple(one.id for one in rooms)[:MOST_RECIPIENTS], NOBODY)


def _fits(draft: ReportDraft, kinds: Sequence[str], *, economic: bool) -> bool:
    if economic and not draft.economic:
        return False
    return not kinds or draft.kind in kinds or KINDS[draft.kind].of.value in kinds


def _is_there(draft: ReportDraft, row: ReportRoute) -> bool:
    return not row.area or _holds(row.area, draft)


def _competent(draft: ReportDraft, line: Line, rooms: Sequence[Recipient]) -> Iterator[str]:
    """Yield the rooms of a line's force: those whose territory it is, else those of everywhere."""
    own = [one for one in rooms if one.force is line.force]
    inside = [one.id for one in own if one.territory and _holds(one.territory, draft)]
    if inside or line.inside:
        yield from inside
        return
    bounded = line.force is Force.LOCAL
    yield from (one.id for one in own if not (one.territory and bounded))


def _holds(area: Sequence[tuple[float, float]], draft: ReportDraft) -> bool:
    """Return whether a report lies in an area: longitude and latitude, even-odd rule."""
    x, y = draft.words.longitude, draft.words.latitude
    if x is None or y is None:
        return False
    crossings = 0
    for (x1, y1), (x2, y2) in pairwise((*area, area[0])):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            crossings += 1
    return crossings % 2 == 1
