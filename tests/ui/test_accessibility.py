# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""WCAG 2.1 AA, as far as a machine can judge it (B-74)."""

from pathlib import Path

import pytest

from gateway.model.alarm import AlarmVerdict
from tests.ui.town import PHARMACY

pytestmark = pytest.mark.peer


JUDGE = (Path(__file__).parent / "judge.js").read_text()
SIZES = [(1366, 768), (390, 844)]


async def ask(page, question):
    """Return what one of the judge's functions says of the page."""
    return await page.evaluate(f"{JUDGE.strip()}.{question}()")


async def judge(page):
    """Assert contrast, names, labels, references, headings, width and target size."""
    found = await ask(page, "contrast")
    assert found["count"] > 5
    assert found["bad"] == []
    assert await ask(page, "names") == []
    assert await ask(page, "targets") == []


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_every_view_passes_the_automated_checks(window, town, width, height):
    """Sign-in, alarms, one alarm open and closed, cameras, dialogue, refusal, ledger."""
    old = town.alarms.raise_one("piazza-1", severity=1, ago_s=500)
    await town.alarms.close(old.alarm.id, "anna", AlarmVerdict.FALSE)
    town.alarms.raise_one(severity=5)
    async with window(width, height) as screen:
        page = screen.page
        await screen.open()
        await page.wait_for_selector("#user")
        await judge(page)
        await screen.sign_in("anna")
        await page.wait_for_selector(".alarm-row[data-state=chiuso]")
        await judge(page)
        await page.click(".alarm-row[data-state=aperto] a")
        await page.wait_for_selector(".player[data-state=live]")
        await judge(page)
        await page.click(".verdict-buttons button")
        await page.wait_for_selector(".dark-note:not([hidden])")
        await judge(page)
        await page.click("nav a[href='#/telecamere']")
        await page.wait_for_selector(".card")
        await judge(page)
        await page.click(f".card[aria-labelledby=camera-{PHARMACY}] .primary")
        await page.fill("#why-case", "1")
        await judge(page)
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".refusal:not([hidden])")
        await judge(page)
    async with window(width, height) as screen:
        page = screen.page
        await screen.sign_in("dora")
        await page.select_option("#aim", "verifica-liceita")
        await page.click(".ask button")
        await page.wait_for_selector("tbody tr")
        await page.click(".head-row .primary")
        await page.wait_for_selector(".outcome")
        await judge(page)


async def test_tab_reaches_everything_in_reading_order_with_a_visible_ring(window, town):
    """From the skip link through header and list: always a ring, always on the screen."""
    town.alarms.raise_one()
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.wait_for_selector(".alarm-row")
        first = "document.querySelector('a[href], button, input')"
        assert await page.evaluate(f"{first}.id") == "skip"
        await page.evaluate(f"{first}.focus()")
        await page.keyboard.press("Shift")
        seen = []
        for number in range(14):
            if number:
                await page.keyboard.press("Tab")
            at = await ask(page, "focus")
            assert at["ring"], at
            assert at["seen"], at
            seen.append(at["name"].split("\n")[0].strip())
        order = [
            "Vai al contenuto",
            "Intruso in farmacia",
            "Borgo Apuano",
            "Allarmi",
            "Telecamere",
            "Impianti",
            "Anna Ricci",
            "Suono attivo",
            "English",
            "Esci",
            "Apri allarme",
        ]
        positions = [
            next(i for i, name in enumerate(seen) if name.startswith(one)) for one in order
        ]
        assert positions == sorted(positions)


async def test_the_skip_link_goes_to_the_content(window):
    """One key past the header."""
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.focus("#skip")
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"


async def test_the_dialogue_keeps_the_focus_and_gives_it_back(window):
    """Tab stays inside, Escape closes, the focus returns to the button."""
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.click("nav a[href='#/telecamere']")
        button = page.locator(".card .primary").first
        await button.focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#why-case:focus")
        for _ in range(12):
            await page.keyboard.press("Tab")
            inside = await page.evaluate(
                "() => document.activeElement === document.body"
                " || !!document.activeElement.closest('dialog')"
            )
            assert inside
        await page.keyboard.press("Escape")
        await page.wait_for_selector("dialog", state="detached")
        assert await button.evaluate("element => element === document.activeElement")


async def test_reduced_motion_stops_every_animation(window, town):
    """Who asked the system for less motion gets none."""
    async with window(reduced_motion="reduce") as screen:
        page = screen.page
        await screen.sign_in("anna")
        town.alarms.raise_one()
        await page.wait_for_selector(".alarm-row")
        names = await page.evaluate(
            "[...document.querySelectorAll('*')].map(e => getComputedStyle(e).animationName)"
        )
        assert set(names) == {"none"}
