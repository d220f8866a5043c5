# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which rendition a camera is watched in: the small one, and the main one while that fails. Pure.

A watch is never blind while any stream works. The small stream is what it costs least in, so it
goes back there; but not to a stream that comes and goes, since each change makes it learn anew.
"""

from dataclasses import dataclass

from gateway.assembly.streams import FAILING
from gateway.model.media import StreamKind, StreamState

BLIND_S = 10.0
"""The watched stream has failed for so long: the other one is tried."""
START_S = 60.0
"""The same for one that is on its way: after a restart hundreds begin one after the other."""
BACK_S = 60.0
"""The small stream has lived for so long: it is watched again."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A stream's state and since when it has been of that sort, in seconds."""

    state: StreamState = StreamState.IDLE
    since_s: float = 0.0

    def turn(self, state: StreamState, now_s: float) -> "_Seen":
        """Return what is known after it was seen in `state`."""
        same = (state is StreamState.LIVE) is self.is_live and (state in FAILING) is self.fails
        return _Seen(state, self.since_s if same else now_s)

    @property
    def is_live(self) -> bool:
        return self.state is StreamState.LIVE

    @property
    def fails(self) -> bool:
        return self.state in FAILING

    def is_blind(self, now_s: float) -> bool:
        """Return whether waiting for it makes no sense any more."""
        if self.is_live:
            return False
        return now_s - self.since_s >= (BLIND_S if self.fails else START_S)


class Lookout:
    """The choice for one camera that has a small stream."""

    def __init__(self, now_s: float) -> None:
        """Begin with the small stream."""
        self.kind = StreamKind.SUB
        self._main = self._sub = _Seen(since_s=now_s)

    def look(self, main: StreamState, sub: StreamState, now_s: float) -> bool:
        """Take the states of both streams, every second or so; return whether the choice changed.

        The main stream is not pulled while nobody needs it, hence it is judged only from when it
        is watched.
        """
        self._main, self._sub = self._main.turn(main, now_s), self._sub.turn(sub, now_s)
        if self.kind is StreamKind.SUB:
            if not self._sub.is_blind(now_s):
                return False
            self.kind = StreamKind.MAIN
            self._main = _Seen(main, now_s)
            return True
        lived_s = now_s - self._sub.since_s if self._sub.is_live else -1.0
        if lived_s >= BACK_S or (lived_s >= 0 and self._main.is_blind(now_s)):
            self.kind = StreamKind.SUB
            return True
        return False
