# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What other rooms may bring of incidents: not more than people could look at, and what is refused.

Incidents that are closed stay for a year: without a pace one room could fill the disk of another,
and its ledger, with incidents that it opens and closes at once.
"""

from typing import Final

from gateway.assembly.journal import Journal
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import RefusedError
from gateway.room.mqtt_line import NOT_YET
from gateway.runtime.clock import Clock

MOST_NEW: Final = 100
"""Incidents of one other room that are taken at once."""
NEW_S: Final = 60.0
"""Then one in so long; the others wait at the room that opened them."""
SAY_AGAIN_S: Final = 600.0
"""The same refusal of the same room is an entry this often."""
MOST_SAID: Final = 1_000


class IncidentDoor:
    """One room's patience with the others, and what it writes down of their refusals."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}
        """New incidents that a room may still bring, and when that was so."""
        self._said: dict[tuple[str, str], tuple[float, int]] = {}
        """When a refusal was written down, and how often it came since."""

    def insist_patient(self, room: str) -> None:
        """Take note of a new incident; RefusedError `not-yet` if they come too fast."""
        now_s = self._clock.monotonic_s()
        left, at_s = self._left.get(room, (float(MOST_NEW), now_s))
        left = min(MOST_NEW, left + (now_s - at_s) / NEW_S)
        self._left[room] = (left - (left >= 1), now_s)
        if left < 1:
            raise RefusedError(NOT_YET, f"{room} opens too many incidents")

    async def refused(self, room: str, incident: str, code: str) -> None:
        """Write down that something was refused, every ten minutes, with how often it was."""
        now_s = self._clock.monotonic_s()
        said_s, unsaid = self._said.get((room, code), (-SAY_AGAIN_S, 0))
        if now_s - said_s < SAY_AGAIN_S:
            self._said[room, code] = (said_s, unsaid + 1)
            return
        if len(self._said) >= MOST_SAID:
            self._said.clear()
        self._said[room, code] = (now_s, 0)
        await self._journal.account(
            LedgerEvent(
                "line.refuse", Operation.NONE, Regime.GDPR, result="denied", error=code,
                actor_id=room, actor_type="device", object_type="edge", object_id=room,
                case_ref=incident, channel="line", count=unsaid + 1 if unsaid else 0,
            )
        )  # fmt: skip
