# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A signed HTTP POST to an address that a person entered, and to nowhere else.

Headers and signature are those of the Standard Webhooks specification: `webhook-id`,
`webhook-timestamp` and `webhook-signature: v1,base64(HMAC-SHA256(secret, id.timestamp.body))`. A
name that leads into a private network is refused unless it may (SSRF); no redirect is followed.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import socket
import ssl
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from gateway.model.errors import PeerError

CALL_S: Final = 10.0
"""For one whole exchange."""
_SECRET_MARK: Final = "whsec_"  # noqa: S105 - the mark of a form, not a secret
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
"""All that is global unicast; a NAT64 prefix (64:ff9b::/96) leads to IPv4 addresses unseen."""
_SUCCESS: Final = range(200, 300)


class Address(Protocol):
    """Where it goes, and how we prove who we are."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        ...

    @property
    def url(self) -> str:
        """Without credentials."""
        ...

    @property
    def secret(self) -> str:
        """What is signed with; `whsec_` and base64, or any text."""
        ...

    @property
    def private(self) -> bool:
        """It may be on this machine or in a private network."""
        ...

    @property
    def ca(self) -> Path | None:
        """Authorities; None: the system's."""
        ...


class StatusError(PeerError):
    """The address answered, and did not take it."""

    def __init__(self, name: str, status: int) -> None:
        super().__init__(f"webhook {name}: status {status}")
        self.status = status


def signature(secret: str, delivery: str, timestamp_s: int, body: bytes) -> str:
    """Return `webhook-signature` of a delivery."""
    signed = f"{delivery}.{timestamp_s}.".encode() + body
    made = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode()


def _key(secret: str) -> bytes:
    """Return the bytes of a secret: those of `whsec_BASE64`, else its own."""
    if secret.startswith(_SECRET_MARK):
        try:
            return base64.b64decode(secret.removeprefix(_SECRET_MARK), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


# where it goes -----------------------------------------------------------------------------


def is_public(address: str) -> bool:
    """Return whether an address belongs to the Internet and to nobody's own network."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    if mapped is not None:
        found = mapped
    if found.version == 6 and found not in _GLOBAL_V6:  # noqa: PLR2004 - the version of IP
        return False
    return found.is_global and not found.is_multicast


class _Resolver(AbstractResolver):
    """Names to addresses; what is not public is left out unless it may be private."""

    def __init__(self, *, private: bool) -> None:
        self._private = private

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        kept = [one for one in found if self._private or is_public(str(one[4][0]))]
        if not kept:
            raise OSError(f"{host}: no public address")
        return [
            ResolveResult(
                hostname=host, host=str(place[0]), port=int(place[1]), family=kind, proto=proto,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, proto, _, place in kept
        ]  # fmt: skip

    @override
    async def close(self) -> None:
        """Nothing is kept."""


async def post(address: Address, delivery: str, body: bytes, timestamp_s: int) -> None:
    """Deliver once; PeerError unless it is taken, a StatusError if the answer is not 2xx."""
    _check(address)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "varco",
        "webhook-id": delivery,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signature(address.secret, delivery, timestamp_s, body),
    }
    try:
        tls = ssl.create_default_context(cafile=str(address.ca) if address.ca else None)
        connector = aiohttp.TCPConnector(
            ssl=tls,
            force_close=True,
            resolver=_Resolver(private=address.private),
            use_dns_cache=False,
        )
        async with (
            asyncio.timeout(CALL_S),
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            ) as session,
            session.post(address.url, data=body, headers=headers, allow_redirects=False) as got,
        ):
            status = got.status
    except TimeoutError:
        raise PeerError(f"webhook {address.name}: no answer within {CALL_S:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise PeerError(f"webhook {address.name}: {_words(error)}") from None
    if status not in _SUCCESS:
        raise StatusError(address.name, status)


def _check(address: Address) -> None:
    """Refuse a literal address that no resolver sees, also one in digits of another script."""
    host = urlsplit(address.url).hostname or ""
    if not host.isascii():
        raise PeerError(f"webhook {address.name}: its host is not in ASCII: write it as xn--…")
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return
    if not address.private and not is_public(host):
        raise PeerError(f"webhook {address.name}: no public address")


def _words(error: Exception) -> str:
    """Return what happened without the URL, which may hold a secret."""
    inner = getattr(error, "os_error", None) or error
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else ""
    return text or type(error).__name__
