# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The pages of trust before the whole application: the exercise's own process and its town."""

import asyncio
import re
import socket
import sys
import time

import httpx
import pyotp
import pytest
import pytest_asyncio

from tests.e2e.daemon import promised
from tests.ui.conftest import Screen
from tests.ui.test_accessibility import judge

pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]

READY_S = 150.0
"""The first run on a machine paints the town."""
SHOP = ".card[aria-labelledby=camera-farmacia]"
LIVE = f"{SHOP} .player[data-state=live]"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def exercise(tmp_path_factory):
    """Run `varco demo`, once for all; return its address and the passwords that it prints."""
    folder = tmp_path_factory.mktemp("exercise")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "demo", "--port", str(port), cwd=folder,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        told = ""
        async with asyncio.timeout(READY_S):
            while "Ctrl-C" not in told:
                line = await child.stdout.readline()
                assert line, f"the exercise ended: {told}"
                told += line.decode()
        passwords = dict(re.findall(r"(operatore|dpo): (\S+)", told))
        yield f"http://127.0.0.1:{port}", passwords
    finally:
        child.terminate()
        await child.wait()


@pytest.fixture
async def person(browser, exercise):
    """Return a maker of windows in which one of the exercise's people is signed in."""
    screens = []

    async def enter(name):
        context = await browser.new_context(viewport={"width": 1366, "height": 768}, locale="it-IT")
        screen = Screen(await context.new_page(), exercise[0])
        screens.append((context, screen))
        await screen.open()
        await screen.page.get_by_role("button", name=f"Entra come {name}").click()
        await screen.page.wait_for_selector("nav")
        return screen

    yield enter
    for context, screen in screens:
        await context.close()
        assert screen.errors == []


async def test_emergency_pause_and_extension(person):
    """An operator breaks the glass, the owner is told at once and pauses, an act is extended."""
    owner = await person("Titolare della farmacia")
    await owner.page.goto(f"{owner.base}/#/i-miei-impianti")
    await owner.page.wait_for_selector(".switch-list")
    room = await person("Operatore di sala")
    page = room.page
    await page.goto(f"{room.base}/#/telecamere")
    await page.click(f"{SHOP} .primary")
    await page.fill("#why-case", "OS-7")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Ordine di servizio OS-7").wait_for()
    refusal = page.locator(f"{SHOP} .refusal")
    await refusal.get_by_role("button", name="Perché?").click()
    await page.locator(f"{SHOP} .steps [data-ok=false]").wait_for()
    await judge(page)
    await refusal.get_by_role("button", name="Accesso d’emergenza").click()
    await page.get_by_label("Motivo dell’emergenza").fill("esercitazione: persona a terra")
    await page.get_by_role("button", name="Apri e avvisa il titolare").click()
    await page.wait_for_selector(LIVE)
    await page.get_by_text("il titolare è stato avvisato. Buio alle").wait_for()

    alert = owner.page.locator(".alerts")
    await alert.get_by_text("esercitazione: persona a terra").wait_for()
    await owner.page.locator(".looks tbody tr", has_text="accesso d’emergenza").wait_for()
    await judge(owner.page)
    await owner.page.get_by_role("button", name="Sospendi la condivisione").click()
    await owner.page.get_by_role("button", name="Sospendi adesso").click()
    began_s = time.monotonic()
    await page.wait_for_selector(f"{SHOP} .player[data-state=dark]")
    assert time.monotonic() - began_s < promised(4.0)
    assert "sospeso" in await page.locator(f"{SHOP} .veil").inner_text()
    await owner.page.get_by_role("button", name="Riprendi la condivisione").click()
    await owner.page.get_by_role("dialog").get_by_role("button", name="Riprendi").click()
    await owner.page.get_by_text("Condivisa secondo gli atti").wait_for()

    chief = await person("Responsabile di sala")
    await chief.page.goto(f"{chief.base}/#/atti")
    act = chief.page.locator(".act[aria-labelledby=act-patto]")
    await act.get_by_role("button", name="Proroga").click()
    await chief.page.get_by_label("Nuovo ultimo giorno").fill("2029-12-31")
    await chief.page.get_by_label("Atto o motivo").fill("esercitazione: verbale 1")
    await chief.page.get_by_role("dialog").get_by_role("button", name="Proroga").click()
    await act.get_by_text("esercitazione: verbale 1").wait_for()
    assert "31 dicembre 2029" in await act.inner_text()
    await judge(chief.page)


async def test_a_second_factor_is_enrolled_and_then_asked_for(person, exercise):
    """The key of the picture gives the codes; the next sign-in wants one after the password."""
    base, passwords = exercise
    screen = await person("Responsabile della protezione dei dati")
    page = screen.page
    await page.goto(f"{base}/#/accesso")
    await page.get_by_role("button", name="Registra il telefono").click()
    await page.wait_for_selector(".qr")
    secret = (await page.locator(".secret").inner_text()).replace(" ", "")
    codes = pyotp.TOTP(secret)
    await page.fill("#totp-code", codes.now())
    await page.keyboard.press("Enter")
    await page.get_by_text("Secondo fattore attivo").first.wait_for()
    await page.get_by_role("button", name="Esci").click()
    await page.fill("#user", "dpo")
    await page.fill("#password", passwords["dpo"])
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#totp:focus")
    await judge(page)
    await page.keyboard.type(codes.at(time.time() + 30))
    await page.keyboard.press("Enter")
    await page.wait_for_selector("nav")


async def test_the_scene_of_the_altered_ledger_names_the_entry(person, exercise):
    """The verdict and the first bad entry stand in a window of their own."""
    screen = await person("Operatore di sala")
    page = screen.page
    await page.get_by_role("button", name="Manometti il registro").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_text("Prima voce non valida:").wait_for()
    assert "NON integro" in await dialog.inner_text()
    await judge(page)
    async with httpx.AsyncClient(base_url=exercise[0]) as client:
        assert (await client.get("/api/session")).status_code == 200
