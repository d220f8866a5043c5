# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Synthetic gate passages: what is drawn is where the truth says, and the same every time."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks.lab import plate_passages
from benchmarks.lab.plate_passages import LANE, WAYS
from benchmarks.scenes import plate_faces
from benchmarks.scenes.passages import HEIGHT, WIDTH, PassageFilm, Weather, spec_of
from benchmarks.scenes.plate_faces import Drawing, Hand
from gateway.analytics.plates.gatekeeper import Look, Spot
from gateway.codec.decode import Decoder
from gateway.model.media import Codec
from gateway.model.plate import Passing, PlateRead

DAY, NIGHT, RAIN = (next(n for n in range(9) if spec_of(7, n).weather is w) for w in Weather)


def straightened(still):
    """Return a plate of a picture as its texture lies, gray, 520 x 110."""
    target = np.array([[0, 0], [520, 0], [520, 110], [0, 110]], np.float32)
    matrix = cv2.getPerspectiveTransform(still.quad.astype(np.float32), target)
    return cv2.cvtColor(cv2.warpPerspective(still.picture, matrix, (520, 110)), cv2.COLOR_BGR2GRAY)


def likeness(one, other):
    """Return the correlation of two gray pictures, -1..1."""
    return float(np.corrcoef(one.ravel().astype(float), other.ravel().astype(float))[0, 1])


@pytest.mark.parametrize("number", [DAY, NIGHT, RAIN, DAY + 3, NIGHT + 3, RAIN + 3])
def test_the_plate_stands_where_the_truth_says(number):
    """Cut out along the true corners, a plate looks like its drawing, and like no other text's."""
    spec = replace(spec_of(7, number), height_px=50.0, country="IT", text="EF123GH",
                   drawing=Drawing(Hand.STROKES))  # fmt: skip
    seen = straightened(PassageFilm(spec).still(0, 0.0))
    rng = np.random.default_rng(0)

    def drawn(text):
        plate = plate_faces.draw(spec.drawing, text, "IT", rng)
        return cv2.GaussianBlur(cv2.cvtColor(plate, cv2.COLOR_RGB2GRAY), (0, 0), 3)

    # inside the bands: their blue is as dark as the signs by night
    part = np.s_[12:98, 50:470]
    same, other = (likeness(seen[part], drawn(text)[part]) for text in ("EF123GH", "MW880KX"))
    assert same > 0.6
    assert same > other + 0.25


def test_a_passage_is_the_same_every_time():
    """Pictures depend on seed and number alone."""
    first, again = (PassageFilm(spec_of(7, 4)) for _ in range(2))
    at_s = first.times()[0]
    assert np.array_equal(first.still(0, at_s).picture, again.still(0, at_s).picture)
    assert spec_of(7, 4) != spec_of(8, 4)


def test_cars_that_come_go_down_and_grow_and_others_go_up_and_shrink():
    """Direction is in the geometry, as a gate has to find it."""
    coming = next(n for n in range(9) if spec_of(7, n).passing is Passing.IN)
    going = next(n for n in range(9) if spec_of(7, n).passing is Passing.OUT)
    for number, sign in ((coming, 1), (going, -1)):
        film = PassageFilm(spec_of(7, number))
        first, last = (film.still(0, at) for at in (film.times()[0], film.times()[-1]))
        assert sign * (last.quad.mean(axis=0)[1] - first.quad.mean(axis=0)[1]) > 50
        assert sign * (last.height_px - first.height_px) > 0


def test_the_height_at_the_trigger_line_is_the_one_that_was_asked_for():
    """22 and 60 px are 22 and 60 px in the middle of the picture."""
    for height_px in (22.0, 60.0):
        spec = replace(spec_of(7, 0), height_px=height_px, yaw_deg=0.0)
        still = PassageFilm(spec).still(0, 0.0)
        assert still.height_px == pytest.approx(height_px, rel=0.08)
        assert still.quad.mean(axis=0) == pytest.approx([WIDTH / 2, HEIGHT / 2], abs=60)
        assert still.whole


def test_speed_and_exposure_blur_along_the_way():
    """A long exposure takes the fine rows of a plate away, its columns less."""
    spec = replace(spec_of(7, DAY), height_px=60.0, yaw_deg=0.0, speed_kmh=90.0, mast_m=5.0,
                   distance_m=8.0)  # fmt: skip

    def edges(exposure_ms):
        gray = straightened(PassageFilm(replace(spec, exposure_ms=exposure_ms)).still(0, 0.0))
        inner = gray[12:98, 50:470].astype(np.float32)
        return np.abs(np.diff(inner, axis=0)).mean(), np.abs(np.diff(inner, axis=1)).mean()

    (sharp_rows, sharp_columns), (rows, columns) = edges(0.1), edges(4.0)
    assert rows < 0.75 * sharp_rows
    assert columns / sharp_columns > rows / sharp_rows


def test_night_is_grey_and_the_plate_shines():
    """Infrared has no colour, and a plate outshines the road."""
    still = PassageFilm(spec_of(7, NIGHT)).still(0, 0.0)
    spread = still.picture.max(axis=2).astype(int) - still.picture.min(axis=2)
    assert np.median(spread) < 30
    assert straightened(still).mean() > still.picture.mean() + 40


def test_plates_of_every_country_have_their_own_signs():
    """Texts are plain, Italian ones have no I O Q U, and every drawing has ink."""
    rng = np.random.default_rng(5)
    countries = set()
    for _ in range(200):
        country, text, drawing = plate_faces.plate_of(rng)
        countries.add(country)
        plain = plate_faces.plain(text)
        assert plain.isalnum()
        assert plain.isupper()
        if country == "IT":
            assert not set(plain) & set("IOQU")
        inner = plate_faces.draw(drawing, text, country, rng)[15:95, 60:460]
        assert 0.08 < (inner.mean(axis=2) < 90).mean() < 0.6
    assert {"IT", "DE", "FR", "ES", "RO", "PL", "SK"} == countries


class Oracle:
    """Finds the one plate by its brightness, and says what it was told to."""

    def __init__(self, text, *, certain=True):
        self.text, self.certain = text, certain

    def find(self, picture):
        gray = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (0, 0), 4)
        _, _, _, (x, y) = cv2.minMaxLoc(gray)
        if gray[y, x] < 70:
            return []
        return [Spot(x - 50.0, y - 20.0, x + 50.0, y + 20.0, 0.9)]

    def read(self, picture, spot):
        return Look(object(), None, 1.0)

    def decide(self, looks):
        return PlateRead(self.text, 1.0, certain=self.certain, pictures=len(looks))


def test_a_passage_goes_coded_through_the_gatekeeper_and_is_judged():
    """Right are text and way together; a certain read of another text is counted as such."""
    number = next(
        n for n in range(60)
        if spec_of(7, n).weather is Weather.NIGHT and spec_of(7, n).passing is Passing.OUT
    )  # fmt: skip
    spec = replace(spec_of(7, number), country="IT", text="EF123GH", height_px=40.0, yaw_deg=0.0)
    right = plate_passages.one_of(spec, number, Oracle("EF123GH"))
    wrong = plate_passages.one_of(spec, number, Oracle("EF123GK"))
    unsure = plate_passages.one_of(spec, number, Oracle("EF123GK", certain=False))
    assert (right.told, right.right, right.certain_wrong) == (1, True, 0)
    assert (wrong.told, wrong.right, wrong.certain_wrong) == (1, False, 1)
    assert (unsure.certain, unsure.certain_wrong) == (0, 0)
    assert WAYS[Passing.IN] is not WAYS[Passing.OUT]
    assert "EF123GH" not in repr(right)
    assert "EF123GH" not in repr(spec)


def test_a_coded_passage_shows_the_plate_in_the_pictures_that_it_counts():
    """Before and behind the car the road is empty, so that the passage ends."""
    spec = replace(spec_of(7, NIGHT), fps=12.0)
    units, shown = plate_passages.coded(spec)
    decoder = Decoder(Codec.H264)
    pictures = [p.frame.to_ndarray(format="gray") for p in decoder.decode(units)]
    # above are the words that the camera writes
    bright = [int((one[60:] > 150).sum()) > 300 for one in pictures]
    assert len(units) > shown + 6
    assert not any(bright[:2])
    assert not any(bright[-4:])
    assert sum(bright) >= shown - 2
    assert LANE.line[0][1] == 0.5
