# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Confirming over HTTP that a picture is still needed."""

import pytest

from gateway.model.access import Grant, Refusal, Regime, Verdict
from tests.unit.access.town import NOW, wish
from tests.unit.console.duties_parts import real_desk


@pytest.fixture
async def desk(town):
    async with real_desk(town) as served:
        yield served


async def test_confirming(desk, town):
    """Only what the gateway knows as this person's look is confirmed."""
    async with desk.as_user("anna") as anna:
        assert (await anna.post("/api/looks/s-9/confirm")).status_code == 404
        assert town.looks.confirmed == [("s-9", "anna")]


async def test_a_confirmed_look_tells_its_new_end(desk, town):
    """The time at which it is asked about again."""
    until = NOW.shifted(1800)
    town.looks.answer = Grant("g", wish(), "patto", Regime.GDPR, NOW, until, 1)
    async with desk.as_user("anna") as anna:
        told = await anna.post("/api/looks/s-1/confirm")
    assert (told.status_code, told.json()) == (200, {"expires": "2026-06-15T10:30:00.000Z"})


async def test_a_look_that_may_not_go_on_says_why(desk, town):
    """The refusal of the gate reaches the viewer with its code and words."""
    town.looks.answer = Verdict(False, Refusal.ALARM_CLOSED, "È chiuso.", "It is closed.")
    async with desk.as_user("anna") as anna:
        told = await anna.post("/api/looks/s-1/confirm")
    assert (told.status_code, told.json()["code"]) == (403, Refusal.ALARM_CLOSED.value)


async def test_nobody_confirms_without_a_sign_in(desk, town):
    """The question never gets as far as the looks, nor does a session of endless name."""
    async with desk.anonymous() as nobody:
        assert (await nobody.post("/api/looks/s-1/confirm")).status_code == 401
    async with desk.as_user("anna") as anna:
        assert (await anna.post(f"/api/looks/{'x' * 201}/confirm")).status_code == 422
    assert town.looks.confirmed == []
