# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The shift over HTTP: opened, shown, closed; refused to whoever has none."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.console.app import build_app
from gateway.console.listener import bind_tcp
from tests.unit.console.conftest import Site, serving
from tests.unit.console.duties_parts import real_desk


@pytest.fixture
async def desk(town):
    async with real_desk(town) as served:
        yield served


async def test_a_shift_is_opened_shown_and_closed(desk, town):
    """One order for each sign-in; another one has to wait until it is closed."""
    async with desk.as_user("anna") as anna:
        assert (await anna.get("/api/shift")).json() == {"order": "", "until": ""}
        opened = await anna.post("/api/shift", json={"order": " OdS 4 ", "hours": 6})
        assert opened.json()["order"] == "OdS 4"
        assert (await anna.get("/api/shift")).json() == opened.json()
        again = await anna.post("/api/shift", json={"order": "OdS 4"})
        assert again.json() == opened.json()
        other = await anna.post("/api/shift", json={"order": "OdS 5"})
        assert (other.status_code, other.json()["code"]) == (409, "another-shift-open")
        assert (await anna.delete("/api/shift")).status_code == 204
        assert (await anna.get("/api/shift")).json()["order"] == ""
        for bad in ({"order": ""}, {"order": "  "}, {"order": "x", "hours": 13}, {}):
            assert (await anna.post("/api/shift", json=bad)).status_code == 422
    assert town.journal.names() == ["shift.open", "shift.close"]


async def test_owners_have_no_shifts(desk):
    """Who does no ordinary surveillance opens none; nobody is asked without a sign-in."""
    async with desk.as_user("marco") as marco:
        assert (await marco.post("/api/shift", json={"order": "1"})).status_code == 403
    async with desk.anonymous() as nobody:
        assert (await nobody.get("/api/shift")).status_code == 401


async def test_without_shifts_the_route_says_so(town):
    """A gateway that keeps none answers 503 to every verb."""
    bound = bind_tcp("127.0.0.1", 0)
    base = f"http://127.0.0.1:{bound.getsockname()[1]}"
    app = build_app(replace(town.services(), shifts=None))
    async with serving(app, [bound]), Site(town, base).as_user("anna") as anna:
        answers = [
            await anna.post("/api/shift", json={"order": "1"}),
            await anna.get("/api/shift"),
            await anna.delete("/api/shift"),
        ]
    assert [one.status_code for one in answers] == [503] * 3


@pytest.mark.parametrize(("more", "hours"), [({}, 8), ({"hours": 12}, 12), ({"hours": 0.5}, 0.5)])
async def test_the_end_of_a_shift_is_told(desk, town, more, hours):
    """As many hours from now as were asked for, eight where nobody says how many."""
    async with desk.as_user("anna") as anna:
        before = town.clock.now().utc()
        opened = (await anna.post("/api/shift", json={"order": "OdS 4"} | more)).json()
        late = datetime.fromisoformat(opened["until"]) - before - timedelta(hours=hours)
    assert timedelta(seconds=-1) < late < timedelta(seconds=30)
