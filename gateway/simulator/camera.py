# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A virtual camera: plays its clips for ever, at the pace of the clock."""

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.model.errors import ConfigError, InvariantError
from gateway.model.media import AccessUnit
from gateway.runtime.clock import Clock
from gateway.runtime.fanout import Fanout
from gateway.simulator.clips import Clip

log = logging.getLogger(__name__)

LOOP = "loop"
"""Name of the clip that every camera plays when nothing else is asked for."""
MOST_LATE_S = 1.0
"""A machine that slept longer does not catch up; the pictures in between are lost."""
_RTP_HZ = 90_000


class VirtualCamera:
    """One camera of the simulated town, without a network.

    `run` publishes into `fanout` and, where its clips have one, the small rendition into `sub`.
    """

    def __init__(self, name: str, clips: Mapping[str, Clip], clock: Clock) -> None:
        """`clips`: by name, all of the same pace and renditions; `LOOP` must be among them."""
        self.name = name
        self.clips = dict(clips)
        self.fanout, self.sub = Fanout(), Fanout()
        self._clock = clock
        self._playing = LOOP
        self._wanted: str | None = None
        self._position = 0
        self._films: deque[AccessUnit] = deque()
        self.held = False
        """The loop stands still between films: one key picture a second, so that whoever is behind
        catches up."""
        self._fps = self.clips[LOOP].fps

    @property
    def parameter_sets(self) -> tuple[bytes, ...]:
        """SPS and PPS, as the SDP wants them; all clips share them."""
        return self.clips[LOOP].units[0].nals[:2]

    @property
    def sub_parameter_sets(self) -> tuple[bytes, ...]:
        """The same of the small rendition; empty if there is none."""
        return self.clips[LOOP].sub[0].nals[:2] if self.clips[LOOP].sub else ()

    @property
    def playing(self) -> str:
        """Name of the clip of the picture that was published last."""
        return self._playing

    def trigger(self, clip: str) -> None:
        """Play a clip once from the next key unit on (within a second), then the loop again.

        While that clip plays or waits already, this does nothing. ConfigError for an unknown name.
        """
        if clip not in self.clips:
            known = ", ".join(sorted(self.clips))
            raise ConfigError(f"camera {self.name}", clip, "no such clip", f"one of {known}")
        if clip != self._playing:
            self._wanted = clip

    @property
    def waiting(self) -> int:
        """Pictures of films that are still to be shown."""
        return len(self._films)

    def show(self, film: Sequence[AccessUnit]) -> None:
        """Play some units once, at once or after the films that were given before.

        The first is a key unit, of the stream that the clips are; the loop begins anew afterwards.
        A small rendition has no pictures meanwhile.
        """
        if not film or not film[0].is_key:
            raise InvariantError(f"camera {self.name}: a film begins with a key unit")
        self._films.extend(film)

    async def run(self) -> None:
        """Publish in real time until cancelled; pts grow over loops and clips."""
        began_s = self._clock.monotonic_s()
        number = 0
        while True:
            due_s = began_s + number / self._fps
            now_s = self._clock.monotonic_s()
            if now_s < due_s:
                await self._clock.sleep(due_s - now_s)
            elif now_s - due_s > MOST_LATE_S:
                number = self._catch_up(number, now_s - began_s)
                due_s = began_s + number / self._fps
            self._publish(number, due_s)
            number += 1
            if now_s >= due_s:
                await self._clock.sleep(0)

    def _catch_up(self, number: int, elapsed_s: float) -> int:
        """Return the number of the picture due now; playing goes on at a key unit."""
        due = int(elapsed_s * self._fps)
        log.warning("camera-late", extra={"camera": self.name, "lost": due - number})
        self.fanout.forget()
        self.sub.forget()
        self._position = -(-self._position // self._fps) * self._fps
        return due

    def _publish(self, number: int, due_s: float) -> None:
        now = self._clock.now()
        captured = now.shifted(min(0.0, due_s - now.monotonic_s))
        pts_90k = number * _RTP_HZ // self._fps
        for fanout, unit in self._next_units(number):
            fanout.publish(replace(unit, pts_90k=pts_90k, captured=captured, received=now))

    def _next_units(self, number: int) -> Sequence[tuple[Fanout, AccessUnit]]:
        """Return what is to be published now, of a film in the main rendition only."""
        if self._films:
            self._position = 0
            return ((self.fanout, self._films.popleft()),)
        if self.held:
            self._position = 0
            if number % self._fps:
                return ()
        clip, position = self._next_picture()
        both = ((self.fanout, clip.units), (self.sub, clip.sub))
        return tuple((fanout, units[position]) for fanout, units in both if units)

    def _next_picture(self) -> tuple[Clip, int]:
        """Return what is to be played now; clips change only where decoding may start."""
        if self._position >= len(self.clips[self._playing].units):
            self._playing, self._position = LOOP, 0
        if self._wanted is not None and self._starts_here():
            self._playing, self._position = self._wanted, 0
            self._wanted = None
            log.info("camera-clip", extra={"camera": self.name, "clip": self._playing})
        self._position += 1
        return self.clips[self._playing], self._position - 1

    def _starts_here(self) -> bool:
        return self.clips[self._playing].units[self._position].is_key
