# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.datagrams, on real sockets."""

import asyncio
import contextlib
import socket

import pytest

from gateway.ingest.datagrams import Datagrams, open_pair
from gateway.model.errors import PeerError
from gateway.runtime.shelf import Shelf


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


@contextlib.contextmanager
def opened(take):
    """A socket on a shelf that takes packets of 127.0.0.1, and a sender there."""
    rtp, rtcp = open_pair(socket.AF_INET, "127.0.0.1")
    rtcp.close()
    shelf, bugs = Shelf(asyncio.get_running_loop()), []
    made = Datagrams(rtp, "127.0.0.1", take, bugs.append)
    made.attach(shelf)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        sender.settimeout(2)
        try:
            yield made, rtp.getsockname(), sender, bugs
        finally:
            made.close()
            assert len(shelf) == 0


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_pair_is_an_even_port_and_the_one_above(family, address):
    """As RFC 3550 §11 wants, in either family."""
    pairs = [open_pair(family, address) for _ in range(10)]
    for rtp, rtcp in pairs:
        assert rtp.getsockname()[1] % 2 == 0
        assert rtcp.getsockname()[1] == rtp.getsockname()[1] + 1
        assert rtp.getsockname()[0] == address
        rtp.close()
        rtcp.close()


def test_an_address_that_is_not_ours_has_no_ports():
    """It is said which one."""
    with pytest.raises(PeerError, match=r"no UDP ports on 192\.0\.2\.1"):
        open_pair(socket.AF_INET, "192.0.2.1")


async def test_a_burst_is_taken_in_one_piece():
    """All that waits is handed over at once, in order, empty ones too."""
    bursts = []
    with opened(bursts.append) as (made, address, sender, _):
        for number in range(50):
            sender.sendto(b"%d" % number, address)
        await until(lambda: sum(map(len, bursts)) == 50)
        assert [one for burst in bursts for one in burst] == [b"%d" % n for n in range(50)]
        assert len(bursts) < 10
        assert made.received_bytes == sum(len(str(n)) for n in range(50))


async def test_strangers_are_counted_and_not_heard():
    """Only the camera's own address counts, whatever port it sends from."""
    bursts = []
    with opened(bursts.append) as (made, address, sender, _):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.2", 0))
            stranger.sendto(b"forged", address)
        sender.sendto(b"true", address)
        await until(lambda: bursts)
        assert (bursts, made.foreign) == ([[b"true"]], 1)


async def test_reports_go_where_the_packets_come_from_unless_a_port_was_named():
    """Before any packet and without a port there is nowhere to send to."""
    bursts = []
    with opened(bursts.append) as (made, address, sender, _):
        made.send(b"nowhere", 0)
        sender.sendto(b"x", address)
        await until(lambda: bursts)
        made.send(b"back", 0)
        assert sender.recv(10) == b"back"
        made.send(b"there", sender.getsockname()[1])
        assert sender.recv(10) == b"there"


async def test_a_bug_of_the_taker_is_handed_on():
    """To whoever owns the socket."""

    def broken(_):
        raise ZeroDivisionError

    with opened(broken) as (_, address, sender, bugs):
        sender.sendto(b"x", address)
        await until(lambda: bugs)


async def test_another_port_than_the_one_that_was_named_is_a_stranger():
    """The right address is not enough once the camera has said where it sends from."""
    bursts = []
    with opened(bursts.append) as (made, address, sender, _):
        made.peer_port = sender.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.sendto(b"forged", address)
        sender.sendto(b"true", address)
        await until(lambda: bursts)
        assert (bursts, made.foreign) == ([[b"true"]], 1)
