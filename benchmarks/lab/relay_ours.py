# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Our relay under measurement: `benchmarks.lab.relay_ours ADDRESS PORT URL LOG`.

One process that pulls a camera over RTSP as the gateway does, feeds the real media process and
renews the leases of its sessions; and that media process below it. Answers offers over HTTP.
Prints {} once the camera plays; `sessions` is answered with what the media process says of them,
`end` with {} once every session was told goodbye.
"""

import asyncio
import logging
import os
import sys
from itertools import count
from pathlib import Path

from benchmarks.lab.process import say
from benchmarks.lab.relay_whep import whep
from gateway.ingest.camera import CameraFeed
from gateway.ingest.source import StreamSource
from gateway.model.access import AccessRequest, Action, Actor, Grant, Purpose, Regime
from gateway.model.errors import PeerError
from gateway.model.media import Codec, StreamState, StreamStatus
from gateway.model.registry import Role
from gateway.relay.video.process import MediaOptions, MediaProcess, OfferError, Source, open_media
from gateway.runtime.clock import Clock, SystemClock
from gateway.runtime.fanout import Fanout

CAMERA = "piazza"
GRANTED_S = 3600.0


class Relay:
    """Opens a session for each offer."""

    def __init__(self, media: MediaProcess, fanout: Fanout, clock: Clock) -> None:
        self._media = media
        self._fanout = fanout
        self._clock = clock
        self._numbers = count()

    async def answer(self, offer: str) -> str:
        """Answer an offer as the gateway would to somebody with a Grant; PeerError if it cannot."""
        try:
            made = await self._media.open(
                self._grant(), offer, Source(CAMERA, Codec.H264, self._fanout)
            )
        except OfferError as error:
            raise PeerError(str(error)) from error
        return made.sdp

    def _grant(self) -> Grant:
        number, now = next(self._numbers), self._clock.now()
        name = f"operatore-{number}"
        actor = Actor(name, name, Role.PL_OPERATOR, "comune", f"s{number}", "password")
        request = AccessRequest(actor, Action.LIVE, CAMERA, Purpose.SERVICE, "OS-1")
        until = now.shifted(GRANTED_S)
        return Grant(f"g{number}", request, "patto-1", Regime.GDPR, now, until, 1)


async def main(address: str, port: int, url: str) -> None:
    """Relay until standard input ends."""
    logging.getLogger().addHandler(logging.NullHandler())
    clock, fanout, plays = SystemClock(), Fanout(), asyncio.Event()

    def changed(_: str, status: StreamStatus) -> None:
        if status.state is StreamState.LIVE:
            plays.set()

    feed = CameraFeed(StreamSource(CAMERA, url), fanout, clock=clock, on_change=changed)
    options = MediaOptions((address, 0), (address,), log_level="error")
    async with (
        open_media(options, clock=clock, on_end=lambda _: None) as media,
        asyncio.TaskGroup() as tasks,
        whep(address, port, Relay(media, fanout, clock).answer),
    ):
        running = [tasks.create_task(feed.run()), tasks.create_task(media.keep(lambda _: True))]
        await plays.wait()
        say({})
        while (await asyncio.to_thread(sys.stdin.readline)).strip() == "sessions":
            told = media.sessions()
            say({"sessions": len(told), "connected": sum(one.connected for one in told)})
        for task in running:
            task.cancel()
    say({})


if __name__ == "__main__":
    with Path(sys.argv[4]).open("wb") as log:  # of the media process, too
        os.dup2(log.fileno(), sys.stderr.fileno())
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
