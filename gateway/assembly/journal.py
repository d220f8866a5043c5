# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The ledger as the joined parts write it: whether it takes entries, and what it is still owed."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from gateway.audit.ledger import Ledger
from gateway.model.access import Actor, Regime
from gateway.model.audit import LedgerEvent, LedgerReceipt, Operation
from gateway.model.errors import LedgerError
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

DARK_S = 2.0
"""Entries that are refused for longer, and none taken in between, are no hiccup."""
MOST_OWED = 1_000
"""Entries kept in memory for a ledger that does not write; the oldest gives way, and a log line
says so. What they tell of is on disk elsewhere: alarms in the outbox, changes in the registry."""


class Journal:
    """Appends to the ledger and knows how that went; it never decides what happens then."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._owed: deque[LedgerEvent] = deque()
        self._dark_since_s: float | None = None
        self._refused_s: tuple[float, float] | None = None
        """When entries were refused first and last, without one that was taken in between."""
        self.problem = ""
        """Why the last entry was not taken; empty while entries are."""
        self.watchers: list[Callable[[LedgerEvent, LedgerReceipt], None]] = []
        """Told of each entry that was taken; they must neither wait nor raise."""

    async def append(self, event: LedgerEvent) -> LedgerReceipt:
        """Write one entry; returns once it is on disk, LedgerError if it cannot be."""
        try:
            receipt = await self._ledger.append(event)
        except LedgerError as error:
            if self._dark_since_s is None:
                self._dark_since_s = self._clock.monotonic_s()
                log.error("ledger-dark", extra={"problem": str(error)})  # noqa: TRY400 - the trace says nothing more
            self.problem = str(error)
            now_s = self._clock.monotonic_s()
            self._refused_s = (self._refused_s or (now_s, now_s))[0], now_s
            raise
        self.problem, self._refused_s = "", None
        for watcher in self.watchers:
            watcher(event, receipt)
        return receipt

    def is_dark(self) -> bool:
        """Return whether nothing can be written, its spare included, and that is no hiccup.

        `settle` asks every few seconds: it begins and ends without anybody's asking.
        """
        first_s, last_s = self._refused_s or (0.0, 0.0)
        return last_s - first_s >= DARK_S

    async def account(self, event: LedgerEvent) -> None:
        """Write down what has happened already: now, or as soon as the ledger takes it."""
        if not self._owed:
            try:
                await self.append(event)
            except LedgerError:
                pass
            else:
                return
        if len(self._owed) >= MOST_OWED:
            lost = self._owed.popleft()
            log.error("ledger-entry-lost", extra={"entry": lost.event, "object": lost.object_id})
        self._owed.append(event)

    async def settle(self) -> None:
        """Write what is owed, in order; after darkness an entry says how long it lasted."""
        try:
            if self._dark_since_s is not None:
                dark_s = self._clock.monotonic_s() - self._dark_since_s
                await self.append(_outage(round(dark_s * 1000)))
                self._dark_since_s = None
                log.info("ledger-light", extra={"dark_s": round(dark_s)})
            while self._owed:
                await self.append(self._owed[0])
                self._owed.popleft()
        except LedgerError:
            return  # `problem` says it; the next call tries again


def signed(event: LedgerEvent, by: Actor) -> LedgerEvent:
    """Return an entry in the name of a person who is signed in."""
    return replace(
        event,
        actor_id=by.id,
        actor_type="human",
        role=by.role.value,
        org=by.organisation,
        auth_method=by.method,
        acr=by.acr,
        session_id=by.session,
        src_ip=by.source_ip,
        client_cert_fp=by.certificate_sha256,
        workstation=by.workstation,
    )


def _outage(duration_ms: int) -> LedgerEvent:
    """Return the entry that stands for what could not be written; its append is the probe."""
    return LedgerEvent(
        "log.outage",
        Operation.NONE,
        Regime.GDPR,
        result="error",
        error="not-writable",
        object_type="ledger",
        duration_ms=duration_ms,
    )
