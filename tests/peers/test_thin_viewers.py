# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Chromium behind a mobile line: what it shows is read from its pixels (`benchmarks.lab`)."""

import asyncio
import time
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from benchmarks.lab import watching
from benchmarks.lab.link import Terms
from benchmarks.lab.network import ROOM_ADDRESS
from benchmarks.lab.watching import Strip
from gateway.model.media import Codec
from gateway.relay.video.process import MediaOptions, Source, open_media
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from tests.peers.net_lab import net_lab
from tests.whep_parts import CELL_PX, COMMAND, HEIGHT_PX, PatternCamera, encode, grant, until

pytestmark = pytest.mark.peer
LOOP = 256
LOSSY = Terms(delay_ms=30, loss=0.02)
THIN = Terms(delay_ms=20, rate_kbps=4000)
ENOUGH_S = 60.0


def pattern_number(value):
    """Blocks of `tests.whep_parts.luma` from left to right, the least first."""
    return int(f"{value:08b}"[::-1], 2)


PATTERN = Strip((0.0, 0.0, 1.0, CELL_PX / HEIGHT_PX), 8, pattern_number, LOOP)


class TwoStreams(PatternCamera):
    """The same pictures as a large and a small stream; it remembers when each was taken."""

    def __init__(self, coded):
        super().__init__(coded)
        self.small = Source("piazza/sub", Codec.H264, Fanout())
        self.taken_s = {}

    def publish(self):
        self.taken_s[self.published % LOOP] = time.time()
        super().publish()
        self.small.fanout.publish(self.fanout.kept()[-1])

    def age(self, number, seen_s):
        return self.taken_s.get(number, seen_s)


@asynccontextmanager
async def far_browser(program, coded, terms):
    """A media process in a room and a browser in a house; yields screen, media, camera, carrier."""
    options = MediaOptions((ROOM_ADDRESS, 0), (ROOM_ADDRESS,), COMMAND)
    camera = TwoStreams(coded)
    with net_lab() as town:
        house = town.house("viewer", terms)
        house.carrier.change(terms)
        with town.room.inside():
            opening = open_media(options, clock=SystemClock(), on_end=lambda _: None)
            media = await opening.__aenter__()
        try:

            async def negotiate(name, offer):
                source = camera.small if name.startswith("small") else camera.source
                return (await media.open(grant(identifier=name), offer, source)).sdp

            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(camera.run()),
                    tasks.create_task(media.keep(lambda _: True)),
                ]
                with house.edge.inside():
                    launching = watching.screen(negotiate, PATTERN, program("chromium"))
                    screen = await launching.__aenter__()
                try:
                    yield screen, media, camera, house.carrier
                finally:
                    await launching.__aexit__(None, None, None)
                    for task in running:
                        task.cancel()
        finally:
            await opening.__aexit__(None, None, None)


async def until_shown(screen, name, count):
    """Watch until `count` pictures were shown; return them and the browser's statistics."""
    shown = []
    async with asyncio.timeout(ENOUGH_S):
        while True:
            new, told = await screen.seen(name)
            shown += new
            if len(shown) >= count:
                return shown, told
            await asyncio.sleep(watching.LOOK_EVERY_S)


async def young(screen, name, camera, young_s):
    """Watch until a picture is younger than `young_s` on the screen."""
    async with asyncio.timeout(ENOUGH_S):
        while True:
            shown, _ = await screen.seen(name)
            if any(age < young_s for _, age in watching.ages_s(shown, camera.age)):
                return
            await asyncio.sleep(watching.LOOK_EVERY_S)


async def test_lost_packets_and_a_thin_line(program):
    """At 2 % loss and 60 ms pictures go on in order; a thin line gets small ones first.

    The switch to the large stream keeps the picture live, with no other SDP and no flood.
    """
    async with far_browser(program, encode(), LOSSY) as (screen, media, camera, carrier):
        await screen.watch("lossy")
        shown, told = await until_shown(screen, "lossy", 120)
        print(f"2 % lost, 60 ms: {watching.smoothness(shown)}, {told}")
        steps = [(b.number - a.number) % LOOP for a, b in pairwise(shown)]
        assert all(step < LOOP / 2 for step in steps)  # never back
        await until(lambda: media.sessions()[0].state.repeated > 0)
        await until(lambda: media.sessions()[0].state.round_trip_s is not None)
        assert media.sessions()[0].state.round_trip_s >= 0.06
        (lossy,) = media.sessions()
        media.close(lossy.session, "viewer-left")
        await screen.close("lossy")
        await until(lambda: not media.sessions())

        carrier.change(THIN)
        before = carrier.figures()
        asked_s = time.monotonic()
        await screen.watch("small")
        (look,) = media.sessions()
        assert media.switch(look.session, camera.source)
        await young(screen, "small", camera, young_s=2.0)
        print(f"4 Mbit/s: young after {time.monotonic() - asked_s:.2f} s")
        await until(lambda: media.sessions()[0].state.stream == camera.source.name)
        await until_shown(screen, "small", 30)
        await young(screen, "small", camera, young_s=2.0)
        after = carrier.figures()
        assert after["back_dropped"] - before["back_dropped"] < 100
