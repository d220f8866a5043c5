# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The lab itself: nothing comes into a house uncalled, and a link is as it was asked to be."""

import contextlib
import random
import socket
import statistics
import subprocess
import threading
import time
from pathlib import Path

import pytest

from benchmarks.lab import network
from benchmarks.lab.link import Lane, Terms
from benchmarks.lab.network import ROOM_ADDRESS, Place
from benchmarks.lab.process import cpu_ms
from tests.peers.net_lab import net_lab

pytestmark = pytest.mark.peer
PORT = 7001
NETWORK = Path("/proc/thread-self/ns/net")
SOON_S = 10.0
SO_RCVBUFFORCE = 33
"""Linux; Python does not name it."""
QUIET_S = 0.4
"""What was not delivered by then was not going to be: the wire itself takes microseconds."""


@pytest.fixture(scope="module")
def town():
    """One room; a house on a wire, and one on a link."""
    with net_lab() as made:
        made.house()
        made.house("mobile", Terms())
        yield made


@contextlib.contextmanager
def udp(place, address, port=PORT):
    with place.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.settimeout(SOON_S)
        made.bind((address, port))
        yield made


@contextlib.contextmanager
def listening(place, address="0.0.0.0", port=PORT):
    """A TCP listener."""
    with place.inside(), socket.create_server((address, port)) as made:
        made.settimeout(SOON_S)
        yield made


def connect(place, address, within_s=SOON_S, port=PORT):
    with place.inside():
        return socket.create_connection((address, port), within_s)


@contextlib.contextmanager
def talking(house, room):
    """A connection that the house made, both ends."""
    with (
        listening(room) as listener,
        connect(house.edge, ROOM_ADDRESS) as near,
        listener.accept()[0] as far,
    ):
        far.settimeout(SOON_S)
        yield near, far


@pytest.mark.parametrize("number", [0, 1])
def test_a_house_dials_out_and_nobody_dials_in(town, number):
    """Its own connection works both ways and comes from the router's address; none goes in."""
    house = town.houses[number]
    with talking(house, town.room) as (near, far):
        assert far.getpeername()[0] == house.outside_address
        near.sendall(b"out")
        assert far.recv(9) == b"out"
        far.sendall(b"back")
        assert near.recv(9) == b"back"
    with listening(house.edge):
        for address in (house.outside_address, "192.168.1.2"):
            with pytest.raises(OSError, match=r"timed out|unreachable"):
                connect(town.room, address, QUIET_S)
        with connect(house.edge, "192.168.1.2"):
            pass  # the listener is really there


def test_unasked_datagrams_do_not_come_in(town):
    """Not even when the room knows the way and the port."""
    house = town.houses[0]
    with udp(house.edge, "192.168.1.2") as inner, udp(town.room, ROOM_ADDRESS, 7002) as outer:
        town.room.ip("route", "replace", "192.168.1.0/24", "via", house.outside_address)
        try:
            outer.sendto(b"uncalled", ("192.168.1.2", PORT))
            outer.sendto(b"uncalled", (house.outside_address, PORT))
            inner.settimeout(QUIET_S)
            with pytest.raises(TimeoutError):
                inner.recv(99)
            inner.settimeout(SOON_S)
            inner.sendto(b"called", (ROOM_ADDRESS, 7002))
            _, came_from = outer.recvfrom(99)
            outer.sendto(b"answer", came_from)
            assert inner.recv(99) == b"answer"
        finally:
            town.room.ip("route", "delete", "192.168.1.0/24")


def test_houses_do_not_reach_each_other(town):
    """The room forwards nothing."""
    with listening(town.houses[1].nat), pytest.raises(OSError, match=r"timed out|unreachable"):
        connect(town.houses[0].edge, town.houses[1].outside_address, QUIET_S)


def rounds(town, terms, count, gap_s=0.0):
    """Send numbered datagrams from the house; return (number, seconds on the way) as they came."""
    house = town.houses[1]
    house.carrier.change(terms)
    came = []
    with udp(house.edge, "192.168.1.2") as near, udp(town.room, ROOM_ADDRESS) as far:
        far.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)

        def receive():
            with contextlib.suppress(TimeoutError):
                while (data := far.recv(2048)) != b"end":
                    number, sent_s = data.split()[:2]
                    came.append((int(number), time.monotonic() - float(sent_s)))

        listener = threading.Thread(target=receive)
        listener.start()
        for number in range(count):
            near.sendto(
                b"%d %.6f " % (number, time.monotonic()) + bytes(1000), (ROOM_ADDRESS, PORT)
            )
            time.sleep(gap_s)
        time.sleep(QUIET_S + terms.delay_ms / 1e3)
        house.carrier.change(Terms())
        near.sendto(b"end", (ROOM_ADDRESS, PORT))
        listener.join(SOON_S)
        assert not listener.is_alive()
    return came


def test_delay_and_jitter_are_as_asked_and_order_is_kept(town):
    """No packet is faster than the least; half of them are not much slower than the most."""
    came = rounds(town, Terms(delay_ms=60, jitter_ms=20), 100, 0.005)
    spent_ms = [1e3 * spent_s for _, spent_s in came]
    assert [number for number, _ in came] == list(range(100))
    assert min(spent_ms) >= 40
    assert statistics.median(spent_ms) < 80 + 40  # what a loaded machine adds


def test_some_are_overtaken_when_asked(town):
    """With `reorder` jitter moves packets past each other."""
    came = rounds(town, Terms(delay_ms=60, jitter_ms=50, reorder=True), 100)
    assert sorted(number for number, _ in came) == list(range(100))
    assert [number for number, _ in came] != list(range(100))


def test_as_many_are_lost_as_asked(town):
    """Of a thousand at 10 %: the binomial's 6 sigma are 57."""
    came = rounds(town, Terms(loss=0.1), 1000, 0.0002)
    assert 1000 - 57 - 100 <= len(came) <= 1000 + 57 - 100


def test_the_rate_and_its_queue_are_bounded():
    """A burst of 100 packets of 10 ms each: those that would wait longer than 300 ms are lost."""
    lane, terms = Lane(random.Random(1)), Terms(rate_kbps=1000, queue_ms=300)
    for _ in range(100):
        lane.take(bytes(1250), 5.0, terms)
    assert lane.dropped == 100 - 31
    out, at_s = [], 5.0
    while (next_s := lane.next_s()) is not None:
        at_s = next_s
        assert lane.due(at_s - 1e-6) is None
        assert len(lane.due(at_s)) == 1250
        out.append(at_s)
    assert out == pytest.approx([5.0 + 0.01 * number for number in range(1, 32)])


def test_a_cut_swallows_everything_and_the_connection_outlives_it(town):
    """Nothing arrives, no error comes; after mending TCP goes on by itself."""
    house = town.houses[1]
    with talking(house, town.room) as (near, far):
        house.carrier.cut()
        near.sendall(b"held")
        far.settimeout(QUIET_S)
        with pytest.raises(TimeoutError):
            far.recv(9)
        house.carrier.mend()
        far.settimeout(SOON_S)
        assert far.recv(9) == b"held"
    assert house.carrier.figures()["out_lost"] > 0


def test_another_address_ends_what_stood_and_new_connections_come_from_it(town):
    """The room hears nothing of the old connection any more."""
    house = town.houses[0]
    with talking(house, town.room) as (near, far):
        address = house.change_address(77)
        try:
            near.sendall(b"from elsewhere")
            far.settimeout(QUIET_S)
            with pytest.raises(TimeoutError):
                far.recv(99)
            near.settimeout(SOON_S)
            with pytest.raises(ConnectionResetError):
                near.recv(99)  # the room does not know whom it talks to
            with (
                listening(town.room, port=7003) as listener,
                connect(house.edge, ROOM_ADDRESS, port=7003),
                listener.accept()[0] as new,
            ):
                assert new.getpeername()[0] == address != house.outside_address
        finally:
            house.change_address(2)


def test_traffic_is_counted(town):
    """What the house sent went out through its uplink."""
    house = town.houses[0]
    with talking(house, town.room) as (near, far):
        before = house.uplink()
        near.sendall(bytes(100_000))
        got = 0
        while got < 100_000:
            got += len(far.recv(65_536))
        after = house.uplink()
    assert 100_000 < after.sent_bytes - before.sent_bytes < 110_000
    assert after.received_packets > before.received_packets


def test_nothing_is_left_behind():
    """Namespaces go away with the lab, and so do those of a process that died."""
    with net_lab() as made:
        name = made.room.name
        made.house("passing", Terms())
        assert [one for one in names() if one.startswith(name[:-5])] != []
    assert [one for one in names() if one.startswith(name[:-5])] == []
    gone = subprocess.Popen(["true"])
    gone.wait()
    orphan = f"varco-{gone.pid}-0a1b2c-room"
    network.command("ip", "netns", "add", orphan)
    network.sweep()
    assert orphan not in names()


def names():
    return [path.name for path in Path("/run/netns").iterdir()]


def test_a_thread_comes_home(town):
    """Inside and out again; an error does not lose the way."""
    before = NETWORK.readlink()
    with town.room.inside():
        assert NETWORK.readlink() != before
    with contextlib.suppress(LookupError), town.room.inside():
        raise LookupError
    assert NETWORK.readlink() == before
    with pytest.raises(OSError, match="No such file"), Place("varco-0-000000-none").inside():
        pass


def test_edge_and_router_have_a_kernel_of_their_own_each(town):
    """What the edge sends is the router's thread's work, what it is sent its own's; then as before.

    Nothing is lost over the change, neither on a standing connection nor in the counters.
    """
    house = town.houses[0]
    with talking(house, town.room) as (near, far):
        with house.apart() as kernels:
            before = [cpu_ms(one) for one in (kernels.router, kernels.edge)]
            _flood(near, far, 4 << 20)
            sending = [cpu_ms(one) for one in (kernels.router, kernels.edge)]
            _flood(far, near, 4 << 20)
            received = [cpu_ms(one) for one in (kernels.router, kernels.edge)]
        assert sending[0] > before[0]
        assert received[1] > sending[1]
        for one in (kernels.router, kernels.edge):
            assert not Path(f"/proc/{one}").exists()
        _flood(near, far, 1 << 20)


def _flood(out, into, size):
    """Send so many bytes from one end to the other; all arrive."""
    sender = threading.Thread(target=out.sendall, args=(bytes(size),))
    sender.start()
    left = size
    while left:
        got = len(into.recv(1 << 16))
        assert got
        left -= got
    sender.join()


def _until(condition):
    """Wait until something holds: what the kernel counts is behind what was sent."""
    deadline_s = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < deadline_s


def test_what_waits_on_a_connection_is_counted_at_both_ends(town):
    """Unread at the room; not acknowledged at the edge while its room is full; other ports not."""
    house = town.houses[0]
    with talking(house, town.room) as (near, far):
        _until(lambda: house.edge.queues(PORT) == town.room.queues(PORT) == (0, 0))
        near.sendall(b"x" * 1000)
        far.recv(1, socket.MSG_PEEK)
        _until(lambda: town.room.queues(PORT) == (0, 1000))
        assert town.room.queues(PORT + 1) == (0, 0)
        near.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                near.send(bytes(1 << 16))
        assert house.edge.queues(PORT)[0] > 1000
