# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.pace."""

import asyncio
import contextlib

import pytest

from gateway.ingest.pace import DEFAULT, Bounds, Login, Pace, Ticket
from gateway.ingest.source import StreamSource
from gateway.runtime.clock import SystemClock
from tests.fakes import FakeClock


def source(number=0, host="nvr", user="", password=""):
    return StreamSource("c", f"rtsp://{host}/{number}", user=user, password=password)


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


class Visit:
    """A camera in its handshake until it is told to leave."""

    def __init__(self, pace, source):
        self.ticket = Ticket(source)
        self._pace = pace
        self.is_in = False
        self.leave = asyncio.Event()

    async def run(self):
        async with self._pace.handshake(self.ticket):
            self.is_in = True
            await self.leave.wait()
        self.is_in = False


@contextlib.asynccontextmanager
async def visits(pace, *sources):
    """Start visits in order; all leave in the end."""
    found = [Visit(pace, one) for one in sources]
    async with asyncio.TaskGroup() as group:
        for one in found:
            group.create_task(one.run())
            await asyncio.sleep(0)
        await settle()
        yield found
        for one in found:
            one.leave.set()
    assert pace.statistics() == (0, 0)


def test_a_hundred_cameras_start_within_ten_seconds():
    """The spread of the default bounds."""
    assert 100 * DEFAULT.spacing_s <= 10


async def test_a_lone_camera_starts_at_once_and_many_are_spread():
    """The first waits for nothing, each further one a little longer."""
    clock = SystemClock()
    pace = Pace(clock, Bounds(spacing_s=0.02))
    began_s, times_s = clock.monotonic_s(), []

    async def start():
        await pace.start(Ticket(source()))
        times_s.append(clock.monotonic_s() - began_s)

    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(start())
    assert times_s[0] < 0.015
    assert times_s[-1] >= 9 * 0.02 - 0.001


async def test_a_camera_that_somebody_wants_to_see_does_not_wait_for_its_start():
    """Hurried before or while it waits."""
    pace = Pace(SystemClock(), Bounds(spacing_s=60.0))
    await pace.start(Ticket(source()))
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        ticket = Ticket(source())
        group.create_task(pace.start(ticket))
        await settle()
        pace.hurry(ticket)


async def test_a_host_and_the_box_have_so_many_handshakes_at_once():
    """Two per host, three in all; who leaves makes room for the next that may."""
    pace = Pace(FakeClock(), Bounds(handshakes=3, handshakes_per_host=2))
    wanted = [source(0), source(1), source(2), source(0, "b"), source(0, "c")]
    async with visits(pace, *wanted) as found:
        assert [one.is_in for one in found] == [True, True, False, True, False]
        found[3].leave.set()
        await settle()
        assert [one.is_in for one in found] == [True, True, False, False, True]
        found[0].leave.set()
        await settle()
        assert [one.is_in for one in found] == [False, True, True, False, True]


async def test_the_hurried_go_first():
    """Of those that wait, the one that a person waits for is let in."""
    pace = Pace(FakeClock(), Bounds(handshakes=1))
    async with visits(pace, source(0, "a"), source(0, "b"), source(0, "c")) as found:
        pace.hurry(found[2].ticket)
        found[0].leave.set()
        await settle()
        assert [one.is_in for one in found] == [False, False, True]


async def test_who_is_silent_holds_up_the_box_for_a_moment_only():
    """After that it counts for its own host, and others are let in."""
    pace = Pace(FakeClock(), Bounds(handshakes=1, handshakes_per_host=1, held_s=0.02))
    async with visits(pace, source(0, "a"), source(1, "a"), source(0, "b")) as found:
        async with asyncio.timeout(30):
            while not found[2].is_in:
                await asyncio.sleep(0.005)
        assert [one.is_in for one in found] == [True, False, True]


async def test_a_waiting_camera_that_is_cancelled_leaves_no_trace():
    """Its place in the queue goes with it."""
    pace = Pace(FakeClock(), Bounds(handshakes=1))
    async with visits(pace, source(0, "a")):
        waiting = Visit(pace, source(0, "b"))
        task = asyncio.create_task(waiting.run())
        await settle()
        assert pace.statistics() == (1, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pace.statistics() == (0, 1)


async def test_an_unproven_account_is_tried_by_one_camera():
    """Only when the device has taken it do the others come, four at a time."""
    pace = Pace(FakeClock())
    channels = [source(n, user="u", password="p") for n in range(6)]
    async with visits(pace, *channels) as found:
        assert [one.is_in for one in found] == [True] + [False] * 5
        pace.plays(channels[0])
        pace.arrived(found[0].ticket)
        await settle()
        assert sum(one.is_in for one in found[1:]) == DEFAULT.handshakes_per_host


def test_a_refusal_keeps_all_cameras_of_the_account_away_ever_longer():
    """30 s, 2 min, 10 min, then half an hour; a refusal in the same breath counts once."""
    clock, waits_s = FakeClock(), []
    pace = Pace(clock)
    first, second = (source(n, user="u", password="p") for n in (1, 2))
    for _ in range(5):
        waits_s.append(pace.refused(first))
        assert pace.refused(second) == waits_s[-1]
        assert pace.wait_s(second) == pace.wait_s(first) == waits_s[-1]
        clock.advance(waits_s[-1])
        assert pace.wait_s(second) == 0
    assert waits_s == [30, 120, 600, 1800, 1800]


def test_other_accounts_devices_and_passwords_are_not_concerned():
    """A new password is tried at once, and so is the recorder next to it."""
    pace = Pace(FakeClock())
    pace.refused(source(user="u", password="old"))
    assert pace.wait_s(source(user="u", password="old"))
    assert not pace.wait_s(source(user="u", password="new"))
    assert not pace.wait_s(source(user="v", password="old"))
    assert not pace.wait_s(source(host="other", user="u", password="old"))


def test_a_view_that_is_refused_while_its_neighbours_play_waits_alone():
    """A right that is missing for one channel keeps no other away, and grows by itself."""
    clock = FakeClock()
    pace = Pace(clock)
    fine, forbidden, third = (source(n, user="u", password="p") for n in range(3))
    pace.plays(fine)
    assert pace.refused(forbidden) == 30
    assert pace.wait_s(forbidden) == 30
    assert not pace.wait_s(third)
    clock.advance(30)
    assert pace.refused(forbidden) == 120
    pace.ended(fine)
    pace.accepted(forbidden)
    assert not pace.wait_s(forbidden)


def test_old_refusals_are_forgotten():
    """A year of rotated passwords leaves nothing in memory."""
    clock = FakeClock()
    pace = Pace(clock)
    for number in range(500):
        pace.refused(source(user="u", password=str(number)))
        clock.advance(3600)
    assert len(pace._refused) <= 2


def test_no_password_is_kept():
    """What stands for an account does not hold its password."""
    pace = Pace(FakeClock())
    pace.refused(source(user="u", password="hunter2"))
    assert "hunter2" not in repr(vars(pace))


LOGIN = Login("nvr", "u", "p")


def test_a_refusal_by_one_way_stops_the_others():
    """Recorders count logins, not protocols: streams wait for ONVIF's and ONVIF for theirs."""
    clock = FakeClock()
    pace = Pace(clock)
    camera = source(1, user="u", password="p")
    assert pace.login_refused(LOGIN) == 30
    assert pace.wait_s(camera) == 30
    clock.advance(30)
    assert pace.refused(camera) == 120
    assert pace.login_wait_s(LOGIN) == 120
    assert not pace.login_wait_s(Login("nvr", "u", "new"))
    assert not pace.login_wait_s(Login("other", "u", "p"))


def test_an_onvif_user_that_is_refused_keeps_no_stream_away_that_gets_in():
    """Some devices have users of their own for ONVIF; nor can nobody be locked out."""
    clock = FakeClock()
    pace = Pace(clock)
    camera = source(1, user="u", password="p")
    pace.accepted(camera)
    pace.login_refused(LOGIN)
    assert not pace.wait_s(camera)
    assert pace.login_wait_s(LOGIN) == 30
    pace.plays(camera)
    assert pace.login_wait_s(LOGIN) == 30
    clock.advance(30)
    assert pace.login_refused(LOGIN) == 120
    pace.login_accepted(LOGIN)
    assert not pace.login_wait_s(LOGIN)
    pace.login_refused(Login("nvr"))
    assert not pace.wait_s(source())


def test_no_password_is_shown_of_a_login():
    """Neither in words nor in memory."""
    pace = Pace(FakeClock())
    pace.login_refused(Login("nvr", "u", "hunter2"))
    assert "hunter2" not in repr(vars(pace)) + repr(Login("nvr", "u", "hunter2"))
