# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Walls, emergencies and notices over HTTP, before the real gate."""

import asyncio
import json

import pytest

from tests.ui.town import PHARMACY, SQUARE
from tests.unit.console.duties_parts import OFFER, SDP, real_desk


@pytest.fixture
async def desk(town):
    async with real_desk(town) as served:
        yield served


async def test_a_wall_opens_under_its_order_and_no_other(desk):
    """The first look opens the shift; another order is refused with its own code."""
    async with desk.as_user("anna", **OFFER) as anna:
        why = {"purpose": "servizio", "case": "OdS 4"}
        assert (await anna.post(f"/whep/{SQUARE}", params=why, content=SDP)).status_code == 201
        assert (await anna.get("/api/shift")).json()["order"] == "OdS 4"
        why["case"] = "OdS 5"
        answer = await anna.post(f"/whep/{SQUARE}", params=why, content=SDP)
        assert (answer.status_code, answer.json()["code"]) == (403, "no-shift")


async def test_breaking_the_glass_over_whep(desk, town):
    """With ten characters of reason the closed camera opens, with an entry of its own."""
    async with desk.as_user("anna", **OFFER) as anna:
        why = {"purpose": "intervento", "case": "INT 1"}
        shut = await anna.post(f"/whep/{PHARMACY}", params=why, content=SDP)
        assert shut.json()["code"] == "only-on-alarm"
        short = await anna.post(
            f"/whep/{PHARMACY}", params=why | {"break_glass": "true", "reason": "boh"}, content=SDP
        )
        assert short.json()["code"] == "reason-missing"
        why |= {"break_glass": "true", "reason": "rapina in corso"}
        assert (await anna.post(f"/whep/{PHARMACY}", params=why, content=SDP)).status_code == 201
    assert town.journal.names()[-2:] == ["breakglass.use", "live.open"]


async def test_a_notice_reaches_its_person_only(desk, town):
    """What is told to Anna comes over her event stream, with its own event name."""
    async with desk.as_user("anna") as anna, anna.stream("GET", "/api/alarms/events") as stream:
        lines = stream.aiter_lines()
        async with asyncio.timeout(30):
            while await anext(lines) != "event: ready":
                pass
            town.notices.tell("confirm", {"n": 1}, to=lambda actor: actor.id == "marco")
            town.notices.tell("confirm", {"n": 2}, to=lambda actor: actor.id == "anna")
            while await anext(lines) != "event: confirm":
                pass
            data = (await anext(lines)).removeprefix("data: ")
    assert json.loads(data) == {"n": 2}
