# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A house behind NAT on this machine: it gets out, nobody gets in, the wire can be pulled."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.model.errors import PeerError
from gateway.simulator import nat
from gateway.simulator.nat import open_house
from tests.conftest import missing

CALL = "import socket,sys; c=socket.create_connection((sys.argv[1],int(sys.argv[2])),3); c.recv(1)"
LISTEN = """
import socket
s = socket.create_server(("0.0.0.0", 0))
print(s.getsockname()[1], flush=True)
s.settimeout(30)
s.accept()
"""


@pytest.fixture(scope="module")
def house():
    if os.geteuid() != 0:
        missing("root, for network namespaces")
    with open_house() as made:
        yield made


def calls(house, port):
    """Start somebody in the house who calls us."""
    with house.inside():
        return subprocess.Popen(
            [sys.executable, "-c", CALL, house.town, str(port)], stderr=subprocess.DEVNULL
        )


def test_the_house_comes_from_its_router_and_nobody_gets_in(house):
    with socket.create_server((house.town, 0)) as ours:
        caller = calls(house, ours.getsockname()[1])
        ours.settimeout(30)
        accepted, address = ours.accept()
        accepted.close()
        assert address[0] == house.router
        caller.wait(30)
    with house.inside():
        inner = subprocess.Popen([sys.executable, "-c", LISTEN], stdout=subprocess.PIPE)
    try:
        port = int(inner.stdout.readline())
        with pytest.raises(OSError, match=r"timed out|refused|unreachable"):
            socket.create_connection((house.router, port), 1)
        assert inner.poll() is None
    finally:
        inner.kill()
        inner.wait()
        inner.stdout.close()


def test_a_pulled_wire_carries_nothing_until_it_is_put_back(house):
    with socket.create_server((house.town, 0)) as ours:
        port = ours.getsockname()[1]
        house.pull()
        try:
            assert calls(house, port).wait(60) != 0
        finally:
            house.plug()
        caller = calls(house, port)
        ours.settimeout(30)
        accepted, _ = ours.accept()
        accepted.close()
        caller.wait(30)


def test_nothing_is_left_and_the_dead_are_swept_up():
    if os.geteuid() != 0:
        missing("root, for network namespaces")
    dead = "varco-999999999-abcdef-casa"
    subprocess.run(["ip", "netns", "add", dead], check=True)
    with open_house() as made:
        assert Path("/run/netns", made.name).exists()
        assert not Path("/run/netns", dead).exists()
    assert not Path("/run/netns", made.name).exists()


def test_a_machine_that_does_not_let_us_is_told(monkeypatch):
    monkeypatch.setattr(nat.os, "geteuid", lambda: 1000)
    with pytest.raises(PeerError, match="needs root"), open_house():
        pass
