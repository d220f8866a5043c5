# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A hold-up in a real browser: the shop's other cameras, live, with the seconds before beside."""

from dataclasses import replace

import pytest

from tests.ui.test_accessibility import ask, judge
from tests.ui.test_desk import shot
from tests.ui.town import PHARMACY

pytestmark = pytest.mark.peer

TILE = ".shop-tile"
HEADING = f"document.activeElement.closest('{TILE}')?.querySelector('h3')?.innerText ?? ''"
MOST_TABS = 40


def hold_up(town):
    """Raise a hold-up in the pharmacy, which gets two further cameras; return its id."""
    counter = town.registry.cameras[PHARMACY]
    also = [
        replace(counter, id="farmacia-2", name="Retro", channel=None),
        replace(counter, id="farmacia-3", name="Vetrina su Corso Italia, lato parcheggio"),
    ]
    cameras = {**town.registry.cameras, **{one.id: one for one in also}}
    town.registry = replace(town.registry, cameras=cameras)
    held = town.alarms.raise_one(severity=5, ago_s=12)
    also_ids = tuple(one.id for one in also)
    return town.alarms.change(held, rule="rapina", silent=True, also=also_ids).alarm.id


async def walked(page):
    """Go by Tab from the first tile on; return the tiles whose full-screen buttons it reaches."""
    await page.locator(f"{TILE} video[controls]").first.focus()
    found = []
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        at = await ask(page, "focus")
        assert at["ring"], at
        assert at["seen"], at
        name = await page.evaluate(HEADING)
        if at["tag"] == "BUTTON" and name:
            found.append(name)
        if at["tag"] == "BUTTON" and len(found) == 2:
            break
    return found


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
async def test_a_hold_up_opens_the_whole_shop_to_eyes_and_keys(window, town, width, height):
    """Both tiles live with their seconds before; Tab reaches them; a verdict leaves nothing."""
    held = hold_up(town)
    async with window(width, height) as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.goto(f"{screen.base}/#/allarmi/{held}")
        tiles = page.locator(TILE)
        await tiles.nth(1).locator(".player[data-state=live]").wait_for()
        await tiles.nth(1).locator("video[aria-label^='I 30 secondi']").wait_for()
        assert await tiles.count() == 2
        assert "Retro" in await tiles.first.inner_text()
        await judge(page)
        await shot(page, f"wall-{width}")
        await page.locator(".shop-wall").scroll_into_view_if_needed()
        await shot(page, f"wall-tiles-{width}")
        assert await walked(page) == ["Retro", "Vetrina su Corso Italia, lato parcheggio"]
        await page.locator(".verdict button").first.click()
        await page.locator(".dark-note:not([hidden])").wait_for()
        await page.locator(".shop-wall").wait_for(state="hidden")
        assert await page.locator(".shop-wall video").count() == 0
        await judge(page)
