# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.masonry."""

import numpy as np

from gateway.simulator.masonry import PX_PER_M, plaster_front, stone_wall


def test_a_front_has_its_size_its_colour_and_its_shutters():
    """At the told scale, mostly plaster, with a visible share of green shutters."""
    front = plaster_front(np.random.default_rng(1), 8.0, 9.0, (226, 178, 122))
    assert front.shape == (9 * PX_PER_M, 8 * PX_PER_M, 3)
    near = np.abs(front.astype(int) - (226, 178, 122)).max(axis=2) < 50
    assert near.mean() > 0.35
    green = (front[..., 1] > front[..., 0] + 20) & (front[..., 1] > front[..., 2])
    assert 0.02 < green.mean() < 0.4


def test_stones_differ_and_the_same_seed_builds_the_same_wall():
    """A wall has light and dark stones and joints; it is reproducible."""
    wall, again = (stone_wall(np.random.default_rng(3), 300, 140, (206, 186, 152)) for _ in "ab")
    assert (wall == again).all()
    assert wall.mean(axis=2).std() > 8
