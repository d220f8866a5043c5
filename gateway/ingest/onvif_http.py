# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""HTTP towards an ONVIF device: bounded in time, bytes and number, by digest, no redirects."""

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from typing_extensions import override
from yarl import URL

from gateway.ingest import tls
from gateway.ingest.onvif_addresses import printable, without_credentials
from gateway.ingest.onvif_model import OnvifTarget
from gateway.ingest.source import Trust
from gateway.model.errors import PeerError
from gateway.wire.digest import Authenticator, Credentials

MOST_CONCURRENT = 2
"""Cameras answer from one slow core: storms of requests make them drop their streams."""
MOST_WAIT_S = 60.0
"""For a free slot: twice the longest pull of events."""
CALL_S = 5.0
"""For one whole exchange, connection and challenge included."""
_MOST_ANSWERS = 2
"""Of challenges in one exchange: the second only if the device says that the nonce was old."""
_CHUNK_BYTES = 1 << 16
_UNAUTHORIZED = 401
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and the bounds of its answer."""

    url: str
    most_bytes: int
    body: bytes | None = None
    """None: a GET."""
    content_type: str = ""
    action: str = ""
    """SOAPAction: SOAP 1.2 has it in the content type, but cheap devices look for the header."""
    timeout_s: float = CALL_S


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, read whole."""

    status: int
    content_type: str
    body: bytes
    answered_challenge: bool = False
    """The request proved itself by digest, against a fresh challenge if it was refused."""


class DeviceHttp:
    """Exchanges with one device; see `connect`."""

    def __init__(self, session: aiohttp.ClientSession, target: OnvifTarget) -> None:
        self._session = session
        self._target = target
        self._slots = asyncio.Semaphore(MOST_CONCURRENT)
        self._credentials = Credentials(target.user, target.password)
        self._authenticator = self._fresh_authenticator()
        self.authentication = ""
        """`Digest SHA-256`, `Digest MD5`, `Basic`; empty while none was asked for."""

    async def exchange(self, exchange: Exchange) -> Reply:
        """Return the device's answer, whatever its status but a redirect.

        PeerError when it does not come whole within the bounds. Cancelling closes the connection.
        """
        place = f"{self._target.id}: {without_credentials(exchange.url)}"
        try:
            async with asyncio.timeout(MOST_WAIT_S):
                await self._slots.acquire()
        except TimeoutError:
            raise PeerError(f"{place}: still busy after {MOST_WAIT_S:g} s") from None
        try:
            async with asyncio.timeout(exchange.timeout_s):
                return await self._attempts(exchange)
        except TimeoutError:
            raise PeerError(f"{place}: no answer within {exchange.timeout_s:g} s") from None
        except PeerError as error:
            raise PeerError(f"{place}: {error}") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise await self._refusal(error.certificate_error, exchange.url) from None
        except aiohttp.ClientConnectorSSLError as error:
            raise await self._refusal(error.os_error, exchange.url) from None
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            raise PeerError(f"{place}: {_words(error)}") from None
        finally:
            self._slots.release()

    async def _attempts(self, exchange: Exchange) -> Reply:
        """Answer a challenge once; and once more if only the nonce was too old."""
        url = URL(exchange.url, encoded=True)
        method = "GET" if exchange.body is None else "POST"
        answered = 0
        while True:
            proof = self._authenticator.authorization(method, url.raw_path_qs)
            reply, challenges = await self._once(exchange, url, proof)
            if reply.status != _UNAUTHORIZED:
                return reply
            is_stale = self._challenged(challenges, exchange.url)
            if is_stale is None or answered >= (_MOST_ANSWERS if is_stale else 1):
                self._authenticator = self._fresh_authenticator()  # what was refused is not sent on
                return reply
            answered += 1

    def _challenged(self, values: list[str], url: str) -> bool | None:
        """Return whether only the nonce was too old; None if there is nothing to answer."""
        usable = bool(self._target.user) and self._authenticator.challenged(values)
        if not usable or (not usable.is_digest and urlsplit(url).scheme != "https"):
            self._authenticator = self._fresh_authenticator()
            return None
        self.authentication = f"Digest {usable.algorithm}" if usable.is_digest else "Basic"
        return usable.stale

    def _fresh_authenticator(self) -> Authenticator:
        return Authenticator(self._credentials, lambda: secrets.token_hex(16))

    async def _once(
        self, exchange: Exchange, url: URL, proof: str | None
    ) -> tuple[Reply, list[str]]:
        headers = {"Accept-Encoding": "identity"}
        if exchange.content_type:
            headers["Content-Type"] = exchange.content_type
        if exchange.action:
            headers["SOAPAction"] = f'"{exchange.action}"'
        if proof is not None:
            headers["Authorization"] = proof
        method = "GET" if exchange.body is None else "POST"
        async with self._session.request(
            method, url, data=exchange.body, headers=headers, allow_redirects=False
        ) as response:
            if response.status in _REDIRECTS:
                where = without_credentials(response.headers.get("Location", "nowhere"))
                raise PeerError(f"redirects to {where}: not followed")
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise PeerError("compresses its answer although it was asked not to")
            body = await _read(response, exchange.most_bytes)
            reply = Reply(response.status, response.content_type, body, proof is not None)
            return reply, response.headers.getall("WWW-Authenticate", [])

    async def _refusal(self, error: Exception, url: str) -> PeerError:
        parts = urlsplit(url)
        where = f"{self._target.id}: {parts.hostname}"
        if isinstance(error, WrongPinError):
            return PeerError(error.reason)
        if not isinstance(error, ssl.SSLError):
            return PeerError(f"{where}: {_words(error)}")
        seen = ""
        if isinstance(error, ssl.SSLCertVerificationError):
            seen = await tls.seen(parts.hostname or "", parts.port or 443)
        return tls.refusal(error, where, seen)


async def _read(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """Return the body; PeerError as soon as it is longer than allowed."""
    announced = response.content_length or 0
    if announced > most_bytes:
        raise PeerError(f"announces {announced} bytes, at most {most_bytes} are taken")
    taken = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        taken += chunk
        if len(taken) > most_bytes:
            raise PeerError(f"sends more than {most_bytes} bytes")
    return bytes(taken)


def _words(error: Exception) -> str:
    """Return a transport's error in one line; aiohttp's own texts can repeat whole URLs."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect: {printable(error.os_error.strerror or str(error.os_error))}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "closed the connection without an answer"
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
        return f"does not speak HTTP: {printable(error.message)}"
    if isinstance(error, OSError):
        return printable(error.strerror or type(error).__name__)
    return f"broken answer ({type(error).__name__})"


class WrongPinError(ssl.SSLError):
    """The certificate is another one than the pinned one."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def client_context(trust: Trust, where: str) -> ssl.SSLContext:
    """Return a context that checks the pin inside the handshake, before any byte is sent."""
    context = tls.context(trust)

    class _Pinned(ssl.SSLObject):
        @override
        def do_handshake(self) -> None:
            super().do_handshake()
            try:
                tls.check_pin(self, trust, where)
            except PeerError as error:
                raise WrongPinError(str(error)) from None

    if trust.sha256:
        context.sslobject_class = _Pinned
    return context


@asynccontextmanager
async def connect(target: OnvifTarget) -> AsyncIterator[DeviceHttp]:
    """Yield exchanges with `target`; on leaving every connection is closed.

    Each exchange has a connection of its own: cameras close idle ones at will, and a POST must
    not be repeated blindly.
    """
    where = f"{target.id}: {urlsplit(target.url).hostname}"
    secure = urlsplit(target.url).scheme.lower() == "https" or target.trust != Trust()
    connector = aiohttp.TCPConnector(
        ssl=client_context(target.trust, where) if secure else True, force_close=True
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield DeviceHttp(session, target)
