# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The one port of the media process: who gets a datagram, and trains of datagrams out.

Strangers and peers do not share a queue: a peer that proved itself gets a socket of its own on the
same port, connected to it, so that the kernel sorts before we read. What we read from the common
socket and from each peer's is bounded per tick; the rest waits, and is dropped by the kernel when
its queue is full. So a flood costs a bounded share of a core, and no peer a datagram.
"""

import asyncio
import errno
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from typing import Any, TypeAlias

from gateway.relay.video.tcp_streams import MARK, TcpStreams
from gateway.wire.ice_tcp import framed

Address: TypeAlias = tuple[Any, ...]
"""As the socket gives it: two elements for IPv4, four for IPv6."""

_IP_PKTINFO = 8
"""linux/in.h."""
_TOLD_BYTES = 128
_UDP_SEGMENT = 103
"""linux/udp.h; the socket module has no name for it."""
_SEND_BUFFER_BYTES = 8 << 20
"""A key unit for 100 viewers."""
_RECEIVE_BUFFER_BYTES = 4 << 20
_PEER_BUFFER_BYTES = 2 << 20
_MOST_PER_WAKE = 64
"""Datagrams read before others get their turn."""
STRANGERS_PER_TICK = 300
"""Datagrams read from the common socket in 0.1 s; enough for 100 peers that join at once."""
PEER_PER_TICK = 100
"""Datagrams read from one peer in 0.1 s; reports, checks and NACKs of a wall are below."""
_MOST_BYTES = 2048
_FULL = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS})
_NO_SEGMENTS = frozenset({errno.EIO, errno.EINVAL, errno.EOPNOTSUPP, errno.EMSGSIZE})
"""What the kernel says where a device or path cannot take a train."""

Control: TypeAlias = Sequence[tuple[int, int, bytes]]
_CONNECTED: tuple[Address, ...] = ()
"""No destination: the socket has one."""

Receive: TypeAlias = Callable[[bytes, Address], None]


@dataclass(slots=True)
class Path:
    """Where a session's datagrams go."""

    address: Address
    segments: bool = True
    """Whether trains are sent in one call; False once the kernel refused one."""
    door: "_Door | None" = field(default=None, repr=False)
    """Set by `Port.direct`."""


@dataclass(slots=True, eq=False)
class _Door:
    """A socket that is read, and how much of this tick is left for it."""

    sock: socket.socket
    address: Address
    """Of the only one who is heard there; `()`: anybody."""
    allowance: int
    left: int


class Port:
    """A bound UDP socket, and a TCP one if given; reads once attached to a loop."""

    def __init__(
        self,
        sock: socket.socket,
        stun: Receive,
        dtls: Receive,
        rtcp: Receive,
        listener: socket.socket | None = None,
    ) -> None:
        _prepare(sock, _SEND_BUFFER_BYTES, _RECEIVE_BUFFER_BYTES)
        self._socket = sock
        self._common = _Door(sock, (), STRANGERS_PER_TICK, STRANGERS_PER_TICK)
        self._wildcard = ip_address(sock.getsockname()[0]).is_unspecified
        """Each datagram must tell at which of our addresses it came, and its answer go from it."""
        if self._wildcard:
            _tell_locals(sock)
        self._heard: tuple[Address, str] | None = None
        """Whose datagram is being handled, and at which of our addresses it came."""
        self._used: set[_Door] = set()
        """Doors that were read in this tick."""
        self._doors: dict[Address, _Door] = {}
        """Those of peers, by the peer's address."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._streams = None if listener is None else TcpStreams(listener, self._sort)
        self._stun = stun
        self._dtls = dtls
        self._rtcp = rtcp
        self.lost = 0
        """Datagrams that the kernel refused for good (no route, peer gone)."""

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read in this loop until `detach`; the caller calls `tick` each 0.1 s."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self._readable, self._common)
        if self._streams is not None:
            self._streams.attach(loop)

    def detach(self) -> None:
        """Stop reading; close what was opened for peers. The given sockets stay their owner's."""
        for address in list(self._doors):
            self._shut(address)
        if self._streams is not None:
            self._streams.close()
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
        self._loop = None

    def tick(self) -> None:
        """Begin a new tick: what was read up may be read again."""
        for door in self._used:
            if door.left <= 0 and self._loop is not None:
                read = self._readable if door is self._common else self._heard_from
                self._loop.add_reader(door.sock.fileno(), read, door)
            door.left = door.allowance
        self._used.clear()
        if self._streams is not None:
            self._streams.tick()

    def prove(self, address: Address) -> None:
        """Take note that the peer at `address` proved itself; only a TCP connection needs that."""
        if self._streams is not None and _is_tcp(address):
            self._streams.prove(address)

    def part(self, address: Address) -> None:
        """Forget a peer that was proved; only a TCP connection needs that."""
        if self._streams is not None and _is_tcp(address):
            self._streams.part(address)

    def drop(self, address: Address) -> None:
        """Forget what waits for a slow TCP peer; harmless for any other."""
        if self._streams is not None and _is_tcp(address):
            self._streams.drop(address)

    def direct(self, path: Path) -> None:
        """Give a proved peer a socket of its own; call again when the path's address changed.

        Where the system has none left the common socket goes on serving the peer.
        """
        self.release(path)
        if self._loop is None or _is_tcp(path.address) or path.address in self._doors:
            return
        host, port, *rest = self._socket.getsockname()
        if self._heard is not None and self._heard[0] == path.address:
            host = self._heard[1]
        sock = socket.socket(self._socket.family, socket.SOCK_DGRAM)
        try:
            # the same user alone can share a port like this, unlike with SO_REUSEADDR
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            _prepare(sock, _PEER_BUFFER_BYTES, _PEER_BUFFER_BYTES)
            sock.bind((host, port, *rest))
            sock.connect(path.address)
        except OSError:
            sock.close()
            return
        path.door = _Door(sock, path.address, PEER_PER_TICK, PEER_PER_TICK)
        self._doors[path.address] = path.door
        self._loop.add_reader(sock.fileno(), self._heard_from, path.door)

    def release(self, path: Path) -> None:
        """Close the socket that `direct` opened; harmless without one."""
        if path.door is not None:
            self._shut(path.door.address)
            path.door = None

    def _shut(self, address: Address) -> None:
        door = self._doors.pop(address)
        self._used.discard(door)
        if self._loop is not None:
            self._loop.remove_reader(door.sock.fileno())
        door.sock.close()

    def readable(self) -> None:
        """Read what waits at the common socket, up to a bound."""
        self._readable(self._common)

    def _heard_from(self, door: _Door) -> None:
        """Read one datagram of a peer's: seldom more wait, and for those the loop comes back."""
        self._used.add(door)
        door.left -= 1
        if door.left <= 0 and self._loop is not None:
            self._loop.remove_reader(door.sock.fileno())
        try:
            data = door.sock.recv(_MOST_BYTES)
        except OSError:
            return  # an ICMP error of an earlier datagram, or nothing after all
        self._sort(data, door.address)

    def _readable(self, door: _Door) -> None:
        self._used.add(door)
        for _ in range(min(_MOST_PER_WAKE, door.left)):
            door.left -= 1
            try:
                data, address = self._received(door)
            except BlockingIOError:
                door.left += 1
                return
            except OSError:
                continue  # an ICMP error of an earlier datagram
            self._sort(data, address)
            self._heard = None
        if door.left <= 0 and self._loop is not None:
            self._loop.remove_reader(door.sock.fileno())

    def _received(self, door: _Door) -> tuple[bytes, Address]:
        if not self._wildcard:
            return door.sock.recvfrom(_MOST_BYTES)
        data, told, _, address = door.sock.recvmsg(_MOST_BYTES, _TOLD_BYTES)
        local = _local(told)
        self._heard = None if local is None else (address, local)
        return data, address

    def _sort(self, data: bytes, address: Address) -> None:
        """Hand a datagram to who is meant by its first byte (RFC 7983 §7)."""
        first = data[0] if data else 255
        if first < 4:  # noqa: PLR2004 - the ranges are the RFC's
            self._stun(data, address)
        elif 20 <= first < 64:  # noqa: PLR2004
            self._dtls(data, address)
        elif 128 <= first < 192:  # noqa: PLR2004
            self._rtcp(data, address)

    def send(self, datagram: bytes, address: Address) -> bool:
        """Send one datagram; False if the send buffer is full. Other failures count as lost."""
        if _is_tcp(address):
            return self._stream(framed((datagram,), 1), address, is_train=False)
        door = self._doors.get(address)
        if door is not None:
            return self._send(door.sock, (datagram,), _CONNECTED)
        control: Control = ()
        if self._heard is not None and self._heard[0] == address:
            control = (_from(self._heard[1]),)
        return self._send(self._socket, (datagram,), (address,), control)

    def send_train(self, path: Path, buffers: Sequence[bytes], pieces: int) -> bool:
        """Send datagrams of `pieces` buffers each, all but the last of equal size.

        Return False if the send buffer was full; then none or only the first ones are out.
        """
        door = path.door
        if door is not None and path.segments and len(buffers) > pieces:
            control = _segmented(sum(map(len, buffers[:pieces])))
            try:  # one copy in the cache costs less than having the kernel collect the pieces
                door.sock.sendmsg((b"".join(buffers),), control)
            except OSError:
                pass  # seldom; it is tried again, and told why
            else:
                return True
        return self._send_carefully(path, buffers, pieces)

    def _send_carefully(self, path: Path, buffers: Sequence[bytes], pieces: int) -> bool:
        to = _CONNECTED
        if path.door is not None:
            sock = path.door.sock
        elif _is_tcp(path.address):
            return self._stream(framed(buffers, pieces), path.address, is_train=True)
        else:
            sock, to = self._socket, (path.address,)
        if len(buffers) == pieces:
            return self._send(sock, buffers, to)
        if path.segments:
            control = _segmented(sum(map(len, buffers[:pieces])))
            try:
                _sendmsg(sock, buffers, control, to)
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
            self._send(sock, buffers[at : at + pieces], to) for at in range(0, len(buffers), pieces)
        )

    def _send(
        self,
        sock: socket.socket,
        buffers: Sequence[bytes],
        to: tuple[Address, ...],
        control: Control = (),
    ) -> bool:
        try:
            _sendmsg(sock, buffers, control, to)
        except OSError as error:
            if error.errno in _FULL:
                return False
            self.lost += 1
        return True

    def _stream(self, frames: bytes, address: Address, *, is_train: bool) -> bool:
        done = None
        if self._streams is not None:
            done = self._streams.send(frames, address, is_train=is_train)
        if done is None:
            self.lost += 1
        return done is not False


@cache  # no datagram is longer than what a path carries
def _segmented(size_bytes: int) -> Control:
    return ((socket.IPPROTO_UDP, _UDP_SEGMENT, struct.pack("H", size_bytes)),)


def _sendmsg(
    sock: socket.socket,
    buffers: Sequence[bytes],
    control: Control,
    to: tuple[Address, ...],
) -> None:
    try:
        sock.sendmsg(buffers, control, 0, *to)
    except ConnectionRefusedError:  # of an earlier datagram, as anybody can pretend by ICMP
        sock.sendmsg(buffers, control, 0, *to)


def _is_tcp(address: Address) -> bool:
    return len(address) == 4 and address[2] == MARK  # noqa: PLR2004 - as IPv6's


def _tell_locals(sock: socket.socket) -> None:
    """Have the kernel say with each datagram at which of our addresses it came."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def _local(told: Sequence[tuple[int, int, bytes]]) -> str | None:
    """Return our address from what the kernel told (ip(7), ipv6(7))."""
    for level, kind, value in told:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            return socket.inet_ntop(socket.AF_INET, value[8:12])
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            return socket.inet_ntop(socket.AF_INET6, value[:16])
    return None


def _from(local: str) -> tuple[int, int, bytes]:
    """Return what makes a datagram leave from one of our addresses; the route is the kernel's."""
    if ":" in local:
        value = struct.pack("16sI", socket.inet_pton(socket.AF_INET6, local), 0)
        return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, value
    value = struct.pack("I4s4s", 0, socket.inet_pton(socket.AF_INET, local), bytes(4))
    return socket.IPPROTO_IP, _IP_PKTINFO, value


def _prepare(sock: socket.socket, send_bytes: int, receive_bytes: int) -> None:
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_bytes)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
