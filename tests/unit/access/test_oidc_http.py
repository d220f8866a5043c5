# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""HTTP towards a provider: where it goes, what it takes."""

from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gateway.access.oidc_http import MOST_BYTES, ProviderHttp
from gateway.model.errors import PeerError
from tests.certificates import Certificate

ISSUER = "https://id.example/realm"


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://id.example/keys", True),
        ("https://ID.example:443/keys", True),
        ("https://keys.example/", True),
        ("https://keys.example:8443/", False),
        ("https://id.example:8443/", False),
        ("http://id.example/", False),
        ("https://id.example.evil.example/", False),
        ("https://id.example@evil.example/", False),
        ("https://user:secret@id.example/", False),
        ("https://127.0.0.1/", False),
        ("http://127.0.0.1/", False),
        ("https://[::1", False),
        ("https://id.example:99999/", False),
        ("ftp://id.example/", False),
        ("//id.example/", False),
        ("", False),
    ],
)
def test_its_own_hosts_only(url, allowed):
    """Name, port and scheme have to fit; nobody hides in a user name."""
    assert ProviderHttp(ISSUER, ("keys.example",)).allows(url) is allowed


async def test_other_hosts_are_not_even_asked():
    """The refusal names the place, without what could be a secret."""
    http = ProviderHttp(ISSUER)
    with pytest.raises(PeerError, match="not one of the provider's hosts") as caught:
        await http.get("https://evil.example/x?token=s3cret")
    assert "s3cret" not in str(caught.value)


@asynccontextmanager
async def answering(handler, tls=None):
    """Serve one handler for every path; return the base URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def test_objects_and_forms():
    """A GET returns the object; a form arrives with its authorization, whatever the status."""
    seen = {}

    async def handler(request):
        seen.update(await request.post())
        seen["authorization"] = request.headers.get("Authorization")
        seen["cookie"] = request.headers.get("Cookie")
        response = web.json_response({"a": 1}, status=400 if request.method == "POST" else 200)
        response.set_cookie("x", "y")
        return response

    async with answering(handler) as base:
        http = ProviderHttp(base)
        assert await http.get(base + "/a") == {"a": 1}
        answer = await http.post(base + "/token", {"code": "c"}, "Basic x")
    assert (answer.ok, answer.body) == (False, {"a": 1})
    assert seen == {"code": "c", "authorization": "Basic x", "cookie": None}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"1", b"{", b"\xff", b"[" * 100_000, b"{" + b" " * MOST_BYTES + b"}"]
)
async def test_anything_but_a_small_object_is_refused(body):
    """Not JSON, not an object, too deep, too long."""

    async def handler(request):
        return web.Response(body=body)

    async with answering(handler) as base:
        with pytest.raises(PeerError):
            await ProviderHttp(base).get(base + "/a")


async def test_redirects_are_not_followed():
    """A provider that sends us elsewhere is refused; elsewhere hears nothing."""
    paths = []

    async def handler(request):
        paths.append(request.path)
        return web.Response(status=302, headers={"Location": "/b"})

    async with answering(handler) as base:
        with pytest.raises(PeerError):
            await ProviderHttp(base).get(base + "/a")
    assert paths == ["/a"]


async def test_nobody_there():
    """A closed port is told as a provider that is away."""

    async def handler(request):
        return web.json_response({})

    async with answering(handler) as base:
        pass
    with pytest.raises(PeerError):
        await ProviderHttp(base).get(base + "/a")


async def test_the_certificate_is_verified(tmp_path):
    """One that no authority of ours signed ends it; with its authority configured it is good."""

    async def handler(request):
        return web.json_response({"a": 1})

    certificate = Certificate(tmp_path, "127.0.0.1")
    async with answering(handler, certificate.server()) as base:
        with pytest.raises(PeerError):
            await ProviderHttp(base).get(base + "/a")
        ours = ProviderHttp(base, ca=certificate.certificate_file)
        assert await ours.get(base + "/a") == {"a": 1}
