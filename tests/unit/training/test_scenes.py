# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The finder's training scenes: corners lie on the plate's own pixels, clutter never on a plate."""

import random

import cv2
import numpy as np
import pytest

from training.clutter import Clutter
from training.plates import Plate
from training.scenes import SIDE_PX, Painter

_MARK = (0, 255, 0)


def _plate(two: bool = False) -> Plate:
    """A plate that is known by its pixels: white with a black bar, its holder mid-gray."""
    picture = np.full((120, 420), 120, np.uint8)
    picture[20:100, 10:410] = 255
    picture[45:75, 30:390] = 0
    return Plate(picture, "AA000AA", [], (10, 20, 410, 100), two, "I")


def _painter(seed: int) -> Painter:
    return Painter(seed, _plate)


def _flat(picture: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """Rectify a quadrangle to 400 x 80 gray."""
    to = np.array([[0, 0], [400, 0], [400, 80], [0, 80]], np.float32)
    flat = cv2.warpPerspective(
        picture, cv2.getPerspectiveTransform(quad.astype(np.float32), to), (400, 80)
    )
    return flat.mean(axis=2)


def _large(painter: Painter, least: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Plates of at least 90 px wholly inside their pictures, with these pictures."""
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    while len(kept) < least:
        scene = painter.scene()
        for quad in scene.quads:
            whole = quad.min() > 2 and quad.max() < SIDE_PX - 2
            if whole and np.linalg.norm(quad[1] - quad[0]) > 90:
                kept.append((scene.picture, quad))
    return kept


def test_the_same_seed_paints_the_same_scenes() -> None:
    """Two painters of one seed agree in every pixel and corner; another seed does not."""
    one, two, other = _painter(4), _painter(4), _painter(5)
    for _ in range(8):
        first, second = one.scene(), two.scene()
        assert (first.picture == second.picture).all()
        assert len(first.quads) == len(second.quads)
        for a, b in zip(first.quads, second.quads, strict=True):
            assert (a == b).all()
    assert (one.scene().picture != other.scene().picture).any()


def test_corners_lie_on_the_plates_own_edge() -> None:
    """Rectified by its corners, a plate shows its bar where it was drawn, light above and below."""
    right = 0
    sights = _large(_painter(1), 40)
    for picture, quad in sights:
        flat = _flat(picture, quad)
        bar = flat[30:50, 40:360].mean()
        light = (flat[6:18, 40:360].mean() + flat[62:74, 40:360].mean()) / 2
        right += light > bar + 3
    assert right >= 0.9 * len(sights)


def test_the_bar_ends_where_the_corners_say() -> None:
    """The bar begins 20 of 400 px from the left side and its edges are 25 of 80 px from the top."""
    misses = []
    for picture, quad in _large(_painter(2), 60):
        flat = _flat(picture, quad)
        profile = flat[:, 60:340].mean(axis=1)
        if profile.max() - profile.min() < 60:
            continue  # too dark or blurred to be measured
        dark = np.flatnonzero(profile < (profile.max() + profile.min()) / 2)
        misses.append((dark.min() - 25, dark.max() - 54))
    assert len(misses) > 15
    assert np.abs(np.median(misses, axis=0)).max() <= 2.5


def test_corners_run_clockwise_from_top_left() -> None:
    """Every quadrangle is convex, clockwise, and its first corner is the upper left one."""
    painter = _painter(3)
    quads = [quad for _ in range(60) for quad in painter.scene().quads]
    assert len(quads) > 30
    for quad in quads:
        assert cv2.isContourConvex(quad.reshape(-1, 1, 2))
        assert cv2.contourArea(quad.reshape(-1, 1, 2), oriented=True) > 0
        assert quad[0, 0] < quad[1, 0]
        assert quad[0, 1] < quad[3, 1]


def test_a_plate_nobody_could_make_out_is_not_asked_for() -> None:
    """No plate shown to the net is lower than 5 px, cut by half, or of one gray."""
    painter = _painter(6)
    for _ in range(80):
        scene = painter.scene()
        for quad in scene.quads:
            (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
            assert np.linalg.norm(quad[[0, 1]] - quad[[3, 2]], axis=1).mean() >= 5
            inside = (min(x1, SIDE_PX) - max(x0, 0)) * (min(y1, SIDE_PX) - max(y0, 0))
            assert inside >= 0.72 * (x1 - x0) * (y1 - y0) - 1e-3
            part = scene.picture[max(0, int(y0)) : int(y1) + 1, max(0, int(x0)) : int(x1) + 1]
            assert part.mean(axis=2).std() >= 5


@pytest.mark.parametrize("seed", range(4))
def test_clutter_never_covers_a_plate(seed: int) -> None:
    """Whatever is drawn, the pixels of a plate stay as they were, and others change."""
    clutter = Clutter(random.Random(seed))
    board = np.full((SIDE_PX, SIDE_PX, 3), 90, np.float32)
    quad = np.array([[60, 80], [150, 90], [150, 115], [60, 105]], np.float32)
    plate = board[80:116, 60:151]
    plate[:] = _MARK
    for _ in range(120):
        clutter.add(board, [quad])
    assert (plate == np.array(_MARK, np.float32)).all()
    changed = (board != 90).any(axis=2)
    changed[80:116, 60:151] = False
    assert changed.mean() > 0.2


def test_a_drawn_car_surrounds_its_plate() -> None:
    """A car's end lies around the place of the plate and leaves the far corners alone."""
    clutter = Clutter(random.Random(8))
    board = np.full((SIDE_PX, SIDE_PX, 3), 90, np.float32)
    quad = np.array([[90, 100], [130, 100], [130, 110], [90, 110]], np.float32)
    clutter.body(board, quad)
    assert (board[105, 90:130] != 90).any(axis=1).all()
    assert (board[:4, :4] == 90).all()
    assert (board[-4:, -4:] == 90).all()
