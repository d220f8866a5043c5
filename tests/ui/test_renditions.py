# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which rendition of a camera the pages ask for: small where it is small, full in an incident."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.ui.test_operator import CARD, until
from tests.ui.town import SQUARE

pytestmark = pytest.mark.peer


def asked(page):
    """Return the list that every later offer's `stream` is added to."""
    streams = []

    def note(request):
        parts = urlsplit(request.url)
        if request.method == "POST" and parts.path.startswith("/whep/"):
            streams.extend(parse_qs(parts.query).get("stream", [""]))

    page.on("request", note)
    return streams


async def test_a_card_shows_the_small_picture_and_the_full_screen_the_whole(window, town):
    """Over to main while it fills the screen and back, without a dark moment between."""
    async with window() as screen:
        page = screen.page
        streams = asked(page)
        await screen.sign_in("anna")
        await page.click("nav a[href='#/telecamere']")
        square = page.locator(CARD.format(SQUARE))
        await square.get_by_role("button", name="Guarda").click()
        await page.fill("#why-case", "1")
        await page.keyboard.press("Enter")
        await square.locator(".player[data-state=live]").wait_for()
        assert streams == ["sub"]
        (small,) = town.media.running
        await page.evaluate(
            """(player) => {
              window.states = [];
              new MutationObserver(() => window.states.push(player.dataset.state))
                .observe(player, { attributes: true, attributeFilter: ["data-state"] });
            }""",
            await square.locator(".player").element_handle(),
        )
        await square.get_by_role("button", name="Schermo intero").click()
        await until(lambda: small not in town.media.running and len(town.media.running) == 1)
        assert streams == ["sub", "main"]
        assert town.media.ended == [(small, "viewer-left")]
        await page.keyboard.press("Escape")
        await page.evaluate("document.fullscreenElement && document.exitFullscreen()")
        await until(lambda: len(streams) == 3 and len(town.media.running) == 1)
        assert streams[-1] == "sub"
        assert {*await page.evaluate("window.states")} <= {"live"}


async def test_a_refused_full_screen_keeps_the_small_picture(window, town):
    """Whoever is refused the better picture keeps the one that is there."""
    async with window() as screen:
        page = screen.page
        streams = asked(page)
        await screen.sign_in("anna")
        await page.click("nav a[href='#/telecamere']")
        square = page.locator(CARD.format(SQUARE))
        await square.get_by_role("button", name="Guarda").click()
        await page.fill("#why-case", "1")
        await page.keyboard.press("Enter")
        await square.locator(".player[data-state=live]").wait_for()
        running = dict(town.media.running)
        await page.route("**/whep/**", lambda route: route.fulfill(status=503))
        await square.get_by_role("button", name="Schermo intero").click()
        await until(lambda: streams == ["sub", "main"])
        await page.unroute("**/whep/**")
        await square.locator(".player[data-state=live]").wait_for()
        assert town.media.running == running


async def test_an_incident_asks_for_the_whole_picture(window, town):
    """The alarm's own camera, and those beside it."""
    town.alarms.raise_one(severity=4)
    async with window() as screen:
        page = screen.page
        streams = asked(page)
        await screen.sign_in("anna")
        await page.click(".alarm-row a")
        await page.wait_for_selector(".player[data-state=live]")
        assert streams == ["main"]
        near = page.locator(".near-cameras .card").first
        await near.get_by_role("button", name="Guarda").click()
        await page.fill("#why-case", "4711")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".near-cameras .player[data-state=live]")
        assert streams == ["main", "main"]
