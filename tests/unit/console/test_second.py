# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Four eyes over HTTP: ask, agree, look once."""

from dataclasses import replace

import pytest

from gateway.model.registry import Permit, Role
from tests.ui.town import SQUARE
from tests.unit.console.duties_parts import OFFER, SDP, real_desk

WISH = {"camera": SQUARE, "action": "live", "purpose": "intervento", "case": " INT 1 "}


@pytest.fixture
async def desk(town):
    async with real_desk(town) as served:
        yield served


async def test_four_eyes_over_http(desk, town):
    """Ask, have a colleague confirm, repeat with the code: the ledger names the colleague."""
    line = Permit("p", Role.PL_OPERATOR, ("live",), ("intervento",), four_eyes=True)
    town.registry = replace(town.registry, permits={"p": line})
    wish = {"camera": SQUARE, "action": "live", "purpose": "intervento", "case": "INT 1"}
    why = {"purpose": "intervento", "case": "INT 1"}
    async with desk.as_user("anna") as anna, desk.as_user("berta") as berta:
        alone = await anna.post(f"/whep/{SQUARE}", params=why, content=SDP, headers=OFFER)
        assert alone.json()["code"] == "second-person-needed"
        made = (await anna.post("/api/second", json={"request": wish})).json()
        assert (await anna.post(f"/api/second/{made['code']}")).status_code == 404
        async with desk.as_user("marco") as marco:
            assert (await marco.post(f"/api/second/{made['code']}")).status_code == 404
        told = (await berta.get(f"/api/second/{made['code']}")).json()
        assert (told["asker"], told["camera"]) == ("Anna Ricci", SQUARE)
        assert (await berta.post(f"/api/second/{made['code']}")).status_code == 204
        why["second"] = made["code"]
        both = await anna.post(f"/whep/{SQUARE}", params=why, content=SDP, headers=OFFER)
        assert both.status_code == 201
        once = await anna.post(f"/whep/{SQUARE}", params=why, content=SDP, headers=OFFER)
        assert once.status_code == 403
    opened = [one for one in town.journal.events if one.event == "live.open"]
    assert [one.delegated_by for one in opened] == ["berta"]


async def test_a_colleague_is_told_what_they_agree_to(desk):
    """Everything of the wish, trimmed; not to the asker, and nothing once it was agreed to."""
    async with desk.as_user("anna") as anna, desk.as_user("berta") as berta:
        made = await anna.post("/api/second", json={"request": WISH | {"reason": " giro "}})
        assert made.status_code == 201
        url = f"/api/second/{made.json()['code']}"
        told = (await berta.get(url)).json()
        assert told == {
            "asker": "Anna Ricci", "camera": SQUARE, "action": "live",
            "purpose": "intervento", "case": "INT 1", "reason": "giro",
        }  # fmt: skip
        assert (await anna.get(url)).status_code == 404
        assert (await berta.post(url)).status_code == 204
        assert (await berta.get(url)).status_code == 404
        assert (await berta.post(url)).status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"purpose": "curiosita"}, {"action": "look"}, {"case": "x" * 101}, {"more": 1}]
)
async def test_a_wish_that_says_nothing_known_is_refused(desk, wrong):
    """Codes stand for whole, known wishes; nobody gets one without a sign-in."""
    async with desk.as_user("anna") as anna:
        assert (await anna.post("/api/second", json={"request": WISH | wrong})).status_code == 422
    async with desk.anonymous() as nobody:
        assert (await nobody.post("/api/second", json={"request": WISH})).status_code == 401
