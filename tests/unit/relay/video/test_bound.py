# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The sockets of the media process."""

import socket

import pytest

from gateway.model.errors import ConfigError
from gateway.relay.video.bound import bound


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_one_number_for_both(host):
    """UDP and TCP share the port number that the kernel chose; both close on leaving."""
    with bound((host, 0), tcp=True) as sockets:
        port = sockets.udp.getsockname()[1]
        assert sockets.tcp.getsockname()[1] == port
        with socket.create_connection((host, port), timeout=5):
            pass
    assert sockets.udp.fileno() == sockets.tcp.fileno() == -1


def test_all_addresses_take_both_families():
    """`::` takes IPv4 as well, over both protocols."""
    with bound(("::", 0), tcp=True) as sockets:
        port = sockets.udp.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, port), timeout=5):
                pass
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as peer:
                peer.sendto(b"x", (host, port))
        sockets.udp.settimeout(5)
        assert sockets.udp.recvfrom(9)[1][0] == "::ffff:127.0.0.1"


def test_a_taken_port_is_told():
    """A port that another program has is named with its protocol; without TCP none is bound."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with (
            pytest.raises(ConfigError, match=f"TCP port {port}"),
            bound(("127.0.0.1", port), tcp=True),
        ):
            pass
        with bound(("127.0.0.1", port), tcp=False) as sockets:
            assert sockets.tcp is None
            with (
                pytest.raises(ConfigError, match=f"1 port {port}"),
                bound(("127.0.0.1", port), tcp=False),
            ):
                pass


def test_no_address():
    """A name is no address to bind."""
    with pytest.raises(ConfigError, match="localhost"), bound(("localhost", 0), tcp=True):
        pass
