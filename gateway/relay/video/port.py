# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The one UDP port of the media process: who gets a datagram, and trains of datagrams out."""

import errno
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Address: TypeAlias = tuple[Any, ...]
"""As the socket gives it: two elements for IPv4, four for IPv6."""

_UDP_SEGMENT = 103
"""linux/udp.h; the socket module has no name for it."""
_SEND_BUFFER_BYTES = 8 << 20
"""A key unit for 100 viewers."""
_RECEIVE_BUFFER_BYTES = 4 << 20
_MOST_PER_WAKE = 64
"""Datagrams read before others get their turn."""
_MOST_BYTES = 2048
_FULL = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS})
_NO_SEGMENTS = frozenset({errno.EIO, errno.EINVAL, errno.EOPNOTSUPP, errno.EMSGSIZE})
"""What the kernel says where a device or path cannot take a train."""

Receive: TypeAlias = Callable[[bytes, Address], None]


@dataclass(slots=True)
class Path:
    """Where a session's datagrams go."""

    address: Address
    segments: bool = True
    """Whether trains are sent in one call; False once the kernel refused one."""


class Port:
    """A bound, non-blocking UDP socket; the caller adds `readable` to its loop."""

    def __init__(self, sock: socket.socket, stun: Receive, dtls: Receive, rtcp: Receive) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        self._socket = sock
        self._stun = stun
        self._dtls = dtls
        self._rtcp = rtcp
        self.lost = 0
        """Datagrams that the kernel refused for good (no route, peer gone)."""

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._socket.fileno()

    def readable(self) -> None:
        """Hand waiting datagrams to who is meant by the first byte (RFC 7983 §7)."""
        for _ in range(_MOST_PER_WAKE):
            try:
                data, address = self._socket.recvfrom(_MOST_BYTES)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of an earlier datagram
            first = data[0] if data else 255
            if first < 4:  # noqa: PLR2004 - the ranges are the RFC's
                self._stun(data, address)
            elif 20 <= first < 64:  # noqa: PLR2004
                self._dtls(data, address)
            elif 128 <= first < 192:  # noqa: PLR2004
                self._rtcp(data, address)

    def send(self, datagram: bytes, address: Address) -> bool:
        """Send one datagram; False if the send buffer is full. Other failures count as lost."""
        return self._send((datagram,), address)

    def send_train(self, path: Path, buffers: Sequence[bytes], pieces: int) -> bool:
        """Send datagrams of `pieces` buffers each, all but the last of equal size.

        Return False if the send buffer was full; then none or only the first ones are out.
        """
        if path.segments and len(buffers) > pieces:
            segment = sum(map(len, buffers[:pieces]))
            control = ((socket.IPPROTO_UDP, _UDP_SEGMENT, struct.pack("H", segment)),)
            try:
                self._socket.sendmsg(buffers, control, 0, path.address)
            except OSError as error:
                if error.errno in _FULL:
                    return False
                if error.errno not in _NO_SEGMENTS:
                    self.lost += len(buffers) // pieces
                    return True
                path.segments = False
            else:
                return True
        return all(
            self._send(buffers[at : at + pieces], path.address)
            for at in range(0, len(buffers), pieces)
        )

    def _send(self, buffers: Sequence[bytes], to: Address) -> bool:
        try:
            self._socket.sendmsg(buffers, (), 0, to)
        except OSError as error:
            if error.errno in _FULL:
                return False
            self.lost += 1
        return True
