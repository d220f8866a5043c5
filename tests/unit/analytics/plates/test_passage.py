# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A passage is told once for each crossing, whatever the finder misses or sees twice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.analytics.plates.passage import PassageOptions, Passages, Told
from gateway.analytics.plates.request import Lane
from gateway.model.alarm import Box
from gateway.model.registry import Direction

EVERY_90K = 3600
LEFT = Lane(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)), ((0.02, 0.5), (0.5, 0.5)))
RIGHT = Lane(((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)), ((0.5, 0.5), (0.98, 0.5)))


def box(x: float, y: float, width: float = 0.08) -> Box:
    return Box(x - width / 2, y - width / 4, x + width / 2, y + width / 4)


def told(passages: Passages, pictures: list[list[Box]], start: int = 0) -> list[Told]:
    """Return what a run of pictures told, and what its end told."""
    found: list[Told] = []
    at = start
    for boxes in pictures:
        found += passages.step(at, boxes).told
        at += EVERY_90K
    return [*found, *passages.finish(at).told]


def way(start: float, end: float, steps: int = 30, x: float = 0.25) -> list[list[Box]]:
    """Return the pictures of one plate that moves down or up."""
    return [[box(x, start + (end - start) * n / (steps - 1))] for n in range(steps)]


@pytest.mark.parametrize(
    ("start", "end", "which"), [(0.1, 0.9, Direction.AB), (0.9, 0.1, Direction.BA)]
)
def test_a_plate_passes_once_in_its_way(start: float, end: float, which: Direction) -> None:
    """Towards the camera is AB over a line drawn from left to right, away from it BA."""
    (one,) = told(Passages([LEFT]), way(start, end))
    assert (one.crossing.lane, one.crossing.way) == (0, which)
    assert abs(one.crossing.at_90k - 15 * EVERY_90K) <= 2 * EVERY_90K


def test_who_turns_back_has_not_passed() -> None:
    """Neither before the line nor a moment after it."""
    assert told(Passages([LEFT]), way(0.1, 0.47) + way(0.46, 0.1)) == []
    assert told(Passages([LEFT]), way(0.3, 0.53, 20) + way(0.52, 0.2, 20)) == []


def test_who_stands_on_the_line_passes_once() -> None:
    """A plate that trembles on the line for a minute is one passage, told when it has gone on."""
    tremble = [[box(0.25, 0.5 + 0.003 * (-1) ** n)] for n in range(1500)]
    found = told(Passages([LEFT]), way(0.1, 0.5) + tremble + way(0.5, 0.9))
    assert [one.crossing.way for one in found] == [Direction.AB]


def test_who_stops_after_the_line_is_told_at_once() -> None:
    """The room hears of it within a second, not when the jam dissolves."""
    passages = Passages([LEFT])
    for number, boxes in enumerate(way(0.1, 0.6) + [[box(0.25, 0.6)]] * 50):
        step = passages.step(number * EVERY_90K, boxes)
        if step.told:
            (one,) = step.told
            assert number * EVERY_90K - one.crossing.at_90k <= 90_000
            break
    else:
        raise AssertionError("never told")
    rest = [passages.step((number + k) * EVERY_90K, boxes).told for k in range(1, 90)]
    assert not any(rest)


def test_two_lanes_do_not_mix() -> None:
    """Side by side and in opposite ways: each lane tells its own."""
    both = [a + b for a, b in zip(way(0.1, 0.9), way(0.9, 0.1, x=0.75), strict=True)]
    found = told(Passages([LEFT, RIGHT]), both)
    assert sorted((one.crossing.lane, one.crossing.way.value) for one in found) == [
        (0, "ab"), (1, "ba"),
    ]  # fmt: skip


def test_two_cars_behind_each_other_are_two() -> None:
    """Close behind, as in slow traffic."""
    first, second = way(0.2, 0.95, 40), way(-0.05, 0.7, 40)
    both = [[*a, *b] if b[0].top >= 0 else a for a, b in zip(first, second, strict=True)]
    found = told(Passages([LEFT]), both)
    assert [one.crossing.way for one in found] == [Direction.AB, Direction.AB]
    assert len({one.track for one in found}) == 2


def test_only_the_ways_that_are_asked_for() -> None:
    """A lane that reads who comes in tells nothing of who goes out."""
    lane = Lane(LEFT.polygon, LEFT.line, Direction.AB)
    assert told(Passages([lane]), way(0.9, 0.1)) == []
    assert len(told(Passages([lane]), way(0.1, 0.9))) == 1


def test_beside_the_line_is_no_passage() -> None:
    """The line has two ends: who goes round it has not crossed it."""
    lane = Lane(LEFT.polygon, ((0.02, 0.5), (0.2, 0.5)))
    assert told(Passages([lane]), way(0.1, 0.9, x=0.35)) == []


def test_a_found_part_of_a_plate_is_not_a_second_plate() -> None:
    """The finder's doubles, inside the plate or over it, make no passage of their own."""
    pictures = [[one, box(0.25, (one.top + one.bottom) / 2, 0.05)] for (one,) in way(0.1, 0.9)]
    assert len(told(Passages([LEFT]), pictures)) == 1


def test_what_is_gone_is_named_once() -> None:
    """Who reads can forget with the track."""
    passages = Passages([LEFT])
    gone: list[int] = []
    for number, boxes in enumerate(way(0.1, 0.9) + [[]] * 40):
        gone += passages.step(number * EVERY_90K, boxes).gone
    assert gone == [1]
    assert passages.open == 0


@st.composite
def journeys(draw: st.DrawFn) -> tuple[list[list[Box]], int]:
    """One plate that crosses the line once, seen through a bad finder."""
    steps = draw(st.integers(12, 60))
    stops = draw(st.lists(st.tuples(st.integers(0, steps - 1), st.integers(0, 30)), max_size=2))
    flip = draw(st.booleans())
    x = draw(st.floats(0.1, 0.4))
    pictures: list[list[Box]] = []
    holds = dict(stops)
    for number in range(steps):
        y = 0.1 + 0.8 * number / (steps - 1)
        for _ in range(1 + holds.get(number, 0)):
            jitter = draw(st.floats(-0.0015, 0.0015))
            size = draw(st.floats(0.07, 0.09))
            at = box(x, (1 - y if flip else y) + jitter, size)
            seen = draw(st.sampled_from(["once", "once", "once", "missed", "twice"]))
            double = Box(at.left + 0.01, at.top, at.right - 0.005, at.bottom)
            pictures.append({"once": [at], "missed": [], "twice": [at, double]}[seen])
    return pictures, steps


@settings(max_examples=150, deadline=None)
@given(journeys())
def test_never_two_passages_for_one_crossing(journey: tuple[list[list[Box]], int]) -> None:
    """Whatever the finder misses, doubles or shakes: one crossing is told at most once."""
    pictures, _ = journey
    assert len(told(Passages([LEFT]), pictures)) <= 1


boxes = st.lists(
    st.tuples(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.floats(0.01, 0.2)).map(
        lambda t: Box(
            max(t[0] - t[2] / 2, 0.0), max(t[1] - t[2] / 4, 0.0),
            min(t[0] + t[2] / 2, 1.0), min(t[1] + t[2] / 4, 1.0),
        )
    ),
    max_size=4,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(boxes, max_size=40))
def test_any_boxes_keep_the_books_right(pictures: list[list[Box]]) -> None:
    """A track that is told or gone was given before; none is gone twice; all end at the end."""
    passages, known, gone = Passages([LEFT, RIGHT]), set[int](), set[int]()
    last: dict[tuple[int, Direction], int] = {}
    for number, found in enumerate(pictures):
        step = passages.step(number * EVERY_90K, found)
        assert len(step.tracks) == len(found)
        known |= {one for one in step.tracks if one is not None}
        for one in step.told:
            assert one.track in known - gone
            key = (one.crossing.lane, one.crossing.way)
            least = PassageOptions().together_s * 90_000
            assert key not in last or abs(one.crossing.at_90k - last[key]) >= least
            last[key] = one.crossing.at_90k
        assert not gone & set(step.gone)
        gone |= set(step.gone)
    end = passages.finish(len(pictures) * EVERY_90K)
    assert known == gone | set(end.gone)
    assert passages.open == 0
