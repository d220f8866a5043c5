# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.runtime.shelf, with real sockets."""

import asyncio
import contextlib
import socket

from gateway.runtime import shelf
from gateway.runtime.clock import SystemClock
from gateway.runtime.shelf import HASTY_TICK_S, TICK_S, Shelf


class Guest:
    """Reads what comes and notes when."""

    def __init__(self, standing, sock):
        self.standing, self.sock = standing, sock
        self.seen, self.times, self.bugs, self.writes = b"", [], [], 0
        self.on_read = None
        sock.setblocking(False)
        standing.add(sock.fileno(), self)

    def readable(self):
        self.seen += self.sock.recv(4096)
        self.times.append(SystemClock().monotonic_s())
        if self.on_read:
            self.on_read()

    def writable(self):
        self.writes += 1
        self.standing.want_write(self.sock.fileno(), wanted=False)

    def failed(self, error):
        self.bugs.append(error)

    def leave(self):
        self.standing.remove(self.sock.fileno())
        self.sock.close()


@contextlib.contextmanager
def guests(count):
    """Some guests on a shelf of their own, and the far ends of their sockets."""
    standing = Shelf(asyncio.get_running_loop())
    pairs = [socket.socketpair() for _ in range(count)]
    made = [Guest(standing, near) for near, _ in pairs]
    try:
        yield standing, made, [far for _, far in pairs]
    finally:
        for one in made:
            one.leave()
        for _, far in pairs:
            far.close()
        assert len(standing) == 0


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def test_everybody_gets_what_was_sent_to_him():
    """Three sockets, three words, however often they come."""
    with guests(3) as (_, made, fars):
        for number in range(5):
            for index, far in enumerate(fars):
                far.send(b"%d" % index)
            await until(lambda n=number: all(len(one.seen) == n + 1 for one in made))
        assert [one.seen for one in made] == [b"00000", b"11111", b"22222"]


async def test_a_lone_byte_is_served_at_once_and_a_stream_of_them_once_a_tick():
    """After silence nothing waits; a flood of single bytes costs a bounded number of rounds."""
    clock = SystemClock()
    with guests(1) as (standing, (guest,), (far,)):
        await asyncio.sleep(3 * TICK_S)
        sent_s = clock.monotonic_s()
        far.send(b"x")
        await until(lambda: guest.times)
        assert guest.times[0] - sent_s < TICK_S / 2
        before, began_s = standing.rounds, clock.monotonic_s()
        for _ in range(100):
            far.send(b"y")
            await asyncio.sleep(0.001)
        await until(lambda: len(guest.seen) == 101)
        passed_s = clock.monotonic_s() - began_s
        assert standing.rounds - before <= passed_s / TICK_S + 2


async def test_who_may_lose_something_is_served_twice_as_often_until_it_leaves():
    """Kernels drop datagrams that are not fetched in time; streams wait in theirs."""
    with guests(1) as (standing, _, _):
        near, far = socket.socketpair()
        assert standing.tick_s == TICK_S
        standing.add(near.fileno(), object(), may_lose=True)
        assert standing.tick_s == HASTY_TICK_S < TICK_S
        standing.remove(near.fileno())
        assert standing.tick_s == TICK_S
        near.close()
        far.close()


async def test_a_bug_of_one_guest_is_handed_to_it_and_the_others_are_served():
    """Nobody's exception reaches a neighbour or the loop."""
    with guests(2) as (_, (bad, good), fars):
        bad.on_read = lambda: 1 / 0
        for far in fars:
            far.send(b"x")
        await until(lambda: good.seen and bad.bugs)
        assert isinstance(bad.bugs[0], ZeroDivisionError)
        assert not good.bugs


async def test_a_guest_may_leave_while_others_are_served():
    """Who takes a neighbour away in its own turn does no harm."""
    with guests(2) as (standing, (one, other), fars):
        one.on_read = lambda: standing.remove(other.sock.fileno())
        other.on_read = lambda: standing.remove(one.sock.fileno())
        for far in fars:
            far.send(b"x")
        await until(lambda: one.seen or other.seen)
        await asyncio.sleep(3 * TICK_S)
        assert (one.seen, other.seen) in {(b"x", b""), (b"", b"x")}


async def test_writing_is_offered_once_it_is_wanted():
    """A socket that takes bytes again is told of, once."""
    with guests(1) as (standing, (guest,), _):
        await asyncio.sleep(2 * TICK_S)
        assert guest.writes == 0
        standing.want_write(guest.sock.fileno(), wanted=True)
        await until(lambda: guest.writes)
        await asyncio.sleep(3 * TICK_S)
        assert guest.writes == 1


async def test_an_empty_shelf_holds_nothing_open_and_can_be_used_again():
    """The epoll goes with the last guest, whether a round is due or not, and comes back."""
    standing = Shelf(asyncio.get_running_loop())
    for waits in (False, True, False):
        near, far = socket.socketpair()
        guest = Guest(standing, near)
        far.send(b"x")
        await until(lambda guest=guest: guest.seen)
        if waits:
            await asyncio.sleep(3 * TICK_S)
        guest.leave()
        far.close()
        assert standing._epoll is None
        assert standing._timer is None


async def test_each_loop_has_one_shelf():
    """All cameras of a loop meet on it."""
    assert shelf.of_loop() is shelf.of_loop()

    async def other():
        return shelf.of_loop()

    assert await asyncio.to_thread(lambda: asyncio.run(other())) is not shelf.of_loop()
