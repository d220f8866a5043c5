# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Lists of plates that are sought, as people see them: everything but the plates (A-49, D.9)."""

import secrets
from dataclasses import dataclass, field
from enum import Enum

from gateway.model.plate import ListKind


def entry_id(number: int) -> str:
    """Return how an entry is called: 14 hexadecimal digits that tell nothing."""
    return f"{number:014x}"


def new_entry_id() -> str:
    """Return the id of an entry to be."""
    return entry_id(secrets.randbits(53))


class EntryState(Enum):
    """Whether an entry counts."""

    WAITING = "in-attesa"
    """For the second person: it matches nothing."""
    IN_FORCE = "in-vigore"


@dataclass(frozen=True, slots=True)
class HotList:
    """One office's list of one kind, as it was delivered last; its entries are apart."""

    source: str
    kind: ListKind
    sequence: int
    issued_us: int
    received_us: int
    sha256: str
    """Of the file that was signed."""
    act: str
    reason: str
    requester: str
    by: str
    """Account that entered it."""
    entries: int = 0
    """That are in force or to come."""
    first_end_us: int = 0
    """When the first of them is over; 0: there is none."""
    last_end_us: int = 0


@dataclass(frozen=True, slots=True)
class HotEntry:
    """One entry, without its plate."""

    number: int
    kind: ListKind
    country: str
    from_us: int
    until_us: int
    label: str
    reason: str
    act: str
    case: str
    requester: str
    """Who asks for it, in words; of a delivered one the office."""
    organisation: str
    added_us: int
    added_by: str
    """Account."""
    approved_us: int
    approved_by: str
    state: EntryState
    source: str = ""
    """Who delivered it; empty: entered here."""
    newcomers: frozenset[str] = field(default=frozenset())
    """Accounts made or bound anew since it was asked for: they count not."""

    @property
    def id(self) -> str:
        """How it is called everywhere."""
        return entry_id(self.number)


@dataclass(frozen=True, slots=True)
class LocalWish:
    """What somebody wants to be sought."""

    plate: str = field(repr=False)
    country: str
    reason: str
    case: str
    act: str
    """The act on which it rests."""
    requester: str
    """Office or person who asks for it, in words."""
    until_us: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a delivery."""

    hotlist: HotList
    added: int
    removed: int
    over: int
    """Left out: their time was over already."""
