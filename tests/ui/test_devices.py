# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The page of recorders and cameras as an installer reads it, in a real browser."""

from dataclasses import replace

import pytest

from gateway.ingest.events import SubscriptionHealth, SubscriptionState
from gateway.ingest.onvif_model import NtpState, TimeKind
from gateway.model.media import StreamState
from tests.ui.test_accessibility import SIZES, judge

pytestmark = pytest.mark.peer

RECORDER = ".device[aria-labelledby=device-scale]"
COUNTER = ".device[aria-labelledby=device-banco]"


async def enter(screen, user="ugo"):
    """Sign in and open the page."""
    await screen.sign_in(user)
    await screen.page.get_by_role("link", name="Impianti").click()
    await screen.page.wait_for_selector(RECORDER)
    return screen.page.locator(RECORDER)


async def test_a_recorder_tells_everything_that_is_wrong_with_it(window, town):
    """Clock in words, where it has its time from, events, sessions, masks, every channel."""
    async with window() as screen:
        recorder = await enter(screen)
        text = await recorder.inner_text()
        for words in (
            "Registratore comunale",
            "Piazza del Mercato · registratore · Marca NVR-16",
            "Raggiungibile\nda 3 giorni",
            "In ritardo di 12,4 s",
            "Oltre 5 s nessuna prova può essere sigillata.",
            "Ora regolata a mano, senza NTP",
            "In ascolto da 1 h 30 min",
            "Ultimo messaggio",
            "Sottoscrizione rifatta 2 volte",
            "2 in uso su 2",
            "Limite raggiunto",
            "1 su 2 confermate dall’apparecchio",
            "Piazza, lato portici: maschera applicata dal gateway",
            "L'ora è regolata a mano: impostare NTP",
        ):
            assert words in text.replace("\n\n", "\n"), words
        assert await recorder.get_attribute("data-tone") == "bad"
        assert await screen.page.locator(".count").inner_text() == "1 apparato · 1 da controllare"


async def test_a_lost_channel_is_shown_and_the_others_stay(window):
    """Each with its number, what the registry calls it, what it calls itself, and its state."""
    async with window() as screen:
        recorder = await enter(screen)
        first, second, third = await recorder.locator(".channel").all()
        text = (await first.inner_text()).split("\n")
        assert {"1", "Piazza, lato fontana", "CAM 1", "Dal vivo"} <= set(text)
        assert "Non nel registro" in await second.inner_text()
        assert await second.get_attribute("data-tone") == "calm"
        lost = await third.inner_text()
        assert "Piazza, lato portici" in lost
        assert "il canale non c'è più" in lost
        assert "Perso" in lost
        assert await third.get_attribute("data-tone") == "bad"


async def test_the_page_follows_the_device_without_flicker(window, town):
    """What changed is written anew, the rest stays the same element; who listens is told."""
    async with window() as screen:
        page = screen.page
        recorder = await enter(screen)
        await page.evaluate(
            f"""() => {{
              window.kept = document.querySelector("{RECORDER} .channel");
              window.state = document.querySelector("{RECORDER} .device-state > div");
            }}"""
        )
        now = town.clock.now()
        healed = replace(
            town.devices["scale"],
            online=False,
            since=now,
            problem="192.0.2.9: nessuna risposta in 5 s",
            time=NtpState(True, ("ntp.example",), 0.1, TimeKind.NTP),
            events=SubscriptionHealth(SubscriptionState.FAILING, now, problem="si è chiusa"),
        )
        town.devices["scale"] = healed
        await recorder.get_by_text("Non raggiungibile", exact=True).wait_for()
        text = await recorder.inner_text()
        assert "192.0.2.9: nessuna risposta in 5 s" in text
        assert "Preciso, entro 1 s" in text
        assert "Ora da NTP, server dal DHCP: ntp.example" in text
        assert "Non arrivano" in text
        assert "si è chiusa" in text
        said = page.locator("#spoken", has_text="Registratore comunale: Non raggiungibile")
        await said.wait_for(state="attached")
        assert await page.evaluate("window.kept.isConnected")
        assert not await page.evaluate("window.state.isConnected")
        town.streams["piazza-1"] = replace(town.streams["piazza-1"], state=StreamState.REFUSED)
        await recorder.get_by_text("Rifiuta le credenziali").wait_for()


async def test_an_owner_sees_his_camera_before_its_first_answer(window):
    """Nothing is known and nothing is claimed; the recorder of the town is not his."""
    async with window() as screen:
        await screen.sign_in("marco")
        await screen.page.get_by_role("link", name="Impianti").click()
        counter = screen.page.locator(COUNTER)
        await counter.wait_for()
        text = await counter.inner_text()
        assert "Prima risposta in arrivo" in text
        assert "Non ancora noto" in text
        assert "Non richiesti" in text
        assert await screen.page.locator(RECORDER).count() == 0


async def test_the_search_finds_channels_too(window):
    """By the name of a camera that hangs off a recorder; nothing found is said."""
    async with window() as screen:
        recorder = await enter(screen)
        await screen.page.fill("#find", "portici")
        assert await recorder.is_visible()
        await screen.page.fill("#find", "nessuno")
        await screen.page.get_by_text("Nessun apparato corrisponde").wait_for()
        assert await recorder.count() == 0


async def test_a_gateway_that_does_not_answer_is_said_and_what_was_known_stays(window):
    """The last picture of the devices with a sentence above it."""
    async with window() as screen:
        recorder = await enter(screen)
        await screen.page.route("**/api/devices", lambda route: route.abort())
        await screen.page.get_by_text("Il gateway non risponde").wait_for()
        assert await recorder.is_visible()
        await screen.page.unroute("**/api/devices")
        await screen.page.get_by_text("Il gateway non risponde").wait_for(state="hidden")


async def test_a_town_without_devices_says_so(window, town):
    """Not an empty page."""
    town.devices = {}
    async with window() as screen:
        await screen.sign_in("ugo")
        await screen.page.get_by_role("link", name="Impianti").click()
        await screen.page.get_by_text("Nessun registratore e nessuna telecamera ONVIF").wait_for()


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("language", ["it", "en"])
async def test_the_page_passes_the_automated_checks(window, town, language, width, height):
    """Contrast, names, headings, target size, and nothing wider than a narrow screen."""
    for number in range(4, 20):
        channel = replace(town.devices["scale"].channels[0], number=number, name="N" * 64)
        channels = (*town.devices["scale"].channels, channel)
        town.devices["scale"] = replace(town.devices["scale"], channels=channels)
    async with window(width, height) as screen:
        await enter(screen)
        if language == "en":
            await screen.page.get_by_role("button", name="English").click()
            await screen.page.get_by_text("12.4 s late").wait_for()
        await judge(screen.page)
        headings = await screen.page.locator("main :is(h1, h2, h3)").evaluate_all(
            "all => all.map((one) => Number(one.tagName[1]))"
        )
        assert headings == [1, 2, 3, 3]
