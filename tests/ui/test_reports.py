# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The page *Segnalazioni* in a real browser: a patrol's phone, and the rooms that hear of it."""

import os
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gateway.model.access import Actor
from gateway.model.registry import ReportRoute, Role
from gateway.model.report import ReportDraft, ReportWords
from tests.ui.report_town import INSIDE, reports_of
from tests.ui.test_accessibility import judge
from tests.ui.town import INSTITUTE, PASSWORD, ROOM

pytestmark = pytest.mark.peer

SHOTS = os.environ.get("VARCO_SHOTS", "")
PHONE = {
    "width": 390,
    "height": 844,
    "geolocation": {"latitude": INSIDE[0], "longitude": INSIDE[1], "accuracy": 12},
    "permissions": ["geolocation"],
}
EAR = """async () => {
  const { bell } = await import("/static/sound.js");
  const made = bell.source.bind(bell);
  bell.heard = [];
  bell.source = (level, to) => { bell.heard.push(level); return made(level, to); };
}"""
READY = "async () => (await import('/static/sound.js')).bell.status().state === 'ready'"
HEARD = "async () => (await import('/static/sound.js')).bell.heard"
RECEIPT = re.compile(r"^IN-\d{4}-\d{6}$")


async def shot(page, name):
    """Keep a picture of the page where somebody asks for it."""
    if SHOTS:
        await page.evaluate("scrollTo(0, 0)")
        await page.wait_for_timeout(400)
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


@pytest.fixture
async def desk(town, tmp_path):
    """Return real reports for the town."""
    async with reports_of(town, tmp_path / "reports.db") as (made, _):
        yield made


@pytest.fixture
async def base(desk, base):
    """Serve the town once it has reports."""
    return base


async def begin(screen, user="ivo"):
    """Sign in and open the page."""
    await screen.sign_in(user)
    await screen.page.click("nav a[href='#/segnalazioni']")
    await screen.page.wait_for_selector("h1:text-is('Segnalazioni')")


async def fits(page):
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_patrol_reports_and_the_room_answers(window):
    """A tap, a word, the button: numbered; the room takes and answers it by keyboard alone."""
    async with window(**PHONE) as phone, window() as room:
        page, desk = phone.page, room.page
        async with desk.expect_response("**/api/alarms"):  # its line stands
            await room.sign_in("pino")
        await desk.wait_for_function(READY)
        await desk.evaluate(EAR)
        await begin(phone)
        await page.wait_for_selector(".report-tile")
        await judge(page)
        await fits(page)
        await shot(page, "reports-phone-empty")
        await page.get_by_label("Persone o veicoli sospetti").check()
        await page.wait_for_selector(".report-where:has-text('±12 m')")
        await page.fill("#report-text", "Furgone bianco fermo a fari spenti davanti alla banca.")
        await page.get_by_label("C’è pericolo adesso").check()
        assert await page.locator(".report-form a[href='tel:112']").is_visible()
        await judge(page)
        await shot(page, "reports-phone-filled")
        await page.get_by_role("button", name="Invia la segnalazione").click()
        await page.wait_for_selector(".report-receipt")
        number = await page.locator(".report-receipt").inner_text()
        assert RECEIPT.match(number)
        await judge(page)
        await fits(page)
        await shot(page, "reports-phone-sent")
        await desk.wait_for_selector(f".toast:has-text('{number}')")
        assert await desk.evaluate(HEARD) == [3]  # once: a report is no alarm
        await desk.wait_for_selector("nav a[href='#/segnalazioni'] .badge")
        await desk.locator(".toast a").focus()
        await desk.keyboard.press("Enter")
        row = desk.locator(f".report-row[data-number='{number}']")
        await row.wait_for()
        assert "Centrale operativa, tel." in await row.inner_text()
        await judge(desk)
        await shot(desk, "reports-room")
        await desk.get_by_role("button", name=f"Prendi in carico: {number}").focus()
        await desk.keyboard.press("Enter")
        await desk.wait_for_selector(".report-row .chip-ok")
        await desk.get_by_role("button", name=f"Rispondi: {number}").focus()
        await desk.keyboard.press("Enter")
        await desk.wait_for_selector("dialog[open]")
        await desk.keyboard.type("Volante in arrivo, restare a distanza.")
        await shot(desk, "reports-room-answer")
        await desk.get_by_role("button", name="Invia la risposta").focus()
        await desk.keyboard.press("Enter")
        await desk.wait_for_selector(".report-row:has-text('OUT-')")
        await desk.get_by_role("button", name="English").click()
        await desk.wait_for_selector("h1:text-is('Reports')")
        await desk.wait_for_selector(".report-row")
        words = await desk.locator("main").inner_text()
        assert "reports." not in words
        assert "Rispondi" not in words
        answer = page.locator(".report-row", has_text="Volante in arrivo")
        await answer.wait_for()
        await page.get_by_role("button", name=re.compile("Ho letto")).click()
        await page.wait_for_selector(".report-row:has-text('Letta alle')")
        assert "Pino" not in await page.locator("main").inner_text()
        await shot(page, "reports-phone-answer")


async def test_a_report_survives_a_lost_network(window, desk, town):
    """Pressed without a network, reloaded, sent when it is back: once, with one number."""
    async with window(**PHONE) as phone:
        await begin(phone)
        page = phone.page
        await page.wait_for_selector(".report-tile")
        await page.route("**/api/reports", lambda route: route.abort())
        await page.get_by_label("Ostacolo sulla strada").check()
        await page.wait_for_selector(".report-where:has-text('±12 m')")
        await page.get_by_role("button", name="Invia la segnalazione").click()
        await page.wait_for_selector(".report-wait:has-text('1 segnalazione')")
        await judge(page)
        await shot(page, "reports-phone-waiting")
        await page.reload()
        await page.wait_for_selector(".report-wait:has-text('1 segnalazione')")
        await page.unroute("**/api/reports")
        await page.evaluate("dispatchEvent(new Event('online'))")
        await page.wait_for_selector(".report-receipt")
        assert await page.evaluate("localStorage.getItem('varco.reports.ivo')") is None
        town.registry = replace(
            town.registry,
            institutes={
                "apuania": replace(
                    town.registry.institutes["apuania"], listed_until=date(2020, 2, 1)
                )
            },
        )
        await page.reload()
        await page.wait_for_selector(".banner-bad:has-text('non è più nell’elenco')")
        assert await page.locator(".report-form").count() == 0
        await judge(page)
        await shot(page, "reports-phone-barred")
    actor = (await town.accounts.sign_in("ivo", PASSWORD, "")).actor
    (only,) = await desk.listed(actor)
    assert only.institute == INSTITUTE


async def test_a_room_reads_who_has_a_report_and_cannot_end_it_for_them(window, desk, town):
    """Its buttons go when another room takes it, also where that is read first off a refusal."""
    route = ReportRoute("due", ("questura", ROOM), order=1)
    town.registry = replace(town.registry, report_routes={"due": route})
    ivo = Actor("ivo", "Ivo", Role.INSTITUTE_OPERATOR, INSTITUTE, "s", "token")
    pino = Actor("pino", "Pino", Role.PS_OPERATOR, "questura", "s", "token")
    words = ReportWords("furgone", "Via Roma 1", *INSIDE)
    made = await desk.send(ReportDraft("degrado-urbano", words), by=ivo)
    async with window() as room:
        page = room.page
        # it hears nothing, and asks nothing by itself
        await page.route("**/api/alarms/events", lambda asked: asked.abort())
        await page.add_init_script("window.setInterval = () => 0")
        await begin(room, "anna")
        row = page.locator(f".report-row[data-number='{made.number}']")
        await row.get_by_role("button", name="Chiudi").wait_for()
        await desk.acknowledge(made.id, by=pino)
        await row.get_by_role("button", name="Prendi in carico").click()
        await row.locator(".chip-ok", has_text="Sala operativa Questura, in carico").wait_for()
        assert await row.get_by_role("button", name=re.compile("Chiudi|Passa a")).count() == 0
        await row.get_by_role("button", name="Rispondi").click()
        await page.wait_for_selector("dialog[open]")
        assert await page.locator("dialog[open] [name=outcome]").count() == 0
        await judge(page)
