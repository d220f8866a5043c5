# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room that can be reached and houses that cannot: network namespaces with real NAT.

    house "edge"  --veth--  its NAT (nftables, masquerade, no inbound)  --link--  room

The link is a veth pair, or where terms are asked for a process that delays, loses and cuts
(`benchmarks.lab.link`). The names bear this process's number and a random part, and go away with
the lab; those of processes that died are swept up by the next one. Needs root, `ip` and `nft`.
"""

import contextlib
import ctypes
import fcntl
import os
import re
import secrets
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.lab import link
from benchmarks.lab.link import Terms
from benchmarks.lab.process import Child, ChildError, start

ROOM_ADDRESS = "203.0.113.1"
"""RFC 5737; on the room's loopback, the same for every house."""
_WITHIN_S = 20.0
_MOST_LATE_PACKETS = 4000
"""Wait at a device while the machine does not let the link run: losses are the link's alone."""
_NAMESPACES = Path("/run/netns")
_SIOCETHTOOL, _STSO, _SGRO = 0x8946, 0x1F, 0x2C
"""linux/sockios.h, linux/ethtool.h."""
_RULES = """
table inet house {
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "inside" accept
  }
  chain input {
    type filter hook input priority 0; policy drop;
    ct state established,related accept
  }
}
table ip leaving {
  chain out {
    type nat hook postrouting priority 100;
    oifname "outside" masquerade
  }
}
"""
_STANDS = "01"
"""A socket's state in /proc/net/tcp."""
_NAME = re.compile(r"varco-(\d+)-[0-9a-f]{6}-.+")


class LabError(Exception):
    """The machine does not let us: no root, no namespaces, no nftables, no TUN devices."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What went through an interface since it exists."""

    received_bytes: int
    received_packets: int
    sent_bytes: int
    sent_packets: int


class Place:
    """One network namespace."""

    def __init__(self, name: str) -> None:
        self.name = name

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Have the calling thread in here: sockets it makes and processes it starts stay here.

        Threads started meanwhile are here, too; an event loop of this thread goes on as ever.
        """
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            link.enter(self.name)
            try:
                yield
            finally:
                link.set_namespace(home)
        finally:
            os.close(home)

    def ip(self, *words: str) -> str:
        """Run `ip` in here."""
        return command("ip", "-n", self.name, *words)

    def nft(self, rules: str) -> None:
        """Load rules in here."""
        with self.inside():
            command("nft", "-f", "-", text=rules)

    def traffic(self, interface: str) -> Traffic:
        """Return the counters of an interface in here."""
        with self.inside():
            lines = Path("/proc/thread-self/net/dev").read_text(encoding="ascii").splitlines()
        for line in lines:
            name, _, rest = line.partition(":")
            if name.strip() == interface:
                numbers = [int(word) for word in rest.split()]
                return Traffic(numbers[0], numbers[1], numbers[8], numbers[9])
        raise LabError(f"{self.name}: no interface {interface}")

    def queues(self, port: int) -> tuple[int, int]:
        """Return the bytes in here that wait on standing TCP connections to or from a port.

        Not acknowledged by the other end yet, and not read by the program.
        """
        sent = unread = 0
        with self.inside():
            lines = Path("/proc/thread-self/net/tcp").read_text(encoding="ascii").splitlines()[1:]
        for line in lines:
            _, local, remote, state, queue, *_ = line.split()
            ports = {int(end.rpartition(":")[2], 16) for end in (local, remote)}
            if port in ports and state == _STANDS:
                sent += int(queue[:8], 16)
                unread += int(queue[9:], 16)
        return sent, unread

    def start(
        self, *words: str, log: Path | None = None, env: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start `python words` in here; whoever calls this ends it."""
        out = log.open("ab") if log is not None else None
        try:
            with self.inside():
                return subprocess.Popen(
                    [sys.executable, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                    env=env,
                )  # fmt: skip
        finally:
            if out is not None:
                out.close()

    def child(self, module: str, *words: str) -> Child:
        """Start a child that answers lines (`benchmarks.lab.process`) in here."""
        with self.inside():
            return start(module, *words)


@dataclass(frozen=True, slots=True)
class House:
    """Whatever stands behind one NAT."""

    edge: Place
    """Where the gateway and its cameras are; its way out is the interface `uplink`."""
    nat: Place
    """The router: `inside` towards the edge, `outside` towards the room."""
    number: int
    carrier: "Carrier | None" = None
    """The link to the room; None: a plain wire, which cannot be changed."""

    @property
    def outside_address(self) -> str:
        """The address from which the room sees it come, unless it was changed."""
        return f"100.{64 + self.number // 256}.{self.number % 256}.2"

    def change_address(self, last: int) -> str:
        """Give the router's outside another address; connections that stood are dead. Return it."""
        network = self.outside_address.rpartition(".")[0]
        address = f"{network}.{last}"
        self.nat.ip("addr", "flush", "dev", "outside")  # masquerading forgets its connections
        self.nat.ip("addr", "add", f"{address}/24", "dev", "outside")
        self.nat.ip("route", "replace", "default", "via", f"{network}.1")
        return address

    @contextmanager
    def apart(self) -> Iterator["Kernels"]:
        """Have edge and router receive in a thread of the kernel each, as two machines do.

        On a plain veth whatever a packet leads to runs inside the sender's `send`: the router's
        forwarding and masquerading and the hand-over to the link are charged to the edge's
        process. Here they are the router's thread's; the edge's interface segments by software,
        as one without offloads. LabError where the kernel cannot do that.
        """
        ends = ((self.edge, "uplink"), (self.nat, "inside"))
        with ExitStack() as stack:
            own = [stack.enter_context(_own_thread(place, name)) for place, name in ends]
            yield Kernels(*own)

    def uplink(self) -> Traffic:
        """Return what went over the link, `sent` by the house.

        Counted at the router's outside: on a link each packet is one of the wire's, on a plain
        wire the kernel hands over several at a time under one header.
        """
        return self.nat.traffic("outside")


@dataclass(frozen=True, slots=True)
class Kernels:
    """Process numbers of the kernel's receiving threads; `process.cpu_ms` tells what they used."""

    edge: int
    """Answers of the room, on their way into the edge's sockets."""
    router: int
    """All that the edge sent: forwarded, masqueraded, handed to the link."""


class Carrier:
    """The running process that carries a house's packets."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._terms = Terms()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._child.pid

    def change(self, terms: Terms) -> None:
        """Go on with other terms."""
        self._child.ask(link.words(terms))
        self._terms = terms

    def cut(self) -> None:
        """Swallow everything, in both directions, without a word to anybody."""
        self.change(replace(self._terms, cut=True))

    def mend(self) -> None:
        """Carry again as before the cut."""
        self.change(replace(self._terms, cut=False))

    def figures(self) -> dict[str, int]:
        """Return the packets: `out_…` from the house, `back_…` to it; taken, lost, dropped."""
        return self._child.ask("figures")


class Lab:
    """A room and its houses; made by `lab`."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._prefix = f"varco-{os.getpid()}-{secrets.token_hex(3)}"
        self.houses: list[House] = []
        self.room = self._place("room")
        self.room.ip("addr", "add", f"{ROOM_ADDRESS}/32", "dev", "lo")

    def house(self, name: str = "edge", terms: Terms | None = None) -> House:
        """Build a house; with `terms` its link is a process that follows them, else a wire."""
        number = len(self.houses)
        edge = self._place(f"{name}-{number}")
        nat = self._place(f"nat-{number}")
        with nat.inside():
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")
        nat.nft(_RULES)
        self._wire((edge, "uplink"), (nat, "inside"))
        _address(edge, "uplink", "192.168.1.2/24", gateway="192.168.1.1")
        _address(nat, "inside", "192.168.1.1/24")
        carrier = None
        if terms is None:
            self._wire((nat, "outside"), (self.room, f"house{number}"))
        else:
            carrier = self._carrier(nat, number)
            carrier.change(terms)
        made = House(edge, nat, number, carrier)
        network = made.outside_address.rpartition(".")[0]
        _address(self.room, f"house{number}", f"{network}.1/24")
        _address(nat, "outside", f"{made.outside_address}/24", gateway=f"{network}.1")
        self.houses.append(made)
        return made

    def place(self, name: str) -> Place:
        """Make a namespace without any connection."""
        return self._place(name)

    def _place(self, name: str) -> Place:
        made = Place(f"{self._prefix}-{name}")
        command("ip", "netns", "add", made.name)
        self._stack.callback(_remove, made.name)
        made.ip("link", "set", "lo", "up")
        return made

    def _wire(self, one: tuple[Place, str], other: tuple[Place, str]) -> None:
        words = ("link", "add", one[1], "netns", one[0].name, "type", "veth")
        command("ip", *words, "peer", "name", other[1], "netns", other[0].name)

    def _carrier(self, nat: Place, number: int) -> Carrier:
        names = (nat.name, self.room.name, "outside", f"house{number}")
        child = start("benchmarks.lab.link", *names)
        self._stack.callback(child.kill)
        try:
            child.read()
        except ChildError as error:
            raise LabError("TUN devices: the link does not start") from error
        for place, name in ((nat, "outside"), (self.room, f"house{number}")):
            place.ip("link", "set", name, "txqueuelen", str(_MOST_LATE_PACKETS))
        return Carrier(child)


@contextmanager
def lab() -> Iterator[Lab]:
    """Make a room; everything goes away at the end. LabError where the machine does not let us."""
    for name in ("ip", "nft"):
        if _program(name) is None:
            raise LabError(f"{name} is not installed")
    if not Path("/dev/net/tun").exists():
        raise LabError("no TUN devices")
    sweep()
    with ExitStack() as stack:
        yield Lab(stack)


def sweep() -> None:
    """Remove namespaces whose process is gone: it was killed before it could."""
    for path in _NAMESPACES.glob("varco-*"):
        found = _NAME.fullmatch(path.name)
        if found is not None and not Path(f"/proc/{found[1]}").exists():
            with contextlib.suppress(LabError):
                _remove(path.name)


def command(program: str, *words: str, text: str = "") -> str:
    """Run a program of the system; LabError with its words if it fails."""
    path = _program(program)
    if path is None:
        raise LabError(f"{program} is not installed")
    done = subprocess.run(
        [path, *words], capture_output=True, text=True, check=False, timeout=_WITHIN_S, input=text
    )
    if done.returncode:
        raise LabError(f"{program} {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/bin")


def _address(place: Place, interface: str, address: str, *, gateway: str = "") -> None:
    place.ip("addr", "add", address, "dev", interface)
    place.ip("link", "set", interface, "up")
    if gateway:
        place.ip("route", "replace", "default", "via", gateway)


@contextmanager
def _own_thread(place: Place, interface: str) -> Iterator[int]:
    """Have an end of a veth receive in a thread of its own; yield its process number."""
    before = _receivers(interface)
    _offload(place, interface, together=True)
    try:
        _threaded(place, interface, on=True)
        found = _receivers(interface) - before
        if len(found) != 1:
            raise LabError(f"{interface}: {len(found)} receiving threads, not one")
        yield found.pop()
    finally:
        _threaded(place, interface, on=False)
        _offload(place, interface, together=False)


def _offload(place: Place, interface: str, *, together: bool) -> None:
    """Gather what is received, without which a veth never polls, and segment what is sent.

    Both or neither: what is not segmented passes the other end's poll by.
    """
    for code, value in ((_SGRO, together), (_STSO, not together)):
        order = ctypes.create_string_buffer(struct.pack("II", code, value))
        asked = struct.pack("16sP8x", interface.encode(), ctypes.addressof(order))
        try:
            with place.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                fcntl.ioctl(one, _SIOCETHTOOL, asked)
        except OSError as error:
            raise LabError(f"{interface}: offloads: {error.strerror}") from error


def _threaded(place: Place, interface: str, *, on: bool) -> None:
    path = f"/sys/class/net/{interface}/threaded"
    command("ip", "netns", "exec", place.name, "tee", path, text=str(int(on)))


def _receivers(interface: str) -> set[int]:
    """Return the kernel's threads that receive for interfaces of this name."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):  # a process that ended just now
            if path.read_text().startswith(f"napi/{interface}-"):
                found.add(int(path.parent.name))
    return found


def _remove(name: str) -> None:
    command("ip", "netns", "delete", name)
