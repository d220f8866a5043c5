# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Open shifts: a wall of ordinary surveillance is opened once, on a service order (A-20)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from gateway.access import policy
from gateway.model.access import Actor, Purpose
from gateway.model.audit import LedgerEvent, LedgerReceipt, Operation
from gateway.model.time import Moment
from gateway.runtime.clock import Clock

HOURS: Final = 8.0
MOST_HOURS: Final = 12.0
"""Nobody is on duty for longer."""
_HOUR_S: Final = 3600.0


class Journal(Protocol):
    """Where entries go."""

    async def append(self, event: LedgerEvent) -> LedgerReceipt:
        """Write one entry; returns once it is on disk, LedgerError if it cannot be."""
        ...


@dataclass(frozen=True, slots=True)
class Shift:
    """One open shift; it belongs to one sign-in."""

    actor: Actor
    order: str
    """Number of the service order."""
    since: Moment
    until: Moment
    ledger_seq: int


class Shifts:
    """The shifts that are open now, one for each sign-in at most; gone after a restart."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        signed_in: Callable[[Actor], bool] = lambda _: True,
    ) -> None:
        """`signed_in`: whether a sign-in still lasts; a shift ends with it."""
        self._journal = journal
        self._clock = clock
        self._signed_in = signed_in
        self._open: dict[str, Shift] = {}

    def of(self, actor: Actor) -> Shift | None:
        """Return the shift that is open for a sign-in."""
        shift = self._open.get(actor.session)
        if shift is None or shift.actor.id != actor.id:
            return None
        return shift if self._clock.monotonic_s() < shift.until.monotonic_s else None

    async def open(self, actor: Actor, order: str, hours: float = HOURS) -> Shift | None:
        """Open a shift, or return the one that is open for this order.

        None if another order is open, or if there is no order. LedgerError if it cannot be
        written down: then none is open. `hours` is cut to 0..12.
        """
        order = order.strip()
        standing = self.of(actor)
        if standing is not None or not order:
            return standing if standing is not None and standing.order == order else None
        await self._drop(self._open.get(actor.session), "expired")
        now = self._clock.now()
        until = now.shifted(min(max(hours, 0.0), MOST_HOURS) * _HOUR_S)
        receipt = await self._journal.append(_entry(actor, order))
        raced = self.of(actor)
        shift = Shift(actor, order, now, until, receipt.seq)
        if raced is not None:  # two windows at once: the first one stands
            await self._journal.append(_closing(shift, "second"))
            return raced if raced.order == order else None
        self._open[actor.session] = shift
        return shift

    async def close(self, actor: Actor, reason: str = "closed") -> None:
        """End the shift of a sign-in; harmless if none is open. LedgerError: ask again."""
        shift = self._open.get(actor.session)
        if shift is not None and shift.actor.id == actor.id:
            await self._drop(shift, reason)

    async def sweep(self) -> None:
        """Close what is over or whose sign-in has ended; call it every minute or so."""
        now_s = self._clock.monotonic_s()
        for shift in tuple(self._open.values()):
            if now_s >= shift.until.monotonic_s:
                await self._drop(shift, "expired")
            elif not self._signed_in(shift.actor):
                await self._drop(shift, "signed-out")

    async def _drop(self, shift: Shift | None, reason: str) -> None:
        if shift is None or self._open.get(shift.actor.session) is not shift:
            return
        del self._open[shift.actor.session]  # no look under it from now on, written or not
        await self._journal.append(_closing(shift, reason))


def _entry(actor: Actor, order: str) -> LedgerEvent:
    return LedgerEvent(
        event="shift.open",
        operation=Operation.NONE,
        regime=policy.regime_of(actor.role),
        actor_id=actor.id,
        actor_type="human",
        org=actor.organisation,
        role=actor.role.value,
        auth_method=actor.method,
        acr=actor.acr,
        session_id=actor.session,
        src_ip=actor.source_ip,
        client_cert_fp=actor.certificate_sha256,
        workstation=actor.workstation,
        object_type="shift",
        purpose_code=Purpose.SERVICE.value,
        case_ref=order,
        opens=True,
    )


def _closing(shift: Shift, reason: str) -> LedgerEvent:
    opened = _entry(shift.actor, shift.order)
    return replace(opened, event="shift.close", error=reason, opens=False, closes=shift.ledger_seq)
