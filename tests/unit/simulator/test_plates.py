# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.plates."""

import re

import cv2
import numpy as np
import pytest

from gateway.simulator.plates import DIGITS, LETTERS, TEXTURE_PX, draw_plate, plate_text, year

INK = np.s_[:, 46:474]
"""Between the blue bands."""


def ink(plate):
    """Where the plate is dark between its bands and inside its frame."""
    grey = cv2.cvtColor(draw_plate(plate), cv2.COLOR_RGB2GRAY)[INK]
    return grey[6:-6] < 110


def test_numbers_follow_the_italian_pattern():
    """AA000AA without I, O, Q, U, and the same seed draws the same numbers."""
    rng, again = np.random.default_rng(1), np.random.default_rng(1)
    drawn = [plate_text(rng) for _ in range(300)]
    assert all(re.fullmatch("[C-H][A-HJ-NPR-TV-Z][0-9]{3}[A-HJ-NPR-TV-Z]{2}", p) for p in drawn)
    assert len(set(drawn)) > 290
    assert drawn == [plate_text(again) for _ in range(300)]


def test_a_plate_has_two_blue_bands_and_seven_signs_in_three_groups():
    """Blue left and right, white between, and seven separate dark signs: two, three, two."""
    plate = draw_plate("EF307KR")
    assert plate.shape == (TEXTURE_PX[1], TEXTURE_PX[0], 3)
    for column in (6, TEXTURE_PX[0] - 7):
        red, _, blue = plate[104, column].astype(int)
        assert blue > red + 80
    assert plate[20, 146].min() > 230
    columns = np.flatnonzero(np.diff(np.concatenate([[0], ink("EF307KR").any(axis=0), [0]])))
    starts, ends = columns[::2], columns[1::2]
    assert len(starts) == 7
    gaps = starts[1:] - ends[:-1]
    assert set(np.argsort(gaps)[-2:]) == {1, 4}


@pytest.mark.parametrize("alphabet", [LETTERS, DIGITS])
def test_no_two_signs_look_alike(alphabet):
    """Each pair of signs of an alphabet differs in a good part of its ink, also when small."""
    shapes = {}
    for sign in alphabet:
        plate = draw_plate(sign)[20:90, 48:94]
        shapes[sign] = cv2.resize(cv2.cvtColor(plate, cv2.COLOR_RGB2GRAY), (12, 18),
                                  interpolation=cv2.INTER_AREA).astype(int)  # fmt: skip
    for one in alphabet:
        for other in alphabet:
            if one < other:
                assert np.abs(shapes[one] - shapes[other]).mean() > 12, one + other


def test_signs_that_no_plate_bears_leave_a_gap():
    """I, O, Q and U are drawn as nothing."""
    assert not ink("IOQUIOQ").any()


def test_the_year_fits_the_series():
    """Series grow with the years, two digits each."""
    years = [year(first + "A000AA") for first in "CDEFGH"]
    assert years == sorted(years)
    assert all(len(one) == 2 for one in years)
