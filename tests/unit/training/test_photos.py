# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Synthetic crops: as a finder cuts them, and every sign still known."""

import cv2
import numpy as np

from training import glyphs, layouts, photos, plates

FACES = glyphs.faces((), seed=0, stroked=12)
LISTED = layouts.layouts()


def taken(seed: int, count: int, look: photos.Look | None = None) -> list[photos.Crop]:
    printer, camera = plates.Printer(LISTED, FACES, seed), photos.Camera(seed, look)
    return [camera.crop(printer.plate()) for _ in range(count)]


def test_the_same_seed_takes_the_same_crops():
    """Pixels, texts and places depend on the seed alone."""
    for one, other in zip(taken(3, 20), taken(3, 20), strict=True):
        assert np.array_equal(one.picture, other.picture)
        assert (one.text, one.places) == (other.text, other.places)
    assert not np.array_equal(taken(3, 1)[0].picture, taken(4, 1)[0].picture)


def test_signs_stay_in_the_crop_and_in_order():
    """A finder's box may be tight, but no sign's middle is lost; their order is the text's."""
    outside = 0
    for crop in taken(5, 300):
        assert crop.picture.shape == (48, 160)
        ordered = sorted(crop.places, key=lambda place: (place[3], place[1]))
        assert "".join(layouts.ALPHABET[place[0]] for place in ordered) == crop.text
        outside += any(not (0 < x < 1 and 0 < y < 1) for _, x, y, _ in crop.places)
    assert outside / 300 < 0.02


def test_places_fall_on_the_signs_of_a_clean_crop():
    """A place found through perspective and cut lies on ink: a bar drawn there is covered."""
    board = np.full((plates.ONE_PX, 400), 255, np.uint8)
    marks = [60, 150, 240, 330]
    for x in marks:
        cv2.rectangle(board, (x - 6, 20), (x + 6, 60), 0, -1)
    signs = [plates.Sign(1, float(x), 40.0, 0) for x in marks]
    plate = plates.Plate(board, "1111", signs, (0, 0, 400, plates.ONE_PX), False, "any")
    camera = photos.Camera(7, photos.Look(0.0, (40.0, 60.0)))
    hit = total = 0
    for _ in range(60):
        crop = camera.crop(plate)
        dark = crop.picture < np.percentile(crop.picture, 70)
        for _, x, y, _ in crop.places:
            if 0 <= x < 1 and 0 <= y < 1:
                total += 1
                hit += bool(dark[int(y * 48), int(x * 160)])
    assert total > 200
    assert hit / total > 0.97


def test_hard_crops_are_harder_than_easy_ones():
    """The curriculum blurs and shrinks: edges are weaker at its end."""

    def sharpness(hard: float) -> float:
        crops = taken(9, 150, photos.Look(hard))
        return float(np.median([cv2.Laplacian(crop.picture, cv2.CV_64F).std() for crop in crops]))

    assert sharpness(1.0) < sharpness(0.0)
