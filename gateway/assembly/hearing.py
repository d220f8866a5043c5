# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What cameras say in the metadata track of their streams, on its way to the triggers."""

from collections import Counter
from collections.abc import Callable, Container
from dataclasses import dataclass

from gateway.model.errors import WireError
from gateway.model.event import CameraEvent
from gateway.model.media import MetadataDocument
from gateway.runtime.clock import Clock
from gateway.wire.metadata_events import read

MOST_A_SECOND = 60
"""Documents of one camera that are read, two a picture; more would take the others' time."""
MOST_BUSY = 0.05
"""Of the loop's time that reading one camera's documents may take: 50 ms a second."""


@dataclass(slots=True)
class _Share:
    """What one camera has used."""

    second: int
    count: int = 0
    """Documents read in this second."""
    spent_s: float = 0.0
    """Time that reading took and that is not yet paid back."""
    paid_s: float = 0.0
    """When it was last paid back."""


class Hearing:
    """Reads documents; what tells one person from another is dropped and counted (B-24)."""

    def __init__(self, on_event: Callable[[str, CameraEvent], None], clock: Clock) -> None:
        """`on_event` takes an event of a camera, by its id; it must not wait."""
        self._on_event = on_event
        self._clock = clock
        self.dropped: Counter[str] = Counter()
        """Elements and items that were not looked at, by kind."""
        self.malformed: Counter[str] = Counter()
        """Documents and messages that could not be read, by camera."""
        self.skipped: Counter[str] = Counter()
        """Documents that came too fast or took too long, by camera."""
        self._read: dict[str, _Share] = {}

    def take(self, camera: str, document: MetadataDocument) -> None:
        """Read one document of a camera; never waits, and no bytes make it fail."""
        began_s = self._clock.monotonic_s()
        share = self._read.setdefault(camera, _Share(int(began_s), paid_s=began_s))
        if not _has_room(share, began_s):
            self.skipped[camera] += 1
            return
        try:
            self._take(camera, document)
        finally:
            share.spent_s += self._clock.monotonic_s() - began_s

    def _take(self, camera: str, document: MetadataDocument) -> None:
        try:
            reading = read(document)
        except WireError:
            self.malformed[camera] += 1
            return
        self.dropped.update(reading.dropped)
        if reading.malformed:
            self.malformed[camera] += reading.malformed
        for event in reading.events:
            self._on_event(camera, event)

    def keep(self, cameras: Container[str]) -> None:
        """Forget cameras that left the registry."""
        for known in (self.malformed, self.skipped, self._read):
            for camera in [one for one in known if one not in cameras]:
                del known[camera]


def _has_room(share: _Share, now_s: float) -> bool:
    """Count one document; whoever took long is not read until that is paid back."""
    share.spent_s = max(0.0, share.spent_s - MOST_BUSY * (now_s - share.paid_s))
    share.paid_s = now_s
    if int(now_s) != share.second:
        share.second, share.count = int(now_s), 0
    share.count += 1
    return share.count <= MOST_A_SECOND and share.spent_s < MOST_BUSY
