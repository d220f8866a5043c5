# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Where HTTP enters: TLS ends here, and the application learns who the peer proved to be.

uvicorn tells an application nothing about a peer's certificate or about the process behind an
AF_UNIX connection; a subclass of its protocol adds both to each scope:

    scope["extensions"]["tls"]       client_cert_name (RFC 4514), client_cert_sha256 (of the DER)
    scope["extensions"]["peercred"]  pid, uid, gid of the connecting process (SO_PEERCRED)

There are no forwarded-certificate headers: a header proves nothing.
"""

import asyncio
import hashlib
import logging
import os
import socket
import ssl
import struct
from asyncio import Transport
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import h11
from cryptography import x509
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.model.errors import ConfigError
from gateway.runtime.unix_path import unix_address

log = logging.getLogger(__name__)

REQUEST_S = 10.0
"""A connection whose request is not whole by then is cut off (slow loris); a later one's at the
latest after twice as long. What is waited for by a handler has its own bound (`shield`)."""
UNREAD_S = 20.0
"""So long may 64 KiB of an answer wait to be read; then the connection is cut off."""
KEEP_ALIVE_S = 15
MOST_HEAD_BYTES = 16 * 1024
MOST_CONNECTIONS = 1_000
BACKLOG = 256
STOP_S = 3.0
"""From cancellation to the end of `serve`, also with open event streams (shutdown is 5 s)."""
_DRAIN_S = 2
"""Of these, how long answers under way may take; uvicorn takes whole seconds."""
_CREDENTIALS = struct.Struct("3i")


class Protocol(H11Protocol):
    """HTTP/1.1 that knows its peer, and lets go of one that neither sends nor reads."""

    _look: asyncio.TimerHandle | None = None
    _stuck: tuple[object, ...] = (None,)
    """The request after which the next one was found incomplete at the last look, if it was."""
    _paused_s: float | None = None
    """Since when the peer has not read what we sent."""

    @override
    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Look at the peer once per connection, after the TLS handshake."""
        super().connection_made(transport)
        extensions = _extensions(transport)
        if extensions:
            self.app = cast("Any", _extended(cast("ASGIApp", self.app), extensions))
        self._look = self.loop.call_later(REQUEST_S, self._look_after)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking."""
        super().connection_lost(exc)
        if self._look is not None:
            self._look.cancel()

    @override
    def pause_writing(self) -> None:
        """Note since when the peer does not read."""
        super().pause_writing()
        self._paused_s = self.loop.time()

    @override
    def resume_writing(self) -> None:
        """Note that the peer has read."""
        super().resume_writing()
        self._paused_s = None

    def _look_after(self) -> None:
        """Cut off a peer that sends no whole request, or reads no answer; look again later."""
        stuck = (cast("Any", self.cycle),) if self._is_mid_request() else ()
        unread_s = self.loop.time() - self._paused_s if self._paused_s is not None else 0.0
        if unread_s >= UNREAD_S or (stuck and stuck == self._stuck):
            self.transport.abort()
            return
        self._stuck = stuck
        self._look = self.loop.call_later(REQUEST_S, self._look_after)

    def _is_mid_request(self) -> bool:
        """Return whether nothing is being answered, and a request has not come in whole."""
        cycle = cast("Any", self.cycle)
        if cycle is None:
            return True
        unparsed, _ = self.conn.trailing_data
        return cycle.response_complete and (self.conn.their_state is not h11.IDLE or bool(unparsed))


def _extended(app: ASGIApp, extensions: dict[str, dict[str, Any]]) -> ASGIApp:
    async def with_extensions(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"] = {**scope.get("extensions", {}), **extensions}
        await app(scope, receive, send)

    return with_extensions


def _extensions(transport: Transport) -> dict[str, dict[str, Any]]:
    """Return what the transport proves about its peer."""
    found: dict[str, dict[str, Any]] = {}
    tls = transport.get_extra_info("ssl_object")
    if tls is not None:
        found["tls"] = _certificate(tls.getpeercert(binary_form=True))
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family == socket.AF_UNIX:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, gid = _CREDENTIALS.unpack(raw)
        found["peercred"] = {"pid": pid, "uid": uid, "gid": gid}
    return found


def _certificate(der: bytes | None) -> dict[str, Any]:
    """Return hash and subject of a certificate whose chain OpenSSL has verified."""
    if not der:
        return {}
    try:
        name = x509.load_der_x509_certificate(der).subject.rfc4514_string()
    except ValueError:
        name = ""
    return {"client_cert_sha256": hashlib.sha256(der).hexdigest(), "client_cert_name": name}


class _Server(Server):
    """uvicorn's server without its signal handlers: the composition root has its own."""

    async def run_until_cancelled(self, sockets: Sequence[socket.socket]) -> None:
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        listening = list(sockets)
        await self.startup(sockets=listening)
        try:
            await self.main_loop()
        finally:
            await self._stop(listening)

    async def _stop(self, sockets: list[socket.socket]) -> None:
        cast("FastAPI", self.config.app).state.stopping.set()
        try:
            async with asyncio.timeout(STOP_S):
                await self.shutdown(sockets=sockets)
        except TimeoutError:
            log.warning("http-stop-slow", extra={"open": len(self.server_state.connections)})
        for connection in list(self.server_state.connections):
            connection.transport.abort()


async def serve(
    app: FastAPI, *, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None = None
) -> None:
    """Serve `app` on listening sockets until cancelled; closes them.

    Cancellation stops accepting, lets answers under way finish and ends event streams, within
    `STOP_S`. The app comes from `build_app` or `build_control_app`.
    """
    config = Config(
        cast("Any", app),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        backlog=BACKLOG,
        timeout_graceful_shutdown=_DRAIN_S,
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
        ssl_context_factory=(lambda _config, _default: tls) if tls else None,
    )
    await _Server(config).run_until_cancelled(sockets)


def bind_tcp(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address (port 0: any); ConfigError if impossible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise ConfigError(
            f"{host}:{port}", "", f"cannot listen: {error.strerror}", "choose another port"
        ) from error
    bound.setblocking(False)
    return bound


def bind_unix(path: Path, mode: int = 0o600) -> socket.socket:
    """Return a socket that listens on a path with that file mode; a stale one is replaced."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        before = os.umask(0o777 & ~mode)
        try:
            with unix_address(path) as address:
                bound.bind(address)
        finally:
            os.umask(before)
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise ConfigError(str(path), "", f"cannot listen: {error.strerror or error}") from error
    bound.setblocking(False)
    return bound


def server_tls(
    certificate: Path, key: Path, *, clients: Path | None = None, required: bool = True
) -> ssl.SSLContext:
    """Return a TLS 1.2+ context; `clients` is the CA that signs client certificates.

    ConfigError names the file that cannot be used.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            str(certificate), "", f"not a certificate with its key: {error}"
        ) from error
    if clients is not None:
        try:
            context.load_verify_locations(clients)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(str(clients), "", f"not a CA certificate: {error}") from error
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context
