# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The list of cameras."""

from dataclasses import replace

import pytest

from gateway.model.registry import Role, User
from tests.ui.town import PHARMACY


async def test_the_room_sees_state_since_and_disclosure(site, town):
    """An operator gets each shared camera with its state, not its address."""
    record = town.alarms.raise_one()
    async with site.as_user("anna") as client:
        answer = await client.get("/api/cameras")
    cards = {card["id"]: card for card in answer.json()}
    assert set(cards) == set(town.registry.cameras)
    assert cards["piazza-2"]["state"] == "stalled"
    assert cards["scuola-1"]["problem"].endswith("nessuna risposta in 5 s")
    assert cards["farmacia-1"]["disclosure"] == "su-allarme"
    assert cards["farmacia-1"]["open_alarm"] == record.alarm.id
    assert cards["piazza-1"]["open_alarm"] == ""
    assert cards["piazza-1"]["since"].endswith("Z")
    assert "rtsp" not in answer.text


async def test_a_card_tells_what_an_installer_asks_for(site):
    """Codec, size, rate, stalls, clock, and the recorder's channel."""
    async with site.as_user("anna") as client:
        cards = {card["id"]: card for card in (await client.get("/api/cameras")).json()}
    gate, portico = cards["varco-nord"], cards["piazza-2"]
    assert (gate["codec"], gate["width_px"], gate["fps"], gate["stalls"]) == ("H265", 1920, 12.5, 1)
    assert gate["clock_offset_s"] == -61.3
    assert (gate["device_name"], gate["channel"]) == ("", 0)
    assert (portico["device_name"], portico["channel"]) == ("Registratore comunale", 3)
    assert cards["scuola-1"]["codec"] == ""


async def test_the_cameras_near_a_place_come_with_what_they_see_of_it(site):
    """Those that look at it first; one that looks away last, however near (A-04)."""
    async with site.as_user("anna") as client:
        place = {"lat": 44.03022, "lon": 10.1299}
        found = (await client.get("/api/cameras/nearest", params=place)).json()
        few = (await client.get("/api/cameras/nearest", params=place | {"most": 1})).json()
    looks = [(one["camera"]["id"], one["look"]) for one in found]
    assert looks[:3] == [
        ("farmacia-1", "vede"),
        ("piazza-1", "vede"),
        ("piazza-2", "guarda-verso"),
    ]
    assert looks[-1][1] == "guarda-altrove"
    assert few == found[:1]
    assert found[0]["distance_m"] == pytest.approx(12.0, abs=0.2)
    assert found[0]["bearing_deg"] == pytest.approx(222, abs=1)
    assert found[0]["camera"]["state"] == "live"
    assert "rtsp" not in str(found)


async def test_around_an_alarm_its_own_camera_is_left_out(site, town):
    """The operator wants other views of what the alarm's camera shows."""
    record = town.alarms.raise_one()
    async with site.as_user("anna") as client:
        found = (await client.get("/api/cameras/nearest", params={"alarm": record.alarm.id})).json()
    assert PHARMACY not in {one["camera"]["id"] for one in found}
    assert found[0]["camera"]["id"] == "piazza-1"
    assert found[0]["look"] == "vede"


async def test_nobody_learns_of_cameras_or_alarms_that_are_not_theirs(site, town):
    """The same visibility as in the list; somebody else's alarm does not exist."""
    record = town.alarms.raise_one("piazza-1", recipients=())
    place = {"lat": 44.03022, "lon": 10.1299}
    for user, expected in (("marco", {PHARMACY}), ("ivo", set()), ("aldo", set())):
        async with site.as_user(user) as client:
            found = (await client.get("/api/cameras/nearest", params=place)).json()
            answer = await client.get("/api/cameras/nearest", params={"alarm": record.alarm.id})
        assert {one["camera"]["id"] for one in found} == expected
        assert answer.status_code == 404
    async with site.anonymous() as client:
        assert (await client.get("/api/cameras/nearest", params=place)).status_code == 401


@pytest.mark.parametrize(
    "place", [{}, {"lat": 44}, {"lat": 91, "lon": 10}, {"lat": 44, "lon": 10, "most": 51}]
)
async def test_a_place_must_be_on_earth(site, place):
    """Half a place, too far north, too many: refused with 422."""
    async with site.as_user("anna") as client:
        answer = await client.get("/api/cameras/nearest", params=place)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid-request"


async def test_an_alarm_of_a_camera_that_nobody_placed_has_no_neighbours(site, town):
    """Nothing is invented."""
    record = town.alarms.raise_one()
    camera = replace(town.registry.cameras[PHARMACY], latitude=0.0, longitude=0.0)
    town.registry = replace(town.registry, cameras={**town.registry.cameras, PHARMACY: camera})
    async with site.as_user("anna") as client:
        answer = await client.get("/api/cameras/nearest", params={"alarm": record.alarm.id})
    assert answer.json() == []


@pytest.mark.parametrize(
    ("user", "expected"),
    [("marco", {"farmacia-1"}), ("aldo", set()), ("ivo", set()), ("rete", set())],
)
async def test_others_see_only_their_own(site, user, expected):
    """An owner sees its cameras alone; an auditor, an institute and a machine see none."""
    async with site.as_user(user) as client:
        cards = (await client.get("/api/cameras")).json()
    assert {card["id"] for card in cards} == expected


async def test_a_controller_does_not_see_another_ones_cameras(site, town):
    """Controllers are isolated from each other, also for a data protection officer."""
    users = {**town.registry.users, "x": User("x", "X", Role.DPO, "farmacia")}
    town.registry = replace(town.registry, users=users)
    async with site.as_user("x") as client:
        cards = (await client.get("/api/cameras")).json()
    assert [card["id"] for card in cards] == ["farmacia-1"]
    assert cards[0]["viewable"] is False


async def test_a_card_tells_of_its_open_alarm_whatever_others_have(site, town):
    """Newer alarms of other houses push none off the cards."""
    record = town.alarms.raise_one(ago_s=900)
    for _ in range(201):
        town.alarms.raise_one("piazza-1", recipients=())
    async with site.as_user("anna") as client:
        cards = {card["id"]: card for card in (await client.get("/api/cameras")).json()}
    assert cards[PHARMACY]["open_alarm"] == record.alarm.id
