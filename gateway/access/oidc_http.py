# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""HTTP towards one identity provider: its hosts only, TLS verified, no redirects, bounded."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from gateway.model.errors import PeerError
from gateway.runtime.fields import is_loopback

MOST_BYTES: Final = 256 << 10
"""Of one answer; a set of keys is a few KiB."""
CALL_S: Final = 5.0
"""For one whole exchange."""
_CHUNK_BYTES: Final = 1 << 14
_SUCCESS: Final = range(200, 300)
_SCHEMES: Final = {"https": 443, "http": 80}

Claims = Mapping[str, object]
"""A JSON object that somebody else wrote; nothing in it is believed before it was looked at."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, read whole."""

    status: int
    body: Claims = field(repr=False)

    @property
    def ok(self) -> bool:
        """Return whether the status says success."""
        return self.status in _SUCCESS


class ProviderHttp:
    """Exchanges with one provider."""

    def __init__(self, issuer: str, hosts: tuple[str, ...] = (), ca: Path | None = None) -> None:
        """`hosts`: names beside the issuer's own; `ca`: authorities, None for the system's.

        OSError or ssl.SSLError if `ca` cannot be read.
        """
        own = _origin(issuer)
        scheme = urlsplit(issuer).scheme
        self._origins = {own, *((scheme, host.lower(), _SCHEMES[scheme]) for host in hosts)}
        self._tls = ssl.create_default_context(cafile=str(ca) if ca else None)

    def allows(self, url: str) -> bool:
        """Return whether a URL is one of this provider's, and encrypted."""
        try:
            return _origin(url) in self._origins
        except PeerError:
            return False

    async def get(self, url: str) -> Claims:
        """Return the JSON object at a URL; PeerError for anything else."""
        answer = await self._exchange("GET", url, None, {})
        if not answer.ok:
            raise PeerError(f"{_place(url)}: status {answer.status}")
        return answer.body

    async def post(self, url: str, form: Mapping[str, str], authorization: str = "") -> Answer:
        """Return the answer to a form, whatever its status; PeerError if there is none."""
        headers = {"Authorization": authorization} if authorization else {}
        return await self._exchange("POST", url, form, headers)

    async def _exchange(
        self, method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> Answer:
        if not self.allows(url):
            raise PeerError(f"{_place(url)}: is not one of the provider's hosts")
        try:
            async with asyncio.timeout(CALL_S), self._response(method, url, form, headers) as got:
                return Answer(got.status, _object(await _read(got, url), url))
        except TimeoutError:
            raise PeerError(f"{_place(url)}: no answer within {CALL_S:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise PeerError(f"{_place(url)}: {type(error).__name__}") from None

    @asynccontextmanager
    async def _response(
        self, method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open one exchange; sign-ins are rare, no connection is kept."""
        connector = aiohttp.TCPConnector(ssl=self._tls, force_close=True)
        head = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        async with (
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            ) as session,
            session.request(method, url, data=form, headers=head, allow_redirects=False) as got,
        ):
            yield got


async def _read(response: aiohttp.ClientResponse, url: str) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise PeerError(f"{_place(url)}: compresses its answer although it was asked not to")
    taken = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        taken += chunk
        if len(taken) > MOST_BYTES:
            raise PeerError(f"{_place(url)}: sends more than {MOST_BYTES} bytes")
    return bytes(taken)


def _object(body: bytes, url: str) -> Claims:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise PeerError(f"{_place(url)}: does not answer with a JSON object")
    return found


def _origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port; PeerError unless it is https, or http on this machine."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise PeerError("is not a URL") from None
    host = parts.hostname or ""
    plain = parts.scheme == "http" and is_loopback(host)
    if not host or parts.username is not None or not (parts.scheme == "https" or plain):
        raise PeerError(f"{_place(url)}: is not an encrypted URL")
    return parts.scheme, host.lower(), port or _SCHEMES[parts.scheme]


def _place(url: str) -> str:
    """Return how a message names a URL: nothing that could be a secret."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"[:200]
    except ValueError:
        return "a URL"
