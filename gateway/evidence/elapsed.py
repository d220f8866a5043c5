# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Counted time: how long ago something was, over restarts and whatever UTC does meanwhile.

While the process runs, the monotonic clock counts. At a start, what UTC has gone forward since
the last mark is added: the time that we were off. If UTC stands behind the mark, that time is
not known (`Now.lost`) until UTC has passed the mark again.
"""

import json
import logging
import os
from pathlib import Path

from gateway.evidence.retention import FUTURE_S, Now
from gateway.model.time import ClockQuality
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)


class Elapsed:
    """Counted time, kept in one small file; call `mark` at least once a minute."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Go on where the last run ended; a file that cannot be read begins at zero."""
        self._path = path
        self._clock = clock
        now = clock.now()
        self._began_s = now.monotonic_s
        self._run = os.urandom(8).hex()
        counted_us, seen_utc_us = _read(path)
        off_us = now.utc_us - seen_utc_us if seen_utc_us else 0
        self._base_us = counted_us + max(0, off_us)
        self._lost_until_us = seen_utc_us if off_us < -FUTURE_S * 1e6 else 0

    def now(self) -> Now:
        """Return this instant."""
        now = self._clock.now()
        running_s = now.monotonic_s - self._began_s
        if now.utc_us >= self._lost_until_us:
            self._lost_until_us = 0
        return Now(
            utc_us=now.utc_us,
            counted_us=self._base_us + round(running_s * 1e6),
            run=self._run,
            believed=now.quality is not ClockQuality.UNSYNCHRONISED,
            running_s=running_s,
            lost=self._lost_until_us > 0,
        )

    def mark(self) -> None:
        """Write down where we are, whole or not at all; a full disk is told and may wait."""
        now = self.now()
        seen_utc_us = max(now.utc_us, self._lost_until_us)
        part = self._path.with_name(f"{self._path.name}.part")
        try:
            with part.open("w", encoding="utf-8") as file:
                json.dump({"counted_us": now.counted_us, "utc_us": seen_utc_us}, file)
                file.flush()
                os.fdatasync(file.fileno())
            part.replace(self._path)
        except OSError as error:
            part.unlink(missing_ok=True)
            log.warning("elapsed-not-written", extra={"problem": error.strerror})


def _read(path: Path) -> tuple[int, int]:
    """Return counted time and UTC of the last mark; zeros if there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        counted_us, utc_us = int(found["counted_us"]), int(found["utc_us"])
    except FileNotFoundError:
        return 0, 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("elapsed-not-read", extra={"problem": str(error)})
        return 0, 0
    return max(0, counted_us), max(0, utc_us)
