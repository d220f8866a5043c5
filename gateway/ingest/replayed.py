# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A recorded file once, as fast as whoever reads it: for trying rules, never evidence."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

from gateway.codec.demux import Word, unpack_due
from gateway.ingest.recorded import CLOCK_HZ, taken_apart
from gateway.model.errors import PeerError
from gateway.model.media import AccessUnit
from gateway.model.time import ClockQuality, Moment


async def replayed(path: Path, begin: Moment) -> AsyncGenerator[AccessUnit, None]:
    """Yield the units of a file, as if its first had been taken at `begin`; PeerError.

    Cancelling, or leaving the loop with `aclose`, ends the child that takes the file apart.
    """
    peer = path.name
    async with taken_apart(path, peer, "--once") as frames:
        async for frame in frames:
            if frame.kind == Word.UNIT:
                due = unpack_due(frame.payload)
                yield _dated(due.unit, begin.shifted(due.due_90k / CLOCK_HZ))
            elif frame.kind == Word.ENDED:
                return
            elif frame.kind != Word.READY:
                words = frame.payload[:500].decode(errors="replace")
                raise PeerError(f"{peer}: {words}")


def _dated(unit: AccessUnit, at: Moment) -> AccessUnit:
    at = replace(at, quality=ClockQuality.EXERCISE)
    return replace(unit, captured=at, received=at)
