# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.people."""

import numpy as np
import pytest

from gateway.simulator.paint import canvas
from gateway.simulator.people import (
    Extra,
    Look,
    Pose,
    cast_shadow,
    draw_figure,
    lay_figure,
    random_look,
    walk_phase,
)

PLAIN = (200, 200, 200)
RED = Look((200, 30, 30), (30, 30, 120))


def shown(look, pose, share=1.0):
    picture = canvas(300, 260, PLAIN)
    figure = draw_figure((150, 240), 200, look, pose)
    lay_figure(picture, figure, share)
    return picture, figure


@pytest.mark.parametrize("extra", Extra)
@pytest.mark.parametrize("phase", [0.0, 0.2, 0.6])
def test_the_box_is_what_was_painted(extra, phase):
    """The box holds every changed pixel and no empty border; the feet stand on the point."""
    look = Look((200, 30, 30), (30, 30, 120), extra=extra)
    picture, figure = shown(look, Pose(phase, 1))
    rows, columns = np.nonzero((picture != PLAIN).any(axis=2))
    left, top, right, bottom = figure.box
    assert (abs(left - columns.min()), abs(right - columns.max() - 1)) <= (1, 1)
    assert (abs(top - rows.min()), abs(bottom - rows.max() - 1)) <= (1, 1)
    assert abs(bottom - 240) <= 10
    assert 170 <= bottom - top <= 220


def test_legs_swing_and_the_walk_repeats():
    """Half a double step later the figure looks different, a whole one later the same."""
    one, half, whole = (shown(RED, Pose(phase, 1))[0] for phase in (0.1, 0.6, 1.1))
    assert (one == whole).mean() > 0.995
    assert (one[160:] != half[160:]).any(axis=2).sum() > 300
    assert walk_phase(0.82) == pytest.approx(1.0)


def test_heading_mirrors_the_figure():
    """To the left is the mirror image of to the right."""
    right, left = shown(RED, Pose(0.2, 1))[0], shown(RED, Pose(0.2, -1))[0]
    assert np.abs(right.astype(int) - left[:, ::-1]).mean() < 3


def test_a_stretched_hand_is_before_the_body():
    """The hand that carries a torch is in front, on the side of the heading."""
    for heading in (1, -1):
        _, figure = shown(RED, Pose(0.0, heading, reach=1.0))
        assert heading * (figure.hand[0] - 150) > 30


def test_a_faint_figure_lets_the_picture_through():
    """With share 0 nothing changes."""
    assert (shown(RED, Pose(0.0, 1), 0.0)[0] == PLAIN).all()


def test_the_shadow_lies_on_the_ground_beside_the_feet():
    """It darkens the side it is thrown to and stays near the ground."""
    for drift, side in ((0.6, 1), (-0.6, -1)):
        picture = canvas(400, 260, PLAIN)
        figure = draw_figure((200, 240), 200, RED, Pose(0.1, 1))
        cast_shadow(picture, figure, (drift, 0.25), 0.5)
        rows, columns = np.nonzero(picture[..., 0] < 170)
        assert side * (columns.mean() - 200) > 20
        assert rows.min() > 240 - 60
        assert rows.max() < 252


def test_clothes_are_drawn_from_the_seed():
    """The same seed dresses the same people, another one others."""
    looks = [[random_look(np.random.default_rng(s)) for _ in range(3)] for s in (1, 1, 2)]
    assert looks[0] == looks[1] != looks[2]
