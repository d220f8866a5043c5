# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Connections for pictures of one edge: given out oldest first, waited for, cut off."""

import asyncio

import pytest

from gateway.model.errors import PeerError
from gateway.room.pool import MediaPool
from tests.fakes import FakeClock
from tests.line_parts import SOON_S, World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def pool(clock=None, *, most_spares=3, most_taken=8):
    return MediaPool(
        "farmacia", clock or FakeClock(), most_spares=most_spares, most_taken=most_taken
    )


def nothing(_):
    raise AssertionError("nobody is to be asked")


def run(play):
    async def bounded():
        async with asyncio.timeout(SOON_S):
            await play()

    asyncio.run(bounded())


def test_the_oldest_that_stands_is_given_out(world):
    """One that went away or on which the edge spoke first is closed and passed over."""

    async def play():
        pairs = [await world.pair() for _ in range(3)]
        made = pool()
        for _, server in pairs:
            assert made.add(server)
        pairs[0][0].close()
        await pairs[1][0].write(b"an edge does not speak first")
        while pairs[0][1].is_idle() or pairs[1][1].is_idle():
            await asyncio.sleep(0)
        assert await made.take(nothing, SOON_S) is pairs[2][1]
        assert (made.spares, made.taken) == (0, 1)
        assert pairs[0][1].closed
        assert pairs[1][1].closed
        pairs[2][1].close()
        assert made.taken == 0
        for client, _ in pairs:
            client.close()

    run(play)


def test_whoever_finds_none_asks_the_edge_and_waits(world):
    """Those who wait get what comes, in their order; the edge hears of each."""

    async def play():
        made, asked = pool(), []
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(made.take(asked.append, SOON_S)) for _ in range(2)]
            while len(asked) < 2:
                await asyncio.sleep(0)
            pairs = [await world.pair() for _ in range(2)]
            for _, server in pairs:
                made.add(server)
        assert asked == [1, 1]
        assert [one.result() for one in waiting] == [server for _, server in pairs]
        for client, server in pairs:
            client.close()
            server.close()

    run(play)


def test_nobody_waits_for_ever(world):
    """After its time whoever waits is told; what comes later is a spare."""

    async def play():
        made = pool()
        with pytest.raises(PeerError, match="farmacia"):
            await made.take(lambda _: None, 0.01)
        client, server = await world.pair()
        made.add(server)
        assert made.spares == 1
        made.hang_up("over")
        assert server.closed
        client.close()

    run(play)


def test_whoever_is_cancelled_leaves_nothing_open(world):
    """A connection that came for somebody who has just gone is closed."""

    async def play():
        made = pool()
        client, server = await world.pair()
        waiting = asyncio.create_task(made.take(lambda _: None, SOON_S))
        await asyncio.sleep(0)
        made.add(server)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert server.closed
        client.close()

    run(play)


def test_bounds(world):
    """More spares than are wanted are closed; more pictures than may run are refused."""

    async def play():
        pairs = [await world.pair() for _ in range(3)]
        made = pool(most_spares=2, most_taken=1)
        assert [made.add(server) for _, server in pairs] == [True, True, False]
        assert pairs[2][1].closed
        await made.take(nothing, SOON_S)
        with pytest.raises(PeerError, match="no more pictures"):
            await made.take(nothing, SOON_S)
        made.hang_up("over")
        for client, server in pairs:
            client.close()
            server.close()

    run(play)


def test_needless_spares_go_after_a_while(world):
    """One waits always; others that waited too long are closed, the oldest first."""

    async def play():
        clock = FakeClock()
        pairs, made = [await world.pair() for _ in range(3)], pool(clock)
        for _, server in pairs:
            made.add(server)
            clock.advance(25)
        made.trim(60)
        assert [server.closed for _, server in pairs] == [True, False, False]
        clock.advance(1000)
        made.trim(60)
        assert [server.closed for _, server in pairs] == [True, True, False]
        made.hang_up("over")
        for client, _ in pairs:
            client.close()

    run(play)


def test_hanging_up_cuts_what_runs_and_tells_who_waits(world):
    """When the line ends, readers meet the end and nobody waits any longer."""

    async def play():
        client, server = await world.pair()
        made = pool()
        made.add(server)
        taken = await made.take(nothing, SOON_S)
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(_error_of(taken.read()))
            waiting = tasks.create_task(_error_of(made.take(lambda _: None, SOON_S)))
            await asyncio.sleep(0)
            made.hang_up("its line is down")
        assert isinstance(reading.result(), PeerError)
        assert "its line is down" in str(waiting.result())
        assert not taken.closed, "whoever took it closes it"
        taken.close()
        client.close()

    run(play)


async def _error_of(asking):
    try:
        return await asking
    except PeerError as error:
        return error
