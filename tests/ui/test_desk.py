# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The alarm desk in a real browser: order, keys, sound, countdown, a server that dies."""

import asyncio
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.console.app import build_app
from gateway.console.listener import bind_tcp, serve
from gateway.model.alarm_times import AlarmTimes, Answers, Percentiles, RecipientTimes
from gateway.model.registry import Role
from tests.ui.conftest import WAIT_MS, Screen
from tests.ui.test_accessibility import judge
from tests.ui.test_operator import until
from tests.ui.town import GATE, INSTITUTE, PHARMACY, ROOM, SQUARE

pytestmark = pytest.mark.peer

SHOTS = os.environ.get("VARCO_SHOTS", "")
BELL = "async () => (await import('/static/sound.js')).bell"
STATUS = f"async () => {{ const bell = await ({BELL})(); return bell.status(); }}"
LATE = """async (id) => {
  const { take } = await import("/static/events.js");
  const { state } = await import("/static/state.js");
  take({ ...state.alarms.get(id), taken: "", taken_by: "", version: 0 });
}"""
FIRST_ROW = ".desk-queue .desk-row:first-child"


async def shot(page, name):
    """Keep a picture of the page where somebody asks for it."""
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def at(town, seconds):
    """Return a time some seconds from now."""
    return town.clock.now().utc_us + int(seconds * 1e6)


def night(town):
    """Raise a hold-up, an incident of two alarms, one that is answered, and a small one."""
    alarms = town.alarms
    alarms.raise_one(GATE, severity=2, ago_s=700)
    taken = alarms.raise_one(PHARMACY, severity=4, ago_s=300)
    alarms.change(taken, taken_utc_us=at(town, -200), taken_by="marco")
    first = alarms.raise_one(SQUARE, severity=3, ago_s=52)
    second = alarms.raise_one("piazza-2", severity=3, ago_s=40)
    for one in (first, second):
        alarms.change(
            one, group=first.alarm.id, escalates_utc_us=at(town, 500), escalates_to=(INSTITUTE,)
        )
    held = alarms.raise_one(PHARMACY, severity=5, ago_s=12)
    return alarms.change(held, rule="rapina", silent=True)


async def links(page):
    """Return what the rows of the queue are called, in order."""
    return await page.locator(".desk-queue > li > .desk-what .desk-link").all_inner_texts()


async def test_two_keys_answer_the_gravest_alarm_from_any_page(window, town):
    """A goes to it, Enter answers; a letter in a field is a letter; a verdict asks first."""
    held = night(town)
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.locator(FIRST_ROW).wait_for()
        found = [re.sub(r"\s+", " ", one) for one in await links(page)]
        assert [one.split(" · ")[0].removeprefix("Apri allarme ").strip() for one in found] == [
            "Rapina",
            "Intrusione",
            "Intrusione",
            "Intrusione",
        ]
        places = [
            "Banco e ingresso",
            "Banco e ingresso",
            "Piazza, lato fontana",
            "Ingresso in città",
        ]
        assert all(place in one for place, one in zip(places, found, strict=True))
        assert "RAPINA" in await page.locator(FIRST_ROW).inner_text()
        assert "In carico a Farmacia Santini" in await page.locator(".desk-queue").inner_text()
        await page.click("nav a[href='#/telecamere']")
        await page.wait_for_selector(".card")
        assert "4 allarmi senza risposta: Rapina" in await page.locator(".ring").inner_text()
        await page.focus(".find input")
        await page.keyboard.type("a")
        assert await page.input_value(".find input") == "a"
        assert page.url.endswith("#/telecamere")
        await page.locator("h1").focus()
        await page.keyboard.press("a")
        await page.wait_for_selector(f"{FIRST_ROW} .desk-take:focus")
        assert not town.alarms.records[held.alarm.id].taken_by
        await page.keyboard.press("Enter")
        await until(lambda: town.alarms.records[held.alarm.id].taken_by == "anna")
        await page.locator(FIRST_ROW, has_text="In carico a lei").wait_for()
        await page.wait_for_selector(f"{FIRST_ROW} .desk-link:focus")
        await page.wait_for_selector(".desk-side .player[data-state=live]")
        await judge(page)
        await page.keyboard.press("ArrowDown")
        assert await page.evaluate("document.activeElement.closest('li').dataset.level") == "4"
        await page.keyboard.press("f")
        await page.wait_for_selector(".propose button:focus")
        await shot(page, "desk-verdict")
        await page.keyboard.press("Escape")
        assert town.alarms.records[held.alarm.id].closed_by == ""
        await page.keyboard.press("f")
        await page.wait_for_selector(".propose button:focus")
        await page.keyboard.press("Enter")
        await until(lambda: town.alarms.records[held.alarm.id].verdict.value == "falso")


async def test_an_incident_is_one_row_and_is_answered_as_one(window, town):
    """Its members stand inside; one press answers all; nothing moves for who wants no motion."""
    night(town)
    async with window(reduced_motion="reduce") as screen:
        page = screen.page
        await screen.sign_in("anna")
        row = page.locator(".desk-row:has(.desk-group:not([hidden]))")
        await row.wait_for()
        assert await row.count() == 1
        await row.locator("summary").click()
        assert "Piazza, lato portici" in await row.locator(".desk-members").inner_text()
        await shot(page, "desk-incident")
        await row.get_by_role("button", name="Prendi in carico (2)").click()
        await until(
            lambda: sum(one.taken_by == "anna" for one in town.alarms.records.values()) == 2
        )
        await row.locator(".desk-take").wait_for(state="hidden")
        names = await page.evaluate(
            "[...document.querySelectorAll('*')].map(e => getComputedStyle(e).animationName)"
        )
        assert set(names) == {"none"}


async def test_keys_can_be_moved_and_switched_off(window, town):
    """The help says which keys there are; after a change the bare letter does nothing."""
    town.alarms.raise_one()
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.locator(FIRST_ROW).wait_for()
        await page.locator("h1").focus()
        await page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Tasti e suono")
        await dialog.wait_for()
        await judge(page)
        await page.keyboard.press("a")
        assert await dialog.is_visible()
        await dialog.get_by_label("Tasti rapidi").select_option("alt")
        await dialog.get_by_role("button", name="Salva").click()
        await dialog.wait_for(state="detached")
        await page.locator("h1").focus()
        await page.keyboard.press("a")
        assert await page.evaluate("document.activeElement.tagName") == "H1"
        await page.keyboard.press("Alt+Shift+A")
        await page.wait_for_selector(f"{FIRST_ROW} .desk-take:focus")


async def test_the_queue_survives_a_killed_server(browser, town):
    """The page says how old it is; an answer pressed meanwhile arrives; every alarm stands once."""
    bound = bind_tcp("127.0.0.1", 0)
    port = bound.getsockname()[1]
    page = await (await browser.new_context(viewport={"width": 1366, "height": 768})).new_page()
    page.set_default_timeout(WAIT_MS)
    screen = Screen(page, f"http://127.0.0.1:{port}")
    first = town.alarms.raise_one(severity=4)
    async with asyncio.TaskGroup() as group:
        server = group.create_task(serve(build_app(town.services()), sockets=[bound]))
        await screen.sign_in("anna")
        await page.locator(FIRST_ROW).wait_for()
        server.cancel()
        await page.locator(".line-note", has_text="Ultimo contatto").wait_for()
        assert "Dato non aggiornato" in await page.locator(FIRST_ROW).inner_text()
        await page.keyboard.press("a")
        await page.keyboard.press("Enter")
        await page.locator(FIRST_ROW, has_text="Presa in carico in invio").wait_for()
        await page.locator(".desk-side", has_text="Le immagini arrivano appena").wait_for()
        await page.locator(".verdict button").first.click()
        await page.locator(".verdict", has_text="Non eseguito").wait_for()
        await shot(page, "desk-offline")
        second = town.alarms.raise_one(SQUARE, severity=3)
        assert not town.alarms.records[first.alarm.id].taken_by
        server = group.create_task(
            serve(build_app(town.services()), sockets=[bind_tcp("127.0.0.1", port)])
        )
        await until(lambda: town.alarms.records[first.alarm.id].taken_by == "anna", WAIT_MS / 1000)
        await page.locator(".line-note").wait_for(state="detached")
        await page.locator(FIRST_ROW, has_text="In carico a lei").wait_for()
        for one in (first, second):
            assert await page.locator(f".desk-link[href$='{one.alarm.id}']").count() == 1
        assert town.alarms.records[first.alarm.id].closed_by == ""
        await page.evaluate(LATE, first.alarm.id)  # a view that crossed a newer one on its way
        assert "In carico a lei" in await page.locator(FIRST_ROW).inner_text()
        await page.reload()
        await page.locator(FIRST_ROW, has_text="In carico a lei").wait_for()
        assert await page.locator(".desk-queue > li").count() == 2
        assert screen.errors == []
        await page.context.close()
        server.cancel()


DECISIONS = """async () => {
  const { decide, silence } = await import("/static/sound.js");
  const alarm = (id, severity, more) =>
    ({ id, severity, state: "aperto", rule: "intrusione", raised: "", ...more });
  const guard = { role: "pl.operator" }, owner = { role: "owner.private" };
  const grave = alarm("a", 4), held = alarm("h", 5, { rule: "rapina", silent: true });
  const level = (alarms, quiet, now, user = guard) => decide(alarms, user, quiet, now).level;
  const none = silence([], guard, 0, 300), both = silence([grave, held], guard, 0, 300);
  const lesser = alarm("b", 3), lesserOnly = silence([lesser], guard, 0, 300);
  return {
    grave: level([grave], none, 1), taken: level([alarm("a", 4, { taken: "x" })], none, 1),
    closed: level([alarm("a", 4, { state: "chiuso" })], none, 1),
    onSite: level([held], none, 1, owner),
    quiet: level([grave, held], both, 59_000), minute: level([grave, held], both, 61_000),
    rest: level([grave], both, 299_000), over: level([grave], both, 301_000),
    another: level([grave, held, alarm("k", 5, { rule: "rapina" })], both, 1000),
    lesser: level([lesser], both, 1000), graver: level([grave], lesserOnly, 1000),
  };
}"""
DECIDED = {
    "grave": 4,
    "taken": 0,
    "closed": 0,
    "onSite": 0,
    "quiet": 0,
    "minute": 5,
    "rest": 0,
    "over": 4,
    "another": 5,
    "lesser": 0,
    "graver": 4,
}
MELODIES = """async () => {
  const { wave } = await import("/static/sound.js");
  return [1, 2, 3, 4, 5].map((level) => {
    const all = wave(level);
    const most = all.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
    return { length: all.length, loud: Math.hypot(...all.slice(0, 4000)), most };
  });
}"""


async def test_an_unanswered_alarm_sounds_until_somebody_answers_or_silences_it(window, town):
    """A tone really leaves; the page says when it may not; silence has an end that is shown."""
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.wait_for_selector(".sound-bar[data-state=ready]")
        assert await page.evaluate(DECISIONS) == DECIDED
        melodies = await page.evaluate(MELODIES)
        assert len({one["length"] for one in melodies}) == 5
        assert all(one["loud"] > 1 and 0.2 < one["most"] < 0.6 for one in melodies)
        record = town.alarms.raise_one(severity=4)
        await page.wait_for_selector(".sound-bar[data-state=ringing]")
        await page.wait_for_function(f"async () => (await ({BELL})()).peak() > 0.1")
        await page.evaluate(f"async () => (await ({BELL})()).context.suspend()")
        await page.locator(".sound-bar[data-state=blocked]", has_text="Muto").wait_for()
        await page.get_by_role("button", name="Attiva il suono").click()
        await page.wait_for_selector(".sound-bar[data-state=ringing]")
        await page.keyboard.press("s")
        quiet = page.locator(".sound-bar[data-state=silenced]")
        await quiet.filter(has_text=re.compile("Silenzio ancora [0-5]:")).wait_for()
        await page.reload()
        await quiet.wait_for()
        await page.get_by_role("button", name="Riattiva").click()
        await page.wait_for_selector(".sound-bar[data-state=ringing]")
        await town.alarms.take(record.alarm.id, "marco")
        await page.wait_for_selector(".sound-bar[data-state=ready]")
        assert (await page.evaluate(STATUS))["waiting"] == 0
        await page.locator("[data-sound]").click()
        await page.locator(".sound-bar[data-state=off]", has_text="Suono spento").wait_for()


async def test_the_countdown_hangs_on_the_clock_of_the_gateway(window, town):
    """A computer an hour wrong counts right; it is said aloud once, and ends with an answer."""
    record = town.alarms.raise_one()
    town.alarms.change(record, escalates_utc_us=at(town, 1000), escalates_to=(INSTITUTE,))
    async with window() as screen:
        page = screen.page
        await page.clock.install(time=town.clock.now().utc_us / 1e6 + 3600)
        await screen.sign_in("anna")
        count = page.locator(f"{FIRST_ROW} .desk-count")
        await count.filter(
            has_text=re.compile(r"Passa a Istituto Apuania Vigilanza fra 1[56]:\d\d")
        ).wait_for()
        assert await page.locator("#spoken").inner_text() == ""
        town.alarms.change(record, escalates_utc_us=at(town, 25))
        await page.locator(
            "#spoken", has_text="Passa a Istituto Apuania Vigilanza fra 0:"
        ).wait_for(state="attached")
        town.alarms.change(record, escalates_utc_us=at(town, 900), escalates_to=())
        await count.filter(
            has_text=re.compile(r"Nessun altro da avvisare: senza risposta fra 1[45]:\d\d")
        ).wait_for()
        town.alarms.change(record, taken_utc_us=at(town, 0), taken_by="marco", escalates_utc_us=0)
        await page.locator(FIRST_ROW, has_text="In carico a Farmacia Santini").wait_for()
        assert await count.is_hidden()


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
async def test_the_desk_passes_the_automated_checks_in_both_languages(window, town, width, height):
    """Empty, full, and the banner on another page."""
    async with window(width, height) as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.wait_for_selector(".desk-empty:not([hidden])")
        await shot(page, f"desk-empty-{width}")
        held = night(town)
        await page.locator(FIRST_ROW, has_text="RAPINA").wait_for()
        for language in ("Italiano", "English"):
            if language == "English":
                await page.get_by_role("button", name=language).click()
                await page.wait_for_selector("html[lang=en] .desk-row")
            await page.click(".desk-group:not([hidden]) summary")
            await judge(page)
            await shot(page, f"desk-{language}-{width}")
        if width < 760:
            await page.click(f".desk-link[href$='{held.alarm.id}']")
            await page.wait_for_selector(".answer button")
            await judge(page)
        await page.click("nav a[href='#/telecamere']")
        await page.wait_for_selector(".ring")
        await judge(page)
        await shot(page, f"desk-ring-{width}")


async def test_who_answers_for_a_room_sees_how_soon_it_answered_today(window, town, monkeypatch):
    """The strip beside what the norm asks; an operator is shown no such figures."""
    head = replace(town.registry.users["anna"], id="capo", role=Role.PS_SUPERVISOR)
    town.registry = replace(town.registry, users={**town.registry.users, "capo": head})
    late = Answers(4, 3, Percentiles(3, 20.0, 70.0, 80.0, 80.0), ((30, 0.5), (90, 0.75)))
    own = RecipientTimes(
        ROOM, 4, 4, Percentiles(), Percentiles(), Answers(), late, Percentiles(3, 45.0)
    )

    async def times(query):
        return AlarmTimes(4, Percentiles(), (own,))

    monkeypatch.setattr(town.alarms, "times", times)
    async with window() as screen:
        await screen.sign_in("capo")
        strip = screen.page.locator(".today:not([hidden])")
        await strip.filter(has_text="metà entro 20 s · 75 % entro 90 s").wait_for()
        assert "la norma chiede 80 %" in await strip.inner_text()
        await judge(screen.page)
        await shot(screen.page, "desk-today")
