# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Scenes and one-click accounts: only in an exercise."""

from dataclasses import replace

import httpx
import pytest

from gateway.console.app import build_app
from gateway.console.listener import bind_tcp
from tests.ui.town import Exercise, SceneState
from tests.unit.console.conftest import Site, serving


@pytest.fixture
async def training(town):
    """Return a console with an exercise."""
    town.exercise = Exercise(town)
    bound = bind_tcp("127.0.0.1", 0)
    async with serving(build_app(town.services()), [bound]):
        yield Site(town, f"http://127.0.0.1:{bound.getsockname()[1]}")


async def test_cards_speak_the_language_asked(training):
    """Scenes and accounts come with names and in one language."""
    async with training.anonymous() as client:
        italian = (await client.get("/api/exercise")).json()
        english = (await client.get("/api/exercise?lang=en")).json()
        session = (await client.get("/api/session")).json()
    assert italian["scenes"][0]["title"] == "Intruso in farmacia"
    assert english["scenes"][0]["title"] == "Intruder in the pharmacy"
    assert italian["accounts"][0]["name"] == "Anna Ricci"
    assert session["box"]["scenes"] is True


async def test_a_scene_that_takes_its_time_tells_how_far_it_is(training, town):
    """Progress as figures, the end in the language of the request; the others are ready."""
    town.exercise.states["farmacia"] = SceneState(
        enabled=False, running=True, done=3, whole=20, text_it="finita", text_en="over"
    )
    async with training.anonymous() as client:
        (italian,) = (await client.get("/api/exercise")).json()["scenes"]
        (english,) = (await client.get("/api/exercise?lang=en")).json()["scenes"]
        town.exercise.states.clear()
        (ready,) = (await client.get("/api/exercise")).json()["scenes"]
    figures = ("enabled", "running", "done", "whole", "state")
    assert [italian[one] for one in figures] == [False, True, 3, 20, "finita"]
    assert english["state"] == "over"
    assert [ready[one] for one in figures] == [True, False, 0, 0, ""]


async def test_one_click_signs_in_as_a_listed_account_alone(training):
    """A listed account gets its cookie; any other is 404, another page 403."""
    async with training.anonymous(headers={"Origin": training.base}) as client:
        other = await client.post("/api/exercise/sessions/sara")
        assert (other.status_code, "set-cookie" in other.headers) == (404, False)
        made = await client.post("/api/exercise/sessions/aldo")
        assert made.status_code == 201
        assert made.json()["user"]["views"] == ["ledger"]
        assert "HttpOnly" in made.headers["set-cookie"]
        assert (await client.get("/api/ledger/checkpoint")).status_code == 200
        evil = {"Origin": "https://evil.example"}
        refused = await client.post("/api/exercise/sessions/aldo", headers=evil)
        assert refused.status_code == 403


async def test_a_scene_needs_a_signed_in_person(training, town):
    """Anonymous 401, unknown 404, else it runs."""
    async with training.anonymous() as client:
        assert (await client.post("/api/exercise/scenes/farmacia")).status_code == 401
    assert town.alarms.records == {}
    async with training.as_user("anna") as client:
        assert (await client.post("/api/exercise/scenes/altro")).status_code == 404
        assert (await client.post("/api/exercise/scenes/farmacia")).status_code == 200
    assert len(town.alarms.records) == 1


@pytest.mark.parametrize("simulated", [True, False])
async def test_without_an_exercise_there_are_no_such_routes(town, simulated):
    """Neither a box without scenes nor one with real pictures has them."""
    town.exercise = None if simulated else Exercise(town)
    town.box = replace(town.box, exercise=simulated)
    app = build_app(town.services())
    assert not [path for path in app.openapi()["paths"] if "exercise" in path]
    bound = bind_tcp("127.0.0.1", 0)
    base = f"http://127.0.0.1:{bound.getsockname()[1]}"
    async with serving(app, [bound]), httpx.AsyncClient(base_url=base) as client:
        assert (await client.get("/api/exercise")).status_code == 404
        assert (await client.post("/api/exercise/sessions/anna")).status_code == 404
        assert (await client.get("/api/session")).json()["box"]["scenes"] is False
