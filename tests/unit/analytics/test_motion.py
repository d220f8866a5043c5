# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What moves, on small pictures with known truth."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.motion import MOST_BOXES, Motion, MotionModel, regions, shrink
from gateway.model.alarm import Box
from tests.footage import rgb

SIZE = (640, 360)


def grey(number: int, *, visitor: bool = False, light: int = 0) -> np.ndarray:
    """Return a picture's luma."""
    return rgb(number, size=SIZE, visitor=visitor, light=light).mean(axis=2).astype(np.uint8)


def visited(model: MotionModel, number: int, light: int = 0) -> Motion:
    """Return what moves in the second of two pictures with the visitor: the first confirms it."""
    model.step(grey(number, visitor=True, light=light), 0.1)
    return model.step(grey(number + 1, visitor=True, light=light), 0.1)


def glowing(number: int, ground: np.ndarray, levels: float) -> np.ndarray:
    """Return a ground with a soft light on it, and some noise."""
    rows, columns = np.mgrid[:360, :640]
    glow = np.exp(-(((columns - 250) / 90) ** 2) - ((rows - 170) / 80) ** 2)
    noise = np.random.default_rng(number).normal(0, 1.5, ground.shape)
    return (ground + levels * glow + noise).clip(0, 255).astype(np.uint8)


def warmed(step_s: float = 0.1) -> MotionModel:
    """Return a model that has learnt the empty scene."""
    model = MotionModel()
    number = 0
    while not model.warm:
        model.step(grey(number), step_s)
        number += 1
    return model


@pytest.mark.parametrize("step_s", [0.04, 0.1, 2.0])
def test_an_empty_scene_is_still(step_s: float) -> None:
    """Noise alone moves nothing, at full rate and on key units."""
    model = warmed(step_s)
    motions = [model.step(grey(number), step_s) for number in range(100, 130)]
    assert all(motion == Motion((), 0.0, False, True, motion.moving) for motion in motions)


@pytest.mark.parametrize("step_s", [0.04, 0.1, 2.0])
def test_a_visitor_is_boxed_where_he_is(step_s: float) -> None:
    """The largest box covers the visitor's block and not much else."""
    model = warmed(step_s)
    model.step(grey(99, visitor=True), step_s)
    for number in range(100, 110):
        motion = model.step(grey(number, visitor=True), step_s)
        left = 8 + 4 * number % (SIZE[0] - 60)
        box = motion.boxes[0]
        assert box.left * 640 == pytest.approx(left, abs=12)
        assert box.right * 640 == pytest.approx(left + 40, abs=12)
        assert box.top * 360 == pytest.approx(120, abs=12)
        assert box.bottom * 360 == pytest.approx(184, abs=12)
        assert motion.fraction == pytest.approx(40 * 64 / (640 * 360), rel=0.5)


def test_nothing_is_said_before_it_is_warm() -> None:
    """A model that has seen too little says so and names no box."""
    model = MotionModel()
    for number in range(4):
        motion = model.step(grey(number, visitor=number > 1), 0.1)
        assert not motion.warm
        assert motion.boxes == ()
        assert motion.fraction == 0.0


@pytest.mark.parametrize("light", [-25, 15, 30])
def test_a_step_of_the_light_moves_nothing(light: int) -> None:
    """A cloud or an exposure step raises no box, and the visitor after it is still found."""
    model = warmed()
    for number in range(100, 160):
        motion = model.step(grey(number, light=light), 0.1)
        assert motion.boxes == ()
        assert not motion.scene_changed
    assert visited(model, 160, light).boxes


def test_a_large_step_of_the_light_is_a_new_scene() -> None:
    """Light switched on: the scene is learnt anew, without a box, and works after that."""
    model = warmed()
    motion = model.step(grey(100, light=80), 0.1)
    assert motion.scene_changed
    assert not motion.warm
    assert motion.boxes == ()
    for number in range(101, 112):
        motion = model.step(grey(number, light=80), 0.1)
        assert motion.boxes == ()
    assert motion.warm
    assert visited(model, 120, 80).boxes


def test_a_turned_camera_is_a_new_scene() -> None:
    """A camera that was turned shows another scene: no box, learnt anew."""
    model = warmed()
    texture = np.random.default_rng(1).integers(0, 255, (18, 32), np.uint8).repeat(20, 0)
    motion = model.step(texture.repeat(20, 1), 0.1)
    assert motion.scene_changed
    assert motion.boxes == ()


def test_a_parked_object_becomes_background() -> None:
    """What stands still is taken in after a minute, not before."""
    model = warmed()
    there = [bool(model.step(grey(50, visitor=True), 0.5).boxes) for _ in range(140)]
    assert all(there[:110])
    assert not any(there[-10:])


def test_who_lingers_and_leaves_leaves_no_ghost() -> None:
    """After half a minute in one place and one second of absence, nothing moves any more."""
    model = warmed()
    for _ in range(60):
        assert model.step(grey(50, visitor=True), 0.5).boxes
    gone = [bool(model.step(grey(number), 0.1).boxes) for number in range(60, 90)]
    assert not any(gone[10:])


def test_another_size_starts_anew() -> None:
    """A stream that changes its shape is learnt anew, not compared with the old one."""
    model = warmed()
    assert not model.step(grey(0)[:, :480], 0.1).warm


@given(st.integers(1, 700), st.integers(1, 500))
def test_any_shape_is_shrunk(width: int, height: int) -> None:
    """Every picture fits the grid: at most 320 columns, the picture's proportions."""
    small = shrink(np.full((height, width), 9, np.uint8))
    rows, columns = small.shape
    assert columns == min(320, width)
    assert rows == max(1, round(height * columns / width))
    assert (small == 9).all()


def test_regions_are_ordered_and_bounded() -> None:
    """Small regions are dropped, the largest comes first, at most 32 are named."""
    moving = np.zeros((180, 320), np.uint8)
    for number in range(60):
        row, column = divmod(number, 12)
        moving[row * 30 : row * 30 + 10, column * 26 : column * 26 + 8] = 255
    moving[150:175, 0:40] = 255
    moving[178:180, 318:320] = 255
    kept, boxes = regions(moving, least_cells=20)
    assert len(boxes) == MOST_BOXES
    assert (boxes[0].left, boxes[0].top) == (0.0, pytest.approx(150 / 180))
    assert not kept[178:180, 318:320].any()
    assert kept[150:175, 0:40].all()


def test_a_strided_plane_is_read_without_its_padding() -> None:
    """A view with a larger stride gives the same as a copy of it."""
    wide = np.full((360, 704), 255, np.uint8)
    wide[:, :640] = grey(1)
    assert np.array_equal(shrink(wide[:, :640]), shrink(wide[:, :640].copy()))


def test_what_goes_nowhere_quietens_its_blocks_and_no_others() -> None:
    """A bush that sways for a while moves no longer; a visitor beside it does, at once."""
    model = warmed()
    moved = []
    for number in range(120):
        picture = grey(number)
        shade = 90 + 25 * (number // 2 % 2)
        picture[240:340, 400:500] = shade
        motion = model.step(picture, 0.1)
        model.quieten(motion.moving, 0.1)
        moved.append(any(box.top > 0.6 for box in motion.boxes))
    assert any(moved[:20])
    assert not any(moved[-20:])
    assert any(box.bottom < 0.6 for box in visited(model, 20).boxes)


def test_what_travels_after_all_takes_its_unrest_back() -> None:
    """Motion that went nowhere is remembered where it was, until it is cleared."""
    model = warmed()
    for number in range(30):
        motion = model.step(grey(50 + number % 2, visitor=True), 0.1)
        model.quieten(motion.moving, 0.1)
    where = motion.boxes[0]
    assert model.unrest(where) > 0.5
    assert model.unrest(Box(where.left, 0.8, where.right, 0.95)) == 0.0
    model.clear(where)
    assert model.unrest(where) == 0.0


@pytest.mark.parametrize("gain", [0.75, 1.3])
def test_light_that_falls_on_a_part_moves_nothing(gain: float) -> None:
    """A beam or a shadow changes the level and leaves the texture; a body changes both."""
    model = warmed()
    lit = grey(50).astype(np.float32)
    lit[100:250, 200:400] *= gain
    assert not model.step(lit.clip(0, 255).astype(np.uint8), 0.1).boxes
    body = grey(51)
    body[100:250, 200:400] = grey(51)[:150, 100:300][::-1] + np.uint8(40)
    assert model.step(body, 0.1).boxes


def test_a_lamp_on_bare_ground_moves_nothing() -> None:
    """Ground without any texture tells light from a body all the same: a body brings edges."""
    model, bare = MotionModel(), np.full((360, 640), 90.0)
    for number in range(12):
        model.step(glowing(number, bare, 0), 0.1)
    for number in range(12, 16):
        assert not model.step(glowing(number, bare, 60), 0.1).boxes
    body = bare.copy()
    body[150:230, 300:340] += 40
    for number in range(16, 18):
        boxes = model.step(glowing(number, body, 0), 0.1).boxes
    assert len(boxes) == 1


def test_edges_that_only_the_median_has_are_nobody() -> None:
    """Between two lights the median keeps one here and the other there, as a lamp leaves it."""
    model = warmed()
    assert model._median is not None
    rows, columns = np.mgrid[:180, :320]
    model._median[(rows - 90) ** 2 + (columns - 120) ** 2 < 900] += 40
    assert not any(model.step(grey(number), 0.1).boxes for number in (50, 51))


def test_the_ground_s_texture_is_learnt_anew_as_it_changes() -> None:
    """Leaves fall, wares are stacked: light on what lies there by now is light."""
    rng = np.random.default_rng(8)
    old, new = (rng.integers(60, 120, (45, 80)).repeat(8, 0).repeat(8, 1) for _ in range(2))
    model = MotionModel()
    for number in range(70):
        share = min(1.0, max(0, number - 10) / 50)
        model.step(glowing(number, (1 - share) * old + share * new, 0), 0.5)
    assert not any(model.step(glowing(number, new, 60), 0.1).boxes for number in range(70, 74))


@pytest.mark.parametrize(("step_s", "counts"), [(0.08, False), (2.0, True)])
def test_what_is_in_one_picture_alone_fell_past(step_s: float, counts: bool) -> None:
    """Drops are elsewhere in each picture; of pictures that lie far apart nobody can say so."""
    model = warmed()
    boxes = 0
    for number in range(100, 130):
        rain = grey(number)
        for drop in range(4):
            x, y = 40 + 150 * drop + 13 * (number % 9), 20 + 31 * (number % 10)
            rain[y : y + 28, x : x + 6] += np.uint8(60)
        boxes += len(model.step(rain, step_s).boxes)
    assert bool(boxes) is counts


@pytest.mark.parametrize("gain", [0.7, 1.4])
def test_who_carries_the_light_stands_in_it(gain: float) -> None:
    """Of a region that is the ground in another light, the figure alone is boxed, where it is."""
    model = warmed()
    light = np.ones((360, 640), np.float32)
    light[80:300, 160:440] = gain
    lit = grey(50) * cv2.GaussianBlur(light, (0, 0), 15)
    assert not model.step(lit.clip(0, 255).astype(np.uint8), 0.1).boxes
    figure = np.random.default_rng(3).integers(80, 150, (16, 8)).repeat(4, 0).repeat(4, 1)
    lit[150:214, 280:312] = figure
    (box, *others) = model.step(lit.clip(0, 255).astype(np.uint8), 0.1).boxes
    assert not others
    assert box.left * 640 == pytest.approx(280, abs=16)
    assert box.right * 640 == pytest.approx(312, abs=16)
    assert box.top * 360 == pytest.approx(150, abs=16)
    assert box.bottom * 360 == pytest.approx(214, abs=16)


@pytest.mark.parametrize("shift", [(2, 0), (0, 3), (-5, 4)])
def test_a_camera_that_shakes_moves_nothing(shift: tuple[int, int]) -> None:
    """The whole picture a few elements aside is the same picture."""
    model = warmed()
    for number in range(50, 60):
        aside = np.roll(grey(number), shift if number % 2 else (0, 0), (0, 1))
        share = model.step(aside, 0.1).fraction
        assert share < 0.02


def test_what_was_parked_and_leaves_uncovers_the_ground() -> None:
    """After an hour in one place a vehicle leaves no ghost, and its place is told of."""
    model = warmed()
    for _ in range(200):
        model.step(grey(50, visitor=True), 0.5)
    motion = model.step(grey(51), 0.1)
    assert not motion.boxes
    assert motion.returned is not None
    assert np.count_nonzero(motion.returned) > 300
