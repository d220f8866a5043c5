# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who may begin a session when: no storm at the start, none after an outage, no account locked.

One `Pace` for the whole box. Three gates in a row, each passed at once where nothing is crowded:
starts are spread; credentials that a device has just refused are kept away from it, whichever of
its cameras has them; and only so many handshakes go on at a time, per host and in all. A camera
that somebody wants to see goes first through all but the refusal.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gateway.ingest.source import StreamSource
from gateway.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much at once."""

    spacing_s: float = 0.08
    """Between two starts: 100 cameras begin within 8 s, a lone one at once."""
    handshakes: int = 16
    """At once in the box: a site whose switch comes back is not asked everywhere at once."""
    handshakes_per_host: int = 4
    """At once towards one address: small recorders answer one after the other."""
    held_s: float = 1.0
    """A handshake counts for the box no longer than this: who is silent holds up nobody else."""
    refused_s: tuple[float, ...] = (30.0, 120.0, 600.0, 1800.0)
    """Waits after refusals: recorders lock an account after 3 to 7, for 5 to 30 minutes."""


DEFAULT = Bounds()


MOST_DOORS = 4096
"""Doors that are remembered as proven; beyond that all have to prove themselves again."""


@dataclass(frozen=True, slots=True)
class Door:
    """Who knocks where; a new password is a new door."""

    host: str
    port: int
    account: int
    """Stands for user and password, which are not kept; 0: none."""


def door_of(source: StreamSource) -> Door:
    """Return the door that a source knocks at."""
    account = hash((source.user, source.password)) if source.user else 0
    return Door(source.host, source.port, account)


@dataclass(frozen=True, slots=True)
class Login:
    """Who signs in at a device by another way than its streams."""

    host: str
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """What a device locks: one login, by whichever port."""

    host: str
    account: int
    """As a door's."""


def account_of(login: Login) -> Account:
    """Return the account of a login."""
    return Account(login.host, hash((login.user, login.password)) if login.user else 0)


def _account(door: Door) -> Account:
    return Account(door.host, door.account)


_OTHERWISE = "*"
"""In place of a URL: whoever asks otherwise than for a stream."""


@dataclass(slots=True)
class _Refused:
    """A door that was closed in our face."""

    times: int = 0
    until_s: float = 0.0


@dataclass(slots=True, eq=False)
class Ticket:
    """One camera's way through the gates; `hurry` it when somebody wants to see the camera."""

    source: StreamSource
    hurried: asyncio.Event = field(default_factory=asyncio.Event)
    admitted: asyncio.Event = field(default_factory=asyncio.Event)
    counts: bool = False
    """Whether it holds one of the box's places."""


class Pace:
    """The gates of one box."""

    def __init__(self, clock: Clock, bounds: Bounds = DEFAULT) -> None:
        self._clock = clock
        self._bounds = bounds
        self._next_start_s = 0.0
        self._waiting: list[Ticket] = []
        self._inside: list[Ticket] = []
        self._refused: dict[tuple[Door | Account, str], _Refused] = {}
        """By account, or by door and URL where the account is known to be good."""
        self._playing: dict[Door, int] = {}
        self._proven: set[Door] = set()
        """Where user and password were taken; elsewhere one camera tries first."""

    async def start(self, ticket: Ticket) -> None:
        """Wait until this camera may start; at once if it hurries or nothing else starts."""
        now_s = self._clock.monotonic_s()
        at_s = max(now_s, self._next_start_s)
        self._next_start_s = at_s + self._bounds.spacing_s
        if at_s > now_s:
            try:
                async with asyncio.timeout(at_s - now_s):
                    await ticket.hurried.wait()
            except TimeoutError:
                return

    def hurry(self, ticket: Ticket) -> None:
        """Let a camera go before those that nobody waits for."""
        ticket.hurried.set()
        self._admit()

    @asynccontextmanager
    async def handshake(self, ticket: Ticket) -> AsyncIterator[None]:
        """Wait for a place and hold it; it ends with the block, or earlier by `arrived`."""
        timer: asyncio.TimerHandle | None = None
        self._waiting.append(ticket)
        try:
            self._admit()
            await ticket.admitted.wait()
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self._bounds.held_s, self._count_out, ticket)
            yield
        finally:
            if timer is not None:
                timer.cancel()
            self.arrived(ticket)

    def arrived(self, ticket: Ticket) -> None:
        """Give the place back: the handshake is over, or was given up; harmless if it was."""
        for tickets in (self._waiting, self._inside):
            if ticket in tickets:
                tickets.remove(ticket)
        ticket.admitted.clear()
        ticket.counts = False
        self._admit()

    def statistics(self) -> tuple[int, int]:
        """Return how many cameras wait for a place, and how many hold one."""
        return len(self._waiting), len(self._inside)

    # refused credentials ---------------------------------------------------------------------

    def wait_s(self, source: StreamSource) -> float:
        """Return for how long this camera must not knock, because its credentials were refused.

        0: it may. Ask again when `handshake` has let it in: another one may have been refused.
        """
        door = door_of(source)
        return self._left_s((_account(door), ""), (door, ""), (door, source.url))

    def _left_s(self, *keys: tuple[Door | Account, str]) -> float:
        until_s = max(
            (self._refused[key].until_s for key in keys if key in self._refused), default=0.0
        )
        return max(0.0, until_s - self._clock.monotonic_s())

    def refused(self, source: StreamSource) -> float:
        """Note that the device refused; return how long to wait before the next attempt.

        While other cameras play behind the same door the account is fine and the refusal is about
        this one view: its neighbours are not kept away.
        """
        door = door_of(source)
        if not self._playing.get(door):
            self._proven.discard(door)
        # by door: behind another port of the same address there may be another camera
        if not self._playing.get(door) and (_account(door), "") in self._refused:
            return self._note_refusal((_account(door), ""))
        return self._note_refusal((door, source.url if self._playing.get(door) else ""))

    def _note_refusal(self, key: tuple[Door | Account, str]) -> float:
        waits_s, now_s = self._bounds.refused_s, self._clock.monotonic_s()
        old_s = now_s - 2 * waits_s[-1]
        self._refused = {key: one for key, one in self._refused.items() if one.until_s > old_s}
        known = self._refused.setdefault(key, _Refused())
        if now_s >= known.until_s:  # else another camera was refused in the same breath
            known.until_s = now_s + waits_s[min(known.times, len(waits_s) - 1)]
            known.times += 1
        return known.until_s - now_s

    def accepted(self, source: StreamSource) -> None:
        """Note that the device took the credentials, whatever came of it."""
        door = door_of(source)
        for key in ((_account(door), ""), (door, ""), (door, source.url)):
            self._refused.pop(key, None)
        if len(self._proven) >= MOST_DOORS:
            self._proven.clear()
        self._proven.add(door)
        self._admit()

    def login_wait_s(self, login: Login) -> float:
        """Return for how long nobody must sign in with this, whoever was refused; 0: one may."""
        account = account_of(login)
        doors = [key for key in self._refused if isinstance(key[0], Door) and not key[1]]
        same = [key for key in doors if isinstance(key[0], Door) and _account(key[0]) == account]
        return self._left_s((account, ""), (account, _OTHERWISE), *same)

    def login_refused(self, login: Login) -> float:
        """Note a refusal that came otherwise than for a stream; return how long to wait.

        It keeps the streams away too, unless they are known to get in, or nobody signs in at all:
        some devices have users of their own for ONVIF.
        """
        account = account_of(login)
        known = {_account(door) for door in (*self._playing, *self._proven)}
        alone = not account.account or account in known
        return self._note_refusal((account, _OTHERWISE if alone else ""))

    def login_accepted(self, login: Login) -> None:
        """Note that the device took a login; what the streams were refused is their own."""
        self._refused.pop((account_of(login), _OTHERWISE), None)

    def plays(self, source: StreamSource) -> None:
        """Note that a camera plays, until `ended`."""
        door = door_of(source)
        self._playing[door] = self._playing.get(door, 0) + 1
        self.accepted(source)

    def ended(self, source: StreamSource) -> None:
        """Note that it plays no more."""
        door = door_of(source)
        left = self._playing.get(door, 0) - 1
        if left > 0:
            self._playing[door] = left
        else:
            self._playing.pop(door, None)

    # places ----------------------------------------------------------------------------------

    def _admit(self) -> None:
        """Let in whoever there is a place for: the hurried first, then by arrival."""
        for ticket in sorted(self._waiting, key=lambda one: not one.hurried.is_set()):
            if sum(one.counts for one in self._inside) >= self._bounds.handshakes:
                return
            if self._has_room(ticket.source):
                self._waiting.remove(ticket)
                self._inside.append(ticket)
                ticket.counts = True
                ticket.admitted.set()

    def _has_room(self, source: StreamSource) -> bool:
        """Return whether the device may be asked once more; unproven accounts one at a time."""
        there = [one for one in self._inside if one.source.host == source.host]
        if len(there) >= self._bounds.handshakes_per_host:
            return False
        door = door_of(source)
        if not door.account or door in self._proven:
            return True
        return not any(one.counts and door_of(one.source) == door for one in there)

    def _count_out(self, ticket: Ticket) -> None:
        ticket.counts = False
        self._admit()
