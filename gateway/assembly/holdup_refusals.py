# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How often a refused press is written down: often enough to be seen, never as a flood.

One entry a minute for a source, and few a minute for all of them: who owns a /64 of IPv6 has more
addresses than any ledger has room. What is not written is counted in the next entry.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

from gateway.runtime.clock import Clock

SAY_AGAIN_S: Final = 60.0
"""Refusals of one source are one entry in this time, with their number."""
MOST_ENTRIES: Final = 20
"""Of all sources together in the same time."""
MOST_SAID: Final = 1_000
"""Sources that are remembered; the one that was said longest ago goes first."""
_PREFIX: Final = 64


@dataclass(slots=True)
class _Said:
    """Refusals of one source."""

    at_s: float
    unsaid: int = 0


class Refusals:
    """Decides which refusal becomes an entry, and how many it stands for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: OrderedDict[str, _Said] = OrderedDict()
        self._entries: deque[float] = deque(maxlen=MOST_ENTRIES)
        self._over = 0
        """Refusals that no entry stands for yet, of sources that are not remembered."""

    def note(self, source: str, code: str) -> int:
        """Return how many refusals an entry written now stands for; 0: none is written."""
        now_s = self._clock.monotonic_s()
        name = f"{place(source)} {code}"
        said = self._said.get(name)
        if said is not None and now_s - said.at_s < SAY_AGAIN_S:
            said.unsaid += 1
            return 0
        if len(self._entries) == MOST_ENTRIES and now_s - self._entries[0] < SAY_AGAIN_S:
            self._over += 1
            return 0
        self._entries.append(now_s)
        count = 1 + self._over + (said.unsaid if said is not None else 0)
        self._over = 0
        self._said[name] = _Said(now_s)
        self._said.move_to_end(name)
        if len(self._said) > MOST_SAID:
            _, gone = self._said.popitem(last=False)
            self._over += gone.unsaid
        return count


def place(source: str) -> str:
    """Return where a source is: an IPv4 address, the /64 of an IPv6 one, else what it is called."""
    try:
        address = ip_address(source.partition("%")[0])
    except ValueError:
        return source
    if isinstance(address, IPv6Address):
        if (inside := address.ipv4_mapped) is not None:
            return str(inside)
        return str(IPv6Network((address, _PREFIX), strict=False))
    return str(address)
