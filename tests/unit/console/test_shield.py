# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Headers on every answer, and the second lock against other pages."""

import asyncio

import pytest

from gateway.console import shield
from gateway.console.listener import bind_tcp
from tests.ui.town import PASSWORD
from tests.unit.console.conftest import serving

PLACES = [
    "/",
    "/static/main.js",
    "/static/none",
    "/api/session",
    "/api/cameras",
    "/nowhere",
    "/openapi.json",
    "/healthz",
    "/metrics",
]


@pytest.mark.parametrize("path", PLACES)
async def test_every_answer_carries_the_protecting_headers(site, path):
    """Pages, files, API and errors alike: strict CSP, nosniff, no referrer."""
    async with site.anonymous() as client:
        headers = (await client.get(path)).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "camera=()" in headers["permissions-policy"]
    assert "strict-transport-security" not in headers
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/api/session", "/api/cameras", "/healthz"])
async def test_answers_of_the_api_are_not_kept(site, path):
    """no-store on everything that may name a person."""
    async with site.anonymous() as client:
        assert (await client.get(path)).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "SELF"}, 204),
        ({"Sec-Fetch-Site": "same-origin"}, 204),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://ok.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({}, 403),
    ],
)
async def test_cookie_identity_needs_our_own_origin(site, headers, status):
    """An unsafe request with the cookie must prove that our own page made it."""
    async with site.anonymous() as client:
        body = {"user": "anna", "password": PASSWORD}
        await client.post("/api/session", json=body, headers={"Origin": site.base})
        assert client.cookies
        sent = {name: site.base if value == "SELF" else value for name, value in headers.items()}
        answer = await client.delete("/api/session", headers=sent)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "origin-not-allowed"


async def test_another_page_cannot_sign_somebody_in(site):
    """Login CSRF: a foreign origin is refused even without a cookie."""
    async with site.anonymous() as client:
        answer = await client.post(
            "/api/session",
            json={"user": "anna", "password": PASSWORD},
            headers={"Origin": "https://evil.example"},
        )
    assert answer.status_code == 403


async def test_a_body_that_never_ends_is_given_up(town):
    """A peer that announces a body and then dawdles gets 408."""

    async def never(scope, receive, send):
        pytest.fail("reached the application")

    limit = shield.BodyLimit(never, most_s=0.05)
    sent = []

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    await limit(scope, receive, send)
    assert sent[0]["status"] == 408


async def test_a_bug_is_a_problem_without_its_text(town):
    """An unexpected error tells the peer nothing of itself."""
    from gateway.console.app import build_app

    def explode(camera):
        raise RuntimeError("secret detail")

    services = town.services()
    object.__setattr__(services, "status", explode)
    bound = bind_tcp("127.0.0.1", 0)
    from tests.unit.console.conftest import Site

    site = Site(town, f"http://127.0.0.1:{bound.getsockname()[1]}")
    async with serving(build_app(services), [bound]), site.as_user("anna") as client:
        answer = await client.get("/api/cameras")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal-error"
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("where", "status"),
    [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)],
)
async def test_another_page_cannot_look_in_somebodys_name(site, where, status):
    """A picture is asked for by GET: a page on another port must not write the ledger for us."""
    async with site.anonymous() as client:
        body = {"user": "anna", "password": PASSWORD}
        await client.post("/api/session", json=body, headers={"Origin": site.base})
        answer = await client.get("/api/cameras", headers={"Sec-Fetch-Site": where})
    assert answer.status_code == status
