# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""An identity provider in memory that can be told to lie."""

import base64
import json
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from joserfc import jwk, jwt

from gateway.access.oidc import Oidc, OidcClient, Provider
from gateway.access.oidc_http import Answer, ProviderHttp
from gateway.access.oidc_keys import ProviderBook
from gateway.model.access import Actor
from gateway.model.errors import PeerError, SecondFactorNeededError
from gateway.model.registry import Role
from tests.fakes import FakeClock

ISSUER = "https://id.example/realms/comune"
CALLBACK = "https://varco.example/api/oidc/callback"


def public(key, kid, **more):
    """Return a key as a provider publishes it."""
    return {**key.as_dict(private=False), "kid": kid, "use": "sig", **more}


def segment(value):
    """Return JSON as it stands in a token."""
    raw = json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class MadeSignIn:
    token: str
    actor: Actor
    restricted: bool = False


class FakeHttp:
    """What the provider answers; counts what it is asked."""

    def __init__(self, clock):
        self.clock = clock
        self.real = ProviderHttp(ISSUER)
        self.allows = self.real.allows
        self.key = jwk.ECKey.generate_key("P-256")
        self.keys = [public(self.key, "k1")]
        self.kid = "k1"
        self.described = {
            "issuer": ISSUER,
            "authorization_endpoint": ISSUER + "/auth",
            "token_endpoint": ISSUER + "/token",
            "jwks_uri": ISSUER + "/keys",
        }
        self.down = False
        self.asked = []
        self.forms = []
        self.claims = {}
        self.header = {}
        self.nonce = ""
        self.answer = None

    async def get(self, url):
        self.asked.append(url)
        if self.down:
            raise PeerError("away")
        return {"keys": self.keys} if url.endswith("/keys") else self.described

    async def post(self, url, form, authorization=""):
        self.forms.append((url, dict(form), authorization))
        if self.down:
            raise PeerError("away")
        return self.answer or Answer(200, {"id_token": self.token()})

    def token(self):
        now_s = self.clock.now().utc_us // 1_000_000
        claims = {
            "iss": ISSUER,
            "aud": "varco",
            "sub": "4711",
            "iat": now_s,
            "exp": now_s + 300,
            "nonce": self.nonce,
            "acr": "L2",
        }
        claims = {k: v for k, v in (claims | self.claims).items() if v is not None}
        header = {"alg": "ES256", "kid": self.kid, **self.header}
        header = {k: v for k, v in header.items() if v is not None}
        return jwt.encode(header, claims, self.key)


class World:
    """One provider, and accounts that remember what they were asked."""

    def __init__(self, folder, **client):
        self.clock = FakeClock()
        self.http = FakeHttp(self.clock)
        self.file = folder / "oidc" / "comune.json"
        self.most_age_s = 3 * 3600.0
        self.made = []
        self.strong = []
        self.needs_factor = False
        self.refused = []
        self.client = OidcClient("comune", "Comune", ISSUER, "varco", CALLBACK, **client)
        self.restart()

    def restart(self):
        """Begin anew with what is on disk."""
        self.book = ProviderBook(ISSUER, self.http, self.clock, self.file, self.most_age_s)
        self.oidc = Oidc([Provider(self.client, self.book, self.http)], self, self.clock)

    async def sign_in_by_provider(self, subject, acr, source_ip, *, strong=False):
        self.made.append((subject, acr, source_ip))
        self.strong.append(strong)
        if self.needs_factor and not strong:
            raise SecondFactorNeededError
        if subject != f"{ISSUER}|4711":
            return None
        actor = Actor("anna", "Anna", Role.PL_OPERATOR, "sala-pl", "s1", "oidc", acr=acr)
        return MadeSignIn("t", actor)

    async def refuse_provider(self, error, source_ip):
        self.refused.append(error)

    async def begin(self, next_="/#/cameras"):
        """Begin; return what was asked of the provider, and the cookie."""
        begun = await self.oidc.begin("comune", next_)
        asked = {k: v[0] for k, v in parse_qs(urlsplit(begun.location).query).items()}
        self.http.nonce = asked["nonce"]
        return asked, begun.cookie

    async def finish(self, asked, cookie, **more):
        """Come back from the provider."""
        parameters = {"code": "c0de", "state": asked["state"], **more}
        parameters = {k: v for k, v in parameters.items() if v is not None}
        return await self.oidc.finish(parameters, cookie, "192.0.2.7")

    async def sign_in(self, **more):
        """Go and come back."""
        asked, cookie = await self.begin()
        return await self.finish(asked, cookie, **more)
