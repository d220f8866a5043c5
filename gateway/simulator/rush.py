# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Paints the cars of the fast lanes, row by row, in a process of its own.

`python -m gateway.simulator.rush SEED COUNT` writes each row to its standard output: four bytes
with a length, then that many bytes of packed units. It waits where nobody takes them.
"""

import asyncio
import struct
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import BinaryIO, Final

from gateway.model.errors import PeerError
from gateway.model.media import AccessUnit
from gateway.model.time import ClockQuality, Moment
from gateway.simulator import traffic
from gateway.simulator.scene_lanes import FPS, Rush
from gateway.wire.units import pack_many, unpack_many

_LENGTH: Final = struct.Struct(">I")
_NOWHEN: Final = Moment(0.0, 0, ClockQuality.EXERCISE)


def paint(seed: int, count: int, out: BinaryIO) -> None:
    """Write the rows of `count` cars."""
    rush = Rush()
    for number, texts in enumerate(traffic.rows(traffic.plates(seed, count))):
        units = [
            AccessUnit(at * 90_000 // FPS, at == 0, nals, _NOWHEN, _NOWHEN)
            for at, nals in enumerate(rush.coded(number, texts))
        ]
        packed = pack_many(units)
        out.write(_LENGTH.pack(len(packed)) + packed)
        out.flush()


@asynccontextmanager
async def painter(seed: int, count: int) -> AsyncIterator[AsyncIterator[Sequence[AccessUnit]]]:
    """Run the painter; yields its rows. What it holds is gone with its process."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.simulator.rush", str(seed), str(count),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with aclosing(_rows(child)) as rows:
            yield rows
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _rows(child: asyncio.subprocess.Process) -> AsyncGenerator[Sequence[AccessUnit], None]:
    if child.stdout is None:
        raise PeerError("the painter of cars has no output")
    while True:
        try:
            (length,) = _LENGTH.unpack(await child.stdout.readexactly(_LENGTH.size))
            yield unpack_many(await child.stdout.readexactly(length))
        except asyncio.IncompleteReadError as error:
            if error.partial or await child.wait():
                raise PeerError("the painter of cars ended early") from error
            return


if __name__ == "__main__":
    paint(int(sys.argv[1]), int(sys.argv[2]), sys.stdout.buffer)
