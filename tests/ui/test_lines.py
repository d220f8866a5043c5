# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The page *Collegamenti* as operators and supervisors read it, in a real browser."""

import time
from dataclasses import replace

import pytest

from gateway.console.services import InvitationTold, LineReport, LineSide
from gateway.model.registry import Role, User
from gateway.model.room import LineState, LineStatus
from gateway.room.invitations import Code, write_code
from tests.ui.test_accessibility import SIZES, judge
from tests.ui.town import PHARMACY, ROOM

pytestmark = pytest.mark.peer

CODE = write_code(Code(bytes(range(16)), bytes(range(16)), "varco-est", ("sala.example:8445",)))
DAY_US = 86_400_000_000


def reports():
    """Return a line in each state, as of now."""
    now = time.time_ns() // 1000
    up = LineStatus(
        "varco-nord", LineState.UP, "", now - 3_600_000_000, now - 500_000, 41.6, 12.0,
        "198.51.100.7:40000", streams=3,
    )  # fmt: skip
    down = replace(
        up, state=LineState.DOWN, problem="nessuna risposta in 9 s", round_trip_ms=0, streams=0,
        since_utc_us=now - 90_000_000, heard_utc_us=now - 99_000_000,
    )  # fmt: skip
    good = LineReport(
        "varco-nord", "Varco Nord", LineSide.EDGE, up, (ROOM,), True, now + 700 * DAY_US
    )

    def edge(id_, name, status, **more):
        return replace(good, id=id_, name=name, status=replace(status, peer=id_), **more)

    return [
        replace(good, id="questura", name="Sala operativa Questura", side=LineSide.ROOM),
        good,
        edge("farmacia", "Farmacia Santini", replace(up, reduced=(PHARMACY,), round_trip_ms=610)),
        edge("mercato", "Mercato coperto", replace(up, state=LineState.SILENT)),
        edge("scuola", "Scuola Pascoli", down),
        edge(
            "porto", "Porto", replace(down, state=LineState.REFUSED, problem="certificato scaduto")
        ),
        edge(
            "varco-est", "Varco Est",
            replace(down, state=LineState.NOT_ENROLLED, problem="", since_utc_us=0, heard_utc_us=0),
            certificate_until_utc_us=0, invited_until_utc_us=now + DAY_US,
        ),
        edge("cava", "Cava", replace(down, state=LineState.NOT_ENROLLED), enabled=False),
    ]  # fmt: skip


class Desk:
    """Lines that a test changes while the page is open."""

    def __init__(self, made=None, *, is_room=True):
        self.made = reports() if made is None else made
        self.is_room = is_room
        self.asked = []

    def lines(self):
        return tuple(self.made)

    async def invite(self, edge, name, organisations, *, by):
        self.asked.append((edge, name, organisations, by.id))
        return InvitationTold(CODE, time.time_ns() // 1000 + DAY_US)

    async def revoke(self, edge, *, by):
        self.asked.append((edge, by.id))
        self.made = [replace(o, enabled=False) if o.id == edge else o for o in self.made]


def put(town, desk, role=Role.PS_SUPERVISOR):
    town.lines = desk
    town.registry.users["capo"] = User("capo", "Carla Capo", role, ROOM)
    return desk


@pytest.fixture
async def base(town):
    """Serve a town whose lines a test may set before it opens a window."""
    import asyncio

    from gateway.console.app import build_app
    from gateway.console.listener import bind_tcp, serve

    put(town, Desk())
    bound = bind_tcp("127.0.0.1", 0)
    async with asyncio.TaskGroup() as group:
        server = group.create_task(serve(build_app(town.services()), sockets=[bound]))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        server.cancel()


async def enter(screen, user="capo"):
    await screen.sign_in(user)
    await screen.page.get_by_role("link", name="Collegamenti").click()
    await screen.page.wait_for_selector(".lines > .line-card, .lines-empty:not([hidden])")
    return screen.page


def card(page, id_, side="edge"):
    return page.locator(f".line-card[aria-labelledby=line-{side}-{id_}]")


async def test_each_state_is_told_in_words_and_by_a_symbol(window):
    """Never by colour alone; what to do about it stands beside."""
    async with window(1366, 1500) as screen:
        page = await enter(screen)
        for id_, state, why in (
            ("varco-nord", "Attiva", "Immagini, allarmi e conferme passano."),
            ("mercato", "Muta", "non arriva nulla"),
            ("scuola", "Interrotta", "gli allarmi aspettano e non si perdono"),
            ("porto", "Rifiutata", "Un capo non riconosce l’altro"),
            ("varco-est", "Da associare", "non ha ancora usato il suo invito"),
            ("cava", "Revocata", "serve un nuovo invito"),
        ):
            one = card(page, id_)
            assert state in await one.locator(".chip").inner_text()
            assert await one.locator(".chip svg use").count() == 1
            assert why in await one.locator(".line-why").inner_text()
        marks = await page.eval_on_selector_all(
            ".line-card .chip use", "all => all.map(one => one.getAttribute('href'))"
        )
        assert len({one.split("#")[1] for one in marks}) >= 5
        nord = await card(page, "varco-nord").inner_text()
        for words in ("42 ms", "198.51.100.7:40000", "Concorde, entro 1 s", "Sede · varco-nord"):
            assert words in nord
        assert "Banco e ingresso" in await card(page, "farmacia").inner_text()
        assert "nessuna risposta in 9 s" in await card(page, "scuola").inner_text()
        assert "Sala · questura" in await card(page, "questura", "room").inner_text()
        assert "8 collegamenti" in await page.locator(".count").inner_text()


async def test_a_line_that_breaks_is_said_while_the_page_is_open(window, town):
    """Without a reload, and aloud."""
    async with window() as screen:
        page = await enter(screen, "anna")
        broken = replace(town.lines.made[1].status, state=LineState.DOWN)
        town.lines.made[1] = replace(town.lines.made[1], status=broken)
        await page.wait_for_selector(".line-card[data-state=interrotta] >> text=Varco Nord")
        await page.wait_for_selector("#urgent:has-text('Varco Nord: Interrotta')", state="attached")
        assert await page.locator(".line-card button").count() == 0, "an operator manages nothing"
        assert await page.locator(".head-buttons button").count() == 0


async def test_a_supervisor_invites_and_gets_a_code_once(window, town):
    """In two steps; the code is there to be copied and gone when the dialogue closes."""

    async def with_others(route):
        answer = await route.fetch()
        await route.fulfill(response=answer, json=await answer.json() | {"kept": 2})

    async with window() as screen:
        page = await enter(screen)
        await page.route("**/api/lines/invitations", with_others)
        await page.get_by_role("button", name="Invita una sede").click()
        await page.fill("dialog input[name=edge]", "varco-sud")
        await page.fill("dialog input[name=name]", "Varco Sud")
        await page.keyboard.press("Enter")
        shown = page.locator("#line-code")
        await shown.wait_for()
        assert await shown.inner_text() == CODE
        assert "varco link join --as sala" in await page.locator("dialog").inner_text()
        assert "Altre 2 organizzazioni conoscono" in await page.locator("dialog").inner_text()
        await judge(page)
        await page.get_by_role("button", name="Copia il codice").click()
        await page.wait_for_selector("dialog [role=status]:has-text('Codice ')")
        await page.get_by_role("button", name="Chiudi").click()
        await page.wait_for_selector("dialog", state="detached")
        assert CODE not in await page.content()
        assert town.lines.asked == [("varco-sud", "Varco Sud", (ROOM,), "capo")]


async def test_an_invitation_that_is_refused_says_why_and_keeps_what_was_typed(window, town):
    """An id with capitals."""
    async with window() as screen:
        page = await enter(screen)
        await page.get_by_role("button", name="Invita una sede").click()
        await page.fill("dialog input[name=edge]", "Varco Est")
        await page.fill("dialog input[name=name]", "Varco Est")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("dialog [role=alert]:not(:empty)")
        assert await page.input_value("dialog input[name=edge]") == "Varco Est"
        assert town.lines.asked == []


async def test_a_revocation_is_asked_twice_and_told(window, town):
    """What it does stands in the dialogue."""
    async with window() as screen:
        page = await enter(screen)
        await page.get_by_role("button", name="Revoca Varco Nord").click()
        assert "Entro due secondi" in await page.locator("dialog").inner_text()
        await judge(page)
        await page.get_by_role("button", name="Revoca la sede").click()
        await page.wait_for_selector(".line-card[data-state=revocata] >> text=Varco Nord")
        assert town.lines.asked == [("varco-nord", "capo")]


@pytest.mark.parametrize(
    ("desk", "words"),
    [
        (Desk([]), "Qui si invita la sede"),
        (Desk([], is_room=False), "[[uplink]]"),
    ],
    ids=["room", "edge"],
)
async def test_an_empty_page_explains_how_a_line_is_made(window, town, desk, words):
    """At a room and at an edge alike."""
    town.lines.made, town.lines.is_room = desk.made, desk.is_room
    async with window() as screen:
        page = await enter(screen)
        text = await page.locator(".lines-empty").inner_text()
        assert words in text
        assert "varco link join" in text
        await judge(page)


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_the_page_passes_the_automated_checks(window, width, height):
    """Contrast, names, targets, width; in both languages."""
    async with window(width, height) as screen:
        page = await enter(screen)
        await judge(page)
        wide = await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert wide
        await page.get_by_role("button", name="English").click()
        await page.wait_for_selector(".line-card >> text=Invite anew")
        await judge(page)
