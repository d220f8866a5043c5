# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What lies askew is set upright, and nothing that is odd breaks it."""

import cv2
import numpy as np
import pytest

from gateway.analytics.plates.find import Found, boxed
from gateway.analytics.plates.rectify import is_box, level, rectify, without_bands
from tests.unit.analytics.plates.nets import plate


def whole(pixels):
    """Return all of a picture as something found."""
    return boxed((0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0])))


def test_a_slanted_quad_becomes_an_upright_crop():
    """The crop is the plate that was laid into the picture."""
    flat = plate("AB123CD", 40)
    high, wide = flat.shape[:2]
    corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    quad = np.array([[60, 50], [250, 90], [245, 135], [55, 92]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, quad)
    picture = cv2.warpPerspective(flat, matrix, (320, 200))
    close = rectify(picture, Found(quad, 0.9))[0]
    assert not is_box(Found(quad, 0.9))
    back = cv2.resize(close.gray, (wide, high)).astype(float)
    true = cv2.cvtColor(flat, cv2.COLOR_BGR2GRAY).astype(float)
    assert np.corrcoef(back.ravel(), true.ravel())[0, 1] > 0.9


def rows_apart(gray):
    """Return how sharp the border between text and margin is."""
    strokes = np.abs(cv2.Sobel(gray, cv2.CV_32F, 1, 0)).mean(1)
    return float(np.square(np.diff(strokes)).sum())


@pytest.mark.parametrize("turn", [-9, -6, 6, 9])
def test_text_that_slopes_is_levelled(turn):
    """Its lines are sharper afterwards; what lies level stays as it is."""
    flat = cv2.copyMakeBorder(plate("AB123CD", 40), 20, 20, 10, 10, cv2.BORDER_REPLICATE)
    high, wide = flat.shape[:2]
    turned = cv2.warpAffine(
        flat, cv2.getRotationMatrix2D((wide / 2, high / 2), turn, 1), (wide, high),
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    before = cv2.cvtColor(turned, cv2.COLOR_BGR2GRAY)
    after = cv2.cvtColor(level(turned), cv2.COLOR_BGR2GRAY)
    assert rows_apart(after) > 1.2 * rows_apart(before)
    assert level(flat) is flat


def test_blue_bands_are_cut_off():
    """At the end where they are; a plate without them, or a gray one, has none to cut."""
    banded = plate("AB123CD", 40, band=True)
    bare, sides = without_bands(banded)
    assert sides == (True, False)
    assert 8 <= banded.shape[1] - bare.shape[1] <= 16
    assert without_bands(plate("AB123CD", 40)) is None
    assert without_bands(banded[:, :, 0]) is None
    assert {one.way for one in rectify(banded, whole(banded))} == {"close", "loose", "bare"}


def test_inside_a_picture_the_surroundings_are_shown_too():
    """One crop is wider than the plate, so that a cut-off sign is seen."""
    picture = cv2.copyMakeBorder(plate("AB123CD", 40), 60, 60, 90, 90, cv2.BORDER_CONSTANT)
    found = boxed((90.0, 60.0, 90.0 + picture.shape[1] - 180, 100.0))
    crops = {one.way: one.gray for one in rectify(picture, found)}
    ratio = {way: gray.shape[1] for way, gray in crops.items()}
    assert ratio["close"] < ratio["loose"] < ratio["wide"]


def test_odd_places_give_no_crop_and_no_error():
    """No pixels, no height, a stripe, corners in one point or nowhere."""
    picture = plate("AB123CD", 40)
    assert rectify(np.zeros((0, 0, 3), np.uint8), whole(picture)) == ()
    assert rectify(np.zeros((0, 30), np.uint8), whole(picture)) == ()
    for box in ((5.0, 5.0, 5.0, 5.0), (0.0, 0.0, 90.0, 3.0), (0.0, 0.0, 2000.0, 9.0)):
        assert rectify(picture, boxed(box)) == ()
    assert rectify(picture, Found(np.full((4, 2), np.nan, np.float32), 1.0)) == ()
    outside = rectify(picture, boxed((-500.0, -500.0, -400.0, -470.0)))
    assert all(one.gray.size for one in outside)
