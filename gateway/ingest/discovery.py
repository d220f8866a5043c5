# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which devices are there: WS-Discovery on every interface, IPv4 and IPv6.

Nothing that a device claims is fetched here; a person chooses from what was found. Answers are
bounded by sender and in sum, and one that cannot be read is shown with the reason, since a device
that answers wrongly is still a device that somebody wants to find.
"""

import asyncio
import contextlib
import logging
import random
import socket
import struct
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fcntl import ioctl
from pathlib import Path
from typing import Final

from typing_extensions import override

from gateway.model.errors import PeerError, WireError
from gateway.runtime.clock import Clock, SystemClock
from gateway.wire.ws_discovery import (
    GROUP_V4,
    GROUP_V6,
    PORT,
    Announcement,
    Match,
    MessageKind,
    ProbeType,
    parse,
    probe,
    same_message,
)

log = logging.getLogger(__name__)

SENDINGS = 4
"""Each probe is sent once and repeated thrice: UDP loses, and Wi-Fi bridges lose multicast most."""
LEAST_DELAY_S = 0.05
MOST_DELAY_S = 0.25
UPPER_DELAY_S = 0.5
"""Waits between repetitions: drawn from the first two, then doubled up to the third
(SOAP over UDP, appendix I)."""
MOST_REPLIES = 4096
"""Read of all senders together; a /20 network full of cameras."""
MOST_REPLIES_EACH = 16
"""Read of one sender: a device answers each of two probes once, or each repetition."""
MOST_FOUND = 1024

_SIOCGIFFLAGS: Final = 0x8913
_SIOCGIFADDR: Final = 0x8915
_UP, _LOOPBACK, _MULTICAST = 0x1, 0x8, 0x1000


@dataclass(frozen=True, slots=True)
class Found:
    """One device that answered, by its own words."""

    address: str
    """Where its answer came from; `fe80::1%eth0` with the interface."""
    urn: str = ""
    xaddrs: tuple[str, ...] = ()
    """Claims; fetched only after a person chose."""
    name: str = ""
    hardware: str = ""
    location: str = ""
    types: tuple[str, ...] = ()
    problem: str = ""
    """What was wrong with its answer, one line."""


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface that can send multicast."""

    name: str
    index: int
    ipv4: str = ""
    """Its first address; empty: none."""
    has_ipv6: bool = False
    """It can send IPv6 multicast; loopback cannot."""


@dataclass(frozen=True, slots=True)
class DiscoveryOptions:
    """Where probes go; tests use other ports."""

    port: int = PORT
    group_v4: str = GROUP_V4
    group_v6: str = GROUP_V6


async def discover(
    seconds: float,
    interfaces: Sequence[str] | None = None,
    *,
    clock: Clock | None = None,
    options: DiscoveryOptions | None = None,
) -> tuple[Found, ...]:
    """Probe for `seconds` and return who answered, by address.

    `interfaces`: names; None: all that are up and can send multicast, without loopback.
    PeerError if none of them can send. Cancelling closes all sockets.
    """
    clock, options = clock or SystemClock(), options or DiscoveryOptions()
    probes = {f"urn:uuid:{uuid.uuid4()}": wanted for wanted in ProbeType}
    collected = _Collected(tuple(probes))
    with contextlib.ExitStack() as stack:
        places, problems = [], []
        for open_one, to in _ways(_chosen(interfaces), options):
            try:
                transport = await _endpoint(open_one, collected)
            except OSError as error:
                problems.append(f"{to}: {error.strerror or error}")
                continue
            stack.callback(transport.close)
            places.append((transport, to))
        if not places:
            raise PeerError("no interface can look for devices: " + ("; ".join(problems) or "none"))
        end_s = clock.monotonic_s() + seconds
        messages = [probe(name, kind) for name, kind in probes.items()]
        sent = await _send(places, messages, clock, end_s)
        await clock.sleep(max(0.0, end_s - clock.monotonic_s()))
    found = collected.found()
    if not found and collected.unsent >= sent:
        raise PeerError(f"probes cannot be sent: {collected.problem}")
    fields = {"devices": len(found), "left_out": collected.left_out, "unsent": collected.unsent}
    log.info("discovery", extra=fields)
    return found


def list_interfaces() -> tuple[Interface, ...]:
    """Return every interface that is up, by index; loopback included."""
    found = []
    inet6 = _inet6()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for index, name in socket.if_nameindex():
            flags = _flags(asking, name)
            if flags & _UP and flags & (_MULTICAST | _LOOPBACK):
                has_ipv6 = name in inet6 and bool(flags & _MULTICAST)
                found.append(Interface(name, index, _ipv4(asking, name), has_ipv6))
    return tuple(found)


class _Collected(asyncio.DatagramProtocol):
    """Reads what comes, within bounds, and merges what belongs to one device."""

    def __init__(self, probes: tuple[str, ...]) -> None:
        """`probes`: the message ids that may be answered."""
        self.left_out = 0
        """Datagrams and devices beyond the bounds."""
        self.unsent = 0
        self.problem = ""
        """Why the last probe could not be sent."""
        self._probes = probes
        self._read = 0
        self._of: Counter[str] = Counter()
        self._found: list[Found] = []
        self._places: defaultdict[str | tuple[str, ...], list[int]] = defaultdict(list)
        """Where in `_found` an endpoint reference (or, without one, its addresses) stands."""
        self._failed: dict[str, str] = {}

    @override
    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        address = _shown(addr)
        if self._read >= MOST_REPLIES or self._of[address] >= MOST_REPLIES_EACH:
            self.left_out += 1
            return
        self._read += 1
        self._of[address] += 1
        try:
            announcement = parse(data)
            _check(announcement, self._probes)
        except WireError as error:
            self._failed[address] = str(error)
            return
        for match in announcement.matches:
            self._add(address, match)

    @override
    def error_received(self, exc: Exception) -> None:
        self.unsent += 1
        self.problem = str(exc)

    def found(self) -> tuple[Found, ...]:
        """Return one entry per device, and one per sender of which nothing could be read."""
        urns = Counter(one.urn for one in self._found if one.urn)
        told_apart = [
            replace(one, problem=one.problem or "another device gives the same identity")
            if urns[one.urn] > 1
            else one
            for one in self._found
        ]
        answered = {one.address for one in self._found}
        broken = [
            Found(address, problem=f"its answer cannot be read: {problem}")
            for address, problem in self._failed.items()
            if address not in answered
        ]
        return tuple(sorted([*told_apart, *broken], key=lambda one: (one.address, one.urn)))

    def _add(self, address: str, match: Match) -> None:
        """Merge by endpoint reference, if an address is shared too.

        Cheap cameras of one batch share their identity; they are not one device.
        """
        new = _found(address, match)
        places = self._places[new.urn or new.xaddrs]
        for number in places:
            old = self._found[number]
            if old.address == address or set(old.xaddrs) & set(new.xaddrs):
                self._found[number] = _joined(old, new)
                return
        if len(self._found) < MOST_FOUND:
            places.append(len(self._found))
            self._found.append(new)
        else:
            self.left_out += 1


_Place = tuple[str, int] | tuple[str, int, int, int]


def _chosen(names: Sequence[str] | None) -> tuple[Interface, ...]:
    known = list_interfaces()
    if names is None:
        return tuple(one for one in known if one.name != "lo")
    missing = sorted(set(names) - {one.name for one in known})
    if missing:
        raise PeerError(f"no such interface, or it is down: {', '.join(missing)}")
    return tuple(one for one in known if one.name in names)


def _ways(
    interfaces: Sequence[Interface], options: DiscoveryOptions
) -> list[tuple[Callable[[], socket.socket], _Place]]:
    """Return how each interface's sockets are opened, and where their probes go."""
    ways: list[tuple[Callable[[], socket.socket], _Place]] = []
    for one in interfaces:
        if one.ipv4:
            ways.append((lambda one=one: _open_v4(one), (options.group_v4, options.port)))  # type: ignore[misc]
        if one.has_ipv6:
            to = (options.group_v6, options.port, 0, one.index)
            ways.append((lambda one=one: _open_v6(one), to))  # type: ignore[misc]
    return ways


async def _endpoint(
    open_one: Callable[[], socket.socket], collected: _Collected
) -> asyncio.DatagramTransport:
    sock = open_one()
    try:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: collected, sock=sock)
    except BaseException:
        sock.close()
        raise
    return transport


def _open_v4(interface: Interface) -> socket.socket:
    """Return a socket whose multicast leaves by one interface and never a router."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        chosen = struct.pack("=4s4si", bytes(4), socket.inet_aton(interface.ipv4), interface.index)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, chosen)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        sock.bind((interface.ipv4, 0))
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _open_v6(interface: Interface) -> socket.socket:
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, interface.index)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
        sock.bind(("::", 0))
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


async def _send(
    places: Sequence[tuple[asyncio.DatagramTransport, _Place]],
    messages: Sequence[bytes],
    clock: Clock,
    end_s: float,
) -> int:
    """Send every message everywhere, and again after growing, drawn waits; return how many."""
    sent = 0
    delay_s = random.uniform(LEAST_DELAY_S, MOST_DELAY_S)  # noqa: S311 - not a secret
    for number in range(SENDINGS):
        if number:
            if clock.monotonic_s() + delay_s >= end_s:
                break
            await clock.sleep(delay_s)
            delay_s = min(2 * delay_s, UPPER_DELAY_S)
        for transport, to in places:
            for message in messages:
                transport.sendto(message, to)
                sent += 1
    return sent


def _check(announcement: Announcement, probes: tuple[str, ...]) -> None:
    if announcement.kind is not MessageKind.PROBE_MATCHES:
        raise WireError(f"{announcement.kind.value} in answer to a probe")
    if not any(same_message(announcement.relates_to, one) for one in probes):
        raise WireError("it answers a probe that was not ours")


def _found(address: str, match: Match) -> Found:
    return Found(
        address,
        match.urn,
        match.xaddrs,
        match.name,
        match.hardware,
        match.location,
        match.types,
        "" if match.xaddrs else "it names no usable address",
    )


def _joined(old: Found, new: Found) -> Found:
    xaddrs = tuple(dict.fromkeys((*old.xaddrs, *new.xaddrs)))
    return replace(
        old,
        xaddrs=xaddrs,
        name=old.name or new.name,
        hardware=old.hardware or new.hardware,
        location=old.location or new.location,
        types=tuple(dict.fromkeys((*old.types, *new.types))),
        problem="" if xaddrs else old.problem,
    )


def _shown(addr: tuple[str | int, ...]) -> str:
    """Return the address of a sender, a link-local one with its interface."""
    host = str(addr[0]).partition("%")[0]
    scope = int(addr[3]) if len(addr) > 3 else 0  # noqa: PLR2004 - IPv6 has four parts
    if not scope:
        return host
    with contextlib.suppress(OSError):
        return f"{host}%{socket.if_indextoname(scope)}"
    return f"{host}%{scope}"


def _flags(asking: socket.socket, name: str) -> int:
    """Return the flags of an interface; 0 if it went away meanwhile."""
    request = struct.pack("16s24x", name.encode()[:15])
    try:
        return int(struct.unpack_from("=H", ioctl(asking, _SIOCGIFFLAGS, request), 16)[0])
    except OSError:
        return 0


def _ipv4(asking: socket.socket, name: str) -> str:
    """Return the first IPv4 address of an interface; empty if it has none."""
    request = struct.pack("16s24x", name.encode()[:15])
    try:
        return socket.inet_ntoa(ioctl(asking, _SIOCGIFADDR, request)[20:24])
    except OSError:
        return ""


def _inet6() -> frozenset[str]:
    """Return the interfaces with a link-local IPv6 address; none without IPv6."""
    try:
        lines = Path("/proc/net/if_inet6").read_text(encoding="ascii").splitlines()
    except OSError:
        return frozenset()
    parts = [line.split() for line in lines]
    return frozenset(part[5] for part in parts if len(part) == 6 and part[3] == "20")  # noqa: PLR2004
