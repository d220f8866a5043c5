# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The camera in the house behind NAT: `python -m gateway.simulator.house CACHE PORT FILE`.

Serves RTSP on loopback; FILE holds `user:password`. Each line of standard input is the name of a
clip to be played once. Says `ready` once it serves; ends with its standard input.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.model.errors import ConfigError
from gateway.runtime.clock import Clock, SystemClock
from gateway.simulator.camera import VirtualCamera
from gateway.simulator.clips import Progress
from gateway.simulator.rtsp_server import Mount, serve
from gateway.simulator.town import HOUSE_CAMERA, HOUSE_PLANS, SUB_SUFFIX, build_cameras

HOST = "127.0.0.1"


async def run(camera: VirtualCamera, port: int, login: tuple[str, str], clock: Clock) -> None:
    """Serve the camera's two renditions until standard input ends."""
    mounts = {
        camera.name: Mount(camera.fanout, camera.parameter_sets),
        f"{camera.name}{SUB_SUFFIX}": Mount(camera.sub, camera.sub_parameter_sets),
    }
    credentials = dict([login])
    async with (
        serve(HOST, port, mounts, credentials=credentials, clock=clock),
        asyncio.TaskGroup() as tasks,
    ):
        playing = tasks.create_task(camera.run())
        print("ready", flush=True)  # noqa: T201 - what the exercise waits for
        await _obey(camera)
        playing.cancel()


async def _obey(camera: VirtualCamera) -> None:
    """Play what is asked for, line by line, until there are no more."""
    reader = asyncio.StreamReader()
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while line := await reader.readline():
            try:
                camera.trigger(line.decode(errors="replace").strip())
            except ConfigError as error:
                print(error, file=sys.stderr)  # noqa: T201 - for whoever asked
    finally:
        pipe.close()


def quietly(_: float, __: str) -> None:
    """Paint without a word: the exercise has done so before."""


def main(words: Sequence[str]) -> int:
    """Run with the words of the command line; return the exit status."""
    cache, port, secret = words
    clock = SystemClock()
    progress: Progress = quietly
    cameras = build_cameras(Path(cache), progress, clock, HOUSE_PLANS)
    user, _, password = Path(secret).read_text(encoding="utf-8").strip().partition(":")
    asyncio.run(run(cameras[HOUSE_CAMERA], int(port), (user, password), clock))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
