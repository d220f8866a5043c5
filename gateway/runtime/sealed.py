# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A TLS 1.3 connection over a plain socket, the library working in memory.

Who only talks uses `read` and `write`. Who does non-blocking I/O of its own takes `fileno`, `seal`
and `unseal`: bytes in, bytes out, and the socket stays with whoever reads it. One of the two, not
both at a time. Two tasks may read and write at once; two readers or two writers may not.
"""

import asyncio
import contextlib
import hashlib
import os
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from gateway.model.errors import ConfigError, CredentialError, PeerError

RECORD_BYTES = 16 << 10
"""The largest TLS record's content (RFC 8446 §5.1)."""
MOST_READ_BYTES = 64 << 10
"""Of one look at the socket."""
MOST_DRAINED = 8
"""Reads of what nobody wants, before the socket is closed over it."""
USER_TIMEOUT_MS = 10_000
"""What we sent and nobody acknowledges for so long ends the connection (RFC 5482)."""
KEEPALIVE = {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}
"""For connections that wait: also what keeps a router's translation alive (RFC 5382 §5)."""
REFUSALS = frozenset(
    (
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV1_ALERT_ACCESS_DENIED",
        "TLSV1_ALERT_DECRYPT_ERROR",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    )
)
"""Alerts by which the other end says no to our certificate (RFC 8446 §6.2)."""


class Sealed:
    """A connection after its handshake; closed by `close`, and by nobody else."""

    def __init__(
        self, sock: socket.socket, session: ssl.SSLObject, ends: tuple[ssl.MemoryBIO, ssl.MemoryBIO]
    ) -> None:
        """`sock`: connected and non-blocking; `ends`: what came in, and what goes out, sealed."""
        self.sock = sock
        self.ssl = session
        self.incoming, self.outgoing = ends
        self.peer_address = address_of(sock.getpeername())
        """`host:port`."""
        self.local_address = address_of(sock.getsockname())
        self.sent_bytes = 0
        """Sealed, by `write` and `seal`."""
        self.received_bytes = 0
        self._writing = asyncio.Lock()
        self._closed = False

    @classmethod
    async def accept(
        cls, sock: socket.socket, context: ssl.SSLContext, *, within_s: float
    ) -> "Sealed":
        """Shake hands as the server.

        `sock`: connected and non-blocking; closed if this fails. PeerError: too slow, gone, or not
        TLS 1.3; CredentialError: its certificate does not verify. Cancelling closes the socket.
        """
        return await cls._shaken(sock, context, None, within_s)

    @classmethod
    async def connect(
        cls, sock: socket.socket, context: ssl.SSLContext, server_name: str, *, within_s: float
    ) -> "Sealed":
        """Shake hands as the client; errors as `accept`.

        The server may refuse our certificate after this returned: then the first read raises
        CredentialError (RFC 8446 §4.4.2.4).
        """
        return await cls._shaken(sock, context, server_name, within_s)

    @classmethod
    async def _shaken(
        cls, sock: socket.socket, context: ssl.SSLContext, name: str | None, within_s: float
    ) -> "Sealed":
        try:
            settle(sock)
            ends = (ssl.MemoryBIO(), ssl.MemoryBIO())
            session = context.wrap_bio(*ends, server_side=name is None, server_hostname=name)
            made = cls(sock, session, ends)
            with _in_words(made.peer_address):
                async with asyncio.timeout(within_s):
                    await made._shake_hands()
        except OSError as error:  # gone before we looked
            _hang_up(sock)
            raise PeerError(f"the connection ended: {reason_of(error)}") from None
        except BaseException:
            _hang_up(sock)
            raise
        return made

    async def _shake_hands(self) -> None:
        while True:
            try:
                self.ssl.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._receive()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    self.sock.send(self.outgoing.read())  # the alert that says why
                raise
            else:
                await self._flush()
                return

    @property
    def alpn(self) -> str:
        """Protocol that both ends agreed on (RFC 7301); empty: none."""
        return self.ssl.selected_alpn_protocol() or ""

    @property
    def peer_der(self) -> bytes:
        """Certificate of the other end, verified; empty: it showed none."""
        der = self.ssl.getpeercert(binary_form=True)
        return der if isinstance(der, bytes) else b""

    @property
    def peer_sha256(self) -> str:
        """Fingerprint of `peer_der` in hexadecimal; empty: it showed none."""
        der = self.peer_der
        return hashlib.sha256(der).hexdigest() if der else ""

    @property
    def tls(self) -> str:
        """Protocol and cipher, `TLSv1.3 TLS_AES_256_GCM_SHA384`."""
        cipher = self.ssl.cipher()
        return f"{self.ssl.version() or ''} {cipher[0] if cipher else ''}".strip()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def fileno(self) -> int:
        """Return the socket's descriptor, for those who watch it themselves."""
        return self.sock.fileno()

    async def read(self, most: int = RECORD_BYTES) -> bytes:
        """Return what comes next, 1..`most` bytes; PeerError at the end.

        Cancelling loses nothing.
        """
        with _in_words(self.peer_address):
            while True:
                try:
                    data = self.ssl.read(most)
                except ssl.SSLWantReadError:
                    await self._flush()  # an answer to a key update
                    await self._receive()
                else:
                    if not data:
                        raise PeerError(f"{self.peer_address} closed the connection")
                    return data

    async def spoken_to(self) -> None:
        """Wait until something came, and read nothing of it; PeerError if that is the end."""
        if self.ssl.pending() or self.incoming.pending:
            return
        await readable(self.sock)
        with _in_words(self.peer_address):
            if not self.sock.recv(1, socket.MSG_PEEK):
                raise PeerError(f"{self.peer_address} closed the connection")

    def is_idle(self) -> bool:
        """Return whether it stands and nothing came yet."""
        if self._closed or self.ssl.pending() or self.incoming.pending:
            return False
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    async def write(self, data: bytes) -> None:
        """Send, waiting for a slow reader; PeerError if the connection broke.

        A cancelled write leaves half a record behind: close then.
        """
        with _in_words(self.peer_address):
            if data:
                self.ssl.write(data)
            await self._flush()

    def seal(self, data: bytes) -> bytes:
        """Return all that is to be sent for `data`, and for what the other end asked for.

        PeerError if the connection ended.
        """
        try:  # `_in_words` would cost as much as sealing does
            if data:
                self.ssl.write(data)
        except (OSError, ValueError) as error:
            raise _worded(error, self.peer_address) from None
        sealed = self.outgoing.read()
        self.sent_bytes += len(sealed)
        return sealed

    def unseal(self, data: bytes | memoryview) -> bytes:
        """Take bytes of the socket; return what they say, or nothing yet; PeerError at the end.

        Call it once with nothing at the beginning: the handshake may have brought more than itself.
        `outgoing.pending` afterwards: an answer is due, send `seal(b"")`.
        """
        if data:
            self.incoming.write(data)
            self.received_bytes += len(data)
        found = bytearray()
        with _in_words(self.peer_address):
            while True:
                try:
                    part = self.ssl.read(MOST_READ_BYTES)
                except ssl.SSLWantReadError:
                    return bytes(found)
                except ssl.SSLError:
                    if found:
                        return bytes(found)  # told first; the next call raises again
                    raise
                if not part and not found:
                    raise PeerError(f"{self.peer_address} closed the connection")
                if not part:
                    return bytes(found)
                found += part

    def end_of_stream(self) -> None:
        """Note that the socket brought its end; `unseal` raises once all is told."""
        self.incoming.write_eof()

    def close(self) -> None:
        """Say goodbye as far as the kernel takes it at once, and close; never waits.

        Whoever reads or writes must have ended before.
        """
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(OSError, ValueError):  # ssl.SSLError is an OSError
            self.ssl.unwrap()
        with contextlib.suppress(OSError):
            if self.outgoing.pending and not self._writing.locked():
                self.sock.send(self.outgoing.read())
        _hang_up(self.sock)

    def cut(self) -> None:
        """End the connection under whoever uses it, who notices and closes; never waits."""
        if not self._closed:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    async def _receive(self) -> None:
        """Wait for bytes of the socket."""
        data = await asyncio.get_running_loop().sock_recv(self.sock, MOST_READ_BYTES)
        self.received_bytes += len(data)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()

    async def _flush(self) -> None:
        """Send what is sealed, in the order in which it was."""
        if not self.outgoing.pending:
            return
        loop = asyncio.get_running_loop()
        async with self._writing:
            while self.outgoing.pending:
                data = self.outgoing.read()
                self.sent_bytes += len(data)
                await loop.sock_sendall(self.sock, data)


def settle(sock: socket.socket) -> None:
    """Have the kernel notice a peer that vanished without a word."""
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


def server_context(
    certificate: Path, key: Path, ca: Path, protocols: Sequence[str]
) -> ssl.SSLContext:
    """Return the context of a server that verifies certificates, where the client shows one.

    A protocol that needs a certificate has to look at `Sealed.peer_der`. ConfigError names the
    file that cannot be used.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.verify_mode = ssl.CERT_OPTIONAL
    made.num_tickets = 0  # a session taken up again would not be verified again
    return _furnished(made, (certificate, key), ca, protocols)


def client_context(
    certificate: Path, key: Path, ca: Path, protocols: Sequence[str]
) -> ssl.SSLContext:
    """Return the context of a client that verifies chain and name, and shows a certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return _furnished(made, (certificate, key), ca, protocols)


def _furnished(
    made: ssl.SSLContext, own: tuple[Path, Path], ca: Path, protocols: Sequence[str]
) -> ssl.SSLContext:
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.set_alpn_protocols(list(protocols))
    with _readable(own[0]):
        own[0].read_bytes()
    with _readable(own[1]):
        own[1].read_bytes()
        made.load_cert_chain(*own)
    with _readable(ca):
        made.load_verify_locations(cafile=ca)
    return made


async def readable(sock: socket.socket) -> None:
    """Wait until there is something to read or to accept, and take nothing of it."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(sock, _settled, ready)
    try:
        await ready
    finally:
        loop.remove_reader(sock)


def _settled(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _hang_up(sock: socket.socket) -> None:
    """Close; what was said last still arrives."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        for _ in range(MOST_DRAINED):  # closing over unread bytes takes our last words back
            if not sock.recv(MOST_READ_BYTES):
                break
    sock.close()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # also ssl.SSLError
        advice = "a PEM file; certificate and key must belong together"
        raise ConfigError(str(path), "", f"cannot be used: {reason_of(error)}", advice) from None


@contextmanager
def _in_words(where: str) -> Iterator[None]:
    """Turn what the library says into our errors; `where` names the other end."""
    try:
        yield
    except (OSError, ValueError) as error:  # also TimeoutError and ssl.SSLError
        raise _worded(error, where) from None


def _worded(error: OSError | ValueError, where: str) -> PeerError:
    """Return our error for what the library says."""
    if isinstance(error, TimeoutError):
        gave_up = error.errno is not None  # the system, on a line that stood; else our own timeout
        return PeerError(f"{where}: {'nothing comes back' if gave_up else 'no handshake in time'}")
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message or error.reason
        return CredentialError(f"{where}: its certificate does not verify: {reason}")
    if isinstance(error, ssl.SSLEOFError):
        return PeerError(f"{where} closed the connection without a word")
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "TLS").replace("_", " ").lower()
        if error.reason in REFUSALS:
            return CredentialError(f"{where} refuses our certificate ({reason})")
        return PeerError(f"{where}: TLS ended ({reason})")
    reason = reason_of(error) if isinstance(error, OSError) else "closed here"
    return PeerError(f"{where} closed the connection ({reason})")


def reason_of(error: OSError) -> str:
    """Return the system's words; TLS and name look-ups bring their own."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__


def address_of(name: object) -> str:
    """Return `host:port`; IPv6 in brackets; something for a socket without a name."""
    if not isinstance(name, tuple) or len(name) < 2:  # noqa: PLR2004 - host and port
        return "local"
    host, port = cast("tuple[str, int]", name[:2])
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
