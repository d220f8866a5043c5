# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.cars."""

import numpy as np
import pytest

from gateway.simulator.cars import BODIES, VAN, Car, Facing, build_car, draw_car
from gateway.simulator.paint import canvas
from gateway.simulator.perspective import Lens
from gateway.simulator.plates import draw_plate

LENS = Lens(1900.0, 3.0, 0.108)
GREY = (120, 120, 124)


def drawn(body, facing, at=(1.7, 12.0), plate="EF307KR", light=1.0):
    car = Car(body, (200, 30, 34), facing, draw_plate(plate), body is VAN)
    picture = canvas(colour=GREY)
    return picture, draw_car(picture, LENS, build_car(car), at, light)


@pytest.mark.parametrize("facing", Facing)
@pytest.mark.parametrize("body", BODIES, ids=lambda body: f"{body.length:.2f}m")
def test_the_box_covers_the_painted_car(body, facing):
    """Everything red lies inside the box, which is as large as the red part; no hole in it."""
    picture, car = drawn(body, facing)
    red = (picture[..., 0].astype(int) - picture[..., 1]) > 50
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    left, top, right, bottom = car.box
    assert left - 1 <= columns[0]
    assert columns[-1] <= right + 1
    assert top - 1 <= rows[0]
    assert rows[-1] <= bottom + 1
    assert columns[-1] - columns[0] > 0.75 * (right - left)
    middle = picture[int(top) + 8 : int(bottom) - 4, int((left + right) / 2)]
    assert not (middle == GREY).all(axis=1).any()


@pytest.mark.parametrize("facing", Facing)
@pytest.mark.parametrize("body", BODIES, ids=lambda body: f"{body.length:.2f}m")
def test_the_plate_is_where_the_truth_says(body, facing):
    """Inside the plate's corners it is bright with dark signs, also far away from the middle."""
    picture, car = drawn(body, facing, at=(-1.8, 9.5))
    (left, top), (right, bottom) = car.plate.min(axis=0), car.plate.max(axis=0)
    inner = picture[int(top) + 4 : int(bottom) - 3, int(left) + 12 : int(right) - 12]
    grey = inner.mean(axis=2)
    assert np.percentile(grey, 90) > 200
    assert np.percentile(grey, 4) < 90
    assert 4.2 < (right - left) / (bottom - top) < 5.5


def test_other_plates_change_only_the_plate():
    """Two cars that differ in the number differ in the plate's pixels alone."""
    one, car = drawn(BODIES[0], Facing.FRONT)
    other, _ = drawn(BODIES[0], Facing.FRONT, plate="GA111BB")
    rows, columns = np.nonzero((one != other).any(axis=2))
    low, high = car.plate.min(axis=0), car.plate.max(axis=0)
    assert low[0] - 2 <= columns.min()
    assert columns.max() <= high[0] + 2
    assert low[1] - 2 <= rows.min()
    assert rows.max() <= high[1] + 2


def test_the_sun_casts_a_shadow_to_the_right():
    """Beside the car the ground is darker on the side away from the sun, and not without sun."""
    picture, car = drawn(BODIES[0], Facing.REAR)
    row, right = int(car.box[3]) - 30, int(car.box[2]) + 14
    left = int(car.box[0]) - 14
    assert picture[row, right].mean() < 0.8 * np.mean(GREY)
    assert picture[row, left].mean() > 0.95 * np.mean(GREY)


def test_a_car_outside_the_picture_is_no_error():
    """Cars beside, behind and half over the edge leave the rest of the picture alone."""
    for at in ((40.0, 12.0), (1.7, 3.2), (-2.6, 6.0)):
        picture, _ = drawn(BODIES[1], Facing.REAR, at=at)
        assert (picture[40:200, 600:700] == GREY).all()
