# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Debian's Chromium before a real console server with real pictures."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Error, async_playwright

from gateway.console.app import build_app
from gateway.console.listener import bind_tcp, serve
from tests.chromium import FLAGS, NETWORK_CHANGED
from tests.ui.live import AiortcMedia, clip
from tests.ui.town import PASSWORD, Exercise, Town

WAIT_MS = 60_000


@pytest.fixture(scope="session")
def mp4():
    """Return the clip of the seconds before, made once."""
    return clip()


@pytest.fixture
async def town(mp4):
    """Return a town with moving pictures."""
    made = Town(media=AiortcMedia())
    made.clips.mp4 = mp4
    yield made
    await made.media.close_all()


@pytest.fixture
async def base(town):
    """Return the address of the console, with an exercise."""
    town.exercise = Exercise(town)
    bound = bind_tcp("127.0.0.1", 0)
    async with asyncio.TaskGroup() as group:
        server = group.create_task(serve(build_app(town.services()), sockets=[bound]))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        server.cancel()


@pytest.fixture
def _function_scoped_runner(_session_scoped_runner):
    """Let all tests here run in one event loop, that of the browser, which starts but once."""
    return _session_scoped_runner


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(program):
    """Return a function that returns Chromium, started anew where it has died."""
    path, running = program("chromium"), []
    async with async_playwright() as playwright:

        async def alive():
            if not running or not running[-1].is_connected():
                running.append(await playwright.chromium.launch(executable_path=path, args=FLAGS))
            return running[-1]

        yield alive
        for one in running:
            await one.close()


@pytest.fixture
async def browser(chromium):
    """Return Chromium; what a test leaves open in it is closed."""
    shared = await chromium()
    yield shared
    for context in shared.contexts:
        await context.close()


class Screen:
    """One browser window, and what went wrong in it."""

    def __init__(self, page, base):
        self.page = page
        self.base = base
        self.errors = []
        self._lost = asyncio.Event()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._listen)
        page.on("requestfailed", self._note_lost)

    def _listen(self, message):
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            self.errors.append(message.text)

    def _note_lost(self, request):
        if request.failure == NETWORK_CHANGED:
            self._lost.set()

    async def open(self, fragment=""):
        """Load the console, anew where the network changed meanwhile."""
        going = self.page.goto
        while not await self._loads(going, f"{self.base}/{fragment}"):
            self.errors.clear()  # of a page that was not there whole
            going = self._again

    async def _again(self, url):
        await self.page.goto("about:blank")  # else another fragment would load nothing
        await self.page.goto(url)

    async def _loads(self, going, url):
        self._lost.clear()
        try:
            await going(url)
        except Error as error:
            if NETWORK_CHANGED not in error.message:
                raise
            return False
        return not self._lost.is_set()

    async def sign_in(self, user):
        """Sign in by the form and wait for the first view."""
        await self.open()
        while not await self._has_form():
            await self.open()
        await self.page.fill("#user", user)
        await self.page.fill("#password", PASSWORD)
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_selector("nav")

    async def _has_form(self):
        """Wait for the form; return False if what it asks first is lost."""
        waits = [
            asyncio.ensure_future(one)
            for one in (self.page.wait_for_selector("#user"), self._lost.wait())
        ]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        waits[1].cancel()
        if not waits[0].done():
            waits[0].cancel()
            return False
        await waits[0]
        return True


@pytest.fixture
def window(browser, base):
    """Return a maker of windows; each asserts at its end that nothing broke."""

    @asynccontextmanager
    async def make(width=1366, height=768, **options):
        context = await browser.new_context(
            viewport={"width": width, "height": height}, locale="it-IT", **options
        )
        screen = Screen(await context.new_page(), base)
        yield screen
        await context.close()
        assert screen.errors == []

    return make
