# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What stays beside a plate wherever it goes is on its vehicle; what it passes by is not."""

import pytest

from gateway.analytics.plates.mates import MateOptions, Mates
from gateway.model.alarm import Box

WIDE = 0.08


def box(x: float, y: float, width: float = WIDE) -> Box:
    return Box(x - width / 2, y - width / 4, x + width / 2, y + width / 4)


def seen(mates: Mates, across: float, down: float, pictures: int = 6) -> tuple[int, ...]:
    """Let plate 1 go down with 2 beside it; distances in fractions of the picture."""
    for number in range(pictures):
        y = 0.1 + 0.1 * number
        mates.see({1: box(0.5, y), 2: box(0.5 + across, y + down)})
    return mates.of(1)


@pytest.mark.parametrize(
    ("across", "down", "found"),
    [
        (0.0, 0.3, (2,)),  # 0.3 of the height of a 16:9 picture is 0.17 of its width
        (0.0, 0.4, ()),
        (0.23, 0.0, (2,)),
        (0.25, 0.0, ()),
    ],
)
def test_near_is_counted_in_widths_of_the_plate(across, down, found):
    """Three widths aside, two and a half down: beyond that it may be another car."""
    assert seen(Mates(9 / 16), across, down) == found


def test_the_wider_of_two_measures() -> None:
    """A sign on the roof is larger than the plate below it."""
    mates = Mates(9 / 16)
    for _ in range(3):
        mates.see({1: box(0.5, 0.5, 0.04), 2: box(0.5, 0.1, 0.16)})
    assert (mates.of(1), mates.of(2)) == ((2,), (1,))


def test_what_is_passed_by_is_no_mate():
    """A board beside the road is near for a moment, whatever it says."""
    mates = Mates(9 / 16)
    for number in range(12):
        mates.see({1: box(0.5, 0.05 + 0.08 * number), 2: box(0.6, 0.5)})
    near = sum(abs(0.05 + 0.08 * number - 0.5) * 9 / 16 <= 2.5 * WIDE for number in range(12))
    assert near >= MateOptions().least
    assert mates.of(1) == ()


def test_two_pictures_are_too_few():
    """And what is forgotten begins anew."""
    mates = Mates(9 / 16)
    assert seen(mates, 0.1, 0.0, 2) == ()
    assert seen(mates, 0.1, 0.0, 1) == (2,)
    mates.forget(2)
    assert mates.of(1) == ()
    assert seen(mates, 0.1, 0.0, 2) == ()


def test_those_longest_together_come_first():
    """Of several mates the likeliest is asked first."""
    mates = Mates(9 / 16)
    for number in range(6):
        boxes = {1: box(0.5, 0.5), 2: box(0.6, 0.5)}
        mates.see(boxes | ({3: box(0.4, 0.5)} if number > 1 else {}))
    assert mates.of(1) == (2, 3)
