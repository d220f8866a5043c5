# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""When what a recipient refused is tried again: seldom, a few at once, in turn.

A person must change something first, so trying often helps nobody; but whatever is taken then shows
that the others may follow. Used by every courier, whatever it speaks.
"""

from typing import Protocol

from gateway.relay.alarms.outbox import Outbox, Outgoing
from gateway.runtime.clock import Clock


class KnockPace(Protocol):
    """How often, and how many at once."""

    @property
    def refused_first_s(self) -> float:
        """After the first refusal; from then on it doubles."""
        ...

    @property
    def refused_most_s(self) -> float:
        """Longest wait."""
        ...

    @property
    def probes(self) -> int:
        """Messages at once."""
        ...


class Knocks:
    """The refused messages of one recipient."""

    def __init__(self, recipient: str, outbox: Outbox, clock: Clock, pace: KnockPace) -> None:
        self._recipient = recipient
        self._outbox = outbox
        self._clock = clock
        self._pace = pace
        self.begin()

    def begin(self) -> None:
        """Begin anew, with a try at once: the line is another one, or its time has come."""
        self._after = -1
        """The last that was tried: none hides the others."""
        self._wait_s = self._pace.refused_first_s
        self._due_s = self._clock.monotonic_s()
        self._owes = True
        """Some were refused, or may have been, before this start."""

    def refused(self) -> None:
        """Note a refusal; it hurries and delays no try that others wait for."""
        due_s = self._clock.monotonic_s() + self._wait_s
        self._due_s = min(self._due_s, due_s) if self._owes else due_s
        self._owes = True

    async def due(self) -> list[Outgoing]:
        """Return what is tried now; most often nothing. StoreError if the disk refuses."""
        now_s = self._clock.monotonic_s()
        if now_s < self._due_s:
            return []
        most = self._pace.probes
        found = await self._outbox.refused(self._recipient, after=self._after, limit=most)
        if not found and self._after >= 0:  # they were all tried: from the first again
            found = await self._outbox.refused(self._recipient, limit=most)
        self._after = found[-1].seq if len(found) == most else -1
        self._due_s = now_s + self._wait_s
        self._owes = bool(found)
        if found:
            self._wait_s = min(2 * self._wait_s, self._pace.refused_most_s)
        return found

    async def taken(self) -> int:
        """Let the others follow, since one of them was taken; return how many.

        StoreError if the disk refuses: then they are tried in turn, as before.
        """
        self._wait_s = self._pace.refused_first_s
        return await self._outbox.requeue(self._recipient)
