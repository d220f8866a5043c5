# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Crops become readings: slots with a probability for each sign and for nothing."""

import cv2
import numpy as np
import pytest

from gateway.analytics.plates.evaluate import picture, same, samples
from gateway.analytics.plates.find import boxed
from gateway.analytics.plates.models import SIGNS
from gateway.analytics.plates.read import NOTHING, _slots, line_count, read, read_second
from gateway.analytics.plates.rectify import Crop, rectify
from tests.footage import need
from tests.unit.analytics.plates.nets import PLATES, tools


def columns(text, *, sure=0.9):
    """Return CTC columns of a text; a dot is a blank."""
    made = np.full((len(text), 37), (1 - sure) / 36, np.float32)
    for number, sign in enumerate(text):
        made[number, NOTHING if sign == "." else SIGNS.index(sign)] = sure
    return made


@pytest.mark.parametrize(
    ("told", "text"), [("AA.A.", "AA"), ("..7711..", "71"), ("B8.", "B8"), ("....", "")]
)
def test_columns_are_gathered_as_ctc_says(told, text):
    """The same sign in a row is one, with a blank between it is two."""
    slots, places = _slots(columns(told, sure=0.98))
    best = "".join(SIGNS[one] for one in slots.argmax(1) if one != NOTHING)
    assert best == text
    assert len(places) == len(slots)


def test_a_faint_sign_is_kept_as_a_chance():
    """Nothing is likelier, yet a third says that something stands there."""
    told = columns("A...B", sure=1.0)
    told[2] = 0
    told[2, NOTHING], told[2, SIGNS.index("7")] = 0.7, 0.3
    slots, _ = _slots(told)
    assert len(slots) == 3
    assert slots[1, NOTHING] == pytest.approx(0.7)


def crops_of(kind, step):
    """Yield crops of real plates with their text."""
    for one in samples(need(PLATES / kind))[::step]:
        pixels = picture(one.file)
        left, top, wide, high = one.box or (0, 0, pixels.shape[1], pixels.shape[0])
        found = boxed((float(left), float(top), float(left + wide), float(top + high)))
        yield rectify(pixels, found), one.text


def test_both_readers_read_real_plates():
    """Bounds are far below what was measured, and far above what a broken step gives."""
    first, other, count = 0, 0, 0
    for crops, text in crops_of("eu", 3):
        readings = read(tools().models, crops[:2])
        seconds = read_second(tools().models, crops[1:2])
        first += any(same(one.text, text) for one in readings)
        other += any(same(one.text, text) for one in seconds)
        count += 1
    assert first >= 0.8 * count
    assert other >= 0.85 * count


def test_two_lines_are_told_and_shown_to_the_second_reader_one_by_one():
    """Of real plates with two lines; most are read."""
    right = told = count = 0
    for crops, text in crops_of("two_line", 9):
        rows = line_count(read(tools().models, crops[:2]))
        (one,) = read_second(tools().models, crops[:1], rows=rows)
        told += rows == 2
        right += same(one.text, text)
        count += 1
    assert told >= 0.9 * count
    assert right >= 0.5 * count


def test_odd_crops_are_read_as_something_or_nothing():
    """No pixels, one pixel, one colour, noise; each reading is a table of probabilities."""
    noise = np.random.default_rng(1).integers(0, 256, (30, 120)).astype(np.uint8)
    black, white = np.zeros((1, 1), np.uint8), np.full((40, 160), 255, np.uint8)
    odd = [np.zeros((0, 0), np.uint8), black, white, noise, cv2.GaussianBlur(noise, (0, 0), 4)]
    crops = [Crop(one, "close") for one in odd]
    readings = [
        *read(tools().models, crops),
        *read_second(tools().models, crops),
        *read_second(tools().models, crops, rows=2),
    ]
    assert len(readings) == 15
    for one in readings:
        assert one.slots.shape[1] == 37
        assert np.allclose(one.slots.sum(1), 1, atol=1e-3)
        assert 0 <= one.sureness <= 1


def test_no_text_is_in_a_repr():
    """Readings may end up in a traceback."""
    crops, text = next(crops_of("eu", 50))
    (one,) = read(tools().models, crops[:1])
    assert one.text
    assert one.text not in repr(one)
    assert text not in repr(one)
