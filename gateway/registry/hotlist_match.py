# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Is this plate sought? Answered in memory, from digests alone (D.9).

The index holds no plate: 16 bytes of HMAC for each entry, and numbers. What matched is told
apart: a certain read that stands on a list as it is, and one that would by another spelling.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.model.hotlist import entry_id
from gateway.model.plate import ListKind, PlateRead
from gateway.model.time import Moment
from gateway.registry.hotlist_keys import HotListKeys
from gateway.registry.hotlist_text import FLOOR, Spelling, spellings

_KEPT_BYTES: Final = 16
"""Of a digest, in memory: of 100,000 entries two agree by chance once in 10^28 boxes."""
_ORDER: Final = (ListKind.STOLEN, ListKind.REPORTED, ListKind.LOCAL, ListKind.NO_INSPECTION)
"""Which list is told of a plate that stands on several."""
_STRANGE: Final = 0.3
"""A plate of another country than the reader thinks."""
_ANYWHERE: Final = 4
"""Spellings that are looked for in countries that the reader does not think of."""
_NONE: Final = -1


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a plate is sought; shared by all entries that were delivered together."""

    source: str
    """Who delivered it; empty: entered here."""
    act: str
    """The act of who delivered it, or of who asks."""
    reason: str
    case: str = ""


@dataclass(frozen=True, slots=True)
class Sought:
    """One entry as it is matched."""

    number: int
    kind: ListKind
    country: str
    digest: bytes = field(repr=False)
    from_us: int
    until_us: int
    ground: Ground


@dataclass(frozen=True, slots=True)
class HotMatch:
    """A read plate that is sought; a person decides whether it is so (B-25)."""

    entry: str
    """Id of the entry."""
    kind: ListKind
    text: str = field(repr=False)
    """As it stands on the list."""
    country: str
    """As it stands on the list; empty: of any country."""
    exact: bool
    """The read itself stands on the list, with its country; False: another spelling of it does."""
    needs_person: bool
    """It is not certain: the picture has to be compared before anybody is told that it is one."""
    probability: float
    """0..1, that the plate is the one on the list."""
    reason: str
    source: str
    act: str
    case: str


class HotIndex:
    """The entries in force or to come, by digest; made anew whenever one changes."""

    def __init__(self, keys: HotListKeys, entries: Iterable[Sought] = ()) -> None:
        self._keys = keys
        self._slots: dict[bytes, int] = {}
        self._next = array("l")
        self._numbers, self._from_us, self._until_us = array("q"), array("q"), array("q")
        self._kinds = array("B")
        self._grounds: list[Ground] = []
        self._countries: list[str] = []
        self._foreign: tuple[str, ...] = ()
        for one in entries:
            self._add(one)
        self._foreign = tuple(sorted(set(self._countries) - {""}))

    def __len__(self) -> int:
        """Return how many entries it holds."""
        return len(self._numbers)

    def _add(self, one: Sought) -> None:
        slot = len(self._numbers)
        key = one.digest[:_KEPT_BYTES]
        self._next.append(self._slots.get(key, _NONE))
        self._slots[key] = slot
        self._numbers.append(one.number)
        self._from_us.append(one.from_us)
        self._until_us.append(one.until_us)
        self._kinds.append(_ORDER.index(one.kind))
        self._grounds.append(one.ground)
        self._countries.append(one.country)

    def match(self, read: PlateRead, now: Moment) -> HotMatch | None:
        """Return the entry that a read is on now, the likeliest spelling first; None: it is not."""
        if not self._slots:
            return None
        for one, country, probability in self._ways(read):
            slot = self._find(self._keys.digest(country, one.text), now.utc_us)
            if slot is not None:
                exact = one.is_read and country in ("", read.country)
                return self._match(slot, one, exact=exact, certain=read.certain, p=probability)
        return None

    def _ways(self, read: PlateRead) -> Iterator[tuple[Spelling, str, float]]:
        """Yield what is looked up, the likeliest first: spelling, country, probability."""
        near = tuple(dict.fromkeys((read.country, "")))
        far = [one for one in self._foreign if one != read.country]
        strange = _STRANGE if read.country else 1.0
        for at, one in enumerate(spellings(read)):
            for country in near:
                yield one, country, one.probability
            if at < _ANYWHERE and (at == 0 or one.probability * strange >= FLOOR):
                for country in far:
                    yield one, country, one.probability * strange

    def _find(self, digest: bytes, now_us: int) -> int | None:
        """Return the weightiest entry in force with this digest."""
        slot = self._slots.get(digest[:_KEPT_BYTES], _NONE)
        best: int | None = None
        while slot != _NONE:
            in_force = self._from_us[slot] <= now_us < self._until_us[slot]
            if in_force and (best is None or self._kinds[slot] < self._kinds[best]):
                best = slot
            slot = self._next[slot]
        return best

    def _match(self, slot: int, one: Spelling, *, exact: bool, certain: bool, p: float) -> HotMatch:
        ground = self._grounds[slot]
        return HotMatch(
            entry=entry_id(self._numbers[slot]),
            kind=_ORDER[self._kinds[slot]],
            text=one.text,
            country=self._countries[slot],
            exact=exact,
            needs_person=not (exact and certain),
            probability=p,
            reason=ground.reason,
            source=ground.source,
            act=ground.act,
            case=ground.case,
        )
