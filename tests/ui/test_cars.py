# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The two buttons of the gate's scene in a real browser: cars that pass, then the search."""

from dataclasses import replace

import pytest

from tests.ui.test_accessibility import judge
from tests.ui.town import Outcome, Scene, SceneState

pytestmark = pytest.mark.peer

CARS, SEARCH = "500 auto, una cercata", "Cerca le altre 499"
OVER = "500 passate. Chi è cercato è in «Riscontri»."
FOUND = "Delle 499 che nessuno cerca: 0 trovate in 41 file."


class Gate:
    """A scene whose progress the test moves on."""

    def __init__(self, exercise):
        self.states = exercise.states
        self.finds, self.asked = 0, []
        exercise.scenes = (
            *exercise.scenes,
            replace(Scene(), id="corsie", title_it=CARS),
            replace(Scene(), id="cerca", title_it=SEARCH),
        )
        exercise.run = self.run
        self.states["cerca"] = SceneState(enabled=False)

    async def run(self, scene):
        self.asked.append(scene)
        if scene == "corsie":
            self.pass_by(0)
            return Outcome()
        return Outcome(FOUND, details="    14  1 run", finds=self.finds)

    def pass_by(self, done):
        over = done == 500
        self.states["corsie"] = SceneState(
            running=not over, done=done, whole=500, text_it=OVER if over else ""
        )
        self.states["cerca"] = SceneState(enabled=over)


@pytest.fixture
def gate(town, base):
    """Return the scene, in the exercise of a town that is served."""
    return Gate(town.exercise)


async def test_cars_pass_visibly_and_then_the_others_are_looked_for(window, gate):
    """The second button waits for the first; figures run; the end is told once, also aloud."""
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        cars, search = (page.get_by_role("button", name=one) for one in (CARS, SEARCH))
        await cars.wait_for()
        assert await search.is_disabled()
        assert await page.locator(".scene-state:visible").count() == 0
        await cars.focus()
        await page.keyboard.press("Enter")
        bar = page.get_by_role("progressbar", name=CARS)
        await bar.wait_for()
        assert await cars.is_disabled()
        gate.pass_by(312)
        await page.get_by_text("312 di 500").wait_for()
        assert await bar.get_attribute("max") == "500"
        assert await bar.evaluate("one => one.value") == 312
        await judge(page)
        gate.pass_by(500)
        await page.locator(".scene-state").get_by_text(OVER).wait_for()
        await page.locator("[aria-live]", has_text=OVER).first.wait_for(state="attached")
        assert await bar.is_hidden()
        await search.click()
        await page.get_by_role("dialog").get_by_text(FOUND).wait_for()
        assert "Su disco, nei log e sul broker: 0" in await page.locator(".outcome-ok").inner_text()
        await judge(page)
        assert gate.asked == ["corsie", "cerca"]


async def test_what_was_found_is_no_good_news_and_a_reload_goes_on_counting(window, gate):
    """A find stands out; who opens the page while cars pass sees how far they are."""
    gate.pass_by(120)
    async with window() as screen:
        page = screen.page
        await screen.sign_in("anna")
        await page.get_by_text("120 di 500").wait_for()
        gate.pass_by(123)
        await page.get_by_text("123 di 500").wait_for()
        gate.pass_by(500)
        gate.finds = 2
        search = page.get_by_role("button", name=SEARCH)
        await search.click()
        assert "broker: 2" in await page.locator(".outcome-bad").inner_text()
