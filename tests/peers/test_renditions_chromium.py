# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Chromium shows masked cameras, and H.265 that it cannot play, coded anew: its pixels tell."""

import asyncio
import base64
import os
import signal
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest
from playwright.async_api import async_playwright

from gateway.codec.pool import PoolOptions, open_pool
from gateway.model.media import Codec, StreamKind, StreamState, StreamStatus
from gateway.model.registry import Mask
from gateway.relay.video.process import MediaOptions, Source, open_media
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from tests.chromium import PEER_FLAGS
from tests.footage import scene
from tests.peers.test_whep_chromium import PAGE
from tests.unit.access.town import registry
from tests.unit.assembly.exits import exits_of, until
from tests.whep_parts import COMMAND, grant

pytestmark = pytest.mark.peer
SIZE = (320, 240)
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
BLACK = 24
"""A limited-range 16 in the green channel, with the codec's loss."""


class Camera:
    """Publishes a scene with a walking visitor again and again, 25 pictures a second."""

    def __init__(self, codec):
        self.fan = Fanout()
        self._units = scene(75, gop=25, visits=range(75), size=SIZE, codec=codec)

    def fanout(self, _kind):
        return self.fan

    def rendition(self, _kind):
        return StreamKind.MAIN

    def status(self, _kind=None):
        return StreamStatus(StreamState.LIVE)

    async def run(self):
        loop, clock, count = asyncio.get_running_loop(), SystemClock(), 0
        due = loop.time()
        while True:
            now, unit = clock.now(), self._units[count % len(self._units)]
            self.fan.publish(replace(unit, pts_90k=3600 * count, captured=now, received=now))
            count, due = count + 1, due + 0.04
            await asyncio.sleep(max(0, due - loop.time()))


class Scene:
    """Cameras, exits with real children, and a media process."""

    def __init__(self, media, pool):
        self.media, self.pool = media, pool
        self.cameras = {"banco": Camera(Codec.H264), "piazza": Camera(Codec.H265)}
        self.registry = replace(registry(), masks={})
        self.exits = exits_of(self.cameras.get, lambda: self.registry, SystemClock(), pool)
        self.exits.on_cut = media.cut
        self.offered, self.picks = [], []

    def mask(self):
        """Cover the right half of the counter."""
        masks = {"m": Mask("m", "banco", RIGHT, reason="")}
        self.registry = replace(self.registry, version=self.registry.version + 1, masks=masks)
        self.exits.follow()

    async def open(self, camera, offer):
        """Answer as `Viewing` does."""
        codecs = self.media.offered(offer)
        look = grant(camera, identifier=f"g{len(self.picks)}")
        what = self.exits.choose(camera, StreamKind.MAIN, codecs, look)
        self.offered.append(codecs)
        self.picks.append(what)
        async with self.exits.use(camera, what, look) as fanout:
            source = Source(what.stream(camera), what.codec, fanout)
            return await self.media.open(look, offer, source)


@asynccontextmanager
async def playing():
    """A scene that runs."""
    clock = SystemClock()
    media_options = MediaOptions(("127.0.0.1", 0), ("127.0.0.1",), COMMAND)
    pool_options = PoolOptions(spares=0, coders=2)
    async with (
        open_pool(0, clock=clock, options=pool_options) as pool,
        open_media(media_options, clock=clock, on_end=lambda _: None) as media,
        asyncio.TaskGroup() as tasks,
    ):
        here = Scene(media, pool)
        running = [
            tasks.create_task(work)
            for work in (
                *(camera.run() for camera in here.cameras.values()),
                media.keep(lambda _: True),
                here.exits.keep(),
            )
        ]
        try:
            yield here
        finally:
            for task in running:
                task.cancel()


def answering(here, camera):
    """Return what answers a page's POST /whep for a camera."""

    async def whep_request(route):
        answer = await here.open(camera, route.request.post_data)
        await route.fulfill(status=201, content_type="application/sdp", body=answer.sdp)

    return whep_request


@asynccontextmanager
async def viewers(program, here, *cameras):
    """A page for each, playing."""

    async def page_request(route):
        await route.fulfill(content_type="text/html", body=PAGE)

    async with async_playwright() as playwright:
        path = program("chromium")
        browser = await playwright.chromium.launch(executable_path=path, args=PEER_FLAGS)
        try:
            pages = []
            for camera in cameras:
                page = await (await browser.new_context()).new_page()
                await page.route("https://varco.test/", page_request)
                await page.route("https://varco.test/whep", answering(here, camera))
                await page.goto("https://varco.test/")
                await page.evaluate("play(false)")
                pages.append(page)
            yield pages
        finally:
            await browser.close()


async def picture(page):
    """Return what the page shows now, the green channel, shape (240, 320)."""
    async with asyncio.timeout(60):
        while (text := await page.evaluate("picture()")) is None:
            await asyncio.sleep(0.05)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(SIZE[1], SIZE[0]).astype(int)


async def moves(page, bound_s=60):
    """Return a picture of which the part that nobody masks has changed since the one before."""
    first = await picture(page)
    async with asyncio.timeout(bound_s):
        while True:
            await asyncio.sleep(0.05)
            now = await picture(page)
            if (np.abs(now - first)[:, :150] > 60).sum() > 300:
                return now


def hidden(shown):
    """Return whether the right half is black and flat, as whoever masks it promised."""
    return shown[:, 162:].max() < BLACK and shown[:, 162:].std() < 2


async def test_masks_and_h265_in_a_browser(program, capsys):
    """A mask that comes while somebody looks; H.265 coded once for two; a child that is killed."""
    async with playing() as here, viewers(program, here, "banco", "piazza", "piazza") as pages:
        counter, square, other = pages
        assert not hidden(await moves(counter))
        here.mask()
        async with asyncio.timeout(60):
            while not hidden(await picture(counter)):
                await asyncio.sleep(0.05)
        for _ in range(3):
            assert hidden(await moves(counter))
        assert Codec.H265 not in here.offered[1]
        assert [one.flags for one in here.picks] == [(), ("transcoded",), ("transcoded",)]
        for page in (square, other):
            assert (await moves(page))[:, 162:].mean() > 2 * BLACK
        assert here.pool.statistics().taken == 2  # one for the mask, one for both of the square
        (coding,) = (
            one.coding for one in here.exits._exits.values() if one.stream == "piazza/h264"
        )
        killed = coding.child.pid
        os.kill(killed, signal.SIGKILL)
        await until(lambda: coding.child.pid not in {None, killed}, 60)
        await moves(square)
        await moves(other)
        assert len(here.media.sessions()) == 3
