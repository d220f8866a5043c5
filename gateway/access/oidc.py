# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Sign-in at an identity provider: OpenID Connect, authorization code with PKCE (RFC 9700, B-75).

joserfc lives here. What has to be remembered between the two halves of a sign-in stands in a
short cookie that we signed: nothing grows here, whoever knocks, and an answer counts only in the
browser that asked. Accounts are never made up: `issuer|sub` has to stand in the registry.
"""

import base64
import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol
from urllib.parse import quote, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from gateway.access.identity import SignIn
from gateway.access.oidc_http import Answer, Claims
from gateway.access.oidc_keys import Metadata
from gateway.model.errors import PeerError, SecondFactorNeededError
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

BEGUN_S: Final = 600
"""So long may somebody stay at the provider."""
LEEWAY_S: Final = 60
"""Between the provider's clock and ours."""
MOST_AGE_S: Final = 600
"""An id_token is asked for the moment it is made."""
MOST_TOKEN_CHARS: Final = 16_384
MOST_PARAMETER_CHARS: Final = 4_096
MOST_NEXT_CHARS: Final = 512
MOST_SUBJECT_CHARS: Final = 255
"""OpenID Connect Core §2."""
ASSERTION_S: Final = 60
LEAST_RSA_BITS: Final = 2_048
_KEY_TYPES: Final = {
    "RS256": "RSA",
    "PS256": "RSA",
    "ES256": "EC",
    "ES384": "EC",
}
"""Signatures that count. Neither `none` nor anything with a shared secret is among them."""
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class OidcProblem(Enum):
    """Why a sign-in at a provider came to nothing; the values are codes of the console."""

    STATE = "oidc-state"
    """It was not begun in this browser, or too long ago."""
    REFUSED = "oidc-refused"
    """The provider, or the person there, said no."""
    AWAY = "oidc-away"
    TOKEN = "oidc-token"  # noqa: S105 - a code, not a token
    """What came back proves nothing."""
    LEVEL = "oidc-level"
    """The person proved less than is asked for."""
    UNKNOWN = "oidc-unknown"
    """Nobody here has this account."""


_MFA_LEVELS = frozenset(
    {
        "mfa",
        "https://refeds.org/profile/mfa",
        "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
        "https://www.spid.gov.it/SpidL2",
        "https://www.spid.gov.it/SpidL3",
    }
)
"""Levels whose definition is a second factor, wherever they come from."""


@dataclass(frozen=True, slots=True)
class OidcClient:
    """One provider, and who we are there."""

    name: str
    title: str
    issuer: str
    client_id: str
    redirect_uri: str
    secret: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    """PEM, RSA or P-256; goes before the secret (private_key_jwt, RFC 7523)."""
    acr: tuple[str, ...] = ()
    """Levels that are enough, as the provider names them, the least first; empty: any."""
    mfa: bool = False
    """It asks everybody for a second factor, whether its tokens say so or not."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and what it has to bring back."""

    location: str
    cookie: str = field(repr=False)
    lasts_s: int = BEGUN_S


@dataclass(frozen=True, slots=True)
class Finished:
    """How a sign-in ended: signed in, or the problem."""

    sign_in: SignIn | None
    problem: OidcProblem | None
    next: str = "/"


class Accounts(Protocol):
    """Who may be signed in; `gateway.access.identity.Accounts` is one."""

    async def sign_in_by_provider(
        self, subject: str, acr: str, source_ip: str, *, strong: bool = False
    ) -> SignIn | None:
        """Return a sign-in of the account that is bound to `issuer|sub`.

        SecondFactorNeededError if the account needs one and the sign-in was not `strong`.
        """
        ...

    async def refuse_provider(self, error: str, source_ip: str) -> None:
        """Write down that a provider's answer was not taken."""
        ...


class Book(Protocol):
    """Description and keys of a provider; `gateway.access.oidc_keys.ProviderBook` is one."""

    async def metadata(self) -> Metadata:
        """Return its description; PeerError."""
        ...

    async def keys(self, *, renew: bool = False) -> Sequence[Claims]:
        """Return its keys; PeerError."""
        ...


class Http(Protocol):
    """How its token endpoint is asked; `gateway.access.oidc_http.ProviderHttp` is one."""

    async def post(self, url: str, form: Mapping[str, str], authorization: str = "") -> Answer:
        """Return the answer to a form; PeerError."""
        ...


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider with everything that talks to it."""

    client: OidcClient
    book: Book
    http: Http


class _RefusedError(Exception):
    """Ends a sign-in; never leaves this file."""

    def __init__(self, problem: OidcProblem, why: str = "") -> None:
        self.problem = problem
        self.why = why
        super().__init__(f"{problem.value} {why}".strip())


@dataclass(frozen=True, slots=True)
class _Pending:
    provider: str
    state: str
    nonce: str
    verifier: str
    next: str
    until_s: int


class Oidc:
    """Sign-ins at the configured providers."""

    def __init__(self, providers: Sequence[Provider], accounts: Accounts, clock: Clock) -> None:
        self._providers = {one.client.name: one for one in providers}
        self._accounts = accounts
        self._clock = clock
        self._key = secrets.token_bytes(32)
        """Of this run: a sign-in that a restart cuts in two begins anew."""

    @property
    def names(self) -> Sequence[tuple[str, str]]:
        """Names and titles of the providers, in the order of the configuration."""
        return [(one.client.name, one.client.title) for one in self._providers.values()]

    async def begin(self, name: str, next_: str) -> Begun | None:
        """Return where to send the browser; None if there is no such provider.

        An empty name means the only one. PeerError if the provider is away.
        """
        provider = self._provider(name)
        if provider is None:
            return None
        metadata = await provider.book.metadata()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        until_s = self._now_s() + BEGUN_S
        pending = _Pending(provider.client.name, state, nonce, verifier, safe_next(next_), until_s)
        asked = {
            "response_type": "code",
            "response_mode": "query",
            "scope": "openid",
            "client_id": provider.client.client_id,
            "redirect_uri": provider.client.redirect_uri,
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
            "prompt": "login",  # desks are shared: whoever sat here before is not who signs in now
        }
        if provider.client.acr:
            asked["acr_values"] = " ".join(provider.client.acr)
        mark = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        return Begun(
            f"{metadata.authorization_endpoint}{mark}{urlencode(asked)}", self._seal(pending)
        )

    async def finish(self, parameters: Mapping[str, str], cookie: str, source_ip: str) -> Finished:
        """Take what the provider sent the browser back with; LedgerError as for any sign-in."""
        next_ = "/"
        try:
            pending = self._open(cookie, parameters.get("state", ""))
            next_ = pending.next
            subject, acr, strong = await self._prove(pending, parameters, source_ip)
        except _RefusedError as error:
            log.info("oidc-refused", extra={"problem": error.problem.value, "why": error.why})
            return Finished(None, error.problem, next_)
        try:
            made = await self._accounts.sign_in_by_provider(subject, acr, source_ip, strong=strong)
        except SecondFactorNeededError:
            return Finished(None, OidcProblem.LEVEL, next_)
        if made is None:
            return Finished(None, OidcProblem.UNKNOWN, next_)
        return Finished(made, None, next_)

    def _provider(self, name: str) -> Provider | None:
        if not name and len(self._providers) == 1:
            return next(iter(self._providers.values()))
        return self._providers.get(name)

    def _now_s(self) -> int:
        return self._clock.now().utc_us // 1_000_000

    async def _prove(
        self, pending: _Pending, parameters: Mapping[str, str], source_ip: str
    ) -> tuple[str, str, bool]:
        """Return subject and level; what fails after the provider answered is written down."""
        provider = self._provider(pending.provider)
        if provider is None:
            raise _RefusedError(OidcProblem.STATE)
        try:
            metadata = await provider.book.metadata()
            code = _code(metadata, parameters)
            token = await self._exchange(provider, metadata, code, pending.verifier)
            claims = await self._verified(provider, token)
            self._check(provider.client, claims, pending.nonce)
            acr = _level(provider.client, claims)
        except PeerError as error:
            raise _RefusedError(OidcProblem.AWAY, str(error)[:200]) from error
        except _RefusedError as error:
            if error.problem is not OidcProblem.REFUSED:
                await self._accounts.refuse_provider(error.problem.value, source_ip)
            raise
        subject = f"{provider.client.issuer}|{claims['sub']}"
        return subject, acr, _is_strong(provider.client, claims)

    async def _exchange(
        self, provider: Provider, metadata: Metadata, code: str, verifier: str
    ) -> str:
        """Return the id_token for a code."""
        client = provider.client
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": verifier,
        }
        authorization = ""
        if client.private_key:
            form["client_id"] = client.client_id
            form["client_assertion_type"] = _ASSERTION
            form["client_assertion"] = self._assertion(client)
        elif client.secret:
            login = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"
            authorization = "Basic " + base64.b64encode(login.encode()).decode()
        else:
            form["client_id"] = client.client_id
        answer = await provider.http.post(metadata.token_endpoint, form, authorization)
        token = answer.body.get("id_token")
        if not answer.ok or not isinstance(token, str) or len(token) > MOST_TOKEN_CHARS:
            error = answer.body.get("error")
            why = error[:60] if isinstance(error, str) and error.isprintable() else "no id_token"
            raise _RefusedError(OidcProblem.TOKEN, f"{answer.status} {why}")
        return token

    def _assertion(self, client: OidcClient) -> str:
        """Return a proof of who we are (RFC 7523 §3), good for a minute and once."""
        algorithm, key = client_key(client.private_key)
        now_s = self._now_s()
        claims = {
            "iss": client.client_id,
            "sub": client.client_id,
            "aud": client.issuer,
            "jti": secrets.token_urlsafe(16),
            "iat": now_s,
            "exp": now_s + ASSERTION_S,
        }
        return jwt.encode({"alg": algorithm, "kid": key.thumbprint()}, claims, key)

    async def _verified(self, provider: Provider, token: str) -> Claims:
        """Return the claims of a token that one of the provider's keys signed.

        A key that is not known, or does not fit any more, has the keys asked for once.
        """
        algorithm, kid = _header(token)
        for renew in (False, True):
            for key in _fitting(await provider.book.keys(renew=renew), algorithm, kid):
                try:
                    return jwt.decode(token, _import(key), algorithms=[algorithm]).claims
                except (JoseError, ValueError):
                    continue
        raise _RefusedError(OidcProblem.TOKEN, "no key fits its signature")

    def _check(self, client: OidcClient, claims: Claims, nonce: str) -> None:
        """Check what OpenID Connect Core §3.1.3.7 asks for, in its order."""
        now_s = self._now_s()
        aud, azp = claims.get("aud"), claims.get("azp")
        audiences = aud if isinstance(aud, list) else [aud]
        needs_party = len(audiences) > 1 or azp is not None
        told, seen = claims.get("nonce"), claims.get("sub")
        checks = {
            "iss": claims.get("iss") == client.issuer,
            "aud": client.client_id in audiences,
            "azp": azp == client.client_id or not needs_party,
            "exp": _number(claims, "exp") > now_s - LEEWAY_S,
            "iat": -LEEWAY_S <= now_s - _number(claims, "iat") <= MOST_AGE_S,
            "nbf": "nbf" not in claims or _number(claims, "nbf") <= now_s + LEEWAY_S,
            "nonce": isinstance(told, str) and hmac.compare_digest(told.encode(), nonce.encode()),
            "sub": isinstance(seen, str)
            and 0 < len(seen) <= MOST_SUBJECT_CHARS
            and seen.isprintable(),
        }
        for name, holds in checks.items():
            if not holds:
                raise _RefusedError(OidcProblem.TOKEN, name)

    def _seal(self, pending: _Pending) -> str:
        body = base64.urlsafe_b64encode(
            json.dumps(
                [
                    pending.provider,
                    pending.state,
                    pending.nonce,
                    pending.verifier,
                    pending.next,
                    pending.until_s,
                ]
            ).encode()
        )
        return f"{body.decode()}.{self._mac(body)}"

    def _mac(self, body: bytes) -> str:
        return hmac.new(self._key, body, hashlib.sha256).hexdigest()

    def _open(self, cookie: str, state: str) -> _Pending:
        """Return what was begun, if this browser began it."""
        body, _, mac = cookie[:MOST_PARAMETER_CHARS].partition(".")
        raw = body.encode("utf-8", "replace")
        if not hmac.compare_digest(self._mac(raw).encode(), mac.encode("utf-8", "replace")):
            raise _RefusedError(OidcProblem.STATE)
        provider, kept, nonce, verifier, next_, until_s = json.loads(base64.urlsafe_b64decode(raw))
        pending = _Pending(provider, kept, nonce, verifier, next_, until_s)
        same = hmac.compare_digest(pending.state.encode(), state.encode("utf-8", "replace"))
        if not same or self._now_s() >= pending.until_s:
            raise _RefusedError(OidcProblem.STATE)
        return pending


def safe_next(next_: str) -> str:
    """Return a path of this console, `/` for anything that could lead elsewhere."""
    if not next_.startswith("/") or len(next_) > MOST_NEXT_CHARS:
        return "/"
    if next_.startswith("//") or "\\" in next_ or not (next_.isascii() and next_.isprintable()):
        return "/"
    try:
        parts = urlsplit(next_)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc or " " in next_ else next_


def client_key(pem: str) -> tuple[str, jwk.Key]:
    """Return algorithm and key of a PEM text; ValueError if it is no RSA or P-256 key."""
    loaded = load_pem_private_key(pem.encode(), None)
    if isinstance(loaded, rsa.RSAPrivateKey) and loaded.key_size >= LEAST_RSA_BITS:
        return "RS256", jwk.RSAKey.import_key(pem)
    if isinstance(loaded, ec.EllipticCurvePrivateKey) and isinstance(loaded.curve, ec.SECP256R1):
        return "ES256", jwk.ECKey.import_key(pem)
    raise ValueError("is neither RSA of 2048 bits or more nor P-256")


def _challenge(verifier: str) -> str:
    """Return the S256 challenge (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _code(metadata: Metadata, parameters: Mapping[str, str]) -> str:
    """Return the code of an answer; it has to come from the provider that was asked (RFC 9207)."""
    issuer = parameters.get("iss")
    if issuer not in ({metadata.issuer} if metadata.names_itself else {None, metadata.issuer}):
        raise _RefusedError(OidcProblem.STATE, "another issuer answers")
    code = parameters.get("code", "")
    if "error" in parameters or not code or len(code) > MOST_PARAMETER_CHARS:
        raise _RefusedError(OidcProblem.REFUSED)
    return code


def _header(token: str) -> tuple[str, str | None]:
    """Return algorithm and key id that a token claims, if the algorithm is one of ours."""
    head = token.partition(".")[0]
    try:
        found = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        found = None
    algorithm = found.get("alg") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(algorithm, str) or algorithm not in _KEY_TYPES:
        raise _RefusedError(OidcProblem.TOKEN, "alg")
    kid = found.get("kid")
    return algorithm, kid if isinstance(kid, str) else None


def _fitting(keys: Sequence[Claims], algorithm: str, kid: str | None) -> list[Claims]:
    """Return the key that a token may have been signed with; without an id only a lone one."""
    found = [
        key
        for key in keys
        if key.get("kty") == _KEY_TYPES[algorithm]
        and key.get("use") in (None, "sig")
        and key.get("alg") in (None, algorithm)
        and (kid is None or key.get("kid") == kid)
    ]
    return found if len(found) == 1 else []


def _import(key: Claims) -> jwk.Key:
    """Return a public key; ValueError or JoseError if it is none, or too weak."""
    public: dict[str, str | list[str]] = {
        name: value for name, value in key.items() if isinstance(value, str)
    }
    modulus = public.get("n", "")
    if public.get("kty") == "RSA" and len(modulus) * 6 < LEAST_RSA_BITS:
        raise ValueError("the key is too short")
    return jwk.import_key(public)


def _number(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _RefusedError(OidcProblem.TOKEN, name)
    return value


def _is_strong(client: OidcClient, claims: Claims) -> bool:
    """Return whether a second factor was asked for: by its own word, or by our configuration.

    `amr` says so (RFC 8176), `acr` is one of the levels that we ask for or a known name of it.
    """
    amr, acr = claims.get("amr"), claims.get("acr")
    said = isinstance(amr, list) and "mfa" in amr
    return client.mfa or bool(client.acr) or said or (isinstance(acr, str) and acr in _MFA_LEVELS)


def _level(client: OidcClient, claims: Claims) -> str:
    """Return the level that the provider vouches for, if it is enough."""
    acr = claims.get("acr")
    level = acr if isinstance(acr, str) and acr.isprintable() else ""
    if client.acr and level not in client.acr:
        raise _RefusedError(OidcProblem.LEVEL, "acr")
    return level
