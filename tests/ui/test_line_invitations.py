# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A supervisor invites a house by the keyboard alone, on a desk and on a phone (A-01, B-74)."""

from dataclasses import replace

import pytest

from gateway.model.registry import Recipient, RecipientKind
from tests.ui.test_accessibility import ask, judge
from tests.ui.test_lines import CODE, Desk, enter, put
from tests.ui.town import GATE, ROOM

pytestmark = pytest.mark.peer

PARTNER = "questura-ps"
STRANGER = "questura-altra"
SCREENS = [(1366, 900), (390, 844)]


@pytest.fixture
def desk(town):
    """Return a room's lines, with a partner in an act and a house that is in none of ours."""
    registry = town.registry
    for one in (PARTNER, STRANGER):
        registry.recipients[one] = Recipient(one, f"Sala {one}", RecipientKind.ROOM)
    (act,) = registry.acts.values()
    scopes = tuple(
        replace(scope, recipients=(ROOM, PARTNER)) if GATE in scope.cameras else scope
        for scope in act.scopes
    )
    registry.acts[act.id] = replace(act, scopes=scopes)
    return put(town, Desk())


@pytest.fixture
async def base(town, desk):
    """Serve that town."""
    import asyncio

    from gateway.console.app import build_app
    from gateway.console.listener import bind_tcp, serve

    bound = bind_tcp("127.0.0.1", 0)
    async with asyncio.TaskGroup() as group:
        server = group.create_task(serve(build_app(town.services()), sockets=[bound]))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        server.cancel()


async def whole(page):
    """Assert that the dialogue passes the judge and that nothing of it sticks out sideways."""
    await judge(page)
    assert (
        await page.evaluate(
            """() => [...document.querySelectorAll("dialog *")].filter((one) => {
          const box = one.getBoundingClientRect();
          return one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline"
            && one.clientWidth || box.right > innerWidth || box.left < 0;
        }).map((one) => one.outerHTML.slice(0, 90))"""
        )
        == []
    )


async def focused(page, at):
    """Assert where the keyboard is, that it is seen, and that a ring says so."""
    place = await ask(page, "focus")
    assert place["ring"], place
    assert place["seen"], place
    assert await page.evaluate(f"document.activeElement.matches({at!r})"), place


async def invite(page):
    """Fill the form in as somebody without a mouse does; the code is shown afterwards."""
    await page.get_by_role("button", name="Invita una sede").focus()
    await page.keyboard.press("Enter")
    await focused(page, "dialog input[name=edge]")
    await page.keyboard.type("varco-sud")
    await page.keyboard.press("Tab")
    await focused(page, "dialog input[name=name]")
    await page.keyboard.type("Varco Sud, porta del mercato")
    await page.keyboard.press("Tab")
    await focused(page, f"dialog input[name=with-{PARTNER}]")
    await page.keyboard.press("Space")
    await whole(page)
    await page.keyboard.press("Enter")
    await page.locator("#line-code").wait_for()


@pytest.mark.parametrize(("width", "height"), SCREENS)
async def test_an_invitation_is_made_and_read_without_a_mouse(window, desk, width, height):
    """Names in the order in which one reads, the partner by a box, the code in reach of the keys.

    Nobody is offered who stands in no act with this room (A-26); Escape closes the code for good,
    and the keyboard is back where it was.
    """
    async with window(width, height) as screen:
        page = await enter(screen)
        await invite(page)
        assert desk.asked == [
            ("varco-sud", "Varco Sud, porta del mercato", (ROOM, PARTNER), "capo")
        ]
        dialog = page.locator("dialog")
        assert STRANGER not in await page.content()
        assert await dialog.get_by_role("heading").inner_text() == "Codice per varco-sud"
        assert await page.get_by_role("group", name="Codice dell’invito").inner_text() == CODE
        command = dialog.locator("code")
        assert await command.inner_text() == "varco link join --as sala"
        assert await command.evaluate("one => one.getClientRects().length") == 1, (
            "it is typed as one"
        )
        await whole(page)
        seen = []
        for _ in range(3):
            await page.keyboard.press("Tab")
            place = await ask(page, "focus")
            assert place["ring"], place
            assert place["seen"], place
            seen.append(await page.evaluate("document.activeElement.innerText"))
        assert seen == [CODE, "Copia il codice", "Chiudi"]
        await page.keyboard.press("Escape")
        await page.wait_for_selector("dialog", state="detached")
        assert CODE not in await page.content()
        await focused(page, ".head-buttons button")


@pytest.mark.parametrize(("width", "height"), SCREENS)
async def test_a_form_that_lacks_something_says_what_and_asks_nobody(window, desk, width, height):
    """The field is marked and has the keyboard; cancelling leaves nothing behind."""
    async with window(width, height) as screen:
        page = await enter(screen)
        await page.get_by_role("button", name="Invita una sede").focus()
        await page.keyboard.press("Enter")
        await page.keyboard.type("varco-sud")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("dialog [role=alert]:not(:empty)")
        await focused(page, "dialog input[name=name][aria-invalid=true]")
        assert await page.input_value("dialog input[name=edge]") == "varco-sud"
        await whole(page)
        await page.keyboard.press("Escape")
        await page.wait_for_selector("dialog", state="detached")
        await focused(page, ".head-buttons button")
        assert desk.asked == []
