# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A mobile link between two network namespaces: `python -m benchmarks.lab.link NEAR FAR NAME NAME`.

Each end is a TUN device of its own namespace. What goes in at one end comes out at the other after
delay and jitter, at a rate with a bounded queue before it, less what is lost. Order is kept, as
a bearer of LTE keeps it, unless it is asked otherwise. Terms change while it runs: one JSON object
of `Terms` a line on standard input, or `figures`; each line is answered by the figures so far.
"""

import ctypes
import errno
import fcntl
import heapq
import json
import os
import random
import select
import struct
import sys
import time
from dataclasses import asdict, dataclass

from benchmarks.lab.process import say

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x1001
_MOST_BYTES = 65_536
_BURST = 64
"""Packets of one end before the other has its turn."""
_LATEST_S = 0.5
"""How long it sleeps at most."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a link is like, the same in both directions."""

    delay_ms: float = 0.0
    """One way."""
    jitter_ms: float = 0.0
    """Added or taken off the delay, evenly spread."""
    loss: float = 0.0
    """Share of the packets, 0..1, each by itself."""
    rate_kbps: float = 0.0
    """Of each direction; 0: without limit."""
    queue_ms: float = 300.0
    """What waits for the rate longest; what comes on top is dropped."""
    reorder: bool = False
    """Let a packet overtake another when the jitter has it so."""
    cut: bool = False
    """Everything is swallowed without a word, both ways: a dead zone."""


def enter(namespace: str) -> None:
    """Move the calling thread into a named network namespace; OSError if that cannot be."""
    handle = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        set_namespace(handle)
    finally:
        os.close(handle)


def set_namespace(handle: int) -> None:
    """Move the calling thread into the network namespace that a descriptor stands for."""
    if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"network namespace: {os.strerror(number)}")


def tun(namespace: str, name: str) -> int:
    """Make a TUN device in a namespace; it lives as long as its descriptor."""
    enter(namespace)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN_NO_PI))
    return device


class Lane:
    """One direction, without a device: when does which packet come out."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._free_s = 0.0
        self._last_s = 0.0
        self._number = 0
        self._waiting: list[tuple[float, int, bytes]] = []
        self.taken = self.lost = self.dropped = self.delivered = 0
        """Packets: that came in, lost on the way, without room in the queue, that came out."""

    def take(self, packet: bytes, now_s: float, terms: Terms) -> None:
        """Let a packet in."""
        self.taken += 1
        if terms.cut:
            self.lost += 1
            return
        begins_s = max(now_s, self._free_s)
        if begins_s - now_s > terms.queue_ms / 1e3:
            self.dropped += 1
            return
        takes_s = len(packet) * 8 / (terms.rate_kbps * 1e3) if terms.rate_kbps else 0.0
        self._free_s = begins_s + takes_s
        if self._draw.random() < terms.loss:
            self.lost += 1
            return
        jitter_ms = self._draw.uniform(-terms.jitter_ms, terms.jitter_ms)
        out_s = self._free_s + max(0.0, terms.delay_ms + jitter_ms) / 1e3
        if not terms.reorder:
            self._last_s = out_s = max(out_s, self._last_s)
        self._number += 1
        heapq.heappush(self._waiting, (out_s, self._number, packet))

    def next_s(self) -> float | None:
        """Return when the next packet is due; None while there is none."""
        return self._waiting[0][0] if self._waiting else None

    def due(self, now_s: float) -> bytes | None:
        """Return the next packet that is due, once; None if there is none."""
        if not self._waiting or self._waiting[0][0] > now_s:
            return None
        self.delivered += 1
        return heapq.heappop(self._waiting)[2]

    def forget(self) -> None:
        """Lose what is on its way."""
        self.lost += len(self._waiting)
        self._waiting.clear()


class Link:
    """Both lanes between two devices."""

    def __init__(self, near: int, far: int) -> None:
        self._lanes = {near: Lane(random.Random(1)), far: Lane(random.Random(2))}
        self._other = {near: far, far: near}
        self.terms = Terms()

    def change(self, terms: Terms) -> None:
        """Go on with other terms; a cut loses what is on its way."""
        self.terms = terms
        if terms.cut:
            for lane in self._lanes.values():
                lane.forget()

    def figures(self) -> dict[str, int]:
        """Return the counters of both directions: `out` is from the first end to the second."""
        found: dict[str, int] = {}
        for name, lane in zip(("out", "back"), self._lanes.values(), strict=True):
            for what in ("taken", "lost", "dropped", "delivered"):
                found[f"{name}_{what}"] = getattr(lane, what)
        return found

    def run(self, orders: int) -> None:
        """Carry packets until `orders`, a descriptor of lines, ends."""
        poll = select.poll()
        for handle in (orders, *self._lanes):
            poll.register(handle, select.POLLIN)
        text = b""
        while True:
            for handle, _ in poll.poll(1e3 * self._wait_s()):
                if handle != orders:
                    self._read(handle)
                    continue
                data = os.read(orders, 4096)
                if not data:
                    return
                *lines, text = (text + data).split(b"\n")
                for line in lines:
                    self._obey(line)
            self._write()

    def _obey(self, line: bytes) -> None:
        if line != b"figures":
            self.change(Terms(**json.loads(line)))
        say(self.figures())

    def _wait_s(self) -> float:
        due = [at_s for lane in self._lanes.values() if (at_s := lane.next_s()) is not None]
        return min(_LATEST_S, max(0.0, min(due) - time.monotonic())) if due else _LATEST_S

    def _read(self, device: int) -> None:
        lane = self._lanes[device]
        for _ in range(_BURST):
            try:
                packet = os.read(device, _MOST_BYTES)
            except BlockingIOError:
                return
            if packet[0] >> 4 == 4:  # IPv6 talks to itself on a new device
                lane.take(packet, time.monotonic(), self.terms)

    def _write(self) -> None:
        for device, lane in self._lanes.items():
            while (packet := lane.due(time.monotonic())) is not None:
                try:
                    os.write(self._other[device], packet)
                except OSError as error:  # the device is down while its address changes
                    if error.errno not in {errno.EIO, errno.EAGAIN, errno.ENOBUFS, errno.EINVAL}:
                        raise
                    lane.lost += 1
                    lane.delivered -= 1


def main(near: str, far: str, names: tuple[str, str]) -> None:
    """Make both devices and carry packets; prints the figures once it is ready."""
    link = Link(tun(near, names[0]), tun(far, names[1]))
    say(link.figures())
    link.run(sys.stdin.fileno())


def words(terms: Terms) -> str:
    """Return the line that gives a running link these terms."""
    return json.dumps(asdict(terms))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], (sys.argv[3], sys.argv[4]))
