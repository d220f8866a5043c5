# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Peers behind networks without UDP: their TCP connections to our port number (RFC 6544).

A connection counts for nothing until its peer has proved itself by a STUN check: few of those are
kept, for seconds, and the oldest makes room. What waits for a slow peer is bounded.
"""

import asyncio
import socket
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gateway.model.errors import WireError
from gateway.wire.ice_tcp import FrameSplitter

Address: TypeAlias = tuple[Any, ...]
MARK = "tcp"
"""Third element of the address of a TCP peer: `(host, port, MARK, serial)`."""

MOST_STREAMS = 1000
"""Proved ones; as many as there are sessions."""
MOST_UNPROVED = 64
UNPROVED_TICKS = 100
"""How long a connection may stay unproved; a tick is 0.1 s."""
ACCEPTS_PER_TICK = 16
"""More wait in the kernel's queue: connecting is the dearest thing that a stranger can do."""
_READS_PER_TICK = 16
_READ_BYTES = 8192
_MOST_WAITING_BYTES = 512 << 10
"""A key unit of a large picture."""
_MOST_SMALL_BYTES = 96 << 10
"""Single datagrams (STUN, RTCP) are still taken behind the last train (below 64 KiB) and this."""
_TCP_NOTSENT_LOWAT = 25
"""linux/tcp.h: the kernel takes no more than this beyond what is in flight."""
_NOTSENT_BYTES = 32 << 10

Receive: TypeAlias = Callable[[bytes, Address], None]


@dataclass(slots=True, eq=False)
class _Stream:
    sock: socket.socket
    address: Address
    splitter: FrameSplitter = field(default_factory=FrameSplitter)
    waiting: bytearray = field(default_factory=bytearray)
    taken: int = 0
    """Bytes of all that ever waited that the kernel has by now."""
    ends: deque[int] = field(default_factory=deque)
    """Where each lot of whole frames that waits ends, counted like `taken`."""
    reads: int = _READS_PER_TICK
    paused: bool = False
    ticks: int = 0


class TcpStreams:
    """A listening socket and its connections; attached to a loop by `Port`."""

    def __init__(self, listener: socket.socket, receive: Receive) -> None:
        """`receive` is given each frame and the address of its connection."""
        listener.setblocking(False)
        self.refused = 0
        """Connections closed before their peer had proved itself."""
        self._listener = listener
        self._receive = receive
        self._loop: asyncio.AbstractEventLoop | None = None
        self._proved: dict[Address, _Stream] = {}
        self._unproved: OrderedDict[Address, _Stream] = OrderedDict()
        self._accepts = ACCEPTS_PER_TICK
        self._serial = 0

    def __len__(self) -> int:
        """Return how many connections are open."""
        return len(self._proved) + len(self._unproved)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Accept and read in this loop from now on."""
        self._loop = loop
        loop.add_reader(self._listener.fileno(), self._acceptable)

    def close(self) -> None:
        """Stop listening and close every connection; the listening socket stays its owner's."""
        if self._loop is not None:
            self._loop.remove_reader(self._listener.fileno())
        for address in [*self._proved, *self._unproved]:
            self.part(address)
        self._loop = None

    def prove(self, address: Address) -> None:
        """Keep a connection whose peer proved itself, until `part`."""
        stream = self._unproved.pop(address, None)
        if stream is not None:
            self._proved[address] = stream

    def part(self, address: Address) -> None:
        """Close a connection; harmless if there is none."""
        stream = self._proved.pop(address, None) or self._unproved.pop(address, None)
        if stream is None:
            return
        if self._loop is not None:
            self._loop.remove_reader(stream.sock.fileno())
            self._loop.remove_writer(stream.sock.fileno())
        stream.sock.close()

    def tick(self) -> None:
        """Begin a new tick (each 0.1 s): allowances are filled, strangers grow old."""
        if self._loop is None:
            return
        if self._accepts <= 0:
            self._loop.add_reader(self._listener.fileno(), self._acceptable)
        self._accepts = ACCEPTS_PER_TICK
        for stream in [*self._proved.values(), *self._unproved.values()]:
            stream.reads = _READS_PER_TICK
            if stream.paused:
                stream.paused = False
                self._loop.add_reader(stream.sock.fileno(), self._readable, stream)
        for stream in list(self._unproved.values()):
            stream.ticks += 1
            if stream.ticks > UNPROVED_TICKS:
                self._refuse(stream)

    def send(self, frames: bytes, address: Address, *, is_train: bool) -> bool | None:
        """Send whole frames; False if too much waits already, None if nobody is there."""
        stream = self._proved.get(address) or self._unproved.get(address)
        if stream is None or self._loop is None:
            return None
        bound = _MOST_WAITING_BYTES + (0 if is_train else _MOST_SMALL_BYTES)
        if len(stream.waiting) >= bound:
            return False
        if not stream.waiting:
            try:
                frames = frames[stream.sock.send(frames) :]
            except BlockingIOError:
                pass
            except OSError:
                self.part(address)
                return None
            if frames:
                self._loop.add_writer(stream.sock.fileno(), self._writable, stream)
        if frames:
            stream.waiting += frames
            stream.ends.append(stream.taken + len(stream.waiting))
        return True

    def drop(self, address: Address) -> None:
        """Forget what waits, but for the rest of what has begun: it must not be shown any more."""
        stream = self._proved.get(address)
        if stream is not None and stream.ends:
            first = stream.ends[0]
            del stream.waiting[first - stream.taken :]
            stream.ends = deque((first,))

    def _acceptable(self) -> None:
        loop = self._loop
        if loop is None:
            return
        while self._accepts > 0:
            self._accepts -= 1
            try:
                sock, peer = self._listener.accept()
            except BlockingIOError:
                self._accepts += 1
                return
            except OSError:  # out of descriptors, or the peer is gone already
                self._accepts = 0
                break
            self._welcome(loop, sock, peer)
        loop.remove_reader(self._listener.fileno())

    def _welcome(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, peer: Address) -> None:
        if len(self._proved) >= MOST_STREAMS:
            sock.close()
            self.refused += 1
            return
        if len(self._unproved) >= MOST_UNPROVED:
            self._refuse(next(iter(self._unproved.values())))
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _NOTSENT_BYTES)
        self._serial += 1
        stream = _Stream(sock, (peer[0], peer[1], MARK, self._serial))
        self._unproved[stream.address] = stream
        loop.add_reader(sock.fileno(), self._readable, stream)

    def _refuse(self, stream: _Stream) -> None:
        self.refused += 1
        self.part(stream.address)

    def _readable(self, stream: _Stream) -> None:
        stream.reads -= 1
        try:
            data = stream.sock.recv(_READ_BYTES)
            frames = stream.splitter.receive(data)
        except BlockingIOError:
            return
        except (OSError, WireError):
            data, frames = b"", []
        if not data:
            self.part(stream.address)
            return
        for frame in frames:
            self._receive(frame, stream.address)
        if stream.reads <= 0 and self._loop is not None and stream.sock.fileno() >= 0:
            self._loop.remove_reader(stream.sock.fileno())
            stream.paused = True

    def _writable(self, stream: _Stream) -> None:
        try:
            count = stream.sock.send(stream.waiting)
        except BlockingIOError:
            return
        except OSError:
            self.part(stream.address)
            return
        del stream.waiting[:count]
        stream.taken += count
        while stream.ends and stream.ends[0] <= stream.taken:
            stream.ends.popleft()
        if not stream.waiting and self._loop is not None:
            self._loop.remove_writer(stream.sock.fileno())
