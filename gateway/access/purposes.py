# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What each purpose demands and opens, read from `purposes.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import resources

from gateway.model.access import Purpose

FILE = "purposes.toml"


class Kind(Enum):
    """Whose business a purpose is."""

    ROOM = "sala"
    OWN = "casa"
    LOG = "registro"


class Case(Enum):
    """What the case of a request must be."""

    NONE = "none"
    NEEDED = "needed"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class PurposeRule:
    """One purpose; see the head of the file for the meanings."""

    purpose: Purpose
    kind: Kind
    case: Case
    by_alarm: bool
    shift: bool
    text_it: str
    text_en: str
    own: bool
    """Kind is OWN; asked at every decision."""


@cache
def rules() -> Mapping[Purpose, PurposeRule]:
    """Return the rule of every purpose; KeyError or ValueError if the file lacks one."""
    text = resources.files("gateway.access").joinpath(FILE).read_text("utf-8")
    table = tomllib.loads(text)
    return {purpose: _rule(purpose, table[purpose.value]) for purpose in Purpose}


def _rule(purpose: Purpose, line: Mapping[str, object]) -> PurposeRule:
    kind = Kind(line["kind"])
    return PurposeRule(
        purpose,
        kind,
        Case(line.get("case", Case.NONE.value)),
        line.get("alarm") is True,
        line.get("shift") is True,
        str(line["it"]),
        str(line["en"]),
        kind is Kind.OWN,
    )
