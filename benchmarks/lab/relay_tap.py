# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How long pictures stay in a relay: `benchmarks.lab.relay_tap RTSP_PORT ADDRESS`.

Seen from outside, at all interfaces of its namespace. Of each picture it notes when the last
packet left the camera for the relay (RTP within RTSP, whole TCP segments) and when the last one
left the relay for each viewer (the heads of RTP over UDP from ADDRESS). Order: {"listen": seconds};
answered with the delays in seconds of every picture at every viewer, and at its last viewer.
"""

import ctypes
import json
import select
import socket
import struct
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.lab.process import say

_ETH_P_ALL, _ETH_P_IP = 3, 0x0800
"""Only who takes everything hears what goes out (packet(7))."""
_PACKET_OUTGOING = 4
_SO_TIMESTAMPNS = 35
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 26, 33
_TCP, _UDP = 6, 17
_IP_BYTES, _UDP_BYTES = 20, 8
_WHOLE, _HEAD = 0x40000, 48
_BUFFER_BYTES = 32 << 20
_RTCP = range(192, 224)
_DOLLAR = 0x24
_MODULUS = 1 << 32
_LATEST_S = 1.0
"""A picture that left later than this after it came was not the same picture."""


@dataclass(frozen=True, slots=True)
class Out:
    """The head of one train of datagrams from the relay."""

    at_s: float
    port: int
    """The viewer's."""
    ssrc: int
    timestamp: int


@dataclass(slots=True)
class Inlet:
    """One TCP stream of RTP within RTSP (RFC 2326 §10.12): when did which picture end."""

    ended: dict[int, float] = field(default_factory=dict)
    """By RTP timestamp: when the packet with the marker was complete."""
    _rest: bytes = b""
    _next: int | None = None

    def segment(self, sequence: int, data: bytes, at_s: float) -> None:
        """Take a segment in order; what was seen before is left out, after a gap it finds back."""
        ends = sequence + len(data)
        if self._next is not None:
            known = (self._next - sequence) % _MODULUS
            if known < 1 << 31:
                data = data[known:]
            else:
                self._rest = b""
        if data:
            self._next = ends % _MODULUS
            self._take(self._rest + data, at_s)

    def _take(self, data: bytes, at_s: float) -> None:
        at = 0
        while len(data) - at >= 4:
            if data[at] != _DOLLAR or data[at + 1] > 3:
                found = data.find(b"$\x00", at + 1)
                at = len(data) if found < 0 else found
                continue
            length = int.from_bytes(data[at + 2 : at + 4], "big")
            if len(data) - at < 4 + length:
                break
            if data[at + 1] == 0 and length >= 12 and data[at + 5] & 0x80:
                self.ended[int.from_bytes(data[at + 8 : at + 12], "big")] = at_s
            at += 4 + length
        self._rest = data[at:]


def delays(came: Mapping[int, float], left: Iterable[Out]) -> tuple[list[float], list[float]]:
    """Return the delays of every picture at every viewer, and of every picture at the last one.

    `came`: by the camera's RTP timestamp. The viewers' timestamps differ from it by a number of
    their own each, which is what most of their packets say it is.
    """
    by_port: dict[int, list[Out]] = defaultdict(list)
    for one in left:
        by_port[one.port].append(one)
    every: list[float] = []
    last: dict[int, float] = {}
    for trains in by_port.values():
        for stamp, delay_s in _of_viewer(came, trains).items():
            every.append(delay_s)
            last[stamp] = max(last.get(stamp, 0.0), delay_s)
    return every, list(last.values())


def _of_viewer(came: Mapping[int, float], trains: Sequence[Out]) -> dict[int, float]:
    """Return one viewer's delay of each picture, by the camera's timestamp."""
    ssrc, _ = Counter(one.ssrc for one in trains).most_common(1)[0]  # repeats have another one
    ended: dict[int, float] = {}
    for one in trains:
        if one.ssrc == ssrc:
            ended[one.timestamp] = max(ended.get(one.timestamp, 0.0), one.at_s)
    order = sorted((at_s, stamp) for stamp, at_s in came.items())
    offsets: Counter[int] = Counter()
    index = 0
    for stamp, at_s in sorted(ended.items(), key=lambda pair: pair[1]):
        while index + 1 < len(order) and order[index + 1][0] <= at_s:
            index += 1
        if order and order[index][0] <= at_s:
            offsets[(stamp - order[index][1]) % _MODULUS] += 1
    if not offsets:
        return {}
    offset, _ = offsets.most_common(1)[0]
    found = {(stamp - offset) % _MODULUS: at_s for stamp, at_s in ended.items()}
    return {
        stamp: at_s - came[stamp]
        for stamp, at_s in found.items()
        if stamp in came and 0 <= at_s - came[stamp] < _LATEST_S
    }


def filter_of(rtsp_port: int, address: str) -> list[tuple[int, int, int, int]]:
    """Return a filter on IPv4 packets: TCP from the camera whole, UDP from `address` its head."""
    source = int.from_bytes(socket.inet_aton(address), "big")
    return [
        (0x30, 0, 0, 9),  # 0: protocol
        (0x15, 0, 3, _TCP),  # 1
        (0x28, 0, 0, _IP_BYTES),  # 2: source port
        (0x15, 0, 4, rtsp_port),  # 3
        (0x06, 0, 0, _WHOLE),  # 4
        (0x15, 0, 2, _UDP),  # 5
        (0x20, 0, 0, 12),  # 6: source address
        (0x15, 1, 0, source),  # 7
        (0x06, 0, 0, 0),  # 8
        (0x06, 0, 0, _HEAD),  # 9
    ]


class Tap:
    """What is heard while it listens."""

    def __init__(self) -> None:
        self._inlets: dict[int, Inlet] = defaultdict(Inlet)
        """By the relay's port: it may pull more than once."""
        self._out: list[Out] = []

    def listen(self, one: socket.socket, seconds: float) -> None:
        """Hear everything for so long."""
        ends_s = time.monotonic() + seconds
        while (left_s := ends_s - time.monotonic()) > 0:
            if not select.select([one], [], [], left_s)[0]:
                return
            data, control, _, address = one.recvmsg(_WHOLE, 64)
            if address[1] != _ETH_P_IP or address[2] != _PACKET_OUTGOING or not control:
                continue  # not ours, or the same packet, heard again where it arrives
            (seconds_, nanoseconds) = struct.unpack("qq", control[0][2][:16])
            self.hear(data, seconds_ + nanoseconds / 1e9)

    def hear(self, packet: bytes, at_s: float) -> None:
        """Take one IPv4 packet, of UDP the head alone."""
        head = 4 * (packet[0] & 15)
        body = packet[head:]
        if packet[9] == _TCP:
            (sequence,) = struct.unpack_from("!I", body, 4)
            data = body[4 * (body[12] >> 4) :]
            self._inlets[int.from_bytes(body[2:4], "big")].segment(sequence, data, at_s)
        elif len(body) >= _UDP_BYTES + 12 and 128 <= body[8] < 192 and body[9] not in _RTCP:
            _, port = struct.unpack_from("!HH", body)
            timestamp, ssrc = struct.unpack_from("!II", body, _UDP_BYTES + 4)
            self._out.append(Out(at_s, port, ssrc, timestamp))

    def delays(self) -> tuple[list[float], list[float]]:
        """Return what `delays` makes of it."""
        came: dict[int, float] = {}
        for inlet in self._inlets.values():
            came |= inlet.ended
        return delays(came, self._out)


def opened(rtsp_port: int, address: str) -> socket.socket:
    """Return a socket that hears all interfaces of this namespace, filtered; needs root."""
    one = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
    program = filter_of(rtsp_port, address)
    coded = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in program))
    attached = struct.pack("HL", len(program), ctypes.addressof(coded))
    one.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attached)
    one.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    one.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    return one


def main(rtsp_port: int, address: str) -> None:
    """Answer until standard input ends."""
    say({"ready": True})
    for line in sys.stdin:
        seconds = json.loads(line)["listen"]
        tap = Tap()
        with opened(rtsp_port, address) as one:
            tap.listen(one, seconds)
        every, last = tap.delays()
        say({"every": [round(x, 6) for x in every], "last": [round(x, 6) for x in last]})


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
