# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One masked JPEG per alarm, for a day (B-01), opened only with a Grant.

A still is never the reason why an alarm fails: if it cannot be kept, the alarm goes on without.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from gateway.model.access import Action, Grant
from gateway.model.errors import InvariantError, StoreError
from gateway.model.identifiers import ID_FORM
from gateway.model.time import ClockQuality, Moment
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

FUTURE_S = 300.0
"""A still dated further ahead than this was written by a clock that was wrong."""
_SUFFIX = ".jpg"
_PART = ".part"


class Stills:
    """A directory of stills; call `sweep` at least once a minute.

    The age of a still that this process wrote is told by the monotonic clock, whatever UTC does.
    One found after a restart is told by the time stamped on it (mtime, set from our clock) as
    long as our clock is believed; if it is dated ahead of now, its age cannot be known, so it
    goes at once. While the clock is not synchronised, a found still lives at most `keep_s` from
    when it was found.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        keep_s: float = 86_400,
        *,
        camera_of: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        """`camera_of`: camera of an alarm, None if it is not known."""
        self._directory = directory
        self._clock = clock
        self._keep_s = keep_s
        self._camera_of = camera_of
        self._until_s: dict[str, float] = {}
        """Monotonic end of each still; found ones get theirs at the first sweep."""
        self._own: set[str] = set()
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{directory}: {error.strerror}") from error

    def save(self, alarm_id: str, jpeg: bytes) -> None:
        """Keep a still (0600), whole or not at all; StoreError if the disk refuses."""
        if not ID_FORM.match(alarm_id):
            raise InvariantError(f"{alarm_id!r} is not an alarm id")
        name = alarm_id + _SUFFIX
        path = self._directory / name
        part = path.with_suffix(_PART)
        now = self._clock.now()
        try:
            part.unlink(missing_ok=True)
            handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(jpeg)
            os.utime(part, ns=(now.utc_us * 1000, now.utc_us * 1000))
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise StoreError(
                f"{path}: still not kept ({error.strerror}); the alarm is not affected"
            ) from error
        self._own.add(name)
        self._until_s[name] = now.monotonic_s + self._keep_s

    def get(self, alarm_id: str, grant: Grant) -> bytes | None:
        """Return the JPEG; None if there is none, or the Grant does not open it.

        A Grant opens it that is unexpired, is for pictures (live, snapshot, playback) and is for
        the alarm's camera; where `camera_of` knows none, its case must be the alarm.
        """
        if not ID_FORM.match(alarm_id) or not self._opens(grant, alarm_id):
            log.warning("still-not-opened", extra={"grant": grant.id})
            return None
        name = alarm_id + _SUFFIX
        now_s = self._clock.monotonic_s()
        if name in self._until_s and self._until_s[name] <= now_s:
            return None
        try:
            return (self._directory / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self._directory / name}: {error.strerror}") from error

    def _opens(self, grant: Grant, alarm_id: str) -> bool:
        if grant.request.action not in (Action.LIVE, Action.SNAPSHOT, Action.PLAYBACK):
            return False
        if grant.expires.monotonic_s <= self._clock.monotonic_s():
            return False
        camera = self._camera_of(alarm_id)
        if camera is None:
            return grant.request.case == alarm_id
        return grant.camera == camera

    def sweep(self) -> int:
        """Remove what is too old, and what an interrupted `save` left; return how many went."""
        now = self._clock.now()
        gone = 0
        found: set[str] = set()
        try:
            for path in self._directory.iterdir():
                if path.suffix == _PART or (path.suffix == _SUFFIX and self._is_over(path, now)):
                    path.unlink(missing_ok=True)
                    gone += 1
                else:
                    found.add(path.name)
        except OSError as error:
            raise StoreError(f"{self._directory}: {error.strerror}") from error
        self._own &= found
        self._until_s = {name: at for name, at in self._until_s.items() if name in found}
        if gone:
            log.info("stills-removed", extra={"removed": gone})
        return gone

    def _is_over(self, path: Path, now: Moment) -> bool:
        until_s = self._until_s.setdefault(path.name, now.monotonic_s + self._keep_s)
        if until_s <= now.monotonic_s:
            return True
        if path.name in self._own or now.quality is ClockQuality.UNSYNCHRONISED:
            return False
        age_s = now.utc_us / 1e6 - path.stat().st_mtime_ns / 1e9
        return age_s >= self._keep_s or age_s < -FUTURE_S
