# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One writer, many bounded readers; a slow reader loses units, never blocks the camera."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gateway.model.media import AccessUnit


@dataclass(frozen=True, slots=True)
class ReaderStatistics:
    """Counters since the reader joined; delivered + dropped + depth = offered."""

    delivered: int
    dropped: int
    depth: int


class Reader:
    """A bounded queue that resumes on a key unit after an overflow."""

    def __init__(self, name: str, most_units: int = 256, most_bytes: int = 16 << 20) -> None:
        """Bounds: units and bytes kept; when either is passed, all that waits is dropped."""
        self.name = name
        self._most_units = most_units
        self._most_bytes = most_bytes
        self._units: deque[AccessUnit] = deque()
        self._bytes = 0
        self._ready = asyncio.Event()
        self._wants_key = True
        self._delivered = 0
        self._dropped = 0

    def offer(self, unit: AccessUnit) -> None:
        """Take a unit or count it as dropped; never waits."""
        if self._wants_key and not unit.is_key:
            self._dropped += 1
            return
        size_bytes = unit.size_bytes()
        full = len(self._units) >= self._most_units or self._bytes + size_bytes > self._most_bytes
        if full and self._units:
            self._dropped += len(self._units)
            self._units.clear()
            self._bytes = 0
            if not unit.is_key:
                self._wants_key = True
                self._dropped += 1
                self._ready.clear()
                return
        self._wants_key = False
        self._units.append(unit)
        self._bytes += size_bytes
        self._ready.set()

    async def receive(self) -> AccessUnit:
        """Wait for the next unit; cancelling loses nothing. One task at a time."""
        while not self._units:  # what woke us may have been dropped since
            await self._ready.wait()
        return self._take()

    def receive_nowait(self) -> AccessUnit | None:
        """Return the next unit, or None if nothing waits."""
        return self._take() if self._units else None

    def _take(self) -> AccessUnit:
        unit = self._units.popleft()
        self._bytes -= unit.size_bytes()
        if not self._units:
            self._ready.clear()
        self._delivered += 1
        return unit

    def statistics(self) -> ReaderStatistics:
        """Return a snapshot of the counters."""
        return ReaderStatistics(self._delivered, self._dropped, len(self._units))


class Fanout:
    """All readers of one camera, and the units since its last key unit."""

    def __init__(
        self, kept_bytes: int = 8 << 20, *, on_readers: Callable[[], None] | None = None
    ) -> None:
        """`kept_bytes`: bound of the kept GOP; a longer one is not kept from then on.

        `on_readers` is called when a reader joined or left; it must not wait.
        """
        self._on_readers = on_readers or (lambda: None)
        self._readers: set[Reader] = set()
        self._kept: list[AccessUnit] = []
        self._kept_size_bytes = 0
        self._kept_most_bytes = kept_bytes

    def publish(self, unit: AccessUnit) -> None:
        """Offer a unit to every reader; synchronous, O(readers), no copy."""
        if unit.is_key:
            self._kept = [unit]
            self._kept_size_bytes = unit.size_bytes()
        elif self._kept:
            self._keep(unit)
        for reader in self._readers:
            reader.offer(unit)

    def _keep(self, unit: AccessUnit) -> None:
        self._kept_size_bytes += unit.size_bytes()
        if self._kept_size_bytes > self._kept_most_bytes:
            self.forget()
        else:
            self._kept.append(unit)

    def forget(self) -> None:
        """Drop the kept GOP: after a gap or a new session it no longer joins what follows."""
        self._kept = []
        self._kept_size_bytes = 0

    def kept(self) -> tuple[AccessUnit, ...]:
        """Return the key unit and what followed it, or nothing."""
        return tuple(self._kept)

    def join(self, reader: Reader, *, from_kept: bool = False) -> None:
        """Add a reader; with `from_kept` it first gets the units since the last key unit."""
        if from_kept:
            for unit in self._kept:
                reader.offer(unit)
        self._readers.add(reader)
        self._on_readers()

    def leave(self, reader: Reader) -> None:
        """Remove a reader; harmless if it already left."""
        self._readers.discard(reader)
        self._on_readers()

    def readers(self) -> frozenset[str]:
        """Return who reads, by name."""
        return frozenset(reader.name for reader in self._readers)

    def wanted(self) -> bool:
        """Return whether anybody reads."""
        return bool(self._readers)
