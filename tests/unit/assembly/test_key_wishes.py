# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Key pictures are asked for, but never as often as viewers come."""

import asyncio

import pytest

from gateway.assembly.key_wishes import EVERY_S, MOST_AT_ONCE, REFUSED_S, KeyWishes
from gateway.model.errors import PeerError
from gateway.model.media import StreamKind
from tests.fakes import FakeClock

MAIN = StreamKind.MAIN


class Bench:
    """A device that notes who was asked."""

    def __init__(self):
        self.clock = FakeClock()
        self.asked = []
        self.answer = True
        self.held = asyncio.Event()
        self.held.set()
        self.tasks = []
        self.wishes = KeyWishes(self.source, self.ask, self.start, self.clock)

    def source(self, stream):
        return None if stream.endswith("/h264") else (stream, MAIN)

    async def ask(self, camera, kind):
        self.asked.append((camera, kind))
        await self.held.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def start(self, coroutine):
        self.tasks.append(asyncio.create_task(coroutine))
        return self.tasks[-1]

    async def want(self, stream="piazza"):
        self.wishes.wanted(stream)
        await asyncio.gather(*self.tasks)

    def count(self):
        return len(self.asked)


async def test_a_storm_of_viewers_asks_a_camera_once_in_a_while():
    """Each stream for itself; what is coded anew here is asked of no camera."""
    bench = Bench()
    for _ in range(100):
        await bench.want()
    await bench.want("banco")
    await bench.want("piazza/h264")
    assert bench.asked == [("piazza", MAIN), ("banco", MAIN)]
    bench.clock.advance(EVERY_S)
    await bench.want()
    assert bench.count() == 3


@pytest.mark.parametrize("answer", [PeerError("unknown action"), False], ids=["no", "nobody"])
async def test_a_camera_that_does_not_obey_is_left_in_peace(answer):
    """For minutes, whoever looks."""
    bench = Bench()
    bench.answer = answer
    await bench.want()
    bench.clock.advance(REFUSED_S - 1)
    await bench.want()
    assert bench.count() == 1
    bench.clock.advance(1.1)
    await bench.want()
    assert bench.count() == 2


async def test_questions_under_way_are_bounded_and_old_ones_forgotten():
    """A wall of cameras that hang costs four tasks; nothing piles up."""
    bench = Bench()
    bench.held.clear()
    for number in range(20):
        bench.wishes.wanted(f"c{number}")
    assert len(bench.tasks) == MOST_AT_ONCE
    bench.held.set()
    await asyncio.gather(*bench.tasks)
    bench.clock.advance(EVERY_S)
    await bench.want("last")
    assert list(bench.wishes._not_before_s) == [("last", MAIN)]
