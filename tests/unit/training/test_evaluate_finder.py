# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How the finder is judged: a plate is found once, and only by a box that lies on it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from gateway.analytics.plates.find import boxed
from training.evaluate_finder import frames, judge, overlap, photographs, wilson

_PLATE = (100.0, 100.0, 200.0, 120.0)


@pytest.mark.parametrize(
    ("found", "right", "false"),
    [
        ([], 0, 0),
        ([(102.0, 101.0, 198.0, 121.0)], 1, 0),
        ([(102.0, 101.0, 198.0, 121.0), (100.0, 100.0, 200.0, 120.0)], 1, 0),
        ([(130.0, 100.0, 172.0, 120.0)], 0, 0),
        ([(300.0, 100.0, 400.0, 120.0)], 0, 1),
        ([(100.0, 118.0, 200.0, 140.0)], 0, 1),
    ],
)
def test_a_plate_counts_once_and_what_lies_elsewhere_is_made_up(found, right, false) -> None:
    """Half of the union finds; less on the plate neither finds nor counts as made up."""
    assert judge([_PLATE], [boxed(one) for one in found]) == (right, false)


def test_the_overlap_of_boxes() -> None:
    """Half a box over, a third of the union is common; apart, nothing is."""
    assert overlap(_PLATE, (150.0, 100.0, 250.0, 120.0)) == pytest.approx(1 / 3)
    assert overlap(_PLATE, (100.0, 130.0, 200.0, 150.0)) == 0
    assert overlap(_PLATE, _PLATE) == 1


def test_wilsons_interval_as_in_the_books() -> None:
    """54 of 54 leaves room down to 93.4 %; nothing measured leaves all room."""
    low, high = wilson(54, 54)
    assert low == pytest.approx(0.9336, abs=1e-3)
    assert high == 1
    assert wilson(0, 0) == (0, 1)


def test_photographs_and_frames_are_read_with_their_boxes(tmp_path: Path) -> None:
    """A line `file x y w h text` becomes a box of corners; so does a VOC annotation."""
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((40, 60, 3), np.uint8))
    (tmp_path / "a.txt").write_text("a.jpg\t10\t20\t30\t8\tAA000AA\n", encoding="utf-8")
    box = "<xmin>1</xmin><ymin>2</ymin><xmax>31.5</xmax><ymax>9</ymax>"
    (tmp_path / "a.xml").write_text(
        f"<annotation><object><bndbox>{box}</bndbox></object></annotation>", encoding="utf-8"
    )
    (photo,) = photographs(tmp_path)
    assert photo.plates == ((10, 20, 40, 28),)
    assert photo.picture.shape == (40, 60, 3)
    (frame,) = frames(tmp_path)
    assert frame.plates == ((1, 2, 31.5, 9),)
