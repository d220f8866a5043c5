# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Reasons over HTTP: one's own for cameras one may know, anybody's for the administrator."""

from dataclasses import replace

import pytest

from gateway.console.looking import Why
from gateway.console.problem import ProblemError
from gateway.console.why import explain_for
from gateway.model.access import Purpose
from tests.ui.town import PHARMACY, SQUARE
from tests.unit.console.duties_parts import OFFER, SDP, real_desk, real_services

SERVICE = Why(Purpose.SERVICE, "OdS 4", "")


@pytest.fixture
async def desk(town):
    async with real_desk(town) as served:
        yield served


async def test_why_not(desk, town):
    """Each question has its answer in two languages; nothing is opened or written."""
    async with desk.as_user("anna") as anna:
        why = {"purpose": "servizio", "case": "OdS 4"}
        told = (await anna.get(f"/api/cameras/{PHARMACY}/why", params=why)).json()
        assert (told["allowed"], told["refusal"]) == (False, "only-on-alarm")
        assert told["steps"][-1]["question"] == "disclosure"
        assert {step["ok"] for step in told["steps"][:-1]} == {True}
        assert all(step["text_it"] and step["text_en"] for step in told["steps"])
        assert (await anna.get(f"/api/cameras/{PHARMACY}/why?action=x")).status_code == 422
    assert town.journal.names() == []


async def test_why_does_not_tell_of_others_cameras(desk):
    """A camera of another controller answers as one that does not exist."""
    async with desk.as_user("marco") as marco:
        hidden = await marco.get(f"/api/cameras/{SQUARE}/why?purpose=titolare")
        nowhere = await marco.get("/api/cameras/nessuna/why?purpose=titolare")
        assert hidden.status_code == nowhere.status_code == 404
        assert hidden.json() == nowhere.json()
        look = await marco.post(f"/whep/{SQUARE}?purpose=titolare", content=SDP, headers=OFFER)
        other = await marco.post("/whep/nessuna?purpose=titolare", content=SDP, headers=OFFER)
        assert (look.status_code, look.json()["code"]) == (404, other.json()["code"])


async def test_an_administrator_is_told_of_anybody(town):
    """A registry user's answer with act and end, and without a trace; 404 for a stranger."""
    services = real_services(town)
    yes = await explain_for("anna", SQUARE, SERVICE, "root", services)
    assert (yes.allowed, yes.refusal, yes.act) == (True, "", "patto-2026")
    assert yes.expires.endswith("Z")
    assert yes.policy_version == town.registry.version
    no = await explain_for("anna", PHARMACY, SERVICE, "root", services)
    assert (no.allowed, no.refusal, no.expires) == (False, "only-on-alarm", "")
    assert no.steps[-1].answer == "only-on-alarm"
    with pytest.raises(ProblemError) as unknown:
        await explain_for("nessuno", SQUARE, SERVICE, "root", services)
    assert unknown.value.status == 404
    assert town.journal.names() == []


async def test_without_a_policy_nothing_is_explained(town):
    """The administrator hears that it is away; it is not taken for a yes."""
    services = replace(real_services(town), rights=None)
    with pytest.raises(ProblemError) as away:
        await explain_for("anna", SQUARE, SERVICE, "root", services)
    assert away.value.status == 503
