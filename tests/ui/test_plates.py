# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The page *Riscontri* in a real browser: opened, compared, decided by keyboard alone."""

import os
from pathlib import Path

import pytest

from gateway.model.alarm import AlarmState, AlarmVerdict
from gateway.model.hit import HitState
from gateway.model.plate import Passing
from tests.ui.plate_town import FAR, NOT_HIM, REPORTED, STOLEN, plates_of
from tests.ui.test_accessibility import judge

pytestmark = pytest.mark.peer

SHOTS = os.environ.get("VARCO_SHOTS", "")
WAITING, UNSURE = ".hit[data-state='in-attesa']", ".hit[data-state='da-verificare']"


async def shot(page, name):
    """Keep a picture of the page where somebody asks for it."""
    if SHOTS:
        await page.evaluate("scrollTo(0, 0)")
        await page.wait_for_timeout(400)
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


@pytest.fixture
async def gate(town, tmp_path):
    """Return a real desk of plates for the town."""
    async with plates_of(town, tmp_path) as made:
        yield made


@pytest.fixture
async def base(gate, base):
    """Serve the town once it has its gate."""
    return base


def looks_of(town):
    """Who opened plates, as the ledger has it."""
    return [one.event for one in town.ledger.entries_now if one.event.event == "lpr.query.open"]


async def begin(screen):
    await screen.sign_in("anna")
    await screen.page.click("nav a[href='#/targhe']")
    await screen.page.wait_for_selector("h1:text-is('Riscontri di targhe')")


async def test_a_hit_is_compared_and_confirmed_by_keyboard(window, gate, town):
    """It appears by itself; one press opens it, two decide; who and when stand on the page."""
    async with window() as screen:
        page = screen.page
        await begin(screen)
        await page.wait_for_selector(".notice:has-text('Nessun riscontro')")
        hit = await gate.pass_by(STOLEN)
        await page.wait_for_selector(f"{WAITING}:has-text('In attesa di verifica')")
        words = await page.locator("main").inner_text()
        assert "Lista A1, veicolo rubato" in words
        assert "Varco Nord, corsia 1" in words
        assert STOLEN not in await page.content()
        assert looks_of(town) == []
        await judge(page)
        await page.locator(".hit-open").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector(f".plate-text:has-text('{STOLEN}')")
        (looked,) = looks_of(town)
        assert (looked.event, looked.case_ref, looked.purpose_code) == (
            "lpr.query.open", hit.id, "allarme",
        )  # fmt: skip
        for name in ("crop", "context"):
            shown = page.locator(f".hit-{name}")
            assert await shown.evaluate("one => one.complete && one.naturalWidth > 200")
        await judge(page)
        await shot(page, "plates-open")
        await page.keyboard.press("c")
        await page.wait_for_selector("dialog[open]:has-text('Confermare il riscontro?')")
        await judge(page)
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".hit[data-state='confermato']:has-text('da Anna Ricci')")
        assert (await gate.book.get(hit.id)).state is HitState.CONFIRMED
        record = await gate.outbox.find(hit.id)
        assert (record.verdict, record.closed_by) == (AlarmVerdict.CONFIRMED, "anna")
        assert STOLEN not in await page.content()
        await shot(page, "plates-confirmed")
        await page.goto(f"{screen.base}/#/allarmi/{hit.id}")
        await page.click("a:text-is('Confronta e decidi')")
        await page.wait_for_selector(".hit[data-state='confermato']")
        await page.get_by_role("button", name="English").click()
        await page.wait_for_selector("h1:text-is('Plate hits')")
        await page.wait_for_selector(".hit")
        words = await page.locator("main").inner_text()
        assert "plates." not in words
        assert "Lista" not in words


async def test_what_is_not_certain_waits_and_goes_out_once_confirmed(window, gate):
    """Marked to be verified, with what the reader doubted; only then do rooms elsewhere hear."""
    async with window() as screen:
        page = screen.page
        await begin(screen)
        hit = await gate.pass_by(REPORTED, certain=False, weak=(3,), passing=Passing.OUT)
        await page.wait_for_selector(f"{UNSURE}:has-text('Da verificare')")
        assert await gate.book.waiting(FAR.id) == []
        await page.locator(".hit-open").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".plate-text mark:text-is('0')")
        assert "Z" not in await page.locator(".plate-text mark").first.inner_text()
        assert "nulla è uscito da qui" in await page.locator(".hit-actions").inner_text()
        await judge(page)
        await shot(page, "plates-unsure")
        await page.keyboard.press("c")
        await page.wait_for_selector("dialog[open]:has-text('vanno alle sale')")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(
            ".hit[data-state='confermato']:has-text('inoltrata alle sale')"
        )
        assert [one.hit.id for one in await gate.book.waiting(FAR.id)] == [hit.id]
        assert (await gate.outbox.find(hit.id)).state is AlarmState.OPEN  # the rooms close it


async def test_the_wrong_car_is_discarded_by_keyboard_and_gone(window, gate, town, tmp_path):
    """*Non è lei*, Enter: the row goes, and with it every byte of text and picture."""
    async with window(width=390, height=844) as screen:
        page = screen.page
        await begin(screen)
        hit = await gate.pass_by(NOT_HIM)
        kept = await gate.book.kept(hit.id)
        await page.wait_for_selector(f"{UNSURE}:has-text('trovata con un’altra lettura')")
        await page.locator(".hit-open").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".hit-facts:has-text('ZQ881XA')")
        differing = page.locator(".hit-facts .plate-text mark")
        assert await differing.all_inner_texts() == ["8"]  # what the list has for the read B
        assert await page.evaluate("document.activeElement.tagName") == "DL"  # on neither answer
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await judge(page)
        await shot(page, "plates-phone")
        await page.keyboard.press("n")
        await page.wait_for_selector("dialog[open]:has-text('si cancellano subito')")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".notice:has-text('Nessun riscontro')")
        assert await gate.book.all() == []
        disk = b"".join(one.read_bytes() for one in tmp_path.rglob("*") if one.is_file())
        assert not any(one in disk for one in (kept.secret, kept.crop, NOT_HIM.encode()))
        (gone,) = [one for one in town.ledger.entries_now if one.event.event == "lpr.discard"]
        assert (gone.event.object_id, gone.event.actor_id) == ("voce-3", "anna")
        assert (await gate.outbox.find(hit.id)).verdict is AlarmVerdict.FALSE


async def test_small_figures_are_not_shown(window, gate, town):
    """Hours that are over, by gate; what is below ten says so, and its complement, too."""
    now_us = town.clock.now().utc_us
    cells = {Passing.IN: 41, Passing.OUT: 4}
    for hour, passing, count in (
        (2, Passing.IN, 41), (2, Passing.OUT, 23), (3, Passing.IN, 41), (3, Passing.OUT, 4),
    ):  # fmt: skip
        gate.desk.counts._cells["varco-nord-1", now_us // 3_600_000_000 - hour, passing] = count
    assert cells[Passing.OUT] < gate.desk.k
    async with window() as screen:
        page = screen.page
        await begin(screen)
        await page.wait_for_selector(".hit-counts table")
        rows = await page.locator(".hit-counts tbody tr").all_inner_texts()
        assert [one.split("\t")[2:] for one in rows] == [
            ["41", "23", "64"],
            ["non mostrato", "non mostrato", "45"],
        ]
        await judge(page)
        await shot(page, "plates-counts")


async def test_an_institute_has_no_such_page(window, gate):
    """Who may have no plates sees no hits, and its address shows nothing."""
    hit = await gate.pass_by(STOLEN)
    async with window() as screen:
        page = screen.page
        await screen.sign_in("ivo")
        assert await page.locator("nav a[href='#/targhe']").count() == 0
        for path in ("hits", f"hits/{hit.id}", "counts"):
            answer = await page.request.get(f"{screen.base}/api/plates/{path}?purpose=allarme")
            assert answer.status == 404
