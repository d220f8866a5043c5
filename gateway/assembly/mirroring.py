# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a room on PostgreSQL does besides: copies its log there, and says whose edges are whose."""

import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import NoReturn

from gateway.audit.ledger import Ledger
from gateway.model.errors import StoreError
from gateway.model.registry import Registry
from gateway.room.mirror import EVERY_S, LogRow, Mirror, Source
from gateway.room.store import RoomStore, name_edges
from gateway.runtime.clock import Clock
from gateway.runtime.tally import Tally

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MirrorParts:
    """What is copied, and where."""

    store: RoomStore
    ledger: Ledger
    origin: str
    registry: Callable[[], Registry]
    """The stored one: what the room's own people entered."""
    clock: Clock


class Mirroring:
    """Keeps the copy and the rows' owners in step; nothing waits for it."""

    def __init__(self, parts: MirrorParts) -> None:
        self._p = parts
        self._tally = Tally(log, parts.clock)
        self._named: frozenset[tuple[str, str]] | None = None
        ledger = parts.ledger

        def checkpoint() -> tuple[int, str]:
            head = ledger.head()
            return head.size, head.checkpoint_note

        source = Source(parts.origin, self._rows, checkpoint)
        self.mirror = Mirror(parts.store, source, parts.clock)

    @property
    def problem(self) -> str:
        """Why the copy falls behind; empty while it does not."""
        return self.mirror.problem

    def tasks(self) -> tuple[Coroutine[None, None, None], ...]:
        """Return what has to run."""
        return self.mirror.run(), self.keep()

    async def keep(self) -> NoReturn:
        """Tell the database which organisation may know of which edge, as that changes."""
        while True:
            try:
                await self.name()
            except StoreError as error:
                self._tally.note("edges-not-named", problem=str(error))
            await self._p.clock.sleep(EVERY_S)

    async def name(self) -> None:
        """Tell it now, if it has changed since it was told last."""
        edges = self._p.registry().edges.values()
        known = frozenset((edge.id, one) for edge in edges for one in edge.organisations)
        if known != self._named:
            await self._p.store.write(name_edges(known))
            self._named = known

    async def _rows(self, after: int, limit: int) -> Sequence[LogRow]:
        found = await self._p.ledger.entries(after, limit)
        return [LogRow(one.seq, one.utc_us, one.header) for one in found]
