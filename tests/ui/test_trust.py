# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Acts, owners, retention, reconfirmation and emergencies, in a real browser."""

import asyncio

import pytest

from gateway.model.registry import Role, User
from tests.ui.answers import Answers, iso
from tests.ui.test_accessibility import SIZES, judge
from tests.ui.town import PASSWORD, PHARMACY, ROOM

pytestmark = pytest.mark.peer

SQUARE_CARD = ".card[aria-labelledby=camera-piazza-1]"
SHOP_CARD = f".card[aria-labelledby=camera-{PHARMACY}]"
WHY = {
    "allowed": False,
    "steps": [
        {
            "question": "role",
            "answer": "",
            "ok": True,
            "text_it": "Il ruolo può chiedere.",
            "text_en": "The role may ask.",
        },
        {
            "question": "act",
            "answer": "",
            "ok": False,
            "text_it": "L’atto la apre solo durante un allarme.",
            "text_en": "Only during an alarm.",
        },
    ],
    "refusal": "only-on-alarm",
    "act": "patto-2026",
    "flags": [],
    "expires": "",
    "policy_version": 7,
}


@pytest.fixture
async def answers():
    """Return what the gateway says about acts, owners and retention."""
    return Answers()


@pytest.fixture
def supervisor(town):
    """Let a supervisor sign in."""
    town.registry.users["sofia"] = User("sofia", "Sofia Valli", Role.PS_SUPERVISOR, ROOM)


async def enter(screen, user, page, *answered):
    """Sign in and go to a page; `answered`: the answers, and the paths on which they count."""
    answers, *paths = answered
    await answers.install(screen.page, *paths)
    await screen.sign_in(user)
    await screen.page.goto(f"{screen.base}/{page}")
    return screen.page


async def test_acts_say_how_long_they_hold_and_what_waits(window, answers, supervisor):
    """Days left in words, the over act with its consequence, the stale assessment, 1 of 2."""
    async with window() as screen:
        page = await enter(screen, "sofia", "#/atti", answers, "/api/acts", "/api/held")
        await page.wait_for_selector(".act")
        over = page.locator(".act[aria-labelledby=act-vecchio]")
        assert "Condivisione e analisi sono spente" in await over.inner_text()
        soon = page.locator(".act[aria-labelledby=act-banche]")
        assert "Ancora 5 giorni" in await soon.inner_text()
        assert "Valutazione d’impatto da rinnovare" in await soon.inner_text()
        held = page.locator(".held-card")
        assert "Approvazioni 1 su 2" in await held.inner_text()
        assert await held.get_by_role("button").count() == 0
        await page.select_option("#resolution-only", "off")
        rows = page.locator(".resolutions tbody tr")
        assert await rows.count() == 2
        assert "spento" in await rows.first.inner_text()


async def test_an_extension_is_entered_with_a_reason(window, answers, supervisor):
    """The dialogue says which field is missing, sends day and reason, and gives the focus back."""
    async with window() as screen:
        page = await enter(screen, "sofia", "#/atti", answers, "/api/acts", "/api/held")
        await page.get_by_role("button", name="Proroga Patto 2021").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name="Proroga").click()
        assert "Nuovo ultimo giorno" in await dialog.get_by_role("alert").inner_text()
        await dialog.get_by_label("Nuovo ultimo giorno").fill("2031-01-31")
        await dialog.get_by_label("Atto o motivo").fill("verbale 50")
        await dialog.get_by_role("button", name="Proroga").click()
        await page.wait_for_selector("dialog", state="detached")
        body = {"until": "2031-01-31", "reason": "verbale 50"}
        assert ("POST", "/api/acts/vecchio/extensions", body) in answers.asked
        assert await page.evaluate("document.activeElement.innerText") == "Proroga"


async def test_somebody_else_approves_a_held_change(window, answers, town):
    """Whoever neither asked nor approved gets both buttons; the reason is sent."""
    town.registry.users["vera"] = User("vera", "Vera Pini", Role.DPO, "comune")
    async with window() as screen:
        page = await enter(screen, "vera", "#/atti", answers, "/api/acts", "/api/held")
        await page.locator(".held-card").get_by_role("button", name="Approva").click()
        await page.get_by_label("Motivo").fill("valutazione aggiornata")
        await page.get_by_role("dialog").get_by_role("button", name="Approva").click()
        await page.wait_for_selector("dialog", state="detached")
        assert (
            "POST",
            "/api/held/m1/approve",
            {"reason": "valutazione aggiornata"},
        ) in answers.asked


async def test_an_owner_sees_the_emergency_first_and_pauses(window, answers):
    """The emergency stands on top with its reason; pausing says what follows first."""
    async with window() as screen:
        page = await enter(screen, "marco", "#/i-miei-impianti", answers, "/api/mine")
        alert = page.locator(".alerts")
        await alert.wait_for()
        assert "rissa davanti al banco" in await alert.inner_text()
        assert await page.locator(".looks tbody tr").count() == 15
        await page.get_by_role("button", name="Sospendi la condivisione di Banco").click()
        text = await page.get_by_role("dialog").inner_text()
        assert "anche durante un intervento" in text
        assert "Lei continua a vedere" in text
        await page.get_by_role("button", name="Sospendi adesso").click()
        await page.wait_for_selector("dialog", state="detached")
        assert ("POST", "/api/mine/pause", {"cameras": [PHARMACY], "reason": ""}) in answers.asked
        await page.get_by_role("button", name="Riprendi la condivisione di Retro").click()
        await page.get_by_role("dialog").get_by_role("button", name="Riprendi").click()
        await page.wait_for_selector("dialog", state="detached")
        assert ("DELETE", "/api/mine/pause/p1", None) in answers.asked


async def test_a_hold_needs_an_order_and_an_end(window, answers):
    """The oldest copy and the ceiling are there in words; a hold is entered with its span.

    Its times are those of Italy, wherever the browser thinks it is; an hour that came twice is
    held whole.
    """
    async with window(timezone_id="America/New_York") as screen:
        page = await enter(
            screen, "dora", "#/conservazione", answers, "/api/retention", "/api/holds"
        )
        text = await page.locator(".keep").first.inner_text()
        assert "al massimo 72 ore" in text
        assert "la più vecchia di 2 giorni fa" in text
        await page.get_by_role("button", name="Trattieni").click()
        dialog = page.get_by_role("dialog")
        for label, value in (
            ("Numero del provvedimento", "Decreto 80/2026"), ("Immagini dal", "2026-10-25T02:30"),
            ("al", "2026-10-25T02:30"), ("Trattenere fino al", "2027-01-31"),
            ("Motivo", "indagine"),
        ):  # fmt: skip
            await dialog.get_by_label(label, exact=True).fill(value)
        await dialog.get_by_role("button", name="Trattieni").click()
        await page.wait_for_selector("dialog", state="detached")
        sent = next(body for method, _, body in answers.asked if method == "POST")
        assert (sent["act"], sent["cameras"], sent["until"]) == (
            "Decreto 80/2026",
            [],
            "2027-01-31",
        )
        assert (sent["from"], sent["to"]) == (
            "2026-10-25T00:30:00.000Z",
            "2026-10-25T01:30:00.000Z",
        )


async def test_a_ledger_that_was_found_altered_says_so_before_it_is_read(window, answers):
    """The box's own verification failed at the start: whoever may read the ledger sees it."""
    answers.by_path["/api/ledger/checkpoint"] = {
        "size": 9, "root": "00" * 32, "note": "n", "witnesses": [], "anchor": None,
        "altered": "altered, first at entry 3: hash",
    }  # fmt: skip
    async with window() as screen:
        page = await enter(screen, "dora", "#/registro", answers, "/api/ledger/checkpoint")
        banner = page.get_by_role("alert").filter(has_text="ALTERATO")
        assert "first at entry 3" in await banner.inner_text()
        assert not await page.locator(".ledger table").count()


async def test_an_altered_ledger_is_said_on_every_page(window, answers, town):
    """Whoever is signed in sees it wherever they are, as soon as it is found, and when it ended.

    What it is in technical words is for those who may read the ledger.
    """
    state = {
        "size": 9, "root": "00" * 32, "note": "n", "witnesses": [], "anchor": None, "altered": "",
    }  # fmt: skip
    answers.by_path["/api/ledger/checkpoint"] = state
    async with window() as screen:
        page = await enter(screen, "anna", "#/telecamere", answers, "/api/ledger/checkpoint")
        await page.wait_for_selector(SQUARE_CARD)
        banner = page.get_by_role("alert").filter(has_text="ALTERATO")
        assert not await banner.count()
        state["altered"] = "altered, first at entry 3: hash"
        town.notices.tell("ledger", {}, to=lambda _: True)
        await banner.wait_for()
        assert "Avvisare il titolare" in await banner.inner_text()
        assert "entry 3" not in await banner.inner_text()
        assert not await banner.get_by_role("link").count()
        await judge(page)
        for place in ("#/allarmi", "#/accesso"):
            await page.goto(f"{screen.base}/{place}")
            await page.wait_for_selector("main h1")
            assert await banner.is_visible()
        state["altered"] = ""
        town.notices.tell("ledger", {}, to=lambda _: True)
        await banner.wait_for(state="detached")
    state["altered"] = "altered, first at entry 3: hash"
    async with window() as screen:
        page = await enter(screen, "dora", "#/conservazione", answers, "/api/ledger/checkpoint")
        banner = page.get_by_role("alert").filter(has_text="ALTERATO")
        assert "first at entry 3" in await banner.inner_text()
        await judge(page)
        await banner.get_by_role("link", name="Apri il registro").click()
        await page.wait_for_selector("#aim")
        assert await banner.count() == 1
        await page.get_by_role("button", name="Esci").click()
        await page.wait_for_selector("#user")
        assert not await banner.count()


async def test_a_refusal_explains_itself_and_offers_the_emergency(window, answers, town):
    """Every step in words; the emergency asks for ten characters and says who is told."""
    answers.by_path[f"/api/cameras/{PHARMACY}/why"] = WHY
    async with window() as screen:
        why = f"/api/cameras/{PHARMACY}/why"
        page = await enter(screen, "anna", "#/telecamere", answers, why)
        await page.click(f"{SHOP_CARD} .primary")
        await page.fill("#why-case", "OS 12")
        await page.keyboard.press("Enter")
        refusal = page.locator(f"{SHOP_CARD} .refusal")
        await refusal.get_by_role("button", name="Perché?").click()
        await page.locator(f"{SHOP_CARD} .steps li").nth(1).wait_for()
        steps = await page.locator(f"{SHOP_CARD} .steps li").all_inner_texts()
        assert [one.split("\n")[-1].endswith(".") for one in steps] == [True, True]
        assert await page.locator(f"{SHOP_CARD} .steps [data-ok=false]").count() == 1
        await refusal.get_by_role("button", name="Accesso d’emergenza").click()
        dialog = page.get_by_role("dialog")
        assert "60 minuti" in await dialog.inner_text()
        await dialog.get_by_label("Motivo dell’emergenza").fill("rissa")
        await dialog.get_by_role("button", name="Apri e avvisa il titolare").click()
        assert "almeno 10 caratteri" in await dialog.get_by_role("alert").inner_text()
        await dialog.get_by_label("Motivo dell’emergenza").fill("rissa, persona a terra")
        async with page.expect_request(lambda one: "break_glass=true" in one.url) as asked:
            await dialog.get_by_role("button", name="Apri e avvisa il titolare").click()
        assert "reason=rissa" in (await asked.value).url


async def watch_the_square(screen, town):
    """Open the square and return the session's id."""
    page = screen.page
    await page.goto(f"{screen.base}/#/telecamere")
    await page.click(f"{SQUARE_CARD} .primary")
    await page.fill("#why-case", "OS 12")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".player[data-state=live]")
    return next(iter(town.media.running))


async def test_the_reconfirmation_stands_above_the_picture_and_never_covers_it(
    window, answers, town
):
    """It comes over the real event line and never covers the picture; one click answers."""
    async with window() as screen:
        page = screen.page
        await answers.install(page, "/api/looks")
        await screen.sign_in("anna")
        session = await watch_the_square(screen, town)
        data = {"session": session, "camera": "piazza-1", "by_s": 1800}
        town.notices.tell("confirm", data, to=lambda actor: actor.id == "anna")
        note = page.locator(".player-note", has_text="Sta ancora guardando?")
        await note.wait_for()
        below = "([a, b]) => a.getBoundingClientRect().bottom <= b.getBoundingClientRect().top"
        screen_now = await page.query_selector(".player .screen")
        assert await page.evaluate(below, [await note.element_handle(), screen_now])
        assert await page.locator(".player").get_attribute("data-state") == "live"
        await judge(page)
        await note.get_by_role("button", name="Sì, continuo").click()
        await note.wait_for(state="detached")
        assert ("POST", f"/api/looks/{session}/confirm", {}) in answers.asked


async def test_a_look_says_what_is_out_of_the_ordinary(window, town):
    """An act that ended under an open incident, and an emergency, each with its end."""
    async with window() as screen:
        page = screen.page
        state = {"session": "x", "state": "live", "reason": "", "expires": iso(hours=-4),
                 "flags": ["act-ended-incident-open", "break-glass"]}  # fmt: skip

        async def told(route):
            if route.request.method == "GET":
                await route.fulfill(json=state)
            else:
                await route.continue_()

        await page.route("**/whep/piazza-1/*", told)
        await screen.sign_in("anna")
        await watch_the_square(screen, town)
        await page.get_by_text("L’atto è scaduto: queste immagini restano solo").wait_for()
        await page.get_by_text("Accesso d’emergenza: il titolare è stato avvisato. Buio").wait_for()
        await judge(page)


async def test_the_second_factor_is_asked_for_after_the_password(window, answers):
    """The code's field has the focus; a wrong code keeps the step; the right one enters."""
    answers.by_path["POST /api/session"] = (
        401,
        {"code": "totp-needed", "title": "Serve il codice."},
    )
    async with window() as screen:
        page = screen.page
        await screen.open()
        await answers.install(page, "/api/session")
        await page.fill("#user", "anna")
        await page.fill("#password", PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#totp:focus")
        assert await page.locator("#user").is_hidden()
        await judge(page)
        answers.by_path["POST /api/session"] = (
            401,
            {"code": "sign-in-refused", "title": "Codice non valido."},
        )
        await page.keyboard.type("000000")
        await page.keyboard.press("Enter")
        await page.get_by_text("Codice non valido.").wait_for()
        assert await page.evaluate("document.activeElement.id") == "totp"
        sent = [body for _, path, body in answers.asked if path == "/api/session"]
        assert [body.get("totp") for body in sent if body] == [None, "000000"]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("language", ["it", "en"])
async def test_the_new_pages_pass_the_automated_checks(
    window, answers, supervisor, language, width, height
):
    """Contrast, names, headings, target size, nothing wider than the screen, in both languages."""
    pages = {
        "sofia": [("#/atti", ".act", "/api/acts"), ("#/accesso", ".account-page", "/api/totp")],
        "marco": [
            ("#/i-miei-impianti", ".looks tbody tr", "/api/mine"),
            ("#/conservazione", ".keep", "/api/retention"),
        ],
    }
    for user, shown in pages.items():
        async with window(width, height) as screen:
            await answers.install(
                screen.page, "/api/acts", "/api/held", "/api/mine", "/api/retention"
            )
            await screen.sign_in(user)
            if language == "en":
                await screen.page.get_by_role("button", name="English").click()
            for page, selector, _ in shown:
                await screen.page.goto(f"{screen.base}/{page}")
                await screen.page.wait_for_selector(selector)
                await asyncio.sleep(0)
                await judge(screen.page)
