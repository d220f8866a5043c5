# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""All viewers of one camera, and the pictures since its last key unit."""

from typing import Final

from gateway.model.media import AccessUnit
from gateway.relay.video.packets import PacketizedUnit, Packetizer
from gateway.relay.video.viewer import Flow, Viewer

KEPT_MOST_BYTES = 12 << 20
"""A longer GOP is not kept; then new viewers wait for the next key unit."""
KEPT_MOST_UNITS = 3000
"""Two minutes at 25 fps: bounds what thin pictures can pile up."""
CATCH_UP_EVERY_S = 0.004
"""How often the caller drives a catch-up on; how much goes out then is the viewer's pace."""
AT_HAND_BYTES = 64 << 10
"""What is kept is shown before the next key unit comes, if it is no more than that."""
KEY_WAIT_S = 2.0
"""No switch waits longer than that for a key unit whose time is known."""
LONG_S = 2.0
"""With more than that to catch up a key unit of the camera is better, if it can be asked."""
WISH_EVERY_S = 2.0
"""A camera is asked at most this often; it needs some time to obey, and others look as well."""
KEY_LATE_S = 0.08
"""How much later than the last time a key unit may come before it is no more waited for."""
REFUSED_AFTER_S: Final = 6.0
"""What cannot be shown ends a look after that; by then another rendition comes if there is one."""
B_FRAMES: Final = "b-frames"
"""Why nothing is shown: pictures are not sent in the order in which they are to be shown."""
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
        self._key_s: float | None = None
        self._every_s: float | None = None
        self._bytes_s = 0.0
        self._now_s = 0.0
        self._wished = False
        self._asked_s = float("-inf")
        self._refused_s: float | None = None
        self._viewers: set[Viewer] = set()

    @property
    def problem(self) -> str | None:
        """Why nobody is shown anything although units come; None if all is well."""
        return B_FRAMES if self._packetizer.reorders else None

    def refusal(self, now_s: float) -> str | None:
        """Return the problem once it has lasted: the gateway may give another rendition first."""
        is_long = self._refused_s is not None and now_s - self._refused_s >= REFUSED_AFTER_S
        return self.problem if is_long else None

    def publish(self, unit: AccessUnit, now_s: float) -> None:
        """Packetize a unit once and send it to every viewer that is live."""
        packetized = self._packetizer.packetize(unit)
        if packetized is None:
            return
        if self._packetizer.reorders:
            self._refuse(now_s)
            return
        self._refused_s = None
        if self._newest is not None and packetized.time_90k > self._newest.time_90k:
            self._step_90k = packetized.time_90k - self._newest.time_90k
        self._newest, self._now_s = packetized, now_s
        self._keep(packetized, now_s)
        for viewer in self._viewers:
            viewer.offer(packetized, now_s)

    def _refuse(self, now_s: float) -> None:
        if self._refused_s is None:
            self._refused_s = now_s
        self.forget()
        for viewer in self._viewers:
            viewer.flow = Flow.WAITING

    def _keep(self, unit: PacketizedUnit, now_s: float) -> None:
        if unit.is_key:
            if self._key_s is not None and now_s > self._key_s:
                self._every_s = now_s - self._key_s
                self._bytes_s = self._kept_bytes / self._every_s
            self._key_s = now_s
            self._wished = False
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
        """Show a viewer the kept key unit again and what followed; the first step at once.

        Where the next key unit comes before all that would be out, it is waited for.
        """
        self._wished |= not self._kept or self._span_s() > LONG_S
        if not self._kept:
            return
        begins_s = now_s
        wait_s = self._wait_s(now_s)
        takes_s = viewer.pace.takes_s(self._kept_bytes, self._bytes_s)
        if wait_s is not None and wait_s < takes_s:
            begins_s = now_s + wait_s + KEY_LATE_S
        viewer.rewind(self._kept, self._step_90k, begins_s)
        viewer.catch_up(self._kept, now_s)

    def _span_s(self) -> float:
        return self._kept[-1].captured_s - self._kept[0].captured_s if self._kept else 0.0

    def _wait_s(self, now_s: float) -> float | None:
        """Return how long until the next key unit, if they come at a steady pace; else None."""
        if self._key_s is None or self._every_s is None:
            return None
        left_s = self._key_s + self._every_s - now_s
        return left_s if left_s > -KEY_LATE_S else None

    def leave(self, viewer: Viewer) -> None:
        """Remove a viewer; harmless if it already left."""
        self._viewers.discard(viewer)

    def advance(self, now_s: float) -> bool:
        """Take one step of every catch-up; False if nobody needs another."""
        behind = [one for one in self._viewers if one.flow is Flow.CATCHING_UP]
        for viewer in behind:
            viewer.catch_up(self._kept, now_s)
        return any(one.flow is Flow.CATCHING_UP for one in behind)

    def forget(self) -> None:
        """Drop the kept units, and what viewers could ask for again: the next does not join."""
        self._kept, self._kept_bytes = [], 0
        for viewer in self._viewers:
            viewer.forget()

    def wants_key(self, now_s: float) -> bool:
        """Return whether the camera should be asked for a key unit, once per wish.

        So it is while somebody waits for one and nothing is kept, and where what is kept is long.
        """
        if not self._wished or not self._viewers or now_s - self._asked_s < WISH_EVERY_S:
            return False
        self._asked_s, self._wished = now_s, False
        return True

    def newest(self) -> PacketizedUnit | None:
        """Return the last unit published."""
        return self._newest

    def empty(self) -> bool:
        """Return whether nobody watches."""
        return not self._viewers

    def is_ready(self) -> bool:
        """Return whether somebody who looks at another stream should come over now.

        So it is right at a key unit, or when what is kept goes out in one go; otherwise it is
        better to go on with the other stream until the next one, unless that takes too long.
        """
        if not self._kept:
            self._wished = True
            return False
        if self._kept_bytes <= AT_HAND_BYTES or len(self._kept) == 1:
            return True
        wait_s = self._wait_s(self._now_s)
        ready = wait_s is None or wait_s > KEY_WAIT_S
        self._wished |= ready
        return ready
