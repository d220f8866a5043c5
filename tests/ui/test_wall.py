# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A wall in a real browser, before the product's own media process: every tile by its pixels."""

import asyncio
import os
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.ui.conftest import Screen
from tests.ui.test_accessibility import judge
from tests.ui.test_operator import until
from tests.ui.town import SQUARE
from tests.ui.wall_town import TURN, WALL, WallTown, colour, listening

pytestmark = pytest.mark.peer

SHOTS = os.environ.get("VARCO_SHOTS", "")
LIVE = ".tile[data-state=live]"
DOORS = """() => [...document.querySelectorAll(".tile")].map((tile) => {
  const video = tile.querySelector("video");
  if (!video.videoWidth || tile.dataset.state !== "live") return null;
  const canvas = new OffscreenCanvas(64, 36);
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 64, 36);
  return { door: [...context.getImageData(6, 12, 1, 1).data.slice(0, 3)], width: video.videoWidth };
})"""
SHOWN = """() => [...document.querySelectorAll(".tile")].map((tile) => ({
  name: tile.querySelector(".tile-name").textContent, state: tile.dataset.state }))"""
SERVERS = """() => document.querySelector(".tile").tile.wall.link.pc
  .getConfiguration().iceServers"""
KEPT = "localStorage.getItem('varco.wall.anna')"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def street():
    """Return a running town with nine cameras, and how to stop and start its server."""
    town = WallTown()
    sockets = [listening()]
    port = sockets[0].getsockname()[1]

    class Street:
        def __init__(self):
            self.town = town
            self.base = f"http://127.0.0.1:{port}"
            self._stack = AsyncExitStack()

        async def start(self):
            bound = sockets.pop() if sockets else listening(port)
            await self._stack.enter_async_context(town.running(bound))

        async def stop(self):
            await self._stack.aclose()

    made = Street()
    await made.start()
    yield made
    await made.stop()


@asynccontextmanager
async def opened(browser, street, *, tiles=9, cameras=WALL, width=1600, height=900):
    """A window with a wall of cameras, opened from what this browser kept; all are live."""
    street.town.revoked.clear()
    street.town.alarms.records.clear()
    context = await browser.new_context(viewport={"width": width, "height": height}, locale="it-IT")
    screen = Screen(await context.new_page(), street.base)
    await screen.sign_in("anna")
    await screen.page.evaluate(
        """([size, cameras]) => {
          const tiles = cameras.map((camera) => ({ camera, stream: "auto" }));
          localStorage.setItem("varco.wall.anna", JSON.stringify({ size, tiles }));
          const reasons = { purpose: "servizio", case: "OdS 7", user: "anna" };
          const until = Date.now() + 3600e3;
          sessionStorage.setItem("varco.shift", JSON.stringify({ ...reasons, until }));
        }""",
        [tiles, list(cameras)],
    )
    await screen.page.keyboard.press("p")
    await screen.page.locator(LIVE).nth(len(cameras) - 1).wait_for()
    yield screen
    await context.close()
    assert screen.errors == []
    await until(lambda: not street.town.media.walls())


async def shot(page, name):
    """Keep a picture of the page where somebody asks for it."""
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def is_near(found, camera):
    """Return whether a door has the colour of a camera, with the codec's loss."""
    return found is not None and all(
        abs(a - b) < 60 for a, b in zip(found["door"], colour(camera), strict=True)
    )


async def shows(page, cameras, bound_s=30):
    """Wait until each tile shows the pixels of its camera; None: it is not live."""
    async with asyncio.timeout(bound_s):
        while True:
            doors = await page.evaluate(DOORS)
            right = [
                found is None if camera is None else is_near(found, camera)
                for found, camera in zip(doors, cameras, strict=False)
            ]
            if len(doors) == len(cameras) and all(right):
                return doors
            await asyncio.sleep(0.1)


async def test_nine_pictures_a_revoked_one_and_a_server_that_restarts(browser, street):
    """Each tile its own camera; one goes dark and says why; all others come back by themselves."""
    town = street.town
    async with opened(browser, street) as screen:
        page = screen.page
        await shows(page, WALL)
        await until_widths(page, [256] * 9)
        assert len(town.media.walls()) == 1
        servers = await page.evaluate(SERVERS)
        assert [(one["urls"], one["username"]) for one in servers] == [([TURN], "1:a")]
        opens = [one.event for one in town.ledger.entries_now if one.event.event == "live.open"]
        assert {one.object_id for one in opens} >= set(WALL)
        assert {one.case_ref for one in opens} == {"OdS 7"}
        await shot(page, "parete")

        town.revoked.add(WALL[4])
        dark = page.locator(".tile[data-state=dark]")
        await dark.wait_for()
        assert "l’autorizzazione è stata revocata" in await dark.locator(".veil").inner_text()
        assert await dark.locator("video").evaluate("(video) => video.srcObject") is None
        others = [None if camera == WALL[4] else camera for camera in WALL]
        await shows(page, others)
        assert {camera for camera, _ in town.ends} == {WALL[4]}
        await page.locator(".wall-count", has_text="8 dal vivo su 9, 1 buia").wait_for()

        await street.stop()
        await page.locator(".tile[data-state=frozen]").nth(7).wait_for()
        town.revoked.clear()
        await street.start()
        await shows(page, others, 60)
        assert "Tornata da sola" in await page.locator(".tile").first.inner_text()
        await shot(page, "parete-tornata")
        await dark.get_by_role("button", name="Riprova").click()
        await shows(page, WALL)


async def test_a_wall_with_the_keyboard_alone(browser, street):
    """Pick by name, walk, enlarge, move, empty, pin: no mouse; the layout is kept."""
    async with opened(browser, street, tiles=4, cameras=WALL[:3]) as screen:
        page = screen.page
        press = page.keyboard.press
        assert (await page.evaluate(SHOWN))[3] == {"name": "Riquadro vuoto", "state": "empty"}
        await page.locator(".tile-box[tabindex='0']").focus()
        await press("ArrowRight")
        await press("ArrowDown")
        await press("Enter")
        await page.wait_for_selector("#wall-find:focus")
        await page.keyboard.type("mercato cop")
        await press("Enter")
        await shows(page, (*WALL[:3], WALL[8]))
        await press("Escape")

        await page.locator(".tile-box[tabindex='0']").focus()
        await press("Home")
        await press("Enter")  # larger, and only this one in the large stream
        assert await page.locator(".tile[data-large=true] .tile-name").inner_text() == (
            "Piazza, lato fontana"
        )
        await until_widths(page, [640, 256, 256, 256])
        await shot(page, "parete-grande")
        await press("Escape")
        await until_widths(page, [256, 256, 256, 256])

        await press("Alt+ArrowRight")
        await shows(page, (WALL[1], WALL[0], WALL[2], WALL[8]))
        assert await page.evaluate("document.activeElement.ariaLabel") == (
            "Riquadro 2: Piazza, lato fontana, dal vivo"
        )
        await press("Tab")
        await press("ArrowDown")  # the select: from auto to main
        await until_widths(page, [256, 640, 256, 256])
        await press("Shift+Tab")
        await press("ArrowDown")
        await press("Delete")
        await shows(page, (WALL[1], WALL[0], WALL[2], None))
        kept = await page.evaluate(f"JSON.parse({KEPT})")
        assert [one and (one["camera"], one["stream"]) for one in kept["tiles"][:4]] == [
            (WALL[1], "auto"), (WALL[0], "main"), (WALL[2], "auto"), None,
        ]  # fmt: skip
        await page.reload()
        await shows(page, (WALL[1], WALL[0], WALL[2], None))
        await press("?")
        await page.locator("dialog", has_text="sposta il riquadro").wait_for()


async def until_widths(page, widths):
    """Wait until the tiles show pictures of these widths."""
    async with asyncio.timeout(30):
        while [one and one["width"] for one in await page.evaluate(DOORS)] != widths:
            await asyncio.sleep(0.1)


async def test_an_alarm_frames_its_tile_and_one_key_opens_it(browser, street):
    """By words, a frame and a bell; the figures of each tile beside it; readable for everybody."""
    town = street.town
    async with opened(browser, street) as screen:
        page = screen.page
        await until(lambda: town.alarms.subscriptions)
        record = town.alarms.raise_one(WALL[3], severity=4)
        tile = page.locator(".tile[data-alarm=new]")
        await tile.wait_for()
        assert "Allarme: Intrusione" in await tile.inner_text()
        label = await tile.locator(".tile-box").get_attribute("aria-label")
        assert label.startswith("Allarme: Intrusione. Riquadro 4")
        assert await page.locator(".tile-alarm:visible").count() == 1
        await page.keyboard.press("t")
        figure = tile.locator("[data-figure=picture]", has_text="256 × 144")
        await figure.wait_for()
        for name in ("rtt", "loss", "jitter", "delay-here", "stream"):
            value = page.locator(f".tile [data-figure={name}]").first
            await value.filter(has_not_text="–").wait_for()
        assert await page.locator("[data-figure=stream]").first.inner_text() == "secondario"
        await shot(page, "parete-allarme")
        await judge(page)
        await page.keyboard.press("o")
        await page.wait_for_selector(".player[data-state=live]")
        assert page.url.endswith(f"#/allarmi/{record.alarm.id}")
        await until(lambda: not town.media.walls())
        await page.get_by_role("button", name="Dati tecnici").first.click()
        await page.locator(".player-figures", has_text="640 × 360").wait_for()


async def test_reasons_are_asked_for_once_and_a_narrow_wall_is_readable(browser, street):
    """One dialogue for four tiles; cancelled, each says what it waits for; dragged into a tile."""
    async with opened(browser, street, tiles=4, cameras=WALL[:1], width=1280, height=720) as screen:
        page = screen.page
        await page.evaluate("sessionStorage.removeItem('varco.shift')")
        await page.get_by_role("button", name="Telecamere", exact=True).click()
        item = page.locator(f".picks li[data-key='{WALL[6]}'] button")
        await item.drag_to(page.locator(".tile").nth(2))
        await page.wait_for_selector("#why-case:focus")
        await page.locator(f".picks li[data-key='{WALL[7]}'] button").evaluate("(b) => b.click()")
        assert await page.locator("dialog").count() == 1
        await page.keyboard.press("Escape")
        waiting = page.locator(".tile[data-state=waiting]")
        await waiting.nth(1).wait_for()
        assert "una volta per tutta la parete" in await waiting.first.inner_text()
        await shot(page, "parete-scopo")
        await judge(page)
        await waiting.first.get_by_role("button", name="Indica lo scopo").click()
        await page.fill("#why-case", "OdS 9")
        await page.keyboard.press("Enter")
        await shows(page, (WALL[0], WALL[7], WALL[6], None))
        await page.set_viewport_size({"width": 390, "height": 844})
        await judge(page)
        await shot(page, "parete-stretta")


async def test_a_cut_that_ends_brings_the_pictures_back_in_the_same_wall(browser, street):
    """Another ICE session first: the looks go on, and the ledger has no second entry."""
    town = street.town
    async with opened(browser, street, tiles=4, cameras=WALL[:4]) as screen:
        page = screen.page
        (wall,) = town.media.walls()
        patched, before = [], len(town.ledger.entries_now)
        page.on("request", lambda one: patched.append(one) if one.method == "PATCH" else None)
        town.wire.is_cut = True
        frozen = page.locator(".tile[data-state=frozen] .veil", has_text="Collegamento interrotto")
        await frozen.nth(3).wait_for()
        await until(lambda: patched)
        await shot(page, "parete-interrotta")
        town.wire.is_cut = False
        await page.locator(".tile .tile-mark", has_text="Tornata da sola").nth(3).wait_for()
        await shows(page, WALL[:4])
        await page.locator(LIVE).nth(3).wait_for()
        (after,) = town.media.walls()
        assert after.session == wall.session
        assert after.etag != wall.etag
        assert len(town.ledger.entries_now) == before
        assert SQUARE in {one.grant.camera for one in town.media.sessions()}
