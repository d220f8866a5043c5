# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cameras that are lost and come back, and our own clock, as entries of the ledger (D.3)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gateway.assembly.journal import Journal
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.media import StreamState, StreamStatus
from gateway.model.time import ClockQuality
from gateway.runtime.clock import Clock

TICK_S = 5.0
LOST_S = 30.0
"""A camera that is away for less is not lost: it redials."""
QUIET_S = 600.0
"""No camera is written of as lost more often than this: one that comes and goes fills no ledger."""
_MISSING = frozenset(StreamState) - {StreamState.LIVE, StreamState.IDLE}


@dataclass(slots=True)
class _Known:
    """What is remembered of one camera; times of the monotonic clock."""

    away_since_s: float | None = None
    lost: bool = False
    """The ledger says that it is."""
    told_s: float = float("-inf")


class StateWatch:
    """Compares what is with what the ledger was told."""

    def __init__(
        self,
        journal: Journal,
        cameras: Callable[[], Iterable[tuple[str, StreamStatus]]],
        clock: Clock,
        controller: Callable[[str], str],
    ) -> None:
        """Take `controller`: whose a camera is, empty if it is gone."""
        self._journal = journal
        self._cameras = cameras
        self._clock = clock
        self._controller = controller
        self._known: dict[str, _Known] = {}
        self._clock_lost = False

    async def keep(self) -> None:
        """Look every few seconds, for ever."""
        while True:
            await self.tick()
            await self._clock.sleep(TICK_S)

    async def tick(self) -> None:
        """Write what has changed since the last look."""
        await self._own_clock()
        statuses = dict(self._cameras())
        for gone in self._known.keys() - statuses.keys():
            del self._known[gone]
        for camera, status in statuses.items():
            await self._camera(camera, status)

    async def _own_clock(self) -> None:
        lost = self._clock.now().quality is ClockQuality.UNSYNCHRONISED
        if lost == self._clock_lost:
            return
        self._clock_lost = lost
        code = "clock.unsync" if lost else "clock.sync"
        await self._journal.account(_told(code, "clock", "", "unsynchronised" if lost else ""))

    async def _camera(self, camera: str, status: StreamStatus) -> None:
        known = self._known.setdefault(camera, _Known())
        now_s = self._clock.monotonic_s()
        if status.state not in _MISSING:
            known.away_since_s = None
            if known.lost:
                known.lost = False
                await self._tell(camera, status, "")
            return
        if known.away_since_s is None:
            known.away_since_s = now_s
        long_enough = now_s - known.away_since_s >= LOST_S
        if not known.lost and long_enough and now_s - known.told_s >= QUIET_S:
            known.lost, known.told_s = True, now_s
            await self._tell(camera, status, status.state.value)

    async def _tell(self, camera: str, status: StreamStatus, error: str) -> None:
        entry = _told("camera.state", "camera", camera, error)
        words = "lost" if error else f"back: {status.state.value}"
        await self._journal.account(
            replace(entry, controller=self._controller(camera), reason_text=words)
        )


def _told(code: str, kind: str, id_: str, error: str) -> LedgerEvent:
    """Return an entry of the box about itself."""
    return LedgerEvent(
        code, Operation.NONE, Regime.GDPR, result="error" if error else "ok", error=error,
        object_type=kind, object_id=id_,
    )  # fmt: skip
