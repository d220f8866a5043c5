# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Motion JPEG over HTTP and HTTPS: one request, pictures without end."""

import asyncio
import contextlib
import secrets
import ssl
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import yarl
from typing_extensions import override

from gateway.ingest import tls
from gateway.ingest.quirks import DEFAULT
from gateway.ingest.source import SessionStatistics, Sink, StreamSource, Trust
from gateway.ingest.stall import StallError, StallWatch
from gateway.model.errors import BusyError, CredentialError, PeerError, WireError
from gateway.model.media import AccessUnit, Codec
from gateway.runtime.clock import Clock
from gateway.runtime.sealed import reason_of
from gateway.wire import jfif
from gateway.wire.digest import Authenticator, Credentials
from gateway.wire.multipart import MultipartReceiver, boundary_of
from gateway.wire.rtsp import DOWNGRADE
from gateway.wire.sdp import UnusableStreamError, printable

CLOCK_HZ = 90_000
MOST_REDIRECTS = 3
MOST_ATTEMPTS = 3
"""Per address: plain, with an answer to the challenge, with an answer to a renewed nonce."""
MOST_RETRY_AFTER_S = 600.0
READ_BYTES = 64 << 10
"""Kept at most by the HTTP client before the camera has to wait."""
_UNTYPED = ("", "application/octet-stream")
"""Servers without a word for it; the stream then names its own boundary."""
_REDIRECTS = (301, 302, 303, 307, 308)
_SESSION_LIMIT = 453
"""RTSP's own, taken over by some recorders' web servers."""
_BUSY = (_SESSION_LIMIT, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
_ABSENT = (404, 405, 406, 410, 415)
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Frame headers of all kinds (ITU-T T.81 table B.1)."""


class _PinError(ssl.SSLError):
    """Another certificate than the pinned one; as an SSLError it ends the handshake quietly."""


class MjpegSession:
    """One attempt to pull a stream, redirects included."""

    def __init__(self, source: StreamSource, sink: Sink, *, clock: Clock) -> None:
        """Nothing is opened before `run`."""
        self._source = source
        self._sink = sink
        self._clock = clock
        self._watch = StallWatch(source.least_stall_s)
        self._receiver = MultipartReceiver("")
        self._authenticator: Authenticator | None = None
        self._received_bytes = 0
        self._size_px = (0, 0)
        self._server = ""
        self._tls = ""
        self._began_s = 0.0
        self._pts_90k = -1

    async def run(self) -> None:
        """Ask, publish; always raises. Cancelling closes the connection."""
        bound_s = min(DEFAULT.handshake_s, self._source.connect_s)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=bound_s)
        connector = aiohttp.TCPConnector(ssl=self._context(), force_close=True, limit=1)
        options: dict[str, Any] = {
            "connector": connector,
            "timeout": timeout,
            "auto_decompress": False,
            "cookie_jar": aiohttp.DummyCookieJar(),
            "headers": {"User-Agent": "Varco", "Accept-Encoding": "identity"},
            "read_bufsize": READ_BYTES,
        }
        try:
            async with aiohttp.ClientSession(**options) as client:
                await self._pull(client)
        except aiohttp.ClientError as error:
            raise await self._translated(error, bound_s) from None

    def statistics(self) -> SessionStatistics:
        """Return a snapshot; O(1)."""
        receiver = self._receiver
        return SessionStatistics(
            received_bytes=self._received_bytes,
            lost_units=receiver.lost,
            problem=receiver.problem,
            codec=Codec.JPEG if receiver.parts else None,
            size_px=self._size_px,
            server=self._server,
            authentication=self._authenticator.scheme if self._authenticator else "",
            tls=self._tls,
            transport="HTTP",
        )

    # asking ----------------------------------------------------------------------------------

    def _context(self) -> ssl.SSLContext | bool:
        if self._source.scheme != "https":
            return True
        trust, peer = self._source.trust, self._source.peer
        made = tls.context(trust)
        made.sslobject_class = _pinned(trust, peer)
        return made

    async def _pull(self, client: aiohttp.ClientSession) -> None:
        url = self._source.url
        for _ in range(MOST_REDIRECTS + 1):
            bound_s = self._source.connect_s
            try:
                async with asyncio.timeout(bound_s):
                    response = await self._asked(client, url)
            except TimeoutError:
                words = f"{self._source.peer} does not answer HTTP within {bound_s:g} s"
                raise PeerError(words) from None
            try:
                if response.status not in _REDIRECTS:
                    await self._attend(response)
                url = self._redirected(url, response.headers.get("Location", ""))
            finally:
                response.close()
        raise PeerError(f"{self._source.peer} redirects in a circle")

    async def _asked(self, client: aiohttp.ClientSession, url: str) -> aiohttp.ClientResponse:
        """Return the answer to a request that was let in; proves us where that is asked for."""
        source = self._source
        credentials = Credentials(source.user, source.password) if source.user else None
        self._authenticator = None
        if credentials is not None:
            is_sealed = urlsplit(url).scheme == "https"
            self._authenticator = Authenticator(
                credentials, lambda: secrets.token_hex(16), source.manners, is_sealed=is_sealed
            )
        address = yarl.URL(url, encoded=True)
        for attempt in range(MOST_ATTEMPTS):
            headers = {}
            if self._authenticator is not None:
                answer = self._authenticator.authorization("GET", address.raw_path_qs)
                headers = {"Authorization": answer} if answer else {}
            response = await client.get(address, headers=headers, allow_redirects=False)
            self._note(response)
            if response.status != HTTPStatus.UNAUTHORIZED:
                return self._let_in(response)
            challenges = response.headers.getall("WWW-Authenticate", [])
            response.close()
            self._challenged(challenges, attempt)
        raise CredentialError(f"{source.peer} refuses the user or the password")

    def _challenged(self, challenges: list[str], attempt: int) -> None:
        """Take a challenge; CredentialError if it cannot be answered, or was answered wrongly."""
        peer = self._source.peer
        if self._authenticator is None:
            raise CredentialError(f"{peer} wants a user and a password, none is configured")
        challenge = self._authenticator.challenged(challenges)
        if self._authenticator.is_downgrade:
            raise CredentialError(f"{peer} {DOWNGRADE}")
        if challenge is None:
            raise CredentialError(f"{peer} wants an authentication that is not supported")
        if attempt and not challenge.stale:
            raise CredentialError(f"{peer} refuses the user or the password")

    def _note(self, response: aiohttp.ClientResponse) -> None:
        self._server = printable(response.headers.get("Server", ""))
        connection = response.connection
        sealed = connection.transport if connection is not None else None
        found = sealed.get_extra_info("ssl_object") if sealed is not None else None
        self._tls = tls.agreed(found) if found is not None else ""

    def _let_in(self, response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
        """Return an answer that pictures or an address follow; else raise what it means."""
        status = response.status
        if status == HTTPStatus.OK or status in _REDIRECTS:
            return response
        response.close()
        words = f"{self._source.peer} answers {status} {printable(response.reason or '', 60)}"
        if status == HTTPStatus.FORBIDDEN:
            raise CredentialError(f"{words}: this user may not see this stream")
        if status in _BUSY:
            error = BusyError(words)
            asked = response.headers.get("Retry-After", "")
            if asked.isdecimal() and len(asked) < 6:  # noqa: PLR2004 - digits of a day
                error.retry_after_s = min(float(asked), MOST_RETRY_AFTER_S)
            raise error
        raise (UnusableStreamError if status in _ABSENT else PeerError)(words)

    def _redirected(self, url: str, location: str) -> str:
        """Return where a redirect leads, if it may; never to another host, never out of TLS."""
        source, peer = self._source, self._source.peer
        try:
            following = urljoin(url, location)
            parts = urlsplit(following)
            host, _ = (parts.hostname or "").lower(), parts.port
        except ValueError:
            raise PeerError(f"{peer} redirects to an address that cannot be used") from None
        where = printable(f"{parts.scheme}://{host}", 80)
        named = parts.username is not None or parts.password is not None
        if parts.scheme not in ("http", "https") or named or not location:
            raise PeerError(f"{peer} redirects to an address that cannot be used")
        if host not in (source.host, *(one.lower().strip("[]") for one in source.hosts)):
            raise PeerError(f"{peer} redirects to {where}: not followed to another host")
        if (urlsplit(url).scheme, parts.scheme) == ("https", "http"):
            raise PeerError(f"{peer} redirects to {where}: not followed out of TLS")
        return following

    async def _translated(self, error: aiohttp.ClientError, bound_s: float) -> PeerError:
        """Return the library's error in our words; its own may hold the URL with its query."""
        source, peer = self._source, self._source.peer
        if isinstance(error, aiohttp.ServerTimeoutError):
            return PeerError(f"{peer} is unreachable: no answer within {bound_s:g} s")
        cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
        if isinstance(cause, _PinError):
            return PeerError(str(cause.args[1]))
        if isinstance(cause, ssl.SSLError):
            unknown = isinstance(cause, ssl.SSLCertVerificationError)
            seen = await tls.seen(source.host, source.port) if unknown else ""
            return tls.refusal(cause, peer, seen)
        if isinstance(error, aiohttp.ClientConnectorError):
            return PeerError(f"{peer} is unreachable: {reason_of(error.os_error)}")
        if isinstance(error, aiohttp.ClientResponseError):
            return WireError(f"{peer}: an answer that cannot be read as HTTP")
        return PeerError(f"{peer} closed the connection")

    # pictures --------------------------------------------------------------------------------

    async def _attend(self, response: aiohttp.ClientResponse) -> None:
        """Publish what comes until it ends, which always raises."""
        peer, clock, watch = self._source.peer, self._clock, self._watch
        self._receiver = MultipartReceiver(self._boundary(response))
        self._began_s = clock.monotonic_s()
        watch.begin(self._began_s, DEFAULT.first_picture_s)
        self._sink.on_playing()
        while True:
            data = await self._some(response.content, watch.deadline_s - clock.monotonic_s())
            if not data:
                raise PeerError(f"{peer} ended the stream")
            self._received_bytes += len(data)
            try:
                pictures = self._receiver.receive(data)
            except WireError as error:
                raise WireError(f"{peer}: {error}") from None
            for picture in pictures:
                self._publish(picture)

    async def _some(self, content: aiohttp.StreamReader, left_s: float) -> bytes:
        """Return what came, nothing at the end; StallError if the next picture is overdue."""
        if left_s > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    return await content.readany()
        last = f" (last: {self._receiver.problem})" if self._receiver.problem else ""
        bound = f"{self._watch.bound_s:.3g} s"
        raise StallError(f"{self._source.peer}: no picture for {bound}{last}")

    def _boundary(self, response: aiohttp.ClientResponse) -> str:
        """Return what separates the pictures; UnusableStreamError if there will be none."""
        stated = response.headers.get("Content-Type", "")
        boundary = boundary_of(stated)
        if boundary is None:
            if stated.partition(";")[0].strip().lower() in _UNTYPED:
                return ""
            kind = printable(stated, 60)
            advice = "the address of its motion JPEG stream is needed"
            raise UnusableStreamError(f"{self._source.peer} sends {kind!r}, no stream: {advice}")
        return boundary

    def _publish(self, picture: bytes) -> None:
        now = self._clock.now()
        self._watch.picture(now.monotonic_s)
        self._size_px = size_px(picture) or self._size_px
        pts_90k = round((now.monotonic_s - self._began_s) * CLOCK_HZ)
        self._pts_90k = max(pts_90k, self._pts_90k + 1)
        self._sink.on_unit(AccessUnit(self._pts_90k, True, (picture,), now, now, Codec.JPEG))


def size_px(picture: bytes) -> tuple[int, int] | None:
    """Return width and height from a JPEG's frame header; None if there is none."""
    try:
        for marker, begin, end in jfif.segments(picture, 2):
            if marker in _SOF and end - begin >= 5:  # noqa: PLR2004 - precision, height, width
                height = int.from_bytes(picture[begin + 1 : begin + 3])
                return int.from_bytes(picture[begin + 3 : begin + 5]), height
    except WireError:
        return None
    return None


def _pinned(trust: Trust, peer: str) -> type[ssl.SSLObject]:
    """Return a TLS object that holds its handshake to the pin, before anything is sent."""

    class Pinned(ssl.SSLObject):
        @override
        def do_handshake(self) -> None:
            super().do_handshake()
            try:
                tls.check_pin(self, trust, peer)
            except PeerError as error:
                raise _PinError(1, str(error)) from None

    return Pinned
