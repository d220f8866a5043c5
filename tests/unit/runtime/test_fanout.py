# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio

from hypothesis import given
from hypothesis import strategies as st

from gateway.runtime.fanout import Fanout, Reader
from tests.fakes import unit


@given(st.lists(st.one_of(st.booleans(), st.none()), max_size=200), st.integers(1, 8))
def test_what_a_reader_gets_is_always_decodable(script, most):
    """Whatever is lost, after a hole comes a key unit, and every unit is accounted for."""
    fan, reader = Fanout(), Reader("v", most)
    fan.join(reader)
    got, sent = [], 0
    for step in script:  # None: the reader takes one; else a key or delta unit is published
        if step is None:
            one = reader.receive_nowait()
            got += [one] if one else []
        else:
            fan.publish(unit(sent, step))
            sent += 1
        assert reader.statistics().depth <= most
    while (one := reader.receive_nowait()) is not None:
        got.append(one)
    s = reader.statistics()
    assert s.delivered + s.dropped == sent
    for before, after in zip([None, *got], got, strict=False):
        gap = before is None or after.pts_90k != before.pts_90k + 3000
        assert after.is_key or not gap


def test_bytes_bound_a_reader_too():
    """Few but huge units are dropped like many small ones."""
    reader = Reader("v", most_units=100, most_bytes=1000)
    for index in range(10):
        reader.offer(unit(index, index == 0, bytes(400)))
    assert reader.statistics().depth <= 2
    assert reader.statistics().dropped == 10


def test_a_unit_larger_than_the_bound_still_reaches_an_empty_reader():
    """A single huge key unit is delivered rather than starving the reader for ever."""
    reader = Reader("v", most_units=4, most_bytes=10)
    reader.offer(unit(0, True, bytes(400)))
    assert reader.receive_nowait() is not None


def test_a_late_reader_starts_at_the_kept_key_unit():
    """Joining from the kept GOP gives a decodable start and what follows, without a hole."""
    fan, reader = Fanout(), Reader("late")
    for index in range(5):
        fan.publish(unit(index, index in {0, 2}))
    fan.join(reader, from_kept=True)
    fan.publish(unit(5))
    got = [reader.receive_nowait().pts_90k // 3000 for _ in range(4)]
    assert got == [2, 3, 4, 5]


def test_nothing_is_kept_across_a_gap():
    """After forget() a late reader waits for the next key unit."""
    fan, reader = Fanout(), Reader("late")
    fan.publish(unit(0, True))
    fan.forget()
    fan.join(reader, from_kept=True)
    fan.publish(unit(9))
    assert reader.receive_nowait() is None


def test_a_gop_beyond_the_bound_is_not_kept():
    """A camera with endless GOPs does not eat the memory."""
    fan = Fanout(kept_bytes=100)
    for index in range(10):
        fan.publish(unit(index, index == 0, bytes(40)))
    assert fan.kept() == ()


async def test_a_cancelled_receive_loses_nothing():
    """The unit that arrives after a cancelled wait is delivered to the next one."""
    reader = Reader("v")
    waiting = asyncio.create_task(reader.receive())
    await asyncio.sleep(0)
    waiting.cancel()
    reader.offer(unit(7, True))
    assert (await reader.receive()).pts_90k == 7 * 3000


def test_who_reads_is_known_by_name_and_coming_and_going_is_told():
    """Whoever fills a fan-out need not ask again and again whether somebody reads."""
    turns = []
    fan, reader = Fanout(on_readers=lambda: turns.append(fan.readers())), Reader("ring")
    fan.join(reader)
    fan.leave(reader)
    assert turns == [frozenset({"ring"}), frozenset()]


async def test_a_reader_that_was_woken_for_what_is_dropped_meanwhile_waits_on():
    """An overflow between the waking and the taking is no failure of the reader."""
    reader = Reader("r", most_units=1)
    waiting = asyncio.create_task(reader.receive())
    await asyncio.sleep(0)
    reader.offer(unit(0, key=True))
    reader.offer(unit(1))
    await asyncio.sleep(0)
    assert not waiting.done()
    reader.offer(unit(2, key=True))
    assert (await waiting).pts_90k == 6000
