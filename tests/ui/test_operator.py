# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What an operator does in a night, in a real browser."""

import asyncio

import pytest

from gateway.console.app import build_app
from gateway.console.listener import bind_tcp, serve
from gateway.model.alarm import AlarmVerdict
from tests.e2e.daemon import promised
from tests.ui.conftest import WAIT_MS, Screen
from tests.ui.town import PASSWORD, PHARMACY, SQUARE

pytestmark = pytest.mark.peer

CARD = ".card[aria-labelledby=camera-{}]"
BRIGHTNESS = """async (selector) => {
  const video = document.querySelector(selector);
  const canvas = new OffscreenCanvas(64, 36);
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 64, 36);
  const at = (x, y) => [...context.getImageData(x, y, 1, 1).data.slice(0, 3)];
  return { counter: at(14, 19), wall: at(60, 20), width: video.videoWidth };
}"""

PLAYABLE = """(video) => new Promise((done) => {
  if (video.readyState >= 2) done();
  else video.addEventListener("loadeddata", () => done(), { once: true });
})"""


async def until(condition, timeout_s=30.0):
    """Poll a condition."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)


async def test_sign_in_with_the_keyboard_alone(window):
    """The first field has the focus; Tab and Enter do the rest; the sign-in is said aloud."""
    async with window() as screen:
        page = screen.page
        await screen.open()
        await page.wait_for_selector("#user:focus")
        await page.keyboard.type("anna")
        await page.keyboard.press("Tab")
        await page.keyboard.type("sbagliata")
        await page.keyboard.press("Enter")
        problem = page.locator("#sign-in-problem")
        await page.wait_for_selector("#sign-in-problem:not(:empty)")
        assert "non validi" in await problem.inner_text()
        assert await problem.get_attribute("role") == "alert"
        await page.wait_for_selector("#password:focus")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("nav [aria-current=page]")
        assert await page.locator("main h1").inner_text() == "Allarmi"
        assert "ESERCITAZIONE" in await page.locator("#exercise").inner_text()


async def test_an_alarm_arrives_opens_and_goes_dark(window, town):
    """Live arrival, one click to before + live with real pixels, a verdict, then dark and why."""
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await until(lambda: town.alarms.subscriptions)
        record = town.alarms.raise_one(severity=4)
        row = page.locator(".alarm-row[data-state=aperto]")
        await row.wait_for()
        text = await row.inner_text()
        assert "Intrusione · Banco e ingresso" in text
        assert "grave" in text
        assert "ESERCITAZIONE" in text
        await page.locator("#urgent", has_text="Nuovo allarme").wait_for(state="attached")
        assert (await page.title()).startswith("(1)")
        await row.locator("a").click()
        await page.wait_for_selector(".player[data-state=live]")
        await page.locator(".pane video[controls]").evaluate(PLAYABLE)
        for video in (".player video", ".pane video[controls]"):
            seen = await page.evaluate(BRIGHTNESS, video)
            red, green, blue = seen["counter"]
            assert seen["width"] == 640
            assert red > green > blue > 20  # the wooden counter
            assert seen["wall"][2] > seen["wall"][0]  # the bluish wall
        await page.locator(".player .facts", has_text="immagine di 0,").wait_for()
        assert "prima immagine in" in await page.locator(".player .facts").inner_text()
        assert len(town.media.running) == 1
        await page.get_by_role("button", name="Falso").click()
        await page.wait_for_selector(".dark-note:not([hidden])")
        assert "allarme chiuso (falso allarme)" in await page.locator(".dark-note").inner_text()
        assert await page.locator(".panes").is_hidden()
        assert await page.locator(".pane video[controls]").count() == 0
        await until(lambda: town.media.ended)
        assert town.media.ended[0][1] == "alarm-closed"
        assert town.alarms.records[record.alarm.id].closed_by == "anna"


async def test_another_room_closing_the_alarm_darkens_this_screen(window, town):
    """A verdict given elsewhere darkens an open view within two seconds."""
    record = town.alarms.raise_one()
    async with window() as screen:
        await screen.sign_in("anna")
        await screen.page.click(".alarm-row a")
        await screen.page.wait_for_selector(".player[data-state=live]")
        await town.alarms.close(record.alarm.id, "altro", AlarmVerdict.CONFIRMED)
        await screen.page.wait_for_selector(
            ".dark-note:not([hidden])", timeout=promised(2.0) * 1000
        )


async def test_a_refused_camera_says_why_in_place_and_an_open_one_plays(window, town):
    """The dialogue asks purpose and case once per shift; a refusal stays on its card."""
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.click("nav a[href='#/telecamere']")
        pharmacy = page.locator(CARD.format(PHARMACY))
        await pharmacy.get_by_role("button", name="Guarda Banco e ingresso").click()
        dialog = page.get_by_role("dialog")
        await dialog.wait_for()
        await page.keyboard.press("Enter")
        assert await dialog.locator("[role=alert]").inner_text() == "Indicare il riferimento."
        await page.keyboard.type("OdS 7/2026")
        await page.keyboard.press("Enter")
        refusal = pharmacy.locator(".refusal")
        await refusal.wait_for()
        assert "solo durante un suo allarme" in await refusal.inner_text()
        assert await refusal.get_attribute("role") == "alert"
        assert town.media.running == {}
        square = page.locator(CARD.format(SQUARE))
        await square.get_by_role("button", name="Guarda").click()
        await square.locator(".player[data-state=live]").wait_for()
        assert await page.get_by_role("dialog").count() == 0
        grant = next(iter(town.media.running.values())).grant
        assert grant.request.case == "OdS 7/2026"
        await square.get_by_role("button", name="Chiudi").click()
        await until(lambda: not town.media.running)


async def test_a_cut_session_shows_its_reason(window, town):
    """When the gateway ends a session the player goes dark and says why."""
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.click("nav a[href='#/telecamere']")
        square = page.locator(CARD.format(SQUARE))
        await square.get_by_role("button", name="Guarda").click()
        await page.fill("#why-case", "1")
        await page.keyboard.press("Enter")
        await square.locator(".player[data-state=live]").wait_for()
        for session in list(town.media.running):
            await town.media.close(session, "act-expired")
        veil = square.locator(".player[data-state=dark] .veil")
        await veil.wait_for()
        assert "Buio: l’atto su cui si fonda la visione è scaduto." in await veil.inner_text()


async def test_a_lost_media_service_is_asked_again(window, town):
    """An interruption that is no decision heals by itself, with a new Grant."""
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.click("nav a[href='#/telecamere']")
        square = page.locator(CARD.format(SQUARE))
        await square.get_by_role("button", name="Guarda").click()
        await page.fill("#why-case", "1")
        await page.keyboard.press("Enter")
        await square.locator(".player[data-state=live]").wait_for()
        (first,) = town.media.running
        await town.media.close(first, "media-process-ended")
        await until(lambda: town.media.running and first not in town.media.running)
        await square.locator(".player[data-state=live]").wait_for()


async def test_the_alarm_line_comes_back_after_a_gap(browser, town):
    """A restarted gateway: the page says that the line is cut, then misses nothing."""
    bound = bind_tcp("127.0.0.1", 0)
    port = bound.getsockname()[1]
    page = await (await browser.new_context()).new_page()
    page.set_default_timeout(WAIT_MS)
    screen = Screen(page, f"http://127.0.0.1:{port}")
    async with asyncio.TaskGroup() as group:
        server = group.create_task(serve(build_app(town.services()), sockets=[bound]))
        await screen.sign_in("anna")
        await page.locator(".notice", has_text="Nessun allarme").wait_for()
        server.cancel()
        await page.locator(".line-note").wait_for()
        assert "Collegamento interrotto" in await page.locator(".line-note").inner_text()
        town.alarms.raise_one()
        again = bind_tcp("127.0.0.1", port)
        server = group.create_task(serve(build_app(town.services()), sockets=[again]))
        await page.locator(".alarm-row[data-state=aperto]").wait_for()
        await page.locator(".line-note").wait_for(state="detached")
        await page.locator("#urgent", has_text="Nuovo allarme").wait_for(state="attached")
        await page.context.close()
        server.cancel()


async def test_the_institute_gets_text_only(window, town):
    """A vigilance institute reads the alarm and is told that it comes without pictures."""
    town.alarms.raise_one()
    async with window() as screen:
        page = screen.page
        await screen.sign_in("ivo")
        assert await page.locator("nav a").count() == 1
        await page.click(".alarm-row a")
        await page.wait_for_selector(".dark-note:not([hidden])")
        assert "senza immagini" in await page.locator(".dark-note").inner_text()
        assert await page.locator("video").count() == 0
        assert await page.locator(".verdict button").count() == 0


async def test_the_ledger_page_reads_and_verifies(window, town):
    """An auditor chooses an aim, reads in words, verifies, and sees tampering named."""
    async with window() as screen:
        page = screen.page
        await screen.sign_in("aldo")
        assert await page.locator("nav a").all_inner_texts() == ["Registro"]
        await page.get_by_role("button", name="Consulta").click()
        assert "quattro finalità" in await page.locator("#aim-problem").inner_text()
        await page.select_option("#aim", "controllo-interno")
        await page.get_by_role("button", name="Consulta").click()
        row = page.locator("tbody tr").first
        await row.wait_for()
        assert "Registro consultato" in await row.inner_text()
        assert "Aldo Neri" in await row.inner_text()
        await page.get_by_role("button", name="Verifica").click()
        await page.wait_for_selector(".outcome-ok")
        town.ledger.tamper(0)
        await page.get_by_role("button", name="Verifica").click()
        await page.wait_for_selector(".outcome-bad")
        assert "Voce 0" in await page.locator(".verdict-line").inner_text()


async def test_an_ended_sign_in_returns_to_the_form(window, town):
    """When the gateway forgets the sign-in, the page asks for it again and shows nothing."""
    town.alarms.raise_one()
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.wait_for_selector(".alarm-row")
        await until(lambda: town.alarms.subscriptions)
        town.accounts.sessions.clear()
        town.alarms.raise_one()
        await page.wait_for_selector("#user")
        assert "L’accesso è terminato" in await page.locator("main").inner_text()
        assert await page.locator(".alarm-row").count() == 0


async def test_the_language_changes_and_stays(window):
    """English is one press away, marks the page and survives a reload."""
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        assert await page.get_attribute("html", "lang") == "it"
        await page.get_by_role("button", name="English").click()
        await page.wait_for_selector("html[lang=en]")
        assert await page.locator("main h1").inner_text() == "Alarms"
        await page.reload()
        await page.wait_for_selector("html[lang=en] nav")
        assert await page.get_by_role("button", name="Italiano").get_attribute("lang") == "it"


async def test_the_exercise_needs_no_typing(window, town):
    """One click signs in, one starts the scene, one opens the alarm that it raises."""
    async with window() as screen:
        page = screen.page
        await screen.open()
        await page.get_by_role("button", name="Entra come Anna Ricci").click()
        await page.get_by_role("button", name="Intruso in farmacia").click()
        await page.locator(".alarm-row[data-state=aperto] a").click()
        await page.wait_for_selector(".player[data-state=live]")
