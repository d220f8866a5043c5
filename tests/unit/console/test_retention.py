# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.console.retention: each tenant reads and holds its own."""

from dataclasses import dataclass, replace
from datetime import date

import pytest

from gateway.assembly.retention import Kept
from gateway.console.retention import controllers_of
from gateway.model.access import Actor
from gateway.model.registry import Hold, Role, User
from gateway.model.retention import CopyClass
from tests.ui.town import GATE, PHARMACY

UTC_US = 1_790_000_000_000_000
SPAN = {"from": "2026-09-20T10:00:00Z", "to": "2026-09-20T11:00:00+02:00", "until": "2026-12-31"}
SPAN = SPAN | {"to": "2026-09-20T13:00:00+02:00"}


@dataclass
class Desk:
    """Takes orders; what is kept is a line per controller."""

    town: object

    def __post_init__(self):
        self.orders = []
        self.released = []

    def kept(self):
        owners = self.town.registry.controllers
        return [Kept(CopyClass.STILL, one, 24.0, UTC_US, 2) for one in owners]

    async def hold(self, order, *, by):
        self.orders.append((order, by.id))
        return "h-1"

    async def release(self, hold, *, by):
        self.released.append((hold, by.id))
        return True


@pytest.fixture
def desk(town, monkeypatch):
    made = Desk(town)
    services = town.services
    monkeypatch.setattr(town, "services", lambda: replace(services(), retention=made))
    return made


@pytest.fixture
def people(town, desk):
    """Users of every role that the town has, and a supervisor of its first room."""
    found = {}
    for user in town.registry.users.values():
        found.setdefault(user.role, user)
    return found


def owner_of(town, camera):
    return town.registry.controller_of(town.registry.cameras[camera]).id


def add(town, role, organisation, name):
    user = User(name, name, role, organisation)
    town.registry = replace(town.registry, users=town.registry.users | {name: user})
    return name


async def test_each_controller_reads_its_own_and_nothing_else(town, desk, site):
    """An owner and a DPO see their controller's line; a sysadmin and an operator none."""
    mine = owner_of(town, PHARMACY)
    for role in (Role.OWNER, Role.DPO):
        name = add(town, role, mine, f"x-{role.value.partition('.')[0]}")
        async with site.as_user(name) as client:
            answer = await client.get("/api/retention")
        assert answer.status_code == 200, answer.text
        (line,) = answer.json()["classes"]
        assert (line["controller"], line["keep_h"], line["items"]) == (mine, 24.0, 2)
        assert line["oldest_utc"].endswith("Z")
    for role in (Role.SYSADMIN, Role.PL_OPERATOR, Role.AUDITOR, Role.INSTALLER):
        name = add(town, role, mine, f"y-{role.value.partition('.')[0]}")
        async with site.as_user(name) as client:
            assert (await client.get("/api/retention")).status_code == 403
            assert (await client.post("/api/holds", json=SPAN | {"act": "7"})).status_code == 403
    assert desk.orders == []


async def test_an_owner_holds_its_own_only(town, desk, site):
    """Another tenant's camera or controller is as good as unknown."""
    mine, other = owner_of(town, PHARMACY), owner_of(town, GATE)
    assert mine != other
    name = add(town, Role.OWNER, mine, "titolare")
    async with site.as_user(name) as client:
        made = await client.post("/api/holds", json=SPAN | {"act": "7/2026", "cameras": [PHARMACY]})
        assert (made.status_code, made.json()) == (201, {"id": "h-1"})
        theirs = [{"cameras": [GATE]}, {"cameras": ["none"]}, {"controller": other}]
        for wish in theirs:
            body = SPAN | {"act": "7/2026"} | wish
            assert (await client.post("/api/holds", json=body)).status_code == 404
        assert (await client.post("/api/holds", json=SPAN)).status_code == 422
    ((order, by),) = desk.orders
    assert (order.controller, order.cameras, by) == (mine, (PHARMACY,), name)
    assert order.to_utc_us - order.from_utc_us == 3600 * 10**6
    assert order.until == date(2026, 12, 31)


async def test_a_room_knows_what_acts_name_for_it(town, desk, site):
    """A supervisor reaches the cameras of its acts; a stranger's room none."""
    room = next(
        one
        for act in town.registry.acts.values()
        for scope in act.scopes
        if GATE in scope.cameras
        for one in scope.recipients
    )
    name = add(town, Role.PS_SUPERVISOR, room, "dirigente")
    async with site.as_user(name) as client:
        body = SPAN | {"act": "7/2026", "cameras": [GATE]}
        assert (await client.post("/api/holds", json=body)).status_code == 201
        hidden = replace(town.registry.cameras[GATE], id="nuova")
        cameras = town.registry.cameras | {"nuova": hidden}
        town.registry = replace(town.registry, cameras=cameras)
        assert (
            await client.post("/api/holds", json=body | {"cameras": ["nuova"]})
        ).status_code == 404
        body = SPAN | {"act": "8/2026", "controller": owner_of(town, GATE)}
        assert (await client.post("/api/holds", json=body)).status_code == 201
    assert GATE in desk.orders[1][0].cameras
    assert "nuova" not in desk.orders[1][0].cameras
    stranger = Actor("z", "Z", Role.PS_SUPERVISOR, "altrove", "s", "password")
    assert controllers_of(town.registry, stranger) == frozenset()
    assert desk.orders[0][0].controller == owner_of(town, GATE)


async def test_a_hold_is_taken_back_by_those_who_set_it(town, desk, site):
    """An owner reads the hold that a room set on its cameras, and cannot end it."""
    mine, other = owner_of(town, PHARMACY), owner_of(town, GATE)
    room = add(town, Role.PS_SUPERVISOR, "sala", "dirigente")
    owner = add(town, Role.OWNER, mine, "titolare")
    holds = {
        "h-room": Hold("h-room", "7", mine, (PHARMACY,), 1, 2, date(2027, 1, 1), room),
        "h-own": Hold("h-own", "8", mine, (), 1, 2, date(2027, 1, 1), owner),
        "h-other": Hold("h-other", "9", other, (), 1, 2, date(2027, 1, 1), "x"),
    }
    town.registry = replace(town.registry, holds=holds)
    async with site.as_user(owner) as client:
        seen = (await client.get("/api/retention")).json()["holds"]
        assert {one["id"]: one["releasable"] for one in seen} == {"h-own": True, "h-room": False}
        assert (await client.delete("/api/holds/h-own")).status_code == 204
        assert (await client.delete("/api/holds/h-room")).status_code == 403
        assert (await client.delete("/api/holds/h-other")).status_code == 404
        assert (await client.delete("/api/holds/none")).status_code == 404
    assert desk.released == [("h-own", owner)]


async def test_without_a_sign_in_nothing_is_told(town, desk, site):
    """401 for strangers; nothing of it is stored by a browser."""
    async with site.anonymous() as client:
        answer = await client.get("/api/retention")
    assert answer.status_code == 401
    assert answer.headers["cache-control"] == "no-store"
