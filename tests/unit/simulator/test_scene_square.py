# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.scene_square."""

import numpy as np
import pytest

from gateway.simulator.scene_square import FPS, FRAMES, Square
from gateway.simulator.truth import Kind
from tests.unit.simulator.pictures import explained, grey


@pytest.fixture(scope="module")
def square():
    return Square()


@pytest.fixture(scope="module")
def pictures(square):
    return {k: square.draw(k) for k in (0, 1, 60, 61, 64, 180, 184, FRAMES - 1)}


def test_people_cross_all_the_time(pictures):
    """At any moment some walkers are on the square, and only walkers."""
    for _, seen in pictures.values():
        assert len(seen) >= 3
        assert {one.kind for one in seen} == {Kind.WALKER}
        assert len({one.name for one in seen}) == len(seen)


def test_a_walker_walks(square, pictures):
    """Within a second a walker moves by a body width, not across the picture."""
    now = {one.name: one.box for one in pictures[60][1]}
    later = {one.name: one.box for one in square.draw(60 + FPS)[1]}
    both = now.keys() & later.keys()
    assert both
    for name in both:
        way = abs(now[name].left + now[name].right - later[name].left - later[name].right) / 2
        assert 0.01 < way < 0.12


@pytest.mark.parametrize(("one", "other"), [(60, 64), (180, 184)])
def test_boxes_cover_what_moves(pictures, one, other):
    """Apart from the fountain's water, what changes clearly is a walker."""
    fountain = (0.40, 0.40, 0.68, 0.70)
    (before, seen), (after, later) = pictures[one], pictures[other]
    calm = [picture.copy() for picture in (before, after)]
    for picture in calm:
        top, bottom = int(fountain[1] * 720), int(fountain[3] * 720)
        picture[top:bottom, int(fountain[0] * 1280) : int(fountain[2] * 1280)] = 0
    share, changed = explained(*calm, [s.box for s in seen + later], 50, 6)
    assert changed > 500
    assert share > 0.9


def test_the_loop_is_seamless(pictures):
    """From the last picture to the first it moves no more than between neighbours."""
    last, first, second = (grey(pictures[k][0]) for k in (FRAMES - 1, 0, 1))
    assert np.abs(last - first).mean() < 1.5 * np.abs(first - second).mean() + 0.3


def test_the_square_is_daylight(pictures):
    """The picture is bright and colourful."""
    picture = pictures[60][0]
    assert 80 < grey(picture).mean() < 190
    assert (picture.max(axis=2).astype(int) - picture.min(axis=2) > 40).mean() > 0.2
