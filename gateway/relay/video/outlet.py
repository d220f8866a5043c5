# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Bytes out of a connection without waiting and without a long queue behind our back."""

import asyncio
import contextlib
import fcntl
import socket
import struct
from collections.abc import Callable
from typing import Protocol

from gateway.model.errors import PeerError

SIOCOUTQNSD = 0x894B
"""How many bytes of a TCP socket the kernel has not sent at all yet (Linux, sockios.h)."""
QUEUE_S = 0.15
"""So much of what the line carries may wait in the kernel."""
LEAST_QUEUE_BYTES = 4 << 10
MOST_QUEUE_BYTES = 256 << 10
FIRST_QUEUE_BYTES = 16 << 10
"""Before the line has shown what it carries."""
UNASKED = 3
"""Writes after one that left nothing waiting, before the kernel is asked again: asking costs half
of what sending does. Should the line fail meanwhile, TCP_NOTSENT_LOWAT still holds the queue."""


_NOTHING = memoryview(b"")


class Pipe(Protocol):
    """A connected, non-blocking socket, and what is made of bytes before they go out."""

    sock: socket.socket

    def seal(self, data: bytes) -> bytes:
        """Return what goes over the wire; PeerError if the connection ended."""
        ...


class PlainPipe:
    """In clear: for loopback and private networks."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._ended = False

    def seal(self, data: bytes) -> bytes:
        """Return the same."""
        return data

    def unseal(self, data: bytes) -> bytes:
        """Return the same; PeerError at the end."""
        if self._ended:
            raise PeerError("closed")
        return data

    def end_of_stream(self) -> None:
        """Note that the socket brought its end."""
        self._ended = True

    def close(self) -> None:
        """Close."""
        self.sock.close()


def tune(sock: socket.socket) -> None:
    """Keep the kernel's queue short and the line's own too, as far as this kernel can."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"bbr")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Outlet:
    """Sends at once what the line takes; measures what that is."""

    def __init__(self, pipe: Pipe, on_room: Callable[[], None], now_s: Callable[[], float]) -> None:
        """`on_room` is called when what waited has gone; it must not wait."""
        self.queue_bytes = FIRST_QUEUE_BYTES
        """What may wait in the kernel."""
        self.moved_s = now_s()
        """When the line took something last, or had nothing to take."""
        self.error: PeerError | None = None
        """Why nothing can be sent any more."""
        self.is_free = False
        """Whether the kernel had little left to send when it was asked last, just after a write."""
        self._seal = pipe.seal
        self._sock = pipe.sock
        self._fileno = pipe.sock.fileno()
        self._on_room = on_room
        self._now_s = now_s
        self._loop = asyncio.get_running_loop()
        self._unsent = _NOTHING
        self._watches = False
        self._unasked = 0
        """Writes that may still go without asking the kernel what waits."""
        self._blocked_s = 0.0
        self._blocked_bytes = 0
        self._mark(self.queue_bytes)

    @property
    def portion_bytes(self) -> int:
        """How much may be sealed at once: twice as much while the line takes all there is."""
        return 2 * self.queue_bytes if self._unasked else self.queue_bytes

    @property
    def is_clear(self) -> bool:
        """Return whether nothing waits here and the kernel's queue is short."""
        return not self._unsent and not self._watches

    def write(self, data: bytes) -> bool:
        """Seal and send; False if something waits, `on_room` then tells when it has gone."""
        if self.error is not None:
            return False
        try:
            sealed = self._seal(data)
        except PeerError as error:
            self._fail(error)
            return False
        if self._unsent or self._watches:
            self._unsent = memoryview(b"".join((self._unsent, sealed)))
            return False
        return self._flush(sealed)

    def close(self) -> None:
        """Watch no more."""
        if self._watches:
            self._watches = False
            self._loop.remove_writer(self._fileno)

    def _flush(self, data: bytes | memoryview) -> bool:
        """Send what the kernel takes of all that is here; False if it has enough for now."""
        try:
            sent = self._sock.send(data) if data else 0
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._fail(PeerError(f"the connection broke: {error.strerror or error}"))
            return False
        if sent:
            self.moved_s = self._now_s()
        if sent == len(data):
            if self._unsent:
                self._unsent = _NOTHING
            if self._unasked:
                self._unasked -= 1
                return True
        else:
            self._unsent = memoryview(data)[sent:]
        return self._ask()

    def _ask(self) -> bool:
        """Return whether the kernel's queue is short; if not, have it tell when it is."""
        waiting_bytes = not_sent(self._sock)
        self.is_free = not self._unsent and waiting_bytes <= self.queue_bytes // 2
        if self.is_free:
            self._unasked = 0 if waiting_bytes else UNASKED
            return True
        self._unasked = 0
        self._blocked_s, self._blocked_bytes = self._now_s(), waiting_bytes
        if not self._watches:
            self._watches = True
            self._loop.add_writer(self._fileno, self._writable)
        return False

    def _writable(self) -> None:
        """Go on: the kernel has little left."""
        self._learn()
        self.close()
        if self._flush(self._unsent):
            self.moved_s = self._now_s()
            self._on_room()

    def _learn(self) -> None:
        """Take the measure of the line from how long it took to drain."""
        waited_s = self._now_s() - self._blocked_s
        drained = self._blocked_bytes - not_sent(self._sock)
        if drained <= 0 or waited_s <= 0:
            return
        wished = QUEUE_S * drained / waited_s
        wished = (3 * self.queue_bytes + wished) / 4
        queue_bytes = int(min(MOST_QUEUE_BYTES, max(LEAST_QUEUE_BYTES, wished)))
        if abs(queue_bytes - self.queue_bytes) > self.queue_bytes // 8:
            self._mark(queue_bytes)

    def _mark(self, queue_bytes: int) -> None:
        """Have the kernel call the socket writable only once its queue is short."""
        self.queue_bytes = queue_bytes
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, queue_bytes)

    def _fail(self, error: PeerError) -> None:
        self.close()
        self._unsent = _NOTHING
        self.error = self.error or error
        self._on_room()


def not_sent(sock: socket.socket) -> int:
    """Return how many bytes of a TCP socket wait in the kernel; 0 where it does not tell."""
    try:
        return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), SIOCOUTQNSD, b"\0\0\0\0"))[0])
    except OSError:
        return 0
