# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Four eyes over two windows, and the organisation's own sign-in, in a real browser."""

import pytest

from gateway.access.oidc import Begun
from gateway.access.second import Seconds
from gateway.model.registry import Role, User
from tests.ui.test_accessibility import judge
from tests.ui.town import ROOM, SQUARE

pytestmark = pytest.mark.peer

CARD = f".card[aria-labelledby=camera-{SQUARE}]"
NEEDED = {"code": "second-person-needed", "title": "Serve il consenso di un secondo collega."}


class Provider:
    """An identity provider that is one redirect away."""

    names = (("questura", "Questura"),)

    def __init__(self):
        self.begun = []

    async def begin(self, name, next_):
        self.begun.append((name, next_))
        return Begun("https://idp.example/authorize?client_id=varco", "sealed")


@pytest.fixture
async def town(town):
    """Return a town with codes for colleagues, a provider, and a colleague."""
    town.seconds, town.oidc = Seconds(town.clock), Provider()
    town.registry.users["berta"] = User("berta", "Berta Fini", Role.PL_OPERATOR, ROOM)
    return town


async def test_one_asks_and_a_colleague_agrees(window, town):
    """The code is shown, typed in another window, and opens the picture once it was agreed to."""
    used = []

    async def gate(route):
        if route.request.method != "POST" or "/whep/" not in route.request.url:
            await route.continue_()
        elif "second=" not in route.request.url:
            await route.fulfill(status=403, content_type="application/problem+json", json=NEEDED)
        else:
            used.append(route.request.url.partition("second=")[2].partition("&")[0])
            await route.continue_()

    async with window() as first, window() as second:
        page, other = first.page, second.page
        await page.route("**/whep/**", gate)
        await first.sign_in("anna")
        await page.goto(f"{first.base}/#/telecamere")
        await page.click(f"{CARD} .primary")
        await page.fill("#why-case", "OS 12")
        await page.keyboard.press("Enter")
        refusal = page.locator(f"{CARD} .refusal")
        await refusal.get_by_role("button", name="Chiedi a un collega").click()
        dialog = page.get_by_role("dialog")
        code = await dialog.locator(".big-code [aria-hidden=true]").inner_text()
        await judge(page)

        await second.sign_in("berta")
        await other.goto(f"{second.base}/#/accesso")
        await other.get_by_role("button", name="Codice di un collega").click()
        theirs = other.get_by_role("dialog")
        await theirs.get_by_label("Codice").fill("AAAAAAAA")
        await theirs.get_by_role("button", name="Confermo").click()
        assert await theirs.get_by_role("alert").inner_text()
        await judge(other)
        await theirs.get_by_label("Codice").fill(f"{code[:4]} {code[4:]}")
        await theirs.get_by_role("button", name="Confermo").click()
        await other.wait_for_selector("dialog", state="detached")

        await dialog.get_by_role("button", name="Confermato: guarda").click()
        await page.wait_for_selector(f"{CARD} .player[data-state=live]")
        assert used == [code]


async def test_the_organisations_own_sign_in(window, town):
    """A button names the provider and leads there, with the page that was asked for."""
    async with window() as screen:
        page = screen.page

        async def away(route):
            await route.fulfill(status=200, content_type="text/html", body="<h1>Questura</h1>")

        await page.route("https://idp.example/**", away)
        await screen.open("#/allarmi")
        button = page.get_by_role("link", name="Accedi con Questura")
        await button.wait_for()
        await judge(page)
        await button.click()
        await page.wait_for_url("https://idp.example/authorize*")
        assert town.oidc.begun == [("questura", "/#/allarmi")]
