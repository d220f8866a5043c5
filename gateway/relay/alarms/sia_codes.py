# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""SIA and Contact ID codes as data: what panels say, and how our alarms are told (B-46)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from gateway.model.panel import Qualifier

_TABLE: Final = "sia_codes.toml"
_RESTORED: Final = 3
"""Qualifier of Contact ID: over, or closed."""


@dataclass(frozen=True, slots=True)
class Code:
    """One cause, and what it is to us."""

    sia: str
    """Two letters; what `PanelEvent.code` says."""
    restores: tuple[str, ...]
    """Codes by which it is over, the one that is sent first."""
    events: tuple[str, ...]
    """Contact ID events of the same meaning, the one that is sent first."""
    rule: str
    """Rule of the alarm that it raises; empty: it is a state and raises none."""
    severity: int
    """1 (information) .. 5 (hold-up); 0 for a state."""
    italian: str
    english: str


@dataclass(frozen=True, slots=True)
class Told:
    """How an alarm of ours is told."""

    rule: str
    """Empty: any."""
    least_severity: int
    code: Code


@dataclass(frozen=True, slots=True)
class Codes:
    """The table."""

    by_sia: Mapping[str, Code]
    by_restore: Mapping[str, Code]
    by_event: Mapping[str, Code]
    told: tuple[Told, ...]

    def meaning(self, sia: str) -> tuple[Code, Qualifier] | None:
        """Return the cause that a SIA code speaks of, and whether it began; None: unknown."""
        if (found := self.by_sia.get(sia)) is not None:
            return found, Qualifier.NEW
        if (found := self.by_restore.get(sia)) is not None:
            return found, Qualifier.RESTORE
        return None

    def meaning_cid(self, event: str, qualifier: int) -> tuple[Code, Qualifier] | None:
        """Return the cause that a Contact ID event speaks of; None: unknown."""
        found = self.by_event.get(event)
        if found is None:
            return None
        return found, Qualifier.RESTORE if qualifier == _RESTORED else Qualifier.NEW

    def telling(self, rule: str, severity: int) -> Code:
        """Return the code by which an alarm is told."""
        return next(
            one.code
            for one in self.told
            if one.rule in ("", rule) and severity >= one.least_severity
        )


@cache
def codes() -> Codes:
    """Return the table that comes with the program."""
    text = resources.files(__package__).joinpath(_TABLE).read_text("utf-8")
    return parse(text)


def parse(text: str) -> Codes:
    """Return the table of a text; KeyError or ValueError where it contradicts itself."""
    data = tomllib.loads(text)
    found = [
        Code(
            one["sia"],
            tuple(one.get("restore", ())),
            tuple(one["cid"]),
            one.get("rule", ""),
            one.get("severity", 0),
            one["it"],
            one["en"],
        )
        for one in data["code"]
    ]
    by_sia = {one.sia: one for one in found}
    by_restore: dict[str, Code] = {}
    for one in found:
        for code in one.restores:
            by_restore.setdefault(code, one)  # of YC and YS: the first one
    by_event = {event: one for one in found for event in one.events}
    if len(by_sia) < len(found) or len(by_event) < sum(len(one.events) for one in found):
        raise ValueError("a code stands twice in the table")
    if both := by_sia.keys() & by_restore.keys():
        raise ValueError(f"{min(both)} begins and ends something")
    told = tuple(
        Told(one["rule"], one.get("least_severity", 1), by_sia[one["sia"]]) for one in data["told"]
    )
    return Codes(by_sia, by_restore, by_event, told)
