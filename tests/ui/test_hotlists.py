# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The page of plate lists in a real browser: two people, and no plate until one is asked for."""

import pytest

from gateway.model.plate import PlateRead
from tests.ui.hotlist_town import hotlists_of
from tests.ui.test_accessibility import judge
from tests.unit.console.test_hotlists import NOW
from tests.unit.registry.hotlist_parts import as_csv, signed

pytestmark = pytest.mark.peer

PLATE = "FX417MZ"
REASON = "Persona scomparsa, ultima auto nota"


@pytest.fixture
async def town(town, tmp_path):
    """Return a town with hot lists behind the real gate."""
    async with hotlists_of(town, tmp_path):
        yield town


async def fill_in(page, **values):
    """Fill the fields of the open dialogue by their labels."""
    for label, value in values.items():
        await page.get_by_role("dialog").get_by_label(label, exact=True).fill(value)


async def test_one_asks_another_approves_and_only_who_asks_why_sees_the_plate(window, town):
    """What is on the screen: never the plate, but in the dialogue of who gave purpose and case."""
    async with window(height=900) as first, window(width=390, height=844) as second:
        page, other = first.page, second.page
        await first.sign_in("anna")
        await page.get_by_role("link", name="Liste targhe").click()
        await page.get_by_text("Nessuna lista ricevuta.").wait_for()
        await page.get_by_role("button", name="Nuova voce").press("Enter")
        dialog = page.get_by_role("dialog")
        await fill_in(
            page, Targa="fx 417 mz", Caso="INT 12/2026", Motivo=REASON, Atto="Ordinanza 7/2026",
            **{"Richiesta da": "Comando Polizia Locale"},
        )  # fmt: skip
        await judge(page)
        await dialog.get_by_role("button", name="Chiedi l’approvazione").click()
        waiting = page.get_by_role("article", name=REASON)
        await waiting.wait_for()
        assert "approva un’altra persona" in await waiting.inner_text()
        assert not await waiting.get_by_role("button", name="Approva").count()
        assert "417" not in await page.inner_text("main")
        await judge(page)
        assert sought(town) is None

        await second.sign_in("berta")
        await other.goto(f"{second.base}/#/liste-targhe")
        card = other.get_by_role("article", name=REASON)
        assert "Anna Ricci" in await card.inner_text()
        await judge(other)
        await card.get_by_role("button", name="Approva").click()
        await fill_in(other, Motivo="confermato con il comando")
        await other.get_by_role("dialog").get_by_role("button", name="Approva").click()
        await other.get_by_text("Chiesta da Anna Ricci, approvata da Berta Fini").wait_for()
        assert sought(town).kind.value == "locale"
        assert "417" not in await other.inner_text("main")

        await other.get_by_role("button", name=f"Mostra la targa: {REASON}").click()
        await fill_in(other, Motivo="verifica prima del turno")
        await other.get_by_role("dialog").get_by_role("button", name="Mostra la targa").click()
        shown = other.get_by_role("dialog", name="Targa", exact=True)
        await shown.wait_for()
        assert PLATE in await shown.inner_text()
        await judge(other)
        told = [one.event for one in town.ledger.entries_now if one.event.event == "lpr.query"]
        assert [(one.actor_id, one.case_ref) for one in told] == [("berta", "INT 12/2026")]
        await shown.get_by_role("button", name="Chiudi").click()
        assert "417" not in await other.inner_text("body")


async def test_a_signed_list_is_imported_and_counted(window, town):
    """A file and its signature; the table says whose, how many, until when, in both languages."""
    document, signature = signed(as_csv(f"{PLATE};IT;;", "EE555PQ;IT;;", sequence=7, **NOW))
    async with window(height=900) as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.goto(f"{screen.base}/#/liste-targhe")
        await page.get_by_role("button", name="Importa lista firmata").click()
        files = page.get_by_role("dialog").locator("input[type=file]")
        await files.nth(0).set_input_files(
            {"name": "a1.csv", "mimeType": "text/csv", "buffer": document + b"\n"}
        )
        await files.nth(1).set_input_files(
            {"name": "a1.csv.sig", "mimeType": "text/plain", "buffer": signature}
        )
        await fill_in(page, Caso="OS 4/2026", Motivo="consegna settimanale")
        send = page.get_by_role("dialog").get_by_role("button", name="Importa lista firmata")
        await send.click()
        alert = page.get_by_role("dialog").get_by_role("alert")
        await alert.filter(has_text="nulla è cambiato").wait_for()
        await files.nth(0).set_input_files(
            {"name": "a1.csv", "mimeType": "text/csv", "buffer": document}
        )
        await send.click()
        row = page.get_by_role("row").filter(has_text="questura")
        await row.wait_for()
        said = await row.inner_text()
        for words in ("Lista A1, veicolo rubato", "2", "consegna n. 7", "prot. 1234/2026"):
            assert words in said
        await judge(page)
        assert "417" not in await page.inner_text("body")
        await page.get_by_role("button", name="English").first.click()
        await page.get_by_role("heading", name="Plate lists").wait_for()


def sought(town):
    read = PlateRead(PLATE, 0.99, (0.99,) * 7, country="IT", certain=True)
    return town.hotlists.lists.match(read, town.clock.now())
