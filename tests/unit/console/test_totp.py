# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Signing in with a second device, and enrolling it, over HTTP."""

from dataclasses import replace

import httpx
import pyotp
import pytest

from gateway.console.app import build_control_app
from gateway.console.listener import bind_unix
from tests.ui.town import PASSWORD
from tests.unit.console.conftest import serving
from tests.unit.console.identity_parts import RealTown, real_site

ANNA = {"user": "anna", "password": PASSWORD}


@pytest.fixture
async def real():
    async with real_site() as site:
        yield site


async def test_enrolling_and_signing_in(real):
    """Secret, code, then both are needed; a code that was used is refused."""
    async with real.anonymous(headers={"Origin": real.base}) as client:
        assert (await client.post("/api/totp")).status_code == 401
        await client.post("/api/session", json=ANNA)
        shown = (await client.post("/api/totp")).json()
        assert shown["uri"].startswith("otpauth://totp/")
        assert shown["qr_svg"].startswith("<svg")
        wrong = await client.post("/api/totp/confirm", json={"code": "000000"})
        assert (wrong.status_code, wrong.json()["code"]) == (403, "totp-wrong")
        code = pyotp.TOTP(shown["secret"]).now()
        assert (await client.post("/api/totp/confirm", json={"code": code})).status_code == 200
        assert (await client.post("/api/totp")).json()["code"] == "totp-not-possible"
    async with real.anonymous(headers={"Origin": real.base}) as client:
        needed = await client.post("/api/session", json=ANNA)
        assert (needed.status_code, needed.json()["code"]) == (401, "totp-needed")
        assert "set-cookie" not in needed.headers
        replayed = await client.post("/api/session", json=ANNA | {"totp": code})
        assert (replayed.status_code, replayed.json()["code"]) == (401, "sign-in-refused")
        device = pyotp.TOTP(shown["secret"])
        fresh = device.generate_otp(int(real.town.clock.now().utc_us // 30_000_000) + 1)
        assert (await client.post("/api/session", json=ANNA | {"totp": fresh})).status_code == 201
    assert shown["secret"] not in repr(real.town.ledger.entries_now)


async def test_whoever_must_have_one_sees_nothing_before(real):
    """The restricted sign-in opens no page and no picture; enrolling gives another cookie."""
    real.town.change("anna", second_factor=True)
    async with real.anonymous(headers={"Origin": real.base}) as client:
        made = await client.post("/api/session", json=ANNA)
        assert (made.status_code, made.json()["user"], made.json()["enrol"]) == (201, None, True)
        before = client.cookies["varco_session"]
        for path in ("/api/cameras", "/api/alarms", "/api/alarms/events"):
            assert (await client.get(path)).status_code == 401
        body = {"camera": "piazza-1", "purpose": "servizio", "case": "1"}
        assert (await client.post("/api/tokens", json=body)).status_code == 401
        who = (await client.get("/api/session")).json()
        assert (who["user"], who["enrol"]) == (None, True)
        secret = (await client.post("/api/totp")).json()["secret"]
        done = await client.post("/api/totp/confirm", json={"code": pyotp.TOTP(secret).now()})
        assert (done.json()["user"]["id"], done.json()["enrol"]) == ("anna", False)
        assert client.cookies["varco_session"] != before
        assert (await client.get("/api/cameras")).status_code == 200
    async with real.anonymous(cookies={"varco_session": before}) as other:
        assert (await other.get("/api/cameras")).status_code == 401


async def test_no_other_page_enrols_with_our_cookie(real):
    """Neither secret nor confirmation for a request that another origin makes."""
    async with real.anonymous(headers={"Origin": real.base}) as client:
        await client.post("/api/session", json=ANNA)
        headers = {"Origin": "https://evil.example"}
        assert (await client.post("/api/totp", headers=headers)).status_code == 403
        body = {"code": "000000"}
        answer = await client.post("/api/totp/confirm", json=body, headers=headers)
        assert answer.json()["code"] == "origin-not-allowed"


COMMANDS = [
    ("/control/acts/patto-2026/extensions", {"until": "2030-01-01", "reason": "proroga"}),
    ("/control/held/h1/approve", {"reason": "serve"}),
    ("/control/held/h1/reject", {"reason": "non serve"}),
    ("/control/ledger/export", {"aim": "verifica-liceita"}),
    ("/control/accept", {"camera": "piazza-1"}),
]


@pytest.mark.parametrize(("path", "body"), COMMANDS)
async def test_no_command_goes_around_the_second_device(tmp_path, path, body):
    """On the control socket, too, a password alone is nobody where a device is due."""
    town, socket, desk = RealTown(), tmp_path / "control.sock", Untouched()
    town.change("anna", second_factor=True)
    services = replace(town.services(), acts=desk, inspection=desk)
    async with (
        serving(build_control_app(services), [bind_unix(socket)]),
        httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(socket)), base_url="http://control"
        ) as client,
    ):
        answer = await client.post(path, json=ANNA | body)
        assert (answer.status_code, answer.json()["code"]) == (401, "sign-in-refused")
        assert town.names() == ["auth.login", "auth.logout"]
        assert desk.asked == []


class Untouched:
    """A desk of which nothing may be asked."""

    def __init__(self):
        self.asked = []

    def __getattr__(self, name):
        self.asked.append(name)
        raise AttributeError(name)
