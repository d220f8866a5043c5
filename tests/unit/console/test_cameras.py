# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The list of cameras."""

from dataclasses import replace

import pytest

from gateway.model.registry import Role, User


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
