# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.scene_gate."""

import numpy as np
import pytest

from gateway.simulator.clips import paint_part
from gateway.simulator.paint import BANNER_PX, HEIGHT, STRIP_BLOCK_PX, WIDTH, read_frame_index
from gateway.simulator.scene_gate import FPS, FRAMES, Gate
from gateway.simulator.truth import Direction, Truth
from tests.unit.simulator.pictures import box_px, decoded, explained, grey


@pytest.fixture(scope="module")
def gate():
    return Gate()


@pytest.fixture(scope="module")
def truth(gate):
    return Truth(tuple(gate.truth(index) for index in range(FRAMES)))


def test_cars_pass_both_ways_and_each_plate_can_be_read_often(truth):
    """Four in and four out, all with their own plate, each legible in ten pictures or more."""
    passages = truth.passages()
    assert len({passage.plate for passage in passages}) == len(passages) == 8
    for direction in Direction:
        assert sum(passage.direction is direction for passage in passages) == 4
    for passage in passages:
        assert (passage.last - passage.first) % FRAMES + 1 >= 10
        assert passage.most_height_px > 21


def test_directions_follow_the_lanes(truth):
    """Who comes in drives on the left of the picture and grows, who goes out shrinks."""
    for passage in truth.passages():
        boxes = [
            seen.box
            for index in (passage.first, passage.last)
            for seen in truth.pictures[index]
            if seen.plate and seen.plate.text == passage.plate
        ]
        assert ((boxes[0].left + boxes[0].right) / 2 < 0.5) == (passage.direction is Direction.IN)
        grew = boxes[1].right - boxes[1].left > boxes[0].right - boxes[0].left
        assert grew == (passage.direction is Direction.IN)


def test_what_is_told_is_what_is_painted(gate):
    """The truth of an index is the one that comes with its picture."""
    for index in (0, 77, 240):
        assert gate.truth(index) == gate.draw(index)[1]


def test_every_passage_shows_its_plate(gate, truth):
    """In the middle of a passage there are dark signs on bright ground inside the plate's box."""
    for passage in truth.passages():
        index = (passage.first + passage.last) // 2 if passage.first < passage.last else 0
        picture, seen = gate.draw(index)
        plate = next(s.plate for s in seen if s.plate and s.plate.text == passage.plate)
        left, top, right, bottom = box_px(plate.box)
        inner = grey(picture)[top + 4 : bottom - 3, left + 14 : right - 14]
        assert np.percentile(inner, 90) > 190
        assert np.percentile(inner, 5) < 90
        assert right - left < WIDTH / 6


def test_a_whole_plate_is_wholly_in_the_picture(truth):
    """None reaches under the frame strip, over an edge or behind another car's box."""
    for picture in truth.pictures:
        for number, seen in enumerate(picture):
            if seen.plate is None or not seen.plate.whole:
                continue
            left, top, right, bottom = box_px(seen.plate.box)
            assert left > 0
            assert right < WIDTH
            assert top >= BANNER_PX
            assert bottom <= HEIGHT - STRIP_BLOCK_PX
            for nearer in picture[number + 1 :]:
                x0, y0, x1, y1 = box_px(nearer.box)
                assert right <= x0 or left >= x1 or bottom <= y0 or top >= y1


def test_boxes_cover_what_moves(gate):
    """Nearly all pixels that change clearly belong to a car; a few to its shadow on white lines."""
    for index in (40, 130, 240, 333):
        (one, seen), (other, later) = gate.draw(index), gate.draw(index + 5)
        boxes = [s.box for s in seen + later]
        share, changed = explained(one, other, boxes, 60, 24)
        assert changed > 1500
        assert share > 0.95


def test_the_loop_is_seamless(gate):
    """From the last picture to the first it moves no more than between neighbours."""
    last, first, second = (gate.draw(k)[0] for k in (FRAMES - 1, 0, 1))
    seam = np.abs(grey(last) - grey(first)).mean()
    assert seam < 1.5 * np.abs(grey(first) - grey(second)).mean() + 0.3


def test_two_painters_agree_and_the_strip_survives_coding(gate):
    """Built anew, the scene gives the same bytes, and decoded pictures tell their index."""
    start = 9 * FPS
    packed = paint_part(Gate, start, start + FPS).units
    lumas = decoded(packed)
    assert [read_frame_index(luma) for luma in lumas] == list(range(start, start + FPS))
    here = grey(gate.draw(start)[0])
    assert np.abs(16 + here * 219 / 255 - lumas[0]).mean() < 6
    assert (Gate().draw(33)[0] == gate.draw(33)[0]).all()
