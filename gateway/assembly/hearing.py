# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What cameras say in the metadata track of their streams, on its way to the triggers."""

from collections import Counter
from collections.abc import Callable, Container

from gateway.model.errors import WireError
from gateway.model.event import CameraEvent
from gateway.model.media import MetadataDocument
from gateway.runtime.clock import Clock
from gateway.wire.metadata_events import read

MOST_A_SECOND = 60
"""Documents of one camera that are read, two a picture; more would take the others' time."""


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
        """Documents that came too fast, by camera."""
        self._read: dict[str, tuple[int, int]] = {}
        """Second and how many were read in it, by camera."""

    def take(self, camera: str, document: MetadataDocument) -> None:
        """Read one document of a camera; never waits, and no bytes make it fail."""
        if not self._has_room(camera):
            self.skipped[camera] += 1
            return
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

    def _has_room(self, camera: str) -> bool:
        second = int(self._clock.monotonic_s())
        last, count = self._read.get(camera, (second, 0))
        count = count + 1 if last == second else 1
        self._read[camera] = (second, count)
        return count <= MOST_A_SECOND
