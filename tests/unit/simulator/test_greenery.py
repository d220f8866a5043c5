# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.greenery."""

import numpy as np

from gateway.simulator.greenery import crown, swayed


def tree():
    return crown(np.random.default_rng(1), (300.0, 200.0), (120.0, 80.0), 30.0)


def test_a_crown_stands_around_its_centre():
    """Dense in the middle, free at the corners, and green."""
    leaves = tree()
    assert leaves.mask[40, 60] > 0.9
    assert leaves.mask[[0, 0, -1, -1], [0, -1, 0, -1]].max() < 0.1
    assert (leaves.left, leaves.top) == (240, 160)
    colour = leaves.picture[leaves.mask > 0.9].mean(axis=0)
    assert colour[1] > colour[0] > 0
    assert colour[1] > colour[2]


def test_the_wind_comes_back_where_it_began():
    """A loop's end joins its beginning, and in between the crown moves by a pixel or so."""
    leaves = tree()
    start, end, middle = (swayed(leaves, turn, 1) for turn in (0.0, 1.0, 0.1))
    assert np.abs(start.mask - end.mask).max() < 1e-3
    assert np.abs(start.mask - middle.mask).max() > 0.05
