# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""All viewers of one camera, and the pictures since its last key unit."""

from gateway.model.media import AccessUnit
from gateway.relay.video.packets import PacketizedUnit, Packetizer
from gateway.relay.video.viewer import Flow, Viewer

KEPT_MOST_BYTES = 12 << 20
"""A longer GOP is not kept; then new viewers wait for the next key unit."""
KEPT_MOST_UNITS = 3000
"""Two minutes at 25 fps: bounds what thin pictures can pile up."""
CATCH_UP_BYTES = 64 << 10
"""What a viewer gets per step of the catch-up."""
CATCH_UP_EVERY_S = 0.004
"""With the above 131 Mbit/s: a GOP of 8 MiB is through in half a second, a usual one at once."""
_USUAL_STEP_90K = 3600
"""25 fps, until two units told better."""


class Hub:
    """Feeds viewers; the caller drives the catch-up with `advance`."""

    def __init__(self) -> None:
        self._packetizer = Packetizer()
        self._kept: list[PacketizedUnit] = []
        self._kept_bytes = 0
        self._newest: PacketizedUnit | None = None
        self._step_90k = _USUAL_STEP_90K
        self._viewers: set[Viewer] = set()

    def publish(self, unit: AccessUnit, now_s: float) -> None:
        """Packetize a unit once and send it to every viewer that is live."""
        packetized = self._packetizer.packetize(unit)
        if packetized is None:
            return
        if self._newest is not None and packetized.time_90k > self._newest.time_90k:
            self._step_90k = packetized.time_90k - self._newest.time_90k
        self._newest = packetized
        self._keep(packetized)
        for viewer in self._viewers:
            viewer.offer(packetized, now_s)

    def _keep(self, unit: PacketizedUnit) -> None:
        if unit.is_key:
            self._kept, self._kept_bytes = [unit], unit.size_bytes
        elif self._kept:
            self._kept.append(unit)
            self._kept_bytes += unit.size_bytes
            if self._kept_bytes > KEPT_MOST_BYTES or len(self._kept) > KEPT_MOST_UNITS:
                self._kept, self._kept_bytes = [], 0

    def join(self, viewer: Viewer, now_s: float) -> None:
        """Add a viewer; it begins at the kept key unit, or at the next one."""
        self._viewers.add(viewer)
        self.rewind(viewer, now_s)

    def rewind(self, viewer: Viewer, now_s: float) -> None:
        """Show a viewer the kept key unit again and what followed; the first step at once."""
        if self._kept:
            viewer.rewind(self._step_90k, len(self._kept))
            viewer.catch_up(self._kept, CATCH_UP_BYTES, now_s)

    def leave(self, viewer: Viewer) -> None:
        """Remove a viewer; harmless if it already left."""
        self._viewers.discard(viewer)

    def advance(self, now_s: float) -> bool:
        """Take one step of every catch-up; False if nobody needs another."""
        behind = [one for one in self._viewers if one.flow is Flow.CATCHING_UP]
        for viewer in behind:
            viewer.catch_up(self._kept, CATCH_UP_BYTES, now_s)
        return any(one.flow is Flow.CATCHING_UP for one in behind)

    def forget(self) -> None:
        """Drop the kept units: what comes next does not join them."""
        self._kept, self._kept_bytes = [], 0

    def newest(self) -> PacketizedUnit | None:
        """Return the last unit published."""
        return self._newest

    def empty(self) -> bool:
        """Return whether nobody watches."""
        return not self._viewers
