# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The owner's page over HTTP."""

import asyncio
import json
from dataclasses import replace

import pytest

from gateway.assembly.owner import Alert, Look, told_to
from gateway.model.registry import Pause, TenantKind, User
from gateway.model.registry import Role as Roles
from gateway.registry.tenants import project_of
from tests.ui.town import PHARMACY, SQUARE

SEEN = Look(
    4, 1_700_000_000_000_000, "live.open", "sala-pl", "pl.operator", "allarme", "al", PHARMACY
)


class Desk:
    """Owners with one look each, and pauses that change the town's registry."""

    def __init__(self, town):
        self.town = town
        self.read = set()
        self.book = {"farmacia": [SEEN], "comune": [replace(SEEN, camera=SQUARE, seq=5)]}

    def looks(self, controller):
        return self.book[controller]

    def alerts(self, controller):
        return [Alert(one, "persona dispersa") for one in self.book[controller]]

    def fitness(self, controller):
        return project_of(self.town.registry, controller)

    async def acknowledge(self, alert, *, by):
        found = alert in {one.seq for one in self.book[by.organisation]}
        self.read |= {alert} if found else set()
        return found

    async def pause(self, cameras, reason, *, by):
        made = Pause("p1", by.organisation, tuple(cameras), by.id, 1, reason)
        self.town.registry = replace(self.town.registry, pauses={"p1": made})
        return made

    async def resume(self, pause, *, by):
        known = self.town.registry.pauses.get(pause)
        if known is None or known.controller != by.organisation:
            return False
        self.town.registry = replace(self.town.registry, pauses={})
        return True


@pytest.fixture
def desk(town, site):
    """The owner's desk in the running console; Clara owns the municipality's cameras."""
    users = town.registry.users | {"clara": User("clara", "Clara", Roles.OWNER, "comune")}
    town.registry = replace(town.registry, users=users)
    made = Desk(town)
    site.app.state.services = replace(town.services(), owners=made)
    return made


async def test_an_owner_reads_its_own_page(site, desk):
    """Cameras, looks, alerts and pauses of its house, with names."""
    async with site.as_user("marco") as client:
        page = (await client.get("/api/mine")).json()
    assert page["controller"]["name"] == "Farmacia Santini"
    assert page["controller"]["project"] is None
    assert [one["id"] for one in page["cameras"]] == [PHARMACY]
    (look,) = page["looks"]
    assert look["organisation_name"] == "Sala operativa Polizia Locale"
    assert (look["camera_name"], look["until"]) == ("Banco e ingresso", "")
    assert page["alerts"][0]["reason"] == "persona dispersa"
    assert page["pauses"] == []
    assert page["may_pause"] is True
    assert "Fontana" not in str(page)


async def test_a_still_is_over_as_it_begins(site, desk):
    """Its end is its beginning; it does not look as if somebody were still watching."""
    desk.book["farmacia"] = [replace(SEEN, event="live.snapshot")]
    async with site.as_user("marco") as client:
        (look,) = (await client.get("/api/mine")).json()["looks"]
    assert look["until"] == look["utc"]


async def test_a_dpo_reads_and_does_not_switch(site, desk):
    """The DPO of a controller advises; the owner decides."""
    async with site.as_user("dora") as client:
        page = await client.get("/api/mine")
        refused = await client.post("/api/mine/pause", json={})
    assert page.json()["may_pause"] is False
    assert page.json()["controller"]["id"] == "comune"
    assert refused.status_code == 403


@pytest.mark.parametrize("user", ["anna", "ivo", "aldo", "sara", "ugo", "rete"])
async def test_nobody_else_has_such_a_page(site, desk, user):
    """Also roles of the controller's own organisation: 403, whatever exists."""
    async with site.as_user(user) as client:
        answers = [
            await client.get("/api/mine"),
            await client.post("/api/mine/pause", json={"cameras": [PHARMACY]}),
            await client.delete("/api/mine/pause/p1"),
            await client.post("/api/mine/alerts/4"),
        ]
    assert {one.status_code for one in answers} == {403}


async def test_pausing_and_resuming(site, desk):
    """The page and the camera's card say so, and the pause can be taken back."""
    async with site.as_user("marco") as client:
        made = await client.post("/api/mine/pause", json={"cameras": [PHARMACY], "reason": " x "})
        page = (await client.get("/api/mine")).json()
        (card,) = (await client.get("/api/cameras")).json()
        ended = await client.delete("/api/mine/pause/p1")
        again = await client.delete("/api/mine/pause/p1")
    assert made.status_code == 201
    assert (made.json()["by_name"], made.json()["reason"]) == ("Marco Santini", "x")
    assert page["cameras"][0]["paused"] is True
    assert page["pauses"][0]["cameras"] == [PHARMACY]
    assert card["paused"] is True
    assert (ended.status_code, again.status_code) == (204, 404)


async def test_anothers_camera_is_like_one_that_does_not_exist(site, desk):
    """The same status and the same words; also where an own camera stands beside."""
    async with site.as_user("marco") as client:
        answers = [
            await client.post("/api/mine/pause", json={"cameras": cameras})
            for cameras in ([SQUARE], ["nessuna"], [PHARMACY, SQUARE])
        ]
    assert {one.status_code for one in answers} == {404}
    assert len({one.text for one in answers}) == 1
    assert not desk.town.registry.pauses


async def test_anothers_pause_and_alert_do_not_exist(site, desk):
    """Neither can be ended or acknowledged, nor told from nothing."""
    async with site.as_user("marco") as client:
        await client.post("/api/mine/pause", json={})
    async with site.as_user("clara") as client:
        answers = [
            await client.delete("/api/mine/pause/p1"),
            await client.delete("/api/mine/pause/p9"),
            await client.post("/api/mine/alerts/4"),
            await client.post("/api/mine/alerts/999"),
        ]
        own = await client.post("/api/mine/alerts/5")
    assert {(one.status_code, one.text) for one in answers} == {(404, answers[0].text)}
    assert own.status_code == 204
    assert desk.read == {5}
    assert desk.town.registry.pauses


async def test_pauses_are_bounded(site, desk):
    """A hundred at once."""
    pauses = {f"p{n}": Pause(f"p{n}", "farmacia", (), "marco", 1) for n in range(100)}
    desk.town.registry = replace(desk.town.registry, pauses=pauses)
    async with site.as_user("marco") as client:
        assert (await client.post("/api/mine/pause", json={})).status_code == 429


async def test_a_project_is_counted_on_the_page(site, desk):
    """How many plants an enterprise has, and how many the law asks for."""
    owner = replace(
        desk.town.registry.controllers["farmacia"],
        kind=TenantKind.ENTERPRISE,
        security_project=True,
    )
    controllers = desk.town.registry.controllers | {"farmacia": owner}
    desk.town.registry = replace(desk.town.registry, controllers=controllers)
    async with site.as_user("marco") as client:
        page = (await client.get("/api/mine")).json()
    assert page["controller"]["project"] == {"sites": 1, "needed": 10}


async def test_an_owner_hears_of_a_look_at_once(site, desk):
    """Over the event stream that the page has open anyway; the room does not hear it."""
    tell = told_to(site.app.state.services.notices.tell)

    async def lines(client, heard):
        async with client.stream("GET", "/api/alarms/events") as stream:
            async for line in stream.aiter_lines():
                heard.append(line)
                if line == "event: ready":
                    ready.append(client)
                if line.startswith('data: {"camera"'):
                    return

    ready, owner, room = [], [], []
    async with (
        site.as_user("marco") as marco,
        site.as_user("anna") as anna,
        asyncio.timeout(30),
        asyncio.TaskGroup() as group,
    ):
        group.create_task(lines(marco, owner))
        listening = group.create_task(lines(anna, room))
        while len(ready) < 2:
            await asyncio.sleep(0)
        tell("farmacia", "owner", {"camera": PHARMACY})
        while "event: owner" not in owner:
            await asyncio.sleep(0)
        listening.cancel()
    assert json.loads(owner[-1].removeprefix("data: ")) == {"camera": PHARMACY}
    assert "event: owner" not in room
