# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A recorded file that plays like a camera, in a loop, for training: never evidence.

The file is taken apart in a child of its own, in the cage that everything hostile lives in
(`gateway.codec.demux`): a person placed it on this machine, but somebody else made it.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import gateway
from gateway.codec.demux import Due, Word, unpack_due
from gateway.ingest.source import SessionStatistics, Sink, StreamSource
from gateway.model.errors import PeerError
from gateway.model.media import AccessUnit, Codec
from gateway.model.time import ClockQuality
from gateway.runtime.clock import Clock
from gateway.wire.frames import Frame, FrameReceiver
from gateway.wire.sdp import UnusableStreamError

CLOCK_HZ = 90_000
START_S = 30.0
"""A child that is not ready by then is ended: a busy machine needs seconds."""
MOST_SILENT_S = 10.0
"""A child that has nothing for so long hangs; files with longer gaps are no streams."""
MOST_UNIT_BYTES = 32 << 20
_CHUNK_BYTES = 256 << 10
_LATE_S = 1.0
"""Behind by more (the machine slept), the file goes on from now instead of hurrying."""
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "VIRTUAL_ENV")
"""What a child inherits; secrets may stand in the environment and must not."""


class RecordedSession:
    """One attempt to play a file; it ends when the file or the child does."""

    def __init__(self, source: StreamSource, sink: Sink, *, clock: Clock) -> None:
        """Nothing is opened before `run`."""
        self._source = source
        self._sink = sink
        self._clock = clock
        self._codec: Codec | None = None
        self._size_px = (0, 0)
        self._received_bytes = 0
        self._began_s = 0.0

    async def run(self) -> None:
        """Play for ever; always raises. Cancelling ends the child."""
        peer = self._source.peer
        async with taken_apart(self._source.path, peer) as frames:
            async for frame in frames:
                await self._take(frame)

    def statistics(self) -> SessionStatistics:
        """Return a snapshot; O(1)."""
        return SessionStatistics(
            received_bytes=self._received_bytes,
            codec=self._codec,
            size_px=self._size_px,
            transport="file",
        )

    async def _take(self, frame: Frame) -> None:
        if frame.kind == Word.UNIT:
            await self._play(unpack_due(frame.payload))
        elif frame.kind == Word.READY:
            self._began_s = self._clock.monotonic_s()
            self._sink.on_playing()
        else:
            words = frame.payload[:500].decode(errors="replace")
            raise UnusableStreamError(f"{self._source.peer}: {words}")

    async def _play(self, due: Due) -> None:
        """Publish a unit when it is due, as if it had been taken then."""
        wait_s = self._began_s + due.due_90k / CLOCK_HZ - self._clock.monotonic_s()
        if wait_s > 0:
            await self._clock.sleep(wait_s)
        elif wait_s < -_LATE_S:
            self._began_s -= wait_s
        unit = due.unit
        self._codec, self._size_px = unit.codec, due.size_px
        self._received_bytes += unit.size_bytes()
        self._sink.on_unit(self._dated(unit))

    def _dated(self, unit: AccessUnit) -> AccessUnit:
        now = replace(self._clock.now(), quality=ClockQuality.EXERCISE)
        return replace(unit, captured=now, received=now)


async def _frames(reader: asyncio.StreamReader, peer: str) -> AsyncGenerator[Frame, None]:
    """Yield what the child says; PeerError when it says nothing for too long, or ends."""
    receiver, bound_s = FrameReceiver(MOST_UNIT_BYTES), START_S
    while True:
        try:
            async with asyncio.timeout(bound_s):
                data = await reader.read(_CHUNK_BYTES)
        except TimeoutError:
            raise PeerError(f"{peer}: nothing was read in {bound_s:g} s") from None
        if not data:
            raise PeerError(f"{peer}: the child that reads it ended")
        for frame in receiver.receive(data):
            bound_s = MOST_SILENT_S
            yield frame


@asynccontextmanager
async def taken_apart(path: Path, peer: str, *how: str) -> AsyncIterator[AsyncIterator[Frame]]:
    """Run the child that takes a file apart; it dies with the block. `peer` names it in errors."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    command = (sys.executable, "-m", "gateway.codec.demux", "--fd", str(theirs.fileno()), *how)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            str(path),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            env=_environment(),
        )
    except OSError as error:
        ours.close()
        raise PeerError(f"{peer}: no child can be started: {error.strerror}") from None
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    writer: asyncio.StreamWriter | None = None
    try:
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        async with contextlib.aclosing(_frames(reader, peer)) as frames:
            yield frames
    finally:
        if writer is None:
            ours.close()
        else:
            writer.transport.abort()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _environment() -> dict[str, str]:
    """Return what a child needs and nothing that it must not know."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    here = str(Path(gateway.__file__).resolve().parent.parent)
    one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    return {**kept, **one_thread, "PYTHONPATH": here, "MALLOC_ARENA_MAX": "2"}
