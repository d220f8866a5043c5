# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Signing in and out."""

from tests.ui.town import PASSWORD, SQUARE


async def test_cookie_is_strict_and_hidden_from_scripts(site):
    """A sign-in sets an HttpOnly, SameSite=Strict cookie and tells no token to the page."""
    async with site.anonymous() as client:
        body = {"user": "anna", "password": PASSWORD}
        answer = await client.post("/api/session", json=body, headers={"Origin": site.base})
        assert answer.status_code == 201
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("varco_session=")
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Secure" not in cookie
        assert answer.json()["token"] is None
        session = (await client.get("/api/session")).json()
        assert session["user"]["views"] == ["alarms", "incidents", "cameras", "devices"]
        assert session["box"]["exercise"] is True


async def test_wrong_password_is_refused_in_the_language_asked(site):
    """A refused sign-in is a 401 problem with one code and a sentence in each language."""
    async with site.anonymous() as client:
        body = {"user": "anna", "password": "sbagliata"}
        italian = await client.post("/api/session", json=body)
        english = await client.post("/api/session?lang=en", json=body)
    for answer, start in ((italian, "Nome utente"), (english, "User name")):
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["code"] == "sign-in-refused"
        assert answer.json()["title"].startswith(start)
        assert "sbagliata" not in answer.text


async def test_signing_out_ends_the_token(site):
    """After DELETE the token is worth nothing."""
    async with site.as_user("anna") as client:
        assert (await client.get("/api/cameras")).status_code == 200
        assert (await client.delete("/api/session")).status_code == 204
        assert (await client.get("/api/cameras")).status_code == 401
        assert (await client.get("/api/session")).json()["user"] is None


async def test_a_body_with_unknown_fields_is_refused_without_echoing_the_password(site):
    """422 names the field and never repeats a secret."""
    async with site.anonymous() as client:
        body = {"user": "anna", "password": "segretissima", "admin": True}
        answer = await client.post("/api/session", json=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid-request"
    assert "admin" in answer.json()["detail"]
    assert "segretissima" not in answer.text


async def test_signing_out_ends_the_live_pictures_of_that_sign_in(site, town):
    """The session of this sign-in goes dark; one made from another sign-in goes on."""
    async with site.as_user("anna") as here, site.as_user("anna") as there:
        for client in (here, there):
            offer = await client.post(
                f"/whep/{SQUARE}",
                params={"purpose": "servizio", "case": "OS-1"},
                content="v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\n",
                headers={"Content-Type": "application/sdp"},
            )
            assert offer.status_code == 201
        mine = next(iter(town.media.running))
        assert (await here.delete("/api/session")).status_code == 204
    assert town.media.ended == [(mine, "signed-out")]
    assert len(town.media.running) == 1


async def test_polling_keeps_nobody_awake(site, town):
    """With a cookie only what a person did counts; a program's changes count, its reading not."""
    async with site.anonymous(headers={"Origin": site.base}) as page:
        await page.post("/api/session", json={"user": "anna", "password": PASSWORD})
        await page.get("/api/cameras")
        await page.post("/api/exercise/none")
        assert town.accounts.awake == []
        await page.get("/api/cameras", headers={"X-Varco-Person": "1"})
        assert len(town.accounts.awake) == 1
    async with site.as_user("anna") as program:
        await program.get("/api/cameras")
        assert len(town.accounts.awake) == 1
        await program.post("/api/alarms/x/close", json={"verdict": "falso"})
        assert len(town.accounts.awake) == 2


async def test_signing_in_ends_what_the_browser_had_before(site, town):
    """A planted or forgotten session does not live on beside the new one."""
    async with site.anonymous(headers={"Origin": site.base}) as page:
        for user in ("anna", "dora"):
            await page.post("/api/session", json={"user": user, "password": PASSWORD})
    assert [one.id for one in town.accounts.sessions.values()] == ["dora"]
