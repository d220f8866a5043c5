# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Connections of one edge for pictures: those that wait, those that run, those waited for."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gateway.model.errors import PeerError
from gateway.runtime.clock import Clock
from gateway.runtime.sealed import Sealed


@dataclass(slots=True)
class _Spare:
    sealed: Sealed
    since_s: float


class MediaPool:
    """Gives out the oldest connection that waits; owns what waits, and cuts what runs."""

    def __init__(self, edge: str, clock: Clock, *, most_spares: int, most_taken: int) -> None:
        self._edge, self._clock = edge, clock
        self._most_spares, self._most_taken = most_spares, most_taken
        self._spares: deque[_Spare] = deque()
        self._waiters: deque[asyncio.Future[Sealed]] = deque()
        self._taken: list[Sealed] = []

    @property
    def spares(self) -> int:
        """How many wait."""
        return len(self._spares)

    @property
    def taken(self) -> int:
        """How many run."""
        self._taken = [one for one in self._taken if not one.closed]
        return len(self._taken)

    def add(self, sealed: Sealed) -> bool:
        """Own a connection that the edge made; False if there are enough: then it is closed."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._taken.append(sealed)
                waiter.set_result(sealed)
                return True
        if len(self._spares) >= self._most_spares:
            sealed.close()
            return False
        self._spares.append(_Spare(sealed, self._clock.monotonic_s()))
        return True

    async def take(self, bring: Callable[[int], object], within_s: float) -> Sealed:
        """Return a connection on which nothing was said; whoever takes it closes it.

        `bring` asks the edge to make so many more. PeerError: too many run, or none came in time.
        Cancelling closes what came meanwhile.
        """
        if self.taken + len(self._waiters) >= self._most_taken:
            raise PeerError(f"edge {self._edge}: no more pictures at a time")
        while self._spares:
            sealed = self._spares.popleft().sealed
            if sealed.is_idle():
                self._taken.append(sealed)
                return sealed
            sealed.close()
        waiter: asyncio.Future[Sealed] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        bring(1)  # those that we took and have not spoken on yet still wait in its eyes
        found: Sealed | None = None
        try:
            async with asyncio.timeout(within_s):
                found = await waiter
        except TimeoutError:
            raise PeerError(f"edge {self._edge}: no connection for pictures comes") from None
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            if (
                found is None
                and waiter.done()
                and not waiter.cancelled()
                and not waiter.exception()
            ):
                waiter.result().close()
        return found

    def trim(self, spare_s: float) -> None:
        """Close what waits needlessly: all but one, after so long."""
        before_s = self._clock.monotonic_s() - spare_s
        while len(self._spares) > 1 and self._spares[0].since_s < before_s:
            self._spares.popleft().sealed.close()

    def hang_up(self, reason: str) -> None:
        """Close what waits, cut what runs under whoever reads it, let nobody wait."""
        while self._spares:
            self._spares.popleft().sealed.close()
        for one in self._taken:
            one.cut()
        self._taken.clear()
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(PeerError(f"edge {self._edge}: {reason}"))
