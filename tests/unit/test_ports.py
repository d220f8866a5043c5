# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Ports named in advance: free by TCP and UDP, and nobody else's."""

import itertools
import socket
from pathlib import Path

import pytest

from tests import ports

HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_no_port_is_named_twice_or_handed_out_by_the_kernel():
    named = [ports.free_port() for _ in range(50)]
    assert len(set(named)) == 50
    assert max(named) < int(HANDED_OUT.read_text().split()[0])


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_in_use_is_passed_over(monkeypatch, kind):
    taken, free = ports.free_port(), ports.free_port()
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", taken))
        monkeypatch.setattr(ports, "_ports", itertools.cycle([taken, free]))
        assert ports.free_port() == free


def test_two_workers_name_different_ports(monkeypatch):
    shares = []
    for worker in ("gw0", "gw1", "gw2"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
        shares.append(set(itertools.islice(ports._mine(), 5000)))
    assert all(len(one) > 1000 for one in shares)
    assert not any(one & other for one, other in itertools.combinations(shares, 2))
