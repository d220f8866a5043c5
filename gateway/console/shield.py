# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What holds for every request: headers of the answer, size and time of the body, its origin."""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.console.identity import is_ambient
from gateway.console.problem import answer
from gateway.console.words import Fault

POLICY = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self'; "
    "img-src 'self' blob:; "
    "media-src 'self' blob:; "
    "connect-src 'self'; "
    "frame-ancestors 'none'; "
    "base-uri 'none'; "
    "form-action 'self'"
)
"""Content-Security-Policy of every answer: nothing inline, nothing from elsewhere."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(self), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
TRANSPORT_SECURITY = "max-age=31536000"

MOST_BODY_BYTES = 64 * 1024
"""Larger than any offer that browsers make (about 8 KiB) or JSON that we take."""
MOST_OFFER_BYTES = 192 * 1024
"""Of a wall: sixteen m-lines of a browser with every codec."""
MOST_LIST_BYTES = 3 << 20
"""100,000 plates as CSV; what is larger comes over the control socket."""
MOST_SENT_LIST_BYTES = 12 << 20
"""8 MiB as base64, with who enters it."""
_MORE = {
    "/walls": MOST_OFFER_BYTES,
    "/api/hotlists/imports": MOST_LIST_BYTES,
    "/control/hotlists/imports": MOST_SENT_LIST_BYTES,
}
"""Paths whose bodies may be larger than others."""
MOST_BODY_S = 15.0
MOST_DRAINED_BYTES = 1 << 20
"""What is still read and thrown away past the bound before the connection is cut."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_GUARDED = ("/api/", "/whep/", "/walls")

WHEP_ALLOWED = "POST, PATCH, DELETE, GET, OPTIONS"
WHEP_HEADERS = "Authorization, Content-Type, If-Match, Accept-Language"
WHEP_EXPOSED = "Location, ETag, Link, Accept-Post, Accept-Patch, WWW-Authenticate"


class SecurityHeaders:
    """Puts the protecting headers on every answer, whoever made it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = TRANSPORT_SECURITY
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with)


class _RefusedBodyError(Exception):
    """The body of a request passed a bound."""

    def __init__(self, status: int, fault: Fault) -> None:
        self.status = status
        self.fault = fault


class BodyLimit:
    """Refuses bodies that are larger or slower than anything that we accept."""

    def __init__(
        self, app: ASGIApp, most_bytes: int = MOST_BODY_BYTES, most_s: float = MOST_BODY_S
    ) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._most_s = most_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole body first: it is small, and no handler then runs for a bad one."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        try:
            body = await self._body(scope, receive)
        except _RefusedBodyError as error:
            headers = {"Connection": "close"}
            response = answer(Request(scope), error.status, error.fault, "", headers)
            await response(scope, receive, send)
            return
        if body is None:
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_kept() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, receive_kept, send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the body; None if the peer went away before it was complete."""
        announced = Headers(scope=scope).get("content-length", "0")
        most_bytes = max(self._most_bytes, _MORE.get(scope["path"], 0))
        if not announced.isdecimal() or int(announced) > most_bytes + MOST_DRAINED_BYTES:
            raise _RefusedBodyError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Fault.TOO_LARGE)
        try:
            async with asyncio.timeout(self._most_s):
                return await self._read(receive, most_bytes)
        except TimeoutError:
            raise _RefusedBodyError(HTTPStatus.REQUEST_TIMEOUT, Fault.TOO_SLOW) from None

    async def _read(self, receive: Receive, most_bytes: int) -> bytes | None:
        """Read to the end; of what is too large only the length is kept.

        A slightly too large body is read to its end, so that the refusal reaches a peer that is
        still sending; one that goes on is cut off.
        """
        body = bytearray()
        size_bytes = 0
        more = True
        while more and size_bytes <= most_bytes + MOST_DRAINED_BYTES:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk: bytes = message.get("body", b"")
            size_bytes += len(chunk)
            if size_bytes <= most_bytes:
                body += chunk
            more = message.get("more_body", False)
        if size_bytes > most_bytes:
            raise _RefusedBodyError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Fault.TOO_LARGE)
        return bytes(body)


class OriginGuard:
    """Refuses requests that another page makes with our cookie; answers WHEP's CORS.

    SameSite=Strict already keeps the cookie at home; this is the second lock (same-site pages,
    old browsers). Bearer requests from configured origins may use WHEP.
    """

    def __init__(self, app: ASGIApp, origins: Iterable[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if self._is_forbidden(request):
            response: ASGIApp = answer(request, HTTPStatus.FORBIDDEN, Fault.ORIGIN)
            await response(scope, receive, send)
            return
        allowed = self._cors(request)
        if allowed and request.method == "OPTIONS" and _is_preflight(request):
            await _preflight(allowed)(scope, receive, send)
            return
        await self._app(scope, receive, _with_cors(send, allowed) if allowed else send)

    def _is_forbidden(self, request: Request) -> bool:
        if request.method in SAFE_METHODS:
            return _is_borrowed(request)
        origin = request.headers.get("origin")
        own = f"{request.url.scheme}://{request.headers.get('host', '')}"
        if request.headers.get("authorization"):
            return origin is not None and origin != own and origin not in self._origins
        if origin is not None:
            return origin != own
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            return site != "same-origin"
        return is_ambient(request)

    def _cors(self, request: Request) -> str:
        origin = request.headers.get("origin", "")
        listed = origin in self._origins and request.url.path.startswith(("/whep/", "/walls"))
        return origin if listed else ""


def _is_borrowed(request: Request) -> bool:
    """Return whether another page reads with our cookie; the ledger would name the wrong person.

    Ports do not separate sites: a page of another service on this host is "same-site".
    """
    if request.headers.get("authorization"):
        return False  # what another page sends by itself it had to be told
    elsewhere = request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}
    return elsewhere and request.url.path.startswith(_GUARDED) and is_ambient(request)


def _is_preflight(request: Request) -> bool:
    return "access-control-request-method" in request.headers


def _preflight(origin: str) -> Response:
    return Response(
        status_code=HTTPStatus.NO_CONTENT,
        headers={
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": WHEP_ALLOWED,
            "Access-Control-Allow-Headers": WHEP_HEADERS,
            "Access-Control-Max-Age": "600",
            "Accept-Post": "application/sdp",
            "Vary": "Origin",
        },
    )


def _with_cors(send: Send, origin: str) -> Send:
    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = WHEP_EXPOSED
            headers.add_vary_header("Origin")
        await send(message)

    return send_with
