# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A camera's TCP connection, in clear or TLS: opened here, read on the shelf, written at once."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from typing import Protocol, cast

from typing_extensions import override

from gateway.ingest import tls
from gateway.ingest.source import Trust
from gateway.model.errors import PeerError
from gateway.runtime.sealed import RECORD_BYTES, Sealed, reason_of, settle
from gateway.runtime.shelf import Shelf

MOST_UNREAD_BYTES = 64 << 10
"""What a camera may leave unread: thousands of our short messages."""
MOST_READS = 8
"""Of one socket in one round: 2 MB, so that a flood does not starve the others."""
MOST_ADDRESSES = 4
"""Of one name that are tried."""
METADATA_SERVICES = frozenset(("fd00:ec2::254", "100.100.100.200", "192.0.0.192"))
"""Where clouds hand out secrets, besides the link-local 169.254.169.254."""
Where = tuple[str | int, ...]
Address = tuple[socket.AddressFamily, Where]


class Reader(Protocol):
    """Who reads a line; called on the loop."""

    def space(self) -> memoryview:
        """Return where the next bytes belong; filled and told by `received` before it is asked."""
        ...

    def received(self, count: int) -> None:
        """Take the bytes in `space`."""
        ...

    def lost(self, error: Exception) -> None:
        """Note that the line is of no use any more; called once or more."""
        ...


class Line:
    """An open connection; stands on the shelf from `attach` to `close`."""

    def __init__(self, sock: socket.socket, where: str) -> None:
        """`sock`: connected and non-blocking; `where` names the peer in errors."""
        self.peer_address = str(sock.getpeername()[0])
        self.local_address = str(sock.getsockname()[0])
        self.family = sock.family
        self.tls = ""
        """Protocol and cipher; empty in clear."""
        self._where = where
        self._sock = sock
        self._fileno = sock.fileno()
        self._shelf: Shelf | None = None
        self._reader: Reader | None = None
        self._unsent = bytearray()

    def attach(self, shelf: Shelf, reader: Reader) -> None:
        """Read from now on."""
        self._shelf, self._reader = shelf, reader
        shelf.add(self._fileno, self)

    def readable(self) -> None:
        """Read what came, for the reader to take."""
        reader = self._reader
        if reader is None:
            return
        for _ in range(MOST_READS):
            space = reader.space()
            if not (count := self._read(space)):
                return
            reader.received(count)
            if count < len(space) or self._shelf is None:
                return

    def writable(self) -> None:
        """Send what waited."""
        self._flush()

    def failed(self, error: Exception) -> None:
        """Hand a bug to the session whose it is."""
        if self._reader is not None:
            self._reader.lost(error)

    def send(self, data: bytes) -> None:
        """Send, or keep the rest until the peer reads; one that reads nothing is given up."""
        if not data or self._shelf is None:
            return
        waited = bool(self._unsent)
        self._unsent += self._sealed(data)
        if len(self._unsent) > MOST_UNREAD_BYTES:
            self._end(PeerError(f"{self._where} asks and asks and reads no answer"))
        elif not waited:
            self._flush()

    def close(self) -> None:
        """Leave the shelf and close; what the peer has not read is lost."""
        shelf, self._shelf = self._shelf, None
        if shelf is not None:
            shelf.remove(self._fileno)
            self._drain(shelf)
        self._sock.close()

    def _drain(self, shelf: Shelf) -> None:
        """Read what nobody wants: closing over unread bytes would take our last words back."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            for _ in range(MOST_READS):
                if not self._sock.recv_into(shelf.scratch):
                    break

    def _sealed(self, data: bytes) -> bytes:
        """Return what goes over the wire for `data`."""
        return data

    def _flush(self) -> None:
        """Send what the kernel takes."""
        shelf = self._shelf
        if shelf is None:
            return
        try:
            sent = self._sock.send(self._unsent) if self._unsent else 0
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._lost(error)
            return
        del self._unsent[:sent]
        shelf.want_write(self._fileno, wanted=bool(self._unsent))

    def _read(self, space: memoryview) -> int:
        """Return how many bytes came; 0 if none, or if the line ended."""
        try:
            count = self._sock.recv_into(space)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._lost(error)
            return 0
        if not count:
            self._lost(None)
        return count

    def _lost(self, error: OSError | None) -> None:
        reason = f" ({reason_of(error)})" if error else ""
        self._end(PeerError(f"{self._where} closed the connection{reason}"))

    def _end(self, error: Exception) -> None:
        """Read no more: a line that ended would be ready for ever."""
        shelf, self._shelf = self._shelf, None
        if shelf is not None:
            shelf.remove(self._fileno)
        if self._reader is not None:
            self._reader.lost(error)


class _CipheredLine(Line):
    """A line whose bytes are sealed (RFC 8446), the library working in memory."""

    _ssl: ssl.SSLObject
    _incoming: ssl.MemoryBIO
    _outgoing: ssl.MemoryBIO

    @override
    def readable(self) -> None:
        reader, shelf = self._reader, self._shelf
        if reader is None or shelf is None:
            return
        scratch = memoryview(shelf.scratch)
        count = self._read(scratch)
        self._incoming.write(scratch[:count])
        while self._shelf is not None:
            space = reader.space()
            try:
                count = _filled(self._ssl, space)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                self._end(tls.refusal(error, self._where, ""))
                break
            if not count:
                self._lost(None)
                break
            reader.received(count)
        if self._outgoing.pending:  # an answer to a key update
            self._unsent += self._outgoing.read()
            self._flush()

    @override
    def _sealed(self, data: bytes) -> bytes:
        try:
            self._ssl.write(data)
        except ssl.SSLError as error:
            self._end(tls.refusal(error, self._where, ""))
        return self._outgoing.read()


class TlsLine(_CipheredLine):
    """A line in TLS, whose handshake is ours to make."""

    def __init__(self, sock: socket.socket, where: str, context: ssl.SSLContext, host: str) -> None:
        """`host` is what the certificate has to name, unless it is pinned."""
        super().__init__(sock, where)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = host if context.check_hostname or not is_literal(host) else None
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)

    async def shake_hands(self, trust: Trust) -> None:
        """Agree on keys and verify the peer; ssl.SSLError, OSError, or PeerError for the pin."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                self._ssl.do_handshake()
            except ssl.SSLWantReadError:
                await loop.sock_sendall(self._sock, self._outgoing.read())
                data = await loop.sock_recv(self._sock, RECORD_BYTES)
                if not data:
                    raise ConnectionResetError(104, "Connection reset by peer") from None
                self._incoming.write(data)
            else:
                break
        tls.check_pin(self._ssl, trust, self._where)
        self.tls = tls.agreed(self._ssl)
        await loop.sock_sendall(self._sock, self._outgoing.read())


class SealedLine(_CipheredLine):
    """A line that somebody else opened and made sure of; whoever has it closes `sealed` too."""

    def __init__(self, sealed: Sealed, where: str) -> None:
        super().__init__(sealed.sock, where)
        self._ssl, self._incoming, self._outgoing = sealed.ssl, sealed.incoming, sealed.outgoing
        self.tls = sealed.tls


def _filled(source: ssl.SSLObject, space: memoryview) -> int:
    """Decrypt into `space`; return how many bytes came, 0 at the end."""
    count: object = source.read(len(space), cast("bytearray", space))
    return cast("int", count)


def is_literal(host: str) -> bool:
    """Return whether a host is written as a number."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def is_off_limits(address: str) -> bool:
    """Return whether no redirect may lead there: this machine, the link, secrets of clouds."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return True
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    return (
        found.is_loopback
        or found.is_link_local
        or found.is_unspecified
        or found.is_multicast
        or found.is_reserved
        or str(found) in METADATA_SERVICES
    )


async def addresses(host: str, port: int) -> list[Address]:
    """Return where a name leads, at most `MOST_ADDRESSES`; OSError if nowhere."""
    kind = {"type": socket.SOCK_STREAM, "proto": socket.IPPROTO_TCP}
    with contextlib.suppress(OSError):
        found = socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST, **kind)
        return [(one[0], cast("Where", one[4])) for one in found[:1]]
    loop = asyncio.get_running_loop()
    names = await loop.getaddrinfo(host, port, **kind)
    return [(one[0], cast("Where", one[4])) for one in names[:MOST_ADDRESSES]]


async def dial(found: Sequence[Address], seconds: float) -> socket.socket:
    """Return a connected, non-blocking socket; the last OSError or TimeoutError if none answers.

    Cancelling closes what was opened. `seconds` is for all addresses together.
    """
    loop = asyncio.get_running_loop()
    problem: Exception = OSError("no address")
    for family, address in found:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            settle(sock)
            async with asyncio.timeout(seconds / len(found)):
                await loop.sock_connect(sock, address)
        except (OSError, TimeoutError) as error:
            sock.close()
            problem = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise problem
