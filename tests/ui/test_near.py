# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cameras beside an alarm, and what a card tells of its stream, in a real browser."""

from dataclasses import replace

import pytest

from tests.ui.town import PHARMACY

pytestmark = pytest.mark.peer


async def test_an_alarm_offers_the_cameras_that_look_there(window, town):
    """The nearest that sees the place comes first; the keyboard alone brings its picture."""
    town.alarms.raise_one(severity=4)
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.click(".alarm-row a")
        await page.wait_for_selector(".near-cameras:not([hidden])")
        near = page.get_by_role("region", name="Telecamere vicine che guardano qui")
        names = await near.locator("h3").all_inner_texts()
        assert names[:2] == ["Piazza, lato fontana", "Piazza, lato portici"]
        first = near.locator(".card").first
        assert "A 18 m: inquadra questo punto" in await first.inner_text()
        assert "Banco e ingresso" not in await near.inner_text()
        assert await near.get_by_text("guarda-altrove").count() == 0
        await first.get_by_role("button", name="Guarda Piazza, lato fontana").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector("dialog[open]")
        await page.fill("#why-case", "4711")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".near-cameras .player[data-state=live]")
        await page.get_by_role("button", name="Falso").click()
        await page.wait_for_selector(".dark-note:not([hidden])")
        assert await near.is_hidden()
        await page.wait_for_function("!document.querySelector('.near-cameras .player')")


async def test_a_camera_that_nobody_placed_offers_none(window, town):
    """The list is not there at all; nothing is empty or broken."""
    cameras = dict(town.registry.cameras)
    cameras[PHARMACY] = replace(cameras[PHARMACY], latitude=0.0, longitude=0.0)
    town.registry = replace(town.registry, cameras=cameras)
    town.alarms.raise_one()
    async with window() as screen:
        await screen.sign_in("anna")
        async with screen.page.expect_response(lambda answer: "/nearest" in answer.url):
            await screen.page.click(".alarm-row a")
        await screen.page.wait_for_selector(".player[data-state=live]")
        assert await screen.page.locator(".near-cameras").is_hidden()


async def test_a_card_tells_stream_recorder_and_a_wrong_clock(window):
    """Codec, size, rate, stops, channel; a clock more than a second off is a warning in words."""
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.get_by_role("link", name="Telecamere").click()
        gate = page.locator(".card[aria-labelledby=camera-varco-nord]")
        await gate.wait_for()
        text = await gate.inner_text()
        assert "H.265 · 1920 × 1080 · 13 immagini al secondo · ferma 1 volta" in text
        assert "Orologio della telecamera in ritardo di 61,3 s" in text
        square = await page.locator(".card[aria-labelledby=camera-piazza-1]").inner_text()
        assert "H.264 · 1920 × 1080 · 25 immagini al secondo" in square
        assert "Orologio" not in square
        portico = await page.locator(".card[aria-labelledby=camera-piazza-2]").inner_text()
        assert "Registratore comunale, canale 3" in portico
        assert "ferma 4 volte" in portico
