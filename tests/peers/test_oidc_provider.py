# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Sign-in at a certified OpenID provider (npm oidc-provider) on this machine."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwk

from gateway.access.oidc import Oidc, OidcClient, OidcProblem, Provider
from gateway.access.oidc_http import Answer, ProviderHttp
from gateway.access.oidc_keys import REFETCH_S, ProviderBook
from gateway.model.access import Actor
from gateway.model.errors import PeerError
from gateway.model.registry import Role
from gateway.runtime.clock import SystemClock

pytestmark = pytest.mark.peer

FOLDER = Path(__file__).parent / "oidc_provider"
CALLBACK = "https://varco.example/api/oidc/callback"
SECRET = "una parola fra il Varco e il gestore"


def signing_key(kid):
    """Return a key pair as the provider is given it."""
    key = jwk.RSAKey.generate_key(2048)
    return {**key.as_dict(private=True), "kid": kid, "use": "sig", "alg": "RS256"}


class ShiftedClock:
    """The machine's clock, moved on by hand; a provider's copy ages without waiting."""

    def __init__(self):
        self._real = SystemClock()
        self.shift_s = 0.0

    def now(self):
        return self._real.now()

    def monotonic_s(self):
        return self._real.monotonic_s() + self.shift_s


@dataclass(frozen=True)
class MadeSignIn:
    token: str
    actor: Actor
    restricted: bool = False


class Accounts:
    """Who was found."""

    def __init__(self):
        self.subjects = []
        self.refused = []

    async def sign_in_by_provider(self, subject, acr, source_ip, *, strong=False):
        self.subjects.append((subject, acr))
        actor = Actor("anna", "Anna", Role.PL_OPERATOR, "sala-pl", "s", "oidc", acr=acr)
        return MadeSignIn("t", actor)

    async def refuse_provider(self, error, source_ip):
        self.refused.append(error)


class Spied(ProviderHttp):
    """Real exchanges; the answer of the token endpoint can be exchanged for another."""

    swap = None

    async def post(self, url, form, authorization=""):
        answer = await super().post(url, form, authorization)
        if self.swap is None:
            return answer
        return Answer(200, {"id_token": self.swap(answer.body["id_token"])})


class Running:
    """The provider, and a box that signs people in there."""

    def __init__(self, process, port, folder, client_pem):
        self.process = process
        self.issuer = f"http://127.0.0.1:{port}"
        self.folder = folder
        self.client_pem = client_pem
        self.accounts = Accounts()
        self.clock = ShiftedClock()
        self.http = Spied(self.issuer)

    def box(self, *, by_key=False, acr=(), client_id=None):
        """Return a box that starts anew, with what is on disk."""
        how = {"private_key": self.client_pem} if by_key else {"secret": SECRET}
        name = client_id or ("varco-key" if by_key else "varco-secret")
        client = OidcClient("id", "Id", self.issuer, name, CALLBACK, acr=acr, **how)
        book = ProviderBook(self.issuer, self.http, self.clock, self.folder / "id.json", 7200)
        return Oidc([Provider(client, book, self.http)], self.accounts, self.clock)

    async def rotate(self, *keys):
        """Have the provider sign with other keys."""
        self.process.stdin.write((json.dumps({"keys": keys}) + "\n").encode())
        await self.process.stdin.drain()
        await ready(self.process)

    async def stop(self):
        """Take the provider away."""
        self.process.stdin.close()
        await self.process.wait()

    async def visit(self, location, **wish):
        """Be a person with a browser at the provider; return what they come back with."""
        async with httpx.AsyncClient() as browser:
            for _ in range(12):
                if location.startswith(CALLBACK):
                    return {k: v[0] for k, v in parse_qs(urlsplit(location).query).items()}
                if "/interaction/" in location:
                    location += f"?{urlencode(wish)}"
                answer = await browser.get(location)
                assert answer.is_redirect, answer.text
                location = str(answer.next_request.url)
        raise AssertionError("the provider does not send the browser back")

    async def sign_in(self, oidc, **wish):
        """Go there and come back."""
        begun = await oidc.begin("id", "/")
        back = await self.visit(begun.location, **({"who": "4711", "acr": "L2"} | wish))
        return await oidc.finish(back, begun.cookie, "192.0.2.7")


async def ready(process):
    async with asyncio.timeout(30):
        while (line := await process.stdout.readline()) != b"ready\n":
            assert line, "the provider does not start: .ci/peers installs it"


@asynccontextmanager
async def running(folder):
    """Run the provider on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    ours = jwk.ECKey.import_key(pem)
    told = {
        "port": port,
        "redirect_uri": CALLBACK,
        "secret": SECRET,
        "client_jwk": {**ours.as_dict(private=False), "kid": ours.thumbprint(), "use": "sig"},
        "keys": [signing_key("k1")],
    }
    process = await asyncio.create_subprocess_exec(
        "node", "provider.mjs", json.dumps(told), cwd=FOLDER,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await ready(process)
        yield Running(process, port, folder, pem)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def peer(tmp_path):
    async with running(tmp_path) as found:
        yield found


@pytest.mark.parametrize("by_key", [False, True])
async def test_a_person_signs_in(peer, by_key):
    """With PKCE, state and nonce, by secret and by private_key_jwt."""
    finished = await peer.sign_in(peer.box(by_key=by_key, acr=("L2", "L3")))
    assert finished.problem is None
    assert peer.accounts.subjects == [(f"{peer.issuer}|4711", "L2")]


async def test_the_level_has_to_be_enough(peer):
    """Asked for L2 and answered with L1: nobody."""
    finished = await peer.sign_in(peer.box(acr=("L2", "L3")), acr="L1")
    assert finished.problem is OidcProblem.LEVEL
    assert peer.accounts.refused == ["oidc-level"]


async def test_a_person_says_no(peer):
    """The provider sends back an error."""
    assert (await peer.sign_in(peer.box(), refuse="1")).problem is OidcProblem.REFUSED


async def test_rotation_of_keys(peer):
    """The provider signs with a new key, then drops the old one: nobody has to do anything."""
    oidc = peer.box()
    old, new = signing_key("k1"), signing_key("k2")
    assert (await peer.sign_in(oidc)).problem is None
    await peer.rotate(new, old)
    assert (await peer.sign_in(oidc)).problem is None
    await peer.rotate(new)
    assert (await peer.sign_in(oidc)).problem is None
    await peer.rotate(signing_key("k3"))
    assert (await peer.sign_in(oidc)).problem is OidcProblem.TOKEN  # asked a moment ago
    peer.clock.shift_s += REFETCH_S
    assert (await peer.sign_in(oidc)).problem is None


async def test_keys_outlive_the_key_server(peer):
    """Restarted while only keys and description are away: the copy on disk is enough."""
    assert (await peer.sign_in(peer.box())).problem is None
    oidc = peer.box()
    plain = peer.http.get

    async def away(url):
        raise PeerError("away")

    peer.http.get = away
    assert (await peer.sign_in(oidc)).problem is None
    (peer.folder / "id.json").unlink()
    with pytest.raises(PeerError):
        await peer.box().begin("id", "/")
    peer.http.get = plain


async def test_the_provider_goes_away_on_the_way(peer):
    """Nobody is signed in, and it is told as what it is."""
    oidc = peer.box()
    begun = await oidc.begin("id", "/")
    back = await peer.visit(begun.location, who="4711", acr="L2")
    await peer.stop()
    assert (await oidc.finish(back, begun.cookie, "::1")).problem is OidcProblem.AWAY


async def test_a_code_is_good_once(peer):
    """The browser's way back, replayed with its cookie: the provider refuses the code."""
    oidc = peer.box()
    begun = await oidc.begin("id", "/")
    back = await peer.visit(begun.location, who="4711", acr="L2")
    assert (await oidc.finish(back, begun.cookie, "::1")).problem is None
    assert (await oidc.finish(back, begun.cookie, "::1")).problem is OidcProblem.TOKEN


async def test_a_code_of_another_browser(peer):
    """An attacker's code under one's own cookie: state, and PKCE behind it, say no."""
    oidc = peer.box()
    theirs = await oidc.begin("id", "/")
    back = await peer.visit(theirs.location, who="mallory", acr="L2")
    mine = await oidc.begin("id", "/")
    assert (await oidc.finish(back, mine.cookie, "::1")).problem is OidcProblem.STATE
    state = parse_qs(urlsplit(mine.location).query)["state"][0]
    forced = await oidc.finish(back | {"state": state}, mine.cookie, "::1")
    assert forced.problem is OidcProblem.TOKEN
    assert peer.accounts.subjects == []


async def test_tokens_of_the_real_provider_for_others(peer):
    """A token that it really signed, for another client or another sign-in, is not ours."""
    taken = []
    peer.http.swap = lambda token: taken.append(token) or token
    assert (await peer.sign_in(peer.box())).problem is None
    first = taken[0]
    peer.http.swap = lambda _: first
    assert (await peer.sign_in(peer.box())).problem is OidcProblem.TOKEN  # its nonce
    assert (await peer.sign_in(peer.box(by_key=True))).problem is OidcProblem.TOKEN  # its audience


def changed(index, by):
    def change(token):
        parts = token.split(".")
        parts[index] = by(parts[index])
        return ".".join(parts)

    return change


@pytest.mark.parametrize(
    "swap",
    [
        changed(1, lambda body: body[:-8] + "AAAAAAAA"),
        changed(2, lambda signature: signature[:-8] + "AAAAAAAA"),
        changed(2, lambda _: ""),
        changed(0, lambda _: "eyJhbGciOiJub25lIn0"),
        changed(0, lambda _: "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0"),
    ],
)
async def test_tampered_tokens(peer, swap):
    """Body, signature, algorithm: whatever is changed of a real token makes it nothing."""
    peer.http.swap = swap
    assert (await peer.sign_in(peer.box())).problem is OidcProblem.TOKEN
    assert peer.accounts.subjects == []


async def test_expired(peer):
    """An hour later the token that was good is over (clock of the box moved on)."""

    class Later(ShiftedClock):
        def now(self):
            return super().now().shifted(7200)

    oidc = peer.box()
    begun = await oidc.begin("id", "/")
    back = await peer.visit(begun.location, who="4711", acr="L2")
    peer.http.swap = lambda token: token
    oidc._clock = Later()
    pending = begun.cookie
    assert (await oidc.finish(back, pending, "::1")).problem is OidcProblem.STATE
    peer.clock = Later()
    assert (await peer.sign_in(peer.box())).problem is OidcProblem.TOKEN
