# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.room.alarms: the queue and the words; both boxes are in the assembly's tests."""

import pytest

from gateway.model.alarm import AlarmVerdict
from gateway.model.errors import PeerError, RefusedError, WireError
from gateway.model.room import Reply
from gateway.room.alarms import (
    MOST_ASKED,
    SCHEMA,
    Fate,
    VerdictQueue,
    ask_fates,
    fate_row,
    send_verdict,
    verdict_of,
)
from gateway.room.store import open_room_store
from tests.fakes import FakeClock
from tests.line_pair import Pair

CONFIRMED, FALSE = AlarmVerdict.CONFIRMED, AlarmVerdict.FALSE


@pytest.fixture
async def queue(place):
    async with open_room_store(place, SCHEMA) as store:
        yield VerdictQueue(store, FakeClock())


async def test_the_first_verdict_counts_and_outlasts_the_process(place):
    """A second one of the same alarm is answered with the first."""
    for turn in range(2):
        async with open_room_store(place, SCHEMA) as store:
            queue = VerdictQueue(store, FakeClock())
            verdict = (CONFIRMED, FALSE)[turn]
            one = await queue.put("a1", "nord", verdict, ("anna", "bruno")[turn])
            assert (one.verdict, one.by) == (CONFIRMED, "anna")
            assert [each.alarm for each in await queue.waiting()] == ["a1"]
    async with open_room_store(place, SCHEMA) as store:
        queue = VerdictQueue(store, FakeClock())
        await queue.settle("a1")
        assert await queue.waiting() == []
        await queue.put("a1", "nord", FALSE, "carla")
        assert await queue.waiting() == []


async def test_one_edge_does_not_hide_anothers(queue):
    """Of each edge at most so many, oldest first."""
    for n in range(5):
        await queue.put(f"n{n}", "nord", FALSE, "anna")
        await queue.put(f"s{n}", "sud", FALSE, "anna")
    assert [one.alarm for one in await queue.waiting(2)] == ["n0", "n1", "s0", "s1"]


async def test_what_an_edge_refuses_for_good_is_not_sent_for_ever(queue):
    """But a disk that is full, or a line that fell, keeps it in the queue."""
    pair, errors = Pair(), []

    async def verdict(*_):
        raise errors[-1]

    pair.edge.handlers = {"verdict": verdict}
    one = await queue.put("a1", "varco-nord", FALSE, "anna")
    errors.append(RefusedError("not-yet", "disk"))
    with pytest.raises(PeerError):
        await send_verdict(queue, one, pair.room)
    pair.cut()
    with pytest.raises(PeerError):
        await send_verdict(queue, one, pair.room)
    pair.mend()
    assert await queue.waiting() == [one]
    errors.append(RefusedError("unknown-alarm", "none"))
    assert "unknown-alarm" in await send_verdict(queue, one, pair.room)
    assert await queue.waiting() == []


async def answered(rows, ids=("a",)):
    pair = Pair()

    async def states(*_):
        return Reply({"states": rows})

    pair.edge.handlers = {"alarms?": states}
    return await ask_fates(pair.room, list(ids))


async def test_fates_are_read_as_they_are_told():
    """Of alarms that were asked for, and of no other."""
    fates = [Fate("a", True, 7, FALSE), Fate("b", False, 0, AlarmVerdict.NONE)]
    rows = [fate_row(one) for one in fates]
    assert await answered(rows, ["a", "b"]) == fates
    assert await answered(rows, ["b"]) == fates[1:]


@pytest.mark.parametrize(
    "rows",
    [
        None, "x", [[]], [["a", "noto", "1", "falso"]], [["a", "noto", -1, "falso"]],
        [["a", "noto", True, "falso"]], [["a", "noto", 1, "forse"]], [[1, "noto", 1, "falso"]],
        [["a", "noto", 1, "falso"]] * (MOST_ASKED + 1),
    ],
)  # fmt: skip
async def test_strange_fates_are_refused(rows):
    """An edge is somebody else's box."""
    with pytest.raises(WireError):
        await answered(rows)


def test_a_verdict_is_one_of_four():
    """Anything else is no verdict, whatever its type."""
    assert verdict_of("falso") is FALSE
    for strange in ("", "FALSO", 1, None, ["falso"]):
        with pytest.raises(WireError):
            verdict_of(strange)
