# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who knocks at a room's door and is sent away: how often, and what is told of it."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import NoReturn

MINUTE_S = 60.0
MOST_FAILURES = 30
"""Of one address in a minute: then it is not listened to until the minute is over. An edge that
is refused redials ten times a minute at most; several may stand behind one router."""
MOST_KEPT = 1024
"""Addresses that failed and are remembered; the one not heard of for longest is forgotten."""
WELCOME_S = 600.0
"""So long after an edge was known at an address that address is listened to, whatever fails there:
behind one router, one carrier or one balancer stand edges and others. It is longer than two
heartbeats; how many handshakes go on at once is bounded for it, too."""
MOST_WELCOME = 16_384
"""Addresses of edges that are remembered: more than a room has edges."""
MOST_TOLD = 30
"""Refusals told in a minute; the others are counted."""
MOST_QUEUED = 64


@dataclass(frozen=True, slots=True)
class Refusal:
    """Somebody was sent away."""

    address: str
    """`host:port` of the other end; proves nothing."""
    reason: str
    """Code: `handshake`, `certificate`, `alpn`, `unknown`, `disabled`, `edge-id`, `flood` …"""
    text: str = ""
    """One line for people."""
    certificate_sha256: str = ""
    """Of a certificate that our authority signed; empty: it showed none that is."""
    edge: str = ""
    """The one whose certificate it is, or was claimed to be."""
    unsaid: int = 0
    """How many others were not told since the last one."""


class Knocks:
    """Failures of each address, by the minute, and where edges are."""

    def __init__(self, most: int = MOST_FAILURES) -> None:
        self._most = most
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._welcome: OrderedDict[str, float] = OrderedDict()

    def welcomed(self, host: str, now_s: float) -> None:
        """Note that an edge is at an address: its certificate proved it."""
        self._welcome[host] = now_s
        self._welcome.move_to_end(host)
        while len(self._welcome) > MOST_WELCOME:
            self._welcome.popitem(last=False)

    def failed(self, host: str, now_s: float) -> None:
        """Count a failure."""
        since_s, times = self._failures.pop(host, (now_s, 0))
        if now_s - since_s >= MINUTE_S:
            since_s, times = now_s, 0
        self._failures[host] = (since_s, times + 1)
        while len(self._failures) > MOST_KEPT:
            self._failures.popitem(last=False)

    def may_knock(self, host: str, now_s: float) -> bool:
        """Return whether an address is listened to."""
        if now_s - self._welcome.get(host, -WELCOME_S) < WELCOME_S:
            return True
        since_s, times = self._failures.get(host, (now_s, 0))
        return times < self._most or now_s - since_s >= MINUTE_S


class Refusals:
    """Tells refusals on: the same one once a minute, and not more than `MOST_TOLD` in all."""

    def __init__(self, tell: Callable[[Refusal], Awaitable[None]]) -> None:
        self.count = 0
        """All, told or not."""
        self._tell = tell
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._told_s: deque[float] = deque(maxlen=MOST_TOLD)
        self._queue: deque[Refusal] = deque()
        self._unsaid = 0
        self._filled = asyncio.Event()

    def note(self, refusal: Refusal, now_s: float) -> None:
        """Take one; never waits."""
        self.count += 1
        key = (refusal.reason, refusal.certificate_sha256 or host_of(refusal.address))
        again = now_s - self._seen.get(key, -MINUTE_S) < MINUTE_S
        many = len(self._told_s) == MOST_TOLD and now_s - self._told_s[0] < MINUTE_S
        if again or many or len(self._queue) >= MOST_QUEUED:
            self._unsaid += 1
            return
        self._seen[key] = now_s
        self._seen.move_to_end(key)
        while len(self._seen) > MOST_KEPT:
            self._seen.popitem(last=False)
        self._told_s.append(now_s)
        self._queue.append(replace(refusal, unsaid=self._unsaid))
        self._unsaid = 0
        self._filled.set()

    async def run(self) -> NoReturn:
        """Tell them on, one after the other, until cancelled."""
        while True:
            await self._filled.wait()
            while self._queue:
                await self._tell(self._queue.popleft())
            self._filled.clear()


def host_of(address: str) -> str:
    """Return the host of `host:port`."""
    return address.rpartition(":")[0].strip("[]")
