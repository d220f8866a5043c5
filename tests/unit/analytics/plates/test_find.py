# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Plates are found, by our nets' ways of answering and by YOLO's."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from gateway.analytics.plates.evaluate import overlap, picture, samples
from gateway.analytics.plates.find import boxed, find
from gateway.analytics.plates.models import Finder, Form, Models, Net
from tests.footage import need
from tests.unit.analytics.plates.nets import PLATES, tools


def answering(form, output, shape=(1, 3, 0, 0), long_px=64):
    """Return models whose finder gives one answer, and keeps what it was asked."""
    asked = []

    def run(_, inputs):
        asked.append(inputs["x"])
        return [np.asarray(output, np.float32)]

    net = Net(SimpleNamespace(run=run), "x", shape)
    return Models(Finder(net, form, long_px, 0.5), net, None), asked


def test_quads_are_corners_from_the_cells_middle():
    """In pixels of the picture, whatever size the net saw."""
    output = np.zeros((1, 9, 8, 8))
    output[0, 0] = -9
    output[0, :, 3, 4] = [4, -1.5, -0.5, 1.5, -0.25, 1.5, 0.75, -1.5, 0.5]
    models, asked = answering(Form.QUADS, output)
    (one,) = find(models, np.zeros((128, 128, 3), np.uint8))
    middle = np.array([4.5 * 8, 3.5 * 8])
    told = np.array([[-1.5, -0.5], [1.5, -0.25], [1.5, 0.75], [-1.5, 0.5]]) * 8
    assert one.quad == pytest.approx((middle + told) * 2)
    assert one.score == pytest.approx(1 / (1 + np.exp(-4)))
    assert not one.cut
    assert asked[0].shape == (1, 3, 64, 64)


def test_boxes_are_distances_and_neighbours_are_one():
    """Cells of the same plate are gathered, the farther one is another."""
    output = np.zeros((1, 5, 8, 8))
    output[0, 0] = -9
    for row, column in ((2, 2), (2, 3), (6, 5)):
        output[0, :, row, column] = [3, 2, 1, 2, 1]
    output[0, 1, 2, 3], output[0, 3, 2, 3] = 3, 1
    models, _ = answering(Form.BOXES, output)
    found = find(models, np.zeros((64, 64, 3), np.uint8))
    assert len(found) == 2
    assert max(one.box[1] for one in found) > 30


def test_a_yolo_export_is_understood():
    """Centres with scores of classes, overlapping ones as one; and ends without overlaps."""
    rows = np.zeros((1, 5, 4))
    rows[0, :, 0] = [32, 24, 24, 8, 0.9]
    rows[0, :, 1] = [33, 24, 24, 8, 0.8]
    rows[0, :, 2] = [10, 50, 10, 6, 0.4]
    models, asked = answering(Form.CENTRES, rows, shape=(1, 3, 64, 64))
    (one,) = find(models, np.full((32, 64, 3), (255, 0, 0), np.uint8))
    assert one.box == pytest.approx((20.4, 20, 44.4, 28), abs=0.3)
    assert asked[0][0, 2, 5, 5] == 1
    assert asked[0][0, 0, 5, 5] == 0
    ends = np.array([[[20, 20, 44, 28, 0.9, 0], [1, 1, 9, 9, 0.2, 0]]])
    models, _ = answering(Form.CORNERS, ends, shape=(1, 3, 64, 64))
    (one,) = find(models, np.zeros((64, 64, 3), np.uint8))
    assert one.box == pytest.approx((20, 20, 44, 28))


def test_what_the_edge_may_cut_is_marked():
    """A plate that reaches the side of the picture."""
    output = np.zeros((1, 5, 8, 8))
    output[0, 0] = -9
    output[0, :, 3, 1] = [4, 1.5, 0.5, 2, 0.5]
    models, _ = answering(Form.BOXES, output)
    (one,) = find(models, np.zeros((64, 64, 3), np.uint8))
    assert one.cut


def test_a_picture_without_pixels_has_no_plate():
    """Nor one that is gray and tiny; nothing is raised."""
    models, _ = answering(Form.BOXES, np.full((1, 5, 8, 8), -9))
    for shape in ((0, 0, 3), (0, 9), (4, 4), (1, 900, 3)):
        assert find(models, np.zeros(shape, np.uint8)) == ()


def test_plates_of_real_photographs_are_found():
    """Nine in ten of a dozen, and as many in gray."""
    need(PLATES / "eu")
    hits = gray_hits = 0
    chosen = samples(PLATES / "eu")[::5]
    for one in chosen:
        pixels = picture(one.file)
        left, top, wide, high = one.box
        truth = boxed((left, top, left + wide, top + high))
        hits += any(overlap(seen, truth) >= 0.5 for seen in find(tools().models, pixels))
        gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        gray_hits += any(overlap(seen, truth) >= 0.5 for seen in find(tools().models, gray))
    assert min(hits, gray_hits) >= 0.9 * len(chosen) - 1
