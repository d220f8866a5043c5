# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The page *Interventi* in a real browser, with two rooms that talk to each other."""

import asyncio
import os
from pathlib import Path

import pytest

from gateway.model.access import Actor
from gateway.model.incident import Open
from gateway.model.registry import Role
from tests.ui.incident_town import QUESTURA, incidents_of
from tests.ui.test_accessibility import judge
from tests.ui.town import ROOM, SQUARE

pytestmark = pytest.mark.peer

SHOTS = os.environ.get("VARCO_SHOTS", "")


async def shot(page, name):
    """Keep a picture of the page where somebody asks for it."""
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


@pytest.fixture
async def desk(town, tmp_path):
    """Return real incidents for the town."""
    async with incidents_of(town, tmp_path) as made:
        yield made


@pytest.fixture
async def base(desk, base):
    """Serve the town once it has incidents."""
    return base


async def open_one(page, title="Furto in piazza"):
    """Open an incident by the page, with the keyboard alone."""
    await page.get_by_role("link", name="Interventi", exact=True).click()
    await page.wait_for_selector("h1:text-is('Interventi')")
    await page.wait_for_selector("button:has-text('Nuovo intervento'):not([disabled])")
    await page.get_by_role("button", name="Nuovo intervento").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_selector("dialog[open]")
    await page.keyboard.type(title)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Piazza del Mercato")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(f"h1:text-is('{title}')")


async def test_an_incident_from_opening_to_closing(window, desk):
    """Opened by keyboard, a camera attached and watched in one click, closed: dark."""
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await open_one(page)
        await page.get_by_role("button", name="Prendi in carico").click()
        await page.wait_for_selector(".alarm-tags .chip-ok")
        await page.get_by_role("button", name="Aggiungi telecamere").click()
        await page.wait_for_selector("dialog[open]")
        await page.get_by_label("Piazza, lato fontana").check()
        await judge(page)
        await shot(page, "attach")
        await page.get_by_role("button", name="Collega", exact=True).click()
        watch = page.get_by_role("button", name="Guarda Piazza, lato fontana")
        await watch.click()
        await page.wait_for_selector(".player[data-state=live]")
        await judge(page)
        await shot(page, "live")
        await page.get_by_role("button", name="Chiudi", exact=True).click()
        await page.wait_for_selector("dialog[open]")
        await shot(page, "close")
        await page.get_by_role("button", name="Chiudi l’intervento").click()
        await page.wait_for_selector(".dark-note:not([hidden])")
        await page.wait_for_function("!document.querySelector('.player')")
        assert "risolto" in await page.locator(".dark-note").inner_text()
        assert await page.get_by_role("button", name="Aggiungi telecamere").is_hidden()
        await page.get_by_role("link", name="Tutti gli interventi").click()
        await page.wait_for_selector(".alarms-done .alarm-row")
        await judge(page)


async def test_two_rooms_talk_about_an_incident(window, desk):
    """Shared in one window, it appears in the other; messages arrive and are seen to be read."""
    async with window() as here, window() as there:
        await here.sign_in("anna")
        await there.sign_in("pino")
        page, other = here.page, there.page
        await open_one(page)
        await page.get_by_role("button", name="Aggiungi telecamere").click()
        await page.get_by_label("Piazza, lato fontana").check()
        await page.get_by_label("Piazza, lato portici").check()
        await page.get_by_role("button", name="Collega", exact=True).click()
        await page.wait_for_selector(".incident-camera")
        await page.get_by_role("button", name="Condividi").click()
        await page.get_by_label("Sala", exact=True).select_option(QUESTURA)
        await page.get_by_role("dialog").get_by_role("button", name="Condividi").click()
        await other.wait_for_selector(".toast:has-text('ha condiviso un intervento')")
        await shot(other, "toast")
        await other.locator(".toast a").click()
        await other.wait_for_selector("h1:text-is('Furto in piazza')")
        cards = await other.locator(".incident-main .card h3").all_inner_texts()
        assert cards == ["Piazza, lato fontana"]
        assert "portici" not in await other.locator("main").inner_text()
        await page.fill(
            "#incident-text", "Due giovani in fuga verso via Roma, uno con casco rosso."
        )
        await page.get_by_role("button", name="Invia").click()
        await other.wait_for_selector(".talk-other:has-text('casco rosso')")
        await page.wait_for_selector(".talk-receipts:has-text('letto alle')")
        await other.fill("#incident-text", "Ricevuto: volante in arrivo.")
        await other.get_by_role("button", name="Invia").click()
        await page.wait_for_selector(".talk-other:has-text('volante')")
        assert "Pino" not in await page.locator("main").inner_text()
        await judge(page)
        await shot(page, "talk")
        await shot(other, "talk-questura")
        await page.get_by_role("button", name="Passa a…").click()
        await page.get_by_role("button", name="Passa l’intervento").click()
        await other.wait_for_selector("button:has-text('Prendi in carico')")
        await shot(other, "handed-over")


async def test_an_alarm_becomes_an_incident(window, town, desk):
    """One button on the alarm's page: title, place, camera and alarm are filled in."""
    town.alarms.raise_one(severity=4)
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.click(".alarm-row a")
        await page.wait_for_selector(".alarm-incident")
        await shot(page, "alarm")
        await page.get_by_role("button", name="Collega a un intervento").click()
        await page.wait_for_selector("dialog[open]")
        assert "Banco e ingresso" in await page.input_value("[name=title]")
        await page.get_by_role("button", name="Apri l’intervento").click()
        await page.wait_for_selector(".incident-alarms li")
        await page.wait_for_selector(".incident-camera")
        await page.get_by_role("button", name="Aggiungi telecamere").click()
        first = page.locator(".attach-list li").first
        assert "guarda in questa direzione" in await first.inner_text()
        await page.keyboard.press("Escape")
        await page.get_by_role("link", name="Interventi", exact=True).click()
        await page.wait_for_selector(".incidents .alarm-row")
        await shot(page, "list")


async def test_a_narrow_window_and_english(window, desk):
    """Nothing is cut off at 390 pixels, and nothing stays Italian."""
    async with window(width=390, height=844) as screen:
        page = screen.page
        await screen.sign_in("anna")
        await open_one(page)
        await page.fill("#incident-text", "x" * 900)
        assert await page.locator("#incident-left").inner_text() == "100 caratteri rimasti"
        await judge(page)
        await shot(page, "narrow")
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
        await page.get_by_role("button", name="English").click()
        await page.wait_for_selector("h2:text-is('Cameras')")
        text = await page.locator("main").inner_text()
        assert "Telecamere" not in text
        assert "incident." not in text
        assert "change." not in text
        assert SQUARE not in text


async def place_of(mark):
    """Return where a mark stands; the map may be drawn anew while it is asked."""
    async with asyncio.timeout(30):
        while (place := await mark.bounding_box()) is None:
            pass
    return place


async def test_incidents_that_go_on_stand_on_a_map(window, desk):
    """Each where it is, by its words and its priority; two in one place do not hide each other."""
    by = Actor("anna", "Anna Ricci", Role.PL_OPERATOR, ROOM, "s", "password")
    first = await desk.open(Open("Furto in piazza", "reato", 4, 44.0361, 10.1394), by=by)
    await desk.open(Open("Persona a terra", "reato", 2, 44.0361, 10.1394), by=by)
    await desk.open(Open("Segnalazione generica", "reato", 1), by=by)
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.get_by_role("link", name="Interventi", exact=True).click()
        await page.wait_for_selector(".town-map .map-incident")
        marks = page.locator(".town-map a.map-incident")
        assert await marks.count() == 2
        one, two = [await place_of(marks.nth(at).locator("circle")) for at in range(2)]
        assert abs(one["x"] - two["x"]) + abs(one["y"] - two["y"]) > one["width"] / 2
        assert "Un intervento in corso non ha una posizione." in await page.content()
        await page.wait_for_selector(".map-camera")
        await judge(page)
        await shot(page, "map")
        await page.locator(".map-incident[aria-label^='Furto in piazza, priorità']").click()
        await page.wait_for_selector("h1:text-is('Furto in piazza')")
        assert page.url.endswith(f"#/interventi/{first.id}")
