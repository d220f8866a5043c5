# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The browser's two visits on the way to a provider and back."""

import pytest

from gateway.access.oidc import OidcProblem
from gateway.console.words import Fault
from tests.unit.console.identity_parts import real_site


@pytest.fixture
async def real():
    async with real_site() as site:
        site.town.change("anna", oidc_subject="i|1")
        yield site


async def test_there(real):
    """A redirect with a short, hidden, Lax cookie for this path alone."""
    async with real.anonymous() as browser:
        answer = await browser.get("/api/oidc/login", params={"next": "/#/alarms"})
        assert (await browser.get("/api/session")).json()["oidc"] == [
            {"name": "comune", "title": "Accesso del Comune"}
        ]
    assert (answer.status_code, answer.headers["location"]) == (302, "https://id.example/auth?x=1")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("varco_oidc=sealed; ")
    for word in ("HttpOnly", "SameSite=lax", "Path=/api/oidc", "Max-Age=600"):
        assert word in cookie
    assert real.town.oidc.seen == ("", "/#/alarms")


async def test_and_back(real):
    """Signed in with a fresh Strict cookie; the short one is gone, whoever sat here before too."""
    real.town.oidc.subject = "i|1"
    async with real.anonymous(cookies={"varco_oidc": "sealed", "varco_session": "planted"}) as one:
        answer = await one.get("/api/oidc/callback", params={"code": "c", "state": "s"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/#/cameras")
        made, gone = sorted(answer.headers.get_list("set-cookie"), reverse=True)
        assert "SameSite=strict" in made
        assert "HttpOnly" in made
        assert "planted" not in made
        assert gone.startswith('varco_oidc=""')
        token = made.partition("=")[2].partition(";")[0]
    assert real.town.real.resolve(token).id == "anna"
    assert real.town.oidc.seen[:2] == ("s", "sealed")


@pytest.mark.parametrize("problem", list(OidcProblem))
async def test_every_problem_has_its_sentence(real, problem):
    """As a page for a browser, as a problem for a program; nobody gets a session."""
    real.town.oidc.subject, real.town.oidc.problem = "i|2", problem
    async with real.anonymous() as browser:
        page = await browser.get("/api/oidc/callback?lang=en", headers={"Accept": "text/html"})
        plain = await browser.get("/api/oidc/callback")
    assert page.headers["content-type"].startswith("text/html")
    assert "Sign-in failed" in page.text
    assert "<script" not in page.text
    assert plain.json()["code"] == Fault(problem.value).value == problem.value
    assert all(400 <= one.status_code < 600 for one in (page, plain))
    assert not any("varco_session" in one for one in page.headers.get_list("set-cookie"))


async def test_away_and_unknown(real):
    """A provider that is away is told; one that does not exist is not found."""
    async with real.anonymous() as browser:
        assert (await browser.get("/api/oidc/login?provider=altro")).status_code == 404
        real.town.oidc.away = True
        answer = await browser.get("/api/oidc/login")
    assert (answer.status_code, answer.json()["code"]) == (503, "oidc-away")


async def test_without_providers_there_is_nothing(site):
    """No configuration, no addresses, no button."""
    async with site.anonymous() as browser:
        assert (await browser.get("/api/oidc/login")).status_code == 404
        assert (await browser.get("/api/oidc/callback")).status_code == 404
        assert (await browser.get("/api/session")).json()["oidc"] == []
