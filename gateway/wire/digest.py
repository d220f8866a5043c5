# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""HTTP authentication as RTSP uses it: Digest (RFC 7616, RFC 2617, RFC 2069) and Basic."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

NONCE_LIFE_S = 300.0
"""A stolen answer is useful for no longer than this; a client renews with stale=true."""
MOST_CHALLENGES = 8
"""Two algorithms, Basic and a few unknown ones; more is noise."""

_SCHEME = re.compile(r"(?:^|,)\s*(Basic|Digest)(?:\s+|\Z)", re.IGNORECASE)
_PAIR = re.compile(
    r'(?<![A-Za-z-])([A-Za-z-]{1,32})\s{0,16}=\s{0,16}(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))'
)
"""A name begins where no letter stands before it, or one long word would cost its square."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""Some of what we read goes back in a header: a line end in it would begin another one."""


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_HASHES: Mapping[str, Callable[[bytes], str]] = {"SHA-256": _sha256, "MD5": _md5}
"""Strongest first."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """User and password; never printed."""

    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(slots=True)
class Manners:
    """How a server has had us prove ourselves; outlives connections to it."""

    knows_digest: bool = False
    """It has asked for Digest: a later wish for Basic in clear is somebody else's."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way in which the server lets a client prove itself."""

    is_digest: bool
    realm: str = ""
    nonce: str = ""
    algorithm: str = "MD5"
    """As the server wrote it, for example `MD5-sess`; MD5 if it wrote none."""
    names_algorithm: bool = False
    qop_auth: bool = False
    opaque: str | None = None
    stale: bool = False

    def rank(self) -> int:
        """Return how good it is; 0 if it cannot be answered."""
        if not self.is_digest:
            return 1
        family = self.algorithm.upper().removesuffix("-SESS")
        return {"SHA-256": 3, "MD5": 2}.get(family, 0) if self.nonce else 0


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """Return the challenges of all WWW-Authenticate headers; what is not understood is left out."""
    challenges: list[Challenge] = []
    for value in values:
        places = list(_SCHEME.finditer(value))[:MOST_CHALLENGES]
        ends = [*(place.start() for place in places), len(value)]
        for index, place in enumerate(places):
            pairs = parse_pairs(value[place.end() : ends[index + 1]])
            challenges.append(_challenge(place[1].lower() == "digest", pairs))
    return challenges[:MOST_CHALLENGES]


def _challenge(is_digest: bool, pairs: Mapping[str, str]) -> Challenge:
    return Challenge(
        is_digest,
        realm=pairs.get("realm", ""),
        nonce=pairs.get("nonce", ""),
        algorithm=pairs.get("algorithm", "MD5"),
        names_algorithm="algorithm" in pairs,
        qop_auth="auth" in (one.strip() for one in pairs.get("qop", "").split(",")),
        opaque=pairs.get("opaque"),
        stale=pairs.get("stale", "").lower() == "true",
    )


def parse_pairs(text: str) -> dict[str, str]:
    """Return name=value pairs with lower-case names; quoted values without their quotes."""
    return {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain
        for name, quoted, plain in _PAIR.findall(_CONTROL.sub(" ", text))
    }


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True)
class _Proof:
    """What goes into the response hash besides user and password."""

    realm: str
    nonce: str
    algorithm: str
    method: str
    uri: str
    count: str = ""
    """Eight hexadecimal digits; empty without qop."""
    cnonce: str = ""


def _response(proof: _Proof, user: str, password: str) -> str:
    """Return the response hash (RFC 7616 §3.4.1); the algorithm must be a known one."""
    algorithm = proof.algorithm.upper()
    digest = _HASHES[algorithm.removesuffix("-SESS")]
    first = digest(f"{user}:{proof.realm}:{password}".encode())
    if algorithm.endswith("-SESS"):
        first = digest(f"{first}:{proof.nonce}:{proof.cnonce}".encode())
    second = digest(f"{proof.method}:{proof.uri}".encode())
    tail = f":{proof.count}:{proof.cnonce}:auth" if proof.count else ""
    return digest(f"{first}:{proof.nonce}{tail}:{second}".encode())


class Authenticator:
    """The client's side: remembers the challenge, answers it on each request."""

    def __init__(
        self,
        credentials: Credentials,
        make_cnonce: Callable[[], str],
        manners: Manners | None = None,
        *,
        is_sealed: bool = False,
    ) -> None:
        """`make_cnonce` returns fresh random text; it is called once per answer.

        `manners`: what is remembered of this server; `is_sealed`: TLS hides what is sent, so that
        Basic is no worse than Digest.
        """
        self.is_downgrade = False
        """The last challenge wanted no more than Basic in clear from who has used Digest."""
        self._manners = manners or Manners()
        self._is_sealed = is_sealed
        self._credentials = credentials
        self._make_cnonce = make_cnonce
        self._challenge: Challenge | None = None
        self._nonce = ""
        self._count = 0

    def challenged(self, values: Iterable[str]) -> Challenge | None:
        """Take the headers of a 401; return the best challenge that can be answered, or None."""
        usable = [one for one in parse_challenges(values) if one.rank()]
        digests = [one for one in usable if one.is_digest]
        self.is_downgrade = False
        if self._knows_better():
            self.is_downgrade = bool(usable) and not digests
            usable = digests  # who knows better gets no password
        self._manners.knows_digest |= bool(digests)
        self._challenge = max(usable, key=Challenge.rank, default=None)
        self._nonce = self._challenge.nonce if self._challenge else ""
        self._count = 0
        return self._challenge

    def _knows_better(self) -> bool:
        """Return whether Basic is no answer: asked for Digest here, or in clear ever before."""
        here = self._challenge is not None and self._challenge.is_digest
        return here or (self._manners.knows_digest and not self._is_sealed)

    @property
    def scheme(self) -> str:
        """What was asked for: `Basic`, `Digest MD5`, `Digest SHA-256`; empty before."""
        challenge = self._challenge
        if challenge is None:
            return ""
        family = challenge.algorithm.upper().removesuffix("-SESS")
        return f"Digest {family}" if challenge.is_digest else "Basic"

    def informed(self, value: str) -> None:
        """Take an Authentication-Info header: a nextnonce replaces the nonce."""
        following = parse_pairs(value).get("nextnonce", "")
        if following and self._challenge is not None:
            self._nonce = following
            self._count = 0

    def authorization(self, method: str, uri: str) -> str | None:
        """Return the header value for a request; None before any challenge."""
        challenge = self._challenge
        if challenge is None:
            return None
        user, password = self._credentials.user, self._credentials.password
        if not challenge.is_digest:
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._count += 1
        is_session = challenge.algorithm.upper().endswith("-SESS")
        proof = _Proof(
            challenge.realm,
            self._nonce,
            challenge.algorithm,
            method,
            uri,
            f"{self._count:08x}" if challenge.qop_auth else "",
            self._make_cnonce() if challenge.qop_auth or is_session else "",
        )
        return _header(challenge, proof, user, _response(proof, user, password))


def _header(challenge: Challenge, proof: _Proof, user: str, response: str) -> str:
    fields = [
        f"username={_quote(user)}",
        f"realm={_quote(proof.realm)}",
        f"nonce={_quote(proof.nonce)}",
        f"uri={_quote(proof.uri)}",
        f'response="{response}"',
    ]
    if challenge.names_algorithm:
        fields.append(f"algorithm={proof.algorithm}")
    if challenge.opaque is not None:
        fields.append(f"opaque={_quote(challenge.opaque)}")
    if proof.count:
        fields += ["qop=auth", f"nc={proof.count}"]
    if proof.cnonce:
        fields.append(f"cnonce={_quote(proof.cnonce)}")
    return "Digest " + ", ".join(fields)


class Proved(Enum):
    """What an Authorization header proved."""

    YES = "yes"
    NO = "no"
    STALE = "stale"
    """Right password, old nonce."""


class Verifier:
    """The server's side; keeps no state per nonce, because the nonce carries its own date."""

    def __init__(self, realm: str, users: Mapping[str, str], secret: bytes) -> None:
        """`users` maps names to passwords; `secret`: at least 16 random bytes."""
        self._realm = realm
        self._users = users
        self._secret = secret

    def challenges(self, now_s: float, *, stale: bool = False) -> tuple[str, ...]:
        """Return one WWW-Authenticate value per algorithm, the strongest first."""
        tail = ', stale="true"' if stale else ""
        return tuple(
            f"Digest realm={_quote(self._realm)}, "
            f'nonce="{self._nonce(int(now_s))}", algorithm={name}, qop="auth"{tail}'
            for name in _HASHES
        )

    def _nonce(self, at_s: int) -> str:
        date = f"{at_s:016x}"
        return date + hmac.new(self._secret, date.encode(), hashlib.sha256).hexdigest()[:32]

    def verify(self, header: str, method: str, uri: str, now_s: float) -> Proved:
        """Return what `header` proves for this request at this time."""
        scheme, _, rest = header.partition(" ")
        pairs = parse_pairs(rest)
        algorithm = pairs.get("algorithm", "MD5")
        nonce = pairs.get("nonce", "")
        password = self._users.get(pairs.get("username", ""))
        known = algorithm.upper() in _HASHES and pairs.get("realm") == self._realm
        if scheme.lower() != "digest" or not known or pairs.get("uri") != uri or password is None:
            return Proved.NO
        count = pairs.get("nc", "0") if pairs.get("qop") == "auth" else ""
        proof = _Proof(self._realm, nonce, algorithm, method, uri, count, pairs.get("cnonce", ""))
        expected = _response(proof, pairs["username"], password)
        if not hmac.compare_digest(expected.encode(), pairs.get("response", "").lower().encode()):
            return Proved.NO
        return Proved.YES if self._is_fresh(nonce, now_s) else Proved.STALE

    def _is_fresh(self, nonce: str, now_s: float) -> bool:
        try:
            at_s = int(nonce[:16], 16)
        except ValueError:
            return False
        ours = hmac.compare_digest(nonce.encode(), self._nonce(at_s).encode())
        return ours and 0 <= now_s - at_s <= NONCE_LIFE_S
