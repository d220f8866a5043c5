# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.room.answers: the queue; both boxes are in the assembly's tests."""

import pytest

from gateway.model.errors import PeerError, RefusedError
from gateway.room.answers import SCHEMA, TAKEN, AnswerQueue, send_answer
from gateway.room.store import open_room_store
from tests.fakes import FakeClock


class Line:
    """Replies as it is told."""

    def __init__(self, *problems):
        self.problems, self.said = list(problems), []

    async def call(self, kind, body, *, within_s):
        self.said.append((kind, dict(body)))
        if self.problems:
            raise self.problems.pop(0)


@pytest.fixture
async def queue(tmp_path):
    async with open_room_store(tmp_path / "room.db", SCHEMA) as store:
        yield AnswerQueue(store, FakeClock())


async def test_the_first_answer_counts_and_outlasts_the_process(tmp_path):
    """A second person is told who it was; what arrived waits no more and is forgotten later."""
    for by in ("anna", "bruno"):
        async with open_room_store(tmp_path / "room.db", SCHEMA) as store:
            queue = AnswerQueue(store, FakeClock())
            assert (await queue.put("a1", "nord", by)).by == "anna"
            assert [one.alarm for one in await queue.waiting()] == ["a1"]
    async with open_room_store(tmp_path / "room.db", SCHEMA) as store:
        clock = FakeClock()
        queue = AnswerQueue(store, clock)
        await queue.put("a2", "nord", "anna")
        await queue.settle("a1")
        clock.advance(10)
        await queue.prune(clock.utc_us)
        assert (await queue.put("a1", "nord", "carla")).by == "carla"
        assert {one.alarm for one in await queue.waiting()} == {"a1", "a2"}


async def test_one_edge_does_not_hide_anothers(queue):
    """Of each edge at most so many, oldest first."""
    for n in range(5):
        await queue.put(f"n{n}", "nord", "anna")
        await queue.put(f"s{n}", "sud", "anna")
    assert [one.alarm for one in await queue.waiting(2)] == ["n0", "n1", "s0", "s1"]


async def test_it_is_repeated_until_the_edge_replies(queue):
    """A line that fell or a full disk keeps it; what is refused for good is not sent for ever."""
    one = await queue.put("a1", "nord", "anna")
    line = Line(PeerError("gone"), RefusedError("not-yet", "full"))
    for _ in range(2):
        with pytest.raises(PeerError):
            await send_answer(queue, one, line)
    assert await queue.waiting() == [one]
    assert await send_answer(queue, one, line) == ""
    assert await queue.waiting() == []
    assert line.said[0] == (TAKEN, {"alarm": "a1", "by": "anna", "utc_us": one.utc_us})
    other = await queue.put("a2", "nord", "anna")
    refused = await send_answer(queue, other, Line(RefusedError("unknown-alarm", "no")))
    assert "unknown-alarm" in refused
    assert await queue.waiting() == []
