# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.relay.video.choice."""

from dataclasses import replace

import pytest

from gateway.model.media import StreamKind
from gateway.relay.video import choice
from gateway.relay.video.choice import Choice, Line
from tests.fakes import unit

MAIN, SUB = StreamKind.MAIN, StreamKind.SUB
GOOD = Line(fraction_lost=0.01, round_trip_s=0.05, overflows=0, delay_s=0.02)
LOSSY = replace(GOOD, fraction_lost=0.12)
BETWEEN = replace(GOOD, fraction_lost=0.05)


def told(one, line, seconds, begins_s=0):
    """Note the same line each second; return when what goes out changed, and to what."""
    changes, kind = [], one.kind
    for second in range(begins_s, begins_s + seconds):
        if one.note(line, second) is not kind:
            kind = one.kind
            changes.append((second, kind))
    return changes


@pytest.mark.parametrize(
    "bad",
    [LOSSY, replace(GOOD, round_trip_s=0.4), replace(GOOD, delay_s=1.5)],
    ids=["loss", "queue", "late"],
)
def test_three_bad_seconds_bring_the_small_rendition(bad):
    """Loss, a queue before the line or pictures that leave late; one bad second does nothing."""
    one = Choice()
    assert told(one, GOOD, 5) == []
    assert told(one, bad, 2, 5) == []
    assert told(one, GOOD, 5, 7) == []
    assert told(one, bad, 10, 12) == [(15, SUB)]


def test_full_send_buffers_count_at_once():
    """Two overflows in short order are enough, two a minute apart are not."""
    one = Choice()
    told(one, GOOD, 5)
    assert one.note(replace(GOOD, overflows=1), 5) is MAIN
    assert told(one, replace(GOOD, overflows=1), 30, 6) == []
    assert one.note(replace(GOOD, overflows=3), 36) is SUB


def test_two_percent_lost_is_no_thin_line():
    """What repeats make good for is not answered with a worse picture."""
    assert told(Choice(), replace(GOOD, fraction_lost=0.02), 600) == []


def test_ten_clean_seconds_bring_the_large_one_back():
    """Neither bad nor clean is not clean: the clock begins anew."""
    one = Choice(SUB)
    assert told(one, GOOD, 9) == []
    one.note(BETWEEN, 9)
    assert told(one, GOOD, 30, 10) == [(20, MAIN)]


def test_each_failed_try_doubles_the_wait_up_to_a_bound():
    """A line that is too thin for the large rendition sees it ever more seldom."""
    one, now_s, waits = Choice(), 0, []
    for _ in range(9):
        ((down_s, _),) = told(one, LOSSY, 4, now_s)
        now_s = down_s + 1
        ((up_s, _),) = told(one, GOOD, 700, now_s)[:1]
        waits.append(up_s - now_s)
        now_s = up_s + 1
        one.kind, one._up_s = MAIN, up_s
    assert waits == [10, 20, 40, 80, 160, 320, 600, 600, 600]


def test_a_try_that_held_is_no_failure():
    """Half a minute later the line is judged as if for the first time."""
    one = Choice()
    told(one, LOSSY, 4)
    told(one, GOOD, 12, 4)
    assert one.kind is MAIN
    told(one, GOOD, 40, 16)
    told(one, LOSSY, 4, 56)
    assert told(one, GOOD, 12, 60) == [(70, MAIN)]


def test_a_longer_way_is_not_a_queue_for_ever():
    """After two minutes the longer round trip is what the line is like."""
    one = Choice(SUB)
    one.note(GOOD, 0)
    changes = told(one, replace(GOOD, round_trip_s=0.5), 200, 1)
    assert [kind for _, kind in changes] == [MAIN]
    assert 121 <= changes[0][0] <= 135


def kept(count, size_bytes):
    return [unit(index, index == 0, bytes(size_bytes)) for index in range(count)]


@pytest.mark.parametrize(
    ("main", "small", "begins"),
    [
        (kept(25, 15_000), kept(25, 2_000), SUB),
        (kept(3, 15_000), kept(25, 2_000), MAIN),
        (kept(25, 15_000), kept(25, 10_000), MAIN),
        (kept(25, 15_000), [], MAIN),
        ([], kept(25, 2_000), SUB),
        ([], [], MAIN),
    ],
    ids=["long", "short", "no-gain", "small-not-running", "main-not-running", "cold"],
)
def test_which_one_a_new_viewer_begins_with(main, small, begins):
    """The small one only where it is there at once and the large one has much to catch up."""
    assert choice.first(main, small) is begins


def test_a_small_stream_is_missed_only_where_the_large_one_is_much():
    """What goes out at once anyway needs none; nor does who has a small one at hand."""
    much, little = [replace(unit(0, key=True), nals=(bytes(100_000),))], [unit(0, key=True)]
    assert choice.lacks_small(much, [])
    assert not choice.lacks_small(little, [])
    assert not choice.lacks_small(much, little)
    assert not choice.lacks_small([], [])
