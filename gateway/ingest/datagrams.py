# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""RTP and RTCP over UDP: a pair of ports on the shelf, read in bursts, from the camera only."""

import contextlib
import socket
from collections.abc import Callable

from gateway.model.errors import PeerError
from gateway.runtime.sealed import reason_of
from gateway.runtime.shelf import Shelf

RECEIVE_BUFFER_BYTES = 2 << 20
"""A key picture of 4K and what follows it; the kernel gives at most net.core.rmem_max."""
MOST_DATAGRAMS = 512
"""Of one socket in one round; 0.7 MB."""
MOST_TRIES = 64
"""Ports are drawn by the kernel; every second one is even."""

Sockets = tuple[socket.socket, socket.socket]


def open_pair(family: socket.AddressFamily, address: str) -> Sockets:
    """Return sockets on an even port and the odd one above it; PeerError if there are none left."""
    reason = "no pair of ports is free"
    for _ in range(MOST_TRIES):
        rtp = _socket(family)
        rtcp: socket.socket | None = None
        try:
            rtp.bind((address, 0))
            port = rtp.getsockname()[1]
            if port % 2 == 0:
                rtcp = _socket(family)
                rtcp.bind((address, port + 1))
                return rtp, rtcp
        except OSError as error:
            reason = reason_of(error)
        rtp.close()
        if rtcp is not None:
            rtcp.close()
    raise PeerError(f"no UDP ports on {address}: {reason}")


def _socket(family: socket.AddressFamily) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    return made


class Datagrams:
    """One UDP socket on the shelf."""

    def __init__(
        self,
        sock: socket.socket,
        peer_address: str,
        take: Callable[[list[bytes]], None],
        on_bug: Callable[[Exception], None],
    ) -> None:
        """`take` gets the packets of a burst; those of others are dropped and counted."""
        self.foreign = 0
        self.peer_port = 0
        """Where the camera said it sends from; 0: from any port of its address."""
        self.received_bytes = 0
        self._sock = sock
        self._fileno = sock.fileno()
        self._peer_address = peer_address
        self._take = take
        self._on_bug = on_bug
        self._origin: tuple[str | int, ...] | None = None
        self._shelf: Shelf | None = None

    def attach(self, shelf: Shelf) -> None:
        """Read from now on."""
        self._shelf = shelf
        shelf.add(self._fileno, self, may_lose=True)

    def readable(self) -> None:
        """Read a burst."""
        shelf = self._shelf
        if shelf is None:
            return
        receive, scratch = self._sock.recvfrom_into, memoryview(shelf.scratch)
        peer, port = self._peer_address, self.peer_port
        packets: list[bytes] = []
        with contextlib.suppress(BlockingIOError, InterruptedError, ConnectionError):
            for _ in range(MOST_DATAGRAMS):
                count, origin = receive(scratch)
                if origin[0] == peer and port in (0, origin[1]):
                    packets.append(bytes(scratch[:count]))
                    self._origin = origin
                else:
                    self.foreign += 1
        if packets:
            self.received_bytes += sum(map(len, packets))
            self._take(packets)

    def writable(self) -> None:
        """Nothing waits here: what cannot be sent at once is dropped."""

    def failed(self, error: Exception) -> None:
        """Hand a bug to the session whose it is."""
        self._on_bug(error)

    def send(self, data: bytes, port: int) -> None:
        """Send to the peer: to `port`, or if that is 0 to where its packets come from."""
        target: tuple[str | int, ...] | None = self._origin
        if port:
            target = (self._peer_address, port)
        if target is not None and self._shelf is not None:
            with contextlib.suppress(OSError):  # reports may get lost
                self._sock.sendto(data, target)

    def close(self) -> None:
        """Leave the shelf and close."""
        shelf, self._shelf = self._shelf, None
        if shelf is not None:
            shelf.remove(self._fileno)
        self._sock.close()
