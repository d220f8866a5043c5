# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.perspective."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway.simulator.paint import canvas
from gateway.simulator.perspective import Lens, hang

LENS = Lens(1500.0, 3.0, 0.12)


@given(st.integers(0, 1279), st.integers(300, 719))
def test_ground_and_projection_undo_each_other(column, row):
    """The point on the ground that a pixel shows is projected onto that pixel."""
    x, z, below = GROUND
    assert below[row, column]
    point = LENS.project(np.array([[x[row, column], 0.0, z[row, column]]]))[0]
    assert np.abs(point - (column, row)).max() < 0.01


GROUND = LENS.ground()


def test_the_horizon_is_where_the_ground_ends():
    """Above it there is no ground, and far points come close to it."""
    _, _, below = GROUND
    row = LENS.horizon_px()
    assert not below[: int(row)].any()
    assert below[int(row) + 4 :].all()
    far = LENS.project(np.array([[0.0, 3.0, 1e6]]))[0, 1]
    assert abs(far - row) < 0.1


def test_nearer_is_larger():
    """The same metre is twice as high at half the depth."""
    flat = Lens(1000.0, 0.5, 0.0)
    sizes = [np.ptp(flat.project(np.array([[0.0, 0, z], [0.0, 1, z]]))[:, 1]) for z in (5.0, 10.0)]
    assert abs(sizes[0] / sizes[1] - 2) < 1e-9


def test_a_surface_hangs_between_its_corners():
    """Left and right halves come to lie left and right, nothing outside changes."""
    surface = canvas(200, 100, (0, 0, 200))
    surface[:, 100:] = (200, 0, 0)
    picture = canvas(120, 120, (50, 50, 50))
    hang(picture, surface, np.array([[20.0, 30], [100, 20], [100, 100], [20, 90]]))
    assert tuple(picture[60, 30]) == (0, 0, 200)
    assert tuple(picture[60, 90]) == (200, 0, 0)
    assert tuple(picture[60, 10]) == (50, 50, 50)
    assert tuple(picture[10, 60]) == (50, 50, 50)
