# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How many RTSP sessions a device serves at once, and who of its cameras gets them (pain 26).

A recorder that is asked for one session too many refuses all kinds of things in all kinds of
ways. So the limit is kept on our side: what matters more is pulled, what matters less gives way,
and whoever waits says so in words.
"""

import asyncio
from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from itertools import count


class Priority(IntEnum):
    """What a session is for; the greater goes first."""

    IDLE = 0
    """Nobody needs it any more, but somebody may come back within seconds."""
    WALL = 1
    """Somebody looks, nothing has happened."""
    CONTINUOUS = 2
    """Continuous reception (A-01)."""
    GUARD = 3
    """A zone is watched, the seconds before an alarm are kept, the camera's events are read."""
    INCIDENT = 4
    """Somebody looks because of an alarm or an incident."""


@dataclass(frozen=True, slots=True)
class SessionLimit:
    """What is known of a device's limit."""

    device: str
    """Id."""
    name: str
    most: int
    """0: not known, no bound."""

    @property
    def words(self) -> str:
        """Return why a stream waits, for its status."""
        return f"limit of {self.most} sessions of recorder {self.name} reached"


class Claim:
    """One stream's wish for a session; lives inside `Budget.claim`."""

    def __init__(self, name: str, priority: Priority, order: int, *, timid: bool) -> None:
        self.name = name
        self.timid = timid
        """Takes a session that is free, but displaces nobody; an incident is never timid."""
        self.order = order
        """Who came first goes first among equals."""
        self.priority = priority
        self.granted = asyncio.Event()
        """Set while a session may be open."""
        self.revoked = asyncio.Event()
        """Set when something that matters more needs the session: end it, then leave."""

    @property
    def is_firm(self) -> bool:
        """Return whether it has a session, or may displace somebody for one."""
        return self.granted.is_set() or not self.timid or self.priority is Priority.INCIDENT

    def rank(self) -> tuple[int, int]:
        """Return who goes first: the smaller."""
        return -self.priority, self.order


class Budget:
    """The sessions of one device."""

    def __init__(self, limit: SessionLimit) -> None:
        self._limit = limit
        self._claims: list[Claim] = []
        self._orders = count()

    @property
    def limit(self) -> SessionLimit:
        """Return the limit in force."""
        return self._limit

    @limit.setter
    def limit(self, limit: SessionLimit) -> None:
        """Go over to another limit; a smaller one revokes what is too many."""
        self._limit = limit
        self._settle()

    @property
    def held(self) -> int:
        """Return how many sessions may be open now, those included that are being ended."""
        return sum(claim.granted.is_set() for claim in self._claims)

    @property
    def is_claimed(self) -> bool:
        """Return whether anybody has a session or stands in line."""
        return bool(self._claims)

    @asynccontextmanager
    async def claim(
        self, name: str, priority: Priority, *, timid: bool = False
    ) -> AsyncIterator[Claim]:
        """Stand in line while inside; the session must have ended when the block is left."""
        claim = Claim(name, priority, next(self._orders), timid=timid)
        self._claims.append(claim)
        self._settle()
        try:
            yield claim
        finally:
            self._claims.remove(claim)
            self._settle()

    def weigh(self, claim: Claim, priority: Priority, *, timid: bool = False) -> None:
        """Note that a claim matters more, or less, than before."""
        if (claim.priority, claim.timid) != (priority, timid):
            claim.priority, claim.timid = priority, timid
            self._settle()

    def _settle(self) -> None:
        """Grant to those who matter most; never more at once than the device serves."""
        ranked = sorted(self._claims, key=Claim.rank)
        most = self._limit.most or len(ranked)
        firm = [claim for claim in ranked if claim.is_firm]
        for claim in firm[most:]:
            if claim.granted.is_set():
                claim.revoked.set()
        free = most - self.held
        for claim in ranked:
            if free > 0 and not claim.granted.is_set():
                claim.granted.set()
                free -= 1


class Budgets:
    """The budgets of all devices, by id."""

    def __init__(self) -> None:
        self._budgets: dict[str, Budget] = {}

    def of(self, limit: SessionLimit | None) -> Budget | None:
        """Return the budget of a device, with this limit in force; None without a device."""
        if limit is None:
            return None
        budget = self._budgets.get(limit.device)
        if budget is None:
            budget = self._budgets[limit.device] = Budget(limit)
        elif budget.limit != limit:
            budget.limit = limit
        return budget

    def keep(self, devices: Container[str]) -> None:
        """Forget the devices that are gone, once nobody claims anything of them."""
        self._budgets = {
            device: budget
            for device, budget in self._budgets.items()
            if device in devices or budget.is_claimed
        }
