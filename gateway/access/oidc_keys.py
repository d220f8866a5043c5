# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What an identity provider says of itself (OpenID Connect Discovery 1.0) and its keys (RFC 7517).

Both are kept on disk, so that a provider whose key server is away for a while still signs people
in; not for ever, because a withdrawn key would be believed that long. Times: UTC.
"""

import asyncio
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from gateway.access.oidc_http import Claims
from gateway.model.errors import PeerError
from gateway.runtime.clock import Clock

log = logging.getLogger(__name__)

FRESH_S: Final = 3_600.0
"""What is younger is not asked for again."""
REFETCH_S: Final = 60.0
"""At most one fetch in this time, whatever tokens name as their key."""
FIRST_S: Final = 5.0
"""The same while there is nothing at all yet."""
MOST_KEYS: Final = 32
MOST_FILE_BYTES: Final = 512 << 10
WELL_KNOWN: Final = "/.well-known/openid-configuration"
_FUTURE_S: Final = 300.0
"""A copy that is newer than now by more than this was dated by a wrong clock."""


class Http(Protocol):
    """How a provider is asked; `gateway.access.oidc_http.ProviderHttp` is one."""

    def allows(self, url: str) -> bool:
        """Return whether a URL is one of the provider's."""
        ...

    async def get(self, url: str) -> Claims:
        """Return the JSON object at a URL; PeerError for anything else."""
        ...


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is used of a provider's description."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    names_itself: bool
    """Puts `iss` into its answers (RFC 9207): an answer without it is not its own."""


@dataclass(frozen=True, slots=True)
class _Copy:
    metadata: Metadata
    keys: tuple[Claims, ...]
    fetched_s: float
    """UTC, seconds since 1970."""


class ProviderBook:
    """Description and keys of one provider."""

    def __init__(
        self, issuer: str, http: Http, clock: Clock, file: Path, most_age_s: float
    ) -> None:
        """`most_age_s`: how old a copy may be when the provider does not answer."""
        self._issuer = issuer
        self._http = http
        self._clock = clock
        self._file = file
        self._most_age_s = most_age_s
        self._copy: _Copy | None = None
        self._was_read = False
        self._asked_s: dict[bool, float] = {}
        """Monotonic; of the last fetch by the hour, and of the last because of a strange key."""
        self._one_at_a_time = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """Return the description; PeerError if there is none that is young enough."""
        return (await self._usable(renew=False)).metadata

    async def keys(self, *, renew: bool = False) -> Sequence[Claims]:
        """Return the keys; with `renew` asked for anew, unless that was done a moment ago."""
        return (await self._usable(renew=renew)).keys

    async def _usable(self, *, renew: bool) -> _Copy:
        async with self._one_at_a_time:
            if not self._was_read:
                self._copy = await asyncio.to_thread(self._read)
                self._was_read = True
            copy = self._copy
            if copy is not None and not renew and self._age_s(copy) < FRESH_S:
                return copy
            problem = await self._renew(strange=renew)
            copy = self._copy
            if copy is None or not self._age_s(copy) <= self._most_age_s:
                raise PeerError(f"{self._issuer}: {problem or 'its keys are too old'}")
            return copy

    def _age_s(self, copy: _Copy) -> float:
        age_s = self._clock.now().utc_us / 1e6 - copy.fetched_s
        return age_s if age_s >= -_FUTURE_S else float("inf")

    async def _renew(self, *, strange: bool) -> str:
        """Fetch anew if that was not just tried; return what is wrong, if anything."""
        now_s = self._clock.monotonic_s()
        least_s = REFETCH_S if self._copy else FIRST_S
        if now_s - self._asked_s.get(strange, -REFETCH_S) < least_s:
            return "was asked a moment ago"
        self._asked_s[strange] = now_s
        try:
            copy = await self._fetch()
        except PeerError as error:
            log.warning("provider-away", extra={"issuer": self._issuer, "problem": str(error)})
            return str(error)
        self._copy = copy
        await asyncio.to_thread(self._write, copy)
        return ""

    async def _fetch(self) -> _Copy:
        described = await self._http.get(self._issuer.rstrip("/") + WELL_KNOWN)
        metadata = self._metadata(described)
        keys = _keys(await self._http.get(metadata.jwks_uri))
        return _Copy(metadata, keys, self._clock.now().utc_us / 1e6)

    def _metadata(self, described: Claims) -> Metadata:
        if described.get("issuer") != self._issuer:
            raise PeerError(f"{self._issuer}: describes another issuer")
        return Metadata(
            self._issuer,
            self._endpoint(described, "authorization_endpoint"),
            self._endpoint(described, "token_endpoint"),
            self._endpoint(described, "jwks_uri"),
            described.get("authorization_response_iss_parameter_supported") is True,
        )

    def _endpoint(self, described: Claims, name: str) -> str:
        url = described.get(name)
        if not isinstance(url, str) or not self._http.allows(url):
            raise PeerError(f"{self._issuer}: its {name} is not on one of its hosts")
        return url

    def _read(self) -> _Copy | None:
        """Return the copy on disk, looked at like one from the network; None if it is no good."""
        try:
            raw = self._file.read_bytes()
            found = json.loads(raw) if len(raw) <= MOST_FILE_BYTES else None
            if not isinstance(found, dict):
                return None
            described, keys = found.get("metadata"), found.get("jwks")
            fetched_s = found.get("fetched_s")
            if not (isinstance(described, dict) and isinstance(keys, dict)):
                return None
            if isinstance(fetched_s, bool) or not isinstance(fetched_s, int | float):
                return None
            return _Copy(self._metadata(described), _keys(keys), float(fetched_s))
        except (OSError, ValueError, RecursionError, PeerError):
            return None

    def _write(self, copy: _Copy) -> None:
        """Put a copy beside the others; what cannot be written is asked for again next time."""
        one = copy.metadata
        text = json.dumps(
            {
                "metadata": {
                    "issuer": one.issuer,
                    "authorization_endpoint": one.authorization_endpoint,
                    "token_endpoint": one.token_endpoint,
                    "jwks_uri": one.jwks_uri,
                    "authorization_response_iss_parameter_supported": one.names_itself,
                },
                "jwks": {"keys": [dict(key) for key in copy.keys]},
                "fetched_s": copy.fetched_s,
            }
        )
        fresh = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._file)
        except OSError as error:
            log.warning("provider-not-kept", extra={"problem": str(error.strerror)})


def _keys(found: Mapping[str, object]) -> tuple[Claims, ...]:
    """Return the public keys of a set; PeerError if it has none, or too many."""
    keys = found.get("keys")
    if not isinstance(keys, list) or len(keys) > MOST_KEYS:
        raise PeerError("its set of keys is none")
    usable = tuple(key for key in keys if isinstance(key, dict) and key.get("kty") in ("RSA", "EC"))
    if not usable:
        raise PeerError("it has no public key that can be used")
    return usable
