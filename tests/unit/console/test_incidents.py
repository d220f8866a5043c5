# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Incidents over HTTP: a real server before a real desk on a real store."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from gateway.console.app import build_app
from gateway.console.listener import bind_tcp
from gateway.model.errors import LedgerError
from tests.ui.incident_town import MACHINE, QUESTURA, incidents_of
from tests.ui.town import PHARMACY, ROOM, SQUARE, Town
from tests.unit.console.conftest import Site, serving

BODY = {"title": "Rapina in farmacia", "kind": "reato", "priority": 5, "address": "Corso Italia"}
KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}


@asynccontextmanager
async def rooms(folder):
    """Serve the town; yields the site with clients of both rooms."""
    town = Town()
    async with incidents_of(town, folder):
        bound = bind_tcp("127.0.0.1", 0)
        async with serving(build_app(town.services()), [bound]):
            site = Site(town, f"http://127.0.0.1:{bound.getsockname()[1]}")
            async with site.as_user("anna") as anna, site.as_user("pino") as pino:
                yield site, anna, pino


async def opened(client, **more):
    answer = await client.post("/api/incidents", json={**BODY, **more})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/incidents/{answer.json()['id']}"
    return answer.headers["location"]


async def test_the_life_of_an_incident(tmp_path):
    """Opened, shared, talked about, handed over, taken and closed, with a journal of it all."""
    async with rooms(tmp_path) as (_, anna, pino):
        path = await opened(anna, cameras=[SQUARE], latitude=44.03, longitude=10.13)
        assert (await pino.get(path)).status_code == 404
        shared = await anna.post(f"{path}/shares", json={"organisation": QUESTURA})
        assert [one["id"] for one in shared.json()["shared_with"]] == [QUESTURA]
        await anna.post(f"{path}/messages", json={"text": "Fugge verso nord\nin scooter"})
        there = (await pino.get(path)).json()
        assert (there["leads"], there["shares"]) == (False, False)
        assert there["incident"]["unread"] == 1
        (message,) = there["messages"]
        assert (message["person"], message["own"]) == ("", False)
        assert message["text"] == "Fugge verso nord\nin scooter"
        assert "Anna" not in (await pino.get(path)).text
        read = await pino.post(f"{path}/receipts", json={"upto": message["id"]})
        assert read.json()["unread"] == 0
        (receipt,) = (await anna.get(path)).json()["messages"][0]["receipts"]
        assert (receipt["organisation"]["id"], bool(receipt["read"])) == (QUESTURA, True)
        assert (await pino.post(f"{path}/take")).status_code == 403
        handed = await anna.post(f"{path}/hand-over", json={"organisation": QUESTURA})
        assert (handed.json()["state"], handed.json()["responsible"]["id"]) == ("passato", QUESTURA)
        assert (await anna.patch(path, json={"priority": 1})).json()["code"] == "not-responsible"
        assert (await pino.post(f"{path}/take")).json()["state"] == "preso-in-carico"
        assert (await pino.patch(path, json={"priority": 4})).json()["priority"] == 4
        closing = {"outcome": "risolto", "note": "fermato in via Roma"}
        assert (await pino.post(f"{path}/close", json=closing)).json()["outcome"] == "risolto"
        detail = (await anna.get(path)).json()
        assert [one["what"] for one in detail["journal"]] == [
            "opened", "camera-attached", "shared", "message", "handed-over", "taken", "updated",
            "closed",
        ]  # fmt: skip
        late = await anna.post(f"{path}/messages", json={"text": "tardi"})
        assert (late.status_code, late.json()["code"]) == (409, "incident-already-closed")


async def test_others_never_learn_of_it(tmp_path):
    """Neither lists nor ids nor any command tell another room that an incident exists."""
    async with rooms(tmp_path) as (_, anna, pino):
        path = await opened(anna)
        assert (await pino.get("/api/incidents")).json()["incidents"] == []
        invented = "/api/incidents/01890000-0000-7000-8000-000000000000"
        for method, tail, body in COMMANDS:
            real = await pino.request(method, path + tail, json=body)
            fake = await pino.request(method, invented + tail, json=body)
            assert (real.status_code, real.json()) == (404, fake.json()), tail


COMMANDS = [
    ("PATCH", "", {"priority": 1}),
    ("POST", "/take", None),
    ("POST", "/cameras", {"cameras": ["piazza-1"]}),
    ("DELETE", "/cameras/piazza-1", None),
    ("POST", "/alarms", {"alarms": ["a"]}),
    ("DELETE", "/alarms/a", None),
    ("POST", "/shares", {"organisation": ROOM}),
    ("DELETE", f"/shares/{QUESTURA}", None),
    ("POST", "/hand-over", {"organisation": ROOM}),
    ("POST", "/close", {"outcome": "risolto"}),
    ("POST", "/messages", {"text": "ehi"}),
    ("POST", "/receipts", {"upto": "m"}),
]


@pytest.mark.parametrize("user", ["marco", "dora", "aldo", "ivo", "sara", "ugo"])
async def test_only_rooms_deal_with_incidents(tmp_path, user):
    """Owners, institutes, data protection and technicians neither read nor change them."""
    async with rooms(tmp_path) as (site, anna, _), site.as_user(user) as client:
        path = await opened(anna)
        for method, tail, body in [("GET", "", None), *COMMANDS]:
            answer = await client.request(method, path + tail, json=body)
            assert answer.status_code == 403, tail
        assert (await client.get("/api/incidents")).status_code == 403


async def test_nobody_without_a_sign_in(tmp_path):
    """401 before anything else."""
    async with rooms(tmp_path) as (site, anna, _), site.anonymous() as nobody:
        path = await opened(anna)
        for method, tail, body in [("GET", "", None), *COMMANDS]:
            assert (await nobody.request(method, path + tail, json=body)).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"title": ""},
        {"title": "t" * 121},
        {"title": "a\x00b"},
        {"title": "a\nb"},
        {"kind": "festa"},
        {"priority": 6},
        {"latitude": 44.0},
        {"latitude": 91, "longitude": 10},
        {"cameras": ["esiste-no"]},
        {"cameras": [PHARMACY] * 65},
        {"alarms": ["nessuno"]},
        {"opened_by": QUESTURA},
    ],
)
async def test_what_enters_is_read_strictly(tmp_path, body):
    """A title, a kind that exists, a whole place, and only what the own organisation knows."""
    async with rooms(tmp_path) as (_, anna, _pino):
        answer = await anna.post("/api/incidents", json={**BODY, **body})
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert (await anna.get("/api/incidents")).json()["incidents"] == []


@pytest.mark.parametrize("text", ["", "   ", "x" * 1001, "a\x07b"])
async def test_a_message_has_words_and_a_bound(tmp_path, text):
    """At most a thousand characters, and none that no one can read."""
    async with rooms(tmp_path) as (_, anna, _pino):
        path = await opened(anna)
        assert (await anna.post(f"{path}/messages", json={"text": text})).status_code == 422
        exactly = await anna.post(f"{path}/messages", json={"text": "x" * 1000})
        assert exactly.json()["messages"] == 1


# keys --------------------------------------------------------------------------------------


async def test_the_same_key_and_body_have_one_effect_and_one_answer(tmp_path):
    """Also with and without the quotes of a structured field, and although things went on."""
    async with rooms(tmp_path) as (_, anna, _pino):
        first = await anna.post("/api/incidents", json=BODY, headers=KEY)
        path = first.headers["location"]
        await anna.post(f"{path}/take")
        bare = {"Idempotency-Key": KEY["Idempotency-Key"].strip('"')}
        again = await anna.post("/api/incidents", json=BODY, headers=bare)
        assert (again.status_code, again.text) == (first.status_code, first.text)
        assert again.headers["location"] == path
        assert len((await anna.get("/api/incidents")).json()["incidents"]) == 1
        for _ in range(3):
            said = await anna.post(f"{path}/messages", json={"text": "uno"}, headers=KEY)
            assert said.json()["messages"] == 1


async def test_the_same_key_with_another_body_is_refused(tmp_path):
    """422 with a code of its own; nothing happens."""
    async with rooms(tmp_path) as (_, anna, _pino):
        await anna.post("/api/incidents", json=BODY, headers=KEY)
        other = await anna.post("/api/incidents", json={**BODY, "priority": 1}, headers=KEY)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
        assert len((await anna.get("/api/incidents")).json()["incidents"]) == 1


async def test_keys_of_others_are_their_own(tmp_path):
    """Two rooms may use the same key; so may one at two addresses."""
    async with rooms(tmp_path) as (_, anna, pino):
        mine = await anna.post("/api/incidents", json=BODY, headers=KEY)
        theirs = await pino.post("/api/incidents", json=BODY, headers=KEY)
        assert mine.json()["id"] != theirs.json()["id"]


async def test_what_failed_may_be_tried_again_under_its_key(tmp_path):
    """An error is not remembered: the ledger is back, the incident is opened."""
    async with rooms(tmp_path) as (site, anna, _pino):
        journal = site.town.incidents._p.journal
        works, journal.append = journal.append, _refuses
        failed = await anna.post("/api/incidents", json=BODY, headers=KEY)
        assert (failed.status_code, failed.json()["code"]) == (503, "ledger-not-writable")
        journal.append = works
        assert (await anna.post("/api/incidents", json=BODY, headers=KEY)).status_code == 201


async def _refuses(event):
    raise LedgerError("disk full")


async def test_a_key_whose_request_still_runs_is_told_so(tmp_path):
    """Two at once: one is done, the other is asked to wait; the effect is there once."""
    async with rooms(tmp_path) as (site, anna, _pino):
        journal = site.town.incidents._p.journal
        works, goes_on, waits = journal.append, asyncio.Event(), asyncio.Event()

        async def slow(event):
            waits.set()
            await goes_on.wait()
            return await works(event)

        journal.append = slow
        async with asyncio.TaskGroup() as group:
            first = group.create_task(anna.post("/api/incidents", json=BODY, headers=KEY))
            await waits.wait()
            second = await anna.post("/api/incidents", json=BODY, headers=KEY)
            assert (second.status_code, second.json()["code"]) == (409, "idempotency-key-running")
            goes_on.set()
        assert first.result().status_code == 201


# machines and cameras ----------------------------------------------------------------------


async def test_a_dispatch_system_works_with_its_certificate(tmp_path):
    """A machine of a room opens and closes incidents; a desk's certificate enters nothing."""
    async with rooms(tmp_path) as (site, anna, _pino):
        accounts = site.town.accounts
        accounts.resolve_ = accounts.resolve
        known = {"machine": MACHINE}
        accounts.resolve = lambda token: known.get(token) or accounts.resolve_(token)
        async with site.anonymous(headers={"Authorization": "Bearer machine"}) as machine:
            path = await opened(machine)
            assert (await anna.get(path)).json()["journal"][0]["person"] == "Nodo remoto"
            assert (await machine.post(f"{path}/take")).status_code == 200
            desk = site.town.registry.users["anna"]
            known["machine"] = type(MACHINE)(
                desk.id, desk.name, desk.role, desk.organisation, "m", "certificate"
            )
            assert (await machine.get(path)).status_code == 200
            assert (await machine.post(f"{path}/take")).status_code == 403


async def test_a_shared_incident_shows_its_cameras_while_it_is_open(tmp_path):
    """The list of cameras of the other room grows by what its act shows in incidents, then not."""
    async with rooms(tmp_path) as (_, anna, pino):
        path = await opened(
            anna, cameras=[SQUARE, "piazza-2"], latitude=44.03035, longitude=10.1297
        )

        async def listed():
            return [one["id"] for one in (await pino.get("/api/cameras")).json()]

        assert await listed() == []
        await anna.post(f"{path}/shares", json={"organisation": QUESTURA})
        assert await listed() == [SQUARE]
        near = await pino.get("/api/cameras/nearest", params={"lat": 44.03, "lon": 10.1297})
        assert [one["camera"]["id"] for one in near.json()] == [SQUARE]
        assert (await pino.get(path)).json()["incident"]["cameras"] == [SQUARE]
        await anna.post(f"{path}/close", json={"outcome": "risolto"})
        assert await listed() == []
        closed = (await pino.get(path)).json()
        assert (closed["incident"]["cameras"], closed["attached"]) == ([], [])
        assert SQUARE not in str(closed["journal"])


async def test_alarms_are_attached_by_whom_they_concern(tmp_path):
    """The room that got the alarm attaches it; the other, which did not, does not read of it."""
    async with rooms(tmp_path) as (site, anna, pino):
        alarm = site.town.alarms.raise_one().alarm.id
        path = await opened(anna, alarms=[alarm])
        await anna.post(f"{path}/shares", json={"organisation": QUESTURA})
        assert (await anna.get(path)).json()["incident"]["alarms"] == [alarm]
        assert (await pino.get(path)).json()["incident"]["alarms"] == []
        assert alarm not in (await pino.get(path)).text
        refused = await pino.post(f"{path}/alarms", json={"alarms": [alarm]})
        assert (refused.status_code, refused.json()["code"]) == (422, "incident-reference")
