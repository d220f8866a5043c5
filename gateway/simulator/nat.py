# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A house behind real NAT on this machine: two network namespaces, and a wire that can be pulled.

    house  --veth--  its router (nftables: masquerade, nothing comes in)  --veth--  this machine

Needs root, `ip` and `nft`; `open_house` says why it cannot be, and the exercise then goes on
without. What a process that died left behind is swept up by the next one.
"""

import ctypes
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path

from gateway.model.errors import PeerError

_CARRIER = 0x64630000
"""100.99.0.0/16, of the range for carriers (RFC 6598); each house has four addresses of it."""
_INSIDE, _HOUSE = "192.168.99.1", "192.168.99.2"
_NAME = re.compile(r"varco-(\d+)-[0-9a-f]{6}-\w+")
_NAMESPACES = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_COMMAND_S = 20.0
_RULES = """
table inet router {
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
  chain out { type nat hook postrouting priority 100; oifname "outside" masquerade; }
}
"""


class House:
    """The namespaces of one house; made by `open_house`."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self.name = f"varco-{os.getpid()}-{tag}-casa"
        self._router = f"varco-{os.getpid()}-{tag}-nat"
        self._wire = f"varco{tag}"
        first = _CARRIER + (int(tag, 16) & 0x3FFF) * 4
        self.town = str(ip_address(first + 1))
        """This machine as the house sees it."""
        self.router = str(ip_address(first + 2))
        """The house as this machine sees it."""

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Have the calling thread in the house: processes that it starts meanwhile stay there."""
        with _within(self.name):
            yield

    def pull(self) -> None:
        """Pull the wire: whatever is on its way is lost, and nobody is told."""
        _run("ip", "-n", self._router, "link", "set", "outside", "down")

    def plug(self) -> None:
        """Put it back."""
        _run("ip", "-n", self._router, "link", "set", "outside", "up")
        _run("ip", "-n", self._router, "route", "replace", "default", "via", self.town)

    def build(self, stack: ExitStack) -> None:
        """Make everything; the stack takes it down again."""
        for name in (self.name, self._router):
            _run("ip", "netns", "add", name)
            stack.callback(_quietly, "ip", "netns", "delete", name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
        wire = ("ip", "link", "add", self._wire, "type", "veth", "peer", "outside")
        _run(*wire, "netns", self._router)
        stack.callback(_quietly, "ip", "link", "delete", self._wire)
        inside = ("ip", "-n", self._router, "link", "add", "inside", "type", "veth")
        _run(*inside, "peer", "uplink", "netns", self.name)
        _run("ip", "address", "add", f"{self.town}/30", "dev", self._wire)
        _run("ip", "link", "set", self._wire, "up")
        for place, device, address in (
            (self._router, "outside", f"{self.router}/30"),
            (self._router, "inside", f"{_INSIDE}/24"),
            (self.name, "uplink", f"{_HOUSE}/24"),
        ):
            _run("ip", "-n", place, "address", "add", address, "dev", device)
            _run("ip", "-n", place, "link", "set", device, "up")
        _run("ip", "-n", self.name, "route", "add", "default", "via", _INSIDE)
        with _within(self._router):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")
        _run("ip", "netns", "exec", self._router, "nft", "-f", "-", text=_RULES)


@contextmanager
def open_house() -> Iterator[House]:
    """Make a house; PeerError with the reason where this machine does not let us."""
    if os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("nft")):
        raise PeerError("a house behind NAT needs root, ip and nft")
    _sweep()
    house = House(secrets.token_hex(3))
    with ExitStack() as stack:
        house.build(stack)
        yield house


@contextmanager
def _within(name: str) -> Iterator[None]:
    """Have the calling thread in a namespace."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(_NAMESPACES / name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(home)


def _sweep() -> None:
    """Take down the namespaces of processes that are no more; their wires go with them."""
    if not _NAMESPACES.is_dir():
        return
    for name in [one.name for one in _NAMESPACES.iterdir()]:
        found = _NAME.fullmatch(name)
        if found and name.endswith(("-casa", "-nat")) and not Path("/proc", found[1]).exists():
            _quietly("ip", "netns", "delete", name)


def _enter(handle: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _run(*words: str, text: str = "") -> None:
    """Run a command; PeerError with what it said."""
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            words, input=text, capture_output=True, text=True, check=False, timeout=_COMMAND_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerError(f"{words[0]}: {error}") from error
    if done.returncode:
        raise PeerError(f"{' '.join(words[:4])}: {done.stderr.strip()[:200]}")


def _quietly(*words: str) -> None:
    subprocess.run(words, capture_output=True, check=False, timeout=_COMMAND_S)  # noqa: S603 - our own words
