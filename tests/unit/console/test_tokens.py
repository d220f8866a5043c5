# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Short tokens over HTTP: issued, taken once by WHEP, dark with the sign-in."""

import pytest

from tests.ui.town import GATE, SQUARE
from tests.unit.console.identity_parts import real_site
from tests.unit.console.test_whep import OFFER, SDP

ASKED = {"camera": SQUARE, "purpose": "servizio", "case": "OdS 1", "reason": "giro"}
ELSEWHERE = "https://ok.example"


@pytest.fixture
async def real():
    async with real_site() as site:
        yield site


async def issued(client, **more):
    answer = await client.post("/api/tokens", json=ASKED | more)
    assert answer.status_code == 201
    assert answer.json()["expires_s"] <= 60
    return answer.json()["token"]


async def watch(client, token, camera=SQUARE, **params):
    headers = SDP | {"Authorization": f"Bearer {token}", "Origin": ELSEWHERE}
    return await client.post(f"/whep/{camera}", content=OFFER, params=params, headers=headers)


async def test_a_player_elsewhere_looks_once(real):
    """Another origin's player begins, asks and ends with its token; again it is refused."""
    async with real.as_user("anna") as anna, real.anonymous() as player:
        token = await issued(anna)
        answer = await watch(player, token)
        assert answer.status_code == 201
        assert answer.headers["access-control-allow-origin"] == ELSEWHERE
        entry = next(
            one.event for one in real.town.ledger.entries_now if one.event.event == "live.open"
        )
        assert (entry.case_ref, entry.reason_text, entry.purpose_code) == (
            "OdS 1",
            "giro",
            "servizio",
        )
        again = await watch(player, token)
        assert (again.status_code, again.json()["code"]) == (401, "token-not-valid")
        assert 'error="invalid_token"' in again.headers["www-authenticate"]
        where, bearer = answer.headers["location"], {"Authorization": f"Bearer {token}"}
        assert (await player.get(where, headers=bearer)).json()["state"] == "live"
        assert (await player.get(f"/whep/{SQUARE}/altra", headers=bearer)).status_code == 401
        assert (await player.get("/api/cameras", headers=bearer)).status_code == 401
        assert (
            await player.get("/api/cameras", headers={"Cookie": f"varco_session={token}"})
        ).status_code == 401
        assert (await player.delete(where, headers=bearer)).status_code == 200
    assert "token.issue" in real.town.names()


@pytest.mark.parametrize(
    ("camera", "params"),
    [
        (GATE, {}),
        (SQUARE, {"purpose": "allarme"}),
        (SQUARE, {"case": "OdS 2"}),
        (SQUARE, {"reason": "altro"}),
        (SQUARE, {"break_glass": "true", "reason": "giro"}),
        (SQUARE, {"second": "123"}),
    ],
)
async def test_for_nothing_else(real, camera, params):
    """Another camera, purpose, case or anything that was not asked for: refused, and spent."""
    async with real.as_user("anna") as anna, real.anonymous() as player:
        token = await issued(anna)
        answer = await watch(player, token, camera, **params)
        assert (answer.status_code, answer.json()["code"]) == (401, "token-not-valid")
        assert (await watch(player, token)).status_code == 401
    assert real.town.media.running == {}


async def test_a_request_may_repeat_what_the_token_says(real):
    """The same words are no contradiction."""
    async with real.as_user("anna") as anna, real.anonymous() as player:
        token = await issued(anna)
        answer = await watch(player, token, purpose="servizio", case="OdS 1", stream="sub")
        assert answer.status_code == 201


async def test_signing_out_darkens_it(real):
    """The look ends with the sign-in that the token came from; waiting tokens are worth nothing."""
    async with real.as_user("anna") as anna, real.anonymous() as player:
        used, waiting = await issued(anna), await issued(anna)
        where = (await watch(player, used)).headers["location"]
        await anna.delete("/api/session")
        assert [reason for _, reason in real.town.media.ended] == ["signed-out"]
        assert (await watch(player, waiting)).status_code == 401
        bearer = {"Authorization": f"Bearer {used}"}
        assert (await player.get(where, headers=bearer)).status_code == 401


async def test_the_gate_decides_all_the_same(real):
    """A token for what the person may not see opens nothing, and the refusal is written down."""
    async with real.as_user("aldo") as aldo, real.anonymous() as player:
        answer = await watch(player, await issued(aldo))
    assert answer.status_code == 403
    assert "live.deny" in real.town.names()


@pytest.mark.parametrize("token", ["-", "vw1-x", "x" * 5000])
async def test_strangers(real, token):
    """Nobody without one, nor with a guess; nobody issues without a sign-in."""
    async with real.anonymous() as player:
        assert (await watch(player, token)).status_code == 401
        assert (await player.post("/api/tokens", json=ASKED)).status_code == 401
    async with real.as_user("anna") as anna:
        wrong = await anna.post("/api/tokens", json=ASKED | {"purpose": "curiosita"})
        assert wrong.status_code == 422
